#pragma once
// libsodium, made ready once; and its byte pointers.

#include <cstddef>
#include <string_view>

namespace linkspan::vault {

/// Makes libsodium ready; cheap after the first call, safe from any thread. Throws "vault.sodium" if it cannot be.
void ensure_sodium();

/// libsodium speaks unsigned char, the rest of the program char.
inline const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes_of(char* text) noexcept { return reinterpret_cast<unsigned char*>(text); }

}  // namespace linkspan::vault
