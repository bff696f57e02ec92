#pragma once
// What Install does, as a list that is shown before it is carried out.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "setup/installation.h"

namespace linkspan::setup {

/// One step of Install. Doing it again changes nothing more: after a failure in the middle the whole plan is repeated.
struct Action {
  std::string id;    ///< "create_schema", "add_connector northquay": stable, for programs
  std::string text;  ///< "Create the schema in sqlite:///…": for people
  std::function<void(Installation&)> run;
  bool needs_lease = true;  ///< it writes to the database
};

enum class ActionState : unsigned char { begins, done };

struct Plan {
  ServerFile file;  ///< what the installation uses from the start of carry_out() on
  std::vector<Action> actions;
  std::vector<std::string> done;  ///< the last page, in lines: what is so now, and what to do next
  bool staging = false;           ///< the state after it

  /// Told before and after each action; what it throws ends the plan there.
  using Watcher = std::function<void(const Action& action, ActionState state)>;

  /// Carries all out, in order, under the database's lease. Throws what goes wrong first, and leaves what was done: the
  /// database is marked as unfinished until the last action, so the same plan may be made and carried out again.
  void carry_out(Installation& installation, const Watcher& watcher = {}) const;
};

/// Set in the database from the first action of a plan to its last.
inline constexpr std::string_view k_unfinished = "setup.unfinished";
/// Who set up or adopted the database last: host name, time (RFC 3339), mode.
inline constexpr std::string_view k_server = "setup.server";
inline constexpr std::string_view k_server_since = "setup.since";

}  // namespace linkspan::setup
