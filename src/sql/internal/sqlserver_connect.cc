#include "sql/internal/sqlserver_connect.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "sql/internal/sqlserver_bulk.h"
#include "sql/internal/sqlserver_connect_error.h"
#include "sql/internal/sqlserver_profiles.h"
#include "sql/internal/sqlserver_wire.h"
#include "sql/internal/utf16.h"

namespace linkspan::sql {

namespace {

constexpr int k_default_port = 1433;
constexpr int k_oldest_version = 13;         // SQL Server 2016
constexpr std::size_t k_longest_path = 200;  // FreeTDS reads lines of 255 bytes
constexpr std::string_view k_install =
    "Install Microsoft's ODBC Driver 18 for SQL Server (package msodbcsql18), or FreeTDS (package tdsodbc).";

// The drivers of odbcinst.ini.
std::vector<std::string> installed_drivers() {
  const OdbcHandle environment(SQL_HANDLE_ENV, SQL_NULL_HANDLE);
  SQLSetEnvAttr(environment.get(), SQL_ATTR_ODBC_VERSION, reinterpret_cast<SQLPOINTER>(SQL_OV_ODBC3), 0);
  std::vector<std::string> found;
  std::array<char16_t, 256> name{};
  SQLSMALLINT length = 0;
  SQLUSMALLINT direction = SQL_FETCH_FIRST;
  while (SQL_SUCCEEDED(SQLDriversW(environment.get(), direction, reinterpret_cast<SQLWCHAR*>(name.data()),
                                   static_cast<SQLSMALLINT>(name.size()), &length, nullptr, 0, nullptr))) {
    direction = SQL_FETCH_NEXT;
    const auto units = std::min(static_cast<std::size_t>(std::max<SQLSMALLINT>(length, 0)), name.size() - 1);
    append_utf8(found.emplace_back(), std::u16string_view(name.data(), units));
  }
  return found;
}

struct Driver {
  std::string name;  ///< for the driver manager
  bool freetds = false;
};

Driver driver_by_path(const std::string& path, std::string_view name) {
  if (::access(path.c_str(), R_OK) != 0) {
    throw Error(Fault::invalid, "sql.driver_missing", fmt::format("{}: there is no driver {}", name, path),
                std::string(k_install));
  }
  const std::string file = std::filesystem::path(path).filename();
  if (file.find("tdsodbc") != std::string::npos) return {path, true};
  if (file.find("msodbcsql") != std::string::npos) return {path, false};
  throw Error(Fault::invalid, "sql.driver_missing",
              fmt::format("{}: {} is neither FreeTDS' driver (libtdsodbc) nor Microsoft's (libmsodbcsql)", name, path),
              std::string(k_install));
}

Driver choose_driver(std::string_view wanted, std::string_view name) {
  if (wanted.starts_with('/')) return driver_by_path(std::string(wanted), name);
  const std::vector<std::string> installed = installed_drivers();
  const auto first = [&](std::string_view words) -> std::optional<std::string> {
    const auto found = std::find_if(installed.begin(), installed.end(), [&](const std::string& one) {
      return equal_ascii_case(std::string_view(one).substr(0, words.size()), words);
    });
    return found == installed.end() ? std::nullopt : std::optional(*found);
  };
  if (wanted != "freetds") {
    if (const auto found = first("ODBC Driver 18 for SQL Server")) return {*found, false};
  }
  if (wanted != "microsoft") {
    if (const auto found = first("FreeTDS")) return {*found, true};
  }
  throw Error(Fault::invalid, "sql.driver_missing",
              fmt::format("{}: odbcinst.ini lists no ODBC driver for SQL Server{}{}", name,
                          wanted.empty() ? "" : " named ", wanted),
              std::string(k_install));
}

// FreeTDS reads its settings while it connects, from the file that FREETDSCONF names. One at a time.
class FreetdsSettings {
 public:
  static FreetdsSettings& instance() {
    static FreetdsSettings settings;
    return settings;
  }

