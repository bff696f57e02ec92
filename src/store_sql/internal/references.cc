#include "store_sql/internal/references.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace linkspan::store_sql {

namespace {

using sql::Role;
using store::NameId;
using store::ObjectId;

const sql::Table& targets() {
  static const sql::Table table{
      .name = "connector_reference",
      .columns = {{"object_id", Role::key}, {"attribute_id", Role::key}, {"target_id"}, {"bits"}}};
  return table;
}
const sql::Table& referencing() {
  static const sql::Table table{
      .name = "connector_reference",
      .columns = {{"target_id", Role::key}, {"attribute_id", Role::key}, {"object_id"}, {"bits"}}};
  return table;
}
const sql::Table& identities() {
  static const sql::Table table{.name = "connector_object", .columns = {{"id", Role::key}, {"metaverse_id"}, {"type"}}};
  return table;
}

bool observed(std::int64_t bits) { return (bits & store::reference_observed) != 0; }

/// Sources to identities, and these to objects of one connector.
class Resolving {
 public:
  Resolving(sql::Database& database, store::ConnectorId connector, std::span<const model::ReferenceSource> sources)
      : database_(database), connector_(connector), sources_(sources), wanted_(2) {}

  std::vector<store::View::Resolved> run() {
    read_targets();
    read_referencing();
    follow();
    find_joined();
    std::vector<store::View::Resolved> resolved;
    resolved.reserve(leads_.size());
    for (const auto& [source, place] : leads_)
      resolved.push_back({source, place == k_nowhere ? ObjectId{} : objects_[place]});
    return resolved;
  }

 private:
  static constexpr std::size_t k_nowhere = ~std::size_t{0};
  /// What a flattened source follows its references by.
  using Way = std::pair<NameId, NameId>;
  struct Known {
    std::optional<std::int64_t> metaverse;
    std::int64_t type = 0;
  };
  /// Objects that sources of one way lead to, and where these lead as far as somebody goes on there.
  struct Graph {
    std::unordered_map<std::int64_t, Known> known;
    std::unordered_map<std::int64_t, std::vector<std::int64_t>> next;
  };

  void add(std::size_t source, std::optional<std::int64_t> metaverse) {
    if (!metaverse) {
      leads_.emplace_back(source, k_nowhere);
      return;
    }
    const auto [place, fresh] = places_.try_emplace(*metaverse, objects_.size());
    if (fresh) {
      objects_.emplace_back();
      wanted_.integer(*metaverse);
      wanted_.integer(connector_.value);
    }
    leads_.emplace_back(source, place->second);
  }

