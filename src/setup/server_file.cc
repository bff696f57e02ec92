#include "setup/server_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <toml++/toml.h>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::setup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t k_longest_config = 64 * 1024;

[[noreturn]] void refuse(const fs::path& path, const toml::source_position& at, const std::string& what) {
  throw Error(Fault::invalid, "setup.config_file", fmt::format("{}:{}:{}: {}", path.string(), at.line, at.column, what),
              "See `man linkspan.toml` or docs/reference/cli.md for what may stand there.");
}

/// The text at `table[name]`, and `name` struck off the list of those not understood.
void take(const fs::path& path, const toml::table& table, std::string_view name, std::set<std::string>& unknown,
          std::string& into) {
  const toml::node* node = table.get(name);
  if (node == nullptr) return;
  unknown.erase(std::string(name));
  const auto* text = node->as_string();
  if (text == nullptr) refuse(path, node->source().begin, fmt::format("{} is a text", name));
  into = text->get();
}

void take(const fs::path& path, const toml::table& table, std::string_view name, std::set<std::string>& unknown,
          fs::path& into) {
  std::string text = into.string();
  take(path, table, name, unknown, text);
  into = text;
}

std::set<std::string> keys_of(const toml::table& table) {
  std::set<std::string> keys;
  for (const auto& [key, value] : table) keys.emplace(key.str());
  return keys;
}

void refuse_unknown(const fs::path& path, const toml::table& table, const std::set<std::string>& unknown) {
  if (unknown.empty()) return;
  refuse(path, table.get(*unknown.begin())->source().begin, fmt::format("{} is not known here", *unknown.begin()));
}

/// The table at `root[name]`, or nullptr.
const toml::table* table_at(const fs::path& path, const toml::table& root, std::string_view name,
                            std::set<std::string>& unknown) {
  const toml::node* node = root.get(name);
  if (node == nullptr) return nullptr;
  unknown.erase(std::string(name));
  if (!node->is_table()) refuse(path, node->source().begin, fmt::format("{} is a table", name));
  return node->as_table();
}

void read_into(ServerFile& file, const toml::table& root) {
  std::set<std::string> unknown = keys_of(root);
  take(file.path, root, "state_dir", unknown, file.state_dir);
  take(file.path, root, "key_set", unknown, file.key_set);
  if (const auto* database = table_at(file.path, root, "database", unknown)) {
    std::set<std::string> inner = keys_of(*database);
    take(file.path, *database, "url", inner, file.database_url);
    take(file.path, *database, "password_file", inner, file.database_password_file);
    refuse_unknown(file.path, *database, inner);
  }
  if (const auto* log = table_at(file.path, root, "log", unknown)) {
    std::set<std::string> inner = keys_of(*log);
    take(file.path, *log, "level", inner, file.log_level);
    take(file.path, *log, "format", inner, file.log_format);
    static const std::set<std::string> k_levels{"debug", "info", "warning", "error"};
    if (!k_levels.contains(file.log_level)) {
      refuse(file.path, log->get("level")->source().begin, "level is debug, info, warning or error");
    }
    if (file.log_format != "text" && file.log_format != "json") {
      refuse(file.path, log->get("format")->source().begin, "format is text or json");
    }
    refuse_unknown(file.path, *log, inner);
  }
  if (const auto* service = table_at(file.path, root, "service", unknown)) {
    std::set<std::string> inner = keys_of(*service);
    take(file.path, *service, "listen", inner, file.listen);
    static_cast<void>(parse_listen(file.listen));
    refuse_unknown(file.path, *service, inner);
  }
  refuse_unknown(file.path, root, unknown);
}

}  // namespace

