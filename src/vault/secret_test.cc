#include "vault/secret.h"

#include <fcntl.h>
#include <fmt/ostream.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "vault/process.h"

namespace linkspan::vault {
namespace {

// Misuse does not compile.
template <class Stream, class Value>
concept Streamable = requires(Stream& stream, const Value& value) { stream << value; };
static_assert(Streamable<std::ostream, std::string>);
static_assert(!Streamable<std::ostream, Secret>);
static_assert(!Streamable<std::ostringstream, Secret>);
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<Secret, bool> && !std::is_convertible_v<Secret, const char*>);
static_assert(!std::is_constructible_v<Secret, std::string> && !std::is_constructible_v<Secret, const char*>);
static_assert(!std::equality_comparable<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);

/// A folder of its own, gone afterwards.
class SecretFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "linkspan-secret-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path put(const std::string& content, mode_t mode = 0600) const {
    const auto path = folder_ / "secret";
    std::ofstream(path, std::ios::binary) << content;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  static std::string failure(const std::filesystem::path& path) {
    try {
      (void)read_secret_file(path);
    } catch (const Error& error) {
      EXPECT_FALSE(error.hint().empty());
      return std::string(error.id());
    }
    return "none";
  }

  std::filesystem::path folder_;
};

TEST(SecretTest, TakesItsSourceAndWipesIt) {
  std::string longer(100, 'x');
  const char* heap = longer.data();
  const Secret kept = Secret::from(std::move(longer));
  EXPECT_EQ(kept.reveal(), std::string(100, 'x'));
  EXPECT_EQ(std::string_view(heap, 100), std::string(100, '\0'));

  std::string shorter = "hunter2";
  const char* inside = shorter.data();
  const Secret small = Secret::from(std::move(shorter));
  EXPECT_EQ(small.reveal(), "hunter2");
  EXPECT_EQ(std::string_view(inside, 7), std::string(7, '\0'));
}

TEST(SecretTest, MovesLeaveNothingBehindAndClonesAreTheirOwn) {
  Secret first = Secret::from("hunter2");
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): the promise under test
  EXPECT_EQ(first.reveal(), "");
  const Secret third = second.clone();
  EXPECT_TRUE(third.same_as(second));
  EXPECT_NE(third.reveal().data(), second.reveal().data());
  second = Secret::from("other");
  EXPECT_FALSE(third.same_as(second));
  EXPECT_EQ(third.reveal(), "hunter2");
  EXPECT_TRUE(Secret().same_as(Secret::from("")));
}

TEST(SecretDeathTest, ItsMemoryIsGoneWithIt) {
  EXPECT_DEATH(
      {
        const volatile char* left = nullptr;
        {
          const Secret secret = Secret::from("hunter2");
          left = secret.reveal().data();
        }
        (void)*left;  // must fault
        std::_Exit(0);
      },
      "");
}

TEST(SecretDeathTest, AHardenedProcessCannotBeDumped) {
  EXPECT_EXIT(
      {
        harden_process();
        rlimit core{};
        const bool done = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && ::getrlimit(RLIMIT_CORE, &core) == 0 &&
                          core.rlim_cur == 0 && core.rlim_max == 0;
        std::_Exit(done ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(SecretFileTest, OneNewlineAtTheEndIsCutOff) {
  EXPECT_EQ(read_secret_file(put("pass word\n")).reveal(), "pass word");
  EXPECT_EQ(read_secret_file(put("pass\r\n")).reveal(), "pass");
  EXPECT_EQ(read_secret_file(put("pass\n\n")).reveal(), "pass\n");
  EXPECT_EQ(read_secret_file(put(std::string("a\0b", 3))).reveal(), std::string("a\0b", 3));
}

TEST_F(SecretFileTest, WhatOthersCanReadIsRefused) {
  for (const mode_t mode : {0604, 0602, 0620, 0644, 0666, 0660}) {
    EXPECT_EQ(failure(put("secret", mode)), "vault.secret_exposed") << std::oct << mode;
  }
  EXPECT_EQ(failure(put("secret", 0400)), "none");
}

TEST_F(SecretFileTest, GroupBitsCountUnlessTheGroupIsRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const auto path = put("secret", 0440);
  EXPECT_EQ(failure(path), "none");  // a systemd credential looks like this
  ASSERT_EQ(::chown(path.c_str(), 0, 12345), 0);
  EXPECT_EQ(failure(path), "vault.secret_exposed");
  ASSERT_EQ(::chown(path.c_str(), 12345, 0), 0);
  EXPECT_EQ(failure(path), "vault.secret_exposed");
}

TEST_F(SecretFileTest, BoundsAreKept) {
  EXPECT_EQ(read_secret_file(put(std::string(k_longest_secret, 'k'))).size(), k_longest_secret);
  EXPECT_EQ(failure(put(std::string(k_longest_secret + 1, 'k'))), "vault.secret_unfit");
  EXPECT_EQ(failure(put("")), "vault.secret_unfit");
  EXPECT_EQ(failure(put("\n")), "vault.secret_unfit");
  EXPECT_EQ(failure(folder_), "vault.secret_unfit");
  EXPECT_EQ(failure(folder_ / "none"), "vault.secret_missing");
}

TEST_F(SecretFileTest, APipeServesAsAFile) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "piped\n", 6), 6);
  ::close(ends[1]);
  EXPECT_EQ(read_secret_file("/dev/fd/" + std::to_string(ends[0])).reveal(), "piped");
  ::close(ends[0]);
}

TEST(SecretEnvironmentTest, IsReadAndBounded) {
  ::setenv("LINKSPAN_TEST_SECRET", "from outside", 1);
  EXPECT_EQ(read_secret_environment("LINKSPAN_TEST_SECRET").reveal(), "from outside");
  ::setenv("LINKSPAN_TEST_SECRET", "", 1);
  EXPECT_THROW((void)read_secret_environment("LINKSPAN_TEST_SECRET"), Error);
  ::setenv("LINKSPAN_TEST_SECRET", std::string(k_longest_secret + 1, 'k').c_str(), 1);
  EXPECT_THROW((void)read_secret_environment("LINKSPAN_TEST_SECRET"), Error);
  ::unsetenv("LINKSPAN_TEST_SECRET");
  EXPECT_THROW((void)read_secret_environment("LINKSPAN_TEST_SECRET"), Error);
}

}  // namespace
}  // namespace linkspan::vault
