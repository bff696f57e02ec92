// Kind "csv".

#include <fmt/core.h>

#include <filesystem>
#include <memory>

#include "base/hash.h"
#include "base/text.h"
#include "connector_file/file.h"
#include "connector_file/internal/csv_rows.h"
#include "connector_file/internal/encoding.h"
#include "connector_file/internal/pass.h"
#include "connector_file/internal/send.h"

namespace linkspan::connector_file {

namespace {

class CsvPass final : public Pass {
 public:
  explicit CsvPass(const CsvSettings& settings)
      : Pass(settings.path),
        settings_(settings),
        name_(std::filesystem::path(settings.path).filename().string()),
        reader_(as_utf8([this](std::span<char> bytes) { return file().read(bytes); }, settings.encoding, name_), name_,
                {settings.delimiter, settings.final_line_break}) {}

  std::optional<model::Entry> next() override {
    if (!rows_) read_header();
    while (reader_.next(row_)) {
      if (ended_) {
        throw Error(Fault::invalid, "file.syntax", fmt::format("{}:{}: a row after the last line", name_, row_.line),
                    "The setting last_line says what the last line begins with.");
      }
      ended_ = !settings_.last_line.empty() && row_.fields.front().starts_with(settings_.last_line);
      if (ended_) continue;
      ++read_;
      if (auto entry = rows_->convert(row_)) return entry;
    }
    check_end();
    return std::nullopt;
  }

  [[nodiscard]] std::size_t records() const override { return read_; }
  [[nodiscard]] model::Schema schema() const override { return rows_ ? rows_->schema() : model::Schema(); }

 private:
  void read_header() {
    if (!reader_.next(row_)) {
      throw Error(Fault::unavailable, "file.empty", fmt::format("{}: there is nothing in it", name_),
                  "Its first line names the columns.");
    }
    layout_ = std::make_unique<CsvLayout>(settings_, row_, name_);
    rows_ = std::make_unique<CsvRows>(settings_, *layout_, name_);
  }

  void check_end() {
    file().expect_unchanged();
    if (!settings_.last_line.empty() && !ended_) {
      throw Error(Fault::unavailable, "file.cut",
                  fmt::format("{}: its last line does not begin with {}", name_, printable(settings_.last_line, 60)),
                  "It is still being written, or was cut short; or correct the setting last_line.");
    }
    if (read_ == 0 && !settings_.may_be_empty) {
      throw Error(Fault::unavailable, "file.empty", fmt::format("{}: it has no rows", name_),
                  "Where that means that nobody is there, set may_be_empty = true.");
    }
  }

  const CsvSettings& settings_;
  std::string name_;
  CsvReader reader_;
  CsvRow row_;
  std::unique_ptr<CsvLayout> layout_;
  std::unique_ptr<CsvRows> rows_;
  std::size_t read_ = 0;
  bool ended_ = false;
};

/// Whatever decides which entry comes of which row.
std::string fingerprint(const connector::Settings& settings) {
  std::string text;
  for (const auto& [name, values] : settings) {
    if (name == "path") continue;
    text += fmt::format("{}\n", name);
    for (const std::string& value : values) text += fmt::format("{}:{};", value.size(), value);
  }
  return to_hex(hash128(text));
}

}  // namespace

connector::Kind csv_kind() {
  connector::Kind kind;
  kind.name = "csv";
  kind.description = "CSV file";
  kind.settings = csv_setting_specs();
  kind.naming = {.references_by_anchor = true, .objects_by_dn = false};
  kind.make = [](const connector::Settings& given, const connector::Secrets& /*secrets*/,
                 Logger& /*logger*/) -> std::unique_ptr<connector::Connector> {
    const auto settings = std::make_shared<const CsvSettings>(read_csv_settings(given));
    Format format;
    format.path = settings->path;
    format.fingerprint = fingerprint(given);
    format.references_by_anchor = true;
    format.open = [settings] { return std::make_unique<CsvPass>(*settings); };
    format.send = [settings](std::span<const model::Export> exports, const Done& done, std::stop_token /*stop*/) {
      send_to_csv(*settings, exports, done);
    };
    return make_connector(std::move(format));
  };
  return kind;
}

}  // namespace linkspan::connector_file
