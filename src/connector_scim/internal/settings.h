#pragma once
// The settings of one SCIM connector, checked.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "net/http_client.h"
#include "vault/secret.h"

namespace linkspan::connector_scim {

struct Options {
  std::string url;  ///< without a slash at its end
  vault::Secret token;
  std::size_t concurrency = 8;
  std::size_t page_size = 0;  ///< 0 = as many as the service allows, 100 if it does not say
  std::size_t member_batch = 100;
  bool enterprise = true;
  std::vector<std::string> object_types = {"User", "Group"};
  net::ClientOptions http;
};

[[nodiscard]] std::vector<connector::SettingSpec> setting_specs();

/// Throws Fault::invalid "scim.settings" that lists all that is wrong.
[[nodiscard]] Options parse_settings(const connector::Settings& settings, connector::Secrets secrets);

}  // namespace linkspan::connector_scim
