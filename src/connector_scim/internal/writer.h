#pragma once
// From exports to request bodies. Pure; every function throws Fault::invalid ("scim.attribute_path", "scim.read_only",
// "scim.value") for what the service cannot be told.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connector_scim/internal/settings.h"
#include "connector_scim/internal/shape.h"
#include "model/entry.h"
#include "model/export.h"

namespace linkspan::connector_scim {

/// A POST: all attributes and single-valued references (manager) in one resource. Members follow by member_patch. Where
/// no attribute names it, the export's dn is its userName or displayName.
[[nodiscard]] std::string create_body(const ResourceType& type, const model::Export& add);

/// Whether a PATCH cannot be told from the changes alone: a part of an element (a street) is new, and the element (the
/// work address) may be there or not. Then read the object first.
[[nodiscard]] bool needs_look(const ResourceType& type, const model::Export& update);

/// A PATCH of attributes and single-valued references, with as few operations as say it; nullopt when nothing is left
/// to change. `current` is the object as just read, or nullptr to go by the values the export says were there before.
[[nodiscard]] std::optional<std::string> patch_body(const ResourceType& type, const model::Export& update,
                                                    const model::Entry* current, const Dialect& dialect = {});

/// The same for services that know no paths with filters: every attribute that changes is said as a whole, as it comes
/// out of `current` (JSON as read). Throws Fault::unavailable "scim.reply" when that is no JSON object.
[[nodiscard]] std::optional<std::string> whole_patch_body(const ResourceType& type, const model::Export& update,
                                                          std::string_view current, const Dialect& dialect);

/// The references that member_patch carries, as indexes into `references`, removals first.
[[nodiscard]] std::vector<std::size_t> member_changes(const ResourceType& type, const model::Export& update);

/// A PATCH of the named references, all of one attribute: an operation for each removal, one for all additions.
[[nodiscard]] std::string member_patch(const model::Export& update, std::span<const std::size_t> references,
                                       const Dialect& dialect = {});

/// For services without PATCH: the resource `current` (JSON as read) with every change made in it; nullopt when that
/// leaves it as it is. Throws Fault::unavailable "scim.reply" when `current` is no JSON object.
[[nodiscard]] std::optional<std::string> put_body(const ResourceType& type, const model::Export& update,
                                                  std::string_view current);

}  // namespace linkspan::connector_scim
