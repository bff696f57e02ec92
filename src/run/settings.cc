#include "run/settings.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "sync/guard.h"

namespace linkspan::run {

std::string full_import_due(store::ConnectorId connector) { return fmt::format("full_import_due.{}", connector.value); }

std::string import_completed(store::ConnectorId connector) {
  return fmt::format("import_completed.{}", connector.value);
}

std::string full_import_completed(store::ConnectorId connector) {
  return fmt::format("full_import_completed.{}", connector.value);
}

std::optional<std::chrono::seconds> full_after(store::Configuration& configuration, std::string_view connector) {
  const std::string own = fmt::format("{}.{}", k_full_after, connector);
  const std::string_view name = configuration.setting(own) ? own : k_full_after;
  if (configuration.setting(name) == "never") return std::nullopt;
  return duration_setting(configuration, name, std::chrono::hours(4));
}

std::chrono::seconds parse_duration(std::string_view text) {
  const std::int64_t number = text.size() < 2 ? -1 : to_integer(text.substr(0, text.size() - 1)).value_or(-1);
  std::int64_t unit = 0;
  switch (text.empty() ? ' ' : text.back()) {
    case 's':
      unit = 1;
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3600;
      break;
    case 'd':
      unit = 86400;
      break;
    default:
      break;
  }
  constexpr std::int64_t k_ten_years = 3650;
  if (unit == 0 || number < 0 || number > k_ten_years * 86400 / unit) {
    throw Error(Fault::invalid, "run.duration", fmt::format("\"{}\" is no duration", printable(text, 40)),
                "Write a number and s, m, h or d: 90s, 30m, 12h, 7d.");
  }
  return std::chrono::seconds(number * unit);
}

std::chrono::seconds duration_setting(store::Configuration& configuration, std::string_view name,
                                      std::chrono::seconds standard) {
  const auto text = configuration.setting(name);
  if (!text) return standard;
  try {
    return parse_duration(*text);
  } catch (const Error&) {
    return standard;  // it was checked when it was set; a database edited by hand must not stop the service
  }
}

std::chrono::seconds lease_length(store::Store& store) {
  return duration_setting(store.configuration(), k_lease, std::chrono::seconds(60));
}

bool is_on(store::Configuration& configuration, std::string_view name) { return configuration.setting(name) == "on"; }

void put_setting(store::Configuration& configuration, std::string_view name, std::string_view value) {
  const std::pair<std::string, std::string> one{name, value};
  configuration.put_settings({&one, 1});
}

void check_setting(std::string_view name, std::string_view value) {
  if (name == k_interval || name == k_history) {
    if (parse_duration(value) < std::chrono::seconds(name == k_interval ? 10 : 60)) {
      throw Error(Fault::invalid, "run.setting", fmt::format("{} = \"{}\" is too short", name, value),
                  "At least 10s for scheduler.interval, and 60s for history.keep.");
    }
    return;
  }
  if (name == k_lease) {
    // Renewed three times in its length: shorter ones would be lost to a busy machine, longer ones keep standbys
    // waiting.
    const auto length = parse_duration(value);
    if (length >= std::chrono::seconds(6) && length <= std::chrono::hours(1)) return;
    throw Error(Fault::invalid, "run.setting", fmt::format("{} = \"{}\" is out of range", name, value),
                "From 6s to 1h.");
  }
  if (name == k_backup_age) {
    if (value == "off" || parse_duration(value) >= std::chrono::hours(1)) return;
    throw Error(Fault::invalid, "run.setting", fmt::format("{} = \"{}\" is too short", name, value),
                "At least 1h, or off.");
  }
  if (name == k_staging || name == k_suspended || name == k_full_synchronization) {
    if (value == "on" || value == "off") return;
    throw Error(Fault::invalid, "run.setting", fmt::format("{} is on or off, not \"{}\"", name, printable(value, 40)));
  }
  if (name == k_full_after || (name.starts_with(k_full_after) && name.substr(k_full_after.size()).starts_with('.'))) {
    if (value == "never" || parse_duration(value) >= std::chrono::seconds(60)) return;
    throw Error(Fault::invalid, "run.setting", fmt::format("{} = \"{}\" is too short", name, value),
                "At least 60s, or never.");
  }
  for (const std::string_view limit :
       {"guard.deletions", "guard.disablements", "guard.membership_removals", "guard.cleared_attributes"}) {
    if (name == limit || (name.starts_with(limit) && name.substr(limit.size()).starts_with('.'))) {
      static_cast<void>(sync::parse_limit(value));
      return;
    }
  }
  throw Error(
      Fault::invalid, "run.setting", fmt::format("there is no setting {}", printable(name, 80)),
      "There are: scheduler.interval, scheduler.suspended, history.keep, backup.age, lease.lasts, staging, and (also "
      "with .CONNECTOR) import.full_after, guard.deletions, guard.disablements, guard.membership_removals, "
      "guard.cleared_attributes.");
}

}  // namespace linkspan::run
