// The contract of every connector, kept with the strict fake.

#include <gtest/gtest.h>

#include <map>

#include "base/text.h"
#include "connector/testing/connector_contract.h"
#include "connector_graph/testing/graph_lab.h"

namespace linkspan::connector {
namespace {

const std::string k_text = "extension_0123456789abcdef0123456789abcdef_notes";
const std::string k_blob = "extension_0123456789abcdef0123456789abcdef_blob";

nlohmann::json to_json(const std::string& attribute, const model::Values& values) {
  nlohmann::json list = nlohmann::json::array();
  for (const model::Value& value : values) {
    const auto* binary = std::get_if<model::Binary>(&value);
    list.push_back(binary != nullptr ? to_base64(binary->bytes) : model::to_text(value));
  }
  return attribute == k_blob && !list.empty() ? list.front() : list;
}

/// People change it behind the connector's back.
class GraphDirectory final : public TestDirectory {
 public:
  explicit GraphDirectory(const testkit::GraphFakeOptions& how = {}) : lab_(how) {
    lab_.fake.declare_extension(k_text, "String", true);
    lab_.fake.declare_extension(k_blob, "Binary", false);
  }

  std::unique_ptr<Connector> connect() override { return lab_.connect(options()); }

  void add_person(const std::string& name, const model::Attributes& attributes) override {
    nlohmann::json more = nlohmann::json::object();
    for (const auto& [attribute, values] : attributes) more[attribute] = to_json(attribute, values);
    ids_[name] = lab_.add_user(name, std::move(more));
  }
  void add_group(const std::string& name, const std::vector<std::string>& members) override {
    ids_[name] = lab_.add_group(name, ids_of(members));
  }
  void set(const std::string& name, const std::string& attribute, const model::Values& values) override {
    lab_.fake.set(ids_.at(name), attribute, to_json(attribute, values));
  }
  void set_members(const std::string& group, const std::vector<std::string>& members) override {
    lab_.fake.set_members(ids_.at(group), ids_of(members));
  }
  void rename(const std::string& name, const std::string& new_name) override {
    lab_.fake.set(ids_.at(name), "userPrincipalName", new_name + "@contoso.example");
    ids_[new_name] = ids_.at(name);
    ids_.erase(name);
  }
  void remove(const std::string& name) override {
    lab_.fake.remove(ids_.at(name));
    ids_.erase(name);
  }

  [[nodiscard]] std::string person_type() const override { return "user"; }
  [[nodiscard]] std::string text_attribute() const override { return k_text; }
  [[nodiscard]] std::string binary_attribute() const override { return k_blob; }
  [[nodiscard]] std::string member_attribute() const override { return "members"; }
  [[nodiscard]] std::string dn_of(const std::string& name) const override { return name + "@contoso.example"; }
  [[nodiscard]] model::Attributes required_of(const std::string& name) const override {
    return {{"userPrincipalName", {name + "@contoso.example"}},
            {"displayName", {name}},
            {"mailNickname", {name}},
            {"accountEnabled", {true}}};
  }

  [[nodiscard]] std::size_t large_value() const override { return 5'000'000; }

  bool before_break() override { return true; }
  void break_now() override {
    lab_.fake.intercept([](const testkit::GraphAsked& asked) -> std::optional<testkit::GraphReply> {
      if (asked.method != "GET") return std::nullopt;
      return testkit::GraphReply{503};
    });
  }
  std::unique_ptr<Connector> connect_with_wrong_password() override {
    auto wrong = options();
    wrong.certificate = connector_graph::Certificate::make("somebody", lab_.clock.now(), std::chrono::days(9)).pem();
    return lab_.connect(std::move(wrong));
  }
  std::vector<BadCredentials> bad_credentials() override {
    auto& identity = lab_.fake.identity();
    const Time now = lab_.clock.now();
    const auto with = [&](const std::function<void(connector_graph::Options&)>& change) {
      auto made = options();
      made.directory_extensions.clear();
      change(made);
      return lab_.connect(std::move(made));
    };
    const auto& der = connector_graph::test_certificate().der();
    const std::set<std::string> rights{"User.ReadWrite.All", "Group.ReadWrite.All", "Directory.Read.All"};
    const std::string disabled = identity.add_application(der, rights);
    identity.disable(disabled);
    const std::string powerless = identity.add_application(der, {});
    const auto old = connector_graph::Certificate::make("old", now - std::chrono::days(400), std::chrono::days(365));
    const std::string outdated = identity.add_application(old.der(), rights);
    std::vector<BadCredentials> all;
    all.push_back({"wrong", "graph.certificate_refused", connect_with_wrong_password()});
    all.push_back({"expired", "graph.certificate_expired", with([&](auto& one) {
                     one.client_id = outdated;
                     one.certificate = old.pem();
                   })});
    all.push_back({"disabled", "graph.application_disabled", with([&](auto& one) { one.client_id = disabled; })});
    all.push_back({"lacking a right", "graph.access", with([&](auto& one) { one.client_id = powerless; })});
    all.push_back({"application gone", "graph.application",
                   with([&](auto& one) { one.client_id = "00000000-0000-0000-0000-000000000000"; })});
    all.push_back({"tenant gone", "graph.tenant", with([&](auto& one) { one.tenant = "fabrikam.example"; })});
    return all;
  }
  std::unique_ptr<Connector> connect_to_nowhere() override {
    auto nowhere = options();
    nowhere.login_url = nowhere.graph_url = "http://127.0.0.1:1";
    return lab_.connect(std::move(nowhere));
  }

 private:
  connector_graph::Options options() {
    auto made = lab_.options();
    made.directory_extensions = {k_blob, k_text};
    return made;
  }
  std::set<std::string> ids_of(const std::vector<std::string>& names) const {
    std::set<std::string> made;
    for (const std::string& name : names) made.insert(ids_.contains(name) ? ids_.at(name) : name);
    return made;
  }

  connector_graph::GraphLab lab_;
  std::map<std::string, std::string> ids_;
};

/// As the documentation allows it to answer.
ContractBackend backend(const std::string& name, const testkit::GraphFakeOptions& how) {
  return {name, [how] { return std::make_unique<GraphDirectory>(how); }};
}

testkit::GraphFakeOptions in_pieces() {
  testkit::GraphFakeOptions how;
  how.page_size = 20;
  how.members_per_page = 7;
  how.interleaves = true;
  how.repeats_unchanged = true;
  return how;
}

INSTANTIATE_TEST_SUITE_P(Graph, ConnectorContract,
                         ::testing::Values(backend("graph", {}), backend("graph_in_pieces", in_pieces())),
                         backend_name);

}  // namespace
}  // namespace linkspan::connector
