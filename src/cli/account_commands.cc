// connector account: the accounts that connectors log on with.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "cli/internal/accounts.h"
#include "cli/internal/nouns.h"
#include "setup/connectors.h"

namespace linkspan::cli {

namespace {

constexpr const char* k_standard_name = "svc-linkspan";

bool lacks_any(const std::vector<connector::AccountRight>& rights) {
  return std::any_of(rights.begin(), rights.end(), [](const auto& one) { return one.wanted && !one.held; });
}

std::string_view state_of(const connector::AccountRight& right) {
  return !right.wanted ? "has without need" : right.held ? "has" : "lacks";
}

Json rights_json(const std::vector<connector::AccountRight>& rights) {
  Json list = Json::list();
  for (const connector::AccountRight& one : rights) {
    list.push(Json::object({{"right", one.name}, {"where", one.where}, {"state", state_of(one)}}));
  }
  return list;
}

void print_rights(Output& out, const std::vector<connector::AccountRight>& rights) {
  Table table({"", "Right", "On"});
  for (const connector::AccountRight& one : rights) {
    table.add({std::string(state_of(one)), printable(one.name, 200), printable(one.where, 300)});
  }
  if (!table.empty()) out.print(table);
}

int create(Session& session, const Arguments& arguments) {
  setup::Installation& installation = session.installation();
  const store::ConnectorRow row = installation.connector(arguments.text("CONNECTOR"));
  const setup::NewAccount made = setup::create_account(installation, installation.kind(row.kind),
                                                       setup::adapter_settings(row), account_order(arguments));
  const auto lease = session.lease();
  setup::put_credentials(installation, row, made.secrets);
  setup::change_connector(installation, row.name, made.settings);
  return report_account(session, row.name, made);
}

int check(Session& session, const Arguments& arguments) {
  setup::Installation& installation = session.installation();
  const store::ConnectorRow row = installation.connector(arguments.text("CONNECTOR"));
  const auto rights = setup::check_account(installation, row, arguments.list("--right"));
  const bool lacking = lacks_any(rights);
  if (session.json()) {
    session.out().print(
        Json::object({{"connector", row.name}, {"complete", !lacking}, {"rights", rights_json(rights)}}));
  } else {
    print_rights(session.out(), rights);
    session.out().line(lacking ? "The account lacks what is marked." : "The account has all that was asked for.");
  }
  return lacking ? exit_failed : exit_done;
}

}  // namespace

connector::AccountOrder account_order(const Arguments& arguments) {
  connector::AccountOrder order;
  order.administrator = arguments.text("--administrator");
  if (order.administrator.empty()) {
    throw Error(Fault::invalid, "cli.usage", "an account is made with an administrator's rights",
                "Say --administrator NAME: used once, and kept nowhere.");
  }
  connector::Secrets given = read_secrets(arguments.list("--secret-file"), arguments.list("--secret-env"));
  const auto password = given.find("administrator");
  order.administrator_password =
      password != given.end() ? std::move(password->second) : ask_secret("password of " + order.administrator);
  order.name = arguments.text("--account");
  if (order.name.empty()) order.name = k_standard_name;
  order.rights = arguments.list("--right");
  return order;
}

void show_sign_in(Output& out, const connector::SignInPrompt& prompt) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(prompt.valid_for).count();
  out.note(fmt::format("Open {} in any browser, enter the code {} within {} minutes, and sign in as an administrator.",
                       printable(prompt.url), printable(prompt.code), minutes));
}

int report_account(Session& session, const std::string& connector, const setup::NewAccount& made) {
  const std::string& account = made.settings.at("account").front();
  if (session.json()) {
    session.out().print(Json::object(
        {{"connector", connector}, {"account", account}, {"made", made.made}, {"rights", rights_json(made.rights)}}));
  } else {
    session.out().line(fmt::format("{} {}; its password is stored, sealed, and shown nowhere.", printable(account),
                                   made.made ? "is made" : "was there, and has a new password"));
    print_rights(session.out(), made.rights);
    session.out().line(fmt::format("Try it: linkspan connector test {}", connector));
  }
  return lacks_any(made.rights) ? exit_failed : exit_done;
}

std::vector<Argument> account_arguments() {
  return {{"--administrator NAME", "Who makes it; used once, and kept nowhere"},
          {"--account NAME", fmt::format("What to call it; {} without", k_standard_name)},
          {"--right RIGHT", "What it may do; see `connector kinds`. Without: what an import needs", false, true, {}}};
}

Commands account_commands() {
  std::vector<Argument> creating = account_arguments();
  creating.insert(creating.begin(), {"CONNECTOR", "Its name", true, false, {}});
  creating.push_back({"--secret-file NAME=FILE", "administrator=FILE: the administrator's password", false, true, {}});
  creating.push_back({"--secret-env NAME=VARIABLE", "Likewise, from an environment variable", false, true, {}});
  return {{"connector account create",
           "Make the account that a connector logs on with, with just the rights it needs; may be repeated",
           std::move(creating), create},
          {"connector account check",
           "Each right that a connector's account has, lacks, or has without need",
           {{"CONNECTOR", "Its name", true, false, {}},
            {"--right RIGHT", "What it is to be able to do. Without: what an import needs", false, true, {}}},
           check}};
}

}  // namespace linkspan::cli
