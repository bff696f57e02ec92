// A real server's rules, as `rule import` wrote them, on an organisation in the shape of Active Directory: every value
// that reaches the metaverse and the cloud, against an expectation that a person can read.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/world.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/text.h"
#include "connector_file/file.h"
#include "model/image.h"

namespace linkspan::scenario {
namespace {

namespace fs = std::filesystem;

const fs::path k_folder = fs::path(LINKSPAN_SOURCE_DIR) / "tests/foreign";
const std::string k_directory = "contoso.com";
const std::string k_cloud = "contoso.onmicrosoft.com - AAD";

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// The rule files of the imported configuration, one after the other.
std::string imported_rules() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(k_folder / "contoso")) {
    if (entry.path().filename() != "settings.toml") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::string text;
  for (const fs::path& path : paths) text += read(path) + "\n";
  return text;
}

std::vector<testkit::DirectorySpec> directories() {
  connector::FakeOptions cloud;
  cloud.references_by_anchor = true;
  cloud.correlation_attribute = "sourceAnchor";
  return {{k_directory, "ad", {}}, {k_cloud, "graph", cloud}};
}

/// The organisation's objects, as the LDIF connector reads them.
std::vector<model::Entry> organisation() {
  const connector::Settings settings{
      {"path", {(k_folder / "organisation.ldif").string()}},
      {"anchor", {"objectGUID"}},
      {"object_types", {"user", "contact", "group", "computer", "foreignSecurityPrincipal"}},
      {"reference_attributes", {"manager", "member", "managedBy"}}};
  QuietLogger logger;
  const auto file = connector_file::file_kind().make(settings, {}, logger);
  const auto import = file->import({}, {});
  std::vector<model::Entry> entries;
  std::vector<model::Observation> batch;
  while (import->next(batch)) {
    for (model::Observation& one : batch) entries.push_back(std::move(one.entry));
  }
  return entries;
}

using Lines = std::map<std::string, std::string>;

std::string print(const model::Values& values) {
  std::vector<std::string> texts;
  for (const model::Value& value : values) texts.push_back(model::to_text(value));
  return fmt::format("{}", fmt::join(texts, " | "));
}

void add(std::string& out, std::string_view title, const Lines& lines) {
  out += fmt::format("  {}\n", title);
  for (const auto& [name, value] : lines) out += fmt::format("    {} = {}\n", name, value);
}

class ForeignRulesTest : public ::testing::Test {
 protected:
  ForeignRulesTest() {
    auto& configuration = world.store().configuration();
    for (store::ConnectorRow row : configuration.connectors()) {
      if (row.name != k_directory) continue;
      row.settings =
          R"({"parameters": ["Domain.Netbios=CONTOSO", "Forest.FQDN=contoso.com", "Forest.Netbios=CONTOSO"]})";
      configuration.put_connector(row);
    }
    world.set_rules(imported_rules());
    for (model::Entry& entry : organisation()) world.directory(k_directory).add(std::move(entry));
  }

