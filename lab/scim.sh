#!/usr/bin/env bash
# A private SCIM 2.0 service on loopback (lab/scim: scimmy on express), bearer token, state in a journal.
#
#   lab/scim.sh up DIR        starts it; what it held before is there again
#   lab/scim.sh down DIR      stops it, keeps the data
#   lab/scim.sh status DIR    exit status 0 = running, 3 = not
#   lab/scim.sh remove DIR    stops it and removes DIR
#   lab/scim.sh install       only fetches the npm packages
#
# `up` writes DIR/env.sh: LAB_SCIM_URL (ends in /scim/v2), LAB_SCIM_CONTROL_URL (for /__count and the like),
# LAB_SCIM_TOKEN_FILE, LAB_SCIM_PID. A restart keeps port and token. Environment, all optional:
#   LAB_SCIM_PORT   the port (default: a free one)
#   LAB_CACHE       where the npm packages are installed, once (default: build/lab of this checkout)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" && LAB_HERE=$PWD && cd - >/dev/null
# shellcheck source=lab/common.sh
. "$LAB_HERE/common.sh"
CACHE=${LAB_CACHE:-$LAB_HERE/../build/lab}

# node finds packages in the folders above a script, so the sources are linked into the cache beside node_modules.
install_packages() {
  lab_need node nodejs
  local want
  want=$(sha256sum <"$LAB_HERE/scim/package-lock.json")
  [ "$(cat "$CACHE/installed" 2>/dev/null)" != "$want" ] || return 0
  lab_need npm npm
  mkdir -p "$CACHE"
  (
    flock -w 300 8 || lab_fail "another npm run holds $CACHE for five minutes already"
    [ "$(cat "$CACHE/installed" 2>/dev/null)" != "$want" ] || exit 0
    lab_say "fetching the npm packages of the SCIM service"
    cp "$LAB_HERE/scim/package.json" "$LAB_HERE/scim/package-lock.json" "$CACHE/"
    cd "$CACHE"
    npm_config_cache=$CACHE/npm-cache npm ci --no-audit --no-fund --ignore-scripts >npm.log 2>&1 ||
      npm_config_cache=$CACHE/npm-cache npm ci --no-audit --no-fund --ignore-scripts >npm.log 2>&1 ||
      { tail -n 5 npm.log >&2; lab_fail "npm ci failed twice" "see $CACHE/npm.log"; }
    ln -sfn "$LAB_HERE/scim" scim
    printf '%s\n' "$want" >installed
  ) 8>"$CACHE/.lock"
}

# True once it listens; false at once when it ended (the port was taken), or after 30 seconds.
start_once() {
  rm -f "$DIR/env.sh"
  # The links are kept as they are, or node would look for packages beside the sources.
  setsid node --preserve-symlinks --preserve-symlinks-main "$CACHE/scim/server.mjs" --dir "$DIR" --port "$1" \
    </dev/null >>"$DIR/scim.log" 2>&1 9>&- &
  local child=$! end=$((SECONDS + 30))
  printf '%s\n' "$child" >"$DIR/scim.pid"
  until [ -s "$DIR/env.sh" ]; do
    kill -0 "$child" 2>/dev/null || return 1
    [ "$SECONDS" -lt "$end" ] || { kill "$child"; return 1; }
    sleep 0.05
  done
}

up() {
  if lab_pid "$DIR/scim.pid" "$DIR" >/dev/null; then
    lab_say "the SCIM service is up already ($DIR)"
    return
  fi
  install_packages
  CACHE=$(cd "$CACHE" && pwd)
  local try port
  for try in 1 2 3 4 5; do
    if [ -n "${LAB_SCIM_PORT:-}" ]; then
      port=$LAB_SCIM_PORT
    elif [ "$try" -le 3 ] && [ -s "$DIR/port" ]; then
      port=$(cat "$DIR/port") # clients of before the restart find it again
    else
      port=$(lab_free_ports 1)
    fi
    if start_once "$port"; then
      printf '%s\n' "$port" >"$DIR/port"
      lab_say "the SCIM service is up: http://$LAB_HOST:$port/scim/v2 (pid $(cat "$DIR/scim.pid"))"
      return
    fi
  done
  tail -n 5 "$DIR/scim.log" >&2
  lab_fail "the SCIM service does not start" "see $DIR/scim.log"
}

down() {
  lab_stop "$DIR/scim.pid" "$DIR"
  lab_say "the SCIM service is down ($DIR)"
}

status() {
  local pid
  pid=$(lab_pid "$DIR/scim.pid" "$DIR") || { lab_say "the SCIM service is not running ($DIR)"; exit 3; }
  lab_say "the SCIM service runs: pid $pid, $(sed -n "s/^export LAB_SCIM_URL='\(.*\)'/\1/p" "$DIR/env.sh")"
}

usage() { lab_fail "usage: scim.sh up DIR | down DIR | status DIR | remove DIR | install"; }

case ${1:-} in
  install) install_packages ;;
  up) DIR=$(lab_folder "${2:-}") && lab_lock "$DIR" && up ;;
  down | status | remove)
    [ -d "${2:-}" ] || { lab_say "the SCIM service is not running (${2:-no folder} is not there)"; [ "$1" != status ] || exit 3; exit 0; }
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
