// Any bytes of a control either decode or are refused; nothing is read beyond them.

#include <cstdint>
#include <string>

#include "connector_ldap/internal/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linkspan::connector_ldap;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const berval value{bytes.size(), bytes.data()};
  static_cast<void>(decode_sync_state(value));
  static_cast<void>(decode_sync_done(value));
  static_cast<void>(decode_sync_info(value));
  static_cast<void>(decode_dirsync_done(value));
  return 0;
}
