#!/usr/bin/env python3
"""Describes the default rule sets as tables.

    rule_tables.py RULES DOCS            writes DOCS/NAME.md for every RULES/NAME.toml
    rule_tables.py --check RULES DOCS    says which of them are not as they would be written; 1 if any
"""

import pathlib
import sys
import tomllib


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def code(text):
    return f"`{cell(text)}`" if text else ""


def intro(text):
    """The comment at the head of a file, without its marks; indented lines stay as they are."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line[2:] if line.startswith("# ") else line[1:])
    return "\n".join("    " + line.strip() if line.startswith("  ") else line for line in lines).strip()


def flow_source(flow):
    """What a flow gives, and what is special about it."""
    if isinstance(flow, str):
        return code(flow), ""
    remarks = [flow["merge"]] if flow.get("merge", "update") != "update" else []
    if flow.get("once"):
        remarks.append("once")
    if flow.get("referenced_by"):
        remarks.append(f"with those whose {code(flow['referenced_by'])} it is")
    if flow.get("flatten"):
        remarks.append("flattened")
    if "constant" in flow:
        value = flow["constant"]
        text = value if isinstance(value, str) else str(value)
        return f"constant {code(text)}", ", ".join(remarks)
    return code(flow.get("expression") or f"[{flow['source']}]"), ", ".join(remarks)


def flows_of(table, prefix=""):
    """(target, flow) in the order of the file; dotted keys are one attribute."""
    for name, flow in table.items():
        if isinstance(flow, dict) and not {"constant", "source", "expression"} & flow.keys():
            yield from flows_of(flow, f"{prefix}{name}.")
        else:
            yield prefix + name, flow


def groups(lists):
    return " *or* ".join(" *and* ".join(code(clause) for clause in group) for group in lists)


def page(name, text):
    rules = tomllib.loads(text)["rule"]
    out = [f"# {name}", "", f"<!-- Written by tools/rule_tables.py from rules/{name}.toml. Do not edit. -->", "",
           intro(text), "", "| number | rule | from | to | link | applies to | joined by |",
           "|---:|---|---|---|---|---|---|"]
    ordered = sorted(rules, key=lambda rule: (rule["direction"], rule["precedence"]))
    for rule in ordered:
        where = rule.get("connector") or rule["kind"]
        inbound = rule["direction"] == "inbound"
        source = f"{where}: {rule['source']}" if inbound else f"metaverse: {rule['source']}"
        target = f"metaverse: {rule['target']}" if inbound else f"{where}: {rule['target']}"
        out.append(f"| {rule['precedence']} | {cell(rule['name'])} | {cell(source)} | {cell(target)} | "
                   f"{rule['link'].replace('_', ' ')} | {groups(rule.get('scope', [])) or 'all'} | "
                   f"{groups(rule.get('join', []))} |")
    for rule in ordered:
        out += ["", f"## {rule['name']}", ""]
        if rule.get("description"):
            out += [rule["description"], ""]
        flows = list(flows_of(rule.get("flows", {})))
        if not flows:
            out.append("It joins, and lets nothing flow.")
            continue
        out += ["| attribute | comes from | |", "|---|---|---|"]
        for target, flow in flows:
            source, remarks = flow_source(flow)
            out.append(f"| {code(target)} | {source} | {remarks} |")
    return "\n".join(out) + "\n"


def main(arguments):
    check = arguments[:1] == ["--check"]
    rules, docs = (pathlib.Path(one) for one in arguments[-2:])
    wanted = {path.stem: page(path.stem, path.read_text("utf-8")) for path in sorted(rules.glob("*.toml"))}
    stale = []
    if not check:
        docs.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        path = docs / f"{name}.md"
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, "utf-8")
    stale += [path.stem for path in docs.glob("*.md") if path.stem not in wanted]
    if check and stale:
        print(f"docs/reference/rules is not current: {', '.join(stale)}; run tools/rule_tables.py rules docs/reference/rules")
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
