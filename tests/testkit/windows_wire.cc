#include "testkit/windows_wire.h"

#include <ldap.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace linkspan::testkit {

namespace {

constexpr ber_len_t k_most_bytes = 64 << 20;  ///< of a request
constexpr int k_most_depth = 50;              ///< of a filter

// learn.microsoft.com, "LDAP Extended Controls" (MS-ADTS 3.1.1.3.4.1).
constexpr const char* k_paged = "1.2.840.113556.1.4.319";
constexpr const char* k_show_deleted = "1.2.840.113556.1.4.417";
constexpr const char* k_extended_dn = "1.2.840.113556.1.4.529";
constexpr const char* k_sd_flags = "1.2.840.113556.1.4.801";
constexpr const char* k_tree_delete = "1.2.840.113556.1.4.805";
constexpr const char* k_dirsync = "1.2.840.113556.1.4.841";
constexpr const char* k_domain_scope = "1.2.840.113556.1.4.1339";
constexpr const char* k_permissive = "1.2.840.113556.1.4.1413";
constexpr const char* k_show_recycled = "1.2.840.113556.1.4.2064";

struct Broken {};

void require(bool fine) {
  if (!fine) throw Broken();
}

std::string text_of(const berval& value) { return {value.bv_val, value.bv_len}; }

std::string take_text(BerElement* ber) {
  berval value{};
  require(ber_scanf(ber, "m", &value) != LBER_ERROR);
  return text_of(value);
}

ber_tag_t peek(BerElement* ber) {
  ber_len_t length = 0;
  return ber_peek_tag(ber, &length);
}

std::vector<std::string> take_texts(BerElement* ber) {
  std::vector<std::string> made;
  ber_len_t length = 0;
  char* last = nullptr;
  for (ber_tag_t tag = ber_first_element(ber, &length, &last); tag != LBER_DEFAULT;
       tag = ber_next_element(ber, &length, last)) {
    made.push_back(take_text(ber));
  }
  return made;
}

WindowsFilter take_filter(BerElement* ber, int depth) {
  require(depth < k_most_depth);
  WindowsFilter made;
  using Kind = WindowsFilter::Kind;
  ber_len_t length = 0;
  const ber_tag_t tag = peek(ber);
  const auto compare = [&](Kind kind) {
    berval attribute{};
    berval value{};
    require(ber_scanf(ber, "{mm}", &attribute, &value) != LBER_ERROR);
    made = {kind, text_of(attribute), text_of(value), {}};
  };
  switch (tag) {
    case LDAP_FILTER_AND:
    case LDAP_FILTER_OR: {
      made.kind = tag == LDAP_FILTER_AND ? Kind::all : Kind::any;
      char* last = nullptr;
      for (ber_tag_t part = ber_first_element(ber, &length, &last); part != LBER_DEFAULT;
           part = ber_next_element(ber, &length, last)) {
        made.parts.push_back(take_filter(ber, depth + 1));
      }
      break;
    }
    case LDAP_FILTER_NOT:
      made.kind = Kind::none;
      require(ber_skip_tag(ber, &length) != LBER_ERROR);
      made.parts.push_back(take_filter(ber, depth + 1));
      break;
    case LDAP_FILTER_EQUALITY:
      compare(Kind::equal);
      break;
    case LDAP_FILTER_GE:
      compare(Kind::at_least);
      break;
    case LDAP_FILTER_LE:
      compare(Kind::at_most);
      break;
    case LDAP_FILTER_PRESENT:
      made.attribute = take_text(ber);
      break;
    case LDAP_FILTER_EXT: {
      require(ber_skip_tag(ber, &length) != LBER_ERROR);
      std::string rule;
      if (peek(ber) == LDAP_FILTER_EXT_OID) rule = take_text(ber);
      if (peek(ber) == LDAP_FILTER_EXT_TYPE) made.attribute = take_text(ber);
      made.value = take_text(ber);
      ber_int_t unused = 0;
      if (peek(ber) == LDAP_FILTER_EXT_DNATTRS) require(ber_scanf(ber, "b", &unused) != LBER_ERROR);
      // MS-ADTS 3.1.1.3.4.4, matching rules.
      const bool conjunct = rule == "1.2.840.113556.1.4.803";
      if (!conjunct && rule != "1.2.840.113556.1.4.804") {
        throw WindowsRefusal(LDAP_UNWILLING_TO_PERFORM, "this rule is not known to the lab: " + rule);
      }
      made.kind = conjunct ? Kind::bits_and : Kind::bits_or;
      break;
    }
    default:
      throw WindowsRefusal(LDAP_UNWILLING_TO_PERFORM, "filters of this kind are not known to the lab");
  }
  return made;
}

/// The number that a control's value is a sequence of.
int take_number(const std::string& value, int otherwise) {
  if (value.empty()) return otherwise;
  berval bytes{value.size(), const_cast<char*>(value.data())};
  const Ber ber(ber_init(&bytes));
  ber_int_t number = 0;
  require(ber && ber_scanf(ber.get(), "{i}", &number) != LBER_ERROR);
  return number;
}

void take_control(const std::string& oid, const std::string& value, bool critical, WindowsControls& controls) {
  if (oid == k_show_deleted) {
    controls.show_deleted = true;
  } else if (oid == k_show_recycled) {
    controls.show_recycled = controls.show_deleted = true;
  } else if (oid == k_permissive) {
    controls.permissive = true;
  } else if (oid == k_tree_delete) {
    controls.whole_tree = true;
  } else if (oid == k_domain_scope) {
    controls.domain_scope = true;
  } else if (oid == k_extended_dn) {
    controls.extended_dn = take_number(value, 0);
  } else if (oid == k_sd_flags) {
    controls.descriptor = take_number(value, 15);
  } else if (oid == k_paged || oid == k_dirsync) {
    berval bytes{value.size(), const_cast<char*>(value.data())};
    const Ber ber(ber_init(&bytes));
    ber_int_t first = 0;
    ber_int_t second = 0;
    berval cookie{};
    const bool paged = oid == k_paged;
    const ber_tag_t read = !ber    ? LBER_ERROR
                           : paged ? ber_scanf(ber.get(), "{im}", &first, &cookie)
                                   : ber_scanf(ber.get(), "{iim}", &first, &second, &cookie);
    if (read == LBER_ERROR)
      throw WindowsRefusal(LDAP_PROTOCOL_ERROR,
                           "00000057: LdapErr: DSID-0C090000, comment: Error decoding ldap message, data 0, v4563");
    if (paged) {
      controls.page = WindowsControls::Page{first, text_of(cookie)};
    } else {
      controls.dirsync = WindowsControls::DirSync{static_cast<std::uint32_t>(first), second, text_of(cookie)};
    }
  } else if (critical) {
    // RFC 4511, 4.1.11.
    throw WindowsRefusal(LDAP_UNAVAILABLE_CRITICAL_EXTENSION,
                         "00000057: LdapErr: DSID-0C090000, comment: Error processing control, data 0, v4563");
  }
}

void take_controls(BerElement* ber, WindowsControls& controls) {
  if (peek(ber) != LDAP_TAG_CONTROLS) return;
  ber_len_t length = 0;
  char* last = nullptr;
  for (ber_tag_t tag = ber_first_element(ber, &length, &last); tag != LBER_DEFAULT;
       tag = ber_next_element(ber, &length, last)) {
    require(ber_skip_tag(ber, &length) != LBER_ERROR);
    const std::string oid = take_text(ber);
    ber_int_t critical = 0;
    std::string value;
    // Both are optional, and the next control begins with a sequence.
    if (peek(ber) == LBER_BOOLEAN) require(ber_scanf(ber, "b", &critical) != LBER_ERROR);
    if (peek(ber) == LBER_OCTETSTRING) value = take_text(ber);
    take_control(oid, value, critical != 0, controls);
  }
}

void take_search(BerElement* ber, WindowsRequest& request) {
  berval base{};
  ber_int_t scope = 0;
  ber_int_t aliases = 0;
  ber_int_t size_limit = 0;
  ber_int_t time_limit = 0;
  ber_int_t types_only = 0;
  require(ber_scanf(ber, "{miiiib", &base, &scope, &aliases, &size_limit, &time_limit, &types_only) != LBER_ERROR);
  request.name = text_of(base);
  request.scope = scope;
  request.size_limit = size_limit;
  request.types_only = types_only != 0;
  request.filter = take_filter(ber, 0);
  request.attributes = take_texts(ber);
}

void take_changes(BerElement* ber, WindowsRequest& request) {
  ber_len_t length = 0;
  char* last = nullptr;
  for (ber_tag_t tag = ber_first_element(ber, &length, &last); tag != LBER_DEFAULT;
       tag = ber_next_element(ber, &length, last)) {
    WindowsChange& change = request.changes.emplace_back();
    berval type{};
    if (request.operation == LDAP_REQ_MODIFY) {
      ber_int_t operation = 0;
      require(ber_scanf(ber, "{e{m", &operation, &type) != LBER_ERROR);
      change.operation = operation;
    } else {
      require(ber_scanf(ber, "{m", &type) != LBER_ERROR);
    }
    change.attribute = text_of(type);
    change.values = take_texts(ber);
  }
}

void take_operation(BerElement* ber, WindowsRequest& request) {
  ber_len_t length = 0;
  switch (request.operation) {
    case LDAP_REQ_BIND: {
      ber_int_t version = 0;
      berval name{};
      ber_tag_t method = 0;
      require(ber_scanf(ber, "{imt", &version, &name, &method) != LBER_ERROR);
      request.name = text_of(name);
      request.simple = method == LDAP_AUTH_SIMPLE;
      if (request.simple) request.password = take_text(ber);
      if (!request.simple) require(ber_skip_raw(ber, &name) != LBER_ERROR);
      break;
    }
    case LDAP_REQ_SEARCH:
      take_search(ber, request);
      break;
    case LDAP_REQ_MODIFY:
    case LDAP_REQ_ADD: {
      berval name{};
      require(ber_scanf(ber, "{m", &name) != LBER_ERROR);
      request.name = text_of(name);
      take_changes(ber, request);
      break;
    }
    case LDAP_REQ_DELETE:
      request.name = take_text(ber);
      break;
    case LDAP_REQ_MODRDN: {
      berval name{};
      berval rdn{};
      ber_int_t delete_old = 0;
      require(ber_scanf(ber, "{mmb", &name, &rdn, &delete_old) != LBER_ERROR);
      request.name = text_of(name);
      request.new_rdn = text_of(rdn);
      request.delete_old = delete_old != 0;
      if (peek(ber) == LDAP_TAG_NEWSUPERIOR) request.new_parent = take_text(ber);
      break;
    }
    case LDAP_REQ_EXTENDED: {
      require(ber_skip_tag(ber, &length) != LBER_ERROR);
      request.name = take_text(ber);
      if (peek(ber) == LDAP_TAG_EXOP_REQ_VALUE) take_text(ber);
      break;
    }
    default:  // unbind, abandon: nothing that matters
      break;
  }
}

// --- the stream below liblber ---

int set_up(Sockbuf_IO_Desc* io, void* stream) {
  io->sbiod_pvt = stream;
  return 0;
}
int take_down(Sockbuf_IO_Desc* /*io*/) { return 0; }
int control(Sockbuf_IO_Desc* /*io*/, int /*option*/, void* /*value*/) { return 0; }
ber_slen_t read_stream(Sockbuf_IO_Desc* io, void* into, ber_len_t most) {
  const long got = static_cast<WindowsStream*>(io->sbiod_pvt)->read(into, most);
  if (got <= 0) errno = ECONNRESET;
  return got;
}
ber_slen_t write_stream(Sockbuf_IO_Desc* /*io*/, void* /*from*/, ber_len_t /*size*/) { return -1; }

Sockbuf_IO k_stream_io{set_up, take_down, control, read_stream, write_stream, take_down};

Ber make_ber() {
  Ber made(ber_alloc_t(LBER_USE_DER));
  if (!made) throw std::bad_alloc();
  return made;
}

std::string flatten(BerElement* ber) {
  berval bytes{};
  if (ber_flatten2(ber, &bytes, 0) != 0) throw std::bad_alloc();
  return text_of(bytes);
}

berval borrow(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }

}  // namespace

