// Directories, containers, targets: each tried for real.

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "setup/accounts.h"
#include "setup/connectors.h"
#include "setup/internal/draft.h"

namespace linkspan::setup {
namespace {

constexpr std::string_view k_containers = "containers";
constexpr std::string_view k_target = "target";

// Answers that a connector is not made with: they have its account made, and are forgotten.
constexpr const char* k_administrator = "administrator";
constexpr const char* k_administrator_password = "administrator_password";
constexpr const char* k_new_account = "new_account";
constexpr const char* k_new_account_rights = "new_account_rights";
constexpr const char* k_standard_account = "svc-linkspan";
constexpr const char* k_register = "register";  // likewise, where a directory wants to know this program

Field setting_field(const connector::SettingSpec& spec, const ConnectorDraft& draft) {
  const auto found = draft.settings.find(spec.name);
  return {.id = spec.name,
          .label = spec.name,
          .kind = spec.multi_valued ? FieldKind::list : FieldKind::text,
          .help = spec.help,
          .required = spec.required,
          .standard = spec.standard,
          .values = found == draft.settings.end() ? std::vector<std::string>{} : found->second};
}

/// How the credential of a stored connector stands: the red cross, or nothing.
std::vector<Finding> crosses(const ConnectorDraft& draft) {
  std::vector<Finding> out;
  for (const Credential& one : draft.credentials) {
    if (one.state == CredentialState::good || draft.secrets.contains(one.name)) continue;
    std::string why = "is missing";
    if (one.state == CredentialState::damaged) why = "is damaged";
    if (one.state == CredentialState::sealed) {
      why = fmt::format("is sealed with key set {}, which this server does not have", one.key_set.substr(0, 8));
    }
    out.push_back({Mark::bad, fmt::format("the {} {}", one.name, why), "Enter it again."});
  }
  return out;
}

/// What the connector is made with: as entered now, else as the database holds it.
connector::Secrets secrets_for(const PageContext& context, const ConnectorDraft& draft) {
  connector::Secrets out;
  for (const auto& [name, secret] : draft.secrets) out.emplace(name, secret.clone());
  if (!draft.stored) return out;
  Installation& found = *context.draft.found;
  const store::ConnectorRow row = found.connector(draft.name);
  for (const store::SecretRow& secret : found.store().configuration().secrets()) {
    if (secret.connector != row.id || out.contains(secret.name)) continue;
    out.emplace(secret.name, found.keys().open(secret.sealed, associated_data(row.id, secret.name)));
  }
  return out;
}

std::vector<Field> account_fields(const ConnectorDraft& draft) {
  const auto value = [&](const char* name) {
    const auto found = draft.settings.find(name);
    return found == draft.settings.end() ? std::vector<std::string>{} : found->second;
  };
  return {{.id = k_administrator,
           .label = k_administrator,
           .kind = FieldKind::text,
           .help = "who makes the account of this connector, instead of one that exists: used once, and kept nowhere",
           .values = value(k_administrator)},
          {.id = k_administrator_password,
           .label = k_administrator_password,
           .kind = FieldKind::secret,
           .help = "likewise",
           .given = draft.secrets.contains(k_administrator_password)},
          {.id = k_new_account,
           .label = k_new_account,
           .kind = FieldKind::text,
           .help = "what the account is called that the administrator makes",
           .standard = k_standard_account,
           .values = value(k_new_account)},
          {.id = k_new_account_rights,
           .label = k_new_account_rights,
           .kind = FieldKind::list,
           .help = "what it may do, as `connector account create --right` has it; empty: what an import needs",
           .values = value(k_new_account_rights)}};
}

Field register_field(const ConnectorDraft& draft) {
  const auto found = draft.settings.find(k_register);
  return {.id = k_register,
          .label = k_register,
          .kind = FieldKind::flag,
          .help = "register by an administrator's sign-in in a browser, used once; instead of credentials that exist",
          .standard = "false",
          .values = found == draft.settings.end() ? std::vector<std::string>{} : found->second};
}

void refuse_in_plan(const PageContext& context, std::string_view what, const ConnectorDraft& draft) {
  if (!context.draft.only_plan) return;
  throw Error(Fault::invalid, "setup.only_plan",
              fmt::format("a plan changes nothing, and so has no {} in {}", what, draft.name),
              "Leave out --plan; or enter an account that exists.");
}

/// What was made is the connector's own.
void take(ConnectorDraft& draft, connector::Settings settings, connector::Secrets secrets) {
  for (auto& [setting, values] : settings) {
    if (draft.stored) draft.changes[setting] = values;
    draft.settings[setting] = std::move(values);
  }
  for (auto& [secret, value] : secrets) draft.secrets.insert_or_assign(secret, std::move(value));
}

/// Registers what asks for it.
void enroll(const PageContext& context, ConnectorDraft& draft) {
  const auto asked = draft.settings.extract(k_register);
  draft.changes.erase(k_register);
  if (asked.empty()) return;
  try {
    const auto wanted = flag_of(context, {{k_register, asked.mapped()}}, k_register);
    if (!wanted.value_or(false)) return;
    refuse_in_plan(context, "registration made", draft);
    if (!context.draft.show_sign_in) {
      throw Error(Fault::invalid, "setup.no_sign_in", "a registration wants an administrator who sees this setup",
                  "Run setup in a terminal; or register later: `linkspan connector register`.");
    }
    connector::Settings own = draft.settings;
    for (const connector::SettingSpec& spec : engine_settings()) own.erase(spec.name);
    connector::Registered made = registrar_of(context.installation.kind(draft.kind))
                                     .enroll(own, secrets_for(context, draft), draft.name, context.draft.show_sign_in,
                                             context.installation.logger(), context.draft.stop);
    context.draft.made_elsewhere.push_back(fmt::format("the registration of {}", draft.name));
    take(draft, std::move(made.settings), std::move(made.secrets));
  } catch (const Error& error) {
    context.refuse(k_register, error, draft.name);
  }
}

/// Has the account made that was asked for, with what an import needs, and takes it for the connector's own.
void make_account(const PageContext& context, ConnectorDraft& draft) {
  const auto administrator = draft.settings.extract(k_administrator);
  const auto named = draft.settings.extract(k_new_account);
  auto password = draft.secrets.extract(k_administrator_password);
  auto rights = draft.settings.extract(k_new_account_rights);
  for (const char* name : {k_administrator, k_new_account, k_new_account_rights}) draft.changes.erase(name);
  if (administrator.empty() || administrator.mapped().empty()) return;
  try {
    refuse_in_plan(context, "account made", draft);
    if (password.empty()) {
      throw Error(Fault::invalid, "setup.no_credential",
                  fmt::format("the password of {} is missing", printable(administrator.mapped().front(), 80)),
                  fmt::format("Enter {}, or an account that exists.", k_administrator_password));
    }
    connector::AccountOrder order;
    order.administrator = administrator.mapped().front();
    order.administrator_password = std::move(password.mapped());
    order.name = named.empty() || named.mapped().empty() ? k_standard_account : named.mapped().front();
    if (!rights.empty()) order.rights = std::move(rights.mapped());
    NewAccount made =
        create_account(context.installation, context.installation.kind(draft.kind), draft.settings, order);
    context.draft.made_elsewhere.push_back(
        fmt::format("the account {}, made or given a new password", made.settings.at("account").front()));
    take(draft, std::move(made.settings), std::move(made.secrets));
  } catch (const Error& error) {
    context.refuse(k_administrator, error, draft.name);
  }
}

/// Whether it takes exports: only a target has to.
void check_exports(const PageContext& context, connector::Connector& made, const ConnectorDraft& draft) {
  if (context.step != k_target || made.capabilities().exports) return;
  context.refuse("",
                 Error(Fault::invalid, "setup.no_exports", fmt::format("{} takes no exports", draft.name),
                       fmt::format("A {} can only be read: it cannot be a target.", draft.kind)),
                 draft.name);
}

void try_connector(const PageContext& context, ConnectorDraft& draft) {
  const std::size_t before = context.problems.size();
  draft.findings.clear();
  try {
    const auto made =
        check_connector(context.installation, draft.name, draft.kind, draft.settings, secrets_for(context, draft));
    for (const connector::Check& check : made->test()) {
      draft.findings.push_back({check.passed ? Mark::good : Mark::bad, fmt::format("{}: {}", check.name, check.detail),
                                check.passed ? std::string() : check.hint});
      if (check.passed) continue;
      context.refuse("",
                     Error(Fault::unavailable, "setup.connector_test",
                           fmt::format("{} does not work: {}: {}", draft.name, check.name, check.detail), check.hint),
                     draft.name);
    }
    if (context.problems.size() == before) check_exports(context, *made, draft);
  } catch (const Error& error) {
    draft.findings.push_back({Mark::bad, error.what(), error.hint()});
    context.refuse("", error, draft.name);
  }
  draft.works = context.problems.size() == before;
}

/// Names all credentials that must be entered again; whether there are any.
bool refuse_missing(const PageContext& context, std::vector<ConnectorDraft>& connectors) {
  std::string missing;
  for (ConnectorDraft& one : connectors) {
    const std::vector<Finding> found = crosses(one);
    if (found.empty()) continue;
    one.works = false;
    one.findings = found;
    for (const Credential& credential : one.credentials) {
      if (credential.state == CredentialState::good || one.secrets.contains(credential.name)) continue;
      missing += fmt::format("{}{} ({})", missing.empty() ? "" : ", ", one.name, credential.name);
    }
  }
  if (missing.empty()) return false;
  context.refuse("", Error(Fault::denied, "setup.credentials_missing",
                           fmt::format("these credentials must be entered again: {}", missing),
                           "They are sealed with another server's key set. Enter each, or bring the key set: linkspan "
                           "key import FILE."));
  return true;
}

void check_number(const PageContext& context, const std::vector<ConnectorDraft>& connectors) {
  const bool target = context.step == k_target;
  if (connectors.empty() && context.draft.mode != Mode::existing) {
    context.refuse("", target ? Error(Fault::invalid, "setup.no_target", "no target is named",
                                      "Add the service that identities are sent to.")
                              : Error(Fault::invalid, "setup.no_directory", "no directory is named",
                                      "Add the directory that identities are read from."));
  }
  if (context.draft.mode == Mode::express && connectors.size() > 1) {
    context.refuse("", Error(Fault::invalid, "setup.one_directory",
                             fmt::format("express settings take one {}", target ? "target" : "directory"),
                             "Use custom mode for several."));
  }
}

void describe_items(const Installation& installation, const Draft& draft, Step& step) {
  for (const ConnectorDraft& one : connectors_of(draft, step.id)) {
    Item item{.name = one.name, .kind = one.kind, .good = one.works, .fixed = one.stored};
    item.fields = connector_fields(installation, one, step.id);
    item.findings = one.findings.empty() ? crosses(one) : one.findings;
    step.items.push_back(std::move(item));
  }
  const bool full = draft.mode == Mode::express && !step.items.empty();
  if (draft.mode == Mode::existing || step.id == k_containers || full) return;
  for (const connector::Kind& kind : installation.wiring().kinds)
    step.item_kinds.push_back({kind.name, kind.description});
}

bool equal_in(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const auto& one) { return equal_ascii_case(one, name); });
}

