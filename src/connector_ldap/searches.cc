#include "connector_ldap/internal/searches.h"

#include <fmt/core.h>
#include <lber.h>

#include <utility>

namespace linkspan::connector_ldap {

namespace {

/// How much of a page is kept ahead of its conversion. Pages of ordinary entries fit whole; with photographs in them
/// memory stays bounded.
constexpr std::size_t k_most_ahead = std::size_t{8} << 20;

/// A server may send empty pages (389 DS does while it skips), but not for ever.
constexpr int k_most_empty_pages = 10'000;

std::size_t size_of(LDAP* handle, LDAPMessage* message) {
  BerElement* ber = nullptr;
  berval dn{};
  ber_len_t size = 0;
  if (ldap_get_dn_ber(handle, message, &ber, &dn) == LDAP_SUCCESS)
    ber_get_option(ber, LBER_OPT_BER_REMAINING_BYTES, &size);
  ber_free(ber, 0);
  return size;
}

}  // namespace

PagedSearch::PagedSearch(Session& session, Search search, int page_size, std::stop_token stop,
                         std::vector<RequestControl> more)
    : session_(session),
      search_(std::move(search)),
      more_(std::move(more)),
      page_size_(page_size),
      stop_(std::move(stop)) {
  request();
}

PagedSearch::~PagedSearch() {
  if (id_ >= 0) session_.abandon(id_);
}

void PagedSearch::request() {
  std::vector<RequestControl> controls = more_;
  if (page_size_ > 0) controls.push_back({LDAP_CONTROL_PAGEDRESULTS, encode_page_request(page_size_, cookie_), true});
  id_ = session_.send(search_, controls);
  in_page_ = 0;
}

Message PagedSearch::next() {
  while (ready_.empty() && id_ >= 0) read_ahead();
  if (ready_.empty()) return nullptr;
  Message message = std::move(ready_.front());
  ready_.pop_front();
  return message;
}

/// Takes what there is of the open page, and asks for the next one as soon as its cookie is known.
void PagedSearch::read_ahead() {
  for (std::size_t bytes = 0; bytes < k_most_ahead;) {
    Message message = session_.next(id_, stop_);
    switch (ldap_msgtype(message.get())) {
      case LDAP_RES_SEARCH_ENTRY:
        ++in_page_;
        bytes += size_of(session_.handle(), message.get());
        ready_.push_back(std::move(message));
        break;
      case LDAP_RES_SEARCH_REFERENCE:
        ++references_;
        break;
      case LDAP_RES_SEARCH_RESULT:
        end_page(message.get());
        return;
      default:
        break;
    }
  }
}

void PagedSearch::end_page(LDAPMessage* message) {
  id_ = -1;
  const Done done = session_.parse_done(message);
  if (done.code != LDAP_SUCCESS) {
    throw result_error(done.code, done.diagnostic, session_.where(), fmt::format("reading \"{}\"", search_.base));
  }
  const LDAPControl* control = find_control(done.controls.get(), LDAP_CONTROL_PAGEDRESULTS);
  if (page_size_ == 0 || control == nullptr) return;
  ber_int_t estimate = 0;
  berval cookie{};
  if (ldap_parse_pageresponse_control(session_.handle(), const_cast<LDAPControl*>(control), &estimate, &cookie) !=
      LDAP_SUCCESS) {
    throw Error(Fault::unavailable, "ldap.garbled",
                fmt::format("{}: a page ends without its cookie", session_.where()));
  }
  cookie_.assign(cookie.bv_val != nullptr ? cookie.bv_val : "", cookie.bv_len);
  ber_memfree(cookie.bv_val);
  if (cookie_.empty()) return;
  empty_pages_ = in_page_ == 0 ? empty_pages_ + 1 : 0;
  if (empty_pages_ > k_most_empty_pages) {
    throw Error(Fault::unavailable, "ldap.garbled", fmt::format("{}: the pages have no end", session_.where()));
  }
  request();
}

SyncSearch::SyncSearch(Session& session, const Search& search, const std::string& cookie, std::stop_token stop)
    : session_(session), base_(search.base), stop_(std::move(stop)), cookie_(cookie) {
  id_ = session_.send(search, {{LDAP_CONTROL_SYNC, encode_sync_request(cookie), true}});
}

SyncSearch::~SyncSearch() {
  if (id_ >= 0) session_.abandon(id_);
}

Error SyncSearch::garbled(const char* what) const {
  return {Fault::unavailable, "ldap.garbled", fmt::format("{}: {} cannot be decoded", session_.where(), what),
          "see whether the server keeps to RFC 4533"};
}

std::optional<SyncSearch::Event> SyncSearch::next() {
  while (id_ >= 0) {
    Message message = session_.next(id_, stop_);
    switch (ldap_msgtype(message.get())) {
      case LDAP_RES_SEARCH_ENTRY:
        begun_ = true;
        return entry_event(std::move(message));
      case LDAP_RES_INTERMEDIATE: {
        begun_ = true;
        char* oid = nullptr;
        berval* value = nullptr;
        const int code = ldap_parse_intermediate(session_.handle(), message.get(), &oid, &value, nullptr, 0);
        const bool ours = oid != nullptr && std::string_view(oid) == LDAP_SYNC_INFO;
        auto info = code == LDAP_SUCCESS && ours && value != nullptr ? decode_sync_info(*value) : std::nullopt;
        ldap_memfree(oid);
        ber_bvfree(value);
        if (ours && !info) throw garbled("a sync info message");
        if (info && !info->uuids.empty()) return Event{nullptr, {}, std::move(*info)};
        break;
      }
      case LDAP_RES_SEARCH_REFERENCE:
        ++references_;
        break;
      case LDAP_RES_SEARCH_RESULT:
        finish(message.get());
        break;
      default:
        break;
    }
  }
  return std::nullopt;
}

SyncSearch::Event SyncSearch::entry_event(Message message) {
  LDAPControl** found = nullptr;
  if (ldap_get_entry_controls(session_.handle(), message.get(), &found) != LDAP_SUCCESS) throw garbled("an entry");
  const Controls controls(found);
  const LDAPControl* control = find_control(controls.get(), LDAP_CONTROL_SYNC_STATE);
  auto state = control != nullptr ? decode_sync_state(control->ldctl_value) : std::nullopt;
  if (!state) throw garbled("the state of an entry");
  return Event{std::move(message), std::move(*state), {}};
}

void SyncSearch::finish(LDAPMessage* message) {
  id_ = -1;
  const Done done = session_.parse_done(message);
  if (done.code != LDAP_SUCCESS) {
    Error error =
        result_error(done.code, done.diagnostic, session_.where(), fmt::format("synchronizing \"{}\"", base_));
    switch (done.code) {
      case LDAP_INSUFFICIENT_ACCESS:
      case LDAP_UNAVAILABLE_CRITICAL_EXTENSION:
      case LDAP_UNWILLING_TO_PERFORM:
      case LDAP_PROTOCOL_ERROR:
      case LDAP_OPERATIONS_ERROR:
      case LDAP_SYNC_REFRESH_REQUIRED:
        if (!begun_) throw SyncRefused{std::move(error)};
        break;
      case LDAP_SIZELIMIT_EXCEEDED:
      case LDAP_ADMINLIMIT_EXCEEDED:
        throw SyncRefused{std::move(error)};
      default:
        break;
    }
    throw error;
  }
  const LDAPControl* control = find_control(done.controls.get(), LDAP_CONTROL_SYNC_DONE);
  if (control != nullptr) {
    auto decoded = decode_sync_done(control->ldctl_value);
    if (!decoded) throw garbled("the end of a synchronization");
    done_ = std::move(*decoded);
  } else if (!cookie_.empty()) {
    // Without it nobody knows whether what was not mentioned is gone or unchanged.
    throw garbled("the end of a synchronization");
  }
}

}  // namespace linkspan::connector_ldap
