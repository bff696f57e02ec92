#include "testkit/browser_stub.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace linkspan::testkit {

BrowserStub::BrowserStub(Answer answer) : answer_(std::move(answer)) {
  socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (socket_ < 0 || ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no socket for the Browser stub");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this] { serve(); });
}

BrowserStub::~BrowserStub() {
  ::shutdown(socket_, SHUT_RDWR);  // wakes the thread: its read comes back empty
  thread_.join();
  ::close(socket_);
}

void BrowserStub::serve() {
  std::array<char, 2048> buffer{};
  while (true) {
    sockaddr_in asker{};
    socklen_t size = sizeof asker;
    const ssize_t read =
        ::recvfrom(socket_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&asker), &size);
    if (read <= 0) return;
    for (const std::string& datagram : answer_(std::string(buffer.data(), static_cast<std::size_t>(read)))) {
      ::sendto(socket_, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&asker), size);
    }
  }
}

std::string BrowserStub::answer(const std::string& text) {
  std::string out = "\x05";
  out += static_cast<char>(text.size() & 0xff);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

std::string BrowserStub::instance(const std::string& name, int port) {
  return fmt::format("ServerName;DB1;InstanceName;{};IsClustered;No;Version;15.0.2000.5;tcp;{};;", name, port);
}

}  // namespace linkspan::testkit
