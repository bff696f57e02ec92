#!/usr/bin/env bash
# A personnel file (CSV) into an address book (LDIF) and a list for the door (CSV), with the real binary: what is
# written reads back as it was meant, a half-written file makes nobody leave, and nothing is exported twice.
#
#   files_test.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin files "$1"
must() { run 0 state "$@"; }
mkdir -m 700 "$folder/state"
: >"$folder/state/linkspan.toml"
hr=$folder/people.csv book=$folder/book.ldif door=$folder/door.csv

# people LINE...: the personnel file, as a program that knows what it does writes it.
people() {
  { printf 'Number;Name;"E-Mail";Boss\r\n'; [ "$#" -eq 0 ] || printf '%s\r\n' "$@"; } >"$hr.new"
  mv "$hr.new" "$hr"
}
in_file() { grep -qF -- "$1" "$2" || { cat "$2" >&2; fail "not in $2: $1"; }; }
not_in_file() { ! grep -qF -- "$1" "$2" || fail "still in $2: $1"; }

say "set up"
people '1;"Ada; Countess";ada@x.example;' '2;"Bob ""B"" O";bob@x.example;1' '3;Cy;cy@x.example;2' '4;Dédé;dd@x.example;1'
printf 'number,name,opened\r\n' >"$door"
cat >"$folder/rules.toml" <<'TOML'
[[rule]]
name = "In from HR"
direction = "inbound"
connector = "hr"
source = "person"
target = "person"
link = "provision"
precedence = 100
join = [["employeeNumber = employeeNumber"]]
[rule.flows]
employeeNumber = "[employeeNumber]"
displayName = "[displayName]"
mail = "[mail]"
manager = "[manager]"

[[rule]]
name = "Out to the address book"
direction = "outbound"
connector = "book"
source = "person"
target = "inetOrgPerson"
link = "provision"
precedence = 200
[rule.flows]
dn = '"cn=" & EscapeDNComponent([displayName]) & ",ou=people,dc=x,dc=example"'
cn = "[displayName]"
sn = "[displayName]"
mail = "[mail]"
employeeNumber = "[employeeNumber]"
manager = "[manager]"

[[rule]]
name = "Out to the door"
direction = "outbound"
connector = "door"
source = "person"
target = "person"
link = "provision"
precedence = 201
[rule.flows]
number = "[employeeNumber]"
name = "[displayName]"
TOML
must database create
must connector add hr --kind csv --set "path=$hr" --set anchor=employeeNumber --set 'delimiter=;' \
  --set columns=employeeNumber=Number --set columns=displayName=Name --set columns=mail=E-Mail --set columns=manager=Boss
must connector add book --kind file --set "path=$book"
must connector add door --kind csv --set "path=$door" --set anchor=number
printf 'version: 1\n' >"$book"
run 1 state connector test door
says "it has no rows"
must connector remove door --yes
must connector add door --kind csv --set "path=$door" --set anchor=number --set may_be_empty=true
must rule check "$folder/rules.toml"
must rule import "$folder/rules.toml"
must staging off --yes

say "the first cycle"
must run
in_file 'dn: cn=Ada\; Countess,ou=people,dc=x,dc=example' "$book"
in_file 'objectClass: inetOrgPerson' "$book"
in_file 'manager: cn=Ada\; Countess,ou=people,dc=x,dc=example' "$book"
in_file '2,"Bob ""B"" O",' "$door"
must run
must --json pending --summary
json 'not it["exports"] and all(one["adds"] + one["updates"] + one["renames"] + one["deletes"] == 0 for one in it["summary"])'

say "what others wrote there stays, and somebody leaves, somebody changes"
sed -i 's/^3,Cy,/3,Cy,yesterday/' "$door"
people '1;"Ada; Countess";ada@x.example;' '2;"Bob ""B"" O";bobby@x.example;1' '3;Cyril;cy@x.example;1'
cp "$book" "$folder/book.before"
must run
in_file 'mail: bobby@x.example' "$book"
not_in_file 'dd@x.example' "$book"
in_file '3,Cyril,yesterday' "$door"
in_file 'dn: cn=Cyril,ou=people,dc=x,dc=example' "$book"
not_in_file 'cn=Cy,ou' "$book"
not_in_file '4,' "$door"
[ "$(grep -c '^dn:' "$book")" = 3 ] || fail "not three in the book"
must run
must --json pending --summary
json 'not it["exports"] and all(one["adds"] + one["updates"] + one["renames"] + one["deletes"] == 0 for one in it["summary"])'

say "a file that is not whole makes nobody leave"
cp "$book" "$folder/book.before"
printf 'Number;Name;"E-Mail";Boss\r\n1;"Ada; Coun' >"$hr"
run 1 state run
error file.cut
printf 'Number;Name;"E-Mail";Boss\r\n' >"$hr"
run 1 state run
error file.empty
rm "$hr"
run 1 state run
error file.missing
cmp "$book" "$folder/book.before" || fail "the address book changed"

say "$checks commands, as they should"
