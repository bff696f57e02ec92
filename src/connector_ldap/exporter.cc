#include "connector_ldap/internal/exporter.h"

#include <fmt/core.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "connector_ldap/internal/added_object.h"
#include "connector_ldap/internal/anchor.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/internal/modifications.h"
#include "connector_ldap/internal/quiet_pipe.h"
#include "connector_ldap/internal/references.h"
#include "connector_ldap/internal/values.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

using connector::Failed;
using connector::Outcome;
using connector::Sent;
using model::Export;
using model::Operation;

namespace {

constexpr std::size_t k_under_way = 16;         ///< exports at once
constexpr std::size_t k_values_at_once = 1000;  ///< of a group's members in one request
constexpr const char* k_permissive_modify = "1.2.840.113556.1.4.1413";
constexpr const char* k_assertion = "1.3.6.1.1.12";  ///< RFC 4528
constexpr std::int64_t k_account_disabled = 0x2;

/// One change of an entry, and the references that its values stand for, in their order.
struct Change : Modification {
  std::vector<model::ReferenceChange> references{};
};

/// One export on its way: the requests that are still to be made, one after the other.
struct Task {
  const Export* change = nullptr;
  std::size_t index = 0;
  /// What is under way: a look whether the name is still the object's, the deed itself, a look at what was made, a
  /// step; or a search for the object's name.
  enum class Stage : unsigned char { check, first, look, steps, locate };
  Stage stage = Stage::first;
  std::deque<std::vector<Change>> steps;  ///< of changes; the values of references in steps of their own
  Sent sent;
  std::optional<Done> taken;  ///< of an add that is to look first: the name is taken, and a look tells by what

  // Where objects are named by DN:
  std::string dn;                    ///< the present name
  Stage interrupted = Stage::first;  ///< what goes on when the object was found
  Done missed;                       ///< why it was looked for
  std::string found;                 ///< the name that a look brought
  bool located = false;              ///< once is enough
  std::size_t container = 0;         ///< that is searched
};

class Exporter {
 public:
  Exporter(const ExportTarget& target, const std::function<void(std::size_t, Outcome)>& done)
      : target_(target),
        done_(done),
        active_directory_(target.settings.dialect == Dialect::active_directory),
        permissive_(target.root.offers(k_permissive_modify)),
        asserts_(!active_directory_ && target.root.offers(k_assertion)),
        anchor_(active_directory_ ? "objectGUID" : anchor_attribute(target.schema)) {}

  void run(std::span<const Export* const> exports, std::span<const std::size_t> indexes, const std::stop_token& stop) {
    const QuietPipe quiet;
    std::size_t next = 0;
    try {
      for (;;) {
        while (next < exports.size() && under_way_.size() < k_under_way && !stop.stop_requested()) {
          auto task = std::make_unique<Task>();
          task->change = exports[next];
          task->index = indexes[next];
          ++next;
          begin(std::move(task));
        }
        if (under_way_.empty()) break;
        take_answer();
      }
      if (!renamed_.empty()) follow_renamings(target_, renamed_, {});
    } catch (const Error& error) {
      for (auto& [id, task] : under_way_) done_(task->index, Failed{error, true});
      under_way_.clear();
      throw;
    }
  }

 private:
  LDAP* handle() const { return target_.session.handle(); }

  /// What a request names the object by: one that is renamed meanwhile is still the one that is meant.
  std::string name_of(const Task& task) const {
    return active_directory_ && !task.sent.anchor.empty() ? base_of_anchor(task.sent.anchor) : task.dn;
  }
  static std::string base_of_anchor(const std::string& anchor) { return fmt::format("<GUID={}>", anchor); }

  /// A name as it is sent. Samba takes no "=" within a value that is not escaped, though RFC 4514 does.
  std::string sent_name(const model::Dn& dn) const {
    if (!active_directory_) return model::to_text(dn);
    std::string made;
    for (const auto& rdn : dn.rdns) {
      made += made.empty() ? "" : ",";
      for (const auto& [type, value] : rdn) {
        if (&value != &rdn.front().second) made += '+';
        made += type + '=';
        for (const char c : model::escape_dn_value(value)) made += c == '=' ? std::string("\\=") : std::string(1, c);
      }
    }
    return made;
  }
  std::string sent_name(const std::string& dn) const { return active_directory_ ? sent_name(model::parse_dn(dn)) : dn; }

