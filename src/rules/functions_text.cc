// Text functions. Characters are code points.

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <span>

#include "base/text.h"
#include "rules/internal/evaluation.h"
#include "rules/internal/functions.h"
#include "rules/internal/utf8.h"

namespace linkspan::rules {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Datum kept(Evaluation& e, const std::string& text) { return Datum::of(e.arena().keep(text)); }

std::int64_t length(std::string_view text) { return static_cast<std::int64_t>(code_points(text)); }

/// ASCII is mapped within the arena; only other text goes through ICU.
Datum with_case(Evaluation& e, std::string_view text, char first, char last, int shift,
                std::string (*full)(std::string_view)) {
  if (!is_ascii(text)) return kept(e, full(text));
  if (std::none_of(text.begin(), text.end(), [&](char c) { return c >= first && c <= last; })) return Datum::of(text);
  char* out = e.arena().text(text.size());
  std::transform(text.begin(), text.end(), out,
                 [&](char c) { return c >= first && c <= last ? static_cast<char>(c + shift) : c; });
  return Datum::of(std::string_view(out, text.size()));
}

Datum lower(Evaluation& e, std::string_view text) { return with_case(e, text, 'A', 'Z', 32, to_lower); }
Datum upper(Evaluation& e, std::string_view text) { return with_case(e, text, 'a', 'z', -32, to_upper); }

std::string_view left_trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view right_trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Datum call_lcase(Evaluation& e, const Datum* a, std::size_t) { return lower(e, a[0].text()); }
Datum call_ucase(Evaluation& e, const Datum* a, std::size_t) { return upper(e, a[0].text()); }
Datum call_trim(Evaluation&, const Datum* a, std::size_t) { return Datum::of(trim(a[0].text())); }
Datum call_ltrim(Evaluation&, const Datum* a, std::size_t) { return Datum::of(left_trimmed(a[0].text())); }
Datum call_rtrim(Evaluation&, const Datum* a, std::size_t) { return Datum::of(right_trimmed(a[0].text())); }
Datum call_len(Evaluation&, const Datum* a, std::size_t) {
  return Datum::of(length(a[0].is_null() ? std::string_view() : a[0].text()));
}

std::string_view text_or_empty(const Datum& datum) { return datum.is_null() ? std::string_view() : datum.text(); }
std::int64_t number_or(const Datum& datum, std::int64_t otherwise) {
  return datum.is_null() ? otherwise : datum.number;
}

Datum call_left(Evaluation&, const Datum* a, std::size_t) {
  const std::string_view text = text_or_empty(a[0]);
  const std::int64_t count = number_or(a[1], 0);
  if (count < 0) return Datum::of(text);
  return Datum::of(text.substr(0, prefix_bytes(text, static_cast<std::size_t>(count))));
}

Datum call_right(Evaluation&, const Datum* a, std::size_t) {
  const std::string_view text = text_or_empty(a[0]);
  const std::int64_t count = number_or(a[1], 0);
  const std::int64_t all = length(text);
  if (count < 0 || count >= all) return Datum::of(text);
  return Datum::of(text.substr(prefix_bytes(text, static_cast<std::size_t>(all - count))));
}

Datum call_mid(Evaluation&, const Datum* a, std::size_t) {
  const std::string_view text = text_or_empty(a[0]);
  const std::int64_t start = number_or(a[1], 0);
  const std::int64_t count = number_or(a[2], 0);
  if (count < 0 || start <= 0 || start > length(text)) return Datum::of(text);
  const std::string_view rest = text.substr(prefix_bytes(text, static_cast<std::size_t>(start - 1)));
  return Datum::of(rest.substr(0, prefix_bytes(rest, static_cast<std::size_t>(count))));
}

/// The padding that is missing to `wanted` characters.
std::string padding(const Datum* a) {
  const std::string_view pad = text_or_empty(a[2]);
  if (code_points(pad) != 1) Evaluation::fail("the padding is exactly one character");
  const std::int64_t wanted = number_or(a[1], 0);
  if (wanted > 65536) Evaluation::fail("text is padded to at most 65536 characters");
  std::string out;
  for (std::int64_t i = length(text_or_empty(a[0])); i < wanted; ++i) out += pad;
  return out;
}

Datum call_pad_left(Evaluation& e, const Datum* a, std::size_t) {
  if (a[0].is_null()) return Datum::of(std::string_view());
  return kept(e, padding(a).append(a[0].text()));
}

Datum call_pad_right(Evaluation& e, const Datum* a, std::size_t) {
  if (a[0].is_null()) return Datum::of(std::string_view());
  return kept(e, std::string(a[0].text()).append(padding(a)));
}

Datum call_pcase(Evaluation& e, const Datum* a, std::size_t) {
  const std::string_view text = a[0].text();
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ') {
      out += text[i++];
      continue;
    }
    const std::string_view word = text.substr(i, text.find(' ', i) - i);
    const std::size_t first = prefix_bytes(word, 1);
    out += to_upper(word.substr(0, first));
    out += to_lower(word.substr(first));
    i += word.size();
  }
  return kept(e, out);
}

