#!/usr/bin/env python3
"""Serial ports over IP, in network namespaces of their own: a serial line through two routers
(scenario A), a virtual port on the server (B), a server that speaks sockets (C). Masters and
devices speak Modbus RTU and never know. Lines are cut in the middle, connections reset, peers die,
adapters are unplugged; octets are counted at both ends. Foreign ends are socat, mbpoll and
pyserial's RFC 2217 client."""
import contextlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import termios
import textwrap
import threading
import time
import tty

import harness
from harness import Host, Running, check, eventually, scratch

harness.need("socat", "mbpoll", "ip", "ss")
harness.with_debian_python("serial", "python3-serial")

LEFT, RIGHT, RIGHT_TOO = "10.77.0.1", "10.77.0.2", "10.77.0.3"
PORT = 4001
DEVICE = harness.ROOT / "tests" / "interop" / "tunnel_device.py"


class Network:
    """Two hosts and the wire between them."""
    def __init__(self):
        self.left, self.right = Host("left"), Host("right")

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.left)
            stack.enter_context(self.right)
            subprocess.run(["ip", "link", "add", "wire", "netns", self.left.name, "type", "veth",
                            "peer", "name", "wire", "netns", self.right.name], check=True)
            for host, addresses in ((self.left, (LEFT,)), (self.right, (RIGHT, RIGHT_TOO))):
                for address in addresses:
                    host.run(["ip", "address", "add", f"{address}/24", "dev", "wire"], check=True)
                host.run(["ip", "link", "set", "wire", "up"], check=True)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc):
        return self._stack.__exit__(*exc)

    def cut(self):
        self.left.run(["ip", "link", "set", "wire", "down"], check=True)

    def mend(self):
        self.left.run(["ip", "link", "set", "wire", "up"], check=True)


class Tool(Running):
    """`causeway serial ...` on a host."""
    def __init__(self, host, *argv):
        super().__init__(host.command([harness.causeway(), "serial", *argv, "--json"]))
        self.wait_for("^tunnel from ")

    def said(self, text, timeout=20):
        eventually(text, lambda: any(text in line for line in self.errors), timeout)

    def counted(self):
        """Stops it."""
        check(self.stop() == 0, f"it failed: {self.errors}")
        return json.loads(self.lines[-1])


def tunnel(host, *argv):
    return Tool(host, "tunnel", *argv)


def redirect(host, *argv):
    return Tool(host, "redirect", *argv)


@contextlib.contextmanager
def null_modem(one, other):
    """Two ends of a serial line, by socat."""
    with Running(["socat", f"pty,rawer,link={one}", f"pty,rawer,link={other}"]) as cable:
        eventually("a null modem", lambda: one.exists() and other.exists())
        yield cable


@contextlib.contextmanager
def device(port):
    """A Modbus RTU device on a serial port."""
    with Running([sys.executable, "-B", DEVICE, port]) as running:
        running.wait_for("ready")
        yield running


def poll(host, port, baud=19200):
    """What a Modbus RTU master sees: the registers, or None."""
    done = host.run(["mbpoll", "-m", "rtu", "-a", "17", "-b", baud, "-P", "none", "-t", "4", "-r",
                     "1", "-c", "4", "-o", "1.00", "-1", "-q", port])
    values = [line.split(":")[1].split()[0] for line in done.stdout.splitlines()
              if line.startswith("[")]
    return [int(value) for value in values] if len(values) == 4 else None


def is_polled(host, port, baud=19200, timeout=20):
    eventually(f"registers through {port}",
               lambda: poll(host, port, baud) == [101, 102, 103, 104], timeout)


class End:
    """A program that has a serial port open: octets in, octets out."""
    def __init__(self, port):
        self.fd = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd, termios.TCSANOW)
        self.heard = bytearray()
        self._over = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while not self._over.is_set():
            if select.select([self.fd], [], [], 0.1)[0]:
                with contextlib.suppress(BlockingIOError):
                    self.heard += os.read(self.fd, 4096)

    def say(self, octets, octets_each_second=None):
        for at in range(0, len(octets), 512):
            piece = octets[at:at + 512]
            while piece:
                select.select([], [self.fd], [])
                with contextlib.suppress(BlockingIOError):
                    piece = piece[os.write(self.fd, piece):]
            if octets_each_second:
                time.sleep(512 / octets_each_second)

    def hears(self, octets, timeout=60):
        with contextlib.suppress(AssertionError):
            eventually("all of it", lambda: len(self.heard) >= len(octets), timeout)
        same = next((i for i, (a, b) in enumerate(zip(self.heard, octets)) if a != b),
                    min(len(self.heard), len(octets)))
        check(bytes(self.heard) == octets,
              f"{len(self.heard)} octets of {len(octets)}, alike up to {same}")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._over.set()
        self._reader.join(5)
        os.close(self.fd)


