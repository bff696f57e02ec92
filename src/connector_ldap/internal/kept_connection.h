#pragma once
// A connection that exports share from one batch to the next: opening one reads a whole schema.

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include "base/error.h"
#include "connector/connector.h"

namespace linkspan::connector_ldap {

/// `Opened`: the connection, and what was learned over it. May be used from any thread; a batch has it for itself.
template <class Opened>
class KeptConnection {
 public:
  using Done = std::function<void(std::size_t, connector::Outcome)>;

  /// Calls `send(opened, tell)` with what the last batch left, else with what `open()` makes. `tell` passes outcomes on
  /// to `done`. What was opened is kept, unless `send` throws or an outcome says that the connection may be lost.
  template <class Open, class Send>
  void use(const Open& open, const Done& done, const Send& send) {
    std::optional<Opened> kept = take();
    Opened opened = kept ? std::move(*kept) : open();
    bool sound = true;
    send(opened, [&](std::size_t index, connector::Outcome outcome) {
      const auto* failed = std::get_if<connector::Failed>(&outcome);
      sound = sound && (failed == nullptr || failed->error.fault() != Fault::unavailable);
      done(index, std::move(outcome));
    });
    if (!sound) return;
    const std::scoped_lock lock(mutex_);
    kept_ = std::move(opened);
    since_ = std::chrono::steady_clock::now();
  }

 private:
  static constexpr std::chrono::seconds k_kept_for{60};  ///< servers end connections that nobody uses

  std::optional<Opened> take() {
    const std::scoped_lock lock(mutex_);
    std::optional<Opened> kept = std::exchange(kept_, std::nullopt);
    if (std::chrono::steady_clock::now() - since_ >= k_kept_for) kept.reset();
    return kept;
  }

  std::mutex mutex_;
  std::optional<Opened> kept_;
  std::chrono::steady_clock::time_point since_;
};

}  // namespace linkspan::connector_ldap
