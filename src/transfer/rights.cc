#include "transfer/rights.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <span>

#include "sql/inspect.h"
#include "transfer/internal/source.h"

namespace linkspan::transfer {

namespace {

using State = Right::State;

// A question that the server answers with a name and whether the role may.
struct Need {
  std::string_view right;
  std::string_view remark;
  std::string_view statement;  ///< gives: on what, whether
};

constexpr std::array k_postgresql_needs{
    Need{
        "CONNECT", "Nobody can sign in without it.",
        "SELECT 'database ' || current_database(), has_database_privilege(current_database(), 'CONNECT')::int::bigint"},
    Need{"USAGE", "No table can be reached without it.",
         "SELECT 'schema ' || coalesce(current_schema(), 'public'), "
         "coalesce(has_schema_privilege(current_schema(), 'USAGE'), false)::int::bigint"},
    Need{"CREATE", "Upgrades and moves make tables.",
         "SELECT 'schema ' || coalesce(current_schema(), 'public'), "
         "coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)::int::bigint"},
};

// Of every table of the schema: what is asked of its row in the catalogue.
struct TableNeed {
  std::string_view right;
  std::string_view remark;
  std::string_view condition;
};

constexpr std::array k_postgresql_table_needs{
    TableNeed{"SELECT", "Nothing can be read without it.", "has_table_privilege(c.oid, 'SELECT')"},
    TableNeed{"INSERT", "Nothing can be added without it.", "has_table_privilege(c.oid, 'INSERT')"},
    TableNeed{"UPDATE", "Nothing can be changed without it.", "has_table_privilege(c.oid, 'UPDATE')"},
    TableNeed{"DELETE", "Nothing can be removed without it.", "has_table_privilege(c.oid, 'DELETE')"},
    TableNeed{"owner", "Upgrades and moves change tables and their indexes, as their owner may.",
              "pg_has_role(c.relowner, 'USAGE')"},
};

// Each row: a right, on what, and what a DBA runs to take it away. The administrator's own role shows every line.
constexpr std::string_view k_postgresql_needless = R"(
SELECT v.name, 'the server', 'ALTER ROLE ' || quote_ident(r.rolname) || ' NO' || v.name
  FROM pg_roles r, LATERAL (VALUES (1, 'SUPERUSER', r.rolsuper), (2, 'CREATEDB', r.rolcreatedb),
       (3, 'CREATEROLE', r.rolcreaterole), (4, 'REPLICATION', r.rolreplication), (5, 'BYPASSRLS', r.rolbypassrls))
       AS v(position, name, held)
 WHERE r.rolname = current_user AND v.held
UNION ALL
SELECT 'member', 'role ' || g.rolname, 'REVOKE ' || quote_ident(g.rolname) || ' FROM ' || quote_ident(current_user)
  FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
 WHERE r.rolname = current_user
   AND g.oid <> (SELECT datdba FROM pg_database WHERE datname = current_database())
   AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = g.oid AND c.relkind = 'r'
                      AND c.relnamespace = current_schema()::regnamespace)
UNION ALL
SELECT 'owner', 'database ' || d.datname, 'ALTER DATABASE ' || quote_ident(d.datname) || ' OWNER TO another role'
  FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
 WHERE r.rolname = current_user AND d.datname <> current_database()
ORDER BY 1, 2)";

constexpr std::array k_sqlserver_needs{
    Need{"CONNECT", "Nobody can sign in without it.",
         "SELECT N'database ' + DB_NAME(), COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), N'DATABASE', N'CONNECT'), "
         "0)"},
    Need{"CREATE TABLE", "Upgrades and moves make tables.",
         "SELECT N'database ' + DB_NAME(), COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), N'DATABASE', N'CREATE "
         "TABLE'), 0)"},
    Need{"CREATE VIEW", "Upgrades and moves make views.",
         "SELECT N'database ' + DB_NAME(), COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), N'DATABASE', N'CREATE "
         "VIEW'), 0)"},
    Need{"ALTER", "Upgrades and moves make tables and views in it.",
         "SELECT N'schema ' + SCHEMA_NAME(), COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME()), N'SCHEMA', "
         "N'ALTER'), 0)"},
    Need{"ALLOW_SNAPSHOT_ISOLATION",
         "Without it reads wait for writers, and may mix two moments. A DBA allows it: ALTER DATABASE ... SET "
         "ALLOW_SNAPSHOT_ISOLATION ON.",
         "SELECT N'database ' + DB_NAME(), CASE WHEN snapshot_isolation_state = 1 THEN 1 ELSE 0 END FROM sys.databases "
         "WHERE database_id = DB_ID()"},
};

constexpr std::array k_sqlserver_table_needs{
    TableNeed{"SELECT", "Nothing can be read without it.", "SELECT"},
    TableNeed{"INSERT", "Nothing can be added without it.", "INSERT"},
    TableNeed{"UPDATE", "Nothing can be changed without it.", "UPDATE"},
    TableNeed{"DELETE", "Nothing can be removed without it.", "DELETE"},
    TableNeed{"ALTER", "Upgrades and moves change tables and their indexes.", "ALTER"},
};

