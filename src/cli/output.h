#pragma once
// What commands print with: tables and lines for people, JSON for programs, errors with hints for both.

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "cli/json.h"

namespace linkspan::cli {

enum Exit : int {
  exit_done = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_object_errors = 3,
  exit_blocked = 4,
  exit_lease = 5
};

[[nodiscard]] int exit_status(const Error& error);

/// Columns as wide as they need; numbers to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> headers) : headers_(std::move(headers)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string text(bool colour) const;

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<std::string>> rows_;
};

class Output {
 public:
  explicit Output(bool json);

  [[nodiscard]] bool json() const { return json_; }
  [[nodiscard]] bool colour() const { return colour_; }
  /// To standard output. Control characters are the caller's to escape (base printable()).
  void line(std::string_view text);
  void print(const Table& table);
  void print(const Json& json);  ///< indented
  void raw(std::string_view text);
  /// To standard error: what is not the result.
  void note(std::string_view text);
  void error(const Error& error);

  /// Flushes; false when standard output took not all of it.
  [[nodiscard]] bool finish();

 private:
  bool json_;
  bool colour_;
};

/// Draws progress on a terminal, for what takes longer than two seconds: count, rate, time left. Safe from any thread.
class ProgressBar {
 public:
  /// `enabled`: false draws nothing.
  explicit ProgressBar(bool enabled);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Lives no longer than this; empty when nothing is drawn.
  [[nodiscard]] ProgressSink sink();
  /// Wipes the line.
  void clear();

 private:
  using Steady = std::chrono::steady_clock;
  void draw(const Progress& progress);

  bool enabled_;
  std::mutex mutex_;
  std::string phase_;
  Steady::time_point phase_start_{};
  Steady::time_point drawn_at_{};
  bool on_screen_ = false;
};

/// "1,204".
[[nodiscard]] std::string with_commas(std::int64_t number);
/// "3.2 s", "4 min", "2 h 10 min".
[[nodiscard]] std::string duration_text(std::chrono::microseconds duration);

}  // namespace linkspan::cli
