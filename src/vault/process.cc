#include "vault/process.h"

#include <fmt/core.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "vault/internal/sodium.h"

namespace linkspan::vault {
namespace {

[[noreturn]] void throw_harden(const char* what, int error) {
  throw Error(Fault::unavailable, "vault.harden", fmt::format("{}: {}", what, std::strerror(error)),
              "check what confines the process (seccomp, container)");
}

}  // namespace

void ensure_sodium() {
  static const int state = sodium_init();  // thread-safe, and so is this initialisation
  if (state < 0) {
    throw Error(Fault::unavailable, "vault.sodium", "libsodium cannot start: no source of randomness",
                "check /dev/urandom and the getrandom system call");
  }
}

void harden_process() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) throw_harden("core dumps cannot be turned off", errno);
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) throw_harden("the process cannot be made undumpable", errno);
  ensure_sodium();
}

}  // namespace linkspan::vault
