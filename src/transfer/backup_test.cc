#include "transfer/backup.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "base/hash.h"
#include "sql/inspect.h"
#include "sql/open.h"
#include "store_sql/schema.h"
#include "transfer/internal/archive.h"
#include "transfer/internal/file.h"
#include "transfer/move.h"
#include "transfer/testing/transfer_fixture.h"

namespace linkspan::transfer {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class BackupTest : public TransferTest {
 protected:
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void put_content(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  static void expect_same_but_staging(const Place& left, const Place& right) {
    for (const Finding& finding : verify_against(left, right).findings) {
      if (finding.table != "setting") ADD_FAILURE() << finding.table << " " << finding.key << ": " << finding.message;
    }
  }
  // A key pair of backups: public and private.
  struct Pair {
    std::string recipient = std::string(crypto_box_PUBLICKEYBYTES, '\0');
    std::string identity = std::string(crypto_box_SECRETKEYBYTES, '\0');
    Pair() {
      ::crypto_box_keypair(reinterpret_cast<unsigned char*>(recipient.data()),
                           reinterpret_cast<unsigned char*>(identity.data()));
    }
  };
  // After somebody changed the preamble and knows how its hash is made.
  static std::string rehashed(std::string bytes) {
    const std::uint64_t hash = htobe64(hash64(std::string_view(bytes).substr(0, 72)));
    return bytes.replace(72, sizeof hash, reinterpret_cast<const char*>(&hash), sizeof hash);
  }
  std::string refusal_of(const std::string& bytes, const Pair& pair) {
    put_content(file("broken.backup"), bytes);
    return id_thrown_by([&] { (void)check_backup(file("broken.backup"), {.identity = pair.identity}); });
  }
  std::string refusal_of(const std::string& bytes, const std::string& passphrase = {}) {
    put_content(file("broken.backup"), bytes);
    return id_thrown_by([&] { (void)check_backup(file("broken.backup"), {.passphrase = passphrase}); });
  }
};

TEST_F(BackupTest, ComesBackInEveryKindOfDatabaseAsACopy) {
  const Place source = filled(sqlite("first.db"));
  const auto running = store_sql::open_store(source.url, {});
  const auto lease = running->operations().acquire("the old server", std::chrono::hours(1));
  const Manifest made = backup(source, file("first.backup"), {.job = {.program = "0.1"}});
  EXPECT_GT(made.rows(), 500U);
  EXPECT_EQ(made.program, "0.1");
  const Place server = postgresql();
  const Place again = sqlite("again.db");
  for (const Place& target : {server, again}) {
    SCOPED_TRACE(target.url);
    const Manifest restored = restore(file("first.backup"), target);
    EXPECT_EQ(restored.tables, made.tables);
    EXPECT_EQ(restored.identity, made.identity);
    expect_sound(target);
    expect_same_but_staging(source, target);
    EXPECT_EQ(setting(target, "staging"), "on");
    const auto state = store_sql::open_store(target.url, {})->operations().lease_state();
    EXPECT_EQ(state.holder, "the old server");  // for setup to show
    EXPECT_FALSE(state.held);
    EXPECT_GT(state.fence, lease->fence);
    EXPECT_TRUE(may_be_in_charge(target));
  }
  EXPECT_EQ(setting(source, "staging"), "off");
  backup(server, file("second.backup"));
  const Place last = sqlite("last.db");
  restore(file("second.backup"), last);
  expect_sound(last);
  expect_same_but_staging(source, last);
}

TEST_F(BackupTest, OfADatabaseThatNobodyEverWorkedOnComesBackToo) {
  (void)store_sql::open_store(sqlite("new.db").url, {.create = true});
  backup(sqlite("new.db"), file("new.backup"));
  restore(file("new.backup"), sqlite("again.db"));
  expect_sound(sqlite("again.db"));
  expect_same_but_staging(sqlite("new.db"), sqlite("again.db"));
}

TEST_F(BackupTest, IsConsistentWhileAServiceWrites) {
  const Place source = filled(sqlite("first.db"), 300);
  std::atomic<bool> done = false;
  std::atomic<int> written = 0;
  std::jthread writer([&] {
    const auto running = store_sql::open_store(source.url, {});
    const auto lease = running->operations().acquire("service", std::chrono::hours(1)).value();
    running->use_lease(lease);
    for (int i = 0; !done; ++i) {
      const auto batch = running->batch(lease);
      const store::ObjectId id = batch->new_objects(1);
      store::ObjectWrite write;
      write.object.id = id;
      write.object.connector = store::ConnectorId{1};
      write.object.anchor = "extra " + std::to_string(i);
      write.object.dn = "cn=extra";
      write.object.type = 1;
      write.object.state = store::ObjectState::disconnector;
      batch->put_objects({&write, 1});
      batch->commit();
      ++written;
    }
  });
  for (int i = 0; i < 4; ++i) {
    const int before = written;
    const std::string name = "backup" + std::to_string(i);
    backup(source, file(name));
    while (written == before) std::this_thread::yield();
    restore(file(name), sqlite(name + ".db"));
    expect_sound(sqlite(name + ".db"));
  }
  done = true;
}

TEST_F(BackupTest, IsNotedBesideWhoeverHoldsTheLeaseAndTheLatestCounts) {
  for (const Place& place : {filled(sqlite("first.db"), 3), filled(postgresql(), 3)}) {
    SCOPED_TRACE(place.url);
    const auto running = store_sql::open_store(place.url, {.password = place.password});
    const auto lease = running->operations().acquire("the service", std::chrono::hours(1)).value();
    const auto noted = [&] { return running->configuration().setting(k_backup_completed).value_or(""); };
    EXPECT_EQ(noted(), "");
    const Time made = from_rfc3339("2026-11-22T17:00:00Z");
    note_backup(place, made);
    EXPECT_EQ(noted(), to_rfc3339(made));
    note_backup(place, made - std::chrono::hours(1));  // begun earlier, ended later
    EXPECT_EQ(noted(), to_rfc3339(made));
    note_backup(place, made + std::chrono::hours(1));
    EXPECT_EQ(noted(), to_rfc3339(made + std::chrono::hours(1)));
    EXPECT_TRUE(running->operations().renew(lease, std::chrono::hours(1)));
    backup(place, file("noted.backup"));
    std::filesystem::remove(file("noted.backup"));
    const Place target = sqlite("moved" + std::to_string(place.password.empty()) + std::to_string(place.url.size()));
    running->operations().release(lease);
    move(place, target);
    EXPECT_EQ(setting(target, std::string(k_backup_completed)),
              to_rfc3339(made + std::chrono::hours(1)));  // it goes along
    EXPECT_EQ(id_thrown_by([&] { note_backup(place, made + std::chrono::hours(2)); }), "transfer.not_in_charge");
  }
}

TEST_F(BackupTest, IsForItsOwnerAloneAndOverwritesNothing) {
  const Place source = filled(sqlite("first.db"), 3);
  backup(source, file("first.backup"));
  struct stat status{};
  ASSERT_EQ(::stat(file("first.backup").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const std::string before = content(file("first.backup"));
  EXPECT_EQ(id_thrown_by([&] { backup(source, file("first.backup")); }), "transfer.exists");
  EXPECT_EQ(content(file("first.backup")), before);
  EXPECT_EQ(id_thrown_by([&] { backup(source, file("no/such/folder")); }), "transfer.no_copy");
  EXPECT_EQ(id_thrown_by([&] { backup(postgresql(), file("empty.backup")); }), "transfer.empty_source");
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(file("x")).parent_path())) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr(".part")));
  }
}

