#pragma once
// A command as data: what it is called, what it takes, what it does. One file per noun gives a list of them;
// command_line.cc turns all into a parser, docs/reference/cli.md into words.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linkspan::cli {

class Session;

struct Argument {
  /// "CONNECTOR" is a positional, "--full" a flag, "--save FILE" an option with a value.
  std::string name;
  std::string help{};
  bool required = false;
  bool many = false;                   ///< an option that may be given again
  std::vector<std::string> choices{};  ///< empty: any
};

/// What was given. Options by their name without the value's ("--save"), positionals by theirs.
class Arguments {
 public:
  [[nodiscard]] bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  /// The first value, or "".
  [[nodiscard]] const std::string& text(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& list(std::string_view name) const;
  void put(std::string name, std::vector<std::string> values) { values_[std::move(name)] = std::move(values); }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Command {
  std::string path;  ///< "connector add"
  std::string help;
  std::vector<Argument> arguments{};
  /// Returns the exit status (cli/output.h); errors are thrown.
  std::function<int(Session&, const Arguments&)> run{};
  bool needs_config = true;  ///< an explicit --config must exist
};

using Commands = std::vector<Command>;

/// Splits "name=value" arguments; a name given again is multi-valued. Throws Fault::invalid "cli.usage".
[[nodiscard]] std::map<std::string, std::vector<std::string>, std::less<>> parse_pairs(
    std::string_view option, const std::vector<std::string>& pairs);

}  // namespace linkspan::cli
