#pragma once
// The contract of Batch: all or nothing, under a lease.

#include "store/testing/store_fixture.h"

namespace linkspan::store::testing {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_P(StoreContract, ObjectComesBackAsItWasWritten) {
  const ObjectId id = add_people({"ada"}).front();
  Object object = person(id, "ada");
  object.state = ObjectState::joined;
  object.metaverse = MetaverseId{99};
  object.link_rule = RuleId{3};
  object.desired = Desired::present;
  object.pending = Operation::rename;
  object.pending_references = true;
  object.touched = touched_inbound | touched_references;
  const Images images{.observed = "seen", .desired = "wanted", .sent = "sent", .shadow = "shadow"};
  batch([&](Batch& to) { to.put_objects(std::vector{write_of(object, images, all_images)}); });
  const auto found = load_all({id});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].object, object);
  EXPECT_EQ(found[0].images, images);
}

TEST_P(StoreContract, ObjectCanBeWrittenWithoutAnchorAndDnKey) {
  ObjectId id;
  Object bare;
  batch([&](Batch& to) {
    id = to.new_objects(2);
    bare = bare_object(id);
    Object other = bare;
    ++other.id.value;  // no anchor is no duplicate of no anchor
    to.put_objects(std::vector{write_of(bare), write_of(other)});
  });
  EXPECT_EQ(load(id), bare);
}

TEST_P(StoreContract, UncommittedBatchLeavesNoTrace) {
  const ObjectId before = add_people({"ada"}).front();
  ObjectId id;
  {
    const auto batch = store_->batch(lease_);
    id = batch->new_objects(1);
    batch->put_objects(std::vector{write_of(person(id, "bob"))});
    batch->remove_objects(std::vector{before});
    batch->put_watermark(k_corp, "mark");
    (void)store_->names().id("uncommitted");
  }
  EXPECT_THAT(load_all({id, before}), SizeIs(1));
  EXPECT_EQ(store_->summary()->watermark(k_corp), "");
  EXPECT_EQ(counts_of(k_corp).objects, 1);
  EXPECT_FALSE(place_->open(&clock_)->names().find("uncommitted"));
}

TEST_P(StoreContract, IdsAreNeverGivenOutTwice) {
  std::int64_t greatest = 0;
  {
    const auto batch = store_->batch(lease_);
    greatest = batch->new_objects(10).value + 9;
  }
  batch([&](Batch& to) {
    const ObjectId first = to.new_objects(1);
    EXPECT_GT(first.value, greatest) << "not even after a rollback";
    const ObjectId second = to.new_objects(1000);
    EXPECT_GT(second, first);
    greatest = second.value + 999;
    EXPECT_GT(to.new_objects(1).value, greatest);
    EXPECT_GT(to.new_metaverse(1).value, 0);
  });
  const auto again = place_->open(&clock_);
  EXPECT_GT(again->batch(lease_)->new_objects(1).value, greatest + 1) << "nor after a restart";
}

TEST_P(StoreContract, ImagesOutsideTheMaskStayAsTheyAre) {
  const ObjectId id = add_people({"ada"}).front();
  const Object object = load(id);
  batch([&](Batch& to) {
    to.put_objects(std::vector{write_of(object, {.observed = "o", .desired = "d", .sent = {}, .shadow = {}},
                                        static_cast<ImageMask>(observed_image | desired_image))});
  });
  batch([&](Batch& to) {
    to.put_objects(std::vector{write_of(object, {.observed = "ignored", .desired = {}, .sent = "s", .shadow = {}},
                                        static_cast<ImageMask>(desired_image | sent_image))});
  });
  EXPECT_EQ(load_all({id})[0].images, (Images{.observed = "o", .desired = {}, .sent = "s", .shadow = {}}));
  EXPECT_EQ(load_all({id}, sent_image)[0].images, (Images{.observed = {}, .desired = {}, .sent = "s", .shadow = {}}));
  EXPECT_EQ(load_all({id}, no_images)[0].images, Images{});
}

TEST_P(StoreContract, ImageOfFiveMegabytesComesBackWhole) {
  std::string image(5'000'000, '\0');
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<char>(i * 7 + i / 251);
  ObjectId id;
  batch([&](Batch& to) {
    id = to.new_objects(1);
    to.put_objects(std::vector{
        write_of(person(id, "large"), {.observed = image, .desired = {}, .sent = {}, .shadow = {}}, observed_image)});
  });
  EXPECT_TRUE(load_all({id}, observed_image)[0].images.observed == image);
}

