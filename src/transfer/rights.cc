#include "transfer/rights.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

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

constexpr std::array k_needs{
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

// Of every table of the schema: what is asked of pg_class `c`.
struct TableNeed {
  std::string_view right;
  std::string_view remark;
  std::string_view condition;
};

constexpr std::array k_table_needs{
    TableNeed{"SELECT", "Nothing can be read without it.", "has_table_privilege(c.oid, 'SELECT')"},
    TableNeed{"INSERT", "Nothing can be added without it.", "has_table_privilege(c.oid, 'INSERT')"},
    TableNeed{"UPDATE", "Nothing can be changed without it.", "has_table_privilege(c.oid, 'UPDATE')"},
    TableNeed{"DELETE", "Nothing can be removed without it.", "has_table_privilege(c.oid, 'DELETE')"},
    TableNeed{"owner", "Upgrades and moves change tables and their indexes, as their owner may.",
              "pg_has_role(c.relowner, 'USAGE')"},
};

// Each row: a right, on what, and what a DBA runs to take it away. The administrator's own role shows every line.
constexpr std::string_view k_needless = R"(
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

std::vector<Right> rights_on_server(sql::Database& database) {
  std::vector<Right> rights;
  const auto note = [&](std::string_view right, std::string on, std::string_view remark, bool held) {
    rights.push_back({held ? State::held : State::missing, std::string(right), std::move(on),
                      held ? std::string() : std::string(remark)});
  };
  for (const Need& need : k_needs) {
    database.query(need.statement, {}, [&](const sql::Row& row) {
      note(need.right, std::string(row.text(0)), need.remark, row.integer(1) == 1);
    });
  }
  for (const TableNeed& need : k_table_needs) {
    const std::string statement = fmt::format(
        "SELECT count(*), count(*) FILTER (WHERE NOT {}) FROM pg_class c WHERE c.relkind = 'r' AND "
        "c.relnamespace = current_schema()::regnamespace",
        need.condition);
    database.query(statement, {}, [&](const sql::Row& row) {
      const std::int64_t lacking = row.integer(1);
      const std::string on = lacking == 0 ? fmt::format("{} tables", row.integer(0))
                                          : fmt::format("{} of {} tables", lacking, row.integer(0));
      note(need.right, on, need.remark, lacking == 0);
    });
  }
  database.query(k_needless, {}, [&](const sql::Row& row) {
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
