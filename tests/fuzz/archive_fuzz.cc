// Any bytes as a backup: refused with a reason, or read to the end. The first byte chooses how deep they go in: as the
// whole file, as packed content in sound blocks, or as records, so that the hashes do not keep the fuzzer out.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.h"
#include "transfer/internal/archive.h"

namespace linkspan::transfer {
namespace {

class Bytes : public RecordSource {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  bool more(std::string& out) override {
    constexpr std::size_t k_step = 61;  // so that records lie across the borders
    if (bytes_.empty()) return false;
    out += bytes_.substr(0, k_step);
    bytes_.remove_prefix(std::min(bytes_.size(), k_step));
    return true;
  }

 private:
  std::string_view bytes_;
};

const TableInfo* named(std::string_view name) {
  for (const TableInfo* table : archive_tables()) {
    if (table->name == name) return table;
  }
  return nullptr;
}

void read_records(RecordSource& source) {
  ArchiveReader reader(source, "state.backup");
  static_cast<void>(reader.read_head());
  while (const auto name = reader.next_table()) {
    const TableInfo* table = named(*name);
    if (table == nullptr) return;
    static_cast<void>(reader.rows(*table, [&](const sql::Row& row) {
      if (row.size() != table->columns.size()) std::abort();
    }));
  }
  static_cast<void>(reader.finish());
}

void read_file(std::string_view bytes) {
  BlockReader blocks(
      [&](char* into, std::size_t size) {
        const std::size_t some = std::min(size, bytes.size());
        std::memcpy(into, bytes.data(), some);
        bytes.remove_prefix(some);
        return some;
      },
      "state.backup", "");
  const auto source = unpacked(blocks);
  read_records(*source);
}

// In blocks as the program writes them.
std::string in_blocks(std::string_view content) {
  const int file = ::memfd_create("backup", 0);
  if (file < 0) std::abort();
  BlockWriter writer(file, "state.backup", "");
  writer.write(content);
  writer.finish();
  std::string out(static_cast<std::size_t>(::lseek(file, 0, SEEK_CUR)), '\0');
  if (::pread(file, out.data(), out.size(), 0) != static_cast<ssize_t>(out.size())) std::abort();
  ::close(file);
  return out;
}

}  // namespace
}  // namespace linkspan::transfer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linkspan::transfer;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] == 'f') {
      read_file(bytes);
    } else if (data[0] == 'p') {
      read_file(in_blocks(bytes));
    } else {
      Bytes records(bytes);
      read_records(records);
    }
  } catch (const linkspan::Error&) {
    // Refused, with a reason.
  }
  return 0;
}
