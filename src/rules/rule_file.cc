// Rule files: TOML to rules, with every mistake on its line.

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <initializer_list>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"
#include "rules/internal/ast.h"
#include "rules/internal/flow.h"
#include "rules/internal/rule_check.h"
#include "rules/internal/scope.h"
#include "rules/internal/toml_text.h"
#include "rules/rule.h"

namespace linkspan::rules {
namespace {

constexpr std::size_t k_largest_file = std::size_t{4} * 1024 * 1024;
constexpr std::size_t k_most_rules = 10'000;
constexpr std::size_t k_most_values = 10'000;

/// A word of `all` by its name_of, or nullopt.
template <class Enum>
std::optional<Enum> word(std::string_view text, std::initializer_list<Enum> all) {
  for (const Enum each : all) {
    if (name_of(each) == text) return each;
  }
  return std::nullopt;
}

/// Reads the tables of one TOML document. Line numbers of the document may be shifted against those of the file.
class Reader {
 public:
  Reader(std::string_view text, std::string_view file, std::uint32_t shift, std::vector<Problem>& problems)
      : text_(text), file_(file), shift_(shift), problems_(problems) {}

  void read(const toml::table& document, std::vector<Rule>& rules) {
    known_keys(document, {"rule"}, "a rule file");
    const toml::node* list = document.get("rule");
    if (list == nullptr) return;
    const toml::array* tables = list->as_array();
    if (tables == nullptr)
      return error(at(*list), "rules.file_type", "rules are written as [[rule]] tables",
                   "Write [[rule]] with two brackets.");
    for (const toml::node& node : *tables) {
      if (rules.size() == k_most_rules)
        return error(at(node), "rules.too_many", fmt::format("a file holds at most {} rules", k_most_rules));
      if (const toml::table* table = node.as_table()) {
        rule(*table, rules);
      } else {
        error(at(node), "rules.file_type", "a rule is a table");
      }
    }
  }

 private:
  // --- reporting ---

  [[nodiscard]] Position at(const toml::source_region& region) const {
    return {region.begin.line, region.begin.column};
  }
  [[nodiscard]] Position at(const toml::node& node) const { return at(node.source()); }

  void report(Problem::Severity severity, Position position, std::string_view id, std::string message,
              std::string hint) {
    std::string source(text_.line(position.line));
    problems_.push_back({severity, std::string(file_), shifted(position), std::string(id), std::move(message),
                         std::move(hint), std::move(source)});
    if (severity == Problem::Severity::error) broken_ = true;
  }
  void error(Position position, std::string_view id, std::string message, std::string hint = {}) {
    report(Problem::Severity::error, position, id, std::move(message), std::move(hint));
  }
  [[nodiscard]] Position shifted(Position position) const { return {position.line + shift_, position.column}; }

  void known_keys(const toml::table& table, std::initializer_list<std::string_view> keys, std::string_view where) {
    for (const auto& [key, node] : table) {
      if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
      const std::vector<std::string> names(keys.begin(), keys.end());
      const std::optional<std::string> near = nearest(key.str(), names);
      error(at(key.source()), "rules.unknown_key", fmt::format("{} has no {}", where, printable(key.str(), 60)),
            near ? fmt::format("Did you mean {}?", *near) : fmt::format("It has: {}", fmt::join(keys, ", ")));
    }
  }

  // --- plain values ---

  std::optional<std::string> text(const toml::table& table, std::string_view key, bool required, Position table_at) {
    const toml::node* node = table.get(key);
    if (node == nullptr) {
      if (required) error(table_at, "rules.missing_key", fmt::format("the rule has no {}", key));
      return std::nullopt;
    }
    const toml::value<std::string>* value = node->as_string();
    if (value != nullptr && (!required || !trim(value->get()).empty())) return value->get();
    error(at(*node), "rules.value_type",
          fmt::format("{} is text, between quotes{}", key, required ? ", and not empty" : ""));
    return std::nullopt;
  }

  bool flag(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return false;
    if (const auto* value = node->as_boolean()) return value->get();
    error(at(*node), "rules.value_type", fmt::format("{} is true or false", key));
    return false;
  }

