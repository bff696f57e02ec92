#include "sql/internal/sqlserver_browser.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::sql {

namespace {

using Clock = std::chrono::steady_clock;

constexpr char k_list_instances = '\x03';  // CLNT_UCAST_EX
constexpr char k_ask_instance = '\x04';    // CLNT_UCAST_INST
constexpr char k_answer = '\x05';          // SVR_RESP
constexpr std::size_t k_answer_head = 3;
constexpr std::size_t k_longest_answer = k_answer_head + 65535;
constexpr std::size_t k_most_instances = 256;
constexpr std::size_t k_most_addresses = 8;
constexpr int k_tries = 3;

constexpr std::string_view k_browser_hint =
    "Start the service SQL Server Browser and let UDP 1434 through the firewall; or write the port into the URL "
    "(host,port), where no Browser is needed.";

std::optional<int> port_in(std::string_view text) {
  const auto port = to_integer(text);
  if (!port || *port < 1 || *port > 65535) return std::nullopt;
  return static_cast<int>(*port);
}

// One instance's "key;value;key;value;;", taken off the front of `text`.
BrowserInstance take_instance(std::string_view& text) {
  const auto take = [&text] {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view token = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return token;
  };
  BrowserInstance found;
  while (!text.empty()) {
    const std::string_view key = take();
    if (key.empty()) break;
    const std::string_view value = take();
    if (equal_ascii_case(key, "InstanceName")) found.name = value;
    if (equal_ascii_case(key, "tcp")) found.port = port_in(value);
    if (equal_ascii_case(key, "bv")) {  // the one key with three values
      take();
      take();
    }
  }
  return found;
}

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  [[nodiscard]] int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// Connected, so that only the one asked can answer, and a refusal (ICMP) is told.
std::vector<Socket> open_sockets(const std::string& host, std::uint16_t port, std::string_view name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (failed != 0) {
    throw Error(Fault::unavailable, "sql.unreachable",
                fmt::format("{}: no address of {}: {}", name, host, ::gai_strerror(failed)),
                "Check the host's name in the URL, and the name server.");
  }
  const std::unique_ptr<addrinfo, FreeAddresses> owned(list);
  std::vector<Socket> sockets;
  for (const addrinfo* one = list; one != nullptr && sockets.size() < k_most_addresses; one = one->ai_next) {
    Socket socket(::socket(one->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() >= 0 && ::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0)
      sockets.push_back(std::move(socket));
  }
  return sockets;
}

// The questions of one host's Browser, and what came back.
class Browser {
 public:
  Browser(const std::string& host, std::string_view instance, const BrowserOptions& options, std::string_view name)
      : sockets_(open_sockets(host, options.port, name)), instance_(instance), wait_(options.wait) {}

  // The instance asked for, as soon as anybody tells; nullopt when nobody does.
  std::optional<BrowserInstance> ask() {
    for (int attempt = 1; attempt <= k_tries && !sockets_.empty(); ++attempt) {
      send(k_ask_instance + std::string(instance_) + '\0');
      // A Browser keeps silent about an instance it does not know, so in the end it is asked for all of them.
      listing_ = attempt == k_tries;
      if (listing_) send(std::string(1, k_list_instances));
      if (auto found = receive(Clock::now() + wait_)) return found;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool refused() const noexcept { return sockets_.empty(); }
  // All instances of the host, where its Browser told.
  [[nodiscard]] const std::optional<std::vector<BrowserInstance>>& listed() const noexcept { return listed_; }

 private:
  void send(const std::string& question) {
    std::erase_if(sockets_, [&](const Socket& socket) {
      return ::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED;
    });
  }

  std::optional<BrowserInstance> receive(Clock::time_point deadline) {
    while (!sockets_.empty() && !listed_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (left.count() <= 0) return std::nullopt;
      std::vector<pollfd> ready;
      for (const Socket& socket : sockets_) ready.push_back({socket.get(), POLLIN, 0});
      if (::poll(ready.data(), ready.size(), static_cast<int>(left.count())) <= 0) continue;
      for (std::size_t i = ready.size(); i-- > 0;) {
        if (ready[i].revents == 0) continue;
        const ssize_t size = ::recv(ready[i].fd, buffer_.data(), buffer_.size(), 0);
        if (size < 0 && errno != EAGAIN && errno != EINTR)
          sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(i));
        if (size < 0) continue;
        if (auto found = read(std::string_view(buffer_.data(), static_cast<std::size_t>(size)))) return found;
      }
    }
    return std::nullopt;
  }

  std::optional<BrowserInstance> read(std::string_view datagram) {
    auto instances = parse_browser_answer(datagram);
    if (!instances) return std::nullopt;
    for (BrowserInstance& one : *instances) {
      if (equal_ascii_case(one.name, instance_)) return std::move(one);
    }
    if (listing_) listed_ = std::move(*instances);  // before, it answers what was not asked
    return std::nullopt;
  }

  std::vector<Socket> sockets_;
  std::string_view instance_;
  std::chrono::milliseconds wait_;
  bool listing_ = false;
  std::optional<std::vector<BrowserInstance>> listed_;
  std::string buffer_ = std::string(k_longest_answer, '\0');
};

[[noreturn]] void refuse(const Browser& browser, std::string_view what, std::string_view name) {
  if (browser.refused()) {
    throw Error(Fault::unavailable, "sql.browser_silent",
                fmt::format("{}: no SQL Server Browser runs there to ask for {}", name, what),
                std::string(k_browser_hint));
  }
  if (!browser.listed()) {
    throw Error(Fault::unavailable, "sql.browser_silent",
                fmt::format("{}: SQL Server Browser does not answer when asked for {}", name, what),
                std::string(k_browser_hint));
  }
  std::vector<std::string> names;
  for (const BrowserInstance& one : *browser.listed()) names.push_back(printable(one.name, 40));
  constexpr std::size_t k_most_shown = 20;
  names.resize(std::min(names.size(), k_most_shown));
  throw Error(Fault::not_found, "sql.no_instance", fmt::format("{}: there is no {}", name, what),
              names.empty() ? "The server's Browser knows no instance: start SQL Server, or correct the host."
                            : fmt::format("Its instances are: {}.", fmt::join(names, ", ")));
}

}  // namespace

std::optional<std::vector<BrowserInstance>> parse_browser_answer(std::string_view datagram) {
  if (datagram.size() < k_answer_head || datagram[0] != k_answer) return std::nullopt;
  const auto low = static_cast<unsigned char>(datagram[1]);
  const auto high = static_cast<unsigned char>(datagram[2]);
  const std::size_t size = low + std::size_t{256} * high;
  if (datagram.size() - k_answer_head < size) return std::nullopt;
  std::string_view text = datagram.substr(k_answer_head, size);
  std::vector<BrowserInstance> found;
  while (!text.empty() && found.size() < k_most_instances) {
    BrowserInstance one = take_instance(text);
    if (!one.name.empty()) found.push_back(std::move(one));
  }
  return found;
}

int find_instance_port(const std::string& host, std::string_view instance, std::string_view name,
                       const BrowserOptions& options) {
  Browser browser(host, instance, options, name);
  const std::string what = fmt::format("instance {} on {}", instance, host);
  const auto found = browser.ask();
  if (!found) refuse(browser, what, name);
  if (!found->port) {
    throw Error(Fault::not_found, "sql.no_instance", fmt::format("{}: {} does not listen on TCP", name, what),
                "Enable TCP/IP for the instance in SQL Server Configuration Manager (Express has it off), and restart "
                "the instance.");
  }
  return *found->port;
}

}  // namespace linkspan::sql
