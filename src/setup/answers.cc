#include "setup/answers.h"

#include <fmt/format.h>

#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "vault/secret.h"

namespace linkspan::setup {
namespace {

namespace fs = std::filesystem;

/// One connector as the file has it.
struct ItemAnswers {
  std::string step;  ///< "directories" or "target": as written; an adopted database may know better
  std::string name;
  std::string kind;
  Values values;
  connector::Secrets secrets;
};

/// Where something stands, by step, item and field.
using Spot = std::tuple<std::string, std::string, std::string>;

struct Parsed {
  std::optional<Mode> mode;
  std::map<std::string, Values> steps;
  std::vector<ItemAnswers> items;
  std::map<Spot, std::uint32_t> lines;
  Problems problems;
};

std::uint32_t line_of(const toml::node& node) { return node.source().begin.line; }

/// Reads the file as far as it can be read; what cannot goes to the problems.
class Reader {
 public:
  Reader(const Installation& installation, const fs::path& file) : folder_(fs::absolute(file).parent_path()) {
    // A connector of an adopted database may leave out its kind: every kind's secrets are known by name.
    secret_names_ = {"password", "token", "secret", "client_secret", "passphrase", "administrator_password"};
    for (const connector::Kind& kind : installation.wiring().kinds) {
      for (const auto& spec : kind.secrets) secret_names_.insert(spec.name);
    }
  }

  Parsed read(std::string_view text) {
    try {
      const toml::table root = toml::parse(text);
      for (const auto& [key, node] : root) take_top(std::string(key.str()), node);
    } catch (const toml::parse_error& error) {
      refuse({}, {}, {}, error.source().begin.line,
             Error(Fault::invalid, "setup.answers", std::string(error.description())));
    }
    return std::move(out_);
  }

 private:
  void refuse(std::string step, std::string item, std::string field, std::uint32_t line, const Error& error) {
    out_.lines.emplace(Spot{step, item, field}, line);
    out_.problems.push_back({std::move(step), std::move(item), std::move(field), error.fault(), std::string(error.id()),
                             error.what(), error.hint()});
  }

  void take_top(const std::string& key, const toml::node& node) {
    static const std::vector<std::string> k_known{"mode",     "accept_license", "database", "directory", "target",
                                                  "identify", "rules",          "options",  "service"};
    if (key == "mode") {
      take_mode(node);
    } else if (key == "accept_license") {
      take_value("welcome", "", "accept", node, out_.steps["welcome"]);
    } else if (key == "directory" || key == "target") {
      take_connectors(key == "target" ? "target" : "directories", node);
    } else if (std::find(k_known.begin(), k_known.end(), key) != k_known.end()) {
      take_table(key, node);
    } else {
      const auto meant = nearest(key, k_known);
      refuse("", "", key, line_of(node),
             Error(Fault::invalid, "setup.no_field", fmt::format("{} is not known here", printable(key, 60)),
                   meant ? fmt::format("Is {} meant?", *meant) : std::string()));
    }
  }

  void take_mode(const toml::node& node) {
    const auto text = node.value<std::string>().value_or("");
    for (const Mode mode : {Mode::express, Mode::custom, Mode::existing}) {
      if (text == name_of(mode)) out_.mode = mode;
    }
    if (out_.mode) return;
    refuse("mode", "", "mode", line_of(node),
           Error(Fault::invalid, "setup.mode", fmt::format("there is no mode {}", printable(text, 40)),
                 "There are: express, custom, use-existing-database."));
  }

  void take_table(const std::string& key, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      refuse("", "", key, line_of(node),
             Error(Fault::invalid, "setup.answers", fmt::format("{} is a table: write [{}]", key, key)));
      return;
    }
    // The service's address is asked with the options.
    const std::string step = key == "service" ? "options" : key;
    for (const auto& [name, value] : *table) {
      const std::string field(name.str());
      if (step == "database" && (field == "password" || field == "password_env")) {
        refuse(step, "", field, line_of(value),
               Error(Fault::invalid, "setup.inline_secret",
                     "the database password is needed at every start of the service, and never from this file",
                     "Put it into a file (mode 0600) and name it: password_file."));
        continue;
      }
      take_value(step, "", field, value, out_.steps[step]);
      const bool is_path = (step == "database" && field == "password_file") || (step == "rules" && field == "folder");
      if (is_path) make_absolute(out_.steps[step][field]);
    }
  }

