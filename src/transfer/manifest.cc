#include "transfer/manifest.h"

#include <endian.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "sql/inspect.h"
#include "sql/open.h"
#include "transfer/internal/copy_shape.h"
#include "transfer/internal/file.h"
#include "transfer/internal/target.h"

namespace linkspan::transfer {

namespace {

constexpr std::string_view k_magic{"SQLite format 3\0", 16};
constexpr std::size_t k_header = 100;
constexpr std::size_t k_user_version = 60;
constexpr std::size_t k_application_id = 68;
constexpr std::size_t k_chunk = std::size_t{1} << 20;
constexpr std::int64_t k_format = 1;

std::uint32_t number_at(std::string_view header, std::size_t place) {
  std::uint32_t raw = 0;
  std::memcpy(&raw, header.data() + place, sizeof raw);
  return be32toh(raw);
}

// Every byte but those of the seal, a chunk's hash being the next one's seed.
std::uint64_t hash_of_file(int descriptor, const std::string& file) {
  std::string chunk(k_chunk, '\0');
  std::uint64_t hash = 0;
  for (off_t place = 0;;) {
    const std::size_t got = read_at(descriptor, place, chunk, file);
    if (got == 0) return hash;
    if (place == 0) {
      if (got < k_header) damaged_copy(file, "it ends within its header");
      std::memset(chunk.data() + k_user_version, 0, 4);
      std::memset(chunk.data() + k_application_id, 0, 4);
    }
    hash = hash64(std::string_view(chunk).substr(0, got), hash);
    place += static_cast<off_t>(got);
  }
}

void check_size(int descriptor, std::string_view header, const std::string& file) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) fail_file(file, "cannot be read");
  const std::uint64_t page = header[16] == 0 && header[17] == 1 ? 65536U : number_at(header, 16) >> 16U;
  const std::uint64_t expected = page * number_at(header, 28);
  const auto actual = static_cast<std::uint64_t>(status.st_size);
  if (actual < expected) damaged_copy(file, fmt::format("it has {} of its {} bytes", actual, expected));
}

std::string text_of(sql::Database& copy, std::string_view name) {
  const auto row = sql::query_row(copy, "SELECT value FROM linkspan_copy WHERE name = $1 LIMIT 1", {name});
  const auto* text = row ? std::get_if<std::string>(&row->front()) : nullptr;
  return text == nullptr ? std::string() : *text;
}

std::int64_t number_of(sql::Database& copy, std::string_view name) {
  return to_integer(text_of(copy, name)).value_or(-1);
}

}  // namespace

void damaged_copy(const std::string& file, std::string_view what) {
  throw Error(Fault::corrupt, "transfer.copy_damaged", fmt::format("{} is damaged: {}", file, what),
              "Nothing was taken from it. Transmit the copy again, or make a new one with `linkspan database copy`.");
}

std::uint64_t Manifest::rows() const {
  return std::accumulate(tables.begin(), tables.end(), std::uint64_t{0},
                         [](std::uint64_t all, const auto& table) { return all + table.second.rows; });
}

std::uint64_t Manifest::bytes() const {
  return std::accumulate(tables.begin(), tables.end(), std::uint64_t{0},
                         [](std::uint64_t all, const auto& table) { return all + table.second.bytes; });
}

void store_manifest(sql::Database& copy, const Manifest& manifest) {
  make_manifest_tables(copy);
  const auto put = [&](std::string_view name, const std::string& value) {
    copy.run("INSERT INTO linkspan_copy (name, value) VALUES ($1, $2)", {name, std::string_view(value)});
  };
  put("format", std::to_string(k_format));
  put("schema", std::to_string(manifest.schema));
  put("identity", manifest.identity);
  put("program", manifest.program);
  put("origin", manifest.origin);
  put("made_at", std::to_string(manifest.made_at.time_since_epoch().count()));
  for (const auto& [name, sum] : manifest.tables) {
    const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
    copy.run("INSERT INTO linkspan_copy_table (name, rows, bytes, high, low) VALUES ($1, $2, $3, $4, $5)",
             {std::string_view(name), number(sum.rows), number(sum.bytes), number(sum.high), number(sum.low)});
  }
}

void seal_copy(const std::string& file) {
  const Descriptor descriptor(file, O_RDWR);
  const std::uint64_t seal = hash_of_file(descriptor.get(), file);
  const std::array<std::uint32_t, 2> halves{htobe32(static_cast<std::uint32_t>(seal >> 32U)),
                                            htobe32(static_cast<std::uint32_t>(seal))};
  const bool written = ::pwrite(descriptor.get(), &halves[0], 4, k_user_version) == 4 &&
                       ::pwrite(descriptor.get(), &halves[1], 4, k_application_id) == 4;
  if (!written || ::fsync(descriptor.get()) != 0) fail_file(file, "cannot be written");
}

void check_seal(const std::string& file) {
  const Descriptor descriptor(file, O_RDONLY);
  std::string header(k_header, '\0');
  const std::size_t got = read_at(descriptor.get(), 0, header, file);
  if (!std::string_view(header).starts_with(k_magic)) {
    // A copy cut down to nothing is damaged; a text file never was one.
    if (k_magic.starts_with(std::string_view(header).substr(0, got))) damaged_copy(file, "it ends within its header");
    throw Error(Fault::invalid, "transfer.not_a_copy", fmt::format("{} is not a copy of a Linkspan database", file),
                "Name a file that `linkspan database copy` made.");
  }
  if (got < k_header) damaged_copy(file, "it ends within its header");
  check_size(descriptor.get(), header, file);
  const std::uint64_t seal =
      std::uint64_t{number_at(header, k_user_version)} << 32U | number_at(header, k_application_id);
  if (seal == 0) {
    throw Error(Fault::invalid, "transfer.not_a_copy", fmt::format("{} is a database, but not a sealed copy", file),
                "A running database must not be attached. Make a copy of it: `linkspan database copy FILE`.");
  }
  if (hash_of_file(descriptor.get(), file) != seal) {
    damaged_copy(file, "its content is not what was written (checksum of the file)");
  }
}

Manifest load_manifest(const std::string& file) {
  check_seal(file);
  const auto copy = sql::open_sqlite(file, {.read_only = true});
  if (!has_manifest_tables(*copy) || number_of(*copy, "format") != k_format) {
    throw Error(Fault::invalid, "transfer.not_a_copy", fmt::format("{} has no manifest this program can read", file),
                "Name a file that `linkspan database copy` made, with this version of the program or an earlier one.");
  }
  Manifest manifest{.schema = static_cast<int>(number_of(*copy, "schema")),
                    .identity = text_of(*copy, "identity"),
                    .program = text_of(*copy, "program"),
                    .origin = text_of(*copy, "origin"),
                    .made_at = Time(std::chrono::microseconds(number_of(*copy, "made_at"))),
                    .tables = {}};
  check_schema(manifest, file, sql::Dialect::sqlite);
  check_shape(*copy, file);
  copy->query("SELECT name, rows, bytes, high, low FROM linkspan_copy_table ORDER BY position", {},
              [&](const sql::Row& row) {
                const auto number = [&](std::size_t column) { return static_cast<std::uint64_t>(row.integer(column)); };
                manifest.tables.emplace_back(row.text(0), TableSum{number(1), number(2), number(4), number(3)});
              });
  return manifest;
}

}  // namespace linkspan::transfer