constexpr std::string_view k_sqlserver_needless = R"(
SELECT v.name, N'the server', N'ALTER SERVER ROLE ' + v.name + N' DROP MEMBER ' + QUOTENAME(SUSER_SNAME())
  FROM (VALUES (N'sysadmin'), (N'securityadmin'), (N'serveradmin'), (N'setupadmin'), (N'processadmin'), (N'diskadmin'),
       (N'dbcreator'), (N'bulkadmin')) AS v (name)
 WHERE IS_SRVROLEMEMBER(v.name) = 1
UNION ALL
SELECT N'owner', N'database ' + d.name, N'ALTER AUTHORIZATION ON DATABASE::' + QUOTENAME(d.name) + N' TO another login'
  FROM sys.databases AS d
 WHERE d.owner_sid = SUSER_SID() AND d.database_id <> DB_ID()
ORDER BY 1, 2)";

// What is asked of one kind of server. `table_form`, with a condition of a TableNeed in it, counts the tables and those
// of which it does not hold.
struct Questions {
  std::span<const Need> needs;
  std::span<const TableNeed> table_needs;
  std::string_view table_form;
  std::string_view needless;
};

const Questions& questions_for(sql::Dialect dialect) {
  static constexpr Questions postgresql{
      k_postgresql_needs, k_postgresql_table_needs,
      "SELECT count(*), count(*) FILTER (WHERE NOT {}) FROM pg_class c WHERE c.relkind = 'r' AND "
      "c.relnamespace = current_schema()::regnamespace",
      k_postgresql_needless};
  static constexpr Questions sqlserver{
      k_sqlserver_needs, k_sqlserver_table_needs,
      "SELECT COUNT(*), COALESCE(SUM(1 - COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME(schema_id)) + N'.' + "
      "QUOTENAME(name), N'OBJECT', N'{}'), 0)), 0) FROM sys.tables WHERE schema_id = SCHEMA_ID() AND is_ms_shipped = 0",
      k_sqlserver_needless};
  return dialect == sql::Dialect::sqlserver ? sqlserver : postgresql;
}

std::vector<Right> rights_on_server(sql::Database& database) {
  const Questions& questions = questions_for(database.dialect());
  std::vector<Right> rights;
  const auto note = [&](std::string_view right, std::string on, std::string_view remark, bool held) {
    rights.push_back({held ? State::held : State::missing, std::string(right), std::move(on),
                      held ? std::string() : std::string(remark)});
  };
  for (const Need& need : questions.needs) {
    database.query(need.statement, {}, [&](const sql::Row& row) {
      note(need.right, std::string(row.text(0)), need.remark, row.integer(1) == 1);
    });
  }
  for (const TableNeed& need : questions.table_needs) {
    database.query(fmt::format(fmt::runtime(questions.table_form), need.condition), {}, [&](const sql::Row& row) {
      const std::int64_t lacking = row.integer(1);
      const std::string on = lacking == 0 ? fmt::format("{} tables", row.integer(0))
                                          : fmt::format("{} of {} tables", lacking, row.integer(0));
      note(need.right, on, need.remark, lacking == 0);
    });
  }
  database.query(questions.needless, {}, [&](const sql::Row& row) {
    rights.push_back({State::needless, std::string(row.text(0)), std::string(row.text(1)),
                      fmt::format("A DBA takes it away: {}", row.text(2))});
  });
  return rights;
}

std::vector<Right> rights_on_file(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  std::vector<Right> rights;
  const auto note = [&](std::string_view right, const std::string& on, int mode, std::string_view remark) {
    const bool held = ::access(on.c_str(), mode) == 0;
    rights.push_back(
        {held ? State::held : State::missing, std::string(right), on, held ? std::string() : std::string(remark)});
  };
  note("read", path, R_OK, "Nothing can be read without it.");
  note("write", path, W_OK, "Nothing can be changed without it.");
  note("write", folder, W_OK | X_OK, "SQLite keeps its log beside the file.");
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    rights.push_back({State::needless, fmt::format("mode {:04o}", status.st_mode & 07777U), path,
                      "Others than its owner have rights to it: chmod 600."});
  }
  return rights;
}

}  // namespace

std::string_view name_of(Right::State state) noexcept {
  switch (state) {
    case State::held:
      return "has";
    case State::missing:
      return "lacks";
    case State::needless:
      return "has without need";
  }
  return "";
}

std::vector<Right> rights_of(const Place& place) {
  const Connector connector = connector_of(place);
  if (connector.url.dialect == sql::Dialect::sqlite) return rights_on_file(connector.url.path);
  return rights_on_server(*connector.connect());
}

}  // namespace linkspan::transfer
