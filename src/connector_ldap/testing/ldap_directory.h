#pragma once
// An LDAP server under test as the contract of connectors and the tests of writing see it; which server it is stays
// open.

#include <testkit/ldap_admin.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connector/testing/connector_contract.h"
#include "connector_ldap/ldap.h"
#include "connector_ldap/testing/recording_logger.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

/// A running server with an empty ou=people and ou=groups below base().
class LdapServer {
 public:
  virtual ~LdapServer() = default;
  [[nodiscard]] virtual std::string url() const = 0;
  [[nodiscard]] virtual std::string base() const = 0;
  /// The account of the connector, which may write.
  [[nodiscard]] virtual std::string account() const = 0;
  [[nodiscard]] virtual std::string password() const = 0;
  [[nodiscard]] virtual testkit::LdapAdmin& admin() = 0;
  virtual void kill() = 0;
  /// Attribute that takes any bytes, and the auxiliary class that it is of; empty = it is inetOrgPerson's own.
  [[nodiscard]] virtual std::string binary_attribute() const { return "jpegPhoto"; }
  [[nodiscard]] virtual std::string binary_class() const { return {}; }
  [[nodiscard]] virtual std::string anchor_attribute() const { return "entryUUID"; }
  /// Whether its schema lets a groupOfNames be empty.
  [[nodiscard]] virtual bool groups_may_be_empty() const { return false; }
  /// As the contract's TestDirectory.
  [[nodiscard]] virtual std::pair<int, std::size_t> long_import() const { return {1500, 20'000}; }

  [[nodiscard]] std::string people() const { return "ou=people," + base(); }
  [[nodiscard]] std::string groups() const { return "ou=groups," + base(); }
  [[nodiscard]] std::string person_dn(const std::string& name) const {
    return "cn=" + model::escape_dn_value(name) + "," + people();
  }
  [[nodiscard]] std::string group_dn(const std::string& name) const {
    return "cn=" + model::escape_dn_value(name) + "," + groups();
  }

  [[nodiscard]] connector::Settings settings(connector::Settings more = {}) const {
    more.try_emplace("url", std::vector<std::string>{url()});
    more.try_emplace("bind_dn", std::vector<std::string>{account()});
    more.try_emplace("base", std::vector<std::string>{base()});
    more.try_emplace("timeout_seconds", std::vector<std::string>{"60"});
    return more;
  }
};

inline std::unique_ptr<connector::Connector> make_ldap_connector(const connector::Settings& settings, Logger& logger,
                                                                 std::string password) {
  connector::Secrets secrets;
  secrets.emplace("password", vault::Secret::from(std::move(password)));
  return ldap_kind().make(settings, std::move(secrets), logger);
}

class LdapTestDirectory final : public connector::TestDirectory {
 public:
  explicit LdapTestDirectory(std::shared_ptr<LdapServer> server, connector::Settings more = {})
      : server_(std::move(server)), more_(std::move(more)) {}

  std::unique_ptr<connector::Connector> connect() override { return connect(server_->password(), more_); }

  void add_person(const std::string& name, const model::Attributes& attributes) override {
    testkit::LdapAttributes made{{"objectClass", {"inetOrgPerson"}}, {"cn", {name}}, {"sn", {name}}};
    if (!server_->binary_class().empty()) made["objectClass"].push_back(server_->binary_class());
    for (const auto& [attribute, values] : attributes) made[attribute] = bytes(values);
    dns_[name] = server_->person_dn(name);
    server_->admin().add(dns_[name], made);
  }
  void add_group(const std::string& name, const std::vector<std::string>& members) override {
    dns_[name] = server_->group_dn(name);
    server_->admin().add(dns_[name], {{"objectClass", {"groupOfNames"}}, {"cn", {name}}, {"member", targets(members)}});
  }
  void set(const std::string& name, const std::string& attribute, const model::Values& values) override {
    server_->admin().replace(dns_.at(name), attribute, bytes(values));
  }
  void set_members(const std::string& group, const std::vector<std::string>& members) override {
    server_->admin().replace(dns_.at(group), "member", targets(members));
  }
  void rename(const std::string& name, const std::string& new_name) override {
    server_->admin().rename(dns_.at(name), "cn=" + model::escape_dn_value(new_name));
    dns_.erase(name);
    dns_[new_name] = server_->person_dn(new_name);
  }
  void remove(const std::string& name) override {
    server_->admin().remove(dns_.at(name));
    dns_.erase(name);
  }
  std::string binary_attribute() const override { return server_->binary_attribute(); }
  std::string dn_of(const std::string& name) const override { return server_->person_dn(name); }
  model::Attributes required_of(const std::string& name) const override { return {{"sn", {name}}}; }
  std::pair<int, std::size_t> long_import() const override { return server_->long_import(); }
  bool before_break() override { return true; }
  void break_now() override { server_->kill(); }
  std::unique_ptr<connector::Connector> connect_with_wrong_password() override { return connect("wrong", more_); }
  std::unique_ptr<connector::Connector> connect_to_nowhere() override {
    connector::Settings settings = more_;
    settings["url"] = {"ldap://127.0.0.1:1"};
    return connect(server_->password(), settings);
  }

 private:
  std::unique_ptr<connector::Connector> connect(const std::string& password, const connector::Settings& more) {
    return make_ldap_connector(server_->settings(more), logger_, password);
  }
  static std::vector<std::string> bytes(const model::Values& values) {
    std::vector<std::string> made;
    for (const model::Value& value : values) {
      const auto* binary = std::get_if<model::Binary>(&value);
      made.push_back(binary != nullptr ? binary->bytes : std::get<std::string>(value));
    }
    return made;
  }
  std::vector<std::string> targets(const std::vector<std::string>& members) const {
    std::vector<std::string> made;
    for (const std::string& member : members) {
      const auto found = dns_.find(member);
      made.push_back(found == dns_.end() ? server_->person_dn(member) : found->second);
    }
    return made;
  }

  std::shared_ptr<LdapServer> server_;
  connector::Settings more_;
  RecordingLogger logger_;
  std::map<std::string, std::string> dns_;
};

}  // namespace linkspan::connector_ldap
