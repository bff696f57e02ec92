#include "transfer/checksum.h"

#include <endian.h>
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "base/hash.h"

namespace linkspan::transfer {

namespace {

void append_number(std::string& out, std::uint64_t number) {
  const std::uint64_t raw = htobe64(number);
  out.append(reinterpret_cast<const char*>(&raw), sizeof raw);
}

void append_bytes(std::string& out, char kind, std::string_view bytes) {
  out += kind;
  append_number(out, bytes.size());
  out += bytes;
}

// Kind and length first, so that no two rows encode alike.
void append_cell(std::string& out, const sql::ValueView& cell, std::uint64_t& size) {
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) {
    out += 'i';
    append_number(out, static_cast<std::uint64_t>(*integer));
    size += sizeof *integer;
  } else if (const auto* text = std::get_if<std::string_view>(&cell)) {
    append_bytes(out, 't', *text);
    size += text->size();
  } else if (const auto* blob = std::get_if<sql::BlobView>(&cell)) {
    append_bytes(out, 'b', blob->bytes);
    size += blob->bytes.size();
  } else if (const auto* real = std::get_if<double>(&cell)) {
    out += 'r';
    append_number(out, std::bit_cast<std::uint64_t>(*real));
    size += sizeof *real;
  } else {
    out += 'n';
  }
}

std::uint64_t number_at(std::string_view bytes) {
  std::uint64_t raw = 0;
  std::memcpy(&raw, bytes.data(), sizeof raw);
  return be64toh(raw);
}

}  // namespace

void Summing::add(const sql::Row& row) {
  encoded_.clear();
  for (const sql::ValueView& cell : row.cells()) append_cell(encoded_, cell, sum_.bytes);
  const std::string hash = hash128(encoded_);
  sum_.high += number_at(hash);
  sum_.low += number_at(std::string_view(hash).substr(8));
  ++sum_.rows;
}

std::string checksum_text(const TableSum& sum) { return fmt::format("{:016x}{:016x}", sum.high, sum.low); }

}  // namespace linkspan::transfer
