#!/usr/bin/env bash
# Three PostgreSQL servers under Patroni with etcd, on loopback: when the leader dies, another takes over by itself.
#
#   lab/patroni.sh up DIR           starts all of it, making the cluster first when there is none
#   lab/patroni.sh role DIR NAME    makes a role and a database of that name which is all it owns
#   lab/patroni.sh status DIR       who leads; exit status 0 = a leader takes writes, 3 = none does
#   lab/patroni.sh leader DIR       prints the number of the node that leads
#   lab/patroni.sh kill-leader DIR  kill -9 of Patroni and of every PostgreSQL process of the leader; prints its number
#   lab/patroni.sh start DIR N      starts node N again
#   lab/patroni.sh down DIR         stops everything, keeps the data
#   lab/patroni.sh remove DIR       stops everything and removes DIR
#
# `up` writes DIR/env.sh: LAB_PATRONI_URL (superuser, all three hosts, no password in it), LAB_PATRONI_PASSFILE.
# `role` writes DIR/role-NAME.sh: LAB_ROLE_URL (all three hosts), LAB_ROLE_NAME, LAB_ROLE_PASSWORD_FILE.
# Replication is synchronous (Patroni's synchronous_mode), so that no commit that was answered is lost by a failover.
# A leader that vanished is replaced within ttl (15 s) and a little. Started by root it runs as the user postgres.
# Debian's packages: patroni, etcd-server, etcd-client, postgresql-15.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" && LAB_HERE=$PWD && cd - >/dev/null
# shellcheck source=lab/common.sh
. "$LAB_HERE/common.sh"
BIN=/usr/lib/postgresql/15/bin
NODES=(1 2 3)

# AS: before what runs as the server's user. No function, so that $! is the server itself.
choose_user() {
  AS=(env "HOME=$DATA")
  [ "$(id -u)" -ne 0 ] || AS=(setpriv --reuid postgres --regid postgres --init-groups -- env "HOME=$DATA")
}

# Everything the servers write; a link to a folder under /tmp when their user cannot get into DIR (a root-only parent).
choose_data() {
  DATA=$DIR/data
  if [ -L "$DATA" ] || [ -d "$DATA" ]; then
    DATA=$(readlink -f "$DATA")
    choose_user
    return
  fi
  if [ "$(id -u)" -eq 0 ]; then
    local outside
    outside=$(mktemp -d /tmp/linkspan-patroni.XXXXXX)
    chown postgres "$outside"
    ln -s "$outside" "$DATA"
    DATA=$outside
  else
    mkdir -m 700 "$DATA"
  fi
  choose_user
}

port_of() { sed -n "$1p" "$DIR/ports"; }   # lines: etcd, its peers; then for each node PostgreSQL and Patroni
postgresql_port() { port_of $((1 + 2 * $1)); }
patroni_port() { port_of $((2 + 2 * $1)); }

write_node() {
  local node=$1
  # The passwords are of this lab alone, and the files are read by its own user only.
  "${AS[@]}" sh -c "umask 077 && cat >'$DATA/node$node.yml'" <<YAML
scope: linkspan
name: node$node
restapi: {listen: "$LAB_HOST:$(patroni_port "$node")", connect_address: "$LAB_HOST:$(patroni_port "$node")"}
etcd3: {host: "$LAB_HOST:$(port_of 1)"}
bootstrap:
  dcs:
    ttl: 15
    loop_wait: 3
    retry_timeout: 5
    synchronous_mode: true
    maximum_lag_on_failover: 1048576
    postgresql: {use_pg_rewind: true, use_slots: true}
  initdb: [{encoding: UTF8}, {locale: C.UTF-8}, data-checksums]
postgresql:
  listen: "$LAB_HOST:$(postgresql_port "$node")"
  connect_address: "$LAB_HOST:$(postgresql_port "$node")"
  data_dir: $DATA/node$node
  bin_dir: $BIN
  pgpass: $DATA/pgpass$node
  authentication:
    replication: {username: replicator, password: "$(cat "$DIR/replicator.password")"}
    superuser: {username: postgres, password: "$(cat "$DIR/admin.password")"}
  pg_hba: ["host replication replicator $LAB_HOST/32 scram-sha-256", "host all all $LAB_HOST/32 scram-sha-256"]
  parameters: {unix_socket_directories: "", shared_buffers: 64MB, max_connections: 100, password_encryption: scram-sha-256}
YAML
}

