// Domain controllers by DNS.

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "connector_ldap/internal/active_directory.h"

namespace linkspan::connector_ldap {

namespace {

struct Server {
  unsigned priority = 0;
  unsigned weight = 0;
  std::string address;
};

/// Closes what the resolver opened.
struct Resolver {
  struct __res_state state{};
  bool ready = false;
  Resolver() : ready(res_ninit(&state) == 0) {}
  ~Resolver() {
    if (ready) res_nclose(&state);
  }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
};

std::vector<Server> parse(const unsigned char* answer, int size) {
  std::vector<Server> made;
  ns_msg message;
  if (ns_initparse(answer, size, &message) != 0) return made;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (ns_parserr(&message, ns_s_an, i, &record) != 0 || ns_rr_type(record) != ns_t_srv || ns_rr_rdlen(record) < 7) {
      continue;
    }
    const unsigned char* data = ns_rr_rdata(record);
    std::array<char, NS_MAXDNAME> name{};
    if (ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data + 6, name.data(), name.size()) < 0) continue;
    if (name[0] == '\0' || std::strcmp(name.data(), ".") == 0) continue;  // "there is none" (RFC 2782)
    made.push_back({ns_get16(data), ns_get16(data + 2), fmt::format("{}:{}", name.data(), ns_get16(data + 4))});
  }
  return made;
}

/// By priority, and within one by chance in proportion to the weights (RFC 2782).
std::vector<std::string> ordered(std::vector<Server> servers) {
  std::ranges::stable_sort(servers, {}, &Server::priority);
  std::minstd_rand random{std::random_device{}()};
  std::vector<std::string> made;
  while (!servers.empty()) {
    const auto end =
        std::ranges::find_if(servers, [&](const Server& one) { return one.priority > servers[0].priority; });
    unsigned total = 0;
    for (auto one = servers.begin(); one != end; ++one) total += one->weight + 1;
    unsigned chosen = std::uniform_int_distribution<unsigned>(0, total - 1)(random);
    auto one = servers.begin();
    for (; chosen > one->weight; ++one) chosen -= one->weight + 1;
    made.push_back(std::move(one->address));
    servers.erase(one);
  }
  return made;
}

}  // namespace

std::vector<std::string> find_controllers(std::string_view domain, const std::string& server) {
  Resolver resolver;
  if (!resolver.ready) return {};
  if (!server.empty()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(NAMESERVER_PORT);
    if (inet_pton(AF_INET, server.c_str(), &address.sin_addr) != 1) return {};
    resolver.state.nsaddr_list[0] = address;
    resolver.state.nscount = 1;
  }
  const std::string name = fmt::format("_ldap._tcp.dc._msdcs.{}", domain);
  std::vector<unsigned char> answer(NS_MAXMSG);
  const int size = res_nquery(&resolver.state, name.c_str(), ns_c_in, ns_t_srv, answer.data(), NS_MAXMSG);
  return size <= 0 ? std::vector<std::string>{} : ordered(parse(answer.data(), std::min(size, int{NS_MAXMSG})));
}

}  // namespace linkspan::connector_ldap
