#include "sync/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "model/image.h"
#include "sync/pending.h"

namespace linkspan::sync {
namespace {

using store::ObjectId;
using store::Operation;

/// For so long after an import of the target nobody is expected to have made accounts of ours there: a cycle, which
/// reads before it writes, asks nothing. Later on (a long export, an approval after a review) each add costs a
/// question.
constexpr std::chrono::minutes k_import_is_fresh{5};

bool is_transient(Fault fault) {
  return fault == Fault::unavailable || fault == Fault::throttled || fault == Fault::cancelled ||
         fault == Fault::conflict;
}

bool has_flows_that_apply_once(const rules::RuleSet& rules, const ConnectorInfo& info) {
  return std::any_of(rules.rules().begin(), rules.rules().end(), [&](const auto& rule) {
    if (rule->rule().direction != rules::Direction::outbound) return false;
    if (rule->rule().connector.empty() ? rule->rule().kind != info.kind : rule->rule().connector != info.name)
      return false;
    for (std::size_t flow = 0; flow < rule->flow_count(); ++flow) {
      if (rule->flow_applies_once(flow)) return true;
    }
    return false;
  });
}

class Exporter {
 public:
  Exporter(const Context& context, const ConnectorInfo& info, connector::Connector& directory,
           const ExportRequest& request)
      : context_(context),
        info_(info),
        directory_(directory),
        waits_(!request.approved),
        read_at_(request.read_at),
        applies_once_(has_flows_that_apply_once(context.rules, info)),
        capabilities_(directory.capabilities()) {}

  /// All pending changes of one operation, or (with Operation::none) all references.
  void pass(Operation operation);
  /// Deletes what adds left behind whose answer never came and which nobody wants any more. Before the adds: the same
  /// identity may be added anew.
  void clear_attempted();
  Counters counters;

 private:
  struct Item {
    store::ObjectWithImages loaded;
    PendingExport pending;
    std::int64_t failures = 0;
  };
  struct Answer {
    std::size_t item = 0;
    connector::Outcome outcome;
  };
  std::vector<Item> next_chunk(Operation operation, bool attempted, store::Page& page);
  void run_chunk(Operation operation, std::vector<Item> items);
  void mark_attempted(std::vector<Item>& items);
  std::optional<connector::Outcome> look_up(const Item& item);
  void send(Operation operation, std::vector<Item>& items, const std::vector<std::size_t>& to_send,
            std::vector<Answer>& answers);
  void record(Operation operation, std::vector<Item>& items, std::vector<Answer>& answers);
  struct SentRows {
    std::vector<store::Reference> rows;
    std::unordered_map<std::int64_t, std::string> anchors;
  };
  [[nodiscard]] SentRows load_rows(const std::vector<Item>& items) const;
  void record_sent(Operation operation, Item& item, const connector::Sent& sent, const SentRows& rows,
                   std::vector<store::ObjectWrite>& writes);
  void record_references(Item& item, const connector::Sent& sent, const SentRows& loaded, store::Object& object);
  void refuse_taken_anchors(const std::vector<Item>& items, std::vector<Answer>& answers);
  [[nodiscard]] bool is_linked(const std::string& anchor) const;
  store::ObjectError failure(const Item& item, const Error& error);
  void look_at_switches();

