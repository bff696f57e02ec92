#include "connector_ldap/internal/checks.h"

#include <fmt/core.h>

#include <functional>
#include <memory>

#include "connector_ldap/internal/anchor.h"
#include "connector_ldap/internal/directory.h"
#include "connector_ldap/internal/directory_schema.h"
#include "connector_ldap/internal/entry_reader.h"
#include "connector_ldap/internal/imports.h"
#include "connector_ldap/internal/searches.h"
#include "connector_ldap/internal/session.h"

namespace linkspan::connector_ldap {

using connector::Check;

namespace {

class Checks {
 public:
  Checks(const LdapSettings& settings, const vault::Secret& password, Logger& logger)
      : settings_(settings), password_(password), logger_(logger) {}

  std::vector<Check> run() {
    if (!connect()) return std::move(made_);
    if (!attempt("root", [&] { return check_root(); })) return std::move(made_);
    if (!attempt("scope", [&] { return check_scope(); })) return std::move(made_);
    attempt("schema", [&] { return check_schema(); });
    for (const std::string& container : scope_.containers) {
      attempt(fmt::format("read {}", container), [&] { return check_container(container); });
    }
    attempt("paging", [&] { return check_paging(); });
    attempt("sync", [&] { return check_sync(); });
    return std::move(made_);
  }

 private:
  void pass(std::string name, std::string detail, std::string hint = {}) {
    made_.push_back({std::move(name), true, std::move(detail), std::move(hint)});
  }
  void fail(std::string name, const Error& error) {
    made_.push_back({std::move(name), false, error.message(), error.hint()});
  }

  bool attempt(const std::string& name, const std::function<Check()>& check) {
    try {
      made_.push_back(check());
      made_.back().name = name;
    } catch (const Error& error) {
      fail(name, error);
    }
    return made_.back().passed;
  }

  bool connect() {
    try {
      session_ = std::make_unique<Session>(settings_, password_, logger_);
    } catch (const Error& error) {
      const bool tls = error.id() == "ldap.certificate" || error.id() == "ldap.clear_text";
      const bool bind = error.id() == "ldap.credentials" || error.id() == "ldap.encryption_required";
      if (tls || bind) pass("connect", "the server answers");
      fail(tls ? "tls" : bind ? "bind" : "connect", error);
      return false;
    }
    pass("connect", session_->where());
    const std::string version = session_->tls_version();
    if (version.empty()) {
      pass("tls", "not encrypted");
    } else if (settings_.verify) {
      pass("tls", fmt::format("{}, certificate verified", version));
    } else {
      pass("tls", fmt::format("{}, certificate NOT verified", version),
           "set verify to true: anybody may pose as the server");
    }
    pass("bind", settings_.bind_dn.empty() ? "anonymous" : settings_.bind_dn);
    return true;
  }

  Check check_root() {
    root_ = load_root_dse(*session_);
    std::string contexts;
    for (const std::string& context : root_.naming_contexts) contexts += (contexts.empty() ? "" : "; ") + context;
    return {
        {}, true, fmt::format("naming contexts: {}{}{}", contexts, root_.vendor.empty() ? "" : "; ", root_.vendor), {}};
  }

  Check check_scope() {
    scope_ = resolve_scope(settings_, root_, session_->where());
    return {{}, true, fmt::format("{} container(s), {}", scope_.containers.size(), scope_.filter), {}};
  }

  Check check_schema() {
    schema_ = std::make_unique<DirectorySchema>(load_schema(*session_, root_.subschema));
    for (const std::string& type : settings_.object_types) {
      if (schema_->object_class(type) != nullptr) continue;
      return {{}, false, fmt::format("object type {} is not in the server's schema", type), "correct object_types"};
    }
    return {{}, true, fmt::format("{} classes, {} attributes", schema_->classes(), schema_->attributes()), {}};
  }

  Check check_container(const std::string& container) {
    // The container itself first: a subtree search below what is not there says so only on some servers.
    if (session_->read({.base = container, .scope = LDAP_SCOPE_BASE, .attributes = {"1.1"}}).empty()) {
      return {{}, false, "the container cannot be read", "let the account of this connector read it"};
    }
    const char* const anchor = schema_ ? anchor_attribute(*schema_) : "entryUUID";
    const auto found =
        session_->read({.base = container, .filter = scope_.filter, .attributes = {anchor}, .size_limit = 1});
    if (found.empty()) {
      return {
          {}, true, fmt::format("no entry of {}", scope_.filter), "check object_types, and what the account may read"};
    }
    char* dn = ldap_get_dn(session_->handle(), found.front().get());
    std::string name = dn != nullptr ? dn_text(dn) : std::string();
    ldap_memfree(dn);
    if (values_of(session_->handle(), found.front().get(), anchor).empty()) {
      return {{},
              false,
              fmt::format("{} shows no {}", name, anchor),
              fmt::format("let the account of this connector read {}", anchor)};
    }
    return {{}, true, fmt::format("found {}", name), {}};
  }

  Check check_paging() {
    if (!root_.offers(LDAP_CONTROL_PAGEDRESULTS)) {
      return {{}, true, "not offered: all is read in one go", "the server must let this account read without a limit"};
    }
    PagedSearch search(*session_, {.base = scope_.containers.front(), .scope = LDAP_SCOPE_BASE, .attributes = {"1.1"}},
                       settings_.page_size, {});
    while (search.next()) {
    }
    return {{}, true, fmt::format("pages of {}", settings_.page_size), {}};
  }

  Check check_sync() {
    const std::string better = "OpenLDAP: load the syncprov overlay, let the account use it, and name one base";
    if (settings_.always_full) return {{}, true, "changes = full: every import reads everything", {}};
    switch (choose_changes(*session_, root_, scope_, settings_)) {
      case ChangeSource::sync:
        return {{}, true, "changes can be asked for", {}};
      case ChangeSource::modification_time:
        return {
            {},
            true,
            "refused or not offered: changes are found by modifyTimestamp, and deletions are seen by full imports only "
            "(setting import.full_after)",
            better};
      case ChangeSource::none:
        break;
    }
    return {{}, true, "refused or not offered: every import reads everything", better};
  }

  const LdapSettings& settings_;
  const vault::Secret& password_;
  Logger& logger_;
  std::unique_ptr<Session> session_;
  RootDse root_;
  Scope scope_;
  std::unique_ptr<DirectorySchema> schema_;
  std::vector<Check> made_;
};

}  // namespace

std::vector<Check> run_checks(const LdapSettings& settings, const vault::Secret& password, Logger& logger) {
  return Checks(settings, password, logger).run();
}

}  // namespace linkspan::connector_ldap
