#include "sql/internal/sqlserver_profiles.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::sql {

namespace {

constexpr std::string_view k_application = "Linkspan";

[[noreturn]] void refuse(std::string_view name, std::string_view what, std::string hint) {
  throw Error(Fault::invalid, "sql.driver_unable", fmt::format("{}: {}", name, what), std::move(hint));
}

void check_plain(std::string_view value, std::string_view what, std::string_view name) {
  const bool control = std::any_of(value.begin(), value.end(), [](char c) { return c >= '\0' && c < ' '; });
  if (control) refuse(name, fmt::format("{} holds a control character", what), "No ODBC driver takes one.");
}

void check_values(const SqlServerTarget& target, std::string_view name) {
  check_plain(target.database, "the database's name", name);
  check_plain(target.user, "the user's name", name);
  check_plain(target.password, "the password", name);
  check_plain(target.server_spn, "server_spn", name);
  check_plain(target.host_name, "host_name", name);
  check_plain(target.driver, "the driver's name", name);
}

// [MS-ODBCSTR] 2.1: in braces everything counts but a closing brace, which is doubled.
std::string doubled(std::string_view value) {
  std::string out = "{";
  for (const char c : value) out += c == '}' ? std::string("}}") : std::string(1, c);
  return out + "}";
}

// FreeTDS reads on to the first "};".
std::string braced(std::string_view value) { return fmt::format("{{{}}}", value); }

template <class Quote>
std::string sign_in(const SqlServerTarget& target, const Quote& quote) {
  if (!target.kerberos) return fmt::format("UID={};PWD={};", quote(target.user), quote(target.password));
  std::string out = "Trusted_Connection=yes;";
  if (!target.server_spn.empty()) out += fmt::format("ServerSPN={};", quote(target.server_spn));
  return out;
}

}  // namespace

SqlServerTarget sqlserver_target(const DatabaseUrl& url, std::string_view password) {
  SqlServerTarget target;
  target.host = url.parameter("host");
  target.database = url.parameter("dbname");
  target.user = url.parameter("user");
  target.password = password.empty() ? url.parameter("password") : password;
  target.kerberos = url.parameter("authentication") == "kerberos";
  target.server_spn = url.parameter("server_spn");
  if (url.parameter("encrypt") == "strict") target.encrypt = SqlServerTarget::Encrypt::strict;
  if (url.parameter("encrypt") == "no") target.encrypt = SqlServerTarget::Encrypt::no;
  target.trust = url.parameter("trust") == "yes";
  target.ca_file = url.parameter("ca_file");
  target.host_name = url.parameter("host_name");
  return target;
}

namespace freetds {

void check(const SqlServerTarget& target, std::string_view name) {
  constexpr std::string_view k_other = "Install Microsoft's ODBC Driver 18 for SQL Server (package msodbcsql18).";
  check_values(target, name);
  if (target.encrypt == SqlServerTarget::Encrypt::strict)
    refuse(name, "FreeTDS knows no encrypt=strict", std::string(k_other) + " Or write encrypt=yes.");
  if (!target.host_name.empty()) {
    refuse(name, "FreeTDS compares the certificate with the host of the URL only",
           "Write the certificate's name as the host, and leave host_name out. Or: " + std::string(k_other));
  }
  for (const std::string* value :
       {&target.driver, &target.database, &target.user, &target.password, &target.server_spn}) {
    // Here FreeTDS, or the driver manager before it, would take what follows for another keyword.
    const std::size_t brace = value->find('}');
    if (brace == std::string::npos || value->find_first_of(";=", brace) == std::string::npos) continue;
    refuse(name, "FreeTDS takes no name and no password in which ; or = follows a }",
           "Choose another password. Or: " + std::string(k_other));
  }
}

std::string configuration(const SqlServerTarget& target, std::string_view ca_file) {
  std::string out = fmt::format("[{}]\nhost = {}\nport = {}\ntds version = 7.4\nclient charset = UTF-8\n", k_section,
                                target.host, target.port);
  if (target.encrypt == SqlServerTarget::Encrypt::no) return out + "encryption = request\n";
  out += "encryption = require\n";
  if (target.trust) return out + "check certificate hostname = no\n";
  return out + fmt::format("ca file = {}\ncheck certificate hostname = yes\n", ca_file);
}

std::string connection_string(const SqlServerTarget& target) {
  return fmt::format("Driver={};Servername={};Database={};{}APP={};ClientCharset=UTF-8;", braced(target.driver),
                     k_section, braced(target.database), sign_in(target, braced), k_application);
}

}  // namespace freetds

namespace microsoft {

void check(const SqlServerTarget& target, std::string_view name) {
  check_values(target, name);
  if (target.ca_file.empty()) return;
  refuse(name, "Microsoft's driver takes no ca_file: it trusts the authorities of the system",
         "Copy the certificate to /usr/local/share/ca-certificates/NAME.crt, run update-ca-certificates, and leave "
         "ca_file out. Or write driver=freetds.");
}

std::string connection_string(const SqlServerTarget& target) {
  const std::string_view encrypt = target.encrypt == SqlServerTarget::Encrypt::strict ? "strict"
                                   : target.encrypt == SqlServerTarget::Encrypt::yes  ? "yes"
                                                                                      : "no";
  std::string out =
      fmt::format("Driver={};Server={};Database={};{}Encrypt={};TrustServerCertificate={};", doubled(target.driver),
                  doubled(fmt::format("tcp:{},{}", target.host, target.port)), doubled(target.database),
                  sign_in(target, doubled), encrypt, target.trust ? "yes" : "no");
  if (!target.host_name.empty()) out += fmt::format("HostNameInCertificate={};", doubled(target.host_name));
  return out + fmt::format("APP={};", k_application);
}

}  // namespace microsoft

}  // namespace linkspan::sql
