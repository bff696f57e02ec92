#pragma once
// From the JSON a service sends to entries. Everything here may be hostile: sizes are bounded by net's longest body,
// shapes are checked, and what is not understood is left out rather than guessed.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "connector_scim/internal/shape.h"
#include "model/entry.h"

namespace linkspan::connector_scim {

/// One resource as a reply showed it.
struct Resource {
  model::Entry entry;
  std::optional<Time> last_modified;  ///< meta.lastModified
  std::string version;                ///< meta.version, an entity tag; empty = none given
};

/// A ListResponse (RFC 7644 section 3.4.2).
struct Page {
  std::uint64_t total = 0;
  bool is_total_said = true;  ///< with a cursor it may be left out
  std::string next_cursor;    ///< RFC 9865; empty = there is no more
  std::vector<Resource> resources;
};

/// What an error reply says (RFC 7644 section 3.12); both empty when it says nothing.
struct Complaint {
  std::string scim_type;  ///< "uniqueness", "noTarget", …
  std::string detail;     ///< printable, cut
};

/// Parsers keep their memory between calls. Not thread-safe.
class Reader {
 public:
  Reader();
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Throws Fault::unavailable "scim.reply" when `body` is no ListResponse, or a resource in it has no usable id.
  [[nodiscard]] Page page(std::string_view body, const ResourceType& type, bool by_cursor = false);

  /// Likewise for one resource.
  [[nodiscard]] Resource resource(std::string_view body, const ResourceType& type);

  /// Never throws for what is in `body`; a page that is not JSON (a proxy's, say) is quoted in part.
  [[nodiscard]] Complaint complaint(std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::connector_scim
