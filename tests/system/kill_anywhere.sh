#!/usr/bin/env bash
# kill -9 at random moments of cycles and of a move: the end is that of an undisturbed run, and each account exists once.
#
#   kill_anywhere.sh PATH/TO/linkspan [KILLS_OF_CYCLES [KILLS_OF_MOVES]]
#
# KILL_SEED repeats a run; it is printed first.
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin kill "$1"
cycle_kills=${2:-20}
move_kills=${3:-10}
RANDOM=${KILL_SEED:-$$}
printf 'KILL_SEED=%s\n' "${KILL_SEED:-$$}"

must() { run 0 state "$@"; }

# killed SERVER COMMAND...: starts it and kills it after up to $longest milliseconds; true if it was still at work.
killed() {
  local child server=$1 milliseconds=$((RANDOM % longest))
  shift
  # exec: the process itself is our child, so that wait() buries it; an unburied one still counts as alive.
  (exec "$linkspan" --config "$folder/$server/linkspan.toml" --state-dir "$folder/$server" "$@" </dev/null >"$folder/last" 2>&1) &
  child=$!
  sleep "$(printf '%d.%03d' "$((milliseconds / 1000))" "$((milliseconds % 1000))")"
  kill -9 "$child" 2>/dev/null || true
  local status=0
  wait "$child" 2>/dev/null || status=$?
  [ "$status" -gt 128 ]
}

# changes ROUND: people come, and one of the round before goes.
changes() {
  local i
  for i in 1 2 3 4 5; do person "k$1.$i"; done
  if [ "$1" -gt 1 ] && [ "$1" -lt 9000 ]; then printf 'dn: uid=k%s.1,%s\nchangetype: delete\n\n' "$(($1 - 1))" "$LAB_LDAP_BASE"; fi
}

say "servers"
directory_and_service 80 8
mkdir -m 700 "$folder/state"
: >"$folder/state/linkspan.toml"
must database create
must connector add northquay --kind ldap --set "url=$LAB_LDAPS_URL" --set "ca_file=$LAB_LDAP_CA" \
  --set "bind_dn=$LAB_LDAP_BIND_DN" --set "containers=$LAB_LDAP_BASE" --secret-file "password=$LAB_LDAP_PASSWORD_FILE"
must connector add cloud --kind scim --set "url=$LAB_SCIM_URL" --secret-file "token=$LAB_SCIM_TOKEN_FILE"
must rule import "$rules/ldap-to-scim.toml"
must staging off --yes

say "$cycle_kills kills of cycles"
must run
changes 0 | modify -c
begin=$(date +%s%N)
must run
# As long as an undisturbed cycle of that kind takes here: later kills would miss.
longest=$((($(date +%s%N) - begin) / 1000000 + 1))
hits=0 round=0
while [ "$hits" -lt "$cycle_kills" ]; do
  round=$((round + 1))
  [ "$round" -le $((cycle_kills * 5)) ] || fail "only $hits of $round kills hit a cycle"
  changes "$round" | modify -c
  if killed state run; then hits=$((hits + 1)); fi
done
printf '%d of %d hit, within %d ms\n' "$hits" "$round" "$longest"
must run
must run
compare
must --json pending --summary
must sync --full
compare

"$lab/postgresql.sh" up "$folder/pg" >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/env.sh"
# role NAME: a database of that name and its owner; $url, and $to for a move there.
role() {
  "$lab/postgresql.sh" role "$folder/pg" "$1" >/dev/null
  # shellcheck disable=SC1090
  . "$folder/pg/role-$1.sh"
  url=$LAB_ROLE_URL
  to=(--to "$url" --password-file "$LAB_ROLE_PASSWORD_FILE")
}
# writable SERVER URL: whether that database takes a write.
writable() {
  PGPASSFILE=$LAB_PG_PASSFILE "$linkspan" --config "$folder/$1/linkspan.toml" --state-dir "$folder/$1" --database "$2" \
    config set guard.deletions 500 >"$folder/last" 2>&1 </dev/null
}
# exactly_one SERVER URL: of its old database and that one; $charge says which.
exactly_one() {
  local old=0 new=0
  writable "$1" "sqlite://$folder/$1/linkspan.db" && old=1
  writable "$1" "$2" && new=1
  [ "$((old + new))" = 1 ] || fail "$1: in charge: old $old, new $new"
  if [ "$old" = 1 ]; then charge=old; else charge=new; fi
}
# next_command SERVER URL: somebody comes, on either side; whatever he is told.
next_command() {
  if [ "$((RANDOM % 2))" = 0 ]; then
    "$linkspan" --config "$folder/$1/linkspan.toml" --state-dir "$folder/$1" status >/dev/null 2>&1 </dev/null || true
  else
    PGPASSFILE=$LAB_PG_PASSFILE "$linkspan" --config "$folder/$1/linkspan.toml" --state-dir "$folder/$1" --database "$2" \
      status >/dev/null 2>&1 </dev/null || true
  fi
}

