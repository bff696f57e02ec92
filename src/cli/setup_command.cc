// setup: by questions at a terminal, or from an answers file.

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "cli/internal/accounts.h"
#include "cli/internal/nouns.h"
#include "cli/session.h"
#include "cli/setup_wizard.h"
#include "setup/answers.h"
#include "setup/step_machine.h"

namespace linkspan::cli {
namespace {

constexpr std::size_t k_longest_answers = std::size_t{1} << 20U;

class TerminalConsole final : public Console {
 public:
  explicit TerminalConsole(Output& output) : output_(output) {}
  void write(std::string_view text) override { output_.raw(text); }
  std::optional<std::string> line(std::string_view prompt) override {
    output_.raw(prompt);
    static_cast<void>(output_.finish());  // the question is seen before it is answered
    std::string text;
    if (!std::getline(std::cin, text)) return std::nullopt;
    return text;
  }
  vault::Secret secret(std::string_view prompt) override {
    static_cast<void>(output_.finish());
    try {
      return ask_secret(prompt);
    } catch (const Error& error) {
      if (error.id() != "cli.empty_secret") throw;
      return {};
    }
  }
  [[nodiscard]] bool colour() const override { return output_.colour(); }

 private:
  Output& output_;
};

std::optional<setup::Mode> mode_of(const Arguments& arguments) {
  std::optional<setup::Mode> mode;
  for (const auto one : {setup::Mode::express, setup::Mode::custom, setup::Mode::existing}) {
    if (!arguments.has(fmt::format("--{}", setup::name_of(one)))) continue;
    if (mode) {
      throw Error(Fault::invalid, "cli.usage",
                  "only one of --express, --custom and --use-existing-database may be given",
                  "See `linkspan setup --help`.");
    }
    mode = one;
  }
  return mode;
}

/// Whether this server is set up: then there is nothing to ask anew.
bool is_set_up(setup::Installation& installation) {
  if (!installation.file().present) return false;
  try {
    store::Configuration& configuration = installation.store().configuration();
    return !configuration.connectors().empty() && !configuration.setting(setup::k_unfinished);
  } catch (const Error&) {
    return false;  // whatever is wrong with the database, setup's own pages say it
  }
}

int show_tasks(Session& session) {
  static constexpr std::pair<std::string_view, std::string_view> k_tasks[] = {
      {"View the configuration", "linkspan config show"},
      {"Check everything", "linkspan doctor"},
      {"Change credentials", "linkspan connector credentials NAME"},
      {"Change containers and settings", "linkspan connector edit NAME"},
      {"Add a directory or a target", "linkspan connector add"},
      {"Rotate the keys", "linkspan key rotate"},
      {"Staging mode", "linkspan staging on|off|status"},
      {"Move the database", "linkspan database move --to URL"},
      {"Take another database over", "linkspan setup --use-existing-database URL"},
  };
  Table table({"This server is set up. Tasks", "Command"});
  Json json = Json::list();
  for (const auto& [task, command] : k_tasks) {
    table.add({std::string(task), std::string(command)});
    json.push(Json::object({{"task", task}, {"command", command}}));
  }
  if (session.json()) {
    session.out().print(Json::object({{"set_up", true}, {"tasks", std::move(json)}}));
  } else {
    session.out().print(table);
  }
  return exit_done;
}

void ask(Session& session, setup::StepMachine& machine, const setup::GivenChoices& given, bool& left) {
  if (given.accept_licence) static_cast<void>(machine.answer("welcome", {{"accept", {"true"}}}));
  if (given.mode) static_cast<void>(machine.answer("mode", {{"mode", {std::string(setup::name_of(*given.mode))}}}));
  if (!given.database_url.empty()) {
    if (const auto problems = machine.answer("database", {{"url", {given.database_url}}}); !problems.empty()) {
      throw setup::to_error(problems);
    }
  }
  TerminalConsole console(session.out());
  left = !run_wizard(machine, console);
}

void print_plan(Session& session, const setup::Plan& plan) {
  if (session.json()) {
    Json actions = Json::list();
    for (const auto& action : plan.actions) actions.push(Json::object({{"id", action.id}, {"text", action.text}}));
    session.out().print(Json::object({{"plan", std::move(actions)}, {"staging", plan.staging}}));
    return;
  }
  session.out().line("Install would:");
  std::size_t number = 0;
  for (const auto& action : plan.actions) session.out().line(fmt::format("{:3}. {}", ++number, action.text));
}

void install(Session& session, const setup::Plan& plan) {
  const bool colour = session.out().colour();
  plan.carry_out(session.installation(), [&](const setup::Action& action, setup::ActionState state) {
    if (session.stop().stop_requested()) {
      throw Error(Fault::cancelled, "setup.stopped", "setup was stopped in the middle",
                  "Run it again with the same answers: it goes on from there.");
    }
    if (session.json() || state != setup::ActionState::done) return;
    session.out().line(to_text({setup::Mark::good, action.text}, colour));
  });
  if (session.json()) {
    Json done = Json::list();
    for (const auto& action : plan.actions) done.push(Json(action.id));
    session.out().print(Json::object({{"installed", true}, {"staging", plan.staging}, {"done", std::move(done)}}));
    return;
  }
  session.out().line("");
  for (const std::string& line : plan.done) session.out().line(line);
}

int set_up(Session& session, const Arguments& arguments) {
  setup::GivenChoices given{.mode = mode_of(arguments),
                            .database_url = arguments.text("URL"),
                            .accept_licence = arguments.has("--accept-license")};
  if (!given.database_url.empty() && given.mode != setup::Mode::existing) {
    throw Error(Fault::invalid, "cli.usage", "a database URL goes with --use-existing-database only",
                "Elsewhere: --database URL, or [database] of the answers file.");
  }
  setup::StepMachine machine(session.installation());
  if (arguments.has("--plan")) machine.only_plan();
  machine.show_sign_ins([&](const connector::SignInPrompt& prompt) { show_sign_in(session.out(), prompt); },
                        session.stop());
  if (const auto answers = arguments.get("--answers")) {
    setup::answer_from_file(machine, session.installation(), setup::read_file(*answers, k_longest_answers), *answers,
                            given);
  } else {
    if (!given.mode && is_set_up(session.installation())) return show_tasks(session);
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) {
      throw Error(Fault::invalid, "cli.usage", "setup asks questions, and there is no terminal to ask at",
                  "Give the answers in a file: linkspan setup --answers FILE (docs/setup.md).");
    }
    bool left = false;
    ask(session, machine, given, left);
    if (left) {
      session.out().line("\nLeft. Nothing was changed on this server.");
      for (const std::string& made : machine.made_elsewhere()) {
        session.out().line(fmt::format("What stays: {}.", printable(made)));
      }
      return exit_failed;
    }
  }
  const setup::Plan plan = machine.plan();
  if (arguments.has("--plan")) {
    print_plan(session, plan);
    return exit_done;
  }
  install(session, plan);
  return exit_done;
}

}  // namespace

Commands setup_commands() {
  return {{"setup",
           "Set Linkspan up on this server, or let it take over an existing database",
           {{"URL", "Database to take over (with --use-existing-database)"},
            {"--express", "One directory, one target, embedded database, default rules"},
            {"--custom", "Every choice"},
            {"--use-existing-database", "Take over a database that another server has used"},
            {"--answers FILE", "Answers instead of questions (docs/setup.md)"},
            {"--accept-license", "Accept the licence and the privacy notice"},
            {"--plan", "Show what Install would do, and change nothing"}},
           set_up,
           false}};
}

}  // namespace linkspan::cli
