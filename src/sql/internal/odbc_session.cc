#include "sql/internal/odbc_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "base/text.h"
#include "sql/internal/utf16.h"

namespace linkspan::sql {

namespace {

constexpr std::size_t k_most_bound = 8000;                 // bytes of a cell that is bound rather than asked for
constexpr std::size_t k_most_cell = std::size_t{1} << 30;  // as PostgreSQL
constexpr std::size_t k_first_room = std::size_t{4} * 1024;

std::optional<OdbcKind> kind_of(SQLSMALLINT type, SQLSMALLINT digits) {
  switch (type) {
    case SQL_BIT:
    case SQL_TINYINT:
    case SQL_SMALLINT:
    case SQL_INTEGER:
    case SQL_BIGINT:
      return OdbcKind::integer;
    case SQL_REAL:
    case SQL_FLOAT:
    case SQL_DOUBLE:
      return OdbcKind::real;
    case SQL_DECIMAL:
    case SQL_NUMERIC:  // sums
      return digits == 0 ? OdbcKind::integer : OdbcKind::real;
    case SQL_CHAR:
    case SQL_VARCHAR:
    case SQL_LONGVARCHAR:
    case SQL_WCHAR:
    case SQL_WVARCHAR:
    case SQL_WLONGVARCHAR:
      return OdbcKind::text;
    case SQL_BINARY:
    case SQL_VARBINARY:
    case SQL_LONGVARBINARY:
      return OdbcKind::blob;
    default:
      return std::nullopt;
  }
}

std::vector<OdbcColumn> described(SQLHSTMT statement, std::string_view name) {
  SQLSMALLINT count = 0;
  check_odbc(SQLNumResultCols(statement, &count), SQL_HANDLE_STMT, statement, name);
  std::vector<OdbcColumn> columns;
  for (SQLSMALLINT i = 1; i <= count; ++i) {
    char16_t label[64] = {};
    SQLSMALLINT length = 0;
    SQLSMALLINT type = 0;
    SQLULEN size = 0;
    SQLSMALLINT digits = 0;
    SQLSMALLINT nullable = 0;
    check_odbc(SQLDescribeColW(statement, static_cast<SQLUSMALLINT>(i), reinterpret_cast<SQLWCHAR*>(label),
                               static_cast<SQLSMALLINT>(std::size(label)), &length, &type, &size, &digits, &nullable),
               SQL_HANDLE_STMT, statement, name);
    const auto kind = kind_of(type, digits);
    if (!kind) {
      throw Error(Fault::corrupt, "sql.unsupported_type",
                  fmt::format("{}: column {} of an answer has the ODBC type {}", name, i, type),
                  "The table was changed by hand.");
    }
    const std::size_t bytes = *kind == OdbcKind::text ? size * sizeof(char16_t) : size;
    columns.push_back({*kind, bytes <= k_most_bound ? size : 0});
  }
  return columns;
}

}  // namespace

OdbcReader::OdbcReader(SQLHSTMT statement, std::string_view name)
    : statement_(statement), name_(name), columns_(described(statement, name)), places_(columns_.size()) {
  parts_.resize(columns_.size());
  cells_.resize(columns_.size());
  bind();
}

// Cells may be asked for only to the right of the last that is bound (ODBC, SQLGetData), and in their order.
void OdbcReader::bind() {
  for (; bound_ < columns_.size(); ++bound_) {
    const OdbcColumn& column = columns_[bound_];
    Place& place = places_[bound_];
    SQLSMALLINT c_type = SQL_C_SBIGINT;
    void* to = &place.integer;
    std::size_t room = sizeof place.integer;
    if (column.kind == OdbcKind::real) {
      c_type = SQL_C_DOUBLE;
      to = &place.real;
      room = sizeof place.real;
    } else if (column.kind != OdbcKind::integer) {
      if (column.size == 0) return;
      if (column.kind == OdbcKind::text) {
        c_type = SQL_C_WCHAR;
        place.units.resize(column.size + 1);
        to = place.units.data();
        room = place.units.size() * sizeof(char16_t);
      } else {
        c_type = SQL_C_BINARY;
        place.bytes.resize(column.size);
        to = place.bytes.data();
        room = place.bytes.size();
      }
    }
    check_odbc(SQLBindCol(statement_, static_cast<SQLUSMALLINT>(bound_ + 1), c_type, to, static_cast<SQLLEN>(room),
                          &place.indicator),
               SQL_HANDLE_STMT, statement_, name_);
  }
}

bool OdbcReader::next() {
  const SQLRETURN code = SQLFetch(statement_);
  if (code == SQL_NO_DATA) return false;
  check_odbc(code, SQL_HANDLE_STMT, statement_, name_);
  row_.clear();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    cells_[i] = null;
    parts_[i] = {};  // of the row before
    if (i < bound_) {
      read_bound(i);
    } else {
      read_unbound(i);
    }
  }
  // Only now do the bytes stay where they are.
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::string_view part = std::string_view(row_).substr(parts_[i].first, parts_[i].second);
    if (std::holds_alternative<std::string_view>(cells_[i])) cells_[i] = part;
    if (std::holds_alternative<BlobView>(cells_[i])) cells_[i] = BlobView(part);
  }
  return true;
}

