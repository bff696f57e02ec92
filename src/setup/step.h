#pragma once
// The pages of setup as plain data: what a terminal, an answers file and the console all show and fill in. Nothing here
// prints, and no value of a secret is ever in it.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "connector/connector.h"

namespace linkspan::setup {

enum class Mode : unsigned char {
  express,   ///< one directory, one target, embedded database, default rules
  custom,    ///< every page
  existing,  ///< a database that another server has used, attached, moved or copied
};

/// "express", "custom", "use-existing-database".
[[nodiscard]] std::string_view name_of(Mode mode) noexcept;

enum class FieldKind : unsigned char { text, secret, choice, flag, list };

/// "text", "secret", "choice", "flag", "list".
[[nodiscard]] std::string_view name_of(FieldKind kind) noexcept;

struct Choice {
  std::string value;
  std::string label;
};

/// One thing that is asked.
struct Field {
  std::string id;
  std::string label;
  FieldKind kind = FieldKind::text;
  std::string help{};
  bool required = false;
  std::string standard{};             ///< what counts when it is left empty
  std::vector<Choice> choices{};      ///< of a choice
  std::vector<std::string> values{};  ///< as it stands; always empty for a secret
  bool given = false;                 ///< of a secret: whether one was entered
};

enum class Mark : unsigned char { good, bad, note };

/// What a try of the real thing has shown.
struct Finding {
  Mark mark = Mark::note;
  std::string text;
  std::string hint{};
};

/// One of several on a page: a directory, a target.
struct Item {
  std::string name;
  std::string kind;
  bool good = false;   ///< it was tried and works: the green tick
  bool fixed = false;  ///< found in the database: it can be changed, not removed
  std::vector<Field> fields{};
  std::vector<Finding> findings{};
};

struct Step {
  std::string id;
  std::string title;
  std::string intro;
  std::vector<Field> fields{};
  std::vector<Item> items{};
  std::vector<Choice> item_kinds{};  ///< kinds that may be added; empty: none may
  std::vector<Finding> findings{};   ///< of the page as a whole
};

enum class StepState : unsigned char {
  ahead,    ///< not reached yet
  current,  ///< the first that is not passed
  passed,   ///< checked, and all was well
};

/// A row of the rail.
struct StepOutline {
  std::string id;
  std::string title;
  StepState state = StepState::ahead;
};

/// What is wrong with an answer. `id` is a catalogue id.
struct Problem {
  std::string step;
  std::string item;   ///< empty: the page itself
  std::string field;  ///< empty: the page or item as a whole
  Fault fault = Fault::invalid;
  std::string id;
  std::string message;
  std::string hint{};
};
using Problems = std::vector<Problem>;

/// Field id -> values. Secrets apart.
using Values = connector::Settings;

}  // namespace linkspan::setup