  ~FreetdsSettings() {
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  FreetdsSettings(const FreetdsSettings&) = delete;
  FreetdsSettings& operator=(const FreetdsSettings&) = delete;

  [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

  // Under the lock.
  void write(const SqlServerTarget& target, std::string_view name) {
    check_environment(name);
    if (folder_.empty()) make_folder();
    std::error_code failed;
    const std::filesystem::path authorities = folder_ / "ca.pem";
    std::filesystem::remove(authorities, failed);
    // A link of our own: FreeTDS reads lines of 255 bytes at the most and makes one of several blanks.
    if (!target.ca_file.empty())
      std::filesystem::create_symlink(std::filesystem::absolute(target.ca_file), authorities);
    std::ofstream file(folder_ / "freetds.conf", std::ios::trunc);
    file << freetds::configuration(target, target.ca_file.empty() ? "system" : authorities.native());
    file.close();
    if (file) return;
    throw Error(Fault::unavailable, "sql.io", fmt::format("cannot write {}/freetds.conf", folder_.native()),
                "Make room in the folder for temporary files (TMPDIR).");
  }

 private:
  FreetdsSettings() = default;

  // They would go before the settings: to another host.
  static void check_environment(std::string_view name) {
    for (const char* variable : {"TDSHOST", "TDSPORT", "TDSVER"}) {
      if (std::getenv(variable) == nullptr) continue;
      throw Error(Fault::invalid, "sql.driver_unable",
                  fmt::format("{}: the environment variable {} would lead FreeTDS elsewhere", name, variable),
                  fmt::format("Take {} out of the service's environment.", variable));
    }
  }

  void make_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "linkspan-tds-XXXXXX").native();
    if (::mkdtemp(pattern.data()) == nullptr) {  // mode 0700
      throw Error(Fault::unavailable, "sql.io", fmt::format("cannot make a folder in {}", pattern),
                  "Make room in the folder for temporary files (TMPDIR).");
    }
    folder_ = pattern;
    if (pattern.size() > k_longest_path || pattern.find_first_of(" \t;#") != std::string::npos) {
      throw Error(Fault::invalid, "sql.io", fmt::format("FreeTDS cannot be told of the folder {}", pattern),
                  "Let TMPDIR name a folder with a shorter name, without blanks.");
    }
    ::setenv("FREETDSCONF", (folder_ / "freetds.conf").c_str(), 1);
  }

