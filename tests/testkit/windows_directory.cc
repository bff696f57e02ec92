#include "testkit/windows_directory.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <ldap.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <list>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/text.h"
#include "net/testing/loopback_server.h"
#include "testkit/windows_names.h"

namespace linkspan::testkit {

namespace {

constexpr const char* k_start_tls = "1.3.6.1.4.1.1466.20037";
constexpr const char* k_who_am_i = "1.3.6.1.4.1.4203.1.11.3";
constexpr const char* k_admin = "Administrator";
constexpr std::int64_t k_day = 864'000'000'000;  ///< in the directory's count

int listen_on_loopback(int& port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool open = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(socket, 64) == 0 &&
                    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (!open) throw std::runtime_error("no socket on loopback");
  port = ntohs(address.sin_port);
  return socket;
}

std::string wide(const std::string& text) {
  std::string made;
  for (const char c : text) {
    made += c;
    made += '\0';
  }
  return made;
}

/// What the bind of an account that is not let in says (learn.microsoft.com, "AcceptSecurityContext error": the hex of
/// ERROR_LOGON_FAILURE and its kin, MS-ERREF 2.2).
[[noreturn]] void refuse_bind(const char* data) {
  throw WindowsRefusal(
      LDAP_INVALID_CREDENTIALS,
      fmt::format("80090308: LdapErr: DSID-0C090000, comment: AcceptSecurityContext error, data {}, v4563", data));
}

}  // namespace

struct WindowsDirectory::State {
  explicit State(WindowsDirectoryOptions wanted)
      : options(std::move(wanted)), forest(options.domains, options.recycle_bin) {}

  struct Controller {
    WindowsForest::Domain* domain = nullptr;
    int sockets[2] = {-1, -1};  ///< plain, TLS
    int ports[2] = {0, 0};
    std::jthread accepting[2];
  };
  struct Connection {
    std::unique_ptr<WindowsStream> stream;
    std::jthread thread;
    std::atomic<bool> finished = false;
  };

  /// One connection's conversation.
  class Conversation;

  WindowsDirectoryOptions options;
  std::mutex mutex;  ///< of the forest and of what follows it here
  WindowsForest forest;
  std::set<WindowsObject*> replicators, watchers;
  WindowsObject* administrator = nullptr;
  std::map<WindowsObject*, int> wrong;
  std::function<void(const WindowsRequest&)> after_search;
  std::optional<std::size_t> answers_left;

  std::atomic<std::size_t> searches = 0, parts = 0;
  std::atomic<std::int64_t> busy = 0;
  std::atomic<bool> stop = false;
  std::string admin_password;
  std::filesystem::path folder;
  std::string ca_file;
  SSL_CTX* tls = nullptr;
  std::list<Controller> controllers;
  std::mutex connections_mutex;
  std::list<Connection> connections;
  std::unique_ptr<LdapAdmin> admin;

  Controller& controller(std::size_t number) {
    auto at = controllers.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(number));
    return *at;
  }

  void set_up_tls();
  void open();
  void close();
  void accept(Controller& controller, bool encrypted);
};

class WindowsDirectory::State::Conversation {
 public:
  Conversation(State& state, Controller& controller, WindowsStream& stream)
      : state_(state), stream_(stream), search_(state.forest, *controller.domain, state.options.limits) {}

  void run() {
    WindowsReader reader(stream_);
    for (;;) {
      WindowsRequest request;
      std::string out;
      try {
        if (!reader.next(request)) return;
        if (request.operation == LDAP_REQ_ABANDON) continue;
        answer(request, out);
      } catch (const WindowsRefusal& refusal) {
        put_result(out, request.id, answer_kind(request.operation), refusal.code, refusal.what(), refusal.referral);
      }
      const bool starts_tls = request.operation == LDAP_REQ_EXTENDED && request.name == k_start_tls;
      if (!stream_.write(out)) return;
      if (starts_tls && !stream_.encrypted() && !stream_.encrypt(state_.tls)) return;
    }
  }

 private:
  static ber_tag_t answer_kind(ber_tag_t operation) {
    switch (operation) {
      case LDAP_REQ_BIND:
        return LDAP_RES_BIND;
      case LDAP_REQ_SEARCH:
        return LDAP_RES_SEARCH_RESULT;
      case LDAP_REQ_MODIFY:
        return LDAP_RES_MODIFY;
      case LDAP_REQ_ADD:
        return LDAP_RES_ADD;
      case LDAP_REQ_DELETE:
        return LDAP_RES_DELETE;
      case LDAP_REQ_MODRDN:
        return LDAP_RES_MODRDN;
      default:
        return LDAP_RES_EXTENDED;
    }
  }

