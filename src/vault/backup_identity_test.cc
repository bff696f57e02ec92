#include "vault/backup_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "base/error.h"

namespace linkspan::vault {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr EscrowCost k_cheap{.passes = 1, .memory_kib = 8 * 1024};

class BackupIdentityTest : public ::testing::Test {
 protected:
  BackupIdentityTest() {
    std::string name = (std::filesystem::temp_directory_path() / "linkspan-identity-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = name;
  }
  ~BackupIdentityTest() override { std::filesystem::remove_all(folder_); }

  static Secret nobody_asks() { throw std::logic_error("a passphrase was asked for"); }
  static Secret passphrase() { return Secret::from("four words of mine"); }
  static std::string content(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  template <class Action>
  static std::string failure(const Action& action) {
    try {
      static_cast<void>(action());
    } catch (const Error& error) {
      return std::string(error.id());
    }
    return "nothing";
  }

  std::filesystem::path folder_;
};

TEST_F(BackupIdentityTest, ARecipientIsReadAgainAndNothingMistypedIs) {
  const BackupIdentity identity = make_backup_identity();
  const std::string text = recipient_text(identity.public_key);
  EXPECT_EQ(text.size(), 64U);
  EXPECT_EQ(read_recipient(" " + text + "\n"), identity.public_key);
  EXPECT_NE(make_backup_identity().public_key, identity.public_key);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string mistyped = text;
    mistyped[at] = mistyped[at] == 'x' ? 'y' : 'x';
    EXPECT_EQ(failure([&] { return read_recipient(mistyped); }), "vault.recipient") << mistyped;
  }
  EXPECT_EQ(failure([&] { return read_recipient(text.substr(0, 60)); }), "vault.recipient");
  EXPECT_EQ(failure([&] { return read_recipient(text + "AAAA"); }), "vault.recipient");
  EXPECT_EQ(failure([&] { return read_recipient(""); }), "vault.recipient");
}

TEST_F(BackupIdentityTest, TheFileIsForItsOwnerAloneAndHoldsBothParts) {
  const BackupIdentity identity = make_backup_identity();
  save_backup_identity(identity, folder_ / "plain", {});
  struct stat status{};
  ASSERT_EQ(::stat((folder_ / "plain").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const BackupIdentity again = load_backup_identity(folder_ / "plain", nobody_asks);
  EXPECT_TRUE(again.private_key.same_as(identity.private_key));
  EXPECT_EQ(again.public_key, identity.public_key);
  EXPECT_THAT(content(folder_ / "plain"), HasSubstr(recipient_text(identity.public_key)));
  EXPECT_EQ(failure([&] {
              save_backup_identity(make_backup_identity(), folder_ / "plain", {});
              return 0;
            }),
            "vault.identity_exists");
  ::chmod((folder_ / "plain").c_str(), 0644);
  EXPECT_EQ(failure([&] { return load_backup_identity(folder_ / "plain", nobody_asks); }), "vault.secret_exposed");
  EXPECT_EQ(failure([&] { return load_backup_identity(folder_ / "none", nobody_asks); }), "vault.secret_missing");
}

TEST_F(BackupIdentityTest, UnderAPassphraseItOpensWithThatOneOnly) {
  const BackupIdentity identity = make_backup_identity();
  save_backup_identity(identity, folder_ / "sealed", passphrase(), k_cheap);
  EXPECT_THAT(content(folder_ / "sealed"), Not(HasSubstr("linkspan-backup-identity:")));
  EXPECT_TRUE(load_backup_identity(folder_ / "sealed", passphrase).private_key.same_as(identity.private_key));
  EXPECT_EQ(failure([&] {
              return load_backup_identity(folder_ / "sealed", [] { return Secret::from("four words of yours"); });
            }),
            "vault.passphrase");
  EXPECT_EQ(failure([&] {
              save_backup_identity(identity, folder_ / "short", Secret::from("short"));
              return 0;
            }),
            "vault.passphrase_short");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "short"));
}

TEST_F(BackupIdentityTest, NothingElseIsTakenForOne) {
  const auto parse = [](std::string text) {
    return failure([&] { return parse_backup_identity(Secret::from(std::move(text)), nobody_asks); });
  };
  const BackupIdentity identity = make_backup_identity();
  EXPECT_EQ(parse(""), "vault.backup_identity");
  EXPECT_EQ(parse(recipient_text(identity.public_key)), "vault.backup_identity");
  save_backup_identity(identity, folder_ / "plain", {});
  const std::string sound = content(folder_ / "plain");
  const std::size_t key = sound.find("identity:") + 9;
  for (std::size_t at = key; at + 1 < sound.size(); ++at) {
    std::string broken = sound;
    broken[at] = broken[at] == 'x' ? 'y' : 'x';
    EXPECT_EQ(parse(broken), "vault.backup_identity") << at;
  }
  EXPECT_EQ(parse(sound.substr(0, sound.size() - 5)), "vault.backup_identity");
  // A copy of a key set is another kind of envelope, even when it is called an identity.
  std::string keys = export_key_set(KeySet::create(), passphrase(), k_cheap);
  EXPECT_EQ(parse(keys), "vault.backup_identity");
  for (std::size_t at = keys.find("KEY SET"); at != std::string::npos; at = keys.find("KEY SET")) {
    keys.replace(at, 7, "BACKUP IDENTITY");
  }
  EXPECT_EQ(parse(keys), "vault.backup_identity");
}

}  // namespace
}  // namespace linkspan::vault
