// Probing by changes: on objects of its own, which are removed again whatever happens.

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "connector_scim/internal/bulk.h"
#include "connector_scim/internal/probe.h"
#include "connector_scim/internal/values.h"
#include "net/json.h"

namespace linkspan::connector_scim {
namespace {

using nlohmann::json;

const std::string k_work_mail = R"(emails[type eq "work"].value)";

json operation(std::string op, std::string path, json value) {
  return {{"op", std::move(op)}, {"path", std::move(path)}, {"value", std::move(value)}};
}

/// One writing probe. Its destructor removes nothing: clean_up() does, and says how that went.
class WritingProber {
 public:
  WritingProber(Service& service, const Discovery& discovery, std::string name, std::stop_token stop,
                std::vector<connector::Check>& found, std::vector<Deviation>& deviations)
      : service_(service),
        discovery_(discovery),
        name_(std::move(name)),
        stop_(std::move(stop)),
        found_(found),
        deviations_(deviations) {}

  void run() {
    const ResourceType* user = discovery_.find("User");
    if (user == nullptr) return say("changes", "not tried: it has no users");
    const std::string ada = make(*user, new_user("1"));
    if (ada.empty()) return;
    const std::string ben = make(*user, new_user("2"));
    try_find(*user, ada);
    try_patch(*user, ada);
    try_versions(*user, ada);
    const ResourceType* group = discovery_.find("Group");
    if (group != nullptr && patches_ && !ben.empty()) try_members(*group, ada, ben);
    if (discovery_.most_operations > 1) try_bulk();
  }

  /// The last made first: groups before their members.
  void clean_up() {
    std::string left;
    for (auto each = made_.rbegin(); each != made_.rend(); ++each) {
      try {
        net::Request request = service_.request(net::Method::remove, {each->first, each->second});
        if (guarded_) request.headers.add("If-Match", "*");
        const net::Response response = service_.perform(std::move(request), {});
        if (is_success(response) || response.status == 404) continue;
      } catch (const Error&) {
        // Said below, by its name.
      }
      left += (left.empty() ? "" : ", ") + each->first + "/" + printable(each->second, 100);
    }
    if (left.empty()) return say("cleaned up", std::to_string(made_.size()) + " objects were made and removed");
    lacks("cleaned up", "still there: " + left,
          "Remove them in the service by hand; their names begin with " + name_ + ".");
  }

 private:
  void say(std::string name, std::string detail) { found_.push_back({std::move(name), true, std::move(detail), {}}); }
  void lacks(std::string name, std::string detail, std::string hint) {
    found_.push_back({std::move(name), false, std::move(detail), std::move(hint)});
  }
  void deviates(std::string setting, std::string value, std::string why) {
    deviations_.push_back({std::move(setting), std::move(value), std::move(why)});
  }

  json new_user(const std::string& number) const {
    const std::string user = name_ + "-" + number;
    return {{"schemas", {k_user_schema}},
            {"userName", user + "@probe.invalid"},
            {"externalId", user},
            {"displayName", user},
            {"active", true},
            {"name", {{"givenName", "Linkspan"}, {"familyName", "Probe"}}},
            {"emails", {{{"type", "work"}, {"value", user + "@probe.invalid"}, {"primary", true}}}}};
  }

  /// The id of a new object; empty, and said, when it is not made.
  std::string make(const ResourceType& type, const json& resource) {
    const net::Response response =
        service_.perform(service_.request(net::Method::post, {type.endpoint}, {}, resource.dump()), stop_);
    if (!is_success(response)) {
      lacks("create " + type.name, error_of(response, "making a probe").message(),
            "Without an object of its own nothing can be tried. Give the token's owner the right, or probe without "
            "--write.");
      return {};
    }
    std::string id;
    try {
      id = Reader().resource(response.body, type).entry.anchor;
    } catch (const Error&) {
      const std::string_view location = response.headers.find("Location").value_or("");
      id = std::string(location.substr(location.rfind('/') + 1));
    }
    if (id.empty()) {
      lacks("create " + type.name, "the reply tells no id", "Look for " + name_ + " in the service, and remove it.");
    } else {
      made_.emplace_back(type.endpoint, id);
    }
    return id;
  }

