// Any bytes as a settings file: refused or read, and every element accounted for.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "rules/foreign.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linkspan;
  const rules::ForeignFile file{"settings.json", std::string(reinterpret_cast<const char*>(data), size)};
  try {
    const rules::ForeignConfiguration read = rules::read_foreign({&file, 1}, "graph");
    std::size_t entries = 0;
    for (const rules::ForeignEntry& entry : read.report.entries) entries += entry.count;
    if (entries != read.report.files.front().total()) std::abort();
    for (const rules::ForeignRule& one : read.rules) {
      std::vector<rules::Problem> problems;
      static_cast<void>(rules::parse_rules(rules::print_rule(one.rule), "rule.toml", problems));
    }
    static_cast<void>(rules::print_report(read.report));
  } catch (const Error&) {
    // Refused, with a reason.
  }
  return 0;
}
