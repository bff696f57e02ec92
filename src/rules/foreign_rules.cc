// Synchronization rules of Microsoft's engine, from XML and from its settings JSON.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "model/value.h"
#include "rules/internal/foreign_parts.h"
#include "rules/internal/scope.h"

namespace linkspan::rules {
namespace {

constexpr std::string_view k_no_guid = "00000000-0000-0000-0000-000000000000";
constexpr std::string_view k_identity = "rules go by name here; it stands in a comment of the rule file";

std::optional<Direction> direction_of(std::string_view text) {
  if (equal_ascii_case(text, "Inbound")) return Direction::inbound;
  if (equal_ascii_case(text, "Outbound")) return Direction::outbound;
  return std::nullopt;
}

std::optional<LinkType> link_of(std::string_view text) {
  if (equal_ascii_case(text, "Provision")) return LinkType::provision;
  if (equal_ascii_case(text, "Join")) return LinkType::join;
  if (equal_ascii_case(text, "StickyJoin")) return LinkType::sticky_join;
  return std::nullopt;
}

std::optional<MergeType> merge_of(std::string_view text) {
  if (text.empty() || equal_ascii_case(text, "Update")) return MergeType::update;
  if (equal_ascii_case(text, "Replace")) return MergeType::replace;
  if (equal_ascii_case(text, "Merge")) return MergeType::merge;
  if (equal_ascii_case(text, "MergeCaseInsensitive")) return MergeType::merge_case_insensitive;
  return std::nullopt;
}

/// Where in a rule the parts stand: the names differ between the two forms, the meaning does not.
struct RuleNames {
  std::string_view id, internal_id, tag, source, target, password, expiry;
};
constexpr RuleNames k_xml{"id",
                          "internal-id",
                          "immutable-tag",
                          "sourceObjectType",
                          "targetObjectType",
                          "EnablePasswordSync",
                          "softDeleteExpiryInterval"};
constexpr RuleNames k_json{"uniqueIdentifier",   "internalIdentifier",      "immutableTag", "source", "target",
                           "enablePasswordSync", "softDeleteExpiryInterval"};

class RuleReader {
 public:
  RuleReader(ForeignElement& root, const RuleNames& names) : root_(root), names_(names) {
    raw_.root = &root;
    root.read();
  }

  std::optional<RawRule> frame() {
    Rule& rule = raw_.rule;
    raw_.id = foreign_guid(root_.text(names_.id));
    raw_.tag = root_.text(names_.tag);
    root_.dismiss({names_.id, names_.tag}, k_identity);
    root_.dismiss({names_.internal_id, "version"}, "the engine's own bookkeeping");
    raw_.name = root_.child("name");
    rule.name = raw_.name == nullptr ? std::string() : raw_.name->text();
    rule.description = root_.text("description");
    const auto direction = direction_of(root_.text("direction"));
    const auto link = link_of(root_.text("linkType"));
    raw_.precedence = root_.child("precedence");
    rule.precedence = raw_.precedence == nullptr ? -1 : to_integer(raw_.precedence->text()).value_or(-1);
    rule.source = type_name(names_.source, "sourceObjectType");
    rule.target = type_name(names_.target, "targetObjectType");
    rule.disabled = foreign_truth(root_.text("disabled"));
    if (rule.name.empty() || !direction || !link || rule.precedence < 0 || rule.precedence > 100'000'000 ||
        rule.source.empty() || rule.target.empty()) {
      root_.put(Verdict::not_understood,
                "this rule lacks a name, direction, link type, precedence or object type that can be read");
      return std::nullopt;
    }
    rule.direction = *direction;
    rule.link = *link;
    raw_.before = foreign_guid(root_.text("precedence-before") + root_.text("precedenceBefore"));
    raw_.after = foreign_guid(root_.text("precedence-after") + root_.text("precedenceAfter"));
    not_ours();
    return std::move(raw_);
  }

  // --- scope and join: the parts of both forms ---

