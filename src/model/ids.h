#pragma once
// The identities every room shares.

#include <cstdint>

#include "base/id.h"

namespace linkspan::model {

using ConnectorId = Id<struct ConnectorTag>;
using ObjectId = Id<struct ObjectTag>;        ///< a connector object, placeholders included
using MetaverseId = Id<struct MetaverseTag>;  ///< a metaverse object
using RuleId = Id<struct RuleTag>;
using RunId = Id<struct RunTag>;

/// An interned name (attribute or object type); see Names. 0 means none.
using NameId = std::uint32_t;

}  // namespace linkspan::model
