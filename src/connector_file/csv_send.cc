// Exports to a CSV file: it is read once, and written anew with the changes in it.

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "connector_file/internal/csv_rows.h"
#include "connector_file/internal/replacement.h"
#include "connector_file/internal/send.h"
#include "model/dn.h"

namespace linkspan::connector_file {

namespace {

/// A value as a field says it; bytes as they are.
std::string text_of(const model::Value& value) {
  const auto* binary = std::get_if<model::Binary>(&value);
  return binary != nullptr ? binary->bytes : model::to_text(value);
}

class CsvSender {
 public:
  CsvSender(const CsvSettings& settings, std::span<const model::Export> exports)
      : name_(std::filesystem::path(settings.path).filename().string()),
        settings_(settings),
        changes_(exports),
        replacement_(settings.path) {}

  void run(const Done& done) {
    SourceFile old(settings_.path);
    CsvReader reader([&](std::span<char> bytes) { return old.read(bytes); }, name_,
                     {settings_.delimiter, settings_.final_line_break});
    CsvRow row;
    if (!reader.next(row)) {
      throw Error(Fault::unavailable, "file.empty", fmt::format("{}: there is nothing in it", name_),
                  "Begin the file with the line that names the columns.");
    }
    if (row.fields.front().starts_with("\xEF\xBB\xBF")) {
      replacement_.write("\xEF\xBB\xBF");
      row.fields.front().erase(0, 3);
    }
    layout_ = std::make_unique<CsvLayout>(settings_, row, name_);
    write(row);
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      if (changes_[i].operation == model::Operation::add) take_add(i);
    }
    CsvRow last;
    while (reader.next(row)) {
      if (is_last(row)) {
        last = row;
      } else {
        pass(row);
      }
    }
    for (const std::size_t i : order_) {
      if (changes_.is_open(i)) add(i);
    }
    if (!last.fields.empty()) write(last);
    changes_.close_rest();
    if (changed_) replacement_.commit(&old);
    changes_.tell(done);
  }

 private:
  [[nodiscard]] bool is_last(const CsvRow& row) const {
    return !settings_.last_line.empty() && row.fields.front().starts_with(settings_.last_line);
  }

  void write(const CsvRow& row) {
    std::string text;
    for (std::size_t i = 0; i < row.fields.size(); ++i) {
      if (i != 0) text += settings_.delimiter;
      append_csv_field(text, row.fields[i], settings_.delimiter);
    }
    // A row of one empty field would read as a blank line.
    if (text.empty()) text = "\"\"";
    text += "\r\n";
    replacement_.write(text);
  }

  [[nodiscard]] std::string anchor_of_add(const model::Export& wanted) const {
    for (const model::AttributeChange& attribute : wanted.attributes) {
      if (!equal_ascii_case(attribute.name, settings_.anchor) || attribute.after.empty()) continue;
      return text_of(attribute.after.front());
    }
    // A rule may name the object instead, as imports do: anchor=value.
    try {
      const model::Dn dn = model::parse_dn(wanted.dn);
      if (dn.rdns.size() == 1 && wanted.dn == csv_name(settings_, dn.rdns.front().front().second)) {
        return dn.rdns.front().front().second;
      }
    } catch (const Error&) {  // no DN: then it names nothing here
    }
    return {};
  }

  void take_add(std::size_t i) {
    std::string anchor = anchor_of_add(changes_[i]);
    if (anchor.empty()) {
      changes_.failed(i, Error(Fault::invalid, "file.no_anchor",
                               fmt::format("{}: a new row has no {}", printable(changes_[i].dn), settings_.anchor),
                               "Let an outbound rule flow the attribute that is the anchor."));
      return;
    }
    const auto [place, fresh] = adds_.emplace(std::move(anchor), i);
    if (fresh) {
      order_.push_back(i);
      return;
    }
    changes_.failed(i, Error(Fault::conflict, "file.exists",
                             fmt::format("{} {}: two new rows have it", settings_.anchor, printable(place->first))));
  }

  /// Sets what the change names in the row's fields; nullopt when that went.
  [[nodiscard]] std::optional<Error> apply(CsvRow& row, const model::Export& wanted) const {
    for (const model::AttributeChange& attribute : wanted.attributes) {
      if (equal_ascii_case(attribute.name, "dn")) continue;
      std::vector<std::string> values;
      const auto place = layout_->column_of(attribute.name);
      const bool base64 = place && layout_->columns()[*place].base64;
      for (const model::Value& value : attribute.after) {
        values.push_back(base64 ? to_base64(text_of(value)) : text_of(value));
      }
      if (auto error = set(row, attribute.name, place, std::move(values))) return error;
    }
    for (const model::ReferenceChange& reference : wanted.references) {
      const auto place = layout_->column_of(reference.attribute);
      if (!place) return no_column(reference.attribute);
      std::vector<std::string> values = layout_->values(row.fields[*place], layout_->columns()[*place]);
      std::erase(values, reference.target);
      // A field for one reference holds the new one, whichever of the two changes comes first.
      if (reference.add && !layout_->columns()[*place].multi_valued) values.clear();
      if (reference.add) values.push_back(reference.target);
      if (auto error = set(row, reference.attribute, place, std::move(values))) return error;
    }
    return std::nullopt;
  }

