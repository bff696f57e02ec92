#include <fmt/core.h>

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "connector_ldap/internal/active_directory.h"
#include "connector_ldap/internal/guid.h"
#include "model/dn.h"

namespace linkspan::connector_ldap {

namespace {

bool same_dn(std::string_view left, std::string_view right) { return model::dn_key(left) == model::dn_key(right); }

std::string dns_name_of(std::string_view dn) {
  std::string made;
  for (const std::string& part : model::domain_components(dn)) made += (made.empty() ? "" : ".") + part;
  return made;
}

/// Builds a Forest step by step.
class Opening {
 public:
  Opening(const LdapSettings& settings, const vault::Secret& password, Logger& logger, const std::stop_token& stop)
      : settings_(settings), password_(password), logger_(logger), stop_(stop) {}

  Forest run(bool with_schema) {
    connect_home();
    for (const std::string& base : wanted_partitions()) add_partition(base);
    resolve_containers();
    made_.scope.filter = filter();
    made_.fingerprint = fingerprint();
    if (with_schema) {
      Partition& first = made_.partitions.front();
      made_.schema = std::make_unique<DirectorySchema>(load_schema(*first.session, first.controller.subschema, stop_));
    }
    return std::move(made_);
  }

 private:
  struct Controller {
    std::shared_ptr<Session> session;
    RootDse root;
  };

  Controller connect(std::vector<ServerUrl> urls) const {
    LdapSettings settings = settings_;
    settings.urls = std::move(urls);
    Controller made{std::make_shared<Session>(settings, password_, logger_, stop_), {}};
    made.root = load_root_dse(*made.session, stop_);
    if (!made.root.active_directory) {
      throw Error(Fault::invalid, "ldap.not_active_directory",
                  fmt::format("{}: the server is no domain controller of Active Directory", made.session->where()),
                  "make it a connector of kind ldap");
    }
    return made;
  }

  /// The controllers of a domain that DNS names, reached as the settings say.
  std::vector<ServerUrl> controllers_of(const std::string& domain) const {
    std::vector<ServerUrl> urls;
    for (const std::string& address : find_controllers(domain)) {
      // DNS knows the plain port; with TLS from the beginning it is another one.
      const bool plain = settings_.bind == Bind::gssapi || settings_.start_tls == StartTls::always;
      const std::string host = address.substr(0, address.rfind(':'));
      if (auto url = read_url(plain ? "ldap://" + address : "ldaps://" + host)) urls.push_back(std::move(*url));
    }
    if (urls.empty()) {
      throw Error(Fault::unavailable, "ldap.no_controller",
                  fmt::format("DNS names no domain controller of {} (_ldap._tcp.dc._msdcs.{})", domain, domain),
                  "let this machine ask the domain's DNS servers, or name controllers in url");
    }
    return urls;
  }

  void connect_home() {
    controllers_.push_back(connect(settings_.urls.empty() ? controllers_of(settings_.domain) : settings_.urls));
  }

  std::vector<std::string> wanted_partitions() {
    Controller& home = controllers_.front();
    if (settings_.bases.empty()) return {home.root.default_naming_context};
    if (settings_.bases.size() != 1 || settings_.bases.front() != "*") return settings_.bases;
    std::vector<std::string> made;
    for (const auto& [dn, name] : domains()) made.push_back(dn);
    return made;
  }

  /// The domains of the forest and their DNS names: cross-references that stand for a domain (MS-ADTS 6.1.1.2.1.1).
  const std::vector<std::pair<std::string, std::string>>& domains() {
    if (!domains_.empty()) return domains_;
    Controller& home = controllers_.front();
    const auto found = home.session->read({.base = "CN=Partitions," + home.root.configuration,
                                           .scope = LDAP_SCOPE_ONELEVEL,
                                           .filter = "(&(objectClass=crossRef)"
                                                     "(systemFlags:1.2.840.113556.1.4.803:=3))",
                                           .attributes = {"nCName", "dnsRoot"}},
                                          stop_);
    for (const Message& message : found) {
      const auto dn = values_of(home.session->handle(), message.get(), "nCName");
      const auto name = values_of(home.session->handle(), message.get(), "dnsRoot");
      if (!dn.empty() && !name.empty()) domains_.emplace_back(dn.front(), name.front());
    }
    return domains_;
  }

