#pragma once
// From the JSON Graph sends to entries. Everything here may be hostile: sizes are bounded by net's longest body, shapes
// are checked, and what is not understood is left out rather than guessed.

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "connector_graph/internal/shape.h"
#include "model/entry.h"
#include "net/http_message.h"

namespace linkspan::connector_graph {

/// A reference that is there, or is no longer.
struct LinkChange {
  model::NamedReference reference;
  bool removed = false;
};

/// One object as a delta query or a single read shows it.
struct Item {
  model::Entry entry;  ///< without references
  bool removed = false;
  std::vector<std::string> cleared;  ///< properties said to be null or empty
  std::vector<LinkChange> links;     ///< from members@delta and the like, or from an expanded manager
  bool lacks_parts = false;          ///< a complex property came without some of its parts: null, or as they were
};

/// One page of any list.
struct Page {
  std::vector<Item> items;
  std::string next_link;   ///< empty = the last page
  std::string delta_link;  ///< on the last page of a delta query
};

/// The ids on one page of members or owners: users and groups; devices, contacts and applications are none of ours.
struct LinkPage {
  std::vector<std::string> ids;
  std::string next_link;
};

/// One line of the provisioning log (learn.microsoft.com/graph/api/resources/provisioningobjectsummary).
struct LogLine {
  std::string worker;  ///< the externalId it was uploaded with
  Time at{};
  bool has_taken_effect = false;
  std::string reason;  ///< else: why not; printable, cut
};
struct LogPage {
  std::vector<LogLine> lines;
  std::string next_link;
};

/// What an error reply says (learn.microsoft.com/graph/errors); both empty when it says nothing.
struct Complaint {
  std::string code;     ///< "Request_BadRequest"
  std::string message;  ///< printable, cut
};

/// Parsers keep their memory between calls. Not thread-safe.
class Reader {
 public:
  Reader();
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Each throws Fault::unavailable "graph.reply" when `body` is not what was asked for.

  [[nodiscard]] Page page(std::string_view body, const ObjectType& type);
  [[nodiscard]] Item object(std::string_view body, const ObjectType& type);
  [[nodiscard]] LinkPage links(std::string_view body);
  [[nodiscard]] std::vector<Extension> extensions(std::string_view body);
  /// The replies of a batch by their ids: status, Retry-After among the headers, body as text
  /// (learn.microsoft.com/graph/json-batching).
  [[nodiscard]] std::map<std::string, net::Response, std::less<>> batch(std::string_view body);
  /// Lines about no worker (a cycle as a whole) are left out.
  [[nodiscard]] LogPage log(std::string_view body);
  /// The id of an object just made; empty when the reply shows none.
  [[nodiscard]] std::string id(std::string_view body);

  /// Never throws for what is in `body`; what is not JSON (a proxy's page, say) is quoted in part.
  [[nodiscard]] Complaint complaint(std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether it may stand in a path as an object's id.
[[nodiscard]] bool is_object_id(std::string_view id) noexcept;

}  // namespace linkspan::connector_graph
