#!/usr/bin/env python3
"""The broker among clients that others wrote: mosquitto's, paho for Python, mqtt.js; and mosquitto
itself across a bridge. `--server mosquitto` asks the same of mosquitto, where it can do it."""
import json
import os
import pathlib
import queue
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

import harness
import mqtt_servers
import mqtt_wire as wire
from harness import Running, check
from mqtt_servers import HOST, OURS, Broker, Certificates, Listener, eventually

mqtt_servers.with_paho()
import paho.mqtt.client as paho  # noqa: E402
from paho.mqtt.packettypes import PacketTypes  # noqa: E402
from paho.mqtt.properties import Properties  # noqa: E402
from paho.mqtt.subscribeoptions import SubscribeOptions  # noqa: E402

harness.need("mosquitto", "mosquitto_pub", "mosquitto_sub", "mosquitto_rr", "mosquitto_passwd",
             "openssl", "node", "npm", "ip")

NPM = pathlib.Path(__file__).resolve().parent / "npm"
TCP, TLS, WEB, WEB_TLS = 1883, 8883, 8083, 8084

# ---- clients


def mosquitto_pub(*argv, **options):
    return subprocess.run(["mosquitto_pub", *map(str, argv)],
                          capture_output=True,
                          text=True,
                          timeout=30,
                          **options)


def published(*argv):
    done = mosquitto_pub(*argv)
    check(done.returncode == 0,
          f"mosquitto_pub {argv}: {done.returncode} {done.stdout}{done.stderr}")


def subscriber(*argv, timeout=20):
    """mosquitto_sub, subscribed already. Its lines are the messages, after some that begin with
    Client or with Subscribed."""
    run = Running(["stdbuf", "-oL", "mosquitto_sub", "-d", "-W", timeout, *argv])
    run.wait_for(r"received (SUBACK|PUBLISH)|Connection (error|Refused)", timeout=10)
    return run


def heard(run):
    return [line for line in run.lines if not line.startswith(("Client ", "Subscribed"))]


def ended(run):
    """Waits until it has ended of its own accord, with its DISCONNECT."""
    check(run.process.wait(10) == 0, f"{run.argv}: {run.lines} {run.errors}")


def hears(run, *lines):
    """Waits until exactly these lines have come."""
    for _ in eventually(f"{lines} from {run.argv}", lambda: [True]
                        if len(heard(run)) >= len(lines) else []):
        check(heard(run) == list(lines), f"{run.argv}: {heard(run)} instead of {list(lines)}")


class Paho:
    """A paho client and the queue of what it is given."""
    def __init__(self,
                 version,
                 port=TCP,
                 certificates=None,
                 websocket=False,
                 name="",
                 clean=True,
                 expiry=None,
                 will=None,
                 user=None,
                 password=None,
                 client_certificate=False):
        five = version == paho.MQTTv5
        self.version, self.messages, self.grants, self.gone = version, queue.Queue(), queue.Queue(
        ), queue.Queue()
        self.connected = queue.Queue()
        more = {} if five else {"clean_session": clean}
        self.client = paho.Client(client_id=name,
                                  protocol=version,
                                  transport="websockets" if websocket else "tcp",
                                  **more)
        if certificates:
            mine = (certificates.client, certificates.client_key) if client_certificate else (None,
                                                                                              None)
            self.client.tls_set(ca_certs=str(certificates.ca),
                                certfile=mine[0] and str(mine[0]),
                                keyfile=mine[1] and str(mine[1]),
                                cert_reqs=ssl.CERT_REQUIRED)
        if will:
            self.client.will_set(*will)
        if user is not None:
            self.client.username_pw_set(user, password)
        self.client.on_message = lambda client, data, message: self.messages.put(message)
        self.client.on_connect = lambda client, data, flags, code, *rest: self.connected.put(
            (flags, code))
        self.client.on_subscribe = lambda client, data, number, grants, *rest: self.grants.put(
            grants)
        self.client.on_disconnect = lambda client, data, code, *rest: self.gone.put(code)
        properties = None
        if five and expiry is not None:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = expiry
        self.client.connect(HOST,
                            port,
                            keepalive=30,
                            **({
                                "clean_start": clean,
                                "properties": properties
                            } if five else {}))
        self.client.loop_start()
        flags, code = self.next(self.connected)
        self.session_present, self.code = bool(flags["session present"]), getattr(
            code, "value", code)

    def subscribe(self, *filters, **options):
        self.client.subscribe(list(filters), **options)
        return [getattr(grant, "value", grant) for grant in self.next(self.grants)]

    def next(self, what):
        try:
            return what.get(timeout=10)
        except queue.Empty:
            raise AssertionError("paho waits for an answer") from None

    def publish(self, topic, payload, qos=0, retain=False, properties=None):
        sent = self.client.publish(topic, payload, qos, retain, properties)
        sent.wait_for_publish(10)
        check(sent.is_published(), f"{topic} is not acknowledged")

    def take(self, count, timeout=10):
        out, deadline = [], time.monotonic() + timeout
        while len(out) < count and (left := deadline - time.monotonic()) > 0:
            try:
                out.append(self.messages.get(timeout=left))
            except queue.Empty:
                break
        return out

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def die(self):
        """Without a DISCONNECT."""
        self.client.loop_stop()
        self.client._sock_close()  # pylint: disable=protected-access


