#pragma once
// A checked and compiled rule set: what sync asks while it decides. Immutable, safe to share between threads.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/image.h"
#include "model/names.h"
#include "rules/rule.h"
#include "rules/unique.h"

namespace linkspan::rules {

/// What rules of one object read. Implementations are cheap views made by sync; one thread at a time.
class Source {
 public:
  virtual ~Source() = default;
  /// The attribute as the rules see it (our own pending export included), or nullptr when absent. The reference stays
  /// valid while the Source lives.
  [[nodiscard]] virtual const model::ImageAttribute* find(model::NameId attribute) const = 0;
  /// Only what an import has confirmed: ImportedValue().
  [[nodiscard]] virtual const model::ImageAttribute* find_imported(model::NameId attribute) const = 0;
  /// How many references `attribute` holds; 0 when it is no reference attribute or empty.
  [[nodiscard]] virtual std::size_t count_references(model::NameId attribute) const = 0;
  /// How many objects reference this one by `attribute`; 0 where nobody can be asked. May be costly.
  [[nodiscard]] virtual std::size_t count_referencing(model::NameId /*attribute*/) const { return 0; }
  /// The names (DN, else anchor) of what it references, for functions that look at them. May be costly.
  [[nodiscard]] virtual std::vector<std::string> reference_names(model::NameId attribute) const = 0;
  /// %Connector.Name%, %Domain.FQDN% and the like; nullopt = no such parameter here.
  [[nodiscard]] virtual std::optional<std::string> parameter(std::string_view name) const = 0;
  /// What Now() says; the host's clock unless overridden.
  [[nodiscard]] virtual Time now() const;
  /// UniqueName(): the candidate that the object gets in `target`. It keeps the one that it holds there already; else
  /// it gets the first that no other object holds, in the metaverse or by a claim of the same batch, and that is
  /// claimed for it from now on. The same state and the same order of objects give the same answers. nullopt: all are
  /// taken. Where nobody can be asked the flow fails.
  [[nodiscard]] virtual std::optional<std::string> claim_unique(model::NameId target,
                                                                const UniqueCandidates& candidates) const;
};

/// What a flow contributes for one object.
struct Contribution {
  enum class Kind : std::uint8_t {
    null,                ///< nothing; the next contributor may
    authoritative_null,  ///< no value, and nobody below may give one
    ignore,              ///< as if the flow did not exist: the target keeps what it has
    values,
    references,  ///< all that the source object references by `reference`
    failed,      ///< `message` says why; the object is not flowed
  };
  Kind kind = Kind::null;
  model::Values values;
  model::NameId reference = 0;  ///< source attribute
  std::string message{};
  // Of references, as Flow:
  model::NameId referenced_by = 0;
  std::size_t referencing = 0;  ///< how many do
  bool flatten = false;
};

struct CompiledFlow;  // rules/internal
struct CompiledScope;

struct CompiledJoin {
  model::NameId source = 0;  ///< connector attribute
  model::NameId target = 0;  ///< metaverse attribute
  bool case_sensitive = false;
  friend bool operator==(const CompiledJoin&, const CompiledJoin&) = default;
};

/// One enabled rule, compiled.
class CompiledRule {
 public:
  CompiledRule(Rule rule, model::RuleId id);
  ~CompiledRule();
  CompiledRule(CompiledRule&&) noexcept;
  CompiledRule(const CompiledRule&) = delete;

  [[nodiscard]] const Rule& rule() const { return rule_; }
  [[nodiscard]] model::RuleId id() const { return id_; }
  [[nodiscard]] model::NameId source_type() const { return source_type_; }
  [[nodiscard]] model::NameId target_type() const { return target_type_; }
  /// Whether it joins and writes objects of `type`: a target of "*" is any.
  [[nodiscard]] bool writes(model::NameId type) const { return type == target_type_ || rule_.target == "*"; }
  [[nodiscard]] std::span<const std::vector<CompiledJoin>> join() const { return join_; }

  /// Whether the scoping filter holds.
  [[nodiscard]] bool in_scope(const Source& source) const;
  /// For preview: the first clause of each group that failed, as text; empty when in scope.
  [[nodiscard]] std::vector<std::string> out_of_scope_because(const Source& source) const;
  /// For preview: the clauses of the first group that holds; empty when there is none, or no scope.
  [[nodiscard]] std::vector<std::string> in_scope_because(const Source& source) const;

