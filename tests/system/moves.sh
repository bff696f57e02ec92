# shellcheck shell=bash
# What the tests share that break moves. Sourced after common.sh, never run:
#
#   begin NAME "$1"
#   . "$(dirname "${BASH_SOURCE[0]}")/moves.sh"
#   origins PATH/TO/state_generator PEOPLE
#
# After origins: the server `origin` with a state of so many people in SQLite, the same in the PostgreSQL database
# `origin`, $folder/sums, what `database verify` says of both, and $random_seed, printed, for RANDOM_SEED.

random_seed=${RANDOM_SEED:-$$}
RANDOM=$random_seed
printf 'RANDOM_SEED=%s\n' "$random_seed"

# as SERVER ARGUMENT...: the program as that server, with every password it may need; for what `run` is too strict for.
as() {
  local server=$1
  shift
  PGPASSFILE=$LAB_PG_PASSFILE "$linkspan" --config "$folder/$server/linkspan.toml" --state-dir "$folder/$server" "$@" </dev/null
}
# administrator [DATABASE] <SQL: as the DBA.
administrator() {
  PGPASSFILE=$LAB_PG_PASSFILE PGOPTIONS='-c client_min_messages=warning' psql -qXAt -v ON_ERROR_STOP=1 "${LAB_PG_URL/\/postgres\?//${1:-postgres}?}"
}
# url_of DATABASE: one that the role `mover` owns; by way of the port $via if that is set, with $parameters.
url_of() {
  local url=${LAB_ROLE_URL/\/mover\?//$1?}
  printf '%s' "${url/:$LAB_PG_PORT\//:${via:-$LAB_PG_PORT}/}${parameters:-}"
}
# database NAME [OPTION...]: an empty one of the role `mover`.
database() {
  printf 'CREATE DATABASE %s OWNER mover TEMPLATE template0 ENCODING %s %s;\n' "$1" "'UTF8'" "${*:2}" | administrator
}
drop() { printf 'DROP DATABASE IF EXISTS %s WITH (FORCE);\n' "$1" | administrator; }

postgresql_with_mover() {
  "$lab/postgresql.sh" up "$folder/pg" >/dev/null
  "$lab/postgresql.sh" role "$folder/pg" mover >/dev/null
  # shellcheck disable=SC1091
  . "$folder/pg/env.sh" && . "$folder/pg/role-mover.sh"
}

# A setting that `writable` writes is there from the beginning, so that the sums stay what they are.
origins() {
  postgresql_with_mover
  mkdir -m 700 "$folder/origin"
  : >"$folder/origin/linkspan.toml"
  "$1" fill "sqlite://$folder/origin/linkspan.db" "$2" 10
  run 0 origin config set guard.deletions 500
  sums origin >"$folder/sums"
  [ "$(wc -l <"$folder/sums")" -gt 10 ] || fail "no sums"
  cp -a "$folder/origin" "$folder/moved"
  database origin
  run 0 moved database move --to "$(url_of origin)" --password-file "$LAB_ROLE_PASSWORD_FILE" --yes
  rm -rf "$folder/moved"
}

# sums SERVER [--database URL]: what every table of its database holds, and that all is well in it.
sums() {
  as "$@" --json database verify >"$folder/out" 2>"$folder/err" || { heard && fail "$1: the database is not sound"; }
  heard
  python3 -c 'import json, sys
for one in json.load(open(sys.argv[1]))["tables"]: print(one["name"], one["rows"], one["checksum"])' "$folder/out"
}
same_sums() {
  sums "$@" >"$folder/sums.$1"
  diff "$folder/sums" "$folder/sums.$1" >"$folder/last" || fail "$1: not what it was"
}

# server NAME KIND: a server of its own on a copy of the state, in `sqlite` or `postgresql`; $from is its database.
server() {
  mkdir -pm 700 "$folder/$1"
  if [ "$2" = sqlite ]; then
    cp "$folder/origin/linkspan.db" "$folder/$1/linkspan.db"
    : >"$folder/$1/linkspan.toml"
    from=sqlite://$folder/$1/linkspan.db
  else
    printf 'CREATE DATABASE %s_from OWNER mover TEMPLATE origin;\n' "$1" | administrator
    from=$(url_of "$1_from")
    printf '[database]\nurl = "%s"\npassword_file = "%s"\n' "$from" "$LAB_ROLE_PASSWORD_FILE" >"$folder/$1/linkspan.toml"
  fi
}
# target NAME KIND: an empty one for that server; $url, and $to for a move there.
target() {
  if [ "$2" = sqlite ]; then
    url=sqlite://$folder/$1/new.db
    to=(--to "$url")
  else
    database "$1_to"
    url=$(url_of "$1_to")
    to=(--to "$url" --password-file "$LAB_ROLE_PASSWORD_FILE")
  fi
}
# forget SERVER: with all that it had.
forget() {
  rm -rf "${folder:?}/$1" "$folder/sums.$1"
  drop "$1_from"
  drop "$1_to"
}

# directions: which kind of source and of target the attempt with that number has.
direction() {
  case $(($1 % 5)) in
    0 | 1) source_kind=sqlite target_kind=postgresql ;;
    2 | 3) source_kind=postgresql target_kind=sqlite ;;
    4) source_kind=postgresql target_kind=postgresql ;;
  esac
}

# mover SERVER: begins its move in the background; $mover is the process, $folder/mover what it says. It has no $patience
# with a server that goes away, unless that is set.
mover() {
  # exec: the process itself is our child, so that wait() buries it; an unburied one still counts as alive.
  (exec "$linkspan" --config "$folder/$1/linkspan.toml" --state-dir "$folder/$1" database move "${to[@]}" --yes \
    --patience "${patience:-0s}" "${@:2}" </dev/null >"$folder/mover" 2>&1) &
  mover=$!
}
# moment MILLISECONDS: lets that time pass.
moment() { sleep "$(printf '%d.%03d' "$(($1 / 1000))" "$(($1 % 1000))")"; }

# measure KINDS...: $longest, how many milliseconds an undisturbed move of that direction takes here.
measure() {
  local begin
  server timed "$1"
  target timed "$2"
  begin=$(date +%s%N)
  run 0 timed database move "${to[@]}" --yes
  longest=$((($(date +%s%N) - begin) / 1000000 + 1))
  same_sums timed
  forget timed
}

# writable SERVER URL: whether that database takes a write.
writable() { as "$1" --database "$2" config set guard.deletions 500 >"$folder/last" 2>&1; }
# exactly_one SERVER: of its old database $from and its new one $url is in charge; $charge says which.
exactly_one() {
  local old=0 new=0
  if writable "$1" "$from"; then old=1; fi
  if writable "$1" "$url"; then new=1; fi
  [ "$((old + new))" = 1 ] || fail "$1: in charge: old $old, new $new"
  if [ "$old" = 1 ]; then charge=old; else charge=new; fi
}
# in_charge SERVER old|new.
in_charge() {
  exactly_one "$1"
  [ "$charge" = "$2" ] || fail "$1: the $charge database is in charge, not the $2 one"
}
# ends_well SERVER: the move, repeated, comes to its end: all is there, and the new database is in charge.
ends_well() {
  run 0 "$1" database move "${to[@]}" --yes "${@:2}"
  in_charge "$1" new
  same_sums "$1"
}
