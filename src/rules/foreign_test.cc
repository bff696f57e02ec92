// Rules and settings of Microsoft's engine: what is read, what is said of it, and that nothing is lost.

#include "rules/foreign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "rules/rule_set.h"

namespace linkspan::rules {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view k_ad = "{11111111-1111-1111-1111-111111111111}";
constexpr std::string_view k_connector =
    R"(<ma-data><id>{11111111-1111-1111-1111-111111111111}</id><name>corp.example</name>
<category>AD</category><subtype /></ma-data>)";

/// A rule file; `head` replaces elements of the frame, `rest` comes after it.
std::string rule_xml(const std::string& name, int precedence, const std::string& rest = "",
                     const std::string& id = "{22222222-2222-2222-2222-222222222222}") {
  return "<synchronizationRule><id>" + id + "</id><name>" + name + "</name><direction>Inbound</direction>" +
         "<disabled>False</disabled><connector>" + std::string(k_ad) +
         "</connector><sourceObjectType>user</sourceObjectType><targetObjectType>person</targetObjectType>" +
         "<linkType>Provision</linkType><precedence>" + std::to_string(precedence) + "</precedence>" + rest +
         "</synchronizationRule>";
}

ForeignConfiguration read(std::vector<std::string> documents, std::string_view cloud = "graph") {
  std::vector<ForeignFile> files;
  for (std::string& document : documents) {
    const bool json = document.starts_with('{');
    files.push_back({"file" + std::to_string(files.size()) + (json ? ".json" : ".xml"), std::move(document)});
  }
  return read_foreign(files, cloud);
}

Rule only_rule(const std::string& rest) {
  ForeignConfiguration read_one = read({std::string(k_connector), rule_xml("r", 100, rest)});
  EXPECT_THAT(read_one.rules, SizeIs(1));
  return read_one.rules.empty() ? Rule{} : std::move(read_one.rules.front().rule);
}

std::vector<std::string> not_understood(const ForeignConfiguration& configuration) {
  std::vector<std::string> out;
  for (const ForeignEntry& entry : configuration.report.entries) {
    if (entry.verdict == Verdict::not_understood) out.push_back(entry.path);
  }
  return out;
}

std::string remarks_of(const ForeignConfiguration& configuration, std::string_view name) {
  std::string out;
  for (const ForeignSubject& one : configuration.report.subjects) {
    if (one.name != name) continue;
    for (const std::string& remark : one.remarks) out += remark + "\n";
  }
  return out;
}

std::string error_of(std::string document) {
  try {
    static_cast<void>(read({std::move(document)}));
  } catch (const Error& error) {
    return std::string(error.id());
  }
  return "no error";
}

TEST(ForeignTest, AFrameIsReadWithAllItsParts) {
  const Rule rule = only_rule("<description>All of them</description>");
  EXPECT_EQ(rule.name, "r");
  EXPECT_EQ(rule.description, "All of them");
  EXPECT_EQ(rule.connector, "corp.example");
  EXPECT_EQ(rule.source, "user");
  EXPECT_EQ(rule.target, "person");
  EXPECT_EQ(rule.link, LinkType::provision);
  EXPECT_EQ(rule.precedence, 100);
  EXPECT_FALSE(rule.disabled);
}

TEST(ForeignTest, GroupsOfScopeAndJoinStayGroups) {
  const Rule rule = only_rule(R"(<synchronizationCriteria>
    <conditions><scope><csAttribute>a</csAttribute><csOperator>EQUAL</csOperator><csValue>1</csValue></scope>
      <scope><csAttribute>b</csAttribute><csOperator>ISNOTNULL</csOperator><csValue /></scope></conditions>
    <conditions><scope><csAttribute>c</csAttribute><csOperator>ISNOTBITSET</csOperator><csValue>2</csValue></scope></conditions>
    </synchronizationCriteria><relationshipCriteria>
    <conditions><condition><csAttribute>x</csAttribute><ilmAttribute>y</ilmAttribute><caseSensitive>True</caseSensitive></condition></conditions>
    <conditions><condition><csAttribute>u</csAttribute><ilmAttribute>v</ilmAttribute></condition></conditions>
    </relationshipCriteria>)");
  EXPECT_THAT(print_rule(rule), HasSubstr(R"([["a EQUAL 1", "b ISNOTNULL"], ["c ISBITNOTSET 2"]])"));
  EXPECT_THAT(print_rule(rule), HasSubstr(R"([["x = y case"], ["u = v"]])"));
}

