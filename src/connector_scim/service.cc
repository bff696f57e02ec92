// Requests out, replies told apart.

#include "connector_scim/internal/service.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "net/pacing.h"
#include "net/url.h"

namespace linkspan::connector_scim {
namespace {

constexpr std::size_t k_most_page = 1000;
constexpr std::size_t k_standard_page = 100;

struct Meaning {
  std::string_view id;
  std::string_view said;
  std::string_view hint;
};

Meaning conflict_meaning(const std::string& scim_type) {
  if (scim_type == "uniqueness" || scim_type.empty()) {
    return {
        "scim.uniqueness", "the service has another object with the same name or value",
        "Import the service again: an object that already exists can then be joined. Else change what must be unique."};
  }
  return {"scim.conflict", "the service refuses it as a conflict",
          "Import the service again, then look at the object."};
}

Meaning meaning_of(int status, const std::string& scim_type) {
  switch (status) {
    case 401:
      return {"scim.credentials", "the service does not accept the token",
              "Issue a new token there and enter it with `linkspan connector credentials`."};
    case 403:
      return {"scim.access", "the service does not allow this to the token's owner",
              "Give the token's owner the right to read and write users and groups."};
    case 404:
    case 410:
      return {"scim.gone", "the service does not have it (any more)", "Import the service again."};
    case 409:
      return conflict_meaning(scim_type);
    case 413:
      return {"scim.too_large", "the service takes no request so large",
              "Shorten what is long in it (a photograph, most often), or let no rule flow it to this service."};
    case 412:
    case 428:
      return {"scim.changed", "somebody else changed it at the same moment", "It is tried again with the next export."};
    case 429:
      return {"scim.throttled", "the service asks to be left alone", "Lower the connector's concurrency."};
    default:
      break;
  }
  if ((status >= 500 && status != 501) || status == 408) {
    return {"scim.failed", "the service failed",
            "Look at the service's state; it is tried again with the next export."};
  }
  return {"scim.refused", "the service refuses the request",
          "Compare the rule's attributes with what the service accepts."};
}

}  // namespace

std::optional<Trouble> trouble_in(std::string_view said) {
  const auto names = [&](std::initializer_list<std::string_view> words) {
    const std::string text = to_lower(said);
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return text.find(word) != std::string::npos; });
  };
  if (names({"expired"})) {
    return Trouble{"scim.expired", "what it was given has expired",
                   "Issue a new token or client's secret there and enter it with `linkspan connector credentials`."};
  }
  if (names({"locked", "disabled", "suspended", "deactivated"})) {
    return Trouble{"scim.locked", "the account behind it is locked or disabled",
                   "Enable or unlock it in the service; the credentials can stay as they are."};
  }
  return std::nullopt;
}

const ResourceType* Discovery::find(std::string_view object_type) const {
  for (const ResourceType& type : types) {
    if (type.name == object_type) return &type;
  }
  return nullptr;
}

Service::Service(Options options, const Clock& clock, Logger& logger)
    : options_(std::move(options)),
      logger_(logger),
      http_(options_.http, clock, logger),
      authorization_(options_, http_, clock),
      guards_all_(options_.if_match == IfMatch::always),
      member_batch_(options_.member_batch),
      bulk_limit_(options_.bulk) {}

net::Request Service::request(net::Method method, std::initializer_list<std::string_view> segments, Query query,
                              std::string body) const {
  net::Request made;
  made.method = method;
  made.url = net::join_path(options_.url, segments);
  if (query.size() > 0) made.url = net::with_query(made.url, query);
  made.headers.add("Accept", "application/scim+json, application/json;q=0.9");
  if (!body.empty()) made.headers.add("Content-Type", "application/scim+json");
  made.body = std::move(body);
  return made;
}

net::Response Service::perform(net::Request request, const std::stop_token& stop) {
  request.headers.set("Authorization", authorization_.header(stop));
  net::Response response = http_.perform(request, stop);
  if (response.status != 401 || !authorization_.renews()) return response;
  authorization_.forget(request.headers.find("Authorization").value_or(""));
  request.headers.set("Authorization", authorization_.header(stop));
  return http_.perform(request, stop);
}

