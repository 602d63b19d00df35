#!/usr/bin/env python3
"""The program as a person or a script meets it: what it prints where, and how it ends. CoAP is
spoken with libcoap's server, a real peer on a port of its own."""
import contextlib
import json
import pathlib
import random
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
from harness import check  # noqa: E402

harness.need("coap-server-notls", "tshark")

SITE = harness.EXAMPLES / "first-light.toml"
METHODS = ("get", "post", "put", "delete", "fetch", "patch", "ipatch", "observe")
# A DODAG solicitation of some node, as it was on the air.
SOLICITATION = "41c83ccdabffff14100000000000027b3b3a1a9b00570d0000d8dd"


def run(*argv, status=0, stdin=b"", timeout=60):
    """What the program printed on stdout and stderr, once it has ended with that status."""
    done = subprocess.run([harness.causeway(), *map(str, argv)], input=stdin, capture_output=True,
                          timeout=timeout)
    errors = done.stderr.decode(errors="replace")
    check(done.returncode == status, f"{argv} ended with {done.returncode}, not {status}: {errors}")
    return done.stdout, errors


def text(*argv, **how):
    return run(*argv, **how)[0].decode()


def every_command_has_help_with_an_example():
    commands = [(), ("run",), ("sim",), ("check",), ("coap",), ("dissect",),
                *(("coap", method) for method in METHODS)]
    for command in commands:
        shown = text(*command, "--help")
        check(re.search(r"Examples?:\n  causeway ", shown), f"{command}: no example in\n{shown}")
    check(re.fullmatch(r"causeway \d+\.\d+\.\d+\n", text("--version")), text("--version"))


def bad_usage_ends_with_two():
    for argv in ((), ("fly",), ("sim",), ("sim", SITE, "--for", "soon"), ("sim", SITE, "--frob"),
                 ("run", SITE, "--for", "-1s"), ("coap",), ("coap", "get"),
                 ("coap", "get", "nowhere"), ("coap", "get", "http://example.org/"),
                 ("coap", "get", "-b", "17", "coap://[::1]/"),
                 ("coap", "put", "-e", "x", "-t", "frob", "coap://[::1]/"),
                 ("coap", "get", "-O", "x", "coap://[::1]/"),
                 ("coap", "get", "-B", "0", "coap://[::1]/"),
                 ("dissect", "--link", "tin-can", "00"), ("dissect", "--context", "16=::/0", "00"),
                 ("sim", SITE, "--set", "mesh.frob=1")):
        out, errors = run(*argv, status=2)
        check(not out and errors, f"{argv}: {out}, {errors}")


def a_bad_site_file_is_answered_with_file_line_and_column():
    with harness.scratch() as folder:
        site = folder / "bad.toml"
        site.write_text('name = "bad"\n[mesh]\nprefix = 3\nfrob = 1\n')
        for command in ("check", "sim", "run"):
            out, errors = run(command, site, status=2)
            places = re.findall(rf"^{re.escape(str(site))}:(\d+):\d+: \S", errors, re.M)
            check({"3", "4"} <= set(places) and not out, f"{command}: {errors}")
        site.write_text("[mesh\n")
        _, errors = run("check", site, status=2)
        check(f"{site}:1:" in errors, errors)
        _, errors = run("check", folder / "missing.toml", status=2)
        check("missing.toml" in errors, errors)


def a_report_is_a_table_or_one_json_object():
    table = text("sim", SITE, "--for", "2m")
    check(re.search(r"^node-24 ", table, re.M) and "readings" in table, table)
    check(table == text("sim", SITE, "--for", "2m"), "the same seed gave another table")
    report = json.loads(text("sim", SITE, "--for", "2m", "--json"))
    nodes, everything = report["nodes"], report["all"]
    check(len(nodes) == 25 and nodes[0]["rank"] is not None, "24 nodes and the border router")
    for name in ("sent", "delivered", "in_flight"):
        total = sum(node["readings"][name] for node in nodes)
        check(total == everything["readings"][name], f"{name}: {total}")
    for node in nodes:
        readings = node["readings"]
        fates = readings["delivered"] + readings["in_flight"] + sum(readings["lost"].values())
        check(readings["sent"] == fates, f"{node['name']}: {readings}")
        radio = node["radio"]
        spent = sum(radio[state] for state in ("transmit", "receive", "listen", "off"))
        check(abs(spent - report["simulated_s"]) < 1e-3, f"{node['name']}: {radio}")