  std::string value_of(const model::ReferenceChange& reference) const {
    return active_directory_ && guid_bytes(reference.target) ? base_of_anchor(reference.target) : reference.target_dn;
  }

  void begin(std::unique_ptr<Task> task) {
    const Export& change = *task->change;
    task->sent.anchor = change.anchor;
    task->dn = change.dn;
    const std::size_t index = task->index;
    try {
      expect_in_scope(change);
      if (change.operation == Operation::update || change.operation == Operation::rename) prepare_update(*task);
      const bool looks = !active_directory_ && !asserts_ && change.operation != Operation::add;
      if (looks) return send_check(std::move(task));
      go_on(std::move(task), Task::Stage::first);
    } catch (const Error& error) {
      if (error.fault() == Fault::unavailable) throw;
      done_(index, Failed{error, false});
    }
  }

  void go_on(std::unique_ptr<Task> task, Task::Stage stage) {
    task->stage = stage;
    if (stage == Task::Stage::first) {
      switch (task->change->operation) {
        case Operation::add:
          return send_add(std::move(task));
        case Operation::remove:
          return send_remove(std::move(task));
        case Operation::rename:
          return send_rename(std::move(task));
        default:
          break;
      }
    }
    continue_update(std::move(task));
  }

  /// What is made or moved to where nothing is read would never be seen again.
  void expect_in_scope(const Export& change) const {
    const bool named = change.operation == Operation::add || change.operation == Operation::rename;
    const std::string& name = change.operation == Operation::add ? change.dn : change.new_dn;
    if (target_.scope == nullptr || !named || target_.scope->contains(name)) return;
    throw Error(Fault::invalid, "ldap.out_of_scope",
                fmt::format("\"{}\" lies in no container of this connector", printable(name)),
                "correct the rule that makes dn, or base, containers and exclude_containers of the connector");
  }

  // --- objects by their anchors, where they are named by DN ---

  std::string anchor_filter(const Task& task) const {
    return fmt::format("({}={})", anchor_, escape_filter(anchor_value(anchor_, task.sent.anchor)));
  }

  /// The controls of a request that is meant for one object and no other.
  std::vector<RequestControl> guard(const Task& task) const {
    if (!asserts_ || task.sent.anchor.empty()) return {};
    berval value{};
    std::string filter = anchor_filter(task);
    if (ldap_create_assertion_control_value(handle(), filter.data(), &value) != LDAP_SUCCESS) throw std::bad_alloc();
    std::vector<RequestControl> made{{k_assertion, std::string(value.bv_val, value.bv_len), true}};
    ber_memfree(value.bv_val);
    return made;
  }

  void send_check(std::unique_ptr<Task> task) {
    task->stage = Task::Stage::check;
    task->interrupted = Task::Stage::first;
    const int id = target_.session.send(
        {.base = task->dn, .scope = LDAP_SCOPE_BASE, .filter = anchor_filter(*task), .attributes = {"1.1"}});
    under_way_.emplace(id, std::move(task));
  }

  void send_locate(std::unique_ptr<Task> task) {
    task->stage = Task::Stage::locate;
    const int id = target_.session.send(
        {.base = target_.scope->containers[task->container], .filter = anchor_filter(*task), .attributes = {"1.1"}});
    under_way_.emplace(id, std::move(task));
  }

  /// Whether the request may have met another object than the one that was meant, or none, and a search may help.
  bool is_lost(const Task& task, const Done& done) const {
    return target_.scope != nullptr && !task.located && !task.sent.anchor.empty() &&
           (done.code == LDAP_NO_SUCH_OBJECT || done.code == LDAP_ASSERTION_FAILED);
  }

  void locate(std::unique_ptr<Task> task, Done done, Task::Stage interrupted) {
    task->interrupted = interrupted;
    task->missed = std::move(done);
    task->found.clear();
    task->located = true;
    task->container = 0;
    send_locate(std::move(task));
  }

