#!/usr/bin/env bash
# The lab itself: every server starts on loopback, does what lab/README.md says, restarts with what it held, and is
# gone afterwards. What the other system tests stand on is tested here, so that they need not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

WORK=$(mktemp -d /tmp/linkspan-lab-smoke.XXXXXX)
chmod 755 "$WORK" # PostgreSQL's own user must get in when root runs this

cleanup() {
  local status=$?
  if [ "$status" -ne 0 ]; then tail -n 20 "$WORK"/*/*.log 2>/dev/null || true; fi
  lab/slapd.sh remove "$WORK/ldap" >/dev/null || true
  lab/scim.sh remove "$WORK/scim" >/dev/null || true
  lab/postgresql.sh remove "$WORK/pg" >/dev/null || true
  lab/samba.sh remove "$WORK/dc" >/dev/null || true
  rm -rf "$WORK"
}
trap cleanup EXIT

# expect WHAT WANTED GOT
expect() {
  if [ "$2" = "$3" ]; then
    echo "ok: $1"
  else
    echo "FAILED: $1: wanted '$2', got '$3'"
    exit 1
  fi
}

# refused WHAT COMMAND...: the command must fail.
refused() {
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then
    echo "FAILED: $what was not refused"
    exit 1
  fi
  echo "ok: $what is refused"
}

check_organisation() {
  lab/organisation.py --people 300 --groups 40 --seed 7 --output "$WORK/org.ldif"
  expect "the same seed gives the same organisation" "$(sha256sum <"$WORK/org.ldif")" \
    "$(lab/organisation.py --people 300 --groups 40 --seed 7 | sha256sum)"
  expect "every uid is another" 300 "$(grep -a '^uid: ' "$WORK/org.ldif" | sort -u | wc -l)"
}

as_service() { ldapsearch -x -LLL -o ldif-wrap=no -D "$LAB_LDAP_BIND_DN" -y "$LAB_LDAP_PASSWORD_FILE" -b "$LAB_LDAP_BASE" "$@"; }
entries() { grep -c '^dn:' || true; }

check_slapd() {
  lab/slapd.sh up "$WORK/ldap" "$WORK/org.ldif"
  # shellcheck disable=SC1091
  . "$WORK/ldap/env.sh"
  export LDAPTLS_CACERT=$LAB_LDAP_CA
  expect "people over LDAPS, paged" 300 \
    "$(as_service -H "$LAB_LDAPS_URL" -E pr=50/noprompt '(objectClass=inetOrgPerson)' 1.1 | entries)"
  expect "groups over ldapi" 40 "$(as_service -H "$LAB_LDAPI_URL" '(objectClass=groupOfNames)' 1.1 | entries)"
  expect "nothing without a bind" 0 \
    "$(ldapsearch -x -LLL -H "$LAB_LDAP_URL" -b "$LAB_LDAP_BASE" 1.1 2>/dev/null | entries)"
  expect "no password can be read" 0 "$(as_service -ZZ -H "$LAB_LDAP_URL" userPassword | grep -ci '^userPassword' || true)"
  refused "a certificate of an unknown authority" env LDAPTLS_CACERT=/dev/null ldapsearch -x -H "$LAB_LDAPS_URL" -s base -b ''
  refused "writing by the service account" \
    ldapdelete -x -H "$LAB_LDAP_URL" -D "$LAB_LDAP_BIND_DN" -y "$LAB_LDAP_PASSWORD_FILE" "ou=People,$LAB_LDAP_BASE"
  check_sync_cookie
  kill -KILL "$LAB_LDAP_PID"
  lab/slapd.sh up "$WORK/ldap"
  expect "people after kill -9, at the same address" 300 "$(as_service -H "$LAB_LDAP_URL" '(objectClass=inetOrgPerson)' 1.1 | entries)"
}

# RFC 4533: a cookie from a first refresh brings only what changed since.
check_sync_cookie() {
  local cookie person
  cookie=$(ldapsearch -x -H "$LAB_LDAP_URL" -D "$LAB_LDAP_BIND_DN" -y "$LAB_LDAP_PASSWORD_FILE" -b "$LAB_LDAP_BASE" \
    -E sync=ro 1.1 | sed -n 's/^# cookie: //p')
  person=$(as_service -H "$LAB_LDAP_URL" '(employeeNumber=100000)' 1.1 | grep '^dn:') # base64, with its second colon
  ldapmodify -x -H "$LAB_LDAP_URL" -D "$LAB_LDAP_ADMIN_DN" -y "$LAB_LDAP_ADMIN_PASSWORD_FILE" >/dev/null <<LDIF
$person
changetype: modify
replace: title
title: Chair
LDIF
  expect "one changed entry since the cookie" 1 "$(as_service -H "$LAB_LDAP_URL" -E "sync=ro/$cookie" 1.1 | entries)"
}

as_role() { PGPASSWORD=$(cat "$LAB_ROLE_PASSWORD_FILE") psql -X -q -w -At "$LAB_ROLE_URL" "$@"; }

check_postgresql() {
  LAB_FAST=1 lab/postgresql.sh up "$WORK/pg"
  lab/postgresql.sh role "$WORK/pg" bridge
  # shellcheck disable=SC1091
  . "$WORK/pg/env.sh" && . "$WORK/pg/role-bridge.sh"
  expect "the role writes in its database, over TLS" t \
    "$(as_role -c 'create table kept (id int)' -c 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')"
  refused "a connection without a password" psql -X -w "$LAB_ROLE_URL" -c 'select 1'
  refused "another database of that role" as_role -c 'create database more'
  lab/postgresql.sh down "$WORK/pg"
  expect "stopped is said by the exit status" 3 "$(lab/postgresql.sh status "$WORK/pg" >/dev/null; echo $?)"
  LAB_FAST=1 lab/postgresql.sh up "$WORK/pg"
  expect "the table after a restart, at the same address" 0 "$(as_role -c 'select count(*) from kept')"
  lab/postgresql.sh down "$WORK/pg"
  # Where nobody buries the dead, the server's process id is taken still when it is to start again.
  LAB_FAST=0 tests/system/unburied.py sh -c "lab/postgresql.sh up '$WORK/pg' && lab/postgresql.sh crash '$WORK/pg' &&
    lab/postgresql.sh up '$WORK/pg'"
  expect "the table after a crash, at the same address" 0 "$(as_role -c 'select count(*) from kept')"
}

# scim METHOD PATH [BODY]: prints the status (000: no answer came), then the body.
scim() {
  curl --noproxy '*' -s -m 20 -o "$WORK/body" -w '%{http_code} ' -X "$1" -H "Authorization: Bearer $(cat "$LAB_SCIM_TOKEN_FILE")" \
    -H 'Content-Type: application/scim+json' ${3:+-d "$3"} "$LAB_SCIM_URL$2" || true
  cat "$WORK/body" 2>/dev/null || true
  rm -f "$WORK/body"
}
status_of() { scim "$@" | cut -d' ' -f1; }
fault() { curl --noproxy '*' -s -H 'Content-Type: application/json' -d "$1" "$LAB_SCIM_CONTROL_URL/__fault" >/dev/null; }
user() { printf '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"%s","externalId":"x-%s","active":true}' "$1" "$1"; }
id_in() { sed -n 's/.*"id":"\([^"]*\)".*/\1/p'; }
# patch OPERATION ID: the operation is a printf format with one place for the id.
patch() {
  # shellcheck disable=SC2059 # the format is the caller's
  printf '{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[%s]}' "$(printf "$1" "$2")"
}

check_scim() {
  lab/scim.sh up "$WORK/scim"
  # shellcheck disable=SC1091
  . "$WORK/scim/env.sh"
  local id group since
  id=$(scim POST /Users "$(user ann)" | id_in)
  expect "a created user is found by externalId" 1 "$(scim GET '/Users?filter=externalId%20eq%20%22x-ann%22' | grep -c "$id")"
  expect "the same name in another case" 409 "$(status_of POST /Users "$(user ANN)")"
  expect "a stranger" 401 "$(curl --noproxy '*' -s -o /dev/null -w '%{http_code}' "$LAB_SCIM_URL/Users")"
  fault '{"match":"POST /Users","status":429,"retryAfter":1,"times":1}'
  expect "a throttled create" 429 "$(status_of POST /Users "$(user bob)")"
  fault '{"match":"POST /Users","drop":true}'
  expect "a create whose answer is lost" 000 "$(status_of POST /Users "$(user bob)")"
  expect "was carried out all the same" 409 "$(status_of POST /Users "$(user bob)")"

  group=$(scim POST /Groups '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"All"}' | id_in)
  since=$(scim GET "/Groups/$group" | sed -n 's/.*"lastModified":"\([^"]*\)".*/\1/p')
  expect "adding a member" 204 \
    "$(status_of PATCH "/Groups/$group" "$(patch '{"op":"add","path":"members","value":[{"value":"%s"}]}' "$id")")"
  expect "what changed since" 1 "$(scim GET "/Groups?filter=meta.lastModified%20ge%20%22$since%22" | grep -c "\"value\":\"$id\"")"
  expect "removing it by a filter" 204 \
    "$(status_of PATCH "/Groups/$group" "$(patch '{"op":"remove","path":"members[value eq \\"%s\\"]"}' "$id")")"
  expect "the group is empty again" 0 "$(scim GET "/Groups/$group" | grep -c '"members"' || true)"

  kill -KILL "$LAB_SCIM_PID"
  lab/scim.sh up "$WORK/scim"
  expect "what it holds after kill -9, at the same address" '{"users":2,"groups":1}' "$(curl --noproxy '*' -s "$LAB_SCIM_CONTROL_URL/__count")"
  expect "read back whole" 3 "$(curl --noproxy '*' -s "$LAB_SCIM_CONTROL_URL/__all" | wc -l)"
}

