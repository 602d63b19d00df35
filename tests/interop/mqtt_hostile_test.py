#!/usr/bin/env python3
"""What clients, networks and disks do to a broker that is there for others, too: its memory stays
within bounds, bystanders are served meanwhile, and each trouble is counted, and logged once rather
than for each packet."""
import contextlib
import ctypes
import os
import random
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
import time

import harness
import mqtt_servers
import mqtt_wire as wire
from harness import check
from mqtt_servers import HOST, OURS, Broker, eventually

ADDRESS = (HOST, 1883)
MEGABYTE = 1 << 20
CLONE_NEWNS = 0x20000
TCP_REPAIR = 19
LATE = 3.0  # seconds a bystander waits for its own message at most, on a busy machine


class Bystander(threading.Thread):
    """Somebody who uses the broker as one should, all the time, and remembers the longest wait."""
    def __init__(self, broker, qos=1):
        super().__init__(daemon=True)
        self.broker, self.qos, self.waits, self.why = broker, qos, [], None
        self.over = threading.Event()
        self.first_resident, self.most = broker.resident(), 0

    def __enter__(self):
        self.start()
        return self

    def run(self):
        try:
            line = wire.Wire(ADDRESS)
            check(line.connect("bystander").reason == 0, "the bystander may in")
            line.subscribe(("bystander", self.qos))
            while not self.over.is_set():
                began = time.monotonic()
                line.publish("bystander", f"{began}", self.qos, packet_id=1 if self.qos else 0)
                came = acknowledged = False
                while not (came and (acknowledged or not self.qos)):
                    found = line.receive(LATE * 2)
                    check(found is not None, "the bystander waits")
                    line.answer(found)
                    came |= found.kind == wire.PUBLISH
                    acknowledged |= found.kind == wire.PUBACK
                self.waits.append(time.monotonic() - began)
                self.most = max(self.most, self.broker.resident())
                time.sleep(0.01)
            line.disconnect()
        except (AssertionError, OSError) as why:
            self.why = f"{type(why).__name__} {why}"

    def __exit__(self, kind, *exc):
        self.over.set()
        self.join(20)
        if kind is None:
            check(self.why is None, f"the bystander: {self.why}\n{self.broker.log[-3000:]}")
            check(self.waits and max(self.waits) < LATE,
                  f"the bystander waited {max(self.waits, default=0):.1f} s")

    def grown(self):
        return (self.most - self.first_resident) / MEGABYTE


def said(broker, pattern):
    """How many lines of the log say so."""
    return sum(bool(re.search(pattern, line)) for line in broker.run.lines + broker.run.errors)


def counted(broker, pattern):
    """The sum of the metrics whose names and labels say so."""
    found = {name: value for name, value in broker.metrics().items() if re.search(pattern, name)}
    check(found, f"no metric like {pattern} among {sorted(broker.metrics())}")
    return sum(found.values())


@contextlib.contextmanager
def many(count, opened):
    lines = []
    try:
        for number in range(count):
            lines.append(opened(number))
        yield lines
    finally:
        for line in lines:
            line.close()


def five_thousand_connects_that_never_say_connect():
    with harness.scratch() as folder, Broker(folder,
                                             limits={"connect_within": "3s"},
                                             management=8080) as broker:
        with Bystander(broker) as bystander:
            with many(5000, lambda number: wire.Wire(ADDRESS)) as lines:
                newcomer = wire.Wire(ADDRESS)
                check(newcomer.connect("newcomer").reason == 0, "who says CONNECT is let in")
                deadline = time.monotonic() + 30
                open_still = {line.socket.fileno(): line for line in lines}
                while open_still and time.monotonic() < deadline:
                    for number, line in list(open_still.items()):
                        try:
                            line.fill(0)
                        except wire.Closed:
                            del open_still[number]
                    time.sleep(0.1)
                check(not open_still, f"{len(open_still)} of 5000 are still open")
                newcomer.write(wire.packet(wire.PINGREQ, 0, b""))
                newcomer.expect(wire.PINGRESP)
            check(bystander.grown() < 150, f"{bystander.grown():.0f} MB more")
            eventually("memory goes back",
                       lambda: broker.resident() < bystander.first_resident + 60 * MEGABYTE)
        if OURS:
            check(counted(broker, NO_CONNECT) >= 5000, f"{broker.metrics()}")
            check(len(broker.run.errors) < 5200, f"{len(broker.run.errors)} lines of log")


