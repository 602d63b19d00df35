#!/usr/bin/env python3
"""Checks what no compiler can: which room may know which, what an engine must not know, and the
rules of style that clang-format does not know. Prints one line a fault and ends with 1 if there is
any. `scripts/tidy.py [FOLDER]` checks another tree; scripts/tidy_test.py holds the checks to
account."""
import pathlib
import re
import subprocess
import sys

COLUMNS_MAX = 100
LINES_MAX = 500   # of a file that is not a test: beyond it, it is two things
LINES_NOTE = 450  # told, not failed

PURE = {"base", "crypto", "ip", "link", "lowpan", "rpl", "coap", "mqtt", "node", "sim"}
BANNED_IN_PURE = re.compile(
    r"boost/|<asio|<thread>|<mutex>|<shared_mutex>|<atomic>|<future>|<condition_variable>|<random>|"
    r"<iostream>|<fstream>|<filesystem>|<unordered_|<sys/|<netinet/|<arpa/|<unistd\.h>|"
    r"(?:steady|system|high_resolution)_clock|random_device|mt19937|_distribution\b|"
    r"unordered_(?:multi)?(?:map|set)|\btime\(nullptr\)|\brand\(\)|\bgetenv\b")
HEAVY_IN_HEADERS = re.compile(r"toml\+\+|spdlog|boost/beast|boost/json|CLI/")
SWITCHED_OFF = re.compile(r"GTEST_SKIP|\bDISABLED_")
SLEEPS = re.compile(r"sleep_for|sleep_until|\busleep\(")
LEFT_OPEN = re.compile(
    r"\bTODO\b|\bFIXME\b|\bXXX\b|\bHACK\b|not implemented|unimplemented|placeholder|for now\b")
# Spelt so that this file does not name what it looks for.
MACHINE_PATH = re.compile(r"/h[o]me/\w|/U[s]ers/\w|/r[o]ot/|/w[o]rk/|/tmp/b[u]ild")
NAMED_CITATION = re.compile(r"\[([^\[\]]*\bRFC\b[^\[\]]*)\]")
GOOD_CITATION = re.compile(
    r"RFC \d{3,5}\b(?: (?:§|\"|Appendix |[A-Z]\.|figure |table )[^;]*)?"
    r"(?:, [^;]*)?(?:; .*)?$")
# In small letters it is a name: rfc2217://host is how programs call such a port.
BAD_CITATION = re.compile(
    r"\b(?:RFC|Rfc)-?\d{3,5}\b|\bRFC \d{3,5},? (?:[Ss]ec\.|[Ss]ection) \d")

CODE = {".cpp", ".hpp"}
PROSE = {".md", ".toml", ".txt", ".cmake", ".sh", ".py", ".json", ""}


