#include "rules/internal/time_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"
#include "rules/internal/datum.h"

namespace linkspan::rules {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Reads a time from the left, bit by bit.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(trim(text)) {}

  std::optional<Time> read() {
    if (rest_.size() > 64) return std::nullopt;
    if (!generalized() && !date()) return std::nullopt;
    if (!compact_ && !rest_.empty()) {
      const bool marked = take('T') || take('t');
      blanks();
      if (!clock() && marked) return std::nullopt;
    }
    blanks();
    if (!offset() || !rest_.empty()) return std::nullopt;
    return result();
  }

 private:
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void blanks() {
    while (take(' ')) {
    }
  }

  /// Between `least` and `most` digits.
  bool digits(std::size_t least, std::size_t most, int& into) {
    std::size_t count = 0;
    into = 0;
    while (count < most && count < rest_.size() && is_digit(rest_[count])) into = into * 10 + (rest_[count++] - '0');
    if (count < least) return false;
    rest_.remove_prefix(count);
    return true;
  }

  void fraction() {
    std::int64_t scale = 100'000;
    while (!rest_.empty() && is_digit(rest_.front())) {
      fraction_ += (rest_.front() - '0') * scale;
      scale /= 10;
      rest_.remove_prefix(1);
    }
  }

  // 20260131080000[.0]Z; seconds and minutes may be missing, as X.680 has it.
  bool generalized() {
    const auto leading =
        static_cast<std::size_t>(std::find_if_not(rest_.begin(), rest_.end(), is_digit) - rest_.begin());
    if (leading != 8 && leading != 10 && leading != 12 && leading != 14) return false;
    compact_ = true;
    digits(4, 4, year_);
    digits(2, 2, month_);
    digits(2, 2, day_);
    if (leading >= 10) digits(2, 2, hour_);
    if (leading >= 12) digits(2, 2, minute_);
    if (leading >= 14) digits(2, 2, second_);
    if (leading == 14 && (take('.') || take(','))) fraction();
    return true;
  }

  bool date() {
    int first = 0;
    const std::size_t before = rest_.size();
    if (!digits(1, 4, first)) return false;
    if (before - rest_.size() == 4) {
      year_ = first;
      return take('-') && digits(1, 2, month_) && take('-') && digits(1, 2, day_);
    }
    month_ = first;
    return take('/') && digits(1, 2, day_) && take('/') && digits(4, 4, year_);
  }

  bool clock() {
    if (rest_.empty() || !is_digit(rest_.front())) return false;
    if (!digits(1, 2, hour_)) return false;
    if (take(':')) {
      if (!digits(2, 2, minute_)) return bad();
      if (take(':') && !digits(2, 2, second_)) return bad();
      if (take('.') || take(',')) fraction();
    }
    blanks();
    const std::string_view half = rest_.substr(0, 2);
    if (equal_ascii_case(half, "AM") || equal_ascii_case(half, "PM")) {
      if (hour_ < 1 || hour_ > 12) return bad();
      hour_ = hour_ % 12 + (equal_ascii_case(half, "PM") ? 12 : 0);
      rest_.remove_prefix(2);
    }
    return true;
  }

  bool bad() {
    hour_ = 99;
    return false;
  }

  bool offset() {
    if (rest_.empty()) return true;
    for (const std::string_view word : {"GMT", "UTC", "Z", "z"}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      if (rest_.empty()) return true;
    }
    const bool west = rest_.starts_with('-');
    if (!west && !rest_.starts_with('+')) return false;
    rest_.remove_prefix(1);
    int hour = 0;
    int minute = 0;
    if (!digits(1, 2, hour)) return false;
    if (take(':') || !rest_.empty()) {
      if (!digits(2, 2, minute)) return false;
    }
    if (hour > 14 || minute > 59) return false;
    offset_ = (west ? -1 : 1) * (hour * 60 + minute);
    return true;
  }

  [[nodiscard]] std::optional<Time> result() const {
    const std::chrono::year_month_day date{std::chrono::year{year_}, std::chrono::month{static_cast<unsigned>(month_)},
                                           std::chrono::day{static_cast<unsigned>(day_)}};
    if (!date.ok() || year_ < 1 || hour_ > 23 || minute_ > 59 || second_ > 59) return std::nullopt;
    return std::chrono::sys_days{date} + hours{hour_} + minutes{minute_} + seconds{second_} + microseconds{fraction_} -
           minutes{offset_};
  }

  std::string_view rest_;
  bool compact_ = false;
  int year_ = 0, month_ = 0, day_ = 0, hour_ = 0, minute_ = 0, second_ = 0, offset_ = 0;
  std::int64_t fraction_ = 0;
};

constexpr std::array<std::string_view, 7> k_days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                 "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> k_months{"January",   "February", "March",    "April",
                                                    "May",       "June",     "July",     "August",
                                                    "September", "October",  "November", "December"};

[[noreturn]] void refuse(std::string_view format) {
  throw EvaluationFailure{fmt::format("\"{}\" is no format for times", printable(format, 60))};
}

