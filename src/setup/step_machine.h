#pragma once
// Setup as one machine of steps, whatever face asks the questions. Nothing is changed before the plan is carried out:
// answers are kept in memory, and tried against the real database and the real directories, reading only.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "setup/discover.h"
#include "setup/installation.h"
#include "setup/plan.h"
#include "setup/step.h"

namespace linkspan::setup {

struct Draft;

/// The steps depend on the mode (and the mode on an answer): ask rail() again after every answer. One thread at a time.
class StepMachine {
 public:
  /// Finds the directory of this machine's domain, as URLs; asked once, and in express mode only.
  using Discover = std::function<std::vector<std::string>()>;

  /// Standards come from the installation's own file; it outlives the machine.
  explicit StepMachine(Installation& installation, Discover discover = find_directories);
  ~StepMachine();
  StepMachine(const StepMachine&) = delete;
  StepMachine& operator=(const StepMachine&) = delete;

  [[nodiscard]] Mode mode() const;

  /// Nothing is to be changed anywhere: an account or a registration that is to be made is refused with
  /// "setup.only_plan".
  void only_plan();
  /// Who shows what an administrator is to do in a browser, while check() waits for it, at most until `stop`. Without
  /// one, a registration is refused.
  void show_sign_ins(std::function<void(const connector::SignInPrompt&)> show, std::stop_token stop);
  /// What was made in directories so far, or made anew, and leaving does not take back: "the account …".
  [[nodiscard]] const std::vector<std::string>& made_elsewhere() const;

  /// The steps in order. "welcome", "mode", "database", "directories", "containers", "identify", "target", "rules",
  /// "options", "review"; Install and Done are the plan's.
  [[nodiscard]] std::vector<StepOutline> rail() const;

  /// The page with its fields and what was answered and found so far. Throws Fault::not_found "setup.no_step".
  [[nodiscard]] Step step(std::string_view id) const;

  /// The fields of an item of `kind` that is not there yet: for asking before it is added.
  [[nodiscard]] std::vector<Field> new_item(std::string_view id, std::string_view kind) const;

  /// Takes answers; what is wrong with them comes back, and those are not taken. A field without values goes back to
  /// its standard. The step (and what depends on it) counts as not passed until it is checked again.
  [[nodiscard]] Problems answer(std::string_view id, const Values& values);

  /// Adds an item or changes the one of that name. Secrets given replace; others stay.
  [[nodiscard]] Problems answer_item(std::string_view id, std::string_view name, std::string_view kind,
                                     const Values& values, connector::Secrets secrets);

  /// Throws Fault::not_found "setup.no_item", and Fault::conflict "setup.item_fixed" for one of an adopted database.
  void remove_item(std::string_view id, std::string_view name);

  /// Tries the step against the real thing. Empty: the step is passed. Findings, good and bad, are in step().
  [[nodiscard]] Problems check(std::string_view id);

  /// Whether the step asks directories of which one does not work yet: that would be complained of twice.
  [[nodiscard]] bool waits(std::string_view id) const;

  /// Every step in order, but for those that wait; all that is wrong at once.
  [[nodiscard]] Problems check_all();

  /// What Install does. Every step was passed, else Fault::conflict "setup.not_ready". The machine keeps the answers,
  /// so that a plan that failed can be made again.
  [[nodiscard]] Plan plan() const;

 private:
  void forget_from(std::string_view id);
  [[nodiscard]] const std::vector<std::string>& own_directory() const;

  Installation& installation_;
  Discover discover_;
  std::unique_ptr<Draft> draft_;
};

}  // namespace linkspan::setup
