#!/usr/bin/env bash
# The story of docs/setup.md with the real binary and real servers: a server with the embedded database, a copy of it
# attached to PostgreSQL, a second server without keys that takes it over, reviews, and exports; then a move.
#
#   move_to_postgresql.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin move "$1"

say "servers"
directory_and_service 60 8
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
"$lab/postgresql.sh" role "$folder/pg" adopted >/dev/null
"$lab/postgresql.sh" role "$folder/pg" moved >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/env.sh"
# shellcheck disable=SC1091
. "$folder/pg/role-adopted.sh"
adopted_url=$LAB_ROLE_URL adopted_password=$LAB_ROLE_PASSWORD_FILE
# shellcheck disable=SC1091
. "$folder/pg/role-moved.sh"
moved_url=$LAB_ROLE_URL moved_password=$LAB_ROLE_PASSWORD_FILE
mkdir -m 700 "$folder/old" "$folder/new"

say "the first server, with the embedded database"
cat >"$folder/old.toml" <<TOML
mode = "custom"
[database]
url = "sqlite://$folder/old/linkspan.db"
$(directory_toml)
$(target_toml)
TOML
run 0 old setup --answers "$folder/old.toml" --accept-license
run 0 old run full
compare

say "a copy; the first server goes on"
run 0 old database copy "$folder/copy.db"
someone=$(sed -n 's/^dn: \(uid=[a-z0-9,=A-Z -]*\)$/\1/p' "$folder/org.ldif" | head -n 1)
{
  person after.copy1
  person after.copy2
  printf 'dn: %s\nchangetype: modify\nreplace: title\ntitle: Harbour Pilot\n\n' "$someone"
} | modify
run 0 old run
compare
# What nobody has exported yet: exactly this will differ.
person late.comer | modify

say "the copy is attached to PostgreSQL, by a role that owns that database only"
mkdir -m 700 "$folder/dba"
run 0 dba database attach "$folder/copy.db" --to "$adopted_url" --password-file "$adopted_password"
run 1 dba database attach "$folder/copy.db" --to "$adopted_url" --password-file "$adopted_password"

say "the second server, without keys, takes it over"
database="[database]
url = \"$adopted_url\"
password_file = \"$adopted_password\""
printf 'mode = "use-existing-database"\n%s\n' "$database" >"$folder/none.toml"
run 1 new setup --answers "$folder/none.toml" --accept-license
says '[setup.credentials_missing]'
says 'cloud (token)'
says 'northquay (password)'
printf 'wrong-Qu4y' >"$folder/wrong" && chmod 600 "$folder/wrong"
cat "$folder/none.toml" - >"$folder/wrong.toml" <<TOML
[[directory]]
name = "northquay"
password_file = "$folder/wrong"
[target]
name = "cloud"
token_file = "$LAB_SCIM_TOKEN_FILE"
TOML
run 1 new setup --answers "$folder/wrong.toml" --accept-license
[ ! -e "$folder/new/linkspan.toml" ] && [ ! -e "$folder/new/key_set" ] || fail "a refused setup has changed something"
sed "s#$folder/wrong#$LAB_LDAP_PASSWORD_FILE#" "$folder/wrong.toml" >"$folder/new.toml"
run 0 new setup --use-existing-database --answers "$folder/new.toml" --accept-license --plan
[ ! -e "$folder/new/linkspan.toml" ] || fail "a plan has changed something"
run 0 new setup --use-existing-database --answers "$folder/new.toml" --accept-license
says 'Staging mode is ON'
cmp -s "$folder/old/key_set" "$folder/new/key_set" && fail "both servers have one key set"

say "in staging mode it exports nothing; what is pending is exactly what differs"
before=$(service __count)
run 0 new --json staging status
json 'it["staging"] is True'
run 0 new run
[ "$before" = "$(service __count)" ] || fail "something was exported"
run 0 new --json pending
json 'len(it["exports"]) == 1 and it["exports"][0]["operation"] == "add" and it["exports"][0]["name"] == "late.comer"'

say "staging off, one cycle: each account once"
run 0 new staging off --yes
run 0 new run
compare
run 0 new run
run 0 new --json pending --summary
compare

printf '# nothing\n' >"$folder/empty.toml"
say "a move: the old database refuses to run and says where it went"
run 0 old database move --to "$moved_url" --password-file "$moved_password" --yes
run 1 old --database "sqlite://$folder/old/linkspan.db" run
says 'store.moved'
says '/moved'
run 1 old setup --use-existing-database "sqlite://$folder/old/linkspan.db" --answers "$folder/empty.toml" --accept-license
says 'setup.database_moved'

say "no secret in any database, file or output"
PGPASSFILE=$LAB_PG_PASSFILE "$LAB_PG_BIN/pg_dump" "$adopted_url" >"$folder/adopted.sql"
PGPASSFILE=$LAB_PG_PASSFILE "$LAB_PG_BIN/pg_dump" "$moved_url" >"$folder/moved.sql"
[ -s "$folder/adopted.sql" ] && [ -s "$folder/moved.sql" ] || fail "pg_dump wrote nothing"
for secret in "$LAB_LDAP_PASSWORD_FILE" "$LAB_SCIM_TOKEN_FILE" "$adopted_password" "$moved_password" "$folder/wrong"; do
  text=$(cat "$secret")
  [ "${#text}" -ge 8 ] || fail "$secret is too short to be looked for"
  for file in "$folder"/old/* "$folder"/new/* "$folder/copy.db" "$folder"/*.sql "$folder/said"; do
    [ -f "$file" ] || continue
    if grep -qaF -- "$text" "$file"; then fail "the secret of $secret stands in $file"; fi
    if grep -qaF -- "$(printf %s "$text" | od -An -tx1 | tr -d ' \n')" "$file"; then
      fail "the secret of $secret stands in $file, in hex"
    fi
  done
done
say "done"
