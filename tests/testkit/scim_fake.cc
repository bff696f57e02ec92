#include "testkit/scim_fake.h"

#include <algorithm>
#include <ctime>
#include <tuple>

#include "base/text.h"
#include "testkit/scim_filter.h"
#include "testkit/scim_schema.h"

namespace linkspan::testkit {

using nlohmann::json;

namespace {

const std::string k_messages = "urn:ietf:params:scim:api:messages:2.0:";

/// RFC 7644 section 3.12.
json error_body(const ScimRefusal& refusal) {
  json body = {
      {"schemas", {k_messages + "Error"}}, {"status", std::to_string(refusal.status)}, {"detail", refusal.detail}};
  if (!refusal.scim_type.empty()) body["scimType"] = refusal.scim_type;
  return body;
}

/// RFC 9110 section 5.6.7.
std::string http_date(Time time) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::string decode(const std::string& text, bool is_form = false) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
      at += 2;
    } else {
      plain += is_form && text[at] == '+' ? ' ' : text[at];
    }
  }
  return plain;
}

/// `a=b&c=d`.
std::map<std::string, std::string> pairs_in(const std::string& text, bool is_form = false) {
  std::map<std::string, std::string> found;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('&', at), text.size());
    const std::string pair = text.substr(at, end - at);
    const std::size_t equals = pair.find('=');
    found[pair.substr(0, equals)] = equals == std::string::npos ? "" : decode(pair.substr(equals + 1), is_form);
    at = end + 1;
  }
  return found;
}

std::string header(const net::SeenRequest& request, const std::string& name) {
  const std::size_t at = request.head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t from = at + name.size() + 4;
  return request.head.substr(from, request.head.find("\r\n", from) - from);
}

json parsed(const std::string& body) {
  json made = json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (made.is_discarded()) throw ScimRefusal{400, "invalidSyntax", "the body is no JSON"};
  return made;
}

std::string text_in(const json& object, const char* name) {
  const json* found = scim_member(object, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

/// "/Users/id1" into endpoint and id.
std::pair<std::string, std::string> split(std::string path) {
  if (path.starts_with('/')) path.erase(0, 1);
  const std::size_t slash = path.find('/');
  return {path.substr(0, slash), slash == std::string::npos ? "" : decode(path.substr(slash + 1))};
}

json list_response(const json& resources, std::size_t total) {
  return {{"schemas", {k_messages + "ListResponse"}},
          {"totalResults", total},
          {"itemsPerPage", resources.size()},
          {"Resources", resources}};
}

/// How many members a PATCH adds and removes.
std::size_t member_changes(const json& body) {
  std::size_t count = 0;
  const json* operations = scim_member(body, "Operations");
  if (operations == nullptr || !operations->is_array()) return 0;
  for (const json& each : *operations) {
    if (!text_in(each, "path").starts_with("members")) continue;
    const json* value = scim_member(each, "value");
    count += value != nullptr && value->is_array() ? value->size() : 1;
  }
  return count;
}

/// RFC 7644 section 3.9: `attributes` or `excludedAttributes`, whole attributes; the minimum set stays.
json selected(json resource, const std::map<std::string, std::string>& query) {
  const auto wanted = query.find("attributes");
  const auto unwanted = query.find("excludedAttributes");
  if (wanted == query.end() && unwanted == query.end()) return resource;
  const bool keeps = wanted != query.end();
  const std::string names = "," + scim_lower(keeps ? wanted->second : unwanted->second) + ",";
  json made = json::object();
  for (auto& [key, value] : resource.items()) {
    const bool is_named = names.find("," + scim_lower(key) + ",") != std::string::npos;
    if (is_named == keeps || key == "id" || key == "schemas") made[key] = std::move(value);
  }
  return made;
}

}  // namespace

ScimFake::ScimFake(ScimFakeOptions options)
    : options_(options),
      now_(from_rfc3339("2026-11-22T17:57:13Z")),
      server_([this](const net::SeenRequest& request) { return answer(request); }) {}

void ScimFake::intercept(Intercept intercept, bool carry_out) {
  const std::scoped_lock lock(mutex_);
  intercept_ = std::move(intercept);
  carry_out_ = carry_out;
}

std::string ScimFake::add(const std::string& endpoint, json resource) {
  const std::scoped_lock lock(mutex_);
  std::string id = "id" + std::to_string(next_id_++);
  scim_finish(endpoint, resource);
  rows_[id] = {endpoint, std::move(resource), 1, now_, now_};
  return id;
}

void ScimFake::remove(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  rows_.erase(id);
}

json ScimFake::get(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = rows_.find(id);
  return found == rows_.end() ? json() : found->second.resource;
}

std::size_t ScimFake::size(const std::string& endpoint) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(rows_.begin(), rows_.end(), [&](const auto& row) { return row.second.endpoint == endpoint; }));
}