/// Object types and attributes must be in the directory's own schema.
void check_scope_names(const PageContext& context, ConnectorDraft& draft) {
  const auto made =
      check_connector(context.installation, draft.name, draft.kind, draft.settings, secrets_for(context, draft));
  std::vector<std::string> classes;
  std::vector<std::string> attributes;
  for (const model::SchemaClass& one : made->schema().classes) {
    classes.push_back(one.name);
    for (const model::SchemaAttribute& attribute : one.attributes) attributes.push_back(attribute.name);
  }
  const auto check = [&](std::string_view setting, const std::vector<std::string>& known, std::string_view what) {
    const auto found = draft.settings.find(setting);
    if (known.empty() || found == draft.settings.end()) return;
    for (const std::string& name : found->second) {
      if (name == "*" || name == "+" || equal_in(known, name)) continue;
      const auto meant = nearest(name, known);
      context.refuse(setting,
                     Error(Fault::invalid, "setup.not_in_schema",
                           fmt::format("{} has no {} {}", draft.name, what, printable(name, 80)),
                           meant ? fmt::format("Is {} meant?", *meant) : std::string()),
                     draft.name);
    }
  };
  check("object_types", classes, "object type");
  check("attributes", attributes, "attribute");
}

}  // namespace

std::vector<ConnectorDraft>& connectors_of(Draft& draft, std::string_view step) {
  return step == k_target ? draft.targets : draft.directories;
}

