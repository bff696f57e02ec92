#include "model/dn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/error.h"

namespace linkspan::model {
namespace {

TEST(DnTest, KeyIgnoresCaseBlanksAndEscapingStyle) {
  const std::string key = dn_key("CN=Ada Lovelace,OU=People,DC=corp,DC=example");
  EXPECT_EQ(key, "cn=ada lovelace,ou=people,dc=corp,dc=example");
  EXPECT_EQ(dn_key("cn = Ada  Lovelace , ou=People,dc=corp, dc=example"), key);
  EXPECT_EQ(dn_key("CN=\\41da Lovelace,OU=People,DC=corp,DC=example"), key);
  EXPECT_EQ(dn_key("cn=\"Ada Lovelace\",ou=people,dc=corp,dc=example"), key);
}

TEST(DnTest, KeySortsThePairsOfAMultiValuedRdn) {
  EXPECT_EQ(dn_key("uid=ada+cn=Ada,dc=example"), dn_key("CN=ada+UID=ADA,DC=example"));
}

TEST(DnTest, KeyKeepsEscapedCommasApartFromSeparators) {
  EXPECT_NE(dn_key("cn=Lovelace\\, Ada,dc=example"), dn_key("cn=Lovelace,Ada=,dc=example"));
  EXPECT_EQ(dn_key("cn=Lovelace\\2c Ada,dc=example"), dn_key("cn=Lovelace\\, Ada,dc=example"));
  EXPECT_EQ(parent_key(dn_key("cn=Lovelace\\, Ada,dc=example")), "dc=example");
}

TEST(DnTest, KeyFoldsBeyondAscii) {
  EXPECT_EQ(dn_key("cn=ÅSA STRAẞE,dc=example"), dn_key("cn=åsa strasse,dc=example"));
}

TEST(DnTest, AFullWidthCommaInAValueIsNoSeparator) {
  EXPECT_EQ(dn_key("cn=\xEF\xBC\xA1\xEF\xBC\x8C"
                   "b,dc=example"),
            dn_key("cn=a\\,b,dc=example"));
  EXPECT_EQ(parent_key(dn_key("cn=\xEF\xBC\xA1\xEF\xBC\x8C"
                              "b,dc=example")),
            "dc=example");
  EXPECT_EQ(dn_key("cn=山田 太郎 , ou=People,dc=example"), "cn=山田 太郎,ou=people,dc=example");
}

TEST(DnTest, WhatIsNoDnIsComparedAsText) {
  EXPECT_EQ(dn_key("Ada"), "ada");
  EXPECT_THROW((void)parse_dn("no equals sign"), Error);
  EXPECT_THROW((void)parse_dn(std::string("cn=a\0b,dc=x", 11)), Error);
}

TEST(DnTest, WithinHoldsForItselfAndAllBelow) {
  const std::string people = dn_key("ou=People,dc=example");
  EXPECT_TRUE(is_within(people, people));
  EXPECT_TRUE(is_within(dn_key("cn=a,ou=x,ou=People,dc=example"), people));
  EXPECT_TRUE(is_within("dc=example", ""));
  EXPECT_FALSE(is_within(dn_key("cn=a,ou=otherpeople,dc=example"), people));
  EXPECT_FALSE(is_within(dn_key("cn=x\\,ou=people\\,dc=example"), people));
}

RC_GTEST_PROP(DnProperty, TextGoesThereAndBack, (const std::string& raw)) {
  std::string value;
  for (const char c : raw) {
    if (c != '\0') value += c;
  }
  if (value.empty()) value = "x";
  const Dn dn{{{{"cn", value}}, {{"dc", "example"}}}};
  const Dn back = parse_dn(to_text(dn));
  RC_ASSERT(back.rdns.size() == 2U);
  RC_ASSERT(back.rdns[0][0].second == value);
  RC_ASSERT(dn_key(to_text(dn)) == dn_key(to_text(back)));
  RC_ASSERT(parent_key(dn_key(to_text(dn))) == "dc=example");
}

TEST(DnTest, TheDomainIsTheDcComponentsAtTheEnd) {
  EXPECT_EQ(domain_components("CN=a,DC=b,OU=c,DC=Corp,dc=example"), (std::vector<std::string>{"Corp", "example"}));
  EXPECT_TRUE(domain_components("uid=a,ou=b").empty());
  EXPECT_TRUE(domain_components("no DN").empty());
}

}  // namespace
}  // namespace linkspan::model