  static bool scope_clause(ForeignElement& from, ForeignElement* attribute, ForeignElement* operation,
                           ForeignElement* value, std::vector<ScopeClause>& group) {
    ScopeClause clause;
    clause.attribute = attribute == nullptr ? std::string() : attribute->text();
    const auto found = scope_operator(operation == nullptr ? std::string() : operation->text());
    if (clause.attribute.empty() || !found) {
      from.put(Verdict::not_understood,
               "this clause lacks an attribute or an operator that is known; the rule is kept "
               "out, for without the clause it would apply to more objects");
      return false;
    }
    clause.operation = *found;
    if (value != nullptr) clause.value = value->exact_text();
    if (!takes_value(*found) && !clause.value.empty()) {
      value->put(Verdict::not_applicable, "the operator takes no value");
      clause.value.clear();
    }
    group.push_back(std::move(clause));
    return true;
  }

  static bool join_clause(ForeignElement& from, ForeignElement* connector, ForeignElement* metaverse,
                          ForeignElement* exact, std::vector<JoinClause>& group) {
    JoinClause clause;
    clause.source = connector == nullptr ? std::string() : connector->text();
    clause.target = metaverse == nullptr ? std::string() : metaverse->text();
    if (clause.source.empty() || clause.target.empty()) {
      from.put(Verdict::not_understood,
               "this join condition lacks an attribute; the rule is kept out, for without the "
               "condition it would join more objects");
      return false;
    }
    clause.case_sensitive = exact != nullptr && foreign_truth(exact->text());
    group.push_back(std::move(clause));
    return true;
  }

 private:
  /// The name of either form: some settings files write the XML's.
  std::string type_name(std::string_view name, std::string_view other) {
    const std::string text = root_.text(name);
    return text.empty() ? root_.text(other) : text;
  }

  void not_ours() {
    if (ForeignElement* expiry = root_.child(names_.expiry)) {
      const std::string text = expiry->text();
      if (text == "00:00:00" || text.empty()) {
        expiry->dismiss("no delay, as here");
      } else {
        expiry->remark(
            fmt::format("objects that leave this rule were kept for {}; Linkspan withdraws them at once", text));
      }
    }
    if (ForeignElement* password = root_.child(names_.password)) {
      if (foreign_truth(password->text())) {
        password->remark("passwords of the objects of this rule were synchronized; rules of Linkspan carry none");
      } else {
        password->dismiss("no passwords, as here");
      }
    }
  }

