#pragma once
// X.509 certificates as functions ask for them. Texts are those of .NET, whose names the functions carry.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace linkspan::rules {

/// One certificate; holds a copy of what it was read from.
class Certificate {
 public:
  /// DER, exactly one certificate and nothing behind it; nullopt otherwise.
  [[nodiscard]] static std::optional<Certificate> read(std::string_view der);
  ~Certificate();
  Certificate(Certificate&&) noexcept;
  Certificate& operator=(Certificate&&) noexcept;

  enum class Name { subject, issuer };
  /// "CN=Ada, OU=Engines, O=Analytical, C=GB": the most specific part first.
  [[nodiscard]] std::string name(Name which) const;
  /// The OID of that name's most specific part ("2.5.4.3" for CN); empty for an empty name.
  [[nodiscard]] std::string name_oid(Name which) const;
  /// What one of k_name_kinds asks for; nullopt when the certificate has none.
  [[nodiscard]] std::optional<std::string> name_info(std::string_view kind, Name which) const;

  [[nodiscard]] std::optional<Time> not_before() const;
  [[nodiscard]] std::optional<Time> not_after() const;
  [[nodiscard]] std::string serial_number() const;  ///< hexadecimal, upper case
  [[nodiscard]] std::string version() const;        ///< "3"
  [[nodiscard]] std::string signature_oid() const;
  [[nodiscard]] std::string key_oid() const;
  [[nodiscard]] std::string key_parameters() const;  ///< DER in hexadecimal; empty when there are none
  [[nodiscard]] std::string fingerprint() const;     ///< SHA-1, hexadecimal, upper case
  [[nodiscard]] std::string alias() const;           ///< the friendly name; plain certificates carry none
  [[nodiscard]] std::vector<std::string> critical_extensions() const;  ///< their OIDs

 private:
  struct State;
  explicit Certificate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The words of name_info(), parted by blanks.
inline constexpr std::string_view k_name_kinds = "SimpleName EmailName UpnName DnsName DnsFromAlternativeName UrlName";

/// SHA-1 of any bytes, hexadecimal, upper case. To recognise, not to protect.
[[nodiscard]] std::string sha1_text(std::string_view bytes);

}  // namespace linkspan::rules
