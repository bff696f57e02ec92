#include "connector_file/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "connector/testing/connector_contract.h"
#include "connector_file/internal/ldif.h"
#include "connector_file/testing/folder.h"

namespace linkspan::connector_file {
namespace {

namespace fs = std::filesystem;

using connector::by_name;
using connector::Connector;
using connector::error_id;
using connector::Settings;
using connector::State;
using connector::take_import;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;

std::unique_ptr<Connector> make(Settings settings) {
  QuietLogger logger;
  return file_kind().make(settings, {}, logger);
}

/// An LDIF file that is written anew with every change, as exports of real directories are: folded, Base64 where
/// needed.
class LdifDirectory final : public connector::TestDirectory {
 public:
  explicit LdifDirectory(bool dos) : dos_(dos) { write(); }

  std::unique_ptr<Connector> connect() override { return make({{"path", {folder_.file("people.ldif")}}}); }
  void add_person(const std::string& name, const model::Attributes& attributes) override {
    model::Attributes all = attributes;
    all["objectClass"] = {std::string("person"), std::string("inetOrgPerson")};
    objects_[name] = {next_++, std::move(all), {}};
    write();
  }
  void add_group(const std::string& name, const std::vector<std::string>& members) override {
    objects_[name] = {next_++, {{"objectClass", {std::string("groupOfNames")}}}, members};
    write();
  }
  void set(const std::string& name, const std::string& attribute, const model::Values& values) override {
    objects_.at(name).attributes[attribute] = values;
    write();
  }
  void set_members(const std::string& group, const std::vector<std::string>& members) override {
    objects_.at(group).members = members;
    write();
  }
  void rename(const std::string& name, const std::string& new_name) override {
    auto held = objects_.extract(name);
    held.key() = new_name;
    objects_.insert(std::move(held));
    write();
  }
  void remove(const std::string& name) override {
    objects_.erase(name);
    write();
  }
  std::string dn_of(const std::string& name) const override {
    return "cn=" + model::escape_dn_value(name) + ",dc=quay,dc=example";
  }

 private:
  struct Object {
    int number = 0;
    model::Attributes attributes;
    std::vector<std::string> members;
  };

  std::string end() const { return dos_ ? "\r\n" : "\n"; }

  std::string line(const std::string& name, const std::string& bytes) const {
    const bool safe = std::ranges::all_of(bytes, [](char c) { return c >= 0x20 && c < 0x7f; }) && !bytes.empty() &&
                      std::string_view(" :<").find(bytes.front()) == std::string_view::npos && bytes.back() != ' ';
    const std::string whole = safe ? name + ": " + bytes : name + ":: " + to_base64(bytes);
    std::string folded = whole.substr(0, 76);
    for (std::size_t at = 76; at < whole.size(); at += 75) folded += end() + " " + whole.substr(at, 75);
    return folded + end();
  }

  void write() const {
    std::ostringstream file;
    file << "version: 1" << end() << "# a comment" << end() << " that is folded" << end();
    for (const auto& [name, object] : objects_) {
      file << end() << line("dn", dn_of(name));
      char uuid[37];
      std::snprintf(uuid, sizeof uuid, "00000000-0000-4000-8000-%012d", object.number);
      file << line("entryUUID", uuid);
      for (const auto& [attribute, values] : object.attributes) {
        for (const model::Value& value : values) {
          const auto* binary = std::get_if<model::Binary>(&value);
          file << line(attribute, binary != nullptr ? binary->bytes : std::get<std::string>(value));
        }
      }
      for (const std::string& member : object.members) file << line("member", dn_of(member));
    }
    folder_.replace("people.ldif", file.str());
  }

  Folder folder_;
  bool dos_;
  int next_ = 1;
  std::map<std::string, Object> objects_;
};

}  // namespace

[[nodiscard]] inline connector::ContractBackend ldif_backend(const char* name, bool dos) {
  return {name, [dos] { return std::make_unique<LdifDirectory>(dos); }};
}

}  // namespace linkspan::connector_file

namespace linkspan::connector {

INSTANTIATE_TEST_SUITE_P(Ldif, ConnectorContract,
                         ::testing::Values(connector_file::ldif_backend("unix", false),
                                           connector_file::ldif_backend("dos", true)),
                         backend_name);

}  // namespace linkspan::connector