  void answer(const WindowsRequest& request, std::string& out) {
    const auto begun = std::chrono::steady_clock::now();
    std::function<void(const WindowsRequest&)> afterwards;
    {
      const std::scoped_lock lock(state_.mutex);
      switch (request.operation) {
        case LDAP_REQ_BIND:
          bind(request);
          break;
        case LDAP_REQ_SEARCH:
          search(request, out);
          afterwards = state_.after_search;
          break;
        case LDAP_REQ_EXTENDED:
          extended(request);
          break;
        default:
          change(request);
      }
      if (request.operation != LDAP_REQ_SEARCH) {
        put_result(out, request.id, answer_kind(request.operation), LDAP_SUCCESS, {});
      }
    }
    state_.busy += (std::chrono::steady_clock::now() - begun).count();
    if (afterwards) afterwards(request);
  }

  /// MS-ADTS 5.1.1.1.1 (simple authentication).
  void bind(const WindowsRequest& request) {
    account_ = nullptr;
    if (!request.simple) throw WindowsRefusal(LDAP_AUTH_METHOD_NOT_SUPPORTED, "the lab knows simple binds only");
    if (request.name.empty() || request.password.empty()) return;  // anonymous, or unauthenticated (RFC 4513, 5.1.2)
    if (!stream_.encrypted()) {
      // 5.1.1.1.2, LDAPServerIntegrity = 2.
      throw WindowsRefusal(LDAP_STRONG_AUTH_REQUIRED,
                           "00002028: LdapErr: DSID-0C090000, comment: The server requires binds to turn on integrity "
                           "checking if SSL\\TLS are not already active on the connection, data 0, v4563");
    }
    WindowsObject* found = nullptr;
    try {
      found = state_.forest.find_account(request.name);
    } catch (const WindowsRefusal&) {
    }
    if (found == nullptr || found->deleted || found->password.empty()) refuse_bind("52e");
    const auto number = [&](const char* attribute) {
      const auto held = found->attributes.find(attribute);
      const bool none = held == found->attributes.end() || held->second.values.empty();
      return none ? 0 : to_integer(held->second.values.front()).value_or(0);
    };
    // A locked account is told so whatever the password; the rest is for who knows it.
    if (number("lockoutTime") != 0) refuse_bind("775");
    if (found->password != wide(request.password)) {
      if (++state_.wrong[found] >= state_.options.wrong_passwords) {
        state_.forest.keep(*found, "lockoutTime", {std::to_string(k_windows_now)});
      }
      refuse_bind("52e");
    }
    state_.wrong.erase(found);
    const std::int64_t control = number("userAccountControl");
    if ((control & 0x2) != 0) refuse_bind("533");
    const std::int64_t end = number("accountExpires");
    if (end != 0 && end < k_windows_now) refuse_bind("701");
    const bool lasts = (control & 0x10000) != 0;
    if (!lasts && number("pwdLastSet") == 0) refuse_bind("773");
    if (!lasts && number("pwdLastSet") < k_windows_now - 42 * k_day) refuse_bind("532");
    account_ = found;
  }

  void extended(const WindowsRequest& request) const {
    if (request.name == k_start_tls && !stream_.encrypted()) return;
    if (request.name == k_who_am_i) return;
    throw WindowsRefusal(LDAP_PROTOCOL_ERROR, "00000057: LdapErr: DSID-0C090000, comment: Unknown extended request");
  }

  void search(const WindowsRequest& request, std::string& out) {
    ++state_.searches;
    const bool all = account_ != nullptr && account_ == state_.administrator;
    const WindowsViewer viewer{account_ != nullptr, all || state_.replicators.contains(account_),
                               all || state_.watchers.contains(account_)};
    if (request.controls.dirsync && !request.controls.dirsync->cookie.empty() && state_.answers_left) {
      if (*state_.answers_left == 0) {
        throw WindowsRefusal(LDAP_UNAVAILABLE_CRITICAL_EXTENSION,
                             "00000057: LdapErr: DSID-0C090000, comment: Error processing control, data 0, v4563");
      }
      --*state_.answers_left;
    }
    std::string made;
    search_.answer(request, viewer, made);
    out += made;
    if (request.controls.dirsync) ++state_.parts;
  }

