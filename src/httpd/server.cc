#include "httpd/server.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <list>
#include <thread>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::httpd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr std::size_t k_longest_drain = std::size_t{256} * 1024;
constexpr std::chrono::seconds k_drain_time{2};
constexpr std::chrono::milliseconds k_accept_pause{100};

/// The status that says what was wrong with the bytes; 0 when there is nobody to tell: the peer is gone, or it was too
/// slow, and then the stream is closed already.
int status_of(const ErrorCode& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::end_of_stream || error == http::error::partial_message) return 0;
  return error.category() == http::make_error_code(http::error::bad_value).category() ? 400 : 0;
}

/// What is wrong with headers that the parser let through; 0 = nothing.
int judge(const http::request_parser<http::string_body>& parser) {
  const auto& message = parser.get();
  const bool coded = message.count(http::field::transfer_encoding) != 0;
  if (coded && (message.version() < 11 || message.count(http::field::content_length) != 0 || !parser.chunked())) {
    return 400;  // who reads the length otherwise sees another request in the body
  }
  if (message.version() >= 11 && message.count(http::field::host) != 1) return 400;
  const auto expect = message[http::field::expect];
  if (!expect.empty() && !equal_ascii_case({expect.data(), expect.size()}, "100-continue")) return 417;
  return 0;
}

bool is_header(std::string_view name, std::string_view value) {
  const auto plain = [](std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  };
  return !name.empty() && name.find_first_of(" :") == std::string_view::npos && plain(name) && plain(value);
}

Request request_from(http::request<http::string_body>&& message, std::string peer) {
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) request.headers.emplace_back(field.name_string(), field.value());
  request.body = std::move(message.body());
  request.peer = std::move(peer);
  return request;
}

/// A refusal in a word. (GCC 12 cannot have braced lists in a coroutine's call.)
Response plain(int status) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  return {
      .status = status, .headers = {{"Content-Type", "text/plain"}}, .body = fmt::format("{}\n", std::string(reason))};
}

}  // namespace

std::optional<std::string_view> Request::header(std::string_view name) const noexcept {
  const auto found =
      std::ranges::find_if(headers, [&](const auto& field) { return equal_ascii_case(field.first, name); });
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

/// All but the handler runs in one thread, so nothing here is shared.
struct Server::State {
  struct Session {
    beast::tcp_stream stream;
    bool idle = true;  ///< No complete request headers: a stop may close it.
  };

  State(ServerOptions given, Handler its_handler, Logger& its_logger)
      : options(std::move(given)),
        handler(std::move(its_handler)),
        logger(its_logger),
        acceptor(io),
        room(io),
        grace(io),
        pool(std::max<std::size_t>(options.threads, 1)) {
    room.expires_at(asio::steady_timer::time_point::max());
  }

  void listen();
  awaitable<void> accept_all();
  awaitable<void> run_session(std::list<Session>::iterator session);
  awaitable<bool> serve_one(Session& session, beast::flat_buffer& buffer);
  awaitable<void> refuse(Session& session, int status);
  awaitable<void> send(Session& session, Response response, bool is_head, unsigned version, bool keep_alive);
  awaitable<Response> call_handler(const Request& request);
  Response checked(Response response);
  void begin_stop();
  void end_session(std::list<Session>::iterator session);

  ServerOptions options;
  Handler handler;
  Logger& logger;
  asio::io_context io{1};
  tcp::acceptor acceptor;
  asio::steady_timer room;  ///< Cancelled when a connection ends: there is room for another.
  asio::steady_timer grace;
  asio::thread_pool pool;
  std::list<Session> sessions;
  bool stopping = false;
  std::uint16_t port = 0;
  std::thread thread;
};

void Server::State::listen() {
  ErrorCode error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) {
    throw Error(Fault::invalid, "httpd.address", fmt::format("\"{}\" is not an IP address", options.address),
                "give an address of this machine, like 127.0.0.1 or ::1; 0.0.0.0 for all");
  }
  const tcp::endpoint endpoint(address, options.port);
  const auto require = [&](std::string_view step) {
    if (!error) return;
    throw Error(
        Fault::unavailable, "httpd.listen",
        fmt::format("cannot listen on {} port {} ({}): {}", options.address, options.port, step, error.message()),
        "another program may use the port, or the address is not of this machine");
  };
  acceptor.open(endpoint.protocol(), error);
  require("open");
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  require("option");
  acceptor.bind(endpoint, error);
  require("bind");
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  require("listen");
  port = acceptor.local_endpoint(error).port();
  require("port");
}

