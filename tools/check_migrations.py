#!/usr/bin/env python3
"""Holds db/migrations to its law: every dialect has the same numbered files, and they make the same tables.

usage: check_migrations.py [ROOT]     exit 0 = the law is kept; 1 = each breach on a line of its own

Compared are file names, the head of each file, and (read from the text, so that no server is needed) tables with their
columns in order, types, nullability and keys, indexes with their columns and conditions, and views with their columns.
SQL Server's lengths beside what is unique (name_length, with name in every key) count as part of it. What a file names
in a line `-- linkspan:differs ...` is written another way in that dialect, and only has to be there.
"""
import pathlib
import re
import sys

DIALECTS = ("sqlite", "postgresql", "sqlserver")
NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
TYPES = {"integer": "integer", "bigint": "integer", "smallint": "integer", "text": "text", "blob": "blob",
         "bytea": "blob", "nvarchar": "text", "varbinary": "blob"}
COLUMN = re.compile(r"^(\w+)\s+(\w+)\b(.*)$", re.S)
LENGTH = re.compile(r"^(\w+)_length AS CAST\(DATALENGTH\(\1\) AS int\) PERSISTED( NOT NULL)?$")


def split_list(text: str):
    """Parts between commas that are in no parenthesis."""
    depth, part = 0, ""
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += char
    if part.strip():
        yield part.strip()


def column(text: str) -> str:
    found = COLUMN.match(text)
    if not found:
        return " ".join(text.split())
    name, kind, rest = found.groups()
    if name in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK"):
        return " ".join(text.split())
    rest = re.sub(r"^\s*\((\d+|max)\)", "", rest)
    rest = re.sub(r"\bCOLLATE\s+\w+", "", rest).replace("N''", "''")
    return " ".join(f"{name} {TYPES.get(kind.lower(), kind)} {rest}".split())


def without_lengths(columns) -> list:
    return [part for part in columns if not part.endswith("_length")]


def columns_of(text: str) -> list:
    """The columns and constraints of a table; a key of one column stands with the column."""
    parts = [part for part in split_list(text) if not LENGTH.match(part)]
    columns, alone = [], {}
    for part in parts:
        key = re.match(r"(PRIMARY KEY|UNIQUE) \(([^)]*)\)$", part)
        names = without_lengths(name.strip() for name in key.group(2).split(",")) if key else []
        if len(names) == 1:
            alone[names[0]] = key.group(1)
        else:
            columns.append(f"{key.group(1)} ({', '.join(names)})" if key else column(part))
    for i, text_of in enumerate(columns):
        kind = alone.get(text_of.split(" ", 1)[0])
        if kind == "PRIMARY KEY":
            columns[i] = text_of.replace("NOT NULL", "PRIMARY KEY")
        elif kind:
            columns[i] += f" {kind}"
    return columns


def statements(text: str):
    text = re.sub(r"^GO$", "", re.sub(r"--[^\n]*", "", text), flags=re.M).replace('"', "")
    return [" ".join(part.split()) for part in text.split(";") if part.strip()]


def describe(text: str) -> dict:
    """What the statements make or change, in a form that is the same in every dialect."""
    made = {}
    for statement in statements(text):
        table = re.match(r"CREATE TABLE (\w+) \((.*)\)[^)]*$", statement)
        index = re.match(r"CREATE (UNIQUE )?INDEX (\w+) ON (\w+) \(([^)]*)\)(?: WHERE (.*))?$", statement)
        view = re.match(r"CREATE VIEW (\w+) AS SELECT (.*)$", statement)
        if table:
            made[f"table {table.group(1)}"] = columns_of(table.group(2))
        elif index:
            columns = without_lengths(part.strip() for part in index.group(4).split(","))
            # SQLite's indexes end in the row id by themselves.
            columns = columns if columns == ["id"] else [part for part in columns if part != "id"]
            made[f"index {index.group(2)}"] = [index.group(1), index.group(3), columns, index.group(5)]
        elif view:
            body = re.sub(r" INDEXED BY \w+", "", view.group(2)).replace("CROSS JOIN", "JOIN")
            made[f"view {view.group(1)}"] = [body]
        else:
            made[f"statement {statement}"] = []
    return made


def files_of(folder: pathlib.Path):
    for path in sorted(folder.glob("*")):
        found = NAME.match(path.name)
        yield path, found.group(1) if found else None, found.group(2) if found else None


def breaches(root: pathlib.Path):
    folder = root / "db" / "migrations"
    texts = {}
    for dialect in DIALECTS:
        expected = 1
        for path, number, name in files_of(folder / dialect):
            where = path.relative_to(root)
            if number is None:
                yield f"{where}: a migration is named like 0001_what_it_does.sql"
                continue
            if int(number) != expected:
                yield f"{where}: the next number is {expected:04}"
            expected = int(number) + 1
            text = path.read_text(encoding="utf-8")
            head = text.split("\n", 1)[0]
            if head != f"-- linkspan:migration {number} {name}":
                yield f"{where}:1: begins with '-- linkspan:migration {number} {name}'"
            if "\n-- Why: " not in text:
                yield f"{where}: says why"
            texts.setdefault(path.name, {})[dialect] = text
    if not texts:
        yield f"{folder}: no migrations"
    for name, by_dialect in sorted(texts.items()):
        for dialect in DIALECTS:
            if dialect not in by_dialect:
                yield f"db/migrations/{dialect}: {name} has no twin here"
        if len(by_dialect) == len(DIALECTS):
            first = describe(by_dialect[DIALECTS[0]])
            for dialect in DIALECTS[1:]:
                yield from differences(name, first, dialect, by_dialect[dialect])


def differences(name: str, first: dict, dialect: str, text: str):
    second = describe(text)
    own = {word for line in re.findall(r"^-- linkspan:differs (.*)$", text, re.M) for word in line.split()}
    known = {thing.split(" ", 1)[1] for thing in second}
    for word in sorted(own - known):
        yield f"{name}: {dialect} says that {word} differs, and does not have it"
    for thing in sorted(first.keys() | second.keys()):
        if thing.split(" ", 1)[1] in own:
            continue
        if thing not in first or thing not in second:
            yield f"{name}: {thing} is only in {DIALECTS[0] if thing in first else dialect}"
        elif first[thing] != second[thing]:
            odd = [(a, b) for a, b in zip(first[thing], second[thing]) if a != b]
            a, b = odd[0] if odd else (first[thing], second[thing])
            yield f"{name}: {thing} differs: {DIALECTS[0]} has {a!r}, {dialect} {b!r}"


def main() -> int:
    found = list(breaches(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(found) if found else "migrations: the twins agree")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
