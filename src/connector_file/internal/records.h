#pragma once
// From LDIF records to entries: names, types, anchors, references. There is no schema to ask, so what everybody agrees
// on (RFC 4519, RFC 4524, RFC 2798) is built in, and the settings say the rest.

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "connector_file/internal/ldif.h"
#include "connector_file/internal/settings.h"
#include "model/entry.h"
#include "model/schema.h"

namespace linkspan::connector_file {

/// The object classes of a new object of this structural class, from "top" down, as far as standards name them.
[[nodiscard]] std::vector<std::string> classes_of(const std::string& type);

/// Not thread-safe; one per read of a file, for it knows the anchors that it has seen.
class RecordReader {
 public:
  RecordReader(const FileSettings& settings, std::string name);

  /// nullopt for a record of no wanted type. Throws Fault::invalid "file.no_anchor" or "file.duplicate".
  [[nodiscard]] std::optional<model::Entry> convert(LdifRecord record);

  /// The anchor of a record, without looking whether another has it. Throws Fault::invalid "file.no_anchor".
  [[nodiscard]] std::string anchor_of(const LdifRecord& record) const;

  /// What the converted entries have shown so far.
  [[nodiscard]] model::Schema schema() const;

 private:
  struct Name {
    std::string text;  ///< the spelling delivered
    model::ValueKind kind = model::ValueKind::text;
    bool skip = false;
  };
  const Name& name_of(const std::string& description);
  [[nodiscard]] std::string type_of(const LdifRecord& record) const;
  void take(LdifValue& value, model::Entry& entry);
  void note(const model::Entry& entry);

  const FileSettings& settings_;
  std::string file_;
  std::unordered_map<std::string, Name> names_;             ///< by description as written
  std::unordered_map<std::string, std::string> spellings_;  ///< by lower-case description
  std::unordered_set<std::uint64_t> anchors_;
  std::map<std::string, std::map<std::string, model::SchemaAttribute>> seen_;
};

}  // namespace linkspan::connector_file
