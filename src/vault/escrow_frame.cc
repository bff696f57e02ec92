#include "vault/internal/escrow_frame.h"

#include <sodium.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "vault/internal/sodium.h"

namespace linkspan::vault {
namespace {

constexpr std::size_t k_line_bytes = 16;
constexpr std::size_t k_check_bytes = 2;
constexpr std::size_t k_longest_text = std::size_t{64} * 1024;
constexpr std::size_t k_most_lines = 512;

constexpr std::size_t k_salt_size = crypto_pwhash_SALTBYTES;
constexpr std::size_t k_header_size = 1 + 4 + 4 + k_salt_size;
constexpr std::size_t k_nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::uint32_t k_most_passes = 16;
constexpr std::uint32_t k_most_memory_kib = 1024 * 1024;
constexpr std::uint32_t k_least_memory_kib = 8;

std::string mark(std::string_view word, const EscrowKind& kind) {
  return fmt::format("-----{} {}-----", word, kind.label);
}

Error damaged(std::string_view why, const EscrowKind& kind) {
  return {Fault::corrupt, kind.id, fmt::format("this is not an intact {}: {}", kind.noun, why),
          "compare it with the original, all lines from BEGIN to END"};
}

/// Two bytes that bind a line's bytes to its number: a wrong digit goes through once in 65536.
std::string line_check(std::size_t number, std::string_view bytes) {
  ensure_sodium();
  const std::string covered = fmt::format("{}:{}", number, bytes);
  std::string sum(crypto_generichash_BYTES_MIN, '\0');
  crypto_generichash(bytes_of(sum.data()), sum.size(), bytes_of(covered), covered.size(), nullptr, 0);
  return sum.substr(0, k_check_bytes);
}

std::string unarmour(std::string_view text, const EscrowKind& kind) {
  if (text.size() > k_longest_text) throw damaged("it is too long", kind);
  const std::string first = mark("BEGIN", kind);
  const std::size_t begin = text.find(first);
  if (begin == std::string_view::npos) throw damaged("the BEGIN line is missing", kind);
  text.remove_prefix(begin + first.size());
  const std::size_t end = text.find(mark("END", kind));
  if (end == std::string_view::npos) throw damaged("the END line is missing", kind);
  std::string bytes;
  std::size_t number = 0;
  for (const std::string_view raw : split(text.substr(0, end), '\n')) {
    if (trim(raw).empty()) continue;
    if (++number > k_most_lines) throw damaged("it has too many lines", kind);
    std::string digits;
    std::ranges::copy_if(raw, std::back_inserter(digits), [](char c) { return c != ' ' && c != '\t' && c != '\r'; });
    const auto line = from_hex(digits);
    if (!line || line->size() <= k_check_bytes || line->size() > k_line_bytes + k_check_bytes ||
        line_check(number, line->substr(0, line->size() - k_check_bytes)) !=
            line->substr(line->size() - k_check_bytes)) {
      throw damaged(fmt::format("line {} is mistyped, missing or out of order", number), kind);
    }
    bytes.append(*line, 0, line->size() - k_check_bytes);
  }
  return bytes;
}

std::uint32_t big_endian(std::string_view four) {
  std::uint32_t value = 0;
  for (const char byte : four) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

std::string armour(std::string_view bytes, const EscrowKind& kind) {
  std::string text = mark("BEGIN", kind);
  for (std::size_t number = 1; !bytes.empty(); ++number) {
    const std::string_view part = bytes.substr(0, k_line_bytes);
    const std::string digits = to_hex(part) + to_hex(line_check(number, part));
    for (std::size_t at = 0; at < digits.size(); at += 4) {
      text += at == 0 ? '\n' : ' ';
      text.append(digits, at, 4);
    }
    bytes.remove_prefix(part.size());
  }
  text.append("\n").append(mark("END", kind)).append("\n");
  return text;
}

EscrowFrame read_frame(std::string_view armoured, const EscrowKind& kind) {
  const std::string bytes = unarmour(armoured, kind);
  constexpr std::size_t k_least = k_header_size + k_nonce_size + crypto_aead_xchacha20poly1305_ietf_ABYTES;
  if (bytes.size() <= k_least) throw damaged("it is cut short", kind);
  if (bytes.front() != kind.version) throw damaged("its version is unknown", kind);
  const std::string_view view(bytes);
  EscrowFrame frame{.header = bytes.substr(0, k_header_size),
                    .cost = {.passes = big_endian(view.substr(1, 4)), .memory_kib = big_endian(view.substr(5, 4))},
                    .salt = bytes.substr(9, k_salt_size),
                    .nonce = bytes.substr(k_header_size, k_nonce_size),
                    .sealed = bytes.substr(k_header_size + k_nonce_size)};
  if (frame.cost.passes < 1 || frame.cost.passes > k_most_passes || frame.cost.memory_kib < k_least_memory_kib ||
      frame.cost.memory_kib > k_most_memory_kib) {
    throw damaged(fmt::format("it asks for {} passes over {} KiB of memory", frame.cost.passes, frame.cost.memory_kib),
                  kind);
  }
  return frame;
}

}  // namespace linkspan::vault
