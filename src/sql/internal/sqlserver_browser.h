#pragma once
// SQL Server Browser: which TCP port a named instance listens on, asked over UDP ([MC-SQLR]). The answer is not
// authenticated: it is a hint where to knock, and the certificate decides who is there.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linkspan::sql {

struct BrowserInstance {
  std::string name;           ///< Any bytes: `printable` before it is shown.
  std::optional<int> port{};  ///< 1 to 65535; none where the instance does not listen on TCP.
};

/// An answer as it came ([MC-SQLR] 2.2.5): one instance, or all of a host. Pure. Nullopt for what is no answer: wrong
/// first byte, fewer bytes than it says. Keys that are not known are passed over, and so are instances without a name;
/// at most 256 instances are read.
[[nodiscard]] std::optional<std::vector<BrowserInstance>> parse_browser_answer(std::string_view datagram);

/// How to ask. Tests have a Browser of their own and less patience.
struct BrowserOptions {
  std::uint16_t port = 1434;
  std::chrono::milliseconds wait = std::chrono::seconds(1);  ///< for each of the three tries
};

/// The TCP port of `instance` on `host`; `name` is the redacted URL, for messages. Three tries of a second at the most,
/// and none where the host says that nothing listens. Throws "sql.no_instance" (with those that are there, where the
/// Browser tells), "sql.browser_silent", "sql.unreachable".
[[nodiscard]] int find_instance_port(const std::string& host, std::string_view instance, std::string_view name,
                                     const BrowserOptions& options = {});

}  // namespace linkspan::sql
