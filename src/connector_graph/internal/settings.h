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

  // The second mode, API-driven inbound provisioning.
  std::string service_principal_id{};            ///< of the provisioning application
  std::string job_id{};                          ///< of its job; empty = the first mode
  std::uint32_t daily_requests = 2000;           ///< uploads in any 24 hours
  std::vector<std::string> worker_attributes{};  ///< beyond the standard's: "urn:contoso:employee:HireDate"
  [[nodiscard]] bool uploads() const { return !job_id.empty(); }
};

[[nodiscard]] std::vector<connector::SettingSpec> setting_specs();
[[nodiscard]] std::vector<connector::SettingSpec> upload_setting_specs();

/// Throws Fault::invalid "graph.settings" that lists all that is wrong. The client id and the certificate may be
/// missing: registration makes them.
[[nodiscard]] Options parse_settings(const connector::Settings& settings, connector::Secrets secrets);
/// The same for the second mode.
[[nodiscard]] Options parse_upload_settings(const connector::Settings& settings, connector::Secrets secrets);

}  // namespace linkspan::connector_graph
