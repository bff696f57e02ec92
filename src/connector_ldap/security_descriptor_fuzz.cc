// Any bytes as a security descriptor: read or refused, never beyond them; what was read is written and read again
// alike.

#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "connector_ldap/internal/security_descriptor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linkspan::connector_ldap;
  const auto read = parse_security_descriptor({reinterpret_cast<const char*>(data), size});
  if (!read || !read->has_dacl) return 0;
  const auto again = parse_security_descriptor(encode_dacl(*read));
  if (!again || again->dacl.size() != read->dacl.size()) std::abort();
  for (std::size_t i = 0; i < read->dacl.size(); ++i) {
    if (!again->dacl[i].says_as(read->dacl[i])) std::abort();
  }
  return 0;
}