  template <class Enum>
  std::optional<Enum> choice(const toml::table& table, std::string_view key, bool required, Position table_at,
                             std::initializer_list<Enum> all) {
    const std::optional<std::string> given = text(table, key, required, table_at);
    if (!given) return std::nullopt;
    const std::optional<Enum> found = word(*given, all);
    if (found) return found;
    std::vector<std::string> names;
    for (const Enum each : all) names.emplace_back(name_of(each));
    const std::optional<std::string> near = nearest(*given, names);
    error(at(*table.get(key)), "rules.choice",
          fmt::format("{} is one of {}, not {}", key, fmt::join(names, ", "), printable(*given, 60)),
          near ? fmt::format("Did you mean {}?", *near) : "");
    return std::nullopt;
  }

  // --- a rule ---

  void rule(const toml::table& table, std::vector<Rule>& rules) {
    const Position where = at(table);
    broken_ = false;
    known_keys(table,
               {"name", "description", "direction", "connector", "kind", "source", "target", "link", "precedence",
                "precedence_before", "precedence_after", "disabled", "scope", "join", "flows"},
               "a rule");
    Rule out;
    out.file = std::string(file_);
    out.position = shifted(where);
    const auto name = text(table, "name", true, where);
    const auto direction = choice(table, "direction", true, where, {Direction::inbound, Direction::outbound});
    const auto source = text(table, "source", true, where);
    const auto target = text(table, "target", true, where);
    const auto link = choice(table, "link", true, where, {LinkType::provision, LinkType::join, LinkType::sticky_join});
    out.precedence_before = text(table, "precedence_before", false, where).value_or("");
    out.precedence_after = text(table, "precedence_after", false, where).value_or("");
    const auto precedence = placement(table, where, out);
    out.description = text(table, "description", false, where).value_or("");
    out.connector = text(table, "connector", false, where).value_or("");
    out.kind = text(table, "kind", false, where).value_or("");
    if (!table.contains("connector") && !table.contains("kind")) {
      error(where, "rules.missing_key", "the rule names neither a connector nor a kind of connectors",
            "Write connector = \"name\" or kind = \"ldap\".");
    }
    out.disabled = flag(table, "disabled");
    // What is wrong with the frame of a rule keeps it out; a mistake in a part keeps out the part.
    const bool whole = name && direction && source && target && link && precedence && !broken_;
    groups(table, "scope", "clauses of scope", [&](const toml::node& node) { return scope_clause(node); }, out.scope);
    groups(table, "join", "join conditions", [&](const toml::node& node) { return join_clause(node); }, out.join);
    if (const toml::node* node = table.get("flows")) flows(*node, out.flows);
    if (!whole) return;
    out.name = *name;
    out.direction = *direction;
    out.source = *source;
    out.target = *target;
    out.link = *link;
    out.precedence = *precedence;
    rules.push_back(std::move(out));
  }

  /// A number, or a place before or after another rule.
  std::optional<std::int64_t> placement(const toml::table& table, Position table_at, const Rule& rule) {
    const int places = (rule.precedence_before.empty() ? 0 : 1) + (rule.precedence_after.empty() ? 0 : 1);
    if (places == 0) return number(table, table_at);
    if (places == 1 && !table.contains("precedence")) return 0;
    error(table_at, "rules.placement", "a rule has one of precedence, precedence_before and precedence_after");
    return std::nullopt;
  }

  std::optional<std::int64_t> number(const toml::table& table, Position table_at) {
    const toml::node* node = table.get("precedence");
    if (node == nullptr) {
      error(table_at, "rules.missing_key", "the rule has no precedence",
            "A whole number, the lower one wins; or precedence_before or precedence_after = \"another rule\".");
      return std::nullopt;
    }
    const auto* value = node->as_integer();
    if (value != nullptr && value->get() >= 0 && value->get() <= 1'000'000'000) return value->get();
    error(at(*node), "rules.value_type", "precedence is a whole number from 0 to 1000000000");
    return std::nullopt;
  }

  // --- scope and join: lists of lists ---

  template <class Clause, class Read>
  void groups(const toml::table& table, std::string_view key, std::string_view what, Read read,
              std::vector<std::vector<Clause>>& out) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr)
      return error(at(*node), "rules.value_type", fmt::format("{} is a list of groups: [[\"...\"]]", key));
    for (const toml::node& each : *list) {
      const toml::array* group = each.as_array();
      if (group == nullptr) {
        error(at(each), "rules.value_type", fmt::format("{} is a list of groups, each a list of {}", key, what),
              "Write it in two pairs of brackets: [[\"...\"]].");
        continue;
      }
      std::vector<Clause> clauses;
      for (const toml::node& member : *group) {
        if (std::optional<Clause> clause = read(member)) clauses.push_back(std::move(*clause));
      }
      if (group->empty())
        error(at(each), "rules.empty_group", fmt::format("a group of {} is empty", what), "Remove it.");
      if (!clauses.empty()) out.push_back(std::move(clauses));
    }
  }

