// Fills a database with a state of any size, and carries it about, without the rest of the program around it.
//
//   state_generator fill URL PEOPLE PEOPLE_PER_GROUP
//   state_generator move URL URL        prints seconds: copying, verifying, pause; then rows and bytes
//   state_generator backup URL FILE     prints rows and bytes
//   state_generator open URL            prints milliseconds: opening the store

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>

#include <testkit/sample_state.h>
#include "base/text.h"
#include "store_sql/store_sql.h"
#include "transfer/backup.h"
#include "transfer/move.h"

namespace {

double seconds(std::chrono::milliseconds time) { return static_cast<double>(time.count()) / 1000; }

int run(std::span<char*> words) {
  const std::string_view verb = words.empty() ? "" : words[0];
  const auto number = [&](std::size_t place) {
    return static_cast<std::size_t>(linkspan::to_integer(words[place]).value_or(0));
  };
  if (verb == "fill" && words.size() == 4) {
    const auto store = linkspan::store_sql::open_store(words[1], {.create = true, .program = "bench"});
    linkspan::testkit::fill(*store, {.people = number(2), .seed = 1, .people_per_group = number(3)});
  } else if (verb == "move" && words.size() == 3) {
    const auto moved = linkspan::transfer::move({.url = words[1]}, {.url = words[2]});
    fmt::print("{:.3f} {:.3f} {:.3f} {} {}\n", seconds(moved.copying), seconds(moved.verifying), seconds(moved.paused),
               moved.rows, moved.bytes);
  } else if (verb == "backup" && words.size() == 3) {
    const auto manifest = linkspan::transfer::backup({.url = words[1]}, words[2]);
    fmt::print("{} {}\n", manifest.rows(), manifest.bytes());
  } else if (verb == "open" && words.size() == 2) {
    const auto start = std::chrono::steady_clock::now();
    const auto store = linkspan::store_sql::open_store(words[1], {});
    const auto taken = std::chrono::steady_clock::now() - start;
    fmt::print("{:.1f}\n", std::chrono::duration<double, std::milli>(taken).count());
  } else {
    fmt::print(stderr,
               "usage: state_generator fill URL PEOPLE PER_GROUP | move URL URL | backup URL FILE | open URL\n");
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
