#pragma once
// The port to a connected directory. Adapters (connector_ldap, connector_scim, …) are named only by app/ and by tests;
// every adapter passes connector/testing/connector_contract.h.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "model/entry.h"
#include "model/export.h"
#include "model/schema.h"
#include "vault/secret.h"

namespace linkspan::connector {

/// What this directory can do, as far as it has said so. Cheap to ask after the first call of anything else.
struct Capabilities {
  bool delta_import = false;            ///< a watermark leads to the changes since
  bool delta_reports_removals = false;  ///< and these name what is gone
  bool exports = false;
  bool references_by_anchor = false;  ///< else by DN
  bool chooses_anchor = true;         ///< the directory gives a new object its anchor
  /// An update must say all there is of the object (Export::whole): what it leaves out may be cleared.
  bool whole_updates = false;
  /// What send() answers as sent was only taken on: an import tells what became of it, by anchor (Observation confirmed
  /// and refused). Until then it is sent and not confirmed.
  bool confirms_later = false;
  std::string correlation_attribute;  ///< carries the source anchor ("externalId"); empty = there is none
  /// How many changes one call of send() is best given: more where each call costs as much as all the directory holds.
  /// Between two calls the engine looks at its lease and at the staging switch, and a crash leaves at most so many
  /// answers unknown.
  std::size_t changes_at_once = 200;
};

/// What to read. Containers are DNs or paths; the filter of object types and attributes is the connector's setting.
struct ImportRequest {
  std::string watermark;  ///< empty = full
  /// For each of these anchors, whether the object is held whole, as a directory has shown it: only of those a delta
  /// may say `changed`, once, and before anything else that it says of that object. To be called by whoever calls
  /// next(). Empty = of none.
  std::function<std::vector<bool>(std::span<const std::string> anchors)> held{};
};

/// How an import ended.
struct ImportEnd {
  std::string watermark;  ///< to begin the next delta from; empty = the directory offers none
  /// Whether what was not mentioned (neither present nor unchanged) is no longer there: true for a full import that
  /// came to its proper end, and for a delta that listed all that still is.
  bool complete = false;
};

/// One read of a directory, streamed. Not thread-safe. Destroying it early ends the read.
class Import {
 public:
  virtual ~Import() = default;

  /// Fills `batch` (cleared first) with up to about a thousand observations; false at the proper end, with `batch`
  /// empty. Throws on any failure: what was delivered before stays true, but nothing may be concluded from what was
  /// not. Fault::invalid "connector.watermark_refused": begin again with a full import.
  [[nodiscard]] virtual bool next(std::vector<model::Observation>& batch) = 0;

  /// After next() has returned false.
  [[nodiscard]] virtual ImportEnd end() = 0;
};

/// What became of one export.
struct Sent {
  std::string anchor;                 ///< of the object now; for adds the new one
  std::string dn;                     ///< its name now, if the directory said so
  std::optional<model::Entry> entry;  ///< the object as the reply showed it, when it showed all of it
  bool was_there = false;             ///< an add that made nothing: the object was there, and is as it was
  /// A part that was refused while the rest went through: members the target does not accept, say.
  std::vector<model::ReferenceChange> references_refused;
};

/// Not done. `uncertain`: the request may have reached the directory, nobody knows; look before trying an add again.
struct Failed {
  Error error;
  bool uncertain = false;
};

using Outcome = std::variant<Sent, Failed>;

/// One line of `test`: what was tried, whether it worked, and what to do if not.
struct Check {
  std::string name;  ///< "bind", "read", "paging", …
  bool passed = false;
  std::string detail;  ///< what was found ("inetOrgPerson 1,204 attributes"), or what went wrong
  std::string hint;
};

class Connector {
 public:
  virtual ~Connector() = default;

  [[nodiscard]] virtual Capabilities capabilities() = 0;

  /// Read from the directory. Throws as import does.
  [[nodiscard]] virtual model::Schema schema() = 0;

  /// Tries everything an import and an export will need, changes nothing, and reports each; never throws for what the
  /// directory does.
  [[nodiscard]] virtual std::vector<Check> test() = 0;

  /// Opens a read. The connector outlives the import. Stops soon after `stop` is requested, with Fault::cancelled.
  [[nodiscard]] virtual std::unique_ptr<Import> import(const ImportRequest& request, std::stop_token stop) = 0;

  /// Carries out independent changes of one kind, several at once, and calls `done(index, outcome)` for each, in any
  /// order, from the calling thread. An update with nothing left to change is a success. A removal of what is not there
  /// is a success. Honours the directory's wish to be left alone (Retry-After) itself, within reason.
  /// An add with look_first is preceded, where the directory can be asked, by a look for an object that carries the
  /// correlation attribute's value already: that one is answered, unchanged, and nothing is made.
  /// When `stop` is requested it sends nothing more, waits for what is under way, and returns; exports without an
  /// outcome were not sent.
  /// Throws only when nothing at all can be sent (Fault::denied, Fault::unavailable); all without an outcome were not
  /// sent.
  virtual void send(std::span<const model::Export> exports,
                    const std::function<void(std::size_t index, Outcome outcome)>& done, std::stop_token stop) = 0;

