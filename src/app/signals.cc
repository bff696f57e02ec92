#include "app/signals.h"

#include <signal.h>
#include <unistd.h>

namespace linkspan::app {
namespace {

sigset_t watched() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

Signals::Signals() {
  ::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = watched();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  waiter_ = std::jthread([this, set](const std::stop_token& done) {
    for (;;) {
      int signal = 0;
      if (::sigwait(&set, &signal) != 0) continue;
      if (done.stop_requested()) return;
      if (stop_.stop_requested()) ::_exit(128 + signal);
      stop_.request_stop();
    }
  });
}

/// The thread waits in the kernel, where only a signal finds it: one of its own wakes it, so that no command has to
/// wait at its end.
Signals::~Signals() {
  waiter_.request_stop();
  ::pthread_kill(waiter_.native_handle(), SIGTERM);
}

}  // namespace linkspan::app
