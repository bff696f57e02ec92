#pragma once
// Folding flows by precedence into one image: the same for metaverse objects and for desired images. Pure.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/image.h"
#include "rules/rule_set.h"
#include "sync/context.h"

namespace linkspan::sync {

/// What references of connector objects lead to, by name. Asked only by rules that look at names.
class ReferenceNames {
 public:
  virtual ~ReferenceNames() = default;
  /// DN, or anchor where references go by it, of what `object` references by `attribute` as last imported.
  [[nodiscard]] virtual std::vector<std::string> names(model::ObjectId object, model::NameId attribute) = 0;
  /// How many objects reference `object` by `attribute` as last imported.
  [[nodiscard]] virtual std::size_t count_referencing(model::ObjectId object, model::NameId attribute) = 0;
};

/// What a rule reads: an image (with our own pending export in it) and what an import has confirmed. Borrows both.
class ImageSource final : public rules::Source {
 public:
  struct Parameters {
    std::string_view connector;
    ReferenceNames* references = nullptr;  ///< nullptr: names of references are not known
    model::ObjectId object{};              ///< whose image it is; 0 outbound
    const ConnectorInfo* info = nullptr;   ///< of the object; nullptr outbound
    std::string_view dn{};                 ///< of the object, what [dn] reads where no attribute is called so
    model::NameId dn_name = 0;             ///< of "dn"; 0: no rule reads it
  };
  ImageSource(const model::Image& image, const model::Image& imported, Parameters parameters);

  [[nodiscard]] const model::ImageAttribute* find(model::NameId attribute) const override {
    return with_dn(attribute, image_.find(attribute));
  }
  [[nodiscard]] const model::ImageAttribute* find_imported(model::NameId attribute) const override {
    return with_dn(attribute, imported_.find(attribute));
  }
  [[nodiscard]] std::size_t count_references(model::NameId attribute) const override;
  [[nodiscard]] std::size_t count_referencing(model::NameId attribute) const override;
  [[nodiscard]] std::vector<std::string> reference_names(model::NameId attribute) const override;
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const override;

 private:
  [[nodiscard]] const model::ImageAttribute* with_dn(model::NameId attribute,
                                                     const model::ImageAttribute* found) const {
    return found == nullptr && attribute == dn_.name && !dn_.values.empty() ? &dn_ : found;
  }
  [[nodiscard]] std::optional<std::string> domain_parameter(std::string_view name) const;

  const model::Image& image_;
  const model::Image& imported_;
  Parameters parameters_;
  model::ImageAttribute dn_;
};

/// One object that contributes, with the rules of it that are in scope, in order of precedence.
struct Contributor {
  model::ObjectId object;     ///< of the connector space; 0 when the metaverse object itself is read (outbound)
  std::int64_t position = 0;  ///< of its connector: the first created wins ties
  const rules::Source* source = nullptr;
  const model::Image* image = nullptr;  ///< what `source` reads: for reference flows
  std::vector<const rules::CompiledRule*> rules;
};

/// What was there before, for flows that apply only once and for attributes that are left alone.
struct Previous {
  const model::Image* image = nullptr;
  const model::Lineage* lineage = nullptr;  ///< nullptr outbound
  bool created = true;                      ///< the target object is being created now
};

struct FoldFailure {
  model::ObjectId object;
  std::string rule;
  std::string attribute;
  std::string message;
};

struct Folded {
  model::Image image;
  model::Lineage lineage;
  std::vector<model::NameId> cleared;  ///< rules in scope spoke of it and gave no value
  std::vector<model::NameId> ignored;  ///< rules in scope left it alone
  struct Merged {
    model::NameId name = 0;
    bool ignoring_case = false;
  };
  std::vector<Merged> merged;  ///< values that are put together from several sides, one of which the target may be
  std::optional<FoldFailure> failure;  ///< then the rest is not to be used
};

/// One contribution among several, as preview shows it.
struct Candidate {
  model::NameId attribute = 0;
  model::ObjectId object;
  const rules::CompiledRule* rule = nullptr;
  rules::Contribution contribution;
  bool won = false;
};

/// Per attribute: contributions in order of precedence, ties by position of the connector, then by object. `update`
/// takes the first that has a value; `merge` takes all. `explain`, if given, receives every contribution.
[[nodiscard]] Folded fold(std::span<const Contributor> contributors, const Previous& previous,
                          std::vector<Candidate>* explain = nullptr);

}  // namespace linkspan::sync
