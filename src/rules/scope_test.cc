// Scoping filters, operator by operator.

#include "rules/internal/scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/testing/object.h"

namespace linkspan::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Object;

class ScopeTest : public ::testing::Test {
 protected:
  ScopeTest() {
    object_.set("mail", "Ada@Example.org")
        .set("street", "Straße 1")
        .set("proxy", {model::Value("smtp:a@x"), model::Value("SMTP:b@x")})
        .set("number", {model::Value(std::int64_t{9})})
        .set("flag", {model::Value(true)})
        .set("bits", "514")
        .set("empty", "")
        .set("groups", "CN=Admins, DC=x")
        .refer("memberOf", {"cn=Staff,dc=x", "cn=Pilots,dc=x"})
        .refer_from("manager", {"cn=Boss,dc=x"});
  }

  /// Whether "mail EQUAL x" holds for the object.
  bool holds_for(const std::string& attribute, ScopeOperator operation, const std::string& value = "") {
    Rule rule;
    rule.scope = {{{attribute, operation, value, {}}}};
    const CompiledScope scope = compile_scope(rule, names_);
    return holds(scope.groups[0][0], object_);
  }

  model::Names names_;
  Object object_{names_};
};

using enum ScopeOperator;

TEST_F(ScopeTest, EqualIgnoresCaseAndTakesAnyOfSeveralValues) {
  EXPECT_TRUE(holds_for("mail", equal, "ada@example.ORG"));
  EXPECT_TRUE(holds_for("street", equal, "STRASSE 1"));
  EXPECT_FALSE(holds_for("mail", equal, "ada"));
  EXPECT_TRUE(holds_for("proxy", equal, "smtp:B@X"));
  EXPECT_TRUE(holds_for("flag", equal, "TRUE"));
  EXPECT_TRUE(holds_for("number", equal, "9"));
  EXPECT_TRUE(holds_for("number", equal, "+9"));
  EXPECT_FALSE(holds_for("absent", equal, "x"));
  EXPECT_FALSE(holds_for("absent", equal, ""));
  EXPECT_TRUE(holds_for("empty", equal, ""));
  EXPECT_TRUE(holds_for("manager", equal, "CN=Boss,DC=x"));
}

TEST_F(ScopeTest, NegativeOperatorsHoldForAbsentAttributesAndDenyTheOthersExactly) {
  for (const auto operation : {not_equal, not_contains, not_starts_with, not_ends_with, is_not_in}) {
    EXPECT_TRUE(holds_for("absent", operation, "x"));
  }
  EXPECT_TRUE(holds_for("absent", is_bit_not_set, "2"));
  EXPECT_TRUE(holds_for("absent", is_not_member_of, "cn=x"));
  EXPECT_FALSE(holds_for("mail", not_equal, "ADA@example.org"));
  EXPECT_FALSE(holds_for("proxy", not_equal, "smtp:a@x"));
  EXPECT_TRUE(holds_for("proxy", not_equal, "smtp:c@x"));
}

TEST_F(ScopeTest, SubstringsIgnoreCase) {
  EXPECT_TRUE(holds_for("mail", contains, "EXAMPLE"));
  EXPECT_TRUE(holds_for("mail", starts_with, "ada@"));
  EXPECT_TRUE(holds_for("mail", ends_with, ".ORG"));
  EXPECT_TRUE(holds_for("proxy", contains, "B@"));
  EXPECT_TRUE(holds_for("street", contains, "SS"));
  EXPECT_FALSE(holds_for("mail", starts_with, "example"));
  EXPECT_FALSE(holds_for("mail", not_ends_with, ".org"));
  EXPECT_TRUE(holds_for("mail", not_contains, "zz"));
  EXPECT_TRUE(holds_for("mail", not_starts_with, "zz"));
}