TEST_F(BackupTest, SealedItOpensWithItsPassphraseOnlyAndShowsNothing) {
  const Place source = filled(sqlite("first.db"), 20, "this-sealed-credential");
  backup(source, file("open.backup"));
  backup(source, file("sealed.backup"), {.passphrase = "four words of mine"});
  EXPECT_THAT(content(file("sealed.backup")), Not(HasSubstr("four words")));
  EXPECT_EQ(id_thrown_by([&] { (void)check_backup(file("sealed.backup")); }), "transfer.passphrase");
  const auto wrong =
      thrown_by([&] { restore(file("sealed.backup"), postgresql(), {.passphrase = "four words of yours"}); });
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->id(), "transfer.passphrase");
  EXPECT_THAT(wrong->what() + wrong->hint(), Not(HasSubstr("four words")));
  EXPECT_EQ(id_thrown_by([&] { (void)check_backup(file("open.backup"), {.passphrase = "four words of mine"}); }),
            "transfer.not_sealed");
  const Place target = sqlite("again.db");
  restore(file("sealed.backup"), target, {.passphrase = "four words of mine"});
  expect_same_but_staging(source, target);
}

TEST_F(BackupTest, SealedToARecipientItOpensWithThatIdentityOnly) {
  const Place source = filled(sqlite("first.db"), 20, "this-sealed-credential");
  const Pair pair;
  backup(source, file("sealed.backup"), {.recipient = pair.recipient});
  EXPECT_THAT(content(file("sealed.backup")), Not(HasSubstr(pair.recipient)));
  EXPECT_EQ(id_thrown_by([&] { (void)check_backup(file("sealed.backup")); }), "transfer.identity");
  EXPECT_EQ(id_thrown_by([&] { (void)check_backup(file("sealed.backup"), {.passphrase = "four words of mine"}); }),
            "transfer.identity");
  EXPECT_EQ(id_thrown_by([&] { restore(file("sealed.backup"), sqlite("no.db"), {.identity = Pair().identity}); }),
            "transfer.identity");
  EXPECT_FALSE(std::filesystem::exists(file("no.db")));
  const Place target = sqlite("again.db");
  restore(file("sealed.backup"), target, {.identity = pair.identity});
  expect_same_but_staging(source, target);

  backup(source, file("open.backup"));
  EXPECT_EQ(id_thrown_by([&] { (void)check_backup(file("open.backup"), {.identity = pair.identity}); }),
            "transfer.not_sealed");
  backup(source, file("passphrase.backup"), {.passphrase = "four words of mine"});
  EXPECT_EQ(id_thrown_by([&] { (void)check_backup(file("passphrase.backup"), {.identity = pair.identity}); }),
            "transfer.passphrase");
  EXPECT_EQ(id_thrown_by([&] { backup(source, file("none.backup"), {.recipient = "short"}); }), "transfer.recipient");
  EXPECT_EQ(id_thrown_by([&] { backup(source, file("none.backup"), {.recipient = std::string(32, '\0')}); }),
            "transfer.recipient");
  EXPECT_FALSE(std::filesystem::exists(file("none.backup")));
}

