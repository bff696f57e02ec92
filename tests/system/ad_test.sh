#!/usr/bin/env bash
# A Samba domain to a SCIM service, and then to a Graph, with the real binary: setup has the service account made by an
# administrator, the account has just the rights it needs, and whatever happens in the domain arrives by deltas.
#
#   ad_test.sh PATH/TO/linkspan PATH/TO/graph_service
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin ad "$1"
graph_service=$2
if [ "$(id -u)" -ne 0 ] || ! command -v samba samba-tool ldbmodify >/dev/null; then
  say "skipped: a domain controller needs root and the packages samba-ad-dc and ldb-tools"
  exit 77
fi
before_end() { "$lab/samba.sh" remove "$folder/dc" >/dev/null 2>&1 || true; }
must() { run 0 state "$@"; }

say "servers"
"$lab/samba.sh" up "$folder/dc" >/dev/null
"$lab/scim.sh" up "$folder/scim" >/dev/null
# shellcheck disable=SC1091
. "$folder/dc/env.sh" && . "$folder/scim/env.sh"
people=OU=People,$LAB_AD_BASE
verified=contoso.example # a suffix of logon names that the tenant has verified; the domain's own name is none
change() { domain_change "$LAB_AD_LDAPS_URL" "$LAB_AD_CA"; }
user() { domain_user "$1" "$2" "$verified"; }
{
  printf 'dn: %s\nchangetype: add\nobjectClass: organizationalUnit\n\n' "$people" "OU=Crew,$people" "OU=Elsewhere,$LAB_AD_BASE"
  for name in ada bob cy dee; do user "$name" "$people"; done
  user eve "OU=Crew,$people"
  user fay "OU=Elsewhere,$LAB_AD_BASE"
  printf 'dn: CN=sailors,%s\nchangetype: add\nobjectClass: group\nsAMAccountName: sailors\ndisplayName: Sailors\n' "$people"
  printf 'member: CN=%s,%s\n' ada "$people" bob "$people" eve "OU=Crew,$people"
} | change

say "setup has the account made"
cat >"$folder/answers.toml" <<TOML
mode = "custom"
[database]
url = "sqlite://$folder/state/state.db"
[[directory]]
name = "corp"
kind = "ad"
url = ["$LAB_AD_LDAPS_URL"]
ca_file = "$LAB_AD_CA"
containers = ["$people"]
administrator = "$LAB_AD_ADMIN"
administrator_password_file = "$folder/wrong"
[target]
name = "cloud"
kind = "scim"
url = "$LAB_SCIM_URL"
token_file = "$LAB_SCIM_TOKEN_FILE"
TOML
printf 'wrong-Qu4y' >"$folder/wrong" && chmod 600 "$folder/wrong"
run 1 state setup --custom --answers "$folder/answers.toml" --accept-license
says "binding as $LAB_AD_ADMIN"
if grep -q 'password: it is missing' "$folder/last"; then fail "what follows from an error is told as another"; fi
sed -i "s|$folder/wrong|$LAB_AD_ADMIN_PASSWORD_FILE|" "$folder/answers.toml"
run 1 state setup --custom --answers "$folder/answers.toml" --accept-license --plan
says 'a plan changes nothing'
accounts() {
  LDAPTLS_CACERT=$LAB_AD_CA ldapsearch -x -LLL -H "$LAB_AD_LDAPS_URL" -D "$LAB_AD_ADMIN" -y "$LAB_AD_ADMIN_PASSWORD_FILE" \
    -b "$LAB_AD_BASE" '(sAMAccountName=svc-linkspan)' 1.1 | grep -c '^dn:' || true
}
[ "$(accounts)" = 0 ] || fail "a plan has made an account"
must setup --custom --answers "$folder/answers.toml" --accept-license
[ "$(accounts)" = 1 ] || fail "no account was made"
# kept_as REGULAR_EXPRESSION...: the containers of corp as they are stored.
kept_as() {
  must --json connector list
  python3 -c '
import json, re, sys
kept = next(one["settings"]["containers"] for one in json.load(sys.stdin)["connectors"] if one["name"] == "corp")
fits = len(kept) == len(sys.argv) - 1 and all(map(re.fullmatch, sys.argv[1:], kept))
sys.exit(None if fits else f"containers are kept as {kept}")' "$@" <"$folder/out"
}
kept_as "<GUID=[-0-9a-f]{36}>;$people"
must connector edit corp --set "containers=OU=Crew,$people" --set "containers=$people"
kept_as "<GUID=[-0-9a-f]{36}>;OU=Crew,$people" "<GUID=[-0-9a-f]{36}>;$people"
run 1 state connector edit corp --set "containers=OU=Nowhere,$people"
says "\"OU=Nowhere,$people\" is not there"
must connector edit corp --set "containers=$people"
must connector test corp
says 'DirSync, under Replicating Directory Changes'
must --json connector account check corp
python3 -c '
import json, sys
rights = [(r["right"], r["where"], r["state"]) for r in json.load(sys.stdin)["rights"]]
base, people = sys.argv[1:]
wanted = [("Replicating Directory Changes", base, "has"), ("list what was deleted", "CN=Deleted Objects," + base, "has"),
          ("list and read all properties", people, "has")]
sys.exit(None if rights == wanted else f"the account has {rights}")' "$LAB_AD_BASE" "$people" <"$folder/out"
run 1 state connector account check corp --right write_anchor
says 'lacks'
for secret in "$(cat "$LAB_AD_ADMIN_PASSWORD_FILE")" "$(base64 -w0 "$LAB_AD_ADMIN_PASSWORD_FILE")" "$LAB_AD_ADMIN"; do
  ! grep -rqF -- "$secret" "$folder/state" || fail "something of the administrator was kept"
done

