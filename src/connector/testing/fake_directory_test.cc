#include "connector/testing/fake_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/testing/connector_contract.h"

namespace linkspan::connector {
namespace {

class FakeTestDirectory final : public TestDirectory {
 public:
  explicit FakeTestDirectory(FakeOptions options) : fake_(std::move(options)) {}

  std::unique_ptr<Connector> connect() override { return fake_.connect(); }

  void add_person(const std::string& name, const model::Attributes& attributes) override {
    add(name, {attributes.begin(), attributes.end()}, "inetOrgPerson");
  }
  void add_group(const std::string& name, const std::vector<std::string>& members) override {
    add(name, {}, "groupOfNames");
    set_members(name, members);
  }
  void set(const std::string& name, const std::string& attribute, const model::Values& values) override {
    fake_.set(anchors_.at(name), attribute, values);
  }
  void set_members(const std::string& group, const std::vector<std::string>& members) override {
    std::vector<std::string> targets;
    const bool by_anchor = fake_.connect()->capabilities().references_by_anchor;
    for (const std::string& member : members) {
      targets.push_back(by_anchor && anchors_.contains(member) ? anchors_.at(member) : dn_of(member));
    }
    fake_.set_references(anchors_.at(group), "member", targets);
  }
  void rename(const std::string& name, const std::string& new_name) override {
    fake_.rename(anchors_.at(name), dn_of(new_name));
    auto held = anchors_.extract(name);
    held.key() = new_name;
    anchors_.insert(std::move(held));
  }
  void remove(const std::string& name) override {
    fake_.remove(anchors_.at(name));
    anchors_.erase(name);
  }
  std::string dn_of(const std::string& name) const override {
    return "cn=" + model::escape_dn_value(name) + ",dc=fake";
  }
  bool before_break() override {
    fake_.cut_next_import(1200);
    return true;
  }

 private:
  void add(const std::string& name, std::vector<std::pair<std::string, model::Values>> attributes, const char* type) {
    model::Entry entry;
    entry.dn = dn_of(name);
    entry.object_type = type;
    entry.attributes = std::move(attributes);
    anchors_[name] = fake_.add(std::move(entry));
  }