namespace linkspan::connector_file {
namespace {

std::vector<LdifRecord> parse(std::string text, std::size_t buffer = 1 << 20) {
  std::size_t at = 0;
  LdifReader reader(
      [&, text](std::span<char> bytes) {
        const std::size_t count = std::min(bytes.size(), text.size() - at);
        std::memcpy(bytes.data(), text.data() + at, count);
        at += count;
        return count;
      },
      "x.ldif", buffer);
  std::vector<LdifRecord> made;
  while (auto record = reader.next()) made.push_back(std::move(*record));
  return made;
}

/// "id: message" of what parsing throws, or "".
std::string refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    return std::string(error.id()) + ": " + error.message();
  }
  return {};
}

TEST(LdifTest, ReadsTheExamplesOfTheStandard) {
  const auto records = parse(
      "version: 1\n"
      "dn: cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com\n"
      "objectclass: top\n"
      "objectclass: person\n"
      "cn: Barbara Jensen\n"
      "description:Babs is a big sailing fan, and travels extensively in sea\n"
      " rch of perfect sailing conditions.\n"
      "title:Product Manager, Rod and Reel Division\n"
      "\n"
      "# dn:: ou=<JapaneseOU>,o=Airius\n"
      "dn:: b3U95Za25qWt6YOoLG89QWlyaXVz\n"
      "objectclass: top\n"
      "ou;lang-ja:: 5Za25qWt6YOo\n"
      "ou;lang-ja;phonetic:: 44GI44GE44GO44KH44GG44G2\n"
      "telephonenumber:\n");
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].values[3].bytes,
            "Babs is a big sailing fan, and travels extensively in search of perfect sailing conditions.");
  EXPECT_EQ(records[0].values[4].bytes, "Product Manager, Rod and Reel Division");
  EXPECT_EQ(records[1].dn, "ou=営業部,o=Airius");
  EXPECT_EQ(records[1].values[1].description, "ou;lang-ja");
  EXPECT_EQ(records[1].values[1].bytes, "営業部");
  EXPECT_EQ(records[1].values[3].bytes, "");
  EXPECT_EQ(records[1].line, 11U);
}

TEST(LdifTest, TakesWhatWindowsWrites) {
  const auto records = parse(
      "\xEF\xBB\xBF"
      "dn: dc=x\r\ndc: x\r\n\r\n\r\ndn: dc=y\r\ndc:: \r\n eQ=\r\n =\r\n");
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].values[0].bytes, "x");
  EXPECT_EQ(records[1].values[0].bytes, "y");
}

TEST(LdifTest, ReadsTheSameWhereverABufferEnds) {
  const std::string text = "version: 1\r\n# c\r\n c\r\ndn: dc=x\r\ncn: a\r\n b\r\n  c\r\n\r\n\r\ndn: dc=y\r\ncn: d\r\n";
  for (std::size_t buffer = 3; buffer < text.size() + 2; ++buffer) {
    const auto records = parse(text, buffer);
    ASSERT_EQ(records.size(), 2U) << buffer;
    EXPECT_EQ(records[0].values[0].bytes, "ab c") << buffer;
    EXPECT_EQ(records[1].values[0].bytes, "d") << buffer;
  }
}

TEST(LdifTest, SaysWhatIsWrongAndInWhichLine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"version: 2\n", "file.syntax: x.ldif:1: version"},
      {"cn: x\n", "file.syntax: x.ldif:1: a record begins with dn:"},
      {"dn: dc=x\n\n", "file.syntax: x.ldif:1: a record without attributes"},
      {"dn: no dn\ncn: x\n", "file.syntax: x.ldif:1: \"no dn\" is no DN"},
      {"dn:: /w==\ncn: x\n", "file.syntax: x.ldif:1: the DN is not UTF-8"},
      {"dn: dc=x\nrubbish\n", "file.syntax: x.ldif:2: \"rubbish\" is no line"},
      {"dn: dc=x\n# c\n d\nc n: x\n", "file.syntax: x.ldif:4: \"c n\" is no attribute name"},
      {"dn: dc=x\ncn:: ***\n", "file.syntax: x.ldif:2: the value of cn is no Base64"},
      {"dn: dc=x\ncn: a\xff\n", "file.syntax: x.ldif:2: the value of cn holds bytes"},
      {std::string("dn: dc=x\ncn: a\0b\n", 17), "file.syntax: x.ldif:2: the value of cn holds bytes"},
      {"dn: dc=x\ncn: a\ndn: dc=y\n", "file.syntax: x.ldif:3: a second dn:"},
      {"\n folded\n", "file.syntax: x.ldif:2: a continued line"},
      {"dn: dc=x\nphoto:< file:///etc/passwd\n", "file.url: x.ldif:2: "},
      {"dn: dc=x\nchangetype: delete\n", "file.change_record: x.ldif:2: "},
      {"dn: dc=x\ncontrol: 1.2.3\nchangetype: delete\n", "file.change_record: x.ldif:2: "},
      {"dn: dc=x\nadd: cn\n-\n", "file.change_record: x.ldif:3: "},
      {"dn: dc=x\ncn: a", "file.cut: x.ldif:2: "},
      {"dn: dc=x\ncn: a\n b", "file.cut: x.ldif:3: "},
  };
  for (const auto& [text, said] : cases) EXPECT_THAT(refusal(text), ::testing::StartsWith(said)) << text;
}

