#include "testkit/scim_fake.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace linkspan::testkit {

using nlohmann::json;

namespace {

const std::string k_enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

struct Refusal {
  int status;
  std::string scim_type;
  std::string detail;
};

std::string error_reply(const Refusal& refusal) {
  return net::http_reply(refusal.status, json{{"schemas", {"urn:ietf:params:scim:api:messages:2.0:Error"}},
                                              {"status", std::to_string(refusal.status)},
                                              {"scimType", refusal.scim_type},
                                              {"detail", refusal.detail}}
                                             .dump());
}

std::string decode(const std::string& text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
      at += 2;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

std::string header(const net::SeenRequest& request, const std::string& name) {
  const std::size_t at = request.head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t from = at + name.size() + 4;
  return request.head.substr(from, request.head.find("\r\n", from) - from);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// `head[key eq "value"].sub`, or `head.sub`, or `head`; an enterprise URN leads into its object.
struct Target {
  std::string head, key, value, sub;
};

Target parse_target(const std::string& path) {
  Target target;
  std::string rest = path;
  if (const std::size_t open = rest.find('['); open != std::string::npos) {
    const std::size_t close = rest.rfind(']');
    const std::size_t eq = rest.find(" eq ", open);
    if (close == std::string::npos || eq == std::string::npos) throw Refusal{400, "invalidPath", path};
    target.key = rest.substr(open + 1, eq - open - 1);
    const json literal = json::parse(rest.substr(eq + 4, close - eq - 4), nullptr, false);
    if (!literal.is_string()) throw Refusal{400, "invalidPath", path};
    target.value = literal.get<std::string>();
    target.head = rest.substr(0, open);
    if (close + 1 < rest.size()) target.sub = rest.substr(close + 2);
  } else {
    const std::size_t dot = rest.find('.');
    target.head = rest.substr(0, dot);
    if (dot != std::string::npos) target.sub = rest.substr(dot + 1);
  }
  return target;
}

void check_type(const std::string& name, const json& value) {
  if (name == "active" && !value.is_boolean()) throw Refusal{400, "invalidValue", "active is a boolean"};
  if (name == "userName" && !value.is_string()) throw Refusal{400, "invalidValue", "userName is a string"};
}

void apply_to_elements(json& list, const Target& target, const std::string& op, const json& value) {
  bool any = false;
  for (auto each = list.begin(); each != list.end();) {
    if (each->value(target.key, std::string()) != target.value) {
      ++each;
      continue;
    }
    any = true;
    if (op == "remove" && target.sub.empty()) {
      each = list.erase(each);
      continue;
    }
    if (op == "remove") {
      each->erase(target.sub);
    } else {
      (*each)[target.sub] = value;
    }
    ++each;
  }
  if (!any && op != "remove") throw Refusal{400, "noTarget", "no element matches"};
}

}  // namespace

ScimFake::ScimFake(ScimFakeOptions options)
    : options_(options), server_([this](const net::SeenRequest& request) { return answer(request); }) {}

void ScimFake::intercept(Intercept intercept, bool carry_out) {
  const std::scoped_lock lock(mutex_);
  intercept_ = std::move(intercept);
  carry_out_ = carry_out;
}

std::string ScimFake::add(const std::string& endpoint, json resource) {
  const std::scoped_lock lock(mutex_);
  std::string id = "id" + std::to_string(next_id_++);
  rows_[id] = {endpoint, std::move(resource), 1};
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

net::ScriptedReply ScimFake::answer(const net::SeenRequest& request) {
  Intercept intercept;
  bool carry_out = false;
  {
    const std::scoped_lock lock(mutex_);
    seen_.push_back(request);
    intercept = intercept_;
    carry_out = carry_out_;
  }
  if (header(request, "Authorization") != "Bearer " + token()) return {error_reply({401, "", "who are you?"})};
  if (intercept) {
    if (std::optional<net::ScriptedReply> reply = intercept(request)) {
      if (carry_out) (void)serve(request);
      return std::move(*reply);
    }
  }
  return {serve(request)};
}

std::string ScimFake::serve(const net::SeenRequest& request) {
  const std::scoped_lock lock(mutex_);
  Asked asked;
  asked.method = request.method;
  asked.request = &request;
  std::string path = request.target.substr(0, request.target.find('?'));
  if (const std::size_t mark = request.target.find('?'); mark != std::string::npos) {
    for (std::size_t at = mark + 1; at <= request.target.size();) {
      const std::size_t end = std::min(request.target.find('&', at), request.target.size());
      const std::string pair = request.target.substr(at, end - at);
      asked.query[pair.substr(0, pair.find('='))] = decode(pair.substr(pair.find('=') + 1));
      at = end + 1;
    }
  }
  if (path.substr(0, 4) != "/v2/") return error_reply({404, "", "no such path"});
  path = path.substr(4);
  asked.endpoint = path.substr(0, path.find('/'));
  if (path.find('/') != std::string::npos) asked.id = decode(path.substr(path.find('/') + 1));
  try {
    if (asked.endpoint != "Users" && asked.endpoint != "Groups") return discover(asked);
    if (asked.id.empty() && asked.method == "GET") return list(asked);
    if (asked.id.empty() && asked.method == "POST") return create(asked);
    const auto found = rows_.find(asked.id);
    if (found == rows_.end() || found->second.endpoint != asked.endpoint) throw Refusal{404, "", "no " + asked.id};
    if (asked.method == "GET") return net::http_reply(200, shown(asked.id, found->second).dump());
    const std::string wanted = header(request, "If-Match");
    if (options_.etag && !wanted.empty() && wanted != "W/\"" + std::to_string(found->second.version) + "\"") {
      throw Refusal{412, "", "it was changed"};
    }
    if (asked.method == "DELETE") {
      rows_.erase(found);
      return net::http_reply(204);
    }
    if (asked.method == "PATCH") return patch(asked, found->second);
    if (asked.method != "PUT") throw Refusal{405, "", "method"};
    json resource = json::parse(request.body);
    resource.erase("id");
    found->second = {asked.endpoint, std::move(resource), found->second.version + 1};
    return replied(200, asked.id, found->second);
  } catch (const Refusal& refusal) {
    return error_reply(refusal);
  } catch (const json::exception& error) {
    return error_reply({400, "invalidSyntax", error.what()});
  }
}

std::string ScimFake::discover(const Asked& asked) const {
  if (!options_.discovery || asked.endpoint != "ServiceProviderConfig") throw Refusal{404, "", "no such endpoint"};
  return net::http_reply(200, json{{"patch", {{"supported", options_.patch}}},
                                   {"filter", {{"supported", true}, {"maxResults", options_.most_per_page}}},
                                   {"etag", {{"supported", options_.etag}}}}
                                  .dump());
}

std::string ScimFake::list(const Asked& asked) const {
  std::string key, value;
  if (const auto filter = asked.query.find("filter"); filter != asked.query.end() && !options_.ignores_filter) {
    const Target target = parse_target("x[" + filter->second + "]");
    if (!options_.filter) throw Refusal{400, "invalidFilter", "no filters"};
    key = target.key;
    value = target.value;
  }
  json all = json::array();
  for (const auto& [id, row] : rows_) {
    if (row.endpoint != asked.endpoint || (!key.empty() && row.resource.value(key, std::string()) != value)) continue;
    all.push_back(shown(id, row));
  }
  const std::size_t start = asked.query.contains("startIndex") ? std::stoul(asked.query.at("startIndex")) : 1;
  const std::size_t count =
      asked.query.contains("count") ? std::stoul(asked.query.at("count")) : options_.most_per_page;
  json page = json::array();
  for (std::size_t at = start - 1; at < all.size() && page.size() < std::min(count, options_.most_per_page); ++at) {
    page.push_back(all[at]);
  }
  return net::http_reply(200, json{{"totalResults", all.size()}, {"Resources", page}}.dump(),
                         "Date: Sun, 22 Nov 2026 17:57:13 GMT\r\n");
}

std::string ScimFake::create(const Asked& asked) {
  json resource = json::parse(asked.request->body);
  const std::string name = asked.endpoint == "Users" ? "userName" : "displayName";
  if (!resource.contains(name)) throw Refusal{400, "invalidValue", name + " is required"};
  for (const auto& [key, value] : resource.items()) check_type(key, value);
  for (const auto& [id, row] : rows_) {
    if (asked.endpoint == "Users" && row.endpoint == "Users" &&
        lower(row.resource.value(name, std::string())) == lower(resource[name].get<std::string>())) {
      throw Refusal{409, "uniqueness", name + " is taken"};
    }
  }
  const std::string id = "id" + std::to_string(next_id_++);
  Row& row = rows_[id] = {asked.endpoint, std::move(resource), 1};
  return replied(201, id, row);
}

std::string ScimFake::patch(const Asked& asked, Row& row) {
  if (!options_.patch) throw Refusal{501, "", "no PATCH here"};
  json resource = row.resource;
  const json body = json::parse(asked.request->body);
  for (const json& operation : body.at("Operations")) apply(resource, operation);
  row.resource = std::move(resource);
  ++row.version;
  return replied(200, asked.id, row);
}

void ScimFake::apply(json& resource, const json& operation) const {
  const std::string op = operation.at("op").get<std::string>();
  if (op != "add" && op != "replace" && op != "remove") throw Refusal{400, "invalidSyntax", op};
  const json value = op == "remove" ? json() : operation.at("value");
  std::string path = operation.at("path").get<std::string>();
  json* home = &resource;
  if (path.substr(0, k_enterprise.size()) == k_enterprise) {
    home = &resource[k_enterprise];
    path = path.substr(k_enterprise.size() + 1);
  }
  const Target target = parse_target(path);
  if (!target.key.empty()) {
    json& list = (*home)[target.head];
    if (list.is_null()) list = json::array();
    apply_to_elements(list, target, op, value);
  } else if (op == "remove") {
    json& parent = target.sub.empty() ? *home : (*home)[target.head];
    if (parent.is_object()) parent.erase(target.sub.empty() ? target.head : target.sub);
  } else if (op == "add" && value.is_array()) {
    json& list = (*home)[target.head];
    if (list.is_null()) list = json::array();
    for (const json& element : value) {
      if (target.head == "members" && options_.checks_members &&
          !rows_.contains(element.at("value").get<std::string>())) {
        throw Refusal{400, "invalidValue", "no member " + element.at("value").get<std::string>()};
      }
      if (std::find(list.begin(), list.end(), element) == list.end()) list.push_back(element);
    }
  } else {
    check_type(target.head, value);
    (target.sub.empty() ? (*home)[target.head] : (*home)[target.head][target.sub]) = value;
  }
}

json ScimFake::shown(const std::string& id, const Row& row) const {
  json resource = row.resource;
  resource["id"] = id;
  resource["meta"] = {{"lastModified", "2026-11-22T17:57:00Z"},
                      {"version", "W/\"" + std::to_string(row.version) + "\""}};
  return resource;
}

std::string ScimFake::replied(int status, const std::string& id, const Row& row) const {
  const std::string location = "Location: " + url() + "/" + row.endpoint + "/" + id + "\r\n";
  if (options_.answers_with_body) return net::http_reply(status, shown(id, row).dump(), location);
  return net::http_reply(status == 201 ? 201 : 204, {}, status == 201 ? location : std::string());
}

}  // namespace linkspan::testkit
