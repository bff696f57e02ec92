#pragma once
// The settings that runs heed, by name, with what counts when they are absent.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "store/store.h"

namespace linkspan::run {

inline constexpr std::string_view k_staging = "staging";                ///< "on", "off"
inline constexpr std::string_view k_interval = "scheduler.interval";    ///< "30m"
inline constexpr std::string_view k_suspended = "scheduler.suspended";  ///< "on", "off"
inline constexpr std::string_view k_history = "history.keep";           ///< "7d"
inline constexpr std::string_view k_lease = "lease.lasts";              ///< "60s"
inline constexpr std::string_view k_backup_age = "backup.age";          ///< "7d", "off"
inline constexpr std::string_view k_full_synchronization =
    "full_synchronization_due";  ///< "on": the next cycle is full

/// How long deltas of a directory that does not tell what is gone may follow a full import: "4h", "never"; with
/// .CONNECTOR for one.
inline constexpr std::string_view k_full_after = "import.full_after";

/// "full_import_due.7": the next cycle imports connector 7 in full, whatever the cycle.
[[nodiscard]] std::string full_import_due(store::ConnectorId connector);
/// "import_completed.7": when an import of connector 7 last came to its proper end (RFC 3339). Absent: never.
[[nodiscard]] std::string import_completed(store::ConnectorId connector);

/// "full_import_completed.7": the same of a full one.
[[nodiscard]] std::string full_import_completed(store::ConnectorId connector);
/// The setting import.full_after of a connector; nullopt: never.
[[nodiscard]] std::optional<std::chrono::seconds> full_after(store::Configuration& configuration,
                                                             std::string_view connector);

/// "90s", "30m", "12h", "7d". Throws Fault::invalid "run.duration".
[[nodiscard]] std::chrono::seconds parse_duration(std::string_view text);

/// The setting, or `standard` when it is absent or cannot be read.
[[nodiscard]] std::chrono::seconds duration_setting(store::Configuration& configuration, std::string_view name,
                                                    std::chrono::seconds standard);
[[nodiscard]] bool is_on(store::Configuration& configuration, std::string_view name);

/// How long a server that is not heard of keeps the lease, and the lead: the setting lease.lasts.
[[nodiscard]] std::chrono::seconds lease_length(store::Store& store);

/// One setting; empty text removes it. Under the lease.
void put_setting(store::Configuration& configuration, std::string_view name, std::string_view value);

/// Whether `name` is one of the settings an administrator may set, and `value` fits. Throws Fault::invalid
/// "run.setting".
void check_setting(std::string_view name, std::string_view value);

}  // namespace linkspan::run
