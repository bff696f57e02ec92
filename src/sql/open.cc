#include "sql/open.h"

#include "base/error.h"

namespace linkspan::sql {

std::unique_ptr<Database> open(const DatabaseUrl& url, const OpenOptions& options) {
  switch (url.dialect) {
    case Dialect::sqlite:
      return open_sqlite(url.path, options);
    case Dialect::postgresql:
      return open_postgresql(url, options);
    case Dialect::sqlserver:
      break;
  }
  throw Error(Fault::invalid, "sql.driver_missing", url.redacted() + ": this build cannot work on SQL Server",
              "Use PostgreSQL, or a build that can.");
}

}  // namespace linkspan::sql
