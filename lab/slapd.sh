#!/usr/bin/env bash
# A private OpenLDAP server on loopback: mdb, syncprov (RFC 4533 refresh), TLS by an authority of its own, ldapi.
#
#   lab/slapd.sh up DIR [LDIF]    starts it; loads the LDIF first when the database is empty
#   lab/slapd.sh down DIR         stops it, keeps the data
#   lab/slapd.sh status DIR       exit status 0 = running, 3 = not
#   lab/slapd.sh remove DIR       stops it and removes DIR
#
# `up` writes DIR/env.sh: LAB_LDAP_URL, LAB_LDAPS_URL, LAB_LDAPI_URL (empty when DIR's path is too long for a socket),
# LAB_LDAP_BASE, LAB_LDAP_BIND_DN and LAB_LDAP_PASSWORD_FILE (the read-only service account),
# LAB_LDAP_ADMIN_DN and LAB_LDAP_ADMIN_PASSWORD_FILE, LAB_LDAP_CA, LAB_LDAP_PID.
# A restart keeps ports and passwords. Environment, all optional:
#   LAB_LDAP_BASE      the suffix (default: the first dn of the LDIF, else dc=northquay,dc=example)
#   LAB_LDAP_PORTS     "PLAIN TLS" (default: two free ones)
#   LAB_LDAP_MAXSIZE   most bytes the database may take (default 4 GiB; the file is sparse)
#   LAB_LDAP_SIZELIMIT entries per search (default unlimited)
#   LAB_FAST=1         no fsync: for tests which do not pull the plug
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" && LAB_HERE=$PWD && cd - >/dev/null
# shellcheck source=lab/common.sh
. "$LAB_HERE/common.sh"
PATH=$PATH:/usr/sbin # where Debian keeps slapd, and where an ordinary user's PATH does not look

choose_base() {
  [ ! -s "$DIR/base" ] || { cat "$DIR/base"; return; }
  if [ -n "${LAB_LDAP_BASE:-}" ]; then
    printf '%s' "$LAB_LDAP_BASE"
  elif [ -n "$LDIF" ]; then
    # sed -n '…p;q' reads no further than it must; an LDIF may be large.
    sed -n '/^dn: /{s///p;q}' "$LDIF"
  else
    printf 'dc=northquay,dc=example'
  fi
}

# An enforced AppArmor profile (Ubuntu ships one) ties /usr/sbin/slapd to /var/lib/ldap; a private copy is free of it.
choose_binary() {
  if grep -q slapd /sys/kernel/security/apparmor/profiles 2>/dev/null; then
    cp "$(command -v slapd)" "$DIR/slapd"
    printf '%s' "$DIR/slapd"
  else
    command -v slapd
  fi
}

write_configuration() {
  local nosync=''
  [ "${LAB_FAST:-0}" != 1 ] || nosync='dbnosync'
  (umask 077 && cat >"$DIR/slapd.conf") <<CONF
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile "$DIR/slapd.pid"
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
TLSCACertificateFile "$DIR/tls/ca.pem"
TLSCertificateFile "$DIR/tls/server.pem"
TLSCertificateKeyFile "$DIR/tls/server.key"
sizelimit ${LAB_LDAP_SIZELIMIT:-unlimited}
timelimit unlimited
access to dn.base="" by * read
access to dn.subtree="cn=Subschema" by * read

database mdb
suffix "$BASE"
rootdn "$ADMIN_DN"
rootpw $(slappasswd -n -T "$DIR/admin.password")
directory "$DIR/db"
maxsize ${LAB_LDAP_MAXSIZE:-4294967296}
$nosync
index objectClass,entryCSN,entryUUID,uid,mail,employeeNumber,employeeType,manager,member,cn,sn eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="$BIND_DN" read by * none
overlay syncprov
syncprov-checkpoint 1000 10
syncprov-sessionlog 10000
CONF
}

