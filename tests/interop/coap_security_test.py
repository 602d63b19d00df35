#!/usr/bin/env python3
"""Security of CoAP from end to end: the gateway's resources in all modes of DTLS, over TLS,
WebSocket and OSCORE; what is forged, replayed, expired or unknown is refused, and counted; HTTP on
either side; a reverse proxy; and nodes of a mesh behind the border router. Peers are libcoap's
clients."""
import contextlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import coap_peers
import coap_wire as wire
import harness
import mqtt_servers
from coap_peers import Libcoap, Ours, OursServer, Request
from coap_plugtests import Pair, simple
from coap_secure import IDENTITY, KEY, keys
from coap_wire import HOST, NUMBERS
from harness import Running, check, eventually

harness.need("coap-client-notls", "coap-client-gnutls", "coap-client-openssl", "openssl", "ip")

# An address that is no loopback address, so that nobody is believed to have it.
OUTSIDE = "192.0.2.1"
UDP = TCP = 25801
WEB, DTLS, TLS, WEB_TLS, HTTP, REST, RAW = range(25802, 25809)
SECRET = 'master_secret = "0102030405060708090a0b0c0d0e0f10"\nmaster_salt = "9e7ca92223786340"\n'

SITE = f"""name = "gate"
state = "state"
[coap]
listen = ["coap://{HOST}:{UDP}", "coap+tcp://{HOST}:{TCP}", "coap+ws://{HOST}:{WEB}",
          "coap://{OUTSIDE}:{UDP}"]
proxy_to = "loopback"
[[coap.listener]]
listen = "coaps://{HOST}:{DTLS}"
certificate = "@server.pem"
key = "@server.key"
client_ca = "@ca"
psk_file = "psk"
raw_key = "@here"
pinned_keys = ["@there"]
@clients
[[coap.listener]]
listen = "coaps://{HOST}:{RAW}"
raw_key = "@here"
pinned_keys = ["@there"]
client_certificate_required = true
[[coap.listener]]
listen = "coaps+tcp://{HOST}:{TLS}"
certificate = "@server.pem"
key = "@server.key"
psk_file = "psk"
[[coap.listener]]
listen = "coaps+ws://{HOST}:{WEB_TLS}"
certificate = "@server.pem"
key = "@server.key"
[[coap.oscore]]
name = "tool"
keys = "gateway.oscore"
[management]
listen = "{HOST}:{REST}"
@more"""