TEST_P(StoreContract, ObjectWrittenTwiceInOneCallIsAsTheSecondSays) {
  ObjectId id;
  batch([&](Batch& to) {
    id = to.new_objects(1);
    Object renamed = person(id, "ada");
    renamed.dn = "cn=countess";
    const Images first{.observed = "o", .desired = {}, .sent = {}, .shadow = {}};
    const Images second{.observed = {}, .desired = "d", .sent = {}, .shadow = {}};
    to.put_objects(
        std::vector{write_of(person(id, "ada"), first, observed_image), write_of(renamed, second, desired_image)});
  });
  EXPECT_EQ(load(id).dn, "cn=countess");
  EXPECT_EQ(load_all({id})[0].images, (Images{.observed = "o", .desired = "d", .sent = {}, .shadow = {}}));
  EXPECT_EQ(counts_of(k_corp).objects, 1);
}

TEST_P(StoreContract, IdentityOfAnObjectMayChange) {
  const ObjectId id = add_people({"ada"}).front();
  Object moved = load(id);
  moved.anchor = "another";
  moved.dn = "cn=ada,ou=gone";
  moved.dn_key = model::dn_key(moved.dn);
  put(moved);
  const auto view = store_->view();
  EXPECT_THAT(view->find_objects(k_corp, std::vector<std::string>{"another"}, {}), ElementsAre(moved));
  EXPECT_THAT(view->find_objects(k_corp, std::vector<std::string>{"anchor-ada"}, {}), IsEmpty());
  EXPECT_THAT(view->find_objects(k_corp, {}, std::vector{moved.dn_key}), ElementsAre(moved));
}

TEST_P(StoreContract, DuplicateAnchorIsRefused) {
  add_people({"ada"});
  const auto insert_twin = [&] {
    batch([&](Batch& to) { to.put_objects(std::vector{write_of(person(to.new_objects(1), "ada"))}); });
  };
  EXPECT_EQ(id_thrown_by(insert_twin), "store.duplicate_anchor");
  const ObjectId bob = add_people({"bob"}).front();
  Object twin = load(bob);
  twin.anchor = "anchor-ada";
  EXPECT_EQ(id_thrown_by([&] { put(twin); }), "store.duplicate_anchor");
  EXPECT_EQ(load(bob).anchor, "anchor-bob");
  EXPECT_THAT(add_people({"ada"}, k_cloud), SizeIs(1)) << "the same anchor in another connector is another object's";
}

TEST_P(StoreContract, AnchorGivenUpCanBeTakenInTheSameBatch) {
  const ObjectId old = add_people({"ada"}).front();
  ObjectId fresh;
  batch([&](Batch& to) {
    fresh = to.new_objects(1);
    Object without = person(old, "ada");
    without.anchor.clear();
    to.put_objects(std::vector{write_of(person(fresh, "ada")), write_of(without)});
  });
  EXPECT_EQ(load(fresh).anchor, "anchor-ada");
  EXPECT_EQ(load(old).anchor, "");
}

TEST_P(StoreContract, KeyTooLongToIndexIsRefused) {
  const auto put_with = [&](auto change) {
    return id_thrown_by([&] {
      batch([&](Batch& to) {
        ObjectWrite write = write_of(person(to.new_objects(1), "long"));
        change(write);
        to.put_objects(std::vector{write});
      });
    });
  };
  EXPECT_EQ(put_with([](ObjectWrite& write) { write.object.anchor.assign(3000, 'x'); }), "store.key_too_long");
  EXPECT_EQ(put_with([](ObjectWrite& write) { write.object.dn_key.assign(3000, 'x'); }), "store.key_too_long");
  EXPECT_EQ(put_with([](ObjectWrite& write) {
              write.keys_given = true;
              write.keys = {{1, std::string(3000, 'x')}};
            }),
            "store.key_too_long");
}

TEST_P(StoreContract, LongestKeysOfManyBytesAreIndexed) {
  // Bytes that no server can squeeze.
  std::string bytes;
  for (unsigned i = 0, x = 1; i < 2000; ++i, x = x * 1664525U + 1013904223U) bytes += static_cast<char>(x >> 24U);
  const auto put = [&] {
    batch([&](Batch& to) {
      ObjectWrite write = write_of(person(to.new_objects(1), "long"));
      write.object.anchor = write.object.dn_key = bytes;
      write.keys_given = true;
      write.keys = {{1, bytes}};
      to.put_objects(std::vector{write});
    });
  };
  // SQL Server's indexes take 1700 bytes at the most: there such an object is refused, and never cut off.
  if (GetParam().name == "sqlserver") {
    EXPECT_EQ(id_thrown_by(put), "sql.too_large");
    return;
  }
  put();
  EXPECT_THAT(store_->view()->find_objects(k_corp, std::vector{bytes}, std::vector{bytes}), SizeIs(1));
}

