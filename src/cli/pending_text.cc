#include "cli/pending_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/text.h"
#include "model/value.h"

namespace linkspan::cli {
namespace {

constexpr std::size_t k_longest_value = 300;
constexpr std::size_t k_longest_line = std::size_t{64} << 20U;

std::vector<std::string> texts(const model::Values& values) {
  std::vector<std::string> out;
  for (const model::Value& value : values) out.push_back(model::to_text(value));
  return out;
}

/// Values of `from` that `other` lacks.
std::vector<std::string> without(const model::Values& from, const model::Values& other) {
  std::vector<std::string> out;
  for (const model::Value& value : from) {
    if (std::find(other.begin(), other.end(), value) == other.end()) out.push_back(model::to_text(value));
  }
  return out;
}

std::string target_of(const model::ReferenceChange& reference) {
  return reference.target_dn.empty() ? reference.target : reference.target_dn;
}

std::string name_of_object(const sync::PendingExport& pending) {
  if (!pending.name.empty()) return pending.name;
  if (!pending.correlation.empty()) return pending.correlation;
  // An add to a directory that names its objects itself: the first thing people would call it by.
  for (const std::string_view wanted : {"userName", "displayName", "cn", "mail"}) {
    for (const model::AttributeChange& change : pending.change.attributes) {
      if (change.name == wanted && !change.after.empty()) return model::to_text(change.after.front());
    }
  }
  return pending.change.anchor;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char one : text) {
    out += one;
    if (one == '"') out += '"';
  }
  return out + '"';
}

Json references_json(const std::vector<model::ReferenceChange>& references) {
  Json list = Json::list();
  for (const model::ReferenceChange& one : references) {
    list.push(Json::object({{"attribute", one.attribute},
                            {"change", one.add ? "add" : "remove"},
                            {"target", one.target.empty() ? Json() : Json(one.target)},
                            {"name", one.target_dn}}));
  }
  return list;
}

/// What of a saved line says what would be sent, apart from ids that differ between servers.
std::string essence(const Json& json) {
  Json out = Json::object();
  for (const std::string_view name : {"operation", "type", "new_name", "attributes", "references"}) {
    if (const Json* part = json.find(name)) out.set(name, *part);
  }
  return out.dump();
}

}  // namespace

std::string change_key(const std::string& connector, const sync::PendingExport& pending) {
  const std::string& own = !pending.correlation.empty()     ? pending.correlation
                           : !pending.change.anchor.empty() ? pending.change.anchor
                                                            : pending.name;
  return connector + '\t' + own;
}

Json to_json(const std::string& connector, const sync::PendingExport& pending) {
  const model::Export& change = pending.change;
  Json attributes = Json::list();
  for (const model::AttributeChange& one : change.attributes) {
    attributes.push(Json::object({{"name", one.name}, {"before", texts(one.before)}, {"after", texts(one.after)}}));
  }
  return Json::object({{"key", change_key(connector, pending)},
                       {"connector", connector},
                       {"operation", model::name_of(change.operation)},
                       {"type", change.object_type},
                       {"name", name_of_object(pending)},
                       {"anchor", change.anchor.empty() ? Json() : Json(change.anchor)},
                       {"correlation", pending.correlation.empty() ? Json() : Json(pending.correlation)},
                       {"new_name", change.new_dn.empty() ? Json() : Json(change.new_dn)},
                       {"attributes", std::move(attributes)},
                       {"references", references_json(change.references)},
                       {"withheld", references_json(pending.withheld)}});
}

Json to_json(const run::Review& review) {
  const sync::ChangeCounts& counts = review.changes.counts;
  return Json::object(
      {{"connector", review.connector},
       {"objects", review.objects},
       {"adds", counts.adds},
       {"updates", counts.updates},
       {"renames", counts.renames},
       {"deletes", counts.deletes},
       {"disablements", counts.disablements},
       {"membership_additions", counts.membership_additions},
       {"membership_removals", counts.membership_removals},
       {"cleared_attributes", counts.cleared_attributes},
       {"fingerprint", review.changes.fingerprint.empty() ? Json() : Json(review.changes.fingerprint)},
       {"guard", Json::object({{"blocked", review.verdict.blocked}, {"reasons", review.verdict.reasons}})},
       {"unsure", review.unsure.empty() ? Json() : Json(review.unsure)}});
}

