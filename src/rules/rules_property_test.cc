// Properties of the language and of rule files, on generated trees and rules.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "model/dn.h"
#include "rules/evaluate.h"
#include "rules/internal/ast.h"
#include "rules/internal/plain_dn.h"
#include "rules/rule.h"

namespace linkspan::rules {
namespace {

constexpr std::string_view k_certificate =
    "MIIByTCCAW+gAwIBAgIIAPHi08S1ppcwCgYIKoZIzj0EAwIwPDELMAkGA1UEBhMCTk8xEzARBgNVBAoMCk5vcnRoIFF1YXkxGDAWBgNV"
    "BAMMD05vcnRoIFF1YXkgUm9vdDAeFw0wMTAyMDMwNDA1MDZaFw0wMjAyMDMwNDA1MDZaMIGDMQswCQYDVQQGEwJOTzEOMAwGA1UECAwF"
    "VHJvbXMxEDAOBgNVBAcMB1Ryb21zw7gxCjAIBgMqAwQMAXgxFDASBgoJkiaJk/IsZAEZFgRxdWF5MRMwEQYDVQQKDApBICsgQiAiQ28i"
    "MRswCQYDVQQFEwI0MjAOBgNVBAMMByBvZGQgIzEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATKK1F0Es4k7T3J9mQ11L2ofr3n0+uS"
    "C0H89SnRMw81KM4hkFcn3fm8yOITOKaurcOMhF0SbCOs0WWCl78zgk4goxMwETAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gA"
    "MEUCIDOWNcspsRumn6vhfDFpdV5K1c20eCjaPd17vrNWcr41AiEA1TclGA0pYrYLvHeQaNKJeHatZhcRd8DhBHgh5rxaB9o=";

rc::Gen<std::string> word() {
  return rc::gen::map(rc::gen::container<std::string>(4, rc::gen::elementOf(std::string("abcXYZ"))),
                      [](const std::string& text) { return "w" + text; });
}

rc::Gen<std::string> attribute_name() {
  return rc::gen::oneOf(word(), rc::gen::element<std::string>("mail", "absent", "several", "count", "flag", "member",
                                                              "emails[type eq \"work\"].value", "a b", "enterprise:x"));
}

/// UTF-8 with what needs escaping somewhere.
rc::Gen<std::string> text() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                          "a", "B", " ", "\"", "'", "\\", "\n", "\r", "\t", "é", "😀", "[", "]", "%", "&", "\x01", "=",
                          ",", "smtp:a@x", "cn=A,dc=x", "12")),
                      [](const std::vector<std::string>& parts) {
                        std::string out;
                        for (const std::string& part : parts) out += part;
                        return out;
                      });
}

template <class Node>
rc::Gen<Expr> leaf(rc::Gen<Node> node) {
  return rc::gen::map(std::move(node), [](Node made) { return Expr{std::move(made), 0, false}; });
}

rc::Gen<Expr> leaf() {
  return rc::gen::oneOf(
      leaf(rc::gen::map(text(), [](std::string t) { return TextLiteral{std::move(t)}; })),
      leaf(rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](std::int64_t n) { return NumberLiteral{n}; })),
      leaf(rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return BooleanLiteral{b}; })),
      leaf(rc::gen::element(Keyword::null, Keyword::ignore_this_flow, Keyword::authoritative_null)),
      leaf(rc::gen::map(attribute_name(), [](std::string n) { return AttributeRead{std::move(n)}; })),
      leaf(rc::gen::map(attribute_name(), [](std::string n) { return AttributeRead{std::move(n)}; })),
      leaf(rc::gen::just(ParameterRead{"Domain.FQDN"})),
      leaf(rc::gen::map(word(), [](std::string n) { return VariableRead{std::move(n)}; })),
      leaf(rc::gen::map(word(), [](std::string n) { return WordLiteral{std::move(n)}; })));
}

rc::Gen<Expr> tree(int depth);

rc::Gen<Expr> call(int depth) {
  std::vector<std::string> names{"wUnknown"};
  for (const FunctionHelp& function : list_functions()) names.push_back(function.name);
  return rc::gen::map(rc::gen::pair(rc::gen::elementOf(names),
                                    rc::gen::resize(4, rc::gen::container<std::vector<Expr>>(tree(depth - 1)))),
                      [](std::pair<std::string, std::vector<Expr>> parts) {
                        return Expr{Call{std::move(parts.first), std::move(parts.second)}, 0, false};
                      });
}

