#!/usr/bin/env python3
"""The same file and seed give the same capture, whichever compiler built the program.

usage: compilers.py PROGRAM OTHER_PROGRAM; without arguments there is nothing to compare."""
import subprocess
import sys

import harness
from harness import check

SITE = harness.EXAMPLES / "first-light.toml"


def two_compilers_give_the_same_bytes():
    with harness.scratch() as folder:
        captures = []
        for number, program in enumerate(sys.argv[1:3]):
            capture = folder / f"{number}.pcapng"
            subprocess.run([program, "sim", SITE, "--for", "20m", "--seed", "7", "--pcap", capture,
                            "--json"], check=True, stdout=subprocess.DEVNULL, timeout=600)
            captures.append(capture.read_bytes())
        check(len(captures[0]) > 100_000, "a capture with something in it")
        check(captures[0] == captures[1], "the two programs' captures differ")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    harness.main([two_compilers_give_the_same_bytes])
