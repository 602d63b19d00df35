#!/usr/bin/env python3
"""The long one of tests/interop/mqtt_kill_test.py: 20,000 kills, or two hours of them.

    CAUSEWAY=build/release/causeway bench/mqtt_kill.py [--rounds N] [--seconds N] [--seed N]

As root. Prints the seed first, so that what it finds can be had again."""
import os
import pathlib
import sys

TEST = pathlib.Path(__file__).resolve().parent.parent / "tests/interop/mqtt_kill_test.py"

os.execv(sys.executable, [sys.executable, "-B", str(TEST), "--rounds", "20000", "--seconds", "7200",
                          *sys.argv[1:]])
