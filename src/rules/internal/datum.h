#pragma once
// What an expression computes with: small tagged values that point into the image or into the evaluation's arena.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"
#include "model/value.h"

namespace linkspan::rules {

enum class Type : std::uint8_t {
  null,
  text,
  number,
  boolean,
  time,
  binary,
  reference,           ///< a DN or another name of an object, as text
  list,                ///< two values or more, none of them null or a list
  references,          ///< all that an attribute references, not looked at yet
  ignore,              ///< IgnoreThisFlow
  authoritative_null,  ///< AuthoritativeNull
  pattern,             ///< a compiled Pattern; only ever the argument of a function
};

[[nodiscard]] std::string_view name_of(Type type) noexcept;

struct Datum {
  Type type = Type::null;
  bool imported = false;    ///< references: what is confirmed by import only
  std::int64_t number = 0;  ///< number, boolean, time (microseconds), references (NameId)
  const void* data = nullptr;
  std::size_t size = 0;  ///< bytes of text and binary, values of a list

  [[nodiscard]] std::string_view text() const { return {static_cast<const char*>(data), size}; }
  [[nodiscard]] std::span<const Datum> list() const { return {static_cast<const Datum*>(data), size}; }
  [[nodiscard]] Time time() const { return Time{std::chrono::microseconds{number}}; }
  [[nodiscard]] bool is_null() const { return type == Type::null; }
  [[nodiscard]] bool is_textual() const { return type == Type::text || type == Type::reference; }

  [[nodiscard]] static Datum of(std::string_view text, Type as = Type::text) {
    return {as, false, 0, text.data(), text.size()};
  }
  [[nodiscard]] static Datum of(std::int64_t value) { return {Type::number, false, value, nullptr, 0}; }
  [[nodiscard]] static Datum of(bool value) { return {Type::boolean, false, value ? 1 : 0, nullptr, 0}; }
  [[nodiscard]] static Datum of(Time value) {
    return {Type::time, false, value.time_since_epoch().count(), nullptr, 0};
  }
  [[nodiscard]] static Datum of(const model::Value& value);
};

/// Memory of one evaluation, given back as a whole. The first bytes are inline, so that ordinary flows allocate
/// nothing.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Throws EvaluationFailure when an evaluation asks for more than 64 MiB in all.
  [[nodiscard]] void* allocate(std::size_t bytes);
  [[nodiscard]] std::string_view keep(std::string_view text);
  [[nodiscard]] Datum* data(std::size_t count) { return static_cast<Datum*>(allocate(count * sizeof(Datum))); }
  /// Bytes to be written by the caller.
  [[nodiscard]] char* text(std::size_t size) { return static_cast<char*>(allocate(size)); }

 private:
  alignas(std::max_align_t) std::byte inline_[1024];
  std::byte* at_ = inline_;
  std::size_t left_ = sizeof(inline_);
  std::size_t total_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
};

/// An expression that cannot be computed for this object. Caught by the room; becomes Contribution::Kind::failed.
struct EvaluationFailure {
  std::string message;
};

}  // namespace linkspan::rules
