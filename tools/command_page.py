#!/usr/bin/env python3
"""Describes every command and option from what the program itself says of them.

    command_page.py PROGRAM PAGE            writes PAGE from `PROGRAM ... --help`
    command_page.py --check PROGRAM PAGE    says whether it is as it would be written; 1 if not
"""

import pathlib
import re
import subprocess
import sys

HEAD = """# Commands

<!-- Written by tools/command_page.py from the program's --help. Do not edit. -->

Every command and every option, as `linkspan ... --help` lists them. Exit statuses, files, settings and the shapes of
`--json`: [cli.md](cli.md).
"""
SECTION = re.compile(r"^(Usage|Positionals|Options|Subcommands):(.*)$")
# A name may be so long that what it means begins on the next line.
ROW = re.compile(r"^  (\S.*?)(?:\s{2,}(\S.*))?$")
CONTINUED = re.compile(r"^ {10,}(\S.*)$")
HELP = "-h,--help"


def cell(text):
    return text.replace("|", "\\|")


def parse(text):
    """What a command is for, its usage, and the rows of each section of its help."""
    purpose, usage, sections, rows = "", "", {}, None
    for line in text.splitlines():
        if found := SECTION.match(line):
            usage = found.group(2).strip() or usage
            rows = sections.setdefault(found.group(1), [])
        elif rows is not None and (found := CONTINUED.match(line)):
            rows[-1][1] = f"{rows[-1][1]} {found.group(1)}".strip()
        elif rows is not None and (found := ROW.match(line)):
            rows.append([found.group(1).strip(), found.group(2) or ""])
        elif rows is None:
            purpose = f"{purpose} {line.strip()}".strip()
    return purpose, usage, sections


def describe(program, words):
    """The lines about a command and all below it."""
    text = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True).stdout
    purpose, usage, sections = parse(text)
    below = [name for name, _ in sections.get("Subcommands", [])]
    rows = [row for kind in ("Positionals", "Options") for row in sections.get(kind, []) if row[0] != HELP]
    if rows or not below:
        title = " ".join(words)
        yield from ["", f"## {title}" if words else "## Before any command", "", f"    {usage}", ""]
        if words:
            yield from [f"{purpose}.", ""]
        if rows:
            yield from ["| | |", "|---|---|"] + [f"| `{cell(name)}` | {cell(meaning)} |" for name, meaning in rows]
    for name in below:
        yield from describe(program, [*words, name])


def main(arguments):
    check = arguments[:1] == ["--check"]
    program, page = arguments[1 if check else 0:]
    lines = "\n".join(describe(program, [])).strip("\n")
    text = re.sub(r"\n{3,}", "\n\n", f"{HEAD}\n{lines}\n")
    path = pathlib.Path(page)
    if not check:
        path.write_text(text, encoding="utf-8")
        return 0
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return 0
    print(f"{page} is not what the program says; run tools/command_page.py {program} {page}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
