#include "rules/internal/foreign_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "base/error.h"
#include "base/text.h"
#include "rules/internal/utf8.h"

namespace linkspan::rules {
namespace {

constexpr std::size_t k_deepest = 64;
constexpr std::size_t k_most_items = 1'000'000;

std::string_view local_name(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

void check_size(std::string_view bytes, std::string_view file) {
  if (bytes.size() <= k_largest_foreign_file) return;
  throw Error(Fault::invalid, "rules.foreign_too_large",
              fmt::format("{} is larger than {} MiB", printable(file), k_largest_foreign_file >> 20U),
              "A configuration export holds no such file.");
}

}  // namespace

bool ForeignElement::has(std::string_view name) const {
  return std::ranges::any_of(children_, [&](const auto& one) { return equal_ascii_case(one.name_, name); });
}

bool ForeignElement::is_empty() const { return trim(text_).empty() && attributes_.empty() && children_.empty(); }

ForeignElement* ForeignElement::child(std::string_view name) {
  for (ForeignElement& one : children_) {
    if (!equal_ascii_case(one.name_, name)) continue;
    one.read();
    return &one;
  }
  return nullptr;
}

std::vector<ForeignElement*> ForeignElement::each(std::string_view name) {
  std::vector<ForeignElement*> found;
  for (ForeignElement& one : children_) {
    if (!equal_ascii_case(one.name_, name)) continue;
    one.read();
    if (!one.is_list_) {
      found.push_back(&one);
      continue;
    }
    for (ForeignElement* item : one.all()) found.push_back(item);
  }
  return found;
}

std::vector<ForeignElement*> ForeignElement::all() {
  std::vector<ForeignElement*> found;
  for (ForeignElement& one : children_) {
    one.read();
    found.push_back(&one);
  }
  return found;
}

std::string ForeignElement::text() {
  text_read_ = true;
  return std::string(trim(text_));
}

std::string ForeignElement::exact_text() {
  text_read_ = true;
  return text_;
}

std::string ForeignElement::text(std::string_view name) {
  ForeignElement* found = child(name);
  return found == nullptr ? std::string() : found->text();
}

std::optional<std::string> ForeignElement::attribute(std::string_view name) {
  for (Attribute& one : attributes_) {
    if (!equal_ascii_case(one.name, name)) continue;
    one.mark.read = true;
    return one.value;
  }
  return std::nullopt;
}

void ForeignElement::remark(std::string_view reason) {
  mark_ = {true, Verdict::remarked, std::make_shared<const std::string>(reason)};
}

void ForeignElement::remark(std::string_view name, std::string_view reason) {
  if (ForeignElement* found = child(name)) found->remark(reason);
}

void ForeignElement::put(Verdict verdict, std::string_view reason) {
  put(verdict, std::make_shared<const std::string>(reason));
}

void ForeignElement::put(Verdict verdict, const std::shared_ptr<const std::string>& reason) {
  mark_ = {true, verdict, reason};
  for (Attribute& one : attributes_) one.mark = mark_;
  for (ForeignElement& one : children_) one.put(verdict, reason);
}

void ForeignElement::dismiss(std::initializer_list<std::string_view> names, std::string_view reason) {
  for (ForeignElement& one : children_) {
    const bool meant = std::ranges::any_of(names, [&](auto name) { return equal_ascii_case(one.name_, name); });
    if (meant) one.dismiss(reason);
  }
}

void ForeignElement::dismiss_attributes(std::initializer_list<std::string_view> names, std::string_view reason) {
  const auto shared = std::make_shared<const std::string>(reason);
  for (Attribute& one : attributes_) {
    const bool meant = std::ranges::any_of(names, [&](auto name) { return equal_ascii_case(one.name, name); });
    if (meant) one.mark = {true, Verdict::not_applicable, shared};
  }
}

/// pugixml's tree to ours. pugixml expands no entities but XML's own five and characters by number.
class ForeignXml {
 public:
  explicit ForeignXml(std::string_view file) : file_(file) {}