TEST(LdifTest, LineOfMoreThanSixtyFourMebibytesIsRefusedAndNotKept) {
  std::size_t given = 0;
  LdifReader reader(
      [&](std::span<char> bytes) {
        std::ranges::fill(bytes, 'a');
        if (given == 0) std::memcpy(bytes.data(), "dn: cn=", 7);
        given += bytes.size();
        return bytes.size();
      },
      "endless");
  EXPECT_EQ(error_id([&] { static_cast<void>(reader.next()); }), "file.syntax");
  EXPECT_LT(given, std::size_t{100} << 20);
}

class FileTest : public ::testing::Test {
 protected:
  std::string write(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
    return path_;
  }
  State full(Settings more = {}) {
    more["path"] = {path_};
    State state;
    last_ = take_import(*make(more), state);
    return state;
  }
  std::string import_error(Settings more = {}) {
    return error_id([&] { full(std::move(more)); });
  }

  Folder folder_;
  std::string path_ = folder_.file("a.ldif");
  connector::ImportEnd last_;
};

TEST_F(FileTest, AnchorIsTheDnWhereNothingBetterIs) {
  write(
      "dn: CN=Ada, DC=X\nobjectClass: inetOrgPerson\n\ndn: cn=bob,dc=x\nobjectClass: inetOrgPerson\nentryUUID: u-1\n");
  const State state = full();
  EXPECT_EQ(state.size(), 2U);
  EXPECT_TRUE(state.contains(model::dn_key("cn=ada,dc=x")));
  EXPECT_TRUE(state.contains("u-1"));
}

TEST_F(FileTest, NamedAnchorMustBeThereAndOnlyOnce) {
  write(
      "dn: cn=a,dc=x\nobjectClass: inetOrgPerson\nemployeeNumber: 1\n\n"
      "dn: cn=b,dc=x\nobjectClass: inetOrgPerson\nEMPLOYEENUMBER: 1\n\n"
      "dn: cn=c,dc=x\nobjectClass: inetOrgPerson\n");
  EXPECT_EQ(import_error({{"anchor", {"employeeNumber"}}}), "file.duplicate");
  EXPECT_EQ(import_error({{"anchor", {"uid"}}}), "file.no_anchor");
}

TEST_F(FileTest, NamesHaveOneSpellingAndTypesAreTheMostSpecific) {
  write(
      "dn: cn=a,dc=x\nOBJECTCLASS: top\nobjectclass: person\nobjectclass: inetorgperson\nMAIL: a@x\nmail: b@x\nfooBar: "
      "1\n"
      "FOOBAR: 2\nuserCertificate;binary:: MIIB\nMANAGER: cn=b,dc=x\nuniqueMember: cn=c,dc=x#'01'B\nuserPassword: s\n\n"
      "dn: cn=b,dc=x\nobjectClass: device\n");
  const State state = full({{"object_types", {"person", "inetOrgPerson"}}});
  ASSERT_EQ(state.size(), 1U);
  const connector::Seen seen = by_name(state, "a").second;
  EXPECT_EQ(seen.type, "inetOrgPerson");
  EXPECT_EQ(seen.attributes.at("mail").size(), 2U);
  EXPECT_EQ(seen.attributes.at("fooBar").size(), 2U);
  EXPECT_TRUE(std::holds_alternative<model::Binary>(seen.attributes.at("userCertificate").front()));
  EXPECT_FALSE(seen.attributes.contains("userPassword"));
  EXPECT_EQ(seen.references,
            (std::set<std::pair<std::string, std::string>>{{"manager", model::dn_key("cn=b,dc=x")},
                                                           {"uniqueMember", model::dn_key("cn=c,dc=x")}}));
}

