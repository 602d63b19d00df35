"""A client of MQTT 3.1.1 and 5.0 that does exactly what it is told: it acknowledges nothing by
itself, never reconnects, and lets the test choose packet identifiers and DUP, so that a test knows
what was said."""
import select
import socket
import struct
import time

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = range(8, 16)
V3, V5 = 4, 5

# How the properties of MQTT 5.0 are written; a number is the octets of an integer.
WRITTEN = {
    1: (0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A),
    2: (0x13, 0x21, 0x22, 0x23),
    4: (0x02, 0x11, 0x18, 0x27),
    "varint": (0x0B, ),
    "text": (0x03, 0x08, 0x12, 0x15, 0x1A, 0x1C, 0x1F),
    "data": (0x09, 0x16),
    "pair": (0x26, ),
}
SHAPES = {identifier: shape for shape, identifiers in WRITTEN.items() for identifier in identifiers}
RESPONSE_TOPIC, CORRELATION, SESSION_EXPIRY, USER_PROPERTY = 0x08, 0x09, 0x11, 0x26


def varint(value):
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        octet = data[at]
        at += 1
        value |= (octet & 0x7F) << shift
        shift += 7
        if not octet & 0x80:
            return value, at


def data(octets):
    octets = octets.encode() if isinstance(octets, str) else bytes(octets)
    return struct.pack("!H", len(octets)) + octets


def packet(kind, flags, body):
    return bytes([kind << 4 | flags]) + varint(len(body)) + body


def properties(pairs):
    """The property block of [(identifier, value)]."""
    out = bytearray()
    for identifier, value in pairs:
        shape = SHAPES[identifier]
        out += varint(identifier)
        if shape == "varint":
            out += varint(value)
        elif shape == "pair":
            out += data(value[0]) + data(value[1])
        elif isinstance(shape, str):
            out += data(value)
        else:
            out += value.to_bytes(shape, "big")
    return varint(len(out)) + bytes(out)


def read_data(body, at):
    size = struct.unpack_from("!H", body, at)[0]
    return body[at + 2:at + 2 + size], at + 2 + size


def read_properties(body, at):
    size, at = read_varint(body, at)
    end, out = at + size, []
    while at < end:
        identifier, at = read_varint(body, at)
        shape = SHAPES[identifier]
        if shape == "varint":
            value, at = read_varint(body, at)
        elif shape == "pair":
            name, at = read_data(body, at)
            value, at = read_data(body, at)
            value = (name.decode(), value.decode())
        elif isinstance(shape, str):
            value, at = read_data(body, at)
            value = value.decode() if shape == "text" else value
        else:
            value, at = int.from_bytes(body[at:at + shape], "big"), at + shape
        out.append((identifier, value))
    return out, end


class Packet:
    """What came in. `reason` is a CONNACK's return code, too; `reasons` are a SUBACK's."""
    def __init__(self, kind, flags, body, version):
        self.kind, self.flags, self.body = kind, flags, body
        self.dup, self.qos, self.retain = bool(flags & 8), flags >> 1 & 3, bool(flags & 1)
        self.packet_id, self.reason, self.properties = 0, 0, []
        five = version == V5
        if kind == PUBLISH:
            topic, at = read_data(body, 0)
            self.topic = topic.decode()
            if self.qos:
                self.packet_id, at = struct.unpack_from("!H", body, at)[0], at + 2
            if five:
                self.properties, at = read_properties(body, at)
            self.payload = body[at:]
        elif kind == CONNACK:
            self.session_present, self.reason = bool(body[0] & 1), body[1]
            if five and len(body) > 2:
                self.properties, _ = read_properties(body, 2)
        elif kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
            self.packet_id = struct.unpack_from("!H", body)[0]
            self.reason = body[2] if len(body) > 2 else 0
            if len(body) > 3:
                self.properties, _ = read_properties(body, 3)
        elif kind in (SUBACK, UNSUBACK):
            self.packet_id, at = struct.unpack_from("!H", body)[0], 2
            if five:
                self.properties, at = read_properties(body, at)
            self.reasons = list(body[at:])
        elif kind in (DISCONNECT, AUTH) and body:
            self.reason = body[0]
            if len(body) > 1:
                self.properties, _ = read_properties(body, 1)

    def all(self, identifier):
        return [value for name, value in self.properties if name == identifier]

    def one(self, identifier, default=None):
        return next(iter(self.all(identifier)), default)

    def __repr__(self):
        more = f" {self.topic} {self.payload[:40]!r}" if self.kind == PUBLISH else ""
        return (f"<packet {self.kind} flags {self.flags:04b} id {self.packet_id} "
                f"reason {self.reason:#x}{more}>")


class Closed(ConnectionError):
    """The server closed the connection."""


