#!/usr/bin/env bash
# Three PostgreSQL servers under Patroni; the leader is killed (kill -9 of Patroni and of PostgreSQL) in the middle of an
# import, of a synchronization, of an export, and of a move, as source and as target: no lost change, no account twice,
# at most one automatic retry, visible in the history, and the end state is that of an undisturbed run.
#
#   failover_patroni.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin patroni "$1"
background=()
before_end() {
  local pid
  for pid in "${background[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  "$lab/patroni.sh" remove "$folder/patroni" >/dev/null 2>&1 || true
}
must() { run 0 state "$@"; }
users() { service __count | python3 -c 'import json, sys; print(json.load(sys.stdin)["users"])'; }
# ask URL SQL: what the database says; nothing while it is away.
ask() { PGPASSFILE=$passfile psql -X -q -At "$1" -c "$2" 2>/dev/null; }

# hold URL TABLE: whoever writes to that table, or reads it in bulk, waits from when the table is there. The sessions
# that hold it die with the server.
hold() {
  PGPASSFILE=$passfile psql -qX "$1" >"$folder/hold" 2>&1 <<SQL &
DO \$\$ BEGIN
  WHILE to_regclass('$2') IS NULL LOOP PERFORM pg_sleep(0.01); COMMIT; END LOOP;
END \$\$;
BEGIN;
LOCK TABLE $2 IN ACCESS EXCLUSIVE MODE;
SELECT pg_sleep(120);
SQL
  background+=($!)
}
waits_for() { [ "$(ask "$1" "select count(*) from pg_locks where not granted and relation = to_regclass('$2')")" -ge 1 ]; }
holds() { [ "$(ask "$1" "select count(*) from pg_locks where granted and mode = 'AccessExclusiveLock' and relation = to_regclass('$2')")" -ge 1 ]; }
at_step() { [ "$(ask "$url" "select name from run_step where result = '' order by run_id desc, position desc limit 1")" = "$1" ]; }
# wait_for SECONDS WHAT COMMAND...: while the command in the background, $worker, is at work.
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    kill -0 "$worker" 2>/dev/null || { cat "$folder/err" >&2; fail "it ended before this: $what"; }
    [ "$SECONDS" -lt "$end" ] || fail "not in time: $what"
    sleep 0.05
  done
}
# work SERVER COMMAND...: in the background, as $worker.
work() {
  local server=$1
  shift
  (exec "$linkspan" --config "$folder/$server/linkspan.toml" --state-dir "$folder/$server" "$@" \
    </dev/null >"$folder/out" 2>"$folder/err") &
  worker=$!
  background+=("$worker")
}
# ended: $status of the worker.
ended() {
  status=0
  wait "$worker" || status=$?
  heard
}
killed() {
  kill -0 "$worker" 2>/dev/null || fail "the kill did not hit $1"
  node=$("$lab/patroni.sh" kill-leader "$folder/patroni")
  say "node $node was killed during $1"
}
whole_again() {
  "$lab/patroni.sh" start "$folder/patroni" "$node"
  "$lab/patroni.sh" up "$folder/patroni" >/dev/null
}
# went_on STEP [maybe]: the run ended well, and that step of it was done again, once; or perhaps it was not necessary.
went_on() {
  ended
  [ "$status" = 0 ] || fail "the run ended with $status"
  json 'it["result"] == "success"'
  local wanted="(['$1'],)"
  [ -z "${2:-}" ] || wanted="([], ['$1'])"
  json "[s['name'] for s in it['steps'] if s['result'] == 'retried'] in $wanted"
  compare
  must --json history
  json "[s['name'] for s in it['runs'][0]['steps'] if s['result'] == 'retried'] in $wanted"
  say "it went on"
  whole_again
}
# moved_on: the move waited for the next leader, and went on by itself.
moved_on() {
  ended
  [ "$status" = 0 ] || fail "the move ended with $status"
  says 'It was interrupted, and went on from there'
  whole_again
}
people() { local name; for name in "$@"; do person "$name"; done | modify -c; }

