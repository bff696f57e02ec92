#pragma once
// The control values that libldap has no call for: RFC 4533 (content synchronization), the RFC 2696 request, DirSync.

#include <ldap.h>

#include <cstdint>
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

/// DirSync (MS-ADTS 3.1.1.3.4.1.3).
[[nodiscard]] std::string encode_dirsync_request(std::uint32_t flags, int most_bytes, std::string_view cookie);

struct DirSyncDone {
  bool more = false;
  std::string cookie;
};
[[nodiscard]] std::optional<DirSyncDone> decode_dirsync_done(const berval& value);

/// The control of that OID, or nullptr.
[[nodiscard]] const LDAPControl* find_control(LDAPControl** controls, const char* oid);

}  // namespace linkspan::connector_ldap
