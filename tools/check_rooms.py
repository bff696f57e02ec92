#!/usr/bin/env python3
"""Holds src/ to the room table of ARCHITECTURE.md: who may include whom.

usage: check_rooms.py [ROOT]     exit 0 = the law is kept; 1 = each breach on a line of its own
"""
import graphlib
import pathlib
import re
import sys

PORTS = "base model"
ROOMS = {
    "base": "", "model": "base", "net": "base", "httpd": "base", "sql": "base", "vault": "base",
    "rules": PORTS, "store": PORTS, "connector": f"{PORTS} vault",
    "store_sql": f"{PORTS} store sql", "connector_ldap": f"{PORTS} connector vault",
    "connector_scim": f"{PORTS} connector net vault", "connector_graph": f"{PORTS} connector net vault",
    "connector_file": f"{PORTS} connector", "sync": f"{PORTS} rules store connector",
    "transfer": f"{PORTS} sql store_sql", "run": f"{PORTS} store connector sync",
    "setup": f"{PORTS} rules store connector vault run transfer",
    "api": f"{PORTS} httpd store run transfer setup", "cli": f"{PORTS} rules store vault run transfer setup",
}
ROOMS["app"] = " ".join(ROOMS)
# A test, and what stands in a room's testing/ for its tests, may also name the adapters it tests with.
TEST_FILE = re.compile(r"(_test|_bench|_fuzz)\.cc$|/testing/")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def breaches(root: pathlib.Path):
    try:
        tuple(graphlib.TopologicalSorter({room: sees.split() for room, sees in ROOMS.items()}).static_order())
    except graphlib.CycleError as cycle:
        yield f"the table has a cycle: {' -> '.join(cycle.args[1])}"
    for folder in sorted(path for path in (root / "src").iterdir() if path.is_dir()):
        if folder.name not in ROOMS:
            yield f"src/{folder.name}: no such room in the table"
            continue
        allowed = set(ROOMS[folder.name].split()) | {folder.name}
        for path in sorted(folder.rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            is_test = TEST_FILE.search(path.relative_to(root).as_posix())
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                target = found.group(1)
                room = target.split("/")[0]
                where = f"{path.relative_to(root)}:{number}"
                if "/" not in target:
                    yield f'{where}: include "{target}" by its room, as "{folder.name}/{target}"'
                elif room not in ROOMS:
                    yield f'{where}: "{target}" is in no room'
                elif room not in allowed and not is_test:
                    yield f"{where}: {folder.name} may not see {room}"
                elif "/testing/" in target and not is_test:
                    yield f"{where}: {target} is for tests"
                elif "/internal/" in target and room != folder.name:
                    yield f"{where}: {target} is internal to {room}"


def main() -> int:
    found = list(breaches(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(found) if found else "rooms: the law is kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
