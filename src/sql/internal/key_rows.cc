#include "sql/internal/key_rows.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/hash.h"

namespace linkspan::sql {

namespace {

constexpr std::size_t k_chunk_bytes = std::size_t{4} << 20;

std::size_t size_of(const ValueView& cell) {
  if (const auto* text = std::get_if<std::string_view>(&cell)) return text->size();
  if (const auto* blob = std::get_if<BlobView>(&cell)) return blob->bytes.size();
  return sizeof(std::int64_t);
}

std::uint64_t hash_of(const ValueView& cell, std::uint64_t seed) {
  if (const auto* text = std::get_if<std::string_view>(&cell)) return hash64(*text, seed);
  if (const auto* blob = std::get_if<BlobView>(&cell)) return hash64(blob->bytes, seed + 1);
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) {
    std::uint64_t mixed = (static_cast<std::uint64_t>(*integer) ^ seed) * 0x9E3779B97F4A7C15ULL;
    mixed ^= mixed >> 32;
    return mixed * 0xD6E8FEB86659FD93ULL;
  }
  if (const auto* real = std::get_if<double>(&cell)) return std::bit_cast<std::uint64_t>(*real) ^ seed;
  return seed;
}

}  // namespace

std::size_t chunk_size(Rows rows, std::size_t first, std::size_t most_rows) {
  const std::size_t most = std::min(rows.size() - first, most_rows);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < most; ++i) {
    for (const ValueView& cell : rows[first + i]) bytes += size_of(cell);
    if (bytes > k_chunk_bytes) return std::max<std::size_t>(i, 1);
  }
  return most;
}

std::vector<std::size_t> last_of_each_key(Rows rows, const std::vector<std::size_t>& keys) {
  constexpr auto k_none = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> slots(std::bit_ceil(rows.size() * 2 + 1), k_none);
  const std::size_t mask = slots.size() - 1;
  const auto same = [&](std::size_t a, std::size_t b) {
    return std::all_of(keys.begin(), keys.end(), [&](std::size_t key) { return rows[a][key] == rows[b][key]; });
  };
  std::vector<std::size_t> kept;
  kept.reserve(rows.size());
  for (std::size_t row = rows.size(); row-- > 0;) {
    std::uint64_t hash = 0;
    bool is_null = false;
    for (const std::size_t key : keys) {
      hash = hash_of(rows[row][key], hash);
      is_null = is_null || rows[row][key].index() == 0;
    }
    std::size_t slot = (hash ^ (hash >> 32)) & mask;
    while (slots[slot] != k_none && !same(slots[slot], row)) slot = (slot + 1) & mask;
    if (slots[slot] != k_none && !is_null) continue;
    if (!is_null) slots[slot] = static_cast<std::uint32_t>(row);
    kept.push_back(row);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

std::vector<std::size_t> key_places(const Table& table) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].role == Role::key) places.push_back(i);
  }
  return places;
}

}  // namespace linkspan::sql
