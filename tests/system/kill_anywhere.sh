#!/usr/bin/env bash
# kill -9 at random moments of cycles and of a move: the end is that of an undisturbed run, and each account exists once.
#
#   kill_anywhere.sh PATH/TO/linkspan [KILLS_OF_CYCLES [KILLS_OF_MOVES]]
#
# KILL_SEED repeats a run; it is printed first.
set -euo pipefail
linkspan=$1
cycle_kills=${2:-20}
move_kills=${3:-10}
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../lab" && pwd)
rules=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../rules" && pwd)
folder=$(mktemp -d /tmp/linkspan-kill-XXXXXX)
export LAB_FAST=1
RANDOM=${KILL_SEED:-$$}
printf 'KILL_SEED=%s\n' "${KILL_SEED:-$$}"

end() {
  local status=$?
  [ "$status" -eq 0 ] || tail -n 40 "$folder/last" >&2 || true
  for server in slapd:ldap scim:scim postgresql:pg; do
    "$lab/${server%%:*}.sh" remove "$folder/${server##*:}" >/dev/null 2>&1 || true
  done
  rm -rf "$folder"
}
trap end EXIT
say() { printf '== %s (%d s)\n' "$*" "$SECONDS"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

program() { "$linkspan" --config "$folder/state/linkspan.toml" --state-dir "$folder/state" "$@" </dev/null; }
must() { program "$@" >"$folder/last" 2>&1 || fail "linkspan $*: exit status $?"; }

# killed COMMAND...: starts it and kills it after up to $longest milliseconds; true if it was still at work.
killed() {
  local child milliseconds=$((RANDOM % longest))
  # exec: the process itself is our child, so that wait() buries it; an unburied one still counts as alive.
  (exec "$linkspan" --config "$folder/state/linkspan.toml" --state-dir "$folder/state" "$@" </dev/null >"$folder/last" 2>&1) &
  child=$!
  sleep "$(printf '0.%03d' "$milliseconds")"
  kill -9 "$child" 2>/dev/null || true
  local status=0
  wait "$child" 2>/dev/null || status=$?
  [ "$status" -gt 128 ]
}

modify() {
  LDAPTLS_CACERT=$LAB_LDAP_CA ldapmodify -c -x -H "$LAB_LDAPS_URL" -D "$LAB_LDAP_ADMIN_DN" \
    -y "$LAB_LDAP_ADMIN_PASSWORD_FILE" >/dev/null
}
# changes ROUND: people come, and one of the round before goes.
changes() {
  local i
  for i in 1 2 3 4 5; do
    printf 'dn: uid=k%s.%s,%s\nchangetype: add\nobjectClass: inetOrgPerson\nuid: k%s.%s\ncn: k\nsn: k\nmail: k%s.%s@kill.example\n\n' \
      "$1" "$i" "$LAB_LDAP_BASE" "$1" "$i" "$1" "$i"
  done
  if [ "$1" -gt 1 ] && [ "$1" -lt 9000 ]; then printf 'dn: uid=k%s.1,%s\nchangetype: delete\n\n' "$(($1 - 1))" "$LAB_LDAP_BASE"; fi
}
# Everyone of the directory with a mail address has one account, and nobody else has.
compare() {
  LDAPTLS_CACERT=$LAB_LDAP_CA ldapsearch -x -LLL -o ldif-wrap=no -H "$LAB_LDAPS_URL" -D "$LAB_LDAP_BIND_DN" \
    -y "$LAB_LDAP_PASSWORD_FILE" -b "$LAB_LDAP_BASE" '(&(objectClass=inetOrgPerson)(mail=*))' entryUUID |
    sed -n 's/^entryUUID: //p' | sort >"$folder/people"
  curl --noproxy '*' -fsS "$LAB_SCIM_CONTROL_URL/__all" | python3 -c '
import json, sys
for line in sys.stdin:
    one = json.loads(line)
    one = one.get("resource", one)
    if "userName" in one: print(one["externalId"])' | sort >"$folder/accounts"
  diff "$folder/people" "$folder/accounts" >"$folder/last" || fail "people and accounts differ"
  [ -s "$folder/people" ] || fail "nobody is there"
}

say "servers"
"$lab/organisation.py" --people 80 --groups 8 --output "$folder/org.ldif"
"$lab/slapd.sh" up "$folder/ldap" "$folder/org.ldif" >/dev/null
"$lab/scim.sh" up "$folder/scim" >/dev/null
# shellcheck disable=SC1091
. "$folder/ldap/env.sh" && . "$folder/scim/env.sh"
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
changes 0 | modify
begin=$(date +%s%N)
must run
# As long as an undisturbed cycle of that kind takes here: later kills would miss.
longest=$((($(date +%s%N) - begin) / 1000000 + 1))
hits=0 round=0
while [ "$hits" -lt "$cycle_kills" ]; do
  round=$((round + 1))
  [ "$round" -le $((cycle_kills * 5)) ] || fail "only $hits of $round kills hit a cycle"
  changes "$round" | modify
  if killed run; then hits=$((hits + 1)); fi
done
printf '%d of %d hit, within %d ms\n' "$hits" "$round" "$longest"
must run
must run
compare
program --json pending --summary >"$folder/last"
must sync --full
compare

say "$move_kills kills of moves"
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
"$lab/postgresql.sh" role "$folder/pg" moved >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/role-moved.sh"
hits=0
# A small move takes some 300 ms: the later the try, the later the kill may come, so that all of it is hit.
for try in $(seq "$move_kills"); do
  longest=$((40 + 20 * try))
  if killed database move --to "$LAB_ROLE_URL" --password-file "$LAB_ROLE_PASSWORD_FILE" --yes; then
    hits=$((hits + 1))
  else
    break
  fi
done
printf '%d of them hit\n' "$hits"
[ "$((hits * 2))" -ge "$move_kills" ] || fail "too few kills hit a move: the test shows nothing"
if grep -q postgresql "$folder/state/linkspan.toml"; then
  say "a move had come to its end"
else
  must database move --to "$LAB_ROLE_URL" --password-file "$LAB_ROLE_PASSWORD_FILE" --yes
fi
program --database "sqlite://$folder/state/linkspan.db" run >"$folder/last" 2>&1 && fail "the old database still runs"
grep -q 'store.moved' "$folder/last" || fail "the old database does not say where it went"
changes 9000 | modify
must run
compare
say "done"
