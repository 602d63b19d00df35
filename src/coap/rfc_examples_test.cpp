// The examples of the standards, both roles: to the octet where a standard gives octets, and
// message by message elsewhere. [RFC 7252 Appendix A] [RFC 7641 §1.2] [RFC 7641 Appendix A]
// [RFC 7959 §3] [RFC 8323 §6] [RFC 6690 §5]
#include "coap/block.hpp"
#include "coap/proxy.hpp"
#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::rfc_examples_test {
namespace {

using namespace testing;

const Peer server = peer_at(2);
const Peer client = peer_at(1, 40000);

/// `datagram` under another message id: each end draws its own.
Octets with_id(Octets datagram, std::uint16_t id) {
    datagram.at(2) = std::byte(id >> 8);
    datagram.at(3) = std::byte(id & 0xff);
    return datagram;
}

/// A message without the sequence number of Observe, which is each server's own.
Message unnumbered(Message message) {
    if (message.options.has(OptionNumber::observe))
        message.options.set_uint(OptionNumber::observe, 0);
    return message;
}

/// The one datagram that an endpoint sent, as octets.
Octets octets_sent(Bench& bench) {
    EXPECT_EQ(bench.datagrams.size(), 1u);
    if (bench.datagrams.empty()) return {};
    Octets datagram = std::move(bench.datagrams.front().datagram);
    bench.datagrams.pop_front();
    return datagram;
}

std::uint16_t id_of(const Octets& datagram) {
    return peek_header(datagram).value().id;
}

Response plain(std::string_view value, Code code = Code::content) {
    Response response;
    response.code = code;
    response.payload = text(value);
    return response;
}

Request get(std::string_view path, std::string_view token) {
    Request request;
    request.id = RequestId{1};
    request.peer = server;
    request.options = path_options(path);
    request.token = Token(*from_hex(token));
    return request;
}

// ---- RFC 7252, Appendix A ----------------------------------------------------------------------

const std::string temperature_hex = "74656d7065726174757265";
const std::string value_hex = "ff32322e332043";  // marker, "22.3 C"

Octets hex(const std::string& digits) {
    return from_hex(digits).value();
}

/// Asks as the figure does; the octets that left, whose id stands in for the figure's.
Octets ask(Bench& bench, std::string_view token, bool confirmable = true) {
    Request request = get("temperature", token);
    request.confirmable = confirmable;
    bench.handle(request);
    return octets_sent(bench);
}

TEST(Rfc7252Example, Figure16) {  // [RFC 7252 Appendix A, figure 16]
    const Octets request = hex("40017d34bb" + temperature_hex);
    const Octets response = hex("60457d34" + value_hex);
    EXPECT_EQ(request.size(), 16u);
    EXPECT_EQ(response.size(), 11u);
    EXPECT_EQ(emitted(message_of(request)), request);
    EXPECT_TRUE(message_of(request).options.path_is("/temperature"));
    EXPECT_EQ(emitted(message_of(response)), response);

    Bench bench;
    bench.receive(client, request);
    const RequestArrived arrived = bench.request();
    EXPECT_TRUE(arrived.token.empty());
    bench.handle(Respond{arrived.exchange, plain("22.3 C")});
    EXPECT_EQ(octets_sent(bench), response);
}

TEST(Rfc7252Example, Figure17) {  // [RFC 7252 Appendix A, figure 17]
    const Octets request = hex("41017d3520bb" + temperature_hex);
    const Octets response = hex("61457d3520" + value_hex);
    EXPECT_EQ(request.size(), 17u);
    EXPECT_EQ(response.size(), 12u);

    Bench asks;
    const Octets sent = ask(asks, "20");
    EXPECT_EQ(sent, with_id(request, id_of(sent)));
    asks.receive(server, with_id(response, id_of(sent)));
    const ResponseArrived heard = asks.response();
    EXPECT_EQ(heard.code, Code::content);
    EXPECT_EQ(heard.payload, text("22.3 C"));
    asks.pass(300s);
    EXPECT_TRUE(asks.silent());

    Bench answers;
    answers.receive(client, request);
    answers.handle(Respond{answers.request().exchange, plain("22.3 C")});
    EXPECT_EQ(octets_sent(answers), response);
}

TEST(Rfc7252Example, Figure18) {  // [RFC 7252 Appendix A, figure 18]: the request is lost
    Bench asks;
    const Octets sent = ask(asks, "31");
    EXPECT_EQ(sent, with_id(hex("41017d3631bb" + temperature_hex), id_of(sent)));
    asks.pass(2s - 1ms);
    EXPECT_TRUE(asks.silent());
    asks.pass(1s + 1ms);  // ACK_TIMEOUT, and up to half as long again
    EXPECT_EQ(octets_sent(asks), sent);
    asks.receive(server, with_id(hex("61457d3631" + value_hex), id_of(sent)));
    EXPECT_EQ(asks.response().payload, text("22.3 C"));
}

TEST(Rfc7252Example, Figure19) {  // [RFC 7252 Appendix A, figure 19]: the response is lost
    const Octets request = hex("41017d3742bb" + temperature_hex);
    const Octets response = hex("61457d3742" + value_hex);
    Bench answers;
    answers.receive(client, request);
    answers.handle(Respond{answers.request().exchange, plain("22.3 C")});
    EXPECT_EQ(octets_sent(answers), response);
    answers.pass(2500ms);
    answers.receive(client, request);
    EXPECT_TRUE(answers.requests.empty());
    EXPECT_EQ(octets_sent(answers), response);

    Bench asks;
    const Octets sent = ask(asks, "42");
    asks.pass(3s);
    EXPECT_EQ(octets_sent(asks), sent);
    asks.receive(server, with_id(response, id_of(sent)));
    asks.receive(server, with_id(response, id_of(sent)));  // if the first was only late
    EXPECT_EQ(asks.response().payload, text("22.3 C"));
    EXPECT_TRUE(asks.silent());
}

TEST(Rfc7252Example, Figure20) {  // [RFC 7252 Appendix A, figure 20]: a separate response
    const Octets response = hex("4145ad7b53" + value_hex);
    for (const bool in_order : {true, false}) {
        Bench asks;
        const Octets sent = ask(asks, "53");
        EXPECT_EQ(sent, with_id(hex("41017d3853bb" + temperature_hex), id_of(sent)));
        const Octets promise = with_id("60007d38"_hex, id_of(sent));
        if (in_order) asks.receive(server, promise);
        asks.receive(server, response);
        EXPECT_EQ(octets_sent(asks), "6000ad7b"_hex);
        if (!in_order) asks.receive(server, promise);
        EXPECT_EQ(asks.response().payload, text("22.3 C"));
        asks.pass(300s);
        EXPECT_TRUE(asks.silent());
    }
    Bench answers;
    answers.receive(client, hex("41017d3853bb" + temperature_hex));
    answers.pass(1s);
    EXPECT_EQ(octets_sent(answers), "60007d38"_hex);
    answers.handle(Respond{answers.request().exchange, plain("22.3 C")});
    const Octets separate = octets_sent(answers);
    EXPECT_EQ(separate, with_id(response, id_of(separate)));
    answers.receive(client, with_id("6000ad7b"_hex, id_of(separate)));
    answers.pass(300s);
    EXPECT_TRUE(answers.silent());
}

TEST(Rfc7252Example, Figure21) {  // [RFC 7252 Appendix A, figure 21]: the client has lost its state
    Bench reborn;
    reborn.receive(server, "60007d39"_hex);
    EXPECT_TRUE(reborn.silent());
    reborn.receive(server, hex("4145ad7c64" + value_hex));
    EXPECT_EQ(octets_sent(reborn), "7000ad7c"_hex);
    EXPECT_TRUE(reborn.silent());
}

TEST(Rfc7252Example, Figure22) {  // [RFC 7252 Appendix A, figure 22]: neither is confirmable
    const Octets request = hex("51017d4075bb" + temperature_hex);
    const Octets response = hex("5145ad7d75" + value_hex);
    Bench asks;
    const Octets sent = ask(asks, "75", false);
    EXPECT_EQ(sent, with_id(request, id_of(sent)));
    asks.receive(server, response);
    EXPECT_EQ(asks.response().payload, text("22.3 C"));
    EXPECT_TRUE(asks.silent());

    Bench answers;
    answers.receive(client, request);
    answers.handle(Respond{answers.request().exchange, plain("22.3 C")});
    const Octets answer = octets_sent(answers);
    EXPECT_EQ(answer, with_id(response, id_of(answer)));
}

TEST(Rfc7252Example, Figure23) {  // [RFC 7252 Appendix A, figure 23]: a group
    const Octets request = hex("51017d4186bb" + temperature_hex);
    Bench asks;
    Request all = get("temperature", "86");
    all.peer.address = *address_from_literal("ff02::1");
    asks.handle(all);
    const Octets sent = octets_sent(asks);
    EXPECT_EQ(sent, with_id(request, id_of(sent)));
    asks.receive(peer_at(0xa), hex("514560b186" + value_hex));
    asks.receive(peer_at(0xc), "5184952a86"_hex);
    const ResponseArrived a = asks.response();
    EXPECT_EQ(a.peer, peer_at(0xa));
    EXPECT_EQ(a.payload, text("22.3 C"));
    const ResponseArrived c = asks.response();
    EXPECT_EQ(c.peer, peer_at(0xc));
    EXPECT_EQ(c.code, Code::not_found);
    EXPECT_TRUE(asks.silent());

    // A and B: each at a leisurely moment of its own.
    for (const std::string value : {"22.3 C", "20.9 C"}) {
        Bench answers({}, value == "22.3 C" ? 1 : 2);
        answers.receive(client, request, true);
        answers.handle(Respond{answers.request().exchange, plain(value)});
        answers.pass(5s);
        const Octets answer = octets_sent(answers);
        EXPECT_EQ(answer, with_id(hex("514560b186ff" + to_hex(as_octets(value))), id_of(answer)));
    }
}

// ---- RFC 7641 ----------------------------------------------------------------------------------

/// A server of /temperature with one client. Its application answers with what there is.
struct Thermometer : Bench {
    void reads(std::string_view value, std::string_view tag_hex = {}) {
        now_reads = plain(value);
        now_reads.options.add_uint(OptionNumber::max_age, 15);
        if (!tag_hex.empty()) now_reads.options.add(OptionNumber::etag, *from_hex(tag_hex));
        now_reads.observe = true;
    }
    Message asked(const std::string& request) {
        receive(client, hex(request));
        return answer();
    }
    Message changed(bool confirmable = false) {
        handle(ResourceChanged{"/temperature", confirmable});
        return answer();
    }
    /// To a client that has the representation, a tag says it all. [RFC 7641 §3.3.2]
    Message answer() {
        const RequestArrived arrived = request();
        Response response = now_reads;
        const auto tag = response.options.find(OptionNumber::etag);
        for (const Option option : arrived.options) {
            if (option.number != OptionNumber::etag || !tag || !same(*tag, option.value)) continue;
            response.code = Code::valid;
            response.payload.clear();
        }
        handle(Respond{arrived.exchange, std::move(response)});
        return sent();
    }
    Response now_reads;
};

/// The same, as the figure has it: options in hexadecimal, then the value.
Message figure(const std::string& start, const std::string& options, std::string_view value = {}) {
    return message_of(
        hex(start + options + (value.empty() ? "" : "ff" + to_hex(as_octets(value)))));
}

/// `ours` says what the figure's message says, under a message id and a sequence number of its own.
void expect_same(Message ours, const Message& figures) {
    ours.id = figures.id;
    EXPECT_EQ(to_hex(emitted(unnumbered(ours))), to_hex(emitted(unnumbered(figures))));
}

const std::string observe_temperature = "605b" + temperature_hex;

TEST(Rfc7641Example, Figure2) {  // [RFC 7641 §1.2, figure 2]: a value, another, and another
    Thermometer house;
    house.reads("22.9 Cel");
    std::uint32_t last =
        *house.asked("41010001 4a" + observe_temperature).options.uint(OptionNumber::observe);
    for (const auto* value : {"22.8 Cel", "23.1 Cel"}) {
        house.pass(5s);
        house.reads(value);
        const Message notification = house.changed();
        EXPECT_EQ(notification.token, Token("4a"_hex));
        EXPECT_EQ(as_text(notification.payload), value);
        const std::uint32_t next = *notification.options.uint(OptionNumber::observe);
        EXPECT_GT(next, last);
        last = next;
    }
    Bench asks;
    Request request = get("temperature", "4a");
    request.observe = true;
    asks.handle(request);
    const std::uint16_t id = asks.sent().id;
    Message heard = figure("61450001 4a", "610c", "22.9 Cel");
    heard.id = id;
    asks.receive(server, heard);
    asks.receive(server, figure("5145aa01 4a", "612c", "22.8 Cel"));
    asks.receive(server, figure("5145aa02 4a", "613c", "23.1 Cel"));
    for (const auto* value : {"22.9 Cel", "22.8 Cel", "23.1 Cel"}) {
        const ResponseArrived response = asks.response();
        EXPECT_EQ(as_text(response.payload), value);
        EXPECT_TRUE(response.more_to_come);
    }
}

TEST(Rfc7641Example, Figures3To6ForTheServer) {  // [RFC 7641 A.1]
    Thermometer house;
    house.reads("18.5 Cel");
    expect_same(house.asked("41011633 4a" + observe_temperature),
                figure("61451633 4a", "6109 810f", "18.5 Cel"));
    house.pass(7s);
    house.reads("19.2 Cel");
    expect_same(house.changed(), figure("51457b50 4a", "6110 810f", "19.2 Cel"));
    house.pass(9s);
    house.reads("19.7 Cel");
    expect_same(house.changed(), figure("51457b51 4a", "6119 810f", "19.7 Cel"));  // is lost

    // Figure 4: the client asks again, under another token.
    house.pass(13s);
    house.reads("19.7 Cel", "78797a7a79");
    expect_same(house.asked("41011634 b2" + observe_temperature),
                figure("61451634 b2", "45 78797a7a79 212c 810f", "19.7 Cel"));
    EXPECT_TRUE(house.endpoint.observed_by(client, Token("b2"_hex)));

    // Figure 5: after a crash it asks once more, and says what it has.
    Thermometer other;
    other.reads("20.0 Cel");
    expect_same(other.asked("41011635 f9 45 78797a7a79 20 5b" + temperature_hex),
                figure("61451635 f9", "614a 810f", "20.0 Cel"));
    other.pass(7s);
    other.reads("19.7 Cel", "78797a7a79");
    expect_same(other.changed(), figure("5143aa0c f9", "45 78797a7a79 2151 810f"));

    // Figure 6: it rejects what it no longer wants.
    other.pass(10s);
    other.reads("19.3 Cel");
    const Message notification = other.changed(true);
    expect_same(notification, figure("4145aa0f f9", "615b 810f", "19.3 Cel"));
    EXPECT_TRUE(other.endpoint.observed_by(client, Token("f9"_hex)));
    other.receive(client, with_id("7000aa0f"_hex, notification.id));
    EXPECT_EQ(other.endpoint.observers(), 0u);
    other.pass(10s);
    other.handle(ResourceChanged{"/temperature", false});
    other.pass(300s);
    EXPECT_TRUE(other.silent());
}

TEST(Rfc7641Example, Figures3To6ForTheClient) {  // [RFC 7641 A.1]
    Bench asks;
    Request request = get("temperature", "4a");
    request.observe = true;
    asks.handle(request);
    const Octets sent = octets_sent(asks);
    EXPECT_EQ(sent, with_id(hex("41011633 4a" + observe_temperature), id_of(sent)));
    asks.receive(server,
                 with_id(emitted(figure("61451633 4a", "6109 810f", "18.5 Cel")), id_of(sent)));
    ResponseArrived heard = asks.response();
    EXPECT_EQ(heard.observe, 9u);
    EXPECT_EQ(as_text(heard.payload), "18.5 Cel");
    EXPECT_EQ(heard.options.uint(OptionNumber::max_age), 15u);
    asks.pass(7s);
    asks.receive(server, figure("51457b50 4a", "6110 810f", "19.2 Cel"));
    heard = asks.response();
    EXPECT_EQ(heard.observe, 16u);
    EXPECT_EQ(as_text(heard.payload), "19.2 Cel");
    EXPECT_TRUE(asks.silent());

    // Figure 4: what it has is stale after 15 seconds, and it asks again a little later. The token
    // is the client's to choose; here it stays, which replaces the entry. [RFC 7641 §3.3.1]
    asks.pass(15s);
    EXPECT_TRUE(asks.silent());
    for (int seconds = 0; asks.silent() && seconds < 20; ++seconds) asks.pass(1s);
    const Octets again = octets_sent(asks);
    EXPECT_EQ(again, with_id(sent, id_of(again)));
    asks.receive(server,
                 with_id(emitted(figure("61451634 4a", "45 78797a7a79 212c 810f", "19.7 Cel")),
                         id_of(again)));
    heard = asks.response();
    EXPECT_EQ(as_text(heard.payload), "19.7 Cel");
    EXPECT_EQ(to_hex(*heard.options.find(OptionNumber::etag)), "78797a7a79");

    // Figure 5: a client that kept a tag offers it.
    Bench reborn;
    Request with_tag = get("temperature", "f9");
    with_tag.observe = true;
    with_tag.options.add(OptionNumber::etag, "78797a7a79"_hex);
    reborn.handle(with_tag);
    const Octets asked = octets_sent(reborn);
    EXPECT_EQ(asked,
              with_id(hex("41011635 f9 45 78797a7a79 20 5b" + temperature_hex), id_of(asked)));
    reborn.receive(server,
                   with_id(emitted(figure("61451635 f9", "614a 810f", "20.0 Cel")), id_of(asked)));
    EXPECT_EQ(reborn.response().code, Code::content);
    reborn.receive(server, figure("5143aa0c f9", "45 78797a7a79 2151 810f"));
    heard = reborn.response();
    EXPECT_EQ(heard.code, Code::valid);
    EXPECT_EQ(heard.observe, 81u);
    EXPECT_TRUE(heard.more_to_come);

    // Figure 6: a client that knows nothing of it rejects it.
    Bench blank;
    blank.receive(server, figure("4145aa0f f9", "615b 810f", "19.3 Cel"));
    EXPECT_EQ(octets_sent(blank), "7000aa0f"_hex);
    EXPECT_TRUE(blank.silent());
}

/// A proxy between two endpoints; sensor.example is `server`.
struct Gate {
    Gate()
        : front(Settings::for_host(), Random(1), start),
          back(Settings::for_host(), Random(2), start),
          proxy({}, [](const Uri& uri, const Peer&) -> Route {
              if (uri.host == "sensor.example") return server;
              return Refusal{};
          }) {}

