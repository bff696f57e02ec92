#include "rules/evaluate.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "rules/internal/program.h"

namespace linkspan::rules {
namespace {

class InputSource final : public Source {
 public:
  InputSource(const EvaluationInput& input, const Clock& clock, model::Names& names) : input_(input), clock_(clock) {
    fill(attributes_, input.attributes, names);
    fill(imported_, input.imported ? *input.imported : input.attributes, names);
    for (const model::NamedReference& reference : input.references)
      references_[names.id(reference.attribute)].push_back(reference.target);
  }

  const model::ImageAttribute* find(model::NameId attribute) const override { return find_in(attributes_, attribute); }
  const model::ImageAttribute* find_imported(model::NameId attribute) const override {
    return find_in(imported_, attribute);
  }
  std::size_t count_references(model::NameId attribute) const override {
    const auto found = references_.find(attribute);
    return found == references_.end() ? 0 : found->second.size();
  }
  std::vector<std::string> reference_names(model::NameId attribute) const override {
    const auto found = references_.find(attribute);
    return found == references_.end() ? std::vector<std::string>{} : found->second;
  }
  std::optional<std::string> parameter(std::string_view name) const override {
    const auto found = std::find_if(input_.parameters.begin(), input_.parameters.end(),
                                    [&](const auto& each) { return each.first == name; });
    if (found == input_.parameters.end()) return std::nullopt;
    return found->second;
  }
  Time now() const override { return clock_.now(); }
  std::optional<std::string> claim_unique(model::NameId, const UniqueCandidates& candidates) const override {
    if (const auto held = candidates.index_of(input_.held)) return candidates.at(*held);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      std::string candidate = candidates.at(i);
      const std::string key = fold_key(candidate);
      const bool taken = std::any_of(input_.taken.begin(), input_.taken.end(),
                                     [&](const std::string& each) { return fold_key(each) == key; });
      if (!taken) return candidate;
    }
    return std::nullopt;
  }

 private:
  using Table = std::map<model::NameId, model::ImageAttribute>;
  static void fill(Table& table, const model::Attributes& attributes, model::Names& names) {
    for (const auto& [name, values] : attributes) {
      const model::NameId id = names.id(name);
      table[id] = {id, values, {}};
    }
  }
  static const model::ImageAttribute* find_in(const Table& table, model::NameId attribute) {
    const auto found = table.find(attribute);
    return found == table.end() ? nullptr : &found->second;
  }

  const EvaluationInput& input_;
  const Clock& clock_;
  Table attributes_;
  Table imported_;
  std::map<model::NameId, std::vector<std::string>> references_;
};

std::string_view type_word(Type type) {
  switch (type) {
    case Type::null:
      return "null";
    case Type::text:
      return "text";
    case Type::number:
      return "number";
    case Type::boolean:
      return "boolean";
    case Type::time:
      return "time";
    case Type::binary:
      return "binary";
    case Type::reference:
      return "reference";
    case Type::list:
      return "list";
    case Type::references:
      return "references";
    case Type::ignore:
      return "ignore";
    case Type::authoritative_null:
      return "authoritative_null";
    case Type::pattern:
      return "pattern";
  }
  return "";
}

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

}  // namespace

EvaluationResult evaluate_expression(std::string_view text, const EvaluationInput& input, const Clock& clock) {
  EvaluationResult result;
  ExpressionProblems found;
  model::Names names;
  std::unique_ptr<Program> program;
  if (const std::optional<Expr> tree = parse_expression(text, found)) program = Program::compile(*tree, names, found);
  for (ExpressionProblem& problem : found) {
    result.problems.push_back({problem.severity,
                               {},
                               position_at(text, problem.offset),
                               std::move(problem.id),
                               std::move(problem.message),
                               std::move(problem.hint),
                               {}});
  }
  attach_source(result.problems, "", text);
  if (program == nullptr) return result;
  const InputSource source(input, clock, names);
  try {
    Evaluation evaluation(source);
    const Datum raw = program->run(evaluation);
    const Datum datum = evaluation.materialise(raw);
    result.type = type_word(raw.type);
    if (datum.type == Type::ignore || datum.type == Type::authoritative_null) return result;
    for (const Datum& value : values_of(datum)) result.values.push_back(to_value(value));
  } catch (EvaluationFailure& failure) {
    result.failed = std::move(failure.message);
  }
  return result;
}

}  // namespace linkspan::rules
