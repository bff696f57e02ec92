// A foreign configuration as a whole: which file is what, what belongs together, and the account of all of it.

#include "rules/foreign.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "base/text.h"
#include "rules/internal/foreign_parts.h"

namespace linkspan::rules {
namespace {

constexpr std::size_t k_most_rules = 10'000;
constexpr std::size_t k_longest_rule_name = 400;
constexpr std::size_t k_longest_connector_name = 64;

class Import {
 public:
  explicit Import(std::string_view cloud_kind) : cloud_kind_(cloud_kind) {}

  ForeignConfiguration run(std::span<const ForeignFile> files) {
    trees_.reserve(files.size());  // rules point into them
    for (const ForeignFile& file : files) parse(file);
    for (Tree& tree : trees_) read(tree);
    std::ranges::stable_sort(out_.connectors, {}, [](const ForeignConnector& one) { return one.cloud; });
    name_connectors();
    finish_rules();
    account();
    return std::move(out_);
  }

 private:
  struct Tree {
    std::string file;
    ForeignElement root;
    std::string holds{};
    std::string subject{};  ///< "rule", "connector", "server", "settings file"; empty: none
    std::string name{};
  };

  void parse(const ForeignFile& file) {
    const bool json = to_lower(file.path).ends_with(".json");
    trees_.push_back(
        {file.path, json ? parse_foreign_json(file.bytes, file.path) : parse_foreign_xml(file.bytes, file.path)});
  }

  void read(Tree& tree) {
    const std::string& name = tree.root.name();
    if (name == "synchronizationRule") {
      tree.subject = "rule";
      tree.name = tree.root.text("name");
      tree.holds = fmt::format("synchronization rule \"{}\"", tree.name);
      if (raw_.size() == k_most_rules) return tree.root.put(Verdict::not_understood, "more than 10,000 rules");
      if (auto rule = read_xml_rule(tree.root)) raw_.push_back(std::move(*rule));
    } else if (name == "ma-data") {
      tree.subject = "connector";
      out_.connectors.push_back(read_connector(tree.root, cloud_kind_));
      tree.name = out_.connectors.back().name;
      tree.holds = fmt::format("connector \"{}\"", tree.name);
    } else if (name == "saved-mv-configuration") {
      tree.subject = "server";
      tree.name = tree.root.attribute("server").value_or("");
      read_metaverse(tree.root, out_);
      tree.holds = "metaverse schema and settings of the server";
    } else if (name == "policy") {
      tree.subject = "settings file";
      tree.holds = "settings file";
      tree.name = tree.file;
      read_policy(tree.root, cloud_kind_, out_, raw_);
      if (raw_.size() > k_most_rules) raw_.resize(k_most_rules);
    } else if (name.starts_with("PersistedState")) {
      tree.holds = "choices of the setup program";
      tree.root.dismiss("the setup program's memory of its pages; what follows from them is in the other files");
    } else {
      tree.holds = "nothing that is known here";
    }
  }

  /// Names that a connector of ours may have, each once.
  void name_connectors() {
    std::map<std::string, int> taken;
    for (ForeignConnector& one : out_.connectors) {
      std::string name;
      for (const char c : one.name) {
        const bool bad = static_cast<unsigned char>(c) < 0x20 || c == '/' || c == '"' || c == '\\' || c == 0x7F;
        name += bad ? '-' : c;
      }
      while (name.size() > k_longest_connector_name - 4 || !is_utf8(name)) name.pop_back();
      name = trim(name);
      if (name.empty()) name = "connector";
      const int twins = taken[fold_key(name)]++;
      one.name = twins == 0 ? name : fmt::format("{} {}", name, twins + 1);
    }
  }

  // --- rules ---

