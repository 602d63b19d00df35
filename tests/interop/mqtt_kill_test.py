#!/usr/bin/env python3
"""Kills the broker with SIGKILL at any moment, again and again, while clients of both versions
publish and receive; at the end nothing that was acknowledged is missing, QoS 2 has come exactly
once, QoS 1 at least once and in order, and what is retained is the last acknowledged or something
newer.

    mqtt_kill_test.py [--rounds 1000] [--seconds 80] [--seed N] [--gently] [--server mosquitto]

--gently ends the broker with SIGTERM: then mosquitto passes, too, which does not keep what it
acknowledged over a SIGKILL. bench/ runs the long one."""
import argparse
import collections
import random
import select
import signal
import time

import harness
import mqtt_servers
import mqtt_wire as wire
from harness import check

ROUNDS_MIN = 50  # fewer prove nothing: the machine is too slow, or the broker's start is
WINDOW = 12  # publishes of one client under way
FOREVER = 0xFFFFFFFF
ADDRESS = (mqtt_servers.HOST, 1883)


class Flight:
    def __init__(self, packet_id, topic, payload, qos, retain):
        self.packet_id, self.topic, self.payload = packet_id, topic, payload
        self.qos, self.retain = qos, retain
        self.sent = self.released = False


class Peer:
    """A client whose own state outlives every connection, as the standard asks of a client."""
    def __init__(self, name, version):
        self.name, self.version, self.line, self.known = name, version, None, False

    def open(self):
        self.line = wire.Wire(ADDRESS, self.version)
        self.line.write(
            self.line.connect_packet(self.name,
                                     clean=False,
                                     expiry=FOREVER if self.version == wire.V5 else None))
        self.ready = False

    def on(self, packet):
        if packet.kind == wire.CONNACK:
            check(packet.reason == 0, f"{self.name}: CONNACK {packet}")
            check(packet.session_present or not self.known, f"{self.name}: the session is lost")
            self.known = self.ready = True
            self.resume()
        else:
            self.take(packet)

    def pump(self):
        """Everything that has arrived; False once the connection is gone."""
        try:
            while True:
                while packet := self.line.parsed():
                    self.on(packet)
                if not self.line.fill(0):
                    return True
        except wire.Closed:
            self.close()
            return False

    def close(self):
        if self.line:
            # What came before the end still counts: an acknowledgement is one, whoever died after
            # it.
            line, self.line = self.line, None
            while packet := line.parsed():
                self.late(packet)
            line.close()

    def resume(self):
        pass

    def late(self, packet):
        pass


class Publisher(Peer):
    def __init__(self, name, version, chance):
        super().__init__(name, version)
        self.chance, self.flights, self.number, self.next_id = chance, collections.OrderedDict(
        ), 0, 1
        self.sent, self.acknowledged = [], set()
        # What was published as retained, a topic for each QoS because only within one there is an
        # order; and the last of it that was acknowledged: QoS 2 to the end, as a broker may wait
        # for PUBREL.
        self.kept, self.kept_known = {1: [], 2: []}, {1: -1, 2: -1}

    def resume(self):
        for flight in self.flights.values():
            self.say(flight)

    def say(self, flight):
        if flight.released:
            self.line.acknowledge(wire.PUBREL, flight.packet_id)
        else:
            self.line.publish(flight.topic,
                              flight.payload,
                              flight.qos,
                              flight.packet_id,
                              dup=flight.sent,
                              retain=flight.retain)
            flight.sent = True

    def publish(self):
        if not self.line or not self.ready or len(self.flights) >= WINDOW:
            return False
        while self.next_id in self.flights:
            self.next_id = self.next_id % 65535 + 1
        qos, kind = self.chance.choice((1, 2)), self.chance.random()
        if kind < 0.2:
            kept = self.kept[qos]
            payload = b"" if kind < 0.04 else f"{self.name} {len(kept)}".encode()
            flight = Flight(self.next_id, f"kept/{self.name}/{qos}", payload, qos, True)
            flight.index = len(kept)
            kept.append(payload)
        else:
            flight = Flight(self.next_id, f"t/{self.name}/{qos}",
                            f"{self.name} {qos} {self.number}".encode(), qos, False)
            self.number += 1
            self.sent.append(flight.payload)
        self.next_id = self.next_id % 65535 + 1
        self.flights[flight.packet_id] = flight
        try:
            self.say(flight)
        except wire.Closed:
            flight.sent = True  # some of it may have left
            self.close()
            return False
        return True

    def finished(self, flight):
        if flight.retain:
            self.kept_known[flight.qos] = max(self.kept_known[flight.qos], flight.index)
        del self.flights[flight.packet_id]

    def late(self, packet):
        flight = self.flights.get(packet.packet_id)
        if flight is None:
            return
        if packet.kind in (wire.PUBACK, wire.PUBREC):
            check(packet.reason < 0x80, f"{self.name}: {packet}")
        if packet.kind == wire.PUBACK and flight.qos == 1:
            self.acknowledged.add(flight.payload)
            self.finished(flight)
        elif packet.kind == wire.PUBREC and flight.qos == 2:
            self.acknowledged.add(flight.payload)
            flight.released = True
        elif packet.kind == wire.PUBCOMP and flight.released:
            self.finished(flight)

    def take(self, packet):
        self.late(packet)
        if packet.kind == wire.PUBREC and packet.packet_id in self.flights:
            self.line.acknowledge(wire.PUBREL, packet.packet_id)


