// database: what it is, making one, and the SQL that a database administrator runs first.

#include <fmt/format.h>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/internal/transfer_shared.h"
#include "cli/run_report.h"
#include "cli/session.h"
#include "transfer/delegation.h"
#include "transfer/rights.h"

namespace linkspan::cli {
namespace {

Json rights_json(const std::vector<transfer::Right>& rights) {
  Json list = Json::list();
  for (const transfer::Right& one : rights) {
    list.push(Json::object({{"right", one.right},
                            {"on", one.on},
                            {"state", std::string(transfer::name_of(one.state))},
                            {"remark", one.remark.empty() ? Json() : Json(one.remark)}}));
  }
  return list;
}

void print_rights(Output& out, const std::vector<transfer::Right>& rights) {
  out.line("");
  Table table({"Right", "On", "State", ""});
  for (const transfer::Right& one : rights) {
    table.add({one.right, printable(one.on), std::string(transfer::name_of(one.state)), printable(one.remark)});
  }
  out.print(table);
}

int show_info(Session& session, const Arguments&) {
  store::Store& store = session.store();
  const store::DatabaseInfo info = store.info();
  const auto lease = store.operations().lease_state();
  std::int64_t objects = 0;
  for (const store::ConnectorCounts& one : store.summary()->counts()) objects += one.objects;
  const std::int64_t identities = store.summary()->metaverse_objects();
  const std::size_t connectors = store.configuration().connectors().size();
  const std::size_t rules = store.configuration().rules().size();
  const std::vector<transfer::Right> rights = transfer::rights_of(configured(session));
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
                                      {"seen_at", time_json(lease.seen_at)},
                                      {"rights", rights_json(rights)}}));
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
  session.out().raw(table.text(false));
  print_rights(session.out(), rights);
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

int print_schema(Session& session, const Arguments& arguments) {
  transfer::DelegationNames names;
  if (arguments.has("--name")) names.database = arguments.text("--name");
  if (arguments.has("--role")) names.role = arguments.text("--role");
  const std::string dialect = arguments.has("--dialect") ? arguments.text("--dialect") : "postgresql";
  const std::string script = transfer::database_schema_sql(dialect, names);
  if (session.json()) {
    session.out().print(Json::object({{"dialect", dialect}, {"sql", script}}));
  } else {
    session.out().raw(script);
  }
  return exit_done;
}

}  // namespace

Commands database_commands() {
  return {
      {"database info",
       "Where the database is, what is in it, who works on it, and which rights are there, lacking or needless",
       {},
       show_info},
      {"database create",
       "Make the database's tables, in a new SQLite file or an empty database; or bring them up to date",
       {},
       create},
      {"database schema",
       "Print the SQL that a database administrator reads and runs first",
       {{"--dialect DIALECT", "The kind of server (postgresql)", false, false, {"postgresql", "sqlserver"}},
        {"--name NAME", "Of the database (linkspan)"},
        {"--role NAME", "Of the role, or the login (linkspan)"}},
       print_schema,
       false},
  };
}

}  // namespace linkspan::cli
