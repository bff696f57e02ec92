#include "sync/single_references.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "model/image.h"
#include "sync/references.h"

namespace linkspan::sync {
namespace {

using store::MetaverseId;
using store::ObjectId;
using store::Reference;
using store::ReferenceKey;

constexpr std::size_t k_page = 4000;

/// An account whose references are ours to desire, with what its desired image says of them.
struct Account {
  store::Object object;
  model::Image desired;
};

/// Whether rules speak of this attribute as of references.
bool manages(const model::ImageAttribute* attribute) {
  return attribute != nullptr && (!attribute->references.empty() || attribute->values.empty());
}

/// One page of touched references: read, decide, write.
class Page {
 public:
  Page(const Context& context, Counters& counters, std::vector<ReferenceKey> touched)
      : context_(context), counters_(counters), view_(context.store.view()), touched_(std::move(touched)) {}

  void run();

 private:
  void load();
  void find_rows_to_settle();
  void lead(const Account& account, const ReferenceKey& touched, MetaverseId identity);
  void find_holders();
  bool is_desired(const ReferenceKey& key, const Account& account) const;
  void settle();
  std::vector<store::ObjectWrite> writes();
  void write();

  /// All objects joined to an identity, in order of id.
  [[nodiscard]] std::span<const store::Object> joined(MetaverseId id) const {
    const auto found = joined_.find(id.value);
    return found == joined_.end() ? std::span<const store::Object>() : std::span<const store::Object>(found->second);
  }
  /// What the identity is in that connector: of several the oldest, as wherever references lead.
  [[nodiscard]] ObjectId account_of(MetaverseId id, store::ConnectorId connector) const {
    for (const store::Object& one : joined(id)) {
      if (one.connector == connector) return one.id;
    }
    return {};
  }

