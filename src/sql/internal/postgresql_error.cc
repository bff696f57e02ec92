#include "sql/internal/postgresql_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace linkspan::sql {

namespace {

struct Meaning {
  std::string_view state;  ///< SQLSTATE, or its first two letters: a class
  Fault fault;
  std::string_view id;
  std::string_view hint;
};

// The first that fits counts: single states before their class.
constexpr std::array k_meanings{
    Meaning{"28", Fault::denied, "sql.denied", "Check the user name and the password, and the server's pg_hba.conf."},
    Meaning{"3D000", Fault::not_found, "sql.no_database", "Create the database, or correct its name in the URL."},
    Meaning{"53100", Fault::unavailable, "sql.disk_full", "Make room on the database server."},
    Meaning{"53300", Fault::unavailable, "sql.too_many_connections", "Raise the server's max_connections, or wait."},
    Meaning{"53", Fault::unavailable, "sql.exhausted", "The database server lacks memory or another resource."},
    Meaning{"40001", Fault::conflict, "sql.retry", "Something else changed the same rows: do it again."},
    Meaning{"40P01", Fault::conflict, "sql.retry", "Something else changed the same rows: do it again."},
    Meaning{"55P03", Fault::conflict, "sql.locked", "Another program holds a lock on it; try again later."},
    Meaning{"55006", Fault::conflict, "sql.locked", "Another program uses it; try again later."},
    Meaning{"57014", Fault::unavailable, "sql.timeout",
            "The server's statement_timeout ran out, or an administrator cancelled it."},
    Meaning{"57P03", Fault::unavailable, "sql.unreachable", "The server is starting or stopping; try again."},
    Meaning{"57P", Fault::unavailable, "sql.connection_lost", "The server was stopped, or ended the session."},
    Meaning{"08", Fault::unavailable, "sql.connection_lost", "The connection to the server broke."},
    // Not for good: a standby is made primary, and a list of hosts leads to the other one.
    Meaning{"25006", Fault::unavailable, "sql.read_only",
            "Name the primary server in the URL, or all servers with commas."},
    Meaning{"25P02", Fault::conflict, "sql.transaction_failed", ""},
    Meaning{"25P03", Fault::unavailable, "sql.connection_lost", "The session waited too long inside a transaction."},
    Meaning{"42501", Fault::denied, "sql.permission",
            "Grant the role its rights; `linkspan database schema` prints the SQL for it."},
    Meaning{"42P01", Fault::corrupt, "sql.no_table",
            "Somebody renamed or dropped it: put it back, or restore a backup. `linkspan database info` shows what is "
            "there."},
    Meaning{"42703", Fault::corrupt, "sql.no_table",
            "Somebody changed the table: put it back as it was, or restore a backup."},
    Meaning{"22021", Fault::invalid, "sql.bad_text", ""},
    Meaning{"22003", Fault::invalid, "sql.type_mismatch", ""},
    Meaning{"22P02", Fault::invalid, "sql.type_mismatch", ""},
    Meaning{"22P03", Fault::invalid, "sql.type_mismatch", ""},
    Meaning{"42804", Fault::invalid, "sql.type_mismatch", ""},
    Meaning{"23", Fault::conflict, "sql.constraint", ""},
    Meaning{"54", Fault::invalid, "sql.too_large", ""},
    Meaning{"58", Fault::unavailable, "sql.io", "The server's disk reported an error; look at its log."},
    Meaning{"XX", Fault::corrupt, "sql.corrupt", "Look at the server's log; restore a backup if its data is damaged."},
};

bool is_state(std::string_view text) {
  return text.size() == 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

bool says(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

// libpq has no codes for these; its words are in English unless the program sets a locale, which this one does not.
Error tls_error(std::string_view text, const std::string& message) {
  if (says(text, "server does not support SSL")) {
    return {Fault::denied, "sql.no_tls", message,
            "Switch TLS on at the server (ssl = on), or write sslmode=disable in the URL if the way there is safe."};
  }
  if (says(text, "root certificate file")) {
    return {Fault::denied, "sql.ca_file", message,
            "Name the file with the certificate of the server's authority: ?sslrootcert=/path/ca.pem"};
  }
  if (says(text, "does not match host name")) {
    return {Fault::denied, "sql.certificate_name", message,
            "Write the host as the server's certificate names it, or give the server a certificate for this name."};
  }
  if (says(text, "certificate verify failed")) {
    return {Fault::denied, "sql.certificate_untrusted", message,
            "Name the certificate of the authority that made the server's: ?sslrootcert=/path/ca.pem"};
  }
  return {Fault::denied, "sql.tls", message,
          "Check sslmode and the sslXXX parameters in the URL, and the server's log."};
}

}  // namespace

Error postgresql_error(std::string_view state, const std::string& message) {
  for (const Meaning& meaning : k_meanings) {
    if (state.starts_with(meaning.state)) return {meaning.fault, meaning.id, message, std::string(meaning.hint)};
  }
  return {Fault::invalid, "sql.failed", fmt::format("{} ({})", message, state)};
}

Error postgresql_error(const PGresult* result, const PGconn* connection, std::string_view name) {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state == nullptr) {
    const std::string_view why = trim(PQerrorMessage(connection));
    if (PQstatus(connection) == CONNECTION_BAD) {
      return {Fault::unavailable, "sql.connection_lost", fmt::format("{}: {}", name, printable(why, 500)),
              "The server was stopped, or the network between broke."};
    }
    return {Fault::invalid, "sql.failed", fmt::format("{}: {}", name, printable(why, 500))};
  }
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return postgresql_error(state, fmt::format("{}: {}", name, printable(primary == nullptr ? "" : primary, 500)));
}

Error postgresql_connect_error(std::string_view text, std::string_view name) {
  text = trim(text);
  // "connection to server at ... failed: FATAL:  28P01: password authentication failed": the word FATAL is translated
  // by the server, the state is not.
  for (std::size_t at = text.find(":  "); at != std::string_view::npos; at = text.find(":  ", at + 1)) {
    const std::string_view state = text.substr(at + 3, 5);
    if (!is_state(state) || !text.substr(at + 8).starts_with(": ")) continue;
    const std::string_view rest = text.substr(at + 10);
    Error error = postgresql_error(state, fmt::format("{}: {}", name, printable(rest.substr(0, rest.find('\n')), 500)));
    // A server that is there but ends the session at once is, to the caller, one that cannot be reached.
    if (error.id() != "sql.connection_lost" && error.id() != "sql.failed") return error;
    return {Fault::unavailable, "sql.unreachable", error.message(), "Look at the server's log."};
  }
  const std::string message = fmt::format("{}: {}", name, printable(text.substr(0, text.find('\n')), 500));
  if (says(text, "no password supplied") || says(text, "authentication")) {
    return {Fault::denied, "sql.denied", message, "Give the password, or put it into the file PGPASSFILE names."};
  }
  if (says(text, "could not translate host name")) {
    return {Fault::unavailable, "sql.unknown_host", message,
            "Check the host's name in the URL (`getent hosts NAME`), and this machine's name service."};
  }
  // A server that is killed or restarted ends the session within the handshake as well as anywhere else.
  const bool broke = says(text, "server closed the connection") || says(text, "SSL SYSCALL error");
  if (!broke && (says(text, "certificate") || says(text, "SSL"))) return tls_error(text, message);
  if (says(text, "session is read-only")) {
    return {Fault::unavailable, "sql.read_only", message,
            "Name the primary server in the URL, or all servers with commas."};
  }
  return {Fault::unavailable, "sql.unreachable", message,
          "Check host and port in the URL, that the server runs, and that no firewall is between."};
}

}  // namespace linkspan::sql
