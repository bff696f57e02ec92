#pragma once
// The primary group of an account, which no link holds: primaryGroupID is the last part of the group's SID, and the
// group's member does not have the account (MS-ADTS 3.1.1.4.5.18, MS-SAMR 3.1.1.8.2).

#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>

#include "connector_ldap/internal/session.h"
#include "model/entry.h"

namespace linkspan::connector_ldap {

inline constexpr const char* k_primary_group = "primaryGroup";  ///< the reference, beside the directory's own

/// Looks each group up once in an import. Not thread-safe.
class PrimaryGroups {
 public:
  /// Adds to an account its reference to the group; nothing to what is no account, or whose group is not to be seen.
  /// `session`: to a controller of the account's domain, which its primary group is of, too.
  void add(Session& session, model::Entry& entry, const std::stop_token& stop);

 private:
  std::unordered_map<std::string, std::string> known_;  ///< GUID by SID in bytes; empty: not to be seen
};

}  // namespace linkspan::connector_ldap
