// A first full import goes to an empty connector space in many commits, and looks up only what it has itself written:
// it must end as one that looks everything up.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "scenario/stories.h"

namespace linkspan::scenario {
namespace {

constexpr int k_people = 6000;  // several commits

std::string name_of(int i) { return fmt::format("p{}", i); }

/// Managers far before, far behind, beside, and one who does not exist.
void fill(connector::FakeDirectory& corp) {
  for (int i = 0; i < k_people; ++i) {
    const int manager = i % 3 == 0 ? (i + k_people / 2) % k_people : i % 3 == 1 ? (i + 1) % k_people : i / 2;
    add_person(corp, name_of(i), fmt::format("{}", i), i % 100 == 7 ? "nobody" : name_of(manager));
  }
}

TEST(FirstImport, EndsAsAnImportIntoASpaceThatIsNotEmpty) {
  testkit::World once{k_rules, directories()};
  const std::string never_seen = add_person(once.directory("corp"), "before", "x");
  once.directory("corp").remove(never_seen);
  fill(once.directory("corp"));
  const sync::ImportResult first = once.import("corp", true);
  EXPECT_EQ(first.counters.get("adds"), k_people);

  testkit::World grown{k_rules, directories()};
  const std::string before = add_person(grown.directory("corp"), "before", "x");
  grown.import("corp", true);
  fill(grown.directory("corp"));
  grown.import("corp", true);
  grown.directory("corp").remove(before);
  grown.import("corp", true);
  EXPECT_EQ(once.state(), grown.state());

  const sync::ImportResult again = once.import("corp", true);
  EXPECT_EQ(again.counters.get("unchanged"), k_people) << "nothing was doubled, nothing is new";
  EXPECT_EQ(again.counters.get("adds"), 0);
}

}  // namespace
}  // namespace linkspan::scenario