std::string to_text(const sync::PendingExport& pending) {
  const model::Export& change = pending.change;
  std::string out = fmt::format("{} {} {}", model::name_of(change.operation), printable(change.object_type),
                                printable(name_of_object(pending)));
  if (!change.new_dn.empty()) out += fmt::format(" -> {}", printable(change.new_dn));
  out += '\n';
  std::size_t width = 0;
  for (const auto& one : change.attributes) width = std::max(width, code_points(one.name));
  const auto line = [&](std::string_view attribute, std::string_view sign, std::string_view value) {
    const std::string blanks(width > code_points(attribute) ? width - code_points(attribute) : 0, ' ');
    out += fmt::format("    {}{}  {} {}\n", attribute, blanks, sign, printable(value, k_longest_value));
  };
  for (const model::AttributeChange& one : change.attributes) {
    for (const std::string& value : without(one.before, one.after)) line(one.name, "-", value);
    for (const std::string& value : without(one.after, one.before)) line(one.name, "+", value);
  }
  for (const model::ReferenceChange& one : change.references) line(one.attribute, one.add ? "+" : "-", target_of(one));
  for (const model::ReferenceChange& one : pending.withheld) {
    line(one.attribute, "(later)", target_of(one).empty() ? "an object that is not there yet" : target_of(one));
  }
  return out;
}

std::string csv_header() { return "connector,operation,type,name,anchor,attribute,old,new\r\n"; }

std::string to_csv(const std::string& connector, const sync::PendingExport& pending) {
  const model::Export& change = pending.change;
  const std::string head =
      fmt::format("{},{},{},{},{}", csv_field(connector), model::name_of(change.operation),
                  csv_field(change.object_type), csv_field(name_of_object(pending)), csv_field(change.anchor));
  std::string out;
  const auto row = [&](std::string_view attribute, std::string_view old_value, std::string_view new_value) {
    out += fmt::format("{},{},{},{}\r\n", head, csv_field(attribute), csv_field(old_value), csv_field(new_value));
  };
  for (const model::AttributeChange& one : change.attributes) {
    const auto before = without(one.before, one.after);
    const auto after = without(one.after, one.before);
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
      row(one.name, i < before.size() ? before[i] : "", i < after.size() ? after[i] : "");
    }
  }
  for (const model::ReferenceChange& one : change.references) {
    row(one.attribute, one.add ? "" : target_of(one), one.add ? target_of(one) : "");
  }
  if (out.empty()) row("", "", change.new_dn);
  return out;
}

void print_summary(Output& out, const run::Review& review) {
  const sync::ChangeCounts& counts = review.changes.counts;
  out.line(fmt::format("{}: {} adds, {} updates, {} renames, {} deletes ({} objects there now)", review.connector,
                       with_commas(counts.adds), with_commas(counts.updates), with_commas(counts.renames),
                       with_commas(counts.deletes), with_commas(review.objects)));
  out.line(fmt::format("  among them {} disablements, {} cleared attributes; {} memberships added, {} removed",
                       with_commas(counts.disablements), with_commas(counts.cleared_attributes),
                       with_commas(counts.membership_additions), with_commas(counts.membership_removals)));
  if (!review.changes.fingerprint.empty()) out.line("  fingerprint  " + review.changes.fingerprint);
  if (!review.unsure.empty()) {
    out.line("  no fingerprint: the connector cannot be opened: " + printable(review.unsure, 400));
  }
  if (review.verdict.blocked) {
    for (const std::string& reason : review.verdict.reasons) out.line("  guard        would block: " + reason);
  } else {
    out.line("  guard        would let it pass");
  }
}

SavedChanges SavedChanges::load(const std::string& path) {
  SavedChanges out;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    throw Error(Fault::not_found, "cli.change_set_file", fmt::format("cannot read {}", path),
                "Name a file written by `linkspan pending --save`.");
  }
  std::string line;
  for (std::size_t number = 1; std::getline(stream, line); ++number) {
    if (line.size() > k_longest_line) line.clear();
    const Json json = line.empty() ? Json() : Json::parse(line);
    const Json* key = json.find("key");
    if (key == nullptr) {
      throw Error(Fault::invalid, "cli.change_set_file", fmt::format("{}:{}: this is no saved change", path, number),
                  "Name a file written by `linkspan pending --save`.");
    }
    out.lines_[std::string(key->text())] = essence(json);
  }
  return out;
}

std::string_view SavedChanges::take(const std::string& key, const Json& here) {
  const auto found = lines_.find(key);
  if (found == lines_.end()) return "only here";
  const bool same = found->second == essence(here);
  lines_.erase(found);
  return same ? "" : "differs";
}

}  // namespace linkspan::cli
