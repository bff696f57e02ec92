#pragma once
// The configuration of the pipeline, loaded whole from the store at the start of every run.

#include <functional>
#include <memory>
#include <vector>

#include "connector/connector.h"
#include "rules/rule_set.h"
#include "sync/context.h"

namespace linkspan::sync {

struct Configuration {
  std::vector<ConnectorInfo> connectors;  ///< in the order in which they were created
  std::shared_ptr<const rules::RuleSet> rules;
  std::vector<rules::Problem> warnings;
};

/// A connector's settings as stored, JSON: name -> list of text. Throws Fault::corrupt "sync.connector_settings".
[[nodiscard]] connector::Settings parse_settings(const store::ConnectorRow& row);
[[nodiscard]] std::string print_settings(const connector::Settings& settings);

/// Reads connectors and rules and compiles them. `naming` says of a kind how its directories call their objects.
/// Settings read here: `canaries`, `parameters` ("Domain.Netbios=CORP"), and `deprovision` = "delete" (standard) or
/// "disconnect". Throws Fault::invalid
/// "sync.rules" with every problem in the message when the rules do not compile.
[[nodiscard]] Configuration load_configuration(store::Store& store,
                                               const std::function<connector::Naming(std::string_view kind)>& naming);

}  // namespace linkspan::sync
