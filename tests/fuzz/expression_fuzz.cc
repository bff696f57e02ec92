// Any bytes as an expression: read, checked, evaluated, and printed in a form that reads the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"
#include "rules/evaluate.h"
#include "rules/internal/ast.h"

namespace {

using namespace linkspan;

constexpr std::string_view k_certificate =
    "MIIByTCCAW+gAwIBAgIIAPHi08S1ppcwCgYIKoZIzj0EAwIwPDELMAkGA1UEBhMCTk8xEzARBgNVBAoMCk5vcnRoIFF1YXkxGDAWBgNV"
    "BAMMD05vcnRoIFF1YXkgUm9vdDAeFw0wMTAyMDMwNDA1MDZaFw0wMjAyMDMwNDA1MDZaMIGDMQswCQYDVQQGEwJOTzEOMAwGA1UECAwF"
    "VHJvbXMxEDAOBgNVBAcMB1Ryb21zw7gxCjAIBgMqAwQMAXgxFDASBgoJkiaJk/IsZAEZFgRxdWF5MRMwEQYDVQQKDApBICsgQiAiQ28i"
    "MRswCQYDVQQFEwI0MjAOBgNVBAMMByBvZGQgIzEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATKK1F0Es4k7T3J9mQ11L2ofr3n0+uS"
    "C0H89SnRMw81KM4hkFcn3fm8yOITOKaurcOMhF0SbCOs0WWCl78zgk4goxMwETAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gA"
    "MEUCIDOWNcspsRumn6vhfDFpdV5K1c20eCjaPd17vrNWcr41AiEA1TclGA0pYrYLvHeQaNKJeHatZhcRd8DhBHgh5rxaB9o=";

rules::EvaluationInput make_input() {
  rules::EvaluationInput input;
  input.attributes["a"] = {model::Value("ada@x")};
  input.attributes["b"] = {model::Value("1"), model::Value("B "), model::Value("cn=A,dc=x")};
  input.attributes["n"] = {model::Value(std::int64_t{41})};
  input.attributes["f"] = {model::Value(true)};
  input.attributes["t"] = {model::Value(Time{})};
  input.attributes["g"] = {model::Value(model::Binary{std::string(16, '\x81')})};
  input.attributes["c"] = {model::Value(model::Binary{from_base64(k_certificate).value()})};
  input.attributes["d"] = {model::Value("cn=A\\0ACNF:b,ou=C,dc=x")};
  input.taken = {"ada"};
  input.references = {{"m", "cn=A,dc=x"}, {"m", "cn=B,dc=x"}};
  input.parameters = {{"Domain.FQDN", "corp.example"}};
  return input;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const rules::EvaluationInput input = make_input();
  static const ManualClock clock;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  rules::ExpressionProblems problems;
  if (const auto tree = rules::parse_expression(text, problems)) {
    rules::ExpressionProblems again;
    const auto printed = rules::parse_expression(rules::print_expression(*tree), again);
    // Parentheses that printing adds may go beyond the limits that the text kept.
    const bool too_much =
        !again.empty() && (again.back().id == "rules.too_deep" || again.back().id == "rules.too_long");
    if (!too_much && (!printed || !(*printed == *tree))) std::abort();
  } else if (problems.empty() || problems.back().offset > size) {
    std::abort();
  }
  (void)rules::evaluate_expression(text, input, clock);
  return 0;
}
