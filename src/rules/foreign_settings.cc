// The metaverse file of Microsoft's engine, with its parameters, and the settings JSON of newer servers.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "rules/internal/foreign_parts.h"

namespace linkspan::rules {
namespace {

constexpr std::string_view k_server = "of the other server, not of what it synchronizes";

/// "00:30:00", "7.00:00:00" as "30m", "7d"; empty when it is none, or nothing.
std::string duration_of(std::string_view text) {
  std::int64_t days = 0;
  if (const std::size_t dot = text.find('.'); dot != std::string_view::npos && dot < text.find(':')) {
    days = to_integer(text.substr(0, dot)).value_or(-1);
    text.remove_prefix(dot + 1);
  }
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != 3 || days < 0 || days > 3650) return {};
  std::int64_t seconds = days * 86400;
  std::int64_t unit = 3600;
  for (const std::string_view part : parts) {
    const std::int64_t number = to_integer(part).value_or(-1);
    if (number < 0 || number > 59) return {};
    seconds += number * unit;
    unit /= 60;
  }
  if (seconds <= 0) return {};
  for (const auto& [length, unit_name] : {std::pair{86400, 'd'}, std::pair{3600, 'h'}, std::pair{60, 'm'}}) {
    if (seconds % length == 0) return fmt::format("{}{}", seconds / length, unit_name);
  }
  return fmt::format("{}s", seconds);
}

/// What there is no setting for. `in_use` is said when the engine had it switched on.
struct Feature {
  std::string_view name;
  std::string_view in_use;
};
constexpr std::array k_features{
    Feature{"DirectoryExtension",
            "attributes of the directory's own were carried into the cloud's schema; the flows of "
            "the rules are taken over, the schema of the target has to hold them"},
    Feature{"DirectoryExtensionAttributes", "see the flows of the rules: these attributes are in them"},
    Feature{"FilterAAD",
            "applications and attributes were chosen by leaving out rules; the rules of the export are what "
            "was left"},
    Feature{"DeviceWriteBack", "devices were written back into the directory: Linkspan does not do that"},
    Feature{"DeviceWriteUp", "devices were synchronized: by rules for devices, which are taken over like others"},
    Feature{"UserWriteBack", "users were written back: by rules, which are taken over like others"},
    Feature{"GroupWriteBack", "groups were written back: by rules, which are taken over like others"},
    Feature{"HybridExchange", "attributes of Exchange were written back: by rules, which are taken over like others"},
    Feature{"GroupFiltering", "only members of one group were synchronized: see the connector's group filter"},
    Feature{"PasswordWriteback", "passwords were written back: Linkspan does not do that"},
    Feature{"PasswordHashSync", "password hashes were synchronized: Linkspan does not do that"},
    Feature{"AutoUpgradeState", ""},
};

class Parameters {
 public:
  explicit Parameters(std::vector<std::pair<std::string, std::string>>& settings) : settings_(settings) {}

  void read(ForeignElement& one) {
    one.dismiss_attributes({"type", "use", "dataType", "intrinsic", "encrypted"}, "the engine's own bookkeeping");
    const std::string full = one.attribute("name").value_or("");
    const std::string value = one.text();
    constexpr std::string_view k_prefix = "Microsoft.";
    if (!full.starts_with(k_prefix)) return one.put(Verdict::not_understood, "");
    const std::string_view name = std::string_view(full).substr(k_prefix.size());
    if (name.starts_with("Synchronize.")) return synchronize(one, name.substr(12), value);
    if (name.starts_with("OptionalFeature.")) return feature(one, name.substr(16), value);
    if (name.starts_with("SynchronizationOption.")) return option(one, name.substr(22), value);
    if (name.starts_with("Version.")) return one.dismiss(k_server);
    for (const std::string_view known :
         {"GroupWriteBack.", "DeviceWriteBack.", "UserWriteBack.", "AADFilter.", "DirectoryExtension."}) {
      if (!name.starts_with(known)) continue;
      if (value.empty()) return one.dismiss("not in use there");
      return one.remark(fmt::format("\"{}\" belongs to a feature without a setting here", printable(value)));
    }
    one.put(Verdict::not_understood, "");
  }