TEST_F(BackupTest, EveryFlippedBitBeforeASealedStreamIsFound) {
  const Pair pair;
  backup(filled(sqlite("first.db"), 20), file("sealed.backup"), {.recipient = pair.recipient});
  const std::string sound = content(file("sealed.backup"));
  std::mt19937 random(7);
  for (std::size_t place = 16; place < k_preamble_size + k_sealed_key_size + 20; ++place) {
    std::string broken = sound;
    broken[place] = static_cast<char>(broken[place] ^ (1 << (random() % 8)));
    EXPECT_EQ(refusal_of(broken, pair), "transfer.backup_damaged") << "byte " << place;
  }
  for (const std::size_t size : {std::size_t{80}, std::size_t{100}, std::size_t{167}, std::size_t{168}}) {
    EXPECT_EQ(refusal_of(sound.substr(0, size), pair), "transfer.backup_damaged") << size << " bytes";
  }
  EXPECT_EQ(refusal_of(sound, pair), "nothing");
}

TEST_F(BackupTest, AKeyOfAnotherBackupOpensNothingEvenForWhoKnowsTheHashes) {
  const Pair pair;
  const Place source = filled(sqlite("first.db"), 5);
  backup(source, file("one.backup"), {.recipient = pair.recipient});
  backup(source, file("two.backup"), {.recipient = pair.recipient});
  const std::string one = content(file("one.backup"));
  const std::string two = content(file("two.backup"));
  // The chain of hashes begins in the preamble, so exchanged parts do not even fit; a forger adds it up anew.
  EXPECT_EQ(refusal_of(one.substr(0, 80) + two.substr(80, 88) + one.substr(168), pair), "transfer.backup_damaged");
  const auto forged = [&](std::string bytes) {
    const auto put = [&](std::size_t at, std::uint64_t hash) {
      const std::uint64_t big = htobe64(hash);
      bytes.replace(at, sizeof big, reinterpret_cast<const char*>(&big), sizeof big);
    };
    std::uint64_t chain = hash64(std::string_view(bytes).substr(0, 72));
    put(72, chain);
    chain = hash64(std::string_view(bytes).substr(80, 80), chain);
    put(160, chain);
    for (std::size_t at = 168; at < bytes.size();) {
      std::uint32_t size = 0;
      std::memcpy(&size, bytes.data() + at, sizeof size);
      size = be32toh(size) & 0x7FFFFFFFU;
      chain =
          hash64(std::string_view(bytes).substr(at + 12, size), hash64(std::string_view(bytes).substr(at, 4), chain));
      put(at + 4, chain);
      at += 12 + size;
    }
    return bytes;
  };
  EXPECT_EQ(refusal_of(forged(one), pair), "nothing");
  EXPECT_EQ(refusal_of(forged(one.substr(0, 80) + two.substr(80, 88) + one.substr(168)), pair),
            "transfer.backup_damaged");
  EXPECT_EQ(refusal_of(forged(two.substr(0, 168) + one.substr(168)), pair), "transfer.backup_damaged");
  std::string other_name = one;
  other_name[24] = static_cast<char>(other_name[24] ^ 1);  // as if it were for somebody else
  EXPECT_EQ(refusal_of(forged(other_name), pair), "transfer.identity");
  std::string altered = one;
  altered[100] = static_cast<char>(altered[100] ^ 1);
  EXPECT_EQ(refusal_of(forged(altered), pair), "transfer.backup_damaged");
}

