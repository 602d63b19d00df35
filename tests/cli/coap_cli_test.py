#!/usr/bin/env python3
"""`causeway coap` as a person or a script meets it: options that libcoap's coap-client has too, what
is shown on a terminal and in a pipe, `serve` with a folder, `ping`, `discover` and `bench`. libcoap's
client and server are the peers where they can be."""
import contextlib
import json
import os
import pathlib
import pty
import re
import select
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
from harness import check  # noqa: E402

harness.need("coap-server-notls", "coap-client-notls", "openssl")

KEY = "a key that nobody should see"


def run(*argv, status=0, stdin=b"", timeout=60):
    """What `causeway coap` printed on stdout and stderr, once it has ended with that status."""
    done = subprocess.run([harness.causeway(), "coap", *map(str, argv)], input=stdin,
                          capture_output=True, timeout=timeout)
    errors = done.stderr.decode(errors="replace")
    check(done.returncode == status, f"{argv} ended with {done.returncode}, not {status}: {errors}")
    return done.stdout, errors


def text(*argv, **how):
    return run(*argv, **how)[0].decode()


def on_terminal(*argv, status=0, timeout=60):
    """The same with a terminal of 200 columns as stdout."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([harness.causeway(), "coap", *map(str, argv)], stdout=theirs,
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + timeout
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                more = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not more:
                break
            shown += more
    os.close(ours)
    errors = process.communicate(timeout=timeout)[1].decode(errors="replace")
    check(process.returncode == status, f"{argv} ended with {process.returncode}: {errors}")
    return shown.decode(errors="replace").replace("\r\n", "\n"), errors


def free_port(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe, \
            socket.socket(family, socket.SOCK_STREAM) as stream:
        probe.bind((host, 0))
        stream.bind((host, probe.getsockname()[1]))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(*argv, listen="coap://127.0.0.1"):
    """`causeway coap serve`, and the URI that it answers to."""
    with harness.Running([harness.causeway(), "coap", "serve", *argv, "--listen",
                          f"{listen}:0"]) as server:
        address = server.wait_for(r"listening on (\S+)", timeout=20)[1]
        yield address
        check(server.stop() == 0, "Ctrl-C ends a server, and that is fine")


@contextlib.contextmanager
def libcoap_server():
    port = free_port()
    uri = f"coap://127.0.0.1:{port}"
    with harness.Running(["coap-server-notls", "-A", "127.0.0.1", "-p", port, "-d", "10"]):
        for _ in range(40):
            if subprocess.run([harness.causeway(), "coap", "get", "-B", "0.5", f"{uri}/"],
                              capture_output=True).returncode == 0:
                break
        else:
            raise AssertionError("coap-server-notls does not answer")
        yield uri


def theirs(*argv, timeout=30):
    """What libcoap's client received; on stdout it would add a line feed."""
    with harness.scratch() as folder:
        got = folder / "got"
        subprocess.run(["coap-client-notls", "-v", "1", "-B", "10", "-o", got, *map(str, argv)],
                       capture_output=True, timeout=timeout)
        return got.read_bytes() if got.exists() else b""


def every_tool_has_help_with_an_example():
    for tool in ("get", "put", "post", "delete", "fetch", "patch", "ipatch", "observe", "discover",
                 "ping", "serve", "bench"):
        shown = text(tool, "--help")
        check(re.search(r"Examples?:\n  causeway coap ", shown), f"{tool}: no example in\n{shown}")


