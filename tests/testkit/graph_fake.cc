#include "testkit/graph_fake.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "testkit/graph_delta.h"
#include "testkit/graph_writes.h"

namespace linkspan::testkit {

using nlohmann::json;

namespace {

constexpr std::chrono::minutes k_window{5};
constexpr std::size_t k_most_in_batch = 20;
/// graph/use-the-api, "size limit of 4 MB"; graph/errors, 413
constexpr std::size_t k_most_bytes = 4'000'000;

/// graph/errors
GraphReply refused(const GraphRefusal& refusal) {
  return {refusal.status,
          {{"error",
            {{"code", refusal.code},
             {"message", refusal.message},
             {"innerError", {{"date", "2026-11-30T08:00:00"}, {"request-id", make_uuid(1)}}}}}}};
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::map<std::string, std::string> headers_of(const std::string& head) {
  std::map<std::string, std::string> made;
  std::size_t at = head.find("\r\n");
  while (at != std::string::npos && at + 2 < head.size()) {
    const std::size_t end = std::min(head.find("\r\n", at + 2), head.size());
    const std::string line = head.substr(at + 2, end - at - 2);
    if (const std::size_t colon = line.find(": "); colon != std::string::npos) {
      made[lower(line.substr(0, colon))] = line.substr(colon + 2);
    }
    at = end >= head.size() ? std::string::npos : end;
  }
  return made;
}

std::string to_http(const GraphReply& reply) {
  std::string lines = "Content-Type: application/json\r\n";
  for (const auto& [name, value] : reply.headers) lines += name + ": " + value + "\r\n";
  return net::http_reply(reply.status, reply.body.is_null() ? std::string() : reply.body.dump(), lines);
}

bool is_write(const GraphAsked& asked) {
  return asked.method != "GET" && asked.path != "/$batch" && !asked.path.starts_with("/directoryObjects/") &&
         !GraphUpload::is_about(asked.path);
}

}  // namespace

std::string decode_percent(const std::string& text, bool is_form) {
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

std::string make_uuid(std::uint64_t number) {
  std::string digits(12, '0');
  for (std::size_t at = digits.size(); at > 0 && number > 0; number /= 16)
    digits[--at] = "0123456789abcdef"[number % 16];
  return "5eed0000-0000-4000-8000-" + digits;
}

std::optional<std::string> odata_key(const std::string& segment, const std::string& property) {
  const std::string start = "(" + property + "='";
  const std::size_t at = segment.find(start);
  if (at == std::string::npos || !segment.ends_with("')")) return std::nullopt;
  const std::string inner = segment.substr(at + start.size(), segment.size() - at - start.size() - 2);
  std::string made;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    made += inner[i];
    if (inner[i] == '\'') ++i;
  }
  return made;
}

GraphAsked parse_graph_request(std::string method, const std::string& target,
                               std::map<std::string, std::string> headers, json body) {
  GraphAsked asked;
  asked.method = std::move(method);
  asked.headers = std::move(headers);
  asked.body = std::move(body);
  const std::size_t mark = target.find('?');
  // A key may hold an encoded slash: it stays one segment, so only what is around it is split.
  asked.path = decode_percent(target.substr(0, mark));
  if (mark == std::string::npos) return asked;
  for (const std::string_view pair : split(std::string_view(target).substr(mark + 1), '&')) {
    const std::size_t equal = pair.find('=');
    asked.query[decode_percent(std::string(pair.substr(0, equal)))] =
        equal == std::string_view::npos ? std::string() : decode_percent(std::string(pair.substr(equal + 1)), true);
  }
  return asked;
}

GraphFake::GraphFake(const Clock& clock, GraphFakeOptions options)
    : clock_(clock),
      options_(options),
      upload_(clock),
      identity_(std::make_unique<GraphIdentity>(clock, "contoso.example")),
      server_([this](const net::SeenRequest& request) { return answer(request); }) {}

std::string GraphFake::add(const std::string& type, json properties) {
  const std::scoped_lock lock(mutex_);
  Object& made = make(type);
  made.made_at_request = 0;
  for (auto& [name, value] : properties.items()) change(made, name, value);
  return made.id;
}

void GraphFake::set(const std::string& id, const std::string& property, json value) {
  const std::scoped_lock lock(mutex_);
  change(*find(id), property, std::move(value));
}

void GraphFake::set_manager(const std::string& id, const std::string& manager) {
  const std::scoped_lock lock(mutex_);
  find(id)->manager = manager;
  find(id)->changed["manager"] = ++sequence_;
}

void GraphFake::set_members(const std::string& id, const std::set<std::string>& members) {
  const std::scoped_lock lock(mutex_);
  Object& group = *find(id);
  const std::set<std::string> before = group.members;
  for (const std::string& one : before) {
    if (!members.contains(one)) link(group, "members", one, false);
  }
  for (const std::string& one : members) {
    if (!before.contains(one)) link(group, "members", one, true);
  }
}

void GraphFake::remove(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  erase(*find(id));
}

void GraphFake::declare_extension(const std::string& name, const std::string& data_type, bool multi_valued) {
  const std::scoped_lock lock(mutex_);
  extensions_[name] = {{"name", name},
                       {"dataType", data_type},
                       {"isMultiValued", multi_valued},
                       {"targetObjects", json::array({"User"})}};
}

json GraphFake::get(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const Object* found = find(id);
  return found == nullptr ? json() : found->properties;
}

std::set<std::string> GraphFake::members(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const Object* found = find(id);
  return found == nullptr ? std::set<std::string>{} : found->members;
}

std::set<std::string> GraphFake::owners(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const Object* found = find(id);
  return found == nullptr ? std::set<std::string>{} : found->owners;
}

std::string GraphFake::manager(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const Object* found = find(id);
  return found == nullptr ? std::string() : found->manager;
}

std::vector<std::string> GraphFake::where(const std::string& property, const json& value) const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> made;
  for (const auto& [id, object] : objects_) {
    if (object.removed == 0 && object.properties.contains(property) && object.properties.at(property) == value) {
      made.push_back(id);
    }
  }
  return made;
}

std::size_t GraphFake::count(const std::string& type) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(objects_.begin(), objects_.end(), [&](const auto& one) {
    return one.second.type == type && one.second.removed == 0;
  }));
}