  void finish_rules() {
    settle_precedence(raw_);
    std::map<std::string, const ForeignConnector*> by_id;
    for (const ForeignConnector& one : out_.connectors) by_id.emplace(one.id, &one);
    for (RawRule& raw : raw_) {
      const auto found = by_id.find(raw.connector);
      const ForeignConnector* connector = found == by_id.end() ? nullptr : found->second;
      bind(raw, connector);
      check_names(raw, connector);
      if (raw.rule.direction == Direction::inbound) {
        type_constants(raw.rule, out_.metaverse);
      } else if (connector != nullptr) {
        type_constants(raw.rule, connector->schema);
      }
    }
    unique_names();
    for (RawRule& raw : raw_) out_.rules.push_back({std::move(raw.rule), raw.id, raw.tag});
  }

  static void bind(RawRule& raw, const ForeignConnector* connector) {
    raw.rule.connector =
        connector != nullptr ? connector->name : fmt::format("connector {}", raw.connector.substr(0, 40));
    if (connector == nullptr) {
      raw.root->remark("connector",
                       "its connector is not in the export: the rule is kept and never asked until there "
                       "is one of that name");
    }
    if (connector != nullptr && connector->cloud && connector->kind == "scim") {
      raw.root->remark("connector",
                       "its attributes have the cloud directory's names; a SCIM service wants its own (userName, "
                       "name.givenName, …): change the targets of the flows");
    }
    if (raw.rule.target == "*") {
      raw.root->remark("targetObjectType", "joins objects of any type; it creates none");
    }
  }

  /// What a rule reads, against what the connector imports and what the schemas know.
  void check_names(RawRule& raw, const ForeignConnector* connector) const {
    const bool inbound = raw.rule.direction == Direction::inbound;
    const ForeignSchema* schema = inbound ? (connector == nullptr ? nullptr : &connector->schema) : &out_.metaverse;
    if (schema == nullptr || schema->empty()) return;
    const std::vector<std::string>* selected = nullptr;
    if (inbound && !connector->cloud) {
      const auto found = connector->settings.find("attributes");
      if (found != connector->settings.end()) selected = &found->second;
    }
    for (auto& [attribute, element] : raw.sources) {
      if (!schema->contains(attribute)) {
        element->remark(fmt::format("{} is in no schema of the export: it will be empty", printable(attribute, 80)));
      } else if (selected != nullptr && std::ranges::find(*selected, attribute) == selected->end()) {
        element->remark(fmt::format("{} is not among the attributes that were imported: it will be empty",
                                    printable(attribute, 80)));
      }
    }
  }

  /// Names of rules are unique here, case ignored; two forests have rules of the same names.
  void unique_names() {
    std::map<std::string, int> taken;
    for (RawRule& raw : raw_) {
      std::string name = raw.rule.name;
      const auto shorten = [&](std::size_t most) {
        while (name.size() > most || !is_utf8(name)) name.pop_back();
      };
      shorten(k_longest_rule_name);
      if (taken.contains(fold_key(name))) {
        shorten(k_longest_rule_name - k_longest_connector_name - 16);
        name += fmt::format(" ({})", raw.rule.connector);
      }
      const std::string base = name;
      for (int number = 2; taken.contains(fold_key(name)); ++number) name = fmt::format("{} {}", base, number);
      ++taken[fold_key(name)];
      if (name != raw.rule.name && raw.name != nullptr) {
        raw.name->remark(fmt::format("called \"{}\" here: names of rules are unique", printable(name, 120)));
      }
      raw.rule.name = std::move(name);
    }
  }

  // --- the account ---

