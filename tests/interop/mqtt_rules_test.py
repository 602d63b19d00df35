#!/usr/bin/env python3
"""The rules of both versions as a client on the wire meets them, octet by octet; mosquitto obeys
them, too (--server mosquitto), but for those that it does not know how to be told."""
import struct
import sys
import time

import harness
import mqtt_servers
import mqtt_wire as wire
from harness import check
from mqtt_servers import HOST, OURS, Broker

ADDRESS = (HOST, 1883)
BOTH = (wire.V3, wire.V5)
AS_PUBLISHED, ONLY_NEW, NEVER = 8, 0x10, 0x20
AUTH_METHOD, AUTH_DATA = 0x15, 0x16
REQUEST_PROBLEM, REQUEST_RESPONSE, RESPONSE_INFORMATION = 0x17, 0x19, 0x1A
RECEIVE_MAXIMUM, REASON_STRING, SUBSCRIPTION_ID, MESSAGE_EXPIRY = 0x21, 0x1F, 0x0B, 0x02


def client(version=wire.V5, name=None, **options):
    line = wire.Wire(ADDRESS, version)
    client.number += 1
    answer = line.connect(name or f"c{client.number}", **options)
    check(answer.reason == 0, f"{answer}")
    line.connack = answer
    return line


client.number = 0


def fence(line):
    """All that the broker had to say before it answers a PINGREQ, acknowledged."""
    line.write(wire.packet(wire.PINGREQ, 0, b""))
    found = []
    while (packet := line.receive(10)) and packet.kind != wire.PINGRESP:
        line.answer(packet)
        found.append(packet)
    check(packet is not None, "PINGRESP")
    return found


def settle(line, count):
    """Waits until so many publishes are acknowledged to the end."""
    while count:
        packet = line.receive(10)
        check(packet is not None, f"{count} publishes are not acknowledged")
        line.answer(packet)
        count -= packet.kind in (wire.PUBACK, wire.PUBCOMP)


def texts(packets):
    return [packet.payload.decode() for packet in packets if packet.kind == wire.PUBLISH]


def unsubscribe(line, *filters, packet_id=1):
    body = struct.pack("!H", packet_id) + (b"\0" if line.version == wire.V5 else b"")
    line.write(
        wire.packet(wire.UNSUBSCRIBE, 2, body + b"".join(wire.data(name) for name in filters)))
    return line.expect(wire.UNSUBACK)


def on_a_broker(test):
    """Runs a test once a version, on a broker that it has for itself."""
    def run():
        with harness.scratch() as folder, Broker(folder):
            for version in BOTH:
                test(version)

    run.__name__ = test.__name__
    return run


@on_a_broker
def acknowledgements_repeat_the_identifier_in_order(version):
    # [MQTT-2.2.1-5] [MQTT-2.2.1-6] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.10.4-4] [MQTT-3.10.4-5]
    # [MQTT-3.12.4-1] [MQTT 3.1.1 MQTT-2.3.1-6, MQTT-2.3.1-7]
    # [MQTT 3.1.1 MQTT-4.6.0-2, MQTT-4.6.0-3, MQTT-4.6.0-4]
    line = client(version)
    for packet_id in (1, 513, 65535):
        check(line.subscribe(("order", 2), packet_id=packet_id) == [2], "granted")
        check(
            unsubscribe(line, "never/asked/for", packet_id=packet_id).packet_id == packet_id,
            "UNSUBACK")
    line.subscribe(("order", 2), packet_id=4660)
    other = client(version)
    for qos, kind in ((1, wire.PUBACK), (2, wire.PUBREC)):
        for packet_id in (9, 3, 65535, 5):
            other.publish("order", f"{packet_id}", qos, packet_id)
        check([other.expect(kind).packet_id for _ in range(4)] == [9, 3, 65535, 5],
              f"in order, QoS {qos}")
    for packet_id in (9, 3, 65535, 5):
        other.acknowledge(wire.PUBREL, packet_id)
    check([other.expect(wire.PUBCOMP).packet_id for _ in range(4)] == [9, 3, 65535, 5],
          "PUBCOMP in order")
    twos = []
    while len(twos) < 4:
        found = line.expect(wire.PUBLISH)
        line.acknowledge(wire.PUBACK if found.qos == 1 else wire.PUBREC, found.packet_id)
        twos += [found.packet_id] if found.qos == 2 else []
    check([line.expect(wire.PUBREL).packet_id for _ in range(4)] == twos,
          "PUBREL in the order of PUBREC")


