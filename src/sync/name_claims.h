#pragma once
// Which names UniqueName() may still give: the metaverse is asked, and what was given in the same page is remembered.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/image.h"
#include "rules/rule_set.h"
#include "store/store.h"

namespace linkspan::sync {

/// For one page of objects: what earlier pages gave is in the view. One thread.
class NameClaims {
 public:
  /// Borrows both. `attributes` as RuleSet::unique_names(): join keys of them are in the store.
  NameClaims(store::View& view, std::span<const model::NameId> attributes) : view_(view), attributes_(attributes) {}

  /// The candidate for `attribute` of `self` (0: not in the metaverse yet), which looked like `image` before: the one
  /// it has, else the first that nobody else has. nullopt: there is none. What somebody gives up in this page is free
  /// from the next one on.
  [[nodiscard]] std::optional<std::string> claim(store::MetaverseId self, const model::Image& image,
                                                 model::NameId attribute, const rules::UniqueCandidates& candidates);

  /// `self` has these keys from now on.
  void hold(store::MetaverseId self, std::span<const store::Key> keys);

 private:
  struct Hash {
    std::size_t operator()(const store::Key& key) const noexcept {
      return std::hash<std::string>{}(key.key) * 31 + key.attribute;
    }
  };
  store::View& view_;
  std::span<const model::NameId> attributes_;
  std::unordered_map<store::Key, store::MetaverseId, Hash> held_;
};

/// A source as it is, whose UniqueName() asks for one metaverse object. Borrows all.
class ClaimingSource final : public rules::Source {
 public:
  ClaimingSource(const rules::Source& source, NameClaims& claims, store::MetaverseId self, const model::Image& image)
      : source_(source), claims_(claims), self_(self), image_(image) {}

  [[nodiscard]] const model::ImageAttribute* find(model::NameId attribute) const override {
    return source_.find(attribute);
  }
  [[nodiscard]] const model::ImageAttribute* find_imported(model::NameId attribute) const override {
    return source_.find_imported(attribute);
  }
  [[nodiscard]] std::size_t count_references(model::NameId attribute) const override {
    return source_.count_references(attribute);
  }
  [[nodiscard]] std::size_t count_referencing(model::NameId attribute) const override {
    return source_.count_referencing(attribute);
  }
  [[nodiscard]] std::vector<std::string> reference_names(model::NameId attribute) const override {
    return source_.reference_names(attribute);
  }
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const override {
    return source_.parameter(name);
  }
  [[nodiscard]] Time now() const override { return source_.now(); }
  [[nodiscard]] std::optional<std::string> claim_unique(model::NameId target,
                                                        const rules::UniqueCandidates& candidates) const override {
    return claims_.claim(self_, image_, target, candidates);
  }

 private:
  const rules::Source& source_;
  NameClaims& claims_;
  store::MetaverseId self_;
  const model::Image& image_;
};

}  // namespace linkspan::sync