  std::optional<ScopeClause> scope_clause(const toml::node& node) {
    const auto* text = node.as_string();
    if (text == nullptr) {
      error(at(node), "rules.value_type", "a clause of scope is text: \"attribute OPERATOR value\"");
      return std::nullopt;
    }
    std::string_view rest = text->get();
    const auto offset = [&] { return static_cast<std::size_t>(rest.data() - text->get().data()); };
    ScopeClause clause;
    clause.position = shifted(at(node));
    const std::optional<std::string> name = read_attribute(rest);
    if (!name || rest.empty()) {
      error(at(node), "rules.scope", "a clause of scope reads: attribute OPERATOR value",
            "Example: \"mail ISNOTNULL\".");
      return std::nullopt;
    }
    clause.attribute = *name;
    const std::size_t operator_at = offset();
    const std::string_view operation = rest.substr(0, rest.find_first_of(" \t"));
    rest = trim(rest.substr(operation.size()));
    const std::optional<ScopeOperator> found = scope_operator(operation);
    if (!found) {
      const std::optional<std::string> near = nearest(to_upper(operation), scope_operator_names());
      error(text_.inside(at(node), operator_at), "rules.unknown_operator",
            fmt::format("there is no operator {}", printable(operation, 60)),
            near ? fmt::format("Did you mean {}?", *near)
                 : fmt::format("There are: {}", fmt::join(scope_operator_names(), ", ")));
      return std::nullopt;
    }
    clause.operation = *found;
    return with_value(std::move(clause), rest, node, operator_at);
  }

  std::optional<ScopeClause> with_value(ScopeClause clause, std::string_view value, const toml::node& node,
                                        std::size_t operator_at) {
    const Position where = text_.inside(at(node), operator_at);
    if (!takes_value(clause.operation)) {
      if (value.empty()) return clause;
      error(where, "rules.scope", fmt::format("{} takes no value", name_of(clause.operation)));
      return std::nullopt;
    }
    if (value.empty()) {
      error(where, "rules.scope", fmt::format("{} needs a value after it", name_of(clause.operation)),
            "Empty text is written \"\".");
      return std::nullopt;
    }
    const bool bits =
        clause.operation == ScopeOperator::is_bit_set || clause.operation == ScopeOperator::is_bit_not_set;
    if (bits && bits_in(value).value_or(0) == 0) {
      error(where, "rules.scope", fmt::format("{} takes a number other than 0", name_of(clause.operation)),
            "Write it like 2 or &H2.");
      return std::nullopt;
    }
    clause.value = unquoted(value);
    return clause;
  }

  static std::string unquoted(std::string_view value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string(value);
    std::string out;
    value = value.substr(1, value.size() - 2);
    for (std::size_t i = 0; i < value.size(); ++i) {
      out += value[i];
      if (value[i] == '"' && i + 1 < value.size() && value[i + 1] == '"') ++i;
    }
    return out;
  }

  std::optional<JoinClause> join_clause(const toml::node& node) {
    JoinClause clause;
    clause.position = shifted(at(node));
    if (const toml::table* table = node.as_table()) {
      known_keys(*table, {"connector", "metaverse", "case"}, "a join condition");
      clause.source = text(*table, "connector", true, at(node)).value_or("");
      clause.target = text(*table, "metaverse", true, at(node)).value_or("");
      clause.case_sensitive = flag(*table, "case");
      if (clause.source.empty() || clause.target.empty()) return std::nullopt;
      return clause;
    }
    const auto* text = node.as_string();
    std::string_view rest = text == nullptr ? std::string_view() : std::string_view(text->get());
    const std::optional<std::string> left = read_attribute(rest);
    const bool equals = rest.starts_with('=');
    if (equals) rest.remove_prefix(1);
    const std::optional<std::string> right = equals ? read_attribute(rest) : std::nullopt;
    if (!left || !right || (!rest.empty() && rest != "case")) {
      error(at(node), "rules.join", "a join condition reads: connectorAttribute = metaverseAttribute",
            "Add the word case to compare exactly: \"externalId = sourceAnchor case\".");
      return std::nullopt;
    }
    clause.source = *left;
    clause.target = *right;
    clause.case_sensitive = !rest.empty();
    return clause;
  }

  // --- flows ---

