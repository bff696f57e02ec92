// A file as a directory: what is the same for every format.

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/text.h"
#include "connector/batch_limit.h"
#include "connector_file/internal/entry_hashes.h"
#include "connector_file/internal/pass.h"

namespace linkspan::connector_file {

using connector::Capabilities;
using connector::Check;
using connector::Import;
using connector::ImportEnd;
using connector::ImportRequest;
using model::Observation;

namespace {

/// "file-2 FINGERPRINT CONTENT " and the hashes of the entries.
struct Watermark {
  static constexpr std::string_view k_kind = "file-2";
  std::string_view fingerprint, content, entries;

  [[nodiscard]] static std::optional<Watermark> parse(std::string_view text) {
    const auto word = [&]() -> std::string_view {
      const std::size_t end = std::min(text.find(' '), text.size());
      const std::string_view found = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      return found;
    };
    if (word() != k_kind) return std::nullopt;
    Watermark made;
    made.fingerprint = word();
    made.content = word();
    made.entries = text;
    if (made.content.empty() || made.entries.size() % EntryHashes::k_size != 0) return std::nullopt;
    return made;
  }
};

class FileImport final : public Import {
 public:
  FileImport(const Format& format, const std::optional<Watermark>& known, std::stop_token stop)
      : pass_(format.open()), stop_(std::move(stop)) {
    const std::string content = pass_->file().content_hash();
    watermark_ = fmt::format("{} {} {} ", Watermark::k_kind, format.fingerprint, content);
    if (known) {
      known_ = EntryHashes(known->entries);
      unchanged_ = known->content == content;
    }
    pass_->file().rewind();
  }

  bool next(std::vector<Observation>& batch) override {
    batch.clear();
    connector::BatchLimit limit;
    while (!ended_ && !unchanged_ && !limit.reached()) {
      if (stop_.stop_requested()) throw Error(Fault::cancelled, "file.stopped", "the import was stopped");
      auto entry = pass_->next();
      ended_ = !entry;
      if (!entry) continue;
      limit.count(*entry);
      batch.push_back(observe(std::move(*entry)));
    }
    if (unchanged_) pass_->file().expect_unchanged();
    return !batch.empty();
  }

  /// A file is told whole or not at all: of one that has not changed there is nothing to tell.
  ImportEnd end() override {
    EntryHashes& now = unchanged_ ? known_ : seen_;
    now.sort();
    return {watermark_ + now.bytes(), !unchanged_};
  }

 private:
  Observation observe(model::Entry entry) {
    const std::string hash = hash_of(entry);
    seen_.add(hash);
    Observation made;
    if (known_.contains(hash)) {
      made.kind = Observation::Kind::unchanged;
      made.entry.anchor = std::move(entry.anchor);
    } else {
      made.entry = std::move(entry);
    }
    return made;
  }

  std::unique_ptr<Pass> pass_;
  std::stop_token stop_;
  std::string watermark_;
  EntryHashes known_;
  EntryHashes seen_;
  bool unchanged_ = false;
  bool ended_ = false;
};

class FileConnector final : public connector::Connector {
 public:
  explicit FileConnector(Format format) : format_(std::move(format)) {}

  Capabilities capabilities() override {
    Capabilities made;
    made.delta_import = true;
    made.delta_reports_removals = true;
    made.exports = true;
    made.references_by_anchor = format_.references_by_anchor;
    made.changes_at_once = 5000;  // each call writes the file anew
    return made;
  }

  model::Schema schema() override {
    const auto pass = format_.open();
    while (pass->next()) {
    }
    return pass->schema();
  }

  std::vector<Check> test() override {
    std::vector<Check> made;
    try {
      const auto pass = format_.open();
      made.push_back({"open", true, format_.path, {}});
      std::size_t taken = 0;
      while (pass->next()) ++taken;
      made.push_back({"read", true, fmt::format("{} records, {} of the object types", pass->records(), taken),
                      taken == 0 ? "check object_types" : ""});
    } catch (const Error& error) {
      made.push_back({made.empty() ? "open" : "read", false, error.message(), error.hint()});
    }
    return made;
  }

  std::unique_ptr<Import> import(const ImportRequest& request, std::stop_token stop) override {
    const auto known = Watermark::parse(request.watermark);
    if (!request.watermark.empty() && (!known || known->fingerprint != format_.fingerprint)) {
      throw Error(Fault::invalid, "connector.watermark_refused",
                  "the watermark was made by another connector, or with other settings", "a full import begins anew");
    }
    return std::make_unique<FileImport>(format_, known, std::move(stop));
  }

  void send(std::span<const model::Export> exports, const Done& done, std::stop_token stop) override {
    if (!exports.empty()) format_.send(exports, done, std::move(stop));
  }

  std::vector<model::Entry> find(std::string_view object_type, std::string_view attribute,
                                 const model::Value& value) override {
    const std::string key = model::join_key(value);
    std::vector<model::Entry> found;
    const auto pass = format_.open();
    while (auto entry = pass->next()) {
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
  const Format format_;
};

}  // namespace

std::unique_ptr<connector::Connector> make_connector(Format format) {
  return std::make_unique<FileConnector>(std::move(format));
}

}  // namespace linkspan::connector_file