  [[nodiscard]] Error no_column(std::string_view attribute) const {
    return {Fault::invalid, "file.no_column", fmt::format("{}: there is no column for {}", name_, attribute),
            "Name it in the first line of the file, or let no outbound rule flow to it."};
  }

  [[nodiscard]] std::optional<Error> set(CsvRow& row, const std::string& attribute, std::optional<std::size_t> place,
                                         std::vector<std::string> values) const {
    if (!place) return no_column(attribute);
    const bool several = layout_->columns()[*place].multi_valued;
    std::string field;
    for (const std::string& value : values) {
      const bool fits = is_utf8(value) && !(several && value.find(settings_.separator) != std::string::npos);
      if (!fits || value.empty() || (!several && values.size() > 1)) {
        return Error(
            Fault::invalid, "file.value_unfit",
            fmt::format("{}: the {} of {} cannot be kept in one field", name_,
                        values.size() > 1 ? fmt::format("{} values", values.size()) : std::string("value"), attribute),
            "Several values need the settings multi_valued and a separator that no value holds; bytes need "
            "the setting base64.");
      }
      if (!field.empty()) field += settings_.separator;
      field += value;
    }
    row.fields[*place] = std::move(field);
    return std::nullopt;
  }

  void pass(CsvRow& row) {
    if (row.fields.size() != layout_->columns().size()) {
      throw Error(Fault::invalid, "file.syntax", fmt::format("{}:{}: {} fields", name_, row.line, row.fields.size()));
    }
    const std::string anchor = row.fields[layout_->anchor()];
    if (const auto found = adds_.find(anchor); found != adds_.end()) compare(found->second, row, anchor);
    const auto index = changes_.of(anchor);
    if (!index) return write(row);
    const model::Export& wanted = changes_[*index];
    if (wanted.operation == model::Operation::remove) {
      changes_.sent(*index, anchor, wanted.dn);
      changed_ = true;
      return;
    }
    CsvRow made = row;
    std::optional<Error> problem;
    if (wanted.operation == model::Operation::rename) {
      problem = Error(Fault::invalid, "file.no_rename",
                      fmt::format("{}: rows are named by their {}, which never changes", wanted.dn, settings_.anchor),
                      "Let no outbound rule flow dn to this connector.");
    } else {
      problem = apply(made, wanted);
      if (!problem && made.fields[layout_->anchor()] != anchor) {
        problem =
            Error(Fault::invalid, "file.no_rename", fmt::format("{}: its {} would change", wanted.dn, settings_.anchor),
                  "The anchor of a row stays; let the flow of it apply once.");
      }
    }
    if (problem) {
      changes_.failed(*index, std::move(*problem));
      return write(row);
    }
    changed_ |= made.fields != row.fields;
    write(made);
    changes_.sent(*index, anchor, csv_name(settings_, anchor));
  }

  /// A row with the anchor of a new one is either what an earlier try left, or somebody else's.
  void compare(std::size_t i, const CsvRow& row, const std::string& anchor) {
    CsvRow wanted = row;
    const bool same = !apply(wanted, changes_[i]) && wanted.fields == row.fields;
    if (same) return changes_.sent(i, anchor, csv_name(settings_, anchor), true);
    changes_.failed(i, Error(Fault::conflict, "file.exists",
                             fmt::format("{} {}: there is such a row already", settings_.anchor, printable(anchor)),
                             "The next import shows it; join conditions of the outbound rules can adopt it."));
  }

  void add(std::size_t i) {
    CsvRow row;
    row.fields.resize(layout_->columns().size());
    const std::string anchor = anchor_of_add(changes_[i]);
    row.fields[layout_->anchor()] = anchor;
    if (layout_->type()) row.fields[*layout_->type()] = changes_[i].object_type;
    if (auto problem = apply(row, changes_[i])) {
      changes_.failed(i, std::move(*problem));
      return;
    }
    write(row);
    changed_ = true;
    changes_.sent(i, anchor, csv_name(settings_, anchor));
  }

  std::string name_;
  const CsvSettings& settings_;
  Changes changes_;
  std::unique_ptr<CsvLayout> layout_;
  std::unordered_map<std::string, std::size_t> adds_;  ///< by anchor
  std::vector<std::size_t> order_;                     ///< of the adds that go in
  Replacement replacement_;
  bool changed_ = false;
};

}  // namespace

void send_to_csv(const CsvSettings& settings, std::span<const model::Export> exports, const Done& done) {
  if (!settings.encoding.empty()) {
    throw Error(
        Fault::invalid, "file.encoding",
        fmt::format("{}: exports are written in UTF-8, and the file is in {}", settings.path, settings.encoding),
        "Keep the file of a target in UTF-8.");
  }
  CsvSender(settings, exports).run(done);
}

}  // namespace linkspan::connector_file
