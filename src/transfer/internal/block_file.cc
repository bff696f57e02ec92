#include "transfer/internal/block_file.h"

#include <endian.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/hash.h"
#include "transfer/internal/file.h"

namespace linkspan::transfer {

namespace {

constexpr std::string_view k_magic = "LINKSPAN BACKUP\n";
constexpr std::uint32_t k_version = 1;
// Kinds of seal: the flags of the preamble.
constexpr std::uint32_t k_open = 0;
constexpr std::uint32_t k_by_passphrase = 1;
constexpr std::uint32_t k_to_recipient = 2;
constexpr std::size_t k_block_head = 12;
constexpr std::uint32_t k_last = 0x80000000U;
constexpr std::size_t k_seal_bytes = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr std::size_t k_hashed = k_preamble_size - sizeof(std::uint64_t);
// One guess of the passphrase costs 64 MiB and four passes; what a file asks for beyond the bounds is refused.
constexpr std::uint32_t k_passes = 4;
constexpr std::uint32_t k_memory_kib = 64 * 1024;
constexpr std::uint32_t k_most_passes = 16;
constexpr std::uint32_t k_most_memory_kib = 256 * 1024;
constexpr std::uint32_t k_least_memory_kib = 8;

// Places in the preamble.
constexpr std::size_t k_at_version = 16;
constexpr std::size_t k_at_flags = 20;
constexpr std::size_t k_at_salt = 24;
constexpr std::size_t k_at_passes = 40;
constexpr std::size_t k_at_memory = 44;
constexpr std::size_t k_at_stream = 48;
static_assert(crypto_pwhash_SALTBYTES == k_at_passes - k_at_salt);
static_assert(crypto_secretstream_xchacha20poly1305_HEADERBYTES == k_hashed - k_at_stream);

void put32(std::string& out, std::uint32_t number) {
  const std::uint32_t raw = htobe32(number);
  out.append(reinterpret_cast<const char*>(&raw), sizeof raw);
}

void put64(std::string& out, std::uint64_t number) {
  const std::uint64_t raw = htobe64(number);
  out.append(reinterpret_cast<const char*>(&raw), sizeof raw);
}

std::uint32_t get32(std::string_view bytes, std::size_t place) {
  std::uint32_t raw = 0;
  std::memcpy(&raw, bytes.data() + place, sizeof raw);
  return be32toh(raw);
}

std::uint64_t get64(std::string_view bytes, std::size_t place) {
  std::uint64_t raw = 0;
  std::memcpy(&raw, bytes.data() + place, sizeof raw);
  return be64toh(raw);
}

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

std::uint64_t chained(std::uint64_t before, std::string_view size, std::string_view content) {
  return hash64(content, hash64(size, before));
}

void start_sodium() {
  static const int state = ::sodium_init();
  if (state < 0) throw Error(Fault::unavailable, "transfer.no_randomness", "the kernel gave no random bytes");
}

constexpr std::size_t k_stream_key = crypto_secretstream_xchacha20poly1305_KEYBYTES;
constexpr std::size_t k_sealed_key = k_stream_key + crypto_box_SEALBYTES;
static_assert(k_sealed_key + sizeof(std::uint64_t) == k_sealed_key_size);

// Which recipient: not its key, but enough to tell a wrong identity from a damaged file.
std::string fingerprint(std::string_view public_key) {
  std::string sum(crypto_pwhash_SALTBYTES, '\0');
  ::crypto_generichash(raw(sum), sum.size(), raw(public_key), public_key.size(), nullptr, 0);
  return sum;
}

using Key = std::array<unsigned char, k_stream_key>;

class WipedKey {
 public:
  WipedKey() = default;
  WipedKey(const WipedText& passphrase, std::string_view salt, std::uint32_t passes, std::uint32_t memory_kib) {
    const int failed = ::crypto_pwhash(key_.data(), key_.size(), passphrase.view().data(), passphrase.view().size(),
                                       raw(salt), passes, std::size_t{memory_kib} * 1024, crypto_pwhash_ALG_ARGON2ID13);
    if (failed == 0) return;
    throw Error(Fault::unavailable, "transfer.memory",
                fmt::format("stretching the passphrase needs {} MiB of memory", memory_kib / 1024),
                "Free some memory, then repeat the command.");
  }
  ~WipedKey() { ::sodium_memzero(key_.data(), key_.size()); }
  WipedKey(const WipedKey&) = delete;
  WipedKey& operator=(const WipedKey&) = delete;
  [[nodiscard]] const unsigned char* data() const { return key_.data(); }
  [[nodiscard]] unsigned char* data() { return key_.data(); }

