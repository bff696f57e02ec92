#pragma once
// A strict little Microsoft Graph v1.0 with its sign-in, in memory, for what cannot be had in a test: it takes nothing
// that Graph's documentation does not have, throttles, lags behind and forgets as that says, and fails on demand.
// Each behaviour names its page below learn.microsoft.com where it is made.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "net/testing/loopback_server.h"
#include "testkit/graph_identity.h"
#include "testkit/graph_upload.h"

namespace linkspan::testkit {

struct GraphFakeOptions {
  std::size_t page_size = 100;             ///< objects on a page
  std::size_t members_per_page = 1000;     ///< members shown on one page of a delta query, over all groups
  std::uint32_t writes_per_window = 7000;  ///< in any five minutes
  std::uint64_t lag = 0;           ///< so many requests pass until a new object is found by queries and single reads
  bool shows_twice = false;        ///< delta queries repeat each element on the next page
  bool repeats_unchanged = false;  ///< and show of what changed also the properties that did not
  bool interleaves = false;        ///< pieces of groups' members come in turn instead of one group after the other
};

/// One request, alone or inside a batch.
struct GraphAsked {
  std::string method;
  std::string path;  ///< below /v1.0, decoded, without the query
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  ///< names in lower case
  nlohmann::json body;
};

struct GraphReply {
  int status = 200;
  nlohmann::json body = nullptr;
  std::vector<std::pair<std::string, std::string>> headers{};
};

/// All members may be called from any thread. The clock outlives it.
class GraphFake {
 public:
  explicit GraphFake(const Clock& clock, GraphFakeOptions options = {});
  GraphFake(const GraphFake&) = delete;
  GraphFake& operator=(const GraphFake&) = delete;

  [[nodiscard]] std::string graph_url() const { return origin() + "/graph"; }
  [[nodiscard]] std::string login_url() const { return origin() + "/login"; }
  /// Who asks comes by this way ("http://127.0.0.1:1"), and links lead there. Before the first request.
  void show_as(std::string origin) { origin_ = std::move(origin); }
  [[nodiscard]] int port() const { return server_.port(); }
  [[nodiscard]] std::string root() const { return graph_url() + "/v1.0"; }

  /// Who may sign in, and with what.
  [[nodiscard]] GraphIdentity& identity() { return *identity_; }
  [[nodiscard]] const std::string& identity_tenant() const { return identity_->tenant(); }

  // What people do to it; nothing is checked, the budget is not touched.

  std::string add(const std::string& type, nlohmann::json properties);
  void set(const std::string& id, const std::string& property, nlohmann::json value);  ///< null clears
  void set_manager(const std::string& id, const std::string& manager);                 ///< empty clears
  void set_members(const std::string& id, const std::set<std::string>& members);
  void remove(const std::string& id);
  void declare_extension(const std::string& name, const std::string& data_type, bool multi_valued);

  // What is in it.

  [[nodiscard]] nlohmann::json get(const std::string& id) const;  ///< null when it is gone
  [[nodiscard]] std::set<std::string> members(const std::string& id) const;
  [[nodiscard]] std::set<std::string> owners(const std::string& id) const;
  [[nodiscard]] std::string manager(const std::string& id) const;
  /// Does something with the provisioning job, under the lock.
  template <class Deed>
  auto with_upload(const Deed& deed) {
    const std::scoped_lock lock(mutex_);
    return deed(upload_);
  }
  /// Those whose `property` is `value`.
  [[nodiscard]] std::vector<std::string> where(const std::string& property, const nlohmann::json& value) const;
  [[nodiscard]] std::size_t count(const std::string& type) const;

  // How it fails.

  /// Asked first for each request below /v1.0, batches and what is in them: its reply, or nullopt to let it be. With
  /// `carry_out` it does what is asked and answers with that reply.
  using Intercept = std::function<std::optional<GraphReply>(const GraphAsked&)>;
  void intercept(Intercept intercept, bool carry_out = false);
  /// The next batches are carried out, or not, and then the connection is cut.
  void lose_batches(std::size_t count, bool carry_out);
  void forget_tokens();  ///< delta tokens given out until now: 410 Gone

  // What it was asked.

