#!/usr/bin/env bash
# A private PostgreSQL 15 cluster on loopback: passwords by SCRAM over TCP, TLS by an authority of its own, no trust.
#
#   lab/postgresql.sh up DIR           starts it, making the cluster first when there is none
#   lab/postgresql.sh role DIR NAME    makes a role and a database of that name which is all it owns
#   lab/postgresql.sh standby DIR OF   a streaming standby in DIR of the running cluster in OF, which waits for it from
#                                      now on with every commit; it knows the roles made before
#   lab/postgresql.sh promote DIR      makes a standby a primary
#   lab/postgresql.sh down DIR         stops it, keeps the data
#   lab/postgresql.sh crash DIR        kills it with all its processes, as a kernel would; `up` recovers
#   lab/postgresql.sh status DIR       exit status 0 = running, 3 = not
#   lab/postgresql.sh remove DIR       stops it and removes DIR
#
# `up` writes DIR/env.sh: LAB_PG_URL (superuser, no password in it), LAB_PG_HOST, LAB_PG_PORT, LAB_PG_USER,
# LAB_PG_PASSWORD_FILE, LAB_PG_PASSFILE (libpq's passfile, holds every role made here), LAB_PG_CA, LAB_PG_BIN, LAB_PG_PID.
# `role` writes DIR/role-NAME.sh: LAB_ROLE_URL, LAB_ROLE_NAME, LAB_ROLE_DATABASE, LAB_ROLE_PASSWORD_FILE.
# Started by root it runs as the user postgres. A restart keeps the port. Environment, all optional:
#   LAB_PG_PORT    the port (default: a free one)
#   LAB_FAST=1     no fsync: for tests which do not pull the plug
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" && LAB_HERE=$PWD && cd - >/dev/null
# shellcheck source=lab/common.sh
. "$LAB_HERE/common.sh"
BIN=/usr/lib/postgresql/15/bin

# The server refuses to run as root; everything that touches its files runs as its own user then.
as_server() {
  if [ "$(id -u)" -eq 0 ]; then
    setpriv --reuid postgres --regid postgres --init-groups -- env HOME=/ "$@" 9>&-
  else
    "$@" 9>&-
  fi
}

# The cluster's folder; a link to one under /tmp when the server's user cannot get into DIR (a root-only parent).
choose_data() {
  if [ ! -e "$DIR/data" ]; then
    if [ "$(id -u)" -ne 0 ]; then
      (umask 077 && mkdir "$DIR/data")
    elif (cd / && as_server test -x "$DIR"); then
      install -d -m 700 -o postgres -g postgres "$DIR/data"
    else
      local outside
      outside=$(mktemp -d "/tmp/linkspan-postgresql.XXXXXX")
      chown postgres:postgres "$outside"
      ln -s "$outside" "$DIR/data"
    fi
  fi
  DATA=$(readlink -f "$DIR/data")
}

make_cluster() {
  [ ! -s "$DATA/PG_VERSION" ] || return 0
  lab_password "$DIR/admin.password"
  lab_certificate "$DIR/tls"
  # The password file is not the server's to read, and initdb takes no pipe: a copy of its own for a moment.
  local copy
  copy=$(as_server mktemp /tmp/linkspan-initdb.XXXXXX)
  as_server sh -c "cat >'$copy'" <"$DIR/admin.password"
  as_server "$BIN/initdb" -D "$DATA" -U postgres -E UTF8 --locale=C.UTF-8 -A scram-sha-256 --no-instructions \
    --pwfile="$copy" </dev/null >"$DIR/initdb.log" 2>&1 || {
    rm -f "$copy"
    lab_fail "initdb failed" "see $DIR/initdb.log"
  }
  rm -f "$copy"
  as_server sh -c "umask 077 && cat >'$DATA/server.key'" <"$DIR/tls/server.key"
  as_server sh -c "cat >'$DATA/server.crt'" <"$DIR/tls/server.pem"
}