TEST_F(ScopeTest, NumbersAreOrderedAsNumbersAndTextAsText) {
  EXPECT_TRUE(holds_for("number", less_than, "10"));
  EXPECT_FALSE(holds_for("number", greater_than, "10"));
  EXPECT_TRUE(holds_for("number", less_than_or_equal, "9"));
  EXPECT_TRUE(holds_for("number", greater_than_or_equal, "9"));
  EXPECT_FALSE(holds_for("number", less_than, "9"));
  EXPECT_TRUE(holds_for("bits", less_than, "6"));  // "514" is text, and before "6"
  EXPECT_TRUE(holds_for("mail", greater_than, "AAA"));
  EXPECT_FALSE(holds_for("absent", less_than, "x"));
  EXPECT_FALSE(holds_for("absent", greater_than_or_equal, "x"));
}

TEST_F(ScopeTest, NullMeansNoValueAndNoReference) {
  EXPECT_TRUE(holds_for("absent", is_null));
  EXPECT_FALSE(holds_for("absent", is_not_null));
  EXPECT_TRUE(holds_for("mail", is_not_null));
  EXPECT_TRUE(holds_for("empty", is_not_null));
  EXPECT_TRUE(holds_for("memberOf", is_not_null));
  EXPECT_TRUE(holds_for("manager", is_not_null));
}

TEST_F(ScopeTest, InLooksForAValueAmongSeveral) {
  EXPECT_TRUE(holds_for("proxy", is_in, "SMTP:A@x"));
  EXPECT_FALSE(holds_for("proxy", is_in, "smtp"));
  EXPECT_TRUE(holds_for("proxy", is_not_in, "smtp"));
  EXPECT_TRUE(holds_for("mail", is_in, "ada@example.org"));
}

TEST_F(ScopeTest, BitsMayBeTextOrNumbersInDecimalOrHexadecimal) {
  EXPECT_TRUE(holds_for("bits", is_bit_set, "2"));
  EXPECT_TRUE(holds_for("bits", is_bit_set, "&H202"));
  EXPECT_FALSE(holds_for("bits", is_bit_set, "0x100"));
  EXPECT_FALSE(holds_for("bits", is_bit_set, "3"));  // all of its bits
  EXPECT_TRUE(holds_for("bits", is_bit_not_set, "1"));
  EXPECT_TRUE(holds_for("number", is_bit_set, "8"));
  EXPECT_FALSE(holds_for("mail", is_bit_set, "1"));
}

TEST_F(ScopeTest, MembershipComparesDistinguishedNames) {
  EXPECT_TRUE(holds_for("memberOf", is_member_of, "CN=pilots, DC=x"));
  EXPECT_FALSE(holds_for("memberOf", is_member_of, "cn=none,dc=x"));
  EXPECT_TRUE(holds_for("memberOf", is_not_member_of, "cn=none,dc=x"));
  EXPECT_TRUE(holds_for("groups", is_member_of, "cn=admins,dc=x"));
}

TEST_F(ScopeTest, GroupsAreAlternativesAndClausesAllHold) {
  std::vector<Problem> problems;
  std::vector<Rule> rules = parse_rules(R"([[rule]]
name = "r"
direction = "inbound"
kind = "ldap"
source = "user"
target = "person"
link = "join"
precedence = 1
scope = [["mail ISNULL", "number EQUAL 9"], ["number EQUAL 9", "mail ENDSWITH .com"], ["flag EQUAL True"]]
)",
                                        "r.toml", problems);
  const std::vector<model::RuleId> ids{model::RuleId{1}};
  const std::vector<ConnectorName> connectors{{"corp", "ldap"}};
  const auto set = RuleSet::compile(std::move(rules), ids, connectors, names_, problems);
  ASSERT_NE(set, nullptr);
  const CompiledRule& rule = *set->rules().front();
  EXPECT_TRUE(rule.in_scope(object_));
  EXPECT_THAT(rule.out_of_scope_because(object_), IsEmpty());
  object_.set("flag", {model::Value(false)});
  EXPECT_FALSE(rule.in_scope(object_));
  EXPECT_THAT(rule.out_of_scope_because(object_), ElementsAre("mail ISNULL", "mail ENDSWITH .com", "flag EQUAL True"));
}

}  // namespace
}  // namespace linkspan::rules