ServerFile load_server_file(const fs::path& path, const ServerOverrides& overrides) {
  ServerFile file;
  file.path = path;
  std::error_code problem;
  if (fs::exists(path, problem)) {
    const std::string text = read_file(path, k_longest_config);
    try {
      read_into(file, toml::parse(text, path.string()));
    } catch (const toml::parse_error& error) {
      refuse(path, error.source().begin, std::string(error.description()));
    }
    file.present = true;
  } else if (problem) {
    throw Error(Fault::denied, "setup.config_unreadable", fmt::format("{}: {}", path.string(), problem.message()),
                "Run as root or as the service's user.");
  }
  if (!overrides.state_dir.empty()) {
    file.state_dir = fs::absolute(overrides.state_dir);
    // What was not said elsewhere follows the state directory.
  }
  if (!overrides.database_url.empty()) {
    file.database_url = overrides.database_url;
    file.database_named = true;
  }
  if (file.database_url.empty()) file.database_url = "sqlite://" + (file.state_dir / "linkspan.db").string();
  if (file.key_set.empty()) file.key_set = file.state_dir / "key_set";
  return file;
}

void save_server_file(const ServerFile& file) {
  toml::table root;
  root.insert("state_dir", file.state_dir.string());
  root.insert("key_set", file.key_set.string());
  toml::table database;
  database.insert("url", file.database_url);
  if (!file.database_password_file.empty()) database.insert("password_file", file.database_password_file.string());
  root.insert("database", database);
  root.insert("log", toml::table{{"level", file.log_level}, {"format", file.log_format}});
  root.insert("service", toml::table{{"listen", file.listen}});
  std::ostringstream text;
  text << "# Linkspan: how this server reaches its database and its keys. Everything else lives in the database:\n"
          "# linkspan config show\n\n"
       << root << '\n';
  std::error_code problem;
  if (file.path.has_parent_path()) fs::create_directories(file.path.parent_path(), problem);
  write_file(file.path, text.str(), 0640);
}

std::pair<std::string, std::uint16_t> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? -1 : to_integer(text.substr(colon + 1)).value_or(-1);
  if (port < 0 || port > 65535 || colon == 0) {
    throw Error(Fault::invalid, "setup.listen", fmt::format("\"{}\" is no address to listen on", printable(text, 60)),
                "Write ADDRESS:PORT, as in 127.0.0.1:8470 or [::1]:8470; port 0 takes any free one.");
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {std::string(host), static_cast<std::uint16_t>(port)};
}

void write_file(const fs::path& path, std::string_view text, unsigned mode) {
  const auto fail = [&](int code) {
    throw Error(Fault::unavailable, "setup.file_write",
                fmt::format("cannot write {}: {}", path.string(), std::strerror(code)),
                "Check that the folder exists, its rights, and the room on the disk.");
  };
  std::string temporary = path.string() + ".XXXXXX";
  const int file = ::mkstemp(temporary.data());
  if (file < 0) fail(errno);
  int failed = ::fchmod(file, mode) == 0 ? 0 : errno;
  for (std::size_t at = 0; failed == 0 && at < text.size();) {
    const ssize_t written = ::write(file, text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR) failed = errno;
    if (written > 0) at += static_cast<std::size_t>(written);
  }
  if (failed == 0 && ::fsync(file) != 0) failed = errno;
  if (::close(file) != 0 && failed == 0) failed = errno;
  if (failed == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) failed = errno;
  if (failed != 0) {
    ::unlink(temporary.c_str());
    fail(failed);
  }
  // The name is durable once its folder is.
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); opened >= 0) {
    ::fsync(opened);
    ::close(opened);
  }
}

std::string read_file(const fs::path& path, std::size_t most) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream || fs::is_directory(path)) {
    throw Error(Fault::not_found, "setup.no_file", fmt::format("cannot read {}", path.string()),
                "Check the name and its rights.");
  }
  std::error_code sizeless;  // a pipe or a device
  const std::uintmax_t size = fs::file_size(path, sizeless);
  std::string text(sizeless ? most + 1 : std::min<std::size_t>(most, size) + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > most) {
    throw Error(Fault::invalid, "setup.file_too_long", fmt::format("{} is longer than {} bytes", path.string(), most),
                "Check that it is the file meant.");
  }
  return text;
}

}  // namespace linkspan::setup
