#include "sql/internal/sqlserver_bulk.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>
#include <cstring>

#define TDSODBC_BCP
#include <odbcss.h>

#include "sql/internal/check_text.h"
#include "sql/internal/utf16.h"

namespace linkspan::sql {

namespace {

constexpr std::size_t k_most_value = 4096;
constexpr std::size_t k_prefix = 4;

std::size_t wire_size(const ValueView& value) noexcept {
  // A byte of UTF-8 is never more than one unit of UTF-16.
  if (const auto* text = std::get_if<std::string_view>(&value)) return text->size() * sizeof(char16_t);
  if (const auto* blob = std::get_if<BlobView>(&value)) return blob->bytes.size();
  return sizeof(std::int64_t);
}

// FreeTDS: calls into the driver dressed up as connection attributes (odbcss.h).
const BulkFunctions& freetds_functions() {
  static const BulkFunctions functions{
      .init = [](SQLHDBC dbc, const char* table) -> int {
        return bcp_initA(dbc, table, nullptr, nullptr, BCP_DIRECTION_IN);
      },
      .bind = [](SQLHDBC dbc, const unsigned char* place, int prefix, int type, int column) -> int {
        return bcp_bind(dbc, place, prefix, SQL_VARLEN_DATA, nullptr, 0, type, column);
      },
      .send = [](SQLHDBC dbc) -> int { return bcp_sendrow(dbc); },
      .done = [](SQLHDBC dbc) -> int { return bcp_done(dbc); },
      .wide = false,
      .integer = BCP_TYPE_SQLINT8,
      .real = BCP_TYPE_SQLFLT8,
      .text = BCP_TYPE_SQLVARCHAR,
      .blob = BCP_TYPE_SQLVARBINARY};
  return functions;
}

// Microsoft's functions, of the library that the driver manager has loaded already: nothing links against it.
struct Exported {
  short (*init)(SQLHDBC, const SQLWCHAR*, const SQLWCHAR*, const SQLWCHAR*, int) = nullptr;
  short (*bind)(SQLHDBC, const unsigned char*, int, int, const unsigned char*, int, int, int) = nullptr;
  short (*send)(SQLHDBC) = nullptr;
  int (*done)(SQLHDBC) = nullptr;
};
Exported g_exported;  // written once, under the initialisation of a static

template <class Function>
bool find(void* library, const char* name, Function*& to) {
  to = reinterpret_cast<Function*>(::dlsym(library, name));
  return to != nullptr;
}

const BulkFunctions* microsoft_functions(const std::string& library) {
  static const bool found = [&] {
    void* loaded = ::dlopen(library.c_str(), RTLD_NOW | RTLD_NOLOAD);
    return loaded != nullptr && find(loaded, "bcp_initW", g_exported.init) &&
           find(loaded, "bcp_bind", g_exported.bind) && find(loaded, "bcp_sendrow", g_exported.send) &&
           find(loaded, "bcp_done", g_exported.done);
  }();
  static const BulkFunctions functions{
      .init = [](SQLHDBC dbc, const char* table) -> int {
        const std::u16string wide = to_utf16(table);
        return g_exported.init(dbc, reinterpret_cast<const SQLWCHAR*>(wide.c_str()), nullptr, nullptr, 1);
      },
      .bind = [](SQLHDBC dbc, const unsigned char* place, int prefix, int type, int column) -> int {
        return g_exported.bind(dbc, place, prefix, SQL_VARLEN_DATA, nullptr, 0, type, column);
      },
      .send = [](SQLHDBC dbc) -> int { return g_exported.send(dbc); },
      .done = [](SQLHDBC dbc) -> int { return g_exported.done(dbc); },
      .wide = true,
      .integer = 0x7F,
      .real = 0x3E,
      .text = 0xE7,   // nvarchar
      .blob = 0xA5};  // varbinary
  return found ? &functions : nullptr;
}

// FreeTDS cuts bytes that are too long for their column, without a word.
void check_fits(const OdbcColumn& column, const ValueView& value) {
  if (column.size == 0) return;
  std::size_t size = 0;
  if (const auto* blob = std::get_if<BlobView>(&value)) size = blob->bytes.size();
  if (const auto* text = std::get_if<std::string_view>(&value)) size = text->size();
  if (size <= column.size) return;
  // There may be more bytes of UTF-8 than units of UTF-16.
  if (const auto* text = std::get_if<std::string_view>(&value)) size = to_utf16(*text).size();
  if (size <= column.size) return;
  throw Error(Fault::invalid, "sql.too_large",
              fmt::format("a value of {} is longer than its column takes ({})", size, column.size));
}

}  // namespace

std::unique_ptr<BulkCopy> BulkCopy::of(SQLHDBC connection, std::string name) {
  std::array<char16_t, 256> driver{};
  SQLSMALLINT bytes = 0;
  if (!SQL_SUCCEEDED(SQLGetInfoW(connection, SQL_DRIVER_NAME, driver.data(),
                                 static_cast<SQLSMALLINT>(sizeof driver - sizeof(char16_t)), &bytes))) {
    return nullptr;
  }
  std::string library;
  append_utf8(library, std::u16string_view(driver.data()));
  const BulkFunctions* functions = nullptr;
  if (library.find("tdsodbc") != std::string::npos) functions = &freetds_functions();
  if (library.find("msodbcsql") != std::string::npos) functions = microsoft_functions(library);
  return functions == nullptr ? nullptr : std::make_unique<BulkCopy>(connection, std::move(name), *functions);
}

bool BulkCopy::takes(std::span<const ValueView> row) noexcept {
  for (const ValueView& value : row) {
    if (wire_size(value) > k_most_value) return false;
  }
  return true;
}

void BulkCopy::check(bool succeeded) const {
  if (!succeeded) throw odbc_error(odbc_diagnostics(SQL_HANDLE_DBC, connection_), name_);
}

void BulkCopy::put(std::size_t place_number, const ValueView& value, const OdbcColumn& column) {
  check_fits(column, value);
  unsigned char* const place = places_[place_number].get();
  std::int32_t length = -1;  // NULL
  const void* from = nullptr;
  if (value.index() != 0) {
    constexpr std::size_t kinds[] = {1, 2, 3, 4};  // of the alternatives of ValueView
    if (value.index() != kinds[static_cast<std::size_t>(column.kind)]) {
      throw Error(Fault::invalid, "sql.type_mismatch", "a value is not of the kind its column takes");
    }
    if (const auto* text = std::get_if<std::string_view>(&value)) {
      from = text->data();
      length = static_cast<std::int32_t>(text->size());
      if (functions_.wide) {
        wide_.clear();
        append_utf16(wide_, *text);
        from = wide_.data();
        length = static_cast<std::int32_t>(wide_.size() * sizeof(char16_t));
      } else {
        check_text(*text);
      }
    } else if (const auto* blob = std::get_if<BlobView>(&value)) {
      from = blob->bytes.data();
      length = static_cast<std::int32_t>(blob->bytes.size());
    } else {
      from = std::holds_alternative<double>(value) ? static_cast<const void*>(&std::get<double>(value))
                                                   : &std::get<std::int64_t>(value);
      length = sizeof(std::int64_t);
    }
  }
  std::memcpy(place, &length, k_prefix);
  if (length > 0) std::memcpy(place + k_prefix, from, static_cast<std::size_t>(length));
}

void BulkCopy::load(const std::string& stage, const std::vector<OdbcColumn>& columns, Rows rows,
                    const std::vector<std::size_t>& chosen, const std::size_t* number) {
  const std::size_t before = number == nullptr ? 0 : 1;
  while (places_.size() < columns.size() + before) {
    places_.push_back(std::make_unique<unsigned char[]>(k_prefix + k_most_value));
  }
  check(functions_.init(connection_, stage.c_str()) == 1);
  const auto bind = [&](std::size_t column, OdbcKind kind) {
    const int types[] = {functions_.integer, functions_.real, functions_.text, functions_.blob};
    check(functions_.bind(connection_, places_[column].get(), static_cast<int>(k_prefix),
                          types[static_cast<std::size_t>(kind)], static_cast<int>(column + 1)) == 1);
  };
  if (number != nullptr) bind(0, OdbcKind::integer);
  for (std::size_t i = 0; i < columns.size(); ++i) bind(i + before, columns[i].kind);
  try {
    for (const std::size_t row : chosen) {
      assert(takes(rows[row]));
      if (number != nullptr) put(0, static_cast<std::int64_t>(row + *number), {OdbcKind::integer, 0});
      for (std::size_t i = 0; i < columns.size(); ++i) put(i + before, rows[row][i], columns[i]);
      check(functions_.send(connection_) == 1);
    }
  } catch (...) {
    functions_.done(connection_);  // so that the connection can be told to roll back
    throw;
  }
  check(functions_.done(connection_) >= 0);
}

}  // namespace linkspan::sql
