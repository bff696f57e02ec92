// Functions that Entra Connect does not have.

#include <fmt/format.h>
#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/normalizer2.h>
#include <unicode/translit.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/text.h"
#include "rules/internal/evaluation.h"
#include "rules/internal/functions.h"
#include "rules/internal/pattern.h"
#include "rules/unique.h"

namespace linkspan::rules {
namespace {

Datum kept(Evaluation& e, std::string_view text) { return Datum::of(e.arena().keep(text)); }
std::string_view text_or_empty(const Datum& datum) { return datum.is_null() ? std::string_view() : datum.text(); }

void succeeded(UErrorCode status) {
  if (U_FAILURE(status)) Evaluation::fail(fmt::format("ICU: {}", u_errorName(status)));
}

icu::StringPiece piece(std::string_view text) { return {text.data(), static_cast<std::int32_t>(text.size())}; }

// --- patterns ---

const Pattern& pattern_of(const Datum& datum) { return *static_cast<const Pattern*>(datum.data); }

Datum call_match(Evaluation&, const Datum* a, std::size_t) {
  return Datum::of(!a[0].is_null() && pattern_of(a[1]).found_in(a[0].text()));
}

Datum call_replace_pattern(Evaluation& e, const Datum* a, std::size_t) {
  const Pattern& pattern = pattern_of(a[1]);
  const std::string_view replacement = text_or_empty(a[2]);
  if (!pattern.found_in(a[0].text())) return Datum::of(a[0].text());
  if (const auto why = pattern.refuses(replacement)) Evaluation::fail(*why);
  return kept(e, pattern.replaced(a[0].text(), replacement));
}

// --- Unicode ---

const icu::Normalizer2& normalizer(std::string_view form) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* found = form == "NFC"    ? icu::Normalizer2::getNFCInstance(status)
                                  : form == "NFD"  ? icu::Normalizer2::getNFDInstance(status)
                                  : form == "NFKC" ? icu::Normalizer2::getNFKCInstance(status)
                                                   : icu::Normalizer2::getNFKDInstance(status);
  succeeded(status);
  return *found;
}

std::string ascii(std::string_view text) {
  // Costly to make, and not to be shared between threads.
  thread_local const std::unique_ptr<icu::Transliterator> to_ascii = [] {
    UErrorCode status = U_ZERO_ERROR;
    std::unique_ptr<icu::Transliterator> made(
        icu::Transliterator::createInstance("Any-Latin; Latin-ASCII; [:^ASCII:] Remove", UTRANS_FORWARD, status));
    succeeded(status);
    return made;
  }();
  icu::UnicodeString wide = icu::UnicodeString::fromUTF8(piece(text));
  to_ascii->transliterate(wide);
  std::string out;
  return wide.toUTF8String(out);
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Datum call_normalize(Evaluation& e, const Datum* a, std::size_t) {
  const std::string_view text = a[0].text();
  if (is_ascii(text)) return Datum::of(text);
  if (!is_utf8(text)) Evaluation::fail("the text is not UTF-8");
  if (a[1].text() == "ASCII") return kept(e, ascii(text));
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode status = U_ZERO_ERROR;
  normalizer(a[1].text()).normalizeUTF8(0, piece(text), sink, nullptr, status);
  succeeded(status);
  return kept(e, out);
}

/// "tr", "az-Latn"; empty is the root locale.
std::string locale_of(const Datum* a, std::size_t count) {
  const std::string_view name = count > 1 ? text_or_empty(a[1]) : std::string_view();
  const bool sound =
      name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
      });
  if (!sound) Evaluation::fail(fmt::format("\"{}\" is no locale, like tr or de-CH", printable(name, 40)));
  return std::string(name);
}

Datum call_lower(Evaluation& e, const Datum* a, std::size_t count) {
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode status = U_ZERO_ERROR;
  icu::CaseMap::utf8ToLower(locale_of(a, count).c_str(), 0, piece(a[0].text()), sink, nullptr, status);
  succeeded(status);
  return kept(e, out);
}

Datum call_upper(Evaluation& e, const Datum* a, std::size_t count) {
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode status = U_ZERO_ERROR;
  icu::CaseMap::utf8ToUpper(locale_of(a, count).c_str(), 0, piece(a[0].text()), sink, nullptr, status);
  succeeded(status);
  return kept(e, out);
}

// --- identity ---

Datum call_hash(Evaluation& e, const Datum* a, std::size_t) {
  Sha256 hash;
  hash.update(a[0].type == Type::binary ? a[0].text() : e.to_text(a[0]));
  return kept(e, to_hex(hash.finish()));
}

Datum call_unique_name(Evaluation& e, const Datum* a, std::size_t count) {
  std::vector<std::string> patterns;
  for (std::size_t i = 0; i < count; ++i) {
    if (const std::string_view text = e.to_text(a[i]); !text.empty()) patterns.emplace_back(text);
  }
  if (patterns.empty()) return {};
  const UniqueCandidates candidates(patterns);
  const std::optional<std::string> claimed = e.source().claim_unique(e.target(), candidates);
  if (!claimed) {
    Evaluation::fail(candidates.size() == 1 ? fmt::format("{} is taken", printable(candidates.at(0), 80))
                                            : fmt::format("all {} names are taken, from {} to {}", candidates.size(),
                                                          printable(candidates.at(0), 80),
                                                          printable(candidates.at(candidates.size() - 1), 80)));
  }
  return kept(e, *claimed);
}

using enum Parameter;

const std::array<Function, 7> k_functions{{
    {"Hash",
     "Hash(value)",
     "The SHA-256 of text (its UTF-8) or bytes, in hexadecimal.",
     {scalar},
     1,
     1,
     k_text,
     true,
     call_hash},
    {"Lower",
     "Lower(text, locale)",
     "In lower case as a language does it; without a locale like LCase.",
     {text, text},
     1,
     2,
     k_text,
     true,
     call_lower},
    {"Match",
     "Match(text, \"pattern\")",
     "Whether an RE2 pattern is found anywhere in the text; ^ and $ tie it to the ends, (?i) ignores case.",
     {text, pattern},
     2,
     2,
     k_boolean,
     false,
     call_match},
    {"Normalize",
     "Normalize(text, form)",
     "The text in Unicode form NFC, NFD, NFKC or NFKD, or transliterated to ASCII.",
     {text, option},
     2,
     2,
     k_text,
     true,
     call_normalize,
     "NFC NFD NFKC NFKD ASCII"},
    {"ReplacePattern",
     "ReplacePattern(text, \"pattern\", replacement)",
     "The text with every place where an RE2 pattern is found replaced; \\1 to \\9 are the groups, \\0 is all of it.",
     {text, pattern, replacement},
     3,
     3,
     k_text,
     true,
     call_replace_pattern},
    {"UniqueName",
     "UniqueName(name, name, ...)",
     "The first name that no other object has in the attribute the flow writes; {n} in a name is nothing, then 2, 3, "
     "... The object keeps the name it has while it is one of these.",
     {single},
     1,
     8,
     k_text | k_null,
     false,
     call_unique_name,
     {},
     false,
     true},
    {"Upper",
     "Upper(text, locale)",
     "In upper case as a language does it; without a locale like UCase.",
     {text, text},
     1,
     2,
     k_text,
     true,
     call_upper},
}};

}  // namespace

std::span<const Function> own_functions() { return k_functions; }

}  // namespace linkspan::rules
