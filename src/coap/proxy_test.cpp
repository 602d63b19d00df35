#include "coap/proxy.hpp"

#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap {
namespace {

using namespace testing;

const Peer client = peer_at(1, 40000);
const Peer other_client = peer_at(1, 40001);
const Peer node = {*address_from_literal("fd00:ca5e::7"), default_port};

/// Only fd00:ca5e::/64 can be reached, and one host by name.
std::optional<Peer> resolve(std::string_view host, std::uint16_t port) {
    if (host == "node7.example") return Peer{node.address, port};
    const auto address = address_from_literal(host);
    if (!address || !address_to_text(*address).starts_with("fd00:ca5e:")) return std::nullopt;
    return Peer{*address, port};
}

struct Desk {
    explicit Desk(const ProxySettings& settings = {})
        : proxy(settings, resolve, Random(1), start) {}

    void front(const Peer& from, const Message& message) {
        proxy.handle(now, ForwardProxy::FrontDatagram{from, emitted(message)});
        collect();
    }
    void back(const Message& message, const Peer& from = node) {
        proxy.handle(now, ForwardProxy::BackDatagram{from, emitted(message)});
        collect();
    }
    void pass(Duration span) {
        const Instant until = now + span;
        while (proxy.next_deadline() <= until) {
            now = std::max(now, proxy.next_deadline());
            proxy.handle_timeout(now);
            collect();
        }
        now = until;
    }
    Message to_node() { return take(to_back).second; }
    Message to_client(const Peer& expected = client) {
        auto [peer, message] = take(to_front);
        EXPECT_EQ(peer, expected);
        return message;
    }
    /// A GET through the proxy, answered at the back if it comes through there.
    Message get(std::string_view uri, std::uint16_t id, const Peer& from = client) {
        front(from, by_uri(uri, id));
        return to_client(from);
    }
    static Message by_uri(std::string_view uri, std::uint16_t id, Code code = Code::get) {
        Message message;
        message.code = code;
        message.id = id;
        message.token = Token("9a"_hex);
        message.options.add_text(OptionNumber::proxy_uri, uri);
        return message;
    }
    static Message ack(const Message& request, Code code, std::string_view payload = {}) {
        Message message;
        message.type = Type::acknowledgement;
        message.code = code;
        message.id = request.id;
        message.token = request.token;
        message.payload = testing::text(payload);
        return message;
    }

