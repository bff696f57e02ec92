#include "setup/keys.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "setup/credentials.h"
#include "vault/escrow.h"
#include "vault/key_set.h"

namespace linkspan::setup {

KeyState key_state(Installation& installation) {
  KeyState state;
  store::Configuration& configuration = installation.store().configuration();
  state.database_id = configuration.setting(k_key_set_id).value_or("");
  if (installation.has_key_file()) {
    try {
      const vault::KeySet& keys = installation.keys();
      state.present = true;
      state.id = keys.id();
      state.keys = keys.key_count();
      state.opens = state.database_id.empty() ||
                    keys.can_open(state.database_id, configuration.setting(k_key_set_check).value_or(""));
    } catch (const Error& error) {
      state.problem = error.message();
    }
  } else {
    state.problem = fmt::format("there is no key file {}", installation.file().key_set.string());
  }
  if (!state.present) {
    state.secrets = configuration.secrets().size();
    state.opens = state.secrets == 0;
    state.unopened = state.secrets;
    return state;
  }
  for (const Credential& one : list_credentials(installation)) {
    if (one.state == CredentialState::missing) continue;
    ++state.secrets;
    if (one.state != CredentialState::good) ++state.unopened;
  }
  return state;
}

void create_key_set(Installation& installation) {
  if (installation.has_key_file()) {
    throw Error(Fault::conflict, "vault.key_exists",
                fmt::format("there is a key set already: {}", installation.file().key_set.string()),
                "`linkspan key rotate` makes a new key and seals everything anew.");
  }
  std::error_code ignored;
  std::filesystem::create_directories(installation.file().key_set.parent_path(), ignored);
  vault::KeySet::create().save(installation.file().key_set);
  installation.forget_keys();
}

std::size_t rotate_keys(Installation& installation) {
  store::Configuration& configuration = installation.store().configuration();
  const auto& path = installation.file().key_set;
  vault::KeySet keys = vault::KeySet::load(path);
  keys.rotate();
  std::vector<store::SecretRow> rows = configuration.secrets();
  for (store::SecretRow& row : rows) {
    const std::string place = associated_data(row.connector, row.name);
    try {
      row.sealed = keys.seal(keys.open(row.sealed, place), place);
    } catch (const Error& error) {
      throw Error(error.fault(), "setup.credentials",
                  fmt::format("the secret {} cannot be opened, so nothing was rotated: {}", place, error.message()),
                  "Enter it again (`linkspan connector credentials`), or erase it: `linkspan key abandon`.");
    }
    row.key_set = keys.id();
  }
  // First the file with old and new keys, then the database, then the file without the old ones: whatever happens in
  // between, the file opens what the database holds.
  keys.save(path);
  installation.forget_keys();
  configuration.put_secrets(rows);
  record_key_set(installation);
  keys.forget_old();
  keys.save(path);
  installation.forget_keys();
  return rows.size();
}

std::size_t abandon_secrets(Installation& installation) {
  store::Configuration& configuration = installation.store().configuration();
  if (!installation.has_key_file()) create_key_set(installation);
  std::vector<store::SecretRow> gone;
  for (store::SecretRow& row : configuration.secrets()) {
    try {
      static_cast<void>(installation.keys().open(row.sealed, associated_data(row.connector, row.name)));
    } catch (const Error& error) {
      if (error.id() != "vault.wrong_key" && error.id() != "vault.tampered") throw;
      row.sealed.clear();
      gone.push_back(std::move(row));
    }
  }
  configuration.put_secrets(gone);
  record_key_set(installation);
  return gone.size();
}

std::string export_keys(Installation& installation, const vault::Secret& passphrase) {
  return vault::export_key_set(installation.keys(), passphrase);
}

void import_keys(Installation& installation, std::string_view armoured, const vault::Secret& passphrase) {
  vault::import_key_set(armoured, passphrase).save(installation.file().key_set);
  installation.forget_keys();
}

}  // namespace linkspan::setup
