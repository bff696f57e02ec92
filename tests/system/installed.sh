#!/usr/bin/env bash
# What `cmake --install` puts into a prefix is the program with its rules and profiles, and it finds them there, wherever
# it is called from and by whatever link.
#
#   installed.sh PATH/TO/linkspan PATH/TO/cmake BUILD_FOLDER
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin installed "$1"
prefix=$folder/prefix

say "install"
"$2" --install "$3" --prefix "$prefix" >"$folder/last" 2>&1 || fail "it cannot be installed"
for file in rules/ldap-to-scim.toml rules/csv-to-graph-upload.toml profiles/scim/entra-scim.toml; do
  cmp "$lab/../$file" "$prefix/share/linkspan/$file" || fail "$file is not installed"
done

# expect STATUS ARGUMENT...: the installed program, called by a link from elsewhere.
mkdir "$folder/elsewhere"
ln -s "$prefix/bin/linkspan" "$folder/elsewhere/called"
expect() {
  local want=$1 got=0
  shift
  (cd "$folder/elsewhere" && ./called --state-dir "$folder/state" "$@") >"$folder/out" 2>"$folder/err" </dev/null || got=$?
  heard
  [ "$got" = "$want" ] || fail "linkspan $*: exit status $got, not $want"
}

say "profiles"
expect 0 database create
export LINKSPAN_TEST_TOKEN=token
add=(connector add svc --kind scim --set url=http://127.0.0.1:1 --secret-env token=LINKSPAN_TEST_TOKEN)
expect 1 "${add[@]}" --set profile=no-such-profile
grep -q "$prefix/share/linkspan/profiles/scim/no-such-profile.toml" "$folder/err" || fail "it looks for profiles elsewhere"
expect 0 "${add[@]}" --set profile=entra-scim

say "rules"
expect 0 rule check "$prefix/share/linkspan/rules/ldap-to-scim.toml"
say "$checks commands, as they should"
