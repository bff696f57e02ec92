#include "connector_ldap/internal/primary_group.h"

#include <fmt/core.h>

#include <algorithm>

#include "connector_ldap/internal/active_directory.h"
#include "connector_ldap/internal/guid.h"

namespace linkspan::connector_ldap {

namespace {

constexpr std::size_t k_most_known = 10'000;  ///< groups; more than a domain has as primary ones

const model::Value* value_of(const model::Entry& entry, std::string_view name) {
  const auto found = std::ranges::find(entry.attributes, name, [](const auto& one) { return one.first; });
  return found == entry.attributes.end() || found->second.empty() ? nullptr : &found->second.front();
}

/// The SID of the same domain that ends in `relative`; empty when `sid` is none of a domain.
std::string in_domain_of(std::string sid, std::uint32_t relative) {
  constexpr std::size_t k_last = 4;
  if (!sid_text(sid) || sid.size() < 8 + 2 * k_last) return {};
  for (std::size_t i = 0; i < k_last; ++i) sid[sid.size() - k_last + i] = static_cast<char>(relative >> (8 * i));
  return sid;
}

}  // namespace

void PrimaryGroups::add(Session& session, model::Entry& entry, const std::stop_token& stop) {
  const model::Value* relative = value_of(entry, "primaryGroupID");
  const model::Value* account = value_of(entry, "objectSid");
  const auto* number = relative == nullptr ? nullptr : std::get_if<std::int64_t>(relative);
  const auto* bytes = account == nullptr ? nullptr : std::get_if<model::Binary>(account);
  if (number == nullptr || bytes == nullptr) return;
  std::string sid = in_domain_of(bytes->bytes, static_cast<std::uint32_t>(*number));
  if (sid.empty()) return;
  auto found = known_.find(sid);
  if (found == known_.end()) {
    if (known_.size() == k_most_known) known_.clear();
    const auto place = find_place(session, fmt::format("<SID={}>", sid_text(sid).value_or("")), stop);
    found = known_.emplace(std::move(sid), place ? place->guid : std::string()).first;
  }
  if (!found->second.empty()) entry.references.push_back({k_primary_group, found->second});
}

}  // namespace linkspan::connector_ldap