  /// What the cloud does to an account that it was given: an anchor of its own, and a mark of who owns it.
  void cloud_answers() {
    connector::FakeDirectory& cloud = world.directory(k_cloud);
    for (const model::Entry& entry : cloud.all()) {
      std::string type = entry.object_type;
      type.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(type.front())));
      for (const auto& [name, values] : entry.attributes) {
        if (name != "sourceAnchor") continue;
        cloud.set(entry.anchor, "cloudAnchor", {model::Value(type + "_" + model::to_text(values.front()))});
      }
      cloud.set(entry.anchor, "cloudMastered", {model::Value(false)});
    }
  }

  std::string name_of(store::ObjectId id) { return names_.at(id.value); }

  /// One block for each object of the directory, in the order of its names.
  std::string story() {
    const auto view = world.store().view();
    const std::vector<store::ObjectWithImages> objects = view->scan_objects({}, 0, store::all_images, {0, 1000});
    std::map<std::string, store::Object> mine;
    std::map<std::int64_t, std::string> cloud;
    for (const auto& one : objects) {
      names_[one.object.id.value] = one.object.dn.substr(0, one.object.dn.find(','));
      if (one.object.connector == world.info(k_directory).id && one.object.state != store::ObjectState::placeholder) {
        mine.emplace(one.object.dn, one.object);
      } else if (one.object.metaverse) {
        cloud[one.object.metaverse.value] = one.object.anchor;
      }
    }
    std::map<std::int64_t, store::Metaverse> identities;
    for (store::Metaverse& one : view->scan_metaverse(false, {0, 1000}))
      identities.emplace(one.id.value, std::move(one));
    for (const auto& [dn, object] : mine) by_identity_[object.metaverse.value].push_back(dn);
    std::string out;
    for (const auto& [dn, object] : mine) {
      out +=
          fmt::format("{}\n  {}, {}\n", printable(dn, 400), world.store().names().name(object.type), state_of(object));
      errors(object, out);
      if (!object.metaverse) {
        out += "\n";
        continue;
      }
      const std::string& first = by_identity_[object.metaverse.value].front();
      if (dn != first) {
        out += fmt::format("  the same identity as {}\n\n", first);
        continue;
      }
      const store::Metaverse& identity = identities.at(object.metaverse.value);
      add(out, fmt::format("metaverse {}", world.store().names().name(identity.type)), metaverse(*view, identity));
      const auto account = cloud.find(object.metaverse.value);
      if (account == cloud.end()) {
        out += "  not in the cloud\n\n";
        continue;
      }
      const auto entry = world.directory(k_cloud).get(account->second);
      out += entry ? "" : "  an account that is not there yet\n";
      if (entry) add(out, fmt::format("cloud {}", entry->object_type), attributes_of(*entry));
      out += "\n";
    }
    return out;
  }

  static std::string_view state_of(const store::Object& object) {
    switch (object.state) {
      case store::ObjectState::joined:
        return "joined";
      case store::ObjectState::filtered:
        return "filtered";
      default:
        return "not joined";
    }
  }

  void errors(const store::Object& object, std::string& out) {
    for (const store::ObjectError& one : world.store().summary()->errors({}, {0, 1000})) {
      if (one.object == object.id) out += fmt::format("  error {}: {}\n", one.error, printable(one.message, 400));
    }
  }

  Lines metaverse(store::View& view, const store::Metaverse& identity) {
    Lines lines;
    const model::Names& names = world.store().names();
    const model::Image image = model::decode(identity.image);
    for (const model::ImageAttribute& attribute : image.attributes()) {
      std::vector<std::string> targets;
      for (const model::ReferenceSource& source : attribute.references) {
        const std::vector<store::ObjectId> holder{source.object};
        for (const store::Reference& row : view.references_of(holder, false)) {
          if (row.attribute == source.attribute && (row.bits & store::reference_observed) != 0)
            targets.push_back(name_of(row.target));
        }
      }
      std::sort(targets.begin(), targets.end());
      lines[names.name(attribute.name)] =
          attribute.references.empty() ? print(attribute.values) : fmt::format("-> {}", fmt::join(targets, ", "));
    }
    return lines;
  }

  Lines attributes_of(const model::Entry& entry) {
    Lines lines;
    for (const auto& [name, values] : entry.attributes) lines[name] = print(values);
    std::map<std::string, std::vector<std::string>> targets;
    for (const model::NamedReference& one : entry.references) {
      const auto target = world.directory(k_cloud).get(one.target);
      std::string called = "?";
      for (const auto& [name, values] : target ? target->attributes : model::Entry{}.attributes) {
        if (name == "commonName" || (name == "displayName" && called == "?")) called = print(values);
      }
      targets[one.attribute].push_back(called);
    }
    for (auto& [name, list] : targets) {
      std::sort(list.begin(), list.end());
      lines[name] = fmt::format("-> {}", fmt::join(list, ", "));
    }
    return lines;
  }

  testkit::World world{"", directories()};
  std::map<std::int64_t, std::string> names_;
  std::map<std::int64_t, std::vector<std::string>> by_identity_;
};

