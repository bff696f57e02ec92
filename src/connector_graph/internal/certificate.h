#pragma once
// What an application proves itself by: a key pair with a certificate signed by itself, and the statements it signs.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "vault/secret.h"

namespace linkspan::connector_graph {

/// Safe to share between threads. The private key leaves it by pem() only.
class Certificate {
 public:
  /// RSA of 2048 bits, valid from an hour before `now` (clocks differ) until `days` after it.
  [[nodiscard]] static Certificate make(const std::string& common_name, Time now, std::chrono::days days);

  /// A private key and its certificate, PEM, in either order. Throws Fault::invalid "graph.certificate" when one is
  /// missing, they do not belong together, the key is not RSA or has less than 2048 bits.
  [[nodiscard]] static Certificate read(const vault::Secret& pem);

  Certificate(Certificate&& other) noexcept;
  Certificate& operator=(Certificate&& other) noexcept;
  ~Certificate();

  [[nodiscard]] vault::Secret pem() const;
  [[nodiscard]] std::string der() const;         ///< the certificate alone
  [[nodiscard]] std::string thumbprint() const;  ///< SHA-256 of der(), 32 bytes
  [[nodiscard]] Time not_before() const;
  [[nodiscard]] Time not_after() const;

  /// RSASSA-PSS with SHA-256, salt of 32 bytes (PS256 of RFC 7518 section 3.5).
  [[nodiscard]] std::string sign(std::string_view text) const;

 private:
  struct State;
  explicit Certificate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// RFC 4648 section 5, without padding.
[[nodiscard]] std::string to_base64url(std::string_view bytes);

/// `size` bytes nobody can guess.
[[nodiscard]] std::string random_bytes(std::size_t size);
/// A random UUID (RFC 4122 version 4), as text.
[[nodiscard]] std::string random_uuid();

struct Claims {
  std::string issuer;
  std::string subject;  ///< empty = none
  std::string audience;
  Time now;
  std::chrono::minutes lifetime{10};
};

/// A JWT that says so, signed PS256, with the certificate's thumbprint as x5t#S256 and a jti of its own: what
/// learn.microsoft.com/entra/identity-platform/certificate-credentials asks for (RFC 7523 section 3).
[[nodiscard]] std::string sign_claims(const Certificate& certificate, const Claims& claims);

}  // namespace linkspan::connector_graph
