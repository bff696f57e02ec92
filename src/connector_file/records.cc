#include "connector_file/internal/records.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/text.h"
#include "model/dn.h"

namespace linkspan::connector_file {

namespace {

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}

/// The spelling of the standards, so that "MAIL" in one file and "mail" in another are one attribute.
constexpr std::array k_spellings{"objectClass",
                                 "cn",
                                 "sn",
                                 "givenName",
                                 "initials",
                                 "displayName",
                                 "mail",
                                 "uid",
                                 "title",
                                 "description",
                                 "telephoneNumber",
                                 "mobile",
                                 "pager",
                                 "homePhone",
                                 "facsimileTelephoneNumber",
                                 "employeeNumber",
                                 "employeeType",
                                 "ou",
                                 "o",
                                 "l",
                                 "st",
                                 "street",
                                 "c",
                                 "postalCode",
                                 "postalAddress",
                                 "postOfficeBox",
                                 "roomNumber",
                                 "carLicense",
                                 "departmentNumber",
                                 "businessCategory",
                                 "labeledURI",
                                 "manager",
                                 "secretary",
                                 "member",
                                 "uniqueMember",
                                 "owner",
                                 "seeAlso",
                                 "roleOccupant",
                                 "preferredLanguage",
                                 "physicalDeliveryOfficeName",
                                 "userPassword",
                                 "entryUUID",
                                 "dc",
                                 "homeDirectory",
                                 "loginShell",
                                 "uidNumber",
                                 "gidNumber",
                                 "memberUid",
                                 "generationQualifier",
                                 "homePostalAddress"};

constexpr std::array k_binary{"jpegPhoto",
                              "photo",
                              "audio",
                              "userCertificate",
                              "cACertificate",
                              "certificateRevocationList",
                              "authorityRevocationList",
                              "crossCertificatePair",
                              "userSMIMECertificate",
                              "userPKCS12",
                              "thumbnailPhoto",
                              "objectGUID",
                              "objectSid"};

/// The classes that stand above another, where standards say so.
struct Family {
  std::string_view name, superior;
};
constexpr std::array k_families{Family{"inetorgperson", "organizationalPerson"}, Family{"user", "organizationalPerson"},
                                Family{"computer", "user"}, Family{"organizationalperson", "person"},
                                Family{"residentialperson", "person"}};

std::string_view superior_of(std::string_view name) {
  const auto found =
      std::ranges::find_if(k_families, [&](const Family& one) { return equal_ascii_case(one.name, name); });
  return found == k_families.end() ? std::string_view() : found->superior;
}

std::size_t depth_of(std::string_view name) {
  std::size_t depth = 0;
  for (; !name.empty(); name = superior_of(name)) ++depth;
  return depth;
}

bool is_a(std::string_view name, std::string_view wanted) {
  for (; !name.empty(); name = superior_of(name)) {
    if (equal_ascii_case(name, wanted)) return true;
  }
  return false;
}

template <class Names>
bool holds(const Names& names, std::string_view name) {
  return std::ranges::any_of(names, [&](std::string_view one) { return equal_ascii_case(one, name); });
}

/// The spelling in `names`, or empty.
template <class Names>
std::string spelling_in(const Names& names, std::string_view name) {
  for (const std::string_view one : names) {
    if (equal_ascii_case(one, name)) return std::string(one);
  }
  return {};
}

}  // namespace

RecordReader::RecordReader(const FileSettings& settings, std::string name)
    : settings_(settings), file_(std::move(name)) {}

const RecordReader::Name& RecordReader::name_of(const std::string& description) {
  const auto found = names_.find(description);
  if (found != names_.end()) return found->second;
  Name made;
  const std::size_t options = std::min(description.find(';'), description.size());
  const std::string type = description.substr(0, options);
  std::string option = lower(description.substr(options));
  const bool transfer = option == ";binary";
  if (transfer) option.clear();
  std::string& spelling = spellings_[lower(type)];  // the first one in the file, where nobody knows better
  if (spelling.empty()) {
    spelling = spelling_in(settings_.attributes, type);
    if (spelling.empty()) spelling = spelling_in(settings_.reference_attributes, type);
    if (spelling.empty()) spelling = spelling_in(k_spellings, type);
    if (spelling.empty()) spelling = spelling_in(k_binary, type);
    if (spelling.empty()) spelling = type;
  }
  made.text = spelling + option;
  if (holds(settings_.reference_attributes, type)) {
    made.kind = model::ValueKind::reference;
  } else if (transfer || holds(k_binary, type)) {
    made.kind = model::ValueKind::binary;
  }
  const bool needed = equal_ascii_case(type, "objectClass") || equal_ascii_case(type, "entryUUID");
  made.skip = settings_.attributes.empty() ? equal_ascii_case(type, "userPassword")
                                           : !needed && !holds(settings_.attributes, type);
  return names_.emplace(description, std::move(made)).first->second;
}

