// connector: the connected directories and their credentials.

#include "setup/connectors.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/internal/accounts.h"
#include "cli/internal/nouns.h"
#include "cli/session.h"

namespace linkspan::cli {
namespace {

Json checks_json(const std::vector<connector::Check>& checks) {
  Json list = Json::list();
  for (const connector::Check& check : checks) {
    list.push(
        Json::object({{"name", check.name}, {"passed", check.passed}, {"detail", check.detail}, {"hint", check.hint}}));
  }
  return list;
}

bool all_passed(const std::vector<connector::Check>& checks) {
  return std::all_of(checks.begin(), checks.end(), [](const auto& check) { return check.passed; });
}

void print_checks(Output& out, const std::vector<connector::Check>& checks) {
  for (const connector::Check& check : checks) {
    out.line(fmt::format("  {}  {}: {}", check.passed ? "ok    " : "FAILED", check.name, printable(check.detail, 500)));
    if (!check.passed && !check.hint.empty()) out.line("          hint: " + check.hint);
  }
}

/// Credentials from the command line, and the required ones that are not given there from the terminal.
connector::Secrets gather_secrets(const connector::Kind& kind, const Arguments& arguments, bool ask_all) {
  connector::Secrets secrets = read_secrets(arguments.list("--secret-file"), arguments.list("--secret-env"));
  const bool none_given = secrets.empty();
  for (const connector::SettingSpec& spec : kind.secrets) {
    const bool wanted = spec.required || (ask_all && none_given);
    if (wanted && !secrets.contains(spec.name)) secrets.emplace(spec.name, ask_secret(spec.name));
  }
  return secrets;
}

int list_connectors(Session& session, const Arguments&) {
  setup::Installation& installation = session.installation();
  const auto credentials = setup::list_credentials(installation);
  Table table({"Connector", "Kind", "Credentials", "Where"});
  Json list = Json::list();
  for (const store::ConnectorRow& row : session.store().configuration().connectors()) {
    const connector::Settings settings = setup::settings_of(row);
    Json members = Json::object();
    for (const auto& [name, values] : settings) members.set(name, values);
    Json states = Json::list();
    std::string words;
    for (const setup::Credential& one : credentials) {
      if (one.connector != row.name) continue;
      states.push(Json::object({{"name", one.name}, {"state", setup::name_of(one.state)}, {"key_set", one.key_set}}));
      words += fmt::format("{}{}: {}", words.empty() ? "" : ", ", one.name, setup::name_of(one.state));
    }
    auto where = settings.find("url");
    for (const char* other : {"path", "tenant"}) {
      if (where == settings.end()) where = settings.find(other);
    }
    table.add({printable(row.name), row.kind, words.empty() ? "none" : words,
               where != settings.end() && !where->second.empty() ? printable(where->second.front()) : ""});
    list.push(Json::object({{"name", row.name},
                            {"kind", row.kind},
                            {"settings", std::move(members)},
                            {"credentials", std::move(states)}}));
  }
  if (session.json()) {
    session.out().print(Json::object({{"connectors", std::move(list)}}));
  } else if (table.empty()) {
    session.out().line("No connectors yet: `linkspan connector add`.");
  } else {
    session.out().print(table);
  }
  return exit_done;
}

int list_kinds(Session& session, const Arguments&) {
  const auto specs_json = [](const std::vector<connector::SettingSpec>& specs) {
    Json list = Json::list();
    for (const connector::SettingSpec& spec : specs) {
      list.push(Json::object({{"name", spec.name},
                              {"help", spec.help},
                              {"required", spec.required},
                              {"multi_valued", spec.multi_valued},
                              {"standard", spec.standard}}));
    }
    return list;
  };
  Json list = Json::list();
  for (const connector::Kind& kind : session.installation().wiring().kinds) {
    list.push(Json::object({{"name", kind.name},
                            {"description", kind.description},
                            {"settings", specs_json(kind.settings)},
                            {"secrets", specs_json(kind.secrets)}}));
    if (session.json()) continue;
    session.out().line(fmt::format("{}: {}", kind.name, kind.description));
    Table table({"  Setting", "", "Meaning", "Standard"});
    for (const connector::SettingSpec& spec : kind.settings) {
      table.add({"  " + spec.name, spec.required ? "required" : "", spec.help, spec.standard});
    }
    for (const connector::SettingSpec& spec : setup::engine_settings())
      table.add({"  " + spec.name, "", spec.help, spec.standard});
    for (const auto& [right, help] : kind.account_rights) table.add({"  right " + right, "", help, ""});
    for (const connector::SettingSpec& spec : kind.secrets) {
      table.add({"  " + spec.name, spec.required ? "secret, required" : "secret", spec.help, ""});
    }
    session.out().print(table);
    session.out().line("");
  }
  if (session.json()) session.out().print(Json::object({{"kinds", std::move(list)}}));
  return exit_done;
}

int add_connector(Session& session, const Arguments& arguments) {
  setup::Installation& installation = session.installation();
  const connector::Kind& kind = installation.kind(arguments.text("--kind"));
  connector::Settings settings = parse_pairs("--set", arguments.list("--set"));
  if (arguments.has("--administrator")) {
    setup::NewAccount account = setup::create_account(installation, kind, settings, account_order(arguments));
    for (const auto& [name, values] : account.settings) settings[name] = values;
    const auto lease = session.lease();
    setup::add_connector(installation, arguments.text("NAME"), kind.name, settings, account.secrets);
    return report_account(session, arguments.text("NAME"), account);
  }
  const connector::Secrets secrets = gather_secrets(kind, arguments, false);
  const auto lease = session.lease();
  const store::ConnectorRow row =
      setup::add_connector(installation, arguments.text("NAME"), kind.name, settings, secrets);
  if (session.json()) {
    session.out().print(Json::object({{"connector", row.name}, {"id", row.id.value}}));
  } else {
    session.out().line(fmt::format("Connector {} is added. Try it: linkspan connector test {}", row.name, row.name));
  }
  return exit_done;
}

int edit_connector(Session& session, const Arguments& arguments) {
  connector::Settings changes = parse_pairs("--set", arguments.list("--set"));
  for (const std::string& name : arguments.list("--unset")) changes[name].clear();
  if (changes.empty()) {
    throw Error(Fault::invalid, "cli.usage", "nothing to change", "Say --set NAME=VALUE or --unset NAME.");
  }
  const auto lease = session.lease();
  setup::change_connector(session.installation(), arguments.text("CONNECTOR"), changes);
  if (session.json()) {
    session.out().print(Json::object({{"connector", arguments.text("CONNECTOR")}}));
  } else {
    session.out().line("Changed. The next import of it is a full one.");
  }
  return exit_done;
}

int test_connector(Session& session, const Arguments& arguments) {
  setup::Installation& installation = session.installation();
  std::vector<store::ConnectorRow> rows;
  if (const auto name = arguments.get("CONNECTOR")) {
    rows.push_back(installation.connector(*name));
  } else {
    rows = session.store().configuration().connectors();
  }
  Json list = Json::list();
  bool good = true;
  for (const store::ConnectorRow& row : rows) {
    std::vector<connector::Check> checks;
    try {
      checks = installation.open(row)->test();
    } catch (const Error& error) {
      checks.push_back({"open", false, error.message(), error.hint()});
    }
    good = good && all_passed(checks);
    list.push(Json::object({{"connector", row.name}, {"passed", all_passed(checks)}, {"checks", checks_json(checks)}}));
    if (session.json()) continue;
    session.out().line(row.name);
    print_checks(session.out(), checks);
  }
  if (session.json()) session.out().print(Json::object({{"connectors", std::move(list)}}));
  return good ? exit_done : exit_failed;
}

int put_credentials(Session& session, const Arguments& arguments) {
  setup::Installation& installation = session.installation();
  const store::ConnectorRow row = installation.connector(arguments.text("CONNECTOR"));
  const connector::Kind& kind = installation.kind(row.kind);
  connector::Secrets secrets = gather_secrets(kind, arguments, true);
  if (secrets.empty()) {
    throw Error(Fault::invalid, "cli.usage", fmt::format("a connector of kind {} has no credentials", kind.name));
  }
  if (!arguments.has("--no-test")) {
    connector::Secrets copies;
    for (const auto& [name, secret] : secrets) copies.emplace(name, secret.clone());
    const auto checks =
        setup::check_connector(installation, row.name, row.kind, setup::settings_of(row), std::move(copies))->test();
    if (!session.json()) print_checks(session.out(), checks);
    if (!all_passed(checks)) {
      throw Error(Fault::denied, "cli.credentials_refused",
                  fmt::format("{} does not work with these credentials; nothing was changed", row.name),
                  "See the failed check above; --no-test stores them all the same.");
    }
  }
  const auto lease = session.lease();
  setup::put_credentials(installation, row, secrets);
  if (session.json()) {
    session.out().print(Json::object({{"connector", row.name}}));
  } else {
    session.out().line(fmt::format("The credentials of {} are stored, sealed.", row.name));
  }
  return exit_done;
}

std::string_view kind_text(model::ValueKind kind) {
  switch (kind) {
    case model::ValueKind::text:
      return "text";
    case model::ValueKind::binary:
      return "binary";
    case model::ValueKind::integer:
      return "integer";
    case model::ValueKind::boolean:
      return "boolean";
    case model::ValueKind::time:
      return "time";
    case model::ValueKind::reference:
      break;
  }
  return "reference";
}

int show_schema(Session& session, const Arguments& arguments) {
  setup::Installation& installation = session.installation();
  const model::Schema schema = installation.open(installation.connector(arguments.text("CONNECTOR")))->schema();
  const auto wanted = arguments.get("TYPE");
  Json classes = Json::list();
  Table table({"Type", "Attribute", "Kind", "", ""});
  for (const model::SchemaClass& one : schema.classes) {
    if (wanted && one.name != *wanted) continue;
    Json attributes = Json::list();
    for (const model::SchemaAttribute& attribute : one.attributes) {
      attributes.push(Json::object({{"name", attribute.name},
                                    {"kind", kind_text(attribute.kind)},
                                    {"multi_valued", attribute.multi_valued},
                                    {"writable", attribute.writable},
                                    {"case_exact", attribute.case_exact}}));
      table.add({printable(one.name), printable(attribute.name), std::string(kind_text(attribute.kind)),
                 attribute.multi_valued ? "multi-valued" : "", attribute.writable ? "" : "read only"});
    }
    classes.push(Json::object({{"name", one.name}, {"attributes", std::move(attributes)}}));
  }
  if (session.json()) {
    session.out().print(Json::object({{"types", std::move(classes)}}));
  } else {
    session.out().print(table);
  }
  return exit_done;
}

int remove_connector(Session& session, const Arguments& arguments) {
  const std::string& name = arguments.text("CONNECTOR");
  static_cast<void>(session.installation().connector(name));
  if (!arguments.has("--yes") &&
      !confirm(
          fmt::format("Remove {} with all that is known of its objects? The directory itself is not touched.", name))) {
    session.out().note("Nothing was removed.");
    return exit_failed;
  }
  const auto lease = session.lease();
  setup::remove_connector(session.installation(), name);
  if (session.json()) {
    session.out().print(Json::object({{"removed", name}}));
  } else {
    session.out().line(fmt::format("{} is removed. Review `linkspan pending` after the next synchronization.", name));
  }
  return exit_done;
}

}  // namespace

Commands connector_commands() {
  const Argument which{"CONNECTOR", "Its name", true, false, {}};
  const Argument secret_file{"--secret-file NAME=FILE", "A credential, from a file", false, true, {}};
  const Argument secret_env{
      "--secret-env NAME=VARIABLE", "A credential, from an environment variable", false, true, {}};
  std::vector<Argument> adding{
      {"NAME", "What to call it", true, false, {}},
      {"--kind KIND", "ldap, ad, scim, graph, file, ...; see `connector kinds`", true, false, {}},
      {"--set NAME=VALUE", "A setting; again for several values", false, true, {}},
      secret_file,
      secret_env};
  for (Argument& one : account_arguments()) adding.push_back(std::move(one));
  return {
      {"connector list", "The connectors, their settings and the state of their credentials", {}, list_connectors},
      {"connector kinds", "Kinds of directories, and the settings and credentials each takes", {}, list_kinds, false},
      {"connector add",
       "Add a connected directory; credentials not given are asked for, or an administrator makes an account",
       std::move(adding), add_connector},
      {"connector edit",
       "Change settings of a connector; its next import is full",
       {which,
        {"--set NAME=VALUE", "A setting; again for several values", false, true, {}},
        {"--unset NAME", "Back to the standard", false, true, {}}},
       edit_connector},
      {"connector test",
       "Try everything an import and an export need, and change nothing",
       {{"CONNECTOR", "Only this"}},
       test_connector},
      {"connector credentials",
       "Enter credentials again; they are tried before they are stored",
       {which, secret_file, secret_env, {"--no-test", "Store them untried"}},
       put_credentials},
      {"connector schema",
       "Object types and attributes, as the directory says",
       {which, {"TYPE", "Only this object type"}},
       show_schema},
      {"connector remove",
       "Remove a connector and what is known of its objects",
       {which, {"--yes", "Do not ask"}},
       remove_connector},
  };
}

}  // namespace linkspan::cli
