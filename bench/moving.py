"""bench/run move: the whole state between databases, against what the databases' own tools do with the same rows."""
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import time

from tools import ROOT, WORK, Psql, Report, Timed, call, environment_of, median

PEOPLE_PER_GROUP = 10


class Moved(Timed):
    """One move by the generator, which is the library and nothing else."""

    def __init__(self, binary, source, target):
        super().__init__([binary, "move", source, target])
        copying, verifying, pause, rows, size = self.out.split()
        self.copying, self.verifying, self.pause = float(copying), float(verifying), float(pause)
        self.rows, self.bytes = int(rows), int(size)


class Move(Report):
    def __init__(self, arguments):
        self.people = arguments.people
        self.runs = arguments.runs
        self.binary = pathlib.Path(arguments.binary)
        self.state = WORK / f"state-{self.people}.db"
        self.source = WORK / "source.db"

    def run(self):
        self.start()
        copied = self.to_postgresql()
        self.against_pgloader(copied)
        self.to_sqlite()
        self.backup()
        self.open()

    def start(self):
        if not self.state.exists():
            begin = time.monotonic()
            part = self.state.with_suffix(".part")
            for file in WORK.glob(part.name + "*"):
                file.unlink()
            call(self.binary, "fill", f"sqlite://{part}", self.people, PEOPLE_PER_GROUP)
            with sqlite3.connect(part) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            part.rename(self.state)
            self.say("filling", f"{time.monotonic() - begin:.0f} s, {self.state.stat().st_size >> 20:,} MiB")
        call(ROOT / "lab/postgresql.sh", "up", WORK / "pg", stdout=subprocess.DEVNULL)
        server = environment_of(WORK / "pg")
        os.environ["PGPASSFILE"] = server["LAB_PG_PASSFILE"]
        self.psql = Psql(server)

    def stop(self):
        if (WORK / "pg").exists():
            call(ROOT / "lab/postgresql.sh", "remove", WORK / "pg", stdout=subprocess.DEVNULL)
        for file in WORK.iterdir():
            if file != self.state:
                shutil.rmtree(file) if file.is_dir() else file.unlink()

    def fresh_source(self):
        for file in WORK.glob(self.source.name + "*"):
            file.unlink()
        call("cp", "--reflink=auto", self.state, self.source)

    def to_postgresql(self):
        moves, copies = [], []
        for run in range(self.runs):
            self.fresh_source()
            self.psql.fresh("linkspan")
            moves.append(Moved(self.binary, f"sqlite://{self.source}", self.psql.url("linkspan")))
            if run == 0:
                self.psql.dump("linkspan", WORK / "copy")
            copies.append(self.psql.load("copied", WORK / "copy"))
        one = moves[0]
        self.say("the state", f"{one.rows:,} rows, {one.bytes >> 20:,} MiB")
        copying = median(moves, "copying")
        self.say("SQLite to PostgreSQL: copying / psql \\copy, binary", self.ratio([m.copying for m in moves], copies), "at most 1.15")
        self.say("verification / copying", self.ratio([m.verifying for m in moves], [m.copying for m in moves]), "at most 0.40")
        self.say("rows a second, copied", f"{one.rows / copying:,.0f}")
        self.say("nobody could write for", f"{median(moves, 'pause'):.3f} s")
        self.say("peak memory", f"{max(m.peak for m in moves):.0f} MiB", "at most 150 MiB")
        return copying

    def against_pgloader(self, copying):
        if shutil.which("pgloader") is None:
            self.say("pgloader / copying", "SKIPPED: pgloader is not installed", "at least 8")
            return
        self.fresh_source()
        self.psql.fresh("loaded")
        script = WORK / "pgloader.load"
        # pgloader takes its password from the URL alone.
        password = pathlib.Path(environment_of(WORK / "pg")["LAB_PG_PASSWORD_FILE"]).read_text(encoding="utf-8").strip()
        url = re.sub(r"\?.*", "", self.psql.url("loaded")).replace("postgresql://", "pgsql://").replace("@", f":{password}@")
        script.write_text(f"LOAD DATABASE FROM sqlite://{self.source} INTO {url}\n"
                          "WITH batch rows = 10000, prefetch rows = 10000, include drop, create tables, create indexes;\n", encoding="utf-8")
        script.chmod(0o600)
        loads = Timed(["pgloader", script])
        script.unlink()
        self.say("pgloader, batches of 10,000 rows / copying", f"{loads.wall / copying:.1f} ({loads.wall:.1f} s / {copying:.1f} s)", "at least 8")

    def to_sqlite(self):
        moves, inserts = [], []
        for _ in range(self.runs):
            for file in WORK.glob("back.db*"):
                file.unlink()
            # Each starts from a database that is in charge: the one before has handed over.
            self.fresh_source()
            self.psql.fresh("linkspan")
            Moved(self.binary, f"sqlite://{self.source}", self.psql.url("linkspan"))
            moves.append(Moved(self.binary, self.psql.url("linkspan"), f"sqlite://{WORK / 'back.db'}"))
            inserts.append(self.insert())
        self.say("PostgreSQL to SQLite: copying / sqlite3's bulk insert", self.ratio([m.copying for m in moves], inserts), "at most 1.3")
        self.say("verification / copying", self.ratio([m.verifying for m in moves], [m.copying for m in moves]), "at most 0.40")
        self.say("peak memory", f"{max(m.peak for m in moves):.0f} MiB", "at most 150 MiB")

    def insert(self):
        """Seconds that sqlite3 takes to insert the same rows, row by row from another file, into the same tables with the same indexes."""
        for file in WORK.glob("inserted.db*"):
            file.unlink()
        schema = subprocess.run(["sqlite3", self.state, ".schema --nosys"], check=True, stdout=subprocess.PIPE, text=True).stdout
        subprocess.run(["sqlite3", WORK / "inserted.db"], input="PRAGMA page_size = 16384; PRAGMA journal_mode = WAL;" + schema, check=True,
                       stdout=subprocess.DEVNULL, text=True)
        with sqlite3.connect(self.state) as database:
            tables = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        # Without a condition SQLite would copy whole pages of equal tables instead.
        script = f"PRAGMA synchronous = NORMAL; ATTACH '{self.state}' AS old;" + "".join(
            f'INSERT INTO main."{table}" SELECT * FROM old."{table}" WHERE true;' for table in tables)
        begin = time.monotonic()
        subprocess.run(["sqlite3", WORK / "inserted.db"], input=script, check=True, stdout=subprocess.DEVNULL, text=True)
        return time.monotonic() - begin

    def backup(self):
        backups, others = [], []
        for _ in range(self.runs):
            self.fresh_source()
            for name in ("state.backup", "plain.db", "plain.db.zst"):
                (WORK / name).unlink(missing_ok=True)
            backups.append(Timed([self.binary, "backup", f"sqlite://{self.source}", WORK / "state.backup"]))
            others.append(Timed(["sh", "-c", f"sqlite3 {self.source} '.backup {WORK / 'plain.db'}' && zstd -q -1 {WORK / 'plain.db'} -o {WORK / 'plain.db.zst'}"]))
        self.say("backup / sqlite3 .backup | zstd -1", self.ratio([b.wall for b in backups], [o.wall for o in others]), "at most 1")
        sizes = [(WORK / name).stat().st_size >> 20 for name in ("state.backup", "plain.db.zst")]
        self.say("its size", f"{sizes[0]:,} MiB, of sqlite3 and zstd {sizes[1]:,} MiB")
        self.say("peak memory", f"{max(b.peak for b in backups):.0f} MiB", "at most 150 MiB")

    def open(self):
        opens = [float(Timed([self.binary, "open", f"sqlite://{self.state}"]).out) for _ in range(max(self.runs, 3))]
        self.say("opening the database", f"{statistics.median(opens):.1f} ms", "under 50 ms")

    @staticmethod
    def ratio(ours, theirs):
        ratio = statistics.median(one / other for one, other in zip(ours, theirs))
        return f"{ratio:.2f} ({statistics.median(ours):.2f} s / {statistics.median(theirs):.2f} s)"
