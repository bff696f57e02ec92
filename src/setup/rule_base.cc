#include "setup/rule_base.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "model/names.h"
#include "rules/attributes.h"
#include "rules/rule_set.h"
#include "run/settings.h"
#include "setup/configuration_file.h"

namespace linkspan::setup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_longest_file = std::size_t{4} << 20U;

void compile(RuleFiles& files, const std::vector<rules::ConnectorName>& connectors, const rules::SeenAttributes& seen,
             const std::map<std::string, std::string>& texts) {
  // Names of its own: what is only checked leaves nothing behind.
  model::Names names;
  const std::vector<model::RuleId> ids = [&] {
    std::vector<model::RuleId> made;
    for (std::size_t i = 0; i < files.rules.size(); ++i) made.push_back({static_cast<std::int64_t>(i) + 1});
    return made;
  }();
  static_cast<void>(rules::RuleSet::compile(files.rules, ids, connectors, names, files.problems));
  rules::check_attributes(files.rules, connectors, seen, files.problems);
  std::set<std::string> sources;
  for (const rules::Problem& problem : files.problems) {
    if (problem.source.empty() && !problem.file.empty()) sources.insert(problem.file);
  }
  for (const std::string& file : sources) {
    std::error_code ignored;
    if (const auto text = texts.find(file); text != texts.end()) {
      rules::attach_source(files.problems, file, text->second);
    } else if (fs::is_regular_file(file, ignored)) {
      rules::attach_source(files.problems, file, read_file(file, k_longest_file));
    }
  }
}

/// What the first objects of each connector space have: enough to know what a directory calls its attributes.
rules::SeenAttributes seen_attributes(store::Store& store) {
  constexpr std::size_t k_looked_at = 2000;
  rules::SeenAttributes seen;
  const auto view = store.view();
  for (const store::ConnectorRow& row : store.configuration().connectors()) {
    for (const auto& one : view->scan_objects(row.id, 0, store::observed_image, {0, k_looked_at})) {
      if (one.object.type == 0 || one.images.observed.empty()) continue;
      auto& names = seen[{row.name, store.names().name(one.object.type)}];
      const model::Image image = model::decode(one.images.observed);
      for (const model::ImageAttribute& attribute : image.attributes())
        names.insert(store.names().name(attribute.name));
    }
  }
  return seen;
}

}  // namespace

bool RuleFiles::usable() const {
  return std::none_of(problems.begin(), problems.end(),
                      [](const auto& one) { return one.severity == rules::Problem::Severity::error; });
}

RuleFiles read_rules(const fs::path& path) {
  std::vector<fs::path> paths;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".toml") paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    if (paths.empty()) {
      throw Error(Fault::not_found, "setup.no_rules", fmt::format("{} holds no rule file", path.string()),
                  "Rule files end in .toml.");
    }
  } else {
    paths.push_back(path);
  }
  RuleFiles out;
  const fs::path settings = (fs::is_directory(path, ignored) ? path : path.parent_path()) / k_settings_file;
  if (fs::is_regular_file(settings, ignored)) {
    const ConfigurationText beside = parse_configuration(read_file(settings, k_longest_file), settings.string());
    for (const ConnectorText& one : beside.connectors) out.connectors.emplace_back(one.name, one.kind);
    out.rules = beside.rules;
  }
  for (const fs::path& one : paths) {
    if (one.filename() == k_settings_file) continue;
    auto read = rules::parse_rules(read_file(one, k_longest_file), one.string(), out.problems);
    std::move(read.begin(), read.end(), std::back_inserter(out.rules));
  }
  return out;
}

RuleFiles default_rules(const Installation& installation, std::string_view from, std::string_view to) {
  const fs::path path = installation.wiring().rules_dir / fmt::format("{}-to-{}.toml", from, to);
  std::error_code ignored;
  if (!installation.wiring().rules_dir.empty() && fs::exists(path, ignored)) return read_rules(path);
  throw Error(Fault::not_found, "setup.no_default_rules",
              fmt::format("there are no default rules from {} to {}", from, to),
              "Write your own (docs/rules.md) and `linkspan rule import` them.");
}

RuleFiles stored_rules(Installation& installation) {
  RuleFiles out;
  for (const store::RuleRow& row : installation.store().configuration().rules()) {
    auto read = rules::parse_rules(row.definition, row.name, out.problems);
    std::move(read.begin(), read.end(), std::back_inserter(out.rules));
  }
  return out;
}