  void finish(ForeignElement& list) {
    if (!guard_) return;
    if (*guard_ && !limit_.empty()) {
      settings_.emplace_back("guard.deletions", limit_);
    } else if (!*guard_) {
      list.remark("the limit on deletions was switched off there; Linkspan keeps its own, see guard.deletions");
    }
  }

 private:
  void synchronize(ForeignElement& one, std::string_view name, const std::string& value) {
    const auto duration = [&](std::string_view setting, std::string_view otherwise) {
      const std::string text = duration_of(value);
      if (text.empty()) return one.remark(otherwise);
      settings_.emplace_back(setting, text);
    };
    if (name == "TimeInterval") return duration("scheduler.interval", "no duration: the standard counts here");
    if (name == "RunHistoryPurgeInterval") return duration("history.keep", "no duration: the standard counts here");
    if (name == "SchedulerSuspended") {
      if (!foreign_truth(value)) return one.dismiss("not suspended, as here");
      settings_.emplace_back("scheduler.suspended", "on");
      return;
    }
    if (name == "SynchronizationSchedule") {
      if (foreign_truth(value)) return one.dismiss("the scheduler was on, as here");
      return one.remark("the scheduler was switched off there: `linkspan config set scheduler.suspended on`");
    }
    if (name == "StagingMode") {
      settings_.emplace_back("staging", "on");
      return one.remark(foreign_truth(value)
                            ? "staging mode was on there, and is on here"
                            : "staging mode was off there; it is on here, until the review is done and "
                              "the other server exports no more");
    }
    if (name == "SynchronizationPolicy" || name == "NextStartTime" || name == "MaintenanceEnabled" ||
        name == "ServerConfigurationVersion") {
      return one.dismiss(k_server);
    }
    one.put(Verdict::not_understood, "");
  }

  void feature(ForeignElement& one, std::string_view name, const std::string& value) {
    if (name == "ExportDeletionThreshold") {
      guard_ = foreign_truth(value);
      return;
    }
    if (name == "ExportDeletionThresholdValue") {
      const auto number = to_integer(value);
      if (!number || *number < 1) return one.remark("no number: the standard counts here");
      limit_ = std::to_string(*number);
      return;
    }
    for (const Feature& feature : k_features) {
      if (name != feature.name) continue;
      const bool off = value.empty() || equal_ascii_case(value, "False") || feature.in_use.empty();
      if (off) return one.dismiss(feature.in_use.empty() ? k_server : std::string_view("not in use there"));
      return one.remark(fmt::format("{} was in use: {}", name, feature.in_use));
    }
    one.put(Verdict::not_understood, "");
  }

  static void option(ForeignElement& one, std::string_view name, const std::string& value) {
    if (name != "JoinCriteria" && name != "AnchorAttribute" && name != "UPNAttribute" && name != "CustomAttribute")
      return one.put(Verdict::not_understood, "");
    if (value.empty()) return one.dismiss("not in use there");
    one.remark(fmt::format("{} {}: this choice is in the rules, which are taken over", name, printable(value)));
  }

