#pragma once
// What a copy says of itself. It is inside the copy, and the copy is sealed: a file cut short or with one bit flipped
// is told from a sound one before a row of it is used.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "sql/database.h"
#include "transfer/checksum.h"

namespace linkspan::transfer {

struct Manifest {
  int schema = 0;
  std::string identity;  ///< of the database that was copied
  std::string program;   ///< version of the program that made the copy
  std::string origin;    ///< URL of the database that was copied, without secrets
  Time made_at{};
  std::vector<std::pair<std::string, TableSum>> tables;  ///< in the order of store_sql::all_tables

  [[nodiscard]] std::uint64_t rows() const;
  [[nodiscard]] std::uint64_t bytes() const;
};

/// Reads the manifest of a copy after checking its seal and its make; reads the whole file twice. Throws
/// "transfer.no_copy" where there is no such file, "transfer.not_a_copy" for another SQLite file,
/// "transfer.other_schema" for a copy of another version, "transfer.copy_damaged" otherwise.
[[nodiscard]] Manifest load_manifest(const std::string& file);

/// Writes the manifest into the copy.
void store_manifest(sql::Database& copy, const Manifest& manifest);

/// Throws "transfer.copy_damaged".
[[noreturn]] void damaged_copy(const std::string& file, std::string_view what);

/// Seals a finished, closed copy, or checks the seal; throws "transfer.copy_damaged". The seal is a hash of the whole
/// file, kept in the two fields of SQLite's header that are left to the application (user version and application id).
void seal_copy(const std::string& file);
void check_seal(const std::string& file);

}  // namespace linkspan::transfer
