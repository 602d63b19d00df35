#!/usr/bin/env python3
"""The broker beside Debian's mosquitto, in one run: `bench/mqtt_vs_mosquitto.py [--json]`.

Broker on core 0, load generator (`causeway mqtt bench`) on core 1. The figure is the broker's CPU
time (utime + stime of /proc/PID/stat) for each delivered message, because it says what a broker
costs even where the generator or the network is what saturates; messages a second stand beside it.
Nothing may be lost. CAUSEWAY names the program, a release build; another path with --causeway.
Needs two cores that nobody else uses: the machine's load is printed with the table."""
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

BROKER_CORE, GENERATOR_CORE = "0", "1"


class Row:
    """One line of the table. `goal` is given mosquitto's figures by row name."""

    def __init__(self, name, argv, unit="us", goal=None, goal_text="", persistent=False,
                 rate_of=None, theirs=True):
        self.name, self.argv, self.unit, self.goal, self.goal_text = name, argv, unit, goal, goal_text
        self.persistent, self.rate_of, self.theirs = persistent, rate_of, theirs


def rows(connections):
    pairs = ["pair", "--publishers", "20"]
    return [
        Row("fan-out 1 to 10, QoS 0", ["fan-out", "--subscribers", "10"],
            goal=lambda theirs: 0.4, goal_text="0.4"),
        Row("fan-in 10 to 1, QoS 0", ["fan-in", "--publishers", "10"],
            goal=lambda theirs: 0.8, goal_text="0.8"),
        Row("20 pairs, QoS 0", pairs, goal=lambda theirs: 1.6, goal_text="1.6"),
        Row("20 pairs, QoS 1", [*pairs, "-q", "1"], goal=lambda theirs: 5.0, goal_text="5.0"),
        Row("20 pairs, QoS 2", [*pairs, "-q", "2"],
            goal=lambda theirs: each(theirs["20 pairs, QoS 2"]) / 2, goal_text="half of theirs"),
        Row("20 pairs, QoS 1, kept on disk", [*pairs, "-q", "1", "-V", "5", "--persistent"],
            goal=lambda theirs: each(theirs["20 pairs, QoS 1"]), goal_text="theirs without",
            persistent=True, theirs=False),
        Row("connects", ["connect", "--clients", "50"]),
        Row(f"{connections} idle connections", ["connections", "--clients", str(connections)],
            unit="octets", goal=lambda theirs: each(theirs[f"{connections} idle connections"]),
            goal_text="theirs"),
        Row("p99, 20 pairs QoS 0 at half their load", pairs, unit="p99", rate_of="20 pairs, QoS 0",
            goal=lambda theirs: p99(theirs["p99, 20 pairs QoS 0 at half their load"]),
            goal_text="theirs"),
        Row("p99, fan-out at half their load", ["fan-out", "--subscribers", "10"], unit="p99",
            rate_of="fan-out 1 to 10, QoS 0",
            goal=lambda theirs: p99(theirs["p99, fan-out at half their load"]),
            goal_text="theirs"),
    ]


def each(report):
    return report.get("broker_us_each", report.get("broker_octets_each"))


def p99(report):
    return report["latency_us"]["p99"]


def figure(row, report):
    if row.unit == "p99":
        return p99(report)
    return report.get("broker_octets_each") if row.unit == "octets" else report.get("broker_us_each")


