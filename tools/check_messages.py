#!/usr/bin/env python3
"""Holds docs/messages/ to the sources: every id of an error or log line has a paragraph, every paragraph an id.

usage: check_messages.py [ROOT]     exit 0 = they agree; 1 = each breach on a line of its own

An id is a string literal "prefix.event" whose prefix the index docs/messages/README.md names, or whatever stands beside
a Fault or a Level. Names of settings are constants (`k_... = "..."`) and do not count. The index names each page with
the prefixes that are its own; what objects and rules report (`ambiguous-join`) are ids without a prefix.
"""
import pathlib
import re
import sys

LITERAL = re.compile(r'"([a-z0-9_]+\.[a-z0-9_]+)"')
BESIDE = re.compile(r'(?:Fault|Level)::\w+,\s*"([^"]+)"')
SETTING = re.compile(r'\bk_\w+\s*=\s*"[^"]*"')
STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*')
# Settings that are not constants, since there is one for each connector.
LIMIT = re.compile(r"guard\.(deletions|disablements|membership_removals|cleared_attributes)$")
NO_SOURCE = re.compile(r"_(test|fuzz|bench)\.cc$")
INDEX_ROW = re.compile(r"^\| \[([a-z_]+\.md)\]\(\1\) \| ([^|]*) \|", re.M)
HEADING = re.compile(r"^## +(.+?) *$", re.M)


def kept(match):
    return match.group() if match.group().startswith('"') else ""


def sources(root):
    """(path, text without comments and settings) of what the program is made of."""
    for path in sorted((root / "src").rglob("*")):
        if path.suffix in (".h", ".cc") and not NO_SOURCE.search(path.name) and "testing" not in path.parts:
            yield path.relative_to(root), SETTING.sub("", STRING_OR_COMMENT.sub(kept, path.read_text()))


def ids_of(root, prefixes):
    """Where each id is first used, and the text of all sources."""
    found, everything = {}, []
    for path, text in sources(root):
        everything.append(text)
        ids = BESIDE.findall(text) + [one for one in LITERAL.findall(text) if one.split(".")[0] in prefixes]
        ids = [one for one in ids if not LIMIT.match(one)]
        for one in ids:
            found.setdefault(one, path)
    return found, "\n".join(everything)


def paragraphs(page):
    """(id, whether there are words below its heading) of one page; a heading may name several ids."""
    parts = HEADING.split(page.read_text())[1:]
    for heading, words in zip(parts[::2], parts[1::2]):
        for one in heading.split(","):
            yield one.strip(" `"), bool(words.strip())


def breaches(root):
    folder = root / "docs" / "messages"
    rows = INDEX_ROW.findall((folder / "README.md").read_text())
    owners = {prefix: page for page, prefixes in rows for prefix in re.findall(r"`([a-z0-9_]+)`", prefixes)}
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
    for page in sorted(pages ^ {page for page, _ in rows}):
        yield f"docs/messages/README.md: {page} is {'not in the index' if page in pages else 'not there'}"
    found, everything = ids_of(root, owners)
    documented = {}
    for page in sorted(pages):
        for one, has_words in paragraphs(folder / page):
            where = f"docs/messages/{page}: {one}"
            if one in documented:
                yield f"{where} stands in {documented[one]} too"
            documented[one] = page
            if not has_words:
                yield f"{where} has a heading and no words"
            if "." in one and owners.get(one.split(".")[0]) != page:
                yield f"{where} is on the page of another prefix"
            if one not in found and f'"{one}"' not in everything:
                yield f"{where} is no id of the program"
    for one in re.findall(r"`([a-z0-9_]+\.[a-z0-9_]+)`", INDEX_ROW.sub("", (folder / "README.md").read_text())):
        if one not in documented:
            yield f"docs/messages/README.md: {one} has no paragraph"
    for one, path in sorted(found.items()):
        if one not in documented:
            yield f"{path}: \"{one}\" has no paragraph in docs/messages/{owners.get(one.split('.')[0], '')}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = list(breaches(root))
    print("\n".join(found) or "docs/messages/ has a paragraph for every id")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
