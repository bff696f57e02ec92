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

/// What each operator says of an attribute that is absent, empty, has one value, or several.
struct Fact {
  ScopeOperator operation;
  const char* value;
  bool absent;
  bool empty;    ///< one value, ""
  bool one;      ///< "Blue"
  bool several;  ///< "Red", "Blue"
  bool none;     ///< "Red", "Green"
};

void PrintTo(const Fact& fact, std::ostream* out) { *out << name_of(fact.operation) << " " << fact.value; }

class ScopeFactTest : public ::testing::TestWithParam<Fact> {};

TEST_P(ScopeFactTest, HoldsAsTheTableSays) {
  const Fact& fact = GetParam();
  model::Names names;
  Object object(names);
  object.set("empty", "").set("one", "Blue");
  object.set("several", {model::Value("Red"), model::Value("Blue")});
  object.set("none", {model::Value("Red"), model::Value("Green")});
  const auto says = [&](const char* attribute) {
    Rule rule;
    rule.scope = {{{attribute, fact.operation, fact.value, {}}}};
    return holds(compile_scope(rule, names).groups[0][0], object);
  };
  EXPECT_EQ(says("absent"), fact.absent);
  EXPECT_EQ(says("empty"), fact.empty);
  EXPECT_EQ(says("one"), fact.one);
  EXPECT_EQ(says("several"), fact.several);
  EXPECT_EQ(says("none"), fact.none);
}

// Case never counts; of several values one is enough; what denies holds where nothing is there to deny it.
INSTANTIATE_TEST_SUITE_P(Text, ScopeFactTest,
                         ::testing::Values(
                             //                              absent empty  one    several none
                             Fact{equal, "bLUE", /*      */ false, false, true, true, false},
                             Fact{not_equal, "bLUE", /*  */ true, true, false, false, true},
                             Fact{contains, "LU", /*     */ false, false, true, true, false},
                             Fact{not_contains, "LU", /* */ true, true, false, false, true},
                             Fact{starts_with, "bl", /*  */ false, false, true, true, false},
                             Fact{not_starts_with, "bl", true, true, false, false, true},
                             Fact{ends_with, "UE", /*    */ false, false, true, true, false},
                             Fact{not_ends_with, "UE", /**/ true, true, false, false, true},
                             Fact{is_in, "BLUE", /*      */ false, false, true, true, false},
                             Fact{is_not_in, "BLUE", /*  */ true, true, false, false, true},
                             Fact{less_than, "c", /*     */ false, true, true, true, false},
                             Fact{less_than_or_equal, "BLUE", false, true, true, true, false},
                             Fact{greater_than, "green", false, false, false, true, true},
                             Fact{greater_than_or_equal, "GREEN", false, false, false, true, true},
                             Fact{is_null, "", /*        */ true, false, false, false, false},
                             Fact{is_not_null, "", /*    */ false, true, true, true, true}));

TEST_F(ScopeTest, BitsOfSeveralNumbersAreThoseOfAnyOneOfThem) {
  object_.set("flags", {model::Value(std::int64_t{1}), model::Value("6")});
  EXPECT_TRUE(holds_for("flags", is_bit_set, "4"));
  EXPECT_TRUE(holds_for("flags", is_bit_set, "6"));
  EXPECT_FALSE(holds_for("flags", is_bit_set, "3"));  // no single one has both
  EXPECT_TRUE(holds_for("flags", is_bit_not_set, "3"));
  EXPECT_TRUE(holds_for("bits", is_bit_set, "&h2"));
  object_.set("type", {model::Value(std::int64_t{-2147483646})});
  EXPECT_TRUE(holds_for("type", is_bit_set, "&H80000000"));  // a security group, as a signed number
  EXPECT_TRUE(holds_for("type", is_bit_set, "2147483648"));
}

TEST_F(ScopeTest, TheGroupThatHeldIsNamed) {
  std::vector<Problem> problems;
  std::vector<Rule> rules = parse_rules(R"([[rule]]
name = "r"
direction = "inbound"
kind = "ldap"
source = "user"
target = "person"
link = "join"
precedence = 1
scope = [["mail ISNULL"], ["number EQUAL 9", "flag EQUAL True"]]
)",
                                        "r.toml", problems);
  const std::vector<model::RuleId> ids{model::RuleId{1}};
  const std::vector<ConnectorName> connectors{{"corp", "ldap"}};
  const auto set = RuleSet::compile(std::move(rules), ids, connectors, names_, problems);
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->rules().front()->in_scope_because(object_), ElementsAre("number EQUAL 9", "flag EQUAL True"));
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
