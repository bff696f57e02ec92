// The checks of `connector test`.

#include "connector_scim/internal/checks.h"

#include <functional>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::connector_scim {
namespace {

class Checks {
 public:
  explicit Checks(Service& service) : service_(service) {}

  std::vector<connector::Check> run() {
    if (!try_it("reach", [this] { return reach(); })) return std::move(done_);
    if (!try_it("token", [this] { return token(); })) return std::move(done_);
    if (!try_it("configuration", [this] { return configuration(); })) return std::move(done_);
    for (const ResourceType& type : found_.types) {
      try_it(type.name == "User" ? "users" : type.name == "Group" ? "groups" : type.name, [&] { return list(type); });
    }
    if (!found_.types.empty()) {
      try_it("paging", [this] { return paging(found_.types.front()); });
      try_it("filter", [this] { return filter(found_.types.front()); });
    }
    try_it("update", [this] { return update(); });
    return std::move(done_);
  }

 private:
  /// What a try throws is the check's failure.
  bool try_it(std::string name, const std::function<std::string()>& attempt) {
    connector::Check check;
    check.name = std::move(name);
    try {
      check.detail = attempt();
      check.passed = true;
    } catch (const Error& error) {
      check.detail = error.what();
      check.hint = error.hint();
    }
    done_.push_back(std::move(check));
    return done_.back().passed;
  }

  std::string reach() {
    // Any answer will do: it is the way there that is tried, certificate included.
    const net::Response response =
        service_.perform_bare(service_.request(net::Method::get, {"ServiceProviderConfig"}), {});
    const std::string& url = service_.options().url;
    std::string how = "over clear text";
    if (url.starts_with("https:"))
      how = service_.options().http.verify ? "certificate verified" : "certificate NOT verified";
    return printable(url) + ", " + how + " (HTTP " + std::to_string(response.status) + ")";
  }

  std::string token() {
    const std::string& first = service_.options().object_types.front();
    const std::string_view endpoint = first == "User" ? "Users" : first == "Group" ? "Groups" : "ResourceTypes";
    const net::Response response =
        service_.perform(service_.request(net::Method::get, {endpoint}, {{"count", "1"}}), {});
    if (response.status == 401 || response.status == 403) throw error_of(response, "reading " + std::string(endpoint));
    return "accepted";
  }

  std::string configuration() {
    found_ = service_.discover({});
    std::string text = found_.said ? "" : "no ServiceProviderConfig, taken to be as RFC 7644 says; ";
    text += std::string("PATCH ") + (found_.patch ? "yes" : "no") + ", filter " + (found_.filter ? "yes" : "no") +
            ", ETag " + (found_.etag ? "yes" : "no") + ", bulk " +
            (found_.most_operations > 0 ? std::to_string(found_.most_operations) : std::string("no")) + ", pages " +
            (found_.by_cursor ? "by cursor, " : "") + "of " + std::to_string(service_.page_size(found_, "User"));
    for (const ResourceType& type : found_.types) {
      text += ", " + type.name + " " + std::to_string(flatten(type).attributes.size()) + " attributes";
    }
    for (const std::string& other : found_.others) text += ", " + other + " not read";
    return text;
  }

  Page page(const ResourceType& type, Service::Query query) {
    return reader_.page(service_.get({type.endpoint}, query, {}).body, type, found_.by_cursor);
  }

  std::string list(const ResourceType& type) {
    if (found_.by_cursor) {
      const Page first = page(type, {{"cursor", ""}, {"count", "1"}});
      return first.is_total_said ? std::to_string(first.total) + " " + type.endpoint : "readable";
    }
    return std::to_string(page(type, {{"startIndex", "1"}, {"count", "1"}}).total) + " " + type.endpoint;
  }

  std::string paging(const ResourceType& type) {
    if (found_.by_cursor) return cursor(type);
    const Page first = page(type, {{"startIndex", "1"}, {"count", "1"}});
    if (first.total < 2) return "fewer than two " + type.endpoint + ": nothing to page";
    const Page second = page(type, {{"startIndex", "2"}, {"count", "1"}});
    if (first.resources.size() == first.total) return "the service always answers with everything";
    if (first.resources.empty() || second.resources.empty() ||
        first.resources[0].entry.anchor == second.resources[0].entry.anchor) {
      throw Error(Fault::invalid, "scim.paging", "startIndex=2 answers with the same as startIndex=1",
                  "The service ignores startIndex, so only its first page could ever be read. Ask its maker.");
    }
    return "startIndex is honoured";
  }

  std::string cursor(const ResourceType& type) {
    const Page first = page(type, {{"cursor", ""}, {"count", "1"}});
    if (first.next_cursor.empty()) return "one page of " + type.endpoint + ": nothing to page";
    const Page second = page(type, {{"cursor", first.next_cursor}, {"count", "1"}});
    if (!first.resources.empty() && !second.resources.empty() &&
        first.resources[0].entry.anchor == second.resources[0].entry.anchor) {
      throw Error(Fault::invalid, "scim.paging", "the cursor of the second page leads to the first one again",
                  "So only the first page could ever be read. Set paging to index, or ask the service's maker.");
    }
    return "by cursor";
  }

  std::string filter(const ResourceType& type) {
    const Error useless(Fault::invalid, "scim.filter_ignored", "the service does not apply filters",
                        "An add whose reply is lost can then not be looked up; it waits for the next full import. "
                        "Imports are always full.");
    if (!found_.filter) throw Error(useless);
    const Page none = page(type, {{"count", "2"}, {"filter", "externalId eq \"linkspan-test-no-such-object\""}});
    if ((none.is_total_said && none.total != 0) || !none.resources.empty()) throw Error(useless);
    return "externalId eq is applied";
  }

  std::string update() {
    return found_.patch ? "by PATCH" : "by PUT of the whole object: groups with many members will be slow";
  }

  Service& service_;
  Reader reader_;
  Discovery found_;
  std::vector<connector::Check> done_;
};

}  // namespace

std::vector<connector::Check> run_checks(Service& service) { return Checks(service).run(); }

}  // namespace linkspan::connector_scim
