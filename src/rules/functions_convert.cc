// Conversion functions.

#include <fmt/format.h>

#include <array>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "model/dn.h"
#include "rules/internal/evaluation.h"
#include "rules/internal/functions.h"
#include "rules/internal/guid.h"
#include "rules/internal/plain_dn.h"
#include "rules/internal/utf8.h"

namespace linkspan::rules {
namespace {

Datum kept(Evaluation& e, std::string_view text, Type type = Type::text) {
  return Datum::of(e.arena().keep(text), type);
}

/// Little-endian, as .NET lays numbers out.
Datum call_cbin(Evaluation& e, const Datum* a, std::size_t) {
  constexpr std::int64_t k_widest = 8;
  const std::int64_t width = a[1].is_null() ? 0 : a[1].number;
  if (width < 1 || width > k_widest) Evaluation::fail("the length is between 1 and 8 bytes");
  const auto bits = static_cast<std::uint64_t>(a[0].number);
  if (width < k_widest) {
    const std::int64_t limit = std::int64_t{1} << (8 * width);
    if (a[0].number >= limit || a[0].number < -limit / 2)
      Evaluation::fail(fmt::format("{} does not fit {} byte{}", a[0].number, width, width == 1 ? "" : "s"));
  }
  std::string bytes;
  for (std::int64_t i = 0; i < width; ++i) bytes += static_cast<char>(bits >> (8 * i) & 0xFFU);
  return kept(e, bytes, Type::binary);
}

Datum call_cbool(Evaluation&, const Datum* a, std::size_t) {
  if (a[0].is_null()) return Datum::of(false);
  if (a[0].type == Type::boolean) return a[0];
  if (a[0].type == Type::number) return Datum::of(a[0].number != 0);
  if (a[0].is_textual()) {
    if (const auto boolean = boolean_in(a[0].text())) return Datum::of(*boolean);
    if (const auto number = number_in(a[0].text())) return Datum::of(*number != 0);
  }
  Evaluation::fail(fmt::format("{} is neither True nor False", name_of(a[0].type)));
}

Datum call_cdate(Evaluation& e, const Datum* a, std::size_t) { return Datum::of(e.to_time(a[0])); }

Datum call_cguid(Evaluation& e, const Datum* a, std::size_t) {
  if (a[0].type == Type::binary && a[0].size == 16) return a[0];
  if (a[0].is_textual()) {
    if (const auto bytes = guid_bytes(a[0].text())) return kept(e, *bytes, Type::binary);
  }
  Evaluation::fail("this is no GUID");
}

Datum call_cnum(Evaluation& e, const Datum* a, std::size_t) {
  if (a[0].type == Type::boolean) return Datum::of(a[0].number);
  return Datum::of(e.to_number(a[0]));
}

Datum call_cref(Evaluation& e, const Datum* a, std::size_t) {
  if (is_plain_dn(a[0].text())) return Datum::of(a[0].text(), Type::reference);
  try {
    return kept(e, model::to_text(model::parse_dn(a[0].text())), Type::reference);
  } catch (const Error& error) {
    Evaluation::fail(error.message());
  }
}

Datum call_cstr(Evaluation& e, const Datum* a, std::size_t) {
  if (a[0].type == Type::binary) return kept(e, to_base64(a[0].text()));
  return Datum::of(e.to_text(a[0]));
}

Datum utf8_or_fail(Evaluation& e, const std::string& text) {
  if (!is_utf8(text)) Evaluation::fail("the bytes are no UTF-8 text");
  return kept(e, text);
}

Datum call_from_base64(Evaluation& e, const Datum* a, std::size_t count) {
  const std::optional<std::string> bytes = from_base64(a[0].text());
  if (!bytes) Evaluation::fail("this is no Base64");
  const std::string_view encoding = count > 1 ? a[1].text() : "Unicode";
  if (encoding == "UTF8") return utf8_or_fail(e, *bytes);
  if (encoding == "ASCII") {
    for (const char c : *bytes) {
      if (static_cast<unsigned char>(c) >= 0x80) Evaluation::fail("the bytes are no ASCII text");
    }
    return kept(e, *bytes);
  }
  const std::optional<std::string> text = from_utf16(*bytes);
  if (!text) Evaluation::fail("the bytes are no UTF-16 text; name their encoding: ASCII or UTF8");
  return kept(e, *text);
}

Datum call_to_base64(Evaluation& e, const Datum* a, std::size_t) {
  if (a[0].type == Type::binary) return kept(e, to_base64(a[0].text()));
  const std::optional<std::string> wide = to_utf16(e.to_text(a[0]));
  if (!wide) Evaluation::fail("the text is not UTF-8");
  return kept(e, to_base64(*wide));
}

Datum call_from_utf8_hex(Evaluation& e, const Datum* a, std::size_t) {
  const std::optional<std::string> bytes = from_hex(a[0].text());
  if (!bytes) Evaluation::fail("this is no hexadecimal text");
  return utf8_or_fail(e, *bytes);
}

Datum call_to_utf8_hex(Evaluation& e, const Datum* a, std::size_t) { return kept(e, to_upper(to_hex(a[0].text()))); }

Datum call_string_from_guid(Evaluation& e, const Datum* a, std::size_t) {
  const std::optional<std::string> text = guid_text(a[0].text());
  if (!text) Evaluation::fail("a GUID has 16 bytes");
  return kept(e, *text);
}

Datum call_string_from_sid(Evaluation& e, const Datum* a, std::size_t) {
  const std::optional<std::string> text = sid_text(a[0].text());
  if (!text) Evaluation::fail("these bytes are no SID");
  return kept(e, *text);
}

using enum Parameter;

const std::array<Function, 13> k_functions{{
    {"CBin",
     "CBin(number, length)",
     "The bytes of a number, the lowest first.",
     {number, number},
     2,
     2,
     k_binary,
     true,
     call_cbin},
    {"CBool",
     "CBool(value)",
     "False for NULL, 0 and \"False\"; True for other numbers and \"True\".",
     {scalar},
     1,
     1,
     k_boolean,
     false,
     call_cbool},
    {"CDate",
     "CDate(text)",
     "A time, in UTC, read from text such as 2013-01-10 4:00 PM -8.",
     {scalar},
     1,
     1,
     k_time,
     true,
     call_cdate},
    {"CGuid",
     "CGuid(text)",
     "The 16 bytes of a GUID, as Microsoft orders them.",
     {scalar},
     1,
     1,
     k_binary,
     true,
     call_cguid},
    {"CNum", "CNum(text)", "A whole number.", {scalar}, 1, 1, k_number, true, call_cnum},
    {"CRef", "CRef(text)", "A distinguished name, checked.", {text}, 1, 1, k_reference, true, call_cref},
    {"CStr",
     "CStr(value)",
     "Text of a number, a reference, True or False, a time; Base64 of bytes.",
     {scalar},
     1,
     1,
     k_text,
     true,
     call_cstr},
    {"ConvertFromBase64",
     "ConvertFromBase64(text, encoding)",
     "The text that Base64 stands for; encoding is Unicode (UTF-16, the default), ASCII or UTF8.",
     {text, option},
     1,
     2,
     k_text,
     true,
     call_from_base64,
     "Unicode ASCII UTF8"},
    {"ConvertFromUTF8Hex",
     "ConvertFromUTF8Hex(text)",
     "The text whose UTF-8 the hexadecimal digits are.",
     {text},
     1,
     1,
     k_text,
     true,
     call_from_utf8_hex},
    {"ConvertToBase64",
     "ConvertToBase64(value)",
     "Base64 of bytes as they are, of text as UTF-16.",
     {scalar},
     1,
     1,
     k_text,
     true,
     call_to_base64},
    {"ConvertToUTF8Hex",
     "ConvertToUTF8Hex(text)",
     "The UTF-8 of a text in hexadecimal.",
     {text},
     1,
     1,
     k_text,
     true,
     call_to_utf8_hex},
    {"StringFromGuid", "StringFromGuid(bytes)", "A GUID as text.", {binary}, 1, 1, k_text, true, call_string_from_guid},
    {"StringFromSid",
     "StringFromSid(bytes)",
     "A security identifier as text: S-1-5-...",
     {binary},
     1,
     1,
     k_text,
     true,
     call_string_from_sid},
}};

}  // namespace

std::span<const Function> conversion_functions() { return k_functions; }

}  // namespace linkspan::rules
