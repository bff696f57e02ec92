#include <fmt/core.h>

#include <atomic>
#include <memory>
#include <utility>

#include "connector_ldap/internal/checks.h"
#include "connector_ldap/internal/entry_reader.h"
#include "connector_ldap/internal/exporter.h"
#include "connector_ldap/internal/imports.h"
#include "connector_ldap/internal/kept_connection.h"
#include "connector_ldap/internal/values.h"
#include "connector_ldap/ldap.h"

namespace linkspan::connector_ldap {

using connector::Capabilities;
using connector::Import;
using connector::ImportRequest;
using connector::Outcome;

namespace {

class LdapConnector final : public connector::Connector {
 public:
  LdapConnector(LdapSettings settings, vault::Secret password, Logger& logger)
      : settings_(std::move(settings)), password_(std::move(password)), logger_(logger) {}

  Capabilities capabilities() override {
    if (!asked_) static_cast<void>(open({}, false));
    Capabilities made;
    made.delta_import = changes_ != ChangeSource::none;
    made.delta_reports_removals = changes_ == ChangeSource::sync;
    made.exports = true;
    return made;
  }

  model::Schema schema() override { return open({}, true).schema->to_model(); }

  std::vector<connector::Check> test() override { return run_checks(settings_, password_, logger_); }

  std::unique_ptr<Import> import(const ImportRequest& request, std::stop_token stop) override {
    Opened opened = open(stop, true);
    if (request.watermark.empty()) return full_import(std::move(opened), settings_, logger_, std::move(stop));
    return delta_import(std::move(opened), settings_, logger_, std::move(stop), request.watermark);
  }

  void send(std::span<const model::Export> exports, const std::function<void(std::size_t, Outcome)>& done,
            std::stop_token stop) override {
    if (exports.empty()) return;
    std::vector<const model::Export*> changes;
    std::vector<std::size_t> indexes;
    for (const model::Export& change : exports) {
      indexes.push_back(changes.size());
      changes.push_back(&change);
    }
    connection_.use([&] { return open(stop, true); }, done,
                    [&](const Opened& opened, const auto& tell) {
                      send_exports({*opened.session, opened.root, *opened.schema, settings_, &opened.scope, &logger_},
                                   changes, indexes, tell, stop);
                    });
  }

  std::vector<model::Entry> find(std::string_view object_type, std::string_view attribute,
                                 const model::Value& value) override {
    if (!is_descriptor(object_type) || !is_descriptor(attribute)) {
      throw Error(Fault::invalid, "ldap.settings",
                  fmt::format("\"{}\" or \"{}\" is not a name of the schema", object_type, attribute));
    }
    Opened opened = open({}, true);
    EntryReader reader(*opened.schema, {std::string(object_type)}, settings_.attributes, Dialect::ldap,
                       settings_.placeholder_member);
    const std::string filter =
        fmt::format("(&(objectClass={})({}={}))", object_type, attribute, escape_filter(wire_value(value)));
    std::vector<model::Entry> found;
    for (const std::string& container : opened.scope.containers) {
      for (const Message& message : opened.session->read(
               {.base = container, .filter = filter, .attributes = reader.requested(), .size_limit = 2})) {
        model::Entry entry;
        static_cast<void>(reader.read(*opened.session, message.get(), {}, entry));
        if (found.size() < 2 && !opened.scope.excludes(entry.dn)) found.push_back(std::move(entry));
      }
    }
    return found;
  }

 private:
  Opened open(const std::stop_token& stop, bool with_schema) {
    Opened made;
    made.session = std::make_unique<Session>(settings_, password_, logger_, stop);
    made.root = load_root_dse(*made.session, stop);
    made.scope = resolve_scope(settings_, made.root, made.session->where());
    changes_ = made.changes = choose_changes(*made.session, made.root, made.scope, settings_, stop);
    asked_ = true;
    if (with_schema)
      made.schema = std::make_unique<DirectorySchema>(load_schema(*made.session, made.root.subschema, stop));
    return made;
  }

  const LdapSettings settings_;
  const vault::Secret password_;
  Logger& logger_;
  KeptConnection<Opened> connection_;
  std::atomic<bool> asked_ = false;
  std::atomic<ChangeSource> changes_ = ChangeSource::none;
};

}  // namespace

connector::Kind ldap_kind() {
  connector::Kind kind;
  kind.name = "ldap";
  kind.description = "LDAP directory (OpenLDAP and the like)";
  kind.settings = setting_specs();
  kind.secrets = {{"password", "password of bind_dn", false, false, ""}};
  kind.make = [](const connector::Settings& settings, connector::Secrets secrets,
                 Logger& logger) -> std::unique_ptr<connector::Connector> {
    LdapSettings made = read_settings(settings, secrets);
    const auto password = secrets.find("password");
    return std::make_unique<LdapConnector>(
        std::move(made), password == secrets.end() ? vault::Secret() : std::move(password->second), logger);
  };
  return kind;
}

}  // namespace linkspan::connector_ldap