  std::vector<std::pair<std::string, std::string>>& settings_;
  std::optional<bool> guard_;
  std::string limit_;
};

/// One directory of a settings file, or the cloud.
void read_directory(ForeignElement& from, bool cloud, std::string_view cloud_kind, ForeignConfiguration& out,
                    std::vector<RawRule>& rules) {
  ForeignConnector made;
  made.cloud = cloud;
  made.kind = cloud ? std::string(cloud_kind) : "ad";
  made.category = cloud ? "cloud directory" : "AD";
  made.id = foreign_guid(from.text("uniqueIdentifier"));
  from.dismiss({"uniqueIdentifier"}, "connectors go by name here");
  const std::string domain = from.text("fullyQualifiedDomainName");
  made.name = domain.empty() ? from.text("friendlyName") : domain;
  if (!domain.empty()) {
    from.dismiss({"friendlyName"}, "the connector is called by its domain");
    if (!cloud) made.settings["url"] = {"ldaps://" + domain};
  }
  if (made.name.empty()) made.name = cloud ? "cloud" : "directory";
  for (ForeignElement* partition : from.each("partitionFilters")) {
    const std::string dn = partition->text("distinguishedName");
    std::vector<std::string> included;
    std::vector<std::string> excluded;
    constexpr std::size_t k_most = 2'000;
    for (ForeignElement* one : partition->each("containerInclusions")) included.push_back(one->text());
    for (ForeignElement* one : partition->each("containerExclusions")) excluded.push_back(one->text());
    if (dn.size() > 4096 || included.size() + excluded.size() > k_most) {
      partition->put(Verdict::not_understood, "too many containers, or too long a name");
      continue;
    }
    made.settings["base"].push_back(dn);
    const ForeignContainers settled = settle_containers(dn, included, excluded);
    for (const std::string& one : settled.included) made.settings["containers"].push_back(one);
    for (const std::string& one : settled.excluded) made.settings["exclude_containers"].push_back(one);
    if (!settled.deep.empty()) partition->remark("containers included within excluded ones are left out");
  }
  for (const auto& [list, setting] :
       {std::pair{"objectTypeInclusions", "object_types"}, std::pair{"attributeInclusions", "attributes"}}) {
    for (ForeignElement* one : from.each(list)) {
      if (!cloud) made.settings[setting].push_back(one->text());
    }
  }
  for (ForeignElement* one : from.each("standardSynchronizationRules")) {
    one->put(
        Verdict::not_applicable,
        "the file only names the engine's own rules; their text is in the configuration export (XML): import that");
  }
  for (ForeignElement* one : from.each("customSynchronizationRules")) {
    if (auto rule = read_json_rule(*one, made.id.empty() ? made.name : made.id)) rules.push_back(std::move(*rule));
  }
  const bool known = std::ranges::any_of(
      out.connectors, [&](const ForeignConnector& other) { return !made.id.empty() && other.id == made.id; });
  if (made.id.empty()) made.id = made.name;
  if (!known) out.connectors.push_back(std::move(made));
}

}  // namespace

void read_metaverse(ForeignElement& root, ForeignConfiguration& out) {
  root.read();
  root.dismiss_attributes({"server", "export-date"}, k_server);
  ForeignElement* data = root.child("mv-data");
  if (data == nullptr) return;
  data->dismiss({"format-version", "version"}, "the engine's own bookkeeping");
  if (ForeignElement* schema = data->child("schema")) {
    out.metaverse = read_foreign_schema(*schema);
    schema->remark("used to check the rules and to type their constants; Linkspan's metaverse takes any attribute");
  }
  data->dismiss({"password-change-history-size", "password-sync"},
                "how passwords were carried; Linkspan does not synchronize passwords");
  for (const std::string_view classic : {"import-attribute-flow", "provisioning", "mv-deletion", "extension"}) {
    if (ForeignElement* found = data->child(classic)) {
      if (!found->is_empty())
        found->put(Verdict::remarked, "rules of the engine's ancestor; not carried out by either");
    }
  }
  ForeignElement* list = data->child("parameter-values");
  if (list == nullptr) return;
  Parameters parameters(out.settings);
  for (ForeignElement* one : list->each("parameter")) parameters.read(*one);
  parameters.finish(*list);
}

void read_policy(ForeignElement& root, std::string_view cloud_kind, ForeignConfiguration& out,
                 std::vector<RawRule>& rules) {
  root.read();
  root.dismiss({"policyMetadata", "deploymentMetadata"}, k_server);
  for (ForeignElement* one : root.each("onpremisesDirectoryPolicy")) {
    read_directory(*one, false, cloud_kind, out, rules);
  }
  for (ForeignElement* one : root.each("azureDirectoryPolicy")) read_directory(*one, true, cloud_kind, out, rules);
}

}  // namespace linkspan::rules
