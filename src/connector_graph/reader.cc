// JSON becomes entries.

#include "connector_graph/internal/reader.h"

#include <algorithm>
#include <span>
#include <utility>

#include <simdjson.h>

#include "base/error.h"
#include "base/text.h"
#include "connector/reply_quote.h"

namespace linkspan::connector_graph {
namespace {

namespace dom = simdjson::dom;
using model::ValueKind;

constexpr std::size_t k_longest_id = 64;
constexpr std::size_t k_longest_link = std::size_t{15} * 1024;
constexpr std::string_view k_delta = "@delta";

[[noreturn]] void refuse(std::string message) {
  throw Error(Fault::unavailable, "graph.reply", std::move(message),
              "Look at what answers at graph_url; a proxy may stand in between.");
}

std::optional<dom::element> member(dom::object object, std::string_view name) {
  dom::element found;
  if (object[name].get(found) == simdjson::SUCCESS) return found;
  return std::nullopt;
}

std::string_view text_member(dom::object object, std::string_view name) {
  const std::optional<dom::element> found = member(object, name);
  std::string_view text;
  return found && found->get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

std::string link_member(dom::object object, std::string_view name) {
  const std::string_view link = text_member(object, name);
  if (link.size() > k_longest_link) refuse("Graph gave a link of " + std::to_string(link.size()) + " bytes");
  return std::string(link);
}

/// Empty text is no value: Graph does not keep any.
std::optional<model::Value> value_of(dom::element element, ValueKind kind) {
  std::string_view text;
  switch (element.type()) {
    case dom::element_type::STRING:
      if (element.get(text) != simdjson::SUCCESS || text.empty()) return std::nullopt;
      if (kind == ValueKind::binary) {
        if (std::optional<std::string> bytes = from_base64(text)) return model::Binary{std::move(*bytes)};
      }
      if (kind == ValueKind::time) {
        try {
          return from_rfc3339(text);
        } catch (const Error&) {
          return std::string(text);  // no time after all: then the text is what there is to know
        }
      }
      return std::string(text);
    case dom::element_type::BOOL:
      return bool(element);
    case dom::element_type::INT64:
      return std::int64_t(element);
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE:
      return std::string(simdjson::minify(element));
    default:
      return std::nullopt;
  }
}

/// Fills one item. Bound to one object.
class ItemBuilder {
 public:
  ItemBuilder(const ObjectType& type, Item& item) : type_(type), item_(item) {}

  void take(dom::object object) {
    for (const auto& [key, value] : object) {
      if (key.ends_with(k_delta)) {
        take_links(key.substr(0, key.size() - k_delta.size()), value);
      } else if (type_.find_link(key) != nullptr) {
        take_link(key, value);
      } else {
        take_property(std::string(key), value);
      }
    }
  }

 private:
  void take_property(const std::string& name, dom::element value) {
    dom::object inner;
    if (value.get(inner) == simdjson::SUCCESS) {
      for (const auto& [key, each] : inner) take_values(name + "." + std::string(key), each);
      for (const Property& part : parts_of(name)) {
        item_.lacks_parts = item_.lacks_parts || !member(inner, std::string_view(part.name).substr(name.size() + 1));
      }
    } else if (value.is_null() && type_.find(name) == nullptr) {
      for (const Property& part : parts_of(name)) item_.cleared.push_back(part.name);
    } else {
      take_values(name, value);
    }
  }

  /// Of a complex property; neighbours, for properties are sorted by name.
  [[nodiscard]] std::span<const Property> parts_of(const std::string& name) const {
    const std::string prefix = name + ".";
    const auto first = std::ranges::lower_bound(type_.properties, prefix, {}, &Property::name);
    const auto last =
        std::find_if(first, type_.properties.end(), [&](const Property& one) { return !one.name.starts_with(prefix); });
    return {first, last};
  }

  void take_values(const std::string& name, dom::element value) {
    const Property* property = type_.find(name);
    if (property == nullptr) return;
    model::Values values;
    dom::array array;
    if (value.get(array) == simdjson::SUCCESS) {
      for (const dom::element each : array) {
        if (auto one = value_of(each, property->kind)) values.push_back(std::move(*one));
      }
    } else if (auto one = value_of(value, property->kind)) {
      values.push_back(std::move(*one));
    }
    if (values.empty()) {
      item_.cleared.push_back(name);
    } else {
      item_.entry.attributes.emplace_back(name, std::move(values));
    }
  }

  void take_links(std::string_view name, dom::element value) {
    dom::array array;
    if (type_.find_link(name) == nullptr || value.get(array) != simdjson::SUCCESS) return;
    for (const dom::element each : array) take_link(name, each);
  }

  void take_link(std::string_view name, dom::element value) {
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return;
    const std::string_view id = text_member(object, "id");
    if (!is_object_id(id) || !is_ours(object)) return;
    item_.links.push_back({{std::string(name), std::string(id)}, member(object, "@removed").has_value()});
  }

 public:
  /// What says no type is taken: a link that is removed often says none.
  static bool is_ours(dom::object object) {
    const std::string_view type = text_member(object, "@odata.type");
    return type.empty() || type == "#microsoft.graph.user" || type == "#microsoft.graph.group";
  }

 private:
  const ObjectType& type_;
  Item& item_;
};

Item item_of(dom::object object, const ObjectType& type) {
  Item item;
  const std::string_view id = text_member(object, "id");
  if (!is_object_id(id)) refuse("Graph shows a " + type.name + " without a usable id");
  item.entry.anchor = id;
  item.entry.object_type = type.name;
  item.removed = member(object, "@removed").has_value();
  ItemBuilder(type, item).take(object);
  for (const auto& [name, values] : item.entry.attributes) {
    if (name == type.title) item.entry.dn = model::to_text(values.front());
  }
  return item;
}

ValueKind kind_of(std::string_view data_type) {
  if (data_type == "Boolean") return ValueKind::boolean;
  if (data_type == "Integer" || data_type == "LargeInteger") return ValueKind::integer;
  if (data_type == "DateTime") return ValueKind::time;
  if (data_type == "Binary") return ValueKind::binary;
  return ValueKind::text;
}

dom::object object_member(dom::object object, std::string_view name, bool& there) {
  dom::object found;
  there = object[name].get(found) == simdjson::SUCCESS;
  return found;
}

/// A worker the job left alone since everything was so already counts as done. What it skipped for another reason (out
/// of the job's scope) does not (learn.microsoft.com/entra/identity/monitoring-health/concept-provisioning-logs).
std::optional<LogLine> log_line_of(dom::object object) {
  bool there = false;
  const dom::object source = object_member(object, "sourceIdentity", there);
  if (!there) return std::nullopt;
  LogLine line;
  if (const dom::object details = object_member(source, "details", there); there) {
    line.worker = text_member(details, "externalId");
  }
  if (line.worker.empty()) line.worker = text_member(source, "id");
  const dom::object info = object_member(object, "provisioningStatusInfo", there);
  if (line.worker.empty() || !there) return std::nullopt;
  line.at = from_rfc3339(text_member(object, "activityDateTime"));
  const std::string_view status = text_member(info, "status");
  if (const dom::object error = object_member(info, "errorInformation", there); there) {
    const std::string_view code = text_member(error, "errorCode");
    const std::string_view reason = text_member(error, "reason");
    line.reason =
        printable(std::string(code) + (code.empty() || reason.empty() ? "" : ": ") + std::string(reason), 400);
  }
  if (line.reason.empty()) line.reason = "status " + printable(status, 40);
  line.has_taken_effect = equal_ascii_case(status, "success") || equal_ascii_case(status, "warning") ||
                          (equal_ascii_case(status, "skipped") && line.reason.find("Redundant") != std::string::npos);
  return line;
}

}  // namespace

bool is_object_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= k_longest_id && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

struct Reader::State {
  dom::parser parser;