  void change(const WindowsRequest& request) {
    if (account_ == nullptr || account_ != state_.administrator) {
      throw WindowsRefusal(LDAP_INSUFFICIENT_ACCESS,
                           "00002098: SecErr: DSID-03150000, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n");
    }
    WindowsForest& forest = state_.forest;
    const WindowsRequester by{stream_.encrypted(), request.controls.show_deleted, request.controls.permissive,
                              request.controls.whole_tree};
    if (request.operation == LDAP_REQ_ADD) {
      LdapAttributes attributes;
      for (const WindowsChange& one : request.changes) attributes[one.attribute] = one.values;
      forest.add(request.name, attributes, by);
      return;
    }
    WindowsObject* object = forest.find(request.name);
    const bool hidden = object != nullptr && object->deleted && !request.controls.show_deleted;
    if (object == nullptr || hidden) {
      throw WindowsRefusal(LDAP_NO_SUCH_OBJECT,
                           "0000208D: NameErr: DSID-03100000, problem 2001 (NO_OBJECT), data 0, best match of:\n");
    }
    if (request.operation == LDAP_REQ_MODIFY) {
      forest.modify(*object, request.changes, by);
    } else if (request.operation == LDAP_REQ_DELETE) {
      forest.remove(*object, by);
    } else if (request.operation == LDAP_REQ_MODRDN) {
      WindowsObject* parent = request.new_parent ? forest.find(*request.new_parent) : nullptr;
      if (request.new_parent && parent == nullptr) {
        throw WindowsRefusal(LDAP_NO_SUCH_OBJECT,
                             "00002089: UpdErr: DSID-031B0000, problem 5012 (DIR_ERROR), data 0\n");
      }
      forest.rename(*object, request.new_rdn, request.delete_old, parent);
    } else {
      throw WindowsRefusal(LDAP_UNWILLING_TO_PERFORM, "requests of this kind are not known to the lab");
    }
  }

  State& state_;
  WindowsStream& stream_;
  WindowsSearch search_;
  WindowsObject* account_ = nullptr;
};