  const Context& context_;
  const ConnectorInfo& info_;
  connector::Connector& directory_;
  bool waits_;  ///< for the retry times of what failed; not when a person has approved just this change set
  std::optional<Time> read_at_;
  bool applies_once_;  ///< there are flows that speak of new objects only
  const connector::Capabilities capabilities_;
  std::vector<store::Reference> references_;
  std::vector<store::ObjectError> errors_;
  std::vector<ObjectId> removed_;
};

/// Staging may have been switched on, or the lease lost, by somebody else since the last chunk.
void Exporter::look_at_switches() {
  context_.check_stop();
  if (staging(context_.store)) {
    throw Error(Fault::denied, "export.staging", "staging mode was switched on: the export stops here",
                "What was sent stays sent; the rest is pending. `linkspan staging off` allows exports again.");
  }
  // An empty batch commits nothing, but its commit checks the lease.
  context_.store.batch(context_.lease)->commit();
}

/// `attempted` matters to removals only: those of adds without an answer, or all others.
std::vector<Exporter::Item> Exporter::next_chunk(Operation operation, bool attempted, store::Page& page) {
  const auto view = context_.store.view();
  const auto summary = context_.store.summary();
  const Time now = context_.clock.now();
  std::vector<Item> items;
  while (items.size() < capabilities_.changes_at_once) {
    auto objects = view->scan_pending(info_.id, page);
    if (objects.empty()) break;
    page.after = objects.back().object.id.value;
    std::erase_if(objects, [&](const auto& one) {
      return operation == Operation::none ? !one.object.pending_references || one.object.anchor.empty() ||
                                                one.object.pending == Operation::remove
                                          : one.object.pending != operation || (operation == Operation::remove &&
                                                                                is_attempted(one.object) != attempted);
    });
    if (objects.empty()) continue;
    std::vector<ObjectId> ids;
    ids.reserve(objects.size());
    for (const auto& one : objects) ids.push_back(one.object.id);
    std::unordered_map<std::int64_t, store::ObjectError> errors;
    for (store::ObjectError& error : summary->errors_of(ids)) {
      if (error.stage == "export") errors.emplace(error.object.value, std::move(error));
    }
    auto pending = pending_exports(context_, info_, capabilities_.correlation_attribute, *view, objects);
    if (capabilities_.whole_updates) tell_whole(context_, *view, objects, pending);
    for (std::size_t i = 0; i < objects.size(); ++i) {
      Item item{std::move(objects[i]), std::move(pending[i]), 0};
      if (const auto error = errors.find(item.loaded.object.id.value); error != errors.end()) {
        item.failures = error->second.count;
        if (waits_ && error->second.retry_at > now) {
          counters.add("waiting_for_retry");
          continue;
        }
      }
      if (operation == Operation::none) {
        item.pending.change.operation = Operation::update;
        item.pending.change.attributes.clear();
        item.pending.change.new_dn.clear();
        if (item.pending.change.references.empty()) continue;
      } else {
        item.pending.change.references.clear();
      }
      // The name of a new object is in its dn.
      if (info_.dn != 0)
        std::erase_if(item.pending.change.attributes, [](const auto& one) { return one.name == "dn"; });
      items.push_back(std::move(item));
    }
  }
  return items;
}

/// Before an add is sent the intent is made durable, so that whoever comes after a crash looks before adding again.
void Exporter::mark_attempted(std::vector<Item>& items) {
  std::vector<store::ObjectWrite> writes;
  for (const Item& item : items) {
    if (is_attempted(item.loaded.object)) continue;
    store::ObjectWrite write;
    write.object = item.loaded.object;
    write.object.observed_hash = k_attempted;
    writes.push_back(std::move(write));
  }
  const auto batch = context_.store.batch(context_.lease);
  batch->put_objects(writes);
  batch->commit();
}

/// What became of an earlier, unanswered add of this object: nullopt = nothing that could be found.
std::optional<connector::Outcome> Exporter::look_up(const Item& item) {
  const std::string& attribute = capabilities_.correlation_attribute;
  if (!is_attempted(item.loaded.object) || attribute.empty() || item.pending.correlation.empty()) return {};
  try {
    auto found = directory_.find(item.pending.change.object_type, attribute, model::Value(item.pending.correlation));
    if (found.empty()) return {};
    if (found.size() > 1) {
      Error several(Fault::conflict, "export.several_found",
                    fmt::format("{}: {} holds {} objects with {} = {}", item.pending.name, info_.name, found.size(),
                                attribute, item.pending.correlation),
                    "Remove the surplus account in the target; the next cycle adopts the other.");
      return connector::Failed{std::move(several), false};
    }
    connector::Sent sent;
    sent.anchor = found.front().anchor;
    sent.dn = found.front().dn;
    return sent;
  } catch (const Error& error) {
    if (error.fault() == Fault::denied || error.fault() == Fault::cancelled) throw;
    return connector::Failed{error, true};
  }
}

void Exporter::send(Operation operation, std::vector<Item>& items, const std::vector<std::size_t>& to_send,
                    std::vector<Answer>& answers) {
  std::vector<model::Export> exports;
  exports.reserve(to_send.size());
  const bool look_first =
      operation == Operation::add && (!read_at_ || context_.clock.now() - *read_at_ > k_import_is_fresh);
  for (const std::size_t i : to_send) {
    exports.push_back(items[i].pending.change);
    // One whose answer never came may be there, too, though nothing carries the source anchor by which to ask.
    exports.back().look_first = look_first || (operation == Operation::add && is_attempted(items[i].loaded.object));
  }
  // A paused process looks at its lease with the first answer after it woke: what was under way is all that goes out.
  std::stop_source halt;
  const std::stop_callback stopped(context_.stop, [&halt] { halt.request_stop(); });
  context_.check_in_charge();
  try {
    directory_.send(
        exports,
        [&](std::size_t index, connector::Outcome outcome) {
          answers.push_back({to_send[index], std::move(outcome)});
          if (context_.in_charge && !context_.in_charge()) halt.request_stop();
        },
        halt.get_token());
  } catch (...) {
    record(operation, items, answers);  // what was answered before the end is not forgotten
    throw;
  }
  record(operation, items, answers);
  context_.check_in_charge();
}

void Exporter::run_chunk(Operation operation, std::vector<Item> items) {
  look_at_switches();
  std::vector<Answer> answers;
  std::vector<std::size_t> to_send;
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto found = operation == Operation::add ? look_up(items[i]) : std::nullopt;
    if (!found) {
      to_send.push_back(i);
      continue;
    }
    if (std::holds_alternative<connector::Sent>(*found)) counters.add("found_after_uncertainty");
    answers.push_back({i, std::move(*found)});
  }
  if (operation == Operation::add) mark_attempted(items);
  send(operation, items, to_send, answers);
}

void Exporter::clear_attempted() {
  store::Page page{0, capabilities_.changes_at_once};
  for (;;) {
    context_.check_stop();
    std::vector<Item> items = next_chunk(Operation::remove, true, page);
    if (items.empty()) return;
    look_at_switches();
    std::vector<Answer> answers;
    std::vector<std::size_t> to_send;
    for (std::size_t i = 0; i < items.size(); ++i) {
      connector::Outcome found = look_up(items[i]).value_or(connector::Sent{});
      const auto* account = std::get_if<connector::Sent>(&found);
      if (account == nullptr || account->anchor.empty() || is_linked(account->anchor)) {
        answers.push_back({i, std::move(found)});  // not to be found, not there, or by now another identity's
        continue;
      }
      items[i].pending.change.anchor = account->anchor;
      items[i].pending.change.dn = account->dn;
      to_send.push_back(i);
    }
    send(Operation::remove, items, to_send, answers);
  }
}

bool Exporter::is_linked(const std::string& anchor) const {
  const auto found = context_.store.view()->find_objects(info_.id, {&anchor, 1}, {});
  return std::any_of(found.begin(), found.end(), [](const store::Object& object) { return bool{object.metaverse}; });
}

/// The pending rows of what was sent, as they are now, with the anchors of their targets.
Exporter::SentRows Exporter::load_rows(const std::vector<Item>& items) const {
  SentRows loaded;
  const auto view = context_.store.view();
  std::vector<ObjectId> ids;
  ids.reserve(items.size());
  for (const Item& item : items) ids.push_back(item.loaded.object.id);
  loaded.rows = view->references_of(ids, true);
  std::vector<ObjectId> targets;
  targets.reserve(loaded.rows.size());
  for (const store::Reference& row : loaded.rows) targets.push_back(row.target);
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  for (auto& one : view->load_objects(targets, store::no_images)) {
    loaded.anchors.emplace(one.object.id.value, std::move(one.object.anchor));
  }
  return loaded;
}

void Exporter::record_references(Item& item, const connector::Sent& sent, const SentRows& loaded,
                                 store::Object& object) {
  using Named = std::tuple<std::string_view, std::string_view, bool>;
  const auto named = [](const std::vector<model::ReferenceChange>& changes) {
    std::set<Named> names;
    for (const model::ReferenceChange& change : changes) names.emplace(change.attribute, change.target, change.add);
    return names;
  };
  const std::set<Named> asked = named(item.pending.change.references);
  const std::set<Named> refused = named(sent.references_refused);
  const auto [first, last] =
      std::equal_range(loaded.rows.begin(), loaded.rows.end(), store::Reference{object.id, 0, {}, 0},
                       [](const auto& a, const auto& b) { return a.object < b.object; });
  bool pending = false;
  for (auto row = first; row != last; ++row) {
    const auto anchor = loaded.anchors.find(row->target.value);
    const std::string attribute = context_.store.names().name(row->attribute);
    const bool add = (row->bits & store::reference_desired) != 0;
    const Named name{attribute, anchor == loaded.anchors.end() ? std::string_view() : std::string_view(anchor->second),
                     add};
    if (!asked.contains(name) || refused.contains(name)) {
      pending = true;
      continue;
    }
    store::Reference changed = *row;
    changed.bits &= static_cast<std::uint8_t>(~(store::reference_sent_add | store::reference_sent_remove));
    changed.bits |= add ? store::reference_sent_add : store::reference_sent_remove;
    references_.push_back(changed);
    counters.add("references_sent");
  }
  object.pending_references = pending;
  if (!refused.empty()) {
    errors_.push_back(failure(
        item, Error(Fault::invalid, "export.references_refused",
                    fmt::format("{}: the target refused {} of its references", item.pending.name, refused.size()))));
  }
}

void Exporter::record_sent(Operation operation, Item& item, const connector::Sent& sent, const SentRows& rows,
                           std::vector<store::ObjectWrite>& writes) {
  if (operation == Operation::remove) {
    removed_.push_back(item.loaded.object.id);
    counters.add("deleted");
    return;
  }
  store::ObjectWrite write;
  write.object = item.loaded.object;
  write.images = item.loaded.images;
  store::Object& object = write.object;
  if (!sent.anchor.empty()) object.anchor = sent.anchor;
  if (operation == Operation::rename) object.dn = item.pending.change.new_dn;
  if (!sent.dn.empty()) object.dn = sent.dn;
  object.observed_hash = capabilities_.confirms_later ? sent_mark(context_.clock.now()) : std::string(k_unconfirmed);
  // It is there now: flows that apply once have spoken, and the next plan leaves them out.
  if (operation == Operation::add && applies_once_) object.touched |= store::touched_inbound;
  if (operation == Operation::none) {
    record_references(item, sent, rows, object);
  } else {
    model::Image pending_sent = model::decode(write.images.sent);
    model::Image shadow = model::decode(write.images.shadow);
    for (const model::AttributeChange& change : item.pending.change.attributes) {
      const model::NameId name = context_.store.names().id(change.name);
      model::record_sent(pending_sent, shadow, name, change.after);
    }
    write.images.sent = model::encode(pending_sent);
    write.images.shadow = shadow.empty() ? std::string() : model::encode(shadow);
    write.mask = static_cast<store::ImageMask>(store::sent_image | store::shadow_image);
    object.pending = pending_operation(object, write.images, info_.dn);
    counters.add(sent.was_there                   ? "adopted"
                 : operation == Operation::add    ? "added"
                 : operation == Operation::rename ? "renamed"
                                                  : "updated");
  }
  writes.push_back(std::move(write));
  store::ObjectError forgotten;
  forgotten.object = object.id;
  forgotten.stage = "export";
  // Where it was only taken on, its errors are over when it is confirmed.
  if (sent.references_refused.empty() && item.failures > 0 && !capabilities_.confirms_later)
    errors_.push_back(std::move(forgotten));
}

store::ObjectError Exporter::failure(const Item& item, const Error& error) {
  store::ObjectError record;
  record.object = item.loaded.object.id;
  record.stage = "export";
  record.error = error.id();
  record.message = error.what();
  if (!error.hint().empty()) record.message += " " + error.hint();
  record.first_at = record.last_at = context_.clock.now();
  record.count = 1;
  if (!is_transient(error.fault())) {
    schedule_retry(record, item.failures + 1);
    if (record.quarantined) counters.add("quarantined");
  }
  counters.add("failed");
  return record;
}

/// A directory may answer an add with an account that the connector space already knows: it is for the next
/// synchronization to adopt it, by the join conditions; two objects never share an anchor.
void Exporter::refuse_taken_anchors(const std::vector<Item>& items, std::vector<Answer>& answers) {
  std::vector<std::string> anchors;
  for (const Answer& answer : answers) {
    if (const auto* sent = std::get_if<connector::Sent>(&answer.outcome)) anchors.push_back(sent->anchor);
  }
  std::map<std::string, ObjectId> owners;
  for (store::Object& object : context_.store.view()->find_objects(info_.id, anchors, {}))
    owners.emplace(std::move(object.anchor), object.id);
  for (Answer& answer : answers) {
    const auto* sent = std::get_if<connector::Sent>(&answer.outcome);
    if (sent == nullptr) continue;
    const ObjectId own = items[answer.item].loaded.object.id;
    if (owners.emplace(sent->anchor, own).first->second == own) continue;
    Error error(Fault::conflict, "export.anchor_taken",
                fmt::format("{}: {} answers with the object {}, which is already known",
                            items[answer.item].pending.name, info_.name, sent->anchor),
                "The next synchronization adopts it if the join conditions fit; otherwise join it by hand.");
    answer.outcome = connector::Failed{std::move(error), true};
  }
}

void Exporter::record(Operation operation, std::vector<Item>& items, std::vector<Answer>& answers) {
  references_.clear();
  errors_.clear();
  removed_.clear();
  if (operation == Operation::add) refuse_taken_anchors(items, answers);
  std::vector<store::ObjectWrite> writes;
  const SentRows rows = operation == Operation::none ? load_rows(items) : SentRows{};
  const auto batch = context_.store.batch(context_.lease);
  for (Answer& answer : answers) {
    Item& item = items[answer.item];
    if (auto* sent = std::get_if<connector::Sent>(&answer.outcome)) {
      record_sent(operation, item, *sent, rows, writes);
      continue;
    }
    const auto& failed = std::get<connector::Failed>(answer.outcome);
    errors_.push_back(failure(item, failed.error));
    if (operation != Operation::add || failed.uncertain) continue;
    store::ObjectWrite write;  // it certainly did not arrive: no need to look next time
    write.object = item.loaded.object;
    write.object.observed_hash.clear();
    writes.push_back(std::move(write));
  }
  batch->put_objects(writes);
  batch->put_references(references_);
  batch->remove_objects(removed_);
  batch->put_errors(errors_);
  batch->commit();
}

void Exporter::pass(Operation operation) {
  store::Page page{0, capabilities_.changes_at_once};
  std::uint64_t done = 0;
  for (;;) {
    context_.check_stop();
    std::vector<Item> items = next_chunk(operation, false, page);
    if (items.empty()) return;
    done += items.size();
    run_chunk(operation, std::move(items));
    context_.report(
        fmt::format("export {} ({})", info_.name,
                    operation == Operation::none ? std::string_view("references") : model::name_of(operation)),
        done);
  }
}

std::int64_t existing_objects(store::Store& store, store::ConnectorId id) {
  for (const store::ConnectorCounts& counts : store.summary()->counts()) {
    if (counts.connector == id) return counts.objects - counts.adds;
  }
  return 0;
}

}  // namespace

