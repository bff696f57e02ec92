#pragma once
// The contract of references: rows, what is pending, where they lead, who holds them.

#include "store/testing/store_fixture.h"

namespace linkspan::store::testing {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_P(StoreContract, ReferencesAreInsertedReplacedAndRemoved) {
  const auto ids = add_people({"group", "a", "b"});
  put_references({{ids[0], 9, ids[2], reference_observed},
                  {ids[0], 5, ids[1], reference_desired},
                  {ids[0], 9, ids[1], reference_observed},
                  {ids[1], 5, ids[2], reference_observed}});
  EXPECT_THAT(
      store_->view()->references_of(std::vector{ids[1], ids[0], ids[0]}, false),
      ElementsAre(Reference{ids[0], 5, ids[1], reference_desired}, Reference{ids[0], 9, ids[1], reference_observed},
                  Reference{ids[0], 9, ids[2], reference_observed}, Reference{ids[1], 5, ids[2], reference_observed}))
      << "ordered by object, attribute, target";
  put_references({{ids[0], 9, ids[2], 0}, {ids[0], 5, ids[1], reference_sent_add}, {ids[0], 77, ids[1], 0}});
  EXPECT_THAT(
      store_->view()->references_of(std::vector{ids[0]}, false),
      ElementsAre(Reference{ids[0], 5, ids[1], reference_sent_add}, Reference{ids[0], 9, ids[1], reference_observed}));
}

TEST_P(StoreContract, ReferencesAreFoundByTheirTargets) {
  const auto ids = add_people({"group", "a", "b", "nobody's"});
  put_references({{ids[1], 9, ids[2], reference_desired},
                  {ids[0], 9, ids[2], reference_observed},
                  {ids[0], 5, ids[1], reference_observed}});
  const auto view = store_->view();
  EXPECT_THAT(
      view->references_to(std::vector{ids[2], ids[3]}),
      ElementsAre(Reference{ids[0], 9, ids[2], reference_observed}, Reference{ids[1], 9, ids[2], reference_desired}));
  EXPECT_THAT(view->references_to({}), IsEmpty());
}

TEST_P(StoreContract, OfReferencesWrittenTwiceTheLastWins) {
  const auto ids = add_people({"group", "a", "b"});
  put_references({{ids[0], 5, ids[1], reference_observed},
                  {ids[0], 5, ids[1], 0},
                  {ids[0], 5, ids[2], 0},
                  {ids[0], 5, ids[2], reference_desired}});
  EXPECT_THAT(store_->view()->references_of(std::vector{ids[0]}, false),
              ElementsAre(Reference{ids[0], 5, ids[2], reference_desired}));
}

TEST_P(StoreContract, PendingReferencesAreThoseTheBitsSay) {
  const ObjectId holder = add_people({"group"}).front();
  std::vector<Reference> all;
  std::vector<Reference> pending;
  for (std::uint8_t bits = 1; bits < 32; ++bits) {
    all.push_back({holder, 5, ObjectId{1000 + bits}, bits});
    if (reference_pending(bits)) pending.push_back(all.back());
  }
  put_references(all);
  EXPECT_EQ(store_->view()->references_of(std::vector{holder}, true), pending);
  EXPECT_EQ(store_->view()->references_of(std::vector{holder}, false), all);
  for (Reference& one : all) one.bits = static_cast<std::uint8_t>(32 - one.bits);
  put_references(all);
  pending.clear();
  for (const Reference& one : all) {
    if (reference_pending(one.bits)) pending.push_back(one);
  }
  EXPECT_EQ(store_->view()->references_of(std::vector{holder}, true), pending) << "kept up to date by a replacement";
}

TEST_P(StoreContract, ReferencesAreTranslatedIntoAnotherConnector) {
  const auto corp = add_people({"group", "ada", "bob", "unjoined", "only here"});
  const auto cloud = add_people({"ada", "bob"}, k_cloud);
  const MetaverseId ada = add_identity();
  const MetaverseId bob = add_identity();
  const MetaverseId here = add_identity();
  join(corp[1], ada);
  join(cloud[0], ada);
  join(corp[2], bob);
  join(cloud[1], bob);
  join(corp[4], here);
  put_references({{corp[0], 5, corp[1], reference_observed},
                  {corp[0], 5, corp[2], reference_observed | reference_managed},
                  {corp[0], 5, corp[3], reference_observed},
                  {corp[0], 5, corp[4], reference_observed},
                  {corp[0], 6, corp[1], reference_observed},
                  {corp[0], 7, corp[1], reference_desired}});
  const std::vector<model::ReferenceSource> sources{{.object = corp[0], .attribute = 6},
                                                    {.object = corp[0], .attribute = 5},
                                                    {.object = corp[0], .attribute = 7},
                                                    {.object = corp[1], .attribute = 5}};
  std::vector<std::pair<std::size_t, ObjectId>> found;
  for (const auto& one : store_->view()->resolve_references(k_cloud, sources))
    found.emplace_back(one.source, one.target);
  EXPECT_THAT(found, UnorderedElementsAre(std::pair(0U, cloud[0]), std::pair(1U, cloud[0]), std::pair(1U, cloud[1]),
                                          std::pair(1U, ObjectId{}), std::pair(1U, ObjectId{})))
      << "only what is observed; 0 where it leads nowhere";
}

TEST_P(StoreContract, HoldersOfReferencesToAnIdentityAreTouched) {
  const auto corp = add_people({"group", "other group", "ada", "bob", "unjoined group"});
  const MetaverseId group = add_identity();
  const MetaverseId other = add_identity();
  const MetaverseId ada = add_identity();
  const MetaverseId bob = add_identity();
  join(corp[0], group);
  join(corp[1], other);
  join(corp[2], ada);
  join(corp[3], bob);
  put_references({{corp[0], 5, corp[2], reference_observed},
                  {corp[1], 5, corp[2], reference_desired},
                  {corp[4], 5, corp[2], reference_observed},
                  {corp[1], 6, corp[3], reference_observed},
                  {corp[2], 6, corp[0], reference_observed}});
  batch([&](Batch& to) { to.touch_holders(std::vector{ada}, {}, {}); });
  EXPECT_THAT(touched_identities(), ElementsAre(group)) << "who desires it but was not seen to have it is no holder";
  batch([&](Batch& to) { to.touch_holders({}, std::vector{corp[3], corp[0]}, {}); });
  EXPECT_THAT(touched_identities(), ElementsAre(group, other, ada));
}

TEST_P(StoreContract, ReferencesAreReadFromTheirFarEndAndThroughGroups) {
  const auto corp = add_people({"all", "inner", "circle", "ada", "bob", "cy"});
  const auto cloud = add_people({"ada", "bob", "cy", "inner"}, k_cloud);
  batch([&](Batch& to) {
    std::vector<ObjectWrite> groups;
    for (auto& one : store_->view()->load_objects(std::vector{corp[0], corp[1], corp[2]}, no_images)) {
      one.object.type = 90;
      groups.push_back({.object = one.object, .images = {}, .keys = {}});
    }
    to.put_objects(groups);
  });
  for (std::size_t i = 0; i < 3; ++i) {
    const MetaverseId identity = add_identity();
    join(corp[3 + i], identity);
    join(cloud[i], identity);
  }
  const MetaverseId inner = add_identity();
  join(corp[1], inner);
  join(cloud[3], inner);
  put_references({{corp[0], 5, corp[1], reference_observed},   // all holds inner
                  {corp[1], 5, corp[2], reference_observed},   // which holds circle
                  {corp[2], 5, corp[0], reference_observed},   // which holds all
                  {corp[2], 5, corp[3], reference_observed},   // and ada
                  {corp[1], 5, corp[3], reference_observed},   // whom inner holds as well
                  {corp[4], 6, corp[1], reference_observed},   // bob calls inner his own
                  {corp[5], 6, corp[1], reference_desired}});  // cy was not seen to
  const std::vector<model::ReferenceSource> sources{
      {.object = corp[0], .attribute = 5},
      {.object = corp[1], .attribute = 5, .referenced_by = 6},
      {.object = corp[0], .attribute = 5, .flatten = true},
      {.object = corp[0], .attribute = 5, .referenced_by = 6, .flatten = true},
      {.object = corp[2], .attribute = 7, .referenced_by = 6}};
  std::vector<std::pair<std::size_t, ObjectId>> found;
  for (const auto& one : store_->view()->resolve_references(k_cloud, sources))
    found.emplace_back(one.source, one.target);
  EXPECT_THAT(found, UnorderedElementsAre(std::pair(0U, cloud[3]),                           //
                                          std::pair(1U, cloud[0]), std::pair(1U, cloud[1]),  //
                                          std::pair(1U, ObjectId{}),                         // circle
                                          std::pair(2U, cloud[0]),                           //
                                          std::pair(3U, cloud[0]), std::pair(3U, cloud[1])));
}

TEST_P(StoreContract, HoldersAreFoundAtTheFarEndAndBeyondGroups) {
  const auto corp = add_people({"all", "inner", "ada", "bob"});
  std::vector<MetaverseId> identities;
  for (const ObjectId object : corp) {
    identities.push_back(add_identity());
    join(object, identities.back());
  }
  put_references({{corp[0], 5, corp[1], reference_observed},
                  {corp[1], 5, corp[0], reference_observed},
                  {corp[1], 5, corp[2], reference_observed},
                  {corp[3], 6, corp[1], reference_observed},
                  {corp[2], 7, corp[3], reference_observed}});
  const std::vector<NameId> five{5};
  const std::vector<NameId> six{6};
  batch([&](Batch& to) { to.touch_holders({}, std::vector{corp[2]}, {.through = five}); });
  EXPECT_THAT(touched_identities(), ElementsAre(identities[0], identities[1]));
  batch([&](Batch& to) { to.touch_holders({}, std::vector{corp[1]}, {.through = five, .alone = true}); });
  EXPECT_THAT(touched_identities(), ElementsAre(identities[0], identities[1])) << "bob holds inner by another one";
  batch([&](Batch& to) { to.touch_holders({}, std::vector{corp[3]}, {.backwards = six}); });
  EXPECT_THAT(touched_identities(), ElementsAre(identities[0], identities[1], identities[2]))
      << "inner by what bob calls his own, ada by her reference to bob";
}

TEST_P(StoreContract, HoldersBeyondAGroupThatIsReadBackwards) {
  const auto corp = add_people({"all", "inner", "bob"});
  std::vector<MetaverseId> identities;
  for (const ObjectId object : corp) {
    identities.push_back(add_identity());
    join(object, identities.back());
  }
  put_references({{corp[0], 5, corp[1], reference_observed}, {corp[2], 6, corp[1], reference_observed}});
  const std::vector<NameId> five{5};
  const std::vector<NameId> six{6};
  batch([&](Batch& to) { to.touch_holders({}, std::vector{corp[2]}, {.backwards = six, .through = five}); });
  EXPECT_THAT(touched_identities(), ElementsAre(identities[0], identities[1]));
}

TEST_P(StoreContract, TouchingHoldersKeepsOtherBits) {
  const auto corp = add_people({"group", "ada"});
  const MetaverseId group = add_identity();
  join(corp[0], group);
  batch([&](Batch& to) {
    to.put_metaverse(std::vector<MetaverseWrite>{
        {.metaverse = {.id = group, .type = 7, .image = "i", .lineage = "l", .touched = touched_inbound}, .keys = {}}});
    to.put_references(std::vector{Reference{corp[0], 5, corp[1], reference_observed}});
    to.touch_holders({}, std::vector{corp[1]}, {});
  });
  const auto found = store_->view()->load_metaverse(std::vector{group});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].touched, touched_inbound | touched_outbound);
  EXPECT_EQ(found[0].image, "i");
}