void OdbcReader::read_bound(std::size_t column) {
  const Place& place = places_[column];
  if (place.indicator == SQL_NULL_DATA) return;
  const auto bytes = static_cast<std::size_t>(std::max<SQLLEN>(place.indicator, 0));
  switch (columns_[column].kind) {
    case OdbcKind::integer:
      cells_[column] = place.integer;
      return;
    case OdbcKind::real:
      cells_[column] = place.real;
      return;
    case OdbcKind::text:
      return keep_text(column, {place.units.data(), std::min(bytes / sizeof(char16_t), place.units.size() - 1)});
    case OdbcKind::blob:
      return keep_bytes(column, std::string_view(place.bytes).substr(0, bytes));
  }
}

void OdbcReader::read_unbound(std::size_t column) {
  switch (columns_[column].kind) {
    case OdbcKind::integer:
    case OdbcKind::real: {
      const bool integer = columns_[column].kind == OdbcKind::integer;
      Place& place = places_[column];
      check_odbc(SQLGetData(statement_, static_cast<SQLUSMALLINT>(column + 1), integer ? SQL_C_SBIGINT : SQL_C_DOUBLE,
                            integer ? static_cast<void*>(&place.integer) : &place.real, 0, &place.indicator),
                 SQL_HANDLE_STMT, statement_, name_);
      if (place.indicator == SQL_NULL_DATA) return;
      if (integer) {
        cells_[column] = place.integer;
      } else {
        cells_[column] = place.real;
      }
      return;
    }
    case OdbcKind::text:
      if (!get(column, SQL_C_WCHAR)) return;
      return keep_text(column, {reinterpret_cast<const char16_t*>(raw_.data()), raw_.size() / sizeof(char16_t)});
    case OdbcKind::blob:
      if (get(column, SQL_C_BINARY)) keep_bytes(column, raw_);
      return;
  }
}

bool OdbcReader::get(std::size_t column, SQLSMALLINT c_type) {
  const std::size_t end = c_type == SQL_C_WCHAR ? sizeof(char16_t) : 0;  // the driver puts a NUL behind text
  std::size_t have = 0;
  raw_.resize(std::max(raw_.capacity() & ~std::size_t{1}, k_first_room));
  while (true) {
    const std::size_t room = raw_.size() - have;
    SQLLEN indicator = 0;
    const SQLRETURN code = SQLGetData(statement_, static_cast<SQLUSMALLINT>(column + 1), c_type, raw_.data() + have,
                                      static_cast<SQLLEN>(room), &indicator);
    if (code == SQL_NO_DATA) break;
    check_odbc(code, SQL_HANDLE_STMT, statement_, name_);
    if (indicator == SQL_NULL_DATA) return false;
    const bool known = indicator != SQL_NO_TOTAL;
    const auto left = static_cast<std::size_t>(std::max<SQLLEN>(indicator, 0));
    if (known && left + end <= room) {
      have += left;
      break;
    }
    have += room - end;
    const std::size_t wanted = known ? have - (room - end) + left + end : raw_.size() * 2;
    if (wanted > k_most_cell) {
      throw Error(Fault::invalid, "sql.too_large", fmt::format("{}: a cell of more than 1 GiB was sent", name_));
    }
    raw_.resize((wanted + 1) & ~std::size_t{1});
  }
  raw_.resize(have);
  return true;
}

void OdbcReader::keep_text(std::size_t column, std::u16string_view text) {
  const std::size_t start = row_.size();
  if (!append_utf8(row_, text)) {
    throw Error(Fault::corrupt, "sql.bad_text", fmt::format("{}: text that is not UTF-16 was read", name_),
                "Something else changed the database. Run `linkspan database verify`.");
  }
  parts_[column] = {start, row_.size() - start};
  cells_[column] = std::string_view();
}

void OdbcReader::keep_bytes(std::size_t column, std::string_view bytes) {
  parts_[column] = {row_.size(), bytes.size()};
  row_ += bytes;
  cells_[column] = BlobView();
}

// An answer under way. When something else is asked it is read to its end, and given from memory from then on.
class OdbcSession::Streamed {
 public:
  Streamed(OdbcSession& session, OdbcHandle statement)
      : session_(session), statement_(std::move(statement)), reader_(statement_.get(), session.name_) {
    session_.streamed_ = this;
  }
  ~Streamed() { leave(); }
  Streamed(const Streamed&) = delete;
  Streamed& operator=(const Streamed&) = delete;

  void park() {
    session_.streamed_ = nullptr;  // first: whatever happens, it is no longer the connection's
    rest_.emplace(reader_.columns().size());
    try {
      while (reader_.next()) {
        for (const ValueView& cell : reader_.cells()) rest_->copy(cell);
      }
      session_.drain(statement_.get());
    } catch (...) {
      broken_ = std::current_exception();  // for whoever visits, too: what was parked is not all
      throw;
    }
    statement_.reset();
  }