def bad_usage_ends_with_two_and_one_line():
    uri = "coap://127.0.0.1/"
    for argv in (("get", "-m", "frob", uri), ("get", "-b", "1,17", uri), ("get", uri, uri),
                 ("get", "-T", "0xabc", uri),
                 ("get", "-k", "secret", uri), ("get", "-u", "me", uri),
                 ("get", "-j", "key.pem", uri), ("get", "-s", "soon", uri),
                 ("get", "-O", "x", uri), ("get", "-H", "0", uri), ("get", "coap+sctp://[::1]/"),
                 ("get", "-P", "http://[::1]", uri), ("ping", "-i", "soon", uri),
                 ("serve",), ("serve", "--test", "--listen", "http://[::1]"),
                 ("serve", "--test", "--listen", "coaps://127.0.0.1:0"),
                 ("bench",), ("bench", "coap+tcp://127.0.0.1/"), ("bench", "coaps://127.0.0.1/")):
        out, errors = run(*argv, status=2)
        check(not out and errors, f"{argv}: {out}, {errors}")


def a_secret_is_never_shown():
    with harness.scratch() as folder:
        (folder / "key").write_text("0xnot hexadecimal\n")
        for key in ("0xnot hexadecimal", f"@{folder}/key"):
            out, errors = run("get", "-v", "-u", "me", "-k", key, "coaps://127.0.0.1/", status=2)
            check("hexadecimal digits" in errors and "not hexadecimal" not in errors + out.decode(),
                  errors)
        _, errors = run("get", "-u", "me", "-k", f"@{folder}/none", "coaps://127.0.0.1/", status=1)
        check("cannot read" in errors, errors)


def libcoaps_command_lines_are_understood():
    with libcoap_server() as uri:
        first = text("-m", "get", f"{uri}/")
        check(first == theirs("-m", "get", f"{uri}/").decode() and "libcoap" in first, first)
        run("-m", "put", "-t", "plain", "-e", "one", f"{uri}/example_data")
        check(text("-m", "GET", f"{uri}/example_data") == "one", "what was put")
        _, errors = run("-v", "7", f"{uri}/time")
        check(re.search(r"^-> .* GET .*Uri-Path: time", errors, re.M) and "\n<- " in errors, errors)
        check(run("-v", "3", f"{uri}/time")[1] == "", "three is too few for messages")
        _, errors = run("-v", "7", "-T", "cafe", "-N", "-A", "0", "-O", "15,a=b", f"{uri}/time")
        check("NON 0.01" in errors and "token 63616665" in errors and "Uri-Query: a=b" in errors
              and "Accept" in errors, errors)
        check(len(text("-s", "2", f"{uri}/time").splitlines()) >= 2, "-s observes")
        check(len(text("-G", "3", "--every", "0.1", "-w", f"{uri}/time").splitlines()) == 3, "-G")
        with harness.scratch() as folder:
            run("-o", folder / "got", f"{uri}/")
            check((folder / "got").read_text() == first, "-o")
        _, errors = run("-U", "-v", "7", f"coap://localhost:{uri.rsplit(':', 1)[1]}/time")
        check("Uri-Host" not in errors and "Uri-Port" not in errors, errors)
        _, errors = run("-v", "7", "-H", "3", "-B", "2", f"{uri}/time")
        check("Hop-Limit: 3" in errors or "option 16: 03" in errors, errors)


def a_pipe_gets_the_octets_and_no_more():
    with harness.scratch() as folder:
        octets = bytes(range(256)) * 20
        (folder / "octets.bin").write_bytes(octets)
        (folder / "list.json").write_text('{"a": [1, 2]}')
        with serving(folder) as uri:
            check(run("get", f"{uri}/octets.bin")[0] == octets, "octets")
            check(run("get", "-b", "64", f"{uri}/octets.bin")[0] == octets, "in small blocks")
            check(run("get", "-b", "2,64", f"{uri}/octets.bin")[0] == octets[128:192], "one block")
            check(text("get", f"{uri}/list.json") == '{"a": [1, 2]}', "JSON")
            check(theirs(f"{uri}/octets.bin") == octets, "libcoap fetches it")