rc::Gen<Expr> chain(int depth) {
  const auto operators =
      rc::gen::element(Operator::plus, Operator::minus, Operator::times, Operator::divide, Operator::concat,
                       Operator::equal, Operator::not_equal, Operator::less, Operator::less_or_equal, Operator::greater,
                       Operator::greater_or_equal, Operator::logical_and, Operator::logical_or);
  return rc::gen::exec([depth, operators] {
    Chain made;
    const Operator first = *operators;
    made.operands.push_back(*tree(depth - 1));
    const int count = *rc::gen::inRange(1, 4);
    for (int i = 0; i < count; ++i) {
      Operator op = first;
      if (i > 0)
        op = *rc::gen::suchThat(operators, [first](Operator each) { return level_of(each) == level_of(first); });
      made.operators.push_back(op);
      made.operands.push_back(*tree(depth - 1));
    }
    return Expr{std::move(made), 0, false};
  });
}

rc::Gen<Expr> negation(int depth) {
  return rc::gen::map(
      rc::gen::suchThat(tree(depth - 1), [](const Expr& e) { return !std::holds_alternative<NumberLiteral>(e.node); }),
      [](Expr inner) {
        Expr out{Negation{}, 0, false};
        std::get<Negation>(out.node).operand.push_back(std::move(inner));
        return out;
      });
}

rc::Gen<Expr> tree(int depth) {
  if (depth <= 0) return leaf();
  return rc::gen::lazy(
      [depth] { return rc::gen::oneOf(leaf(), call(depth), call(depth), chain(depth), negation(depth)); });
}

RC_GTEST_PROP(RulesProperty, PrintingAndParsingGiveTheSameTree, ()) {
  const Expr expression = *tree(4);
  const std::string printed = print_expression(expression);
  ExpressionProblems problems;
  const std::optional<Expr> again = parse_expression(printed, problems);
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == expression);
  RC_ASSERT(print_expression(*again) == printed);
}

/// Trees that often pass the checks: calls with the right number of arguments, mostly attributes.
rc::Gen<Expr> likely(int depth) {
  const auto attribute = leaf(rc::gen::map(rc::gen::element<std::string>("mail", "absent", "several", "count", "flag",
                                                                         "member", "dn", "guid", "when", "cert"),
                                           [](std::string n) { return AttributeRead{std::move(n)}; }));
  const auto number =
      leaf(rc::gen::map(rc::gen::inRange<std::int64_t>(-3, 12), [](std::int64_t n) { return NumberLiteral{n}; }));
  if (depth <= 0)
    return rc::gen::oneOf(attribute, attribute, attribute, number,
                          leaf(rc::gen::map(text(), [](std::string t) { return TextLiteral{std::move(t)}; })));
  return rc::gen::exec([depth] {
    const FunctionHelp function = *rc::gen::elementOf(list_functions());
    const auto commas = std::count(function.signature.begin(), function.signature.end(), ',');
    const bool none = function.signature.ends_with("()");
    Call call{function.name, {}};
    for (std::ptrdiff_t i = 0; i <= commas && !none; ++i)
      call.arguments.push_back(*likely(*rc::gen::inRange(0, depth)));
    if (function.name == "Select" || function.name == "Where" || function.name == "With")
      call.arguments[0].node = VariableRead{"v"};
    if (function.name == "ImportedValue" || function.name == "ValueCount")
      call.arguments[0].node = TextLiteral{"several"};
    if (function.name == "Match" || function.name == "ReplacePattern")
      call.arguments[1].node = TextLiteral{*rc::gen::element<std::string>("a", "(.)x*", "[^a-z]", "^$", "")};
    if (function.name == "Normalize") call.arguments[1].node = WordLiteral{"ASCII"};
    if (function.name == "CertNameInfo") {
      call.arguments[1].node = WordLiteral{"SimpleName"};
      call.arguments[2].node = BooleanLiteral{*rc::gen::arbitrary<bool>()};
    }
    if (function.name == "InStr" || function.name == "InStrRev")
      call.arguments.resize(static_cast<std::size_t>(*rc::gen::inRange(2, 4)));
    if (function.signature.ends_with("mode)") || function.signature.ends_with("\"DC\")") ||
        function.signature.ends_with("encoding)"))
      call.arguments.pop_back();
    return Expr{std::move(call), 0, false};
  });
}