def pace(report):
    return report["connects_per_s"] if report["mode"] == "connect" else report["delivered_per_s"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """A broker of its own for every row, so that no row pays for the one before."""

    def __init__(self, argv, port, folder):
        self.log = (folder / "broker.log").open("ab")
        self.process = subprocess.Popen(["taskset", "-c", BROKER_CORE, *map(str, argv)],
                                        stdout=self.log, stderr=self.log, cwd=folder)
        self.port = port
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    time.sleep(0.2)
                    return
            time.sleep(0.05)
        self.process.kill()
        text = (folder / "broker.log").read_text(errors="replace")
        raise RuntimeError(f"{argv[0]} does not listen:\n{text[-2000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def mosquitto(folder, _persistent):
    port = free_port()
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        "max_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 100\n"
        "set_tcp_nodelay true\nlog_type error\nuser root\n")
    return Broker(["mosquitto", "-c", folder / "mosquitto.conf"], port, folder)


def ours(program):
    def start(folder, persistent):
        port = free_port()
        (folder / "site.toml").write_text(
            f'name = "bench"\nstate = "{folder}/state"\n\n[mqtt]\n'
            f'listen = ["127.0.0.1:{port}"]\npersistence = {str(persistent).lower()}\n')
        return Broker([program, "run", folder / "site.toml"], port, folder)
    return start


def measure(start, row, program, options, rate):
    with tempfile.TemporaryDirectory(prefix="causeway-bench-") as name:
        with start(pathlib.Path(name), row.persistent) as broker:
            argv = ["taskset", "-c", GENERATOR_CORE, program, "mqtt", "bench", *row.argv, "-h",
                    "127.0.0.1", "-p", str(broker.port), "--pid", str(broker.process.pid), "--json",
                    "--seconds", str(options.seconds)]
            if rate:
                argv += ["--rate", str(int(rate))]
            done = subprocess.run(argv, capture_output=True, text=True,
                                  timeout=options.seconds + 180)
            if not done.stdout:
                raise RuntimeError(f"{row.name}: {done.stderr.strip()}")
            report = json.loads(done.stdout)
            if broker.process.poll() is not None:
                raise RuntimeError(f"{row.name}: the broker ended with {broker.process.returncode}")
            return report


def shown(row, report):
    if report is None:
        return f"{'-':>10} {'-':>11}"
    value = figure(row, report)
    text = "-" if value is None else f"{value:.0f}" if row.unit != "us" else f"{value:.2f}"
    lost = "!" if report["lost"] or report["failures"] else " "
    speed = pace(report) if report["mode"] != "connections" else report["connects"]
    return f"{text:>10} {speed:>10.0f}{lost}"


def print_table(results):
    units = {"us": "µs", "octets": "octets each", "p99": "µs p99"}
    print(f"{'':40}{'mosquitto':>10} {'a second':>11}{'causeway':>11} {'a second':>11}"
          f"  {'goal':<16}{'unit':<12}")
    for row, theirs, mine, goal in results:
        value = figure(row, mine) if mine else None
        verdict = "" if goal is None or value is None else "met" if value <= goal else "missed"
        goal_text = "" if goal is None else f"{goal:.2f}" if row.unit == "us" else f"{goal:.0f}"
        print(f"{row.name:40}{shown(row, theirs)}{shown(row, mine)}   {goal_text:<9}{verdict:<8}"
              f"{units[row.unit]:<12}")
    for row, theirs, mine, _ in results:
        for who, report in (("mosquitto", theirs), ("causeway", mine)):
            if report and (report["lost"] or report["duplicated"] or report["failures"]):
                print(f"! {row.name}, {who}: lost {report['lost']}, duplicated "
                      f"{report['duplicated']}, connections failed {report['failures']}")
            if report and report["generator_cpu_s"] > 0.95 * report["seconds"]:
                print(f"  {row.name}, {who}: the generator was saturated, the broker was not")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--causeway", default=os.environ.get("CAUSEWAY"))
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=9_000 if os.getuid() else 10_000)
    parser.add_argument("--rows", default="", help="only rows whose name holds this")
    parser.add_argument("--only", choices=("mosquitto", "causeway"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    for program in ("mosquitto", "taskset"):
        if shutil.which(program) is None:
            sys.exit(f"missing: {program} (scripts/dev setup installs it)")
    program = options.causeway
    if not program or not os.access(program, os.X_OK):
        sys.exit("CAUSEWAY or --causeway must name the causeway program")
    program = str(pathlib.Path(program).resolve())
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    results, saturation, theirs_by_name = [], {}, {}
    for row in rows(options.connections):
        if options.rows not in row.name:
            continue
        theirs = mine = goal = None
        rate = saturation.get(row.rate_of, 0) / 2
        if row.rate_of and not rate:
            print(f"{row.name}: needs the row {row.rate_of} with mosquitto", file=sys.stderr)
            continue
        if row.theirs and options.only != "causeway":
            theirs = measure(mosquitto, row, program, options, rate)
            theirs_by_name[row.name] = theirs
            saturation[row.name] = theirs["published_per_s"]
        if options.only != "mosquitto":
            try:
                mine = measure(ours(program), row, program, options, rate)
            except (RuntimeError, subprocess.TimeoutExpired) as why:
                print(why, file=sys.stderr)
        if row.goal:
            try:
                goal = row.goal(theirs_by_name)
            except (KeyError, TypeError):
                goal = None  # what it is measured by was not run
        results.append((row, theirs, mine, goal))
        print(f"done: {row.name}", file=sys.stderr)
    if options.json:
        print(json.dumps({"load": os.getloadavg()[0],
                          "rows": [{"name": row.name, "unit": row.unit, "goal": goal,
                                    "mosquitto": theirs, "causeway": mine}
                                   for row, theirs, mine, goal in results]}, indent=1))
    else:
        print_table(results)


if __name__ == "__main__":
    main()
