#!/usr/bin/env python3
"""CoAP among peers: every row of the plugtests that a peer can take part in, between our client and
servers of libcoap and npm, and between their clients and our server; and docs/coap-plugtests.md
says so. `coap_peers_test.py TD_COAP_OBS` runs the rows that begin so."""
import importlib.util
import subprocess
import sys

import coap_all
import harness
from harness import check

spec = importlib.util.spec_from_file_location("plugtests",
                                              harness.ROOT / "scripts" / "coap_plugtests.py")
plugtests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plugtests)


def the_document_says_what_the_table_says():
    done = subprocess.run([sys.executable, "-B", spec.origin, "--check"],
                          capture_output=True,
                          text=True,
                          timeout=60)
    check(done.returncode == 0, done.stdout + done.stderr)


def every_row_that_a_peer_supports_passes():
    failed = ran = 0
    for (identifier, column), why, seconds in coap_all.run(plugtests.rows(), plugtests.columns,
                                                           sys.argv[1:]):
        ran += 1
        failed += bool(why)
        print(f"  {identifier}, {plugtests.heading(column)}: {why or 'passed'} ({seconds:.1f} s)",
              flush=True)
    check(ran, "there are rows")
    check(not failed, f"{failed} of {ran} failed")


if __name__ == "__main__":
    harness.main([every_row_that_a_peer_supports_passes] +
                 ([] if sys.argv[1:] else [the_document_says_what_the_table_says]))