TEST_F(FileTest, UnchangedFileTellsNothingAndConcludesNothing) {
  write("dn: cn=a,dc=x\nobjectClass: inetOrgPerson\n");
  State known = full();
  const State before = known;
  const std::string watermark = last_.watermark;
  // Written anew with the same bytes.
  write("dn: cn=a,dc=x\nobjectClass: inetOrgPerson\n");
  const auto connector = make({{"path", {path_}}});
  EXPECT_FALSE(take_import(*connector, known, watermark).complete);
  EXPECT_EQ(known, before);
  write("dn: cn=b,dc=x\nobjectClass: inetOrgPerson\n");
  EXPECT_TRUE(take_import(*connector, known, watermark).complete);
  EXPECT_EQ(known, full());
}

TEST_F(FileTest, FileWrittenToWhileItIsReadConcludesNothing) {
  std::string text;
  for (int i = 0; i < 2500; ++i) text += "dn: cn=p" + std::to_string(i) + ",dc=x\nobjectClass: inetOrgPerson\n\n";
  write(text);
  const auto connector = make({{"path", {path_}}});
  const auto import = connector->import({}, {});
  std::vector<model::Observation> batch;
  ASSERT_TRUE(import->next(batch));
  std::ofstream(path_, std::ios::app) << "dn: cn=late,dc=x\nobjectClass: inetOrgPerson\n";
  EXPECT_EQ(error_id([&] {
              while (import->next(batch)) {
              }
            }),
            "file.changing");
}

TEST_F(FileTest, WhatCannotBeReadIsSaidByName) {
  EXPECT_EQ(import_error(), "file.missing");
  write("");
  EXPECT_EQ(import_error(), "file.empty");
  write("version: 1\n");
  EXPECT_EQ(import_error(), "");
  EXPECT_TRUE(last_.complete);
  write("dn: cn=a,dc=x\nobjectClass: inetOrgPerson\nmail: a@");
  EXPECT_EQ(import_error(), "file.cut");
  path_ = fs::path(path_).parent_path().string();
  EXPECT_EQ(import_error(), "file.unfit");
  EXPECT_FALSE(make({{"path", {path_}}})->test().front().passed);
  EXPECT_EQ(error_id([] { static_cast<void>(make({{"paht", {"x"}}})); }), "file.settings");
}

class LdifTargetTest : public FileTest {
 protected:
  std::string send(model::Export change, const Settings& more = {}) {
    Settings settings = more;
    settings["path"] = {path_};
    std::string failure = "nothing";
    make(settings)->send(std::span(&change, 1),
                         [&](std::size_t, connector::Outcome outcome) {
                           const auto* failed = std::get_if<connector::Failed>(&outcome);
                           failure = failed == nullptr ? "" : std::string(failed->error.id());
                           if (failed == nullptr) sent_ = std::get<connector::Sent>(std::move(outcome));
                         },
                         {});
    return failure;
  }
  static model::Export change(model::Operation operation, const std::string& anchor, const std::string& dn) {
    model::Export made;
    made.operation = operation;
    made.object_type = "inetOrgPerson";
    made.anchor = anchor;
    made.dn = dn;
    return made;
  }
  [[nodiscard]] std::string content() const { return folder_.content("a.ldif"); }

  connector::Sent sent_;
};

