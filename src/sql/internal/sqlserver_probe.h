#pragma once
// Why a SQL Server that listens lets nobody in. Drivers say little (FreeTDS a single number for all of it), so after a
// failure the beginning of a session is done once more by hand: PRELOGIN, then TLS inside it ([MS-TDS] 2.2.6.5 and
// 3.2.5.1). Nothing is signed in, no secret is sent.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace linkspan::sql {

struct SqlServerProbe {
  enum class Found : unsigned char {
    unreachable,      ///< No TCP connection, or no answer that is TDS.
    no_encryption,    ///< It says that it has no TLS.
    bad_certificate,  ///< `why` says what is wrong with it.
    no_tls,           ///< The handshake failed otherwise; `why` says how.
    fine,             ///< TLS with a certificate that is accepted.
  };
  Found found = Found::unreachable;
  std::string why;  ///< Printable.
};

struct ProbeOptions {
  std::string ca_file;    ///< Empty for the system's authorities.
  std::string host_name;  ///< What the certificate must say.
  bool trust = false;     ///< Any certificate will do.
  std::chrono::milliseconds wait = std::chrono::seconds(10);
};

/// Bounded in time and in bytes. Never throws for what the server does.
[[nodiscard]] SqlServerProbe probe_sqlserver(const std::string& host, int port, const ProbeOptions& options);

/// The ENCRYPTION option of a PRELOGIN answer ([MS-TDS] 2.2.6.5): 0 off, 1 on, 2 not supported, 3 required. Pure.
/// Nullopt for what is no PRELOGIN, or has none.
[[nodiscard]] std::optional<std::uint8_t> prelogin_encryption(std::string_view payload);

}  // namespace linkspan::sql
