#pragma once
// One connection to an LDAP server: opened, encrypted, bound. All libldap calls that talk go through here, so that
// every failure is mapped once and no wait is without end.

#include <ldap.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "connector_ldap/internal/settings.h"
#include "vault/secret.h"

namespace linkspan::connector_ldap {

struct MessageDeleter {
  void operator()(LDAPMessage* message) const noexcept { ldap_msgfree(message); }
};
using Message = std::unique_ptr<LDAPMessage, MessageDeleter>;

struct ControlsDeleter {
  void operator()(LDAPControl** controls) const noexcept { ldap_controls_free(controls); }
};
using Controls = std::unique_ptr<LDAPControl*, ControlsDeleter>;

/// What a search asks.
struct Search {
  std::string base;
  int scope = LDAP_SCOPE_SUBTREE;
  std::string filter = "(objectClass=*)";
  std::vector<std::string> attributes;
  int size_limit = 0;  ///< 0 = the server's
};

/// What a searchResultDone says.
struct Done {
  int code = LDAP_SUCCESS;
  std::string diagnostic;
  Controls controls;  ///< may be null
};

/// An own control of a request.
struct RequestControl {
  std::string oid;
  std::string value;
  bool critical = true;
};

/// Controls in the form that libldap takes; borrows what they are made of.
class ControlList {
 public:
  explicit ControlList(const std::vector<RequestControl>& controls);
  explicit ControlList(std::vector<RequestControl>&&) = delete;
  ControlList(const ControlList&) = delete;
  ControlList& operator=(const ControlList&) = delete;
  [[nodiscard]] LDAPControl** get() { return pointers_.data(); }

 private:
  std::vector<LDAPControl> held_;
  std::vector<LDAPControl*> pointers_;
};

/// Maps a result code to the error it stands for. `where` names the server, `what` the deed ("reading ou=x").
[[nodiscard]] Error result_error(int code, std::string_view diagnostic, std::string_view where, std::string_view what);

/// Not thread-safe.
class Session {
 public:
  /// Tries the settings' servers in order; what each answered is in the error when none is left.
  Session(const LdapSettings& settings, const vault::Secret& password, Logger& logger,
          const std::stop_token& stop = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Sends a search, and returns its id.
  [[nodiscard]] int send(const Search& search, const std::vector<RequestControl>& controls = {});

  /// The next message of `id`. Throws Fault::unavailable when the connection breaks or nothing comes within the
  /// timeout, Fault::cancelled "ldap.stopped" when `stop` is requested meanwhile.
  [[nodiscard]] Message next(int id, const std::stop_token& stop = {});

  [[nodiscard]] Done parse_done(LDAPMessage* message);

  /// Reads all at once: for small results. A size limit that is reached is no error when `search` set it.
  [[nodiscard]] std::vector<Message> read(const Search& search, const std::stop_token& stop = {},
                                          const std::vector<RequestControl>& controls = {});

  void abandon(int id) noexcept;

  [[nodiscard]] LDAP* handle() const noexcept { return handle_; }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }
  /// "TLSv1.3" and the like; empty = not encrypted.
  [[nodiscard]] std::string tls_version() const;

 private:
  void open(const ServerUrl& url, const vault::Secret& password, const std::stop_token& stop);
  void set_options(const ServerUrl& url);
  void read_ahead();
  void set_tls_options();
  void encrypt(const ServerUrl& url);
  void bind(const ServerUrl& url, const vault::Secret& password, const std::stop_token& stop);
  void bind_simply(const ServerUrl& url, const vault::Secret& password, const std::stop_token& stop);
  void bind_by_kerberos(const ServerUrl& url, const vault::Secret& password);
  [[nodiscard]] Error connect_error(int code, std::string_view what, const ServerUrl& url);
  void close() noexcept;

  const LdapSettings settings_;
  Logger& logger_;
  LDAP* handle_ = nullptr;
  std::string where_;
  bool encrypted_ = false;
};

/// The name of a search entry, as it came.
[[nodiscard]] std::string dn_of(LDAP* handle, LDAPMessage* entry);

/// The values of `attribute` in a search entry, as bytes.
[[nodiscard]] std::vector<std::string> values_of(LDAP* handle, LDAPMessage* entry, const char* attribute);

}  // namespace linkspan::connector_ldap
