#include "transfer/internal/room.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <filesystem>

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

}  // namespace

std::optional<Error> room_obstacle(const Connector& target, std::uint64_t bytes, sql::Database* database) {
  const std::string folder = folder_of(target, database);
  struct statvfs room{};
  if (folder.empty() || ::statvfs(folder.c_str(), &room) != 0) return std::nullopt;
  const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
  if (free >= bytes) return std::nullopt;
  return Error(Fault::invalid, "transfer.room",
               fmt::format("{}: {} MiB are free, and the state takes {} MiB", folder, free >> 20U, bytes >> 20U),
               "Make room, or name another place.");
}

}  // namespace linkspan::transfer
