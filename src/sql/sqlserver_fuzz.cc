// Any bytes from the network are an answer of SQL Server Browser, or of a server's PRELOGIN, or are none; nothing is
// read beyond them.

#include <cstdint>
#include <string>

#include "sql/internal/sqlserver_browser.h"
#include "sql/internal/sqlserver_probe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of just this size, so that a read beyond its end is noticed.
  const std::string datagram(reinterpret_cast<const char*>(data), size);
  static_cast<void>(linkspan::sql::prelogin_encryption(datagram));
  const auto instances = linkspan::sql::parse_browser_answer(datagram);
  if (!instances) return 0;
  if (instances->size() > 256) __builtin_trap();
  for (const auto& one : *instances) {
    if (one.name.empty() || one.name.size() > size) __builtin_trap();
    if (one.port && (*one.port < 1 || *one.port > 65535)) __builtin_trap();
  }
  return 0;
}