  void settle_check(std::unique_ptr<Task> task, Done done) {
    const Task::Stage interrupted = task->interrupted;
    if (!task->found.empty()) return go_on(std::move(task), interrupted);
    if (done.code != LDAP_SUCCESS && done.code != LDAP_NO_SUCH_OBJECT) throw refusal(*task->change, done);
    done.code = LDAP_NO_SUCH_OBJECT;
    locate(std::move(task), std::move(done), interrupted);
  }

  void settle_locate(std::unique_ptr<Task> task, const Done& done) {
    if (done.code != LDAP_SUCCESS) throw refusal(*task->change, done);
    if (task->found.empty()) {
      if (++task->container < target_.scope->containers.size()) return send_locate(std::move(task));
      if (task->change->operation == Operation::remove) return done_(task->index, std::move(task->sent));
      throw Error(Fault::not_found, "ldap.no_object",
                  fmt::format("{}: \"{}\" ({} {}) is not there any more", target_.session.where(),
                              printable(task->change->dn), anchor_, task->sent.anchor),
                  "the next import tells what became of it");
    }
    const bool same = task->found == task->dn || model::dn_key(task->found) == model::dn_key(task->dn);
    // The name is right, and what is not there is something else: the container that it is to go to.
    if (same && task->missed.code == LDAP_NO_SUCH_OBJECT) throw refusal(*task->change, task->missed);
    task->dn = std::move(task->found);
    task->sent.dn = task->dn;
    const Task::Stage interrupted = task->interrupted;
    go_on(std::move(task), interrupted);
  }

  void expect_sent(int code, const Export& change) const {
    if (code == LDAP_SUCCESS) return;
    throw result_error(code, {}, target_.session.where(), fmt::format("exporting \"{}\"", printable(change.dn)));
  }

  // --- add ---

  void send_add(std::unique_ptr<Task> task) {
    const Export& change = *task->change;
    std::vector<Change> changes = added_attributes(change);
    ModificationList mods;
    for (const Change& one : changes) mods.add(one);
    int id = 0;
    expect_sent(ldap_add_ext(handle(), sent_name(change.dn).c_str(), mods.get(), nullptr, nullptr, &id), change);
    wipe(changes);
    for (const model::ReferenceChange& reference : change.references) {
      if (reference.add) add_reference(*task, reference);
    }
    add_placeholder_removals(*task);
    under_way_.emplace(id, std::move(task));
  }

  std::vector<Change> added_attributes(const Export& change) const {
    std::vector<Change> made;
    const model::Dn dn = model::parse_dn(change.dn);
    if (dn.rdns.empty()) throw no_name(change.dn);
    const std::string_view naming = dn.rdns.front().front().first;
    bool has_class = false;
    bool has_password = false;
    bool disabled = false;
    for (const model::AttributeChange& attribute : change.attributes) {
      // The name says it, and a server may refuse to hear it twice.
      if (attribute.after.empty() || (active_directory_ && equal_ascii_case(attribute.name, naming))) continue;
      has_class = has_class || equal_ascii_case(attribute.name, "objectClass");
      has_password = has_password || equal_ascii_case(attribute.name, "unicodePwd");
      disabled = disabled || (equal_ascii_case(attribute.name, "userAccountControl") && is_disabled(attribute.after));
      made.push_back(attribute_change(attribute, LDAP_MOD_ADD));
    }
    if (!has_class) made.push_back({{LDAP_MOD_ADD, "objectClass", {change.object_type}}, {}});
    const bool person =
        equal_ascii_case(change.object_type, "user") || equal_ascii_case(change.object_type, "inetOrgPerson");
    if (active_directory_ && person && !has_password && !disabled && target_.settings.random_initial_password) {
      made.push_back({{LDAP_MOD_ADD, "unicodePwd", {unicode_password(random_password().reveal())}}, {}});
    }
    if (!active_directory_) {
      for (const auto& [type, value] : dn.rdns.front()) add_naming_value(made, type, value);
      for (const std::string& attribute : required_references(made)) {
        made.push_back({{LDAP_MOD_ADD, attribute, {target_.settings.placeholder_member}}, {}});
      }
    }
    return made;
  }

  Error no_name(const std::string& dn) const {
    return {Fault::invalid, "ldap.bad_name", fmt::format("\"{}\" is no name for an object", printable(dn)),
            "correct the rule that makes dn"};
  }

