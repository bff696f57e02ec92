// People per second through rules: all inbound and outbound flows of one person, folded by nothing; and how long rules
// take to load.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <sstream>

#include "base/text.h"
#include "rules/rule_set.h"
#include "rules/testing/object.h"

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  // One thread counts; a locked instruction would be measured with what it counts.
  allocations.store(allocations.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
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

// --- users of Active Directory and Entra ID ---

/// All rules of a real server (tests/foreign/contoso), or of another folder of rule files (LINKSPAN_BENCH_RULES), with
/// every connector that they name.
struct EntraRules {
  EntraRules() {
    const char* other = std::getenv("LINKSPAN_BENCH_RULES");
    const std::filesystem::path folder = other == nullptr ? LINKSPAN_ENTRA_RULES : other;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == ".toml" && entry.path().stem() != "settings") read(entry.path());
    }
    for (const Rule& rule : rules) {
      const std::string name = rule.connector.empty() ? rule.kind : rule.connector;
      if (std::none_of(connectors.begin(), connectors.end(), [&](const auto& each) { return each.name == name; }))
        connectors.push_back({name, rule.kind.empty() ? "ad" : rule.kind});
    }
  }
  void read(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    std::vector<Problem> problems;
    std::vector<Rule> found = parse_rules(text.str(), path.string(), problems);
    rules.insert(rules.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  [[nodiscard]] std::shared_ptr<const RuleSet> compile(model::Names& names) const {
    std::vector<Problem> problems;
    const std::vector<model::RuleId> ids(rules.size());
    auto set = RuleSet::compile(rules, ids, connectors, names, problems);
    if (set == nullptr) {
      for (const Problem& problem : problems) std::fprintf(stderr, "%s\n", to_text(problem).c_str());
      std::abort();
    }
    return set;
  }
  std::vector<Rule> rules;
  std::vector<ConnectorName> connectors;
};

/// A person with a mailbox, as Active Directory and the cloud hold one: 50 attributes.
model::Image entra_person(model::Names& names) {
  model::Image image;
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"dn", "CN=Ada Lovelace,OU=Engineering,OU=People,DC=corp,DC=northquay,DC=example"},
           {"cn", "Ada Lovelace"},
           {"sn", "Lovelace"},
           {"givenName", "Ada"},
           {"displayName", "Ada Lovelace"},
           {"initials", "AL"},
           {"sAMAccountName", "alovelace1815"},
           {"userPrincipalName", "alovelace1815@northquay.example"},
           {"mail", "alovelace1815@northquay.example"},
           {"mailNickname", "alovelace1815"},
           {"targetAddress", "SMTP:alovelace1815@northquay.mail.example"},
           {"legacyExchangeDN", "/o=North Quay/ou=Exchange Administrative Group/cn=Recipients/cn=alovelace1815"},
           {"c", "GB"},
           {"co", "United Kingdom"},
           {"company", "North Quay Engines plc"},
           {"department", "Engineering"},
           {"description", "Wrote the first program "},
           {"title", "Senior Engineer"},
           {"l", "Stoke-on-Trent"},
           {"st", "Staffordshire"},
           {"postalCode", "ST4 2DF"},
           {"streetAddress", "12 Analytical Engine Road"},
           {"physicalDeliveryOfficeName", "Quay House, 3rd floor"},
           {"telephoneNumber", "+44 1782 555 1234"},
           {"mobile", "+44 7700 900 123"},
           {"facsimileTelephoneNumber", "+44 1782 555 9999"},
           {"preferredLanguage", "en-GB"},
           {"wWWHomePage", "https://northquay.example/people/ada"},
           {"extensionAttribute1", "E101815"},
           {"extensionAttribute2", "CC-4711"},
           {"extensionAttribute15", "migrated in wave 3"},
           {"info", "on leave from July"},
           {"cloudAnchor", "User_1ba4b34c-0d5e-4f63-8b1e-3a5f6c7d8e9f"},
           {"cloudSourceAnchor", "TLOkG14NY0+LHjpfbH2Onw=="},
           {"cloudLegacyExchangeDN", "/o=ExchangeLabs/ou=Exchange Administrative Group/cn=Recipients/cn=1ba4b34c"},
           {"cloudMastered", "False"},
           {"usageLocation", "GB"}})
    image.set(names.id(name), {model::Value(std::string(value))});
  const auto binary = [](std::string_view hex) { return model::Value(model::Binary{from_hex(hex).value()}); };
  image.set(names.id("objectGUID"), {binary("4cb3a41b5e0d634f8b1e3a5f6c7d8e9f")});
  image.set(names.id("objectSid"), {binary("0105000000000005150000000102030405060708090a0b0c52040000")});
  image.set(names.id("msExchMailboxGuid"), {binary("4cb3a41b5e0d634f8b1e3a5f6c7d8e90")});
  image.set(names.id("thumbnailPhoto"), {model::Value(model::Binary{std::string(4096, 'J')})});
  image.set(names.id("userAccountControl"), {model::Value(std::int64_t{512})});
  image.set(names.id("pwdLastSet"), {model::Value(std::int64_t{133'444'736'000'000'000})});
  image.set(names.id("countryCode"), {model::Value(std::int64_t{826})});
  image.set(names.id("msExchRecipientTypeDetails"), {model::Value(std::int64_t{1})});
  image.set(names.id("msExchRecipientDisplayType"), {model::Value(std::int64_t{1'073'741'824})});
  image.set(names.id("accountEnabled"), {model::Value(true)});
  image.set(names.id("proxyAddresses"), {model::Value("SMTP:alovelace1815@northquay.example"),
                                         model::Value("smtp:ada@northquay.example"), model::Value("x500:/o=X/cn=ada")});
  image.set(names.id("otherTelephone"), {model::Value("+44 1782 555 1235"), model::Value("+44 1782 555 1236")});
  return image;
}

class EntraSource final : public Source {
 public:
  EntraSource(const model::Image& image, model::NameId manager) : image_(image), manager_(manager) {}
  const model::ImageAttribute* find(model::NameId attribute) const override { return image_.find(attribute); }
  const model::ImageAttribute* find_imported(model::NameId attribute) const override { return image_.find(attribute); }
  std::size_t count_references(model::NameId attribute) const override { return attribute == manager_ ? 1 : 0; }
  std::vector<std::string> reference_names(model::NameId) const override { return {"CN=Boss,DC=corp"}; }
  std::optional<std::string> parameter(std::string_view name) const override {
    if (name == "Domain.FQDN" || name == "Forest.FQDN") return "corp.northquay.example";
    if (name == "Connector.ID") return "{ae4db4cc-b16b-4eb2-acf5-837ca84e4d7d}";
    return "CORP";
  }

 private:
  const model::Image& image_;
  model::NameId manager_;
};

/// What the inbound rules make of the person, lowest precedence number first.
model::Image identity_of(std::span<const CompiledRule* const> rules, const Source& source, model::Image image) {
  for (const CompiledRule* rule : rules) {
    if (!rule->in_scope(source)) continue;
    for (std::size_t i = 0; i < rule->flow_count(); ++i) {
      Contribution given = rule->evaluate(i, source);
      if (given.kind == Contribution::Kind::failed) {
        std::fprintf(stderr, "%s: %s\n", rule->rule().name.c_str(), given.message.c_str());
        std::abort();
      }
      if (given.kind == Contribution::Kind::values && image.find(rule->flow_target(i)) == nullptr)
        image.set(rule->flow_target(i), std::move(given.values));
    }
  }
  return image;
}

/// One person through all flows: scopes and values of every rule of users, inbound and outbound.
void BM_EntraUser(benchmark::State& state) {
  const EntraRules world;
  model::Names names;
  const auto set = world.compile(names);
  const model::Image person = entra_person(names);
  const EntraSource in(person, names.id("manager"));
  std::vector<const CompiledRule*> inbound;
  std::vector<const CompiledRule*> outbound;
  for (const ConnectorName& connector : world.connectors) {
    for (const CompiledRule* rule : set->inbound(connector.name, names.id("user"))) inbound.push_back(rule);
    for (const CompiledRule* rule : set->outbound(connector.name, names.id("person")))
      if (rule->rule().target == "user") outbound.push_back(rule);
  }
  // What only an identity has is not covered by what the person has: the rules' results win over a copy.
  model::Image identity = identity_of(inbound, in, {});
  for (const char* only : {"cloudLegacyExchangeDN", "mailNickname"})
    if (const auto* found = person.find(names.id(only))) identity.set(found->name, found->values);
  const EntraSource out(identity, names.id("manager"));
  (void)identity_of(outbound, out, {});
  std::size_t flows = 0;
  const std::uint64_t before = allocations.load();
  for (auto _ : state) flows = evaluate_all(inbound, in) + evaluate_all(outbound, out);
  const auto spent = static_cast<double>(allocations.load() - before);
  state.SetItemsProcessed(state.iterations());
  state.counters["flows"] = static_cast<double>(flows);
  state.counters["allocations_per_flow"] = spent / static_cast<double>(state.iterations()) / static_cast<double>(flows);
}
BENCHMARK(BM_EntraUser);

/// All of those rules from text to a rule set in force.
void BM_LoadEntraRules(benchmark::State& state) {
  for (auto _ : state) {
    const EntraRules world;
    model::Names names;
    benchmark::DoNotOptimize(world.compile(names));
  }
}
BENCHMARK(BM_LoadEntraRules)->Unit(benchmark::kMillisecond);

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