const std::vector<ConnectorDraft>& connectors_of(const Draft& draft, std::string_view step) {
  return step == k_target ? draft.targets : draft.directories;
}

bool is_scope_setting(std::string_view name) {
  return name == "containers" || name == "exclude_containers" || name == "object_types" || name == "attributes";
}

std::vector<Field> connector_fields(const Installation& installation, const ConnectorDraft& draft,
                                    std::string_view step) {
  const connector::Kind& kind = installation.kind(draft.kind);
  std::vector<Field> fields;
  for (const connector::SettingSpec& spec : kind.settings) {
    if (step != k_containers || is_scope_setting(spec.name)) fields.push_back(setting_field(spec, draft));
  }
  if (step == k_containers) return fields;
  for (const connector::SettingSpec& spec : engine_settings()) fields.push_back(setting_field(spec, draft));
  for (const connector::SettingSpec& spec : kind.secrets) {
    fields.push_back({.id = spec.name,
                      .label = spec.name,
                      .kind = FieldKind::secret,
                      .help = spec.help,
                      .required = spec.required,
                      .given = draft.secrets.contains(spec.name)});
  }
  if (kind.registrar.enroll) fields.push_back(register_field(draft));
  if (kind.create_account) std::ranges::move(account_fields(draft), std::back_inserter(fields));
  return fields;
}

