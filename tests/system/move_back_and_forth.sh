#!/usr/bin/env bash
# The state goes round with the real binary: SQLite, PostgreSQL, a second PostgreSQL database, SQLite again. After each
# move the database is sound, the old one refuses, and at the end the content is what it was, checksum by checksum.
#
#   move_back_and_forth.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin round "$1"

say "servers"
directory_and_service 40 6
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
for role in first second; do "$lab/postgresql.sh" role "$folder/pg" "$role" >/dev/null; done
# shellcheck disable=SC1091
. "$folder/pg/role-first.sh"
first_url=$LAB_ROLE_URL first_password=$LAB_ROLE_PASSWORD_FILE
# shellcheck disable=SC1091
. "$folder/pg/role-second.sh"
second_url=$LAB_ROLE_URL second_password=$LAB_ROLE_PASSWORD_FILE
mkdir -m 700 "$folder/one"

say "a server with the embedded database"
cat >"$folder/one.toml" <<TOML
mode = "custom"
[database]
url = "sqlite://$folder/one/linkspan.db"
$(directory_toml)
$(target_toml)
TOML
run 0 one setup --answers "$folder/one.toml" --accept-license
run 0 one run full
compare

# sums: what every table of the database in charge holds; all is well in it.
sums() {
  run 0 one --json database verify
  json 'it["findings"] == [] and len(it["tables"]) > 10'
  python3 -c 'import json, sys
for one in json.load(open(sys.argv[1]))["tables"]: print(one["name"], one["rows"], one["checksum"])' "$folder/out"
}
# go_to URL ARGUMENT...: a look that changes nothing, then the move, then the proof.
go_to() {
  local url=$1
  shift
  run 0 one database move --to "$url" "$@" --dry-run
  says 'Nothing is in the way'
  says 'Would  copy'
  run 1 one database move --to "$url" "$@" --resume --yes
  error transfer.no_move
  run 0 one --json database move --to "$url" "$@" --yes
  json 'it["rows"] > 100 and it["paused_ms"] >= 0'
  sums >"$folder/after"
  diff "$folder/before" "$folder/after" >"$folder/last" || fail "the content changed on the way to $url"
  run 0 one --json database info
  json 'it["moved_to"] is None and len(it["rights"]) >= 3 and all(one["state"] == "has" for one in it["rights"])'
}

sums >"$folder/before"
say "SQLite to PostgreSQL"
go_to "$first_url" --password-file "$first_password"
run 1 one --database "sqlite://$folder/one/linkspan.db" run
error store.moved
say "PostgreSQL to PostgreSQL"
go_to "$second_url" --password-file "$second_password"
say "a target that is not empty is left alone"
run 1 one database move --to "$first_url" --password-file "$first_password" --yes
error transfer.not_empty
say "PostgreSQL to SQLite"
go_to "sqlite://$folder/one/again.db"

say "a backup, sealed: checked without a change, restored as a copy"
printf 'four words of mine' >"$folder/passphrase" && chmod 600 "$folder/passphrase"
run 0 one --json database backup "$folder/state.backup" --passphrase-file "$folder/passphrase"
json 'it["sealed"] is True and it["rows"] > 100 and 0 < it["file_bytes"] < it["bytes"]'
grep -qaF northquay "$folder/state.backup" && fail "the sealed backup can be read"
mkdir -m 700 "$folder/dba"
run 1 dba database restore "$folder/state.backup" --dry-run
error transfer.passphrase
run 0 dba database restore "$folder/state.backup" --passphrase-file "$folder/passphrase" --dry-run
says 'Nothing was changed'
run 2 dba database restore "$folder/state.backup" --passphrase-file "$folder/passphrase"
run 1 dba database restore "$folder/state.backup" --passphrase-file "$folder/passphrase" --to "sqlite://$folder/one/again.db"
error transfer.not_empty
run 0 dba database restore "$folder/state.backup" --passphrase-file "$folder/passphrase" --to "sqlite://$folder/dba/restored.db"
run 1 one database verify --against "sqlite://$folder/dba/restored.db"
says 'setting'
[ "$(grep -c ': ' "$folder/last")" = 1 ] || fail "more than staging mode differs"

say "the server works on, and nothing is exported twice"
before=$(service __count)
run 0 one run full
[ "$before" = "$(service __count)" ] || fail "something was exported although nothing had changed"
person back.again | modify
run 0 one run
compare
say "done"
