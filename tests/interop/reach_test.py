#!/usr/bin/env python3
"""Unmodified programs reach the deepest node of a simulated mesh through the TUN interface, as
the program itself says they can; and nothing is left behind. Without the privilege for a TUN
interface, the same programs go through the CoAP forward proxy."""
import json
import re
import shlex
import subprocess

import harness
from harness import Host, Running, check

harness.need("ip", "ping", "coap-client-notls", "setpriv")

SITE = harness.EXAMPLES / "first-light.toml"


def ready(run):
    """Waits until the mesh stands; gives the printed commands."""
    run.wait_for(r"24 of 24 nodes joined", timeout=90)
    run.wait_for(r"Ctrl-C", timeout=10)
    lines = [line.strip() for line in run.lines]
    return [line.split("  #")[0].strip() for line in lines
            if line.startswith(("ping ", "coap-client-notls "))]


def observed(host, argv, at_least, seconds):
    """Runs an observing client for a while; its output must hold several readings."""
    done = host.run(argv, timeout=seconds + 30)
    readings = re.findall(r"\d+\.\d+", done.stdout)
    check(len(readings) >= at_least, f"{argv}: {len(readings)} readings in\n{done.stdout}"
                                     f"{done.stderr}")


def try_printed_lines(host, lines):
    """Each line as printed, only bounded where it would go on for ever."""
    check(any(line.startswith("ping") for line in lines), f"no ping among {lines}")
    check(len(lines) >= 4, f"too few lines to try: {lines}")
    for line in lines:
        argv = shlex.split(line)
        if argv[0] == "ping":
            argv[1:1] = ["-c", "5", "-i", "0.5", "-W", "5"]
            done = host.run(argv)
            check(re.search(r"[3-5] received", done.stdout), f"{line}:\n{done.stdout}{done.stderr}")
        elif "-s" in argv:
            argv[argv.index("-s") + 1] = "14"
            observed(host, argv, at_least=2, seconds=14)
        else:
            done = host.run(argv)
            expected = r"</sensors/temperature>" if "well-known" in line else r"^-?\d+\.\d+"
            check(re.search(expected, done.stdout), f"{line}:\n{done.stdout}{done.stderr}")


def try_more(host, base, proxy=()):
    """PUT, and a body of 2 KB both ways, block by block; what is not there answers so."""
    coap = ["coap-client-notls", *proxy, "-B", "60"]
    host.run([*coap, "-m", "put", "-e", "1", f"{base}/actuators/led"], check=True)
    led = host.run([*coap, "-m", "get", f"{base}/actuators/led"]).stdout.strip()
    check(led == "1", f"the LED was put to 1 and reads {led!r}")
    with harness.scratch() as folder:
        body = "".join(f"{number:07d}\n" for number in range(256))
        check(len(body) == 2048, "2 KB")
        (folder / "sent").write_text(body)
        put = host.run([*coap, "-b", "64", "-m", "put", "-f", folder / "sent", f"{base}/store"],
                       timeout=120)
        check(put.returncode == 0, f"PUT of 2 KB: {put.stdout}{put.stderr}")
        if proxy:
            # libcoap 4.3.1 cannot take a body in blocks once an empty acknowledgement has come in
            # between, and a proxy has to send one while it fetches; so our own client asks.
            host.run([harness.causeway(), "coap", "get", *proxy, "-B", "100", "-o",
                      folder / "got", f"{base}/store"], timeout=120)
        else:
            host.run([*coap, "-b", "64", "-m", "get", "-o", folder / "got", f"{base}/store"],
                     timeout=120)
        got = (folder / "got").read_text() if (folder / "got").exists() else ""
        check(got == body, f"2 KB put, {len(got)} octets came back")
    missing = host.run([*coap, "-v", "6", "-m", "get", f"{base}/nowhere"])
    check("4.04" in missing.stdout + missing.stderr, f"{missing.stdout}{missing.stderr}")


