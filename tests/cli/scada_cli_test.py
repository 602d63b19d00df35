#!/usr/bin/env python3
"""`causeway modbus`, `dnp3`, `device` and `serial` as a person or a script meets them. The other
ends are our simulated devices on TCP, UDP and a pseudo-terminal, mbpoll, and a server of pymodbus;
then what `causeway check` says of [scada]."""
import contextlib
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
from harness import check  # noqa: E402

harness.need("mbpoll")

TOOLS = {"modbus": ("read", "write", "scan", "identify", "diagnose", "bench"),
         "dnp3": ("poll", "watch", "operate", "direct", "time", "restart", "freeze", "assign-class",
                  "deadband", "read", "bench"),
         "device": ("modbus", "dnp3"), "serial": ("list", "tunnel", "redirect")}


def run(*argv, status=0, timeout=30):
    """What `causeway` printed on stdout and stderr, once it has ended with that status."""
    done = subprocess.run([harness.causeway(), *map(str, argv)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout)
    check(done.returncode == status, f"{argv} ended with {done.returncode}, not {status}: "
                                     f"{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def shown(*argv, **how):
    return run(*argv, **how)[0]


def told(*argv, **how):
    return json.loads(shown(*argv, "--json", **how))


def values(*argv):
    """What `modbus read` reads there."""
    return told("modbus", "read", *argv)["values"]


def trouble(*argv, status=1):
    """The one line that says why; nothing is on stdout."""
    out, errors = run(*argv, status=status)
    check(not out and re.fullmatch(r"causeway: .+\n", errors), f"{argv}: {out!r}, {errors!r}")
    return errors[len("causeway: "):-1]


@contextlib.contextmanager
def device(protocol, *argv):
    """A simulated device, and where it is."""
    with harness.Running([harness.causeway(), "device", protocol, *argv]) as running:
        yield running.wait_for(r"device on (\S+)", timeout=20)[1]
        check(running.stop() == 0, "Ctrl-C ends a device, and that is fine")


def on_tcp(protocol, *argv):
    return device(protocol, "--listen", "127.0.0.1:0", *argv)


def closed_port():
    """Nobody listens there: it is bound, and no more."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken, f"127.0.0.1:{taken.getsockname()[1]}"


# ---- usage --------------------------------------------------------------------------------------


def every_tool_has_help_with_an_example():
    for family, tools in TOOLS.items():
        for words in ([family], *([family, tool] for tool in tools)):
            text = shown(*words, "--help")
            check(re.search(rf"Examples?:\n  causeway {' '.join(words)}\b", text),
                  f"{words}: no example in\n{text}")
            check("TEXT" not in text, f"{words}: an option of no kind in\n{text}")


# A command line, and what is said of it.
MISUSE = """\
modbus -> subcommand
modbus read -> a place is wanted
modbus read ::1 -> a table and an address
modbus read ::1 frob 0 -> coil, discrete, input
modbus read ::1 input x -> 0 to 65535
modbus read ::1 input 65536 -> 0 to 65535
modbus read ::1 input 0 --one-based -> 1 to 65536
modbus read ::1 input 65535 -c 2 -> beyond address 65535
modbus read ::1 input 0 -c 0 -> --count
modbus read ::1 input 0 -t u17 -> allowed: u16
modbus read ::1 input 0 --order abdc -> allowed: abcd
modbus read ::1 input 0 -t text --length 0 -> --length
modbus read ::1 input 0 1 -> what is that
modbus read ::1 input 0 -a 256 -> 255
modbus read ::1 input 0 -o 0 -> --timeout
modbus read ::1 input 0 --every soon -> --every
modbus read ::1 input 0 --framing x -> rtu, ascii, tcp
modbus read ::1 --frob -> --frob
modbus read [::1 coil 0 -> HOST:PORT
modbus read a:0 coil 0 -> HOST:PORT
modbus read /dev/x coil 0 -b fast -> --baud
modbus read /dev/x coil 0 -a 0 -> nobody answers
modbus write ::1 input 0 1 -> only read
modbus write ::1 discrete 0 on -> only read
modbus write ::1 holding 0 -> a value
modbus write ::1 coil 0 2 -> on or off
modbus write ::1 holding 0 65536 -> no u16
modbus write ::1 holding 0 -1 -> no u16
modbus write ::1 holding 0 12.5 -> no u16
modbus write ::1 holding 0 x -> a number
modbus write ::1 holding 0 1e40 -t f32 -> no f32
modbus write ::1 holding 0 10000 -t bcd16 -> no bcd16
modbus write ::1 holding 0 abc -t text --length 1 -> no text
modbus write ::1 holding 65535 1 2 -> beyond address
modbus scan ::1 --units 9-1 -> --units
modbus scan ::1 --units 1-256 -> --units
modbus scan ::1 --addresses 0-65536 -> --addresses
modbus scan ::1 --addresses 0-9 --table x -> --table
modbus bench /dev/x -> Modbus/TCP
modbus bench ::1 -c 0 -> -c
modbus bench ::1 --seconds 0 -> --seconds
dnp3 -> subcommand
dnp3 poll -> a place is wanted
dnp3 poll ::1 x -> not understood
dnp3 poll ::1 --outstation 65520 -> 65519
dnp3 poll ::1 --classes 4 -> --classes
dnp3 poll ::1 -w never -> --timeout
dnp3 poll /dev/x -b fast -> --baud
dnp3 watch ::1 --every soon -> --every
dnp3 operate ::1 -> binary-output
dnp3 operate ::1 binary-output 0 -> binary-output
dnp3 operate ::1 binary-output 65536 on -> no index
dnp3 operate ::1 binary-output 0 up -> trip, close
dnp3 operate ::1 analog-output 0 40000 --as int16 -> no int16
dnp3 operate ::1 analog-output 0 1.5 --as int32 -> no int32
dnp3 operate ::1 analog-output 0 nan -> no float
dnp3 operate ::1 binary-output 0 on analog-output 0 1 -> one kind
dnp3 direct ::1 valve 0 on -> valve
dnp3 freeze ::1 9-1 -> 0-9
dnp3 assign-class ::1 4 analog -> CLASS
dnp3 assign-class ::1 1 frob -> CLASS
dnp3 deadband ::1 0 -> INDEX VALUE
dnp3 read ::1 -> GROUP/VARIATION
dnp3 read ::1 30 -> GROUP
dnp3 read ::1 256/0 -> GROUP
dnp3 read ::1 1/0:2-1 -> GROUP
dnp3 bench ::1 --outstation-load [::1]:0 -> no HOST
device -> subcommand
device modbus -> one of --pty
device modbus --pty a --udp [::1]:0 -> one of --pty
device modbus --listen 127.0.0.1 -> ADDRESS:PORT
device modbus --listen [::1]:0 -a 256 -> 255
device modbus --listen [::1]:0 --delay x -> --delay
device modbus --listen [::1]:0 --framing x -> rtu, ascii, tcp
device dnp3 --listen [::1]:0 --for soon -> --for
device dnp3 --listen [::1]:0 --move x -> --move
device dnp3 --listen [::1]:0 --address 65520 -> 65519
device dnp3 --pty x --baud 0 -> --baud
serial -> subcommand
serial redirect -> TARGET
serial redirect tcp://a:1 -> --pty
serial redirect udp://a:1 --pty x -> rfc2217://
serial redirect a --pty x -> HOST:PORT
serial redirect a:65536 --pty x -> HOST:PORT
serial redirect a:1 --pty x --baud 9600-8X1 -> --baud
serial redirect a:1 --pty x --for soon -> --for
serial tunnel -> --serial and --pty
serial tunnel --pty x --serial y -> --serial and --pty
serial tunnel --pty x -> --listen, --connect and --udp
serial tunnel --pty x --listen [::1]:0 --udp [::1]:0 -> --udp
serial tunnel --pty x --listen 4001 -> ADDRESS:PORT
serial tunnel --pty x --listen [::1]:0 --remote [::1]:1 -> --remote
serial tunnel --pty x --udp [::1]:0 --remote a -> ADDRESS:PORT
serial tunnel --pty x --connect a:1 --allow ::1 -> --allow
serial tunnel --pty x --udp [::1]:0 --rfc2217 -> --rfc2217
serial tunnel --pty x --udp [::1]:0 --packet-mark 0 -> in hex
serial tunnel --pty x --udp [::1]:0 --packet-idle x -> -idle
serial tunnel --pty x --listen [::1]:0 --policy x -> --policy
"""


def bad_usage_ends_with_two_and_says_what_is_wanted():
    cases = [line.split(" -> ") for line in MISUSE.splitlines()]
    cases.append(("modbus write ::1 holding 0" + " 1" * 124, "123 at most"))
    for line, said in cases:
        argv = line.split()
        out, errors = run(*argv, status=2)
        check(not out and said in errors and errors.count("\n") <= 2, f"{line}: {out}, {errors}")


# ---- Modbus -------------------------------------------------------------------------------------


def a_number_of_every_type_is_written_and_read_in_every_order():
    with on_tcp("modbus") as at:
        for kind, value in (("u16", 65535), ("i16", -12), ("u32", 4_294_967_295), ("i32", -1),
                            ("u64", 18_446_744_073_709_551_615),
                            ("i64", -9_000_000_000_000_000_000), ("f32", -1.5),
                            ("f64", 1e300), ("bcd16", 1234), ("bcd32", 12_345_678)):
            for order in ("abcd", "cdab", "badc", "dcba"):
                how = (at, "holding", 32, "--type", kind, "--order", order)
                run("modbus", "write", *how, value)
                check(values(*how) == [value], f"{kind} {order}")
        for order, registers in (("abcd", [0x0102, 0x0304]), ("cdab", [0x0304, 0x0102]),
                                 ("badc", [0x0201, 0x0403]), ("dcba", [0x0403, 0x0201])):
            run("modbus", "write", at, "holding", 32, "0x01020304", "-t", "u32", "--order", order)
            check(values(at, "holding", 32, "-c", 2) == registers, order)
        run("modbus", "write", at, "holding", 40, "valve 7", "--type", "text", "--length", 4)
        check(shown("modbus", "read", at, "holding", 40, "--type", "text", "--length", 4)
              == "40: valve 7\n", "a text")
        run("modbus", "write", at, "holding", 50, 10, 20, 30)
        check(shown("modbus", "read", at, "holding", 51, "-c", 2, "--one-based")
              == "51: 10\n52: 20\n", "addresses from 1")
        check(shown("modbus", "read", at, "4", 50, "--hex") == "50: 10  0x000a\n", "--hex")
        run("modbus", "write", at, "coil", 4, "on", "off", "on")
        run("modbus", "write", at, "coil", 7, "on", "--multiple")
        check(values(at, "coil", 3, "-c", 5) == [0, 1, 0, 1, 1], "coils")
        written = told("modbus", "write", at, "holding", 60, 1, "--multiple")
        check(written == {"unit": 1, "table": "holding_register", "address": 60, "written": 1},
              f"{written}")


def what_is_written_shows_in_the_inputs():
    with on_tcp("modbus", "--unit", 1, "--unit", 9) as at:
        run("modbus", "write", at, "-a", 9, "coil", 0, "off")
        run("modbus", "write", at, "-a", 9, "holding", 0, 321)

        def seen():
            return (values(at, "-a", 9, "discrete", 0)
                    + values(at, "-a", 9, "input", 13))
        harness.eventually("the feedback", lambda: seen() == [0, 321], timeout=10)
        volts = values(at, "input", 0, "-c", 3)
        check(all(2200 <= one <= 2400 for one in volts), f"{volts}")
        hertz = values(at, "input", 8, "-t", "f32")[0]
        check(49.9 < hertz < 50.1, f"{hertz}")
        check(values(at, "discrete", 0) == [1], "unit 1 is another")


def a_read_repeats_as_often_as_it_is_told():
    with on_tcp("modbus") as at:
        check(shown("modbus", "read", at, "holding", 0, "--every", "20ms", "--times", 3)
              == "0: 100\n" * 3, "--times")
        with harness.Running([harness.causeway(), "modbus", "read", at, "holding", "0", "--json",
                              "--every", "20ms"]) as reading:
            reading.wait_for('"values":\\[100\\]', timeout=10)
            check(reading.stop() == 0 and all(json.loads(line)["values"] == [100]
                                              for line in reading.lines), "Ctrl-C ends it")
        with harness.Running([harness.causeway(), "modbus", "read", at, "holding", "300", "--every",
                              "20ms"]) as reading:
            harness.eventually("complaints", lambda: len(reading.errors) > 2, timeout=10)
            check(reading.stop(signal.SIGTERM) == 1, "all of it failed")


def a_refusal_and_silence_are_said_in_one_line():
    with on_tcp("modbus") as at:
        refusal = f"unit 1 at {at}: exception 2, illegal data address"
        for argv in (("read", at, "holding", 300), ("read", at, "input", 0, "-c", 125),
                     ("write", at, "coil", 300, "on")):
            check(trouble("modbus", *argv) == refusal, f"{argv}")
        check("exception 11" in trouble("modbus", "read", at, "-a", 77, "holding", 0), "a gateway")
    with device("modbus", "--udp", "127.0.0.1:0") as at:
        check(shown("modbus", "read", at, "holding", 0, "--udp") == "0: 100\n", "UDP")
        other = ("--udp", "--framing", "ascii", "-o", "50ms")
        check(trouble("modbus", "read", at, "holding", 0, *other)
              == f"unit 1 at {at} does not answer", "another framing")
    with on_tcp("modbus", "--delay", "2s") as at:
        began = time.monotonic()
        check(trouble("modbus", "read", at, "holding", 0, "-o", "100ms", "--retries", 0)
              == f"unit 1 at {at} does not answer", "too slow")
        check(time.monotonic() - began < 2, "it waited longer than it was told")
        check(shown("modbus", "read", at, "holding", 0, "-o", "10s") == "0: 100\n", "slow")
    taken, at = closed_port()
    with taken:
        check("connection refused" in trouble("modbus", "read", at, "holding", 0), "nobody there")
        check("connection refused" in trouble("modbus", "bench", at), "nobody there")
    check(trouble("modbus", "read", "nobody.invalid", "coil", 0), "no such host")
    check("no such file" in trouble("modbus", "read", "/nowhere/tty", "coil", 0), "a port")


def a_read_is_tried_again_and_a_write_never():
    for tool, what, octets in (("read", (), 4 * 12), ("write", ("on",), 12)):
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            at = f"127.0.0.1:{deaf.getsockname()[1]}"
            check(trouble("modbus", tool, at, "coil", 0, *what, "-o", "100ms", "--retries", 3)
                  == f"unit 1 at {at} does not answer", "it accepts, and no more")
            heard = b""
            deaf.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                while True:
                    with deaf.accept()[0] as connection:
                        while more := connection.recv(4096):
                            heard += more
            check(len(heard) == octets, f"{tool}: {heard.hex()}")


def a_serial_line_has_several_units():
    with harness.scratch() as folder:
        port = folder / "rtu"
        with device("modbus", "--pty", port, "--unit", 1, "--unit", 7, "--quiet") as where:
            check(where == str(port), where)
            check(shown("modbus", "read", port, "holding", 0, "-a", 7) == "0: 100\n", "unit 7")
            check(shown("modbus", "read", "--serial", port, "holding", 0) == "0: 100\n", "--serial")
            run("modbus", "write", port, "holding", 16, 5, "-a", 0)  # a broadcast
            for unit in (1, 7):
                check(values(port, "holding", 16, "-a", unit) == [5], unit)
            check(trouble("modbus", "read", port, "holding", 0, "-a", 2, "-o", "50ms")
                  == f"unit 2 at {port} does not answer", "nobody has that unit")
            found = shown("modbus", "scan", port, "--units", "1-8")
            check(found == "unit 1: there; holding register 0 is 100\n"
                           "unit 7: there; holding register 0 is 100\n", found)
            theirs = mbpoll("-m", "rtu", "-b", 19200, "-P", "even", "-a", 7, "-t", 4, "-c", 1,
                            port)
            check("[1]: \t100" in theirs, theirs)
        check(not port.exists(), "the name ends with the device")
        with device("modbus", "--pty", port, "--framing", "ascii"):
            check(shown("modbus", "read", port, "holding", 0, "--framing", "ascii") == "0: 100\n",
                  "ASCII")


def scans_find_units_and_addresses():
    with on_tcp("modbus", "-a", 3, "-a", 4, "-a", 200) as at:
        lines = shown("modbus", "scan", at, "--json").splitlines()
        check([json.loads(line)["unit"] for line in lines] == [3, 4, 200], f"{lines}")
        check(trouble("modbus", "scan", at, "--units", "5-9") == "nobody answers", "nobody")
        found = shown("modbus", "scan", at, "-a", 3, "--table", "input", "--addresses", "0-999")
        check(found == "input register 0 to 20\n", found)
        for table, last in (("coil", 15), ("discrete", 7), ("holding", 127)):
            found = told("modbus", "scan", at, "-a", 3, "--table", table, "--addresses", "0-300")
            check((found["first"], found["last"]) == (0, last), f"{found}")
        trouble("modbus", "scan", at, "-a", 3, "--addresses", "500-600")


def silent_units_are_no_reason_to_miss_another():
    with on_tcp("modbus", "--framing", "rtu", "-a", 3, "-a", 14) as at:
        lines = shown("modbus", "scan", at, "--framing", "rtu", "--units", "1-15",
                      "--json").splitlines()
        check([json.loads(line)["unit"] for line in lines] == [3, 14], f"{lines}")


def a_port_may_go_and_come_back():
    with harness.scratch() as folder:
        port = folder / "rtu"
        for field, tool, pattern in (
                (("modbus",), ("modbus", "read", port, "holding", 0), "^0: 100$"),
                (("dnp3", "--no-unsolicited", "--move", "50ms"),
                 ("dnp3", "watch", port, "--polled"), "^binary ")):
            with contextlib.ExitStack() as first:
                first.enter_context(device(*field, "--pty", port, "-q"))
                with harness.Running([harness.causeway(), *tool, "--every", "50ms"]) as running:
                    running.wait_for(pattern, timeout=20)
                    first.close()
                    harness.eventually("a complaint", lambda: any("causeway: " in line
                                                                  for line in running.errors))
                    del running.lines[:]
                    with device(*field, "--pty", port, "-q"):
                        running.wait_for(pattern, timeout=20)
                        running.stop()


def a_device_says_who_it_is_and_how_it_fares():
    with on_tcp("modbus", "--name", "pump \x1b[31m") as at:
        check(re.search("^vendor: Causeway$", shown("modbus", "identify", at), re.M), "vendor")
        who = told("modbus", "identify", at)
        check(who["product_code"] == "CW-METER" and "\x1b" not in who["application"]
              and who["server_id"].startswith("01 ff"), f"{who}")
        run("modbus", "read", at, "holding", 300, status=1)
        before = told("modbus", "diagnose", at)
        check(before["echo"] == "as it was sent" and before["bus_exception_count"] == 1
              and before["log"][0] == "received" and len(before["log"]) > 3, f"{before}")
        text = shown("modbus", "diagnose", at, "--clear")
        check("\nbus exception count: 1\n" in text and "\nevent -1: received\n" in text, text)
        check(told("modbus", "diagnose", at)["bus_exception_count"] == 0, "--clear")


def the_generator_measures():
    with on_tcp("modbus", "--quiet") as at:
        load = told("modbus", "bench", at, "--seconds", 0.2, "--warmup", 0, "--connections", 2,
                    "--depth", 4)
        check(load["answers"] > 50 and load["exceptions"] == 0 and load["p50_us"] > 0, f"{load}")
        short = ("modbus", "bench", at, "--seconds", 0.1, "--warmup", 0, "--address")
        check("requests/s" in shown(*short, 16, "--write"), "--write")
        check(told(*short, 300, status=1)["exceptions"], "exceptions are no success")


def mbpoll(*argv):
    """What it shows; libmodbus speaks."""
    done = subprocess.run(["mbpoll", "-1", "-o", "2", *map(str, argv)], capture_output=True,
                          text=True, timeout=20)
    check(done.returncode == 0, f"mbpoll {argv}: {done.stdout}{done.stderr}")
    return done.stdout


def mbpoll_reads_and_writes_our_device():
    with on_tcp("modbus") as at:
        where = ("-m", "tcp", "-p", at.rsplit(":", 1)[1], "-a", 1)
        host = "127.0.0.1"
        check("[1]: \t100" in mbpoll(*where, "-t", 4, "-r", 1, "-c", 2, host), "holding")
        hertz = mbpoll(*where, "-t", "3:float", "-B", "-r", 9, "-c", 1, host)
        check(re.search(r"\[9\]: \t(49\.9|50)", hertz), hertz)
        check("[1]: \t1" in mbpoll(*where, "-t", 1, "-r", 1, "-c", 1, host), "an input")
        # It writes what stands behind the host.
        mbpoll(*where, "-t", 4, "-r", 21, host, 77, 78)
        mbpoll(*where, "-t", 0, "-r", 6, host, 1)
        check(values(at, "holding", 20, "-c", 2) == [77, 78], "registers")
        check(values(at, "coil", 5) == [1], "a coil")


PYMODBUS = """
import asyncio
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.server.async_io import ModbusTcpServer
def block(*values):
    return ModbusSequentialDataBlock(0, [*values, *[0] * 20])
async def main():
    unit = ModbusSlaveContext(di=block(1, 0, 1), co=block(0, 1), ir=block(*range(1000, 1300)),
                              hr=block(1, 2, 3), zero_mode=True)
    who = ModbusDeviceIdentification()
    who.VendorName, who.ProductCode, who.MajorMinorRevision = "pymodbus", "PM", "3.0"
    server = ModbusTcpServer(ModbusServerContext(slaves={5: unit}, single=False), identity=who,
                             address=("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve_forever())
    await server.serving
    print("port", server.server.sockets[0].getsockname()[1], flush=True)
    await serving
asyncio.run(main())
"""


def a_server_of_pymodbus_is_read_and_written():
    with harness.Running(["/usr/bin/python3", "-B", "-c", PYMODBUS]) as server:
        at = "127.0.0.1:" + server.wait_for(r"^port (\d+)", timeout=20)[1]
        unit = (at, "-a", 5)
        check(values(*unit, "discrete", 0, "-c", 3) == [1, 0, 1], "inputs")
        # More than one request holds.
        check(values(*unit, "input", 0, "-c", 300) == [*range(1000, 1300)],
              "300 registers")
        run("modbus", "write", *unit, "coil", 0, "on", "off", "on")
        check(values(*unit, "coil", 0, "-c", 3) == [1, 0, 1], "coils")
        run("modbus", "write", *unit, "holding", 4, "-21.5", "-t", "f32", "--order", "cdab")
        check(values(*unit, "holding", 4, "-t", "f32", "--order", "cdab")
              == [-21.5], "a float")
        run("modbus", "write", *unit, "holding", 1, "-7", "-t", "i16")
        check(values(*unit, "holding", 0, "-c", 3) == [1, 65529, 3], "one")
        check("exception 2" in trouble("modbus", "read", *unit, "holding", 5000), "not there")
        who = told("modbus", "identify", *unit)
        check(who["vendor"] == "pymodbus" and who["product_code"] == "PM", f"{who}")
        check(told("modbus", "scan", *unit, "--table", "input", "--addresses", "0-999")
              == {"table": "input_register", "first": 0, "last": 319}, "addresses")


# ---- DNP3 ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def outstations(*argv):
    """How the same outstation is reached on TCP, on UDP and on a pseudo-terminal."""
    settings = ("--address", 10, "--address", 12, "--move", 0, "--no-unsolicited", "--quiet", *argv)
    with harness.scratch() as folder, on_tcp("dnp3", *settings) as tcp, \
            device("dnp3", "--udp", "127.0.0.1:0", *settings) as udp, \
            device("dnp3", "--pty", folder / "rtu", *settings) as port:
        yield ((tcp, "--outstation", 10), (udp, "--udp", "--outstation", 10), (port, "-o", 10))


def points(answer):
    return {(one["type"], one["index"]): one["value"] for one in answer["points"]}


def an_outstation_is_polled_on_every_line():
    with outstations("--name", "feeder") as all_of_them:
        for where in all_of_them:
            answer = told("dnp3", "poll", *where)
            have = points(answer)
            check(answer["answered"] and have["analog", 0] == 230 and have["binary", 4] is False
                  and have["double_bit", 0] == "off" and have["counter", 1] == 0
                  and have["octet_string", 0] == "feeder" and len(have) == 26, f"{answer}")
            check("device_restart" in answer["indications"], f"{answer}")
            text = shown("dnp3", "poll", *where, "--classes", "0")
            check(re.search(r"^analog +0  230 +online$", text, re.M)
                  and re.search(r"^indications: .*device_restart", text, re.M), text)
            check(shown("dnp3", "poll", *where, "--classes", "123").startswith("indications:"),
                  "there are no events")
            check(len(points(told("dnp3", "poll", *where[:-1], 12))) == 26, "its neighbour")
            check(trouble("dnp3", "poll", *where[:-1], 11, "-w", "100ms").startswith(
                "outstation 11 at "), "another outstation")
        place = all_of_them[0][0]
        check(told("dnp3", "poll", f"tcp://{place}", "-o", 10)["answered"], "tcp://")
        check(told("dnp3", "poll", "--serial", all_of_them[2][0], "-o", 10)["answered"], "--serial")
    taken, at = closed_port()
    with taken:
        check("connection refused" in trouble("dnp3", "poll", at), "nobody there")
    check("no such file" in trouble("dnp3", "poll", "/nowhere/tty"), "a port")


def outputs_are_operated_and_refusals_have_names():
    with outstations() as all_of_them:
        for where in all_of_them:
            for tool in ("operate", "direct"):
                def output(*what, status=0):
                    return told("dnp3", tool, *where, *what, status=status)["controls"]
                two = output("binary-output", 0, "on", "binary-output", 1, "off")
                check([one["outcome"] for one in two] == ["success"] * 2, tool)
                check(output("analog-output", 0, "-12.5")[0]["outcome"] == "success", tool)
                check(output("analog-output", 0, "-12", "--as", "int16")[0]["status"] == 0, tool)
                check(output("analog-output", 1, 500, status=1)
                      == [{"type": "analog_output", "index": 1, "outcome": "out of range",
                           "status": 12}], tool)
                text = shown("dnp3", tool, *where, "binary-output", 3, "on", status=1)
                check("binary output 3: not supported\n" in text, text)
                nobody, = output("binary-output", 99, "on", status=1)
                check(nobody["outcome"] == "not supported", tool)
                pulses, = output("binary-output", 3, "pulse", "--count", 2, "--on-ms", 10)
                check(pulses["status"] == 0, "pulses")
            run("dnp3", "direct", *where, "binary-output", 2, "close", "--no-ack")

            def breaker():
                have = points(told("dnp3", "poll", *where, "--classes", "0"))
                return (have["double_bit", 0] == "on" and have["counter", 2] == 4
                        and have["binary", 2] and not have["binary", 3]
                        and have["analog", 3] == -12)
            harness.eventually("the outputs' effects", breaker, timeout=10)
            silent = (*where[:-1], 11, "-w", "100ms")
            check(shown("dnp3", "direct", *silent, "binary-output", 0, "on", status=1)
                  == "binary output 0: unanswered\n", "nobody is there")


def an_outstation_does_what_a_master_asks():
    with outstations() as all_of_them:
        for where in all_of_them:
            def ask(tool, *what, status=0):
                answer = told("dnp3", tool, *where, *what, status=status)
                check(answer["request"] == tool, f"{answer}")
                return answer["outcome"], answer["indications"], answer.get("back_in_ms")
            silent = (*where[:-1], 11, "-w", "100ms")
            check("need_time" in told("dnp3", "poll", *where)["indications"], "it wants the time")
            outcome, indications, _ = ask("time")
            check(outcome == "done" and "need_time" not in indications, f"{indications}")
            check(ask("time", "--measure")[0] == "done", "--measure")
            check(ask("freeze")[0] == "done", "freeze")
            check(ask("freeze", "0-1", "--clear")[0] == "done", "--clear")
            check(ask("freeze", "2", "--no-ack")[0] == "sent", "--no-ack")
            outcome, indications, _ = ask("freeze", "0-9", status=1)
            check(outcome == "refused" and "parameter_error" in indications, f"{indications}")
            check(ask("assign-class", 2, "analog", "0-1")[0] == "done", "assign-class")
            check(ask("assign-class", 0, "double-bit")[0] == "done", "all of a type")
            check(ask("assign-class", 1, "analog", "0-9", status=1)[0] == "refused", "too many")
            check(ask("deadband", 0, 2.5)[0] == "done", "deadband")
            check(ask("deadband", 9, 1, status=1)[0] == "refused", "no such analog")
            check(ask("deadband", 0, "-1", status=1)[0] == "refused", "no deadband")
            read = told("dnp3", "read", *where, "30/5:0-1", "1/2:3", "34/3:0")
            check(points(read).keys() == {("analog", 0), ("analog", 1), ("binary", 3)}
                  and read["objects"] == [{"group": 34, "variation": 3, "start": 0,
                                           "value": "00 00 20 40"}], f"{read}")
            refused = told("dnp3", "read", *where, "77/1", status=1)
            check("object_unknown" in refused["indications"], f"{refused}")
            text = shown("dnp3", "read", *where, "20/5:7", status=1)
            check(re.fullmatch("indications: .*parameter_error.*\n", text), text)
            check(trouble("dnp3", "read", *silent, "60/1").startswith(
                "outstation 11 at "), "nobody is there")
            check(shown("dnp3", "time", *silent, status=1)
                  == "time: unanswered\n", "nobody is there")
            outcome, indications, back = ask("restart", "--warm")
            check(outcome == "done" and back > 0, f"{back}")
            text = shown("dnp3", "restart", *where)
            check(re.search("^it is back in [0-9.]+ s$", text, re.M), text)


def changes_are_watched():
    settings = ("--address", 10, "--move", "50ms", "--quiet")
    with on_tcp("dnp3", *settings) as at, device("dnp3", "--udp", "127.0.0.1:0", *settings) as udp:
        for where in ((at,), (udp, "--udp")):
            with harness.Running([harness.causeway(), "dnp3", "watch", *where, "-o", "10", "--json",
                                  "--every", "0"]) as watching:
                change = json.loads(watching.wait_for('.*"unsolicited":true.*', timeout=20)[0])
                check(change["event"] and change["time_ms"] > 0, f"{change}")
                check(watching.stop() == 0, "Ctrl-C ends it")
                check("outstation 10 sends its changes by itself" in watching.errors,
                      f"{watching.errors}")
    with on_tcp("dnp3", *settings, "--no-unsolicited") as at:
        lines = shown("dnp3", "watch", at, "-o", 10, "--polled", "--every", "50ms", "--count", 60,
                      "--json").splitlines()
        check(len(lines) == 60 and not any("unsolicited" in json.loads(line) for line in lines),
              "--polled --count")
        _, errors = run("dnp3", "watch", at, "-o", 10, "--for", "1s")
        check("outstation 10 answers" in errors, errors)
    with on_tcp("dnp3", *settings) as at:
        load = told("dnp3", "bench", at, "-o", 10, "--seconds", 0.5)
        check(load["events"] > 0, f"{load}")
    taken, at = closed_port()
    with taken:  # it is waited for
        _, errors = run("dnp3", "watch", at, "--for", "300ms")
        check("connection refused" in errors, errors)


# ---- serial ports -------------------------------------------------------------------------------


def ports_are_listed():
    ports = json.loads(shown("serial", "list", "--json"))
    text, errors = run("serial", "list")
    check(all(port["device"] in text for port in ports), f"{ports}: {text}")
    check(ports or "no serial ports" in errors, errors)


def a_port_is_redirected_and_what_passes_is_counted():
    with harness.scratch() as folder, on_tcp("modbus", "--framing", "rtu") as at:
        for target in (f"tcp://{at}", at):
            port = folder / "com"
            with harness.Running([harness.causeway(), "serial", "redirect", target, "--pty", port,
                                  "--json"]) as tunnel:
                tunnel.wait_for(f"^tunnel from {port} to {at}$", timeout=20)
                check(values(port, "holding", 0, "-o", "5s") == [100], "through it")
                check(tunnel.stop() == 0, "Ctrl-C ends it")
                counted = json.loads(tunnel.lines[-1])
                check(counted["from_port"] == 8 and counted["to_network"] == 8
                      and counted["to_port"] == 7, f"{counted}")
        with harness.Running([harness.causeway(), "serial", "tunnel", "--pty", folder / "bus",
                              "--listen", "127.0.0.1:0", "-q"]) as tunnel:
            far = tunnel.wait_for(r"^tunnel from \S+ to (\S+)$", timeout=20)[1]
            with device("modbus", "--serial", folder / "bus", "-a", 3):
                check(values(far, "holding", 0, "-a", 3, "--framing", "rtu", "-o", "5s") == [100],
                      "a device on a serial port, behind a tunnel")
            check(tunnel.stop() == 0 and tunnel.lines[-1].startswith("from the port 7 octets"),
                  f"{tunnel.lines}")
        redirect = ("serial", "redirect", at, "--pty")
        check("no such file" in trouble(*redirect, folder / "no" / "com"), "a folder")
        (folder / "file").write_text("mine")
        check("has that name" in trouble(*redirect, folder / "file"), "a file")
        check((folder / "file").read_text() == "mine", "it is left alone")
        check("address already in use" in trouble("serial", "tunnel", "--pty", folder / "com",
                                                  "--listen", at), "a port that is taken")


# ---- site files ---------------------------------------------------------------------------------

MISTAKES = """\
name = "mistakes"
[[scada.line]]
name = "bus"
serial = "/dev/ttyUSB0"
parity = "evne"
[[scada.line]]
name = "bus"
listen = "127.0.0.1:1502"
[[scada.line]]
name = "lan"
listen = "127.0.0.1:1503"
[[scada.modbus.client]]
line = "bsu"
[[scada.modbus.client]]
line = "bus"
[[scada.modbus.client.device]]
name = "boiler"
unit = 300
evrey = "1s"
point = [
  { name = "pressure", area = "input_registr", address = 10 },
  { name = "fault", address = 3, bit = 16 },
  { name = "setpoint", address = 65535, type = "f32", writable = true },
  { name = "setpoint", address = 5 },
  { name = "door", area = "discrete_input", address = 1, writable = true },
]
[[scada.modbus.server]]
line = "lan"
point = [
  { point = "boiler/nothing", address = 9 },
  { point = "boiler/pressure", address = 20, type = "f32" },
  { point = "boiler/setpoint", area = "input_register", address = 21 },
]
[[scada.dnp3.outstation]]
line = "nowhere"
address = 70000
master = 1
point = [
  { point = "boiler/pressure", index = 0, class = 4 },
]
"""
SAID = """\
5:10: scada.line.parity: "evne"
7:8: scada.line.name: "bus" is taken
13:8: scada.modbus.client.line: there is no line "bsu"; did you mean "bus"?
18:8: scada.modbus.client.device.unit: 300 is out of range; allowed: 0 to 255
19:1: scada.modbus.client.device.evrey is not a key (did you mean every?)
21:31: scada.modbus.client.device.point.area: "input_registr"
22:40: scada.modbus.client.device.point.bit: 16 is out of range; allowed: 0 to 15
23:34: scada.modbus.client.device.point.address: it ends beyond 65535
24:12: scada.modbus.client.device.point.name: "boiler/setpoint" is taken
25:69: scada.modbus.client.device.point.writable: nobody can write there
30:13: scada.modbus.server.point.point: there is no point "boiler/nothing"
32:3: scada.modbus.server.point.address: 21 overlaps boiler/pressure
35:8: scada.dnp3.outstation.line: there is no line "nowhere"
36:11: scada.dnp3.outstation.address: 70000 is out of range; allowed: 0 to 65519
39:51: scada.dnp3.outstation.point.class: 4 is out of range; allowed: 0 to 3
"""


def mistakes_are_said_all_at_once_and_where():
    with harness.scratch() as folder:
        site = folder / "site.toml"
        site.write_text(MISTAKES)
        out, errors = run("check", site, status=2)
        wanted = [f"{site}:{line}" for line in SAID.splitlines()]
        lines = errors.splitlines()
        check(not out and len(lines) == len(wanted)
              and all(line.startswith(start) for line, start in zip(lines, wanted)), errors)
        check(all("; allowed: " in line for line in lines), "what would be right")


def the_substation_is_right():
    site = harness.EXAMPLES / "substation.toml"
    check(": right. " in shown("check", site), "text")
    check(told("check", site)["valid"], "JSON")


if __name__ == "__main__":
    harness.main([every_tool_has_help_with_an_example,
                  bad_usage_ends_with_two_and_says_what_is_wanted,
                  a_number_of_every_type_is_written_and_read_in_every_order,
                  what_is_written_shows_in_the_inputs, a_read_repeats_as_often_as_it_is_told,
                  a_refusal_and_silence_are_said_in_one_line,
                  a_read_is_tried_again_and_a_write_never, a_serial_line_has_several_units,
                  scans_find_units_and_addresses,
                  silent_units_are_no_reason_to_miss_another, a_port_may_go_and_come_back,
                  a_device_says_who_it_is_and_how_it_fares,
                  the_generator_measures, mbpoll_reads_and_writes_our_device,
                  a_server_of_pymodbus_is_read_and_written, an_outstation_is_polled_on_every_line,
                  outputs_are_operated_and_refusals_have_names,
                  an_outstation_does_what_a_master_asks, changes_are_watched, ports_are_listed,
                  a_port_is_redirected_and_what_passes_is_counted,
                  mistakes_are_said_all_at_once_and_where, the_substation_is_right])
