#include "app/kinds.h"

#include "connector_file/file.h"
#include "connector_graph/graph.h"
#include "connector_ldap/ldap.h"
#include "connector_scim/scim.h"

namespace linkspan::app {

std::vector<connector::Kind> all_kinds(const std::filesystem::path& profiles) {
  const std::filesystem::path scim_profiles = profiles.empty() ? profiles : profiles / "scim";
  return {
      connector_ldap::ldap_kind(),   connector_ldap::active_directory_kind(), connector_scim::scim_kind(scim_profiles),
      connector_graph::graph_kind(), connector_graph::upload_kind(),          connector_file::file_kind(),
      connector_file::csv_kind()};
}

}  // namespace linkspan::app
