#!/usr/bin/env bash
# Two services on one PostgreSQL and a SCIM service: one leads, the other stands by and takes over. A leader that was
# paused in the middle of an export (SIGSTOP), and wakes up (SIGCONT) after the other has taken over, sends and writes
# nothing more. Then step-down, and an end by SIGTERM.
#
#   standby.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin standby "$1"
PEOPLE=150

must() { run 0 one "$@"; }
leads() { "$linkspan" --config "$folder/one/linkspan.toml" --state-dir "$folder/one" --json status 2>/dev/null |
  python3 -c 'import json, sys; sys.exit(not any(s["leads"] and f":{sys.argv[1]}:" in s["name"] for s in json.load(sys.stdin)["servers"]))' "$1"; }
stands_by() { "$linkspan" --config "$folder/one/linkspan.toml" --state-dir "$folder/one" --json status 2>/dev/null |
  python3 -c 'import json, sys; sys.exit(not any(not s["leads"] and f":{sys.argv[1]}:" in s["name"] for s in json.load(sys.stdin)["servers"]))' "$1"; }
users() { service __count | python3 -c 'import json, sys; print(json.load(sys.stdin)["users"])'; }
some_users() { [ "$(users)" -ge "$1" ]; }
stats() { service __stats; }
# newest RESULT: the newest run of the history ended so.
newest() {
  run 0 one --json history
  python3 -c 'import json, sys; it = json.load(open(sys.argv[1])); sys.exit(it["runs"][0]["result"] != sys.argv[2])' "$folder/out" "$1"
}

say "servers"
directory_and_service "$PEOPLE" 5
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
"$lab/postgresql.sh" role "$folder/pg" shared >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/env.sh" && . "$folder/pg/role-shared.sh"
for server in one two; do
  mkdir -m 700 "$folder/$server"
  printf '[database]\nurl = "%s"\npassword_file = "%s"\n[log]\nlevel = "debug"\n' "$LAB_ROLE_URL" "$LAB_ROLE_PASSWORD_FILE" \
    >"$folder/$server/linkspan.toml"
done
must database create
must connector add northquay --kind ldap --set "url=$LAB_LDAPS_URL" --set "ca_file=$LAB_LDAP_CA" \
  --set "bind_dn=$LAB_LDAP_BIND_DN" --set "containers=$LAB_LDAP_BASE" --secret-file "password=$LAB_LDAP_PASSWORD_FILE"
must connector add cloud --kind scim --set "url=$LAB_SCIM_URL" --secret-file "token=$LAB_SCIM_TOKEN_FILE"
must rule import "$rules/ldap-to-scim.toml"
must staging off --yes
must config set lease.lasts 8s
cp "$folder/one/key_set" "$folder/two/key_set"

say "the leader is paused in the middle of its first export"
service_fails '{"match": "POST /Users", "delay": 3000, "times": -1}'
serve one
first=$pid
wait_for 60 "the first service leads" leads "$first"
serve two
second=$pid
wait_for 60 "the second service stands by" stands_by "$second"
wait_for 90 "an export begins" some_users 5
kill -STOP "$first"
stopped_at=$(users)
[ "$stopped_at" -lt "$PEOPLE" ] || fail "the export was over before the leader was paused"
wait_for 60 "the second service takes over" leads "$second"
service_fails '{}'
all_exported() { newest success; }
wait_for 120 "the new leader's cycle" all_exported
compare
must --json history
json 'any(run["result"] == "interrupted" for run in it["runs"])'
stats >"$folder/before"
must --json status
python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["last_run"]["run"])' "$folder/out" >"$folder/last_run"

say "it wakes up"
kill -CONT "$first"
wait_for 60 "it finds that it no longer leads" grep -q 'run.no_longer_leads\|store.lease_lost' "$folder/one.log"
wait_for 60 "it stands by" stands_by "$first"
stats >"$folder/after"
cp "$folder/after" "$folder/last"
python3 - "$folder/before" "$folder/after" <<'PY' || fail "it sent something after it woke up"
import json, sys
before, after = (json.load(open(name)) for name in sys.argv[1:3])
def writes(stats):
    return {key: value for key, value in stats.get("requests", stats).items()
            if isinstance(value, int) and key.split(" ")[0] in ("POST", "PUT", "PATCH", "DELETE")}
assert writes(before) == writes(after), (writes(before), writes(after))
PY
compare
must --json status
json "it['last_run']['run'] == $(cat "$folder/last_run")"
must pending --summary

say "step-down"
must --json service step-down --for 5s
json "':$second:' in it['stepped_down'] and it['seconds'] == 5"
wait_for 60 "the first leads again" leads "$first"
wait_for 60 "the second stands by" stands_by "$second"
must status
says "leads, seen"

say "the leader ends, the other follows at once"
kill -TERM "$first"
wait "$first" || fail "the first service did not end well"
wait_for 30 "the second leads" leads "$second"
run 1 one service step-down
error run.no_standby
must service step-down --yes
says "steps down"
kill -TERM "$second"
wait "$second" || fail "the second service did not end well"
person new1 | modify -c
must run
compare
say "done"
