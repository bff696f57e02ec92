#pragma once
// One attribute flow made ready.

#include <memory>
#include <vector>

#include "model/names.h"
#include "rules/internal/program.h"
#include "rules/rule.h"
#include "rules/rule_set.h"

namespace linkspan::rules {

struct CompiledFlow {
  model::NameId target = 0;
  Flow::Kind kind = Flow::Kind::direct;
  model::NameId source = 0;         ///< direct
  model::NameId referenced_by = 0;  ///< direct; 0 = not asked
  bool flatten = false;
  bool followed = false;  ///< what it gives is flattened, here or on the way out
  model::Values constant;
  std::unique_ptr<const Program> program;  ///< expression
  MergeType merge = MergeType::update;
  bool once = false;
};

/// Compiles what compiles and reports the rest; `failed` is set when a problem is an error. A rule that is disabled
/// only causes warnings.
[[nodiscard]] std::vector<CompiledFlow> compile_flows(const Rule& rule, model::Names& names,
                                                      std::vector<Problem>& problems, bool& failed);

[[nodiscard]] Contribution evaluate_flow(const CompiledFlow& flow, const Source& source);

/// A computed value as a flow contributes it: empty text is no value.
[[nodiscard]] Contribution to_contribution(const Datum& datum);

/// The expression's mistakes and warnings, the ones of flows included (Guid() without once). `once` as in Flow.
void check_flow_expression(std::string_view text, bool once, ExpressionProblems& problems);

}  // namespace linkspan::rules
