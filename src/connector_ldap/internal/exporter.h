#pragma once
// Carries out exports over one connection, several at once. For any LDAP server.
//
// Active Directory takes an objectGUID for a name. Elsewhere a request names its object by DN, and a name may have gone
// to another object since the last import: so each request asserts the anchor (RFC 4528), or the anchor is read first
// where the server knows no assertions; and where that fails the object is looked for by its anchor and followed to its
// new name.

#include <functional>
#include <span>
#include <stop_token>
#include <string>

#include "connector/connector.h"
#include "connector_ldap/internal/directory.h"
#include "connector_ldap/internal/directory_schema.h"
#include "connector_ldap/internal/session.h"

namespace linkspan::connector_ldap {

/// Where exports of one connection go.
struct ExportTarget {
  Session& session;
  const RootDse& root;
  const DirectorySchema& schema;
  const LdapSettings& settings;
  // Not in Active Directory:
  const Scope* scope = nullptr;  ///< where objects are looked for and may be made
  Logger* logger = nullptr;
};

/// As Connector::send. `exports[i]` is answered as `indexes[i]`.
/// A group's members are changed in batches; when a batch is refused it is halved until only those are left that the
/// server does not take, and these are told in Sent::references_refused.
/// A group that may not be empty gets the placeholder with its last member's leaving and when it is made, and loses it
/// with the first member that comes. Attributes that the server keeps by itself are refused ("ldap.kept_by_server").
/// References to what was renamed are corrected at the end, where the server does not do it: follow_renamings().
void send_exports(const ExportTarget& target, std::span<const model::Export* const> exports,
                  std::span<const std::size_t> indexes,
                  const std::function<void(std::size_t, connector::Outcome)>& done, const std::stop_token& stop);

/// A password as Active Directory takes it in unicodePwd: quoted, UTF-16 (MS-ADTS 3.1.1.3.1.5.1).
/// Throws Fault::invalid "ldap.bad_password" when `password` is not UTF-8.
[[nodiscard]] std::string unicode_password(std::string_view password);

/// 32 characters of all kinds that a domain asks for, from the system's random numbers.
[[nodiscard]] vault::Secret random_password();

}  // namespace linkspan::connector_ldap
