// pending: the change set, as people review it before anything is sent.

#include <fmt/format.h>

#include <fstream>
#include <optional>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/pending_text.h"
#include "cli/session.h"
#include "rules/evaluate.h"
#include "run/review.h"

namespace linkspan::cli {
namespace {

/// Whether `expression` holds for a pending export. It reads [operation], [type], [name], [anchor], [correlation],
/// [changed] (attribute names), and the new values by their attributes.
bool holds(Session& session, const std::string& expression, const sync::PendingExport& pending) {
  rules::EvaluationInput input;
  const auto put = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) input.attributes[std::string(name)] = {std::string(value)};
  };
  for (const model::AttributeChange& one : pending.change.attributes) {
    if (!one.after.empty()) input.attributes[one.name] = one.after;
  }
  put("operation", model::name_of(pending.change.operation));
  put("type", pending.change.object_type);
  put("name", pending.name);
  put("anchor", pending.change.anchor);
  put("correlation", pending.correlation);
  model::Values changed;
  for (const model::AttributeChange& one : pending.change.attributes) changed.emplace_back(one.name);
  for (const model::ReferenceChange& one : pending.change.references) changed.emplace_back(one.attribute);
  if (!changed.empty()) input.attributes["changed"] = std::move(changed);
  const rules::EvaluationResult result = rules::evaluate_expression(expression, input, session.installation().clock());
  if (!result.problems.empty()) {
    const rules::Problem& problem = result.problems.front();
    throw Error(
        Fault::invalid, "cli.filter", fmt::format("--filter: {}", problem.message),
        problem.hint.empty() ? "As in --filter '[operation] = \"add\" && InStr([name], \"ada\") > 0'." : problem.hint);
  }
  return !result.values.empty() && result.values.front() == model::Value(true);
}

/// Where the change set goes while it is read: memory stays flat.
class Listing {
 public:
  Listing(Session& session, const Arguments& arguments)
      : session_(session),
        filter_(arguments.get("--filter")),
        summary_(arguments.has("--summary")),
        csv_(arguments.has("--csv")) {
    if (const auto path = arguments.get("--save")) {
      save_path_ = *path;
      save_.open(*path, std::ios::binary | std::ios::trunc);
      if (!save_) throw_write();
    }
    if (const auto path = arguments.get("--compare")) saved_ = SavedChanges::load(*path);
    if (csv_) session_.out().raw(csv_header());
    if (session_.json()) session_.out().raw("{\"exports\": [");
  }

  void take(const std::string& connector, const sync::PendingExport& pending) {
    if (filter_ && !holds(session_, *filter_, pending)) return;
    if (save_.is_open()) save_ << to_json(connector, pending).dump() << '\n';
    if (saved_) {
      const std::string_view verdict = saved_->take(change_key(connector, pending), to_json(connector, pending));
      if (verdict.empty()) return;
      ++different_;
      if (!session_.json() && !csv_) session_.out().raw(fmt::format("[{}] ", verdict));
    }
    if (summary_) return;
    session_.progress().clear();
    if (csv_) {
      session_.out().raw(to_csv(connector, pending));
    } else if (session_.json()) {
      session_.out().raw((std::exchange(first_, false) ? "\n" : ",\n") + to_json(connector, pending).dump());
    } else {
      session_.out().raw(to_text(pending));
    }
  }

  /// The exit status.
  int finish(const std::vector<run::Review>& reviews) {
    session_.progress().clear();
    if (save_.is_open()) {
      save_.close();
      if (!save_) throw_write();
    }
    Output& out = session_.out();
    Json only_there = Json::list();
    if (saved_) {
      for (const auto& [key, what] : saved_->left()) {
        ++different_;
        only_there.push(key);
        if (!session_.json() && !csv_) out.line(fmt::format("[only there] {}", printable(key)));
      }
    }
    if (session_.json()) {
      Json summaries = Json::list();
      for (const run::Review& review : reviews) summaries.push(to_json(review));
      out.raw("],\n\"summary\": " + summaries.dump());
      if (saved_) out.raw(fmt::format(",\n\"different\": {},\n\"only_there\": {}", different_, only_there.dump()));
      out.line("}");
    } else if (!csv_) {
      if (!summary_ && !reviews.empty()) out.line("");
      for (const run::Review& review : reviews) print_summary(out, review);
      if (reviews.empty()) out.line("No rule writes to any connector, so nothing can be pending.");
      if (saved_)
        out.line(different_ == 0 ? "The same as the saved change set." : fmt::format("{} differ.", different_));
    }
    return exit_done;
  }

 private:
  [[noreturn]] void throw_write() const {
    throw Error(Fault::unavailable, "cli.write", fmt::format("cannot write {}", save_path_),
                "Check the folder, its rights, and the room on the disk.");
  }

  Session& session_;
  std::optional<std::string> filter_;
  bool summary_;
  bool csv_;
  std::string save_path_;
  std::ofstream save_;
  std::optional<SavedChanges> saved_;
  bool first_ = true;
  std::int64_t different_ = 0;
};

int show_pending(Session& session, const Arguments& arguments) {
  const run::Environment environment = session.environment();
  std::vector<std::string> connectors;
  if (const auto name = arguments.get("CONNECTOR")) {
    connectors.push_back(session.installation().connector(*name).name);
  } else {
    connectors = run::targets(environment);
  }
  Listing listing(session, arguments);
  std::vector<run::Review> reviews;
  for (const std::string& connector : connectors) {
    reviews.push_back(run::review(environment, connector,
                                  [&](const sync::PendingExport& pending) { listing.take(connector, pending); }));
  }
  return listing.finish(reviews);
}

}  // namespace

Commands pending_commands() {
  return {
      {"pending",
       "What would be exported: per object and attribute, old and new, with its fingerprint and the guard's verdict",
       {{"CONNECTOR", "Only this one's"},
        {"--summary", "Counts, fingerprint and verdict only"},
        {"--csv", "As CSV, one row a changed value"},
        {"--filter EXPRESSION", "Only those for which it is True: [operation], [type], [name], [changed], new values"},
        {"--save FILE", "Save it, to be compared on another server"},
        {"--compare FILE", "Show only what differs from a saved one"}},
       show_pending}};
}

}  // namespace linkspan::cli
