#!/usr/bin/env bash
# What the world does to us: servers that die, refuse, lie or are full; files cut short; two servers on one database.
# Each is a clear error with its id, a hint and its exit status, does no harm, and is over when its cause is.
#
#   bad_input.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin bad "$1"
relay=
mounted=
before_end() {
  if [ -n "$relay" ]; then kill "$relay" 2>/dev/null || true; fi
  if [ -n "$mounted" ]; then umount "$mounted" 2>/dev/null || true; fi
}
# refused STATUS ID ARGUMENT...: that server's command ends so, with a hint.
refused() {
  local status=$1 id=$2
  shift 2
  run "$status" "$@"
  error "$id"
}
# twin SERVER: another server with all that quay has.
twin() {
  cp -a "$folder/quay" "$folder/$1"
  sed -i "s#$folder/quay#$folder/$1#g" "$folder/$1/linkspan.toml"
}
# objects SERVER: how many the directory has by its database.
objects() {
  run 0 "$1" --json status
  python3 -c 'import json, sys
print([c["objects"] for c in json.load(open(sys.argv[1]))["connectors"] if c["name"] == "northquay"][0])' "$folder/out"
}

say "servers"
directory_and_service 1500 20
python3 "$(dirname "${BASH_SOURCE[0]}")/relay.py" "${LAB_LDAPS_URL##*:}" "$folder/limit" >"$folder/relay" &
relay=$!
for _ in $(seq 100); do
  [ ! -s "$folder/relay" ] || break
  sleep 0.05
done
mkdir -m 700 "$folder/quay"
directory=$(directory_toml | sed "s#^url = .*#url = \"ldaps://127.0.0.1:$(cat "$folder/relay")\"#")
printf '%s\n' 'mode = "custom"' "$directory" "$(target_toml)" >"$folder/quay.toml"
run 0 quay setup --answers "$folder/quay.toml" --accept-license

say "the first import breaks off: nothing is concluded from it"
printf '300000' >"$folder/limit"
run 1 quay run
error ldap.lost
[ "$(service __count)" = '{"users":0,"groups":0}' ] || fail "half an import was exported"
rm "$folder/limit"
run 0 quay run
compare

say "the directory's server is gone in mid-import: nothing is deleted, the next run is whole"
before=$(objects quay)
printf '300000' >"$folder/limit"
run 1 quay import northquay --full
error ldap.lost
[ "$(objects quay)" = "$before" ] || fail "objects were lost with the connection"
run 0 quay --json pending
json 'it["exports"] == []'
run 0 quay --json history
json 'it["runs"][0]["result"] == "failed"'
person late.comer | modify
run 1 quay run full # the source fails, the rest of the cycle goes on
compare_is_stale() { ! (compare) >/dev/null 2>&1; }
compare_is_stale || fail "the newcomer came through a broken import"
rm "$folder/limit"
run 0 quay run
compare

say "a wrong password, an untrusted certificate"
twin other
printf 'wrong-Qu4y' >"$folder/wrong" && chmod 600 "$folder/wrong"
refused 1 cli.credentials_refused other connector credentials northquay --secret-file "password=$folder/wrong"
run 0 other connector credentials northquay --secret-file "password=$folder/wrong" --no-test
refused 1 ldap.credentials other import northquay
printf 'wrong-T0ken' >"$folder/wrong" && chmod 600 "$folder/wrong"
run 0 other connector credentials cloud --secret-file "token=$folder/wrong" --no-test
refused 1 scim.credentials other import cloud
run 0 other connector add stranger --kind ldap --set "url=$LAB_LDAPS_URL" --set "bind_dn=$LAB_LDAP_BIND_DN" \
  --set "containers=$LAB_LDAP_BASE" --secret-file "password=$LAB_LDAP_PASSWORD_FILE"
refused 1 ldap.certificate other import stranger

say "a broken rule"
sed 's/Trim(ItemOrNull/Trimm(ItemOrNull/' "$rules/ldap-to-scim.toml" >"$folder/broken.toml"
refused 1 setup.rules quay rule import "$folder/broken.toml"
says 'broken.toml:'
run 0 quay run
compare