/// \n, \r and \t in the texts of Replace.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '\\' || (next != 'n' && next != 'r' && next != 't')) {
      out += text[i];
      continue;
    }
    out += next == 'n' ? '\n' : next == 'r' ? '\r' : '\t';
    ++i;
  }
  return out;
}

Datum call_replace(Evaluation& e, const Datum* a, std::size_t) {
  const std::string_view text = a[0].text();
  const std::string from = unescaped(text_or_empty(a[1]));
  const std::string to = unescaped(text_or_empty(a[2]));
  if (from.empty() || text.find(from) == std::string_view::npos) return Datum::of(text);
  std::string out;
  std::size_t at = 0;
  for (std::size_t found = text.find(from); found != std::string_view::npos; found = text.find(from, at)) {
    out.append(text, at, found - at).append(to);
    at = found + from.size();
    if (out.size() > 16UL * 1024 * 1024) Evaluation::fail("the result is longer than 16 MiB");
  }
  return kept(e, out.append(text, at));
}

/// "a:b,ä:ae" as pairs of one character and what takes its place.
std::vector<std::pair<std::string, std::string>> replacements(std::string_view pattern) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string_view part : split(pattern, ',')) {
    std::string clean;
    std::copy_if(part.begin(), part.end(), std::back_inserter(clean), [](char c) { return !is_blank(c); });
    const std::size_t colon = clean.find(':');
    if (colon == std::string::npos || code_points(std::string_view(clean).substr(0, colon)) != 1) {
      Evaluation::fail("the pattern is a list of one character, a colon and its replacement, like \"ä:ae,ö:oe\"");
    }
    out.emplace_back(clean.substr(0, colon), clean.substr(colon + 1));
  }
  return out;
}

Datum call_replace_chars(Evaluation& e, const Datum* a, std::size_t) {
  const std::string_view text = a[0].text();
  if (text_or_empty(a[1]).empty()) return a[0];
  const auto table = replacements(a[1].text());
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view c = text.substr(i, prefix_bytes(text.substr(i), 1));
    const auto found = std::find_if(table.begin(), table.end(), [&](const auto& pair) { return pair.first == c; });
    out += found == table.end() ? c : std::string_view(found->second);
    if (out.size() > 16UL * 1024 * 1024) Evaluation::fail("the result is longer than 16 MiB");
    i += c.size();
  }
  return kept(e, out);
}

Datum call_word(Evaluation&, const Datum* a, std::size_t) {
  std::string_view text = text_or_empty(a[0]);
  const std::int64_t wanted = number_or(a[1], 0);
  const std::string_view delimiters = text_or_empty(a[2]);
  const auto delimiter_at = [&](std::string_view rest) {
    const std::size_t width = prefix_bytes(rest, 1);
    return delimiters.find(rest.substr(0, width)) != std::string_view::npos ? width : 0;
  };
  std::int64_t number = 0;
  while (wanted >= 1 && !text.empty()) {
    if (const std::size_t width = delimiter_at(text); width != 0) {
      text.remove_prefix(width);
      continue;
    }
    std::size_t end = 0;
    while (end < text.size() && delimiter_at(text.substr(end)) == 0) end += prefix_bytes(text.substr(end), 1);
    if (++number == wanted) return Datum::of(text.substr(0, end));
    text.remove_prefix(end);
  }
  return Datum::of(std::string_view());
}

/// Both texts in the form in which InStr compares them.
struct Search {
  std::string_view text;
  std::string_view wanted;
};

Search search(Evaluation& e, const Datum* a, std::size_t count) {
  const std::string_view text = text_or_empty(a[0]);
  const std::string_view wanted = text_or_empty(a[1]);
  if (count < 4 || a[3].text() != "vbTextCompare") return {text, wanted};
  return {lower(e, text).text(), lower(e, wanted).text()};
}

Datum position(std::string_view text, std::size_t found) {
  if (found == std::string_view::npos) return Datum::of(std::int64_t{0});
  return Datum::of(length(text.substr(0, found)) + 1);
}

Datum call_in_str(Evaluation& e, const Datum* a, std::size_t count) {
  const std::int64_t start = count > 2 ? number_or(a[2], 1) : 1;
  if (start < 1) Evaluation::fail("the start is 1 or more");
  const Search texts = search(e, a, count);
  if (start > length(texts.text)) return Datum::of(std::int64_t{0});
  const std::size_t from = prefix_bytes(texts.text, static_cast<std::size_t>(start - 1));
  return position(texts.text, texts.text.find(texts.wanted, from));
}

