#!/usr/bin/env python3
"""An hour of the 24-node mesh as a capture: tshark dissects every layer of it, finds nothing
malformed and has no expert error. And the bytes are a function of file and seed alone."""
import hashlib
import json
import subprocess

import harness
from harness import check

harness.need("tshark")

SITE = harness.EXAMPLES / "first-light.toml"


def simulate(capture, seed, span="1h"):
    done = subprocess.run([harness.causeway(), "sim", SITE, "--for", span, "--seed",
                           str(seed), "--pcap", capture, "--json"],
                          capture_output=True, text=True, timeout=600)
    check(done.returncode == 0, done.stderr)
    return json.loads(done.stdout)


def tshark(capture, *argv):
    done = subprocess.run(["tshark", "-n", "-r", capture, *argv], capture_output=True, text=True,
                          timeout=600)
    check(done.returncode == 0, done.stderr)
    return done.stdout.splitlines()


def an_hour_reads_without_complaint():
    with harness.scratch() as folder:
        capture = folder / "hour.pcapng"
        report = simulate(capture, 7)
        protocols = set()
        for line in tshark(capture, "-T", "fields", "-e", "frame.protocols"):
            protocols.update(line.split(":"))
        for protocol in ("wpan", "6lowpan", "ipv6", "icmpv6", "udp", "coap"):
            check(protocol in protocols, f"no {protocol} in {sorted(protocols)}")
        rpl = tshark(capture, "-Y", "icmpv6.type == 155", "-T", "fields", "-e", "icmpv6.code")
        kinds = {code for line in rpl for code in line.split(",")}
        check({"1", "2", "3"} <= kinds, f"DIO, DAO and DAO-ACK, not {kinds}")
        wrong = tshark(capture, "-Y", "_ws.malformed || _ws.expert.severity == error")
        check(not wrong, f"{len(wrong)} frames displease tshark, as in\n" + "\n".join(wrong[:5]))
        check(report["all"]["readings"]["delivered"] > 1300, f"{report['all']['readings']}")


def the_same_seed_gives_the_same_bytes():
    with harness.scratch() as folder:
        def digest(name, seed):
            simulate(folder / name, seed, "10m")
            return hashlib.sha256((folder / name).read_bytes()).hexdigest()

        first = digest("a", 7)
        check(first == digest("b", 7), "twice the same seed, and the bytes differ")
        check(first != digest("c", 8), "another seed, and the bytes are the same")


if __name__ == "__main__":
    harness.main([an_hour_reads_without_complaint, the_same_seed_gives_the_same_bytes])
