// A configuration export from its folder to files of ours, against what was checked in.

#include "setup/foreign_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "setup/server_file.h"

namespace linkspan::setup {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const fs::path k_fixture = fs::path(LINKSPAN_SOURCE_DIR) / "tests/foreign";

class ForeignImportTest : public ::testing::Test {
 protected:
  ForeignImportTest() {
    std::string pattern = (fs::temp_directory_path() / "linkspan-foreign-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ForeignImportTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  void put(const fs::path& name, std::string_view text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  static std::string error_id(const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      return std::string(error.id());
    }
    return "no error";
  }

  fs::path folder_;
};

TEST_F(ForeignImportTest, ARealExportBecomesTheFilesThatWereCheckedIn) {
  const ForeignImport import = read_foreign(k_fixture / "export", "graph");
  if (::getenv("LINKSPAN_ACCEPT") != nullptr) {
    fs::remove_all(k_fixture / "export.expected");
    fs::create_directories(k_fixture / "export.expected");
    for (const NamedText& file : import.files) write_file(k_fixture / "export.expected" / file.name, file.text, 0644);
  }
  std::size_t expected = 0;
  for (const auto& entry : fs::directory_iterator(k_fixture / "export.expected")) {
    static_cast<void>(entry);
    ++expected;
  }
  EXPECT_EQ(import.files.size(), expected);
  for (const NamedText& file : import.files) EXPECT_EQ(file.text, read_file(k_fixture / "export.expected" / file.name));
}

TEST_F(ForeignImportTest, WhatTheImportWroteIsReadBackAndChecksWithoutAnError) {
  const ForeignImport import = read_foreign(k_fixture / "export", "graph");
  EXPECT_TRUE(import.rules.usable()) << to_text(import.rules.problems);
  EXPECT_THAT(import.rules.rules, SizeIs(9));
  const WrittenFiles written = write_foreign(import, folder_ / "out");
  EXPECT_THAT(written.added, SizeIs(import.files.size()));
  RuleFiles read = read_rules(folder_ / "out");
  EXPECT_THAT(read.rules, SizeIs(9));
  EXPECT_THAT(read.connectors,
              ElementsAre(std::pair<std::string, std::string>("contoso.com", "ad"),
                          std::pair<std::string, std::string>("contoso.onmicrosoft.com - AAD", "graph")));
  check_rules_alone(read);
  EXPECT_TRUE(read.usable()) << to_text(read.problems);
}

TEST_F(ForeignImportTest, AllRulesOfTheRealServerAreCheckedInLessThan50Milliseconds) {
  const auto measure = [] {
    const auto start = std::chrono::steady_clock::now();
    RuleFiles files = read_rules(k_fixture / "contoso");
    check_rules_alone(files);
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_TRUE(files.usable()) << to_text(files.problems);
    EXPECT_THAT(files.rules, SizeIs(20));
    return took;
  };
  // The best of several: others may be using the machine.
  auto best = measure();
  for (int i = 0; i < 9; ++i) best = std::min(best, measure());
#ifdef __SANITIZE_ADDRESS__
  const auto limit = std::chrono::milliseconds(500);
#else
  const auto limit = std::chrono::milliseconds(50);
#endif
  EXPECT_LT(best, limit);
}

TEST_F(ForeignImportTest, AnotherImportReplacesItsOwnFilesAndNothingElse) {
  const ForeignImport graph = read_foreign(k_fixture / "export", "graph");
  const ForeignImport scim = read_foreign(k_fixture / "export", "scim");
  static_cast<void>(write_foreign(graph, folder_ / "out"));
  const WrittenFiles again = write_foreign(graph, folder_ / "out");
  EXPECT_THAT(again.added, IsEmpty());
  EXPECT_THAT(again.replaced, IsEmpty());
  EXPECT_THAT(write_foreign(scim, folder_ / "out").replaced, Contains("settings.toml"));
}

TEST_F(ForeignImportTest, AFolderWithOtherFilesIsNotWrittenInto) {
  const ForeignImport import = read_foreign(k_fixture / "export", "graph");
  put("out/letter.txt", "Dear");
  EXPECT_EQ(error_id([&] { static_cast<void>(write_foreign(import, folder_ / "out")); }), "setup.foreign_out");
  EXPECT_FALSE(fs::exists(folder_ / "out/settings.toml"));
}

TEST_F(ForeignImportTest, AFileThatWasEditedSinceIsNotOverwritten) {
  const ForeignImport import = read_foreign(k_fixture / "export", "graph");
  static_cast<void>(write_foreign(import, folder_ / "out"));
  put("out/contoso.com-inbound.toml", "# mine\n");
  EXPECT_EQ(error_id([&] { static_cast<void>(write_foreign(import, folder_ / "out")); }), "setup.foreign_out");
  EXPECT_EQ(read_file(folder_ / "out/contoso.com-inbound.toml"), "# mine\n");
}

TEST_F(ForeignImportTest, ALinkInTheFolderIsRefusedAndALinkInTheExportIsNotFollowed) {
  put("secret.xml", "<synchronizationRule/>");
  put("in/SynchronizationRules/a.txt", "x");
  fs::create_symlink(folder_ / "secret.xml", folder_ / "in/b.xml");
  EXPECT_EQ(error_id([&] { static_cast<void>(read_foreign(folder_ / "in", "graph")); }), "setup.no_foreign_files");
  fs::create_directories(folder_ / "out");
  fs::create_symlink(folder_ / "secret.xml", folder_ / "out/settings.toml");
  const ForeignImport import = read_foreign(k_fixture / "export", "graph");
  EXPECT_EQ(error_id([&] { static_cast<void>(write_foreign(import, folder_ / "out")); }), "setup.foreign_out");
  EXPECT_EQ(read_file(folder_ / "secret.xml"), "<synchronizationRule/>");
}

TEST_F(ForeignImportTest, NamesOfConnectorsMakeNoPathOutOfTheFolder) {
  put("in/Connectors/c.xml",
      "<ma-data><id>{11111111-1111-1111-1111-111111111111}</id><name>../../etc/x</name><category>AD</category></"
      "ma-data>");
  put("in/SynchronizationRules/r.xml",
      "<synchronizationRule><id>{2}</id><name>r</name><direction>Inbound</direction><linkType>Join</linkType>"
      "<precedence>1</precedence><sourceObjectType>user</sourceObjectType><targetObjectType>person</targetObjectType>"
      "<connector>{11111111-1111-1111-1111-111111111111}</connector></synchronizationRule>");
  const ForeignImport import = read_foreign(folder_ / "in", "graph");
  for (const NamedText& file : import.files) EXPECT_EQ(file.name.find('/'), std::string::npos) << file.name;
  EXPECT_THAT(import.files, Contains(::testing::Field(&NamedText::name, "etc-x-inbound.toml")));
}

TEST_F(ForeignImportTest, WhatIsNoXmlAndNoJsonIsNamedInTheReport) {
  put("in/a.xml", "<synchronizationRule/>");
  put("in/New-ADSyncRule.ps1", "New-ADSyncRule");
  const ForeignImport import = read_foreign(folder_ / "in", "graph");
  EXPECT_THAT(rules::print_report(import.report), HasSubstr("New-ADSyncRule.ps1: not understood"));
}

TEST_F(ForeignImportTest, OurOwnRuleFilesAreNotTakenForAnExport) {
  EXPECT_TRUE(is_foreign(k_fixture / "export"));
  EXPECT_FALSE(is_foreign(k_fixture / "contoso"));
  EXPECT_FALSE(is_foreign(k_fixture / "contoso/settings.toml"));
}

}  // namespace
}  // namespace linkspan::setup
