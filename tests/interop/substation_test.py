#!/usr/bin/env python3
"""examples/substation.toml with real masters: mbpoll, pymodbus and libmodbus on its Modbus server,
mosquitto's clients on its broker, libcoap's client on its CoAP endpoint, our own DNP3 master on its
outstation. Values come from five simulated field devices on serial lines, and commands go there
from each side; tshark reads what went over the wire. And two ends that both connect.
"""
import contextlib
import ctypes
import json
import re
import socket
import struct
import subprocess
import time
import urllib.request

from harness import (EXAMPLES, Running, causeway, check, eventually, main, need, own_network, scratch,
                     with_debian_python)

with_debian_python("pymodbus", "python3-pymodbus")
from pymodbus.client import ModbusTcpClient  # noqa: E402

MODBUS, DNP3, MQTT, COAP, REST = 1502, 20000, 1887, 5688, 8087
FEEDER, METER = 0, 200  # where their addresses begin, of the first of each


def rest(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{REST}{path}", timeout=10) as answer:
        return json.load(answer)


def point(path):
    return rest(f"/points/{path}")


def run(*argv, timeout=30, ok=True):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=timeout)
    if ok:
        check(done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def mbpoll(table, address, count=1, *values):
    """References count from 1; -0 makes them addresses."""
    done = run("mbpoll", "-m", "tcp", "-p", MODBUS, "-a", 1, "-0", "-t", table, "-r", address, "-1",
               *(["-c", count] if not values else []), "127.0.0.1", *values)
    return [int(v) for v in re.findall(r"^\[\d+\]:\s+(-?\d+)", done.stdout, re.M)]


def dnp3(*argv, ok=True):
    return run(causeway(), "dnp3", *argv[:1], f"127.0.0.1:{DNP3}", "--outstation", 10, "--master", 1,
               *argv[1:], ok=ok)


class Libmodbus:
    """libmodbus itself, by its C interface."""

    def __init__(self):
        self.lib = ctypes.CDLL("libmodbus.so.5", use_errno=True)
        self.lib.modbus_new_tcp.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.lib.modbus_new_tcp(b"127.0.0.1", MODBUS))

    def __enter__(self):
        self.lib.modbus_set_slave(self.context, 1)
        check(self.lib.modbus_connect(self.context) == 0, "libmodbus connects")
        return self

    def __exit__(self, *exc):
        self.lib.modbus_close(self.context)
        self.lib.modbus_free(self.context)

    def inputs(self, address, count):
        to = (ctypes.c_uint16 * count)()
        got = self.lib.modbus_read_input_registers(self.context, address, count, to)
        check(got == count, f"libmodbus reads {count} registers: {got}")
        return list(to)

    def write_coil(self, address, on):
        return self.lib.modbus_write_bit(self.context, address, int(on))

    def coil(self, address):
        to = (ctypes.c_uint8 * 1)()
        check(self.lib.modbus_read_bits(self.context, address, 1, to) == 1, "libmodbus reads a coil")
        return to[0]


def devices_answer():
    eventually("all field devices answer",
               lambda: rest("/scada/stats")["devices"] == {"all": 5, "up": 5})
    eventually("every point is known and good",
               lambda: all(p["q"] == "good" for p in rest("/points")["points"]))


def mbpoll_reads_and_writes():
    volts = mbpoll(3, METER)[0]
    check(2150 <= volts <= 2450, f"meter-1's voltage, in tenths: {volts}")
    volts = mbpoll(3, FEEDER)[0]
    check(2150 <= volts <= 2450, f"feeder-1's voltage, by DNP3 and Modbus: {volts}")
    for state in (0, 1):
        mbpoll(0, METER, 1, state)
        eventually("the meter's breaker has moved", lambda: mbpoll(1, METER) == [state])