def a_terminal_gets_what_a_person_can_read():
    with serving("--test") as uri:
        def shown(form):
            return on_terminal("get", "-A", form, f"{uri}/multi-format")[0]
        check(shown("0") == "several formats\n", "text")
        check(shown("json") == '{\n  "text": "several formats",\n  "n": [\n    1,\n    2\n  ]\n}\n',
              "JSON is indented")
        check('"on": true' in shown("cbor"), "CBOR in diagnostic notation")
        check(shown("octet-stream").startswith("00000000  a2 62 6f 6e"), "octets as a dump")
        for form in ("senml+json", "senml+cbor"):
            table = shown(form)
            check(re.search(r"^name +value +unit +time\n", table), table)
            check(re.search(r"^urn:dev:mac:0024befffe804ff1:voltage +120.1 +V +2010-06-08 18:01:16",
                            table, re.M), table)
        table, _ = on_terminal("discover", uri, "rt=Type1")
        rows = table.splitlines()
        check(re.match(r"path +type +interface", rows[0]) and len(rows) == 3
              and rows[1].split()[0] == "/link1", table)
        _, errors = run("get", f"{uri}/problem", status=1)
        check(errors == "4.00 Bad Request: a problem: asked for, and here it is\n", errors)
        told = json.loads(text("get", "--json", f"{uri}/problem", status=1))
        check(told["problem"]["title"] == "a problem", f"{told}")
        _, errors = on_terminal("post", "-e", "x", f"{uri}/location-query")
        check(errors == "2.01 Created ?first=1&second=2\n", errors)


def escapes_do_not_reach_a_terminal():
    with harness.scratch() as folder:
        (folder / "evil.json").write_bytes(b'{"a":"\x1b]0;owned\x07"}')
        (folder / "evil.wlnk").write_bytes(b'</\x1b[2J>;title="\x1b[31m"')
        (folder / "evil.txt").write_bytes("\u009b31m\rowned\n".encode())
        with serving(folder) as uri:
            for name in ("evil.json", "evil.wlnk", "evil.txt"):
                shown, _ = on_terminal("get", f"{uri}/{name}")
                check(shown and not re.search("[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]", shown),
                      f"{name}: {shown!r}")


def a_folder_is_served_and_nothing_beside_it():
    with harness.scratch() as outer:
        folder = outer / "www"
        (folder / "inner").mkdir(parents=True)
        (outer / "secret.txt").write_text("secret")
        (folder / "a.txt").write_text("hello")
        (folder / ".hidden").write_text("hidden")
        (folder / "inner" / "b.json").write_text("{}")
        (folder / "out").symlink_to(outer)
        (folder / "link.txt").symlink_to(outer / "secret.txt")
        with serving(folder) as uri:
            check(text("get", f"{uri}/a.txt") == "hello", "a file")
            links = text("get", f"{uri}/.well-known/core")
            check("</a.txt>;ct=0;sz=5;obs" in links and "</inner/b.json>;ct=50" in links
                  and "link" not in links and "hidden" not in links, links)
            check(text("get", f"{uri}/inner/") == "</inner/b.json>;ct=50;sz=2;obs", "a listing")
            up = ("-O", "11,..")
            for argv in ((f"{uri}/link.txt",), (f"{uri}/out/secret.txt",), (f"{uri}/.hidden",),
                         (*up, "-O", "11,secret.txt", uri), (*up, "-O", "11,www", "-O", "11,a.txt", uri),
                         (f"{uri}/inner%2fb.json",), (f"{uri}/a.txt%00.json",),
                         (f"{uri}/..%2fsecret.txt",), (f"{uri}/none",), (f"{uri}//a.txt",)):
                out, errors = run("get", *argv, status=1)
                check(not out and errors.startswith("4.0"), f"{argv}: {out} {errors}")
            for method in ("put", "post", "delete"):
                _, errors = run(method, f"{uri}/a.txt", status=1)
                check(errors.startswith("4.05"), errors)
            tag = next(o["hex"] for o in json.loads(text("get", "--json", f"{uri}/a.txt"))["options"]
                       if o["number"] == 4)
            valid = json.loads(text("get", "--json", "-O", f"4,0x{tag}", f"{uri}/a.txt"))
            check(valid["code"] == "2.03" and not valid["payload"], f"{valid}")
            _, errors = run("get", "-A", "json", f"{uri}/a.txt", status=1)
            check(errors.startswith("4.06"), errors)


