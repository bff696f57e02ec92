#pragma once
// The lab's SCIM 2.0 service (lab/scim.sh: scimmy on express) for tests: in a folder of its own, gone with the object.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace linkspan::testkit {

/// Throws std::runtime_error with the script's output when the service does not come up. Not thread-safe.
class ScimService {
 public:
  ScimService();
  ~ScimService();
  ScimService(const ScimService&) = delete;
  ScimService& operator=(const ScimService&) = delete;

  /// Whether node is there, and the packages are (or can be fetched, once for this checkout).
  [[nodiscard]] static bool available();

  [[nodiscard]] const std::string& url() const { return url_; }  ///< ends in /scim/v2
  [[nodiscard]] const std::string& token() const { return token_; }

  struct Counts {
    std::size_t users = 0;
    std::size_t groups = 0;
  };
  [[nodiscard]] Counts count() const;
  /// Every resource it holds, JSON, one each.
  [[nodiscard]] std::vector<std::string> all() const;
  /// How often it was asked for this ("POST /Users").
  [[nodiscard]] std::size_t requests(std::string_view kind) const;
  /// Misbehaviour as lab/scim/README.md has it: `{"match":"POST /Users","status":429,"retryAfter":0,"times":3}`.
  void fault(const std::string& json);
  void reset();

 private:
  void run_script(const std::string& verb) const;
  [[nodiscard]] std::string control(const std::string& path, const std::string* body = nullptr) const;

  std::filesystem::path folder_;
  std::string url_;
  std::string control_url_;
  std::string token_;
};

}  // namespace linkspan::testkit
