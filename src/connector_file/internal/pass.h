#pragma once
// What LDIF and CSV have in common: a file is read in passes, each from its beginning to its proper end, and taken for
// a directory (connector.cc).

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "connector/connector.h"
#include "connector_file/internal/source_file.h"
#include "model/entry.h"
#include "model/schema.h"

namespace linkspan::connector_file {

/// One read of a file. Not thread-safe; what it was made from outlives it.
class Pass {
 public:
  explicit Pass(const std::string& path) : file_(path) {}
  virtual ~Pass() = default;
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  /// The next entry of a wanted type; nullopt at the proper end of a file that held still. Throws what
  /// docs/messages/connector_file.md says.
  [[nodiscard]] virtual std::optional<model::Entry> next() = 0;
  /// Records read so far, of wanted types and others.
  [[nodiscard]] virtual std::size_t records() const = 0;
  /// What the entries have shown so far.
  [[nodiscard]] virtual model::Schema schema() const = 0;

  [[nodiscard]] SourceFile& file() { return file_; }

 private:
  SourceFile file_;
};

/// Receives the outcome of each change, once.
using Done = std::function<void(std::size_t index, connector::Outcome outcome)>;

/// A kind of file, opened for one connector.
struct Format {
  std::string path;
  /// Changes whenever the settings would make other entries of the same file.
  std::string fingerprint;
  bool references_by_anchor = false;
  std::function<std::unique_ptr<Pass>()> open;
  /// Carries out changes of one kind by replacing the file, once, with what it is to be. As Connector::send.
  std::function<void(std::span<const model::Export>, const Done&, std::stop_token)> send;
};

[[nodiscard]] std::unique_ptr<connector::Connector> make_connector(Format format);

}  // namespace linkspan::connector_file
