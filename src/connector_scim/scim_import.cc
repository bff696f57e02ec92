// Full and delta imports over page walks.

#include "connector_scim/internal/scim_import.h"

#include <algorithm>
#include <cassert>
#include <chrono>

#include "base/error.h"
#include "base/text.h"
#include "connector/batch_limit.h"

namespace linkspan::connector_scim {
namespace {

constexpr std::string_view k_watermark_prefix = "since ";
constexpr std::chrono::seconds k_overlap{5};
constexpr std::chrono::minutes k_most_lag{2};

[[noreturn]] void refuse_watermark(std::string why) {
  throw Error(Fault::invalid, "connector.watermark_refused", std::move(why), "Begin again with a full import.");
}

}  // namespace

std::string to_watermark(Time since) { return std::string(k_watermark_prefix) + to_rfc3339(since); }

Time parse_watermark(std::string_view text) {
  if (!text.starts_with(k_watermark_prefix))
    refuse_watermark("this is no watermark of a SCIM service: " + printable(text, 60));
  try {
    return from_rfc3339(text.substr(k_watermark_prefix.size()));
  } catch (const Error&) {
    refuse_watermark("this watermark holds no time: " + printable(text, 60));
  }
}

Time next_since(Time began, std::optional<Time> newest) {
  const Time earliest = began - k_most_lag;
  // Whole seconds: not every service reads fractions.
  return std::chrono::floor<std::chrono::seconds>(std::clamp(newest.value_or(earliest), earliest, began)) - k_overlap;
}

ScimImport::ScimImport(Service& service, std::optional<Time> since, std::stop_token stop)
    : service_(service), since_(since), stop_(std::move(stop)), discovery_(service.discovery(stop_)) {}

bool ScimImport::next(std::vector<model::Observation>& batch) {
  batch.clear();
  while (ready_.empty()) {
    if (!read_more()) {
      has_ended_ = true;
      return false;
    }
  }
  connector::BatchLimit limit;
  while (!ready_.empty() && !limit.reached()) {
    limit.count(ready_.front().entry);
    batch.push_back(std::move(ready_.front()));
    ready_.pop_front();
  }
  return true;
}

/// False when every type is at its end.
bool ScimImport::read_more() {
  if (stop_.stop_requested())
    throw Error(Fault::cancelled, "scim.stopped", "the import from " + service_.options().url + " was stopped");
  if (type_ == discovery_.types.size()) return false;
  const ResourceType& type = discovery_.types[type_];
  if (!walk_) {
    std::string filter = since_ ? "meta.lastModified ge \"" + to_rfc3339(*since_) + "\"" : std::string();
    walk_ = std::make_unique<PageWalk>(service_, type, service_.page_size(discovery_, type.name), std::move(filter),
                                       stop_, discovery_.by_cursor, discovery_.sort);
  }
  std::vector<Resource> resources;
  try {
    if (!walk_->next(resources)) finish_type();
  } catch (const Error& error) {
    if (!since_ || error.id() != "scim.refused") throw;
    service_.give_up_delta();
    refuse_watermark("the service cannot list what changed: " + error.message());
  }
  for (Resource& resource : resources) {
    if (resource.last_modified && (!newest_ || *newest_ < *resource.last_modified)) newest_ = resource.last_modified;
    ready_.emplace_back().entry = std::move(resource.entry);
  }
  return true;
}

void ScimImport::finish_type() {
  if (!since_) {
    for (std::string& id : walk_->vanished()) {
      model::Observation gone;
      gone.kind = model::Observation::Kind::gone;
      gone.entry.anchor = std::move(id);
      gone.entry.object_type = discovery_.types[type_].name;
      ready_.push_back(std::move(gone));
    }
  }
  if (!began_ && type_ == 0) began_ = walk_->server_time();
  walk_.reset();
  ++type_;
}

connector::ImportEnd ScimImport::end() {
  assert(has_ended_);
  connector::ImportEnd made;
  made.complete = !since_;
  // Objects without lastModified cannot be asked for by it.
  if (began_ && service_.offers_delta() && (newest_ || since_))
    made.watermark = to_watermark(next_since(*began_, newest_));
  return made;
}

}  // namespace linkspan::connector_scim
