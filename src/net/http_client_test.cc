#include "net/http_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "net/testing/loopback_server.h"

namespace linkspan::net {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

/// Keeps what was logged, as one text.
class KeepingLogger final : public Logger {
 public:
  void log(Level, std::string_view id, std::string_view message, std::initializer_list<Field> fields) override {
    const std::lock_guard lock(mutex_);
    text_.append(id).append(" ").append(message);
    for (const auto& [name, value] : fields) text_.append(" ").append(name).append("=").append(value);
    text_ += '\n';
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// A gate that the test opens.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

class HttpClientTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ::setenv("no_proxy", "*", 1); }  // whatever proxy the tester's shell names
  static ClientOptions quick() {
    ClientOptions options;
    options.first_delay = 2ms;
    return options;
  }
  static Request ask(const std::string& url, Method method = Method::get, std::string body = {}) {
    return {.method = method, .url = url, .headers = {{"Authorization", "Bearer s3cret"}}, .body = std::move(body)};
  }
  Response perform(const Request& request, ClientOptions options = quick()) {
    HttpClient client(std::move(options), clock_, logger_);
    return client.perform(request, {});
  }
  Error failure(const Request& request, ClientOptions options = quick()) {
    try {
      (void)perform(request, std::move(options));
    } catch (Error& error) {
      EXPECT_THAT(error.what(), Not(HasSubstr("s3cret")));
      return std::move(error);
    }
    return {Fault::invalid, "none", "it went well"};
  }
  std::string failure_id(const Request& request, ClientOptions options = quick()) {
    return std::string(failure(request, std::move(options)).id());
  }
  static std::map<std::uint64_t, Outcome> perform_all(HttpClient& client, const std::vector<Request>& requests,
                                                      std::size_t concurrency) {
    std::map<std::uint64_t, Outcome> outcomes;
    std::uint64_t next = 0;
    client.perform_all(
        [&]() -> std::optional<TaggedRequest> {
          if (next == requests.size()) return std::nullopt;
          const std::uint64_t tag = next++;
          return TaggedRequest{.tag = tag, .request = requests[tag]};
        },
        [&](std::uint64_t tag, Outcome outcome) {
          EXPECT_TRUE(outcomes.emplace(tag, std::move(outcome)).second) << "two outcomes for " << tag;
        },
        concurrency, {});
    return outcomes;
  }

  SystemClock clock_;
  KeepingLogger logger_;
};

TEST_F(HttpClientTest, SendsWhatItIsGivenAndReadsTheReply) {
  std::string head;
  LoopbackServer server([&](const SeenRequest& seen) {
    head = seen.head;
    return ScriptedReply{.bytes = http_reply(201, "made " + seen.body, "ETag: W/\"1\"\r\nX-Empty:\r\n")};
  });
  Request request = ask(server.url() + "/Users?x=1", Method::post, R"({"a":1})");
  request.headers.add("Content-Type", "application/scim+json");
  request.headers.add("X-Nothing", "");
  const Response response = perform(request);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, R"(made {"a":1})");
  EXPECT_EQ(response.headers.find("etag"), "W/\"1\"");
  EXPECT_EQ(response.headers.find("X-EMPTY"), "");
  EXPECT_EQ(response.headers.find("none"), std::nullopt);
  EXPECT_EQ(response.attempts, 1);
  EXPECT_THAT(head, AllOf(HasSubstr("POST /Users?x=1 HTTP/1.1\r\n"), HasSubstr("User-Agent: linkspan/"),
                          HasSubstr("Content-Type: application/scim+json\r\n"), HasSubstr("X-Nothing:\r\n"),
                          HasSubstr("Authorization: Bearer s3cret\r\n"), Not(HasSubstr("Expect")),
                          Not(HasSubstr("urlencoded"))));
}

