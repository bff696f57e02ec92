#!/usr/bin/env bash
# A private Active Directory domain controller (Samba) on a loopback address of its own: LDAP, LDAPS, Kerberos, DNS.
#
#   lab/samba.sh up DIR           provisions it (once for this machine, then from an archive), and starts it
#   lab/samba.sh join DIR OTHER   makes DIR a second controller of the domain of OTHER, which runs, and starts it
#   lab/samba.sh replicate DIR OTHER
#                                 DIR takes over what OTHER has that it has not; both run. Nothing is replicated otherwise
#   lab/samba.sh down DIR         stops it, keeps the data
#   lab/samba.sh status DIR       exit status 0 = running, 3 = not
#   lab/samba.sh remove DIR       stops it and removes DIR
#
# Needs root: its ports (53, 88, 135, 389, 636, 3268) are fixed, so what is chosen is the address, a free one of
# 127.77.0.0/16. `up` writes DIR/env.sh: LAB_AD_ADDRESS, LAB_AD_HOST, LAB_AD_DOMAIN, LAB_AD_URL, LAB_AD_LDAPS_URL,
# LAB_AD_BASE, LAB_AD_ADMIN (a UPN), LAB_AD_ADMIN_PASSWORD_FILE, LAB_AD_CA, LAB_AD_KRB5_CONFIG, LAB_AD_PID.
# /etc/hosts gets a line with the address while it runs. Environment, all optional:
#   LAB_AD_DOMAIN         DNS name of the domain (default corp.quay.example)
#   LAB_AD_STRONG_AUTH    what smb.conf(5) says of "ldap server require strong auth" (default allow_sasl_over_tls)
#   LAB_CACHE             where archives of provisioned domains are kept (default XDG_CACHE_HOME or ~/.cache, /linkspan)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" && LAB_HERE=$PWD && cd - >/dev/null
# shellcheck source=lab/common.sh
. "$LAB_HERE/common.sh"
PATH=$PATH:/usr/sbin:/sbin
PYTHON=/usr/bin/python3 # Debian's: another one first in PATH does not see samba's modules

HOST=dc1 # of a second one, what DIR/host says
DOMAIN=${LAB_AD_DOMAIN:-corp.quay.example}
WORKGROUP=QUAY
STRONG=${LAB_AD_STRONG_AUTH:-allow_sasl_over_tls}
BASE="DC=${DOMAIN//./,DC=}"
RECIPE=1 # another number makes archives of before useless

# samba_tool COMMAND...: whatever a database of ours is asked by, not the machine's own.
samba_tool() { "$PYTHON" "$(command -v samba-tool)" "$@"; }

# provision FOLDER: an empty domain, at an address that is put right when it starts.
provision() {
  local log=$1.log
  samba_tool domain provision --use-rfc2307 --domain="$WORKGROUP" --realm="${DOMAIN^^}" --server-role=dc \
    --dns-backend=SAMBA_INTERNAL --adminpass="$(cat "$DIR/admin.password")" --host-name="$HOST" --host-ip=127.77.0.1 \
    --targetdir="$1" --function-level=2008_R2 --option='interfaces=127.77.0.1/8' --option='bind interfaces only=yes' \
    --option='vfs objects=dfs_samba4 acl_xattr xattr_tdb' >"$log" 2>&1 9>&- || lab_fail 'samba-tool domain provision failed' "see $log"
  # The service that would add these at a start is left out; GSSAPI needs them.
  {
    printf 'dn: CN=%s,OU=Domain Controllers,%s\nchangetype: modify\nadd: servicePrincipalName\n' "${HOST^^}" "$BASE"
    printf 'servicePrincipalName: ldap/%s\n' "$HOST.$DOMAIN" "${HOST^^}" "$HOST.$DOMAIN/$DOMAIN" "$HOST.$DOMAIN/$WORKGROUP"
    printf 'servicePrincipalName: GC/%s/%s\n' "$HOST.$DOMAIN" "$DOMAIN"
  } | ldbmodify -H "$1/private/sam.ldb" >>"$log" 2>&1 || lab_fail 'the names of the server could not be added' "see $log"
  samba_tool domain passwordsettings set -H "$1/private/sam.ldb" --max-pwd-age=0 --min-pwd-age=0 --history-length=0 \
    >>"$log" 2>&1 || true
}