TEST_P(StoreContract, ReferencesAreFoundByTheirKeys) {
  const auto ids = add_people({"group", "a", "b"});
  put_references({{ids[0], 5, ids[1], reference_observed}, {ids[0], 5, ids[2], reference_desired}});
  EXPECT_THAT(store_->view()->find_references(std::vector<ReferenceKey>{
                  {ids[0], 5, ids[2]}, {ids[0], 6, ids[1]}, {ids[1], 5, ids[0]}, {ids[0], 5, ids[2]}}),
              ElementsAre(Reference{ids[0], 5, ids[2], reference_desired}));
}

TEST_P(StoreContract, TouchedReferencesStayUntilTheyAreSettled) {
  const std::vector<ReferenceKey> keys{
      {ObjectId{1}, 5, ObjectId{3}}, {ObjectId{2}, 5, ObjectId{3}}, {ObjectId{2}, 7, ObjectId{1}}};
  batch([&](Batch& to) { to.touch_references(std::vector{keys[2], keys[0], keys[2]}); });
  batch([&](Batch& to) { to.touch_references(std::vector{keys[1], keys[0]}); });
  EXPECT_EQ(store_->view()->touched_references(10), keys) << "whether or not there is a row";
  EXPECT_THAT(store_->view()->touched_references(2), ElementsAre(keys[0], keys[1]));
  batch([&](Batch& to) { to.settle_references(std::vector{keys[0], keys[2]}); });
  EXPECT_THAT(store_->view()->touched_references(10), ElementsAre(keys[1]));
}

