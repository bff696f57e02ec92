#include "vault/key_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.h"
#include "base/text.h"
#include "vault/escrow.h"
#include "vault/internal/escrow_frame.h"

namespace linkspan::vault {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view k_place = "connector/7/password";
constexpr EscrowCost k_cheap{.passes = 1, .memory_kib = 8};

template <class Call>
std::string failure(Call&& call) {
  try {
    (void)call();
  } catch (const Error& error) {
    EXPECT_FALSE(error.hint().empty()) << error.what();
    EXPECT_THAT(error.what(), Not(HasSubstr("hunter2")));
    return std::string(error.id());
  }
  return "none";
}

Secret hunter() { return Secret::from("hunter2"); }
Secret passphrase() { return Secret::from("correct horse battery"); }

class KeyFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "linkspan-keys-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path file() const { return folder_ / "keys"; }
  std::string load_failure() const {
    return failure([&] { return KeySet::load(file()); });
  }

  std::filesystem::path folder_;
};

TEST(KeySetTest, WhatIsSealedOpensInItsPlaceOnly) {
  const KeySet keys = KeySet::create();
  const std::string sealed = keys.seal(hunter(), k_place);
  EXPECT_EQ(keys.open(sealed, k_place).reveal(), "hunter2");
  EXPECT_THAT(sealed, Not(HasSubstr("hunter2")));
  EXPECT_EQ(failure([&] { return keys.open(sealed, "connector/8/password"); }), "vault.tampered");
  EXPECT_EQ(failure([&] { return keys.open(sealed, ""); }), "vault.tampered");
  EXPECT_NE(keys.seal(hunter(), k_place), sealed);
}

TEST(KeySetTest, EverySizeGoesThereAndBackAndBlocksHideIt) {
  const KeySet keys = KeySet::create();
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 4096U, 65536U}) {
    const std::string text(size, 's');
    EXPECT_EQ(keys.open(keys.seal(Secret::from(std::string(text)), k_place), k_place).reveal(), text);
  }
  EXPECT_EQ(keys.seal(Secret::from("a"), k_place).size(),
            keys.seal(Secret::from(std::string(60, 'a')), k_place).size());
  EXPECT_EQ(failure([&] { return keys.seal(Secret::from(std::string(k_longest_secret + 1, 's')), k_place); }),
            "vault.secret_unfit");
}

TEST(KeySetTest, EveryBitFlipIsRefused) {
  const KeySet keys = KeySet::create();
  const std::string sealed = keys.seal(hunter(), k_place);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    std::string flipped = sealed;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_THAT(failure([&] { return keys.open(flipped, k_place); }), AnyOf("vault.tampered", "vault.wrong_key"))
        << bit;
  }
}

TEST(KeySetTest, EveryOtherLengthIsRefused) {
  const KeySet keys = KeySet::create();
  const std::string sealed = keys.seal(hunter(), k_place);
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(failure([&] { return keys.open(sealed.substr(0, size), k_place); }), "vault.tampered") << size;
  }
  EXPECT_EQ(failure([&] { return keys.open(sealed + std::string(64, 'x'), k_place); }), "vault.tampered");
}

TEST(KeySetTest, AnotherKeySetIsDeniedAndSaysWhichKeyIsWanted) {
  const KeySet keys = KeySet::create();
  const std::string sealed = keys.seal(hunter(), k_place);
  const KeySet other = KeySet::create();
  try {
    (void)other.open(sealed, k_place);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::denied);
    EXPECT_EQ(error.id(), "vault.wrong_key");
    EXPECT_THAT(error.what(), HasSubstr(keys.id()));
  }
}

TEST(KeySetTest, RotationKeepsOldValuesOpenUntilTheyAreForgotten) {
  KeySet keys = KeySet::create();
  const std::string old_id = keys.id();
  const std::string old_check = keys.check_value();
  const std::string sealed = keys.seal(hunter(), k_place);
  keys.rotate();
  EXPECT_NE(keys.id(), old_id);
  EXPECT_FALSE(keys.is_current(sealed));
  EXPECT_TRUE(keys.can_open(old_id, old_check));
  EXPECT_EQ(keys.open(sealed, k_place).reveal(), "hunter2");
  const std::string again = keys.seal(keys.open(sealed, k_place), k_place);
  EXPECT_TRUE(keys.is_current(again));
  keys.forget_old();
  EXPECT_FALSE(keys.can_open(old_id, old_check));
  EXPECT_EQ(failure([&] { return keys.open(sealed, k_place); }), "vault.wrong_key");
  EXPECT_EQ(keys.open(again, k_place).reveal(), "hunter2");
  for (int i = 1; i < 64; ++i) keys.rotate();
  EXPECT_EQ(failure([&] { return keys.rotate(), 0; }), "vault.too_many_keys");
}