# What the standby knows of its primary stands apart, since configure() writes postgresql.auto.conf. Its user cannot read
# the authority's file where only root may; within loopback `require` will do.
copy_cluster() {
  [ ! -s "$DATA/PG_VERSION" ] || return 0
  local of=$1
  cp -r "$of/tls" "$of/passfile" "$of"/*.password "$DIR/"
  local primary
  primary="host=$LAB_HOST port=$(cat "$of/port") user=postgres sslmode=require"
  PGPASSWORD=$(cat "$of/admin.password") "$BIN/pg_basebackup" -D "$DATA" -X stream -c fast -d "$primary" \
    >"$DIR/basebackup.log" 2>&1 || lab_fail "pg_basebackup failed" "see $DIR/basebackup.log"
  (umask 077 && printf "primary_conninfo = '%s password=%s'\n" "$primary" "$(cat "$of/admin.password")" >"$DATA/standby.conf")
  printf "include_if_exists = 'standby.conf'\n" >>"$DATA/postgresql.conf"
  touch "$DATA/standby.signal"
  [ "$(id -u)" -ne 0 ] || chown -R postgres:postgres "$DATA"
}

# Written at each start: port and LAB_FAST may differ from last time. No unix socket: its path might be too long.
configure() {
  local sync=on
  [ "${LAB_FAST:-0}" != 1 ] || sync=off
  as_server sh -c "cat >'$DATA/postgresql.auto.conf'" <<CONF
listen_addresses = '$LAB_HOST'
port = $1
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
ssl = on
fsync = $sync
synchronous_commit = $sync
full_page_writes = $sync
shared_buffers = '128MB'
max_wal_size = '2GB'
max_connections = 100
cluster_name = 'linkspan lab'
CONF
}

# True once it takes connections; false when it ended (the port was taken) or after 60 seconds.
start_once() {
  configure "$1"
  (cd / && as_server "$BIN/pg_ctl" -D "$DATA" -l "$DATA/server.log" -w -t 60 start) </dev/null >/dev/null 2>&1
}

server_pid() { lab_pid "$DATA/postmaster.pid" "$DATA"; }

query() { query_in "$DIR" "$@"; }
query_in() {
  local of=$1
  shift
  PGPASSFILE=$of/passfile psql -X -q -v ON_ERROR_STOP=1 -At \
    "host=$LAB_HOST port=$(cat "$of/port") user=postgres dbname=postgres sslmode=verify-full sslrootcert=$of/tls/ca.pem" "$@"
}

# remember ROLE PASSWORD_FILE: a line of the passfile, replacing the role's earlier one.
remember() {
  touch "$DIR/passfile" && chmod 600 "$DIR/passfile"
  { grep -v ":$1:[^:]*\$" "$DIR/passfile" || true
    printf '%s:*:*:%s:%s\n' "$LAB_HOST" "$1" "$(cat "$2")"; } >"$DIR/passfile.tmp"
  chmod 600 "$DIR/passfile.tmp"
  mv "$DIR/passfile.tmp" "$DIR/passfile"
}

url() { printf 'postgresql://%s@%s:%s/%s?sslmode=verify-full&sslrootcert=%s' "$1" "$LAB_HOST" "$(cat "$DIR/port")" "$2" "$DIR/tls/ca.pem"; }

up() {
  [ -x "$BIN/initdb" ] || lab_fail "PostgreSQL 15 is not installed" "apt-get install postgresql-15"
  lab_need psql postgresql-client-15
  lab_need openssl openssl
  choose_data
  if server_pid >/dev/null; then
    lab_say "PostgreSQL is up already ($DIR)"
    return
  fi
  make_cluster
  remember postgres "$DIR/admin.password"
  local try port
  for try in 1 2 3 4 5; do
    if [ -n "${LAB_PG_PORT:-}" ]; then
      port=$LAB_PG_PORT
    elif [ "$try" -le 3 ] && [ -s "$DIR/port" ]; then
      port=$(cat "$DIR/port") # clients of before the restart find it again
    else
      port=$(lab_free_ports 1)
    fi
    if start_once "$port"; then
      printf '%s\n' "$port" >"$DIR/port"
      announce
      return
    fi
  done
  as_server tail -n 5 "$DATA/server.log" >&2
  lab_fail "PostgreSQL does not start" "see $DATA/server.log"
}

announce() {
  local pid port
  pid=$(server_pid) || lab_fail "PostgreSQL ended right after its start" "see $DATA/server.log"
  port=$(cat "$DIR/port")
  query -c 'select 1' >/dev/null || lab_fail "PostgreSQL is up but refuses its own superuser" "see $DATA/server.log"
  lab_env "$DIR/env.sh" \
    LAB_PG_URL "$(url postgres postgres)" LAB_PG_HOST "$LAB_HOST" LAB_PG_PORT "$port" LAB_PG_USER postgres \
    LAB_PG_PASSWORD_FILE "$DIR/admin.password" LAB_PG_PASSFILE "$DIR/passfile" LAB_PG_CA "$DIR/tls/ca.pem" \
    LAB_PG_BIN "$BIN" LAB_PG_PID "$pid"
  lab_say "PostgreSQL is up: $LAB_HOST:$port (pid $pid)"
}

role() {
  local name=$1 password=$DIR/role-$1.password
  case $name in '' | *[!a-z0-9_]*) lab_fail "a role's name is made of a-z, 0-9 and _" ;; esac
  choose_data
  server_pid >/dev/null || lab_fail "PostgreSQL is not running in $DIR" "lab/postgresql.sh up $DIR"
  lab_password "$password"
  if [ "$(query -c "select count(*) from pg_roles where rolname = '$name'")" = 0 ]; then
    query -c "create role $name login nosuperuser nocreatedb nocreaterole"
  fi
  # On standard input, so that no process list shows the password.
  printf "alter role %s password '%s';\n" "$name" "$(cat "$password")" | query
  if [ "$(query -c "select count(*) from pg_database where datname = '$name'")" = 0 ]; then
    query -c "create database $name owner $name template template0 encoding 'UTF8'"
    query -c "revoke all on database $name from public"
  fi
  remember "$name" "$password"
  lab_env "$DIR/role-$name.sh" LAB_ROLE_URL "$(url "$name" "$name")" LAB_ROLE_NAME "$name" \
    LAB_ROLE_DATABASE "$name" LAB_ROLE_PASSWORD_FILE "$password"
  lab_say "role and database $name are there"
}

# SIGINT is PostgreSQL's fast stop: open connections are cut, everything is written.
down() {
  choose_data
  lab_stop "$DATA/postmaster.pid" "$DATA" INT
  lab_say "PostgreSQL is down ($DIR)"
}

# The server itself first, so that it cannot see its children die and set things right.
crash() {
  choose_data
  local pid children
  pid=$(server_pid) || lab_fail "PostgreSQL is not running in $DIR" "lab/postgresql.sh up $DIR"
  kill -s STOP "$pid"
  children=$(ps -o pid= --ppid "$pid")
  # shellcheck disable=SC2086 # one word each
  kill -s KILL "$pid" $children 2>/dev/null || true
  for pid in $pid $children; do
    lab_wait 20 lab_dead "$pid" || lab_fail "process $pid cannot be ended"
  done
  # An unburied process keeps its id, which PostgreSQL would take for a running server.
  rm -f "$DATA/postmaster.pid"
  lab_say "PostgreSQL was killed ($DIR)"
}
# Buried, or waiting for it.
lab_dead() { case $(ps -o stat= -p "$1" 2>/dev/null) in '' | Z*) ;; *) return 1 ;; esac; }

status() {
  choose_data
  local pid
  pid=$(server_pid) || { lab_say "PostgreSQL is not running ($DIR)"; exit 3; }
  lab_say "PostgreSQL runs: pid $pid, $LAB_HOST:$(cat "$DIR/port")"
}

remove() {
  down
  rm -rf "$DATA" "$DIR"
}

standby() {
  [ -s "$1/env.sh" ] || lab_fail "$1 has no running cluster" "lab/postgresql.sh up $1"
  choose_data
  copy_cluster "$1"
  up
  local of
  of=$(cd "$1" && pwd)
  query_in "$of" -c "alter system set synchronous_standby_names = '*'" -c "select pg_reload_conf()" >/dev/null
  lab_wait 30 is_followed "$of" || lab_fail "the standby does not follow" "see $DATA/server.log"
}
is_followed() { [ "$(query_in "$1" -c "select count(*) from pg_stat_replication where sync_state = 'sync'")" = 1 ]; }

promote() {
  choose_data
  (cd / && as_server "$BIN/pg_ctl" -D "$DATA" -w -t 60 promote) >/dev/null || lab_fail "it cannot be promoted" "see $DATA/server.log"
  lab_say "PostgreSQL is primary now ($DIR)"
}

usage() { lab_fail "usage: postgresql.sh up DIR | role DIR NAME | standby DIR OF | promote DIR | down DIR | crash DIR | status DIR | remove DIR"; }

[ $# -ge 2 ] || usage
case $1 in
  up) DIR=$(lab_folder "$2") && lab_lock "$DIR" && up ;;
  role) [ $# -eq 3 ] || usage; DIR=$(lab_folder "$2") && lab_lock "$DIR" && role "$3" ;;
  standby) [ $# -eq 3 ] || usage; DIR=$(lab_folder "$2") && lab_lock "$DIR" && standby "$3" ;;
  promote) DIR=$(lab_folder "$2") && lab_lock "$DIR" && promote ;;
  down | crash | status | remove)
    [ -d "$2/data" ] || { lab_say "PostgreSQL is not running ($2 has no cluster)"; [ "$1" != status ] || exit 3; exit 0; }
    DIR=$(lab_folder "$2")
    [ "$1" = status ] || lab_lock "$DIR"
    "$1"
    ;;
  *) usage ;;
esac
