// What the Graph fake does with one request.

#include <algorithm>

#include "base/text.h"
#include "testkit/graph_delta.h"
#include "testkit/graph_fake.h"
#include "testkit/graph_writes.h"

namespace linkspan::testkit {

using nlohmann::json;

namespace {

constexpr std::size_t k_most_bound = 20;

[[noreturn]] void not_found(const std::string& id) {
  throw GraphRefusal{
      404, "Request_ResourceNotFound",
      "Resource '" + id + "' does not exist or one of its queried reference-property objects are not present."};
}

[[noreturn]] void bad_request(const std::string& message) { throw GraphRefusal{400, "Request_BadRequest", message}; }

std::string query(const GraphAsked& asked, const std::string& name) {
  const auto found = asked.query.find(name);
  return found == asked.query.end() ? std::string() : found->second;
}

void check_select(const GraphAsked& asked, const std::string& type, const std::map<std::string, json>& declared) {
  const std::string selected = query(asked, "$select");
  for (const std::string_view each : split(selected, ',')) {
    if (each.empty() || is_graph_property(type, std::string(each), declared)) continue;
    throw GraphRefusal{400, "BadRequest",
                       "Parsing OData Select and Expand failed: Could not find a property named '" + std::string(each) +
                           "' on type 'microsoft.graph." + type + "'."};
  }
}

}  // namespace

/// Writes. Used under the fake's lock.
class GraphWriter {
 public:
  GraphWriter(GraphFake& fake, const GraphAsked& asked) : fake_(fake), asked_(asked) {}

  /// graph/api/user-post-users, graph/api/group-post-groups
  GraphReply create(const std::string& type, const std::string& unique_name) {
    check_graph_properties(type, asked_.body, /*is_new=*/true, fake_.extensions_);
    const std::set<std::string> needed =
        type == "user" ? std::set<std::string>{"accountEnabled", "displayName", "mailNickname", "userPrincipalName"}
                       : std::set<std::string>{"displayName", "mailEnabled", "mailNickname", "securityEnabled"};
    for (const std::string& name : needed) {
      if (!asked_.body.contains(name) || asked_.body.at(name).is_null()) {
        bad_request("A value is required for property '" + name + "' of resource '" +
                    (type == "user" ? "User" : "Group") + "'.");
      }
    }
    if (type == "user" &&
        (!asked_.body.contains("passwordProfile") || !asked_.body.at("passwordProfile").contains("password"))) {
      bad_request("A password must be specified to create a new user.");
    }
    if (type == "group" && asked_.body.at("mailEnabled").get<bool>()) {
      bad_request("Mail-enabled groups that are no Microsoft 365 groups cannot be created.");
    }
    check_unique({});
    GraphFake::Object& made = fake_.make(type);
    if (!unique_name.empty()) fake_.change(made, "uniqueName", unique_name);
    apply(made);
    // Only the standard properties are shown.
    return {201, {{"id", made.id}, {"displayName", asked_.body.at("displayName")}}};
  }

  /// graph/api/user-update, graph/api/group-update
  GraphReply update(GraphFake::Object& object) {
    check_graph_properties(object.type, asked_.body, /*is_new=*/false, fake_.extensions_);
    check_unique(object.id);
    const auto bound = asked_.body.find("members@odata.bind");
    if (bound != asked_.body.end()) bind(object, *bound);
    apply(object);
    return {204};
  }

  /// graph/api/user-post-manager, graph/api/group-post-owners, graph/api/group-post-members
  GraphReply reference(GraphFake::Object& object, const std::string& link) {
    const std::string target = target_of(asked_.body.at("@odata.id"));
    if (link == "manager") {
      if (asked_.method != "PUT") bad_request("Specified HTTP method is not allowed for the request target.");
      object.manager = target;
      object.changed["manager"] = ++fake_.sequence_;
      return {204};
    }
    auto& list = link == "members" ? object.members : object.owners;
    if (list.contains(target)) already_there(link);
    fake_.link(object, link, target, true);
    return {204};
  }

  GraphReply unlink(GraphFake::Object& object, const std::string& link, const std::string& target) {
    if (link == "manager") {
      if (object.manager.empty()) not_found("manager");
      object.manager.clear();
      object.changed["manager"] = ++fake_.sequence_;
      return {204};
    }
    if (!(link == "members" ? object.members : object.owners).contains(target)) not_found(target);
    fake_.link(object, link, target, false);
    return {204};
  }

