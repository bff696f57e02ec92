#!/usr/bin/env bash
# The embedded database with the real binary: a disk that is full at any point of a cycle, damage that is found before
# anything is concluded from it. docs/design/0008-embedded-database.md has the promises.
#
#   embedded_test.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin embedded "$1"
mounted=
before_end() {
  if [ -n "$mounted" ]; then umount "$mounted" 2>/dev/null || true; fi
}
# finding CHECK VERDICT ARGUMENT...: what doctor says of one thing.
finding() {
  local check=$1 verdict=$2
  shift 2
  "$linkspan" --config "$folder/quay/linkspan.toml" --state-dir "$folder/quay" --json doctor "$@" >"$folder/out" 2>"$folder/err" </dev/null || true
  heard
  json "[c['verdict'] for c in it['checks'] if c['check'] == '$check'] == ['$verdict']"
}

say "servers"
directory_and_service 400 20
mkdir -m 700 "$folder/quay"
if mount -t tmpfs -o size=64m,mode=700 none "$folder/quay" 2>/dev/null; then
  mounted=$folder/quay
  # room KIB ARGUMENT...: the program, with so much room left on its disk.
  room() {
    local kib=$1 available
    shift
    available=$(df --output=avail -k "$mounted" | tail -n 1)
    [ "$available" -le "$kib" ] || head -c $(((available - kib) * 1024)) /dev/zero >"$mounted/filler"
    "$@"
  }
else # no right to mount: a limit on the size of files is nearly the same to a program
  say "NOT RUN with a small disk (no right to mount): files are limited instead"
  room() { (trap '' XFSZ && ulimit -f $((($(stat -c %s "$folder/quay/linkspan.db") + $1 * 1024) / 1024)) && shift && "$@"); }
fi
printf '%s\n' 'mode = "custom"' "$(directory_toml)" "$(target_toml)" >"$folder/quay.toml"
run 0 quay setup --answers "$folder/quay.toml" --accept-license

say "a disk that is full at one point of a cycle after the other"
failures=0
for kib in 40 200 400 700 1000 1400 1900 2500 3200 4000 6000 9000 14000 22000; do
  got=0
  room "$kib" "$linkspan" --config "$folder/quay/linkspan.toml" --state-dir "$folder/quay" run full \
    >"$folder/out" 2>"$folder/err" </dev/null || got=$?
  heard
  rm -f "$folder/quay/filler"
  [ "$got" != 0 ] || break
  [ "$got" = 1 ] || fail "$kib KiB: exit status $got"
  error sql.disk_full
  failures=$((failures + 1))
  run 0 quay database verify
done
[ "$failures" -ge 2 ] || fail "the disk was never full"
say "$failures times it was full, then it went on"
run 0 quay run
compare
if [ -n "$mounted" ]; then
  umount "$mounted"
  mounted=
fi
rm -rf "$folder/quay"

say "damage is found before anything is concluded from it"
mkdir -m 700 "$folder/quay"
printf '%s\n' 'mode = "custom"' "$(directory_toml)" "$(target_toml)" '[options]' 'staging = true' >"$folder/quay.toml"
run 0 quay setup --answers "$folder/quay.toml" --accept-license
run 0 quay run full
finding 'database pages' good
finding 'database pages' good --deep
# One letter of one attribute, where no structure of SQLite shows it.
python3 -c 'import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
one, image = database.execute("SELECT object_id, observed FROM connector_image WHERE length(observed) > 100 LIMIT 1").fetchone()
image = bytearray(image)
image[len(image) // 2] ^= 1
database.execute("UPDATE connector_image SET observed = ? WHERE object_id = ?", (bytes(image), one))
database.commit()
database.execute("PRAGMA wal_checkpoint(TRUNCATE)")' "$folder/quay/linkspan.db"
finding 'database pages' good --deep
run 1 quay database verify
says 'its observed cannot be read'
says 'checksum'
run 1 quay sync --full
error model.image
# A page that is not one any more.
python3 -c 'import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
root = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", ("connector_image",)).fetchone()[0]
size = database.execute("PRAGMA page_size").fetchone()[0]
database.close()
with open(sys.argv[1], "r+b") as file:
    file.seek((root - 1) * size)
    file.write(b"\xA5" * 64)' "$folder/quay/linkspan.db"
finding 'database pages' bad
run 1 quay doctor
says 'restore a backup'
say "done, $checks checks"
