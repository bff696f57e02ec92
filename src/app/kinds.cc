#include "app/kinds.h"

#include "base/error.h"
#include "base/text.h"
#include "connector_file/file.h"
#include "connector_graph/graph.h"
#include "connector_ldap/ldap.h"
#include "connector_scim/scim.h"

namespace linkspan::app {

std::vector<connector::Kind> all_kinds() {
  return {connector_ldap::ldap_kind(), connector_ldap::active_directory_kind(),
          connector_scim::scim_kind(), connector_graph::graph_kind(),
          connector_file::file_kind(), connector_file::csv_kind()};
}

connector::Registrar registrar_of(std::string_view kind) {
  if (kind == "graph") return connector_graph::graph_registrar();
  throw Error(Fault::invalid, "app.nothing_to_register",
              "a connector of kind " + printable(kind, 40) + " is not registered anywhere",
              "`linkspan connector credentials` enters what it signs in with.");
}

}  // namespace linkspan::app