  json get(const ResourceType& type, const std::string& id) {
    const net::Response response = service_.perform(service_.request(net::Method::get, {type.endpoint, id}), stop_);
    json resource = net::parse_json(response.body);
    return resource.is_object() ? resource : json::object();
  }

  net::Response patch(const ResourceType& type, const std::string& id, const json& operation, const Dialect& dialect,
                      const std::string& version = {}) {
    net::Request request =
        service_.request(net::Method::patch, {type.endpoint, id}, {}, patch_of(json::array({operation}), dialect));
    if (!version.empty() || guarded_) request.headers.add("If-Match", version.empty() ? "*" : version);
    net::Response response = service_.perform(request, stop_);
    if (response.status != 428 || guarded_) return response;
    guarded_ = true;
    deviates("if_match", "always", "it wants every write guarded by a version");
    request.headers.set("If-Match", "*");
    return service_.perform(std::move(request), stop_);
  }

  void try_find(const ResourceType& type, const std::string& id) {
    const net::Response response =
        service_.perform(service_.request(net::Method::get, {type.endpoint},
                                          {{"filter", "externalId eq " + json_string(name_ + "-1")}, {"count", "2"}}),
                         stop_);
    if (is_success(response) && response.body.find(json_string(id)) != std::string::npos) {
      return say("find", "what was just made is found by its externalId");
    }
    say("find", "what was just made is not found by its externalId: an add whose reply is lost waits for an import");
  }

  /// In which form a boolean is changed, until one has its effect.
  void try_patch(const ResourceType& type, const std::string& id) {
    constexpr std::array<std::pair<bool, bool>, 4> k_forms = {
        {{false, false}, {false, true}, {true, false}, {true, true}}};
    bool active = true;
    for (const auto& [text, title] : k_forms) {
      Dialect dialect;
      dialect.text_booleans = text;
      dialect.title_case = title;
      const net::Response response = patch(type, id, operation("replace", "active", !active), dialect);
      if (response.status == 501 || response.status == 405) break;
      if (!is_success(response)) continue;
      const json now = get(type, id).value("active", json());
      if (now != !active && now != (active ? "False" : "True") && now != (active ? "false" : "true")) continue;
      active = !active;
      dialect_ = dialect;
      patches_ = true;
      break;
    }
    if (!patches_) {
      say("patch", "no form of it changes a user: by PUT of the whole");
      if (discovery_.patch) deviates("patch", "false", "it says that it has PATCH, and no form of it works");
      return;
    }
    if (dialect_.text_booleans) deviates("booleans", "text", "in PATCH it takes \"False\", and not false");
    if (dialect_.title_case) deviates("operations", "title", "in PATCH it takes Replace, and not replace");
    if (!discovery_.patch) deviates("patch", "true", "it says that it has no PATCH, and has");
    try_paths(type, id);
  }

  void try_paths(const ResourceType& type, const std::string& id) {
    const std::string mail = name_ + "@changed.invalid";
    const auto is_changed = [&] { return get(type, id).dump().find(mail) != std::string::npos; };
    if (is_success(patch(type, id, operation("replace", k_work_mail, mail), dialect_)) && is_changed()) {
      return say("patch", "of attributes and of " + k_work_mail);
    }
    const json whole = json::array({{{"type", "work"}, {"value", mail}, {"primary", true}}});
    if (is_success(patch(type, id, operation("replace", "emails", whole), dialect_)) && is_changed()) {
      say("patch", "of whole attributes only");
      return deviates("patch_paths", "whole", "in PATCH it knows no paths with filters");
    }
    lacks("patch", "mail addresses are not changed by any form of it",
          "Take flows to emails out of the rules, or set patch to false.");
  }