TEST_F(HttpClientTest, OneHandleServesEveryMethodInTurn) {
  LoopbackServer server([](const SeenRequest& seen) {
    const std::string text = seen.method + " " + seen.body;
    return ScriptedReply{.bytes = seen.method == "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                                                        : http_reply(200, text)};
  });
  HttpClient client(quick(), clock_, logger_);
  const auto says = [&](Method method, std::string body = {}) {
    return client.perform(ask(server.url(), method, std::move(body)), {}).body;
  };
  EXPECT_EQ(says(Method::post, "a"), "POST a");
  EXPECT_EQ(says(Method::get), "GET ");
  EXPECT_EQ(says(Method::head), "");
  EXPECT_EQ(says(Method::put, "b"), "PUT b");
  EXPECT_EQ(says(Method::remove), "DELETE ");
  EXPECT_EQ(says(Method::patch, "c"), "PATCH c");
  EXPECT_EQ(says(Method::remove, "d"), "DELETE d");
  EXPECT_EQ(says(Method::post), "POST ");
  EXPECT_EQ(says(Method::get), "GET ");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, ReadsChunkedAndGzippedBodies) {
  // printf hello | gzip -n
  const std::string gzip("\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0", 25);
  LoopbackServer server([&](const SeenRequest& seen) {
    if (seen.target == "/gzip") return ScriptedReply{.bytes = http_reply(200, gzip, "Content-Encoding: gzip\r\n")};
    return ScriptedReply{.bytes =
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"};
  });
  EXPECT_EQ(perform(ask(server.url() + "/chunked")).body, "hello");
  EXPECT_EQ(perform(ask(server.url() + "/gzip")).body, "hello");
}

TEST_F(HttpClientTest, RefusedConnectionsAndUnknownHostsWereNeverSent) {
  ClientOptions options = quick();
  options.max_attempts = 2;
  const Error refused =
      failure(ask("http://127.0.0.1:" + std::to_string(free_port()) + "/?q=s3cret", Method::post, "x"), options);
  EXPECT_EQ(refused.id(), "net.unreachable");
  EXPECT_EQ(refused.fault(), Fault::unavailable);
  EXPECT_FALSE(may_have_arrived(refused));
  EXPECT_THAT(refused.what(), HasSubstr("POST http://127.0.0.1:"));
  EXPECT_EQ(failure_id(ask("http://no-such-host.invalid/"), options), "net.unreachable");
}

TEST_F(HttpClientTest, WhatCannotBeSentIsInvalid) {
  EXPECT_EQ(failure_id(ask("ftp://127.0.0.1/")), "net.url");
  EXPECT_EQ(failure_id(ask("https://user:s3cret@127.0.0.1/")), "net.url");
  EXPECT_EQ(failure_id(ask("http://127.0.0.1/", Method::get, "a body")), "net.request");
  Request injected = ask("http://127.0.0.1/");
  injected.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(failure_id(injected), "net.request");
  injected = ask("http://127.0.0.1/");
  injected.headers.add("X Y", "a");
  EXPECT_EQ(failure_id(injected), "net.request");
}

TEST_F(HttpClientTest, APostWithoutAnAnswerIsLostAndNeverSentAgain) {
  for (const std::string answer : {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "SSH-2.0-garbage\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    LoopbackServer server([&](const SeenRequest&) { return ScriptedReply{.bytes = answer, .then_close = true}; });
    const Error error = failure(ask(server.url(), Method::post, "create"));
    EXPECT_EQ(error.id(), "net.lost") << answer;
    EXPECT_TRUE(may_have_arrived(error));
    EXPECT_EQ(server.requests(), 1) << answer;
  }
}

TEST_F(HttpClientTest, AKeptConnectionThatDiesDoesNotSendAPostTwice) {
  // libcurl by itself repeats any request when a reused connection closes before the first byte of the reply.
  LoopbackServer server([](const SeenRequest& seen) {
    if (seen.number == 2) return ScriptedReply{.then_close = true};
    return ScriptedReply{.bytes = http_reply(200)};
  });
  HttpClient client(quick(), clock_, logger_);
  EXPECT_EQ(client.perform(ask(server.url()), {}).status, 200);
  try {
    (void)client.perform(ask(server.url(), Method::post, "create"), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "net.lost");
  }
  EXPECT_EQ(server.requests(), 2);
}

TEST_F(HttpClientTest, AKeptConnectionThatDiesRepeatsAPut) {
  LoopbackServer server([](const SeenRequest& seen) {
    if (seen.number == 2) return ScriptedReply{.then_close = true};
    return ScriptedReply{.bytes = http_reply(200)};
  });
  HttpClient client(quick(), clock_, logger_);
  EXPECT_EQ(client.perform(ask(server.url()), {}).status, 200);
  EXPECT_EQ(client.perform(ask(server.url(), Method::put, "replace"), {}).status, 200);
  EXPECT_EQ(server.requests(), 3);
}

TEST_F(HttpClientTest, LostAndFailedRequestsAreRepeatedWhenThatIsSafe) {
  LoopbackServer server([](const SeenRequest& seen) {
    if (seen.number == 1) return ScriptedReply{.then_close = true};
    if (seen.number == 2) return ScriptedReply{.bytes = http_reply(502)};
    return ScriptedReply{.bytes = http_reply(204)};
  });
  const Response response = perform(ask(server.url(), Method::remove));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.attempts, 3);
  EXPECT_THAT(logger_.text(), AllOf(HasSubstr("net.retry"), HasSubstr("because=502"), Not(HasSubstr("s3cret"))));
}

TEST_F(HttpClientTest, AFailedPostIsTheCallersUnlessItSaysRepeatable) {
  LoopbackServer server(
      [](const SeenRequest& seen) { return ScriptedReply{.bytes = http_reply(seen.number % 2 == 1 ? 500 : 200)}; });
  EXPECT_EQ(perform(ask(server.url(), Method::post, "x")).status, 500);
  EXPECT_EQ(perform(ask(server.url(), Method::patch, "x")).status, 200);
  Request search = ask(server.url(), Method::post, "search");
  search.repeatable = true;
  const Response response = perform(search);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.attempts, 2);
}

TEST_F(HttpClientTest, GivesUpAfterMaxAttemptsWithTheLastReply) {
  LoopbackServer server(
      [](const SeenRequest&) { return ScriptedReply{.bytes = http_reply(429, "slow down", "Retry-After: 0\r\n")}; });
  const Response response = perform(ask(server.url(), Method::post, "x"));
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.body, "slow down");
  EXPECT_EQ(response.attempts, 4);
  EXPECT_EQ(server.requests(), 4);
  EXPECT_EQ(fault_of(response.status), Fault::throttled);
}

