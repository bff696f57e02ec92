#!/usr/bin/env bash
# docs/moving.md, followed by the letter: each of its commands is run as it stands there, with the names of this machine
# in the places of the book's, and what it prints is held against what the book says it prints. Numbers, times and sizes
# may differ.
#
#   runbook.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin runbook "$1"
book=$(dirname "${BASH_SOURCE[0]}")/../../docs/moving.md
mkdir -m 700 "$folder/quay" "$folder/files"

# The book's names and ours, one pair a line, the longest first. Filled as they come to be.
names=()
means() { names+=("$1"$'\t'"$2"); }
# here TEXT: the book's text with our names; there: our output on stdin with the book's.
here() {
  local text=$1 pair
  for pair in "${names[@]}"; do text=${text//"${pair%%$'\t'*}"/"${pair#*$'\t'}"}; done
  printf '%s' "$text"
}
# book STATUS COMMAND [MORE]: it stands in the book, and ends so here, run with MORE at its end.
book() {
  local want=$1 got=0
  grep -qF -- "    $2" "$book" || fail "the book has no such command: $2"
  (cd "$folder/files" && eval "$(here "${2/#linkspan /\"\$linkspan\" --config \"\$folder/quay/linkspan.toml\" --state-dir \"\$folder/quay\" }${3:+ $3}")") \
    </dev/null >"$folder/out" 2>"$folder/err" || got=$?
  heard
  [ "$got" = "$want" ] || fail "$2: exit status $got, not $want"
}
# prints [LINES]: what the last command printed (its first or, below zero, last lines) stands in the book, line for line.
prints() {
  printf '%s\n' "${names[@]}" | python3 -c '
import re, sys
names = [line.rstrip("\n").split("\t") for line in sys.stdin]
def shape(line, ours):
    if ours:
        for theirs, here in names:
            line = line.replace(here, theirs)
    line = re.sub(r"\d+(\.\d+)? (s|ms|min|h)\b( \d+ s\b)?", "TIME", line)
    line = re.sub(r"\d[\d,.]* (B|KiB|MiB|GiB)\b", "SIZE", line)
    line = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "WHEN", line)
    return " ".join(re.sub(r"\d[\d,]*", "N", line).split())
with open(sys.argv[1], encoding="utf-8") as file:
    book = {shape(line, False) for line in file if line.startswith("    ")}
with open(sys.argv[2], encoding="utf-8") as file:
    said = [line for line in file.read().splitlines() if line.strip()]
lines = int(sys.argv[3])
assert said, "it printed nothing"
for line in said[:lines] if lines >= 0 else said[lines:]:
    if shape(line, True) not in book:
        sys.exit("the book does not say that it prints: " + shape(line, True))
' "$book" "$folder/out" "${1:-1000}" || fail "not as in the book"
}

say "servers, and a state that is worth moving"
directory_and_service 20 4
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/env.sh"
cat >"$folder/answers.toml" <<TOML
mode = "custom"
[database]
url = "sqlite://$folder/quay/linkspan.db"
$(directory_toml)
$(target_toml)
TOML
run 0 quay setup --answers "$folder/answers.toml" --accept-license
run 0 quay staging off --yes
run 0 quay run full
means /etc/linkspan/linkspan.toml "$folder/quay/linkspan.toml"
means /var/lib/linkspan "$folder/quay"
means /etc/linkspan/database.password "$folder/database.password"

administrator() { PGPASSFILE=$LAB_PG_PASSFILE PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 "${LAB_PG_URL/\/postgres\?//${1:-postgres}?}"; }
# made NAME: the administrator of the server runs what the program prints, and gives the role its password.
made() {
  run 0 quay database schema --dialect postgresql --name "$1" --role "$1"
  { cat "$folder/out" && printf "\\\\connect postgres\nALTER ROLE %s PASSWORD 'Quay-Pier-9';\n" "$1"; } | administrator
}

say "1: the administrator's part"
book 0 'linkspan database schema --dialect postgresql --name linkspan --role linkspan >linkspan.sql'
grep -qF '    psql -f linkspan.sql postgres' "$book" || fail "the book does not say how to run it"
{ cat "$folder/files/linkspan.sql" && printf "\\\\connect postgres\nALTER ROLE linkspan PASSWORD 'Quay-Pier-9';\n"; } | administrator
(umask 077 && printf 'Quay-Pier-9' >"$folder/database.password")
server=$LAB_PG_HOST:$LAB_PG_PORT
target="postgresql://linkspan@$server/linkspan?sslmode=verify-full&sslrootcert=$LAB_PG_CA"
means 'postgresql://linkspan@db.example/linkspan?sslmode=verify-full' "$target"

# lease HOLDER UNTIL: of the old database.
lease() {
  python3 -c 'import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("UPDATE lease SET holder = ?, expires_at = ?", (sys.argv[2], int(sys.argv[3])))
database.commit()' "$folder/quay/linkspan.db" "$1" "$2"
}

say "2 and 3: look, begin, go back, and move"
book 0 "linkspan database move --to 'postgresql://linkspan@db.example/linkspan?sslmode=verify-full' --password-file /etc/linkspan/database.password --dry-run"
prints
lease elsewhere:1:x 9000000000000000
run 5 quay database move --to "$target" --password-file "$folder/database.password" --yes --wait 1s
error transfer.lease_held
lease '' 0
book 0 "linkspan database move --to 'postgresql://linkspan@db.example/linkspan?sslmode=verify-full' --password-file /etc/linkspan/database.password --abandon"
prints
book 0 "linkspan database move --to 'postgresql://linkspan@db.example/linkspan?sslmode=verify-full' --password-file /etc/linkspan/database.password" --yes
prints -2
book 0 'linkspan database info'
prints -9
run 0 quay run
compare

say "3: back"
book 0 'linkspan database move --to sqlite:///var/lib/linkspan/again.db' --yes
run 0 quay run
compare
means /var/lib/linkspan/linkspan.db /var/lib/linkspan/again.db # the database in charge, as the book has it

say "4: copy and attach"
book 0 'linkspan database copy state-copy.db'
prints
made attached
means "'postgresql://linkspan@db.example/linkspan' --password-file FILE" \
  "'postgresql://attached@$server/attached?sslmode=verify-full&sslrootcert=$LAB_PG_CA' --password-file '$folder/database.password'"
book 0 "linkspan database attach state-copy.db --to 'postgresql://linkspan@db.example/linkspan' --password-file FILE"
prints

say "5: back up and restore"
(umask 077 && printf 'four words of mine' >"$folder/words")
means '--passphrase-file FILE' "--passphrase-file '$folder/words'"
book 0 'linkspan database backup state.backup --passphrase-file FILE'
prints
book 0 'linkspan database restore state.backup --passphrase-file FILE --dry-run'
prints
book 0 "linkspan database restore state.backup --to 'sqlite:///var/lib/linkspan/restored.db' --passphrase-file FILE"
prints
book 0 'linkspan key backup-recipient backup.identity'
grep -q '^linkspan-backup:' "$folder/out" || fail "no recipient"
recipient=$(cat "$folder/out")
means ' KEY' " '$recipient'"
book 0 'linkspan database backup sealed.backup --recipient KEY'
book 0 'linkspan database restore sealed.backup --identity backup.identity --dry-run'

say "6: check"
book 0 'linkspan database verify'
means '--against URL' "--against 'sqlite://$folder/quay/restored.db'"
book 1 'linkspan database verify --against URL'

say "7: now and then"
book 0 'linkspan database upgrade --dry-run'
book 0 'linkspan database upgrade'
book 0 'linkspan database prune'
prints
printf 'All of %d commands did as the book says.\n' "$checks"
