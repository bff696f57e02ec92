// Probing by questions, and the profile that comes of it.

#include "connector_scim/internal/probe.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "net/url.h"

namespace linkspan::connector_scim {
namespace {

/// A reading probe of one service. Bound to it.
class Prober {
 public:
  Prober(Service& service, std::stop_token stop) : service_(service), stop_(std::move(stop)) {}

  void ask_all() {
    discovery_ = service_.discover(stop_);
    say("configuration", discovery_.said ? offers() : "no ServiceProviderConfig: taken to be as RFC 7644 says");
    for (const ResourceType& type : discovery_.types) {
      say(type.name, std::to_string(flatten(type).attributes.size()) + " attributes" + extensions_of(type));
    }
    if (discovery_.types.empty()) return;
    const ResourceType& type = discovery_.types.front();
    ask_pages(type);
    ask_filter(type);
  }

  Discovery discovery_;
  std::vector<connector::Check> found_;
  std::vector<Deviation> deviations_;

 private:
  void say(std::string name, std::string detail) { found_.push_back({std::move(name), true, std::move(detail), {}}); }
  void lacks(std::string name, std::string detail, std::string hint) {
    found_.push_back({std::move(name), false, std::move(detail), std::move(hint)});
  }

  std::string offers() const {
    const auto said = [](bool yes) { return yes ? "yes" : "no"; };
    return std::string("PATCH ") + said(discovery_.patch) + ", filter " + said(discovery_.filter) + ", ETag " +
           said(discovery_.etag) + ", bulk of " + std::to_string(discovery_.most_operations) + ", pages by " +
           (discovery_.by_cursor ? "cursor" : "index") +
           (discovery_.most_results == 0 ? "" : ", of " + std::to_string(discovery_.most_results) + " at most");
  }

  static std::string extensions_of(const ResourceType& type) {
    std::string text;
    for (const Shape& shape : type.extensions) text += (text.empty() ? "; extensions " : ", ") + printable(shape.urn);
    return text;
  }

  /// nullopt where the service refuses the question.
  std::optional<Page> page(const ResourceType& type, Service::Query query) {
    const net::Response response = service_.perform(service_.request(net::Method::get, {type.endpoint}, query), stop_);
    if (response.status == 401 || response.status == 403) throw error_of(response, "reading " + type.endpoint);
    if (!is_success(response)) return std::nullopt;
    try {
      return Reader().page(response.body, type, /*by_cursor=*/true);
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  void ask_pages(const ResourceType& type) {
    const auto first = page(type, {{"startIndex", "1"}, {"count", "1"}});
    const auto second = page(type, {{"startIndex", "2"}, {"count", "1"}});
    const auto by_cursor = page(type, {{"cursor", ""}, {"count", "1"}});
    const bool has_cursor = by_cursor && !by_cursor->next_cursor.empty();
    const bool is_told = first && first->is_total_said && first->total > 1 && !first->resources.empty();
    const bool has_index = is_told && second && !second->resources.empty() &&
                           (first->resources.size() == first->total ||
                            first->resources[0].entry.anchor != second->resources[0].entry.anchor);
    if (has_index || has_cursor) {
      say("paging", std::string("by ") + (has_index ? has_cursor ? "index and cursor" : "index" : "cursor"));
    } else if (is_told) {
      lacks("paging", "startIndex=2 answers with the same as startIndex=1", "Only its first page could be read.");
    } else {
      say("paging", "fewer than two " + type.endpoint + ": cannot be told");
    }
    if (has_cursor && !has_index && !discovery_.by_cursor) {
      deviations_.push_back({"paging", "cursor", "it pages by cursor only, and does not say so"});
    }
    if (has_index && !has_cursor && discovery_.by_cursor) {
      deviations_.push_back({"paging", "index", "it says that it pages by cursor, and does not"});
    }
    if (has_index) ask_page_size(type, first->total);
  }

  void ask_page_size(const ResourceType& type, std::uint64_t total) {
    const std::size_t wanted = service_.page_size(discovery_, type.name);
    if (total < wanted) return;
    const auto full = page(type, {{"startIndex", "1"}, {"count", std::to_string(wanted)}});
    if (!full || full->resources.empty() || full->resources.size() >= wanted) return;
    deviations_.push_back({"page_size", std::to_string(full->resources.size()), "a page holds no more than this"});
  }

  void ask_filter(const ResourceType& type) {
    const auto none = page(type, {{"filter", "externalId eq \"linkspan-probe-no-such-object\""}, {"count", "2"}});
    const bool applies = none && none->resources.empty();
    const auto changed = page(type, {{"filter", "meta.lastModified ge \"2099-01-01T00:00:00Z\""}, {"count", "2"}});
    const bool tells_changes = changed && changed->resources.empty();
    if (applies) {
      say("filter", std::string("applied; what changed ") + (tells_changes ? "can" : "cannot") + " be asked for" +
                        (tells_changes ? "" : ": imports are full"));
    } else {
      say("filter", none ? "ignored: answers with what was not asked for" : "refused");
      if (discovery_.filter) deviations_.push_back({"filter", "false", "it says that it has filters, and has none"});
    }
  }

  Service& service_;
  const std::stop_token stop_;
};

bool is_bare(const std::string& value) { return value == "true" || value == "false" || to_integer(value).has_value(); }

std::string profile_of(const std::string& url, bool has_written, Time now, const std::vector<Deviation>& deviations) {
  std::string text =
      "# Made by `linkspan connector probe` of " + net::for_display(url) + " at " + to_rfc3339(now) +
      (has_written ? ",\n# which also tried changes.\n" : ",\n# by questions only; --write tries changes.\n");
  text += "description = \"" + net::for_display(net::origin_of(url)) + "\"\n";
  if (deviations.empty()) text += "\n# Nothing was found that is not as RFC 7643 and RFC 7644 have it.\n";
  for (const Deviation& each : deviations) {
    text += "\n# " + printable(each.why, 200) + "\n" + each.setting + " = ";
    text += is_bare(each.value) ? each.value : "\"" + each.value + "\"";
    text += '\n';
  }
  return text;
}

}  // namespace

connector::Probed probe(Service& service, bool may_write, const Clock& clock, std::stop_token stop) {
  Prober prober(service, stop);
  prober.ask_all();
  const Time now = clock.now();
  if (may_write) {
    const std::string name = "linkspan-probe-" + std::to_string(now.time_since_epoch().count());
    probe_writes(service, prober.discovery_, name, stop, prober.found_, prober.deviations_);
  }
  return {std::move(prober.found_), profile_of(service.options().url, may_write, now, prober.deviations_)};
}

}  // namespace linkspan::connector_scim