say "the first cycle"
for limit in deletions membership_removals; do must config set "guard.$limit" 500; done # few people: each counts much
must run full
arrived ada bob cy dee eve
has_members 3

say "deltas"
{
  printf 'dn: OU=Crew,%s\nchangetype: modrdn\nnewrdn: OU=Company\ndeleteoldrdn: 1\n\n' "$people"
  printf 'dn: CN=bob,%s\nchangetype: delete\n\n' "$people"
  printf 'dn: CN=cy,%s\nchangetype: modrdn\nnewrdn: CN=cy\ndeleteoldrdn: 1\nnewsuperior: OU=Elsewhere,%s\n\n' "$people" "$LAB_AD_BASE"
  printf 'dn: CN=fay,OU=Elsewhere,%s\nchangetype: modrdn\nnewrdn: CN=fay\ndeleteoldrdn: 1\nnewsuperior: %s\n\n' "$LAB_AD_BASE" "$people"
  printf 'dn: CN=sailors,%s\nchangetype: modify\nadd: member\nmember: CN=dee,%s\nmember: CN=fay,%s\n\n' "$people" "$people" "$people"
  user gus "OU=Company,$people"
} | change
must run
arrived ada dee eve fay gus
has_members 4
must preview corp "CN=eve,OU=Company,$people"
must run

say "the account is made again"
must connector account create corp --administrator "$LAB_AD_ADMIN" --secret-file "administrator=$LAB_AD_ADMIN_PASSWORD_FILE"
says 'was there, and has a new password'
must run
arrived ada dee eve fay gus

say "to a Graph, by a setup that registers"
coproc GRAPH { "$graph_service"; }
exec 5>&"${GRAPH[1]}" 6<&"${GRAPH[0]}" # subshells have not those of a coprocess
# ask QUESTION: what tests/testkit/graph_service answers.
ask() {
  local line
  printf '%s\n' "$*" >&5
  while read -r line <&6 && [ "$line" != . ]; do printf '%s\n' "$line"; done
}
read -r tenant <&6 && read -r login_url <&6 && read -r graph_url <&6
cat >"$folder/entra.toml" <<TOML
mode = "custom"
[database]
url = "sqlite://$folder/entra/state.db"
[[directory]]
name = "corp"
kind = "ad"
url = ["$LAB_AD_LDAPS_URL"]
ca_file = "$LAB_AD_CA"
containers = ["$people"]
administrator = "$LAB_AD_ADMIN"
administrator_password_file = "$LAB_AD_ADMIN_PASSWORD_FILE"
new_account = "svc-entra"
new_account_rights = ["replicate", "read", "read_deleted", "write_anchor"]
[identify]
anchor = "mS-DS-ConsistencyGuid"
[target]
name = "entra"
kind = "graph"
tenant = "$tenant"
login_url = "$login_url"
graph_url = "$graph_url"
register = true
TOML
run 0 entra setup --custom --answers "$folder/entra.toml" --accept-license
says 'Open https://microsoft.com/devicelogin in any browser, enter the code'
run 0 entra --json connector list
client=$(python3 -c '
import json, sys
print(next(one["settings"]["client_id"][0] for one in json.load(sys.stdin)["connectors"] if one["name"] == "entra"))' <"$folder/out")
[ "$(ask permissions "$client" | paste -sd' ')" = "Group.ReadWrite.All User.ReadWrite.All" ] ||
  fail "the application $client may $(ask permissions "$client" | paste -sd' ')"
for limit in deletions membership_removals; do run 0 entra config set "guard.$limit" 500; done
run 0 entra run full
# in_graph NAME...: exactly these are there.
in_graph() {
  local name
  [ "$(ask count user)" = $# ] || fail "not $# but $(ask count user) users in the tenant"
  for name in "$@"; do [ -n "$(ask user "$name@$verified")" ] || fail "$name is not in the tenant"; done
}
in_graph ada dee eve fay gus
say "the source anchor is written back, and counts from then on"
# identities: objectGUID and mS-DS-ConsistencyGuid of each account, in base64.
identities() {
  LDAPTLS_CACERT=$LAB_AD_CA ldapsearch -x -LLL -o ldif-wrap=no -H "$LAB_AD_LDAPS_URL" -D "$LAB_AD_ADMIN" -y "$LAB_AD_ADMIN_PASSWORD_FILE" \
    -b "$people" '(objectClass=user)' objectGUID mS-DS-ConsistencyGuid | sed -n 's/^\(objectGUID\|mS-DS-ConsistencyGuid\):: //p'
}
[ "$(identities | sort | uniq -d | wc -l)" = 5 ] || fail "not all have their anchor: $(identities)"
[ "$(ask members Sailors | cut -d@ -f1 | paste -sd' ')" = "ada dee eve fay" ] || fail "members: $(ask members Sailors)"
{
  printf 'dn: CN=dee,%s\nchangetype: delete\n\n' "$people"
  printf 'dn: CN=ada,%s\nchangetype: modify\nreplace: displayName\ndisplayName: Ada of the Quay\n\n' "$people"
  printf 'dn: CN=sailors,%s\nchangetype: modify\nadd: member\nmember: CN=gus,OU=Company,%s\n-\ndelete: member\nmember: CN=fay,%s\n\n' \
    "$people" "$people" "$people"
} | change
run 0 entra run
in_graph ada eve fay gus
[ "$(ask members Sailors | cut -d@ -f1 | paste -sd' ')" = "ada eve gus" ] || fail "members: $(ask members Sailors)"
ask user "ada@$verified" | grep -qF '"displayName":"Ada of the Quay"' || fail "the change did not arrive"
run 0 entra pending entra
says '0 adds, 0 updates, 0 renames, 0 deletes'

printf 'All of %d commands did as they should.\n' "$checks"
