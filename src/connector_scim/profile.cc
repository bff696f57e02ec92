// Profiles: how the services of one maker deviate, as TOML files of settings.

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include <toml++/toml.h>

#include "base/error.h"
#include "base/text.h"
#include "connector_scim/internal/settings.h"

namespace linkspan::connector_scim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_longest_file = std::size_t{64} * 1024;

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  throw Error(Fault::invalid, "scim.profile", "the profile " + printable(file.string(), 300) + ": " + why,
              "Correct the file, or the connector's setting profile; `linkspan connector probe` writes one.");
}

fs::path file_of(const std::string& name, const fs::path& profiles) {
  if (name.starts_with('/')) return name;
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), plain)) {
    refuse(name, "this is neither a name (as in aws-identity-center) nor an absolute path");
  }
  if (profiles.empty()) refuse(name, "the profiles that come with the program are not installed");
  return profiles / (name + ".toml");
}

std::string content_of(const fs::path& file) {
  std::error_code failed;
  if (!fs::is_regular_file(file, failed)) refuse(file, "there is no such file");
  if (fs::file_size(file, failed) > k_longest_file || failed) refuse(file, "it is too large");
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) refuse(file, "it cannot be read");
  return text;
}

/// As settings write it; empty for what no setting is.
std::string text_of(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
  return {};
}

}  // namespace

bool is_profile_setting(std::string_view name) {
  constexpr std::array<std::string_view, 14> names = {
      "concurrency", "page_size", "member_batch", "user_extension", "timeout_seconds", "patch",          "filter",
      "paging",      "if_match",  "bulk",         "booleans",       "operations",      "member_removal", "patch_paths"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

connector::Settings read_profile(const std::string& name, const fs::path& profiles) {
  const fs::path file = file_of(name, profiles);
  connector::Settings made;
  try {
    for (const auto& [key, node] : toml::parse(content_of(file), file.string())) {
      const std::string setting(key.str());
      if (setting == "description") continue;
      if (!is_profile_setting(setting)) refuse(file, printable(setting, 60) + " is nothing that a profile sets");
      std::string value = text_of(node);
      if (value.empty()) refuse(file, setting + " is neither text, nor a whole number, nor true or false");
      made[setting] = {std::move(value)};
    }
  } catch (const toml::parse_error& error) {
    refuse(file, "line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  return made;
}

}  // namespace linkspan::connector_scim