as_administrator() {
  ldapsearch -x -LLL -o ldif-wrap=no -H "$LAB_AD_LDAPS_URL" -D "$LAB_AD_ADMIN" -y "$LAB_AD_ADMIN_PASSWORD_FILE" -b "$LAB_AD_BASE" "$@"
}

check_samba() {
  if [ "$(id -u)" -ne 0 ]; then
    echo "skipped: a domain controller needs root"
    return
  fi
  local hosts
  hosts=$(cat /etc/hosts)
  lab/samba.sh up "$WORK/dc"
  # shellcheck disable=SC1091
  . "$WORK/dc/env.sh"
  export LDAPTLS_CACERT=$LAB_AD_CA
  expect "the administrator over LDAPS" 1 "$(as_administrator '(sAMAccountName=Administrator)' 1.1 | entries)"
  refused "a password in clear text" \
    ldapsearch -x -H "$LAB_AD_URL" -D "$LAB_AD_ADMIN" -y "$LAB_AD_ADMIN_PASSWORD_FILE" -b "$LAB_AD_BASE" -s base 1.1
  lab/samba.sh down "$WORK/dc"
  expect "stopped is said by the exit status" 3 "$(lab/samba.sh status "$WORK/dc" >/dev/null; echo $?)"
  lab/samba.sh up "$WORK/dc"
  expect "the same address after a restart" "$LAB_AD_ADDRESS" "$(sed -n "s/^export LAB_AD_ADDRESS='\(.*\)'/\1/p" "$WORK/dc/env.sh")"
  lab/samba.sh remove "$WORK/dc"
  expect "/etc/hosts as it was" "$hosts" "$(grep -vF "# linkspan lab" /etc/hosts; grep -F "# linkspan lab" <<<"$hosts" || true)"
}

check_organisation
check_slapd
check_postgresql
check_scim
check_samba
for server in slapd:ldap postgresql:pg scim:scim; do
  "lab/${server%:*}.sh" down "$WORK/${server#*:}"
  expect "${server%:*} is gone" 3 "$("lab/${server%:*}.sh" status "$WORK/${server#*:}" >/dev/null; echo $?)"
done
