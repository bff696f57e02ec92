#!/usr/bin/env bash
# Two controllers of a Samba domain that replicate, and one of them gone at a time: deltas go on at the other, miss
# nothing, and take nobody for gone whom the other has not heard of yet.
#
#   ad_controllers.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin controllers "$1"
if [ "$(id -u)" -ne 0 ] || ! command -v samba samba-tool ldbmodify >/dev/null; then
  say "skipped: a domain controller needs root and the packages samba-ad-dc and ldb-tools"
  exit 77
fi
before_end() { for one in first second; do "$lab/samba.sh" remove "$folder/$one" >/dev/null 2>&1 || true; done; }
must() { run 0 state "$@"; }

say "two controllers"
"$lab/samba.sh" up "$folder/first" >/dev/null
"$lab/samba.sh" join "$folder/second" "$folder/first" >/dev/null
"$lab/scim.sh" up "$folder/scim" >/dev/null
# shellcheck disable=SC1091
. "$folder/second/env.sh" && second_url=$LAB_AD_LDAPS_URL && . "$folder/first/env.sh" && . "$folder/scim/env.sh"
cat "$folder/first/tls/ca.pem" "$folder/second/tls/ca.pem" >"$folder/ca.pem"
people=OU=People,$LAB_AD_BASE
change() { domain_change "$1" "$folder/ca.pem"; }
user() { domain_user "$1" "$people" "$LAB_AD_DOMAIN"; }
replicate() { "$lab/samba.sh" replicate "$folder/$1" "$folder/$2" >/dev/null; }
{
  printf 'dn: %s\nchangetype: add\nobjectClass: organizationalUnit\n\n' "$people" "OU=Crew,$people"
  for name in ada bob cy; do user "$name"; done
  printf 'dn: CN=sailors,%s\nchangetype: add\nobjectClass: group\nsAMAccountName: sailors\ndisplayName: Sailors\n' "$people"
  printf 'member: CN=%s,%s\n' ada "$people" bob "$people"
} | change "$LAB_AD_LDAPS_URL"

cat >"$folder/answers.toml" <<TOML
mode = "custom"
[database]
url = "sqlite://$folder/state/state.db"
[[directory]]
name = "corp"
kind = "ad"
url = ["$LAB_AD_LDAPS_URL", "$second_url"]
ca_file = "$folder/ca.pem"
containers = ["$people"]
administrator = "$LAB_AD_ADMIN"
administrator_password_file = "$LAB_AD_ADMIN_PASSWORD_FILE"
[target]
name = "cloud"
kind = "scim"
url = "$LAB_SCIM_URL"
token_file = "$LAB_SCIM_TOKEN_FILE"
TOML
must setup --custom --answers "$folder/answers.toml" --accept-license
for limit in deletions membership_removals; do must config set "guard.$limit" 500; done
must run full
arrived ada bob cy
user dee | change "$LAB_AD_LDAPS_URL"
replicate second first

# delta: a cycle whose import of the directory was none in full.
delta() {
  must run
  if grep -q 'import corp: ' "$folder/last"; then fail "the import was not the delta it should be"; fi
}

say "the first one is away"
# Nobody but the first one knows fay.
user fay | change "$LAB_AD_LDAPS_URL"
delta
arrived ada bob cy dee fay
"$lab/samba.sh" down "$folder/first" >/dev/null
{
  user eve
  printf 'dn: CN=bob,%s\nchangetype: delete\n\n' "$people"
  printf 'dn: CN=cy,%s\nchangetype: modrdn\nnewrdn: CN=cyd\ndeleteoldrdn: 1\nnewsuperior: OU=Crew,%s\n\n' "$people" "$people"
  printf 'dn: CN=sailors,%s\nchangetype: modify\nadd: member\nmember: CN=dee,%s\n\n' "$people" "$people"
} | change "$second_url"
delta
arrived ada cy dee eve fay
has_members 2
user gus | change "$second_url"

say "the first one is back, and knows nothing yet of what happened"
"$lab/samba.sh" up "$folder/first" >/dev/null
user hal | change "$LAB_AD_LDAPS_URL"
delta
arrived ada cy dee eve fay hal
replicate first second
replicate second first
delta
arrived ada cy dee eve fay gus hal
say "everything as by a full import"
must import corp --full
must sync
must pending cloud
says '0 adds, 0 updates, 0 renames, 0 deletes'

say "by uSNChanged a change of controller is a full import"
must connector edit corp --set changes=usn
must run
user ida | change "$LAB_AD_LDAPS_URL"
delta
arrived ada cy dee eve fay gus hal ida
replicate second first
"$lab/samba.sh" down "$folder/first" >/dev/null
printf 'dn: CN=hal,%s\nchangetype: delete\n\n' "$people" | change "$second_url"
must run
says 'another controller than the last time'
arrived ada cy dee eve fay gus ida

printf 'All of %d commands did as they should.\n' "$checks"
