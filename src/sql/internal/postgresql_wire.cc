#include "sql/internal/postgresql_wire.h"

#include <endian.h>
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "sql/internal/check_text.h"

namespace linkspan::sql {

namespace {

constexpr Oid k_bool = 16;
constexpr Oid k_char = 18;
constexpr Oid k_name = 19;
constexpr Oid k_int2 = 21;
constexpr Oid k_int4 = 23;
constexpr Oid k_oid = 26;
constexpr Oid k_json = 114;
constexpr Oid k_float4 = 700;
constexpr Oid k_float8 = 701;
constexpr Oid k_unknown = 705;
constexpr Oid k_bpchar = 1042;
constexpr Oid k_varchar = 1043;
constexpr Oid k_timestamptz = 1184;
constexpr Oid k_numeric = 1700;
constexpr std::int64_t k_epoch = 946'684'800'000'000;  // 2000-01-01 in microseconds since 1970

struct TypeInfo {
  Oid type;
  Oid array;
  std::string_view name;
};
constexpr std::array<TypeInfo, 12> k_types{{{k_int8, 1016, "bigint"},
                                            {k_text, 1009, "text"},
                                            {k_bytea, 1001, "bytea"},
                                            {k_int4, 1007, "integer"},
                                            {k_int2, 1005, "smallint"},
                                            {k_bool, 1000, "boolean"},
                                            {k_float8, 1022, "double precision"},
                                            {k_float4, 1021, "real"},
                                            {k_varchar, 1015, "character varying"},
                                            {k_bpchar, 1014, "character"},
                                            {k_json, 199, "json"},
                                            {k_timestamptz, 1185, "timestamp with time zone"}}};

[[noreturn]] void unsupported(Oid type) {
  throw Error(Fault::invalid, "sql.unsupported_type",
              fmt::format("a column has PostgreSQL's type number {}, which this program does not use", type));
}

const TypeInfo& info_of(Oid type) {
  for (const TypeInfo& info : k_types) {
    if (info.type == type) return info;
  }
  unsupported(type);
}

[[noreturn]] void mismatch(Oid type, std::string_view given) {
  throw Error(Fault::invalid, "sql.type_mismatch",
              fmt::format("{} was given where the database wants {}", given, info_of(type).name));
}

template <class T>
T big_endian(std::string_view bytes) {
  if (bytes.size() != sizeof(T)) throw Error(Fault::corrupt, "sql.protocol", "the server sent a field of another size");
  T raw;
  std::memcpy(&raw, bytes.data(), sizeof(T));
  if constexpr (sizeof(T) == 2) return static_cast<T>(be16toh(static_cast<std::uint16_t>(raw)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(be32toh(static_cast<std::uint32_t>(raw)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(be64toh(static_cast<std::uint64_t>(raw)));
}

template <class T>
T checked(std::int64_t value, Oid type) {
  if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) mismatch(type, "a larger number");
  return static_cast<T>(value);
}

void append_integer(std::string& out, Oid type, std::int64_t value) {
  switch (type) {
    case k_int8:
      append_int32(out, 8);
      return append_int64(out, value);
    case k_int4:
      append_int32(out, 4);
      return append_int32(out, checked<std::int32_t>(value, type));
    case k_int2:
      append_int32(out, 2);
      return append_int16(out, checked<std::int16_t>(value, type));
    case k_bool:
      if (value != 0 && value != 1) mismatch(type, "a number other than 0 and 1");
      append_int32(out, 1);
      out += static_cast<char>(value);
      return;
    case k_timestamptz:
      append_int32(out, 8);
      return append_int64(out, value - k_epoch);
    case k_float8:
    case k_float4:
      return append_field(out, type, static_cast<double>(value));
    default:
      mismatch(type, "an integer");
  }
}

void append_bytes(std::string& out, std::string_view bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw Error(Fault::invalid, "sql.too_large", "a value beyond 2 GiB cannot be stored");
  }
  append_int32(out, static_cast<std::int32_t>(bytes.size()));
  out += bytes;
}

// Sums and rounded numbers come as numeric: digits of base 10000. Whole ones that fit are integers here.
ValueView numeric_value(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return big_endian<std::int16_t>(bytes.substr(i * 2, 2)); };
  const auto digits = static_cast<std::size_t>(at(0));
  const int weight = at(1);
  const auto sign = static_cast<std::uint16_t>(at(2));
  if (sign != 0 && sign != 0x4000) return std::numeric_limits<double>::quiet_NaN();
  double real = 0;
  std::int64_t whole = 0;
  bool is_whole = true;
  for (int i = 0; i <= weight || i < static_cast<int>(digits); ++i) {
    const auto digit = i < static_cast<int>(digits) ? at(4 + static_cast<std::size_t>(i)) : std::int16_t{0};
    real += digit * std::pow(10000.0, weight - i);
    if (i > weight) {
      is_whole = is_whole && digit == 0;
    } else if (__builtin_mul_overflow(whole, std::int64_t{10000}, &whole) ||
               __builtin_add_overflow(whole, std::int64_t{digit}, &whole)) {
      is_whole = false;
    }
  }
  if (is_whole) return sign == 0 ? whole : -whole;
  return sign == 0 ? real : -real;
}

}  // namespace

void append_int16(std::string& out, std::int16_t value) {
  const std::uint16_t raw = htobe16(static_cast<std::uint16_t>(value));
  out.append(reinterpret_cast<const char*>(&raw), sizeof raw);
}

void append_int32(std::string& out, std::int32_t value) {
  const std::uint32_t raw = htobe32(static_cast<std::uint32_t>(value));
  out.append(reinterpret_cast<const char*>(&raw), sizeof raw);
}

void append_int64(std::string& out, std::int64_t value) {
  const std::uint64_t raw = htobe64(static_cast<std::uint64_t>(value));
  out.append(reinterpret_cast<const char*>(&raw), sizeof raw);
}

void append_field(std::string& out, Oid type, const ValueView& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return append_integer(out, type, *integer);
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    if (type != k_text && type != k_varchar && type != k_bpchar && type != k_json && type != k_name &&
        type != k_unknown) {
      mismatch(type, "text");
    }
    check_text(*text);
    return append_bytes(out, *text);
  }
  if (const auto* blob = std::get_if<BlobView>(&value)) {
    if (type != k_bytea) mismatch(type, "a blob");
    return append_bytes(out, blob->bytes);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    if (type == k_float4) {
      append_int32(out, 4);
      return append_int32(out, std::bit_cast<std::int32_t>(static_cast<float>(*real)));
    }
    if (type != k_float8) mismatch(type, "a real");
    append_int32(out, 8);
    return append_int64(out, std::bit_cast<std::int64_t>(*real));
  }
  append_int32(out, -1);
}

ValueView field_value(Oid type, std::string_view bytes) {
  switch (type) {
    case k_int8:
      return big_endian<std::int64_t>(bytes);
    case k_text:
    case k_varchar:
    case k_bpchar:
    case k_json:
    case k_name:
    case k_char:
    case k_unknown:
      return bytes;
    case k_bytea:
      return BlobView(bytes);
    case k_int4:
      return std::int64_t{big_endian<std::int32_t>(bytes)};
    case k_oid:
      return std::int64_t{big_endian<std::uint32_t>(bytes)};
    case k_int2:
      return std::int64_t{big_endian<std::int16_t>(bytes)};
    case k_bool:
      return std::int64_t{!bytes.empty() && bytes.front() != '\0'};
    case k_float8:
      return std::bit_cast<double>(big_endian<std::int64_t>(bytes));
    case k_float4:
      return static_cast<double>(std::bit_cast<float>(big_endian<std::int32_t>(bytes)));
    case k_timestamptz:
      return big_endian<std::int64_t>(bytes) + k_epoch;
    case k_numeric:
      return numeric_value(bytes);
    case 2278:  // void: what a function called for its effect returns
      return {};
    default:
      unsupported(type);
  }
}

Oid array_type_of(Oid type) { return info_of(type).array; }

std::string_view type_name(Oid type) { return info_of(type).name; }

void append_array_head(std::string& out, Oid element, std::size_t count) {
  append_int32(out, 1);  // dimensions
  append_int32(out, 1);  // may hold NULLs
  append_int32(out, static_cast<std::int32_t>(element));
  append_int32(out, static_cast<std::int32_t>(count));
  append_int32(out, 1);  // the first index
}

std::string_view copy_head() { return {"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19}; }

std::string_view copy_tail() { return {"\377\377", 2}; }

bool CopyReader::next(std::string_view& message) {
  const auto take = [&](std::size_t count) {
    if (message.size() < count)
      throw Error(Fault::corrupt, "sql.protocol", "the server sent a copy that ends within a row");
    const std::string_view taken = message.substr(0, count);
    message.remove_prefix(count);
    return taken;
  };
  if (!head_read_ && !message.empty()) {
    (void)take(copy_head().size());
    head_read_ = true;
  }
  if (message.empty()) return false;
  const auto columns = big_endian<std::int16_t>(take(2));
  if (columns < 0) return false;
  if (static_cast<std::size_t>(columns) != types_.size()) {
    throw Error(Fault::corrupt, "sql.protocol", "the server sent rows of another width");
  }
  cells_.clear();
  for (const Oid type : types_) {
    const auto length = big_endian<std::int32_t>(take(4));
    if (length < 0) {
      cells_.emplace_back();
    } else {
      cells_.push_back(field_value(type, take(static_cast<std::size_t>(length))));
    }
  }
  return true;
}

}  // namespace linkspan::sql