 private:
  Key key_{};
};

}  // namespace

void damaged_backup(const std::string& file, std::string_view what) {
  throw Error(Fault::corrupt, "transfer.backup_damaged", fmt::format("{} is damaged: {}", file, what),
              "Transmit the backup again, or use another one.");
}

BlockCipher::~BlockCipher() { ::sodium_memzero(&state, sizeof state); }

BlockWriter::BlockWriter(int descriptor, std::string file, const BlockKey& key)
    : descriptor_(descriptor),
      file_(std::move(file)),
      salt_(crypto_pwhash_SALTBYTES, '\0'),
      stream_(crypto_secretstream_xchacha20poly1305_HEADERBYTES, '\0') {
  start_sodium();
  std::string sealed_key;
  std::uint32_t kind = k_open;
  if (!key.passphrase.empty()) {
    kind = k_by_passphrase;
    seal_by_passphrase(key.passphrase);
  } else if (!key.key.empty()) {
    kind = k_to_recipient;
    sealed_key = seal_to(key.key.view());
  }
  cipher_.used = kind != k_open;
  put_preamble(kind);
  if (!sealed_key.empty()) {
    chain_ = hash64(sealed_key, chain_);
    preamble_ += sealed_key;
    put64(sealed_key, chain_);
    put(sealed_key);
  }
  pending_.reserve(k_block_size);
}

void BlockWriter::seal_by_passphrase(const WipedText& passphrase) {
  ::randombytes_buf(salt_.data(), salt_.size());
  passes_ = k_passes;
  memory_kib_ = k_memory_kib;
  const WipedKey key(passphrase, salt_, passes_, memory_kib_);
  ::crypto_secretstream_xchacha20poly1305_init_push(&cipher_.state, raw(stream_), key.data());
}

std::string BlockWriter::seal_to(std::string_view recipient) {
  salt_ = fingerprint(recipient);
  WipedKey key;
  ::crypto_secretstream_xchacha20poly1305_keygen(key.data());
  std::string sealed(k_sealed_key, '\0');
  if (recipient.size() != crypto_box_PUBLICKEYBYTES ||
      ::crypto_box_seal(raw(sealed), key.data(), k_stream_key, raw(recipient)) != 0) {
    throw Error(Fault::invalid, "transfer.recipient", "the recipient's key is none that anything can be sealed to",
                "Make a new pair with `linkspan key backup-recipient FILE`.");
  }
  ::crypto_secretstream_xchacha20poly1305_init_push(&cipher_.state, raw(stream_), key.data());
  return sealed;
}

void BlockWriter::put_preamble(std::uint32_t kind) {
  preamble_ = k_magic;
  put32(preamble_, k_version);
  put32(preamble_, kind);
  preamble_ += salt_;
  put32(preamble_, passes_);
  put32(preamble_, memory_kib_);
  preamble_ += stream_;
  chain_ = hash64(preamble_);
  std::string whole = preamble_;
  put64(whole, chain_);
  put(whole);
}

void BlockWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    // Only now is it known that the full block is not the last one.
    if (pending_.size() == k_block_size) {
      put_block(pending_, false);
      pending_.clear();
    }
    const std::size_t some = std::min(bytes.size(), k_block_size - pending_.size());
    pending_ += bytes.substr(0, some);
    bytes.remove_prefix(some);
  }
}

void BlockWriter::finish() { put_block(pending_, true); }