  void each(const std::function<bool(const Row&)>& visit) {
    RowBatch kept(reader_.columns().size());
    while (!rest_) {
      if (!reader_.next()) {
        session_.streamed_ = nullptr;
        session_.drain(statement_.get());
        return;
      }
      // A visitor that uses the session parks the rest, and that moves the reader on under the row it looks at.
      kept.clear();
      for (const ValueView& cell : reader_.cells()) kept.copy(cell);
      if (!visit(Row(kept.rows()[0]))) return;
    }
    for (std::size_t i = 0; i < rest_->size(); ++i) {
      if (!visit(Row(rest_->rows()[i]))) return;
    }
    if (broken_) std::rethrow_exception(broken_);
  }

 private:
  void leave() noexcept {
    if (session_.streamed_ == this) session_.streamed_ = nullptr;
    if (statement_.get() == SQL_NULL_HANDLE) return;
    // Rows nobody wants any more: the driver tells the server so.
    SQLCancel(statement_.get());
    SQLFreeStmt(statement_.get(), SQL_CLOSE);
  }

  OdbcSession& session_;
  OdbcHandle statement_;
  OdbcReader reader_;
  std::optional<RowBatch> rest_;
  std::exception_ptr broken_;
};

OdbcSession::OdbcSession(OdbcConnection connection, std::string name)
    : connection_(std::move(connection)), name_(std::move(name)) {}

OdbcHandle OdbcSession::executed(std::string_view text, OdbcParameters* parameters) {
  if (streamed_ != nullptr) streamed_->park();
  OdbcHandle statement(SQL_HANDLE_STMT, connection_.get());
  if (limit_.count() != 0) {
    SQLSetStmtAttrW(statement.get(), SQL_ATTR_QUERY_TIMEOUT,
                    reinterpret_cast<SQLPOINTER>(static_cast<std::uintptr_t>(limit_.count())), SQL_IS_UINTEGER);
  }
  try {
    if (parameters != nullptr) parameters->bind(statement.get(), name_);
    std::u16string wide = to_utf16(text);
    check_odbc(
        SQLExecDirectW(statement.get(), reinterpret_cast<SQLWCHAR*>(wide.data()), static_cast<SQLINTEGER>(wide.size())),
        SQL_HANDLE_STMT, statement.get(), name_);
  } catch (Error& error) {
    // The statement is of interest only where it may be at fault.
    if (error.id() != "sql.failed") throw;
    throw std::move(error).while_doing(fmt::format("executing '{}'", printable(text, 300)));
  }
  return statement;
}

std::int64_t OdbcSession::drain(SQLHSTMT statement) {
  std::int64_t changed = 0;
  while (true) {
    SQLSMALLINT columns = 0;
    SQLLEN rows = 0;
    if (SQL_SUCCEEDED(SQLNumResultCols(statement, &columns)) && columns == 0 &&
        SQL_SUCCEEDED(SQLRowCount(statement, &rows)) && rows > 0) {
      changed += rows;
    }
    const SQLRETURN code = SQLMoreResults(statement);
    if (code == SQL_NO_DATA) return changed;
    check_odbc(code, SQL_HANDLE_STMT, statement, name_);
  }
}

bool OdbcSession::find_rows(SQLHSTMT statement) {
  while (true) {
    SQLSMALLINT columns = 0;
    check_odbc(SQLNumResultCols(statement, &columns), SQL_HANDLE_STMT, statement, name_);
    if (columns != 0) return true;
    const SQLRETURN code = SQLMoreResults(statement);
    if (code == SQL_NO_DATA) return false;
    check_odbc(code, SQL_HANDLE_STMT, statement, name_);
  }
}

void OdbcSession::script(std::string_view text) {
  const OdbcHandle statement = executed(text, nullptr);
  drain(statement.get());
}

std::int64_t OdbcSession::run(std::string_view text, OdbcParameters& parameters) {
  const OdbcHandle statement = executed(text, &parameters);
  return drain(statement.get());
}

void OdbcSession::query(std::string_view text, OdbcParameters& parameters,
                        const std::function<void(const Row&)>& visit) {
  std::optional<RowBatch> rows;
  {
    const OdbcHandle statement = executed(text, &parameters);
    if (find_rows(statement.get())) {
      OdbcReader reader(statement.get(), name_);
      rows.emplace(reader.columns().size());
      while (reader.next()) {
        for (const ValueView& cell : reader.cells()) rows->copy(cell);
      }
      drain(statement.get());
    }
  }
  if (!rows) return;
  for (std::size_t i = 0; i < rows->size(); ++i) visit(Row(rows->rows()[i]));
}

void OdbcSession::stream(std::string_view text, OdbcParameters& parameters,
                         const std::function<bool(const Row&)>& visit) {
  Streamed streamed(*this, executed(text, &parameters));
  streamed.each(visit);
}

std::vector<OdbcColumn> OdbcSession::describe(std::string_view text) {
  const OdbcHandle statement = executed(text, nullptr);
  std::vector<OdbcColumn> columns = described(statement.get(), name_);
  drain(statement.get());
  return columns;
}

}  // namespace linkspan::sql
