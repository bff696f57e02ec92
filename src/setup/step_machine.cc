#include "setup/step_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "setup/connectors.h"
#include "setup/internal/draft.h"

namespace linkspan::setup {
namespace {

/// In express mode nothing is asked about the database, and yet it must be fit.
void check_mode(const PageContext& context) {
  if (context.draft.mode == Mode::express) check_database(context);
}

/// Custom mode has tried the rules on their own page.
void check_review(const PageContext& context) {
  if (context.draft.mode == Mode::express) check_rules_page(context);
}

constexpr Page k_welcome{"welcome", "Welcome", describe_welcome, answer_welcome, check_welcome};
constexpr Page k_mode{"mode", "Express settings", describe_mode, answer_mode, check_mode};
constexpr Page k_database{"database", "Database", describe_database, answer_database, check_database};
constexpr Page k_directories{"directories", "Connect directories", describe_directories, answer_nothing,
                             check_connectors};
constexpr Page k_containers{"containers", "Containers and object types", describe_containers, answer_nothing,
                            check_containers};
constexpr Page k_identify{"identify", "Identifying users", describe_identify, answer_identify, check_identify};
constexpr Page k_target{"target", "Connect to the target", describe_target, answer_nothing, check_connectors};
constexpr Page k_rules{"rules", "Rules", describe_rules, answer_rules, check_rules_page};
constexpr Page k_options{"options", "Options", describe_options, answer_options, check_nothing};
constexpr Page k_review{"review", "Review", describe_review, answer_nothing, check_review};

constexpr std::array k_express{k_welcome, k_mode, k_directories, k_target, k_options, k_review};
constexpr std::array k_custom{k_welcome,  k_mode,   k_database, k_directories, k_containers,
                              k_identify, k_target, k_rules,    k_options,     k_review};
constexpr std::array k_existing{k_welcome, k_mode, k_database, k_target, k_directories, k_options, k_review};

std::span<const Page> pages_of(Mode mode) {
  switch (mode) {
    case Mode::express:
      return k_express;
    case Mode::existing:
      return k_existing;
    case Mode::custom:
      break;
  }
  return k_custom;
}

const Page& page_of(Mode mode, std::string_view id) {
  for (const Page& page : pages_of(mode)) {
    if (page.id == id) return page;
  }
  throw Error(Fault::not_found, "setup.no_step",
              fmt::format("{} mode has no step {}", name_of(mode), printable(id, 40)));
}

bool takes_items(std::string_view step) {
  return step == k_directories.id || step == k_target.id || step == k_containers.id;
}

/// Express settings find the directory of this machine's domain on their own.
bool asks_own_directory(const Draft& draft, std::string_view step, std::string_view kind) {
  return draft.mode == Mode::express && step == k_directories.id && kind == "ldap";
}

std::vector<std::string> ids_of(const std::vector<Field>& fields) {
  std::vector<std::string> ids;
  ids.reserve(fields.size());
  for (const Field& field : fields) ids.push_back(field.id);
  return ids;
}

void refuse_unknown(const PageContext& context, const std::vector<std::string>& known, const Values& values,
                    std::string_view item) {
  for (const auto& [name, ignored] : values) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = nearest(name, known);
    context.refuse(name,
                   Error(Fault::invalid, "setup.no_field", fmt::format("{} is not asked here", printable(name, 60)),
                         meant ? fmt::format("Is {} meant?", *meant)
                               : fmt::format("What is asked: {}. Secrets are given as NAME_file or NAME_env.",
                                             fmt::join(known, ", "))),
                   item);
  }
}

ConnectorDraft* find(std::vector<ConnectorDraft>& some, std::string_view name) {
  const auto found = std::find_if(some.begin(), some.end(), [&](const auto& one) { return one.name == name; });
  return found == some.end() ? nullptr : &*found;
}

/// The item to change, made if it may be; nullptr when it was refused.
ConnectorDraft* item_for(const PageContext& context, std::string_view name, std::string_view kind) {
  Draft& draft = context.draft;
  const auto refuse = [&](Error error) -> ConnectorDraft* {
    context.refuse("", std::move(error), name);
    return nullptr;
  };
  if (ConnectorDraft* found = find(connectors_of(draft, context.step), name)) {
    if (kind.empty() || kind == found->kind) return found;
    return refuse(Error(Fault::conflict, "setup.kind_fixed",
                        fmt::format("{} is of kind {}, not {}", name, found->kind, printable(kind, 40)),
                        "Remove it and add it anew."));
  }
  if (draft.mode == Mode::existing || context.step == k_containers.id) {
    return refuse(Error(Fault::not_found, "setup.no_item", fmt::format("there is no {} here", printable(name, 80)),
                        "Only what the database holds can be changed here; add others after setup."));
  }
  if (find(draft.directories, name) != nullptr || find(draft.targets, name) != nullptr) {
    return refuse(Error(Fault::conflict, "setup.duplicate", fmt::format("there are two connectors {}", name),
                        "Give one of them another name."));
  }
  try {
    static_cast<void>(context.installation.kind(kind));
    if (trim(name).empty()) throw Error(Fault::invalid, "setup.connector_name", "a connector has no name", "Name it.");
  } catch (const Error& error) {
    return refuse(error);
  }
  auto& some = connectors_of(draft, context.step);
  some.push_back({.name = std::string(name), .kind = std::string(kind), .settings = {}, .secrets = {}});
  return &some.back();
}

}  // namespace

