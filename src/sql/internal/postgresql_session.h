#pragma once
// A PostgreSQL session with its prepared statements: sends one request, checks the answer.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sql/internal/postgresql_connect.h"
#include "sql/internal/postgresql_error.h"
#include "sql/internal/postgresql_watch.h"
#include "sql/internal/postgresql_wire.h"

namespace linkspan::sql {

/// Parameters in binary, ready for libpq.
class PgParameters {
 public:
  /// One parameter each.
  void set(std::span<const Oid> types, std::span<const ValueView> values);
  /// Whole parameters built elsewhere (arrays).
  void set(std::span<const Oid> types, std::span<const std::string> encoded);

  [[nodiscard]] int count() const { return static_cast<int>(types_.size()); }
  [[nodiscard]] const Oid* types() const { return types_.data(); }
  [[nodiscard]] const char* const* values() const { return values_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }

 private:
  std::string bytes_;
  std::vector<Oid> types_;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

class PgSession {
 public:
  struct Prepared {
    std::string name;
    std::vector<Oid> parameters;
    std::vector<Oid> columns;
  };

  PgSession(SignedIn signed_in, std::string name)
      : connection_(std::move(signed_in.connection)),
        name_(std::move(name)),
        watch_(connection_.get(), signed_in.process, name_) {}

  /// Prepares `text` once, and keeps it by its text. The reference holds until `forget` or a call that prepares.
  const Prepared& prepared(std::string_view text);
  /// Drops all prepared statements: after the schema changed, they may be wrong.
  void forget();

  /// Each sends one request and throws what the server answers to it but success. Answers are in binary.
  PgResult run(const Prepared& statement, std::span<const ValueView> values);
  PgResult run(const Prepared& statement, const PgParameters& parameters);
  PgResult run_once(std::string_view text, const PgParameters& parameters);
  /// Any number of statements in one text, the answer of the last.
  PgResult script(std::string_view text);

  [[nodiscard]] PGconn* get() const { return connection_.get(); }
  /// For whoever calls libpq himself where it waits for the server.
  [[nodiscard]] PgWatch& watch() { return watch_; }
  /// Throws unless the result is a success.
  PgResult checked(PGresult* result);
  [[noreturn]] void fail(const PGresult* result) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  PgConnection connection_;
  std::string name_;
  PgWatch watch_;  // after connection_: gone before it
  std::unordered_map<std::string, Prepared, TextHash, std::equal_to<>> statements_;
  PgParameters parameters_;
  std::uint64_t next_name_ = 1;
};

/// The row numbered `row` of an answer in binary.
void read_row(const PGresult* result, int row, std::vector<ValueView>& cells);

/// How many rows the statement changed; 0 for a SELECT.
[[nodiscard]] std::int64_t rows_changed(PGresult* result);

}  // namespace linkspan::sql
