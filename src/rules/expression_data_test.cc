// Runs tests/expressions/*.test; the format is in the README there.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/text.h"
#include "rules/evaluate.h"

namespace linkspan::rules {
namespace {

struct Case {
  int line = 0;
  std::string expression;
  EvaluationInput input;
  std::string expected;  ///< a result as written after ->
  std::optional<std::string> fails;
  std::vector<std::string> problems;  ///< "error 6: rules.unknown_function"
};

using Definitions = std::map<std::string, model::Value, std::less<>>;

/// Values as the files write them.
class ValueReader {
 public:
  ValueReader(std::string_view text, const Definitions& definitions) : rest_(text), definitions_(definitions) {}

  model::Values all() {
    model::Values values;
    while (true) {
      values.push_back(one());
      rest_ = trim(rest_);
      if (rest_.empty()) return values;
      if (rest_.front() != ',') throw std::runtime_error("a comma is missing before: " + std::string(rest_));
      rest_ = trim(rest_.substr(1));
    }
  }

 private:
  model::Value one() {
    if (rest_.starts_with('"')) return quoted();
    const std::string_view word = trim(rest_.substr(0, rest_.find(',')));
    rest_.remove_prefix(std::min(rest_.size(), rest_.find(',')));
    if (word == "True") return true;
    if (word == "False") return false;
    if (word.starts_with('@')) return definitions_.find(word.substr(1))->second;
    if (word.starts_with("base64:")) return model::Binary{from_base64(word.substr(7)).value()};
    if (word.starts_with("hex:")) return model::Binary{from_hex(word.substr(4)).value()};
    if (const auto number = to_integer(word)) return *number;
    return from_rfc3339(word);
  }

  std::string quoted() {
    std::string out;
    std::size_t i = 1;
    for (; i < rest_.size() && rest_[i] != '"'; ++i) {
      if (rest_[i] != '\\') {
        out += rest_[i];
        continue;
      }
      const char c = rest_[++i];
      out += c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
    }
    rest_.remove_prefix(i + 1);
    return out;
  }

  std::string_view rest_;
  const Definitions& definitions_;
};

std::string print(const model::Value& value) {
  if (const auto* bytes = std::get_if<model::Binary>(&value)) return "hex:" + to_hex(bytes->bytes);
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return model::to_text(value);
  std::string out = "\"";
  for (const char c : *text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : std::string(1, c);
  }
  return out + "\"";
}

std::string print(const EvaluationResult& result) {
  if (result.type == "null") return "NULL";
  if (result.type == "ignore") return "IgnoreThisFlow";
  if (result.type == "authoritative_null") return "AuthoritativeNull";
  if (result.type == "references") return "references";
  std::string out;
  for (const model::Value& value : result.values) out += (out.empty() ? "" : ", ") + print(value);
  return result.type == "list" ? "[" + out + "]" : out;
}

/// define name = value
void define(Definitions& definitions, std::string_view line) {
  const std::size_t equals = line.find('=');
  definitions[std::string(trim(line.substr(0, equals)))] =
      ValueReader(trim(line.substr(equals + 1)), definitions).all().at(0);
}

void take(Case& test, std::string_view line, const Definitions& definitions) {
  const auto after = [&](std::string_view prefix) { return trim(line.substr(prefix.size())); };
  if (line.starts_with("=")) {
    if (!test.expression.empty()) test.expression += '\n';
    test.expression += after("=");
  } else if (line.starts_with("->")) {
    test.expected = after("->");
    if (test.expected.starts_with('@')) test.expected = print(definitions.find(test.expected.substr(1))->second);
  } else if (line.starts_with("fails:")) {
    test.fails = after("fails:");
  } else if (line.starts_with("error ") || line.starts_with("warning ")) {
    test.problems.emplace_back(trim(line));
  } else {
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) throw std::runtime_error("no such line in a case: " + std::string(line));
    std::string name(trim(line.substr(0, colon)));
    const model::Values values = ValueReader(trim(line.substr(colon + 2)), definitions).all();
    if (name.starts_with("reference ")) {
      for (const auto& each : values) test.input.references.push_back({name.substr(10), std::get<std::string>(each)});
    } else if (name == "unique taken") {
      for (const auto& each : values) test.input.taken.push_back(std::get<std::string>(each));
    } else if (name == "unique held") {
      test.input.held = std::get<std::string>(values.front());
    } else if (name.starts_with("parameter ")) {
      test.input.parameters.emplace_back(name.substr(10), std::get<std::string>(values.front()));
    } else if (name.starts_with("imported ")) {
      if (!test.input.imported) test.input.imported.emplace();
      (*test.input.imported)[name.substr(9)] = values;
    } else {
      test.input.attributes[name] = values;
    }
  }
}

std::vector<Case> read_cases(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Case> cases(1);
  Definitions definitions;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.starts_with('#')) continue;
    if (line.starts_with("define ")) {
      define(definitions, line.substr(7));
      continue;
    }
    if (trim(line).empty()) {
      if (!cases.back().expression.empty()) cases.emplace_back();
      continue;
    }
    if (cases.back().line == 0) cases.back().line = number;
    try {
      take(cases.back(), line, definitions);
    } catch (const std::exception& error) {
      throw std::runtime_error(fmt::format("{}:{}: {}", path.string(), number, error.what()));
    }
  }
  if (cases.back().expression.empty()) cases.pop_back();
  return cases;
}