TEST_F(HttpClientTest, AThrottledPostWaitsAsAskedAndIsRepeated) {
  LoopbackServer server([](const SeenRequest& seen) {
    if (seen.number == 1) return ScriptedReply{.bytes = http_reply(429, "", "Retry-After: 0.05\r\n")};
    if (seen.number == 2) return ScriptedReply{.bytes = http_reply(503, "", "retry-after: 0.05\r\n")};
    return ScriptedReply{.bytes = http_reply(201)};
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(perform(ask(server.url(), Method::post, "x")).status, 201);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 100ms);
}

TEST_F(HttpClientTest, A429HoldsTheWholeBatchBackAndA503OnlyItself) {
  std::mutex mutex;
  std::vector<std::string> order;
  std::string put_off;
  LoopbackServer server([&](const SeenRequest& seen) {
    const std::lock_guard lock(mutex);
    order.push_back(seen.target);
    if (seen.target == "/1" && std::ranges::count(order, "/1") == 1) return ScriptedReply{.bytes = put_off};
    return ScriptedReply{.bytes = http_reply(200)};
  });
  HttpClient client(quick(), clock_, logger_);
  std::vector<Request> requests;
  for (int i = 1; i <= 4; ++i) requests.push_back(ask(server.url() + "/" + std::to_string(i)));
  put_off = http_reply(429, "", "Retry-After: 0.1\r\n");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(perform_all(client, requests, 1), SizeIs(4));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 100ms);
  EXPECT_THAT(order, ElementsAre("/1", "/1", "/2", "/3", "/4"));
  order.clear();
  put_off = http_reply(503, "", "Retry-After: 0.1\r\n");
  EXPECT_THAT(perform_all(client, requests, 1), SizeIs(4));
  EXPECT_THAT(order, ElementsAre("/1", "/2", "/3", "/4", "/1"));
}