TEST_F(ForeignRulesTest, EveryValueIsAsThePersonWhoKnowsTheRulesExpects) {
  world.cycle(true);
  cloud_answers();
  world.cycle();
  const std::string told = story();
  const fs::path expected = k_folder / "organisation.expected";
  if (std::getenv("LINKSPAN_ACCEPT") != nullptr) std::ofstream(expected, std::ios::binary) << told;
  EXPECT_EQ(told, read(expected));
}

TEST_F(ForeignRulesTest, NothingIsPendingOnceTheCloudHasAnswered) {
  world.cycle(true);
  cloud_answers();
  world.cycle();
  EXPECT_THAT(world.pending(k_cloud), ::testing::IsEmpty());
  EXPECT_THAT(world.pending(k_directory), ::testing::IsEmpty());
  const std::string before = world.state();
  world.synchronize(true);
  EXPECT_EQ(world.state(), before);
}

TEST_F(ForeignRulesTest, TheDirectoryItselfIsLeftAsItWas) {
  const auto objects = [&] {
    std::vector<std::string> out;
    for (const model::Entry& entry : world.directory(k_directory).all()) {
      out.push_back(entry.dn);
      for (const auto& [name, values] : entry.attributes) out.push_back(name + "=" + print(values));
      for (const model::NamedReference& one : entry.references) out.push_back(one.attribute + ">" + one.target);
    }
    return out;
  };
  const std::vector<std::string> before = objects();
  world.cycle(true);
  cloud_answers();
  world.cycle();
  EXPECT_EQ(objects(), before);
}

// --- what those rules ask of the engine, apart ---

const char* const k_write_back = R"toml(
[[rule]]
name       = "In"
direction  = "inbound"
connector  = "corp"
source     = "user"
target     = "person"
link       = "provision"
precedence = 100
join       = [["uid = uid"]]
[rule.flows]
uid       = "[uid]"
kind      = "[kind]"
legacy    = "[legacy]"
addresses = 'ImportedValue("addresses")'

[[rule]]
name       = "Back"
direction  = "outbound"
connector  = "corp"
source     = "person"
target     = "user"
link       = "join"
precedence = 200
[rule.flows]
addresses = { expression = 'IIF(IsNullOrEmpty([legacy]), NULL, "x500:" & [legacy])', merge = "merge_case_insensitive" }

[[rule]]
name       = "Out: user"
direction  = "outbound"
connector  = "cloud"
source     = "person"
target     = "user"
link       = "provision"
precedence = 300
scope      = [["kind NOTEQUAL contact"]]
join       = [["anchor = uid"]]
[rule.flows]
anchor = "[uid]"

[[rule]]
name       = "Out: user, more"
direction  = "outbound"
connector  = "cloud"
source     = "person"
target     = "user"
link       = "join"
precedence = 301
scope      = [["kind NOTEQUAL contact"]]
join       = [["anchor = uid"]]
[rule.flows]
addresses = "[addresses]"

[[rule]]
name       = "Out: contact"
direction  = "outbound"
connector  = "cloud"
source     = "person"
target     = "contact"
link       = "provision"
precedence = 310
scope      = [["kind EQUAL contact"]]
[rule.flows]
anchor = "[uid]"
)toml";

class WriteBackTest : public ::testing::Test {
 protected:
  WriteBackTest() {
    model::Entry entry;
    entry.dn = "uid=ada,dc=corp";
    entry.object_type = "user";
    entry.attributes = {{"uid", {model::Value(std::string("ada"))}},
                        {"addresses", {model::Value(std::string("smtp:a")), model::Value(std::string("smtp:b"))}}};
    ada = corp.add(std::move(entry));
    world.cycle(true);
  }

  std::string addresses() {
    const auto entry = corp.get(ada);
    for (const auto& [name, values] : entry->attributes) {
      if (name == "addresses") return print(values);
    }
    return "";
  }

  static model::Values text(std::string value) { return {model::Value(std::move(value))}; }

  testkit::World world{k_write_back, {{"corp", "ad", {}}, {"cloud", "graph", {}}}};
  connector::FakeDirectory& corp = world.directory("corp");
  connector::FakeDirectory& cloud = world.directory("cloud");
  std::string ada;
};