def everywhere(certificates):
    return [
        Listener(TCP),
        Listener(TLS, tls=certificates),
        Listener(WEB, websocket=True),
        Listener(WEB_TLS, tls=certificates, websocket=True)
    ]


# ---- tests


def mosquitto_clients_speak_both_versions():
    # [MQTT-3.3.4-1] [MQTT-3.8.4-8] [MQTT-4.7.1-2] [MQTT-4.7.2-1] [MQTT-3.3.1-6]
    # [MQTT 3.1.1 MQTT-3.3.1-8, MQTT-3.3.1-9]
    with harness.scratch() as folder, Broker(folder):
        for version in ("mqttv311", "mqttv5"):
            for qos in (0, 1, 2):
                topic = f"adt/{version}{qos}/adeunis"
                with subscriber("-V", version, "-q", qos, "-t", f"adt/{version}{qos}/+", "-C", 2,
                                "-F", "%t %q %r %p") as run:
                    published("-V", version, "-q", qos, "-t", f"{topic}/0018B20000000E9E", "-m",
                              "too deep")
                    published("-V", version, "-q", qos, "-t", topic, "-m", "one")
                    published("-V", version, "-q", 2, "-t", f"adt/{version}{qos}/", "-m",
                              "empty level")
                    hears(run, f"{topic} {qos} 0 one", f"adt/{version}{qos}/ {qos} 0 empty level")
            published("-V", version, "-q", 1, "-r", "-t", "kept/a", "-m", "kept")
            with subscriber("-V", version, "-q", 1, "-t", "kept/#", "-C", 2, "-F",
                            "%t %r %p") as run:
                hears(run, "kept/a 1 kept")
                published("-V", version, "-t", "kept/a", "-m", "live")
                hears(run, "kept/a 1 kept", "kept/a 0 live")
            published("-V", version, "-r", "-n", "-t", "kept/a")
            with subscriber("-V", version, "-t", "kept/#", "-t", "fence", "-C", 1, "-F",
                            "%t") as run:
                published("-V", version, "-t", "fence", "-m", "x")
                hears(run, "fence")
            with subscriber("-V", version, "-t", "#", "-t", "/#", "-C", 1, "-F", "%t", "-q",
                            1) as run:
                published("-V", version, "-t", "$private/x", "-m", "x", "-q", 1)
                published("-V", version, "-t", "/public", "-m", "x", "-q", 1)
                hears(run, "/public")


def mosquitto_sub_finds_what_came_while_it_was_away():
    # [MQTT-4.5.0-1] [MQTT-3.2.2-3] [MQTT 3.1.1 MQTT-3.1.2-5]
    with harness.scratch() as folder, Broker(folder) as broker:
        for version in ("mqttv311", "mqttv5"):
            me = ["-V", version, "-i", f"away-{version}", "-c", "-q", "2", "-t", f"for/{version}"]
            if version == "mqttv5":
                me += ["-x", "600"]
            with subscriber(*me, "-E") as run:
                ended(run)
            for text in ("one", "two", "three"):
                published("-V", version, "-q", 1, "-t", f"for/{version}", "-m", text)
            with subscriber(*me, "-C", 3) as run:
                hears(run, "one", "two", "three")
                ended(run)
        check(broker.stop() == 0, "it ends well")
        broker.start()
        for version in ("mqttv311", "mqttv5"):
            published("-q", 2, "-t", f"for/{version}", "-m", "after the restart")
            with subscriber("-V", version, "-i", f"away-{version}", "-c", "-q", "2", "-t",
                            "other") as run:
                eventually("it comes", lambda: "after the restart" in heard(run))


def a_will_is_told_by_mosquitto():
    # [MQTT-3.1.2-8] [MQTT-3.1.2-15] [MQTT-3.14.4-3] [MQTT 3.1.1 MQTT-3.1.2-8]
    with harness.scratch() as folder, Broker(folder):
        for version in ("mqttv311", "mqttv5"):
            with subscriber("-V", version, "-q", 1, "-t", f"will/{version}", "-F", "%p %r", "-C",
                            1) as heir:
                mortal = [
                    "-V", version, "-t", "x", "--will-topic", f"will/{version}", "--will-qos", 1,
                    "--will-retain", "--will-payload"
                ]
                with subscriber(*mortal, "left", "-E") as polite:
                    ended(polite)
                with subscriber(*mortal, "died") as unlucky:
                    unlucky.process.kill()
                    hears(heir, "died 0")
            with subscriber("-V", version, "-t", f"will/{version}", "-F", "%p %r", "-C", 1) as late:
                hears(late, "died 1")


def paho_speaks_both_versions_over_every_transport():
    # [MQTT-4.2.0-1] [MQTT-6.0.0-4] [MQTT-3.1.2-5] [MQTT-3.1.2-8] [MQTT-3.2.2-2] [MQTT-3.8.4-8]
    # [MQTT-4.6.0-5] [MQTT 3.1.1 MQTT-7.1.1-1] [MQTT 3.1.1 MQTT-7.0.0-2]
    with harness.scratch() as folder:
        certificates = Certificates(folder)
        with Broker(folder, everywhere(certificates)):
            for version in (paho.MQTTv311, paho.MQTTv5):
                for port, secure, websocket in ((TCP, None, False), (TLS, certificates, False),
                                                (WEB, None, True), (WEB_TLS, certificates, True)):
                    paho_conversation(version, port, secure, websocket)


