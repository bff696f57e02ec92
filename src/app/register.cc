#include "app/register.h"

#include <fmt/format.h>

#include <chrono>

#include "app/kinds.h"
#include "base/text.h"
#include "cli/json.h"
#include "cli/session.h"
#include "setup/connectors.h"
#include "setup/credentials.h"

namespace linkspan::app {
namespace {

/// To standard error, so that what --json prints stays whole.
void show_prompt(cli::Session& session, const connector::SignInPrompt& prompt) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(prompt.valid_for).count();
  session.out().note(
      fmt::format("Open {} in any browser, enter the code {} within {} minutes, and sign in as an administrator.",
                  prompt.url, prompt.code, minutes));
}

int register_connector(cli::Session& session, const cli::Arguments& arguments) {
  setup::Installation& installation = session.installation();
  const store::ConnectorRow row = installation.connector(arguments.text("CONNECTOR"));
  const connector::Registrar registrar = registrar_of(row.kind);
  const connector::Settings settings = setup::adapter_settings(row);
  connector::Secrets held = setup::open_credentials(installation, row);
  const connector::Registered made =
      arguments.has("--rotate")
          ? registrar.rotate(settings, std::move(held), row.name, installation.logger(), session.stop())
          : registrar.enroll(
                settings, std::move(held), row.name,
                [&](const connector::SignInPrompt& prompt) { show_prompt(session, prompt); }, installation.logger(),
                session.stop());
  const auto lease = session.lease();
  setup::change_connector(installation, row.name, made.settings);
  setup::put_credentials(installation, row, made.secrets);
  if (made.afterwards) made.afterwards();
  if (session.json()) {
    cli::Json done = cli::Json::list();
    for (const std::string& line : made.done) done.push(line);
    session.out().print(cli::Json::object({{"connector", row.name}, {"done", std::move(done)}}));
    return cli::exit_done;
  }
  for (const std::string& line : made.done) session.out().line("  " + printable(line, 300));
  session.out().line(fmt::format("{} is registered. Try it: linkspan connector test {}", row.name, row.name));
  return cli::exit_done;
}

}  // namespace

cli::Commands register_commands() {
  return {{"connector register",
           "Register with a service that wants that, by an administrator's sign-in that is used once",
           {{"CONNECTOR", "Its name", true, false, {}},
            {"--rotate", "Replace the credentials by new ones; needs no administrator"}},
           register_connector}};
}

}  // namespace linkspan::app
