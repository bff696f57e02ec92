// Functions of evaluation, of mathematics, of several values, and of names in a directory.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "model/dn.h"
#include "rules/internal/evaluation.h"
#include "rules/internal/functions.h"
#include "rules/internal/guid.h"
#include "rules/internal/plain_dn.h"
#include "rules/internal/time_text.h"
#include "rules/internal/utf8.h"

namespace linkspan::rules {
namespace {

Datum kept(Evaluation& e, std::string_view text, Type type = Type::text) {
  return Datum::of(e.arena().keep(text), type);
}

// --- evaluation ---

Datum call_is_bit_set(Evaluation&, const Datum* a, std::size_t) {
  if (a[0].is_null() || a[1].is_null()) return Datum::of(false);
  return Datum::of(a[1].number != 0 && (a[0].number & a[1].number) == a[1].number);
}
Datum call_is_date(Evaluation&, const Datum* a, std::size_t) {
  return Datum::of(a[0].type == Type::time || (a[0].is_textual() && time_in(a[0].text()).has_value()));
}
Datum call_is_empty(Evaluation&, const Datum* a, std::size_t) { return Datum::of(is_empty(a[0])); }
Datum call_is_guid(Evaluation&, const Datum* a, std::size_t) {
  return Datum::of(a[0].is_textual() && guid_bytes(a[0].text()).has_value());
}
Datum call_is_null(Evaluation&, const Datum* a, std::size_t) { return Datum::of(a[0].is_null()); }
Datum call_is_null_or_empty(Evaluation& e, const Datum* a, std::size_t) { return Datum::of(!is_present(e, a[0])); }
Datum call_is_present(Evaluation& e, const Datum* a, std::size_t) { return Datum::of(is_present(e, a[0])); }
Datum call_is_numeric(Evaluation&, const Datum* a, std::size_t) {
  return Datum::of(a[0].type == Type::number || (a[0].is_textual() && number_in(a[0].text()).has_value()));
}
Datum call_is_string(Evaluation&, const Datum* a, std::size_t) {
  if (a[0].type == Type::list) return Datum::of(a[0].list().front().type == Type::text);
  return Datum::of(a[0].type == Type::text);
}

// --- mathematics ---

Datum call_bit_and(Evaluation&, const Datum* a, std::size_t) {
  return a[0].is_null() || a[1].is_null() ? Datum{} : Datum::of(a[0].number & a[1].number);
}
Datum call_bit_or(Evaluation&, const Datum* a, std::size_t) {
  return a[0].is_null() || a[1].is_null() ? Datum{} : Datum::of(a[0].number | a[1].number);
}
Datum call_random_num(Evaluation&, const Datum* a, std::size_t) {
  if (a[0].is_null() || a[1].is_null() || a[0].number > a[1].number) Evaluation::fail("the start is not above the end");
  std::random_device device;
  std::uniform_int_distribution<std::int64_t> between(a[0].number, a[1].number);
  return Datum::of(between(device));
}

// --- several values ---

Datum call_contains(Evaluation& e, const Datum* a, std::size_t count) {
  const bool folded = count > 2 && a[2].text() == "CaseInsensitive";
  if (a[1].is_null()) return Datum::of(std::int64_t{0});
  const std::string_view wanted = a[1].text();
  const std::string folded_wanted = folded ? fold_key(wanted) : std::string();
  std::optional<std::string> key;  // of the wanted name; only references need it
  std::int64_t index = 0;
  for (const Datum& value : values_of(a[0])) {
    ++index;
    e.step();
    if (value.type == Type::binary) continue;
    const std::string_view text = e.to_text(value);
    bool found = false;
    if (value.type == Type::reference) {
      if (!key) key = model::dn_key(wanted);
      found = model::dn_key(text) == *key;
    } else {
      found = folded ? fold_key(text).find(folded_wanted) != std::string::npos
                     : text.find(wanted) != std::string_view::npos;
    }
    if (found) return Datum::of(index);
  }
  return Datum::of(std::int64_t{0});
}

Datum call_count(Evaluation& e, const Datum* a, std::size_t) {
  return Datum::of(static_cast<std::int64_t>(e.count(a[0])));
}

Datum item(const Datum* a) {
  const std::span<const Datum> values = values_of(a[0]);
  if (a[1].is_null() || a[1].number < 1 || static_cast<std::uint64_t>(a[1].number) > values.size()) return {};
  return values[static_cast<std::size_t>(a[1].number - 1)];
}

Datum call_item(Evaluation&, const Datum* a, std::size_t) {
  const Datum result = item(a);
  if (result.is_null()) {
    Evaluation::fail(fmt::format("there is no value {} of {}", a[1].is_null() ? "NULL" : std::to_string(a[1].number),
                                 values_of(a[0]).size()));
  }
  return result;
}
Datum call_item_or_null(Evaluation&, const Datum* a, std::size_t) { return item(a); }

Datum call_join(Evaluation& e, const Datum* a, std::size_t count) {
  if (a[0].is_null()) return {};
  const std::string_view delimiter = count < 2 ? " " : a[1].is_null() ? "" : a[1].text();
  std::string out;
  for (const Datum& value : values_of(a[0])) {
    if (&value != values_of(a[0]).data()) out += delimiter;
    out += e.to_text(value);
    if (out.size() > 16UL * 1024 * 1024) Evaluation::fail("the result is longer than 16 MiB");
  }
  return kept(e, out);
}

Datum call_remove_duplicates(Evaluation& e, const Datum* a, std::size_t) {
  const std::span<const Datum> values = values_of(a[0]);
  if (values.size() < 2) return a[0];
  Datum* out = e.arena().data(values.size());
  std::size_t count = 0;
  // A handful, all text, is compared pair by pair and needs no memory.
  constexpr std::size_t k_handful = 8;
  if (values.size() <= k_handful &&
      std::all_of(values.begin(), values.end(), [](const Datum& value) { return value.is_textual(); })) {
    for (const Datum& value : values) {
      const bool seen_before =
          std::any_of(out, out + count, [&](const Datum& each) { return equal_folded(each.text(), value.text()); });
      if (!seen_before) out[count++] = value;
    }
    return Evaluation::list(out, count);
  }
  std::unordered_set<std::string> seen;
  for (const Datum& value : values) {
    std::string key = value.type == Type::binary ? std::string(value.text()) : fold_key(e.to_text(value));
    key += static_cast<char>(value.is_textual() ? Type::text : value.type);
    if (seen.insert(std::move(key)).second) out[count++] = value;
  }
  return Evaluation::list(out, count);
}

Datum call_split(Evaluation& e, const Datum* a, std::size_t count) {
  const std::string_view text = a[0].text();
  const std::string_view delimiter = a[1].is_null() ? std::string_view() : a[1].text();
  if (code_points(delimiter) != 1) Evaluation::fail("the delimiter is exactly one character");
  const std::int64_t limit = count > 2 && !a[2].is_null() ? a[2].number : -1;
  if (limit == 0 || limit < -1) Evaluation::fail("the limit is 1 or more");
  std::vector<Datum> parts;
  std::size_t at = 0;
  while (limit < 0 || parts.size() + 1 < static_cast<std::size_t>(limit)) {
    const std::size_t end = text.find(delimiter, at);
    if (end == std::string_view::npos) break;
    parts.push_back(Datum::of(text.substr(at, end - at)));
    at = end + delimiter.size();
  }
  parts.push_back(Datum::of(text.substr(at)));
  Datum* out = e.arena().data(parts.size());
  std::copy(parts.begin(), parts.end(), out);
  return Evaluation::list(out, parts.size());
}

// --- directory ---

model::Dn dn_of(const Datum& datum) {
  try {
    return model::parse_dn(datum.text());
  } catch (const Error& error) {
    Evaluation::fail(error.message());
  }
}

/// Control characters as rules of Entra Connect look for them: in the name of an object that lost a conflict of
/// replication the line feed is \\0A, and such rules ask for "\\0ACNF:" (one backslash is found in it as well).
std::string with_visible_controls(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F ? fmt::format("\\\\{:02X}", byte) : std::string(1, c);
  }
  return out;
}

Datum component(Evaluation& e, const std::vector<const model::Ava*>& avas, std::int64_t number) {
  if (number < 1 || static_cast<std::uint64_t>(number) > avas.size()) return {};
  return kept(e, with_visible_controls(avas[static_cast<std::size_t>(number - 1)]->second));
}

std::vector<const model::Ava*> leading(const model::Dn& dn) {
  std::vector<const model::Ava*> out;
  out.reserve(dn.rdns.size());
  for (const auto& rdn : dn.rdns) out.push_back(&rdn.front());
  return out;
}

Datum call_dn_component(Evaluation& e, const Datum* a, std::size_t) {
  if (is_plain_dn(a[0].text())) {
    const std::optional<std::string_view> value = plain_dn_value(a[0].text(), a[1].is_null() ? 0 : a[1].number);
    return value ? Datum::of(*value) : Datum{};
  }
  const model::Dn dn = dn_of(a[0]);
  return component(e, leading(dn), a[1].is_null() ? 0 : a[1].number);
}

Datum call_dn_component_rev(Evaluation& e, const Datum* a, std::size_t count) {
  const model::Dn dn = dn_of(a[0]);
  std::vector<const model::Ava*> avas = leading(dn);
  std::reverse(avas.begin(), avas.end());
  if (count > 2) {
    const auto first = std::find_if_not(avas.begin(), avas.end(),
                                        [](const model::Ava* ava) { return equal_ascii_case(ava->first, "dc"); });
    avas.erase(avas.begin(), first);
  }
  return component(e, avas, a[1].is_null() ? 0 : a[1].number);
}

Datum call_escape(Evaluation& e, const Datum* a, std::size_t) { return kept(e, model::escape_dn_value(a[0].text())); }

using enum Parameter;

const std::array<Function, 22> k_functions{{
    {"BitAnd",
     "BitAnd(number, number)",
     "The bits set in both numbers, of 64.",
     {number, number},
     2,
     2,
     k_number | k_null,
     false,
     call_bit_and},
    {"BitOr",
     "BitOr(number, number)",
     "The bits set in either number, of 64.",
     {number, number},
     2,
     2,
     k_number | k_null,
     false,
     call_bit_or},
    {"Contains",
     "Contains(values, text, mode)",
     "The place of the first value that contains the text (of references: that is it), from 1; 0 when there is none. "
     "mode is CaseSensitive or CaseInsensitive.",
     {values, text, option},
     2,
     3,
     k_number,
     false,
     call_contains,
     "CaseSensitive CaseInsensitive"},
    {"Count", "Count(values)", "The number of values.", {raw}, 1, 1, k_number, false, call_count},
    {"DNComponent",
     "DNComponent(reference, number)",
     "The value of the n-th part of a distinguished name, from the left.",
     {text, number},
     2,
     2,
     k_text | k_null,
     true,
     call_dn_component},
    {"DNComponentRev",
     "DNComponentRev(reference, number, \"DC\")",
     "The value of the n-th part of a distinguished name, from the right; with \"DC\" the dc parts do not count.",
     {text, number, option},
     2,
     3,
     k_text | k_null,
     true,
     call_dn_component_rev,
     "DC"},
    {"EscapeDNComponent",
     "EscapeDNComponent(text)",
     "Text fit for a distinguished name.",
     {text},
     1,
     1,
     k_text,
     true,
     call_escape},
    {"IsBitSet",
     "IsBitSet(number, flag)",
     "Whether all bits of the flag are set.",
     {number, number},
     2,
     2,
     k_boolean,
     false,
     call_is_bit_set},
    {"IsDate",
     "IsDate(text)",
     "Whether it is a time, or text that is one.",
     {scalar},
     1,
     1,
     k_boolean,
     false,
     call_is_date},
    {"IsEmpty",
     "IsEmpty(value)",
     "Whether there is a value and it is empty.",
     {raw},
     1,
     1,
     k_boolean,
     false,
     call_is_empty},
    {"IsGuid", "IsGuid(text)", "Whether the text is a GUID.", {scalar}, 1, 1, k_boolean, false, call_is_guid},
    {"IsNull", "IsNull(value)", "Whether there is no value.", {raw}, 1, 1, k_boolean, false, call_is_null},
    {"IsNullOrEmpty",
     "IsNullOrEmpty(value)",
     "Whether there is no value, or an empty one.",
     {raw},
     1,
     1,
     k_boolean,
     false,
     call_is_null_or_empty},
    {"IsNumeric",
     "IsNumeric(value)",
     "Whether it is a number, or text that is one.",
     {scalar},
     1,
     1,
     k_boolean,
     false,
     call_is_numeric},
    {"IsPresent",
     "IsPresent(value)",
     "Whether there is a value that is not empty.",
     {raw},
     1,
     1,
     k_boolean,
     false,
     call_is_present},
    {"IsString", "IsString(value)", "Whether it is text.", {raw}, 1, 1, k_boolean, false, call_is_string},
    {"Item",
     "Item(values, number)",
     "The n-th value; fails beyond the last.",
     {values, number},
     2,
     2,
     k_scalar,
     false,
     call_item},
    {"ItemOrNull",
     "ItemOrNull(values, number)",
     "The n-th value; NULL beyond the last.",
     {values, number},
     2,
     2,
     k_scalar | k_null,
     false,
     call_item_or_null},
    {"Join",
     "Join(values, delimiter)",
     "One text of several values, with a delimiter between them (a blank, unless told otherwise).",
     {values, text},
     1,
     2,
     k_text | k_null,
     false,
     call_join},
    {"RandomNum",
     "RandomNum(start, end)",
     "A random number between the two; another each time.",
     {number, number},
     2,
     2,
     k_number,
     false,
     call_random_num,
     {},
     true},
    {"RemoveDuplicates",
     "RemoveDuplicates(values)",
     "Each value once, case ignored.",
     {values},
     1,
     1,
     k_any,
     false,
     call_remove_duplicates},
    {"Split",
     "Split(text, delimiter, limit)",
     "The parts of a text between a delimiter of one character; with a limit the last part is the rest.",
     {text, text, number},
     2,
     3,
     k_text | k_list,
     true,
     call_split},
}};

}  // namespace

std::span<const Function> value_functions() { return k_functions; }

}  // namespace linkspan::rules
