// Rules back to TOML, and problems to text for people.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "model/value.h"
#include "rules/internal/ast.h"
#include "rules/internal/flow.h"
#include "rules/internal/rule_check.h"
#include "rules/internal/scope.h"
#include "rules/internal/toml_text.h"
#include "rules/internal/utf8.h"

namespace linkspan::rules {
namespace {

std::string print_constant(const model::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return toml_string(*text);
  if (const auto* binary = std::get_if<model::Binary>(&value))
    return "{ base64 = " + toml_string(to_base64(binary->bytes)) + " }";
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  return to_rfc3339(std::get<Time>(value));
}

std::string print_constants(const model::Values& values) {
  if (values.size() == 1) return print_constant(values.front());
  std::string out = "[";
  for (const model::Value& value : values) out += (out.size() > 1 ? ", " : "") + print_constant(value);
  return out + "]";
}

/// Whether the expression `text` reads as a direct flow of exactly this attribute.
bool reads_directly(const std::string& text, const std::string& attribute) {
  ExpressionProblems problems;
  const std::optional<Expr> tree = parse_expression(text, problems);
  const auto* read = tree ? std::get_if<AttributeRead>(&tree->node) : nullptr;
  return read != nullptr && read->name == attribute;
}

std::string print_flow(const Flow& flow) {
  const bool plain = flow.merge == MergeType::update && !flow.apply_once && !flow.flatten && flow.referenced_by.empty();
  const std::string bracketed = "[" + flow.text + "]";
  if (plain && flow.kind == Flow::Kind::expression) return toml_string(flow.text);
  if (plain && flow.kind == Flow::Kind::direct && reads_directly(bracketed, flow.text)) return toml_string(bracketed);
  std::string out = "{ ";
  switch (flow.kind) {
    case Flow::Kind::direct:
      out += "source = " + toml_string(flow.text);
      break;
    case Flow::Kind::constant:
      out += "constant = " + print_constants(flow.constant);
      break;
    case Flow::Kind::expression:
      out += "expression = " + toml_string(flow.text);
      break;
  }
  if (flow.merge != MergeType::update) out += fmt::format(", merge = \"{}\"", name_of(flow.merge));
  if (flow.apply_once) out += ", once = true";
  if (!flow.referenced_by.empty()) out += ", referenced_by = " + toml_string(flow.referenced_by);
  if (flow.flatten) out += ", flatten = true";
  return out + " }";
}

template <class Clause, class Print>
std::string print_groups(const std::vector<std::vector<Clause>>& groups, Print print) {
  std::string out = "[";
  for (const auto& group : groups) {
    if (out.size() > 1) out += ", ";
    out += "[";
    for (const Clause& clause : group) {
      if (&clause != &group.front()) out += ", ";
      out += print(clause);
    }
    out += "]";
  }
  return out + "]";
}

std::string print_join(const JoinClause& clause) {
  if (!is_printable_attribute(clause.source) || !is_printable_attribute(clause.target)) {
    return fmt::format("{{ connector = {}, metaverse = {}{} }}", toml_string(clause.source), toml_string(clause.target),
                       clause.case_sensitive ? ", case = true" : "");
  }
  return toml_string(print_attribute(clause.source) + " = " + print_attribute(clause.target) +
                     (clause.case_sensitive ? " case" : ""));
}

}  // namespace

std::string print_rule(const Rule& rule) {
  std::string out = "[[rule]]\n";
  const auto line = [&](std::string_view key, const std::string& value) {
    out += fmt::format("{:<11}= {}\n", key, value);
  };
  line("name", toml_string(rule.name));
  if (!rule.description.empty()) line("description", toml_string(rule.description));
  line("direction", toml_string(name_of(rule.direction)));
  if (!rule.connector.empty()) line("connector", toml_string(rule.connector));
  if (!rule.kind.empty()) line("kind", toml_string(rule.kind));
  line("source", toml_string(rule.source));
  line("target", toml_string(rule.target));
  line("link", toml_string(name_of(rule.link)));
  if (!rule.precedence_before.empty()) {
    line("precedence_before", toml_string(rule.precedence_before));
  } else if (!rule.precedence_after.empty()) {
    line("precedence_after", toml_string(rule.precedence_after));
  } else {
    line("precedence", std::to_string(rule.precedence));
  }
  if (rule.disabled) line("disabled", "true");
  if (!rule.scope.empty())
    line("scope",
         print_groups(rule.scope, [](const ScopeClause& clause) { return toml_string(print_clause(clause)); }));
  if (!rule.join.empty()) line("join", print_groups(rule.join, print_join));
  if (rule.flows.empty()) return out;
  out += "[rule.flows]\n";
  for (const Flow& flow : rule.flows) out += toml_key(flow.target) + " = " + print_flow(flow) + "\n";
  return out;
}

void attach_source(std::vector<Problem>& problems, std::string_view file, std::string_view text) {
  const TomlText lines(text);
  for (Problem& problem : problems) {
    if (problem.file != file || !problem.source.empty()) continue;
    problem.source = std::string(lines.line(problem.position.line));
    const std::size_t at = problem.text.empty() ? std::string::npos : problem.source.find(problem.text);
    if (at != std::string::npos)
      problem.position.column =
          static_cast<std::uint32_t>(code_points(std::string_view(problem.source).substr(0, at))) + 1;
  }
}

std::size_t underlined(const Problem& problem) {
  std::string_view rest = problem.source;
  for (std::uint32_t column = 1; column < problem.position.column && !rest.empty(); ++column) {
    rest.remove_prefix(1);
    while (!rest.empty() && (static_cast<unsigned char>(rest.front()) & 0xC0U) == 0x80U) rest.remove_prefix(1);
  }
  if (rest.empty()) return 1;
  if (!problem.text.empty() && rest.starts_with(problem.text)) return code_points(problem.text);
  const auto through = [&](char end) {
    const std::size_t at = rest.find(end, 1);
    return at == std::string_view::npos ? std::size_t{1} : code_points(rest.substr(0, at + 1));
  };
  if (rest.front() == '"' || rest.front() == '\'') return through(rest.front());
  if (rest.starts_with("[[")) return rest.find(']') == std::string_view::npos ? 2 : through(']') + 1;
  if (rest.front() == '[') return through(']');
  std::size_t length = rest.front() == '$' || rest.front() == '&' ? 1 : 0;
  const auto in_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  };
  while (length < rest.size() && in_word(rest[length])) ++length;
  return std::max<std::size_t>(1, code_points(rest.substr(0, length)));
}

std::string to_text(const Problem& problem) {
  std::string out = problem.file;
  if (problem.position.line != 0)
    out += fmt::format("{}{}:{}", out.empty() ? "" : ":", problem.position.line, problem.position.column);
  out += fmt::format("{}{}: {} [{}]\n", out.empty() ? "" : ": ",
                     problem.severity == Problem::Severity::error ? "error" : "warning", problem.message, problem.id);
  if (!problem.source.empty()) {
    const std::string_view source = std::string_view(problem.source).substr(0, 400);
    out += fmt::format("    {}\n", printable(source, 400));
    if (problem.position.column != 0 && problem.position.column <= code_points(source) + 1) {
      const std::size_t length = std::min(underlined(problem), code_points(source) + 2 - problem.position.column);
      out += fmt::format("    {}^{}\n", std::string(problem.position.column - 1, ' '),
                         std::string(std::max<std::size_t>(length, 1) - 1, '~'));
    }
  }
  if (!problem.hint.empty()) out += fmt::format("    {}\n", problem.hint);
  return out;
}

}  // namespace linkspan::rules