def a_writable_folder_takes_files_whole():
    body = os.urandom(5000)
    with harness.scratch() as folder:
        (folder / "old.txt").write_text("old")
        (folder / "outside").symlink_to("/tmp")
        with serving(folder, "--writable") as uri:
            told = json.loads(text("put", "--json", "-f", "-", f"{uri}/new.bin", stdin=body))
            check(told["code"] == "2.01" and (folder / "new.bin").read_bytes() == body, f"{told}")
            told = json.loads(text("put", "--json", "-e", "newer", f"{uri}/old.txt"))
            check(told["code"] == "2.04" and (folder / "old.txt").read_text() == "newer", f"{told}")
            _, errors = run("put", "-e", "x", "-O", "5,", f"{uri}/old.txt", status=1)
            check(errors.startswith("4.12"), "If-None-Match")
            _, errors = run("put", "-e", "x", "-O", "1,0x0123", f"{uri}/old.txt", status=1)
            check(errors.startswith("4.12") and (folder / "old.txt").read_text() == "newer",
                  "If-Match")
            _, errors = run("put", "-e", "x", f"{uri}/outside/x", status=1)
            check(errors.startswith("4.09"), errors)
            told = json.loads(text("post", "--json", "-t", "json", "-e", "{}", uri))
            name = next(o["text"] for o in told["options"] if o["number"] == 8)
            check(told["code"] == "2.01" and name == "Location-Path: 1.json", f"{told}")
            run("delete", f"{uri}/old.txt")
            run("delete", f"{uri}/old.txt")
            check(sorted(p.name for p in folder.iterdir()) == ["1.json", "new.bin", "outside"],
                  "no file of ours is left behind")
            theirs("-m", "put", "-f", folder / "1.json", f"{uri}/theirs.json")
            check((folder / "theirs.json").read_text() == "{}", "libcoap puts")


def changes_of_files_are_told():
    with harness.scratch() as folder:
        watched = folder / "a.txt"
        watched.write_text("one")
        with serving(folder, "--writable") as uri:
            with harness.Running([harness.causeway(), "coap", "observe", f"{uri}/a.txt"]) as seen:
                seen.wait_for("^one$")
                run("put", "-e", "two", f"{uri}/a.txt")
                seen.wait_for("^two$", timeout=5)
                watched.write_text("three")
                seen.wait_for("^three$", timeout=10)
                check(seen.stop() == 0, "Ctrl-C ends it")


def an_observation_survives_a_restart():
    with harness.scratch() as folder:
        (folder / "a.txt").write_text("before")
        port = free_port()
        serve = [harness.causeway(), "coap", "serve", folder, "--listen", f"coap://127.0.0.1:{port}",
                 "--max-age", "1"]
        first = harness.Running(serve)
        with first:
            first.wait_for("listening")
            with harness.Running([harness.causeway(), "coap", "observe", "-B", "3",
                                  f"coap://127.0.0.1:{port}/a.txt"]) as seen:
                seen.wait_for("^before$")
                first.stop()
                (folder / "a.txt").write_text("after")
                time.sleep(1)
                with harness.Running(serve) as second:
                    second.wait_for("listening")
                    seen.wait_for("^after$", timeout=40)
                    check(seen.stop() == 0, "Ctrl-C ends it")


