"""CoAP programs as clients and as servers of one and the same kind: ours, libcoap's in its three
builds, and npm's coap. A row of the plugtests is written once and runs with any two of them.

A server's `at` says under which path it has what the plugtests call by a name; a client's `ask` and
`watch` take the plugtests' words for what a request has."""
import contextlib
import itertools
import json
import os
import pathlib
import queue
import signal
import socket
import struct
import subprocess
import threading
import time

import coap_wire as wire
import harness
from coap_wire import HOST, NUMBERS
from harness import check

NPM = pathlib.Path(__file__).resolve().parent / "npm"
LARGE = "".join(f"{line:02}: no single block can hold all of this\n" for line in range(42))
# How often observed resources change, in seconds.
PERIOD = 0.5


def free_port(step=1):
    """A port between 20000 and 32768 that is free for UDP and TCP, and so is the next one."""
    for port in itertools.chain(range(20000 + os.getpid() * 37 % 12000, 32700), range(20000,
                                                                                      32700)):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for one in (port, port + step):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
                    probe.bind((HOST, one))
            with PORTS_LOCK:
                if not PORTS & {port, port + step}:
                    PORTS.update({port, port + step})
                    return port
    raise AssertionError("no port is free")


PORTS, PORTS_LOCK = set(), threading.Lock()
IDS = itertools.count(int(time.time()) & 0x7FFF)


def raw(port, code, path, payload=b"", options=(), query=(), talk=None, timeout=2, attempts=5):
    """One confirmable request from here, past the relays, and the response to it; from the socket
    `talk`, or one of its own."""
    options = [(NUMBERS["Uri-Path"], part.encode()) for part in path.strip("/").split("/") if part
               ] + [(NUMBERS["Uri-Query"], part.encode()) for part in query] + list(options)
    # npm's server wants one token for all blocks of a body.
    token = os.urandom(4) if talk is None else struct.pack("!I", talk.fileno() + 1)
    request = wire.Message(code, wire.CON, next(IDS) & 0xFFFF, token, options, payload)
    with contextlib.ExitStack() as stack:
        talk = talk or stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        talk.connect((HOST, port))
        talk.settimeout(timeout)
        for _ in range(attempts):
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                talk.send(wire.emit(request))
                while True:
                    answer = wire.parse(talk.recv(65536))
                    if answer.token == request.token:
                        return answer
            time.sleep(0.1)
    raise AssertionError(f"no answer from port {port} to {request}")


# ---- what a request has, for any client


class Request:
    def __init__(self,
                 method,
                 path,
                 query=(),
                 payload=b"",
                 form=None,
                 accept=None,
                 con=True,
                 token=None,
                 etag=None,
                 if_match=None,
                 if_none_match=False,
                 block=None):
        self.method, self.path, self.query = method, path, list(query)
        self.payload, self.form, self.accept, self.con = payload, form, accept, con
        self.token, self.etag, self.if_match = token, etag, if_match
        self.if_none_match, self.block = if_none_match, block

    def uri(self, scheme, port):
        query = "?" + "&".join(self.query) if self.query else ""
        return f"{scheme}://{HOST}:{port}{self.path}{query}"

    def flags(self):
        """As libcoap's coap-client and ours take them."""
        argv = ["-m", self.method.lower()]
        argv += [] if self.con else ["-N"]
        argv += ["-A", str(self.accept)] if self.accept is not None else []
        argv += ["-t", str(self.form)] if self.form is not None else []
        argv += ["-T", self.token] if self.token is not None else []
        argv += ["-b", str(self.block)] if self.block else []
        argv += ["-O", f"4,0x{self.etag.hex()}"] if self.etag else []
        argv += ["-O", f"1,0x{self.if_match.hex()}"] if self.if_match else []
        argv += ["-O", "5,"] if self.if_none_match else []
        return argv


class Watch:
    """An observation by a program of its own; what it shows, a line each."""
    def __init__(self, argv):
        self.run = harness.Running(argv)

    def wait(self, pattern, timeout=30):
        return self.run.wait_for(pattern, timeout)

    @property
    def shown(self):
        return list(self.run.lines)

    def cancel(self):
        """The polite way to end it."""
        self.run.stop(signal.SIGINT)

    def drop(self):
        """Its power is cut."""
        self.run.process.kill()
        self.run.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.run.__exit__(*exc)


# ---- clients


