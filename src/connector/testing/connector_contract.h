#pragma once
// What every connector owes the engine, as tests. An adapter's own test file makes a TestDirectory of it and says
//   INSTANTIATE_TEST_SUITE_P(Ldap, ConnectorContract, ::testing::Values(ContractBackend{"ldap", &make_it}),
//   backend_name);

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "connector/connector.h"
#include "model/dn.h"

namespace linkspan::connector {

/// A directory under test, and what people do to it. Objects have a name: the value of the leaf of their DN, or what is
/// before the @ where that is none.
class TestDirectory {
 public:
  virtual ~TestDirectory() = default;

  [[nodiscard]] virtual std::unique_ptr<Connector> connect() = 0;

  virtual void add_person(const std::string& name, const model::Attributes& attributes) = 0;
  virtual void add_group(const std::string& name, const std::vector<std::string>& members) = 0;
  virtual void set(const std::string& name, const std::string& attribute, const model::Values& values) = 0;
  virtual void set_members(const std::string& group, const std::vector<std::string>& members) = 0;
  virtual void rename(const std::string& name, const std::string& new_name) = 0;
  virtual void remove(const std::string& name) = 0;

  // How it names things.
  [[nodiscard]] virtual std::string person_type() const { return "inetOrgPerson"; }
  [[nodiscard]] virtual std::string text_attribute() const { return "description"; }  ///< multi-valued
  [[nodiscard]] virtual std::string binary_attribute() const { return "jpegPhoto"; }
  [[nodiscard]] virtual std::string member_attribute() const { return "member"; }
  [[nodiscard]] virtual std::string dn_of(const std::string& name) const = 0;

  /// Attributes without which it makes no person of that name.
  [[nodiscard]] virtual model::Attributes required_of(const std::string& name) const {
    (void)name;
    return {};
  }

