#!/usr/bin/env bash
# The network breaks in the middle of a move: the connection is cut, swallows what is sent, or stalls. The move ends with
# an error in bounded time, the old database is in charge (or the new one, if it came so far), and the move is repeated.
#
#   broken_link.sh PATH/TO/linkspan PATH/TO/state_generator [CUTS [PEOPLE]]
#
# RANDOM_SEED repeats a run; it is printed first.
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin link "$1"
cuts=${3:-3}
people=${4:-2000}
relay=
before_end() { if [ -n "$relay" ]; then kill "$relay" 2>/dev/null || true; fi; }
# shellcheck source=tests/system/moves.sh
. "$(dirname "${BASH_SOURCE[0]}")/moves.sh"

say "a state of $people people, and a relay before PostgreSQL"
origins "$2" "$people"
python3 "$(dirname "${BASH_SOURCE[0]}")/relay.py" "$LAB_PG_PORT" "$folder/fate" >"$folder/relay" &
relay=$!
for _ in $(seq 200); do
  [ ! -s "$folder/relay" ] || break
  sleep 0.05
done
via=$(cat "$folder/relay")

# breaks NUMBER FATE: the move of that direction meets it and ends in time. False if it was over before.
number=0
breaks() {
  local begin=$SECONDS status=0
  name=link$((number += 1))
  direction "$1"
  server "$name" "$source_kind"
  target "$name" "$target_kind"
  printf '%s' "$2" >"$folder/fate"
  timeout 180 "$linkspan" --config "$folder/$name/linkspan.toml" --state-dir "$folder/$name" \
    database move "${to[@]}" --yes --patience 0s </dev/null >"$folder/out" 2>"$folder/err" || status=$?
  heard
  rm "$folder/fate"
  [ "$status" != 0 ] || return 1
  [ "$status" = 1 ] || fail "$source_kind to $target_kind, $2: exit status $status after $((SECONDS - begin)) s"
  # The look before a move says all that it finds at once.
  grep -qE '\[(sql\.(connection_lost|unreachable)|transfer\.preflight)\]' "$folder/last" || fail "$source_kind to $target_kind, $2: another error"
  grep -q '^ *hint: .' "$folder/last" || fail "$2: no hint"
}
# goes_on [old]: exactly one is in charge, and the move comes to its end.
goes_on() {
  exactly_one "$name"
  [ "${1:-$charge}" = "$charge" ] || fail "$name: the $charge database is in charge"
  ends_well "$name"
  forget "$name"
}

say "cut in the middle of COPY"
for fate in "1 to 300000" "2 300000" "4 to 300000" "4 300000"; do
  breaks "${fate%% *}" "${fate#* }" || fail "the move was over before it broke"
  error sql.connection_lost
  goes_on old
done

say "$cuts cuts anywhere"
hits=0
for try in $(seq $((cuts * 4))); do
  [ "$hits" -lt "$cuts" ] || break
  direction "$try"
  # What goes to the other side of a connection that copies nothing is some ten thousand bytes.
  way=$([ "$((RANDOM % 2))" = 0 ] || printf 'to ')
  if breaks "$try" "$way$((RANDOM % 30000))"; then
    hits=$((hits + 1))
    goes_on
  else
    in_charge "$name" new
    forget "$name"
  fi
done
printf "%d of %d hit\n" "$hits" "$try"
[ "$hits" -ge $(((cuts + 1) / 2)) ] || fail "too few cuts hit"

say "half open: what is sent is swallowed, and the connection stands"
parameters='&keepalives_idle=3&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=5000'
for fate in "1 to 300000 swallow" "2 300000 swallow" "4 to 300000 swallow"; do
  begin=$SECONDS
  breaks "${fate%% *}" "${fate#* }" || fail "the move was over before it broke"
  error sql.connection_lost
  printf '%s: %d s\n' "$fate" "$((SECONDS - begin))"
  goes_on old
done
say "stalled: nothing is even taken any more"
breaks 1 "to 300000 stall" || fail "the move was over before it broke"
error sql.connection_lost
goes_on old
say "done"
