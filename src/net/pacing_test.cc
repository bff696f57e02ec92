#include "net/pacing.h"

#include <gtest/gtest.h>

namespace linkspan::net {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

const Time k_now = from_rfc3339("2026-11-22T17:23:57Z");

TEST(RetryAfterTest, ReadsSecondsAndFractions) {
  EXPECT_EQ(parse_retry_after("0", k_now), 0ms);
  EXPECT_EQ(parse_retry_after(" 7 ", k_now), 7s);
  EXPECT_EQ(parse_retry_after("0.25", k_now), 250ms);
  EXPECT_EQ(parse_retry_after("1.0004", k_now), 1001ms);
}

TEST(RetryAfterTest, ReadsTheThreeFormsOfADate) {
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 17:24:00 GMT", k_now), 3s);
  EXPECT_EQ(parse_retry_after("Sunday, 22-Nov-26 17:24:00 GMT", k_now), 3s);
  EXPECT_EQ(parse_retry_after("Sun Nov 22 17:24:00 2026", k_now), 3s);
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 17:00:00 GMT", k_now), 0ms);
}

TEST(RetryAfterTest, IsBoundedAndForgetsNonsense) {
  EXPECT_EQ(parse_retry_after("86400", k_now), 5min);
  EXPECT_EQ(parse_retry_after("99999999999999999999999", k_now), 5min);
  EXPECT_EQ(parse_retry_after("Mon, 23 Nov 2026 17:24:00 GMT", k_now), 5min);
  for (const auto* text : {"", " ", "-1", "+1", "soon", "1e3", "5 minutes", "nan", "inf", "0x10", "1,5"}) {
    EXPECT_EQ(parse_retry_after(text, k_now), std::nullopt) << text;
  }
  EXPECT_EQ(parse_retry_after(std::string(1000, '1'), k_now), std::nullopt);
}

TEST(RetryDelayTest, OnlySomeStatusesInviteAnotherAttempt) {
  for (const int status : {408, 429, 500, 502, 503, 504})
    EXPECT_TRUE(retry_delay(1, status, "", k_now, 1s, 0)) << status;
  for (const int status : {200, 204, 301, 400, 401, 403, 404, 409, 412, 413, 501, 505}) {
    EXPECT_FALSE(retry_delay(1, status, "1", k_now, 1s, 0)) << status;
  }
  EXPECT_EQ(retry_delay(3, 503, "2", k_now, 1s, 0), 2s);
}

TEST(RetryDelayTest, BackOffDoublesWithJitterUpToItsBound) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    milliseconds full = 1s;
    for (int attempt = 1; attempt < 100; ++attempt) {
      const auto delay = backoff(attempt, 1s, seed);
      EXPECT_GE(delay, full / 2);
      EXPECT_LE(delay, full);
      full = std::min<milliseconds>(full * 2, 5min);
    }
  }
  EXPECT_NE(backoff(1, 1s, 1), backoff(1, 1s, 2));
  EXPECT_EQ(backoff(4, 1s, 9), backoff(4, 1s, 9));
}

TEST(TokenBucketTest, AllowsABurstAndThenItsRate) {
  TokenBucket::Instant now{};
  TokenBucket bucket(10, 1s, now);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
  EXPECT_EQ(bucket.ready_at(now), now + 100ms);
  now += 99ms;
  EXPECT_FALSE(bucket.take(now));
  now = bucket.ready_at(now);
  EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
  now += 1h;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now)) << "an idle hour saves up no more than one burst";
}

TEST(TokenBucketTest, ZeroIsNoLimit) {
  TokenBucket bucket(0, 1s, {});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(bucket.take({}));
  EXPECT_EQ(bucket.ready_at({}), TokenBucket::Instant{});
}

}  // namespace
}  // namespace linkspan::net
