// Delta queries, page by page (learn.microsoft.com/graph/delta-query-overview). Nothing may be assumed of the order:
// an object can come again anywhere, a group's members in any number of pieces, and what changed may come twice.

#include "connector_graph/internal/graph_import.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <map>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "connector/batch_limit.h"
#include "connector_graph/internal/looker.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

constexpr std::string_view k_prefix = "graph-1";
/// Tokens live for seven days; an hour less, so that none expires under way.
constexpr std::chrono::hours k_watermark_lives{(7 * 24) - 1};
constexpr std::size_t k_longest_watermark = std::size_t{64} * 1024;

[[noreturn]] void refuse_watermark(std::string why) {
  throw Error(Fault::invalid, "connector.watermark_refused", std::move(why), "Begin again with a full import.");
}

/// 410 Gone, or an error that says the token is too old or unknown.
bool is_refused(const net::Response& response) {
  if (response.status == 410) return true;
  if (response.status / 100 != 4) return false;
  const std::string code = Reader().complaint(response.body).code;
  for (const std::string_view each :
       {"syncStateNotFound", "syncStateInvalid", "resyncRequired", "resyncChangesApplyDifferences",
        "resyncChangesUploadDifferences", "Directory_ExpiredPageToken", "Directory_ResultSizeLimitExceeded"}) {
    if (equal_ascii_case(code, each)) return true;
  }
  return false;
}

std::string first_path(const ObjectType& type) {
  std::string selection = type.selection();
  for (const Link& link : type.links) selection += "," + link.name;
  return net::with_query("/" + type.collection + "/delta", {{"$select", selection}});
}

/// The newer word wins; of a link too.
void merge(Item& older, Item newer) {
  overlay(older.entry, Item{std::move(newer.entry), false, newer.cleared, {}});
  std::erase_if(older.cleared, [&](const std::string& name) {
    return std::any_of(older.entry.attributes.begin(), older.entry.attributes.end(),
                       [&](const auto& each) { return each.first == name; });
  });
  std::move(newer.cleared.begin(), newer.cleared.end(), std::back_inserter(older.cleared));
  std::move(newer.links.begin(), newer.links.end(), std::back_inserter(older.links));
  older.lacks_parts = older.lacks_parts || newer.lacks_parts;
}

/// Whether what a delta query says of an object is all there is to know of how it changed. What it does not mention is
/// as it was: "if the property has changed, the new value is included in the response. This includes properties being
/// set to null value" (learn.microsoft.com/graph/api/user-delta, …/group-delta). Of a manager it need not say who it
/// was before.
bool tells_all(const ObjectType& type, const Item& item) {
  if (item.lacks_parts) return false;
  if (std::ranges::find(item.cleared, type.title) != item.cleared.end()) return false;
  return std::ranges::all_of(item.links, [&](const LinkChange& change) {
    const Link* link = type.find_link(change.reference.attribute);
    return link != nullptr && link->multi_valued;
  });
}

model::Observation part_of(Item item) {
  model::Observation part;
  part.kind = model::Observation::Kind::changed;
  part.entry.anchor = item.entry.anchor;
  overlay(part.entry, Item{std::move(item.entry), false, {}, {}});
  std::ranges::sort(item.cleared);
  const auto twice = std::ranges::unique(item.cleared);
  item.cleared.erase(twice.begin(), twice.end());
  for (std::string& name : item.cleared) {
    const bool has_values =
        std::ranges::any_of(part.entry.attributes, [&](const auto& each) { return each.first == name; });
    if (!has_values) part.entry.attributes.emplace_back(std::move(name), model::Values{});
  }
  std::map<model::NamedReference, bool> removed;
  for (LinkChange& change : item.links) removed.insert_or_assign(std::move(change.reference), change.removed);
  for (const auto& [reference, is_removed] : removed) {
    (is_removed ? part.references_gone : part.entry.references).push_back(reference);
  }
  return part;
}

}  // namespace

std::string fingerprint_of(const std::vector<ObjectType>& types) {
  std::string all;
  for (const ObjectType& type : types) all += type.fingerprint() + "\n";
  return std::to_string(hash64(all, 0));
}

