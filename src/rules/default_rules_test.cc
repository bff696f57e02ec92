// The rule sets that come with it: they load, compile, and agree with each other.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "rules/attributes.h"
#include "rules/rule_set.h"

namespace linkspan::rules {
namespace {

namespace fs = std::filesystem;

const fs::path k_folder = fs::path(LINKSPAN_SOURCE_DIR) / "rules";

std::vector<fs::path> files() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(k_folder)) {
    if (entry.path().extension() == ".toml") out.push_back(entry.path());
  }
  return out;
}

std::vector<Rule> read(const fs::path& path, std::vector<Problem>& problems) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return parse_rules(text.str(), path.filename().string(), problems);
}

std::vector<ConnectorName> connectors() {
  std::vector<ConnectorName> out{{"source", "ldap"}, {"target", "ldap"}};
  for (const char* kind : {"ad", "graph", "graph-upload", "scim", "csv"}) out.push_back({kind, kind});
  return out;
}

void expect_usable(std::vector<Rule> rules, std::vector<Problem> problems, const std::string& what) {
  std::vector<model::RuleId> ids;
  for (std::size_t i = 0; i < rules.size(); ++i) ids.push_back({static_cast<std::int64_t>(i) + 1});
  model::Names names;
  check_attributes(rules, connectors(), {}, problems);
  EXPECT_NE(RuleSet::compile(std::move(rules), ids, connectors(), names, problems), nullptr) << what;
  for (const Problem& problem : problems) ADD_FAILURE() << to_text(problem);
}

TEST(DefaultRuleSetsTest, EachSetHasNothingWrongWithItNotEvenAWarning) {
  ASSERT_GE(files().size(), 8U);
  for (const fs::path& path : files()) {
    std::vector<Problem> problems;
    std::vector<Rule> rules = read(path, problems);
    EXPECT_FALSE(rules.empty()) << path;
    expect_usable(std::move(rules), std::move(problems), path.string());
  }
}

TEST(DefaultRuleSetsTest, RulesOfOneNameAreTheSameInEverySet) {
  std::map<std::string, std::string> known;
  for (const fs::path& path : files()) {
    const std::string file = path.filename().string();
    if (file.starts_with("match-") || file == "ldap-to-ldap.toml") continue;  // these replace, those name connectors
    std::vector<Problem> problems;
    for (const Rule& rule : read(path, problems)) {
      const auto [first, fresh] = known.emplace(rule.name, print_rule(rule));
      EXPECT_EQ(first->second, print_rule(rule)) << file;
    }
  }
}

TEST(DefaultRuleSetsTest, AMatchFileReplacesTheJoinRulesByOnesWithOneMoreGroup) {
  for (const char* match : {"match-by-mail.toml", "match-by-account-name.toml", "match-by-attribute.toml"}) {
    std::vector<Problem> problems;
    std::vector<Rule> rules = read(k_folder / "ad-to-graph.toml", problems);
    for (Rule& better : read(k_folder / match, problems)) {
      const auto same =
          std::find_if(rules.begin(), rules.end(), [&](const Rule& rule) { return rule.name == better.name; });
      ASSERT_NE(same, rules.end()) << better.name;
      EXPECT_EQ(better.join.size(), same->join.size() + 1);
      const JoinClause added = better.join.back().front();
      Rule without = better;
      without.join.pop_back();
      EXPECT_EQ(print_rule(without), print_rule(*same));
      EXPECT_TRUE(std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) {
        return rule.direction == Direction::inbound &&
               std::any_of(rule.flows.begin(), rule.flows.end(),
                           [&](const Flow& flow) { return flow.target == added.target; });
      })) << added.target;
      *same = std::move(better);
    }
    expect_usable(std::move(rules), std::move(problems), match);
  }
}

}  // namespace
}  // namespace linkspan::rules