  ForeignElement& root_;
  const RuleNames& names_;
  RawRule raw_;
};

bool read_scope(ForeignElement& root, Rule& rule) {
  bool good = true;
  for (ForeignElement* criteria : root.each("synchronizationCriteria")) {
    for (ForeignElement* conditions : criteria->each("conditions")) {
      std::vector<ScopeClause> group;
      for (ForeignElement* scope : conditions->each("scope")) {
        good = RuleReader::scope_clause(*scope, scope->child("csAttribute"), scope->child("csOperator"),
                                        scope->child("csValue"), group) &&
               good;
      }
      if (!group.empty()) {
        rule.scope.push_back(std::move(group));
      } else if (good) {
        conditions->put(Verdict::remarked, "an empty group of clauses; left out");
      }
    }
  }
  return good;
}

bool read_join(ForeignElement& root, Rule& rule) {
  bool good = true;
  for (ForeignElement* criteria : root.each("relationshipCriteria")) {
    for (ForeignElement* conditions : criteria->each("conditions")) {
      std::vector<JoinClause> group;
      for (ForeignElement* one : conditions->each("condition")) {
        good = RuleReader::join_clause(*one, one->child("csAttribute"), one->child("ilmAttribute"),
                                       one->child("caseSensitive"), group) &&
               good;
      }
      if (!group.empty()) {
        rule.join.push_back(std::move(group));
      } else if (good) {
        conditions->put(Verdict::remarked, "an empty group of join conditions; left out");
      }
    }
  }
  return good;
}

/// What a mapping says, of either form.
struct Mapping {
  std::string target;
  std::string expression;
  std::optional<std::string> constant;
  std::vector<std::pair<std::string, ForeignElement*>> sources;
  std::string merge;
  bool once = false;
};

/// False: the mapping is marked with what is wrong.
bool add_flow(ForeignElement& from, Mapping mapping, RawRule& raw) {
  Flow flow;
  flow.target = std::move(mapping.target);
  flow.apply_once = mapping.once;
  const auto merge = merge_of(mapping.merge);
  const auto refuse = [&](std::string_view why) {
    from.put(Verdict::not_understood, why);
    return false;
  };
  if (flow.target.empty()) return refuse("this flow names no attribute to write");
  if (!merge) return refuse("the merge type of this flow is not known");
  flow.merge = *merge;
  if (!mapping.expression.empty()) {
    flow.kind = Flow::Kind::expression;
    flow.text = std::move(mapping.expression);
  } else if (mapping.constant && mapping.sources.empty()) {
    flow.kind = Flow::Kind::constant;
    flow.constant.emplace_back(*mapping.constant);
  } else if (mapping.sources.size() == 1 && !mapping.constant) {
    flow.kind = Flow::Kind::direct;
    flow.text = mapping.sources.front().first;
  } else {
    return refuse("this flow has neither an expression, nor a constant, nor exactly one attribute to copy");
  }
  if (!raw.targets.insert(flow.target).second)
    return refuse("the rule writes this attribute twice; the first flow is taken over, this one is not");
  std::ranges::move(mapping.sources, std::back_inserter(raw.sources));
  raw.rule.flows.push_back(std::move(flow));
  return true;
}

void read_flows(ForeignElement& root, RawRule& raw) {
  for (ForeignElement* list : root.each("attribute-mappings")) {
    for (ForeignElement* one : list->each("mapping")) {
      Mapping mapping;
      mapping.once = foreign_truth(one->attribute("execute-once").value_or(""));
      mapping.target = one->text("dest");
      mapping.expression = one->text("expression");
      mapping.merge = one->text("valueMergeType");
      if (ForeignElement* source = one->child("src")) {
        for (ForeignElement* attribute : source->each("attr"))
          mapping.sources.emplace_back(attribute->text(), attribute);
        if (mapping.sources.empty()) {
          mapping.constant = source->exact_text();
          // An expression that reads no attribute comes with an empty <src/>.
          if (!mapping.expression.empty() && trim(*mapping.constant).empty()) mapping.constant.reset();
        }
      }
      if (!mapping.expression.empty() && mapping.constant) {
        one->remark("both a constant and an expression; the expression counts");
      }
      add_flow(*one, std::move(mapping), raw);
    }
  }
}

// --- the settings JSON ---

/// The first child of several possible names.
ForeignElement* any_child(ForeignElement& from, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (ForeignElement* found = from.child(name)) return found;
  }
  return nullptr;
}

/// The clauses of a filter that is a list of clauses, a list of lists, or a list of objects that hold a list.
/// `is_clause` tells a clause; `add(element, group)` reads one.
template <class Clause, class Add>
bool json_groups(ForeignElement& root, std::initializer_list<std::string_view> names, std::string_view attribute,
                 Add add, std::vector<std::vector<Clause>>& out) {
  ForeignElement* list = any_child(root, names);
  if (list == nullptr) return true;
  const std::vector<ForeignElement*> items =
      list->is_list() ? list->all() : std::vector<ForeignElement*>{list->is_empty() ? nullptr : list};
  std::vector<Clause> flat;
  bool good = true;
  for (ForeignElement* item : items) {
    if (item == nullptr) continue;
    if (item->has(attribute)) {
      good = add(*item, flat) && good;
      continue;
    }
    std::vector<Clause> group;
    for (ForeignElement* inner : item->all()) {
      for (ForeignElement* clause : inner->is_list() ? inner->all() : std::vector<ForeignElement*>{inner})
        good = add(*clause, group) && good;
    }
    if (!group.empty()) out.push_back(std::move(group));
  }
  if (flat.size() > 1) {
    list->remark(
        "the file does not say which clauses form a group: they are taken as one, all of which must hold; "
        "compare with the rule editor");
  }
  if (!flat.empty()) out.push_back(std::move(flat));
  return good;
}

bool read_json_conditions(ForeignElement& root, Rule& rule) {
  const bool scope = json_groups<ScopeClause>(
      root, {"scopeFilters", "scopeFilter"}, "attribute",
      [](ForeignElement& one, std::vector<ScopeClause>& group) {
        return RuleReader::scope_clause(one, one.child("attribute"),
                                        any_child(one, {"condition", "comparisonOperator", "operator"}),
                                        any_child(one, {"value", "comparisonValue"}), group);
      },
      rule.scope);
  const bool join = json_groups<JoinClause>(
      root, {"joinFilters", "joinFilter", "joinConditions"}, "csAttribute",
      [](ForeignElement& one, std::vector<JoinClause>& group) {
        return RuleReader::join_clause(one, one.child("csAttribute"), any_child(one, {"mvAttribute", "ilmAttribute"}),
                                       one.child("caseSensitive"), group);
      },
      rule.join);
  return scope && join;
}

void read_json_flows(ForeignElement& root, RawRule& raw) {
  for (ForeignElement* one : root.each("attributeMappings")) {
    Mapping mapping;
    mapping.target = one->text("destination");
    mapping.expression = one->text("expression");
    if (ForeignElement* merge = any_child(*one, {"valueMergeType", "mergeType"})) mapping.merge = merge->text();
    if (ForeignElement* once = any_child(*one, {"executeOnce", "applyOnce"}))
      mapping.once = foreign_truth(once->text());
    std::string type;
    if (ForeignElement* flow = any_child(*one, {"flowType", "mappingType"})) type = flow->text();
    for (ForeignElement* source : one->each("source")) {
      const std::string text = source->exact_text();
      if (equal_ascii_case(type, "Constant")) {
        mapping.constant = text;
      } else if (!trim(text).empty()) {
        mapping.sources.emplace_back(trim(text), source);
      }
    }
    if (mapping.expression.empty() && equal_ascii_case(type, "Expression") && mapping.sources.size() == 1) {
      mapping.expression = mapping.sources.front().first;
      mapping.sources.clear();
    }
    add_flow(*one, std::move(mapping), raw);
  }
}

}  // namespace

