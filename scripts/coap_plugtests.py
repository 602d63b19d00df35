#!/usr/bin/env python3
"""The CoAP plugtests with their results: runs the rows of tests/interop/coap_plugtests.py and its
companions between the program that CAUSEWAY names and its peers, libcoap's programs and npm's coap,
and writes docs/coap-plugtests.md.

    scripts/coap_plugtests.py              runs all and writes it; ends with 1 if a row fails
    scripts/coap_plugtests.py TD_COAP_OBS  runs the rows that begin so, writes nothing
    scripts/coap_plugtests.py --patient    waits for servers to give up, too: two minutes
    scripts/coap_plugtests.py --check      runs nothing; ends with 1 if the document is not what the
                                           table says, or if a row is missing in one of both

tables/coap-plugtests.tsv says what each row asserts, and why a peer cannot take part in it; where
it says nothing the row runs, and coap_peers_test has it pass in CI."""
import argparse
import csv
import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT, TABLE = TOP / "docs/coap-plugtests.md", TOP / "tables/coap-plugtests.tsv"
NAMES = {
    "libcoap": "libcoap",
    "npm": "npm coap",
    "gnutls": "libcoap with GnuTLS",
    "openssl": "libcoap with OpenSSL"
}
SECTIONS = (
    ("TD_COAP_CORE", "Core", ("libcoap", "npm"), """
24 to 30, about reverse proxies, stand in early lists only; `src/coap/proxy_test.cpp` and
`tests/interop/coap_security_test.py` hold what 24 to 29 asked for."""),
    ("TD_COAP_LINK", "Link format", ("libcoap", "npm"), ""),
    ("TD_COAP_BLOCK", "Blocks", ("libcoap", "npm"), ""),
    ("TD_COAP_OBS", "Observation", ("libcoap", "npm"), """
The list has no 03."""),
    ("TD_COAP_DTLS", "DTLS: pre-shared keys and raw public keys", ("gnutls", "openssl"), """
npm's coap has no DTLS."""),
    ("PKI", "DTLS: certificates", ("gnutls", "openssl"), """
ETSI has no such rows; these are ours, in the same form."""),
    ("TCP", "TCP", ("libcoap", ), """
ETSI has no such rows; these are ours, in the same form. npm's coap has no TCP."""),
    ("TLS", "TLS over TCP", ("gnutls", "openssl"), """
ETSI has no such rows; these are ours, in the same form."""),
)
HEAD = """# CoAP: the plugtests

Written by `scripts/coap_plugtests.py`, which runs every row; `interop_coap_peers_test` does the
same in CI. The rows are those of ETSI's test descriptions for the fourth CoAP plugtest (2014), in
our own words, and some in the same form for what they have no rows for. Peers are Debian's libcoap
4.3.1 (`coap-client-notls` and `coap-server-notls` where nothing is encrypted) and npm's coap 1.5.0.
A relay between the two programs writes down every datagram, loses those that a row wants lost, and
reads types, codes, tokens and options by itself; what the client shows is compared with what went
over the wire.

"passes": the row ran, and everything it asserts held. "–": the peer cannot take part, for the
reason below the table.
"""


def rows():
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def columns(identifier):
    """The peers that a row of this name is for."""
    peers = next(peers for prefix, _, peers, _ in SECTIONS if identifier.startswith(prefix))
    return [f"{peer}_{role}" for role in ("server", "client") for peer in peers]


def heading(column):
    peer, role = column.split("_")
    ours = "client" if role == "server" else "server"
    return f"our {ours}, {role} of {NAMES[peer]}"


def page(table, results):
    """`results` says of (id, column) how it went."""
    parts = [HEAD]
    for prefix, title, _, note in SECTIONS:
        mine = [row for row in table if row["id"].startswith(prefix)]
        heads = columns(prefix)
        parts.append(f"\n## {title}\n{note}\n")
        parts.append("\n| row | what it asserts | " + " | ".join(map(heading, heads)) +
                     " |\n|---|---|" + "---|" * len(heads) + "\n")
        reasons = {}
        for row in mine:
            cells = []
            for column in heads:
                if row[column]:
                    reasons.setdefault((column.split("_")[0], row[column]), []).append(row["id"])
                cells.append("–" if row[column] else results[row["id"], column])
            parts.append(f"| {row['id']} | **{row['title']}.** {row['asserts']}. | " +
                         " | ".join(cells) + " |\n")
        if reasons:
            parts.append("\n")
        for (_, why), identifiers in sorted(reasons.items(), key=lambda item: item[1]):
            names = ", ".join(
                dict.fromkeys(
                    name.rsplit("_", maxsplit=1)[1] if name.startswith("TD_") else name
                    for name in identifiers))
            parts.append(f"- {names}: {why}.\n")
    ran = [
        results[row["id"], column] for row in table for column in columns(row["id"])
        if not row[column]
    ]
    parts.insert(1, f"\n{len(table)} rows, {len(ran)} runs, {ran.count('passes')} pass.\n")
    return "".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefix", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--patient", action="store_true")
    options = parser.parse_args()
    table = rows()
    if options.check:
        sys.exit(bool(faults(table)))
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(TOP / "tests/interop"))
    import coap_all
    results = {}
    for (identifier, column), why, seconds in coap_all.run(table,
                                                           columns,
                                                           options.prefix,
                                                           patient=options.patient):
        results[identifier, column] = "**fails**" if why else "passes"
        print(f"{identifier} {heading(column)}: {why or 'passes'} ({seconds:.1f} s)", flush=True)
    failed = sum(verdict != "passes" for verdict in results.values())
    print(f"{len(results) - failed} passed, {failed} failed")
    if not options.prefix:
        DOCUMENT.write_text(page(table, results), encoding="utf-8")
    sys.exit(bool(failed))


def faults(table):
    """Prints what is wrong with table and document."""
    found = []
    known = [row["id"] for row in table]
    found += [f"{name}: twice in {TABLE.name}" for name in set(known) if known.count(name) > 1]
    # Without running anything: the rows are functions below a line @row("ID").
    code = "".join((TOP / "tests/interop" / name).read_text(encoding="utf-8")
                   for name in ("coap_plugtests.py", "coap_observations.py", "coap_secure.py"))
    found += [f"{name}: no test runs it" for name in known if f'@row("{name}")' not in code]
    listed = [part.split('"')[0] for part in code.split('@row("')[1:]]
    found += [f"{name}: not in {TABLE.name}" for name in listed if name not in known]
    for row in table:
        for column in row:
            if column.count("_") == 1 and row[column] and column not in columns(row["id"]):
                found.append(f"{row['id']}: a reason for {column}, which it is not run with")
    wanted = page(table, {(row["id"], column): "passes"
                          for row in table for column in columns(row["id"])})
    if not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != wanted:
        found.append(f"{DOCUMENT.name} is not what the table says: run scripts/coap_plugtests.py")
    for fault in found:
        print(fault)
    return found


if __name__ == "__main__":
    main()