def pings_are_counted():
    with serving("--test") as uri:
        shown = text("ping", "-c", "3", "-i", "0.05", uri)
        check(len(re.findall(r": \d time [\d.]+ ms$", shown, re.M)) == 3
              and "3 sent, 3 answered, 0 % lost" in shown, shown)
        told = json.loads(text("ping", "-c", "2", "-i", "0.05", "--json", uri))
        check(told["answered"] == 2 and told["ms"]["min"] > 0, f"{told}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        shown = text("ping", "-c", "2", "-i", "0.05", "-B", "0.1",
                     f"coap://127.0.0.1:{deaf.getsockname()[1]}", status=1)
        check("2 sent, 0 answered, 100 % lost" in shown, shown)


def reliable_transports_carry_everything():
    for scheme in ("coap+tcp", "coap+ws"):
        with serving("--test", "--period", "0.3", listen=f"{scheme}://127.0.0.1") as uri:
            check(uri.startswith(f"{scheme}://"), uri)
            check(text("get", f"{uri}/test") == "a test", uri)
            check(text("get", f"{uri}/separate") == "this came separately", uri)
            body = os.urandom(5000)
            run("put", "-f", "-", f"{uri}/large-update", stdin=body)
            check(run("get", f"{uri}/large-update")[0] == body, f"{uri}: a large body")
            check(len(text("observe", "-s", "1", f"{uri}/obs").splitlines()) >= 2, uri)
            check("2 answered" in text("ping", "-c", "2", "-i", "0.05", uri), uri)
    with serving("--test", listen="coap+tcp://127.0.0.1") as uri:
        check(text("get", "-r", uri.replace("+tcp", "") + "/test") == "a test", "-r")


def certificate(folder, name="localhost"):
    names = f"DNS:{name}" + (",IP:127.0.0.1" if name == "localhost" else "")
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName={names}", "-keyout", key, "-out", cert], check=True,
                   capture_output=True)
    return cert, key


def credentials_open_what_they_should():
    with harness.scratch() as folder:
        (folder / "key").write_text(KEY + "\n")
        psk = ("-u", "me", "-k", KEY)
        with serving("--test", *psk, listen="coaps://127.0.0.1") as uri:
            for key in (KEY, "0x" + KEY.encode().hex(), f"@{folder}/key"):
                check(text("get", "-u", "me", "-k", key, f"{uri}/secure") == "psk me", key)
            _, errors = run("get", "-u", "me", "-k", "another", "-B", "5", f"{uri}/test", status=1)
            check(errors.startswith("causeway: ") and KEY not in errors, errors)
            _, errors = run("get", "-v", *psk, f"{uri}/test")
            check(KEY not in errors and "2.05" in errors, errors)
        cert, key = certificate(folder)
        for scheme in ("coaps", "coaps+tcp", "coaps+ws"):
            with serving("--test", "-c", cert, "-j", key, listen=f"{scheme}://127.0.0.1") as uri:
                check(text("get", "-C", cert, f"{uri}/test") == "a test", f"{scheme}: -C")
                _, errors = run("get", "-B", "10", f"{uri}/test", status=1)
                check(errors.startswith("causeway: "), f"{scheme}: an unknown authority: {errors}")
        other, its_key = certificate(folder, "somebody.else")
        for scheme in ("coaps", "coaps+tcp", "coaps+ws"):
            with serving("--test", "-c", other, "-j", its_key,
                         listen=f"{scheme}://127.0.0.1") as uri:
                _, errors = run("get", "-B", "10", "-C", other, f"{uri}/test", status=1)
                check(errors.startswith("causeway: "), f"{scheme}: another's name: {errors}")
                check(text("get", "-n", "-C", other, f"{uri}/test") == "a test", f"{scheme}: -n")