def pymodbus_reads_and_writes():
    with ModbusTcpClient("127.0.0.1", port=MODBUS) as client:
        got = client.read_input_registers(METER + 1, 2, slave=1)
        check(not got.isError(), f"power: {got}")
        # A setpoint of a DNP3 outstation: selected, operated, and seen again in its input.
        wanted = struct.unpack(">HH", struct.pack(">f", 42.5))
        done = client.write_registers(FEEDER, list(wanted), slave=1)
        check(not done.isError(), f"a setpoint through DNP3: {done}")
        eventually("the outstation shows it",
                   lambda: client.read_holding_registers(FEEDER, 2, slave=1).registers
                   == list(wanted))
        half = client.write_register(FEEDER, 1, slave=1)
        check(half.isError() and half.exception_code == 2, f"half a float is none: {half}")
        nobody = client.read_input_registers(9000, 1, slave=1)
        check(nobody.isError() and nobody.exception_code == 2, f"nobody lives there: {nobody}")
        high = client.write_register(METER, 2000, slave=1)
        check(high.isError() and high.exception_code == 3, f"more than the most: {high}")
        elsewhere = client.read_input_registers(METER, 1, slave=77)
        check(elsewhere.isError(), f"no such unit: {elsewhere}")


def libmodbus_reads_and_writes():
    with Libmodbus() as client:
        check(client.inputs(METER + 20, 1) == [0], "the quality of a voltage is good")
        ms = client.inputs(FEEDER + 40, 4)
        stamp = sum(part << shift for part, shift in zip(ms, (48, 32, 16, 0))) / 1000
        check(abs(stamp - time.time()) < 600, f"the time of a voltage: {stamp}")
        for state in (True, False):
            check(client.write_coil(FEEDER, state) == 1, "a lamp through DNP3")
            eventually("the lamp", lambda: client.coil(FEEDER) == int(state))


def mqtt_shows_and_commands():
    got = run("mosquitto_sub", "-p", MQTT, "-t", "points/meter-2/frequency", "-C", 1, "-W", 20)
    value = json.loads(got.stdout)
    check(45 < value["v"] < 55 and value["u"] == "Hz" and value["q"] == "good", f"{value}")
    check(abs(value["t"] - time.time()) < 60, f"its time: {value}")
    # Into a pipe it would say nothing before its end.
    outcome = Running(["stdbuf", "-oL", "mosquitto_sub", "-p", MQTT, "-t",
                       "points/feeder-1/breaker/outcome", "-C", "2", "-W", "30", "-d"])
    with outcome:
        outcome.wait_for("received SUBACK")
        for state in ("on", "off"):
            run("mosquitto_pub", "-p", MQTT, "-t", "points/feeder-1/breaker/set", "-m", state)
            eventually(f"the feeder's breaker is {state}",
                       lambda: point("feeder-1/breaker").get("state") == state)
        outcome.wait_for('"outcome":"success"')
        check(outcome.process.wait(30) == 0, "an outcome for each command")


def coap(*argv, ok=True):
    return run("coap-client-notls", *argv, ok=ok)


def coap_shows_and_commands():
    where = f"coap://127.0.0.1:{COAP}/points"
    volts = float(coap("-m", "get", f"{where}/meter-1/voltage").stdout)
    check(215 < volts < 245, f"volts by CoAP: {volts}")
    check("feeder-1/voltage" in coap("-m", "get", where).stdout, "points are listed")
    coap("-m", "put", "-e", "250", f"{where}/pump/setpoint")
    eventually("the pump's setpoint", lambda: point("pump/setpoint")["v"] == 250)
    refused = coap("-m", "put", "-e", "2000", f"{where}/pump/setpoint", ok=False)
    check("4.00" in refused.stdout + refused.stderr or "4.22" in refused.stdout + refused.stderr,
          f"more than the most: {refused}")


def dnp3_shows_and_commands():
    polled = json.loads(dnp3("poll", "--json").stdout)
    points = {(p["type"], p["index"]): p for p in polled["points"]}
    volts = points[("analog", 2)]["value"]
    check(215 < volts < 245, f"meter-1's volts by DNP3: {volts}")
    check(points[("double_bit", 0)]["value"] in (1, 2, "off", "on"), "a breaker has two bits")
    for word in ("off", "on"):
        dnp3("operate", "binary-output", "4", word)
        eventually(f"the pump's breaker is {word}",
                   lambda: point("pump/closed")["v"] == (word == "on"))
    refused = dnp3("direct", "analog-output", "4", "2000", ok=False)
    check(refused.returncode == 1, f"more than the most: {refused}")


