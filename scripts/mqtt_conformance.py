#!/usr/bin/env python3
"""Which test holds which normative statement of MQTT: reads the statements
(tables/mqtt-statements.tsv), the citations in code and tests, and the reasons why some have no test
(tables/mqtt-explained.tsv), and writes docs/mqtt-conformance.md.

    scripts/mqtt_conformance.py            writes it
    scripts/mqtt_conformance.py --check    ends with 1 if it is stale, if a citation names no
                                           statement, or if a statement for servers has neither
                                           test nor reason
    scripts/mqtt_conformance.py --gaps     prints those statements

[MQTT-3.1.2-24] is 5.0's numbering, [MQTT 3.1.1 MQTT-3.1.2-24] is 3.1.1's. A test holds what it
cites between its TEST line (or the comment right above it) and its end; in Python, a test is a
function that is named below `if __name__`. A statement of 3.1.1 that means the same as one of 5.0
(column same_as) is held by the tests of that one, too."""
import argparse
import collections
import csv
import pathlib
import re
import sys

VERSIONS = ("3.1.1", "5.0")
BRACKET = re.compile(r"\[([^\[\]]*MQTT-\d[^\[\]]*)\]")
TOKEN = re.compile(r"MQTT (3\.1\.1|5\.0)\b|(MQTT-\d+(?:\.\d+){1,2}-\d+)|(;)")
BETWEEN = re.compile(r"[\s,]|\band\b|§[\d.]+")
CPP_TEST = re.compile(
    r"(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)"
    r"\(\s*(\w+),\s*(\w+)")
PYTHON_DEF = re.compile(r"def (\w+)\(")
# Tagged so in the text of 5.0, and as the right-hand one in its appendix.
ALSO_KNOWN_AS = {("5.0", "MQTT-4.2-1"): "MQTT-4.2.0-1"}

HEAD = """# MQTT: statement by statement

Written by `scripts/mqtt_conformance.py` from the citations in code and tests; `ctest -R
conformance` fails when it is stale or has a gap. Both specifications number what they demand,
[MQTT-x.y.z-n] in their appendix B; what is demanded stands here in our own words. "Obeyed in" are
the files that cite the statement where they obey it. A statement of 3.1.1 that is held by the test
of its 5.0 twin names the twin.
"""


class Found:
    """Where one statement is cited."""
    def __init__(self):
        self.code = set()
        self.tests = set()
        self.where = None


def rows(path):
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def cited(line):
    """(version, id) of each citation in a line; (None, text) for one that cannot be read."""
    for bracket in BRACKET.findall(line):
        version = "5.0"
        for token in TOKEN.finditer(bracket):
            if token[1]:
                version = token[1]
            elif token[2]:
                yield version, ALSO_KNOWN_AS.get((version, token[2]), token[2])
            else:
                version = "5.0"
        if BETWEEN.sub("", TOKEN.sub("", bracket)):
            yield None, bracket


def cpp_owner(lines):
    """For each line of a C++ test: the test that it belongs to, or None."""
    owners, owner = [None] * len(lines), None
    for number, line in enumerate(lines):
        if begin := CPP_TEST.match(line):
            owner = f"{begin[1]}.{begin[2]}"
            above = number - 1
            while above >= 0 and lines[above].startswith("//"):
                owners[above] = owner
                above -= 1
        owners[number] = owner
        if line.startswith("}"):
            owner = None
    return owners


def python_owner(lines, name):
    """For each line of a Python test: the test that it belongs to, or None."""
    main = next((number for number, line in enumerate(lines) if line.startswith("if __name__")),
                None)
    run = set(re.findall(r"\w+", "\n".join(lines[main:]))) if main is not None else set()
    owners, owner = [], None
    for line in lines:
        if line[:1].strip() and not line.startswith(("#", ")", "]", "}")):
            begin = PYTHON_DEF.match(line)
            owner = f"{name}::{begin[1]}" if begin and begin[1] in run else None
        owners.append(owner)
    return owners


