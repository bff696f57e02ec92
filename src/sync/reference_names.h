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
  [[nodiscard]] std::size_t count_referencing(model::ObjectId object, model::NameId attribute) override;

 private:
  using Expected = std::map<model::NameId, std::vector<store::ObjectId>>;
  /// `object` and all of its type that are still expected.
  [[nodiscard]] std::vector<store::ObjectId> with_others(Expected& expected, model::ObjectId object) const;
  void load(std::span<const store::ObjectId> objects);
  void count(std::span<const store::ObjectId> objects);

  const Context& context_;
  store::View& view_;
  std::unordered_map<std::int64_t, model::NameId> types_;
  Expected expected_;
  Expected expected_counts_;
  std::unordered_map<std::int64_t, std::vector<std::pair<model::NameId, std::string>>> known_;
  std::unordered_map<std::int64_t, std::map<model::NameId, std::size_t>> counts_;  ///< who references it, by what
};

}  // namespace linkspan::sync