def paho_conversation(version, port, secure, websocket):
    where = f"{version}-{port}"

    def client(**options):
        return Paho(version, port, secure, websocket, **options)

    listening, speaking = client(), client()
    for granted in (0, 1, 2):
        check(
            listening.subscribe((f"{where}/{granted}/#",
                                 granted) if version != paho.MQTTv5 else (f"{where}/{granted}/#",
                                                                          SubscribeOptions(
                                                                              qos=granted))) == [
                                                                                  granted
                                                                              ], where)
        for qos in (0, 1, 2):
            speaking.publish(f"{where}/{granted}/x", f"{qos}", qos)
            found = listening.take(1)
            check(
                found and found[0].payload == f"{qos}".encode() and
                found[0].qos == min(qos, granted), f"{where}: QoS {qos} to {granted}: {found}")
    for number in range(100):
        speaking.client.publish(f"{where}/2/order", f"{number}", 2)
    order = [int(message.payload) for message in listening.take(100)]
    check(order == list(range(100)), f"{where}: order {order}")

    speaking.publish(f"{where}/kept", "kept", 1, True)
    late = client()
    late.client.subscribe(f"{where}/kept", 1)
    found = late.take(1)
    check(found and found[0].retain and found[0].payload == b"kept", f"{where}: retained {found}")
    late.close()
    speaking.publish(f"{where}/kept", "", 1, True)

    listening.client.subscribe(f"{where}/will", 1)
    listening.next(listening.grants)
    dying = client(will=(f"{where}/will", "died", 1, False))
    dying.die()
    found = listening.take(1)
    check(found and found[0].payload == b"died", f"{where}: will {found}")

    name = f"lasting-{where}"
    lasting = client(name=name, clean=False, expiry=600)
    check(not lasting.session_present, f"{where}: a new session")
    lasting.client.subscribe(f"{where}/lasting", 1)
    lasting.next(lasting.grants)
    lasting.close()
    for number in range(3):
        speaking.publish(f"{where}/lasting", f"{number}", 2)
    lasting = client(name=name, clean=False, expiry=600)
    check(lasting.session_present, f"{where}: the session goes on")
    found = [message.payload for message in lasting.take(3)]
    check(found == [b"0", b"1", b"2"], f"{where}: queued {found}")
    lasting.close()
    listening.close()
    speaking.close()


def mqtt_js_speaks_both_versions_over_every_transport():
    # [MQTT-6.0.0-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
    # [MQTT-3.3.2-4] [MQTT-3.3.2-12] [MQTT-3.8.3-3] [MQTT-3.3.1-13]
    with harness.scratch() as folder:
        certificates = Certificates(folder)
        with Broker(folder, everywhere(certificates)):
            for url in (f"mqtt://{HOST}:{TCP}", f"mqtts://{HOST}:{TLS}", f"ws://{HOST}:{WEB}/mqtt",
                        f"wss://{HOST}:{WEB_TLS}/mqtt"):
                for version in ("4", "5"):
                    done = subprocess.run(["node", NPM / "peer.mjs", url, version, certificates.ca],
                                          capture_output=True,
                                          text=True,
                                          timeout=120,
                                          env={
                                              **os.environ, "PEERS": str(NODE_PEERS)
                                          })
                    check(
                        done.returncode == 0,
                        f"{url} {version}: after {done.stdout.splitlines()[-1:]}:\n"
                        f"{done.stderr}")


def paho_shares_subscriptions_and_asks_questions():
    # [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-4.8.2-3] [MQTT-3.3.4-3]
    with harness.scratch() as folder, Broker(folder):
        members = [Paho(paho.MQTTv5) for _ in range(3)]
        for member in members:
            check(
                member.subscribe(("$share/group/jobs/#", SubscribeOptions(qos=1))) == [1],
                "granted")
        speaking = Paho(paho.MQTTv5)
        for number in range(60):
            speaking.publish("jobs/item", f"{number}", 2)
        everything = eventually("each message is given to one of them",
                                lambda: sum(member.messages.qsize() for member in members) >= 60)
        shares = [[message for message in member.take(member.messages.qsize())]
                  for member in members]
        check(
            everything and sorted(int(message.payload) for share in shares
                                  for message in share) == list(range(60)), f"{shares}")
        check(all(message.qos == 1 for share in shares for message in share), "the granted QoS")
        check(all(share for share in shares), f"shares of {[len(share) for share in shares]}")
        members[0].die()
        members[1].close()
        time.sleep(0.3)  # until the broker has seen it
        for number in range(20):
            speaking.publish("jobs/item", f"{number}", 1)
        left = [int(message.payload) for message in members[2].take(20)]
        check(left == list(range(20)), f"who is there has it all: {left}")

        identified = Properties(PacketTypes.SUBSCRIBE)
        identified.SubscriptionIdentifier = 268435455
        service = Paho(paho.MQTTv5)
        service.client.subscribe("service", options=SubscribeOptions(qos=2), properties=identified)
        service.next(service.grants)
        question = Properties(PacketTypes.PUBLISH)
        question.ResponseTopic, question.CorrelationData = "answers/me", b"\x00\xff"
        question.ContentType, question.PayloadFormatIndicator = "application/json", 1
        question.MessageExpiryInterval = 60
        question.UserProperty = [("b", "2"), ("a", "1"), ("b", "3")]
        asking = Paho(paho.MQTTv5)
        asking.subscribe(("answers/me", SubscribeOptions(qos=1)))
        asking.publish("service", "{}", 2, properties=question)
        found = service.take(1)[0].properties
        check(found.UserProperty == question.UserProperty, f"{found}")
        check(found.ContentType == "application/json" and found.PayloadFormatIndicator == 1,
              f"{found}")
        check(found.SubscriptionIdentifier == [268435455] and found.MessageExpiryInterval <= 60,
              f"{found}")
        answer = Properties(PacketTypes.PUBLISH)
        answer.CorrelationData = found.CorrelationData
        service.publish(found.ResponseTopic, "done", 1, properties=answer)
        found = asking.take(1)[0]
        check(found.payload == b"done" and found.properties.CorrelationData == b"\x00\xff",
              f"{found}")
        for client in (members[2], speaking, service, asking):
            client.close()