  void make_absolute(std::vector<std::string>& values) const {
    for (std::string& value : values) {
      if (!value.empty()) value = (folder_ / value).lexically_normal().string();
    }
  }

  void take_connectors(const std::string& step, const toml::node& node) {
    if (const toml::table* table = node.as_table()) {
      take_connector(step, *table);
    } else if (const toml::array* array = node.as_array(); array != nullptr && array->is_array_of_tables()) {
      for (const toml::node& each : *array) take_connector(step, *each.as_table());
    } else {
      refuse(step, "", "", line_of(node),
             Error(Fault::invalid, "setup.answers", "a connector is a table: write [[directory]] or [[target]]"));
    }
  }

  void take_connector(const std::string& step, const toml::table& table) {
    ItemAnswers item;
    item.step = step;
    item.name = table["name"].value_or(std::string());
    item.kind = table["kind"].value_or(std::string());
    out_.lines.emplace(Spot{step, item.name, ""}, table.source().begin.line);
    for (const auto& [key, node] : table) {
      const std::string field(key.str());
      if (field == "name" || field == "kind") {
        if (!node.is_string()) {
          refuse(step, item.name, field, line_of(node),
                 Error(Fault::invalid, "setup.answers", fmt::format("{} is a text", field)));
        }
        continue;
      }
      if (take_secret(item, field, node)) continue;
      take_value(step, item.name, field, node, item.values);
    }
    out_.items.push_back(std::move(item));
  }

  /// Whether the field speaks of a secret.
  bool take_secret(ItemAnswers& item, const std::string& field, const toml::node& node) {
    if (secret_names_.contains(field)) {
      refuse(
          item.step, item.name, field, line_of(node),
          Error(Fault::invalid, "setup.inline_secret", fmt::format("the {} of {} stands in the file", field, item.name),
                fmt::format("Put it into a file (mode 0600) and name it: {}_file; or an environment variable: {}_env. "
                            "Who could read this file knows it: change it.",
                            field, field)));
      return true;
    }
    for (const std::string_view ending : {"_file", "_env"}) {
      if (!field.ends_with(ending)) continue;
      const std::string name = field.substr(0, field.size() - ending.size());
      if (!secret_names_.contains(name)) continue;
      const auto where = node.value<std::string>().value_or("");
      try {
        item.secrets.insert_or_assign(
            name, ending == "_env" ? vault::read_secret_environment(where) : vault::read_secret_file(folder_ / where));
      } catch (const Error& error) {
        refuse(item.step, item.name, field, line_of(node), error);
      }
      return true;
    }
    return false;
  }

  void take_value(const std::string& step, const std::string& item, const std::string& field, const toml::node& node,
                  Values& into) {
    out_.lines.emplace(Spot{step, item, field}, line_of(node));
    std::vector<std::string> values;
    const auto take = [&](const toml::node& one) {
      if (const auto text = one.value_exact<std::string>()) {
        values.push_back(*text);
      } else if (const auto flag = one.value_exact<bool>()) {
        values.emplace_back(*flag ? "true" : "false");
      } else if (const auto number = one.value_exact<std::int64_t>()) {
        values.push_back(std::to_string(*number));
      } else {
        refuse(step, item, field, line_of(one),
               Error(Fault::invalid, "setup.answers",
                     fmt::format("{} is a text, a number, true or false, or a list of texts", printable(field, 60))));
      }
    };
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& each : *array) take(each);
    } else {
      take(node);
    }
    into[field] = std::move(values);
  }

  fs::path folder_;
  std::set<std::string> secret_names_;
  Parsed out_;
};

/// Answers and checks the machine's steps in order.
class Driver {
 public:
  Driver(StepMachine& machine, Parsed& parsed, const GivenChoices& given)
      : machine_(machine), parsed_(parsed), given_(given), problems_(std::move(parsed.problems)) {}

  Problems run() {
    choose_mode();
    Values& database = parsed_.steps["database"];
    if (!given_.database_url.empty()) database["url"] = {given_.database_url};
    if (database.empty()) parsed_.steps.erase("database");
    if (given_.accept_licence) parsed_.steps["welcome"]["accept"] = {"true"};
    for (const StepOutline& step : machine_.rail()) {
      if (!take_step(step.id)) break;
    }
    refuse_rest();
    return std::move(problems_);
  }

