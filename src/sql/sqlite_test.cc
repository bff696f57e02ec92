// What only the SQLite driver can do wrong: files.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "sql/inspect.h"
#include "sql/internal/file_system.h"
#include "sql/internal/sqlite_error.h"
#include "sql/row_batch.h"
#include "sql/testing/backends.h"

namespace linkspan::sql {
namespace {

using testing::id_thrown_by;

class SqliteTest : public ::testing::Test {
 protected:
  std::unique_ptr<Database> made(const std::string& name = "state.db") {
    auto database = open_sqlite(folder_.file(name), {.create = true});
    database->execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, image BLOB) STRICT");
    return database;
  }
  std::string id_of_opening(const std::string& path, OpenOptions options = {}) {
    return id_thrown_by([&] { (void)open_sqlite(path, options); });
  }

  testing::TemporaryFolder folder_;
  const Table table_{"t", {{"id", Role::key}, {"image"}}};
};

TEST_F(SqliteTest, FilesAreForTheOwnerOnly) {
  const mode_t before = ::umask(0);
  const auto database = made();
  ::umask(before);
  for (const std::string name : {"state.db", "state.db-wal", "state.db-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat(folder_.file(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
  }
}

TEST_F(SqliteTest, CommitsAreMadeDurable) {
  const auto database = made();
  EXPECT_EQ(query_row(*database, "PRAGMA journal_mode")->front(), Value("wal"));
  EXPECT_EQ(query_integer(*database, "PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(query_integer(*database, "PRAGMA foreign_keys"), 1);
  EXPECT_EQ(query_integer(*database, "PRAGMA cache_size"), -16384);
  EXPECT_EQ(query_integer(*database, "PRAGMA mmap_size"), 0);
}

TEST_F(SqliteTest, ADeferredCommitDoesNotWaitForTheDiskAndTheNextOneDoes) {
  const auto database = made();
  const auto synchronous_in = [&](Mode mode) {
    Transaction transaction(*database, mode);
    const auto level = query_integer(*database, "PRAGMA synchronous");
    transaction.commit();
    return level;
  };
  EXPECT_EQ(synchronous_in(Mode::write_deferred), 1);  // NORMAL
  EXPECT_EQ(synchronous_in(Mode::write), 2);           // FULL
  EXPECT_EQ(synchronous_in(Mode::write_deferred), 1);
  EXPECT_EQ(query_integer(*database, "PRAGMA page_size"), 16384);
}

TEST_F(SqliteTest, AFileThatIsNotThereIsMadeOnlyWhenAsked) {
  EXPECT_EQ(id_of_opening(folder_.file("none.db")), "sql.no_database");
  EXPECT_EQ(id_of_opening(folder_.file("none.db"), {.read_only = true, .create = true}), "sql.no_database");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("none.db")));
}

TEST_F(SqliteTest, EveryPathThatLeadsToNoFileHasItsError) {
  const auto at = [&](const std::string& name) { return id_of_opening(folder_.file(name), {.create = true}); };
  EXPECT_EQ(at("no/such/folder.db"), "sql.no_folder");
  std::ofstream(folder_.file("letter.txt")) << "a letter";
  EXPECT_EQ(at("letter.txt/state.db"), "sql.no_folder");
  std::filesystem::create_directory(folder_.file("folder.db"));
  EXPECT_EQ(at("folder.db"), "sql.not_a_file");
  ASSERT_EQ(::mkfifo(folder_.file("pipe.db").c_str(), 0600), 0);
  EXPECT_EQ(at("pipe.db"), "sql.not_a_file");
  std::filesystem::create_symlink("two.db", folder_.file("one.db"));
  std::filesystem::create_symlink("one.db", folder_.file("two.db"));
  EXPECT_EQ(at("one.db"), "sql.link_loop");
  std::filesystem::create_symlink("gone.db", folder_.file("dangling.db"));
  EXPECT_EQ(at("dangling.db"), "sql.dangling_link");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("gone.db")));
  EXPECT_EQ(at(std::string(300, 'x')), "sql.url_path");
}

TEST_F(SqliteTest, ALinkToTheFileIsFollowed) {
  {
    const auto database = made();
  }
  std::filesystem::create_symlink("state.db", folder_.file("link.db"));
  EXPECT_EQ(id_of_opening(folder_.file("link.db")), "");
}