def mosquitto_rr_gets_its_answer():
    with harness.scratch() as folder, Broker(folder):
        service = wire.Wire((HOST, TCP))
        service.connect("service")
        service.subscribe(("time", 1))
        with Running([
                "mosquitto_rr", "-V", "mqttv5", "-t", "time", "-e", "time/answer", "-m", "?", "-W",
                "10"
        ]) as run:
            asked = service.messages(1)[0]
            service.publish(asked.one(wire.RESPONSE_TOPIC),
                            "noon",
                            more=[(name, value) for name, value in asked.properties
                                  if name == wire.CORRELATION])
            run.wait_for("noon", timeout=10)


def passwords_and_access_are_told_plainly():
    # [MQTT-3.1.4-2] [MQTT-3.9.3-2] [MQTT-3.2.2-7] [MQTT 3.1.1 MQTT-3.2.2-5] [MQTT 3.1.1
    # MQTT-3.9.3-2] [MQTT 3.1.1 MQTT-3.3.5-2]
    access = """user alice
topic read public/#
topic readwrite home/alice/#

pattern write devices/%c/up
"""
    with harness.scratch() as folder, Broker(folder,
                                             passwords={
                                                 "alice": "wonder land",
                                                 "bob": "builder"
                                             },
                                             access=access,
                                             anonymous=False) as broker:
        alice = ["-u", "alice", "-P", "wonder land"]
        for version in ("mqttv311", "mqttv5"):
            for wrong in ((), ("-u", "alice", "-P", "wonderland"), ("-u", "nobody", "-P", "x"),
                          ("-u", "alice")):
                done = mosquitto_pub("-V", version, "-t", "home/alice/x", "-m", "x", *wrong)
                check(
                    done.returncode != 0 and
                    re.search("(?i)not authori[sz]ed|bad user ?name", done.stderr),
                    f"{version} {wrong}: {done.returncode} {done.stdout}{done.stderr}")
            published("-V", version, *alice, "-t", "home/alice/x", "-m", "x", "-q", 2)
        for version, refusal in ((wire.V3, 0x80), (wire.V5, 0x87)):
            line = wire.Wire((HOST, TCP), version)
            check(
                line.connect("x", user="alice", password="wonder land").reason == 0, "alice may in")
            # Refused in the SUBACK; mosquitto 2.0 refuses the delivery only.
            granted = line.subscribe(("home/alice/#", 1), ("home/bob/#", 1), ("public/x", 2))
            check(granted == [1, refusal if OURS else 1, 2], f"{version}: {granted}")
            line.publish("devices/x/up", "mine", 1, packet_id=1)
            check(line.expect(wire.PUBACK).reason in (0, 0x10), "the pattern allows it")
            if version == wire.V5:
                line.publish("devices/y/up", "another's", 1, packet_id=2)
                check(line.expect(wire.PUBACK).reason == 0x87, "the pattern does not")
            else:
                line.publish("devices/y/up", "another's", 1, packet_id=2)
                check(line.expect(wire.PUBACK).packet_id == 2, "as if it were allowed")
            bob = wire.Wire((HOST, TCP), version)
            bob.connect("bob", user="bob", password="builder")
            bob.publish("home/alice/x", "not allowed")
            line.publish("home/alice/x", "allowed")
            check([message.payload for message in line.messages(1)] == [b"allowed"],
                  "of bob nothing is taken")
            line.close()
            bob.close()
        if OURS:
            check("wonder" not in broker.log, "no password is logged")
            check("alice" in broker.log, f"who was refused is logged:\n{broker.log}")