  void read_targets() {
    static const sql::Table observed_targets{
        .name = "observed_target",
        .columns = {{"object_id", Role::key}, {"attribute_id", Role::key}, {"metaverse_id"}}};
    sql::RowBatch keys(2);
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].flatten) continue;
      keys.integer(sources_[i].object.value);
      keys.integer(sources_[i].attribute);
      asked.push_back(i);
    }
    database_.lookup(observed_targets, keys.rows(),
                     [&](std::size_t key, const sql::Row& row) { add(asked[key], row.maybe_integer(0)); });
  }

  void read_referencing() {
    sql::RowBatch keys(2);
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].flatten || sources_[i].referenced_by == 0) continue;
      keys.integer(sources_[i].object.value);
      keys.integer(sources_[i].referenced_by);
      asked.push_back(i);
    }
    std::vector<std::size_t> source_of;
    std::vector<std::int64_t> ids;
    database_.lookup(referencing(), keys.rows(), [&](std::size_t key, const sql::Row& row) {
      if (!observed(row.integer(1))) return;
      source_of.push_back(asked[key]);
      ids.push_back(row.integer(0));
    });
    database_.lookup(identities(), number_rows(ids).rows(),
                     [&](std::size_t key, const sql::Row& row) { add(source_of[key], row.maybe_integer(0)); });
  }

  void follow() {
    std::map<Way, std::vector<std::size_t>> ways;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].flatten) ways[{sources_[i].attribute, sources_[i].referenced_by}].push_back(i);
    }
    for (const auto& [way, from] : ways) {
      const Graph graph = explore(way, from);
      for (const std::size_t source : from) walk(graph, source);
    }
  }

  /// Reads on from every object that is of the type of one that it began with.
  Graph explore(const Way& way, const std::vector<std::size_t>& from) {
    Graph graph;
    std::vector<std::int64_t> fresh;
    for (const std::size_t source : from) {
      const std::int64_t root = sources_[source].object.value;
      if (graph.known.try_emplace(root).second) fresh.push_back(root);
    }
    std::unordered_set<std::int64_t> types;
    for (bool first = true; !fresh.empty(); first = false) {
      database_.lookup(identities(), number_rows(fresh).rows(), [&](std::size_t key, const sql::Row& row) {
        graph.known[fresh[key]] = {row.maybe_integer(0), row.integer(1)};
        if (first) types.insert(row.integer(1));
      });
      std::vector<std::int64_t> open;
      std::copy_if(fresh.begin(), fresh.end(), std::back_inserter(open),
                   [&](std::int64_t id) { return types.contains(graph.known[id].type); });
      fresh.clear();
      read_next(targets(), way.first, open, graph, fresh);
      if (way.second != 0) read_next(referencing(), way.second, open, graph, fresh);
    }
    return graph;
  }

  void read_next(const sql::Table& table, NameId attribute, const std::vector<std::int64_t>& open, Graph& graph,
                 std::vector<std::int64_t>& fresh) {
    sql::RowBatch keys(2);
    for (const std::int64_t id : open) {
      keys.integer(id);
      keys.integer(attribute);
    }
    database_.lookup(table, keys.rows(), [&](std::size_t key, const sql::Row& row) {
      if (!observed(row.integer(1))) return;
      const std::int64_t id = row.integer(0);
      graph.next[open[key]].push_back(id);
      if (graph.known.try_emplace(id).second) fresh.push_back(id);
    });
  }

  void walk(const Graph& graph, std::size_t source) {
    const std::int64_t root = sources_[source].object.value;
    const std::int64_t type = graph.known.at(root).type;
    std::unordered_set<std::int64_t> seen{root};
    for (std::vector<std::int64_t> open{root}; !open.empty();) {
      const auto from = graph.next.find(open.back());
      open.pop_back();
      if (from == graph.next.end()) continue;
      for (const std::int64_t id : from->second) {
        if (!seen.insert(id).second) continue;
        const Known& known = graph.known.at(id);
        if (known.type == type) {
          open.push_back(id);
        } else {
          add(source, known.metaverse);
        }
      }
    }
  }

  void find_joined() {
    static const sql::Table joined{.name = "connector_object",
                                   .columns = {{"metaverse_id", Role::key}, {"connector_id", Role::key}, {"id"}}};
    database_.lookup(joined, wanted_.rows(), [&](std::size_t identity, const sql::Row& row) {
      ObjectId& target = objects_[identity];
      const ObjectId found{row.integer(0)};
      // Two objects of one connector may be joined to one identity: the older one, whatever the server's order.
      if (!target || found < target) target = found;
    });
  }

  sql::Database& database_;
  store::ConnectorId connector_;
  std::span<const model::ReferenceSource> sources_;
  std::vector<std::pair<std::size_t, std::size_t>> leads_;  ///< source, place among `objects_`
  std::vector<ObjectId> objects_;                           ///< what each identity is in the connector
  std::unordered_map<std::int64_t, std::size_t> places_;    ///< of identities
  sql::RowBatch wanted_;
};

}  // namespace

// In lookups of many rather than one join: the last one asks once for each identity, however many refer to it.
std::vector<store::View::Resolved> resolve_references(sql::Database& database, store::ConnectorId connector,
                                                      std::span<const model::ReferenceSource> sources) {
  return Resolving(database, connector, sources).run();
}

std::unordered_set<std::int64_t> holders_of(sql::Database& database, const std::unordered_set<std::int64_t>& objects,
                                            const store::DerivedReferences& derived) {
  static const sql::Table to{.name = "connector_reference",
                             .columns = {{"target_id", Role::key}, {"object_id"}, {"attribute_id"}, {"bits"}}};
  static const sql::Table from{.name = "connector_reference",
                               .columns = {{"object_id", Role::key}, {"target_id"}, {"attribute_id"}, {"bits"}}};
  std::unordered_set<std::int64_t> holders;
  std::unordered_set<std::int64_t> followed;
  std::vector<std::int64_t> further;
  const auto is_in = [](std::span<const NameId> names, std::int64_t attribute) {
    return std::binary_search(names.begin(), names.end(), static_cast<NameId>(attribute));
  };
  bool any = !derived.alone;  // beyond the first step only what is derived counts
  const auto take = [&](const sql::Row& row, bool backwards) {
    if (!observed(row.integer(2))) return;
    const bool counts = is_in(backwards ? derived.backwards : derived.through, row.integer(1));
    if (!counts && (backwards || !any)) return;
    holders.insert(row.integer(0));
    if (counts && !derived.through.empty() && followed.insert(row.integer(0)).second) further.push_back(row.integer(0));
  };
  for (std::vector<std::int64_t> frontier(objects.begin(), objects.end()); !frontier.empty();) {
    database.lookup(to, number_rows(frontier).rows(), [&](std::size_t, const sql::Row& row) { take(row, false); });
    if (!derived.backwards.empty())
      database.lookup(from, number_rows(frontier).rows(), [&](std::size_t, const sql::Row& row) { take(row, true); });
    frontier = std::exchange(further, {});
    any = false;
  }
  return holders;
}

}  // namespace linkspan::store_sql
