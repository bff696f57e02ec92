#pragma once
// A server that a script of lab/ starts, for as long as an object lives.

#include <filesystem>
#include <map>
#include <string>

namespace linkspan::testkit {

/// `script up FOLDER`, and `script remove FOLDER` when the object goes, or this process, however it ends.
/// Not thread-safe.
class Lab {
 public:
  /// `script`: path below the source folder ("lab/samba.sh"); `environment` goes before it ("LAB_FAST=1").
  /// Throws std::runtime_error with what the lab said when it does not come up.
  explicit Lab(const std::string& script, const std::string& environment = {});
  ~Lab();
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  /// What the script says of the server; empty = nothing of that name.
  [[nodiscard]] const std::string& says(const std::string& name) { return values_[name]; }
  /// The content of the file that it names.
  [[nodiscard]] std::string file(const std::string& name);

  /// Again, on the same ports, after the server went.
  void up();

 private:
  std::string up_;  ///< command
  std::filesystem::path folder_;
  int watcher_ = -1;   ///< pid of what removes the lab
  int lifeline_ = -1;  ///< closed with us
  std::map<std::string, std::string> values_;
};

}  // namespace linkspan::testkit
