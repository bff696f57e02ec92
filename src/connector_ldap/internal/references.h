#pragma once
// References that a server leaves as they are when the object is renamed that they name.

#include <stop_token>
#include <string>
#include <vector>

#include "connector_ldap/internal/exporter.h"

namespace linkspan::connector_ldap {

struct Renaming {
  std::string from;
  std::string to;
};

/// Puts the new names in the place of the old ones, in the containers, wherever a group or a person refers to them
/// (k_followed in references.cc). A server that keeps references right has none left: a search for each hundred renamed
/// objects and each attribute finds that out. What cannot be written is told ("ldap.reference_left") and left.
/// Throws as Session does.
void follow_renamings(const ExportTarget& target, const std::vector<Renaming>& renamed, const std::stop_token& stop);

}  // namespace linkspan::connector_ldap
