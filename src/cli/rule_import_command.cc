// rule import: rules from our own files, or a whole configuration of Microsoft's sync engine.

#include "cli/internal/rule_import.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "base/text.h"
#include "cli/session.h"
#include "setup/foreign_import.h"
#include "setup/rule_base.h"

namespace linkspan::cli {
namespace {

constexpr std::string_view k_standard_cloud = "graph";

Json names_json(const setup::RuleChanges& changes) {
  return Json::object({{"added", changes.added}, {"changed", changes.changed}, {"removed", changes.removed}});
}

void print_changes(Session& session, const setup::RuleChanges& changes) {
  session.out().line(fmt::format("{} added, {} changed, {} removed.", changes.added.size(), changes.changed.size(),
                                 changes.removed.size()));
  if (!changes.added.empty() || !changes.changed.empty() || !changes.removed.empty()) {
    session.out().line("The next synchronization is full.");
  }
}

int import_own(Session& session, const Arguments& arguments) {
  if (arguments.has("--out") || arguments.has("--cloud")) {
    throw Error(Fault::invalid, "cli.usage", "--out and --cloud are for the configuration of another engine",
                "Rule files of Linkspan go into the database as they are.");
  }
  setup::RuleFiles files = setup::read_rules(arguments.text("PATH"));
  const auto lease = session.lease();
  const setup::RuleChanges changes =
      setup::put_rules(session.installation(), std::move(files), arguments.has("--replace"));
  if (session.json()) {
    session.out().print(names_json(changes));
  } else {
    print_changes(session, changes);
  }
  return exit_done;
}

// --- another engine's ---

/// Asks on a terminal which kind the cloud becomes; elsewhere the standard counts, and the report says so.
std::string ask_cloud() {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return std::string(k_standard_cloud);
  std::cerr << "The cloud connector becomes one of kind graph (Microsoft Entra ID) or scim (another service) [graph]: ";
  std::string answer;
  std::getline(std::cin, answer);
  return trim(answer) == "scim" ? "scim" : std::string(k_standard_cloud);
}

std::size_t count(const rules::ForeignReport& report, std::string_view what, rules::Verdict verdict) {
  return static_cast<std::size_t>(
      std::count_if(report.subjects.begin(), report.subjects.end(),
                    [&](const rules::ForeignSubject& one) { return one.what == what && one.verdict == verdict; }));
}

Json counts_json(const std::array<std::size_t, rules::k_verdicts>& counts) {
  return Json::object(
      {{"taken", counts[0]}, {"remarked", counts[1]}, {"not_applicable", counts[2]}, {"not_understood", counts[3]}});
}

std::string_view verdict_word(rules::Verdict verdict) {
  constexpr std::array<std::string_view, rules::k_verdicts> k_words{"taken", "remarked", "not_applicable",
                                                                    "not_understood"};
  return k_words[static_cast<std::size_t>(verdict)];
}

Json report_json(const setup::ForeignImport& import) {
  Json connectors = Json::list();
  for (const setup::ConnectorText& one : import.configuration.connectors) {
    Json settings = Json::object();
    for (const auto& [name, values] : one.settings) settings.set(name, values);
    connectors.push(Json::object({{"name", one.name}, {"kind", one.kind}, {"settings", std::move(settings)}}));
  }
  Json settings = Json::object();
  for (const auto& [name, value] : import.configuration.settings) settings.set(name, value);
  Json subjects = Json::list();
  for (const rules::ForeignSubject& one : import.report.subjects) {
    subjects.push(Json::object(
        {{"what", one.what}, {"name", one.name}, {"verdict", verdict_word(one.verdict)}, {"remarks", one.remarks}}));
  }
  Json files = Json::list();
  for (const rules::ForeignCount& one : import.report.files) {
    files.push(Json::object(
        {{"file", one.file}, {"holds", one.holds}, {"elements", one.total()}, {"counts", counts_json(one.counts)}}));
  }
  Json entries = Json::list();
  for (const rules::ForeignEntry& one : import.report.entries) {
    entries.push(Json::object({{"verdict", verdict_word(one.verdict)},
                               {"path", one.path},
                               {"reason", one.reason},
                               {"count", one.count},
                               {"where", one.where}}));
  }
  return Json::object({{"usable", import.rules.usable()},
                       {"rules", import.rules.rules.size()},
                       {"connectors", std::move(connectors)},
                       {"settings", std::move(settings)},
                       {"counts", counts_json(import.report.counts())},
                       {"subjects", std::move(subjects)},
                       {"files", std::move(files)},
                       {"entries", std::move(entries)},
                       {"problems", problems_json(import.rules.problems)}});
}

void print_subject(Session& session, const rules::ForeignSubject& one) {
  constexpr std::size_t k_shown = 12;
  session.out().line(fmt::format("{} {}: {}", one.what, printable(one.name, 120), rules::text_of(one.verdict)));
  for (std::size_t i = 0; i < std::min(one.remarks.size(), k_shown); ++i)
    session.out().line("    " + printable(one.remarks[i], 400));
  if (one.remarks.size() > k_shown)
    session.out().line(fmt::format("    and {} more, see the report", one.remarks.size() - k_shown));
}

void print_report(Session& session, const setup::ForeignImport& import, bool cloud_by_default) {
  using enum rules::Verdict;
  for (const rules::ForeignSubject& one : import.report.subjects) {
    if (one.verdict != taken) print_subject(session, one);
  }
  if (import.has_cloud && cloud_by_default) {
    session.out().line(
        fmt::format("The cloud connector is of kind {}, as nothing else was said (--cloud graph, --cloud "
                    "scim).",
                    k_standard_cloud));
  }
  session.out().line(fmt::format("Rules: {} taken over, {} with a remark, {} not understood. Connectors: {}.",
                                 count(import.report, "rule", taken), count(import.report, "rule", remarked),
                                 count(import.report, "rule", not_understood), import.configuration.connectors.size()));
  const auto counts = import.report.counts();
  session.out().line(fmt::format(
      "Of {} elements and attributes in {} files {} are taken over, {} with a remark, {} do not apply here, {} are not "
      "understood.",
      with_commas(static_cast<std::int64_t>(counts[0] + counts[1] + counts[2] + counts[3])), import.report.files.size(),
      with_commas(static_cast<std::int64_t>(counts[0])), with_commas(static_cast<std::int64_t>(counts[1])),
      with_commas(static_cast<std::int64_t>(counts[2])), with_commas(static_cast<std::int64_t>(counts[3]))));
  if (!import.rules.problems.empty()) session.out().line(setup::to_text(import.rules.problems));
}

int to_folder(Session& session, const setup::ForeignImport& import, const std::string& folder, bool by_default) {
  const setup::WrittenFiles written = setup::write_foreign(import, folder);
  if (session.json()) {
    Json json = report_json(import);
    json.set("out", folder);
    json.set("written", written.added);
    json.set("replaced", written.replaced);
    json.set("removed", written.removed);
    session.out().print(json);
  } else {
    print_report(session, import, by_default);
    for (const auto& [what, names] : {std::pair{"Written", &written.added}, std::pair{"Replaced", &written.replaced},
                                      std::pair{"Removed", &written.removed}}) {
      for (const std::string& name : *names) session.out().line(fmt::format("{} {}/{}", what, folder, name));
    }
    session.out().line(fmt::format("The account of every element is in {}/import-report.txt.", folder));
  }
  return import.rules.usable() ? exit_done : exit_object_errors;
}

int to_database(Session& session, setup::ForeignImport import, bool replace, bool by_default) {
  Json json = session.json() ? report_json(import) : Json();
  if (!session.json()) print_report(session, import, by_default);
  import.rules.problems.clear();  // they are judged anew against the database's connectors
  const auto lease = session.lease();
  const setup::RuleChanges changes = setup::put_rules(session.installation(), std::move(import.rules), replace);
  std::vector<std::string> missing;
  for (const setup::ConnectorText& one : import.configuration.connectors) {
    const auto rows = session.store().configuration().connectors();
    const bool there = std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.name == one.name; });
    if (!there) missing.push_back(one.name);
  }
  if (session.json()) {
    json.set("added", changes.added);
    json.set("changed", changes.changed);
    json.set("removed", changes.removed);
    json.set("connectors_missing", missing);
    session.out().print(json);
    return exit_done;
  }
  print_changes(session, changes);
  for (const std::string& name : missing) {
    session.out().line(
        fmt::format("Connector {} is not there yet: `linkspan connector add` (its settings: rule import "
                    "--out FOLDER).",
                    printable(name)));
  }
  return exit_done;
}

}  // namespace

int import_rules(Session& session, const Arguments& arguments) {
  const std::string& path = arguments.text("PATH");
  if (!setup::is_foreign(path)) return import_own(session, arguments);
  const auto given = arguments.get("--cloud");
  setup::ForeignImport import = setup::read_foreign(path, given.value_or(std::string(k_standard_cloud)));
  if (!given && import.has_cloud && !session.json()) {
    const std::string asked = ask_cloud();
    if (asked != k_standard_cloud) import = setup::read_foreign(path, asked);
  }
  if (const auto folder = arguments.get("--out")) return to_folder(session, import, *folder, !given);
  return to_database(session, std::move(import), arguments.has("--replace"), !given);
}

}  // namespace linkspan::cli