def half_open_connections_are_found_out():
    # [MQTT-3.1.2-22] [MQTT-3.2.2-22] [MQTT 3.1.1 MQTT-3.1.2-24]
    with harness.scratch() as folder, Broker(folder,
                                             limits={"connect_within": "2s"},
                                             management=8080) as broker:
        with Bystander(broker):
            heir = wire.Wire(ADDRESS)
            heir.connect("heir")
            heir.subscribe(("will/#", 1))
            began = time.monotonic()
            half = wire.Wire(ADDRESS)
            half.write(
                half.connect_packet("half a word")[:9])  # mosquitto waits a minute for the rest
            silent, vanished = [], []
            for version in (wire.V3, wire.V5):
                line = wire.Wire(ADDRESS, version)
                line.connect(f"silent {version}",
                             keep_alive=2,
                             will=(f"will/silent{version}", "x", 1, False))
                silent.append(line)
                # A machine that lost its power: nothing is said, not even by TCP.
                line = wire.Wire(ADDRESS, version)
                line.connect(f"vanished {version}",
                             keep_alive=2,
                             will=(f"will/vanished{version}", "x", 1, False))
                line.socket.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
                line.close()
                vanished.append(line)
            if OURS:
                check(
                    half.closed_within(12) and time.monotonic() - began > 1.5,
                    "half a CONNECT is waited for, and not for ever")
            wills = sorted(message.topic for message in heir.messages(4, timeout=8))
            took = time.monotonic() - began
            check(wills == ["will/silent4", "will/silent5", "will/vanished4", "will/vanished5"],
                  f"{wills}")
            check(2.5 < took < 8, f"after {took:.1f} s instead of 3")
            check(silent[0].closed_within(3), "3.1.1 is closed")
            check(silent[1].closed_within(3), "5.0 is closed")
        if OURS:
            check(
                said(broker, r"vanished 5.*(?i:keep.?alive)") == 1,
                f"it is logged once:\n{broker.log[-2000:]}")


SMALL = {"queue_messages_max": 1000, "queue_octets_max": "4MiB", "stalled_after": "1s"}


def a_slow_reader_costs_what_its_queue_may():
    with harness.scratch() as folder, Broker(folder, limits=SMALL, management=8080) as broker:
        with Bystander(broker) as bystander:
            slow = wire.Wire(ADDRESS, receive_buffer=4096)
            slow.connect("slow")
            slow.subscribe(("flood", 0))
            flood = wire.Wire(ADDRESS, timeout=60)
            flood.connect("flood")
            payload = b"x" * 10_000
            for number in range(15_000):
                flood.publish("flood", struct.pack("!I", number) + payload)
            flood.publish("flood/end", "", 1, packet_id=1)
            check(
                flood.expect(wire.PUBACK, 60).reason in (0, 0x10), "who floods is heard to the end")
            check(bystander.grown() < 64, f"{bystander.grown():.0f} MB more for a queue of 4")
            if OURS:
                check(counted(broker, DROPPED) > 1000, f"{broker.metrics()}")
                check(0 < said(broker, r"\bslow\b.*(dropped|reads nothing)") <= 3,
                      f"{broker.log[-2000:]}")
            # It wakes up: what it is given is whole and in order.
            numbers = []
            while (found := slow.receive(2)) and found.kind == wire.PUBLISH:
                check(len(found.payload) == 10_004, "whole")
                numbers.append(struct.unpack_from("!I", found.payload)[0])
            check(numbers == sorted(set(numbers)) and len(numbers) > 100,
                  f"{len(numbers)} came in order")


def a_stalled_subscriber_does_not_stop_its_publisher():
    with harness.scratch() as folder, Broker(folder, limits=SMALL, management=8080) as broker:
        with Bystander(broker) as bystander:
            stalled = wire.Wire(ADDRESS, receive_buffer=4096)
            stalled.connect("stalled", clean=False, expiry=600)
            stalled.subscribe(("flood", 2))
            flood = wire.Wire(ADDRESS, timeout=60)
            flood.connect("flood")
            total, window, answered, number = 8000, 200, 0, 0
            payload, reasons = b"x" * 5000, set()
            deadline = time.monotonic() + 90
            while answered < total:
                check(time.monotonic() < deadline,
                      f"{answered} of {total} are acknowledged after 90 s")
                while number < total and number - answered < window:
                    flood.publish("flood",
                                  struct.pack("!I", number) + payload,
                                  1,
                                  packet_id=number % 60_000 + 1)
                    number += 1
                if found := flood.receive(1):
                    reasons.add(found.reason)
                    answered += found.kind == wire.PUBACK
            check(bystander.grown() < 64, f"{bystander.grown():.0f} MB more for a queue of 4")
            check(reasons <= {0, 0x10, 0x97}, f"{reasons}")
            if OURS:
                check(counted(broker, DROPPED) > 1000, f"{broker.metrics()}")
                check(0 < said(broker, r"stalled\b.*(dropped|reads nothing)") <= 3,
                      f"{broker.log[-2000:]}")
            numbers = []
            while found := stalled.receive(2):
                stalled.answer(found)
                if found.kind == wire.PUBLISH:
                    numbers.append(struct.unpack_from("!I", found.payload)[0])
            check(numbers == sorted(set(numbers)) and len(numbers) > 100,
                  f"{len(numbers)} came in order")


