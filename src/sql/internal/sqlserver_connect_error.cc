#include "sql/internal/sqlserver_connect_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sql/internal/sqlserver_probe.h"

namespace linkspan::sql {

namespace {

struct Refusal {
  std::int64_t native;
  Fault fault;
  std::string_view id;
  std::string_view hint;
};

constexpr std::string_view k_account =
    "Check the user and the password, and that the server allows SQL Server sign-in (mixed mode).";
constexpr std::string_view k_stranger =
    "The ticket is good, but there is no login for its account: CREATE LOGIN [DOMAIN\\account] FROM WINDOWS.";
constexpr std::string_view k_ticket =
    "Get a ticket: kinit, or a keytab that KRB5_CLIENT_KTNAME names. The server needs its name MSSQLSvc/host:port in "
    "the directory; server_spn names another.";
constexpr std::string_view k_reach =
    "Check host and port, that TCP/IP is enabled for the instance, and that no firewall is between.";

// SQL Server's own numbers at sign-in, then FreeTDS' (20...).
constexpr std::array k_refusals{
    Refusal{18456, Fault::denied, "sql.denied", k_account},
    Refusal{18452, Fault::denied, "sql.denied", k_account},
    Refusal{18470, Fault::denied, "sql.denied", "The login is disabled: ALTER LOGIN ... ENABLE."},
    Refusal{18486, Fault::denied, "sql.denied", "The login is locked out: ALTER LOGIN ... WITH PASSWORD = ... UNLOCK."},
    Refusal{18487, Fault::denied, "sql.denied", "The password has expired: give the login a new one."},
    Refusal{18488, Fault::denied, "sql.denied", "The password must be changed first: sign in once with sqlcmd."},
    Refusal{40615, Fault::denied, "sql.denied", "The server's firewall does not know this host: add its address."},
    Refusal{17806, Fault::denied, "sql.kerberos", k_ticket},
    Refusal{17807, Fault::denied, "sql.kerberos", k_ticket},
    Refusal{17809, Fault::unavailable, "sql.too_many_connections", "Raise the server's 'user connections', or wait."},
    Refusal{4060, Fault::not_found, "sql.no_database",
            "Create the database, or give the login a user in it; `linkspan database schema --dialect sqlserver` "
            "prints the SQL."},
    Refusal{4063, Fault::not_found, "sql.no_database", "Create the database, or correct its name in the URL."},
    Refusal{4064, Fault::not_found, "sql.no_database", "Create the database, or correct its name in the URL."},
    Refusal{911, Fault::not_found, "sql.no_database", "Create the database, or correct its name in the URL."},
    Refusal{916, Fault::denied, "sql.permission",
            "Make a user for the login in that database; `linkspan database schema --dialect sqlserver` prints the "
            "SQL."},
    Refusal{40613, Fault::unavailable, "sql.unreachable", "The database is not available just now; try again."},
    Refusal{17830, Fault::unavailable, "sql.unreachable", "Look at the server's log."},
    Refusal{20009, Fault::unavailable, "sql.unreachable", k_reach},
    Refusal{20012, Fault::unavailable, "sql.unreachable", k_reach},
    Refusal{20013, Fault::unavailable, "sql.unreachable", "Check the host's name in the URL, and the name server."},
    Refusal{20003, Fault::unavailable, "sql.unreachable", k_reach},
};

// What only words tell: the driver manager's failures, and those of Microsoft's driver before the server is asked.
struct Words {
  std::string_view words;  ///< lower case
  Fault fault;
  std::string_view id;
  std::string_view hint;
};
constexpr std::string_view k_certificate =
    "Name its authority with ca_file (FreeTDS) or install it with update-ca-certificates (Microsoft's driver); check "
    "the host in the URL against the certificate. trust=yes accepts any certificate: then anybody may pose as the "
    "server.";
constexpr std::array k_words{
    Words{"can't open lib", Fault::invalid, "sql.driver_missing",
          "The driver's file is not there: install its package."},
    Words{"certificate", Fault::denied, "sql.certificate", k_certificate},
    Words{"kerberos", Fault::denied, "sql.kerberos", k_ticket},
    Words{"sspi", Fault::denied, "sql.kerberos", k_ticket},
    Words{"does not support encryption", Fault::denied, "sql.tls", "Give the server a certificate."},
    Words{"ssl provider", Fault::denied, "sql.tls", "Look at the versions of TLS that the server allows."},
    Words{"tcp provider", Fault::unavailable, "sql.unreachable", k_reach},
    Words{"login timeout", Fault::unavailable, "sql.unreachable", k_reach},
};

Error as_error(const OdbcDiagnostic& one, Fault fault, std::string_view id, std::string_view hint,
               std::string_view name) {
  return {fault, id, fmt::format("{}: {}", name, one.message), std::string(hint)};
}

}  // namespace

std::optional<Error> sqlserver_connect_error(const OdbcDiagnostics& said, const SqlServerTarget& target,
                                             std::string_view name) {
  // 4060 comes with 18456 ("login failed"), of which it is the reason: the table's order does not decide, so look for
  // the more telling one first.
  for (const bool telling : {true, false}) {
    for (const OdbcDiagnostic& one : said) {
      if (telling == (one.native == 18456)) continue;
      for (const Refusal& known : k_refusals) {
        if (known.native != one.native) continue;
        if (target.kerberos && one.native == 18452) return as_error(one, Fault::denied, "sql.kerberos", k_ticket, name);
        const bool stranger = target.kerberos && one.native == 18456;
        return as_error(one, known.fault, known.id, stranger ? k_stranger : known.hint, name);
      }
    }
  }
  for (const OdbcDiagnostic& one : said) {
    const std::string text = to_lower(one.message);
    for (const Words& known : k_words) {
      if (text.find(known.words) != std::string::npos) return as_error(one, known.fault, known.id, known.hint, name);
    }
    if (one.state == "IM002" || one.state == "IM003" || one.state == "IM004")
      return as_error(one, Fault::invalid, "sql.driver_missing", "Check driver in the URL, and odbcinst.ini.", name);
    if (one.state == "HYT00" || one.state == "HYT01")
      return as_error(one, Fault::unavailable, "sql.unreachable", k_reach, name);
  }
  return std::nullopt;
}

Error explain_sqlserver_refusal(const OdbcDiagnostics& said, const SqlServerTarget& target,
                                std::chrono::milliseconds wait, std::string_view name) {
  if (auto error = sqlserver_connect_error(said, target, name)) return *std::move(error);
  const std::string& certificate_name = target.host_name.empty() ? target.host : target.host_name;
  const SqlServerProbe probe =
      probe_sqlserver(target.host, target.port,
                      {.ca_file = target.ca_file, .host_name = certificate_name, .trust = target.trust, .wait = wait});
  const bool encrypted = target.encrypt != SqlServerTarget::Encrypt::no;
  switch (probe.found) {
    case SqlServerProbe::Found::unreachable:
      return {Fault::unavailable, "sql.unreachable", fmt::format("{}: {}", name, probe.why), std::string(k_reach)};
    case SqlServerProbe::Found::no_encryption:
      if (!encrypted) break;
      return {Fault::denied, "sql.tls", fmt::format("{}: the server offers no encryption", name),
              "Give the server a certificate. Only where nobody can listen on the way: encrypt=no."};
    case SqlServerProbe::Found::bad_certificate:
      if (!encrypted) break;
      return {Fault::denied, "sql.certificate", fmt::format("{}: the server's certificate: {}", name, probe.why),
              std::string(k_certificate)};
    case SqlServerProbe::Found::no_tls:
      return {Fault::denied, "sql.tls", fmt::format("{}: no TLS session with the server: {}", name, probe.why),
              "Look at the versions of TLS that the server allows, and at the server's log."};
    case SqlServerProbe::Found::fine:
      break;
  }
  if (target.kerberos) {
    return {Fault::denied, "sql.kerberos", fmt::format("{}: no sign-in with Kerberos", name), std::string(k_ticket)};
  }
  const std::string why = said.empty() ? "the driver says nothing" : said.front().message;
  return {Fault::unavailable, "sql.unreachable",
          fmt::format("{}: the server answers, but ends the sign-in: {}", name, why), "Look at the server's log."};
}

}  // namespace linkspan::sql