def a_frame_in_hexadecimal_is_dissected():
    spaced = " ".join(SOLICITATION[i:i + 2] for i in range(0, len(SOLICITATION), 2))
    whole = text("dissect", SOLICITATION)
    for layer in ("IEEE 802.15.4", "6LoWPAN", "IPv6", "ICMPv6 RPL: DIS"):
        check(f"\n    {layer}" in whole, f"no {layer} in\n{whole}")
    check("Malformed" not in whole, whole)
    check(whole == text("dissect", *spaced.split()), "octet by octet it is another frame")
    check(whole == text("dissect", spaced), "with blanks it is another frame")
    check(whole == text("dissect", stdin=f"# said\n0x{SOLICITATION}\n".encode()), "from stdin")
    check(len(text("dissect", "-q", SOLICITATION).splitlines()) == 1, "one line a frame")
    frames = json.loads(text("dissect", "--json", SOLICITATION, SOLICITATION))["frames"]
    check([f["protocol"] for f in frames] == ["RPL", "RPL"], f"{frames}")


def a_context_that_nobody_announced_is_named():
    # A DAO-ACK whose addresses are compressed with context 0.
    frame = "61cccecdab0110000000000002001000000000000" "27e77e03a06230480000100" "9b03c4f80000f100"
    alone = text("dissect", "--link", "ieee802154-nofcs", frame)
    check("Context 0: not announced so far" in alone and "\n    Not dissected: 6LoWPAN" in alone,
          alone)
    check("alformed" not in alone, alone)
    told = text("dissect", "--link", "ieee802154-nofcs", "--context", "0=fd00:ca5e::/64", frame)
    check("fd00:ca5e::1000 -> fd00:ca5e::1001" in told and "DAO-ACK 241" in told, told)
    check("0xc4f8, right" in told, told)


def malformed_frames_are_told_with_layer_and_offset():
    whole = bytes.fromhex(SOLICITATION)[:-2]
    for size in range(1, len(whole)):
        shown = text("dissect", "--link", "ieee802154-nofcs", whole[:size].hex())
        said = re.search(r"^    (Malformed|Not dissected): .+, octet \d+", shown, re.M)
        check(said or size == 15, f"{size} octets:\n{shown}")  # 15: a frame without payload
    wrong = bytearray(bytes.fromhex(SOLICITATION))
    wrong[-1] ^= 1
    shown = text("dissect", "--link", "ieee802154", wrong.hex())
    check("Malformed: IEEE 802.15.4 FCS, octet 25: bad checksum" in shown, shown)


def a_dnp3_frame_is_dissected_and_its_fragments_put_together():
    shown = text("dissect", "05640bc40a000100acd1c6c5013c02069324")
    for said in ("DNP3 link: 1 -> 10, unconfirmed user data", "DNP3: read, sequence 5",
                 "class 1 g60v2"):
        check(said in shown, f"no {said} in\n{shown}")
    check("alformed" not in shown, shown)
    # Two segments of a response; the second one alone says little.
    first, second = "0564104401000a00c4e140c2811000010200000181c23e", "0564074401000a003b478101c079"
    frames = json.loads(text("dissect", "--json", "--link", "dnp3", second, first, second))["frames"]
    check([f["info"] for f in frames] == ["segment without those before it",
                                          "segment of a fragment", "response, sequence 2"], frames)
    datagram = ("6000000000241140fd000000000000000000000000000001fd00000000000000000000000000000a"
                "9c404e200024e00a" "05640bc40a000100acd1c6c5013c02069324056405c90a000100feda")
    shown = text("dissect", datagram)
    check("1 -> 10, request link status" in shown and "fd00::1 -> fd00::a  DNP3" in shown, shown)
    check("(2 frames)" in shown and "alformed" not in shown, shown)
    broken = text("dissect", "05640bc40a000100acd1c6c5013c02069325")
    check("Malformed: DNP3 link, octet 0: bad checksum" in broken, broken)


