#include "app/signals.h"

#include <signal.h>
#include <unistd.h>

#include <ctime>

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
    while (!done.stop_requested()) {
      const timespec wait{0, 200'000'000};
      const int signal = ::sigtimedwait(&set, nullptr, &wait);
      if (signal <= 0) continue;
      if (stop_.stop_requested()) ::_exit(128 + signal);
      stop_.request_stop();
    }
  });
}

Signals::~Signals() = default;

}  // namespace linkspan::app