std::vector<net::SeenRequest> ScimFake::seen() const {
  const std::scoped_lock lock(mutex_);
  return seen_;
}

std::size_t ScimFake::seen(const std::string& method, const std::string& path_part) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(seen_.begin(), seen_.end(), [&](const net::SeenRequest& request) {
    return request.method == method && request.target.find(path_part) != std::string::npos;
  }));
}

void ScimFake::forget_tokens() {
  const std::scoped_lock lock(mutex_);
  tokens_.clear();
}

void ScimFake::forget_cursors() {
  const std::scoped_lock lock(mutex_);
  cursors_.clear();
}

net::ScriptedReply ScimFake::answer(const net::SeenRequest& request) {
  Intercept intercept;
  bool carry_out = false;
  {
    const std::scoped_lock lock(mutex_);
    seen_.push_back(request);
    intercept = intercept_;
    carry_out = carry_out_;
    if (options_.oauth && request.target == "/token") return {give_token(request)};
    if (std::optional<std::string> refusal = refusal_of(request)) return {std::move(*refusal)};
  }
  if (intercept) {
    if (std::optional<net::ScriptedReply> reply = intercept(request)) {
      if (carry_out) (void)serve(request);
      return std::move(*reply);
    }
  }
  return {serve(request)};
}

/// RFC 7644 section 2: the scheme is said with every 401. RFC 6750 section 3.1: and why.
std::optional<std::string> ScimFake::refusal_of(const net::SeenRequest& request) const {
  const std::string authorization = header(request, "Authorization");
  if (knows(authorization)) return std::nullopt;
  const auto refused = [](int status, const char* detail, const std::string& challenge) {
    return net::http_reply(status, error_body({status, "", detail}).dump(),
                           "WWW-Authenticate: Bearer" + challenge + "\r\n");
  };
  if (authorization == "Bearer " + expired_token()) {
    return refused(401, "", R"( error="invalid_token", error_description="The access token expired")");
  }
  if (authorization == "Bearer " + locked_token()) return refused(401, "The account is locked.", "");
  if (authorization == "Bearer " + powerless_token()) return refused(403, "", R"( error="insufficient_scope")");
  return refused(401, "who are you?", "");
}

bool ScimFake::knows(const std::string& authorization) const {
  if (!options_.oauth) return authorization == "Bearer " + token();
  return authorization.starts_with("Bearer ") && tokens_.contains(authorization.substr(7));
}

/// The client credentials grant (RFC 6749 sections 2.3.1, 4.4 and 5); the secret by Basic or in the body.
std::string ScimFake::give_token(const net::SeenRequest& request) {
  const auto form = pairs_in(request.body, true);
  const auto field = [&](const char* name) { return form.contains(name) ? form.at(name) : std::string(); };
  std::string id = field("client_id");
  std::string secret = field("client_secret");
  if (const std::string said = header(request, "Authorization"); said.starts_with("Basic ")) {
    const std::string both = from_base64(said.substr(6)).value_or("");
    const std::size_t colon = both.find(':');
    id = decode(both.substr(0, colon), true);
    secret = colon == std::string::npos ? "" : decode(both.substr(colon + 1), true);
  }
  if (id == "old client") {
    return net::http_reply(401, R"({"error":"invalid_client","error_description":"The client secret has expired."})");
  }
  if (id == "locked client") {
    return net::http_reply(401, R"({"error":"invalid_client","error_description":"This client is disabled."})");
  }
  if (id == "other client") return net::http_reply(400, R"({"error":"unauthorized_client"})");
  if (id != client_id() || secret != client_secret()) {
    return net::http_reply(401, R"({"error":"invalid_client","error_description":"no such client"})");
  }
  if (request.method != "POST" || field("grant_type") != "client_credentials") {
    return net::http_reply(400, R"({"error":"unsupported_grant_type"})");
  }
  if (field("scope") == "too much") return net::http_reply(400, R"({"error":"invalid_scope"})");
  const std::string made = "token-" + std::to_string(next_token_++);
  tokens_.insert(made);
  return net::http_reply(
      200, json{{"access_token", made}, {"token_type", "bearer"}, {"expires_in", options_.token_life}}.dump(),
      "Cache-Control: no-store\r\n");
}

