// One export, request by request.

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "connector_scim/internal/exporter.h"
#include "connector_scim/internal/finder.h"
#include "connector_scim/internal/writer.h"

namespace linkspan::connector_scim {
namespace {

/// A refusal of what was asked, not of who asks or when.
bool is_refusal(int status) {
  return status / 100 == 4 && status != 401 && status != 403 && status != 408 && status != 429;
}

/// The id at the end of a Location; empty when it is not to be had.
std::string id_in(const net::Response& response, const std::string& endpoint) {
  const auto location = response.headers.find("Location");
  if (!location) return {};
  const std::string marker = "/" + endpoint + "/";
  const std::size_t at = location->rfind(marker);
  if (at == std::string_view::npos) return {};
  const std::string_view id = location->substr(at + marker.size());
  return id.empty() || id.size() > 1024 || id.find_first_of("/?#%") != std::string_view::npos || !is_utf8(id)
             ? std::string()
             : std::string(id);
}

}  // namespace

ExportTask::ExportTask(Service& service, const Discovery& discovery, const model::Export& wanted)
    : service_(service), discovery_(discovery), wanted_(wanted), type_(discovery.find(wanted.object_type)) {
  sent_.anchor = wanted.anchor;
  if (type_ == nullptr) {
    fail(Error(Fault::invalid, "scim.object_type",
               "the service has no objects of type " + printable(wanted.object_type, 60),
               "Provision one of the connector's object_types."));
    return;
  }
  switch (wanted.operation) {
    case model::Operation::add:
      step_ = wanted.look_first && discovery.filter && correlation() != nullptr ? Step::seek : Step::create;
      break;
    case model::Operation::update:
    case model::Operation::rename:  // a name is an attribute here
      step_ = service.patches(discovery) ? Step::patch : Step::look;
      after_look_ = service.patches(discovery) ? Step::patch : Step::put;
      break;
    case model::Operation::remove:
      step_ = Step::remove;
      break;
    case model::Operation::none:
      break;
  }
}

std::optional<net::Request> ExportTask::next_request() {
  const bool whole = service_.options().dialect.whole_attributes;
  if (step_ == Step::patch && !looked_ && (whole || needs_look(*type_, wanted_))) look_for(Step::patch);
  if (wants_version() && version_.empty()) look_for(step_);
  switch (step_) {
    case Step::seek:
      return find_request(service_, *type_, k_correlation_attribute, *correlation());
    case Step::create:
      return service_.request(net::Method::post, {type_->endpoint}, {}, create_body(*type_, wanted_));
    case Step::look:
      // What is not written from need not be shown: a group's members may be hundreds of thousands.
      if (type_->name != "Group" || after_look_ == Step::put) return on_object(net::Method::get);
      return service_.request(net::Method::get, {type_->endpoint, sent_.anchor}, {{"excludedAttributes", "members"}});
    case Step::patch:
      return patch_request();
    case Step::put:
      return put_request();
    case Step::members: {
      const auto [from, to] = ranges_.back();
      return on_object(net::Method::patch,
                       member_patch(wanted_, std::span(members_).subspan(from, to - from), service_.options().dialect));
    }
    case Step::look_for_group:
      return service_.request(net::Method::get, {type_->endpoint, sent_.anchor}, {{"excludedAttributes", "members"}});
    case Step::remove:
      return on_object(net::Method::remove);
    case Step::done:
      break;
  }
  return std::nullopt;
}

net::Request ExportTask::on_object(net::Method method, std::string body) const {
  net::Request made = service_.request(method, {type_->endpoint, sent_.anchor}, {}, std::move(body));
  // A PATCH says only what changes, and is right whatever else did; but one made from a look, and every PUT, is not.
  const bool from_look = (step_ == Step::patch || step_ == Step::put) && looked_ && discovery_.etag;
  if ((from_look || wants_version()) && !version_.empty()) made.headers.add("If-Match", version_);
  return made;
}

std::optional<net::Request> ExportTask::patch_request() {
  const Dialect& dialect = service_.options().dialect;
  std::optional<std::string> body = dialect.whole_attributes
                                        ? whole_patch_body(*type_, wanted_, looked_body_, dialect)
                                        : patch_body(*type_, wanted_, looked_ ? &looked_->entry : nullptr, dialect);
  if (body) return on_object(net::Method::patch, std::move(*body));
  go_on_to_members();
  return next_request();
}

std::optional<net::Request> ExportTask::put_request() {
  std::optional<std::string> body = put_body(*type_, wanted_, looked_body_);
  if (body) return on_object(net::Method::put, std::move(*body));
  step_ = Step::done;
  return std::nullopt;
}

void ExportTask::take(net::Outcome outcome) {
  if (auto* error = std::get_if<Error>(&outcome)) {
    if (step_ == Step::members && error->id() == "net.too_large") {
      // No refusal is so long: it is the whole group, shown after the change.
      net::Response done;
      done.status = 204;
      return take_members(done);
    }
    const bool uncertain = writes() && net::may_have_arrived(*error);
    fail(std::move(*error).while_doing(what()), uncertain);
    return;
  }
  take_reply(std::get<net::Response>(outcome));
}

void ExportTask::take_reply(const net::Response& response) {
  switch (step_) {
    case Step::seek:
      take_sought(response);
      return;
    case Step::create:
      take_created(response);
      return;
    case Step::look:
      take_looked(response);
      return;
    case Step::patch:
    case Step::put:
      take_patched(response);
      return;
    case Step::members:
      take_members(response);
      return;
    case Step::look_for_group:
      if (!is_success(response)) return fail(error_of(response, what()));
      is_group_known_ = true;
      step_ = Step::members;
      return;
    case Step::remove:
      if (goes_again(response)) return;
      if (!is_success(response) && response.status != 404 && response.status != 410) {
        return fail(error_of(response, what()), response.status / 100 == 5);
      }
      step_ = Step::done;
      return;
    case Step::done:
      break;
  }
}

const model::Value* ExportTask::correlation() const {
  for (const model::AttributeChange& change : wanted_.attributes) {
    if (change.name == k_correlation_attribute && change.after.size() == 1) return &change.after.front();
  }
  return nullptr;
}

/// A service that cannot be asked is told to create, as it would be without the look.
void ExportTask::take_sought(const net::Response& response) {
  step_ = Step::create;
  if (is_refusal(response.status) || response.status == 501) return;
  if (!is_success(response)) return fail(error_of(response, what()));
  try {
    Matches found = matches_in(response.body, *type_, k_correlation_attribute, *correlation());
    if (found.entries.empty()) return;
    if (found.entries.size() > 1) {
      return fail(Error(Fault::conflict, "scim.several_found",
                        what() + ": the service holds several objects with its " + std::string(k_correlation_attribute),
                        "Remove the surplus one in the service; the next cycle adopts the other."));
    }
    sent_.anchor = std::move(found.entries.front().anchor);
    sent_.dn = std::move(found.entries.front().dn);
    sent_.was_there = true;
    step_ = Step::done;
  } catch (Error& error) {
    fail(std::move(error).while_doing(what()));
  }
}

void ExportTask::take_created(const net::Response& response) {
  if (!is_success(response))
    return fail(error_of(response, what()), response.status / 100 == 5 || response.status == 408);
  try {
    Resource made = Reader().resource(response.body, *type_);
    sent_.anchor = made.entry.anchor;
    sent_.dn = made.entry.dn;
    if (!made.entry.dn.empty()) sent_.entry = std::move(made.entry);
    keep_version(response, made.version);
  } catch (const Error& error) {
    sent_.anchor = id_in(response, type_->endpoint);
    if (sent_.anchor.empty()) {
      return fail(Error(error.fault(), error.id(), error.message(), error.hint()).while_doing(what()), true);
    }
  }
  has_changed_ = true;
  go_on_to_members();
}

void ExportTask::take_looked(const net::Response& response) {
  if (after_look_ == Step::remove && (response.status == 404 || response.status == 410)) {
    step_ = Step::done;
    return;
  }
  if (!is_success(response)) return fail(error_of(response, what()));
  try {
    looked_ = Reader().resource(response.body, *type_);
  } catch (Error& error) {
    return fail(std::move(error).while_doing(what()));
  }
  keep_version(response, looked_->version);
  // Where the service tells none, none can be asked for.
  if (version_.empty()) version_ = "*";
  looked_body_ = response.body;
  is_group_known_ = true;
  step_ = after_look_;
}

void ExportTask::look_for(Step next) {
  after_look_ = next;
  step_ = Step::look;
}

/// Whether the next request must say which version it is about.
bool ExportTask::wants_version() const {
  return service_.guards_all() &&
         (step_ == Step::patch || step_ == Step::put || step_ == Step::members || step_ == Step::remove);
}

/// `said`: what the body has. Never more than a header line takes.
void ExportTask::keep_version(const net::Response& response, const std::string& said) {
  version_ = printable(response.headers.find("ETag").value_or(said), 256);
}

/// Refusals that say what to do first: look again (what was seen is stale, or must be said), or write the whole object.
bool ExportTask::goes_again(const net::Response& response) {
  const bool unguarded = response.status == 428;
  if (unguarded) service_.learn_if_match();
  const bool has_no_patch = (response.status == 501 || response.status == 405) &&
                            (step_ == Step::patch || step_ == Step::members) && service_.patches(discovery_);
  if (has_no_patch) {
    service_.learn_no_patch();
    look_for(Step::put);
    return true;
  }
  const bool stale = unguarded || response.status == 412 ||
                     (step_ == Step::patch && response.status == 400 && scim_type_of(response) == "noTarget");
  if (!stale || attempts_left_ == 0) return false;
  --attempts_left_;
  look_for(step_);
  return true;
}

void ExportTask::take_patched(const net::Response& response) {
  if (goes_again(response)) return;
  if (is_success(response)) {
    has_changed_ = true;
    keep_version(response, {});
    // A group's reply lists its members as they were before ours came: only of users it is the whole.
    if (!response.body.empty() && type_->name == "User") {
      try {
        Resource now = Reader().resource(response.body, *type_);
        sent_.dn = now.entry.dn;
        if (now.entry.anchor == sent_.anchor && !now.entry.dn.empty()) sent_.entry = std::move(now.entry);
      } catch (const Error&) {
        // It says 2xx, so it is done; what it looks like, the next import shows.
      }
    }
    if (step_ == Step::put) {
      ranges_.clear();  // it brought the members too
      step_ = Step::done;
    } else {
      go_on_to_members();
    }
    return;
  }
  fail(error_of(response, what()), response.status / 100 == 5 || response.status == 408);
}

void ExportTask::go_on_to_members() {
  members_ = member_changes(*type_, wanted_);
  const std::size_t batch = service_.member_batch();
  for (std::size_t from = 0; from < members_.size();) {
    std::size_t to = std::min(from + batch, members_.size());
    const std::string& attribute = wanted_.references[members_[from]].attribute;
    while (wanted_.references[members_[to - 1]].attribute != attribute) --to;
    ranges_.emplace_back(from, to);
    from = to;
  }
  std::reverse(ranges_.begin(), ranges_.end());
  step_ = ranges_.empty() ? Step::done : Step::members;
  if (step_ == Step::members && !service_.patches(discovery_)) look_for(Step::put);
}

/// A refused batch is halved until the members that cannot be taken stand alone.
void ExportTask::take_members(const net::Response& response) {
  if (goes_again(response)) return;
  const auto [from, to] = ranges_.back();
  if (is_success(response)) {
    has_changed_ = true;
    is_group_known_ = true;
    keep_version(response, {});
    attempts_left_ = 1;
    ranges_.pop_back();
  } else if (!is_refusal(response.status)) {
    return fail(error_of(response, what()), response.status / 100 == 5 || response.status == 408);
  } else if (response.status == 404 && !is_group_known_) {
    step_ = Step::look_for_group;  // is it the group that is gone, or a member?
    return;
  } else if (to - from > 1) {
    const std::size_t middle = from + (to - from) / 2;
    if (response.status == 413) service_.learn_member_limit(middle - from);
    ranges_.back() = {middle, to};
    ranges_.emplace_back(from, middle);
  } else if (!wanted_.references[members_[from]].add && scim_type_of(response) == "noTarget") {
    ranges_.pop_back();  // who is to go is not there
  } else {
    report_refused(error_of(response, what()));
    sent_.references_refused.push_back(wanted_.references[members_[from]]);
    ranges_.pop_back();
  }
  if (ranges_.empty()) step_ = Step::done;
}

/// The port has no place for the reason: the log has, once an object.
void ExportTask::report_refused(const Error& error) {
  if (has_reported_) return;
  has_reported_ = true;
  service_.logger().log(Level::warning, "scim.references_refused", error.what(),
                        {{"anchor", printable(sent_.anchor, 100)}});
}

void ExportTask::refuse_rest() {
  while (!ranges_.empty()) {
    const auto [from, to] = ranges_.back();
    for (std::size_t at = from; at < to; ++at) sent_.references_refused.push_back(wanted_.references[members_[at]]);
    ranges_.pop_back();
  }
}

void ExportTask::fail(Error error, bool uncertain) {
  // What is done is done: the object exists, or has its attributes; the members that are not in it are told apart.
  if (has_changed_ && step_ != Step::done) {
    report_refused(error);
    refuse_rest();
  } else {
    failed_ = connector::Failed{std::move(error), uncertain};
  }
  step_ = Step::done;
}

connector::Outcome ExportTask::outcome() {
  if (failed_) return std::move(*failed_);
  return std::move(sent_);
}

std::optional<connector::Outcome> ExportTask::cut() {
  if (!has_changed_) return std::nullopt;
  refuse_rest();
  return std::move(sent_);
}

bool ExportTask::writes() const { return step_ != Step::seek && step_ != Step::look && step_ != Step::look_for_group; }

std::string ExportTask::what() const {
  const std::string_view name = wanted_.dn.empty() ? std::string_view(wanted_.anchor) : std::string_view(wanted_.dn);
  return std::string(name_of(wanted_.operation)) + " of " + printable(wanted_.object_type, 40) + " " +
         printable(name, 100);
}

}  // namespace linkspan::connector_scim
