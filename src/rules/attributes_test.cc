// Slips of the pen in names of attributes.

#include "rules/attributes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linkspan::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view k_rules = R"toml([[rule]]
name = "in"
direction = "inbound"
kind = "ldap"
source = "inetOrgPerson"
target = "person"
link = "provision"
precedence = 1
scope = [["employeType NOTEQUAL guest"]]
join = [["entryUUID = sourceAnchr"]]
[rule.flows]
sourceAnchor = "[entryUUID]"
displayName = "IIF(IsPresent([displayname]), Trim([displayname]), [ourOwnName])"
phone = 'ImportedValue("telephoneNumbr")'

[[rule]]
name = "out"
direction = "outbound"
kind = "scim"
source = "person"
target = "User"
link = "provision"
precedence = 2
[rule.flows]
externalId = "[sourceAnchor]"
displayNmae = "[displayNam]"
)toml";

std::vector<Problem> problems_of(std::string_view text, const SeenAttributes& seen = {}) {
  std::vector<Problem> problems;
  const std::vector<Rule> rules = parse_rules(text, "r.toml", problems);
  const std::vector<ConnectorName> connectors{{"corp", "ldap"}, {"cloud", "scim"}};
  check_attributes(rules, connectors, seen, problems);
  attach_source(problems, "r.toml", text);
  return problems;
}

std::vector<std::string> texts_of(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const Problem& one : problems) {
    EXPECT_EQ(one.id, "rules.unknown_attribute");
    EXPECT_EQ(one.severity, Problem::Severity::warning);
    out.push_back(one.text + " " + one.hint);
  }
  return out;
}

TEST(AttributesTest, WhatIsNearlyAKnownAttributeIsWarnedOfAndWhatIsOnlyStrangeIsNot) {
  EXPECT_THAT(texts_of(problems_of(k_rules)),
              ElementsAre("employeType Did you mean employeeType?", "sourceAnchr Did you mean sourceAnchor?",
                          "[displayname] Did you mean displayName?", "[telephoneNumbr] Did you mean telephoneNumber?",
                          "displayNmae Did you mean displayName?", "[displayNam] Did you mean displayName?"));
}

TEST(AttributesTest, TheTextIsUnderlinedWhereItStands) {
  const std::vector<Problem> problems = problems_of(k_rules);
  ASSERT_GE(problems.size(), 3U);
  EXPECT_EQ(to_text(problems[2]),
            "r.toml:13:30: warning: rule \"in\": displayname is not known of inetOrgPerson [rules.unknown_attribute]\n"
            "    displayName = \"IIF(IsPresent([displayname]), Trim([displayname]), [ourOwnName])\"\n"
            "                                 ^~~~~~~~~~~~~\n"
            "    Did you mean displayName?\n");
}

TEST(AttributesTest, WhatWasSeenInTheDirectoryIsKnown) {
  SeenAttributes seen;
  seen[{"corp", "inetOrgPerson"}] = {"employeType", "displayname", "telephoneNumbr"};
  EXPECT_THAT(texts_of(problems_of(k_rules, seen)),
              ElementsAre("sourceAnchr Did you mean sourceAnchor?", "displayNmae Did you mean displayName?",
                          "[displayNam] Did you mean displayName?"));
}

TEST(AttributesTest, WhatOnlyResemblesIsNoSlipAndEachSlipIsToldOncePerRule) {
  std::string text(k_rules);
  const auto replace_all = [&](const std::string& what, const std::string& by) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
      text.replace(at, what.size(), by);
  };
  replace_all("employeType", "employeeKind");
  replace_all("sourceAnchr", "sourceAnother");
  replace_all("telephoneNumbr", "deskNumberOfPhone");
  EXPECT_THAT(texts_of(problems_of(text)),
              ElementsAre("[displayname] Did you mean displayName?", "displayNmae Did you mean displayName?",
                          "[displayNam] Did you mean displayName?"));
}

TEST(AttributesTest, OfTypesNobodyKnowsNothingIsSaid) {
  std::string text(k_rules);
  for (const char* type : {"inetOrgPerson", "\"User\"", "\"person\""}) {
    for (std::size_t at = text.find(type); at != std::string::npos; at = text.find(type))
      text.replace(at, std::string(type).size(), text[at] == '"' ? "\"x\"" : "thing");
  }
  EXPECT_THAT(texts_of(problems_of(text)),  // of the metaverse it is the rules themselves that know
              ElementsAre("sourceAnchr Did you mean sourceAnchor?", "[displayNam] Did you mean displayName?"));
}

TEST(AttributesTest, UsualAttributesAreSortedSoThatTheyCanBeRead) {
  for (const auto& [kind, type] : std::vector<std::pair<std::string, std::string>>{
           {"ldap", "inetOrgPerson"}, {"ad", "user"}, {"ad", "group"}, {"scim", "User"}, {"graph", "user"}}) {
    const auto names = usual_attributes(kind, type);
    EXPECT_FALSE(names.empty());
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end())) << kind << type;
  }
  EXPECT_TRUE(usual_attributes("ldap", "User").empty());
}

}  // namespace
}  // namespace linkspan::rules
