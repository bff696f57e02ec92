// Keys, certificates and signatures, by OpenSSL.

#include "connector_graph/internal/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::connector_graph {
namespace {

template <class Type, void (*Free)(Type*)>
struct Deleter {
  void operator()(Type* object) const noexcept { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using X509Handle = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Memory = std::unique_ptr<BIO, Deleter<BIO, BIO_free_all>>;

constexpr int k_key_bits = 2048;

void require(bool fine, const char* what) {
  if (!fine) throw Error(Fault::unavailable, "graph.openssl", std::string("OpenSSL fails: ") + what);
}

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Fault::invalid, "graph.certificate", "the certificate of this connector cannot be used: " + why,
              "Register the connector again, or give one PEM file that holds the private key (not encrypted) and its "
              "certificate.");
}

std::string_view bytes_in(const Memory& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Time time_of(const ASN1_TIME* time) {
  std::tm parts{};
  require(ASN1_TIME_to_tm(time, &parts) == 1, "a time in a certificate");
  return Time{std::chrono::seconds{timegm(&parts)}};
}

/// No passphrase is asked for on the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

}  // namespace

struct Certificate::State {
  Key key;
  X509Handle x509;
};

Certificate::Certificate(std::unique_ptr<State> state) : state_(std::move(state)) {}
Certificate::Certificate(Certificate&& other) noexcept = default;
Certificate& Certificate::operator=(Certificate&& other) noexcept = default;
Certificate::~Certificate() = default;

Certificate Certificate::make(const std::string& common_name, Time now, std::chrono::days days) {
  auto state = std::make_unique<State>();
  state->key.reset(EVP_RSA_gen(k_key_bits));
  state->x509.reset(X509_new());
  require(state->key && state->x509, "a new key");
  X509* x509 = state->x509.get();
  X509_set_version(x509, 2);
  const std::string serial = random_bytes(8);
  std::uint64_t number = 0;
  for (const char c : serial) number = number << 8U | static_cast<unsigned char>(c);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), number >> 1U);
  const auto seconds = [](Time time) {
    return static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
  };
  ASN1_TIME_set(X509_getm_notBefore(x509), seconds(now - std::chrono::hours(1)));
  ASN1_TIME_set(X509_getm_notAfter(x509), seconds(now + days));
  X509_set_pubkey(x509, state->key.get());
  X509_NAME* subject = X509_get_subject_name(x509);
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0) == 1,
          "a certificate's name");
  X509_set_issuer_name(x509, subject);
  require(X509_sign(x509, state->key.get(), EVP_sha256()) != 0, "signing a certificate");
  return Certificate(std::move(state));
}

Certificate Certificate::read(const vault::Secret& pem) {
  auto state = std::make_unique<State>();
  const std::string_view text = pem.reveal();
  const auto memory = [&] { return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); };
  state->key.reset(PEM_read_bio_PrivateKey(memory().get(), nullptr, &no_passphrase, nullptr));
  if (!state->key) refuse("it holds no private key that can be read");
  state->x509.reset(PEM_read_bio_X509(memory().get(), nullptr, &no_passphrase, nullptr));
  if (!state->x509) refuse("it holds no certificate that can be read");
  if (EVP_PKEY_get_base_id(state->key.get()) != EVP_PKEY_RSA) refuse("Microsoft Entra ID takes RSA keys only");
  if (EVP_PKEY_get_bits(state->key.get()) < k_key_bits) refuse("its key has less than 2048 bits");
  if (X509_check_private_key(state->x509.get(), state->key.get()) != 1) {
    refuse("its private key belongs to another certificate");
  }
  return Certificate(std::move(state));
}

vault::Secret Certificate::pem() const {
  const Memory memory(BIO_new(BIO_s_secmem()));
  require(PEM_write_bio_PrivateKey(memory.get(), state_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
              PEM_write_bio_X509(memory.get(), state_->x509.get()) == 1,
          "writing a key");
  const std::string_view text = bytes_in(memory);
  return vault::Secret::filled(text.size(), [&](std::span<char> out) { text.copy(out.data(), out.size()); });
}

std::string Certificate::der() const {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(state_->x509.get(), &bytes);
  require(size > 0, "encoding a certificate");
  std::string made(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return made;
}

std::string Certificate::thumbprint() const {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  require(X509_digest(state_->x509.get(), EVP_sha256(), digest, &size) == 1, "a thumbprint");
  return {reinterpret_cast<const char*>(digest), size};
}

Time Certificate::not_before() const { return time_of(X509_get0_notBefore(state_->x509.get())); }
Time Certificate::not_after() const { return time_of(X509_get0_notAfter(state_->x509.get())); }

std::string Certificate::sign(std::string_view text) const {
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  require(context && EVP_DigestSignInit(context.get(), &parameters, EVP_sha256(), nullptr, state_->key.get()) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1,
          "preparing a signature");
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  require(EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) == 1, "a signature");
  std::string signature(size, '\0');
  require(
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, text.size()) == 1,
      "a signature");
  signature.resize(size);
  return signature;
}

std::string to_base64url(std::string_view bytes) {
  std::string text = to_base64(bytes);
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text.substr(0, text.find('='));
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  require(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) == 1, "random bytes");
  return bytes;
}

std::string random_uuid() {
  std::string bytes = random_bytes(16);
  bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0FU) | 0x40U);
  bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3FU) | 0x80U);
  return uuid_text(bytes).value_or(std::string());
}

std::string sign_claims(const Certificate& certificate, const Claims& claims) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(claims.now).time_since_epoch();
  const nlohmann::json header = {
      {"alg", "PS256"}, {"typ", "JWT"}, {"x5t#S256", to_base64url(certificate.thumbprint())}};
  nlohmann::json payload = {{"aud", claims.audience}, {"iss", claims.issuer},
                            {"jti", random_uuid()},   {"iat", seconds.count()},
                            {"nbf", seconds.count()}, {"exp", (seconds + claims.lifetime).count()}};
  if (!claims.subject.empty()) payload["sub"] = claims.subject;
  const std::string signed_part = to_base64url(header.dump()) + "." + to_base64url(payload.dump());
  return signed_part + "." + to_base64url(certificate.sign(signed_part));
}

}  // namespace linkspan::connector_graph
