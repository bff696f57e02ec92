#include "store_sql/internal/configuration.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "sql/row_batch.h"

namespace linkspan::store_sql {

namespace {

using sql::Role;
using store::ConnectorId;
using store::ConnectorRow;
using store::RuleId;
using store::RuleRow;
using store::SecretRow;

[[noreturn]] void refuse_name(std::string_view kind, std::string_view name) {
  throw Error(Fault::conflict, "store.duplicate_name",
              fmt::format("there is another {} named '{}'", kind, printable(name)), "Choose another name.");
}

}  // namespace

std::vector<ConnectorRow> SqlConfiguration::connectors() {
  std::vector<ConnectorRow> found;
  const auto session = core_.pool.begin(sql::Mode::read);
  session->database().query("SELECT id, name, kind, settings, position FROM connector ORDER BY position, id", {},
                            [&](const sql::Row& row) {
                              found.push_back({.id = ConnectorId{row.integer(0)},
                                               .name = std::string(row.text(1)),
                                               .kind = std::string(row.text(2)),
                                               .settings = std::string(row.text(3)),
                                               .position = row.integer(4)});
                            });
  return found;
}

ConnectorId SqlConfiguration::put_connector(const ConnectorRow& row) {
  static constexpr std::string_view k_sequence = "connector";
  static const sql::Table table{.name = "connector",
                                .columns = {{"id", Role::key}, {"name"}, {"kind"}, {"settings"}, {"position"}}};
  ConnectorId id = row.id;
  core_.write_in_charge([&](sql::Database& database) {
    if (sql::query_integer(database, "SELECT id FROM connector WHERE name = $1", {std::string_view(row.name)})
            .value_or(id.value) != id.value) {
      refuse_name("connector", row.name);
    }
    if (!id) {
      id.value = core_.reserve(database, k_sequence, 1);
      core_.store_sequence(database, k_sequence);
    }
    const sql::ValueView cells[] = {id.value, std::string_view(row.name), std::string_view(row.kind),
                                    std::string_view(row.settings), row.position};
    database.upsert(table, {cells, std::size(cells)});
  });
  return id;
}

void SqlConfiguration::remove_connector(ConnectorId id) {
  static constexpr std::string_view k_statements[] = {
      // Identities that lose a contributor look again.
      "UPDATE metaverse_object SET touched = 2 WHERE id IN "
      "(SELECT metaverse_id FROM connector_object WHERE connector_id = $1 AND metaverse_id IS NOT NULL)",
      "DELETE FROM connector_image WHERE object_id IN (SELECT id FROM connector_object WHERE connector_id = $1)",
      "DELETE FROM connector_object_key WHERE object_id IN (SELECT id FROM connector_object WHERE connector_id = $1)",
      "DELETE FROM connector_reference WHERE object_id IN (SELECT id FROM connector_object WHERE connector_id = $1)",
      "DELETE FROM connector_reference WHERE target_id IN (SELECT id FROM connector_object WHERE connector_id = $1)",
      "DELETE FROM object_error WHERE object_id IN (SELECT id FROM connector_object WHERE connector_id = $1)",
      "DELETE FROM connector_object WHERE connector_id = $1",
      "DELETE FROM counter WHERE connector_id = $1",
      "DELETE FROM watermark WHERE connector_id = $1",
      "DELETE FROM connector WHERE id = $1"};  // and its secrets
  if (!id) return;                             // counter 0 is the metaverse's
  core_.write_in_charge([&](sql::Database& database) {
    for (const std::string_view statement : k_statements) database.run(statement, {id.value});
  });
}

std::vector<RuleRow> SqlConfiguration::rules() {
  std::vector<RuleRow> found;
  const auto session = core_.pool.begin(sql::Mode::read);
  session->database().query(
      "SELECT id, name, definition FROM sync_rule ORDER BY position", {}, [&](const sql::Row& row) {
        found.push_back(
            {.id = RuleId{row.integer(0)}, .name = std::string(row.text(1)), .definition = std::string(row.text(2))});
      });
  return found;
}

void SqlConfiguration::put_rules(std::span<const RuleRow> rules) {
  static constexpr std::string_view k_sequence = "sync_rule";
  static const sql::Table table{.name = "sync_rule",
                                .columns = {{"id", Role::key}, {"name"}, {"position"}, {"definition"}}};
  std::set<std::string_view> names;
  for (const RuleRow& rule : rules) {
    if (!names.insert(rule.name).second) refuse_name("rule", rule.name);
  }
  core_.write_in_charge([&](sql::Database& database) {
    std::map<std::string, std::int64_t, std::less<>> ids;
    sql::RowBatch gone(1);
    database.query("SELECT id, name FROM sync_rule", {}, [&](const sql::Row& row) {
      if (names.contains(row.text(1))) {
        ids.emplace(row.text(1), row.integer(0));
      } else {
        gone.integer(row.integer(0));
      }
    });
    sql::RowBatch rows(table.columns.size());
    std::int64_t position = 0;
    for (const RuleRow& rule : rules) {
      const auto found = ids.find(rule.name);
      rows.integer(found != ids.end() ? found->second : core_.reserve(database, k_sequence, 1));
      rows.borrow(std::string_view(rule.name));
      rows.integer(++position);
      rows.borrow(std::string_view(rule.definition));
    }
    database.erase({.name = table.name, .columns = {{"id", Role::key}}}, gone.rows());
    database.upsert(table, rows.rows());
    if (rules.size() > ids.size()) core_.store_sequence(database, k_sequence);
  });
}

std::vector<SecretRow> SqlConfiguration::secrets() {
  std::vector<SecretRow> found;
  const auto session = core_.pool.begin(sql::Mode::read);
  session->database().query(
      "SELECT connector_id, name, sealed, key_set FROM connector_secret ORDER BY connector_id, name", {},
      [&](const sql::Row& row) {
        found.push_back({.connector = ConnectorId{row.integer(0)},
                         .name = std::string(row.text(1)),
                         .sealed = std::string(row.blob(2)),
                         .key_set = std::string(row.text(3))});
      });
  return found;
}

void SqlConfiguration::put_secrets(std::span<const SecretRow> rows) {
  static const sql::Table table{.name = "connector_secret",
                                .columns = {{"connector_id", Role::key}, {"name", Role::key}, {"sealed"}, {"key_set"}}};
  static const sql::Table row_of{.name = "connector_secret",
                                 .columns = {{"connector_id", Role::key}, {"name", Role::key}}};
  core_.write_in_charge([&](sql::Database& database) {
    std::map<std::pair<std::int64_t, std::string_view>, const SecretRow*> last;
    for (const SecretRow& row : rows) last[{row.connector.value, row.name}] = &row;
    sql::RowBatch gone(2);
    sql::RowBatch kept(4);
    for (const auto& [key, row] : last) {
      sql::RowBatch& to = row->sealed.empty() ? gone : kept;
      to.integer(key.first);
      to.borrow(key.second);
      if (row->sealed.empty()) continue;
      to.borrow(sql::BlobView(row->sealed));
      to.borrow(std::string_view(row->key_set));
    }
    database.erase(row_of, gone.rows());
    database.upsert(table, kept.rows());
  });
}

std::optional<std::string> SqlConfiguration::setting(std::string_view name) {
  std::optional<std::string> found;
  const auto session = core_.pool.begin(sql::Mode::read);
  session->database().query("SELECT value FROM setting WHERE name = $1", {name},
                            [&](const sql::Row& row) { found = row.text(0); });
  return found;
}

std::vector<std::pair<std::string, std::string>> SqlConfiguration::settings() {
  std::vector<std::pair<std::string, std::string>> found;
  const auto session = core_.pool.begin(sql::Mode::read);
  session->database().query("SELECT name, value FROM setting ORDER BY name", {},
                            [&](const sql::Row& row) { found.emplace_back(row.text(0), row.text(1)); });
  return found;
}

void SqlConfiguration::put_settings(std::span<const std::pair<std::string, std::string>> values) {
  static const sql::Table table{.name = "setting", .columns = {{"name", Role::key}, {"value"}}};
  static const sql::Table row_of{.name = "setting", .columns = {{"name", Role::key}}};
  core_.write_in_charge([&](sql::Database& database) {
    std::map<std::string_view, std::string_view> last;
    for (const auto& [name, value] : values) last[name] = value;
    sql::RowBatch gone(1);
    sql::RowBatch kept(2);
    for (const auto& [name, value] : last) {
      sql::RowBatch& to = value.empty() ? gone : kept;
      to.borrow(name);
      if (!value.empty()) to.borrow(value);
    }
    database.erase(row_of, gone.rows());
    database.upsert(table, kept.rows());
  });
}

}  // namespace linkspan::store_sql