class Client:
    """A program that ends with the answer. `ask` gives what it has shown of it."""
    # Where it cannot be told to cancel: it does so after so many seconds.
    cancels_after = None

    def __init__(self, name, program, scheme="coap", credentials=()):
        self.name, self.program, self.scheme = name, program, scheme
        self.credentials = list(map(str, credentials))

    def command(self, request, port, *more):
        return [
            *self.program, *more, *self.credentials, *request.flags(),
            request.uri(self.scheme, port)
        ]

    def ask(self, port, request, timeout=20):
        """What it wrote to its file, and all that it said besides."""
        with harness.scratch() as folder:
            if request.payload:
                (folder / "payload").write_bytes(request.payload)
            argv = self.command(request, port, "-B", str(timeout), "-o", str(folder / "shown"),
                                *(["-f", str(folder / "payload")] if request.payload else []))
            done = subprocess.run(argv,
                                  capture_output=True,
                                  timeout=timeout + 20,
                                  stdin=subprocess.DEVNULL)
            shown = folder / "shown"
            self.status, self.said = done.returncode, (done.stdout +
                                                       done.stderr).decode(errors="replace")
            return shown.read_bytes() if shown.exists() else b""


class Ours(Client):
    def __init__(self, scheme="coap", credentials=()):
        super().__init__("causeway", [harness.causeway(), "coap", "get"], scheme, credentials)

    def watch(self, port, request, seconds=None):
        return Watch([
            "stdbuf", "-oL",
            *self.command(request, port, "-w", "-B", "60", "-s", str(seconds or 600))
        ])

    def ping(self, port):
        # Three, for libcoap's server drops one now and then.
        done = subprocess.run([
            harness.causeway(), "coap", "ping", "-c", "3", "-i", "0.1", "-B", "3",
            f"coap://{HOST}:{port}"
        ],
                              capture_output=True,
                              timeout=30)
        check(b" time " in done.stdout, f"ping: {done.stdout}{done.stderr}")


class Libcoap(Client):
    # It cancels once its time is over, and not when it is interrupted.
    cancels_after = 3

    def __init__(self, build="notls", scheme="coap", credentials=()):
        super().__init__(f"libcoap {build}", [f"coap-client-{build}", "-v", "1"], scheme,
                         credentials)

    def watch(self, port, request, seconds=None):
        return Watch([
            "stdbuf", "-oL",
            *self.command(request, port, "-w", "-B", "60", "-s", str(seconds or 600))
        ])

    def ping(self, port):
        # It pings a server that says nothing for a second, here one that takes its time.
        done = subprocess.run(
            [*self.program, "-N", "-K", "1", "-B", "10", f"coap://{HOST}:{port}/separate"],
            capture_output=True,
            timeout=30)
        check(done.returncode == 0, f"coap-client -K: {done.stderr}")


