"""Modbus and DNP3 by hand, for tests that need peers who misbehave: devices that are silent, late
or babble, masters that vanish, a relay that is cut. Checksums are computed here and not by the
program under test."""
import collections
import contextlib
import os
import random
import select
import socket
import struct
import threading
import time
import tty

from harness import check, eventually


def crc_modbus(octets):
    """[MODBUS SL §2.5.1.2]"""
    value = 0xffff
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0xa001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def crc_dnp3(octets):
    """[IEEE 1815 §9.2.4.1.1]"""
    value = 0
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0xa6bc if value & 1 else 0)
    return (value ^ 0xffff).to_bytes(2, "little")


def reset(connection):
    """Ends it by a TCP reset, as a host does that lost its memory."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def exactly(connection, count):
    octets = b""
    while len(octets) < count:
        more = connection.recv(count - len(octets))
        if not more:
            raise ConnectionError("the peer closed")
        octets += more
    return octets


# ---- Modbus -------------------------------------------------------------------------------------


def registers(values):
    """The answer to a read of input or holding registers, behind its function code."""
    return bytes([2 * len(values)]) + struct.pack(f">{len(values)}H", *values)


class ModbusClient:
    """A Modbus/TCP client that says what it is told."""

    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._transaction = 0

    def frame(self, pdu, unit=1):
        self._transaction = self._transaction % 65535 + 1
        return struct.pack(">HHHB", self._transaction, 0, len(pdu) + 1, unit) + pdu

    def call(self, pdu, unit=1):
        self.socket.sendall(self.frame(pdu, unit))
        transaction, protocol, length, _ = struct.unpack(">HHHB", exactly(self.socket, 7))
        check((transaction, protocol) == (self._transaction, 0), "an answer to another request")
        return exactly(self.socket, length - 1)

    def inputs(self, address, count=1):
        """Input registers; of an exception, its code."""
        got = self.call(struct.pack(">BHH", 4, address, count))
        return got[1] if got[0] & 0x80 else list(struct.unpack(f">{count}H", got[2:]))

    def write(self, address, value):
        """None, or the exception's code."""
        got = self.call(struct.pack(">BHH", 6, address, value))
        return got[1] if got[0] & 0x80 else None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()


class ModbusTcpDevice:
    """A device, or a gateway of several, whose answers the test scripts: `script(unit, pdu)` gives
    a PDU, a pair of seconds to wait and a PDU, None for silence, or an exception to throw the
    connection away. `heard` has the units and PDUs of all requests."""

    def __init__(self, script, port):
        self.heard = []
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                connection.settimeout(None)
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            while True:
                head = exactly(connection, 7)
                pdu = exactly(connection, int.from_bytes(head[4:6], "big") - 1)
                self.heard.append((head[6], pdu))
                answer = self._script(head[6], pdu)
                if isinstance(answer, Exception):
                    return reset(connection)
                if isinstance(answer, tuple):
                    time.sleep(answer[0])
                    answer = answer[1]
                if answer is not None:
                    connection.sendall(head[:4] + struct.pack(">H", len(answer) + 1) + head[6:7]
                                       + answer)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for connection in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class SerialBus:
    """Modbus RTU devices on a line of their own, which has the name `link`. `script`
    and `heard` as above. With `babble(True)` nobody answers, and everything comes that a line in
    trouble can bring, without a pause."""

    def __init__(self, link, script):
        self.heard = []
        self._script = script
        self._babbling = False
        self.babbled = 0
        self._link = link
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        os.symlink(os.ttyname(self._theirs), link)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def babble(self, on):
        self._babbling = on

    def _run(self):
        chance = random.Random(7)
        asked = b""
        while not self._over.is_set():
            babbling = self._babbling
            readable, writable, _ = select.select([self._ours], [self._ours] if babbling else [],
                                                  [], 0.1)
            if readable:
                asked = self._answer(asked + os.read(self._ours, 4096), babbling)
            if writable:
                with contextlib.suppress(BlockingIOError):
                    self.babbled += os.write(self._ours, self._noise(chance))

    @staticmethod
    def _noise(chance):
        unit = chance.randrange(256)
        pdu = bytes([4]) + registers([chance.randrange(65536) for _ in range(4)])
        good = bytes([unit]) + pdu
        good += crc_modbus(good)
        return chance.choice([chance.randbytes(chance.randrange(1, 300)),  # noise
                              good[:chance.randrange(1, len(good))],       # half a frame
                              good[:-1] + bytes([good[-1] ^ 1]),           # a bad checksum
                              b"\x77" + pdu + crc_modbus(b"\x77" + pdu),   # nobody's answer
                              bytes(chance.randrange(1, 300))])            # a broken wire

    def _answer(self, asked, babbling):
        while len(asked) >= 8:
            if crc_modbus(asked[:6]) != asked[6:8]:
                asked = asked[1:]
                continue
            unit, pdu, asked = asked[0], asked[1:6], asked[8:]
            self.heard.append((unit, pdu))
            answer = None if babbling else self._script(unit, pdu)
            if isinstance(answer, tuple):
                wait, answer = answer
                due = time.monotonic() + wait
                time.sleep(wait)
                # Of a machine that is so late itself no claim would be fair.
                answer = answer if time.monotonic() < due + 0.1 else None
            if answer is not None:
                answer = bytes([unit]) + answer
                os.write(self._ours, answer + crc_modbus(answer))
        return asked

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._over.set()
        self._thread.join(5)
        os.close(self._ours)
        os.close(self._theirs)
        self._link.unlink()