  struct Calls {
    std::size_t requests = 0;  ///< over HTTP, below /v1.0
    std::size_t batches = 0;
    std::size_t writes = 0;  ///< carried out or refused, but not throttled
    std::size_t throttled = 0;
    std::size_t most_in_window = 0;  ///< writes in any five minutes
    std::size_t largest_batch = 0;
  };
  [[nodiscard]] Calls calls() const;
  /// How often a request with that method and path part came, inside batches too.
  [[nodiscard]] std::size_t seen(const std::string& method, const std::string& path_part) const;

 private:
  [[nodiscard]] std::string origin() const { return origin_.empty() ? server_.url() : origin_; }

  friend class GraphDelta;
  friend class GraphWriter;

  struct Object {
    std::string id, type;
    nlohmann::json properties = nlohmann::json::object();
    std::string manager;
    std::set<std::string> members, owners;
    std::uint64_t made = 0;  ///< sequence number
    std::uint64_t made_at_request = 0;
    std::uint64_t removed = 0;                     ///< 0 = it is there
    std::map<std::string, std::uint64_t> changed;  ///< property (or manager) -> sequence number
  };
  /// Somebody came into a group or left it, or became its owner.
  struct LinkEvent {
    std::uint64_t sequence = 0;
    std::string link, group, target;
    bool removed = false;
  };
  struct Cursor {
    std::vector<nlohmann::json> pages;
    std::string collection, select;
    std::uint64_t end = 0;
    Time made{};
  };

  [[nodiscard]] net::ScriptedReply answer(const net::SeenRequest& request);
  [[nodiscard]] GraphReply serve(const GraphAsked& asked, const std::set<std::string>& rights);
  [[nodiscard]] GraphReply serve_batch(const GraphAsked& asked, const std::set<std::string>& rights);
  [[nodiscard]] GraphReply throttle_or(const GraphAsked& asked, const std::set<std::string>& rights);
  [[nodiscard]] GraphReply list(const GraphAsked& asked, const std::string& type);
  [[nodiscard]] GraphReply read(const GraphAsked& asked, const Object& object) const;
  [[nodiscard]] GraphReply list_links(const GraphAsked& asked, const Object& group, const std::string& link) const;
  [[nodiscard]] nlohmann::json shown(const Object& object, const std::string& select) const;
  [[nodiscard]] bool is_visible(const Object& object) const;
  [[nodiscard]] Object* find(const std::string& id);
  [[nodiscard]] const Object* find(const std::string& id) const;
  Object& make(const std::string& type);
  void change(Object& object, const std::string& property, nlohmann::json value);
  void link(Object& group, const std::string& name, const std::string& target, bool add);
  void erase(Object& object);

  const Clock& clock_;
  const GraphFakeOptions options_;
  std::string origin_;
  mutable std::mutex mutex_;
  GraphUpload upload_;
  std::unique_ptr<GraphIdentity> identity_;
  Intercept intercept_;
  bool carry_out_ = false;
  std::size_t batches_to_lose_ = 0;
  bool lost_are_carried_out_ = false;
  std::map<std::string, Object> objects_;
  std::vector<LinkEvent> link_events_;
  std::map<std::string, nlohmann::json> extensions_;
  std::map<std::string, Cursor> cursors_;
  std::uint64_t sequence_ = 1;
  std::uint64_t oldest_token_ = 0;
  std::uint64_t next_token_ = 1;
  std::deque<Time> recent_writes_;
  Calls calls_;
  std::vector<std::pair<std::string, std::string>> seen_;
  net::LoopbackServer server_;  ///< last: its threads use all of the above
};

/// The refusal of one request, as Graph writes it (graph/errors).
struct GraphRefusal {
  int status;
  std::string code;
  std::string message;
};

/// `asked` from a method, a path with query (encoded), headers and a body.
[[nodiscard]] GraphAsked parse_graph_request(std::string method, const std::string& target,
                                             std::map<std::string, std::string> headers, nlohmann::json body);
/// %XX and, in a form, + decoded.
[[nodiscard]] std::string decode_percent(const std::string& text, bool is_form = false);
[[nodiscard]] std::string make_uuid(std::uint64_t number);
/// The text between the quotes of an OData key: "/x(uniqueName='it''s')" gives "it's"; nullopt for another property.
[[nodiscard]] std::optional<std::string> odata_key(const std::string& segment, const std::string& property);

}  // namespace linkspan::testkit
