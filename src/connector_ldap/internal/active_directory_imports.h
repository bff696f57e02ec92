#pragma once
// Full and delta import from Active Directory.

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "connector/connector.h"
#include "connector_ldap/internal/active_directory.h"

namespace linkspan::connector_ldap {

/// Where a partition's next delta begins.
struct PartitionMark {
  std::string partition;  ///< GUID of its root
  Changes changes = Changes::dirsync;
  std::string cookie{};         ///< of DirSync
  std::string invocation_id{};  ///< of the controller whose USN it is; others count for themselves
  std::int64_t usn = 0;
  friend bool operator==(const PartitionMark&, const PartitionMark&) = default;
};

[[nodiscard]] std::string make_marks(const std::vector<PartitionMark>& marks, std::string_view fingerprint);

/// Throws Fault::invalid "connector.watermark_refused" when the text is none of ours, damaged, or was made with other
/// settings.
[[nodiscard]] std::vector<PartitionMark> read_marks(std::string_view watermark, std::string_view fingerprint);

/// The way to ask for changes that the settings want, else the best one that the account may use, and where a delta of
/// now would begin. Logs which it is. Throws Fault::denied "ldap.replication_right" when the one that the settings name
/// may not be used.
[[nodiscard]] PartitionMark begin_series(Partition& partition, const LdapSettings& settings, Logger& logger,
                                         const std::stop_token& stop);

/// Whether the account sees deleted objects of the partition, without which removals are told by full imports only.
[[nodiscard]] bool sees_deletions(Partition& partition, const std::stop_token& stop = {});

/// Whether a delta by that way tells of deletions.
[[nodiscard]] bool tells_deletions(Partition& partition, Changes changes, const std::stop_token& stop = {});

/// The invocation id of the partition's controller (MS-ADTS 3.1.1.1.9); empty when it is not to be seen.
[[nodiscard]] std::string invocation_id(Partition& partition, const std::stop_token& stop = {});

/// "DirSync", … for people.
[[nodiscard]] std::string_view describe(Changes changes);

[[nodiscard]] std::unique_ptr<connector::Import> active_directory_full_import(Forest forest,
                                                                              const LdapSettings& settings,
                                                                              Logger& logger, std::stop_token stop);

/// Throws Fault::invalid "connector.watermark_refused" (also later, from next()).
[[nodiscard]] std::unique_ptr<connector::Import> active_directory_delta_import(Forest forest,
                                                                               const LdapSettings& settings,
                                                                               Logger& logger, std::stop_token stop,
                                                                               connector::ImportRequest request);

}  // namespace linkspan::connector_ldap
