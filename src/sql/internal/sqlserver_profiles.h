#pragma once
// What each of the two ODBC drivers for SQL Server wants to be told, as text. Pure: nothing is opened or looked up.

#include <string>
#include <string_view>

#include "sql/url.h"

namespace linkspan::sql {

/// Where to, as whom, and how safely: a URL whose instance has become a port.
struct SqlServerTarget {
  enum class Encrypt : unsigned char { no, yes, strict };

  std::string driver;  ///< As the driver manager knows it: a name of odbcinst.ini, or an absolute path.
  std::string host;
  int port = 1433;
  std::string database;
  std::string user;
  std::string password;
  bool kerberos = false;
  std::string server_spn;  ///< Kerberos: empty for MSSQLSvc/host:port.
  Encrypt encrypt = Encrypt::yes;
  bool trust = false;     ///< Any certificate will do.
  std::string ca_file;    ///< Empty for the system's authorities.
  std::string host_name;  ///< What the certificate says, where that is not `host`.
};

/// `password`, where it is not empty, goes before the URL's. Port and driver are the caller's to set.
[[nodiscard]] SqlServerTarget sqlserver_target(const DatabaseUrl& url, std::string_view password);

/// FreeTDS (libtdsodbc). It takes certificate checks from a section of freetds.conf only, and passes over words of
/// connection strings that it does not know, so that "Encrypt=yes" would mean nothing.
namespace freetds {

/// Throws "sql.driver_unable" for what this driver cannot do: encrypt=strict, host_name, a password with "};" in it.
void check(const SqlServerTarget& target, std::string_view name);
/// The section `k_section` of a freetds.conf. `ca_file` is the path to write, of at most 200 bytes without blanks.
[[nodiscard]] std::string configuration(const SqlServerTarget& target, std::string_view ca_file);
/// Holds the password.
[[nodiscard]] std::string connection_string(const SqlServerTarget& target);

inline constexpr std::string_view k_section = "linkspan";

}  // namespace freetds

/// Microsoft's msodbcsql18.
namespace microsoft {

/// Throws "sql.driver_unable" for what this driver cannot do: ca_file.
void check(const SqlServerTarget& target, std::string_view name);
/// Holds the password.
[[nodiscard]] std::string connection_string(const SqlServerTarget& target);

}  // namespace microsoft

}  // namespace linkspan::sql
