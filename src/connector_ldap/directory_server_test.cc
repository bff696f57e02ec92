// 389 Directory Server: the contract, and what is written to it. `./test --long` runs it.

#include <signal.h>
#include <testkit/lab.h>

#include <cstdlib>

#include "connector_ldap/testing/ldap_writing.h"

namespace linkspan::connector_ldap {
namespace {

/// One server for all tests of this program: it takes long to come up. Each test finds it empty.
class DirectoryServer final : public LdapServer {
 public:
  static bool available() {
    return std::system("PATH=$PATH:/usr/sbin; command -v ns-slapd >/dev/null && command -v ldapsearch >/dev/null") == 0;
  }

  DirectoryServer() { connect(); }

  std::string url() const override { return url_; }
  std::string base() const override { return "dc=quay,dc=example"; }
  std::string account() const override { return account_; }
  std::string password() const override { return password_; }
  testkit::LdapAdmin& admin() override { return *admin_; }
  void kill() override {
    ::kill(pid_, SIGKILL);
    killed_ = true;
  }
  std::string anchor_attribute() const override { return "nsUniqueId"; }
  bool groups_may_be_empty() const override { return true; }
  /// Each write goes to its log, its database and its changelog.
  std::pair<int, std::size_t> long_import() const override { return {250, 100'000}; }

  void begin() {
    if (killed_) {
      lab_.up();
      connect();
      killed_ = false;
    }
    admin_->remove_below(base(), {account_});
    for (const char* name : {"people", "groups"}) {
      admin_->add("ou=" + std::string(name) + "," + base(), {{"objectClass", {"organizationalUnit"}}});
    }
  }

 private:
  void connect() {
    url_ = lab_.says("LAB_389_URL");
    account_ = lab_.says("LAB_389_BIND_DN");
    password_ = lab_.file("LAB_389_PASSWORD_FILE");
    pid_ = std::stoi(lab_.says("LAB_389_PID"));
    admin_ = std::make_unique<testkit::LdapAdmin>(url_, lab_.says("LAB_389_ADMIN_DN"),
                                                  lab_.file("LAB_389_ADMIN_PASSWORD_FILE"));
  }

  testkit::Lab lab_{"lab/389ds.sh", "LAB_FAST=1 LAB_389_BASE=dc=quay,dc=example LAB_389_WRITES=1"};
  std::string url_, account_, password_;
  pid_t pid_ = -1;
  bool killed_ = false;
  std::unique_ptr<testkit::LdapAdmin> admin_;
};

std::shared_ptr<LdapServer> make_server() {
  static const std::shared_ptr<DirectoryServer> server =
      DirectoryServer::available() ? std::make_shared<DirectoryServer>() : nullptr;
  if (server) server->begin();
  return server;
}

connector::ContractBackend backend(const char* name, connector::Settings more = {}) {
  return {name, [more]() -> std::unique_ptr<connector::TestDirectory> {
            auto server = make_server();
            return server ? std::make_unique<LdapTestDirectory>(std::move(server), more) : nullptr;
          }};
}

}  // namespace
}  // namespace linkspan::connector_ldap

namespace linkspan::connector {

INSTANTIATE_TEST_SUITE_P(DirectoryServer, ConnectorContract,
                         ::testing::Values(connector_ldap::backend("sync"),
                                           connector_ldap::backend("containers", {{"containers",
                                                                                   {"ou=people,dc=quay,dc=example",
                                                                                    "ou=groups,dc=quay,dc=example"}}})),
                         backend_name);

}  // namespace linkspan::connector

namespace linkspan::connector_ldap {

INSTANTIATE_TEST_SUITE_P(DirectoryServer, LdapWriting, ::testing::Values(&make_server));

}  // namespace linkspan::connector_ldap