load_ldif() {
  [ -z "$LDIF" ] && return
  [ -r "$LDIF" ] || lab_fail "cannot read $LDIF"
  local begin=$SECONDS
  # -q skips checks meant for foreign data and the log; a load cut short is thrown away whole.
  "$SLAPD" -T add -q -f "$DIR/slapd.conf" -b "$BASE" -l "$LDIF" >"$DIR/slapadd.log" 2>&1 || {
    rm -f "$DIR"/db/*.mdb
    lab_fail "slapadd refused $LDIF" "see $DIR/slapadd.log"
  }
  lab_say "loaded $LDIF in $((SECONDS - begin)) s"
}

# The sync reads as this account; it may read everything but passwords, and write nothing.
ensure_service_account() {
  local search=(ldapsearch -x -LLL -H "ldap://$LAB_HOST:$PORT" -D "$ADMIN_DN" -y "$DIR/admin.password" -s base)
  if ! "${search[@]}" -b "$BASE" 1.1 >/dev/null 2>&1; then
    ldapadd -x -H "ldap://$LAB_HOST:$PORT" -D "$ADMIN_DN" -y "$DIR/admin.password" >/dev/null <<LDIF
dn: $BASE
objectClass: dcObject
objectClass: organization
o: Linkspan lab
dc: $(printf '%s' "$BASE" | sed 's/^[^=]*=\([^,]*\).*/\1/')
LDIF
  fi
  if ! "${search[@]}" -b "$BIND_DN" 1.1 >/dev/null 2>&1; then
    ldapadd -x -H "ldap://$LAB_HOST:$PORT" -D "$ADMIN_DN" -y "$DIR/admin.password" >/dev/null <<LDIF
dn: $BIND_DN
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: linkspan
description: Read-only account of the synchronization
userPassword: $(slappasswd -n -T "$DIR/linkspan.password")
LDIF
  fi
}

answers() { ldapsearch -x -H "ldap://$LAB_HOST:$PORT" -s base -b '' 1.1; }

# True once it answers; false at once when it ended (a port was taken), or after 30 seconds.
start_once() {
  local listen="ldap://$LAB_HOST:$PORT/ ldaps://$LAB_HOST:$TLS_PORT/"
  [ -z "$LDAPI_URL" ] || listen="$listen $LDAPI_URL"
  rm -f "$DIR/slapd.pid"
  # -d keeps it in the foreground, so that $! is the server itself; `none` logs only what must be said.
  setsid "$SLAPD" -d none -f "$DIR/slapd.conf" -h "$listen" </dev/null >>"$DIR/slapd.log" 2>&1 9>&- &
  local child=$! end=$((SECONDS + 30))
  until answers >/dev/null 2>&1 && lab_pid "$DIR/slapd.pid" "$DIR/slapd.conf" >/dev/null; do
    kill -0 "$child" 2>/dev/null || return 1
    [ "$SECONDS" -lt "$end" ] || { kill "$child"; return 1; }
    sleep 0.05
  done
}

start() {
  local try
  for try in 1 2 3 4 5; do
    if [ -n "${LAB_LDAP_PORTS:-}" ]; then
      read -r PORT TLS_PORT <<<"$LAB_LDAP_PORTS"
    elif [ "$try" -le 3 ] && [ -s "$DIR/ports" ]; then
      read -r PORT TLS_PORT <"$DIR/ports" # clients of before the restart find it again
    else
      read -r PORT TLS_PORT <<<"$(lab_free_ports 2)"
    fi
    if start_once; then
      printf '%s %s\n' "$PORT" "$TLS_PORT" >"$DIR/ports"
      return
    fi
  done
  tail -n 5 "$DIR/slapd.log" >&2
  lab_fail "slapd does not start" "see $DIR/slapd.log"
}

up() {
  lab_need slapd slapd
  lab_need ldapsearch ldap-utils
  lab_need openssl openssl
  if lab_pid "$DIR/slapd.pid" "$DIR/slapd.conf" >/dev/null; then
    lab_say "slapd is up already ($DIR)"
    return
  fi
  (umask 077 && mkdir -p "$DIR/db")
  BASE=$(choose_base)
  [ -n "$BASE" ] || lab_fail "no suffix found in $LDIF" "set LAB_LDAP_BASE"
  ADMIN_DN="cn=admin,$BASE"
  BIND_DN="cn=linkspan,$BASE"
  SLAPD=$(choose_binary)
  LDAPI_URL=''
  # 107 bytes is the longest path a unix socket can have on Linux.
  [ "${#DIR}" -gt 95 ] || LDAPI_URL="ldapi://$(printf '%s/ldapi' "$DIR" | sed 's|%|%25|g; s|/|%2F|g; s| |%20|g')"
  lab_password "$DIR/admin.password"
  lab_password "$DIR/linkspan.password"
  lab_certificate "$DIR/tls"
  write_configuration
  [ -e "$DIR/db/data.mdb" ] || load_ldif
  printf '%s' "$BASE" >"$DIR/base"
  start
  ensure_service_account
  local pid
  pid=$(lab_pid "$DIR/slapd.pid" "$DIR/slapd.conf") || lab_fail "slapd ended right after its start" "see $DIR/slapd.log"
  lab_env "$DIR/env.sh" \
    LAB_LDAP_URL "ldap://$LAB_HOST:$PORT" LAB_LDAPS_URL "ldaps://$LAB_HOST:$TLS_PORT" LAB_LDAPI_URL "$LDAPI_URL" \
    LAB_LDAP_BASE "$BASE" LAB_LDAP_BIND_DN "$BIND_DN" LAB_LDAP_PASSWORD_FILE "$DIR/linkspan.password" \
    LAB_LDAP_ADMIN_DN "$ADMIN_DN" LAB_LDAP_ADMIN_PASSWORD_FILE "$DIR/admin.password" \
    LAB_LDAP_CA "$DIR/tls/ca.pem" LAB_LDAP_PID "$pid"
  lab_say "slapd is up: ldap://$LAB_HOST:$PORT ldaps://$LAB_HOST:$TLS_PORT $BASE (pid $pid)"
}

down() {
  lab_stop "$DIR/slapd.pid" "$DIR/slapd.conf"
  lab_say "slapd is down ($DIR)"
}

status() {
  local pid
  pid=$(lab_pid "$DIR/slapd.pid" "$DIR/slapd.conf") || { lab_say "slapd is not running ($DIR)"; exit 3; }
  lab_say "slapd runs: pid $pid, $(sed -n "s/^export LAB_LDAP_URL='\(.*\)'/\1/p" "$DIR/env.sh")"
}

usage() { lab_fail "usage: slapd.sh up DIR [LDIF] | down DIR | status DIR | remove DIR"; }

[ $# -ge 2 ] || usage
LDIF=${3:-}
case $1 in
  up) DIR=$(lab_folder "$2") && lab_lock "$DIR" && up ;;
  down | status | remove)
    [ -d "$2" ] || { lab_say "slapd is not running ($2 is not there)"; [ "$1" != status ] || exit 3; exit 0; }
    DIR=$(lab_folder "$2")
    [ "$1" = status ] || lab_lock "$DIR"
    case $1 in
      down) down ;;
      status) status ;;
      remove) down && rm -rf "$DIR" ;;
    esac
    ;;
  *) usage ;;
esac