    void from_client(const Peer& peer, const Message& message) {
        front.handle(now, DatagramReceived{peer, emitted(message), false});
        collect();
    }
    void from_server(const Message& message) {
        back.handle(now, DatagramReceived{server, emitted(message), false});
        collect();
    }
    void pass(Duration span) {
        const Instant until = now + span;
        for (;;) {
            const Instant next =
                std::min({front.next_deadline(), back.next_deadline(), proxy.next_deadline()});
            if (next > until) break;
            now = std::max(now, next);
            front.handle_timeout(now);
            back.handle_timeout(now);
            proxy.handle_timeout(now);
            collect();
        }
        now = until;
    }
    static Message take(std::deque<Message>& from) {
        EXPECT_EQ(from.size(), 1u);
        if (from.empty()) return {};
        Message message = std::move(from.front());
        from.pop_front();
        return message;
    }
    Message to_client() { return take(clients); }
    Message to_server() { return take(servers); }
    [[nodiscard]] bool silent() const { return clients.empty() && servers.empty(); }

    Endpoint front;
    Endpoint back;
    Proxy proxy;
    Instant now = start;
    std::deque<Message> clients;
    std::deque<Message> servers;

private:
    void collect() {
        for (bool more = true; more;) {
            more = false;
            while (auto out = front.poll_output()) {
                more = true;
                if (auto* send = std::get_if<SendDatagram>(&*out))
                    clients.push_back(message_of(send->datagram));
                if (auto* request = std::get_if<RequestArrived>(&*out))
                    proxy.handle(now, Proxy::FrontRequest{std::move(*request)});
                if (auto* gone = std::get_if<ObserverGone>(&*out))
                    proxy.handle(now, Proxy::FrontObserverGone{std::move(*gone)});
            }
            while (auto out = proxy.poll_output()) {
                more = true;
                if (auto* f = std::get_if<Proxy::ToFront>(&*out))
                    std::visit([&](auto& event) { front.handle(now, std::move(event)); }, f->event);
                if (auto* b = std::get_if<Proxy::ToBack>(&*out))
                    std::visit([&](auto& event) { back.handle(now, std::move(event)); }, b->event);
            }
            while (auto out = back.poll_output()) {
                more = true;
                if (auto* send = std::get_if<SendDatagram>(&*out))
                    servers.push_back(message_of(send->datagram));
                if (auto* response = std::get_if<ResponseArrived>(&*out))
                    proxy.handle(now, std::move(*response));
                if (auto* failed = std::get_if<RequestFailed>(&*out))
                    proxy.handle(now, std::move(*failed));
            }
        }
    }
};

/// "Proxy-Uri: coap://sensor.example/status"
Message by_proxy(std::uint16_t id, std::string_view token, bool observe) {
    Message message;
    message.code = Code::get;
    message.id = id;
    message.token = Token(*from_hex(token));
    if (observe) message.options.add_uint(OptionNumber::observe, 0);
    message.options.add_text(OptionNumber::proxy_uri, "coap://sensor.example/status");
    return message;
}

void expect_onward(const Message& message) {
    EXPECT_EQ(message.type, Type::confirmable);
    EXPECT_EQ(message.options.text(OptionNumber::uri_host), "sensor.example");
    EXPECT_TRUE(message.options.path_is("status"));
    EXPECT_EQ(message.options.uint(OptionNumber::observe), 0u);
    EXPECT_FALSE(message.options.has(OptionNumber::proxy_uri));
}

TEST(Rfc7641Example, Figure7AProxyKeepsItsCacheUpToDate) {  // [RFC 7641 A.2, figure 7]
    Gate gate;
    // Ours observes for somebody: another client stands for the proxy's own interest.
    const Peer watcher = peer_at(3, 40000);
    gate.from_client(watcher, by_proxy(1, "77", true));
    const Message onward = gate.to_server();
    expect_onward(onward);
    Message ready = figure("61455fb8 1a", "612a 813c", "ready");
    ready.id = onward.id;
    ready.token = onward.token;
    gate.from_server(ready);
    gate.to_client();

    gate.pass(7s);
    gate.clients.clear();
    gate.from_client(client, by_proxy(0x1633, "9a", false));
    EXPECT_EQ(emitted(gate.to_client()), emitted(figure("61451633 9a", "d10135", "ready")));
    EXPECT_TRUE(gate.servers.empty());

    Message busy = figure("51455fc0 1a", "6187 813c", "busy");
    busy.token = onward.token;
    gate.from_server(busy);
    gate.clients.clear();  // what the watcher is told
    gate.pass(11s);
    gate.clients.clear();
    gate.from_client(client, by_proxy(0x1634, "9b", false));
    EXPECT_EQ(emitted(gate.to_client()), emitted(figure("61451634 9b", "d10131", "busy")));
    EXPECT_TRUE(gate.servers.empty());
}

TEST(Rfc7641Example, Figure8AClientObservesThroughAProxy) {  // [RFC 7641 A.2, figure 8]
    Gate gate;
    gate.from_client(client, by_proxy(0x1635, "6a", true));
    const Message onward = gate.to_server();
    expect_onward(onward);
    gate.pass(1s);
    EXPECT_EQ(emitted(gate.to_client()), "60001635"_hex);
    Message ready = figure("6145af90 aa", "6143 813c", "ready");
    ready.id = onward.id;
    ready.token = onward.token;
    gate.from_server(ready);
    const Message first = gate.to_client();
    expect_same(first, figure("4145af94 6a", "6100 813c", "ready"));
    gate.from_client(client, empty_message(Type::acknowledgement, first.id));
    EXPECT_TRUE(gate.silent());

    gate.pass(10s);
    Message busy = figure("51455a20 aa", "619d 813c", "busy");
    busy.token = onward.token;
    gate.from_server(busy);
    const Message second = gate.to_client();
    expect_same(second, figure("5145af9b 6a", "6100 813c", "busy"));
    EXPECT_GT(*second.options.uint(OptionNumber::observe),
              *first.options.uint(OptionNumber::observe));
}

// ---- RFC 7959, §3: figures as the standard writes them -----------------------------------------

/// "CON GET /status 2:1/0/128", "ACK 2.05 2:1/1/128": number, more bit, size. Block2 first.
std::string line_of(const Message& message) {
    std::string line(name_of(message.type));
    if (is_request(message.code))
        line.append(" ").append(name_of(message.code)).append(" ") += message.options.path();
    else
        line.append(" ") += to_text(message.code).substr(0, 4);
    const auto add = [&](char which, OptionNumber number) {
        const BlockOption option = BlockOption::read(message.options, number);
        if (!option.present) return;
        EXPECT_FALSE(option.invalid);
        (line += ' ') += which;
        line += ':' + std::to_string(option.block.number) + (option.block.more ? "/1/" : "/0/") +
                std::to_string(option.block.size());
    };
    add('2', OptionNumber::block2);
    add('1', OptionNumber::block1);
    return line;
}

Message message_from(std::string_view line) {
    Message message;
    for (std::size_t at = 0; at < line.size();) {
        const std::string_view word = line.substr(at, line.find(' ', at) - at);
        at += word.size() + 1;
        if (word == "ACK") message.type = Type::acknowledgement;
        if (word == "GET") message.code = Code::get;
        if (word == "PUT") message.code = Code::put;
        if (word == "POST") message.code = Code::post;
        if (word == "2.05") message.code = Code::content;
        if (word == "2.04") message.code = Code::changed;
        if (word == "2.31") message.code = Code::continue_;
        if (word.starts_with('/')) message.options.add_path(word);
        if (word.size() < 2 || word[1] != ':') continue;
        Block block;
        std::size_t size = 0;
        std::size_t slash = word.find('/');
        for (const char c : word.substr(2, slash - 2))
            block.number = block.number * 10 + static_cast<std::uint32_t>(c - '0');
        block.more = word[slash + 1] == '1';
        for (const char c : word.substr(slash + 3)) size = size * 10 + std::size_t(c - '0');
        block.szx = 0;
        while (block_octets(block.szx) < size) ++block.szx;
        message.options.add_uint(word[0] == '2' ? OptionNumber::block2 : OptionNumber::block1,
                                 block.to_uint());
    }
    return message;
}

Bytes slice(Bytes body, const Block& block) {
    return body.subspan(block.offset(), std::min(block.size(), body.size() - block.offset()));
}

struct Exchanged {
    std::string_view request;
    std::string_view response;
};
struct Figure {
    std::vector<Exchanged> lines;
    std::size_t request_octets = 0;
    std::size_t response_octets = 0;
    std::uint8_t server_szx = 3;  // 128
    std::uint8_t client_szx = 3;
    bool early = false;  // the client's first request has a Block2
    std::size_t lost_request = SIZE_MAX;
    std::size_t lost_response = SIZE_MAX;