  ForeignElement read(std::string_view bytes) {
    pugi::xml_document document;
    const pugi::xml_parse_result result =
        document.load_buffer(bytes.data(), bytes.size(), pugi::parse_default | pugi::parse_doctype);
    for (const pugi::xml_node& node : document.children()) {
      if (node.type() == pugi::node_doctype) refuse("it declares a document type, which an export never does");
    }
    if (!result) refuse(fmt::format("at byte {}: {}", result.offset, result.description()));
    ForeignElement root;
    convert(document.document_element(), root, 1);
    return root;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(Fault::invalid, "rules.foreign_xml", fmt::format("{} cannot be read: {}", printable(file_), why),
                "Export the configuration again and copy the folder as it is.");
  }

  std::string checked(std::string_view text) const {
    if (!is_utf8(text)) refuse("it holds bytes that are no characters");
    return std::string(text);
  }

  void convert(const pugi::xml_node& from, ForeignElement& to, std::size_t depth) {
    if (depth > k_deepest) refuse(fmt::format("it is nested more than {} deep", k_deepest));
    if (++items_ > k_most_items) refuse(fmt::format("it holds more than {} elements", k_most_items));
    to.name_ = checked(local_name(from.name()));
    for (const pugi::xml_attribute& attribute : from.attributes()) {
      if (++items_ > k_most_items) refuse(fmt::format("it holds more than {} elements", k_most_items));
      ForeignElement::Attribute made{checked(local_name(attribute.name())), checked(attribute.value()), {}};
      const std::string_view full = attribute.name();
      made.mark.read = full == "xmlns" || full.starts_with("xmlns:");
      to.attributes_.push_back(std::move(made));
    }
    for (const pugi::xml_node& node : from.children()) {
      if (node.type() == pugi::node_element) {
        convert(node, to.children_.emplace_back(), depth + 1);
      } else if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) {
        to.text_ += checked(node.value());
      }
    }
  }

  std::string_view file_;
  std::size_t items_ = 0;
};

/// The parser's events to our tree: a key that stands twice is two children.
class ForeignJson : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit ForeignJson(std::string_view file) : file_(file) { root_.name_ = "policy"; }

  ForeignElement read(std::string_view bytes) {
    if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
    std::string converted;  // PowerShell writes UTF-16
    if (bytes.starts_with("\xFF\xFE")) {
      const std::optional<std::string> text = from_utf16(bytes.substr(2));
      if (!text) refuse("it holds bytes that are no characters");
      converted = *text;
      bytes = converted;
    }
    nlohmann::json::sax_parse(bytes.begin(), bytes.end(), this);
    return std::move(root_);
  }

  bool null() override { return scalar({}); }
  bool boolean(bool value) override { return scalar(value ? "True" : "False"); }
  bool number_integer(number_integer_t value) override { return scalar(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return scalar(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return scalar(text); }
  bool string(string_t& value) override { return scalar(value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(false); }
  bool key(string_t& value) override {
    key_ = value;
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    refuse(fmt::format("it is no JSON at byte {}", position));
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(Fault::invalid, "rules.foreign_json", fmt::format("{} cannot be read: {}", printable(file_), why),
                "Export the settings again and copy the file as it is.");
  }

  ForeignElement& add() {
    if (++items_ > k_most_items) refuse(fmt::format("it holds more than {} values", k_most_items));
    ForeignElement& parent = *open_.back();
    ForeignElement& made = parent.children_.emplace_back();
    made.name_ = parent.is_list_ ? "item" : key_;
    return made;
  }

  bool scalar(std::string_view text) {
    if (open_.empty()) refuse("it is no object");
    add().text_ = text;
    return true;
  }

  bool open(bool list) {
    if (open_.empty()) {
      if (list) refuse("it is no object");
      open_.push_back(&root_);
      return true;
    }
    if (open_.size() == k_deepest) refuse(fmt::format("it is nested more than {} deep", k_deepest));
    ForeignElement& made = add();
    made.is_list_ = list;
    // A pointer into the parent's children stays true: nothing is added there until this one is closed.
    open_.push_back(&made);
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view file_;
  ForeignElement root_;
  std::vector<ForeignElement*> open_;
  std::string key_;
  std::size_t items_ = 0;
};

ForeignElement parse_foreign_xml(std::string_view bytes, std::string_view file) {
  check_size(bytes, file);
  return ForeignXml(file).read(bytes);
}

ForeignElement parse_foreign_json(std::string_view bytes, std::string_view file) {
  check_size(bytes, file);
  return ForeignJson(file).read(bytes);
}

}  // namespace linkspan::rules
