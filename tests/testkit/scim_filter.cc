#include "testkit/scim_filter.h"

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "testkit/scim_schema.h"

namespace linkspan::testkit {

using nlohmann::json;

struct ScimFilter::Node {
  enum class Kind { all, any, no, compare, present, element };
  Kind kind = Kind::all;
  std::vector<std::shared_ptr<const Node>> parts{};
  std::string urn{};   ///< of the extension the attribute lives in
  std::string name{};  ///< of the attribute
  std::string sub{};   ///< of the sub-attribute; empty for none
  std::string op{};
  json literal{};
  std::string type{};  ///< of what is compared
  bool case_exact = false;
};

namespace {

using Node = ScimFilter::Node;
using NodePtr = std::shared_ptr<const Node>;

/// Where names are looked up: a resource type, or the sub-attributes of one complex attribute.
using Lookup = std::function<ScimAttribute(const std::string& path)>;

Lookup element_lookup(const json& attribute, const std::string& scim_type) {
  return [&attribute, scim_type](const std::string& name) {
    if (attribute.contains("subAttributes")) {
      for (const json& sub : attribute["subAttributes"]) {
        if (scim_lower(sub["name"].get<std::string>()) == scim_lower(name)) return ScimAttribute{{}, &sub, nullptr};
      }
    }
    throw ScimRefusal{400, scim_type, "no sub-attribute " + name};
  };
}

class Parser {
 public:
  Parser(std::string_view text, Lookup lookup, std::string scim_type)
      : text_(text), lookup_(std::move(lookup)), scim_type_(std::move(scim_type)) {}

  NodePtr whole() {
    NodePtr made = any();
    skip();
    if (at_ != text_.size()) refuse();
    return made;
  }

 private:
  [[noreturn]] void refuse() const { throw ScimRefusal{400, scim_type_, "no filter: " + std::string(text_)}; }

  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    skip();
    if (scim_lower(text_.substr(at_, word.size())) != word) return false;
    const std::size_t end = at_ + word.size();
    if (end < text_.size() && text_[end] != ' ' && text_[end] != '(' && text_[end] != ')') return false;
    at_ = end;
    return true;
  }

  NodePtr any() {
    return list(Node::Kind::any, "or", [this] { return all(); });
  }
  NodePtr all() {
    return list(Node::Kind::all, "and", [this] { return one(); });
  }

  NodePtr list(Node::Kind kind, std::string_view word, const std::function<NodePtr()>& part) {
    auto made = std::make_shared<Node>(Node{kind});
    do {
      made->parts.push_back(part());
    } while (take_word(word));
    return made->parts.size() == 1 ? made->parts.front() : made;
  }

  NodePtr one() {
    if (++depth_ > 50) refuse();
    NodePtr made;
    if (take_word("not")) {
      if (!take('(')) refuse();
      made = std::make_shared<Node>(Node{Node::Kind::no, {any()}});
      if (!take(')')) refuse();
    } else if (take('(')) {
      made = any();
      if (!take(')')) refuse();
    } else {
      made = expression();
    }
    --depth_;
    return made;
  }

  std::string path() {
    skip();
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != '[' && text_[at_] != ')') ++at_;
    if (at_ == start) refuse();
    return std::string(text_.substr(start, at_ - start));
  }

  NodePtr expression() {
    const ScimAttribute found = lookup_(path());
    Node made;
    made.urn = found.urn;
    made.name = found.name();
    if (found.sub != nullptr) made.sub = found.sub_name();
    if (at_ < text_.size() && text_[at_] == '[') {
      if (!found.is("multiValued") || found.sub != nullptr) refuse();
      made.kind = Node::Kind::element;
      made.parts.push_back(inside(*found.attribute));
      return std::make_shared<Node>(std::move(made));
    }
    if (take_word("pr")) {
      made.kind = Node::Kind::present;
      return std::make_shared<Node>(std::move(made));
    }
    const json* leaf = found.sub != nullptr ? found.sub : found.attribute;
    if ((*leaf)["type"] == "complex") {
      // Of one with several values, `value` is meant (RFC 7644 section 3.4.2.2).
      for (const json& sub : (*leaf)["subAttributes"]) {
        if (sub["name"] == "value" && found.is("multiValued")) made.sub = "value";
        if (sub["name"] == "value") leaf = &sub;
      }
      if (made.sub.empty()) refuse();
    }
    made.kind = Node::Kind::compare;
    made.type = (*leaf)["type"];
    made.case_exact = leaf->value("caseExact", false);
    take_comparison(made);
    return std::make_shared<Node>(std::move(made));
  }

  NodePtr inside(const json& attribute) {
    ++at_;
    const std::size_t start = at_;
    bool quoted = false;
    for (; at_ < text_.size() && (quoted || text_[at_] != ']'); ++at_) {
      if (quoted && text_[at_] == '\\') ++at_;
      if (at_ < text_.size() && text_[at_] == '"') quoted = !quoted;
    }
    if (at_ >= text_.size()) refuse();
    const std::string_view inner = text_.substr(start, at_++ - start);
    return Parser(inner, element_lookup(attribute, scim_type_), scim_type_).whole();
  }

