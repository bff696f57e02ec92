// Settings: read, bounded, and complained about all at once.

#include "connector_scim/internal/settings.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "connector/setting_reader.h"
#include "net/url.h"

namespace linkspan::connector_scim {
namespace {

using connector::SettingReader;

std::string read_url(SettingReader& reader) {
  std::string url = reader.one("url");
  while (url.ends_with('/')) url.pop_back();
  if (url.empty()) {
    reader.wrong("url is missing (as in https://service.example/scim/v2)");
    return url;
  }
  try {
    const std::string origin = net::origin_of(url);
    if (origin.starts_with("http:") && !net::is_loopback(origin) && !reader.truth("allow_clear_text", false)) {
      reader.wrong("url is http: the token and all data would travel readable; use https");
    }
  } catch (const Error& error) {
    reader.wrong(error.message());
  }
  if (url.find_first_of("?#") != std::string::npos)
    reader.wrong("url has a query or a fragment; give the base URL only");
  return url;
}

std::vector<std::string> read_object_types(SettingReader& reader) {
  std::vector<std::string> types;
  for (const std::string& each : reader.all("object_types")) {
    for (const std::string_view name : {"User", "Group"}) {
      if (equal_ascii_case(each, name)) types.emplace_back(name);
    }
    if (!equal_ascii_case(each, "User") && !equal_ascii_case(each, "Group")) {
      reader.wrong("object_types holds User and Group, not \"" + printable(each, 40) + "\"");
    }
  }
  return types.empty() ? std::vector<std::string>{"User", "Group"} : types;
}

bool read_extension(SettingReader& reader) {
  const std::string value = reader.one("user_extension");
  if (!value.empty() && !equal_ascii_case(value, "enterprise") && !equal_ascii_case(value, "none")) {
    reader.wrong("user_extension is enterprise or none, not \"" + printable(value, 40) + "\"");
  }
  return !equal_ascii_case(value, "none");
}

vault::Secret take_token(SettingReader& reader, connector::Secrets& secrets) {
  const auto found = secrets.find("token");
  if (found == secrets.end() || found->second.empty()) {
    reader.wrong("the token is missing");
    return {};
  }
  // It becomes a header line: anything else in it would be a second one.
  for (const char c : found->second.reveal()) {
    if (c > ' ' && c < '\x7f') continue;
    reader.wrong("the token holds a blank, a line end or other than ASCII");
    break;
  }
  return std::move(found->second);
}

}  // namespace

std::vector<connector::SettingSpec> setting_specs() {
  return {
      {"url", "Base URL of the service, as in https://service.example/scim/v2", true, false, ""},
      {"ca_file", "Certificate authorities (PEM) to trust instead of the system's", false, false, ""},
      {"verify", "Verify the service's certificate", false, false, "true"},
      {"allow_clear_text", "Allow http to another machine: the token travels readable", false, false, "false"},
      {"object_types", "What to read: User, Group", false, true, "User, Group"},
      {"user_extension", "enterprise, or none where the service does not know it", false, false, "enterprise"},
      {"concurrency", "Requests in flight, 1 to 64", false, false, "8"},
      {"page_size", "Resources per page, 1 to 1000", false, false,
       "what the service allows (100 for groups), else 100"},
      {"member_batch", "Members changed by one request, 1 to 1000", false, false, "100"},
      {"timeout_seconds", "Longest wait for one reply, 1 to 3600", false, false, "60"},
  };
}

Options parse_settings(const connector::Settings& settings, connector::Secrets secrets) {
  SettingReader reader(settings);
  reader.refuse_unknown(setting_specs());
  Options made;
  made.url = read_url(reader);
  made.http.ca_file = reader.one("ca_file");
  made.http.verify = reader.truth("verify", true);
  made.object_types = read_object_types(reader);
  made.enterprise = read_extension(reader);
  made.concurrency = reader.number("concurrency", made.concurrency, 1, 64);
  made.page_size = reader.number("page_size", made.page_size, 1, 1000);
  made.member_batch = reader.number("member_batch", made.member_batch, 1, 1000);
  made.http.total_timeout = std::chrono::seconds(reader.number("timeout_seconds", 60, 1, 3600));
  made.http.stall_timeout = std::min<std::chrono::seconds>(
      made.http.stall_timeout, std::chrono::duration_cast<std::chrono::seconds>(made.http.total_timeout));
  made.http.longest_body = std::size_t{256} * 1024 * 1024;  // SCIM has no way to show a group in parts
  made.http.max_attempts = 6;  // a service that throttles does so for longer than one that stumbles
  made.token = take_token(reader, secrets);
  reader.finish("scim.settings");
  return made;
}

}  // namespace linkspan::connector_scim
