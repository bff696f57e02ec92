#pragma once
// Finding a connector by name, with an answer for those who mistyped it.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "store/store.h"
#include "sync/configuration.h"

namespace linkspan::run {

[[noreturn]] inline void no_connector(std::string_view name, const std::vector<std::string>& names) {
  const auto meant = nearest(name, names);
  throw Error(Fault::not_found, "run.no_connector", fmt::format("there is no connector {}", printable(name, 80)),
              meant ? fmt::format("Is {} meant? `linkspan connector list` names all.", *meant)
                    : "`linkspan connector list` names all; `linkspan connector add` makes one.");
}

/// Throws Fault::not_found "run.no_connector" with the nearest name.
[[nodiscard]] inline const sync::ConnectorInfo& find_info(const sync::Configuration& configuration,
                                                          std::string_view name) {
  std::vector<std::string> names;
  for (const sync::ConnectorInfo& info : configuration.connectors) {
    if (info.name == name) return info;
    names.push_back(info.name);
  }
  no_connector(name, names);
}

/// The same, before a run begins.
inline void require_connector(store::Store& store, std::string_view name) {
  std::vector<std::string> names;
  for (const store::ConnectorRow& row : store.configuration().connectors()) {
    if (row.name == name) return;
    names.push_back(row.name);
  }
  no_connector(name, names);
}

[[nodiscard]] inline store::ConnectorRow find_row(store::Store& store, store::ConnectorId id) {
  for (store::ConnectorRow& row : store.configuration().connectors()) {
    if (row.id == id) return std::move(row);
  }
  throw Error(Fault::not_found, "run.no_connector", fmt::format("connector {} was removed meanwhile", id.value),
              "Start again.");
}

}  // namespace linkspan::run