# with_administrator COMMAND...: samba-tool with the domain's administrator, by the Kerberos of DIR.
with_administrator() {
  KRB5_CONFIG=$DIR/krb5.conf samba_tool "$@" -U "Administrator%$(cat "$DIR/admin.password")" -s "$DIR/smb.conf" \
    >>"$DIR/samba-tool.log" 2>&1 9>&- || lab_fail "samba-tool $1 $2 failed" "see $DIR/samba-tool.log"
}

join() {
  local other=$1
  server_of "$other" >/dev/null || lab_fail "the controller of $other does not run" "lab/samba.sh up $other"
  if [ ! -e "$DIR/domain/private/sam.ldb" ]; then
    HOST=dc2
    printf '%s' "$HOST" >"$DIR/host"
    cp -p "$other/admin.password" "$DIR/admin.password"
    choose_address
    write_configuration "$(cat "$other/address")"
    rm -rf "$DIR/domain" # which the configuration has made; joining wants none
    with_administrator domain join "$DOMAIN" DC --server="$(name_of "$(cat "$other/address")")" --targetdir="$DIR/domain" \
      --dns-backend=NONE --option="netbios name=${HOST^^}" --option="interfaces=$ADDRESS/8"
  fi
  up
}

replicate() {
  local other=$1 naming_context
  ADDRESS=$(cat "$DIR/address")
  for naming_context in "CN=Schema,CN=Configuration,$BASE" "CN=Configuration,$BASE" "$BASE"; do
    with_administrator drs replicate --local "$(name_of "$ADDRESS")" "$(name_of "$(cat "$other/address")")" "$naming_context"
  done
  lab_say "$DIR has what $other has"
}

# The archive holds a domain with a password of its own, which is why only its owner may read it.
restore_or_provision() {
  local cache=${LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/linkspan} archive
  archive=$cache/samba-$(dpkg-query -W -f '${Version}' samba-ad-dc 2>/dev/null | tr -c 'A-Za-z0-9.\n' _)-$RECIPE-$DOMAIN.tar
  (umask 077 && mkdir -p "$cache")
  exec 8>"$cache/.samba.lock"
  flock -w 300 8 || lab_fail "another lab provisions for five minutes already" "see who holds $cache/.samba.lock"
  if [ ! -s "$archive" ]; then
    lab_say "provisioning $DOMAIN, once"
    lab_password_of_ad "$DIR/admin.password"
    rm -rf "$DIR/domain"
    provision "$DIR/domain"
    (umask 077 && tar -C "$DIR" -cf "$archive.tmp" domain admin.password && mv "$archive.tmp" "$archive")
  else
    tar -C "$DIR" -xf "$archive"
  fi
  exec 8>&-
}

# Of the four kinds of characters that a domain asks for.
lab_password_of_ad() {
  [ -s "$1" ] || (umask 077 && printf 'Aa1-%s' "$(openssl rand -hex 12)" >"$1")
}

# An address that nobody listens on, kept for this folder; reserved by a lock as long as the server lives.
choose_address() {
  local try address
  if [ -s "$DIR/address" ]; then
    ADDRESS=$(cat "$DIR/address")
    return
  fi
  for try in $(seq 1 200); do
    address=127.77.$((RANDOM % 250 + 1)).$((RANDOM % 250 + 2))
    grep -qF "$address " /etc/hosts && continue
    (exec 3<>"/dev/tcp/$address/389") 2>/dev/null && continue
    ADDRESS=$address
    printf '%s' "$address" >"$DIR/address"
    return
  done
  lab_fail "no free address after $try tries"
}

name_of() { printf 'dc-%s.%s' "${1//./-}" "$DOMAIN"; }

