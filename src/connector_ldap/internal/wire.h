#pragma once
// The control values that libldap has no call for: RFC 4533 (content synchronization) and the RFC 2696 request.

#include <ldap.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linkspan::connector_ldap {

[[nodiscard]] std::string encode_page_request(int size, std::string_view cookie);

/// refreshOnly; no cookie = from the beginning.
[[nodiscard]] std::string encode_sync_request(std::string_view cookie);

struct SyncState {
  int state = LDAP_SYNC_PRESENT;  ///< LDAP_SYNC_PRESENT, _ADD, _MODIFY, _DELETE
  std::string uuid;               ///< as text, lower case
};

struct SyncDone {
  std::string cookie;
  bool refresh_deletes = false;
};

/// The parts of a syncInfoValue that matter to a refresh.
struct SyncInfo {
  std::string cookie;
  bool refresh_deletes = false;    ///< what `uuids` are: gone, or still there
  std::vector<std::string> uuids;  ///< as text
};

// Each nullopt when the bytes are not that.
[[nodiscard]] std::optional<SyncState> decode_sync_state(const berval& value);
[[nodiscard]] std::optional<SyncDone> decode_sync_done(const berval& value);
[[nodiscard]] std::optional<SyncInfo> decode_sync_info(const berval& value);

/// The control of that OID, or nullptr.
[[nodiscard]] const LDAPControl* find_control(LDAPControl** controls, const char* oid);

}  // namespace linkspan::connector_ldap
