#include "sql/internal/utf16.h"

#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <cstdint>

#include "sql/internal/check_text.h"

namespace linkspan::sql {

void append_utf16(std::u16string& out, std::string_view text) {
  check_text(text);
  const std::size_t start = out.size();
  out.resize(start + text.size());  // never more units than bytes
  char16_t* const to = out.data() + start;
  std::size_t units = 0;
  for (std::size_t i = 0; i < text.size();) {
    UChar32 c = 0;
    U8_NEXT_UNSAFE(text.data(), i, c);
    U16_APPEND_UNSAFE(to, units, c);
  }
  out.resize(start + units);
}

std::u16string to_utf16(std::string_view text) {
  std::u16string out;
  append_utf16(out, text);
  return out;
}

bool append_utf8(std::string& out, std::u16string_view text) {
  const std::size_t start = out.size();
  out.resize(start + 3 * text.size());  // a unit needs three bytes at most, a pair four
  auto* const to = reinterpret_cast<std::uint8_t*>(out.data()) + start;
  std::size_t bytes = 0;
  bool whole = true;
  for (std::size_t i = 0; i < text.size();) {
    UChar32 c = 0;
    U16_NEXT(text.data(), i, text.size(), c);
    if (U_IS_SURROGATE(c)) {
      c = 0xFFFD;
      whole = false;
    }
    U8_APPEND_UNSAFE(to, bytes, c);
  }
  out.resize(start + bytes);
  return whole;
}

}  // namespace linkspan::sql
