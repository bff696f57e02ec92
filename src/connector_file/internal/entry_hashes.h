#pragma once
// Which entries a file held at the last import: 16 bytes for each, in the watermark.

#include <string>
#include <string_view>
#include <vector>

#include "model/entry.h"

namespace linkspan::connector_file {

/// XXH3-128 of all that an entry is, its anchor included; the order of values and references does not matter.
[[nodiscard]] std::string hash_of(const model::Entry& entry);

/// A sorted list of hashes as one text of bytes.
class EntryHashes {
 public:
  EntryHashes() = default;
  /// Takes what bytes() made; anything else that divides by 16 is a list in which nothing is found.
  explicit EntryHashes(std::string_view bytes);

  void add(std::string_view hash) { bytes_ += hash; }
  /// Puts them in order: before contains() and bytes().
  void sort();
  [[nodiscard]] bool contains(std::string_view hash) const;
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

  static constexpr std::size_t k_size = 16;

 private:
  std::string bytes_;
};

}  // namespace linkspan::connector_file
