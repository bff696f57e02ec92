#pragma once
// What goes to an HTTP server and what comes back: plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace linkspan::net {

enum class Method : std::uint8_t { get, head, post, put, patch, remove };

/// As it stands in the request line ("DELETE" for remove).
[[nodiscard]] std::string_view name_of(Method method) noexcept;

/// Whether doing it twice is doing it once (RFC 9110): all but POST and PATCH.
[[nodiscard]] bool is_idempotent(Method method) noexcept;

/// Header fields in order; names compare without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces all fields of that name.
  void set(std::string name, std::string value);
  void clear() noexcept { fields_.clear(); }
  /// The first of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const noexcept { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  Method method = Method::get;
  std::string url{};  ///< http or https, no user or password in it.
  Headers headers{};  ///< The caller sets Authorization; it is never logged.
  std::string body{};
  /// Overrides is_idempotent(method): a POST that only asks (a search) may say true.
  std::optional<bool> repeatable{};
};

struct Response {
  int status = 0;
  Headers headers{};
  std::string body{};
  /// How often the request was made. Above 1, an earlier attempt may have had its effect: a 404 to a repeated DELETE
  /// or a 409 to a repeated PUT can be its own echo.
  int attempts = 1;
};

/// What a status asks of the caller: 401 and 403 denied, 404 and 410 not_found, 409 and 412 conflict, 429 throttled,
/// 408 and 5xx unavailable, else invalid.
[[nodiscard]] Fault fault_of(int status) noexcept;

}  // namespace linkspan::net
