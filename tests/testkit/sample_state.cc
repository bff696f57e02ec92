#include "testkit/sample_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <string_view>

#include "base/hash.h"
#include "model/dn.h"
#include "model/image.h"
#include "store/store.h"

namespace linkspan::testkit {

namespace {

using namespace store;

constexpr std::size_t k_batch = 2000;
constexpr std::array<std::string_view, 12> k_given{"Ada",   "Bjørn",  "Chloé",  "Daniil", "Eleni", "Fatma",
                                                   "Güneş", "Haruto", "Ingrid", "José",   "Klára", "Łukasz"};
constexpr std::array<std::string_view, 10> k_family{"Nakamura", "Østergård", "Petrova", "Quispe", "Rossi",
                                                    "Şahin",    "Tremblay",  "Usman",   "Vogel",  "Wójcik"};
constexpr std::array<std::string_view, 6> k_departments{"Harbour operations", "Engineering",        "Finance",
                                                        "People and culture", "Passenger services", "Research"};

// What all batches need, and the ids given out so far.
struct Filling {
  Store& store;
  Lease lease;
  const SampleState& sample;
  ConnectorId corp;
  ConnectorId cloud;
  RuleId rule;
  std::mt19937_64 random;
  std::vector<ObjectId> people;  ///< in the directory

