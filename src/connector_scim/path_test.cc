// Attribute paths: what is read is written back, and what is no path is refused.

#include "connector_scim/internal/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace linkspan::connector_scim {
namespace {

TEST(ScimPathTest, EachFormIsReadAndWrittenBack) {
  for (const std::string name :
       {"userName", "name.givenName", R"(emails[type eq "work"].value)", R"(addresses[type eq "work"])",
        "enterprise:manager", "enterprise:cost.center", "urn:example:params:2.0:User:badge",
        "urn:example:params:2.0:User:badge.colour", R"(urn:example:x:User:keys[type eq "a:b]"].value)",
        "roles[primary eq true].value", "x509Certificates.value"}) {
    EXPECT_EQ(to_name(parse_path(name)), name);
  }
}

TEST(ScimPathTest, EnterpriseIsShortForItsUrnAndIsSentInFull) {
  const Path path = parse_path("enterprise:department");
  EXPECT_EQ(path.urn, k_enterprise_schema);
  EXPECT_EQ(to_wire(path), "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department");
  EXPECT_EQ(parse_path(to_wire(path)), path);
}

TEST(ScimPathTest, AFilterTakesItsPartsAndItsEscapes) {
  const Path path = parse_path(R"(emails[type EQ "a\"] .b"].display)");
  ASSERT_TRUE(path.filter.has_value());
  EXPECT_EQ(path.filter->attribute, "type");
  EXPECT_EQ(path.filter->value, R"(a"] .b)");
  EXPECT_EQ(path.sub, "display");
  EXPECT_EQ(element_of(path), R"(emails[type eq "a\"] .b"])");
}

TEST(ScimPathTest, WhatIsNoPathIsRefusedByName) {
  for (const std::string name : {"",
                                 ".",
                                 "a.",
                                 ".a",
                                 "a.b.c",
                                 "a[",
                                 "a[type]",
                                 R"(a[type eq "x)",
                                 R"(a[type ne "x"])",
                                 R"(a[type eq "x"]y)",
                                 R"(a[type eq "x"].)",
                                 "a[type eq x]",
                                 R"([type eq "x"].value)",
                                 "other:department",
                                 ":a",
                                 "enterprise:",
                                 "a b",
                                 R"(a[type eq "x" and value eq "y"])",
                                 "userName\n",
                                 "1a"}) {
    try {
      (void)parse_path(name);
      ADD_FAILURE() << "taken as a path: " << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.id(), "scim.attribute_path") << name;
    }
  }
  EXPECT_THROW((void)parse_path(std::string(513, 'a')), Error);
}

TEST(ScimPathTest, FiltersQuoteWhatTheyCompare) {
  EXPECT_EQ(equality_filter(parse_path("externalId"), json_string("a\"b\\c\n")), R"(externalId eq "a\"b\\c\n")");
  EXPECT_EQ(equality_filter(parse_path(R"(emails[type eq "work"].value)"), json_string("a@b")),
            R"(emails[type eq "work" and value eq "a@b"])");
  EXPECT_EQ(equality_filter(parse_path("active"), "true"), "active eq true");
  EXPECT_THROW((void)json_string("\xff"), Error);
}

}  // namespace
}  // namespace linkspan::connector_scim
