#include "cli/command.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::cli {

const std::vector<std::string>& Arguments::list(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto found = values_.find(name);
  return found == values_.end() ? none : found->second;
}

const std::string& Arguments::text(std::string_view name) const {
  static const std::string none;
  const auto& values = list(name);
  return values.empty() ? none : values.front();
}

std::optional<std::string> Arguments::get(std::string_view name) const {
  const auto& values = list(name);
  return values.empty() ? std::nullopt : std::optional(values.front());
}

std::map<std::string, std::vector<std::string>, std::less<>> parse_pairs(std::string_view option,
                                                                         const std::vector<std::string>& pairs) {
  std::map<std::string, std::vector<std::string>, std::less<>> out;
  for (const std::string& pair : pairs) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(Fault::invalid, "cli.usage",
                  fmt::format("{} takes NAME=VALUE, not \"{}\"", option, printable(pair, 60)),
                  "Give it once for each value.");
    }
    out[pair.substr(0, equals)].push_back(pair.substr(equals + 1));
  }
  return out;
}

}  // namespace linkspan::cli
