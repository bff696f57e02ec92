#include "setup/discover.h"

#include <fmt/format.h>

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

namespace linkspan::setup {
namespace {

/// The host's own domain, else the first that the resolver searches.
std::string own_domain(const struct __res_state& resolver) {
  std::array<char, 256> buffer{};
  if (::gethostname(buffer.data(), buffer.size() - 1) == 0) {
    const std::string_view name(buffer.data());
    const std::size_t dot = name.find('.');
    if (dot != std::string_view::npos && dot + 1 < name.size()) return std::string(name.substr(dot + 1));
  }
  return resolver.dnsrch[0] == nullptr ? std::string() : std::string(resolver.dnsrch[0]);
}

/// Of the calling thread only, closed at the end.
class Resolver {
 public:
  Resolver() : ready_(::res_ninit(&state_) == 0) {
    // A person waits: one try, two seconds.
    state_.retrans = 2;
    state_.retry = 1;
  }
  ~Resolver() {
    if (ready_) ::res_nclose(&state_);
  }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  [[nodiscard]] std::string domain() const { return ready_ ? own_domain(state_) : std::string(); }

  std::vector<std::string> servers(const std::string& name) {
    std::array<unsigned char, 8192> reply{};
    const int size =
        ::res_nquery(&state_, name.c_str(), ns_c_in, ns_t_srv, reply.data(), static_cast<int>(reply.size()));
    if (size <= 0) return {};
    return read_srv_reply({reply.data(), std::min(static_cast<std::size_t>(size), reply.size())});
  }

 private:
  struct __res_state state_{};
  bool ready_;
};

}  // namespace

std::vector<std::string> read_srv_reply(std::span<const unsigned char> reply) {
  constexpr std::size_t k_fixed = 6;  // priority, weight, port
  constexpr std::size_t k_most = 16;
  ns_msg message{};
  if (::ns_initparse(reply.data(), static_cast<int>(reply.size()), &message) != 0) return {};
  // Lower priority first, then greater weight.
  std::vector<std::tuple<unsigned, int, std::string>> found;
  for (int i = 0; i < static_cast<int>(ns_msg_count(message, ns_s_an)) && found.size() < k_most; ++i) {
    ns_rr record{};
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) return {};
    if (ns_rr_type(record) != ns_t_srv || ns_rr_rdlen(record) <= k_fixed) continue;
    const unsigned char* data = ns_rr_rdata(record);
    std::array<char, NS_MAXDNAME> host{};
    if (::dn_expand(ns_msg_base(message), ns_msg_end(message), data + k_fixed, host.data(),
                    static_cast<int>(host.size())) <= 0) {
      continue;
    }
    // An empty target says that the service is not offered (RFC 2782).
    if (host[0] == '\0' || host[0] == '.') continue;
    found.emplace_back(ns_get16(data), -static_cast<int>(ns_get16(data + 2)),
                       fmt::format("ldap://{}:{}", host.data(), ns_get16(data + 4)));
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> urls;
  for (auto& [priority, weight, url] : found) urls.push_back(std::move(url));
  return urls;
}

std::vector<std::string> find_directories() {
  Resolver resolver;
  const std::string domain = resolver.domain();
  if (domain.empty() || domain == ".") return {};
  return resolver.servers("_ldap._tcp." + domain);
}

}  // namespace linkspan::setup
