#include "transfer/internal/room.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>

#include "sql/inspect.h"

namespace linkspan::transfer {

namespace {

// Empty where it cannot be told.
std::string folder_of(const Connector& target, sql::Database* database) {
  if (target.url.dialect == sql::Dialect::sqlite) {
    const std::filesystem::path parent = std::filesystem::path(target.url.path).parent_path();
    return parent.empty() ? "." : parent.string();
  }
  if (target.url.dialect != sql::Dialect::postgresql || database == nullptr) return {};
  const auto row = sql::query_row(
      *database,
      "SELECT CASE WHEN pg_has_role('pg_read_all_settings', 'MEMBER') AND coalesce(inet_client_addr() <<= "
      "'127.0.0.0/8', true) THEN current_setting('data_directory') ELSE '' END");
  return row ? std::get<std::string>(row->front()) : std::string();
}

std::optional<Error> no_room(std::string_view where, std::uint64_t free, std::uint64_t bytes) {
  if (free >= bytes) return std::nullopt;
  return Error(Fault::invalid, "transfer.room",
               fmt::format("{}: {} MiB are free, and the state takes {} MiB", where, free >> 20U, bytes >> 20U),
               "Make room, or name another place.");
}

}  // namespace

std::optional<Error> room_obstacle(const Connector& target, std::uint64_t bytes, sql::Database* database) {
  if (const auto most = database == nullptr ? std::nullopt : sql::most_bytes(*database)) {
    return no_room(database->name(), *most - std::min(*most, sql::database_bytes(*database)), bytes);
  }
  const std::string folder = folder_of(target, database);
  struct statvfs room{};
  if (folder.empty() || ::statvfs(folder.c_str(), &room) != 0) return std::nullopt;
  return no_room(folder, std::uint64_t{room.f_bavail} * room.f_frsize, bytes);
}

}  // namespace linkspan::transfer
