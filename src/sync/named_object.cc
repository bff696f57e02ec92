#include "sync/named_object.h"

#include <string>
#include <vector>

#include "model/dn.h"

namespace linkspan::sync {

std::optional<store::Object> find_named(store::Store& store, store::View& view, const ConnectorInfo& info,
                                        std::string_view name) {
  constexpr std::size_t k_alike = 1000;  // whose names hold this one: what lies below it, at worst
  const std::vector<std::string> anchors{std::string(name)};
  const std::vector<std::string> keys{model::dn_key(name)};
  auto found = view.find_objects(info.id, anchors, keys);
  if (!found.empty()) return std::move(found.front());
  if (!info.objects_by_dn || !info.references_by_anchor) return std::nullopt;
  for (store::Object& one : store.summary()->search_objects(info.id, name, k_alike)) {
    if (model::dn_key(one.dn) == keys.front()) return std::move(one);
  }
  return std::nullopt;
}

}  // namespace linkspan::sync
