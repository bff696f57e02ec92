#pragma once
// The one exception that crosses rooms. Everything else is a return value.

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace linkspan {

/// What the caller may do next. Causes belong in `id` and the message.
enum class Fault : unsigned char {
  invalid,      ///< Same input fails again: report it, do not retry.
  not_found,    ///< The object is absent; often an ordinary outcome.
  conflict,     ///< The target moved on: re-read, then decide again.
  denied,       ///< Credentials or policy refuse it: stop this connector.
  throttled,    ///< Honour `retry_after`, then retry.
  unavailable,  ///< Transient: retry with back-off.
  corrupt,      ///< Stored data breaks an invariant: stop the run.
  cancelled,    ///< A stop was requested; not counted as an error.
};

/// The fault's stable name, as logs and `--json` print it ("not_found").
[[nodiscard]] std::string_view name_of(Fault fault) noexcept;

/// `id` is a stable catalogue key ("store.version_conflict") that logs, metrics, the API and the manual share; each has
/// a paragraph in docs/messages.md. The message names the object, file or host; the hint says what to do next.
/// Neither ever holds a secret.
class Error : public std::exception {
 public:
  Error(Fault fault, std::string_view id, std::string message, std::string hint = {});

  /// Adds the caller's view ("exporting uid=ada to scim-prod"): `throw std::move(e).while_doing(...)`.
  [[nodiscard]] Error&& while_doing(std::string_view context) &&;

  /// How long the other side asked to be left alone.
  [[nodiscard]] Error&& retry_after(std::chrono::milliseconds delay) &&;

  [[nodiscard]] Fault fault() const noexcept { return fault_; }
  [[nodiscard]] std::string_view id() const noexcept { return id_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  [[nodiscard]] std::optional<std::chrono::milliseconds> retry_after() const noexcept { return retry_after_; }
  /// Message, then the trail.
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  Fault fault_;
  std::string id_;
  std::string message_;
  std::string hint_;
  std::string what_;
  std::optional<std::chrono::milliseconds> retry_after_;
};

}  // namespace linkspan
