#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "connector_file/internal/send.h"

namespace linkspan::connector_file {

Changes::Changes(std::span<const model::Export> exports) : exports_(exports), outcomes_(exports.size()) {
  for (std::size_t i = 0; i < exports.size(); ++i) {
    if (exports[i].operation != model::Operation::add) by_anchor_.emplace(exports[i].anchor, i);
  }
}

std::optional<std::size_t> Changes::of(std::string_view anchor) const {
  const auto found = by_anchor_.find(anchor);
  return found == by_anchor_.end() ? std::nullopt : std::optional(found->second);
}

void Changes::sent(std::size_t index, std::string anchor, std::string dn, bool was_there) {
  connector::Sent sent;
  sent.anchor = std::move(anchor);
  sent.dn = std::move(dn);
  sent.was_there = was_there;
  outcomes_[index] = std::move(sent);
}

void Changes::failed(std::size_t index, Error error) { outcomes_[index] = connector::Failed{std::move(error), false}; }

void Changes::close_rest() {
  for (std::size_t i = 0; i < exports_.size(); ++i) {
    if (outcomes_[i]) continue;
    if (exports_[i].operation == model::Operation::remove) {
      sent(i, exports_[i].anchor, exports_[i].dn);
    } else {
      failed(i, Error(Fault::not_found, "file.gone", fmt::format("{}: it is no longer in the file", exports_[i].dn),
                      "The next import sees that, and the rules decide."));
    }
  }
}

void Changes::tell(const Done& done) {
  for (std::size_t i = 0; i < outcomes_.size(); ++i) done(i, std::move(*outcomes_[i]));
}

std::string directory_bytes(const model::Value& value) {
  if (const auto* binary = std::get_if<model::Binary>(&value)) return binary->bytes;
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "TRUE" : "FALSE";
  if (const auto* time = std::get_if<Time>(&value)) {
    // RFC 4517 section 3.3.13 is RFC 3339 without its punctuation.
    std::string text = to_rfc3339(std::chrono::floor<std::chrono::seconds>(*time));
    std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == 'T'; });
    return text;
  }
  return model::to_text(value);
}

}  // namespace linkspan::connector_file