void WindowsDirectory::State::set_up_tls() {
  std::string name = (std::filesystem::temp_directory_path() / "linkspan-windows-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder = name;
  const auto made = net::LoopbackServer::make_certificate("localhost");
  ca_file = (folder / "ca.pem").string();
  std::ofstream(ca_file) << made.certificate_pem;
  tls = SSL_CTX_new(TLS_server_method());
  const std::unique_ptr<BIO, int (*)(BIO*)> certificate_text(
      BIO_new_mem_buf(made.certificate_pem.data(), static_cast<int>(made.certificate_pem.size())), BIO_free);
  const std::unique_ptr<BIO, int (*)(BIO*)> key_text(
      BIO_new_mem_buf(made.key_pem.data(), static_cast<int>(made.key_pem.size())), BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(
      PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  if (SSL_CTX_use_certificate(tls, certificate.get()) != 1 || SSL_CTX_use_PrivateKey(tls, key.get()) != 1) {
    throw std::runtime_error("no certificate");
  }
}

void WindowsDirectory::State::open() {
  for (WindowsForest::Domain& domain : forest.domains()) {
    Controller& one = controllers.emplace_back();
    one.domain = &domain;
    for (const int encrypted : {0, 1}) one.sockets[encrypted] = listen_on_loopback(one.ports[encrypted]);
    domain.url = fmt::format("ldap://127.0.0.1:{}", one.ports[0]);
    for (const int encrypted : {0, 1}) {
      one.accepting[encrypted] = std::jthread([this, &one, encrypted] { accept(one, encrypted == 1); });
    }
  }
}

void WindowsDirectory::State::accept(Controller& controller, bool encrypted) {
  while (!stop) {
    const int socket = ::accept4(controller.sockets[encrypted ? 1 : 0], nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) {
      if (stop) return;
      continue;
    }
    const int at_once = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    const std::scoped_lock lock(connections_mutex);
    connections.remove_if([](const Connection& one) { return one.finished.load(); });
    Connection& made = connections.emplace_back();
    made.stream = std::make_unique<WindowsStream>(socket);
    made.thread = std::jthread([this, &controller, &made, encrypted] {
      sigset_t pipe;  // OpenSSL writes to sockets that are gone
      sigemptyset(&pipe);
      sigaddset(&pipe, SIGPIPE);
      pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
      if (!encrypted || made.stream->encrypt(tls)) Conversation(*this, controller, *made.stream).run();
      made.stream->shut();
      made.finished = true;
    });
  }
}

void WindowsDirectory::State::close() {
  stop = true;
  for (Controller& one : controllers) {
    for (const int socket : one.sockets) ::shutdown(socket, SHUT_RDWR);
    for (std::jthread& thread : one.accepting) thread.join();
    for (const int socket : one.sockets) ::close(socket);
  }
  {
    const std::scoped_lock lock(connections_mutex);
    for (Connection& one : connections) one.stream->shut();
  }
  connections.clear();
  SSL_CTX_free(tls);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

WindowsDirectory::WindowsDirectory(WindowsDirectoryOptions options)
    : state_(std::make_unique<State>(std::move(options))) {
  state_->admin_password = "Aa1!" + text_of_guid(random_guid());
  const std::string dn = add_account(k_admin, state_->admin_password);
  state_->administrator = state_->forest.find(dn);
  state_->set_up_tls();
  state_->open();
}

WindowsDirectory::~WindowsDirectory() {
  state_->admin.reset();
  state_->close();
}

std::string WindowsDirectory::url(std::size_t domain) const {
  return fmt::format("ldap://127.0.0.1:{}", state_->controller(domain).ports[0]);
}
std::string WindowsDirectory::ldaps_url(std::size_t domain) const {
  return fmt::format("ldaps://127.0.0.1:{}", ldaps_port(domain));
}
int WindowsDirectory::ldaps_port(std::size_t domain) const { return state_->controller(domain).ports[1]; }
std::string WindowsDirectory::base(std::size_t domain) const {
  return WindowsForest::dn_of(*state_->controller(domain).domain->root);
}
std::string WindowsDirectory::domain(std::size_t domain) const { return state_->controller(domain).domain->dns_name; }
const std::string& WindowsDirectory::ca_file() const { return state_->ca_file; }
std::string WindowsDirectory::admin_name() const {
  return std::string(k_admin) + "@" + state_->options.domains.front();
}
const std::string& WindowsDirectory::admin_password() const { return state_->admin_password; }

LdapAdmin& WindowsDirectory::admin() {
  if (!state_->admin) {
    state_->admin = std::make_unique<LdapAdmin>(ldaps_url(), admin_name(), admin_password(), ca_file());
  }
  return *state_->admin;
}

std::string WindowsDirectory::add_account(const std::string& name, const std::string& password) {
  const std::scoped_lock lock(state_->mutex);
  const WindowsForest::Domain& domain = state_->forest.domains().front();
  const std::string dn = fmt::format("CN={},CN=Users,{}", escape_rdn(name), WindowsForest::dn_of(*domain.root));
  WindowsObject& made = state_->forest.add(dn,
                                           {{"objectClass", {"user"}},
                                            {"sAMAccountName", {name}},
                                            {"userPrincipalName", {name + "@" + domain.dns_name}},
                                            {"unicodePwd", {wide("\"" + password + "\"")}}},
                                           {});
  state_->forest.keep(made, "userAccountControl", {"66048"});
  return dn;
}

void WindowsDirectory::let_replicate(const std::string& account) {
  const std::scoped_lock lock(state_->mutex);
  state_->replicators.insert(state_->forest.find_account(account));
}

void WindowsDirectory::let_see_deleted(const std::string& account) {
  const std::scoped_lock lock(state_->mutex);
  state_->watchers.insert(state_->forest.find_account(account));
}

void WindowsDirectory::let_password_expire(const std::string& account) {
  const std::scoped_lock lock(state_->mutex);
  WindowsObject& object = *state_->forest.find_account(account);
  state_->forest.keep(object, "userAccountControl", {"512"});
  state_->forest.keep(object, "pwdLastSet", {std::to_string(k_windows_now - 60 * k_day)});
}

void WindowsDirectory::add_crowd(const std::string& name, const std::string& container, std::size_t count) {
  const std::scoped_lock lock(state_->mutex);
  state_->forest.add_crowd(*state_->forest.find(container), name, count);
}

void WindowsDirectory::set_member(const std::string& group, const std::string& member, bool present) {
  const std::scoped_lock lock(state_->mutex);
  state_->forest.modify(*state_->forest.find(group), {{present ? LDAP_MOD_ADD : LDAP_MOD_DELETE, "member", {member}}},
                        {});
}

void WindowsDirectory::recycle(const std::string& guid) {
  const std::scoped_lock lock(state_->mutex);
  state_->forest.recycle(*state_->forest.find("<GUID=" + guid + ">"));
}

void WindowsDirectory::restore() {
  const std::scoped_lock lock(state_->mutex);
  for (WindowsForest::Domain& one : state_->forest.domains()) {
    state_->forest.keep(*one.settings, "invocationId", {random_guid()});
  }
}

void WindowsDirectory::after_search(std::function<void(const WindowsRequest&)> deed) {
  const std::scoped_lock lock(state_->mutex);
  state_->after_search = std::move(deed);
}

void WindowsDirectory::refuse_cookies_after(std::size_t answers) {
  const std::scoped_lock lock(state_->mutex);
  state_->answers_left = answers;
}

std::size_t WindowsDirectory::searches() const { return state_->searches; }
std::size_t WindowsDirectory::dirsync_parts() const { return state_->parts; }
std::chrono::nanoseconds WindowsDirectory::busy() const { return std::chrono::nanoseconds(state_->busy); }

}  // namespace linkspan::testkit
