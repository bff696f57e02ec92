#include "connector_ldap/internal/dirsync.h"

#include <fmt/core.h>

#include <cstdint>
#include <utility>

#include "connector_ldap/internal/guid.h"
#include "connector_ldap/internal/wire.h"

namespace linkspan::connector_ldap {

namespace {

constexpr const char* k_dirsync = "1.2.840.113556.1.4.841";
constexpr std::uint32_t k_object_security = 0x1;
constexpr std::uint32_t k_incremental_values = 0x80000000;
constexpr int k_most_bytes = 1 << 20;  // of one answer

}  // namespace

DirSyncSearch::DirSyncSearch(Session& session, DirSyncRequest request, std::stop_token stop)
    : session_(session), request_(std::move(request)), stop_(std::move(stop)) {
  send();
}

DirSyncSearch::~DirSyncSearch() {
  if (id_ >= 0) session_.abandon(id_);
}

void DirSyncSearch::send() {
  const std::uint32_t flags = k_incremental_values | (request_.visible_only ? k_object_security : 0);
  id_ = session_.send({.base = request_.partition, .filter = request_.filter, .attributes = request_.attributes},
                      {{k_dirsync, encode_dirsync_request(flags, k_most_bytes, request_.cookie), true},
                       {k_extended_dn, std::string(k_extended_dn_value), false}});  // values of links say who they are
  in_part_ = 0;
}

Message DirSyncSearch::next() {
  while (id_ >= 0) {
    Message message = session_.next(id_, stop_);
    switch (ldap_msgtype(message.get())) {
      case LDAP_RES_SEARCH_ENTRY:
        begun_ = true;
        ++in_part_;
        return message;
      case LDAP_RES_SEARCH_RESULT:
        end_part(message.get());
        break;
      default:
        break;  // references to other partitions, which have series of their own
    }
  }
  return nullptr;
}

void DirSyncSearch::end_part(LDAPMessage* message) {
  id_ = -1;
  const Done done = session_.parse_done(message);
  if (done.code != LDAP_SUCCESS) {
    Error error = result_error(done.code, done.diagnostic, session_.where(),
                               fmt::format("asking for the changes of \"{}\"", request_.partition));
    const bool lacks_right = done.code == LDAP_INSUFFICIENT_ACCESS;
    const bool refused = lacks_right || done.code == LDAP_UNAVAILABLE_CRITICAL_EXTENSION ||
                         done.code == LDAP_UNWILLING_TO_PERFORM || done.code == LDAP_PROTOCOL_ERROR ||
                         done.code == LDAP_INAPPROPRIATE_MATCHING || (done.code == LDAP_OPERATIONS_ERROR && !begun_);
    // A cookie that is refused half-way is refused the next time, too.
    if (refused) throw DirSyncRefused{std::move(error), lacks_right};
    throw error;
  }
  const LDAPControl* control = find_control(done.controls.get(), k_dirsync);
  auto decoded = control != nullptr ? decode_dirsync_done(control->ldctl_value) : std::nullopt;
  // More to come, nothing sent, and not a step further: that would never end.
  const bool stuck = decoded && decoded->more && in_part_ == 0 && decoded->cookie == request_.cookie;
  if (!decoded || stuck) {
    throw Error(Fault::unavailable, "ldap.garbled",
                fmt::format("{}: an answer to DirSync {}", session_.where(),
                            stuck ? "goes no further" : "ends without its cookie"),
                "see whether the server keeps to MS-ADTS 3.1.1.3.4.1.3");
  }
  begun_ = true;
  request_.cookie = std::move(decoded->cookie);
  if (decoded->more) send();
}

}  // namespace linkspan::connector_ldap
