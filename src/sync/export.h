#pragma once
// Export: sends a change set in order, records what became of each part, and leaves confirmation to the next import.

#include <functional>
#include <optional>

#include "connector/connector.h"
#include "sync/change_set.h"
#include "sync/guard.h"

namespace linkspan::sync {

struct ExportRequest {
  /// Send exactly the change set with this fingerprint, guard or no guard, and without waiting for the retry times of
  /// what failed before.
  std::optional<std::string> approved;
  /// When the target was last read. What is added later than a few minutes after that is looked for first; empty = all.
  std::optional<Time> read_at{};
  /// The rest of an export that was interrupted: judged or approved when it began, under a lease held ever since.
  bool resumed = false;
};

struct ExportResult {
  Counters counters;  ///< added, adopted, updated, renamed, deleted, references_sent, failed, withheld, quarantined
  bool blocked = false;
  Verdict verdict;
  ChangeSet change_set;  ///< as it was when the step began
};

/// Exports one connector. Refuses in staging mode (Fault::denied "export.staging"), when `approved` is not the
/// fingerprint of what is pending now (Fault::conflict "export.not_as_approved"), and sends nothing at all when the
/// guard trips (`blocked`). Before each chunk it looks again, in the database, at staging mode and at its lease; and
/// with each answer at context.in_charge(): when that says no, nothing more goes out than was under way, what was
/// answered is recorded, and it throws Fault::unavailable "sync.lease_unconfirmed".
/// An add whose answer is not known is looked up by its source anchor before it is tried again, also after a crash.
/// What fails stays pending with its error and its time to be tried again; the others go on.
[[nodiscard]] ExportResult export_connector(const Context& context, const ConnectorInfo& info,
                                            connector::Connector& directory, const ExportRequest& request);

/// Whether the staging switch is on, as the database has it now.
[[nodiscard]] bool staging(store::Store& store);

}  // namespace linkspan::sync