def a_client_certificate_names_the_user():
    # [MQTT-4.2.0-1]
    with harness.scratch() as folder:
        certificates = Certificates(folder)
        (folder / "elsewhere").mkdir()
        stranger = Certificates(folder / "elsewhere")
        access = "user alice\ntopic readwrite only/alice\n"
        with Broker(folder,
                    [Listener(TLS, tls=certificates, client_certificates=True, anonymous=False)],
                    access=access):
            tls = ["-p", TLS, "--cafile", certificates.ca]
            mine = ["--cert", certificates.client, "--key", certificates.client_key]
            with subscriber(*tls, *mine, "-t", "only/alice", "-C", 1) as run:
                published(*tls, *mine, "-t", "only/alice", "-m", "hello", "-q", 1)
                hears(run, "hello")
            without = mosquitto_pub(*tls, "-t", "only/alice", "-m", "x")
            check(without.returncode != 0, "no certificate, no connection")
            forged = mosquitto_pub(*tls, "--cert", stranger.client, "--key", stranger.client_key,
                                   "-t", "only/alice", "-m", "x")
            check(forged.returncode != 0, "a stranger's authority is not trusted")
            client = Paho(paho.MQTTv5, TLS, certificates, client_certificate=True)
            check(client.subscribe(("only/alice", SubscribeOptions(qos=1))) == [1], "as alice")
            client.publish("only/alice", "hi", 1)
            check(client.take(1)[0].payload == b"hi", "as alice")
            client.close()


def a_shared_key_names_the_user():
    with harness.scratch() as folder:
        key, wrong = "0123456789abcdef" * 2, "ff" * 16
        access = "user alice\ntopic readwrite only/alice\n"
        with Broker(folder, [Listener(8885, psk={"alice": key}, anonymous=False)], access=access):
            psk = ["-p", 8885, "--psk-identity", "alice", "--psk"]
            with subscriber(*psk, key, "-t", "only/alice", "-C", 1) as run:
                published(*psk, key, "-t", "only/alice", "-m", "hello", "-q", 1)
                hears(run, "hello")
            check(
                mosquitto_pub(*psk, wrong, "-t", "only/alice", "-m", "x").returncode != 0,
                "the wrong key")
            unknown = mosquitto_pub("-p", 8885, "--psk-identity", "bob", "--psk", key, "-t",
                                    "only/alice", "-m", "x")
            check(unknown.returncode != 0, "an identity that nobody knows")


def a_unix_socket_serves():
    with harness.scratch() as folder:
        place = folder / "mqtt.socket"
        with Broker(folder, [Listener(unix=place), Listener(TCP)]) as broker:
            with subscriber("--unix", place, "-t", "u", "-C", 1) as run:
                published("-p", TCP, "-t", "u", "-m", "from TCP", "-q", 1)
                hears(run, "from TCP")
            with subscriber("-p", TCP, "-t", "u", "-C", 1) as run:
                published("--unix", place, "-t", "u", "-m", "from the socket", "-q", 1)
                hears(run, "from the socket")
            broker.stop()
            if OURS:
                check(not place.exists(), "the socket is gone with its broker")
                # What a crash left behind is in nobody's way.
                broker.start()
                broker.kill()
                broker.start()
                published("--unix", place, "-t", "u", "-m", "again", "-q", 1)


def a_reload_drops_nobody_and_never_fails_open():
    access = "user alice\ntopic readwrite a/#\n"
    with harness.scratch() as folder, Broker(folder,
                                             passwords={"alice": "one"},
                                             access=access,
                                             anonymous=False) as broker:
        line = wire.Wire((HOST, TCP))
        line.connect("stays", user="alice", password="one")
        check(line.subscribe(("a/#", 1)) == [1], "granted")

        def reload(saying):
            known = len(broker.run.lines + broker.run.errors)
            broker.signal(signal.SIGHUP)
            eventually(
                f"the log says {saying}",
                lambda: re.search(saying, "\n".join(
                    (broker.run.lines + broker.run.errors)[known:])))

        def may_in(user, password):
            return mosquitto_pub("-u", user, "-P", password, "-t", "a/x", "-m", "x").returncode == 0

        def still_there(text):
            line.publish("a/own", text, 1, packet_id=9)
            found = [line.receive(), line.receive()]
            for packet in found:
                line.answer(packet)
            check(sorted(packet.kind for packet in found) == [wire.PUBLISH, wire.PUBACK],
                  f"it was not dropped: {found}")

        broker.write_passwords({"alice": "two", "bob": "three"})
        broker.write_access(access + "user bob\ntopic write a/x\n")
        reload("(?i)password")
        check(may_in("alice", "two") and may_in("bob", "three"), "the new passwords hold")
        check(not may_in("alice", "one"), "the old one does not")
        line.messages(2, timeout=1)
        still_there("after a good file")
        # Bad files: refused whole and told, and the old rules stay.
        broker.write_access("user alice\ntopic readwrite a/#\nuser bob\ntopik write a/x\n")
        reload(r"(?i)access:?4|:4:|refused|stay|kept")
        check(may_in("bob", "three"), "the old list stays")
        (broker.folder / "passwords").write_text("alice:no hash at all\n")
        broker.write_access(access)
        reload("(?i)password")
        check(may_in("alice", "two"), "the old passwords stay")
        check(not may_in("alice", "no hash at all") and not may_in("alice", ""),
              "and nothing opens")
        (broker.folder / "passwords").unlink()
        (broker.folder / "access").unlink()
        reload("(?i)password|access")
        check(
            may_in("alice", "two") and not may_in("mallory", "x"),
            "a file that is gone opens nothing")
        line.messages(3, timeout=1)
        still_there("after bad files")