std::string to_text(const Watermark& watermark, const std::string& fingerprint) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(watermark.made).time_since_epoch();
  std::string text = std::string(k_prefix) + " " + fingerprint + " " + std::to_string(seconds.count());
  for (const auto& [type, path] : watermark.at) text.append(" ").append(type).append("=").append(path);
  return text;
}

Watermark parse_watermark(std::string_view text, const std::string& fingerprint, Time now) {
  const auto parts = split(text, ' ');
  if (text.size() > k_longest_watermark || parts.size() < 4 || parts[0] != k_prefix) {
    refuse_watermark("this is no watermark of Microsoft Graph: " + printable(text, 60));
  }
  const auto seconds = to_integer(parts[2]);
  if (!seconds || *seconds < 0 || *seconds > 100'000'000'000) refuse_watermark("this watermark holds no time");
  if (parts[1] != fingerprint) refuse_watermark("what is read of each object has changed since the last import");
  Watermark made;
  made.made = Time{std::chrono::seconds{*seconds}};
  if (now - made.made > k_watermark_lives) {
    refuse_watermark("the last import is more than seven days old: Graph does not remember what changed since");
  }
  for (auto each = parts.begin() + 3; each != parts.end(); ++each) {
    const std::size_t equal = each->find('=');
    if (equal == std::string_view::npos || each->substr(equal + 1, 1) != "/") {
      refuse_watermark("this watermark holds no link: " + printable(*each, 60));
    }
    made.at.emplace(each->substr(0, equal), each->substr(equal + 1));
  }
  return made;
}

GraphImport::GraphImport(Tenant& tenant, std::optional<Watermark> since, Held held, std::stop_token stop)
    : tenant_(tenant),
      since_(std::move(since)),
      held_(std::move(held)),
      stop_(std::move(stop)),
      types_(tenant.types(stop_)) {
  ends_.made = tenant_.clock().now();
}

bool GraphImport::next(std::vector<model::Observation>& batch) {
  batch.clear();
  connector::BatchLimit limit;
  for (;;) {
    while (!ready_.empty() && !limit.reached()) {
      limit.count(ready_.front().entry);
      batch.push_back(std::move(ready_.front()));
      ready_.pop_front();
    }
    if (limit.reached()) return true;
    if (!read_more()) break;
  }
  if (!batch.empty()) return true;
  has_ended_ = true;
  return false;
}

/// False when every type is at its end.
bool GraphImport::read_more() {
  if (stop_.stop_requested()) {
    throw Error(Fault::cancelled, "graph.stopped", "the import from Microsoft Graph was stopped");
  }
  if (type_ == types_.size()) return false;
  const ObjectType& type = types_[type_];
  if (path_.empty()) open_type(type);
  if (is_last_page_) {
    finish_type(type);
    return true;
  }
  Page page = fetch(type);
  for (Item& item : page.items) take(type, std::move(item));
  // Users are told at once; groups when all pieces of what changed in them are known.
  if (since_ && type.name == "user") tell_changed(type, /*all=*/true);
  if (!page.delta_link.empty()) {
    is_last_page_ = true;
    ends_.at[type.name] = tenant_.path_of_link(page.delta_link);
  } else if (!page.next_link.empty()) {
    path_ = tenant_.path_of_link(page.next_link);
  } else {
    throw Error(Fault::unavailable, "graph.reply", "a delta query of " + type.collection + " ends without a link",
                "Nothing was concluded from it; try again.");
  }
  return true;
}

void GraphImport::open_type(const ObjectType& type) {
  is_last_page_ = false;
  is_settled_ = true;
  if (!since_) {
    path_ = first_path(type);
    return;
  }
  const auto found = since_->at.find(type.name);
  if (found == since_->at.end()) refuse_watermark("the last import did not read objects of type " + type.name);
  path_ = found->second;
}

Page GraphImport::fetch(const ObjectType& type) {
  const net::Response response = tenant_.perform({net::Method::get, path_}, stop_);
  if (is_success(response)) return reader_.page(response.body, type);
  if (is_refused(response)) {
    const std::string why = error_of(response, "reading what changed among " + type.collection).message();
    if (since_) refuse_watermark(why);
    throw Error(Fault::unavailable, "graph.resync", why, "Nothing was concluded from it; try again.");
  }
  throw error_of(response, "reading " + net::for_display(tenant_.root() + path_));
}

void GraphImport::take(const ObjectType& type, Item item) {
  const std::string& id = item.entry.anchor;
  if (item.removed) {
    if (open_group_ && open_group_->entry.anchor == id) open_group_.reset();
    changed_.erase(id);
    // In a full import it is gone if it was shown; who never saw it need not hear of it.
    if (since_) seen_.insert(id);
    if (since_ || seen_.erase(id) > 0) show_gone(type, id);
    return;
  }
  if (since_) {
    remember(std::move(item));
  } else {
    take_first_showing(type, std::move(item));
  }
}

void GraphImport::take_first_showing(const ObjectType& type, Item item) {
  if (open_group_ && open_group_->entry.anchor == item.entry.anchor) {
    merge(*open_group_, std::move(item));
    return;
  }
  close_open_group();
  if (!seen_.insert(item.entry.anchor).second) {
    remember(std::move(item));  // it changed while we read: once more, whole, at the end
  } else if (type.name == "group") {
    open_group_ = std::move(item);
  } else {
    model::Entry entry;
    entry.anchor = item.entry.anchor;
    entry.object_type = item.entry.object_type;
    overlay(entry, item);
    show(std::move(entry));
  }
}

void GraphImport::remember(Item item) {
  const auto [at, is_new] = changed_.try_emplace(item.entry.anchor);
  if (is_new) {
    at->second = std::move(item);
  } else {
    merge(at->second, std::move(item));
  }
}

void GraphImport::close_open_group() {
  if (!open_group_) return;
  model::Entry entry = open_group_->entry;
  overlay(entry, *open_group_);
  open_group_.reset();
  show(std::move(entry));
}

void GraphImport::finish_type(const ObjectType& type) {
  close_open_group();
  if (!changed_.empty()) {
    tell_changed(type, /*all=*/false);
    return;  // once more for the rest, so that what is told is handed over first
  }
  // What Graph named but could not show is asked for again, with the same link.
  if (!is_settled_ && since_) ends_.at[type.name] = since_->at.at(type.name);
  if (!is_settled_) ends_.made = since_ ? since_->made : ends_.made;
  seen_.clear();
  path_.clear();
  ++type_;
}

void GraphImport::tell_changed(const ObjectType& type, bool all) {
  while (!changed_.empty()) {
    std::vector<Item> some;
    while (!changed_.empty() && some.size() < k_look_at_once) {
      some.push_back(std::move(changed_.extract(changed_.begin()).mapped()));
    }
    if (since_) tell_parts(type, some);
    for (std::optional<model::Entry>& entry : look(tenant_, type, some, stop_)) {
      if (entry) {
        show(std::move(*entry));
      } else {
        is_settled_ = false;
      }
    }
    if (!all) return;
  }
}

/// Takes out of `some` what can be told in part: what the engine holds, and this delta has said nothing of yet.
void GraphImport::tell_parts(const ObjectType& type, std::vector<Item>& some) {
  std::vector<std::string> anchors;
  for (const Item& item : some) {
    const bool is_first = seen_.insert(item.entry.anchor).second;
    if (held_ && is_first && tells_all(type, item)) anchors.push_back(item.entry.anchor);
  }
  if (anchors.empty()) return;
  const std::vector<bool> held = held_(anchors);
  std::vector<Item> whole;
  std::size_t at = 0;  // the anchors are in the order of `some`
  for (Item& item : some) {
    const bool was_asked = at < anchors.size() && anchors[at] == item.entry.anchor;
    if (was_asked && held[at++]) {
      ready_.push_back(part_of(std::move(item)));
    } else {
      whole.push_back(std::move(item));
    }
  }
  some = std::move(whole);
}

void GraphImport::show(model::Entry entry) {
  model::Observation made;
  made.entry = std::move(entry);
  ready_.push_back(std::move(made));
}

void GraphImport::show_gone(const ObjectType& type, const std::string& id) {
  model::Observation made;
  made.kind = model::Observation::Kind::gone;
  made.entry.anchor = id;
  made.entry.object_type = type.name;
  ready_.push_back(std::move(made));
}

connector::ImportEnd GraphImport::end() {
  assert(has_ended_);
  connector::ImportEnd made;
  made.complete = !since_;
  made.watermark = to_text(ends_, fingerprint_of(types_));
  return made;
}

}  // namespace linkspan::connector_graph