void check_rules(Installation& installation, RuleFiles& files) {
  std::vector<rules::ConnectorName> connectors;
  for (const store::ConnectorRow& row : installation.store().configuration().connectors()) {
    connectors.push_back({row.name, row.kind});
  }
  std::map<std::string, std::string> texts;
  for (const store::RuleRow& row : installation.store().configuration().rules()) texts[row.name] = row.definition;
  compile(files, connectors, seen_attributes(installation.store()), texts);
}

void check_rules_alone(RuleFiles& files, std::vector<std::pair<std::string, std::string>> connectors) {
  if (connectors.empty()) connectors = files.connectors;
  if (connectors.empty()) {
    std::set<std::string> seen;
    for (const rules::Rule& rule : files.rules) {
      const std::string& name = rule.connector.empty() ? rule.kind : rule.connector;
      if (seen.insert(name).second) connectors.emplace_back(name, rule.kind);
    }
  }
  std::vector<rules::ConnectorName> known;
  for (auto& [name, kind] : connectors) known.push_back({name, kind});
  compile(files, known, {}, {});
}

namespace {

/// The rules that stay beside those that come, in the order of the database: judged together, for two rules may only be
/// wrong in each other's company, and numbered together, for one may stand before or after another.
std::vector<rules::Rule> staying(const std::vector<store::RuleRow>& rows, const std::set<std::string>& coming,
                                 std::vector<rules::Problem>& problems) {
  std::vector<rules::Rule> stay;
  for (const store::RuleRow& row : rows) {
    if (coming.contains(row.name)) continue;
    for (rules::Rule& rule : rules::parse_rules(row.definition, row.name, problems)) stay.push_back(std::move(rule));
  }
  return stay;
}

}  // namespace

RuleChanges put_rules(Installation& installation, RuleFiles files, bool replace_all) {
  store::Configuration& configuration = installation.store().configuration();
  std::vector<store::RuleRow> rows = configuration.rules();
  std::set<std::string> coming;
  for (const rules::Rule& rule : files.rules) coming.insert(rule.name);
  const std::size_t fresh = files.rules.size();
  std::map<std::string, std::int64_t> numbers;
  if (!replace_all) {
    for (rules::Rule& rule : staying(rows, coming, files.problems)) {
      numbers[rule.name] = rule.precedence;
      files.rules.push_back(std::move(rule));
    }
  }
  rules::place_rules(files.rules, files.problems);
  check_rules(installation, files);
  if (!files.usable()) {
    throw Error(Fault::invalid, "setup.rules", "these rules cannot be used:\n" + to_text(files.problems),
                "Correct what is named above; nothing was changed.");
  }
  std::map<std::string, std::string> definitions;
  for (std::size_t i = 0; i < files.rules.size(); ++i) {
    const rules::Rule& rule = files.rules[i];
    if (i < fresh || numbers[rule.name] != rule.precedence) definitions[rule.name] = rules::print_rule(rule);
  }
  RuleChanges changes;
  std::set<std::string> known;
  std::vector<store::RuleRow> written;
  for (store::RuleRow& row : rows) {
    known.insert(row.name);
    const auto found = definitions.find(row.name);
    if (found == definitions.end() && replace_all) {
      changes.removed.push_back(row.name);
      continue;
    }
    if (found != definitions.end() && found->second != row.definition) {
      changes.changed.push_back(row.name);
      row.definition = found->second;
    }
    written.push_back(std::move(row));
  }
  for (std::size_t i = 0; i < fresh; ++i) {
    const std::string& name = files.rules[i].name;
    if (known.contains(name)) continue;
    changes.added.push_back(name);
    written.push_back({{}, name, definitions.at(name)});
  }
  if (changes.added.empty() && changes.changed.empty() && changes.removed.empty()) return changes;
  // Before the rules: killed in between, a needless full synchronization is the worst.
  run::put_setting(configuration, run::k_full_synchronization, "on");
  configuration.put_rules(written);
  return changes;
}

std::string to_text(const std::vector<rules::Problem>& problems) {
  std::string text;
  for (const rules::Problem& problem : problems) {
    if (!text.empty()) text += '\n';
    text += rules::to_text(problem);
  }
  return text;
}

}  // namespace linkspan::setup