  /// What the name says is among the attributes, beside the other values that rules flow there.
  static void add_naming_value(std::vector<Change>& changes, const std::string& type, const std::string& value) {
    const auto held =
        std::ranges::find_if(changes, [&](const Change& one) { return equal_ascii_case(one.attribute, type); });
    if (held == changes.end()) {
      changes.push_back({{LDAP_MOD_ADD, type, {value}}, {}});
    } else if (std::ranges::none_of(held->values,
                                    [&](const std::string& one) { return equal_ascii_case(one, value); })) {
      held->values.push_back(value);
    }
  }

  /// The references without which the classes of a new object let it not be.
  std::vector<std::string> required_references(const std::vector<Change>& changes) const {
    std::vector<std::string> made;
    for (const Change& change : changes) {
      if (!equal_ascii_case(change.attribute, "objectClass")) continue;
      for (const std::string& name : change.values) {
        for (std::string& attribute : target_.schema.required_references(name)) {
          if (std::ranges::find(made, attribute) == made.end()) made.push_back(std::move(attribute));
        }
      }
    }
    return made;
  }

  static bool is_disabled(const model::Values& values) {
    const auto* number = std::get_if<std::int64_t>(&values.front());
    const auto text = number == nullptr ? to_integer(model::to_text(values.front())) : std::optional(*number);
    return text && (*text & k_account_disabled) != 0;
  }

  static void wipe(std::vector<Change>& changes) {
    for (Change& change : changes) {
      if (!equal_ascii_case(change.attribute, "unicodePwd")) continue;
      for (std::string& value : change.values) explicit_bzero(value.data(), value.size());
    }
  }

  Change attribute_change(const model::AttributeChange& attribute, int operation) const {
    Change made{{operation, sent_attribute(attribute.name), {}}, {}};
    const bool password = active_directory_ && equal_ascii_case(attribute.name, "unicodePwd");
    for (const model::Value& value : attribute.after) {
      made.values.push_back(password ? unicode_password(model::to_text(value)) : wire_value(value));
    }
    return made;
  }

  /// As the server wants to hear it. What it keeps by itself is not ours to write.
  std::string sent_attribute(const std::string& name) const {
    if (active_directory_) return name;
    const AttributeType* type = target_.schema.attribute(std::string_view(name).substr(0, name.find(';')));
    if ((type != nullptr && !type->writable) || equal_ascii_case(name, "memberOf")) {
      throw Error(Fault::invalid, "ldap.kept_by_server", fmt::format("{} is kept by the server itself", name),
                  "let no outbound rule flow it");
    }
    const bool binary = type != nullptr && type->binary_transfer && name.find(';') == std::string::npos;
    return binary ? name + ";binary" : name;
  }

  /// What the new object is known by. Active Directory has no control that would say it with the answer.
  void send_look(std::unique_ptr<Task> task) {
    Search search{.base = sent_name(task->change->dn), .scope = LDAP_SCOPE_BASE, .attributes = {anchor_}};
    if (task->taken) {
      search.attributes = telling_attributes(*task->change);
      search.attributes.insert(search.attributes.end(), {"objectClass", anchor_});
    }
    task->stage = Task::Stage::look;
    const int id = target_.session.send(search);
    under_way_.emplace(id, std::move(task));
  }

  // --- update, rename, remove ---

  void prepare_update(Task& task) const {
    const Export& change = *task.change;
    std::vector<Change> attributes;
    for (const model::AttributeChange& attribute : change.attributes) {
      if (active_directory_ && equal_ascii_case(attribute.name, "unicodePwd")) {
        throw Error(
            Fault::invalid, "ldap.password_in_update",
            fmt::format("\"{}\": unicodePwd is set when an account is made, and not again", printable(change.dn)),
            "let the rule flow it once: true, or leave it to initial_password");
      }
      if (!active_directory_ && equal_ascii_case(attribute.name, "objectClass")) {
        add_class_changes(attributes, attribute);
      } else {
        attributes.push_back(attribute_change(attribute, LDAP_MOD_REPLACE));
      }
    }
    if (!attributes.empty()) task.steps.push_back(std::move(attributes));
    for (const model::ReferenceChange& reference : change.references) add_reference(task, reference);
    add_placeholder_removals(task);
  }

