#include "cli/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/error.h"

namespace linkspan::cli {

using Tree = nlohmann::ordered_json;

struct JsonAccess {
  static Tree to_tree(const Json& json) {
    return std::visit(
        [](const auto& value) -> Tree {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, Json::List>) {
            Tree list = Tree::array();
            for (const Json& one : value) list.push_back(to_tree(one));
            return list;
          } else if constexpr (std::is_same_v<T, Json::Object>) {
            Tree object = Tree::object();
            for (const auto& [name, one] : value) object[name] = to_tree(one);
            return object;
          } else {
            return Tree(value);
          }
        },
        json.value_);
  }

  static Json from_tree(const Tree& tree) {
    if (tree.is_array()) {
      Json list = Json::list();
      for (const Tree& one : tree) list.push(from_tree(one));
      return list;
    }
    if (tree.is_object()) {
      Json object = Json::object();
      for (const auto& [name, one] : tree.items()) object.set(name, from_tree(one));
      return object;
    }
    if (tree.is_string()) return tree.get<std::string>();
    if (tree.is_boolean()) return tree.get<bool>();
    if (tree.is_number_integer()) return tree.get<std::int64_t>();
    if (tree.is_number()) return tree.get<double>();
    return {};
  }
};

Json::Json(const std::vector<std::string>& values) {
  List list;
  for (const std::string& value : values) list.emplace_back(value);
  value_ = std::move(list);
}

Json& Json::push(Json value) {
  std::get<List>(value_).push_back(std::move(value));
  return *this;
}

Json& Json::set(std::string_view name, Json value) {
  Object& members = std::get<Object>(value_);
  const auto found = std::find_if(members.begin(), members.end(), [&](const auto& one) { return one.first == name; });
  if (found != members.end()) {
    found->second = std::move(value);
  } else {
    members.emplace_back(name, std::move(value));
  }
  return *this;
}

const Json* Json::find(std::string_view name) const {
  const Object* members = std::get_if<Object>(&value_);
  if (members == nullptr) return nullptr;
  for (const auto& [key, value] : *members) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view Json::text() const {
  const std::string* text = std::get_if<std::string>(&value_);
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

const Json::List& Json::items() const {
  static const List none;
  const List* list = std::get_if<List>(&value_);
  return list == nullptr ? none : *list;
}

std::string Json::dump(bool indented) const {
  return JsonAccess::to_tree(*this).dump(indented ? 2 : -1, ' ', false, Tree::error_handler_t::replace);
}

Json Json::parse(std::string_view text) {
  try {
    return JsonAccess::from_tree(Tree::parse(text));
  } catch (const Tree::exception& problem) {
    throw Error(Fault::invalid, "cli.json", std::string("this is not JSON: ") + problem.what(),
                "Check that it is the file meant.");
  }
}

}  // namespace linkspan::cli
