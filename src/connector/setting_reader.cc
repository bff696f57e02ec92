#include "connector/setting_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::connector {

std::vector<std::string> SettingReader::all(std::string_view name) const {
  const auto found = settings_.find(name);
  return found == settings_.end() ? std::vector<std::string>{} : found->second;
}

std::string SettingReader::one(std::string_view name) {
  const auto found = settings_.find(name);
  if (found == settings_.end() || found->second.empty()) return {};
  if (found->second.size() > 1) {
    wrong(fmt::format("{}: one value is wanted, {} are given", name, found->second.size()));
  }
  return found->second.front();
}

bool SettingReader::truth(std::string_view name, bool standard) {
  const std::string text = one(name);
  if (text.empty()) return standard;
  const auto is_one_of = [&](std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return equal_ascii_case(text, word); });
  };
  if (is_one_of({"true", "yes", "1"})) return true;
  if (is_one_of({"false", "no", "0"})) return false;
  wrong(fmt::format("{}: \"{}\" is neither true nor false", name, printable(text, 40)));
  return standard;
}

std::int64_t SettingReader::whole(std::string_view name, std::int64_t standard, std::int64_t least, std::int64_t most) {
  const std::string text = one(name);
  if (text.empty()) return standard;
  const auto value = to_integer(text);
  if (value && *value >= least && *value <= most) return *value;
  wrong(fmt::format("{}: \"{}\" is not a whole number from {} to {}", name, printable(text, 40), least, most));
  return standard;
}

std::string SettingReader::word(std::string_view name, std::span<const std::string_view> words) {
  const std::string text = one(name);
  if (text.empty()) return std::string(words.front());
  for (const std::string_view word : words) {
    if (equal_ascii_case(text, word)) return std::string(word);
  }
  wrong(fmt::format("{}: \"{}\" is none of {}", name, printable(text, 40), fmt::join(words, ", ")));
  return std::string(words.front());
}

void SettingReader::refuse_unknown(std::span<const SettingSpec> known) {
  std::vector<std::string> names;
  for (const SettingSpec& spec : known) names.push_back(spec.name);
  for (const auto& [name, values] : settings_) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const auto meant = nearest(name, names);
    wrong(fmt::format("{}: there is no such setting{}", printable(name, 60),
                      meant ? fmt::format("; did you mean {}?", *meant) : std::string()));
  }
}

void SettingReader::finish(std::string_view id) const {
  if (problems_.empty()) return;
  throw Error(Fault::invalid, id, fmt::format("{}", fmt::join(problems_, "\n")),
              "Correct these settings of the connector.");
}

}  // namespace linkspan::connector
