#include "model/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/error.h"
#include "base/hash.h"

namespace rc {
template <>
struct Arbitrary<linkspan::model::Binary> {
  static Gen<linkspan::model::Binary> arbitrary() {
    return gen::map(gen::arbitrary<std::string>(),
                    [](std::string bytes) { return linkspan::model::Binary{std::move(bytes)}; });
  }
};
template <>
struct Arbitrary<linkspan::model::Value> {
  static Gen<linkspan::model::Value> arbitrary() {
    using linkspan::model::Binary;
    using linkspan::model::Value;
    return gen::oneOf(gen::map(gen::arbitrary<std::string>(), [](std::string text) { return Value(std::move(text)); }),
                      gen::map(gen::arbitrary<Binary>(), [](Binary bytes) { return Value(std::move(bytes)); }),
                      gen::map(gen::arbitrary<std::int64_t>(), [](std::int64_t number) { return Value(number); }),
                      gen::map(gen::arbitrary<bool>(), [](bool flag) { return Value(flag); }),
                      gen::map(gen::arbitrary<std::int64_t>(), [](std::int64_t number) {
                        return Value(linkspan::Time{std::chrono::microseconds{number}});
                      }));
  }
};
}  // namespace rc

namespace linkspan::model {
namespace {

Image image_of(const std::map<std::uint16_t, Values>& content) {
  Image image;
  for (const auto& [name, values] : content) image.set(NameId{name} + 1U, values);
  return image;
}

RC_GTEST_PROP(ImageProperty, DecodeIsTheInverseOfEncode, (const std::map<std::uint16_t, Values>& content)) {
  const Image image = image_of(content);
  RC_ASSERT(decode(encode(image)) == image);
  RC_ASSERT(encode(decode(encode(image))) == encode(image));
}

RC_GTEST_PROP(ImageProperty, NoBytesCrashTheDecoder, (std::string bytes)) {
  bytes.insert(bytes.begin(), '\x01');
  try {
    const Image image = decode(bytes);
    RC_ASSERT(encode(image).size() <= bytes.size() + 16U);
  } catch (const Error& error) {
    RC_ASSERT(error.id() == "model.image");
  }
}

// The checksum keeps random bytes out, so they are also given one that fits.
RC_GTEST_PROP(ImageProperty, NoBytesWithASoundChecksumCrashTheDecoder, (const std::string& bytes)) {
  const auto check = static_cast<std::uint32_t>(hash64(bytes));
  std::string whole(1, '\x02');
  for (int i = 0; i < 4; ++i) whole += static_cast<char>(check >> (8 * i));
  whole += bytes;
  try {
    RC_ASSERT(encode(decode(whole)).size() <= whole.size() + 16U);
  } catch (const Error& error) {
    RC_ASSERT(error.id() == "model.image");
  }
}

RC_GTEST_PROP(ImageProperty, EveryFlippedBitIsFound, (const std::map<std::uint16_t, Values>& content)) {
  const std::string sound = encode(image_of(content));
  for (std::size_t bit = 0; bit < sound.size() * 8; bit += 1 + sound.size() / 40) {
    std::string broken = sound;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << (bit % 8)));
    RC_ASSERT_THROWS_AS((void)decode(broken), Error);
  }
}

RC_GTEST_PROP(ImageProperty, DifferenceIsEmptyOnceApplied,
              (const std::map<std::uint16_t, Values>& before, const std::map<std::uint16_t, Values>& after)) {
  const Image desired = image_of(after);
  const Image actual = effective(image_of(before), difference(image_of(before), desired), Image{});
  RC_ASSERT(difference(actual, desired).empty());
}

TEST(ImageTest, KeepsReferenceSourcesAndLineage) {
  Image image;
  image.set_references(7, {{ObjectId{9}, 2}, {ObjectId{3}, 2}, {ObjectId{9}, 2}});
  EXPECT_EQ(decode(encode(image)).find(7)->references.size(), 2U);
  image.set_references(8, {{ObjectId{9}, 2, 5, 3, true}, {ObjectId{3}, 2}, {ObjectId{9}, 2, 5, 0, true}});
  EXPECT_EQ(decode(encode(image)), image);
  const Lineage lineage{{1, RuleId{4}, ObjectId{5}}};
  EXPECT_EQ(decode_lineage(encode_lineage(lineage)), lineage);
}

