#pragma once
// All that was answered so far, and what was found with it.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "setup/credentials.h"
#include "setup/installation.h"
#include "setup/plan.h"
#include "setup/rule_base.h"
#include "setup/step.h"

namespace linkspan::setup {

struct ConnectorDraft {
  std::string name;
  std::string kind;
  connector::Settings settings;           ///< all of them; of a stored one those in the database, changes applied
  connector::Secrets secrets;             ///< as entered now
  bool stored = false;                    ///< it is in the adopted database
  connector::Settings changes{};          ///< of a stored one: what differs from the database
  std::vector<Credential> credentials{};  ///< of a stored one: those the database holds, or should
  std::vector<Finding> findings{};
  bool works = false;
};

/// What lives at the database URL.
enum class Place : unsigned char {
  unknown,     ///< not looked at yet
  nothing,     ///< nothing, or an empty database: it is made
  unfinished,  ///< a setup that did not come to its end
  linkspan,    ///< a Linkspan database
};

struct Draft {
  bool only_plan = false;
  std::function<void(const connector::SignInPrompt&)> show_sign_in;  ///< empty: nobody is there to be shown anything
  std::stop_token stop;
  std::vector<std::string> made_elsewhere;  ///< in directories; no page takes that back
  bool licence = false;
  Mode mode = Mode::custom;
  ServerFile file;
  Place place = Place::unknown;
  std::unique_ptr<Installation> found;                    ///< the adopted database, read only
  std::optional<std::vector<std::string>> own_directory;  ///< as DNS tells, once asked
  std::vector<ConnectorDraft> directories;
  std::vector<ConnectorDraft> targets;
  std::string anchor;
  std::string matching;
  std::string rules_folder;  ///< empty: the default rules
  RuleFiles rules;
  bool staging = false;
  bool start = true;
  std::string interval;  ///< empty: 30 minutes, or what the adopted database says
  std::set<std::string, std::less<>> passed;
  std::map<std::string, std::vector<Finding>, std::less<>> findings;  ///< by step
};

inline constexpr std::string_view k_standard_anchor = "entryUUID";
inline constexpr std::string_view k_standard_interval = "30m";

/// What all pages are given.
struct PageContext {
  Installation& installation;
  Draft& draft;
  std::string_view step;
  Problems& problems;

  void refuse(std::string_view field, const Error& error, std::string_view item = {}) const {
    problems.push_back({std::string(step), std::string(item), std::string(field), error.fault(),
                        std::string(error.id()), error.what(), error.hint()});
  }
};

/// One page: how it looks, how it takes answers, how it is tried.
struct Page {
  std::string_view id;
  std::string_view title;
  void (*describe)(const Installation&, const Draft&, Step&);
  void (*answer)(const PageContext&, const Values&);
  void (*check)(const PageContext&);
};

void describe_welcome(const Installation&, const Draft&, Step&);
void answer_welcome(const PageContext&, const Values&);
void check_welcome(const PageContext&);
void describe_mode(const Installation&, const Draft&, Step&);
void answer_mode(const PageContext&, const Values&);
void describe_database(const Installation&, const Draft&, Step&);
void answer_database(const PageContext&, const Values&);
void check_database(const PageContext&);
void describe_directories(const Installation&, const Draft&, Step&);
void describe_target(const Installation&, const Draft&, Step&);
void check_connectors(const PageContext&);
void describe_containers(const Installation&, const Draft&, Step&);
void check_containers(const PageContext&);
void describe_identify(const Installation&, const Draft&, Step&);
void answer_identify(const PageContext&, const Values&);
void check_identify(const PageContext&);
void describe_rules(const Installation&, const Draft&, Step&);
void answer_rules(const PageContext&, const Values&);
void check_rules_page(const PageContext&);
void describe_options(const Installation&, const Draft&, Step&);
void answer_options(const PageContext&, const Values&);
void describe_review(const Installation&, const Draft&, Step&);
void answer_nothing(const PageContext&, const Values&);
void check_nothing(const PageContext&);

/// The connectors a page is about: "directories", "containers" or "target".
[[nodiscard]] std::vector<ConnectorDraft>& connectors_of(Draft& draft, std::string_view step);
[[nodiscard]] const std::vector<ConnectorDraft>& connectors_of(const Draft& draft, std::string_view step);

/// The fields of one connector on that page.
[[nodiscard]] std::vector<Field> connector_fields(const Installation& installation, const ConnectorDraft& draft,
                                                  std::string_view step);
/// Whether the kind's setting is asked on the page "containers" rather than on the connector's own.
[[nodiscard]] bool is_scope_setting(std::string_view name);

/// Fills draft.directories and draft.targets from the database that was found.
void load_found_connectors(Draft& draft);

/// The rules that are installed: the defaults for every pair of directory and target, or those of the folder, with
/// anchor and matching put in.
[[nodiscard]] RuleFiles chosen_rules(const Installation& installation, const Draft& draft);

[[nodiscard]] Plan make_plan(const Installation& installation, const Draft& draft);

/// The first value, or "".
[[nodiscard]] const std::string& first_of(const Values& values, std::string_view field);
/// "true", "yes", "on", "1" and their opposites; refused otherwise.
[[nodiscard]] std::optional<bool> flag_of(const PageContext& context, const Values& values, std::string_view field);

}  // namespace linkspan::setup
