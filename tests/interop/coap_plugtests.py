"""The rows of the CoAP plugtests over UDP: what ETSI's test descriptions ask of a client and a
server, each written once for any two programs. Everything is checked on what a relay between the
two has heard, and on what the client shows.

tables/coap-plugtests.tsv says in words what each row asserts, and which peer cannot take part and
why; docs/coap-plugtests.md is made of both by scripts/coap_plugtests.py."""
import concurrent.futures
import re
import socket

import coap_wire as wire
from coap_peers import LARGE, Request, raw
from coap_wire import ACK, CON, NON, NUMBERS, RST
from harness import check

METHODS = {"GET": "0.01", "POST": "0.02", "PUT": "0.03", "DELETE": "0.04"}
ROWS = {}


def row(identifier):
    def add(function):
        ROWS[identifier] = function
        return function

    return add


class Talk:
    """A request that was made through a relay of its own, and what became of it."""
    def __init__(self, line, shown):
        self.line, self.shown = line, shown
        requests = line.messages("client", where=lambda m: m.is_request(), lost=True)
        check(requests, f"the client has sent no request\n{line}")
        self.request = requests[0]
        answers = line.messages(
            "server", where=lambda m: m.code[0] in "245" and m.token == self.request.token)
        check(answers, f"no response to {self.request}\n{line}")
        self.response = answers[0]


class Pair:
    """A client, and a server that is running."""
    def __init__(self, client, server):
        self.client, self.server = client, server

    def request(self, method, name, **more):
        path, query = self.server.at(name)
        return Request(method, path, query + list(more.pop("query", ())), **more)

    def line(self, **losses):
        return wire.Relay(self.server.port, **losses)

    def ask(self, method, name, line=None, **more):
        with line or self.line() as line:
            shown = self.client.ask(line.port, self.request(method, name, **more))
            return Talk(line, shown)

    def watch(self, line, name, seconds=None, **more):
        return self.client.watch(line.port, self.request("GET", name, **more), seconds)

    def change(self, name, payload, form=0):
        """Another client puts this there."""
        path, query = self.server.at(name)
        form = [(NUMBERS["Content-Format"], bytes([form] if form else []))]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talk:
            for at in range(0, len(payload), 1024):
                more = at + 1024 < len(payload)
                block = [] if len(payload) <= 1024 else [(NUMBERS["Block1"],
                                                          bytes([at >> 6 | more << 3 | 6]))]
                answer = raw(self.server.port, "0.03", path, payload[at:at + 1024], form + block,
                             query, talk)
        check(answer.code in ("2.04", "2.01"), f"PUT {path}: {answer}")

    def raw(self, code, path):
        return raw(self.server.port, code, path)

    def holds(self, path):
        """What is there, fetched from here, block after block."""
        body, number = b"", 0
        while True:
            answer = raw(self.server.port,
                         "0.01",
                         path,
                         options=[(NUMBERS["Block2"], bytes([number << 4 | 6]))] if number else [])
            check(answer.code == "2.05", f"GET {path}: {answer}")
            body += answer.payload
            block = answer.block("Block2")
            if not block or not block.more:
                return body
            number += 1


def right_way(pair, talk, method, name, con=True, codes=("2.05", ), query=()):
    """The request is what it should be, and the response is the one to it."""
    request, response = talk.request, talk.response
    path, fixed = pair.server.at(name)
    check(
        request.code == METHODS[method] and request.path == path and
        request.type == (CON if con else NON) and request.texts("Uri-Query") == [*fixed, *query],
        f"the request\n{talk.line}")
    check(response.code in codes, f"{response.code} is none of {codes}\n{talk.line}")
    check(response.token == request.token, f"its token\n{talk.line}")
    if con:
        check(response.type == ACK and response.id == request.id,
              f"piggybacked on the acknowledgement\n{talk.line}")
    else:
        check(
            response.type == NON and
            not talk.line.messages("server", where=lambda m: m.type == ACK),
            f"nothing is acknowledged\n{talk.line}")
    if response.payload and pair.server.has_formats:
        check(response.has("Content-Format"), f"a payload has a format\n{talk.line}")
    check(talk.shown == response.payload, f"{talk.shown!r} is shown\n{talk.line}")


def simple(pair, method, con, codes, name="test", **more):
    talk = pair.ask(method, name, con=con, **more)
    right_way(pair, talk, method, name, con, codes, more.get("query", ()))
    return talk


@row("TD_COAP_CORE_01")
def core_01(pair):
    check(simple(pair, "GET", True, ("2.05", )).response.payload, "there is something")