TEST_F(HttpClientTest, TimeoutsSayWhetherTheRequestWentOut) {
  Gate gate;
  LoopbackServer server([&](const SeenRequest&) {
    return ScriptedReply{.bytes = http_reply(200), .then_close = true, .first = [&] { gate.wait(); }};
  });
  ClientOptions options = quick();
  options.total_timeout = 100ms;
  const Error error = failure(ask(server.url(), Method::post, "x"), options);
  EXPECT_EQ(error.id(), "net.timeout");
  EXPECT_TRUE(may_have_arrived(error));
  EXPECT_EQ(server.requests(), 1);
  gate.open();
  // A listener that accepts no connection: the handshake of TLS never comes, so nothing was sent.
  LoopbackServer silent([&](const SeenRequest&) { return ScriptedReply{}; });
  options.max_attempts = 1;
  options.connect_timeout = 100ms;
  options.total_timeout = 10s;
  const std::string tls_url = "https" + silent.url().substr(4);
  EXPECT_EQ(failure_id(ask(tls_url, Method::post, "x"), options), "net.unreachable");
}

TEST_F(HttpClientTest, AnAnswerAboveTheLimitIsRefused) {
  LoopbackServer server([](const SeenRequest& seen) {
    if (seen.target == "/fits") return ScriptedReply{.bytes = http_reply(200, std::string(1000, 'x'))};
    if (seen.target == "/headers") {
      std::string lines;
      for (int i = 0; i < 60; ++i) lines += "X-Long: " + std::string(5000, 'y') + "\r\n";
      return ScriptedReply{.bytes = http_reply(200, "", lines), .then_close = true};
    }
    return ScriptedReply{.bytes = http_reply(200, std::string(1001, 'x')), .then_close = true};
  });
  ClientOptions options = quick();
  options.longest_body = 1000;
  EXPECT_EQ(perform(ask(server.url() + "/fits"), options).body.size(), 1000U);
  const Error error = failure(ask(server.url() + "/over", Method::post, "x"), options);
  EXPECT_EQ(error.id(), "net.too_large");
  EXPECT_TRUE(may_have_arrived(error));
  EXPECT_EQ(failure_id(ask(server.url() + "/headers"), options), "net.too_large");
}

TEST_F(HttpClientTest, RedirectsAreFollowedForReadsWithinTheOriginOnly) {
  LoopbackServer elsewhere([](const SeenRequest&) { return ScriptedReply{.bytes = http_reply(200, "stolen")}; });
  LoopbackServer server([&](const SeenRequest& seen) {
    if (seen.target == "/here") return ScriptedReply{.bytes = http_reply(301, "", "Location: /there\r\n")};
    if (seen.target == "/loop") return ScriptedReply{.bytes = http_reply(302, "", "Location: /loop\r\n")};
    if (seen.target == "/away") {
      return ScriptedReply{.bytes = http_reply(302, "", "Location: " + elsewhere.url() + "/x\r\n")};
    }
    return ScriptedReply{.bytes = http_reply(200, seen.target)};
  });
  EXPECT_EQ(perform(ask(server.url() + "/here")).body, "/there");
  EXPECT_EQ(perform(ask(server.url() + "/here", Method::post, "x")).status, 301);
  EXPECT_EQ(perform(ask(server.url() + "/away")).status, 302);
  EXPECT_EQ(elsewhere.requests(), 0);
  const int before = server.requests();
  EXPECT_EQ(perform(ask(server.url() + "/loop")).status, 302);
  EXPECT_EQ(server.requests() - before, 6);
}

