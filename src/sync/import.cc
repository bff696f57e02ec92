#include "sync/import.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "sync/importer.h"
#include "sync/pending.h"

namespace linkspan::sync {
namespace {

using model::Observation;

/// Objects and references (and large images) that a commit covers: one flush of the disk for thousands of them. The
/// first ones are smaller, so that writing begins while reading does.
constexpr std::size_t k_first_commit = 1000;
constexpr std::size_t k_most_in_commit = 16000;
constexpr std::size_t k_image_of_weight_one = 2048;  // bytes, for what a photograph is more than a person
/// Batches that wait to be written: reading goes on while a commit is under way.
constexpr std::size_t k_waiting = 8;

/// Writing takes longest, so where there are fewer processors than threads those that feed it give way. (Linux keeps
/// the nice value of each thread apart, setpriority(2).)
void step_back() { static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10)); }

std::size_t weight(const std::vector<Prepared>& batch) {
  std::size_t total = batch.size();
  for (const Prepared& one : batch) {
    total += one.references.size() + one.references_gone.size() + one.image.size() / k_image_of_weight_one;
  }
  return total;
}

/// Set while parts of a delta are written that has not come to its end. What is told again after that begins from the
/// old watermark, and a directory that tells only what differs since then says nothing of a member that came, was
/// written, and went: so after such an end everything is told whole.
class PartsOpen {
 public:
  PartsOpen(store::Store& store, store::ConnectorId connector)
      : store_(store), name_(fmt::format("parts_open.{}", connector.value)) {
    was_open_ = store_.configuration().setting(name_).has_value();
    is_open_ = was_open_;
  }
  /// An import ended before its end.
  [[nodiscard]] bool was_open() const { return was_open_; }
  /// Before a batch with parts is written.
  void open() {
    if (!std::exchange(is_open_, true)) put("on");
  }
  /// When the watermark is stored.
  void close() {
    if (std::exchange(is_open_, false)) put("");
  }

 private:
  void put(std::string_view text) {
    const std::vector<std::pair<std::string, std::string>> values{{name_, std::string(text)}};
    store_.configuration().put_settings(values);
  }

  store::Store& store_;
  std::string name_;
  bool was_open_ = false;
  bool is_open_ = false;
};

bool has_parts(const std::vector<Prepared>& batch) {
  return std::any_of(batch.begin(), batch.end(),
                     [](const Prepared& one) { return one.kind == Observation::Kind::changed; });
}

/// Whether an object is held as its directory has shown it, and nothing was sent to it since.
auto held_by(const Context& context, const ConnectorInfo& info) {
  return [&context, &info](std::span<const std::string> anchors) {
    std::unordered_set<std::string> found;
    for (store::Object& object : context.store.view()->find_objects(info.id, anchors, {})) {
      if (is_observed(object)) found.insert(std::move(object.anchor));
    }
    std::vector<bool> held;
    held.reserve(anchors.size());
    for (const std::string& anchor : anchors) held.push_back(found.contains(anchor));
    return held;
  };
}

/// Reads and prepares on two threads of its own, writes on this one.
void run_pipeline(const Context& context, const ConnectorInfo& info, connector::Connector& directory,
                  const std::string& watermark, Importer& importer) {
  std::stop_source source;
  const std::stop_callback forward(context.stop, [&] { source.request_stop(); });
  BoundedQueue<std::vector<Observation>> read(4);
  BoundedQueue<std::vector<Prepared>> ready(k_waiting);
  connector::ImportEnd end;
  model::Names& names = context.store.names();
  PartsOpen parts(context.store, info.id);

  const std::jthread reader([&] {
    try {
      step_back();
      connector::ImportRequest request{watermark, {}};
      if (!parts.was_open()) request.held = held_by(context, info);
      const auto stream = directory.import(request, source.get_token());
      std::vector<Observation> batch;
      while (stream->next(batch)) {
        if (!read.push(std::exchange(batch, {}))) return;
      }
      end = stream->end();
      read.close();
    } catch (...) {
      read.fail(std::current_exception());
    }
  });
  const std::jthread preparer([&] {
    try {
      step_back();
      Preparer making(info.references_by_anchor, names);
      while (auto batch = read.pop()) {
        std::vector<Prepared> prepared;
        prepared.reserve(batch->size());
        for (Observation& one : *batch) prepared.push_back(making.prepare(std::move(one)));
        if (!ready.push(std::move(prepared))) return read.cancel();
      }
      ready.close();
    } catch (...) {
      ready.fail(std::current_exception());
    }
  });
  struct Unwind {
    std::stop_source& source;
    BoundedQueue<std::vector<Observation>>& read;
    BoundedQueue<std::vector<Prepared>>& ready;
    ~Unwind() {
      source.request_stop();
      read.cancel();
      ready.cancel();
    }
  } const unwind{source, read, ready};

  std::uint64_t done = 0;
  std::size_t pending_weight = 0;
  std::size_t enough = k_first_commit;
  std::vector<Prepared> pending;
  while (auto batch = ready.pop()) {
    context.check_stop();
    done += batch->size();
    pending_weight += weight(*batch);
    pending.insert(pending.end(), std::make_move_iterator(batch->begin()), std::make_move_iterator(batch->end()));
    if (pending_weight < enough) continue;
    pending_weight = 0;
    enough = std::min(2 * enough, k_most_in_commit);
    if (has_parts(pending)) parts.open();
    importer.apply(std::exchange(pending, {}), nullptr);
    context.report("import " + info.name, done);
  }
  context.check_stop();
  if (end.complete) {
    importer.apply(std::move(pending), nullptr);
    importer.remove_unseen();
    importer.put_watermark(end.watermark);
  } else {
    importer.apply(std::move(pending), &end.watermark);  // all at once: what is in parts here is written with the mark
  }
  parts.close();
  context.report("import " + info.name, done, done);
}

}  // namespace

ImportResult import_connector(const Context& context, const ConnectorInfo& info, connector::Connector& directory,
                              bool full) {
  ImportResult result;
  std::string watermark = full ? std::string() : context.store.summary()->watermark(info.id);
  result.full = watermark.empty();
  if (result.full && !full) result.note = "there was no watermark to begin from";
  for (;;) {
    Importer importer(context, info);
    try {
      run_pipeline(context, info, directory, watermark, importer);
      result.counters = importer.counters();
      return result;
    } catch (const Error& error) {
      if (watermark.empty() || error.id() != "connector.watermark_refused") throw;
      result.note = fmt::format("the directory no longer accepts the watermark: {}", error.message());
      context.logger.log(Level::warning, "import.watermark_refused", result.note, {{"connector", info.name}});
    }
    watermark.clear();
    result.full = true;
  }
}

}  // namespace linkspan::sync