TEST_F(BackupTest, TheLayoutIsTheOneThatIsWrittenDown) {
  const Place source = filled(sqlite("first.db"), 5);
  const Pair pair;
  backup(source, file("open.backup"));
  backup(source, file("passphrase.backup"), {.passphrase = "four words of mine"});
  backup(source, file("recipient.backup"), {.recipient = pair.recipient});
  const auto flags_of = [&](const std::string& name) { return content(file(name)).substr(0, 24); };
  // docs/design/0005-backup.md: magic, version 1, kind of seal; big-endian.
  EXPECT_EQ(flags_of("open.backup"), std::string("LINKSPAN BACKUP\n\0\0\0\1\0\0\0\0", 24));
  EXPECT_EQ(flags_of("passphrase.backup"), std::string("LINKSPAN BACKUP\n\0\0\0\1\0\0\0\1", 24));
  EXPECT_EQ(flags_of("recipient.backup"), std::string("LINKSPAN BACKUP\n\0\0\0\1\0\0\0\2", 24));
  const std::string sealed = content(file("recipient.backup"));
  std::string print(16, '\0');
  ::crypto_generichash(reinterpret_cast<unsigned char*>(print.data()), print.size(),
                       reinterpret_cast<const unsigned char*>(pair.recipient.data()), 32, nullptr, 0);
  EXPECT_EQ(sealed.substr(24, 16), print);
  EXPECT_EQ(sealed.substr(40, 8), std::string(8, '\0'));  // no Argon2id
  std::string key(32, '\0');
  EXPECT_EQ(::crypto_box_seal_open(reinterpret_cast<unsigned char*>(key.data()),
                                   reinterpret_cast<const unsigned char*>(sealed.data()) + 80, 80,
                                   reinterpret_cast<const unsigned char*>(pair.recipient.data()),
                                   reinterpret_cast<const unsigned char*>(pair.identity.data())),
            0);
  std::uint32_t first = 0;
  std::memcpy(&first, sealed.data() + 168, sizeof first);
  EXPECT_LE(be32toh(first) & 0x7FFFFFFFU, k_block_size + 17);
}

TEST_F(BackupTest, EveryFlippedBitIsFoundAndTheBlockIsNamed) {
  const Place source = filled(sqlite("first.db"), 300);
  for (const std::string passphrase : {"", "four words of mine"}) {
    const std::string name = file("sound" + std::to_string(passphrase.size()));
    backup(source, name, {.passphrase = passphrase});
    const std::string sound = content(name);
    ASSERT_GT(sound.size(), 5000U);
    std::mt19937 random(5);
    // What is sealed is stretched first, which takes its time.
    std::vector<std::size_t> places{0, 15, 16, 20, 23, 24, 47, 79, 80, 83, 84, 92, sound.size() - 1};
    for (int i = 0; i < (passphrase.empty() ? 100 : 10); ++i) places.push_back(random() % sound.size());
    for (const std::size_t place : places) {
      std::string broken = sound;
      broken[place] = static_cast<char>(broken[place] ^ (1 << (random() % 8)));
      EXPECT_EQ(refusal_of(broken, passphrase), place < 16 ? "transfer.not_a_backup" : "transfer.backup_damaged")
          << "byte " << place;
    }
    EXPECT_EQ(refusal_of(sound, passphrase), "nothing");
    std::string broken = sound;
    broken[2000] = static_cast<char>(broken[2000] ^ 1);
    put_content(file("broken.backup"), broken);
    const Place target = sqlite("never.db");
    const auto found = thrown_by([&] { restore(file("broken.backup"), target, {.passphrase = passphrase}); });
    ASSERT_TRUE(found);
    EXPECT_THAT(found->what(), HasSubstr("block 1, at byte 80"));
    EXPECT_FALSE(std::filesystem::exists(file("never.db")));  // nothing was begun
  }
}

TEST_F(BackupTest, CutShortOrContinuedItIsRefused) {
  backup(filled(sqlite("first.db"), 300), file("first.backup"));
  const std::string sound = content(file("first.backup"));
  for (const std::size_t size : {std::size_t{16}, std::size_t{79}, std::size_t{80}, std::size_t{90}, std::size_t{92},
                                 sound.size() / 2, sound.size() - 1}) {
    EXPECT_EQ(refusal_of(sound.substr(0, size)), "transfer.backup_damaged") << size << " bytes";
  }
  EXPECT_EQ(refusal_of(""), "transfer.not_a_backup");
  EXPECT_EQ(refusal_of(sound + "x"), "transfer.backup_damaged");
  EXPECT_EQ(id_thrown_by([&] { (void)check_backup(file("none")); }), "transfer.no_copy");
  EXPECT_EQ(id_thrown_by([&] { (void)check_backup(file("first.db")); }), "transfer.not_a_backup");
}

