// T-SQL as it is made: nothing here asks a server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "sql/internal/sqlserver_text.h"
#include "sql/testing/backends.h"

namespace linkspan::sql {
namespace {

using ::testing::ElementsAre;
using testing::id_thrown_by;

const Table k_pet{"pet", {{"owner", Role::key}, {"kind", Role::key}, {"made", Role::initial}, {"note"}}};
const std::vector<OdbcColumn> k_columns{
    {OdbcKind::integer, 0}, {OdbcKind::blob, 400}, {OdbcKind::integer, 0}, {OdbcKind::text, 0}};
const std::vector<std::string_view> k_names{"owner", "kind", "made", "note"};

TEST(SqlServerTextTest, ParametersAreCountedInTheirOrder) {
  const Translated made = translated("SELECT a FROM t WHERE b = $2 AND c = '$1' AND d = $1 AND \"$3\" = $2");
  EXPECT_EQ(made.text, "SELECT a FROM t WHERE b = ? AND c = '$1' AND d = ? AND \"$3\" = ?");
  EXPECT_THAT(made.order, ElementsAre(1, 0, 1));
}

TEST(SqlServerTextTest, ALimitBecomesTop) {
  const Translated made = translated("SELECT a FROM t WHERE b > $1 ORDER BY a LIMIT $2");
  EXPECT_EQ(made.text, "SELECT TOP (?) a FROM t WHERE b > ? ORDER BY a");
  EXPECT_THAT(made.order, ElementsAre(1, 0));
  EXPECT_EQ(translated("SELECT a FROM t LIMIT 9").text, "SELECT TOP (9) a FROM t");
}

TEST(SqlServerTextTest, ALimitWithAnOffsetBecomesFetch) {
  const Translated made = translated("SELECT a FROM t ORDER BY a LIMIT $1 OFFSET $2");
  EXPECT_EQ(made.text, "SELECT a FROM t ORDER BY a OFFSET ? ROWS FETCH NEXT ? ROWS ONLY");
  EXPECT_THAT(made.order, ElementsAre(1, 0));
}

TEST(SqlServerTextTest, WhatNotEveryServerReadsIsRefused) {
  for (const std::string_view statement :
       {"SELECT a FROM (SELECT b FROM t LIMIT 1) x", "SELECT DISTINCT a FROM t LIMIT 1", "SELECT a FROM t LIMIT a",
        "SELECT a FROM t LIMIT 1 OFFSET $2", "SELECT a FROM t LIMIT 1, 2", "UPDATE t SET a = 1 RETURNING a",
        "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO NOTHING", "SELECT a::text FROM t", "SELECT a || b FROM t",
        "SELECT $0 FROM t", "DELETE FROM t LIMIT 1", "SELECT a FROM t WHERE b = TRUE"}) {
    EXPECT_EQ(id_thrown_by([&] { (void)translated(statement); }), "sql.not_portable") << statement;
  }
  EXPECT_EQ(id_thrown_by([&] { (void)translated("SELECT 'LIMIT', \"returning\" FROM t WHERE a = '::'"); }), "");
}

TEST(SqlServerTextTest, TextThatEndsInTheMiddleIsNotReadPastItsEnd) {
  EXPECT_EQ(translated("SELECT 'a").text, "SELECT 'a");
  EXPECT_EQ(translated("").text, "");
  EXPECT_EQ(translated("SELECT a -- LIMIT").text, "SELECT a -- LIMIT");
}

TEST(SqlServerTextTest, AScriptIsPartedAtGo) {
  EXPECT_THAT(batches_of("CREATE TABLE a (b int);\nGO\n\n  go \nSELECT 'GO'\nGO"),
              ElementsAre("CREATE TABLE a (b int);", "SELECT 'GO'"));
  EXPECT_THAT(batches_of("SELECT 1"), ElementsAre("SELECT 1"));
  EXPECT_THAT(batches_of("\nGO\n"), ElementsAre());
}

TEST(SqlServerTextTest, FirstWordsTellReadingFromWriting) {
  EXPECT_EQ(first_word("  select 1"), "SELECT");
  EXPECT_EQ(first_word("DELETE FROM t"), "DELETE");
  EXPECT_EQ(first_word(""), "");
}

TEST(SqlServerTextTest, FewRowsStandInTheStatement) {
  const Source two = Source::values(k_names, 2, false);
  EXPECT_EQ(two.text(), R"((VALUES (?, ?, ?, ?), (?, ?, ?, ?)) AS k ("owner", "kind", "made", "note"))");
  EXPECT_EQ(
      insert_text(k_pet, two),
      R"(INSERT INTO "pet" ("owner", "kind", "made", "note") SELECT k."owner", k."kind", k."made", k."note" FROM )" +
          two.text());
  EXPECT_EQ(Source::values({"id"}, 2, true).text(), R"((VALUES (0, ?), (1, ?)) AS k ("linkspan_index", "id"))");
}

TEST(SqlServerTextTest, BytesAndTextsAreEqualOnlyWithTheirLengths) {
  const Source stage = Source::stage("#s");
  const std::string same =
      R"("pet"."owner" = k."owner" AND "pet"."kind" = k."kind" AND DATALENGTH("pet"."kind") = DATALENGTH(k."kind"))";
  EXPECT_EQ(
      update_text(k_pet, k_columns, stage, true),
      R"(UPDATE "pet" SET "note" = k."note" FROM "pet" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #s AS k ON )" + same);
  EXPECT_EQ(update_text(k_pet, k_columns, stage, false),
            R"(UPDATE "pet" SET "note" = k."note" FROM "pet" INNER JOIN #s AS k ON )" + same);
  EXPECT_EQ(insert_missing_text(k_pet, k_columns, stage),
            insert_text(k_pet, stage) +
                R"( WHERE NOT EXISTS (SELECT 1 FROM "pet" WITH (UPDLOCK, SERIALIZABLE) WHERE )" + same + ")");
  EXPECT_EQ(erase_text(k_pet, k_columns, stage),
            R"(DELETE FROM "pet" WHERE EXISTS (SELECT 1 FROM #s AS k WHERE )" + same + ")");
  const std::vector<OdbcColumn> keys{k_columns[0], k_columns[1]};
  EXPECT_EQ(lookup_text(k_pet, keys, stage),
            R"(SELECT k."linkspan_index", "pet"."note" FROM #s AS k INNER JOIN "pet" ON )" + same);
}

TEST(SqlServerTextTest, AStageHasTheTypesOfItsColumnsAndANameOfItsShape) {
  const Stage made = stage_for(k_names, k_columns, true);
  EXPECT_EQ(
      made.create,
      "DROP TABLE IF EXISTS " + made.name + "; CREATE TABLE " + made.name +
          R"( ("linkspan_index" bigint NOT NULL, "owner" bigint NULL, "kind" varbinary(400) NULL, "made" bigint NULL, "note" nvarchar(max) COLLATE Latin1_General_100_BIN2 NULL))");
  EXPECT_EQ(made.name, stage_for(k_names, k_columns, true).name);
  EXPECT_NE(made.name, stage_for(k_names, k_columns, false).name);
}

TEST(SqlServerTextTest, ASessionWaitsForLocksAsLongAsItIsTold) {
  EXPECT_THAT(session_settings(std::chrono::seconds(30)), ::testing::EndsWith("SET LOCK_TIMEOUT 30000"));
  // 0 would be: not at all, and -1: for ever.
  EXPECT_THAT(session_settings(std::chrono::milliseconds(0)), ::testing::EndsWith("SET LOCK_TIMEOUT 1"));
}

}  // namespace
}  // namespace linkspan::sql