class Wire:
    """One connection. `address` is a (host, port) or the path of a Unix socket; `stream` one that
    stands."""
    def __init__(self, address=None, version=V5, timeout=10, receive_buffer=None, stream=None):
        self.version, self.buffer, self.kinds = version, bytearray(), set()
        self.poll = select.poll()  # select() knows 1024 files only
        if stream is None:
            family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
            stream = socket.socket(family, socket.SOCK_STREAM)
            if receive_buffer:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            stream.settimeout(timeout)
            stream.connect(address)
            if family == socket.AF_INET:
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = stream
        self.poll.register(stream, select.POLLIN)

    # ---- out
    def write(self, octets):
        try:
            self.socket.sendall(octets)
        except (BrokenPipeError, ConnectionResetError) as gone:
            raise Closed from gone

    def connect_packet(self,
                       client_id,
                       clean=True,
                       keep_alive=0,
                       expiry=None,
                       will=None,
                       user=None,
                       password=None,
                       more=()):
        """`will` is (topic, payload, qos, retain[, properties])."""
        flags = (2 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if password
                                                                           is not None else 0)
        if will:
            flags |= 4 | will[2] << 3 | (0x20 if will[3] else 0)
        body = data("MQTT") + bytes([self.version, flags]) + struct.pack("!H", keep_alive)
        if self.version == V5:
            body += properties([*([(SESSION_EXPIRY, expiry)] if expiry is not None else []), *more])
        body += data(client_id)
        if will:
            if self.version == V5:
                body += properties(will[4] if len(will) > 4 else [])
            body += data(will[0]) + data(will[1])
        body += data(user) if user is not None else b""
        body += data(password) if password is not None else b""
        return packet(CONNECT, 0, body)

    def connect(self, client_id, **options):
        """Says CONNECT and waits for CONNACK, which is given back whatever it says."""
        self.write(self.connect_packet(client_id, **options))
        return self.expect(CONNACK)

    def publish(self, topic, payload, qos=0, packet_id=0, dup=False, retain=False, more=()):
        body = data(topic) + (struct.pack("!H", packet_id) if qos else b"")
        if self.version == V5:
            body += properties(more)
        payload = payload.encode() if isinstance(payload, str) else payload
        self.write(
            packet(PUBLISH, (8 if dup else 0) | qos << 1 | (1 if retain else 0), body + payload))

    def acknowledge(self, kind, packet_id):
        self.write(packet(kind, 2 if kind == PUBREL else 0, struct.pack("!H", packet_id)))

    def subscribe(self, *filters, packet_id=1, more=()):
        """Each is (filter, options); waits for SUBACK and gives its reasons."""
        body = struct.pack("!H", packet_id) + (properties(more) if self.version == V5 else b"")
        self.write(
            packet(SUBSCRIBE, 2,
                   body + b"".join(data(name) + bytes([how]) for name, how in filters)))
        return self.expect(SUBACK).reasons

    def disconnect(self, reason=0):
        self.write(packet(DISCONNECT, 0, bytes([reason]) if self.version == V5 and reason else b""))
        self.close()

    def close(self):
        self.socket.close()

    # ---- in
    def parsed(self):
        """The next packet that is here as a whole, or None."""
        if len(self.buffer) < 2:
            return None
        try:
            size, at = read_varint(self.buffer, 1)
        except IndexError:
            return None
        if len(self.buffer) < at + size:
            return None
        first, body = self.buffer[0], bytes(self.buffer[at:at + size])
        del self.buffer[:at + size]
        self.kinds.add(first >> 4)
        return Packet(first >> 4, first & 15, body, self.version)

    def fill(self, timeout):
        """Reads what there is, waiting so long at most; False when nothing came."""
        if not self.poll.poll(max(0, timeout) * 1000):
            return False
        try:
            got = self.socket.recv(1 << 18)
        except OSError as gone:
            raise Closed from gone
        if not got:
            raise Closed
        self.buffer += got
        return True

    def receive(self, timeout=10):
        """The next packet, or None after so long; Closed when there will be none."""
        deadline = time.monotonic() + timeout
        while not (found := self.parsed()):
            left = deadline - time.monotonic()
            if left < 0 or not self.fill(left):
                return None
        return found

    def expect(self, kind, timeout=10):
        found = self.receive(timeout)
        if found is None or found.kind != kind:
            raise AssertionError(f"packet {kind} expected, {found} came")
        return found

    def messages(self, count, timeout=10):
        """So many PUBLISHes, each acknowledged to the end."""
        out, deadline = [], time.monotonic() + timeout
        while len(out) < count and (left := deadline - time.monotonic()) > 0:
            if (found := self.receive(left)) is None:
                break
            self.answer(found)
            if found.kind == PUBLISH:
                out.append(found)
        return out

    def answer(self, found):
        """What a well-behaved receiver says to a packet."""
        if found.kind == PUBLISH and found.qos:
            self.acknowledge(PUBACK if found.qos == 1 else PUBREC, found.packet_id)
        elif found.kind == PUBREL:
            self.acknowledge(PUBCOMP, found.packet_id)
        elif found.kind == PUBREC and found.reason < 0x80:
            self.acknowledge(PUBREL, found.packet_id)

    def seen(self, kind):
        """Whether a packet of this kind has ever come."""
        return kind in self.kinds

    def closed_within(self, seconds):
        """Whether the server closes; what it says before is passed over."""
        deadline = time.monotonic() + seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.receive(left)
        except Closed:
            return True
        return False
