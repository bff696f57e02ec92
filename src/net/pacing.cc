#include "net/pacing.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "base/hash.h"
#include "base/text.h"

namespace linkspan::net {

using std::chrono::milliseconds;

std::optional<milliseconds> parse_retry_after(std::string_view text, Time now) {
  text = trim(text);
  if (text.empty() || text.size() > 64) return std::nullopt;
  if (text.front() >= '0' && text.front() <= '9') {
    double seconds = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
    if (error == std::errc::result_out_of_range) return k_longest_delay;
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    const double bounded = std::min(seconds, std::chrono::duration<double>(k_longest_delay).count());
    return milliseconds(static_cast<std::int64_t>(std::ceil(bounded * 1000)));
  }
  if (text.front() == '-' || text.front() == '+') return std::nullopt;
  const std::time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date == -1) return std::nullopt;
  const auto wait = std::chrono::ceil<milliseconds>(Time{std::chrono::seconds{date}} - now);
  return std::clamp(wait, milliseconds(0), k_longest_delay);
}

bool is_retryable(int status) noexcept {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

milliseconds backoff(int attempt, milliseconds first, std::uint64_t seed) {
  const int doublings = std::clamp(attempt - 1, 0, 20);
  const milliseconds full = std::min<milliseconds>(first * (std::int64_t{1} << doublings), k_longest_delay);
  const std::string mix = std::to_string(attempt);
  const auto share = static_cast<std::int64_t>(hash64(mix, seed) % 1024);
  return full / 2 + full * share / 2048;
}

std::optional<milliseconds> retry_delay(int attempt, int status, std::string_view retry_after, Time now,
                                        milliseconds first, std::uint64_t seed) {
  if (!is_retryable(status)) return std::nullopt;
  if (const auto asked = parse_retry_after(retry_after, now)) return asked;
  return backoff(attempt, first, seed);
}

TokenBucket::TokenBucket(std::uint32_t most, milliseconds interval, Instant now)
    : most_(most),
      per_nanosecond_(interval.count() > 0 ? most_ / (static_cast<double>(interval.count()) * 1e6) : 0),
      tokens_(most_),
      last_(now) {
  if (per_nanosecond_ <= 0) most_ = 0;
}

void TokenBucket::refill(Instant now) {
  if (now <= last_) return;
  const auto passed = std::chrono::duration<double, std::nano>(now - last_).count();
  tokens_ = std::min(most_, tokens_ + passed * per_nanosecond_);
  last_ = now;
}

bool TokenBucket::take(Instant now, std::uint32_t count) {
  if (most_ <= 0) return true;
  refill(now);
  if (tokens_ < count) return false;
  tokens_ -= count;
  return true;
}

TokenBucket::Instant TokenBucket::ready_at(Instant now, std::uint32_t count) {
  if (most_ <= 0) return now;
  refill(now);
  if (tokens_ >= count) return now;
  return now + std::chrono::nanoseconds(static_cast<std::int64_t>(std::ceil((count - tokens_) / per_nanosecond_)));
}

}  // namespace linkspan::net
