#!/usr/bin/env python3
"""The CoAP server beside Debian's libcoap, in one run: `bench/coap_vs_libcoap.py [--json]`.

Server on core 0 (`causeway coap serve --test`, coap-server-notls, and for DTLS
coap-server-gnutls), load generator (`causeway coap bench`) on core 1. Rows: requests a second
when the server is fresh and after it has met many client endpoints, all of them asking in turn;
how long one change takes to reach every observer; and the memory of a server that holds DTLS
sessions. The floor is a bare UDP echo loop with the same calls and the same generator.

A figure is the median of --repeat runs, each against a server of its own. CAUSEWAY names the
program, a release build; another path with --causeway. Needs two cores that nobody else uses: the
machine's load is printed with the table. What was lost or refused is told below it."""
import argparse
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SERVER_CORE, GENERATOR_CORE = "0", "1"
USER, KEY = "bench", "a key of sixteen"


class Row:
    """One line of the table. `goal` is given the figures of this run by row name, ours first."""

    def __init__(self, name, unit, argv, ours="/test", theirs="/", goal=None, higher=True,
                 floor=False, dtls=False):
        self.name, self.unit, self.argv = name, unit, argv
        self.ours, self.theirs, self.goal, self.higher = ours, theirs, goal, higher
        self.floor, self.dtls = floor, dtls

    def figure(self, report):
        if self.unit == "ms":
            return report.get("median_ms")
        if self.unit == "MB":
            return report["server_resident_after"] / 1e6
        return report["answered_per_s"]


def rows(options):
    """The fresh row comes first: others are measured by it."""
    timed = ["--for", str(options.seconds), "--window", str(options.window)]

    def load(name, endpoints, **how):
        return Row(name, "a second", [*timed, "--endpoints", str(endpoints)], **how)

    def kept(ours, _floor):
        return 0.9 * ours["fresh"]

    return [
        load("fresh", options.endpoints,
             goal=lambda ours, floor: max(250_000, 0.6 * floor.get("fresh", 0)), floor=True),
        load("1,000 endpoints met", 1_000),
        load("10,000 endpoints met", 10_000, goal=kept, floor=True),
        load("100,000 endpoints met", 100_000, goal=kept, floor=True, theirs=None),
        Row(f"{options.observers:,} observers told", "ms",
            ["--observers", str(options.observers), "--rounds", "10"], ours="/obs",
            theirs="/example_data", goal=lambda ours, floor: 20, higher=False),
        Row(f"{options.sessions:,} DTLS sessions", "MB",
            ["--sessions", str(options.sessions), "--window", "100", "--for", "1", "-u", USER,
             "-k", KEY],
            goal=lambda ours, floor: 300, higher=False, dtls=True),
    ]


