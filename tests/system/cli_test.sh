#!/usr/bin/env bash
# The real binary on a state folder of its own, an LDIF file as its source: what it does, prints and answers with.
#
#   cli_test.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin cli "$1"
service=
before_end() { if [ -n "$service" ]; then kill "$service" 2>/dev/null || true; fi; }

# expect STATUS ARGUMENT...: runs the program without a configuration file, but for the one an argument may name.
expect() {
  local want=$1 got=0
  shift
  "$linkspan" --state-dir "$folder/state" "$@" >"$folder/out" 2>"$folder/err" </dev/null || got=$?
  heard
  [ "$got" = "$want" ] || fail "linkspan $*: exit status $got, not $want"
}

cat >"$folder/people.ldif" <<'LDIF'
version: 1

dn: uid=ada,ou=People,dc=corp,dc=example
objectClass: inetOrgPerson
entryUUID: 11111111-1111-4111-8111-111111111111
uid: ada
cn: Ada Lovelace
sn: Lovelace
mail: ada@corp.example

dn: uid=bo,ou=People,dc=corp,dc=example
objectClass: inetOrgPerson
entryUUID: 22222222-2222-4222-8222-222222222222
uid: bo
cn: Bo Ek
sn: Ek
mail: bo@corp.example
manager: uid=ada,ou=People,dc=corp,dc=example
LDIF
mkdir "$folder/rules"
sed 's/kind *= "ldap"/kind = "file"/' "$rules/ldap-to-scim.toml" >"$folder/rules/file-to-scim.toml"

# --- before there is anything
expect 0 --version
says linkspan
expect 0 --help
expect 2
expect 2 nonsense
error cli.usage
expect 2 run sideways
error cli.usage
expect 2 --json run sideways
json_error cli.usage
expect 2 connector account
error cli.usage
expect 1 status
error sql.no_folder
expect 1 --json status
json_error sql.no_folder
expect 1 --config "$folder/none.toml" status
error setup.no_config
printf 'database = 3\n' >"$folder/bad.toml"
expect 1 --config "$folder/bad.toml" status
error setup.config_file
printf '[database]\nurll = "x"\n' >"$folder/bad.toml"
expect 1 --config "$folder/bad.toml" status
error setup.config_file

# --- what needs no database
expect 0 expr 'Left([displayName], 3)' --set displayName=Linkspan
says Lin
expect 0 --json expr '[mail]' --set mail=a --set mail=b
json 'it["value"] == ["a", "b"]'
expect 1 --json expr 'NoSuch(1)'
json '"error" in it'
expect 0 rule check "$folder/rules"
expect 0 database schema --name people --role sync
says 'CREATE DATABASE "people" OWNER "sync"'
expect 0 database schema --dialect sqlserver --name people --role sync
says 'ALTER AUTHORIZATION ON DATABASE::[people] TO [sync];'
expect 2 database schema --dialect oracle
error cli.usage
expect 0 completion bash
bash -n "$folder/out" || fail "the bash completion does not parse"
expect 0 --json connector kinds
json '{"ldap", "scim", "file"} <= {k["name"] for k in it["kinds"]}'

# --- a database, connectors, rules
expect 0 database create
expect 0 --json database info
json 'it["schema"] >= 1 and it["moved_to"] is None'
expect 1 connector add corp --kind fiel --set path=x
error setup.no_kind
expect 2 connector add corp --kind file --set nonsense
error cli.usage
expect 0 connector add corp --kind file --set "path=$folder/people.ldif"
expect 1 connector add corp --kind file --set "path=$folder/people.ldif"
error store.duplicate_name
printf 'very-secret-token' >"$folder/token" && chmod 600 "$folder/token"
expect 0 connector add cloud --kind scim --set url=http://127.0.0.1:9/scim --secret-file "token=$folder/token"
expect 1 connector add other --kind scim --set url=http://127.0.0.1:9/scim --secret-file "tokken=$folder/token"
expect 2 connector add other --kind scim --set url=http://127.0.0.1:9/scim --secret-file very-secret-token
if grep -q very-secret-token "$folder/err"; then fail "a secret was repeated in an error"; fi
expect 0 --json connector list
json '[c["name"] for c in it["connectors"]] == ["corp", "cloud"]'
json 'it["connectors"][1]["credentials"][0]["state"] == "good"'
expect 0 connector test corp
expect 1 connector test cloud