@on_a_broker
def any_usual_client_identifier_is_taken(version):
    # [MQTT-3.1.3-5] [MQTT-3.1.3-2] [MQTT-3.1.4-4] [MQTT-3.14.0-1]
    lasting = {"clean": False, "expiry": 60 if version == wire.V5 else None}
    for name in ("", "a", "123456789abcdefghijklm", "nopqrstuvwxyzABCDEFGHI", "JKLMNOPQRSTUVWXYZ0"):
        name += f"{version}"
        check(not client(version, name, **lasting).connack.session_present, "a new one")
        check(client(version, name, **lasting).connack.session_present, "known by its name")
        check(not client(version,
                         name.swapcase() + "x", **lasting).connack.session_present, "another")
        check(not client(version, name).connack.session_present, "a clean start")
    bad = wire.Wire(ADDRESS, version)
    bad.write(wire.packet(wire.PINGREQ, 0, b""))
    check(
        bad.closed_within(5) and not bad.kinds,
        "nothing is said to who does not begin with CONNECT")


@on_a_broker
def a_malformed_connect_is_closed(version):
    # [MQTT-3.1.4-1] [MQTT 3.1.1 MQTT-3.1.4-1]
    good = wire.Wire(ADDRESS, version).connect_packet("x")
    for number, bad in enumerate((good[:9] + bytes([good[9] | 1]) + good[10:], good[:-1] + b"\xff",
                                  good[:1] + bytes([good[1] + 1]) + good[2:] + b"x",
                                  good[:9] + bytes([good[9] | 0x18]) + good[10:])):
        line = wire.Wire(ADDRESS, version)
        line.write(bad)
        check(line.closed_within(5), f"number {number} is closed")
        check(version == wire.V5 or not line.seen(wire.CONNACK),
              f"number {number} is told nothing in 3.1.1")


@on_a_broker
def retained_messages_come_when_asked_for(version):
    # [MQTT-3.3.1-7] [MQTT-3.3.1-8] [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.3.1-12]
    # [MQTT-3.3.1-13] [MQTT-3.8.4-4] [MQTT 3.1.1 MQTT-3.3.1-6, MQTT-3.3.1-8, MQTT-3.3.1-9]
    here, there = client(version), client(version)
    for topic in ("r/a", "r/b"):
        here.publish(topic, f"{topic} old", 1, 1, retain=True)
        here.publish(topic, f"{topic} kept", 1, 2, retain=True)
        here.publish(topic, "passing", 1, 3)
    settle(here, 6)

    def asked(options):
        there.subscribe(("r/+", options))
        found = fence(there)
        check(all(packet.retain for packet in found), "retained ones say so")
        return sorted(texts(found))

    kept = ["r/a kept", "r/b kept"]
    check(asked(1) == kept, "a new subscription")
    check(asked(1) == kept, "the same again")
    if version == wire.V5:
        check(asked(1 | ONLY_NEW) == [] and asked(1 | NEVER) == [], "not asked for")
        unsubscribe(there, "r/+")
        check(asked(1 | NEVER) == [], "never")
        unsubscribe(there, "r/+")
        check(asked(1 | ONLY_NEW) == kept, "new now")
        unsubscribe(there, "r/+")
        there.subscribe(("r/+", 1 | AS_PUBLISHED | NEVER))
        here.publish("r/a", "flag", 1, 1, retain=True)
        here.publish("r/a", "none", 1, 2)
        settle(here, 2)
        found = fence(there)
        check([packet.retain for packet in found] == [True, False], f"as published: {found}")
    unsubscribe(there, "r/+")
    there.subscribe(("r/+", 1 | (NEVER if version == wire.V5 else 0)))
    fence(there)
    here.publish("r/a", "live", 1, 1, retain=True)
    here.publish("r/a", "", 1, 2, retain=True)
    settle(here, 2)
    found = fence(there)
    check(texts(found) == ["live", ""] and not any(packet.retain for packet in found), f"{found}")
    unsubscribe(there, "r/+")
    check(asked(1) == ["r/b kept"], "without payload it is gone")
    here.publish("r/b", "", 1, 1, retain=True)
    settle(here, 1)


