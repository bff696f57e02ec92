// Rule files: what is read, every mistake with its place, and printing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "rules/internal/toml_text.h"
#include "rules/rule.h"
#include "rules/rule_set.h"

namespace linkspan::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view k_frame = R"([[rule]]
name = "r"
direction = "inbound"
kind = "ldap"
source = "user"
target = "person"
link = "provision"
precedence = 100
)";

Rule read(const std::string& rest) {
  std::vector<Problem> problems;
  std::vector<Rule> rules = parse_rules(std::string(k_frame) + rest, "r.toml", problems);
  for (const Problem& problem : problems) ADD_FAILURE() << to_text(problem);
  return rules.empty() ? Rule{} : std::move(rules.front());
}

std::vector<Problem> problems_of(const std::string& text) {
  std::vector<Problem> problems;
  (void)parse_rules(text, "r.toml", problems);
  return problems;
}

std::string slurp(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(RuleFileTest, AllPartsOfARuleAreRead) {
  const Rule rule = read(R"x(description = "d"
disabled = true
scope = [["isCritical NOTEQUAL TRUE", "admin notstartswith User_ x"], ["mail ISNULL", "note EQUAL \" a \""]]
join = [["objectSid = sid", "[emails[type eq \"work\"].value] = mail case"], [{ connector = "a", metaverse = "b", case = true }]]
[rule.flows]
mail = "[mail]"
displayName = "Trim([displayName])"
country = { constant = "NO" }
proxy = { source = "proxyAddresses", merge = "merge_case_insensitive" }
id = { expression = "Guid()", once = true }
members = { source = "member", referenced_by = "primaryGroup", flatten = true }
several = { constant = ["a", 1, true, 2026-01-31T08:00:00Z, { base64 = "AP8=" }] }
name.givenName = "[givenName]"
"name.familyName" = "[sn]"
)x");
  EXPECT_EQ(rule.description, "d");
  EXPECT_TRUE(rule.disabled);
  ASSERT_THAT(rule.scope, SizeIs(2));
  EXPECT_EQ(rule.scope[0][1].operation, ScopeOperator::not_starts_with);
  EXPECT_EQ(rule.scope[0][1].value, "User_ x");
  EXPECT_EQ(rule.scope[1][1].value, " a ");
  EXPECT_EQ(rule.join[0][1].source, "emails[type eq \"work\"].value");
  EXPECT_TRUE(rule.join[0][1].case_sensitive);
  EXPECT_TRUE(rule.join[1][0].case_sensitive);
  ASSERT_THAT(rule.flows, SizeIs(9));
  EXPECT_EQ(rule.flows[5].referenced_by, "primaryGroup");
  EXPECT_TRUE(rule.flows[5].flatten);
  EXPECT_EQ(rule.flows[0].kind, Flow::Kind::direct);
  EXPECT_EQ(rule.flows[0].text, "mail");
  EXPECT_EQ(rule.flows[1].kind, Flow::Kind::expression);
  EXPECT_EQ(rule.flows[3].merge, MergeType::merge_case_insensitive);
  EXPECT_TRUE(rule.flows[4].apply_once);
  EXPECT_THAT(rule.flows[6].constant, SizeIs(5));
  EXPECT_EQ(rule.flows[7].target, "name.givenName");
  EXPECT_EQ(rule.flows[8].target, "name.familyName");
}

TEST(RuleFileTest, EveryMistakeIsToldAtOnceWithItsPlace) {
  const std::string folder = LINKSPAN_SOURCE_DIR "/src/rules/testing/";
  const std::string text = slurp(folder + "mistakes.toml");
  std::vector<Problem> problems;
  std::vector<Rule> rules = parse_rules(text, "mistakes.toml", problems);
  std::vector<model::RuleId> ids(rules.size());
  const std::vector<ConnectorName> connectors{{"corp", "ldap"}};
  model::Names names;
  EXPECT_EQ(RuleSet::compile(std::move(rules), ids, connectors, names, problems), nullptr);
  attach_source(problems, "mistakes.toml", text);
  std::string told;
  for (const Problem& problem : problems) told += to_text(problem);
  EXPECT_EQ(told, slurp(folder + "mistakes.expected")) << told;
}

TEST(RuleFileTest, TheColumnPointsIntoTheExpressionThroughEscapesAndLines) {
  const auto problems =
      problems_of(std::string(k_frame) +
                  "[rule.flows]\na = \"Trim(\\\"\\u00e9\\\") & Trimm([x])\"\nb = '''\nTrim(\n  Lefft([x]))'''\n");
  ASSERT_THAT(problems, SizeIs(2));
  EXPECT_EQ(problems[0].position.line, 10U);
  EXPECT_EQ(problems[0].position.column, 25U);
  EXPECT_EQ(problems[0].source.substr(24, 5), "Trimm");
  EXPECT_EQ(problems[1].position.line, 13U);
  EXPECT_EQ(problems[1].position.column, 3U);
}

TEST(RuleFileTest, ASlipInTheSyntaxDoesNotHideTheRest) {
  const auto problems =
      problems_of("[[rule]]\nname = \n[[rule]]\nname = \"a\nx = 1\n" + std::string(k_frame) + "colour = 1\n");
  ASSERT_THAT(problems, SizeIs(3));
  EXPECT_EQ(problems[0].id, "rules.toml");
  EXPECT_EQ(problems[0].position.line, 2U);
  EXPECT_EQ(problems[1].id, "rules.toml");
  EXPECT_EQ(problems[1].position.line, 4U);
  EXPECT_EQ(problems[2].id, "rules.unknown_key");
  EXPECT_EQ(problems[2].position.line, 14U);
  EXPECT_EQ(problems[2].source, "colour = 1");
}

TEST(RuleFileTest, NothingIsReadFromFilesThatAreNoRules) {
  EXPECT_THAT(problems_of(""), IsEmpty());
  EXPECT_THAT(problems_of("# nothing here\n"), IsEmpty());
  EXPECT_THAT(problems_of("rule = 1"), SizeIs(1));
  EXPECT_THAT(problems_of("rules = []"), SizeIs(1));
  EXPECT_THAT(problems_of("rule = [1]"), SizeIs(1));
  EXPECT_THAT(problems_of(std::string(5U * 1024 * 1024, '#')), SizeIs(1));
  EXPECT_FALSE(problems_of(std::string("\0\xff\xfe", 3)).empty());
}

TEST(RuleFileTest, TheShippedRulesSurvivePrinting) {
  std::vector<Problem> problems;
  const auto rules = parse_rules(slurp(LINKSPAN_SOURCE_DIR "/rules/ldap-to-scim.toml"), "a", problems);
  ASSERT_THAT(problems, IsEmpty());
  std::string printed;
  for (const Rule& rule : rules) printed += print_rule(rule);
  const auto again = parse_rules(printed, "b", problems);
  ASSERT_THAT(problems, IsEmpty());
  std::string twice;
  for (const Rule& rule : again) twice += print_rule(rule);
  EXPECT_EQ(printed, twice);
}

TEST(TomlTextTest, StringsAreQuotedTheWayThatReadsBest) {
  EXPECT_EQ(toml_string("a"), "\"a\"");
  EXPECT_EQ(toml_string("say \"a\""), "'say \"a\"'");
  EXPECT_EQ(toml_string("it's \"a\"\n"), "\"it's \\\"a\\\"\\n\"");
  EXPECT_EQ(toml_key("mail"), "mail");
  EXPECT_EQ(toml_key("name.given"), "\"name.given\"");
  EXPECT_EQ(toml_key(""), "\"\"");
}

}  // namespace
}  // namespace linkspan::rules