/// What one-letter formats stand for in the invariant culture.
std::string_view standard_format(char letter) {
  switch (letter) {
    case 'd':
      return "MM/dd/yyyy";
    case 'D':
      return "dddd, dd MMMM yyyy";
    case 'f':
      return "dddd, dd MMMM yyyy HH:mm";
    case 'F':
    case 'U':
      return "dddd, dd MMMM yyyy HH:mm:ss";
    case 'g':
      return "MM/dd/yyyy HH:mm";
    case 'G':
      return "MM/dd/yyyy HH:mm:ss";
    case 'm':
    case 'M':
      return "MMMM dd";
    case 'o':
    case 'O':
      return "yyyy-MM-ddTHH:mm:ss.fffffffZ";
    case 'r':
    case 'R':
      return "ddd, dd MMM yyyy HH:mm:ss 'GMT'";
    case 's':
      return "yyyy-MM-ddTHH:mm:ss";
    case 't':
      return "HH:mm";
    case 'T':
      return "HH:mm:ss";
    case 'u':
      return "yyyy-MM-dd HH:mm:ssZ";
    case 'y':
    case 'Y':
      return "yyyy MMMM";
    default:
      return {};
  }
}

class Formatter {
 public:
  explicit Formatter(Time time)
      : day_(std::chrono::floor<days>(time)),
        date_(day_),
        clock_(time - day_),
        micro_((time - std::chrono::floor<seconds>(time)).count()) {}

  std::string run(std::string_view format) {
    for (std::size_t i = 0; i < format.size();) {
      const char c = format[i];
      if (c == '\\' || c == '%') {
        if (i + 1 == format.size()) refuse(format);
        if (c == '\\') out_ += format[++i];
        ++i;
      } else if (c == '\'' || c == '"') {
        const std::size_t end = format.find(c, i + 1);
        if (end == std::string_view::npos) refuse(format);
        out_ += format.substr(i + 1, end - i - 1);
        i = end + 1;
      } else {
        std::size_t count = 1;
        while (is_letter(c) && i + count < format.size() && format[i + count] == c) ++count;
        if (!specifier(c, count)) refuse(format);
        i += count;
      }
    }
    return std::move(out_);
  }

 private:
  void number(std::int64_t value, std::size_t width) {
    const fmt::format_int digits(value);
    if (digits.size() < width) out_.append(width - digits.size(), '0');
    out_.append(digits.data(), digits.size());
  }

  bool specifier(char c, std::size_t count) {
    const int hour = static_cast<int>(clock_.hours().count());
    const std::size_t two = std::min<std::size_t>(count, 2);
    switch (c) {
      case 'y':
        year(count);
        return true;
      case 'M':
        month(count);
        return true;
      case 'd':
        day(count);
        return true;
      case 'H':
        number(hour, two);
        return true;
      case 'h':
        number(hour % 12 == 0 ? 12 : hour % 12, two);
        return true;
      case 'm':
        number(clock_.minutes().count(), two);
        return true;
      case 's':
        number(clock_.seconds().count(), two);
        return true;
      case 'f':
      case 'F':
        return fraction(count, c == 'F');
      case 't':
        out_ += count == 1 ? (hour < 12 ? "A" : "P") : (hour < 12 ? "AM" : "PM");
        return true;
      case 'g':
        out_ += "A.D.";
        return true;
      case 'K':
        out_.append(count, 'Z');
        return true;
      case 'z':
        out_ += count == 1 ? "+0" : count == 2 ? "+00" : "+00:00";
        return true;
      default:
        out_.append(count, c);
        return true;
    }
  }

  void year(std::size_t count) {
    const int year = static_cast<int>(date_.year());
    if (count <= 2) return number(year % 100, count);
    number(year, count);
  }

  void month(std::size_t count) {
    const unsigned month = static_cast<unsigned>(date_.month());
    if (count <= 2) return number(month, count);
    out_ += k_months[month - 1].substr(0, count == 3 ? 3 : std::string_view::npos);
  }

  void day(std::size_t count) {
    if (count <= 2) return number(static_cast<unsigned>(date_.day()), count);
    out_ += k_days[std::chrono::weekday{day_}.c_encoding()].substr(0, count == 3 ? 3 : std::string_view::npos);
  }

  bool fraction(std::size_t count, bool trimmed) {
    if (count > 7) return false;
    std::string digits = fmt::format("{:06}0", micro_).substr(0, count);
    if (trimmed) {
      digits.erase(digits.find_last_not_of('0') + 1);
      if (digits.empty() && out_.ends_with('.')) out_.pop_back();
    }
    out_ += digits;
    return true;
  }

  std::chrono::sys_days day_;
  std::chrono::year_month_day date_;
  std::chrono::hh_mm_ss<microseconds> clock_;
  std::int64_t micro_;
  std::string out_;
};

}  // namespace

std::optional<Time> time_in(std::string_view text) { return Reader(text).read(); }

std::string format_time(Time time, std::string_view format) {
  if (format.empty()) format = "G";
  if (format.size() > 256) refuse(format);
  if (format.size() == 1) {
    format = standard_format(format.front());
    if (format.empty()) throw EvaluationFailure{"there is no such standard format for times"};
  }
  return Formatter(time).run(format);
}

}  // namespace linkspan::rules
