#pragma once
// An observation made ready for the store, off the writing thread: names interned, image encoded, hash taken. Pure.

#include <string>
#include <vector>

#include "model/entry.h"
#include "model/names.h"
#include "store/rows.h"

namespace linkspan::sync {

struct PreparedReference {
  model::NameId attribute = 0;
  std::string target;      ///< anchor, or DN
  std::string target_key;  ///< anchor, or normalised DN
  friend auto operator<=>(const PreparedReference&, const PreparedReference&) = default;
};

struct Prepared {
  model::Observation::Kind kind = model::Observation::Kind::present;
  std::string anchor;
  std::string dn;
  std::string dn_key;  ///< empty where references go by anchor
  model::NameId type = 0;
  std::string image;
  std::string hash;
  std::vector<PreparedReference> references;  ///< sorted, each once
};

/// `by_anchor`: the connector's references (and placeholders) go by anchor instead of DN.
[[nodiscard]] Prepared prepare(model::Observation observation, bool by_anchor, model::Names& names);

}  // namespace linkspan::sync
