// Settings: read, bounded, and complained about all at once.

#include "connector_scim/internal/settings.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "connector/setting_reader.h"
#include "net/url.h"

namespace linkspan::connector_scim {
namespace {

using connector::SettingReader;

void check_origin(SettingReader& reader, const std::string& name, const std::string& url) {
  try {
    const std::string origin = net::origin_of(url);
    if (origin.starts_with("http:") && !net::is_loopback(origin) && !reader.truth("allow_clear_text", false)) {
      reader.wrong(name + " is http: the token and all data would travel readable; use https");
    }
  } catch (const Error& error) {
    reader.wrong(error.message());
  }
}

std::string read_url(SettingReader& reader) {
  std::string url = reader.one("url");
  while (url.ends_with('/')) url.pop_back();
  if (url.empty()) {
    reader.wrong("url is missing (as in https://service.example/scim/v2)");
    return url;
  }
  check_origin(reader, "url", url);
  if (url.find_first_of("?#") != std::string::npos)
    reader.wrong("url has a query or a fragment; give the base URL only");
  return url;
}

std::vector<std::string> read_object_types(SettingReader& reader) {
  std::vector<std::string> types;
  for (const std::string& each : reader.all("object_types")) {
    const auto plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    if (each.empty() || each.size() > 100 || !std::all_of(each.begin(), each.end(), plain)) {
      reader.wrong("object_types holds names of resource types, as User, Group or Device, not \"" +
                   printable(each, 40) + "\"");
      continue;
    }
    const bool is_standard = equal_ascii_case(each, "User") || equal_ascii_case(each, "Group");
    types.push_back(!is_standard ? each : equal_ascii_case(each, "User") ? "User" : "Group");
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
  if (!reader.one("token_url").empty()) return std::move(found->second);  // a client's secret travels encoded
  // It becomes a header line: anything else in it would be a second one.
  for (const char c : found->second.reveal()) {
    if (c > ' ' && c < '\x7f') continue;
    reader.wrong("the token holds a blank, a line end or other than ASCII");
    break;
  }
  return std::move(found->second);
}

void read_client(SettingReader& reader, Options& made) {
  made.token_url = reader.one("token_url");
  made.client_id = reader.one("client_id");
  made.scope = reader.one("scope");
  made.secret_in_body =
      reader.word("client_authentication", std::array<std::string_view, 2>{"basic", "body"}) == "body";
  if (made.token_url.empty()) {
    if (!made.client_id.empty() || !made.scope.empty()) reader.wrong("client_id and scope go with token_url");
    return;
  }
  check_origin(reader, "token_url", made.token_url);
  if (made.client_id.empty()) reader.wrong("client_id is missing: token_url is asked with it");
}

/// Unset where the service is to be believed.
std::optional<bool> read_offer(SettingReader& reader, std::string_view name) {
  const std::string said = reader.word(name, std::array<std::string_view, 3>{"as-said", "true", "false"});
  return said == "as-said" ? std::nullopt : std::optional(said == "true");
}

void read_manners(SettingReader& reader, Options& made) {
  made.patch = read_offer(reader, "patch");
  made.filter = read_offer(reader, "filter");
  made.bulk = reader.number("bulk", made.bulk, 0, 1000);
  const std::string paging = reader.word("paging", std::array<std::string_view, 3>{"as-said", "index", "cursor"});
  if (paging != "as-said") made.paging = paging == "index" ? Paging::index : Paging::cursor;
  const std::string match = reader.word("if_match", std::array<std::string_view, 3>{"as-said", "never", "always"});
  if (match != "as-said") made.if_match = match == "never" ? IfMatch::never : IfMatch::always;
  using Two = std::array<std::string_view, 2>;
  made.dialect.text_booleans = reader.word("booleans", Two{"json", "text"}) == "text";
  made.dialect.title_case = reader.word("operations", Two{"lower", "title"}) == "title";
  made.dialect.removes_by_value = reader.word("member_removal", Two{"filter", "value"}) == "value";
  made.dialect.whole_attributes = reader.word("patch_paths", Two{"filter", "whole"}) == "whole";
}

}  // namespace

std::vector<connector::SettingSpec> setting_specs() {
  return {
      {"url", "Base URL of the service, as in https://service.example/scim/v2", true, false, ""},
      {"ca_file", "Certificate authorities (PEM) to trust instead of the system's", false, false, ""},
      {"verify", "Verify the service's certificate", false, false, "true"},
      {"allow_clear_text", "Allow http to another machine: the token travels readable", false, false, "false"},
      {"object_types", "What to read: User, Group, or another resource type of the service", false, true,
       "User, Group"},
      {"user_extension", "enterprise, or none where the service does not know it", false, false, "enterprise"},
      {"concurrency", "Requests in flight, 1 to 64", false, false, "8"},
      {"page_size", "Resources per page, 1 to 1000", false, false,
       "what the service allows (100 for groups), else 100"},
      {"member_batch", "Members changed by one request, 1 to 1000", false, false, "100"},
      {"token_url", "Where a token is asked for with a client's credentials (OAuth 2.0); without, the token is given",
       false, false, ""},
      {"client_id", "The client that asks at token_url", false, false, ""},
      {"scope", "What the token is asked to be good for", false, false, ""},
      {"client_authentication", "How the client shows its secret: basic or body", false, false, "basic"},
      {"profile", "How this maker's services deviate: the name of a profile, or a file of `connector probe`", false,
       false, ""},
      {"patch", "Change objects by PATCH (true) or by PUT of the whole (false)", false, false, "as-said"},
      {"filter", "Whether the service applies filters", false, false, "as-said"},
      {"paging", "Read pages by index or by cursor", false, false, "as-said"},
      {"if_match", "Guard writes by the version read: always costs a read before each", false, false, "as-said"},
      {"bulk", "Writes put into one request, 0 to 1000, if the service takes bulk requests", false, false, "0"},
      {"booleans", "In PATCH: json (true) or text (\"True\")", false, false, "json"},
      {"operations", "In PATCH: lower (replace) or title (Replace)", false, false, "lower"},
      {"member_removal", "In PATCH: by filter (members[value eq ...]) or by value", false, false, "filter"},
      {"patch_paths", "In PATCH: filter (emails[type eq ...]) or whole (the list is replaced)", false, false, "filter"},
      {"timeout_seconds", "Longest wait for one reply, 1 to 3600", false, false, "60"},
  };
}

Options parse_settings(const connector::Settings& settings, connector::Secrets secrets,
                       const std::filesystem::path& profiles) {
  connector::Settings all = settings;
  if (const auto profile = settings.find("profile"); profile != settings.end() && !profile->second.empty()) {
    all.merge(read_profile(profile->second.front(), profiles));
  }
  SettingReader reader(all);
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
  read_client(reader, made);
  read_manners(reader, made);
  made.token = take_token(reader, secrets);
  reader.finish("scim.settings");
  return made;
}

}  // namespace linkspan::connector_scim