TEST(KeySetTest, TheCheckValueTellsKeySetsApart) {
  const KeySet keys = KeySet::create();
  const KeySet same = KeySet::unpack(keys.pack());
  EXPECT_EQ(same.id(), keys.id());
  EXPECT_EQ(same.check_value(), keys.check_value());
  EXPECT_EQ(keys.id().size(), 32U);
  EXPECT_EQ(keys.check_value().size(), 64U);
  EXPECT_FALSE(keys.can_open(keys.id(), KeySet::create().check_value()));
  EXPECT_THAT(to_hex(keys.pack().reveal()), Not(HasSubstr(keys.check_value())));
}

TEST_F(KeyFileTest, IsWrittenPrivateAndReadBack) {
  KeySet keys = KeySet::create();
  keys.save(file());
  struct stat status{};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(KeySet::load(file()).check_value(), keys.check_value());
  keys.rotate();
  keys.save(file());
  EXPECT_EQ(KeySet::load(file()).key_count(), 2U);
  keys.forget_old();
  keys.save(file());
  EXPECT_EQ(KeySet::load(file()).key_count(), 1U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "drafts were left behind";
}

TEST_F(KeyFileTest, AStrangersKeySetIsNeverReplaced) {
  const KeySet keys = KeySet::create();
  keys.save(file());
  EXPECT_EQ(failure([&] { return KeySet::create().save(file()), 0; }), "vault.key_exists");
  EXPECT_EQ(KeySet::load(file()).id(), keys.id());
  std::ofstream(file()) << "what is this";
  EXPECT_EQ(failure([&] { return keys.save(file()), 0; }), "vault.key_exists");
  EXPECT_EQ(failure([&] { return keys.save(folder_ / "none" / "keys"), 0; }), "vault.key_write");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(KeyFileTest, OwnersAreKept) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown(folder_.c_str(), 12345, 12345), 0);
  KeySet keys = KeySet::create();
  keys.save(file());
  struct stat status{};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12345U) << "the owner of the directory";
  EXPECT_EQ(load_failure(), "vault.key_exposed") << "neither ours nor root's";
  ASSERT_EQ(::chown(file().c_str(), 0, 54321), 0);
  keys.rotate();
  keys.save(file());
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_gid, 54321U) << "the owner of the file it replaced";
}

TEST_F(KeyFileTest, IsWrittenThroughASymbolicLink) {
  std::filesystem::create_directory(folder_ / "real");
  const KeySet keys = KeySet::create();
  keys.save(folder_ / "real" / "keys");
  std::filesystem::create_symlink(folder_ / "real" / "keys", file());
  keys.save(file());
  EXPECT_TRUE(std::filesystem::is_symlink(file()));
  EXPECT_EQ(KeySet::load(folder_ / "real" / "keys").id(), keys.id());
}

TEST_F(KeyFileTest, WhatOthersCanReadIsRefused) {
  KeySet::create().save(file());
  ASSERT_EQ(::chmod(file().c_str(), 0644), 0);
  EXPECT_EQ(load_failure(), "vault.key_exposed");
  ASSERT_EQ(::chmod(file().c_str(), 0400), 0);
  EXPECT_EQ(load_failure(), "none");
  std::filesystem::remove(file());
  EXPECT_EQ(load_failure(), "vault.key_missing");
  std::filesystem::create_directory(file());
  EXPECT_EQ(load_failure(), "vault.key_unfit");
}

