#include "transfer/internal/room.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <filesystem>

namespace linkspan::transfer {

std::optional<Error> room_obstacle(const Connector& target, std::uint64_t bytes) {
  if (target.url.dialect != sql::Dialect::sqlite) return std::nullopt;
  const std::filesystem::path folder = std::filesystem::path(target.url.path).parent_path();
  struct statvfs room{};
  if (::statvfs(folder.c_str(), &room) != 0) return std::nullopt;
  const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
  if (free >= bytes) return std::nullopt;
  return Error(
      Fault::invalid, "transfer.room",
      fmt::format("{}: {} MiB are free, and the state takes {} MiB", folder.string(), free >> 20U, bytes >> 20U),
      "Make room, or name another folder.");
}

}  // namespace linkspan::transfer