RC_GTEST_PROP(RulesProperty, EvaluationEndsInAResultOrAMessage, ()) {
  EvaluationInput input;
  input.attributes["mail"] = {model::Value("ada@x")};
  input.attributes["several"] = {model::Value("a"), model::Value("B "), model::Value("12")};
  input.attributes["count"] = {model::Value(std::int64_t{41})};
  input.attributes["flag"] = {model::Value(true)};
  input.attributes["dn"] = {model::Value("cn=A\\, B,ou=C,dc=x")};
  input.attributes["guid"] = {model::Value(model::Binary{std::string(16, '\x81')})};
  input.attributes["when"] = {model::Value(Time{})};
  input.attributes["cert"] = {model::Value(model::Binary{from_base64(k_certificate).value()})};
  input.taken = {"ada@x", "a"};
  input.references = {{"member", "cn=A,dc=x"}, {"member", "cn=B,dc=x"}};
  const ManualClock clock;
  const EvaluationResult result =
      evaluate_expression(print_expression(*rc::gen::oneOf(tree(3), likely(2), likely(3), likely(3))), input, clock);
  bool refused = false;
  for (const Problem& problem : result.problems) refused = refused || problem.severity == Problem::Severity::error;
  RC_TAG(refused ? "refused" : result.failed ? "failed" : "computed");
  RC_ASSERT(refused || result.failed.has_value() || !result.type.empty());
}

RC_GTEST_PROP(RulesProperty, APlainNameIsWhatItsParserMakesOfIt, ()) {
  const auto pieces =
      *rc::gen::container<std::vector<std::string>>(rc::gen::weightedElement<std::string>({{6, "cn="},
                                                                                           {3, "DC="},
                                                                                           {6, ","},
                                                                                           {6, "Ada"},
                                                                                           {4, " "},
                                                                                           {4, "x-1"},
                                                                                           {2, "b,ou=C"},
                                                                                           {1, "="},
                                                                                           {1, "+"},
                                                                                           {1, "#"},
                                                                                           {1, "\\,"},
                                                                                           {1, "\""},
                                                                                           {1, ";"},
                                                                                           {1, "é"},
                                                                                           {1, "\n"},
                                                                                           {1, "2.5.4.3="}}));
  std::string text = *rc::gen::element<std::string>("cn=A", "");
  for (const std::string& piece : pieces) text += piece;
  const bool plain = is_plain_dn(text);
  RC_TAG(plain ? "plain" : "other");
  if (!plain) return;
  const model::Dn dn = model::parse_dn(text);
  RC_ASSERT(model::to_text(dn) == text);
  for (std::size_t i = 0; i < dn.rdns.size(); ++i)
    RC_ASSERT(plain_dn_value(text, static_cast<std::int64_t>(i + 1)) == dn.rdns[i].at(0).second);
  RC_ASSERT(!plain_dn_value(text, static_cast<std::int64_t>(dn.rdns.size() + 1)).has_value());
}

RC_GTEST_PROP(RulesProperty, AnyBytesAreReadOrRefused, ()) {
  const auto bytes =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("\"[]()%$&|=<>,-+*/ \n\\aH1\xC3\xA9\x80")));
  ExpressionProblems problems;
  const std::optional<Expr> read = parse_expression(bytes, problems);
  RC_ASSERT(read.has_value() || !problems.empty());
  for (const ExpressionProblem& problem : problems) RC_ASSERT(problem.offset <= bytes.size());
}

