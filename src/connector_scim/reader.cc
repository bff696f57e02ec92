// JSON resources become entries: nested attributes get flat names, links become references.

#include "connector_scim/internal/reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include <simdjson.h>

#include "base/error.h"
#include "base/text.h"
#include "connector/reply_quote.h"

namespace linkspan::connector_scim {
namespace {

namespace dom = simdjson::dom;
using Type = Attribute::Type;

constexpr std::size_t k_most_names = 1000;
constexpr std::size_t k_longest_id = 1024;
constexpr std::size_t k_longest_key = 256;
constexpr std::size_t k_longest_cursor = 4096;

[[noreturn]] void refuse(std::string message) {
  throw Error(Fault::unavailable, "scim.reply", std::move(message),
              "Look at what the service, or a proxy before it, answers to this request.");
}

std::string_view text_of(dom::element element) {
  std::string_view text;
  return element.get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

/// The member of that name, whatever its case (RFC 7643 section 2.1).
std::optional<dom::element> member(dom::object object, std::string_view name) {
  dom::element found;
  if (object[name].get(found) == simdjson::SUCCESS) return found;
  for (const auto& [key, value] : object) {
    if (equal_ascii_case(key, name)) return value;
  }
  return std::nullopt;
}

std::string_view text_member(dom::object object, std::string_view name) {
  const std::optional<dom::element> found = member(object, name);
  return found ? text_of(*found) : std::string_view{};
}

/// A text as its schema means it. An empty one is an attribute without a value: services say "" for what is unset.
std::optional<model::Value> text_value(std::string_view text, Type type) {
  if (text.empty()) return std::nullopt;
  if (type == Type::binary) {
    if (std::optional<std::string> bytes = from_base64(text)) return model::Binary{std::move(*bytes)};
  } else if (type == Type::time) {
    try {
      return from_rfc3339(text);
    } catch (const Error&) {
      // Not a time after all: then the text is what there is to know.
    }
  } else if (type == Type::boolean && (equal_ascii_case(text, "true") || equal_ascii_case(text, "false"))) {
    return equal_ascii_case(text, "true");
  }
  return std::string(text);
}

std::optional<model::Value> value_of(dom::element element, const Attribute* attribute) {
  switch (element.type()) {
    case dom::element_type::STRING:
      return text_value(text_of(element), attribute == nullptr ? Type::string : attribute->type);
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

/// Fills one entry. Bound to one resource.
class EntryBuilder {
 public:
  EntryBuilder(const ResourceType& type, model::Entry& entry) : type_(type), entry_(entry) {}

  void take(dom::object resource) {
    for (const auto& [key, value] : resource) {
      if (is_common(key)) continue;
      if (key.starts_with("urn:") || key.starts_with("URN:")) {
        take_extension(key, value);
      } else {
        take_attribute({}, key, value, type_.core.find(key));
      }
    }
    finish_references();
  }

 private:
  /// What the envelope holds is no attribute: who knows the object has them already.
  static bool is_common(std::string_view key) {
    return equal_ascii_case(key, "schemas") || equal_ascii_case(key, "id") || equal_ascii_case(key, "meta") ||
           key.empty() || key.size() > k_longest_key;
  }

  void take_extension(std::string_view urn, dom::element value) {
    dom::object object;
    if (urn.size() > k_longest_key || value.get(object) != simdjson::SUCCESS) return;
    const Shape* shape = type_.extension(urn);
    const std::string name = shape != nullptr ? shape->urn : std::string(urn);
    for (const auto& [key, each] : object) {
      if (key.empty() || key.size() > k_longest_key) continue;
      take_attribute(name, key, each, shape == nullptr ? nullptr : shape->find(key));
    }
  }

  void take_attribute(std::string_view urn, std::string_view key, dom::element value, const Attribute* attribute) {
    Path path{std::string(urn), attribute == nullptr ? std::string(key) : attribute->name, {}, {}};
    if (attribute != nullptr && !attribute->readable) return;
    if (urn.empty() && path.attribute == "groups" && type_.name == "User") return;  // derived from members
    if (attribute != nullptr && attribute->link) {
      take_links(to_name(path), value);
      return;
    }
    dom::array array;
    if (value.get(array) == simdjson::SUCCESS) {
      for (const dom::element each : array) take_element(path, each, attribute, /*multi_valued=*/true);
    } else {
      take_element(path, value, attribute, /*multi_valued=*/false);
    }
  }

  /// A scalar, or an object whose sub-attributes get names of their own.
  void take_element(Path path, dom::element value, const Attribute* attribute, bool multi_valued) {
    dom::object object;
    if (value.get(object) != simdjson::SUCCESS) {
      if (std::optional<model::Value> scalar = value_of(value, attribute)) add(to_name(path), std::move(*scalar));
      return;
    }
    if (multi_valued) path.filter = element_filter(object, attribute);
    for (const auto& [key, each] : object) {
      if (key.empty() || key.size() > k_longest_key || key == "$ref") continue;
      if (multi_valued && (equal_ascii_case(key, "type") || equal_ascii_case(key, "primary"))) continue;
      const Attribute* sub = attribute == nullptr ? nullptr : find_attribute(attribute->sub, key);
      path.sub = sub == nullptr ? std::string(key) : sub->name;
      if (std::optional<model::Value> scalar = value_of(each, sub)) add(to_name(path), std::move(*scalar));
    }
  }

  /// `[type eq "work"]`, in the spelling of the schema where it has one.
  static std::optional<ElementFilter> element_filter(dom::object object, const Attribute* attribute) {
    const std::string_view said = text_member(object, "type");
    if (said.empty() || said.size() > k_longest_key) return std::nullopt;
    const Attribute* type = attribute == nullptr ? nullptr : find_attribute(attribute->sub, "type");
    if (type != nullptr) {
      for (const std::string& value : type->canonical) {
        if (equal_ascii_case(value, said)) return ElementFilter{"type", value, false};
      }
    }
    return ElementFilter{"type", std::string(said), false};
  }

  void take_links(const std::string& name, dom::element value) {
    dom::array array;
    if (value.get(array) == simdjson::SUCCESS) {
      for (const dom::element each : array) take_link(name, each);
    } else {
      take_link(name, value);
    }
  }

  void take_link(const std::string& name, dom::element value) {
    dom::object object;
    std::string_view target = text_of(value);
    if (value.get(object) == simdjson::SUCCESS) {
      target = text_member(object, "value");
      if (target.empty()) {
        target = text_member(object, "$ref");
        if (const std::size_t slash = target.rfind('/'); slash != std::string_view::npos)
          target.remove_prefix(slash + 1);
      }
    }
    if (!target.empty() && target.size() <= k_longest_id) entry_.references.push_back({name, std::string(target)});
  }

  void add(std::string name, model::Value value) {
    auto& all = entry_.attributes;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.first == name; });
    if (found != all.end()) {
      found->second.push_back(std::move(value));
      return;
    }
    if (all.size() == k_most_names) refuse("resource " + printable(entry_.anchor) + " has more than 1,000 attributes");
    all.emplace_back(std::move(name), model::Values{std::move(value)});
  }

  /// Services repeat members; one reference is one.
  void finish_references() {
    auto& all = entry_.references;
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
  }

  const ResourceType& type_;
  model::Entry& entry_;
};

std::string title_of(const model::Entry& entry, std::string_view attribute) {
  for (const auto& [name, values] : entry.attributes) {
    if (name == attribute && !values.empty()) return model::to_text(values.front());
  }
  return {};
}

void take_meta(dom::object object, Resource& resource) {
  const std::optional<dom::element> found = member(object, "meta");
  dom::object meta;
  if (!found || found->get(meta) != simdjson::SUCCESS) return;
  resource.version = std::string(text_member(meta, "version").substr(0, k_longest_key));
  const std::optional<model::Value> modified = text_value(text_member(meta, "lastModified"), Type::time);
  if (modified && std::holds_alternative<Time>(*modified)) resource.last_modified = std::get<Time>(*modified);
}

Resource read_resource(dom::element element, const ResourceType& type) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) refuse("a resource of type " + type.name + " is no JSON object");
  Resource made;
  const std::string_view id = text_member(object, "id");
  if (id.empty() || id.size() > k_longest_id) refuse("a resource of type " + type.name + " has no usable id");
  made.entry.anchor = std::string(id);
  made.entry.object_type = type.name;
  take_meta(object, made);
  EntryBuilder(type, made.entry).take(object);
  made.entry.dn = title_of(made.entry, type.title_attribute());
  return made;
}

void take_envelope(dom::object object, bool by_cursor, Page& page) {
  const std::optional<dom::element> total = member(object, "totalResults");
  page.is_total_said = total && total->get(page.total) == simdjson::SUCCESS;
  if (!page.is_total_said && !by_cursor) refuse("a list reply has no totalResults");
  if (!by_cursor) return;
  const std::string_view cursor = text_member(object, "nextCursor");
  if (cursor.size() > k_longest_cursor) refuse("a list reply has a nextCursor of more than 4,096 bytes");
  page.next_cursor = std::string(cursor);
}

}  // namespace

