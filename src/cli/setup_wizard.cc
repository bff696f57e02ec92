#include "cli/setup_wizard.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::cli {
namespace {

using setup::Field;
using setup::FieldKind;
using setup::Item;
using setup::Problem;
using setup::Problems;
using setup::Step;
using setup::Values;

enum class Move : unsigned char { next, again, back, leave };

/// Thrown by a prompt when the person goes somewhere else.
struct Away {
  Move move;
};

std::string join(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : "; ") + printable(value);
  return text;
}

/// Asked at once; everything else is behind "more settings".
bool is_common(const Field& field) {
  return field.required || field.kind == FieldKind::secret || field.id == "bind_dn" || field.id == "ca_file";
}

bool is_scope(const Field& field) {
  return field.id == "containers" || field.id == "exclude_containers" || field.id == "object_types" ||
         field.id == "attributes";
}

class Wizard {
 public:
  Wizard(setup::StepMachine& machine, Console& console) : machine_(machine), console_(console) {}

  bool run() {
    std::size_t at = 0;
    for (;;) {
      const auto rail = machine_.rail();
      if (at >= rail.size()) return true;
      Move move = Move::leave;
      try {
        move = page(rail[at].id, at + 1, rail.size());
      } catch (const Away& away) {
        move = away.move;
      }
      if (move == Move::leave) return false;
      if (move == Move::next) ++at;
      if (move == Move::back && at > 0) --at;
    }
  }

 private:
  void say(std::string_view text) { console_.write(fmt::format("{}\n", text)); }

  std::string ask(std::string_view prompt) {
    const auto line = console_.line(fmt::format("{} ", prompt));
    if (!line) throw Away{Move::leave};
    std::string text(trim(*line));
    if (text == "exit" || text == "quit") throw Away{Move::leave};
    if (text == "back") throw Away{Move::back};
    return text;
  }

  bool ask_yes(std::string_view question, bool standard) {
    for (;;) {
      const std::string text = ask(fmt::format("{} [{}]", question, standard ? "Y/n" : "y/N"));
      if (text.empty()) return standard;
      if (equal_ascii_case(text, "y") || equal_ascii_case(text, "yes")) return true;
      if (equal_ascii_case(text, "n") || equal_ascii_case(text, "no")) return false;
    }
  }

  void show(const std::vector<setup::Finding>& findings) {
    for (const auto& finding : findings) say(to_text(finding, console_.colour()));
  }

  void show(const Problems& problems) {
    for (const Problem& one : problems) {
      say(to_text({setup::Mark::bad, printable(one.message, 2000), one.hint}, console_.colour()));
    }
  }

  Move page(const std::string& id, std::size_t number, std::size_t count) {
    const Step step = machine_.step(id);
    say(fmt::format("\n{}{} ({} of {}){}", console_.colour() ? "\x1b[1m" : "", step.title, number, count,
                    console_.colour() ? "\x1b[0m" : ""));
    if (number == 1)
      say("At every question: \"back\" for the page before, \"exit\" to leave; nothing is changed then.");
    if (!step.intro.empty()) say(step.intro);
    if (id == "review") return review(step);
    if (id == "directories" || id == "target" || id == "containers") return items(id);
    return fields(step);
  }

  Move review(const Step& step) {
    Problems problems = machine_.check(step.id);
    show(step.findings);
    if (!problems.empty()) {
      show(problems);
      static_cast<void>(ask("back or exit?"));
      return Move::back;
    }
    return ask_yes("Install?", false) ? Move::next : Move::leave;
  }

  Move fields(const Step& step) {
    Values values;
    for (const Field& field : step.fields) ask_field(field, values);
    Problems problems = machine_.answer(step.id, values);
    if (problems.empty()) problems = machine_.check(step.id);
    show(problems);
    if (!problems.empty()) return Move::again;
    // The review shows its own.
    show(machine_.step(step.id).findings);
    return Move::next;
  }

  void ask_field(const Field& field, Values& values) {
    if (!field.help.empty()) say(fmt::format("  ({})", field.help));
    switch (field.kind) {
      case FieldKind::flag: {
        const bool now = !field.values.empty() && field.values.front() == "true";
        values[field.id] = {ask_yes(field.label, now) ? "true" : "false"};
        return;
      }
      case FieldKind::choice:
        values[field.id] = {ask_choice(field)};
        return;
      case FieldKind::list:
        ask_list(field, values);
        return;
      default:
        break;
    }
    const std::string now = field.values.empty() ? field.standard : field.values.front();
    const std::string text =
        ask(now.empty() ? field.label + ":" : fmt::format("{} [{}]:", field.label, printable(now)));
    // Empty keeps what is there; a dash goes back to the standard.
    if (text == "-") values[field.id] = {};
    if (!text.empty() && text != "-") values[field.id] = {text};
  }

  std::string ask_choice(const Field& field) {
    std::size_t number = 0;
    for (const setup::Choice& choice : field.choices) say(fmt::format("  {}. {}", ++number, choice.label));
    const std::string& now = field.values.empty() ? field.standard : field.values.front();
    for (;;) {
      const std::string text = ask(now.empty() ? field.label + ":" : fmt::format("{} [{}]:", field.label, now));
      if (text.empty() && !now.empty()) return now;
      if (const auto chosen = to_integer(text);
          chosen && *chosen >= 1 && static_cast<std::size_t>(*chosen) <= field.choices.size()) {
        return field.choices[static_cast<std::size_t>(*chosen) - 1].value;
      }
      for (const setup::Choice& choice : field.choices) {
        if (choice.value == text) return text;
      }
    }
  }