say "servers"
directory_and_service 200 8
"$lab/patroni.sh" up "$folder/patroni" >/dev/null
"$lab/patroni.sh" role "$folder/patroni" state >/dev/null
# shellcheck disable=SC1091
. "$folder/patroni/env.sh" && . "$folder/patroni/role-state.sh"
passfile=$LAB_PATRONI_PASSFILE
url="$LAB_ROLE_URL&target_session_attrs=read-write"
mkdir -m 700 "$folder/state"
printf '[database]\nurl = "%s"\npassword_file = "%s"\n' "$LAB_ROLE_URL" "$LAB_ROLE_PASSWORD_FILE" >"$folder/state/linkspan.toml"
must database create
must connector add northquay --kind ldap --set "url=$LAB_LDAPS_URL" --set "ca_file=$LAB_LDAP_CA" \
  --set "bind_dn=$LAB_LDAP_BIND_DN" --set "containers=$LAB_LDAP_BASE" --secret-file "password=$LAB_LDAP_PASSWORD_FILE"
must connector add cloud --kind scim --set "url=$LAB_SCIM_URL" --secret-file "token=$LAB_SCIM_TOKEN_FILE"
must rule import "$rules/ldap-to-scim.toml"
must staging off --yes

say "export"
service_fails '{"match": "POST /Users", "delay": 3000, "times": -1}'
work state --json run
some_users() { [ "$(users)" -ge 5 ]; }
wait_for 120 "an export is under way" some_users
killed "the export"
[ "$(users)" -lt 200 ] || fail "the kill did not hit the export"
service_fails '{}'
went_on "export cloud" maybe # the answers to a chunk may come when another node leads already

say "import"
people i1 i2 i3
hold "$url" connector_object
work state --json run
wait_for 60 "the import waits" waits_for "$url" connector_object
at_step "import northquay" || fail "it is not at its import"
killed "the import"
went_on "import northquay"

say "synchronization"
people s1 s2 s3
hold "$url" metaverse_object
work state --json run
wait_for 60 "the synchronization waits" waits_for "$url" metaverse_object
at_step "synchronize" || fail "it is not at its synchronization"
killed "the synchronization"
went_on "synchronize"

say "an undisturbed cycle has nothing left to do"
must run
must sync --full
compare
must --json pending --summary
json 'it["summary"] and not any(s[k] for s in it["summary"]
  for k in ("adds", "updates", "renames", "deletes", "disablements", "membership_additions", "membership_removals", "cleared_attributes"))'

# in_charge SERVER URL: whether that database takes a write.
in_charge() {
  PGPASSFILE=$passfile "$linkspan" --config "$folder/$1/linkspan.toml" --state-dir "$folder/$1" --database "$2" \
    config set guard.deletions 500 >"$folder/last" 2>&1 </dev/null
}
# exactly_one SERVER OLD NEW
exactly_one() {
  local old=0 new=0
  in_charge "$1" "$2" && old=1
  in_charge "$1" "$3" && new=1
  [ "$((old + new))" = 1 ] || fail "$1: in charge: old $old, new $new"
}

say "move, as source"
cp -a "$folder/state" "$folder/source"
target=sqlite://$folder/source/new.db
hold "$url" run_counter
wait_until_held() { until holds "$1" "$2"; do sleep 0.1; done; }
wait_until_held "$url" run_counter
work source database move --to "$target" --yes
wait_for 60 "the move waits" waits_for "$url" run_counter
killed "the move"
moved_on
exactly_one source "$LAB_ROLE_URL" "$target"
in_charge source "$target" || fail "the move went on, and the old database is in charge"

say "move, as target"
"$lab/patroni.sh" role "$folder/patroni" back >/dev/null
# shellcheck disable=SC1091
. "$folder/patroni/role-back.sh"
back="$LAB_ROLE_URL&target_session_attrs=read-write"
hold "$back" run_counter
work source database move --to "$LAB_ROLE_URL" --password-file "$LAB_ROLE_PASSWORD_FILE" --yes
wait_for 60 "the move waits" waits_for "$back" run_counter
killed "the move"
moved_on
exactly_one source "$target" "$LAB_ROLE_URL"
in_charge source "$LAB_ROLE_URL" || fail "the move went on, and the old database is in charge"
people m1 m2
run 0 source run
compare
say "done"