struct Reader::State {
  dom::parser parser;

  dom::object parse(std::string_view body, std::string_view what) {
    dom::element root;
    dom::object object;
    simdjson::error_code problem = parser.parse(body.data(), body.size()).get(root);
    if (problem == simdjson::SUCCESS) problem = root.get(object);
    if (problem == simdjson::SUCCESS) return object;
    refuse(std::string(what) + " is no JSON object (" + simdjson::error_message(problem) + "); " +
           connector::quote_reply(body));
  }
};

Reader::Reader() : state_(std::make_unique<State>()) {}
Reader::~Reader() = default;

Page Reader::page(std::string_view body, const ResourceType& type, bool by_cursor) {
  const dom::object object = state_->parse(body, "a list reply");
  Page page;
  take_envelope(object, by_cursor, page);
  const std::optional<dom::element> list = member(object, "Resources");
  if (!list || list->is_null()) return page;  // an empty list may leave it out
  dom::array resources;
  if (list->get(resources) != simdjson::SUCCESS) refuse("in a list reply, Resources is no array");
  for (const dom::element each : resources) page.resources.push_back(read_resource(each, type));
  return page;
}

Resource Reader::resource(std::string_view body, const ResourceType& type) {
  (void)state_->parse(body, "the reply");
  return read_resource(state_->parser.doc.root(), type);
}

Complaint Reader::complaint(std::string_view body) {
  dom::element root;
  dom::object object;
  if (body.empty()) return {};
  if (state_->parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS ||
      root.get(object) != simdjson::SUCCESS) {
    return {{}, printable(body, 120)};
  }
  Complaint made{printable(text_member(object, "scimType"), 60), printable(text_member(object, "detail"), 300)};
  if (made.detail.empty()) made.detail = printable(text_member(object, "message"), 300);
  return made;
}

}  // namespace linkspan::connector_scim
