#pragma once
// The state moves from one database to another. At every moment exactly one of the two is in charge; which one is
// decided by one committed write in the old one. docs/design/0002-moving.md is the protocol and why it holds.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "transfer/place.h"

namespace linkspan::transfer {

struct MoveOptions {
  Job job{};
  std::string holder{};  ///< of the lease of the old database: who this is, for people; empty: "move"
  std::chrono::seconds lease_lasts{60};
  std::chrono::seconds lease_wait{0};   ///< how long to wait for somebody else's, once all has been copied beside him
  const Clock* clock = nullptr;         ///< the lease's, instead of the database's; for tests
  bool count_rows = false;              ///< look_over counts what there is to carry: reads an index of every table
  std::chrono::seconds interval{1800};  ///< of the scheduler: what the link to the target is held against
  bool resume = false;                  ///< only go on with an earlier attempt, begin none
  std::chrono::seconds patience{0};     ///< for a server that goes away in the middle: then once more from there
  BatchLimits batches{};
};

/// What was found out before anything was changed.
struct Preflight {
  std::string source;          ///< URL without secrets
  std::string source_product;  ///< "SQLite 3.40.1"; empty where it could not be reached
  std::string target;
  std::string target_product;
  std::string identity;
  std::uint64_t source_bytes = 0;
  std::string target_link;                 ///< "TLSv1.3", "in clear, on this machine", "in clear"; empty for a file
  std::string target_encoding;             ///< "UTF8, collation C.UTF-8"; empty for a file
  std::string at_work;                     ///< who holds the source's lease now: the move copies beside it
  std::chrono::microseconds round_trip{};  ///< of one small question to the target
  std::int64_t source_objects = 0;         ///< of all connector spaces
  std::uint64_t source_rows = 0;           ///< where options.count_rows asks for it
  bool interrupted = false;                ///< an earlier attempt left the target half filled; what is whole is kept
  bool handed_over = false;                ///< an earlier attempt came as far as the switch; only the finish is left
  std::vector<Error> problems;             ///< everything that keeps it from beginning
  std::vector<std::string> warnings;
};

/// Looks at both ends and changes nothing: reach, sign-in, TLS, version, encoding, rights, emptiness, room, clocks, how
/// far away the target is, and who is at work on either. Never throws for what it finds wrong: that is what `problems`
/// is for.
[[nodiscard]] Preflight look_over(const Place& source, const Place& target, const MoveOptions& options = {});

struct Moved {
  std::string target;  ///< URL without secrets: where the configuration file must point from now on
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t kept = 0;     ///< of these rows: were there, from an earlier attempt
  std::string interrupted{};  ///< what a first attempt ended with, after which it went on by itself; empty: nothing
  std::chrono::milliseconds copying{};
  std::chrono::milliseconds verifying{};
  std::chrono::milliseconds paused{};  ///< how long nobody else could write: the lease was held
};

/// Moves. The old server goes on meanwhile: everything is copied and read back beside it; then the lease is taken, what
/// was written since is carried, and the state handed over. Repeating the call after it was interrupted, wherever that
/// was, brings it to its end: before the switch it keeps what is there and still equal, batch by batch, and carries the
/// rest; after it only the finish is done. Afterwards the caller points this server at the target.
///
/// A server that goes away in the middle (a failover, a restart, a network that is mended) is waited for, as long as
/// options.patience says, and then that is done here, once.
///
/// Throws the one problem look_over finds, or "transfer.preflight" with all of them; "transfer.lease_held";
/// "transfer.lease_lost"; "transfer.no_move" (options.resume, and nothing to go on with); "transfer.mismatch";
/// "transfer.source_changed"; "transfer.superseded". Whatever it throws before the switch, the source is in charge and
/// the target refuses to run.
Moved move(const Place& source, const Place& target, const MoveOptions& options = {});

/// The source stays in charge for good: forgets the attempt there and, where it can be reached, empties the target.
/// Throws "transfer.handed_over" when the switch has been made: then the only way is forward.
void abandon_move(const Place& source, const Place& target, const MoveOptions& options = {});

/// For whoever finds that the database `here` refuses to run: where a move into it or out of it was handed over and not
/// finished, asks the other side, finishes it and returns true. Otherwise changes nothing. The mover, a repeated move
/// and any number of these may be at it at once. `other` overrides the URL the marker names, which holds no password.
///
/// Throws what opening the other side throws: then nobody has learned anything, and `here` goes on refusing.
bool settle(const Place& here, const Place& other = {});

}  // namespace linkspan::transfer