  // How much of something is enough, where making it takes long.
  /// People, and bytes of a value of each, that an import is still at when it is broken.
  [[nodiscard]] virtual std::pair<int, std::size_t> long_import() const { return {1500, 20'000}; }
  [[nodiscard]] virtual int large_group() const { return 5000; }
  [[nodiscard]] virtual std::size_t large_value() const { return 1'000'000; }

  // What it cannot do is left out of the contract.
  /// What is sent to it is there as it was sent, or refused.
  [[nodiscard]] virtual bool writes_what_it_is_told() const { return true; }
  [[nodiscard]] virtual bool keeps_anchor_on_rename() const { return true; }
  [[nodiscard]] virtual bool can_find() const { return true; }
  /// Called before an import that is to break, and once its first batch was taken. False = it cannot be made to break.
  virtual bool before_break() { return false; }
  virtual void break_now() {}
  /// A connector with a wrong password, and one to where nothing listens; null = there is no such thing.
  [[nodiscard]] virtual std::unique_ptr<Connector> connect_with_wrong_password() { return nullptr; }
  [[nodiscard]] virtual std::unique_ptr<Connector> connect_to_nowhere() { return nullptr; }

  /// A connector with credentials that are no good, each in its own way, and what it is to be told by.
  struct BadCredentials {
    std::string what;  ///< "expired", "locked", …
    std::string error_id;
    std::unique_ptr<Connector> connector;
  };
  [[nodiscard]] virtual std::vector<BadCredentials> bad_credentials() { return {}; }
};

struct ContractBackend {
  std::string name;
  std::function<std::unique_ptr<TestDirectory>()> make;  ///< null = what it needs is not installed
};

inline std::string backend_name(const ::testing::TestParamInfo<ContractBackend>& info) { return info.param.name; }

/// An object in a form in which equal ones are equal.
struct Seen {
  std::string name;
  std::string dn_key;
  std::string type;
  model::Attributes attributes;
  std::set<std::pair<std::string, std::string>> references;  ///< attribute, normalised target
  friend bool operator==(const Seen&, const Seen&) = default;
};

inline void PrintTo(const Seen& seen, std::ostream* out) {
  *out << seen.dn_key << " (" << seen.type << ")";
  for (const auto& [name, values] : seen.attributes) {
    *out << "\n  " << name << ":";
    for (const auto& value : values) *out << " " << model::to_text(value).substr(0, 80);
  }
  for (const auto& [name, target] : seen.references) *out << "\n  " << name << " -> " << target;
}

using State = std::map<std::string, Seen>;  ///< by anchor

inline Seen see(const model::Entry& entry, bool references_by_anchor) {
  Seen seen;
  seen.dn_key = model::dn_key(entry.dn);
  try {
    const model::Dn dn = model::parse_dn(entry.dn);
    if (!dn.rdns.empty()) seen.name = dn.rdns.front().front().second;
  } catch (const Error&) {
    seen.name = entry.dn.substr(0, entry.dn.find('@'));
  }
  seen.type = entry.object_type;
  for (auto [name, values] : entry.attributes) {
    EXPECT_FALSE(values.empty()) << name << " of " << entry.dn;
    model::canonicalize(values);
    EXPECT_TRUE(seen.attributes.emplace(name, std::move(values)).second) << name << " twice in " << entry.dn;
  }
  for (const auto& [name, target] : entry.references) {
    seen.references.emplace(name, references_by_anchor ? target : model::dn_key(target));
  }
  return seen;
}

/// Puts into what is held what changed.
inline void take_part(const model::Observation& part, bool references_by_anchor, Seen& held) {
  const auto key = [&](const std::string& target) { return references_by_anchor ? target : model::dn_key(target); };
  if (!part.entry.dn.empty()) {
    model::Entry name;
    name.dn = part.entry.dn;
    const Seen named = see(name, references_by_anchor);
    held.name = named.name;
    held.dn_key = named.dn_key;
  }
  for (auto [name, values] : part.entry.attributes) {
    model::canonicalize(values);
    held.attributes.erase(name);
    if (!values.empty()) held.attributes.emplace(name, std::move(values));
  }
  for (const auto& [name, target] : part.references_gone) held.references.erase({name, key(target)});
  for (const auto& [name, target] : part.entry.references) held.references.emplace(name, key(target));
}

/// Reads an import to its end into `state` as the engine does, and returns what its end said.
inline ImportEnd take_import(Connector& connector, State& state, const std::string& watermark = {}) {
  const bool by_anchor = connector.capabilities().references_by_anchor;
  const auto is_held = [&](std::span<const std::string> anchors) {
    std::vector<bool> answers;
    for (const std::string& anchor : anchors) answers.push_back(state.contains(anchor));
    return answers;
  };
  const auto import = connector.import({watermark, is_held}, {});
  std::vector<model::Observation> batch;
  std::set<std::string> mentioned;
  std::set<std::string> present;
  while (import->next(batch)) {
    EXPECT_FALSE(batch.empty()) << "true with nothing in it";
    for (const model::Observation& one : batch) {
      EXPECT_FALSE(one.entry.anchor.empty());
      const bool deleted = one.kind == model::Observation::Kind::deleted;
      if (deleted || one.kind == model::Observation::Kind::gone) {
        state.erase(one.entry.anchor);
        for (auto& [anchor, held] : state) {
          if (deleted) std::erase_if(held.references, [&](const auto& row) { return row.second == one.entry.anchor; });
        }
        continue;
      }
      const bool first = mentioned.insert(one.entry.anchor).second;
      if (one.kind == model::Observation::Kind::changed) {
        EXPECT_TRUE(first) << one.entry.anchor << " was told of before a part of it";
        const auto whole = state.find(one.entry.anchor);
        EXPECT_TRUE(whole != state.end()) << "a part of what is not held: " << one.entry.anchor;
        if (whole != state.end()) take_part(one, by_anchor, whole->second);
        continue;
      }
      if (one.kind != model::Observation::Kind::present) continue;
      EXPECT_TRUE(present.insert(one.entry.anchor).second || !watermark.empty()) << one.entry.dn << " came twice";
      EXPECT_FALSE(one.entry.object_type.empty()) << one.entry.dn;
      state.insert_or_assign(one.entry.anchor, see(one.entry, by_anchor));
    }
  }
  EXPECT_TRUE(batch.empty());
  const ImportEnd end = import->end();
  if (end.complete) std::erase_if(state, [&](const auto& held) { return !mentioned.contains(held.first); });
  return end;
}

inline std::pair<std::string, Seen> by_name(const State& state, const std::string& name) {
  std::pair<std::string, Seen> found;
  int count = 0;
  for (const auto& held : state) {
    if (held.second.name != name) continue;
    ++count;
    found = held;
  }
  EXPECT_EQ(count, 1) << "objects named " << name;
  return found;
}

/// What went wrong, or "" when nothing did.
inline std::string error_id(const std::function<void()>& deed) {
  try {
    deed();
  } catch (const Error& error) {
    EXPECT_STRNE(error.what(), "");
    return std::string(error.id());
  }
  return {};
}

class ConnectorContract : public ::testing::TestWithParam<ContractBackend> {
 protected:
  void SetUp() override {
    directory_ = GetParam().make();
    if (!directory_) GTEST_SKIP() << "what " << GetParam().name << " needs is not installed";
    connector_ = directory_->connect();
  }

  /// The full state, read anew.
  State full() {
    State state;
    last_ = take_import(*connector_, state);
    EXPECT_TRUE(last_.complete);
    return state;
  }

  /// After `change`, a delta on top of what was known must give what a full import gives.
  void expect_delta_equals_full(const char* what, const std::function<void()>& change) {
    State known = full();
    const std::string watermark = last_.watermark;
    change();
    take_import(*connector_, known, watermark);
    EXPECT_EQ(known, full()) << what;
  }

  [[nodiscard]] model::Export new_person(const std::string& name) const {
    model::Export add;
    add.operation = model::Operation::add;
    add.object_type = directory_->person_type();
    add.dn = directory_->dn_of(name);
    for (const auto& [attribute, values] : directory_->required_of(name)) {
      add.attributes.push_back({attribute, {}, values});
    }
    return add;
  }

  std::unique_ptr<TestDirectory> directory_;
  std::unique_ptr<Connector> connector_;
  ImportEnd last_;
};

TEST_P(ConnectorContract, FullImportSeesEveryObjectOnce) {
  const State before = full();
  for (int i = 0; i < 25; ++i) directory_->add_person("person " + std::to_string(i), {});
  directory_->add_group("crew", {"person 3", "person 4"});
  const State after = full();
  EXPECT_EQ(after.size(), before.size() + 26);
  for (int i = 0; i < 25; ++i) {
    EXPECT_EQ(by_name(after, "person " + std::to_string(i)).second.type, directory_->person_type());
  }
  EXPECT_EQ(by_name(after, "crew").second.references.size(), 2U);
}

TEST_P(ConnectorContract, SecondFullImportIsEqual) {
  directory_->add_person("ada", {{directory_->text_attribute(), {std::string("one"), std::string("two")}}});
  directory_->add_group("crew", {"ada"});
  const State first = full();
  EXPECT_EQ(first, full());
}

TEST_P(ConnectorContract, DeltaOfNothingIsNothing) {
  if (!connector_->capabilities().delta_import) GTEST_SKIP() << "no delta import";
  directory_->add_person("ada", {});
  expect_delta_equals_full("nothing", [] {});
}

TEST_P(ConnectorContract, DeltaAfterEachKindOfChangeEqualsFull) {
  if (!connector_->capabilities().delta_import) GTEST_SKIP() << "no delta import";
  directory_->add_person("ada", {{directory_->text_attribute(), {std::string("one")}}});
  directory_->add_person("bob", {});
  directory_->add_group("crew", {"ada", "bob"});
  const std::string text = directory_->text_attribute();
  expect_delta_equals_full("add", [&] { directory_->add_person("cy", {}); });
  expect_delta_equals_full("change", [&] { directory_->set("ada", text, {std::string("two"), std::string("three")}); });
  expect_delta_equals_full("clear", [&] { directory_->set("ada", text, {}); });
  expect_delta_equals_full("members", [&] { directory_->set_members("crew", {"bob", "cy"}); });
  expect_delta_equals_full("rename", [&] { directory_->rename("cy", "cyril"); });
  if (connector_->capabilities().delta_reports_removals) {
    expect_delta_equals_full("remove", [&] { directory_->remove("bob"); });
    expect_delta_equals_full("remove and add again", [&] {
      directory_->remove("ada");
      directory_->add_person("ada", {});
    });
    expect_delta_equals_full("add and remove", [&] {
      directory_->add_person("dee", {});
      directory_->remove("dee");
    });
  }
}

TEST_P(ConnectorContract, DeltasFollowOneAnother) {
  if (!connector_->capabilities().delta_import) GTEST_SKIP() << "no delta import";
  State known = full();
  std::string watermark = last_.watermark;
  for (int i = 0; i < 5; ++i) {
    const std::string name = "person " + std::to_string(i);
    directory_->add_person(name, {});
    if (i > 0) directory_->set("person 0", directory_->text_attribute(), {name});
    watermark = take_import(*connector_, known, watermark).watermark;
    EXPECT_EQ(known, full()) << "after delta " << i;
  }
}

TEST_P(ConnectorContract, AnchorSurvivesRenameAndIsNotGivenAgain) {
  if (!directory_->keeps_anchor_on_rename()) GTEST_SKIP() << "the anchor is the name";
  directory_->add_person("ada", {});
  const std::string anchor = by_name(full(), "ada").first;
  directory_->rename("ada", "lovelace");
  EXPECT_EQ(by_name(full(), "lovelace").first, anchor);
  directory_->remove("lovelace");
  directory_->add_person("ada", {});
  EXPECT_NE(by_name(full(), "ada").first, anchor);
}

TEST_P(ConnectorContract, BrokenImportThrowsAndConcludesNothing) {
  if (!directory_->before_break()) GTEST_SKIP() << "its imports do not break half-way";
  const auto [people, bytes] = directory_->long_import();
  const model::Values heavy{model::Binary{"\xff" + std::string(bytes, 'x')}};
  for (int i = 0; i < people; ++i) {
    directory_->add_person("p" + std::to_string(i), {{directory_->binary_attribute(), heavy}});
  }
  const auto import = connector_->import({}, {});
  std::vector<model::Observation> batch;
  ASSERT_TRUE(import->next(batch));
  directory_->break_now();
  Fault fault = Fault::invalid;
  try {
    while (import->next(batch)) {
    }
    ADD_FAILURE() << "it came to a proper end";
  } catch (const Error& error) {
    fault = error.fault();
  }
  EXPECT_EQ(fault, Fault::unavailable);
}

TEST_P(ConnectorContract, HostileTextSurvives) {
  const std::string nasty("a\0b\r\nc\t \xC3\xA9\xF0\x9F\x98\x80 =*()\\ ", 21);
  directory_->add_person("ada", {{directory_->text_attribute(), {nasty}}});
  EXPECT_EQ(by_name(full(), "ada").second.attributes[directory_->text_attribute()], model::Values{nasty});
}

TEST_P(ConnectorContract, BytesThatAreNoTextComeAsBinary) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  directory_->add_person("ada", {{directory_->binary_attribute(), {model::Binary{all}}}});
  EXPECT_EQ(by_name(full(), "ada").second.attributes[directory_->binary_attribute()],
            model::Values{model::Binary{all}});
}

TEST_P(ConnectorContract, LargeValueSurvives) {
  std::string photo = "\xff\xd8\xff";
  while (photo.size() < directory_->large_value()) photo += static_cast<char>(photo.size() * 31 % 251);
  directory_->add_person("ada", {{directory_->binary_attribute(), {model::Binary{photo}}}});
  const Seen seen = by_name(full(), "ada").second;
  ASSERT_TRUE(seen.attributes.contains(directory_->binary_attribute()));
  EXPECT_TRUE(seen.attributes.at(directory_->binary_attribute()) == model::Values{model::Binary{photo}});
}

TEST_P(ConnectorContract, NameOfSpecialCharactersSurvives) {
  const std::string name = "#a,b+c\"d\\e<f>g;h=i/j é";
  directory_->add_person(name, {});
  directory_->add_group("crew", {name});
  const State state = full();
  const auto [anchor, person] = by_name(state, name);
  const Seen crew = by_name(state, "crew").second;
  const std::string target = connector_->capabilities().references_by_anchor ? anchor : person.dn_key;
  EXPECT_EQ(crew.references, (std::set<std::pair<std::string, std::string>>{{directory_->member_attribute(), target}}));
}

TEST_P(ConnectorContract, LargeGroupIsWhole) {
  const int size = directory_->large_group();
  std::vector<std::string> members;
  for (int i = 0; i < size; ++i) members.push_back("m" + std::to_string(i));
  directory_->add_group("crew", members);
  EXPECT_EQ(by_name(full(), "crew").second.references.size(), static_cast<std::size_t>(size));
}

TEST_P(ConnectorContract, WrongPasswordAndNoServerAreTwoErrors) {
  const auto wrong = directory_->connect_with_wrong_password();
  const auto nowhere = directory_->connect_to_nowhere();
  if (!wrong || !nowhere) GTEST_SKIP() << "no server to be refused by";
  std::string ids[2];
  Fault faults[2] = {Fault::invalid, Fault::invalid};
  for (int i = 0; i < 2; ++i) {
    Connector& bad = i == 0 ? *wrong : *nowhere;
    try {
      State state;
      take_import(bad, state);
    } catch (const Error& error) {
      ids[i] = error.id();
      faults[i] = error.fault();
      EXPECT_FALSE(error.hint().empty()) << error.what();
    }
    const std::vector<Check> checks = bad.test();
    EXPECT_TRUE(std::ranges::any_of(checks, [](const Check& one) { return !one.passed && !one.detail.empty(); }));
  }
  EXPECT_EQ(faults[0], Fault::denied);
  EXPECT_EQ(faults[1], Fault::unavailable);
  EXPECT_NE(ids[0], ids[1]);
}

TEST_P(ConnectorContract, BadCredentialsOfEachKindAreTheirOwnErrorAndStopAnExport) {
  const auto all = directory_->bad_credentials();
  if (all.empty()) GTEST_SKIP() << "there is one way to be refused";
  for (const auto& [what, error_id, connector] : all) {
    std::string id;
    std::string hint;
    try {
      State state;
      take_import(*connector, state);
    } catch (const Error& error) {
      id = error.id();
      hint = error.hint();
      EXPECT_EQ(error.fault(), Fault::denied) << what;
    }
    EXPECT_EQ(id, error_id) << what;
    EXPECT_FALSE(hint.empty()) << what;
    const auto checks = connector->test();
    EXPECT_TRUE(std::ranges::any_of(checks, [](const Check& one) { return !one.passed && !one.hint.empty(); })) << what;
    // Thrown, or, of one object that may not be written, told of it; but never done.
    const model::Export add = new_person("eve");
    std::string told;
    const std::string thrown = linkspan::connector::error_id([&] {
      connector->send(std::span(&add, 1),
                      [&](std::size_t, const Outcome& outcome) {
                        const auto* failed = std::get_if<Failed>(&outcome);
                        told = failed != nullptr && !failed->uncertain ? std::string(failed->error.id())
                                                                       : "done or uncertain";
                      },
                      {});
    });
    EXPECT_EQ(thrown.empty() ? told : thrown, error_id) << what;
  }
}

TEST_P(ConnectorContract, TestPassesAndChangesNothing) {
  directory_->add_person("ada", {});
  const State before = full();
  const std::vector<Check> checks = connector_->test();
  EXPECT_FALSE(checks.empty());
  for (const Check& check : checks) EXPECT_TRUE(check.passed) << check.name << ": " << check.detail;
  EXPECT_EQ(full(), before);
}

TEST_P(ConnectorContract, StopEndsAnImport) {
  for (int i = 0; i < 10; ++i) directory_->add_person("p" + std::to_string(i), {});
  std::stop_source stop;
  const auto import = connector_->import({}, stop.get_token());
  stop.request_stop();
  std::vector<model::Observation> batch;
  Fault fault = Fault::invalid;
  try {
    while (import->next(batch)) {
    }
  } catch (const Error& error) {
    fault = error.fault();
  }
  EXPECT_EQ(fault, Fault::cancelled);
}

TEST_P(ConnectorContract, ForeignWatermarkIsRefused) {
  if (!connector_->capabilities().delta_import) GTEST_SKIP() << "no delta import";
  for (const char* watermark : {"nonsense", "fake:", "ldap-sync-1 x y", "\xff"}) {
    EXPECT_EQ(error_id([&] {
                State state;
                take_import(*connector_, state, watermark);
              }),
              "connector.watermark_refused")
        << watermark;
  }
}

TEST_P(ConnectorContract, SchemaTellsOfWhatIsImported) {
  directory_->add_person("ada", {{directory_->text_attribute(), {std::string("x")}}});
  directory_->add_group("crew", {"ada"});
  const model::Schema schema = connector_->schema();
  EXPECT_TRUE(std::ranges::is_sorted(schema.classes, {}, &model::SchemaClass::name));
  const auto person = std::ranges::find(schema.classes, directory_->person_type(), &model::SchemaClass::name);
  ASSERT_NE(person, schema.classes.end());
  const auto text = std::ranges::find(person->attributes, directory_->text_attribute(), &model::SchemaAttribute::name);
  ASSERT_NE(text, person->attributes.end());
  EXPECT_EQ(text->kind, model::ValueKind::text);
  const std::string type = by_name(full(), "crew").second.type;
  const auto group = std::ranges::find(schema.classes, type, &model::SchemaClass::name);
  ASSERT_NE(group, schema.classes.end());
  const auto member =
      std::ranges::find(group->attributes, directory_->member_attribute(), &model::SchemaAttribute::name);
  ASSERT_NE(member, group->attributes.end());
  EXPECT_EQ(member->kind, model::ValueKind::reference);
  EXPECT_TRUE(member->multi_valued);
}

TEST_P(ConnectorContract, FindTakesValuesLiterally) {
  if (!directory_->can_find()) GTEST_SKIP() << "it cannot be asked";
  const std::string text = directory_->text_attribute();
  directory_->add_person("ada", {{text, {std::string("star * (and) \\ back")}}});
  directory_->add_person("bob", {{text, {std::string("other")}}});
  const auto found = connector_->find(directory_->person_type(), text, std::string("star * (and) \\ back"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().anchor, by_name(full(), "ada").first);
  EXPECT_TRUE(connector_->find(directory_->person_type(), text, std::string("*")).empty());
}

TEST_P(ConnectorContract, ExportsArriveAndRepeatHarmlessly) {
  if (!connector_->capabilities().exports) {
    const std::vector<model::Export> one(1);
    EXPECT_NE(error_id([&] { connector_->send(one, [](std::size_t, Outcome) {}, {}); }), "");
    return;
  }
  const auto send = [&](const model::Export& change) {
    std::optional<Outcome> got;
    connector_->send(std::span(&change, 1), [&](std::size_t, Outcome outcome) { got = std::move(outcome); }, {});
    EXPECT_TRUE(got.has_value());
    return got && std::holds_alternative<Sent>(*got) ? std::get<Sent>(*got) : Sent{};
  };
  const std::string text = directory_->text_attribute();
  model::Export change;
  change.operation = model::Operation::add;
  change.object_type = directory_->person_type();
  change.dn = directory_->dn_of("eve");
  change.attributes = {{text, {}, {std::string("new")}}};
  for (const auto& [name, values] : directory_->required_of("eve")) change.attributes.push_back({name, {}, values});
  change.anchor = send(change).anchor;
  EXPECT_EQ(by_name(full(), "eve").first, change.anchor);
  change.operation = model::Operation::update;
  change.attributes = {{text, {std::string("new")}, {std::string("newer")}}};
  for (int i = 0; i < 2; ++i) EXPECT_EQ(send(change).anchor, change.anchor) << "time " << i;
  EXPECT_EQ(by_name(full(), "eve").second.attributes[text], model::Values{std::string("newer")});
  change.operation = model::Operation::remove;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(send(change).anchor, change.anchor) << "time " << i;
  EXPECT_FALSE(full().contains(change.anchor));
}

/// Text of every kind that has ever broken something.
inline std::vector<std::string> hostile_texts() {
  return {
      std::string("a\0b", 3),
      "line\r\nDescription: injected",
      "\t tab and blank ",
      R"(quote " and ' and \ and \" and \\)",
      R"(\u0000 \ud800 \n \x41 %00 %2e &amp; ${x})",
      "*)(uid=*))(|(uid=*",
      R"(") or userName pr or ()",
      "' or 1 eq 1 or '",
      "\x01\x1f\x7f",
      "\xC2\x85\xE2\x80\xA8\xE2\x80\xA9",      // line ends of Unicode
      "\xEF\xBB\xBF\xEF\xBF\xBD\xEF\xBF\xBE",  // byte order mark, replacement character, a noncharacter
      "e\xCC\x81 is not \xC3\xA9",             // decomposed, composed
      "\xE2\x80\xAE"
      "gnp.exe\xE2\x80\x8B",  // right to left, zero width
      "\xF4\x8F\xBF\xBF\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80",
      std::string(60'000, 'x'),
      "M\xFCller",         // Latin-1
      "\xED\xA0\x80",      // half a pair
      "\xC0\xAF",          // overlong
      "cut \xF0\x9F\x98",  // not all of it
  };
}

TEST_P(ConnectorContract, HostileTextIsWrittenAsItIsOrRefusedAloneWithAHint) {
  if (!connector_->capabilities().exports || !directory_->writes_what_it_is_told()) GTEST_SKIP() << "no exports";
  const std::string text = directory_->text_attribute();
  const std::vector<std::string> hostile = hostile_texts();
  std::vector<model::Export> adds;
  for (std::size_t i = 0; i < hostile.size(); ++i) {
    adds.push_back(new_person("h" + std::to_string(i)));
    adds.back().attributes.push_back({text, {}, {hostile[i]}});
    adds.push_back(new_person("good" + std::to_string(i)));
    adds.back().attributes.push_back({text, {}, {std::string("plain")}});
  }
  std::map<std::size_t, Outcome> outcomes;
  connector_->send(adds, [&](std::size_t at, Outcome outcome) { outcomes.emplace(at, std::move(outcome)); }, {});
  ASSERT_EQ(outcomes.size(), adds.size());
  State state = full();
  for (std::size_t i = 0; i < hostile.size(); ++i) {
    EXPECT_TRUE(std::holds_alternative<Sent>(outcomes.at(2 * i + 1))) << "the one after " << i;
    if (const auto* failed = std::get_if<Failed>(&outcomes.at(2 * i))) {
      EXPECT_FALSE(failed->error.hint().empty()) << failed->error.what();
      EXPECT_FALSE(failed->uncertain) << failed->error.what();
      EXPECT_TRUE(is_utf8(failed->error.what())) << i;
      continue;
    }
    const Seen& seen = state[std::get<Sent>(outcomes.at(2 * i)).anchor];
    ASSERT_TRUE(seen.attributes.contains(text)) << i;
    const model::Values& values = seen.attributes.at(text);
    ASSERT_EQ(values.size(), 1U) << i;
    // Bytes that are no text come as what they are.
    const auto* binary = std::get_if<model::Binary>(&values.front());
    EXPECT_TRUE((binary != nullptr ? binary->bytes : model::to_text(values.front())) == hostile[i])
        << i << " came back as " << model::to_text(values.front()).substr(0, 100);
  }
}

}  // namespace linkspan::connector
