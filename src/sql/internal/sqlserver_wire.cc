#include "sql/internal/sqlserver_wire.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "base/text.h"

namespace linkspan::sql {

namespace {

bool connected_to(int descriptor, int port) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  if (peer.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(peer).sin_port) == port;
  return peer.ss_family == AF_INET6 && ntohs(reinterpret_cast<const sockaddr_in6&>(peer).sin6_port) == port;
}

void each_socket(int port, const std::function<void(int descriptor, ForeignSocket::Inode inode)>& visit) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", failed)) {
    const auto descriptor = to_integer(entry.path().filename().native());
    struct stat about{};
    if (!descriptor || !connected_to(static_cast<int>(*descriptor), port)) continue;
    if (::fstat(static_cast<int>(*descriptor), &about) == 0) visit(static_cast<int>(*descriptor), about.st_ino);
  }
}

}  // namespace

std::set<ForeignSocket::Inode> ForeignSocket::all(int port) {
  std::set<Inode> found;
  each_socket(port, [&](int, Inode inode) { found.insert(inode); });
  return found;
}

std::optional<ForeignSocket> ForeignSocket::added(int port, const std::set<Inode>& before) {
  std::optional<ForeignSocket> found;
  bool several = false;
  each_socket(port, [&](int descriptor, Inode inode) {
    if (before.count(inode) != 0) return;
    several = several || found.has_value();
    found = ForeignSocket(descriptor);
  });
  return several ? std::nullopt : found;
}

std::optional<std::uint64_t> ForeignSocket::sent() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  if (size < offsetof(tcp_info, tcpi_bytes_retrans) + sizeof info.tcpi_bytes_retrans) return std::nullopt;
  return info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
}

}  // namespace linkspan::sql
