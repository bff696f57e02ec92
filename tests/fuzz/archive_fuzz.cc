// Any bytes as a backup: refused with a reason, or read to the end. The first byte chooses how deep they go in: as the
// whole file, as what follows the head of a file for a recipient, as packed content in sound blocks, or as records, so
// that the hashes do not keep the fuzzer out.

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
#include "base/hash.h"
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

void read_file(std::string_view bytes, const BlockKey& key) {
  BlockReader blocks(
      [&](char* into, std::size_t size) {
        const std::size_t some = std::min(size, bytes.size());
        std::memcpy(into, bytes.data(), some);
        bytes.remove_prefix(some);
        return some;
      },
      "state.backup", key);
  const auto source = unpacked(blocks);
  read_records(*source);
}

// The preamble of a file sealed to a recipient, with whatever the fuzzer puts behind it: sound hashes, so that it comes
// as far as the keys.
std::string to_recipient(std::string_view bytes) {
  std::string out("LINKSPAN BACKUP\n\0\0\0\1\0\0\0\2", 24);
  std::string rest(bytes);
  if (rest.size() < 128) rest.resize(128);
  // The fingerprint of the recipient that belongs to the identity below.
  const std::string identity(crypto_box_SECRETKEYBYTES, '\1');
  std::string recipient(crypto_box_PUBLICKEYBYTES, '\0');
  std::string print(16, '\0');
  ::crypto_scalarmult_base(reinterpret_cast<unsigned char*>(recipient.data()),
                           reinterpret_cast<const unsigned char*>(identity.data()));
  ::crypto_generichash(reinterpret_cast<unsigned char*>(print.data()), print.size(),
                       reinterpret_cast<const unsigned char*>(recipient.data()), recipient.size(), nullptr, 0);
  const auto put_hash = [&](std::uint64_t hash) {
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(hash >> shift);
  };
  out += print + std::string(8, '\0') + rest.substr(0, 24);
  const std::uint64_t chain = hash64(out);
  put_hash(chain);
  out += rest.substr(24, 80);
  put_hash(hash64(std::string_view(rest).substr(24, 80), chain));
  return out + rest.substr(104);
}

// In blocks as the program writes them.
std::string in_blocks(std::string_view content) {
  const int file = ::memfd_create("backup", 0);
  if (file < 0) std::abort();
  BlockWriter writer(file, "state.backup", {});
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
      read_file(bytes, {});
    } else if (data[0] == 'r') {
      read_file(to_recipient(bytes), {.key = std::string(crypto_box_SECRETKEYBYTES, '\1')});
    } else if (data[0] == 'p') {
      read_file(in_blocks(bytes), {});
    } else {
      Bytes records(bytes);
      read_records(records);
    }
  } catch (const linkspan::Error&) {
    // Refused, with a reason.
  }
  return 0;
}
