#pragma once
// What a directory says of itself.

#include <string>
#include <vector>

namespace linkspan::model {

enum class ValueKind : unsigned char { text, binary, integer, boolean, time, reference };

struct SchemaAttribute {
  std::string name;
  ValueKind kind = ValueKind::text;
  bool multi_valued = false;
  bool writable = true;
  bool case_exact = false;
};

struct SchemaClass {
  std::string name;
  std::vector<SchemaAttribute> attributes;  ///< sorted by name, inherited ones included
};

struct Schema {
  std::vector<SchemaClass> classes;  ///< sorted by name
};

}  // namespace linkspan::model
