#include "sql/open.h"

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
  return open_sqlserver(url, options);
}

}  // namespace linkspan::sql
