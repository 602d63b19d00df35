#!/usr/bin/env python3
"""The broker under the load generator, in every mode: nothing lost, nothing doubled, no complaint of
a sanitizer if the program was built with one, and an orderly end. CAUSEWAY names the program."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

CAUSEWAY = os.environ.get("CAUSEWAY", "build/release/causeway")
SITE = """
name = "load"
[mqtt]
listen = ["127.0.0.1:0"]
workers = {workers}
persistence = {persistence}
"""
MODES = (
    ["fan-out", "--subscribers", "10"],
    ["fan-in", "--publishers", "10"],
    ["pair", "--publishers", "5"],
    ["pair", "--publishers", "5", "-q", "1"],
    ["pair", "--publishers", "5", "-q", "2", "-V", "5"],
    ["pair", "--publishers", "3", "-q", "1", "--persistent", "-V", "5"],
    ["shared", "--publishers", "3", "--subscribers", "3"],
    ["connect", "--clients", "20"],
)


def run(workers, persistence):
    with tempfile.TemporaryDirectory() as folder:
        site = pathlib.Path(folder, "site.toml")
        site.write_text(SITE.format(workers=workers, persistence=str(persistence).lower()))
        with open(pathlib.Path(folder, "log"), "w+", encoding="utf-8") as log:
            broker = subprocess.Popen([CAUSEWAY, "run", site], stdout=log, stderr=log)
            try:
                port = listening(log, broker)
                for mode in MODES:
                    load(mode, port)
            finally:
                broker.send_signal(signal.SIGTERM)
                status = broker.wait(20)
            log.seek(0)
            said = log.read()
            assert status == 0, f"status {status}\n{said[-3000:]}"
            assert "Sanitizer" not in said and "runtime error" not in said, said[-6000:]


def listening(log, broker):
    end = time.monotonic() + 20
    while time.monotonic() < end and broker.poll() is None:
        with open(log.name, encoding="utf-8") as text:
            if found := re.search(r"on 127\.0\.0\.1:(\d+)", text.read()):
                return found[1]
        time.sleep(0.05)
    raise AssertionError("the broker does not listen")


def load(mode, port):
    done = subprocess.run([CAUSEWAY, "mqtt", "bench", *mode, "--seconds", "1", "-p", port, "--json"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{mode}: status {done.returncode}\n{done.stdout}{done.stderr}"
    assert "Sanitizer" not in done.stderr, done.stderr
    result = json.loads(done.stdout)
    assert result["lost"] == 0 and result["duplicated"] == 0, f"{mode}: {result}"
    work = result["connects"] if mode[0] == "connect" else result["delivered"]
    assert work > 0, f"{mode}: {result}"
    print(f"{' '.join(mode)}: passed ({work})", flush=True)


if __name__ == "__main__":
    run(workers=0, persistence=False)
    run(workers=2, persistence=True)
    sys.exit(0)