  void take_comparison(Node& made) {
    constexpr std::array<std::string_view, 9> ops = {"eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le"};
    const auto found = std::find_if(ops.begin(), ops.end(), [this](std::string_view op) { return take_word(op); });
    if (found == ops.end()) refuse();
    made.op = *found;
    skip();
    const std::size_t start = at_;
    if (at_ < text_.size() && text_[at_] == '"') {
      for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        if (text_[at_] == '\\') ++at_;
      }
      ++at_;
    } else {
      while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != ')') ++at_;
    }
    if (at_ > text_.size()) refuse();
    made.literal = json::parse(text_.substr(start, at_ - start), nullptr, /*allow_exceptions=*/false);
    check_literal(made);
  }

  void check_literal(const Node& made) const {
    const bool equality = made.op == "eq" || made.op == "ne";
    if (made.literal.is_discarded() || made.literal.is_structured()) refuse();
    if (made.literal.is_null()) {
      if (!equality) refuse();
    } else if (made.type == "boolean") {
      if (!equality || !made.literal.is_boolean()) refuse();
    } else if (made.type == "integer" || made.type == "decimal") {
      if (!made.literal.is_number() || made.op == "co" || made.op == "sw" || made.op == "ew") refuse();
    } else if (!made.literal.is_string() || (made.type == "binary" && !equality)) {
      refuse();
    } else if (made.type == "dateTime") {
      try {
        (void)from_rfc3339(made.literal.get<std::string>());
      } catch (const Error&) {
        refuse();
      }
    }
  }

  const std::string_view text_;
  const Lookup lookup_;
  const std::string scim_type_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

template <class Value>
bool is_ordered(const std::string& op, const Value& left, const Value& right) {
  if (op == "eq") return left == right;
  if (op == "gt") return left > right;
  if (op == "lt") return left < right;
  if (op == "ge") return left >= right;
  return op == "le" && left <= right;
}

bool compare(const Node& node, const std::string& op, const json& value) {
  if (value.type() != node.literal.type() && !(value.is_number() && node.literal.is_number())) return false;
  if (!value.is_string()) return is_ordered(op, value, node.literal);
  if (node.type == "dateTime") {
    return is_ordered(op, from_rfc3339(value.get<std::string>()), from_rfc3339(node.literal.get<std::string>()));
  }
  const std::string left = node.case_exact ? value.get<std::string>() : scim_lower(value.get<std::string>());
  const std::string right =
      node.case_exact ? node.literal.get<std::string>() : scim_lower(node.literal.get<std::string>());
  if (op == "co") return left.find(right) != std::string::npos;
  if (op == "sw") return left.starts_with(right);
  if (op == "ew") return left.ends_with(right);
  return is_ordered(op, left, right);
}

/// Every value that the node's path leads to.
std::vector<const json*> values_at(const Node& node, const json& object) {
  const json* home = node.urn.empty() ? &object : scim_member(object, node.urn);
  const json* found = home == nullptr ? nullptr : scim_member(*home, node.name);
  std::vector<const json*> all;
  if (found == nullptr) return all;
  if (found->is_array()) {
    for (const json& each : *found) all.push_back(&each);
  } else {
    all.push_back(found);
  }
  if (node.sub.empty()) return all;
  std::vector<const json*> subs;
  for (const json* each : all) {
    if (const json* sub = scim_member(*each, node.sub)) subs.push_back(sub);
  }
  return subs;
}

bool holds(const Node& node, const json& object) {
  const auto inner = [&](const NodePtr& part) { return holds(*part, object); };
  switch (node.kind) {
    case Node::Kind::all:
      return std::all_of(node.parts.begin(), node.parts.end(), inner);
    case Node::Kind::any:
      return std::any_of(node.parts.begin(), node.parts.end(), inner);
    case Node::Kind::no:
      return !inner(node.parts.front());
    case Node::Kind::present:
      return !values_at(node, object).empty();
    case Node::Kind::element: {
      const auto all = values_at(node, object);
      return std::any_of(all.begin(), all.end(), [&](const json* each) { return holds(*node.parts.front(), *each); });
    }
    case Node::Kind::compare:
      break;
  }
  const auto all = values_at(node, object);
  if (node.literal.is_null()) return all.empty() == (node.op == "eq");
  const std::string& op = node.op == "ne" ? std::string("eq") : node.op;
  const bool any = std::any_of(all.begin(), all.end(), [&](const json* each) { return compare(node, op, *each); });
  return any != (node.op == "ne");
}

}  // namespace

ScimFilter ScimFilter::parse(const std::string& endpoint, std::string_view text, const std::string& scim_type) {
  const auto lookup = [&](const std::string& path) { return scim_attribute(endpoint, path, scim_type); };
  return ScimFilter(Parser(text, lookup, scim_type).whole());
}

ScimFilter ScimFilter::parse_element(const json& attribute, std::string_view text, const std::string& scim_type) {
  return ScimFilter(Parser(text, element_lookup(attribute, scim_type), scim_type).whole());
}

bool ScimFilter::matches(const json& object) const { return holds(*root_, object); }

}  // namespace linkspan::testkit
