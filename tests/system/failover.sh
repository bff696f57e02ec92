#!/usr/bin/env bash
# A PostgreSQL server dies in the middle of an export, and its standby is made primary: the run waits, goes on with the
# other host of its URL, does the step again once, and each account exists once.
#
#   failover.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin failover "$1"
before_end() { "$lab/postgresql.sh" remove "$folder/standby" >/dev/null 2>&1 || true; }
must() { run 0 state "$@"; }
users() { service __count | python3 -c 'import json, sys; print(json.load(sys.stdin)["users"])'; }

say "servers"
directory_and_service 100 4
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
"$lab/postgresql.sh" role "$folder/pg" state >/dev/null
"$lab/postgresql.sh" standby "$folder/standby" "$folder/pg" >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/env.sh" && . "$folder/pg/role-state.sh"
first=$LAB_PG_HOST:$LAB_PG_PORT
second=$LAB_PG_HOST:$(cat "$folder/standby/port")
mkdir -m 700 "$folder/state"
printf '[database]\nurl = "%s&connect_timeout=5"\npassword_file = "%s"\n' "${LAB_ROLE_URL/$first/$first,$second}" \
  "$LAB_ROLE_PASSWORD_FILE" >"$folder/state/linkspan.toml"
must database create
must connector add northquay --kind ldap --set "url=$LAB_LDAPS_URL" --set "ca_file=$LAB_LDAP_CA" \
  --set "bind_dn=$LAB_LDAP_BIND_DN" --set "containers=$LAB_LDAP_BASE" --secret-file "password=$LAB_LDAP_PASSWORD_FILE"
must connector add cloud --kind scim --set "url=$LAB_SCIM_URL" --secret-file "token=$LAB_SCIM_TOKEN_FILE"
must rule import "$rules/ldap-to-scim.toml"
must staging off --yes

say "the primary dies in the middle of an export"
service_fails '{"match": "POST /Users", "delay": 3000, "times": -1}'
(exec "$linkspan" --config "$folder/state/linkspan.toml" --state-dir "$folder/state" --json run \
  </dev/null >"$folder/out" 2>"$folder/err") &
runner=$! began=$SECONDS
until [ "$(users)" -ge 5 ]; do
  kill -0 "$runner" 2>/dev/null || fail "the run ended before its export was under way"
  [ "$SECONDS" -lt $((began + 120)) ] || fail "no export begins"
  sleep 0.1
done
"$lab/postgresql.sh" crash "$folder/pg" >/dev/null
[ "$(users)" -lt 100 ] || fail "the export was over before the primary died"
service_fails '{}'
until [ "$(users)" -ge 100 ]; do # what was sent is to be recorded now, and no server takes it
  kill -0 "$runner" 2>/dev/null || fail "the run ended without its database"
  [ "$SECONDS" -lt $((began + 240)) ] || fail "the export does not go on"
  sleep 0.1
done
"$lab/postgresql.sh" promote "$folder/standby" >/dev/null
status=0
wait "$runner" || status=$?
heard
[ "$status" = 0 ] || fail "the run ended with $status"
json 'it["result"] == "success"'
# None, where the standby was primary before the answers were to be recorded.
json '[s["name"] for s in it["steps"] if s["result"] == "retried"] in ([], ["export cloud"])'
json 'all("interrupted" in s["message"] for s in it["steps"] if s["result"] == "retried")'
compare

say "the history, and the next run"
must --json history
json 'len(it["runs"]) == 1 and it["runs"][0]["result"] == "success"'
person after | modify -c
must run
compare
must sync --full
compare

say "a list of hosts none of which takes writes"
"$lab/postgresql.sh" crash "$folder/standby" >/dev/null
run 1 state status
error sql.unreachable
say "done"