void GraphFake::intercept(Intercept intercept, bool carry_out) {
  const std::scoped_lock lock(mutex_);
  intercept_ = std::move(intercept);
  carry_out_ = carry_out;
}

void GraphFake::lose_batches(std::size_t count, bool carry_out) {
  const std::scoped_lock lock(mutex_);
  batches_to_lose_ = count;
  lost_are_carried_out_ = carry_out;
}

void GraphFake::forget_tokens() {
  const std::scoped_lock lock(mutex_);
  oldest_token_ = ++sequence_;
}

GraphFake::Calls GraphFake::calls() const {
  const std::scoped_lock lock(mutex_);
  return calls_;
}

std::size_t GraphFake::seen(const std::string& method, const std::string& path_part) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(seen_.begin(), seen_.end(), [&](const auto& one) {
    return one.first == method && one.second.find(path_part) != std::string::npos;
  }));
}

GraphFake::Object* GraphFake::find(const std::string& id) {
  const auto found = objects_.find(id);
  return found == objects_.end() || found->second.removed != 0 ? nullptr : &found->second;
}

const GraphFake::Object* GraphFake::find(const std::string& id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() || found->second.removed != 0 ? nullptr : &found->second;
}

GraphFake::Object& GraphFake::make(const std::string& type) {
  Object made;
  made.made = ++sequence_;
  made.made_at_request = calls_.requests;
  made.id = make_uuid(made.made);
  made.type = type;
  return objects_[made.id] = std::move(made);
}

void GraphFake::change(Object& object, const std::string& property, json value) {
  if (value.is_object() && object.properties.contains(property) && object.properties.at(property).is_object()) {
    object.properties[property].update(value);  // parts that are not mentioned stay
  } else if (value.is_null() || (value.is_array() && value.empty())) {
    object.properties.erase(property);
  } else {
    object.properties[property] = std::move(value);
  }
  object.changed[property] = ++sequence_;
}

void GraphFake::link(Object& group, const std::string& name, const std::string& target, bool add) {
  auto& list = name == "members" ? group.members : group.owners;
  if (add ? list.insert(target).second : list.erase(target) > 0) {
    link_events_.push_back({++sequence_, name, group.id, target, !add});
  }
}

void GraphFake::erase(Object& object) {
  for (auto& [id, other] : objects_) {
    if (other.removed != 0) continue;
    if (other.members.contains(object.id)) link(other, "members", object.id, false);
    if (other.owners.contains(object.id)) link(other, "owners", object.id, false);
    if (other.manager == object.id) {
      other.manager.clear();
      other.changed["manager"] = ++sequence_;
    }
  }
  object.removed = ++sequence_;
}

/// graph/delta-query-overview, "Processing delays"; graph/best-practices-concept: what was written is read a while
/// later.
bool GraphFake::is_visible(const Object& object) const {
  return object.made_at_request == 0 || calls_.requests >= object.made_at_request + options_.lag;
}

