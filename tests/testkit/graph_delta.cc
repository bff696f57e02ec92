#include "testkit/graph_delta.h"

#include <algorithm>

#include "base/text.h"
#include "testkit/graph_writes.h"

namespace linkspan::testkit {

using nlohmann::json;

namespace {

bool is_selected(const std::string& select, const std::string& name) {
  if (select.empty()) return true;
  for (const std::string_view each : split(select, ',')) {
    if (each == name) return true;
  }
  return false;
}

}  // namespace

GraphReply GraphDelta::answer() {
  for (const auto& [name, value] : asked_.query) {
    // "$expand, $top and $orderby are not supported."
    if (name != "$select" && name != "$deltatoken" && name != "$skiptoken" && name != "$filter") {
      throw GraphRefusal{400, "Request_UnsupportedQuery", "Unsupported query parameter " + name};
    }
  }
  const auto query = [&](const std::string& name) {
    const auto found = asked_.query.find(name);
    return found == asked_.query.end() ? std::string() : found->second;
  };
  const std::string selected = query("$select");
  for (const std::string_view each : split(selected, ',')) {
    if (!each.empty() && !is_graph_property(type_, std::string(each), fake_.extensions_)) {
      throw GraphRefusal{
          400, "BadRequest",
          "Parsing OData Select and Expand failed: Could not find a property named '" + std::string(each) + "'."};
    }
  }
  if (const std::string token = query("$skiptoken"); !token.empty()) {
    const std::size_t dot = token.find('.');
    return page(token.substr(0, dot), std::stoul(token.substr(dot + 1)));
  }
  const std::string token = query("$deltatoken");
  if (token.empty()) return begin(0, query("$select"), false);
  if (token == "latest") return begin(0, query("$select"), true);
  const auto found = fake_.cursors_.find(token);
  const std::string start = fake_.root() + "/" + type_ + "s/delta?$deltatoken=";
  if (found == fake_.cursors_.end() || found->second.collection != type_) {
    throw GraphRefusal{400, "syncStateInvalid", "The delta token is invalid."};
  }
  // "410 (gone) and a Location header containing a request URL with an empty $deltaToken"
  if (found->second.end < fake_.oldest_token_) {
    return {410, {{"error", {{"code", "resyncRequired"}, {"message", "Resync required."}}}}, {{"Location", start}}};
  }
  // "For directory objects, the limit is seven days": "a 40X-series error with error codes such as syncStateNotFound"
  if (fake_.clock_.now() - found->second.made > std::chrono::hours(7 * 24)) {
    throw GraphRefusal{404, "syncStateNotFound", "The sync state generation is not found; continue with a full sync."};
  }
  return begin(found->second.end, found->second.select, false);
}

GraphReply GraphDelta::begin(std::uint64_t since, const std::string& select, bool empty) {
  GraphFake::Cursor cursor;
  cursor.collection = type_;
  cursor.select = select;
  cursor.made = fake_.clock_.now();
  cursor.end = fake_.sequence_;
  for (const auto& [id, object] : fake_.objects_) {
    // What is not seen yet must come with the next round.
    if (object.removed == 0 && !fake_.is_visible(object)) cursor.end = std::min(cursor.end, object.made - 1);
  }
  cursor.pages = into_pages(empty ? std::vector<json>{} : elements(since, select));
  const std::string token = "t" + std::to_string(fake_.next_token_++);
  fake_.cursors_[token] = std::move(cursor);
  return page(token, 0);
}

GraphReply GraphDelta::page(const std::string& token, std::size_t number) {
  const auto found = fake_.cursors_.find(token);
  if (found == fake_.cursors_.end() || number >= found->second.pages.size()) {
    throw GraphRefusal{400, "Directory_ExpiredPageToken", "The specified page token value has expired."};
  }
  const std::string base = fake_.root() + "/" + type_ + "s/delta?";
  json body = {{"@odata.context", fake_.root() + "/$metadata#" + type_ + "s"}, {"value", found->second.pages[number]}};
  if (number + 1 < found->second.pages.size()) {
    body["@odata.nextLink"] = base + "$skiptoken=" + token + "." + std::to_string(number + 1);
  } else {
    body["@odata.deltaLink"] = base + "$deltatoken=" + token;
  }
  return {200, std::move(body)};
}

std::vector<json> GraphDelta::elements(std::uint64_t since, const std::string& select) const {
  std::vector<json> made;
  for (const auto& [id, object] : fake_.objects_) {
    if (object.type != type_) continue;
    if (object.removed != 0) {
      // graph/delta-query-groups: users can be restored ("changed"), security groups cannot ("deleted").
      if (object.removed > since && object.made <= since) {
        made.push_back({{"id", id}, {"@removed", {{"reason", type_ == "user" ? "changed" : "deleted"}}}});
      }
      continue;
    }
    if (!fake_.is_visible(object)) continue;
    json one = element(object, since, select);
    if (object.made > since || one.size() > 1) made.push_back(std::move(one));
  }
  return made;
}

/// A new object in its standard representation; of a changed one "at least the properties that have been updated"
/// (graph/delta-query-overview), null included, or also those that have not, but for what was never set
/// (graph/api/group-delta, graph/api/user-delta).
json GraphDelta::element(const GraphFake::Object& object, std::uint64_t since, const std::string& select) const {
  json made = {{"id", object.id}};
  const bool is_new = object.made > since;
  for (const auto& [name, sequence] : object.changed) {
    if (name == "manager" || !is_selected(select, name) || (!is_new && sequence <= since)) continue;
    made[name] = object.properties.contains(name) ? object.properties.at(name) : json(nullptr);
  }
  const auto manager = object.changed.find("manager");
  if (manager != object.changed.end() && is_selected(select, "manager") && (is_new || manager->second > since)) {
    if (!object.manager.empty()) {
      made["manager@delta"] = json::array({{{"@odata.type", "#microsoft.graph.user"}, {"id", object.manager}}});
    } else if (!is_new) {
      made["manager@delta"] = json::array({{{"@odata.type", "#microsoft.graph.user"},
                                            {"id", make_uuid(0xFFFF)},
                                            {"@removed", {{"reason", "deleted"}}}}});
    }
  }
  add_links(object, since, select, made);
  if (!fake_.options_.repeats_unchanged || made.size() == 1) return made;
  for (const auto& [name, sequence] : object.changed) {
    if (name == "manager" || !is_selected(select, name) || made.contains(name)) continue;
    made[name] = object.properties.contains(name) ? object.properties.at(name) : json(nullptr);
  }
  return made;
}

void GraphDelta::add_links(const GraphFake::Object& object, std::uint64_t since, const std::string& select,
                           json& element) const {
  std::map<std::string, std::map<std::string, bool>> last;
  if (object.made > since) {
    for (const std::string& id : object.members) last["members"][id] = false;
    for (const std::string& id : object.owners) last["owners"][id] = false;
  } else {
    for (const GraphFake::LinkEvent& event : fake_.link_events_) {
      if (event.group == object.id && event.sequence > since) last[event.link][event.target] = event.removed;
    }
  }
  for (const auto& [link, targets] : last) {
    if (!is_selected(select, link)) continue;
    json list = json::array();
    for (const auto& [id, removed] : targets) {
      json one = {
          {"@odata.type", "#microsoft.graph." + (fake_.objects_.contains(id) ? fake_.objects_.at(id).type : "user")},
          {"id", id}};
      if (removed) one["@removed"] = {{"reason", "deleted"}};
      list.push_back(std::move(one));
    }
    element[link + "@delta"] = std::move(list);
  }
}

/// graph/delta-query-groups, "Paging through members in a large group": the same group again on further pages, with the
/// same properties and other members.
std::vector<json> GraphDelta::into_pages(const std::vector<json>& elements) const {
  std::vector<std::vector<json>> pieces;  // by element
  for (const json& one : elements) {
    auto& mine = pieces.emplace_back();
    if (!one.contains("members@delta") || one.at("members@delta").size() <= fake_.options_.members_per_page) {
      mine.push_back(one);
      continue;
    }
    const json& all = one.at("members@delta");
    for (std::size_t from = 0; from < all.size(); from += fake_.options_.members_per_page) {
      json part = one;
      part["members@delta"] = json::array();
      for (std::size_t at = from; at < std::min(all.size(), from + fake_.options_.members_per_page); ++at) {
        part["members@delta"].push_back(all[at]);
      }
      mine.push_back(std::move(part));
    }
  }
  std::vector<json> order;
  if (fake_.options_.interleaves) {
    for (std::size_t at = 0;; ++at) {
      bool any = false;
      for (const auto& mine : pieces) {
        if (at >= mine.size()) continue;
        order.push_back(mine[at]);
        any = true;
      }
      if (!any) break;
    }
  } else {
    for (const auto& mine : pieces) order.insert(order.end(), mine.begin(), mine.end());
  }
  std::vector<json> pages;
  json page = json::array();
  std::size_t members = 0;
  json before = json::array();
  const auto turn = [&] {
    // "prepared for replays": the same change in subsequent responses
    json shown = std::exchange(page, json::array());
    json again = std::exchange(before, shown);
    if (fake_.options_.shows_twice) {
      for (json& one : again) shown.push_back(std::move(one));
    }
    pages.push_back(std::move(shown));
    members = 0;
  };
  for (json& one : order) {
    const std::size_t more = one.contains("members@delta") ? one.at("members@delta").size() : 0;
    if (page.size() >= fake_.options_.page_size ||
        (!page.empty() && members + more > fake_.options_.members_per_page)) {
      turn();
    }
    members += more;
    page.push_back(std::move(one));
  }
  turn();
  if (fake_.options_.shows_twice && !before.empty()) pages.push_back(before);
  return pages;
}

}  // namespace linkspan::testkit