@on_a_broker
def subscriptions_are_answered_one_by_one(version):
    # [MQTT-3.8.4-5] [MQTT-3.8.4-7] [MQTT-3.3.2-3] [MQTT-4.6.0-6] [MQTT-3.10.4-6]
    here, there = client(version), client(version)
    check(
        there.subscribe(("s/0", 0), ("s/1/+", 1), ("s/2/#", 2), ("s/0", 1)) == [0, 1, 2, 1],
        "granted")
    topics = ["s/0", "s/1/x", "s/2", "s/2/x/y", "s/1/", "s/3", "s/1/x/y", "s"]
    for number in range(80):
        here.publish(topics[number % 8], f"{number}", 1, number + 1)
    settle(here, 80)
    found = there.messages(50) + fence(there)
    check(
        texts(found) == [f"{number}" for number in range(80) if number % 8 < 5],
        f"what matches, in order: {texts(found)}")
    check({packet.topic for packet in found} == set(topics[:5]), "with its topic")
    check({packet.qos
           for packet in found} == {1}, "the newer subscription to s/0 replaced the older one")
    answer = unsubscribe(there, "s/0", "s/1/+", "s/2/+")
    check(version == wire.V3 or answer.reasons == [0, 0, 0x11], f"{answer.reasons}")
    for topic in topics:
        here.publish(topic, topic, 1, 1)
        settle(here, 1)
    check(texts(fence(there)) == ["s/2", "s/2/x/y"], "only exactly the same filters go")


@on_a_broker
def unsubscribing_finishes_what_has_begun(version):
    # [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-3]
    here, there = client(version), client(version)
    there.subscribe(("u", 2))
    here.publish("u", "begun", 2, 1)
    here.answer(here.expect(wire.PUBREC))
    here.expect(wire.PUBCOMP)
    begun = there.expect(wire.PUBLISH)
    unsubscribe(there, "U", "u/", "u/#")
    unsubscribe(there, "u")
    here.publish("u", "later", 1, 1)
    here.expect(wire.PUBACK)
    there.answer(begun)
    released = there.expect(wire.PUBREL)
    check(released.packet_id == begun.packet_id, "the handshake goes on")
    there.answer(released)
    check(fence(there) == [], "nothing new")


@on_a_broker
def what_is_unacknowledged_comes_again(version):
    # [MQTT-4.3.2-3] [MQTT-4.3.2-5] [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.3-6]
    # [MQTT 3.1.1 MQTT-4.3.2-1, MQTT-4.3.3-1, MQTT-4.6.0-1]
    lasting = {"clean": False, "expiry": 60 if version == wire.V5 else None}
    here, there = client(version), client(version, f"again{version}", **lasting)
    there.subscribe(("again", 2))
    for number in range(4):
        here.publish("again", f"{number}", 1 + number % 2, number + 1)
    settle(here, 4)
    first = [there.expect(wire.PUBLISH) for _ in range(4)]
    check(len({packet.packet_id for packet in first}) == 4, "each has its own")
    check(all(packet.packet_id and not packet.dup for packet in first),
          "none is zero, none is sent again")
    one = next(packet for packet in first if packet.qos == 1)
    two = next(packet for packet in first if packet.qos == 2)
    left = [packet.packet_id for packet in first if packet not in (one, two)]
    there.acknowledge(wire.PUBACK, one.packet_id)
    there.acknowledge(wire.PUBREC, two.packet_id)
    check(there.expect(wire.PUBREL).packet_id == two.packet_id, "PUBREL")
    check(fence(there) == [], "nothing comes again while the connection stands")
    there.close()
    there = client(version, f"again{version}", **lasting)
    check(there.connack.session_present, "the session goes on")
    again = [there.receive() for _ in range(3)]
    released = next(packet for packet in again if packet.packet_id == two.packet_id)
    check(released.kind == wire.PUBREL, "PUBREL again, and no PUBLISH")
    again.remove(released)
    check([packet.packet_id for packet in again] == left, "in order, with their identifiers")
    check(all(packet.dup and packet.kind == wire.PUBLISH for packet in again), "and DUP")
    for packet in (released, *again):
        there.answer(packet)
    fence(there)
    # Acknowledged, an identifier is free: the same again is another message, whatever DUP says.
    for dup in (False, True):
        here.publish("again", "same", 1, 77, dup=dup)
        here.expect(wire.PUBACK)
    check(texts(fence(there)) == ["same"] * 2, "two messages")
    # Until PUBREL it is not. [MQTT-4.3.3-10]
    for _ in range(2):
        here.publish("again", "one", 2, 78, dup=True)
        here.expect(wire.PUBREC)
    for _ in range(2):
        here.acknowledge(wire.PUBREL, 78)
        here.expect(wire.PUBCOMP)
    here.publish("again", "two", 2, 78)
    here.answer(here.expect(wire.PUBREC))
    here.expect(wire.PUBCOMP)
    check(texts(fence(there)) == ["one", "two"], "once each")


