#pragma once
// What the tests of this room share: the fake Graph, an application that may sign in, and time turned by hand.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <testkit/graph_fake.h>

#include "base/clock.h"
#include "connector_graph/internal/certificate.h"
#include "connector_graph/internal/make.h"

namespace linkspan::connector_graph {

/// Keeps what was logged.
class KeepingLogger final : public Logger {
 public:
  void log(Level, std::string_view id, std::string_view message, std::initializer_list<Field>) override {
    const std::scoped_lock lock(mutex_);
    lines_.push_back(std::string(id) + ": " + std::string(message));
  }
  [[nodiscard]] bool holds(std::string_view part) const {
    const std::scoped_lock lock(mutex_);
    for (const std::string& line : lines_) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// One for all tests of a program: keys take their time to make.
inline const Certificate& test_certificate() {
  static const Certificate made = Certificate::make("linkspan-test", ManualClock().now(), std::chrono::days(365));
  return made;
}

/// Waiting turns the clock.
inline Pace cranked(ManualClock& clock) {
  Pace made;
  made.now = [&clock] { return Pace::Instant(clock.now().time_since_epoch()); };
  made.wait = [&clock](Pace::Instant until, std::stop_token stop) {
    const auto left = until - Pace::Instant(clock.now().time_since_epoch());
    if (left > left.zero() && !stop.stop_requested()) {
      clock.advance(std::chrono::ceil<std::chrono::microseconds>(left));
    }
  };
  return made;
}

struct GraphLab {
  explicit GraphLab(testkit::GraphFakeOptions options = {}) : fake(clock, options) {
    client_id = fake.identity().add_application(test_certificate().der(),
                                                {"User.ReadWrite.All", "Group.ReadWrite.All", "Directory.Read.All"});
  }

  [[nodiscard]] Options options() const {
    Options made;
    made.tenant = fake.identity_tenant();
    made.client_id = client_id;
    made.login_url = fake.login_url();
    made.graph_url = fake.graph_url();
    made.certificate = test_certificate().pem();
    made.http.first_delay = std::chrono::milliseconds(1);
    made.http.max_attempts = 3;
    return made;
  }
  std::unique_ptr<connector::Connector> connect(Options made) {
    return make_connector(std::move(made), clock, cranked(clock), logger);
  }
  std::unique_ptr<connector::Connector> connect() { return connect(options()); }

  std::string add_user(const std::string& name, nlohmann::json more = nlohmann::json::object()) {
    more["userPrincipalName"] = name + "@contoso.example";
    more["displayName"] = name;
    more["mailNickname"] = name;
    more["accountEnabled"] = true;
    return fake.add("user", std::move(more));
  }
  std::string add_group(const std::string& name, const std::set<std::string>& members = {}) {
    const std::string id = fake.add(
        "group", {{"displayName", name}, {"mailNickname", name}, {"mailEnabled", false}, {"securityEnabled", true}});
    fake.set_members(id, members);
    return id;
  }

  ManualClock clock;
  KeepingLogger logger;
  testkit::GraphFake fake;
  std::string client_id;
};

inline model::Values one(std::string value) { return {model::Value(std::move(value))}; }

inline model::Export exporting(model::Operation operation, std::string type, std::string anchor = {}) {
  model::Export made;
  made.operation = operation;
  made.object_type = std::move(type);
  made.anchor = std::move(anchor);
  return made;
}

inline model::Export new_user(const std::string& name) {
  model::Export made = exporting(model::Operation::add, "user");
  made.dn = name;
  made.attributes = {{"userPrincipalName", {}, one(name + "@contoso.example")},
                     {"displayName", {}, one(name)},
                     {"mailNickname", {}, one(name)},
                     {"accountEnabled", {}, {model::Value(true)}},
                     {"onPremisesImmutableId", {}, one("anchor/" + name + "==")}};
  return made;
}

inline model::Export new_group(const std::string& name) {
  model::Export made = exporting(model::Operation::add, "group");
  made.dn = name;
  made.attributes = {{"uniqueName", {}, one("anchor/" + name + "'==")},
                     {"displayName", {}, one(name)},
                     {"mailNickname", {}, one(name)},
                     {"mailEnabled", {}, {model::Value(false)}},
                     {"securityEnabled", {}, {model::Value(true)}}};
  return made;
}

/// The outcomes by index, and what send() threw.
struct Results {
  std::map<std::size_t, connector::Outcome> outcomes;
  std::optional<Error> thrown;

  [[nodiscard]] std::size_t sent() const {
    std::size_t count = 0;
    for (const auto& [index, outcome] : outcomes) count += std::holds_alternative<connector::Sent>(outcome) ? 1 : 0;
    return count;
  }
};

inline Results send(connector::Connector& connector, const std::vector<model::Export>& exports,
                    std::stop_token stop = {}) {
  Results run;
  try {
    connector.send(
        exports,
        [&](std::size_t index, connector::Outcome outcome) {
          EXPECT_TRUE(run.outcomes.emplace(index, std::move(outcome)).second) << "two outcomes for " << index;
        },
        std::move(stop));
  } catch (const Error& error) {
    run.thrown = error;
  }
  return run;
}

inline connector::Sent sent(connector::Connector& connector, const model::Export& wanted) {
  Results run = send(connector, {wanted});
  if (run.thrown) ADD_FAILURE() << run.thrown->what();
  if (run.sent() == 1) return std::get<connector::Sent>(run.outcomes.at(0));
  ADD_FAILURE() << (run.outcomes.empty() ? "no outcome" : std::get<connector::Failed>(run.outcomes.at(0)).error.what());
  return {};
}

inline connector::Failed failed(connector::Connector& connector, const model::Export& wanted) {
  Results run = send(connector, {wanted});
  if (run.thrown) ADD_FAILURE() << run.thrown->what();
  if (run.outcomes.size() == 1 && run.sent() == 0) return std::get<connector::Failed>(run.outcomes.at(0));
  ADD_FAILURE() << "it did not fail";
  return {Error(Fault::invalid, "none", "none"), false};
}

/// What went wrong, or "none".
inline Error thrown_by(const std::function<void()>& deed) {
  try {
    deed();
  } catch (const Error& error) {
    return error;
  }
  return {Fault::invalid, "none", "nothing was thrown"};
}

struct Read {
  std::map<std::string, model::Observation> last;  ///< by anchor
  std::map<std::string, int> times;
  connector::ImportEnd end;

  [[nodiscard]] bool shows(const std::string& id) const {
    return last.contains(id) && last.at(id).kind == model::Observation::Kind::present;
  }
  [[nodiscard]] bool is_gone(const std::string& id) const {
    return last.contains(id) && last.at(id).kind == model::Observation::Kind::gone;
  }
  [[nodiscard]] bool is_part(const std::string& id) const {
    return last.contains(id) && last.at(id).kind == model::Observation::Kind::changed;
  }
  [[nodiscard]] std::string text(const std::string& id, const std::string& attribute) const {
    if (!shows(id)) return "(not shown)";
    for (const auto& [name, values] : last.at(id).entry.attributes) {
      if (name == attribute) return model::to_text(values.front());
    }
    return "(none)";
  }
  [[nodiscard]] std::set<std::string> references(const std::string& id, const std::string& attribute) const {
    std::set<std::string> made;
    if (!shows(id)) return made;
    for (const auto& each : last.at(id).entry.references) {
      if (each.attribute == attribute) made.insert(each.target);
    }
    return made;
  }
};

/// The engine holds all that is asked for.
inline std::vector<bool> all_held(std::span<const std::string> anchors) {
  return std::vector<bool>(anchors.size(), true);
}

inline Read import(connector::Connector& connector, const std::string& watermark = {},
                   decltype(connector::ImportRequest::held) held = {}) {
  Read made;
  const auto reading = connector.import({watermark, std::move(held)}, {});
  std::vector<model::Observation> batch;
  while (reading->next(batch)) {
    for (auto& each : batch) {
      ++made.times[each.entry.anchor];
      const std::string anchor = each.entry.anchor;
      made.last[anchor] = std::move(each);
    }
  }
  made.end = reading->end();
  return made;
}

}  // namespace linkspan::connector_graph
