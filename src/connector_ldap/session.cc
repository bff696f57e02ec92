#include "connector_ldap/internal/session.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "connector_ldap/internal/kerberos.h"
#include "connector_ldap/internal/quiet_pipe.h"

namespace linkspan::connector_ldap {

namespace {

constexpr std::chrono::milliseconds k_slice{200};  ///< how long a wait does not look at the stop token
constexpr const char* k_system_authorities = "/etc/ssl/certs/ca-certificates.crt";

timeval to_timeval(std::chrono::milliseconds duration) {
  timeval made{};
  made.tv_sec = duration.count() / 1000;
  made.tv_usec = (duration.count() % 1000) * 1000;
  return made;
}

std::string diagnostic_of(LDAP* handle) {
  char* text = nullptr;
  ldap_get_option(handle, LDAP_OPT_DIAGNOSTIC_MESSAGE, static_cast<void*>(&text));
  std::string made = text != nullptr ? printable(text, 300) : std::string();
  ldap_memfree(text);
  return made;
}

int last_code(LDAP* handle) {
  int code = LDAP_OTHER;
  ldap_get_option(handle, LDAP_OPT_RESULT_CODE, &code);
  return code == LDAP_SUCCESS ? LDAP_SERVER_DOWN : code;
}

/// libldap does not say why a handshake failed. Where one without verification goes through, it was the certificate;
/// nothing is asked and no password sent over that second connection.
bool shakes_hands_unverified(const ServerUrl& url, std::chrono::seconds timeout) {
  LDAP* handle = nullptr;
  if (ldap_initialize(&handle, url.text.c_str()) != LDAP_SUCCESS) return false;
  const int version = LDAP_VERSION3;
  const int never = LDAP_OPT_X_TLS_NEVER;
  const int client = 0;
  const timeval patience = to_timeval(timeout);
  ldap_set_option(handle, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(handle, LDAP_OPT_NETWORK_TIMEOUT, &patience);
  ldap_set_option(handle, LDAP_OPT_TIMEOUT, &patience);
  ldap_set_option(handle, LDAP_OPT_X_TLS_REQUIRE_CERT, &never);
  ldap_set_option(handle, LDAP_OPT_X_TLS_NEWCTX, &client);
  const int code = url.tls ? ldap_connect(handle) : ldap_start_tls_s(handle, nullptr, nullptr);
  ldap_unbind_ext_s(handle, nullptr, nullptr);
  return code == LDAP_SUCCESS;
}

/// Whether a connection without TLS is to be encrypted when nothing is said of it.
bool wants_tls(const LdapSettings& settings, const ServerUrl& url) {
  if (settings.dialect == Dialect::active_directory) return settings.bind == Bind::simple;
  return !url.loopback;
}

Error certificate_error(std::string_view where) {
  return {Fault::denied, "ldap.certificate", fmt::format("{}: the server's certificate is not trusted", where),
          "set ca_file to the certificate of the authority that signed the server's, and use the host name that the "
          "certificate holds"};
}

/// Active Directory says in its words why an account is not let in: "…, data 532, v…".
std::optional<Error> refused_account(std::string_view diagnostic, const std::string& text) {
  constexpr std::string_view k_mark = ", data ";
  const std::size_t at = diagnostic.find(k_mark);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view code = diagnostic.substr(at + k_mark.size());
  code = code.substr(0, code.find(','));
  const auto made = [&](std::string_view id, std::string_view hint) {
    return Error(Fault::denied, id, text, std::string(hint));
  };
  if (code == "532") return made("ldap.password_expired", "set a new password, and let it never expire");
  if (code == "773") return made("ldap.password_must_change", "the password waits to be changed: set it for good");
  if (code == "775") return made("ldap.account_locked", "find out who tries wrong passwords, then unlock the account");
  if (code == "533") return made("ldap.account_disabled", "enable the account, or name another");
  if (code == "701") return made("ldap.account_expired", "set a later end of the account, or none");
  if (code == "530" || code == "531") {
    return made("ldap.logon_restricted", "let the account log on at any time and from this machine");
  }
  return std::nullopt;
}

}  // namespace

Error result_error(int code, std::string_view diagnostic, std::string_view where, std::string_view what) {
  const std::string text = fmt::format("{}: {}: {} ({}){}{}", where, what, ldap_err2string(code), code,
                                       diagnostic.empty() ? "" : ": ", printable(diagnostic, 300));
  if (code == LDAP_INVALID_CREDENTIALS) {
    if (auto known = refused_account(diagnostic, text)) return std::move(*known);
  }
  switch (code) {
    case LDAP_INVALID_CREDENTIALS:
    case LDAP_INAPPROPRIATE_AUTH:
      return {Fault::denied, "ldap.credentials", text, "check bind_dn and the password of this connector"};
    case LDAP_INSUFFICIENT_ACCESS:
      return {Fault::denied, "ldap.access", text, "let the account of this connector read what it imports"};
    case LDAP_STRONG_AUTH_REQUIRED:
    case LDAP_CONFIDENTIALITY_REQUIRED:
      return {Fault::denied, "ldap.encryption_required", text, "use an ldaps:// url, or start_tls = always"};
    case LDAP_SIZELIMIT_EXCEEDED:
    case LDAP_TIMELIMIT_EXCEEDED:
    case LDAP_ADMINLIMIT_EXCEEDED:
      return {Fault::invalid, "ldap.limit", text,
              "raise the server's limit for the account of this connector (OpenLDAP: limits … size=unlimited)"};
    case LDAP_NO_SUCH_OBJECT:
      return {Fault::not_found, "ldap.no_container", text,
              "check base and containers; an account that may not read a container is told that it is not there"};
    case LDAP_INVALID_DN_SYNTAX:
      return {Fault::invalid, "ldap.bad_name", text, "correct base, containers and exclude_containers"};
    case LDAP_BUSY:
    case LDAP_UNAVAILABLE:
      return {Fault::unavailable, "ldap.busy", text, "the server asks to try again later"};
    case LDAP_SYNC_REFRESH_REQUIRED:
      return {Fault::invalid, "connector.watermark_refused", text, "a full import begins a new series"};
    case LDAP_SERVER_DOWN:
    case LDAP_CONNECT_ERROR:
      return {Fault::unavailable, "ldap.lost", text, "see whether the server is up, and its log"};
    case LDAP_TIMEOUT:
      return {Fault::unavailable, "ldap.timeout", text, "see whether the server is up; or raise timeout_seconds"};
    case LDAP_REFERRAL:
      return {Fault::invalid, "ldap.referral", text, "name the server that holds these entries in url"};
    case LDAP_DECODING_ERROR:
      return {Fault::unavailable, "ldap.garbled", text, "see whether an LDAP server listens there"};
    default:
      return {Fault::unavailable, "ldap.refused", text, "see the server's log"};
  }
}

Session::Session(const LdapSettings& settings, const vault::Secret& password, Logger& logger,
                 const std::stop_token& stop)
    : settings_(settings), logger_(logger) {
  const QuietPipe quiet;
  std::optional<Error> first;
  for (const ServerUrl& url : settings_.urls) {
    try {
      open(url, password, stop);
      return;
    } catch (const Error& error) {
      close();
      // Another server of the list is asked only when this one cannot be: a wrong password stays wrong.
      if (error.fault() != Fault::unavailable || stop.stop_requested()) throw;
      if (&url != &settings_.urls.back()) {
        logger_.log(Level::warning, error.id(), error.what(), {{"server", url.text}});
      }
      if (!first) first = error;
    } catch (...) {
      close();
      throw;
    }
  }
  throw std::move(*first);
}

Session::~Session() { close(); }

void Session::close() noexcept {
  const QuietPipe quiet;
  if (handle_ != nullptr) ldap_unbind_ext_s(handle_, nullptr, nullptr);
  handle_ = nullptr;
  encrypted_ = false;
}

void Session::open(const ServerUrl& url, const vault::Secret& password, const std::stop_token& stop) {
  where_ = url.text;
  if (const int code = ldap_initialize(&handle_, url.text.c_str()); code != LDAP_SUCCESS) {
    throw Error(Fault::invalid, "ldap.settings", fmt::format("url: {}: {}", url.text, ldap_err2string(code)));
  }
  set_options(url);
  encrypt(url);
  bind(url, password, stop);
  read_ahead();
}

/// libldap alone asks the system three times for every message: is there something, how long is it, and the rest. The
/// layer comes last, above TLS. It must never wait in a read, where neither a timeout nor a stop would reach it, so the
/// socket does not block from here on; libldap waits in poll(2). Without any of this all is slower, and nothing else.
void Session::read_ahead() {
  if (settings_.bind == Bind::gssapi && !encrypted_) return;  // its layer does the same
  Sockbuf* buffer = nullptr;
  int socket = -1;
  const bool found = ldap_get_option(handle_, LDAP_OPT_SOCKBUF, static_cast<void*>(&buffer)) == LDAP_OPT_SUCCESS &&
                     ldap_get_option(handle_, LDAP_OPT_DESC, &socket) == LDAP_OPT_SUCCESS;
  if (!found || buffer == nullptr || socket < 0) return;
  const int flags = ::fcntl(socket, F_GETFL);
  if (flags < 0 || ::fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0) return;
  ber_len_t bytes = 65536;
  if (ber_sockbuf_add_io(buffer, &ber_sockbuf_io_readahead, LBER_SBIOD_LEVEL_APPLICATION, nullptr) != 0) return;
  ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_READAHEAD, &bytes);
}

void Session::set_options(const ServerUrl& url) {
  const int version = LDAP_VERSION3;
  ldap_set_option(handle_, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(handle_, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
  ldap_set_option(handle_, LDAP_OPT_RESTART, LDAP_OPT_ON);
  const timeval patience = to_timeval(settings_.timeout);
  const timeval connecting = to_timeval(std::min(settings_.timeout, std::chrono::seconds(15)));
  ldap_set_option(handle_, LDAP_OPT_NETWORK_TIMEOUT, &connecting);
  ldap_set_option(handle_, LDAP_OPT_TIMEOUT, &patience);
  if (!url.local) set_tls_options();
}

void Session::set_tls_options() {
  const std::string authorities = !settings_.ca_file.empty()                  ? settings_.ca_file
                                  : ::access(k_system_authorities, R_OK) == 0 ? k_system_authorities
                                                                              : std::string();
  const int demand = settings_.verify ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER;
  const int least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
  const int client = 0;
  ldap_set_option(handle_, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
  ldap_set_option(handle_, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least);
  if (!authorities.empty()) ldap_set_option(handle_, LDAP_OPT_X_TLS_CACERTFILE, authorities.c_str());
  if (ldap_set_option(handle_, LDAP_OPT_X_TLS_NEWCTX, &client) != LDAP_OPT_SUCCESS) {
    throw Error(Fault::denied, "ldap.certificate", fmt::format("{}: no certificates can be read from it", authorities),
                "set ca_file to a file with certificates (PEM) that this program may read");
  }
}

void Session::encrypt(const ServerUrl& url) {
  if (url.local) return;
  if (url.tls) {
    encrypted_ = true;  // the handshake comes with the first request
  } else if (settings_.start_tls == StartTls::always ||
             (settings_.start_tls == StartTls::automatic && wants_tls(settings_, url))) {
    const int code = ldap_start_tls_s(handle_, nullptr, nullptr);
    const bool unknown_to_server = code == LDAP_PROTOCOL_ERROR || code == LDAP_UNWILLING_TO_PERFORM ||
                                   code == LDAP_UNAVAILABLE || code == LDAP_OPERATIONS_ERROR;
    if (unknown_to_server && settings_.start_tls == StartTls::always) {
      throw Error(Fault::denied, "ldap.clear_text", fmt::format("{}: the server offers no StartTLS", where_),
                  "use an ldaps:// url, or have TLS set up on the server");
    }
    if (code != LDAP_SUCCESS && !unknown_to_server) throw connect_error(code, "StartTLS", url);
    encrypted_ = code == LDAP_SUCCESS;
  }
  if (encrypted_ && !settings_.verify) {
    logger_.log(Level::warning, "ldap.verify_off", "the server's certificate is not checked: anybody may pose as it",
                {{"server", where_}});
  }
  // GSSAPI sends no password, and seals the connection itself where TLS does not.
  if (encrypted_ || settings_.bind_dn.empty() || settings_.bind == Bind::gssapi) return;
  // Active Directory takes no password in clear text, from this machine either.
  const bool is_private = url.loopback && settings_.dialect == Dialect::ldap;
  if (is_private) return;
  if (!settings_.allow_clear_text) {
    throw Error(Fault::denied, "ldap.clear_text",
                fmt::format("{}: the password would go over the network unencrypted", where_),
                "use an ldaps:// url or start_tls; or set allow_clear_text if the network is yours alone");
  }
  logger_.log(Level::warning, "ldap.clear_text", "the password goes over the network unencrypted",
              {{"server", where_}});
}

void Session::bind(const ServerUrl& url, const vault::Secret& password, const std::stop_token& stop) {
  if (settings_.bind == Bind::gssapi) {
    bind_by_kerberos(url, password);
  } else {
    bind_simply(url, password, stop);
  }
}

void Session::bind_by_kerberos(const ServerUrl& url, const vault::Secret& password) {
  const KerberosLogin login(settings_.bind_dn, password, settings_.keytab);
  // Active Directory refuses one encryption inside another, and anything that is not encrypted at all.
  const ber_len_t strength = encrypted_ ? 0 : 256;
  const ber_len_t least = encrypted_ ? 0 : 56;
  ldap_set_option(handle_, LDAP_OPT_X_SASL_SSF_MAX, &strength);
  ldap_set_option(handle_, LDAP_OPT_X_SASL_SSF_MIN, &least);
  ldap_set_option(handle_, LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON);
  if (encrypted_) {
    const int binding = LDAP_OPT_X_SASL_CBINDING_TLS_ENDPOINT;
    ldap_set_option(handle_, LDAP_OPT_X_SASL_CBINDING, &binding);
  }
  const int code = ldap_sasl_interactive_bind_s(
      handle_, nullptr, "GSSAPI", nullptr, nullptr, LDAP_SASL_QUIET,
      [](LDAP*, unsigned, void*, void*) { return LDAP_SUCCESS; }, nullptr);
  if (code == LDAP_SUCCESS) return;
  const std::string what = fmt::format("binding as {} by Kerberos", settings_.bind_dn);
  if (code == LDAP_LOCAL_ERROR) {
    throw Error(Fault::denied, "ldap.kerberos", fmt::format("{}: {}: {}", where_, what, diagnostic_of(handle_)),
                "name the server by the name that Kerberos knows it by, and see that the clocks agree");
  }
  if (code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR || code == LDAP_TIMEOUT) {
    throw connect_error(code, "connecting", url);
  }
  throw result_error(code, diagnostic_of(handle_), where_, what);
}

void Session::bind_simply(const ServerUrl& url, const vault::Secret& password, const std::stop_token& stop) {
  const std::string_view bytes = settings_.bind_dn.empty() ? std::string_view() : password.reveal();
  berval credentials{bytes.size(), const_cast<char*>(bytes.data())};
  int id = 0;
  const int sent =
      ldap_sasl_bind(handle_, settings_.bind_dn.c_str(), LDAP_SASL_SIMPLE, &credentials, nullptr, nullptr, &id);
  if (sent != LDAP_SUCCESS) throw connect_error(sent, "connecting", url);
  const Message answer = next(id, stop);
  const Done done = parse_done(answer.get());
  if (done.code != LDAP_SUCCESS) {
    throw result_error(
        done.code, done.diagnostic, where_,
        settings_.bind_dn.empty() ? "binding anonymously" : fmt::format("binding as {}", settings_.bind_dn));
  }
}

Error Session::connect_error(int code, std::string_view what, const ServerUrl& url) {
  const bool shaking_hands = url.tls || code == LDAP_CONNECT_ERROR;
  if (settings_.verify && shaking_hands && shakes_hands_unverified(url, std::chrono::seconds(5))) {
    return certificate_error(where_);
  }
  const std::string diagnostic = diagnostic_of(handle_);
  return {
      Fault::unavailable, "ldap.unreachable",
      fmt::format("{}: {}: {}{}{}", where_, what, ldap_err2string(code), diagnostic.empty() ? "" : ": ", diagnostic),
      "see whether the server is up, the url right, and the network open between"};
}

ControlList::ControlList(const std::vector<RequestControl>& controls) {
  held_.reserve(controls.size());
  pointers_.reserve(controls.size() + 1);
  for (const RequestControl& control : controls) {
    // No value is none at all, which servers tell from an empty one.
    berval value{control.value.size(), control.value.empty() ? nullptr : const_cast<char*>(control.value.data())};
    held_.push_back({const_cast<char*>(control.oid.c_str()), value, static_cast<char>(control.critical ? 1 : 0)});
    pointers_.push_back(&held_.back());
  }
  pointers_.push_back(nullptr);
}

int Session::send(const Search& search, const std::vector<RequestControl>& controls) {
  std::vector<char*> attributes;
  attributes.reserve(search.attributes.size() + 1);
  for (const std::string& name : search.attributes) attributes.push_back(const_cast<char*>(name.c_str()));
  attributes.push_back(nullptr);
  ControlList list(controls);
  int id = 0;
  const QuietPipe quiet;
  const int code = ldap_search_ext(handle_, search.base.c_str(), search.scope, search.filter.c_str(), attributes.data(),
                                   0, list.get(), nullptr, nullptr, search.size_limit, &id);
  if (code != LDAP_SUCCESS) {
    throw result_error(code, diagnostic_of(handle_), where_, fmt::format("reading \"{}\"", search.base));
  }
  return id;
}

Message Session::next(int id, const std::stop_token& stop) {
  const auto end = std::chrono::steady_clock::now() + settings_.timeout;
  for (;;) {
    timeval slice = to_timeval(k_slice);
    LDAPMessage* message = nullptr;
    const int kind = ldap_result(handle_, id, LDAP_MSG_ONE, &slice, &message);
    if (kind > 0) return Message(message);
    if (stop.stop_requested()) {
      throw Error(Fault::cancelled, "ldap.stopped", fmt::format("{}: reading was stopped", where_));
    }
    if (kind < 0) {
      const int code = last_code(handle_);
      throw result_error(code, diagnostic_of(handle_), where_, "the connection broke");
    }
    if (std::chrono::steady_clock::now() >= end) {
      throw result_error(LDAP_TIMEOUT, {}, where_, fmt::format("no answer for {} seconds", settings_.timeout.count()));
    }
  }
}

Done Session::parse_done(LDAPMessage* message) {
  Done done;
  char* diagnostic = nullptr;
  LDAPControl** controls = nullptr;
  const int code = ldap_parse_result(handle_, message, &done.code, nullptr, &diagnostic, nullptr, &controls, 0);
  done.controls.reset(controls);
  if (diagnostic != nullptr) done.diagnostic = diagnostic;
  ldap_memfree(diagnostic);
  if (code != LDAP_SUCCESS && done.code == LDAP_SUCCESS) done.code = code;
  return done;
}

std::vector<Message> Session::read(const Search& search, const std::stop_token& stop,
                                   const std::vector<RequestControl>& controls) {
  const int id = send(search, controls);
  std::vector<Message> entries;
  for (;;) {
    Message message = next(id, stop);
    const int kind = ldap_msgtype(message.get());
    if (kind == LDAP_RES_SEARCH_ENTRY) entries.push_back(std::move(message));
    if (kind != LDAP_RES_SEARCH_RESULT) continue;
    const Done done = parse_done(message.get());
    const bool enough = done.code == LDAP_SIZELIMIT_EXCEEDED && search.size_limit != 0;
    if (done.code != LDAP_SUCCESS && !enough) {
      throw result_error(done.code, done.diagnostic, where_, fmt::format("reading \"{}\"", search.base));
    }
    return entries;
  }
}

void Session::abandon(int id) noexcept {
  const QuietPipe quiet;
  ldap_abandon_ext(handle_, id, nullptr, nullptr);
}

std::string Session::tls_version() const {
  if (!encrypted_) return {};
  char* text = nullptr;
  ldap_get_option(handle_, LDAP_OPT_X_TLS_VERSION, static_cast<void*>(&text));
  std::string made = text != nullptr ? text : "TLS";
  ldap_memfree(text);
  return made;
}

std::string dn_of(LDAP* handle, LDAPMessage* entry) {
  char* dn = ldap_get_dn(handle, entry);
  std::string made = dn != nullptr ? dn : "";
  ldap_memfree(dn);
  return made;
}

std::vector<std::string> values_of(LDAP* handle, LDAPMessage* entry, const char* attribute) {
  std::vector<std::string> made;
  berval** values = ldap_get_values_len(handle, entry, attribute);
  for (berval** value = values; value != nullptr && *value != nullptr; ++value) {
    made.emplace_back((*value)->bv_val, (*value)->bv_len);
  }
  ldap_value_free_len(values);
  return made;
}

}  // namespace linkspan::connector_ldap