# ---- DNP3 ---------------------------------------------------------------------------------------

CONFIRM, READ, SELECT, OPERATE, DIRECT, ENABLE, RESPONSE, UNSOLICITED = 0, 1, 3, 4, 5, 20, 129, 130
OVERFLOW = 0x0008  # IIN2.3
Response = collections.namedtuple("Response", "control function iin objects")


def link_frame(control, to, sender, payload=b""):
    """[IEEE 1815 §9.2.4.1]"""
    head = struct.pack("<BBBBHH", 5, 0x64, 5 + len(payload), control, to, sender)
    frame = head + crc_dnp3(head)
    for at in range(0, len(payload), 16):
        frame += payload[at:at + 16] + crc_dnp3(payload[at:at + 16])
    return frame


class LinkReader:
    """Frames out of a stream: (link control, destination, payload). The checksums have to be
    right."""

    def __init__(self):
        self._octets = b""

    def take(self, octets):
        self._octets += octets
        frames = []
        while len(self._octets) >= 10:
            count = self._octets[2] - 5
            whole = 10 + count + 2 * ((count + 15) // 16)
            if len(self._octets) < whole:
                break
            frame, self._octets = self._octets[:whole], self._octets[whole:]
            blocks = [frame[:10]] + [frame[at:at + 18] for at in range(10, whole, 18)]
            check(frame[:2] == b"\x05\x64" and all(crc_dnp3(b[:-2]) == b[-2:] for b in blocks),
                  f"a bad frame: {frame.hex(' ')}")
            frames.append((frame[3], int.from_bytes(frame[4:6], "little"),
                           b"".join(block[:-2] for block in blocks[1:])))
        return frames


class Dnp3Master:
    """A DNP3 master over TCP whose every octet the test says, but for the link's."""

    def __init__(self, port, outstation=10, address=1, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._outstation, self._address = outstation, address
        self._reader, self._segment, self._fragment = LinkReader(), 0, b""
        self._waiting = collections.deque()
        self.unasked = []  # unsolicited responses that came before the answer to a request

    def say(self, fragment):
        segment = bytes([0xc0 | self._segment]) + fragment
        self._segment = (self._segment + 1) % 64
        self.socket.sendall(link_frame(0xc4, self._outstation, self._address, segment))

    def hear(self):
        """The next response of any kind."""
        while not self._waiting:
            octets = self.socket.recv(4096)
            if not octets:
                raise ConnectionError("the outstation closed")
            for control, _, payload in self._reader.take(octets):
                self._take(control, payload)
        return self._waiting.popleft()

    def _take(self, control, payload):
        if control & 0x4f == 0x49:  # is the link there?
            self.socket.sendall(link_frame(0x8b, self._outstation, self._address))
        if control & 0x4f != 0x44:
            return
        self._fragment = payload[1:] if payload[0] & 0x40 else self._fragment + payload[1:]
        if payload[0] & 0x80:
            control, function, first, second = self._fragment[:4]
            self._waiting.append(Response(control, function, first << 8 | second,
                                          self._fragment[4:]))

    def reset(self):
        reset(self.socket)

    def say_raw(self, octets):
        self.socket.sendall(octets)

    def confirm(self, response):
        self.say(bytes([0xc0 | response.control & 0x1f, CONFIRM]))

    def ask(self, sequence, function, objects=b""):
        """The response to it; unsolicited ones that come first are confirmed and kept."""
        self.say(bytes([0xc0 | sequence, function]) + objects)
        while True:
            response = self.hear()
            if response.function == RESPONSE:
                check(response.control & 0x0f == sequence, f"another sequence: {response}")
                return response
            self.confirm(response)
            self.unasked.append(response)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()


def latch(index, on):
    """A control relay output block, g12v1."""
    return struct.pack("<BBBHHBBIIB", 12, 1, 0x28, 1, index, 3 if on else 4, 1, 0, 0, 0)


def status_of(response):
    """Of the one control that it echoes."""
    check(response.objects[:3] == bytes([12, 1, 0x28]), f"no echo of a control: {response}")
    return response.objects[-1]


def timed_floats(objects):
    """Events g32v7 as (value, milliseconds since 1970)."""
    events = []
    while objects:
        check(objects[:3] == bytes([32, 7, 0x17]), f"other objects: {objects.hex(' ')}")
        count, objects = objects[3], objects[4:]
        for _ in range(count):
            _, _, value, stamp = struct.unpack("<BBf6s", objects[:12])
            events.append((value, int.from_bytes(stamp, "little")))
            objects = objects[12:]
    return events


def requests(reader, octets):
    """Of fragments that begin there: (destination, function)."""
    return [(to, payload[2]) for _, to, payload in reader.take(octets)
            if len(payload) > 2 and payload[0] & 0x40]


class SerialTap:
    """Stands between a serial port and the line `link`, and carries octets both ways. `requests`
    has (destination, function) of each fragment that was said on `link`, in order."""

    def __init__(self, link, port):
        self.requests = []
        self._link = link
        self._ours, self._theirs = os.openpty()
        self._port = os.open(port, os.O_RDWR | os.O_NOCTTY)
        for end in (self._theirs, self._port):
            tty.setraw(end)
        os.symlink(os.ttyname(self._theirs), link)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        reader = LinkReader()
        while not self._over.is_set():
            ready = select.select([self._ours, self._port], [], [], 0.1)[0]
            if self._ours in ready:
                octets = os.read(self._ours, 4096)
                self.requests += requests(reader, octets)
                os.write(self._port, octets)
            if self._port in ready:
                os.write(self._ours, os.read(self._port, 4096))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._over.set()
        self._thread.join(5)
        for end in (self._ours, self._theirs, self._port):
            os.close(end)
        self._link.unlink()


class Relay:
    """A TCP relay that can be cut. `functions` has, for each connection, the DNP3 function codes
    that the connecting side said, in order."""

    def __init__(self, port, to):
        self.functions = []
        self._to, self._whole, self._cut, self._over = to, True, False, False
        self._listener = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        other, said = {}, {}  # by the end that is read
        while not self._over:
            ready = select.select([self._listener, *other], [], [], 0.05)[0]
            if not self._whole:
                while other:
                    reset(other.popitem()[0])
                ready = [end for end in ready if end is self._listener]
            for end in ready:
                if end is self._listener:
                    near = end.accept()[0]
                    try:
                        far = socket.create_connection(("127.0.0.1", self._to))
                    except OSError:
                        far = None
                    if far is None or not self._whole:
                        reset(near)
                        continue
                    other[near], other[far] = far, near
                    said[near] = LinkReader()
                    self.functions.append([])
                elif end in other and not self._carry(end, other[end], said.get(end)):
                    target = other.pop(end)
                    other.pop(target)
                    reset(end)
                    reset(target)
            self._cut = not self._whole and not other
        for end in [*other, self._listener]:
            reset(end)

    def _carry(self, source, target, reader):
        try:
            octets = source.recv(4096)
            if reader is not None:
                self.functions[-1] += [function for _, function in requests(reader, octets)]
            target.sendall(octets)
            return bool(octets)
        except OSError:
            return False

    def cut(self):
        """Both sides are reset, and whoever comes is."""
        self._cut, self._whole = False, False
        eventually("the relay is cut", lambda: self._cut)

    def mend(self):
        self._whole = True

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._over = True
        self._thread.join(5)
