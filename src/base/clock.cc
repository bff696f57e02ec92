#include "base/clock.h"

#include <date/date.h>
#include <fmt/format.h>

#include <sstream>

#include "base/error.h"

namespace linkspan {

Time SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

ManualClock::ManualClock(Time start) : microseconds_(start.time_since_epoch().count()) {}

Time ManualClock::now() const { return Time{std::chrono::microseconds{microseconds_.load()}}; }

void ManualClock::advance(std::chrono::microseconds by) { microseconds_ += by.count(); }

std::string to_rfc3339(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  std::string text = date::format("%FT%T", seconds);
  if (const auto fraction = (time - seconds).count(); fraction != 0) {
    text += fmt::format(".{:06}", fraction);
    while (text.back() == '0') text.pop_back();
  }
  return text + "Z";
}

Time from_rfc3339(std::string_view text) {
  std::string normal(text);
  if (!normal.empty() && (normal.back() == 'Z' || normal.back() == 'z')) normal.replace(normal.size() - 1, 1, "+00:00");
  std::istringstream in(normal);
  Time time{};
  in >> date::parse("%FT%T%Ez", time);
  if (in.fail() || in.peek() != std::istringstream::traits_type::eof()) {
    throw Error(Fault::invalid, "base.time", fmt::format("\"{}\" is not a time", text.substr(0, 64)),
                "Write it as 2026-11-22T17:23:57Z.");
  }
  return time;
}

}  // namespace linkspan
