#pragma once
// Is a database whole, and does it hold the same as another?

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "transfer/checksum.h"
#include "transfer/place.h"

namespace linkspan::transfer {

/// One thing that is wrong.
struct Finding {
  std::string table;
  std::string key;  ///< of the first row concerned, "id 17"; empty where it is about the whole table
  std::string message;
};

struct Verification {
  std::string database;  ///< URL without secrets
  std::vector<std::pair<std::string, TableSum>> tables;
  std::vector<Finding> findings;  ///< empty: all is well
};

/// Checks one database from one snapshot: the server's own integrity check, images that decode, rows that point to rows
/// that are there, numbers that are above those given out, counters. Reads everything; memory stays constant.
/// Throws what opening throws, and "transfer.empty_source" or "store.not_linkspan".
[[nodiscard]] Verification verify(const Place& place, const Job& job = {});

/// Compares two databases table by table, what says who is in charge apart, and names the first key that differs.
[[nodiscard]] Verification verify_against(const Place& place, const Place& against, const Job& job = {});

/// The server's own check of its pages, for `doctor`.
struct PageCheck {
  std::vector<std::string> problems;  ///< empty: none was found
  bool finished = true;               ///< false: `limit` was too short for the whole file
};

/// `deep`: indexes against tables and foreign keys too, however long it takes; else for `limit` at most. PostgreSQL
/// checks its pages itself: there is nothing to find. Throws what opening throws.
[[nodiscard]] PageCheck check_pages(const Place& place, bool deep, std::chrono::milliseconds limit);

}  // namespace linkspan::transfer
