#!/usr/bin/env bash
# kill -9 at random moments of cycles: the end is that of an undisturbed run, and each account exists once.
#
#   kill_anywhere.sh PATH/TO/linkspan [KILLS]
#
# KILL_SEED repeats a run; it is printed first.
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin kill "$1"
kills=${2:-20}
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

say "$kills kills of cycles"
must run
changes 0 | modify -c
begin=$(date +%s%N)
must run
# As long as an undisturbed cycle of that kind takes here: later kills would miss.
longest=$((($(date +%s%N) - begin) / 1000000 + 1))
hits=0 round=0
while [ "$hits" -lt "$kills" ]; do
  round=$((round + 1))
  [ "$round" -le $((kills * 5)) ] || fail "only $hits of $round kills hit a cycle"
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

say "a move, and a cycle there"
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
"$lab/postgresql.sh" role "$folder/pg" moved >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/role-moved.sh"
run 0 state database move --to "$LAB_ROLE_URL" --password-file "$LAB_ROLE_PASSWORD_FILE" --yes
run 1 state --database "sqlite://$folder/state/linkspan.db" run
error store.moved
changes 9000 | modify -c
must run
compare
say "done"
