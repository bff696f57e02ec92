#pragma once
// Full and delta import over one connection each.

#include <memory>
#include <stop_token>
#include <string>

#include "base/log.h"
#include "connector/connector.h"
#include "connector_ldap/internal/directory.h"
#include "connector_ldap/internal/directory_schema.h"
#include "connector_ldap/internal/session.h"

namespace linkspan::connector_ldap {

/// How a server is asked for changes.
enum class ChangeSource : unsigned char {
  none,               ///< every import reads everything
  sync,               ///< content synchronization (RFC 4533)
  modification_time,  ///< by modifyTimestamp, which tells nothing of what is gone
};

/// A connection, and what was learned over it.
struct Opened {
  std::unique_ptr<Session> session;
  RootDse root;
  Scope scope;
  std::unique_ptr<DirectorySchema> schema;
  ChangeSource changes = ChangeSource::none;
};

/// The best way that the server offers: content synchronization when one cookie covers all that is read, else
/// modifyTimestamp when each base shows it and it can be searched by. Settings may say that there is to be none.
[[nodiscard]] ChangeSource choose_changes(Session& session, const RootDse& root, const Scope& scope,
                                          const LdapSettings& settings, const std::stop_token& stop = {});

/// By content synchronization where it can, else in pages.
[[nodiscard]] std::unique_ptr<connector::Import> full_import(Opened opened, const LdapSettings& settings,
                                                             Logger& logger, std::stop_token stop);

/// Throws Fault::invalid "connector.watermark_refused" (also later, from next()).
[[nodiscard]] std::unique_ptr<connector::Import> delta_import(Opened opened, const LdapSettings& settings,
                                                              Logger& logger, std::stop_token stop,
                                                              std::string_view watermark);

}  // namespace linkspan::connector_ldap
