// Any bytes in place of what a SCIM service sends are read or refused; nothing is read beyond them, nothing but an
// Error thrown, and what is written back of them is JSON.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "connector_scim/internal/bulk.h"
#include "connector_scim/internal/path.h"
#include "connector_scim/internal/reader.h"
#include "connector_scim/internal/scim_import.h"
#include "connector_scim/internal/writer.h"

namespace {

using namespace linkspan;
using namespace linkspan::connector_scim;

template <class Deed>
void attempt(const Deed& deed) {
  try {
    deed();
  } catch (const Error&) {
  }
}

void require_json(const std::optional<std::string>& body) {
  if (body && !nlohmann::json::accept(*body)) std::abort();
}

model::Values text(std::string value) { return {model::Value(std::move(value))}; }

/// Changes of each sort: plain, in an element, in an extension, a reference.
model::Export update() {
  model::Export made;
  made.attributes = {{"title", text("Mate"), text("Captain")},
                     {R"(emails[type eq "work"].value)", {}, text("ada@x")},
                     {"name.givenName", text("Ada"), {}},
                     {"enterprise:department", {}, text("Deck")}};
  made.references = {{"enterprise:manager", "7", {}, true}, {"members", "8", {}, true}, {"members", "9", {}, false}};
  return made;
}

/// A path that is read is written as one that is read the same.
void round_trip(std::string_view name) {
  const Path path = parse_path(name);
  if (parse_path(to_name(path)) != path) std::abort();
  (void)to_wire(path);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ResourceType user = standard_user(true);
  static const ResourceType group = standard_group();
  static const model::Export change = update();
  static Reader reader;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const ResourceType* type : {&user, &group}) {
    for (const bool by_cursor : {false, true}) {
      attempt([&] {
        for (const Resource& one : reader.page(bytes, *type, by_cursor).resources) {
          if (one.entry.anchor.empty()) std::abort();
        }
      });
    }
    attempt([&] {
      const Resource one = reader.resource(bytes, *type);
      require_json(patch_body(*type, change, &one.entry));
    });
    attempt([&] { require_json(put_body(*type, change, bytes)); });
    attempt([&] { require_json(whole_patch_body(*type, change, bytes, {})); });
  }
  (void)reader.complaint(bytes);
  if (bulk_outcomes(bytes, 3).size() != 3) std::abort();
  attempt([&] {
    if (const std::optional<Shape> shape = parse_shape(bytes)) {
      ResourceType type = foreign_type("Harbour");
      type.core = *shape;
      (void)flatten(type);
    }
  });
  attempt([&] { round_trip(bytes); });
  attempt([&] { (void)parse_watermark(bytes); });
  return 0;
}
