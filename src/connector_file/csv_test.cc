#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "connector/testing/connector_contract.h"
#include "connector_file/file.h"
#include "connector_file/internal/csv.h"
#include "connector_file/internal/encoding.h"
#include "connector_file/testing/folder.h"

namespace linkspan::connector_file {
namespace {

namespace fs = std::filesystem;

using connector::Connector;
using connector::error_id;
using connector::Outcome;
using connector::Sent;
using connector::Settings;
using connector::State;
using connector::take_import;
using ::testing::ElementsAre;
using testing::Folder;
using ::testing::HasSubstr;

std::unique_ptr<Connector> make(const Settings& settings) {
  QuietLogger logger;
  return csv_kind().make(settings, {}, logger);
}

/// A CSV file that is written anew with every change.
class CsvDirectory final : public connector::TestDirectory {
 public:
  CsvDirectory() { write(); }

  std::unique_ptr<Connector> connect() override {
    return make({{"path", {folder_.file("people.csv")}},
                 {"anchor", {"id"}},
                 {"type_column", {"kind"}},
                 {"multi_valued", {"description", "member"}},
                 {"base64", {"photo"}},
                 {"may_be_empty", {"true"}}});
  }
  void add_person(const std::string& name, const model::Attributes& attributes) override {
    objects_[name] = {"person", attributes, {}};
    write();
  }
  void add_group(const std::string& name, const std::vector<std::string>& members) override {
    objects_[name] = {"group", {}, members};
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
  std::string person_type() const override { return "person"; }
  std::string binary_attribute() const override { return "photo"; }
  std::string dn_of(const std::string& name) const override { return "id=" + model::escape_dn_value(name); }
  bool keeps_anchor_on_rename() const override { return false; }

 private:
  struct Object {
    std::string kind;
    model::Attributes attributes;
    std::vector<std::string> members;
  };

  static std::string joined(const std::vector<std::string>& values) {
    std::string all;
    for (const std::string& value : values) all += (all.empty() ? "" : "|") + value;
    return all;
  }

  void write() const {
    std::string text = "id,kind,description,photo,member\r\n";
    for (const auto& [name, object] : objects_) {
      const auto field = [&](const std::string& attribute) {
        std::vector<std::string> values;
        const auto held = object.attributes.find(attribute);
        if (held == object.attributes.end()) return std::string();
        for (const model::Value& value : held->second) {
          const auto* binary = std::get_if<model::Binary>(&value);
          values.push_back(binary != nullptr ? to_base64(binary->bytes) : std::get<std::string>(value));
        }
        return joined(values);
      };
      for (const std::string& one : {name, object.kind, field("description"), field("photo"), joined(object.members)}) {
        append_csv_field(text, one, ',');
        text += ',';
      }
      text.pop_back();
      text += "\r\n";
    }
    folder_.replace("people.csv", text);
  }

  Folder folder_;
  std::map<std::string, Object> objects_;
};

}  // namespace

[[nodiscard]] inline connector::ContractBackend csv_backend() {
  return {"csv", [] { return std::make_unique<CsvDirectory>(); }};
}

}  // namespace linkspan::connector_file

namespace linkspan::connector {

INSTANTIATE_TEST_SUITE_P(Csv, ConnectorContract, ::testing::Values(connector_file::csv_backend()), backend_name);

}  // namespace linkspan::connector

namespace linkspan::connector_file {
namespace {

ByteSource source_of(const std::string& text) {
  auto at = std::make_shared<std::size_t>(0);
  return [at, text](std::span<char> bytes) {
    const std::size_t count = std::min(bytes.size(), text.size() - *at);
    std::memcpy(bytes.data(), text.data() + *at, count);
    *at += count;
    return count;
  };
}

std::vector<std::vector<std::string>> parse(const std::string& text, std::size_t buffer = 1 << 20,
                                            CsvReader::Options options = {',', true}) {
  CsvReader reader(source_of(text), "x.csv", options, buffer);
  std::vector<std::vector<std::string>> rows;
  CsvRow row;
  while (reader.next(row)) rows.push_back(row.fields);
  return rows;
}

std::string refusal(const std::function<void()>& deed) {
  try {
    deed();
  } catch (const Error& error) {
    return std::string(error.id()) + ": " + error.message();
  }
  return {};
}

TEST(CsvTest, ReadsWhatTheStandardSaysWhereverABufferEnds) {
  const std::string text = "a,b,c\r\n1,,\"x, \"\"y\"\"\r\nz\"\n\r\n\"\",\xC3\xA9,\r\n";
  const std::vector<std::vector<std::string>> wanted{{"a", "b", "c"}, {"1", "", "x, \"y\"\r\nz"}, {"", "\xC3\xA9", ""}};
  for (std::size_t buffer = 1; buffer < text.size() + 2; ++buffer) EXPECT_EQ(parse(text, buffer), wanted) << buffer;
}

TEST(CsvTest, SaysWhatIsWrongAndInWhichLine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a,b\r\n1,2", "file.cut: x.csv:2: the file ends without a line break"},
      {"a,b\r\n1,\"2\r\n3", "file.cut: x.csv:3: the file ends within the field whose quote was opened in line 2"},
      {"a,b\r\n1,2\r", "file.cut: x.csv:2: the file ends between"},
      {"a,b\r\n1,x\"y\"\r\n", "file.syntax: x.csv:2: a quote within a field"},
      {"a,b\r\n1,\"x\"y\r\n", "file.syntax: x.csv:2: something follows the closing quote"},
      {"a\rb\r\n", "file.syntax: x.csv:1: a carriage return"},
      {"a\n\"\n\"\n\xff\n", "file.encoding: x.csv:4: field 1 is not UTF-8"},
      {std::string(k_most_columns, ',') + "\n", "file.syntax: x.csv:1: more than 4096 columns"},
  };
  for (const auto& [text, said] : cases) {
    EXPECT_THAT(refusal([&, &one = text] { parse(one); }), ::testing::StartsWith(said)) << text;
  }
  EXPECT_EQ(parse("a\n1", 4, {',', false}).size(), 2U);
}

TEST(CsvTest, FieldOfMoreThanSixtyFourMebibytesIsRefusedAndNotKept) {
  std::size_t given = 0;
  CsvReader reader(
      [&](std::span<char> bytes) {
        std::ranges::fill(bytes, 'a');
        given += bytes.size();
        return bytes.size();
      },
      "endless", {});
  CsvRow row;
  EXPECT_EQ(error_id([&] { static_cast<void>(reader.next(row)); }), "file.syntax");
  EXPECT_LT(given, std::size_t{100} << 20);
}

TEST(EncodingTest, WhatIsDeclaredIsReadAndNothingIsGuessed) {
  const auto read = [](const std::string& bytes, const std::string& encoding, std::size_t block) {
    const ByteSource text = as_utf8(source_of(bytes), canonical_encoding(encoding), "x.csv");
    std::string all;
    std::vector<char> buffer(block);
    for (std::size_t got = block; got == block;) {
      got = text(buffer);
      all.append(buffer.data(), got);
    }
    return all;
  };
  const std::string wide("\xFF\xFEZ\0o\0\xEB\0", 8);
  for (const std::size_t block : {4U, 7U, 64U}) {
    EXPECT_EQ(read("\xEF\xBB\xBFZo\xC3\xAB", "utf-8", block), "Zo\xC3\xAB") << block;
    EXPECT_EQ(read("Zo\xEB \x80", "windows-1252", block), "Zo\xC3\xAB \xE2\x82\xAC") << block;
    EXPECT_EQ(read(wide, "UTF-16LE", block), "Zo\xC3\xAB") << block;
  }
  EXPECT_EQ(error_id([&] { read(wide, "utf-8", 64); }), "file.encoding");
  EXPECT_EQ(error_id([&] { read("a\xff\xff", "Shift_JIS", 64); }), "file.encoding");
  EXPECT_EQ(error_id([&] { read(wide.substr(0, 7), "UTF-16LE", 64); }), "file.encoding");
  EXPECT_EQ(error_id([&] { static_cast<void>(canonical_encoding("klingon")); }), "file.encoding");
}

class CsvFileTest : public ::testing::Test {
 protected:
  void write(const std::string& text) { folder_.replace("a.csv", text); }
  [[nodiscard]] std::string content() const { return folder_.content("a.csv"); }
  std::unique_ptr<Connector> connect(Settings more = {}) {
    more["path"] = {folder_.file("a.csv")};
    more.try_emplace("anchor", std::vector<std::string>{"id"});
    return make(more);
  }
  State full(const Settings& more = {}) {
    State state;
    last_ = take_import(*connect(more), state);
    return state;
  }
  std::string import_error(const Settings& more = {}) {
    return refusal([&] { full(more); });
  }
  Outcome send(const model::Export& change, const Settings& more = {}) {
    std::optional<Outcome> got;
    connect(more)->send(std::span(&change, 1), [&](std::size_t, Outcome outcome) { got = std::move(outcome); }, {});
    return std::move(got.value());
  }
  static model::Export update_of(const std::string& anchor) {
    model::Export change;
    change.operation = model::Operation::update;
    change.object_type = "person";
    change.anchor = anchor;
    change.dn = "id=" + anchor;
    return change;
  }
  static std::string failure(const Outcome& outcome) {
    const auto* failed = std::get_if<connector::Failed>(&outcome);
    return failed == nullptr ? std::string() : std::string(failed->error.id());
  }