@row("TD_COAP_CORE_02")
def core_02(pair):
    simple(pair, "DELETE", True, ("2.02", ))


def stores(pair, method, con):
    talk = simple(pair, method, con, ("2.01", "2.04"), payload=b"anything", form=0)
    check(talk.request.payload == b"anything" and talk.request.uint("Content-Format") == 0,
          f"the request bears it\n{talk.line}")


@row("TD_COAP_CORE_03")
def core_03(pair):
    stores(pair, "PUT", True)


@row("TD_COAP_CORE_04")
def core_04(pair):
    stores(pair, "POST", True)


@row("TD_COAP_CORE_05")
def core_05(pair):
    check(simple(pair, "GET", False, ("2.05", )).response.payload, "there is something")


@row("TD_COAP_CORE_06")
def core_06(pair):
    simple(pair, "DELETE", False, ("2.02", ))


@row("TD_COAP_CORE_07")
def core_07(pair):
    stores(pair, "PUT", False)


@row("TD_COAP_CORE_08")
def core_08(pair):
    stores(pair, "POST", False)


def came_separately(talk):
    """An empty acknowledgement, a confirmable response, and its acknowledgement."""
    request, line = talk.request, talk.line
    early = line.messages("server", "0.00", where=lambda m: m.type == ACK)
    check([m.id for m in early] == [request.id] and not early[0].token and not early[0].payload,
          f"an empty acknowledgement\n{line}")
    response = talk.response
    check(
        response.type == CON and response.code == "2.05" and response.payload and
        response.token == request.token, f"a response of its own\n{line}")
    check(line.messages("client", "0.00", where=lambda m: m.type == ACK and m.id == response.id),
          f"is acknowledged\n{line}")
    check(talk.shown == response.payload, f"{talk.shown!r} is shown\n{line}")


@row("TD_COAP_CORE_09")
def core_09(pair):
    came_separately(pair.ask("GET", "separate"))


@row("TD_COAP_CORE_10")
def core_10(pair):
    talk = simple(pair, "GET", True, ("2.05", ), token="tok10")
    check(
        talk.request.token.startswith(b"tok1") and len(talk.request.token) <= 8,
        f"the token\n{talk.line}")


@row("TD_COAP_CORE_11")
def core_11(pair):
    talk = pair.ask("GET", "separate", token="tok11")
    check(
        talk.request.token.startswith(b"tok1") and len(talk.request.token) <= 8,
        f"the token\n{talk.line}")
    came_separately(talk)


@row("TD_COAP_CORE_12")
def core_12(pair):
    talk = simple(pair, "GET", True, ("2.05", ), token="")
    check(talk.request.token == b"", f"the token is empty\n{talk.line}")


@row("TD_COAP_CORE_13")
def core_13(pair):
    talk = simple(pair, "GET", True, ("2.05", ), name="seg1/seg2/seg3")
    check(talk.request.texts("Uri-Path") == ["seg1", "seg2", "seg3"], f"{talk.line}")


@row("TD_COAP_CORE_14")
def core_14(pair):
    query = ["first=1", "second=2", "third=3"]
    talk = simple(pair, "GET", True, ("2.05", ), name="query", query=query)
    check(talk.request.texts("Uri-Query") == query, f"{talk.line}")


class Loses:
    """The first datagram that claim(said) holds of."""
    def __init__(self, claim):
        self.claim, self.victim = claim, None

    def __call__(self, said):
        if self.victim is None and said.message is not None and self.claim(said):
            self.victim = said
            return True
        return False


def all_at_once(*works):
    """Runs them side by side, for they mostly wait."""
    with concurrent.futures.ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()


def lossy(pair, name, claim, who_repeats):
    """Asks while one datagram is lost; whoever has sent it sends it again."""
    loses = Loses(claim)
    talk = pair.ask("GET", name, line=pair.line(loses=loses))
    check(loses.victim, f"nothing was lost\n{talk.line}")
    check(talk.response.code == "2.05" and talk.shown == talk.response.payload,
          f"{talk.shown!r}\n{talk.line}")
    sent = [
        one for one in talk.line.said
        if one.who == who_repeats and one.message and one.message.type == CON
    ]
    again = [one for one in sent if one.message.id == sent[0].message.id]
    check(len(again) == 2 and again[0].octets == again[1].octets, f"once more\n{talk.line}")
    check(1.5 < again[1].at - again[0].at < 4, f"after ACK_TIMEOUT\n{talk.line}")


