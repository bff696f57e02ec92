#include "connector_ldap/internal/entry_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include "base/text.h"
#include "connector_ldap/internal/anchor.h"
#include "connector_ldap/internal/guid.h"

namespace linkspan::connector_ldap {

using model::Value;
using model::ValueKind;

namespace {

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}

std::string_view view(const berval& value) { return {value.bv_val, value.bv_len}; }

/// Operational attributes that are asked for because we need them, not because somebody wants to see them; and
/// memberOf, which servers keep by themselves and 389 DS shows like any other.
bool is_own_business(std::string_view name) {
  constexpr std::array<std::string_view, 11> noise{
      "entryCSN",   "entryDN",         "modifyTimestamp",   "modifiersName",         "createTimestamp", "creatorsName",
      "contextCSN", "hasSubordinates", "subschemaSubentry", "structuralObjectClass", "memberOf"};
  return std::ranges::any_of(noise, [&](std::string_view one) { return equal_ascii_case(one, name); });
}

/// What in Active Directory belongs to one controller, or to the directory's own working.
bool is_business_of_the_controller(std::string_view name) {
  constexpr std::array<std::string_view, 21> noise{"uSNCreated",
                                                   "uSNChanged",
                                                   "uSNLastObjRem",
                                                   "uSNDSALastObjRemoved",
                                                   "whenChanged",
                                                   "dSCorePropagationData",
                                                   "replPropertyMetaData",
                                                   "replUpToDateVector",
                                                   "instanceType",
                                                   "lastLogon",
                                                   "lastLogoff",
                                                   "lastLogonTimestamp",
                                                   "logonCount",
                                                   "badPwdCount",
                                                   "badPasswordTime",
                                                   "objectCategory",
                                                   "distinguishedName",
                                                   "nTSecurityDescriptor",
                                                   "subRefs",
                                                   "repsFrom",
                                                   "repsTo"};
  return std::ranges::any_of(noise, [&](std::string_view one) { return equal_ascii_case(one, name); });
}

/// What changes with the name, the place or the life of an object of Active Directory.
bool is_of_the_name(std::string_view name) {
  constexpr std::array<std::string_view, 7> names{"name", "parentGUID", "isDeleted", "isRecycled", "lastKnownParent",
                                                  "cn",   "ou"};
  return std::ranges::any_of(names, [&](std::string_view one) { return equal_ascii_case(one, name); });
}

/// "member;range=0-1499": the description without the range, and where the rest begins; nothing at the end.
struct Ranged {
  std::string_view description;
  bool is_range = false;
  std::optional<std::size_t> next;
};

/// Throws nothing: what is no range is an option like any other.
Ranged split_range(std::string_view description) {
  constexpr std::string_view k_mark = ";range=";
  const std::size_t at = description.find(k_mark);
  if (at == std::string_view::npos) return {description, false, {}};
  const std::string_view range = description.substr(at + k_mark.size());
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return {description, false, {}};
  const std::string_view last = range.substr(dash + 1);
  if (last == "*") return {description.substr(0, at), true, {}};
  const auto number = to_integer(last);
  if (!number || *number < 0) return {description, false, {}};
  return {description.substr(0, at), true, static_cast<std::size_t>(*number) + 1};
}

/// `count` digits as a number, moving on; nullopt when they are not digits.
std::optional<int> digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

/// "Z", "+hhmm", "-hh" as minutes east of Greenwich.
std::optional<int> zone(std::string_view text) {
  if (text == "Z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '+' ? 1 : -1;
  text.remove_prefix(1);
  const auto hours = digits(text, 2);
  const auto minutes = text.empty() ? std::optional(0) : digits(text, 2);
  if (!hours || !minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

}  // namespace

std::optional<Time> from_generalized_time(std::string_view text) {
  using namespace std::chrono;
  const std::size_t mark = text.find_first_not_of("0123456789");
  if (mark != 10 && mark != 12 && mark != 14) return std::nullopt;
  const auto year_number = digits(text, 4);
  const auto month_number = digits(text, 2);
  const auto day_number = digits(text, 2);
  const auto hour = digits(text, 2);
  const auto minute = mark >= 12 ? digits(text, 2) : std::optional(0);
  const auto second = mark >= 14 ? digits(text, 2) : std::optional(0);
  const year_month_day date{year(*year_number), month(static_cast<unsigned>(*month_number)),
                            day(static_cast<unsigned>(*day_number))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  microseconds fraction{0};
  if (!text.empty() && (text.front() == '.' || text.front() == ',')) {
    text.remove_prefix(1);
    microseconds unit = mark == 14 ? microseconds(seconds(1)) : mark == 12 ? microseconds(minutes(1)) : hours(1);
    const std::size_t before = text.size();
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      unit /= 10;
      fraction += unit * (text.front() - '0');
      text.remove_prefix(1);
    }
    if (text.size() == before) return std::nullopt;
  }
  const auto offset = zone(text);
  if (!offset) return std::nullopt;
  return Time(sys_days(date)) + hours(*hour) + minutes(*minute) + seconds(*second) + fraction - minutes(*offset);
}

Value to_value(std::string_view bytes, ValueKind kind) {
  switch (kind) {
    case ValueKind::binary:
      return model::Binary{std::string(bytes)};
    case ValueKind::integer:
      if (const auto number = to_integer(bytes)) return *number;
      break;
    case ValueKind::boolean:
      if (bytes == "TRUE") return true;
      if (bytes == "FALSE") return false;
      break;
    case ValueKind::time:
      if (const auto time = from_generalized_time(bytes)) return *time;
      break;
    case ValueKind::text:
    case ValueKind::reference:
      break;
  }
  if (is_utf8(bytes)) return std::string(bytes);
  return model::Binary{std::string(bytes)};
}

std::string dn_text(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string made;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      made += c;
    } else {
      made += fmt::format("\\{:02x}", byte);
    }
  }
  return made;
}

TypeChooser::TypeChooser(const DirectorySchema& schema, const std::vector<std::string>& object_types, Dialect dialect)
    : schema_(schema), dialect_(dialect) {
  for (std::size_t i = 0; i < object_types.size(); ++i) {
    const ObjectClass* known = schema.object_class(object_types[i]);
    const std::vector<std::string> line = schema.ancestry(object_types[i]);
    wanted_.try_emplace(line.front(), Candidate{known != nullptr ? known->name : object_types[i], line.size(), i});
  }
}

const TypeChooser::Candidate* TypeChooser::classify(std::string_view object_class) const {
  const Candidate* best = nullptr;
  std::vector<std::string> line = schema_.ancestry(object_class);
  if (dialect_ == Dialect::active_directory) line.resize(1);
  for (const std::string& name : line) {
    const auto found = wanted_.find(name);
    if (found == wanted_.end()) continue;
    if (best == nullptr || found->second.depth > best->depth) best = &found->second;
  }
  return best;
}

void TypeChooser::take(std::string_view object_class) {
  auto found = known_.find(object_class);
  if (found == known_.end()) found = known_.emplace(std::string(object_class), classify(object_class)).first;
  const Candidate* one = found->second;
  if (dialect_ == Dialect::active_directory) {
    best_ = one;
    return;
  }
  if (one == nullptr || one == best_) return;
  const bool better =
      best_ == nullptr || one->depth > best_->depth || (one->depth == best_->depth && one->order < best_->order);
  if (better) best_ = one;
}

EntryReader::EntryReader(const DirectorySchema& schema, const std::vector<std::string>& object_types,
                         const std::vector<std::string>& selected, Dialect dialect, std::string placeholder)
    : schema_(schema),
      selected_(selected),
      dialect_(dialect),
      placeholder_(std::move(placeholder)),
      anchor_(dialect == Dialect::active_directory ? "objectGUID" : anchor_attribute(schema)),
      types_(schema, object_types, dialect) {}

std::vector<std::string> EntryReader::requested() const {
  std::vector<std::string> names = selected_.empty() ? std::vector<std::string>{"*"} : selected_;
  names.emplace_back("objectClass");
  names.emplace_back(anchor_);
  return names;
}

/// Whether values of this type are nobody's business: they are the server's own, or the anchor told otherwise.
bool EntryReader::is_skipped(std::string_view type, const AttributeType* known, bool selected) const {
  const bool active_directory = dialect_ == Dialect::active_directory;
  if (!active_directory && equal_ascii_case(type, "entryUUID")) return true;
  if (selected) return false;
  if (active_directory && (is_business_of_the_controller(type) || (known != nullptr && known->is_back_link())))
    return true;
  // A password's hash is nobody's business unless somebody asks for it by name.
  const bool operational = std::ranges::find(selected_, "+") != selected_.end();
  return (!operational && is_own_business(type)) || equal_ascii_case(type, "userPassword");
}

EntryReader::Slot EntryReader::make_slot(std::string_view description) {
  Slot made;
  made.description = description;
  const std::size_t options = std::min(description.find(';'), description.size());
  const std::string_view type = description.substr(0, options);
  const AttributeType* known = schema_.attribute(type);
  made.name = known != nullptr ? known->name : std::string(type);
  if (!equal_ascii_case(description.substr(options), ";binary")) made.name += lower(description.substr(options));
  if (known != nullptr) {
    made.kind = known->kind;
    made.optional_uid = known->optional_uid;
    if (known->kind == ValueKind::reference) made.role = Role::references;
  }
  made.modified = equal_ascii_case(type, "modifyTimestamp");
  const bool selected =
      std::ranges::any_of(selected_, [&](const std::string& one) { return equal_ascii_case(one, made.name); });
  const bool active_directory = dialect_ == Dialect::active_directory;
  if (equal_ascii_case(type, anchor_)) {
    made.role = Role::anchor;
  } else if (equal_ascii_case(type, "objectClass")) {
    made.role = Role::object_class;
  } else if (equal_ascii_case(type, "hasSubordinates")) {
    made.role = Role::children;
  } else if (active_directory && equal_ascii_case(type, "distinguishedName") && selected) {
    made.role = Role::values;
    made.kind = ValueKind::text;
  } else if (is_skipped(type, known, selected)) {
    made.role = Role::skip;
  }
  return made;
}

EntryReader::Slot* EntryReader::slot_for(std::string_view description, Slot* previous) {
  Slot*& guess = previous != nullptr ? previous->next : first_;
  if (guess != nullptr && guess->description == description) return guess;
  const auto found = by_description_.find(description);
  Slot* slot = found != by_description_.end() ? found->second : nullptr;
  if (slot == nullptr) {
    slot = &slots_.emplace_back(make_slot(description));
    slot->spelled = by_name_.try_emplace(slot->name, slot).first->second;
    by_description_.emplace(slot->description, slot);
  }
  guess = slot;
  return slot;
}

model::Values& EntryReader::values_for(Slot& slot, model::Entry& entry, std::size_t expected) {
  Slot& keeper = *slot.spelled;
  if (keeper.entry != entry_) {
    keeper.entry = entry_;
    keeper.index = entry.attributes.size();
    entry.attributes.emplace_back(keeper.name, model::Values{}).second.reserve(expected);
  }
  return entry.attributes[keeper.index].second;
}

void EntryReader::take_values(Slot& slot, const berval* values, model::Entry& entry) {
  std::size_t count = 0;
  while (values[count].bv_val != nullptr) ++count;
  if (count == 0) return;
  model::Values& made = values_for(slot, entry, count);
  for (std::size_t i = 0; i < count; ++i) made.push_back(to_value(view(values[i]), slot.kind));
}

void EntryReader::take_references(Slot& slot, const berval* values, model::Entry& entry) {
  for (const berval* value = values; value->bv_val != nullptr; ++value) {
    std::string_view target = view(*value);
    if (slot.optional_uid && target.ends_with("'B")) {
      if (const std::size_t mark = target.rfind("#'"); mark != std::string_view::npos) target = target.substr(0, mark);
    }
    if (target.empty()) continue;
    if (dialect_ == Dialect::ldap) {
      if (equal_ascii_case(target, placeholder_)) continue;
      entry.references.push_back({slot.spelled->name, dn_text(target)});
      continue;
    }
    ExtendedDn name = parse_extended_dn(target);
    if (!name.guid.empty()) entry.references.push_back({slot.spelled->name, std::move(name.guid)});
  }
}

void EntryReader::take(Slot& slot, const berval* values, model::Entry& entry, EntryFacts& facts) {
  if (slot.modified) facts.modified = from_generalized_time(view(values[0]));
  switch (slot.role) {
    case Role::values:
      take_values(slot, values, entry);
      break;
    case Role::references:
      take_references(slot, values, entry);
      break;
    case Role::object_class:
      for (const berval* value = values; value->bv_val != nullptr; ++value) types_.take(view(*value));
      take_values(slot, values, entry);
      break;
    case Role::anchor:
      uuid_ = view(values[0]);
      break;
    case Role::children:
      facts.has_children = view(values[0]) == "TRUE";
      break;
    case Role::skip:
      break;
  }
}

namespace {

Error garbled(const Session& session, const model::Entry& entry) {
  return {Fault::unavailable, "ldap.garbled",
          fmt::format("{}: the entry \"{}\" cannot be decoded", session.where(), printable(entry.dn)),
          "see whether an LDAP server listens there"};
}

}  // namespace

EntryFacts EntryReader::read(Session& session, LDAPMessage* message, std::string anchor, model::Entry& entry) {
  ++entry_;
  uuid_.clear();
  types_.begin();
  EntryFacts facts;
  BerElement* ber = nullptr;
  berval dn{};
  int code = ldap_get_dn_ber(session.handle(), message, &ber, &dn);
  const std::unique_ptr<BerElement, void (*)(BerElement*)> owner(ber, [](BerElement* held) { ber_free(held, 0); });
  const bool active_directory = dialect_ == Dialect::active_directory;
  if (code == LDAP_SUCCESS) entry.dn = dn_text(active_directory ? parse_extended_dn(view(dn)).dn : view(dn));
  entry.attributes.reserve(24);
  if (code != LDAP_SUCCESS || !take_all(session, message, ber, entry, facts)) throw garbled(session, entry);
  if (active_directory) {
    entry.anchor = guid_text(uuid_).value_or(std::string());
  } else {
    entry.anchor = anchor.empty() ? anchor_text(uuid_).value_or(lower(uuid_)) : std::move(anchor);
  }
  if (entry.anchor.empty()) {
    throw Error(
        Fault::invalid, "ldap.no_anchor",
        fmt::format("{}: \"{}\" has no {}", session.where(), printable(entry.dn), anchor_),
        fmt::format("let the account of this connector read {}; a server without it cannot be imported", anchor_));
  }
  entry.object_type = types_.chosen();
  facts.in_scope = !entry.object_type.empty();
  if (active_directory) {
    entry.attributes.emplace_back("objectGUID", model::Values{model::Binary{uuid_}});
  } else {
    entry.attributes.emplace_back("entryUUID", model::Values{entry.anchor});
    // Rules go by entryUUID wherever the anchor comes from.
    if (has_unique_ids(schema_))
      entry.attributes.emplace_back(anchor_, model::Values{anchor_value(anchor_, entry.anchor)});
  }
  return facts;
}

bool EntryReader::take_all(Session& session, LDAPMessage* message, BerElement* ber, model::Entry& entry,
                           EntryFacts& facts, const std::string_view* only) {
  Slot* slot = nullptr;
  for (;;) {
    berval bytes{};
    BerVarray values = nullptr;
    if (ldap_get_attribute_ber(session.handle(), message, ber, &bytes, &values) != LDAP_SUCCESS) return false;
    if (bytes.bv_val == nullptr) return true;
    const Ranged ranged =
        dialect_ == Dialect::active_directory ? split_range(view(bytes)) : Ranged{view(bytes), false, {}};
    if (only != nullptr && !equal_ascii_case(ranged.description, *only)) {
      ber_memfree(values);
      continue;
    }
    slot = slot_for(ranged.description, slot);
    if (values != nullptr && values[0].bv_val != nullptr) take(*slot, values, entry, facts);
    ber_memfree(values);
    if (ranged.next && slot->role != Role::skip)
      facts.unfinished.push_back({std::string(ranged.description), *ranged.next});
  }
}

bool EntryReader::can_read_parts() const {
  return std::ranges::none_of(selected_, [&](const std::string& name) {
    const AttributeType* known = schema_.attribute(name);
    return name == "+" || is_business_of_the_controller(name) ||
           (known != nullptr && (known->is_back_link() || !known->writable));
  });
}

bool EntryReader::read_part(Session& session, LDAPMessage* message, model::Observation& part) {
  ++entry_;
  uuid_.clear();
  types_.begin();
  part.kind = model::Observation::Kind::changed;
  BerElement* ber = nullptr;
  berval dn{};
  const int code = ldap_get_dn_ber(session.handle(), message, &ber, &dn);
  const std::unique_ptr<BerElement, void (*)(BerElement*)> owner(ber, [](BerElement* held) { ber_free(held, 0); });
  if (code != LDAP_SUCCESS) throw garbled(session, part.entry);
  for (bool is_part = true; is_part;) {
    berval bytes{};
    BerVarray values = nullptr;
    if (ldap_get_attribute_ber(session.handle(), message, ber, &bytes, &values) != LDAP_SUCCESS)
      throw garbled(session, part.entry);
    const std::unique_ptr<berval, void (*)(BerVarray)> held(values, [](BerVarray all) { ber_memfree(all); });
    if (bytes.bv_val == nullptr) break;
    is_part = take_part(view(bytes), values, part);
    if (!is_part) return false;
  }
  part.entry.anchor = guid_text(uuid_).value_or(std::string());
  return !part.entry.anchor.empty();
}

bool EntryReader::take_part(std::string_view description, const berval* values, model::Observation& part) {
  constexpr std::string_view k_came = ";range=1-1";
  constexpr std::string_view k_went = ";range=0-0";
  const bool came = description.ends_with(k_came);
  const bool went = description.ends_with(k_went);
  if (came || went) description.remove_suffix(k_came.size());
  const bool has_values = values != nullptr && values[0].bv_val != nullptr;
  Slot& slot = *slot_for(description, nullptr);
  EntryFacts facts;
  switch (slot.role) {
    case Role::skip:
      return true;
    case Role::anchor:
      if (has_values) take(slot, values, part.entry, facts);
      return true;
    case Role::references: {
      model::Entry taken;
      if ((!came && !went) || !has_values) return false;
      take_references(slot, values, taken);
      std::size_t count = 0;
      while (values[count].bv_val != nullptr) ++count;
      if (taken.references.size() != count) return false;
      std::ranges::move(taken.references, std::back_inserter(came ? part.entry.references : part.references_gone));
      return true;
    }
    case Role::values:
      if (came || went || is_of_the_name(slot.name)) return false;
      static_cast<void>(values_for(slot, part.entry, 0));
      if (has_values) take_values(slot, values, part.entry);
      return true;
    case Role::object_class:
    case Role::children:
      break;
  }
  return false;
}

std::optional<std::size_t> EntryReader::append(Session& session, LDAPMessage* message, std::string_view name,
                                               model::Entry& entry) {
  EntryFacts facts;
  BerElement* ber = nullptr;
  berval dn{};
  const int code = ldap_get_dn_ber(session.handle(), message, &ber, &dn);
  const std::unique_ptr<BerElement, void (*)(BerElement*)> owner(ber, [](BerElement* held) { ber_free(held, 0); });
  if (code != LDAP_SUCCESS || !take_all(session, message, ber, entry, facts, &name)) throw garbled(session, entry);
  if (facts.unfinished.empty()) return std::nullopt;
  return facts.unfinished.front().next;
}

void EntryReader::forget(std::string_view name, model::Entry& entry) {
  const Slot& slot = *slot_for(name, nullptr)->spelled;
  std::erase_if(entry.references, [&](const model::NamedReference& one) { return one.attribute == slot.name; });
  if (slot.entry == entry_) entry.attributes[slot.index].second.clear();
}

}  // namespace linkspan::connector_ldap
