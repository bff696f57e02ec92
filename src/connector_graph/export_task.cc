// One export, call by call.

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "connector_graph/internal/exporter.h"
#include "connector_graph/internal/finder.h"
#include "connector_graph/internal/writer.h"
#include "net/url.h"

namespace linkspan::connector_graph {
namespace {

/// learn.microsoft.com/graph/api/group-post-members: no more in one request.
constexpr std::size_t k_members = 20;
/// What was just made may not be found by the next request for a few seconds.
constexpr int k_attempts_after_create = 6;

/// A refusal of what was asked, not of who asks or when.
bool is_refusal(int status) {
  return status / 100 == 4 && status != 401 && status != 403 && status != 408 && status != 429;
}

bool is_failure(int status) { return status / 100 == 5 || status == 408; }

}  // namespace

ExportTask::ExportTask(Tenant& tenant, Reader& reader, const model::Export& wanted)
    : tenant_(tenant), reader_(reader), wanted_(wanted) {
  sent_.anchor = wanted.anchor;
  try {
    type_ = &tenant.type(wanted.object_type);
  } catch (const Error& error) {
    fail(error);
    return;
  }
  if (wanted.operation != model::Operation::add && wanted.operation != model::Operation::none &&
      !is_object_id(wanted.anchor)) {
    fail(Error(Fault::invalid, "graph.refused", what() + ": its anchor is no id", "Import the tenant again."));
    return;
  }
  switch (wanted.operation) {
    case model::Operation::add:
      key_ = added_text(wanted, type_->key);
      // A group that is there is adopted as it is: made "if missing", what was asked for would be written over it.
      step_ = is_upsert() || (wanted.look_first && !key_.empty()) ? Step::seek : Step::create;
      break;
    case model::Operation::update:
    case model::Operation::rename:  // a name is an attribute here
      step_ = Step::patch;
      break;
    case model::Operation::remove:
      step_ = Step::remove;
      break;
    case model::Operation::none:
      break;
  }
}

std::optional<Errand> ExportTask::next() {
  if (is_asked_ || step_ == Step::done) return std::nullopt;
  if (step_ == Step::patch) {
    const std::optional<std::string> body = patch_body(*type_, wanted_);
    if (!body) {
      go_on_to_references();
      return next();
    }
    is_asked_ = true;
    return on_object(net::Method::patch, {}, *body);
  }
  if (step_ == Step::references) {
    if (to_send_.empty()) return std::nullopt;
    const std::size_t number = to_send_.back();
    to_send_.pop_back();
    ++pieces_in_flight_;
    return carry(pieces_[number], number);
  }
  is_asked_ = true;
  switch (step_) {
    case Step::create: {
      is_asked_ = false;
      Errand made = create();  // may throw
      is_asked_ = true;
      return made;
    }
    case Step::remove:
      return on_object(net::Method::remove);
    default:
      return seek();
  }
}

Errand ExportTask::on_object(net::Method method, std::string below, std::string body) const {
  Errand made;
  made.call = {method, "/" + type_->collection + "/" + sent_.anchor + below, {}, std::move(body)};
  return made;
}

Errand ExportTask::create() const {
  Errand made;
  made.call.body = create_body(*type_, wanted_, tenant_.options().force_password_change);
  if (is_upsert()) {
    // learn.microsoft.com/graph/api/group-upsert: two that ask at once make one group.
    made.call.method = net::Method::patch;
    made.call.path = path_by_unique_name(key_);
    made.call.headers.add("Prefer", "create-if-missing");
  } else {
    made.call.method = net::Method::post;
    made.call.path = "/" + type_->collection;
  }
  made.repeatable = false;
  return made;
}

Errand ExportTask::seek() const {
  Errand made;
  made.writes = false;
  if (type_->name == "group") {
    made.call.path = net::with_query(path_by_unique_name(key_), {{"$select", type_->selection()}});
  } else {
    made.call = find_call(*type_, type_->key, model::Value(key_));
  }
  return made;
}

Errand ExportTask::carry(const Piece& piece, std::size_t number) const {
  const model::ReferenceChange& first = wanted_.references[piece.references.front()];
  const Link* link = type_->find_link(first.attribute);
  Errand made;
  if (!first.add) {
    made = on_object(net::Method::remove,
                     "/" + link->name + (link->multi_valued ? "/" + first.target : std::string()) + "/$ref");
  } else if (!link->multi_valued) {
    made = on_object(net::Method::put, "/" + link->name + "/$ref", reference_body(tenant_.root(), first.target));
  } else if (link->name == "members") {
    std::vector<std::string> targets;
    for (const std::size_t at : piece.references) targets.push_back(wanted_.references[at].target);
    made = on_object(net::Method::patch, {}, bind_body(tenant_.root(), link->name, targets));
  } else {
    made = on_object(net::Method::post, "/" + link->name + "/$ref", reference_body(tenant_.root(), first.target));
  }
  made.piece = number;
  return made;
}

bool ExportTask::take(std::size_t piece, const net::Outcome& outcome, int attempt) {
  if (const auto* response = std::get_if<net::Response>(&outcome)) return take_reply(piece, *response, attempt);
  is_asked_ = false;
  Error error = std::get<Error>(outcome);
  const bool uncertain = net::may_have_arrived(error);
  if (step_ == Step::references) {
    --pieces_in_flight_;
    report_refused(error);
    refuse(pieces_[piece]);
    if (to_send_.empty() && pieces_in_flight_ == 0) step_ = Step::done;
    return false;
  }
  if (step_ == Step::create && is_upsert() && uncertain && !std::exchange(has_sought_again_, true)) {
    step_ = Step::seek;  // it can be asked for by its key, at once
    return false;
  }
  fail(std::move(error).while_doing(what()), uncertain && step_ != Step::seek);
  return false;
}

bool ExportTask::take_reply(std::size_t piece, const net::Response& response, int attempt) {
  if (response.status == 404 && has_created_ && step_ == Step::references && attempt < k_attempts_after_create) {
    return true;
  }
  is_asked_ = false;
  switch (step_) {
    case Step::seek:
      take_sought(response);
      return false;
    case Step::create:
      take_created(response);
      return false;
    case Step::seek_taken:
      take_sought_taken(response);
      return false;
    case Step::seek_made:
      if (response.status == 404 && attempt < k_attempts_after_create) return is_asked_ = true;
      take_sought_made(response);
      return false;
    case Step::patch:
      if (!is_success(response)) {
        fail(error_of(response, what()), is_failure(response.status));
        return false;
      }
      has_changed_ = true;
      for (const model::AttributeChange& change : wanted_.attributes) {
        if (change.name == type_->title && change.after.size() == 1) sent_.dn = model::to_text(change.after.front());
      }
      go_on_to_references();
      return false;
    case Step::references:
      --pieces_in_flight_;
      take_piece(piece, response);
      return false;
    case Step::remove:
      if (!is_success(response) && response.status != 404) {
        fail(error_of(response, what()), is_failure(response.status));
      }
      step_ = Step::done;
      return false;
    case Step::done:
      break;
  }
  return false;
}

void ExportTask::take_sought(const net::Response& response) {
  step_ = Step::create;
  if (is_refusal(response.status)) return;  // not there (404), or it cannot be asked
  if (!is_success(response)) return fail(error_of(response, what()));
  std::vector<model::Entry> found;
  try {
    if (type_->name == "group") {
      found.push_back(reader_.object(response.body, *type_).entry);
    } else {
      found = matches_in(response.body, *type_, type_->key, model::Value(key_));
    }
  } catch (Error& error) {
    return fail(std::move(error).while_doing(what()));
  }
  if (found.empty()) return;
  sent_.anchor = std::move(found.front().anchor);
  sent_.dn = std::move(found.front().dn);
  sent_.was_there = true;
  step_ = Step::done;
}

void ExportTask::take_created(const net::Response& response) {
  if (!is_success(response)) {
    Error error = error_of(response, what());
    if (is_taken(response) && type_->name == "user" && !key_.empty()) {
      taken_by_key_ = response.body.find(type_->key) != std::string::npos;
      taken_ = std::move(error);
      step_ = Step::seek_taken;
      return;
    }
    return fail(std::move(error), is_failure(response.status));
  }
  has_changed_ = true;
  has_created_ = true;
  sent_.dn = added_text(wanted_, type_->title);
  sent_.anchor = reader_.id(response.body);
  if (!sent_.anchor.empty()) return go_on_to_references();
  if (is_upsert()) {
    step_ = Step::seek_made;  // it was there, and is now as it should be; 204 does not say which it is
    return;
  }
  has_changed_ = false;
  fail(Error(Fault::unavailable, "graph.reply", what() + ": Graph made it and does not say which it is",
             "It is looked up before it is tried again."),
       /*uncertain=*/true);
}

/// Somebody has the value. Is it the very account we mean, made by an earlier request whose answer was lost?
void ExportTask::take_sought_taken(const net::Response& response) {
  take_sought(response);
  if (step_ != Step::create) return;
  // Graph answers searches from copies that lag behind: nobody found does not mean nobody there.
  fail(std::move(*taken_), /*uncertain=*/taken_by_key_);
}

void ExportTask::take_sought_made(const net::Response& response) {
  if (is_success(response)) sent_.anchor = reader_.id(response.body);
  if (!sent_.anchor.empty() && is_success(response)) return go_on_to_references();
  has_changed_ = false;
  fail(error_of(response, what()), /*uncertain=*/true);
}

void ExportTask::go_on_to_references() {
  step_ = Step::references;
  std::vector<std::size_t> members;
  bool sets_single = false;
  const auto begin_piece = [&](std::vector<std::size_t> references) {
    if (!references.empty()) pieces_.push_back({std::move(references)});
  };
  std::vector<std::size_t> removals;
  for (std::size_t at = 0; at < wanted_.references.size(); ++at) {
    const model::ReferenceChange& change = wanted_.references[at];
    const Link* link = type_->find_link(change.attribute);
    if (link == nullptr || !is_object_id(change.target)) {
      report_refused(
          Error(Fault::invalid, "graph.attribute",
                what() + ": no reference " + printable(change.attribute, 60) + " to " + printable(change.target, 60)));
      sent_.references_refused.push_back(change);
    } else if (!change.add) {
      removals.push_back(at);
    } else if (link->name == "members") {
      members.push_back(at);
      if (members.size() == k_members) begin_piece(std::exchange(members, {}));
    } else {
      sets_single = sets_single || !link->multi_valued;
      begin_piece({at});
    }
  }
  begin_piece(std::move(members));
  for (const std::size_t at : removals) {
    // Another manager replaces this one; owners are added before any goes, for the last one may not.
    const bool replaced = sets_single && !type_->find_link(wanted_.references[at].attribute)->multi_valued;
    if (!replaced) begin_piece({at});
  }
  for (std::size_t number = pieces_.size(); number > 0; --number) to_send_.push_back(number - 1);
  if (pieces_.empty()) step_ = Step::done;
}

/// A refused piece is halved until the members that cannot be taken stand alone.
void ExportTask::take_piece(std::size_t number, const net::Response& response) {
  Piece& piece = pieces_[number];
  const model::ReferenceChange& first = wanted_.references[piece.references.front()];
  const bool is_there_already = first.add && is_reference_there(response);
  const bool is_gone_already = !first.add && response.status == 404;
  if (is_success(response) || (piece.references.size() == 1 && (is_there_already || is_gone_already))) {
    has_changed_ = true;
    piece.is_open = false;
  } else if (is_refusal(response.status) && piece.references.size() > 1) {
    const auto middle = piece.references.begin() + static_cast<std::ptrdiff_t>(piece.references.size() / 2);
    Piece rest{{middle, piece.references.end()}};
    piece.references.erase(middle, piece.references.end());
    pieces_.push_back(std::move(rest));
    to_send_.push_back(pieces_.size() - 1);
    to_send_.push_back(number);
  } else {
    report_refused(error_of(response, what()));
    refuse(piece);
  }
  if (to_send_.empty() && pieces_in_flight_ == 0) step_ = Step::done;
}

void ExportTask::refuse(const Piece& piece) {
  for (const std::size_t at : piece.references) sent_.references_refused.push_back(wanted_.references[at]);
  pieces_[static_cast<std::size_t>(&piece - &pieces_.front())].is_open = false;
}

/// The port has no place for the reason: the log has, once an object.
void ExportTask::report_refused(const Error& error) {
  if (std::exchange(has_reported_, true)) return;
  tenant_.logger().log(Level::warning, "graph.references_refused", error.what(),
                       {{"anchor", printable(sent_.anchor, 100)}});
}

void ExportTask::fail(Error error, bool uncertain) {
  failed_ = connector::Failed{std::move(error), uncertain};
  step_ = Step::done;
}

connector::Outcome ExportTask::outcome() {
  if (failed_) return std::move(*failed_);
  return std::move(sent_);
}

std::optional<connector::Outcome> ExportTask::cut() {
  if (!has_changed_) return std::nullopt;
  for (Piece& piece : pieces_) {
    if (!piece.is_open) continue;
    for (const std::size_t at : piece.references) sent_.references_refused.push_back(wanted_.references[at]);
  }
  return std::move(sent_);
}

std::string ExportTask::what() const {
  const std::string_view name = wanted_.dn.empty() ? std::string_view(wanted_.anchor) : std::string_view(wanted_.dn);
  return std::string(name_of(wanted_.operation)) + " of " + printable(wanted_.object_type, 40) + " " +
         printable(name, 100);
}

}  // namespace linkspan::connector_graph
