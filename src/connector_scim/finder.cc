// find(): a filter, quoted, and its answer checked.

#include "connector_scim/internal/finder.h"

#include "base/error.h"
#include "base/text.h"

namespace linkspan::connector_scim {
namespace {

/// The value as a filter compares it: a JSON literal of the attribute's kind.
std::string literal_of(const model::Value& value, const Attribute* leaf) {
  const std::string text = model::to_text(value);
  if (std::holds_alternative<bool>(value) || (leaf != nullptr && leaf->type == Attribute::Type::boolean)) {
    return equal_ascii_case(text, "true") ? "true" : "false";
  }
  if (leaf != nullptr && leaf->type == Attribute::Type::integer && to_integer(text)) return text;
  return json_string(text);
}

enum class Match { no, but_for_case, exact };

Match match(const model::Entry& entry, const std::string& name, const model::Value& value) {
  const std::string wanted = model::to_text(value);
  Match best = Match::no;
  for (const auto& [each, values] : entry.attributes) {
    if (each != name) continue;
    for (const model::Value& found : values) {
      const std::string text = model::to_text(found);
      if (text == wanted) return Match::exact;
      if (fold_key(text) == fold_key(wanted)) best = Match::but_for_case;
    }
  }
  return best;
}

constexpr std::string_view k_page = "10";  // more than enough for what should be one

Matches matches_in(std::string_view body, const ResourceType& type, const Path& path, const Attribute* leaf,
                   const model::Value& value) {
  Matches found;
  for (Resource& resource : Reader().page(body, type, /*by_cursor=*/true).resources) {
    const Match how = match(resource.entry, to_name(path), value);
    if (how == Match::no) found.others = true;
    const bool is_it = how == Match::exact || (how == Match::but_for_case && (leaf == nullptr || !leaf->case_exact));
    if (is_it && found.entries.size() < 2) found.entries.push_back(std::move(resource.entry));
  }
  return found;
}

/// One question and its answer. Bound to what is looked for.
class Finder {
 public:
  Finder(Service& service, const ResourceType& type, std::string_view attribute, const model::Value& value)
      : service_(service), type_(type), path_(parse_path(attribute)), leaf_(type.find_leaf(path_)), value_(value) {}

  std::vector<model::Entry> find() {
    std::vector<model::Entry> found = ask(literal_of(value_, leaf_), /*strict=*/true);
    if (!found.empty()) return found;
    // Some services (scimmy) do not decode the escapes of a filter's JSON string: for them a backslash is written as it
    // is.
    const std::string text = model::to_text(value_);
    if (text.find('\\') == std::string::npos) return found;
    for (const char c : text) {
      if (c == '"' || static_cast<unsigned char>(c) < 0x20) return found;
    }
    try {
      return ask("\"" + text + "\"", /*strict=*/false);
    } catch (const Error& error) {
      if (error.id() == "scim.refused") return found;  // it does decode them, and this is none
      throw;
    }
  }

 private:
  std::vector<model::Entry> ask(const std::string& literal, bool strict) {
    const std::string filter = equality_filter(path_, literal);
    const net::Response response = service_.get({type_.endpoint}, {{"filter", filter}, {"count", k_page}}, {});
    Matches found = matches_in(response.body, type_, path_, leaf_, value_);
    // A service that ignores the filter would have us adopt a stranger, or miss the one we look for.
    if (found.others && strict) {
      throw Error(
          Fault::invalid, "scim.filter_ignored",
          "asked for " + printable(filter, 120) + ", the service answers with others: it does not apply the filter",
          "Nothing was adopted. A full import shows which objects are there.");
    }
    return std::move(found.entries);
  }

  Service& service_;
  const ResourceType& type_;
  const Path path_;
  const Attribute* leaf_;
  const model::Value& value_;
};

}  // namespace

std::vector<model::Entry> find_objects(Service& service, std::string_view object_type, std::string_view attribute,
                                       const model::Value& value) {
  const ResourceType* type = service.discovery().find(object_type);
  if (type == nullptr) {
    throw Error(Fault::invalid, "scim.object_type", "the service has no objects of type " + printable(object_type, 60),
                "Look at the connector's object_types.");
  }
  return Finder(service, *type, attribute, value).find();
}

net::Request find_request(const Service& service, const ResourceType& type, std::string_view attribute,
                          const model::Value& value) {
  const Path path = parse_path(attribute);
  const std::string filter = equality_filter(path, literal_of(value, type.find_leaf(path)));
  return service.request(net::Method::get, {type.endpoint}, {{"filter", filter}, {"count", k_page}});
}

Matches matches_in(std::string_view body, const ResourceType& type, std::string_view attribute,
                   const model::Value& value) {
  const Path path = parse_path(attribute);
  return matches_in(body, type, path, type.find_leaf(path), value);
}

}  // namespace linkspan::connector_scim