# --- a service that nobody has described
if "$lab/scim.sh" up "$folder/scim" >/dev/null 2>&1; then
  # shellcheck disable=SC1091
  . "$folder/scim/env.sh"
  expect 0 connector probe "$LAB_SCIM_URL" --secret-file "token=$LAB_SCIM_TOKEN_FILE"
  says 'by questions only'
  expect 0 --json connector probe "$LAB_SCIM_URL" --secret-file "token=$LAB_SCIM_TOKEN_FILE" --write --output "$folder/probed.toml"
  json 'all(f["passed"] for f in it["found"]) and {"patch", "members", "cleaned up"} <= {f["name"] for f in it["found"]}'
  json "it[\"profile\"] == open(\"$folder/probed.toml\").read()"
  expect 0 connector add probed --kind scim --set "url=$LAB_SCIM_URL" --set "profile=$folder/probed.toml" \
    --secret-file "token=$LAB_SCIM_TOKEN_FILE"
  expect 0 connector test probed
  expect 0 connector edit probed --set profile=aws-identity-center
  expect 0 connector test probed
  expect 1 connector edit probed --set profile=no-such-profile
  error scim.profile
  expect 0 connector remove probed --yes
  expect 1 connector probe "$LAB_SCIM_URL" --secret-file "token=$folder/token"
  error scim.credentials
  expect 1 connector probe http://127.0.0.1:9/scim --kind ldap --secret-file "token=$folder/token"
  error cli.nothing_to_probe
fi
expect 0 rule import "$folder/rules"
expect 0 --json rule import "$folder/rules"
json 'it == {"added": [], "changed": [], "removed": []}'
printf '[[rule]]\nname = "x"\ndirection = "sideways"\n' >"$folder/broken.toml"
expect 1 rule import "$folder/broken.toml"
error setup.rules
expect 1 rule check "$folder/broken.toml"
expect 0 --json rule list
json 'len(it["rules"]) > 3'
expect 1 --json rule check "$folder/broken.toml"
json 'any(p["id"] == "rules.choice" and p["column"] == 13 and p["length"] == 10 for p in it["problems"])'
cat >"$folder/mine.toml" <<'END'
[[rule]]
name              = "Mine"
direction         = "inbound"
kind              = "ldap"
source            = "inetOrgPerson"
target            = "person"
link              = "join"
precedence_before = "In from LDAP: person common"
[rule.flows]
greeting = '"Dear " & [displayname]'
END
cat "$folder/mine.toml" "$rules/ldap-to-scim.toml" >"$folder/all.toml"
expect 0 rule check "$folder/all.toml"
says '^~~~~~~~~~~~~'
says 'Did you mean displayName?'
sed -i 's/"ldap"/"file"/' "$folder/mine.toml"
expect 0 rule import "$folder/mine.toml"
expect 0 --json rule import "$folder/mine.toml"
json 'it["changed"] == []'
expect 0 --json rule list
json '[r["precedence"] for r in it["rules"] if r["name"] == "Mine"] == [109]'

# --- the first slice: import, synchronize, look
expect 1 import crop
error run.no_connector
expect 0 import corp
expect 0 --json sync
json 'it["result"] == "success" and it["steps"][0]["counters"]["projected"] == 2'
expect 0 --json pending
json 'len(it["exports"]) == 2 and it["summary"][0]["adds"] == 2'
json 'len(it["summary"][0]["fingerprint"]) == 64 and not it["summary"][0]["guard"]["blocked"]'
expect 0 pending cloud
says Lovelace
expect 0 pending --csv --filter '[userName] = "ada"'
[ "$(grep -c 'bo@corp' "$folder/out")" = 0 ] || fail "the filter lets too much through"
expect 1 pending --filter 'NoSuch('
error cli.filter
expect 0 pending --save "$folder/saved"
expect 0 --json pending --compare "$folder/saved"
json 'it["different"] == 0'
sed -i '1d; s/Ek/Eek/' "$folder/saved"
expect 0 --json pending --compare "$folder/saved"
json 'it["different"] == 2'
expect 0 --json preview corp 'uid=bo,ou=People,dc=corp,dc=example'
json 'it["state"] == "joined" and it["targets"][0]["operation"] == "add"'
json 'it["rules"][0]["in_scope"] and it["targets"][0]["decision"].startswith("linked by")'
json '[j["group"] for j in it["targets"][0]["joins"]] == [1, 2] and it["targets"][0]["dropped_references"] == []'
expect 0 preview corp 'uid=bo,ou=People,dc=corp,dc=example'
says 'join group 2: userName = userName'
expect 1 preview corp uid=nobody
error preview.no_object
expect 0 --json rule diff database database
json 'it["different"] == 0 and it["identities"] == 2 and it["differences"] == []'
mkdir "$folder/changed"
sed 's/^givenName .*/givenName = { constant = "X" }/' "$folder/rules/file-to-scim.toml" >"$folder/changed/changed.toml"
expect 0 --json rule diff "$folder/rules" "$folder/changed"
json 'it["different"] == 2 and it["metaverse_attributes"] == {"givenName": 2}'
json 'it["targets"][0]["attributes"] == {"name.givenName": 2} and len(it["differences"]) == 2'
expect 0 rule diff "$folder/rules" "$folder/changed" --limit 1
says 'and 1 more'
expect 1 rule diff database "$folder/broken.toml"
error setup.rules
expect 2 rule diff database database --limit some
error cli.usage
expect 0 --json object show corp 11111111-1111-4111-8111-111111111111
json 'it["metaverse"]["type"] == "person" and len(it["objects"]) == 2'
expect 0 --json object search ada
json 'any(o["connector"] == "corp" for o in it["objects"])'

