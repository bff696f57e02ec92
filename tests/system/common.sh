# shellcheck shell=bash
# What the tests of the real binary share. Sourced, never run:
#
#   . "$(dirname "${BASH_SOURCE[0]}")/common.sh"
#   begin NAME PATH/TO/linkspan
#
# After begin: $linkspan, $lab, $rules, and $folder, a private folder that goes at the end with every server of lab/ in
# it. Of every command $folder/out and $folder/err hold what it said, $folder/last both, $folder/said all that was said.

begin() {
  linkspan=$2
  lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../lab" && pwd)
  # shellcheck disable=SC2034
  rules=$(cd "$lab/../rules" && pwd)
  folder=$(mktemp -d "/tmp/linkspan-$1-XXXXXX")
  checks=0
  : >"$folder/out" && : >"$folder/err"
  export LAB_FAST=1
  trap end EXIT
}
services=()
# Scripts with a process of their own define before_end.
before_end() { :; }
end() {
  local status=$?
  if [ "$status" -ne 0 ]; then
    printf -- '--- the last command\n' >&2
    tail -n 40 "$folder/last" >&2 || true
  fi
  before_end
  for server in "${services[@]}"; do kill -CONT "$server" 2>/dev/null || true; kill -KILL "$server" 2>/dev/null || true; done
  if [ -f "$folder/sqlserver.names" ]; then
    while read -r name; do sqlserver drop "$name" || true; done <"$folder/sqlserver.names"
  fi
  for server in slapd:ldap scim:scim postgresql:pg; do
    if [ -d "$folder/${server##*:}" ]; then "$lab/${server%%:*}.sh" remove "$folder/${server##*:}" >/dev/null 2>&1 || true; fi
  done
  rm -rf "$folder"
}

say() { printf '== %s (%d s)\n' "$*" "$SECONDS"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# run WANTED SERVER ARGUMENT...: the program as that server, with WANTED as its exit status.
run() {
  local want=$1 server=$2 got=0
  shift 2
  "$linkspan" --config "$folder/$server/linkspan.toml" --state-dir "$folder/$server" "$@" \
    </dev/null >"$folder/out" 2>"$folder/err" || got=$?
  heard
  [ "$got" = "$want" ] || fail "linkspan ($server) $*: exit status $got, not $want"
}
heard() {
  checks=$((checks + 1))
  cat "$folder/out" "$folder/err" >"$folder/last"
  cat "$folder/last" >>"$folder/said"
}
# wait_for SECONDS WHAT COMMAND...: until it holds.
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "not in time: $what"
    sleep 0.2
  done
}
# serve SERVER: the service as that server; $pid and $log. What still runs at the end is killed.
serve() {
  log=$folder/$1.log
  (exec "$linkspan" --config "$folder/$1/linkspan.toml" --state-dir "$folder/$1" --log-level info serve --listen 127.0.0.1:0 \
    </dev/null >>"$log" 2>&1) &
  pid=$!
  services+=("$pid")
}
says() { grep -qF -- "$1" "$folder/last" || fail "not said: $1"; }
# json EXPRESSION: Python, about the output as `it`.
json() {
  python3 -c 'import json, sys; it = json.load(open(sys.argv[1])); assert eval(sys.argv[2]), it' "$folder/out" "$1" ||
    fail "not true of the JSON: $1"
}
# error ID: the last command said this, with a hint, as people read it; json_error: as programs do.
error() {
  grep -qF "[$1]" "$folder/last" || fail "the error is not $1"
  grep -q '^ *hint: .' "$folder/last" || fail "$1 has no hint"
}
json_error() {
  python3 -c '
import json, sys
said = json.loads(open(sys.argv[1]).read().splitlines()[-1])["error"]
assert said["id"] == sys.argv[2] and said["hint"] and said["message"] and said["fault"], said' "$folder/err" "$1" ||
    fail "the JSON error is not $1"
}

# sqlserver VERB NAME...: tests/testkit/sqlserver_database, on the SQL Server that LINKSPAN_TEST_SQLSERVER_URL names.
sqlserver() { "${SQLSERVER_DATABASE:-$(dirname "$linkspan")/../../tests/testkit/sqlserver_database}" "$@"; }
# sqlserver_database NAME: an empty one there, until the end; prints its URL. Its password is in $folder/NAME.password,
# its name on the server is $(sqlserver_name NAME).
sqlserver_name() { printf 'linkspan_%s_%s' "${folder##*-}" "$1"; }
sqlserver_database() {
  sqlserver_name "$1" >>"$folder/sqlserver.names" && echo >>"$folder/sqlserver.names"
  sqlserver create "$(sqlserver_name "$1")" "$folder/$1.password"
}

