// The export's shape: many small POSTs to one host. Server and client share the machine, so this is a lower bound.

#include <benchmark/benchmark.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_client.h"
#include "net/testing/loopback_server.h"

namespace linkspan::net {
namespace {

void BM_SmallPosts(benchmark::State& state) {
  LoopbackServer server([](const SeenRequest&) { return ScriptedReply{.bytes = http_reply(201, R"({"id":"1"})")}; });
  const SystemClock clock;
  QuietLogger logger;
  HttpClient client({}, clock, logger);
  constexpr std::uint64_t k_posts = 10'000;
  const std::string url = server.url() + "/Users";
  const std::string body(300, 'u');
  for (auto _ : state) {
    std::uint64_t next = 0;
    std::uint64_t good = 0;
    client.perform_all(
        [&]() -> std::optional<TaggedRequest> {
          if (next == k_posts) return std::nullopt;
          return TaggedRequest{
              .tag = next++,
              .request = {.method = Method::post,
                          .url = url,
                          .headers = {{"Content-Type", "application/scim+json"}, {"Authorization", "Bearer token"}},
                          .body = body}};
        },
        [&](std::uint64_t, const Outcome& outcome) { good += std::holds_alternative<Response>(outcome) ? 1 : 0; },
        static_cast<std::size_t>(state.range(0)), {});
    if (good != k_posts) state.SkipWithError("some posts failed");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(k_posts));
}
BENCHMARK(BM_SmallPosts)->Arg(1)->Arg(16)->Arg(64)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace linkspan::net