  [[nodiscard]] std::size_t flow_count() const;
  [[nodiscard]] model::NameId flow_target(std::size_t flow) const;
  [[nodiscard]] MergeType flow_merge(std::size_t flow) const;
  [[nodiscard]] bool flow_applies_once(std::size_t flow) const;
  /// Evaluates one flow. Never throws for what rules or data do: that is Kind::failed.
  [[nodiscard]] Contribution evaluate(std::size_t flow, const Source& source) const;

 private:
  friend class RuleSetBuilder;
  Rule rule_;
  model::RuleId id_;
  model::NameId source_type_ = 0;
  model::NameId target_type_ = 0;
  std::vector<std::vector<CompiledJoin>> join_;
  std::unique_ptr<CompiledScope> scope_;
  std::vector<CompiledFlow> flows_;
};

/// A connector as rules see it.
struct ConnectorName {
  std::string name;
  std::string kind;
};

/// The rules of all connectors in force, lowest precedence first.
class RuleSet {
 public:
  /// Checks and compiles. `ids` runs parallel to `rules`. All problems go to `problems`; nullptr when one is an error.
  /// Rules whose connector does not exist are kept but never asked (a warning). Interns what it needs in `names`.
  [[nodiscard]] static std::shared_ptr<const RuleSet> compile(std::vector<Rule> rules,
                                                              std::span<const model::RuleId> ids,
                                                              std::span<const ConnectorName> connectors,
                                                              model::Names& names, std::vector<Problem>& problems);

  /// Enabled rules for objects of `type` of this connector, by precedence. For outbound `type` is the metaverse type.
  [[nodiscard]] std::span<const CompiledRule* const> inbound(std::string_view connector, model::NameId type) const;
  [[nodiscard]] std::span<const CompiledRule* const> outbound(std::string_view connector, model::NameId type) const;
  /// Whether any rule, of any type, goes out to (comes in from) this connector. Disabled outbound rules count: what
  /// they made may still have to be deleted.
  [[nodiscard]] bool has_outbound(std::string_view connector) const;
  [[nodiscard]] bool has_inbound(std::string_view connector) const;

  /// Attributes that join conditions, inbound and outbound, look objects up by: of metaverse objects, of connector
  /// objects. Sorted.
  [[nodiscard]] std::span<const model::NameId> metaverse_keys() const { return metaverse_keys_; }
  [[nodiscard]] std::span<const model::NameId> object_keys() const { return object_keys_; }

  /// Attributes of connector objects that flows look at from their far end (referenced_by), and those whose references
  /// they follow on (flatten): what a change of such a reference means for others. Sorted.
  [[nodiscard]] std::span<const model::NameId> read_backwards() const { return backwards_; }
  [[nodiscard]] std::span<const model::NameId> read_through() const { return through_; }

  /// Metaverse attributes whose values UniqueName() gives; each is also one of metaverse_keys(). Sorted.
  [[nodiscard]] std::span<const model::NameId> unique_names() const { return unique_names_; }

  /// The enabled rule of this id, or nullptr.
  /// The name "dn": what [dn] reads.
  [[nodiscard]] model::NameId dn_name() const { return dn_name_; }

  [[nodiscard]] const CompiledRule* find(model::RuleId id) const;
  /// Whether it is an outbound Provision rule, enabled or not: what it made is ours to delete.
  [[nodiscard]] bool provisions_outbound(model::RuleId id) const;
  [[nodiscard]] std::span<const std::unique_ptr<CompiledRule>> rules() const { return rules_; }

 private:
  friend class RuleSetBuilder;
  using ByType = std::map<std::pair<std::string, model::NameId>, std::vector<const CompiledRule*>, std::less<>>;
  std::vector<std::unique_ptr<CompiledRule>> rules_;
  ByType inbound_;
  ByType outbound_;
  std::vector<model::NameId> metaverse_keys_;
  std::vector<model::NameId> unique_names_;
  std::vector<model::NameId> backwards_;
  std::vector<model::NameId> through_;
  std::vector<model::NameId> object_keys_;
  model::NameId dn_name_ = 0;
  std::vector<model::RuleId> outbound_provisioning_;
  std::set<std::string, std::less<>> outbound_connectors_;
};

}  // namespace linkspan::rules