std::string ScimFake::serve(const net::SeenRequest& request) {
  const std::scoped_lock lock(mutex_);
  Asked asked;
  asked.method = request.method;
  asked.body = request.body;
  asked.if_match = header(request, "If-Match");
  asked.if_none_match = header(request, "If-None-Match");
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path.size() < request.target.size()) asked.query = pairs_in(request.target.substr(path.size() + 1));
  Answer made;
  try {
    if (!path.starts_with("/v2/")) throw ScimRefusal{404, "", "no such path"};
    // RFC 7644 section 3.1: application/scim+json, and application/json by grace.
    const std::string media = header(request, "Content-Type");
    if (!request.body.empty() && media != "application/scim+json" && media != "application/json") {
      throw ScimRefusal{415, "", "no SCIM: " + media};
    }
    std::tie(asked.endpoint, asked.id) = split(path.substr(4));
    made = route(asked);
  } catch (const ScimRefusal& refusal) {
    made = {refusal.status, error_body(refusal), {}, {}};
  } catch (const json::exception& error) {
    made = {400, error_body({400, "invalidSyntax", error.what()}), {}, {}};
  }
  std::string lines = "Date: " + http_date(now_) + "\r\n";
  if (!made.body.is_null()) lines += "Content-Type: application/scim+json\r\n";
  if (!made.location.empty()) lines += "Location: " + made.location + "\r\n";
  if (!made.version.empty()) lines += "ETag: " + made.version + "\r\n";
  return net::http_reply(made.status, made.body.is_null() ? std::string() : made.body.dump(), lines);
}

ScimFake::Answer ScimFake::route(const Asked& asked) {
  if (asked.endpoint == "Bulk" && options_.most_operations > 0) return bulk(asked);
  if (asked.endpoint != "Users" && asked.endpoint != "Groups" && asked.endpoint != "Vessels") return discover(asked);
  if (asked.id.empty()) {
    if (asked.method == "GET") return list(asked);
    if (asked.method == "POST") return create(asked);
    throw ScimRefusal{405, "", "GET and POST"};
  }
  Row& row = row_of(asked);
  if (asked.method == "GET") {
    const bool known = options_.etag && asked.if_none_match == version_of(row);
    return known ? Answer{304, nullptr, {}, version_of(row)} : replied(asked, 200, asked.id, row);
  }
  check_version(asked, row);
  if (asked.method == "DELETE") return erase(asked);
  if (asked.method == "PATCH") return patch(asked, row);
  if (asked.method == "PUT") return put(asked, row);
  throw ScimRefusal{405, "", "GET, PUT, PATCH and DELETE"};
}

ScimFake::Row& ScimFake::row_of(const Asked& asked) {
  const auto found = rows_.find(asked.id);
  if (found == rows_.end() || found->second.endpoint != asked.endpoint) throw ScimRefusal{404, "", "no " + asked.id};
  return found->second;
}

/// RFC 7644 section 3.14; a version that is not the present one is 412.
void ScimFake::check_version(const Asked& asked, const Row& row) const {
  if (!options_.etag) return;
  if (asked.if_match.empty() && options_.requires_if_match) throw ScimRefusal{428, "", "If-Match is required"};
  if (!asked.if_match.empty() && asked.if_match != "*" && asked.if_match != version_of(row)) {
    throw ScimRefusal{412, "", "it was changed"};
  }
}

/// RFC 7643 sections 5, 6 and 7; RFC 9865 section 4 for pagination.
ScimFake::Answer ScimFake::discover(const Asked& asked) const {
  if (!options_.discovery || asked.method != "GET") throw ScimRefusal{404, "", "no such endpoint"};
  const json resource_types = scim_resource_types();
  for (const auto& [endpoint, all] :
       {std::pair<const char*, const json&>{"Schemas", scim_schemas()}, {"ResourceTypes", resource_types}}) {
    if (asked.endpoint != endpoint) continue;
    if (asked.id.empty()) return {200, list_response(all, all.size()), {}, {}};
    for (const json& each : all) {
      if (each["id"] == asked.id) return {200, each, {}, {}};
    }
  }
  if (asked.endpoint != "ServiceProviderConfig" || !asked.id.empty()) throw ScimRefusal{404, "", "no such endpoint"};
  const auto can = [](bool supported) { return json{{"supported", supported}}; };
  json bulk = can(options_.most_operations > 0);
  bulk["maxOperations"] = options_.most_operations;
  bulk["maxPayloadSize"] = options_.most_payload;
  const char* scheme = options_.oauth ? "oauth2" : "oauthbearertoken";
  json config = {
      {"schemas", {"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"}},
      {"patch", can(options_.patch)},
      {"bulk", std::move(bulk)},
      {"filter", {{"supported", true}, {"maxResults", options_.most_per_page}}},
      {"changePassword", can(false)},
      {"sort", can(options_.sort)},
      {"etag", can(options_.etag)},
      {"authenticationSchemes", json::array({{{"type", scheme}, {"name", scheme}, {"description", "bearer"}}})}};
  if (options_.cursor) {
    config["pagination"] = {{"cursor", true},
                            {"index", options_.index},
                            {"defaultPaginationMethod", "cursor"},
                            {"defaultPageSize", std::min<std::size_t>(100, options_.most_per_page)},
                            {"maxPageSize", options_.most_per_page},
                            {"cursorTimeout", 600}};
  }
  return {200, std::move(config), {}, {}};
}