# directory_and_service PEOPLE GROUPS: slapd with a generated organisation, and a SCIM service; the LAB_ variables of both.
directory_and_service() {
  "$lab/organisation.py" --people "$1" --groups "$2" --output "$folder/org.ldif"
  "$lab/slapd.sh" up "$folder/ldap" "$folder/org.ldif" >/dev/null
  "$lab/scim.sh" up "$folder/scim" >/dev/null
  # shellcheck disable=SC1091
  . "$folder/ldap/env.sh" && . "$folder/scim/env.sh"
}
# directory_toml, target_toml: both as an answers file has them.
directory_toml() {
  cat <<TOML
[[directory]]
name = "northquay"
kind = "ldap"
url = "$LAB_LDAPS_URL"
ca_file = "$LAB_LDAP_CA"
bind_dn = "$LAB_LDAP_BIND_DN"
password_file = "$LAB_LDAP_PASSWORD_FILE"
containers = ["$LAB_LDAP_BASE"]
TOML
}
target_toml() {
  cat <<TOML
[target]
name = "cloud"
kind = "scim"
url = "$LAB_SCIM_URL"
token_file = "$LAB_SCIM_TOKEN_FILE"
TOML
}

# LDIF of changes on stdin, by the directory's administrator; with arguments of ldapmodify.
modify() {
  LDAPTLS_CACERT=$LAB_LDAP_CA ldapmodify -x -H "$LAB_LDAPS_URL" -D "$LAB_LDAP_ADMIN_DN" \
    -y "$LAB_LDAP_ADMIN_PASSWORD_FILE" "$@" >/dev/null
}
# person UID: LDIF that adds somebody.
person() {
  printf 'dn: uid=%s,%s\nchangetype: add\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nmail: %s@quay.example\n\n' \
    "$1" "$LAB_LDAP_BASE" "$1" "$1" "$1" "$1"
}

# The same for a domain of lab/samba.sh. domain_change URL CA: LDIF on stdin, by its administrator; domain_user NAME PARENT SUFFIX:
# LDIF that adds somebody, disabled.
domain_change() {
  LDAPTLS_CACERT=$2 ldapmodify -x -H "$1" -D "$LAB_AD_ADMIN" -y "$LAB_AD_ADMIN_PASSWORD_FILE" >/dev/null
}
domain_user() {
  printf 'dn: CN=%s,%s\nchangetype: add\nobjectClass: user\nsAMAccountName: %s\nuserPrincipalName: %s@%s\n' \
    "$1" "$2" "$1" "$1" "$3"
  printf 'displayName: %s\nuserAccountControl: 514\n\n' "$1"
}

service() { curl --noproxy '*' -fsS "$LAB_SCIM_CONTROL_URL/$1" "${@:2}"; }
# service_fails JSON: the SCIM service misbehaves as lab/README.md says; {}: no longer.
service_fails() { service __fault -X POST -H 'Content-Type: application/json' -d "$1" >/dev/null; }

# arrived NAME...: exactly these have an account (what stands before @), in order.
arrived() {
  service __all | python3 -c '
import json, sys
for line in sys.stdin:
    one = json.loads(line)
    one = one.get("resource", one)
    if "userName" in one: print(one["userName"].split("@")[0])' | sort >"$folder/accounts"
  [ "$(paste -sd' ' "$folder/accounts")" = "$*" ] || fail "not \"$*\" but \"$(paste -sd' ' "$folder/accounts")\" arrived"
}
# members: how many each group has.
members() {
  service __all | python3 -c '
import json, sys
for line in sys.stdin:
    one = json.loads(line)
    one = one.get("resource", one)
    if "members" in one: print(len(one["members"]))'
}
has_members() { [ "$(members)" = "$1" ] || fail "the group has not $1 but $(members) members"; }

# compare: every person of the directory who has a mail address has one account, and nobody else has.
compare() {
  LDAPTLS_CACERT=$LAB_LDAP_CA ldapsearch -x -LLL -o ldif-wrap=no -H "$LAB_LDAPS_URL" -D "$LAB_LDAP_BIND_DN" \
    -y "$LAB_LDAP_PASSWORD_FILE" -b "$LAB_LDAP_BASE" '(&(objectClass=inetOrgPerson)(mail=*))' entryUUID |
    sed -n 's/^entryUUID: //p' | sort >"$folder/people"
  service __all | python3 -c '
import json, sys
for line in sys.stdin:
    one = json.loads(line)
    one = one.get("resource", one)
    if "userName" in one: print(one["externalId"])' | sort >"$folder/accounts"
  diff "$folder/people" "$folder/accounts" >"$folder/last" || fail "people and accounts differ"
  [ -s "$folder/people" ] || fail "nobody is there"
}
