#pragma once
// `connector probe`: what a service does otherwise than the RFCs have it, found out by asking.

#include <stop_token>

#include "base/clock.h"
#include "connector/connector.h"
#include "connector_scim/internal/service.h"

namespace linkspan::connector_scim {

/// As connector::Kind::probe says. Questions only, unless `may_write`: then two users and a group named
/// linkspan-probe-… are made, changed and removed again.
[[nodiscard]] connector::Probed probe(Service& service, bool may_write, const Clock& clock, std::stop_token stop);

/// The part that writes: adds to `found`, and to `settings` what is not as the RFCs have it.
struct Deviation {
  std::string setting;
  std::string value;
  std::string why;
};
void probe_writes(Service& service, const Discovery& discovery, const std::string& name, std::stop_token stop,
                  std::vector<connector::Check>& found, std::vector<Deviation>& deviations);

}  // namespace linkspan::connector_scim