@row("TD_COAP_CORE_15")
def core_15(pair):
    all_at_once(lambda: lossy(pair, "test", lambda said: said.who == "client", "client"),
                lambda: lossy(pair, "test", lambda said: said.who == "server", "client"))


@row("TD_COAP_CORE_16")
def core_16(pair):
    def acknowledgement_lost():
        loses = Loses(lambda said: said.who == "server" and said.message.code == "0.00")
        talk = pair.ask("GET", "separate", line=pair.line(loses=loses))
        check(loses.victim and talk.shown == talk.response.payload, f"{talk.line}")
        after = talk.line.said[[one.message for one in talk.line.said].index(talk.response):]
        check(not [one for one in after if one.message and one.message.is_request()],
              f"the response ends retransmission\n{talk.line}")

    all_at_once(
        lambda: lossy(pair, "separate", lambda said: said.who == "client", "client"),
        acknowledgement_lost,
        lambda: lossy(pair, "separate", lambda said: said.who == "server" and said.message.code ==
                      "2.05", "server"), lambda: last_word_lost(pair))


def last_word_lost(pair):
    """The acknowledgement of a separate response is lost; the response comes again. A client that
    has ended by then says nothing, so it waits for something else meanwhile."""
    loses = Loses(lambda said: said.who == "client" and said.message.code == "0.00")
    with pair.line(loses=loses) as line, pair.watch(line, "obs-non", token="busy") as waiting:
        line.wait(lambda: line.messages("server", "2.05"), "an observation")
        pair.client.ask(line.port, pair.request("GET", "separate"))
        response = line.wait(lambda: line.messages("server", "2.05", where=lambda m: m.type == CON),
                             "the response")[0]
        line.wait(
            lambda: len(line.messages("server", "2.05", where=lambda m: m.id == response.id)) == 2,
            "the response again",
            timeout=6)
        check(loses.victim, f"the acknowledgement is lost\n{line}")
        waiting.drop()


@row("TD_COAP_CORE_17")
def core_17(pair):
    talk = pair.ask("GET", "separate", con=False)
    check(talk.request.type == NON and talk.response.type == NON and talk.response.code == "2.05",
          f"non-confirmable both\n{talk.line}")
    check(not talk.line.messages("server", "0.00"), f"no acknowledgement\n{talk.line}")
    check(talk.shown == talk.response.payload, f"{talk.shown!r}\n{talk.line}")


@row("TD_COAP_CORE_18")
def core_18(pair):
    talk = simple(pair, "POST", True, ("2.01", ), name="location-path", payload=b"x", form=0)
    check(
        talk.response.texts("Location-Path") == ["location1", "location2", "location3"],
        f"{talk.line}")


@row("TD_COAP_CORE_19")
def core_19(pair):
    talk = simple(pair, "POST", True, ("2.01", ), name="location-query", payload=b"x", form=0)
    check(talk.response.texts("Location-Query") == ["first=1", "second=2"], f"{talk.line}")


@row("TD_COAP_CORE_20")
def core_20(pair):
    for form in (0, 41):
        talk = simple(pair, "GET", True, ("2.05", ), name="multi-format", accept=form)
        check(
            talk.request.uint("Accept") == form and talk.response.uint("Content-Format") == form and
            talk.response.payload.startswith(b"<") == (form == 41), f"{talk.line}")


@row("TD_COAP_CORE_21")
def core_21(pair):
    first = simple(pair, "GET", True, ("2.05", ), name="validate")
    tag = first.response.one("ETag")
    check(tag and not first.request.has("ETag") and first.shown, f"{first.line}")
    valid = simple(pair, "GET", True, ("2.03", ), name="validate", etag=tag)
    check(
        valid.request.one("ETag") == tag and valid.response.one("ETag") == tag and
        not valid.response.payload, f"{valid.line}")
    pair.change("validate", b"another one")
    stale = simple(pair, "GET", True, ("2.05", ), name="validate", etag=tag)
    check(
        stale.request.one("ETag") == tag and stale.response.one("ETag") not in (None, tag) and
        stale.shown == b"another one", f"{stale.line}")


@row("TD_COAP_CORE_22")
def core_22(pair):
    tag = simple(pair, "GET", True, ("2.05", ), name="validate").response.one("ETag")
    talk = simple(pair,
                  "PUT",
                  True, ("2.04", ),
                  name="validate",
                  payload=b"mine",
                  form=0,
                  if_match=tag)
    check(talk.request.one("If-Match") == tag, f"{talk.line}")
    talk = simple(pair, "GET", True, ("2.05", ), name="validate")
    tag = talk.response.one("ETag")
    check(talk.shown == b"mine", f"{talk.line}")
    pair.change("validate", b"somebody else's")
    simple(pair,
           "PUT",
           True, ("4.12", ),
           name="validate",
           payload=b"mine again",
           form=0,
           if_match=tag)
    check(pair.holds("/validate") == b"somebody else's", "it is not overwritten")


