#include "sql/internal/postgresql_connect.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::sql {

namespace {

using Deadline = std::chrono::steady_clock::time_point;

constexpr int k_oldest_server = 120000;

std::string* find(Parameters& parameters, std::string_view keyword) {
  for (auto& [known, value] : parameters) {
    if (known == keyword) return &value;
  }
  return nullptr;
}

void set_default(Parameters& parameters, std::string keyword, std::string value) {
  if (find(parameters, keyword) == nullptr) parameters.emplace_back(std::move(keyword), std::move(value));
}

void set(Parameters& parameters, std::string keyword, std::string value) {
  if (std::string* held = find(parameters, keyword)) {
    *held = std::move(value);
  } else {
    parameters.emplace_back(std::move(keyword), std::move(value));
  }
}

void check_keywords(const Parameters& parameters) {
  PQconninfoOption* known = PQconndefaults();
  std::vector<std::string> words;
  for (const PQconninfoOption* option = known; option != nullptr && option->keyword != nullptr; ++option) {
    words.emplace_back(option->keyword);
  }
  PQconninfoFree(known);
  for (const auto& [keyword, value] : parameters) {
    if (std::find(words.begin(), words.end(), keyword) != words.end()) continue;
    const auto meant = nearest(keyword, words);
    throw Error(Fault::invalid, "sql.url_parameter",
                fmt::format("not a database URL: unknown parameter '{}'", printable(keyword, 60)),
                meant ? fmt::format("Did you mean {}?", *meant) : "libpq's manual lists the parameters.");
  }
}

Parameters with_defaults(const DatabaseUrl& url, const OpenOptions& options) {
  Parameters parameters = url.parameters;
  check_keywords(parameters);
  set(parameters, "client_encoding", "UTF8");
  set_default(parameters, "application_name", "linkspan");
  set_default(parameters, "target_session_attrs", options.read_only ? "any" : "read-write");
  // A server that vanished is noticed within a minute, not after the kernel's two hours.
  set_default(parameters, "keepalives_idle", "30");
  set_default(parameters, "keepalives_interval", "10");
  set_default(parameters, "keepalives_count", "3");
  set_default(parameters, "tcp_user_timeout", "60000");
  return parameters;
}

// libpq's lists of hosts, one set of parameters each: our own loop below has no way to tell libpq "try the next".
std::vector<Parameters> each_host(const Parameters& all) {
  Parameters copy = all;
  std::size_t count = 1;
  for (const std::string_view keyword : {"host", "hostaddr"}) {
    if (const std::string* list = find(copy, keyword)) count = std::max(count, split(*list, ',').size());
  }
  if (count == 1) return {all};
  std::vector<Parameters> each(count, all);
  for (const std::string_view keyword : {"host", "hostaddr", "port"}) {
    const std::string* list = find(copy, keyword);
    if (list == nullptr) continue;
    const auto parts = split(*list, ',');
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view part = parts.size() == 1  ? parts.front()
                                    : i < parts.size() ? parts[i]
                                                       : std::string_view();
      *find(each[i], keyword) = part;
    }
  }
  return each;
}