WindowsStream::~WindowsStream() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  ::close(fd_);
}

bool WindowsStream::encrypt(ssl_ctx_st* context) {
  ssl_ = SSL_new(context);
  SSL_set_fd(ssl_, fd_);
  const bool done = SSL_accept(ssl_) == 1;
  ERR_clear_error();
  return done;
}

long WindowsStream::read(void* into, std::size_t most) {
  const int size = static_cast<int>(std::min<std::size_t>(most, 1 << 20));
  if (ssl_ == nullptr) return ::recv(fd_, into, static_cast<std::size_t>(size), 0);
  const int got = SSL_read(ssl_, into, size);
  ERR_clear_error();
  return got > 0 ? got : 0;
}

bool WindowsStream::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), 1 << 20);
    const long sent = ssl_ == nullptr ? ::send(fd_, bytes.data(), size, MSG_NOSIGNAL)
                                      : SSL_write(ssl_, bytes.data(), static_cast<int>(size));
    ERR_clear_error();
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void WindowsStream::shut() const { ::shutdown(fd_, SHUT_RDWR); }

const std::vector<std::string>& windows_controls() {
  static const std::vector<std::string> all{k_paged,   k_show_deleted, k_extended_dn, k_sd_flags,     k_tree_delete,
                                            k_dirsync, k_domain_scope, k_permissive,  k_show_recycled};
  return all;
}

