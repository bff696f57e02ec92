#pragma once
// Changes to a file: all of one call go into one replacement of it.

#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connector_file/internal/csv_settings.h"
#include "connector_file/internal/pass.h"
#include "connector_file/internal/settings.h"

namespace linkspan::connector_file {

/// What one call is asked for, found by the record it concerns, and what became of it. Not thread-safe.
class Changes {
 public:
  explicit Changes(std::span<const model::Export> exports);

  /// The change of the object with this anchor, if there is one.
  [[nodiscard]] std::optional<std::size_t> of(std::string_view anchor) const;
  [[nodiscard]] const model::Export& operator[](std::size_t index) const { return exports_[index]; }
  [[nodiscard]] std::size_t size() const { return exports_.size(); }

  void sent(std::size_t index, std::string anchor, std::string dn, bool was_there = false);
  void failed(std::size_t index, Error error);
  [[nodiscard]] bool is_open(std::size_t index) const { return !outcomes_[index]; }

  /// After the whole file has passed: an object that is not there is a success for a removal, else "file.gone".
  void close_rest();
  /// Tells every outcome.
  void tell(const Done& done);

 private:
  std::span<const model::Export> exports_;
  std::unordered_map<std::string_view, std::size_t> by_anchor_;
  std::vector<std::optional<connector::Outcome>> outcomes_;
};

/// The bytes of a value as LDAP writes them (RFC 4517): TRUE and FALSE, decimal, generalized time.
[[nodiscard]] std::string directory_bytes(const model::Value& value);

/// As Connector::send. Whole or not at all: throws what docs/messages/connector_file.md says when the file cannot be
/// read or replaced, and then nothing was sent.
void send_to_ldif(const FileSettings& settings, std::span<const model::Export> exports, const Done& done);
void send_to_csv(const CsvSettings& settings, std::span<const model::Export> exports, const Done& done);

}  // namespace linkspan::connector_file