# write_configuration [ADDRESS]: with the Kerberos of the controller at ADDRESS, instead of its own.
write_configuration() {
  local d=$DIR/domain kdc=${1:-$ADDRESS}
  rm -rf "$d/run" "$d/ncalrpc" "$d/lock" "$d/private/msg.sock" "$d/private/ldap_priv"
  mkdir -p "$d/run" "$d/cache" "$d/ncalrpc" "$d/lock"
  cat >"$DIR/smb.conf" <<CONF
[global]
	netbios name = ${HOST^^}
	workgroup = $WORKGROUP
	realm = ${DOMAIN^^}
	server role = active directory domain controller
	interfaces = $ADDRESS/8
	bind interfaces only = yes
	server services = ldap, cldap, kdc, rpc, dns
	dns forwarder = 127.0.0.1
	private dir = $d/private
	state directory = $d/state
	cache directory = $d/cache
	lock directory = $d/lock
	pid directory = $d/run
	ncalrpc dir = $d/ncalrpc
	ntp signd socket directory = $d/run/ntp_signd
	winbindd socket directory = $d/run/winbindd
	binddns dir = $d/bind-dns
	log file = $DIR/samba.log
	logging = file
	max log size = 10000
	vfs objects = dfs_samba4 acl_xattr xattr_tdb
	ldap server require strong auth = $STRONG
	# What is written here need not outlive the machine's power.
	ldb:nosync = true
	tls enabled = yes
	tls keyfile = $DIR/tls/server.key
	tls certfile = $DIR/tls/server.pem
	tls cafile = $DIR/tls/ca.pem
	rpc server dynamic port range = 49152-49500
	prefork children = 2
	disable spoolss = yes
	load printers = no
	printcap name = /dev/null
	panic action = /bin/true
[sysvol]
	path = $d/state/sysvol
	read only = no
[netlogon]
	path = $d/state/sysvol/$DOMAIN/scripts
	read only = no
CONF
  cat >"$DIR/krb5.conf" <<CONF
[libdefaults]
	default_realm = ${DOMAIN^^}
	dns_lookup_realm = false
	dns_lookup_kdc = false
	dns_canonicalize_hostname = false
	rdns = false
	udp_preference_limit = 1
[realms]
	${DOMAIN^^} = {
		kdc = $kdc
	}
[domain_realm]
	.$DOMAIN = ${DOMAIN^^}
	$DOMAIN = ${DOMAIN^^}
CONF
}

# Several controllers of one provisioning may run side by side: each has a name of its own beside the common one, which
# Kerberos and TLS know it by.
add_own_name() {
  [ ! -e "$DIR/.named" ] || return 0
  printf 'dn: CN=%s,OU=Domain Controllers,%s\nchangetype: modify\nadd: servicePrincipalName\nservicePrincipalName: ldap/%s\n' \
    "${HOST^^}" "$BASE" "$NAME" | ldbmodify -H "$DIR/domain/private/sam.ldb" >/dev/null 2>"$DIR/named.log" 9>&- ||
    lab_fail "the server could not be given a name of its own" "see $DIR/named.log"
  : >"$DIR/.named"
}

