// Rule sets: compiling, asking, evaluating flows.

#include "rules/rule_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "rules/testing/object.h"

namespace linkspan::rules {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Object;
using ::testing::SizeIs;
using Kind = Contribution::Kind;

Rule rule(std::string name, std::int64_t precedence, std::string source = "user") {
  Rule made;
  made.name = std::move(name);
  made.kind = "ldap";
  made.source = std::move(source);
  made.target = "person";
  made.precedence = precedence;
  return made;
}

Flow flow(std::string target, std::string expression) {
  Flow made;
  made.target = std::move(target);
  made.kind = Flow::Kind::expression;
  made.text = std::move(expression);
  return made;
}

class RuleSetTest : public ::testing::Test {
 protected:
  std::shared_ptr<const RuleSet> compile(std::vector<Rule> rules) {
    problems_.clear();
    std::vector<model::RuleId> ids;
    for (std::size_t i = 0; i < rules.size(); ++i) ids.push_back(model::RuleId{static_cast<std::int64_t>(i + 1)});
    return RuleSet::compile(std::move(rules), ids, connectors_, names_, problems_);
  }
  std::vector<std::string> problem_ids() const {
    std::vector<std::string> out;
    for (const Problem& problem : problems_) out.push_back(problem.id);
    return out;
  }
  /// What one flow contributes.
  Contribution contributed(const Flow& made) {
    Rule one = rule("one", 1);
    one.flows = {made};
    const auto set = compile({one});
    EXPECT_NE(set, nullptr);
    return set->rules().front()->evaluate(0, object_);
  }
  Contribution contributed(const std::string& expression) { return contributed(flow("t", expression)); }

  model::Names names_;
  std::vector<ConnectorName> connectors_{{"corp", "ldap"}, {"lab", "ldap"}, {"cloud", "scim"}};
  std::vector<Problem> problems_;
  Object object_{names_};
};

TEST_F(RuleSetTest, RulesAreGivenByConnectorAndTypeWithTheLowestPrecedenceFirst) {
  Rule out = rule("out", 1);
  out.kind.clear();
  out.connector = "cloud";
  out.direction = Direction::outbound;
  out.source = "person";
  Rule off = rule("off", 3);
  off.disabled = true;
  Rule corp_only = rule("corp", 5);
  corp_only.kind.clear();
  corp_only.connector = "corp";
  const auto set = compile({rule("b", 20), rule("a", 10), out, off, corp_only, rule("other", 7, "group")});
  ASSERT_NE(set, nullptr);
  const auto names = [](std::span<const CompiledRule* const> rules) {
    std::vector<std::string> found;
    for (const CompiledRule* each : rules) found.push_back(each->rule().name);
    return found;
  };
  EXPECT_THAT(names(set->inbound("corp", names_.id("user"))), ElementsAre("corp", "a", "b"));
  EXPECT_THAT(names(set->inbound("lab", names_.id("user"))), ElementsAre("a", "b"));
  EXPECT_THAT(names(set->inbound("cloud", names_.id("user"))), IsEmpty());
  EXPECT_THAT(names(set->outbound("cloud", names_.id("person"))), ElementsAre("out"));
  EXPECT_TRUE(set->has_outbound("cloud"));
  EXPECT_FALSE(set->has_outbound("corp"));
  EXPECT_TRUE(set->has_inbound("lab"));
  EXPECT_FALSE(set->has_inbound("nowhere"));
  EXPECT_EQ(set->find(model::RuleId{2})->rule().name, "a");
  EXPECT_EQ(set->find(model::RuleId{4}), nullptr);  // disabled
}

TEST_F(RuleSetTest, KeysAreWhatJoinConditionsLookUp) {
  Rule in = rule("in", 1);
  in.join = {{{"objectSid", "sid", true, {}}, {"mail", "mail", false, {}}}};
  Rule out = rule("out", 2);
  out.kind = "scim";
  out.direction = Direction::outbound;
  out.join = {{{"externalId", "sourceAnchor", false, {}}}};
  const auto set = compile({in, out});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->metaverse_keys(),
              ::testing::UnorderedElementsAre(names_.id("sid"), names_.id("mail"), names_.id("sourceAnchor")));
  EXPECT_THAT(set->object_keys(),
              ::testing::UnorderedElementsAre(names_.id("objectSid"), names_.id("mail"), names_.id("externalId")));
  EXPECT_TRUE(set->find(model::RuleId{1})->join()[0][0].case_sensitive);
}

TEST_F(RuleSetTest, UniqueNameMakesAKeyOfWhatItsFlowWritesAndStaysInside) {
  Rule in = rule("in", 1);
  in.flows = {flow("accountName", "UniqueName([cn] & \"{n}\")"), flow("mail", "[mail] & \"\"")};
  const auto set = compile({in});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(set->unique_names(), ElementsAre(names_.id("accountName")));
  EXPECT_THAT(set->metaverse_keys(), Contains(names_.id("accountName")));
  Rule out = in;
  out.direction = Direction::outbound;
  EXPECT_EQ(compile({out}), nullptr);
  EXPECT_THAT(problem_ids(), Contains("rules.unique_name"));
}

