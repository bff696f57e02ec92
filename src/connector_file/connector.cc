#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "connector/batch_limit.h"
#include "connector_file/file.h"
#include "connector_file/internal/ldif.h"
#include "connector_file/internal/records.h"
#include "connector_file/internal/settings.h"
#include "connector_file/internal/source_file.h"

namespace linkspan::connector_file {

using connector::Capabilities;
using connector::Check;
using connector::Import;
using connector::ImportEnd;
using connector::ImportRequest;
using model::Observation;

namespace {

constexpr std::string_view k_watermark_kind = "file-1";

/// Whatever decides which entry comes of which record.
std::string fingerprint(const FileSettings& settings) {
  std::string text = settings.anchor;
  for (const auto* list : {&settings.reference_attributes, &settings.object_types, &settings.attributes}) {
    text += '\n';
    for (const std::string& one : *list) text += fmt::format("{}:{};", one.size(), one);
  }
  return to_hex(hash128(text));
}

/// One pass over the file, from its beginning.
class Pass {
 public:
  explicit Pass(const FileSettings& settings)
      : name_(std::filesystem::path(settings.path).filename().string()),
        file_(settings.path),
        ldif_([this](std::span<char> bytes) { return file_.read(bytes); }, name_),
        records_(settings, name_) {}

  /// The next entry of a wanted type; nullopt at the proper end of a file that held still.
  std::optional<model::Entry> next() {
    while (auto record = ldif_.next()) {
      ++read_;
      if (auto entry = records_.convert(std::move(*record))) return entry;
    }
    file_.expect_unchanged();
    if (read_ == 0 && !ldif_.has_version()) {
      throw Error(Fault::unavailable, "file.empty", fmt::format("{}: there is nothing in it", name_),
                  "a file that is meant to be empty holds the line \"version: 1\"");
    }
    return std::nullopt;
  }

  SourceFile& file() { return file_; }
  [[nodiscard]] std::size_t records() const { return read_; }
  [[nodiscard]] model::Schema schema() const { return records_.schema(); }

 private:
  std::string name_;
  SourceFile file_;
  LdifReader ldif_;
  RecordReader records_;
  std::size_t read_ = 0;
};

class FileImport final : public Import {
 public:
  FileImport(const FileSettings& settings, std::string_view known, std::stop_token stop)
      : pass_(settings), settings_(settings), stop_(std::move(stop)) {
    const std::string hash = pass_.file().content_hash();
    watermark_ = fmt::format("{} {} {}", k_watermark_kind, fingerprint(settings_), hash);
    unchanged_ = known == watermark_;
    pass_.file().rewind();
  }

  bool next(std::vector<Observation>& batch) override {
    batch.clear();
    connector::BatchLimit limit;
    while (!ended_ && !unchanged_ && !limit.reached()) {
      if (stop_.stop_requested()) throw Error(Fault::cancelled, "file.stopped", "the import was stopped");
      auto entry = pass_.next();
      ended_ = !entry;
      if (!entry) continue;
      limit.count(*entry);
      batch.push_back({Observation::Kind::present, std::move(*entry)});
    }
    if (unchanged_) pass_.file().expect_unchanged();
    return !batch.empty();
  }

  /// A file is told whole or not at all: of one that has not changed there is nothing to tell.
  ImportEnd end() override { return {watermark_, !unchanged_}; }

 private:
  Pass pass_;
  const FileSettings& settings_;
  std::stop_token stop_;
  std::string watermark_;
  bool unchanged_ = false;
  bool ended_ = false;
};

class FileConnector final : public connector::Connector {
 public:
  explicit FileConnector(FileSettings settings) : settings_(std::move(settings)) {}

  Capabilities capabilities() override {
    Capabilities made;
    made.delta_import = true;
    made.delta_reports_removals = true;
    return made;
  }

  model::Schema schema() override {
    Pass pass(settings_);
    while (pass.next()) {
    }
    return pass.schema();
  }

  std::vector<Check> test() override {
    std::vector<Check> made;
    try {
      Pass pass(settings_);
      made.push_back({"open", true, settings_.path, {}});
      std::size_t taken = 0;
      while (pass.next()) ++taken;
      made.push_back({"read", true, fmt::format("{} records, {} of the object types", pass.records(), taken),
                      taken == 0 ? "check object_types" : ""});
    } catch (const Error& error) {
      made.push_back({made.empty() ? "open" : "read", false, error.message(), error.hint()});
    }
    return made;
  }

  std::unique_ptr<Import> import(const ImportRequest& request, std::stop_token stop) override {
    const std::vector<std::string_view> parts = split(request.watermark, ' ');
    const bool ours = parts.size() == 3 && parts[0] == k_watermark_kind && parts[1] == fingerprint(settings_);
    if (!request.watermark.empty() && !ours) {
      throw Error(Fault::invalid, "connector.watermark_refused",
                  "the watermark was made by another connector, or with other settings", "a full import begins anew");
    }
    return std::make_unique<FileImport>(settings_, request.watermark, std::move(stop));
  }

  void send(std::span<const model::Export> exports,
            const std::function<void(std::size_t, connector::Outcome)>& /*done*/, std::stop_token /*stop*/) override {
    if (exports.empty()) return;
    throw Error(Fault::invalid, "file.export_unsupported", "a file takes no exports",
                "let no outbound rule name this connector");
  }

  std::vector<model::Entry> find(std::string_view object_type, std::string_view attribute,
                                 const model::Value& value) override {
    const std::string key = model::join_key(value);
    std::vector<model::Entry> found;
    Pass pass(settings_);
    while (auto entry = pass.next()) {
      if (!equal_ascii_case(entry->object_type, object_type) || found.size() == 2) continue;
      const bool matches = std::ranges::any_of(entry->attributes, [&](const auto& held) {
        return equal_ascii_case(held.first, attribute) &&
               std::ranges::any_of(held.second, [&](const model::Value& one) { return model::join_key(one) == key; });
      });
      if (matches) found.push_back(std::move(*entry));
    }
    return found;
  }

 private:
  const FileSettings settings_;
};

}  // namespace

connector::Kind file_kind() {
  connector::Kind kind;
  kind.name = "file";
  kind.description = "LDIF file";
  kind.settings = setting_specs();
  kind.make = [](const connector::Settings& settings, const connector::Secrets& /*secrets*/,
                 Logger& /*logger*/) -> std::unique_ptr<connector::Connector> {
    return std::make_unique<FileConnector>(read_settings(settings));
  };
  return kind;
}

}  // namespace linkspan::connector_file
