#pragma once
// Imports: all of it, or what changed since a watermark.

#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connector_scim/internal/page_walk.h"
#include "connector_scim/internal/service.h"

namespace linkspan::connector_scim {

/// "since 2026-11-22T17:57:13.5Z": the text of a watermark.
[[nodiscard]] std::string to_watermark(Time since);
/// Throws Fault::invalid "connector.watermark_refused" for anything else.
[[nodiscard]] Time parse_watermark(std::string_view text);

/// From when the next delta must look. `began` is what the service's clock said when the import began, `newest` the
/// greatest lastModified seen. A clock that stamps objects may lag behind the one that answers, by two minutes at most:
/// so it is `newest`, but no later than `began`, and no earlier than two minutes before it; less some seconds of
/// overlap.
[[nodiscard]] Time next_since(Time began, std::optional<Time> newest);

class ScimImport final : public connector::Import {
 public:
  /// `since` nullopt = full. The service outlives the import.
  ScimImport(Service& service, std::optional<Time> since, std::stop_token stop);

  [[nodiscard]] bool next(std::vector<model::Observation>& batch) override;
  [[nodiscard]] connector::ImportEnd end() override;

 private:
  [[nodiscard]] bool read_more();
  void finish_type();

  Service& service_;
  const std::optional<Time> since_;
  const std::stop_token stop_;
  const Discovery& discovery_;
  std::size_t type_ = 0;  ///< index into discovery_.types
  std::unique_ptr<PageWalk> walk_;
  std::deque<model::Observation> ready_;
  std::optional<Time> began_;
  std::optional<Time> newest_;
  bool has_ended_ = false;
};

}  // namespace linkspan::connector_scim
