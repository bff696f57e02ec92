// Batches of reads.

#include "connector_graph/internal/looker.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "net/pacing.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

constexpr int k_most_rounds = 8;

[[noreturn]] void stopped() {
  throw Error(Fault::cancelled, "graph.stopped", "the import from Microsoft Graph was stopped");
}

/// The GETs that are still to be answered, sent in batches. One thread.
class ManyReads {
 public:
  ManyReads(Tenant& tenant, const std::vector<std::string>& paths, std::stop_token stop)
      : tenant_(tenant), paths_(paths), stop_(std::move(stop)), replies_(paths.size()) {}

  std::vector<net::Response> read() {
    for (std::size_t i = 0; i < paths_.size(); ++i) left_.push_back(i);
    for (int round = 1; !left_.empty(); ++round) {
      if (stop_.stop_requested()) stopped();
      std::vector<std::size_t> asked = std::move(left_);
      left_.clear();
      delay_ = {};
      ask(asked, round);
      if (stop_.stop_requested()) stopped();
      if (left_.empty()) break;
      if (round == k_most_rounds) throw error_of(replies_[left_.front()], "reading " + shown(left_.front()));
      tenant_.pace().wait(tenant_.pace().now() + delay_, stop_);
    }
    return std::move(replies_);
  }

 private:
  void ask(const std::vector<std::size_t>& asked, int round) {
    std::size_t next = 0;
    const auto source = [&]() -> std::optional<net::TaggedRequest> {
      if (next >= asked.size()) return std::nullopt;
      const std::size_t from = next;
      next = std::min(next + k_batch, asked.size());
      std::string elements;
      for (std::size_t at = from; at < next; ++at) {
        elements += (at == from ? "" : ",") +
                    batch_element(std::to_string(asked[at]), Call{net::Method::get, paths_[asked[at]]});
      }
      net::Request request = tenant_.request(batch_call(elements), stop_);
      request.repeatable = true;  // it only asks
      return net::TaggedRequest{from, std::move(request)};
    };
    const auto sink = [&](std::uint64_t tag, net::Outcome outcome) {
      const auto from = static_cast<std::size_t>(tag);
      take(std::span(asked).subspan(from, std::min(k_batch, asked.size() - from)), std::move(outcome), round);
    };
    tenant_.http().perform_all(source, sink, tenant_.options().concurrency, stop_);
  }

  void take(std::span<const std::size_t> asked, net::Outcome outcome, int round) {
    if (auto* error = std::get_if<Error>(&outcome)) throw std::move(*error).while_doing("reading from Graph");
    const auto& response = std::get<net::Response>(outcome);
    if (!is_success(response)) throw error_of(response, "reading " + tenant_.root() + "/$batch");
    auto replies = reader_.batch(response.body);
    for (const std::size_t i : asked) {
      const auto found = replies.find(std::to_string(i));
      if (found == replies.end()) {
        replies_[i].status = 504;
      } else {
        replies_[i] = std::move(found->second);
      }
      const net::Response& reply = replies_[i];
      if (is_success(reply) || reply.status == 404) continue;
      const auto asks = reply.headers.find("Retry-After");
      const auto delay = net::retry_delay(round, reply.status, asks.value_or(""), tenant_.clock().now(),
                                          tenant_.options().http.first_delay, i);
      if (!delay) throw error_of(reply, "reading " + shown(i));
      delay_ = std::max(delay_, *delay);
      left_.push_back(i);
    }
  }

  [[nodiscard]] std::string shown(std::size_t i) const { return net::for_display(tenant_.root() + paths_[i]); }

  Tenant& tenant_;
  const std::vector<std::string>& paths_;
  const std::stop_token stop_;
  std::vector<net::Response> replies_;
  std::vector<std::size_t> left_;
  std::chrono::milliseconds delay_{};
  Reader reader_;
};

/// A list of links as one read gives it.
std::string links_path(const ObjectType& type, const std::string& id, const Link& link) {
  return net::with_query("/" + type.collection + "/" + id + "/" + link.name, {{"$select", "id"}, {"$top", "999"}});
}

