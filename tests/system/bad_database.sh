#!/usr/bin/env bash
# Every way to name a database wrongly, with the real binary and a real server: each is refused with an id of its own
# and a hint, and nothing is made or changed by it. docs/messages/README.md has the table.
#
#   bad_database.sh PATH/TO/linkspan
set -euo pipefail
# shellcheck source=tests/system/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
begin baddb "$1"
silent=
mounted=
before_end() {
  if [ -n "$silent" ]; then kill "$silent" 2>/dev/null || true; fi
  if [ -n "$mounted" ]; then umount "$mounted" 2>/dev/null || true; fi
}
# refused ID URL [ARGUMENT...]: `status` (or ARGUMENT...) on that database ends so.
refused() {
  local id=$1 url=$2
  shift 2
  [ $# -gt 0 ] || set -- status
  run 1 dba --database "$url" "$@"
  error "$id"
  if grep -q 'Qu4y' "$folder/last"; then fail "a password is shown"; fi
}
opens() { run 0 dba --database "$1" database info; }
mkdir -m 700 "$folder/dba"
(umask 077 && : >"$folder/dba/linkspan.toml")

say "URLs that are none"
refused sql.url_scheme state.db
refused sql.url_scheme 'mysql://ada:Qu4y@127.0.0.1/linkspan'
refused sql.url_path sqlite://relative.db
refused sql.url_path "sqlite://$folder/$(printf 'x%.0s' $(seq 300))"
refused sql.url_parameter "sqlite://$folder/state.db?mode=ro"
refused sql.url_encoding "sqlite://$folder/100%.db"
refused sql.url_encoding 'postgresql://ada:Qu4y%@127.0.0.1/linkspan'
refused sql.url_port 'postgresql://ada:Qu4y@127.0.0.1:0/linkspan'
refused sql.url_port 'postgresql://ada:Qu4y@127.0.0.1:65536/linkspan'
refused sql.url_port 'postgresql://ada:Qu4y@127.0.0.1:port/linkspan'
refused sql.url_parameter 'postgresql://ada@127.0.0.1/linkspan?ssl_mode=require'
says 'sslmode'
refused sql.url_parameter 'postgresql://ada@127.0.0.1/linkspan?sslmode'
refused sql.url 'postgresql://ada:Qu4y@[::1/linkspan'
refused sql.url 'sqlserver://ada:Qu4y@127.0.0.1'
refused sql.url 'sqlserver://ada:Qu4y@127.0.0.1/master'
refused sql.url 'sqlserver://ada:Qu4y@127.0.0.1\no instance/linkspan'
refused sql.url_port 'sqlserver://ada:Qu4y@127.0.0.1,70000/linkspan'
refused sql.url_parameter 'sqlserver://ada:Qu4y@127.0.0.1/linkspan?encrypt=perhaps'
refused sql.url_parameter 'sqlserver://ada:Qu4y@127.0.0.1/linkspan?encrpyt=yes'
says 'encrypt'

say "files that are none"
refused sql.no_database "sqlite://$folder/none.db"
refused sql.no_folder "sqlite://$folder/no/such/state.db" database create
printf 'a letter to the administrator, and no database, but long enough to be taken for one at the first look' >"$folder/letter.txt"
cp "$folder/letter.txt" "$folder/letter.kept"
refused sql.not_a_database "sqlite://$folder/letter.txt"
refused sql.not_a_database "sqlite://$folder/letter.txt" database create
cmp "$folder/letter.txt" "$folder/letter.kept" || fail "a letter was written to"
refused sql.no_folder "sqlite://$folder/letter.txt/state.db" database create
refused sql.not_a_file "sqlite://$folder"
refused sql.not_a_file "sqlite://$folder" database create
mkfifo "$folder/pipe.db"
refused sql.not_a_file "sqlite://$folder/pipe.db"
ln -s two.db "$folder/one.db" && ln -s one.db "$folder/two.db"
refused sql.link_loop "sqlite://$folder/one.db" database create
ln -s gone.db "$folder/dangling.db"
refused sql.dangling_link "sqlite://$folder/dangling.db" database create
[ ! -e "$folder/gone.db" ] || fail "a database was made behind a link"
refused store.memory sqlite::memory:

run 0 dba --database "sqlite://$folder/state.db" database create
ln -s state.db "$folder/link.db"
opens "sqlite://$folder/link.db"
: >"$folder/empty.db"
refused store.empty "sqlite://$folder/empty.db"
python3 -c 'import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("CREATE TABLE invoice (id INTEGER)")
database.commit()' "$folder/other.db"
refused store.not_linkspan "sqlite://$folder/other.db"
refused store.not_linkspan "sqlite://$folder/other.db" database create
cp "$folder/state.db" "$folder/newer.db"
python3 -c 'import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
columns = [row[1] for row in database.execute("PRAGMA table_info(schema_migration)")]
newest = list(database.execute("SELECT * FROM schema_migration ORDER BY 1 DESC LIMIT 1").fetchone())
newest[0] = 9999
database.execute("INSERT INTO schema_migration VALUES (" + ", ".join("?" * len(columns)) + ")", newest)
database.commit()' "$folder/newer.db"
refused sql.newer_schema "sqlite://$folder/newer.db"

say "files that may not be read or written"
if [ "$(id -u)" -eq 0 ]; then # root may read anything: somebody else asks
  chmod 755 "$folder" && chmod 600 "$folder/state.db"
  got=0
  setpriv --reuid nobody --regid nogroup --clear-groups -- "$linkspan" --database "sqlite://$folder/state.db" status \
    >"$folder/out" 2>"$folder/err" </dev/null || got=$?
  heard
  [ "$got" = 1 ] || fail "somebody else's file: exit status $got"
  error sql.permission
  chmod 700 "$folder"
  mkdir "$folder/disc"
  if mount -t tmpfs -o size=20m none "$folder/disc" 2>/dev/null; then
    mounted=$folder/disc
    cp "$folder/state.db" "$mounted/state.db"
    mount -o remount,ro "$mounted"
    refused sql.read_only "sqlite://$mounted/state.db"
    refused sql.read_only "sqlite://$mounted/new.db" database create
  else
    say "NOT RUN: a file system that may only be read (no right to mount)"
  fi
else
  chmod 000 "$folder/state.db"
  refused sql.permission "sqlite://$folder/state.db"
  chmod 600 "$folder/state.db"
fi

say "servers that are not there"
ports=$(python3 -c 'import socket
taken = socket.socket()
taken.bind(("127.0.0.1", 0))
print(taken.getsockname()[1])')
refused sql.unreachable "postgresql://ada@127.0.0.1:$ports/linkspan"
refused sql.unknown_host 'postgresql://ada@no-such-host.invalid/linkspan'
python3 -u -c 'import socket, time
silent = socket.socket()
silent.bind(("127.0.0.1", 0))
silent.listen(5)
print(silent.getsockname()[1])
time.sleep(600)' >"$folder/silent" &
silent=$!
for _ in $(seq 600); do
  [ ! -s "$folder/silent" ] || break
  sleep 0.05
done
refused sql.no_answer "postgresql://ada@127.0.0.1:$(cat "$folder/silent")/linkspan?connect_timeout=1"

say "a server that does not let us in"
"$lab/postgresql.sh" up "$folder/pg" >/dev/null
"$lab/postgresql.sh" role "$folder/pg" quay >/dev/null
# shellcheck disable=SC1091
. "$folder/pg/env.sh" && . "$folder/pg/role-quay.sh"
export PGPASSFILE=$LAB_PG_PASSFILE
# administer SQL [DATABASE]: by the superuser.
administer() {
  PGPASSFILE=$LAB_PG_PASSFILE psql -X -q -v ON_ERROR_STOP=1 -At -d "${LAB_PG_URL/\/postgres\?/\/${2:-postgres}?}" -c "$1" >/dev/null
}
run 0 dba --database "$LAB_ROLE_URL" database create
opens "$LAB_ROLE_URL"
server="127.0.0.1:$LAB_PG_PORT"
tls="sslmode=verify-full&sslrootcert=$LAB_PG_CA"
refused sql.no_database "postgresql://quay@$server/nowhere?$tls"
refused sql.denied "postgresql://quay:wrong-Qu4y@$server/quay?$tls"
refused sql.denied "postgresql://stranger:wrong-Qu4y@$server/quay?$tls"
refused sql.denied "postgresql://nopassword@$server/quay?$tls"
refused sql.ca_file "postgresql://quay@$server/quay?sslmode=verify-full&sslrootcert=$folder/none.pem"

say "certificates"
lab_tls=$folder/pg/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 10 -subj '/CN=somebody else' \
  -keyout "$folder/other.key" -out "$folder/other.pem" 2>/dev/null
refused sql.certificate_untrusted "postgresql://quay@$server/quay?sslmode=verify-full&sslrootcert=$folder/other.pem"
refused sql.certificate_name "postgresql://quay@db.quay.example:$LAB_PG_PORT/quay?hostaddr=127.0.0.1&$tls"
# serve_with CERTIFICATE: the server shows it from now on.
serve_with() {
  cat "$1" >"$(readlink -f "$folder/pg/data")/server.crt"
  administer 'SELECT pg_reload_conf()'
}
openssl x509 -req -in "$lab_tls/server.csr" -CA "$lab_tls/ca.pem" -CAkey "$lab_tls/ca.key" -CAcreateserial -days -1 \
  -extfile "$lab_tls/server.ext" -out "$folder/expired.pem" 2>/dev/null
serve_with "$folder/expired.pem"
for _ in $(seq 200); do # the reload takes a moment
  run 1 dba --database "$LAB_ROLE_URL" status
  if ! grep -qF '[sql.' "$folder/last" || grep -qF '[sql.certificate_expired]' "$folder/last"; then break; fi
  sleep 0.1
done
refused sql.certificate_expired "$LAB_ROLE_URL"
LAB_PG_URL=${LAB_PG_URL/verify-full/require}
LAB_PG_URL=${LAB_PG_URL%%&sslrootcert*}
serve_with "$lab_tls/server.pem"
for _ in $(seq 200); do
  if "$linkspan" --database "$LAB_ROLE_URL" status >"$folder/out" 2>"$folder/err" </dev/null; then break; fi
  sleep 0.1
done
opens "$LAB_ROLE_URL"

say "databases that will not do"
administer "CREATE DATABASE latin OWNER quay ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
refused sql.encoding "postgresql://quay@$server/latin?$tls"
administer 'CREATE DATABASE invoices OWNER quay'
refused store.empty "postgresql://quay@$server/invoices?$tls"
administer 'CREATE TABLE invoice (id int)' invoices
refused store.not_linkspan "postgresql://quay@$server/invoices?$tls"
refused store.not_linkspan "postgresql://quay@$server/invoices?$tls" database create
administer 'CREATE DATABASE newer OWNER quay TEMPLATE quay'
administer "INSERT INTO schema_migration SELECT (jsonb_populate_record(m, '{\"number\": 9999}')).* FROM schema_migration m ORDER BY 1 DESC LIMIT 1" newer
refused sql.newer_schema "postgresql://quay@$server/newer?$tls"
administer 'ALTER ROLE quay IN DATABASE quay SET default_transaction_read_only = on'
refused sql.read_only "$LAB_ROLE_URL"
administer 'ALTER ROLE quay IN DATABASE quay RESET default_transaction_read_only'
administer 'CREATE ROLE visitor LOGIN'
administer "ALTER ROLE visitor PASSWORD 'visitor-Qu4y'"
refused sql.permission "postgresql://visitor:visitor-Qu4y@$server/newer?$tls"
opens "$LAB_ROLE_URL"

if [ -n "${LINKSPAN_TEST_SQLSERVER_URL:-}" ]; then
  say "a SQL Server"
  plain=$(sqlserver_database quay)
  # with PASSWORD [DATABASE]: the URL, with that in it.
  with() {
    local url=${plain/@/:$1@}
    printf '%s' "${url/$(sqlserver_name quay)/${2:-$(sqlserver_name quay)}}"
  }
  here=$(with "$(cat "$folder/quay.password")")
  refused store.empty "$here"
  run 0 dba --database "$here" database create
  opens "$here"
  refused sql.denied "$(with wrong-Qu4y)"
  refused sql.no_database "$(with "$(cat "$folder/quay.password")" linkspan_nowhere)"
  refused sql.unreachable "$(sed "s#@[^/]*/#@127.0.0.1:$ports/#" <<<"$here")"
  refused sql.certificate "${here%%\?*}?driver=freetds&ca_file=$folder/other.pem"
  sqlserver execute "$(sqlserver_name quay)" \
    "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES (9999, 'later', '00', 0)"
  refused sql.newer_schema "$here"
  sqlserver_database invoices >/dev/null
  sqlserver execute "$(sqlserver_name invoices)" 'CREATE TABLE invoice (id bigint)'
  refused store.not_linkspan "$(with "$(cat "$folder/quay.password")" "$(sqlserver_name invoices)")"
  if grep -qF -- "$(cat "$folder/quay.password")" "$folder/said"; then fail "the password is shown"; fi
else
  say "NOT RUN: a SQL Server's databases (LINKSPAN_TEST_SQLSERVER_URL names none)"
fi

say "the manual has a paragraph for every id that was met"
grep -oE '\[(sql|store)\.[a-z_]+\]' "$folder/said" | tr -d '[]' | sort -u | while read -r id; do
  grep -q "^## $id\$" "$(dirname "$lab")/docs/messages/${id%%.*}.md" || fail "$id has no paragraph"
  grep -qF "\`$id\`" "$(dirname "$lab")/docs/messages/README.md" || fail "$id is not in the table"
done
say "done, $checks checks"