  void flows(const toml::node& node, std::vector<Flow>& out) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return error(at(node), "rules.value_type", "flows are a table: [rule.flows]");
    flows_of(*table, "", out);
    std::stable_sort(out.begin(), out.end(), [](const Flow& left, const Flow& right) {
      return std::pair(left.position.line, left.position.column) <
             std::pair(right.position.line, right.position.column);
    });
  }

  /// name.givenName = "…" is a table within a table to TOML, and one attribute to us.
  void flows_of(const toml::table& table, const std::string& prefix, std::vector<Flow>& out) {
    for (const auto& [key, node] : table) {
      const std::string target = prefix + std::string(key.str());
      const toml::table* inner = node.as_table();
      const bool spec = inner != nullptr && (inner->is_inline() || inner->contains("constant") ||
                                             inner->contains("source") || inner->contains("expression"));
      if (inner != nullptr && !spec) {
        flows_of(*inner, target + ".", out);
        continue;
      }
      Flow flow;
      flow.target = target;
      flow.position = shifted(at(key.source()));
      if (target.empty()) {
        error(at(key.source()), "rules.flow", "a flow names the attribute it writes");
      } else if (inner != nullptr ? flow_table(*inner, flow) : flow_text(node, flow)) {
        out.push_back(std::move(flow));
      }
    }
  }

  bool flow_text(const toml::node& node, Flow& flow) {
    if (const auto* text = node.as_string()) return expression(*text, flow);
    error(at(node), "rules.value_type",
          fmt::format("the flow to {} is an expression between quotes, or a table", flow.target),
          "A constant is written { constant = ... }.");
    return false;
  }

  bool flow_table(const toml::table& table, Flow& flow) {
    known_keys(table, {"constant", "source", "expression", "merge", "once", "referenced_by", "flatten"}, "a flow");
    flow.merge = choice(table, "merge", false, at(table),
                        {MergeType::update, MergeType::replace, MergeType::merge, MergeType::merge_case_insensitive})
                     .value_or(MergeType::update);
    flow.apply_once = flag(table, "once");
    flow.flatten = flag(table, "flatten");
    flow.referenced_by = text(table, "referenced_by", false, at(table)).value_or("");
    const toml::node* constant = table.get("constant");
    const toml::node* source = table.get("source");
    const toml::node* formula = table.get("expression");
    if ((constant != nullptr) + (source != nullptr) + (formula != nullptr) != 1) {
      error(at(table), "rules.flow",
            fmt::format("the flow to {} has exactly one of constant, source and expression", flow.target));
      return false;
    }
    if (source == nullptr && (flow.flatten || !flow.referenced_by.empty())) {
      error(at(table), "rules.flow",
            fmt::format("the flow to {} has flatten or referenced_by, which go with source", flow.target));
      return false;
    }
    if (constant != nullptr) {
      flow.kind = Flow::Kind::constant;
      return constants(*constant, flow);
    }
    const toml::node& node = source != nullptr ? *source : *formula;
    const auto* text = node.as_string();
    if (text == nullptr || text->get().empty()) {
      error(at(node), "rules.value_type",
            fmt::format("{} is text, between quotes", source != nullptr ? "source" : "expression"));
      return false;
    }
    if (formula != nullptr) return expression(*text, flow);
    flow.kind = Flow::Kind::direct;
    flow.text = text->get();
    return true;
  }

  bool constants(const toml::node& node, Flow& flow) {
    const toml::array* list = node.as_array();
    if (list == nullptr) return constant(node, flow);
    if (list->empty() || list->size() > k_most_values) {
      error(at(node), "rules.value_type", fmt::format("a constant has 1 to {} values", k_most_values));
      return false;
    }
    bool good = true;
    for (const toml::node& each : *list) good = constant(each, flow) && good;
    return good;
  }

  bool constant(const toml::node& node, Flow& flow) {
    if (const auto* text = node.as_string()) {
      flow.constant.emplace_back(text->get());
    } else if (const auto* number = node.as_integer()) {
      flow.constant.emplace_back(number->get());
    } else if (const auto* boolean = node.as_boolean()) {
      flow.constant.emplace_back(boolean->get());
    } else if (const auto* time = node.as_date_time()) {
      flow.constant.emplace_back(to_time(time->get()));
    } else if (const toml::table* table = node.as_table();
               table != nullptr && table->size() == 1 && table->get("base64") != nullptr) {
      return binary(*table->get("base64"), flow);
    } else {
      error(at(node), "rules.value_type", "a constant is text, a whole number, true, false, or a date with a time",
            "Bytes are written { base64 = \"...\" }.");
      return false;
    }
    return true;
  }