WindowsReader::WindowsReader(WindowsStream& stream) : buffer_(ber_sockbuf_alloc()) {
  ber_len_t most = k_most_bytes;
  ber_sockbuf_add_io(buffer_, &k_stream_io, LBER_SBIOD_LEVEL_PROVIDER, &stream);
  ber_sockbuf_ctrl(buffer_, LBER_SB_OPT_SET_MAX_INCOMING, &most);
}

WindowsReader::~WindowsReader() { ber_sockbuf_free(buffer_); }

bool WindowsReader::next(WindowsRequest& request) {
  const Ber ber(ber_alloc_t(LBER_USE_DER));
  ber_len_t length = 0;
  ber_tag_t tag = LBER_DEFAULT;
  do {  // a part of the message is no end of it
    errno = 0;
    tag = ber_get_next(buffer_, &length, ber.get());
  } while (tag == LBER_DEFAULT && errno == EWOULDBLOCK);
  if (tag != LDAP_TAG_MESSAGE) return false;
  try {
    ber_int_t id = 0;
    require(ber_scanf(ber.get(), "i", &id) != LBER_ERROR);
    request.id = id;
    request.operation = peek(ber.get());
    if (request.operation == LDAP_REQ_UNBIND) return false;
    take_operation(ber.get(), request);
    take_controls(ber.get(), request.controls);
    return true;
  } catch (const Broken&) {
    return false;
  }
}

