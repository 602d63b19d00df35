"""What two CoAP programs say to each other: relays that stand between a client and a server, write
down every message, and lose, repeat or keep back those that a test wants them to.

A message is read here on its own, octet by octet, so that no row of the plugtests trusts the
program under test to tell what it has sent. UDP: RFC 7252 §3; DTLS: RFC 6347 §4.2; streams:
RFC 8323 §3."""
import collections
import contextlib
import select
import socket
import struct
import threading
import time

HOST = "127.0.0.1"
CON, NON, ACK, RST = "CON", "NON", "ACK", "RST"
TYPES = (CON, NON, ACK, RST)
OPTIONS = {
    1: "If-Match",
    3: "Uri-Host",
    4: "ETag",
    5: "If-None-Match",
    6: "Observe",
    7: "Uri-Port",
    8: "Location-Path",
    9: "OSCORE",
    11: "Uri-Path",
    12: "Content-Format",
    14: "Max-Age",
    15: "Uri-Query",
    16: "Hop-Limit",
    17: "Accept",
    20: "Location-Query",
    23: "Block2",
    27: "Block1",
    28: "Size2",
    35: "Proxy-Uri",
    39: "Proxy-Scheme",
    60: "Size1",
    252: "Echo",
    292: "Request-Tag"
}
NUMBERS = {name: number for number, name in OPTIONS.items()}
CODES = {
    "0.00": "Empty",
    "0.01": "GET",
    "0.02": "POST",
    "0.03": "PUT",
    "0.04": "DELETE",
    "0.05": "FETCH",
    "7.01": "CSM",
    "7.02": "Ping",
    "7.03": "Pong",
    "7.04": "Release",
    "7.05": "Abort"
}
Block = collections.namedtuple("Block", "number more size")


def code_text(octet):
    return f"{octet >> 5}.{octet & 31:02}"


def code_octet(text):
    kind, detail = text.split(".")
    return int(kind) << 5 | int(detail)


class Message:
    """One CoAP message. Over streams, `type` and `id` are None."""
    def __init__(self, code="0.00", type=None, id=None, token=b"", options=(), payload=b""):
        self.code, self.type, self.id, self.token = code, type, id, token
        self.options, self.payload = list(options), payload

    def all(self, name):
        return [value for number, value in self.options if number == NUMBERS[name]]

    def has(self, name):
        return bool(self.all(name))

    def one(self, name):
        found = self.all(name)
        return found[0] if found else None

    def uint(self, name):
        value = self.one(name)
        return None if value is None else int.from_bytes(value, "big")

    def block(self, name):
        value = self.uint(name)
        return None if value is None else Block(value >> 4, bool(value & 8), 16 << (value & 7))

    def texts(self, name):
        return [value.decode("utf-8", "replace") for value in self.all(name)]

    @property
    def path(self):
        return "/" + "/".join(self.texts("Uri-Path"))

    def is_request(self):
        return self.code.startswith("0.") and self.code != "0.00"

    def __repr__(self):
        options = ", ".join(f"{OPTIONS.get(number, number)} {value.hex()}"
                            for number, value in self.options)
        return (f"{self.type or 'stream'} {self.code} {CODES.get(self.code, '')} "
                f"id {self.id if self.id is not None else '-'} token {self.token.hex() or '-'} "
                f"[{options}] {self.payload[:24]!r}{'...' if len(self.payload) > 24 else ''}")


def read_extended(data, at, nibble):
    if nibble == 13:
        return data[at] + 13, at + 1
    if nibble == 14:
        return struct.unpack_from("!H", data, at)[0] + 269, at + 2
    if nibble == 15:
        raise ValueError("a nibble of 15")
    return nibble, at


def read_options(data, at):
    options, number = [], 0
    while at < len(data):
        if data[at] == 0xFF:
            return options, data[at + 1:]
        delta, length = data[at] >> 4, data[at] & 15
        delta, at = read_extended(data, at + 1, delta)
        length, at = read_extended(data, at, length)
        number += delta
        options.append((number, bytes(data[at:at + length])))
        at += length
    return options, b""


def write_extended(value):
    if value < 13:
        return value, b""
    if value < 269:
        return 13, bytes([value - 13])
    return 14, struct.pack("!H", value - 269)


def write_options(options, payload):
    out, last = b"", 0
    for number, value in sorted(options, key=lambda option: option[0]):
        delta, more = write_extended(number - last)
        length, longer = write_extended(len(value))
        out += bytes([delta << 4 | length]) + more + longer + value
        last = number
    return out + (b"\xff" + payload if payload else b"")


