#include "cli/internal/transfer_shared.h"

#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "cli/run_report.h"
#include "vault/secret.h"

namespace linkspan::cli {
namespace {

// Tables are carried side by side; people want one number that grows.
class AllTables {
 public:
  AllTables(ProgressSink sink, std::optional<std::uint64_t> rows) : sink_(std::move(sink)), rows_(rows) {}
  void operator()(const Progress& progress) {
    if (!sink_) return;
    const std::size_t blank = progress.phase.find(' ');
    const std::string verb = progress.phase.substr(0, blank);
    if (verb != verb_) tables_.clear();
    verb_ = verb;
    tables_[progress.phase] = progress.done;
    std::uint64_t rows = 0;
    for (const auto& [table, done] : tables_) rows += done;
    sink_({.phase = verb, .done = rows, .total = rows_});
  }

 private:
  ProgressSink sink_;
  std::optional<std::uint64_t> rows_;
  std::string verb_;
  std::map<std::string, std::uint64_t> tables_;
};

}  // namespace

transfer::Job job_of(Session& session, std::optional<std::uint64_t> rows) {
  transfer::Job job;
  job.program = session.installation().wiring().version;
  job.stop = session.stop();
  job.progress = AllTables(session.progress().sink(), rows);
  return job;
}

transfer::Place configured(Session& session) {
  const setup::ServerFile& file = session.installation().file();
  transfer::Place place{.url = file.database_url};
  if (!file.database_password_file.empty()) {
    place.password = vault::read_secret_file(file.database_password_file).reveal();
  }
  return place;
}

transfer::Place named(const Arguments& arguments, std::string_view option) {
  transfer::Place place{.url = arguments.text(option)};
  if (transfer::names_a_password(place.url)) {
    throw Error(Fault::invalid, "cli.usage", "a password stands in the URL, where it would be shown and kept",
                "Leave it out, and give it with --password-file FILE or --password-env VARIABLE.");
  }
  if (arguments.has("--password-file")) {
    place.password = vault::read_secret_file(arguments.text("--password-file")).reveal();
  } else if (arguments.has("--password-env")) {
    place.password = vault::read_secret_environment(arguments.text("--password-env")).reveal();
  }
  return place;
}

std::string size_text(std::uint64_t bytes) {
  return bytes < (std::uint64_t{10} << 20U) ? fmt::format("{} KiB", bytes >> 10U) : fmt::format("{} MiB", bytes >> 20U);
}

std::string count_text(std::uint64_t number) { return with_commas(static_cast<std::int64_t>(number)); }

Json to_json(const transfer::Manifest& manifest) {
  Json tables = Json::list();
  for (const auto& [name, sum] : manifest.tables) {
    tables.push(Json::object({{"name", name}, {"rows", sum.rows}, {"checksum", transfer::checksum_text(sum)}}));
  }
  return Json::object({{"identity", manifest.identity},
                       {"schema", manifest.schema},
                       {"program", manifest.program},
                       {"origin", manifest.origin},
                       {"made_at", time_json(manifest.made_at)},
                       {"rows", manifest.rows()},
                       {"bytes", manifest.bytes()},
                       {"tables", std::move(tables)}});
}

}  // namespace linkspan::cli