/// The ids that a query is about, in an order that stays.
std::vector<std::string> ScimFake::listed(const Asked& asked) const {
  std::optional<ScimFilter> filter;
  if (const auto said = asked.query.find("filter"); said != asked.query.end() && !options_.ignores_filter) {
    if (!options_.filter) throw ScimRefusal{400, "invalidFilter", "no filters"};
    filter = ScimFilter::parse(asked.endpoint, said->second);
  }
  std::vector<std::string> found;
  for (const auto& [id, row] : rows_) {
    if (row.endpoint != asked.endpoint) continue;
    if (filter && !filter->matches(shown({}, id, row))) continue;
    found.push_back(id);
  }
  sort(asked, found);
  return found;
}

/// Section 3.4.2.3, by one plain attribute. A service that does not sort and is asked to may refuse (section 3.12).
void ScimFake::sort(const Asked& asked, std::vector<std::string>& ids) const {
  const auto by = asked.query.find("sortBy");
  if (by == asked.query.end()) return;
  if (!options_.sort) throw ScimRefusal{501, "", "no sorting"};
  const std::string attribute = by->second;
  (void)scim_attribute(asked.endpoint, attribute, "invalidPath");
  const auto key = [&](const std::string& id) {
    return attribute == "id" ? id : text_in(rows_.at(id).resource, attribute.c_str());
  };
  std::stable_sort(ids.begin(), ids.end(),
                   [&](const std::string& left, const std::string& right) { return key(left) < key(right); });
  const auto order = asked.query.find("sortOrder");
  if (order != asked.query.end() && order->second == "descending") std::reverse(ids.begin(), ids.end());
}

ScimFake::Answer ScimFake::list(const Asked& asked) {
  const auto number = [&](const char* name, long unsaid) {
    const auto said = asked.query.find(name);
    if (said == asked.query.end()) return unsaid;
    const auto value = to_integer(said->second);
    if (!value) throw ScimRefusal{400, "invalidValue", std::string(name) + " is no number"};
    return static_cast<long>(*value);
  };
  // Section 3.4.2.4: a negative count is 0, a startIndex below 1 is 1.
  const auto most = static_cast<long>(options_.most_per_page);
  const auto count = static_cast<std::size_t>(std::clamp(number("count", most), 0L, most));
  // Without either parameter the service's own way counts.
  const bool by_cursor = asked.query.contains("cursor") || (!options_.index && !asked.query.contains("startIndex"));
  if (by_cursor) return page_at_cursor(asked, count);
  if (!options_.index) throw ScimRefusal{400, "invalidValue", "pages are by cursor here"};
  const auto start = static_cast<std::size_t>(std::max(number("startIndex", 1), 1L));
  const std::vector<std::string> all = listed(asked);
  json page = json::array();
  for (std::size_t at = start - 1; at < all.size() && page.size() < count; ++at) {
    page.push_back(shown(asked, all[at], rows_.at(all[at])));
  }
  json body = list_response(page, all.size());
  body["startIndex"] = start;
  return {200, std::move(body), {}, {}};
}