bool staging(store::Store& store) { return store.configuration().setting("staging").value_or("off") == "on"; }

ExportResult export_connector(const Context& context, const ConnectorInfo& info, connector::Connector& directory,
                              const ExportRequest& request) {
  if (staging(context.store)) {
    throw Error(Fault::denied, "export.staging",
                fmt::format("this server is in staging mode: nothing is exported to {}", info.name),
                "Review with `linkspan pending`, then `linkspan staging off`.");
  }
  ExportResult result;
  result.change_set = summarize(context, info, directory.capabilities().correlation_attribute);
  if (!request.resumed && request.approved && *request.approved != result.change_set.fingerprint) {
    throw Error(Fault::conflict, "export.not_as_approved",
                fmt::format("the change set of {} is no longer the approved one: it is now {}", info.name,
                            result.change_set.fingerprint),
                "Review it again with `linkspan pending`, and approve what is there now.");
  }
  if (!request.resumed && !request.approved) {
    result.verdict = judge(result.change_set.counts, existing_objects(context.store, info.id),
                           guard_limits(context.store.configuration().settings(), info.name));
    result.blocked = result.verdict.blocked;
    if (result.blocked) return result;
  }
  Exporter exporter(context, info, directory, request);
  exporter.clear_attempted();
  for (const Operation operation :
       {Operation::add, Operation::update, Operation::none, Operation::rename, Operation::remove}) {
    exporter.pass(operation);
  }
  result.counters = std::move(exporter.counters);
  return result;
}

}  // namespace linkspan::sync