TEST_F(HttpClientTest, CertificatesAreVerifiedUnlessToldNotTo) {
  const auto pair = LoopbackServer::make_certificate("scim.example");
  std::string pattern = (std::filesystem::temp_directory_path() / "linkspan-net-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path folder(pattern);
  std::ofstream(folder / "ca.pem") << pair.certificate_pem;
  LoopbackServer server([](const SeenRequest&) { return ScriptedReply{.bytes = http_reply(200, "safe")}; },
                        std::make_unique<LoopbackServer::Tls>(pair));
  const Error error = failure(ask(server.url(), Method::post, "x"));
  EXPECT_EQ(error.id(), "net.certificate");
  EXPECT_EQ(error.fault(), Fault::denied);
  EXPECT_THAT(error.hint(), HasSubstr("certificate authority"));
  EXPECT_FALSE(may_have_arrived(error));

  ClientOptions trusting = quick();
  trusting.ca_file = (folder / "ca.pem").string();
  EXPECT_EQ(perform(ask(server.url()), trusting).body, "safe");
  EXPECT_EQ(failure_id(ask("https://localhost:" + std::to_string(server.port())), trusting), "net.certificate");
  trusting.ca_file = (folder / "none.pem").string();
  EXPECT_EQ(failure_id(ask(server.url()), trusting), "net.certificate");
  EXPECT_EQ(logger_.text(), "");

  ClientOptions careless = quick();
  careless.verify = false;
  HttpClient client(careless, clock_, logger_);
  EXPECT_EQ(client.perform(ask(server.url()), {}).body, "safe");
  EXPECT_EQ(client.perform(ask(server.url()), {}).body, "safe");
  const std::string log = logger_.text();
  EXPECT_EQ(log.find("net.unverified"), log.rfind("net.unverified"));
  EXPECT_THAT(log, HasSubstr("net.unverified"));
  std::filesystem::remove_all(folder);
}

TEST_F(HttpClientTest, ManyRequestsShareFewConnectionsAndKeepTheirTags) {
  LoopbackServer server([](const SeenRequest& seen) {
    return ScriptedReply{.bytes = http_reply(200, seen.target.substr(1) + seen.body)};
  });
  HttpClient client(quick(), clock_, logger_);
  std::vector<Request> requests;
  for (int i = 0; i < 500; ++i) requests.push_back(ask(server.url() + "/" + std::to_string(i), Method::post, "!"));
  for (int round = 0; round < 2; ++round) {
    const auto outcomes = perform_all(client, requests, 8);
    ASSERT_EQ(outcomes.size(), 500U);
    for (const auto& [tag, outcome] : outcomes) {
      ASSERT_TRUE(std::holds_alternative<Response>(outcome));
      EXPECT_EQ(std::get<Response>(outcome).body, std::to_string(tag) + "!");
    }
  }
  EXPECT_LE(server.connections(), 8);
  EXPECT_EQ(server.requests(), 1000);
}

TEST_F(HttpClientTest, AsManyAsAskedForAreInFlightAtOnce) {
  std::atomic<int> arrived{0};
  Gate all_there;
  LoopbackServer server([&](const SeenRequest&) {
    return ScriptedReply{.bytes = http_reply(200), .first = [&] {
                           if (++arrived == 6) all_there.open();
                           all_there.wait();
                         }};
  });
  HttpClient client(quick(), clock_, logger_);
  EXPECT_THAT(perform_all(client, std::vector<Request>(6, ask(server.url(), Method::post)), 6), SizeIs(6));
  EXPECT_EQ(server.connections(), 6);
}

TEST_F(HttpClientTest, RepliesMayBringNewRequestsAndTheSinkMayAskAgain) {
  LoopbackServer server([](const SeenRequest& seen) { return ScriptedReply{.bytes = http_reply(200, seen.target)}; });
  HttpClient client(quick(), clock_, logger_);
  int page = 1;
  int next = 1;
  std::vector<std::string> seen;
  client.perform_all(
      [&]() -> std::optional<TaggedRequest> {
        if (next > page) return std::nullopt;
        return TaggedRequest{.tag = 0, .request = ask(server.url() + "/page" + std::to_string(next++))};
      },
      [&](std::uint64_t, const Outcome& outcome) {
        seen.push_back(std::get<Response>(outcome).body);
        seen.push_back(client.perform(ask(server.url() + "/token"), {}).body);
        if (page < 3) ++page;
      },
      4, {});
  EXPECT_THAT(seen, ElementsAre("/page1", "/token", "/page2", "/token", "/page3", "/token"));
}

TEST_F(HttpClientTest, AStopLetsWhatIsInFlightEndAndCancelsWhatWaits) {
  std::stop_source stop;
  Gate stopped;
  LoopbackServer server([&](const SeenRequest& seen) {
    if (seen.target == "/waits") return ScriptedReply{.bytes = http_reply(503, "", "Retry-After: 200\r\n")};
    return ScriptedReply{.bytes = http_reply(200, "done"), .first = [&] {
                           stop.request_stop();
                           stopped.wait();
                         }};
  });
  HttpClient client(quick(), clock_, logger_);
  std::map<std::uint64_t, Outcome> outcomes;
  std::uint64_t handed_out = 0;
  client.perform_all(
      [&]() -> std::optional<TaggedRequest> {
        const std::uint64_t tag = handed_out++;
        return TaggedRequest{.tag = tag, .request = ask(server.url() + (tag == 0 ? "/waits" : "/slow"), Method::post)};
      },
      [&](std::uint64_t tag, Outcome outcome) {
        outcomes.emplace(tag, std::move(outcome));
        stopped.open();
      },
      1, stop.get_token());
  ASSERT_EQ(handed_out, 2U);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(std::get<Error>(outcomes.at(0)).id(), "net.cancelled");
  EXPECT_EQ(std::get<Response>(outcomes.at(1)).body, "done");
}

TEST_F(HttpClientTest, WhatDoesNotEndWithinTheGraceIsLost) {
  std::stop_source stop;
  Gate gate;
  LoopbackServer server([&](const SeenRequest&) {
    return ScriptedReply{.bytes = http_reply(200), .first = [&] {
                           stop.request_stop();
                           gate.wait();
                         }};
  });
  ClientOptions options = quick();
  options.stop_grace = 20ms;
  HttpClient client(options, clock_, logger_);
  try {
    (void)client.perform(ask(server.url(), Method::put, "x"), stop.get_token());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "net.lost");
  }
  try {
    (void)client.perform(ask(server.url()), stop.get_token());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.id(), "net.cancelled");
    EXPECT_EQ(error.fault(), Fault::cancelled);
  }
  gate.open();
}

