// Welcome, mode, database.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "setup/internal/draft.h"

namespace linkspan::setup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_sqlite = "sqlite://";

void note(const PageContext& context, Mark mark, std::string text, std::string hint = {}) {
  context.draft.findings[std::string(context.step)].push_back({mark, std::move(text), std::move(hint)});
}

/// "host:pid:scope" as people know it.
std::string host_of(const std::string& holder) {
  const std::size_t scope = holder.rfind(':');
  const std::size_t pid = scope == 0 || scope == std::string::npos ? std::string::npos : holder.rfind(':', scope - 1);
  return pid == std::string::npos ? holder : holder.substr(0, pid);
}

/// A password in a URL would end up in the configuration file and in every message that names the database.
bool holds_password(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string_view::npos) return false;
  const std::string_view rest = url.substr(begin + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos) return true;
  const std::size_t query = url.find('?');
  if (query == std::string_view::npos) return false;
  const auto parameters = split(url.substr(query + 1), '&');
  return std::any_of(parameters.begin(), parameters.end(), [](std::string_view one) {
    return one.starts_with("password=") || one.starts_with("sslpassword=");
  });
}

/// Whether a new SQLite file can be made there; the state directory itself may still be missing.
void check_folder(const PageContext& context) {
  const ServerFile& file = context.draft.file;
  if (!file.database_url.starts_with(k_sqlite)) return;
  const fs::path folder = fs::path(file.database_url.substr(k_sqlite.size())).parent_path();
  std::error_code ignored;
  fs::path there = folder;
  if (!fs::exists(folder, ignored)) {
    if (folder != file.state_dir) {
      context.refuse("url", Error(Fault::not_found, "setup.no_folder",
                                  fmt::format("there is no folder {} for the database", folder.string()),
                                  "Make it, or name another place."));
      return;
    }
    while (!there.empty() && !fs::exists(there, ignored)) there = there.parent_path();
  }
  if (::access(there.c_str(), W_OK | X_OK) == 0) return;
  context.refuse(
      "url", Error(Fault::denied, "setup.folder_rights", fmt::format("nothing may be written in {}", there.string()),
                   "Run setup as root or as the service's user, or name another place."));
}

void describe_found(const PageContext& context, store::Store& store) {
  const store::DatabaseInfo info = store.info();
  note(context, Mark::good, fmt::format("{} at {}, schema {}", info.product, info.location, info.schema));
  const auto summary = store.summary();
  const auto counts = summary->counts();
  std::string connectors;
  for (const store::ConnectorRow& row : store.configuration().connectors()) {
    std::int64_t objects = 0;
    for (const auto& one : counts) objects += one.connector == row.id ? one.objects : 0;
    connectors += fmt::format("{}{} ({}, {} objects)", connectors.empty() ? "" : ", ", row.name, row.kind, objects);
  }
  note(context, Mark::note,
       fmt::format("Connectors: {}; {} identities", connectors.empty() ? "none" : connectors,
                   summary->metaverse_objects()));
  const auto lease = store.operations().lease_state();
  if (!lease.holder.empty()) {
    note(context, Mark::note,
         fmt::format("Last active: {}, seen {}", host_of(lease.holder), to_rfc3339(lease.seen_at)));
  } else if (const auto runs = store.operations().runs(1); !runs.empty()) {
    note(context, Mark::note,
         fmt::format("Last run by: {}, {}", host_of(runs.front().host), to_rfc3339(runs.front().started_at)));
  } else if (const auto server = store.configuration().setting(k_server)) {
    note(context, Mark::note,
         fmt::format("Set up by: {}, {}", *server, store.configuration().setting(k_server_since).value_or("")));
  } else {
    note(context, Mark::note, "No server has worked on it yet");
  }
}

/// Whether the database may be adopted.
bool may_adopt(const PageContext& context, store::Store& store) {
  const std::string& unfinished = store.configuration().setting(k_unfinished).value_or("");
  if (!unfinished.empty() && unfinished != name_of(Mode::existing)) {
    context.refuse("url", Error(Fault::conflict, "setup.half_made",
                                fmt::format("a setup ({}) of this database did not come to its end", unfinished),
                                fmt::format("Repeat it: linkspan setup --{}", unfinished)));
    return false;
  }
  const auto lease = store.operations().lease_state();
  if (lease.held) {
    context.refuse(
        "url",
        Error(Fault::conflict, "setup.active_elsewhere",
              fmt::format("{} works on this database now (seen {})", host_of(lease.holder), to_rfc3339(lease.seen_at)),
              "Stop Linkspan there first. If that server has died, its lease lapses within a minute."));
    return false;
  }
  if (store.configuration().connectors().empty()) {
    context.refuse("url", Error(Fault::not_found, "setup.nothing_to_adopt",
                                "this database has no connectors: nobody has set it up yet",
                                "Set it up: linkspan setup --custom"));
    return false;
  }
  return true;
}

