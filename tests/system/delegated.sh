#!/usr/bin/env bash
# Delegated administration: a database administrator runs once what `database schema` prints, and from then on a role that
# owns that one database and nothing else is all that Linkspan needs, from setup to a move and a backup. `database info`
# tells each right it has, lacks, or has without need.
#
#   delegated.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin delegated "$1"

say "servers"
directory_and_service 60 8
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/env.sh"
# administer [DATABASE]: SQL on standard input, by the server's administrator.
administer() {
  PGPASSFILE=$LAB_PG_PASSFILE psql -X -q -v ON_ERROR_STOP=1 -At -d "${LAB_PG_URL/\/postgres\?/\/${1:-postgres}?}"
}
# delegate NAME: what the administrator does, and no more.
delegate() {
  run 0 dba database schema --dialect postgresql --name "$1" --role "$1"
  administer <"$folder/out"
  head -c 18 /dev/urandom | base64 | tr -d '\n' >"$folder/$1.password"
  chmod 600 "$folder/$1.password"
  printf "ALTER ROLE %s PASSWORD '%s';\n" "$1" "$(cat "$folder/$1.password")" | administer
}
url_of() { printf 'postgresql://%s@127.0.0.1:%s/%s?sslmode=verify-full&sslrootcert=%s' "$1" "$LAB_PG_PORT" "$1" "$LAB_PG_CA"; }
# rights STATE: "RIGHT on WHAT" of that state, a line each.
rights() {
  run 0 quay --json database info
  python3 -c 'import json, sys
for one in json.load(open(sys.argv[1]))["rights"]:
    if one["state"] == sys.argv[2]: print(one["right"], "on", one["on"], "|", one["remark"])' "$folder/out" "$1"
}
mkdir -m 700 "$folder/dba" "$folder/quay"
delegate harbour
delegate mole
delegate pier

say "setup, and a whole cycle, by that role alone"
cat >"$folder/quay.toml" <<TOML
mode = "custom"
[database]
url = "$(url_of harbour)"
password_file = "$folder/harbour.password"
$(directory_toml)
$(target_toml)
TOML
run 0 quay setup --answers "$folder/quay.toml" --accept-license
run 0 quay run full
compare
[ -z "$(rights lacks)" ] || fail "it lacks: $(rights lacks)"
[ -z "$(rights 'has without need')" ] || fail "it has without need: $(rights 'has without need')"
rights has >"$folder/has"
for right in 'CONNECT on database harbour' 'USAGE on schema public' 'CREATE on schema public' SELECT INSERT UPDATE DELETE owner; do
  grep -q "^$right" "$folder/has" || fail "$right is not listed"
done
run 0 quay doctor

say "a backup, a move to another such database, a restore into a third"
run 0 quay database backup "$folder/harbour.backup"
run 0 quay database move --to "$(url_of mole)" --password-file "$folder/mole.password" --yes
run 0 quay database verify
person after.the.move | modify -c
run 0 quay run
compare
run 0 dba database restore "$folder/harbour.backup" --to "$(url_of pier)" --password-file "$folder/pier.password"

say "each right that is taken away is named, with what it is for"
administer mole <<'SQL'
ALTER SCHEMA public OWNER TO postgres;
REVOKE ALL ON SCHEMA public FROM mole, PUBLIC;
GRANT USAGE ON SCHEMA public TO mole;
ALTER TABLE run OWNER TO postgres;
GRANT SELECT, INSERT ON run TO mole;
SQL
rights lacks >"$folder/lacks"
for right in 'CREATE on schema public' 'UPDATE on 1 of' 'DELETE on 1 of' 'owner on 1 of'; do
  grep -q "^$right.*| .\+" "$folder/lacks" || fail "not told: $right"
done
[ "$(wc -l <"$folder/lacks")" = 4 ] || fail "told too much: $(cat "$folder/lacks")"
run 1 quay run
error sql.permission
administer mole <<'SQL'
GRANT CREATE ON SCHEMA public TO mole;
ALTER TABLE run OWNER TO mole;
SQL
run 0 quay run
[ -z "$(rights lacks)" ] || fail "it still lacks: $(rights lacks)"

say "rights without need are named, with the statement that takes them away"
printf 'ALTER ROLE mole CREATEDB; GRANT pg_read_all_data TO mole; CREATE DATABASE hers OWNER mole;\n' >"$folder/grant.sql"
sed 's/; /;\n/g' "$folder/grant.sql" | administer
rights 'has without need' >"$folder/needless"
for right in 'CREATEDB on the server' 'member on role pg_read_all_data' 'owner on database hers'; do
  grep -q "^$right" "$folder/needless" || fail "not told: $right"
done
# The administrator takes the advice.
{ sed -n "s/.*A DBA takes it away: \\(ALTER ROLE\\|REVOKE\\)/\\1/p" "$folder/needless" | sed 's/$/;/' && printf 'DROP DATABASE hers;\n'; } | administer
[ -z "$(rights 'has without need')" ] || fail "still there: $(rights 'has without need')"
run 0 quay run
compare
say "done, $checks checks"