def collect(top):
    """({(version, id): Found}, faults)."""
    found, faults = collections.defaultdict(Found), []
    paths = [
        path for folder in ("src", "apps", "tests", "bench") for ending in ("cpp", "hpp", "py")
        for path in top.glob(f"{folder}/**/*.{ending}")
    ]
    for path in sorted(paths):
        name = path.relative_to(top).as_posix()
        if "/build/" in name or "node_modules" in name:
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if not any("MQTT-" in line for line in lines):
            continue
        in_test = name.startswith(("tests/", "bench/")) or path.stem.endswith(
            ("_test", "_fuzz", "testing"))
        owners = [None] * len(lines)
        if in_test:
            owners = python_owner(lines, name) if path.suffix == ".py" else cpp_owner(lines)
        for number, (line, owner) in enumerate(zip(lines, owners), 1):
            for version, what in cited(line):
                if version is None:
                    faults.append(f"{name}:{number}: [{what}]: write [MQTT-3.1.2-24] or "
                                  "[MQTT 3.1.1 MQTT-3.1.2-24]")
                    continue
                places = found[version, what]
                places.where = places.where or f"{name}:{number}"
                if owner:
                    places.tests.add(owner)
                elif not in_test:
                    places.code.add(name)
    return found, faults


def page(statements, found, explained):
    """The page, and what no test holds and nothing explains."""
    gaps, parts = [], []
    for version in VERSIONS:
        mine = [row for row in statements if row["version"] == version]
        lines, held, reasons, clients = [], 0, 0, 0
        for row in mine:
            places = found.get((version, row["id"]), Found())
            tests, code = set(places.tests), set(places.code)
            if twin := row.get("same_as"):
                other = found.get(("5.0", twin), Found())
                if other.tests - tests:
                    tests = tests | {f"by {twin}: {test}" for test in other.tests - tests}
                code = code | other.code
            why = explained.get((version, row["id"]), "")
            if tests:
                held += 1
            elif why:
                reasons += 1
            elif row["concerns"] == "client":
                clients += 1
                why = "Concerns clients only."
            else:
                gaps.append(row)
            by = "<br>".join([*sorted(tests), *([why] if why else [])])
            lines.append(f"| {row['id'].removeprefix('MQTT-')} | {row['concerns']} | {row['what']} "
                         f"| {'<br>'.join(sorted(code))} | {by} |")
        parts.append(
            f"\n## MQTT {version}\n\n{len(mine)} statements: {held} held by tests, {reasons} "
            f"explained, {clients} for clients only, "
            f"{len(mine) - held - reasons - clients} open.\n\n"
            "| id | concerns | what | obeyed in | held by |\n|---|---|---|---|---|\n" +
            "\n".join(lines) + "\n")
    return HEAD + "".join(parts), gaps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--gaps", action="store_true")
    parser.add_argument("--top",
                        type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    options = parser.parse_args()
    top = options.top
    statements = rows(top / "tables/mqtt-statements.tsv")
    known = {(row["version"], row["id"]) for row in statements}
    found, faults = collect(top)
    faults += [
        f"{places.where}: there is no [{what}] in MQTT {version}"
        for (version, what), places in sorted(found.items()) if (version, what) not in known
    ]
    explained = {}
    for row in rows(top / "tables/mqtt-explained.tsv"):
        key = row["version"], row["id"]
        if key not in known or key in explained:
            faults.append(
                f"tables/mqtt-explained.tsv: {row['version']} {row['id']}: no such statement, "
                "or twice")
        explained[key] = row["why"]
    text, gaps = page(statements, found, explained)
    target = top / "docs/mqtt-conformance.md"
    if options.gaps:
        for row in gaps:
            print(f"{row['version']:<6}{row['id']:<16}{row['concerns']:<7} {row['what']}" +
                  (f" (same as {row['same_as']})" if row.get("same_as") else ""))
        print(f"{len(gaps)} gaps")
        return
    if options.check:
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            faults.append("docs/mqtt-conformance.md is stale: run scripts/mqtt_conformance.py")
        faults += [
            f"MQTT {row['version']} [{row['id']}]: neither a test nor a reason in "
            f"tables/mqtt-explained.tsv: {row['what']}" for row in gaps
        ]
    else:
        target.write_text(text, encoding="utf-8")
        print(f"docs/mqtt-conformance.md written, {len(gaps)} gaps")
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
