#pragma once
// A state as a service leaves it after some weeks: for tests and benchmarks of whoever carries it about.

#include <cstddef>
#include <cstdint>
#include <string>

namespace linkspan::store {
class Store;
}

namespace linkspan::testkit {

struct SampleState {
  std::size_t people = 100;
  std::uint64_t seed = 1;
  std::string secret = "sealed bytes";  ///< what stands for a sealed credential
  std::size_t people_per_group = 50;
};

/// Fills an empty store: two connectors, rules, settings, a sealed secret; for each person an object in the directory
/// (observed image of about 600 bytes), a metaverse object, and an object in the service (observed and desired); a
/// group for every people_per_group of them, with its members; managers; join keys; errors, watermarks and a history.
/// Deterministic by seed. Takes the lease as "sample" and gives it back.
void fill(store::Store& store, const SampleState& sample = {});

}  // namespace linkspan::testkit
