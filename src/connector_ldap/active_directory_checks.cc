// `test` of a connector to Active Directory.

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "base/text.h"
#include "connector_ldap/internal/active_directory.h"
#include "connector_ldap/internal/active_directory_imports.h"
#include "connector_ldap/internal/checks.h"
#include "connector_ldap/internal/guid.h"
#include "connector_ldap/internal/searches.h"

namespace linkspan::connector_ldap {

using connector::Check;

namespace {

class Checks {
 public:
  Checks(const LdapSettings& settings, const vault::Secret& password, Logger& logger)
      : settings_(settings), password_(password), logger_(logger) {}

  std::vector<Check> run() {
    if (!open()) return std::move(made_);
    attempt("schema", [&] { return check_schema(); });
    for (Partition& partition : forest_.partitions) {
      for (const Place& container : partition.containers) {
        attempt(fmt::format("read {}", container.dn), [&] { return check_container(partition, container); });
      }
      attempt(fmt::format("changes of {}", partition.root.dn), [&] { return check_changes(partition); });
    }
    return std::move(made_);
  }

 private:
  void attempt(const std::string& name, const std::function<Check()>& check) {
    try {
      made_.push_back(check());
      made_.back().name = name;
    } catch (const Error& error) {
      made_.push_back({name, false, error.message(), error.hint()});
    }
  }

  bool open() {
    try {
      forest_ = open_forest(settings_, password_, logger_, {}, true);
    } catch (const Error& error) {
      const auto is = [&](std::string_view id) { return error.id() == id; };
      const bool tls = is("ldap.certificate") || is("ldap.clear_text");
      const bool scope = is("ldap.container_gone") || is("ldap.no_partition");
      const bool bind = error.fault() == Fault::denied && !tls;
      if (tls || bind || scope) made_.push_back({"connect", true, "a controller answers", {}});
      made_.push_back({tls     ? "tls"
                       : scope ? "scope"
                       : bind  ? "bind"
                               : "connect",
                       false, error.message(), error.hint()});
      return false;
    }
    for (const Partition& one : forest_.partitions) {
      made_.push_back(
          {"connect", true, fmt::format("{}: {}, {}", one.root.dn, one.controller.host, one.session->where()), {}});
    }
    const std::string version = forest_.partitions.front().session->tls_version();
    if (version.empty()) {
      made_.push_back({"tls", true, "no TLS; Kerberos signs and seals", {}});
    } else {
      made_.push_back({"tls", true,
                       fmt::format("{}, certificate {}", version, settings_.verify ? "verified" : "NOT verified"),
                       settings_.verify ? "" : "set verify to true: anybody may pose as the server"});
    }
    made_.push_back({"bind", true, settings_.bind_dn, {}});
    made_.push_back({"scope",
                     true,
                     fmt::format("{} container(s){}, {} excluded{}, {}", forest_.scope.containers.size(),
                                 named(forest_.scope.containers), forest_.scope.exclude_keys.size(),
                                 named(forest_.exclusions), forest_.scope.filter),
                     {}});
    return true;
  }

  /// By their present names.
  static std::string named(const std::vector<std::string>& places) {
    constexpr std::size_t k_most = 5;
    std::string made;
    for (std::size_t i = 0; i < std::min(places.size(), k_most); ++i)
      made += fmt::format("{}\"{}\"", i == 0 ? ": " : ", ", printable(parse_extended_dn(places[i]).dn));
    return places.size() > k_most ? made + ", …" : made;
  }

  Check check_schema() const {
    const DirectorySchema& schema = *forest_.schema;
    for (const std::string& type : settings_.object_types) {
      if (schema.object_class(type) != nullptr) continue;
      return {{}, false, fmt::format("object type {} is not in the directory's schema", type), "correct object_types"};
    }
    std::string back_links;
    for (const std::string& name : settings_.attributes) {
      const AttributeType* type = schema.attribute(name);
      if (type != nullptr && type->is_back_link()) back_links += (back_links.empty() ? "" : ", ") + name;
    }
    Check made{{}, true, fmt::format("{} classes, {} attributes", schema.classes(), schema.attributes()), {}};
    if (!back_links.empty()) {
      made.detail += fmt::format("; the directory does not tell when {} changes: only full imports see it", back_links);
      made.hint = "import the other end of the link, such as member of groups";
    }
    return made;
  }

  Check check_container(Partition& partition, const Place& container) const {
    PagedSearch pages(*partition.session,
                      {.base = base_of(container.guid), .filter = forest_.scope.filter, .attributes = {"objectGUID"}},
                      1, {});
    const Message found = pages.next();
    if (!found) {
      return {{},
              true,
              "nothing of the object types is there, or to be seen",
              "check object_types, and what the account may read"};
    }
    const std::string dn = dn_of(partition.session->handle(), found.get());
    if (values_of(partition.session->handle(), found.get(), "objectGUID").empty()) {
      return {
          {}, false, fmt::format("{} shows no objectGUID", dn), "let the account of this connector read objectGUID"};
    }
    return {{}, true, fmt::format("found {}", dn), {}};
  }

  Check check_changes(Partition& partition) const {
    const PartitionMark mark = begin_series(partition, settings_, logger_, {});
    const bool deletions = tells_deletions(partition, mark.changes);
    Check made{{}, true, fmt::format("by {}", describe(mark.changes)), {}};
    if (mark.changes != Changes::dirsync) {
      made.hint = "give the account the right Replicating Directory Changes on the domain: it is the surest way";
    }
    if (!deletions) {
      made.detail += "; deletions are seen by full imports only";
    }
    return made;
  }

  const LdapSettings& settings_;
  const vault::Secret& password_;
  Logger& logger_;
  Forest forest_;
  std::vector<Check> made_;
};

}  // namespace

std::vector<Check> run_active_directory_checks(const LdapSettings& settings, const vault::Secret& password,
                                               Logger& logger) {
  return Checks(settings, password, logger).run();
}

}  // namespace linkspan::connector_ldap
