// connector probe: what a service does otherwise than its standard has it.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/json.h"
#include "cli/session.h"
#include "setup/connectors.h"
#include "setup/server_file.h"

namespace linkspan::cli {
namespace {

/// The kind that --kind names; without it, the first that can be probed.
const connector::Kind& probed_kind(const setup::Installation& installation, const Arguments& arguments) {
  if (const auto name = arguments.get("--kind")) {
    const connector::Kind& kind = installation.kind(*name);
    if (kind.probe) return kind;
    throw Error(Fault::invalid, "cli.nothing_to_probe",
                fmt::format("there is nothing to find out about a connector of kind {}", kind.name),
                "`linkspan connector test` tries what it needs.");
  }
  const auto& kinds = installation.wiring().kinds;
  const auto found = std::find_if(kinds.begin(), kinds.end(), [](const auto& kind) { return bool(kind.probe); });
  if (found == kinds.end()) throw Error(Fault::invalid, "cli.nothing_to_probe", "no kind of connector can be probed");
  return *found;
}

int probe_service(Session& session, const Arguments& arguments) {
  const connector::Kind& kind = probed_kind(session.installation(), arguments);
  connector::Settings settings = parse_pairs("--set", arguments.list("--set"));
  settings["url"] = {arguments.text("URL")};
  connector::Secrets secrets = read_secrets(arguments.list("--secret-file"), arguments.list("--secret-env"));
  for (const connector::SettingSpec& spec : kind.secrets) {
    if (spec.required && !secrets.contains(spec.name)) secrets.emplace(spec.name, ask_secret(spec.name));
  }
  const connector::Probed made = kind.probe(settings, std::move(secrets), arguments.has("--write"),
                                            session.installation().logger(), session.stop());
  const auto file = arguments.get("--output");
  if (file) setup::write_file(*file, made.profile, 0644);
  const bool good = std::all_of(made.found.begin(), made.found.end(), [](const auto& one) { return one.passed; });
  if (session.json()) {
    Json found = Json::list();
    for (const connector::Check& one : made.found) {
      found.push(
          Json::object({{"name", one.name}, {"passed", one.passed}, {"detail", one.detail}, {"hint", one.hint}}));
    }
    session.out().print(Json::object({{"found", std::move(found)}, {"profile", made.profile}}));
    return good ? exit_done : exit_failed;
  }
  for (const connector::Check& one : made.found) {
    session.out().line(
        fmt::format("  {}  {}: {}", one.passed ? "ok    " : "LACKS ", one.name, printable(one.detail, 500)));
    if (!one.passed && !one.hint.empty()) session.out().line("          hint: " + one.hint);
  }
  session.out().line("");
  if (file) {
    session.out().line(fmt::format("Written to {}: use it with --set profile=FILE, its path in full.", *file));
  } else {
    session.out().raw(made.profile);
  }
  return good ? exit_done : exit_failed;
}

}  // namespace

Commands probe_commands() {
  return {{"connector probe",
           "Find out how a service deviates from its standard, and write a profile for connectors to it",
           {{"URL", "Its base URL", true, false, {}},
            {"--kind KIND", "What it is; without, the first of `connector kinds` that can be probed"},
            {"--set NAME=VALUE", "A setting of the connection, as for `connector add`", false, true, {}},
            {"--secret-file NAME=FILE", "A credential, from a file", false, true, {}},
            {"--secret-env NAME=VARIABLE", "A credential, from an environment variable", false, true, {}},
            {"--write", "Try changes as well: on two users and a group that are made, and removed again"},
            {"--output FILE", "Where to write the profile; without, it is printed"}},
           probe_service,
           false}};
}

}  // namespace linkspan::cli
