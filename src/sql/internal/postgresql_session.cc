#include "sql/internal/postgresql_session.h"

#include <fmt/format.h>

#include <cassert>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::sql {

namespace {

constexpr std::size_t k_most_statements = 500;

}  // namespace

void PgParameters::set(std::span<const Oid> types, std::span<const ValueView> values) {
  assert(types.size() == values.size());
  types_.assign(types.begin(), types.end());
  bytes_.clear();
  values_.clear();
  lengths_.clear();
  formats_.assign(types.size(), 1);
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    starts.push_back(bytes_.size() + sizeof(std::int32_t));
    append_field(bytes_, types[i], values[i]);
  }
  // Only now do the bytes stay where they are.
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool is_null = values[i].index() == 0;
    const std::size_t end = i + 1 < starts.size() ? starts[i + 1] - sizeof(std::int32_t) : bytes_.size();
    values_.push_back(is_null ? nullptr : bytes_.data() + starts[i]);
    lengths_.push_back(is_null ? 0 : static_cast<int>(end - starts[i]));
  }
}

void PgParameters::set(std::span<const Oid> types, std::span<const std::string> encoded) {
  assert(types.size() == encoded.size());
  types_.assign(types.begin(), types.end());
  values_.clear();
  lengths_.clear();
  formats_.assign(types.size(), 1);
  for (const std::string& one : encoded) {
    values_.push_back(one.data());
    lengths_.push_back(static_cast<int>(one.size()));
  }
}

const PgSession::Prepared& PgSession::prepared(std::string_view text) {
  const auto found = statements_.find(text);
  if (found != statements_.end()) return found->second;
  if (statements_.size() >= k_most_statements) forget();
  Prepared made{fmt::format("s{}", next_name_++), {}, {}};
  const std::string terminated(text);
  const PgWatch::Waiting waiting(watch_);
  try {
    checked(PQprepare(get(), made.name.c_str(), terminated.c_str(), 0, nullptr));
    const PgResult shape = checked(PQdescribePrepared(get(), made.name.c_str()));
    for (int i = 0; i < PQnparams(shape.get()); ++i) made.parameters.push_back(PQparamtype(shape.get(), i));
    for (int i = 0; i < PQnfields(shape.get()); ++i) made.columns.push_back(PQftype(shape.get(), i));
  } catch (Error& error) {
    throw std::move(error).while_doing(fmt::format("preparing '{}'", printable(text, 300)));
  }
  return statements_.emplace(terminated, std::move(made)).first->second;
}

void PgSession::forget() {
  if (statements_.empty()) return;
  statements_.clear();
  script("DEALLOCATE ALL");
}

PgResult PgSession::run(const Prepared& statement, std::span<const ValueView> values) {
  parameters_.set(statement.parameters, values);
  return run(statement, parameters_);
}

PgResult PgSession::run(const Prepared& statement, const PgParameters& parameters) {
  const PgWatch::Waiting waiting(watch_);
  return checked(PQexecPrepared(get(), statement.name.c_str(), parameters.count(), parameters.values(),
                                parameters.lengths(), parameters.formats(), 1));
}

PgResult PgSession::run_once(std::string_view text, const PgParameters& parameters) {
  const PgWatch::Waiting waiting(watch_);
  return checked(PQexecParams(get(), std::string(text).c_str(), parameters.count(), parameters.types(),
                              parameters.values(), parameters.lengths(), parameters.formats(), 1));
}

PgResult PgSession::script(std::string_view text) {
  const PgWatch::Waiting waiting(watch_);
  return checked(PQexec(get(), std::string(text).c_str()));
}

void PgSession::fail(const PGresult* result) const {
  if (!watch_.has_cut()) throw postgresql_error(result, get(), name_);
  throw Error(Fault::unavailable, "sql.connection_lost",
              fmt::format("{}: the connection stands, but what is sent over it does not arrive", name_),
              "Look for a proxy or a firewall in between that drops what it should pass on.");
}

PgResult PgSession::checked(PGresult* raw) {
  PgResult result(raw);
  switch (PQresultStatus(raw)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
      return result;
    default:
      fail(raw);
  }
}

void read_row(const PGresult* result, int row, std::vector<ValueView>& cells) {
  cells.clear();
  const int columns = PQnfields(result);
  for (int i = 0; i < columns; ++i) {
    if (PQgetisnull(result, row, i) != 0) {
      cells.emplace_back();
    } else {
      cells.push_back(field_value(PQftype(result, i),
                                  {PQgetvalue(result, row, i), static_cast<std::size_t>(PQgetlength(result, row, i))}));
    }
  }
}

std::int64_t rows_changed(PGresult* result) {
  if (std::string_view(PQcmdStatus(result)).starts_with("SELECT")) return 0;
  return to_integer(PQcmdTuples(result)).value_or(0);
}

}  // namespace linkspan::sql
