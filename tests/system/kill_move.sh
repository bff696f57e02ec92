#!/usr/bin/env bash
# kill -9 of the program at random moments of moves, from SQLite to PostgreSQL, back, and between two PostgreSQL databases:
# exactly one database is in charge afterwards, and the move is repeated, resumed or abandoned without losing a thing.
#
#   kill_move.sh PATH/TO/linkspan PATH/TO/state_generator [KILLS [PEOPLE]]
#
# RANDOM_SEED repeats a run; it is printed first.
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin kill_move "$1"
kills=${3:-10}
people=${4:-4000}
# shellcheck source=tests/system/moves.sh
. "$(dirname "${BASH_SOURCE[0]}")/moves.sh"

say "a state of $people people"
origins "$2" "$people"

# stage: how far the attempt had come, by the marker in the target.
stage() {
  local said
  if [ "$target_kind" = sqlite ]; then
    said=$(sqlite_stage "${url#sqlite://}")
  else
    said=$(echo 'SELECT stage FROM linkspan_transfer' | administrator "$1_to" 2>/dev/null) || said=
  fi
  printf '%s' "${said:-nothing}"
}
sqlite_stage() {
  [ -f "$1" ] || return 0
  python3 -c 'import sqlite3, sys
try: print(sqlite3.connect(sys.argv[1]).execute("SELECT stage FROM linkspan_transfer").fetchone()[0])
except (sqlite3.Error, TypeError): pass' "$1"
}

# next_command SERVER: somebody comes, on either side; whatever he is told.
next_command() {
  if [ "$((RANDOM % 2))" = 0 ]; then
    as "$1" status >/dev/null 2>&1 || true
  else
    as "$1" --database "$url" status >/dev/null 2>&1 || true
  fi
}

# resumed SERVER: --resume goes on, unless the kill came before there was anything to go on with.
resumed() {
  if as "$1" database move "${to[@]}" --resume --yes >"$folder/last" 2>&1; then
    resumes=$((resumes + 1))
  else
    grep -qF '[transfer.no_move]' "$folder/last" || fail "$1: --resume"
    [ "$charge" = old ] || fail "$1: nothing to resume, and the new database is in charge"
  fi
}
# abandoned SERVER: the old database stays in charge and the new one is empty again, unless the switch has been made.
abandoned() {
  if as "$1" database move "${to[@]}" --abandon >"$folder/last" 2>&1; then
    abandons=$((abandons + 1))
    [ "$charge" = old ] || fail "$1: abandoned although the new database is in charge"
  elif [ "$charge" = old ]; then
    grep -qF '[transfer.no_move]' "$folder/last" || fail "$1: --abandon"
  else
    grep -qE '\[transfer\.(no_move|handed_over)\]' "$folder/last" || fail "$1: --abandon after the switch"
  fi
  in_charge "$1" "$charge"
}

# kill_once NUMBER MILLISECONDS: false if the move was over by then.
kill_once() {
  local name=kill$1 status=0
  direction "$1"
  server "$name" "$source_kind"
  target "$name" "$target_kind"
  mover "$name"
  moment "$2"
  kill -9 "$mover" 2>/dev/null || true
  wait "$mover" 2>/dev/null || status=$?
  if [ "$status" -le 128 ]; then
    [ "$status" = 0 ] || { cp "$folder/mover" "$folder/last" && fail "$name: the move fails undisturbed"; }
    forget "$name"
    return 1
  fi
  stage "$name" >>"$folder/stages"
  printf '\n' >>"$folder/stages"
  next_command "$name"
  exactly_one "$name"
  if [ "$charge" = new ]; then over=$((over + 1)); fi
  case $((RANDOM % 6)) in
    0 | 1) resumed "$name" ;;
    2) abandoned "$name" ;;
  esac
  ends_well "$name"
  forget "$name"
}

declare -A lengths
for number in 1 2 4; do
  direction "$number"
  measure "$source_kind" "$target_kind"
  lengths[$source_kind-$target_kind]=$longest
  printf '%s to %s: %d ms\n' "$source_kind" "$target_kind" "$longest"
done

say "$kills kills"
: >"$folder/stages"
hits=0 try=0 over=0 resumes=0 abandons=0
while [ "$hits" -lt "$kills" ]; do
  [ "$try" -lt $((kills * 2 + 5)) ] || fail "only $hits of $try kills hit a move"
  direction "$try"
  longest=${lengths[$source_kind-$target_kind]}
  # Every part of the move has its turn: the moments of one direction are spread over it as evenly as they can be.
  part=$(((try * 7 + RANDOM % 7) % kills))
  if kill_once "$try" $(((part * longest + RANDOM % longest) / kills)); then hits=$((hits + 1)); fi
  try=$((try + 1))
done
printf '%d of %d hit: %d after the switch, %d resumed, %d abandoned\n' "$hits" "$try" "$over" "$resumes" "$abandons"
printf 'by how far the target was: '
sort "$folder/stages" | uniq -c | tr -s '\n ' ' '
printf '\n'
[ "$hits" -ge $((try / 2)) ] || fail "too few kills hit"
if [ "$kills" -ge 50 ]; then
  for stage in prepared copied; do
    grep -qx "$stage" "$folder/stages" || fail "no kill hit a move that was $stage"
  done
fi
# between_switch_and_take_over NAME: killed exactly there. The DBA has locked the target's head since its first row, so
# the mover waits with the take-over, while the old database has handed over already.
between_switch_and_take_over() {
  local locker
  server "$1" sqlite
  target "$1" postgresql
  administrator "$1_to" >"$folder/locker" 2>&1 <<'SQL' &
DO $$ BEGIN
  LOOP
    BEGIN
      EXIT WHEN EXISTS (SELECT 1 FROM linkspan_database WHERE moved_to <> '');
    EXCEPTION WHEN undefined_table THEN NULL;
    END;
    PERFORM pg_sleep(0.004);
  END LOOP;
END $$;
BEGIN;
LOCK TABLE linkspan_database IN SHARE MODE;
SELECT pg_sleep(600);
SQL
  locker=$!
  mover "$1"
  python3 - "${from#sqlite://}" <<'PY' || fail "the old database does not hand over"
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1])
for _ in range(1200):
    if database.execute("SELECT moved_to FROM linkspan_database").fetchone()[0]: sys.exit(0)
    time.sleep(0.05)
sys.exit(1)
PY
  kill -9 "$mover" 2>/dev/null || fail "the mover had ended: nothing held it up"
  wait "$mover" 2>/dev/null || true
  printf "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s_to';\n" "$1" | administrator >/dev/null
  wait "$locker" 2>/dev/null || true
}

say "killed between switch and take-over, next a command of the old server"
between_switch_and_take_over gap_old
run 0 gap_old status
grep -qF "$url" "$folder/gap_old/linkspan.toml" || fail "the server does not go along with its database"
in_charge gap_old new
same_sums gap_old
forget gap_old
say "the same, next a command on the new database"
between_switch_and_take_over gap_new
writable gap_new "$url" || fail "the new database does not know that it is in charge"
in_charge gap_new new
run 0 gap_new status
grep -qF "$url" "$folder/gap_new/linkspan.toml" || fail "the server does not go along with its database"
same_sums gap_new
say "done"
