#pragma once
// What the engine asks a directory to change.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/entry.h"
#include "model/ids.h"

namespace linkspan::model {

/// In the order in which a change set is carried out.
enum class Operation : std::uint8_t { none = 0, add = 1, update = 2, rename = 3, remove = 4 };

/// "add", "update", …
[[nodiscard]] std::string_view name_of(Operation operation) noexcept;

/// An attribute's whole new value list, and the old one as far as it is known; `after` empty = clear it.
struct AttributeChange {
  std::string name;
  Values before;
  Values after;
};

/// One reference to add or to remove. `target` is the anchor of the referenced object in the same directory, and
/// `target_dn` its name.
struct ReferenceChange {
  std::string attribute;
  std::string target;
  std::string target_dn;
  bool add = true;
};

/// One object's pending export as a connector gets it.
struct Export {
  ObjectId object;
  Operation operation = Operation::none;
  std::string object_type;
  std::string anchor;  ///< empty for an add
  std::string dn;      ///< its present name; for an add the name it is to have, where the directory lets us choose
  std::string new_dn;  ///< for a rename, which changes `attributes` too
  std::vector<AttributeChange> attributes;
  std::vector<ReferenceChange> references;
  bool look_first = false;  ///< of an add: what the directory holds may have changed since it was read
  /// All that rules say the object should be, where the directory wants to be told so each time (whole_updates of
  /// connector::Capabilities): its values, and its references by the anchors of those that are there.
  std::optional<Entry> whole{};
};

}  // namespace linkspan::model
