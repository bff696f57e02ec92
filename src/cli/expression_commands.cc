// expr: one expression, evaluated.

#include <fmt/format.h>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/session.h"
#include "rules/evaluate.h"

namespace linkspan::cli {
namespace {

Json value_json(const model::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  return model::to_text(value);
}

model::Values texts(const std::vector<std::string>& values) { return {values.begin(), values.end()}; }

model::Value bytes(const std::string& name, const std::string& base64) {
  std::optional<std::string> decoded = from_base64(base64);
  if (!decoded) {
    throw Error(Fault::invalid, "cli.usage", fmt::format("--bytes {}: this is no Base64", name),
                "Give the bytes like --bytes objectGUID=TLOkG14NY0+LHjpfbH2Onw==");
  }
  return model::Binary{std::move(*decoded)};
}

rules::EvaluationInput read_input(const Arguments& arguments) {
  rules::EvaluationInput input;
  for (const auto& [name, values] : parse_pairs("--set", arguments.list("--set")))
    input.attributes[name] = texts(values);
  for (const auto& [name, values] : parse_pairs("--bytes", arguments.list("--bytes"))) {
    for (const std::string& value : values) input.attributes[name].push_back(bytes(name, value));
  }
  for (const auto& [name, values] : parse_pairs("--imported", arguments.list("--imported"))) {
    if (!input.imported) input.imported.emplace();
    (*input.imported)[name] = texts(values);
  }
  for (const auto& [name, values] : parse_pairs("--reference", arguments.list("--reference"))) {
    for (const std::string& value : values) input.references.push_back({name, value});
  }
  input.taken = arguments.list("--taken");
  for (const auto& [name, values] : parse_pairs("--parameter", arguments.list("--parameter"))) {
    input.parameters.emplace_back(name, values.front());
  }
  return input;
}

int evaluate(Session& session, const Arguments& arguments) {
  const rules::EvaluationResult result =
      rules::evaluate_expression(arguments.text("EXPRESSION"), read_input(arguments), session.installation().clock());
  const bool broken = result.type.empty();
  Output& out = session.out();
  if (session.json()) {
    if (broken || result.failed) {
      std::string words = result.failed.value_or("");
      for (const rules::Problem& problem : result.problems)
        words += (words.empty() ? "" : "\n") + rules::to_text(problem);
      out.print(Json::object({{"error", words}}));
      return exit_failed;
    }
    Json value;
    if (result.type == "list" || result.values.size() > 1) {
      value = Json::list();
      for (const model::Value& one : result.values) value.push(value_json(one));
    } else if (!result.values.empty()) {
      value = value_json(result.values.front());
    }
    out.print(Json::object({{"type", result.type}, {"value", std::move(value)}}));
    return exit_done;
  }
  for (const rules::Problem& problem : result.problems) out.note(rules::to_text(problem));
  if (broken) return exit_failed;
  if (result.failed) {
    out.note("error: " + *result.failed);
    return exit_failed;
  }
  if (result.values.empty()) out.line(result.type == "null" ? "NULL" : result.type);
  for (const model::Value& one : result.values) out.line(printable(model::to_text(one), 100'000));
  return exit_done;
}

int list_functions(Session& session, const Arguments&) {
  Json list = Json::list();
  for (const rules::FunctionHelp& one : rules::list_functions()) {
    list.push(Json::object(
        {{"name", one.name}, {"signature", one.signature}, {"description", one.description}, {"own", one.own}}));
    if (session.json()) continue;
    session.out().line(one.signature + (one.own ? "  (an addition: Entra Connect does not have it)" : ""));
    session.out().line("    " + one.description);
  }
  if (session.json()) session.out().print(Json::object({{"functions", std::move(list)}}));
  return exit_done;
}

}  // namespace

Commands expression_commands() {
  return {
      {"expr",
       "Evaluate one expression",
       {{"EXPRESSION", "As in a rule", true, false, {}},
        {"--set ATTRIBUTE=VALUE", "An attribute it reads; again makes it multi-valued", false, true, {}},
        {"--bytes ATTRIBUTE=BASE64", "An attribute of bytes, a GUID or a certificate for example", false, true, {}},
        {"--reference ATTRIBUTE=NAME", "What an attribute references", false, true, {}},
        {"--imported ATTRIBUTE=VALUE", "What ImportedValue() sees, where that is something else", false, true, {}},
        {"--taken NAME", "A name that UniqueName() finds taken", false, true, {}},
        {"--parameter NAME=VALUE", "What %NAME% stands for", false, true, {}}},
       evaluate,
       false},
      {"functions", "The functions of the expression language", {}, list_functions, false},
  };
}

}  // namespace linkspan::cli
