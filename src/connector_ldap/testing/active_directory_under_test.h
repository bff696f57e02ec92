#pragma once
// A domain as the contract of connectors wants a directory, and as tests of its own want it.

#include <testkit/relay.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connector/testing/connector_contract.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/testing/domain.h"

namespace linkspan::connector_ldap {

/// A container of the shared domain, as the contract wants a directory.
class ActiveDirectoryUnderTest final : public connector::TestDirectory {
 public:
  ActiveDirectoryUnderTest(Domain& domain, connector::Settings more)
      : domain_(domain),
        container_(domain.new_container()),
        more_(std::move(more)),
        relay_(domain.address().first, domain.address().second) {
    more_["containers"] = {container_};
    more_["url"] = {fmt::format("ldaps://127.0.0.1:{}", relay_.port())};
  }

  std::unique_ptr<connector::Connector> connect() override {
    return make_connector(domain_.settings(more_), logger_, domain_.admin_password());
  }

  void add_person(const std::string& name, const model::Attributes& attributes) override {
    testkit::LdapAttributes made{{"objectClass", {"user"}}, {"sAMAccountName", {domain_.account_name()}}};
    for (const auto& [attribute, values] : attributes) made[attribute] = bytes(values);
    admin().add(child(name, container_), made);
    dns_[name] = child(name, container_);
  }
  void add_group(const std::string& name, const std::vector<std::string>& members) override {
    std::size_t strangers = 0;
    for (const std::string& member : members) {
      if (!dns_.contains(member)) dns_[member] = domain_.bystander(strangers++);
    }
    admin().add(
        child(name, container_),
        {{"objectClass", {"group"}}, {"sAMAccountName", {domain_.account_name()}}, {"member", targets(members)}});
    dns_[name] = child(name, container_);
  }
  void set(const std::string& name, const std::string& attribute, const model::Values& values) override {
    admin().replace(dns_.at(name), attribute, bytes(values));
  }
  void set_members(const std::string& group, const std::vector<std::string>& members) override {
    admin().replace(dns_.at(group), "member", targets(members));
  }
  void rename(const std::string& name, const std::string& new_name) override {
    admin().rename(dns_.at(name), "CN=" + model::escape_dn_value(new_name));
    dns_.erase(name);
    dns_[new_name] = child(new_name, container_);
  }
  void remove(const std::string& name) override {
    admin().remove(dns_.at(name));
    dns_.erase(name);
  }

  std::string person_type() const override { return "user"; }
  std::string text_attribute() const override { return "url"; }
  std::string binary_attribute() const override { return "jpegPhoto"; }
  std::string dn_of(const std::string& name) const override { return child(name, container_); }

  // Each object costs the controller some milliseconds.
  std::pair<int, std::size_t> long_import() const override { return {60, 400'000}; }
  int large_group() const override { return domain_.large_group(); }
  bool before_break() override { return true; }
  void break_now() override { relay_.cut(); }
  std::unique_ptr<connector::Connector> connect_with_wrong_password() override {
    return make_connector(domain_.settings(more_), logger_, "wrong");
  }
  std::unique_ptr<connector::Connector> connect_to_nowhere() override {
    connector::Settings settings = more_;
    settings["url"] = {"ldaps://127.0.0.1:1"};
    return make_connector(domain_.settings(settings), logger_, "wrong");
  }

 private:
  testkit::LdapAdmin& admin() const { return domain_.admin(); }
  static std::vector<std::string> bytes(const model::Values& values) {
    std::vector<std::string> made;
    for (const model::Value& value : values) made.push_back(bytes_of(value));
    return made;
  }
  std::vector<std::string> targets(const std::vector<std::string>& members) const {
    std::vector<std::string> made;
    for (const std::string& member : members) made.push_back(dns_.at(member));
    return made;
  }

  Domain& domain_;
  std::string container_;
  connector::Settings more_;
  RecordingLogger logger_;
  std::map<std::string, std::string> dns_;
  testkit::Relay relay_;
};

inline constexpr const char* k_password = "Qu4y-side-77";

/// A test in a new container of a domain.
class InContainer {
 protected:
  void begin_in(Domain& domain) {
    domain_ = &domain;
    container_ = domain.new_container();
  }
  Domain& domain() const { return *domain_; }
  testkit::LdapAdmin& admin() const { return domain().admin(); }

  std::string add_person(const std::string& name, const std::string& parent, testkit::LdapAttributes attributes = {}) {
    attributes["objectClass"] = {"user"};
    attributes["sAMAccountName"] = {domain().account_name()};
    admin().add(child(name, parent), attributes);
    return child(name, parent);
  }
  std::string add_group(const std::string& name, const std::string& parent, std::vector<std::string> members) {
    admin().add(
        child(name, parent),
        {{"objectClass", {"group"}}, {"sAMAccountName", {domain().account_name()}}, {"member", std::move(members)}});
    return child(name, parent);
  }
  std::string add_ou(const std::string& name, const std::string& parent) {
    const std::string dn = fmt::format("OU={},{}", name, parent);
    admin().add(dn, {{"objectClass", {"organizationalUnit"}}});
    return dn;
  }
  std::string guid_of(const std::string& dn) const {
    return guid_text(admin().values(dn, "objectGUID").front()).value();
  }
  /// "<GUID=…>;DN", as setup keeps a container.
  std::string pin(const std::string& dn) const { return fmt::format("<GUID={}>;{}", guid_of(dn), dn); }
  /// The last part of its SID.
  std::string relative_id(const std::string& dn) const {
    const std::string sid = sid_text(admin().values(dn, "objectSid").front()).value();
    return sid.substr(sid.rfind('-') + 1);
  }

  std::unique_ptr<connector::Connector> connect(connector::Settings more = {}, const std::string& account = {}) {
    more.try_emplace("containers", std::vector<std::string>{container_});
    if (!account.empty()) more["account"] = {account + "@" + domain().dns_name()};
    return make_connector(domain().settings(std::move(more)), logger_,
                          account.empty() ? domain().admin_password() : k_password);
  }

  static std::set<std::string> names(const connector::State& state) {
    std::set<std::string> made;
    for (const auto& [anchor, seen] : state) made.insert(seen.name);
    return made;
  }

  Domain* domain_ = nullptr;
  std::string container_;
  RecordingLogger logger_;
};

}  // namespace linkspan::connector_ldap
