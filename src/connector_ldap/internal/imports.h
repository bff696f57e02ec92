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

/// A connection, and what was learned over it.
struct Opened {
  std::unique_ptr<Session> session;
  RootDse root;
  Scope scope;
  std::unique_ptr<DirectorySchema> schema;
};

/// Whether changes can be asked for: the control is offered, and one cookie covers all that is read.
[[nodiscard]] bool can_synchronize(const Opened& opened);

/// By content synchronization where it can, else in pages and without a watermark.
[[nodiscard]] std::unique_ptr<connector::Import> full_import(Opened opened, const LdapSettings& settings,
                                                             Logger& logger, std::stop_token stop);

/// Throws Fault::invalid "connector.watermark_refused" (also later, from next()).
[[nodiscard]] std::unique_ptr<connector::Import> delta_import(Opened opened, const LdapSettings& settings,
                                                              Logger& logger, std::stop_token stop,
                                                              std::string_view watermark);

}  // namespace linkspan::connector_ldap
