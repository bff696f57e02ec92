// The contract of every connector, kept with the real service and with the strict one.

#include <gtest/gtest.h>

#include <map>

#include <testkit/scim_fake.h>
#include <testkit/scim_service.h>

#include "connector/testing/connector_contract.h"
#include "connector_scim/internal/make.h"
#include "model/dn.h"

namespace linkspan::connector {
namespace {

/// Names things as the contract does: a user's name is "cn=ada". People change it through a connector of their own.
class ScimDirectory : public TestDirectory {
 public:
  ScimDirectory(std::string url, std::string token) : url_(std::move(url)), token_(std::move(token)) {
    people_ = make(url_, token_);
  }

  std::unique_ptr<Connector> connect() override { return make(url_, token_); }

  void add_person(const std::string& name, const model::Attributes& attributes) override {
    model::Export add = exporting(model::Operation::add, name, "User");
    add.attributes.push_back({"userName", {}, {dn_of(name)}});
    for (const auto& [attribute, values] : attributes) add.attributes.push_back({attribute, {}, values});
    carry_out(name, add);
  }
  void add_group(const std::string& name, const std::vector<std::string>& members) override {
    model::Export add = exporting(model::Operation::add, name, "Group");
    add.attributes.push_back({"displayName", {}, {dn_of(name)}});
    for (const std::string& member : members) add.references.push_back({"members", id_of(member), "", true});
    members_[name] = members;
    carry_out(name, add);
  }
  void set(const std::string& name, const std::string& attribute, const model::Values& values) override {
    model::Export update = exporting(model::Operation::update, name, "User");
    model::Values before;
    for (const auto& [each, held] : entry_of(name).attributes) {
      if (each == attribute) before = held;
    }
    update.attributes.push_back({attribute, before, values});
    carry_out(name, update);
  }
  void set_members(const std::string& group, const std::vector<std::string>& members) override {
    model::Export update = exporting(model::Operation::update, group, "Group");
    for (const std::string& member : members_[group])
      update.references.push_back({"members", id_of(member), "", false});
    for (const std::string& member : members) update.references.push_back({"members", id_of(member), "", true});
    members_[group] = members;
    carry_out(group, update);
  }
  void rename(const std::string& name, const std::string& new_name) override {
    set(name, "userName", {dn_of(new_name)});
    ids_[new_name] = ids_[name];
    ids_.erase(name);
  }
  void remove(const std::string& name) override {
    carry_out(name, exporting(model::Operation::remove, name, "User"));
    ids_.erase(name);
  }

  [[nodiscard]] std::string person_type() const override { return "User"; }
  [[nodiscard]] std::string text_attribute() const override { return "roles.value"; }
  [[nodiscard]] std::string binary_attribute() const override { return "x509Certificates.value"; }
  [[nodiscard]] std::string member_attribute() const override { return "members"; }
  [[nodiscard]] std::string dn_of(const std::string& name) const override {
    return "cn=" + model::escape_dn_value(name);
  }

  [[nodiscard]] std::size_t large_value() const override { return 5'000'000; }
  [[nodiscard]] model::Attributes required_of(const std::string& name) const override {
    return {{"userName", {dn_of(name)}}};
  }

  bool before_break() override { return true; }
  std::unique_ptr<Connector> connect_with_wrong_password() override { return make(url_, "wrong"); }
  std::unique_ptr<Connector> connect_to_nowhere() override { return make("http://127.0.0.1:1/scim", "any"); }

 protected:
  [[nodiscard]] std::unique_ptr<Connector> connect_with(const std::string& token) { return make(url_, token); }
  [[nodiscard]] bool is_known(const std::string& name) const { return ids_.contains(name); }
  void know(const std::string& name, const std::string& id) { ids_[name] = id; }

 private:
  std::unique_ptr<Connector> make(const std::string& url, std::string token) {
    connector_scim::Options options;
    options.url = url;
    options.token = vault::Secret::from(std::move(token));
    options.http.first_delay = std::chrono::milliseconds(1);
    options.page_size = 100;
    return connector_scim::make_connector(std::move(options), logger_);
  }

