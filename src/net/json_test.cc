#include "net/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace linkspan::net {
namespace {

std::string nested(std::size_t levels, std::string_view opening = "[", std::string_view closing = "]") {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) text += opening;
  text += "1";
  for (std::size_t i = 0; i < levels; ++i) text += closing;
  return text;
}

TEST(JsonTest, WhatIsNoJsonIsDiscarded) {
  EXPECT_EQ(parse_json(R"({"a":[1,true,null,"x"]})")["a"].size(), 4U);
  for (const char* text : {"", "{", "<html>", "[1] 2", "\"\xff\""})
    EXPECT_TRUE(parse_json(text).is_discarded()) << text;
}

TEST(JsonTest, NestedDeeperThanAnyReplyIsDiscarded) {
  EXPECT_TRUE(parse_json(nested(100)).is_array());
  EXPECT_TRUE(parse_json(nested(101)).is_discarded());
  EXPECT_TRUE(parse_json(nested(101, R"({"a":)", "}")).is_discarded());
  EXPECT_TRUE(parse_json(nested(1'000'000)).is_discarded());
}

TEST(JsonTest, BracketsInTextNestNothing) {
  const std::string brackets(1000, '[');
  EXPECT_EQ(parse_json(R"(["\")" + brackets + R"(\\",1])").size(), 2U);
  EXPECT_EQ(parse_json("[" + nested(2) + std::string(998, ' ') + "]").size(), 1U);
  std::string many = "[0";
  for (int i = 0; i < 1000; ++i) many += ",{}";
  EXPECT_EQ(parse_json(many + "]").size(), 1001U);
}

}  // namespace
}  // namespace linkspan::net
