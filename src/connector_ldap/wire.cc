#include "connector_ldap/internal/wire.h"

#include <lber.h>

#include <cstring>
#include <memory>
#include <new>

#include "base/text.h"

namespace linkspan::connector_ldap {

namespace {

struct BerDeleter {
  void operator()(BerElement* ber) const noexcept { ber_free(ber, 1); }
};
using Ber = std::unique_ptr<BerElement, BerDeleter>;

Ber make_ber() {
  Ber made(ber_alloc_t(LBER_USE_DER));
  if (!made) throw std::bad_alloc();
  return made;
}

std::string flatten(BerElement* ber) {
  berval bytes{};
  if (ber_flatten2(ber, &bytes, 0) != 0) throw std::bad_alloc();
  return {bytes.bv_val, bytes.bv_len};
}

berval borrow(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }

/// One element of DER: its tag and its content, where it lies.
struct Element {
  unsigned char tag = 0;
  std::string_view content;
};

/// Takes elements off the front of `bytes`, never looking beyond them.
class Der {
 public:
  explicit Der(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] bool next_is(ber_tag_t tag) const { return !empty() && static_cast<unsigned char>(bytes_[0]) == tag; }

  std::optional<Element> take() {
    if (bytes_.size() < 2) return std::nullopt;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes_[at]); };
    Element made{byte(0), {}};
    std::size_t length = byte(1);
    std::size_t start = 2;
    if (length >= 0x80) {
      const std::size_t count = length & 0x7f;
      if (count == 0 || count > 4 || bytes_.size() < 2 + count) return std::nullopt;
      length = 0;
      for (; start < 2 + count; ++start) length = (length << 8) | byte(start);
    }
    if (length > bytes_.size() - start) return std::nullopt;
    made.content = bytes_.substr(start, length);
    bytes_.remove_prefix(start + length);
    return made;
  }

  std::optional<std::string_view> take(ber_tag_t tag) {
    if (!next_is(tag)) return std::nullopt;
    const auto element = take();
    return element ? std::optional(element->content) : std::nullopt;
  }

  /// An optional part; false when it is there and broken.
  bool optional_cookie(std::string& cookie) {
    if (!next_is(LDAP_TAG_SYNC_COOKIE)) return true;
    const auto found = take(LDAP_TAG_SYNC_COOKIE);
    if (found) cookie = *found;
    return found.has_value();
  }

  bool optional_boolean(bool& value) {
    if (!next_is(LBER_BOOLEAN)) return true;
    const auto found = take(LBER_BOOLEAN);
    if (!found || found->size() != 1) return false;
    value = found->front() != 0;
    return true;
  }

 private:
  std::string_view bytes_;
};

/// The content of the one element that a control value is.
std::optional<Der> open(const berval& value, ber_tag_t tag) {
  if (value.bv_val == nullptr) return std::nullopt;
  Der whole({value.bv_val, value.bv_len});
  const auto content = whole.take(tag);
  return content ? std::optional<Der>(*content) : std::nullopt;
}

}  // namespace

std::string encode_page_request(int size, std::string_view cookie) {
  const Ber ber = make_ber();
  berval bytes = borrow(cookie);
  if (ber_printf(ber.get(), "{iO}", static_cast<ber_int_t>(size), &bytes) < 0) throw std::bad_alloc();
  return flatten(ber.get());
}

std::string encode_sync_request(std::string_view cookie) {
  const Ber ber = make_ber();
  berval bytes = borrow(cookie);
  const int written = cookie.empty()
                          ? ber_printf(ber.get(), "{e}", static_cast<ber_int_t>(LDAP_SYNC_REFRESH_ONLY))
                          : ber_printf(ber.get(), "{eO}", static_cast<ber_int_t>(LDAP_SYNC_REFRESH_ONLY), &bytes);
  if (written < 0) throw std::bad_alloc();
  return flatten(ber.get());
}

std::optional<SyncState> decode_sync_state(const berval& value) {
  auto der = open(value, LBER_SEQUENCE);
  if (!der) return std::nullopt;
  const auto state = der->take(LBER_ENUMERATED);
  const auto uuid = der->take(LBER_OCTETSTRING);
  if (!state || state->size() != 1 || !uuid) return std::nullopt;
  auto text = uuid_text(*uuid);
  if (!text) return std::nullopt;
  return SyncState{static_cast<unsigned char>(state->front()), std::move(*text)};
}

std::optional<SyncDone> decode_sync_done(const berval& value) {
  auto der = open(value, LBER_SEQUENCE);
  SyncDone made;
  if (!der || !der->optional_cookie(made.cookie) || !der->optional_boolean(made.refresh_deletes)) return std::nullopt;
  return made;
}

std::optional<SyncInfo> decode_sync_info(const berval& value) {
  if (value.bv_val == nullptr) return std::nullopt;
  const auto element = Der({value.bv_val, value.bv_len}).take();
  if (!element) return std::nullopt;
  SyncInfo made;
  Der der(element->content);
  switch (element->tag) {
    case LDAP_TAG_SYNC_NEW_COOKIE:
      made.cookie = element->content;
      return made;
    case LDAP_TAG_SYNC_REFRESH_DELETE:
    case LDAP_TAG_SYNC_REFRESH_PRESENT:
      return der.optional_cookie(made.cookie) ? std::optional(std::move(made)) : std::nullopt;
    case LDAP_TAG_SYNC_ID_SET:
      break;
    default:
      return std::nullopt;
  }
  if (!der.optional_cookie(made.cookie) || !der.optional_boolean(made.refresh_deletes)) return std::nullopt;
  const auto set = der.take(LBER_SET);
  if (!set) return std::nullopt;
  for (Der uuids(*set); !uuids.empty();) {
    const auto uuid = uuids.take(LBER_OCTETSTRING);
    auto text = uuid ? uuid_text(*uuid) : std::nullopt;
    if (!text) return std::nullopt;
    made.uuids.push_back(std::move(*text));
  }
  return made;
}

std::string encode_dirsync_request(std::uint32_t flags, int most_bytes, std::string_view cookie) {
  const Ber ber = make_ber();
  berval bytes = borrow(cookie);
  if (ber_printf(ber.get(), "{iiO}", static_cast<ber_int_t>(flags), static_cast<ber_int_t>(most_bytes), &bytes) < 0) {
    throw std::bad_alloc();
  }
  return flatten(ber.get());
}

std::optional<DirSyncDone> decode_dirsync_done(const berval& value) {
  auto der = open(value, LBER_SEQUENCE);
  if (!der) return std::nullopt;
  const auto more = der->take(LBER_INTEGER);
  const auto unused = der->take(LBER_INTEGER);
  const auto cookie = der->take(LBER_OCTETSTRING);
  if (!more || more->empty() || !unused || !cookie || cookie->empty()) return std::nullopt;
  return DirSyncDone{more->find_first_not_of('\0') != std::string_view::npos, std::string(*cookie)};
}

const LDAPControl* find_control(LDAPControl** controls, const char* oid) {
  for (; controls != nullptr && *controls != nullptr; ++controls) {
    if ((*controls)->ldctl_oid != nullptr && std::strcmp((*controls)->ldctl_oid, oid) == 0) return *controls;
  }
  return nullptr;
}

}  // namespace linkspan::connector_ldap
