#pragma once
// A scriptable directory in memory: the whole port, with every way to fail on demand. Deterministic: anchors,
// watermarks and the order of everything come from counters.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connector/connector.h"

namespace linkspan::connector {

/// What a delta import of the fake delivers.
enum class FakeDelta : unsigned char {
  none,        ///< no watermark is given
  changes,     ///< what was added and changed; removals stay unmentioned (a directory with only a modification time)
  removals,    ///< what was added and changed, and what is gone
  everything,  ///< what was added and changed, all others as unchanged; complete (RFC 4533's present phase)
};

struct FakeOptions {
  FakeDelta delta = FakeDelta::removals;
  bool exports = true;
  bool references_by_anchor = false;
  bool chooses_anchor = true;         ///< else an add brings its own, in Export::anchor
  std::string correlation_attribute;  ///< "externalId"
  std::string unique_attribute;       ///< no two objects of a type share a value of it, case aside; empty = none
  /// Renaming or removing an object repairs the references to it, and the holders count as changed. Without it they go
  /// stale, as in an LDAP server without the refint overlay.
  bool repairs_references = true;
  bool refuses_unknown_references = false;  ///< an export's reference to what is not there goes to references_refused
  bool replies_with_entry = false;          ///< Sent::entry is filled
  /// Of a removed object a delta tells that it was deleted; that it left those who referred to it goes without saying,
  /// as in Active Directory. With repairs_references and references_by_anchor.
  bool deletes_silently = false;
  bool tells_parts = false;         ///< a delta tells only what changed of what is held whole; by anchor
  bool answers_in_reverse = false;  ///< send() reports outcomes last to first
  std::size_t batch_size = 1000;    ///< observations per Import::next
  model::Schema schema;             ///< empty = what the present objects show
};

/// The directory. All members may be called from any thread. It must outlive its connectors.
class FakeDirectory {
 public:
  explicit FakeDirectory(FakeOptions options = {});
  FakeDirectory(const FakeDirectory&) = delete;
  FakeDirectory& operator=(const FakeDirectory&) = delete;

  /// A connector to it; any number may be made. Its send() goes the same way as the changes below.
  [[nodiscard]] std::unique_ptr<Connector> connect();

  // What people do to it. Each throws Fault::not_found "fake.missing" or Fault::conflict "fake.taken" as send()
  // answers.

  /// Adds an object. An empty anchor is given one ("a00000001"); so is an empty DN ("cn=a00000001,dc=fake").
  std::string add(model::Entry entry);
  void set(std::string_view anchor, std::string_view attribute, model::Values values);  ///< no values = clear
  void set_references(std::string_view anchor, std::string_view attribute, std::vector<std::string> targets);
  /// What lies below in the tree moves along.
  void rename(std::string_view anchor, std::string_view new_dn);
  void remove(std::string_view anchor);

  // What is in it.

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::optional<model::Entry> get(std::string_view anchor) const;
  [[nodiscard]] std::vector<model::Entry> all() const;  ///< in order of anchor; attributes and references sorted
  [[nodiscard]] std::vector<model::Entry> where(std::string_view attribute, const model::Value& value) const;

  // How it fails. Counted failures are used up in the order in which they were asked for, one per export.

  void fail_next_exports(std::size_t count, const Error& error);
  void lose_next_replies(std::size_t count);   ///< carried out, and then answered as uncertain
  void lose_next_requests(std::size_t count);  ///< not carried out, answered as uncertain
  /// Asked before each export that no counted failure meets: an Error refuses it. May throw, to play a crash. Called
  /// without the directory's lock. Empty = none.
  void refuse_exports(std::function<std::optional<Error>(const model::Export&)> refuse);
  void cut_next_import(std::size_t after_observations);  ///< then it throws Fault::unavailable "fake.cut"
  void refuse_watermarks();                              ///< those given out until now
  void be_down(std::optional<Error> error);  ///< everything but capabilities() throws it; nullopt = up again
  /// Exports of `attribute` are stored as `rewritten(value)`: a target that lower-cases mail.
  void rewrite(std::string_view attribute, std::function<model::Value(const model::Value&)> rewritten);

