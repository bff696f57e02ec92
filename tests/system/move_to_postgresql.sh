#!/usr/bin/env bash
# The story of docs/setup.md with the real binary and real servers: a server with the embedded database, a copy of it
# attached to PostgreSQL, a second server without keys that takes it over, reviews, and exports; then a move.
#
#   move_to_postgresql.sh PATH/TO/linkspan
set -euo pipefail
linkspan=$1
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../lab" && pwd)
folder=$(mktemp -d /tmp/linkspan-move-XXXXXX)
export LAB_FAST=1
end() {
  local status=$?
  if [ "$status" -ne 0 ]; then
    printf -- '--- the last command\n' >&2
    tail -n 40 "$folder/last" >&2 || true
  fi
  for server in slapd:ldap scim:scim postgresql:pg; do
    "$lab/${server%%:*}.sh" remove "$folder/${server##*:}" >/dev/null 2>&1 || true
  done
  rm -rf "$folder"
}
trap end EXIT

say() { printf '== %s (%d s)\n' "$*" "$SECONDS"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# run WANTED SERVER ARGUMENT...: the program as that server; what it said is in $folder/last, and in $folder/said.
run() {
  local want=$1 server=$2 got=0
  shift 2
  "$linkspan" --config "$folder/$server/linkspan.toml" --state-dir "$folder/$server" "$@" \
    </dev/null >"$folder/out" 2>"$folder/err" || got=$?
  cat "$folder/out" "$folder/err" >"$folder/last"
  cat "$folder/last" >>"$folder/said"
  [ "$got" = "$want" ] || fail "linkspan ($server) $*: exit status $got, not $want"
}
says() { grep -qF -- "$1" "$folder/last" || fail "not said: $1"; }
# json EXPRESSION: Python, about the output as `it`.
json() {
  python3 -c 'import json, sys; it = json.load(open(sys.argv[1])); assert eval(sys.argv[2]), it' "$folder/out" "$1" ||
    fail "not true of the JSON: $1"
}
modify() {
  LDAPTLS_CACERT=$LAB_LDAP_CA ldapmodify -x -H "$LAB_LDAPS_URL" -D "$LAB_LDAP_ADMIN_DN" \
    -y "$LAB_LDAP_ADMIN_PASSWORD_FILE" >/dev/null
}
# person UID: LDIF that adds somebody.
person() {
  printf 'dn: uid=%s,%s\nchangetype: add\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s@move.example\n\n' \
    "$1" "$LAB_LDAP_BASE" "$1" "$1" "$1" "$1"
}
# compare: every person of the directory who has a mail address has one account, and nobody else has.
compare() {
  LDAPTLS_CACERT=$LAB_LDAP_CA ldapsearch -x -LLL -o ldif-wrap=no -H "$LAB_LDAPS_URL" -D "$LAB_LDAP_BIND_DN" \
    -y "$LAB_LDAP_PASSWORD_FILE" -b "$LAB_LDAP_BASE" '(&(objectClass=inetOrgPerson)(mail=*))' entryUUID |
    sed -n 's/^entryUUID: //p' | sort >"$folder/people"
  curl --noproxy '*' -fsS "$LAB_SCIM_CONTROL_URL/__all" | python3 -c '
import json, sys
for line in sys.stdin:
    one = json.loads(line)
    one = one.get("resource", one)
    if "userName" in one: print(one["externalId"])' | sort >"$folder/accounts"
  diff "$folder/people" "$folder/accounts" >"$folder/last" || fail "people and accounts differ"
  [ -s "$folder/people" ] || fail "nobody is there"
}

say "servers"
"$lab/organisation.py" --people 60 --groups 8 --output "$folder/org.ldif"
"$lab/slapd.sh" up "$folder/ldap" "$folder/org.ldif" >/dev/null
"$lab/scim.sh" up "$folder/scim" >/dev/null
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
"$lab/postgresql.sh" role "$folder/pg" adopted >/dev/null
"$lab/postgresql.sh" role "$folder/pg" moved >/dev/null
# shellcheck disable=SC1091
. "$folder/ldap/env.sh" && . "$folder/scim/env.sh" && . "$folder/pg/env.sh"
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
[[directory]]
name = "northquay"
kind = "ldap"
url = "$LAB_LDAPS_URL"
ca_file = "$LAB_LDAP_CA"
bind_dn = "$LAB_LDAP_BIND_DN"
password_file = "$LAB_LDAP_PASSWORD_FILE"
containers = ["$LAB_LDAP_BASE"]
[target]
name = "cloud"
kind = "scim"
url = "$LAB_SCIM_URL"
token_file = "$LAB_SCIM_TOKEN_FILE"
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
before=$(curl --noproxy '*' -fsS "$LAB_SCIM_CONTROL_URL/__count")
run 0 new --json staging status
json 'it["staging"] is True'
run 0 new run
[ "$before" = "$(curl --noproxy '*' -fsS "$LAB_SCIM_CONTROL_URL/__count")" ] || fail "something was exported"
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
