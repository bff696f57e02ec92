#!/usr/bin/env bash
# One bit of a copy or of a backup is flipped, or its end is missing: always found, nothing is attached, and the program
# never crashes. So is a link in the place of what is to be made.
#
#   flipped_bits.sh PATH/TO/linkspan [FLIPS]
#
# RANDOM_SEED repeats a run; it is printed first.
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin flipped "$1"
flips=${2:-30}
RANDOM_SEED=${RANDOM_SEED:-$$}
printf 'RANDOM_SEED=%s\n' "$RANDOM_SEED"

say "a copy, a backup, a sealed backup"
mkdir -m 700 "$folder/origin" "$folder/dba"
: >"$folder/origin/linkspan.toml"
run 0 origin database create
for i in 1 2 3 4 5 6; do run 0 origin config set guard.deletions "$i"; done
printf 'four words of mine' >"$folder/passphrase" && chmod 600 "$folder/passphrase"
run 0 origin database copy "$folder/copy"
run 0 origin database backup "$folder/backup"
run 0 origin database backup "$folder/sealed" --passphrase-file "$folder/passphrase"

say "$flips flipped bits, and as many missing ends of each; of the sealed one a tenth"
python3 - "$linkspan" "$folder" "$flips" "$RANDOM_SEED" <<'PY' || fail "see above"
import os, random, subprocess, sys
linkspan, folder, flips, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
random.seed(seed)
target, broken = f"{folder}/dba/target.db", f"{folder}/broken"

def offer(name, content, what):
    """The command refuses the file, for what it is, and has made nothing."""
    with open(broken, "wb") as file:
        file.write(content)
    command = ["attach", broken] if name == "copy" else ["restore", broken]
    if name == "sealed":
        command += ["--passphrase-file", f"{folder}/passphrase"]
    ran = subprocess.run([linkspan, "--state-dir", f"{folder}/dba", "--config", f"{folder}/dba/linkspan.toml", "--json",
                          "database", *command, "--to", f"sqlite://{target}"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    allowed = ("transfer.copy_damaged", "transfer.not_a_copy", "transfer.backup_damaged", "transfer.not_a_backup")
    if ran.returncode != 1 or not any(f'"{one}"' in ran.stderr for one in allowed):
        sys.exit(f"{name}, {what}: exit status {ran.returncode}\n{ran.stdout}{ran.stderr}")
    if os.path.exists(target):
        sys.exit(f"{name}, {what}: a database was made")

for name in ("copy", "backup", "sealed"):
    with open(f"{folder}/{name}", "rb") as file:
        sound = file.read()
    count = flips if name != "sealed" else max(3, flips // 10)
    for _ in range(count):
        place, bit = random.randrange(len(sound)), random.randrange(8)
        flipped = bytearray(sound)
        flipped[place] ^= 1 << bit
        offer(name, flipped, f"bit {bit} of byte {place}")
        size = random.randrange(len(sound))
        offer(name, sound[:size], f"{size} of {len(sound)} bytes")
    print(f"{name}: {2 * count} of {2 * count} found")
PY

say "the sound ones are taken"
run 0 dba database attach "$folder/copy" --to "sqlite://$folder/dba/attached.db"
run 0 dba database restore "$folder/backup" --to "sqlite://$folder/dba/restored.db"
run 0 dba database restore "$folder/sealed" --passphrase-file "$folder/passphrase" --to "sqlite://$folder/dba/opened.db"

say "what is to be made goes through no link"
printf 'somebody else'"'"'s' >"$folder/elsewhere"
for what in copy backup; do
  ln -s "$folder/elsewhere" "$folder/link-$what"
  ln -s "$folder/nowhere" "$folder/dangling-$what"
  run 1 origin database "$what" "$folder/link-$what"
  error transfer.exists
  run 1 origin database "$what" "$folder/dangling-$what"
  error transfer.exists
done
[ "$(cat "$folder/elsewhere")" = "somebody else's" ] && [ ! -e "$folder/nowhere" ] || fail "something was written through a link"
say "done"
