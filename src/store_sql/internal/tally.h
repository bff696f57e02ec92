#pragma once
// The counters that a batch keeps up to date (table `counter`).

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "sql/database.h"
#include "store/rows.h"

namespace linkspan::store_sql {

inline constexpr std::string_view k_counts_objects = "objects";
inline constexpr std::string_view k_counts_joined = "joined";

/// The counter a pending export is counted by; empty for none. References alone make an update.
[[nodiscard]] std::string_view pending_counter(store::Operation pending, bool pending_references);

/// Collects differences and adds them to the table at the end.
class Tally {
 public:
  /// What of an object is counted.
  struct Counted {
    store::ConnectorId connector;
    store::ObjectState state = store::ObjectState::placeholder;
    store::Operation pending = store::Operation::none;
    bool pending_references = false;
  };

  /// `by` is 1 for an object that comes, -1 for one that goes.
  void count(const Counted& object, std::int64_t by);
  void count_metaverse(std::int64_t by) { differences_[{0, k_counts_objects}] += by; }

  /// In a write transaction.
  void store(sql::Database& database);

 private:
  std::map<std::pair<std::int64_t, std::string_view>, std::int64_t> differences_;
};

}  // namespace linkspan::store_sql
