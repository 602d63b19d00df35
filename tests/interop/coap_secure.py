"""The plugtests' rows about DTLS, and rows of the same form about certificates, TCP and TLS, for
which ETSI has none: in the manner of coap_plugtests.py."""
import functools
import pathlib
import subprocess
import tempfile

import coap_wire as wire
import harness
from coap_peers import LARGE, Libcoap, LibcoapServer, Ours, OursServer, Request
from coap_plugtests import METHODS, all_at_once, row, targets
from harness import check

# ETSI's key is "sesame"; our servers want eight octets at least.
IDENTITY, KEY = "password", "sesame, open"
PSK_SUITES, EC_SUITES = {0xC0A8}, {0xC0AE}


def openssl(*argv):
    subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True)


class Keys:
    """Authorities, certificates and raw keys, once for a whole run."""
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.ca = self.authority("ca")
        self.stranger = self.authority("stranger")
        self.server = self.issue("server", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        self.client = self.issue("client", "extendedKeyUsage=clientAuth")
        self.expired = self.issue("expired",
                                  "subjectAltName=IP:127.0.0.1,DNS:localhost",
                                  days=("-not_before", "20200101000000Z", "-not_after",
                                        "20210101000000Z"))
        self.elsewhere = self.issue("elsewhere", "subjectAltName=DNS:elsewhere.example")
        self.strangers = self.issue("strangers", "extendedKeyUsage=clientAuth", by="stranger")
        for name in ("here", "there", "other"):
            self.raw(name)

    def key(self, name):
        path = self.folder / f"{name}.key"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
        return path

    def authority(self, name):
        path = self.folder / f"{name}.pem"
        openssl("req", "-x509", "-new", "-key", self.key(name), "-subj", f"/CN={name}", "-days",
                "2", "-out", path)
        return path

    def issue(self, name, extension, days=None, by="ca"):
        """(certificate, key)"""
        key, request = self.key(name), self.folder / f"{name}.csr"
        path, more = self.folder / f"{name}.pem", self.folder / f"{name}.ext"
        openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
        more.write_text(extension + "\n")
        signed = [
            "x509", "-req", "-in", request, "-CA", self.folder / f"{by}.pem", "-CAkey",
            self.folder / f"{by}.key", "-CAcreateserial", "-extfile", more, "-out", path
        ]
        if days:
            self._dated(name, request, path, extension, days)
        else:
            openssl(*signed, "-days", "2")
        return path, key

    def _dated(self, name, request, path, extension, days):
        """openssl x509 has no dates before 3.4, openssl ca always had."""
        home = self.folder / f"{name}.ca"
        home.mkdir()
        (home / "index.txt").write_text("")
        (home / "serial").write_text("77\n")
        (home / "conf").write_text(
            f"[ca]\ndefault_ca=x\n[x]\ndatabase={home}/index.txt\nserial={home}/serial\n"
            f"new_certs_dir={home}\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n"
            f"[p]\ncommonName=supplied\n[e]\n{extension}\n")
        openssl("ca", "-batch", "-config", home / "conf", "-in", request, "-cert", self.ca,
                "-keyfile", self.folder / "ca.key", "-startdate", days[1], "-enddate", days[3],
                "-out", path, "-notext")

    def raw(self, name):
        """A private key, and its public half."""
        openssl("ec", "-in", self.key(name), "-pubout", "-out", self.folder / f"{name}.pub")

    def private(self, name):
        return self.folder / f"{name}.key"

    def public(self, name):
        return self.folder / f"{name}.pub"


MADE = []


def keys():
    """Those of this run; the first to ask is alone."""
    if not MADE:
        folder = tempfile.TemporaryDirectory(prefix="causeway-test-")
        MADE.extend((Keys(folder.name), folder))
    return MADE[0]


class Secure:
    """One mode between a client and a server of which one is ours and the other is libcoap's."""
    def __init__(self, build, ours_serves, scheme="coaps"):
        self.build, self.ours_serves, self.scheme = build, ours_serves, scheme

    def client(self, ours, theirs):
        if self.ours_serves:
            return Libcoap(self.build, self.scheme, theirs)
        return Ours(self.scheme, ours)

    def server(self, ours, theirs):
        if self.ours_serves:
            return OursServer(self.scheme, list(map(str, ours)))
        return LibcoapServer(self.build, self.scheme, list(map(str, theirs)))

    @property
    def path(self):
        return "/secure" if self.ours_serves else "/test"

    def line(self, server, **more):
        if self.scheme == "coaps":
            return wire.Relay(server.port, coap=False, **more)
        return wire.StreamRelay(server.port, coap=self.scheme == "coap+tcp")


def psk(secure, key=KEY):
    return (secure.client(("-u", IDENTITY, "-k", key), ("-u", IDENTITY, "-k", key)),
            secure.server(("-u", IDENTITY, "-k", KEY), ("-h", "hint", "-k", KEY)))


def rpk(secure, clients="there", servers="here", known_to_client="here", known_to_server="there"):
    made = keys()
    return (secure.client(("-M", made.private(clients), "--peer-key", made.public(known_to_client)),
                          ("-M", made.private(clients))),
            secure.server(("-M", made.private(servers), "--peer-key", made.public(known_to_server)),
                          ("-M", made.private(servers))))


def pki(secure, servers=None, clients=None, trusts=None, asks=False, trusted_clients=None):
    made = keys()
    certificate, key = servers or made.server
    mine = ["-c", clients[0], "-j", clients[1]] if clients else []
    trust = ["-C", trusted_clients or made.ca] if asks else []
    return (secure.client([*mine, "-C", trusts or made.ca], [*mine, "-R", trusts or made.ca]),
            secure.server(["-c", certificate, "-j", key, *trust],
                          ["-c", certificate, "-j", key, *(trust or ["-n"])]))


def gets(secure, client, server, suites=None, **losses):
    """A GET is answered; the suite is one of these."""
    with server, secure.line(server, **losses) as line:
        shown = client.ask(line.port, Request("GET", secure.path))
        check(shown, f"nothing is shown: {client.said}\n{line}")
        if suites:
            offered = set(wire.offered_ciphers(line.handshake("client", "ClientHello")[-1]))
            chosen = wire.chosen_cipher(line.handshake("server", "ServerHello")[-1])
            # libcoap's client offers everything else first, and is given what it likes best.
            check(offered & suites and (chosen in suites or secure.ours_serves),
                  f"offered {sorted(map(hex, offered))}, chosen {chosen:#x}")
        if secure.scheme == "coaps":
            check("Finished" in line.names("client") and "Finished" in line.names("server"),
                  f"both have finished\n{line}")
        return shown, line


def tells_so(client):
    """Ours ends with 1 and a reason; libcoap's says nothing unless asked to be verbose."""
    return isinstance(client, Libcoap) or client.status == 1 and "causeway: " in client.said


def refused(secure, client, server, alerts):
    """Nothing is shown, and the wire bears one of these alerts."""
    with server, secure.line(server) as line:
        shown = client.ask(line.port, Request("GET", secure.path), timeout=4)
        check(not shown and tells_so(client), f"{shown!r}, {client.said!r}\n{line}")
        seen = {
            name
            for who in ("client", "server") for name in line.names(who) if name.startswith("Alert")
        }
        check("Data" not in line.names("server"), f"no data for it\n{line}")
        check(not alerts or seen & {f"Alert {alert}"
                                    for alert in alerts}, f"{seen} has none of {alerts}\n{line}")


def each_once(secure, make, names):
    """Every flight of the handshake is lost once, each in a handshake of its own."""
    def lost(who, name):
        gone = []

        def loses(said):
            if not gone and said.who == who and name in [
                    record.name for record in wire.records(said.octets)
            ]:
                gone.append(said)
            return bool(gone) and said is gone[0]

        client, server = make()
        _, line = gets(secure, client, server, loses=loses)
        check(gone, f"no {name} of the {who} was lost\n{line}")
        again = [
            one for one in line.said if one.who == who and not one.lost and
            name in [record.name for record in wire.records(one.octets)]
        ]
        check(again, f"{name} is sent again\n{line}")

    all_at_once(*[functools.partial(lost, *one) for one in names])


@row("TD_COAP_DTLS_01")
def dtls_01(secure):
    gets(secure, *psk(secure), PSK_SUITES)


@row("TD_COAP_DTLS_02")
def dtls_02(secure):
    refused(secure, *psk(secure, "another one"), ())


@row("TD_COAP_DTLS_03")
def dtls_03(secure):
    each_once(secure, lambda: psk(secure), [("client", "ClientHello"), ("server", "ServerHello"),
                                            ("client", "ClientKeyExchange"),
                                            ("server", "Finished")])


@row("TD_COAP_DTLS_04")
def dtls_04(secure):
    gets(secure, *rpk(secure), EC_SUITES)


@row("TD_COAP_DTLS_05")
def dtls_05(secure):
    refused(secure, *rpk(secure, known_to_client="other"), ())


@row("TD_COAP_DTLS_06")
def dtls_06(secure):
    refused(secure, *rpk(secure, known_to_server="other"), ())


@row("TD_COAP_DTLS_07")
def dtls_07(secure):
    each_once(secure, lambda: rpk(secure), [("client", "ClientHello"), ("server", "ServerHello"),
                                            ("client", "Certificate"), ("server", "Finished")])


@row("PKI_01")
def pki_01(secure):
    gets(secure, *pki(secure))


@row("PKI_02")
def pki_02(secure):
    gets(secure, *pki(secure, clients=keys().client, asks=True))


@row("PKI_03")
def pki_03(secure):
    refused(secure, *pki(secure, trusts=keys().stranger), ())


@row("PKI_04")
def pki_04(secure):
    refused(secure, *pki(secure, clients=keys().strangers, asks=True), ())


@row("PKI_05")
def pki_05(secure):
    refused(secure, *pki(secure, servers=keys().expired), ())


@row("PKI_06")
def pki_06(secure):
    refused(secure, *pki(secure, servers=keys().elsewhere), ())


@row("PKI_07")
def pki_07(secure):
    refused(secure, *pki(secure, clients=keys().expired, asks=True), ())


# ---- streams


def settings_first(line):
    """Both begin with their capabilities. [RFC 8323 §5.3]"""
    for who in ("client", "server"):
        said = line.messages(who)
        check(said and said[0].code == "7.01", f"the {who} begins with its CSM\n{line}")


def stream_pair(secure):
    client, server = secure.client((), ()), secure.server((), ())
    return client, server


def stream_ask(client, line, method, path, **more):
    shown = client.ask(line.port, Request(method, path, **more))
    request = line.messages("client", METHODS[method])[-1]
    answers = [
        m for m in line.messages("server") if m.token == request.token and m.code[0] in "245"
    ]
    check(answers, f"a response\n{line}")
    check(client.said is not None and shown == answers[-1].payload or len(answers) > 1,
          f"{shown!r} is shown\n{line}")
    return shown, request, answers[-1]


@row("TCP_01")
def tcp_01(secure):
    client, server = stream_pair(secure)
    with server, secure.line(server) as line:
        shown, _, answer = stream_ask(client, line, "GET", "/test")
        settings_first(line)
        check(answer.code == "2.05" and shown, f"{answer}")


@row("TCP_02")
def tcp_02(secure):
    client, server = stream_pair(secure)
    with server:
        for method, codes, more in (("PUT", ("2.01", "2.04"), {
                "payload": b"x",
                "form": 0
        }), ("POST", ("2.01", "2.04"), {
                "payload": b"x",
                "form": 0
        }), ("DELETE", ("2.02", ), {})):
            with secure.line(server) as line:
                _, request, answer = stream_ask(client, line, method, "/test", **more)
                check(answer.code in codes and request.payload == more.get("payload", b""),
                      f"{request} {answer}")


@row("TCP_03")
def tcp_03(secure):
    client, server = stream_pair(secure)
    path = server.at("large")[0]
    with server, secure.line(server) as line:
        shown = client.ask(line.port, Request("GET", path))
        pieces = [m.payload for m in line.messages("server", "2.05")]
        check(len(shown) > 1400 and b"".join(pieces) == shown, f"{len(shown)} octets\n{line}")


@row("TCP_04")
def tcp_04(secure):
    client, server = stream_pair(secure)
    path, body = server.at("large-update")[0], LARGE.encode() * 3
    with server:
        with secure.line(server) as line:
            client.ask(line.port, Request("PUT", path, payload=body, form=0))
            pieces = [m.payload for m in line.messages("client", "0.03")]
            check(b"".join(pieces) == body, f"all of it\n{line}")
            check(line.messages("server")[-1].code in ("2.04", "2.01"), f"{line}")
        with secure.line(server) as line:
            check(client.ask(line.port, Request("GET", path)) == body, f"all comes back\n{line}")


@row("TCP_05")
def tcp_05(secure):
    client, server = stream_pair(secure)
    path = server.at("obs")[0]
    with server, secure.line(server) as line:
        with client.watch(line.port, Request("GET", path), client.cancels_after) as run:
            line.wait(
                lambda: len(line.messages("server", "2.05", where=lambda m: m.has("Observe"))) >= 3,
                "notifications")
            run.wait(line.messages("server", "2.05")[1].payload.decode())
            if client.cancels_after is None:
                run.cancel()
            last = line.wait(
                lambda: line.messages("client", "0.01", where=lambda m: m.uint("Observe") == 1),
                "a cancellation")[0]
            line.wait(
                lambda: line.messages("server",
                                      "2.05",
                                      where=lambda m: m.token == last.token and not m.has("Observe")
                                      ), "its answer")


@row("TCP_06")
def tcp_06(secure):
    client, server = stream_pair(secure)
    with server, secure.line(server) as line:
        shown = client.ask(line.port, Request("GET", "/.well-known/core"))
        check(set(targets(shown)) >= server.linked, f"{shown!r}")


@row("TCP_07")
def tcp_07(secure):
    client, server = stream_pair(secure)
    with server, secure.line(server) as line:
        if isinstance(client, Ours):
            done = subprocess.run([
                harness.causeway(), "coap", "ping", "-c", "2", "-i", "0.1",
                f"coap+tcp://{wire.HOST}:{line.port}"
            ],
                                  capture_output=True,
                                  timeout=30)
            check(b"2 answered" in done.stdout, f"{done.stdout}{done.stderr}\n{line}")
        else:
            subprocess.run([
                *client.program, "-K", "1", "-B", "10",
                f"coap+tcp://{wire.HOST}:{line.port}/separate"
            ],
                           capture_output=True,
                           timeout=30)
        pings, pongs = line.messages("client", "7.02"), line.messages("server", "7.03")
        # libcoap's server forgets the token.
        check(
            pings and pongs and pongs[0].token
            in (pings[0].token, b"" if server.name.startswith("libcoap") else pings[0].token),
            f"ping and pong\n{line}")


@row("TLS_01")
def tls_01(secure):
    gets(secure, *psk(secure))


@row("TLS_02")
def tls_02(secure):
    gets(secure, *pki(secure))


@row("TLS_03")
def tls_03(secure):
    gets(secure, *pki(secure, clients=keys().client, asks=True))


def tls_refused(secure, client, server):
    with server, secure.line(server) as line:
        shown = client.ask(line.port, Request("GET", secure.path), timeout=4)
        check(not shown and tells_so(client), f"{shown!r}, {client.said!r}")


@row("TLS_04")
def tls_04(secure):
    tls_refused(secure, *psk(secure, "another one"))


@row("TLS_05")
def tls_05(secure):
    tls_refused(secure, *pki(secure, trusts=keys().stranger))


@row("TLS_06")
def tls_06(secure):
    tls_refused(secure, *pki(secure, servers=keys().expired))


def scheme_of(identifier):
    """The transport that a row is about."""
    for prefix, scheme in (("TD_COAP_DTLS", "coaps"), ("PKI", "coaps"), ("TCP", "coap+tcp"),
                           ("TLS", "coaps+tcp")):
        if identifier.startswith(prefix):
            return scheme
    return "coap"