def raw_public_keys_are_pinned():
    with harness.scratch() as folder:
        for who in ("ours", "theirs", "other"):
            subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-out", folder / who], check=True,
                           capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", folder / who, "-pubout", "-out",
                            folder / f"{who}.pub"], check=True, capture_output=True)
        with serving("--test", "-M", folder / "theirs", "--peer-key", folder / "ours.pub",
                     listen="coaps://127.0.0.1") as uri:
            known = ("--peer-key", folder / "theirs.pub")
            told = text("get", "-M", folder / "ours", *known, f"{uri}/secure")
            check(told.startswith("rawpublickey sha256:"), told)
            for argv in ((*known, "-M", folder / "other"), ("-M", folder / "ours", "--peer-key",
                                                            folder / "other.pub"), known):
                _, errors = run("get", "-B", "5", *argv, f"{uri}/test", status=1)
                check(errors.startswith("causeway: "), f"{argv}: {errors}")


def contexts_protect_requests():
    with harness.scratch() as folder:
        common = 'master_secret = "0102030405060708090a0b0c0d0e0f10"\nmaster_salt = "9e7c"\n'
        (folder / "client").write_text(common + 'sender_id = ""\nrecipient_id = "01"\n')
        (folder / "server").write_text(f'# a valve\n{common}sender_id = "01"\n'
                                       'recipient_id = ""\n')
        with serving("--test", "--oscore", folder / "server") as uri:
            for _ in range(2):  # the second start uses the numbers behind the first's
                check(text("get", "--oscore", folder / "client", f"{uri}/secure") == "oscore",
                      "who asks")
            (folder / "other").write_text(common.replace("0102", "0202")
                                          + 'sender_id = ""\nrecipient_id = "01"\n')
            _, errors = run("get", "-B", "5", "--oscore", folder / "other", f"{uri}/test", status=1)
            check(errors, "another secret")
        (folder / "bad").write_text(common + "frob = 1\n")
        _, errors = run("get", "--oscore", folder / "bad", "coap://127.0.0.1/", status=1)
        check(f"{folder}/bad:3:1: frob" in errors and "0102" not in errors, errors)


def the_generator_measures_and_loses_nothing():
    with serving("--test") as uri:
        told = json.loads(text("bench", f"{uri}/test", "--endpoints", "500", "--window", "50",
                               "--for", "0.3", "--warmup", "0", "--json"))
        check(told["met"] == 500 and told["answered"] > 100 and told["lost"] == 0
              and told["latency_us"]["p50"] > 0, f"{told}")
        told = json.loads(text("bench", f"{uri}/test", "--count", "200", "-m", "put", "-e", "x", "-N",
                               "--json"))
        check(told["answered"] == 200, f"{told}")
        told = json.loads(text("bench", f"{uri}/obs", "--observers", "50", "--rounds", "3",
                               "--json"))
        check(told["met"] == 50 and len(told["rounds_ms"]) == 3, f"{told}")
        _, errors = run("bench", f"{uri}/none", "--for", "0.1", status=1)
        check("refuses" in errors, errors)
    told = json.loads(text("bench", "--echo-floor", "--for", "0.2", "--warmup", "0", "--json"))
    check(told["answered"] > 100, f"{told}")
    with serving("--test", "-u", "me", "-k", KEY, listen="coaps://127.0.0.1") as uri:
        told = json.loads(text("bench", f"{uri}/test", "--sessions", "20", "-u", "me", "-k", KEY,
                               "--for", "0.3", "--json"))
        check(told["met"] == 20 and told["missed"] == 0 and told["answered"] > 20, f"{told}")


if __name__ == "__main__":
    harness.main([every_tool_has_help_with_an_example, bad_usage_ends_with_two_and_one_line,
                  a_secret_is_never_shown, libcoaps_command_lines_are_understood,
                  a_pipe_gets_the_octets_and_no_more, a_terminal_gets_what_a_person_can_read,
                  escapes_do_not_reach_a_terminal, a_folder_is_served_and_nothing_beside_it,
                  a_writable_folder_takes_files_whole, changes_of_files_are_told,
                  an_observation_survives_a_restart, pings_are_counted,
                  reliable_transports_carry_everything, credentials_open_what_they_should,
                  raw_public_keys_are_pinned, contexts_protect_requests, the_generator_measures_and_loses_nothing])