def secret(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


class Gateway:
    """`causeway run` with a site file of its own."""
    def __init__(self, folder, more="", only_certificates=False, site=SITE):
        made = keys()
        self.folder = folder
        secret(folder / "psk", f"{IDENTITY}:{KEY.encode().hex()}\n")
        secret(folder / "gateway.oscore", SECRET + 'sender_id = "01"\nrecipient_id = ""\n')
        self.oscore = secret(folder / "client.oscore",
                             SECRET + 'sender_id = ""\nrecipient_id = "01"\n')
        text = site
        for name, value in (("@server", made.folder / "server"), ("@ca", made.ca),
                            ("@here", made.private("here")), ("@there", made.public("there")),
                            ("@clients",
                             "client_certificate_required = true" if only_certificates else ""),
                            ("@more", more)):
            text = text.replace(name, str(value))
        (folder / "site.toml").write_text(text)

    def start(self):
        self.run = Running([harness.causeway(), "run", self.folder / "site.toml", "--for", "300s"],
                           cwd=self.folder)
        self.run.wait_for(rf"management on {HOST}", timeout=30)

    def crash(self):
        self.run.process.kill()
        self.run.process.wait()

    def counted(self):
        with urllib.request.urlopen(f"http://{HOST}:{REST}/coap/stats", timeout=10) as answer:
            return json.load(answer)

    def count(self, group, name):
        return self.counted()[group][name]

    @contextlib.contextmanager
    def grows(self, *names, by=1):
        """Each of these counters grows by as much at least while the body runs."""
        before = self.counted()
        yield before

        def missing():
            now = self.counted()
            return [
                f"{group}.{name}" for group, name in (one.split(".") for one in names)
                if now[group][name] < before[group][name] + by
            ]

        eventually(f"{names} grow: {missing()}", lambda: not missing(), 5)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.run.__exit__(*exc)


def answers(client, port, path="/status"):
    """What the client shows of the gateway's resources."""
    status = client.ask(port, Request("GET", path), timeout=10)
    check(b'"name":"gate"' in status, f"{client.name} {client.scheme}: {status!r} {client.said}")
    links = client.ask(port, Request("GET", "/.well-known/core"), timeout=10)
    check(b"</status>" in links, f"{client.name} {client.scheme}: {links!r} {client.said}")


def every_mode_reaches_the_gateways_resources():
    made = keys()
    psk = ("-u", IDENTITY, "-k", KEY)
    certificate, key = made.client
    with harness.scratch() as folder, Gateway(folder):
        answers(Ours(), UDP)
        answers(Libcoap(), UDP)
        for build in ("notls", "gnutls", "openssl"):
            answers(Libcoap(build, "coap+tcp"), TCP)
        answers(Ours("coap+tcp"), TCP)
        answers(Ours("coap+ws"), WEB)
        with_certificate = ("-C", made.ca, "-c", certificate, "-j", key)
        for scheme, port in (("coaps", DTLS), ("coaps+tcp", TLS)):
            answers(Ours(scheme, psk), port)
            answers(Ours(scheme, ("-C", made.ca)), port)
            for build in ("gnutls", "openssl"):
                answers(Libcoap(build, scheme, psk), port)
                answers(Libcoap(build, scheme, ("-R", made.ca)), port)
        answers(Ours("coaps", with_certificate), DTLS)
        answers(Libcoap("gnutls", "coaps", ("-R", made.ca, "-c", certificate, "-j", key)), DTLS)
        answers(Ours("coaps", ("-M", made.private("there"), "--peer-key", made.public("here"))),
                DTLS)
        # Where there are both, it is shown the certificate: that stands first in its list.
        answers(Libcoap("gnutls", "coaps", ("-M", made.private("there"))), RAW)
        answers(Ours("coaps+ws", ("-C", made.ca)), WEB_TLS)
        answers(Ours("coap", ("--oscore", folder / "client.oscore")), UDP)
        answers(Ours("coap+tcp", ("--oscore", folder / "client.oscore")), TCP)


def nothing_comes(client, port):
    with wire.Relay(port, coap=False) as line:
        shown = client.ask(line.port, Request("GET", "/status"), timeout=4)
        check(not shown and "Data" not in line.names("server"), f"{shown!r}\n{line}")
        return line


def alerts(line, who):
    return [name.removeprefix("Alert ") for name in line.names(who) if name.startswith("Alert")]


def a_wrong_key_is_refused_and_counted():
    with harness.scratch() as folder, Gateway(folder) as gateway:
        for client in (Ours("coaps", ("-u", IDENTITY, "-k", "another one")),
                       Libcoap("gnutls", "coaps", ("-u", IDENTITY, "-k", "another one")),
                       Libcoap("openssl", "coaps", ("-u", IDENTITY, "-k", "another one"))):
            with gateway.grows("dtls.wrong_key"):
                nothing_comes(client, DTLS)
        with gateway.grows("dtls.wrong_key"):
            nothing_comes(Ours("coaps", ("-u", "nobody", "-k", KEY)), DTLS)
        before = gateway.counted()["streams"]["handshake_failed"]
        check(
            not Ours("coaps+tcp", ("-u", IDENTITY, "-k", "another one")).ask(
                TLS, Request("GET", "/status"), timeout=4), "nor over TLS")
        eventually("it is counted", lambda: gateway.count("streams", "handshake_failed") > before,
                   5)
        check(
            gateway.count("dtls", "sessions") == 0 and gateway.count("dtls", "half_open") == 0,
            f"nothing stays: {gateway.counted()['dtls']}")


def certificates_and_raw_keys_that_do_not_hold_are_refused_and_counted():
    made = keys()
    with harness.scratch() as folder, Gateway(folder, only_certificates=True) as gateway:
        # GnuTLS's clients keep a certificate to themselves that is of no authority the server
        # names.
        for (certificate, key), wanted in ((made.expired, ("certificate_expired", )),
                                           (made.strangers, ("unknown_ca", "handshake_failure"))):
            for client in (Ours("coaps", ("-C", made.ca, "-c", certificate, "-j", key)),
                           Libcoap("gnutls", "coaps",
                                   ("-R", made.ca, "-c", certificate, "-j", key)),
                           Libcoap("openssl", "coaps",
                                   ("-R", made.ca, "-c", certificate, "-j", key))):
                with gateway.grows("dtls.certificate_refused"):
                    line = nothing_comes(client, DTLS)
                check(
                    set(alerts(line, "server")) & {*wanted, "bad_certificate"},
                    f"{client.name}: {alerts(line, 'server')} for {wanted}\n{line}")
        unpinned = ("-M", made.private("other"), "--peer-key", made.public("here"))
        for client, port in ((Ours("coaps", unpinned), DTLS), (Ours("coaps", unpinned), RAW),
                             (Libcoap("gnutls", "coaps", ("-M", made.private("other"))), RAW)):
            with gateway.grows("dtls.key_refused"):
                line = nothing_comes(client, port)
            check(alerts(line, "server"), f"an alert\n{line}")
        # The other way round it is the client that refuses.
        line = nothing_comes(Ours("coaps", ("-C", made.stranger)), DTLS)
        check("unknown_ca" in alerts(line, "client"), f"{alerts(line, 'client')}\n{line}")
        line = nothing_comes(
            Ours("coaps", ("-M", made.private("there"), "--peer-key", made.public("other"))), DTLS)
        check(alerts(line, "client"), f"an alert\n{line}")


def a_replayed_record_is_dropped_and_counted():
    def repeats(said):
        return 3 if said.who == "client" and any(record.name == "Data"
                                                 for record in wire.records(said.octets)) else 0

    with harness.scratch() as folder, Gateway(folder) as gateway:
        before = gateway.counted()
        with wire.Relay(DTLS, coap=False, repeats=repeats) as line:
            client = Ours("coaps", ("-u", IDENTITY, "-k", KEY))
            check(client.ask(line.port, Request("GET", "/status")), f"{client.said}")
            data = line.names("server").count("Data")
        after = eventually(
            "it is counted", lambda: gateway.counted() if gateway.count("dtls", "records_replayed")
            >= before["dtls"]["records_replayed"] + 3 else None, 5)
        check(after["endpoint"]["requests"] == before["endpoint"]["requests"] + 1,
              "one request was seen")
        check(data == 1, f"one answer: {data}\n{line}")


def answered_from_elsewhere(octets):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as spoofed:
        spoofed.connect((HOST, DTLS))
        spoofed.settimeout(5)
        spoofed.send(octets)
        return spoofed.recv(2000)


def a_client_hello_from_anywhere_makes_no_state():
    with harness.scratch() as folder, Gateway(folder) as gateway:
        # The relay stays, so that nobody else gets the port that its cookie was for.
        with wire.Relay(DTLS, coap=False) as line:
            check(
                Ours("coaps", ("-u", IDENTITY, "-k", KEY)).ask(line.port, Request("GET",
                                                                                  "/status")),
                "a good one")
            hellos = [
                octets for octets in said_by(line, "client")
                if "ClientHello" in [record.name for record in wire.records(octets)]
            ]
            check(len(hellos) == 2, "one without and one with a cookie")
            eventually("it has gone", lambda: gateway.count("dtls", "sessions") == 0, 5)
            before = gateway.counted()["dtls"]
            for octets, counter in ((hellos[0], "cookies_sent"), (hellos[1], "cookie_bad")):
                for _ in range(50):
                    reply = answered_from_elsewhere(octets)
                    check([record.name for record in wire.records(reply)] == ["HelloVerifyRequest"],
                          f"{counter}: not {wire.records(reply)}")
                    check(len(reply) < len(octets), f"{len(reply)} octets for {len(octets)}")
                now = gateway.counted()["dtls"]
                check(now[counter] >= before[counter] + 50, f"{counter}: {now}")
            check(
                now["handshakes_started"] == before["handshakes_started"] and
                not now["half_open"] and not now["sessions"], f"no state: {now}")


def said_by(line, who):
    return [one.octets for one in line.said if one.who == who]


def told(port, octets, host=HOST, seconds=1.5):
    """What a datagram is answered by; None for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect((host, port))
        sender.settimeout(seconds)
        sender.send(octets)
        with contextlib.suppress(TimeoutError):
            return wire.parse(sender.recv(2000))
    return None


def with_new_id(octets, number):
    return octets[:2] + number.to_bytes(2, "big") + octets[4:]


def a_recorded_oscore_request_never_runs_again():
    # [RFC 8613 §7.4, §8.2, B.1.2]
    with harness.scratch() as folder, Gateway(folder) as gateway:
        client = Ours("coap", ("--oscore", folder / "client.oscore"))
        with wire.Relay(UDP) as line:
            check(b"gate" in client.ask(line.port, Request("GET", "/status")), client.said)
            recorded = said_by(line, "client")[0]
            check(line.messages("client")[0].has("OSCORE"), f"it is protected\n{line}")
        opened = gateway.count("oscore", "requests_opened")
        with gateway.grows("oscore.replayed"):
            answer = told(UDP, with_new_id(recorded, 7))
        check(answer is None or answer.code == "4.01", f"{answer}")
        check(gateway.count("oscore", "requests_opened") == opened, "it was not opened")

        # Without its memory the gateway wants to see that a request is fresh, before it does
        # anything.
        gateway.crash()
        gateway.start()
        with gateway.grows("oscore.echo_asked"):
            answer = told(UDP, with_new_id(recorded, 8))
        check(answer is not None and answer.has("OSCORE") and answer.payload, f"{answer}")
        with gateway.grows("oscore.echo_asked"), wire.Relay(UDP) as line:
            check(b"gate" in client.ask(line.port, Request("GET", "/status")), client.said)
            requests = [
                one.octets for one in line.said if one.who == "client" and one.message.is_request()
            ]
            check(len(requests) == 2, f"once more, with the Echo\n{line}")
        check(gateway.count("oscore", "windows_synchronised") == 1, "and then they are at one")
        with gateway.grows("oscore.replayed"):
            answer = told(UDP, with_new_id(requests[1], 9))
        check(answer is None or answer.code == "4.01", f"{answer}")

        # The Echo of another life is stale.
        gateway.crash()
        gateway.start()
        with gateway.grows("oscore.echo_stale"):
            answer = told(UDP, with_new_id(requests[1], 10))
        check(answer is not None and answer.has("OSCORE"), f"{answer}")
        check(b"gate" in client.ask(UDP, Request("GET", "/status")), client.said)


def other_contexts_are_refused_and_counted():
    with harness.scratch() as folder, Gateway(folder) as gateway:
        wrong = secret(folder / "wrong.oscore",
                       SECRET.replace("0102", "0202") + 'sender_id = ""\nrecipient_id = "01"\n')
        unknown = secret(folder / "unknown.oscore",
                         SECRET + 'sender_id = "55"\nrecipient_id = "01"\n')
        for path, counter, code in ((wrong, "undecryptable", "4.00"), (unknown, "context_unknown",
                                                                       "4.01")):
            with gateway.grows(f"oscore.{counter}"), wire.Relay(UDP) as line:
                shown = Ours("coap", ("--oscore", path)).ask(line.port,
                                                             Request("GET", "/status"),
                                                             timeout=3)
                check(not shown, f"{shown!r}")
                check([m.code for m in line.messages("server")][:1] == [code], f"{code}\n{line}")


def nobody_gets_three_times_what_an_unproven_address_has_sent():
    # [RFC 9175 §2.4]
    with harness.scratch() as folder, Gateway(folder) as gateway:
        with gateway.grows("endpoint.echoes_asked"):
            request = wire.emit(
                wire.Message("0.01", wire.NON, 77, b"t", [(NUMBERS["Uri-Path"], b".well-known"),
                                                          (NUMBERS["Uri-Path"], b"core")]))
            answer = told(UDP, request, OUTSIDE)
        check(answer.code == "4.01" and answer.has("Echo"), f"{answer}")
        check(len(wire.emit(answer)) < 3 * len(request), f"{answer}")
        with gateway.grows("endpoint.echoes_verified"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talk:
                talk.connect((OUTSIDE, UDP))
                talk.settimeout(5)
                talk.send(request)
                echo = wire.parse(talk.recv(2000)).one("Echo")
                again = wire.parse(request)
                again.id, again.options = 78, [*again.options, (NUMBERS["Echo"], echo)]
                talk.send(wire.emit(again))
                answer = wire.parse(talk.recv(2000))
        check(answer.code == "2.05" and b"</status>" in answer.payload, f"{answer}")
        with gateway.grows("endpoint.echoes_stale"):
            again.options[-1] = (NUMBERS["Echo"], b"\0" * len(echo))
            again.id = 79
            check(
                told(UDP, wire.emit(again), OUTSIDE).code == "4.01", "an Echo of one's own making")
        done = subprocess.run(
            [harness.causeway(), "coap", "get", f"coap://{OUTSIDE}:{UDP}/.well-known/core"],
            capture_output=True,
            timeout=20)
        check(b"</status>" in done.stdout, f"our client repeats it: {done.stderr}")


def fetched_by_http(path, method="GET", body=None, headers=(), port=HTTP):
    request = urllib.request.Request(f"http://{HOST}:{port}{path}",
                                     data=body,
                                     method=method,
                                     headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


def http_clients_reach_coap_servers():
    # [RFC 8075 §5.3, §6.1, §7]
    more = f'[coap.http]\nlisten = "{HOST}:{HTTP}"\n'
    with harness.scratch() as folder, Gateway(folder, more) as gateway, \
            OursServer(period=0.5) as server:
        base = f"/hc/coap://{HOST}:{server.port}"
        status, headers, body = fetched_by_http(f"/hc/coap://{HOST}:{UDP}/status")
        check(
            status == 200 and headers["content-type"] == "application/json" and
            json.loads(body)["name"] == "gate", f"{status} {headers} {body}")
        for path, wanted in (("/test", 200), ("/none", 404), ("/secure", 403)):
            status, headers, body = fetched_by_http(base + path)
            check(status == wanted, f"{path}: {status} {body}")
        status, headers, body = fetched_by_http(base + "/multi-format",
                                                headers={"Accept": "application/xml"})
        check(headers["content-type"].startswith("application/xml") and body.startswith(b"<text"),
              f"{headers} {body}")
        status, headers, body = fetched_by_http(base + "/validate")
        tag = headers["etag"]
        check(tag and body == b"with an entity-tag", f"{headers} {body}")
        status, _, body = fetched_by_http(base + "/validate", headers={"If-None-Match": tag})
        check(status == 304 and not body, f"{status} {body}")
        large = coap_peers.LARGE.encode()
        status, _, body = fetched_by_http(base + "/create1", "PUT", large,
                                          {"Content-Type": "text/plain"})
        check(status == 201, f"{status} {body}")
        check(fetched_by_http(base + "/create1")[2] == large, "a large body both ways")
        status, _, _ = fetched_by_http(base + "/create1", "DELETE")
        check(status in (200, 204), f"{status}")
        status, headers, _ = fetched_by_http(base + "/location-path", "POST", b"x",
                                             {"Content-Type": "text/plain"})
        check(status == 201 and headers["location"].endswith("/location1/location2/location3"),
              f"{status} {headers}")
        status, _, body = fetched_by_http("/hc/coap://192.0.2.99/x")
        check(status in (403, 502, 504), f"not where it may not go: {status} {body}")
        check(gateway.count("http", "requests") > 8, "they are counted")

        with socket.create_connection((HOST, HTTP), 10) as stream:
            stream.sendall(
                f"GET {base}/obs HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n".encode())
            heard = b""
            deadline = time.monotonic() + 10
            while heard.count(b"data:") < 3 and time.monotonic() < deadline:
                heard += stream.recv(4096)
        check(
            b"text/event-stream" in heard and
            len(set(re.findall(rb"data: ?(obs \d+)", heard))) >= 3, f"{heard}")
        eventually("the observation ends with its client",
                   lambda: gateway.count("http", "pending") == 0, 10)


def a_token_guards_the_way_from_http():
    more = f'[coap.http]\nlisten = "{HOST}:{HTTP}"\ntoken_file = "token"\n'
    with harness.scratch() as folder:
        secret(folder / "token", "a-long-enough-token-0123456789\n")
        with Gateway(folder, more):
            path = f"/hc/coap://{HOST}:{UDP}/status"
            check(fetched_by_http(path)[0] == 401, "who has none")
            check(
                fetched_by_http(path, headers={"Authorization": "Bearer no"})[0] == 401,
                "a wrong one")
            check(
                fetched_by_http(path,
                                headers={"Authorization":
                                         "Bearer a-long-enough-token-0123456789"})[0] == 200,
                "the right one")


class Page(http.server.BaseHTTPRequestHandler):
    seen = []

    def answer(self, status, body=b"", kind="application/json", more=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.seen.append(("GET", self.path, b""))
        if self.path == "/none":
            return self.answer(404)
        self.answer(200, b'{"from":"http"}', more=[("Cache-Control", "max-age=60")])

    def do_PUT(self):
        self.seen.append(("PUT", self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(204)

    def log_message(self, *what):
        """Not here."""


def coap_clients_reach_http_servers():
    # [RFC 7252 §10.1]
    more = f'[coap.http]\nlisten = "{HOST}:{HTTP}"\nfetch = true\n'
    with harness.scratch() as folder, Gateway(folder, more), \
            http.server.ThreadingHTTPServer((HOST, 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            Page.seen.clear()
            base = f"http://{HOST}:{server.server_address[1]}"

            def fetch(code, path, payload=b"", more=()):
                return coap_peers.raw(UDP, code, "/", payload,
                                      [(NUMBERS["Proxy-Uri"], (base + path).encode()), *more])

            answer = fetch("0.01", "/a?b=c")
            check(
                answer.code == "2.05" and answer.payload == b'{"from":"http"}' and
                answer.uint("Content-Format") == 50, f"{answer}")
            check(Page.seen == [("GET", "/a?b=c", b"")], f"{Page.seen}")
            check(
                fetch("0.01", "/a?b=c").payload == answer.payload and len(Page.seen) == 1,
                f"it is kept for its max-age: {Page.seen}")
            check(fetch("0.01", "/none").code == "4.04", "404 is 4.04")
            answer = fetch("0.03", "/put", b"hello", [(NUMBERS["Content-Format"], b"")])
            check(answer.code == "2.04" and Page.seen[-1] == ("PUT", "/put", b"hello"),
                  f"{answer} {Page.seen}")
            done = subprocess.run([
                "coap-client-notls", "-B", "10", "-P", f"coap://{HOST}:{UDP}",
                f"coap://{HOST}:{UDP}/status"
            ],
                                  capture_output=True,
                                  timeout=30)
            check(b"gate" in done.stdout, f"a loop of one is no loop: {done}")
        finally:
            server.shutdown()
    with harness.scratch() as folder, Gateway(folder):
        answer = coap_peers.raw(UDP,
                                "0.01",
                                "/",
                                options=[(NUMBERS["Proxy-Uri"], f"http://{HOST}:1/".encode())])
        check(answer.code == "5.05", f"without fetch: {answer}")


class Plant(OursServer):
    """What the gateway stands for."""
    def at(self, name):
        return f"/plant/{name}", []


def a_reverse_proxy_does_what_the_first_plugtests_asked():
    """TD_COAP_CORE_24 to 29 of early lists."""
    with OursServer() as server, wire.Relay(server.port) as behind, harness.scratch() as folder:
        more = f'[[coap.reverse]]\npath = "/plant"\ntarget = "coap://{HOST}:{behind.port}"\n'
        with Gateway(folder, more):
            plant = Plant()
            plant.port = UDP
            pair, ours = Pair(Libcoap(), plant), Pair(Ours(), plant)
            for one in (pair, ours):
                # 24, 25
                talk = simple(one,
                              "POST",
                              True, ("2.01", ),
                              name="location-path",
                              payload=b"x",
                              form=0)
                check(
                    talk.response.texts("Location-Path")[-3:] == [
                        "location1", "location2", "location3"
                    ], f"{talk.line}")
                talk = simple(one,
                              "POST",
                              True, ("2.01", ),
                              name="location-query",
                              payload=b"x",
                              form=0)
                check(
                    talk.response.texts("Location-Query") == ["first=1", "second=2"],
                    f"{talk.line}")
                # 26
                for form in (0, 41):
                    talk = simple(one, "GET", True, ("2.05", ), name="multi-format", accept=form)
                    check(talk.response.uint("Content-Format") == form, f"{talk.line}")
                # 27
                tag = simple(one, "GET", True, ("2.05", ), name="validate").response.one("ETag")
                simple(one,
                       "PUT",
                       True, ("2.04", ),
                       name="validate",
                       payload=os.urandom(4).hex().encode(),
                       form=0,
                       if_match=tag)
                simple(one,
                       "PUT",
                       True, ("4.12", ),
                       name="validate",
                       payload=b"stale",
                       form=0,
                       if_match=tag)
                # 28
                name = "create1"
                simple(one, "DELETE", True, ("2.02", ), name=name)
                simple(one,
                       "PUT",
                       True, ("2.01", ),
                       name=name,
                       payload=b"x",
                       form=0,
                       if_none_match=True)
                simple(one,
                       "PUT",
                       True, ("4.12", ),
                       name=name,
                       payload=b"y",
                       form=0,
                       if_none_match=True)
            # 29: /obs is good for five seconds.
            asked = len(behind.messages("client", "0.01"))
            first = simple(pair, "GET", True, ("2.05", ), name="obs")
            second = simple(pair, "GET", True, ("2.05", ), name="obs")
            check(first.shown == second.shown and second.response.uint("Max-Age") <= 5,
                  f"{second.line}")
            check(
                len(behind.messages("client", "0.01")) == asked + 1,
                f"the second is answered by the proxy\n{behind}")


MESH = f"""name = "mesh"
state = "state"
[mesh]
prefix = "fd00:ca5e:2::/64"
[[mesh.nodes]]
count = 3
name = "plain"
layout = "line"
spacing = 40
register = true
[[mesh.nodes.sensors]]
name = "temperature"
[[mesh.nodes]]
name = "locked"
layout = "positions"
positions = [[160, 0]]
register = true
oscore = "node.oscore"
oscore_required = true
[[mesh.nodes.sensors]]
name = "temperature"
[coap]
[uplink]
tun = "causeway7"
[proxy]
listen = "{HOST}:{UDP}"
[management]
listen = "{HOST}:{REST}"
"""


def nodes_answer_in_the_clear_and_under_oscore():
    reading = rb"^-?\d+\.\d+$"

    def shows(*argv, wanted=reading):
        done = subprocess.run([harness.causeway(), "coap", "get", "-B", "40", *map(str, argv)],
                              capture_output=True,
                              timeout=60)
        check(re.search(wanted, done.stdout + done.stderr), f"{argv}: {done}")

    with harness.scratch() as folder:
        secret(folder / "node.oscore", SECRET)
        tool = secret(
            folder / "tool.oscore", SECRET + 'id_context = "0200000000001004"\n'
            'sender_id = "02"\nrecipient_id = "03"\n')
        with Gateway(folder, site=MESH) as gateway:
            gateway.run.wait_for("4 of 4 nodes joined", timeout=90)
            plain, locked = "coap://[fd00:ca5e:2::1001]", "coap://[fd00:ca5e:2::1004]"
            shows(f"{plain}/sensors/temperature")
            shows(f"{locked}/sensors/temperature", wanted=rb"^4\.01 ")
            # Twice: the second goes on behind the first's numbers.
            for _ in range(2):
                shows("--oscore", tool, f"{locked}/sensors/temperature")
            for name in ("plain-1", "plain-3", "locked-4"):
                shows(f"coap://{HOST}:{UDP}/nodes/{name}/sensors/temperature")
                done = subprocess.run([
                    "coap-client-notls", "-B", "40",
                    f"coap://{HOST}:{UDP}/nodes/{name}/sensors/temperature"
                ],
                                      capture_output=True,
                                      timeout=60)
                check(re.search(reading, done.stdout.strip()), f"libcoap, {name}: {done}")
            shows("-P", f"coap://{HOST}:{UDP}", "coap://locked-4/sensors/temperature")
            check(
                gateway.count("oscore", "protected") >= 1,
                f"on the way it is protected: {gateway.counted()['oscore']}")

            def registered():
                links = coap_peers.raw(UDP, "0.01", "/rd-lookup/ep").payload.decode()
                return set(re.findall(r'ep="([^"]+)"',
                                      links)) >= {"plain-1", "plain-2", "plain-3", "locked-4"}

            eventually("all four have registered", registered, 60)
            found = coap_peers.raw(UDP, "0.01", "/rd-lookup/res", query=["ep=plain-2"]).payload
            check(b"<coap://[fd00:ca5e:2::1002]/sensors/temperature>" in found, f"{found}")
            with gateway.grows("endpoint.observers_removed"):
                with Running([
                        "stdbuf", "-oL",
                        harness.causeway(), "coap", "observe", "-B", "60",
                        f"coap://{HOST}:{UDP}/nodes/locked-4/sensors/temperature"
                ]) as run:
                    run.wait_for(reading.decode(), timeout=40)
                    run.stop(signal.SIGINT)


if __name__ == "__main__":
    mqtt_servers.own_network()
    subprocess.run(["ip", "address", "add", f"{OUTSIDE}/32", "dev", "lo"], check=True)
    tests = [
        every_mode_reaches_the_gateways_resources, a_wrong_key_is_refused_and_counted,
        certificates_and_raw_keys_that_do_not_hold_are_refused_and_counted,
        a_replayed_record_is_dropped_and_counted, a_client_hello_from_anywhere_makes_no_state,
        a_recorded_oscore_request_never_runs_again, other_contexts_are_refused_and_counted,
        nobody_gets_three_times_what_an_unproven_address_has_sent, http_clients_reach_coap_servers,
        a_token_guards_the_way_from_http, coap_clients_reach_http_servers,
        a_reverse_proxy_does_what_the_first_plugtests_asked,
        nodes_answer_in_the_clear_and_under_oscore
    ]
    harness.main([test for test in tests if not sys.argv[1:] or test.__name__ in sys.argv[1:]])
