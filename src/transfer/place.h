#pragma once
// What every operation of this room is told: which database, and how to go about it.

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/progress.h"
#include "base/wiped_text.h"

namespace linkspan::transfer {

/// A database by its URL. The password is for PostgreSQL, where it is not in PGPASSFILE; it reaches no message.
struct Place {
  std::string url;
  WipedText password{};
};

/// Whether a password stands in the URL, which is no place for it: URLs are kept in configuration and shown.
[[nodiscard]] bool names_a_password(std::string_view url);

/// How large tables are carried: what a changed row costs, and what a kill costs.
struct BatchLimits {
  std::uint64_t rows = 2048;                              ///< of one batch, which is compared as a whole
  std::uint64_t bytes = std::uint64_t{1} << 20U;          ///< or as many bytes
  std::uint64_t commit_bytes = std::uint64_t{16} << 20U;  ///< batches are committed together from so many bytes on
};

/// How a long piece of work is watched and stopped. Its functions are called from any thread, one call at a time.
struct Job {
  std::string program{};    ///< version of the program, recorded in what is made
  ProgressSink progress{};  ///< phase "copy TABLE" or "verify TABLE", rows of that table
  std::stop_token stop{};   ///< asked once a batch; then "transfer.cancelled"
  /// Told each step by name as soon as it is durable (docs/design/0002-moving.md has the names). For fault tests.
  std::function<void(std::string_view step)> at_step{};
};

}  // namespace linkspan::transfer