  /// Classes are added and taken away one by one: what somebody else added since the last import stays. So does what a
  /// class that stays is made of, for servers list it or not as they like.
  void add_class_changes(std::vector<Change>& changes, const model::AttributeChange& attribute) const {
    std::set<std::string> kept;
    for (const model::Value& value : attribute.after) {
      for (std::string& name : target_.schema.ancestry(model::to_text(value))) kept.insert(std::move(name));
    }
    const auto differences = [&](const model::Values& from, const model::Values& without, bool removal) {
      std::vector<std::string> made;
      for (const model::Value& value : from) {
        const std::string name = model::to_text(value);
        const bool there = std::ranges::any_of(
            without, [&](const model::Value& other) { return equal_ascii_case(model::to_text(other), name); });
        if (!there && !(removal && kept.contains(to_lower(name)))) made.push_back(name);
      }
      return made;
    };
    auto more = differences(attribute.after, attribute.before, false);
    auto less = differences(attribute.before, attribute.after, true);
    if (!less.empty()) changes.push_back({{LDAP_MOD_DELETE, "objectClass", std::move(less)}, {}});
    if (!more.empty()) changes.push_back({{LDAP_MOD_ADD, "objectClass", std::move(more)}, {}});
  }

  /// After members came, the one that stood for none goes: a step each, which may fail.
  void add_placeholder_removals(Task& task) const {
    if (active_directory_) return;
    for (const std::string& attribute : target_.schema.required_references(task.change->object_type)) {
      const bool comes = std::ranges::any_of(task.change->references, [&](const model::ReferenceChange& one) {
        return one.add && equal_ascii_case(one.attribute, attribute);
      });
      if (comes) task.steps.push_back({{{LDAP_MOD_DELETE, attribute, {target_.settings.placeholder_member}}, {}}});
    }
  }
  static bool is_placeholder_removal(const std::vector<Change>& step, const std::string& placeholder) {
    return step.size() == 1 && step.front().operation == LDAP_MOD_DELETE && step.front().references.empty() &&
           step.front().values == std::vector<std::string>{placeholder};
  }

  /// Into the last step when it fits there, else into a new one.
  void add_reference(Task& task, const model::ReferenceChange& reference) const {
    const AttributeType* type = target_.schema.attribute(reference.attribute);
    const bool single = type != nullptr && type->single_valued;
    const int operation = single ? LDAP_MOD_REPLACE : reference.add ? LDAP_MOD_ADD : LDAP_MOD_DELETE;
    if (single && !reference.add) {
      const auto follows = std::ranges::any_of(task.change->references, [&](const model::ReferenceChange& other) {
        return other.add && other.attribute == reference.attribute;
      });
      if (!follows) task.steps.push_back({{{operation, reference.attribute, {}}, {reference}}});
      return;
    }
    const bool fits = !task.steps.empty() && !task.steps.back().back().references.empty() && !single &&
                      task.steps.back().back().operation == operation &&
                      task.steps.back().back().attribute == reference.attribute &&
                      task.steps.back().back().values.size() < k_values_at_once;
    if (!fits) task.steps.push_back({{{operation, reference.attribute, {}}, {}}});
    task.steps.back().back().values.push_back(value_of(reference));
    task.steps.back().back().references.push_back(reference);
  }

  void continue_update(std::unique_ptr<Task> task) {
    if (task->steps.empty()) {
      done_(task->index, std::move(task->sent));
      return;
    }
    task->stage = Task::Stage::steps;
    const std::string name = name_of(*task);
    ModificationList mods;
    for (const Change& one : task->steps.front()) mods.add(one);
    std::vector<RequestControl> controls = guard(*task);
    if (permissive_) controls.push_back({k_permissive_modify, {}, true});
    ControlList list(controls);
    int id = 0;
    expect_sent(ldap_modify_ext(handle(), name.c_str(), mods.get(), list.get(), nullptr, &id), *task->change);
    under_way_.emplace(id, std::move(task));
  }

