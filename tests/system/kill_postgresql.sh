#!/usr/bin/env bash
# kill -9 of PostgreSQL with all its processes at random moments of moves, as the target, as the source, and as both: it
# recovers, exactly one database is in charge, and the move is repeated without losing a thing: every second one by itself,
# since it waits for the server.
#
#   kill_postgresql.sh PATH/TO/linkspan PATH/TO/state_generator [KILLS [PEOPLE]]
#
# RANDOM_SEED repeats a run; it is printed first.
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin kill_postgresql "$1"
export LAB_FAST=0 # what was committed must be there after the recovery
kills=${3:-3}
people=${4:-3000}
# shellcheck source=tests/system/moves.sh
. "$(dirname "${BASH_SOURCE[0]}")/moves.sh"

say "a state of $people people"
origins "$2" "$people"
declare -A lengths
for number in 1 2 4; do
  direction "$number"
  measure "$source_kind" "$target_kind"
  lengths[$source_kind-$target_kind]=$longest
  printf '%s to %s: %d ms\n' "$source_kind" "$target_kind" "$longest"
done

say "$kills kills of the server"
hits=0 try=0 over=0 alone=0
while [ "$hits" -lt "$kills" ] || [ "$alone" = 0 ]; do
  [ "$try" -lt $((kills * 3 + 15)) ] || fail "only $hits of $try kills hit a move, and $alone of these went on by themselves"
  name=kill$((try += 1))
  direction $((try * 2)) # the three directions, one after the other
  server "$name" "$source_kind"
  target "$name" "$target_kind"
  patience=$((try % 2 * 120))s
  mover "$name"
  way=$source_kind-$target_kind
  moment $((RANDOM % lengths[$way]))
  alive=0
  kill -0 "$mover" 2>/dev/null || alive=$?
  "$lab/postgresql.sh" crash "$folder/pg" >/dev/null
  [ "$patience" = 0s ] || "$lab/postgresql.sh" up "$folder/pg" >/dev/null
  status=0
  wait "$mover" || status=$?
  cp "$folder/mover" "$folder/last"
  [ "$status" -lt 2 ] || fail "$name: exit status $status"
  if [ "$status" = 1 ]; then
    grep -qE '\[(sql\.(connection_lost|unreachable)|transfer\.preflight)\]' "$folder/last" || fail "$name: another error"
    grep -q '^ *hint: .' "$folder/last" || fail "$name: no hint"
  fi
  "$lab/postgresql.sh" up "$folder/pg" >/dev/null
  if grep -q 'interrupted, and went on' "$folder/last"; then alone=$((alone + 1)); fi
  exactly_one "$name"
  if [ "$status" = 0 ] && [ "$charge" = old ]; then fail "$name: told that it is done, and it is not"; fi
  # One that was over before the kill is shorter than it was when it was measured: other tests leave it more of the machine.
  if [ "$alive" = 0 ]; then hits=$((hits + 1)); else lengths[$way]=$((lengths[$way] * 3 / 4 + 1)); fi
  if [ "$charge" = new ]; then over=$((over + 1)); fi
  ends_well "$name"
  forget "$name"
done
printf '%d of %d hit; %d after the switch; %d went on by themselves\n' "$hits" "$try" "$over" "$alone"
say "done"
