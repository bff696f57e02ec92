#pragma once
// What a forest of Active Directory holds, and the rules by which it changes: the directory without its protocol.
// MS-ADTS 3.1.1.1 (state), 3.1.1.5 (updates); each rule names its section where it is made.

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "testkit/ldap_admin.h"
#include "testkit/windows_schema.h"

namespace linkspan::testkit {

/// An answer other than success: an LDAP result code and the text that goes with it.
struct WindowsRefusal : std::runtime_error {
  WindowsRefusal(int result, const std::string& text, std::string elsewhere = {})
      : std::runtime_error(text), code(result), referral(std::move(elsewhere)) {}
  int code;
  std::string referral;  ///< where to go instead
};

/// With a text of the form "00000562: UpdErr: DSID-03190000, problem 6005 (ENTRY_EXISTS), data 0".
[[noreturn]] void refuse_windows(int code, std::string_view number, std::string_view kind, std::string_view problem);

struct WindowsObject;

/// The values of one link attribute that count now, and when each came or went (MS-ADTS 3.1.1.1.9, linked values).
struct WindowsLinks {
  std::vector<WindowsObject*> values;  ///< those whose ends are both alive
  std::unordered_map<WindowsObject*, std::size_t> places;
  std::unordered_map<WindowsObject*, std::int64_t> stamps;          ///< of every value that ever was
  std::map<std::int64_t, std::pair<WindowsObject*, bool>> history;  ///< by stamp: whether it came
  std::set<WindowsObject*> asleep;                                  ///< of deleted objects that may come back
};

struct WindowsObject {
  struct Held {
    std::vector<std::string> values;
    std::int64_t usn = 0;
  };
  std::string guid;
  std::string sid;
  WindowsObject* parent = nullptr;  ///< null for the root of a naming context
  WindowsObject* context = nullptr;
  std::string rdn_type;
  std::string rdn_value;
  std::string root_dn;                                  ///< of a root
  std::map<std::string, Held, std::less<>> attributes;  ///< by the schema's spelling; cleared ones stay, without values
  std::map<std::string, WindowsLinks, std::less<>> links;
  std::map<std::string, std::set<WindowsObject*>, std::less<>> linked_by;  ///< by forward attribute
  std::unordered_map<std::string, WindowsObject*> children;
  std::int64_t usn_created = 0;
  std::int64_t usn_changed = 0;
  std::int64_t usn_named = 0;  ///< when it got its name or its place
  bool deleted = false;
  bool recycled = false;
  std::string password;
};

/// One change of a modify request.
struct WindowsChange {
  int operation = 0;  ///< LDAP_MOD_ADD, …
  std::string attribute;
  std::vector<std::string> values;
};

/// How a request came.
struct WindowsRequester {
  bool encrypted = true;
  bool shows_deleted = false;
  bool permissive = false;
  bool whole_tree = false;
};

/// Not thread-safe: one lock around each call is its user's business.
class WindowsForest {
 public:
  /// `domains`: DNS names, the root of the forest first.
  WindowsForest(std::vector<std::string> domains, bool recycle_bin);
  WindowsForest(const WindowsForest&) = delete;
  WindowsForest& operator=(const WindowsForest&) = delete;

  struct Domain {
    std::string dns_name;
    WindowsObject* root = nullptr;
    WindowsObject* settings = nullptr;  ///< NTDS settings of its one controller
    std::string sid;
    std::uint32_t next_rid = 1100;
    std::string url;  ///< referrals lead there
  };
  [[nodiscard]] std::deque<Domain>& domains() { return domains_; }
  [[nodiscard]] Domain& domain_of(const WindowsObject& context);
  [[nodiscard]] WindowsObject& configuration() { return *configuration_; }
  [[nodiscard]] WindowsObject& schema() { return *schema_; }
  [[nodiscard]] std::deque<WindowsObject>& objects() { return objects_; }
  [[nodiscard]] const std::map<std::int64_t, WindowsObject*>& by_usn() const { return by_usn_; }
  [[nodiscard]] std::int64_t usn() const { return usn_; }
  [[nodiscard]] WindowsObject& deleted_objects(WindowsObject& context);

