#pragma once
// An observation made ready for the store, off the writing thread: names interned, image encoded, hash taken. Pure.

#include <string>
#include <string_view>
#include <utility>
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
  Time at{};                                  ///< as model::Observation
  std::string reason{};
};

/// Prepares what one connector observes. One thread.
class Preparer {
 public:
  /// `by_anchor`: the connector's references (and placeholders) go by anchor instead of DN.
  Preparer(bool by_anchor, model::Names& names) : by_anchor_(by_anchor), names_(names) {}
  [[nodiscard]] Prepared prepare(model::Observation observation);

 private:
  [[nodiscard]] std::vector<PreparedReference> prepare_references(std::vector<model::NamedReference> references);
  [[nodiscard]] model::NameId id_of(std::string_view name, std::size_t place);

  bool by_anchor_;
  model::Names& names_;
  std::vector<std::pair<std::string, model::NameId>> recent_;  ///< by place: entries name their attributes alike
};

}  // namespace linkspan::sync