void load_found_connectors(Draft& draft) {
  Installation& found = *draft.found;
  const RuleFiles rules = stored_rules(found);
  const auto credentials = list_credentials(found);
  for (const store::ConnectorRow& row : found.store().configuration().connectors()) {
    ConnectorDraft made{
        .name = row.name, .kind = row.kind, .settings = settings_of(row), .secrets = {}, .stored = true};
    for (const Credential& one : credentials) {
      if (one.connector == row.name) made.credentials.push_back(one);
    }
    const bool is_target = std::any_of(rules.rules.begin(), rules.rules.end(), [&](const rules::Rule& rule) {
      return rule.direction == rules::Direction::outbound && !rule.disabled &&
             (rule.connector.empty() ? rule.kind == row.kind : rule.connector == row.name);
    });
    (is_target ? draft.targets : draft.directories).push_back(std::move(made));
  }
}

void describe_directories(const Installation& installation, const Draft& draft, Step& step) {
  step.intro = draft.mode == Mode::existing
                   ? "Each directory of the database, with a cross until its credentials are entered again and work."
                   : "The directories that identities are read from. Each is tried for real.";
  describe_items(installation, draft, step);
}

void describe_target(const Installation& installation, const Draft& draft, Step& step) {
  step.intro = draft.mode == Mode::existing
                   ? "Each service that identities are sent to, with a cross until its credentials are entered again."
                   : "The services that identities are sent to.";
  describe_items(installation, draft, step);
}

void check_connectors(const PageContext& context) {
  std::vector<ConnectorDraft>& connectors = connectors_of(context.draft, context.step);
  check_number(context, connectors);
  const std::size_t before = context.problems.size();
  for (ConnectorDraft& one : connectors) {
    make_account(context, one);
    enroll(context, one);
  }
  if (context.problems.size() != before) return;
  const bool missing = refuse_missing(context, connectors);
  for (ConnectorDraft& one : connectors) {
    if (missing && !crosses(one).empty()) continue;
    try_connector(context, one);
  }
}

void describe_containers(const Installation& installation, const Draft& draft, Step& step) {
  step.intro = "What is read of each directory: subtrees, object types, attributes. Empty: all that the kind offers.";
  describe_items(installation, draft, step);
}

void check_containers(const PageContext& context) {
  for (ConnectorDraft& one : context.draft.directories) {
    try_connector(context, one);
    if (!one.works) continue;
    try {
      check_scope_names(context, one);
    } catch (const Error& error) {
      context.refuse("", error, one.name);
    }
  }
}

}  // namespace linkspan::setup
