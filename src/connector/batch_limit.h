#pragma once
// How much an import hands over at once: bounded by number and by content, so that memory does not follow what a
// directory keeps in its entries (photographs, groups of a million members).

#include <cstddef>
#include <string>
#include <variant>

#include "model/entry.h"

namespace linkspan::connector {

/// Counts one batch of observations. One thread.
class BatchLimit {
 public:
  void count(const model::Entry& entry) {
    ++observations_;
    for (const auto& [name, values] : entry.attributes) {
      for (const model::Value& value : values) content_ += k_each + size_of(value);
    }
    for (const model::NamedReference& reference : entry.references) content_ += k_each + reference.target.size();
  }
  [[nodiscard]] bool reached() const { return observations_ >= k_observations || content_ >= k_content; }

 private:
  static constexpr std::size_t k_observations = 1000;
  static constexpr std::size_t k_content = std::size_t{2} << 20;
  static constexpr std::size_t k_each = 64;  ///< what a value costs beside its bytes

  [[nodiscard]] static std::size_t size_of(const model::Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return text->size();
    if (const auto* binary = std::get_if<model::Binary>(&value)) return binary->bytes.size();
    return 0;
  }

  std::size_t observations_ = 0;
  std::size_t content_ = 0;
};

}  // namespace linkspan::connector