 private:
  [[noreturn]] static void already_there(const std::string& link) {
    bad_request("One or more added object references already exist for the following modified properties: '" + link +
                "'.");
  }

  /// All or none (graph/api/group-post-members, example 2).
  void bind(GraphFake::Object& group, const json& targets) {
    if (targets.size() > k_most_bound) bad_request("The number of references in the request exceeds the limit of 20.");
    std::set<std::string> all;
    for (const json& each : targets) {
      const std::string target = target_of(each);
      if (group.members.contains(target) || !all.insert(target).second) already_there("members");
    }
    for (const std::string& target : all) fake_.link(group, "members", target, true);
  }

  std::string target_of(const json& url) const {
    const auto& text = url.get_ref<const std::string&>();
    if (!text.starts_with(fake_.root() + "/")) bad_request("Invalid URL format specified in @odata.bind.");
    const std::string id = text.substr(text.rfind('/') + 1);
    const GraphFake::Object* found = fake_.find(id);
    if (found == nullptr || !fake_.is_visible(*found)) not_found(id);
    return id;
  }

  /// "Another object with the same value for property userPrincipalName already exists." Writes see each other at once.
  void check_unique(const std::string& own) const {
    for (const char* name : {"userPrincipalName", "onPremisesImmutableId"}) {
      if (!asked_.body.contains(name) || !asked_.body.at(name).is_string()) continue;
      const std::string wanted = asked_.body.at(name).get<std::string>();
      if (std::string_view(name) == "userPrincipalName" && !wanted.ends_with("@contoso.example")) {
        bad_request(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified "
            "domain names in your organization.");
      }
      for (const auto& [id, other] : fake_.objects_) {
        if (id == own || other.removed != 0 || !other.properties.contains(name)) continue;
        if (fold_key(other.properties.at(name).get<std::string>()) == fold_key(wanted)) {
          bad_request(std::string("Another object with the same value for property ") + name + " already exists.");
        }
      }
    }
  }

  void apply(GraphFake::Object& object) {
    for (const auto& [name, value] : asked_.body.items()) {
      if (!name.ends_with("@odata.bind") && name != "passwordProfile") fake_.change(object, name, value);
    }
  }

