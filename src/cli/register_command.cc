// connector register: becoming known to a directory that wants that.

#include <fmt/format.h>

#include "base/text.h"
#include "cli/internal/accounts.h"
#include "cli/internal/nouns.h"
#include "cli/json.h"
#include "cli/session.h"
#include "setup/accounts.h"
#include "setup/connectors.h"
#include "setup/credentials.h"

namespace linkspan::cli {
namespace {

int register_connector(Session& session, const Arguments& arguments) {
  setup::Installation& installation = session.installation();
  const store::ConnectorRow row = installation.connector(arguments.text("CONNECTOR"));
  const connector::Registrar& registrar = setup::registrar_of(installation.kind(row.kind));
  const connector::Settings settings = setup::adapter_settings(row);
  connector::Secrets held = setup::open_credentials(installation, row);
  const connector::Registered made =
      arguments.has("--rotate")
          ? registrar.rotate(settings, std::move(held), row.name, installation.logger(), session.stop())
          : registrar.enroll(
                settings, std::move(held), row.name,
                [&](const connector::SignInPrompt& prompt) { show_sign_in(session.out(), prompt); },
                installation.logger(), session.stop());
  const auto lease = session.lease();
  setup::change_connector(installation, row.name, made.settings);
  setup::put_credentials(installation, row, made.secrets);
  if (made.afterwards) made.afterwards();
  if (session.json()) {
    Json done = Json::list();
    for (const std::string& line : made.done) done.push(line);
    session.out().print(Json::object({{"connector", row.name}, {"done", std::move(done)}}));
    return exit_done;
  }
  for (const std::string& line : made.done) session.out().line("  " + printable(line, 300));
  session.out().line(fmt::format("{} is registered. Try it: linkspan connector test {}", row.name, row.name));
  return exit_done;
}

}  // namespace

Commands register_commands() {
  return {{"connector register",
           "Register with a service that wants that, by an administrator's sign-in that is used once",
           {{"CONNECTOR", "Its name", true, false, {}},
            {"--rotate", "Replace the credentials by new ones; needs no administrator"}},
           register_connector}};
}

}  // namespace linkspan::cli