TEST_F(WriteBackTest, WhatIsMergedIntoADirectoryTakesNothingFromIt) {
  EXPECT_EQ(addresses(), "smtp:a | smtp:b");
  corp.set(ada, "legacy", text("/o=old"));
  world.cycle();
  EXPECT_EQ(addresses(), "smtp:a | smtp:b | x500:/o=old");
  corp.set(ada, "addresses", {model::Value(std::string("smtp:b")), model::Value(std::string("smtp:c"))});
  world.cycle();
  EXPECT_EQ(addresses(), "smtp:b | smtp:c | x500:/o=old");
  corp.set(ada, "legacy", {});
  world.cycle();
  EXPECT_EQ(addresses(), "smtp:b | smtp:c | x500:/o=old");
  EXPECT_THAT(world.pending("corp"), ::testing::IsEmpty());
}

TEST_F(WriteBackTest, RulesThatJoinByTheSameConditionsAgree) {
  ASSERT_EQ(cloud.size(), 1U);
  EXPECT_THAT(cloud.all().front().attributes, ::testing::SizeIs(2));
  EXPECT_THAT(world.store().summary()->errors({}, {0, 10}), ::testing::IsEmpty());
}

TEST_F(WriteBackTest, AnIdentityThatBecomesAnotherTypeOfObjectIsReplacedInOneCycle) {
  corp.set(ada, "kind", text("contact"));
  world.cycle();
  ASSERT_EQ(cloud.size(), 1U);
  EXPECT_EQ(cloud.all().front().object_type, "contact");
  const std::string state = world.state();
  world.synchronize(true);
  EXPECT_EQ(world.state(), state);
}

TEST(AnyTypeTest, ARuleForAnyTypeJoinsWhatIsThereAndMembersAreFoundThroughIt) {
  testkit::World world(R"toml(
[[rule]]
name       = "In: user"
direction  = "inbound"
connector  = "corp"
source     = "user"
target     = "person"
link       = "provision"
precedence = 100
join       = [["sid = sid"]]
[rule.flows]
sid = "[sid]"

[[rule]]
name       = "In: stand-in"
direction  = "inbound"
connector  = "trusting"
source     = "foreignSecurityPrincipal"
target     = "*"
link       = "join"
precedence = 110
join       = [["cn = sid"]]

[[rule]]
name       = "In: group"
direction  = "inbound"
connector  = "trusting"
source     = "group"
target     = "group"
link       = "provision"
precedence = 120
join       = [["cn = name"]]
[rule.flows]
name   = "[cn]"
member = "[member]"

[[rule]]
name       = "Out: user"
direction  = "outbound"
connector  = "cloud"
source     = "person"
target     = "user"
link       = "provision"
precedence = 200
[rule.flows]
sid = "[sid]"

[[rule]]
name       = "Out: group"
direction  = "outbound"
connector  = "cloud"
source     = "group"
target     = "group"
link       = "provision"
precedence = 210
[rule.flows]
name   = "[name]"
member = "[member]"
)toml",
                       {{"corp", "ad", {}}, {"trusting", "ad", {}}, {"cloud", "graph", {}}});
  const auto text = [](std::string value) { return model::Values{model::Value(std::move(value))}; };
  world.directory("corp").add({"", "cn=ada,dc=corp", "user", {{"sid", text("S-1-5-21-7")}}, {}});
  world.directory("trusting")
      .add({"", "cn=S-1-5-21-7,dc=t", "foreignSecurityPrincipal", {{"cn", text("S-1-5-21-7")}}, {}});
  world.directory("trusting")
      .add({"", "cn=staff,dc=t", "group", {{"cn", text("staff")}}, {{"member", "cn=S-1-5-21-7,dc=t"}}});
  world.cycle(true);
  connector::FakeDirectory& cloud = world.directory("cloud");
  EXPECT_EQ(cloud.size(), 2U);
  const auto staff = cloud.where("name", model::Value(std::string("staff")));
  ASSERT_EQ(staff.size(), 1U);
  EXPECT_THAT(staff.front().references, ::testing::SizeIs(1));
}

}  // namespace
}  // namespace linkspan::scenario