def parse(datagram):
    """A datagram as a Message; ValueError where it is none."""
    try:
        first, code, number = struct.unpack_from("!BBH", datagram)
        length = first & 15
        if first >> 6 != 1 or length > 8:
            raise ValueError("no CoAP")
        options, payload = read_options(datagram, 4 + length)
    except (struct.error, IndexError) as why:
        raise ValueError(str(why)) from why
    return Message(code_text(code), TYPES[first >> 4 & 3], number, datagram[4:4 + length], options,
                   payload)


def emit(message):
    return struct.pack("!BBH", 0x40 | TYPES.index(message.type) << 4 | len(message.token),
                       code_octet(message.code), message.id) + message.token + write_options(
                           message.options, message.payload)


def parse_stream(data):
    """The messages of an octet stream, and how many octets are left over. [RFC 8323 §3.2]"""
    messages, at = [], 0
    while at < len(data):
        with contextlib.suppress(IndexError, struct.error):
            length, start = data[at] >> 4, at + 1
            if length == 15:
                length, start = struct.unpack_from("!I", data, start)[0] + 65805, start + 4
            else:
                length, start = read_extended(data, start, length)
            code, token = data[start], data[at] & 15
            body = start + 1 + token
            if body + length <= len(data):
                options, payload = read_options(data[:body + length], body)
                messages.append(
                    Message(code_text(code),
                            token=data[start + 1:body],
                            options=options,
                            payload=payload))
                at = body + length
                continue
        break
    return messages, len(data) - at


def emit_stream(message):
    body = write_options(message.options, message.payload)
    length, more = write_extended(len(body))
    return bytes([length << 4 | len(message.token)]) + more + bytes([code_octet(message.code)
                                                                     ]) + message.token + body


# ---- DTLS records, as far as they are in the clear

CIPHERS = {0xC0A8: "PSK_CCM_8", 0xC0AE: "ECDHE_ECDSA_CCM_8"}
HANDSHAKE = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    3: "HelloVerifyRequest",
    4: "NewSessionTicket",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished"
}
ALERTS = {
    0: "close_notify",
    20: "bad_record_mac",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    80: "internal_error",
    90: "user_canceled",
    112: "unrecognized_name",
    115: "unknown_psk_identity"
}
Record = collections.namedtuple("Record", "kind epoch sequence name body")


def records(datagram):
    """The records of a DTLS 1.2 datagram; those of an epoch above 0 are encrypted."""
    found, at = [], 0
    while at + 13 <= len(datagram):
        kind, _, epoch = struct.unpack_from("!BHH", datagram, at)
        sequence = int.from_bytes(datagram[at + 5:at + 11], "big")
        length = struct.unpack_from("!H", datagram, at + 11)[0]
        body = datagram[at + 13:at + 13 + length]
        name = {20: "ChangeCipherSpec", 21: "Alert", 22: "Handshake", 23: "Data"}.get(kind, "?")
        if kind == 22 and epoch == 0 and body:
            name = HANDSHAKE.get(body[0], "Handshake")
        elif kind == 22:
            name = "Finished"
        elif kind == 21 and epoch == 0 and len(body) == 2:
            name = "Alert " + ALERTS.get(body[1], str(body[1]))
        found.append(Record(kind, epoch, sequence, name, body))
        at += 13 + length
    return found


def offered_ciphers(client_hello):
    """Suites of a ClientHello that came in one piece."""
    at = 12 + 2 + 32
    at += 1 + client_hello[at]
    at += 1 + client_hello[at]
    count = struct.unpack_from("!H", client_hello, at)[0] // 2
    return list(struct.unpack_from(f"!{count}H", client_hello, at + 2))


def chosen_cipher(server_hello):
    at = 12 + 2 + 32
    at += 1 + server_hello[at]
    return struct.unpack_from("!H", server_hello, at)[0]


# ---- relays


class Said:
    """One thing that went, or should have gone, from `who` ("client" or "server") to the other."""
    def __init__(self, who, octets, message):
        self.who, self.octets, self.message = who, octets, message
        self.at = time.monotonic()
        self.lost = False

    def __repr__(self):
        what = self.message if self.message is not None else " ".join(
            record.name for record in records(self.octets)) or self.octets[:16].hex()
        return f"{self.who}{' (lost)' if self.lost else ''}: {what}"


