#include "setup/configuration_file.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <sstream>

#include "base/error.h"
#include "base/text.h"
#include "run/settings.h"
#include "setup/connectors.h"
#include "setup/rule_base.h"
#include "transfer/backup.h"

namespace linkspan::setup {
namespace {

/// The state of this database rather than a choice of its administrator.
bool is_state(std::string_view name) {
  return name.starts_with("key_set.") || name.starts_with("full_import_due.") ||
         name.starts_with("import_completed.") || name.starts_with("full_import_completed.") ||
         name == run::k_full_synchronization || name == transfer::k_backup_completed;
}

[[noreturn]] void refuse(std::string_view file, const std::string& what) {
  throw Error(Fault::invalid, "setup.configuration_file", fmt::format("{}: {}", file, what),
              "`linkspan config export` shows the form.");
}

std::string text_at(std::string_view file, const toml::table& table, std::string_view name) {
  const auto value = table[name].value<std::string>();
  if (!value) refuse(file, fmt::format("line {}: {} is missing, or no text", table.source().begin.line, name));
  return *value;
}

std::vector<std::string> list_of(std::string_view file, const toml::node& node) {
  if (const auto* text = node.as_string()) return {text->get()};
  std::vector<std::string> out;
  const toml::array* list = node.as_array();
  if (list == nullptr) refuse(file, fmt::format("line {}: a text or a list of texts", node.source().begin.line));
  for (const toml::node& one : *list) {
    if (!one.is_string()) refuse(file, fmt::format("line {}: a list of texts", one.source().begin.line));
    out.push_back(one.as_string()->get());
  }
  return out;
}

toml::array to_array(const std::vector<std::string>& values) {
  toml::array list;
  for (const std::string& value : values) list.push_back(value);
  return list;
}

void print_connector(std::ostream& out, const ConnectorText& connector) {
  toml::table table;
  table.insert("name", connector.name);
  table.insert("kind", connector.kind);
  if (!connector.credentials.empty()) table.insert("credentials", to_array(connector.credentials));
  toml::table settings;
  for (const auto& [name, values] : connector.settings) {
    if (values.size() == 1) {
      settings.insert(name, values.front());
    } else {
      settings.insert(name, to_array(values));
    }
  }
  out << "\n[[connector]]\n" << table << "\n[connector.settings]\n" << settings << '\n';
}

ConnectorText parse_connector(std::string_view file, const toml::table& table) {
  ConnectorText out{text_at(file, table, "name"), text_at(file, table, "kind"), {}, {}};
  if (const toml::node* names = table.get("credentials")) out.credentials = list_of(file, *names);
  const toml::node* settings = table.get("settings");
  if (settings == nullptr) return out;
  if (!settings->is_table()) refuse(file, fmt::format("connector {}: settings is a table", out.name));
  for (const auto& [name, value] : *settings->as_table()) out.settings[std::string(name.str())] = list_of(file, value);
  return out;
}

std::string to_line(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

/// Two maps side by side.
void compare_maps(const std::string& prefix, const std::map<std::string, std::string>& here,
                  const std::map<std::string, std::string>& there, std::vector<Difference>& out) {
  for (const auto& [name, value] : here) {
    const auto found = there.find(name);
    if (found == there.end()) {
      out.push_back({prefix + name, "only here", value, ""});
    } else if (found->second != value) {
      out.push_back({prefix + name, "differs", value, found->second});
    }
  }
  for (const auto& [name, value] : there) {
    if (!here.contains(name)) out.push_back({prefix + name, "only there", "", value});
  }
}

}  // namespace

ConfigurationText load_configuration(Installation& installation) {
  ConfigurationText out;
  store::Configuration& configuration = installation.store().configuration();
  const auto secrets = configuration.secrets();
  for (const store::ConnectorRow& row : configuration.connectors()) {
    ConnectorText text{row.name, row.kind, settings_of(row), {}};
    for (const store::SecretRow& secret : secrets) {
      if (secret.connector == row.id) text.credentials.push_back(secret.name);
    }
    out.connectors.push_back(std::move(text));
  }
  for (auto& setting : configuration.settings()) {
    if (!is_state(setting.first)) out.settings.push_back(std::move(setting));
  }
  std::sort(out.settings.begin(), out.settings.end());
  out.rules = stored_rules(installation).rules;
  return out;
}

std::string print_configuration(const ConfigurationText& configuration) {
  std::ostringstream out;
  out << "# Linkspan configuration. Credentials are named, never shown. Rules come last.\n";
  if (!configuration.settings.empty()) {
    toml::table settings;
    for (const auto& [name, value] : configuration.settings) settings.insert(name, value);
    out << "\n[settings]\n" << settings << '\n';
  }
  for (const ConnectorText& connector : configuration.connectors) print_connector(out, connector);
  for (const rules::Rule& rule : configuration.rules) out << '\n' << rules::print_rule(rule);
  return out.str();
}

ConfigurationText parse_configuration(std::string_view text, std::string_view file) {
  ConfigurationText out;
  // The rules have a reader of their own, which says more about what is wrong.
  const std::size_t rules_at = text.starts_with("[[rule]]") ? 0 : text.find("\n[[rule]]");
  const std::string_view head = text.substr(0, rules_at);
  try {
    const toml::table root = toml::parse(head, file);
    for (const auto& [key, node] : root) {
      if (key == "settings" && node.is_table()) {
        for (const auto& [name, value] : *node.as_table()) {
          if (!value.is_string()) refuse(file, fmt::format("setting {} is a text", std::string(name.str())));
          out.settings.emplace_back(name.str(), value.as_string()->get());
        }
      } else if (key == "connector" && node.is_array_of_tables()) {
        for (const toml::node& one : *node.as_array()) out.connectors.push_back(parse_connector(file, *one.as_table()));
      } else {
        refuse(file, fmt::format("line {}: {} is not known here", node.source().begin.line, std::string(key.str())));
      }
    }
  } catch (const toml::parse_error& error) {
    refuse(file, fmt::format("line {}: {}", error.source().begin.line, error.description()));
  }
  std::sort(out.settings.begin(), out.settings.end());
  if (rules_at == std::string_view::npos) return out;
  std::vector<rules::Problem> problems;
  // Blank lines in place of the head keep the line numbers true.
  std::string rules_text(static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n')), '\n');
  rules_text += text.substr(rules_at);
  out.rules = rules::parse_rules(rules_text, file, problems);
  if (!problems.empty()) refuse(file, "its rules:\n" + to_text(problems));
  return out;
}

std::vector<Difference> compare(const ConfigurationText& here, const ConfigurationText& there) {
  std::vector<Difference> out;
  const std::array<const ConfigurationText*, 2> sides{&here, &there};
  std::array<std::map<std::string, std::string>, 2> kinds;
  std::array<std::map<std::string, std::string>, 2> settings;
  std::array<std::map<std::string, std::string>, 2> rule_texts;
  for (std::size_t side = 0; side < 2; ++side) {
    for (const ConnectorText& one : sides[side]->connectors) {
      kinds[side][one.name] = one.kind;
      for (const auto& [name, values] : one.settings) {
        settings[side][fmt::format("connector {}: {}", one.name, name)] = to_line(values);
      }
      settings[side][fmt::format("connector {}: credentials", one.name)] = to_line(one.credentials);
    }
    for (const auto& [name, value] : sides[side]->settings) settings[side]["setting " + name] = value;
    for (const rules::Rule& rule : sides[side]->rules) rule_texts[side][rule.name] = rules::print_rule(rule);
  }
  compare_maps("connector ", kinds[0], kinds[1], out);
  compare_maps("", settings[0], settings[1], out);
  compare_maps("rule ", rule_texts[0], rule_texts[1], out);
  return out;
}

}  // namespace linkspan::setup
