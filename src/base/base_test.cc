#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

namespace linkspan {
namespace {

using ::testing::ElementsAre;

TEST(TextTest, FoldKeyMakesCaseAndCompositionTheSameBytes) {
  EXPECT_EQ(fold_key("STRASSE"), fold_key("straße"));
  EXPECT_EQ(fold_key("Ada"), "ada");
  EXPECT_EQ(fold_key("e\xCC\x81"), fold_key("É"));
  EXPECT_EQ(fold_key("\xff\xfe"), "\xff\xfe");
  EXPECT_NE(fold_key("ada"), fold_key("ada "));
}

TEST(TextTest, RefusesMalformedUtf8) {
  EXPECT_TRUE(is_utf8("naïve 😀"));
  EXPECT_FALSE(is_utf8("\xC0\xAF"));
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_utf8("\xE2\x82"));
}

TEST(TextTest, HexAndBase64GoThereAndBack) {
  const std::string bytes("\0\x01\xff\x80z", 5);
  EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
  EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  EXPECT_EQ(to_base64("Man"), "TWFu");
  EXPECT_EQ(from_base64("TWF"), std::nullopt);
  EXPECT_EQ(from_base64("TW Fu"), std::nullopt);
  EXPECT_EQ(from_hex("0g"), std::nullopt);
}

TEST(TextTest, PrintableHidesControlCharactersAndCutsAtCodePoints) {
  EXPECT_EQ(printable("a\r\n\x1b[31m"), "a\\x0d\\x0a\\x1b[31m");
  EXPECT_EQ(printable("ééé", 3), "éé…");
}

TEST(TextTest, SplitTrimAndIntegers) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_EQ(trim(" \ta b\n"), "a b");
  EXPECT_EQ(to_integer("-42"), -42);
  EXPECT_EQ(to_integer("9223372036854775808"), std::nullopt);
  EXPECT_EQ(to_integer(" 1"), std::nullopt);
  EXPECT_EQ(code_points("a😀é"), 3U);
}

TEST(TextTest, NearestSuggestsOnlyWhatIsNear) {
  const std::vector<std::string> words{"Trim", "IsPresent", "IIF"};
  EXPECT_EQ(nearest("isPresnt", words), "IsPresent");
  EXPECT_EQ(nearest("Zebra", words), std::nullopt);
}

TEST(ClockTest, Rfc3339GoesThereAndBack) {
  EXPECT_EQ(to_rfc3339(from_rfc3339("2026-11-22T17:23:57.25Z")), "2026-11-22T17:23:57.25Z");
  EXPECT_EQ(to_rfc3339(from_rfc3339("2026-11-22T17:23:57+02:00")), "2026-11-22T15:23:57Z");
  EXPECT_THROW((void)from_rfc3339("yesterday"), Error);
  EXPECT_THROW((void)from_rfc3339("2026-11-22T17:23:57Z and more"), Error);
}

TEST(ErrorTest, CarriesItsTrailHintAndDelay) {
  try {
    throw Error(Fault::throttled, "net.throttled", "scim-prod asked to wait", "Nothing to do.")
        .retry_after(std::chrono::seconds(2))
        .while_doing("exporting ada");
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "scim-prod asked to wait (while exporting ada)");
    EXPECT_EQ(error.retry_after(), std::chrono::seconds(2));
    EXPECT_EQ(name_of(error.fault()), "throttled");
  }
}

TEST(BoundedQueueTest, DeliversInOrderThenTheProducersFailure) {
  BoundedQueue<int> queue(2);
  std::jthread producer([&] {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue.push(i));
    queue.fail(std::make_exception_ptr(Error(Fault::unavailable, "test.gone", "gone")));
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(queue.pop(), i);
  EXPECT_THROW((void)queue.pop(), Error);
}

TEST(BoundedQueueTest, CancelledConsumerStopsTheProducer) {
  BoundedQueue<int> queue(1);
  std::jthread producer([&] {
    int sent = 0;
    while (queue.push(sent)) ++sent;
    EXPECT_LE(sent, 3);
  });
  EXPECT_EQ(queue.pop(), 0);
  queue.cancel();
}

TEST(HashTest, IsStableAcrossPlatforms) {
  EXPECT_EQ(to_hex(hash128("linkspan")), to_hex(hash128("linkspan")));
  EXPECT_EQ(hash128("").size(), 16U);
  Sha256 sha;
  sha.update("abc");
  EXPECT_EQ(to_hex(sha.finish()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace linkspan
