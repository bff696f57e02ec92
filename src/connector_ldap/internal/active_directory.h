#pragma once
// A forest of Active Directory as a connector reads it: partitions with a connection to a controller of each, and the
// containers that count, known by objectGUID.

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "connector_ldap/internal/directory.h"
#include "connector_ldap/internal/directory_schema.h"
#include "connector_ldap/internal/session.h"

namespace linkspan::connector_ldap {

/// An object of the directory that a setting names.
struct Place {
  std::string guid;  ///< as text
  std::string dn;    ///< its present name
};

/// One naming context.
struct Partition {
  Place root;
  std::string dns_name;              ///< of the domain; empty where it is none
  std::vector<Place> containers;     ///< what is read of it; none within another
  std::shared_ptr<Session> session;  ///< to a controller that holds it; those of one controller share it
  RootDse controller;                ///< what that controller says of itself
};

/// Everything an import needs.
struct Forest {
  std::vector<Partition> partitions;
  Scope scope;  ///< containers and exclusions by their present names
  std::unique_ptr<DirectorySchema> schema;
  std::vector<std::string> containers;  ///< those of the settings, in their order, pinned()
  std::vector<std::string> exclusions;  ///< likewise
  std::string fingerprint;              ///< of all that decides what is read; renamed containers do not change it
};

/// Connects, checks that it is Active Directory, finds the partitions and resolves the containers.
/// Throws as Session does; Fault::invalid "ldap.not_active_directory", "ldap.no_partition", "ldap.container_gone",
/// "ldap.settings"; Fault::unavailable "ldap.no_controller".
[[nodiscard]] Forest open_forest(const LdapSettings& settings, const vault::Secret& password, Logger& logger,
                                 const std::stop_token& stop, bool with_schema);

/// The object that `text` names: a DN, "<GUID=…>", or both joined by a semicolon, of which the GUID counts. nullopt
/// when it is not there or not to be seen.
[[nodiscard]] std::optional<Place> find_place(Session& session, std::string_view text,
                                              const std::stop_token& stop = {});

/// The partition that an object of that name lies in, by its nearest root; nullptr = none.
[[nodiscard]] const Partition* partition_of(const Forest& forest, std::string_view dn);

/// The settings with each container as "<GUID=…>;DN", asked of the directory unless all are so already. Throws as
/// open_forest.
[[nodiscard]] connector::Settings pin_containers(connector::Settings settings, const LdapSettings& made,
                                                 const vault::Secret& password, Logger& logger);

/// "<GUID=…>;DN": how a container is kept in the settings.
[[nodiscard]] std::string pinned(const Place& place);

/// A search base that follows an object wherever it is moved.
[[nodiscard]] std::string base_of(std::string_view guid);

/// The controllers of a domain by DNS (MS-ADTS 6.3.2.3), in the order in which they are to be asked (RFC 2782), as
/// "host:port". `server` = address of the DNS server to ask, empty = the system's. None is no error here.
[[nodiscard]] std::vector<std::string> find_controllers(std::string_view domain, const std::string& server = {});

}  // namespace linkspan::connector_ldap