TEST_F(RuleSetTest, FlowsContributeValuesConstantsAndNothing) {
  object_.set("mail", {model::Value("a@x"), model::Value("b@x")}).set("blank", " ");
  Flow direct;
  direct.target = "t";
  direct.text = "mail";
  EXPECT_THAT(contributed(direct).values, SizeIs(2));
  direct.text = "absent";
  EXPECT_EQ(contributed(direct).kind, Kind::null);
  Flow constant;
  constant.target = "t";
  constant.kind = Flow::Kind::constant;
  constant.constant = {model::Value(true)};
  EXPECT_THAT(contributed(constant).values, ElementsAre(model::Value(true)));
  EXPECT_EQ(contributed("Trim([blank])").kind, Kind::null);  // empty text is no value
  EXPECT_EQ(contributed("NULL").kind, Kind::null);
  EXPECT_EQ(contributed("IgnoreThisFlow").kind, Kind::ignore);
  EXPECT_EQ(contributed("AuthoritativeNull").kind, Kind::authoritative_null);
  EXPECT_THAT(contributed("Now()").values, ElementsAre(model::Value(Time{std::chrono::seconds{1'700'000'000}})));
  EXPECT_THAT(contributed("%Connector.Name%").values, ElementsAre(model::Value("corp")));
}

TEST_F(RuleSetTest, AFailedExpressionSaysWhy) {
  const Contribution result = contributed("Item([mail], 3)");
  EXPECT_EQ(result.kind, Kind::failed);
  EXPECT_THAT(result.message, HasSubstr("Item: there is no value 3"));
  EXPECT_EQ(contributed("Error(\"no \" & \"way\")").message, "no way");
}

TEST_F(RuleSetTest, ReferencesFlowWithoutBeingLookedAt) {
  object_.refer("member", {"cn=A,dc=x", "cn=B,dc=x"}).refer_from("manager", {"cn=Boss,dc=x"});
  for (const char* expression :
       {"[member]", "IIF(Count([member]) > 5, Error(\"too many\"), [member])",
        "IIF(IsNullOrEmpty([member]), NULL, [member])", "Switch(ValueCount(\"member\") = 2, [member])"}) {
    const Contribution result = contributed(expression);
    EXPECT_EQ(result.kind, Kind::references) << expression;
    EXPECT_EQ(result.reference, names_.id("member"));
  }
  EXPECT_EQ(contributed("[manager]").kind, Kind::references);
  EXPECT_EQ(object_.looked_at, 0);
  EXPECT_THAT(contributed("DNComponent(Item([member], 2), 1)").values, ElementsAre(model::Value("B")));
  EXPECT_EQ(object_.looked_at, 1);
}

TEST_F(RuleSetTest, RulesThatDisagreeOnTheMergeTypeAreRefused) {
  Rule first = rule("first", 1);
  first.flows = {flow("proxy", "[a]")};
  Rule second = rule("second", 2, "contact");
  second.flows = {flow("proxy", "[b]")};
  second.flows[0].merge = MergeType::merge;
  EXPECT_EQ(compile({first, second}), nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.merge_type"));
  second.target = "group";
  EXPECT_NE(compile({first, second}), nullptr);
}

TEST_F(RuleSetTest, MergeTypesThatScopesMayKeepApartAreOnlyDubious) {
  Rule first = rule("first", 1);
  first.flows = {flow("proxy", "[a]")};
  Rule second = rule("second", 2);
  second.flows = first.flows;
  second.flows[0].merge = MergeType::merge;
  second.scope = {{{"mail", ScopeOperator::is_null, "", {}}}};
  EXPECT_NE(compile({first, second}), nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.merge_type"));
  second.flows[0].apply_once = true;
  second.flows[0].target = "other";
  EXPECT_NE(compile({first, second}), nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.merge_once"));
}

/// "a 10, b 11": rules by name, placed.
std::string placed(std::vector<Rule> rules, std::vector<Problem>& problems) {
  place_rules(rules, problems);
  std::string out;
  for (const Rule& one : rules) out += (out.empty() ? "" : ", ") + one.name + " " + std::to_string(one.precedence);
  return out;
}

TEST_F(RuleSetTest, ARuleTakesItsPlaceBeforeOrAfterAnother) {
  Rule mine = rule("mine", 0);
  mine.precedence_after = "A";
  EXPECT_EQ(placed({rule("a", 10), rule("b", 20), mine}, problems_), "a 10, b 20, mine 11");
  EXPECT_EQ(placed({rule("a", 10), rule("b", 11), rule("c", 12), rule("d", 20), mine}, problems_),
            "a 10, b 12, c 13, d 20, mine 11");
  Rule third = rule("third", 0);
  third.precedence_after = "a";
  EXPECT_EQ(placed({rule("a", 10), rule("b", 11), mine, third}, problems_), "a 10, b 13, mine 11, third 12");
  Rule before = rule("before", 0);
  before.precedence_before = "b";
  EXPECT_EQ(placed({rule("a", 10), rule("b", 20), before}, problems_), "a 10, b 20, before 19");
  EXPECT_EQ(placed({rule("a", 10), rule("b", 11), before}, problems_), "a 10, b 12, before 11");
  EXPECT_EQ(placed({before, rule("b", 0)}, problems_), "before 0, b 1");
  Rule chained = rule("chained", 0);
  chained.precedence_before = "mine";
  EXPECT_EQ(placed({chained, mine, rule("a", 10)}, problems_), "chained 11, mine 12, a 10");
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(RuleSetTest, APlaceBesideNothingOrBesideItselfIsRefused) {
  Rule mine = rule("mine", 0);
  mine.precedence_after = "In from corp: jion";
  EXPECT_EQ(compile({rule("In from corp: join", 10), mine}), nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.placement"));
  EXPECT_EQ(problems_.front().hint, "Did you mean \"In from corp: join\"?");
  mine.precedence_after = "other";
  Rule other = rule("other", 0);
  other.precedence_before = "mine";
  EXPECT_EQ(compile({mine, other}), nullptr);
  EXPECT_THAT(problem_ids(), ::testing::Contains("rules.placement"));
}

TEST_F(RuleSetTest, AnOutboundProvisionRuleIsKnownAsSuchWhenItIsDisabled) {
  Rule out = rule("out", 1);
  out.direction = Direction::outbound;
  out.link = LinkType::provision;
  out.disabled = true;
  Rule in = rule("in", 2);
  in.link = LinkType::provision;
  const auto set = compile({out, in});
  ASSERT_NE(set, nullptr);
  EXPECT_TRUE(set->provisions_outbound(model::RuleId{1}));
  EXPECT_FALSE(set->provisions_outbound(model::RuleId{2}));
  EXPECT_EQ(set->find(model::RuleId{1}), nullptr);
}

TEST_F(RuleSetTest, NamesAndPrecedencesAreUnique) {
  EXPECT_EQ(compile({rule("Same", 1), rule("same", 2)}), nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.duplicate_name"));
  EXPECT_EQ(compile({rule("a", 1), rule("b", 1)}), nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.duplicate_precedence"));
  Rule other = rule("b", 1);
  other.kind = "scim";
  EXPECT_NE(compile({rule("a", 1), other}), nullptr);
  Rule named = rule("b", 1);
  named.kind.clear();
  named.connector = "lab";  // one of the connectors of kind ldap
  EXPECT_EQ(compile({rule("a", 1), named}), nullptr);
  named.disabled = true;
  EXPECT_NE(compile({rule("a", 1), named}), nullptr);
}

TEST_F(RuleSetTest, TwoRulesThatAlwaysJoinAreRefused) {
  Rule first = rule("first", 1);
  first.join = {{{"a", "a", false, {}}}};
  Rule second = rule("second", 2);
  second.join = first.join;
  EXPECT_EQ(compile({first, second}), nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.two_join_rules"));
  second.scope = {{{"mail", ScopeOperator::is_null, "", {}}}};
  EXPECT_NE(compile({first, second}), nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.two_join_rules"));  // dubious still: the first applies to everything
  first.scope = {{{"mail", ScopeOperator::is_not_null, "", {}}}};
  EXPECT_NE(compile({first, second}), nullptr);
  EXPECT_THAT(problem_ids(), IsEmpty());
}

TEST_F(RuleSetTest, TwoFlowsToOneTargetAreRefused) {
  Rule one = rule("one", 1);
  one.flows = {flow("mail", "[a]"), flow("mail", "[b]")};
  EXPECT_EQ(compile({one}), nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.duplicate_flow"));
}

TEST_F(RuleSetTest, AConnectorThatDoesNotExistIsAWarning) {
  Rule one = rule("one", 1);
  one.kind.clear();
  one.connector = "corpp";
  EXPECT_NE(compile({one}), nullptr);
  ASSERT_THAT(problems_, SizeIs(1));
  EXPECT_EQ(problems_[0].severity, Problem::Severity::warning);
  EXPECT_EQ(problems_[0].hint, "Did you mean corp?");
}

TEST_F(RuleSetTest, ADisabledRuleMayBeBrokenAndIsNotAsked) {
  Rule one = rule("one", 1);
  one.flows = {flow("mail", "Trimm([a])")};
  EXPECT_EQ(compile({one}), nullptr);
  one.disabled = true;
  const auto set = compile({one});
  ASSERT_NE(set, nullptr);
  EXPECT_THAT(problem_ids(), ElementsAre("rules.unknown_function"));
  EXPECT_THAT(set->rules(), IsEmpty());
}

TEST_F(RuleSetTest, AValueThatChangesEachTimeIsDubiousUnlessAppliedOnce) {
  Rule one = rule("one", 1);
  one.flows = {flow("id", "Guid()")};
  EXPECT_NE(compile({one}), nullptr);
  EXPECT_THAT(problem_ids(), Contains("rules.unstable_value"));
  one.flows[0].apply_once = true;
  EXPECT_NE(compile({one}), nullptr);
  EXPECT_THAT(problem_ids(), IsEmpty());
}

// --- the rules that are shipped ---

class DefaultRulesTest : public RuleSetTest {
 protected:
  void SetUp() override {
    std::ifstream file(LINKSPAN_SOURCE_DIR "/rules/ldap-to-scim.toml");
    std::stringstream text;
    text << file.rdbuf();
    std::vector<Rule> rules = parse_rules(text.str(), "ldap-to-scim.toml", problems_);
    ASSERT_THAT(problems_, IsEmpty());
    set_ = compile(std::move(rules));
    ASSERT_NE(set_, nullptr);
    ASSERT_THAT(problems_, IsEmpty());
    object_.set("entryUUID", "1ba4b34c-0d5e-4f63-8b1e-3a5f6c7d8e9f")
        .set("uid", "ada")
        .set("cn", {model::Value("Ada Lovelace"), model::Value("Lovelace, Ada")})
        .set("sn", "Lovelace")
        .set("mail", "ada@x")
        .set("employeeType", "employee")
        .set("ou", "Engineering")
        .refer("manager", {"uid=boss"});
  }

  /// Everything that flows to a target from the rules of `connector` in scope, first contributor first.
  Contribution folded(std::span<const CompiledRule* const> rules, std::string_view target) {
    for (const CompiledRule* each : rules) {
      if (!each->in_scope(object_)) continue;
      for (std::size_t i = 0; i < each->flow_count(); ++i) {
        if (each->flow_target(i) != names_.id(target)) continue;
        Contribution result = each->evaluate(i, object_);
        if (result.kind != Kind::null) return result;
      }
    }
    return {};
  }
  Contribution person(std::string_view target) {
    return folded(set_->inbound("corp", names_.id("inetOrgPerson")), target);
  }

  std::shared_ptr<const RuleSet> set_;
};

TEST_F(DefaultRulesTest, APersonOfLdapBecomesAnIdentity) {
  EXPECT_THAT(person("sourceAnchor").values, ElementsAre(model::Value("1ba4b34c-0d5e-4f63-8b1e-3a5f6c7d8e9f")));
  EXPECT_THAT(person("displayName").values, ElementsAre(model::Value("Ada Lovelace")));
  EXPECT_THAT(person("accountEnabled").values, ElementsAre(model::Value(true)));
  EXPECT_THAT(person("department").values, ElementsAre(model::Value("Engineering")));
  EXPECT_EQ(person("cloudFiltered").kind, Kind::null);
  EXPECT_EQ(person("manager").kind, Kind::references);
  EXPECT_EQ(person("title").kind, Kind::null);
  EXPECT_THAT(set_->inbound("corp", names_.id("inetOrgPerson")), SizeIs(3));
}

TEST_F(DefaultRulesTest, DisabledPeopleAreDisabledAndPeopleWithoutMailStayHere) {
  object_.set("employeeType", {model::Value("Disabled"), model::Value("employee")}).set("mail", "");
  EXPECT_THAT(person("accountEnabled").values, ElementsAre(model::Value(false)));
  EXPECT_THAT(person("cloudFiltered").values, ElementsAre(model::Value(true)));
}

TEST_F(DefaultRulesTest, AnIdentityBecomesAUserUnlessFiltered) {
  Object& identity =
      object_.set("sourceAnchor", "1ba4").set("userName", "ada").set("accountEnabled", {model::Value(false)});
  const auto rules = set_->outbound("cloud", names_.id("person"));
  ASSERT_THAT(rules, SizeIs(3));
  EXPECT_TRUE(rules[0]->in_scope(identity));
  EXPECT_EQ(rules[0]->join().size(), 2U);
  EXPECT_THAT(folded(rules, "active").values, ElementsAre(model::Value(false)));
  EXPECT_THAT(folded(rules, "emails[type eq \"work\"].value").values, ElementsAre(model::Value("ada@x")));
  identity.set("cloudFiltered", {model::Value(true)});
  EXPECT_FALSE(rules[0]->in_scope(identity));
}

}  // namespace
}  // namespace linkspan::rules
