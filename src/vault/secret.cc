#include "vault/secret.h"

#include <sodium.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/error.h"
#include "vault/internal/private_file.h"
#include "vault/internal/sodium.h"

namespace linkspan::vault {
namespace {

constexpr PrivateFileKind k_secret_file{.noun = "secret file",
                                        .missing = "vault.secret_missing",
                                        .exposed = "vault.secret_exposed",
                                        .unreadable = "vault.secret_unreadable",
                                        .unfit = "vault.secret_unfit",
                                        .may_be_pipe = true,
                                        .owner_must_be_us = false};

[[noreturn]] void refuse_empty(std::string_view where) {
  // An empty password turns an LDAP bind into an anonymous one that "succeeds".
  throw Error(Fault::invalid, "vault.secret_unfit", fmt::format("{} holds an empty secret", where),
              "put the password or token in it");
}

}  // namespace

Secret::Secret(std::size_t size) : size_(size) {
  if (size == 0) return;
  ensure_sodium();
  bytes_ = static_cast<char*>(sodium_malloc(size));
  if (bytes_ == nullptr) throw std::bad_alloc();
  sodium_memzero(bytes_, size);
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  bytes_ = std::exchange(other.bytes_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() noexcept {
  sodium_free(bytes_);  // wipes first; null is fine
  bytes_ = nullptr;
  size_ = 0;
}

Secret Secret::from(std::string&& source) {
  struct Wiper {
    std::string& text;
    ~Wiper() {
      sodium_memzero(text.data(), text.capacity());
      text.clear();
    }
  };
  const Wiper wiper{source};
  return filled(source.size(), [&](std::span<char> bytes) {
    if (!bytes.empty()) std::memcpy(bytes.data(), source.data(), bytes.size());
  });
}

Secret Secret::clone() const {
  return filled(size_, [&](std::span<char> bytes) {
    if (!bytes.empty()) std::memcpy(bytes.data(), bytes_, bytes.size());
  });
}

bool Secret::same_as(const Secret& other) const noexcept {
  return size_ == other.size_ && (size_ == 0 || sodium_memcmp(bytes_, other.bytes_, size_) == 0);
}

Secret read_secret_file(const std::filesystem::path& path) {
  const Secret whole = read_private_file(path, k_secret_file, k_longest_secret);
  std::string_view text = whole.reveal();
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) refuse_empty(fmt::format("the secret file {}", path.string()));
  return Secret::filled(text.size(),
                        [&](std::span<char> bytes) { std::memcpy(bytes.data(), text.data(), text.size()); });
}

Secret read_secret_environment(const std::string& name) {
  const char* found = std::getenv(name.c_str());
  if (found == nullptr) {
    throw Error(Fault::not_found, "vault.secret_missing", fmt::format("the environment variable {} is not set", name),
                "set it for the service, or name a file that holds the secret");
  }
  const std::string_view text(found);
  if (text.empty()) refuse_empty(fmt::format("the environment variable {}", name));
  if (text.size() > k_longest_secret) {
    throw Error(Fault::invalid, "vault.secret_unfit",
                fmt::format("the environment variable {} is longer than {} bytes", name, k_longest_secret),
                "a secret is a password, token or key; check what the variable holds");
  }
  return Secret::filled(text.size(),
                        [&](std::span<char> bytes) { std::memcpy(bytes.data(), text.data(), text.size()); });
}

}  // namespace linkspan::vault
