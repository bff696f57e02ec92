#include "connector/setting_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/error.h"

namespace linkspan::connector {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array<std::string_view, 2> k_words{"never", "always"};

std::string problems_of(const SettingReader& reader) {
  try {
    reader.finish("test.settings");
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "test.settings");
    return error.message();
  }
  return {};
}

TEST(SettingReaderTest, ReadsWhatIsThereAndTheStandardWhereNothingIs) {
  const Settings settings{
      {"list", {"a", "b"}}, {"text", {"x"}}, {"flag", {"Yes"}}, {"count", {"7"}}, {"when", {"ALWAYS"}}};
  SettingReader reader(settings);
  EXPECT_THAT(reader.all("list"), ElementsAre("a", "b"));
  EXPECT_THAT(reader.all("nothing"), ElementsAre());
  EXPECT_EQ(reader.one("text"), "x");
  EXPECT_EQ(reader.one("nothing"), "");
  EXPECT_TRUE(reader.truth("flag", false));
  EXPECT_TRUE(reader.truth("nothing", true));
  EXPECT_EQ(reader.number("count", 1, 0, 9), 7);
  EXPECT_EQ(reader.number("nothing", 1, 0, 9), 1);
  EXPECT_EQ(reader.word("when", k_words), "always");
  EXPECT_EQ(reader.word("nothing", k_words), "never");
  EXPECT_EQ(problems_of(reader), "");
}

TEST(SettingReaderTest, SaysEverythingThatIsWrongAtOnce) {
  const Settings settings{
      {"text", {"a", "b"}}, {"flag", {"perhaps"}}, {"count", {"10"}}, {"when", {"sometimes"}}, {"fleg", {"true"}}};
  SettingReader reader(settings);
  std::vector<SettingSpec> known(4);
  for (std::size_t i = 0; const char* name : {"text", "flag", "count", "when"}) known[i++].name = name;
  reader.refuse_unknown(known);
  static_cast<void>(reader.one("text"));
  EXPECT_FALSE(reader.truth("flag", false));
  EXPECT_EQ(reader.number("count", 3, 0, 9), 3);
  EXPECT_EQ(reader.word("when", k_words), "never");
  const std::string all = problems_of(reader);
  for (const char* part :
       {"text: one value is wanted, 2 are given", "flag: \"perhaps\" is neither",
        "count: \"10\" is not a whole number from 0 to 9", "when: \"sometimes\" is none of never, always",
        "fleg: there is no such setting; did you mean flag?"}) {
    EXPECT_THAT(all, HasSubstr(part));
  }
}

}  // namespace
}  // namespace linkspan::connector
