#pragma once
// SIGTERM and SIGINT as a stop token.

#include <stop_token>
#include <thread>

namespace linkspan::app {

/// Blocks the signals in every thread started after it, and turns the first into a request to stop; the second ends the
/// process at once with 128 + its number. SIGPIPE is ignored. Make it first, while there is one thread.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  [[nodiscard]] std::stop_token stop() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::jthread waiter_;
};

}  // namespace linkspan::app
