#!/usr/bin/env bash
# Backups with the real binary: to a recipient, by a server that cannot open them; that there was none yet, as status
# and doctor tell it.
#
#   backup_test.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin backup "$1"
# finding CHECK VERDICT: what doctor says of one thing.
finding() {
  "$linkspan" --config "$folder/quay/linkspan.toml" --state-dir "$folder/quay" --json doctor >"$folder/out" 2>"$folder/err" </dev/null || true
  heard
  json "[c['verdict'] for c in it['checks'] if c['check'] == '$1'] == ['$2']"
}
mkdir -m 700 "$folder/quay" "$folder/safe"
(umask 077 && : >"$folder/safe/linkspan.toml")
printf '[database]\nurl = "sqlite://%s/quay/linkspan.db"\n' "$folder" >"$folder/quay/linkspan.toml"
chmod 600 "$folder/quay/linkspan.toml"
run 0 quay database create

say "there was no backup yet"
run 0 quay status
says 'Backup     none yet'
finding backup warning
run 0 quay config set backup.age off
finding backup good
run 0 quay config set backup.age
run 1 quay config set backup.age 5m
error run.setting

say "a key pair, made where backups are restored"
run 0 safe key backup-recipient "$folder/safe/identity"
recipient=$(cat "$folder/out")
[ "$(stat -c %a "$folder/safe/identity")" = 600 ] || fail "the identity is open to others"
grep -qF "$recipient" "$folder/safe/identity" || fail "the identity does not say whose it is"
run 1 safe key backup-recipient "$folder/safe/identity"
error vault.identity_exists
run 0 safe --json key backup-recipient "$folder/safe/other"
json 'it["recipient"].startswith("linkspan-backup:") and not it["sealed"]'

say "the server seals to the recipient, and cannot open what it made"
run 0 quay --json database backup "$folder/one.backup" --recipient "$recipient"
json 'it["sealed"] and it["noted"]'
run 1 quay database restore "$folder/one.backup" --dry-run
error transfer.identity
run 1 quay database restore "$folder/one.backup" --dry-run --identity "$folder/safe/other"
error transfer.identity
run 0 safe database restore "$folder/one.backup" --dry-run --identity "$folder/safe/identity"
run 1 quay database backup "$folder/two.backup" --recipient "${recipient%?}x"
error vault.recipient
run 1 quay database backup "$folder/two.backup" --recipient "$(sed -n 's/^linkspan-backup-identity/&/p' "$folder/safe/identity")"
error vault.recipient
printf 'four words of mine' >"$folder/words" && chmod 600 "$folder/words"
run 2 quay database backup "$folder/two.backup" --recipient "$recipient" --passphrase-file "$folder/words"
error cli.usage
[ ! -e "$folder/two.backup" ] || fail "a refused backup has left a file"
printf 'x' | dd of="$folder/one.backup" bs=1 seek=100 conv=notrunc status=none
run 1 safe database restore "$folder/one.backup" --dry-run --identity "$folder/safe/identity"
error transfer.backup_damaged

say "an identity under a passphrase"
run 0 safe --json key backup-recipient "$folder/safe/sealed" --passphrase-file "$folder/words"
json 'it["sealed"]'
recipient=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["recipient"])' "$folder/out")
run 0 quay database backup "$folder/three.backup" --recipient "$recipient"
printf 'four words of yours' >"$folder/wrong" && chmod 600 "$folder/wrong"
run 1 safe database restore "$folder/three.backup" --dry-run --identity "$folder/safe/sealed" --passphrase-file "$folder/wrong"
error vault.passphrase
run 0 safe database restore "$folder/three.backup" --to "sqlite://$folder/restored.db" --identity "$folder/safe/sealed" \
  --passphrase-file "$folder/words"

say "its age is known, here and after a move"
finding backup good
run 0 quay --json status
json 'it["backup"]["completed_at"] and not it["backup"]["overdue"]'
run 0 quay database move --to "sqlite://$folder/quay/moved.db" --yes
run 0 quay --json status
json 'it["backup"]["completed_at"] and not it["backup"]["overdue"] and it["database"]["location"].endswith("moved.db")'
python3 -c 'import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
assert database.execute("UPDATE setting SET value = ? WHERE name = ?", ("2026-01-01T00:00:00Z", "backup.completed")).rowcount == 1
database.commit()' "$folder/quay/moved.db"
finding backup warning
run 0 quay status
says ', overdue'

say "/metrics"
serve quay
address=
listens() { address=$(sed -n 's/.*app.serving.*address="\([^"]*\)".*/\1/p' "$log") && [ -n "$address" ]; }
wait_for 60 "the service runs" listens
curl --noproxy '*' -fsS "http://$address/metrics" >"$folder/metrics"
age=$(sed -n 's/^linkspan_backup_age_seconds //p' "$folder/metrics")
[ "$age" -gt 86400 ] || fail "the age in /metrics is $age"
kill -TERM "$pid"
wait "$pid" || fail "the service did not end well"

say "done, $checks checks"
