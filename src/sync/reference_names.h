#pragma once
// What references lead to, by name, read from the store when a rule asks.

#include <map>
#include <unordered_map>
#include <vector>

#include "sync/context.h"
#include "sync/fold.h"

namespace linkspan::sync {

/// Reads for all expected objects of a type at once when the first of them is asked for. Borrows the view.
class StoredReferenceNames final : public ReferenceNames {
 public:
  StoredReferenceNames(const Context& context, store::View& view) : context_(context), view_(view) {}

  /// These will be asked for, if any is.
  void expect(std::span<const store::ObjectWithImages> objects);
  [[nodiscard]] std::vector<std::string> names(model::ObjectId object, model::NameId attribute) override;

 private:
  void load(std::span<const store::ObjectId> objects);

  const Context& context_;
  store::View& view_;
  std::unordered_map<std::int64_t, model::NameId> types_;
  std::map<model::NameId, std::vector<store::ObjectId>> expected_;
  std::unordered_map<std::int64_t, std::vector<std::pair<model::NameId, std::string>>> known_;
};

}  // namespace linkspan::sync
