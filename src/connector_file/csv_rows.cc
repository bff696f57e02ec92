#include "connector_file/internal/csv_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "model/dn.h"

namespace linkspan::connector_file {

namespace {

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& one) { return equal_ascii_case(one, name); });
}

}  // namespace

CsvLayout::CsvLayout(const CsvSettings& settings, const CsvRow& header, const std::string& file) : settings_(settings) {
  std::vector<std::string> problems;
  std::map<std::string, std::size_t, std::less<>> places;
  for (std::size_t i = 0; i < header.fields.size(); ++i) {
    const std::string name(trim(header.fields[i]));
    if (name.empty()) problems.push_back(fmt::format("column {} has no name", i + 1));
    if (!places.emplace(name, i).second) problems.push_back(fmt::format("column {} is there twice", printable(name)));
  }
  columns_.resize(header.fields.size());
  const auto take = [&](const std::string& attribute, const std::string& column) {
    const auto place = places.find(column);
    if (place == places.end()) {
      problems.push_back(fmt::format("there is no column {}", printable(column, 60)));
      return;
    }
    columns_[place->second] = {attribute, holds(settings.reference_attributes, attribute),
                               holds(settings.multi_valued, attribute), holds(settings.base64, attribute)};
  };
  if (settings.columns.empty()) {
    for (const auto& [name, place] : places) take(name, name);
  } else {
    for (const auto& [attribute, column] : settings.columns) take(attribute, column);
  }
  if (const auto anchor = column_of(settings.anchor)) {
    anchor_ = *anchor;
  } else if (settings.columns.empty()) {
    problems.push_back(fmt::format("there is no column {}, the anchor", printable(settings.anchor, 60)));
  }
  if (!settings.type_column.empty()) {
    const auto place = places.find(settings.type_column);
    if (place == places.end()) {
      problems.push_back(fmt::format("there is no column {}", printable(settings.type_column, 60)));
    } else {
      type_ = place->second;
      if (settings.columns.empty()) columns_[*type_].attribute.clear();
    }
  }
  if (problems.empty()) return;
  throw Error(Fault::invalid, "file.header", fmt::format("{}:{}: {}", file, header.line, fmt::join(problems, "; ")),
              "Correct the first line of the file, or the settings columns, anchor, type_column and delimiter.");
}

std::optional<std::size_t> CsvLayout::column_of(std::string_view attribute) const {
  const auto found = std::ranges::find_if(
      columns_, [&](const Column& column) { return equal_ascii_case(column.attribute, attribute); });
  if (attribute.empty() || found == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns_.begin());
}

std::vector<std::string> CsvLayout::values(std::string_view field, const Column& column) const {
  if (field.empty()) return {};
  if (!column.multi_valued) return {std::string(field)};
  std::vector<std::string> made;
  for (const std::string_view part : split(field, settings_.separator)) {
    if (!part.empty()) made.emplace_back(part);
  }
  return made;
}

std::string csv_name(const CsvSettings& settings, std::string_view anchor) {
  // Attribute names of a CSV file may be no names of a DN ("E-Mail (work)"); the value is what people look for.
  const bool fits = std::ranges::all_of(settings.anchor, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
  const bool letter =
      !settings.anchor.empty() && (settings.anchor.front() | 0x20) >= 'a' && (settings.anchor.front() | 0x20) <= 'z';
  return fmt::format("{}={}", fits && letter ? settings.anchor : "key", model::escape_dn_value(anchor));
}

CsvRows::CsvRows(const CsvSettings& settings, const CsvLayout& layout, std::string file)
    : settings_(settings), layout_(layout), file_(std::move(file)) {}

std::optional<model::Entry> CsvRows::convert(const CsvRow& row) {
  const auto where = [&] { return fmt::format("{}:{}", file_, row.line); };
  const auto& columns = layout_.columns();
  if (row.fields.size() != columns.size()) {
    throw Error(
        Fault::invalid, "file.syntax",
        fmt::format("{}: {} fields, and the first line names {} columns", where(), row.fields.size(), columns.size()),
        "A field that holds the delimiter or a line break is quoted.");
  }
  model::Entry entry;
  entry.anchor = row.fields[layout_.anchor()];
  if (entry.anchor.empty()) {
    throw Error(Fault::invalid, "file.no_anchor", fmt::format("{}: it has no {}", where(), settings_.anchor),
                "Choose a column that every row has as the anchor.");
  }
  if (!anchors_.insert(hash64(entry.anchor)).second) {
    throw Error(Fault::invalid, "file.duplicate",
                fmt::format("{}: its {} {} came before", where(), settings_.anchor, printable(entry.anchor)),
                "An anchor belongs to one object: correct the file, or choose another anchor.");
  }
  entry.object_type = layout_.type() ? row.fields[*layout_.type()] : settings_.object_type;
  if (entry.object_type.empty()) entry.object_type = settings_.object_type;
  if (!settings_.object_types.empty() && !holds(settings_.object_types, entry.object_type)) return std::nullopt;
  ++types_[entry.object_type];
  entry.dn = csv_name(settings_, entry.anchor);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const CsvLayout::Column& column = columns[i];
    if (column.attribute.empty()) continue;
    std::vector<std::string> values = layout_.values(row.fields[i], column);
    if (values.empty()) continue;
    model::Values held;
    for (std::string& value : values) {
      if (column.reference) {
        entry.references.push_back({column.attribute, std::move(value)});
      } else if (column.base64) {
        auto bytes = from_base64(value);
        if (!bytes) {
          throw Error(Fault::invalid, "file.syntax",
                      fmt::format("{}: the value of {} is no Base64", where(), column.attribute));
        }
        held.emplace_back(model::Binary{std::move(*bytes)});
      } else {
        held.emplace_back(std::move(value));
      }
    }
    if (!held.empty()) entry.attributes.emplace_back(column.attribute, std::move(held));
  }
  return entry;
}

model::Schema CsvRows::schema() const {
  model::Schema made;
  for (const auto& [type, count] : types_) {
    model::SchemaClass& one = made.classes.emplace_back(model::SchemaClass{type, {}});
    for (const CsvLayout::Column& column : layout_.columns()) {
      if (column.attribute.empty()) continue;
      const auto kind = column.reference ? model::ValueKind::reference
                        : column.base64  ? model::ValueKind::binary
                                         : model::ValueKind::text;
      one.attributes.push_back({column.attribute, kind, column.multi_valued});
    }
    std::ranges::sort(one.attributes, {}, &model::SchemaAttribute::name);
  }
  return made;
}

}  // namespace linkspan::connector_file
