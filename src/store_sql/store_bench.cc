// What the store does in a second. SQLite on the disk of the temporary folder, with its fsyncs; PostgreSQL on loopback.
// Targets on two cores with SQLite, in batches of 1,000: new objects 150k/s, by anchor 400k/s, scan 300k/s, new
// identities with three keys 80k/s.

#include <benchmark/benchmark.h>
#include <testkit/postgresql.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "store_sql/store_sql.h"

namespace linkspan::store_sql {
namespace {

using namespace store;

constexpr ConnectorId k_corp{1};
constexpr std::size_t k_people = 100'000;
constexpr std::size_t k_batch = 1'000;

enum Server : std::int64_t { sqlite, postgresql };

// As a GUID: 16 bytes in no order.
std::string anchor_of(std::int64_t number) { return hash128(std::to_string(number)); }

class World {
 public:
  explicit World(std::int64_t server) {
    if (server == sqlite) {
      std::string name = (std::filesystem::temp_directory_path() / "linkspan-bench-XXXXXX").string();
      folder_ = ::mkdtemp(name.data());
      store_ = open_store("sqlite://" + (folder_ / "state.db").string(), {.create = true});
    } else {
      store_ = open_store(testkit::Postgresql::shared().fresh_database(), {.create = true});
    }
    lease_ = store_->operations().acquire("bench", std::chrono::hours(24)).value();
  }
  ~World() {
    store_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Store& store() { return *store_; }
  std::unique_ptr<Batch> batch() { return store_->batch(lease_); }

  static Object object(ObjectId id) {
    Object made;
    made.id = id;
    made.connector = k_corp;
    made.anchor = anchor_of(id.value);
    made.dn = "cn=Person " + std::to_string(id.value) + ",ou=People,dc=corp,dc=example";
    made.type = 1;
    made.state = ObjectState::disconnector;
    made.observed_hash = anchor_of(-id.value);
    made.touched = touched_inbound;
    return made;
  }

  // `count` new objects with an observed image in a batch of their own.
  void add_objects(std::size_t count) {
    static const std::string image(600, 'i');
    const auto to = batch();
    ObjectId next = to->new_objects(count);
    std::vector<ObjectWrite> writes(count);
    for (ObjectWrite& write : writes) {
      write.object = object(next);
      write.images.observed = image;
      write.mask = observed_image;
      ++next.value;
    }
    to->put_objects(writes);
    to->commit();
  }

  void add_identities(std::size_t count) {
    const auto to = batch();
    MetaverseId next = to->new_metaverse(count);
    std::vector<MetaverseWrite> writes(count);
    for (MetaverseWrite& write : writes) {
      write.metaverse = {.id = next, .type = 2, .image = std::string(500, 'm'), .lineage = std::string(100, 'l')};
      write.keys_given = true;
      for (NameId attribute = 1; attribute <= 3; ++attribute) {
        write.keys.push_back({attribute, anchor_of(next.value * 3 + attribute) + "@example.com"});
      }
      ++next.value;
    }
    to->put_metaverse(writes);
    to->commit();
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
  Lease lease_;
};

// One filled world a server, for whoever only reads or leaves it as it is.
World& filled(std::int64_t server) {
  static std::unique_ptr<World> worlds[2];
  if (!worlds[server]) {
    worlds[server] = std::make_unique<World>(server);
    for (std::size_t i = 0; i < k_people; i += 5'000) worlds[server]->add_objects(5'000);
  }
  return *worlds[server];
}

void count_items(benchmark::State& state, std::size_t each) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(each));
}

void BM_PutNewObjects(benchmark::State& state) {
  World world(state.range(0));
  const auto size = static_cast<std::size_t>(state.range(1));
  for (auto _ : state) world.add_objects(size);
  count_items(state, size);
}
BENCHMARK(BM_PutNewObjects)->Args({sqlite, 1000})->Args({postgresql, 1000})->Iterations(100)->UseRealTime();
BENCHMARK(BM_PutNewObjects)->Args({sqlite, 5000})->Args({postgresql, 5000})->Iterations(40)->UseRealTime();
BENCHMARK(BM_PutNewObjects)->Name("BM_PutMillionObjects")->Args({sqlite, 5000})->Iterations(200)->UseRealTime();

void BM_PutNewMetaverse(benchmark::State& state) {
  World world(state.range(0));
  const auto size = static_cast<std::size_t>(state.range(1));
  for (auto _ : state) world.add_identities(size);
  count_items(state, size);
}
BENCHMARK(BM_PutNewMetaverse)->Args({sqlite, 1000})->Args({postgresql, 1000})->Iterations(100)->UseRealTime();
BENCHMARK(BM_PutNewMetaverse)->Args({sqlite, 5000})->Args({postgresql, 5000})->Iterations(20)->UseRealTime();
BENCHMARK(BM_PutNewMetaverse)->Name("BM_PutMillionMetaverse")->Args({sqlite, 5000})->Iterations(200)->UseRealTime();

// What a first synchronization does to every object: joined, no longer touched, a desired image.
void BM_ChangeObjects(benchmark::State& state) {
  World world(state.range(0));
  for (std::size_t i = 0; i < k_people; i += 5'000) world.add_objects(5'000);
  std::int64_t next = 1;
  for (auto _ : state) {
    std::vector<ObjectWrite> writes(k_batch);
    for (ObjectWrite& write : writes) {
      write.object = World::object(ObjectId{next});
      write.object.state = ObjectState::joined;
      write.object.metaverse.value = next++;
      write.object.touched = touched_nothing;
      write.images.desired = std::string(300, 'd');
      write.mask = desired_image;
    }
    const auto to = world.batch();
    to->put_objects(writes);
    to->commit();
  }
  count_items(state, k_batch);
}
BENCHMARK(BM_ChangeObjects)->Arg(sqlite)->Arg(postgresql)->Iterations(100)->UseRealTime();

void BM_FindByAnchor(benchmark::State& state) {
  World& world = filled(state.range(0));
  const auto view = world.store().view();
  std::vector<std::string> anchors(k_batch);
  std::int64_t next = 1;
  for (auto _ : state) {
    for (std::string& anchor : anchors)
      anchor = anchor_of(next = (next + 7919) % static_cast<std::int64_t>(k_people) + 1);
    benchmark::DoNotOptimize(view->find_objects(k_corp, anchors, {}));
  }
  count_items(state, k_batch);
}
BENCHMARK(BM_FindByAnchor)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

void BM_ScanWithImages(benchmark::State& state) {
  World& world = filled(state.range(0));
  for (auto _ : state) {
    const auto view = world.store().view();
    Page page{.after = 0, .limit = k_batch};
    while (true) {
      const auto found = view->scan_objects(k_corp, 0, all_images, page);
      if (found.empty()) break;
      page.after = found.back().object.id.value;
    }
  }
  count_items(state, k_people);
}
BENCHMARK(BM_ScanWithImages)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

void BM_TouchObjects(benchmark::State& state) {
  World& world = filled(state.range(0));
  std::vector<ObjectId> ids;
  for (std::size_t i = 1; i <= k_batch; ++i) ids.push_back(ObjectId{static_cast<std::int64_t>(i)});
  for (auto _ : state) {
    const auto to = world.batch();
    to->touch_objects(ids, 0, touched_inbound);
    to->touch_objects(ids, touched_inbound, 0);
    to->commit();
  }
  count_items(state, 2 * k_batch);
}
BENCHMARK(BM_TouchObjects)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

// A group that everybody is a member of: written once, then translated.
void BM_PutReferences(benchmark::State& state) {
  World world(state.range(0));
  std::int64_t target = 1;
  for (auto _ : state) {
    std::vector<Reference> references;
    for (std::size_t i = 0; i < 5'000; ++i) {
      references.push_back({ObjectId{1}, 5, ObjectId{target++}, reference_observed});
    }
    const auto to = world.batch();
    to->put_references(references);
    to->commit();
  }
  count_items(state, 5'000);
}
BENCHMARK(BM_PutReferences)->Arg(sqlite)->Arg(postgresql)->Iterations(20)->UseRealTime();

void BM_ResolveReferences(benchmark::State& state) {
  World world(state.range(0));
  for (std::size_t i = 0; i < k_people; i += 5'000) {
    const auto to = world.batch();
    std::vector<ObjectWrite> writes(5'000);
    std::vector<Reference> references;
    ObjectId next = to->new_objects(writes.size());
    for (ObjectWrite& write : writes) {
      write.object = World::object(next);
      write.object.state = ObjectState::joined;
      write.object.metaverse.value = next.value;
      references.push_back({ObjectId{1}, 5, next, reference_observed});
      ++next.value;
    }
    to->put_objects(writes);
    to->put_references(references);
    to->commit();
  }
  const std::vector<model::ReferenceSource> sources{{.object = ObjectId{1}, .attribute = 5}};
  const auto view = world.store().view();
  for (auto _ : state) benchmark::DoNotOptimize(view->resolve_references(k_corp, sources));
  count_items(state, k_people);
}
BENCHMARK(BM_ResolveReferences)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

// Everybody is joined and in ten groups; a few identities move, or a few objects go.
World& with_groups(std::int64_t server) {
  static std::unique_ptr<World> worlds[2];
  if (worlds[server]) return *worlds[server];
  worlds[server] = std::make_unique<World>(server);
  World& world = *worlds[server];
  for (std::size_t i = 0; i < k_people; i += 5'000) {
    const auto to = world.batch();
    std::vector<ObjectWrite> writes(5'000);
    std::vector<MetaverseWrite> identities(writes.size());
    std::vector<Reference> references;
    ObjectId next = to->new_objects(writes.size());
    MetaverseId identity = to->new_metaverse(writes.size());
    for (std::size_t j = 0; j < writes.size(); ++j, ++next.value, ++identity.value) {
      writes[j].object = World::object(next);
      writes[j].object.state = ObjectState::joined;
      writes[j].object.metaverse = identity;
      writes[j].keys_given = true;
      writes[j].keys = {{1, anchor_of(next.value)}};
      identities[j].metaverse = {.id = identity, .type = 2, .image = std::string(500, 'm'), .lineage = {}};
      identities[j].keys_given = true;
      identities[j].keys = {{1, anchor_of(identity.value)}};
      for (std::int64_t k = 0; k < 10; ++k) {
        references.push_back({ObjectId{(next.value * 7 + k * 131) % 1000 + 1}, 5, next, reference_observed});
      }
    }
    to->put_objects(writes);
    to->put_metaverse(identities);
    to->put_references(references);
    to->commit();
  }
  return world;
}

void BM_TouchHolders(benchmark::State& state) {
  World& world = with_groups(state.range(0));
  std::vector<MetaverseId> moved;
  for (std::int64_t i = 0; i < 1000; ++i) moved.push_back(MetaverseId{50'000 + i});
  for (auto _ : state)
    world.batch()->touch_holders(moved, {}, {});  // rolled back, so that there is always something to do
  count_items(state, moved.size());
}
BENCHMARK(BM_TouchHolders)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

void BM_RemoveObjects(benchmark::State& state) {
  World& world = with_groups(state.range(0));
  std::vector<ObjectId> gone;
  for (std::int64_t i = 0; i < 1000; ++i) gone.push_back(ObjectId{50'000 + i});
  for (auto _ : state) world.batch()->remove_objects(gone);
  count_items(state, gone.size());
}
BENCHMARK(BM_RemoveObjects)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

void BM_MetaverseByKey(benchmark::State& state) {
  World& world = with_groups(state.range(0));
  std::vector<Key> keys;
  for (std::int64_t i = 0; i < 1000; ++i) keys.push_back({1, anchor_of(i * 97)});
  const auto view = world.store().view();
  for (auto _ : state) benchmark::DoNotOptimize(view->metaverse_by_key(keys));
  count_items(state, keys.size());
}
BENCHMARK(BM_MetaverseByKey)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

void BM_JoinedTo(benchmark::State& state) {
  World& world = with_groups(state.range(0));
  std::vector<MetaverseId> ids;
  for (std::int64_t i = 0; i < 1000; ++i) ids.push_back(MetaverseId{i * 97});
  const auto view = world.store().view();
  for (auto _ : state) benchmark::DoNotOptimize(view->joined_to(ids, all_images));
  count_items(state, ids.size());
}
BENCHMARK(BM_JoinedTo)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

void BM_PendingReferences(benchmark::State& state) {
  World& world = with_groups(state.range(0));
  std::vector<ObjectId> ids;
  for (std::int64_t i = 1; i <= 1000; ++i) ids.push_back(ObjectId{i});
  const auto view = world.store().view();
  for (auto _ : state) benchmark::DoNotOptimize(view->references_of(ids, true));
  count_items(state, ids.size());
}
BENCHMARK(BM_PendingReferences)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

void BM_OpenView(benchmark::State& state) {
  World& world = filled(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(world.store().view());
}
BENCHMARK(BM_OpenView)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

void BM_Counts(benchmark::State& state) {
  World& world = filled(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(world.store().summary()->counts());
}
BENCHMARK(BM_Counts)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

void BM_SearchByName(benchmark::State& state) {
  World& world = filled(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(world.store().summary()->search_objects(k_corp, "nobody at all", 50));
}
BENCHMARK(BM_SearchByName)->Arg(sqlite)->Arg(postgresql)->UseRealTime();

}  // namespace
}  // namespace linkspan::store_sql
