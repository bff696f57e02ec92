#!/usr/bin/env bash
# The disk is full: that of the target of a move, an attach or a restore, that of its source, or that of a copy or a
# backup. A clear error, the old database in charge, nothing half made, and the command is repeated once there is room.
#
#   disk_full.sh PATH/TO/linkspan PATH/TO/state_generator [PEOPLE]
#
# Small file systems are mounted in a mount namespace of the script's own, so that they are gone with it. That takes root,
# or a kernel that lets users make namespaces; where there is neither, this fails in CI (CI is set), and is skipped
# elsewhere (exit status 77).
set -euo pipefail
if [ -z "${LINKSPAN_MOUNTS:-}" ]; then
  export LINKSPAN_MOUNTS=own
  namespace=(unshare -m --propagation private)
  [ "$(id -u)" = 0 ] || namespace=(unshare -Um --map-current-user --keep-caps --propagation private)
  if "${namespace[@]}" mount -t tmpfs -o size=1m none /mnt 2>/dev/null; then exec "${namespace[@]}" "$0" "$@"; fi
  printf 'NOT TESTED: full disks. No file system can be mounted here: run this as root, or allow user namespaces.\n' >&2
  [ -n "${CI:-}" ] || exit 77
  exit 1
fi
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin disk "$1"
people=${3:-2000}
before_end() {
  local place
  if [ -d "$folder/whole" ]; then "$lab/postgresql.sh" down "$folder/whole" >/dev/null 2>&1 || true; fi
  for place in "$folder"/*/.small; do if [ -e "$place" ]; then umount "${place%/.small}" 2>/dev/null || true; fi; done
}
# shellcheck source=tests/system/moves.sh
. "$(dirname "${BASH_SOURCE[0]}")/moves.sh"

# small FOLDER KIBIBYTES [OPTION]: a file system of that size.
small() {
  mkdir -p "$1"
  mount -t tmpfs -o "size=$2k${3:+,$3}" none "$1"
  : >"$1/.small"
}
# room FOLDER: there is plenty.
room() {
  rm -f "$1/filler"
  mount -o remount,size=1g "$1"
}
# left FOLDER KIBIBYTES: no more than that is free.
left() {
  local free
  free=$(df --output=avail -k "$1" | tail -n 1)
  [ "$free" -le "$2" ] || head -c $(((free - $2) * 1024)) /dev/zero >"$1/filler"
}
kibibytes() { du -k --apparent-size "$1" | cut -f 1; }

say "a state of $people people"
origins "$2" "$people"
size=$(kibibytes "$folder/origin/linkspan.db")

say "the target, SQLite: seen before anything is begun"
server target sqlite
small "$folder/new" $((size / 2))
url=sqlite://$folder/new/new.db
to=(--to "$url")
run 1 target database move "${to[@]}" --yes
error transfer.room
[ ! -e "$folder/new/new.db" ] || fail "a move that was refused has made a file"
say "the target, SQLite: filled by somebody else meanwhile"
mount -o "remount,size=$((size + 600))k" "$folder/new"
run 1 target database move "${to[@]}" --yes
error sql.disk_full
room "$folder/new"
in_charge target old
ends_well target
umount "$folder/new"
forget target

say "the target, SQLite, of an attach and of a restore"
run 0 origin database copy "$folder/state.copy"
run 0 origin database backup "$folder/state.backup"
for way in "attach $folder/state.copy" "restore $folder/state.backup"; do
  small "$folder/new" $((size + 600))
  read -ra words <<<"$way"
  mkdir -m 700 "$folder/dba"
  : >"$folder/dba/linkspan.toml"
  run 1 dba database "${words[@]}" --to "sqlite://$folder/new/new.db"
  error sql.disk_full
  room "$folder/new"
  ! writable dba "sqlite://$folder/new/new.db" || fail "what is half filled is in charge"
  run 0 dba database "${words[@]}" --to "sqlite://$folder/new/new.db" --restart
  writable dba "sqlite://$folder/new/new.db" || fail "not in charge after the $way"
  umount "$folder/new"
  rm -rf "$folder/dba"
done

say "a copy and a backup"
small "$folder/new" 100
for way in "copy $folder/new/state.copy" "backup $folder/new/state.backup"; do
  read -ra words <<<"$way"
  run 1 origin database "${words[@]}"
  error transfer.file
  says "${words[1]}"
  [ "$(ls "$folder/new")" = "" ] || fail "it left something behind: $(ls "$folder/new")"
done
room "$folder/new"
run 0 origin database copy "$folder/new/state.copy"
run 0 origin database backup "$folder/new/state.backup"
umount "$folder/new"

sums origin >"$folder/sums" # a backup notes its time in the database

say "the source, SQLite: no room for its log"
for free in 0 40 100 200; do
  small "$folder/tight" $((size + 4000))
  server tight sqlite
  target tight postgresql
  left "$folder/tight" "$free"
  got=0
  as tight database move "${to[@]}" --yes >"$folder/last" 2>&1 || got=$?
  if [ "$got" != 0 ]; then
    grep -qE '\[(sql\.disk_full|setup\.file_write)\]' "$folder/last" || fail "another error with $free KiB left"
    grep -q '^ *hint: .' "$folder/last" || fail "no hint"
  fi
  printf '%s KiB left: exit status %s\n' "$free" "$got"
  room "$folder/tight"
  exactly_one tight
  [ "$free" -gt 0 ] || [ "$charge" = old ] || fail "moved without room for a word"
  ends_well tight
  umount "$folder/tight"
  forget tight
done

say "the target, PostgreSQL: its tablespace"
small "$folder/tablespace" $((size + 20000)) mode=777 # a database takes seven MiB before it holds anything
mkdir -m 700 "$folder/tablespace/pg"
[ "$(id -u)" != 0 ] || chown postgres "$folder/tablespace/pg"
chmod 711 "$folder"
printf "CREATE TABLESPACE small LOCATION '%s';\n" "$folder/tablespace/pg" | administrator
server space sqlite
database space_to TABLESPACE small
url=$(url_of space_to)
to=(--to "$url" --password-file "$LAB_ROLE_PASSWORD_FILE")
left "$folder/tablespace" $((size / 2))
run 1 space database move "${to[@]}" --yes
error sql.disk_full
room "$folder/tablespace"
in_charge space old
ends_well space
forget space
printf 'DROP TABLESPACE small;\n' | administrator
umount "$folder/tablespace"

say "the target, PostgreSQL: its whole folder, log and all"
small "$folder/whole" 250000 mode=755
LAB_PG_PORT='' "$lab/postgresql.sh" up "$folder/whole" >/dev/null # not the port of the other one
"$lab/postgresql.sh" role "$folder/whole" mover >/dev/null
# shellcheck disable=SC1091
. "$folder/whole/env.sh" && . "$folder/whole/role-mover.sh"
server whole sqlite
target whole postgresql
left "$folder/whole" $((size / 2))
got=0
as whole database move "${to[@]}" --yes --patience 0s >"$folder/last" 2>&1 || got=$?
[ "$got" = 1 ] || fail "exit status $got"
# A server that cannot write its log stops.
grep -qE '\[sql\.(disk_full|connection_lost|unreachable)\]' "$folder/last" || fail "another error"
grep -q '^ *hint: .' "$folder/last" || fail "no hint"
room "$folder/whole"
"$lab/postgresql.sh" up "$folder/whole" >/dev/null
in_charge whole old
ends_well whole
"$lab/postgresql.sh" down "$folder/whole" >/dev/null
umount "$folder/whole"

say "done"
