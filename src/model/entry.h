#pragma once
// What passes between a directory and the engine.

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/value.h"

namespace linkspan::model {

/// Attribute name -> values. Never holds a name without values.
using Attributes = std::map<std::string, Values, std::less<>>;

/// "This object's `attribute` points at `target`": a DN where the connector's references go by DN, else an anchor.
struct NamedReference {
  std::string attribute;
  std::string target;
  friend auto operator<=>(const NamedReference&, const NamedReference&) = default;
};

/// One object as a directory shows it.
struct Entry {
  std::string anchor;       ///< its identity there; never changes, never reused
  std::string dn;           ///< its present name, for people (and for references by DN)
  std::string object_type;  ///< the structural class or resource type ("inetOrgPerson", "User")
  std::vector<std::pair<std::string, Values>> attributes;  ///< in any order, each name once
  std::vector<NamedReference> references;
};

/// One observation of an import.
struct Observation {
  enum class Kind : unsigned char {
    present,    ///< here is all of it
    changed,    ///< here is what is otherwise than last told, and nothing of the rest; see below
    unchanged,  ///< it is still there, as last told (only the anchor is set)
    gone,       ///< it is no longer there, or no longer in scope (only the anchor, or the DN, is set)
    deleted,    ///< it was deleted, and the directory took it out of all that referred to it (only the anchor is set)
    confirmed,  ///< what it was last sent has taken effect; the directory shows no values (the anchor and `at` are set)
    refused,    ///< what it was last sent has not taken effect (the anchor, `at` and `reason` are set)
  };
  Kind kind = Kind::present;
  /// Of what `changed`: the anchor, the DN (empty = as it was), the attributes that are otherwise (no values = it has
  /// none any more), and the references that came. The type is as it was.
  Entry entry;
  std::vector<NamedReference> references_gone{};  ///< of what `changed`: the references that went
  Time at{};                                      ///< when the directory came to confirm or refuse it, by its own clock
  std::string reason{};                           ///< why it was refused, for people
};

}  // namespace linkspan::model
