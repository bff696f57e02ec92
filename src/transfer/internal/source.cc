#include "transfer/internal/source.h"

#include <fmt/format.h>

#include "base/error.h"

namespace linkspan::transfer {

Connector connector_of(const Place& place) {
  Connector connector{.url = sql::DatabaseUrl::parse(place.url), .options = {.password = place.password}};
  if (connector.url.path == ":memory:") {
    throw Error(Fault::invalid, "store.memory", "an in-memory database cannot be carried elsewhere", "Name a file.");
  }
  return connector;
}

bool names_a_password(std::string_view url) { return !sql::DatabaseUrl::parse(url).parameter("password").empty(); }

std::optional<Error> source_obstacle(sql::Database& database) {
  const store_sql::Found found = store_sql::look_at(database);
  const bool empty = found.occupant == store_sql::Occupant::nothing ||
                     (found.occupant == store_sql::Occupant::linkspan && found.identity.empty());
  if (empty) {
    return Error(Fault::not_found, "transfer.empty_source", fmt::format("{} is empty", database.name()),
                 "Name the database Linkspan lives in.");
  }
  if (found.occupant == store_sql::Occupant::other) {
    return Error(Fault::invalid, "store.not_linkspan", fmt::format("{} is not a Linkspan database", database.name()),
                 "Name the database Linkspan lives in.");
  }
  if (!found.moved_to.empty()) {
    return Error(
        Fault::conflict, "transfer.not_in_charge",
        fmt::format("{} is not in charge: {}{}", database.name(),
                    found.moved_to.find(' ') == std::string::npos ? "it was moved to " : "it is ", found.moved_to),
        "What it holds is not the state. Name the database that is in charge.");
  }
  if (found.upgrade_needed) {
    return Error(
        Fault::conflict, "transfer.older_schema",
        fmt::format("{} has schema {}, which an earlier version of the program made", database.name(), found.schema),
        "Upgrade it first: `linkspan database upgrade`.");
  }
  return std::nullopt;
}

Head check_source(sql::Database& database) {
  if (auto obstacle = source_obstacle(database)) throw std::move(*obstacle);
  return load_head(database);
}

}  // namespace linkspan::transfer
