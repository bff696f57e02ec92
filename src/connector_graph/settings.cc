// Settings: read, bounded, and complained about all at once.

#include "connector_graph/internal/settings.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "connector/setting_reader.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

using connector::SettingReader;

/// Where each cloud signs in and where its Graph is (learn.microsoft.com/graph/deployments). Global also serves GCC.
struct Cloud {
  std::string_view name;
  std::string_view login_url;
  std::string_view graph_url;
};
constexpr std::array<Cloud, 4> k_clouds{{
    {"global", "https://login.microsoftonline.com", "https://graph.microsoft.com"},
    {"usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us"},
    {"usgov-dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
    {"china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"},
}};

const Cloud& read_cloud(SettingReader& reader) {
  const std::string name = reader.one("cloud");
  if (name.empty()) return k_clouds.front();
  for (const Cloud& cloud : k_clouds) {
    if (equal_ascii_case(cloud.name, name)) return cloud;
  }
  reader.wrong("cloud is global, usgov, usgov-dod or china, not \"" + printable(name, 40) + "\"");
  return k_clouds.front();
}

std::string read_url(SettingReader& reader, std::string_view name, std::string_view standard) {
  std::string url = reader.one(name);
  if (url.empty()) return std::string(standard);
  while (url.ends_with('/')) url.pop_back();
  try {
    if (net::origin_of(url).starts_with("http:") && !net::is_loopback(url)) {
      reader.wrong(std::string(name) + " is http: tokens and all data would travel readable; use https");
    }
  } catch (const Error& error) {
    reader.wrong(error.message());
  }
  if (url.find_first_of("?#") != std::string::npos) reader.wrong(std::string(name) + " has a query or a fragment");
  return url;
}

bool is_made_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

/// It becomes a path segment of the sign-in URL and a claim.
std::string read_tenant(SettingReader& reader) {
  std::string tenant = reader.one("tenant");
  if (tenant.empty()) {
    reader.wrong("tenant is missing (its id, or a domain as in contoso.onmicrosoft.com)");
  } else if (tenant.size() > 253 || tenant.find_first_of("-.") == std::string::npos || !is_made_of(tenant, "-.")) {
    reader.wrong("tenant is an id or a domain name, not \"" + printable(tenant, 60) + "\"");
  }
  return tenant;
}

std::string read_id(SettingReader& reader, std::string_view name) {
  std::string id = reader.one(name);
  if (!id.empty() && (id.size() != 36 || !is_made_of(id, "-"))) {
    reader.wrong(std::string(name) + " is an id, 36 characters as in 00000000-0000-0000-0000-000000000000");
  }
  return id;
}

std::vector<std::string> read_object_types(SettingReader& reader) {
  std::vector<std::string> types;
  for (const std::string& each : reader.all("object_types")) {
    if (each == "user" || each == "group") {
      types.push_back(each);
    } else {
      reader.wrong("object_types holds user and group, not \"" + printable(each, 40) + "\"");
    }
  }
  return types.empty() ? std::vector<std::string>{"user", "group"} : types;
}

std::vector<std::string> read_extensions(SettingReader& reader) {
  std::vector<std::string> names = reader.all("directory_extensions");
  for (const std::string& each : names) {
    if (!each.starts_with("extension_") || each.size() > 128 || !is_made_of(each, "_")) {
      reader.wrong("directory_extensions holds names as extension_0123…_costCenter, not \"" + printable(each, 60) +
                   "\"");
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.size() > 100) reader.wrong("directory_extensions holds at most 100 names");
  return names;
}

/// "API2AAD.b16687d3….1a03de52-…": it becomes a path segment and a part of a filter.
std::string read_job(SettingReader& reader) {
  std::string job = reader.one("job_id");
  if (job.empty()) {
    reader.wrong("job_id is missing (the provisioning application shows it as a part of its API endpoint)");
  } else if (job.size() > 200 || !is_made_of(job, ".-_")) {
    reader.wrong("job_id is as API2AAD.0123….01234567-…, not \"" + printable(job, 60) + "\"");
  }
  return job;
}

/// Beyond the standard's schemas, each by its full name.
std::vector<std::string> read_worker_attributes(SettingReader& reader) {
  std::vector<std::string> names = reader.all("worker_attributes");
  for (const std::string& each : names) {
    const std::size_t colon = each.rfind(':');
    const bool good = each.starts_with("urn:") && each.size() <= 256 && colon > 4 && colon + 1 < each.size() &&
                      is_made_of(each, ":.-_") && !each.starts_with("urn:ietf:params:scim:schemas:core:2.0:User:");
    if (!good) {
      reader.wrong("worker_attributes holds names as urn:contoso:employee:HireDate, not \"" + printable(each, 60) +
                   "\"");
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.size() > 200) reader.wrong("worker_attributes holds at most 200 names");
  return names;
}

/// Where the tenant is, and who we are there.
void read_tenant_settings(SettingReader& reader, connector::Secrets& secrets, Options& made) {
  made.tenant = read_tenant(reader);
  made.client_id = read_id(reader, "client_id");
  made.object_id = read_id(reader, "object_id");
  made.key_id = read_id(reader, "key_id");
  const Cloud& cloud = read_cloud(reader);
  made.login_url = read_url(reader, "login_url", cloud.login_url);
  made.graph_url = read_url(reader, "graph_url", cloud.graph_url);
  made.http.ca_file = reader.one("ca_file");
  made.http.total_timeout = std::chrono::seconds(reader.number("timeout_seconds", 100, 1, 3600));
  if (const auto found = secrets.find("certificate"); found != secrets.end()) {
    made.certificate = std::move(found->second);
  }
}

std::vector<connector::SettingSpec> tenant_specs() {
  return {
      {"tenant", "Id of the tenant, or one of its domains", true, false, ""},
      {"client_id", "Application to sign in as; `connector register` sets it", false, false, ""},
      {"object_id", "Object id of that application; `connector register` sets it", false, false, ""},
      {"key_id", "Id of its certificate; `connector register` sets it", false, false, ""},
      {"cloud", "global, usgov, usgov-dod or china", false, false, "global"},
      {"login_url", "Where to sign in, instead of the cloud's own", false, false, ""},
      {"graph_url", "Where Graph is, instead of the cloud's own", false, false, ""},
      {"ca_file", "Certificate authorities (PEM) to trust instead of the system's", false, false, ""},
      {"timeout_seconds", "Longest wait for one reply, 1 to 3600", false, false, "100"},
  };
}

/// The tenant's, and then those of one mode.
std::vector<connector::SettingSpec> with_tenant(std::vector<connector::SettingSpec> own) {
  std::vector<connector::SettingSpec> all = tenant_specs();
  all.insert(all.end() - 1, std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  return all;
}

}  // namespace

std::vector<connector::SettingSpec> setting_specs() {
  return with_tenant({
      {"object_types", "What to read: user, group", false, true, "user, group"},
      {"directory_extensions", "Directory extensions to read and write, by their full names", false, true, ""},
      {"write_budget", "Writes in any five minutes, 60 to 18000", false, false, "7000"},
      {"concurrency", "Batches of 20 in flight, 1 to 16", false, false, "4"},
      {"force_password_change", "New users choose their password at their first sign-in", false, false, "true"},
  });
}

std::vector<connector::SettingSpec> upload_setting_specs() {
  return with_tenant({
      {"service_principal_id", "Of the provisioning application: the first id in its API endpoint", true, false, ""},
      {"job_id", "Of its job: what follows jobs/ in its API endpoint", true, false, ""},
      {"daily_requests", "Uploads of 50 in any 24 hours, 1 to 6000", false, false, "2000"},
      {"worker_attributes", "Further attributes of workers, as urn:contoso:employee:HireDate", false, true, ""},
  });
}

Options parse_settings(const connector::Settings& settings, connector::Secrets secrets) {
  SettingReader reader(settings);
  reader.refuse_unknown(setting_specs());
  Options made;
  read_tenant_settings(reader, secrets, made);
  made.object_types = read_object_types(reader);
  made.directory_extensions = read_extensions(reader);
  made.write_budget = static_cast<std::uint32_t>(reader.number("write_budget", made.write_budget, 60, 18000));
  made.concurrency = reader.number("concurrency", made.concurrency, 1, 16);
  made.force_password_change = reader.truth("force_password_change", true);
  made.http.max_attempts = 6;
  reader.finish("graph.settings");
  return made;
}

Options parse_upload_settings(const connector::Settings& settings, connector::Secrets secrets) {
  SettingReader reader(settings);
  reader.refuse_unknown(upload_setting_specs());
  Options made;
  read_tenant_settings(reader, secrets, made);
  made.service_principal_id = read_id(reader, "service_principal_id");
  if (made.service_principal_id.empty()) reader.wrong("service_principal_id is missing");
  made.job_id = read_job(reader);
  made.daily_requests = static_cast<std::uint32_t>(reader.number("daily_requests", made.daily_requests, 1, 6000));
  made.worker_attributes = read_worker_attributes(reader);
  made.object_types.clear();
  made.http.max_attempts = 1;  // how long to wait is decided where the day's requests are counted
  reader.finish("graph.settings");
  return made;
}

}  // namespace linkspan::connector_graph
