#!/usr/bin/env bash
# People who come in between while a move goes on: a DBA ends sessions, cancels, takes a right away, renames a table, drops
# the database; a second administrator begins the same move, another one, or an attach. Each is told what is the matter,
# nothing is lost, and the move is repeated when it is put right.
#
#   meddling.sh PATH/TO/linkspan PATH/TO/state_generator [RACES [PEOPLE]]
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin meddling "$1"
races=${3:-3}
people=${4:-500}
# shellcheck source=tests/system/moves.sh
. "$(dirname "${BASH_SOURCE[0]}")/moves.sh"
gatekeeper=
before_end() { if [ -n "$gatekeeper" ]; then kill "$gatekeeper" 2>/dev/null || true; fi; }

say "a state of $people people"
origins "$2" "$people"

# held SERVER KIND: its move from a database of that kind to PostgreSQL, in the background, waits half-way: the DBA holds
# a lock on a table that it is about to fill.
held() {
  name=$1
  server "$name" "$2"
  target "$name" postgresql
  cat >"$folder/gate.sql" <<'SQL'
DO $$ BEGIN
  LOOP
    EXIT WHEN to_regclass('public.connector_image') IS NOT NULL;
    COMMIT;
    PERFORM pg_sleep(0.004);
  END LOOP;
END $$;
BEGIN;
LOCK TABLE connector_image IN ACCESS EXCLUSIVE MODE;
SELECT pg_sleep(600);
SQL
  administrator "${name}_to" <"$folder/gate.sql" >"$folder/gate" 2>&1 &
  gatekeeper=$!
  wait_until "$name" "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = '${name}_to' AND usename = 'postgres'"
  mover "$name"
  wait_until "$name" "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation IN (SELECT oid FROM pg_class WHERE relname = 'connector_image')" "${name}_to"
}
# wait_until WHAT SQL [DATABASE]: for up to a minute.
wait_until() {
  local _
  for _ in $(seq 600); do
    [ "$(printf '%s;\n' "$2" | administrator "${3:-postgres}")" != t ] || return 0
    sleep 0.1
  done
  cp "$folder/mover" "$folder/last" 2>/dev/null || true
  fail "$1: not within a minute: $2"
}
# let_go: the DBA gives his lock back.
let_go() {
  printf "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s_to' AND usename = 'postgres' AND pid <> pg_backend_pid();\n" \
    "$name" | administrator >/dev/null
  wait "$gatekeeper" 2>/dev/null || true
  gatekeeper=
}
# ended STATUS [ID]: the move in the background ends so.
ended() {
  local status=0
  wait "$mover" || status=$?
  cp "$folder/mover" "$folder/last"
  [ "$status" = "$1" ] || fail "$name: exit status $status, not $1"
  [ $# -lt 2 ] || error "$2"
}
# refused_again ID: while it is so, the same move is refused with that error, or by the look before it begins.
refused_again() {
  run 1 "$name" database move "${to[@]}" --yes
  grep -qE "\\[(${1//./\\.}|transfer\\.[a-z_]+)\\]" "$folder/last" || fail "the error is not $1"
  grep -q '^ *hint: .' "$folder/last" || fail "no hint"
}
# sessions DATABASE FUNCTION: that function of the server, for every session of the mover there.
sessions() {
  printf "SELECT %s(pid) FROM pg_stat_activity WHERE datname = '%s' AND usename = 'mover';\n" "$2" "$1" |
    administrator >/dev/null
}

say "a DBA ends the sessions, in the target and in the source"
for side in to from; do
  held "ends_$side" postgresql
  sessions "${name}_$side" pg_terminate_backend
  [ "$side" = to ] || let_go
  ended 1 sql.connection_lost
  [ "$side" = from ] || let_go
  in_charge "$name" old
  ends_well "$name"
  forget "$name"
done

say "he cancels what they are at"
held cancels sqlite
sessions "${name}_to" pg_cancel_backend
ended 1 sql.timeout
let_go
in_charge "$name" old
ends_well "$name"
forget "$name"

# What is changed must be needed still: in the source the table that waits, in the target one that will be read back.
declare -A tables=([to]=metaverse_key [from]=connector_image)

say "he takes a right away, in the target and in the source"
for side in to from; do
  table=${tables[$side]}
  held "rights_$side" postgresql
  printf 'ALTER TABLE %s OWNER TO postgres; REVOKE ALL ON %s FROM mover;\n' "$table" "$table" | administrator "${name}_$side"
  let_go
  ended 1 sql.permission
  says "$table"
  refused_again sql.permission
  printf 'ALTER TABLE %s OWNER TO mover;\n' "$table" | administrator "${name}_$side"
  in_charge "$name" old
  ends_well "$name"
  forget "$name"
done

say "he renames a table, in the target and in the source"
for side in to from; do
  table=${tables[$side]}
  held "renames_$side" postgresql
  printf 'ALTER TABLE %s RENAME TO mine;\n' "$table" | administrator "${name}_$side"
  let_go
  ended 1 sql.no_table
  says "$table"
  refused_again sql.no_table
  printf 'ALTER TABLE mine RENAME TO %s;\n' "$table" | administrator "${name}_$side"
  in_charge "$name" old
  ends_well "$name"
  forget "$name"
done

say "he drops the target"
held drops sqlite
drop "${name}_to"
ended 1 sql.connection_lost
wait "$gatekeeper" 2>/dev/null || true
gatekeeper=
run 1 "$name" database move "${to[@]}" --yes
error sql.no_database
writable "$name" "$from" || fail "the old database is not in charge"
database "${name}_to"
ends_well "$name"
forget "$name"

say "a second administrator: the same move, an attach into the same database, a change"
run 0 origin database copy "$folder/copy.db"
held second postgresql
first_url=$url first_to=("${to[@]}")
mkdir -m 700 "$folder/colleague"
cp "$folder/$name/linkspan.toml" "$folder/colleague/"
refused() { run "$1" "${@:3}" && error "$2"; }
refused 1 transfer.busy "$name" database move "${first_to[@]}" --yes
refused 1 transfer.busy colleague database move "${first_to[@]}" --yes
run 0 colleague config set guard.deletions 500 # the old server goes on beside a move
refused 1 transfer.busy colleague database attach "$folder/copy.db" "${first_to[@]}"
refused 1 transfer.busy colleague database attach "$folder/copy.db" "${first_to[@]}" --restart
let_go
ended 0
url=$first_url
in_charge "$name" new
same_sums "$name"
# The colleague's server goes along with the next command.
run 0 colleague --json database info
says "$name"_to
rm -rf "$folder/colleague"
forget "$name"

say "$races races of two movers"
for race in $(seq "$races"); do
  name=race$race
  server "$name" postgresql
  target "$name" postgresql
  mkdir -m 700 "$folder/colleague"
  cp "$folder/$name/linkspan.toml" "$folder/colleague/"
  database other_to
  other=(--to "$(url_of other_to)" --password-file "$LAB_ROLE_PASSWORD_FILE")
  if [ $((race % 2)) = 1 ]; then other=("${to[@]}"); fi
  mover "$name"
  got=0
  as colleague database move "${other[@]}" --yes >"$folder/second" 2>&1 || got=$?
  first=0
  wait "$mover" || first=$?
  cat "$folder/mover" "$folder/second" >"$folder/last"
  [ "$first" = 0 ] || [ "$got" = 0 ] || fail "$name: nobody won"
  for said in mover second; do
    cp "$folder/$said" "$folder/last"
    if ! grep -q 'is in charge now' "$folder/last"; then
      grep -qE '\[(transfer\.(lease_held|busy|not_in_charge|superseded|unfinished|not_empty)|store\.moved|run\.lease_held)\]' "$folder/last" ||
        fail "$name: the loser is not told why"
    fi
  done
  # One of the databases is in charge, and it has everything.
  charges=0
  for one in "$from" "$url" "$(url_of other_to)"; do
    if writable "$name" "$one"; then charges=$((charges + 1)) winner=$one; fi
  done
  [ "$charges" = 1 ] || fail "$name: $charges databases are in charge"
  same_sums "$name" --database "$winner"
  rm -rf "$folder/colleague"
  drop other_to
  forget "$name"
done
say "done"