    ForwardProxy proxy;
    Instant now = start;
    std::deque<std::pair<Peer, Message>> to_front;
    std::deque<std::pair<Peer, Message>> to_back;

private:
    static std::pair<Peer, Message> take(std::deque<std::pair<Peer, Message>>& queue) {
        CAUSEWAY_ASSERT(!queue.empty());
        auto first = std::move(queue.front());
        queue.pop_front();
        return first;
    }
    void collect() {
        while (auto out = proxy.poll_output()) {
            if (auto* f = std::get_if<ForwardProxy::SendFront>(&*out))
                to_front.emplace_back(f->peer, message_of(f->datagram));
            if (auto* b = std::get_if<ForwardProxy::SendBack>(&*out))
                to_back.emplace_back(b->peer, message_of(b->datagram));
        }
    }
};

// ---- where to [RFC 7252 §5.7.2, §5.10.2] -------------------------------------------------------

TEST(Proxy, ProxyUriBecomesUriOptions) {
    Desk desk;
    Message request = Desk::by_uri("coap://[fd00:ca5e::7]/sensors/temp?u=k", 1);
    request.options.add_uint(OptionNumber::accept, 110);
    desk.front(client, request);
    EXPECT_EQ(desk.to_back.front().first, node);
    const Message onward = desk.to_node();
    EXPECT_EQ(onward.type, Type::confirmable);
    EXPECT_FALSE(onward.options.has(OptionNumber::proxy_uri));
    EXPECT_FALSE(onward.options.has(OptionNumber::uri_host));
    EXPECT_TRUE(onward.options.path_is("sensors/temp"));
    EXPECT_EQ(onward.options.text(OptionNumber::uri_query), "u=k");
    EXPECT_EQ(onward.options.uint(OptionNumber::accept), 110u);
    EXPECT_NE(onward.token, request.token);
    desk.back(Desk::ack(onward, Code::content, "22.3"));
    const Message response = desk.to_client();
    EXPECT_EQ(response.token, request.token);
    EXPECT_EQ(response.id, request.id);
    EXPECT_EQ(response.payload, testing::text("22.3"));
}

TEST(Proxy, ProxySchemeTakesTheRestFromUriOptions) {
    Desk desk;
    for (const char* host : {"fd00:ca5e::7", "[fd00:ca5e::7]", "node7.example"}) {
        Message request;
        request.code = Code::put;
        request.id = static_cast<std::uint16_t>(desk.proxy.stats().requests + 1);
        request.options.add_text(OptionNumber::proxy_scheme, "coap");
        request.options.add_text(OptionNumber::uri_host, host);
        request.options.add_uint(OptionNumber::uri_port, 61616);
        request.options.add_path("led");
        request.payload = testing::text("1");
        desk.front(client, request);
        EXPECT_EQ(desk.to_back.front().first, (Peer{node.address, 61616}));
        const Message onward = desk.to_node();
        EXPECT_EQ(onward.options.has(OptionNumber::uri_host),
                  std::string_view(host) == "node7.example");
        EXPECT_FALSE(onward.options.has(OptionNumber::uri_port));
        EXPECT_FALSE(onward.options.has(OptionNumber::proxy_scheme));
        EXPECT_TRUE(onward.options.path_is("led"));
        EXPECT_EQ(onward.payload, testing::text("1"));
        desk.back(Desk::ack(onward, Code::changed), Peer{node.address, 61616});
        EXPECT_EQ(desk.to_client().code, Code::changed);
    }
}

TEST(Proxy, RefusesWhatItCannotOrMayNotDo) {
    Desk desk;
    std::uint16_t id = 0;
    const auto answer = [&](std::string_view uri) {
        desk.front(client, Desk::by_uri(uri, ++id));
        return desk.to_client().code;
    };
    EXPECT_EQ(answer("http://[fd00:ca5e::7]/"), Code::proxying_not_supported);
    EXPECT_EQ(answer("coaps://[fd00:ca5e::7]/"), Code::proxying_not_supported);
    EXPECT_EQ(answer("coap://[2001:db8::1]/"), Code::proxying_not_supported);
    EXPECT_EQ(answer("coap://elsewhere/"), Code::proxying_not_supported);
    EXPECT_EQ(answer("nonsense"), Code::bad_option);
    Message other_scheme;
    other_scheme.code = Code::get;
    other_scheme.id = 100;
    other_scheme.options.add_text(OptionNumber::proxy_scheme, "http");
    desk.front(client, other_scheme);
    EXPECT_EQ(desk.to_client().code, Code::proxying_not_supported);
    other_scheme.id = 101;
    other_scheme.options.set(OptionNumber::proxy_scheme, testing::text("coap"));
    desk.front(client, other_scheme);
    EXPECT_EQ(desk.to_client().code, Code::bad_option);  // the target would be the proxy
    EXPECT_EQ(desk.proxy.stats().refused, 7u);
    EXPECT_TRUE(desk.to_back.empty());
    EXPECT_TRUE(desk.proxy.stats().balanced());
}

TEST(Proxy, WithoutATargetItIsAServerWithNothing) {
    Desk desk;
    Message request;
    request.code = Code::get;
    request.id = 1;
    desk.front(client, request);
    EXPECT_EQ(desk.to_client().code, Code::not_found);
    request.id = 2;
    request.options.add_path(".well-known/core");
    desk.front(client, request);
    EXPECT_EQ(desk.to_client().code, Code::content);
}

// ---- options that nobody knows [RFC 7252 §5.7.1] -----------------------------------------------

TEST(Proxy, PassesSafeOptionsOnAndRefusesUnsafeOnes) {
    Desk desk;
    Message request = Desk::by_uri("coap://[fd00:ca5e::7]/", 1);
    request.options.add(OptionNumber{65}, testing::text("critical and safe"));
    request.options.add(OptionNumber{64}, testing::text("elective and safe"));
    desk.front(client, request);
    const Message onward = desk.to_node();
    EXPECT_TRUE(onward.options.has(OptionNumber{64}));
    EXPECT_TRUE(onward.options.has(OptionNumber{65}));
    Message response = Desk::ack(onward, Code::content, "x");
    response.options.add(OptionNumber{65}, {});
    desk.back(response);
    EXPECT_TRUE(desk.to_client().options.has(OptionNumber{65}));

    request = Desk::by_uri("coap://[fd00:ca5e::7]/", 2);
    request.options.add(OptionNumber{66}, {});  // unsafe
    desk.front(client, request);
    EXPECT_EQ(desk.to_client().code, Code::bad_option);
}

TEST(Proxy, AnUnsafeOptionInAResponseIsABadGateway) {
    Desk desk;
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/", 1));
    Message response = Desk::ack(desk.to_node(), Code::content, "x");
    response.options.add(OptionNumber{66}, {});
    desk.back(response);
    EXPECT_EQ(desk.to_client().code, Code::bad_gateway);
}

// ---- failures ----------------------------------------------------------------------------------

TEST(Proxy, ANodeThatIsSilentIsAGatewayTimeout) {
    Desk desk;
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/", 1));
    desk.pass(100s);
    EXPECT_EQ(desk.to_client().type, Type::acknowledgement);  // empty: it takes a while
    const Message response = desk.to_client();
    EXPECT_EQ(response.code, Code::gateway_timeout);
    EXPECT_EQ(response.type, Type::confirmable);
    EXPECT_EQ(desk.proxy.stats().failed, 1u);
}

TEST(Proxy, AResetOrAnUnreachableNodeIsABadGateway) {
    Desk desk;
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/", 1));
    desk.back(empty_message(Type::reset, desk.to_node().id));
    EXPECT_EQ(desk.to_client().code, Code::bad_gateway);
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/", 2));
    desk.proxy.handle(desk.now, ForwardProxy::BackUnreachable{node});
    desk.pass(0s);
    desk.front(other_client, empty_message(Type::confirmable, 1));
    EXPECT_EQ(desk.to_client().code, Code::bad_gateway);
}

TEST(Proxy, ServesNobodyAtTheBack) {
    Desk desk;
    desk.back(Desk::by_uri("coap://[fd00:ca5e::8]/", 1));
    EXPECT_EQ(desk.to_node().code, Code::not_found);
}

// ---- the cache [RFC 7252 §5.6] -----------------------------------------------------------------

TEST(Proxy, AFreshResponseIsGivenAgainOlder) {
    Desk desk;
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/t", 1));
    Message response = Desk::ack(desk.to_node(), Code::content, "22.3");
    response.options.add_uint(OptionNumber::max_age, 60);
    desk.back(response);
    desk.to_client();
    desk.pass(20s);
    const Message cached = desk.get("coap://[fd00:ca5e::7]/t", 2, other_client);
    EXPECT_EQ(cached.payload, testing::text("22.3"));
    EXPECT_EQ(cached.options.uint(OptionNumber::max_age), 40u);  // as the standard computes it
    EXPECT_TRUE(desk.to_back.empty());
    EXPECT_EQ(desk.proxy.stats().from_cache, 1u);
    desk.pass(40s);
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/t", 3));
    EXPECT_EQ(desk.to_back.size(), 1u);  // stale
}

TEST(Proxy, OtherOptionsAreOtherCacheKeys) {
    Desk desk;
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/t", 1));
    desk.back(Desk::ack(desk.to_node(), Code::content, "22.3"));
    desk.to_client();
    Message request = Desk::by_uri("coap://[fd00:ca5e::7]/t", 2);
    request.options.add_uint(OptionNumber::accept, 60);
    desk.front(client, request);
    EXPECT_EQ(desk.to_back.size(), 1u);
    desk.front(other_client, Desk::by_uri("coap://[fd00:ca5e::7]/t?x", 3));
    EXPECT_TRUE(desk.to_front.empty());
}

TEST(Proxy, AStaleResponseIsValidated) {  // [RFC 7252 §5.6.2]
    Desk desk;
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/t", 1));
    Message response = Desk::ack(desk.to_node(), Code::content, "22.3");
    response.options.add(OptionNumber::etag, "aa"_hex);
    response.options.add_uint(OptionNumber::max_age, 5);
    desk.back(response);
    desk.to_client();
    desk.pass(6s);
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/t", 2));
    const Message onward = desk.to_node();
    EXPECT_TRUE(same(*onward.options.find(OptionNumber::etag), "aa"_hex));
    Message valid = Desk::ack(onward, Code::valid);
    valid.options.add(OptionNumber::etag, "aa"_hex);
    desk.back(valid);
    const Message answer = desk.to_client();
    EXPECT_EQ(answer.code, Code::content);
    EXPECT_EQ(answer.payload, testing::text("22.3"));
    EXPECT_EQ(desk.proxy.stats().revalidated, 1u);
    // And a client that has it already is told no more than that.
    Message request = Desk::by_uri("coap://[fd00:ca5e::7]/t", 3);
    request.options.add(OptionNumber::etag, "aa"_hex);
    desk.front(client, request);
    EXPECT_EQ(desk.to_client().code, Code::valid);
}

TEST(Proxy, AChangeInvalidates) {  // [RFC 7252 §5.9.1.4]
    Desk desk;
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/led", 1));
    desk.back(Desk::ack(desk.to_node(), Code::content, "0"));
    desk.to_client();
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/led", 2, Code::put));
    desk.back(Desk::ack(desk.to_node(), Code::changed));
    desk.to_client();
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/led", 3));
    EXPECT_EQ(desk.to_back.size(), 1u);
}

TEST(Cache, IsBoundedInEntriesAndOctets) {
    ResponseCache cache({.entries_max = 3, .octets_max = 100});
    const auto store = [&](std::uint8_t n, std::size_t size) {
        cache.store(start + std::chrono::seconds(n), Octets{std::byte{n}},
                    {Code::content, {}, Octets(size), false});
    };
    for (std::uint8_t n = 0; n < 5; ++n) store(n, 10);
    EXPECT_EQ(cache.size(), 3u);
    EXPECT_EQ(cache.find(Octets{std::byte{1}}), nullptr);
    EXPECT_NE(cache.find(Octets{std::byte{2}}), nullptr);
    store(9, 95);
    EXPECT_EQ(cache.size(), 1u);
    store(10, 101);
    EXPECT_EQ(cache.find(Octets{std::byte{10}}), nullptr);
    EXPECT_EQ(cache.evicted(), 5u);
}

TEST(Proxy, TheSameQuestionIsAskedOnce) {
    Desk desk;
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/t", 1));
    desk.front(other_client, Desk::by_uri("coap://[fd00:ca5e::7]/t", 1));
    EXPECT_EQ(desk.to_back.size(), 1u);
    desk.back(Desk::ack(desk.to_node(), Code::content, "22.3"));
    EXPECT_EQ(desk.to_client().payload, testing::text("22.3"));
    EXPECT_EQ(desk.to_client(other_client).payload, testing::text("22.3"));
    EXPECT_EQ(desk.proxy.stats().joined, 1u);
    EXPECT_TRUE(desk.proxy.stats().balanced());
}

// ---- observation [RFC 7641 §5, A.2 figure 8] ---------------------------------------------------

Message observing(std::string_view uri, std::uint16_t id) {
    Message message = Desk::by_uri(uri, id);
    message.options.add_uint(OptionNumber::observe, 0);
    return message;
}

struct Relayed : Desk {
    Relayed() {
        front(client, observing("coap://[fd00:ca5e::7]/status", 1));
        relation = to_node();
        EXPECT_EQ(relation.options.uint(OptionNumber::observe), 0u);
        Message first = ack(relation, Code::content, "ready");
        first.options.add_uint(OptionNumber::observe, 67);
        back(first);
        const Message response = to_client();
        EXPECT_TRUE(response.options.has(OptionNumber::observe));
        EXPECT_EQ(response.payload, testing::text("ready"));
    }
    Message notification(std::uint32_t sequence, std::string_view payload) {
        Message message = ack(relation, Code::content, payload);
        message.type = Type::non_confirmable;
        message.id = ++last_id;
        message.options.add_uint(OptionNumber::observe, sequence);
        return message;
    }
    Message relation;
    std::uint16_t last_id = 100;
};

TEST(ProxyObserve, NotificationsPassThrough) {
    Relayed desk;
    desk.back(desk.notification(68, "busy"));
    const Message notification = desk.to_client();
    EXPECT_EQ(notification.payload, testing::text("busy"));
    EXPECT_EQ(notification.token, Token("9a"_hex));
    EXPECT_TRUE(notification.options.has(OptionNumber::observe));
    EXPECT_EQ(desk.proxy.stats().notifications, 1u);
}

TEST(ProxyObserve, ManyClientsAreOneObserver) {
    Relayed desk;
    desk.front(other_client, observing("coap://[fd00:ca5e::7]/status", 1));
    EXPECT_EQ(desk.to_client(other_client).payload, testing::text("ready"));
    EXPECT_TRUE(desk.to_back.empty());
    desk.back(desk.notification(68, "busy"));
    EXPECT_EQ(desk.to_client().payload, testing::text("busy"));
    EXPECT_EQ(desk.to_client(other_client).payload, testing::text("busy"));
    // A plain GET is answered with what the observation brought.
    EXPECT_EQ(desk.get("coap://[fd00:ca5e::7]/status", 9, peer_at(5)).payload,
              testing::text("busy"));
    EXPECT_TRUE(desk.to_back.empty());
}

TEST(ProxyObserve, TheLastClientTakesTheRelationWithIt) {
    Relayed desk;
    Message goodbye = Desk::by_uri("coap://[fd00:ca5e::7]/status", 2);
    goodbye.options.add_uint(OptionNumber::observe, 1);
    desk.front(client, goodbye);
    const Message deregistration = desk.to_node();
    EXPECT_EQ(deregistration.options.uint(OptionNumber::observe), 1u);
    EXPECT_EQ(deregistration.token, desk.relation.token);
}

TEST(ProxyObserve, AClientThatResetsIsForgotten) {
    Relayed desk;
    desk.back(desk.notification(68, "busy"));
    desk.front(client, empty_message(Type::reset, desk.to_client().id));
    EXPECT_EQ(desk.to_node().options.uint(OptionNumber::observe), 1u);
    EXPECT_EQ(desk.proxy.front().observers(), 0u);
}

TEST(ProxyObserve, ANodeThatDiesEndsItWithAGatewayTimeout) {
    Relayed desk;
    desk.pass(76s + 93s);  // Max-Age, courtesy, and a registration that nobody answers
    while (desk.to_front.size() > 1) desk.to_client();
    const Message last = desk.to_client();
    EXPECT_EQ(last.code, Code::gateway_timeout);
    EXPECT_FALSE(last.options.has(OptionNumber::observe));
    EXPECT_EQ(desk.proxy.front().observers(), 0u);
}

TEST(ProxyObserve, ATargetWithoutObservationIsAPlainGet) {
    Desk desk;
    desk.front(client, observing("coap://[fd00:ca5e::7]/status", 1));
    desk.back(Desk::ack(desk.to_node(), Code::content, "ready"));
    EXPECT_FALSE(desk.to_client().options.has(OptionNumber::observe));
    EXPECT_EQ(desk.proxy.front().observers(), 0u);
}

// ---- blocks ------------------------------------------------------------------------------------

TEST(Proxy, EachSideHasItsOwnBlocks) {
    Desk desk;
    const Octets body = body_of(150);
    Message request = Desk::by_uri("coap://[fd00:ca5e::7]/store", 1, Code::put);
    request.payload = body;  // one datagram in front
    desk.front(client, request);
    Octets arrived;
    for (std::uint32_t i = 0; i < 3; ++i) {
        const Message part = desk.to_node();  // three at the back
        EXPECT_EQ(BlockOption::read(part.options, OptionNumber::block1).block,
                  (Block{i, i < 2, 2}));
        arrived.insert(arrived.end(), part.payload.begin(), part.payload.end());
        Message reply = Desk::ack(part, i < 2 ? Code::continue_ : Code::changed);
        reply.options.add_uint(OptionNumber::block1, Block{i, i < 2, 2}.to_uint());
        desk.back(reply);
    }
    EXPECT_EQ(arrived, body);
    const Message response = desk.to_client();
    EXPECT_EQ(response.code, Code::changed);
    EXPECT_FALSE(response.options.has(OptionNumber::block1));
}

TEST(Proxy, ABodyFromTheBackGoesOutWhole) {
    Desk desk;
    const Octets body = body_of(100);
    desk.front(client, Desk::by_uri("coap://[fd00:ca5e::7]/big", 1));
    for (std::uint32_t i = 0; i < 2; ++i) {
        const Message part = desk.to_node();
        Message reply = Desk::ack(part, Code::content);
        reply.options.add_uint(OptionNumber::block2, Block{i, i == 0, 2}.to_uint());
        reply.payload = to_octets(Bytes(body).subspan(i * 64, i == 0 ? 64 : 36));
        desk.back(reply);
    }
    const Message response = desk.to_client();
    EXPECT_EQ(response.payload, body);
    EXPECT_FALSE(response.options.has(OptionNumber::block2));
}

}  // namespace
}  // namespace causeway::coap