def a_bridge_carries_both_ways():
    # [MQTT 3.1.1 MQTT-7.0.0-1]
    with harness.scratch() as folder:
        far = Broker(folder, [Listener(1884)], name="far", kind="mosquitto")
        topics = [("up/#", "out", 2, "", "site/"), ("down/#", "in", 1, "", "site/"),
                  ("both/#", "both", 1, "", "")]
        with far, Broker(folder, bridges=[(1884, topics)]) as near:
            with subscriber("-p", 1884, "-q", 2, "-t", "#", "-F", "%t %p") as beyond, \
                    subscriber("-q", 2, "-t", "#", "-F", "%t %p") as here:

                def crossed(ask, port, topic, text, expected):
                    def attempt():
                        published("-p", port, "-q", 1, "-t", topic, "-m", text)
                        time.sleep(0.1)
                        return expected in heard(ask)

                    eventually(f"{expected} beyond the bridge\n{near.log}", attempt)

                crossed(beyond, TCP, "up/ready", "x", "site/up/ready x")
                crossed(here, 1884, "site/down/ready", "x", "down/ready x")
                crossed(beyond, TCP, "both/1", "from here", "both/1 from here")
                crossed(here, 1884, "both/2", "from there", "both/2 from there")
                published("-t", "other", "-m", "stays", "-q", 1)
                published("-t", "up/fence", "-m", "f", "-q", 1)
                eventually("the fence crosses", lambda: "site/up/fence f" in heard(beyond))
                check("other stays" not in heard(beyond), "only what was asked for crosses")
                counted = heard(here).count("both/1 from here"), heard(beyond).count(
                    "both/2 from there")
                time.sleep(0.3)
                check((heard(here).count("both/1 from here"),
                       heard(beyond).count("both/2 from there")) == counted,
                      "nothing goes round in circles")


def a_bridge_loses_nothing_while_the_other_is_away():
    with harness.scratch() as folder:
        far = Broker(folder, [Listener(1884)], name="far", kind="mosquitto")
        with far, Broker(folder,
                         bridges=[(1884, [("up/#", "out", 2, "", ""),
                                          ("down/#", "in", 2, "", "")])]) as near:
            beyond = wire.Wire((HOST, 1884))
            beyond.connect("beyond", clean=False, expiry=600)
            beyond.subscribe(("up/#", 2))
            here = wire.Wire((HOST, TCP))
            here.connect("here")
            here.subscribe(("down/#", 2))
            there = wire.Wire((HOST, 1884))
            there.connect("there")

            def both_ways(text):
                here.publish("up/ready", text, 0)
                there.publish("down/ready", text, 0)
                return beyond.messages(1, timeout=0.3) and here.messages(1, timeout=0.3)

            eventually(f"the bridge is up\n{near.log}", lambda: both_ways("up?"))
            beyond.messages(100, timeout=0.3)
            beyond.close()
            for restart in range(2):
                far.stop()
                for number in range(40):
                    here.publish("up/x",
                                 f"{restart} {number}",
                                 1 + number % 2,
                                 packet_id=1 + number)
                acknowledged = 0
                while acknowledged < 40:
                    packet = here.receive()
                    check(packet is not None, "the near side takes it all")
                    here.answer(packet)
                    acknowledged += packet.kind in (wire.PUBACK, wire.PUBCOMP)
                if OURS and restart:
                    near.kill()
                    near.start()
                    here = wire.Wire((HOST, TCP))
                    here.connect("here")
                far.start()
            beyond = wire.Wire((HOST, 1884))
            check(
                beyond.connect("beyond", clean=False, expiry=600).session_present,
                "still known there")
            expected = {f"{restart} {number}" for restart in range(2) for number in range(40)}
            got, deadline = [], time.monotonic() + 40
            while not expected <= set(got) and time.monotonic() < deadline:
                got += [message.payload.decode() for message in beyond.messages(80, timeout=1)]
            got += [message.payload.decode() for message in beyond.messages(10, timeout=0.5)]
            check(
                expected <= set(got),
                f"{len(expected - set(got))} of {len(expected)} did not cross, as "
                f"{sorted(expected - set(got))[:5]}\n{near.log}")
            twice = [text for text in set(got) if got.count(text) > 1 and int(text.split()[1]) % 2]
            check(not twice, f"QoS 2 came twice: {twice}")


def sys_topics_have_the_usual_names():
    with harness.scratch() as folder, Broker(folder):
        published("-t", "x", "-m", "x")
        wanted = ("version", "uptime", "clients/connected", "clients/total", "messages/received",
                  "messages/sent", "publish/messages/received", "publish/messages/sent",
                  "publish/bytes/received", "bytes/received", "bytes/sent", "subscriptions/count",
                  "retained messages/count", "store/messages/count")
        with subscriber("-t", "$SYS/#", "-F", "%t=%p") as run:
            for name in wanted:
                run.wait_for(rf"^\$SYS/broker/{re.escape(name)}=\S", timeout=10)
            run.wait_for(r"^\$SYS/broker/clients/connected=[1-9]", timeout=10)
        with subscriber("-t", "#", "-t", "fence", "-C", 1, "-F", "%t") as run:
            time.sleep(1.2)
            published("-t", "fence", "-m", "x")
            hears(run, "fence")


