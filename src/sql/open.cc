#include "sql/open.h"

namespace linkspan::sql {

std::unique_ptr<Database> open(const DatabaseUrl& url, const OpenOptions& options) {
  return url.dialect == Dialect::sqlite ? open_sqlite(url.path, options) : open_postgresql(url, options);
}

}  // namespace linkspan::sql
