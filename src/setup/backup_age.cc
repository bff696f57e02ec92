#include "setup/backup_age.h"

#include <algorithm>

#include "run/settings.h"
#include "transfer/backup.h"

namespace linkspan::setup {

BackupAge backup_age(store::Configuration& configuration, Time now) {
  BackupAge out;
  if (const auto text = configuration.setting(transfer::k_backup_completed)) {
    using std::chrono::seconds;
    out.completed_at = from_rfc3339(*text);
    out.age = std::max(std::chrono::duration_cast<seconds>(now - *out.completed_at), seconds(0));
  }
  if (configuration.setting(run::k_backup_age) != "off") {
    out.limit = run::duration_setting(configuration, run::k_backup_age, std::chrono::days(7));
    out.overdue = !out.completed_at || out.age > *out.limit;
  }
  return out;
}

}  // namespace linkspan::setup
