// People per second through the default rules: all inbound and outbound flows of one person, folded by nothing.

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <new>
#include <sstream>

#include "rules/rule_set.h"
#include "rules/testing/object.h"

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace linkspan::rules {
namespace {

/// An image, found by binary search as sync finds it.
class ImageSource final : public Source {
 public:
  explicit ImageSource(const model::Image& image, model::NameId reference) : image_(image), reference_(reference) {}
  const model::ImageAttribute* find(model::NameId attribute) const override { return image_.find(attribute); }
  const model::ImageAttribute* find_imported(model::NameId attribute) const override { return image_.find(attribute); }
  std::size_t count_references(model::NameId attribute) const override { return attribute == reference_ ? 1 : 0; }
  std::vector<std::string> reference_names(model::NameId) const override { return {"uid=boss,dc=x"}; }
  std::optional<std::string> parameter(std::string_view) const override { return std::nullopt; }

 private:
  const model::Image& image_;
  model::NameId reference_;
};

struct World {
  World() {
    std::ifstream file(LINKSPAN_RULES);
    std::stringstream text;
    text << file.rdbuf();
    std::vector<Problem> problems;
    std::vector<Rule> rules = parse_rules(text.str(), "rules", problems);
    const std::vector<model::RuleId> ids(rules.size());
    const std::vector<ConnectorName> connectors{{"corp", "ldap"}, {"cloud", "scim"}};
    set = RuleSet::compile(std::move(rules), ids, connectors, names, problems);
    if (set == nullptr) std::abort();
    const auto fill = [&](model::Image& image, std::initializer_list<std::pair<const char*, const char*>> pairs) {
      for (const auto& [name, value] : pairs) image.set(names.id(name), {model::Value(std::string(value))});
    };
    fill(person, {{"entryUUID", "1ba4b34c-0d5e-4f63-8b1e-3a5f6c7d8e9f"},
                  {"uid", "alovelace1815"},
                  {"cn", "Ada Lovelace"},
                  {"sn", "Lovelace"},
                  {"givenName", "Ada"},
                  {"displayName", "Ada Lovelace"},
                  {"mail", "alovelace1815@northquay.example"},
                  {"employeeNumber", "101815"},
                  {"employeeType", "employee"},
                  {"title", "Senior Engineer"},
                  {"departmentNumber", "1000"},
                  {"ou", "Engineering"},
                  {"l", "Stoke-on-Trent"},
                  {"preferredLanguage", "en"},
                  {"telephoneNumber", "+44 1782 555 1234"}});
    fill(identity, {{"sourceAnchor", "1ba4b34c-0d5e-4f63-8b1e-3a5f6c7d8e9f"},
                    {"userName", "alovelace1815"},
                    {"sn", "Lovelace"},
                    {"givenName", "Ada"},
                    {"displayName", "Ada Lovelace"},
                    {"mail", "alovelace1815@northquay.example"},
                    {"employeeNumber", "101815"},
                    {"title", "Senior Engineer"},
                    {"department", "Engineering"},
                    {"preferredLanguage", "en"},
                    {"telephoneNumber", "+44 1782 555 1234"}});
    identity.set(names.id("accountEnabled"), {model::Value(true)});
  }
  model::Names names;
  std::shared_ptr<const RuleSet> set;
  model::Image person;
  model::Image identity;
};

std::size_t evaluate_all(std::span<const CompiledRule* const> rules, const Source& source) {
  std::size_t flows = 0;
  for (const CompiledRule* rule : rules) {
    if (!rule->in_scope(source)) continue;
    for (std::size_t i = 0; i < rule->flow_count(); ++i, ++flows) benchmark::DoNotOptimize(rule->evaluate(i, source));
  }
  return flows;
}

void BM_DefaultUserRules(benchmark::State& state) {
  World world;
  const ImageSource in(world.person, world.names.id("manager"));
  const ImageSource out(world.identity, world.names.id("manager"));
  const auto inbound = world.set->inbound("corp", world.names.id("inetOrgPerson"));
  const auto outbound = world.set->outbound("cloud", world.names.id("person"));
  std::size_t flows = 0;
  const std::uint64_t before = allocations.load();
  for (auto _ : state) flows = evaluate_all(inbound, in) + evaluate_all(outbound, out);
  const auto spent = static_cast<double>(allocations.load() - before);
  state.SetItemsProcessed(state.iterations());
  state.counters["flows"] = static_cast<double>(flows);
  state.counters["allocations_per_flow"] = spent / static_cast<double>(state.iterations()) / static_cast<double>(flows);
}
BENCHMARK(BM_DefaultUserRules);

/// One of the heavier expressions of the field, on its own.
void BM_MailEnabled(benchmark::State& state) {
  model::Names names;
  std::vector<Problem> problems;
  Rule rule;
  rule.name = "r";
  rule.kind = "ad";
  rule.source = "user";
  rule.target = "person";
  Flow flow;
  flow.target = "mailEnabled";
  flow.kind = Flow::Kind::expression;
  flow.text =
      "IIF(( (IsPresent([proxyAddresses]) = True) && (Contains([proxyAddresses], \"SMTP:\") > 0) && "
      "(InStr(Item([proxyAddresses], "
      "Contains([proxyAddresses], \"SMTP:\")), \"@\") > 0)) || (IsPresent([mail]) = True && (InStr([mail], \"@\") > "
      "0)), True, False)";
  rule.flows = {flow};
  const std::vector<model::RuleId> ids(1);
  const std::vector<ConnectorName> connectors{{"corp", "ad"}};
  const auto set = RuleSet::compile({rule}, ids, connectors, names, problems);
  model::Image image;
  image.set(names.id("proxyAddresses"),
            {model::Value("SMTP:ada@x.example"), model::Value("smtp:lovelace@x.example"), model::Value("x500:/o=X")});
  const ImageSource source(image, 0);
  for (auto _ : state) benchmark::DoNotOptimize(set->rules().front()->evaluate(0, source));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MailEnabled);

void BM_CompileDefaultRules(benchmark::State& state) {
  for (auto _ : state) {
    World world;
    benchmark::DoNotOptimize(world.set);
  }
}
BENCHMARK(BM_CompileDefaultRules)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace linkspan::rules
