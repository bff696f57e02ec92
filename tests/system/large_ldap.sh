#!/usr/bin/env bash
# A directory of many people and groups with the real binary: a full import takes all of it, and after each kind of change a
# delta leaves what a full import has nothing to add to.
#
#   large_ldap.sh PATH/TO/linkspan PEOPLE
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin large-ldap "$1"
people=$2
groups=$((people / 50))
must() { run 0 state "$@"; }

say "an organisation of $people people and $groups groups"
"$lab/organisation.py" --people "$people" --groups "$groups" --output "$folder/org.ldif"
"$lab/slapd.sh" up "$folder/ldap" "$folder/org.ldif" >/dev/null
# shellcheck disable=SC1091
. "$folder/ldap/env.sh"
as_admin() { "$1" -x -H "$LAB_LDAP_URL" -D "$LAB_LDAP_ADMIN_DN" -y "$LAB_LDAP_ADMIN_PASSWORD_FILE" "${@:2}"; }
# names FILTER COUNT: that many DNs, base64 where LDIF has it so left out.
names() {
  as_admin ldapsearch -LLL -o ldif-wrap=no -b "$LAB_LDAP_BASE" "$1" 1.1 2>/dev/null | sed -n 's/^dn: //p' | awk -v n="$2" 'NR <= n'
}
# counted WHAT: of the last import.
counted() {
  python3 -c '
import json, sys
steps = json.load(open(sys.argv[1]))["steps"]
print(sum(step["counters"].get(sys.argv[2], 0) for step in steps))' "$folder/out" "$1"
}
import() {
  must --json import big "$@"
  [ "$(counted errors)" = 0 ] || fail "an import has errors"
}

mkdir -p "$folder/state"
printf 'database = { url = "sqlite://%s/state/state.db" }\n' "$folder" >"$folder/state/linkspan.toml"
must database create
must connector add big --kind ldap --set "url=$LAB_LDAP_URL" --set "bind_dn=$LAB_LDAP_BIND_DN" --set "base=$LAB_LDAP_BASE" \
  --set object_types=inetOrgPerson --set object_types=groupOfNames --secret-file "password=$LAB_LDAP_PASSWORD_FILE"
must connector test big
says 'changes can be asked for'

say "full import"
import --full
there=$(as_admin ldapsearch -LLL -o ldif-wrap=no -b "$LAB_LDAP_BASE" '(|(objectClass=inetOrgPerson)(objectClass=groupOfNames))' 1.1 |
  grep -c '^dn:')
[ "$there" -ge "$people" ] || fail "the directory holds $there objects only"
[ "$(counted adds)" = "$there" ] || fail "$(counted adds) objects came, and $there are there"

# settled WHAT MOST: a delta brings the change, of no more objects than MOST, and a full import then finds nothing.
settled() {
  say "delta after: $1"
  import
  local came=$(($(counted adds) + $(counted updates) + $(counted renames) + $(counted deletes)))
  [ "$came" -ge 1 ] || fail "$1: the delta brought nothing"
  [ "$came" -le "$2" ] || fail "$1: the delta brought $came objects"
  import --full
  for what in adds updates renames deletes; do
    [ "$(counted "$what")" = 0 ] || fail "$1: the full import after the delta has $(counted "$what") $what"
  done
}

parent=$(names '(objectClass=inetOrgPerson)' 1 | sed 's/^[^,]*,//')
for i in $(seq 100); do
  printf 'dn: uid=new%d,%s\nobjectClass: inetOrgPerson\nuid: new%d\ncn: New %d\nsn: %d\n\n' "$i" "$parent" "$i" "$i" "$i"
done | as_admin ldapadd >/dev/null
settled "add" 100

names '(objectClass=inetOrgPerson)' 1000 | while read -r dn; do
  printf 'dn: %s\nchangetype: modify\nreplace: description\ndescription: changed\n\n' "$dn"
done | as_admin ldapmodify >/dev/null
settled "change" 1000

for i in $(seq 50); do
  printf 'dn: uid=new%d,%s\nchangetype: modrdn\nnewrdn: uid=renamed%d\ndeleteoldrdn: 1\n\n' "$i" "$parent" "$i"
done | as_admin ldapmodify >/dev/null
settled "rename" 50

other=$(names '(objectClass=organizationalUnit)' 2 | tail -n 1)
for i in $(seq 51 100); do
  printf 'dn: uid=new%d,%s\nchangetype: modrdn\nnewrdn: uid=new%d\ndeleteoldrdn: 1\nnewsuperior: %s\n\n' "$i" "$parent" "$i" "$other"
done | as_admin ldapmodify >/dev/null
settled "move" 50

# The largest group has everybody: one comes and one goes.
staff=$(names '(cn=All Staff)' 1)
member=$(as_admin ldapsearch -LLL -o ldif-wrap=no -b "$staff" -s base member | sed -n 's/^member: //p' | awk 'NR == 1')
printf 'dn: %s\nchangetype: modify\nadd: member\nmember: uid=renamed1,%s\n-\ndelete: member\nmember: %s\n' "$staff" "$parent" "$member" |
  as_admin ldapmodify >/dev/null
settled "membership" 1

for i in $(seq 50); do printf 'dn: uid=renamed%d,%s\nchangetype: delete\n\n' "$i" "$parent"; done | as_admin ldapmodify >/dev/null
settled "delete" 50

# A restart makes the server forget what was deleted: it tells what is still there instead (RFC 4533, present phase).
for i in $(seq 51 100); do printf 'dn: uid=new%d,%s\nchangetype: delete\n\n' "$i" "$other"; done | as_admin ldapmodify >/dev/null
"$lab/slapd.sh" down "$folder/ldap" >/dev/null
"$lab/slapd.sh" up "$folder/ldap" >/dev/null
settled "delete, told by what is left" 50
say "done: $checks commands"
