"""The plugtests' rows about observation (RFC 7641), in the manner of coap_plugtests.py."""
import re
import time

from coap_peers import LARGE
from coap_plugtests import row
from coap_wire import ACK, CON, NON, RST
from harness import check

# Whether rows wait for a server to give up, which takes up to MAX_TRANSMIT_WAIT, 93 seconds.
PATIENT = False


class Observed:
    """What a relay has heard of the observation under one token."""
    def __init__(self, line):
        self.line = line
        self.request = line.wait(
            lambda: line.messages("client", "0.01", where=lambda m: m.uint("Observe") == 0),
            "a request to observe")[0]
        self.token = self.request.token

    def responses(self, **more):
        return self.line.messages("server",
                                  where=lambda m: m.token == self.token and m.code[0] in "245",
                                  **more)

    def notifications(self):
        return [m for m in self.responses() if m.has("Observe")]

    def wait(self, count):
        """So many with the option, the first response among them."""
        self.line.wait(lambda: len(self.notifications()) >= count, f"{count} notifications")
        return self.notifications()

    def are_in_order(self, kind):
        """Type, code and format are right, and each is newer than the one before."""
        heard = self.notifications()
        check(all(m.code == "2.05" for m in heard), f"2.05\n{self.line}")
        check(all(m.one("Content-Format") == heard[0].one("Content-Format") for m in heard),
              f"one format\n{self.line}")
        check(all(m.type == kind for m in heard[1:]), f"all {kind}\n{self.line}")
        numbers = [m.uint("Observe") for m in heard]
        check(
            all(0 < (later - earlier) % (1 << 24) < 1 << 23
                for earlier, later in zip(numbers, numbers[1:])), f"order: {numbers}")

    def silence(self, seconds=2.2):
        """Nothing more comes under this token."""
        time.sleep(0.3)
        before = len(self.responses())
        time.sleep(seconds)
        check(len(self.responses()) == before, f"and then silence\n{self.line}")


def acknowledged(line, message):
    line.wait(
        lambda: line.messages(
            "client", "0.00", where=lambda m: m.type == ACK and m.id == message.id),
        f"an acknowledgement of {message}")


def begun(pair, line, name="obs", count=3, **more):
    """An observation under way, notified twice."""
    run = pair.watch(line, name, **more)
    seen = Observed(line)
    check(seen.request.type == CON and seen.request.token, f"{seen.request}")
    first = seen.wait(1)[0]
    check(first.type == ACK and first.id == seen.request.id and first.code == "2.05",
          f"the first is the acknowledgement\n{line}")
    if count > 1:
        for message in seen.wait(count)[1:count]:
            acknowledged(line, message)
        seen.are_in_order(CON)
        run.wait(showing(seen.notifications()[1]))
    return run, seen


def showing(message):
    """A pattern of what a client shows of it."""
    return "^" + re.escape(message.payload.decode().split("\n", maxsplit=1)[0]) + "$"


@row("TD_COAP_OBS_01")
def obs_01(pair):
    with pair.line() as line:
        run, seen = begun(pair, line, count=4)
        with run:
            for message in seen.notifications()[:4]:
                run.wait(showing(message))


@row("TD_COAP_OBS_02")
def obs_02(pair):
    with pair.line() as line, pair.watch(line, "obs-non", con=False) as run:
        seen = Observed(line)
        check(seen.request.type == NON, f"{seen.request}")
        heard = seen.wait(4)[:4]
        check(sum(m.type == NON for m in heard) >= 3, f"non-confirmable, nearly all\n{line}")
        for message in heard:
            run.wait(showing(message))


@row("TD_COAP_OBS_04")
def obs_04(pair):
    with pair.line() as line:
        run, seen = begun(pair, line, count=2)
        with run:
            pair.server.stop()
            before = len(seen.notifications())
            pair.server.start()
            line.retarget(pair.server.port)
            line.wait(lambda: len(
                line.messages("client",
                              "0.01",
                              where=lambda m: m.token == seen.token and m.uint("Observe") == 0)) >=
                      2,
                      "a second registration under the same token",
                      timeout=60)
            fresh = seen.wait(before + 3)[before:]
            check(fresh[0].type == ACK and fresh[1].type == CON, f"{fresh}")
            acknowledged(line, fresh[1])
            run.wait(showing(fresh[1]))