  /// The objects of `object_type` whose `attribute` equals `value`, at most two: for adds that may or may not have
  /// arrived.
  [[nodiscard]] virtual std::vector<model::Entry> find(std::string_view object_type, std::string_view attribute,
                                                       const model::Value& value) = 0;
};

/// A setting an adapter takes, for the wizard, `connector add` and `config`.
struct SettingSpec {
  std::string name;  ///< "url", "containers", …
  std::string help;
  bool required = false;
  bool multi_valued = false;
  std::string standard;  ///< what counts when it is absent
};

/// Settings of one connector: name -> values, as configuration holds them. Secrets are apart.
using Settings = std::map<std::string, std::vector<std::string>, std::less<>>;
using Secrets = std::map<std::string, vault::Secret, std::less<>>;

/// A right in the directory, as an administrator knows it.
struct AccountRight {
  std::string name;   ///< "Replicating Directory Changes", "write mS-DS-ConsistencyGuid of user", …
  std::string where;  ///< DN of the object whose access list gives it
  bool wanted = false;
  bool held = false;
};

/// What `create-account` is asked for.
struct AccountOrder {
  std::string administrator;  ///< used for this once, and kept nowhere
  vault::Secret administrator_password;
  std::string name;                 ///< of the account to make
  std::vector<std::string> rights;  ///< what it is to be able to do, as Kind::account_rights names it
};

struct CreatedAccount {
  std::string name;   ///< as the connector's settings want it
  bool made = false;  ///< false: it was there already
  vault::Secret password;
  std::vector<AccountRight> rights;  ///< as they were read back afterwards
};

/// What somebody is asked to do in a browser while this program waits: open `url`, enter `code`, sign in.
struct SignInPrompt {
  std::string url;
  std::string code;
  std::chrono::seconds valid_for{};
};

/// What a registration leaves: to be stored together.
struct Registered {
  Settings settings;
  Secrets secrets;
  std::vector<std::string> done;  ///< what was made or found, for people
  /// To be called once both are stored: takes away what they replace. Empty = nothing to take away. May throw.
  std::function<void()> afterwards;
};

/// How this program becomes known to a directory that wants that before it lets anybody in; empty for most kinds. Each
/// throws as a connector does.
struct Registrar {
  /// By an administrator's sign-in, used once and forgotten. May be repeated. `name`: of the connector.
  std::function<Registered(const Settings&, Secrets, const std::string& name,
                           const std::function<void(const SignInPrompt&)>& show, Logger&, std::stop_token)>
      enroll;
  /// New credentials by the ones in use; no administrator is needed.
  std::function<Registered(const Settings&, Secrets, const std::string& name, Logger&, std::stop_token)> rotate;
};

/// What was found of a service that may do things otherwise than the standard of its kind.
struct Probed {
  std::vector<Check> found;  ///< not passed: what no setting mends
  std::string profile;       ///< the text of a profile file: the settings that fit
};

/// How a directory calls its objects.
struct Naming {
  bool references_by_anchor = false;  ///< it tells members and managers by their anchors, else by their DNs
  bool objects_by_dn = true;          ///< the DN is the object's name: what rules flow to dn makes and renames it
};

/// One kind of directory: how to make a connector of it. A plain list of these is made in app/.
struct Kind {
  std::string name;  ///< "ldap", "scim", "file"
  std::string description;
  std::vector<SettingSpec> settings;
  Naming naming{};
  std::vector<SettingSpec> secrets;  ///< names of credentials ("password", "token"), never their values
  /// Checks all settings, and says all that is wrong in one Error; opens nothing yet.
  std::function<std::unique_ptr<Connector>(const Settings&, Secrets, Logger&)> make;

  // Where accounts for the synchronization can be made; else empty.

  /// Name and explanation of each thing that an account can be given the right to.
  std::vector<std::pair<std::string, std::string>> account_rights;
  /// Makes the account, or takes one of that name that is there and gives it a new password; then adds the access
  /// rights that are missing. May be repeated. `settings` need no account. Throws as the directory answers.
  std::function<CreatedAccount(const Settings&, const AccountOrder&, Logger&)> create_account;
  /// Each right that the account of the settings has, lacks, or has without need, from the directory's access lists.
  std::function<std::vector<AccountRight>(const Settings&, Secrets, std::span<const std::string> wanted, Logger&)>
      check_account;

  /// The settings as they are to be kept: what they name by a name that may change, by its identity, too. Asks the
  /// directory, and throws as a connector does. Empty for most: what was said is kept.
  std::function<Settings(const Settings&, Secrets, Logger&)> pin{};

  Registrar registrar{};

  /// Asks such a service what it does, and where `may_write` makes objects to try changes on, which it removes again
  /// and says so of. Throws as a connector does when the service cannot be reached or refuses the token. Empty for
  /// most.
  std::function<Probed(const Settings&, Secrets, bool may_write, Logger&, std::stop_token)> probe{};
};

}  // namespace linkspan::connector