TEST(ImageTest, WhatAnEarlierVersionWroteIsRead) {
  Image image;
  image.set(3, {std::string("Ada"), std::int64_t{-5}});
  // Version 1: no checksum, the rest as today.
  const std::string bytes = encode(image);
  EXPECT_EQ(decode("\x01" + bytes.substr(5)), image);
  EXPECT_EQ(bytes.substr(0, 1), "\x02");
  const Lineage lineage{{1, RuleId{4}, ObjectId{5}}};
  EXPECT_EQ(decode_lineage("\x01" + encode_lineage(lineage).substr(5)), lineage);
  std::string broken = encode_lineage(lineage);
  broken.back() = static_cast<char>(broken.back() ^ 1);
  EXPECT_THROW((void)decode_lineage(broken), Error);
}

TEST(ImageTest, TruncatedBytesAreCorruptNotACrash) {
  Image image;
  image.set(1, {std::string("value"), std::int64_t{-5}});
  const std::string bytes = encode(image);
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    EXPECT_THROW((void)decode(std::string_view(bytes).substr(0, length)), Error) << length;
  }
  EXPECT_THROW((void)decode(bytes + "x"), Error);
}

Image text(const char* value) {
  Image image;
  image.set(1, {std::string(value)});
  return image;
}

TEST(ConfirmTest, WhatComesBackAsSentIsConfirmed) {
  const Confirmation result = confirm(text("Ada"), text("Ada"), Image{});
  EXPECT_TRUE(result.sent.empty());
  EXPECT_TRUE(result.not_reimported.empty());
}

TEST(ConfirmTest, WhatTheTargetRewritesIsKeptAsAShadowAndCausesNoExport) {
  const Confirmation result = confirm(text("ada"), text("Ada"), Image{});
  EXPECT_TRUE(result.not_reimported.empty());
  EXPECT_TRUE(difference(effective(text("ada"), result.sent, result.shadow), text("Ada")).empty());
  EXPECT_FALSE(difference(effective(text("eve"), result.sent, result.shadow), text("Ada")).empty());
  const Confirmation again = confirm(text("ada"), result.sent, result.shadow);
  EXPECT_EQ(again.sent, result.sent);
  EXPECT_EQ(again.shadow, result.shadow);
}

TEST(ConfirmTest, WhatComesBackOtherwiseIsPendingAgain) {
  const Confirmation result = confirm(text("Eve"), text("Ada"), Image{});
  EXPECT_THAT(result.not_reimported, ::testing::ElementsAre(1U));
  EXPECT_FALSE(difference(effective(text("Eve"), result.sent, result.shadow), text("Ada")).empty());
}

TEST(ConfirmTest, TheSameOtherTextTwiceIsTheTargetsHabit) {
  Confirmation first = confirm(text("ada_x"), text("ada@x"), Image{});
  EXPECT_THAT(first.not_reimported, ::testing::ElementsAre(1U));
  EXPECT_FALSE(difference(effective(text("ada_x"), first.sent, first.shadow), text("ada@x")).empty());
  const Confirmation unsent = confirm(text("ada_x"), first.sent, first.shadow);
  EXPECT_FALSE(difference(effective(text("ada_x"), unsent.sent, unsent.shadow), text("ada@x")).empty());
  record_sent(first.sent, first.shadow, 1, {std::string("ada@x")});
  EXPECT_TRUE(difference(effective(text("ada_x"), first.sent, first.shadow), text("ada@x")).empty());
  const Confirmation second = confirm(text("ada_x"), first.sent, first.shadow);
  EXPECT_TRUE(second.not_reimported.empty());
  EXPECT_TRUE(difference(effective(text("ada_x"), second.sent, second.shadow), text("ada@x")).empty());
  EXPECT_FALSE(difference(effective(text("eve"), second.sent, second.shadow), text("ada@x")).empty());
}

TEST(ConfirmTest, AnotherValueSentForgetsTheOldAnswer) {
  Confirmation first = confirm(text("ada_x"), text("ada@x"), Image{});
  record_sent(first.sent, first.shadow, 1, {std::string("bob@x")});
  EXPECT_THAT(confirm(text("ada_x"), first.sent, first.shadow).not_reimported, ::testing::ElementsAre(1U));
}

TEST(ConfirmTest, AFlagThatComesBackUnchangedIsNeverAHabit) {
  Image off;
  off.set(1, {false});
  Image on;
  on.set(1, {true});
  Image sent = off;
  Image shadow;
  for (int i = 0; i < 3; ++i) {
    const Confirmation result = confirm(on, sent, shadow);
    EXPECT_THAT(result.not_reimported, ::testing::ElementsAre(1U));
    sent = result.sent;
    shadow = result.shadow;
    EXPECT_FALSE(difference(effective(on, sent, shadow), off).empty());
    record_sent(sent, shadow, 1, {false});
  }
}

}  // namespace
}  // namespace linkspan::model
