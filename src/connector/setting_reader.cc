#include "connector/setting_reader.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace linkspan::connector {

std::string SettingReader::text(std::string_view name) {
  const auto found = settings_.find(name);
  if (found == settings_.end() || found->second.empty()) return {};
  if (found->second.size() > 1) problem(std::string(name) + " takes one value");
  return found->second.front();
}

bool SettingReader::flag(std::string_view name, bool standard) {
  const std::string value = text(name);
  if (value.empty()) return standard;
  if (equal_ascii_case(value, "true") || equal_ascii_case(value, "yes") || value == "1") return true;
  if (equal_ascii_case(value, "false") || equal_ascii_case(value, "no") || value == "0") return false;
  problem(std::string(name) + " is true or false, not \"" + printable(value, 40) + "\"");
  return standard;
}

std::size_t SettingReader::number(std::string_view name, std::size_t standard, std::int64_t least, std::int64_t most) {
  const std::string value = text(name);
  if (value.empty()) return standard;
  const std::optional<std::int64_t> parsed = to_integer(value);
  if (parsed && *parsed >= least && *parsed <= most) return static_cast<std::size_t>(*parsed);
  problem(std::string(name) + " is a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
          ", not \"" + printable(value, 40) + "\"");
  return standard;
}

std::vector<std::string> SettingReader::list(std::string_view name) const {
  const auto found = settings_.find(name);
  return found == settings_.end() ? std::vector<std::string>{} : found->second;
}

void SettingReader::refuse_unknown(const std::vector<SettingSpec>& known) {
  std::vector<std::string> names;
  for (const auto& spec : known) names.push_back(spec.name);
  for (const auto& [name, values] : settings_) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::optional<std::string> meant = nearest(name, names);
    problem("there is no setting " + printable(name, 60) + (meant ? "; " + *meant + " is meant?" : std::string()));
  }
}

std::string SettingReader::problems() const {
  std::string all;
  for (const std::string& problem : problems_) all += (all.empty() ? "" : "; ") + problem;
  return all;
}

}  // namespace linkspan::connector
