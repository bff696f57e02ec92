#include "connector_ldap/internal/references.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "connector_ldap/internal/modifications.h"
#include "connector_ldap/internal/values.h"

namespace linkspan::connector_ldap {

namespace {

/// The attributes of the standard schemas (RFC 4519, RFC 4524, RFC 2798) that name people and groups.
constexpr std::array<const char*, 7> k_followed{"member",  "uniqueMember", "manager",     "owner",
                                                "seeAlso", "secretary",    "roleOccupant"};
constexpr std::size_t k_at_once = 100;  ///< names in one filter

std::vector<std::string> holders(const ExportTarget& target, const std::string& attribute,
                                 std::span<const Renaming> renamed, int most, const std::stop_token& stop) {
  std::string filter = "(|";
  for (const Renaming& one : renamed) filter += fmt::format("({}={})", attribute, escape_filter(one.from));
  filter += ')';
  std::vector<std::string> found;
  for (const std::string& container : target.scope->containers) {
    for (const Message& entry :
         target.session.read({.base = container, .filter = filter, .attributes = {"1.1"}, .size_limit = most}, stop)) {
      std::string dn = dn_of(target.session.handle(), entry.get());
      if (!target.scope->excludes(dn)) found.push_back(std::move(dn));
    }
  }
  return found;
}

void replace(const ExportTarget& target, const std::string& dn, const std::string& attribute, const Renaming& renamed) {
  const Modification less{LDAP_MOD_DELETE, attribute, {renamed.from}};
  const Modification more{LDAP_MOD_ADD, attribute, {renamed.to}};
  try {
    try {
      modify_entry(target.session, dn, {less, more});
    } catch (const Error& error) {
      if (error.fault() == Fault::unavailable && error.id() != "ldap.refused") throw;
      modify_entry(target.session, dn, {less});  // the new name stands there already
    }
  } catch (const Error& error) {
    if (error.fault() == Fault::unavailable && error.id() != "ldap.refused") throw;
    target.logger->log(Level::warning, "ldap.reference_left", "a reference to a renamed object cannot be corrected",
                       {{"object", printable(dn)}, {"attribute", attribute}, {"reason", error.message()}});
  }
}

}  // namespace

void follow_renamings(const ExportTarget& target, const std::vector<Renaming>& renamed, const std::stop_token& stop) {
  for (const char* attribute : k_followed) {
    if (target.schema.attribute(attribute) == nullptr) continue;
    for (std::size_t begin = 0; begin < renamed.size(); begin += k_at_once) {
      const auto some = std::span(renamed).subspan(begin, std::min(k_at_once, renamed.size() - begin));
      if (holders(target, attribute, some, 1, stop).empty()) continue;
      for (const Renaming& one : some) {
        for (const std::string& dn : holders(target, attribute, std::span(&one, 1), 0, stop)) {
          replace(target, dn, attribute, one);
        }
      }
    }
  }
}

}  // namespace linkspan::connector_ldap
