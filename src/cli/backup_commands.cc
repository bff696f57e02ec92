// database backup|restore: the state in one packed file, and back.

#include <fmt/format.h>

#include <filesystem>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/internal/transfer_shared.h"
#include "cli/run_report.h"
#include "transfer/backup.h"
#include "vault/secret.h"

namespace linkspan::cli {
namespace {

std::string passphrase_of(const Arguments& arguments) {
  if (arguments.has("--passphrase-file")) {
    return std::string(vault::read_secret_file(arguments.text("--passphrase-file")).reveal());
  }
  if (arguments.has("--passphrase-env")) {
    return std::string(vault::read_secret_environment(arguments.text("--passphrase-env")).reveal());
  }
  return {};
}

int backup(Session& session, const Arguments& arguments) {
  const std::string& file = arguments.text("FILE");
  const std::string passphrase = passphrase_of(arguments);
  const transfer::Manifest manifest =
      transfer::backup(configured(session), file, {.job = job_of(session), .passphrase = passphrase});
  session.progress().clear();
  const std::uint64_t size = std::filesystem::file_size(file);
  if (session.json()) {
    session.out().print(to_json(manifest).set("file", file).set("file_bytes", size).set("sealed", !passphrase.empty()));
    return exit_done;
  }
  session.out().line(fmt::format("{}: {} rows in {} tables, {} in {}, schema {}, made {}{}.", printable(file),
                                 count_text(manifest.rows()), manifest.tables.size(), size_text(manifest.bytes()),
                                 size_text(size), manifest.schema, time_text(manifest.made_at),
                                 passphrase.empty() ? "" : ", sealed with the passphrase"));
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
  const transfer::RestoreOptions options{
      .job = job_of(session), .passphrase = passphrase_of(arguments), .restart = arguments.has("--restart")};
  if (check_only) return print_restored(session, file, transfer::check_backup(file, options), true);
  return print_restored(session, file, transfer::restore(file, named(arguments, "--to"), options), false);
}

}  // namespace

Commands backup_commands() {
  const Argument passphrase_file{"--passphrase-file FILE", "Holds the passphrase the backup is sealed with"};
  const Argument passphrase_env{"--passphrase-env VARIABLE", "The same from the environment"};
  return {
      {"database backup",
       "Write the state to a new packed file, also while the service runs; sealed if a passphrase is given",
       {{"FILE", "To make; nothing is overwritten", true}, passphrase_file, passphrase_env},
       backup},
      {"database restore",
       "Check a backup and fill an empty database with it; needs no keys and no configuration",
       {{"FILE", "That `database backup` made", true},
        {"--to URL", "The empty database"},
        {"--password-file FILE", "Holds the password of that database's role"},
        {"--password-env VARIABLE", "The same from the environment"},
        passphrase_file,
        passphrase_env,
        {"--dry-run", "Check the file, and change nothing"},
        {"--restart", "Begin again where an earlier attempt did not finish"}},
       restore,
       false},
  };
}

}  // namespace linkspan::cli