TEST_F(BackupTest, OfALaterVersionOfTheFormatIsToldSo) {
  backup(filled(sqlite("first.db"), 3), file("first.backup"));
  std::string later = content(file("first.backup"));
  later[19] = 2;
  EXPECT_EQ(refusal_of(rehashed(later)), "transfer.newer_backup");
  later[19] = 1;
  later[23] = 3;
  EXPECT_EQ(refusal_of(rehashed(later)), "transfer.newer_backup");
}

TEST_F(BackupTest, WhatWasMadeToFillADiskIsRefused) {
  {
    put_content(file("bomb.backup"), "");
    const Descriptor descriptor(file("bomb.backup"), O_WRONLY);
    BlockWriter blocks(descriptor.get(), file("bomb.backup"), {});
    ArchiveWriter archive(blocks);
    ArchiveHead head;
    head.manifest.schema = store_sql::migrations(sql::Dialect::sqlite).back().number;
    head.manifest.identity = "somebody's";
    archive.begin(head);
    const TableInfo& table = *archive_tables().front();
    archive.open_table(table);
    const std::string long_text(std::size_t{1} << 20U, 'x');
    std::vector<sql::ValueView> cells;
    for (const auto& column : table.columns) {
      if (column.type == store_sql::ColumnType::integer) cells.emplace_back(std::int64_t{1});
      if (column.type == store_sql::ColumnType::text) cells.emplace_back(std::string_view(long_text));
      if (column.type == store_sql::ColumnType::blob) cells.emplace_back(sql::BlobView(std::string_view(long_text)));
    }
    for (int i = 0; i < 200; ++i) archive.row(sql::Row(cells));
    archive.close_table({});
    archive.finish({});
    blocks.finish();
  }
  EXPECT_LT(std::filesystem::file_size(file("bomb.backup")), std::size_t{1} << 20U);
  const auto refused = thrown_by([&] { (void)check_backup(file("bomb.backup")); });
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->id(), "transfer.backup_damaged");
  EXPECT_THAT(refused->what(), HasSubstr("more than any state takes"));
}

TEST_F(BackupTest, ADatabaseThatHoldsSomethingIsLeftAlone) {
  backup(filled(sqlite("first.db"), 3), file("first.backup"));
  const Place taken = filled(postgresql(), 5);
  EXPECT_EQ(id_thrown_by([&] { restore(file("first.backup"), taken); }), "transfer.not_empty");
  EXPECT_EQ(id_thrown_by([&] { restore(file("first.backup"), taken, {.restart = true}); }), "transfer.not_empty");
  expect_sound(taken);
  EXPECT_TRUE(may_be_in_charge(taken));
}

TEST_F(BackupTest, ARestoreThatDiesLeavesATargetThatRefusesToRunUntilItIsRepeated) {
  const Place source = filled(sqlite("first.db"), 20);
  backup(source, file("first.backup"));
  for (const std::string at : {"prepared", "table connector", "table connector_image", "copied", "verified"}) {
    SCOPED_TRACE(at);
    const Place target = postgresql();
    ASSERT_EQ(in_child([&] {
                restore(file("first.backup"), target, {.job = {.at_step = [&](std::string_view step) {
                                                         if (step == at) ::_exit(k_killed);
                                                       }}});
              }),
              k_killed);
    EXPECT_FALSE(may_be_in_charge(target));
    EXPECT_EQ(id_thrown_by([&] { restore(file("first.backup"), target); }), "transfer.unfinished");
    restore(file("first.backup"), target, {.restart = true});
    EXPECT_TRUE(may_be_in_charge(target));
    expect_same_but_staging(source, target);
  }
}

TEST_F(BackupTest, CanBeStopped) {
  const Place source = filled(sqlite("first.db"), 3);
  backup(source, file("first.backup"));
  std::stop_source stop;
  stop.request_stop();
  const Place target = sqlite("again.db");
  EXPECT_EQ(id_thrown_by([&] { restore(file("first.backup"), target, {.job = {.stop = stop.get_token()}}); }),
            "transfer.cancelled");
  EXPECT_FALSE(may_be_in_charge(target));
}

}  // namespace
}  // namespace linkspan::transfer