  dom::object parse(std::string_view body, std::string_view what) {
    dom::element root;
    dom::object object;
    simdjson::error_code problem = parser.parse(body.data(), body.size()).get(root);
    if (problem == simdjson::SUCCESS) problem = root.get(object);
    if (problem == simdjson::SUCCESS) return object;
    refuse("Graph's answer is no " + std::string(what) + " (" + simdjson::error_message(problem) + "); " +
           connector::quote_reply(body));
  }

  dom::array parse_list(std::string_view body, std::string_view what, dom::object& root) {
    root = parse(body, what);
    dom::array array;
    if (root["value"].get(array) != simdjson::SUCCESS) {
      refuse("Graph's answer is no " + std::string(what) + ": " + printable(body, 120));
    }
    return array;
  }

  /// `visit` sees each object of the list; there must be nothing else in it. Returns what is around the list.
  template <class Visit>
  dom::object each_object(std::string_view body, std::string_view what, const Visit& visit) {
    dom::object root;
    for (const dom::element each : parse_list(body, what, root)) {
      dom::object object;
      if (each.get(object) != simdjson::SUCCESS) refuse("in Graph's " + std::string(what) + " is what is no object");
      visit(object);
    }
    return root;
  }
};

Reader::Reader() : state_(std::make_unique<State>()) {}
Reader::~Reader() = default;

Page Reader::page(std::string_view body, const ObjectType& type) {
  Page made;
  const dom::object root = state_->each_object(
      body, "list of " + type.collection, [&](dom::object object) { made.items.push_back(item_of(object, type)); });
  made.next_link = link_member(root, "@odata.nextLink");
  made.delta_link = link_member(root, "@odata.deltaLink");
  return made;
}

Item Reader::object(std::string_view body, const ObjectType& type) {
  return item_of(state_->parse(body, type.name), type);
}

LinkPage Reader::links(std::string_view body) {
  LinkPage made;
  const dom::object root = state_->each_object(body, "list of members", [&](dom::object object) {
    const std::string_view id = text_member(object, "id");
    if (is_object_id(id) && ItemBuilder::is_ours(object)) made.ids.emplace_back(id);
  });
  made.next_link = link_member(root, "@odata.nextLink");
  return made;
}

std::vector<Extension> Reader::extensions(std::string_view body) {
  dom::object root;
  const dom::array list = state_->parse_list(body, "list of extensions", root);
  std::vector<Extension> made;
  for (const dom::element each : list) {
    dom::object object;
    if (each.get(object) != simdjson::SUCCESS) continue;
    Extension one;
    one.name = text_member(object, "name");
    if (!one.name.starts_with("extension_") || one.name.size() > 128) continue;
    one.kind = kind_of(text_member(object, "dataType"));
    if (const auto many = member(object, "isMultiValued")) one.multi_valued = many->is_bool() && bool(*many);
    dom::array targets;
    if (object["targetObjects"].get(targets) == simdjson::SUCCESS) {
      for (const dom::element target : targets) {
        std::string_view text;
        if (target.get(text) == simdjson::SUCCESS) one.targets.emplace_back(text);
      }
    }
    made.push_back(std::move(one));
  }
  return made;
}

std::map<std::string, net::Response, std::less<>> Reader::batch(std::string_view body) {
  const dom::object root = state_->parse(body, "batch");
  dom::array list;
  if (root["responses"].get(list) != simdjson::SUCCESS) refuse("Graph's answer to a batch holds no responses");
  std::map<std::string, net::Response, std::less<>> made;
  for (const dom::element each : list) {
    dom::object object;
    std::int64_t status = 0;
    if (each.get(object) != simdjson::SUCCESS || object["status"].get(status) != simdjson::SUCCESS || status < 100 ||
        status > 599) {
      refuse("Graph's answer to a batch holds what is no response");
    }
    net::Response one;
    one.status = static_cast<int>(status);
    dom::object headers;
    if (object["headers"].get(headers) == simdjson::SUCCESS) {
      for (const auto& [name, value] : headers) {
        std::string_view text;
        if (value.get(text) == simdjson::SUCCESS) one.headers.add(std::string(name), std::string(text));
      }
    }
    if (const auto content = member(object, "body"); content && !content->is_null()) {
      one.body = simdjson::minify(*content);
    }
    made.emplace(text_member(object, "id"), std::move(one));
  }
  return made;
}

LogPage Reader::log(std::string_view body) {
  LogPage made;
  const dom::object root = state_->each_object(body, "provisioning log", [&](dom::object object) {
    try {
      if (std::optional<LogLine> line = log_line_of(object)) made.lines.push_back(std::move(*line));
    } catch (const Error& error) {
      refuse("a line of the provisioning log holds no time: " + error.message());
    }
  });
  made.next_link = link_member(root, "@odata.nextLink");
  return made;
}

std::string Reader::id(std::string_view body) {
  dom::element root;
  dom::object object;
  if (state_->parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
      root.get(object) != simdjson::SUCCESS) {
    return {};
  }
  const std::string_view found = text_member(object, "id");
  return is_object_id(found) ? std::string(found) : std::string();
}

Complaint Reader::complaint(std::string_view body) {
  Complaint said;
  dom::element root;
  dom::object object;
  dom::object error;
  if (state_->parser.parse(body.data(), body.size()).get(root) == simdjson::SUCCESS &&
      root.get(object) == simdjson::SUCCESS && object["error"].get(error) == simdjson::SUCCESS) {
    said.code = printable(text_member(error, "code"), 80);
    said.message = printable(text_member(error, "message"), 400);
  } else if (!body.empty()) {
    said.message = printable(body, 120);
  }
  return said;
}

}  // namespace linkspan::connector_graph
