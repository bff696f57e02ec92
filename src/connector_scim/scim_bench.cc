// Bodies and pages by themselves, and creates against the lab's service beside the bare HTTP client with the same
// bodies: what the connector costs on top of the wire.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

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

testkit::ScimService& service() {
  static testkit::ScimService made;
  return made;
}

/// What something took: by the wall, and of this thread's processor time.
struct Spent {
  double wall = 0;
  double cpu = 0;
};

double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

Spent spent_by(const std::function<void()>& creates) {
  const double cpu = thread_seconds();
  const auto began = std::chrono::steady_clock::now();
  creates();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), thread_seconds() - cpu};
}

/// In calls of send() as the engine makes them: `at_once` exports each.
int create_by_connector(connector::Connector& connector, const std::vector<model::Export>& adds, std::size_t at_once) {
  int done = 0;
  const std::span<const model::Export> all(adds);
  for (std::size_t from = 0; from < all.size(); from += at_once) {
    connector.send(all.subspan(from, std::min(at_once, all.size() - from)),
                   [&](std::size_t, const connector::Outcome& outcome) {
                     done += std::holds_alternative<connector::Sent>(outcome) ? 1 : 0;
                   },
                   {});
  }
  return done;
}

/// Without a pause, and without a look at what is answered.
int create_bare(net::HttpClient& client, const std::vector<std::string>& bodies, std::size_t concurrency) {
  std::size_t next = 0;
  int done = 0;
  client.perform_all(
      [&]() -> std::optional<net::TaggedRequest> {
        if (next == bodies.size()) return std::nullopt;
        net::Request request;
        request.method = net::Method::post;
        request.url = service().url() + "/Users";
        request.headers = {{"Authorization", "Bearer " + service().token()}, {"Content-Type", "application/scim+json"}};
        request.body = bodies[next];
        return net::TaggedRequest{next++, std::move(request)};
      },
      [&](std::uint64_t, const net::Outcome& outcome) {
        const auto* response = std::get_if<net::Response>(&outcome);
        done += response != nullptr && response->status == 201 ? 1 : 0;
      },
      concurrency, {});
  return done;
}

double median(std::vector<double> all) {
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
  std::nth_element(all.begin(), middle, all.end());
  return *middle;
}

constexpr int k_creates = 800;  ///< of each, in one round
/// So many requests a young service takes to compile itself; till then each costs it up to four times as much.
constexpr int k_warm_requests = 6000;

/// Creates by the connector and by the bare client, in turn.
class Race {
 public:
  explicit Race(std::size_t concurrency) : concurrency_(concurrency) {
    Options options;
    options.url = service().url();
    options.token = vault::Secret::from(std::string(service().token()));
    options.concurrency = concurrency;
    connector_ = make_connector(std::move(options), logger_);
    at_once_ = connector_->capabilities().changes_at_once;
  }

  /// False when some failed.
  bool round() {
    std::vector<model::Export> adds;
    std::vector<std::string> bodies;
    for (int i = 0; i < k_creates; ++i) adds.push_back(person(unique_name()));
    for (int i = 0; i < k_creates; ++i) bodies.push_back(create_body(user_, person(unique_name())));
    int done = 0;
    const auto ours = [&] { done += create_by_connector(*connector_, adds, at_once_); };
    const auto bare = [&] { done += create_bare(client_, bodies, concurrency_); };
    if (is_our_turn_) ours_.push_back(spent_by(ours));
    bare_.push_back(spent_by(bare));
    if (!is_our_turn_) ours_.push_back(spent_by(ours));
    is_our_turn_ = !is_our_turn_;
    return done == 2 * k_creates;
  }

  void report(benchmark::State& state) const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < ours_.size(); ++i) ratios.push_back(bare_[i].wall / ours_[i].wall);
    const auto each = [](const std::vector<Spent>& rounds, double Spent::* what) {
      std::vector<double> all;
      for (const Spent& one : rounds) all.push_back(one.*what / k_creates);
      return median(std::move(all));
    };
    state.counters["connector_per_second"] = 1 / each(ours_, &Spent::wall);
    state.counters["bare_per_second"] = 1 / each(bare_, &Spent::wall);
    state.counters["ratio"] = median(std::move(ratios));
    state.counters["connector_cpu"] = each(ours_, &Spent::cpu);
    state.counters["bare_cpu"] = each(bare_, &Spent::cpu);
  }

 private:
  const std::size_t concurrency_;
  const SystemClock clock_;
  QuietLogger logger_;
  net::HttpClient client_{{}, clock_, logger_};
  const ResourceType user_ = standard_user(true);
  std::unique_ptr<connector::Connector> connector_;
  std::size_t at_once_ = 0;
  bool is_our_turn_ = true;
  std::vector<Spent> ours_, bare_;
};

/// In turn, so that both meet the same service and the same machine.
void BM_Creates(benchmark::State& state) {
  static bool is_warm = false;
  if (!is_warm) {
    Race warm(16);
    for (int i = 0; i < k_warm_requests / (2 * k_creates); ++i) is_warm = warm.round();
  }
  Race race(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    if (!race.round()) state.SkipWithError("some creates failed");
  }
  race.report(state);
}
BENCHMARK(BM_Creates)->Arg(8)->Arg(16)->Iterations(15)->Unit(benchmark::kMillisecond)->UseRealTime();

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