class Subscriber(Peer):
    def __init__(self, name, version):
        super().__init__(name, version)
        self.got, self.first, self.held = collections.Counter(), collections.defaultdict(
            list), set()

    def record(self, packet):
        if not self.got[packet.payload]:
            self.first[packet.topic].append(int(packet.payload.split()[2]))
        self.got[packet.payload] += 1

    def late(self, packet):
        """A message that could no longer be acknowledged: QoS 2 of it is not taken, so that it
        comes again."""

    def take(self, packet):
        if packet.kind == wire.PUBLISH and packet.qos == 1:
            self.record(packet)
        elif packet.kind == wire.PUBLISH and packet.qos == 2 and packet.packet_id not in self.held:
            self.held.add(packet.packet_id)
            self.record(packet)
        elif packet.kind == wire.PUBREL:
            self.held.discard(packet.packet_id)
        self.line.answer(packet)


def serve(peers, seconds, publishers=(), budget=0, done=None):
    """Lets everybody talk for so long, or until `done()`."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        here = [peer for peer in peers if peer.line]
        busy = False
        for publisher in publishers:
            if budget > 0 and publisher.publish():
                budget, busy = budget - 1, True
        if done and done():
            return True
        if not here:
            return False
        lines = {peer.line.socket: peer for peer in here if peer.line}
        readable = select.select(list(lines), [], [],
                                 0 if busy else min(left, 0.05))[0] if lines else []
        for line in readable:
            lines[line].pump()
    return bool(done and done())


def check_kept(publishers):
    """A newcomer finds retained what was acknowledged last, or what was published after it."""
    line = wire.Wire(ADDRESS)
    line.connect("newcomer", clean=True)
    line.subscribe(("kept/#", 2))
    expected = {}
    for publisher in publishers:
        for qos, kept in publisher.kept.items():
            known = publisher.kept_known[qos]
            expected[f"kept/{publisher.name}/{qos}"] = kept[known:] if known >= 0 else [b"", *kept]
    found, quiet = {}, 0.02
    while (packet := line.receive(quiet)) or (quiet := quiet * 3) < 1 and any(
            b"" not in allowed and topic not in found for topic, allowed in expected.items()):
        if packet:
            line.answer(packet)
            if packet.kind == wire.PUBLISH:
                found[packet.topic] = packet.payload
    line.disconnect()
    for topic, allowed in expected.items():
        has = found.get(topic, b"")
        check(has in allowed, f"{topic}: {has!r} is retained, acknowledged was {allowed[0]!r}")


def verdict(publishers, subscribers):
    """Counts of what came more often than once, where that is allowed."""
    again = 0
    for subscriber in subscribers:
        for publisher in publishers:
            lost = [payload for payload in publisher.sent if not subscriber.got[payload]]
            owned = [payload for payload in lost if payload in publisher.acknowledged]
            check(not owned,
                  f"{subscriber.name}: {len(owned)} acknowledged are lost, as {owned[:3]}")
            check(not lost, f"{subscriber.name}: {len(lost)} never came, as {lost[:3]}")
        for payload, times in subscriber.got.items():
            check(times == 1 or payload.split()[1] == b"1",
                  f"{subscriber.name}: {payload!r} came {times} times")
            again += times - 1
        for topic, numbers in subscriber.first.items():
            check(numbers == sorted(numbers), f"{subscriber.name}: out of order on {topic}")
        known = {payload for publisher in publishers for payload in publisher.sent}
        check(set(subscriber.got) <= known, f"{subscriber.name}: messages that nobody sent")
    return again


def main_test(rounds, seconds, chance, how):
    publishers = [Publisher("p3", wire.V3, chance), Publisher("p5", wire.V5, chance)]
    subscribers = [
        Subscriber("s3", wire.V3),
        Subscriber("s5", wire.V5),
        Subscriber("absent", wire.V5)
    ]
    everybody = [*publishers, *subscribers]
    began = time.monotonic()
    done = kills_early = 0
    with harness.scratch() as folder, mqtt_servers.Broker(folder) as broker:
        for subscriber in subscribers:
            line = wire.Wire(ADDRESS, subscriber.version)
            line.connect(subscriber.name,
                         clean=False,
                         expiry=FOREVER if subscriber.version == wire.V5 else None)
            check(line.subscribe(("t/#", 2)) == [2], "subscribed")
            line.disconnect()
            subscriber.known = True

        def end():
            if how == signal.SIGKILL:
                broker.kill()
            else:
                broker.stop()

        while done < rounds and time.monotonic() - began < seconds:
            if done:
                broker.start()
            if chance.random() < 0.1:
                check_kept(publishers)
            if chance.random() < 0.05:
                kills_early += 1  # while it is still busy with what it recovered
            else:
                here = [
                    *publishers,
                    *(subscriber for subscriber in subscribers
                      if chance.random() < (0.1 if subscriber.name == "absent" else 0.7))
                ]
                for peer in here:
                    peer.open()
                serve(here, chance.uniform(0.001, 0.03), publishers, chance.randint(1, 24))
            end()
            for peer in everybody:
                while peer.line and peer.pump():
                    time.sleep(0.001)
            done += 1
        broker.start()
        check_kept(publishers)
        for peer in everybody:
            peer.open()
        wanted = {payload for publisher in publishers for payload in publisher.sent}
        serve(everybody,
              60,
              done=lambda: not any(publisher.flights for publisher in publishers) and all(
                  wanted <= set(subscriber.got) for subscriber in subscribers))
        serve(everybody, 0.3)
        unfinished = sum(len(publisher.flights) for publisher in publishers)
        check(unfinished == 0, f"{unfinished} publishes were never acknowledged")
        check_kept(publishers)
        again = verdict(publishers, subscribers)
        check(broker.stop() == 0, "it ends well after all that")
    took = time.monotonic() - began
    print(
        f"{done} rounds in {took:.0f} s, {kills_early} of them at the start; {len(wanted)} "
        f"messages to each of {len(subscribers)} clients, none lost, {again} of QoS 1 came "
        "again, none of QoS 2")
    check(done >= min(rounds, ROUNDS_MIN), f"only {done} rounds in {took:.0f} s")


def nothing_acknowledged_is_lost_and_nothing_of_qos_2_doubled():
    # [MQTT-3.1.2-23] [MQTT-3.3.1-5] [MQTT-4.1.0-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.3.3-10]
    # [MQTT-4.4.0-1] [MQTT-4.5.0-1] [MQTT-4.6.0-5] [MQTT 3.1.1 MQTT-3.1.2-4, MQTT-3.1.2-5]
    # [MQTT 3.1.1 MQTT-3.1.2-7, MQTT-4.3.2-2, MQTT-4.3.3-2, MQTT-4.6.0-1]
    main_test(OPTIONS.rounds, OPTIONS.seconds, random.Random(OPTIONS.seed),
              signal.SIGTERM if OPTIONS.gently else signal.SIGKILL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=80)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--gently", action="store_true")
    parser.add_argument("--server")
    OPTIONS = parser.parse_args()
    print(f"seed {OPTIONS.seed}", flush=True)
    mqtt_servers.own_network()
    harness.main([nothing_acknowledged_is_lost_and_nothing_of_qos_2_doubled])