std::vector<std::string> test_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(LINKSPAN_SOURCE_DIR "/tests/expressions")) {
    if (entry.path().extension() == ".test") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void check(const Case& test) {
  const ManualClock clock;
  const EvaluationResult result = evaluate_expression(test.expression, test.input, clock);
  std::vector<std::string> problems;
  bool refused = false;
  for (const Problem& problem : result.problems) {
    const bool error = problem.severity == Problem::Severity::error;
    refused = refused || error;
    // Lines of an expression that has several count as if they were one.
    problems.push_back(fmt::format("{} {}: {}", error ? "error" : "warning", problem.position.column, problem.id));
    EXPECT_FALSE(problem.message.empty());
  }
  EXPECT_THAT(problems, testing::UnorderedElementsAreArray(test.problems));
  if (refused) return;
  if (test.fails) {
    ASSERT_TRUE(result.failed.has_value()) << "gave " << print(result);
    EXPECT_THAT(*result.failed, testing::HasSubstr(*test.fails));
    return;
  }
  ASSERT_FALSE(result.failed.has_value()) << *result.failed;
  EXPECT_EQ(print(result), test.expected);
}

class ExpressionData : public testing::TestWithParam<std::string> {};

TEST_P(ExpressionData, EveryCaseGivesWhatItSays) {
  const std::vector<Case> cases =
      read_cases(std::string(LINKSPAN_SOURCE_DIR "/tests/expressions/") + GetParam() + ".test");
  ASSERT_FALSE(cases.empty());
  for (const Case& test : cases) {
    SCOPED_TRACE(fmt::format("{}.test:{}: {}", GetParam(), test.line, test.expression));
    check(test);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, ExpressionData, testing::ValuesIn(test_files()),
                         [](const auto& file) { return file.param; });

bool calls(const std::string& expression, const std::string& function) {
  const std::string call = function + "(";
  for (std::size_t at = expression.find(call); at != std::string::npos; at = expression.find(call, at + 1)) {
    if (at == 0 || std::isalnum(static_cast<unsigned char>(expression[at - 1])) == 0) return true;
  }
  return false;
}

/// So that a new row in the table does not stay untested.
TEST(ExpressionDataTest, EveryFunctionHasItsCases) {
  constexpr int k_cases = 12;
  std::map<std::string, int> cases;
  const std::vector<FunctionHelp> functions = list_functions();
  for (const std::string& name : test_files()) {
    for (const Case& test : read_cases(std::string(LINKSPAN_SOURCE_DIR "/tests/expressions/") + name + ".test")) {
      for (const FunctionHelp& function : functions)
        cases[function.name] += calls(test.expression, function.name) ? 1 : 0;
    }
  }
  for (const FunctionHelp& function : functions) EXPECT_GE(cases[function.name], k_cases) << function.name;
}

TEST(ExpressionDataTest, EveryFunctionIsDescribedInALine) {
  for (const FunctionHelp& function : list_functions()) {
    EXPECT_TRUE(function.signature.starts_with(function.name + "(")) << function.name;
    EXPECT_TRUE(function.description.ends_with('.')) << function.name;
    EXPECT_EQ(function.description.find('\n'), std::string::npos) << function.name;
  }
}

TEST(ExpressionDataTest, AdditionsAreMarkedAsSuch) {
  std::vector<std::string> own;
  for (const FunctionHelp& function : list_functions()) {
    if (function.own) own.push_back(function.name);
  }
  EXPECT_THAT(own, testing::ElementsAre("Coalesce", "Hash", "Lower", "Match", "Normalize", "ReplacePattern",
                                        "UniqueName", "Upper"));
}

TEST(ExpressionDataTest, TheManualSaysOfEveryFunctionWhatTheListSays) {
  std::ifstream file(LINKSPAN_SOURCE_DIR "/docs/reference/expressions.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const FunctionHelp& function : list_functions()) {
    EXPECT_THAT(text.str(), testing::HasSubstr(fmt::format("| `{}` | {} |", function.signature, function.description)));
  }
}

}  // namespace
}  // namespace linkspan::rules