  void send_rename(std::unique_ptr<Task> task) {
    const Export& change = *task->change;
    model::Dn wanted = model::parse_dn(change.new_dn);
    if (wanted.rdns.size() < 2) throw no_name(change.new_dn);
    const std::string now = model::dn_key(task->dn);
    // Found under the name that it is to have: what is left are the other changes.
    if (!active_directory_ && now == model::dn_key(change.new_dn)) {
      renamed_.push_back({change.dn, change.new_dn});
      return go_on(std::move(task), Task::Stage::steps);
    }
    const std::string leaf = sent_name(model::Dn{{wanted.rdns.front()}});
    wanted.rdns.erase(wanted.rdns.begin());
    const std::string parent = sent_name(wanted);
    const bool moves = model::parent_key(now) != model::dn_key(parent);
    const std::vector<RequestControl> guards = guard(*task);
    ControlList controls(guards);
    int id = 0;
    expect_sent(ldap_rename(handle(), name_of(*task).c_str(), leaf.c_str(), moves ? parent.c_str() : nullptr, 1,
                            controls.get(), nullptr, &id),
                change);
    under_way_.emplace(id, std::move(task));
  }

  void send_remove(std::unique_ptr<Task> task) {
    const std::vector<RequestControl> guards = guard(*task);
    ControlList controls(guards);
    int id = 0;
    expect_sent(ldap_delete_ext(handle(), name_of(*task).c_str(), controls.get(), nullptr, &id), *task->change);
    under_way_.emplace(id, std::move(task));
  }

  // --- answers ---

  void take_answer() {
    const Message message = target_.session.next(LDAP_RES_ANY);
    const auto found = under_way_.find(ldap_msgid(message.get()));
    if (found == under_way_.end()) return;
    const int kind = ldap_msgtype(message.get());
    if (kind == LDAP_RES_SEARCH_REFERENCE) return;
    if (kind == LDAP_RES_SEARCH_ENTRY) return take_entry(*found->second, message.get());
    std::unique_ptr<Task> task = std::move(found->second);
    under_way_.erase(found);
    Done done = target_.session.parse_done(message.get());
    const std::size_t index = task->index;
    try {
      settle(std::move(task), std::move(done));
    } catch (const Error& error) {
      if (error.fault() == Fault::unavailable) {
        done_(index, Failed{error, true});
        throw;
      }
      done_(index, Failed{error, false});
    }
  }

  void take_entry(Task& task, LDAPMessage* message) {
    if (task.taken && !is_what_was_added(handle(), message, *task.change, target_.schema)) return;
    if (!active_directory_) {
      if (task.stage == Task::Stage::look) {
        const auto values = values_of(handle(), message, anchor_);
        if (!values.empty()) task.sent.anchor = anchor_text(values.front()).value_or(to_lower(values.front()));
        return;
      }
      std::string dn = dn_of(handle(), message);
      if (!target_.scope->excludes(dn)) task.found = std::move(dn);
      return;
    }
    const auto bytes = values_of(handle(), message, "objectGUID");
    if (!bytes.empty()) task.sent.anchor = guid_text(bytes.front()).value_or(std::string());
  }

