#include "vault/backup_identity.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "vault/internal/escrow_frame.h"
#include "vault/internal/private_file.h"
#include "vault/internal/sodium.h"

namespace linkspan::vault {
namespace {

constexpr std::string_view k_recipient = "linkspan-backup:";
constexpr std::string_view k_identity = "linkspan-backup-identity:";
constexpr std::size_t k_key_bytes = crypto_box_PUBLICKEYBYTES;
constexpr std::size_t k_check_bytes = 4;
// 36 bytes in base64, without padding.
constexpr std::size_t k_text_length = (k_key_bytes + k_check_bytes) / 3 * 4;
static_assert(crypto_box_SECRETKEYBYTES == k_key_bytes && (k_key_bytes + k_check_bytes) % 3 == 0);

constexpr PrivateFileKind k_identity_file{.noun = "backup identity",
                                          .missing = "vault.secret_missing",
                                          .exposed = "vault.secret_exposed",
                                          .unreadable = "vault.secret_unreadable",
                                          .unfit = "vault.secret_unfit",
                                          .may_be_pipe = true};

/// Binds the key to what it is: a private key's text is never taken for a recipient.
std::string check_of(std::string_view prefix, std::string_view key) {
  ensure_sodium();
  std::string sum(crypto_generichash_BYTES_MIN, '\0');
  crypto_generichash(bytes_of(sum.data()), sum.size(), bytes_of(key), key.size(), bytes_of(prefix), prefix.size());
  return sum.substr(0, k_check_bytes);
}
static_assert(k_recipient.size() >= crypto_generichash_KEYBYTES_MIN);

Error garbled(std::string_view why) {
  return {Fault::corrupt, "vault.backup_identity", fmt::format("this is not an intact backup identity: {}", why),
          "name the file that `linkspan key backup-recipient` made"};
}

BackupIdentity identity_of(Secret private_key) {
  ensure_sodium();
  BackupIdentity made{.private_key = std::move(private_key), .public_key = std::string(k_key_bytes, '\0')};
  if (crypto_scalarmult_base(bytes_of(made.public_key.data()), bytes_of(made.private_key.reveal())) != 0) {
    throw garbled("its key is none");
  }
  return made;
}

/// The file without a passphrase; the recipient stands in it for people.
Secret plain_text(const BackupIdentity& identity) {
  const std::string head =
      fmt::format("# opens backups made for {}\n{}", recipient_text(identity.public_key), k_identity);
  const Secret checked = Secret::filled(k_key_bytes + k_check_bytes, [&](std::span<char> out) {
    std::ranges::copy(identity.private_key.reveal(), out.begin());
    std::ranges::copy(check_of(k_identity, identity.private_key.reveal()), out.begin() + k_key_bytes);
  });
  return Secret::filled(head.size() + k_text_length + 1, [&](std::span<char> out) {
    std::ranges::copy(head, out.begin());
    // Ends with a NUL, where the line's end goes.
    sodium_bin2base64(out.data() + head.size(), k_text_length + 1, bytes_of(checked.reveal()), checked.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    out.back() = '\n';
  });
}

BackupIdentity parse_plain(std::string_view line) {
  line = trim(line);
  std::size_t length = 0;
  const Secret checked = Secret::filled(k_key_bytes + k_check_bytes, [&](std::span<char> out) {
    const bool good = line.size() == k_text_length &&
                      sodium_base642bin(bytes_of(out.data()), out.size(), line.data(), line.size(), nullptr, &length,
                                        nullptr, sodium_base64_VARIANT_ORIGINAL) == 0;
    if (!good || length != out.size()) throw garbled("its key has the wrong length, or other letters");
  });
  const std::string_view key = checked.reveal().substr(0, k_key_bytes);
  if (check_of(k_identity, key) != checked.reveal().substr(k_key_bytes)) throw garbled("its check does not fit");
  return identity_of(Secret::filled(k_key_bytes, [&](std::span<char> out) { std::ranges::copy(key, out.begin()); }));
}

[[noreturn]] void throw_write(const std::filesystem::path& path, int why) {
  if (why == EEXIST) {
    throw Error(Fault::conflict, "vault.identity_exists", fmt::format("{} is there already", path.string()),
                "name another file: that one may be the only way to open backups");
  }
  throw Error(Fault::unavailable, "vault.identity_write",
              fmt::format("{} cannot be written: {}", path.string(), std::strerror(why)),
              "check the directory's owner, mode and free space");
}

void write_new(const std::filesystem::path& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) throw_write(path, errno);
  int failed = 0;
  while (!text.empty() && failed == 0) {
    const ssize_t some = ::write(file, text.data(), text.size());
    if (some >= 0) text.remove_prefix(static_cast<std::size_t>(some));
    if (some < 0 && errno != EINTR) failed = errno;
  }
  if (failed == 0 && ::fsync(file) != 0) failed = errno;
  ::close(file);
  if (failed == 0) return;
  ::unlink(path.c_str());
  throw_write(path, failed);
}

}  // namespace

BackupIdentity make_backup_identity() {
  ensure_sodium();
  return identity_of(Secret::filled(k_key_bytes, [](std::span<char> out) { randombytes_buf(out.data(), out.size()); }));
}

std::string recipient_text(std::string_view public_key) {
  return std::string(k_recipient) + to_base64(std::string(public_key) + check_of(k_recipient, public_key));
}

std::string read_recipient(std::string_view text) {
  text = trim(text);
  if (text.starts_with(k_recipient)) {
    const auto bytes = from_base64(text.substr(k_recipient.size()));
    if (bytes && bytes->size() == k_key_bytes + k_check_bytes) {
      std::string key = bytes->substr(0, k_key_bytes);
      if (check_of(k_recipient, key) == bytes->substr(k_key_bytes)) return key;
    }
  }
  throw Error(Fault::invalid, "vault.recipient", "this is not the recipient of backups, or it is mistyped",
              "give what `linkspan key backup-recipient` printed: linkspan-backup: and 48 letters");
}

void save_backup_identity(const BackupIdentity& identity, const std::filesystem::path& path, const Secret& passphrase,
                          EscrowCost cost) {
  if (passphrase.empty()) {
    write_new(path, plain_text(identity).reveal());
  } else {
    write_new(path, fmt::format("# opens backups made for {}\n{}", recipient_text(identity.public_key),
                                seal_escrow(k_identity_escrow, identity.private_key, passphrase, cost)));
  }
}

BackupIdentity parse_backup_identity(const Secret& text, const std::function<Secret()>& ask) {
  for (const std::string_view line : split(text.reveal(), '\n')) {
    if (line.starts_with(k_identity)) return parse_plain(line.substr(k_identity.size()));
  }
  static_cast<void>(read_frame(text.reveal(), k_identity_escrow));  // before anybody is asked for a passphrase
  Secret key = open_escrow(k_identity_escrow, text.reveal(), ask());
  if (key.size() != k_key_bytes) throw garbled("its key has the wrong length");
  return identity_of(std::move(key));
}

BackupIdentity load_backup_identity(const std::filesystem::path& path, const std::function<Secret()>& ask) {
  return parse_backup_identity(read_private_file(path, k_identity_file, k_longest_secret), ask);
}

}  // namespace linkspan::vault
