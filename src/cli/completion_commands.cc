// completion: shell scripts made from the list of commands.

#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "cli/internal/nouns.h"
#include "cli/session.h"

namespace linkspan::cli {
namespace {

/// "connector" -> its verbs and options; "" -> the first words.
std::map<std::string, std::set<std::string>> words_after(const Commands& all) {
  std::map<std::string, std::set<std::string>> out;
  for (const Command& command : all) {
    std::string before;
    for (const std::string_view word : split(command.path, ' ')) {
      out[before].emplace(word);
      before += (before.empty() ? "" : " ") + std::string(word);
    }
    auto& options = out[before];
    for (const Argument& argument : command.arguments) {
      if (argument.name.starts_with("--")) options.insert(argument.name.substr(0, argument.name.find(' ')));
      options.insert(argument.choices.begin(), argument.choices.end());
    }
    options.insert("--json");
  }
  return out;
}

std::string cases(const Commands& all) {
  std::string text;
  for (const auto& [before, words] : words_after(all)) {
    std::string list;
    for (const std::string& word : words) list += (list.empty() ? "" : " ") + word;
    text += fmt::format("    '{}') words='{}' ;;\n", before, list);
  }
  return text;
}

/// The words before the cursor that are commands, options and their values left out.
constexpr std::string_view k_path_loop =
    "  local path= word words=\n"
    "  for word in \"${before[@]}\"; do\n"
    "    case $word in -*) continue ;; esac\n"
    "    case \" run serve status import sync export pending preview history doctor expr \" in\n"
    "      *\" $path \"*) [ -n \"$path\" ] && continue ;;\n"
    "    esac\n"
    "    case $path in *\\ *) continue ;; esac\n"
    "    path=\"${path:+$path }$word\"\n"
    "  done\n";

std::string bash_script(const Commands& all) {
  return fmt::format(
      "_linkspan() {{\n  local before=(\"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\")\n{}  case $path in\n{}  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n}}\n"
      "complete -o default -F _linkspan linkspan\n",
      k_path_loop, cases(all));
}

std::string zsh_script(const Commands& all) {
  return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(all);
}

std::string fish_script(const Commands& all) {
  std::string text = "complete -c linkspan -f\n";
  for (const auto& [before, words] : words_after(all)) {
    if (split(before, ' ').size() > 1) continue;
    const std::string when = before.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + before;
    for (const std::string& word : words) {
      const bool option = word.starts_with("--");
      text += fmt::format("complete -c linkspan -n '{}' {} {}\n", when, option ? "-l" : "-a",
                          option ? word.substr(2) : word);
    }
  }
  return text;
}

}  // namespace

Commands completion_commands(const Commands& all) {
  return {{"completion",
           "A completion script, to be sourced by the shell",
           {{"SHELL", "bash, zsh or fish", true, false, {"bash", "zsh", "fish"}}},
           [all](Session& session, const Arguments& arguments) -> int {
             const std::string& shell = arguments.text("SHELL");
             const std::string text = shell == "bash"  ? bash_script(all)
                                      : shell == "zsh" ? zsh_script(all)
                                                       : fish_script(all);
             if (session.json()) {
               session.out().print(Json::object({{"shell", shell}, {"script", text}}));
             } else {
               session.out().raw(text);
             }
             return exit_done;
           },
           false}};
}

}  // namespace linkspan::cli