std::string foreign_guid(std::string_view text) {
  text = trim(text);
  if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
  std::string guid = to_lower(text);
  return guid == k_no_guid ? std::string() : guid;
}

bool foreign_truth(std::string_view text) { return equal_ascii_case(trim(text), "true") || trim(text) == "1"; }

std::optional<RawRule> read_xml_rule(ForeignElement& root) {
  RuleReader reader(root, k_xml);
  std::optional<RawRule> raw = reader.frame();
  if (!raw) return std::nullopt;
  raw->connector = foreign_guid(root.text("connector"));
  const bool scope = read_scope(root, raw->rule);
  const bool join = read_join(root, raw->rule);
  if (!scope || !join) {
    root.put(Verdict::not_understood, "its scope or its join conditions are not understood");
    return std::nullopt;
  }
  read_flows(root, *raw);
  return raw;
}

std::optional<RawRule> read_json_rule(ForeignElement& root, std::string_view connector) {
  RuleReader reader(root, k_json);
  std::optional<RawRule> raw = reader.frame();
  if (!raw) return std::nullopt;
  raw->connector = connector;
  if (!read_json_conditions(root, raw->rule)) {
    root.put(Verdict::not_understood, "its scope or its join conditions are not understood");
    return std::nullopt;
  }
  read_json_flows(root, *raw);
  return raw;
}

