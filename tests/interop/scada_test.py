#!/usr/bin/env python3
"""[scada] in trouble, with the real program: devices that die, babble, answer late or not at all;
masters that vanish, repeat themselves, stay away too long or are cut off; clients that are stuck;
and a DNP3 outstation at the far end of a mesh. The other ends are scripted here (scada_wire.py),
our own tools, mosquitto's and libcoap's clients; tshark reads what goes through the TUN."""
import contextlib
import itertools
import json
import re
import signal
import struct
import subprocess
import threading
import time
import urllib.request

from harness import Running, causeway, check, eventually, main, need, own_network, scratch
from scada_wire import (DIRECT, ENABLE, OPERATE, OVERFLOW, READ, RESPONSE, SELECT, UNSOLICITED,
                        Dnp3Master, ModbusClient, ModbusTcpDevice, Relay, SerialBus, SerialTap,
                        latch, link_frame, registers, status_of, timed_floats)

REST, MQTT, COAP, MODBUS, DNP3, FIELD = 8087, 1887, 5688, 1502, 20000, 1600
NO_SELECT, TIMED_OUT, HARDWARE_ERROR, SUCCESS = 2, 1, 6, 0
COMM_LOST = 1 << 2  # of a quality register
CLASS_1, CLASS_0 = bytes([60, 2, 6]), bytes([60, 1, 6])

HEAD = f"""
state = "state"
[management]
listen = "127.0.0.1:{REST}"
[mqtt]
listen = ["127.0.0.1:{MQTT}"]
[coap]
listen = ["coap://127.0.0.1:{COAP}"]
[scada.mqtt]
[scada.coap]
[[scada.line]]
name = "modbus-clients"
listen = "127.0.0.1:{MODBUS}"
[[scada.line]]
name = "dnp3-masters"
listen = "127.0.0.1:{DNP3}"
"""
# A point that a test moves by MQTT, and a DNP3 outstation that shows it.
FED = """
[[scada.mqtt.device]]
name = "field"
point = [{ name = "level", topic = "in/level", kind = "real" }]
[[scada.dnp3.outstation]]
line = "dnp3-masters"
address = 10
point = [{ point = "field/level", type = "analog", index = 0, class = 1, event_variation = 7 }]
"""