@on_a_broker
def wills_are_kept_as_they_were_given(version):
    # [MQTT-3.1.2-7] [MQTT-3.1.3-10] [MQTT-3.1.2-14] [MQTT 3.1.1 MQTT-3.1.2-12, MQTT-3.1.2-8]
    heir = client(version)
    heir.subscribe(("will/#", 2))
    properties = [(wire.USER_PROPERTY, ("b", "1")), (wire.USER_PROPERTY, ("a", "2")),
                  (wire.USER_PROPERTY, ("b", "3"))]
    mortal = client(version, will=("will/x", "gone", 2, False, properties))
    without = client(version)
    mortal.close()
    without.close()
    found = heir.messages(1)
    check(texts(found) == ["gone"] and found[0].qos == 2 and not found[0].retain, f"{found}")
    check(version == wire.V3 or found[0].properties == properties, f"{found[0].properties}")
    time.sleep(0.2)
    check(texts(fence(heir)) == [], "no will, no message")


def only_what_was_asked_for_is_told():
    # [MQTT-3.1.2-28] [MQTT-3.1.2-29] [MQTT-4.12.0-6]
    with harness.scratch() as folder, Broker(folder):
        quiet = client(more=[(REQUEST_PROBLEM, 0), (REQUEST_RESPONSE, 0)])
        check(quiet.connack.one(RESPONSE_INFORMATION) is None, "no response information")
        check(quiet.connack.one(AUTH_METHOD) is None, "no method")
        quiet.subscribe(("q", 1))
        quiet.publish("nobody/listens", "x", 1, 1)
        told = quiet.expect(wire.PUBACK)
        check(not told.all(REASON_STRING) and not told.all(wire.USER_PROPERTY),
              f"{told.properties}")
        quiet.acknowledge(wire.PUBREL, 99)
        told = quiet.expect(wire.PUBCOMP)
        check(not told.all(REASON_STRING) and not told.all(wire.USER_PROPERTY),
              f"{told.properties}")


def errors_end_the_connection_with_a_reason():
    # [MQTT-3.3.4-6] [MQTT-4.13.1-1] [MQTT-4.13.2-1] [MQTT-3.1.0-2] [MQTT-4.12.0-1] [MQTT-4.12.0-4]
    # [MQTT-3.2.2-7] [MQTT 3.1.1 MQTT-3.1.0-2, MQTT-4.8.0-1]
    with harness.scratch() as folder, Broker(folder):
        identified = wire.data("t") + wire.properties([(SUBSCRIPTION_ID, 1)])
        for name, octets in (*([("a subscription identifier",
                                 wire.packet(wire.PUBLISH, 0, identified))] if OURS else []),
                             ("a second CONNECT", wire.Wire(ADDRESS).connect_packet("again")),
                             ("QoS 3", wire.packet(wire.PUBLISH, 6,
                                                   wire.data("t") + b"\0\1\0")),
                             ("a wildcard in a topic",
                              wire.packet(wire.PUBLISH, 0,
                                          wire.data("t/#") + b"\0"))):
            line = client()
            line.write(octets)
            found = line.receive(5) if OURS else None
            check(not OURS or found and found.kind == wire.DISCONNECT and found.reason >= 0x80,
                  f"{name} is answered, not by {found}")
            check(line.closed_within(5), f"{name} ends the connection")
        line = client(wire.V3)
        line.write(line.connect_packet("again"))
        check(line.closed_within(5) and line.kinds == {wire.CONNACK}, "3.1.1 is just closed")
        line = wire.Wire(ADDRESS)
        answer = line.connect("auth", more=[(AUTH_METHOD, "NOBODY-KNOWS-1"), (AUTH_DATA, b"x")])
        check(answer.reason in (0x8C, 0x87), f"{answer}")
        check(line.closed_within(5), "closed")


def a_full_window_delays_no_other_packet():
    # [MQTT-3.3.4-9] [MQTT-3.3.4-10] [MQTT-4.9.0-2] [MQTT-4.9.0-3] [MQTT-4.9.0-1]
    with harness.scratch() as folder, Broker(folder):
        there = client(more=[(RECEIVE_MAXIMUM, 2)])
        there.subscribe(("w", 2))
        here = client()
        for number in range(5):
            here.publish("w", f"{number}", 1, number + 1)
        settle(here, 5)
        window = [there.expect(wire.PUBLISH) for _ in range(2)]
        check(there.subscribe(("w/other", 0), packet_id=8) == [0], "SUBACK all the same")
        here.publish("w/other", "QoS 0")
        check(there.expect(wire.PUBLISH).payload == b"QoS 0", "QoS 0 all the same")
        there.publish("away", "x", 1, 5)
        check(there.expect(wire.PUBACK).packet_id == 5, "PUBACK all the same")
        there.write(wire.packet(wire.PINGREQ, 0, b""))
        there.expect(wire.PINGRESP)
        check(there.receive(0.2) is None, "and no third message")
        there.answer(window[0])
        found = there.expect(wire.PUBLISH)
        check(found.payload == b"2", f"the next one: {found}")


