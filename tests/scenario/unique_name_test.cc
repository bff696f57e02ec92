// UniqueName() in inbound rules: names that no two identities share, and that stay.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/world.h>

#include <set>

#include "sync/preview.h"

namespace linkspan::scenario {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::string rules_with(std::string_view account_name) {
  return fmt::format(
      "[[rule]]\nname = \"In from hr\"\ndirection = \"inbound\"\nconnector = \"hr\"\nsource = \"person\"\n"
      "target = \"person\"\nlink = \"provision\"\nprecedence = 100\njoin = [[\"number = number\"]]\n[rule.flows]\n"
      "number = \"[number]\"\naccountName = '{}'\n",
      account_name);
}

class UniqueNameTest : public ::testing::Test {
 protected:
  static constexpr std::string_view k_by_name = "UniqueName(LCase([name]) & \"{n}\")";

  std::string add(const std::string& number, const std::string& name) {
    model::Entry entry;
    entry.dn = "cn=" + number + ",dc=hr";
    entry.object_type = "person";
    entry.attributes = {{"number", {model::Value(number)}}, {"name", {model::Value(name)}}};
    return world.directory("hr").add(std::move(entry));
  }
  void run(bool full = false) {
    world.import("hr", full);
    world.synchronize(full);
  }
  /// "number=accountName", in order of identities.
  std::vector<std::string> names() {
    std::vector<std::string> out;
    const auto number = world.store().names().find("number");
    const auto account = world.store().names().find("accountName");
    for (const store::Metaverse& one : world.store().view()->scan_metaverse(false, {0, 10'000})) {
      const model::Image image = model::decode(one.image);
      const model::ImageAttribute* has = account ? image.find(*account) : nullptr;
      out.push_back(model::to_text(image.find(*number)->values.front()) + "=" +
                    (has == nullptr ? "" : model::to_text(has->values.front())));
    }
    return out;
  }
  std::vector<std::string> errors() {
    std::vector<std::string> out;
    for (const store::ObjectError& one : world.store().summary()->errors({}, {0, 100})) out.push_back(one.message);
    return out;
  }

  testkit::World world{rules_with(k_by_name), {{"hr", "file", {}}}};
};

TEST_F(UniqueNameTest, TwoObjectsOfOnePageGetDifferentNames) {
  add("1", "Ada");
  add("2", "ada");
  add("3", "Bob");
  run(true);
  EXPECT_THAT(names(), ElementsAre("1=ada", "2=ada2", "3=bob"));
}

TEST_F(UniqueNameTest, ALaterObjectSeesWhatIsTaken) {
  add("1", "Ada");
  run(true);
  add("2", "Ada");
  run();
  add("3", "Ada");
  run();
  EXPECT_THAT(names(), ElementsAre("1=ada", "2=ada2", "3=ada3"));
}

TEST_F(UniqueNameTest, NamesStayThroughFullAndDeltaRunsAndWhenABetterOneBecomesFree) {
  const std::string first = add("1", "Ada");
  const std::string second = add("2", "Ada");
  run(true);
  run(true);
  EXPECT_THAT(names(), ElementsAre("1=ada", "2=ada2"));
  world.directory("hr").remove(first);
  run();
  world.directory("hr").set(second, "title", {model::Value("Chief")});
  run();
  run(true);
  EXPECT_THAT(names(), ElementsAre("2=ada2"));
  add("3", "Ada");
  run();
  EXPECT_THAT(names(), UnorderedElementsAre("2=ada2", "3=ada"));
}

TEST_F(UniqueNameTest, ANameThatIsNoCandidateAnyMoreChanges) {
  add("1", "Eve");
  const std::string object = add("2", "Ada");
  run(true);
  world.directory("hr").set(object, "name", {model::Value("Eve")});
  run();
  EXPECT_THAT(names(), ElementsAre("1=eve", "2=eve2"));
}

TEST_F(UniqueNameTest, WhereAllAreTakenTheFlowFailsAndSaysSo) {
  world.set_rules(rules_with("UniqueName(LCase([name]))"));
  add("1", "Ada");
  add("2", "Ada");
  run(true);
  EXPECT_THAT(names(), ElementsAre("1=ada"));
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("ada is taken")));
}

TEST_F(UniqueNameTest, TheIdOfAProjectionThatFailedHoldsNoName) {
  world.set_rules(rules_with("UniqueName(LCase([name]) & \"{n}\") & IIF([name] = \"Bad\", Error(\"no\"), \"\")"));
  add("1", "Ada");
  add("2", "Bad");
  add("3", "Ada");
  run(true);
  EXPECT_THAT(names(), ElementsAre("1=ada", "3=ada2"));
}

TEST_F(UniqueNameTest, NamesThatWereThereBeforeTheRuleAreSeen) {
  world.set_rules(rules_with("LCase([name])"));
  add("1", "Ada");
  run(true);
  world.set_rules(rules_with(k_by_name));
  add("2", "Ada");
  run();  // a delta run, before any full one with the new rules
  EXPECT_THAT(names(), ElementsAre("1=ada", "2=ada2"));
  run(true);
  EXPECT_THAT(names(), ElementsAre("1=ada", "2=ada2"));
}

TEST_F(UniqueNameTest, NoTwoOfManyPagesShareAName) {
  constexpr int k_people = 5000;
  for (int i = 0; i < k_people; ++i) add(std::to_string(i), "P" + std::to_string(i % 1000));
  run(true);
  std::set<std::string> given;
  for (const std::string& one : names()) given.insert(one.substr(one.find('=') + 1));
  EXPECT_EQ(given.size(), static_cast<std::size_t>(k_people));
  EXPECT_TRUE(given.contains("p5"));
  EXPECT_TRUE(given.contains("p55"));  // the fifth p5, or p55 itself
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(UniqueNameTest, ThePreviewShowsTheNameItWillGet) {
  add("1", "Ada");
  run(true);
  add("2", "Ada");
  world.import("hr");
  const sync::Preview shown = sync::preview(world.context(), world.info("hr"), "cn=2,dc=hr");
  EXPECT_THAT(shown.errors, IsEmpty());
  std::vector<std::string> values;
  for (const sync::PreviewFlow& flow : shown.flows) {
    if (flow.attribute == "accountName") values.push_back(flow.value);
  }
  EXPECT_THAT(values, ElementsAre("ada2"));
  run();
  EXPECT_THAT(names(), ElementsAre("1=ada", "2=ada2"));
}

}  // namespace
}  // namespace linkspan::scenario