def noise(octets, seed=1):
    return random.Random(seed).randbytes(octets)


# ---- the scenarios ------------------------------------------------------------------------------


def a_serial_line_through_two_routers():
    """Scenario A over TCP and over UDP: serial - router - IP - router - serial."""
    with Network() as net, scratch() as folder, \
            null_modem(folder / "server", folder / "near"), \
            null_modem(folder / "far", folder / "field"), device(folder / "field"):
        for here, there in ((["--listen", f"{LEFT}:{PORT}"], ["--connect", f"{LEFT}:{PORT}"]),
                            (["--udp", f"{LEFT}:{PORT}", "--packet-idle", "4ms"],
                             ["--udp", f"{RIGHT}:{PORT}", "--remote", f"{LEFT}:{PORT}",
                              "--packet-idle", "4ms"])):
            if "--udp" in here:
                here += ["--remote", f"{RIGHT}:{PORT}"]
            with tunnel(net.left, "--serial", folder / "near", "--baud", "19200", *here) as near, \
                    tunnel(net.right, "--serial", folder / "far", *there) as far:
                near.said("connected")
                far.said("connected")
                for _ in range(3):
                    is_polled(net.left, folder / "server")
                near, far = near.counted(), far.counted()
                check(near["from_port"] >= 24 and near["from_network"] >= 39, f"{near}")
                check(near["to_network"] == far["to_port"] == far["from_network"],
                      f"requests: {near} {far}")
                check(far["to_network"] == near["to_port"] == near["from_network"],
                      f"responses: {near} {far}")


def a_virtual_port_on_the_server():
    """Scenario B: a redirector, and a device server that is socat."""
    with Network() as net, scratch() as folder, null_modem(folder / "far", folder / "field"), \
            device(folder / "field"):
        port = folder / "com1"
        with redirect(net.left, f"tcp://{RIGHT}:{PORT}", "--pty", port) as ours:
            # There is nobody yet: the name is there all the same, and the answer a timeout.
            check(poll(net.left, port) is None, "somebody answered")
            with Running(net.right.command(["socat", f"TCP-LISTEN:{PORT},reuseaddr",
                                            f"{folder / 'far'},rawer"])):
                is_polled(net.left, port)
                is_polled(net.left, port)
            ours.said("disconnected")
            # And again, when the device server starts again.
            with Running(net.right.command(["socat", f"TCP-LISTEN:{PORT},reuseaddr",
                                            f"{folder / 'far'},rawer"])):
                is_polled(net.left, port)
            counted = ours.counted()
            check(counted["peers_opened"] == 2, f"{counted}")
            check(not port.is_symlink(), "the virtual port's name outlived it")


def a_virtual_port_sets_the_far_one():
    """Scenario B with RFC 2217: what the program sets is set at the far port."""
    with Network() as net, scratch() as folder, null_modem(folder / "far", folder / "field"), \
            device(folder / "field"):
        port = folder / "com1"
        with tunnel(net.right, "--serial", folder / "far", "--listen", f"{RIGHT}:{PORT}",
                    "--rfc2217") as server, \
                redirect(net.left, f"rfc2217://{RIGHT}:{PORT}", "--pty", port):
            is_polled(net.left, port, baud=38400)
            server.said("is set to 38400-8N1")
            is_polled(net.left, port, baud=4800)
            server.said("is set to 4800-8N1")
            counted = server.counted()
            check(counted["commands"] >= 10 and counted["commands_bad"] == 0, f"{counted}")


