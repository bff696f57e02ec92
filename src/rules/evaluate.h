#pragma once
// One expression, evaluated on its own: for `linkspan expr`, tests, and the try-out of a rule editor.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "model/entry.h"
#include "rules/rule.h"
#include "rules/rule_set.h"

namespace linkspan::rules {

/// What an expression is evaluated on.
struct EvaluationInput {
  model::Attributes attributes;
  std::optional<model::Attributes> imported;  ///< for ImportedValue(); unless given: the attributes
  std::vector<model::NamedReference> references;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< "Domain.FQDN" and its value
  std::vector<std::string> taken;                               ///< for UniqueName(): what others have
  std::string held;                                             ///< for UniqueName(): what the object has
};

struct EvaluationResult {
  /// "text", "number", "boolean", "time", "binary", "reference", "list"; "null", "ignore", "authoritative_null",
  /// "references"; empty when there are errors.
  std::string type;
  model::Values values;               ///< as a flow would contribute them, but for empty text, which is kept
  std::optional<std::string> failed;  ///< the message of an expression that cannot be computed for these attributes
  std::vector<Problem> problems;      ///< positions are within the text; with an error nothing was evaluated
};

/// Never throws for what the expression or the attributes are.
[[nodiscard]] EvaluationResult evaluate_expression(std::string_view text, const EvaluationInput& input,
                                                   const Clock& clock);

/// A function for a list of them: "Left(text, count)".
struct FunctionHelp {
  std::string name;
  std::string signature;
  std::string description;  ///< one line: what it gives
  bool own = false;         ///< an addition of ours; the others are Entra Connect's
};
/// All functions, by name.
[[nodiscard]] std::vector<FunctionHelp> list_functions();

}  // namespace linkspan::rules