/// The most specific of the wanted types that the record has; the first of the settings among equals.
std::string RecordReader::type_of(const LdifRecord& record) const {
  std::string_view best;
  std::size_t best_depth = 0;
  for (const std::string& wanted : settings_.object_types) {
    const bool has = std::ranges::any_of(record.values, [&](const LdifValue& value) {
      return equal_ascii_case(value.description, "objectClass") && is_a(value.bytes, wanted);
    });
    if (!has || depth_of(wanted) <= best_depth) continue;
    best = wanted;
    best_depth = depth_of(wanted);
  }
  return std::string(best);
}

void RecordReader::take(LdifValue& value, model::Entry& entry) {
  const Name& name = name_of(value.description);
  if (name.skip) return;
  const bool text = is_utf8(value.bytes);
  if (name.kind == model::ValueKind::reference && text) {
    std::string_view target = value.bytes;
    if (target.ends_with("'B")) target = target.substr(0, target.rfind("#'"));  // Name And Optional UID
    if (!target.empty()) entry.references.push_back({name.text, std::string(target)});
    return;
  }
  auto held = std::ranges::find(entry.attributes, name.text, &std::pair<std::string, model::Values>::first);
  if (held == entry.attributes.end()) held = entry.attributes.insert(held, {name.text, {}});
  if (text && name.kind != model::ValueKind::binary) {
    held->second.emplace_back(std::move(value.bytes));
  } else {
    held->second.emplace_back(model::Binary{std::move(value.bytes)});
  }
}

std::string RecordReader::anchor_of(const LdifRecord& record) const {
  const std::string_view wanted = settings_.anchor.empty() ? std::string_view("entryUUID") : settings_.anchor;
  const auto where = [&] { return fmt::format("{}:{}: {}", file_, record.line, printable(record.dn)); };
  std::string anchor;
  for (const LdifValue& value : record.values) {
    if (!equal_ascii_case(value.description, wanted)) continue;
    if (!anchor.empty()) {
      throw Error(Fault::invalid, "file.no_anchor", fmt::format("{}: {} has several values", where(), wanted),
                  "choose an attribute with one value as the anchor");
    }
    anchor = is_utf8(value.bytes) ? value.bytes : to_hex(value.bytes);
  }
  if (anchor.empty() && settings_.anchor.empty()) anchor = model::dn_key(record.dn);
  if (anchor.empty()) {
    throw Error(Fault::invalid, "file.no_anchor", fmt::format("{}: it has no {}", where(), wanted),
                "choose an attribute that every object has as the anchor");
  }
  return anchor;
}

void RecordReader::note(const model::Entry& entry) {
  auto& attributes = seen_[entry.object_type];
  for (const auto& [name, values] : entry.attributes) {
    const bool binary = std::holds_alternative<model::Binary>(values.front());
    auto& known = attributes[name];
    known.name = name;
    if (binary) known.kind = model::ValueKind::binary;
    known.multi_valued |= values.size() > 1;
  }
  for (const auto& [name, target] : entry.references) {
    attributes.try_emplace(name, model::SchemaAttribute{name, model::ValueKind::reference, true});
  }
}

std::optional<model::Entry> RecordReader::convert(LdifRecord record) {
  model::Entry entry;
  entry.object_type = type_of(record);
  if (entry.object_type.empty()) return std::nullopt;
  entry.dn = record.dn;
  entry.anchor = anchor_of(record);
  if (!anchors_.insert(hash64(entry.anchor)).second) {
    throw Error(Fault::invalid, "file.duplicate",
                fmt::format("{}:{}: {}: its anchor {} came before", file_, record.line, printable(record.dn),
                            printable(entry.anchor)),
                "an anchor belongs to one object: correct the file, or choose another anchor");
  }
  for (LdifValue& value : record.values) take(value, entry);
  note(entry);
  return entry;
}

std::vector<std::string> classes_of(const std::string& type) {
  std::vector<std::string> classes{"top"};
  const std::string_view superior = superior_of(type);
  if (!superior.empty()) classes = classes_of(std::string(superior));
  classes.push_back(type);
  return classes;
}

model::Schema RecordReader::schema() const {
  model::Schema made;
  for (const auto& [type, attributes] : seen_) {
    model::SchemaClass& one = made.classes.emplace_back(model::SchemaClass{type, {}});
    for (const auto& [name, attribute] : attributes) one.attributes.push_back(attribute);
  }
  return made;
}

}  // namespace linkspan::connector_file