Datum call_in_str_rev(Evaluation& e, const Datum* a, std::size_t count) {
  const Search texts = search(e, a, count);
  const std::int64_t all = length(texts.text);
  std::int64_t start = count > 2 ? number_or(a[2], -1) : -1;
  if (start == -1) start = all;
  if (start < 1 && all > 0) Evaluation::fail("the start is 1 or more, or -1 for the end");
  if (start > all || all == 0) return Datum::of(std::int64_t{0});
  const std::string_view within = texts.text.substr(0, prefix_bytes(texts.text, static_cast<std::size_t>(start)));
  return position(texts.text, within.rfind(texts.wanted));
}

Datum call_guid(Evaluation& e, const Datum*, std::size_t) {
  std::random_device device;
  std::string bytes;
  for (int i = 0; i < 4; ++i) {
    const unsigned int word = device();
    for (unsigned int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(word >> shift & 0xFFU);
  }
  bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0FU) | 0x40U);
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3FU) | 0x80U);
  return kept(e, uuid_text(bytes).value());
}

using enum Parameter;
constexpr TypeSet k_words = k_text;
constexpr std::string_view k_compare = "vbBinaryCompare vbTextCompare";

const std::array<Function, 18> k_functions{{
    {"Guid", "Guid()", "A random GUID; another each time.", {}, 0, 0, k_words, false, call_guid, {}, true},
    {"InStr",
     "InStr(text, wanted, start, compare)",
     "The position of the first place of a text in another, from 1; 0 when there is none. compare is vbBinaryCompare "
     "or vbTextCompare.",
     {text, text, number, option},
     2,
     4,
     k_number,
     false,
     call_in_str,
     k_compare},
    {"InStrRev",
     "InStrRev(text, wanted, start, compare)",
     "The position of the last place of a text in another, from 1; 0 when there is none.",
     {text, text, number, option},
     2,
     4,
     k_number,
     false,
     call_in_str_rev,
     k_compare},
    {"LCase", "LCase(text)", "In lower case.", {text}, 1, 1, k_words, true, call_lcase},
    {"LTrim", "LTrim(text)", "Without blanks at the left.", {text}, 1, 1, k_words, true, call_ltrim},
    {"Left",
     "Left(text, count)",
     "The first characters; all of them for a negative count.",
     {text, number},
     2,
     2,
     k_words,
     false,
     call_left},
    {"Len", "Len(text)", "The number of characters; 0 for NULL.", {text}, 1, 1, k_number, false, call_len},
    {"Mid",
     "Mid(text, start, count)",
     "The characters from a position on; all of them where start or count make no sense.",
     {text, number, number},
     3,
     3,
     k_words,
     false,
     call_mid},
    {"PCase", "PCase(text)", "Each word with a capital.", {text}, 1, 1, k_words, true, call_pcase},
    {"PadLeft",
     "PadLeft(text, length, character)",
     "Filled up at the left to a length, never cut.",
     {text, number, text},
     3,
     3,
     k_words,
     false,
     call_pad_left},
    {"PadRight",
     "PadRight(text, length, character)",
     "Filled up at the right to a length, never cut.",
     {text, number, text},
     3,
     3,
     k_words,
     false,
     call_pad_right},
    {"RTrim", "RTrim(text)", "Without blanks at the right.", {text}, 1, 1, k_words, true, call_rtrim},
    {"Replace",
     "Replace(text, old, new)",
     "Every place of a text replaced; \\n, \\r and \\t stand for line feed, carriage return and tab.",
     {text, text, text},
     3,
     3,
     k_words,
     true,
     call_replace},
    {"ReplaceChars",
     "ReplaceChars(text, \"ä:ae,ö:oe\")",
     "Single characters replaced by any text; blanks in the pattern do not count.",
     {text, text},
     2,
     2,
     k_words,
     true,
     call_replace_chars},
    {"Right",
     "Right(text, count)",
     "The last characters; all of them for a negative count.",
     {text, number},
     2,
     2,
     k_words,
     false,
     call_right},
    {"Trim", "Trim(text)", "Without blanks at both ends.", {text}, 1, 1, k_words, true, call_trim},
    {"UCase", "UCase(text)", "In upper case.", {text}, 1, 1, k_words, true, call_ucase},
    {"Word",
     "Word(text, number, delimiters)",
     "The n-th word between any of the delimiters; empty when there is none.",
     {text, number, text},
     3,
     3,
     k_words,
     false,
     call_word},
}};

}  // namespace

std::span<const Function> text_functions() { return k_functions; }

}  // namespace linkspan::rules
