#pragma once
// The join between two stages of a run step.

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace linkspan {

/// A queue of at most `capacity` batches between one producer and one consumer stage. Either side may end it: the
/// producer by close() or fail(), the consumer by dropping out with cancel(). Safe to share between threads.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False when the consumer has cancelled: stop producing.
  [[nodiscard]] bool push(T item) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return items_.size() < capacity_ || cancelled_; });
    if (cancelled_) return false;
    items_.push_back(std::move(item));
    changed_.notify_all();
    return true;
  }

  /// The next item; nullopt at the proper end. Rethrows what the producer failed with, after all it had delivered.
  [[nodiscard]] std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !items_.empty() || closed_ || cancelled_; });
    if (!items_.empty() && !cancelled_) {
      std::optional<T> item(std::move(items_.front()));
      items_.pop_front();
      changed_.notify_all();
      return item;
    }
    if (failure_) std::rethrow_exception(failure_);
    return std::nullopt;
  }

  void close() { end(nullptr); }
  void fail(std::exception_ptr failure) { end(std::move(failure)); }

  void cancel() {
    const std::scoped_lock lock(mutex_);
    cancelled_ = true;
    items_.clear();
    changed_.notify_all();
  }

 private:
  void end(std::exception_ptr failure) {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    failure_ = std::move(failure);
    changed_.notify_all();
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false;
  bool cancelled_ = false;
  std::exception_ptr failure_;
};

}  // namespace linkspan
