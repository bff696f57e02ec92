#include "connector/batch_limit.h"

#include <gtest/gtest.h>

namespace linkspan::connector {
namespace {

TEST(BatchLimit, AThousandSmallObservationsAreABatch) {
  BatchLimit limit;
  model::Entry entry;
  entry.attributes.push_back({"cn", {"Ada"}});
  for (int i = 0; i < 999; ++i) limit.count(entry);
  EXPECT_FALSE(limit.reached());
  limit.count(entry);
  EXPECT_TRUE(limit.reached());
}

TEST(BatchLimit, TwoMebibytesOfContentAreABatchHoweverFewEntriesTheyAreIn) {
  BatchLimit photographs;
  model::Entry entry;
  entry.attributes.push_back({"jpegPhoto", {model::Binary{std::string(100'000, 'x')}}});
  for (int i = 0; i < 20; ++i) photographs.count(entry);
  EXPECT_FALSE(photographs.reached());
  photographs.count(entry);
  EXPECT_TRUE(photographs.reached());

  BatchLimit group;
  model::Entry members;
  for (int i = 0; i < 30'000; ++i) members.references.push_back({"member", "uid=someone,ou=people,dc=corp,dc=example"});
  group.count(members);
  EXPECT_TRUE(group.reached());
}

}  // namespace
}  // namespace linkspan::connector