  std::string id_of(const std::string& name) const { return ids_.contains(name) ? ids_.at(name) : name; }

  model::Export exporting(model::Operation operation, const std::string& name, std::string type) const {
    model::Export made;
    made.operation = operation;
    made.object_type = std::move(type);
    if (operation != model::Operation::add) made.anchor = id_of(name);
    return made;
  }

  model::Entry entry_of(const std::string& name) {
    const auto found = people_->find("User", "userName", dn_of(name));
    return found.empty() ? model::Entry{} : found.front();
  }

  void carry_out(const std::string& name, const model::Export& change) {
    people_->send(std::span(&change, 1),
                  [&](std::size_t, Outcome outcome) {
                    if (const auto* failed = std::get_if<Failed>(&outcome)) throw Error(failed->error);
                    ids_[name] = std::get<Sent>(outcome).anchor;
                  },
                  {});
  }

  const std::string url_;
  const std::string token_;
  QuietLogger logger_;
  std::unique_ptr<Connector> people_;
  std::map<std::string, std::string> ids_;
  std::map<std::string, std::vector<std::string>> members_;
};

/// The lab's service: scimmy.
class ScimmyDirectory final : public ScimDirectory {
 public:
  explicit ScimmyDirectory(testkit::ScimService& service)
      : ScimDirectory(service.url(), service.token()), service_(service) {}
  void break_now() override { service_.fault(R"({"match":"GET /Users","status":500,"times":-1})"); }

 private:
  testkit::ScimService& service_;
};

/// The service that takes nothing which the RFCs do not have.
class StrictDirectory final : public ScimDirectory {
 public:
  explicit StrictDirectory(std::unique_ptr<testkit::ScimFake> service)
      : ScimDirectory(service->url(), testkit::ScimFake::token()), service_(std::move(service)) {}
  void break_now() override {
    service_->intercept([](const net::SeenRequest& request) -> std::optional<net::ScriptedReply> {
      if (request.method != "GET") return std::nullopt;
      return net::ScriptedReply{net::http_reply(500)};
    });
  }
  /// A member must exist.
  void add_group(const std::string& name, const std::vector<std::string>& members) override {
    for (const std::string& member : members) {
      if (!is_known(member)) know(member, service_->add("Users", {{"userName", dn_of(member)}}));
    }
    ScimDirectory::add_group(name, members);
  }
  [[nodiscard]] std::pair<int, std::size_t> long_import() const override { return {600, 2'000}; }
  std::vector<BadCredentials> bad_credentials() override {
    std::vector<BadCredentials> all;
    all.push_back({"wrong", "scim.credentials", connect_with("wrong")});
    all.push_back({"expired", "scim.expired", connect_with(testkit::ScimFake::expired_token())});
    all.push_back({"locked", "scim.locked", connect_with(testkit::ScimFake::locked_token())});
    all.push_back({"lacking a right", "scim.access", connect_with(testkit::ScimFake::powerless_token())});
    return all;
  }

 private:
  std::unique_ptr<testkit::ScimFake> service_;
};

std::unique_ptr<TestDirectory> make_scimmy() {
  if (!testkit::ScimService::available()) return nullptr;
  static testkit::ScimService service;  // node takes half a second to start: one for all, emptied for each
  service.reset();
  return std::make_unique<ScimmyDirectory>(service);
}

std::unique_ptr<TestDirectory> make_strict() {
  return std::make_unique<StrictDirectory>(std::make_unique<testkit::ScimFake>(
      testkit::ScimFakeOptions{.etag = true, .most_per_page = 200, .most_member_changes = 100}));
}

INSTANTIATE_TEST_SUITE_P(Scim, ConnectorContract,
                         ::testing::Values(ContractBackend{"scimmy", &make_scimmy},
                                           ContractBackend{"strict", &make_strict}),
                         backend_name);

}  // namespace
}  // namespace linkspan::connector
