#pragma once
// One domain controller for all tests of a program; each test works in containers of its own.

#include <fmt/core.h>
#include <testkit/samba.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connector/connector.h"
#include "connector_ldap/ldap.h"
#include "connector_ldap/testing/recording_logger.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

/// A domain under test, as its administrator sees it. Not thread-safe.
class Domain {
 public:
  virtual ~Domain() = default;

  [[nodiscard]] virtual testkit::LdapAdmin& admin() = 0;
  [[nodiscard]] virtual std::string base() const = 0;
  [[nodiscard]] virtual std::string dns_name() const = 0;
  [[nodiscard]] virtual std::string ldaps_url() const = 0;
  /// Where that listens.
  [[nodiscard]] virtual std::pair<std::string, int> address() const = 0;
  [[nodiscard]] virtual std::string ca_file() const = 0;
  [[nodiscard]] virtual std::string admin_name() const = 0;
  [[nodiscard]] virtual std::string admin_password() const = 0;
  /// Members of a group that is large to it.
  [[nodiscard]] virtual int large_group() const = 0;

  /// DN of a new, empty container.
  std::string new_container() {
    std::string dn = fmt::format("OU=test {},{}", ++containers_, base());
    admin().add(dn, {{"objectClass", {"organizationalUnit"}}});
    return dn;
  }

  /// A contact outside of those containers, made when first asked for: for large groups.
  const std::string& bystander(std::size_t number) {
    while (bystanders_.size() <= number) {
      bystanders_.push_back(fmt::format("CN=bystander {},CN=Users,{}", bystanders_.size(), base()));
      admin().add(bystanders_.back(), {{"objectClass", {"contact"}}});
    }
    return bystanders_[number];
  }

  /// A logon name that nobody has yet.
  std::string account_name() { return fmt::format("t{}", ++accounts_); }

  /// Of a connector that logs on as the administrator; `more` goes before.
  connector::Settings settings(connector::Settings more = {}) const {
    more.try_emplace("url", std::vector<std::string>{ldaps_url()});
    more.try_emplace("account", std::vector<std::string>{admin_name()});
    more.try_emplace("ca_file", std::vector<std::string>{ca_file()});
    more.try_emplace("timeout_seconds", std::vector<std::string>{"60"});
    return more;
  }

 private:
  int containers_ = 0;
  int accounts_ = 0;
  std::vector<std::string> bystanders_;
};

/// A real Samba.
class SambaDomain final : public Domain {
 public:
  /// Null where none can be started here.
  static SambaDomain* get() {
    static const std::unique_ptr<SambaDomain> domain =
        testkit::Samba::available() ? std::make_unique<SambaDomain>() : nullptr;
    return domain.get();
  }

  SambaDomain() { ::setenv("KRB5_CONFIG", samba.krb5_config().c_str(), 1); }

  testkit::LdapAdmin& admin() override { return samba.admin(); }
  std::string base() const override { return samba.base(); }
  std::string dns_name() const override { return samba.domain(); }
  std::string ldaps_url() const override { return samba.ldaps_url(); }
  std::pair<std::string, int> address() const override { return {samba.address(), 636}; }
  std::string ca_file() const override { return samba.ca_file(); }
  std::string admin_name() const override { return samba.admin_name(); }
  std::string admin_password() const override { return samba.admin_password(); }
  int large_group() const override { return 200; }  // each object costs it some milliseconds

  testkit::Samba samba;
};

inline std::unique_ptr<connector::Connector> make_connector(const connector::Settings& settings, Logger& logger,
                                                            std::string password) {
  connector::Secrets secrets;
  secrets.emplace("password", vault::Secret::from(std::move(password)));
  return active_directory_kind().make(settings, std::move(secrets), logger);
}

inline std::string bytes_of(const model::Value& value) {
  if (const auto* binary = std::get_if<model::Binary>(&value)) return binary->bytes;
  return std::get<std::string>(value);
}

/// Samba takes no "=" in a value that is not escaped, though RFC 4514 does.
inline std::string child(const std::string& name, const std::string& parent) {
  std::string value = model::escape_dn_value(name);
  for (std::size_t at = 0; (at = value.find('=', at)) != std::string::npos; at += 2) value.insert(at, 1, '\\');
  return "CN=" + value + "," + parent;
}

}  // namespace linkspan::connector_ldap
