#pragma once
// linkspan.toml: what is needed to reach the database and to open the keys, and nothing else.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace linkspan::setup {

inline constexpr std::string_view k_standard_config = "/etc/linkspan/linkspan.toml";
inline constexpr std::string_view k_standard_state = "/var/lib/linkspan";

struct ServerFile {
  std::filesystem::path path{k_standard_config};
  bool present = false;  ///< it was read; else everything below is standard
  std::filesystem::path state_dir{k_standard_state};
  std::string database_url;                      ///< never empty after load_server_file
  std::filesystem::path database_password_file;  ///< empty: none
  bool database_named = false;                   ///< by whoever runs this command, instead of what stands in the file
  std::filesystem::path key_set;                 ///< never empty after load_server_file
  std::string log_level = "info";                ///< "debug", "info", "warning", "error"
  std::string log_format = "text";               ///< "text", "json"
  std::string listen = "127.0.0.1:8470";         ///< port 0: any free one
};

/// What the command line says instead; empty = says nothing.
struct ServerOverrides {
  std::filesystem::path state_dir;
  std::string database_url;
};

/// Reads `path` if it is there. Standards: the database is STATE/linkspan.db, the key set STATE/key_set. Throws
/// Fault::invalid "setup.config_file" with the line of what is wrong, Fault::denied "setup.config_unreadable".
[[nodiscard]] ServerFile load_server_file(const std::filesystem::path& path, const ServerOverrides& overrides = {});

/// Writes it, mode 0640, all or nothing and durable; parent folders are made. Throws Fault::unavailable
/// "setup.file_write".
void save_server_file(const ServerFile& file);

/// "host:port" or "[v6]:port". Throws Fault::invalid "setup.listen".
[[nodiscard]] std::pair<std::string, std::uint16_t> parse_listen(std::string_view text);

/// Writes `text` to `path` with `mode`, by a temporary file beside it: all or nothing, durable. Throws
/// Fault::unavailable "setup.file_write".
void write_file(const std::filesystem::path& path, std::string_view text, unsigned mode);

/// The whole file, at most `most` bytes. Throws Fault::not_found "setup.no_file", Fault::invalid "setup.file_too_long".
[[nodiscard]] std::string read_file(const std::filesystem::path& path, std::size_t most = std::size_t{64} << 20U);

}  // namespace linkspan::setup