def clients_are_listed_counted_and_sent_away():
    with harness.scratch() as folder, Broker(folder, management=8080) as broker:
        check(broker.rest("/mqtt/clients", token=False)[0] == 401, "who has no token sees nothing")
        here = wire.Wire((HOST, TCP))
        here.connect("kitchen/lamp", clean=False, expiry=600)
        here.subscribe(("a", 1))
        other = wire.Wire((HOST, TCP))
        other.connect("other")
        status, text = broker.rest("/mqtt/clients")
        check(status == 200, f"{status} {text}")
        listed = json.loads(text)
        listed = listed if isinstance(listed, list) else listed["clients"]
        names = [client.get("client_id", client.get("id")) for client in listed]
        check(names == ["kitchen/lamp", "other"], f"{listed}")
        check(listed[0]["connected"] and listed[0]["subscriptions"] == 1, f"{listed}")
        status, text = broker.rest("/mqtt/clients/kitchen%2Flamp", method="DELETE")
        check(status in (200, 204), f"{status} {text}")
        found = here.receive()
        check(found and found.kind == wire.DISCONNECT and found.reason == 0x98,
              f"it is told why: {found}")
        check(here.closed_within(5), "and closed")
        check(
            broker.rest("/mqtt/clients/nobody", method="DELETE")[0] == 404,
            "there is no such client")
        back = wire.Wire((HOST, TCP))
        check(
            back.connect("kitchen/lamp", clean=False, expiry=600).session_present,
            "its session stayed")
        status, text = broker.rest("/mqtt/clients/kitchen%2Flamp?session=true", method="DELETE")
        back = wire.Wire((HOST, TCP))
        check(not back.connect("kitchen/lamp", clean=False).session_present, "now it did not")
        metrics = broker.metrics()
        check(any(value == 2 for name, value in metrics.items() if "connect" in name), f"{metrics}")
        # Metrics in the format that promtool and others read.
        text = broker.rest("/metrics")[1]
        for line in text.splitlines():
            check(re.match(r"# (HELP|TYPE) \w+ \S|[a-z_:]\w*(\{.*\})? [-+.\deE]+(inf|nan)?$", line),
                  f"{line!r}")


def a_proxy_tells_who_is_behind_it():
    def header(command, family, addresses):
        return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 | command, family]) + struct.pack(
            "!H", len(addresses)) + addresses

    with harness.scratch() as folder, Broker(folder, [Listener(TCP, proxy=True)],
                                             limits={"connect_within": "1s"}) as broker:

        def through(octets):
            stream = socket.create_connection((HOST, TCP), 10)
            stream.sendall(octets)
            return wire.Wire(stream=stream)

        four = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1") + struct.pack(
            "!HH", 51432, 1883)
        six = (socket.inet_pton(socket.AF_INET6, "2001:db8::7") +
               socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack("!HH", 51433, 1883))
        for name, octets, seen in (("four", header(1, 0x11, four),
                                    "192.0.2.7"), ("six", header(1, 0x21, six), "2001:db8::7"),
                                   ("more", header(1, 0x11, four + b"\x04\0\x03abc"),
                                    "192.0.2.7"), ("local", header(0, 0, b""), HOST)):
            line = through(octets)
            check(line.connect(name).reason == 0, f"{name} may in")
            eventually(
                f"{seen} is logged\n{broker.log}", lambda: re.search(
                    rf"{name}\b.*{re.escape(seen)}|{re.escape(seen)}.*\b{name}\b", broker.log))
        # In pieces, and together with the CONNECT.
        line = through(header(1, 0x11, four)[:5])
        line.write(header(1, 0x11, four)[5:] + line.connect_packet("pieces"))
        check(line.expect(wire.CONNACK).reason == 0, "in pieces")
        for bad in (b"PROXY TCP4 192.0.2.7 198.51.100.1 51432 1883\r\n",
                    header(1, 0x11, four)[:-2] + b"\0",
                    wire.Wire(stream=socket.socket()).connect_packet("no header"),
                    b"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0"):
            line = through(bad + line.connect_packet("bad") if not bad.startswith(b"\r") else bad)
            check(line.closed_within(12), f"{bad[:20]!r} is not taken")


class SnClient:
    """Says MQTT-SN 1.2 datagrams as they are written here."""
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(10)
        self.socket.connect((HOST, port))

    def say(self, kind, body):
        self.socket.send(bytes([len(body) + 2, kind]) + body)

    def hear(self, kind):
        while True:
            got = self.socket.recv(2000)
            if got[1] == kind:
                return got[2:]
            check(got[1] != 0x05 or got[2] == 0, f"CONNACK {got[2:]}")

    def search(self):
        """The gateway's number, or None where nobody listens yet."""
        try:
            self.say(0x01, b"\0")
            return self.hear(0x02)[0]
        except ConnectionRefusedError:
            return None

    def connect(self, name, duration=60):
        self.say(0x04, b"\x04\x01" + struct.pack("!H", duration) + name.encode())
        check(self.hear(0x05) == b"\0", "CONNACK")


