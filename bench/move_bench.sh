#!/usr/bin/env bash
# A move from SQLite to PostgreSQL, with its verification, against psql's binary \copy of the same rows into the same
# tables with the same indexes, on the same server, in one run. The ratio is what counts.
#
#   bench/move_bench.sh [PEOPLE] [RUNS]        100000 and 3; everything lives in build/bench-move and is stopped at the end
#
# MOVE_TOOL names a built state_generator; without it a release build of it is made.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PEOPLE=${1:-100000}
RUNS=${2:-3}
WORK=$ROOT/build/bench-move
TOOL=${MOVE_TOOL:-$ROOT/build/release/bench/state_generator}

build_tool() {
  [ -z "${MOVE_TOOL:-}" ] || return 0
  cmake --preset release -S "$ROOT" -DLINKSPAN_BENCHMARKS=ON >/dev/null
  cmake --build "$ROOT/build/release" --target state_generator >/dev/null
}

url() { sed -E "s#^([a-z]+://[^/]+/)[^?]*#\1$1#" <<<"$LAB_PG_URL"; }
sql() { psql -X -q -At -v ON_ERROR_STOP=1 -d "$(url "$1")" "${@:2}"; }
now() { date +%s.%N; }
calculate() { python3 -c "print(f'{$1}')"; }

fresh() {
  sql postgres -c "DROP DATABASE IF EXISTS $1" -c "CREATE DATABASE $1 TEMPLATE template0 ENCODING 'UTF8'"
  sql postgres -c CHECKPOINT
}

dump() {
  rm -rf "$WORK/files" && mkdir "$WORK/files"
  TABLES=$(sql moved -c "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
  for table in $TABLES; do sql moved -c "\\copy \"$table\" TO '$WORK/files/$table' WITH (FORMAT binary)"; done
  pg_dump --schema-only --no-owner -d "$(url moved)" >"$WORK/schema.sql"
}

# One psql for all the tables, so that starting it counts once.
copy_with_psql() {
  fresh copied
  psql -X -q -d "$(url copied)" -f "$WORK/schema.sql" >/dev/null
  for table in $TABLES; do
    printf "\\\\copy \"%s\" FROM '%s' WITH (FORMAT binary)\n" "$table" "$WORK/files/$table"
  done >"$WORK/copy.sql"
  local begin
  begin=$(now)
  sql copied -f "$WORK/copy.sql"
  COPIED=$(calculate "$(now)-$begin:.2f")
}

move() {
  fresh moved
  cp "$WORK/state.db" "$WORK/source.db"
  local begin
  begin=$(now)
  /usr/bin/env python3 - "$TOOL" "$WORK" "$(url moved)" <<'PYTHON'
import os, subprocess, sys
tool, work, url = sys.argv[1:]
process = subprocess.Popen([tool, "move", f"sqlite://{work}/source.db", url], stdout=open(f"{work}/moved", "w"))
_, status, usage = os.wait4(process.pid, 0)
open(f"{work}/peak", "w").write(f"{usage.ru_maxrss / 1024:.0f}")
sys.exit(os.waitstatus_to_exitcode(status))
PYTHON
  MOVED=$(calculate "$(now)-$begin:.2f")
}

build_tool
mkdir -p "$WORK"
"$ROOT/lab/postgresql.sh" up "$WORK/pg" >/dev/null
trap '"$ROOT/lab/postgresql.sh" remove "$WORK/pg" >/dev/null; rm -rf "$WORK"' EXIT
# shellcheck disable=SC1091
. "$WORK/pg/env.sh"
export PGPASSFILE=$LAB_PG_PASSFILE
export PGOPTIONS="-c client_min_messages=warning"
"$TOOL" fill "sqlite://$WORK/state.db" "$PEOPLE"
move && dump
for _ in $(seq "$RUNS"); do
  move
  copy_with_psql
  read -r copying verifying rows bytes <"$WORK/moved"
  echo "move of $rows rows, $((bytes >> 20)) MiB: $MOVED s (copy $copying, verify $verifying), psql \\copy: $COPIED s," \
    "ratio $(calculate "$MOVED/$COPIED:.2f"), peak $(cat "$WORK/peak") MiB"
done