@row("TD_COAP_OBS_05")
def obs_05(pair):
    lost = []
    with pair.line(loses=lambda said: bool(lost)) as line:
        run, seen = begun(pair, line)
        with run:
            run.drop()
            lost.append(True)
            said = line.wait(lambda: [one for one in line.said if one.lost], "a notification")
            line.wait(lambda: len({one.at
                                   for one in line.said if one.lost}) >= 3,
                      "it is sent again, and again",
                      timeout=12)
            said = [one for one in line.said if one.lost]
            check(all(one.message.type == CON for one in said), f"confirmable\n{line}")
            pauses = [later.at - earlier.at for earlier, later in zip(said, said[1:])]
            check(1.5 < pauses[0] < 4 and pauses[1] > pauses[0] * 1.5, f"backing off: {pauses}")
            if PATIENT:
                time.sleep(95)
                seen.silence(5)


@row("TD_COAP_OBS_06")
def obs_06(pair):
    with pair.line() as line:
        run, seen = begun(pair, line)
        with run:
            run.drop()
            line.reboot()
            with pair.watch(line, "obs-other", token="reboot") as rebooted:
                refused = line.wait(
                    lambda: line.messages("client", "0.00", where=lambda m: m.type == RST),
                    "a reset")
                check(refused[0].id in [m.id for m in seen.notifications()], f"of it\n{line}")
                seen.silence()
                rebooted.drop()


def ended_with(pair, name, code, cause):
    """A last notification without Observe, and then none."""
    with pair.line() as line:
        run, seen = begun(pair, line, name,
                          3 if pair.server.at(name) == pair.server.at("obs") else 1)
        with run:
            cause(pair.server.at(name)[0])
            last = line.wait(lambda: [m for m in seen.responses() if m.code == code],
                             f"a notification of {code}")[0]
            check(last.type == pair.server.last_words and not last.has("Observe"), f"{last}")
            if last.type == CON:
                acknowledged(line, last)
            seen.silence()


@row("TD_COAP_OBS_07")
def obs_07(pair):
    ended_with(pair, "obs-gone", "4.04", lambda path: pair.raw("0.04", path))


@row("TD_COAP_OBS_08")
def obs_08(pair):
    ended_with(pair, "obs-set", "4.06", lambda path: pair.change("obs-set", b"{}", form=50))


@row("TD_COAP_OBS_09")
def obs_09(pair):
    with pair.line() as line:
        run, seen = begun(pair, line, "obs-set", 1)
        with run:
            for text in (b"a new value", b"a newer one"):
                pair.change("obs-set", text)
                message = line.wait(lambda: [m for m in seen.notifications() if m.payload == text],
                                    f"{text}")[0]
                check(message.type == CON, f"{message}")
                acknowledged(line, message)
                run.wait(showing(message))
            seen.are_in_order(CON)


@row("TD_COAP_OBS_10")
def obs_10(pair):
    with pair.line() as line:
        run, seen = begun(pair, line)
        with run:
            shown = pair.client.ask(line.port, pair.request("GET", "obs", token="other"))
            plain = line.messages("client", "0.01")[-1]
            check(not plain.has("Observe") and plain.token != seen.token, f"{plain}")
            answer = line.messages("server", "2.05", where=lambda m: m.token == plain.token)[0]
            check(answer.id == plain.id and not answer.has("Observe") and answer.payload == shown,
                  f"{answer}")
            count = len(seen.notifications())
            acknowledged(line, seen.wait(count + 2)[-1])
            run.wait(showing(seen.notifications()[count]))


