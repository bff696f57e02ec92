#include "transfer/verify.h"

#include <algorithm>
#include <random>

#include "sql/open.h"
#include "sql/row_batch.h"
#include "transfer/copy.h"
#include "transfer/internal/tables.h"
#include "transfer/testing/transfer_fixture.h"

namespace linkspan::transfer {
namespace {

using ::testing::HasSubstr;

TableSum sum_of(const std::vector<std::vector<sql::ValueView>>& rows) {
  Summing summing;
  for (const auto& row : rows) summing.add(sql::Row(row));
  return summing.sum();
}

TEST(Checksum, DoesNotDependOnTheOrderOfRows) {
  std::vector<std::vector<sql::ValueView>> rows;
  for (std::int64_t i = 0; i < 50; ++i) rows.push_back({i, std::string_view("text"), sql::ValueView()});
  const TableSum sum = sum_of(rows);
  std::mt19937 random(3);
  std::shuffle(rows.begin(), rows.end(), random);
  EXPECT_EQ(sum_of(rows), sum);
  EXPECT_EQ(sum.rows, 50U);
  EXPECT_EQ(sum.bytes, 50U * 12);
}

TEST(Checksum, TellsKindsBordersAndRepetitionsApart) {
  using Rows = std::vector<std::vector<sql::ValueView>>;
  const std::vector<Rows> all{
      {},
      {{sql::ValueView()}},
      {{std::int64_t{0}}},
      {{std::string_view("")}},
      {{sql::BlobView("")}},
      {{std::string_view("ab"), std::string_view("c")}},
      {{std::string_view("a"), std::string_view("bc")}},
      {{sql::BlobView("ab"), std::string_view("c")}},
      {{std::int64_t{1}}, {std::int64_t{1}}},
      {{std::int64_t{1}}, {std::int64_t{1}}, {std::int64_t{1}}},
      {{std::int64_t{2}}, {std::int64_t{2}}},
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_NE(checksum_text(sum_of(all[i])), checksum_text(sum_of(all[j]))) << i << j;
  }
}

TEST(Tables, EveryTableIsCarriedOnce) {
  std::vector<std::string_view> carried;
  for (const TableInfo* table : large_tables()) carried.push_back(table->name);
  for (const TableInfo* table : small_tables()) carried.push_back(table->name);
  std::vector<std::string_view> all;
  for (const TableInfo& table : store_sql::all_tables()) {
    if (is_bulk(table)) all.push_back(table.name);
  }
  EXPECT_THAT(carried, ::testing::UnorderedElementsAreArray(all));
}

class VerifyTest : public TransferTest {
 protected:
  // The same state on both kinds of server.
  std::vector<Place> one_of_each() {
    const Place first = filled(sqlite("first.db"), 30);
    copy_database(first, file("out.copy"));
    const Place second = postgresql();
    attach(file("out.copy"), second);
    return {first, second};
  }
  static void change(const Place& place, const std::string& script) {
    const auto database = sql::open(sql::DatabaseUrl::parse(place.url));
    database->execute(script);
  }
};

TEST_F(VerifyTest, FindsNothingInASoundDatabase) {
  for (const Place& place : one_of_each()) {
    expect_sound(place);
    EXPECT_EQ(verify(place).tables.size(), store_sql::all_tables().size());
  }
}

struct Damage {
  std::string script;
  std::string table;
  std::string key;
};

TEST_F(VerifyTest, NamesTableAndRowOfWhatIsBroken) {
  const std::vector<Damage> damages{
      {"UPDATE metaverse_object SET image = observed FROM (SELECT lineage AS observed FROM metaverse_object WHERE id = "
       "4) "
       "x WHERE id = 9",
       "metaverse_object", "id 9"},
      {"DELETE FROM metaverse_object WHERE id = 3", "connector_object", "id "},
      {"DELETE FROM connector_image WHERE object_id = 2; INSERT INTO connector_image (object_id) VALUES (4711)",
       "connector_image", "object_id 4711"},
      {"INSERT INTO connector_reference VALUES (1, 1, 4712, 1, 0)", "connector_reference", "target_id 4712"},
      {"UPDATE connector_object SET state = 1 WHERE id = 5", "connector_object", "id 5"},
      {"UPDATE connector_object SET pending_references = 1 WHERE id = 7", "connector_object", "id 7"},
      {"UPDATE sequence SET next_id = 3 WHERE name = 'connector_object'", "sequence", "name connector_object"},
      {"UPDATE counter SET value = value + 1 WHERE kind = 'objects' AND connector_id = 2", "counter", "connector_id 2"},
  };
  for (const Place& place : one_of_each()) {
    const bool server = place.url.starts_with("postgresql");
    for (const Damage& damage : damages) {
      SCOPED_TRACE(damage.script);
      Place broken = place;
      if (server) {
        broken = postgresql();
        const std::string name = place.url.substr(place.url.rfind('/') + 1);
        const std::string fresh = broken.url.substr(broken.url.rfind('/') + 1);
        testkit::Postgresql::shared().execute("DROP DATABASE " + fresh);
        testkit::Postgresql::shared().execute("CREATE DATABASE " + fresh + " TEMPLATE " + name);
      } else {
        std::filesystem::copy_file(file("first.db"), file("broken.db"),
                                   std::filesystem::copy_options::overwrite_existing);
        broken = sqlite("broken.db");
      }
      change(broken, damage.script);
      const auto findings = verify(broken).findings;
      const auto named =
          std::find_if(findings.begin(), findings.end(), [&](const Finding& one) { return one.table == damage.table; });
      ASSERT_NE(named, findings.end());
      EXPECT_THAT(named->key, HasSubstr(damage.key));
    }
  }
}

TEST_F(VerifyTest, NamesTheFirstRowInWhichTwoDatabasesDiffer) {
  const Place left = filled(sqlite("left.db"), 30);
  const auto differing = [&](const std::string& script) {
    std::filesystem::copy_file(file("left.db"), file("right.db"), std::filesystem::copy_options::overwrite_existing);
    const Place right = sqlite("right.db");
    change(right, script);
    const auto here = verify_against(left, right).findings;
    const auto there = verify_against(right, left).findings;
    EXPECT_EQ(here.size(), 1U);
    EXPECT_EQ(there.size(), 1U);
    if (here.empty() || there.empty()) return std::string();
    EXPECT_EQ(here.front().key, there.front().key);
    return here.front().table + ": " + here.front().key;
  };
  EXPECT_EQ(differing("UPDATE connector_object SET dn = 'x' WHERE id IN (17, 20)"), "connector_object: id 17");
  EXPECT_EQ(differing("DELETE FROM metaverse_object WHERE id = 30"), "metaverse_object: id 30");
  EXPECT_EQ(differing("DELETE FROM metaverse_object WHERE id = 1"), "metaverse_object: id 1");
  EXPECT_EQ(differing("INSERT INTO setting VALUES ('zz', 'x')"), "setting: name zz");
  EXPECT_EQ(differing("UPDATE connector_secret SET sealed = x'00'"), "connector_secret: connector_id 1, name password");
}

TEST_F(VerifyTest, ComparesAcrossServers) {
  const auto places = one_of_each();
  change(places[0], "UPDATE setting SET value = 'on' WHERE name = 'staging'");
  expect_equal(places[0], places[1]);
  change(places[1], "UPDATE metaverse_key SET attribute_id = attribute_id + 100 WHERE metaverse_id = 12");
  const auto findings = verify_against(places[0], places[1]).findings;
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings.front().table, "metaverse_key");
}

TEST_F(VerifyTest, ADamagedFileIsToldFromASoundOne) {
  filled(sqlite("first.db"), 300);
  {
    std::FILE* broken = std::fopen(file("first.db").c_str(), "r+b");
    ASSERT_NE(broken, nullptr);
    std::fseek(broken, 4096L * 40, SEEK_SET);
    const std::string nonsense(4096, 'x');
    std::fwrite(nonsense.data(), 1, nonsense.size(), broken);
    std::fclose(broken);
  }
  EXPECT_FALSE(verify(sqlite("first.db")).findings.empty());
}

}  // namespace
}  // namespace linkspan::transfer