  FakeDirectory fake_;
  std::map<std::string, std::string> anchors_;
};

ContractBackend backend(const char* name, FakeDelta delta, bool by_anchor) {
  return {name, [delta, by_anchor] {
            FakeOptions options;
            options.delta = delta;
            options.references_by_anchor = by_anchor;
            options.batch_size = 1000;
            return std::make_unique<FakeTestDirectory>(options);
          }};
}

INSTANTIATE_TEST_SUITE_P(Fake, ConnectorContract,
                         ::testing::Values(backend("removals", FakeDelta::removals, false),
                                           backend("everything", FakeDelta::everything, false),
                                           backend("changes", FakeDelta::changes, true),
                                           backend("none", FakeDelta::none, true)),
                         backend_name);

model::Entry person(const char* dn, const char* mail) {
  model::Entry entry;
  entry.dn = dn;
  entry.object_type = "person";
  entry.attributes = {{"mail", {std::string(mail)}}};
  return entry;
}

model::Export add_of(const char* dn, const char* mail) {
  model::Export change;
  change.operation = model::Operation::add;
  change.object_type = "person";
  change.dn = dn;
  change.attributes = {{"mail", {}, {std::string(mail)}}};
  return change;
}

std::vector<Outcome> send(Connector& connector, const std::vector<model::Export>& exports) {
  std::vector<std::optional<Outcome>> got(exports.size());
  connector.send(exports, [&](std::size_t index, Outcome outcome) { got[index] = std::move(outcome); }, {});
  std::vector<Outcome> made;
  for (auto& one : got) made.push_back(std::move(one.value()));
  return made;
}

TEST(FakeDirectoryTest, SecondHolderOfAUniqueValueIsRefused) {
  FakeOptions options;
  options.unique_attribute = "mail";
  FakeDirectory fake(options);
  fake.add(person("cn=ada,dc=fake", "Ada@x.example"));
  const auto got = send(*fake.connect(), {add_of("cn=other,dc=fake", "ada@X.example")});
  ASSERT_TRUE(std::holds_alternative<Failed>(got[0]));
  EXPECT_EQ(std::get<Failed>(got[0]).error.fault(), Fault::conflict);
  EXPECT_FALSE(std::get<Failed>(got[0]).uncertain);
  EXPECT_EQ(fake.size(), 1U);
}

TEST(FakeDirectoryTest, LostReplyIsCarriedOutAndLostRequestIsNot) {
  FakeDirectory fake;
  fake.lose_next_replies(1);
  fake.lose_next_requests(1);
  const auto got =
      send(*fake.connect(), {add_of("cn=a,dc=fake", "a"), add_of("cn=b,dc=fake", "b"), add_of("cn=c,dc=fake", "c")});
  EXPECT_TRUE(std::get<Failed>(got[0]).uncertain);
  EXPECT_TRUE(std::get<Failed>(got[1]).uncertain);
  EXPECT_TRUE(std::holds_alternative<Sent>(got[2]));
  EXPECT_EQ(fake.where("mail", std::string("a")).size(), 1U);
  EXPECT_EQ(fake.where("mail", std::string("b")).size(), 0U);
  EXPECT_EQ(fake.calls().adds, 2U);
}

TEST(FakeDirectoryTest, RefusalsAreUsedUpOnePerExport) {
  FakeDirectory fake;
  fake.fail_next_exports(1, Error(Fault::throttled, "fake.busy", "busy"));
  const auto got = send(*fake.connect(), {add_of("cn=a,dc=fake", "a"), add_of("cn=b,dc=fake", "b")});
  EXPECT_EQ(std::get<Failed>(got[0]).error.id(), "fake.busy");
  EXPECT_TRUE(std::holds_alternative<Sent>(got[1]));
}

TEST(FakeDirectoryTest, RewritesWhatItIsSent) {
  FakeDirectory fake;
  fake.rewrite("mail", [](const model::Value&) { return model::Value(std::string("lower")); });
  static_cast<void>(send(*fake.connect(), {add_of("cn=a,dc=fake", "UPPER")}));
  EXPECT_EQ(fake.where("mail", std::string("lower")).size(), 1U);
}

TEST(FakeDirectoryTest, RenameOfAContainerMovesWhatIsBelowAndRepairsReferences) {
  FakeDirectory fake;
  const std::string unit = fake.add(person("ou=a,dc=fake", "unit"));
  const std::string ada = fake.add(person("cn=ada,ou=a,dc=fake", "ada"));
  const std::string bob = fake.add(person("cn=bob,dc=fake", "bob"));
  fake.set_references(bob, "manager", {"CN=Ada,ou=a,dc=fake"});
  fake.rename(unit, "ou=b,dc=fake");
  EXPECT_EQ(fake.get(ada)->dn, "cn=ada,ou=b,dc=fake");
  EXPECT_EQ(fake.get(bob)->references.front().target, "cn=ada,ou=b,dc=fake");
  fake.remove(ada);
  EXPECT_TRUE(fake.get(bob)->references.empty());
}

TEST(FakeDirectoryTest, RefusedWatermarksAreOnlyTheOldOnes) {
  FakeDirectory fake;
  const auto connector = fake.connect();
  State state;
  const std::string old = take_import(*connector, state).watermark;
  fake.refuse_watermarks();
  EXPECT_EQ(error_id([&] { take_import(*connector, state, old); }), "connector.watermark_refused");
  const std::string fresh = take_import(*connector, state).watermark;
  EXPECT_EQ(error_id([&] { take_import(*connector, state, fresh); }), "");
}

TEST(FakeDirectoryTest, DownMeansEverythingThrows) {
  FakeDirectory fake;
  const auto connector = fake.connect();
  fake.be_down(Error(Fault::denied, "fake.denied", "no"));
  State state;
  EXPECT_EQ(error_id([&] { take_import(*connector, state); }), "fake.denied");
  EXPECT_EQ(error_id([&] { static_cast<void>(send(*connector, {add_of("cn=a,dc=fake", "a")})); }), "fake.denied");
  EXPECT_FALSE(connector->test().front().passed);
  fake.be_down(std::nullopt);
  EXPECT_EQ(error_id([&] { take_import(*connector, state); }), "");
}

TEST(FakeDirectoryTest, StopSendsNothingMore) {
  FakeDirectory fake;
  std::stop_source stop;
  const std::vector<model::Export> exports{add_of("cn=a,dc=fake", "a"), add_of("cn=b,dc=fake", "b")};
  int answers = 0;
  fake.connect()->send(
      exports,
      [&](std::size_t, Outcome) {
        ++answers;
        stop.request_stop();
      },
      stop.get_token());
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(fake.size(), 1U);
}

}  // namespace
}  // namespace linkspan::connector