def what_cannot_be_read_ends_with_one():
    for argv in (("dissect", "frobnicate"), ("dissect", "/nonexistent/x.pcap"), ("dissect", "/")):
        _, errors = run(*argv, status=1)
        check(len(errors.splitlines()) == 1, errors)
    run("dissect", "-", stdin=b"not hexadecimal\n", status=1)


def noise_never_crashes_the_dissector():
    noise = random.Random(1)
    real = bytes.fromhex(SOLICITATION)[:-2]
    lines = []
    for _ in range(3000):
        lines.append(noise.randbytes(noise.randrange(1, 128)).hex())
        changed = bytearray(real + noise.randbytes(noise.randrange(40)))
        for _ in range(noise.randrange(1, 5)):
            changed[noise.randrange(len(changed))] = noise.randrange(256)
        lines.append(changed.hex())
        lines.append((b"\x60" + noise.randbytes(5) + bytes([noise.choice((0, 17, 43, 44, 58, 60))])
                      + noise.randbytes(noise.randrange(33, 90))).hex())
    octets = "\n".join(lines).encode()
    for link in ("ieee802154", "ieee802154-nofcs", "ip", "dnp3"):
        shown = text("dissect", "--link", link, "--context", "0=fd00:ca5e::/64", "--json",
                     stdin=octets)
        check(len(json.loads(shown)["frames"]) == len(lines), f"{link}: frames are missing")


def a_capture_of_ours_is_dissected_as_tshark_does():
    with harness.scratch() as folder:
        capture = folder / "five.pcapng"
        run("sim", SITE, "--for", "5m", "--pcap", capture, "--json")
        # The root may use its context towards a node before that node has heard of it.
        known = ("--context", "0=fd00:ca5e::/64")
        shown = text("dissect", "-q", *known, capture)
        frames = json.loads(text("dissect", "--json", *known, capture))["frames"]
        tshark = subprocess.run(["tshark", "-n", "-r", capture, "-T", "fields", "-e",
                                 "frame.protocols"], capture_output=True, text=True, check=True)
        theirs = tshark.stdout.splitlines()
        check(len(frames) == len(theirs) == len(shown.splitlines()), "frames are missing")
        for trouble in ("malformed", "not_dissected"):
            check(not any(f[trouble] for f in frames), f"a frame of ours is {trouble}")
        for frame, layers in zip(frames, theirs):
            names = {layer["layer"] for layer in frame["layers"]}
            for ours, name in (("CoAP", "coap"), ("UDP", "udp"), ("6LoWPAN", "6lowpan"),
                               ("IPv6", "ipv6")):
                check((ours in names) == (name in layers.split(":")), f"{frame}: {layers}")
        piped = text("dissect", "-q", *known, stdin=capture.read_bytes())
        check(piped == shown, "from stdin it is another capture")