  // What it was asked.

  struct Calls {
    std::size_t adds = 0, updates = 0, renames = 0, removes = 0;  ///< carried out
    std::size_t refused = 0;                                      ///< answered with Failed
    std::size_t full_imports = 0, delta_imports = 0, finds = 0;
    friend bool operator==(const Calls&, const Calls&) = default;
  };
  [[nodiscard]] Calls calls() const;

 private:
  friend class FakeConnector;
  friend class FakeImport;

  struct Object {
    std::shared_ptr<const model::Entry> entry;
    std::uint64_t changed = 0;
    std::map<std::uint64_t, std::shared_ptr<const model::Entry>> versions;  ///< by when they came; to tell parts
  };
  struct Change {
    std::string anchor;
    bool gone = false;
  };
  enum class Mishap : unsigned char { refuse, lose_reply, lose_request };
  struct Snapshot {
    std::vector<model::Observation> fixed;                     ///< delivered first
    std::vector<std::shared_ptr<const model::Entry>> entries;  ///< delivered as present
    std::vector<std::shared_ptr<const model::Entry>> before;   ///< likewise in order: as last told; or empty
    ImportEnd end;
    std::optional<std::size_t> cut;
  };
  using Objects = std::map<std::string, Object, std::less<>>;

  Objects::iterator must_find(std::string_view anchor);
  [[nodiscard]] std::string target_key(std::string_view target) const;
  [[nodiscard]] std::string own_key(const model::Entry& entry) const;
  void check_unique(const model::Entry& entry) const;
  void check_dn(const model::Entry& entry) const;
  void index(const model::Entry& entry);
  void unindex(const model::Entry& entry);
  void store(model::Entry entry);
  void move(const std::string& anchor, std::string new_dn);
  void repair(const std::string& old_key, const std::string& new_target);
  void forget(const std::string& gone);
  std::string do_add(model::Entry entry);
  void do_rename(const std::string& anchor, std::string_view new_dn);
  void do_remove(const std::string& anchor);
  [[nodiscard]] std::string watermark() const;
  [[nodiscard]] Snapshot snapshot(const ImportRequest& request);
  [[nodiscard]] Snapshot delta(std::string_view watermark);
  [[nodiscard]] Outcome perform(const model::Export& change);
  [[nodiscard]] Sent carry_out(const model::Export& change);
  [[nodiscard]] std::optional<std::string> held_already(const model::Export& change);
  void apply(const model::Export& change, model::Entry& entry, Sent& sent) const;
  [[nodiscard]] std::vector<model::Entry> matching(std::string_view type, std::string_view attribute,
                                                   const model::Value& value, std::size_t most) const;
  void throw_if_down() const;

  const FakeOptions options_;
  mutable std::mutex mutex_;
  Objects objects_;
  std::map<std::uint64_t, Change> changes_;  ///< the last one of each object only
  std::map<std::string, std::string> by_dn_key_;
  std::map<std::string, std::string> by_unique_;
  std::map<std::string, std::set<std::string>> holders_;  ///< target_key -> anchors that reference it
  std::map<std::string, std::uint64_t> gone_;
  std::uint64_t counter_ = 0;
  std::uint64_t anchors_ = 0;
  std::uint64_t oldest_watermark_ = 0;

  std::deque<std::pair<Mishap, std::optional<Error>>> mishaps_;
  std::function<std::optional<Error>(const model::Export&)> refuse_;
  std::optional<std::size_t> cut_;
  std::optional<Error> down_;
  std::map<std::string, std::function<model::Value(const model::Value&)>, std::less<>> rewrites_;
  Calls calls_;
};

}  // namespace linkspan::connector
