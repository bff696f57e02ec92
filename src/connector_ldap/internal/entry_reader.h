#pragma once
// From a searchResultEntry to a model::Entry, at the speed of the wire.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connector_ldap/internal/directory_schema.h"
#include "connector_ldap/internal/session.h"
#include "model/entry.h"

namespace linkspan::connector_ldap {

/// Which class an entry counts as.
class TypeChooser {
 public:
  TypeChooser(const DirectorySchema& schema, const std::vector<std::string>& object_types, Dialect dialect);

  /// Starts a new entry, takes each value of its objectClass, and answers with the most specific of the wanted types
  /// (the first of the settings among equals); empty = it is of none. In Active Directory the structural class alone
  /// counts, which is the last value there (MS-ADTS 3.1.1.2.4): a computer is no user, though its class is a subclass.
  void begin() { best_ = nullptr; }
  void take(std::string_view object_class);
  [[nodiscard]] std::string_view chosen() const { return best_ != nullptr ? best_->name : std::string_view(); }

 private:
  struct Candidate {
    std::string name;
    std::size_t depth = 0;
    std::size_t order = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  const Candidate* classify(std::string_view object_class) const;

  const DirectorySchema& schema_;
  Dialect dialect_;
  std::unordered_map<std::string, Candidate> wanted_;  ///< by lower-case name
  std::unordered_map<std::string, const Candidate*, Hash, std::equal_to<>> known_;
  const Candidate* best_ = nullptr;
};

/// An attribute of which a server sent a part only (MS-ADTS 3.1.1.3.1.3.3): the rest is to be asked for.
struct UnfinishedAttribute {
  std::string name;
  std::size_t next = 0;  ///< index of the first value that is missing
};

/// What an entry says besides itself.
struct EntryFacts {
  bool in_scope = false;         ///< it is of a wanted type
  bool has_children = false;     ///< hasSubordinates, where it was asked for
  std::optional<Time> modified;  ///< modifyTimestamp, where it was asked for
  std::vector<UnfinishedAttribute> unfinished;
};

/// Not thread-safe; keeps what it learned of attribute descriptions from entry to entry.
class EntryReader {
 public:
  /// `selected`: attributes wanted by name; empty = all user attributes but userPassword, those that are the far end
  /// of a link (memberOf) and, in Active Directory, those that every controller keeps for itself.
  /// References to `placeholder` are none: it stands where a group may not be empty.
  EntryReader(const DirectorySchema& schema, const std::vector<std::string>& object_types,
              const std::vector<std::string>& selected, Dialect dialect = Dialect::ldap, std::string placeholder = {});

  /// The attributes to ask for.
  [[nodiscard]] std::vector<std::string> requested() const;

  /// Fills `entry` (empty before). With `anchor` given (by a Sync State control) the entry's own may lack;
  /// otherwise throws Fault::invalid "ldap.no_anchor". An entry of no wanted type has an empty object_type.
  /// Active Directory: the anchor is objectGUID as text, and names must have been asked for with k_extended_dn.
  EntryFacts read(Session& session, LDAPMessage* message, std::string anchor, model::Entry& entry);

  /// What DirSync says of an object that only changed (MS-ADTS 3.1.1.3.4.1.3): attributes whole, or without values
  /// where there are none any more; of links what came ("member;range=1-1") and what went ("member;range=0-0"). The
  /// part has an anchor, and no DN. False where it is more than that (another class, name or place; a link told whole;
  /// a value without identity): then the object is to be read.
  bool read_part(Session& session, LDAPMessage* message, model::Observation& part);

  /// Whether parts tell all that a search would show anew: nothing was selected that is worked out on reading.
  [[nodiscard]] bool can_read_parts() const;

  /// Adds a part of the attribute `name` to `entry`, the one that was read last, and takes nothing else of the message.
  /// Answers where the next part begins, nothing when it was the last.
  std::optional<std::size_t> append(Session& session, LDAPMessage* message, std::string_view name, model::Entry& entry);
  /// Takes back what was added of it.
  void forget(std::string_view name, model::Entry& entry);

  [[nodiscard]] TypeChooser& types() { return types_; }

 private:
  enum class Role : std::uint8_t { values, references, anchor, object_class, children, skip };
  struct Slot {
    std::string description;  ///< as the server writes it
    std::string name;         ///< the schema's spelling, ";binary" cut off
    Role role = Role::values;
    model::ValueKind kind = model::ValueKind::text;
    bool optional_uid = false;
    bool modified = false;    ///< it is modifyTimestamp
    Slot* next = nullptr;     ///< what followed it last time: servers keep the order
    std::uint64_t entry = 0;  ///< the entry in which its name was last seen
    std::size_t index = 0;    ///< and where among its attributes
    Slot* spelled = nullptr;  ///< the slot that keeps `entry` and `index` for all spellings of the name
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  /// `only`: a description without range, all others are passed over; nullptr = none is.
  bool take_all(Session& session, LDAPMessage* message, BerElement* ber, model::Entry& entry, EntryFacts& facts,
                const std::string_view* only = nullptr);
  Slot* slot_for(std::string_view description, Slot* previous);
  bool is_skipped(std::string_view type, const AttributeType* known, bool selected) const;
  Slot make_slot(std::string_view description);
  bool take_part(std::string_view description, const berval* values, model::Observation& part);
  void take(Slot& slot, const berval* values, model::Entry& entry, EntryFacts& facts);
  void take_values(Slot& slot, const berval* values, model::Entry& entry);
  void take_references(Slot& slot, const berval* values, model::Entry& entry);
  model::Values& values_for(Slot& slot, model::Entry& entry, std::size_t expected);

  const DirectorySchema& schema_;
  std::vector<std::string> selected_;
  Dialect dialect_;
  std::string placeholder_;
  const char* anchor_;  ///< the attribute that holds it
  TypeChooser types_;
  std::deque<Slot> slots_;
  std::unordered_map<std::string_view, Slot*> by_description_;
  std::unordered_map<std::string, Slot*> by_name_;
  Slot* first_ = nullptr;
  std::uint64_t entry_ = 0;
  std::string uuid_;
};

/// One value by its kind; what does not fit its kind comes as text, and what is no text as Binary.
[[nodiscard]] model::Value to_value(std::string_view bytes, model::ValueKind kind);

/// GeneralizedTime (RFC 4517, 3.3.13); nullopt when it is none.
[[nodiscard]] std::optional<Time> from_generalized_time(std::string_view text);

/// A DN from the wire, as text that is UTF-8 in any case.
[[nodiscard]] std::string dn_text(std::string_view bytes);

}  // namespace linkspan::connector_ldap