  NameId name(std::string_view text) { return store.names().id(text); }
  template <class List>
  std::string_view one_of(const List& list) {
    return list[random() % list.size()];
  }
};

struct Person {
  std::size_t number = 0;
  std::string given;
  std::string family;
  std::string user;
  std::string mail;
};

Person person(Filling& filling, std::size_t number) {
  Person made{.number = number,
              .given = std::string(filling.one_of(k_given)),
              .family = std::string(filling.one_of(k_family)),
              .user = fmt::format("user{:07}", number),
              .mail = {}};
  made.mail = fmt::format("{}@harbour.example", made.user);
  return made;
}

model::Image directory_image(Filling& filling, const Person& one) {
  model::Image image;
  const auto set = [&](std::string_view name, std::string value) { image.set(filling.name(name), {std::move(value)}); };
  set("uid", one.user);
  set("givenName", one.given);
  set("sn", one.family);
  set("cn", fmt::format("{} {}", one.given, one.family));
  set("displayName", fmt::format("{} {} ({})", one.given, one.family, one.number));
  set("mail", one.mail);
  set("employeeNumber", std::to_string(100'000 + one.number));
  set("telephoneNumber", fmt::format("+47 {:08}", filling.random() % 100'000'000));
  set("title", fmt::format("Officer, grade {}", filling.random() % 12));
  set("departmentNumber", std::string(filling.one_of(k_departments)));
  set("street", fmt::format("Quay {}, berth {}", filling.random() % 90, filling.random() % 900));
  set("l", "Kristiansand");
  set("postalCode", fmt::format("{:04}", filling.random() % 10'000));
  set("description",
      fmt::format("Staff record {:016x}{:016x}{:016x}", filling.random(), filling.random(), filling.random()));
  image.set(filling.name("objectClass"), {std::string("inetOrgPerson"), std::string("organizationalPerson"),
                                          std::string("person"), std::string("top")});
  image.set(filling.name("enabled"), {one.number % 17 != 0});
  image.set(filling.name("whenChanged"), {Time(std::chrono::microseconds(1'700'000'000'000'000 + one.number))});
  image.set_references(filling.name("manager"), {{ObjectId{}, filling.name("manager"), 1}});
  return image;
}

model::Image service_image(Filling& filling, const Person& one) {
  model::Image image;
  const auto set = [&](std::string_view name, std::string value) { image.set(filling.name(name), {std::move(value)}); };
  set("userName", one.mail);
  set("externalId", fmt::format("{:032x}", one.number));
  set("name.givenName", one.given);
  set("name.familyName", one.family);
  set("displayName", fmt::format("{} {} ({})", one.given, one.family, one.number));
  set("emails[type eq \"work\"].value", one.mail);
  set("title", fmt::format("Officer, grade {}", one.number % 12));
  set("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", std::string(k_departments[0]));
  image.set(filling.name("active"), {one.number % 17 != 0});
  return image;
}

std::vector<Key> keys_of(Filling& filling, const Person& one) {
  return {{filling.name("mail"), model::join_key(one.mail)},
          {filling.name("employeeNumber"), model::join_key(std::to_string(100'000 + one.number))}};
}

ObjectWrite in_directory(Filling& filling, const Person& one, ObjectId id, MetaverseId joined) {
  ObjectWrite write;
  write.object.id = id;
  write.object.connector = filling.corp;
  write.object.anchor = fmt::format("{:08x}-corp-{:016x}", one.number, filling.sample.seed);
  write.object.dn = fmt::format("uid={},ou=people,dc=harbour,dc=example", one.user);
  write.object.dn_key = model::dn_key(write.object.dn);
  write.object.type = filling.name("inetOrgPerson");
  write.object.state = ObjectState::joined;
  write.object.metaverse = joined;
  write.object.link_rule = filling.rule;
  write.images.observed = model::encode(directory_image(filling, one));
  write.object.observed_hash = hash128(write.images.observed);
  write.mask = observed_image;
  write.keys_given = true;
  write.keys = keys_of(filling, one);
  return write;
}

// Every tenth waits for an export.
ObjectWrite in_service(Filling& filling, const Person& one, ObjectId id, MetaverseId joined) {
  ObjectWrite write;
  write.object.id = id;
  write.object.connector = filling.cloud;
  write.object.anchor = fmt::format("{:016x}", filling.random());
  write.object.dn = one.mail;
  write.object.type = filling.name("User");
  write.object.state = ObjectState::joined;
  write.object.metaverse = joined;
  write.object.link_rule = filling.rule;
  write.object.desired = Desired::present;
  write.images.desired = model::encode(service_image(filling, one));
  write.images.observed = write.images.desired;
  if (one.number % 10 == 0) {
    write.object.pending = Operation::update;
    model::Image older = service_image(filling, one);
    older.set(filling.name("title"), {std::string("Officer")});
    write.images.observed = model::encode(older);
  }
  write.object.observed_hash = hash128(write.images.observed);
  write.mask = all_images;
  write.keys_given = true;
  write.keys = {{filling.name("userName"), model::join_key(one.mail)}};
  return write;
}

MetaverseWrite identity(Filling& filling, const Person& one, MetaverseId id, ObjectId source) {
  MetaverseWrite write;
  const model::Image image = directory_image(filling, one);
  model::Lineage lineage;
  for (const auto& attribute : image.attributes()) lineage.push_back({attribute.name, filling.rule, source});
  std::sort(lineage.begin(), lineage.end());
  write.metaverse = {.id = id,
                     .type = filling.name("person"),
                     .image = model::encode(image),
                     .lineage = model::encode_lineage(lineage)};
  write.keys_given = true;
  write.keys = keys_of(filling, one);
  return write;
}

void fill_people(Filling& filling, std::size_t first, std::size_t count) {
  const auto batch = filling.store.batch(filling.lease);
  const ObjectId objects = batch->new_objects(count * 2);
  const MetaverseId identities = batch->new_metaverse(count);
  std::vector<ObjectWrite> writes;
  std::vector<MetaverseWrite> metaverse;
  std::vector<Reference> references;
  for (std::size_t i = 0; i < count; ++i) {
    const auto offset = static_cast<std::int64_t>(i);
    const Person one = person(filling, first + i);
    const ObjectId source{objects.value + offset * 2};
    const MetaverseId joined{identities.value + offset};
    writes.push_back(in_directory(filling, one, source, joined));
    writes.push_back(in_service(filling, one, ObjectId{source.value + 1}, joined));
    metaverse.push_back(identity(filling, one, joined, source));
    const ObjectId manager = filling.people.empty() ? source : filling.people[filling.random() % filling.people.size()];
    references.push_back({source, filling.name("manager"), manager, reference_observed});
    filling.people.push_back(source);
  }
  batch->put_objects(writes);
  batch->put_metaverse(metaverse);
  batch->put_references(references);
  batch->commit();
}

void fill_groups(Filling& filling, std::size_t first, std::size_t count) {
  const auto batch = filling.store.batch(filling.lease);
  const ObjectId objects = batch->new_objects(count);
  std::vector<ObjectWrite> writes;
  std::vector<Reference> references;
  for (std::size_t i = 0; i < count; ++i) {
    ObjectWrite write;
    write.object.id = ObjectId{objects.value + static_cast<std::int64_t>(i)};
    write.object.connector = filling.corp;
    write.object.anchor = fmt::format("group-{}", first + i);
    write.object.dn = fmt::format("cn=crew {},ou=groups,dc=harbour,dc=example", first + i);
    write.object.dn_key = model::dn_key(write.object.dn);
    write.object.type = filling.name("groupOfNames");
    write.object.state = ObjectState::disconnector;
    model::Image image;
    image.set(filling.name("cn"), {fmt::format("crew {}", first + i)});
    write.images.observed = model::encode(image);
    write.mask = observed_image;
    writes.push_back(write);
    for (std::size_t member = 0; member < filling.sample.people_per_group; ++member) {
      const std::size_t place = (first + i) * filling.sample.people_per_group + member;
      if (place >= filling.people.size()) break;
      references.push_back({write.object.id, filling.name("member"), filling.people[place], reference_observed});
    }
  }
  batch->put_objects(writes);
  batch->put_references(references);
  batch->commit();
}

void fill_rest(Filling& filling) {
  const auto batch = filling.store.batch(filling.lease);
  batch->put_watermark(filling.corp, std::string("\0\1\2 since", 9));
  if (!filling.people.empty()) {
    const std::vector<ObjectError> errors{{.object = filling.people.front(),
                                           .stage = "export",
                                           .error = "scim.refused",
                                           .message = "uniqueness: userName \"ådå\"",
                                           .first_at = Time(std::chrono::seconds(1'700'000'000)),
                                           .last_at = Time(std::chrono::seconds(1'700'000'060))}};
    batch->put_errors(errors);
  }
  batch->commit();
  Operations& operations = filling.store.operations();
  const RunId run = operations.begin_run({.id = {},
                                          .profile = "delta",
                                          .host = "quay",
                                          .result = "",
                                          .started_at = Time(std::chrono::seconds(1'700'000'000)),
                                          .ended_at = {},
                                          .steps = {}});
  operations.put_step(run, {.name = "import corp",
                            .result = "success",
                            .started_at = Time(std::chrono::seconds(1'700'000'001)),
                            .ended_at = Time(std::chrono::seconds(1'700'000'009)),
                            .counters = {{"adds", 3}, {"updates", 0}},
                            .message = ""});
  operations.end_run(run, "success", Time(std::chrono::seconds(1'700'000'010)));
}

}  // namespace

void fill(Store& store, const SampleState& sample) {
  Filling filling{.store = store,
                  .lease = store.operations().acquire("sample", std::chrono::hours(1)).value(),
                  .sample = sample,
                  .corp = {},
                  .cloud = {},
                  .rule = {},
                  .random = std::mt19937_64(sample.seed),
                  .people = {}};
  store.use_lease(filling.lease);
  Configuration& configuration = store.configuration();
  filling.corp = configuration.put_connector(
      {.id = {}, .name = "corp", .kind = "ldap", .settings = R"({"url": ["ldap://127.0.0.1"]})", .position = 1});
  filling.cloud = configuration.put_connector(
      {.id = {}, .name = "cloud", .kind = "scim", .settings = R"({"url": ["https://scim.example"]})", .position = 2});
  configuration.put_rules(std::vector<RuleRow>{{.id = {}, .name = "People in", .definition = "[[rule]]\nname = \"å\""},
                                               {.id = {}, .name = "People out", .definition = "[[rule]]"}});
  filling.rule = configuration.rules().front().id;
  configuration.put_secrets(std::vector<SecretRow>{
      {.connector = filling.corp, .name = "password", .sealed = sample.secret, .key_set = "key-set-1"}});
  configuration.put_settings(
      std::vector<std::pair<std::string, std::string>>{{"scheduler.interval", "30m"}, {"staging", "off"}});
  for (std::size_t first = 0; first < sample.people; first += k_batch) {
    fill_people(filling, first, std::min(k_batch, sample.people - first));
  }
  const std::size_t groups = (sample.people + sample.people_per_group - 1) / sample.people_per_group;
  for (std::size_t first = 0; first < groups; first += k_batch / 10) {
    fill_groups(filling, first, std::min(k_batch / 10, groups - first));
  }
  fill_rest(filling);
  store.operations().release(filling.lease);
}

}  // namespace linkspan::testkit