  /// By DN, <GUID=…>, <SID=…>, or any of these before a semicolon. nullptr when it is not there.
  /// Throws WindowsRefusal invalidDNSyntax.
  [[nodiscard]] WindowsObject* find(std::string_view name);
  [[nodiscard]] WindowsObject* find_guid(const std::string& guid);
  /// An account by DN, name@domain, DOMAIN\name or name.
  [[nodiscard]] WindowsObject* find_account(const std::string& name);
  /// The root of the naming context that a DN lies in; nullptr when it lies in none.
  [[nodiscard]] WindowsObject* context_of(std::string_view dn);
  [[nodiscard]] static std::string dn_of(const WindowsObject& object);
  /// "<GUID=…>;<SID=…>;DN" (MS-ADTS 3.1.1.3.4.1.5); `as_text` = the option 1.
  [[nodiscard]] static std::string extended_dn_of(const WindowsObject& object, bool as_text);
  [[nodiscard]] std::string time_of(std::int64_t usn) const;

  WindowsObject& add(const std::string& dn, const LdapAttributes& attributes, const WindowsRequester& by);
  /// `count` users ("NAME 0", …) and a group NAME of them all, without the checks that an add has.
  void add_crowd(WindowsObject& parent, const std::string& name, std::size_t count);
  void modify(WindowsObject& object, const std::vector<WindowsChange>& changes, const WindowsRequester& by);
  void rename(WindowsObject& object, const std::string& new_rdn, bool delete_old, WindowsObject* new_parent);
  void remove(WindowsObject& object, const WindowsRequester& by);
  /// What time does to a deleted object in the recycle bin (MS-ADTS 3.1.1.5.5.1.3).
  void recycle(WindowsObject& object);
  /// Writes what nobody may write over LDAP.
  void keep(WindowsObject& object, const std::string& attribute, std::vector<std::string> values);

 private:
  struct Name {
    std::vector<std::pair<std::string, std::string>> rdns;
  };
  static Name parse(std::string_view dn);
  static std::string key_of(std::string_view type, std::string_view value);
  [[nodiscard]] WindowsObject* walk(const Name& name);
  [[nodiscard]] std::pair<WindowsObject*, std::size_t> root_for(const Name& name);

  WindowsObject& make_root(const std::string& dn, const std::string& object_class);
  WindowsObject& make(WindowsObject& parent, const std::string& type, const std::string& value);
  WindowsObject& make_known(WindowsObject& parent, const std::string& type, const std::string& value,
                            const std::string& object_class);
  void make_domain(const std::string& dns_name);
  void take_class(WindowsObject& object, const std::string& object_class);
  void make_security_principal(WindowsObject& object, const std::string& object_class, const LdapAttributes& given);
  void forget_account(const WindowsObject& object);
  std::int64_t touch(WindowsObject& object);
  void hold(WindowsObject& object, const std::string& attribute, std::vector<std::string> values);
  [[nodiscard]] bool has(const WindowsObject& object, const char* attribute) const;

  void change(WindowsObject& object, const WindowsChange& one, const WindowsRequester& by);
  void change_links(WindowsObject& object, const WindowsAttribute& type, const WindowsChange& one,
                    const WindowsRequester& by);
  void set_password(WindowsObject& object, const std::vector<std::string>& values, const WindowsRequester& by);
  void expect_valid(const WindowsAttribute& type, const std::vector<std::string>& values) const;
  void expect_unique(const WindowsObject& object, const WindowsAttribute& type, const std::string& value);
  void expect_account(const WindowsObject& object) const;
  [[nodiscard]] WindowsObject& target(const std::string& name);
  void link(WindowsObject& object, const std::string& attribute, WindowsObject& to);
  void unlink(WindowsObject& object, const std::string& attribute, WindowsObject& to);
  static void hide(WindowsLinks& links, WindowsObject& to);
  void sleep_links(WindowsObject& object);
  void wake_links(WindowsObject& object);
  void forget_links(WindowsObject& object);
  void strip(WindowsObject& object);
  void undelete(WindowsObject& object, const std::string& dn);
  void put(WindowsObject& object, WindowsObject& parent, const std::string& value);

  std::deque<WindowsObject> objects_;
  std::deque<Domain> domains_;
  std::vector<WindowsObject*> roots_;
  WindowsObject* configuration_ = nullptr;
  WindowsObject* schema_ = nullptr;
  std::unordered_map<std::string, WindowsObject*> by_guid_;
  std::unordered_map<std::string, WindowsObject*> by_account_;  ///< domain SID and sAMAccountName, lower case
  std::unordered_map<std::string, WindowsObject*> by_principal_;
  std::map<std::int64_t, WindowsObject*> by_usn_;
  std::int64_t usn_ = 12000;
  bool recycle_bin_;
};

}  // namespace linkspan::testkit