def through_the_tun():
    with Host("reach") as host:
        before = host.interfaces()
        with Running(host.command([harness.causeway(), "run", SITE, "--for", "240s"])) as run:
            lines = ready(run)
            try_printed_lines(host, lines)
            target = re.search(r"\[([0-9a-f:]+)\]", " ".join(lines)).group(1)
            try_more(host, f"coap://[{target}]")

            # Ten fragments over eight hops take three seconds there and back, so the next request
            # has to stay out of their way; the first reply will do.
            big = host.run(["ping", "-c", "1", "-i", "4", "-w", "40", "-s", "1000", target])
            check(re.search(r"\b1 received", big.stdout), f"fragmented echo:\n{big.stdout}")
            # What cannot be delivered is told. [RFC 4443 §3.1, §3.3]
            far = host.run(["ping", "-c", "1", "-t", "2", "-W", "5", target])
            check("exceeded" in far.stdout, f"a hop limit of 2 is too few:\n{far.stdout}")
            nobody = host.run(["ping", "-c", "1", "-W", "5", "fd00:ca5e::dead:beef"])
            check(re.search("[Nn]o route|unreachable", nobody.stdout), f"{nobody.stdout}")

            own = host.run([harness.causeway(), "coap", "get",
                            f"coap://[{target}]/sensors/temperature"])
            check(re.match(r"-?\d+\.\d+", own.stdout), f"{own.stdout}{own.stderr}")

            check(run.stop() == 0, "Ctrl-C is no failure")
            check(any("packets" in line for line in run.lines), "a summary at the end")
        check(host.interfaces() == before, f"left behind: {host.interfaces()}")
        routes = host.run(["ip", "-6", "route"]).stdout
        check("ca5e" not in routes, f"left behind: {routes}")


def through_the_proxy():
    with Host("proxy") as host:
        bare = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]
        with Running(host.command([*bare, harness.causeway(), "run", SITE,
                                   "--for", "240s"])) as run:
            lines = ready(run)
            said = "\n".join(run.lines + run.errors)
            check("CAP_NET_ADMIN" in said, f"what it could not do, and how to allow it:\n{said}")
            lines = [line for line in lines if line.startswith("coap")]
            check(len(lines) >= 3 and all("-P" in line for line in lines), f"{lines}")
            for line in lines:
                argv = shlex.split(line)
                if "-s" in argv:
                    argv[argv.index("-s") + 1] = "14"
                    observed(host, argv, at_least=2, seconds=14)
                else:
                    done = host.run(argv)
                    expected = r"</sensors/temperature>" if "well-known" in line else r"^-?\d+\.\d+"
                    check(re.search(expected, done.stdout),
                          f"{line}:\n{done.stdout}{done.stderr}")
            target = re.search(r"coap://\[([0-9a-f:]+)\]", " ".join(lines)).group(1)
            proxy = re.search(r"-P (\S+)", lines[0]).group(1)
            try_more(host, f"coap://[{target}]", ("-P", proxy))
            check(run.stop() == 0, "Ctrl-C is no failure")


def troubles_have_one_clear_line():
    with Host("trouble") as host:
        host.run(["ip", "tuntap", "add", "causeway0", "mode", "tap"], check=True)
        taken = host.run([harness.causeway(), "run", SITE, "--for", "5s"])
        said = taken.stdout + taken.stderr
        check("causeway0" in said, f"a TUN name in use is said:\n{said}")
        host.run(["ip", "link", "delete", "causeway0"], check=True)

        busy = Running(host.command(["python3", "-c", "import socket,time;"
                                     "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
                                     "s.bind(('127.0.0.1',5683));print('up',flush=True);"
                                     "time.sleep(60)"]))
        with busy:
            busy.wait_for("up")
            taken = host.run([harness.causeway(), "run", SITE, "--for", "5s"])
            said = [line for line in (taken.stdout + taken.stderr).splitlines() if "5683" in line]
            check(any("in use" in line for line in said), f"a port in use is said: {said}")


def it_ends_by_itself():
    with Host("ends") as host:
        done = host.run([harness.causeway(), "run", SITE, "--for", "3s", "--json"])
        check(done.returncode == 0, f"{done.stdout}{done.stderr}")
        report = json.loads(done.stdout)
        check(len(report["nodes"]) == 25, "a node a row")


if __name__ == "__main__":
    harness.main([through_the_tun, through_the_proxy, troubles_have_one_clear_line,
                  it_ends_by_itself])
