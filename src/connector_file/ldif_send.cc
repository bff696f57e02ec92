// Exports to an LDIF file: it is read once, and written anew with the changes in it.

#include <fmt/core.h>
#include <sys/random.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "connector_file/internal/ldif_record.h"
#include "connector_file/internal/records.h"
#include "connector_file/internal/replacement.h"
#include "connector_file/internal/send.h"
#include "model/dn.h"

namespace linkspan::connector_file {

namespace {

/// RFC 4122, version 4: what a directory server gives its objects, and this file has no other server.
std::string random_uuid() {
  std::array<char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(Fault::unavailable, "file.unwritable", "the kernel gave no random bytes");
  }
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  return uuid_text({bytes.data(), bytes.size()}).value();
}

bool is_dn(const std::string& text) {
  try {
    return !model::parse_dn(text).rdns.empty();
  } catch (const Error&) {
    return false;
  }
}

class LdifSender {
 public:
  LdifSender(const FileSettings& settings, std::span<const model::Export> exports)
      : name_(std::filesystem::path(settings.path).filename().string()),
        settings_(settings),
        records_(settings, name_),
        changes_(exports),
        replacement_(settings.path) {
    for (std::size_t i = 0; i < exports.size(); ++i) {
      if (exports[i].operation == model::Operation::add) take_add(i);
      if (exports[i].operation == model::Operation::rename && is_dn(exports[i].dn)) {
        renames_.emplace(model::dn_key(exports[i].dn), i);
      }
    }
  }

  void run(const Done& done) {
    write("version: 1\n");
    std::unique_ptr<SourceFile> old;
    if (std::filesystem::exists(settings_.path)) {
      old = std::make_unique<SourceFile>(settings_.path);
      LdifReader reader([&](std::span<char> bytes) { return old->read(bytes); }, name_);
      while (auto record = reader.next()) pass(std::move(*record));
    }
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      if (changes_[i].operation == model::Operation::add && changes_.is_open(i)) add(i);
    }
    changes_.close_rest();
    if (changed_) replacement_.commit(old.get());
    changes_.tell(done);
  }

 private:
  void write(std::string_view bytes) { replacement_.write(bytes); }

  void write(const LdifRecord& record) {
    std::string text;
    append_ldif(text, record);
    write(text);
  }

  void take_add(std::size_t i) {
    const std::string& dn = changes_[i].dn;
    if (!is_dn(dn)) {
      changes_.failed(i, Error(Fault::invalid, "file.no_name", fmt::format("\"{}\" is no DN", printable(dn)),
                               "An outbound rule has to give new objects their dn."));
    } else if (!adds_.emplace(model::dn_key(dn), i).second) {
      changes_.failed(i, Error(Fault::conflict, "file.exists", fmt::format("{}: two new objects have this name", dn)));
    }
  }

  /// What stands under the name of a new object is either what an earlier try left, or somebody else's.
  void compare(std::size_t i, const LdifRecord& record) {
    LdifRecord wanted = record;
    apply(wanted, changes_[i]);
    std::string before, after;
    append_ldif(before, record);
    append_ldif(after, wanted);
    if (before == after) {
      changes_.sent(i, records_.anchor_of(record), record.dn, true);
      return;
    }
    changes_.failed(i, Error(Fault::conflict, "file.exists", fmt::format("{}: it is there already", record.dn),
                             "The next import shows it; join conditions of the outbound rules can adopt it."));
  }

  void pass(LdifRecord record) {
    if (const auto found = adds_.find(model::dn_key(record.dn)); found != adds_.end()) compare(found->second, record);
    const auto index = changes_.of(records_.anchor_of(record));
    if (index && !change(*index, record)) return;
    follow_parent(record);
    write(record);
  }

  /// False: it is gone.
  bool change(std::size_t i, LdifRecord& record) {
    const model::Export& wanted = changes_[i];
    if (wanted.operation == model::Operation::remove) {
      changes_.sent(i, wanted.anchor, wanted.dn);
      changed_ = true;
      return false;
    }
    std::string before, after;
    append_ldif(before, record);
    if (wanted.operation == model::Operation::rename) {
      if (!is_dn(wanted.new_dn) || wanted.anchor == model::dn_key(record.dn)) {
        changes_.failed(i, Error(Fault::invalid, "file.no_rename",
                                 fmt::format("{}: it cannot be renamed to {}", record.dn, printable(wanted.new_dn)),
                                 "The new name must be a DN, and the object needs an entryUUID, or what the setting "
                                 "anchor names, to stay the same object."));
        renames_.erase(model::dn_key(record.dn));
        return true;
      }
      rename(record, wanted.new_dn);
    }
    apply(record, wanted);
    append_ldif(after, record);
    changed_ |= before != after;
    changes_.sent(i, wanted.anchor, record.dn);
    return true;
  }

  /// What lies below a renamed object moves with it.
  void follow_parent(LdifRecord& record) {
    if (renames_.empty()) return;
    model::Dn dn = model::parse_dn(record.dn);
    const std::string whole = model::dn_key(record.dn);
    std::string_view key = model::parent_key(whole);
    for (std::size_t depth = 1; !key.empty() && depth < dn.rdns.size(); ++depth, key = model::parent_key(key)) {
      const auto found = renames_.find(std::string(key));
      if (found == renames_.end()) continue;
      const model::Dn parent = model::parse_dn(changes_[found->second].new_dn);
      dn.rdns.resize(depth);
      dn.rdns.insert(dn.rdns.end(), parent.rdns.begin(), parent.rdns.end());
      record.dn = model::to_text(dn);
      changed_ = true;
      return;
    }
  }

  void add(std::size_t i) {
    LdifRecord record = new_record(changes_[i]);
    if (settings_.anchor.empty()) record.values.push_back({"entryUUID", random_uuid(), 0});
    std::string anchor;
    try {
      anchor = records_.anchor_of(record);
    } catch (const Error& error) {
      changes_.failed(i, error);
      return;
    }
    write(record);
    changed_ = true;
    changes_.sent(i, std::move(anchor), record.dn);
  }

  std::string name_;
  const FileSettings& settings_;
  RecordReader records_;
  Changes changes_;
  std::unordered_map<std::string, std::size_t> adds_;     ///< by the key of their DN
  std::unordered_map<std::string, std::size_t> renames_;  ///< by the key of the old DN
  Replacement replacement_;
  bool changed_ = false;
};

}  // namespace

void send_to_ldif(const FileSettings& settings, std::span<const model::Export> exports, const Done& done) {
  LdifSender(settings, exports).run(done);
}

}  // namespace linkspan::connector_file
