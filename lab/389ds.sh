#!/usr/bin/env bash
# A private 389 Directory Server on loopback: content synchronization (RFC 4533) over the retro changelog, memberOf.
# Made from the package's own template, without dscreate: that wants systemd, or an account that is not root's.
#
#   lab/389ds.sh up DIR [LDIF]    starts it; adds the LDIF when the database is new
#   lab/389ds.sh down DIR         stops it, keeps the data
#   lab/389ds.sh status DIR       exit status 0 = running, 3 = not
#   lab/389ds.sh remove DIR       stops it and removes DIR
#
# `up` writes DIR/env.sh: LAB_389_URL, LAB_389_BASE, LAB_389_BIND_DN and LAB_389_PASSWORD_FILE (the read-only service
# account), LAB_389_ADMIN_DN and LAB_389_ADMIN_PASSWORD_FILE, LAB_389_PID. It speaks no TLS.
# A restart keeps the port and the passwords. Environment, all optional:
#   LAB_389_BASE   the suffix (default: the first dn of the LDIF, else dc=northquay,dc=example)
#   LAB_389_PORT   (default: a free one)
#   LAB_389_SYNC   0 = without content synchronization and changelog
#   LAB_389_WRITES 1 = the service account may write everything
#   LAB_FAST=1     no fsync: for tests which do not pull the plug
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" && LAB_HERE=$PWD && cd - >/dev/null
# shellcheck source=lab/common.sh
. "$LAB_HERE/common.sh"
PATH=$PATH:/usr/sbin
DATA=/usr/share/dirsrv/data

choose_base() {
  [ ! -s "$DIR/base" ] || { cat "$DIR/base"; return; }
  if [ -n "${LAB_389_BASE:-}" ]; then
    printf '%s' "$LAB_389_BASE"
  elif [ -n "$LDIF" ]; then
    sed -n '/^dn: /{s///p;q}' "$LDIF"
  else
    printf 'dc=northquay,dc=example'
  fi
}

write_configuration() {
  mkdir -p "$DIR"/{lock,tmp,cert,ldif,bak,run,inst,log,db} "$DIR/config/schema"
  cp /etc/dirsrv/config/*.conf "$DIR/config/"
  cp /etc/dirsrv/schema/99user.ldif "$DIR/config/schema/"
  # Its caches would grow to a quarter of the machine's memory.
  (umask 077 && python3 - "$DIR" "$1" "$BASE" "$ADMIN_DN" "$(id -un)" "${LAB_389_SYNC:-1}" "${LAB_FAST:-0}" \
    "$DATA/template-dse.ldif" >"$DIR/config/dse.ldif") <<'PY'
import base64, hashlib, os, re, sys
folder, port, base, admin, user, sync, fast, template = sys.argv[1:]
salt = os.urandom(8)
password = open(f"{folder}/admin.password", "rb").read()
hashed = "{SSHA512}" + base64.b64encode(hashlib.sha512(password + salt).digest() + salt).decode()
values = {name + "_dir": f"{folder}/{name}" for name in ("lock", "tmp", "cert", "ldif", "bak", "run", "inst", "log", "db")}
values |= {"schema_dir": f"{folder}/config/schema", "config_dir": f"{folder}/config", "db_home_dir": f"{folder}/db",
           "db_lib": "bdb", "fqdn": "localhost", "ds_port": port, "ds_user": user, "rootdn": admin, "ds_suffix": base,
           "ldapi": f"{folder}/ldapi", "ldapi_enabled": "off", "ldapi_autobind": "off",
           "ds_passwd": hashed}
text = re.sub(r"%(\w+)%", lambda found: values[found[1]], open(template).read())
wanted = ["cn=MemberOf Plugin,"] + ["cn=Content Synchronization,", "cn=Retro Changelog Plugin,"] * (sync == "1")
more = {"cn=config\n": "nsslapd-listenhost: 127.0.0.1",
        "cn=Retro Changelog Plugin,": "nsslapd-attribute: nsuniqueid:targetUniqueId",
        "cn=config,cn=ldbm database,": "nsslapd-cache-autosize: 0"
                                       + "\nnsslapd-db-durable-transaction: off" * (fast == "1")}
entries = []
for entry in text.strip().split("\n\n"):
    if any(entry.startswith("dn: " + name) for name in wanted):
        entry = re.sub(r"(?i)(nsslapd-pluginEnabled: )off", r"\1on", entry)
    for name, lines in more.items():
        if entry.startswith("dn: " + name):
            entry = entry.rstrip("\n") + "\n" + lines
    entries.append(entry.strip("\n"))
print("\n\n".join(entries) + "\n")
PY
}

as_admin() {
  local program=$1
  shift
  "$program" -x -H "ldap://$LAB_HOST:$PORT" -D "$ADMIN_DN" -y "$DIR/admin.password" "$@"
}

# The suffix, and the account that the sync reads as: everything but passwords, and it writes nothing.
fill() {
  local rights='read,search,compare' moves='read'
  [ "${LAB_389_WRITES:-0}" != 1 ] || { rights="$rights,add,write,delete"; moves='moddn'; }
  as_admin ldapadd >/dev/null <<LDIF
dn: cn=userRoot,cn=ldbm database,cn=plugins,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsBackendInstance
cn: userRoot
nsslapd-suffix: $BASE

dn: cn="$BASE",cn=mapping tree,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsMappingTree
cn: $BASE
nsslapd-state: backend
nsslapd-backend: userRoot
LDIF
  if [ -n "$LDIF" ]; then
    as_admin ldapadd -f "$LDIF" >/dev/null || lab_fail "the server refused $LDIF"
  else
    as_admin ldapadd >/dev/null <<LDIF
dn: $BASE
objectClass: top
objectClass: domain
dc: $(printf '%s' "$BASE" | sed 's/^[^=]*=\([^,]*\).*/\1/')
LDIF
  fi
  as_admin ldapmodify >/dev/null <<LDIF
dn: $BIND_DN
changetype: add
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: linkspan
description: Read-only account of the synchronization
userPassword: $(cat "$DIR/linkspan.password")

dn: $BASE
changetype: modify
add: aci
aci: (targetattr!="userPassword || aci")(version 3.0; acl "synchronization"; allow (${rights}) userdn="ldap:///$BIND_DN";)
aci: (target_from="ldap:///$BASE")(target_to="ldap:///$BASE")(version 3.0; acl "moves"; allow (${moves}) userdn="ldap:///$BIND_DN";)
LDIF
}

