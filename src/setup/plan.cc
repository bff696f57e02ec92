#include "setup/plan.h"

#include <memory>

#include "base/error.h"
#include "run/lease.h"

namespace linkspan::setup {

void Plan::carry_out(Installation& installation, const Watcher& watcher) const {
  installation.use(file);
  std::unique_ptr<run::HeldLease> lease;
  for (const Action& action : actions) {
    if (watcher) watcher(action, ActionState::begins);
    try {
      // Held to the end: nobody synchronizes what is half set up.
      if (action.needs_lease && lease == nullptr) {
        lease = std::make_unique<run::HeldLease>(installation.store(), installation.logger());
      }
      action.run(installation);
    } catch (Error& error) {
      throw std::move(error).while_doing("install: " + action.text);
    }
    if (watcher) watcher(action, ActionState::done);
  }
}

}  // namespace linkspan::setup
