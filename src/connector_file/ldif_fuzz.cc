// Any bytes either are LDIF or are refused with the line that is wrong; nothing is read beyond them, nothing else
// thrown.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "connector_file/internal/ldif.h"
#include "connector_file/internal/records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linkspan::connector_file;
  std::size_t at = 0;
  LdifReader reader(
      [&](std::span<char> bytes) {
        const std::size_t count = std::min(bytes.size(), size - at);
        if (count > 0) std::memcpy(bytes.data(), data + at, count);
        at += count;
        return count;
      },
      "fuzz", 64);
  const FileSettings settings =
      read_settings({{"path", {"fuzz"}}, {"object_types", {"person", "inetOrgPerson", "top"}}});
  RecordReader records(settings, "fuzz");
  try {
    while (auto record = reader.next()) static_cast<void>(records.convert(std::move(*record)));
    static_cast<void>(records.schema());
  } catch (const linkspan::Error&) {
  }
  return 0;
}
