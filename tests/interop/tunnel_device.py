"""A Modbus RTU device, unit 17, on the serial port that it is given: holding registers count from
101. It answers reads, and is silent where the checksum is wrong, as a device is."""
import os
import select
import sys
import termios
import tty


def crc(octets):
    value = 0xffff
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0xa001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def answer(request):
    if request[:2] != b"\x11\x03" or crc(request[:6]) != request[6:8]:
        return b""
    first, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
    values = b"".join((101 + first + i).to_bytes(2, "big") for i in range(count))
    response = b"\x11\x03" + bytes([len(values)]) + values
    return response + crc(response)


def main():
    port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port, termios.TCSANOW)
    print("ready", flush=True)
    request = b""
    while True:
        # A pause ends a frame, whatever it was.
        if not select.select([port], [], [], 0.05 if request else None)[0]:
            request = b""
            continue
        octets = os.read(port, 256)
        if not octets:
            return
        request += octets
        if len(request) >= 8:
            os.write(port, answer(request[:8]))
            request = request[8:]


if __name__ == "__main__":
    try:
        main()
    except OSError:
        pass  # the port went away