// Waits until the socket is ready for what libpq wants; false when time ran out.
bool wait_for(PGconn* connection, PostgresPollingStatusType wanted, std::optional<Deadline> deadline) {
  pollfd descriptor{PQsocket(connection), static_cast<short>(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
  while (true) {
    int wait = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      wait = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    }
    const int ready = ::poll(&descriptor, 1, wait);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // what is wrong with the socket libpq will say
  }
}

std::optional<Deadline> deadline_after(std::chrono::seconds limit) {
  if (limit.count() == 0) return std::nullopt;
  return std::chrono::steady_clock::now() + limit;
}

Error no_answer(std::chrono::seconds limit, const std::string& name) {
  return {Fault::unavailable, "sql.no_answer", fmt::format("{}: no answer within {} s", name, limit.count()),
          "Check host and port in the URL, and that no firewall is between."};
}

PgConnection start(const Parameters& parameters, const WipedText& password) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  if (!password.empty()) {  // of a keyword that is given twice libpq takes the last; it wipes its own copy
    keywords.push_back("password");
    values.push_back(password.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PgConnection connection(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (connection == nullptr) throw std::bad_alloc();
  return connection;
}

PostgresPollingStatusType first_step(PGconn* connection) {
  return PQstatus(connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
}

// Neither libpq nor the handshake says why a certificate was refused. So the server is asked for it once more, without
// trust, and left before it has been told who asks.
bool certificate_is_out_of_term(Parameters parameters, std::chrono::seconds limit) {
  std::erase_if(parameters, [](const auto& one) { return one.first == "password" || one.first == "passfile"; });
  set(parameters, "sslmode", "require");
  set(parameters, "sslrootcert", "/dev/null/none");  // one that is there would be held against the certificate
  set(parameters, "gssencmode", "disable");
  const Deadline deadline = std::chrono::steady_clock::now() + std::max(limit, std::chrono::seconds(1));
  const PgConnection connection = start(parameters, {});
  PostgresPollingStatusType wanted = first_step(connection.get());
  const auto session_of = [&] { return static_cast<const SSL*>(PQsslStruct(connection.get(), "OpenSSL")); };
  const auto shakes_hands = [&] { return session_of() == nullptr || SSL_is_init_finished(session_of()) == 0; };
  while ((wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) && shakes_hands()) {
    if (!wait_for(connection.get(), wanted, deadline)) return false;
    wanted = PQconnectPoll(connection.get());
  }
  const SSL* session = session_of();
  if (session == nullptr) return false;
  const X509* certificate = SSL_get0_peer_certificate(session);
  if (certificate == nullptr) return false;
  return X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 ||
         X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0;
}

Error refusal(const PGconn* connection, const Parameters& parameters, std::chrono::seconds limit,
              const std::string& name) {
  Error error = postgresql_connect_error(PQerrorMessage(connection), name);
  if (error.id() != "sql.certificate_untrusted" || !certificate_is_out_of_term(parameters, limit)) return error;
  return {Fault::denied, "sql.certificate_expired",
          fmt::format("{}: the server's certificate has expired, or is not valid yet", name),
          "Renew the server's certificate, or set the clock of this machine."};
}

PgConnection connect_one(const Parameters& parameters, const WipedText& password, std::chrono::seconds limit,
                         const std::string& name) {
  const auto deadline = deadline_after(limit);
  PgConnection connection = start(parameters, password);
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);  // so that a refusal carries its SQLSTATE
  PQsetNoticeReceiver(connection.get(), [](void*, const PGresult*) {}, nullptr);
  PostgresPollingStatusType wanted = first_step(connection.get());
  while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING) {
    if (!wait_for(connection.get(), wanted, deadline)) throw no_answer(limit, name);
    wanted = PQconnectPoll(connection.get());
  }
  if (wanted != PGRES_POLLING_OK) throw refusal(connection.get(), parameters, limit, name);
  PQsetErrorVerbosity(connection.get(), PQERRORS_DEFAULT);
  return connection;
}

std::chrono::seconds connect_limit(const DatabaseUrl& url, const OpenOptions& options) {
  const std::string_view given = url.parameter("connect_timeout");
  if (given.empty()) return options.connect_wait;
  const auto seconds = to_integer(given);
  if (!seconds || *seconds > 86'400) {
    throw Error(Fault::invalid, "sql.url_parameter", "not a database URL: connect_timeout is no number of seconds",
                "Write connect_timeout=10, or leave it out.");
  }
  return std::chrono::seconds(*seconds);
}

PgConnection connect_any(const DatabaseUrl& url, const OpenOptions& options) {
  const auto hosts = each_host(with_defaults(url, options));
  const std::string name = url.redacted();
  for (std::size_t i = 0;; ++i) {
    try {
      return connect_one(hosts[i], options.password, connect_limit(url, options), name);
    } catch (const Error& error) {
      // As libpq does: a host that is away or a standby is passed over, a refusal by the server counts.
      if (error.fault() != Fault::unavailable || i + 1 == hosts.size()) throw;
    }
  }
}

// Answers the number of the server's process.
std::int64_t configure(PGconn* connection, const DatabaseUrl& url, const OpenOptions& options) {
  // synchronous_commit=off would lose what was reported as committed. The page cost is that of a disk without arms: the
  // server's default makes it read whole tables where a batch of keys is looked up. For the same reason no hash or
  // merge joins: what is joined is a batch of keys with an index, and of a table that was just filled the planner knows
  // so little that it would read the whole of it for each batch. Whoever sets `options` in the URL keeps their
  // timeouts.
  std::string script =
      "SET client_min_messages = error; SET standard_conforming_strings = on; SET random_page_cost = 1.1; "
      "SET enable_hashjoin = off; SET enable_mergejoin = off; "
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
  if (url.parameter("options").empty()) {
    script += fmt::format(
        "; SET statement_timeout = '10min'; SET idle_in_transaction_session_timeout = '30min'; SET lock_timeout = "
        "'{}ms'",
        options.lock_wait.count());
  }
  if (options.read_only) script += "; SET default_transaction_read_only = on";
  script += "; SELECT pg_backend_pid()";
  const PgResult result = ask_within(connection, script, connect_limit(url, options), url.redacted());
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
    throw postgresql_error(result.get(), connection, url.redacted());
  }
  return to_integer(PQgetvalue(result.get(), 0, 0)).value_or(0);
}

}  // namespace