void Service::perform_all(const net::Source& source, const net::Sink& sink, std::size_t concurrency,
                          const std::stop_token& stop) {
  std::optional<Error> failure;
  std::map<std::uint64_t, net::Request> sent;  // kept only where a refused token can be renewed
  std::deque<net::TaggedRequest> again;
  std::set<std::uint64_t> repeated;
  const auto authorized = [&]() -> std::optional<net::TaggedRequest> {
    if (failure) return std::nullopt;
    try {
      std::string header = authorization_.header(stop);
      std::optional<net::TaggedRequest> next;
      if (!again.empty()) {
        next = std::move(again.front());
        again.pop_front();
      } else {
        next = source();
      }
      if (!next) return std::nullopt;
      next->request.headers.set("Authorization", std::move(header));
      if (authorization_.renews()) sent[next->tag] = next->request;
      return next;
    } catch (Error& error) {
      failure = std::move(error);
      return std::nullopt;
    }
  };
  const auto judged = [&](std::uint64_t tag, net::Outcome outcome) {
    const auto* response = std::get_if<net::Response>(&outcome);
    const auto held = sent.find(tag);
    if (response != nullptr && response->status == 401 && held != sent.end() && repeated.insert(tag).second) {
      authorization_.forget(held->second.headers.find("Authorization").value_or(""));
      again.push_back({tag, std::move(held->second)});
      return;
    }
    if (held != sent.end()) sent.erase(held);
    if (response == nullptr || response->status != 401) repeated.erase(tag);
    sink(tag, std::move(outcome));
  };
  http_.perform_all(authorized, judged, concurrency, stop);
  if (failure) throw std::move(*failure);
}

net::Response Service::get(std::initializer_list<std::string_view> segments, Query query, const std::stop_token& stop) {
  const net::Request asked = request(net::Method::get, segments, query);
  net::Response response = perform(asked, stop);
  if (!is_success(response)) throw error_of(response, "reading " + net::for_display(asked.url));
  return response;
}

const Discovery& Service::discovery(const std::stop_token& stop) {
  const std::scoped_lock lock(mutex_);
  if (!discovery_) discovery_ = discover(stop);
  return *discovery_;
}

std::size_t Service::page_size(const Discovery& found, std::string_view object_type) const {
  // More than it allows, a service by cursor refuses (RFC 9865 section 2.1, invalidCount).
  if (options_.page_size != 0) {
    return found.most_results == 0 ? options_.page_size : std::min(options_.page_size, found.most_results);
  }
  if (found.most_results == 0) return k_standard_page;
  return std::min(found.most_results, object_type == "User" ? k_most_page : k_standard_page);
}

bool Service::offers_delta() {
  if (has_refused_delta_) return false;
  const std::scoped_lock lock(mutex_);
  return !discovery_ || discovery_->filter;
}

void Service::log_lesson(std::string_view said, std::string_view setting, const std::string& value) {
  logger_.log(Level::info, "scim.learned", said, {{"url", net::for_display(options_.url)}, {setting, value}});
}

void Service::learn_no_patch() {
  if (!has_no_patch_.exchange(true))
    log_lesson("the service has no PATCH; objects are put as a whole", "patch", "false");
}

void Service::learn_if_match() {
  if (!guards_all_.exchange(true))
    log_lesson("the service wants every write guarded by a version", "if_match", "always");
}

void Service::learn_member_limit(std::size_t most) {
  if (member_batch_.exchange(most) != most) {
    log_lesson("the service takes fewer members in a request", "member_batch", std::to_string(most));
  }
}

void Service::learn_bulk_limit(std::size_t most) {
  if (bulk_limit_.exchange(most) != most) {
    log_lesson("the service takes fewer writes in a bulk request, or none", "bulk", std::to_string(most));
  }
}

std::size_t Service::bulk_limit(const Discovery& found) const {
  return std::min(found.most_operations, bulk_limit_.load());
}

Error error_of(const net::Response& response, const std::string& what) {
  const Complaint said = Reader().complaint(response.body);
  Meaning meaning = meaning_of(response.status, said.scim_type);
  if (response.status == 401) {
    // RFC 6750 section 3: error_description="The access token expired"
    const auto challenge = printable(response.headers.find("WWW-Authenticate").value_or(""), 300);
    if (const auto trouble = trouble_in(said.detail + " " + challenge)) {
      meaning = {trouble->id, trouble->said, trouble->hint};
    }
  }
  std::string message = what + ": " + std::string(meaning.said) + " (HTTP " + std::to_string(response.status);
  if (!said.scim_type.empty()) message += " " + said.scim_type;
  message += said.detail.empty() ? ")" : "): " + said.detail;
  const bool never = response.status / 100 == 3 || response.status == 501;
  const Fault fault = never ? Fault::invalid : net::fault_of(response.status);
  Error error(fault, meaning.id, std::move(message), std::string(meaning.hint));
  if (const auto header = response.headers.find("Retry-After")) {
    if (const auto delay = net::parse_retry_after(*header, SystemClock().now())) {
      return std::move(error).retry_after(*delay);
    }
  }
  return error;
}

std::string scim_type_of(const net::Response& response) { return Reader().complaint(response.body).scim_type; }

}  // namespace linkspan::connector_scim
