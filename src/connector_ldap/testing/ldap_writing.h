#pragma once
// What an LDAP server is told to change, and what comes of it, as tests for any server:
//   INSTANTIATE_TEST_SUITE_P(OpenLdap, LdapWriting, ::testing::Values(&make_server));

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.h"
#include "connector_ldap/testing/ldap_directory.h"

namespace linkspan::connector_ldap {

class LdapWriting : public ::testing::TestWithParam<std::function<std::shared_ptr<LdapServer>()>> {
 protected:
  using Strings = std::vector<std::string>;

  void SetUp() override {
    server_ = GetParam()();
    if (!server_) GTEST_SKIP() << "the server is not installed";
  }

  testkit::LdapAdmin& admin() { return server_->admin(); }

  connector::Outcome send(const model::Export& change, connector::Settings more = {}) {
    const auto connector = make_ldap_connector(server_->settings(std::move(more)), logger_, server_->password());
    std::optional<connector::Outcome> got;
    connector->send(std::span(&change, 1), [&](std::size_t, connector::Outcome outcome) { got = std::move(outcome); },
                    {});
    if (got) return std::move(*got);
    return connector::Failed{Error(Fault::invalid, "test.unanswered", "no outcome"), false};
  }
  /// Sends what must succeed.
  connector::Sent sent(const model::Export& change) {
    connector::Outcome outcome = send(change);
    EXPECT_EQ(failure(outcome), "");
    const auto* made = std::get_if<connector::Sent>(&outcome);
    return made == nullptr ? connector::Sent{} : *made;
  }
  static std::string failure(const connector::Outcome& outcome) {
    const auto* failed = std::get_if<connector::Failed>(&outcome);
    if (failed == nullptr) return {};
    EXPECT_FALSE(failed->error.hint().empty()) << failed->error.message();
    EXPECT_FALSE(failed->uncertain);
    return std::string(failed->error.id());
  }

  static model::Export change(model::Operation operation, std::string type, std::string dn, std::string anchor = {}) {
    model::Export made;
    made.operation = operation;
    made.object_type = std::move(type);
    made.dn = std::move(dn);
    made.anchor = std::move(anchor);
    return made;
  }
  model::Export new_person(const std::string& name) const {
    model::Export made = change(model::Operation::add, "inetOrgPerson", server_->person_dn(name));
    made.attributes = {{"sn", {}, {name}}};
    return made;
  }
  model::Export update(const std::string& type, const connector::Sent& object) const {
    return change(model::Operation::update, type, object.dn, object.anchor);
  }
  std::string anchor_of(const std::string& dn) {
    std::string value = admin().values(dn, server_->anchor_attribute()).front();
    std::erase(value, '-');
    return value;
  }
  static std::string digits(std::string anchor) {
    std::erase(anchor, '-');
    return anchor;
  }
  Strings members(const std::string& dn) {
    Strings made = admin().values(dn, "member");
    std::ranges::sort(made);
    return made;
  }
  connector::State imported() {
    connector::State state;
    connector::take_import(*make_ldap_connector(server_->settings(), logger_, server_->password()), state);
    return state;
  }

  std::shared_ptr<LdapServer> server_;
  RecordingLogger logger_;
};

TEST_P(LdapWriting, NewObjectIsKnownByItsAnchorAndHoldsWhatItsNameSays) {
  model::Export person = new_person("Ada, L+\"\\<>;=#");
  person.attributes.push_back({"cn", {}, {std::string("Countess")}});
  const connector::Sent made = sent(person);
  EXPECT_EQ(digits(made.anchor), anchor_of(person.dn));
  EXPECT_THAT(admin().values(person.dn, "cn"), ::testing::UnorderedElementsAre("Ada, L+\"\\<>;=#", "Countess"));
  const connector::State state = imported();
  ASSERT_TRUE(state.contains(made.anchor));
  EXPECT_EQ(state.at(made.anchor).dn_key, model::dn_key(person.dn));
}

TEST_P(LdapWriting, BytesArriveAsTheyAre) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  model::Export person = new_person("ada");
  if (!server_->binary_class().empty()) {
    person.attributes.push_back({"objectClass", {}, {std::string("inetOrgPerson"), server_->binary_class()}});
  }
  person.attributes.push_back({server_->binary_attribute(), {}, {model::Binary{all}}});
  person.attributes.push_back({"description", {}, {std::string("a\r\nb \xC3\xA9 =*()\\ ")}});
  const connector::Sent made = sent(person);
  EXPECT_EQ(admin().values(person.dn, server_->binary_attribute()), Strings{all});
  const connector::State state = imported();
  const auto& seen = state.at(made.anchor).attributes;
  EXPECT_EQ(seen.at(server_->binary_attribute()), model::Values{model::Binary{all}});
  EXPECT_EQ(seen.at("description"), model::Values{std::string("a\r\nb \xC3\xA9 =*()\\ ")});
}

