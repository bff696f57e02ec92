#pragma once
// A private PostgreSQL cluster for tests: on a free loopback port, from a folder of its own, gone with the object.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace linkspan::testkit {

/// Throws std::runtime_error with the log's end when the server does not come up. Not thread-safe.
class Postgresql {
 public:
  /// `settings` like "fsync=on" come after the kit's own, which trade safety for speed.
  explicit Postgresql(std::vector<std::string> settings = {});
  ~Postgresql();
  Postgresql(const Postgresql&) = delete;
  Postgresql& operator=(const Postgresql&) = delete;

  /// Whether the server's programs are installed.
  [[nodiscard]] static bool available();

  /// The one cluster of a test program, started when first asked for.
  [[nodiscard]] static Postgresql& shared();

  /// `postgresql://postgres@127.0.0.1:port/database`: the administrator, who needs no password. Others do.
  [[nodiscard]] std::string url(const std::string& database = "postgres") const;
  [[nodiscard]] int port() const { return port_; }

  /// The URL of a new, empty database.
  [[nodiscard]] std::string fresh_database();

  /// One or more statements as the administrator.
  void execute(const std::string& script, const std::string& database = "postgres");

  void stop();  ///< fast; the data stay
  void start();
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  [[nodiscard]] bool try_start();

  std::vector<std::string> settings_;
  std::filesystem::path folder_;
  int port_ = 0;
  pid_t pid_ = -1;
  int databases_ = 0;
};

}  // namespace linkspan::testkit