awaitable<void> Server::State::accept_all() {
  ErrorCode error;
  while (!stopping) {
    if (sessions.size() >= options.most_connections) {
      co_await room.async_wait(asio::redirect_error(use_awaitable, error));
      continue;
    }
    tcp::socket socket(io);
    co_await acceptor.async_accept(socket, asio::redirect_error(use_awaitable, error));
    if (stopping) break;
    if (error) {  // out of descriptors, as a rule: wait for some to be given back
      logger.log(Level::warning, "httpd.accept", "a connection could not be accepted", {{"error", error.message()}});
      asio::steady_timer pause(io, k_accept_pause);
      co_await pause.async_wait(asio::redirect_error(use_awaitable, error));
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    sessions.push_back({.stream = beast::tcp_stream(std::move(socket))});
    asio::co_spawn(io, run_session(std::prev(sessions.end())), asio::detached);
  }
}

awaitable<void> Server::State::run_session(std::list<Session>::iterator session) {
  try {
    beast::flat_buffer buffer(options.longest_header + options.longest_body);
    while (!stopping && co_await serve_one(*session, buffer)) {
    }
  } catch (const std::exception& problem) {
    logger.log(Level::warning, "httpd.session", "a connection was dropped", {{"error", printable(problem.what())}});
  }
  end_session(session);
}

void Server::State::end_session(std::list<Session>::iterator session) {
  session->stream.close();
  sessions.erase(session);
  room.cancel();
  if (stopping && sessions.empty()) grace.cancel();
}

awaitable<bool> Server::State::serve_one(Session& session, beast::flat_buffer& buffer) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(options.longest_header));
  parser.body_limit(options.longest_body);
  ErrorCode error;
  session.idle = true;
  session.stream.expires_after(options.idle_timeout);
  co_await http::async_read_header(session.stream, buffer, parser, asio::redirect_error(use_awaitable, error));
  session.idle = false;
  int bad = error ? status_of(error) : judge(parser);
  if (!error && bad == 0) {
    session.stream.expires_after(options.request_timeout);
    if (parser.get().count(http::field::expect) != 0) {
      Response go_on;
      go_on.status = 100;
      co_await send(session, std::move(go_on), false, 11, true);
    }
    co_await http::async_read(session.stream, buffer, parser, asio::redirect_error(use_awaitable, error));
    if (error) bad = status_of(error);
  }
  if (error || bad != 0) {
    if (bad != 0) co_await refuse(session, bad);
    co_return false;
  }
  const bool is_head = parser.get().method() == http::verb::head;
  const unsigned version = parser.get().version();
  const bool keep = parser.get().keep_alive();
  const auto peer = session.stream.socket().remote_endpoint(error);
  const Request request = request_from(parser.release(), error ? std::string() : peer.address().to_string());
  session.stream.expires_never();
  Response response = co_await asio::co_spawn(pool, call_handler(request), use_awaitable);
  const bool keep_alive = keep && !stopping;
  co_await send(session, std::move(response), is_head, version, keep_alive);
  co_return keep_alive;
}

awaitable<Response> Server::State::call_handler(const Request& request) {
  try {
    co_return checked(handler(request));
  } catch (const std::exception& problem) {
    logger.log(Level::error, "httpd.handler", "a request could not be answered",
               {{"method", printable(request.method)}, {"error", printable(problem.what(), 1000)}});
  }
  co_return plain(500);
}

Response Server::State::checked(Response response) {
  if (response.status < 200 || response.status > 599) {
    throw Error(Fault::invalid, "httpd.handler", fmt::format("the handler answered with status {}", response.status));
  }
  for (const auto& [name, value] : response.headers) {
    if (!is_header(name, value)) {
      throw Error(Fault::invalid, "httpd.handler",
                  fmt::format("the handler's header {} cannot be sent", printable(name)));
    }
  }
  return response;
}

awaitable<void> Server::State::send(Session& session, Response response, bool is_head, unsigned version,
                                    bool keep_alive) {
  const auto status = static_cast<unsigned>(response.status);
  const bool bodyless = status < 200 || status == 204 || status == 304;
  http::response<http::string_body> message;
  message.version(version);
  message.result(status);
  for (const auto& [name, value] : response.headers) message.insert(name, value);
  if (!bodyless) message.content_length(response.body.size());
  if (status >= 200) message.keep_alive(keep_alive);
  if (!bodyless && !is_head) message.body() = std::move(response.body);
  session.stream.expires_after(options.write_timeout);
  http::response_serializer<http::string_body> serializer(message);
  ErrorCode error;
  if (bodyless || is_head) {
    co_await http::async_write_header(session.stream, serializer, asio::redirect_error(use_awaitable, error));
  } else {
    co_await http::async_write(session.stream, serializer, asio::redirect_error(use_awaitable, error));
  }
  if (error && error != http::error::end_of_stream) session.stream.close();
}

awaitable<void> Server::State::refuse(Session& session, int status) {
  Response refusal = plain(status);
  co_await send(session, std::move(refusal), false, 11, false);
  // Closing over unread bytes resets the connection, and the peer may never see the answer: read some of them away.
  ErrorCode error;
  session.stream.socket().shutdown(tcp::socket::shutdown_send, error);
  session.stream.expires_after(k_drain_time);
  char waste[4096];
  for (std::size_t drained = 0; !error && !stopping && drained < k_longest_drain;) {
    drained += co_await session.stream.async_read_some(asio::buffer(waste), asio::redirect_error(use_awaitable, error));
  }
}

void Server::State::begin_stop() {
  if (stopping) return;
  stopping = true;
  ErrorCode ignored;  // nothing is left to do about a listener that does not close
  acceptor.close(ignored);
  room.cancel();
  for (Session& session : sessions) {
    if (session.idle) session.stream.cancel();
  }
  if (sessions.empty()) return;
  grace.expires_after(options.stop_grace);
  grace.async_wait([this](const ErrorCode& error) {
    if (error) return;
    for (Session& session : sessions) session.stream.close();
  });
}

Server::Server(ServerOptions options, Handler handler, Logger& logger)
    : state_(std::make_unique<State>(std::move(options), std::move(handler), logger)) {
  state_->listen();
  asio::co_spawn(state_->io, state_->accept_all(), asio::detached);
  state_->thread = std::thread([state = state_.get()] { state->io.run(); });
}

Server::~Server() { stop(); }

std::uint16_t Server::port() const noexcept { return state_->port; }

void Server::stop() {
  if (!state_->thread.joinable()) return;
  asio::post(state_->io, [state = state_.get()] { state->begin_stop(); });
  state_->thread.join();
  state_->pool.join();
}

}  // namespace linkspan::httpd
