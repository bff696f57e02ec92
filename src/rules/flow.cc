#include "rules/internal/flow.h"

#include <algorithm>
#include <utility>

namespace linkspan::rules {
namespace {

model::Value to_value(const Datum& datum) {
  switch (datum.type) {
    case Type::number:
      return datum.number;
    case Type::boolean:
      return datum.number != 0;
    case Type::time:
      return datum.time();
    case Type::binary:
      return model::Binary{std::string(datum.text())};
    default:
      return std::string(datum.text());
  }
}

bool is_nothing(const Datum& datum) { return datum.is_null() || (datum.is_textual() && datum.size == 0); }

Contribution direct(const CompiledFlow& flow, const Source& source) {
  Contribution result;
  const model::ImageAttribute* found = source.find(flow.source);
  if (found != nullptr && !found->values.empty()) {
    result.kind = Contribution::Kind::values;
    result.values = found->values;
    return result;
  }
  const std::size_t referencing = flow.referenced_by == 0 ? 0 : source.count_referencing(flow.referenced_by);
  if (referencing == 0 && (found == nullptr || found->references.empty()) && source.count_references(flow.source) == 0)
    return result;
  result.kind = Contribution::Kind::references;
  result.reference = flow.source;
  // Where nobody is told so the references are plain ones, each of which can be decided by itself.
  result.referenced_by = referencing > 0 || flow.followed ? flow.referenced_by : 0;
  result.referencing = referencing;
  result.flatten = flow.flatten;
  return result;
}

std::unique_ptr<Program> compile_text(std::string_view text, bool once, model::Names& names,
                                      ExpressionProblems& problems) {
  const std::optional<Expr> tree = parse_expression(text, problems);
  if (!tree) return nullptr;
  std::unique_ptr<Program> program = Program::compile(*tree, names, problems);
  if (program != nullptr && program->unstable() && !once) {
    problems.push_back({Problem::Severity::warning, 0, "rules.unstable_value",
                        "Guid() and RandomNum() give another value at each synchronization",
                        "Let the flow apply once: { expression = \"...\", once = true }."});
  }
  return program;
}

}  // namespace

Contribution to_contribution(const Datum& datum) {
  Contribution result;
  switch (datum.type) {
    case Type::ignore:
      result.kind = Contribution::Kind::ignore;
      return result;
    case Type::authoritative_null:
      result.kind = Contribution::Kind::authoritative_null;
      return result;
    case Type::references:
      result.kind = Contribution::Kind::references;
      result.reference = static_cast<model::NameId>(datum.number);
      return result;
    default:
      break;
  }
  const std::span<const Datum> values = values_of(datum);
  const auto worth = static_cast<std::size_t>(
      std::count_if(values.begin(), values.end(), [](const Datum& value) { return !is_nothing(value); }));
  if (worth == 0) return result;
  result.kind = Contribution::Kind::values;
  result.values.reserve(worth);
  for (const Datum& value : values) {
    if (!is_nothing(value)) result.values.push_back(to_value(value));
  }
  return result;
}

Contribution evaluate_flow(const CompiledFlow& flow, const Source& source) {
  if (flow.kind == Flow::Kind::direct) return direct(flow, source);
  if (flow.kind == Flow::Kind::constant) {
    Contribution result;
    if (!flow.constant.empty()) result = {Contribution::Kind::values, flow.constant};
    return result;
  }
  try {
    Evaluation evaluation(source, flow.target);
    return to_contribution(flow.program->run(evaluation));
  } catch (EvaluationFailure& failure) {
    return {Contribution::Kind::failed, {}, 0, std::move(failure.message)};
  }
}

void check_flow_expression(std::string_view text, bool once, ExpressionProblems& problems) {
  model::Names scratch;
  (void)compile_text(text, once, scratch, problems);
}

std::vector<CompiledFlow> compile_flows(const Rule& rule, model::Names& names, std::vector<Problem>& problems,
                                        bool& failed) {
  std::vector<CompiledFlow> flows;
  for (const Flow& flow : rule.flows) {
    CompiledFlow compiled;
    compiled.target = names.id(flow.target);
    compiled.kind = flow.kind;
    compiled.constant = flow.constant;
    compiled.merge = flow.merge;
    compiled.once = flow.apply_once;
    if (flow.kind == Flow::Kind::direct) compiled.source = names.id(flow.text);
    if (!flow.referenced_by.empty()) compiled.referenced_by = names.id(flow.referenced_by);
    compiled.flatten = flow.flatten;
    if (flow.kind == Flow::Kind::expression) {
      ExpressionProblems found;
      compiled.program = compile_text(flow.text, flow.apply_once, names, found);
      if (compiled.program != nullptr && compiled.program->claims() && rule.direction == Direction::outbound) {
        found.push_back({Problem::Severity::error, 0, "rules.unique_name",
                         "UniqueName() gives names that are unique in the metaverse, and this rule goes out of it",
                         "Give the name in an inbound rule, and let it flow from there."});
      }
      for (ExpressionProblem& problem : found) {
        // What parse_rules() has already said of a file's expressions is not said twice.
        if (problem.severity == Problem::Severity::warning && !rule.file.empty()) continue;
        if (rule.disabled) problem.severity = Problem::Severity::warning;
        failed = failed || problem.severity == Problem::Severity::error;
        Position position = flow.position;
        if (position.line == 0) position = position_at(flow.text, problem.offset);
        problems.push_back({problem.severity, rule.file, position, std::move(problem.id),
                            "rule \"" + rule.name + "\", " + flow.target + ": " + problem.message,
                            std::move(problem.hint), flow.text});
      }
      if (compiled.program == nullptr) continue;
    }
    flows.push_back(std::move(compiled));
  }
  return flows;
}

}  // namespace linkspan::rules
