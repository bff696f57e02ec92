#pragma once
// A strict little Active Directory in memory, for what Samba does otherwise than Windows: MaxPageSize and MaxValRange
// are kept to, DirSync comes in parts, the recycle bin keeps what it should, and an account that is not let in is told
// why in Windows' words. It takes nothing that Windows does not take; what of Windows it does not know it refuses with
// unwillingToPerform, so that a test notices. Each behaviour names its section of MS-ADTS (learn.microsoft.com,
// "Active Directory Technical Specification") where it is made.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "testkit/ldap_admin.h"
#include "testkit/windows_search.h"

namespace linkspan::testkit {

struct WindowsDirectoryOptions {
  /// DNS names; the first is the root of the forest. Each has one controller.
  std::vector<std::string> domains{"corp.quay.example"};
  bool recycle_bin = true;
  int wrong_passwords = 5;  ///< until an account is locked
  WindowsLimits limits{};
};

/// LDAP and LDAPS on loopback, as long as it lives; no Kerberos. All members may be called from any thread.
class WindowsDirectory {
 public:
  explicit WindowsDirectory(WindowsDirectoryOptions options = {});
  ~WindowsDirectory();
  WindowsDirectory(const WindowsDirectory&) = delete;
  WindowsDirectory& operator=(const WindowsDirectory&) = delete;

  // Of the domain with that number.
  [[nodiscard]] std::string url(std::size_t domain = 0) const;
  [[nodiscard]] std::string ldaps_url(std::size_t domain = 0) const;
  [[nodiscard]] int ldaps_port(std::size_t domain = 0) const;
  [[nodiscard]] std::string base(std::size_t domain = 0) const;
  [[nodiscard]] std::string domain(std::size_t domain = 0) const;
  [[nodiscard]] const std::string& ca_file() const;

  /// Of the forest's root domain; may do everything, everywhere.
  [[nodiscard]] std::string admin_name() const;
  [[nodiscard]] const std::string& admin_password() const;
  /// An administrator's own connection to the first domain, made when first asked for. Not thread-safe.
  [[nodiscard]] LdapAdmin& admin();

  /// Adds an enabled account with a password that never expires, below CN=Users; answers its DN. It reads, and no more.
  std::string add_account(const std::string& name, const std::string& password);
  /// Gives an account Replicating Directory Changes on all domains; or the sight of Deleted Objects.
  void let_replicate(const std::string& account);
  void let_see_deleted(const std::string& account);
  /// Its password is older than the domain's policy lets it be (maxPwdAge, 42 days).
  void let_password_expire(const std::string& account);

  /// Adds `count` people ("NAME 0", …) and a group NAME of all of them, in a container; much faster than over LDAP.
  void add_crowd(const std::string& name, const std::string& container, std::size_t count);
  /// Makes or ends one membership, likewise.
  void set_member(const std::string& group, const std::string& member, bool present);
  /// Time passes, and a deleted object in the recycle bin is recycled.
  void recycle(const std::string& guid_text);
  /// The controllers are restored from a backup: their invocation ids are others, and cookies say nothing any more.
  void restore();

  /// Called after each search that was carried out, before its answer is sent and without any lock.
  void after_search(std::function<void(const WindowsRequest&)> deed);
  /// Refuses DirSync with a cookie, as a controller does that cannot read it, after so many more answers.
  void refuse_cookies_after(std::size_t answers);

  /// Since it began.
  [[nodiscard]] std::size_t searches() const;
  [[nodiscard]] std::size_t dirsync_parts() const;
  [[nodiscard]] std::chrono::nanoseconds busy() const;  ///< spent on making answers

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::testkit
