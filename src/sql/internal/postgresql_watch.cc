#include "sql/internal/postgresql_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "sql/internal/postgresql_connect.h"
#include "sql/internal/postgresql_error.h"

namespace linkspan::sql {

namespace {

constexpr auto k_limit = std::chrono::seconds(10);

// At least one: the parameters were checked by libpq, which takes 0 for the system's own.
int number_of(const Parameters& parameters, std::string_view keyword, int otherwise) {
  for (const auto& [known, value] : parameters) {
    if (known != keyword) continue;
    const auto number = to_integer(value);
    if (number && *number > 0) return static_cast<int>(std::min<std::int64_t>(*number, 86'400));
  }
  return otherwise;
}

}  // namespace

PgWatch::PgWatch(PGconn* connection, std::int64_t process, std::string name)
    : connection_(connection), name_(std::move(name)), process_(process) {
  const Parameters parameters = parameters_of(connection);
  const bool off =
      std::find(parameters.begin(), parameters.end(), Parameters::value_type("keepalives", "0")) != parameters.end();
  if (off) return;
  idle_ = std::chrono::seconds(number_of(parameters, "keepalives_idle", 30));
  interval_ = std::chrono::seconds(number_of(parameters, "keepalives_interval", 10));
  count_ = number_of(parameters, "keepalives_count", 3);
  socket_ = ::fcntl(PQsocket(connection), F_DUPFD_CLOEXEC, 0);
  if (socket_ < 0) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { look_until_stopped(stop); });
}

PgWatch::~PgWatch() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  if (socket_ >= 0) ::close(socket_);
}

void PgWatch::look_until_stopped(const std::stop_token& stop) {
  std::int64_t seen = 0;
  std::chrono::seconds silent{};
  int doubts = 0;
  const auto is_silent = [&] { return waiting_ > 0 && heard_ == seen; };
  const std::chrono::seconds between = std::min(idle_, interval_);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, between, [] { return false; });
    }
    if (stop.stop_requested()) return;
    if (!is_silent()) {
      seen = heard_;
      silent = {};
      doubts = 0;
      continue;
    }
    silent += between;
    if (silent < idle_) continue;
    doubts = at_work() ? 0 : doubts + 1;
    if (doubts < count_ || !is_silent()) continue;
    cut_ = true;
    ::shutdown(socket_, SHUT_RDWR);
    return;
  }
}

// Waiting for us is no work: then what was sent has been lost, on its way there or back.
bool PgWatch::at_work() const noexcept {
  try {
    const PgConnection beside = connect_beside(connection_, k_limit, name_);
    const PgResult found = ask_within(
        beside.get(),
        fmt::format("SELECT 1 FROM pg_stat_activity WHERE pid = {} AND state = 'active' AND wait_event_type IS "
                    "DISTINCT FROM 'Client'",
                    process_),
        k_limit, name_);
    return PQresultStatus(found.get()) == PGRES_TUPLES_OK && PQntuples(found.get()) == 1;
  } catch (const Error& error) {
    return error.id() == "sql.too_many_connections";  // there, and silent for that reason alone
  } catch (const std::exception&) {
    return true;  // no memory here: nothing was learned about the server
  }
}

}  // namespace linkspan::sql
