#pragma once
// libldap writes to sockets without MSG_NOSIGNAL: a server that went away would end this process by SIGPIPE.

#include <pthread.h>
#include <signal.h>
#include <time.h>

namespace linkspan::connector_ldap {

/// While it lives, a write to a broken connection fails with EPIPE in this thread and raises nothing. Leaves the
/// process's signal handling as it was. May be nested.
class QuietPipe {
 public:
  QuietPipe() {
    sigset_t pending;
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE) == 1) return;  // somebody else's: it stays theirs
    sigset_t pipe = only_pipe();
    ours_ = pthread_sigmask(SIG_BLOCK, &pipe, &before_) == 0;
  }
  ~QuietPipe() {
    if (!ours_) return;
    sigset_t pending;
    sigpending(&pending);
    const sigset_t pipe = only_pipe();
    const timespec at_once{};
    if (sigismember(&pending, SIGPIPE) == 1 && sigismember(&before_, SIGPIPE) == 0)
      sigtimedwait(&pipe, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  QuietPipe(const QuietPipe&) = delete;
  QuietPipe& operator=(const QuietPipe&) = delete;

 private:
  static sigset_t only_pipe() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
  }

  sigset_t before_{};
  bool ours_ = false;
};

}  // namespace linkspan::connector_ldap
