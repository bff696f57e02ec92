#include "sql/internal/sqlserver_probe.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/text.h"

namespace linkspan::sql {

namespace {

using Clock = std::chrono::steady_clock;
using Found = SqlServerProbe::Found;

constexpr std::uint8_t k_prelogin = 0x12;
constexpr std::uint8_t k_last = 0x01;
constexpr std::size_t k_packet_head = 8;
constexpr std::size_t k_most_bytes = 256 * 1024;  // what a handshake may take, certificates and all
constexpr std::size_t k_packet_room = 4096 - k_packet_head;

unsigned byte(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// One packet of [MS-TDS] 2.2.3.
std::string packet(std::string_view payload, bool last) {
  const std::size_t size = payload.size() + k_packet_head;
  std::string out{static_cast<char>(k_prelogin),
                  static_cast<char>(last ? k_last : 0),
                  static_cast<char>(size >> 8),
                  static_cast<char>(size & 0xff),
                  0,
                  0,
                  1,
                  0};
  return out.append(payload);
}

// VERSION and ENCRYPTION=on, of a client without a version of its own.
std::string prelogin_question() {
  using namespace std::string_literals;
  return "\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff"s + "\x00\x00\x00\x00\x00\x00"s + "\x01"s;
}

class Connection {
 public:
  Connection(const std::string& host, int port, Clock::time_point deadline) : deadline_(deadline) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) return;
    for (const addrinfo* one = list; one != nullptr && socket_ < 0; one = one->ai_next) connect(*one);
    ::freeaddrinfo(list);
  }
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] bool open() const noexcept { return socket_ >= 0; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!wait(POLLOUT)) return false;
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // The payload of the next packet.
  std::optional<std::string> receive_packet() {
    const auto head = receive(k_packet_head);
    if (!head) return std::nullopt;
    const std::size_t size = byte(*head, 2) * 256 + byte(*head, 3);
    if (size < k_packet_head) return std::nullopt;
    return receive(size - k_packet_head);
  }

 private:
  void connect(const addrinfo& address) {
    socket_ = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0) return;
    int failed = ::connect(socket_, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
    if (failed == EINPROGRESS && wait(POLLOUT)) {
      socklen_t size = sizeof failed;
      ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &failed, &size);
    }
    if (failed != 0) close();
  }

  bool wait(short what) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    if (left.count() <= 0) return false;
    pollfd one{socket_, what, 0};
    return ::poll(&one, 1, static_cast<int>(left.count())) > 0 || errno == EINTR;
  }

  std::optional<std::string> receive(std::size_t size) {
    received_ += size;
    if (received_ > k_most_bytes) return std::nullopt;
    std::string out(size, '\0');
    for (std::size_t done = 0; done < size;) {
      if (!wait(POLLIN)) return std::nullopt;
      const ssize_t read = ::recv(socket_, out.data() + done, size - done, 0);
      if (read == 0 || (read < 0 && errno != EAGAIN && errno != EINTR)) return std::nullopt;
      if (read > 0) done += static_cast<std::size_t>(read);
    }
    return out;
  }

  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  Clock::time_point deadline_;
  int socket_ = -1;
  std::size_t received_ = 0;
};

struct FreeTls {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* session) const { SSL_free(session); }
};

std::string last_tls_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  return printable(text.data());
}

// A handshake over buffers in memory, whose bytes travel in PRELOGIN packets.
class Handshake {
 public:
  explicit Handshake(const ProbeOptions& options) : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_verify(context_.get(), options.trust ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    if (options.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(context_.get());
    } else {
      SSL_CTX_load_verify_locations(context_.get(), options.ca_file.c_str(), nullptr);
    }
    session_.reset(SSL_new(context_.get()));
    expect(options.host_name);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(session_.get(), in_, out_);  // owns both from here on
    SSL_set_connect_state(session_.get());
  }

  SqlServerProbe run(Connection& connection) {
    while (true) {
      const int done = SSL_do_handshake(session_.get());
      if (!send(connection)) return {Found::no_tls, "the server ended the connection during the handshake"};
      if (done == 1) return {Found::fine, ""};
      if (SSL_get_error(session_.get(), done) != SSL_ERROR_WANT_READ) return failure();
      const auto payload = connection.receive_packet();
      if (!payload) return {Found::no_tls, "the server ended the connection during the handshake"};
      BIO_write(in_, payload->data(), static_cast<int>(payload->size()));
    }
  }

 private:
  void expect(const std::string& host) {
    X509_VERIFY_PARAM* parameters = SSL_get0_param(session_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return;
    X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size());
    SSL_set_tlsext_host_name(session_.get(), host.c_str());
  }

  bool send(Connection& connection) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(out_, &data);
    std::string_view bytes(data, size > 0 ? static_cast<std::size_t>(size) : 0);
    bool sent = true;
    while (sent && !bytes.empty()) {
      const std::string_view part = bytes.substr(0, k_packet_room);
      bytes.remove_prefix(part.size());
      sent = connection.send(packet(part, bytes.empty()));
    }
    BIO_reset(out_);
    return sent;
  }

  SqlServerProbe failure() {
    const long verified = SSL_get_verify_result(session_.get());
    if (verified != X509_V_OK) return {Found::bad_certificate, X509_verify_cert_error_string(verified)};
    return {Found::no_tls, last_tls_error()};
  }

  std::unique_ptr<SSL_CTX, FreeTls> context_;
  std::unique_ptr<SSL, FreeTls> session_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

}  // namespace

std::optional<std::uint8_t> prelogin_encryption(std::string_view payload) {
  constexpr std::size_t k_option = 5;  // token, offset, length
  constexpr unsigned k_encryption = 1;
  constexpr unsigned k_terminator = 0xff;
  for (std::size_t at = 0; at < payload.size() && byte(payload, at) != k_terminator; at += k_option) {
    if (at + k_option > payload.size()) return std::nullopt;
    if (byte(payload, at) != k_encryption) continue;
    const std::size_t offset = byte(payload, at + 1) * 256 + byte(payload, at + 2);
    const std::size_t size = byte(payload, at + 3) * 256 + byte(payload, at + 4);
    if (size != 1 || offset >= payload.size()) return std::nullopt;
    return static_cast<std::uint8_t>(byte(payload, offset));
  }
  return std::nullopt;
}

SqlServerProbe probe_sqlserver(const std::string& host, int port, const ProbeOptions& options) {
  Connection connection(host, port, Clock::now() + options.wait);
  if (!connection.open()) return {Found::unreachable, "no TCP connection"};
  if (!connection.send(packet(prelogin_question(), true))) return {Found::unreachable, "it ended the connection"};
  const auto answer = connection.receive_packet();
  if (!answer) return {Found::unreachable, "it does not answer as SQL Server does"};
  const auto encryption = prelogin_encryption(*answer);
  if (!encryption) return {Found::unreachable, "it does not answer as SQL Server does"};
  constexpr std::uint8_t k_not_supported = 2;
  if (*encryption == k_not_supported) return {Found::no_encryption, ""};
  ERR_clear_error();
  return Handshake(options).run(connection);
}

}  // namespace linkspan::sql
