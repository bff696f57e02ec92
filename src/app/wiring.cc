#include "app/wiring.h"

#include <fmt/format.h>

#include "app/kinds.h"
#include "app/logger.h"
#include "base/error.h"
#include "store_sql/store_sql.h"

namespace linkspan::app {

namespace fs = std::filesystem;

fs::path find_shared(const fs::path& program, const fs::path& file) {
  constexpr int k_levels = 6;
  std::error_code ignored;
  fs::path at = program.parent_path();
  for (int level = 0; level < k_levels && at.has_relative_path(); ++level, at = at.parent_path()) {
    for (const char* below : {"share/linkspan", "."}) {
      const fs::path found = (at / below / file).lexically_normal();
      if (fs::exists(found, ignored)) return found.parent_path();
    }
  }
  return {};
}

std::unique_ptr<setup::Installation> make_installation(const cli::GlobalOptions& options, const std::string& version,
                                                       const Clock& clock) {
  const fs::path path = options.config.empty() ? fs::path(setup::k_standard_config) : fs::path(options.config);
  setup::ServerFile file = setup::load_server_file(path, {options.state_dir, options.database});
  if (!file.present && !options.config.empty() && options.config_needed) {
    throw Error(Fault::not_found, "setup.no_config", fmt::format("there is no configuration file {}", path.string()),
                "`linkspan setup` writes one; or leave --config out.");
  }
  LogOptions log{file.log_level, file.log_format};
  // People at a terminal see results; what a service would log is noise beside them.
  if (!options.service) log.level = "error";
  if (!options.log_level.empty()) log.level = options.log_level;
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  setup::Wiring wiring;
  wiring.version = version;
  wiring.kinds = all_kinds(find_shared(program, "profiles/scim/entra-client.toml").parent_path());
  wiring.open_store = [version](const std::string& url, const setup::StoreOptions& how) {
    store_sql::OpenOptions open;
    open.create = how.create;
    open.upgrade = how.upgrade;
    open.password = how.password;
    open.program = version;
    return store_sql::open_store(url, open);
  };
  wiring.rules_dir = find_shared(program, "rules/ldap-to-scim.toml");
  return std::make_unique<WiredInstallation>(std::move(wiring), std::move(file), clock, make_logger(log));
}

}  // namespace linkspan::app