void judge_for_adoption(const PageContext& context, std::unique_ptr<Installation> trial) {
  Draft& draft = context.draft;
  describe_found(context, trial->store());
  if (!may_adopt(context, trial->store())) return;
  draft.place = Place::linkspan;
  draft.found = std::move(trial);
  try {
    load_found_connectors(draft);
  } catch (const Error& error) {
    draft.place = Place::unknown;
    context.refuse("url", error);
  }
}

void judge_for_new(const PageContext& context, store::Store& store) {
  const std::string& unfinished = store.configuration().setting(k_unfinished).value_or("");
  if (unfinished == name_of(Mode::custom) || unfinished == name_of(Mode::express)) {
    context.draft.place = Place::unfinished;
    note(context, Mark::note, "An earlier setup of this database did not come to its end; this one finishes it.");
    return;
  }
  if (unfinished.empty() && store.configuration().connectors().empty()) {
    context.draft.place = Place::nothing;
    note(context, Mark::good, fmt::format("{} is a Linkspan database without content", store.info().location));
    return;
  }
  context.refuse("url", Error(Fault::conflict, "setup.database_in_use",
                              fmt::format("{} is a Linkspan database that is in use already", store.info().location),
                              "To take it over: linkspan setup --use-existing-database URL. To begin anew: name an "
                              "empty database."));
}

void judge_missing(const PageContext& context, const Error& error) {
  const bool embedded = context.draft.file.database_url.starts_with(k_sqlite);
  // A folder that is missing is judged by check_folder: the state directory is made at Install.
  const bool no_file = error.id() == "sql.no_database" || error.id() == "sql.no_folder";
  if (error.id() != "store.empty" && !(no_file && embedded)) {
    context.refuse("url", error);
    return;
  }
  if (context.draft.mode == Mode::existing) {
    context.refuse("url", Error(Fault::not_found, "setup.nothing_to_adopt",
                                fmt::format("there is nothing to take over: {}", error.message()),
                                "Attach the copied database first (linkspan database attach), or name the right one."));
    return;
  }
  context.draft.place = Place::nothing;
  note(context, Mark::good,
       embedded ? fmt::format("{}: it is made at Install", context.draft.file.database_url)
                : "The database is empty: its schema is made at Install");
  check_folder(context);
}

}  // namespace

void describe_welcome(const Installation&, const Draft& draft, Step& step) {
  step.intro =
      "Linkspan keeps identities in step between your directories and the services you use.\n"
      "Licence: Apache License 2.0 (the file LICENSE; https://www.apache.org/licenses/LICENSE-2.0).\n"
      "Privacy: Linkspan sends data only to the directories, services and the database you name here, and nothing to "
      "its makers.\nNothing is changed before Install; you may leave at every page.";
  step.fields.push_back({.id = "accept",
                         .label = "I accept the licence and have read the privacy notice",
                         .kind = FieldKind::flag,
                         .required = true,
                         .standard = "false",
                         .values = {draft.licence ? "true" : "false"}});
}

void answer_welcome(const PageContext& context, const Values& values) {
  if (const auto accept = flag_of(context, values, "accept")) context.draft.licence = *accept;
}

void check_welcome(const PageContext& context) {
  if (context.draft.licence) return;
  context.refuse("accept", Error(Fault::denied, "setup.licence", "the licence and the privacy notice are not accepted",
                                 "Read them, then say --accept-license, or yes at the terminal."));
}

void describe_mode(const Installation& installation, const Draft& draft, Step& step) {
  step.intro = fmt::format("Express settings keep everything on this server, in {}.", installation.file().database_url);
  step.fields.push_back(
      {.id = "mode",
       .label = "How to set up",
       .kind = FieldKind::choice,
       .required = true,
       .standard = "custom",
       .choices = {{"express", "Express: one directory, one target, embedded database, default rules"},
                   {"custom", "Custom: every page"},
                   {"use-existing-database",
                    "Use an existing database: take over what another server has synchronized"}},
       .values = {std::string(name_of(draft.mode))}});
}

