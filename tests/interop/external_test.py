#!/usr/bin/env python3
"""A node in another program, whose radio is a UDP socket that speaks ZEP, is a node of the mesh:
it is acknowledged, it hears what goes by, and with a real 6LoWPAN frame it pings a simulated node."""
import socket
import statistics
import struct
import sys
import time

import harness
from harness import Host, Running, check

harness.need("ip")

SITE = harness.EXAMPLES / "external.toml"
LOCAL, REMOTE = ("127.0.0.1", 17755), ("127.0.0.1", 17754)
PAN = 0xabcd
GUEST = 0x02_00_00_00_00_00_20_01
NEAREST = 0x02_00_00_00_00_00_10_03  # node-3, the end of the line


def fcs(octets):
    """ITU-T CRC-16 as 802.15.4 has it."""
    crc = 0
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def data_frame(sequence, target, payload, wants_ack=True):
    control = 0xdc41 | (0x20 if wants_ack else 0)
    return struct.pack("<HBHQQ", control, sequence, PAN, target, GUEST) + payload


def zep(sequence, frame, sound=True):
    frame += fcs(frame) if sound else b"\0\0"
    return (b"EX" + struct.pack(">BBBHBBQI", 2, 1, 26, 7, 1, 255, 0, sequence) + bytes(10)
            + bytes([len(frame)]) + frame)


def frame_of(datagram):
    check(datagram[:3] == b"EX\x02", f"not ZEP: {datagram.hex()}")
    check(len(datagram) == 32 + datagram[31], "the length that the header says")
    frame = datagram[32:]
    check(fcs(frame[:-2]) == frame[-2:], f"a wrong FCS: {frame.hex()}")
    return frame[:-2]


def checksum(source, target, message):
    total = message + struct.pack(">II", len(message), 58) + source + target
    total += b"\0" * (len(total) % 2)
    value = sum(struct.unpack(f">{len(total) // 2}H", total))
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return ~value & 0xffff


def echo_request(identifier):
    """An IPHC frame payload: both addresses elided, hop limit 255, next header inline."""
    link_local = lambda eui: bytes.fromhex("fe80000000000000") + struct.pack(">Q", eui ^ 1 << 57)
    message = struct.pack(">BBHHH", 128, 0, 0, identifier, 1) + b"causeway"
    value = checksum(link_local(GUEST), link_local(NEAREST), message)
    message = message[:2] + struct.pack(">H", value) + message[4:]
    return bytes([0x7b, 0x33, 58]) + message


def guest_in(part):
    """Runs one part of this file as the guest: in the namespace where the site runs."""
    with Host("external") as host:
        with Running(host.command([harness.causeway(), "run", SITE, "--for", "120s"])) as run:
            run.wait_for(r"3 of 3 nodes joined", timeout=60)
            done = host.run([sys.executable, "-B", __file__, part.__name__])
            print(done.stdout, end="", flush=True)
            check(done.returncode == 0, f"the guest: {done.stderr[-600:]}")
            check(run.stop() == 0, "Ctrl-C is no failure")


def answer_to(radio, wanted, seconds=5):
    """The first frame heard that `wanted` likes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            frame = frame_of(radio.recv(256))
        except TimeoutError:
            continue
        if wanted(frame):
            return frame
    return None


def acknowledged_at_once(radio):
    acknowledged, took = 0, []
    for sequence in range(100):
        # As a radio would: the acknowledgement before it has to leave the air first.
        time.sleep(0.01)
        began = time.monotonic()
        radio.sendto(zep(sequence, data_frame(sequence, NEAREST, b"\x00nothing")), REMOTE)
        ack = answer_to(radio, lambda f: len(f) == 3 and f[0] & 7 == 2 and f[2] == sequence,
                        0.05)
        if ack:
            acknowledged += 1
            took.append(time.monotonic() - began)
    # The link loses up to 5 % each way.
    check(acknowledged >= 80, f"{acknowledged} of 100 acknowledged")
    print(f"    {acknowledged} of 100 acknowledged; round trip "
          f"{statistics.median(took) * 1e6:.0f} us (median)", flush=True)


def wrong_fcs(radio):
    radio.sendto(zep(1, data_frame(1, NEAREST, b"\x00nothing"), sound=False), REMOTE)
    check(answer_to(radio, lambda f: len(f) == 3 and f[2] == 1, 0.5) is None,
          "an unsound frame was acknowledged")
    for garbage in (b"", b"EX", b"EX\x02\x01" + bytes(40), bytes(200), b"EX\x03" * 20):
        radio.sendto(garbage, REMOTE)
    check(any(answer_to(radio, lambda f: len(f) == 3 and f[2] == n, 0.3)
              for n in range(2, 8)
              if radio.sendto(zep(n, data_frame(n, NEAREST, b"\x00")), REMOTE)),
          "deaf after garbage")


def ping(radio):
    for sequence in range(10):
        payload = echo_request(0x4242)
        radio.sendto(zep(sequence, data_frame(sequence, NEAREST, payload)), REMOTE)
        is_reply = lambda f: len(f) > 30 and b"causeway" in f and f[3 + 18:] != payload
        reply = answer_to(radio, is_reply, 1)
        if reply:
            check(b"\x81\x00" in reply, f"no echo reply: {reply.hex()}")
            return
    check(False, "ten echo requests, and no reply")


def frames_are_acknowledged_at_once():
    guest_in(acknowledged_at_once)


def a_wrong_fcs_is_not_acknowledged():
    guest_in(wrong_fcs)


def a_real_frame_pings_a_simulated_node():
    guest_in(ping)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as air:
            air.bind(LOCAL)
            air.settimeout(0.5)
            {part.__name__: part for part in (acknowledged_at_once, wrong_fcs, ping)}[
                sys.argv[1]](air)
    else:
        harness.main([frames_are_acknowledged_at_once, a_wrong_fcs_is_not_acknowledged,
                      a_real_frame_pings_a_simulated_node])
