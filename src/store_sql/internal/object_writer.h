#pragma once
// The part of a batch that writes connector objects, their images and keys.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/database.h"
#include "store/store.h"
#include "store_sql/internal/fresh_ids.h"
#include "store_sql/internal/tally.h"

namespace linkspan::store_sql {

/// Longer than any server can index is refused: PostgreSQL takes 2,704 bytes with everything.
inline constexpr std::size_t k_longest_key = 2000;

/// Throws "store.key_too_long"; `owner` names the object.
void check_lengths(std::span<const store::Key> keys, std::string_view owner);

/// The rows of `keys` that `owner` has become exactly these: `table` is connector_object_key or metaverse_key,
/// `owner_column` its owner. What stays is not written again. `fresh`: the owners have none yet.
struct KeysOf {
  std::int64_t owner = 0;
  std::span<const store::Key> keys;
};
void replace_keys(sql::Database& database, const std::string& table, const std::string& owner_column,
                  std::span<const KeysOf> wanted, bool fresh);

class ObjectWriter {
 public:
  ObjectWriter(FreshIds& fresh, Tally& tally) : fresh_(fresh), tally_(tally) {}

  void put(sql::Database& database, std::span<const store::ObjectWrite> writes);
  void remove(sql::Database& database, std::span<const store::ObjectId> ids);

 private:
  using Pointers = std::vector<const store::ObjectWrite*>;
  void insert(sql::Database& database, const Pointers& writes);
  void change(sql::Database& database, const Pointers& writes);
  void put_images(sql::Database& database, const Pointers& writes);

  FreshIds& fresh_;
  Tally& tally_;
};

}  // namespace linkspan::store_sql
