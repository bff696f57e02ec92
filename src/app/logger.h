#pragma once
// Where log events go: standard error, as text or as JSON lines.

#include <memory>
#include <string>

#include "base/log.h"

namespace linkspan::app {

struct LogOptions {
  std::string level = "info";   ///< "debug", "info", "warning", "error"
  std::string format = "text";  ///< "text", "json"
};

/// Under systemd (JOURNAL_STREAM) text lines carry the journal's priority instead of a time of their own.
[[nodiscard]] std::unique_ptr<Logger> make_logger(const LogOptions& options);

}  // namespace linkspan::app