void BlockWriter::put_block(std::string_view content, bool last) {
  if (cipher_.used) {
    sealed_.resize(content.size() + k_seal_bytes);
    const unsigned char tag =
        last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    ::crypto_secretstream_xchacha20poly1305_push(&cipher_.state, raw(sealed_), nullptr, raw(content), content.size(),
                                                 raw(preamble_), preamble_.size(), tag);
    content = sealed_;
  }
  std::string head;
  put32(head, static_cast<std::uint32_t>(content.size()) | (last ? k_last : 0));
  chain_ = chained(chain_, head, content);
  put64(head, chain_);
  put(head);
  put(content);
}

void BlockWriter::put(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t some = ::write(descriptor_, bytes.data(), bytes.size());
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) fail_file(file_, "cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(some));
  }
}

BlockReader::BlockReader(ReadBytes read, std::string file, const BlockKey& key)
    : read_(std::move(read)), file_(std::move(file)) {
  start_sodium();
  read_preamble(key);
}

void BlockReader::read_preamble(const BlockKey& key) {
  std::string whole(k_preamble_size, '\0');
  whole.resize(read_(whole.data(), whole.size()));
  place_ = whole.size();
  if (std::string_view(whole).substr(0, k_magic.size()) != k_magic) {
    throw Error(Fault::invalid, "transfer.not_a_backup",
                fmt::format("{} is not a backup of a Linkspan database", file_),
                "Name a file that `linkspan database backup` made. Copies are put in place by `database attach`.");
  }
  if (whole.size() < k_preamble_size) damaged_backup(file_, "it ends within its head");
  preamble_ = whole.substr(0, k_hashed);
  chain_ = hash64(preamble_);
  if (get64(whole, k_hashed) != chain_) damaged_backup(file_, "its head is not what was written");
  const std::uint32_t version = get32(preamble_, k_at_version);
  kind_ = get32(preamble_, k_at_flags);
  if (version != k_version || kind_ > k_to_recipient) {
    throw Error(Fault::invalid, "transfer.newer_backup",
                fmt::format("{} has format {}.{}, and this program reads format {}", file_, version, kind_, k_version),
                "Restore it with the version of the program that made it, or a later one.");
  }
  check_given(kind_, key);
  cipher_.used = kind_ != k_open;
  if (kind_ == k_by_passphrase) open_by_passphrase(key.passphrase);
  if (kind_ == k_to_recipient) open_by_identity(key.key.view());
}

void BlockReader::check_given(std::uint32_t kind, const BlockKey& key) const {
  if (kind == k_by_passphrase && key.passphrase.empty()) {
    throw Error(Fault::denied, "transfer.passphrase", fmt::format("{} is sealed with a passphrase", file_),
                "Give it with --passphrase-file FILE.");
  }
  if (kind == k_to_recipient && key.key.empty()) {
    throw Error(Fault::denied, "transfer.identity", fmt::format("{} is sealed to a recipient", file_),
                "Give the recipient's identity with --identity FILE.");
  }
  if (kind == k_open && !(key.passphrase.empty() && key.key.empty())) {
    throw Error(Fault::invalid, "transfer.not_sealed", fmt::format("{} is not sealed at all", file_),
                "If you sealed it, this is not that backup. Otherwise leave passphrase and identity out.");
  }
}

void BlockReader::open_by_passphrase(const WipedText& passphrase) {
  const std::uint32_t passes = get32(preamble_, k_at_passes);
  const std::uint32_t memory = get32(preamble_, k_at_memory);
  if (passes < 1 || passes > k_most_passes || memory < k_least_memory_kib || memory > k_most_memory_kib) {
    damaged_backup(file_, "its head asks for more work than any passphrase is given");
  }
  const std::string_view head = preamble_;
  const WipedKey key(passphrase, head.substr(k_at_salt, crypto_pwhash_SALTBYTES), passes, memory);
  start_stream(key.data());
}