  Error refusal(const Export& change, const Done& done) const {
    const std::string text = fmt::format("{}: exporting \"{}\": {} ({}){}{}", target_.session.where(),
                                         printable(change.dn), ldap_err2string(done.code), done.code,
                                         done.diagnostic.empty() ? "" : ": ", printable(done.diagnostic, 300));
    // Active Directory tells a password that its rules refuse by this number alone.
    if (done.diagnostic.find("0000052D") != std::string::npos) {
      return {
          Fault::invalid, "ldap.bad_password", text,
          "an enabled account needs a password that the domain's rules allow: set initial_password = random, or flow "
          "unicodePwd"};
    }
    switch (done.code) {
      case LDAP_INSUFFICIENT_ACCESS:
        return {Fault::denied, "ldap.write_access", text, "let the account of this connector write what it exports"};
      case LDAP_ALREADY_EXISTS:
        return {Fault::conflict, "ldap.already_exists", text,
                "an object of that name is there: import it and join it, or let the rule make another name"};
      case LDAP_NO_SUCH_OBJECT:
        return {Fault::not_found, "ldap.no_object", text,
                "it, what it refers to, or the container it is to lie in is not there; the next import tells"};
      case LDAP_NOT_ALLOWED_ON_NONLEAF:
        return {Fault::conflict, "ldap.not_empty", text, "move or remove what lies below it first"};
      case LDAP_NOT_ALLOWED_ON_RDN:
      case LDAP_NAMING_VIOLATION:
        return {Fault::invalid, "ldap.rejected", text,
                "the object is named by a value that the attribute would lose: let the rule make dn too"};
      case LDAP_OBJECT_CLASS_VIOLATION:
      case LDAP_NO_OBJECT_CLASS_MODS:
        return {Fault::invalid, "ldap.rejected", text,
                "flow every attribute that the object's classes ask for and none that they do not know; a structural "
                "class stays for life"};
      case LDAP_AFFECTS_MULTIPLE_DSAS:
        return {Fault::invalid, "ldap.rejected", text, "the server does not move objects from one database to another"};
      case LDAP_ASSERTION_FAILED:
        return {Fault::conflict, "ldap.moved_on", text,
                "the object was renamed or exchanged meanwhile; the next import tells"};
      case LDAP_CONSTRAINT_VIOLATION:
      case LDAP_UNDEFINED_TYPE:
      case LDAP_NO_SUCH_ATTRIBUTE:
      case LDAP_INVALID_SYNTAX:
      case LDAP_INVALID_DN_SYNTAX:
      case LDAP_TYPE_OR_VALUE_EXISTS:
      case LDAP_UNWILLING_TO_PERFORM:
        return {Fault::invalid, "ldap.rejected", text, "correct the rule that makes this value"};
      default: {
        Error error = result_error(done.code, done.diagnostic, target_.session.where(),
                                   fmt::format("exporting \"{}\"", printable(change.dn)));
        // Of one object, which must not hold up the others.
        if (error.id() == "ldap.refused") return {Fault::invalid, "ldap.refused", error.message(), error.hint()};
        return error;
      }
    }
  }

  void settle(std::unique_ptr<Task> task, Done done) {
    const Operation operation = task->change->operation;
    if (task->stage == Task::Stage::check) return settle_check(std::move(task), std::move(done));
    if (task->stage == Task::Stage::locate) return settle_locate(std::move(task), done);
    if (task->stage != Task::Stage::look && is_lost(*task, done)) {
      const Task::Stage interrupted = task->stage;
      return locate(std::move(task), std::move(done), interrupted);
    }
    if (task->stage == Task::Stage::first) {
      const bool gone_already = operation == Operation::remove && done.code == LDAP_NO_SUCH_OBJECT;
      if (operation == Operation::add && done.code == LDAP_ALREADY_EXISTS && task->change->look_first) {
        task->taken = std::move(done);
        return send_look(std::move(task));
      }
      if (done.code != LDAP_SUCCESS && !gone_already) throw refusal(*task->change, done);
      if (operation == Operation::add) {
        task->sent.dn = task->change->dn;
        return send_look(std::move(task));
      }
      if (operation == Operation::rename) note_renaming(*task);
    } else if (task->stage == Task::Stage::look) {
      if (task->taken && task->sent.anchor.empty()) throw refusal(*task->change, *task->taken);
      if (task->taken) {
        task->sent.dn = task->change->dn;
        task->sent.was_there = true;
      }
      // It was made, so an error would have it made again: the next import tells what it is.
      if (task->sent.anchor.empty()) task->steps.clear();
    } else if (done.code == LDAP_SUCCESS) {
      task->steps.pop_front();
    } else {
      refuse_step(*task, done);
    }
    continue_update(std::move(task));
  }

  void note_renaming(Task& task) {
    const Export& change = *task.change;
    if (!active_directory_) {
      renamed_.push_back({change.dn, change.new_dn});
      if (task.dn != change.dn) renamed_.push_back({task.dn, change.new_dn});
    }
    task.sent.dn = task.dn = change.new_dn;
  }

