#include "connector_file/internal/settings.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"

namespace linkspan::connector_file {

const std::vector<connector::SettingSpec>& setting_specs() {
  static const std::vector<connector::SettingSpec> specs{
      {"path", "the LDIF file", true, false, ""},
      {"anchor", "attribute that identifies an object for ever", false, false, "entryUUID, else the DN"},
      {"reference_attributes", "attributes whose values are DNs of other objects", false, true,
       "manager, member, owner, secretary, seeAlso, uniqueMember, roleOccupant"},
      {"object_types", "object classes to import", false, true, "inetOrgPerson, groupOfNames, organizationalUnit"},
      {"attributes", "attributes to import", false, true, "all but userPassword"},
  };
  return specs;
}

FileSettings read_settings(const connector::Settings& settings) {
  std::string problems;
  const auto wrong = [&](const std::string& problem) { problems += (problems.empty() ? "" : "\n") + problem; };
  std::vector<std::string> known;
  for (const connector::SettingSpec& spec : setting_specs()) known.push_back(spec.name);
  for (const auto& [name, values] : settings) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto meant = nearest(name, known);
    wrong(fmt::format("{}: there is no such setting{}", printable(name),
                      meant ? fmt::format("; did you mean {}?", *meant) : std::string()));
  }
  const auto all = [&](std::string_view name) {
    const auto found = settings.find(name);
    return found == settings.end() ? std::vector<std::string>{} : found->second;
  };
  const auto one = [&](std::string_view name) {
    const std::vector<std::string> values = all(name);
    if (values.size() > 1) wrong(fmt::format("{}: one value is wanted, {} are given", name, values.size()));
    return values.empty() ? std::string() : values.front();
  };
  FileSettings made;
  made.path = one("path");
  if (made.path.empty()) wrong("path: it is missing");
  if (made.path.find('\0') != std::string::npos) wrong("path: it holds a NUL character");
  made.anchor = one("anchor");
  made.reference_attributes = all("reference_attributes");
  if (made.reference_attributes.empty()) {
    made.reference_attributes = {"manager", "member", "owner", "secretary", "seeAlso", "uniqueMember", "roleOccupant"};
  }
  made.object_types = all("object_types");
  if (made.object_types.empty()) made.object_types = {"inetOrgPerson", "groupOfNames", "organizationalUnit"};
  made.attributes = all("attributes");
  if (!problems.empty()) {
    throw Error(Fault::invalid, "file.settings", problems, "correct these settings of the connector");
  }
  return made;
}

}  // namespace linkspan::connector_file
