#include "run/standing.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

#include "base/error.h"
#include "run/settings.h"

namespace linkspan::run {

Standing::Standing(store::Store& store, Logger& logger, LeaseOptions options)
    : store_(store), logger_(logger), options_(std::move(options)) {
  if (options_.holder.empty()) options_.holder = holder_name();
}

Standing::~Standing() {
  try {
    if (has_reported_) store_.servers().leave(name());
  } catch (const std::exception& problem) {
    logger_.log(Level::warning, "run.not_left", problem.what(), {});
  }
}

void Standing::run(std::stop_token stop, std::chrono::milliseconds every) {
  std::mutex mutex;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    look();
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, every, [] { return false; });
  }
}

void Standing::look() {
  bool is_away = true;
  std::string problem;
  try {
    look_around();
    is_away = false;
  } catch (const Error& error) {
    problem = error.what();
  }
  const std::scoped_lock lock(mutex_);
  // Said once. Who led goes on to lead until the time is over that the others give it.
  if (is_away && !is_away_) logger_.log(Level::warning, "run.not_reported", problem, {});
  is_away_ = is_away;
}

void Standing::look_around() {
  const std::chrono::seconds lasts = options_.lasts.count() != 0 ? options_.lasts : lease_length(store_);
  std::vector<store::Server> servers = store_.servers().list();
  const auto leading = [](const store::Server& one) { return one.leads; };
  auto leader = std::find_if(servers.begin(), servers.end(), leading);
  if (leader != servers.end() && is_dead_neighbour(leader->name)) {
    store_.servers().leave(leader->name);
    servers.erase(leader);
    leader = servers.end();
  }
  const auto own = std::find_if(servers.begin(), servers.end(), [&](const auto& one) { return one.name == name(); });
  const std::chrono::nanoseconds now = options_.elapsed();
  {
    const std::scoped_lock lock(mutex_);
    const bool is_due = !has_reported_ || now - reported_at_ >= lasts / 3;
    // Stepped down: its cycle ends now, whatever the next report brings.
    if (own != servers.end() && !own->leads && leads_) settle(false, leader == servers.end() ? "" : leader->name);
    if (!is_due && own != servers.end() && leader != servers.end()) {
      return settle(own->leads, own->leads ? "" : leader->name);
    }
  }
  const store::Server standing = store_.servers().report(name(), lasts);
  if (!standing.leads && leader == servers.end()) {
    servers = store_.servers().list();
    leader = std::find_if(servers.begin(), servers.end(), leading);
  }
  const std::scoped_lock lock(mutex_);
  reported_at_ = now;
  has_reported_ = true;
  lasts_ = lasts;
  settle(standing.leads, standing.leads || leader == servers.end() ? "" : leader->name);
}

void Standing::settle(bool leads, std::string leader) {
  leader_ = std::move(leader);
  if (leads == leads_) return;
  leads_ = leads;
  if (leads) {
    term_ = {};
    logger_.log(Level::info, "run.leads", "this server leads: it starts the cycles", {{"server", name()}});
  } else {
    term_.request_stop();
    logger_.log(Level::info, "run.no_longer_leads", "this server no longer leads: it stands by", {{"server", name()}});
  }
}

bool Standing::leads() const {
  const std::scoped_lock lock(mutex_);
  return leads_ && options_.elapsed() - reported_at_ < lasts_;
}

std::stop_token Standing::term() const {
  const std::scoped_lock lock(mutex_);
  return term_.get_token();
}

std::string Standing::leader() const {
  const std::scoped_lock lock(mutex_);
  return leader_;
}

}  // namespace linkspan::run
