#include "connector/testing/fake_directory.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "model/dn.h"

namespace linkspan::connector {

using model::Entry;
using model::NamedReference;
using model::Observation;
using model::Operation;
using model::Value;
using model::Values;

namespace {

Error missing(std::string_view anchor) {
  return {Fault::not_found, "fake.missing", fmt::format("there is no object {}", anchor)};
}

Error taken(std::string_view what, std::string_view by) {
  return {Fault::conflict, "fake.taken", fmt::format("{} is taken by {}", what, by)};
}

const Values* values_of(const Entry& entry, std::string_view attribute) {
  const auto found = std::ranges::find(entry.attributes, attribute, &std::pair<std::string, Values>::first);
  return found == entry.attributes.end() ? nullptr : &found->second;
}

void put_values(Entry& entry, std::string_view attribute, Values values) {
  std::erase_if(entry.attributes, [&](const auto& held) { return held.first == attribute; });
  model::canonicalize(values);
  if (!values.empty()) entry.attributes.emplace_back(attribute, std::move(values));
  std::ranges::sort(entry.attributes, {}, &std::pair<std::string, Values>::first);
}

void tidy(Entry& entry) {
  for (auto& [name, values] : entry.attributes) model::canonicalize(values);
  std::erase_if(entry.attributes, [](const auto& held) { return held.second.empty(); });
  std::ranges::sort(entry.attributes, {}, &std::pair<std::string, Values>::first);
  std::ranges::sort(entry.references);
  const auto twice = std::ranges::unique(entry.references);
  entry.references.erase(twice.begin(), twice.end());
}

/// Rises above every watermark a number can be read from; anything else was not given out by us.
std::optional<std::uint64_t> read_watermark(std::string_view text) {
  if (!text.starts_with("fake:")) return std::nullopt;
  text.remove_prefix(5);
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

model::ValueKind kind_of(const Value& value) {
  constexpr model::ValueKind kinds[] = {model::ValueKind::text, model::ValueKind::binary, model::ValueKind::integer,
                                        model::ValueKind::boolean, model::ValueKind::time};
  return kinds[value.index()];
}

model::Schema schema_of(const std::vector<Entry>& entries) {
  std::map<std::string, std::map<std::string, model::SchemaAttribute>> classes;
  for (const Entry& entry : entries) {
    auto& attributes = classes[entry.object_type];
    for (const auto& [name, values] : entry.attributes) {
      auto& known = attributes.try_emplace(name, model::SchemaAttribute{name, kind_of(values.front())}).first->second;
      known.multi_valued |= values.size() > 1;
    }
    for (const auto& [name, target] : entry.references) {
      attributes.try_emplace(name, model::SchemaAttribute{name, model::ValueKind::reference, true});
    }
  }
  model::Schema schema;
  for (auto& [name, attributes] : classes) {
    auto& made = schema.classes.emplace_back(model::SchemaClass{name, {}});
    for (auto& [key, attribute] : attributes) made.attributes.push_back(std::move(attribute));
  }
  return schema;
}

Observation only_anchor(Observation::Kind kind, const std::string& anchor) {
  Observation made;
  made.kind = kind;
  made.entry.anchor = anchor;
  return made;
}

/// What `now` has that `before` has not: both are tidy.
Observation part_of(const Entry& before, const Entry& now) {
  Observation made;
  made.kind = Observation::Kind::changed;
  made.entry.anchor = now.anchor;
  if (now.dn != before.dn) made.entry.dn = now.dn;
  for (const auto& [name, values] : now.attributes) {
    const Values* held = values_of(before, name);
    if (held == nullptr || *held != values) made.entry.attributes.emplace_back(name, values);
  }
  for (const auto& [name, values] : before.attributes) {
    if (values_of(now, name) == nullptr) made.entry.attributes.emplace_back(name, Values());
  }
  std::ranges::set_difference(now.references, before.references, std::back_inserter(made.entry.references));
  std::ranges::set_difference(before.references, now.references, std::back_inserter(made.references_gone));
  return made;
}

}  // namespace

class FakeImport final : public Import {
 public:
  FakeImport(FakeDirectory::Snapshot snapshot, std::size_t batch_size, ImportRequest request, std::stop_token stop)
      : snapshot_(std::move(snapshot)), batch_size_(batch_size), request_(std::move(request)), stop_(std::move(stop)) {}