TEST(ForeignTest, FlowsAreDirectConstantOrExpressionAndKeepWhatIsSaidOfThem) {
  const Rule rule = only_rule(R"(<attribute-mappings>
    <mapping><dest>a</dest><src><attr>x</attr></src><valueMergeType>Update</valueMergeType></mapping>
    <mapping execute-once="true"><dest>b</dest><src>Computer</src><valueMergeType>Update</valueMergeType></mapping>
    <mapping><dest>c</dest><src><attr>x</attr><attr>y</attr></src><expression>[x] &amp; [y]</expression>
      <valueMergeType>MergeCaseInsensitive</valueMergeType></mapping>
    <mapping><dest>d</dest><expression>%Domain.FQDN%</expression></mapping></attribute-mappings>)");
  ASSERT_THAT(rule.flows, SizeIs(4));
  EXPECT_EQ(rule.flows[0].kind, Flow::Kind::direct);
  EXPECT_EQ(rule.flows[0].text, "x");
  EXPECT_EQ(rule.flows[1].kind, Flow::Kind::constant);
  EXPECT_TRUE(rule.flows[1].apply_once);
  EXPECT_EQ(model::to_text(rule.flows[1].constant.front()), "Computer");
  EXPECT_EQ(rule.flows[2].text, "[x] & [y]");
  EXPECT_EQ(rule.flows[2].merge, MergeType::merge_case_insensitive);
  EXPECT_EQ(rule.flows[3].text, "%Domain.FQDN%");
}

TEST(ForeignTest, AConstantHasTheTypeThatTheMetaverseGivesItsTarget) {
  const std::string metaverse =
      R"(<saved-mv-configuration><mv-data><schema><d:dsml xmlns:d="u"><d:directory-schema>
      <d:attribute-type id="e" single-value="true"><d:name>enabled</d:name><d:syntax>1.3.6.1.4.1.1466.115.121.1.7</d:syntax></d:attribute-type>
      <d:attribute-type id="n"><d:name>number</d:name><d:syntax>1.3.6.1.4.1.1466.115.121.1.27</d:syntax></d:attribute-type>
      </d:directory-schema></d:dsml></schema></mv-data></saved-mv-configuration>)";
  const ForeignConfiguration configuration = read(
      {metaverse, std::string(k_connector),
       rule_xml("r", 1,
                "<attribute-mappings><mapping><dest>enabled</dest><src>True</src></mapping>"
                "<mapping><dest>number</dest><src>42</src></mapping><mapping><dest>text</dest><src>True</src></mapping>"
                "</attribute-mappings>")});
  const Rule& rule = configuration.rules.front().rule;
  EXPECT_EQ(rule.flows[0].constant.front(), model::Value(true));
  EXPECT_EQ(rule.flows[1].constant.front(), model::Value(std::int64_t{42}));
  EXPECT_EQ(rule.flows[2].constant.front(), model::Value(std::string("True")));
  EXPECT_TRUE(configuration.metaverse.at("number").multi_valued);
}

