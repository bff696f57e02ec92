#pragma once
// The settings of one Graph connector, checked.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "net/http_client.h"
#include "vault/secret.h"

namespace linkspan::connector_graph {

struct Options {
  std::string tenant;           ///< its id or one of its domain names
  std::string client_id;        ///< of the application; empty = not registered yet
  std::string object_id{};      ///< of the application itself; for the rotation of its certificate
  std::string key_id{};         ///< of the certificate in use; likewise
  std::string login_url;        ///< "https://login.microsoftonline.com", without a slash at its end
  std::string graph_url;        ///< "https://graph.microsoft.com", likewise
  vault::Secret certificate{};  ///< PEM, with its private key; empty = not registered yet
  std::vector<std::string> object_types = {"user", "group"};
  std::vector<std::string> directory_extensions{};  ///< "extension_…_costCenter"
  std::uint32_t write_budget = 7000;                ///< writes in any five minutes
  std::size_t concurrency = 4;
  bool force_password_change = true;
  net::ClientOptions http{};
};

[[nodiscard]] std::vector<connector::SettingSpec> setting_specs();

/// Throws Fault::invalid "graph.settings" that lists all that is wrong. The client id and the certificate may be
/// missing: registration makes them.
[[nodiscard]] Options parse_settings(const connector::Settings& settings, connector::Secrets secrets);

}  // namespace linkspan::connector_graph
