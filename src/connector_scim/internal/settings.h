#pragma once
// The settings of one SCIM connector, checked.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "net/http_client.h"
#include "vault/secret.h"

namespace linkspan::connector_scim {

/// How a PATCH is put, where services do not take what RFC 7644 has.
struct Dialect {
  bool text_booleans = false;     ///< "True" for true, as Microsoft's client writes it
  bool title_case = false;        ///< "Replace" for replace, likewise
  bool removes_by_value = false;  ///< a member goes by path members and its value, likewise
  bool whole_attributes = false;  ///< no paths with filters: a list that changes is replaced as a whole
};

enum class Paging : unsigned char { as_said, index, cursor };
enum class IfMatch : unsigned char { as_said, never, always };

struct Options {
  std::string url;        ///< without a slash at its end
  vault::Secret token;    ///< with token_url the client's secret
  std::string token_url;  ///< empty = the token is given
  std::string client_id;
  std::string scope;
  bool secret_in_body = false;  ///< else by Basic
  std::size_t concurrency = 8;
  std::size_t page_size = 0;  ///< 0 = as many as the service allows, 100 if it does not say
  std::size_t member_batch = 100;
  std::size_t bulk = 0;  ///< writes in one request; 0 = each alone
  bool enterprise = true;
  std::vector<std::string> object_types = {"User", "Group"};
  std::optional<bool> patch;   ///< unset = as the service says
  std::optional<bool> filter;  ///< likewise
  Paging paging = Paging::as_said;
  IfMatch if_match = IfMatch::as_said;
  Dialect dialect;
  net::ClientOptions http;
};

[[nodiscard]] std::vector<connector::SettingSpec> setting_specs();

/// A profile named by the setting `profile` (a name below `profiles`, or an absolute path) gives what the settings
/// leave open. Throws Fault::invalid "scim.settings" that lists all that is wrong, "scim.profile" for one that cannot
/// be read.
[[nodiscard]] Options parse_settings(const connector::Settings& settings, connector::Secrets secrets,
                                     const std::filesystem::path& profiles = {});

/// The settings that a profile may give: what depends on the service's maker, and not on whose service it is.
[[nodiscard]] bool is_profile_setting(std::string_view name);

/// The file of a profile, read. Throws Fault::invalid "scim.profile".
[[nodiscard]] connector::Settings read_profile(const std::string& name, const std::filesystem::path& profiles);

}  // namespace linkspan::connector_scim
