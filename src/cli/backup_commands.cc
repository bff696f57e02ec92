// database backup|restore: the state in one packed file, and back.

#include <fmt/format.h>

#include <filesystem>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/internal/transfer_shared.h"
#include "cli/run_report.h"
#include "transfer/backup.h"
#include "vault/backup_identity.h"
#include "vault/secret.h"

namespace linkspan::cli {
namespace {

WipedText passphrase_of(const Arguments& arguments) {
  if (arguments.has("--passphrase-file")) {
    return WipedText(vault::read_secret_file(arguments.text("--passphrase-file")).reveal());
  }
  if (arguments.has("--passphrase-env")) {
    return WipedText(vault::read_secret_environment(arguments.text("--passphrase-env")).reveal());
  }
  return {};
}

// For its age, which `status` and `doctor` watch. The backup is whole whether or not that can be written.
bool note(Session& session, const transfer::Manifest& manifest) {
  try {
    transfer::note_backup(configured(session), manifest.made_at);
    return true;
  } catch (const Error& error) {
    session.out().note(fmt::format("The backup is whole, but the database could not be told of it: {}", error.what()));
    return false;
  }
}

int backup(Session& session, const Arguments& arguments) {
  const std::string& file = arguments.text("FILE");
  transfer::BackupOptions options{.job = job_of(session), .passphrase = passphrase_of(arguments)};
  if (arguments.has("--recipient")) {
    if (!options.passphrase.empty()) {
      throw Error(Fault::invalid, "cli.usage", "a backup is sealed to a recipient or with a passphrase, not with both",
                  "Give one of them.");
    }
    options.recipient = vault::read_recipient(arguments.text("--recipient"));
  }
  const std::string_view sealed = !options.recipient.empty()    ? "recipient"
                                  : !options.passphrase.empty() ? "passphrase"
                                                                : "";
  const transfer::Manifest manifest = transfer::backup(configured(session), file, options);
  session.progress().clear();
  const std::uint64_t size = std::filesystem::file_size(file);
  const bool noted = note(session, manifest);
  if (session.json()) {
    session.out().print(
        to_json(manifest).set("file", file).set("file_bytes", size).set("sealed", !sealed.empty()).set("noted", noted));
    return exit_done;
  }
  session.out().line(fmt::format("{}: {} rows in {} tables, {} in {}, schema {}, made {}{}.", printable(file),
                                 count_text(manifest.rows()), manifest.tables.size(), size_text(manifest.bytes()),
                                 size_text(size), manifest.schema, time_text(manifest.made_at),
                                 sealed.empty() ? "" : fmt::format(", sealed with the {}", sealed)));
  session.out().line("It holds sealed credentials; the keys are not in it: keep `linkspan key export` beside it.");
  return exit_done;
}

int print_restored(Session& session, const std::string& file, const transfer::Manifest& manifest, bool checked_only) {
  session.progress().clear();
  if (session.json()) {
    session.out().print(to_json(manifest).set("file", file).set("restored", !checked_only));
    return exit_done;
  }
  const std::string what = fmt::format("{} rows, {}", count_text(manifest.rows()), size_text(manifest.bytes()));
  if (checked_only) {
    session.out().line(fmt::format("{}: {}, schema {}, made {} of {}.", printable(file), what, manifest.schema,
                                   time_text(manifest.made_at), printable(manifest.origin)));
    session.out().line("Every block is whole and every checksum holds. Nothing was changed.");
    return exit_done;
  }
  session.out().line(what + ", are in place and read back equal.");
  session.out().line("Staging mode is on there. A server adopts it with `linkspan setup --use-existing-database URL`.");
  return exit_done;
}

int restore(Session& session, const Arguments& arguments) {
  const std::string& file = arguments.text("FILE");
  const bool check_only = arguments.has("--dry-run");
  if (!check_only && !arguments.has("--to")) {
    throw Error(Fault::invalid, "cli.usage", "no database was named to restore into",
                "Give --to URL of an empty database, or --dry-run to check the file alone.");
  }
  transfer::RestoreOptions options{.job = job_of(session), .restart = arguments.has("--restart")};
  if (arguments.has("--identity")) {
    // The passphrase, if any, is the identity's then.
    const auto ask = [&] {
      return read_passphrase(arguments.text("--passphrase-file"), arguments.text("--passphrase-env"), false);
    };
    options.identity = vault::load_backup_identity(arguments.text("--identity"), ask).private_key.reveal();
  } else {
    options.passphrase = passphrase_of(arguments);
  }
  if (check_only) return print_restored(session, file, transfer::check_backup(file, options), true);
  return print_restored(session, file, transfer::restore(file, named(arguments, "--to"), options), false);
}

}  // namespace

Commands backup_commands() {
  const Argument passphrase_file{"--passphrase-file FILE", "Holds the passphrase the backup is sealed with"};
  const Argument identity_passphrase{"--passphrase-file FILE",
                                     "Holds the passphrase of the backup, or of the identity"};
  const Argument passphrase_env{"--passphrase-env VARIABLE", "The same from the environment"};
  return {
      {"database backup",
       "Write the state to a new packed file, also while the service runs; sealed if a passphrase or a recipient is "
       "given",
       {{"FILE", "To make; nothing is overwritten", true},
        {"--recipient KEY", "Seal it so that only KEY's identity opens it; `key backup-recipient` makes both"},
        passphrase_file,
        passphrase_env},
       backup},
      {"database restore",
       "Check a backup and fill an empty database with it; needs no keys and no configuration",
       {{"FILE", "That `database backup` made", true},
        {"--to URL", "The empty database"},
        {"--password-file FILE", "Holds the password of that database's role"},
        {"--password-env VARIABLE", "The same from the environment"},
        {"--identity FILE", "Opens a backup that was made for its recipient"},
        identity_passphrase,
        passphrase_env,
        {"--dry-run", "Check the file, and change nothing"},
        {"--restart", "Begin again where an earlier attempt did not finish"}},
       restore,
       false},
  };
}

}  // namespace linkspan::cli