TEST_P(StoreContract, ReferencesToAnIdentityAreTouched) {
  const auto corp = add_people({"group", "other group", "ada", "bob"});
  const auto cloud = add_people({"ada"}, k_cloud);
  const MetaverseId ada = add_identity();
  join(cloud[0], ada);
  put_references({{corp[0], 5, corp[2], reference_observed},
                  {corp[1], 5, corp[2], reference_desired},
                  {corp[1], 6, corp[3], reference_observed},
                  {cloud[0], 6, cloud[0], reference_sent_add},
                  {corp[2], 6, corp[0], reference_observed}});
  Object joined = load(corp[2]);
  joined.state = ObjectState::joined;
  joined.metaverse = ada;
  batch([&](Batch& to) {
    to.put_objects(std::vector{write_of(joined)});
    to.touch_references_to(std::vector{ada}, {});
  });
  EXPECT_THAT(store_->view()->touched_references(10),
              ElementsAre(ReferenceKey{corp[0], 5, corp[2]}, ReferenceKey{corp[1], 5, corp[2]},
                          ReferenceKey{cloud[0], 6, cloud[0]}))
      << "of every connector, as the batch has joined them";
  batch([&](Batch& to) { to.touch_references_to({}, std::vector{corp[3], corp[0]}); });
  EXPECT_THAT(store_->view()->touched_references(10),
              ElementsAre(ReferenceKey{corp[0], 5, corp[2]}, ReferenceKey{corp[1], 5, corp[2]},
                          ReferenceKey{corp[1], 6, corp[3]}, ReferenceKey{corp[2], 6, corp[0]},
                          ReferenceKey{cloud[0], 6, cloud[0]}));
}

}  // namespace linkspan::store::testing
