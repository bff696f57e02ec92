#include "sql/internal/file_system.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace linkspan::sql {

namespace {

constexpr unsigned long k_fuse = 0x65735546;

// Numbers of linux/magic.h and of the file systems themselves; not every header has them all. Those that several
// machines mount at once, over a network or over shared disks: each has locks and cached pages of its own.
constexpr std::array<std::pair<unsigned long, std::string_view>, 21> k_network{
    {{0x6969, "NFS"},
     {0x517B, "SMB"},
     {0xFF534D42, "CIFS"},
     {0xFE534D42, "SMB2"},
     {0x564C, "NCP"},
     {0x01021997, "9P"},
     {0x5346414F, "AFS"},
     {0x6B414653, "AFS"},
     {0x73757245, "Coda"},
     {0x00C36400, "Ceph"},
     {0x0BD00BD0, "Lustre"},
     {0x47504653, "GPFS"},
     {0x19830326, "BeeGFS"},
     {0x20030528, "OrangeFS"},
     {0xAAD7AAEA, "PanFS"},
     {0xBEEFDEAD, "StorNext"},
     {0x7461636F, "OCFS2"},
     {0x01161970, "GFS2"},
     {0xBACBACBC, "VMware shared folder"},
     {0x786F4256, "VirtualBox shared folder"},
     {0x7C7C6673, "Parallels shared folder"}}};

// Nearly all that comes through FUSE is a network in the end (sshfs, GlusterFS, s3fs, rclone, virtiofs...) and new ones
// keep coming, so here those are listed whose files are on this machine.
constexpr std::array<std::string_view, 15> k_fuse_local{
    "fuseblk",    "fuse.fuse-overlayfs", "fuse.overlayfs", "fuse.mergerfs", "fuse.bindfs",
    "fuse.encfs", "fuse.gocryptfs",      "fuse.cryfs",     "fuse.securefs", "fuse.ntfs-3g",
    "fuse.exfat", "fuse.fuse-ext2",      "fuse.fuse2fs",   "fuse.zfs-fuse", "fuse.apfs"};

// The type field of the mount with this device number: "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root
// rw".
std::string mount_type(dev_t device) {
  const std::string wanted = fmt::format("{}:{}", major(device), minor(device));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id;
    std::string parent;
    std::string number;
    words >> id >> parent >> number;
    const std::size_t dash = line.find(" - ");
    if (number != wanted || dash == std::string::npos) continue;
    return line.substr(dash + 3, line.find(' ', dash + 3) - dash - 3);
  }
  return {};
}

}  // namespace

std::optional<std::string> network_file_system(unsigned long magic, const std::string& fuse_type) {
  if (magic == k_fuse) {
    const bool local = std::find(k_fuse_local.begin(), k_fuse_local.end(), fuse_type) != k_fuse_local.end();
    if (local) return std::nullopt;
    return fuse_type.empty() ? "FUSE" : fuse_type;
  }
  for (const auto& [number, name] : k_network) {
    if (number == (magic & 0xFFFFFFFFUL)) return std::string(name);
  }
  return std::nullopt;
}

std::optional<std::string> network_file_system_of(const std::string& folder) {
  struct statfs answer{};
  struct stat status{};
  if (::statfs(folder.c_str(), &answer) != 0 || ::stat(folder.c_str(), &status) != 0) return std::nullopt;
  const auto magic = static_cast<unsigned long>(answer.f_type);
  return network_file_system(magic, magic == k_fuse ? mount_type(status.st_dev) : std::string());
}

}  // namespace linkspan::sql
