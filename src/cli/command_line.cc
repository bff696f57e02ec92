#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <deque>

#include "base/text.h"
#include "cli/internal/nouns.h"

namespace linkspan::cli {
namespace {

/// Where the parser puts what it finds.
struct Slot {
  std::string key;
  bool is_flag = false;
  bool flag = false;
  std::vector<std::string> values;
};

struct Bound {
  const Command* command = nullptr;
  CLI::App* app = nullptr;
  std::deque<Slot> slots;  // addresses stay
};

CLI::App& descend(CLI::App& root, std::string_view path) {
  CLI::App* at = &root;
  for (const std::string_view word : split(path, ' ')) {
    const auto known = at->get_subcommands([&](const CLI::App* one) { return one->get_name() == word; });
    CLI::App* next = known.empty() ? nullptr : known.front();
    if (next == nullptr) {
      next = at->add_subcommand(std::string(word));
      next->fallthrough();
    }
    at = next;
  }
  return *at;
}

void bind(CLI::App& app, const Argument& argument, Slot& slot) {
  CLI::Option* option = nullptr;
  if (!argument.name.starts_with("--")) {
    slot.key = argument.name;
    option =
        app.add_option(argument.name, slot.values, argument.help)->option_text(argument.required ? "" : "[optional]");
  } else if (const std::size_t blank = argument.name.find(' '); blank != std::string::npos) {
    slot.key = argument.name.substr(0, blank);
    option = app.add_option(slot.key, slot.values, argument.help)->type_name(argument.name.substr(blank + 1));
  } else {
    slot.key = argument.name;
    slot.is_flag = true;
    app.add_flag(slot.key, slot.flag, argument.help);
    return;
  }
  if (argument.required) option->required();
  // Options take one value each time they are given; only a positional takes a row of them.
  option->expected(1);
  // "[mail]" is an expression, not the parser's own notation of a list.
  option->allow_extra_args(false);
  if (argument.many) {
    option->take_all();
  } else {
    option->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }
  if (!argument.choices.empty()) option->check(CLI::IsMember(argument.choices));
}

Arguments gather(const Bound& bound) {
  Arguments out;
  for (const Slot& slot : bound.slots) {
    if (slot.is_flag && slot.flag) out.put(slot.key, {});
    if (!slot.is_flag && !slot.values.empty()) out.put(slot.key, slot.values);
  }
  return out;
}

void add_globals(CLI::App& app, GlobalOptions& options, const std::string& version) {
  app.set_version_flag("--version", "linkspan " + version);
  app.add_option("--config", options.config, "Configuration file (standard: /etc/linkspan/linkspan.toml)")
      ->type_name("FILE");
  app.add_option("--state-dir", options.state_dir, "State directory (standard: /var/lib/linkspan)")->type_name("DIR");
  app.add_option("--database", options.database, "Database URL, instead of the configuration file's")->type_name("URL");
  app.add_option("--log-level", options.log_level, "What to log: debug, info, warning, error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  app.add_flag("--json", options.json, "Print JSON; errors too, on standard error");
}

int call(const Bound& bound, GlobalOptions options, const Host& host) {
  Output output(options.json);
  options.service = bound.command->path == "serve";
  options.config_needed = bound.command->needs_config;
  int status = exit_failed;
  try {
    const auto installation = host.make_installation(options);
    Session session(*installation, output, host.stop);
    status = bound.command->run(session, gather(bound));
    session.progress().clear();
  } catch (const Error& error) {
    output.error(error);
    return exit_status(error);
  } catch (const std::exception& problem) {
    output.error(
        Error(Fault::corrupt, "cli.unexpected", problem.what(), "This is a defect of Linkspan: please report it."));
    return exit_failed;
  }
  if (!output.finish() && status == exit_done) return exit_failed;
  return status;
}

int usage_error(const CLI::App& root, const CLI::ParseError& problem, bool json) {
  if (problem.get_exit_code() == 0) return root.exit(problem) == 0 ? exit_done : exit_failed;  // --help, --version
  const CLI::App* at = &root;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  std::string name = at->get_name();
  for (const CLI::App* up = at->get_parent(); up != nullptr; up = up->get_parent())
    name.insert(0, up->get_name() + " ");
  std::string what = problem.what();
  for (const std::string& word : at->remaining()) {
    if (word.starts_with('-')) continue;
    what = "there is no command " + name + " " + printable(word, 40);
    break;
  }
  Output(json).error(Error(Fault::invalid, "cli.usage", what, "See `" + name + " --help`."));
  return exit_usage;
}

/// A noun is described by its verbs, and is no command without one of them.
void insist_on_a_verb(CLI::App& noun) {
  std::string words;
  for (CLI::App* verb : noun.get_subcommands({})) {
    words += (words.empty() ? "" : ", ") + verb->get_name();
    insist_on_a_verb(*verb);
  }
  if (words.empty()) return;
  noun.require_subcommand(1);
  noun.description(words);
}

}  // namespace

Commands all_commands() {
  Commands all;
  for (const auto make :
       {setup_commands,       status_commands,   run_commands,        pending_commands, preview_commands,
        object_commands,      service_commands,  connector_commands,  account_commands, register_commands,
        probe_commands,       rule_commands,     expression_commands, config_commands,  database_commands,
        maintenance_commands, transfer_commands, backup_commands,     key_commands,     history_commands,
        doctor_commands}) {
    Commands some = make();
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

int run_command_line(int argc, const char* const* argv, const Host& host) {
  GlobalOptions options;
  CLI::App root("Linkspan keeps identities in step between directories and services.", "linkspan");
  add_globals(root, options, host.version);
  root.require_subcommand(1);
  Commands commands = all_commands();
  commands.insert(commands.end(), host.more.begin(), host.more.end());
  for (Command& one : completion_commands(commands)) commands.push_back(std::move(one));
  std::deque<Bound> bounds;
  for (const Command& command : commands) {
    Bound& bound = bounds.emplace_back();
    bound.command = &command;
    bound.app = &descend(root, command.path);
    bound.app->description(command.help);
    for (const Argument& argument : command.arguments) bind(*bound.app, argument, bound.slots.emplace_back());
  }
  for (CLI::App* noun : root.get_subcommands({})) insist_on_a_verb(*noun);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    // A broken command line may have been meant for a program all the same.
    const bool json = std::any_of(argv, argv + argc, [](const char* one) { return std::string_view(one) == "--json"; });
    return usage_error(root, problem, json);
  }
  for (const Bound& bound : bounds) {
    if (bound.app->parsed() && bound.app->get_subcommands().empty()) return call(bound, options, host);
  }
  return exit_usage;
}

}  // namespace linkspan::cli