  void account() {
    using Key = std::tuple<Verdict, std::string, std::string>;
    std::map<Key, ForeignEntry> entries;
    for (const Tree& tree : trees_) {
      ForeignCount count{tree.file, tree.holds.empty() ? "nothing that is known here" : tree.holds, {}};
      ForeignSubject subject{tree.subject, tree.name, Verdict::taken, {}};
      tree.root.audit("", [&](const std::string& path, Verdict verdict, const std::string& reason) {
        ++count.counts[static_cast<std::size_t>(verdict)];
        ForeignEntry& entry = entries[{verdict, path, reason}];
        ++entry.count;
        if (entry.where.size() < 5 && (entry.where.empty() || entry.where.back() != tree.file))
          entry.where.push_back(tree.file);
        if (verdict == Verdict::remarked || verdict == Verdict::not_understood) tell(subject, path, verdict, reason);
      });
      out_.report.files.push_back(std::move(count));
      if (!subject.what.empty()) out_.report.subjects.push_back(std::move(subject));
    }
    for (auto& [key, entry] : entries) {
      entry.verdict = std::get<0>(key);
      entry.path = std::get<1>(key);
      entry.reason = std::get<2>(key);
      out_.report.entries.push_back(std::move(entry));
    }
    // What needs a look comes first.
    const auto rank = [](const ForeignEntry& one) {
      constexpr std::array<int, k_verdicts> k_rank{3, 1, 2, 0};
      return k_rank[static_cast<std::size_t>(one.verdict)];
    };
    std::ranges::stable_sort(out_.report.entries, {}, rank);
  }

  static void tell(ForeignSubject& subject, const std::string& path, Verdict verdict, const std::string& reason) {
    constexpr std::size_t k_most_remarks = 200;
    if (verdict == Verdict::not_understood) subject.verdict = verdict;
    if (subject.verdict == Verdict::taken) subject.verdict = Verdict::remarked;
    std::string text = verdict == Verdict::not_understood
                           ? fmt::format("{} is not understood{}{}", path, reason.empty() ? "" : ": ", reason)
                           : reason;
    if (subject.remarks.size() < k_most_remarks && std::ranges::find(subject.remarks, text) == subject.remarks.end())
      subject.remarks.push_back(std::move(text));
  }

  std::string_view cloud_kind_;
  std::vector<Tree> trees_;
  std::vector<RawRule> raw_;
  ForeignConfiguration out_;
};

}  // namespace

std::string_view text_of(Verdict verdict) noexcept {
  constexpr std::array<std::string_view, k_verdicts> k_texts{"taken over", "taken over with a remark", "not applicable",
                                                             "not understood"};
  return k_texts[static_cast<std::size_t>(verdict)];
}

std::size_t ForeignCount::total() const { return std::accumulate(counts.begin(), counts.end(), std::size_t{0}); }

std::array<std::size_t, k_verdicts> ForeignReport::counts() const {
  std::array<std::size_t, k_verdicts> sum{};
  for (const ForeignCount& file : files) {
    for (std::size_t i = 0; i < k_verdicts; ++i) sum[i] += file.counts[i];
  }
  return sum;
}

ForeignConfiguration read_foreign(std::span<const ForeignFile> files, std::string_view cloud_kind) {
  return Import(cloud_kind).run(files);
}

std::string print_report(const ForeignReport& report) {
  std::string out = "What became of the configuration export\n\n";
  for (const ForeignSubject& one : report.subjects) {
    out += fmt::format("{} {}: {}\n", one.what, printable(one.name, 120), text_of(one.verdict));
    for (const std::string& remark : one.remarks) out += "    " + printable(remark, 600) + "\n";
  }
  out += "\nEvery element and attribute of every file\n";
  for (const ForeignCount& file : report.files) {
    out += fmt::format("\n{}\n    {}: {} in all", printable(file.file), printable(file.holds, 160), file.total());
    for (std::size_t i = 0; i < k_verdicts; ++i) {
      if (file.counts[i] != 0) out += fmt::format(", {} {}", file.counts[i], text_of(static_cast<Verdict>(i)));
    }
    out += "\n";
  }
  Verdict last = Verdict::taken;
  bool first = true;
  for (const ForeignEntry& entry : report.entries) {
    if (first || entry.verdict != last) out += fmt::format("\n{}\n", text_of(entry.verdict));
    first = false;
    last = entry.verdict;
    out += fmt::format("{:>8}  {}{}{}\n", entry.count, printable(entry.path, 300), entry.reason.empty() ? "" : ": ",
                       printable(entry.reason, 600));
  }
  return out;
}

}  // namespace linkspan::rules
