#!/usr/bin/env bash
# The story of docs/setup.md with the real binary and real servers: a server with a database of one kind, a copy of it
# attached to one of another kind while it goes on, a second server without keys that takes it over, reviews, and
# exports; then a move between the two kinds.
#
#   move_story.sh PATH/TO/linkspan FROM TO         each one of sqlite, postgresql, sqlserver
#
# For SQL Server LINKSPAN_TEST_SQLSERVER_URL names one, with a login that may create databases; where it names none, that
# story is not told (exit status 77).
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
from=$2 to=$3
case "$from $to" in *sqlserver*)
  if [ -z "${LINKSPAN_TEST_SQLSERVER_URL:-}" ]; then
    printf 'NOT TESTED: a move from %s to %s. LINKSPAN_TEST_SQLSERVER_URL names no SQL Server.\n' "$from" "$to" >&2
    exit 77
  fi
  ;;
esac
begin move "$1"

# place NAME KIND: an empty database there: ${urls[NAME]}, and ${passwords[NAME]}, the file with its password, if any.
declare -A urls passwords
place() {
  passwords[$1]=
  case $2 in
    sqlite) urls[$1]=sqlite://$folder/$1.db ;;
    postgresql)
      "$lab/postgresql.sh" role "$folder/pg" "$1" >/dev/null
      # shellcheck disable=SC1090
      . "$folder/pg/role-$1.sh"
      urls[$1]=$LAB_ROLE_URL passwords[$1]=$LAB_ROLE_PASSWORD_FILE
      ;;
    sqlserver) urls[$1]=$(sqlserver_database "$1") passwords[$1]=$folder/$1.password ;;
  esac
}
# password NAME: that as arguments; database_toml NAME: all of it as linkspan.toml has it.
password() { [ -z "${passwords[$1]}" ] || printf -- '--password-file\n%s\n' "${passwords[$1]}"; }
database_toml() {
  printf '[database]\nurl = "%s"\n' "${urls[$1]}"
  [ -z "${passwords[$1]}" ] || printf 'password_file = "%s"\n' "${passwords[$1]}"
}

say "servers; a story from $from to $to"
directory_and_service 60 8
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/env.sh"
place first "$from"
place adopted "$to"
place moved "$to"
mapfile -t adopted < <(printf -- '--to\n%s\n' "${urls[adopted]}" && password adopted)
mapfile -t moved < <(printf -- '--to\n%s\n' "${urls[moved]}" && password moved)
mkdir -m 700 "$folder/old" "$folder/new"

say "the first server"
cat >"$folder/old.toml" <<TOML
mode = "custom"
$(database_toml first)
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

say "the copy is attached, without keys, by a role that owns that database only"
mkdir -m 700 "$folder/dba"
run 0 dba database attach "$folder/copy.db" "${adopted[@]}"
run 1 dba database attach "$folder/copy.db" "${adopted[@]}"
error transfer.not_empty

say "the second server, without keys, takes it over"
printf 'mode = "use-existing-database"\n%s\n' "$(database_toml adopted)" >"$folder/none.toml"
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

say "a move beside the service, which goes along; the old database refuses to run and says where it went"
serve old
wait_for 60 "the service runs" grep -q 'app.serving' "$log"
run 0 old database move "${moved[@]}" --dry-run
says 'Nothing is in the way'
run 0 old database move "${moved[@]}" --yes
goes_along() { [ "$(grep -c 'app.serving' "$log")" = 2 ]; }
wait_for 60 "the service goes along" goes_along
grep 'app.serving' "$log" | tail -n 1 | grep -qF "${urls[moved]%%\?*}" || fail "the service goes elsewhere"
ready=$(sed -n 's/.*app.serving.*address="\([^"]*\)".*/\1/p' "$log" | tail -n 1)
wait_for 60 "the service is ready" curl --noproxy '*' -fsS -o "$folder/ready" "http://$ready/readyz"
run 0 old config set scheduler.interval 10s
person went.along | modify
knows_went_along() { service __all | grep -q '"went.along"'; }
wait_for 120 "a cycle of the service" knows_went_along
kill -TERM "$pid" && wait "$pid" || fail "the service ended badly"
run 0 old --json database verify
json 'it["findings"] == []'
mkdir -m 700 "$folder/stays"
database_toml first >"$folder/stays/linkspan.toml"
cp "$folder/old/key_set" "$folder/stays/"
run 1 stays run
error store.moved
says "${urls[moved]%%\?*}"
database_toml first >"$folder/again.toml"
run 1 stays setup --use-existing-database --answers "$folder/again.toml" --accept-license
says 'setup.database_moved'
run 0 old run
compare

say "no secret in any database, file or output"
files=("$folder"/old/* "$folder"/new/* "$folder"/*.db "$folder/said")
for name in first adopted moved; do
  case ${urls[$name]} in postgresql:*)
    PGPASSFILE=$LAB_PG_PASSFILE "$LAB_PG_BIN/pg_dump" "${urls[$name]}" >"$folder/$name.sql"
    [ -s "$folder/$name.sql" ] || fail "pg_dump wrote nothing"
    files+=("$folder/$name.sql")
    ;;
  esac
done
for secret in "$LAB_LDAP_PASSWORD_FILE" "$LAB_SCIM_TOKEN_FILE" "${passwords[@]}" "$folder/wrong"; do
  [ -n "$secret" ] || continue
  text=$(cat "$secret")
  [ "${#text}" -ge 8 ] || fail "$secret is too short to be looked for"
  for file in "${files[@]}"; do
    [ -f "$file" ] || continue
    if grep -qaF -- "$text" "$file"; then fail "the secret of $secret stands in $file"; fi
    if grep -qaF -- "$(printf %s "$text" | od -An -tx1 | tr -d ' \n')" "$file"; then
      fail "the secret of $secret stands in $file, in hex"
    fi
  done
done
say "done"