def mqtt_sn_clients_reach_everybody():
    more = """[mqtt.sn]
listen = "127.0.0.1:10000"
mode = "MODE"
gateway_id = 9
[[mqtt.sn.topic]]
id = 7
name = "known/seven"
"""
    for mode in ("transparent", "aggregating"):
        with harness.scratch() as folder, Broker(folder, more=more.replace("MODE", mode)):
            node = SnClient(10000)
            check(eventually("the gateway is found", node.search) == 9, "by its number")
            with subscriber("-t", "#", "-q", 2, "-F", "%t %q %p") as run:
                node.say(0x0C, b"\x61\0\x07\0\0before any CONNECT")
                run.wait_for("^known/seven 0 before any CONNECT$", timeout=10)
                node.connect("node")
                node.say(0x0A, struct.pack("!HH", 0, 1) + b"node/temperature")
                topic, number, code = struct.unpack("!HHB", node.hear(0x0B))
                check(topic and number == 1 and code == 0, "REGACK")
                node.say(0x0C, b"\x20" + struct.pack("!HH", topic, 2) + b"21.5")
                check(struct.unpack("!HHB", node.hear(0x0D)) == (topic, 2, 0), "PUBACK")
                run.wait_for("^node/temperature 1 21.5$", timeout=10)
                node.say(0x0C, b"\x40" + struct.pack("!HH", topic, 3) + b"22")
                check(struct.unpack("!H", node.hear(0x0F)) == (3, ), "PUBREC")
                node.say(0x10, struct.pack("!H", 3))
                check(struct.unpack("!H", node.hear(0x0E)) == (3, ), "PUBCOMP")
                run.wait_for("^node/temperature 2 22$", timeout=10)
                node.say(0x0C, b"\x02ab\0\0short")
                run.wait_for("^ab 0 short$", timeout=10)
            node.say(0x12, b"\x20" + struct.pack("!H", 4) + b"commands/+")
            flags, topic, number, code = struct.unpack("!BHHB", node.hear(0x13))
            check((number, code) == (4, 0) and flags & 0x60 == 0x20, "SUBACK")
            published("-t", "commands/led", "-m", "on", "-q", 1)
            topic, number = struct.unpack("!HH", node.hear(0x0A)[:4])
            node.say(0x0B, struct.pack("!HHB", topic, number, 0))
            got = node.hear(0x0C)
            check(got[5:] == b"on" and struct.unpack("!H", got[1:3]) == (topic, ), f"{got}")
            node.say(0x0D, got[1:5] + b"\0")
            # Asleep: what comes is kept until it wakes up and asks.
            node.say(0x18, struct.pack("!H", 60))
            node.hear(0x18)
            published("-t", "commands/led", "-m", "off", "-q", 1)
            node.socket.settimeout(0.5)
            try:
                check(False, f"it was woken by {node.socket.recv(2000)}")
            except TimeoutError:
                node.socket.settimeout(10)
            node.say(0x16, b"node")
            got = node.hear(0x0C)
            check(got[5:] == b"off", f"{got}")
            node.say(0x0D, got[1:5] + b"\0")
            node.hear(0x17)


def the_example_of_a_broker_serves():
    with harness.scratch() as folder:
        with Running([harness.causeway(), "run", harness.EXAMPLES / "broker.toml", "--set",
                      f"state={folder}"]) as run:
            eventually(f"it listens\n{run.errors}",
                       lambda: mqtt_servers.reachable(Listener(TCP)))
            with subscriber("-t", "home/#", "-v") as listening:
                published("-t", "home/kitchen/temperature", "-m", "21.5", "-q", 1, "-r")
                hears(listening, "home/kitchen/temperature 21.5")
            check(run.stop(signal.SIGTERM) == 0, "it ends well")


def a_simulated_node_publishes_by_mqtt_sn():
    with harness.scratch() as folder:
        with Running([harness.causeway(), "run", harness.EXAMPLES / "meters.toml", "--set",
                      f"state={folder}"]) as run:
            eventually(f"it listens\n{run.errors}",
                       lambda: mqtt_servers.reachable(Listener(1885)))
            with subscriber("-p", 1885, "-t", "meters/#", "-v", timeout=150) as listening:
                for node in (1, 6, 12):
                    listening.wait_for(rf"^meters/meter-{node}/power \S", timeout=140)
            check(run.stop() == 0, "it ends well")


if __name__ == "__main__":
    NODE_PEERS = harness.node_peers()
    mqtt_servers.own_network()
    generic = [
        mosquitto_clients_speak_both_versions, mosquitto_sub_finds_what_came_while_it_was_away,
        a_will_is_told_by_mosquitto, paho_speaks_both_versions_over_every_transport,
        mqtt_js_speaks_both_versions_over_every_transport,
        paho_shares_subscriptions_and_asks_questions, mosquitto_rr_gets_its_answer,
        passwords_and_access_are_told_plainly, a_client_certificate_names_the_user,
        a_shared_key_names_the_user, a_unix_socket_serves, a_bridge_carries_both_ways,
        sys_topics_have_the_usual_names
    ]
    # Mosquitto 2.0 drops clients at a reload, and its bridge loses QoS 2 when the other side
    # restarts twice.
    ours = [
        a_reload_drops_nobody_and_never_fails_open, a_bridge_loses_nothing_while_the_other_is_away,
        clients_are_listed_counted_and_sent_away, a_proxy_tells_who_is_behind_it,
        mqtt_sn_clients_reach_everybody, the_example_of_a_broker_serves,
        a_simulated_node_publishes_by_mqtt_sn
    ]
    wanted = [name for name in sys.argv[1:] if name not in ("--server", "mosquitto")]
    harness.main([
        test for test in [*generic, *(ours if OURS else [])]
        if not wanted or test.__name__ in wanted
    ])