  const Context& context_;
  Counters& counters_;
  std::unique_ptr<store::View> view_;
  std::vector<ReferenceKey> touched_;
  std::unordered_map<std::int64_t, MetaverseId> identity_of_;  ///< by object: of both ends of what was touched
  std::unordered_map<std::int64_t, Account> accounts_;         ///< by object
  std::unordered_map<std::int64_t, std::vector<ObjectId>> accounts_of_;  ///< by identity
  std::unordered_map<std::int64_t, std::vector<store::Object>> joined_;  ///< by identity
  std::vector<ReferenceKey> to_settle_;                                  ///< sorted, each once
  std::set<ReferenceKey> observed_;                                      ///< of the rows that make others desired
  std::unordered_map<std::int64_t, bool> pending_;                       ///< by account: some settled row is
  std::set<std::int64_t> whole_;  ///< accounts to be looked at whole in the next round
  std::vector<Reference> changed_;
};

/// Both ends of what was touched, the accounts that hold it or that its holder's identity has, and whom the targets
/// are.
void Page::load() {
  std::set<ObjectId> ends;
  for (const ReferenceKey& key : touched_) ends.insert({key.object, key.target});
  const std::vector<ObjectId> ids(ends.begin(), ends.end());
  for (const auto& one : view_->load_objects(ids, store::no_images))
    identity_of_.emplace(one.object.id.value, one.object.metaverse);

  std::set<ObjectId> holders;
  std::set<MetaverseId> holding;
  std::set<MetaverseId> targets;
  for (const ReferenceKey& key : touched_) {
    holders.insert(key.object);
    if (const MetaverseId id = identity_of_[key.object.value]) holding.insert(id);
    if (const MetaverseId id = identity_of_[key.target.value]) targets.insert(id);
  }
  const auto take = [&](store::ObjectWithImages& one) {
    if (one.object.desired != store::Desired::present) return;
    accounts_.emplace(one.object.id.value, Account{one.object, model::decode(one.images.desired)});
  };
  for (auto& one : view_->load_objects(std::vector(holders.begin(), holders.end()), store::desired_image)) take(one);
  for (auto& one : view_->joined_to(std::vector(holding.begin(), holding.end()), store::desired_image)) {
    take(one);
    if (one.object.desired == store::Desired::present)
      accounts_of_[one.object.metaverse.value].push_back(one.object.id);
  }
  for (auto& one : view_->joined_to(std::vector(targets.begin(), targets.end()), store::no_images))
    joined_[one.object.metaverse.value].push_back(std::move(one.object));
  for (auto& [identity, objects] : joined_)
    std::sort(objects.begin(), objects.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
}

/// Where `touched`, as a source of the account's references, leads.
void Page::lead(const Account& account, const ReferenceKey& touched, MetaverseId identity) {
  for (const model::ImageAttribute& attribute : account.desired.attributes()) {
    const bool flows = std::ranges::any_of(attribute.references, [&](const model::ReferenceSource& source) {
      return source.object == touched.object && source.attribute == touched.attribute;
    });
    if (!flows) continue;
    if (is_derived(attribute)) {
      whole_.insert(account.object.id.value);
      continue;
    }
    if (const ObjectId target = account_of(identity, account.object.connector)) {
      to_settle_.push_back({account.object.id, attribute.name, target});
    } else {
      counters_.add("references_withheld");
    }
  }
}

void Page::find_rows_to_settle() {
  for (const ReferenceKey& key : touched_) {
    if (const auto account = accounts_.find(key.object.value); account != accounts_.end()) {
      const model::ImageAttribute* attribute = account->second.desired.find(key.attribute);
      if (attribute != nullptr && is_derived(*attribute)) {
        whole_.insert(key.object.value);
      } else {
        to_settle_.push_back(key);
      }
    }
    const auto holding = accounts_of_.find(identity_of_[key.object.value].value);
    if (holding == accounts_of_.end()) continue;
    for (const ObjectId id : holding->second) lead(accounts_.at(id.value), key, identity_of_[key.target.value]);
  }
  std::sort(to_settle_.begin(), to_settle_.end());
  to_settle_.erase(std::unique(to_settle_.begin(), to_settle_.end()), to_settle_.end());
}

/// Which of the sources of each row were seen to refer to whom its target is.
void Page::find_holders() {
  std::vector<ReferenceKey> keys;
  for (const ReferenceKey& key : to_settle_) {
    const model::ImageAttribute* attribute = accounts_.at(key.object.value).desired.find(key.attribute);
    if (attribute == nullptr) continue;
    for (const model::ReferenceSource& source : attribute->references) {
      for (const store::Object& one : joined(identity_of_[key.target.value]))
        keys.push_back({source.object, source.attribute, one.id});
    }
  }
  for (const Reference& row : view_->find_references(keys)) {
    if ((row.bits & store::reference_observed) != 0) observed_.insert(store::key_of(row));
  }
}

bool Page::is_desired(const ReferenceKey& key, const Account& account) const {
  const auto identity = identity_of_.find(key.target.value);
  const model::ImageAttribute* attribute = account.desired.find(key.attribute);
  if (attribute == nullptr || identity == identity_of_.end() || !identity->second) return false;
  if (account_of(identity->second, account.object.connector) != key.target) return false;
  return std::ranges::any_of(attribute->references, [&](const model::ReferenceSource& source) {
    return std::ranges::any_of(joined(identity->second), [&](const store::Object& one) {
      return observed_.contains({source.object, source.attribute, one.id});
    });
  });
}

void Page::settle() {
  // Targets were found by their identities, and not all of them were ends of what was touched.
  for (const auto& [identity, objects] : joined_) {
    for (const store::Object& one : objects) identity_of_.emplace(one.id.value, one.metaverse);
  }
  find_holders();
  const std::vector<Reference> rows = view_->find_references(to_settle_);
  auto row = rows.begin();
  for (const ReferenceKey& key : to_settle_) {
    const Account& account = accounts_.at(key.object.value);
    while (row != rows.end() && store::key_of(*row) < key) ++row;
    const bool there = row != rows.end() && store::key_of(*row) == key;
    const std::uint8_t before = there ? row->bits : std::uint8_t{0};
    const bool desired = is_desired(key, account);
    const std::uint8_t bits = reference_bits(before, manages(account.desired.find(key.attribute)), desired);
    bool& pending = pending_.try_emplace(key.object.value, false).first->second;
    pending = pending || store::reference_pending(bits);
    if (bits == before) continue;
    counters_.add(desired ? "references_added" : "references_removed");
    changed_.push_back({key.object, key.attribute, key.target, bits});
  }
}

/// Accounts of which it is said otherwise now whether an export has references to change, or that are to be looked at
/// whole.
std::vector<store::ObjectWrite> Page::writes() {
  std::vector<ObjectId> in_doubt;  // nothing that was settled is pending, but something else may be
  for (const auto& [id, pending] : pending_) {
    if (!pending && accounts_.at(id).object.pending_references) in_doubt.push_back(ObjectId{id});
  }
  for (const Reference& row : view_->references_of(in_doubt, true)) {
    if (!std::binary_search(to_settle_.begin(), to_settle_.end(), store::key_of(row)))
      pending_[row.object.value] = true;
  }
  std::vector<store::ObjectWrite> writes;
  for (auto& [id, account] : accounts_) {
    const store::Object before = account.object;
    if (const auto found = pending_.find(id); found != pending_.end())
      account.object.pending_references = found->second;
    if (whole_.contains(id)) account.object.touched |= store::touched_references;
    if (account.object == before) continue;
    store::ObjectWrite write;
    write.object = account.object;
    writes.push_back(std::move(write));
  }
  return writes;
}

void Page::write() {
  const std::vector<store::ObjectWrite> accounts = writes();
  const auto batch = context_.store.batch(context_.lease, store::Durability::deferred);
  batch->put_references(changed_);
  batch->put_objects(accounts);
  batch->settle_references(touched_);
  view_.reset();  // an open one would keep SQLite from beginning its log anew
  batch->commit();
}

void Page::run() {
  load();
  find_rows_to_settle();
  settle();
  write();
}

}  // namespace

std::size_t settle_touched_references(const Context& context, Counters& counters, bool full) {
  std::size_t done = 0;
  for (;;) {
    context.check_stop();
    std::vector<ReferenceKey> touched = context.store.view()->touched_references(k_page);
    if (touched.empty()) return done;
    done += touched.size();
    if (full) {
      const auto batch = context.store.batch(context.lease, store::Durability::deferred);
      batch->settle_references(touched);
      batch->commit();
    } else {
      Page(context, counters, std::move(touched)).run();
    }
    context.report("synchronize references", done);
  }
}

}  // namespace linkspan::sync
