#!/usr/bin/env python3
"""`causeway mqtt pub` and `sub` beside mosquitto_pub and mosquitto_sub: the same command lines
against the same broker (mosquitto), and what they print and how they end must not differ."""
import contextlib
import json
import os
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

harness.need("mosquitto", "mosquitto_pub", "mosquitto_sub", "mosquitto_passwd", "stdbuf")

OURS = {"pub": [harness.causeway(), "mqtt", "pub"], "sub": [harness.causeway(), "mqtt", "sub"]}
THEIRS = {"pub": ["mosquitto_pub"], "sub": ["mosquitto_sub"]}
BOTH = (THEIRS, OURS)
PORT = CLOSED_PORT = 0
FOLDER = pathlib.Path()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def broker():
    """One listener for everybody and a Unix socket, and one for alice and her password only."""
    global PORT, CLOSED_PORT, FOLDER
    with harness.scratch() as folder:
        FOLDER, PORT, CLOSED_PORT = folder, free_port(), free_port()
        subprocess.run(["mosquitto_passwd", "-b", "-c", folder / "passwords", "alice", "secret"],
                       check=True)
        folder.chmod(0o755)
        (folder / "passwords").chmod(0o644)
        (folder / "broker.conf").write_text(
            "per_listener_settings true\nuser root\nmax_queued_messages 0\n"
            f"listener {PORT} 127.0.0.1\nallow_anonymous true\n"
            f"listener 0 {folder}/socket\nallow_anonymous true\n"
            f"listener {CLOSED_PORT} 127.0.0.1\nallow_anonymous false\n"
            f"password_file {folder}/passwords\n")
        process = subprocess.Popen(["mosquitto", "-c", folder / "broker.conf"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                if listens(PORT) and listens(CLOSED_PORT):
                    break
                time.sleep(0.05)
            else:
                sys.exit("mosquitto does not listen")
            yield
        finally:
            process.terminate()
            process.wait()


def at(port=None):
    return ["-h", "127.0.0.1", "-p", str(port or PORT)]


def run(argv, stdin=b"", timeout=20):
    done = subprocess.run(list(map(str, argv)), input=stdin, capture_output=True, timeout=timeout)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def same_status(tool, *argv, expected=None, stdin=b""):
    theirs = run(THEIRS[tool] + list(argv), stdin)
    ours = run(OURS[tool] + list(argv), stdin)
    check(theirs[0] == ours[0] and ours[0] == (theirs[0] if expected is None else expected),
          f"{tool} {argv}: status {ours[0]}, mosquitto's {theirs[0]}: {ours[2]}")
    return theirs, ours


class Listening:
    """A subscriber in the background that has subscribed when this is entered."""

    def __init__(self, family, *argv):
        self.argv = family["sub"] + at() + ["-d", "-W", "10", *argv]

    def __enter__(self):
        # -d tells when it has subscribed; its lines are then cut from what is compared.
        # mosquitto_sub keeps its lines to itself until it ends, but for stdbuf.
        self.process = subprocess.Popen(["stdbuf", "-oL", *map(str, self.argv)], bufsize=0,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.head = b""
        while b"Subscribed" not in self.head:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"{self.argv} ended: {self.process.stderr.read()}")
            self.head += line
        return self

    def rest(self):
        out, _ = self.process.communicate(timeout=20)
        lines = out.split(b"\n")
        return b"\n".join(line for line in lines if not line.startswith(b"Client ")), \
            self.process.returncode

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def delivered(subscriber, publisher, sub_argv, *publishes):
    """What `subscriber` prints of what `publisher` publishes: (options, stdin) each."""
    with Listening(subscriber, *sub_argv) as listening:
        for options, stdin in publishes:
            status, out, errors = run(publisher["pub"] + at() + list(options), stdin)
            check(status == 0 and not out, f"{publisher['pub']} {options}: {status} {errors}")
        return listening.rest()


def all_agree(sub_argv, *publishes, clean=lambda out: out):
    """Every pairing of our tools and mosquitto's gives the same output and status."""
    first = None
    for subscriber in BOTH:
        for publisher in BOTH:
            out, status = delivered(subscriber, publisher, sub_argv, *publishes)
            seen = (clean(out), status)
            if first is None:
                first = seen
            check(seen == first, f"sub {sub_argv} by {subscriber['sub'][-1]} of "
                                 f"{publisher['pub'][-1]}: {seen}, wanted {first}")
    return first[0]


def messages_are_printed_alike():
    for version, qualities in (("mqttv5", "012"), ("mqttv311", "012"), ("mqttv31", "1"), ("5", "1"),
                               ("311", "2"), ("31", "0")):
        for qos in qualities:
            out = all_agree(["-V", version, "-t", "a/#", "-C", "2", "-v", "-q", qos],
                            (["-V", version, "-t", "a/b", "-m", "one", "-q", qos], b""),
                            (["-V", version, "-t", "a/c", "-m", "two words", "-q", qos], b""))
            check(out == b"a/b one\na/c two words\n", f"{version} {qos}: {out}")


def every_source_of_a_message_works():
    payload = FOLDER / "payload"
    payload.write_bytes(bytes(range(256)) * 300)
    all_agree(["-t", "s", "-C", "1", "-N"], (["-t", "s", "-f", payload], b""))
    all_agree(["-t", "s", "-C", "1"], (["-t", "s", "-s"], b"from\nstdin\n"))
    all_agree(["-t", "s", "-C", "3"], (["-t", "s", "-l"], b"one\ntwo\nthree"))
    all_agree(["-t", "s", "-C", "1", "-v"], (["-t", "s", "-n"], b""))
    all_agree(["-t", "s", "-C", "1"], (["-t", "s", "-n"], b""))
    out = all_agree(["-t", "s", "-C", "3"], (["-t", "s", "-m", "again", "--repeat", "3"], b""))
    check(out == b"again\n" * 3, out)
    began = time.monotonic()
    status, _, _ = run(OURS["pub"] + at() + ["-t", "s", "-m", "x", "--repeat", "3",
                                             "--repeat-delay", "0.3"])
    check(status == 0 and time.monotonic() - began >= 0.6, "two delays of 0.3 s")


def many_lines_arrive_all_and_in_order():
    lines = b"".join(b"%d\n" % i for i in range(20_000))
    for qos in "012":
        for version in ("5", "311"):
            out, status = delivered(OURS, OURS, ["-V", version, "-t", "l", "-q", qos, "-C", "20000"],
                                    (["-V", version, "-t", "l", "-l", "-q", qos], lines))
            check(out == lines and status == 0, f"QoS {qos}: {len(out)} octets, {status}")


def lines_from_a_file_and_from_a_slow_pipe():
    path = FOLDER / "lines"
    path.write_bytes(b"a\nb\nc\n")
    with Listening(OURS, "-t", "p", "-C", "5") as listening:
        with path.open("rb") as file:
            done = subprocess.run(OURS["pub"] + at() + ["-t", "p", "-l"], stdin=file, timeout=10)
            check(done.returncode == 0, "from a file")
        slow = subprocess.Popen(OURS["pub"] + at() + ["-t", "p", "-l", "-q", "1"],
                                stdin=subprocess.PIPE)
        slow.stdin.write(b"d\ne")
        slow.stdin.flush()
        time.sleep(0.3)
        slow.stdin.close()
        check(slow.wait(10) == 0, "from a pipe")
        out, _ = listening.rest()
        check(out == b"a\nb\nc\nd\ne\n", out)


def formats_are_understood_alike():
    properties = ["-D", "publish", "content-type", "text/x", "-D", "publish", "correlation-data",
                  "cd", "-D", "publish", "user-property", "n", "v", "-D", "publish",
                  "user-property", "n2", "v2", "-D", "publish", "message-expiry-interval", "77",
                  "-D", "publish", "response-topic", "r/t", "-D", "publish",
                  "payload-format-indicator", "1"]
    message = (["-V", "5", "-t", "f/topic", "-q", "1", "-m", '{"a":[1, 2]}', *properties], b"")
    plain = (["-V", "5", "-t", "f/t", "-m", "plain"], b"")
    for form in ("[%t|%10t|%-10t|%3.3t|%05l|%5l|%-5l|%q|%r|%m|%3m|%03m|%p]",
                 "[%C|%15C|%-15C|%2.2C|%D|%E|%8E|%08E|%-8E|%F|%3F|%P|%R|%12R|%x|%X]",
                 r"%%@@\\\n\t\a\e\v%t@@", "@Y", "[%A|%5A]"):
        all_agree(["-V", "5", "-q", "1", "-t", "f/#", "-C", "2", "-F", form], message, plain)
    all_agree(["-V", "5", "-t", "f/#", "-C", "1", "-F", "%S", "-D", "subscribe",
               "subscription-identifier", "7"], message)

    def parsed(out):
        """Mosquitto has properties in the order of their arrival, and we have one of our own."""
        value = json.loads(out)
        check(value.pop("tst"), out)
        return value

    for form in ("%j", "%J"):
        value = all_agree(["-V", "5", "-q", "1", "-t", "f/#", "-C", "1", "-F", form], message,
                          clean=parsed)
        check(value["payloadlen"] == 12 and value["properties"]["content-type"] == "text/x", value)
    out, _ = delivered(OURS, OURS, ["-t", "f", "-C", "1", "-F", "%I %U %j"],
                       (["-t", "f", "-s"], b'quote " \xff\x01 \xc3\xa9'))
    when, unix, text = out.decode().split(" ", 2)
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", when), when)
    check(abs(float(unix) - time.time()) < 20, unix)
    check(json.loads(text)["payload"] == 'quote " \ufffd\x01 \u00e9', text)


def retained_messages_are_treated_alike():
    def seed(topics):
        for topic in topics:
            run(THEIRS["pub"] + at() + ["-t", topic, "-m", "kept " + topic, "-r"])

    for family in BOTH:
        seed(("r/1", "r/2"))
        out, status = delivered(family, family, ["-t", "r/+", "-C", "1", "-R", "-v"],
                                (["-t", "r/1", "-m", "fresh"], b""))
        check((out, status) == (b"r/1 fresh\n", 0), f"-R: {out} {status}")
        status, out, _ = run(family["sub"] + at() + ["-t", "r/+", "-T", "r/2", "-v", "-W", "1"])
        check((out, status) == (b"r/1 kept r/1\n", 27), f"-T: {out} {status}")
        out, status = delivered(family, family, ["-t", "r/+", "--retained-only", "-v"],
                                (["-t", "r/1", "-m", "fresh"], b""))
        check((out, status) == (b"r/1 kept r/1\nr/2 kept r/2\n", 0), f"--retained-only: {out}")
        status, out, _ = run(family["sub"] + at() + ["-t", "r/+", "--remove-retained", "-W", "1"])
        check(status == 27 and len(out.splitlines()) == 2, f"--remove-retained: {out} {status}")
        status, out, _ = run(family["sub"] + at() + ["-t", "r/+", "-W", "1"])
        check((out, status) == (b"", 27), f"not removed: {out}")


def statuses_are_the_same():
    same_status("sub", *at(), "-t", "a", "-W", "1", expected=27)
    same_status("sub", *at(), "-t", "a", "-E", expected=0)
    for version, refused in (("mqttv311", 5), ("mqttv31", 5), ("mqttv5", 135)):
        for tool, more in (("sub", ["-t", "a"]), ("pub", ["-t", "a", "-m", "x"])):
            same_status(tool, *at(CLOSED_PORT), "-V", version, *more, expected=refused)
            same_status(tool, *at(CLOSED_PORT), "-V", version, "-u", "alice", "-P", "wrong", *more,
                        expected=refused)
    same_status("pub", *at(CLOSED_PORT), "-u", "alice", "-P", "secret", "-t", "a", "-m", "x",
                "-q", "2", expected=0)
    same_status("pub", *at(free_port()), "-t", "a", "-m", "x", expected=1)
    same_status("sub", *at(free_port()), "-t", "a", expected=1)
    same_status("pub", "-h", "nowhere.invalid", "-t", "a", "-m", "x", expected=1)


def mistakes_are_refused_alike_and_in_few_words():
    mistakes = [("pub", ["-t", "a"]), ("pub", ["-m", "x"]), ("pub", ["-t", "a/#", "-m", "x"]),
                ("pub", ["-z"]), ("pub", ["-t"]), ("pub", ["-t", "a", "-m", "x", "-q", "3"]),
                ("pub", ["-t", "a", "-m", "x", "-p", "70000"]),
                ("pub", ["-t", "a", "-m", "x", "-V", "9"]),
                ("pub", ["-t", "a", "-m", "x", "-V", "5", "-D", "publish", "foo", "bar"]),
                ("pub", ["-t", "a", "-m", "x", "-V", "5", "-D", "frob", "content-type", "bar"]),
                ("pub", ["-t", "a", "-m", "x", "-V", "5", "-D", "publish", "will-delay-interval",
                         "1"]),
                ("pub", ["-t", "a", "-m", "x", "-V", "5", "-D", "publish", "content-type"]),
                ("pub", ["-t", "a", "-m", "x", "-f", "y"]), ("pub", ["-t", "a", "-f", "/no/file"]),
                ("pub", ["-t", "a", "-m", "x", "--will-payload", "y"]),
                ("pub", ["-L", "http://x/y", "-m", "x"]), ("pub", ["-t", "a", "-m", "x", "-k", "3"]),
                ("sub", []), ("sub", ["-t", "a/#/b"]), ("sub", ["-t", "a", "-F", "%z"]),
                ("sub", ["-t", "a", "-F", r"\z"]), ("sub", ["-t", "a", "-C", "x"]),
                ("sub", ["-t", "a", "-c"]), ("sub", ["-t", "a", "-m", "x"])]
    for tool, argv in mistakes:
        _, ours = same_status(tool, "-p", str(PORT), *argv, expected=1)
        check(not ours[1] and 1 <= len(ours[2].splitlines()) <= 2, f"{tool} {argv}: {ours}")


def a_url_is_host_user_password_and_topic():
    url = f"mqtt://alice:secret@127.0.0.1:{CLOSED_PORT}/u/topic"
    with Listening(THEIRS, "-t", "u/#", "-C", "1", "-v", "-u", "alice", "-P", "secret", "-p",
                   str(CLOSED_PORT)) as listening:
        check(run(OURS["pub"] + ["-L", url, "-m", "hi"])[0] == 0, "not published")
        check(listening.rest()[0] == b"u/topic hi\n", "not delivered")
    check(run(OURS["pub"] + ["-L", url.replace("secret", "wr%6Fng"), "-m", "hi"])[0] == 5, "wr%6Fng")


def wills_are_left_behind():
    for family in BOTH:
        with Listening(THEIRS, "-t", "w", "-C", "1", "-V", "5", "-F", "%p %q %C") as listening:
            victim = subprocess.Popen(
                ["stdbuf", "-oL"] + family["sub"] + at() + ["-V", "5", "-t", "x", "--will-topic", "w", "--will-payload",
                                        "gone", "--will-qos", "1", "-D", "will", "content-type",
                                        "t/p", "-d"], stdout=subprocess.PIPE)
            while b"Subscribed" not in victim.stdout.readline():
                pass
            victim.kill()
            victim.communicate()
            check(listening.rest()[0] == b"gone 0 t/p\n", "no will")


def a_session_is_kept_for_whoever_comes_back():
    for version in ("5", "311"):
        for number, family in enumerate(BOTH):
            who = ["-i", f"back-{version}-{number}", "-c", "-V", version, "-q", "1", "-t", "kept"]
            check(run(family["sub"] + at() + who + ["-E"])[0] == 0, "the first time")
            run(THEIRS["pub"] + at() + ["-t", "kept", "-m", "waited", "-q", "1"])
            status, out, _ = run(family["sub"] + at() + who + ["-C", "1", "-W", "5"])
            check((status, out) == (0, b"waited\n"), f"{version}: {status} {out}")


def signals_end_it_politely():
    for how in (signal.SIGINT, signal.SIGTERM):
        with Listening(OURS, "-t", "x") as listening:
            listening.process.send_signal(how)
            check(listening.rest()[1] == 0, f"{how}")


def unsubscribing_ends_a_kept_subscription():
    who = ["-i", "leaves", "-c", "-q", "1"]
    check(run(OURS["sub"] + at() + who + ["-t", "left", "-E"])[0] == 0, "subscribed")
    check(run(OURS["sub"] + at() + who + ["-U", "left", "-E", "-W", "5"])[0] == 0, "unsubscribed")
    run(THEIRS["pub"] + at() + ["-t", "left", "-m", "nobody", "-q", "1"])
    status, out, _ = run(OURS["sub"] + at() + who + ["-t", "other", "-W", "1"])
    check((status, out) == (27, b""), f"{status} {out}")


def a_unix_socket_is_as_good():
    with Listening(THEIRS, "-t", "ux", "-C", "1") as listening:
        status, _, errors = run(OURS["pub"] + ["--unix", FOLDER / "socket", "-t", "ux", "-m", "hi"])
        check(status == 0 and listening.rest()[0] == b"hi\n", errors)


def large_messages_come_whole():
    payload = FOLDER / "large"
    payload.write_bytes(os.urandom(8 << 20))
    for subscriber, publisher in ((OURS, OURS), (THEIRS, OURS), (OURS, THEIRS)):
        with Listening(subscriber, "-t", "big", "-C", "1", "-N", "-q", "1") as listening:
            check(run(publisher["pub"] + at() + ["-t", "big", "-f", payload, "-q", "1"])[0] == 0,
                  "not published")
            out, _ = listening.process.communicate(timeout=20)
            check(payload.read_bytes() in out, f"{len(out)} octets")


def it_comes_back_after_the_broker_was_away():
    port = free_port()
    config = FOLDER / "away.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")

    def start():
        process = subprocess.Popen(["mosquitto", "-c", config], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while not listens(port):
            time.sleep(0.02)
        return process

    first = start()
    with Listening(OURS, "-p", str(port), "-t", "again", "-C", "1") as listening:
        first.kill()
        first.wait()
        second = start()
        try:
            while b"Subscribed" not in listening.process.stdout.readline():
                pass
            run(THEIRS["pub"] + at(port) + ["-t", "again", "-m", "back"])
            out, status = listening.rest()
            check(b"back\n" in out and status == 0, f"{out} {status}")
        finally:
            second.terminate()
            second.wait()


def help_names_every_option_and_shows_examples():
    for tool in ("pub", "sub"):
        status, out, _ = run(OURS[tool] + ["--help"])
        text = out.decode()
        check(status == 0 and re.search(r"Examples:\n  causeway mqtt ", text), text)
        known = {"--ciphers", "--proxy", "--keyform", "--tls-engine", "--tls-engine-kpass-sha1"}
        theirs = run(THEIRS[tool] + ["--help"])[1].decode()
        for option in set(re.findall(r"^ (-{1,2}[\w-]+) :", theirs, re.M)) - known:
            check(re.search(rf"^  {option}\b", text, re.M) or option == "-D", f"{tool} {option}")


if __name__ == "__main__":
    with broker():
        harness.main([messages_are_printed_alike, every_source_of_a_message_works,
                      many_lines_arrive_all_and_in_order, lines_from_a_file_and_from_a_slow_pipe,
                      formats_are_understood_alike, retained_messages_are_treated_alike,
                      statuses_are_the_same, mistakes_are_refused_alike_and_in_few_words,
                      a_url_is_host_user_password_and_topic, wills_are_left_behind,
                      a_session_is_kept_for_whoever_comes_back, signals_end_it_politely,
                      unsubscribing_ends_a_kept_subscription, a_unix_socket_is_as_good,
                      large_messages_come_whole, it_comes_back_after_the_broker_was_away,
                      help_names_every_option_and_shows_examples])