def nothing_is_malformed(capture):
    for port, protocol in ((MODBUS, "mbtcp"), (DNP3, "dnp3")):
        read = ["tshark", "-r", capture, "-d", f"tcp.port=={MODBUS},mbtcp"]
        seen = run(*read, "-Y", f"tcp.port=={port} && {protocol}").stdout.count("\n")
        check(seen > 10, f"{protocol}: {seen} packets in the capture")
        bad = run(*read, "-Y", f"tcp.port=={port} && (_ws.malformed || _ws.expert.severity == error)")
        check(bad.stdout == "", f"{protocol}: {bad.stdout}")


def the_substation_is_one_for_all_its_masters():
    with scratch() as folder:
        capture = folder / "wire.pcapng"
        tshark = Running(["tshark", "-i", "lo", "-w", capture, "-f",
                          f"tcp port {MODBUS} or tcp port {DNP3}"], start_new_session=True)
        site = Running([causeway(), "run", EXAMPLES / "substation.toml", "--set",
                        f"state={folder / 'state'}"])
        with tshark, site:
            site.wait_for(f"Modbus server on 127.0.0.1:{MODBUS}")
            eventually("the capture has begun", capture.exists)
            devices_answer()
            mbpoll_reads_and_writes()
            pymodbus_reads_and_writes()
            libmodbus_reads_and_writes()
            mqtt_shows_and_commands()
            coap_shows_and_commands()
            dnp3_shows_and_commands()
            stats = rest("/scada/stats")
            check(stats["points"]["commands_succeeded"] >= 12, f"commands: {stats['points']}")
            check(site.stop() == 0, "the site ends well")
            tshark.stop()
        nothing_is_malformed(capture)


def dual_site(folder, name, ours, theirs, rest_port, role):
    path = folder / f"{name}.toml"
    path.write_text(f'''state = "{name}"
[management]
listen = "127.0.0.1:{rest_port}"
[[scada.line]]
name = "both-ways"
connect = "127.0.0.1:{theirs}"
listen = "127.0.0.1:{ours}"
reopen_first = "100ms"
{role}''')
    return path


def a_dual_end_point_settles_on_one_connection():
    near = '''[[scada.dnp3.master]]
line = "both-ways"
[[scada.dnp3.master.outstation]]
name = "far"
address = 10
events_every = "200ms"
point = [{ name = "breaker", type = "binary", index = 0 }]
'''
    far = '''[[scada.dnp3.outstation]]
line = "both-ways"
address = 10
point = [{ point = "d/breaker", index = 0 }]
[[scada.line]]
name = "nowhere"
connect = "127.0.0.1:9"
[[scada.modbus.client]]
line = "nowhere"
[[scada.modbus.client.device]]
name = "d"
point = [{ name = "breaker", area = "coil", address = 0 }]
'''

    def stats(port, group):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/scada/stats", timeout=10) as answer:
            return json.load(answer)[group]

    with scratch() as folder:
        sites = [dual_site(folder, "near", 20001, 20002, 8091, near),
                 dual_site(folder, "far", 20002, 20001, 8092, far)]
        for order in (0, 1):
            with contextlib.ExitStack() as both:
                for site in (sites[order], sites[1 - order]):
                    run_site = both.enter_context(Running([causeway(), "run", site]))
                    run_site.wait_for("DNP3")
                    eventually("it listens", lambda: reachable(8091 if site == sites[0] else 8092))
                eventually("the master has read the outstation",
                           lambda: stats(8091, "dnp3_master")["responses"] >= 3)

                def opened():
                    return (stats(8091, "dnp3_master")["line_opened"],
                            stats(8092, "dnp3_outstation")["line_opened"])

                def quiet():
                    before, answered = opened(), stats(8091, "dnp3_master")["responses"]
                    eventually("polls go on", lambda: stats(8091, "dnp3_master")["responses"]
                               >= answered + 5)
                    return opened() == before

                eventually("one connection stays", quiet)


def reachable(port):
    with contextlib.closing(socket.socket()) as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    need("mbpoll", "mosquitto_sub", "mosquitto_pub", "coap-client-notls", "tshark")
    own_network()
    main([the_substation_is_one_for_all_its_masters, a_dual_end_point_settles_on_one_connection])