    [[nodiscard]] Octets request_body() const { return body_of(request_octets, 1); }
    [[nodiscard]] Octets response_body() const { return body_of(response_octets, 2); }
};

/// Every request of the figure, and what our server answers to it.
void play_server(const Figure& figure) {
    Settings settings;
    settings.block_szx = figure.server_szx;
    Bench bench(settings);
    const Octets up = figure.request_body();
    const Octets down = figure.response_body();
    std::uint16_t id = 1234;
    for (const Exchanged& line : figure.lines) {
        Message request = message_from(line.request);
        request.id = id++;
        request.token = Token("71"_hex);
        const BlockOption block1 = BlockOption::read(request.options, OptionNumber::block1);
        if (block1.present) request.payload = to_octets(slice(up, block1.block));
        bench.receive(client, request);
        if (!bench.requests.empty()) {
            const RequestArrived arrived = bench.request();
            EXPECT_EQ(arrived.payload, up);
            Response response;
            response.code = arrived.method == Code::get ? Code::content : Code::changed;
            response.payload = down;
            bench.handle(Respond{arrived.exchange, std::move(response)});
        }
        const Message response = bench.sent();
        EXPECT_EQ(line_of(response), line.response) << line.request;
        EXPECT_EQ(response.id, request.id);
        EXPECT_EQ(response.token, request.token);
        const BlockOption block2 = BlockOption::read(response.options, OptionNumber::block2);
        if (block2.present) {
            EXPECT_TRUE(same(response.payload, slice(down, block2.block))) << line.response;
        }
        // Lost on its way: the same comes again, and the same is said. [RFC 7252 §4.2]
        if (std::size_t(&line - figure.lines.data()) != figure.lost_response) continue;
        bench.receive(client, request);
        EXPECT_EQ(bench.sent(), response);
    }
}

/// What our client asks, given every response of the figure.
void play_client(const Figure& figure) {
    Settings settings;
    settings.block_szx = figure.client_szx;
    Bench bench(settings);
    const Octets up = figure.request_body();
    const Octets down = figure.response_body();
    const Message first = message_from(figure.lines.front().request);
    Request request;
    request.id = RequestId{1};
    request.peer = server;
    request.code = first.code;
    request.options.add_path(first.options.path());
    request.payload = up;
    if (figure.early)
        request.options.add_uint(OptionNumber::block2,
                                 Block{0, false, figure.client_szx}.to_uint());
    bench.handle(request);
    Octets heard;
    for (const Exchanged& line : figure.lines) {
        const std::size_t at = std::size_t(&line - figure.lines.data());
        const Octets datagram = octets_sent(bench);
        if (at == figure.lost_request || at == figure.lost_response) {
            bench.pass(3s);
            EXPECT_EQ(octets_sent(bench), datagram);
        }
        const Message asked = message_of(datagram);
        EXPECT_EQ(line_of(asked), line.request);
        const BlockOption block1 = BlockOption::read(asked.options, OptionNumber::block1);
        const Bytes expected = block1.present ? slice(up, block1.block) : Bytes();
        EXPECT_TRUE(same(asked.payload, expected)) << line.request;
        Message response = message_from(line.response);
        response.id = asked.id;
        response.token = asked.token;
        const BlockOption block2 = BlockOption::read(response.options, OptionNumber::block2);
        if (block2.present) response.payload = to_octets(slice(down, block2.block));
        bench.receive(server, response);
    }
    const ResponseArrived response = bench.response();
    EXPECT_EQ(response.payload, down);
    EXPECT_TRUE(bench.silent());
}

TEST(Rfc7959Example, Figure2SimpleGet) {  // [RFC 7959 §3.1, figure 2]
    const Figure figure{.lines = {{"CON GET /status", "ACK 2.05 2:0/1/128"},
                                  {"CON GET /status 2:1/0/128", "ACK 2.05 2:1/1/128"},
                                  {"CON GET /status 2:2/0/128", "ACK 2.05 2:2/0/128"}},
                        .response_octets = 300};
    play_server(figure);
    play_client(figure);
}

TEST(Rfc7959Example, Figure3EarlyNegotiation) {  // [RFC 7959 §3.1, figure 3]
    const Figure figure{.lines = {{"CON GET /status 2:0/0/64", "ACK 2.05 2:0/1/64"},
                                  {"CON GET /status 2:1/0/64", "ACK 2.05 2:1/1/64"},
                                  {"CON GET /status 2:2/0/64", "ACK 2.05 2:2/1/64"},
                                  {"CON GET /status 2:3/0/64", "ACK 2.05 2:3/1/64"},
                                  {"CON GET /status 2:4/0/64", "ACK 2.05 2:4/1/64"},
                                  {"CON GET /status 2:5/0/64", "ACK 2.05 2:5/0/64"}},
                        .response_octets = 350,
                        .client_szx = 2,
                        .early = true};
    play_server(figure);
    play_client(figure);
}

Figure late_negotiation() {
    return {.lines = {{"CON GET /status", "ACK 2.05 2:0/1/128"},
                      {"CON GET /status 2:2/0/64", "ACK 2.05 2:2/1/64"},
                      {"CON GET /status 2:3/0/64", "ACK 2.05 2:3/1/64"},
                      {"CON GET /status 2:4/0/64", "ACK 2.05 2:4/1/64"},
                      {"CON GET /status 2:5/0/64", "ACK 2.05 2:5/0/64"}},
            .response_octets = 384,
            .client_szx = 2};
}

TEST(Rfc7959Example, Figure4LateNegotiation) {  // [RFC 7959 §3.1, figure 4]
    play_server(late_negotiation());
    play_client(late_negotiation());
}

TEST(Rfc7959Example, Figure5ALostRequest) {  // [RFC 7959 §3.1, figure 5]
    Figure figure = late_negotiation();
    figure.lost_request = 1;
    play_client(figure);
}

TEST(Rfc7959Example, Figure6ALostResponse) {  // [RFC 7959 §3.1, figure 6]
    Figure figure = late_negotiation();
    figure.lost_response = 1;
    play_server(figure);
    play_client(figure);
}

TEST(Rfc7959Example, Figure7AtomicPut) {  // [RFC 7959 §3.2, figure 7]
    const Figure figure{.lines = {{"CON PUT /options 1:0/1/128", "ACK 2.31 1:0/1/128"},
                                  {"CON PUT /options 1:1/1/128", "ACK 2.31 1:1/1/128"},
                                  {"CON PUT /options 1:2/0/128", "ACK 2.04 1:2/0/128"}},
                        .request_octets = 300};
    play_server(figure);
    play_client(figure);
}

TEST(Rfc7959Example, Figure8StatelessPut) {  // [RFC 7959 §3.2, figure 8]
    // Our server puts bodies together: there is only a client's side to play.
    play_client({.lines = {{"CON PUT /options 1:0/1/128", "ACK 2.04 1:0/0/128"},
                           {"CON PUT /options 1:1/1/128", "ACK 2.04 1:1/0/128"},
                           {"CON PUT /options 1:2/0/128", "ACK 2.04 1:2/0/128"}},
                 .request_octets = 300});
}

TEST(Rfc7959Example, Figure9PutWithNegotiation) {  // [RFC 7959 §3.2, figure 9]
    const Figure figure{.lines = {{"CON PUT /options 1:0/1/128", "ACK 2.31 1:0/1/32"},
                                  {"CON PUT /options 1:4/1/32", "ACK 2.31 1:4/1/32"},
                                  {"CON PUT /options 1:5/1/32", "ACK 2.31 1:5/1/32"},
                                  {"CON PUT /options 1:6/0/32", "ACK 2.04 1:6/0/32"}},
                        .request_octets = 200,
                        .server_szx = 1};
    play_server(figure);
    play_client(figure);
}

TEST(Rfc7959Example, Figure10BlocksBothWays) {  // [RFC 7959 §3.3, figure 10]
    const Figure figure{.lines = {{"CON POST /soap 1:0/1/128", "ACK 2.31 1:0/1/128"},
                                  {"CON POST /soap 1:1/1/128", "ACK 2.31 1:1/1/128"},
                                  {"CON POST /soap 1:2/0/128", "ACK 2.04 2:0/1/128 1:2/0/128"},
                                  {"CON POST /soap 2:1/0/128", "ACK 2.04 2:1/1/128"},
                                  {"CON POST /soap 2:2/0/128", "ACK 2.04 2:2/1/128"},
                                  {"CON POST /soap 2:3/0/128", "ACK 2.04 2:3/0/128"}},
                        .request_octets = 300,
                        .response_octets = 500};
    play_server(figure);
    play_client(figure);
}

TEST(Rfc7959Example, Figure11BlocksBothWaysNegotiatedEarly) {  // [RFC 7959 §3.3, figure 11]
    // The figure's last line has M set where the transfer ends; its text does not go on.
    play_server({.lines = {{"CON POST /soap 1:0/1/128", "ACK 2.31 1:0/1/128"},
                           {"CON POST /soap 1:1/1/128", "ACK 2.31 1:1/1/128"},
                           {"CON POST /soap 2:0/0/64 1:2/0/128", "ACK 2.04 2:0/1/64 1:2/0/128"},
                           {"CON POST /soap 2:1/0/64", "ACK 2.04 2:1/1/64"},
                           {"CON POST /soap 2:2/0/64", "ACK 2.04 2:2/1/64"},
                           {"CON POST /soap 2:3/0/64", "ACK 2.04 2:3/0/64"}},
                 .request_octets = 300,
                 .response_octets = 250});
}

/// Figures 12 and 13: a notification is the first block of a body; the rest is fetched under
/// another token.
void observe_in_blocks(std::uint8_t szx, bool early, std::size_t first, std::size_t second) {
    Settings settings;
    settings.block_szx = 3;
    const Octets before = body_of(first, 3);
    const Octets after = body_of(second, 4);

    // The server's side.
    Bench answers(settings);
    const auto icon = [&](std::string_view tag, const Octets& body) {
        Response response;
        response.options.add(OptionNumber::etag, *from_hex(tag));
        response.payload = body;
        response.observe = true;
        answers.handle(Respond{answers.request().exchange, std::move(response)});
        return answers.sent();
    };
    Message request = message_from("CON GET /status-icon");
    request.id = 0x1636;
    request.token = Token("fb"_hex);
    request.options.add(OptionNumber::observe, {});
    if (early) request.options.add_uint(OptionNumber::block2, Block{0, false, szx}.to_uint());
    answers.receive(client, request);
    const Message registered = icon("6f00f38e", before);
    EXPECT_EQ(BlockOption::read(registered.options, OptionNumber::block2).block,
              (Block{0, true, szx}));
    EXPECT_TRUE(registered.options.has(OptionNumber::observe));
    EXPECT_TRUE(same(registered.payload, slice(before, Block{0, true, szx})));
    answers.handle(ResourceChanged{"/status-icon", true});
    const Message notification = icon("6f00f392", after);
    EXPECT_EQ(notification.type, Type::confirmable);
    EXPECT_EQ(notification.token, request.token);
    EXPECT_EQ(BlockOption::read(notification.options, OptionNumber::block2).block,
              (Block{0, true, szx}));
    answers.receive(client, empty_message(Type::acknowledgement, notification.id));

    // The client's side; what the server says from here on, ours says.
    Settings own;
    own.block_szx = szx;
    Bench asks(own);
    Request observe = get("status-icon", "fb");
    observe.observe = true;
    if (early) observe.options.add_uint(OptionNumber::block2, Block{0, false, szx}.to_uint());
    asks.handle(observe);
    Message reply = registered;
    reply.options.set_uint(OptionNumber::observe, 62350);
    // "Usual GET transfer left out"
    for (std::uint32_t n = 1;; ++n) {
        const Message asked = asks.sent();
        reply.id = asked.id;
        reply.token = asked.token;
        asks.receive(server, reply);
        if (!asks.responses.empty()) break;
        const Block next{n, (n + 1) * block_octets(szx) < before.size(), szx};
        reply.options.remove(OptionNumber::observe);
        reply.options.set_uint(OptionNumber::block2, next.to_uint());
        reply.payload = to_octets(slice(before, next));
    }
    EXPECT_EQ(asks.response().payload, before);

    reply = notification;
    reply.id = 0xaf9c;
    reply.options.set_uint(OptionNumber::observe, 62354);
    asks.receive(server, reply);
    // The acknowledgement and the next request, in either order.
    const auto acknowledgement =
        std::ranges::find(asks.datagrams, emitted(empty_message(Type::acknowledgement, 0xaf9c)),
                          &SendDatagram::datagram);
    ASSERT_NE(acknowledgement, asks.datagrams.end());
    asks.datagrams.erase(acknowledgement);
    for (std::uint32_t n = 1; asks.responses.empty(); ++n) {
        Message asked = asks.sent();
        EXPECT_NE(asked.token, request.token);
        EXPECT_FALSE(asked.options.has(OptionNumber::observe));
        EXPECT_EQ(BlockOption::read(asked.options, OptionNumber::block2).block,
                  (Block{n, false, szx}));
        answers.receive(client, asked);
        const Message block = answers.requests.empty() ? answers.sent() : icon("6f00f392", after);
        EXPECT_EQ(to_hex(*block.options.find(OptionNumber::etag)), "6f00f392");
        asks.receive(server, block);
    }
    const ResponseArrived whole = asks.response();
    EXPECT_EQ(whole.payload, after);
    EXPECT_EQ(whole.observe, 62354u);
    EXPECT_TRUE(whole.more_to_come);
}

TEST(Rfc7959Example, Figure12ObserveInBlocks) {  // [RFC 7959 §3.4, figure 12]
    observe_in_blocks(3, false, 300, 128 + 128 + 53);
}

TEST(Rfc7959Example, Figure13ObserveInBlocksNegotiatedEarly) {  // [RFC 7959 §3.4, figure 13]
    observe_in_blocks(2, true, 300, 4 * 64 + 53);
}

// ---- RFC 8323, §6: blocks of several thousand octets over a stream ------------------------------

Peer stream_of(Peer peer) {
    peer.transport = Transport::tcp;
    peer.channel = 1;
    return peer;
}

/// "GET /status 2:3/0/BERT", "2.05 2:3/1/BERT(5120)".
std::string bert_line_of(const Message& message) {
    std::string line;
    if (is_request(message.code))
        line.append(name_of(message.code)).append(" ") += message.options.path();
    else
        line += to_text(message.code).substr(0, 4);
    for (const auto& [which, number] :
         {std::pair{" 2:", OptionNumber::block2}, std::pair{" 1:", OptionNumber::block1}}) {
        const BlockOption option = BlockOption::read(message.options, number, true);
        if (!option.present) continue;
        EXPECT_EQ(option.block.szx, Block::bert);
        line += which + std::to_string(option.block.number) + (option.block.more ? "/1" : "/0") +
                "/BERT";
        if (!message.payload.empty()) line += "(" + std::to_string(message.payload.size()) + ")";
    }
    return line;
}

/// What the other end's CSM says, so that messages carry so much of a body.
StreamSettings taking(const Peer& peer, std::size_t octets) {
    return {peer, static_cast<std::uint32_t>(octets + 128), true};
}

TEST(Rfc8323Example, Figure13GetWithBert) {  // [RFC 8323 §6.1, figure 13]
    const Octets body = body_of(3072 + 5120 + 4711);
    const Peer other = stream_of(server);
    const std::vector<std::pair<std::string, std::string>> figure{
        {"GET /status", "2.05 2:0/1/BERT(3072)"},
        {"GET /status 2:3/0/BERT", "2.05 2:3/1/BERT(5120)"},
        {"GET /status 2:8/0/BERT", "2.05 2:8/0/BERT(4711)"}};
    Bench asks(Settings::for_host());
    Bench answers(Settings::for_host());
    asks.handle(taking(other, 8192));
    Request request = get("status", "11");
    request.peer = other;
    asks.handle(request);
    std::size_t sent = 0;
    for (const auto& [asked, answered] : figure) {
        const Message question = asks.sent_message();
        EXPECT_EQ(bert_line_of(question), asked);
        // Our server gives as much as the client takes just then.
        const std::size_t size = std::size_t{sent == 0 ? 3072u : sent == 3072 ? 5120u : 4711u};
        answers.handle(taking(stream_of(client), size / 1024 * 1024 + (size % 1024 != 0) * 1024));
        answers.receive_message(stream_of(client), question);
        if (!answers.requests.empty()) {
            Response response;
            response.payload = body;
            answers.handle(Respond{answers.request().exchange, std::move(response)});
        }
        const Message answer = answers.sent_message();
        EXPECT_EQ(bert_line_of(answer), answered);
        EXPECT_TRUE(same(answer.payload, Bytes(body).subspan(sent, size)));
        sent += size;
        asks.receive_message(other, answer);
    }
    EXPECT_EQ(asks.response().payload, body);
    EXPECT_TRUE(asks.silent() && answers.silent());
}

TEST(Rfc8323Example, Figure14PutWithBert) {  // [RFC 8323 §6.2, figure 14]
    const Octets body = body_of(8192 + 16384 + 5683);
    const Peer other = stream_of(server);
    const std::vector<std::pair<std::string, std::string>> figure{
        {"PUT /options 1:0/1/BERT(8192)", "2.31 1:0/1/BERT"},
        {"PUT /options 1:8/1/BERT(16384)", "2.31 1:8/1/BERT"},
        {"PUT /options 1:24/0/BERT(5683)", "2.04 1:24/0/BERT"}};
    Bench asks(Settings::for_host());
    Bench answers(Settings::for_host());
    answers.handle(taking(stream_of(client), 8192));
    asks.handle(taking(other, 8192));
    Request request = get("options", "11");
    request.peer = other;
    request.code = Code::put;
    request.payload = body;
    asks.handle(request);
    for (const auto& [asked, answered] : figure) {
        const Message question = asks.sent_message();
        EXPECT_EQ(bert_line_of(question), asked);
        answers.receive_message(stream_of(client), question);
        if (!answers.requests.empty()) {
            const RequestArrived arrived = answers.request();
            EXPECT_EQ(arrived.payload, body);
            answers.handle(Respond{arrived.exchange, plain("", Code::changed)});
        }
        const Message answer = answers.sent_message();
        EXPECT_EQ(bert_line_of(answer), answered);
        asks.handle(taking(other, 16384));  // another CSM
        asks.receive_message(other, answer);
    }
    EXPECT_EQ(asks.response().code, Code::changed);
}

// ---- RFC 6690, §5 ------------------------------------------------------------------------------

/// Asks /.well-known/core, as a datagram, of a server behind an endpoint.
std::string discovered(Server& site, std::string_view query = {}) {
    Bench bench;
    Message request = message_from("CON GET /.well-known/core");
    if (!query.empty()) request.options.add_text(OptionNumber::uri_query, query);
    bench.receive(client, request);
    const RequestArrived arrived = bench.request();
    bench.handle(Respond{arrived.exchange, site.handle(arrived).value()});
    const Message response = bench.sent();
    EXPECT_EQ(response.code, Code::content);
    EXPECT_EQ(response.options.uint(OptionNumber::content_format), 40u);
    return std::string(as_text(response.payload));
}

Response nothing(const RequestView&) {
    return content_of(ContentFormat::text_plain, "");
}

TEST(Rfc6690Example, SensorsOfOneInterface) {  // [RFC 6690 §5]
    Server site;
    site.add({.path = "/sensors/temp", .handler = nothing, .interface = "sensor"});
    site.add({.path = "/sensors/light", .handler = nothing, .interface = "sensor"});
    EXPECT_EQ(discovered(site), "</sensors/temp>;if=\"sensor\",</sensors/light>;if=\"sensor\"");
}

TEST(Rfc6690Example, AnIndexAndWhatIsBehindIt) {  // [RFC 6690 §5]
    constexpr std::string_view behind =
        "</sensors/temp>;rt=\"temperature-c\";if=\"sensor\","
        "</sensors/light>;rt=\"light-lux\";if=\"sensor\"";
    Server site;
    site.add(
        {.path = "/sensors",
         .handler =
             [&](const RequestView&) { return content_of(ContentFormat::link_format, behind); },
         .formats = {ContentFormat::link_format}});
    EXPECT_EQ(discovered(site), "</sensors>;ct=40");
    RequestArrived request;
    request.options = path_options("/sensors");
    EXPECT_EQ(as_text(site.handle(request).value().payload), behind);
}

TEST(Rfc6690Example, QueriesFilter) {  // [RFC 6690 §5]
    Server site;
    site.add({.path = "/sensors/temp",
              .handler = nothing,
              .type = "temperature-c",
              .interface = "sensor"});
    site.add(
        {.path = "/sensors/light", .handler = nothing, .type = "light-lux", .interface = "sensor"});
    EXPECT_EQ(discovered(site, "rt=light-lux"), "</sensors/light>;rt=\"light-lux\";if=\"sensor\"");
    site.add({.path = "/sensors/light",
              .handler = nothing,
              .type = "light-lux core.sen-light",
              .interface = "sensor"});
    EXPECT_EQ(discovered(site, "rt=light-lux"),
              "</sensors/light>;rt=\"light-lux core.sen-light\";if=\"sensor\"");
    site.add({.path = "/firmware/v2.1", .handler = nothing, .type = "firmware", .size = 262144});
    EXPECT_EQ(discovered(site, "rt=firmware"), "</firmware/v2.1>;rt=\"firmware\";sz=262144");
}

TEST(Rfc6690Example, AnchorsRelateLinks) {  // [RFC 6690 §5]
    constexpr std::string_view all =
        "</sensors>;ct=40;title=\"Sensor Index\","
        "</sensors/temp>;rt=\"temperature-c\";if=\"sensor\","
        "</sensors/light>;rt=\"light-lux\";if=\"sensor\","
        "<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";rel=\"describedby\","
        "</t>;anchor=\"/sensors/temp\";rel=\"alternate\"";
    LinkFormat links = parse_as<LinkFormat>(as_octets(all)).value();
    EXPECT_EQ(to_text(links), all);
    std::erase_if(links.links,
                  [](const Link& link) { return !link.matches("anchor=/sensors/temp"); });
    EXPECT_EQ(to_text(links),
              "<http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";rel=\"describedby\","
              "</t>;anchor=\"/sensors/temp\";rel=\"alternate\"");
}

}  // namespace
}  // namespace causeway::coap::rfc_examples_test
