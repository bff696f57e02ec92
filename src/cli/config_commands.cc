// config: all configuration in the database as one TOML text.

#include <fmt/format.h>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/session.h"
#include "run/settings.h"
#include "setup/configuration_file.h"

namespace linkspan::cli {
namespace {

Json to_json(const setup::ConfigurationText& configuration) {
  Json connectors = Json::list();
  for (const setup::ConnectorText& one : configuration.connectors) {
    Json settings = Json::object();
    for (const auto& [name, values] : one.settings) settings.set(name, values);
    connectors.push(Json::object(
        {{"name", one.name}, {"kind", one.kind}, {"settings", std::move(settings)}, {"credentials", one.credentials}}));
  }
  Json settings = Json::object();
  for (const auto& [name, value] : configuration.settings) settings.set(name, value);
  Json rules = Json::list();
  for (const rules::Rule& rule : configuration.rules) {
    rules.push(Json::object({{"name", rule.name}, {"toml", rules::print_rule(rule)}}));
  }
  return Json::object(
      {{"connectors", std::move(connectors)}, {"settings", std::move(settings)}, {"rules", std::move(rules)}});
}

int show(Session& session, const Arguments&) {
  const setup::ConfigurationText configuration = setup::load_configuration(session.installation());
  if (session.json()) {
    session.out().print(to_json(configuration));
  } else {
    session.out().raw(setup::print_configuration(configuration));
  }
  return exit_done;
}

int export_to_file(Session& session, const Arguments& arguments) {
  const std::string text = setup::print_configuration(setup::load_configuration(session.installation()));
  setup::write_file(arguments.text("FILE"), text, 0644);
  if (session.json()) {
    session.out().print(Json::object({{"file", arguments.text("FILE")}}));
  } else {
    session.out().line(fmt::format("The configuration is in {}.", arguments.text("FILE")));
  }
  return exit_done;
}

int diff(Session& session, const Arguments& arguments) {
  const std::string& path = arguments.text("FILE");
  const setup::ConfigurationText there = setup::parse_configuration(setup::read_file(path), path);
  const auto differences = setup::compare(setup::load_configuration(session.installation()), there);
  if (session.json()) {
    Json list = Json::list();
    for (const setup::Difference& one : differences) {
      list.push(Json::object({{"what", one.what}, {"change", one.change}, {"here", one.here}, {"there", one.there}}));
    }
    session.out().print(Json::object({{"same", differences.empty()}, {"differences", std::move(list)}}));
    return exit_done;
  }
  for (const setup::Difference& one : differences) {
    const bool is_short = one.here.find('\n') == std::string::npos && one.there.find('\n') == std::string::npos;
    session.out().line(fmt::format("{}: {}", printable(one.what), one.change));
    if (is_short && !one.here.empty()) session.out().line("  here   " + printable(one.here, 400));
    if (is_short && !one.there.empty()) session.out().line("  there  " + printable(one.there, 400));
  }
  session.out().line(differences.empty() ? "No difference." : fmt::format("{} differences.", differences.size()));
  return exit_done;
}

int set_setting(Session& session, const Arguments& arguments) {
  const std::string& name = arguments.text("NAME");
  const std::string value = arguments.get("VALUE").value_or("");
  if (name == run::k_staging) {
    throw Error(Fault::invalid, "cli.usage", "staging mode has a switch of its own",
                "`linkspan staging off` shows what is pending first.");
  }
  if (!value.empty()) run::check_setting(name, value);
  const auto lease = session.lease();
  run::put_setting(session.store().configuration(), name, value);
  if (session.json()) {
    session.out().print(Json::object({{"name", name}, {"value", value.empty() ? Json() : Json(value)}}));
  } else {
    session.out().line(value.empty() ? fmt::format("{} is back to its standard.", name)
                                     : fmt::format("{} = {}", name, value));
  }
  return exit_done;
}

}  // namespace

Commands config_commands() {
  return {
      {"config show", "All configuration in the database as TOML; credentials are only named", {}, show},
      {"config export", "The same, into a file", {{"FILE", "Where to", true, false, {}}}, export_to_file},
      {"config diff",
       "What differs from a file that `config export` wrote, here or on another server",
       {{"FILE", "The file", true, false, {}}},
       diff},
      {"config set",
       "One setting of the scheduler, the guard or the history; without a value, back to the standard",
       {{"NAME", "As in scheduler.interval", true, false, {}}, {"VALUE", "As in 30m"}},
       set_setting},
  };
}

}  // namespace linkspan::cli
