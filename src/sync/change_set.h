#pragma once
// The change set: everything a connector would be sent, as people review it, with a fingerprint over just that.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/export.h"
#include "sync/context.h"

namespace linkspan::sync {

/// One pending export, for review and for sending. References are resolved to the names of their targets.
struct PendingExport {
  model::Export change;
  std::string name;         ///< what people call the object: its dn, or what it would be called
  std::string correlation;  ///< the source anchor it carries, where the connector has such an attribute
  std::vector<model::ReferenceChange> withheld;  ///< references whose target is not in the directory yet
};

/// Reads the change set of one connector in order of object id, a page at a time, memory flat. `correlation_attribute`
/// as the connector's capabilities say; may be empty.
/// `visit` returns false to stop.
void each_pending(const Context& context, const ConnectorInfo& info, std::string_view correlation_attribute,
                  const std::function<bool(const PendingExport&)>& visit);

/// The pending exports of these objects (loaded with all images), as each_pending shows them.
[[nodiscard]] std::vector<PendingExport> pending_exports(const Context& context, const ConnectorInfo& info,
                                                         std::string_view correlation_attribute, store::View& view,
                                                         const std::vector<store::ObjectWithImages>& objects);

/// Gives each of `pending`, the exports of `objects`, all that its object should be (model::Export::whole).
void tell_whole(const Context& context, store::View& view, const std::vector<store::ObjectWithImages>& objects,
                std::vector<PendingExport>& pending);

/// What the guard counts.
struct ChangeCounts {
  std::int64_t adds = 0;
  std::int64_t updates = 0;
  std::int64_t renames = 0;
  std::int64_t deletes = 0;
  std::int64_t disablements = 0;  ///< a boolean of `disabling_attributes` goes from true to false
  std::int64_t membership_additions = 0;
  std::int64_t membership_removals = 0;
  std::int64_t cleared_attributes = 0;
  [[nodiscard]] std::int64_t objects() const { return adds + updates + renames + deletes; }
};

struct ChangeSet {
  ChangeCounts counts;
  std::string fingerprint;  ///< 64 hex digits: SHA-256 over what would be sent, values and all
};

/// Counts and fingerprints in one streaming pass. Equal change sets have equal fingerprints in the same database and in
/// every copy of it; one value more or less gives another.
[[nodiscard]] ChangeSet summarize(const Context& context, const ConnectorInfo& info,
                                  std::string_view correlation_attribute);

/// For the running summary of a caller that visits the exports itself.
class ChangeSetBuilder {
 public:
  ChangeSetBuilder();
  ~ChangeSetBuilder();
  void add(const PendingExport& pending);
  [[nodiscard]] ChangeSet finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace linkspan::sync
