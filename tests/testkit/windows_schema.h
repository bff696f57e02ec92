#pragma once
// The part of Active Directory's schema that windows_directory.h knows (MS-ADA1..3, MS-ADSC).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace linkspan::testkit {

enum class WindowsSyntax : std::uint8_t { text, integer, boolean, time, octets, name, identifier, descriptor };

struct WindowsAttribute {
  std::string name;
  std::string oid;
  WindowsSyntax syntax = WindowsSyntax::text;
  bool single = false;
  bool kept = false;         ///< nobody but the directory writes it
  bool constructed = false;  ///< shown only to who asks for it by name
  bool local = false;        ///< not replicated: DirSync never tells of it
  std::string partner{};     ///< the other end of the link; `kept` is the far end
};

struct WindowsClass {
  std::string name;
  std::string oid;
  std::string superior;
  std::string rdn = "CN";
  std::vector<std::string> required{};
  std::vector<std::string> allowed{};
};

/// Regardless of case; nullptr when there is none.
[[nodiscard]] const WindowsAttribute* windows_attribute(std::string_view name);
[[nodiscard]] const WindowsClass* windows_class(std::string_view name);
[[nodiscard]] const std::vector<WindowsAttribute>& windows_attributes();

/// The class and all above it, the highest first.
[[nodiscard]] std::vector<std::string> windows_class_line(std::string_view name);

/// attributeTypes and objectClasses as the subschema entry prints them (MS-ADTS 3.1.1.3.1.1.1).
[[nodiscard]] std::vector<std::string> windows_attribute_types();
[[nodiscard]] std::vector<std::string> windows_object_classes();

}  // namespace linkspan::testkit
