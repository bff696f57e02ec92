#include "testkit/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace linkspan::testkit {

namespace {

sockaddr_in address_of(const std::string& address, int port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, address.c_str(), &made.sin_addr) != 1) throw std::runtime_error("no address: " + address);
  return made;
}

bool send_all(int to, const char* bytes, ssize_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(to, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    size -= sent;
  }
  return true;
}

}  // namespace

Relay::Relay(std::string address, int port) : address_(std::move(address)), target_port_(port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here = address_of("127.0.0.1", 0);
  socklen_t size = sizeof here;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&here), size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&here), &size) != 0) {
    throw std::runtime_error("the relay cannot listen");
  }
  port_ = ntohs(here.sin_port);
  accepting_ = std::jthread([this] { run(); });
}

Relay::~Relay() {
  stop_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  cut();
  pumps_.clear();
  ::close(listener_);
}

void Relay::cut() {
  cut_ = true;
  const std::scoped_lock lock(mutex_);
  for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
}

void Relay::note(Way way, std::string_view bytes) {
  constexpr std::size_t k_most_marks = 1000;
  constexpr std::string_view k_head_end = "\r\n\r\n";
  const std::scoped_lock lock(mutex_);
  const long before = passed_[static_cast<std::size_t>(way)];
  std::vector<long>& marks = marks_[static_cast<std::size_t>(way)];
  for (std::size_t at = bytes.find(k_head_end); at != std::string_view::npos && marks.size() < k_most_marks;
       at = bytes.find(k_head_end, at + 1)) {
    marks.push_back(before + static_cast<long>(at + k_head_end.size()));
  }
  if (marks.size() < k_most_marks) marks.push_back(before + static_cast<long>(bytes.size()));
  passed_[static_cast<std::size_t>(way)] = before + static_cast<long>(bytes.size());
}

std::vector<long> Relay::marks(Way way) const {
  const std::scoped_lock lock(mutex_);
  return marks_[static_cast<std::size_t>(way)];
}

void Relay::run() {
  while (!stop_) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in there = address_of(address_, target_port_);
    if (stop_ || cut_ || ::connect(server, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) {
      ::close(client);
      ::close(server);
      continue;
    }
    ++taken_;
    const int at_once = 1;  // a relay that holds back what comes in pieces makes each answer wait
    for (const int end : {client, server}) ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    const std::scoped_lock lock(mutex_);
    open_.insert(open_.end(), {client, server});
    pumps_.emplace_back([this, client, server] { pump(client, server); });
  }
}

void Relay::pump(int client, int server) {
  std::array<char, 16384> bytes{};
  std::array<pollfd, 2> ends{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
  for (bool alive = true; alive && !stop_;) {
    if (::poll(ends.data(), ends.size(), 200) < 0) break;
    for (std::size_t i = 0; i < ends.size() && alive; ++i) {
      if ((ends[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      ssize_t got = ::recv(ends[i].fd, bytes.data(), bytes.size(), 0);
      bool last = false;
      const Way way = i == 0 ? Way::to_server : Way::to_client;
      if (got > 0) note(way, {bytes.data(), static_cast<std::size_t>(got)});
      if (got > 0 && way == cut_way_) {
        const long left = left_;
        last = left >= 0 && left <= got;
        if (last) got = left;
        if (left >= 0) left_ = last ? -1 : left - got;
      }
      alive = got > 0 && send_all(ends[1 - i].fd, bytes.data(), got) && !last;
      if (last) cut_ = true;
    }
  }
  const std::scoped_lock lock(mutex_);
  std::erase_if(open_, [&](int socket) { return socket == client || socket == server; });
  ::close(client);
  ::close(server);
}

}  // namespace linkspan::testkit