TEST_P(StoreContract, RemovedObjectTakesEverythingWithIt) {
  const ObjectId id = add_people({"ada"}).front();
  batch([&](Batch& to) {
    ObjectWrite write = write_of(load(id), {.observed = "o", .desired = {}, .sent = {}, .shadow = {}}, observed_image);
    write.keys_given = true;
    write.keys = {{1, "key"}};
    to.put_objects(std::vector{write});
    to.put_errors(std::vector{error_of(id, "join")});
    to.put_references(std::vector{Reference{id, 5, id, reference_observed}});
  });
  batch([&](Batch& to) { to.remove_objects(std::vector{id, id}); });
  EXPECT_THAT(load_all({id}), IsEmpty()) << "a reference to itself holds nothing";
  EXPECT_THAT(store_->view()->references_of(std::vector{id}, false), IsEmpty());
  EXPECT_THAT(store_->view()->objects_by_key({}, std::vector<Key>{{1, "key"}}), IsEmpty());
  EXPECT_THAT(store_->summary()->errors_of(std::vector{id}), IsEmpty());
  EXPECT_EQ(counts_of(k_corp).objects, 0);
}

TEST_P(StoreContract, RemovedObjectThatOthersReferToStaysAsPlaceholder) {
  const auto ids = add_people({"group", "member"});
  const ObjectId group = ids[0];
  const ObjectId member = ids[1];
  batch([&](Batch& to) {
    Object object = person(member, "member");
    object.state = ObjectState::joined;
    object.metaverse = MetaverseId{4};
    object.link_rule = RuleId{1};
    object.pending = Operation::update;
    object.desired = Desired::present;
    object.touched = touched_inbound;
    to.put_objects(
        std::vector{write_of(object, {.observed = "o", .desired = "d", .sent = "s", .shadow = "h"}, all_images)});
    to.put_references(std::vector{Reference{group, 5, member, reference_observed}});
  });
  batch([&](Batch& to) { to.remove_objects(std::vector{member}); });
  Object placeholder;
  placeholder.id = member;
  placeholder.connector = k_corp;
  placeholder.dn = "cn=member,dc=example";
  placeholder.dn_key = model::dn_key(placeholder.dn);
  const auto found = load_all({member});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].object, placeholder);
  EXPECT_EQ(found[0].images, Images{});
  EXPECT_EQ(counts_of(k_corp).objects, 1);
  EXPECT_EQ(counts_of(k_corp).joined, 0);
  EXPECT_EQ(counts_of(k_corp).updates, 0);
  // Both at once: the reference goes with its holder, so nothing holds the placeholder either.
  batch([&](Batch& to) { to.remove_objects(std::vector{member, group}); });
  EXPECT_THAT(load_all({member, group}), IsEmpty());
}

TEST_P(StoreContract, PlaceholderKeepsItsAnchorWhereReferencesGoByAnchor) {
  const auto ids = add_people({"group", "member"});
  Object object = person(ids[1], "member");
  object.dn_key.clear();
  batch([&](Batch& to) {
    to.put_objects(std::vector{write_of(object, {}, no_images)});
    to.put_references(std::vector{Reference{ids[0], 5, ids[1], reference_observed}});
  });
  batch([&](Batch& to) { to.remove_objects(std::vector{ids[1]}); });
  const auto found = store_->view()->find_objects(k_corp, std::vector{object.anchor}, {});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].id, ids[1]);
  EXPECT_EQ(found[0].state, ObjectState::placeholder);
}

TEST_P(StoreContract, ObjectRemovedAndWrittenAgainInOneBatchIsThere) {
  const ObjectId id = add_people({"ada"}).front();
  batch([&](Batch& to) {
    to.remove_objects(std::vector{id});
    to.put_objects(std::vector{
        write_of(person(id, "ada"), {.observed = "again", .desired = {}, .sent = {}, .shadow = {}}, observed_image)});
  });
  EXPECT_EQ(load(id).anchor, "anchor-ada");
  EXPECT_EQ(load_all({id})[0].images.observed, "again");
  EXPECT_EQ(counts_of(k_corp).objects, 1);
}

