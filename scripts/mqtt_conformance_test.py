#!/usr/bin/env python3
"""Holds scripts/mqtt_conformance.py to account, with trees made for it."""
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).resolve().parent / "mqtt_conformance.py"
STATEMENTS = """version\tid\tconcerns\twhat\tsame_as
3.1.1\tMQTT-1.1.1-1\tserver\tan old rule\tMQTT-2.2.2-2
3.1.1\tMQTT-1.1.1-2\tclient\tclients only
5.0\tMQTT-2.2.2-2\tboth\ta rule
5.0\tMQTT-2.2.2-3\tserver\tanother rule
"""
TEST = """// [MQTT-2.2.2-2]
TEST(Suite, HoldsOne) {
    // [MQTT-2.2.2-3, MQTT 3.1.1 MQTT-1.1.1-1]
}
void helper() {}  // [MQTT-2.2.2-3]
"""
PEERS = """def helper():
    # [MQTT-2.2.2-2]
    pass


def holds():
    # [MQTT-2.2.2-3]
    pass


if __name__ == "__main__":
    main([holds])
"""


def run(files, *arguments):
    """(exit status, output, the page) of a tree with these files."""
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder)
        for name, text in {"tables/mqtt-statements.tsv": STATEMENTS, "docs/x": "", **files}.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(text, encoding="utf-8")
        done = None
        for argument in [[], *([arguments] if arguments else [])]:
            done = subprocess.run([sys.executable, "-B", SCRIPT, "--top", top, *argument],
                                  capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, (top / "docs/mqtt-conformance.md").read_text()


def row(page, identifier):
    return next(line for line in page.splitlines() if line.startswith(f"| {identifier} "))


def main():
    status, said, page = run({"src/mqtt/x_test.cpp": TEST, "src/mqtt/x.cpp": "// [MQTT-2.2.2-2]\n"},
                             "--check")
    assert status == 0, said
    assert "| src/mqtt/x.cpp | Suite.HoldsOne |" in row(page, "2.2.2-2"), page
    assert "|  | Suite.HoldsOne |" in row(page, "2.2.2-3"), "a helper holds nothing"
    assert "clients only" in row(page, "1.1.1-2"), page

    status, said, page = run({"tests/interop/p_test.py": PEERS}, "--check")
    assert status == 1 and "[MQTT-2.2.2-2]: neither" in said and "2.2.2-3]" not in said, said
    assert "tests/interop/p_test.py::holds" in row(page, "2.2.2-3"), page

    why = "version\tid\twhy\n5.0\tMQTT-2.2.2-2\tit cannot be\n"
    status, said, page = run({"tests/interop/p_test.py": PEERS, "tables/mqtt-explained.tsv": why},
                             "--check")
    assert status == 1 and "1.1.1-1]: neither" in said and "it cannot be" in page, said

    for bad, complaint in (("// [MQTT-9.9.9-9]\n", "there is no [MQTT-9.9.9-9]"),
                           ("// [MQTT 3.1.1 MQTT-2.2.2-2]\n", "no [MQTT-2.2.2-2] in MQTT 3"),
                           ("// [MQTT-2.2.2-2 to -3]\n", "write [MQTT-3.1.2-24]")):
        status, said, page = run({"src/mqtt/x.cpp": bad})
        assert status == 1 and complaint in said, said

    page = run({"src/mqtt/x_test.cpp": "TEST(Suite, New) {\n    // [MQTT-2.2.2-2]\n}\n"})[2]
    assert "by MQTT-2.2.2-2: Suite.New" in row(page, "1.1.1-1"), page
    print("all held")


if __name__ == "__main__":
    main()