  void ask_list(const Field& field, Values& values) {
    const std::string now = field.values.empty() ? field.standard : join(field.values);
    say(fmt::format("{} [{}], one a line, an empty line ends, - for the standard:", field.label, now));
    std::vector<std::string> given;
    for (;;) {
      std::string text = ask(" ");
      if (text == "-") {
        values[field.id] = {};
        return;
      }
      if (text.empty()) break;
      given.push_back(std::move(text));
    }
    if (!given.empty()) values[field.id] = std::move(given);
  }

  void show_items(const Step& step) {
    for (const Item& item : step.items) {
      const auto mark = item.good ? setup::Mark::good : setup::Mark::bad;
      say(to_text({mark, fmt::format("{} ({})", item.name, item.kind)}, console_.colour()));
      for (const auto& finding : item.findings) say("  " + to_text(finding, console_.colour()));
    }
  }

  Move items(const std::string& id) {
    if (machine_.step(id).items.empty() && !machine_.step(id).item_kinds.empty()) add_item(id);
    for (;;) {
      const Problems problems = machine_.check(id);
      const Step step = machine_.step(id);
      show_items(step);
      // What an item's own lines do not say already.
      for (const Problem& one : problems) {
        if (one.item.empty() || !one.field.empty()) show(Problems{one});
      }
      std::string menu = problems.empty() ? "next, " : "";
      if (!step.item_kinds.empty()) menu += "add, ";
      if (!step.items.empty()) menu += "change";
      if (!step.item_kinds.empty() && !step.items.empty()) menu += ", remove";
      const std::string text = ask(fmt::format("{}, try, back or exit{}:", menu, problems.empty() ? " [next]" : ""));
      if (problems.empty() && (text.empty() || text == "next" || text == "n")) return Move::next;
      if (text == "add" && !step.item_kinds.empty()) add_item(id);
      if (text.starts_with("change") && !step.items.empty()) change_item(id, step, pick(step, text));
      if (text.starts_with("remove") && !step.item_kinds.empty() && !step.items.empty()) {
        machine_.remove_item(id, pick(step, text).name);
      }
    }
  }

  /// The item named after the word, or the only one, or the one asked for.
  const Item& pick(const Step& step, std::string_view text) {
    const std::size_t blank = text.find(' ');
    std::string name(blank == std::string_view::npos ? "" : trim(text.substr(blank)));
    if (step.items.size() == 1) return step.items.front();
    for (;;) {
      for (const Item& item : step.items) {
        if (item.name == name) return item;
      }
      name = ask("Which one?");
    }
  }

  void add_item(const std::string& id) {
    const Step step = machine_.step(id);
    Field kinds{.id = "kind", .label = "Kind", .kind = FieldKind::choice, .choices = step.item_kinds};
    for (setup::Choice& choice : kinds.choices) choice.label = fmt::format("{}: {}", choice.value, choice.label);
    if (kinds.choices.size() == 1) kinds.standard = kinds.choices.front().value;
    const std::string kind = ask_choice(kinds);
    std::string name;
    while (name.empty()) name = ask("Name for it:");
    ask_item(id, name, kind, machine_.new_item(id, kind), false);
  }

  void change_item(const std::string& id, const Step&, const Item& item) {
    ask_item(id, item.name, item.kind, item.fields, item.fixed);
  }

  /// Of what the database holds, the credentials are asked first and the settings only if wanted.
  void ask_item(const std::string& id, const std::string& name, const std::string& kind, const std::vector<Field>& all,
                bool fixed) {
    Values values;
    connector::Secrets secrets;
    std::vector<const Field*> more;
    for (const Field& field : all) {
      if (field.kind == FieldKind::secret) continue;
      const bool here = id == "containers" || (is_common(field) && !fixed);
      if (here) ask_field(field, values);
      if (!here && (machine_.mode() != setup::Mode::custom || !is_scope(field))) more.push_back(&field);
    }
    for (const Field& field : all) {
      if (field.kind != FieldKind::secret) continue;
      if (!field.help.empty()) say(fmt::format("  ({})", field.help));
      vault::Secret entered = console_.secret(fmt::format("{}{}", field.label, field.given ? " [as entered]" : ""));
      if (!entered.empty()) secrets.insert_or_assign(field.id, std::move(entered));
    }
    if (!more.empty() && ask_yes("More settings?", false)) {
      for (const Field* field : more) ask_field(*field, values);
    }
    show(machine_.answer_item(id, name, kind, values, std::move(secrets)));
  }

  setup::StepMachine& machine_;
  Console& console_;
};

}  // namespace

std::string to_text(const setup::Finding& finding, bool colour) {
  std::string_view mark = "·";
  std::string_view paint;
  if (finding.mark == setup::Mark::good) {
    mark = "✓";
    paint = "\x1b[32m";
  } else if (finding.mark == setup::Mark::bad) {
    mark = "✗";
    paint = "\x1b[31m";
  }
  const bool painted = colour && !paint.empty();
  std::string text = fmt::format("{}{}{} {}", painted ? paint : "", mark, painted ? "\x1b[0m" : "", finding.text);
  if (!finding.hint.empty()) text += fmt::format("\n    {}", finding.hint);
  return text;
}

bool run_wizard(setup::StepMachine& machine, Console& console) { return Wizard(machine, console).run(); }

}  // namespace linkspan::cli
