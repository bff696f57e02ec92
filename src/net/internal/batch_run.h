#pragma once
// One perform_all: what is in flight, what waits for its next attempt, and when to look again.

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <unordered_map>

#include "net/internal/engine.h"
#include "net/pacing.h"

namespace linkspan::net {

/// One rate limit for all threads of a client.
class SharedBucket {
 public:
  explicit SharedBucket(TokenBucket bucket) : bucket_(bucket) {}
  void take(TokenBucket::Instant now) {
    const std::lock_guard lock(mutex_);
    (void)bucket_.take(now);
  }
  [[nodiscard]] TokenBucket::Instant ready_at(TokenBucket::Instant now) {
    const std::lock_guard lock(mutex_);
    return bucket_.ready_at(now);
  }

 private:
  std::mutex mutex_;
  TokenBucket bucket_;
};

class BatchRun {
 public:
  BatchRun(Engine& engine, const ClientOptions& options, const Clock& clock, Logger& logger, const Source& source,
           const Sink& sink, std::size_t concurrency, std::stop_token stop, SharedBucket& bucket);
  ~BatchRun();
  BatchRun(const BatchRun&) = delete;
  BatchRun& operator=(const BatchRun&) = delete;

  /// Until there is nothing left to do.
  void run();

 private:
  using Instant = std::chrono::steady_clock::time_point;

  void fill(Instant now);
  [[nodiscard]] std::optional<Job> next_job(Instant now);
  void start(Job job);
  /// Whether anything ended.
  bool collect();
  void settle(std::unique_ptr<Transfer> transfer, CURLcode code);
  [[nodiscard]] bool try_redirect(Job& job, const Response& response);
  /// How long until the next attempt; nullopt when this outcome is the last.
  [[nodiscard]] std::optional<std::chrono::milliseconds> delay_after(const Job& job, const Outcome& outcome) const;
  void postpone(Job job, const Outcome& outcome, std::chrono::milliseconds delay);
  void deliver(std::uint64_t tag, Outcome outcome);
  void begin_stop(Instant now);
  void abandon_all();
  [[nodiscard]] int poll_timeout(Instant now);

  Engine& engine_;
  const ClientOptions& options_;
  const Clock& clock_;
  Logger& logger_;
  const Source& source_;
  const Sink& sink_;
  std::size_t concurrency_;
  std::stop_token stop_;
  SharedBucket& bucket_;

  std::unordered_map<CURL*, std::unique_ptr<Transfer>> in_flight_;
  std::multimap<Instant, Job> waiting_;
  Instant held_until_{};               ///< A 429 holds everything back.
  std::optional<Instant> give_up_at_;  ///< Set once a stop is requested.
  bool source_is_dry_ = false;
};

}  // namespace linkspan::net