def files(top):
    """What git would commit; all but build trees where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(top), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True).stdout.decode().split("\0")
        inside = subprocess.run(["git", "-C", str(top), "rev-parse", "--show-toplevel"],
                                capture_output=True, check=True, text=True).stdout.strip()
        if pathlib.Path(inside).resolve() == top.resolve():
            return sorted(top / name for name in listed if name and (top / name).is_file())
    except (OSError, subprocess.CalledProcessError):
        pass
    skipped = {".git", "build", "state", "__pycache__"}
    return sorted(path for path in top.rglob("*")
                  if path.is_file() and not skipped & set(path.relative_to(top).parts))


def law(top):
    """The table of docs/architecture.md: room -> rooms that it may use. `all` means every room."""
    table = {}
    for line in (top / "docs/architecture.md").read_text(encoding="utf-8").splitlines():
        if row := re.match(r"\| `(\w+)/` \|.*\| ([^|]*)\|\s*$", line):
            table[row[1]] = set(row[2].replace(",", " ").split())
    return table


def uses(top):
    """What CMake lets each room see."""
    table = {}
    for path in sorted(top.glob("src/*/CMakeLists.txt")):
        if call := re.search(r"causeway_room\((\w+)(?:\s+USES((?:\s+[a-z]\w*)*))?", path.read_text(encoding="utf-8")):
            table[call[1]] = set((call[2] or "").split())
    return table


def check_rooms(top):
    """CMake obeys the law; and no room sees itself through another."""
    allowed, used = law(top), uses(top)
    for room, rooms in used.items():
        where = f"src/{room}/CMakeLists.txt:1"
        if room not in allowed:
            yield f"{where}: docs/architecture.md says nothing of the room {room}/"
        elif "all" not in allowed[room]:
            for other in sorted(rooms - allowed[room]):
                yield f"{where}: {room}/ may not use {other}/ (docs/architecture.md)"


def is_test(path):
    return path.stem.endswith(("_test", "_fuzz")) or path.stem == "testing"


def check_code(path, name, lines, used):
    parts = pathlib.PurePath(name).parts
    room = parts[1] if parts[0] == "src" and len(parts) > 2 else None
    for number, line in enumerate(lines, 1):
        where = f"{name}:{number}"
        if len(line) > COLUMNS_MAX:
            yield f"{where}: {len(line)} columns, {COLUMNS_MAX} is the most"
        include = re.match(r'#include "(\w+)/', line)
        if room and include and include[1] != room and include[1] not in used.get(room, set()):
            if not (is_test(path) and include[1] == "tests"):
                yield f"{where}: {room}/ does not use {include[1]}/ (src/{room}/CMakeLists.txt)"
        said = line.split("//")[0]
        if room in PURE and not is_test(path) and (bad := BANNED_IN_PURE.search(said)):
            yield f"{where}: {bad[0]} has no place in {room}/"
        if room and path.suffix == ".hpp" and line.startswith("#include"):
            if bad := HEAVY_IN_HEADERS.search(line):
                yield f"{where}: {bad[0]} is too heavy for a header"
        if is_test(path) or parts[0] == "tests":
            if bad := SWITCHED_OFF.search(said):
                yield f"{where}: {bad[0]}: a test that skips or is off"
            if room != "net" and (bad := SLEEPS.search(said)):
                yield f"{where}: {bad[0]}: a test that sleeps; only net/ has a real clock"
        if bad := LEFT_OPEN.search(line):
            yield f"{where}: {bad[0]}: left open"
        for citation in NAMED_CITATION.findall(line):
            if not GOOD_CITATION.match(citation):
                yield f"{where}: [{citation}]: write [RFC 6282 §3.1.1]"
        if bad := BAD_CITATION.search(line):
            yield f"{where}: {bad[0]}: write [RFC 6282 §3.1.1]"
    if path.suffix == ".hpp" and "#pragma once" not in lines[:3]:
        yield f"{name}:1: a header begins with #pragma once"
    if len(lines) > LINES_MAX and not is_test(path) and parts[0] in ("src", "apps"):
        yield f"{name}:1: {len(lines)} lines, {LINES_MAX} is the most: is it two things?"


def check_text(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{name}:{number}"
        if bad := MACHINE_PATH.search(line):
            yield f"{where}: {bad[0]}: a path of somebody's machine"
        if line != line.rstrip() and not name.endswith(".diff"):
            yield f"{where}: blanks at the end of the line"
    if text and not text.endswith("\n"):
        yield f"{name}: the last line has no end"


def read(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None  # a capture or a seed


def faults(top):
    yield from check_rooms(top)
    used = uses(top)
    for path in files(top):
        name = path.relative_to(top).as_posix()
        if path.suffix not in CODE | PROSE or name.startswith(("tests/corpus/", "tests/golden/")):
            continue
        text = read(path)
        if text is None:
            continue
        yield from check_text(name, text)
        if path.suffix in CODE:
            yield from check_code(path, name, text.splitlines(), used)


def notes(top):
    for path in files(top):
        name = path.relative_to(top).as_posix()
        if path.suffix not in CODE or is_test(path) or not name.startswith(("src/", "apps/")):
            continue
        count = len((read(path) or "").splitlines())
        if LINES_NOTE < count <= LINES_MAX:
            yield f"note: {name}: {count} lines, nearly too long"


def main():
    default = pathlib.Path(__file__).resolve().parent.parent
    top = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    found = list(faults(top))
    for line in [*found, *notes(top)]:
        print(line)
    print(f"{len(found)} faults")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
