// Functions of time. Everything is UTC.

#include <array>
#include <chrono>

#include "base/text.h"
#include "rules/internal/evaluation.h"
#include "rules/internal/functions.h"
#include "rules/internal/time_text.h"

namespace linkspan::rules {
namespace {

constexpr std::int64_t k_second = 1'000'000;
constexpr std::int64_t k_day = 86'400 * k_second;
/// Microseconds between 1601-01-01, where FILETIME begins, and 1970-01-01.
constexpr std::int64_t k_filetime_epoch = 11'644'473'600 * k_second;

Datum checked(std::int64_t microseconds) {
  constexpr std::int64_t k_first = -719'162 * k_day;  // 0001-01-01
  constexpr std::int64_t k_end = 2'932'897 * k_day;   // 10000-01-01
  if (microseconds < k_first || microseconds >= k_end)
    Evaluation::fail("the result lies outside of the years 1 to 9999");
  return Datum::of(Time{std::chrono::microseconds{microseconds}});
}

Datum add_months(Time time, std::int64_t months) {
  if (months > 120'000 || months < -120'000) Evaluation::fail("the result lies outside of the years 1 to 9999");
  const auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date{day};
  date += std::chrono::months{months};
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  return checked(Time{std::chrono::sys_days{date} + (time - day)}.time_since_epoch().count());
}

Datum add_fixed(Time time, std::int64_t count, std::int64_t unit) {
  std::int64_t span = 0;
  std::int64_t result = 0;
  if (__builtin_mul_overflow(count, unit, &span) ||
      __builtin_add_overflow(time.time_since_epoch().count(), span, &result)) {
    Evaluation::fail("the result lies outside of the years 1 to 9999");
  }
  return checked(result);
}

Datum call_date_add(Evaluation&, const Datum* a, std::size_t) {
  if (a[0].is_null()) Evaluation::fail("the interval is one of yyyy q m y d w ww h n s");
  if (a[2].is_null() || a[1].is_null()) return {};
  const std::string_view interval = a[0].text();
  const std::int64_t count = a[1].number;
  const Time time = a[2].time();
  std::int64_t months = 0;
  if (interval == "yyyy") months = 12;
  if (interval == "q") months = 3;
  if (interval == "m") months = 1;
  if (months != 0) return add_months(time, count > 1'000'000 || count < -1'000'000 ? 1'000'000 : count * months);
  if (interval == "y" || interval == "d" || interval == "w") return add_fixed(time, count, k_day);
  if (interval == "ww") return add_fixed(time, count, 7 * k_day);
  if (interval == "h") return add_fixed(time, count, 3600 * k_second);
  if (interval == "n") return add_fixed(time, count, 60 * k_second);
  if (interval == "s") return add_fixed(time, count, k_second);
  Evaluation::fail("the interval is one of yyyy q m y d w ww h n s");
}

Datum call_date_from_num(Evaluation&, const Datum* a, std::size_t) {
  return checked(a[0].number / 10 - k_filetime_epoch);
}

Datum call_num_from_date(Evaluation&, const Datum* a, std::size_t) {
  const std::int64_t since = a[0].number + k_filetime_epoch;
  if (since < 0) Evaluation::fail("numbers for times begin in the year 1601");
  return Datum::of(since * 10);
}

Datum call_format(Evaluation& e, const Datum* a, std::size_t) {
  return Datum::of(e.arena().keep(format_time(a[0].time(), a[1].is_null() ? std::string_view() : a[1].text())));
}

Datum call_now(Evaluation& e, const Datum*, std::size_t) { return Datum::of(e.source().now()); }

using enum Parameter;

const std::array<Function, 5> k_functions{{
    {"DateAdd",
     "DateAdd(interval, count, time)",
     "A time so much later; interval is yyyy, q, m, y, d, w, ww, h, n or s.",
     {text, number, time},
     3,
     3,
     k_time | k_null,
     false,
     call_date_add},
    {"DateFromNum",
     "DateFromNum(number)",
     "The time of a Windows FILETIME.",
     {number},
     1,
     1,
     k_time,
     true,
     call_date_from_num},
    {"FormatDateTime",
     "FormatDateTime(time, format)",
     "A time as text by a .NET format: yyyy-MM-dd, o, ...",
     {time, text},
     2,
     2,
     k_text,
     true,
     call_format},
    {"Now", "Now()", "The present, in UTC.", {}, 0, 0, k_time, false, call_now},
    {"NumFromDate",
     "NumFromDate(time)",
     "The Windows FILETIME of a time.",
     {time},
     1,
     1,
     k_number,
     true,
     call_num_from_date},
}};

}  // namespace

std::span<const Function> time_functions() { return k_functions; }

}  // namespace linkspan::rules
