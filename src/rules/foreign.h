#pragma once
// Rules and settings of Microsoft's sync engine (Entra Connect, Azure AD Connect) as ours: its configuration export, a
// folder of XML files, and the settings JSON of newer servers. Pure: files come as bytes, nothing is written.

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/schema.h"
#include "rules/rule.h"

namespace linkspan::rules {

/// What became of one element, attribute or member of a file.
enum class Verdict : std::uint8_t { taken, remarked, not_applicable, not_understood };
inline constexpr std::size_t k_verdicts = 4;
/// "taken over", "taken over with a remark", …
[[nodiscard]] std::string_view text_of(Verdict verdict) noexcept;

struct ForeignFile {
  std::string path;  ///< as the report names it, relative to the folder
  std::string bytes;
};

/// Everything of one path ("ma-data/name", "ma-data/schema/…/class@id") that met the same fate for the same reason.
struct ForeignEntry {
  Verdict verdict = Verdict::taken;
  std::string path;
  std::string reason;              ///< the remark, or why; empty when simply taken over
  std::size_t count = 0;           ///< elements and attributes
  std::vector<std::string> where;  ///< the files, at most five
};

/// One file, with all of its elements and attributes accounted for.
struct ForeignCount {
  std::string file;
  std::string holds;  ///< "synchronization rule \"In from AD - User Join\""
  std::array<std::size_t, k_verdicts> counts{};
  [[nodiscard]] std::size_t total() const;
};

/// A rule or a connector, as a person asks for it.
struct ForeignSubject {
  std::string what;  ///< "rule", "connector", "server" (its settings and metaverse schema), "settings file", "file"
  std::string name;
  Verdict verdict = Verdict::taken;
  std::vector<std::string> remarks;
};

struct ForeignReport {
  std::vector<ForeignSubject> subjects;
  std::vector<ForeignCount> files;
  std::vector<ForeignEntry> entries;  ///< not understood first, then remarks, then what does not apply, then the rest
  [[nodiscard]] std::array<std::size_t, k_verdicts> counts() const;
};

using ForeignSchema = std::map<std::string, model::SchemaAttribute, std::less<>>;

struct ForeignConnector {
  std::string id;        ///< GUID, lower case, without braces
  std::string name;      ///< fit for a connector of ours, unique
  std::string kind;      ///< "ad", "ldap", the cloud's; empty: there is none of ours
  bool cloud = false;    ///< the connector of the engine's own cloud directory
  std::string category;  ///< in the engine's words
  std::map<std::string, std::vector<std::string>, std::less<>> settings;
  ForeignSchema schema;
};

struct ForeignRule {
  Rule rule;
  std::string id;   ///< GUID
  std::string tag;  ///< the engine's mark of a rule that came with it; empty for rules of its administrators
};

struct ForeignConfiguration {
  std::vector<ForeignConnector> connectors;
  std::vector<ForeignRule> rules;                             ///< by precedence
  std::vector<std::pair<std::string, std::string>> settings;  ///< the engine's, as ours
  ForeignSchema metaverse;
  ForeignReport report;
};

/// Reads all files of an export. `cloud_kind` is the kind that the engine's cloud connector becomes. Never throws for
/// what the files say, but for what no export is: Fault::invalid "rules.foreign_xml", "rules.foreign_json" (broken, too
/// deep, too many elements, a document type), "rules.foreign_too_large" (a file beyond 32 MiB).
[[nodiscard]] ForeignConfiguration read_foreign(std::span<const ForeignFile> files, std::string_view cloud_kind);

/// The report for people, with every path: what import-report.txt holds.
[[nodiscard]] std::string print_report(const ForeignReport& report);

}  // namespace linkspan::rules