void BlockReader::open_by_identity(std::string_view identity) {
  std::string sealed(k_sealed_key_size, '\0');
  const std::size_t got = read_(sealed.data(), sealed.size());
  place_ += got;
  if (got < sealed.size()) damaged_backup(file_, "it ends within its head");
  chain_ = hash64(std::string_view(sealed).substr(0, k_sealed_key), chain_);
  if (get64(sealed, k_sealed_key) != chain_) damaged_backup(file_, "its sealed key is not what was written");
  std::string recipient(crypto_box_PUBLICKEYBYTES, '\0');
  const std::string_view meant = std::string_view(preamble_).substr(k_at_salt, crypto_pwhash_SALTBYTES);
  if (identity.size() != crypto_box_SECRETKEYBYTES || ::crypto_scalarmult_base(raw(recipient), raw(identity)) != 0 ||
      fingerprint(recipient) != meant) {
    throw Error(Fault::denied, "transfer.identity", fmt::format("{} is sealed to another recipient", file_),
                "Give the identity whose recipient it was made for.");
  }
  WipedKey key;
  if (::crypto_box_seal_open(key.data(), raw(std::string_view(sealed)), k_sealed_key, raw(recipient), raw(identity)) !=
      0) {
    damaged_backup(file_, "its sealed key was altered by somebody");
  }
  start_stream(key.data());
  preamble_ += sealed.substr(0, k_sealed_key);
}

void BlockReader::start_stream(const unsigned char* key) {
  const std::string_view stream = std::string_view(preamble_).substr(k_at_stream);
  if (::crypto_secretstream_xchacha20poly1305_init_pull(&cipher_.state, raw(stream), key) != 0) {
    damaged_backup(file_, "its head is not what was written");
  }
}

std::string_view BlockReader::next() {
  if (last_) return {};
  ++number_;
  std::string head(k_block_head, '\0');
  const std::size_t got = read_(head.data(), head.size());
  if (got < head.size()) damaged_backup(file_, fmt::format("it ends before block {}, at byte {}", number_, place_));
  const std::uint32_t size_field = get32(head, 0);
  const std::size_t size = size_field & ~k_last;
  last_ = (size_field & k_last) != 0;
  const std::size_t overhead = cipher_.used ? k_seal_bytes : 0;
  const bool fits = size >= overhead && size <= k_block_size + overhead && (last_ || size > overhead);
  const auto where = [&] { return fmt::format("block {}, at byte {}", number_, place_); };
  if (!fits) damaged_backup(file_, where() + ", has a size that none has");
  block_.resize(size);
  if (read_(block_.data(), size) < size) damaged_backup(file_, "it ends within " + where());
  chain_ = chained(chain_, std::string_view(head).substr(0, sizeof size_field), block_);
  if (get64(head, sizeof size_field) != chain_) damaged_backup(file_, where() + ", is not what was written");
  open_block();
  place_ += k_block_head + size;
  if (last_) {
    char more = 0;
    if (read_(&more, 1) != 0) damaged_backup(file_, fmt::format("something follows its end, at byte {}", place_));
  }
  return cipher_.used ? opened_ : block_;
}

// The hash was right, so what does not open was sealed with another key, or by somebody who has none. A passphrase can
// only be tried; an identity was found to be the right one before.
void BlockReader::open_block() {
  if (!cipher_.used) return;
  unsigned char tag = 0;
  opened_.resize(block_.size() - k_seal_bytes);
  const int failed = ::crypto_secretstream_xchacha20poly1305_pull(&cipher_.state, raw(opened_), nullptr, &tag,
                                                                  raw(std::string_view(block_)), block_.size(),
                                                                  raw(std::string_view(preamble_)), preamble_.size());
  if (failed != 0 && number_ == 1 && kind_ == k_by_passphrase) {
    throw Error(Fault::denied, "transfer.passphrase", fmt::format("{} does not open with this passphrase", file_),
                "Give the passphrase it was made with.");
  }
  if (failed != 0 || (tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL) != last_) {
    damaged_backup(file_, fmt::format("block {}, at byte {}, was altered by somebody", number_, place_));
  }
}

}  // namespace linkspan::transfer