etcd_answers() { ETCDCTL_API=3 etcdctl --endpoints "http://$LAB_HOST:$(port_of 1)" endpoint health; }

start_etcd() {
  ! lab_pid "$DIR/etcd.pid" "$DATA/etcd" >/dev/null || return 0
  local client peer
  client=http://$LAB_HOST:$(port_of 1) peer=http://$LAB_HOST:$(port_of 2)
  "${AS[@]}" setsid etcd --name lab --data-dir "$DATA/etcd" --unsafe-no-fsync --listen-client-urls "$client" \
    --advertise-client-urls "$client" --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
    --initial-cluster "lab=$peer" </dev/null >>"$DIR/etcd.log" 2>&1 9>&- &
  printf '%s\n' $! >"$DIR/etcd.pid"
  lab_wait 30 etcd_answers || lab_fail "etcd does not start" "see $DIR/etcd.log"
}

start_node() {
  ! lab_pid "$DIR/node$1.pid" "$DATA/node$1.yml" >/dev/null || return 0
  "${AS[@]}" setsid patroni "$DATA/node$1.yml" </dev/null >>"$DIR/node$1.log" 2>&1 9>&- &
  printf '%s\n' $! >"$DIR/node$1.pid"
}

# The node whose Patroni says that its PostgreSQL is the primary.
leader() {
  local node
  for node in "${NODES[@]}"; do
    if curl --noproxy '*' -fsS -m 2 -o /dev/null "http://$LAB_HOST:$(patroni_port "$node")/primary" 2>/dev/null; then
      printf '%s\n' "$node"
      return
    fi
  done
  return 1
}
is_led() { leader && query -c 'create temporary table probe ()'; }
replicas() {
  local node count=0
  for node in "${NODES[@]}"; do
    if curl --noproxy '*' -fsS -m 2 -o /dev/null "http://$LAB_HOST:$(patroni_port "$node")/replica" 2>/dev/null; then
      count=$((count + 1))
    fi
  done
  [ "$count" -eq $((${#NODES[@]} - 1)) ]
}
# The standby that has every commit: without one, a failover waits.
is_synchronous() { [ "$(query -c "select count(*) from pg_stat_replication where sync_state in ('sync', 'quorum')")" -ge 1 ]; }

hosts() {
  local node list=
  for node in "${NODES[@]}"; do list=$list${list:+,}$LAB_HOST:$(postgresql_port "$node"); done
  printf '%s' "$list"
}
url() { printf 'postgresql://%s@%s/%s?connect_timeout=3' "$1" "$(hosts)" "$2"; }
query() { PGPASSFILE=$DIR/passfile psql -X -q -v ON_ERROR_STOP=1 -At "$(url postgres postgres)&target_session_attrs=read-write" "$@"; }
# remember ROLE PASSWORD_FILE: a line of the passfile, replacing the role's earlier one.
remember() {
  touch "$DIR/passfile" && chmod 600 "$DIR/passfile"
  { grep -v ":$1:[^:]*\$" "$DIR/passfile" || true
    printf '%s:*:*:%s:%s\n' "$LAB_HOST" "$1" "$(cat "$2")"; } >"$DIR/passfile.tmp"
  chmod 600 "$DIR/passfile.tmp"
  mv "$DIR/passfile.tmp" "$DIR/passfile"
}

up() {
  [ -x "$BIN/initdb" ] || lab_fail "PostgreSQL 15 is not installed" "apt-get install postgresql-15"
  lab_need patroni patroni
  lab_need etcd etcd-server
  lab_need etcdctl etcd-client
  lab_need psql postgresql-client-15
  lab_need curl curl
  choose_data
  lab_password "$DIR/admin.password"
  lab_password "$DIR/replicator.password"
  [ -s "$DIR/ports" ] || lab_free_ports 8 | tr ' ' '\n' >"$DIR/ports"
  remember postgres "$DIR/admin.password"
  start_etcd
  local node
  for node in "${NODES[@]}"; do
    write_node "$node"
    start_node "$node"
  done
  lab_wait 90 is_led || lab_fail "no node leads" "see $DIR/node1.log"
  lab_wait 90 replicas || lab_fail "the replicas do not come up" "see $DIR/node*.log"
  lab_wait 60 is_synchronous || lab_fail "no replica is synchronous" "see $DIR/node*.log"
  lab_env "$DIR/env.sh" LAB_PATRONI_URL "$(url postgres postgres)" LAB_PATRONI_PASSFILE "$DIR/passfile"
  lab_say "PostgreSQL is up on $(hosts); node $(leader) leads"
}

role() {
  local name=$1 password=$DIR/role-$1.password
  case $name in '' | *[!a-z0-9_]*) lab_fail "a role's name is made of a-z, 0-9 and _" ;; esac
  lab_password "$password"
  query -c "create role $name login nosuperuser nocreatedb nocreaterole"
  # On standard input, so that no process list shows the password.
  printf "alter role %s password '%s';\n" "$name" "$(cat "$password")" | query
  query -c "create database $name owner $name template template0 encoding 'UTF8'"
  # A client tries the nodes in turn, and gives up where one does not know the role yet.
  lab_wait 60 is_replayed || lab_fail "the followers do not know of role $name" "see the log files in $DATA"
  remember "$name" "$password"
  lab_env "$DIR/role-$name.sh" LAB_ROLE_URL "$(url "$name" "$name")" LAB_ROLE_NAME "$name" \
    LAB_ROLE_PASSWORD_FILE "$password"
  lab_say "role and database $name are there"
}

is_replayed() {
  [ "$(query -c "select count(*) >= 2 and bool_and(replay_lsn >= pg_current_wal_lsn()) from pg_stat_replication")" = t ]
}

# Pids of every process of a node's PostgreSQL: its postmaster and whatever that started.
postgresql_pids() {
  local master
  master=$(lab_pid "$DATA/node$1/postmaster.pid" "$DATA/node$1") || return 0
  printf '%s\n' "$master"
  ps -o pid= --ppid "$master" || true
}

kill_leader() {
  local node pid
  node=$(leader) || lab_fail "no node leads"
  # Patroni first, or it would start PostgreSQL again in place.
  pid=$(lab_pid "$DIR/node$node.pid" "$DATA/node$node.yml") || lab_fail "Patroni of node $node is not running"
  local victims
  mapfile -t victims < <(postgresql_pids "$node")
  kill -9 "$pid" "${victims[@]}" 2>/dev/null || true
  rm -f "$DIR/node$node.pid"
  printf '%s\n' "$node"
}

down() {
  local node
  for node in "${NODES[@]}"; do
    lab_stop "$DIR/node$node.pid" "$DATA/node$node.yml"
    # One whose Patroni was killed, and whatever it may have left.
    lab_stop "$DATA/node$node/postmaster.pid" "$DATA/node$node" INT
  done
  lab_stop "$DIR/etcd.pid" "$DATA/etcd"
  lab_say "PostgreSQL, Patroni and etcd are down ($DIR)"
}

status() {
  local node
  is_led >/dev/null 2>&1 || { lab_say "no node leads ($DIR)"; exit 3; }
  for node in "${NODES[@]}"; do
    lab_say "node $node: $(curl --noproxy '*' -sS -m 2 "http://$LAB_HOST:$(patroni_port "$node")/patroni" 2>/dev/null |
      python3 -c 'import json, sys; it = json.load(sys.stdin); print(it["role"], it["state"])' 2>/dev/null || echo away)"
  done
}

usage() { lab_fail "usage: patroni.sh up DIR | role DIR NAME | status DIR | leader DIR | kill-leader DIR | start DIR N | down DIR | remove DIR"; }

[ $# -ge 2 ] || usage
if [ "$1" = up ]; then
  DIR=$(lab_folder "$2") && lab_lock "$DIR" && up
  exit
fi
[ -e "$2/data" ] || { lab_say "nothing runs ($2 has no cluster)"; [ "$1" != status ] || exit 3; exit 0; }
DIR=$(lab_folder "$2")
choose_data
case $1 in
  role) [ $# -eq 3 ] || usage; lab_lock "$DIR" && role "$3" ;;
  start) [ $# -eq 3 ] || usage; lab_lock "$DIR" && start_node "$3" ;;
  status) status ;;
  leader) leader ;;
  kill-leader) kill_leader ;;
  down) lab_lock "$DIR" && down ;;
  remove) lab_lock "$DIR" && down && rm -rf "$DATA" "$DIR" ;;
  *) usage ;;
esac