TEST_P(LdapWriting, GroupThatMayNotBeEmptyHoldsNobodyInPlaceOfItsMembers) {
  const connector::Sent ada = sent(new_person("ada"));
  const connector::Sent bob = sent(new_person("bob"));
  const connector::Sent crew = sent(change(model::Operation::add, "groupOfNames", server_->group_dn("crew")));
  const Strings nobody = server_->groups_may_be_empty() ? Strings{} : Strings{"cn=no member,o=linkspan"};
  EXPECT_EQ(members(crew.dn), nobody);
  EXPECT_TRUE(imported().at(crew.anchor).references.empty());
  const auto step = [&](std::vector<model::ReferenceChange> references) {
    model::Export made = update("groupOfNames", crew);
    made.references = std::move(references);
    EXPECT_TRUE(sent(made).references_refused.empty());
    return members(crew.dn);
  };
  EXPECT_EQ(step({{"member", ada.anchor, ada.dn, true}}), Strings{ada.dn});
  EXPECT_EQ(step({{"member", ada.anchor, ada.dn, false}, {"member", bob.anchor, bob.dn, true}}), Strings{bob.dn});
  EXPECT_EQ(step({{"member", bob.anchor, bob.dn, false}}), nobody);
  EXPECT_EQ(step({{"member", bob.anchor, bob.dn, false}}), nobody);
  EXPECT_TRUE(imported().at(crew.anchor).references.empty());
  model::Export more = change(model::Operation::add, "groupOfNames", server_->group_dn("pair"));
  more.references = {{"member", ada.anchor, ada.dn, true}, {"member", bob.anchor, bob.dn, true}};
  EXPECT_EQ(members(sent(more).dn), (Strings{ada.dn, bob.dn}));
}

TEST_P(LdapWriting, MembersAreAddedAndTakenOneByOne) {
  const std::string crew = server_->group_dn("crew");
  Strings there;
  std::vector<model::ReferenceChange> all;
  for (int i = 0; i < 2300; ++i) {
    there.push_back(server_->person_dn("m" + std::to_string(i)));
    all.push_back({"member", "x", there.back(), true});
  }
  model::Export group = change(model::Operation::add, "groupOfNames", crew);
  group.references = all;
  const connector::Sent made = sent(group);
  EXPECT_EQ(members(crew).size(), 2300U);
  // Somebody else's member, of whom no import has told yet, stays; what is as wanted already is no mistake.
  admin().add_values(crew, "member", {server_->person_dn("guest")});
  admin().remove_values(crew, "member", {there[7]});
  model::Export next = update("groupOfNames", made);
  next.references = {{"member", "x", there[3], false},
                     {"member", "x", there[7], false},
                     {"member", "x", there[9], true},
                     {"member", "x", server_->person_dn("late"), true},
                     {"member", "x", "no name at all", true}};
  const connector::Sent answer = sent(next);
  ASSERT_EQ(answer.references_refused.size(), 1U);
  EXPECT_EQ(answer.references_refused.front().target_dn, "no name at all");
  EXPECT_EQ(members(crew).size(), 2300U);
  EXPECT_THAT(members(crew),
              ::testing::IsSupersetOf({server_->person_dn("guest"), server_->person_dn("late"), there[9]}));
  EXPECT_THAT(members(crew), ::testing::Not(::testing::Contains(there[3])));
}

TEST_P(LdapWriting, RenameMovesTheObjectAndCarriesTheOtherChanges) {
  const connector::Sent ada = sent(new_person("ada"));
  const std::string far = "ou=far = away\\, south," + server_->people();
  admin().add(far, {{"objectClass", {"organizationalUnit"}}});
  model::Export rename = change(model::Operation::rename, "inetOrgPerson", ada.dn, ada.anchor);
  rename.new_dn = "cn=Ada\\, L\\+é," + far;
  rename.attributes = {{"cn", {std::string("ada")}, {std::string("Ada, L+é")}},
                       {"sn", {std::string("ada")}, {std::string("Lovelace")}}};
  const connector::Sent moved = sent(rename);
  EXPECT_EQ(moved.anchor, ada.anchor);
  EXPECT_EQ(anchor_of(rename.new_dn), digits(ada.anchor));
  EXPECT_EQ(admin().values(rename.new_dn, "cn"), Strings{"Ada, L+é"});
  EXPECT_EQ(admin().values(rename.new_dn, "sn"), Strings{"Lovelace"});
  EXPECT_EQ(sent(rename).anchor, ada.anchor) << "repeated, for its answer was lost";
  EXPECT_EQ(imported().at(ada.anchor).dn_key, model::dn_key(rename.new_dn));
}