def pyserials_client_sets_the_port():
    """Another maker's RFC 2217 client."""
    with Network() as net, scratch() as folder, null_modem(folder / "far", folder / "field"), \
            tunnel(net.right, "--serial", folder / "far", "--listen", f"{RIGHT}:{PORT}",
                   "--rfc2217") as server, End(folder / "field") as field:
        script = textwrap.dedent(f"""
            import serial
            port = serial.serial_for_url('rfc2217://{RIGHT}:{PORT}', baudrate=57600, timeout=5)
            port.write(bytes(range(256)))
            port.flush()
            print('cts', port.cts, 'cd', port.cd, flush=True)
            port.baudrate = 1200
            port.stopbits = 2
            port.dtr = False
            port.break_condition = True
            port.break_condition = False
            port.reset_input_buffer()
            port.reset_output_buffer()
            print('set', port.baudrate, flush=True)
            heard = port.read(256)
            print('heard', heard == bytes(reversed(range(256))), flush=True)
            port.close()
        """)
        with Running(net.left.command([sys.executable, "-c", script])) as client:
            client.wait_for("cts True cd True")
            client.wait_for("set 1200")
            server.said("is set to 57600-8N1")
            server.said("is set to 1200-8N2")
            field.hears(bytes(range(256)))
            field.say(bytes(reversed(range(256))))
            client.wait_for("heard True")
            client.process.wait(10)
        # The next one finds the port as it was. [RFC 2217 §6]
        server.said("is set to 9600-8N1")
        check(server.counted()["commands_bad"] == 0, "commands were not understood")


def a_server_that_speaks_sockets():
    """Scenario C: the port listens; socat, and a program with a socket, are the other side."""
    request = bytes.fromhex("11 03 00 00 00 04 46 99")
    with Network() as net, scratch() as folder, null_modem(folder / "far", folder / "field"), \
            device(folder / "field"), \
            tunnel(net.right, "--serial", folder / "far", "--listen", f"{RIGHT}:{PORT}",
                   "--allow", f"{LEFT}/32") as server:
        com = folder / "socat-port"
        with Running(net.left.command(["socat", f"pty,rawer,link={com}", f"TCP:{RIGHT}:{PORT}"])):
            eventually("socat's port", com.exists)
            is_polled(net.left, com)
        ask = (f"import socket,sys; s=socket.create_connection(('{RIGHT}',{PORT})); "
               f"s.sendall(bytes.fromhex('{request.hex()}')); s.settimeout(5); a=b'';\n"
               "while len(a)<13:\n    b=s.recv(99)\n    a+=b if b else sys.exit(1)\nprint(a.hex())")
        done = net.left.run([sys.executable, "-c", ask])
        check(done.stdout.startswith("110308006500660067006"), f"{done}")
        stranger = net.right.run([sys.executable, "-c", ask])
        check(stranger.returncode != 0, "somebody from elsewhere was let in")
        check(server.counted()["peers_opened"] == 2, "not two peers")


# ---- faults -------------------------------------------------------------------------------------


def through_both(net, folder, *more):
    """Scenario A between two programs' ends."""
    stack = contextlib.ExitStack()
    near = stack.enter_context(tunnel(net.left, "--pty", folder / "near", "--listen",
                                      f"{LEFT}:{PORT}", *more))
    far = stack.enter_context(tunnel(net.right, "--pty", folder / "far", "--connect",
                                     f"{LEFT}:{PORT}", *more))
    near.said("connected")
    far.said("connected")
    return stack, near, far


def a_line_cut_in_the_middle_heals():
    """The wire is out for a while, both ways busy: TCP carries on, and nothing is lost."""
    with Network() as net, scratch() as folder:
        stack, near, far = through_both(net, folder)
        with stack, End(folder / "near") as server, End(folder / "far") as field:
            down, up = noise(120_000, 1), noise(120_000, 2)
            writers = [threading.Thread(target=end.say, args=(octets, 30_000))
                       for end, octets in ((server, down), (field, up))]
            for writer in writers:
                writer.start()
            time.sleep(1)
            net.cut()
            time.sleep(2)
            net.mend()
            field.hears(down)
            server.hears(up)
            for writer in writers:
                writer.join(10)
            near, far = near.counted(), far.counted()
            for counted in (near, far):
                check(counted["from_port"] == counted["to_network"] == 120_000
                      and counted["from_network"] == counted["to_port"] == 120_000
                      and counted["lost_network"] == counted["lost_port"] == 0, f"{counted}")
                check(counted["peers_opened"] == 1, f"{counted}")


def a_connection_that_is_reset_comes_back():
    """Octets that come while there is no connection wait for the next one."""
    with Network() as net, scratch() as folder:
        stack, near, far = through_both(net, folder)
        with stack, End(folder / "near") as server, End(folder / "far") as field:
            down, up = b"", b""
            for round_number in range(4):
                for part in range(3):
                    more = noise(3_000, 10 * round_number + part)
                    down, up = down + more, up + more[::-1]
                    server.say(more)
                    field.say(more[::-1])
                    if part == 0:
                        # All that was said so far is acknowledged.
                        field.hears(down)
                        server.hears(up)
                        net.left.run(["ss", "-K", "sport", "=", str(PORT)], check=True)
            field.hears(down)
            server.hears(up)
            near, far = near.counted(), far.counted()
            for counted in (near, far):
                check(counted["peers_opened"] == 5, f"it was not reset: {counted}")
                check(counted["from_port"] == counted["to_network"] == len(down)
                      and counted["to_port"] == len(up)
                      and counted["lost_network"] == counted["lost_port"] == 0, f"{counted}")


