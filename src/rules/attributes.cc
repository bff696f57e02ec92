#include "rules/attributes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "rules/internal/ast.h"
#include "rules/internal/rule_check.h"
#include "rules/internal/scope.h"

namespace linkspan::rules {
namespace {

void collect(const Expr& expression, std::vector<std::string>& out) {
  if (const auto* read = std::get_if<AttributeRead>(&expression.node)) {
    out.push_back(read->name);
  } else if (const auto* call = std::get_if<Call>(&expression.node)) {
    const bool by_name = call->function == "ImportedValue" || call->function == "ValueCount";
    const auto* name =
        by_name && !call->arguments.empty() ? std::get_if<TextLiteral>(&call->arguments[0].node) : nullptr;
    if (name != nullptr) out.push_back(name->text);
    for (const Expr& argument : call->arguments) collect(argument, out);
  } else if (const auto* chain = std::get_if<Chain>(&expression.node)) {
    for (const Expr& operand : chain->operands) collect(operand, out);
  } else if (const auto* negation = std::get_if<Negation>(&expression.node)) {
    for (const Expr& operand : negation->operand) collect(operand, out);
  }
}

std::string without_digits(std::string_view name) {
  std::string out;
  std::copy_if(name.begin(), name.end(), std::back_inserter(out), [](char c) { return c < '0' || c > '9'; });
  return out;
}

/// How many letters must be put in, taken out or exchanged to make one of the other.
std::size_t slips_between(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t k = 0; k < other.size(); ++k) {
      const std::size_t exchanged = diagonal + (one[i] == other[k] ? 0 : 1);
      diagonal = row[k + 1];
      row[k + 1] = std::min({exchanged, diagonal + 1, row[k] + 1});
    }
  }
  return row.back();
}

/// Short names resemble each other by chance.
bool is_slip(std::string_view name, std::string_view meant) {
  if (equal_ascii_case(name, meant)) return true;
  return slips_between(name, meant) <= (name.size() < 8 ? 1U : 2U);
}

class AttributeChecker {
 public:
  AttributeChecker(std::span<const Rule> rules, std::span<const ConnectorName> connectors, const SeenAttributes& seen,
                   std::vector<Problem>& problems)
      : connectors_(connectors), seen_(seen), problems_(problems) {
    for (const Rule& rule : rules) {
      if (rule.direction != Direction::inbound) continue;
      for (const Flow& flow : rule.flows) metaverse_[rule.target].insert(flow.target);
    }
  }

  void check(const Rule& rule) {
    const bool inbound = rule.direction == Direction::inbound;
    const Names object = of_connector(rule, inbound ? rule.source : rule.target);
    const Names metaverse = of_metaverse(inbound ? rule.target : rule.source);
    const Names& read = inbound ? object : metaverse;
    for (const auto& group : rule.scope) {
      for (const ScopeClause& clause : group)
        check(rule, clause.position, clause.attribute, clause.attribute, read, inbound);
    }
    for (const auto& group : rule.join) {
      for (const JoinClause& clause : group) {
        check(rule, clause.position, clause.source, clause.source, object, true);
        check(rule, clause.position, clause.target, clause.target, metaverse, false);
      }
    }
    for (const Flow& flow : rule.flows) {
      if (!inbound) check(rule, flow.position, flow.target, flow.target, object, true);
      for (const std::string& name : attributes_read(flow))
        check(rule, flow.position, name, "[" + name + "]", read, inbound);
    }
  }

 private:
  using Names = std::set<std::string, std::less<>>;

  Names of_metaverse(const std::string& type) const {
    const auto found = metaverse_.find(type);
    return found == metaverse_.end() ? Names() : found->second;
  }

  Names of_connector(const Rule& rule, const std::string& type) const {
    Names names;
    const auto add_usual = [&](std::string_view kind) {
      for (const std::string_view name : usual_attributes(kind, type)) names.emplace(name);
    };
    if (!rule.kind.empty()) add_usual(rule.kind);
    for (const ConnectorName& connector : connectors_) {
      if (!speaks_of(rule, connector)) continue;
      add_usual(connector.kind);
      const auto seen = seen_.find({connector.name, type});
      if (seen != seen_.end()) names.insert(seen->second.begin(), seen->second.end());
    }
    return names;
  }

  void check(const Rule& rule, Position position, const std::string& name, std::string text, const Names& known,
             bool of_object) {
    if (known.empty() || known.contains(name)) return;
    const std::vector<std::string> names(known.begin(), known.end());
    const auto near = nearest(name, names);
    if (!near || !is_slip(name, *near) || without_digits(*near) == without_digits(name)) return;
    if (!told_.emplace(&rule, text).second) return;
    const bool inbound = rule.direction == Direction::inbound;
    const std::string& type = of_object == inbound ? rule.source : rule.target;
    problems_.push_back({Problem::Severity::warning,
                         rule.file,
                         position.line == 0 ? rule.position : position,
                         "rules.unknown_attribute",
                         fmt::format("rule \"{}\": {}", printable(rule.name, 80),
                                     of_object ? fmt::format("{} is not known of {}", printable(name, 80), type)
                                               : fmt::format("no rule flows into {} of {}", printable(name, 80), type)),
                         fmt::format("Did you mean {}?", *near),
                         {},
                         std::move(text)});
  }

  std::span<const ConnectorName> connectors_;
  const SeenAttributes& seen_;
  std::vector<Problem>& problems_;
  std::map<std::string, Names> metaverse_;
  std::set<std::pair<const Rule*, std::string>> told_;
};

}  // namespace

std::vector<std::string> attributes_read(const Flow& flow) {
  std::vector<std::string> out;
  if (flow.kind == Flow::Kind::direct) out.push_back(flow.text);
  if (flow.kind != Flow::Kind::expression) return out;
  ExpressionProblems ignored;
  if (const std::optional<Expr> tree = parse_expression(flow.text, ignored)) collect(*tree, out);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void check_attributes(std::span<const Rule> rules, std::span<const ConnectorName> connectors,
                      const SeenAttributes& seen, std::vector<Problem>& problems) {
  AttributeChecker checker(rules, connectors, seen, problems);
  for (const Rule& rule : rules) checker.check(rule);
}

}  // namespace linkspan::rules