  std::mutex mutex_;
  std::filesystem::path folder_;
};

// What the server is. Its length is part of the measurement below, so it is one packet: at most 2000 characters.
constexpr std::string_view k_who =
    "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), CAST(SERVERPROPERTY('EngineEdition') AS "
    "nvarchar(128)), CAST(SERVERPROPERTY('Babelfish') AS nvarchar(128)), DB_NAME()";
constexpr std::size_t k_who_columns = 4;

using Texts = std::vector<std::optional<std::string>>;

// What is known of a session that is being made.
struct Session {
  OdbcConnection connection;
  std::chrono::seconds wait;
  std::string_view name;
};

// The first row of `statement`, as texts.
Texts first_row(const Session& session, std::string_view statement, std::size_t columns) {
  const std::string_view name = session.name;
  const OdbcHandle handle(SQL_HANDLE_STMT, session.connection.get());
  const SQLHSTMT raw = handle.get();
  SQLSetStmtAttrW(raw, SQL_ATTR_QUERY_TIMEOUT, reinterpret_cast<SQLPOINTER>(session.wait.count()), SQL_IS_UINTEGER);
  std::u16string text = to_utf16(statement);
  check_odbc(SQLExecDirectW(raw, reinterpret_cast<SQLWCHAR*>(text.data()), static_cast<SQLINTEGER>(text.size())),
             SQL_HANDLE_STMT, raw, name);
  const SQLRETURN fetched = SQLFetch(raw);
  check_odbc(fetched, SQL_HANDLE_STMT, raw, name);
  Texts row(columns);
  if (fetched == SQL_NO_DATA) return row;
  for (std::size_t i = 0; i < columns; ++i) {
    std::array<char16_t, 260> cell{};
    SQLLEN bytes = 0;
    check_odbc(SQLGetData(raw, static_cast<SQLUSMALLINT>(i + 1), SQL_C_WCHAR, cell.data(), sizeof cell, &bytes),
               SQL_HANDLE_STMT, raw, name);
    if (bytes < 0) continue;
    const std::size_t units = std::min(static_cast<std::size_t>(bytes) / sizeof(char16_t), cell.size() - 1);
    append_utf8(row[i].emplace(), std::u16string_view(cell.data(), units));
  }
  while (SQL_SUCCEEDED(SQLFetch(raw))) {  // to the end, so that the connection is free
  }
  return row;
}

void check_server(const Texts& who, const SqlServerTarget& target, std::string_view name) {
  const std::string version = who[0].value_or("");
  const auto major = to_integer(std::string_view(version).substr(0, version.find('.')));
  // Editions 1 to 4 are servers one installs; in the cloud the version stands still at 12. Babelfish says 12 as well.
  const auto edition = to_integer(who[1].value_or("0"));
  const bool installed = edition && *edition >= 1 && *edition <= 4 && !who[2];
  if (installed && major && *major < k_oldest_version) {
    throw Error(Fault::invalid, "sql.old_server",
                fmt::format("{}: the server is SQL Server {}", name, printable(version, 40)),
                "SQL Server 2016 or later is needed.");
  }
  if (fold_key(who[3].value_or("")) != fold_key(target.database)) {
    throw Error(Fault::not_found, "sql.no_database",
                fmt::format("{}: the server opened the database {} instead", name, printable(who[3].value_or("?"), 80)),
                "Correct the database's name in the URL, and the login's rights to it.");
  }
}

[[noreturn]] void refuse_clear_text(std::string_view name, std::string_view why) {
  throw Error(Fault::denied, "sql.tls", fmt::format("{}: {}", name, why),
              "Somebody between may have switched encryption off. Look at the way to the server, and let the server "
              "force encryption; Microsoft's driver with encrypt=strict cannot be talked out of it.");
}

// FreeTDS asks for encryption and takes "for the sign-in only" as an answer, though nobody on the way is kept from
// giving it ([MS-TDS] 2.2.6.5: PRELOGIN is in clear). So the first statement is measured.
Texts measured_row(const Session& session, const std::optional<ForeignSocket>& socket) {
  const auto before = socket ? socket->sent() : std::nullopt;
  Texts row = first_row(session, k_who, k_who_columns);
  const auto after = socket ? socket->sent() : std::nullopt;
  if (!before || !after) refuse_clear_text(session.name, "whether the connection is encrypted cannot be told");
  if (!was_encrypted(*after - *before, k_who.size()))
    refuse_clear_text(session.name, "encryption was asked for, and the connection is not encrypted");
  return row;
}

// Microsoft's driver refuses by itself what is not encrypted; where the login may see it, the server's word as well.
void check_server_says_encrypted(const Session& session) {
  Texts row(1);
  try {
    row = first_row(session, "SELECT encrypt_option FROM sys.dm_exec_connections WHERE session_id = @@SPID", 1);
  } catch (const Error& error) {
    if (error.fault() == Fault::unavailable) throw;  // else: most logins may not ask
  }
  if (row[0] && equal_ascii_case(*row[0], "FALSE"))
    refuse_clear_text(session.name, "encryption was asked for, and the server says that there is none");
}

Session signed_in(const std::string& connection_string, const SqlServerTarget& target, std::chrono::seconds wait,
                  std::string_view name) {
  Session session{.connection = {}, .wait = std::max(wait, std::chrono::seconds(1)), .name = name};
  session.connection.set(SQL_ATTR_LOGIN_TIMEOUT, static_cast<std::uintptr_t>(session.wait.count()));
  session.connection.set(k_bulk_copy_attribute, 1);
  const OdbcDiagnostics said = session.connection.connect(connection_string);
  if (!session.connection.connected()) throw explain_sqlserver_refusal(said, target, session.wait, name);
  return session;
}

OdbcConnection connect_freetds(const SqlServerTarget& target, std::chrono::seconds wait, std::string_view name) {
  FreetdsSettings& settings = FreetdsSettings::instance();
  const auto lock = settings.lock();
  settings.write(target, name);
  const auto before = ForeignSocket::all(target.port);
  Session session = signed_in(freetds::connection_string(target), target, wait, name);
  const bool encrypted = target.encrypt != SqlServerTarget::Encrypt::no;
  check_server(encrypted ? measured_row(session, ForeignSocket::added(target.port, before))
                         : first_row(session, k_who, k_who_columns),
               target, name);
  return std::move(session.connection);
}

OdbcConnection connect_microsoft(const SqlServerTarget& target, std::chrono::seconds wait, std::string_view name) {
  Session session = signed_in(microsoft::connection_string(target), target, wait, name);
  check_server(first_row(session, k_who, k_who_columns), target, name);
  if (target.encrypt != SqlServerTarget::Encrypt::no) check_server_says_encrypted(session);
  return std::move(session.connection);
}

void check_ca_file(const SqlServerTarget& target, std::string_view name) {
  if (target.ca_file.empty() || ::access(target.ca_file.c_str(), R_OK) == 0) return;
  throw Error(Fault::denied, "sql.certificate", fmt::format("{}: the file {} cannot be read", name, target.ca_file),
              "ca_file names the certificate of the authority, in PEM, readable by the service.");
}

int find_port(const DatabaseUrl& url, const BrowserOptions& browser, std::string_view name) {
  if (const auto port = to_integer(url.parameter("port"))) return static_cast<int>(*port);
  const std::string_view instance = url.parameter("instance");
  if (instance.empty() || equal_ascii_case(instance, "MSSQLSERVER")) return k_default_port;
  return find_instance_port(std::string(url.parameter("host")), instance, name, browser);
}

}  // namespace

OdbcConnection connect_sqlserver(const DatabaseUrl& url, const OpenOptions& options, const BrowserOptions& browser) {
  std::string name = url.redacted();
  const Driver driver = choose_driver(url.parameter("driver"), name);
  SqlServerTarget target = sqlserver_target(url, options.password.view());
  target.driver = driver.name;
  check_ca_file(target, name);
  driver.freetds ? freetds::check(target, name) : microsoft::check(target, name);
  target.port = find_port(url, browser, name);
  // The port the Browser told is shown with whatever happens from here on.
  if (!url.parameter("instance").empty() && url.parameter("port").empty())
    name += fmt::format(" (port {})", target.port);
  return driver.freetds ? connect_freetds(target, options.connect_wait, name)
                        : connect_microsoft(target, options.connect_wait, name);
}

}  // namespace linkspan::sql