  /// Halves a batch of references that was refused; a single one is left out, and told.
  void refuse_step(Task& task, const Done& done) {
    std::vector<Change> step = std::move(task.steps.front());
    task.steps.pop_front();
    // It stood there alone, or not at all.
    if (is_placeholder_removal(step, target_.settings.placeholder_member) &&
        (done.code == LDAP_OBJECT_CLASS_VIOLATION || done.code == LDAP_NO_SUCH_ATTRIBUTE)) {
      return;
    }
    Change& change = step.back();
    if (!active_directory_ && step.size() == 1 && change.operation == LDAP_MOD_DELETE && !change.references.empty() &&
        done.code == LDAP_OBJECT_CLASS_VIOLATION) {
      // The last members go, and the group may not be without.
      Change placeholder{{LDAP_MOD_ADD, change.attribute, {target_.settings.placeholder_member}}, {}};
      step.insert(step.begin(), std::move(placeholder));
      task.steps.push_front(std::move(step));
      return;
    }
    const bool about_values = done.code == LDAP_NO_SUCH_OBJECT || done.code == LDAP_CONSTRAINT_VIOLATION ||
                              done.code == LDAP_UNWILLING_TO_PERFORM || done.code == LDAP_INVALID_DN_SYNTAX ||
                              done.code == LDAP_INVALID_SYNTAX || done.code == LDAP_NO_SUCH_ATTRIBUTE ||
                              done.code == LDAP_TYPE_OR_VALUE_EXISTS || done.code == LDAP_ALREADY_EXISTS;
    if (change.references.empty() || !about_values) throw refusal(*task.change, done);
    if (change.references.size() == 1) {
      const bool as_wanted = change.operation == LDAP_MOD_DELETE
                                 ? done.code == LDAP_NO_SUCH_ATTRIBUTE || done.code == LDAP_NO_SUCH_OBJECT
                                 : done.code == LDAP_TYPE_OR_VALUE_EXISTS || done.code == LDAP_ALREADY_EXISTS;
      if (!as_wanted) task.sent.references_refused.push_back(std::move(change.references.front()));
      return;
    }
    const auto middle = static_cast<std::ptrdiff_t>(change.references.size() / 2);
    Change second{{change.operation, change.attribute, {}}, {}};
    second.values.assign(change.values.begin() + middle, change.values.end());
    second.references.assign(change.references.begin() + middle, change.references.end());
    change.values.erase(change.values.begin() + middle, change.values.end());
    change.references.erase(change.references.begin() + middle, change.references.end());
    task.steps.push_front({std::move(second)});
    task.steps.push_front(std::move(step));
  }

  const ExportTarget& target_;
  const std::function<void(std::size_t, Outcome)>& done_;
  bool active_directory_;
  bool permissive_;
  bool asserts_;                                    ///< the server takes assertions
  const char* anchor_;                              ///< the attribute that holds it
  std::map<int, std::unique_ptr<Task>> under_way_;  ///< by message id
  std::vector<Renaming> renamed_;                   ///< where objects are named by DN
};

}  // namespace

void send_exports(const ExportTarget& target, std::span<const Export* const> exports,
                  std::span<const std::size_t> indexes, const std::function<void(std::size_t, Outcome)>& done,
                  const std::stop_token& stop) {
  Exporter(target, done).run(exports, indexes, stop);
}

std::string unicode_password(std::string_view password) {
  const Error bad(Fault::invalid, "ldap.bad_password", "a password is not UTF-8", "correct the rule that makes it");
  if (!is_utf8(password)) throw bad;
  std::string made;
  made.reserve(2 * password.size() + 4);
  const auto unit = [&](std::uint32_t code) {
    made += static_cast<char>(code & 0xff);
    made += static_cast<char>(code >> 8 & 0xff);
  };
  unit('"');
  for (std::size_t at = 0; at < password.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(password[at + i]); };
    const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
    std::uint32_t code = length == 1 ? byte(0) : byte(0) & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3fU);
    at += length;
    if (code >= 0x10000) {
      unit(0xd800 + ((code - 0x10000) >> 10));
      unit(0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      unit(code);
    }
  }
  unit('"');
  return made;
}

vault::Secret random_password() {
  // 64 characters, so that each byte gives one without favour; the first four are one of each kind.
  constexpr std::string_view k_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  constexpr std::string_view k_kinds = "Aa1-";
  return vault::Secret::filled(32, [&](std::span<char> to) {
    for (std::size_t filled = 0; filled < to.size();) {
      const ssize_t got = ::getrandom(to.data() + filled, to.size() - filled, 0);
      if (got > 0) filled += static_cast<std::size_t>(got);
    }
    for (char& c : to) c = k_characters[static_cast<unsigned char>(c) % k_characters.size()];
    std::ranges::copy(k_kinds, to.begin());
  });
}

}  // namespace linkspan::connector_ldap
