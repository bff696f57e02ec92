#pragma once
// send(): each export is a little sequence of calls; the calls of different exports go in batches of 20, several
// batches in flight, within the tenant's write budget.

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "connector/connector.h"
#include "connector_graph/internal/reader.h"
#include "connector_graph/internal/tenant.h"

namespace linkspan::connector_graph {

/// One call of one export.
struct Errand {
  Call call;
  std::size_t piece = 0;   ///< for ExportTask::take
  bool writes = true;      ///< counts against the budget
  bool repeatable = true;  ///< doing it twice is doing it once
};

/// One export on its way: add (a look whether it is there already, if that was asked for, then POST; a group with a
/// uniqueName by PATCH create-if-missing), update (PATCH), remove (DELETE), and after the first two the references:
/// members 20 at a time, others one by one, side by side. One thread.
class ExportTask {
 public:
  /// All that is given outlives it.
  ExportTask(Tenant& tenant, Reader& reader, const model::Export& wanted);

  /// The next call; nullopt when there is none now. Throws Fault::invalid for what Graph cannot be told.
  [[nodiscard]] std::optional<Errand> next();

  /// What came of a call, for the `attempt`th time. True = ask again, a little later.
  [[nodiscard]] bool take(std::size_t piece, const net::Outcome& outcome, int attempt);

  [[nodiscard]] bool is_done() const { return step_ == Step::done && pieces_in_flight_ == 0; }
  /// Once it is done.
  [[nodiscard]] connector::Outcome outcome();
  /// What is to be said of a sequence that was cut between two calls: nothing, if nothing was changed yet.
  [[nodiscard]] std::optional<connector::Outcome> cut();

 private:
  enum class Step : unsigned char { seek, create, seek_taken, seek_made, patch, references, remove, done };
  /// Some references of one attribute, added or removed by one call.
  struct Piece {
    std::vector<std::size_t> references;  ///< indexes into wanted_.references
    bool is_open = true;                  ///< in flight, or to be sent
  };

  [[nodiscard]] Errand on_object(net::Method method, std::string below = {}, std::string body = {}) const;
  [[nodiscard]] Errand create() const;
  [[nodiscard]] Errand seek() const;
  [[nodiscard]] Errand carry(const Piece& piece, std::size_t number) const;
  [[nodiscard]] bool take_reply(std::size_t piece, const net::Response& response, int attempt);
  void take_sought(const net::Response& response);
  void take_created(const net::Response& response);
  void take_sought_taken(const net::Response& response);
  void take_sought_made(const net::Response& response);
  void take_piece(std::size_t number, const net::Response& response);
  void go_on_to_references();
  void refuse(const Piece& piece);
  void fail(Error error, bool uncertain = false);
  void report_refused(const Error& error);
  [[nodiscard]] bool is_upsert() const { return !key_.empty() && type_->name == "group"; }
  [[nodiscard]] std::string what() const;

  Tenant& tenant_;
  Reader& reader_;
  const model::Export& wanted_;
  const ObjectType* type_ = nullptr;
  std::string key_;  ///< the value an add gives its type's key
  Step step_ = Step::done;
  bool is_asked_ = false;  ///< the call of this step is in flight
  std::deque<Piece> pieces_;
  std::vector<std::size_t> to_send_;  ///< pieces, the next one last
  std::size_t pieces_in_flight_ = 0;
  std::optional<Error> taken_;  ///< why it could not be made
  bool taken_by_key_ = false;
  bool has_sought_again_ = false;  ///< after a lost answer to the making of a group
  bool has_created_ = false;
  bool has_changed_ = false;
  bool has_reported_ = false;
  connector::Sent sent_;
  std::optional<connector::Failed> failed_;
};

/// Carries out send() as the port says.
void send_all(Tenant& tenant, std::span<const model::Export> exports,
              const std::function<void(std::size_t, connector::Outcome)>& done, std::stop_token stop);

}  // namespace linkspan::connector_graph
