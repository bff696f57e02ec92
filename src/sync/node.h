#pragma once
// A connector object while a stage works on it: decoded images, the rules in scope, and what is to be written.

#include <memory>
#include <vector>

#include "sync/context.h"
#include "sync/fold.h"

namespace linkspan::sync {

/// Pinned in memory: `source` borrows the images.
struct Node {
  Node(store::ObjectWithImages loaded, const ConnectorInfo& connector);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  store::Object original;
  store::Object object;
  store::Images images;  ///< as loaded
  const ConnectorInfo* info;
  bool in_page = false;  ///< one of those the stage was asked to look at; the others came along with a metaverse object
  bool participates = false;  ///< an import has shown it: inbound rules may read it
  model::Image imported;
  model::Image image;  ///< what rules read: imported, overlaid by what is sent and what is pending
  std::unique_ptr<ImageSource> source;
  std::vector<const rules::CompiledRule*> in_scope;  ///< inbound, by precedence
  bool removed = false;
  bool link_changed = false;
  bool keys_given = false;
  std::vector<store::Key> keys;
  model::Image desired;  ///< only where a stage changes it
  bool desired_given = false;

  /// Cuts the link. `desired` is what becomes of the object in its directory.
  void unlink(store::Desired desired_state);
  /// Cuts the link for good. With `deprovision` an account that is there, or may be, is to be deleted; what was never
  /// there is forgotten, anything else is left as it is.
  void release(bool deprovision);
  /// Wanted, and not there as far as is known: an account that turns up may take its place.
  [[nodiscard]] bool is_provisional() const;
  void link(store::MetaverseId metaverse, store::RuleId rule);
  /// The join keys by which a disconnector can be found.
  void give_keys(const rules::RuleSet& rules);
};

/// Decodes and asks the scope of the inbound rules. `references` is kept by the node's source.
void prepare_inbound(Node& node, const rules::RuleSet& rules, ReferenceNames* references = nullptr);

/// Keys of `image` for these attributes, each value one.
[[nodiscard]] std::vector<store::Key> keys_of(const model::Image& image, std::span<const model::NameId> attributes);

/// The write of a node, if there is anything to write.
[[nodiscard]] std::optional<store::ObjectWrite> write_of(const Node& node);

}  // namespace linkspan::sync
