// Bodies and pages by themselves, and creates against the lab's service beside the bare HTTP client with the same
// bodies: what the connector costs on top of the wire.

#include <benchmark/benchmark.h>

#include <atomic>

#include <testkit/scim_service.h>

#include "connector_scim/internal/make.h"
#include "connector_scim/internal/reader.h"
#include "connector_scim/internal/writer.h"

namespace linkspan::connector_scim {
namespace {

/// Unique over the whole run: no service is emptied between the rounds.
std::string unique_name() {
  static std::atomic<int> next = 0;
  return "u" + std::to_string(next++);
}

model::Export person(const std::string& name) {
  const auto one = [](std::string value) { return model::Values{model::Value(std::move(value))}; };
  model::Export made;
  made.operation = model::Operation::add;
  made.object_type = "User";
  made.dn = name + "@quay.example";
  made.attributes = {{"userName", {}, one(name + "@quay.example")},
                     {"externalId", {}, one("g-" + name)},
                     {"active", {}, {true}},
                     {"displayName", {}, one("Zoë " + name)},
                     {"title", {}, one("Engineer")},
                     {"name.givenName", {}, one("Zoë")},
                     {"name.familyName", {}, one(name)},
                     {R"(emails[type eq "work"].value)", {}, one(name + "@quay.example")},
                     {R"(phoneNumbers[type eq "mobile"].value)", {}, one("+1 555 0100")},
                     {"enterprise:employeeNumber", {}, one("E" + name)},
                     {"enterprise:department", {}, one("IT")}};
  return made;
}

void BM_CreateBody(benchmark::State& state) {
  const ResourceType user = standard_user(true);
  const model::Export add = person("ada");
  for (auto _ : state) benchmark::DoNotOptimize(create_body(user, add));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CreateBody);

void BM_PatchBody(benchmark::State& state) {
  const ResourceType user = standard_user(true);
  model::Export update = person("ada");
  update.attributes.resize(8);
  for (auto& change : update.attributes) change.before = {model::Value(std::string("old"))};
  for (auto _ : state) benchmark::DoNotOptimize(patch_body(user, update, nullptr));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_PatchBody);

void BM_ReadPage(benchmark::State& state) {
  const ResourceType user = standard_user(true);
  std::string list;
  for (int i = 0; i < 1000; ++i) {
    std::string body = create_body(user, person("p" + std::to_string(i)));
    body.insert(1, "\"id\":\"" + std::to_string(i) + "\",\"meta\":{\"lastModified\":\"2026-11-22T17:57:00.123Z\"},");
    list += (i == 0 ? "" : ",") + body;
  }
  const std::string page = "{\"totalResults\":1000,\"Resources\":[" + list + "]}";
  Reader reader;
  for (auto _ : state) benchmark::DoNotOptimize(reader.page(page, user));
  state.SetItemsProcessed(state.iterations() * 1000);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(page.size()));
}
BENCHMARK(BM_ReadPage)->Unit(benchmark::kMillisecond);

constexpr int k_creates = 2000;

testkit::ScimService& service() {
  static testkit::ScimService made;
  return made;
}

void BM_CreatesByConnector(benchmark::State& state) {
  QuietLogger logger;
  Options options;
  options.url = service().url();
  options.token = vault::Secret::from(std::string(service().token()));
  options.concurrency = static_cast<std::size_t>(state.range(0));
  const auto connector = make_connector(std::move(options), logger);
  (void)connector->schema();
  for (auto _ : state) {
    std::vector<model::Export> adds;
    for (int i = 0; i < k_creates; ++i) adds.push_back(person(unique_name()));
    int done = 0;
    connector->send(adds,
                    [&](std::size_t, const connector::Outcome& outcome) {
                      done += std::holds_alternative<connector::Sent>(outcome);
                    },
                    {});
    if (done != k_creates) state.SkipWithError("some creates failed");
  }
  state.SetItemsProcessed(state.iterations() * k_creates);
}

void BM_CreatesBare(benchmark::State& state) {
  const SystemClock clock;
  QuietLogger logger;
  net::HttpClient client({}, clock, logger);
  const ResourceType user = standard_user(true);
  for (auto _ : state) {
    std::vector<std::string> bodies;
    for (int i = 0; i < k_creates; ++i) bodies.push_back(create_body(user, person(unique_name())));
    std::size_t next = 0;
    int done = 0;
    client.perform_all(
        [&]() -> std::optional<net::TaggedRequest> {
          if (next == bodies.size()) return std::nullopt;
          net::Request request;
          request.method = net::Method::post;
          request.url = service().url() + "/Users";
          request.headers = {{"Authorization", "Bearer " + service().token()},
                             {"Content-Type", "application/scim+json"}};
          request.body = bodies[next];
          return net::TaggedRequest{next++, std::move(request)};
        },
        [&](std::uint64_t, const net::Outcome& outcome) {
          const auto* response = std::get_if<net::Response>(&outcome);
          done += response != nullptr && response->status == 201;
        },
        static_cast<std::size_t>(state.range(0)), {});
    if (done != k_creates) state.SkipWithError("some creates failed");
  }
  state.SetItemsProcessed(state.iterations() * k_creates);
}

BENCHMARK(BM_CreatesByConnector)->Arg(8)->Arg(16)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_CreatesBare)->Arg(8)->Arg(16)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_FullImport(benchmark::State& state) {
  QuietLogger logger;
  Options options;
  options.url = service().url();
  options.token = vault::Secret::from(std::string(service().token()));
  const auto connector = make_connector(std::move(options), logger);
  std::size_t count = 0;
  for (auto _ : state) {
    const auto import = connector->import({}, {});
    std::vector<model::Observation> batch;
    while (import->next(batch)) count += batch.size();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(count));
}
BENCHMARK(BM_FullImport)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace linkspan::connector_scim
