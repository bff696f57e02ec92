#pragma once
// The contract of Configuration.

#include "store/testing/store_fixture.h"

namespace linkspan::store::testing {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

inline ConnectorRow connector_row(std::string name, std::int64_t position = 0) {
  return {.id = {}, .name = std::move(name), .kind = "ldap", .settings = "{}", .position = position};
}

TEST_P(StoreContract, ConnectorsAreKeptInTheirOrder) {
  Configuration& configuration = store_->configuration();
  const ConnectorId second = configuration.put_connector(connector_row("second", 2));
  const ConnectorId first = configuration.put_connector(connector_row("first", 1));
  EXPECT_NE(first, second);
  ConnectorRow changed = connector_row("renamed", 1);
  changed.id = first;
  changed.settings = R"({"url": ["ldap://x"]})";
  EXPECT_EQ(configuration.put_connector(changed), first);
  const auto rows = configuration.connectors();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].id, first);
  EXPECT_EQ(rows[0].name, "renamed");
  EXPECT_EQ(rows[0].kind, "ldap");
  EXPECT_EQ(rows[0].settings, changed.settings);
  EXPECT_EQ(rows[1].id, second);
  EXPECT_EQ(id_thrown_by([&] { configuration.put_connector(connector_row("second")); }), "store.duplicate_name");
  EXPECT_THAT(store_->summary()->counts(), SizeIs(2)) << "an empty connector counts nothing, but it is there";
}

TEST_P(StoreContract, RemovedConnectorTakesItsSpaceWithIt) {
  Configuration& configuration = store_->configuration();
  const ConnectorId gone = configuration.put_connector(connector_row("gone"));
  const ConnectorId stays = configuration.put_connector(connector_row("stays"));
  const auto lost = add_people({"a", "b"}, gone);
  const auto kept = add_people({"a"}, stays);
  const MetaverseId identity = add_identity();
  join(lost[0], identity);
  batch([&](Batch& to) {
    to.put_watermark(gone, "w");
    to.put_watermark(stays, "w");
    to.put_errors(std::vector{error_of(lost[0], "s")});
    to.put_references(std::vector{Reference{lost[0], 5, lost[1], reference_observed}});
  });
  configuration.put_secrets(std::vector{SecretRow{gone, "password", "sealed", "k"}});
  configuration.remove_connector(gone);
  ASSERT_THAT(configuration.connectors(), SizeIs(1));
  EXPECT_THAT(configuration.secrets(), IsEmpty());
  const auto view = store_->view();
  EXPECT_EQ(ids_of(view->scan_objects({}, 0, no_images, {})), kept);
  EXPECT_THAT(view->references_of(lost, false), IsEmpty());
  EXPECT_EQ(store_->summary()->watermark(gone), "");
  EXPECT_EQ(store_->summary()->watermark(stays), "w");
  EXPECT_THAT(store_->summary()->errors({}, {}), IsEmpty());
  EXPECT_THAT(store_->summary()->counts(), SizeIs(1));
  EXPECT_THAT(touched_identities(), ElementsAre(identity)) << "it lost a contributor";
}

TEST_P(StoreContract, RulesKeepTheirIdByName) {
  Configuration& configuration = store_->configuration();
  const auto rule = [](std::string name, std::string definition) {
    return RuleRow{.id = {}, .name = std::move(name), .definition = std::move(definition)};
  };
  configuration.put_rules(std::vector{rule("in", "1"), rule("out", "2")});
  const auto before = configuration.rules();
  ASSERT_THAT(before, SizeIs(2));
  EXPECT_NE(before[0].id, before[1].id);
  configuration.put_rules(std::vector{rule("new", "3"), rule("out", "changed")});
  const auto after = configuration.rules();
  ASSERT_THAT(after, SizeIs(2));
  EXPECT_EQ(after[0].name, "new") << "in the order given";
  EXPECT_EQ(after[1].id, before[1].id);
  EXPECT_EQ(after[1].definition, "changed");
  EXPECT_GT(after[0].id, before[1].id) << "the id of a rule that went is not used again";
  EXPECT_EQ(id_thrown_by([&] { configuration.put_rules(std::vector{rule("a", ""), rule("a", "")}); }),
            "store.duplicate_name");
  EXPECT_THAT(configuration.rules(), SizeIs(2));
  configuration.put_rules({});
  EXPECT_THAT(configuration.rules(), IsEmpty());
}

TEST_P(StoreContract, SecretsAreWrittenAllOrNone) {
  Configuration& configuration = store_->configuration();
  const ConnectorId id = configuration.put_connector(connector_row("corp"));
  const std::string sealed("\0\xff sealed", 9);
  configuration.put_secrets(std::vector{SecretRow{id, "password", sealed, "k1"}, SecretRow{id, "token", "t", "k1"}});
  auto rows = configuration.secrets();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].name, "password");
  EXPECT_EQ(rows[0].sealed, sealed);
  EXPECT_EQ(rows[0].key_set, "k1");
  const std::vector with_stranger{SecretRow{id, "password", "changed", "k2"},
                                  SecretRow{ConnectorId{id.value + 999}, "password", "x", "k2"}};
  EXPECT_NE(id_thrown_by([&] { configuration.put_secrets(with_stranger); }), "nothing");
  EXPECT_EQ(configuration.secrets()[0].sealed, sealed);
  configuration.put_secrets(std::vector{SecretRow{id, "password", "", ""}, SecretRow{id, "token", "t2", "k2"}});
  rows = configuration.secrets();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].sealed, "t2");
  EXPECT_EQ(rows[0].key_set, "k2");
}

TEST_P(StoreContract, SettingsAreWrittenReplacedAndRemoved) {
  Configuration& configuration = store_->configuration();
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  configuration.put_settings(Pairs{{"staging", "on"}, {"guard.deletions.count", "500"}});
  configuration.put_settings(Pairs{{"staging", "off"}, {"guard.deletions.count", ""}, {"never", ""}});
  EXPECT_EQ(configuration.setting("staging"), "off");
  EXPECT_EQ(configuration.setting("guard.deletions.count"), std::nullopt);
  EXPECT_THAT(configuration.settings(), ElementsAre(Pair("staging", "off")));
}

TEST_P(StoreContract, ConfigurationIsWrittenUnderTheLeaseOnly) {
  Configuration& configuration = store_->configuration();
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  const auto write = [&] { configuration.put_settings(Pairs{{"a", "b"}}); };
  store_->use_lease({});
  EXPECT_EQ(id_thrown_by(write), "store.no_lease");
  store_->use_lease({.holder = lease_.holder, .fence = lease_.fence + 1});
  EXPECT_EQ(id_thrown_by(write), "store.lease_lost");
  store_->use_lease(lease_);
  clock_.advance(k_lease_time);
  ASSERT_TRUE(place_->open(&clock_)->operations().acquire("second", k_lease_time));
  EXPECT_EQ(id_thrown_by(write), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { configuration.put_connector(connector_row("x")); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { configuration.remove_connector(k_corp); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { configuration.put_rules({}); }), "store.lease_lost");
  EXPECT_EQ(id_thrown_by([&] { configuration.put_secrets({}); }), "store.lease_lost");
  EXPECT_THAT(configuration.settings(), IsEmpty());
}

}  // namespace linkspan::store::testing