# change_hosts LINE...: takes this server's line out of /etc/hosts, and puts LINE in. /etc/hosts may be a mount: written
# in place.
change_hosts() {
  (
    flock -w 60 7
    sed "/# linkspan lab ${ADDRESS//./\\.}\$/d" /etc/hosts >"$DIR/hosts.new"
    [ $# -eq 0 ] || printf '%s # linkspan lab %s\n' "$1" "$ADDRESS" >>"$DIR/hosts.new"
    cat "$DIR/hosts.new" >/etc/hosts
  ) 7>/var/lock/linkspan-lab-hosts
}

answers() {
  ldapsearch -x -o nettimeout=2 -H "ldap://$ADDRESS" -s base -b '' highestCommittedUSN && (exec 3<>"/dev/tcp/$ADDRESS/88") &&
    (exec 3<>"/dev/tcp/$ADDRESS/636")
}

# samba writes over its own command line, so its processes are told by the folder that they work in: ours. The server
# itself, or nothing:
server() { server_of "$DIR"; }
server_of() {
  local pid
  pid=$(cat "$1/samba.pid" 2>/dev/null) && processes "$1" | grep -x -- "$pid"
}
processes() {
  local folder
  # A process that ends meanwhile makes find fail.
  { find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$1" -printf '%h\n' 2>/dev/null || true; } | while read -r folder; do
    [[ $(readlink "$folder/exe") != */samba ]] || printf '%s\n' "${folder#/proc/}"
  done
}
are_gone() { [ -z "$(processes "$DIR")" ]; }

start() {
  # -F stays in the foreground, so that $! is the server itself.
  (cd "$DIR" && exec setsid samba -F --no-process-group -M prefork -s "$DIR/smb.conf" -d 1 </dev/null >>"$DIR/samba.out" 2>&1 9>&-) &
  local child=$! end=$((SECONDS + 60))
  printf '%s\n' "$child" >"$DIR/samba.pid"
  until answers >/dev/null 2>&1; do
    kill -0 "$child" 2>/dev/null || { tail -n 20 "$DIR/samba.log" "$DIR/samba.out" >&2; lab_fail "samba does not start" "see $DIR/samba.log"; }
    [ "$SECONDS" -lt "$end" ] || { down; lab_fail "samba does not answer on $ADDRESS" "see $DIR/samba.log"; }
    sleep 0.1
  done
}

up() {
  lab_need samba samba-ad-dc
  lab_need samba-tool samba-ad-dc
  lab_need ldbmodify ldb-tools
  lab_need ldapsearch ldap-utils
  lab_need openssl openssl
  [ "$(id -u)" -eq 0 ] || lab_fail 'an Active Directory domain controller needs root for its ports' 'sudo lab/samba.sh up DIR'
  if server >/dev/null; then
    lab_say "samba is up already ($DIR)"
    return
  fi
  chmod 755 "$DIR" # samba refuses folders for its sockets that others may write to
  [ -e "$DIR/domain/private/sam.ldb" ] || restore_or_provision
  choose_address
  NAME=$(name_of "$ADDRESS")
  lab_certificate "$DIR/tls" "$NAME" "$HOST.$DOMAIN" "$ADDRESS" "$DOMAIN"
  write_configuration
  add_own_name
  change_hosts "$ADDRESS $NAME"
  start
  lab_env "$DIR/env.sh" \
    LAB_AD_ADDRESS "$ADDRESS" LAB_AD_HOST "$NAME" LAB_AD_DOMAIN "$DOMAIN" LAB_AD_URL "ldap://$ADDRESS" \
    LAB_AD_LDAPS_URL "ldaps://$ADDRESS" LAB_AD_BASE "$BASE" LAB_AD_ADMIN "Administrator@$DOMAIN" \
    LAB_AD_ADMIN_PASSWORD_FILE "$DIR/admin.password" LAB_AD_CA "$DIR/tls/ca.pem" \
    LAB_AD_KRB5_CONFIG "$DIR/krb5.conf" LAB_AD_PID "$(cat "$DIR/samba.pid")"
  lab_say "samba is up: ldaps://$ADDRESS $BASE (pid $(cat "$DIR/samba.pid"))"
}

# The server ends its children; what is left of them after a while ends by force.
down() {
  local pid
  ADDRESS=$(cat "$DIR/address" 2>/dev/null || true)
  if pid=$(server); then kill "$pid" 2>/dev/null || true; fi
  if ! lab_wait 20 are_gone; then
    for pid in $(processes "$DIR"); do kill -s KILL "$pid" 2>/dev/null || true; done
    lab_wait 5 are_gone || lab_fail "samba cannot be ended" "see $(processes "$DIR" | tr '\n' ' ')"
  fi
  rm -f "$DIR/samba.pid"
  [ -z "$ADDRESS" ] || change_hosts
  lab_say "samba is down ($DIR)"
}

status() {
  local pid
  pid=$(server) || { lab_say "samba is not running ($DIR)"; exit 3; }
  lab_say "samba runs: pid $pid, $(sed -n "s/^export LAB_AD_LDAPS_URL='\(.*\)'/\1/p" "$DIR/env.sh")"
}

usage() { lab_fail "usage: samba.sh up DIR | join DIR OTHER | replicate DIR OTHER | down DIR | status DIR | remove DIR"; }

case ${1:-} in
  join | replicate) [ $# -eq 3 ] || usage ;;
  *) [ $# -eq 2 ] || usage ;;
esac
[ ! -s "$2/host" ] || HOST=$(cat "$2/host")
case $1 in
  up) DIR=$(lab_folder "$2") && lab_lock "$DIR" && up ;;
  join | replicate) DIR=$(lab_folder "$2") && lab_lock "$DIR" && "$1" "$(lab_folder "$3")" ;;
  down | status | remove)
    [ -d "$2" ] || { lab_say "samba is not running ($2 is not there)"; [ "$1" != status ] || exit 3; exit 0; }
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