def a_damaged_capture_is_read_as_far_as_it_goes():
    with harness.scratch() as folder:
        capture = folder / "whole.pcapng"
        run("sim", SITE, "--for", "10s", "--pcap", capture, "--json")
        octets = capture.read_bytes()
        cut = folder / "cut.pcapng"
        cut.write_bytes(octets[:len(octets) // 2 + 1])
        out, errors = run("dissect", "-q", cut, status=1)
        check(out.count(b"\n") > 10 and re.search(r"from octet \d+ on", errors), errors)
        noise = random.Random(2)
        for start in (octets[:4], octets[:200], b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d"):
            cut.write_bytes(start + noise.randbytes(5000))
            _, errors = run("dissect", cut, status=1)
            check("capture" in errors, errors)


@contextlib.contextmanager
def coap_server():
    """libcoap's example server, and the URI that it answers to."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        port = probe.getsockname()[1]
    uri = f"coap://[::1]:{port}"
    with harness.Running(["coap-server-notls", "-A", "::1", "-p", port, "-d", "10"]):
        for _ in range(20):
            ready = subprocess.run([harness.causeway(), "coap", "get", "-B", "0.5", f"{uri}/"],
                                   capture_output=True)
            if ready.returncode == 0:
                break
        else:
            raise AssertionError("coap-server-notls does not answer")
        yield uri


def libcoap_serves_get_put_and_delete():
    with coap_server() as uri:
        check(text("coap", "get", f"{uri}/").startswith("This is a test server"), "get /")
        check("</time>" in text("coap", "get", f"{uri}/.well-known/core"), "discovery")
        out, errors = run("coap", "get", f"{uri}/nowhere", status=1)
        check(not out and errors.startswith("4.04 Not Found"), errors)
        run("coap", "put", "-e", "[1,2]", f"{uri}/example_data")
        check(text("coap", "get", f"{uri}/example_data") == "[1,2]", "what was put")
        run("coap", "put", "-f", "-", f"{uri}/example_data", stdin=b"\x00\xff\x1b")
        check(run("coap", "get", "-N", f"{uri}/example_data")[0] == b"\x00\xff\x1b", "octets")
        run("coap", "put", "-e", "one", f"{uri}/new")
        run("coap", "delete", f"{uri}/new")
        run("coap", "get", f"{uri}/new", status=1)
        answer = json.loads(text("coap", "get", "--json", f"{uri}/time"))
        check(answer["code"] == "2.05" and answer["payload"], f"{answer}")
        answer = json.loads(text("coap", "get", "--json", f"{uri}/nowhere", status=1))
        check(answer["code"] == "4.04", f"{answer}")
        _, errors = run("coap", "get", "-v", f"{uri}/time")
        check(re.search(r"^-> .* GET .*Uri-Path: time", errors, re.M) and "\n<- " in errors, errors)


def libcoap_takes_and_gives_blocks():
    body = bytes(random.Random(3).choices(b"abcdefghijklmnopqrstuvwxyz", k=5000))
    with coap_server() as uri, harness.scratch() as folder:
        for size in (16, 64, 1024):
            sent = folder / "sent"
            sent.write_bytes(body[size:])
            run("coap", "put", "-b", size, "-f", sent, f"{uri}/example_data")
            got = folder / "got"
            run("coap", "get", "-b", size, "-o", got, f"{uri}/example_data")
            check(got.read_bytes() == body[size:], f"in blocks of {size}")


def libcoap_is_observed():
    with coap_server() as uri:
        began = time.monotonic()
        seen = text("coap", "observe", "-s", "3", f"{uri}/time").splitlines()
        check(len(seen) >= 3 and len(set(seen)) == len(seen), f"{seen}")
        check(2.9 < time.monotonic() - began < 10, "three seconds it was to be")
        with harness.Running([harness.causeway(), "coap", "observe", "--json",
                              f"{uri}/time"]) as following:
            following.wait_for('"observe":')
            check(following.stop() == 0, "Ctrl-C ends an observation, and that is fine")


def a_silent_or_unknown_peer_is_one_line():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("::1", 0))
        uri = f"coap://[::1]:{deaf.getsockname()[1]}/"
        _, errors = run("coap", "get", "-B", "0.3", uri, status=1)
        check(re.fullmatch(r"causeway: \[::1\]:\d+ did not answer in 300.0 ms\n", errors), errors)
        out, _ = run("coap", "get", "--json", "-B", "0.3", uri, status=1)
        check("did not answer" in json.loads(out)["error"], out)
    _, errors = run("coap", "get", "coap://nobody.invalid/", status=1)
    check("nobody.invalid" in errors, errors)


if __name__ == "__main__":
    harness.main([every_command_has_help_with_an_example, bad_usage_ends_with_two,
                  a_bad_site_file_is_answered_with_file_line_and_column,
                  a_report_is_a_table_or_one_json_object, a_frame_in_hexadecimal_is_dissected,
                  a_context_that_nobody_announced_is_named,
                  malformed_frames_are_told_with_layer_and_offset,
                  a_dnp3_frame_is_dissected_and_its_fragments_put_together,
                  what_cannot_be_read_ends_with_one, noise_never_crashes_the_dissector,
                  a_capture_of_ours_is_dissected_as_tshark_does,
                  a_damaged_capture_is_read_as_far_as_it_goes, libcoap_serves_get_put_and_delete,
                  libcoap_takes_and_gives_blocks, libcoap_is_observed,
                  a_silent_or_unknown_peer_is_one_line])