  bool next(std::vector<Observation>& batch) override {
    batch.clear();
    const std::size_t all = snapshot_.fixed.size() + snapshot_.entries.size();
    while (batch.size() < batch_size_ && (at_ < all || snapshot_.cut)) {
      if (stop_.stop_requested()) throw Error(Fault::cancelled, "fake.stopped", "the import was stopped");
      if (snapshot_.cut && (at_ == *snapshot_.cut || at_ == all)) {
        if (!batch.empty()) return true;  // what was read before the cut is still delivered
        throw Error(Fault::unavailable, "fake.cut", fmt::format("the connection was lost after {} objects", at_));
      }
      if (at_ < snapshot_.fixed.size()) {
        batch.push_back(std::move(snapshot_.fixed[at_]));
      } else {
        batch.push_back(tell(at_ - snapshot_.fixed.size()));
      }
      ++at_;
    }
    return !batch.empty();
  }

  ImportEnd end() override { return snapshot_.end; }

 private:
  Observation tell(std::size_t at) const {
    const Entry& now = *snapshot_.entries[at];
    const Entry* before = at < snapshot_.before.size() ? snapshot_.before[at].get() : nullptr;
    const bool in_part = before != nullptr && before->object_type == now.object_type && request_.held &&
                         request_.held(std::vector{now.anchor}).front();
    if (in_part) return part_of(*before, now);
    return {.entry = now, .references_gone = {}};
  }

  FakeDirectory::Snapshot snapshot_;
  std::size_t batch_size_;
  ImportRequest request_;
  std::stop_token stop_;
  std::size_t at_ = 0;
};

class FakeConnector final : public Connector {
 public:
  explicit FakeConnector(FakeDirectory& directory) : directory_(directory) {}

  Capabilities capabilities() override {
    const FakeOptions& options = directory_.options_;
    return {.delta_import = options.delta != FakeDelta::none,
            .delta_reports_removals = options.delta == FakeDelta::removals || options.delta == FakeDelta::everything,
            .exports = options.exports,
            .references_by_anchor = options.references_by_anchor,
            .chooses_anchor = options.chooses_anchor,
            .correlation_attribute = options.correlation_attribute};
  }

  model::Schema schema() override {
    {
      const std::scoped_lock lock(directory_.mutex_);
      directory_.throw_if_down();
    }
    return directory_.options_.schema.classes.empty() ? schema_of(directory_.all()) : directory_.options_.schema;
  }

  std::vector<Check> test() override {
    const std::scoped_lock lock(directory_.mutex_);
    if (directory_.down_) return {{"connect", false, directory_.down_->message(), directory_.down_->hint()}};
    return {{"connect", true, "in memory", {}},
            {"read", true, fmt::format("{} objects", directory_.objects_.size()), {}}};
  }

  std::unique_ptr<Import> import(const ImportRequest& request, std::stop_token stop) override {
    const std::scoped_lock lock(directory_.mutex_);
    return std::make_unique<FakeImport>(directory_.snapshot(request), directory_.options_.batch_size, request,
                                        std::move(stop));
  }

  void send(std::span<const model::Export> exports, const std::function<void(std::size_t, Outcome)>& done,
            std::stop_token stop) override {
    {
      const std::scoped_lock lock(directory_.mutex_);
      directory_.throw_if_down();
      if (!directory_.options_.exports)
        throw Error(Fault::invalid, "fake.read_only", "this directory takes no exports");
    }
    std::vector<std::pair<std::size_t, Outcome>> answers;
    for (std::size_t i = 0; i < exports.size() && !stop.stop_requested(); ++i) {
      Outcome outcome = directory_.perform(exports[i]);
      if (directory_.options_.answers_in_reverse) {
        answers.emplace_back(i, std::move(outcome));
      } else {
        done(i, std::move(outcome));
      }
    }
    for (auto answer = answers.rbegin(); answer != answers.rend(); ++answer)
      done(answer->first, std::move(answer->second));
  }

  std::vector<Entry> find(std::string_view object_type, std::string_view attribute, const Value& value) override {
    const std::scoped_lock lock(directory_.mutex_);
    directory_.throw_if_down();
    ++directory_.calls_.finds;
    return directory_.matching(object_type, attribute, value, 2);
  }