def free_port():
    """A port that is free, and the next one, too: libcoap speaks DTLS there."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as beside:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            try:
                beside.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class Server:
    """A server of its own for every run, so that no run pays for the one before."""

    def __init__(self, program, argv, uri, log):
        self.uri = uri
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *map(str, argv)],
                                        stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            ready = subprocess.run([program, "coap", "get", "-B", "0.5", "-u", USER, "-k", KEY,
                                    "-o", os.devnull, uri], capture_output=True)
            if ready.returncode == 0:
                return
            time.sleep(0.05)
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"{argv[0]} does not answer at {uri}: {ready.stderr.decode().strip()}")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def libcoap(row, program, log):
    port = free_port()
    common = ["-A", "127.0.0.1", "-p", port, "-v", "3"]
    if row.dtls:
        return Server(program, ["coap-server-gnutls", *common, "-k", KEY],
                      f"coaps://127.0.0.1:{port + 1}{row.theirs}", log)
    return Server(program, ["coap-server-notls", *common],
                  f"coap://127.0.0.1:{port}{row.theirs}", log)


def causeway(row, program, log):
    port = free_port()
    scheme = "coaps" if row.dtls else "coap"
    argv = [program, "coap", "serve", "--test", "--period", "1h", "--listen",
            f"{scheme}://127.0.0.1:{port}"]
    if row.dtls:
        argv += ["-u", USER, "-k", KEY]
    return Server(program, argv, f"{scheme}://127.0.0.1:{port}{row.ours}", log)


def run_generator(program, argv, seconds):
    done = subprocess.run(["taskset", "-c", GENERATOR_CORE, program, "coap", "bench", *argv,
                           "--json"], capture_output=True, text=True, timeout=seconds + 300)
    if not done.stdout:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def median_of(row, reports):
    """The report whose figure is the median; one that has none stands last."""
    known = sorted((r for r in reports if row.figure(r) is not None), key=row.figure)
    return known[len(known) // 2] if known else reports[0]


def measure(start, row, program, options, log):
    reports = []
    for _ in range(options.repeat):
        with start(row, program, log) as server:
            argv = [server.uri, *row.argv, "--pid", str(server.process.pid)]
            reports.append(run_generator(program, argv, options.seconds))
            if server.process.poll() is not None:
                raise RuntimeError(f"{row.name}: the server ended with {server.process.returncode}")
    return median_of(row, reports)


def measure_floor(row, program, options):
    argv = ["--echo-floor", "--echo-core", SERVER_CORE, *row.argv]
    return median_of(row, [run_generator(program, argv, options.seconds)
                           for _ in range(options.repeat)])


def shown(row, report):
    value = row.figure(report) if report else None
    if value is None:
        return "-"
    return f"{value:.1f}" if row.unit == "ms" else f"{value:,.0f}"


def cpu_each(row, report):
    """The server's CPU time for a request, µs: it tells what the other tenants of a busy machine
    do not change."""
    if not report or row.unit != "a second" or not report["answered"]:
        return ""
    return f"{report['server_cpu_s'] * 1e6 / report['answered']:.2f}"


def print_table(results):
    print(f"{'':24}{'libcoap':>10}{'µs CPU':>8}{'causeway':>10}{'µs CPU':>8}{'p99 µs':>8}"
          f"{'echo':>10}{'µs CPU':>8}{'of echo':>9}  {'goal':<20}")
    for row, theirs, ours, floor, goal in results:
        value = row.figure(ours) if ours else None
        verdict = ""
        if goal is not None and value is not None:
            verdict = "met" if (value >= goal) == row.higher else "missed"
        goal_text = "" if goal is None else f"{'≥' if row.higher else '<'} {goal:,.0f} {row.unit}"
        share = f"{row.figure(ours) / row.figure(floor):.0%}" if ours and floor else ""
        p99 = f"{ours['latency_us']['p99']:.0f}" if ours and "latency_us" in ours else ""
        print(f"{row.name:24}{shown(row, theirs):>10}{cpu_each(row, theirs):>8}"
              f"{shown(row, ours):>10}{cpu_each(row, ours):>8}{p99:>8}"
              f"{shown(row, floor) if floor else '':>10}{cpu_each(row, floor):>8}{share:>9}"
              f"  {goal_text:<20}{verdict}")
    for row, theirs, ours, floor, _ in results:
        for who, report in (("libcoap", theirs), ("causeway", ours), ("echo", floor)):
            if report is None:
                continue
            faults = {what: report[what] for what in ("lost", "refused", "missed", "unsent")
                      if report[what]}
            if faults:
                print(f"! {row.name}, {who}: "
                      + ", ".join(f"{number} {what}" for what, number in faults.items()))
            cpu = report.get("server_cpu_s")
            if row.unit == "a second" and cpu is not None and cpu < 0.9 * report["seconds"]:
                print(f"  {row.name}, {who}: the server was busy {cpu / report['seconds']:.0%} of "
                      f"its core, the generator "
                      f"{report['generator_cpu_s'] / report['seconds']:.0%} of its own")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--causeway", default=os.environ.get("CAUSEWAY"))
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--endpoints", type=int, default=16, help="of the row `fresh`")
    parser.add_argument("--window", type=int, default=100, help="requests under way")
    parser.add_argument("--observers", type=int, default=1_000)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--rows", default="", help="only rows whose name holds this")
    parser.add_argument("--only", choices=("libcoap", "causeway"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    for name in ("coap-server-notls", "coap-server-gnutls", "taskset"):
        if shutil.which(name) is None:
            sys.exit(f"missing: {name} (scripts/dev setup installs it)")
    program = options.causeway
    if not program or not os.access(program, os.X_OK):
        sys.exit("CAUSEWAY or --causeway must name the causeway program")
    program = str(pathlib.Path(program).resolve())
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    results, our_figures, floors = [], {}, {}
    with tempfile.TemporaryFile() as log:
        for row in rows(options):
            if options.rows not in row.name:
                continue
            theirs = ours = floor = goal = None
            try:
                if row.floor:
                    floor = measure_floor(row, program, options)
                    floors[row.name] = row.figure(floor)
                if row.theirs and options.only != "causeway":
                    theirs = measure(libcoap, row, program, options, log)
                if options.only != "libcoap":
                    ours = measure(causeway, row, program, options, log)
                    our_figures[row.name] = row.figure(ours)
            except (RuntimeError, subprocess.TimeoutExpired) as why:
                print(f"{row.name}: {why}", file=sys.stderr)
            if row.goal:
                try:
                    goal = row.goal(our_figures, floors)
                except KeyError:
                    goal = None  # what it is measured by was not run
            results.append((row, theirs, ours, floor, goal))
            print(f"done: {row.name}", file=sys.stderr)
    if options.json:
        print(json.dumps({"load": os.getloadavg()[0],
                          "rows": [{"name": row.name, "unit": row.unit, "goal": goal,
                                    "libcoap": theirs, "causeway": ours, "echo": floor}
                                   for row, theirs, ours, floor, goal in results]}, indent=1))
    else:
        print_table(results)


if __name__ == "__main__":
    main()