TEST_F(LdifTargetTest, WritesWhatReadsAsItIsMeantAndKeepsTheRest) {
  write(
      "version: 1\n\ndn: cn=a,dc=x\nobjectClass: inetOrgPerson\nentryUUID: u-1\nmail: one\nmail: two\n"
      "userCertificate;binary:: MIIB\nx-own: kept\n\n"
      "dn: cn=crew,dc=x\nobjectClass: groupOfNames\nentryUUID: u-2\nmember: CN=A, DC=X\n");
  model::Export update = change(model::Operation::update, "u-1", "cn=a,dc=x");
  const std::string long_text(100, 'l');
  update.attributes = {{"MAIL", {}, {std::string(" leading"), std::string("\xC3\xA9")}},
                       {"userCertificate", {}, {model::Binary{"\x30\x01"}}},
                       {"description", {}, {long_text}},
                       {"disabled", {}, {true}}};
  EXPECT_EQ(send(update), "");
  model::Export crew = change(model::Operation::update, "u-2", "cn=crew,dc=x");
  crew.references = {{"member", "u-1", "cn=a,dc=x", false}, {"member", "u-3", "cn=b,dc=x", true}};
  EXPECT_EQ(send(crew), "");
  EXPECT_EQ(content(),
            "version: 1\n\ndn: cn=a,dc=x\nobjectClass: inetOrgPerson\nentryUUID: u-1\nmail:: IGxlYWRpbmc=\n"
            "mail:: w6k=\nuserCertificate;binary:: MAE=\nx-own: kept\ndescription: " +
                std::string(63, 'l') + "\n " + std::string(37, 'l') +
                "\ndisabled: TRUE\n\n"
                "dn: cn=crew,dc=x\nobjectClass: groupOfNames\nentryUUID: u-2\nmember: cn=b,dc=x\n");
}

TEST_F(LdifTargetTest, AddsGetAnAnchorAndAreNotMadeTwice) {
  model::Export add = change(model::Operation::add, "", "cn=Ada,dc=x");
  add.attributes = {{"sn", {}, {std::string("L")}}};
  EXPECT_EQ(send(add), "");  // there was no file
  const std::string anchor = sent_.anchor;
  EXPECT_EQ(anchor.size(), 36U);
  const std::string made = content();
  EXPECT_THAT(made, HasSubstr("objectClass: top\nobjectClass: person\nobjectClass: organizationalPerson\n"
                              "objectClass: inetOrgPerson\nsn: L\ncn: Ada\nentryUUID: "));
  EXPECT_EQ(send(add), "");
  EXPECT_TRUE(sent_.was_there);
  EXPECT_EQ(sent_.anchor, anchor);
  add.attributes = {{"sn", {}, {std::string("other")}}};
  EXPECT_EQ(send(add), "file.exists");
  add.dn = "no dn";
  EXPECT_EQ(send(add), "file.no_name");
  EXPECT_EQ(content(), made);
}

TEST_F(LdifTargetTest, RenameTakesWhatLiesBelowAlongAndKeepsTheAnchor) {
  write(
      "dn: ou=old,dc=x\nobjectClass: organizationalUnit\nentryUUID: u-1\nou: old\n\n"
      "dn: cn=a,OU=Old,dc=x\nobjectClass: inetOrgPerson\nentryUUID: u-2\ncn: a\n");
  model::Export rename = change(model::Operation::rename, "u-1", "ou=old,dc=x");
  rename.new_dn = "ou=new,dc=x";
  EXPECT_EQ(send(rename), "");
  const State state = full();
  EXPECT_EQ(state.at("u-1").dn_key, model::dn_key("ou=new,dc=x"));
  EXPECT_EQ(state.at("u-1").attributes.at("ou"), model::Values{std::string("new")});
  EXPECT_EQ(state.at("u-2").dn_key, model::dn_key("cn=a,ou=new,dc=x"));
  write("dn: cn=a,dc=x\nobjectClass: inetOrgPerson\n");
  rename = change(model::Operation::rename, model::dn_key("cn=a,dc=x"), "cn=a,dc=x");
  rename.new_dn = "cn=b,dc=x";
  EXPECT_EQ(send(rename), "file.no_rename");
}

TEST_F(LdifTargetTest, WhatIsGoneIsSaidAndARemovalOfItIsDone) {
  write("dn: cn=a,dc=x\nobjectClass: inetOrgPerson\nentryUUID: u-1\n");
  const std::string before = content();
  EXPECT_EQ(send(change(model::Operation::update, "u-9", "cn=z,dc=x")), "file.gone");
  EXPECT_EQ(send(change(model::Operation::remove, "u-9", "cn=z,dc=x")), "");
  EXPECT_EQ(content(), before);
  EXPECT_EQ(send(change(model::Operation::remove, "u-1", "cn=a,dc=x")), "");
  EXPECT_EQ(content(), "version: 1\n");
}

}  // namespace
}  // namespace linkspan::connector_file
