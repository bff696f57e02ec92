#pragma once
// store::Servers: which services are alive, and which of them leads.

#include "store_sql/internal/core.h"

namespace linkspan::store_sql {

class SqlServers final : public store::Servers {
 public:
  explicit SqlServers(Core& core) : core_(core) {}

  store::Server report(std::string_view name, std::chrono::seconds lasts) override;
  void leave(std::string_view name) override;
  std::string step_down(std::chrono::seconds time) override;
  std::vector<store::Server> list() override;

 private:
  Core& core_;
};

}  // namespace linkspan::store_sql
