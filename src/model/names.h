#pragma once
// Interned attribute and type names: four bytes in images and rows instead of text.

#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/ids.h"

namespace linkspan::model {

/// Grows only. Safe to share between threads. The store loads it, and writes what is new in the transaction of the
/// batch that uses it.
class Names {
 public:
  /// Interns. Names are compared byte for byte; connectors deliver a directory's own spelling.
  [[nodiscard]] NameId id(std::string_view name);

  [[nodiscard]] std::optional<NameId> find(std::string_view name) const;

  /// Throws Fault::corrupt "model.unknown_name" for an id that was never given out.
  [[nodiscard]] std::string name(NameId id) const;

  /// Loads what a database holds. Throws Fault::corrupt if an id or a name is already taken by another.
  void load(NameId id, std::string_view name);

  /// Those interned after `since` (the greatest id already written), in order of id.
  [[nodiscard]] std::vector<std::pair<NameId, std::string>> after(NameId since) const;

  [[nodiscard]] NameId last() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, NameId, Hash, std::equal_to<>> ids_;
  std::vector<std::string> names_;  ///< by id - 1; empty = a gap
};

}  // namespace linkspan::model