def a_dead_peer_never_holds_the_port():
    """Its host vanished without a word; the next one takes the port at once."""
    with Network() as net, scratch() as folder, null_modem(folder / "field", folder / "port"), \
            tunnel(net.left, "--serial", folder / "port", "--listen", f"{LEFT}:{PORT}", "--policy",
                   "newest", "--peers-max", "2") as server, End(folder / "field") as field:
        def peer(address):
            return Running(net.right.command(["socat", "-d", "-d", "STDIO",
                                              f"TCP:{LEFT}:{PORT},bind={address}"]),
                           stdin=subprocess.PIPE)
        with peer(RIGHT) as dead:
            server.said(f"connected with {RIGHT}:")
            net.right.run(["ip", "route", "add", "blackhole", f"{LEFT}/32"], check=False)
            # Not a word of its end gets through.
            net.right.run(["ip", "address", "del", f"{RIGHT}/24", "dev", "wire"], check=True)
            dead.process.kill()
            net.right.run(["ip", "route", "del", "blackhole", f"{LEFT}/32"], check=False)
            net.right.run(["ip", "address", "add", f"{RIGHT_TOO}/24", "dev", "wire"], check=False)
            with peer(RIGHT_TOO) as alive:
                server.said(f"connected with {RIGHT_TOO}:", timeout=10)
                alive.process.stdin.write("I am here\n")
                alive.process.stdin.flush()
                field.hears(b"I am here\n", timeout=10)
        counted = server.counted()
        check(counted["displaced"] == 1, f"{counted}")


def an_adapter_unplugged_and_back():
    """The tty vanishes and comes back under its name; a Modbus master goes on."""
    with Network() as net, scratch() as folder:
        port = folder / "far"
        with tunnel(net.right, "--serial", port, "--listen", f"{RIGHT}:{PORT}") as server, \
                redirect(net.left, f"tcp://{RIGHT}:{PORT}", "--pty", folder / "com1") as ours:
            server.said("no such file or directory")
            for _ in range(2):
                with null_modem(port, folder / "field"), device(folder / "field"):
                    is_polled(net.left, folder / "com1")
                server.said("is gone")
            server, ours = server.counted(), ours.counted()
            check(server["port_opened"] == server["port_closed"] == 2, f"{server}")
            check(ours["peers_opened"] == 1, f"the connection did not outlive the port: {ours}")


def a_slow_port_slows_its_peer_and_loses_nothing():
    """A peer that is faster than the port is paused; so is a port that is faster than the peer."""
    with Network() as net, scratch() as folder, \
            tunnel(net.right, "--pty", folder / "field", "--listen", f"{RIGHT}:{PORT}") as server:
        octets = noise(3_000_000)
        end = os.open(folder / "field", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(end, termios.TCSANOW)
        (folder / "octets").write_bytes(octets)
        with Running(net.left.command(["socat", "-u", f"FILE:{folder / 'octets'}",
                                       f"TCP:{RIGHT}:{PORT}"])) as peer:
            time.sleep(1)
            heard = bytearray()
            # The peer has said all, and is gone or waits; the port takes it at its leisure.
            while len(heard) < len(octets) and select.select([end], [], [], 10)[0]:
                with contextlib.suppress(BlockingIOError):
                    heard += os.read(end, 65536)
            check(bytes(heard) == octets, f"{len(heard)} octets of {len(octets)}")
            peer.process.wait(10)
        os.close(end)
        counted = server.counted()
        check(counted["peer_pauses"] > 0 and counted["lost_port"] == 0, f"{counted}")


if __name__ == "__main__":
    signal.alarm(400)
    socket.setdefaulttimeout(10)
    harness.main([
        a_serial_line_through_two_routers, a_virtual_port_on_the_server,
        a_virtual_port_sets_the_far_one, pyserials_client_sets_the_port,
        a_server_that_speaks_sockets, a_line_cut_in_the_middle_heals,
        a_connection_that_is_reset_comes_back, a_dead_peer_never_holds_the_port,
        an_adapter_unplugged_and_back, a_slow_port_slows_its_peer_and_loses_nothing
    ])
