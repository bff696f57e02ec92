#include "connector_file/internal/ldif_record.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "connector_file/internal/records.h"
#include "connector_file/internal/send.h"
#include "model/dn.h"

namespace linkspan::connector_file {

namespace {

constexpr std::size_t k_fold = 76;

/// SAFE-STRING of RFC 2849 without control characters, and no blank at its end, which editors like to cut.
bool is_safe(std::string_view bytes) {
  if (bytes.empty()) return true;
  if (std::string_view(" :<").find(bytes.front()) != std::string_view::npos || bytes.back() == ' ') return false;
  return std::ranges::all_of(bytes, [](char c) { return c >= ' ' && c <= '~'; });
}

void append_line(std::string& out, std::string_view name, std::string_view bytes) {
  const bool safe = is_safe(bytes);
  std::string line(name);
  line += safe ? ":" : "::";
  if (!bytes.empty()) line += ' ';
  line += safe ? std::string(bytes) : to_base64(bytes);
  out.append(line, 0, k_fold);
  for (std::size_t at = k_fold; at < line.size(); at += k_fold - 1) {
    out += "\n ";
    out.append(line, at, k_fold - 1);
  }
  out += '\n';
}

/// "userCertificate;binary" is the attribute userCertificate.
bool is_attribute(std::string_view description, std::string_view name) {
  if (description.size() > 7 && equal_ascii_case(description.substr(description.size() - 7), ";binary")) {
    description.remove_suffix(7);
  }
  return equal_ascii_case(description, name);
}

void set_values(LdifRecord& record, const std::string& name, const model::Values& values) {
  const auto is_it = [&](const LdifValue& value) { return is_attribute(value.description, name); };
  const auto first = std::ranges::find_if(record.values, is_it);
  const std::string description = first == record.values.end() ? name : first->description;
  const auto place = first - record.values.begin();
  std::erase_if(record.values, is_it);
  std::vector<LdifValue> fresh;
  for (const model::Value& value : values) fresh.push_back({description, directory_bytes(value), 0});
  record.values.insert(record.values.begin() + std::min<std::ptrdiff_t>(place, std::ssize(record.values)),
                       std::make_move_iterator(fresh.begin()), std::make_move_iterator(fresh.end()));
}

void set_reference(LdifRecord& record, const model::ReferenceChange& change) {
  const std::string key = model::dn_key(change.target_dn);
  const auto is_it = [&](const LdifValue& value) {
    return equal_ascii_case(value.description, change.attribute) && model::dn_key(value.bytes) == key;
  };
  if (!change.add) {
    std::erase_if(record.values, is_it);
  } else if (std::ranges::none_of(record.values, is_it)) {
    record.values.push_back({change.attribute, change.target_dn, 0});
  }
}

bool holds_value(const LdifRecord& record, const model::Ava& ava) {
  return std::ranges::any_of(record.values, [&](const LdifValue& value) {
    return is_attribute(value.description, ava.first) && fold_key(value.bytes) == fold_key(ava.second);
  });
}

}  // namespace

void append_ldif(std::string& out, const LdifRecord& record) {
  out += '\n';
  append_line(out, "dn", record.dn);
  for (const LdifValue& value : record.values) append_line(out, value.description, value.bytes);
}

void apply(LdifRecord& record, const model::Export& change) {
  for (const model::AttributeChange& attribute : change.attributes) {
    if (!equal_ascii_case(attribute.name, "dn")) set_values(record, attribute.name, attribute.after);
  }
  for (const model::ReferenceChange& reference : change.references) set_reference(record, reference);
}

void rename(LdifRecord& record, const std::string& dn) {
  const model::Dn before = model::parse_dn(record.dn);
  const model::Dn after = model::parse_dn(dn);
  for (const model::Ava& old : before.rdns.front()) {
    std::erase_if(record.values, [&](const LdifValue& value) {
      return is_attribute(value.description, old.first) && fold_key(value.bytes) == fold_key(old.second);
    });
  }
  for (const model::Ava& now : after.rdns.front()) {
    if (!holds_value(record, now)) record.values.push_back({now.first, now.second, 0});
  }
  record.dn = dn;
}

LdifRecord new_record(const model::Export& change) {
  LdifRecord record;
  record.dn = change.dn;
  apply(record, change);
  const bool classes = std::ranges::any_of(
      record.values, [](const LdifValue& value) { return equal_ascii_case(value.description, "objectClass"); });
  if (!classes) {
    std::vector<LdifValue> made;
    for (std::string& name : classes_of(change.object_type)) made.push_back({"objectClass", std::move(name), 0});
    record.values.insert(record.values.begin(), std::make_move_iterator(made.begin()),
                         std::make_move_iterator(made.end()));
  }
  const model::Dn dn = model::parse_dn(record.dn);
  for (const model::Ava& ava : dn.rdns.front()) {
    if (!holds_value(record, ava)) record.values.push_back({ava.first, ava.second, 0});
  }
  return record;
}

}  // namespace linkspan::connector_file