/// RFC 9865 section 2: an empty cursor begins, nextCursor goes on, none is the end.
ScimFake::Answer ScimFake::page_at_cursor(const Asked& asked, std::size_t count) {
  const std::string cursor = asked.query.contains("cursor") ? asked.query.at("cursor") : std::string();
  if (!options_.cursor) throw ScimRefusal{400, "invalidCursor", "no cursors here"};
  // "Count value must be between 1 and maxPageSize."
  const auto wanted = asked.query.find("count");
  if (wanted != asked.query.end() &&
      to_integer(wanted->second).value_or(0) > static_cast<std::int64_t>(options_.most_per_page)) {
    throw ScimRefusal{400, "invalidCount", "count is above maxPageSize"};
  }
  if (count == 0 || asked.query.contains("startIndex")) throw ScimRefusal{400, "invalidCount", "count and startIndex"};
  std::vector<std::string> left;
  const std::size_t all = listed(asked).size();
  if (cursor.empty()) {
    left = listed(asked);
  } else {
    const auto held = cursors_.find(cursor);
    if (held == cursors_.end()) throw ScimRefusal{400, "expiredCursor", "the cursor has expired"};
    left = held->second;
  }
  json page = json::array();
  std::size_t at = 0;
  for (; at < left.size() && page.size() < count; ++at) {
    if (const auto row = rows_.find(left[at]); row != rows_.end()) page.push_back(shown(asked, left[at], row->second));
  }
  json body = list_response(page, page.size());
  if (options_.misjudges_total == 0) {
    body.erase("totalResults");
  } else {
    body["totalResults"] = all + options_.misjudges_total;
  }
  if (at < left.size()) {
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(at));
    // Unreserved characters only (RFC 3986 section 2.3).
    const std::string next = "c" + std::to_string(cursors_.size() + 1) + "-._~";
    body["nextCursor"] = next;
    cursors_[next] = std::move(left);
  }
  return {200, std::move(body), {}, {}};
}

/// RFC 7643 section 4.1.1: userName is unique, case ignored; RFC 7644 section 3.3.1 for the answer.
void ScimFake::check_free(const std::string& endpoint, const json& resource, const std::string& but) const {
  if (endpoint != "Users") return;
  const std::string name = scim_lower(resource.at("userName").get<std::string>());
  for (const auto& [id, row] : rows_) {
    if (row.endpoint == endpoint && id != but && scim_lower(text_in(row.resource, "userName")) == name) {
      throw ScimRefusal{409, "uniqueness", "userName is taken"};
    }
  }
}

void ScimFake::check_member(const std::string& id) const {
  if (options_.checks_members && !rows_.contains(id)) throw ScimRefusal{400, "invalidValue", "no member " + id};
}

void ScimFake::touch(Row& row) {
  now_ += std::chrono::seconds(1);
  row.modified = now_;
  ++row.version;
}

ScimFake::Answer ScimFake::create(const Asked& asked) {
  json resource = scim_checked(asked.endpoint, parsed(asked.body));
  check_free(asked.endpoint, resource, {});
  for (const json& each : resource.value("members", json::array())) check_member(text_in(each, "value"));
  const std::string id = "id" + std::to_string(next_id_++);
  now_ += std::chrono::seconds(1);
  Row& row = rows_[id] = {asked.endpoint, std::move(resource), 1, now_, now_};
  if (options_.answers_with_body) return replied(asked, 201, id, row);
  return {201, nullptr, url() + "/" + asked.endpoint + "/" + id, version_of(row)};
}

/// RFC 7644 section 3.5.1: what the body leaves out is gone.
ScimFake::Answer ScimFake::put(const Asked& asked, Row& row) {
  json resource = scim_checked(asked.endpoint, parsed(asked.body));
  check_free(asked.endpoint, resource, asked.id);
  for (const json& each : resource.value("members", json::array())) check_member(text_in(each, "value"));
  row.resource = std::move(resource);
  touch(row);
  return replied(asked, 200, asked.id, row);
}

ScimFake::Answer ScimFake::patch(const Asked& asked, Row& row) {
  if (!options_.patch) throw ScimRefusal{501, "", "no PATCH here"};
  const json body = parsed(asked.body);
  if (member_changes(body) > options_.most_member_changes) throw ScimRefusal{413, "", "too many members"};
  const auto check = [this](const std::string& id) { check_member(id); };
  json resource = row.resource;
  const bool changed = scim_patch(asked.endpoint, resource, body, check, options_.manners);
  check_free(asked.endpoint, resource, asked.id);
  row.resource = std::move(resource);
  if (changed) touch(row);
  if (options_.answers_with_body) return replied(asked, 200, asked.id, row);
  return {204, nullptr, {}, version_of(row)};
}

