#include "setup/foreign_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "setup/server_file.h"

namespace linkspan::setup {
namespace {

namespace fs = std::filesystem;

constexpr int k_deepest_folder = 3;
constexpr std::size_t k_most_files = 10'000;
constexpr std::size_t k_largest_file = std::size_t{32} << 20U;
constexpr std::size_t k_largest_export = std::size_t{256} << 20U;
constexpr std::string_view k_manifest = ".linkspan-import";
constexpr std::string_view k_report = "import-report.txt";

bool is_readable_kind(const fs::path& path) {
  const std::string extension = to_lower(path.extension().string());
  return extension == ".xml" || extension == ".json";
}

/// Every file of the folder, sorted; links are left out.
std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> found;
  for (auto at = fs::recursive_directory_iterator(folder); at != fs::recursive_directory_iterator(); ++at) {
    if (at.depth() == k_deepest_folder) at.disable_recursion_pending();
    if (fs::is_regular_file(at->symlink_status())) found.push_back(at->path());
    if (found.size() > k_most_files) {
      throw Error(Fault::invalid, "setup.foreign_too_large",
                  fmt::format("{} holds more than {} files", printable(folder.string()), k_most_files),
                  "Name the folder of one configuration export.");
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// A part of a file's name, of letters that every system takes.
std::string slug(std::string_view name) {
  std::string out;
  for (const char c : to_lower(name)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (good) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (out.ends_with('-') || out.ends_with('.')) out.pop_back();
  out.erase(0, out.find_first_not_of(".-"));
  return out.empty() ? "connector" : out;
}

std::string hash_of(std::string_view text) { return to_hex(hash128(text)); }

/// What an earlier import wrote: names and hashes.
std::map<std::string, std::string> manifest_of(const fs::path& folder) {
  std::map<std::string, std::string> out;
  const fs::path path = folder / k_manifest;
  std::error_code ignored;
  if (!fs::is_regular_file(fs::symlink_status(path, ignored))) return out;
  const std::string text = read_file(path, std::size_t{4} << 20U);
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string_view::npos) out.emplace(line.substr(blank + 1), line.substr(0, blank));
  }
  return out;
}

/// Throws unless everything in `folder` was written by an earlier import.
void check_folder(const fs::path& folder, const std::map<std::string, std::string>& known) {
  const auto refuse = [&](const std::string& what) {
    throw Error(Fault::conflict, "setup.foreign_out", fmt::format("{} {}", printable(folder.string()), what),
                "Name another folder, or move away what is there: nothing was written.");
  };
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(folder, ignored))) return;
  if (!fs::is_directory(folder)) refuse("is no folder");
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == k_manifest) continue;
    const auto found = known.find(name);
    if (found == known.end() || !fs::is_regular_file(entry.symlink_status()))
      refuse(fmt::format("holds {}, which no import wrote", printable(name)));
    if (hash_of(read_file(entry.path())) != found->second)
      refuse(fmt::format("holds {}, which was changed since it was imported", printable(name)));
  }
}

std::string rule_text(const rules::ForeignRule& one) {
  std::string comment;
  if (!one.id.empty()) comment += " {" + printable(one.id, 60) + "}";
  if (!one.tag.empty()) comment += " " + printable(one.tag, 120);
  return (comment.empty() ? "" : "#" + comment + "\n") + rules::print_rule(one.rule);
}

class Maker {
 public:
  Maker(rules::ForeignConfiguration& foreign, ForeignImport& out) : foreign_(foreign), out_(out) {}

  void make() {
    for (const rules::ForeignConnector& one : foreign_.connectors) {
      out_.has_cloud = out_.has_cloud || one.cloud;
      if (!one.kind.empty()) out_.configuration.connectors.push_back({one.name, one.kind, one.settings, {}});
    }
    out_.configuration.settings = foreign_.settings;
    std::sort(out_.configuration.settings.begin(), out_.configuration.settings.end());
    out_.files.push_back({std::string(k_settings_file), print_configuration(out_.configuration)});
    rule_files();
    out_.report = std::move(foreign_.report);
    out_.files.push_back({std::string(k_report), rules::print_report(out_.report)});
  }