  Folder folder_;
  connector::ImportEnd last_;
};

TEST_F(CsvFileTest, ColumnsAreMappedAndReferencesLeadToAnchors) {
  write("Number;Last name;Boss;Roles;Secret\r\n7;O'Hara;3;a|b;x\r\n3;\"King; Jr.\";;;y\r\n");
  const State state = full({{"anchor", {"employeeNumber"}},
                            {"delimiter", {";"}},
                            {"multi_valued", {"roles"}},
                            {"columns", {"employeeNumber=Number", "sn=Last name", "manager=Boss", "roles=Roles"}}});
  ASSERT_EQ(state.size(), 2U);
  EXPECT_EQ(state.at("7").attributes, (model::Attributes{{"employeeNumber", {std::string("7")}},
                                                         {"sn", {std::string("O'Hara")}},
                                                         {"roles", {std::string("a"), std::string("b")}}}));
  EXPECT_EQ(state.at("7").references, (std::set<std::pair<std::string, std::string>>{{"manager", "3"}}));
  EXPECT_EQ(state.at("7").dn_key, model::dn_key("employeeNumber=7"));
  EXPECT_FALSE(state.at("3").attributes.contains("roles"));
}

TEST_F(CsvFileTest, DeltaHandsOverOnlyRowsThatChanged) {
  write("id,mail\n1,a\n2,b\n3,c\n");
  State known = full();
  const auto connector = connect();
  write("id,mail\n3,c\n2,B\n4,d\n");
  const auto import = connector->import({last_.watermark}, {});
  std::vector<model::Observation> batch;
  std::map<std::string, model::Observation::Kind> seen;
  while (import->next(batch)) {
    for (const auto& one : batch) seen[one.entry.anchor] = one.kind;
  }
  using Kind = model::Observation::Kind;
  EXPECT_EQ(seen, (std::map<std::string, Kind>{{"2", Kind::present}, {"3", Kind::unchanged}, {"4", Kind::present}}));
  EXPECT_TRUE(import->end().complete);
  take_import(*connector, known, last_.watermark);
  EXPECT_EQ(known, full());
  EXPECT_EQ(error_id([&] { static_cast<void>(connect({{"base64", {"mail"}}})->import({last_.watermark}, {})); }),
            "connector.watermark_refused");
}

TEST_F(CsvFileTest, FileThatIsNotWholeConcludesNothing) {
  EXPECT_THAT(import_error(), HasSubstr("file.missing"));
  write("");
  EXPECT_THAT(import_error(), HasSubstr("file.empty"));
  write("id,mail\n");
  EXPECT_THAT(import_error(), HasSubstr("file.empty: a.csv: it has no rows"));
  EXPECT_EQ(import_error({{"may_be_empty", {"true"}}}), "");
  EXPECT_TRUE(last_.complete);
  write("id,mail\n1,a\n2,b");
  EXPECT_THAT(import_error(), HasSubstr("file.cut"));
  EXPECT_EQ(import_error({{"final_line_break", {"optional"}}}), "");
  write("id,mail\n1,a\n");
  EXPECT_THAT(import_error({{"last_line", {"#END"}}}), HasSubstr("file.cut: a.csv: its last line"));
  write("id,mail\n1,a\n#END 1 row\n");
  EXPECT_EQ(import_error({{"last_line", {"#END"}}}), "");
  write("id,mail\n#END\n1,a\n");
  EXPECT_THAT(import_error({{"last_line", {"#END"}}}), HasSubstr("a row after the last line"));
  write("id,mail\n1,a,x\n");
  EXPECT_THAT(import_error(), HasSubstr("file.syntax: a.csv:2: 3 fields"));
}

TEST_F(CsvFileTest, HeaderAndAnchorsAreHeldToWhatIsDeclared) {
  write("mail,mail,\nx,y,z\n");
  const std::string said = import_error();
  for (const char* part : {"file.header", "mail is there twice", "column 3 has no name", "no column id, the anchor"}) {
    EXPECT_THAT(said, HasSubstr(part));
  }
  write("id,mail\n,a\n");
  EXPECT_THAT(import_error(), HasSubstr("file.no_anchor: a.csv:2"));
  write("id,mail\n1,a\n1,b\n");
  EXPECT_THAT(import_error(), HasSubstr("file.duplicate: a.csv:3"));
  const std::string settings = refusal([] {
    make({{"delimitor", {";"}}, {"delimiter", {"::"}}, {"separator", {","}}, {"encoding", {"x"}}, {"columns", {"=b"}}});
  });
  for (const char* part :
       {"path: it is missing", "anchor: it is missing", "did you mean delimiter", "one ASCII character",
        "separator: it is the same", "encoding: \"x\" is no encoding", "\"=b\" is not attribute=column"}) {
    EXPECT_THAT(settings, HasSubstr(part));
  }
}

TEST_F(CsvFileTest, ExportsReplaceTheFileAndKeepWhatIsNotTheirs) {
  write("id,mail,roles,manager,note\r\n1,a@x,\"r,1|r2\",2,mine\r\n2,b@x,,,\r\n");
  ASSERT_EQ(::chmod(folder_.file("a.csv").c_str(), 0640), 0);
  const Settings more{{"multi_valued", {"roles"}}};
  model::Export change = update_of("1");
  change.attributes = {{"MAIL", {}, {std::string("new \"a\"@x")}},
                       {"roles", {}, {std::string("r2"), std::string("r3")}}};
  EXPECT_EQ(failure(send(change, more)), "");
  change.attributes.clear();
  change.references = {{"manager", "2", "id=2", false}, {"manager", "9", "id=9", true}};
  EXPECT_EQ(failure(send(change, more)), "");
  EXPECT_EQ(content(), "id,mail,roles,manager,note\r\n1,\"new \"\"a\"\"@x\",r2|r3,9,mine\r\n2,b@x,,,\r\n");
  struct stat now{};
  ASSERT_EQ(::stat(folder_.file("a.csv").c_str(), &now), 0);
  EXPECT_EQ(now.st_mode & 0777, 0640U);
  EXPECT_THAT(folder_.names(), ElementsAre("a.csv"));
}

TEST_F(CsvFileTest, WhatARowCannotTakeFailsAloneAndChangesNothing) {
  const std::string before = "id,mail,roles\r\n1,a,x\r\n";
  write(before);
  const Settings more{{"multi_valued", {"roles"}}};
  model::Export change = update_of("1");
  const auto attempt = [&](std::vector<model::AttributeChange> attributes) {
    change.attributes = std::move(attributes);
    return failure(send(change, more));
  };
  EXPECT_EQ(attempt({{"phone", {}, {std::string("1")}}}), "file.no_column");
  EXPECT_EQ(attempt({{"mail", {}, {std::string("1"), std::string("2")}}}), "file.value_unfit");
  EXPECT_EQ(attempt({{"roles", {}, {std::string("1|2")}}}), "file.value_unfit");
  EXPECT_EQ(attempt({{"mail", {}, {model::Binary{"\xff"}}}}), "file.value_unfit");
  EXPECT_EQ(attempt({{"id", {}, {std::string("2")}}}), "file.no_rename");
  change.operation = model::Operation::rename;
  EXPECT_EQ(attempt({}), "file.no_rename");
  change.operation = model::Operation::update;
  change.anchor = "7";
  EXPECT_EQ(attempt({{"mail", {}, {std::string("1")}}}), "file.gone");
  change.operation = model::Operation::add;
  change.anchor = change.dn = "";
  EXPECT_EQ(attempt({{"mail", {}, {std::string("1")}}}), "file.no_anchor");
  EXPECT_EQ(attempt({{"id", {}, {std::string("1")}}, {"mail", {}, {std::string("other")}}}), "file.exists");
  EXPECT_EQ(content(), before);
  // What an earlier try may have left is not made twice.
  EXPECT_EQ(attempt({{"id", {}, {std::string("1")}}, {"mail", {}, {std::string("a")}}}), "");
  EXPECT_EQ(content(), before);
}

TEST_F(CsvFileTest, TargetThatIsNotUtf8OrNotThereTakesNothing) {
  model::Export change = update_of("1");
  change.operation = model::Operation::remove;
  EXPECT_EQ(error_id([&] { send(change); }), "file.missing");
  write("id\n1\n");
  EXPECT_EQ(error_id([&] { send(change, {{"encoding", {"windows-1252"}}}); }), "file.encoding");
  EXPECT_EQ(content(), "id\n1\n");
}

}  // namespace
}  // namespace linkspan::connector_file
