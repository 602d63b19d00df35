"""Runs rows of the CoAP plugtests, several at a time, for they mostly wait."""
import concurrent.futures
import subprocess
import time

import coap_observations
import coap_peers as peers
import coap_plugtests
import coap_secure
import harness

WORKERS = 8
PROGRAMS = [
    f"coap-{what}-{build}" for what in ("client", "server")
    for build in ("notls", "gnutls", "openssl")
] + ["node", "npm", "openssl", "stdbuf"]


def one(identifier, column, node):
    """Why a row has failed, or nothing."""
    peer, role = column.split("_")
    scheme = coap_secure.scheme_of(identifier)
    work = coap_plugtests.ROWS[identifier]
    try:
        if scheme != "coap":
            build = "notls" if peer == "libcoap" else peer
            work(coap_secure.Secure(build, role == "client", scheme))
            return ""
        if role == "client":
            client = peers.Npm(node) if peer == "npm" else peers.Libcoap()
            server = peers.OursServer()
        else:
            client = peers.Ours()
            # libcoap's server is told once for all whether its notifications are confirmable.
            quiet = ["-N"] if identifier == "TD_COAP_OBS_02" else []
            server = peers.NpmServer(node) if peer == "npm" else peers.LibcoapServer(more=quiet)
        with server:
            work(coap_plugtests.Pair(client, server))
        return ""
    except AssertionError as why:
        return f"FAILED: {why}"
    except (subprocess.SubprocessError, OSError, LookupError, ValueError, TypeError) as why:
        return f"FAILED: {type(why).__name__}: {why}"


def run(table, columns, prefixes=(), patient=False):
    """Yields ((id, column), why or nothing, seconds) of each row that the table has run."""
    harness.need(*PROGRAMS)
    coap_observations.PATIENT = patient
    coap_secure.keys()
    node = peers.Node()
    wanted = [(row["id"], column) for row in table for column in columns(row["id"])
              if not row[column] and (not prefixes or row["id"].startswith(tuple(prefixes)))]
    # Those that wait longest begin.
    wanted.sort(key=lambda entry: not entry[0].startswith(
        ("TD_COAP_OBS", "TD_COAP_CORE_1", "TD_COAP_DTLS_0")))

    def timed(entry):
        began = time.monotonic()
        why = one(*entry, node)
        return entry, why, time.monotonic() - began

    try:
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for done in concurrent.futures.as_completed(
                [pool.submit(timed, entry) for entry in wanted]):
                yield done.result()
    finally:
        node.stop()
