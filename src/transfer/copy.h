#pragma once
// A copy of the state in one file, and back from the file into a database.

#include <string>

#include "transfer/manifest.h"
#include "transfer/place.h"

namespace linkspan::transfer {

/// Writes a consistent copy of the database into the new file `file` (SQLite, mode 0600, sealed, with its manifest),
/// also while a service works on it. The copy is in charge of nothing: it has to be attached.
///
/// Throws "transfer.exists" where the file is there already, "transfer.not_in_charge" for a database that was moved or
/// is not finished, "transfer.empty_source", "transfer.older_schema", and what opening a database throws. Nothing is
/// left of a copy that fails; one that is killed leaves FILE.part-XXXXXX.
Manifest copy_database(const Place& source, const std::string& file, const Job& job = {});

struct AttachOptions {
  Job job{};
  bool restart = false;  ///< Begin again in a database that an unfinished attach or move left half filled.
};

/// Fills the empty database `target` with the copy in `file` and checks every table by reading it back. No key set is
/// needed. What comes up there is in staging mode, whatever was stored.
///
/// Throws what load_manifest throws, "transfer.not_empty", "transfer.unfinished", "transfer.busy",
/// "transfer.other_schema", "transfer.mismatch". Whenever it does not come to its end the target refuses to run.
Manifest attach(const std::string& file, const Place& target, const AttachOptions& options = {});

}  // namespace linkspan::transfer