class Node:
    """One process of node for all that npm's coap does in this run."""
    def __init__(self):
        self.waiting, self.ids, self.lock = {}, itertools.count(1), threading.Lock()
        self.process = subprocess.Popen(["node", str(NPM / "coap_peer.mjs")],
                                        env={
                                            **os.environ, "PEERS": str(harness.node_peers())
                                        },
                                        text=True,
                                        stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for text in self.process.stdout:
            line = json.loads(text)
            if box := self.waiting.get(line["id"]):
                box.put(line)
            else:
                print(f"node: {text}", end="")

    def tell(self, **line):
        with self.lock:
            line["id"] = next(self.ids)
            box = self.waiting[line["id"]] = queue.Queue()
            self.process.stdin.write(json.dumps(line) + "\n")
            self.process.stdin.flush()
        return line["id"], box

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class NodeWatch:
    def __init__(self, node, port, line):
        self.node, self.shown, self.lock = node, [], threading.Condition()
        self.id, self.box = node.tell(do="watch", port=port, **line)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while (line := self.box.get()) is not None:
            with self.lock:
                if "heard" in line:
                    self.shown.append(bytes.fromhex(line["heard"]).decode(errors="replace"))
                self.lock.notify_all()

    def wait(self, pattern, timeout=30):
        import re
        with self.lock:
            check(
                self.lock.wait_for(
                    lambda: any(re.search(pattern, text, re.M) for text in self.shown), timeout),
                f"npm's client never showed {pattern!r}: {self.shown}")

    def cancel(self):
        self.node.tell(do="cancel", of=self.id)

    def drop(self):
        self.node.tell(do="drop", of=self.id)
        time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.drop()
        self.box.put(None)


class Npm:
    name = "npm coap"
    cancels_after = None

    def __init__(self, node):
        self.node = node

    @staticmethod
    def _line(request):
        options = []
        if request.block:
            exponent = (request.block // 16).bit_length() - 1
            name = "Block1" if request.payload else "Block2"
            options.append([name, bytes([exponent]).hex()])
        options += [["Content-Format", request.form]] if request.form is not None else []
        options += [["Accept", request.accept]] if request.accept is not None else []
        options += [["ETag", request.etag.hex()]] if request.etag else []
        options += [["If-Match", request.if_match.hex()]] if request.if_match else []
        options += [["If-None-Match", None]] if request.if_none_match else []
        return {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "con": request.con,
            "payload": request.payload.hex(),
            "options": options,
            "token": request.token.encode().hex() if request.token else None
        }

    def ask(self, port, request, timeout=20):
        _, box = self.node.tell(do="ask", port=port, **self._line(request))
        try:
            line = box.get(timeout=timeout)
        except queue.Empty:
            return b""
        check("failed" not in line, f"npm's client: {line}")
        return bytes.fromhex(line["payload"])

    def watch(self, port, request, seconds=None):
        return NodeWatch(self.node, port, self._line(request))


# ---- servers


class OursServer:
    """`causeway coap serve --test`."""
    name = "causeway"
    has_formats = True
    linked = {"/test", "/separate", "/large", "/obs", "/path"}
    filters = {
        "LINK_02": ("rt=Type1", {"/link1", "/link3"}),
        "LINK_03": ("rt=*", {
            "/test", "/link1", "/link2", "/link3", "/large", "/large-create", "/large-post", "/obs",
            "/obs-non", "/obs-large", "/obs-pumping", "/obs-pumping-non"
        }),
        "LINK_04": ("rt=Type2", {"/link1", "/link2"}),
        "LINK_05": ("if=If*", {"/link1", "/link2"}),
        "LINK_06": ("sz=*", {"/large"}),
        "LINK_07": ("href=/link1", {"/link1"}),
        "LINK_08": ("href=/link*", {"/link1", "/link2", "/link3"})
    }

    def __init__(self, scheme="coap", credentials=(), period=PERIOD):
        self.scheme, self.credentials, self.period = scheme, credentials, period
        self.port = None

    def start(self):
        listen = f"{self.scheme}://{HOST}:{self.port or 0}"
        self.run = harness.Running([
            harness.causeway(), "coap", "serve", "--test", "--listen", listen, "--period",
            self.period, *self.credentials
        ])
        told = self.run.wait_for(r"listening on \S+:(\d+)", timeout=30)
        self.port = int(told[1])

    PLACES = {"obs-set": ("/obs", []), "obs-gone": ("/obs", []), "obs-other": ("/obs-non", [])}
    # How it says that there will be no more.
    last_words = wire.CON

    def at(self, name):
        return self.PLACES.get(name, (f"/{name}", []))

    def stop(self):
        """It has no time to say so to anybody."""
        self.run.process.kill()
        self.run.process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.run.__exit__(*exc)


class LibcoapServer(OursServer):
    """libcoap's coap-server. It has few resources of its own; others are made by PUT before a row
    begins."""
    # Its example program names a Content-Format in no response but link format.
    has_formats = False
    last_words = wire.NON
    linked = {"/", "/time", "/async", "/example_data"}
    filters = {
        "LINK_02": ("rt=ticks", {"/time"}),
        "LINK_03": ("rt=*", {"/time"}),
        "LINK_05": ("if=cl*", {"/time"}),
        "LINK_07": ("href=/time", {"/time"}),
        "LINK_08": ("href=/ti*", {"/time"})
    }
    PLACES = {
        "separate": ("/async", ["1"]),
        "large": ("/example_data", []),
        "large-update": ("/test", []),
        "obs": ("/time", []),
        "obs-non": ("/time", []),
        "obs-set": ("/example_data", []),
        "obs-large": ("/example_data", []),
        "obs-other": ("/example_data", [])
    }
    MADE = {
        "/test": b"a test",
        "/seg1/seg2/seg3": b"three segments",
        "/query": b"a query",
        "/obs-gone": b"soon gone"
    }

    def __init__(self, build="notls", scheme="coap", credentials=(), more=()):
        super().__init__(scheme, credentials)
        self.name, self.build, self.more = f"libcoap {build}", build, more

    def start(self):
        self.base = self.base if self.port else free_port()
        secure = self.scheme in ("coaps", "coaps+tcp")
        self.port = self.base + 1 if secure else self.base
        self.run = harness.Running([
            f"coap-server-{self.build}", "-A", HOST, "-p", self.base, "-d", "20", "-v", "1",
            *self.credentials, *self.more
        ])
        for path, payload in self.MADE.items():
            check(
                raw(self.base, "0.03", path, payload, timeout=0.5, attempts=40).code == "2.01",
                f"PUT {path}")


class NpmServer(OursServer):
    name = "npm coap"
    linked = {"/test", "/large", "/obs", "/path"}
    filters = {**OursServer.filters, "LINK_03": ("rt=*", {"/link1", "/link2", "/link3"})}

    def __init__(self, node, period=PERIOD):
        super().__init__(period=period)
        self.node = node

    def start(self):
        self.id, box = self.node.tell(do="listen", period=self.period)
        self.port = box.get(timeout=30)["port"]

    def stop(self):
        self.node.tell(do="drop", of=self.id)

    def __exit__(self, *exc):
        self.stop()