TEST_P(LdapWriting, ObjectIsFollowedToItsNewNameAndItsOldNameIsNot) {
  const connector::Sent ada = sent(new_person("ada"));
  const std::string now = server_->person_dn("ada lovelace");
  admin().rename(ada.dn, "cn=ada lovelace");
  sent(new_person("ada"));  // somebody else, under the name that the last import told
  model::Export next = update("inetOrgPerson", ada);
  next.attributes = {{"sn", {std::string("ada")}, {std::string("Lovelace")}}};
  EXPECT_EQ(model::dn_key(sent(next).dn), model::dn_key(now));
  EXPECT_EQ(admin().values(now, "sn"), Strings{"Lovelace"});
  EXPECT_EQ(admin().values(ada.dn, "sn"), Strings{"ada"});
  sent(change(model::Operation::remove, "inetOrgPerson", ada.dn, ada.anchor));
  EXPECT_FALSE(admin().exists(now));
  EXPECT_TRUE(admin().exists(ada.dn));
  sent(change(model::Operation::remove, "inetOrgPerson", ada.dn, ada.anchor));
  EXPECT_TRUE(admin().exists(ada.dn)) << "what is gone was looked for by its name";
  EXPECT_EQ(failure(send(next)), "ldap.no_object");
}

TEST_P(LdapWriting, ClassesThatNoRuleNamesStay) {
  const connector::Sent ada = sent(new_person("ada"));
  admin().add_values(ada.dn, "objectClass", {"labeledURIObject"});
  model::Export next = update("inetOrgPerson", ada);
  next.attributes = {
      {"objectClass", {std::string("inetOrgPerson")}, {std::string("inetOrgPerson"), std::string("uidObject")}},
      {"uid", {}, {std::string("ada")}}};
  sent(next);
  EXPECT_THAT(admin().values(ada.dn, "objectClass"),
              ::testing::IsSupersetOf({"inetOrgPerson", "uidObject", "labeledURIObject"}));
  next.attributes = {
      {"objectClass",
       {std::string("top"), std::string("person"), std::string("inetOrgPerson"), std::string("uidObject")},
       {std::string("inetOrgPerson")}}};
  sent(next);
  EXPECT_THAT(admin().values(ada.dn, "objectClass"), ::testing::Not(::testing::Contains("uidObject")));
}

TEST_P(LdapWriting, EachRefusalHasItsError) {
  const connector::Sent ada = sent(new_person("ada"));
  EXPECT_EQ(failure(send(new_person("ada"))), "ldap.already_exists");
  model::Export nameless = new_person("bob");
  nameless.attributes.clear();
  EXPECT_EQ(failure(send(nameless)), "ldap.rejected") << "sn is missing";
  EXPECT_FALSE(admin().exists(nameless.dn));
  model::Export lost = new_person("bob");
  lost.dn = "cn=bob,ou=none," + server_->people();
  EXPECT_EQ(failure(send(lost)), "ldap.no_object");
  lost.dn = "cn=bob,dc=elsewhere";
  EXPECT_EQ(failure(send(lost)), "ldap.out_of_scope");
  lost.dn = "bob";
  EXPECT_NE(failure(send(lost)), "");
  EXPECT_EQ(failure(send(change(model::Operation::remove, "organizationalUnit", server_->people(),
                                connector::by_name(imported(), "people").first))),
            "ldap.not_empty");
  const auto write = [&](const std::string& attribute, model::Values values) {
    model::Export next = update("inetOrgPerson", ada);
    next.attributes = {{attribute, {}, std::move(values)}};
    return failure(send(next));
  };
  EXPECT_EQ(write("memberOf", {server_->group_dn("crew")}), "ldap.kept_by_server");
  EXPECT_EQ(write(server_->anchor_attribute(), {std::string("x")}), "ldap.kept_by_server");
  EXPECT_EQ(write("cn", {std::string("somebody else")}), "ldap.rejected");
  EXPECT_EQ(write("noSuchAttribute", {std::string("x")}), "ldap.rejected");
  EXPECT_EQ(write("manager", {std::string("no name at all")}), "ldap.rejected");
  model::Export moved = change(model::Operation::rename, "inetOrgPerson", ada.dn, ada.anchor);
  moved.new_dn = "cn=ada,ou=none," + server_->people();
  EXPECT_EQ(failure(send(moved)), "ldap.no_object");
  moved.new_dn = "cn=ada,dc=elsewhere";
  EXPECT_EQ(failure(send(moved)), "ldap.out_of_scope");
  EXPECT_TRUE(admin().exists(ada.dn));
}

TEST_P(LdapWriting, ServerThatGoesLeavesWhatWasUnderWayUncertain) {
  const auto connector = make_ldap_connector(server_->settings(), logger_, server_->password());
  std::vector<model::Export> changes;
  for (int i = 0; i < 40; ++i) changes.push_back(new_person("p" + std::to_string(i)));
  int answered = 0;
  int uncertain = 0;
  EXPECT_EQ(connector::error_id([&] {
              connector->send(changes,
                              [&](std::size_t, const connector::Outcome& outcome) {
                                if (++answered == 1) server_->kill();
                                const auto* failed = std::get_if<connector::Failed>(&outcome);
                                uncertain += failed != nullptr && failed->uncertain ? 1 : 0;
                              },
                              {});
            }),
            "ldap.lost");
  EXPECT_GT(uncertain, 0);
}

}  // namespace linkspan::connector_ldap