TEST_F(SqliteTest, AFileThatIsNoDatabaseIsRefusedAndLeftAlone) {
  const std::string text = "this is a letter to the administrator, and no database at all " + std::string(2000, '.');
  std::ofstream(folder_.file("letter.txt")) << text;
  EXPECT_EQ(id_of_opening(folder_.file("letter.txt")), "sql.not_a_database");
  EXPECT_EQ(id_of_opening(folder_.file("letter.txt"), {.read_only = true}), "sql.not_a_database");
  EXPECT_EQ(std::filesystem::file_size(folder_.file("letter.txt")), text.size());
}

TEST_F(SqliteTest, AFileThatMayNotBeReadIsDenied) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read anything";
  {
    const auto database = made();
  }
  ::chmod(folder_.file("state.db").c_str(), 0);
  EXPECT_EQ(id_of_opening(folder_.file("state.db")), "sql.permission");
}

TEST_F(SqliteTest, DiskFullRollsBackAndSaysSo) {
  const auto database = made();
  database->execute("PRAGMA max_page_count = 100");
  const std::string image(10'000, 'x');
  RowBatch rows(2);
  for (std::int64_t id = 1; id <= 200; ++id) {
    rows.integer(id);
    rows.blob(image);
  }
  EXPECT_EQ(id_thrown_by([&] {
              Transaction transaction(*database);
              database->insert(table_, rows.rows());
            }),
            "sql.disk_full");
  EXPECT_EQ(query_integer(*database, "SELECT count(*) FROM t"), 0);
  database->execute("PRAGMA max_page_count = 100000");
  EXPECT_EQ(database->insert(table_, rows.rows()), 200);
}

TEST_F(SqliteTest, AnotherWriterIsWaitedForAndThenReported) {
  const auto first = made();
  const auto second = open_sqlite(folder_.file("state.db"), {.lock_wait = std::chrono::milliseconds(50)});
  const Transaction writing(*first);
  EXPECT_EQ(id_thrown_by([&] { const Transaction transaction(*second); }), "sql.locked");
  EXPECT_FALSE(second->in_transaction());
  const Transaction reading(*second, Mode::read);
  EXPECT_EQ(query_integer(*second, "SELECT count(*) FROM t"), 0);
}

TEST_F(SqliteTest, AProcessThatDiesInATransactionLeavesNothingOfIt) {
  {
    made()->run("INSERT INTO t (id) VALUES (1)");
  }
  const pid_t child = ::fork();
  if (child == 0) {
    const auto database = open_sqlite(folder_.file("state.db"));
    const Transaction transaction(*database);
    database->run("INSERT INTO t (id) VALUES (2)");
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(query_integer(*open_sqlite(folder_.file("state.db")), "SELECT count(*) FROM t"), 1);
}

TEST_F(SqliteTest, WorkBeyondTheTimeLimitIsEnded) {
  {
    const auto database = made();
  }
  const auto database = open_sqlite(folder_.file("state.db"), {.time_limit = std::chrono::milliseconds(50)});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(id_thrown_by([&] {
                (void)query_integer(*database,
                                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                                    "SELECT count(*) FROM n");
              }),
              "sql.cancelled");
  }
}

TEST_F(SqliteTest, ALongReaderBlocksNoWriterAndTheLogIsGivenBackAfterIt) {
  const auto writer = made();
  const auto reader = open_sqlite(folder_.file("state.db"));
  const auto log_size = [&] { return std::filesystem::file_size(folder_.file("state.db-wal")); };
  constexpr std::uintmax_t k_most = 64U << 20U;  // journal_size_limit
  std::int64_t id = 0;
  const auto write = [&](int batches) {
    for (int batch = 0; batch < batches; ++batch) {
      const std::string image(1'000'000, static_cast<char>('a' + id % 26));  // other bytes: else SQLite writes nothing
      RowBatch rows(2);
      for (int i = 0; i < 10; ++i) {
        rows.integer(++id % 40);
        rows.blob(image);
      }
      writer->upsert(table_, rows.rows());
    }
  };
  write(12);
  EXPECT_LT(log_size(), k_most) << "without a reader the log begins anew";
  {
    const Transaction snapshot(*reader, Mode::read);
    const auto before = query_integer(*reader, "SELECT count(*) FROM t");
    write(12);
    EXPECT_GT(log_size(), std::uintmax_t{100} << 20U) << "what the reader sees is kept";
    EXPECT_EQ(query_integer(*reader, "SELECT count(*) FROM t"), before);
  }
  write(2);
  EXPECT_LE(log_size(), k_most) << "and given back once it is gone";
}

TEST_F(SqliteTest, DamageIsFound) {
  {
    const auto database = made();
    RowBatch rows(2);
    for (std::int64_t id = 1; id <= 2000; ++id) {
      rows.integer(id);
      rows.blob(std::string(100, 'x'));
    }
    database->insert(table_, rows.rows());
  }
  std::fstream file(folder_.file("state.db"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 10);
  file << std::string(4096 * 5, '\xA5');
  file.close();
  const auto database = open_sqlite(folder_.file("state.db"));
  EXPECT_FALSE(integrity_problems(*database).empty());
  EXPECT_FALSE(integrity_problems(*database, Depth::quick).empty());
  EXPECT_EQ(id_thrown_by([&] { database->query("SELECT * FROM t", {}, [](const Row&) {}); }), "sql.corrupt");
}

TEST_F(SqliteTest, NetworkFileSystemsAreKnown) {
  EXPECT_EQ(network_file_system(0x6969, ""), "NFS");
  EXPECT_EQ(network_file_system(0xFF534D42, ""), "CIFS");
  EXPECT_EQ(network_file_system(0xFFFFFFFFFE534D42, ""), "SMB2");  // a signed field, made longer
  EXPECT_EQ(network_file_system(0x517B, ""), "SMB");
  EXPECT_EQ(network_file_system(0x01021997, ""), "9P");
  EXPECT_EQ(network_file_system(0x5346414F, ""), "AFS");
  EXPECT_EQ(network_file_system(0x00C36400, ""), "Ceph");
  EXPECT_EQ(network_file_system(0x0BD00BD0, ""), "Lustre");
  EXPECT_EQ(network_file_system(0x47504653, ""), "GPFS");
  EXPECT_EQ(network_file_system(0x01161970, ""), "GFS2");
  for (const std::string type : {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "virtiofs", "fuse.invented-tomorrow"}) {
    EXPECT_EQ(network_file_system(0x65735546, type), type);
  }
  EXPECT_EQ(network_file_system(0x65735546, ""), "FUSE");  // not found among the mounts
}

TEST_F(SqliteTest, FileSystemsOfThisMachineAreNoNetwork) {
  EXPECT_EQ(network_file_system(0x65735546, "fuseblk"), std::nullopt);
  EXPECT_EQ(network_file_system(0x65735546, "fuse.fuse-overlayfs"), std::nullopt);
  for (const unsigned long magic : {0xEF53UL /*ext4*/, 0x58465342UL /*XFS*/, 0x9123683EUL /*Btrfs*/,
                                    0x2FC12FC1UL /*ZFS*/, 0x01021994UL /*tmpfs*/, 0x794C7630UL /*overlay*/}) {
    EXPECT_EQ(network_file_system(magic, ""), std::nullopt);
  }
  EXPECT_EQ(network_file_system_of("/proc"), std::nullopt);
}

TEST_F(SqliteTest, EachResultCodeHasItsError) {
  const auto id = [](int code) { return std::string(sqlite_error(code, "why", "state.db").id()); };
  EXPECT_EQ(id(SQLITE_FULL), "sql.disk_full");
  EXPECT_EQ(id(SQLITE_IOERR_FSYNC), "sql.io");
  EXPECT_EQ(id(SQLITE_BUSY_SNAPSHOT), "sql.retry");
  EXPECT_EQ(id(SQLITE_BUSY_RECOVERY), "sql.locked");
  EXPECT_EQ(id(SQLITE_READONLY_DIRECTORY), "sql.read_only");
  EXPECT_EQ(id(SQLITE_CORRUPT_INDEX), "sql.corrupt");
  EXPECT_EQ(id(SQLITE_CONSTRAINT_FOREIGNKEY), "sql.constraint");
  EXPECT_EQ(id(SQLITE_CONSTRAINT_DATATYPE), "sql.type_mismatch");
  EXPECT_EQ(id(SQLITE_AUTH), "sql.permission");
  EXPECT_EQ(id(SQLITE_TOOBIG), "sql.too_large");
  EXPECT_EQ(id(SQLITE_ERROR), "sql.failed");
}

}  // namespace
}  // namespace linkspan::sql
