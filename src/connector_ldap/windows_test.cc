// The connector to Active Directory against what Windows does otherwise than Samba (tests/testkit/windows_directory.h).

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <testkit/relay.h>
#include <testkit/windows_directory.h>

#include "connector_ldap/internal/active_directory.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/testing/active_directory_changes.h"

namespace linkspan::connector_ldap {
namespace {

using testkit::WindowsDirectory;
using testkit::WindowsDirectoryOptions;

class WindowsDomain final : public Domain {
 public:
  explicit WindowsDomain(WindowsDirectoryOptions options = {}) : windows(std::move(options)) {}

  testkit::LdapAdmin& admin() override { return windows.admin(); }
  std::string base() const override { return windows.base(); }
  std::string dns_name() const override { return windows.domain(); }
  std::string ldaps_url() const override { return windows.ldaps_url(); }
  std::pair<std::string, int> address() const override { return {"127.0.0.1", windows.ldaps_port()}; }
  std::string ca_file() const override { return windows.ca_file(); }
  std::string admin_name() const override { return windows.admin_name(); }
  std::string admin_password() const override { return windows.admin_password(); }
  int large_group() const override { return 4000; }

  WindowsDirectory windows;
};

/// With the recycle bin, as most domains are, and with little in each part of an answer.
Domain* with_recycle_bin() {
  static WindowsDomain domain{[] {
    WindowsDirectoryOptions options;
    options.limits.part_objects = 3;
    options.limits.part_looks = 200;
    return options;
  }()};
  return &domain;
}

Domain* with_tombstones() {
  static WindowsDomain domain{[] {
    WindowsDirectoryOptions options;
    options.recycle_bin = false;
    return options;
  }()};
  return &domain;
}

INSTANTIATE_TEST_SUITE_P(Ways, ActiveDirectoryChanges,
                         ::testing::Values(ChangesOf{"dirsync", &with_recycle_bin, "dirsync"},
                                           ChangesOf{"dirsync_visible", &with_recycle_bin, "dirsync_visible"},
                                           ChangesOf{"usn", &with_recycle_bin, "usn", false},
                                           ChangesOf{"dirsync_tombstones", &with_tombstones, "dirsync"},
                                           ChangesOf{"usn_tombstones", &with_tombstones, "usn"}),
                         name_of_way);

}  // namespace
}  // namespace linkspan::connector_ldap

namespace linkspan::connector {

INSTANTIATE_TEST_SUITE_P(Windows, ConnectorContract,
                         ::testing::Values(ContractBackend{
                             "windows",
                             [] {
                               return std::make_unique<connector_ldap::ActiveDirectoryUnderTest>(
                                   *connector_ldap::with_recycle_bin(), Settings{});
                             }}),
                         backend_name);

}  // namespace linkspan::connector