 private:
  FakeDirectory& directory_;
};

FakeDirectory::FakeDirectory(FakeOptions options) : options_(std::move(options)) {}

std::unique_ptr<Connector> FakeDirectory::connect() { return std::make_unique<FakeConnector>(*this); }

std::string FakeDirectory::add(Entry entry) {
  const std::scoped_lock lock(mutex_);
  return do_add(std::move(entry));
}

void FakeDirectory::set(std::string_view anchor, std::string_view attribute, Values values) {
  const std::scoped_lock lock(mutex_);
  Entry entry = *must_find(anchor)->second.entry;
  put_values(entry, attribute, std::move(values));
  check_unique(entry);
  store(std::move(entry));
}

void FakeDirectory::set_references(std::string_view anchor, std::string_view attribute,
                                   std::vector<std::string> targets) {
  const std::scoped_lock lock(mutex_);
  Entry entry = *must_find(anchor)->second.entry;
  std::erase_if(entry.references, [&](const NamedReference& held) { return held.attribute == attribute; });
  for (std::string& target : targets) entry.references.push_back({std::string(attribute), std::move(target)});
  store(std::move(entry));
}

void FakeDirectory::rename(std::string_view anchor, std::string_view new_dn) {
  const std::scoped_lock lock(mutex_);
  do_rename(must_find(anchor)->first, new_dn);
}

void FakeDirectory::remove(std::string_view anchor) {
  const std::scoped_lock lock(mutex_);
  do_remove(must_find(anchor)->first);
}

std::size_t FakeDirectory::size() const {
  const std::scoped_lock lock(mutex_);
  return objects_.size();
}

std::optional<Entry> FakeDirectory::get(std::string_view anchor) const {
  const std::scoped_lock lock(mutex_);
  const auto found = objects_.find(anchor);
  return found == objects_.end() ? std::nullopt : std::optional(*found->second.entry);
}

std::vector<Entry> FakeDirectory::all() const {
  const std::scoped_lock lock(mutex_);
  std::vector<Entry> entries;
  entries.reserve(objects_.size());
  for (const auto& [anchor, object] : objects_) entries.push_back(*object.entry);
  return entries;
}

std::vector<Entry> FakeDirectory::where(std::string_view attribute, const Value& value) const {
  const std::scoped_lock lock(mutex_);
  return matching({}, attribute, value, objects_.size());
}

void FakeDirectory::fail_next_exports(std::size_t count, const Error& error) {
  const std::scoped_lock lock(mutex_);
  mishaps_.insert(mishaps_.end(), count, {Mishap::refuse, error});
}

void FakeDirectory::lose_next_replies(std::size_t count) {
  const std::scoped_lock lock(mutex_);
  mishaps_.insert(mishaps_.end(), count, {Mishap::lose_reply, std::nullopt});
}

void FakeDirectory::lose_next_requests(std::size_t count) {
  const std::scoped_lock lock(mutex_);
  mishaps_.insert(mishaps_.end(), count, {Mishap::lose_request, std::nullopt});
}

void FakeDirectory::refuse_exports(std::function<std::optional<Error>(const model::Export&)> refuse) {
  const std::scoped_lock lock(mutex_);
  refuse_ = std::move(refuse);
}

void FakeDirectory::cut_next_import(std::size_t after_observations) {
  const std::scoped_lock lock(mutex_);
  cut_ = after_observations;
}

void FakeDirectory::refuse_watermarks() {
  const std::scoped_lock lock(mutex_);
  oldest_watermark_ = ++counter_;
}

void FakeDirectory::be_down(std::optional<Error> error) {
  const std::scoped_lock lock(mutex_);
  down_ = std::move(error);
}

void FakeDirectory::rewrite(std::string_view attribute, std::function<Value(const Value&)> rewritten) {
  const std::scoped_lock lock(mutex_);
  rewrites_.insert_or_assign(std::string(attribute), std::move(rewritten));
}

FakeDirectory::Calls FakeDirectory::calls() const {
  const std::scoped_lock lock(mutex_);
  return calls_;
}

FakeDirectory::Objects::iterator FakeDirectory::must_find(std::string_view anchor) {
  const auto found = objects_.find(anchor);
  if (found == objects_.end()) throw missing(anchor);
  return found;
}

std::string FakeDirectory::target_key(std::string_view target) const {
  return options_.references_by_anchor ? std::string(target) : model::dn_key(target);
}

std::string FakeDirectory::own_key(const Entry& entry) const {
  return target_key(options_.references_by_anchor ? entry.anchor : entry.dn);
}

void FakeDirectory::check_unique(const Entry& entry) const {
  const Values* values = options_.unique_attribute.empty() ? nullptr : values_of(entry, options_.unique_attribute);
  if (values == nullptr) return;
  for (const Value& value : *values) {
    const auto found = by_unique_.find(entry.object_type + '\n' + model::join_key(value));
    if (found != by_unique_.end() && found->second != entry.anchor) {
      throw taken(fmt::format("{}={}", options_.unique_attribute, model::to_text(value)), found->second);
    }
  }
}

void FakeDirectory::check_dn(const Entry& entry) const {
  const auto found = by_dn_key_.find(model::dn_key(entry.dn));
  if (found != by_dn_key_.end() && found->second != entry.anchor) throw taken(entry.dn, found->second);
}

void FakeDirectory::index(const Entry& entry) {
  by_dn_key_.insert_or_assign(model::dn_key(entry.dn), entry.anchor);
  for (const NamedReference& reference : entry.references) holders_[target_key(reference.target)].insert(entry.anchor);
  if (const Values* values = values_of(entry, options_.unique_attribute)) {
    for (const Value& value : *values)
      by_unique_.emplace(entry.object_type + '\n' + model::join_key(value), entry.anchor);
  }
}

void FakeDirectory::unindex(const Entry& entry) {
  by_dn_key_.erase(model::dn_key(entry.dn));
  for (const NamedReference& reference : entry.references) {
    const auto found = holders_.find(target_key(reference.target));
    if (found == holders_.end()) continue;  // two spellings of one target
    found->second.erase(entry.anchor);
    if (found->second.empty()) holders_.erase(found);
  }
  if (const Values* values = values_of(entry, options_.unique_attribute)) {
    for (const Value& value : *values) by_unique_.erase(entry.object_type + '\n' + model::join_key(value));
  }
}

/// Takes the new state of a present or a new object, and marks it as changed.
void FakeDirectory::store(Entry entry) {
  tidy(entry);
  Object& object = objects_[entry.anchor];
  if (object.entry) {
    unindex(*object.entry);
    changes_.erase(object.changed);
  }
  object.changed = ++counter_;
  changes_.emplace(object.changed, Change{entry.anchor, false});
  index(entry);
  object.entry = std::make_shared<const Entry>(std::move(entry));
  if (options_.tells_parts) object.versions.emplace(object.changed, object.entry);
}

/// Lets those who reference `old_key` reference `new_target` instead, or nothing when that is empty.
void FakeDirectory::repair(const std::string& old_key, const std::string& new_target) {
  const auto found = holders_.find(old_key);
  if (!options_.repairs_references || found == holders_.end()) return;
  const std::set<std::string> anchors = found->second;  // store() changes the index
  for (const std::string& anchor : anchors) {
    Entry holder = *objects_.at(anchor).entry;
    for (NamedReference& reference : holder.references) {
      if (target_key(reference.target) == old_key) reference.target = new_target;
    }
    std::erase_if(holder.references, [](const NamedReference& held) { return held.target.empty(); });
    store(std::move(holder));
  }
}

std::string FakeDirectory::do_add(Entry entry) {
  if (entry.anchor.empty() || options_.chooses_anchor) entry.anchor = fmt::format("a{:08}", ++anchors_);
  if (entry.dn.empty()) entry.dn = fmt::format("cn={},dc=fake", entry.anchor);
  if (objects_.contains(entry.anchor) || gone_.contains(entry.anchor)) throw taken(entry.anchor, "an object");
  check_dn(entry);
  check_unique(entry);
  std::string anchor = entry.anchor;
  store(std::move(entry));
  return anchor;
}

void FakeDirectory::move(const std::string& anchor, std::string new_dn) {
  Entry entry = *objects_.at(anchor).entry;
  const std::string old_key = own_key(entry);
  entry.dn = std::move(new_dn);
  const std::string target = entry.dn;
  store(std::move(entry));
  if (!options_.references_by_anchor) repair(old_key, target);
}

void FakeDirectory::do_rename(const std::string& anchor, std::string_view new_dn) {
  Entry renamed = *objects_.at(anchor).entry;
  const std::string old_dn = renamed.dn;
  renamed.dn = new_dn;
  check_dn(renamed);
  const std::string old_key = model::dn_key(old_dn);
  std::vector<std::string> below;
  for (const auto& [key, owner] : by_dn_key_) {
    if (key != old_key && model::is_within(key, old_key)) below.push_back(owner);
  }
  const std::size_t depth = model::parse_dn(old_dn).rdns.size();
  const model::Dn top = model::parse_dn(new_dn);
  move(anchor, std::string(new_dn));
  for (const std::string& child : below) {
    model::Dn dn = model::parse_dn(objects_.at(child).entry->dn);
    dn.rdns.resize(dn.rdns.size() - depth);
    dn.rdns.insert(dn.rdns.end(), top.rdns.begin(), top.rdns.end());
    move(child, model::to_text(dn));
  }
}

void FakeDirectory::do_remove(const std::string& anchor) {
  const auto found = objects_.find(anchor);
  const std::shared_ptr<const Entry> entry = found->second.entry;
  unindex(*entry);
  changes_.erase(found->second.changed);
  objects_.erase(found);
  gone_.emplace(entry->anchor, ++counter_);
  changes_.emplace(counter_, Change{entry->anchor, true});
  if (options_.deletes_silently) {
    forget(entry->anchor);
  } else {
    repair(own_key(*entry), {});
  }
}

/// Takes references to what is gone out of those who have them, and of what they were; they do not count as changed.
void FakeDirectory::forget(const std::string& gone) {
  const auto without = [&](const std::shared_ptr<const Entry>& entry) {
    Entry left = *entry;
    std::erase_if(left.references, [&](const NamedReference& held) { return held.target == gone; });
    return std::make_shared<const Entry>(std::move(left));
  };
  const auto found = holders_.find(gone);
  if (found == holders_.end()) return;
  const std::set<std::string> anchors = found->second;  // index() changes it
  for (const std::string& anchor : anchors) {
    Object& holder = objects_.at(anchor);
    unindex(*holder.entry);
    holder.entry = without(holder.entry);
    index(*holder.entry);
  }
  for (auto& [anchor, object] : objects_) {
    for (auto& [when, version] : object.versions) version = without(version);
  }
}

std::string FakeDirectory::watermark() const {
  return options_.delta == FakeDelta::none ? std::string() : fmt::format("fake:{}", counter_);
}

FakeDirectory::Snapshot FakeDirectory::snapshot(const ImportRequest& request) {
  throw_if_down();
  Snapshot made;
  if (request.watermark.empty()) {
    ++calls_.full_imports;
    made.entries.reserve(objects_.size());
    for (const auto& [anchor, object] : objects_) made.entries.push_back(object.entry);
    made.end = {watermark(), true};
  } else {
    ++calls_.delta_imports;
    made = delta(request.watermark);
  }
  made.cut = std::exchange(cut_, std::nullopt);
  return made;
}

FakeDirectory::Snapshot FakeDirectory::delta(std::string_view watermark_text) {
  const auto since = read_watermark(watermark_text);
  if (options_.delta == FakeDelta::none || !since || *since < oldest_watermark_ || *since > counter_) {
    throw Error(Fault::invalid, "connector.watermark_refused", "the fake directory does not accept this watermark");
  }
  Snapshot made;
  if (options_.delta == FakeDelta::everything) {
    for (const auto& [anchor, object] : objects_) {
      if (object.changed <= *since) made.fixed.push_back(only_anchor(Observation::Kind::unchanged, anchor));
    }
  }
  for (auto change = changes_.upper_bound(*since); change != changes_.end(); ++change) {
    if (!change->second.gone) {
      const Object& object = objects_.at(change->second.anchor);
      made.entries.push_back(object.entry);
      const auto later = object.versions.upper_bound(*since);
      made.before.push_back(later == object.versions.begin() ? nullptr : std::prev(later)->second);
    } else if (options_.delta == FakeDelta::removals) {
      made.fixed.push_back(only_anchor(options_.deletes_silently ? Observation::Kind::deleted : Observation::Kind::gone,
                                       change->second.anchor));
    }
  }
  made.end = {watermark(), options_.delta == FakeDelta::everything};
  return made;
}

Outcome FakeDirectory::perform(const model::Export& change) {
  std::function<std::optional<Error>(const model::Export&)> refuse;
  std::optional<std::pair<Mishap, std::optional<Error>>> mishap;
  {
    const std::scoped_lock lock(mutex_);
    if (mishaps_.empty()) {
      refuse = refuse_;
    } else {
      mishap = std::move(mishaps_.front());
      mishaps_.pop_front();
    }
  }
  std::optional<Error> refused = refuse ? refuse(change) : std::nullopt;
  if (mishap && mishap->first == Mishap::refuse) refused = mishap->second;
  const std::scoped_lock lock(mutex_);
  if (refused) {
    ++calls_.refused;
    return Failed{std::move(*refused), false};
  }
  try {
    std::optional<Sent> sent;
    if (!mishap || mishap->first != Mishap::lose_request) sent = carry_out(change);
    if (!mishap) return std::move(*sent);
  } catch (Error& error) {
    ++calls_.refused;
    return Failed{std::move(error), false};
  }
  ++calls_.refused;
  return Failed{Error(Fault::unavailable, "fake.lost", "the connection was lost before the answer"), true};
}

Sent FakeDirectory::carry_out(const model::Export& change) {
  Sent sent;
  sent.anchor = change.anchor;
  switch (change.operation) {
    case Operation::none:
      break;
    case Operation::add: {
      if (const auto there = change.look_first ? held_already(change) : std::nullopt) {
        sent.anchor = *there;
        sent.was_there = true;
        break;
      }
      Entry entry{.anchor = change.anchor,
                  .dn = change.dn,
                  .object_type = change.object_type,
                  .attributes = {},
                  .references = {}};
      apply(change, entry, sent);
      sent.anchor = do_add(std::move(entry));
      ++calls_.adds;
      break;
    }
    case Operation::update:
    case Operation::rename: {
      const bool renames = change.operation == Operation::rename;
      if (renames) do_rename(must_find(change.anchor)->first, change.new_dn);
      Entry entry = *must_find(change.anchor)->second.entry;
      apply(change, entry, sent);
      tidy(entry);
      check_unique(entry);
      const Entry& held = *objects_.at(entry.anchor).entry;
      if (entry.attributes != held.attributes || entry.references != held.references) store(std::move(entry));
      ++(renames ? calls_.renames : calls_.updates);
      break;
    }
    case Operation::remove:
      if (objects_.contains(change.anchor)) do_remove(change.anchor);
      ++calls_.removes;
      return sent;
  }
  const auto now = must_find(sent.anchor);
  sent.dn = now->second.entry->dn;
  if (options_.replies_with_entry) sent.entry = *now->second.entry;
  return sent;
}

std::optional<std::string> FakeDirectory::held_already(const model::Export& change) {
  if (options_.correlation_attribute.empty()) return std::nullopt;
  ++calls_.finds;
  for (const model::AttributeChange& attribute : change.attributes) {
    if (attribute.name != options_.correlation_attribute) continue;
    for (const auto& [anchor, object] : objects_) {
      if (object.entry->object_type != change.object_type) continue;
      for (const auto& [name, values] : object.entry->attributes) {
        if (name == attribute.name && values == attribute.after) return anchor;
      }
    }
  }
  return std::nullopt;
}

void FakeDirectory::apply(const model::Export& change, Entry& entry, Sent& sent) const {
  for (const model::AttributeChange& attribute : change.attributes) {
    Values values = attribute.after;
    if (const auto rewritten = rewrites_.find(attribute.name); rewritten != rewrites_.end()) {
      for (Value& value : values) value = rewritten->second(value);
    }
    put_values(entry, attribute.name, std::move(values));
  }
  for (const model::ReferenceChange& reference : change.references) {
    const std::string& target = options_.references_by_anchor ? reference.target : reference.target_dn;
    const std::string key = target_key(target);
    std::erase_if(entry.references, [&](const NamedReference& held) {
      return held.attribute == reference.attribute && target_key(held.target) == key;
    });
    if (!reference.add) continue;
    const bool known = options_.references_by_anchor ? objects_.contains(target) : by_dn_key_.contains(key);
    if (!known && options_.refuses_unknown_references) {
      sent.references_refused.push_back(reference);
    } else {
      entry.references.push_back({reference.attribute, target});
    }
  }
}

std::vector<Entry> FakeDirectory::matching(std::string_view type, std::string_view attribute, const Value& value,
                                           std::size_t most) const {
  const std::string key = model::join_key(value);
  std::vector<Entry> found;
  for (const auto& [anchor, object] : objects_) {
    if (found.size() >= most) break;
    if (!type.empty() && object.entry->object_type != type) continue;
    const Values* values = values_of(*object.entry, attribute);
    if (values == nullptr) continue;
    if (std::ranges::any_of(*values, [&](const Value& held) { return model::join_key(held) == key; })) {
      found.push_back(*object.entry);
    }
  }
  return found;
}

void FakeDirectory::throw_if_down() const {
  if (down_) throw *down_;
}

}  // namespace linkspan::connector