def rest(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{REST}{path}", timeout=20) as answer:
        return json.load(answer)


def quality(path):
    return rest(f"/points/{path}")["q"]


def value(path):
    return rest(f"/points/{path}")["v"]


def run(*argv, ok=True, **more):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=60, **more)
    check(not ok or done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


@contextlib.contextmanager
def site(folder, text):
    (folder / "site.toml").write_text(HEAD + text)
    with Running([causeway(), "run", folder / "site.toml"], cwd=folder) as running:
        eventually("the site answers", lambda: running.process.poll() is not None or answers(), 30)
        yield running
        check(running.process.poll() is None, f"the site ended: {running.lines} {running.errors}")
        check(running.stop() == 0, f"the site ended badly: {running.errors}")


def answers():
    with contextlib.suppress(OSError):
        return rest("/points") is not None


def modbus_source(name, line, points, **settings):
    """A Modbus client with one device on a line of its own; `line` is its kind and where it is."""
    kind, where = line
    return (f'[[scada.line]]\nname = "to-{name}"\n{kind} = "{where}"\n'
            f'reopen_first = "100ms"\nreopen_most = "500ms"\n'
            f'[[scada.modbus.client]]\nline = "to-{name}"\n'
            + modbus_device(name, points, **settings))


def modbus_device(name, points, **settings):
    """One more on the line that was said last."""
    keys = "".join(f"{key} = {json.dumps(setting)}\n" for key, setting in settings.items())
    return f'[[scada.modbus.client.device]]\nname = "{name}"\n{keys}point = [{points}]\n'


def publish(topic, *payloads):
    run("mosquitto_pub", "-p", MQTT, "-q", 1, "-t", topic, "-l", input="\n".join(payloads) + "\n")


def feed(levels, at_ms):
    """Moves field/level, each time a second later by the clock of the device."""
    publish("in/level", *(json.dumps({"v": level, "t": at_ms / 1000 + i, "q": "good"})
                          for i, level in enumerate(levels)))
    eventually(f"level {levels[-1]} is known", lambda: value("field/level") == levels[-1])
    return [(float(level), at_ms + 1000 * i) for i, level in enumerate(levels)]


@contextlib.contextmanager
def subscribed(*topics):
    """mosquitto_sub, its subscription acknowledged; lines are TOPIC PAYLOAD."""
    filters = [word for topic in topics for word in ("-t", topic)]
    with Running(["stdbuf", "-oL", "mosquitto_sub", "-p", MQTT, "-q", 1, "-v", "-d",
                  *filters]) as subscriber:
        subscriber.wait_for("received SUBACK")
        yield subscriber


def messages(subscriber):
    return [line.split(" ", 1) for line in list(subscriber.lines)
            if not line.startswith(("Client ", "Subscribed "))]


# ---- devices in trouble -------------------------------------------------------------------------

PATIENCE = dict(every="100ms", timeout="400ms", failures_max=2, probe_first="200ms",
                probe_most="400ms")
WINDOWS = """
[[scada.modbus.server]]
line = "modbus-clients"
point = [
  { point = "rtu/frequency", address = 0, type = "f32", quality_address = 20 },
  { point = "rtu/uptime", address = 4, type = "u64", bad = "exception" },
  { point = "tcp/frequency", address = 10, type = "f32", quality_address = 30, bad = "exception" },
]
[[scada.dnp3.outstation]]
line = "dnp3-masters"
address = 10
point = [
  { point = "rtu/frequency", type = "analog", index = 0 },
  { point = "tcp/frequency", type = "analog", index = 1 },
  { point = "other/frequency", type = "analog", index = 2 },
]
"""
METER = ('{ name = "frequency", area = "input_register", address = 8, type = "f32" },'
         '{ name = "uptime", area = "input_register", address = 16, type = "u64" }')


def meter(*where):
    running = Running([causeway(), "device", "modbus", "--unit", "1", *where])
    running.wait_for("Modbus device on")
    return running


def dnp3_flags():
    polled = json.loads(run(causeway(), "dnp3", "poll", f"127.0.0.1:{DNP3}", "--outstation", 10,
                            "--json").stdout)
    return {p["index"]: set(p["flags"]) for p in polled["points"] if p["type"] == "analog"}


def mqtt_quality(path):
    got = run("mosquitto_sub", "-p", MQTT, "-t", f"points/{path}", "-C", 1, "-W", 30)
    return json.loads(got.stdout)["q"]


def everybody_says(lost):
    """REST, MQTT, Modbus and DNP3 agree on how rtu and tcp are."""
    word = "comm_lost" if lost else "good"
    for name in ("rtu", "tcp"):
        # A request that was under way when it died may say something of its own, too.
        eventually(f"{name} is {word}", lambda: word in quality(f"{name}/frequency")
                   and word in quality(f"{name}/uptime"), 30)
        check(word in mqtt_quality(f"{name}/frequency"), f"MQTT does not say that {name} is {word}")
    with ModbusClient(MODBUS) as client:
        for address in (20, 30):
            flags = client.inputs(address)[0]
            check(bool(flags & COMM_LOST) == lost and (flags != 0) == lost, f"quality: {flags}")
        check(isinstance(client.inputs(0, 2), list), "a value that is lost is the last one")
        for address, count in ((4, 4), (10, 2)):
            got = client.inputs(address, count)
            check(got == 11 if lost else isinstance(got, list), f"registers {address}: {got}")
    flags = dnp3_flags()
    wanted = {"comm_lost"} if lost else {"online"}
    check(flags[0] == flags[1] == wanted and flags[2] == {"online"}, f"DNP3 flags: {flags}")


def a_dead_device_is_said_everywhere_and_comes_back():
    """Its process is killed, and another takes the same name: on a pty, and by TCP."""
    with scratch() as folder, contextlib.ExitStack() as stack:
        places = {"rtu": ("--pty", folder / "rtu"), "tcp": ("--listen", f"127.0.0.1:{FIELD}"),
                  "other": ("--pty", folder / "other")}
        devices = {name: stack.enter_context(meter(*place)) for name, place in places.items()}
        text = WINDOWS + modbus_source("tcp", ("connect", f"127.0.0.1:{FIELD}"), METER, **PATIENCE)
        for name in ("rtu", "other"):
            text += modbus_source(name, ("serial", folder / name), METER, **PATIENCE)
        with site(folder, text):
            eventually("the third is well", lambda: quality("other/uptime") == "good")
            everybody_says(lost=False)
            # What a killed process leaves behind is a name for a pty that may be anybody's soon.
            (folder / "rtu").unlink()
            for name in ("rtu", "tcp"):
                devices[name].stop(signal.SIGKILL)
            everybody_says(lost=True)
            for _ in range(5):  # nobody waits for the dead
                before = value("other/uptime")
                eventually("the other goes on", lambda: value("other/uptime") > before, 5)
            check(quality("other/uptime") == "good", "the other is lost, too")
            check(rest("/scada/stats")["devices"] == {"all": 3, "up": 1}, "who is up")
            for name in ("rtu", "tcp"):
                stack.enter_context(meter(*places[name]))
            everybody_says(lost=False)


def a_silent_unit_never_holds_up_its_neighbour():
    """On one serial line, and behind one TCP gateway. Whenever the silent one was waited for, the
    neighbour's turn has come, so two requests in a row to the silent one are one too many."""
    silent = threading.Event()

    def script(unit, pdu):
        return None if unit == 1 and silent.is_set() else registers_of(unit, pdu)
    point = '{ name = "value", area = "input_register", address = 7 }'
    with scratch() as folder, SerialBus(folder / "bus", script) as bus, \
            ModbusTcpDevice(script, FIELD) as gateway:
        text = ""
        for name, where in (("rtu", ("serial", folder / "bus")),
                            ("tcp", ("connect", f"127.0.0.1:{FIELD}"))):
            text += modbus_source(f"{name}-1", where, point, unit=1, **PATIENCE)
            text += modbus_device(f"{name}-2", point, unit=2, **PATIENCE)
        with site(folder, text):
            eventually("all answer", lambda: rest("/scada/stats")["devices"]["up"] == 4)
            silent.set()
            began = {line: len(line.heard) for line in (bus, gateway)}
            for name in ("rtu-1", "tcp-1"):
                eventually(f"{name} is lost", lambda: "comm_lost" in quality(f"{name}/value"))
            for line, first in began.items():
                eventually("it is probed",
                           lambda: sum(unit == 1 for unit, _ in line.heard[first:]) >= 7, 30)
                units = [unit for unit, _ in line.heard[first:]]
                check(all(pair != (1, 1) for pair in zip(units, units[1:])), f"in vain: {units}")
                check(units.count(2) > units.count(1), f"the neighbour had few turns: {units}")
            for name in ("rtu-2", "tcp-2"):
                check(quality(f"{name}/value") == "good", f"{name} is lost, too")
            silent.clear()
            for name in ("rtu-1", "tcp-1"):
                eventually(f"{name} is back", lambda: quality(f"{name}/value") == "good")


def registers_of(_, pdu):
    """What the scripted devices have: each register holds ten times its address, and 7."""
    _, address, count = struct.unpack(">BHH", pdu)
    return pdu[:1] + registers([10 * (address + i) + 7 for i in range(count)])


def a_babbling_device_harms_nobody_else():
    """Noise, half frames, bad checksums and strangers' answers flood in; then it is well again."""
    with scratch() as folder, contextlib.ExitStack() as stack:
        stack.enter_context(meter("--pty", folder / "other"))
        point = '{ name = "value", area = "input_register", address = 7 }'
        text = modbus_source("babbler", ("serial", folder / "bus"), point, **PATIENCE)
        text += modbus_source("other", ("serial", folder / "other"), METER, **PATIENCE)
        with SerialBus(folder / "bus", registers_of) as bus, site(folder, text):
            eventually("both answer", lambda: quality("babbler/value") == "good"
                       and quality("other/uptime") == "good")
            bus.babble(True)
            eventually("its points are lost", lambda: "comm_lost" in quality("babbler/value"))
            for _ in range(10):
                before = value("other/uptime")
                eventually("the other goes on", lambda: value("other/uptime") > before, 5)
            check(quality("other/uptime") == "good", "the other is lost")
            check(value("babbler/value") == 77, "noise passed for a value")
            stats = rest("/scada/stats")["modbus_client"]
            check(stats["noise_octets"] > 10_000 and stats["bad_checksums"] > 0, f"{stats}")
            bus.babble(False)
            eventually("it is found again", lambda: quality("babbler/value") == "good", 30)
            check(value("babbler/value") == 77, "a wrong value")


def a_late_answer_never_passes_for_anothers():
    """Every fourth answer comes after the timeout, over TCP and on a serial line, with retries and
    without: no point ever shows what another register holds."""
    def script():
        asked = itertools.count(1)
        return lambda *asks: ((0.5, registers_of(*asks)) if next(asked) % 4 == 0
                              else registers_of(*asks))
    with scratch() as folder, contextlib.ExitStack() as stack:
        points = ", ".join(f'{{ name = "at-{address}", area = "input_register", '
                           f'address = {address} }}' for address in (0, 100, 200))
        settings = dict(every="50ms", timeout="400ms", failures_max=100)
        text = modbus_source("tcp", ("connect", f"127.0.0.1:{FIELD}"), points, retries=0,
                             **settings)
        stack.enter_context(ModbusTcpDevice(script(), FIELD))
        for name, retries in (("rtu", 0), ("again", 1)):
            text += modbus_source(name, ("serial", folder / name), points, retries=retries,
                                  **settings)
            stack.enter_context(SerialBus(folder / name, script()))
        with site(folder, text), subscribed("points/#") as watcher:
            def stats():
                return rest("/scada/stats")["modbus_client"]
            eventually("many were late",
                       lambda: stats()["timeouts"] >= 16 and stats()["late"] >= 12, 40)
            for name in ("tcp", "rtu", "again"):
                eventually(f"{name} was read", lambda: value(f"{name}/at-200") == 2007)
            seen = [(topic, json.loads(payload)["v"]) for topic, payload in messages(watcher)]
            check(len(seen) >= 9, f"{seen}")
            for topic, number in seen:
                address = int(topic.rsplit("-", 1)[1])
                check(number in (None, 10 * address + 7), f"{topic} showed {number}")


def a_write_without_an_answer_is_done_once_and_called_unanswered():
    """By MQTT, Modbus, DNP3 and CoAP; and where the device hangs up instead of answering."""
    hang_up = threading.Event()

    def script(_, pdu):
        if pdu[0] == 6:
            return ConnectionError() if hang_up.is_set() else None
        return registers_of(_, pdu)
    text = modbus_source("pump", ("connect", f"127.0.0.1:{FIELD}"),
                         '{ name = "setpoint", address = 0, writable = true, every = "50ms" }',
                         timeout="300ms", failures_max=100, retries=2)
    text += """
[[scada.modbus.server]]
line = "modbus-clients"
point = [{ point = "pump/setpoint", address = 0, writable = true }]
[[scada.dnp3.outstation]]
line = "dnp3-masters"
address = 10
point = [{ point = "pump/setpoint", type = "analog_output", index = 0 }]
"""
    with scratch() as folder, ModbusTcpDevice(script, FIELD) as device, site(folder, text):
        eventually("it answers", lambda: quality("pump/setpoint") == "good")

        def by_mqtt(number):
            with subscribed("points/pump/setpoint/outcome") as outcome:
                publish("points/pump/setpoint/set", str(number))
                outcome.wait_for('outcome":"unanswered"', 20)

        def by_modbus(number):
            with ModbusClient(MODBUS) as client:
                check(client.write(0, number) == 11, "not gateway target failed to respond")

        def by_dnp3(number):
            done = run(causeway(), "dnp3", "direct", f"127.0.0.1:{DNP3}", "--outstation", 10,
                       "analog-output", 0, number, ok=False)
            check(done.returncode == 1 and "hardware" in (done.stdout + done.stderr).lower(),
                  f"{done}")

        def by_coap(number):
            done = run("coap-client-notls", "-m", "put", "-e", number,
                       f"coap://127.0.0.1:{COAP}/points/pump/setpoint", ok=False)
            check("5.04" in done.stdout + done.stderr, f"{done}")

        def written(number):
            return sum(pdu == struct.pack(">BHH", 6, 0, number) for _, pdu in device.heard)

        numbers = iter(range(11, 99))
        for vanishes in (False, True):
            (hang_up.set if vanishes else hang_up.clear)()
            for way in (by_mqtt, by_modbus, by_dnp3, by_coap):
                number = next(numbers)
                eventually("it is there", lambda: quality("pump/setpoint") == "good")
                way(number)
                reads = len(device.heard)
                eventually("the device is read again", lambda: len(device.heard) >= reads + 4)
                check(written(number) == 1, f"{way.__name__}: {written(number)} times")
        stats = rest("/scada/stats")["points"]
        check(stats["commands_succeeded"] == 0, f"{stats}")


def a_silent_outstation_never_holds_up_its_neighbour():
    """Two outstations on one serial line, one of which does not exist."""
    outstations = "".join(f"""
[[scada.dnp3.master.outstation]]
name = "{name}"
address = {address}
response_within = "300ms"
events_every = "100ms"
retry_first = "200ms"
retry_most = "400ms"
point = [{{ name = "voltage", type = "analog", index = 0 }}]
""" for name, address in (("alive", 3), ("nobody", 5)))
    text = """
[[scada.line]]
name = "to-both"
serial = "bus"
[[scada.dnp3.master]]
line = "to-both"
"""
    with scratch() as folder, contextlib.ExitStack() as stack:
        device = stack.enter_context(Running([
            causeway(), "device", "dnp3", "--pty", folder / "port", "--address", "3", "--move",
            "100ms"]))
        device.wait_for("DNP3 device on")
        tap = stack.enter_context(SerialTap(folder / "bus", folder / "port"))
        with site(folder, text.replace('"bus"', f'"{folder / "bus"}"') + outstations):
            eventually("one answers", lambda: quality("alive/voltage") == "good")
            began = len(tap.requests)
            eventually("nobody was asked five times",
                       lambda: sum(to == 5 for to, _ in tap.requests[began:]) >= 5, 30)
            asked = [to for to, _ in tap.requests[began:]]
            check(all(pair != (5, 5) for pair in zip(asked, asked[1:])), f"in vain: {asked}")
            before = value("alive/voltage")
            eventually("its values move", lambda: value("alive/voltage") != before)
            check(quality("alive/voltage") == "good" and quality("nobody/voltage") != "good",
                  f"{rest('/points')}")


# ---- masters in trouble -------------------------------------------------------------------------


def a_selection_dies_with_its_master_and_an_operate_is_done_once():
    writes = []

    def script(_, pdu):
        if pdu[0] == 1:
            return bytes([1, 1, 0])
        if pdu[0] == 5:
            writes.append(pdu)
        return pdu
    text = modbus_source("breaker", ("connect", f"127.0.0.1:{FIELD}"),
                         '{ name = "coil", area = "coil", address = 3, writable = true }') + """
[[scada.dnp3.outstation]]
line = "dnp3-masters"
address = 10
select_within = "600ms"
point = [{ point = "breaker/coil", type = "binary_output", index = 4 }]
"""
    control = latch(4, True)
    with scratch() as folder, ModbusTcpDevice(script, FIELD), site(folder, text):
        eventually("it answers", lambda: quality("breaker/coil") == "good")
        with Dnp3Master(DNP3) as master:
            check(status_of(master.ask(1, SELECT, control)) == SUCCESS, "it is not selected")
        # It vanished; who comes next may not operate what it had selected.
        with Dnp3Master(DNP3) as master:
            check(status_of(master.ask(2, OPERATE, control)) == NO_SELECT, "a dead selection")
            check(status_of(master.ask(3, SELECT, control)) == SUCCESS, "it is not selected")
            with Dnp3Master(DNP3) as other:  # its own connection still stands, or seems to
                check(status_of(other.ask(4, OPERATE, control)) == NO_SELECT, "another's selection")
        with Dnp3Master(DNP3) as master:
            # Too late, on the same connection; and then there is none.
            check(status_of(master.ask(3, SELECT, control)) == SUCCESS, "it is not selected")
            time.sleep(0.9)
            late = status_of(master.ask(4, OPERATE, control))
            check(late in (NO_SELECT, TIMED_OUT), f"too late, and status {late}")
            check(status_of(master.ask(5, OPERATE, control)) == NO_SELECT, "nothing is selected")
            check(writes == [], f"the device heard {writes}")
            # A selection is for the next sequence number, and for what was selected.
            for other, sequence in ((latch(4, False), 7), (control, 8)):
                check(status_of(master.ask(6, SELECT, control)) == SUCCESS, "it is not selected")
                check(status_of(master.ask(sequence, OPERATE, other)) == NO_SELECT,
                      f"operated {other.hex()} with sequence {sequence}")
            check(writes == [], f"the device heard {writes}")
            # The answer got lost: the same request again is answered and not done again.
            check(status_of(master.ask(9, SELECT, control)) == SUCCESS, "it is not selected")
            first = master.ask(10, OPERATE, control)
            check(status_of(first) == SUCCESS, f"{first}")
            for _ in range(3):
                check(master.ask(10, OPERATE, control) == first, "a repeat is answered otherwise")
            check(len(writes) == 1, f"operated {len(writes)} times")
            first = master.ask(11, DIRECT, control)
            check(status_of(first) == SUCCESS and master.ask(11, DIRECT, control) == first,
                  f"direct, twice: {first}")
            check(len(writes) == 2, f"operated {len(writes)} times")


def an_overflow_keeps_the_newest_events_and_is_told_until_it_is_heard():
    text = FED.replace("address = 10\n", "address = 10\nevents_max = 5\n")
    began = 1_700_000_000_000
    with scratch() as folder, site(folder, text):
        with Dnp3Master(DNP3) as master:
            check(not master.ask(0, READ, CLASS_0).iin & OVERFLOW, "nothing has overflowed")
        events = feed(range(1, 13), began)
        stats = rest("/scada/stats")["dnp3_outstation"]
        check(stats["events_lost"] == 7 and stats["events_waiting"] == 5, f"{stats}")
        with Dnp3Master(DNP3) as master:
            told = master.ask(1, READ, CLASS_1)
            check(told.iin & OVERFLOW, f"the overflow is not told: {told}")
            check(timed_floats(told.objects) == events[-5:], f"{timed_floats(told.objects)}")
        # Unconfirmed, they were perhaps not heard.
        with Dnp3Master(DNP3) as master:
            told = master.ask(1, READ, CLASS_1)
            check(timed_floats(told.objects) == events[-5:] and told.iin & OVERFLOW, f"{told}")
            check(told.control & 0x20, "events without a wish for confirmation")
            master.confirm(told)
            after = master.ask(2, READ, CLASS_1)
            check(after.objects == b"" and not after.iin & OVERFLOW, f"it is told again: {after}")
            more = feed([20, 21], began + 60_000)
            check(timed_floats(master.ask(3, READ, CLASS_1).objects) == more, "new events are lost")


def a_master_that_was_cut_off_hears_all_in_order():
    """Our master and our outstation with a relay between them: what changes during the cut arrives
    later, once each, in order and with its times; unsolicited reporting is enabled anew."""
    text = FED.replace("address = 10\n", 'address = 10\nunsolicited = true\n'
                       'unsolicited_after = "50ms"\nconfirm_within = "2s"\n') + f"""
[[scada.line]]
name = "relay"
connect = "127.0.0.1:{FIELD}"
reopen_first = "100ms"
reopen_most = "300ms"
[[scada.dnp3.master]]
line = "relay"
[[scada.dnp3.master.outstation]]
name = "far"
address = 10
unsolicited = "123"
events_every = "0s"
retry_first = "200ms"
retry_most = "500ms"
point = [{{ name = "level", type = "analog", index = 0 }}]
"""
    began = 1_700_000_000_000
    with scratch() as folder, Relay(FIELD, DNP3) as relay, site(folder, text), \
            subscribed("points/far/level") as watcher:
        def heard():
            said = [json.loads(payload) for _, payload in messages(watcher)]
            return [(s["v"], round(s["t"] * 1000)) for s in said
                    if s["q"] == "good" and began <= s.get("t", 0) * 1000 < began + 10_000_000]

        def all_heard():
            return (heard() == events
                    and rest("/scada/stats")["dnp3_outstation"]["events_waiting"] == 0)
        eventually("unsolicited responses are enabled", lambda: ENABLE in sum(relay.functions, []))
        events = feed(range(1, 6), began)
        eventually(f"five unasked: {heard()}", all_heard)
        for cut in range(2):
            relay.cut()
            eventually("it is lost", lambda: quality("far/level") != "good")
            events += feed(range(100 * cut + 10, 100 * cut + 30), began + 100_000 * (cut + 1))
            connections = len(relay.functions)
            relay.mend()
            eventually("they are enabled anew",
                       lambda: any(ENABLE in said for said in relay.functions[connections:]))
            eventually("all that was missed", lambda: len(heard()) >= len(events), 30)
            eventually(f"in order, once each:\n{heard()}\n{events}", all_heard, 5)
            check(quality("far/level") == "good", "it is lost")
        events += feed([7], began + 900_000)
        eventually("one more, unasked", all_heard)


def a_master_that_was_reset_is_told_unasked_what_it_missed():
    """A scripted master: reset in the middle of reports, it comes back and enables them anew; what
    it had not confirmed comes again, and nothing is out of order."""
    text = FED.replace("address = 10\n", 'address = 10\nunsolicited = true\n'
                       'unsolicited_after = "0s"\nconfirm_within = "5s"\n')
    began = 1_700_000_000_000
    with scratch() as folder, site(folder, text):
        def enabled(master):
            check(master.ask(1, ENABLE, CLASS_1).function == RESPONSE, "not enabled")
            return sum((timed_floats(said.objects) for said in master.unasked), [])

        with Dnp3Master(DNP3) as master:
            check(enabled(master) == [], "events before there were any")
            events = feed([1], began)
            said = master.hear()
            check(said.function == UNSOLICITED and timed_floats(said.objects) == events, f"{said}")
            master.confirm(said)
            eventually("it is confirmed",
                       lambda: rest("/scada/stats")["dnp3_outstation"]["events_waiting"] == 0)
            events = feed([2, 3], began + 50_000)
            check(timed_floats(master.hear().objects)[0] == events[0], "the next report")
            master.reset()
        events += feed([4, 5, 6, 7], began + 100_000)
        with Dnp3Master(DNP3) as master:
            heard = enabled(master)
            while len(heard) < 6:
                said = master.hear()
                heard += timed_floats(said.objects)
                master.confirm(said)
            check(heard == events, f"{heard}")


def noise_before_a_request_does_not_hide_it():
    """Half frames, bad checksums, other stations' frames, wrong lengths: to the outstation, on one
    connection. Behind each stands a request."""
    good = link_frame(0xc4, 10, 1, bytes([0xc0, 0xc1, READ]) + CLASS_0)
    block = good[:-1] + bytes([good[-1] ^ 1])
    head = good[:8] + bytes([good[8] ^ 1]) + good[9:]
    noises = [b"\x05", b"\x05\x64", good[:9], good[:-1], block, head, b"\x05\x05\x64\x05",
              bytes(300), b"\xff" * 300, link_frame(0xc4, 11, 1, good[10:16]),
              link_frame(0xc4, 10, 1, b"\x00"), link_frame(0xc4, 10, 1, b"\xc0\xc0"),
              link_frame(0xc4, 10, 1, bytes([0xc0, 0xc1, READ, 60, 1])),
              link_frame(0xc4, 10, 1, bytes([0xc0, 0xc1, SELECT, 12, 1, 0x28, 9, 9]))]
    with scratch() as folder, site(folder, FED):
        for noise in noises:
            with Dnp3Master(DNP3, timeout=5) as master:
                master.say_raw(noise)
                # What began may need the rest of its frame before it is known to be none.
                for sequence in range(2, 8):
                    master.say(bytes([0xc0 | sequence, READ]) + CLASS_0)
                    time.sleep(0.005)
                heard = [master.hear()]
                while heard[-1].control & 0x0f != 7:
                    heard.append(master.hear())
                check(any(said.objects for said in heard), f"nothing after {noise.hex(' ')}")
        stats = rest("/scada/stats")["dnp3_outstation"]
        check(stats["link_bad_header_checksums"] > 0 and stats["link_bad_body_checksums"] > 0
              and stats["link_noise_octets"] > 600, f"{stats}")


def a_master_that_is_silent_does_not_keep_out_the_next():
    """Its connection still stands, as after a power cut; its half request and all."""
    with scratch() as folder, site(folder, FED), contextlib.ExitStack() as stack:
        for _ in range(3):
            gone = stack.enter_context(Dnp3Master(DNP3))
            check(gone.ask(1, READ, CLASS_0).objects, "not answered")
            gone.say_raw(link_frame(0xc4, 10, 1, bytes([0xc0, 0xc2, READ]) + CLASS_0)[:12])
        with Dnp3Master(DNP3) as master:
            events = feed([1, 2, 3], 1_700_000_000_000)
            told = master.ask(1, READ, CLASS_1)
            check(timed_floats(told.objects) == events, f"{told}")


# ---- clients in trouble -------------------------------------------------------------------------


def a_stuck_client_never_blocks_another():
    """One says half a request, one asks for ever and reads nothing; a third is served."""
    text = FED + """
[[scada.modbus.server]]
line = "modbus-clients"
point = [{ point = "field/level", address = 0, type = "f32" }]
"""
    with scratch() as folder, site(folder, text), contextlib.ExitStack() as stack:
        half, deaf = (stack.enter_context(ModbusClient(MODBUS)) for _ in range(2))
        request = half.frame(struct.pack(">BHH", 4, 0, 2))
        half.socket.sendall(request[:9])
        over, said = threading.Event(), [0]

        def ask_for_ever():
            while not over.is_set():
                said[0] += deaf.socket.send(request * 1000)
        asking = threading.Thread(target=ask_for_ever, daemon=True)
        asking.start()

        def not_heard_any_more():
            taken = rest("/scada/stats")["modbus_server"]["requests"]
            time.sleep(0.3)
            return taken > 1000 and rest("/scada/stats")["modbus_server"]["requests"] == taken
        eventually("nobody listens to who takes no answers", not_heard_any_more)
        with ModbusClient(MODBUS, timeout=10) as client:
            for _ in range(100):
                check(isinstance(client.inputs(0, 2), list), "not served")
        half.socket.sendall(request[9:])
        check(half.socket.recv(7)[:4] == request[:4], "the other half came, and no answer")
        over.set()
        deaf.socket.settimeout(10)
        octets, answer = 0, 9 + 4
        while asking.is_alive() or octets // answer < said[0] // len(request):
            octets += len(deaf.socket.recv(1 << 20))
        check(octets == said[0] // len(request) * answer, "each question has its answer")


def one_more_takes_the_place_of_whoever_is_silent():
    text = FED + """
[[scada.line]]
name = "crowded"
listen = "127.0.0.1:1503"
peers_max = 2
take_over = true
[[scada.modbus.server]]
line = "crowded"
point = [{ point = "field/level", address = 0, type = "f32" }]
"""
    with scratch() as folder, site(folder, text), ModbusClient(1503) as silent, \
            ModbusClient(1503) as busy:
        check(isinstance(silent.inputs(0, 2), list), "the first is not served")
        check(isinstance(busy.inputs(0, 2), list), "the second is not served")
        with ModbusClient(1503) as third:
            check(isinstance(third.inputs(0, 2), list), "the third is not served")
            check(isinstance(busy.inputs(0, 2), list), "the busy one lost its place")
            with contextlib.suppress(ConnectionError):
                check(silent.socket.recv(1) == b"", "the silent one still has its place")
            check(rest("/scada/stats")["modbus_server"]["line_taken_over"] == 1, "not counted")


# ---- a mesh -------------------------------------------------------------------------------------

MESH = """
name = "poles"
state = "state"
[mesh]
prefix = "fd00:ca5e:1::/64"
[mesh.channel]
shadowing_db = 0.5
asymmetry_db = 0.5
loss = [0.02, 0.05]
[[mesh.nodes]]
count = 5
name = "pole"
layout = "line"
spacing = 50
class = 2
[[mesh.nodes.sensors]]
name = "voltage"
unit = "V"
every = "60s"
mean = 230
swing = 6
[mesh.nodes.dnp3]
[uplink]
tun = "causeway7"
"""


def an_outstation_at_the_end_of_five_hops_is_polled_through_the_tun():
    with scratch() as folder, contextlib.ExitStack() as stack:
        (folder / "mesh.toml").write_text(MESH)
        mesh = stack.enter_context(Running([causeway(), "run", folder / "mesh.toml"], cwd=folder))
        mesh.wait_for(r"5 of 5 nodes joined.* 5 hops deep", timeout=90)
        far = mesh.wait_for(r"coap-client-notls .*\[([0-9a-f:]+)\]").group(1)
        address = far.rsplit(":", 1)[1]  # its last four digits
        capture = folder / "tun.pcapng"
        tshark = stack.enter_context(Running(["tshark", "-i", "causeway7", "-w", capture],
                                             start_new_session=True))
        eventually("the capture has begun", capture.exists)
        master = ["--udp", f"[{far}]:20000", "--outstation", address, "--timeout", "20s",
                  "--json"]

        def dnp3(verb, *words):
            return json.loads(run(causeway(), "dnp3", verb, *master, *words).stdout)

        def led():
            return run("coap-client-notls", "-B", 30, "-m", "get",
                       f"coap://[{far}]/actuators/led").stdout.strip()
        points = {(p["type"], p["index"]): p for p in dnp3("poll")["points"]}
        volts = points[("analog", 0)]
        check(200 < volts["value"] < 260 and volts["flags"] == ["online"], f"{volts}")
        check(points[("binary_output", 0)]["value"] is False and led() == "0", f"{points}")
        for word, state in (("on", "1"), ("off", "0")):
            dnp3("operate", "binary-output", 0, word)
            check(led() == state, f"the LED is not {word}")
        eventually("eight packets of DNP3 are captured", lambda: run(
            "tshark", "-r", capture, "-Y", "dnp3", ok=False).stdout.count("\n") >= 8)
        tshark.stop()
        bad = run("tshark", "-r", capture, "-Y", "_ws.malformed || _ws.expert.severity == error")
        check(bad.stdout == "", f"{bad.stdout}")
        check(mesh.stop() == 0, "the mesh ends well")


if __name__ == "__main__":
    need("mosquitto_sub", "mosquitto_pub", "coap-client-notls", "tshark")
    own_network()
    main([
        a_dead_device_is_said_everywhere_and_comes_back, a_silent_unit_never_holds_up_its_neighbour,
        a_silent_outstation_never_holds_up_its_neighbour, a_babbling_device_harms_nobody_else,
        a_late_answer_never_passes_for_anothers,
        a_write_without_an_answer_is_done_once_and_called_unanswered,
        a_selection_dies_with_its_master_and_an_operate_is_done_once,
        an_overflow_keeps_the_newest_events_and_is_told_until_it_is_heard,
        a_master_that_was_cut_off_hears_all_in_order,
        a_master_that_was_reset_is_told_unasked_what_it_missed,
        noise_before_a_request_does_not_hide_it,
        a_master_that_is_silent_does_not_keep_out_the_next, a_stuck_client_never_blocks_another,
        one_more_takes_the_place_of_whoever_is_silent,
        an_outstation_at_the_end_of_five_hops_is_polled_through_the_tun
    ])
