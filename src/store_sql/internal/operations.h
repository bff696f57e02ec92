#pragma once
// store::Operations: the lease, and the history of runs.

#include "store_sql/internal/core.h"

namespace linkspan::store_sql {

class SqlOperations final : public store::Operations {
 public:
  explicit SqlOperations(Core& core) : core_(core) {}

  Time now() override;
  std::optional<store::Lease> acquire(std::string_view holder, std::chrono::seconds lasts) override;
  bool renew(const store::Lease& lease, std::chrono::seconds lasts) override;
  void release(const store::Lease& lease) override;
  LeaseState lease_state() override;
  store::RunId begin_run(const store::Run& run) override;
  void put_step(store::RunId run, const store::RunStep& step) override;
  void end_run(store::RunId run, std::string_view result, Time at) override;
  std::vector<store::Run> runs(std::size_t limit) override;
  void prune_runs(Time before) override;

 private:
  Core& core_;
};

}  // namespace linkspan::store_sql