def a_shared_message_that_is_refused_goes_to_nobody_else():
    # [MQTT-4.8.2-6] [MQTT-4.8.2-3] [MQTT-4.4.0-2]
    with harness.scratch() as folder, Broker(folder):
        members = [client(), client()]
        for member in members:
            member.subscribe(("$share/g/s", 2))
        here = client()
        for number in range(6):
            here.publish("s", f"{number}", 1 + number % 2, number + 1)
        settle(here, 6)
        seen = []
        for member in members:
            while (found := member.receive(0.3)) is not None:
                check(not found.dup, f"{found} comes again")
                seen.append(found.payload)
                kind = wire.PUBACK if found.qos == 1 else wire.PUBREC
                member.write(wire.packet(kind, 0, struct.pack("!H", found.packet_id) + b"\x83"))
        for member in members:
            check(member.receive(0.3) is None, "nothing more")
        check(sorted(seen) == [b"%d" % number for number in range(6)], f"{seen}")


def a_handshake_goes_on_when_its_message_has_expired():
    # [MQTT-4.3.3-13] [MQTT-4.3.3-7] [MQTT-3.3.2-5] [MQTT-3.3.2-6]
    with harness.scratch() as folder, Broker(folder):
        there = client(name="late", clean=False, expiry=60)
        there.subscribe(("e", 2))
        here = client()
        here.publish("e", "begun", 2, 1, more=[(MESSAGE_EXPIRY, 1)])
        here.answer(here.expect(wire.PUBREC))
        here.expect(wire.PUBCOMP)
        begun = there.expect(wire.PUBLISH)
        time.sleep(1.5)
        there.answer(begun)
        there.answer(there.expect(wire.PUBREL))
        check(fence(there) == [], "to the end")
        there.close()
        here.publish("e", "short", 1, 1, more=[(MESSAGE_EXPIRY, 1)])
        here.publish("e", "long", 1, 2, more=[(MESSAGE_EXPIRY, 100)])
        settle(here, 2)
        time.sleep(2.5)
        there = client(name="late", clean=False, expiry=60)
        found = there.messages(1)
        check(texts(found) == ["long"] and 90 < found[0].one(MESSAGE_EXPIRY) < 100, f"{found}")


def what_is_switched_off_is_said_and_refused():
    # [MQTT-3.2.2-9] [MQTT-3.2.2-10] [MQTT-3.2.2-12] [MQTT-3.2.2-13] [MQTT 3.1.1 MQTT-3.8.3-2]
    limits = {"qos_max": 1, "retain_available": False, "wildcards_available": False}
    with harness.scratch() as folder, Broker(folder, limits=limits):
        line = client()
        check(
            line.connack.one(0x24) == 1 and line.connack.one(0x25) == 0 and
            line.connack.one(0x28) == 0, f"{line.connack.properties}")
        check(line.subscribe(("a", 2)) == [1], "any QoS may be asked for")
        for will, reason in ((("w", "x", 2, False), 0x9B), (("w", "x", 1, True), 0x9A)):
            refused = wire.Wire(ADDRESS)
            check(refused.connect("will", will=will).reason == reason, "refused")
            check(refused.closed_within(5), "and closed")
        check(
            client(wire.V3).subscribe(("a/#", 1), ("a", 1)) == [0x80, 1], "no wildcards for 3.1.1")
        line.publish("a", "x", 2, 1)
        check(line.expect(wire.DISCONNECT).reason == 0x9B, "QoS 2 is refused")


if __name__ == "__main__":
    mqtt_servers.own_network()
    generic = [
        acknowledgements_repeat_the_identifier_in_order, any_usual_client_identifier_is_taken,
        a_malformed_connect_is_closed, retained_messages_come_when_asked_for,
        subscriptions_are_answered_one_by_one, unsubscribing_finishes_what_has_begun,
        what_is_unacknowledged_comes_again, wills_are_kept_as_they_were_given,
        only_what_was_asked_for_is_told, errors_end_the_connection_with_a_reason,
        a_full_window_delays_no_other_packet, a_shared_message_that_is_refused_goes_to_nobody_else,
        a_handshake_goes_on_when_its_message_has_expired
    ]
    ours = [what_is_switched_off_is_said_and_refused]
    wanted = [name for name in sys.argv[1:] if name not in ("--server", "mosquitto")]
    harness.main([
        test for test in [*generic, *(ours if OURS else [])]
        if not wanted or test.__name__ in wanted
    ])
