#include <testkit/histories.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <ostream>

#include "base/error.h"
#include "base/text.h"
#include "model/dn.h"
#include "scenario/stories.h"
#include "sync/pending.h"

namespace linkspan::testkit {
namespace {

using model::Entry;
using model::Value;

constexpr const char* k_act_names[] = {"add_person",
                                       "remove_person",
                                       "set_title",
                                       "set_name",
                                       "set_mail",
                                       "set_kind",
                                       "set_number",
                                       "set_manager",
                                       "set_phones",
                                       "rename_person",
                                       "add_group",
                                       "remove_group",
                                       "add_member",
                                       "remove_member",
                                       "add_hr",
                                       "remove_hr",
                                       "set_hr",
                                       "strike_target",
                                       "remove_from_target",
                                       "add_to_target",
                                       "remove_target_member",
                                       "refuse_exports",
                                       "lose_replies",
                                       "lose_requests",
                                       "cut_import",
                                       "refuse_watermarks",
                                       "import",
                                       "synchronize",
                                       "send",
                                       "cycle",
                                       "reopen",
                                       "crash"};

/// The play of a process that dies.
struct Death {};

std::string uid_of(int who) { return fmt::format("p{}", who); }

std::string group_uid(int which) { return fmt::format("g{}", which); }

std::string moved_dn(int who) { return fmt::format("uid={},ou=moved,dc=corp", uid_of(who)); }

std::string value_of(const Entry& entry, std::string_view name) {
  for (const auto& [attribute, values] : entry.attributes) {
    if (attribute == name && !values.empty()) return model::to_text(values.front());
  }
  return {};
}

void replace(std::string& text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error(fmt::format("the rules do not hold \"{}\"", what));
  text.replace(at, what.size(), by);
}

std::vector<DirectorySpec> specs(const Player::Options& options) {
  auto directories = scenario::directories();
  for (DirectorySpec& spec : directories) {
    spec.options.batch_size = options.batch_size;
    if (spec.name != "cloud") spec.options.delta = options.delta;
    spec.options.tells_parts = options.tells_parts && spec.name != "hr";
    if (spec.name != "corp" || !options.tells_parts) continue;
    spec.options.references_by_anchor = spec.objects_by_dn_too = true;
    spec.options.deletes_silently = options.delta == connector::FakeDelta::removals;
  }
  return directories;
}

std::string lines(std::vector<std::string> all) {
  std::sort(all.begin(), all.end());
  return fmt::format("{}\n", fmt::join(all, "\n"));
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << fmt::format("{{Act::{}, {}, {}, {}}}", k_act_names[static_cast<std::size_t>(step.act)], step.who,
                            step.whom, step.what);
}

Repertoire people_acts() {
  return {Act::add_person,    Act::add_person,    Act::add_person,  Act::remove_person, Act::set_title,  Act::set_name,
          Act::set_mail,      Act::set_kind,      Act::set_manager, Act::set_manager,   Act::set_phones, Act::add_group,
          Act::rename_person, Act::rename_person, Act::add_member,  Act::add_member,    Act::add_member, Act::add_group,
          Act::remove_group,  Act::remove_member, Act::add_hr,      Act::add_hr,        Act::remove_hr,  Act::set_hr};
}
Repertoire duplicate_acts() { return {Act::set_number, Act::set_number}; }
Repertoire target_acts() {
  return {Act::strike_target, Act::remove_from_target, Act::add_to_target, Act::remove_target_member};
}
Repertoire failing_acts() {
  return {Act::refuse_exports, Act::lose_replies,      Act::lose_replies, Act::lose_requests,
          Act::cut_import,     Act::refuse_watermarks, Act::crash};
}
Repertoire engine_acts() {
  return {Act::import,      Act::import, Act::import, Act::import, Act::synchronize, Act::synchronize,
          Act::synchronize, Act::send,   Act::send,   Act::cycle,  Act::cycle,       Act::reopen};
}
Repertoire operator+(Repertoire a, const Repertoire& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
bool is_failing_act(Act act) {
  return (act >= Act::refuse_exports && act <= Act::refuse_watermarks) || act == Act::crash;
}
bool is_engine_act(Act act) { return act >= Act::refuse_exports; }

std::string rules_of(int variant) {
  std::string rules = scenario::k_rules;
  const std::string_view hr_link = "link       = \"join\"\nprecedence = 50";
  const auto add_phones = [&](std::string_view merge) {
    const std::string flow = fmt::format("{{ expression = \"[phone]\", merge = \"{}\" }}", merge);
    replace(rules, "manager     = \"[manager]\"\n", "manager     = \"[manager]\"\nphone = " + flow + "\n");
    replace(rules, "department = \"[department]\"\n", "department = \"[department]\"\nphone = " + flow + "\n");
    replace(rules, "active      = \"[active]\"\n", "active      = \"[active]\"\nphones = \"[phone]\"\n");
  };
  switch (variant) {
    case 1:  // a record of hr keeps an identity alive; groups say how many members they have
      replace(rules, hr_link, "link       = \"sticky_join\"\nprecedence = 50");
      replace(rules, "displayName = \"[cn]\"\nmember ",
              "displayName = \"[cn]\"\nsize = 'ValueCount(\"member\")'\nmember ");
      replace(rules, "displayName = \"[displayName]\"\nmembers ",
              "displayName = \"[displayName]\"\nsize = \"[size]\"\nmembers ");
      break;
    case 2:  // hr makes identities, too
      replace(rules, hr_link, "link       = \"provision\"\nprecedence = 150");
      replace(rules, "department = \"[department]\"\n", "department = \"[department]\"\nnumber = \"[number]\"\n");
      break;
    case 3:
      add_phones("merge");
      break;
    case 4:  // the target's accounts are only joined, never made; what they are told is write-back
      replace(rules, "link       = \"provision\"\nprecedence = 200", "link       = \"join\"\nprecedence = 200");
      break;
    case 5:  // values flow back into hr, and from there in again
      rules += R"toml(
[[rule]]
name       = "Out to hr: mail"
direction  = "outbound"
connector  = "hr"
source     = "person"
target     = "person"
link       = "join"
precedence = 220
scope      = [["mail ISNOTNULL"]]
[rule.flows]
mail  = "[mail]"
head  = "[manager]"

[[rule]]
name       = "In from hr: what was written back"
direction  = "inbound"
connector  = "hr"
source     = "person"
target     = "person"
link       = "join"
precedence = 55
[rule.flows]
office = "[mail]"
)toml";
      replace(rules, "active      = \"[active]\"\n", "active      = \"[active]\"\noffice = \"[office]\"\n");
      break;
    case 6:  // flows that apply once, that stand aside, that decide on nothing, that fail
      replace(rules, "title       = \"[title]\"\ndepartment  = \"[department]\"",
              "title       = { expression = \"[title]\", once = true }\n"
              "department  = 'IIF([title] = \"H1\", IgnoreThisFlow, [department])'");
      replace(rules, "title      = \"[title]\"\n",
              "title      = 'IIF([title] = \"H2\", AuthoritativeNull, [title])'\n");
      replace(rules, "displayName = \"[cn]\"", "displayName = 'IIF([title] = \"T2\", Error(\"no\"), [cn])'");
      break;
    case 7:  // groups flattened on the way out, and references seen from their far end
      replace(rules, "members     = \"[member]\"", "members     = { source = \"member\", flatten = true }");
      replace(rules, "manager     = \"[manager]\"\n",
              "manager     = \"[manager]\"\n"
              "reports     = { source = \"assistant\", referenced_by = \"manager\" }\n");
      replace(rules, "active      = \"[active]\"\n", "active      = \"[active]\"\nreports = \"[reports]\"\n");
      break;
    case 8:  // groups flattened on the way in
      replace(rules, "member      = \"[member]\"", "member      = { source = \"member\", flatten = true }");
      break;
    default:
      break;
  }
  return rules;
}

Player::Player(Options options)
    : options_(options),
      world_(options.rules.empty() ? rules_of(options.variant) : options.rules, specs(options)),
      corp_(world_.directory("corp")),
      hr_(world_.directory("hr")) {
  for (const char* guard :
       {"guard.deletions", "guard.disablements", "guard.membership_removals", "guard.cleared_attributes"}) {
    world_.set(guard, "off");
  }
  if (options.normalising)
    cloud().rewrite("displayName", [](const Value& value) { return Value(to_lower(model::to_text(value))); });
  if (!options.peopled) return;
  for (int who = 0; who < 4; ++who) play({Act::add_person, who, who / 2, who % 3});
  for (int who = 0; who < 3; ++who) play({Act::add_group, who, 0, who + 1});
  play({Act::add_member, 2, 0, 0});  // a group in a group
  play({Act::add_hr, 1, 0, 0});
  play({Act::cycle, 0, 0, 0});
}

std::string Player::person_dn(int who) const {
  const auto at = static_cast<std::size_t>(who);
  if (at < people_.size() && !people_[at].empty()) return corp_.get(people_[at])->dn;
  return scenario::dn(uid_of(who));
}

void Player::play(const History& history) {
  for (const Step& step : history) play(step);
}

void Player::play(const Step& step) {
  if (step.act < Act::add_group) {
    play_person(step);
  } else if (step.act < Act::add_hr) {
    play_group(step);
  } else if (step.act < Act::strike_target) {
    play_record(step);
  } else if (step.act < Act::refuse_exports) {
    play_target(step);
  } else {
    play_engine(step);
  }
}

std::string Player::reference_key(const std::string& target) const {
  return options_.tells_parts ? target : model::dn_key(target);
}

/// How corp refers to what has these DNs now.
std::vector<std::string> Player::targets(std::vector<std::string> dns) const {
  if (!options_.tells_parts) return dns;
  const auto entries = corp_.all();
  for (std::string& dn : dns) {
    const std::string key = model::dn_key(dn);
    const auto there =
        std::ranges::find_if(entries, [&](const Entry& entry) { return model::dn_key(entry.dn) == key; });
    dn = there == entries.end() ? "nobody " + key : there->anchor;
  }
  return dns;
}

void Player::play_person(const Step& step) {
  using scenario::text;
  std::string& person = people_[static_cast<std::size_t>(step.who)];
  switch (step.act) {
    case Act::add_person:
      if (!person.empty()) return;
      person = scenario::add_person(corp_, uid_of(step.who), fmt::format("{}", step.who));
      if (step.what < 2) corp_.set_references(person, "manager", targets({person_dn(step.whom)}));
      return;
    case Act::remove_person:
      if (!person.empty()) corp_.remove(std::exchange(person, {}));
      return;
    case Act::set_title:
      if (!person.empty())
        corp_.set(person, "title", step.what == 0 ? model::Values{} : text(fmt::format("T{}", step.what)));
      return;
    case Act::set_name:
      if (!person.empty()) corp_.set(person, "cn", text(fmt::format("N{}", step.what)));
      return;
    case Act::set_mail:
      if (person.empty()) return;
      corp_.set(person, "mail", step.what < 3 ? model::Values{} : text(uid_of(step.who) + "@Corp.example"));
      return;
    case Act::set_kind:
      if (person.empty()) return;
      corp_.set(person, "kind", step.what < 2 ? model::Values{} : text(step.what < 4 ? "system" : "disabled"));
      return;
    case Act::set_number:
      if (!person.empty())
        corp_.set(person, "number", step.what == 0 ? model::Values{} : text(fmt::format("{}", step.whom)));
      return;
    case Act::set_manager:
      if (person.empty()) return;
      corp_.set_references(
          person, "manager",
          targets(step.what == 0   ? std::vector<std::string>{}
                  : step.what == 1 ? std::vector{scenario::dn(uid_of(step.whom))}  // wherever that one is now
                  : step.what == 2 ? std::vector{moved_dn(step.whom)}
                                   : std::vector{person_dn(step.whom)}));
      return;
    case Act::set_phones:
      if (person.empty()) return;
      corp_.set(person, "phone",
                step.what == 0 ? model::Values{} : model::Values{Value("1"), Value(fmt::format("{}", step.what))});
      return;
    case Act::rename_person: {
      if (person.empty()) return;
      corp_.rename(person, step.what < 3 ? scenario::dn(uid_of(step.who)) : moved_dn(step.who));
      return;
    }
    default:
      return;
  }
}

void Player::play_group(const Step& step) {
  std::string& group = groups_[static_cast<std::size_t>(step.who)];
  const auto members = [&] {
    std::vector<std::string> held;
    const auto entry = corp_.get(group);
    for (const auto& [attribute, target] : entry->references) held.push_back(target);
    return held;
  };
  const auto member = [&] {
    return targets(
               {step.what == 0 ? fmt::format("cn={},ou=groups,dc=corp", group_uid(step.whom)) : person_dn(step.whom)})
        .front();
  };
  switch (step.act) {
    case Act::add_group: {
      if (!group.empty()) return;
      std::vector<std::string> people;
      for (int i = 0; i <= step.what; ++i) people.push_back(person_dn(i));
      group = scenario::add_group(corp_, group_uid(step.who), {});
      corp_.set_references(group, "member", targets(people));
      return;
    }
    case Act::remove_group:
      if (!group.empty()) corp_.remove(std::exchange(group, {}));
      return;
    case Act::add_member: {
      if (group.empty()) return;
      auto now = members();
      now.push_back(member());
      corp_.set_references(group, "member", now);
      return;
    }
    case Act::remove_member: {
      if (group.empty()) return;
      auto now = members();
      const std::string key = reference_key(member());
      std::erase_if(now, [&](const std::string& target) { return reference_key(target) == key; });
      corp_.set_references(group, "member", now);
      return;
    }
    default:
      return;
  }
}

void Player::play_record(const Step& step) {
  using scenario::text;
  std::string& record = records_[static_cast<std::size_t>(step.who)];
  switch (step.act) {
    case Act::add_hr:
      if (record.empty()) record = scenario::add_hr(hr_, fmt::format("{}", step.who), fmt::format("H{}", step.what));
      return;
    case Act::remove_hr:
      if (!record.empty()) hr_.remove(std::exchange(record, {}));
      return;
    case Act::set_hr:
      if (record.empty()) return;
      hr_.set(record, step.whom < 3 ? "title" : "phone",
              step.what == 0 ? model::Values{} : text(fmt::format("H{}", step.what)));
      return;
    default:
      return;
  }
}

void Player::play_target(const Step& step) {
  using scenario::text;
  const auto accounts = cloud().where("externalId", Value(uid_of(step.who)));
  const auto account =
      std::find_if(accounts.begin(), accounts.end(), [](const Entry& entry) { return entry.object_type == "User"; });
  switch (step.act) {
    case Act::strike_target: {
      if (account == accounts.end()) return;
      const char* attribute = std::array{"displayName", "title", "department", "nickName"}[step.whom % 4];
      cloud().set(account->anchor, attribute, step.what == 0 ? model::Values{} : text(fmt::format("X{}", step.what)));
      return;
    }
    case Act::remove_from_target:
      if (account != accounts.end()) cloud().remove(account->anchor);
      return;
    case Act::add_to_target: {
      // Two strangers for one person want each other's userName: that is for people to sort out.
      if (!accounts.empty() || !cloud().where("userName", Value(uid_of(step.who) + "@corp.example")).empty()) return;
      Entry entry;
      entry.object_type = "User";
      entry.attributes = {{"userName", text(uid_of(step.who) + "@CORP.example")}};
      if (step.what < 3)
        entry.attributes = {{"externalId", text(uid_of(step.who))}, {"userName", text("old" + uid_of(step.who))}};
      try {
        strangers_.insert(cloud().add(entry));
      } catch (const Error& taken) {
        if (taken.id() != "fake.taken") throw;
      }
      return;
    }
    case Act::remove_target_member: {
      for (const Entry& group : cloud().where("externalId", Value(group_uid(step.who)))) {
        if (group.object_type != "Group" || group.references.empty()) continue;
        std::vector<std::string> kept;
        for (std::size_t i = 1; i < group.references.size(); ++i) kept.push_back(group.references[i].target);
        cloud().set_references(group.anchor, "members", kept);
      }
      return;
    }
    default:
      return;
  }
}

void Player::play_engine(const Step& step) {
  const char* name = std::array{"corp", "hr", "cloud"}[step.who % 3];
  const Error refusal(step.what % 2 == 0 ? Fault::invalid : Fault::unavailable, "fake.refused", "not now");
  const auto import_all = [&] {
    for (const char* one : {"corp", "hr", "cloud"})
      play({Act::import, std::string_view(one) == "corp" ? 0 : std::string_view(one) == "hr" ? 1 : 2, 0, 1});
  };
  const auto count = static_cast<std::size_t>(step.what % 3 + 1);
  switch (step.act) {
    case Act::refuse_exports:
      cloud().fail_next_exports(count, refusal);
      return;
    case Act::lose_replies:
      cloud().lose_next_replies(count);
      return;
    case Act::lose_requests:
      cloud().lose_next_requests(count);
      return;
    case Act::cut_import:
      world_.directory(name).cut_next_import(static_cast<std::size_t>(step.what));
      return;
    case Act::refuse_watermarks:
      world_.directory(name).refuse_watermarks();
      return;
    case Act::import:
      try {
        world_.import(name, step.what == 0);
      } catch (const Error& error) {
        if (error.id() != "fake.cut") throw;
      }
      return;
    case Act::synchronize:
      world_.synchronize(step.what == 0);
      return;
    case Act::send:
      send_until(-1);
      return;
    case Act::cycle:
      import_all();
      world_.synchronize();
      send_until(-1);
      play({Act::import, 2, 0, 1});
      return;
    case Act::reopen:
      world_.reopen();
      return;
    case Act::crash:
      send_until(step.what);
      return;
    default:
      return;
  }
}

/// Sends to every target. With dies_at >= 0 the process dies in the middle of that many'th export, and another opens
/// the database.
void Player::send_until(int dies_at) {
  int left = dies_at;
  if (dies_at >= 0) {
    cloud().refuse_exports([&](const model::Export&) -> std::optional<Error> {
      if (left-- == 0) throw Death{};
      return std::nullopt;
    });
  }
  try {
    world_.send("cloud");
    if (options_.variant == 5) world_.send("hr");
    cloud().refuse_exports({});
  } catch (const Death&) {
    cloud().refuse_exports({});
    world_.reopen();
  }
}

void Player::catch_up() {
  for (const char* name : {"corp", "hr", "cloud"}) {
    for (;;) {
      try {
        world_.import(name);
        break;
      } catch (const Error& error) {
        if (error.id() != "fake.cut") throw;
      }
    }
  }
  world_.synchronize();
}

bool Player::settle() {
  // Failures that were asked for and did not come yet are used up by what nobody misses.
  cloud().refuse_exports({});
  for (int round = 0; round < 100; ++round) {
    world_.clock().advance(std::chrono::hours(48));
    catch_up();
    if (world_.pending("cloud").empty() && world_.pending("hr").empty()) return true;
    send_until(-1);
    catch_up();
  }
  return world_.pending("cloud").empty() && world_.pending("hr").empty();
}

namespace {

std::string line_of(std::string_view type, std::string_view id, const std::map<std::string, std::string>& attributes,
                    std::vector<std::string> references) {
  std::string line = fmt::format("{} {}", type, id);
  for (const auto& [name, value] : attributes) line += fmt::format(" {}=[{}]", name, value);
  std::sort(references.begin(), references.end());
  return fmt::format("{} {}", line, fmt::join(references, " "));
}

}  // namespace

/// By anchor. Attributes of the target's own are left out.
std::map<std::string, std::string> Player::target_lines() {
  const auto entries = cloud().all();
  std::map<std::string, std::string> called;
  for (const Entry& entry : entries) {
    const std::string id = value_of(entry, "externalId");
    called[entry.anchor] = id.empty() ? "stranger " + to_lower(value_of(entry, "userName")) : id;
  }
  std::map<std::string, std::string> out;
  for (const Entry& entry : entries) {
    std::map<std::string, std::string> attributes;
    for (const auto& [name, values] : entry.attributes) {
      if (name == "nickName") continue;
      std::vector<std::string> texts;
      for (const Value& value : values) texts.push_back(model::to_text(value));
      attributes[name] = fmt::format("{}", fmt::join(texts, "|"));
    }
    std::vector<std::string> references;
    for (const auto& [name, target] : entry.references) {
      references.push_back(fmt::format("{}>{}", name, called.contains(target) ? called[target] : "(gone)"));
    }
    out[entry.anchor] = line_of(entry.object_type, called[entry.anchor], attributes, std::move(references));
  }
  return out;
}

std::string Player::target() {
  std::vector<std::string> all;
  for (auto& [anchor, line] : target_lines()) all.push_back(std::move(line));
  return lines(std::move(all));
}

std::vector<std::string> Player::expected_lines() {
  const auto entries = corp_.all();
  std::map<std::string, std::string> accounts;  // as references lead -> source anchor of what is to be in the target
  const auto own_key = [&](const Entry& entry) {
    return options_.tells_parts ? entry.anchor : model::dn_key(entry.dn);
  };
  for (const Entry& entry : entries) {
    const bool taken =
        entry.object_type == "group" || (value_of(entry, "kind") != "system" && !value_of(entry, "mail").empty());
    if (taken) accounts[own_key(entry)] = value_of(entry, "uid");
  }
  const auto references = [&](const Entry& entry, std::string_view from, std::string_view to) {
    std::vector<std::string> out;
    for (const auto& [attribute, target] : entry.references) {
      const auto account = accounts.find(reference_key(target));
      if (attribute == from && account != accounts.end()) out.push_back(fmt::format("{}>{}", to, account->second));
    }
    return out;
  };
  std::vector<std::string> out;
  for (const Entry& entry : entries) {
    if (!accounts.contains(own_key(entry))) continue;
    const std::string uid = value_of(entry, "uid");
    std::string name = value_of(entry, "cn");
    if (options_.normalising) name = to_lower(name);
    if (entry.object_type == "group") {
      out.push_back(
          line_of("Group", uid, {{"displayName", name}, {"externalId", uid}}, references(entry, "member", "members")));
      continue;
    }
    std::map<std::string, std::string> attributes{{"displayName", name}, {"externalId", uid}};
    attributes["userName"] = to_lower(value_of(entry, "mail"));
    attributes["active"] = value_of(entry, "kind") == "disabled" ? "False" : "True";
    attributes["title"] = value_of(entry, "title");
    const auto record = hr_.where("number", Value(value_of(entry, "number")));
    if (!record.empty()) {
      attributes["department"] = value_of(record.front(), "department");
      const std::string title = value_of(record.front(), "title");
      if (!title.empty()) attributes["title"] = title;
    }
    std::erase_if(attributes, [](const auto& one) { return one.second.empty(); });
    out.push_back(line_of("User", uid, attributes, references(entry, "manager", "manager")));
  }
  return out;
}

std::string Player::target_against_sources() {
  auto expected = expected_lines();
  std::sort(expected.begin(), expected.end());
  std::vector<std::string> differences;
  for (const auto& [anchor, line] : target_lines()) {
    const auto found = std::lower_bound(expected.begin(), expected.end(), line);
    if (found != expected.end() && *found == line) {
      expected.erase(found);
    } else if (!strangers_.contains(anchor)) {
      differences.push_back("+" + line);
    }
  }
  for (const std::string& line : expected) differences.push_back("-" + line);
  return fmt::format("{}", fmt::join(differences, "\n"));
}

std::string Player::contradictions() {
  std::vector<std::string> out;
  const auto view = world_.store().view();
  std::set<std::pair<std::int64_t, std::int64_t>> joined;
  for (store::Page at{0, 1000};;) {
    const auto page = view->scan_objects({}, 0, store::all_images, at);
    if (page.empty()) break;
    at.after = page.back().object.id.value;
    for (const auto& [object, images] : page) {
      const std::string name = fmt::format("object {} ({} {})", object.id.value, object.anchor, object.dn);
      if (object.pending != sync::pending_operation(object, images, world_.context().connector(object.connector).dn))
        out.push_back(name + ": pending is not as derived");
      if ((object.state == store::ObjectState::joined) != static_cast<bool>(object.metaverse)) {
        out.push_back(name + ": its state and its join contradict each other");
      }
      if (object.metaverse && !joined.emplace(object.metaverse.value, object.connector.value).second) {
        out.push_back(name + ": the second object of its connector with one identity");
      }
      if (object.state == store::ObjectState::placeholder && !images.observed.empty()) {
        out.push_back(name + ": a placeholder that was observed");
      }
      if (object.observed_hash.empty() && !images.observed.empty()) out.push_back(name + ": observed without a hash");
      if (object.desired != store::Desired::present && !images.desired.empty() && !sync::is_attempted(object)) {
        out.push_back(name + ": a desired image without a wish");
      }
      const std::vector<store::ObjectId> ids{object.id};
      bool pending = false;
      for (const store::Reference& row : view->references_of(ids, false)) {
        pending = pending || store::reference_pending(row.bits);
        if (row.bits == 0 || row.bits == store::reference_managed) out.push_back(name + ": an empty reference");
        if (view->load_objects(std::vector{row.target}, store::no_images).empty())
          out.push_back(name + ": a reference to nothing");
      }
      if (pending != object.pending_references) out.push_back(name + ": pending_references is not as derived");
    }
  }
  return fmt::format("{}", fmt::join(out, "\n"));
}

std::vector<std::string> Player::duplicates() {
  std::map<std::string, int> count;
  for (const Entry& entry : cloud().all()) {
    const std::string id = value_of(entry, "externalId");
    if (!id.empty()) ++count[entry.object_type + " " + id];
  }
  std::vector<std::string> out;
  for (const auto& [id, times] : count) {
    if (times > 1) out.push_back(id);
  }
  return out;
}

std::string Player::errors() {
  std::vector<std::string> out;
  for (const store::ObjectError& error : world_.store().summary()->errors({}, {0, 1000})) {
    out.push_back(fmt::format("{} {} {}", error.object.value, error.stage, error.error));
  }
  return lines(std::move(out));
}

}  // namespace linkspan::testkit