TEST_F(HttpClientTest, AThrowingSinkLeavesTheClientUsable) {
  LoopbackServer server([](const SeenRequest&) { return ScriptedReply{.bytes = http_reply(200)}; });
  HttpClient client(quick(), clock_, logger_);
  const Request request = ask(server.url());
  EXPECT_THROW(client.perform_all([&] { return TaggedRequest{.tag = 1, .request = request}; },
                                  [](std::uint64_t, const Outcome&) { throw std::runtime_error("sink"); }, 4, {}),
               std::runtime_error);
  EXPECT_EQ(client.perform(request, {}).status, 200);
}

TEST_F(HttpClientTest, TheRateIsKept) {
  LoopbackServer server([](const SeenRequest&) { return ScriptedReply{.bytes = http_reply(200)}; });
  ClientOptions options = quick();
  options.rate = 5;
  options.rate_interval = 100ms;
  HttpClient client(options, clock_, logger_);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(perform_all(client, std::vector<Request>(10, ask(server.url())), 10), SizeIs(10));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 95ms);
}

TEST_F(HttpClientTest, ThreadsMayShareAClient) {
  LoopbackServer server([](const SeenRequest& seen) { return ScriptedReply{.bytes = http_reply(200, seen.target)}; });
  HttpClient client(quick(), clock_, logger_);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) {
        const std::string target = "/" + std::to_string(thread) + "/" + std::to_string(i);
        EXPECT_EQ(client.perform(ask(server.url() + target), {}).body, target);
      }
    });
  }
}

}  // namespace
}  // namespace linkspan::net
