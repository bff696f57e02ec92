#include "sql/internal/sqlite_statement.h"

#include <fmt/format.h>

#include <cassert>
#include <limits>

#include "base/text.h"
#include "sql/internal/check_text.h"
#include "sql/internal/sqlite_error.h"

namespace linkspan::sql {

namespace {

std::string_view bytes_at(sqlite3_stmt* statement, int column, const void* start) {
  return {static_cast<const char*>(start), static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

ValueView cell_at(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_TEXT:
      return bytes_at(statement, column, sqlite3_column_text(statement, column));
    case SQLITE_BLOB:
      return BlobView(bytes_at(statement, column, sqlite3_column_blob(statement, column)));
    default:
      return {};
  }
}

}  // namespace

SqliteStatement::SqliteStatement(sqlite3* connection, const std::string& name, std::string_view text)
    : connection_(connection), name_(name) {
  assert(text.size() < static_cast<std::size_t>(std::numeric_limits<int>::max()));
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(connection, text.data(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT,
                                      &handle_, &rest);
  if (code != SQLITE_OK || handle_ == nullptr) {
    Error error = code == SQLITE_OK ? Error(Fault::invalid, "sql.failed", name + ": an empty statement")
                                    : sqlite_error(connection, name);
    throw std::move(error).while_doing(fmt::format("preparing '{}'", printable(text, 300)));
  }
  assert(trim(text.substr(static_cast<std::size_t>(rest - text.data()))).empty() && "more than one statement");
  const int parameters = sqlite3_bind_parameter_count(handle_);
  for (int i = 1; i <= parameters; ++i) {
    places_.push_back(sqlite3_bind_parameter_index(handle_, fmt::format("${}", i).c_str()));
    assert(places_.back() != 0 && "parameters are $1, $2... without a gap");
  }
}

void SqliteStatement::bind(std::span<const ValueView> values) {
  assert(values.size() == places_.size());
  for (std::size_t i = 0; i < values.size(); ++i) bind_one(places_[i], values[i]);
}

void SqliteStatement::bind_one(int place, const ValueView& value) {
  int code = SQLITE_OK;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    code = sqlite3_bind_int64(handle_, place, *integer);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    check_text(*text);
    const char* start = text->data() == nullptr ? "" : text->data();
    code = sqlite3_bind_text64(handle_, place, start, text->size(), SQLITE_STATIC, SQLITE_UTF8);
  } else if (const auto* blob = std::get_if<BlobView>(&value)) {
    const char* start = blob->bytes.data() == nullptr ? "" : blob->bytes.data();
    code = sqlite3_bind_blob64(handle_, place, start, blob->bytes.size(), SQLITE_STATIC);
  } else if (const auto* real = std::get_if<double>(&value)) {
    code = sqlite3_bind_double(handle_, place, *real);
  } else {
    code = sqlite3_bind_null(handle_, place);
  }
  if (code != SQLITE_OK) fail();
}

bool SqliteStatement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail();
  return false;
}

Row SqliteStatement::row() {
  const int columns = sqlite3_data_count(handle_);
  row_.clear();
  for (int i = 0; i < columns; ++i) row_.push_back(cell_at(handle_, i));
  return Row(row_);
}

std::int64_t SqliteStatement::run(std::span<const ValueView> values) {
  bind(values);
  while (step()) {
  }
  const std::int64_t changed = sqlite3_stmt_readonly(handle_) != 0 ? 0 : sqlite3_changes64(connection_);
  reset();
  return changed;
}

void SqliteStatement::fail() const { throw sqlite_error(connection_, name_); }

}  // namespace linkspan::sql
