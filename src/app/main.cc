// linkspan: one binary, one way in.

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "app/serve.h"
#include "app/signals.h"
#include "app/wiring.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/command_line.h"
#include "vault/process.h"

/// Read by the allocator. Freed pages go back to the system within ten seconds: at once, or for large blocks always at
/// once, as it does by itself, a third of the processor time of an import went into giving back what the next batch
/// takes again. Few arenas, so that what is kept that long is little.
extern "C" const char* malloc_conf;
const char* malloc_conf = "narenas:2,dirty_decay_ms:10000,muzzy_decay_ms:0,oversize_threshold:0";

int main(int argc, char** argv) {
  using namespace linkspan;
  try {
    // Before the first secret, and while there is one thread.
    vault::harden_process();
    const app::Signals signals;
    const SystemClock clock;
    const cli::Host host{
        LINKSPAN_VERSION,
        [&](const cli::GlobalOptions& options) { return app::make_installation(options, LINKSPAN_VERSION, clock); },
        signals.stop(), app::serve_commands()};
    int status = app::k_serve_again;
    while (status == app::k_serve_again) status = cli::run_command_line(argc, argv, host);
    return status;
  } catch (const Error& error) {
    fmt::print(stderr, "error: {} [{}]\nhint: {}\n", error.what(), error.id(), error.hint());
  } catch (const std::exception& problem) {
    fmt::print(stderr, "error: {}\n", problem.what());
  }
  return cli::exit_failed;
}
