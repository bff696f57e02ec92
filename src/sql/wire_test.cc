#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "sql/internal/key_rows.h"
#include "sql/internal/postgresql_arrays.h"
#include "sql/internal/postgresql_wire.h"
#include "sql/row_batch.h"

namespace linkspan::sql {
namespace {

using ::testing::ElementsAre;

TEST(RowBatchTest, KeepsItsOwnCopyOfSmallAndLargeBytes) {
  RowBatch batch(2);
  for (int round = 0; round < 3; ++round) {
    batch.clear();
    for (int i = 0; i < 5000; ++i) {
      std::string text = std::to_string(i) + std::string(static_cast<std::size_t>(i % 300), 'x');
      if (i % 1000 == 7) text += std::string(300'000, 'y');
      batch.text(text);
      batch.blob(text);
    }
  }
  ASSERT_EQ(batch.size(), 5000U);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto text = std::get<std::string_view>(batch.rows()[i][0]);
    EXPECT_TRUE(text.starts_with(std::to_string(i)));
    EXPECT_EQ(text, std::get<BlobView>(batch.rows()[i][1]).bytes);
  }
}

TEST(RowBatchTest, CountsTheBytesItHolds) {
  RowBatch batch(3);
  batch.text("abc");
  batch.integer(1);
  batch.copy(BlobView("defg"));
  EXPECT_EQ(batch.bytes(), 7U);
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.bytes(), 0U);
}

TEST(ArraysTest, OfEqualKeysTheLastRowIsKept) {
  const std::vector<ValueView> cells{std::int64_t{1}, "a", std::int64_t{2}, "b", std::int64_t{1}, "a",
                                     std::int64_t{1}, "c", ValueView(),     "a", ValueView(),     "a"};
  EXPECT_THAT(last_of_each_key(Rows{cells, 2}, {0, 1}), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(last_of_each_key(Rows{cells, 2}, {0}), ElementsAre(1, 3, 4, 5));
  EXPECT_THAT(last_of_each_key(Rows{cells, 2}, {1}), ElementsAre(1, 3, 5));
}

TEST(ArraysTest, AChunkIsBoundedInRowsAndBytesAndNeverEmpty) {
  const std::vector<ValueView> small(10'000, std::int64_t{1});
  EXPECT_EQ(chunk_size(Rows{small, 1}, 0), 2000U);
  EXPECT_EQ(chunk_size(Rows{small, 1}, 9'999), 1U);
  const std::string large(3'000'000, 'x');
  const std::vector<ValueView> wide(10, BlobView(large));
  EXPECT_EQ(chunk_size(Rows{wide, 1}, 0), 1U);
  EXPECT_EQ(chunk_size(Rows{wide, 2}, 0), 1U);
}

std::string numeric(std::initializer_list<int> words) {
  std::string out;
  for (const int word : words) append_int16(out, static_cast<std::int16_t>(word));
  return out;
}

TEST(WireTest, NumericsAreIntegersWhereTheyAreWhole) {
  constexpr Oid k_numeric = 1700;
  EXPECT_EQ(field_value(k_numeric, numeric({0, 0, 0, 0})), ValueView(std::int64_t{0}));
  EXPECT_EQ(field_value(k_numeric, numeric({1, 0, 0x4000, 0, 42})), ValueView(std::int64_t{-42}));
  EXPECT_EQ(field_value(k_numeric, numeric({1, 2, 0, 0, 3})), ValueView(std::int64_t{300'000'000}));
  EXPECT_EQ(field_value(k_numeric, numeric({2, 0, 0, 1, 1, 5000})), ValueView(1.5));
  EXPECT_EQ(field_value(k_numeric, numeric({1, -1, 0, 1, 2500})), ValueView(0.25));
  EXPECT_EQ(field_value(k_numeric, numeric({1, 5, 0, 0, 1})), ValueView(1e20));
}

TEST(WireTest, DamagedMessagesAreRefused) {
  CopyReader reader({k_int8});
  std::string message(copy_head());
  append_int16(message, 1);
  append_field(message, k_int8, std::int64_t{5});
  std::string_view rest = message;
  EXPECT_TRUE(reader.next(rest));
  EXPECT_EQ(reader.row().integer(0), 5);
  EXPECT_FALSE(reader.next(rest));
  for (const std::size_t cut : {1U, 3U, 7U, 13U}) {
    CopyReader again({k_int8});
    std::string_view part = std::string_view(message).substr(0, message.size() - cut);
    EXPECT_THROW((void)again.next(part), Error) << cut;
  }
  EXPECT_THROW((void)field_value(k_int8, "short"), Error);
}

}  // namespace
}  // namespace linkspan::sql