def a_slow_reader_may_be_sent_away():
    with harness.scratch() as folder, Broker(folder,
                                             limits={
                                                 **SMALL, "slow": "disconnect"
                                             },
                                             management=8080) as broker:
        slow = wire.Wire(ADDRESS, receive_buffer=4096)
        slow.connect("slow", clean=False, expiry=600)
        slow.subscribe(("flood", 0))
        flood = wire.Wire(ADDRESS, timeout=60)
        flood.connect("flood")
        for _ in range(15_000):
            flood.publish("flood", b"x" * 10_000)
        flood.publish("flood/end", "", 1, packet_id=1)
        flood.expect(wire.PUBACK, 60)
        eventually("it is sent away",
                   lambda: said(broker, r"\bslow\b") and counted(broker, DISCONNECTED) >= 1)
        check(slow.closed_within(20), "it is closed")
        back = wire.Wire(ADDRESS)
        check(back.connect("slow", clean=False, expiry=600).session_present, "its session stays")


def garbage_is_refused():
    # [MQTT-4.13.1-1] [MQTT-3.1.4-1] [MQTT 3.1.1 MQTT-4.8.0-1]
    chance = random.Random(SEED)
    with harness.scratch() as folder, Broker(folder,
                                             limits={"connect_within": "2s"},
                                             management=8080) as broker:
        with Bystander(broker) as bystander:
            for number in range(600):
                line = wire.Wire(ADDRESS, chance.choice((wire.V3, wire.V5)))
                good = line.connect_packet(f"g{number}",
                                           will=("w", "w", 1, True),
                                           user="u",
                                           password="p",
                                           more=[(wire.USER_PROPERTY,
                                                  ("a", "b"))] if line.version == 5 else [])
                kind = number % 3
                try:
                    if kind == 0:
                        line.write(chance.randbytes(chance.randint(1, 2000)))
                    elif kind == 1:
                        broken = bytearray(good)
                        for _ in range(chance.randint(1, 4)):
                            broken[chance.randrange(len(broken))] = chance.randrange(256)
                        line.write(bytes(broken))
                    else:
                        line.connect(f"g{number}")
                        # A packet of type 0 is never right; other bytes may be the beginning of a
                        # long one.
                        certain = b"\0\0" if number % 50 == 2 else b""
                        line.write(certain + chance.randbytes(chance.randint(1, 2000)))
                        check(not certain or line.closed_within(10), "it is closed")
                except OSError:
                    pass  # closed while it was still being written
                except AssertionError:
                    check(kind == 2, "an answer to a broken CONNECT is not looked at")
                    raise
                line.close()
            # Packets whose size is claimed and never comes take no memory.
            with many(100, lambda number: wire.Wire(ADDRESS)) as lines:
                for line in lines:
                    line.connect(f"claims {line.socket.fileno()}")
                    line.write(b"\x30\xff\xff\xff\x7f\x00\x01a")
                time.sleep(0.5)
                check(bystander.grown() < 64, f"{bystander.grown():.0f} MB more for claims")
        if OURS:
            check(counted(broker, MALFORMED) >= 100, f"{broker.metrics()}")
            check(len(broker.run.errors) < 2500, f"{len(broker.run.errors)} lines of log")
        check(broker.stop() == 0, "it ends well")


@contextlib.contextmanager
def small_disk(place, size):
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "a-test", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=False)


