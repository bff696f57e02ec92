#include "model/value.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "model/names.h"

namespace linkspan::model {
namespace {

TEST(ValueTest, CanonicalFormIsSortedAndHoldsEachValueOnce) {
  Values values{std::string("b"), std::string("a"), std::string("b"), std::int64_t{3}};
  canonicalize(values);
  EXPECT_EQ(values, (Values{std::string("a"), std::string("b"), std::int64_t{3}}));
}

TEST(ValueTest, JoinKeysIgnoreCaseAndTheKindOfNumber) {
  EXPECT_EQ(join_key(std::string("ADA@Example.org")), join_key(std::string("ada@example.ORG")));
  EXPECT_EQ(join_key(std::int64_t{42}), join_key(std::string("42")));
  EXPECT_NE(join_key(Binary{"42"}), join_key(std::string("42")));
  EXPECT_NE(join_key(std::string("ada ")), join_key(std::string("ada")));
}

TEST(ValueTest, LongKeysAreBoundedAndStayApart) {
  const std::string one(5000, 'x');
  EXPECT_EQ(join_key(one).size(), 400U);
  EXPECT_NE(join_key(one), join_key(one + "y"));
}

TEST(NamesTest, InternsOnceAndTellsWhatIsNew) {
  Names names;
  names.load(1, "cn");
  names.load(3, "sn");
  EXPECT_EQ(names.id("cn"), 1U);
  EXPECT_EQ(names.id("mail"), 4U);
  EXPECT_EQ(names.after(3).size(), 1U);
  EXPECT_EQ(names.name(4), "mail");
  EXPECT_THROW((void)names.name(2), Error);
  EXPECT_THROW(names.load(4, "uid"), Error);
  EXPECT_NO_THROW(names.load(1, "cn"));
}

}  // namespace
}  // namespace linkspan::model
