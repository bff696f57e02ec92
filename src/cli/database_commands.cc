// database: what it is, making one, and the SQL that a database administrator runs first.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/run_report.h"
#include "cli/session.h"

namespace linkspan::cli {
namespace {

int show_info(Session& session, const Arguments&) {
  store::Store& store = session.store();
  const store::DatabaseInfo info = store.info();
  const auto lease = store.operations().lease_state();
  std::int64_t objects = 0;
  for (const store::ConnectorCounts& one : store.summary()->counts()) objects += one.objects;
  const std::int64_t identities = store.summary()->metaverse_objects();
  const std::size_t connectors = store.configuration().connectors().size();
  const std::size_t rules = store.configuration().rules().size();
  const std::string key_set = store.configuration().setting(setup::k_key_set_id).value_or("");
  if (session.json()) {
    session.out().print(Json::object({{"product", info.product},
                                      {"location", info.location},
                                      {"schema", info.schema},
                                      {"id", info.id},
                                      {"moved_to", info.moved_to.empty() ? Json() : Json(info.moved_to)},
                                      {"connectors", connectors},
                                      {"rules", rules},
                                      {"connector_objects", objects},
                                      {"metaverse_objects", identities},
                                      {"key_set", key_set.empty() ? Json() : Json(key_set)},
                                      {"holder", lease.holder.empty() ? Json() : Json(lease.holder)},
                                      {"held", lease.held},
                                      {"seen_at", time_json(lease.seen_at)}}));
    return exit_done;
  }
  Table table({});
  table.add({"Product", info.product});
  table.add({"Location", info.location});
  table.add({"Schema", std::to_string(info.schema)});
  table.add({"Identity", info.id});
  if (!info.moved_to.empty()) table.add({"Moved to", info.moved_to + " (this one is no longer in charge)"});
  table.add({"Connectors", std::to_string(connectors)});
  table.add({"Rules", std::to_string(rules)});
  table.add({"Objects", fmt::format("{} in connector spaces, {} in the metaverse", with_commas(objects),
                                    with_commas(identities))});
  table.add({"Key set", key_set.empty() ? "none yet" : key_set});
  table.add({"At work", lease.held ? lease.holder : "nobody"});
  table.add({"Last seen", time_text(lease.seen_at)});
  for (std::string_view line : split(table.text(false), '\n')) {
    if (!line.empty()) session.out().line(line);
  }
  return exit_done;
}

int create(Session& session, const Arguments&) {
  const store::DatabaseInfo info = session.installation().create_store().info();
  if (session.json()) {
    session.out().print(Json::object({{"location", info.location}, {"schema", info.schema}, {"id", info.id}}));
  } else {
    session.out().line(fmt::format("{} is ready (schema {}).", info.location, info.schema));
  }
  return exit_done;
}

/// An identifier in SQL: quoted, so that any name does.
std::string identifier(std::string_view name) {
  if (name.empty() || name.size() > 63 || !is_utf8(name) || name.find('\0') != std::string_view::npos ||
      std::any_of(name.begin(), name.end(), [](char one) { return static_cast<unsigned char>(one) < 0x20; })) {
    throw Error(Fault::invalid, "cli.usage", "a database or role name has 1 to 63 bytes of text",
                "As in --name linkspan --role linkspan.");
  }
  std::string out = "\"";
  for (const char one : name) {
    out += one;
    if (one == '"') out += '"';
  }
  return out + '"';
}

std::string postgresql_script(std::string_view name, std::string_view role) {
  const std::string database = identifier(name);
  const std::string owner = identifier(role);
  return fmt::format(
      "-- For the database administrator: an empty database, and a role with rights to that database alone.\n"
      "-- Run with psql as a superuser, or as a role with CREATEDB and CREATEROLE:\n"
      "--   psql -h SERVER -U postgres -f this-file.sql\n"
      "-- Linkspan makes its tables itself, as {1}; it never needs more rights than these.\n"
      "\n"
      "\\set ON_ERROR_STOP on\n"
      "CREATE ROLE {1} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;\n"
      "\\password {1}\n"
      "CREATE DATABASE {0} OWNER {1} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;\n"
      "REVOKE ALL ON DATABASE {0} FROM PUBLIC;\n"
      "GRANT CONNECT, TEMPORARY ON DATABASE {0} TO {1};\n"
      "\\connect {0}\n"
      "REVOKE ALL ON SCHEMA public FROM PUBLIC;\n"
      "GRANT USAGE, CREATE ON SCHEMA public TO {1};\n"
      "\n"
      "-- Then tell the Linkspan administrator:\n"
      "--   postgresql://{2}@SERVER:5432/{3}?sslmode=verify-full\n"
      "-- and hand over the password in a file.\n",
      database, owner, role, name);
}

int print_schema(Session& session, const Arguments& arguments) {
  const std::string name = arguments.has("--name") ? arguments.text("--name") : "linkspan";
  const std::string role = arguments.has("--role") ? arguments.text("--role") : "linkspan";
  const std::string script = postgresql_script(name, role);
  if (session.json()) {
    session.out().print(Json::object({{"dialect", "postgresql"}, {"sql", script}}));
  } else {
    session.out().raw(script);
  }
  return exit_done;
}

}  // namespace

Commands database_commands() {
  return {
      {"database info", "Where the database is, what is in it, who works on it", {}, show_info},
      {"database create",
       "Make the database's tables, in a new SQLite file or an empty database; or bring them up to date",
       {},
       create},
      {"database schema",
       "Print the SQL that a database administrator reads and runs first",
       {{"--dialect DIALECT", "The kind of server", false, false, {"postgresql"}},
        {"--name NAME", "Of the database (linkspan)"},
        {"--role NAME", "Of the role (linkspan)"}},
       print_schema,
       false},
  };
}

}  // namespace linkspan::cli