  bool binary(const toml::node& node, Flow& flow) {
    const auto* text = node.as_string();
    std::optional<std::string> bytes = text == nullptr ? std::nullopt : from_base64(text->get());
    if (!bytes) {
      error(at(node), "rules.value_type", "this is no Base64");
      return false;
    }
    flow.constant.emplace_back(model::Binary{std::move(*bytes)});
    return true;
  }

  static Time to_time(const toml::date_time& value) {
    const std::chrono::year_month_day day{std::chrono::year{value.date.year}, std::chrono::month{value.date.month},
                                          std::chrono::day{value.date.day}};
    return std::chrono::sys_days{day} + std::chrono::hours{value.time.hour} + std::chrono::minutes{value.time.minute} +
           std::chrono::seconds{value.time.second} + std::chrono::microseconds{value.time.nanosecond / 1000} -
           std::chrono::minutes{value.offset ? value.offset->minutes : 0};
  }

  bool expression(const toml::value<std::string>& node, Flow& flow) {
    const std::string& text = node.get();
    ExpressionProblems found;
    check_flow_expression(text, flow.apply_once, found);
    bool good = true;
    for (ExpressionProblem& problem : found) {
      report(problem.severity, text_.inside(at(node), problem.offset), problem.id, flow.target + ": " + problem.message,
             std::move(problem.hint));
      good = good && problem.severity != Problem::Severity::error;
    }
    if (!good) return false;
    ExpressionProblems said_already;
    const std::optional<Expr> tree = parse_expression(text, said_already);
    const auto* read = std::get_if<AttributeRead>(&tree->node);
    flow.kind = read != nullptr ? Flow::Kind::direct : Flow::Kind::expression;
    flow.text = read != nullptr ? read->name : text;
    return true;
  }

  TomlText text_;
  std::string_view file_;
  std::uint32_t shift_;
  std::vector<Problem>& problems_;
  bool broken_ = false;
};

void report_syntax(const toml::parse_error& error, std::string_view text, std::string_view file, std::uint32_t shift,
                   std::vector<Problem>& problems) {
  const auto& region = error.source();
  problems.push_back({Problem::Severity::error,
                      std::string(file),
                      {region.begin.line + shift, region.begin.column},
                      "rules.toml",
                      std::string(error.description()),
                      "This is not TOML; text stands between quotes, keys with special characters too.",
                      std::string(TomlText(text).line(region.begin.line))});
}

/// The file from each line that begins a rule to the next: so that one slip does not hide the mistakes after it.
void parse_pieces(std::string_view text, std::string_view file, std::vector<Problem>& problems,
                  std::vector<Rule>& rules) {
  std::size_t begin = 0;
  std::uint32_t shift = 0;
  while (begin < text.size()) {
    std::size_t end = text.find("\n[[rule]]", begin);
    end = end == std::string_view::npos ? text.size() : end + 1;
    const std::string_view piece = text.substr(begin, end - begin);
    try {
      Reader(piece, file, shift, problems).read(toml::parse(piece, file), rules);
    } catch (const toml::parse_error& error) {
      report_syntax(error, piece, file, shift, problems);
    }
    shift += static_cast<std::uint32_t>(std::count(piece.begin(), piece.end(), '\n'));
    begin = end;
  }
}

}  // namespace

std::vector<Rule> parse_rules(std::string_view text, std::string_view file, std::vector<Problem>& problems) {
  std::vector<Rule> rules;
  const auto told_before = static_cast<std::ptrdiff_t>(problems.size());
  const auto refuse = [&](std::string_view id, std::string message) {
    problems.push_back({Problem::Severity::error, std::string(file), {}, std::string(id), std::move(message), {}, {}});
  };
  if (text.size() > k_largest_file) {
    refuse("rules.too_large", fmt::format("a rule file has at most {} MiB", k_largest_file / 1024 / 1024));
    return rules;
  }
  try {
    const toml::table document = toml::parse(text, file);
    Reader(text, file, 0, problems).read(document, rules);
  } catch (const toml::parse_error&) {
    parse_pieces(text, file, problems, rules);
  }
  // Tables come sorted by their keys; people read from the top.
  std::stable_sort(problems.begin() + told_before, problems.end(), [](const Problem& left, const Problem& right) {
    return std::pair(left.position.line, left.position.column) < std::pair(right.position.line, right.position.column);
  });
  return rules;
}

}  // namespace linkspan::rules
