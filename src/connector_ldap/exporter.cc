#include "connector_ldap/internal/exporter.h"

#include <fmt/core.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/internal/modifications.h"
#include "connector_ldap/internal/quiet_pipe.h"
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
constexpr std::int64_t k_account_disabled = 0x2;

/// One change of an entry, and the references that its values stand for, in their order.
struct Change : Modification {
  std::vector<model::ReferenceChange> references{};
};

/// One export on its way: the requests that are still to be made, one after the other.
struct Task {
  const Export* change = nullptr;
  std::size_t index = 0;
  enum class Stage : unsigned char { first, look, steps };
  Stage stage = Stage::first;             ///< what is under way: the deed itself, a look at what was made, or a step
  std::deque<std::vector<Change>> steps;  ///< of changes; the values of references in steps of their own
  Sent sent;
};

class Exporter {
 public:
  Exporter(const ExportTarget& target, const std::function<void(std::size_t, Outcome)>& done)
      : target_(target),
        done_(done),
        active_directory_(target.settings.dialect == Dialect::active_directory),
        permissive_(target.root.offers(k_permissive_modify)) {}

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
        if (under_way_.empty()) return;
        take_answer();
      }
    } catch (const Error& error) {
      for (auto& [id, task] : under_way_) done_(task->index, Failed{error, true});
      under_way_.clear();
      throw;
    }
  }

 private:
  LDAP* handle() const { return target_.session.handle(); }

  /// What a request names the object by: one that is renamed meanwhile is still the one that is meant.
  std::string name_of(const Export& change) const {
    return active_directory_ && !change.anchor.empty() ? base_of_anchor(change.anchor) : change.dn;
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
    const std::size_t index = task->index;
    try {
      if (change.operation == Operation::add) return send_add(std::move(task));
      if (change.operation == Operation::remove) return send_remove(std::move(task));
      prepare_update(*task);
      if (change.operation == Operation::rename) return send_rename(std::move(task));
      continue_update(std::move(task));
    } catch (const Error& error) {
      if (error.fault() == Fault::unavailable) throw;
      done_(index, Failed{error, false});
    }
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
    under_way_.emplace(id, std::move(task));
  }

  std::vector<Change> added_attributes(const Export& change) const {
    std::vector<Change> made;
    const model::Dn dn = model::parse_dn(change.dn);
    const std::string_view naming = dn.rdns.empty() ? std::string_view() : dn.rdns.front().front().first;
    bool has_class = false;
    bool has_password = false;
    bool disabled = false;
    for (const model::AttributeChange& attribute : change.attributes) {
      // The name says it, and a server may refuse to hear it twice.
      if (attribute.after.empty() || equal_ascii_case(attribute.name, naming)) continue;
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
    Change made{{operation, attribute.name, {}}, {}};
    const bool password = active_directory_ && equal_ascii_case(attribute.name, "unicodePwd");
    for (const model::Value& value : attribute.after) {
      made.values.push_back(password ? unicode_password(model::to_text(value)) : wire_value(value));
    }
    return made;
  }

  /// What the new object is known by. Active Directory has no control that would say it with the answer.
  void send_look(std::unique_ptr<Task> task) {
    const Search search{.base = sent_name(task->change->dn),
                        .scope = LDAP_SCOPE_BASE,
                        .attributes = {active_directory_ ? "objectGUID" : "entryUUID"}};
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
      attributes.push_back(attribute_change(attribute, LDAP_MOD_REPLACE));
    }
    if (!attributes.empty()) task.steps.push_back(std::move(attributes));
    for (const model::ReferenceChange& reference : change.references) add_reference(task, reference);
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
    const bool by_anchor = active_directory_ && !task->sent.anchor.empty();
    const std::string& now = task->sent.dn.empty() ? task->change->dn : task->sent.dn;
    const std::string name = by_anchor ? base_of_anchor(task->sent.anchor) : now;
    ModificationList mods;
    for (const Change& one : task->steps.front()) mods.add(one);
    std::vector<RequestControl> controls;
    if (permissive_) controls.push_back({k_permissive_modify, {}, true});
    ControlList list(controls);
    int id = 0;
    expect_sent(ldap_modify_ext(handle(), name.c_str(), mods.get(), list.get(), nullptr, &id), *task->change);
    under_way_.emplace(id, std::move(task));
  }

  void send_rename(std::unique_ptr<Task> task) {
    const Export& change = *task->change;
    model::Dn wanted = model::parse_dn(change.new_dn);
    if (wanted.rdns.size() < 2) {
      throw Error(Fault::invalid, "ldap.bad_name",
                  fmt::format("\"{}\" is no name for an object", printable(change.new_dn)),
                  "correct the rule that makes dn");
    }
    const std::string leaf = sent_name(model::Dn{{wanted.rdns.front()}});
    wanted.rdns.erase(wanted.rdns.begin());
    const std::string parent = sent_name(wanted);
    const auto old_parent = model::parent_key(model::dn_key(change.dn));
    const bool moves = old_parent != model::dn_key(parent);
    int id = 0;
    expect_sent(ldap_rename(handle(), name_of(change).c_str(), leaf.c_str(), moves ? parent.c_str() : nullptr, 1,
                            nullptr, nullptr, &id),
                change);
    task->sent.dn = change.new_dn;
    under_way_.emplace(id, std::move(task));
  }

  void send_remove(std::unique_ptr<Task> task) {
    int id = 0;
    expect_sent(ldap_delete_ext(handle(), name_of(*task->change).c_str(), nullptr, nullptr, &id), *task->change);
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
    const Done done = target_.session.parse_done(message.get());
    const std::size_t index = task->index;
    try {
      settle(std::move(task), done);
    } catch (const Error& error) {
      if (error.fault() == Fault::unavailable) {
        done_(index, Failed{error, true});
        throw;
      }
      done_(index, Failed{error, false});
    }
  }

  void take_entry(Task& task, LDAPMessage* message) {
    if (!active_directory_) {
      const auto uuid = values_of(handle(), message, "entryUUID");
      if (!uuid.empty()) task.sent.anchor = uuid.front();
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
      case LDAP_CONSTRAINT_VIOLATION:
      case LDAP_OBJECT_CLASS_VIOLATION:
      case LDAP_UNDEFINED_TYPE:
      case LDAP_NO_SUCH_ATTRIBUTE:
      case LDAP_INVALID_SYNTAX:
      case LDAP_INVALID_DN_SYNTAX:
      case LDAP_NAMING_VIOLATION:
      case LDAP_NOT_ALLOWED_ON_RDN:
      case LDAP_TYPE_OR_VALUE_EXISTS:
      case LDAP_UNWILLING_TO_PERFORM:
        return {Fault::invalid, "ldap.rejected", text, "correct the rule that makes this value"};
      default:
        return result_error(done.code, done.diagnostic, target_.session.where(),
                            fmt::format("exporting \"{}\"", printable(change.dn)));
    }
  }

  void settle(std::unique_ptr<Task> task, const Done& done) {
    const Operation operation = task->change->operation;
    if (task->stage == Task::Stage::first) {
      const bool gone_already = operation == Operation::remove && done.code == LDAP_NO_SUCH_OBJECT;
      if (done.code != LDAP_SUCCESS && !gone_already) throw refusal(*task->change, done);
      if (operation == Operation::add) {
        task->sent.dn = task->change->dn;
        return send_look(std::move(task));
      }
    } else if (task->stage == Task::Stage::look) {
      // It was made, so an error would have it made again: the next import tells what it is.
      if (task->sent.anchor.empty()) task->steps.clear();
    } else if (done.code == LDAP_SUCCESS) {
      task->steps.pop_front();
    } else {
      refuse_step(*task, done);
    }
    continue_update(std::move(task));
  }

  /// Halves a batch of references that was refused; a single one is left out, and told.
  void refuse_step(Task& task, const Done& done) {
    std::vector<Change> step = std::move(task.steps.front());
    task.steps.pop_front();
    Change& change = step.back();
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
  std::map<int, std::unique_ptr<Task>> under_way_;  ///< by message id
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
