#include "net/url.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace linkspan::net {
namespace {

TEST(UrlTest, EncodesAllButTheUnreserved) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c?d#e%&=+"), "a%20b%2Fc%3Fd%23e%25%26%3D%2B");
  EXPECT_EQ(percent_encode("é"), "%C3%A9");
  EXPECT_EQ(percent_encode(std::string_view("\0\r\n", 3)), "%00%0D%0A");
}

TEST(UrlTest, JoinsSegmentsWithoutLettingThemEscape) {
  EXPECT_EQ(join_path("https://h/scim/v2", {"Users", "a/../b"}), "https://h/scim/v2/Users/a%2F..%2Fb");
  EXPECT_EQ(join_path("https://h/scim/v2/?x=1#f", {"Users"}), "https://h/scim/v2/Users");
  EXPECT_EQ(join_path("https://h", {"me?x"}), "https://h/me%3Fx");
  for (const auto* segment : {"", ".", ".."}) EXPECT_THROW((void)join_path("https://h", {segment}), Error) << segment;
}

TEST(UrlTest, AddsToTheQuery) {
  EXPECT_EQ(with_query("https://h/Users", {{"filter", "userName eq \"a&b\""}, {"count", "10"}}),
            "https://h/Users?filter=userName%20eq%20%22a%26b%22&count=10");
  EXPECT_EQ(with_query("https://h/Users?a=1#frag", {{"b", "2"}}), "https://h/Users?a=1&b=2");
  EXPECT_EQ(with_query("https://h/Users?", {{"b", "2"}}), "https://h/Users?b=2");
}

TEST(UrlTest, OriginsCompareAsServersDo) {
  EXPECT_EQ(origin_of("https://Host.Example/a"), "https://host.example:443");
  EXPECT_EQ(origin_of("http://h:8080"), "http://h:8080");
  EXPECT_EQ(origin_of("https://[::1]/x"), "https://[::1]:443");
  for (const auto* url : {"", "h", "/path", "ftp://h/", "file:///etc/passwd", "https://", "https://u:p@h/",
                          "https://u@h/", "https://h/a b", "https://h/\r\nX: y", "javascript:alert(1)"}) {
    EXPECT_THROW((void)origin_of(url), Error) << url;
  }
}

TEST(UrlTest, LoopbackIsSaidByTheHostAlone) {
  for (const auto* url : {"http://localhost/a", "http://127.0.0.1:80", "http://127.9.8.7/", "http://[::1]:8080/x"}) {
    EXPECT_TRUE(is_loopback(url)) << url;
  }
  for (const auto* url : {"http://127.evil.example/", "http://localhost.example/", "https://h/127.0.0.1"}) {
    EXPECT_FALSE(is_loopback(url)) << url;
  }
}

TEST(UrlTest, ResolvesReferences) {
  EXPECT_EQ(resolve("https://h/a/b?x=1", "c"), "https://h/a/c");
  EXPECT_EQ(resolve("https://h/a/b", "/c?d=1"), "https://h/c?d=1");
  EXPECT_EQ(resolve("https://h/a", "https://other/x"), "https://other/x");
  EXPECT_EQ(resolve("https://h/a", "//other/x"), "https://other/x");
  EXPECT_EQ(resolve("https://h/a", "file:///etc/passwd"), std::nullopt);
  EXPECT_EQ(resolve("https://h/a", ""), std::nullopt);
}

TEST(UrlTest, WhatIsShownHasNeitherQueryNorUser) {
  EXPECT_EQ(for_display("https://h/a?token=1"), "https://h/a");
  EXPECT_EQ(for_display("https://user:secret@h/a#x"), "https://h/a");
  EXPECT_EQ(for_display("https://h/a@b"), "https://h/a@b");
  EXPECT_EQ(for_display("user:secret"), "user:secret");
}

}  // namespace
}  // namespace linkspan::net
