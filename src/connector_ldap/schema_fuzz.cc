// Any text in place of a directory's schema, its names with identities and a watermark is read or refused; nothing is
// read beyond it, and what was read is found again.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "connector_ldap/internal/active_directory_imports.h"
#include "connector_ldap/internal/anchor.h"
#include "connector_ldap/internal/directory_schema.h"
#include "connector_ldap/internal/guid.h"

namespace {

using namespace linkspan;
using namespace linkspan::connector_ldap;

/// Lines are definitions: of attribute types, of object classes, of content rules, by their first letter.
void read_schema(std::string_view text) {
  std::vector<std::string> attributes;
  std::vector<std::string> classes;
  std::vector<std::string> rules;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with('a')) attributes.emplace_back(line.substr(1));
    if (line.starts_with('o')) classes.emplace_back(line.substr(1));
    if (line.starts_with('r')) rules.emplace_back(line.substr(1));
  }
  const DirectorySchema schema(attributes, classes, rules);
  for (const model::SchemaClass& each : schema.to_model().classes) {
    if (schema.object_class(each.name) == nullptr) std::abort();
    (void)schema.ancestry(each.name);
    (void)schema.required_references(each.name);
  }
  (void)anchor_attribute(schema);
}

/// What is between kind and checksum of a watermark.
void read_watermark(std::string_view text) {
  const std::string body = fmt::format("ad-1 f {}", text);
  try {
    const std::vector<PartitionMark> marks = read_marks(fmt::format("{} {:016x}", body, hash64(body)), "f");
    const std::string again = make_marks(marks, "f");
    if (again.empty() || read_marks(again, "f") != marks) std::abort();
  } catch (const Error& error) {
    if (error.id() != "connector.watermark_refused") std::abort();
  }
}

}  // namespace

/// libldap loses a few bytes of some definitions that it refuses.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "leak:liblber";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_schema(text);
  read_watermark(text);
  (void)parse_extended_dn(text);
  if (const auto bytes = guid_bytes(text); bytes && !guid_text(*bytes)) std::abort();
  (void)sid_text(text);
  (void)anchor_text(text);
  return 0;
}
