#pragma once
// send(): each export is a little sequence of requests; the sequences of different objects run side by side.

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "connector/connector.h"
#include "connector_scim/internal/service.h"

namespace linkspan::connector_scim {

/// One export on its way: add (a look whether it is there already, if that was asked for, then POST, then members),
/// update (look if need be, PATCH or PUT, then members), remove (DELETE).
class ExportTask {
 public:
  ExportTask(Service& service, const Discovery& discovery, const model::Export& wanted);

  /// The next request; nullopt when there is nothing (left) to do. Throws Fault::invalid for what cannot be said in
  /// SCIM.
  [[nodiscard]] std::optional<net::Request> next_request();

  /// What came of the last request.
  void take(net::Outcome outcome);

  [[nodiscard]] bool is_done() const { return step_ == Step::done; }
  /// Once it is done.
  [[nodiscard]] connector::Outcome outcome();

  /// What is to be said of a sequence that was cut between two requests: nothing, if nothing was changed yet.
  [[nodiscard]] std::optional<connector::Outcome> cut();

 private:
  enum class Step : unsigned char { seek, create, look, patch, put, members, look_for_group, remove, done };
  using Range = std::pair<std::size_t, std::size_t>;

  [[nodiscard]] net::Request on_object(net::Method method, std::string body = {}) const;
  [[nodiscard]] std::optional<net::Request> patch_request();
  [[nodiscard]] std::optional<net::Request> put_request();
  void take_reply(const net::Response& response);
  [[nodiscard]] const model::Value* correlation() const;
  void take_sought(const net::Response& response);
  void take_created(const net::Response& response);
  void take_patched(const net::Response& response);
  void take_looked(const net::Response& response);
  void take_members(const net::Response& response);
  [[nodiscard]] bool goes_again(const net::Response& response);
  [[nodiscard]] bool wants_version() const;
  void look_for(Step next);
  void keep_version(const net::Response& response, const std::string& said);
  void go_on_to_members();
  void fail(Error error, bool uncertain = false);
  void report_refused(const Error& error);
  void refuse_rest();
  [[nodiscard]] std::string what() const;
  [[nodiscard]] bool writes() const;

  Service& service_;
  const Discovery& discovery_;
  const model::Export& wanted_;
  const ResourceType* type_;
  Step step_ = Step::done;
  Step after_look_ = Step::patch;
  std::optional<Resource> looked_;
  std::string looked_body_;
  std::string version_;    ///< of the object, as last seen; empty = not known
  int attempts_left_ = 1;  ///< looks again after what was found stale: noTarget, 412
  std::vector<std::size_t> members_;
  std::vector<Range> ranges_;  ///< of members_, to be sent, the next one last
  bool is_group_known_ = false;
  bool has_changed_ = false;  ///< something has been carried out
  bool has_reported_ = false;
  connector::Sent sent_;
  std::optional<connector::Failed> failed_;
};

/// Carries out send() as the port says.
void send_all(Service& service, std::span<const model::Export> exports,
              const std::function<void(std::size_t, connector::Outcome)>& done, std::stop_token stop);

}  // namespace linkspan::connector_scim
