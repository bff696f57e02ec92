#include "httpd/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.h"

namespace linkspan::httpd {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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

/// A raw connection; reads give up after two seconds so that a hanging server fails its test.
class Peer {
 public:
  explicit Peer(const Server& server) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{2, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(server.port());
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Peer() { ::close(fd_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  Peer& say(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    return *this;
  }
  /// Until `end` was seen; all until the peer closes when empty.
  std::string hear(std::string_view end = {}) {
    std::string heard;
    char part[4096];
    while (end.empty() || !heard.ends_with(end)) {
      const ssize_t got = ::recv(fd_, part, sizeof part, 0);
      if (got == 0) break;
      if (got < 0) return heard + (errno == EAGAIN ? "[silence]" : "[reset]");
      heard.append(part, static_cast<std::size_t>(got));
    }
    return heard;
  }

 private:
  int fd_;
  bool connected_ = false;
};

class KeepingLogger final : public Logger {
 public:
  void log(Level, std::string_view id, std::string_view, std::initializer_list<Field>) override {
    const std::lock_guard lock(mutex_);
    ids_.append(id).append(" ");
  }
  std::string ids() const {
    const std::lock_guard lock(mutex_);
    return ids_;
  }

 private:
  mutable std::mutex mutex_;
  std::string ids_;
};

class ServerTest : public ::testing::Test {
 protected:
  static Response echo(const Request& request) {
    if (request.target == "/throw") throw std::runtime_error("secret detail");
    if (request.target == "/split") return {.headers = {{"X", "a\r\nSet-Cookie: b"}}};
    if (request.target == "/none") return {.status = 204};
    return {.headers = {{"X-Peer", request.peer}, {"X-Type", std::string(request.header("content-type").value_or(""))}},
            .body = request.method + " " + request.target + " " + request.body};
  }
  std::string exchange(std::string_view bytes, const ServerOptions& options = {}) {
    Server server(options, &echo, logger_);
    Peer peer(server);
    return peer.say(bytes).hear();
  }

  KeepingLogger logger_;
};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  Server server({}, &echo, logger_);
  Peer peer(server);
  EXPECT_THAT(peer.say("GET /a?b=1 HTTP/1.1\r\nHost: h\r\n\r\n").hear("GET /a?b=1 "),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 11\r\n"),
                    HasSubstr("X-Peer: 127.0.0.1\r\n"), Not(HasSubstr("Server:"))));
  EXPECT_THAT(peer.say("POST /p HTTP/1.1\r\nHost: h\r\ncontent-TYPE: t\r\nContent-Length: 4\r\n\r\nbody").hear("body"),
              HasSubstr("X-Type: t\r\n"));
  EXPECT_THAT(
      peer.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").hear("abc"),
      EndsWith("POST / abc"));
  EXPECT_THAT(peer.say("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n").hear("GET /2 "),
              HasSubstr("GET /1 HTTP/1.1 200"));
  EXPECT_THAT(peer.say("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").hear(),
              HasSubstr("Connection: close\r\n"));
}

TEST_F(ServerTest, HeadAndNoContentHaveNoBody) {
  EXPECT_THAT(exchange("HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              AllOf(HasSubstr("Content-Length: 8\r\n"), EndsWith("\r\n\r\n")));
  EXPECT_THAT(exchange("GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 204"), Not(HasSubstr("Content-Length")), EndsWith("\r\n\r\n")));
}

TEST_F(ServerTest, OldClientsAreServedOnce) {
  EXPECT_THAT(exchange("GET / HTTP/1.0\r\n\r\n"), AllOf(StartsWith("HTTP/1.0 200"), EndsWith("GET / ")));
}

TEST_F(ServerTest, AmbiguousLengthsAreRefused) {
  EXPECT_THAT(exchange("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  for (const auto* lines : {"Content-Length: 3\r\nTransfer-Encoding: chunked", "Content-Length: 3\r\nContent-Length: 4",
                            "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, gzip", "Content-Length: -1",
                            "Content-Length: 1x", "Content-Length : 3", "X\r\n Y: z\r\nX", "Host: second"}) {
    EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n\r\n0\r\n\r\n"),
                StartsWith("HTTP/1.1 400"))
        << lines;
  }
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400")) << "no Host";
}

TEST_F(ServerTest, GarbageIsRefused) {
  for (const auto* bytes : {"\r\n\r\nhello\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
                            "\x16\x03\x01\x02\r\n\r\n", "GET / HTTP/1.1\r\nHost\r\n\r\n"}) {
    EXPECT_THAT(exchange(bytes), StartsWith("HTTP/1.1 400")) << bytes;
  }
}

TEST_F(ServerTest, LimitsAreKept) {
  ServerOptions options;
  options.longest_body = 1000;
  const auto post = [](std::size_t size) {
    return "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
           std::string(size, 'b');
  };
  EXPECT_THAT(exchange(post(1000), options), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(exchange(post(1001), options), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(exchange(post(200'000), options), AllOf(StartsWith("HTTP/1.1 413"), Not(HasSubstr("[reset]"))));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n" +
                           std::string(1001, 'c') + "\r\n0\r\n\r\n",
                       options),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(15'000, 'x') + "\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(17'000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(exchange("GET /" + std::string(17'000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
}

TEST_F(ServerTest, ExpectationsAreMetOrRefused) {
  Server server({}, &echo, logger_);
  Peer peer(server);
  EXPECT_EQ(peer.say("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").hear("\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(peer.say("ok").hear("PUT / ok"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(exchange("PUT / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\nContent-Length: 2\r\n\r\n"),
              StartsWith("HTTP/1.1 417"));
}

TEST_F(ServerTest, AHandlersFaultIsLoggedAndTellsNothing) {
  EXPECT_THAT(exchange("GET /throw HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 500"), Not(HasSubstr("secret"))));
  EXPECT_THAT(exchange("GET /split HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 500"), Not(HasSubstr("Set-Cookie"))));
  EXPECT_EQ(logger_.ids(), "httpd.handler httpd.handler ");
}

TEST_F(ServerTest, TheSlowAreDisconnected) {
  ServerOptions options;
  options.idle_timeout = 50ms;
  options.request_timeout = 50ms;
  EXPECT_EQ(exchange("", options), "");
  EXPECT_EQ(exchange("GET / HTT", options), "");
  EXPECT_EQ(exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf", options), "");
}

TEST_F(ServerTest, ConnectionsAboveTheLimitWaitForRoom) {
  ServerOptions options;
  options.most_connections = 1;
  Server server(options, &echo, logger_);
  auto first = std::make_unique<Peer>(server);
  EXPECT_THAT(first->say("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n").hear("GET /1 "), StartsWith("HTTP/1.1 200"));
  Peer second(server);
  second.say("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(first->say("GET /3 HTTP/1.1\r\nHost: h\r\n\r\n").hear("GET /3 "), StartsWith("HTTP/1.1 200"));
  first.reset();
  EXPECT_THAT(second.hear("GET /2 "), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, ABlockedHandlerDoesNotHoldUpTheOthers) {
  Gate gate;
  Server server(
      {},
      [&](const Request& request) {
        if (request.target == "/slow") gate.wait();
        return Response{.body = "!" + request.target};
      },
      logger_);
  Peer slow(server);
  slow.say("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  Peer quick(server);
  EXPECT_THAT(quick.say("GET /quick HTTP/1.1\r\nHost: h\r\n\r\n").hear("!/quick"), StartsWith("HTTP/1.1 200"));
  gate.open();
  EXPECT_THAT(slow.hear("!/slow"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, AStopAnswersWhatIsUnderWayAndClosesTheRest) {
  Gate inside;
  Gate gate;
  Server server(
      {},
      [&](const Request&) {
        inside.open();
        gate.wait();
        return Response{.body = "finished"};
      },
      logger_);
  Peer idle(server);
  Peer busy(server);
  busy.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  inside.wait();
  std::jthread stopper([&] { server.stop(); });
  EXPECT_EQ(idle.hear(), "");
  gate.open();
  EXPECT_THAT(busy.hear(), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Connection: close"), EndsWith("finished")));
  stopper.join();
  EXPECT_FALSE(Peer(server).connected());
  server.stop();
}

TEST_F(ServerTest, TheGraceEnds) {
  ServerOptions options;
  options.stop_grace = 30ms;
  Gate inside;
  Gate gate;
  Server server(
      options,
      [&](const Request&) {
        inside.open();
        gate.wait();
        return Response{.body = "too late"};
      },
      logger_);
  Peer busy(server);
  busy.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  inside.wait();
  std::jthread stopper([&] { server.stop(); });
  EXPECT_EQ(busy.hear(), "");
  gate.open();
}

TEST_F(ServerTest, WhatCannotBeListenedOnIsSaid) {
  const auto failure = [&](const ServerOptions& options) {
    try {
      const Server server(options, &echo, logger_);
    } catch (const Error& error) {
      EXPECT_FALSE(error.hint().empty());
      return std::string(error.id());
    }
    return std::string("none");
  };
  const Server first({}, &echo, logger_);
  EXPECT_EQ(failure({.port = first.port()}), "httpd.listen");
  EXPECT_EQ(failure({.address = "localhost"}), "httpd.address");
  EXPECT_EQ(failure({.address = "192.0.2.1"}), "httpd.listen");
}

}  // namespace
}  // namespace linkspan::httpd