net::ScriptedReply GraphFake::answer(const net::SeenRequest& request) {
  if (request.target.starts_with("/login/")) return {identity_->answer(request, login_url(), graph_url())};
  const std::string prefix = "/graph/v1.0";
  if (!request.target.starts_with(prefix + "/")) return {net::http_reply(404)};
  if (request.body.size() > k_most_bytes) {
    return {to_http(refused({413, "RequestEntityTooLarge", "The request size exceeds the maximum limit."}))};
  }
  auto headers = headers_of(request.head);
  json body = request.body.empty() ? json() : json::parse(request.body, nullptr, false);
  const std::string authorization = headers["authorization"];
  const GraphAsked asked =
      parse_graph_request(request.method, request.target.substr(prefix.size()), std::move(headers), std::move(body));
  const auto rights = identity_->rights_of(authorization);
  const std::scoped_lock lock(mutex_);
  ++calls_.requests;
  if (!rights)
    return {to_http(refused({401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid."}))};
  if (asked.path == "/$batch" && batches_to_lose_ > 0) {
    --batches_to_lose_;
    if (lost_are_carried_out_) (void)throttle_or(asked, *rights);
    return {"", /*then_close=*/true};
  }
  return {to_http(throttle_or(asked, *rights))};
}

GraphReply GraphFake::throttle_or(const GraphAsked& asked, const std::set<std::string>& rights) {
  seen_.emplace_back(asked.method, asked.path);
  if (intercept_) {
    if (std::optional<GraphReply> reply = intercept_(asked)) {
      if (carry_out_) {
        try {
          (void)serve(asked, rights);
        } catch (const GraphRefusal&) {
        }
      }
      return std::move(*reply);
    }
  }
  if (is_write(asked)) {
    // graph/throttling-limits: writes of an application in a tenant, over five minutes; graph/throttling: 429 with
    // Retry-After in seconds.
    const Time now = clock_.now();
    while (!recent_writes_.empty() && now - recent_writes_.front() >= k_window) recent_writes_.pop_front();
    if (recent_writes_.size() >= options_.writes_per_window) {
      ++calls_.throttled;
      GraphReply reply = refused({429, "TooManyRequests", "Too many requests"});
      const auto wait = std::chrono::ceil<std::chrono::seconds>(recent_writes_.front() + k_window - now);
      reply.headers.emplace_back("Retry-After", std::to_string(wait.count()));
      return reply;
    }
    recent_writes_.push_back(now);
    ++calls_.writes;
    calls_.most_in_window = std::max(calls_.most_in_window, recent_writes_.size());
  }
  try {
    return serve(asked, rights);
  } catch (const GraphRefusal& refusal) {
    return refused(refusal);
  } catch (const json::exception& error) {
    return refused({400, "BadRequest", error.what()});
  }
}

/// graph/json-batching
GraphReply GraphFake::serve_batch(const GraphAsked& asked, const std::set<std::string>& rights) {
  const json& requests = asked.body.at("requests");
  ++calls_.batches;
  calls_.largest_batch = std::max(calls_.largest_batch, requests.size());
  if (requests.empty()) throw GraphRefusal{400, "BadRequest", "Invalid batch payload format."};
  if (requests.size() > k_most_in_batch) {
    throw GraphRefusal{400, "MaximumValueExceeded", "Number of batch request steps exceeds the maximum value of 20."};
  }
  std::set<std::string> ids;
  for (const json& one : requests) {
    if (!one.at("id").is_string() || !ids.insert(lower(one.at("id").get<std::string>())).second) {
      throw GraphRefusal{400, "BadRequest", "Request Id must be a unique string."};
    }
    if (one.contains("dependsOn")) throw GraphRefusal{400, "BadRequest", "This fake takes independent requests only."};
    const bool has_type = one.contains("headers") && (one.at("headers").contains("Content-Type"));
    if (one.contains("body") && !has_type) {
      throw GraphRefusal{
          400, "BadRequest",
          "Write request id : " + one.at("id").get<std::string>() + " does not contain Content-Type header or body."};
    }
    if (!one.at("url").get<std::string>().starts_with('/')) throw GraphRefusal{400, "BadRequest", "Invalid URL."};
  }
  json responses = json::array();
  for (const json& one : requests) {
    std::map<std::string, std::string> headers;
    if (one.contains("headers")) {
      for (const auto& [name, value] : one.at("headers").items()) headers[lower(name)] = value.get<std::string>();
    }
    const GraphReply reply =
        throttle_or(parse_graph_request(one.at("method").get<std::string>(), one.at("url").get<std::string>(),
                                        std::move(headers), one.contains("body") ? one.at("body") : json()),
                    rights);
    json made = {{"id", one.at("id")}, {"status", reply.status}, {"headers", json::object()}};
    for (const auto& [name, value] : reply.headers) made["headers"][name] = value;
    if (!reply.body.is_null()) made["body"] = reply.body;
    responses.insert(responses.begin(), std::move(made));  // "might appear in a different order than the requests"
  }
  return {200, {{"responses", responses}}};
}

json GraphFake::shown(const Object& object, const std::string& select) const {
  json made = {{"id", object.id}};
  for (const auto& [name, value] : object.properties.items()) {
    bool wanted = select.empty();
    for (const std::string_view each : split(select, ',')) wanted = wanted || each == name;
    if (wanted) made[name] = value;
  }
  // What is asked for and has no value is null.
  for (const std::string_view each : split(select, ',')) {
    if (!each.empty() && !made.contains(std::string(each))) made[std::string(each)] = nullptr;
  }
  return made;
}

}  // namespace linkspan::testkit