void take_links(Tenant& tenant, const Link& link, const net::Response& first, std::stop_token stop,
                model::Entry& entry) {
  if (first.status == 404) return;
  Reader reader;
  LinkPage page = reader.links(first.body);
  for (;;) {
    for (std::string& id : page.ids) entry.references.push_back({link.name, std::move(id)});
    if (page.next_link.empty()) return;
    page = reader.links(tenant.get(tenant.path_of_link(page.next_link), stop).body);
  }
}

std::string json_text(std::string_view text) { return nlohmann::json(text).dump(); }

}  // namespace

std::string batch_element(std::string_view id, const Call& call) {
  nlohmann::json headers = nlohmann::json::object();
  for (const auto& [name, value] : call.headers.all()) headers[name] = value;
  if (!call.body.empty()) headers["Content-Type"] = "application/json";
  std::string made = R"({"id":)" + json_text(id) + R"(,"method":")" + std::string(net::name_of(call.method)) +
                     R"(","url":)" + json_text(call.path);
  if (!headers.empty()) made += R"(,"headers":)" + headers.dump();
  if (!call.body.empty()) made += R"(,"body":)" + call.body;
  return made + "}";
}

Call batch_call(const std::string& elements) {
  return {net::Method::post, "/$batch", {}, R"({"requests":[)" + elements + "]}"};
}

std::vector<net::Response> get_many(Tenant& tenant, const std::vector<std::string>& paths, std::stop_token stop) {
  return ManyReads(tenant, paths, std::move(stop)).read();
}

void overlay(model::Entry& entry, const Item& news) {
  for (const auto& [name, values] : news.entry.attributes) {
    const auto found = std::find_if(entry.attributes.begin(), entry.attributes.end(),
                                    [&](const auto& each) { return each.first == name; });
    if (found == entry.attributes.end()) {
      entry.attributes.emplace_back(name, values);
    } else {
      found->second = values;
    }
  }
  std::erase_if(entry.attributes, [&](const auto& each) {
    return std::find(news.cleared.begin(), news.cleared.end(), each.first) != news.cleared.end();
  });
  if (!news.entry.dn.empty()) entry.dn = news.entry.dn;
  std::sort(entry.references.begin(), entry.references.end());
  if (!news.links.empty()) {
    std::set<model::NamedReference> all(std::make_move_iterator(entry.references.begin()),
                                        std::make_move_iterator(entry.references.end()));
    for (const LinkChange& change : news.links) {
      if (change.removed) {
        all.erase(change.reference);
      } else {
        if (change.reference.attribute == "manager") {
          std::erase_if(all, [](const model::NamedReference& one) { return one.attribute == "manager"; });
        }
        all.insert(change.reference);
      }
    }
    entry.references.assign(all.begin(), all.end());
  }
  entry.references.erase(std::unique(entry.references.begin(), entry.references.end()), entry.references.end());
}

std::vector<std::optional<model::Entry>> look(Tenant& tenant, const ObjectType& type, const std::vector<Item>& changed,
                                              std::stop_token stop) {
  std::vector<std::string> paths;
  for (const Item& item : changed) {
    std::string path =
        net::with_query("/" + type.collection + "/" + item.entry.anchor, {{"$select", type.selection()}});
    for (const Link& link : type.links) {
      if (!link.multi_valued) path = net::with_query(path, {{"$expand", link.name + "($select=id)"}});
    }
    paths.push_back(std::move(path));
    for (const Link& link : type.links) {
      if (link.multi_valued) paths.push_back(links_path(type, item.entry.anchor, link));
    }
  }
  const std::vector<net::Response> replies = get_many(tenant, paths, stop);
  std::vector<std::optional<model::Entry>> made;
  std::size_t at = 0;
  Reader reader;
  for (const Item& item : changed) {
    const net::Response& shown = replies[at++];
    std::optional<model::Entry> entry;
    if (shown.status != 404) {
      Item whole = reader.object(shown.body, type);
      overlay(whole.entry, Item{{}, false, {}, std::move(whole.links)});
      entry = std::move(whole.entry);
    }
    for (const Link& link : type.links) {
      if (link.multi_valued) {
        if (entry) take_links(tenant, link, replies[at], stop, *entry);
        ++at;
      }
    }
    if (entry) overlay(*entry, item);
    made.push_back(std::move(entry));
  }
  return made;
}

}  // namespace linkspan::connector_graph
