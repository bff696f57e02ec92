#pragma once
// store::Configuration: each write a transaction of its own.

#include "store_sql/internal/core.h"

namespace linkspan::store_sql {

class SqlConfiguration final : public store::Configuration {
 public:
  explicit SqlConfiguration(Core& core) : core_(core) {}

  std::vector<store::ConnectorRow> connectors() override;
  store::ConnectorId put_connector(const store::ConnectorRow& row) override;
  void remove_connector(store::ConnectorId id) override;
  std::vector<store::RuleRow> rules() override;
  void put_rules(std::span<const store::RuleRow> rules) override;
  std::vector<store::SecretRow> secrets() override;
  void put_secrets(std::span<const store::SecretRow> rows) override;
  std::optional<std::string> setting(std::string_view name) override;
  std::vector<std::pair<std::string, std::string>> settings() override;
  void put_settings(std::span<const std::pair<std::string, std::string>> values) override;

 private:
  Core& core_;
};

}  // namespace linkspan::store_sql
