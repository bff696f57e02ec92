#pragma once
// The table of functions. A new function is a row in one of the tables below and nothing else.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/internal/datum.h"

namespace linkspan::rules {

class Evaluation;

/// Static types as a set: what an expression may turn out to be.
using TypeSet = std::uint16_t;
inline constexpr TypeSet k_null = 1, k_text = 2, k_number = 4, k_boolean = 8, k_time = 16, k_binary = 32,
                         k_reference = 64, k_list = 128, k_control = 256;
inline constexpr TypeSet k_scalar = k_text | k_number | k_boolean | k_time | k_binary | k_reference;
inline constexpr TypeSet k_any = k_null | k_scalar | k_list;

/// "text or number"
[[nodiscard]] std::string describe(TypeSet types);

/// What a function does with a parameter. The first seven map: given several values, the function is called for each.
enum class Parameter : std::uint8_t {
  none,
  text,    ///< converted to text
  number,  ///< a number, or text that is one
  boolean,
  time,  ///< a time, or text that is one
  binary,
  encoded,      ///< bytes, or text that is Base64 of them; the function decodes
  scalar,       ///< any single value as it is
  option,       ///< one of the function's words, bare or as text
  pattern,      ///< a regular expression between quotes, compiled when the rule is loaded
  replacement,  ///< text; what stands between quotes is checked against the pattern when the rule is loaded
  single,       ///< one value as it is; several are refused, not mapped
  values,       ///< all values; references as their names
  raw,          ///< as it is; references are not looked at
};

struct Function {
  using Call = Datum (*)(Evaluation& evaluation, const Datum* arguments, std::size_t count);
  std::string_view name;
  std::string_view signature;             ///< "Left(text, count)"
  std::string_view description;           ///< one line: what it gives
  std::array<Parameter, 4> parameters{};  ///< the last one repeats when `most` is larger
  std::uint8_t least = 0;
  std::uint8_t most = 0;
  TypeSet result = k_any;
  bool null_gives_null = false;  ///< a null first argument is the result, the function is not called
  Call call = nullptr;
  std::string_view options{};  ///< words for Parameter::option, blank separated
  bool unstable = false;       ///< gives another value each time
  bool claims = false;         ///< asks the metaverse which values are free
};

[[nodiscard]] std::span<const Function> text_functions();
[[nodiscard]] std::span<const Function> conversion_functions();
[[nodiscard]] std::span<const Function> time_functions();
[[nodiscard]] std::span<const Function> value_functions();  ///< evaluation, mathematics, multi-valued, directory
[[nodiscard]] std::span<const Function> certificate_functions();
[[nodiscard]] std::span<const Function> own_functions();  ///< those that Entra Connect does not have

/// nullptr when there is none.
[[nodiscard]] const Function* find_function(std::string_view name);
/// Every name, the lazy ones included (IIF, Switch, …), sorted.
[[nodiscard]] const std::vector<std::string>& function_names();

}  // namespace linkspan::rules