@row("TD_COAP_OBS_11")
def obs_11(pair):
    victims = []

    def loses(said):
        """The second notification once, and the acknowledgement of the third one once."""
        if said.message is None:
            return False
        if said.who == "server" and said.message.type == CON:
            kinds = "notification"
        elif said.who == "client" and said.message.type == ACK:
            kinds = "acknowledgement"
        else:
            return False
        counts[kinds] = counts.get(kinds, 0) + 1
        if (kinds, counts[kinds]) in (("notification", 1), ("acknowledgement", 2)):
            victims.append(said)
            return True
        return False

    counts = {}
    with pair.line(loses=loses) as line, pair.watch(line, "obs") as run:
        seen = Observed(line)
        line.wait(lambda: len(victims) == 2, "both losses", timeout=15)
        last = len(seen.notifications())
        seen.wait(last + 2)
        for victim in victims:
            again = [
                one for one in line.said if one.who == "server" and one.message and
                one.message.type == CON and one.message.id == victim.message.id
            ]
            fresher = [
                one for one in line.said
                if one.who == "server" and one.message and one.message.type == CON and one.at -
                victim.at > 1.5
            ]
            check(len(again) >= 2 or fresher, f"what was lost comes again\n{line}")
        waiting, sent = set(), 0
        for one in line.said:
            if one.message and one.who == "server" and one.message.type == CON:
                waiting.add(one.message.id)
                # A newer state may take the place of the one that is retransmitted.
                check(len(waiting) == 1 or one.at - sent > 1.5, f"one at a time\n{line}")
                waiting, sent = {one.message.id}, one.at
            elif one.message and one.who == "client" and not one.lost:
                waiting.discard(one.message.id)
        run.wait(showing(seen.notifications()[-2]))


@row("TD_COAP_OBS_12")
def obs_12(pair):
    with pair.line() as line:
        run, seen = begun(pair, line, seconds=pair.client.cancels_after)
        with run:
            if pair.client.cancels_after is None:
                run.cancel()
            last = line.wait(
                lambda: line.messages("client",
                                      "0.01",
                                      where=lambda m: m.token == seen.token and m.uint("Observe") ==
                                      1), "a GET with Observe 1 under the token")[0]
            answer = line.wait(lambda: [m for m in seen.responses() if m.id == last.id],
                               "its answer")[0]
            check(answer.code == "2.05" and not answer.has("Observe"), f"{answer}")
            seen.silence()


def large_is_watched(pair, name, bodies=()):
    with pair.line() as line, pair.watch(line, name) as run:
        seen = Observed(line)
        seen.wait(1)
        for body in bodies:
            pair.change(name, body)
            line.wait(lambda: [m for m in seen.notifications() if body.startswith(m.payload[:64])],
                      f"a notification of {len(body)} octets")
            run.wait(f"^{body.decode().splitlines()[-1]}$")
        if not bodies:
            seen.wait(3)
            line.wait(
                lambda: sum(seen.notifications()[0].payload[:3] in text.encode()
                            for text in run.shown) >= 2, "two of them are shown")
        for message in seen.notifications()[1:]:
            if len(message.payload) == 1024:
                block = message.block("Block2")
                check(block and block.number == 0 and block.more, f"a first block\n{line}")
        further = line.wait(
            lambda: line.messages(
                "client", "0.01", where=lambda m: m.has("Block2") and m.block("Block2").number > 0),
            "the rest is fetched")
        check(not further[0].has("Observe"), f"by a plain GET: {further[0]}")


@row("TD_COAP_OBS_13")
def obs_13(pair):
    if pair.server.at("obs-large") == pair.server.at("large"):
        large_is_watched(
            pair, "obs-large",
            [LARGE.encode() + b"the first end\n",
             LARGE.encode() + b"the second end\n"])
    else:
        large_is_watched(pair, "obs-large")


@row("TD_COAP_OBS_14")
def obs_14(pair):
    large_is_watched(pair, "obs-set",
                     [LARGE.encode() + b"longer\n", b"short\n", 2 * LARGE.encode() + b"longest\n"])