std::string_view name_of(Mode mode) noexcept {
  switch (mode) {
    case Mode::express:
      return "express";
    case Mode::custom:
      return "custom";
    case Mode::existing:
      break;
  }
  return "use-existing-database";
}

std::string_view name_of(FieldKind kind) noexcept {
  static constexpr std::array<std::string_view, 5> k_names{"text", "secret", "choice", "flag", "list"};
  return k_names[static_cast<std::size_t>(kind)];
}

StepMachine::StepMachine(Installation& installation, Discover discover)
    : installation_(installation), discover_(std::move(discover)), draft_(std::make_unique<Draft>()) {
  draft_->file = installation.file();
}

StepMachine::~StepMachine() = default;

Mode StepMachine::mode() const { return draft_->mode; }

void StepMachine::only_plan() { draft_->only_plan = true; }

void StepMachine::show_sign_ins(std::function<void(const connector::SignInPrompt&)> show, std::stop_token stop) {
  draft_->show_sign_in = std::move(show);
  draft_->stop = std::move(stop);
}

const std::vector<std::string>& StepMachine::made_elsewhere() const { return draft_->made_elsewhere; }

std::vector<StepOutline> StepMachine::rail() const {
  std::vector<StepOutline> out;
  bool reached = false;
  for (const Page& page : pages_of(draft_->mode)) {
    StepState state = StepState::ahead;
    if (draft_->passed.contains(page.id)) {
      state = StepState::passed;
    } else if (!reached) {
      state = StepState::current;
      reached = true;
    }
    out.push_back({std::string(page.id), std::string(page.title), state});
  }
  return out;
}

Step StepMachine::step(std::string_view id) const {
  const Page& page = page_of(draft_->mode, id);
  Step step{.id = std::string(page.id), .title = std::string(page.title), .intro = {}};
  page.describe(installation_, *draft_, step);
  if (const auto found = draft_->findings.find(id); found != draft_->findings.end()) {
    step.findings.insert(step.findings.end(), found->second.begin(), found->second.end());
  }
  return step;
}

std::vector<Field> StepMachine::new_item(std::string_view id, std::string_view kind) const {
  static_cast<void>(page_of(draft_->mode, id));
  ConnectorDraft empty{.name = {}, .kind = std::string(kind), .settings = {}, .secrets = {}};
  std::vector<Field> fields = connector_fields(installation_, empty, id);
  for (Field& field : fields) {
    if (!asks_own_directory(*draft_, id, kind) || field.id != "url" || own_directory().empty()) continue;
    field.standard = own_directory().front();
    field.required = false;
  }
  return fields;
}

const std::vector<std::string>& StepMachine::own_directory() const {
  if (!draft_->own_directory) draft_->own_directory = discover_();
  return *draft_->own_directory;
}