void put_result(std::string& out, int id, ber_tag_t kind, int code, const std::string& text,
                const std::string& referral, const std::vector<WindowsAnswer>& controls) {
  const Ber ber = make_ber();
  // Text ends with a NUL on the wire, as a controller sends it.
  berval diagnostic = borrow(text);
  if (!text.empty()) ++diagnostic.bv_len;
  berval none = borrow("");
  int written = ber_printf(ber.get(), "{it{eOO", id, kind, code, &none, &diagnostic);
  if (!referral.empty()) written = ber_printf(ber.get(), "t{s}", LDAP_TAG_REFERRAL, referral.c_str());
  written = ber_printf(ber.get(), "}");
  if (!controls.empty()) {
    written = ber_printf(ber.get(), "t{", LDAP_TAG_CONTROLS);
    for (const WindowsAnswer& control : controls) {
      berval value = borrow(control.value);
      written = ber_printf(ber.get(), "{sO}", control.oid.c_str(), &value);
    }
    written = ber_printf(ber.get(), "}");
  }
  written = ber_printf(ber.get(), "}");
  if (written < 0) throw std::bad_alloc();
  out += flatten(ber.get());
}

void put_reference(std::string& out, int id, const std::string& url) {
  const Ber ber = make_ber();
  if (ber_printf(ber.get(), "{it{s}}", id, LDAP_RES_SEARCH_REFERENCE, url.c_str()) < 0) throw std::bad_alloc();
  out += flatten(ber.get());
}

WindowsEntry::WindowsEntry(int id, const std::string& dn, bool types_only) : ber_(make_ber()), types_only_(types_only) {
  berval name = borrow(dn);
  if (ber_printf(ber_.get(), "{it{O{", id, LDAP_RES_SEARCH_ENTRY, &name) < 0) throw std::bad_alloc();
}

void WindowsEntry::begin(const std::string& attribute) {
  berval name = borrow(attribute);
  if (ber_printf(ber_.get(), "{O[", &name) < 0) throw std::bad_alloc();
}

void WindowsEntry::value(std::string_view bytes) {
  berval value = borrow(bytes);
  if (!types_only_ && ber_printf(ber_.get(), "O", &value) < 0) throw std::bad_alloc();
}

void WindowsEntry::end() {
  if (ber_printf(ber_.get(), "]}") < 0) throw std::bad_alloc();
}

std::string WindowsEntry::finish() {
  if (ber_printf(ber_.get(), "}}}") < 0) throw std::bad_alloc();
  return flatten(ber_.get());
}

std::string page_value(int estimate, const std::string& cookie) {
  const Ber ber = make_ber();
  berval bytes = borrow(cookie);
  if (ber_printf(ber.get(), "{iO}", estimate, &bytes) < 0) throw std::bad_alloc();
  return flatten(ber.get());
}

std::string dirsync_value(bool more, const std::string& cookie) {
  const Ber ber = make_ber();
  berval bytes = borrow(cookie);
  if (ber_printf(ber.get(), "{iiO}", more ? 1 : 0, 0, &bytes) < 0) throw std::bad_alloc();
  return flatten(ber.get());
}

}  // namespace linkspan::testkit
