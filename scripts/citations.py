#!/usr/bin/env python3
"""Lists the sections of standards that code cites and no test does, by document. It is for reading:
a section without a test may be tested under another name, or may have nothing to test."""
import collections
import pathlib
import re
import sys

DOCUMENT = re.compile(r"RFC (\d{3,5})")
SECTION = re.compile(r"§\s?([0-9A-Z]+(?:\.[0-9A-Za-z]+)*)")


def cited(text):
    """(document, section) of every [RFC ... §...] and of what follows it inside the brackets."""
    for bracket in re.findall(r"\[([^\[\]]*RFC[^\[\]]*)\]", text):
        document = None
        for part in re.split(r"(?=RFC \d)", bracket):
            if named := DOCUMENT.match(part):
                document = int(named[1])
            if document:
                for section in SECTION.findall(part):
                    yield document, section


def main():
    top = pathlib.Path(__file__).resolve().parent.parent
    code, tests = collections.defaultdict(list), set()
    for path in sorted([*top.glob("src/**/*.?pp"), *top.glob("tests/**/*.?pp")]):
        in_test = path.stem.endswith(("_test", "_fuzz", "testing")) or "tests" in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for citation in cited(line):
                if in_test:
                    tests.add(citation)
                else:
                    code[citation].append(f"{path.relative_to(top)}:{number}")
    untested = {citation: places for citation, places in code.items() if citation not in tests}
    wanted = {int(argument) for argument in sys.argv[1:]}

    def by_section(citation):
        return [int(part) if part.isdigit() else -1 for part in citation[1].split(".")]

    for document in sorted({citation[0] for citation in untested}):
        if wanted and document not in wanted:
            continue
        print(f"RFC {document}")
        mine = [citation for citation in untested if citation[0] == document]
        for citation in sorted(mine, key=by_section):
            print(f"    §{citation[1]:<10} {untested[citation][0]}")
    print(f"{len(code)} sections cited by code, {len(untested)} of them by no test")


if __name__ == "__main__":
    main()
