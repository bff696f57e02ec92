#include "sync/guard.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace linkspan::sync {
namespace {

void check(Verdict& verdict, std::string_view what, std::int64_t count, std::int64_t objects, const Limit& limit) {
  if (count == 0) return;
  if (limit.count >= 0 && count > limit.count) {
    verdict.reasons.push_back(fmt::format("{} {} are more than the {} allowed", count, what, limit.count));
  }
  if (limit.percent < 0) return;
  const std::int64_t allowed = std::max<std::int64_t>(1, objects * limit.percent / 100);
  if (count > allowed) {
    verdict.reasons.push_back(fmt::format("{} {} are more than the {} allowed ({} % of {} objects)", count, what,
                                          allowed, limit.percent, objects));
  }
}

}  // namespace

Limit parse_limit(std::string_view text) {
  const auto refuse = [&]() -> Error {
    return {Fault::invalid, "guard.limit", fmt::format("\"{}\" is not a limit", printable(text, 40)),
            "Write a count (500), a percentage (5%), both (500,5%: the smaller counts), or off."};
  };
  Limit limit{-1, -1};
  if (trim(text) == "off") return limit;
  for (std::string_view part : split(text, ',')) {
    part = trim(part);
    const bool percent = !part.empty() && part.back() == '%';
    if (percent) part = trim(part.substr(0, part.size() - 1));
    const auto number = to_integer(part);
    if (!number || *number < 0 || (percent && *number > 100)) throw refuse();
    (percent ? limit.percent : limit.count) = *number;
  }
  return limit;
}

std::string to_text(const Limit& limit) {
  if (limit.count < 0 && limit.percent < 0) return "off";
  if (limit.percent < 0) return std::to_string(limit.count);
  if (limit.count < 0) return fmt::format("{}%", limit.percent);
  return fmt::format("{},{}%", limit.count, limit.percent);
}

GuardLimits guard_limits(const std::vector<std::pair<std::string, std::string>>& settings, std::string_view connector) {
  GuardLimits limits;
  const std::pair<std::string_view, Limit*> known[] = {{"guard.deletions", &limits.deletions},
                                                       {"guard.disablements", &limits.disablements},
                                                       {"guard.membership_removals", &limits.membership_removals},
                                                       {"guard.cleared_attributes", &limits.cleared_attributes}};
  for (const auto& [name, limit] : known) {
    const std::string own = fmt::format("{}.{}", name, connector);
    for (const std::string_view wanted : {std::string_view(name), std::string_view(own)}) {
      const auto found =
          std::find_if(settings.begin(), settings.end(), [&](const auto& one) { return one.first == wanted; });
      if (found != settings.end()) *limit = parse_limit(found->second);
    }
  }
  return limits;
}

Verdict judge(const ChangeCounts& counts, std::int64_t objects, const GuardLimits& limits) {
  Verdict verdict;
  check(verdict, "deletions", counts.deletes, objects, limits.deletions);
  check(verdict, "disablements", counts.disablements, objects, limits.disablements);
  check(verdict, "membership removals", counts.membership_removals, objects, limits.membership_removals);
  check(verdict, "cleared attributes", counts.cleared_attributes, objects, limits.cleared_attributes);
  const bool deletions_limited = limits.deletions.count >= 0 || limits.deletions.percent >= 0;
  if (deletions_limited && objects > 1 && counts.deletes >= objects) {
    verdict.reasons.push_back(fmt::format("all {} objects would be deleted: nothing would be left", objects));
  }
  verdict.blocked = !verdict.reasons.empty();
  return verdict;
}

}  // namespace linkspan::sync
