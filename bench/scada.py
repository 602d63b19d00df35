#!/usr/bin/env python3
"""SCADA's figures in one run: `bench/scada.py [--json] [ROW ...]`.

  modbus    requests a second of our Modbus/TCP server beside libmodbus's, the same generator at both
  polling   1,000 Modbus devices, each polled every second by one gateway on one core
  dnp3      events a second from an outstation to a master on loopback
  latency   from a Modbus device's answer to the MQTT message, beyond the poll interval

Server or gateway on core 0, everything else on core 1. CAUSEWAY names the program, a release build;
bench_libmodbus_server is looked for beside it, in bench/. Needs two cores that nobody else uses."""
import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

FIRST, OTHER = "0", "1"  # cores
SECONDS = 5


def on_core(core, *argv):
    return ["taskset", "-c", core, *map(str, argv)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(argv, port):
    """A server that has begun to listen."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(argv, stdout=said, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 30
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if process.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    sys.exit(f"{argv}: {said.read().decode()}")
                time.sleep(0.05)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def modbus(causeway):
    peer = pathlib.Path(causeway).resolve().parent / "bench" / "bench_libmodbus_server"

    def load(argv, port, connections, depth):
        with running(on_core(FIRST, *argv), port) as server:
            done = subprocess.run(on_core(OTHER, causeway, "modbus", "bench", f"127.0.0.1:{port}",
                                          "--connections", str(connections), "--depth", str(depth),
                                          "--seconds", str(SECONDS), "--json", "--pid", server.pid),
                                  capture_output=True, text=True, timeout=60, check=True)
            report = json.loads(done.stdout)
            return (report["requests_per_s"],
                    report["server_cpu_s"] / report["answers"] * 1e6)

    row = {}
    for connections, depth in ((16, 1), (50, 1), (16, 4), (4, 16)):
        name = f"{connections} x {depth}"
        port = free_port()
        ours, cpu = load([causeway, "device", "modbus", "--quiet", "--listen",
                          f"127.0.0.1:{port}"], port, connections, depth)
        row[f"{name} a second"], row[f"{name} CPU us"] = ours, cpu
        if peer.exists():
            port = free_port()
            theirs, their_cpu = load([peer, port], port, connections, depth)
            row |= {f"{name} libmodbus": theirs, f"{name} its CPU us": their_cpu,
                    f"{name} ratio": ours / theirs}
    return row | {"goal_ratio": 2}


def write_polling_site(path, port, rest, devices):
    lines = [f'state = "state"\n[management]\nlisten = "127.0.0.1:{rest}"\n']
    for n in range(devices):
        lines.append(f'''
[[scada.line]]
name = "l{n}"
connect = "127.0.0.1:{port}"
[[scada.modbus.client]]
line = "l{n}"
[[scada.modbus.client.device]]
name = "d{n}"
timeout = "900ms"
point = [
  {{ name = "voltage", area = "input_register", address = 0, factor = 0.1 }},
  {{ name = "power", area = "input_register", address = 4, type = "i32" }},
  {{ name = "energy", area = "input_register", address = 6, type = "u32" }},
  {{ name = "frequency", area = "input_register", address = 8, type = "f32" }},
]
''')
    path.write_text("".join(lines))


def polling(causeway, devices=1000):
    port, rest = free_port(), free_port()

    def stats():
        with urllib.request.urlopen(f"http://127.0.0.1:{rest}/scada/stats", timeout=10) as answer:
            return json.load(answer)

    with tempfile.TemporaryDirectory(prefix="causeway-bench-") as folder:
        site = pathlib.Path(folder) / "site.toml"
        write_polling_site(site, port, rest, devices)
        device = on_core(OTHER, causeway, "device", "modbus", "--listen", f"127.0.0.1:{port}",
                         "--quiet", "--peers", devices + 10)
        with running(device, port), running(on_core(FIRST, causeway, "run", site), rest) as gateway:
            deadline = time.monotonic() + 30
            while stats()["devices"]["up"] < devices and time.monotonic() < deadline:
                time.sleep(0.2)
            time.sleep(3)
            before, cpu, began = stats(), cpu_seconds(gateway.pid), time.monotonic()
            time.sleep(4 * SECONDS)
            after, span = stats(), time.monotonic() - began
            client = {k: after["modbus_client"][k] - before["modbus_client"][k]
                      for k in ("answers", "timeouts")}
            return {"devices": devices, "devices_up": after["devices"]["up"],
                    "polls_per_s": client["answers"] / span, "goal_per_s": devices,
                    "timeouts": client["timeouts"],
                    "gateway_core_percent": (cpu_seconds(gateway.pid) - cpu) / span * 100}


class ScriptedDevice(threading.Thread):
    """A Modbus/TCP device whose register counts the polls, and who knows when it said what."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.said = {}

    def run(self):
        peer, _ = self.listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        count = 0
        while len(request := peer.recv(12)) == 12:
            count = (count + 1) % 65536
            answer = request[:4] + b"\0\5" + request[6:8] + b"\2" + count.to_bytes(2, "big")
            self.said[count] = time.perf_counter()
            peer.sendall(answer)


def latency(causeway):
    broker = free_port()
    device = ScriptedDevice()
    device.start()
    late = []
    with tempfile.TemporaryDirectory(prefix="causeway-bench-") as folder:
        site = pathlib.Path(folder) / "site.toml"
        site.write_text(f'''state = "state"
[mqtt]
listen = ["127.0.0.1:{broker}"]
[scada.mqtt]
format = "plain"
qos = 0
[[scada.line]]
name = "l"
connect = "127.0.0.1:{device.port}"
[[scada.modbus.client]]
line = "l"
[[scada.modbus.client.device]]
name = "d"
every = "10ms"
point = [{{ name = "count", address = 0 }}]
''')
        with running(on_core(FIRST, causeway, "run", site), broker):
            with socket.create_connection(("127.0.0.1", broker)) as client:
                client.sendall(b"\x10\x0d\0\4MQTT\4\2\0\0\0\1x" +
                               b"\x82\x13\0\1\0\x0epoints/d/count\0")
                client.settimeout(10)
                waiting = b""
                end = time.monotonic() + 4 * SECONDS
                while time.monotonic() < end:
                    waiting += client.recv(4096)
                    now = time.perf_counter()
                    while len(waiting) >= 2 and len(waiting) >= 2 + waiting[1]:
                        packet, waiting = waiting[:2 + waiting[1]], waiting[2 + waiting[1]:]
                        if packet[0] >> 4 != 3:
                            continue
                        value = re.search(rb"count(\d+)$", packet)
                        if value and int(value[1]) in device.said:
                            late.append((now - device.said[int(value[1])]) * 1000)
    late.sort()
    if not late:
        sys.exit("latency: no message came")
    return {"messages": len(late), "median_ms": late[len(late) // 2],
            "p99_ms": late[len(late) * 99 // 100], "max_ms": late[-1], "goal_p99_ms": 5}


def dnp3(causeway):
    port = free_port()
    load = on_core(FIRST, causeway, "dnp3", "bench", "--outstation-load", f"127.0.0.1:{port}")
    with running(load, port) as outstation:
        cpu = cpu_seconds(outstation.pid)
        done = subprocess.run(on_core(OTHER, causeway, "dnp3", "bench", f"127.0.0.1:{port}",
                                      "--seconds", str(SECONDS), "--json"),
                              capture_output=True, text=True, timeout=60, check=True)
        report = json.loads(done.stdout)
        return report | {"goal_per_s": 100_000,
                         "outstation_cpu_s": cpu_seconds(outstation.pid) - cpu}


ROWS = {"modbus": modbus, "polling": polling, "dnp3": dnp3, "latency": latency}


def main():
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    options.add_argument("--json", action="store_true")
    options.add_argument("--causeway", default=os.environ.get("CAUSEWAY", "build/release/causeway"))
    chosen = options.parse_args()
    if unknown := set(chosen.rows) - set(ROWS):
        options.error(f"no such row: {', '.join(sorted(unknown))}")
    figures = {}
    for name in chosen.rows or ROWS:
        figures[name] = ROWS[name](chosen.causeway)
        if not chosen.json:
            print(name)
            for key, value in figures[name].items():
                print(f"  {key:22} " + (f"{value:,.2f}" if isinstance(value, float) else f"{value}"))
    if chosen.json:
        print(json.dumps(figures))
    elif os.getloadavg()[0] > 1.5:
        print(f"the machine was busy: load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