# --- runs that fail, and what they leave behind
expect 1 run
says 'not synchronized'
expect 1 --json export cloud
json_error net.unreachable
expect 0 --json history
json 'it["runs"][0]["profile"] == "export cloud" and it["runs"][0]["result"] == "failed"'
expect 0 history 1
expect 1 history 999
error cli.no_run

# --- switches and configuration
expect 0 staging on
expect 1 export cloud
expect 0 --json status
json 'it["staging"] and it["connectors"][1]["pending"]["adds"] == 2 and it["metaverse_objects"] == 2'
expect 1 staging off
expect 0 staging off --yes
expect 0 service pause
expect 0 service resume
expect 0 config export "$folder/config.toml"
expect 0 --json config diff "$folder/config.toml"
json 'it["same"]'
expect 0 config set guard.deletions 3
expect 1 config set guard.deletions lots
expect 1 config set no.such 3
error run.setting
expect 0 --json config diff "$folder/config.toml"
json '[d["what"] for d in it["differences"]] == ["setting guard.deletions"]'
if grep -rq very-secret-token "$folder/config.toml" "$folder/state"; then fail "a secret lies in the open"; fi

# --- keys
expect 0 --json key list
json 'it["opens"] and it["secrets"] == 1 and it["unopened"] == 0'
printf 'correct horse battery staple' >"$folder/passphrase" && chmod 600 "$folder/passphrase"
expect 0 key export "$folder/copy" --passphrase-file "$folder/passphrase"
mv "$folder/state/key_set" "$folder/key_set.away"
expect 0 --json key list
json 'not it["present"] and it["unopened"] == 1'
expect 1 --json export cloud
json_error setup.credentials
grep -q 'connector credentials cloud' "$folder/err" || fail "the hint does not name the command"
expect 1 doctor
expect 0 key import "$folder/copy" --passphrase-file "$folder/passphrase"
expect 0 --json key list
json 'it["opens"] and it["unopened"] == 0'
expect 0 --json key rotate
json 'it["secrets"] == 1'
expect 0 --json key list
json 'it["keys"] == 1 and it["unopened"] == 0'
rm "$folder/state/key_set"
expect 0 key abandon --yes
expect 0 --json key list
json 'it["secrets"] == 0'
expect 0 connector credentials cloud --secret-file "token=$folder/token" --no-test

# --- the lease of another
python3 - "$folder/state/linkspan.db" <<'PY'
import sqlite3, sys, time
now = int(time.time() * 1_000_000)
database = sqlite3.connect(sys.argv[1])
database.execute("UPDATE lease SET holder = 'elsewhere:1:x', expires_at = ?, seen_at = ?", (now + 600_000_000, now))
database.commit()
PY
expect 5 run
error run.lease_held
expect 5 --json staging on
json_error run.lease_held
expect 0 --json status
json 'it["in_charge"]["held"] and it["in_charge"]["holder"] == "elsewhere:1:x"'
python3 - "$folder/state/linkspan.db" <<'PY'
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("UPDATE lease SET holder = '', expires_at = 0")
database.commit()
PY

# --- the service
"$linkspan" --state-dir "$folder/state" --log-level info serve --listen 127.0.0.1:0 >"$folder/serve" 2>&1 &
service=$!
port=
for _ in $(seq 100); do
  port=$(sed -n 's/.*app.serving.*address="127.0.0.1:\([0-9]*\)".*/\1/p' "$folder/serve")
  [ -z "$port" ] || break
  sleep 0.1
done
[ -n "$port" ] || { cat "$folder/serve" >&2 && fail "the service does not say where it listens"; }
python3 - "$port" <<'PY'
import json, sys, urllib.request
base = f"http://127.0.0.1:{sys.argv[1]}"
assert json.load(urllib.request.urlopen(base + "/healthz"))["status"] == "alive"
assert json.load(urllib.request.urlopen(base + "/readyz"))["status"] == "ready"
assert "linkspan_objects{connector=\"corp\"} 2" in urllib.request.urlopen(base + "/metrics").read().decode()
PY
kill -TERM "$service"
status=0
wait "$service" || status=$?
service=
[ "$status" = 0 ] || fail "the service ended with exit status $status"
grep -q app.stopping "$folder/serve" || fail "the service did not say that it stops"

# --- removal
expect 0 connector remove cloud --yes
expect 0 --json status
json 'len(it["connectors"]) == 1'
printf 'All of %d commands did as they should.\n' "$checks"