def a_full_disk_refuses_and_heals():
    # [MQTT-3.4.2-1] [MQTT-4.3.3-9] [MQTT-4.4.0-2] [MQTT 3.1.1 MQTT-4.8.0-2]
    with harness.scratch() as folder, small_disk(folder / "disk", "12m") as disk:
        with Broker(folder, state=disk, management=8080) as broker:
            with Bystander(broker, qos=0):
                absent = wire.Wire(ADDRESS)
                absent.connect("absent", clean=False, expiry=3600)
                absent.subscribe(("keep/#", 2))
                absent.disconnect()
                line, old = wire.Wire(ADDRESS), wire.Wire(ADDRESS, wire.V3)
                line.connect("five")
                old.connect("three")
                taken, unanswered, number = [], {"000000"}, 0

                def offer(qos):
                    """The reason with which another message is answered."""
                    nonlocal number, line
                    number += 1
                    text = f"{number:06}"
                    line.publish("keep/x", text + "x" * 20_000, qos, packet_id=number)
                    found = line.receive(20)
                    check(found is not None, "an answer in time")
                    if qos == 2 and found.kind == wire.DISCONNECT:
                        # It was under way when the disk was full: no word for it but the end.
                        unanswered.add(text)
                        line = wire.Wire(ADDRESS)
                        line.connect("five")
                        return found.reason
                    check(found.kind == (wire.PUBACK if qos == 1 else wire.PUBREC), f"{found}")
                    if found.reason < 0x80:
                        taken.append(text)
                        if qos == 2:
                            line.acknowledge(wire.PUBREL, number)
                            line.expect(wire.PUBCOMP)
                    return found.reason

                offer(1), offer(2)
                check(len(taken) == 2, "there is room")
                free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
                filler = disk / "filler"
                filler.write_bytes(b"x" * max(0, free - MEGABYTE))
                refusals = set()
                for qos in (2, 1):
                    while (reason := offer(qos)) < 0x80:
                        check(number < 3000, f"QoS {qos} is refused at last")
                    refusals.add(reason)
                refusals |= {offer(1 + attempt % 2) for attempt in range(100)} - {0, 0x10}
                check(refusals <= {0x97, 0x83},
                      f"refused with {[hex(reason) for reason in refusals]}")
                # 3.1.1 cannot be told why: it is not acknowledged, and closed.
                old.publish("keep/x", "000000old", 1, packet_id=7)
                check(old.closed_within(5), "3.1.1 is closed")
                check(not old.seen(wire.PUBACK), "and not told that all is well")
                # QoS 0 promises nothing and goes on.
                here = wire.Wire(ADDRESS)
                here.connect("here")
                here.subscribe(("zero", 0))
                line.publish("zero", "goes on")
                check(here.messages(1)[0].payload == b"goes on", "QoS 0 goes on")
                if OURS:
                    check(counted(broker, REFUSED) >= 1, f"{broker.metrics()}")
                    check(0 < said(broker, "nothing can be stored") <= 2,
                          f"logged once:\n{broker.log[-3000:]}")
                filler.unlink()
                eventually("it heals", lambda: offer(1) < 0x80)
                check(offer(2) < 0x80, "QoS 2, too")
                check(not OURS or said(broker, "storing goes on") >= 1,
                      f"this, too:\n{broker.log[-3000:]}")
            check(broker.stop() == 0, "it ends well")
        with Broker(folder, state=disk) as broker:
            absent = wire.Wire(ADDRESS)
            check(
                absent.connect("absent", clean=False, expiry=3600).session_present,
                "the session is safe")
            got = [found.payload[:6].decode() for found in absent.messages(len(taken), timeout=30)]
            got += [found.payload[:6].decode() for found in absent.messages(100, timeout=0.5)]
            missing = sorted(set(taken) - set(got))
            check(not missing, f"{len(missing)} acknowledged are lost: {missing[:5]}")
            # Some were not refused, but left without an answer.
            extra = sorted(set(got) - set(taken) - unanswered)
            check(not extra, f"{len(extra)} that were refused came all the same: {extra[:5]}")
            check(len(got) == len(set(got)), "nothing came twice")


NO_CONNECT = r"mqtt_refused_late"
DROPPED = r"mqtt_dropped_(queue_full|slow|all_full)"
DISCONNECTED = r"mqtt_slow_disconnected"
MALFORMED = r"mqtt_(malformed_packets|protocol_errors)"
REFUSED = r"mqtt_publishes_refused_store"

if __name__ == "__main__":
    SEED = random.SystemRandom().randrange(1 << 32)
    arguments = sys.argv[1:]
    if "--seed" in arguments:
        SEED = int(arguments.pop(arguments.index("--seed") + 1))
    print(f"seed {SEED}", flush=True)
    mqtt_servers.own_network()
    check(ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0, "mounts of its own")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 20_000), max(hard, 20_000)))
    generic = [
        half_open_connections_are_found_out, a_slow_reader_costs_what_its_queue_may,
        a_stalled_subscriber_does_not_stop_its_publisher, garbage_is_refused
    ]
    ours = [
        five_thousand_connects_that_never_say_connect, a_slow_reader_may_be_sent_away,
        a_full_disk_refuses_and_heals
    ]
    wanted = [name for name in arguments if not name.startswith("--") and name != "mosquitto"]
    harness.main([
        test for test in [*generic, *(ours if OURS else [])]
        if not wanted or test.__name__ in wanted
    ])
