#!/usr/bin/env python3
"""docs/dnp3-conformance.md from the conformance tests of both roles: each test, and the procedures
of the DNP Users Group that the comment before it names. `--check` says whether the document is what
this would write."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
ROLES = (("Outstation", "outstation_conformance_test.cpp"), ("Master", "master_conformance_test.cpp"))
HEAD = """# DNP3 conformance

The procedures of the DNP Users Group's IED certification, levels 1 to 3, as far as their numbers and intent are publicly
known, and the test that holds each. Numbers differ between editions: the outstation's are those with chapter 8 for
controls, the master's those of level 2, version 2.6. The Users Group publishes none for masters; the tests of that
role hold the half of each that its harness plays. Made by `scripts/dnp3_conformance.py` from the tests themselves.
"""
NUMBERED = re.compile(r"\b\d+\.\d+(?:\.[\dx]+)*\b")


def sentence(name):
    """TheClaimOfATest -> "The claim of a test"."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name)
    text = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
    return text[:1].upper() + text[1:]


def rows(path):
    text = path.read_text(encoding="utf-8")
    for test in re.finditer(r"^((?://.*\n)*)TEST(?:_F)?\((\w+),\s*(\w+)\)", text, re.M):
        comment = re.sub(r"^// ----.*$", "", test[1], flags=re.M)
        numbers = sorted(set(NUMBERED.findall(comment)),
                         key=lambda n: [int(p) if p.isdigit() else 99 for p in n.split(".")])
        suite = "Without " if test[2].endswith("Without") else ""
        yield f"| {', '.join(numbers)} | {sentence(suite.strip() + test[3])} |"


def document():
    parts = [HEAD]
    for role, name in ROLES:
        listed = list(rows(TOP / "src/scada/dnp3" / name))
        parts.append(f"\n## {role}\n\n{len(listed)} tests in `src/scada/dnp3/{name}`.\n\n"
                     "| procedures | what is held |\n|---|---|\n" + "\n".join(listed) + "\n")
    return "".join(parts)


def main():
    path = TOP / "docs/dnp3-conformance.md"
    if "--check" not in sys.argv[1:]:
        path.write_text(document(), encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != document():
        sys.exit("docs/dnp3-conformance.md is not what scripts/dnp3_conformance.py writes")


if __name__ == "__main__":
    main()