 private:
  void rule_files() {
    std::map<std::pair<std::string, rules::Direction>, std::string> texts;
    for (const rules::ForeignRule& one : foreign_.rules) {
      std::string& text = texts[{one.rule.connector, one.rule.direction}];
      text += "\n" + rule_text(one);
    }
    std::set<std::string> taken;
    for (const auto& [key, text] : texts) {
      const auto& [connector, direction] = key;
      const std::string_view way = direction == rules::Direction::inbound ? "inbound" : "outbound";
      std::string name = fmt::format("{}-{}.toml", slug(connector), way);
      for (int number = 2; !taken.insert(name).second; ++number)
        name = fmt::format("{}-{}-{}.toml", slug(connector), number, way);
      out_.files.push_back({name, fmt::format("# Rules {} {}, from a configuration export. By precedence: the lower "
                                              "number wins.\n{}",
                                              direction == rules::Direction::inbound ? "in from" : "out to",
                                              printable(connector), text)});
    }
  }

  rules::ForeignConfiguration& foreign_;
  ForeignImport& out_;
};

/// Reads the rule files again as they will be read from disk, so that problems carry their lines.
void check_files(ForeignImport& import) {
  for (const NamedText& file : import.files) {
    if (file.name == k_settings_file || file.name == k_report) continue;
    auto read = rules::parse_rules(file.text, file.name, import.rules.problems);
    std::move(read.begin(), read.end(), std::back_inserter(import.rules.rules));
  }
  for (const ConnectorText& one : import.configuration.connectors)
    import.rules.connectors.emplace_back(one.name, one.kind);
  check_rules_alone(import.rules);
  for (const NamedText& file : import.files) rules::attach_source(import.rules.problems, file.name, file.text);
}

}  // namespace

bool is_foreign(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return is_readable_kind(path);
  bool foreign = false;
  for (const fs::path& file : files_below(path)) {
    if (file.extension() == ".toml" && file.parent_path() == path) return false;
    foreign = foreign || is_readable_kind(file);
  }
  return foreign;
}

ForeignImport read_foreign(const fs::path& path, std::string_view cloud_kind) {
  std::vector<rules::ForeignFile> files;
  std::vector<std::string> unread;
  std::error_code ignored;
  const bool folder = fs::is_directory(path, ignored);
  std::size_t bytes = 0;
  for (const fs::path& file : folder ? files_below(path) : std::vector<fs::path>{path}) {
    const std::string name = folder ? file.lexically_relative(path).string() : file.filename().string();
    if (!is_readable_kind(file)) {
      unread.push_back(name);
      continue;
    }
    files.push_back({name, read_file(file, k_largest_file)});
    bytes += files.back().bytes.size();
    if (bytes > k_largest_export) {
      throw Error(Fault::invalid, "setup.foreign_too_large",
                  fmt::format("{} holds more than {} MiB", printable(path.string()), k_largest_export >> 20U),
                  "Name the folder of one configuration export.");
    }
  }
  if (files.empty()) {
    throw Error(Fault::not_found, "setup.no_foreign_files",
                fmt::format("{} holds no XML or JSON file", printable(path.string())),
                "A configuration export has folders Connectors, GlobalSettings and SynchronizationRules.");
  }
  rules::ForeignConfiguration foreign = rules::read_foreign(files, cloud_kind);
  for (const std::string& name : unread) {
    foreign.report.subjects.push_back(
        {"file", name, rules::Verdict::not_understood, {"neither XML nor JSON: not read"}});
  }
  ForeignImport out;
  Maker(foreign, out).make();
  check_files(out);
  return out;
}

WrittenFiles write_foreign(const ForeignImport& import, const fs::path& folder) {
  const std::map<std::string, std::string> known = manifest_of(folder);
  check_folder(folder, known);
  fs::create_directories(folder);
  WrittenFiles out;
  std::string manifest;
  std::set<std::string> kept;
  for (const NamedText& file : import.files) {
    const std::string hash = hash_of(file.text);
    manifest += hash + " " + file.name + "\n";
    kept.insert(file.name);
  }
  for (const auto& [name, hash] : known) {
    // The names are those of files found in the folder, so none leads out of it.
    std::error_code ignored;
    if (!kept.contains(name) && name.find('/') == std::string::npos && fs::remove(folder / name, ignored))
      out.removed.push_back(name);
  }
  for (const NamedText& file : import.files) {
    std::error_code ignored;
    const bool there = fs::exists(folder / file.name, ignored);
    const auto before = known.find(file.name);
    if (there && before != known.end() && before->second == hash_of(file.text)) continue;
    write_file(folder / file.name, file.text, 0644);
    (there ? out.replaced : out.added).push_back(file.name);
  }
  write_file(folder / k_manifest, manifest, 0644);
  return out;
}

}  // namespace linkspan::setup
