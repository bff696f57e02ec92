#pragma once
// A JSON value to print, and to read back what was saved. Light: the parser's header stays in json.cc.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace linkspan::cli {

/// Objects keep the order in which they were filled.
class Json {
 public:
  using List = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;  ///< null
  Json(bool value) : value_(value) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Json(T value) : value_(static_cast<std::int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(const std::vector<std::string>& values);

  [[nodiscard]] static Json list() { return Json(List{}, 0); }
  [[nodiscard]] static Json object(Object members = {}) { return Json(std::move(members), 0); }

  /// Appends; the value is a list.
  Json& push(Json value);
  /// Adds or replaces; the value is an object.
  Json& set(std::string_view name, Json value);

  /// The member of that name, or nullptr.
  [[nodiscard]] const Json* find(std::string_view name) const;
  /// The text, or "" when it is none.
  [[nodiscard]] std::string_view text() const;
  [[nodiscard]] const List& items() const;  ///< of a list; else empty

  /// On one line, or indented. Bytes that are not UTF-8 become U+FFFD.
  [[nodiscard]] std::string dump(bool indented = false) const;
  /// Throws Fault::invalid "cli.json".
  [[nodiscard]] static Json parse(std::string_view text);

 private:
  friend struct JsonAccess;
  Json(List list, int) : value_(std::move(list)) {}
  Json(Object object, int) : value_(std::move(object)) {}
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, List, Object> value_;
};

}  // namespace linkspan::cli