 private:
  void add(Problems some) { std::move(some.begin(), some.end(), std::back_inserter(problems_)); }

  void choose_mode() {
    if (given_.mode && parsed_.mode && *given_.mode != *parsed_.mode) {
      problems_.push_back(
          {"mode", "", "mode", Fault::invalid, "setup.mode",
           fmt::format("the command line says {}, the file says {}", name_of(*given_.mode), name_of(*parsed_.mode)),
           "Leave one of them out."});
    }
    if (const auto mode = given_.mode ? given_.mode : parsed_.mode) {
      add(machine_.answer("mode", {{"mode", {std::string(name_of(*mode))}}}));
    }
  }

  /// False: what comes later cannot be judged.
  bool take_step(const std::string& id) {
    const std::size_t before = problems_.size();
    if (const auto found = parsed_.steps.find(id); found != parsed_.steps.end()) {
      add(machine_.answer(id, found->second));
      parsed_.steps.erase(found);
    }
    if (id == "directories" || id == "target") take_items(id);
    // What was not understood is not tried: it would only be wrong once more.
    if (before == problems_.size() && !machine_.waits(id)) add(machine_.check(id));
    return !(id == "database" && machine_.mode() == Mode::existing && before != problems_.size());
  }

  void take_items(const std::string& id) {
    for (ItemAnswers& item : parsed_.items) {
      if (step_of(item) != id) continue;
      add(machine_.answer_item(id, item.name, item.kind, item.values, std::move(item.secrets)));
    }
  }

  /// In an adopted database it is known which connector is a target, whatever the file calls it.
  std::string step_of(const ItemAnswers& item) const {
    if (machine_.mode() != Mode::existing) return item.step;
    for (const std::string_view id : {"directories", "target"}) {
      for (const Item& one : machine_.step(id).items) {
        if (one.name == item.name) return std::string(id);
      }
    }
    return item.step;
  }

  /// Answers to what this mode does not ask.
  void refuse_rest() {
    std::set<std::string> known;
    for (const StepOutline& step : machine_.rail()) known.insert(step.id);
    for (const auto& [step, values] : parsed_.steps) {
      if (known.contains(step) || values.empty()) continue;
      problems_.push_back({step, "", values.begin()->first, Fault::invalid, "setup.not_asked",
                           fmt::format("{} mode does not ask for [{}]", name_of(machine_.mode()), step),
                           "Leave it out, or choose another mode."});
    }
  }

  StepMachine& machine_;
  Parsed& parsed_;
  const GivenChoices& given_;
  Problems problems_;
};

/// The nearest line known: of the field, of the item, of the step.
std::uint32_t find_line(const Parsed& parsed, const Problem& problem) {
  for (const std::string& step : {problem.step, std::string("directories"), std::string("target")}) {
    for (const Spot& place : {Spot{step, problem.item, problem.field}, Spot{step, problem.item, ""}}) {
      if (const auto found = parsed.lines.find(place); found != parsed.lines.end()) return found->second;
    }
    if (problem.item.empty()) break;
  }
  return 0;
}

}  // namespace

Error to_error(const Problems& problems) {
  const Problem& first = problems.front();
  if (problems.size() == 1) return {first.fault, first.id, first.message, first.hint};
  const bool same = std::all_of(problems.begin(), problems.end(), [&](const auto& one) { return one.id == first.id; });
  std::string text = fmt::format("{} answers do not work:", problems.size());
  for (const Problem& one : problems) {
    text += fmt::format("\n  {}{}{}", one.message, one.hint.empty() ? "" : ". ", one.hint);
  }
  return {first.fault, same ? std::string_view(first.id) : "setup.answers", text, "Nothing was changed."};
}

void answer_from_file(StepMachine& machine, const Installation& installation, std::string_view text,
                      const fs::path& file, const GivenChoices& given) {
  Parsed parsed = Reader(installation, file).read(text);
  Problems problems = Driver(machine, parsed, given).run();
  if (problems.empty()) return;
  for (Problem& one : problems) {
    const std::uint32_t line = find_line(parsed, one);
    one.message = line == 0 ? fmt::format("{}: {}", file.string(), one.message)
                            : fmt::format("{}:{}: {}", file.string(), line, one.message);
  }
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& left, const Problem& right) {
    return find_line(parsed, left) < find_line(parsed, right);
  });
  throw to_error(problems);
}

}  // namespace linkspan::setup