@row("TD_COAP_CORE_23")
def core_23(pair):
    talk = simple(pair,
                  "PUT",
                  True, ("2.01", ),
                  name="create1",
                  payload=b"first",
                  form=0,
                  if_none_match=True)
    check(talk.request.one("If-None-Match") == b"", f"{talk.line}")
    simple(pair,
           "PUT",
           True, ("4.12", ),
           name="create1",
           payload=b"second",
           form=0,
           if_none_match=True)
    check(pair.holds("/create1") == b"first", "it is not overwritten")


@row("TD_COAP_CORE_31")
def core_31(pair):
    with pair.line() as line:
        pair.client.ping(line.port)
        pings = [
            one for one in line.said if one.who == "client" and one.message and
            one.message.code == "0.00" and one.message.type == CON
        ]
        check(pings and all(len(one.octets) == 4 for one in pings), f"a ping\n{line}")
        pongs = [
            one for one in line.said
            if one.who == "server" and one.message and one.message.type == RST
        ]
        check(
            pongs and all(len(one.octets) == 4 for one in pongs) and
            {one.message.id
             for one in pongs} <= {one.message.id
                                   for one in pings}, f"a reset\n{line}")


# ---- links


def targets(payload):
    return re.findall(r"<([^>]*)>", payload.decode())


def filtered(pair, identifier):
    query, wanted = pair.server.filters[identifier]
    talk = simple(pair, "GET", True, ("2.05", ), name=".well-known/core", query=[query])
    found = set(targets(talk.shown))
    check(talk.response.uint("Content-Format") == 40, f"link format\n{talk.line}")
    check(found == set(wanted), f"{query}: {found}, not {set(wanted)}")


@row("TD_COAP_LINK_01")
def link_01(pair):
    with pair.line() as line:
        shown = pair.client.ask(line.port, Request("GET", "/.well-known/core"))
        talk = Talk(line, shown)
    check(
        talk.response.uint("Content-Format") == 40 and talk.response.code == "2.05",
        f"link format\n{talk.line}")
    check(set(targets(shown)) >= set(pair.server.linked), f"all are there: {shown!r}")


@row("TD_COAP_LINK_02")
def link_02(pair):
    filtered(pair, "LINK_02")


@row("TD_COAP_LINK_03")
def link_03(pair):
    filtered(pair, "LINK_03")


@row("TD_COAP_LINK_04")
def link_04(pair):
    filtered(pair, "LINK_04")


@row("TD_COAP_LINK_05")
def link_05(pair):
    filtered(pair, "LINK_05")


@row("TD_COAP_LINK_06")
def link_06(pair):
    filtered(pair, "LINK_06")


@row("TD_COAP_LINK_07")
def link_07(pair):
    filtered(pair, "LINK_07")


@row("TD_COAP_LINK_08")
def link_08(pair):
    filtered(pair, "LINK_08")


@row("TD_COAP_LINK_09")
def link_09(pair):
    core = simple(pair, "GET", True, ("2.05", ), name=".well-known/core").shown.decode()
    check(re.search(r'</path>[^,]*;ct="?40', core), core)
    talk = simple(pair, "GET", True, ("2.05", ), name="path")
    check(
        talk.response.uint("Content-Format") == 40 and "/path/sub1" in targets(talk.shown),
        f"{talk.line}")
    check(simple(pair, "GET", True, ("2.05", ), name="path/sub1").shown == b"/path/sub1", "sub1")


@row("TD_COAP_LINK_10")
def link_10(pair):
    core = simple(pair, "GET", True, ("2.05", ), name=".well-known/core").shown.decode()
    link = next((one for one in re.split(r",(?=<)", core)
                 if 'rel="alternate"' in one or "rel=alternate" in one), "")
    check(re.search(r'anchor="/test"', link), f"an alternate of /test: {core}")
    here = simple(pair, "GET", True, ("2.05", ), name="test").shown
    there = simple(pair, "GET", True, ("2.05", ), name=targets(link.encode())[0].strip("/")).shown
    check(here == there, f"{here!r} and {there!r}")


# ---- blocks


