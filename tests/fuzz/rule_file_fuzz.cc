// Any bytes as a rule file: read, checked, compiled; what was read survives printing.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "model/names.h"
#include "rules/rule.h"
#include "rules/rule_set.h"

using namespace linkspan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<rules::Problem> problems;
  std::vector<rules::Rule> read = rules::parse_rules(text, "fuzz.toml", problems);
  rules::attach_source(problems, "fuzz.toml", text);
  for (const rules::Problem& problem : problems) (void)rules::to_text(problem);
  std::string printed;
  for (const rules::Rule& rule : read) printed += rules::print_rule(rule);
  std::vector<rules::Problem> again_problems;
  const std::vector<rules::Rule> again = rules::parse_rules(printed, "printed.toml", again_problems);
  std::string twice;
  for (const rules::Rule& rule : again) twice += rules::print_rule(rule);
  if (printed != twice) std::abort();

  const std::vector<model::RuleId> ids(read.size());
  const std::vector<rules::ConnectorName> connectors{{"corp", "ldap"}, {"cloud", "scim"}};
  model::Names names;
  std::vector<rules::Problem> compile_problems;
  (void)rules::RuleSet::compile(std::move(read), ids, connectors, names, compile_problems);
  return 0;
}