ScimFake::Answer ScimFake::erase(const Asked& asked) {
  rows_.erase(asked.id);
  for (auto& [id, row] : rows_) {
    if (row.endpoint != "Groups" || !row.resource.contains("members")) continue;
    auto& members = row.resource["members"].get_ref<json::array_t&>();
    if (std::erase_if(members, [&](const json& each) { return each.value("value", "") == asked.id; }) == 0) continue;
    if (members.empty()) row.resource.erase("members");
    touch(row);
  }
  return {204, nullptr, {}, {}};
}

/// RFC 7644 section 3.7.
ScimFake::Answer ScimFake::bulk(const Asked& asked) {
  if (asked.method != "POST") throw ScimRefusal{405, "", "POST"};
  if (asked.body.size() > options_.most_payload) throw ScimRefusal{413, "", "the payload is too large"};
  const json body = parsed(asked.body);
  const json* schemas = scim_member(body, "schemas");
  const json* operations = scim_member(body, "Operations");
  if (schemas == nullptr || *schemas != json::array({k_messages + "BulkRequest"}) || operations == nullptr) {
    throw ScimRefusal{400, "invalidSyntax", "the body is no BulkRequest"};
  }
  if (operations->size() > options_.most_operations) throw ScimRefusal{413, "", "too many operations"};
  const json* fail_on = scim_member(body, "failOnErrors");
  const int most = fail_on != nullptr && fail_on->is_number() ? fail_on->get<int>() : -1;
  int failures = 0;
  std::map<std::string, std::string> ids;
  json done = json::array();
  for (const json& each : *operations) {
    done.push_back(bulk_one(each, ids));
    if (std::stoi(done.back()["status"].get<std::string>()) >= 400 && ++failures == most) break;
  }
  return {200, {{"schemas", {k_messages + "BulkResponse"}}, {"Operations", std::move(done)}}, {}, {}};
}

json ScimFake::bulk_one(const json& operation, std::map<std::string, std::string>& ids) {
  Asked asked;
  asked.method = text_in(operation, "method");
  asked.if_match = text_in(operation, "version");
  const std::string bulk_id = text_in(operation, "bulkId");
  std::tie(asked.endpoint, asked.id) = split(text_in(operation, "path"));
  json result = {{"method", asked.method}};
  if (!bulk_id.empty()) result["bulkId"] = bulk_id;
  Answer made;
  try {
    if (asked.method == "GET" || asked.endpoint == "Bulk") throw ScimRefusal{400, "invalidSyntax", "not in bulk"};
    if (asked.method == "POST" && bulk_id.empty()) throw ScimRefusal{400, "invalidSyntax", "POST needs a bulkId"};
    if (const json* data = scim_member(operation, "data")) {
      asked.body = data->dump();
      for (const auto& [name, id] : ids) {  // section 3.7.2
        for (std::size_t at = 0; (at = asked.body.find("\"bulkId:" + name + "\"", at)) != std::string::npos; ++at) {
          asked.body.replace(at, name.size() + 9, "\"" + id + "\"");
        }
      }
    }
    made = route(asked);
    if (asked.method == "POST") ids[bulk_id] = made.location.substr(made.location.rfind('/') + 1);
    if (asked.method == "PUT" || asked.method == "PATCH") made.location = url() + "/" + asked.endpoint + "/" + asked.id;
  } catch (const ScimRefusal& refusal) {
    made = {refusal.status, error_body(refusal), {}, {}};
    result["response"] = made.body;  // what goes well need not be shown
  }
  if (!made.location.empty()) result["location"] = made.location;
  if (!made.version.empty()) result["version"] = made.version;
  result["status"] = std::to_string(made.status);
  return result;
}

std::string ScimFake::version_of(const Row& row) const {
  return options_.etag ? "W/\"" + std::to_string(row.version) + "\"" : std::string();
}

json ScimFake::shown(const Asked& asked, const std::string& id, const Row& row) const {
  json resource = row.resource;
  resource.erase("password");
  resource["id"] = id;
  resource["meta"] = {{"resourceType", scim_type_of_endpoint(row.endpoint)},
                      {"created", to_rfc3339(row.created)},
                      {"lastModified", to_rfc3339(row.modified)},
                      {"location", url() + "/" + row.endpoint + "/" + id}};
  if (options_.etag) resource["meta"]["version"] = version_of(row);
  return selected(std::move(resource), asked.query);
}

ScimFake::Answer ScimFake::replied(const Asked& asked, int status, const std::string& id, const Row& row) const {
  return {status, shown(asked, id, row), url() + "/" + row.endpoint + "/" + id, version_of(row)};
}

}  // namespace linkspan::testkit