def fetched(line, shown, method, name, option, code):
    """The blocks of a response follow each other, all of one size, and make what is shown."""
    asked = [
        m.block("Block2") for m in line.messages("client", METHODS[method])
        if not m.has("Block1") and m.has("Block2")
    ]
    got = [m for m in line.messages("server", code) if m.has("Block2")]
    blocks = [m.block("Block2") for m in got]
    size = blocks[-1].size
    check([b.number * b.size
           for b in blocks] == [sum(len(m.payload) for m in got[:at]) for at in range(len(got))],
          f"no gap and the right order: {blocks}\n{line}")
    check(all(b.more for b in blocks[:-1]) and not blocks[-1].more, f"more: {blocks}")
    check(all(len(m.payload) == b.size for m, b in zip(got[:-1], blocks)), f"full blocks\n{line}")
    check(all(not b.more for b in asked), f"no more in requests\n{line}")
    check(all(b.size == size for b in asked[1:]), f"one size: {asked}")
    check(b"".join(m.payload for m in got) == shown, f"{len(shown)} octets are shown\n{line}")
    return asked, blocks


def block_get(pair, block):
    with pair.line() as line:
        shown = pair.client.ask(line.port, pair.request("GET", "large", block=block))
        asked, blocks = fetched(line, shown, "GET", "large", "Block2", "2.05")
        first = line.messages("client", "0.01")[0]
        if block:
            check(first.block("Block2") == (0, False, block), f"early: {first}")
            check(blocks[0].size <= block and len(blocks) > 1, f"{blocks}")
        else:
            check(not first.has("Block2") and blocks[0].number == 0 and asked[0].number > 0,
                  f"late: {first}")


@row("TD_COAP_BLOCK_01")
def block_01(pair):
    block_get(pair, 64)


@row("TD_COAP_BLOCK_02")
def block_02(pair):
    block_get(pair, None)


@row("TD_COAP_BLOCK_06")
def block_06(pair):
    block_get(pair, 16)


def sent(line, method, body, last):
    """The blocks of a request follow each other and each is acknowledged."""
    asked = [m for m in line.messages("client", METHODS[method]) if m.has("Block1")]
    blocks = [m.block("Block1") for m in asked]
    check(blocks[0].number == 0 and blocks[0].more, f"{blocks}")
    check([b.number * b.size for b in blocks
           ] == [sum(len(m.payload) for m in asked[:at]) for at in range(len(asked))],
          f"no gap and the right order: {blocks}\n{line}")
    check(all(b.more for b in blocks[:-1]) and not blocks[-1].more, f"more: {blocks}")
    check(b"".join(m.payload for m in asked) == body, f"all of it\n{line}")
    answers = [next((m for m in line.messages("server") if m.id == one.id), None) for one in asked]
    check(all(answers), f"each has its answer\n{line}")
    # libcoap's server leaves the option out of its last answer.
    check([m.block("Block1").number for m in answers if m.has("Block1")]
          in ([b.number for b in blocks], [b.number for b in blocks[:-1]]), f"of it\n{line}")
    check(
        all(m.code in ("2.31", "2.04") for m in answers[:-1]) and answers[-1].code in last,
        f"codes\n{line}")
    return answers[-1]


@row("TD_COAP_BLOCK_03")
def block_03(pair):
    body = LARGE.encode()
    with pair.line() as line:
        pair.client.ask(line.port,
                        pair.request("PUT", "large-update", payload=body, form=0, block=64))
        sent(line, "PUT", body, ("2.04", ))
    check(pair.holds(pair.server.at("large-update")[0]) == body, "the server has it all")


@row("TD_COAP_BLOCK_04")
def block_04(pair):
    body = LARGE.encode()
    with pair.line() as line:
        pair.client.ask(line.port,
                        pair.request("POST", "large-create", payload=body, form=0, block=64))
        created = sent(line, "POST", body, ("2.01", )).texts("Location-Path")
    check(
        len(created) == 2 and created[0] == "large-create" and "/" not in created[1], f"{created}")
    check(pair.holds("/" + "/".join(created)) == body, "it is there")
    check(simple_body(pair, "/".join(created)) == body, "the client finds it, too")


def simple_body(pair, name):
    with pair.line() as line:
        return pair.client.ask(line.port, pair.request("GET", name))


@row("TD_COAP_BLOCK_05")
def block_05(pair):
    body = LARGE.encode()
    with pair.line() as line:
        shown = pair.client.ask(line.port,
                                pair.request("POST", "large-post", payload=body, form=0, block=64))
        last = sent(line, "POST", body, ("2.04", ))
        check(last.block("Block2") and last.block("Block2").number == 0, f"{last}")
        fetched(line, shown, "POST", "large-post", "Block2", "2.04")