TEST_P(StoreContract, TouchedBitsAreSetAndCleared) {
  const auto ids = add_people({"a", "b", "c"});
  batch([&](Batch& to) { to.touch_objects(ids, touched_inbound | touched_references, 0); });
  batch([&](Batch& to) { to.touch_objects(std::vector{ids[0], ids[2]}, touched_outbound, touched_inbound); });
  EXPECT_EQ(load(ids[0]).touched, touched_outbound | touched_references);
  EXPECT_EQ(load(ids[1]).touched, touched_inbound | touched_references);
  const auto view = store_->view();
  EXPECT_THAT(ids_of(view->scan_objects(k_corp, touched_inbound, no_images, {})), ElementsAre(ids[1]));
  EXPECT_THAT(ids_of(view->scan_objects({}, touched_outbound, no_images, {})), ElementsAre(ids[0], ids[2]));
  EXPECT_THAT(view->scan_objects(k_cloud, touched_outbound, no_images, {}), IsEmpty());
}

TEST_P(StoreContract, WatermarkIsAnyBytes) {
  const std::string cookie("a\0\xff\x01", 4);
  batch([&](Batch& to) { to.put_watermark(k_corp, "first"); });
  batch([&](Batch& to) { to.put_watermark(k_corp, cookie); });
  EXPECT_EQ(store_->summary()->watermark(k_corp), cookie);
  EXPECT_EQ(store_->summary()->watermark(k_cloud), "");
  batch([&](Batch& to) { to.put_watermark(k_corp, ""); });
  EXPECT_EQ(store_->summary()->watermark(k_corp), "");
}

TEST_P(StoreContract, MetaverseObjectComesBackAsItWasWritten) {
  const MetaverseId id = add_identity();
  const Metaverse changed{
      .id = id, .type = 9, .image = std::string("i\0m", 3), .lineage = "", .touched = touched_outbound};
  batch([&](Batch& to) { to.put_metaverse(std::vector<MetaverseWrite>{{.metaverse = changed, .keys = {}}}); });
  EXPECT_THAT(store_->view()->load_metaverse(std::vector{id, MetaverseId{id.value + 1000}}), ElementsAre(changed));
  EXPECT_EQ(store_->summary()->metaverse_objects(), 1);
}

TEST_P(StoreContract, RemovedMetaverseObjectTakesItsKeysWithIt) {
  const MetaverseId id = add_identity({{3, "k"}});
  const MetaverseId other = add_identity({{3, "k"}});
  batch([&](Batch& to) { to.remove_metaverse(std::vector{id}); });
  EXPECT_EQ(store_->summary()->metaverse_objects(), 1);
  EXPECT_THAT(store_->view()->metaverse_by_key(std::vector<Key>{{3, "k"}}),
              ElementsAre(Field(&View::MetaverseMatch::id, other)));
}

TEST_P(StoreContract, CountersAreWhatCountingWouldSay) {
  const auto ids = add_people({"a", "b", "c", "d", "e", "f"});
  const auto set = [&](std::size_t which, Operation pending, bool references, ObjectState state) {
    Object object = load(ids[which]);
    object.pending = pending;
    object.pending_references = references;
    object.state = state;
    object.metaverse.value = state == ObjectState::joined ? 1 : 0;
    put(object);
  };
  set(0, Operation::add, false, ObjectState::joined);
  set(1, Operation::update, true, ObjectState::joined);
  set(2, Operation::rename, false, ObjectState::filtered);
  set(3, Operation::remove, false, ObjectState::disconnector);
  set(4, Operation::none, true, ObjectState::joined);
  set(5, Operation::none, false, ObjectState::placeholder);
  set(1, Operation::update, true, ObjectState::joined);  // once more changes nothing
  add_people({"g"}, k_cloud);
  batch([&](Batch& to) { to.put_errors(std::vector{error_of(ids[0], "s")}); });
  const ConnectorCounts counts = counts_of(k_corp);
  EXPECT_EQ(counts.objects, 5);
  EXPECT_EQ(counts.joined, 3);
  EXPECT_EQ(counts.adds, 1);
  EXPECT_EQ(counts.updates, 2) << "references alone are an update";
  EXPECT_EQ(counts.renames, 1);
  EXPECT_EQ(counts.removes, 1);
  EXPECT_EQ(counts.errors, 1);
  EXPECT_EQ(counts_of(k_cloud).objects, 1);
  batch([&](Batch& to) { to.remove_objects(ids); });
  EXPECT_EQ(counts_of(k_corp).objects, 0);
  EXPECT_EQ(counts_of(k_corp).adds, 0);
}

