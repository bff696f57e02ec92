#pragma once
// The desired references of connector objects: where the reference sources of the desired images lead today.

#include <span>

#include "sync/context.h"

namespace linkspan::sync {

/// The reference stage, after all links are settled. Touched objects, or (full) all of them; then the touched
/// references of others. A reference to something that is not in the connector is not desired there; when it arrives
/// the references to it are touched. Counts: references_added, references_removed, references_withheld. Returns how
/// many objects and references it looked at.
class References {
 public:
  References(const Context& context, Counters& counters) : context_(context), counters_(counters) {}
  std::size_t run(bool full);

 private:
  std::size_t run_connector(const ConnectorInfo& info, bool full);
  void write_page(const ConnectorInfo& info, std::vector<store::ObjectWithImages> objects);
  const Context& context_;
  Counters& counters_;
};

/// Whether the attribute's references are more than the rows of its sources: then no single one can be looked at alone.
[[nodiscard]] bool is_derived(const model::ImageAttribute& attribute);
[[nodiscard]] bool has_derived_references(const model::Image& desired);

/// The new bits of one reference row. Pure.
[[nodiscard]] std::uint8_t reference_bits(std::uint8_t old, bool managed, bool desired);

}  // namespace linkspan::sync