class Log:
    """What was said, by both, in order."""
    def __init__(self):
        self.said = []
        self.news = threading.Condition()

    def add(self, said):
        with self.news:
            self.said.append(said)
            self.news.notify_all()

    def messages(self, who, *codes, where=lambda message: True, lost=False):
        """Messages of `who`, with one of these codes where there are any."""
        return [
            one.message for one in self.said
            if one.who == who and one.message is not None and (lost or not one.lost) and
            (not codes or one.message.code in codes) and where(one.message)
        ]

    def wait(self, claim, what, timeout=30):
        """Waits until claim() holds of what was said."""
        deadline = time.monotonic() + timeout
        with self.news:
            while not (found := claim()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"never: {what}\n{self}")
                self.news.wait(min(left, 0.2))
        return found

    def __str__(self):
        return "\n".join(f"  {one}" for one in self.said[-60:])


class Relay(Log):
    """A UDP relay. Its server sees one client, whoever speaks through it: what it says goes to the
    socket that used the token or message id, else to the one that spoke last. After `reboot` all
    goes to whom speaks next. `loses(said)` is asked about each datagram; `repeats(said)` how often
    more it is sent."""
    def __init__(self, port, loses=None, repeats=None, coap=True):
        super().__init__()
        self.coap, self.loses, self.repeats = coap, loses, repeats
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind((HOST, 0))
        self.port = self.front.getsockname()[1]
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.connect((HOST, port))
        self.client = None
        self.asked_by = {}
        self.over = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def reboot(self):
        self.asked_by.clear()

    def retarget(self, port):
        """The server is elsewhere from now on."""
        self.back.connect((HOST, port))

    def _run(self):
        # What has been said already is heard to its end.
        while (heard := select.select([self.front, self.back], [], [], 0.05)[0]) or not self.over:
            for ready in heard:
                with contextlib.suppress(OSError):  # a port that is closed already
                    self._carry(ready)

    def _carry(self, ready):
        who = "client" if ready is self.front else "server"
        octets, address = ready.recvfrom(65536)
        if who == "client":
            self.client = address
        message = None
        if self.coap:
            with contextlib.suppress(ValueError):
                message = parse(octets)
        if who == "client" and message is not None:
            for key in (message.token, message.id) if message.is_request() else (message.id, ):
                self.asked_by[key] = address
        said = Said(who, octets, message)
        said.lost = bool(self.loses and self.loses(said))
        self.add(said)
        if not said.lost:
            for _ in range(1 + (self.repeats(said) if self.repeats else 0)):
                self.pass_on(who, octets, message)

    def pass_on(self, who, octets, message=None):
        """To the other one, as if `who` had said it."""
        if who == "client":
            self.back.send(octets)
            return
        key = None if message is None else message.token or message.id
        if address := self.asked_by.get(key, self.client):
            self.front.sendto(octets, address)

    def names(self, who):
        """The names of the DTLS records that `who` has sent."""
        return [
            record.name for one in self.said if one.who == who for record in records(one.octets)
        ]

    def handshake(self, who, name):
        """The bodies of handshake messages with this name that came in one piece."""
        return [
            record.body for one in self.said if one.who == who for record in records(one.octets)
            if record.name == name
        ]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.over = True
        self.thread.join(5)
        self.front.close()
        self.back.close()


class StreamRelay(Log):
    """The same for one TCP connection after the other."""
    def __init__(self, port, coap=True):
        super().__init__()
        self.coap, self.server = coap, port
        self.front = socket.create_server((HOST, 0))
        self.port = self.front.getsockname()[1]
        self.over = False
        self.closed_by = []
        self.octets = {"client": b"", "server": b""}
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.over:
            if select.select([self.front], [], [], 0.1)[0]:
                near = self.front.accept()[0]
                with near, socket.create_connection((HOST, self.server), 5) as far:
                    with contextlib.suppress(OSError):
                        self._join(near, far)

    def _join(self, near, far):
        left = {near: b"", far: b""}
        ends = [near, far]
        while not self.over and ends:
            for ready in select.select(ends, [], [], 0.1)[0]:
                who = "client" if ready is near else "server"
                try:
                    octets = ready.recv(65536)
                except ConnectionResetError:
                    octets = b""
                if not octets:
                    # What the other one says to this is still heard.
                    self.closed_by.append(who)
                    ends.remove(ready)
                    with contextlib.suppress(OSError):
                        (far if ready is near else near).shutdown(socket.SHUT_WR)
                    continue
                self.octets[who] += octets
                with contextlib.suppress(OSError):
                    (far if ready is near else near).sendall(octets)
                if self.coap:
                    left[ready] += octets
                    messages, rest = parse_stream(left[ready])
                    left[ready] = left[ready][len(left[ready]) - rest:]
                    for message in messages:
                        self.add(Said(who, octets, message))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.over = True
        self.thread.join(5)
        self.front.close()
