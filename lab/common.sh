# shellcheck shell=bash
# What the lab scripts share: messages, free ports, bounded waiting, and processes known by pid AND command line.
# Sourced, never run. Everything listens on 127.0.0.1 only.

LAB_HOST=127.0.0.1

lab_say() { printf 'lab: %s\n' "$*"; }

# lab_fail MESSAGE [HINT]: ends the script.
lab_fail() {
  printf 'lab: error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'lab: hint: %s\n' "$2" >&2
  exit 1
}

# lab_need PROGRAM PACKAGE: fails with the package to install when the program is not there.
lab_need() {
  command -v "$1" >/dev/null || lab_fail "$1 is not installed" "apt-get install $2"
}

# lab_folder DIR: makes the folder when missing and prints its absolute path.
lab_folder() {
  [ -n "${1:-}" ] || lab_fail "no state folder given" "name a private folder, for example /tmp/my-lab/ldap"
  mkdir -p "$1" && (cd "$1" && pwd)
}

# lab_lock DIR: one `up` or `down` at a time for one folder; held until the script ends, and by no server (they close fd 9).
lab_lock() {
  exec 9>"$1/.lock"
  flock -w 120 9 || lab_fail "another lab command holds $1/.lock for two minutes already"
}

# lab_free_ports COUNT: prints distinct free ports. Below the ephemeral range, so that no client socket takes one
# between our look and the server's bind; random, so that two labs starting together seldom meet.
lab_free_ports() {
  python3 - "$1" "$LAB_HOST" <<'PY'
import random, socket, sys
found = []
for port in random.SystemRandom().sample(range(15000, 32000), 2000):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((sys.argv[2], port))
        except OSError:
            continue
    found.append(str(port))
    if len(found) == int(sys.argv[1]):
        break
else:
    sys.exit("no free port between 15000 and 32000")
print(" ".join(found))
PY
}

# lab_wait SECONDS COMMAND...: polls until the command succeeds; false when the time is over.
lab_wait() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# lab_pid PIDFILE MARK: prints the pid when that process lives and its command line holds MARK.
# A pid alone is no proof: it may have been given to another process since, and a zombie still has one.
lab_pid() {
  local pid
  pid=$(head -n 1 "$1" 2>/dev/null) || return 1
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$2" || return 1
  printf '%s\n' "$pid"
}

# lab_stop PIDFILE MARK [SIGNAL]: ends the process and waits for it; after 20 seconds by force.
lab_stop() {
  local pid
  if pid=$(lab_pid "$1" "$2"); then
    kill -s "${3:-TERM}" "$pid" 2>/dev/null || true
    if ! lab_wait 20 lab_gone "$1" "$2"; then
      lab_say "process $pid does not end, killing it"
      kill -s KILL "$pid" 2>/dev/null || true
      lab_wait 5 lab_gone "$1" "$2" || lab_fail "process $pid cannot be ended"
    fi
  fi
  rm -f "$1"
}

lab_gone() { ! lab_pid "$1" "$2" >/dev/null; }

# lab_password FILE: makes a random password when the file is missing; no line end, as `ldapsearch -y` wants it.
lab_password() {
  [ -s "$1" ] || (umask 077 && openssl rand -hex 16 | tr -d '\n' >"$1")
}

# lab_certificate DIR [NAME...]: an own authority (ca.pem) and a server certificate (server.pem, server.key) for
# loopback, and for the names and addresses given.
lab_certificate() {
  [ ! -s "$1/server.pem" ] || return 0
  mkdir -p "$1"
  local name names='DNS:localhost,IP:127.0.0.1'
  for name in "${@:2}"; do
    case $name in *[!0-9.]*) names="$names,DNS:$name" ;; *) names="$names,IP:$name" ;; esac
  done
  (
    umask 077
    cd "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Linkspan lab authority' \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
      -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' -keyout server.key -out server.csr
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$names" >server.ext
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile server.ext -out server.tmp
    chmod 644 ca.pem
    mv server.tmp server.pem # last, so that an interrupted run starts over
  ) >"$1/openssl.log" 2>&1 || lab_fail "no certificate could be made in $1" "see $1/openssl.log"
}

# lab_env FILE NAME VALUE [NAME VALUE]...: a file to be sourced, replaced in one move. Always in single quotes, so that
# a test in another language reads it with one pattern.
lab_env() {
  local file=$1
  shift
  while [ $# -gt 1 ]; do
    printf "export %s='%s'\n" "$1" "${2//\'/\'\\\'\'}"
    shift 2
  done >"$file.tmp"
  mv "$file.tmp" "$file"
}