void type_constants(Rule& rule, const ForeignSchema& target) {
  for (Flow& flow : rule.flows) {
    if (flow.kind != Flow::Kind::constant) continue;
    const auto found = target.find(flow.target);
    if (found == target.end()) continue;
    for (model::Value& value : flow.constant) {
      const std::string text = model::to_text(value);
      if (found->second.kind == model::ValueKind::boolean &&
          (equal_ascii_case(text, "true") || equal_ascii_case(text, "false"))) {
        value = equal_ascii_case(text, "true");
      } else if (found->second.kind == model::ValueKind::integer) {
        if (const auto number = to_integer(text)) value = *number;
      }
    }
  }
}

namespace {

/// A number of its own counts; 0 with a neighbour is "insert me there".
bool is_inserted(const RawRule& one) { return one.rule.precedence == 0 && (!one.before.empty() || !one.after.empty()); }

/// Puts those of `waiting` whose neighbours are in `order` beside them, without a number (-1); the others keep waiting.
void insert_beside(std::vector<RawRule>& waiting, std::vector<RawRule>& order) {
  std::set<std::string> placed;
  for (const RawRule& one : order) placed.insert(one.id);
  // One may be inserted beside another that is inserted itself: as long as places are found.
  constexpr int k_longest_chain = 100;
  bool found = true;
  for (int turn = 0; found && turn < k_longest_chain; ++turn) {
    found = false;
    for (auto one = waiting.begin(); one != waiting.end();) {
      const std::string& wanted = one->before.empty() ? one->after : one->before;
      if (!placed.contains(wanted)) {
        ++one;
        continue;
      }
      auto place = std::ranges::find_if(order, [&](const RawRule& other) { return other.id == wanted; });
      if (one->before.empty()) ++place;
      one->rule.precedence = -1;
      placed.insert(one->id);
      order.insert(place, std::move(*one));
      one = waiting.erase(one);
      found = true;
    }
  }
}

/// The number of the rule at `index`, that has none, after `last`: as near to the next number as those between leave
/// it.
std::int64_t number_before_the_next(const std::vector<RawRule>& order, std::size_t index, std::int64_t last) {
  const auto next = std::find_if(order.begin() + static_cast<std::ptrdiff_t>(index), order.end(),
                                 [](const RawRule& other) { return other.rule.precedence >= 0; });
  if (next == order.end()) return last + 1;
  return std::max(last + 1, next->rule.precedence - (next - order.begin() - static_cast<std::ptrdiff_t>(index)));
}

/// Numbers what was inserted, and moves what there is no room for.
void number_in_order(std::vector<RawRule>& order) {
  std::int64_t last = -1;
  bool moved = false;  // the one before has a number that it did not have there
  for (std::size_t i = 0; i < order.size(); ++i) {
    RawRule& one = order[i];
    const std::int64_t own = one.rule.precedence;
    if (own < 0) {
      moved = true;
      one.rule.precedence = number_before_the_next(order, i, last);
      if (one.precedence != nullptr) {
        one.precedence->remark(fmt::format("inserted {} another rule: {} here", one.before.empty() ? "after" : "before",
                                           one.rule.precedence));
      }
    } else if (own < last || (own == last && moved)) {
      moved = true;
      one.rule.precedence = last + 1;
      if (one.precedence != nullptr) {
        one.precedence->remark(
            fmt::format("{} there, {} here, to make room for a rule inserted before", own, one.rule.precedence));
      }
    } else {
      moved = false;
    }
    last = std::max(last, one.rule.precedence);
  }
}

}  // namespace

void settle_precedence(std::vector<RawRule>& rules) {
  std::stable_sort(rules.begin(), rules.end(), [](const RawRule& left, const RawRule& right) {
    return left.rule.precedence < right.rule.precedence;
  });
  std::vector<RawRule> waiting;
  std::vector<RawRule> order;
  for (RawRule& one : rules) (is_inserted(one) ? waiting : order).push_back(std::move(one));
  insert_beside(waiting, order);
  number_in_order(order);
  for (RawRule& one : waiting) {
    if (one.precedence != nullptr) {
      one.precedence->remark("to be inserted beside a rule that the export does not hold: 0 here; give it a number");
    }
    order.push_back(std::move(one));
  }
  rules = std::move(order);
}

}  // namespace linkspan::rules