say "$move_kills kills of moves"
cp -a "$folder/state" "$folder/timed"
role timed
begin=$(date +%s%N)
run 0 timed database move "${to[@]}" --yes
longest=$((($(date +%s%N) - begin) / 1000000 + 1))
hits=0 try=0 over=0
while [ "$hits" -lt "$move_kills" ]; do
  try=$((try + 1))
  [ "$try" -le $((move_kills * 5)) ] || fail "only $hits of $try kills hit a move"
  cp -a "$folder/state" "$folder/try$try"
  if [ "$((try % 2))" = 0 ]; then
    url=sqlite://$folder/try$try/new.db
    to=(--to "$url")
  else
    role "try$try"
  fi
  killed "try$try" database move "${to[@]}" --yes || continue
  hits=$((hits + 1))
  next_command "try$try" "$url"
  exactly_one "try$try" "$url"
  if [ "$charge" = new ]; then over=$((over + 1)); fi
  run 0 "try$try" database move "${to[@]}" --yes
  exactly_one "try$try" "$url"
  [ "$charge" = new ] || fail "the move was repeated, and the old database is in charge"
done
printf '%d of %d hit, within %d ms; %d after the switch\n' "$hits" "$try" "$longest" "$over"

# between_switch_and_take_over SERVER: killed exactly there. The target's head is locked from its first row on, so the
# mover waits with the take-over, while the old database has handed over already.
between_switch_and_take_over() {
  local mover locker
  cp -a "$folder/state" "$folder/$1"
  role "$1"
  PGPASSFILE=$LAB_PG_PASSFILE psql -qX "$url" >"$folder/psql" 2>&1 <<'SQL' &
DO $$ BEGIN
  LOOP
    BEGIN
      EXIT WHEN EXISTS (SELECT 1 FROM linkspan_database WHERE moved_to <> '');
    EXCEPTION WHEN undefined_table THEN NULL;
    END;
    PERFORM pg_sleep(0.001);
  END LOOP;
END $$;
BEGIN;
LOCK TABLE linkspan_database IN SHARE MODE;
SELECT pg_sleep(60);
SQL
  locker=$!
  (exec "$linkspan" --config "$folder/$1/linkspan.toml" --state-dir "$folder/$1" \
    database move "${to[@]}" --yes </dev/null >"$folder/last" 2>&1) &
  mover=$!
  python3 - "$folder/$1/linkspan.db" <<'PY' || fail "the old database does not hand over"
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1])
for _ in range(600):
    if database.execute("SELECT moved_to FROM linkspan_database").fetchone()[0]: sys.exit(0)
    time.sleep(0.05)
sys.exit(1)
PY
  kill -9 "$mover" 2>/dev/null || fail "the mover had ended: nothing held it up"
  wait "$mover" 2>/dev/null || true
  kill "$locker"
  wait "$locker" 2>/dev/null || true
  PGPASSFILE=$LAB_PG_PASSFILE psql -qX "$LAB_PG_URL" >/dev/null \
    -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '$1'"
}

say "killed between switch and take-over, next a command of the old server"
between_switch_and_take_over gap_old
run 0 gap_old status
grep -qF "$url" "$folder/gap_old/linkspan.toml" || fail "the server does not go along with its database"
exactly_one gap_old "$url"
[ "$charge" = new ] || fail "the switch was undone"
say "the same, next a command on the new database"
between_switch_and_take_over gap_new
writable gap_new "$url" || fail "the new database does not know that it is in charge"
exactly_one gap_new "$url"
run 0 gap_new status
grep -qF "$url" "$folder/gap_new/linkspan.toml" || fail "the server does not go along with its database"

say "a move, and a cycle there"
role moved
run 0 state database move "${to[@]}" --yes
run 1 state --database "sqlite://$folder/state/linkspan.db" run
error store.moved
changes 9000 | modify -c
must run
compare
say "done"