TEST(RulesLimits, NestingAndLengthAreBounded) {
  const auto problem_of = [](const std::string& expression) {
    ExpressionProblems problems;
    const bool read = parse_expression(expression, problems).has_value();
    return read ? std::string() : problems.back().id;
  };
  EXPECT_EQ(problem_of(std::string(30'000, '(') + "1"), "rules.too_deep");
  EXPECT_EQ(problem_of(std::string(60'000, '-') + "1"), "rules.too_deep");
  EXPECT_EQ(problem_of("\"" + std::string(70'000, 'a') + "\""), "rules.too_long");
  EXPECT_EQ(problem_of(std::string(199, '(') + "1" + std::string(199, ')')), "");
  std::string calls;
  for (int i = 0; i < 10'000; ++i) calls += "Trim(";
  EXPECT_EQ(problem_of(calls), "rules.too_deep");
  std::string long_chain = "1";
  for (int i = 0; i < 20'000; ++i) long_chain += "+1";
  EXPECT_EQ(problem_of(long_chain), "");
  EXPECT_EQ(problem_of(""), "rules.syntax");
  EXPECT_EQ(problem_of(" \n"), "rules.syntax");
  EXPECT_EQ(problem_of("\"\xff\""), "rules.syntax");
}

TEST(RulesLimits, ALongChainIsComputedFlat) {
  std::string expression = "0";
  for (int i = 0; i < 20'000; ++i) expression += "+1";
  const ManualClock clock;
  EXPECT_EQ(evaluate_expression(expression, {}, clock).values, model::Values{model::Value(std::int64_t{20'000})});
}

TEST(RulesLimits, AnExpressionThatMultipliesItselfIsStopped) {
  EvaluationInput input;
  for (int i = 0; i < 100; ++i) input.attributes["m"].emplace_back(std::to_string(i));
  std::string expression = "1";
  for (int i = 0; i < 5; ++i) expression = "Count(Select($v" + std::to_string(i) + ",[m]," + expression + "))";
  const ManualClock clock;
  const EvaluationResult result = evaluate_expression(expression, input, clock);
  ASSERT_TRUE(result.failed.has_value());
}

// --- rule files ---

rc::Gen<ScopeClause> scope_clause() {
  return rc::gen::exec([] {
    ScopeClause clause;
    clause.attribute = *attribute_name();
    clause.operation = static_cast<ScopeOperator>(*rc::gen::inRange(0, 20));
    if (clause.operation == ScopeOperator::is_null || clause.operation == ScopeOperator::is_not_null) return clause;
    const bool bits =
        clause.operation == ScopeOperator::is_bit_set || clause.operation == ScopeOperator::is_bit_not_set;
    clause.value = bits ? "2" : *text();
    return clause;
  });
}

rc::Gen<JoinClause> join_clause() {
  return rc::gen::exec(
      [] { return JoinClause{*attribute_name(), *attribute_name(), *rc::gen::arbitrary<bool>(), {}}; });
}

rc::Gen<model::Value> constant() {
  return rc::gen::oneOf(
      rc::gen::map(text(), [](std::string t) { return model::Value(std::move(t)); }),
      rc::gen::map(rc::gen::arbitrary<std::string>(),
                   [](std::string t) { return model::Value(model::Binary{std::move(t)}); }),
      rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](std::int64_t n) { return model::Value(n); }),
      rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return model::Value(b); }),
      rc::gen::map(rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000'000),
                   [](std::int64_t t) { return model::Value(Time{std::chrono::microseconds{t}}); }));
}

Flow flow_of(const std::string& target) {
  Flow flow;
  flow.target = target;
  flow.kind = *rc::gen::element(Flow::Kind::direct, Flow::Kind::constant, Flow::Kind::expression);
  if (flow.kind == Flow::Kind::direct) flow.text = *attribute_name();
  if (flow.kind == Flow::Kind::constant) {
    flow.constant = *rc::gen::suchThat(rc::gen::resize(4, rc::gen::container<model::Values>(constant())),
                                       [](const model::Values& v) { return !v.empty(); });
  }
  if (flow.kind == Flow::Kind::expression) {
    flow.text = print_expression(
        Expr{Chain{{*leaf(rc::gen::map(text(), [](std::string t) { return TextLiteral{std::move(t)}; })),
                    Expr{AttributeRead{*attribute_name()}, 0, false}},
                   {Operator::concat}},
             0, false});
  }
  flow.merge = static_cast<MergeType>(*rc::gen::inRange(0, 4));
  flow.apply_once = *rc::gen::arbitrary<bool>();
  return flow;
}

template <class Clause>
std::vector<std::vector<Clause>> groups(const rc::Gen<Clause>& clause) {
  std::vector<std::vector<Clause>> out(static_cast<std::size_t>(*rc::gen::inRange(0, 3)));
  for (auto& group : out) {
    const int count = *rc::gen::inRange(1, 3);
    for (int i = 0; i < count; ++i) group.push_back(*clause);
  }
  return out;
}

Rule any_rule() {
  Rule rule;
  rule.name = "n" + *text();
  rule.description = *text();
  rule.direction = *rc::gen::element(Direction::inbound, Direction::outbound);
  (*rc::gen::arbitrary<bool>() ? rule.connector : rule.kind) = "c" + *text();
  rule.source = "s" + *text();
  rule.target = "t" + *text();
  rule.link = *rc::gen::element(LinkType::provision, LinkType::join, LinkType::sticky_join);
  rule.precedence = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
  rule.disabled = *rc::gen::arbitrary<bool>();
  rule.scope = groups(scope_clause());
  rule.join = groups(join_clause());
  for (const std::string& target : *rc::gen::unique<std::vector<std::string>>(attribute_name()))
    rule.flows.push_back(flow_of(target));
  return rule;
}

void expect_same(const Rule& left, const Rule& right) {
  RC_ASSERT(left.name == right.name);
  RC_ASSERT(left.description == right.description);
  RC_ASSERT(left.direction == right.direction);
  RC_ASSERT(left.connector == right.connector);
  RC_ASSERT(left.kind == right.kind);
  RC_ASSERT(left.source == right.source);
  RC_ASSERT(left.target == right.target);
  RC_ASSERT(left.link == right.link);
  RC_ASSERT(left.precedence == right.precedence);
  RC_ASSERT(left.disabled == right.disabled);
  RC_ASSERT(left.scope.size() == right.scope.size());
  for (std::size_t i = 0; i < left.scope.size(); ++i) {
    RC_ASSERT(left.scope[i].size() == right.scope[i].size());
    for (std::size_t k = 0; k < left.scope[i].size(); ++k) {
      RC_ASSERT(left.scope[i][k].attribute == right.scope[i][k].attribute);
      RC_ASSERT(left.scope[i][k].operation == right.scope[i][k].operation);
      RC_ASSERT(left.scope[i][k].value == right.scope[i][k].value);
    }
  }
  RC_ASSERT(left.join.size() == right.join.size());
  for (std::size_t i = 0; i < left.join.size(); ++i) {
    RC_ASSERT(left.join[i].size() == right.join[i].size());
    for (std::size_t k = 0; k < left.join[i].size(); ++k) {
      RC_ASSERT(left.join[i][k].source == right.join[i][k].source);
      RC_ASSERT(left.join[i][k].target == right.join[i][k].target);
      RC_ASSERT(left.join[i][k].case_sensitive == right.join[i][k].case_sensitive);
    }
  }
  RC_ASSERT(left.flows.size() == right.flows.size());
  for (std::size_t i = 0; i < left.flows.size(); ++i) {
    const Flow& a = left.flows[i];
    const Flow& b = right.flows[i];
    RC_ASSERT(a.target == b.target);
    RC_ASSERT(a.kind == b.kind);
    RC_ASSERT(a.text == b.text);
    RC_ASSERT(a.constant == b.constant);
    RC_ASSERT(a.merge == b.merge);
    RC_ASSERT(a.apply_once == b.apply_once);
  }
}

RC_GTEST_PROP(RulesProperty, PrintedRulesAreReadAsTheyWere, ()) {
  const Rule rule = any_rule();
  const std::string printed = print_rule(rule);
  RC_LOG() << printed;
  std::vector<Problem> problems;
  const std::vector<Rule> again = parse_rules(printed, "printed.toml", problems);
  for (const Problem& problem : problems) {
    RC_LOG() << to_text(problem);
    RC_ASSERT(problem.severity == Problem::Severity::warning);
  }
  RC_ASSERT(again.size() == 1U);
  expect_same(rule, again.front());
}

}  // namespace
}  // namespace linkspan::rules
