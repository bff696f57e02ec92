// Any bytes either are CSV or are refused with the line that is wrong; what was read and is written again reads the
// same.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "connector_file/internal/csv_rows.h"
#include "connector_file/internal/encoding.h"

namespace {

using namespace linkspan::connector_file;

std::vector<std::vector<std::string>> read(std::string_view text, const std::string& encoding) {
  std::size_t at = 0;
  const ByteSource bytes = [&](std::span<char> into) {
    const std::size_t count = std::min(into.size(), text.size() - at);
    if (count > 0) std::memcpy(into.data(), text.data() + at, count);
    at += count;
    return count;
  };
  CsvReader reader(as_utf8(bytes, encoding, "fuzz"), "fuzz", {';', true}, 64);
  std::vector<std::vector<std::string>> rows;
  CsvRow row;
  while (reader.next(row)) rows.push_back(row.fields);
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const std::string k_encodings[] = {"", canonical_encoding("UTF-16LE"), canonical_encoding("windows-1252")};
  static const CsvSettings settings =
      read_csv_settings({{"path", {"fuzz"}}, {"anchor", {"id"}}, {"delimiter", {";"}}, {"base64", {"photo"}}});
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  try {
    const auto rows = read(text, k_encodings[data[0] % 3]);
    std::string written;
    for (const auto& row : rows) {
      std::string line;
      for (const std::string& field : row) {
        if (&field != &row.front()) line += ';';
        append_csv_field(line, field, ';');
      }
      written += (line.empty() ? "\"\"" : line) + "\r\n";
    }
    if (read(written, "") != rows) std::abort();
    if (rows.empty()) return 0;
    const CsvLayout layout(settings, {1, rows.front()}, "fuzz");
    CsvRows entries(settings, layout, "fuzz");
    for (std::size_t i = 1; i < rows.size(); ++i) static_cast<void>(entries.convert({i, rows[i]}));
    static_cast<void>(entries.schema());
  } catch (const linkspan::Error&) {
  }
  return 0;
}
