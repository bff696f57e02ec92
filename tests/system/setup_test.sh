#!/usr/bin/env bash
# `linkspan setup` with the real binary, a real slapd and a real SCIM service: by answers file and at a terminal, and
# everything it refuses, with exit status and hint.
#
#   setup_test.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin setup "$1"

# refused WANTED ID FILE ARGUMENT...: setup from that file fails with that id and a hint, and leaves nothing behind.
refused() {
  local want=$1 id=$2 file=$3
  shift 3
  run "$want" refused setup --answers "$file" --accept-license "$@"
  error "$id"
  [ ! -e "$folder/refused/linkspan.toml" ] && [ ! -e "$folder/refused/key_set" ] || fail "$id: something was changed"
}

say "servers"
directory_and_service 40 5
export LINKSPAN_TEST_TOKEN
LINKSPAN_TEST_TOKEN=$(cat "$LAB_SCIM_TOKEN_FILE")

directory=$(directory_toml)
target=$(target_toml | sed 's/token_file.*/token_env = "LINKSPAN_TEST_TOKEN"/')
# answers FILE TEXT...: one text after the other.
answers() {
  local file=$folder/$1
  shift
  printf '%s\n' "$@" >"$file"
}

say "express"
answers express.toml 'mode = "express"' "$directory" "$target"
run 1 express setup --express --answers "$folder/express.toml"
says '[setup.licence]'
run 0 express setup --express --answers "$folder/express.toml" --accept-license
run 0 express run full
[ "$(service __count)" != '{"users":0,"groups":0}' ] || fail "nobody arrived"
run 0 express setup
says 'linkspan connector credentials'
run 1 express setup --express --answers "$folder/express.toml" --accept-license
says '[setup.database_in_use]'

say "custom, in staging mode"
service __reset -X POST >/dev/null
answers custom.toml 'mode = "custom"' "[database]" "url = \"sqlite://$folder/custom/state.db\"" "$directory" "$target" \
  '[options]' 'staging = true' 'interval = "10m"'
run 0 custom --json setup --custom --answers "$folder/custom.toml" --accept-license --plan
says '"add_connector northquay"'
[ ! -e "$folder/custom" ] || fail "a plan has changed something"
run 0 custom setup --custom --answers "$folder/custom.toml" --accept-license
says 'Staging mode is ON'
run 0 custom run full
[ "$(service __count)" = '{"users":0,"groups":0}' ] || fail "staging has exported"

say "what is refused"
# Without a terminal nothing can be asked.
run 2 refused setup
says '--answers FILE'
run 2 refused setup --express --custom --answers "$folder/custom.toml"
says '[cli.usage]'
answers bad.toml 'mode = "custom"' "${directory/password_file/passwrd_file}" "$target"
refused 1 setup.no_field "$folder/bad.toml"
answers bad.toml 'mode = "custom"' "${directory/password_file = */password = \"inline-Qu4y-77\"}" "$target"
run 1 refused setup --answers "$folder/bad.toml" --accept-license
says 'the password of northquay stands in the file'
grep -qF 'inline-Qu4y-77' "$folder/last" && fail "the secret was repeated"
printf 'wrong-Qu4y' >"$folder/wrong" && chmod 600 "$folder/wrong"
answers bad.toml 'mode = "custom"' "${directory/$LAB_LDAP_PASSWORD_FILE/$folder/wrong}" "$target"
refused 1 setup.connector_test "$folder/bad.toml"
# A certificate that nobody trusts.
answers bad.toml 'mode = "custom"' "$(grep -v ca_file <<<"$directory")" "$target"
refused 1 setup.connector_test "$folder/bad.toml"
answers bad.toml 'mode = "custom"' "$directory" "${target/LINKSPAN_TEST_TOKEN/LINKSPAN_TEST_NO_TOKEN}"
run 1 refused setup --answers "$folder/bad.toml" --accept-license
says 'LINKSPAN_TEST_NO_TOKEN'
# A rule file with a mistake: file, line and column.
mkdir "$folder/rules"
sed 's/Trim(ItemOrNull/Trimm(ItemOrNull/' "$lab/../rules/ldap-to-scim.toml" >"$folder/rules/mine.toml"
answers bad.toml 'mode = "custom"' "$directory" "$target" '[rules]' 'folder = "rules"'
refused 1 setup.rules "$folder/bad.toml"
says 'mine.toml:'
# Databases that are none, or nowhere.
answers bad.toml 'mode = "custom"' '[database]' "url = \"sqlite://$folder/nowhere/state.db\"" "$directory" "$target"
refused 1 setup.no_folder "$folder/bad.toml"
answers bad.toml 'mode = "custom"' '[database]' 'url = "postgresql://nobody@127.0.0.1:1/none"' "$directory" "$target"
refused 1 sql.unreachable "$folder/bad.toml"
answers bad.toml 'mode = "use-existing-database"' '[database]' "url = \"sqlite://$folder/nothing.db\""
refused 1 setup.nothing_to_adopt "$folder/bad.toml"
python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("create table shop (id)").connection.commit()' "$folder/shop.db"
answers bad.toml 'mode = "use-existing-database"' '[database]' "url = \"sqlite://$folder/shop.db\""
refused 1 store.not_linkspan "$folder/bad.toml"
# An active server: exit status 5.
cp "$folder/custom/state.db" "$folder/active.db" # after a clean end there is no log beside it
python3 - "$folder/active.db" <<'PY'
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1])
columns = [row[1] for row in database.execute("pragma table_info(lease)")]
times = {name: int((time.time() + 600) * 1e6) if "expires" in name or "until" in name else int(time.time() * 1e6)
         for name in columns if name.endswith("_at") or "expires" in name or "until" in name}
values = {"holder": "quay-9:77:abcdef01", **times}
changed = database.execute("update lease set " + ", ".join(f"{name} = ?" for name in values), list(values.values()))
assert changed.rowcount == 1, (columns, changed.rowcount)
database.commit()
PY
answers bad.toml 'mode = "use-existing-database"' '[database]' "url = \"sqlite://$folder/active.db\""
refused 5 setup.active_elsewhere "$folder/bad.toml"
says 'quay-9'

say "at a terminal"
python3 "$(dirname "${BASH_SOURCE[0]}")/setup_terminal.py" "$linkspan" "$folder" >"$folder/last" 2>&1 || fail "the terminal"
cat "$folder/last" >>"$folder/said"

say "no secret in any file or output"
for secret in "$LAB_LDAP_PASSWORD_FILE" "$LAB_SCIM_TOKEN_FILE" "$folder/wrong"; do
  text=$(cat "$secret")
  for file in "$folder"/express/* "$folder"/custom/* "$folder"/terminal/* "$folder/said"; do
    [ -f "$file" ] || continue
    if grep -qaF -- "$text" "$file"; then fail "the secret of $secret stands in $file"; fi
  done
done
say "done"
