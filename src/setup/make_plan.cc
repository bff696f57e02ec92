// From answers to actions. Each action looks at what is there and brings it to what was asked, so that doing it twice
// is doing it once. Staging mode is on from the first write to the last: whatever happens in between, nothing is
// exported.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/error.h"
#include "run/configuration.h"
#include "run/settings.h"
#include "setup/connectors.h"
#include "setup/internal/draft.h"
#include "setup/keys.h"

namespace linkspan::setup {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

store::Configuration& configuration_of(Installation& installation) { return installation.store().configuration(); }

std::string host_name() {
  std::array<char, 256> buffer{};
  return ::gethostname(buffer.data(), buffer.size() - 1) == 0 ? buffer.data() : "unknown-host";
}

/// std::function wants what can be copied, and secrets cannot.
std::shared_ptr<const connector::Secrets> share(const connector::Secrets& secrets) {
  auto copy = std::make_shared<connector::Secrets>();
  for (const auto& [name, secret] : secrets) copy->emplace(name, secret.clone());
  return copy;
}

const store::ConnectorRow* find(const std::vector<store::ConnectorRow>& rows, std::string_view name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

/// The connector as asked for, whatever an earlier attempt has left of it.
void ensure_connector(Installation& installation, const std::string& name, const std::string& kind,
                      const connector::Settings& settings, const connector::Secrets& secrets) {
  const auto rows = configuration_of(installation).connectors();
  const store::ConnectorRow* row = find(rows, name);
  if (row != nullptr && row->kind != kind) {
    remove_connector(installation, name);
    row = nullptr;
  }
  if (row == nullptr) {
    add_connector(installation, name, kind, settings, secrets);
    return;
  }
  store::ConnectorRow changed = *row;
  changed.settings = run::print_settings(pinned_settings(installation, name, kind, settings, secrets));
  configuration_of(installation).put_connector(changed);
  put_credentials(installation, changed, secrets);
}

Action begin(Mode mode) {
  return {.id = "staging_on",
          .text = "Switch staging mode on: nothing is exported meanwhile",
          .run = [mode](Installation& installation) {
            const Pairs marks{{std::string(k_unfinished), std::string(name_of(mode))},
                              {std::string(run::k_staging), "on"}};
            configuration_of(installation).put_settings(marks);
          }};
}

void plan_key_set(const Installation& installation, const Draft& draft, Plan& plan) {
  std::error_code ignored;
  if (std::filesystem::exists(draft.file.key_set, ignored)) return;
  static_cast<void>(installation);
  plan.actions.push_back({.id = "create_key_set",
                          .text = fmt::format("Make a key set for this server: {}", draft.file.key_set.string()),
                          .run =
                              [](Installation& in) {
                                if (!in.has_key_file()) create_key_set(in);
                              },
                          .needs_lease = false});
}

/// Connectors that an unfinished attempt has left and that are not asked for any more.
void plan_leftovers(const Draft& draft, Plan& plan) {
  if (draft.place != Place::unfinished) return;
  std::vector<std::string> wanted;
  for (const auto* some : {&draft.directories, &draft.targets}) {
    for (const ConnectorDraft& one : *some) wanted.push_back(one.name);
  }
  plan.actions.push_back({.id = "remove_leftovers",
                          .text = "Remove what the unfinished setup has left and is not wanted any more",
                          .run = [wanted](Installation& installation) {
                            for (const store::ConnectorRow& row : configuration_of(installation).connectors()) {
                              if (std::find(wanted.begin(), wanted.end(), row.name) != wanted.end()) continue;
                              remove_connector(installation, row.name);
                            }
                          }});
}

void plan_connector(const ConnectorDraft& draft, std::string_view what, Plan& plan) {
  const auto url = draft.settings.find("url");
  const std::string where = url == draft.settings.end() || url->second.empty() ? "" : ", " + url->second.front();
  plan.actions.push_back(
      {.id = "add_connector " + draft.name,
       .text = fmt::format("Add {} {} ({}{})", what, draft.name, draft.kind, where),
       .run = [name = draft.name, kind = draft.kind, settings = draft.settings, secrets = share(draft.secrets)](
                  Installation& installation) { ensure_connector(installation, name, kind, settings, *secrets); }});
}

void plan_rules(const Installation& installation, const Draft& draft, Plan& plan) {
  RuleFiles files = chosen_rules(installation, draft);
  const std::size_t count = files.rules.size();
  files.problems.clear();
  plan.actions.push_back({.id = "install_rules",
                          .text = draft.rules_folder.empty()
                                      ? fmt::format("Install the {} default rules", count)
                                      : fmt::format("Install the {} rules of {}", count, draft.rules_folder),
                          .run = [files](Installation& in) { static_cast<void>(put_rules(in, files, true)); }});
}

/// Credentials and changed settings of a connector of the adopted database.
void plan_adopted(const ConnectorDraft& draft, Plan& plan) {
  if (!draft.secrets.empty()) {
    plan.actions.push_back({.id = "put_credentials " + draft.name,
                            .text = fmt::format("Seal the credentials of {} with this server's key set", draft.name),
                            .run = [name = draft.name, secrets = share(draft.secrets)](Installation& installation) {
                              put_credentials(installation, installation.connector(name), *secrets);
                            }});
  }
  connector::Settings changes;
  for (const auto& [setting, values] : draft.changes) changes[setting] = values;
  if (changes.empty()) return;
  std::string names;
  for (const auto& [setting, values] : changes) names += (names.empty() ? "" : ", ") + setting;
  plan.actions.push_back({.id = "change_connector " + draft.name,
                          .text = fmt::format("Change settings of {}: {}", draft.name, names),
                          .run = [name = draft.name, changes](Installation& installation) {
                            const auto now = settings_of(installation.connector(name));
                            const bool same = std::all_of(changes.begin(), changes.end(), [&](const auto& one) {
                              const auto found = now.find(one.first);
                              return found == now.end() ? one.second.empty() : found->second == one.second;
                            });
                            if (!same) change_connector(installation, name, changes);
                          }});
}

/// Scheduler and interval; staging mode comes last of all.
void plan_settings(const Draft& draft, Plan& plan) {
  const bool adopted = draft.mode == Mode::existing;
  Pairs settings{{std::string(run::k_suspended), draft.start ? "off" : "on"}};
  if (!draft.interval.empty() || !adopted) {
    settings.emplace_back(run::k_interval, draft.interval.empty() ? std::string(k_standard_interval) : draft.interval);
  }
  plan.actions.push_back(
      {.id = "put_settings",
       .text = draft.start ? "Let the service synchronize as soon as it runs"
                           : "Keep synchronization suspended until `linkspan service resume`",
       .run = [settings](Installation& installation) { configuration_of(installation).put_settings(settings); }});
}

void plan_end(const Installation& installation, const Draft& draft, Plan& plan) {
  std::string text = fmt::format("Write {}", draft.file.path.string());
  if (installation.file().present && installation.file().database_url != draft.file.database_url) {
    text += fmt::format("; this server leaves {}, which stays as it is", installation.file().database_url);
  }
  plan.actions.push_back({.id = "write_server_file",
                          .text = std::move(text),
                          .run = [file = draft.file](Installation&) { save_server_file(file); },
                          .needs_lease = false});
  plan.actions.push_back({.id = "record_server",
                          .text = plan.staging ? "Record this server; staging mode stays on"
                                               : "Record this server; switch staging mode off",
                          .run = [staging = plan.staging](Installation& in) {
                            const Pairs last{{std::string(k_server), host_name()},
                                             {std::string(k_server_since), to_rfc3339(in.clock().now())},
                                             {std::string(run::k_staging), staging ? "on" : "off"},
                                             {std::string(k_unfinished), ""}};
                            configuration_of(in).put_settings(last);
                          }});
}

std::vector<std::string> last_page(const Draft& draft, bool staging) {
  std::vector<std::string> lines;
  if (draft.mode == Mode::existing) lines.emplace_back("This server has taken the database over.");
  if (staging) {
    lines.emplace_back("Staging mode is ON: it imports and synchronizes, and exports nothing.");
    lines.emplace_back("Synchronize: linkspan serve (or once: linkspan run)");
    lines.emplace_back("Review the configuration: linkspan config show");
    lines.emplace_back("Review what would be exported: linkspan pending");
    lines.emplace_back("When it is right: linkspan staging off");
  } else {
    lines.emplace_back("Synchronize now: linkspan run full");
    lines.emplace_back("Keep in step: linkspan serve (systemctl start linkspan)");
    lines.emplace_back("See how it is: linkspan status");
  }
  if (!draft.start) lines.emplace_back("The service waits until: linkspan service resume");
  return lines;
}

}  // namespace

Plan make_plan(const Installation& installation, const Draft& draft) {
  Plan plan;
  plan.file = draft.file;
  plan.staging = draft.staging || draft.mode == Mode::existing;
  if (draft.mode != Mode::existing) {
    plan.actions.push_back({.id = "create_schema",
                            .text = fmt::format("Make the database {} and its schema", draft.file.database_url),
                            .run = [](Installation& in) { in.create_store(); },
                            .needs_lease = false});
  }
  plan.actions.push_back(begin(draft.mode));
  plan_leftovers(draft, plan);
  plan_key_set(installation, draft, plan);
  if (draft.mode == Mode::existing) {
    for (const auto* some : {&draft.targets, &draft.directories}) {
      for (const ConnectorDraft& one : *some) plan_adopted(one, plan);
    }
  } else {
    for (const ConnectorDraft& one : draft.directories) plan_connector(one, "the directory", plan);
    for (const ConnectorDraft& one : draft.targets) plan_connector(one, "the target", plan);
    plan_rules(installation, draft, plan);
  }
  plan_settings(draft, plan);
  plan_end(installation, draft, plan);
  plan.done = last_page(draft, plan.staging);
  return plan;
}

}  // namespace linkspan::setup
