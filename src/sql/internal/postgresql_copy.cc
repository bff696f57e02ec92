#include "sql/internal/postgresql_copy.h"

#include <fmt/format.h>

#include <cassert>

#include "base/text.h"

namespace linkspan::sql {

namespace {

constexpr std::size_t k_buffer = std::size_t{256} * 1024;

// Reads what is left of an answer; the first failure in it, or else the last result.
PgResult last_answer(PgSession& session) {
  const PgWatch::Waiting waiting(session.watch());
  PgResult kept;
  while (PGresult* next = PQgetResult(session.get())) {
    PgResult result(next);
    const auto status = PQresultStatus(next);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) {
      // Still copying: only a connection that broke leaves it so.
      if (PQstatus(session.get()) == CONNECTION_BAD) break;
      if (status == PGRES_COPY_IN) PQputCopyEnd(session.get(), "given up");
      continue;
    }
    if (kept == nullptr || PQresultStatus(kept.get()) == PGRES_COMMAND_OK) kept = std::move(result);
  }
  return kept;
}

struct FreeMemory {
  void operator()(char* memory) const { PQfreemem(memory); }
};

// Tells the server to stop sending, and throws away what is on its way.
void cancel_copy_out(PgSession& session) {
  if (PGcancel* cancel = PQgetCancel(session.get())) {
    char why[256];
    PQcancel(cancel, why, sizeof why);
    PQfreeCancel(cancel);
  }
  char* message = nullptr;
  while (PQgetCopyData(session.get(), &message, 0) > 0) PQfreemem(message);
  (void)last_answer(session);
}

}  // namespace

PgCopyIn::PgCopyIn(PgSession& session, std::string_view table, std::string_view columns, std::vector<Oid> types)
    : session_(session), types_(std::move(types)) {
  session_.script(fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", table, columns));
  buffer_.reserve(k_buffer + k_buffer / 8);
  buffer_ = copy_head();
}

void PgCopyIn::write(Rows rows) {
  assert(open_ && rows.columns == types_.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    append_int16(buffer_, static_cast<std::int16_t>(types_.size()));
    const auto row = rows[i];
    for (std::size_t column = 0; column < row.size(); ++column) append_field(buffer_, types_[column], row[column]);
    if (buffer_.size() >= k_buffer) send();
  }
}

std::int64_t PgCopyIn::finish() {
  assert(open_);
  buffer_ += copy_tail();
  send();
  if (PQputCopyEnd(session_.get(), nullptr) != 1) fail_with_answer();
  open_ = false;
  const PgResult answer = last_answer(session_);
  if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK) session_.fail(answer.get());
  return to_integer(PQcmdTuples(answer.get())).value_or(0);
}

void PgCopyIn::abort() noexcept {
  if (!open_) return;
  open_ = false;
  PQputCopyEnd(session_.get(), "given up");
  (void)last_answer(session_);
}

void PgCopyIn::send() {
  const PgWatch::Waiting waiting(session_.watch());
  // The server's refusal of an earlier row ends the copy; libpq then refuses to put more.
  if (PQputCopyData(session_.get(), buffer_.data(), static_cast<int>(buffer_.size())) != 1) fail_with_answer();
  buffer_.clear();
}

void PgCopyIn::fail_with_answer() {
  open_ = false;
  const PgResult answer = last_answer(session_);
  session_.fail(answer.get());
}

void copy_out(PgSession& session, std::string_view select, const std::vector<Oid>& types,
              const std::function<void(const Row&)>& visit) {
  session.script(fmt::format("COPY ({}) TO STDOUT (FORMAT binary)", select));
  CopyReader reader(types);
  while (true) {
    char* raw = nullptr;
    int length = 0;
    {
      const PgWatch::Waiting waiting(session.watch());
      length = PQgetCopyData(session.get(), &raw, 0);
    }
    const std::unique_ptr<char, FreeMemory> owner(raw);
    if (length < 0) break;
    try {
      std::string_view message(raw, static_cast<std::size_t>(length));
      while (reader.next(message)) visit(reader.row());
    } catch (...) {
      cancel_copy_out(session);
      throw;
    }
  }
  const PgResult answer = last_answer(session);
  if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK) session.fail(answer.get());
}

}  // namespace linkspan::sql
