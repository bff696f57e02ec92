#include "setup/testing/setup_fixture.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "setup/credentials.h"
#include "setup/keys.h"
#include "store_sql/store_sql.h"

namespace linkspan::setup {
namespace {

using ::testing::IsEmpty;

connector::FakeOptions directory_options() {
  connector::FakeOptions options;
  options.exports = false;
  options.schema.classes = {{"groupOfNames", {{.name = "cn"}}},
                            {"inetOrgPerson", {{.name = "cn"}, {.name = "employeeNumber"}, {.name = "mail"}}}};
  return options;
}

connector::FakeOptions target_options() {
  connector::FakeOptions options;
  options.references_by_anchor = true;
  return options;
}

/// Only the right secret opens the directory.
connector::Kind kind(std::string name, std::string secret_name, std::string_view right,
                     connector::FakeDirectory& directory) {
  connector::Kind made;
  made.name = std::move(name);
  made.description = "a fake";
  made.settings = {{"url", "where", true, false, ""},
                   {"containers", "what", false, true, ""},
                   {"object_types", "which", false, true, ""}};
  made.secrets = {{secret_name, "how", true, false, ""}};
  made.make = [secret_name, right, &directory](const connector::Settings& settings, connector::Secrets given, Logger&) {
    if (!settings.contains("url")) throw Error(Fault::invalid, "fake.settings", "url is missing");
    if (given[secret_name].reveal() != right) throw Error(Fault::denied, "fake.denied", "wrong " + secret_name);
    return directory.connect();
  };
  return made;
}

}  // namespace

std::vector<std::string> ids_of(const Problems& problems) {
  std::vector<std::string> ids;
  for (const Problem& one : problems) ids.push_back(one.id);
  return ids;
}

connector::Secrets secrets(std::string name, std::string_view text) {
  connector::Secrets out;
  out.emplace(std::move(name), vault::Secret::from(std::string(text)));
  return out;
}

SetupTest::SetupTest() : directory_(directory_options()), target_(target_options()) {
  model::Entry ada;
  ada.object_type = "inetOrgPerson";
  directory_.add(ada);
}

std::vector<connector::Kind> SetupTest::kinds() {
  return {kind("ldap", "password", k_password, directory_), kind("scim", "token", k_token, target_)};
}

Installation SetupTest::server(const std::string& name) {
  Wiring wiring;
  wiring.version = "test";
  wiring.kinds = kinds();
  wiring.open_store = [this](const std::string& url, const StoreOptions& options) {
    if (newer_) throw Error(Fault::conflict, "sql.newer_schema", "a newer program made it");
    return store_sql::open_store(
        url, {.create = options.create, .upgrade = options.upgrade, .program = "test", .clock = &clock_});
  };
  wiring.rules_dir = fs::path(LINKSPAN_SOURCE_DIR) / "rules";
  fs::create_directories(state(name));
  return {std::move(wiring),
          load_server_file(state(name) / "linkspan.toml", {.state_dir = state(name), .database_url = {}}), clock_,
          logger_};
}

Problems SetupTest::fill(StepMachine& machine, std::string_view mode) {
  Problems all;
  const auto add = [&](Problems some) { std::move(some.begin(), some.end(), std::back_inserter(all)); };
  add(machine.answer("welcome", {{"accept", {"true"}}}));
  add(machine.answer("mode", {{"mode", {std::string(mode)}}}));
  add(machine.answer_item("directories", "corp", "ldap", {{"url", {"ldaps://corp"}}}, secrets("password", k_password)));
  add(machine.answer_item("target", "cloud", "scim", {{"url", {"https://cloud"}}}, secrets("token", k_token)));
  add(machine.check_all());
  return all;
}

void SetupTest::set_up(const std::string& name, bool staging) {
  Installation installation = server(name);
  StepMachine machine(installation);
  fill(machine);
  ASSERT_THAT(machine.answer("options", {{"staging", {staging ? "true" : "false"}}}), IsEmpty());
  ASSERT_THAT(ids_of(machine.check_all()), IsEmpty());
  machine.plan().carry_out(installation);
}

void SetupTest::copy_database() {
  fs::create_directories(state("new"));
  for (const char* name : {"linkspan.db", "linkspan.db-wal"}) {
    std::error_code ignored;
    fs::copy_file(state("old") / name, state("new") / name, fs::copy_options::overwrite_existing, ignored);
  }
}

Problems SetupTest::begin_adoption(StepMachine& machine) {
  static_cast<void>(machine.answer("welcome", {{"accept", {"true"}}}));
  static_cast<void>(machine.answer("mode", {{"mode", {"use-existing-database"}}}));
  return machine.check_all();
}

Problems SetupTest::enter_credentials(StepMachine& machine) {
  static_cast<void>(machine.answer_item("directories", "corp", "", {}, secrets("password", k_password)));
  static_cast<void>(machine.answer_item("target", "cloud", "", {}, secrets("token", k_token)));
  Problems problems;
  for (const auto& step : machine.rail()) {
    if (step.state == StepState::passed) continue;
    Problems some = machine.check(step.id);
    std::move(some.begin(), some.end(), std::back_inserter(problems));
  }
  return problems;
}

std::vector<std::string> SetupTest::state_of(const std::string& name) {
  Installation installation = server(name);
  std::vector<std::string> out;
  store::Configuration& configuration = installation.store().configuration();
  for (const auto& row : configuration.connectors()) {
    out.push_back(row.name + " " + row.kind + " " + row.settings);
    for (const auto& [secret_name, value] : open_credentials(installation, row)) {
      out.push_back(row.name + " " + secret_name + " " + std::string(value.reveal()));
    }
  }
  for (const auto& row : configuration.rules()) out.push_back(row.definition);
  for (const auto& [key, value] : configuration.settings()) {
    if (key != k_server_since && key != k_key_set_id && key != k_key_set_check) out.push_back(key + "=" + value);
  }
  out.push_back(installation.file().database_url);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace linkspan::setup