void answer_mode(const PageContext& context, const Values& values) {
  const std::string& text = first_of(values, "mode");
  if (text.empty()) return;
  for (const Mode mode : {Mode::express, Mode::custom, Mode::existing}) {
    if (text != name_of(mode)) continue;
    Draft& draft = context.draft;
    // What was found for one mode means nothing in another.
    if (draft.mode != mode) {
      draft.directories.clear();
      draft.targets.clear();
      draft.found.reset();
      draft.place = Place::unknown;
    }
    draft.mode = mode;
    return;
  }
  context.refuse("mode", Error(Fault::invalid, "setup.mode", fmt::format("there is no mode {}", printable(text, 40)),
                               "There are: express, custom, use-existing-database."));
}

void describe_database(const Installation&, const Draft& draft, Step& step) {
  step.intro = draft.mode == Mode::existing
                   ? "The database that another server has used: attached, moved, or copied."
                   : "Where the state lives. The embedded database needs nothing; PostgreSQL and SQL Server an empty "
                     "database and an account that owns it.";
  step.fields.push_back({.id = "url",
                         .label = "Database URL",
                         .help = "sqlite:///path, postgresql://user@host:port/database?sslmode=verify-full, or "
                                 "sqlserver://user@host\\INSTANCE/database",
                         .standard = draft.file.database_url,
                         .values = {draft.file.database_url}});
  step.fields.push_back({.id = "password_file",
                         .label = "File with the database password",
                         .help = "mode 0600; the service reads it at every start. Empty: none is needed.",
                         .values = draft.file.database_password_file.empty()
                                       ? std::vector<std::string>{}
                                       : std::vector<std::string>{draft.file.database_password_file.string()}});
}

void answer_database(const PageContext& context, const Values& values) {
  Draft& draft = context.draft;
  if (const auto url = values.find("url"); url != values.end()) {
    const std::string text = url->second.empty() ? context.installation.file().database_url : url->second.front();
    if (holds_password(text)) {
      context.refuse("url", Error(Fault::invalid, "setup.inline_secret", "the database URL holds a password",
                                  "Put the password into a file (mode 0600) and name it: password_file."));
    } else if (!text.starts_with(k_sqlite) && !text.starts_with("postgres") && !text.starts_with("sqlserver:")) {
      context.refuse("url",
                     Error(Fault::invalid, "sql.url", fmt::format("\"{}\" is no database URL", printable(text)),
                           "Write sqlite:///path, postgresql://user@host/database or sqlserver://user@host/database."));
    } else {
      draft.file.database_url = text;
    }
  }
  if (const auto file = values.find("password_file"); file != values.end()) {
    const std::string& text = first_of(values, "password_file");
    draft.file.database_password_file = text.empty() ? fs::path() : fs::absolute(text);
  }
}

void check_database(const PageContext& context) {
  Draft& draft = context.draft;
  draft.place = Place::unknown;
  draft.found.reset();
  if (draft.mode == Mode::existing) {
    draft.directories.clear();
    draft.targets.clear();
  }
  ServerFile tried = draft.file;
  tried.database_named = true;  // nothing of this server changes before Install
  auto trial = std::make_unique<Installation>(context.installation.wiring(), std::move(tried),
                                              context.installation.clock(), context.installation.logger());
  try {
    store::Store& store = trial->store();
    if (const std::string moved = store.info().moved_to; !moved.empty()) {
      // A place, or the words of a copy or an unfinished attach.
      const bool is_place = moved.find(' ') == std::string::npos;
      context.refuse("url", Error(Fault::conflict, "setup.database_moved",
                                  fmt::format("this database is not in charge: {} {}",
                                              is_place ? "it was moved to" : "it is", moved),
                                  is_place ? "Name the database it went to."
                                           : "Attach it (linkspan database attach), or finish what was begun."));
    } else if (draft.mode == Mode::existing) {
      judge_for_adoption(context, std::move(trial));
    } else {
      judge_for_new(context, store);
    }
  } catch (const Error& error) {
    judge_missing(context, error);
  }
}

}  // namespace linkspan::setup