  GraphFake& fake_;
  const GraphAsked& asked_;
};

GraphReply GraphFake::serve(const GraphAsked& asked, const std::set<std::string>& rights) {
  if (asked.path == "/$batch") return serve_batch(asked, rights);
  if (GraphUpload::is_about(asked.path)) return upload_.serve(asked, rights, root());
  if (auto reply = identity_->serve(asked, rights)) return std::move(*reply);
  const auto require = [&](const std::string& first, const std::string& second) {
    if (rights.contains(first) || rights.contains(second)) return;
    throw GraphRefusal{403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."};
  };
  if (asked.path == "/directoryObjects/getAvailableExtensionProperties") {
    require("Directory.Read.All", "Directory.ReadWrite.All");
    json all = json::array();
    for (const auto& [name, one] : extensions_) all.push_back(one);
    return {200, {{"value", all}}};
  }
  std::vector<std::string> parts;
  // A key in parentheses may hold a slash.
  const std::size_t key = asked.path.find('(');
  for (const std::string_view each :
       split(std::string_view(asked.path).substr(1, key == std::string::npos ? std::string::npos : key - 1), '/')) {
    parts.emplace_back(each);
  }
  const std::string type = parts[0] == "users" ? "user" : parts[0] == "groups" ? "group" : "";
  if (type.empty()) throw GraphRefusal{400, "BadRequest", "Resource not found for the segment '" + parts[0] + "'."};
  const std::string right = type == "user" ? "User" : "Group";
  require(right + ".ReadWrite.All", asked.method == "GET" ? right + ".Read.All" : right + ".ReadWrite.All");
  GraphWriter writer(*this, asked);
  Object* object = nullptr;
  if (key != std::string::npos) {
    const auto unique_name = odata_key(asked.path, "uniqueName");
    if (type != "group" || !unique_name) throw GraphRefusal{400, "BadRequest", "Invalid key."};
    for (auto& [id, other] : objects_) {
      if (other.removed == 0 && other.properties.value("uniqueName", "") == *unique_name) object = &other;
    }
    const auto prefer = asked.headers.find("prefer");
    if (object == nullptr && asked.method == "PATCH" && prefer != asked.headers.end() &&
        prefer->second == "create-if-missing") {
      return writer.create("group", *unique_name);  // graph/api/group-upsert
    }
    if (object == nullptr) not_found(*unique_name);
  } else if (parts.size() == 1) {
    if (asked.method == "GET") return list(asked, type);
    if (asked.method == "POST") return writer.create(type, {});
    throw GraphRefusal{405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."};
  } else if (parts[1] == "delta" || parts[1] == "microsoft.graph.delta") {
    return GraphDelta(*this, asked, type).answer();
  } else {
    object = find(parts[1]);
    if (object == nullptr || object->type != type || !is_visible(*object)) not_found(parts[1]);
  }
  if (parts.size() > 2) {
    const std::string& link = parts[2];
    const bool known = type == "user" ? link == "manager" : (link == "members" || link == "owners");
    if (!known) throw GraphRefusal{400, "BadRequest", "Resource not found for the segment '" + link + "'."};
    if (asked.method == "GET") return list_links(asked, *object, link);
    if (parts.back() != "$ref") throw GraphRefusal{400, "BadRequest", "Write to $ref."};
    if (asked.method == "DELETE") return writer.unlink(*object, link, link == "manager" ? "" : parts.at(3));
    return writer.reference(*object, link);
  }
  if (asked.method == "GET") return read(asked, *object);
  if (asked.method == "PATCH") return writer.update(*object);
  if (asked.method != "DELETE") {
    throw GraphRefusal{405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."};
  }
  erase(*object);
  return {204};
}

GraphReply GraphFake::list(const GraphAsked& asked, const std::string& type) {
  for (const auto& [name, value] : asked.query) {
    if (name != "$filter" && name != "$select" && name != "$top" && name != "$count" && name != "$skiptoken") {
      throw GraphRefusal{400, "Request_UnsupportedQuery", "Unsupported query parameter " + name};
    }
  }
  check_select(asked, type, extensions_);
  const auto level = asked.headers.find("consistencylevel");
  const bool advanced = level != asked.headers.end() && level->second == "eventual" && query(asked, "$count") == "true";
  std::optional<GraphFilter> filter;
  if (asked.query.contains("$filter")) filter = parse_graph_filter(asked.query.at("$filter"), advanced, extensions_);
  const std::size_t top = asked.query.contains("$top") ? std::stoul(asked.query.at("$top")) : 100;
  if (top == 0 || top > 999) throw GraphRefusal{400, "Request_BadRequest", "Invalid page size specified."};
  json found = json::array();
  for (const auto& [id, object] : objects_) {
    if (object.type != type || object.removed != 0 || !is_visible(object) || found.size() >= top) continue;
    if (filter && !graph_filter_matches(*filter, object.properties, id)) continue;
    found.push_back(shown(object, query(asked, "$select")));
  }
  return {200, {{"value", found}}};
}

GraphReply GraphFake::read(const GraphAsked& asked, const Object& object) const {
  check_select(asked, object.type, extensions_);
  json body = shown(object, query(asked, "$select"));
  if (const std::string expand = query(asked, "$expand"); !expand.empty()) {
    if (object.type != "user" || !expand.starts_with("manager")) {
      throw GraphRefusal{400, "Request_BadRequest", "Invalid $expand."};
    }
    if (!object.manager.empty()) body["manager"] = {{"@odata.type", "#microsoft.graph.user"}, {"id", object.manager}};
  }
  return {200, body};
}

/// graph/api/group-list-members: pages, with @odata.nextLink.
GraphReply GraphFake::list_links(const GraphAsked& asked, const Object& group, const std::string& link) const {
  const std::size_t top = asked.query.contains("$top") ? std::stoul(asked.query.at("$top")) : 100;
  if (top == 0 || top > 999) throw GraphRefusal{400, "Request_BadRequest", "Invalid page size specified."};
  const auto& all = link == "members" ? group.members : group.owners;
  const std::string after = query(asked, "$skiptoken");
  json page = json::array();
  json body = json::object();
  for (auto each = after.empty() ? all.begin() : all.upper_bound(after); each != all.end(); ++each) {
    if (page.size() == top) {
      body["@odata.nextLink"] = root() + "/groups/" + group.id + "/" + link +
                                "?$select=id&$top=" + std::to_string(top) +
                                "&$skiptoken=" + page.back().at("id").get<std::string>();
      break;
    }
    page.push_back(
        {{"@odata.type", "#microsoft.graph." + (objects_.contains(*each) ? objects_.at(*each).type : "user")},
         {"id", *each}});
  }
  body["value"] = std::move(page);
  return {200, std::move(body)};
}

}  // namespace linkspan::testkit