Parameters parameters_of(PGconn* connection) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> all(PQconninfo(connection), PQconninfoFree);
  Parameters parameters;
  for (const PQconninfoOption* one = all.get(); one != nullptr && one->keyword != nullptr; ++one) {
    if (one->val != nullptr) parameters.emplace_back(one->keyword, one->val);
  }
  return parameters;
}

PgConnection connect_beside(PGconn* connection, std::chrono::seconds limit, const std::string& name) {
  return connect_one(parameters_of(connection), {}, limit, name);
}

PgResult ask_within(PGconn* connection, const std::string& script, std::chrono::seconds limit,
                    const std::string& name) {
  const auto deadline = deadline_after(limit);
  if (PQsendQuery(connection, script.c_str()) != 1) throw postgresql_error(nullptr, connection, name);
  PgResult last;
  while (true) {
    while (PQisBusy(connection) != 0) {
      if (!wait_for(connection, PGRES_POLLING_READING, deadline)) throw no_answer(limit, name);
      if (PQconsumeInput(connection) != 1) throw postgresql_error(nullptr, connection, name);
    }
    PgResult next(PQgetResult(connection));
    if (next == nullptr) return last;
    last = std::move(next);
  }
}

SignedIn connect_postgresql(const DatabaseUrl& url, const OpenOptions& options) {
  PgConnection connection = connect_any(url, options);
  if (PQserverVersion(connection.get()) < k_oldest_server) {
    throw Error(
        Fault::invalid, "sql.old_server",
        fmt::format("{}: the server is PostgreSQL {}", url.redacted(), PQserverVersion(connection.get()) / 10000),
        "PostgreSQL 12 or later is needed.");
  }
  const char* encoding = PQparameterStatus(connection.get(), "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
    throw Error(Fault::invalid, "sql.encoding",
                fmt::format("{}: the database is encoded in {}", url.redacted(), encoding == nullptr ? "?" : encoding),
                "Create it with ENCODING 'UTF8' TEMPLATE template0.");
  }
  const std::int64_t process = configure(connection.get(), url, options);
  return {std::move(connection), process};
}

}  // namespace linkspan::sql
