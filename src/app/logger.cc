#include "app/logger.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>

#include "base/clock.h"
#include "base/text.h"

namespace linkspan::app {
namespace {

constexpr std::size_t k_longest = 2000;

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      break;
  }
  return spdlog::level::err;
}

spdlog::level::level_enum parse_level(const std::string& name) {
  if (name == "debug") return spdlog::level::debug;
  if (name == "warning") return spdlog::level::warn;
  return name == "error" ? spdlog::level::err : spdlog::level::info;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      break;
  }
  return "error";
}

/// sd-daemon(3): the journal reads the priority from the line's beginning.
std::string_view priority(Level level) {
  switch (level) {
    case Level::debug:
      return "<7>";
    case Level::info:
      return "<6>";
    case Level::warning:
      return "<4>";
    case Level::error:
      break;
  }
  return "<3>";
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char one : text) {
    const auto byte = static_cast<unsigned char>(one);
    if (one == '"' || one == '\\') {
      out += '\\';
      out += one;
    } else if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += one;
    }
  }
  return out + '"';
}

class SpdLogger final : public Logger {
 public:
  explicit SpdLogger(const LogOptions& options)
      : json_(options.format == "json"),
        journal_(std::getenv("JOURNAL_STREAM") != nullptr),
        logger_("linkspan", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_level(parse_level(options.level));
    if (json_ || journal_) {
      logger_.set_pattern("%v");
    } else {
      logger_.set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
    }
  }

  void log(Level level, std::string_view id, std::string_view message, std::initializer_list<Field> fields) override {
    const auto wanted = to_spdlog(level);
    if (!logger_.should_log(wanted)) return;
    logger_.log(wanted, "{}", json_ ? as_json(level, id, message, fields) : as_text(level, id, message, fields));
    logger_.flush();
  }

 private:
  [[nodiscard]] std::string as_text(Level level, std::string_view id, std::string_view message,
                                    std::initializer_list<Field> fields) const {
    std::string line = fmt::format("{}{:7} {}: {}", journal_ ? priority(level) : "", name_of(level), id,
                                   printable(message, k_longest));
    for (const auto& [name, value] : fields) {
      if (!value.empty()) line += fmt::format(" {}={}", name, json_text(printable(value, k_longest)));
    }
    return line;
  }

  [[nodiscard]] static std::string as_json(Level level, std::string_view id, std::string_view message,
                                           std::initializer_list<Field> fields) {
    std::string line =
        fmt::format(R"({{"time":"{}","level":"{}","id":{},"message":{})", to_rfc3339(SystemClock().now()),
                    name_of(level), json_text(id), json_text(printable(message, k_longest)));
    for (const auto& [name, value] : fields) {
      line += fmt::format(",{}:{}", json_text(name), json_text(printable(value, k_longest)));
    }
    return line + "}";
  }

  bool json_;
  bool journal_;
  spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<Logger> make_logger(const LogOptions& options) { return std::make_unique<SpdLogger>(options); }

}  // namespace linkspan::app
