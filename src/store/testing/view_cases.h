#pragma once
// The contract of View and Summary.

#include "store/testing/store_fixture.h"

namespace linkspan::store::testing {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_P(StoreContract, ViewDoesNotSeeWhatIsCommittedLater) {
  const auto ids = add_people({"ada"});
  const auto before = store_->view();
  const auto summary = store_->summary();
  EXPECT_THAT(before->scan_objects(k_corp, 0, no_images, {}), SizeIs(1));
  const auto more = add_people({"bob"});
  Object changed = load(ids[0]);
  changed.dn = "cn=changed";
  put(changed);
  EXPECT_THAT(ids_of(before->scan_objects(k_corp, 0, no_images, {})), ElementsAre(ids[0]));
  EXPECT_EQ(before->load_objects(ids, no_images)[0].object.dn, "cn=ada,dc=example");
  EXPECT_EQ(summary->counts().front().objects, 1);
  EXPECT_THAT(store_->view()->scan_objects(k_corp, 0, no_images, {}), SizeIs(2));
  EXPECT_EQ(load(ids[0]).dn, "cn=changed");
}

TEST_P(StoreContract, ScanGoesThroughAllObjectsInOrderOfId) {
  std::vector<std::string> names;
  for (int i = 0; i < 25; ++i) names.push_back("p" + std::to_string(i));
  auto ids = add_people(names);
  const auto others = add_people({"x", "y"}, k_cloud);
  const auto more = add_people({"z"});
  ids.insert(ids.end(), more.begin(), more.end());
  const auto view = store_->view();
  std::vector<ObjectId> seen;
  Page page{.after = 0, .limit = 7};
  while (true) {
    const auto found = view->scan_objects(k_corp, 0, observed_image, page);
    EXPECT_LE(found.size(), page.limit);
    if (found.empty()) break;
    for (const auto& one : found) seen.push_back(one.object.id);
    page.after = found.back().object.id.value;
  }
  EXPECT_EQ(seen, ids);
  EXPECT_THAT(view->scan_objects({}, 0, no_images, {}), SizeIs(28)) << "connector 0 is all of them";
}

TEST_P(StoreContract, ScanLoadsTheImagesAskedFor) {
  const auto ids = add_people({"a", "b"});
  const Images images{.observed = "o", .desired = "d", .sent = "s", .shadow = "h"};
  batch([&](Batch& to) {
    to.put_objects(std::vector{write_of(load(ids[0]), images, all_images)});
    to.touch_objects(ids, touched_inbound, 0);
  });
  const auto view = store_->view();
  for (const std::uint8_t touched : {touched_nothing, touched_inbound}) {
    const auto all = view->scan_objects(k_corp, touched, all_images, {});
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(all[0].images, images);
    EXPECT_EQ(all[1].images, Images{}) << "none were ever written";
    const auto some = view->scan_objects({}, touched, static_cast<ImageMask>(desired_image | shadow_image), {});
    EXPECT_EQ(some[0].images, (Images{.observed = {}, .desired = "d", .sent = {}, .shadow = "h"}));
  }
}

TEST_P(StoreContract, PendingScanFindsWhatWaitsForThisConnector) {
  const auto ids = add_people({"a", "b", "c"});
  const auto cloud = add_people({"d"}, k_cloud);
  Object update = load(ids[0]);
  update.pending = Operation::update;
  Object references = load(ids[2]);
  references.pending_references = true;
  Object elsewhere = load(cloud[0]);
  elsewhere.pending = Operation::add;
  batch([&](Batch& to) {
    to.put_objects(
        std::vector{write_of(update, {.observed = "o", .desired = "d", .sent = {}, .shadow = {}}, all_images),
                    write_of(references), write_of(elsewhere)});
  });
  const auto view = store_->view();
  const auto pending = view->scan_pending(k_corp, {});
  EXPECT_THAT(ids_of(pending), ElementsAre(ids[0], ids[2]));
  EXPECT_EQ(pending[0].images.desired, "d");
  EXPECT_THAT(ids_of(view->scan_pending(k_corp, {.after = ids[0].value, .limit = 5})), ElementsAre(ids[2]));
  EXPECT_THAT(view->scan_pending(k_corp, {.after = 0, .limit = 1}), SizeIs(1));
}

TEST_P(StoreContract, ObjectsAreFoundByAnchorAndByDnWithinTheirConnector) {
  const auto ids = add_people({"ada", "bob", "eve"});
  add_people({"ada"}, k_cloud);
  const auto view = store_->view();
  const auto by_anchor = view->find_objects(k_corp, std::vector<std::string>{"anchor-bob", "nobody", "anchor-ada"}, {});
  EXPECT_THAT(by_anchor, UnorderedElementsAre(person(ids[0], "ada"), person(ids[1], "bob")));
  const auto by_either = view->find_objects(
      k_corp, std::vector<std::string>{"anchor-ada", "", ""},
      std::vector<std::string>{model::dn_key("CN=Ada,DC=Example"), model::dn_key("cn=eve,dc=example"), ""});
  EXPECT_THAT(by_either, UnorderedElementsAre(person(ids[0], "ada"), person(ids[2], "eve"))) << "each once";
  EXPECT_THAT(view->find_objects(k_corp, {}, {}), IsEmpty());
}

TEST_P(StoreContract, PlaceholdersOfOneDnAreAllFound) {
  batch([&](Batch& to) {
    const ObjectId first = to.new_objects(2);
    Object placeholder = bare_object(first);
    placeholder.dn = placeholder.dn_key = "cn=x";
    Object twin = placeholder;
    ++twin.id.value;
    to.put_objects(std::vector{write_of(placeholder), write_of(twin)});
  });
  EXPECT_THAT(store_->view()->find_objects(k_corp, {}, std::vector<std::string>{"cn=x"}), SizeIs(2));
}

TEST_P(StoreContract, JoinedObjectsOfEveryConnectorAreFoundByIdentity) {
  const auto corp = add_people({"ada", "bob"});
  const auto cloud = add_people({"ada"}, k_cloud);
  const MetaverseId ada = add_identity();
  const MetaverseId nobody = add_identity();
  join(corp[0], ada);
  join(cloud[0], ada);
  const auto found = store_->view()->joined_to(std::vector{ada, nobody}, observed_image);
  EXPECT_THAT(ids_of(found), UnorderedElementsAre(corp[0], cloud[0]));
  EXPECT_EQ(found[0].object.metaverse, ada);
  EXPECT_EQ(found[0].object.state, ObjectState::joined);
}

TEST_P(StoreContract, KeysFindDisconnectors) {
  const std::string nul("a\0b", 3);
  const auto ids = add_people({"a", "b", "joined"});
  const auto cloud = add_people({"c"}, k_cloud);
  const auto give = [&](Batch& to, Object object, std::vector<Key> keys) {
    ObjectWrite write = write_of(std::move(object));
    write.keys_given = true;
    write.keys = std::move(keys);
    to.put_objects(std::vector{write});
  };
  Object joined = load(ids[2]);
  joined.state = ObjectState::joined;
  joined.metaverse = MetaverseId{1};
  batch([&](Batch& to) {
    give(to, load(ids[0]), {{1, nul}, {2, "x"}, {1, nul}});  // two values that fold to one key
    give(to, load(ids[1]), {{1, "a"}, {2, nul}});
    give(to, joined, {{1, nul}});
    give(to, load(cloud[0]), {{1, nul}});
  });
  const std::vector<Key> keys{{2, "x"}, {1, nul}, {9, nul}};
  EXPECT_THAT(store_->view()->objects_by_key(k_corp, keys), UnorderedElementsAre(Pair(ids[0], 0U), Pair(ids[0], 1U)));
  EXPECT_THAT(store_->view()->objects_by_key({}, keys),
              UnorderedElementsAre(Pair(ids[0], 0U), Pair(ids[0], 1U), Pair(cloud[0], 1U)));
  batch([&](Batch& to) { give(to, load(ids[0]), {{2, "y"}, {2, "x"}}); });
  put(load(ids[1]));  // keys not given: they stay
  EXPECT_THAT(store_->view()->objects_by_key(k_corp, std::vector<Key>{{1, nul}, {2, "y"}, {2, "x"}, {2, nul}}),
              UnorderedElementsAre(Pair(ids[0], 1U), Pair(ids[0], 2U), Pair(ids[1], 3U)));
}

TEST_P(StoreContract, KeysFindMetaverseObjectsWithTheirType) {
  const std::string nul("\0", 1);
  const MetaverseId ada = add_identity({{1, "ada"}, {2, nul}}, 7);
  const MetaverseId twin = add_identity({{1, "ada"}}, 8);
  const auto view = store_->view();
  const auto found = view->metaverse_by_key(std::vector<Key>{{1, "ada"}, {2, "ada"}, {2, nul}});
  std::vector<std::tuple<MetaverseId, NameId, std::size_t>> plain;
  for (const auto& one : found) plain.emplace_back(one.id, one.type, one.key);
  EXPECT_THAT(plain, UnorderedElementsAre(std::tuple(ada, NameId{7}, 0U), std::tuple(twin, NameId{8}, 0U),
                                          std::tuple(ada, NameId{7}, 2U)));
  batch([&](Batch& to) {
    to.put_metaverse(std::vector<MetaverseWrite>{
        {.metaverse = {.id = ada, .type = 7, .image = {}, .lineage = {}},
         .keys_given = true,
         .keys = {{1, "countess"}}},
        {.metaverse = {.id = twin, .type = 8, .image = {}, .lineage = {}}, .keys_given = false, .keys = {}}});
  });
  EXPECT_THAT(store_->view()->metaverse_by_key(std::vector<Key>{{1, "ada"}, {1, "countess"}, {2, nul}}),
              UnorderedElementsAre(Field(&View::MetaverseMatch::id, twin), Field(&View::MetaverseMatch::id, ada)));
}

TEST_P(StoreContract, MetaverseScanGoesInOrderAndCanBeOfTheTouchedOnly) {
  std::vector<MetaverseId> ids;
  batch([&](Batch& to) {
    MetaverseId next = to.new_metaverse(5);
    std::vector<MetaverseWrite> writes;
    for (int i = 0; i < 5; ++i, ++next.value) {
      ids.push_back(next);
      const auto touched = static_cast<std::uint8_t>(i % 2 == 0 ? touched_outbound : touched_nothing);
      writes.push_back(
          {.metaverse = {.id = next, .type = 1, .image = "i", .lineage = "l", .touched = touched}, .keys = {}});
    }
    to.put_metaverse(writes);
  });
  EXPECT_EQ(touched_identities(), (std::vector{ids[0], ids[2], ids[4]}));
  const auto view = store_->view();
  const auto page = view->scan_metaverse(false, {.after = ids[0].value, .limit = 3});
  ASSERT_THAT(page, SizeIs(3));
  EXPECT_EQ(page[0].id, ids[1]);
  EXPECT_EQ(page[0].image, "i");
  EXPECT_EQ(page[2].id, ids[3]);
  EXPECT_THAT(view->scan_metaverse(true, {.after = ids[0].value, .limit = 1}),
              ElementsAre(Field(&Metaverse::id, ids[2])));
}

TEST_P(StoreContract, ErrorsAreListedOldestFirstByConnector) {
  const auto ids = add_people({"a", "b"});
  const auto cloud = add_people({"c"}, k_cloud);
  const auto error = [&](ObjectId id, std::chrono::seconds at) { return error_of(id, "flow", clock_.now() + at); };
  batch([&](Batch& to) {
    to.put_errors(std::vector{error(ids[0], std::chrono::seconds(3)), error(ids[1], std::chrono::seconds(1)),
                              error(cloud[0], std::chrono::seconds(2))});
  });
  const auto summary = store_->summary();
  const auto objects = [](const std::vector<ObjectError>& errors) {
    std::vector<ObjectId> found;
    for (const auto& one : errors) found.push_back(one.object);
    return found;
  };
  EXPECT_THAT(objects(summary->errors(k_corp, {})), ElementsAre(ids[1], ids[0]));
  EXPECT_THAT(objects(summary->errors({}, {})), ElementsAre(ids[1], cloud[0], ids[0]));
  EXPECT_THAT(objects(summary->errors({}, {.after = 1, .limit = 1})), ElementsAre(cloud[0]));
  EXPECT_THAT(objects(summary->errors(k_corp, {.after = 1, .limit = 5})), ElementsAre(ids[0]));
}

TEST_P(StoreContract, SearchFindsObjectsByAnchorNameAndKey) {
  const auto ids = add_people({"Ada Lovelace", "Bob 100%", "Eve"});
  const auto cloud = add_people({"Ada Cloud"}, k_cloud);
  batch([&](Batch& to) {
    ObjectWrite write = write_of(load(ids[2]));
    write.keys_given = true;
    write.keys = {{4, model::join_key(std::string("eve@example.com"))}};
    to.put_objects(std::vector{write});
  });
  const auto summary = store_->summary();
  const auto search = [&](ConnectorId connector, const std::string& text) {
    std::vector<ObjectId> found;
    for (const Object& one : summary->search_objects(connector, text, 10)) found.push_back(one.id);
    return found;
  };
  EXPECT_THAT(search(k_corp, "anchor-Ada Lovelace"), ElementsAre(ids[0]));
  EXPECT_THAT(search(k_corp, "CN=ada lovelace, DC=example"), ElementsAre(ids[0]));
  EXPECT_THAT(search(k_corp, "LOVE"), ElementsAre(ids[0]));
  EXPECT_THAT(search({}, "ada"), ElementsAre(ids[0], cloud[0]));
  EXPECT_THAT(search(k_corp, "EVE@example.COM"), ElementsAre(ids[2]));
  EXPECT_THAT(search(k_corp, "0%"), ElementsAre(ids[1])) << "a wildcard of SQL is a character like others";
  EXPECT_THAT(search(k_corp, "nobody"), IsEmpty());
  EXPECT_THAT(search(k_corp, ""), IsEmpty());
  EXPECT_THAT(search(k_corp, std::string("\xff\0", 2)), IsEmpty()) << "bytes that are no text find nothing";
  EXPECT_THAT(summary->search_objects({}, "example", 2), SizeIs(2));
}

TEST_P(StoreContract, SearchFindsIdentitiesByKeyAndByTheirObjects) {
  const MetaverseId ada = add_identity({{1, model::join_key(std::string("A-1"))}});
  const MetaverseId bob = add_identity();
  const auto ids = add_people({"bobby"});
  join(ids[0], bob);
  const auto summary = store_->summary();
  EXPECT_THAT(summary->search_metaverse("a-1", 10), ElementsAre(Field(&Metaverse::id, ada)));
  EXPECT_THAT(summary->search_metaverse("bobby", 10), ElementsAre(Field(&Metaverse::id, bob)));
  EXPECT_THAT(summary->search_metaverse("nothing", 10), IsEmpty());
}

TEST_P(StoreContract, InfoSaysWhatTheDatabaseIs) {
  const DatabaseInfo info = store_->info();
  EXPECT_FALSE(info.product.empty());
  EXPECT_FALSE(info.location.empty());
  EXPECT_GE(info.schema, 1);
  EXPECT_THAT(info.id, SizeIs(32));
  EXPECT_EQ(info.moved_to, "");
  EXPECT_EQ(place_->open(&clock_)->info().id, info.id);
}

}  // namespace linkspan::store::testing