TEST_F(KeyFileTest, EveryPartialOrAlteredFileIsCorrupt) {
  KeySet keys = KeySet::create();
  keys.rotate();
  keys.save(file());
  const std::string whole(keys.text().reveal());
  const auto parse_failure = [](std::string text) {
    return failure([&] { return KeySet::parse(Secret::from(std::move(text))); });
  };
  EXPECT_EQ(parse_failure(whole), "none");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(parse_failure(whole.substr(0, size)), "vault.key_file") << size;
    std::string altered = whole;
    altered[size] = static_cast<char>(altered[size] ^ 1);
    EXPECT_EQ(parse_failure(altered), "vault.key_file") << size;
  }
  EXPECT_EQ(parse_failure(whole + "\n"), "vault.key_file");
  std::filesystem::resize_file(file(), whole.size() / 2);
  EXPECT_EQ(load_failure(), "vault.key_file");
  std::filesystem::resize_file(file(), 1'000'000);
  EXPECT_EQ(load_failure(), "vault.key_unfit");
}

TEST(EscrowTest, ComesBackFromPaper) {
  KeySet keys = KeySet::create();
  keys.rotate();
  const std::string sealed = keys.seal(hunter(), k_place);
  std::string copy = export_key_set(keys, passphrase(), k_cheap);
  EXPECT_EQ(import_key_set(copy, passphrase()).open(sealed, k_place).reveal(), "hunter2");
  std::string typed = "Printed on Monday\r\n\r\n";
  for (const char c : copy) typed += c == '\n' ? std::string("\r\n") : std::string(1, c);
  for (std::size_t at = typed.find('\n', 30); at < typed.find("-----END"); ++at) {
    typed[at] = static_cast<char>(std::toupper(static_cast<unsigned char>(typed[at])));
  }
  EXPECT_EQ(import_key_set(typed, passphrase()).check_value(), keys.check_value());
}

TEST(EscrowTest, AWrongPassphraseIsDenied) {
  const std::string copy = export_key_set(KeySet::create(), passphrase(), k_cheap);
  EXPECT_EQ(failure([&] { return import_key_set(copy, Secret::from("correct horse batter")); }), "vault.passphrase");
  EXPECT_EQ(failure([&] { return import_key_set(copy, Secret()); }), "vault.passphrase");
  EXPECT_EQ(failure([&] { return export_key_set(KeySet::create(), Secret::from("short"), k_cheap); }),
            "vault.passphrase_short");
}

TEST(EscrowTest, ATypingErrorIsFoundByItsLine) {
  const std::string copy = export_key_set(KeySet::create(), passphrase(), k_cheap);
  std::string typo = copy;
  const std::size_t third = copy.find('\n', copy.find('\n', copy.find('\n') + 1) + 1) + 1;
  typo[third] = typo[third] == '0' ? '1' : '0';
  try {
    (void)import_key_set(typo, passphrase());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "vault.escrow");
    EXPECT_THAT(error.what(), HasSubstr("line 3"));
  }
  std::string missing = copy;
  missing.erase(third, copy.find('\n', third) + 1 - third);
  EXPECT_EQ(failure([&] { return import_key_set(missing, passphrase()); }), "vault.escrow");
  for (std::size_t size = 0; size + 1 < copy.size(); size += 7) {
    EXPECT_EQ(failure([&] { return import_key_set(copy.substr(0, size), passphrase()); }), "vault.escrow") << size;
  }
}

TEST(EscrowTest, AHostileCopyCannotAskForTheWholeMachine) {
  const auto asking = [](std::string_view passes, std::string_view memory) {
    std::string bytes = "\x01";
    bytes.append(passes).append(memory).append(16 + 24 + 16 + 48, 'x');
    return failure([&] { return import_key_set(armour(bytes, k_key_set_escrow), passphrase()); });
  };
  using namespace std::string_view_literals;
  EXPECT_EQ(asking("\0\0\0\x01"sv, "\x40\0\0\0"sv), "vault.escrow");  // a tebibyte
  EXPECT_EQ(asking("\x7f\xff\xff\xff"sv, "\0\0\x20\0"sv), "vault.escrow");
  EXPECT_EQ(asking("\0\0\0\0"sv, "\0\0\x20\0"sv), "vault.escrow");
  EXPECT_EQ(asking("\0\0\0\x01"sv, "\0\0\0\0"sv), "vault.escrow");
  EXPECT_EQ(asking("\0\0\0\x01"sv, "\0\0\0\x08"sv), "vault.passphrase");
}

}  // namespace
}  // namespace linkspan::vault