  Controller& controller_for(const std::string& partition) {
    for (Controller& one : controllers_) {
      const auto& held = one.root.naming_contexts;
      if (std::ranges::any_of(held, [&](const std::string& dn) { return same_dn(dn, partition); })) return one;
    }
    // The other addresses of the settings may be controllers of that domain.
    for (const ServerUrl& url : settings_.urls) {
      if (url.text == controllers_.front().session->where()) continue;
      try {
        Controller other = connect({url});
        const auto& held = other.root.naming_contexts;
        if (std::ranges::any_of(held, [&](const std::string& dn) { return same_dn(dn, partition); })) {
          return controllers_.emplace_back(std::move(other));
        }
      } catch (const Error& error) {
        if (error.fault() != Fault::unavailable) throw;
      }
    }
    for (const auto& [dn, name] : domains()) {
      if (same_dn(dn, partition)) return controllers_.emplace_back(connect(controllers_of(name)));
    }
    throw Error(Fault::invalid, "ldap.no_partition",
                fmt::format("base: the forest of {} has no partition \"{}\"", controllers_.front().session->where(),
                            printable(partition)),
                "name domains of the forest by their DNs, or * for all of them");
  }

  void add_partition(const std::string& base) {
    const bool twice =
        std::ranges::any_of(made_.partitions, [&](const Partition& one) { return same_dn(one.root.dn, base); });
    if (twice) return;
    const Controller& controller = controller_for(base);
    auto root = find_place(*controller.session, base, stop_);
    if (!root) {
      throw Error(Fault::denied, "ldap.access",
                  fmt::format("{}: \"{}\" cannot be read", controller.session->where(), printable(base)),
                  "let the account of this connector read the partition");
    }
    made_.partitions.push_back({std::move(*root), dns_name_of(base), {}, controller.session, controller.root});
  }

  std::pair<Partition*, Place> resolve(const std::string& text, const char* setting) {
    for (Partition& one : made_.partitions) {
      auto place = find_place(*one.session, text, stop_);
      if (!place) continue;
      const ExtendedDn was = parse_extended_dn(text);
      if (!was.guid.empty() && !was.dn.empty() && !same_dn(was.dn, place->dn)) {
        logger_.log(Level::info, "ldap.container_renamed", "a container of the settings has another name now",
                    {{"container", std::string(was.dn)}, {"now", place->dn}});
      }
      auto* const holder = const_cast<Partition*>(partition_of(made_, place->dn));
      if (holder != nullptr) return {holder, std::move(*place)};
      break;
    }
    throw Error(Fault::invalid, "ldap.container_gone",
                fmt::format("{}: \"{}\" is not there, or not to be seen", setting, printable(text)),
                "name another container, or let the account of this connector read it; until then nothing is "
                "imported, so that nobody leaves by mistake");
  }

  void resolve_containers() {
    Scope& scope = made_.scope;
    std::vector<std::pair<Partition*, Place>> places;
    for (const std::string& text : settings_.containers) {
      places.push_back(resolve(text, "containers"));
      made_.containers.push_back(pinned(places.back().second));
    }
    if (settings_.containers.empty()) {
      for (Partition& one : made_.partitions) places.emplace_back(&one, one.root);
    }
    for (auto& [partition, place] : places) {
      const std::string key = model::dn_key(place.dn);
      const bool covered = std::ranges::any_of(places, [&, p = partition, at = &place](const auto& other) {
        if (&other.second == at || other.first != p) return false;
        const std::string above = model::dn_key(other.second.dn);
        return model::is_within(key, above) && (key != above || &other.second < at);
      });
      if (covered) continue;
      scope.containers.push_back(place.dn);
      scope.container_keys.push_back(key);
      container_guids_.push_back(place.guid);
      partition->containers.push_back(place);
    }
    for (const std::string& text : settings_.exclude_containers) {
      const Place place = resolve(text, "exclude_containers").second;
      scope.exclude_keys.push_back(model::dn_key(place.dn));
      exclude_guids_.push_back(place.guid);
      made_.exclusions.push_back(pinned(place));
    }
    for (const Partition& one : made_.partitions) scope.bases.push_back(one.root.dn);
  }