  void try_versions(const ResourceType& type, const std::string& id) {
    if (!discovery_.etag) return say("versions", "none");
    if (!patches_) return;
    const net::Response response =
        patch(type, id, operation("replace", "displayName", name_ + "-3"), dialect_, "W/\"linkspan-probe\"");
    if (response.status == 412) return say("versions", "If-Match is heeded");
    say("versions", "If-Match of another version is not refused (HTTP " + std::to_string(response.status) + ")");
    deviates("if_match", "never", "it says that it has versions, and does not heed If-Match");
  }

  std::vector<std::string> members_of(const ResourceType& type, const std::string& id) {
    const json group = get(type, id);
    std::vector<std::string> found;
    for (const json& each : group.value("members", json::array())) {
      if (each.is_object() && each.value("value", json()).is_string()) found.push_back(each["value"]);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  void try_members(const ResourceType& type, const std::string& ada, const std::string& ben) {
    const std::string crew = make(type, {{"schemas", {k_group_schema}}, {"displayName", name_}});
    if (crew.empty()) return;
    std::vector<std::string> both{ada, ben};
    std::sort(both.begin(), both.end());
    const json values = json::array({{{"value", ada}}, {{"value", ben}}});
    const auto put_back = [&] { return patch(type, crew, operation("add", "members", values), dialect_); };
    if (const net::Response response = put_back(); !is_success(response)) {
      return lacks("members", error_of(response, "adding two members").message(),
                   "Take flows to members out of the rules.");
    }
    if (members_of(type, crew) != both) {
      return lacks("members", "members that were added are not shown by the group",
                   "Memberships would be written again with every export: take flows to members out of the rules.");
    }
    json by_filter = {{"op", "remove"}, {"path", "members[value eq " + json_string(ada) + "]"}};
    const std::vector<std::string> wanted{ben};
    if (is_success(patch(type, crew, by_filter, dialect_)) && members_of(type, crew) == wanted) {
      return say("members", "added and removed one by one");
    }
    (void)put_back();
    const json one = json::array({{{"value", ada}}});
    if (is_success(patch(type, crew, operation("remove", "members", one), dialect_)) &&
        members_of(type, crew) == wanted) {
      say("members", "removed by value");
      return deviates("member_removal", "value",
                      "in PATCH it takes {\"path\": \"members\", \"value\": [...]} to remove one");
    }
    lacks("members", "no form of PATCH removes one member and leaves the other",
          "Set patch to false, which puts the whole group, or take flows to members out of the rules.");
  }

  void try_bulk() {
    const std::vector<net::Request> writes(2, service_.request(net::Method::remove, {"Users", name_ + "-none"}));
    const net::Response response = service_.perform(
        service_.request(net::Method::post, {"Bulk"}, {}, bulk_body(service_.options().url, writes)), stop_);
    const auto outcomes = bulk_outcomes(response.body, writes.size());
    const bool good = is_success(response) && std::all_of(outcomes.begin(), outcomes.end(), [](const auto& each) {
                        const auto* one = std::get_if<net::Response>(&each);
                        return one != nullptr && one->status == 404;
                      });
    say("bulk", good ? "taken: a setting bulk of up to " + std::to_string(discovery_.most_operations) +
                           " saves requests where they are counted"
                     : "said to be had, and not as RFC 7644 has it (HTTP " + std::to_string(response.status) + ")");
    if (!good) deviates("bulk", "0", "it says that it has bulk requests, and has not");
  }

  Service& service_;
  const Discovery& discovery_;
  const std::string name_;
  const std::stop_token stop_;
  std::vector<connector::Check>& found_;
  std::vector<Deviation>& deviations_;
  std::vector<std::pair<std::string, std::string>> made_;  ///< endpoint, id
  Dialect dialect_;
  bool patches_ = false;
  bool guarded_ = false;
};

}  // namespace

void probe_writes(Service& service, const Discovery& discovery, const std::string& name, std::stop_token stop,
                  std::vector<connector::Check>& found, std::vector<Deviation>& deviations) {
  WritingProber prober(service, discovery, name, std::move(stop), found, deviations);
  try {
    prober.run();
  } catch (...) {
    prober.clean_up();
    throw;
  }
  prober.clean_up();
}

}  // namespace linkspan::connector_scim