void StepMachine::forget_from(std::string_view id) {
  bool found = false;
  for (const Page& page : pages_of(draft_->mode)) {
    found = found || page.id == id;
    if (!found) continue;
    if (const auto passed = draft_->passed.find(page.id); passed != draft_->passed.end()) draft_->passed.erase(passed);
  }
}

Problems StepMachine::answer(std::string_view id, const Values& values) {
  const Page& page = page_of(draft_->mode, id);
  Problems problems;
  const PageContext context{installation_, *draft_, page.id, problems};
  std::vector<std::string> known = ids_of(step(id).fields);
  if (id == k_options.id) known.emplace_back("staging");  // not asked after adoption, and refused with a reason
  refuse_unknown(context, known, values, {});
  page.answer(context, values);
  forget_from(id);
  return problems;
}

Problems StepMachine::answer_item(std::string_view id, std::string_view name, std::string_view kind,
                                  const Values& values, connector::Secrets secrets) {
  const Page& page = page_of(draft_->mode, id);
  Problems problems;
  const PageContext context{installation_, *draft_, page.id, problems};
  ConnectorDraft* item = takes_items(id) ? item_for(context, name, kind) : nullptr;
  if (item == nullptr) return problems;
  std::vector<std::string> settings;
  std::vector<std::string> secret_names;
  for (const Field& field : connector_fields(installation_, *item, id)) {
    (field.kind == FieldKind::secret ? secret_names : settings).push_back(field.id);
  }
  refuse_unknown(context, settings, values, name);
  for (const auto& [setting, given] : values) {
    if (std::find(settings.begin(), settings.end(), setting) == settings.end()) continue;
    if (item->stored) item->changes[setting] = given;
    if (given.empty()) {
      item->settings.erase(setting);
    } else {
      item->settings[setting] = given;
    }
  }
  for (auto& [secret, value] : secrets) {
    if (std::find(secret_names.begin(), secret_names.end(), secret) != secret_names.end()) {
      item->secrets.insert_or_assign(secret, std::move(value));
    } else {
      context.refuse(secret,
                     Error(Fault::invalid, "setup.no_credential",
                           fmt::format("a connector of kind {} has no credential {}", item->kind, secret)),
                     name);
    }
  }
  if (asks_own_directory(*draft_, id, item->kind) && !item->settings.contains("url") && !own_directory().empty()) {
    item->settings["url"] = own_directory();
  }
  item->works = false;
  item->findings.clear();
  forget_from(id);
  return problems;
}

void StepMachine::remove_item(std::string_view id, std::string_view name) {
  static_cast<void>(page_of(draft_->mode, id));
  auto& some = connectors_of(*draft_, id);
  const ConnectorDraft* item = takes_items(id) ? find(some, name) : nullptr;
  if (item == nullptr) {
    throw Error(Fault::not_found, "setup.no_item", fmt::format("there is no {} here", printable(name, 80)));
  }
  if (item->stored) {
    throw Error(Fault::conflict, "setup.item_fixed", fmt::format("{} belongs to the database", name),
                "Take the database over first; `linkspan connector remove` removes a connector afterwards.");
  }
  some.erase(some.begin() + (item - some.data()));
  forget_from(id);
}

Problems StepMachine::check(std::string_view id) {
  const Page& page = page_of(draft_->mode, id);
  Problems problems;
  forget_from(id);
  draft_->findings.erase(std::string(id));
  page.check({installation_, *draft_, page.id, problems});
  if (problems.empty()) draft_->passed.emplace(id);
  return problems;
}

bool StepMachine::waits(std::string_view id) const {
  return (id == k_containers.id || id == k_identify.id) && !draft_->passed.contains(k_directories.id);
}

Problems StepMachine::check_all() {
  Problems all;
  for (const Page& page : pages_of(draft_->mode)) {
    if (waits(page.id)) continue;
    Problems some = check(page.id);
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

Plan StepMachine::plan() const {
  for (const StepOutline& step : rail()) {
    if (step.state == StepState::passed) continue;
    throw Error(Fault::conflict, "setup.not_ready", fmt::format("the step {} is not passed yet", step.title),
                "Answer it first; nothing was changed.");
  }
  return make_plan(installation_, *draft_);
}

}  // namespace linkspan::setup
