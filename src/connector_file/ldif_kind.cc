// Kind "file": LDIF.

#include <fmt/core.h>

#include <filesystem>
#include <memory>

#include "base/hash.h"
#include "base/text.h"
#include "connector_file/file.h"
#include "connector_file/internal/ldif.h"
#include "connector_file/internal/pass.h"
#include "connector_file/internal/records.h"
#include "connector_file/internal/send.h"
#include "connector_file/internal/settings.h"

namespace linkspan::connector_file {

namespace {

class LdifPass final : public Pass {
 public:
  explicit LdifPass(const FileSettings& settings)
      : Pass(settings.path),
        name_(std::filesystem::path(settings.path).filename().string()),
        ldif_([this](std::span<char> bytes) { return file().read(bytes); }, name_),
        records_(settings, name_) {}

  std::optional<model::Entry> next() override {
    while (auto record = ldif_.next()) {
      ++read_;
      if (auto entry = records_.convert(std::move(*record))) return entry;
    }
    file().expect_unchanged();
    if (read_ == 0 && !ldif_.has_version()) {
      throw Error(Fault::unavailable, "file.empty", fmt::format("{}: there is nothing in it", name_),
                  "a file that is meant to be empty holds the line \"version: 1\"");
    }
    return std::nullopt;
  }

  [[nodiscard]] std::size_t records() const override { return read_; }
  [[nodiscard]] model::Schema schema() const override { return records_.schema(); }

 private:
  std::string name_;
  LdifReader ldif_;
  RecordReader records_;
  std::size_t read_ = 0;
};

/// Whatever decides which entry comes of which record.
std::string fingerprint(const FileSettings& settings) {
  std::string text = settings.anchor;
  for (const auto* list : {&settings.reference_attributes, &settings.object_types, &settings.attributes}) {
    text += '\n';
    for (const std::string& one : *list) text += fmt::format("{}:{};", one.size(), one);
  }
  return to_hex(hash128(text));
}

}  // namespace

connector::Kind file_kind() {
  connector::Kind kind;
  kind.name = "file";
  kind.description = "LDIF file";
  kind.settings = setting_specs();
  kind.make = [](const connector::Settings& given, const connector::Secrets& /*secrets*/,
                 Logger& /*logger*/) -> std::unique_ptr<connector::Connector> {
    const auto settings = std::make_shared<const FileSettings>(read_settings(given));
    Format format;
    format.path = settings->path;
    format.fingerprint = fingerprint(*settings);
    format.open = [settings] { return std::make_unique<LdifPass>(*settings); };
    format.send = [settings](std::span<const model::Export> exports, const Done& done, std::stop_token /*stop*/) {
      send_to_ldif(*settings, exports, done);
    };
    return make_connector(std::move(format));
  };
  return kind;
}

}  // namespace linkspan::connector_file
