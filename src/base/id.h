#pragma once
// Strong ids: a ConnectorId never fits where an ObjectId is wanted.

#include <compare>
#include <cstdint>
#include <functional>

namespace linkspan {

/// A database identity. 0 means none.
template <class Tag>
struct Id {
  std::int64_t value = 0;
  explicit operator bool() const noexcept { return value != 0; }
  friend auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace linkspan

template <class Tag>
struct std::hash<linkspan::Id<Tag>> {
  std::size_t operator()(const linkspan::Id<Tag>& id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