say "a service that fails, refuses, babbles and hangs up: no duplicate, the rest goes on"
for i in 1 2 3 4 5 6 7 8 9; do person "fault$i"; done | modify
service_fails '[{"match": "POST /Users", "status": 500}, {"match": "POST /Users", "status": 409},
  {"match": "POST /Users", "garbage": true}, {"match": "POST /Users", "drop": true}]'
run 3 quay run
made=$(service __count | sed 's/.*"users":\([0-9]*\).*/\1/')
run 0 quay --json pending
json 'len(it["exports"]) <= 4'
service_fails '{}'
run 0 quay run
compare
[ "$(service __count | sed 's/.*"users":\([0-9]*\).*/\1/')" -ge "$made" ] || fail "accounts were lost"
run 0 quay --json pending
json 'it["exports"] == []'
service_fails '{"times": -1, "status": 503}'
person unlucky | modify
run 1 quay run
service_fails '{}'
run 0 quay run
compare

say "a second server on the same database"
service_fails '{"match": "GET /Users", "times": -1, "delay": 3000}'
"$linkspan" --config "$folder/quay/linkspan.toml" --state-dir "$folder/quay" run full >"$folder/first" 2>&1 </dev/null &
first=$!
for _ in $(seq 100); do
  run 0 quay --json status
  if python3 -c 'import json, sys; sys.exit(not json.load(open(sys.argv[1]))["in_charge"]["held"])' "$folder/out"; then break; fi
  sleep 0.05
done
refused 5 run.lease_held quay run
refused 5 run.lease_held quay staging on
wait "$first" || fail "the first server was disturbed"
service_fails '{}'

say "a copy cut short; an attach to what is not empty"
run 0 quay database copy "$folder/copy.db"
head -c 100000 "$folder/copy.db" >"$folder/short.db"
refused 1 transfer.copy_damaged dba database attach "$folder/short.db" --to "sqlite://$folder/attached.db"
run 0 dba database attach "$folder/copy.db" --to "sqlite://$folder/attached.db"
refused 1 transfer.not_empty dba database attach "$folder/copy.db" --to "sqlite://$folder/attached.db"
refused 1 transfer.not_a_copy dba database attach "$folder/quay/linkspan.db" --to "sqlite://$folder/more.db"
[ ! -e "$folder/more.db" ] || fail "a refused attach has made a database"

say "a database of a newer version, and one that is none"
twin newer
python3 - "$folder/newer/linkspan.db" <<'PY'
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
columns = [row[1] for row in database.execute("PRAGMA table_info(schema_migration)")]
newest = dict(zip(columns, database.execute("SELECT * FROM schema_migration ORDER BY 1 DESC LIMIT 1").fetchone()))
newest[columns[0]] = 9999
database.execute(f"INSERT INTO schema_migration VALUES ({', '.join('?' * len(columns))})", list(newest.values()))
database.commit()
PY
refused 1 sql.newer_schema newer run
refused 1 sql.newer_schema newer database move --to "sqlite://$folder/moved.db" --yes
printf 'no database at all, but long enough to be looked at for one' >"$folder/newer/linkspan.db"
refused 1 sql.not_a_database newer run

say "a full disk"
mkdir "$folder/small"
if mount -t tmpfs -o size=20m none "$folder/small" 2>/dev/null; then
  mounted=$folder/small
  limited() { "$@"; }
else # no right to mount: a limit on files is nearly the same to a program
  limited() { (trap '' XFSZ && ulimit -f 1000 && "$@"); }
fi
printf '%s\n' 'mode = "custom"' "$directory" "$(target_toml)" '[options]' 'staging = true' >"$folder/small.toml"
run 0 small setup --answers "$folder/small.toml" --accept-license
# What is left is too little for the people.
[ -z "$mounted" ] || head -c $((($(df --output=avail -k "$mounted" | tail -n 1) - 300) * 1024)) /dev/zero >"$mounted/filler"
got=0
limited "$linkspan" --config "$folder/small/linkspan.toml" --state-dir "$folder/small" import northquay --full \
  >"$folder/out" 2>"$folder/err" </dev/null || got=$?
heard
[ "$got" = 1 ] || fail "a full disk: exit status $got"
error sql.disk_full
rm -f "$folder/small/filler"
run 0 small database verify
run 0 small import northquay --full
[ "$(objects small)" -ge "$before" ] || fail "the import after it is not whole"
say "done"
