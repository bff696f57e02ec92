// Fills a database with a state of any size, and moves it, without the rest of the program around it.
//
//   state_generator fill URL PEOPLE
//   state_generator move URL URL        prints seconds of copying and of verifying, rows and bytes

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include <testkit/sample_state.h>
#include "base/text.h"
#include "store_sql/store_sql.h"
#include "transfer/move.h"

namespace {

int run(int argc, char** argv) {
  const std::string_view verb = argc == 4 ? argv[1] : "";
  if (verb == "fill") {
    const auto people = linkspan::to_integer(argv[3]).value_or(0);
    const auto store = linkspan::store_sql::open_store(argv[2], {.create = true, .program = "bench"});
    linkspan::testkit::fill(*store, {.people = static_cast<std::size_t>(people), .seed = 1});
    return 0;
  }
  if (verb == "move") {
    const auto moved = linkspan::transfer::move({.url = argv[2]}, {.url = argv[3]});
    fmt::print("{:.3f} {:.3f} {} {}\n", static_cast<double>(moved.copying.count()) / 1000,
               static_cast<double>(moved.verifying.count()) / 1000, moved.rows, moved.bytes);
    return 0;
  }
  fmt::print(stderr, "usage: state_generator fill URL PEOPLE | move URL URL\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
