"""What the benchmarks of bench/run share: processes and their cost, and PostgreSQL's own tools as the other side."""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bench"


def call(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, **options)


def environment_of(folder):
    lines = (folder / "env.sh").read_text(encoding="utf-8").splitlines()
    pairs = (line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    return {name: value.strip("'") for name, value in pairs}


class Timed:
    """Wall seconds and peak memory (MiB) of one process, by the kernel's own account of it."""

    def __init__(self, words, env=None, statuses=(0,)):
        begin = time.monotonic()
        with open(WORK / "last.out", "wb") as out, open(WORK / "last.log", "wb") as log:
            process = subprocess.Popen([str(word) for word in words], stdout=out, stderr=log, env=env)
            _, status, usage = os.wait4(process.pid, 0)
        self.wall = time.monotonic() - begin
        self.out = (WORK / "last.out").read_text(encoding="utf-8", errors="replace")
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss / 1024
        if os.waitstatus_to_exitcode(status) not in statuses:
            sys.exit(f"{words[:6]} failed:\n{(WORK / 'last.log').read_text(errors='replace')[-2000:]}")


def median(items, key):
    return statistics.median(getattr(item, key) for item in items)


class Report:
    """Lines of a figure and the limit it is held to."""

    def say(self, what, value, limit=""):
        print(f"  {what:<62} {value:<38} {limit}", flush=True)


def role_of(folder, name):
    lines = (folder / f"role-{name}.sh").read_text(encoding="utf-8").splitlines()
    values = dict(line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
    return values["LAB_ROLE_URL"].strip("'"), values["LAB_ROLE_PASSWORD_FILE"].strip("'")


class Psql:
    """A lab/postgresql.sh server, asked by PostgreSQL's own tools as its administrator."""

    def __init__(self, server):
        password = pathlib.Path(server["LAB_PG_PASSWORD_FILE"]).read_text(encoding="utf-8").strip()
        self.env = os.environ | {"PGPASSWORD": password, "PGOPTIONS": "-c client_min_messages=warning"}
        address, _, self.parameters = server["LAB_PG_URL"].partition("?")
        self.base = address.rsplit("/", 1)[0]

    def url(self, database):
        return f"{self.base}/{database}?{self.parameters}"

    def ask(self, database, *words):
        return call("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-A", "-t", "-d", self.url(database), *words, env=self.env,
                    stdout=subprocess.PIPE, text=True).stdout

    def fresh(self, database):
        self.ask("postgres", "-c", f"DROP DATABASE IF EXISTS {database}", "-c", f"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8'",
                 "-c", "CHECKPOINT")

    def dump(self, database, files):
        """Every table into a file of its own, in the binary form of COPY, and the schema; the rows there are."""
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        tables = self.ask(database, "-c", "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").split()
        for table in tables:
            self.ask(database, "-c", f"\\copy \"{table}\" TO '{files / table}' WITH (FORMAT binary)")
        schema = call("pg_dump", "--schema-only", "--no-owner", "-d", self.url(database), env=self.env, stdout=subprocess.PIPE).stdout
        (files / "schema.sql").write_bytes(schema)
        script = "".join(f"\\copy \"{table}\" FROM '{files / table}' WITH (FORMAT binary)\n" for table in tables)
        (files / "copy.sql").write_text(script, encoding="utf-8")
        return sum(int(self.ask(database, "-c", f'SELECT count(*) FROM "{table}"')) for table in tables)

    def load(self, database, files):
        """Seconds that one psql takes to read those files into the same empty tables, with the same indexes."""
        self.fresh(database)
        call("psql", "-X", "-q", "-d", self.url(database), "-f", files / "schema.sql", env=self.env, stdout=subprocess.DEVNULL)
        begin = time.monotonic()
        self.ask(database, "-f", files / "copy.sql")
        return time.monotonic() - begin