TEST(ForeignTest, AnElementThatNobodyReadsIsReportedWhereverItStands) {
  const ForeignConfiguration configuration = read(
      {std::string(k_connector),
       rule_xml("r", 100,
                R"(<novelty depth="1"><inner>x</inner></novelty><attribute-mappings twist="y"><mapping><dest>a</dest>
                        <src><attr>x</attr></src><later>1</later></mapping>stray</attribute-mappings>)")});
  EXPECT_THAT(not_understood(configuration),
              ElementsAre("synchronizationRule/attribute-mappings/mapping/later",
                          "synchronizationRule/attribute-mappings/text()",
                          "synchronizationRule/attribute-mappings@twist", "synchronizationRule/novelty",
                          "synchronizationRule/novelty/inner", "synchronizationRule/novelty@depth"));
  EXPECT_THAT(remarks_of(configuration, "r"), HasSubstr("novelty is not understood"));
}

TEST(ForeignTest, ASecondElementOfTheSameNameIsNotDroppedEither) {
  const ForeignConfiguration configuration =
      read({std::string(k_connector), rule_xml("r", 100, "<direction>Outbound</direction>")});
  EXPECT_THAT(not_understood(configuration), ElementsAre("synchronizationRule/direction"));
}

TEST(ForeignTest, EveryElementAndAttributeIsCountedOnce) {
  const ForeignConfiguration configuration = read({"<x a='1' b='2'><y/><y c='3'>t</y></x>"});
  ASSERT_THAT(configuration.report.files, SizeIs(1));
  EXPECT_EQ(configuration.report.files.front().total(), 6U);
  std::size_t sum = 0;
  for (const ForeignEntry& entry : configuration.report.entries) sum += entry.count;
  EXPECT_EQ(sum, 6U);
}

TEST(ForeignTest, ARuleWhoseScopeIsNotUnderstoodIsKeptOutAndNamed) {
  const ForeignConfiguration configuration = read(
      {std::string(k_connector),
       rule_xml(
           "wide", 100,
           "<synchronizationCriteria><conditions><scope><csAttribute>a</csAttribute><csOperator>SOUNDSLIKE</csOperator>"
           "<csValue>b</csValue></scope></conditions></synchronizationCriteria>")});
  EXPECT_THAT(configuration.rules, IsEmpty());
  EXPECT_THAT(configuration.report.subjects,
              Contains(::testing::AllOf(Field(&ForeignSubject::name, "wide"),
                                        Field(&ForeignSubject::verdict, Verdict::not_understood))));
}

TEST(ForeignTest, WhatHasNoMeaningHereIsSaidAsARemark) {
  const ForeignConfiguration configuration =
      read({std::string(k_connector), rule_xml("r", 100,
                                               "<softDeleteExpiryInterval>30.00:00:00</softDeleteExpiryInterval>"
                                               "<EnablePasswordSync>true</EnablePasswordSync>")});
  EXPECT_THAT(remarks_of(configuration, "r"), HasSubstr("kept for 30.00:00:00"));
  EXPECT_THAT(remarks_of(configuration, "r"), HasSubstr("passwords"));
  EXPECT_THAT(not_understood(configuration), IsEmpty());
}

TEST(ForeignTest, ARuleIsInsertedBeforeAnotherAndMovesItOnlyWhereThereIsNoRoom) {
  const std::string a = "{aaaaaaaa-0000-0000-0000-000000000001}";
  const std::string b = "{aaaaaaaa-0000-0000-0000-000000000002}";
  const ForeignConfiguration roomy = read({rule_xml("a", 100, "", a), rule_xml("b", 110, "", b),
                                           rule_xml("new", 0, "<precedence-before>" + b + "</precedence-before>")});
  const auto numbers = [](const ForeignConfiguration& configuration) {
    std::vector<std::pair<std::string, std::int64_t>> out;
    for (const ForeignRule& one : configuration.rules) out.emplace_back(one.rule.name, one.rule.precedence);
    return out;
  };
  using Numbers = std::vector<std::pair<std::string, std::int64_t>>;
  EXPECT_EQ(numbers(roomy), (Numbers{{"a", 100}, {"new", 109}, {"b", 110}}));
  const ForeignConfiguration tight = read({rule_xml("a", 100, "", a), rule_xml("b", 101, "", b),
                                           rule_xml("new", 0, "<precedence-after>" + a + "</precedence-after>")});
  EXPECT_EQ(numbers(tight), (Numbers{{"a", 100}, {"new", 101}, {"b", 102}}));
  EXPECT_THAT(remarks_of(tight, "b"), HasSubstr("101 there, 102 here"));
}

TEST(ForeignTest, RulesOfTheSameNameGetNamesOfTheirOwn) {
  const ForeignConfiguration configuration = read(
      {std::string(k_connector), rule_xml("In from AD - User Join", 100), rule_xml("In from AD - User Join", 101)});
  EXPECT_EQ(configuration.rules[0].rule.name, "In from AD - User Join");
  EXPECT_EQ(configuration.rules[1].rule.name, "In from AD - User Join (corp.example)");
}

TEST(ForeignTest, ContainersAreThoseTheEngineRead) {
  const ForeignConfiguration configuration = read({R"(<ma-data><id>{1}</id><name>n</name><category>AD</category>
    <ma-partition-data><partition><name>DC=a</name><selected>1</selected><filter><object-classes>
      <object-class>user</object-class><object-class>organizationalUnit</object-class></object-classes><containers>
      <exclusions><exclusion>DC=a</exclusion><exclusion>OU=Old,OU=In,DC=a</exclusion><exclusion>OU=Far,DC=a</exclusion></exclusions>
      <inclusions><inclusion>OU=In,DC=a</inclusion><inclusion>OU=Deep,OU=Old,OU=In,DC=a</inclusion></inclusions>
      </containers></filter></partition><partition><name>DC=b</name><selected>0</selected></partition>
    </ma-partition-data></ma-data>)"});
  const auto& settings = configuration.connectors.front().settings;
  EXPECT_THAT(settings.at("containers"), ElementsAre("OU=In,DC=a"));
  EXPECT_THAT(settings.at("exclude_containers"), ElementsAre("OU=Old,OU=In,DC=a"));
  EXPECT_THAT(settings.at("object_types"), ElementsAre("user"));
  EXPECT_THAT(settings.at("base"), ElementsAre("DC=a"));
  EXPECT_THAT(remarks_of(configuration, "n"), HasSubstr("OU=Deep,OU=Old,OU=In,DC=a"));
}

TEST(ForeignTest, SecretsAndWatermarksReachNoReport) {
  const ForeignConfiguration configuration = read({R"(<ma-data><id>{1}</id><name>n</name><category>AD</category>
    <private-configuration><adma-configuration><parameter-values>
    <parameter name="password" encrypted="1">c2VjcmV0</parameter></parameter-values></adma-configuration></private-configuration>
    <ma-partition-data><partition><name>DC=a</name><custom-data><adma-partition-data><cookie>TVNEUw</cookie>
    </adma-partition-data></custom-data></partition></ma-partition-data></ma-data>)"});
  const std::string text = print_report(configuration.report);
  EXPECT_EQ(text.find("c2VjcmV0"), std::string::npos);
  EXPECT_EQ(text.find("TVNEUw"), std::string::npos);
  EXPECT_THAT(text, HasSubstr("a secret sealed by the other server"));
}

TEST(ForeignTest, TheEnginesSettingsBecomeOurs) {
  const ForeignConfiguration configuration = read({R"(<saved-mv-configuration server="S"><mv-data><parameter-values>
    <parameter name="Microsoft.Synchronize.TimeInterval">01:30:00</parameter>
    <parameter name="Microsoft.Synchronize.RunHistoryPurgeInterval">7.00:00:00</parameter>
    <parameter name="Microsoft.Synchronize.StagingMode">False</parameter>
    <parameter name="Microsoft.OptionalFeature.ExportDeletionThreshold">True</parameter>
    <parameter name="Microsoft.OptionalFeature.ExportDeletionThresholdValue">200</parameter>
    <parameter name="Microsoft.OptionalFeature.PasswordHashSync">True</parameter>
    <parameter name="Microsoft.Synchronize.Novelty">x</parameter></parameter-values></mv-data></saved-mv-configuration>)"});
  using Settings = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(
      configuration.settings,
      (Settings{{"scheduler.interval", "90m"}, {"history.keep", "7d"}, {"staging", "on"}, {"guard.deletions", "200"}}));
  EXPECT_THAT(remarks_of(configuration, "S"), HasSubstr("PasswordHashSync was in use"));
  EXPECT_THAT(not_understood(configuration), Contains("saved-mv-configuration/mv-data/parameter-values/parameter"));
}

TEST(ForeignTest, TheSettingsFileOfNewerServersIsRead) {
  const ForeignConfiguration configuration = read({R"({"policyMetadata": {"type": "export"},
    "onpremisesDirectoryPolicy": [{"uniqueIdentifier": "11111111-1111-1111-1111-111111111111",
      "friendlyName": "corp", "fullyQualifiedDomainName": "corp.example",
      "partitionFilters": [{"distinguishedName": "DC=corp", "containerInclusions": ["OU=a,DC=corp"], "containerExclusions": ["DC=corp"]}],
      "standardSynchronizationRules": [{"name": "In from AD - User Join", "uniqueIdentifier": "x", "immutableTag": "t", "precedence": 100}],
      "customSynchronizationRules": [{"name": "Mine", "direction": "Inbound", "source": "user", "target": "person",
        "linkType": "Join", "precedence": 50, "uniqueIdentifier": "y", "internalIdentifier": "y",
        "scopeFilters": [[{"attribute": "title", "condition": "EQUAL", "value": "Chief"}]],
        "attributeMappings": [{"destination": "title", "source": "title"},
                              {"destination": "co", "source": "Norway", "flowType": "Constant"}]}]}],
    "azureDirectoryPolicy": {"customSynchronizationRules": [], "novelty": 1}})"});
  ASSERT_THAT(configuration.connectors, SizeIs(2));
  EXPECT_EQ(configuration.connectors[0].name, "corp.example");
  EXPECT_THAT(configuration.connectors[0].settings.at("containers"), ElementsAre("OU=a,DC=corp"));
  EXPECT_TRUE(configuration.connectors[1].cloud);
  ASSERT_THAT(configuration.rules, SizeIs(1));
  const Rule& rule = configuration.rules.front().rule;
  EXPECT_EQ(rule.connector, "corp.example");
  EXPECT_THAT(print_rule(rule), HasSubstr(R"([["title EQUAL Chief"]])"));
  ASSERT_THAT(rule.flows, SizeIs(2));
  EXPECT_EQ(rule.flows[1].kind, Flow::Kind::constant);
  EXPECT_THAT(not_understood(configuration), ElementsAre("policy/azureDirectoryPolicy/novelty"));
}

TEST(ForeignTest, TheCloudBecomesTheKindThatIsAskedFor) {
  const std::string cloud =
      "<ma-data><id>{B891884F-051E-4A83-95AF-2544101C9083}</id><name>t - "
      "AAD</name><category>Extensible2</category></ma-data>";
  EXPECT_EQ(read({cloud}, "graph").connectors.front().kind, "graph");
  EXPECT_EQ(read({cloud}, "scim").connectors.front().kind, "scim");
  EXPECT_THAT(
      read({"<ma-data><name>sql</name><category>Extensible2</category><subtype>Generic SQL (Microsoft)</subtype>"
            "</ma-data>"})
          .connectors.front()
          .kind,
      IsEmpty());
}

TEST(ForeignTest, HostileFilesAreRefusedAsAWhole) {
  EXPECT_EQ(error_of("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), "rules.foreign_xml");
  EXPECT_EQ(error_of("<a><b></a>"), "rules.foreign_xml");
  EXPECT_EQ(error_of(""), "rules.foreign_xml");
  EXPECT_EQ(error_of("<a>\xC3\x28</a>"), "rules.foreign_xml");
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  std::string closed = deep;
  for (int i = 0; i < 100; ++i) closed += "</a>";
  EXPECT_EQ(error_of(closed), "rules.foreign_xml");
  EXPECT_EQ(error_of("{\"a\": " + std::string(100, '[') + std::string(100, ']') + "}"), "rules.foreign_json");
  EXPECT_EQ(error_of("{\"a\": "), "rules.foreign_json");
  EXPECT_EQ(error_of(std::string((std::size_t{32} << 20U) + 1, ' ')), "rules.foreign_too_large");
}

TEST(ForeignTest, ATargetOfAnyTypeIsForRulesThatOnlyJoin) {
  const auto errors = [](LinkType link) {
    Rule rule;
    rule.name = "r";
    rule.connector = "corp";
    rule.source = "foreignSecurityPrincipal";
    rule.target = "*";
    rule.link = link;
    rule.precedence = 1;
    const std::vector<ConnectorName> connectors{{"corp", "ad"}};
    const std::vector<model::RuleId> ids{model::RuleId{1}};
    model::Names names;
    std::vector<Problem> problems;
    static_cast<void>(RuleSet::compile({rule}, ids, connectors, names, problems));
    std::vector<std::string> out;
    for (const Problem& problem : problems) out.push_back(problem.id);
    return out;
  };
  EXPECT_THAT(errors(LinkType::join), IsEmpty());
  EXPECT_THAT(errors(LinkType::provision), ElementsAre("rules.any_type"));
}

}  // namespace
}  // namespace linkspan::rules