  /// A filter is only there to have less sent: what counts is the structural class. Computers are users to a filter.
  std::string filter() const {
    const auto& types = settings_.object_types;
    const auto wants = [&](std::string_view name) {
      return std::ranges::any_of(types, [&](const std::string& type) { return equal_ascii_case(type, name); });
    };
    std::string made;
    for (const std::string& type : types) {
      const bool user = equal_ascii_case(type, "user") && !wants("computer");
      made +=
          user ? std::string("(&(objectClass=user)(!(objectClass=computer)))") : fmt::format("(objectClass={})", type);
    }
    return types.size() == 1 ? made : fmt::format("(|{})", made);
  }

  std::string fingerprint() const {
    std::string text;
    const auto take = [&](std::vector<std::string> values) {
      std::ranges::sort(values);
      for (const std::string& value : values) text += fmt::format("{}:{};", value.size(), value);
      text += '\n';
    };
    std::vector<std::string> roots;
    roots.reserve(made_.partitions.size());
    for (const Partition& one : made_.partitions) roots.push_back(one.root.guid);
    take(std::move(roots));
    take(container_guids_);
    take(exclude_guids_);
    take(settings_.object_types);
    take(settings_.attributes);
    if (settings_.primary_group) take({"primary_group"});
    return to_hex(hash128(text));
  }

  const LdapSettings& settings_;
  const vault::Secret& password_;
  Logger& logger_;
  std::stop_token stop_;
  std::vector<Controller> controllers_;
  std::vector<std::pair<std::string, std::string>> domains_;  ///< DN and DNS name
  std::vector<std::string> container_guids_;
  std::vector<std::string> exclude_guids_;
  Forest made_;
};

}  // namespace

std::string base_of(std::string_view guid) { return fmt::format("<GUID={}>", guid); }

const Partition* partition_of(const Forest& forest, std::string_view dn) {
  const std::string key = model::dn_key(dn);
  const Partition* best = nullptr;
  std::size_t longest = 0;
  for (const Partition& one : forest.partitions) {
    const std::string root = model::dn_key(one.root.dn);
    if (!model::is_within(key, root) || root.size() < longest) continue;
    best = &one;
    longest = root.size();
  }
  return best;
}

std::string pinned(const Place& place) { return fmt::format("<GUID={}>;{}", place.guid, place.dn); }

connector::Settings pin_containers(connector::Settings settings, const LdapSettings& made,
                                   const vault::Secret& password, Logger& logger) {
  const auto is_pinned = [](const std::string& text) {
    const ExtendedDn name = parse_extended_dn(text);
    return !name.guid.empty() && !name.dn.empty();
  };
  if (std::ranges::all_of(made.containers, is_pinned) && std::ranges::all_of(made.exclude_containers, is_pinned))
    return settings;
  Forest forest = open_forest(made, password, logger, {}, false);
  if (!forest.containers.empty()) settings["containers"] = std::move(forest.containers);
  if (!forest.exclusions.empty()) settings["exclude_containers"] = std::move(forest.exclusions);
  return settings;
}

std::optional<Place> find_place(Session& session, std::string_view text, const std::stop_token& stop) {
  const ExtendedDn name = parse_extended_dn(text);
  const std::string base = name.guid.empty() ? std::string(text) : base_of(name.guid);
  try {
    const auto found = session.read({.base = base, .scope = LDAP_SCOPE_BASE, .attributes = {"objectGUID"}}, stop);
    if (found.empty()) return std::nullopt;
    const auto bytes = values_of(session.handle(), found.front().get(), "objectGUID");
    auto guid = bytes.empty() ? std::nullopt : guid_text(bytes.front());
    if (!guid) return std::nullopt;
    return Place{std::move(*guid), dn_of(session.handle(), found.front().get())};
  } catch (const Error& error) {
    if (error.fault() == Fault::not_found || error.id() == "ldap.referral" || error.id() == "ldap.bad_name") {
      return std::nullopt;
    }
    throw;
  }
}

Forest open_forest(const LdapSettings& settings, const vault::Secret& password, Logger& logger,
                   const std::stop_token& stop, bool with_schema) {
  return Opening(settings, password, logger, stop).run(with_schema);
}

}  // namespace linkspan::connector_ldap
