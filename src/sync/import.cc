#include "sync/import.h"

#include <fmt/format.h>

#include <thread>
#include <utility>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "sync/importer.h"

namespace linkspan::sync {
namespace {

using model::Observation;

/// Objects and references that a commit covers: one flush of the disk for thousands of them.
constexpr std::size_t k_commit_weight = 16000;

std::size_t weight(const std::vector<Prepared>& batch) {
  std::size_t total = batch.size();
  for (const Prepared& one : batch) total += one.references.size();
  return total;
}

/// Reads and prepares on two threads of its own, writes on this one.
void run_pipeline(const Context& context, const ConnectorInfo& info, connector::Connector& directory,
                  const std::string& watermark, Importer& importer) {
  std::stop_source source;
  const std::stop_callback forward(context.stop, [&] { source.request_stop(); });
  BoundedQueue<std::vector<Observation>> read(4);
  BoundedQueue<std::vector<Prepared>> ready(4);
  connector::ImportEnd end;
  model::Names& names = context.store.names();

  const std::jthread reader([&] {
    try {
      const auto stream = directory.import({watermark}, source.get_token());
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
      while (auto batch = read.pop()) {
        std::vector<Prepared> prepared;
        prepared.reserve(batch->size());
        for (Observation& one : *batch) prepared.push_back(prepare(std::move(one), info.references_by_anchor, names));
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
  std::vector<Prepared> pending;
  while (auto batch = ready.pop()) {
    context.check_stop();
    done += batch->size();
    pending_weight += weight(*batch);
    pending.insert(pending.end(), std::make_move_iterator(batch->begin()), std::make_move_iterator(batch->end()));
    if (pending_weight < k_commit_weight) continue;
    pending_weight = 0;
    importer.apply(std::exchange(pending, {}), nullptr);
    context.report("import " + info.name, done);
  }
  context.check_stop();
  if (end.complete) {
    importer.apply(std::move(pending), nullptr);
    importer.remove_unseen();
    importer.put_watermark(end.watermark);
  } else {
    importer.apply(std::move(pending), &end.watermark);
  }
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
