// Whatever a key file or a printed copy holds: an Error or a value, never more. The first byte chooses.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "vault/backup_identity.h"
#include "vault/internal/escrow_frame.h"
#include "vault/key_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linkspan;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (*data % 5) {
      case 0: {
        const auto keys = vault::KeySet::parse(vault::Secret::from(std::string(input)));
        if (keys.key_count() == 0 || keys.text().size() != input.size()) __builtin_trap();
        break;
      }
      case 1:
        (void)vault::read_frame(input, vault::k_key_set_escrow);
        break;
      case 2:
        (void)vault::read_recipient(input);
        break;
      case 3:
        (void)vault::parse_backup_identity(vault::Secret::from(std::string(input)), [] { return vault::Secret(); });
        break;
      default: {
        static const vault::KeySet keys = vault::KeySet::create();
        (void)keys.open(input, "fuzz");
        __builtin_trap();  // nobody forges a tag
      }
    }
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
