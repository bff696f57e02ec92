#pragma once
// What the cases of the store's contract stand on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/dn.h"
#include "model/value.h"
#include "store/store.h"

namespace linkspan::store::testing {

/// One database, empty at first, that lives as long as the test.
class Place {
 public:
  virtual ~Place() = default;
  /// Opens it, each time anew, as another process would. Leases go by `clock`, or by the database's own if null.
  [[nodiscard]] virtual std::unique_ptr<Store> open(const Clock* clock) = 0;
};

struct Backend {
  std::string name;
  std::unique_ptr<Place> (*make)();  ///< nullptr: not to be had on this host, the test is skipped
  friend std::ostream& operator<<(std::ostream& out, const Backend& backend) { return out << backend.name; }
};

/// The catalogue id of the Error that `act` throws; "nothing" if none.
template <class Act>
std::string id_thrown_by(const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    return std::string(error.id());
  }
  return "nothing";
}

inline constexpr ConnectorId k_corp{1};
inline constexpr ConnectorId k_cloud{2};
inline constexpr std::chrono::seconds k_lease_time{60};

class StoreContract : public ::testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    if (!place_) GTEST_SKIP() << GetParam().name << " is not installed here";
    store_ = place_->open(&clock_);
    lease_ = store_->operations().acquire("first", k_lease_time).value();
    store_->use_lease(lease_);
  }

  /// Writes with one batch and commits it.
  template <class Write>
  void batch(const Write& write) {
    const auto batch = store_->batch(lease_);
    write(*batch);
    batch->commit();
  }

  static Object person(ObjectId id, const std::string& name, ConnectorId connector = k_corp) {
    Object object;
    object.id = id;
    object.connector = connector;
    object.anchor = "anchor-" + name;
    object.dn = "cn=" + name + ",dc=example";
    object.dn_key = model::dn_key(object.dn);
    object.type = 1;
    object.state = ObjectState::disconnector;
    object.observed_hash = "hash of " + name;
    return object;
  }
  static Object bare_object(ObjectId id) {
    Object object;
    object.id = id;
    object.connector = k_corp;
    return object;
  }
  static ObjectError error_of(ObjectId id, std::string stage, Time first_at = {}) {
    ObjectError error;
    error.object = id;
    error.stage = std::move(stage);
    error.error = "an-error";
    error.first_at = first_at;
    return error;
  }
  static store::Run run_of(std::string profile, Time started_at) {
    store::Run run;
    run.profile = std::move(profile);
    run.host = "a host";
    run.started_at = started_at;
    return run;
  }
  static ObjectWrite write_of(Object object, Images images = {}, ImageMask mask = no_images) {
    return {.object = std::move(object), .images = std::move(images), .mask = mask, .keys = {}};
  }

  /// New objects called `names`; their ids.
  std::vector<ObjectId> add_people(const std::vector<std::string>& names, ConnectorId connector = k_corp) {
    std::vector<ObjectId> ids;
    batch([&](Batch& to) {
      ObjectId next = to.new_objects(names.size());
      std::vector<ObjectWrite> writes;
      for (const std::string& name : names) {
        ids.push_back(next);
        writes.push_back(write_of(person(next, name, connector)));
        ++next.value;
      }
      to.put_objects(writes);
    });
    return ids;
  }
  MetaverseId add_identity(std::vector<Key> keys = {}, NameId type = 7) {
    MetaverseId id;
    batch([&](Batch& to) {
      id = to.new_metaverse(1);
      to.put_metaverse(
          std::vector<MetaverseWrite>{{.metaverse = {.id = id, .type = type, .image = "image", .lineage = "lineage"},
                                       .keys_given = true,
                                       .keys = std::move(keys)}});
    });
    return id;
  }
  void join(ObjectId id, MetaverseId metaverse) {
    Object object = load(id);
    object.state = ObjectState::joined;
    object.metaverse = metaverse;
    put(object);
  }
  void put(const Object& object) {
    batch([&](Batch& to) { to.put_objects(std::vector{write_of(object)}); });
  }
  void put_references(const std::vector<Reference>& references) {
    batch([&](Batch& to) { to.put_references(references); });
  }

  std::vector<ObjectWithImages> load_all(std::vector<ObjectId> ids, ImageMask mask = all_images) {
    auto found = store_->view()->load_objects(ids, mask);
    std::sort(found.begin(), found.end(),
              [](const auto& left, const auto& right) { return left.object.id < right.object.id; });
    return found;
  }
  Object load(ObjectId id) {
    const auto found = load_all({id});
    EXPECT_EQ(found.size(), 1U) << "object " << id.value;
    return found.empty() ? Object{} : found.front().object;
  }
  std::vector<ObjectId> ids_of(const std::vector<ObjectWithImages>& objects) {
    std::vector<ObjectId> ids;
    for (const auto& one : objects) ids.push_back(one.object.id);
    return ids;
  }
  ConnectorCounts counts_of(ConnectorId connector) {
    for (const ConnectorCounts& one : store_->summary()->counts()) {
      if (one.connector == connector) return one;
    }
    return {};
  }
  std::vector<MetaverseId> touched_identities() {
    std::vector<MetaverseId> ids;
    for (const Metaverse& one : store_->view()->scan_metaverse(true, {})) ids.push_back(one.id);
    return ids;
  }

  ManualClock clock_;
  std::unique_ptr<Place> place_;
  std::unique_ptr<Store> store_;
  Lease lease_;
};

}  // namespace linkspan::store::testing
