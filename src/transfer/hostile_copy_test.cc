// Copies made by somebody who means harm and knows the format: sealed, and not what they should be.

#include <algorithm>
#include <fstream>
#include <random>

#include "sql/inspect.h"
#include "sql/open.h"
#include "transfer/copy.h"
#include "transfer/testing/transfer_fixture.h"

namespace linkspan::transfer {
namespace {

using ::testing::HasSubstr;

class HostileCopyTest : public TransferTest {
 protected:
  void SetUp() override {
    copy_database(filled(sqlite("first.db"), 400), file("sound.copy"));
    std::ifstream in(file("sound.copy"), std::ios::binary);
    sound_.assign(std::istreambuf_iterator<char>(in), {});
  }

  /// Seals `bytes` as a copy, tries to attach it, and says what the refusal was; "nothing" if it was taken.
  std::string attaching(const std::string& bytes, const Place& target) {
    std::ofstream(file("evil.copy"), std::ios::binary) << bytes;
    seal_copy(file("evil.copy"));
    message_.clear();
    const auto error = thrown_by([&] { attach(file("evil.copy"), target); });
    if (error) message_ = error->what();
    return error ? std::string(error->id()) : "nothing";
  }
  std::string attaching_after(const std::string& script) {
    std::ofstream(file("changed.copy"), std::ios::binary) << sound_;
    {
      const auto copy = sql::open_sqlite(file("changed.copy"));
      copy->execute("PRAGMA foreign_keys = OFF;" + script + "; PRAGMA journal_mode = DELETE");
    }
    std::ifstream in(file("changed.copy"), std::ios::binary);
    const std::string id = attaching({std::istreambuf_iterator<char>(in), {}}, sqlite("never.db"));
    EXPECT_FALSE(std::filesystem::exists(file("never.db"))) << script;
    return id;
  }

  std::string sound_;
  std::string message_;
};

TEST_F(HostileCopyTest, WhatIsNoPlainTableIsRefusedBeforeItIsRead) {
  const std::string endless = " AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT ";
  for (const std::string& script : {
           std::string("DROP TABLE metaverse_key; CREATE VIEW metaverse_key") + endless +
               "1 metaverse_id, i name_id, x'00' key FROM n",
           std::string("CREATE TRIGGER late AFTER DELETE ON lease BEGIN DELETE FROM setting; END"),
           std::string("CREATE TABLE more (id INTEGER)"),
           std::string("CREATE INDEX slow ON connector (abs(id))"),
           std::string("ALTER TABLE connector ADD COLUMN more TEXT"),
           std::string("DROP TABLE metaverse_key"),
       }) {
    EXPECT_EQ(attaching_after(script), "transfer.copy_damaged") << script;
  }
  EXPECT_EQ(attaching_after("ALTER TABLE linkspan_copy_table RENAME TO kept; CREATE VIEW linkspan_copy_table" +
                            endless + "i position, 'x' name, 1 rows, 1 bytes, 1 high, 1 low FROM n"),
            "transfer.not_a_copy");
}

// A tree of pages whose branches all lead to one leaf yields rows without end.
TEST_F(HostileCopyTest, PagesThatAreReadMoreThanOnceAreRefused) {
  constexpr std::size_t k_page = 16384;
  const auto byte = [&](std::size_t place) { return static_cast<unsigned char>(sound_[place]); };
  std::size_t bent = 0;
  for (std::size_t page = k_page; page + k_page <= sound_.size(); page += k_page) {
    constexpr unsigned char k_branches_of_a_table = 5;
    const std::size_t cells = byte(page + 3) * 256U + byte(page + 4);
    if (byte(page) != k_branches_of_a_table || cells < 2 || cells > 1000) continue;
    const auto cell = [&](std::size_t i) { return page + byte(page + 12 + 2 * i) * 256U + byte(page + 13 + 2 * i); };
    for (std::size_t i = 1; i < cells; ++i) sound_.replace(cell(i), 4, sound_.substr(cell(0), 4));
    ++bent;
  }
  ASSERT_GT(bent, 0U);
  EXPECT_EQ(attaching(sound_, sqlite("never.db")), "transfer.copy_damaged");
  EXPECT_THAT(message_, HasSubstr("page"));
  EXPECT_FALSE(std::filesystem::exists(file("never.db")));
}

TEST_F(HostileCopyTest, AnyByteChangedAndSealedAgainIsRefusedOrDoesNoHarm) {
  std::mt19937 random(11);
  int taken = 0;
  for (int i = 0; i < 80; ++i) {
    std::string evil = sound_;
    // The beginning of pages is where their make is written.
    const std::size_t page = random() % (sound_.size() / 16384) * 16384;
    const std::size_t place = page + random() % (i % 2 == 0 ? 200 : 16384);
    evil[place] = static_cast<char>(random());
    const Place target = sqlite("target" + std::to_string(i));
    if (attaching(evil, target) != "nothing") continue;
    ++taken;
    expect_sound(target);
  }
  EXPECT_LT(taken, 60);
}

}  // namespace
}  // namespace linkspan::transfer