answers() { ldapsearch -x -H "ldap://$LAB_HOST:$PORT" -s base -b '' 1.1; }

# True once it answers; false at once when it ended (the port was taken), or after 60 seconds.
start_once() {
  rm -f "$DIR/run/slapd.pid"
  # -d keeps it in the foreground, so that $! is the server itself.
  setsid ns-slapd -D "$DIR/config" -i "$DIR/run/slapd.pid" -d 0 </dev/null >>"$DIR/slapd.log" 2>&1 9>&- &
  local child=$! end=$((SECONDS + 60))
  until answers >/dev/null 2>&1 && lab_pid "$DIR/run/slapd.pid" "$DIR/config" >/dev/null; do
    kill -0 "$child" 2>/dev/null || return 1
    [ "$SECONDS" -lt "$end" ] || { kill "$child"; return 1; }
    sleep 0.05
  done
}

start() {
  local try
  for try in 1 2 3 4 5; do
    if [ -n "${LAB_389_PORT:-}" ]; then
      PORT=$LAB_389_PORT
    elif [ "$try" -le 3 ] && [ -s "$DIR/port" ]; then
      PORT=$(cat "$DIR/port") # clients of before the restart find it again
    else
      PORT=$(lab_free_ports 1)
    fi
    if [ -s "$DIR/config/dse.ldif" ]; then
      sed -i "s/^nsslapd-port: .*/nsslapd-port: $PORT/" "$DIR/config/dse.ldif"
    else
      write_configuration "$PORT"
    fi
    if start_once; then
      printf '%s' "$PORT" >"$DIR/port"
      return
    fi
  done
  tail -n 5 "$DIR/log/errors" "$DIR/slapd.log" >&2
  lab_fail "389 Directory Server does not start" "see $DIR/log/errors"
}

up() {
  lab_need ns-slapd 389-ds-base
  lab_need ldapsearch ldap-utils
  lab_need openssl openssl
  if lab_pid "$DIR/run/slapd.pid" "$DIR/config" >/dev/null; then
    lab_say "389 Directory Server is up already ($DIR)"
    return
  fi
  BASE=$(choose_base)
  [ -n "$BASE" ] || lab_fail "no suffix found in $LDIF" "set LAB_389_BASE"
  ADMIN_DN='cn=Directory Manager'
  BIND_DN="cn=linkspan,$BASE"
  lab_password "$DIR/admin.password"
  lab_password "$DIR/linkspan.password"
  start
  if [ ! -s "$DIR/base" ]; then
    fill
    printf '%s' "$BASE" >"$DIR/base"
  fi
  local pid
  pid=$(lab_pid "$DIR/run/slapd.pid" "$DIR/config") || lab_fail "it ended right after its start" "see $DIR/log/errors"
  lab_env "$DIR/env.sh" \
    LAB_389_URL "ldap://$LAB_HOST:$PORT" LAB_389_BASE "$BASE" \
    LAB_389_BIND_DN "$BIND_DN" LAB_389_PASSWORD_FILE "$DIR/linkspan.password" \
    LAB_389_ADMIN_DN "$ADMIN_DN" LAB_389_ADMIN_PASSWORD_FILE "$DIR/admin.password" LAB_389_PID "$pid"
  lab_say "389 Directory Server is up: ldap://$LAB_HOST:$PORT $BASE (pid $pid)"
}

down() {
  lab_stop "$DIR/run/slapd.pid" "$DIR/config"
  lab_say "389 Directory Server is down ($DIR)"
}

status() {
  local pid
  pid=$(lab_pid "$DIR/run/slapd.pid" "$DIR/config") || { lab_say "389 Directory Server is not running ($DIR)"; exit 3; }
  lab_say "389 Directory Server runs: pid $pid, $(sed -n "s/^export LAB_389_URL='\(.*\)'/\1/p" "$DIR/env.sh")"
}

usage() { lab_fail "usage: 389ds.sh up DIR [LDIF] | down DIR | status DIR | remove DIR"; }

[ $# -ge 2 ] || usage
LDIF=${3:-}
case $1 in
  up) DIR=$(lab_folder "$2") && lab_lock "$DIR" && up ;;
  down | status | remove)
    [ -d "$2" ] || { lab_say "389 Directory Server is not running ($2 is not there)"; [ "$1" != status ] || exit 3; exit 0; }
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