TEST_P(StoreContract, ErrorsAreCountedAndForgottenByStage) {
  const ObjectId id = add_people({"ada"}).front();
  const Time t0 = clock_.now();
  const auto record = [&](const std::string& stage, const std::string& error, std::chrono::seconds after) {
    batch([&](Batch& to) {
      to.put_errors(std::vector{ObjectError{.object = id,
                                            .stage = stage,
                                            .error = error,
                                            .message = "message " + std::to_string(after.count()),
                                            .first_at = t0 + after,
                                            .last_at = t0 + after,
                                            .count = 77,
                                            .retry_at = t0 + after * 2,
                                            .quarantined = after.count() > 5}});
    });
  };
  record("export", "denied", std::chrono::seconds(0));
  record("join", "ambiguous-join", std::chrono::seconds(1));
  record("export", "still-denied", std::chrono::seconds(9));
  const auto errors = store_->summary()->errors_of(std::vector{id});
  ASSERT_THAT(errors, SizeIs(2));
  EXPECT_EQ(errors[0].stage, "export") << "the oldest first";
  EXPECT_EQ(errors[0].error, "still-denied");
  EXPECT_EQ(errors[0].message, "message 9");
  EXPECT_EQ(errors[0].count, 2);
  EXPECT_EQ(errors[0].first_at, t0);
  EXPECT_EQ(errors[0].last_at, t0 + std::chrono::seconds(9));
  EXPECT_EQ(errors[0].retry_at, t0 + std::chrono::seconds(18));
  EXPECT_TRUE(errors[0].quarantined);
  EXPECT_EQ(errors[1].count, 1);
  record("export", "", std::chrono::seconds(10));
  EXPECT_THAT(store_->summary()->errors_of(std::vector{id}), ElementsAre(Field(&ObjectError::stage, "join")));
}

TEST_P(StoreContract, ErrorsOfOneCallAreTakenInTheirOrder) {
  const ObjectId id = add_people({"ada"}).front();
  const ObjectError error = error_of(id, "flow");
  ObjectError forgotten = error;
  forgotten.error.clear();
  batch([&](Batch& to) { to.put_errors(std::vector{error, error, forgotten, error}); });
  EXPECT_THAT(store_->summary()->errors_of(std::vector{id}), ElementsAre(Field(&ObjectError::count, 1)));
  batch([&](Batch& to) { to.put_errors(std::vector{error, error}); });
  EXPECT_THAT(store_->summary()->errors_of(std::vector{id}), ElementsAre(Field(&ObjectError::count, 3)));
}

TEST_P(StoreContract, NamesAreWrittenWithTheBatchThatUsesThem) {
  const model::NameId mail = store_->names().id("mail");
  batch([](Batch&) {});
  const model::NameId late = store_->names().id("telephoneNumber");
  const auto other = place_->open(&clock_);
  EXPECT_EQ(other->names().find("mail"), mail);
  EXPECT_FALSE(other->names().find("telephoneNumber"));
  batch([](Batch&) {});
  other->refresh_names();
  EXPECT_EQ(other->names().find("telephoneNumber"), late);
  EXPECT_EQ(other->names().name(late), "telephoneNumber");
}

TEST_P(StoreContract, SecondBatchIsRefusedWhileOneIsOpen) {
  {
    const auto open = store_->batch(lease_);
    EXPECT_EQ(id_thrown_by([&] { (void)store_->batch(lease_); }), "store.busy");
  }
  EXPECT_EQ(id_thrown_by([&] { batch([](Batch&) {}); }), "nothing");
}

TEST_P(StoreContract, LeaseLostMeanwhileMeansNothingIsWritten) {
  auto batch = store_->batch(lease_);
  const ObjectId id = batch->new_objects(1);
  // Taken over before the batch has the database's write lock...
  batch.reset();
  batch = store_->batch(lease_);
  clock_.advance(k_lease_time);
  const auto other = place_->open(&clock_);
  const auto taken = other->operations().acquire("second", k_lease_time);
  ASSERT_TRUE(taken);
  EXPECT_GT(taken->fence, lease_.fence);
  batch->put_objects(std::vector{write_of(person(id, "ada"))});
  batch->put_watermark(k_corp, "mark");
  EXPECT_EQ(id_thrown_by([&] { batch->commit(); }), "store.lease_lost");
  batch.reset();
  EXPECT_THAT(load_all({id}), IsEmpty());
  EXPECT_EQ(store_->summary()->watermark(k_corp), "");
  EXPECT_EQ(counts_of(k_corp).objects, 0);
}

TEST_P(StoreContract, BatchWithoutALeaseIsRefused) {
  const auto batch = store_->batch({});
  batch->put_watermark(k_corp, "mark");
  EXPECT_EQ(id_thrown_by([&] { batch->commit(); }), "store.no_lease");
}

}  // namespace linkspan::store::testing
