// key: the key set that seals the credentials in the database.

#include <fmt/format.h>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/session.h"
#include "setup/keys.h"
#include "vault/backup_identity.h"

namespace linkspan::cli {
namespace {

int list_keys(Session& session, const Arguments&) {
  const setup::KeyState state = setup::key_state(session.installation());
  const std::string file = session.installation().file().key_set.string();
  if (session.json()) {
    session.out().print(
        Json::object({{"file", file},
                      {"present", state.present},
                      {"problem", state.problem.empty() ? Json() : Json(state.problem)},
                      {"id", state.id.empty() ? Json() : Json(state.id)},
                      {"keys", state.keys},
                      {"database_key_set", state.database_id.empty() ? Json() : Json(state.database_id)},
                      {"opens", state.opens},
                      {"secrets", state.secrets},
                      {"unopened", state.unopened}}));
    return exit_done;
  }
  Output& out = session.out();
  out.line(fmt::format("Key file   {}", file));
  if (state.present) {
    out.line(fmt::format("Key set    {} ({} {})", state.id, state.keys, state.keys == 1 ? "key" : "keys"));
  } else {
    out.line("Key set    " + state.problem);
  }
  out.line(
      fmt::format("Database   {}", state.database_id.empty() ? "no secrets yet" : "sealed with " + state.database_id));
  out.line(fmt::format("Secrets    {}, of which {} cannot be opened here", state.secrets, state.unopened));
  if (state.unopened > 0) {
    out.line(
        "hint: enter them again (`linkspan connector credentials`), bring the key set (`linkspan key import`), or "
        "erase them (`linkspan key abandon`)");
  }
  return exit_done;
}

int say(Session& session, const Json& json, std::string_view words) {
  if (session.json()) {
    session.out().print(json);
  } else {
    session.out().line(words);
  }
  return exit_done;
}

int create_key(Session& session, const Arguments&) {
  setup::create_key_set(session.installation());
  const std::string id = session.installation().keys().id();
  return say(session, Json::object({{"id", id}}),
             fmt::format("Key set {} is in {}. Keep a copy: linkspan key export", id,
                         session.installation().file().key_set.string()));
}

int rotate(Session& session, const Arguments&) {
  const auto lease = session.lease();
  const std::size_t count = setup::rotate_keys(session.installation());
  const std::string id = session.installation().keys().id();
  return say(
      session, Json::object({{"id", id}, {"secrets", count}}),
      fmt::format("Key set {}; {} secrets sealed anew. Older copies of the key set open nothing any more: make a "
                  "new one with `linkspan key export`.",
                  id, count));
}

int export_key(Session& session, const Arguments& arguments) {
  const vault::Secret passphrase =
      read_passphrase(arguments.text("--passphrase-file"), arguments.text("--passphrase-env"), true);
  const std::string text = setup::export_keys(session.installation(), passphrase);
  if (const auto path = arguments.get("FILE")) {
    setup::write_file(*path, text, 0600);
    return say(session, Json::object({{"file", *path}}), fmt::format("The copy is in {}.", *path));
  }
  if (session.json()) return say(session, Json::object({{"copy", text}}), "");
  session.out().raw(text);
  return exit_done;
}

int import_key(Session& session, const Arguments& arguments) {
  constexpr std::size_t k_longest = std::size_t{1} << 20U;
  const std::string text = setup::read_file(arguments.text("FILE"), k_longest);
  const vault::Secret passphrase =
      read_passphrase(arguments.text("--passphrase-file"), arguments.text("--passphrase-env"), false);
  setup::import_keys(session.installation(), text, passphrase);
  const std::string id = session.installation().keys().id();
  return say(session, Json::object({{"id", id}}), fmt::format("Key set {} is in place.", id));
}

int make_backup_recipient(Session& session, const Arguments& arguments) {
  const std::string& file = arguments.text("FILE");
  vault::Secret passphrase;
  if (arguments.has("--passphrase-file") || arguments.has("--passphrase-env")) {
    passphrase = read_passphrase(arguments.text("--passphrase-file"), arguments.text("--passphrase-env"), true);
  }
  const vault::BackupIdentity identity = vault::make_backup_identity();
  vault::save_backup_identity(identity, file, passphrase);
  const std::string recipient = vault::recipient_text(identity.public_key);
  if (session.json()) {
    session.out().print(Json::object({{"recipient", recipient}, {"file", file}, {"sealed", !passphrase.empty()}}));
    return exit_done;
  }
  session.out().line(recipient);
  session.out().note(fmt::format(
      "Give that to `linkspan database backup FILE --recipient`. Only {} opens what is made with it: keep it away from "
      "the servers that make backups, and keep a copy{}.",
      printable(file), passphrase.empty() ? "; no passphrase protects it" : ", with its passphrase"));
  return exit_done;
}

int abandon(Session& session, const Arguments& arguments) {
  if (!arguments.has("--yes") &&
      !confirm("Erase every credential in the database that this server cannot open? They must be entered again.")) {
    session.out().note("Nothing was erased.");
    return exit_failed;
  }
  const auto lease = session.lease();
  const std::size_t count = setup::abandon_secrets(session.installation());
  return say(session, Json::object({{"erased", count}}), fmt::format("{} erased.", count));
}

}  // namespace

Commands key_commands() {
  const Argument file{"--passphrase-file FILE", "The passphrase, from a file"};
  const Argument variable{"--passphrase-env VARIABLE", "The passphrase, from an environment variable"};
  return {
      {"key list", "Which key set this server has, and whether it opens what the database holds", {}, list_keys},
      {"key create", "Make a key set where there is none", {}, create_key},
      {"key rotate", "Make a new key and seal every secret anew with it", {}, rotate},
      {"key export",
       "A copy of the key set under a passphrase",
       {{"FILE", "Where to (standard: printed)"}, file, variable},
       export_key},
      {"key import",
       "Put a copy in place as this server's key set",
       {{"FILE", "The copy", true, false, {}}, file, variable},
       import_key},
      {"key backup-recipient",
       "Make a key pair for backups: the recipient, which is printed, seals them; the identity, in FILE, opens them",
       {{"FILE", "For the identity, to be made (mode 0600)", true}, file, variable},
       make_backup_recipient,
       false},
      {"key abandon", "Erase the secrets that this server's key set cannot open", {{"--yes", "Do not ask"}}, abandon},
  };
}

}  // namespace linkspan::cli
