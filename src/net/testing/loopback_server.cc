#include "net/testing/loopback_server.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

namespace linkspan::net {
namespace {

template <class Type, void (*Free)(Type*)>
struct Deleter {
  void operator()(Type* object) const noexcept { Free(object); }
};
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX, SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Deleter<SSL, SSL_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION, X509_EXTENSION_free>>;
struct BioDeleter {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
using Memory = std::unique_ptr<BIO, BioDeleter>;

void require(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(what);
}

std::string text_of(const Memory& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

/// One accepted socket, plain or TLS.
class Wire {
 public:
  Wire(int fd, SSL_CTX* context) : fd_(fd) {
    if (context == nullptr) return;
    session_.reset(SSL_new(context));
    SSL_set_fd(session_.get(), fd);
    open_ = SSL_accept(session_.get()) == 1;
    ERR_clear_error();
  }
  [[nodiscard]] bool open() const { return open_; }
  std::size_t read(char* into, std::size_t size) {
    const auto got = session_ ? SSL_read(session_.get(), into, static_cast<int>(size)) : ::recv(fd_, into, size, 0);
    ERR_clear_error();
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto done = session_ ? SSL_write(session_.get(), bytes.data(), static_cast<int>(bytes.size()))
                                 : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ERR_clear_error();
      if (done <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

 private:
  int fd_;
  Session session_;
  bool open_ = true;
};

/// Reads a head and the body that its Content-Length announces; nullopt when the peer is gone.
std::optional<SeenRequest> read_request(Wire& wire, std::string& buffer) {
  const auto more = [&] {
    char part[16384];
    const std::size_t got = wire.read(part, sizeof part);
    buffer.append(part, got);
    return got != 0;
  };
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return std::nullopt;
  }
  SeenRequest request;
  request.head = buffer.substr(0, end + 2);
  const std::size_t space = request.head.find(' ');
  request.method = request.head.substr(0, space);
  request.target = request.head.substr(space + 1, request.head.find(' ', space + 1) - space - 1);
  std::size_t length = 0;
  if (const auto at = request.head.find("Content-Length: "); at != std::string::npos) {
    length = std::strtoul(request.head.c_str() + at + 16, nullptr, 10);
  }
  while (buffer.size() < end + 4 + length) {
    if (!more()) return std::nullopt;
  }
  request.body = buffer.substr(end + 4, length);
  buffer.erase(0, end + 4 + length);
  return request;
}

}  // namespace

struct LoopbackServer::State {
  struct Connection {
    int fd;
    std::thread thread;
  };

  Script script;
  Context context;
  int listener = -1;
  int port = 0;
  std::atomic<int> requests{0};
  std::atomic<int> accepted{0};
  std::thread acceptor;
  std::mutex mutex;
  std::list<Connection> connections;
  bool closing = false;

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int one = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const std::lock_guard lock(mutex);
      if (closing) {
        ::close(fd);
        return;
      }
      const int number = ++accepted;
      connections.push_back({fd, std::thread([this, fd, number] { serve(fd, number); })});
    }
  }

  void serve(int fd, int number) {
    Wire wire(fd, context.get());
    std::string buffer;
    while (wire.open()) {
      auto request = read_request(wire, buffer);
      if (!request) break;
      request->number = ++requests;
      request->connection = number;
      const ScriptedReply reply = script(*request);
      if (reply.first) reply.first();
      wire.write(reply.bytes);
      if (reply.then_close) break;
    }
    ::shutdown(fd, SHUT_RDWR);  // closed when the server goes, so that the number is not used again meanwhile
  }
};

std::string http_reply(int status, std::string_view body, std::string_view header_lines) {
  return fmt::format("HTTP/1.1 {} Scripted\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), header_lines, body);
}

LoopbackServer::LoopbackServer(Script script, std::unique_ptr<Tls> tls) : state_(std::make_unique<State>()) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  state_->script = std::move(script);
  if (tls) {
    state_->context.reset(SSL_CTX_new(TLS_server_method()));
    const Memory certificate_text(BIO_new_mem_buf(tls->certificate_pem.data(), -1));
    const Memory key_text(BIO_new_mem_buf(tls->key_pem.data(), -1));
    const Certificate certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
    const Key key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
    require(SSL_CTX_use_certificate(state_->context.get(), certificate.get()) == 1, "certificate");
    require(SSL_CTX_use_PrivateKey(state_->context.get(), key.get()) == 1, "key");
  }
  state_->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  require(::bind(state_->listener, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  require(::listen(state_->listener, 128) == 0, "listen");
  require(::getsockname(state_->listener, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  state_->port = ntohs(address.sin_port);
  state_->acceptor = std::thread([state = state_.get()] { state->accept_all(); });
}

LoopbackServer::~LoopbackServer() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
    for (const auto& connection : state_->connections) ::shutdown(connection.fd, SHUT_RDWR);
  }
  ::shutdown(state_->listener, SHUT_RDWR);
  state_->acceptor.join();
  ::close(state_->listener);
  for (auto& connection : state_->connections) {
    connection.thread.join();
    ::close(connection.fd);
  }
}

int LoopbackServer::port() const { return state_->port; }
int LoopbackServer::requests() const { return state_->requests; }
int LoopbackServer::connections() const { return state_->accepted; }
std::string LoopbackServer::url() const {
  return fmt::format("{}://127.0.0.1:{}", state_->context ? "https" : "http", state_->port);
}

LoopbackServer::Tls LoopbackServer::make_certificate(const std::string& name) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  X509* x509 = certificate.get();
  X509_set_version(x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), 24L * 3600);
  X509_set_pubkey(x509, key.get());
  X509_NAME* subject = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(x509, subject);
  const std::string names = "DNS:" + name + ",IP:127.0.0.1";
  const Extension alternative(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
  X509_add_ext(x509, alternative.get(), -1);
  const Extension authority(X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE"));
  X509_add_ext(x509, authority.get(), -1);
  require(X509_sign(x509, key.get(), EVP_sha256()) != 0, "sign");
  const Memory certificate_text(BIO_new(BIO_s_mem()));
  const Memory key_text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_text.get(), x509);
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(certificate_text), text_of(key_text)};
}

}  // namespace linkspan::net
