#include "coap/proxy.hpp"

#include "coap/testing.hpp"

#include <gtest/gtest.h>

namespace causeway::coap::proxy_test {
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

TEST(Cache, KeepsWhatIsUsed) {
    ResponseCache cache({.entries_max = 2, .octets_max = 100});
    const auto key = [](std::uint8_t n) { return Octets{std::byte{n}}; };
    cache.store(start, key(1), {Code::content, {}, {}, false});
    cache.store(start, key(2), {Code::content, {}, {}, false});
    cache.used(*cache.find(key(1)));
    cache.store(start, key(3), {Code::content, {}, {}, false});
    EXPECT_NE(cache.find(key(1)), nullptr);
    EXPECT_EQ(cache.find(key(2)), nullptr);
}

TEST(Cache, AKeyIsTheUriTheMethodTheOptionsAndThePayloadOfAFetch) {  // [RFC 8132 §2]
    Options options;
    const auto key = [&](std::string_view uri, Code method, std::string_view payload) {
        return cache_key(uri, 0, method, options, testing::text(payload));
    };
    const Octets one = key("coap://h/a", Code::get, "");
    EXPECT_EQ(key("coap://h/a", Code::get, "ignored"), one);
    EXPECT_NE(key("coap://h/b", Code::get, ""), one);
    EXPECT_NE(key("coap+tcp://h/a", Code::get, ""), one);
    EXPECT_NE(key("coap://h/a", Code::fetch, ""), one);
    EXPECT_NE(key("coap://h/a", Code::fetch, "x"), key("coap://h/a", Code::fetch, "y"));
    EXPECT_NE(cache_key("coap://h/a", 1, Code::get, options), one);  // another's security context
    options.add(OptionNumber::etag, "aa"_hex);
    options.add_uint(OptionNumber::hop_limit, 7);  // understood, so no part of it [RFC 8768 §3]
    options.add_uint(OptionNumber::size1, 7);      // NoCacheKey
    EXPECT_EQ(key("coap://h/a", Code::get, ""), one);
    options.add_uint(OptionNumber::accept, 60);
    EXPECT_NE(key("coap://h/a", Code::get, ""), one);

    ResponseCache cache({});
    cache.store(start, one, {Code::content, {}, {}, false});
    cache.store(start, key("coap://h/a", Code::get, ""), {Code::content, {}, {}, false});
    cache.store(start, key("coap://h/a?b", Code::get, ""), {Code::content, {}, {}, false});
    EXPECT_EQ(cache.size(), 3u);
    cache.forget_target("coap://h/a");
    EXPECT_EQ(cache.size(), 1u);
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

TEST(ProxyObserve, WhereTheFrontHasNoRoomThereIsNoRelation) {
    ProxySettings settings;
    settings.front.observers_max = 0;
    Desk desk(settings);
    desk.front(client, observing("coap://[fd00:ca5e::7]/status", 1));
    const Message relation = desk.to_node();
    Message first = Desk::ack(relation, Code::content, "ready");
    first.options.add_uint(OptionNumber::observe, 67);
    desk.back(first);
    EXPECT_FALSE(desk.to_client().options.has(OptionNumber::observe));
    EXPECT_EQ(desk.to_node().options.uint(OptionNumber::observe), 1u);
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

// ---- the engine alone --------------------------------------------------------------------------

/// Everything but groups and [2001:db8::bad]; [2001:db8::1] is the proxy; channels are opened.
Route route_to(const Uri& uri, const Peer&) {
    const auto address = address_from_literal(uri.host);
    if (uri.host == "nowhere.example") return Refusal{Code::bad_gateway, "no such host"};
    if (!address) return Peer{node.address, uri.port, uri.transport, 3, 0};
    if (*address == *address_from_literal("2001:db8::1")) return RouteHere{};
    if (*address == *address_from_literal("2001:db8::bad")) return Refusal{};
    return Peer{*address, uri.port, uri.transport, uri.transport == Transport::udp ? 0u : 3u,
                uri.port == 7000 ? 9u : 0u};
}

/// A proxy with nothing around it.
struct Hall {
    explicit Hall(ProxyOptions options = {}) : proxy(std::move(options), route_to, allow) {}

    static std::optional<Refusal> allow(const HttpUrl& url, const Peer&) {
        if (url.host == "forbidden.example") return Refusal{Code::forbidden, "not this one"};
        return std::nullopt;
    }
    static RequestArrived by_uri(std::string_view uri, Code method = Code::get) {
        RequestArrived request{.peer = client, .method = method, .token = Token("9a"_hex)};
        request.options.add_text(OptionNumber::proxy_uri, uri);
        request.confirmable = true;
        return request;
    }
    ExchangeId ask(RequestArrived request, FrontId front = {}, bool bypass = false) {
        request.exchange = ExchangeId{++exchanges};
        const ExchangeId id = request.exchange;
        give(Proxy::FrontRequest{std::move(request), front, bypass});
        return id;
    }
    ExchangeId ask(std::string_view uri) { return ask(by_uri(uri)); }
    void give(Proxy::Input in) {
        proxy.handle(now, std::move(in));
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
    Request sent() { return take(requests); }
    HttpFetch fetched() { return take(fetches); }
    /// The one answer since the last look.
    Response said(ExchangeId to) {
        CAUSEWAY_ASSERT(answers.size() == 1);
        const auto answer = take(answers);
        EXPECT_EQ(answer.exchange, to);
        return answer.response;
    }
    void reply(const Request& to, Response response, bool more = false) {
        give(ResponseArrived{.id = to.id,
                             .peer = to.peer,
                             .code = response.code,
                             .options = std::move(response.options),
                             .payload = std::move(response.payload),
                             .more_to_come = more});
    }
    void reply(const Request& to, std::string_view payload, bool more = false) {
        reply(to, {.payload = testing::text(payload)}, more);
    }

    Proxy proxy;
    Instant now = start;
    std::uint64_t exchanges = 0;
    std::deque<Respond> answers;
    std::deque<Decline> declined;
    std::deque<ObserverChanged> changed;
    std::deque<Request> requests;
    std::deque<Cancel> cancelled;
    std::deque<HttpFetch> fetches;
    std::deque<HttpCancel> fetches_cancelled;
    std::deque<Proxy::Local> locals;

private:
    template <class T>
    static T take(std::deque<T>& queue) {
        CAUSEWAY_ASSERT(!queue.empty());
        T first = std::move(queue.front());
        queue.pop_front();
        return first;
    }
    void collect() {
        while (auto out = proxy.poll_output()) {
            std::visit(Overloaded{
                           [&](Proxy::ToFront& o) { sort(o.event); },
                           [&](Proxy::ToBack& o) { sort(o.event); },
                           [&](Proxy::Local& o) { locals.push_back(std::move(o)); },
                           [&](HttpFetch& o) { fetches.push_back(std::move(o)); },
                           [&](HttpCancel& o) { fetches_cancelled.push_back(o); },
                       },
                       *out);
        }
        EXPECT_TRUE(proxy.stats().balanced());
    }
    void sort(auto& event) {
        std::visit(Overloaded{
                       [&](Respond& o) { answers.push_back(std::move(o)); },
                       [&](Decline& o) { declined.push_back(o); },
                       [&](ObserverChanged& o) { changed.push_back(o); },
                       [&](Request& o) { requests.push_back(std::move(o)); },
                       [&](Cancel& o) { cancelled.push_back(o); },
                   },
                   event);
    }
};

TEST(ProxyRoutes, EverySchemeGoesWhereTheRouterSays) {
    Hall hall;
    for (const char* scheme : {"coap", "coaps", "coap+tcp", "coaps+tcp", "coap+ws", "coaps+ws"}) {
        hall.ask(std::string(scheme) + "://[fd00:ca5e::7]/t");
        const Request onward = hall.sent();
        EXPECT_EQ(onward.peer.transport, *transport_of(scheme));
        EXPECT_TRUE(onward.options.path_is("t"));
        EXPECT_FALSE(onward.options.has(OptionNumber::uri_host));
        EXPECT_FALSE(onward.options.has(OptionNumber::uri_port));

        RequestArrived request{.peer = client, .token = Token("9a"_hex)};
        request.options.add_text(OptionNumber::proxy_scheme, scheme);
        request.options.add_text(OptionNumber::uri_host, "[fd00:ca5e::8]");
        hall.ask(std::move(request));
        EXPECT_EQ(hall.sent().peer.port, default_port_of(*transport_of(scheme)));
    }
    hall.ask("coap://[fd00:ca5e::7]:7000/t");
    EXPECT_EQ(hall.sent().peer.context, 9u);  // OSCORE
    EXPECT_EQ(hall.proxy.stats().forwarded, 13u);
}

TEST(ProxyRoutes, ARefusalHasItsCodeAndItsReason) {
    Hall hall;
    const Response nowhere = hall.said(hall.ask("coap://nowhere.example/"));
    EXPECT_EQ(nowhere.code, Code::bad_gateway);
    EXPECT_EQ(nowhere.payload, testing::text("no such host"));
    EXPECT_EQ(hall.said(hall.ask("coap://[2001:db8::bad]/")).code, Code::proxying_not_supported);
    EXPECT_EQ(hall.said(hall.ask("coap://[ff02::fd]/")).code, Code::proxying_not_supported);
    EXPECT_EQ(hall.said(hall.ask("http://forbidden.example/")).code, Code::forbidden);
    EXPECT_EQ(hall.said(hall.ask("ftp://h/")).code, Code::proxying_not_supported);
    RequestArrived unsafe = Hall::by_uri("coap://h/");
    unsafe.options.add(OptionNumber{66}, {});
    EXPECT_EQ(hall.said(hall.ask(unsafe)).code, Code::bad_option);  // [RFC 7252 §5.7.1]
    unsafe.multicast = true;
    hall.ask(unsafe);
    EXPECT_EQ(hall.declined.size(), 1u);
    ProxyOptions options;
    options.forward = false;
    Hall closed(options);
    EXPECT_EQ(closed.said(closed.ask("coap://h/")).code, Code::proxying_not_supported);
}

TEST(ProxyRoutes, ARequestToTheProxyItselfIsALocalOne) {  // [RFC 7252 §5.7.2]
    Hall hall;
    hall.ask("coap://[2001:db8::1]/a/b?c=d");
    ASSERT_EQ(hall.locals.size(), 1u);
    const RequestArrived& request = hall.locals.front().request;
    EXPECT_FALSE(request.options.has(OptionNumber::proxy_uri));
    EXPECT_TRUE(request.options.path_is("/a/b"));
    EXPECT_EQ(request.options.text(OptionNumber::uri_query), "c=d");
    RequestArrived critical{.peer = client};
    critical.options.add(OptionNumber{65}, {});  // safe to forward, but nobody forwards it
    EXPECT_EQ(hall.said(hall.ask(critical)).code, Code::bad_option);
    EXPECT_EQ(hall.proxy.stats().local, 1u);
}

// ---- reverse [RFC 7252 §5.7.3] -----------------------------------------------------------------

RequestArrived by_path(std::string_view path, Code method = Code::get) {
    RequestArrived request{.peer = client, .method = method, .token = Token("9a"_hex)};
    request.options.add_path(path);
    return request;
}

ProxyOptions reverse_options() {
    ProxyOptions options;
    options.reverse = {{"/nodes/{address}", "coap://[{address}]"},
                       {"/lamp", "coaps://[fd00:ca5e::9]/actuators/lamp"},
                       {"/web", "http://www.example/api/"},
                       {"/me", "coap://[2001:db8::1]/"}};
    return options;
}

TEST(ProxyReverse, PathsStandForTargets) {
    Hall hall(reverse_options());
    RequestArrived request = by_path("/nodes/fd00:ca5e::7/sensors/temp");
    request.options.add_text(OptionNumber::uri_query, "u=k");
    hall.ask(request);
    Request onward = hall.sent();
    EXPECT_EQ(onward.peer, node);
    EXPECT_TRUE(onward.options.path_is("/sensors/temp"));
    EXPECT_EQ(onward.options.text(OptionNumber::uri_query), "u=k");
    hall.ask(by_path("/lamp/hue"));
    onward = hall.sent();
    EXPECT_EQ(onward.peer.transport, Transport::dtls);
    EXPECT_TRUE(onward.options.path_is("/actuators/lamp/hue"));
    RequestArrived web = by_path("/web/a b");
    web.options.add_text(OptionNumber::uri_query, "x=1");
    hall.ask(web);
    EXPECT_EQ(hall.fetched().url.to_text(), "http://www.example/api/a%20b?x=1");
    hall.ask(by_path("/other"));
    EXPECT_EQ(hall.locals.size(), 1u);
}

TEST(ProxyReverse, ItIsNoProxyToItsClients) {
    Hall hall(reverse_options());
    for (const char* path : {"/nodes/2001:db8::bad/x", "/nodes/not-an-address]/x", "/nodes/a/b"}) {
        const ExchangeId id = hall.ask(by_path(path));
        if (hall.answers.empty()) continue;  // "coap://[a]" is no URI, and so on
        EXPECT_EQ(hall.said(id).code, Code::not_found) << path;
    }
    EXPECT_TRUE(hall.requests.empty());
    // What stands for the proxy itself would go round for ever.
    const Response loop = hall.said(hall.ask(by_path("/me")));
    EXPECT_EQ(loop.code, Code::hop_limit_reached);
    EXPECT_EQ(hall.proxy.stats().loops, 1u);
}

TEST(ProxyReverse, LinksAndLocationsAreSeenFromHere) {
    Hall hall(reverse_options());
    const ExchangeId id = hall.ask(by_path("/nodes/fd00:ca5e::7/.well-known/core"));
    Response links{.payload = testing::text("</t>;rt=\"temp\",</>;anchor=\"/x\",<coap://h/y>")};
    links.options.add_uint(OptionNumber::content_format, 40);
    hall.reply(hall.sent(), links);
    EXPECT_EQ(as_text(hall.said(id).payload),
              "</nodes/fd00:ca5e::7/t>;rt=\"temp\",</nodes/fd00:ca5e::7/>;"
              "anchor=\"/nodes/fd00:ca5e::7/x\",<coap://h/y>");
    // The cache has them as the target said them.
    const ExchangeId direct = hall.ask("coap://[fd00:ca5e::7]/.well-known/core");
    EXPECT_TRUE(as_text(hall.said(direct).payload).starts_with("</t>;"));

    for (const auto& [location, seen] :
         {std::pair{"/actuators/lamp/7", "/lamp/7"}, std::pair{"/elsewhere/7", ""}}) {
        const ExchangeId post = hall.ask(by_path("/lamp", Code::post));
        Response created{.code = Code::created};
        for (std::string_view rest = location; !rest.empty();) {
            rest.remove_prefix(1);
            const std::string_view segment = rest.substr(0, rest.find('/'));
            created.options.add_text(OptionNumber::location_path, segment);
            rest.remove_prefix(segment.size());
        }
        hall.reply(hall.sent(), created);
        std::string path;
        for (const Option option : hall.said(post).options)
            if (option.number == OptionNumber::location_path)
                path += "/" + std::string(option.as_text());
        EXPECT_EQ(path, seen);
    }
}

// ---- hops [RFC 8768] ---------------------------------------------------------------------------

TEST(ProxyHops, AreCountedDownAndInserted) {
    Hall hall;
    hall.ask("coap://h/a");
    EXPECT_EQ(hall.sent().options.uint(OptionNumber::hop_limit), 16u);  // [RFC 8768 §3]
    RequestArrived request = Hall::by_uri("coap://h/b");
    request.options.add_uint(OptionNumber::hop_limit, 5);
    hall.ask(request);
    EXPECT_EQ(hall.sent().options.uint(OptionNumber::hop_limit), 4u);
    for (const std::uint32_t bad : {0u, 256u}) {
        request.options.set_uint(OptionNumber::hop_limit, bad);
        EXPECT_EQ(hall.said(hall.ask(request)).code, Code::bad_request);
    }
    ProxyOptions options;
    options.hop_limit = 0;
    Hall quiet(options);
    quiet.ask("coap://h/a");
    EXPECT_FALSE(quiet.sent().options.has(OptionNumber::hop_limit));
}

TEST(ProxyHops, TheLastOneSaysWhoItWas) {  // [RFC 8768 §4]
    ProxyOptions options;
    options.name = "p7.example";
    Hall hall(options);
    RequestArrived request = Hall::by_uri("coap://h/b");
    request.options.add_uint(OptionNumber::hop_limit, 1);
    const Response reached = hall.said(hall.ask(request));
    EXPECT_EQ(reached.code, Code::hop_limit_reached);
    EXPECT_EQ(as_text(reached.payload), "p7.example");
    EXPECT_EQ(hall.proxy.stats().loops, 1u);

    const ExchangeId id = hall.ask("coap://h/c");
    hall.reply(hall.sent(),
               {.code = Code::hop_limit_reached, .payload = testing::text("p9.example")});
    EXPECT_EQ(as_text(hall.said(id).payload), "p7.example p9.example");
    const ExchangeId again = hall.ask("coap://h/c");
    hall.reply(hall.sent(), {.code = Code::hop_limit_reached,
                             .payload = testing::text("p9.example p7.example")});
    const Response refused = hall.said(again);  // "MUST NOT forward"
    EXPECT_EQ(refused.code, Code::bad_gateway);
    EXPECT_TRUE(refused.payload.empty());
}

TEST(ProxyHops, AProxyThatAsksItselfComesToAnEnd) {
    Hall hall;
    RequestArrived request = Hall::by_uri("coap://loop.example/");
    std::vector<ExchangeId> asked{hall.ask(request)};
    Code last{};
    for (int turns = 0; turns < 40 && hall.answers.empty(); ++turns) {
        // The router sends it back to where it came from.
        const Request onward = hall.sent();
        RequestArrived again = Hall::by_uri("coap://loop.example/");
        again.options.set_uint(OptionNumber::hop_limit,
                               *onward.options.uint(OptionNumber::hop_limit));
        again.options.add_uint(OptionNumber::accept, static_cast<std::uint32_t>(turns));
        asked.push_back(hall.ask(again));
    }
    ASSERT_FALSE(hall.answers.empty());
    last = hall.answers.front().response.code;
    EXPECT_EQ(last, Code::hop_limit_reached);
    EXPECT_EQ(asked.size(), 17u);
}

// ---- the cache, once more ----------------------------------------------------------------------

TEST(ProxyCache, AFetchIsKeptWithItsPayload) {  // [RFC 8132 §2]
    Hall hall;
    const auto fetch = [](std::string_view payload) {
        RequestArrived request = Hall::by_uri("coap://h/t", Code::fetch);
        request.payload = testing::text(payload);
        return request;
    };
    const ExchangeId first = hall.ask(fetch("a"));
    hall.reply(hall.sent(), "1");
    EXPECT_EQ(hall.said(first).payload, testing::text("1"));
    EXPECT_EQ(hall.said(hall.ask(fetch("a"))).payload, testing::text("1"));
    hall.ask(fetch("b"));
    EXPECT_EQ(hall.sent().payload, testing::text("b"));
    EXPECT_EQ(hall.proxy.stats().from_cache, 1u);
}

TEST(ProxyCache, WhatOscoreProtectsIsNobodyElses) {
    Hall hall;
    RequestArrived request = Hall::by_uri("coap://h/t", Code::fetch);
    request.options.add(OptionNumber::oscore, "09 01"_hex);
    const ExchangeId first = hall.ask(request);
    hall.ask(request);
    EXPECT_EQ(hall.requests.size(), 2u);
    const Request onward = hall.sent();
    EXPECT_TRUE(onward.options.has(OptionNumber::oscore));
    Response response{.payload = testing::text("cipher")};
    response.options.add(OptionNumber::oscore, {});
    hall.reply(onward, response);
    EXPECT_TRUE(hall.said(first).options.has(OptionNumber::oscore));
    hall.ask(request);
    EXPECT_EQ(hall.requests.size(), 2u);
}

TEST(ProxyCache, CanBePassedBy) {
    Hall hall;
    const ExchangeId first = hall.ask("coap://h/t");
    hall.reply(hall.sent(), "1");
    hall.said(first);
    const ExchangeId second = hall.ask(Hall::by_uri("coap://h/t"), {}, true);
    hall.reply(hall.sent(), "2");
    EXPECT_EQ(hall.said(second).payload, testing::text("2"));
    EXPECT_EQ(hall.said(hall.ask("coap://h/t")).payload, testing::text("2"));
}

TEST(ProxyCache, ACreatedResourceIsForgotten) {  // [RFC 7252 §5.9.1.1]
    Hall hall;
    const ExchangeId first = hall.ask("coap://h/t/1");
    hall.reply(hall.sent(), "old");
    hall.said(first);
    const ExchangeId post = hall.ask(Hall::by_uri("coap://h/t", Code::post));
    Response created{.code = Code::created};
    created.options.add_text(OptionNumber::location_path, "t");
    created.options.add_text(OptionNumber::location_path, "1");
    hall.reply(hall.sent(), created);
    hall.said(post);
    hall.ask("coap://h/t/1");
    EXPECT_EQ(hall.requests.size(), 1u);
}

TEST(ProxyCache, AnEntityTagOfOneClientIsNoAnswerForAnother) {
    Hall hall;
    RequestArrived request = Hall::by_uri("coap://h/t");
    request.options.add(OptionNumber::etag, "aa"_hex);
    const ExchangeId first = hall.ask(request);
    const ExchangeId second = hall.ask("coap://h/t");
    EXPECT_EQ(hall.requests.size(), 2u);
    Response valid{.code = Code::valid};
    valid.options.add(OptionNumber::etag, "aa"_hex);
    hall.reply(hall.sent(), valid);
    EXPECT_EQ(hall.said(first).code, Code::valid);
    hall.reply(hall.sent(), "1");
    EXPECT_EQ(hall.said(second).code, Code::content);
}

// ---- time and limits ---------------------------------------------------------------------------

TEST(ProxyLimits, ABackThatSaysNothingIsNotWaitedForForEver) {
    Hall hall;
    const ExchangeId id = hall.ask("coap://h/t");
    const Request onward = hall.sent();
    hall.pass(4min);
    EXPECT_EQ(hall.said(id).code, Code::gateway_timeout);
    ASSERT_EQ(hall.cancelled.size(), 1u);
    EXPECT_EQ(hall.cancelled.front().id, onward.id);
    EXPECT_EQ(hall.proxy.fetches(), 0u);
    EXPECT_EQ(hall.proxy.next_deadline(), never);
    hall.reply(onward, "late");  // and nothing comes of it
    EXPECT_TRUE(hall.answers.empty());
    EXPECT_EQ(hall.proxy.stats().late, 1u);
}

TEST(ProxyLimits, OneSilentTargetLeavesRoomForOthers) {
    ProxyOptions options;
    options.fetches_max = 5;
    options.fetches_per_target_max = 3;
    Hall hall(options);
    for (int i = 0; i < 3; ++i) hall.ask("coap://h/" + std::to_string(i));
    EXPECT_EQ(hall.said(hall.ask("coap://h/3")).code, Code::service_unavailable);
    hall.ask("coap://i/1");
    hall.ask("coap://j/1");
    EXPECT_EQ(hall.said(hall.ask("coap://k/1")).code, Code::service_unavailable);
    EXPECT_EQ(hall.proxy.stats().full, 2u);
    const Request first = hall.sent();
    hall.reply(first, "x");
    hall.answers.clear();
    hall.ask("coap://h/4");
    EXPECT_TRUE(hall.answers.empty());
}

TEST(ProxyLimits, WaitersObserversAndBodiesAreBounded) {
    ProxyOptions options;
    options.waiting_max = 2;
    options.observers_max = 1;
    options.body_octets_max = 10;
    Hall hall(options);
    hall.ask("coap://h/t");
    hall.ask("coap://h/t");
    EXPECT_EQ(hall.said(hall.ask("coap://h/t")).code, Code::service_unavailable);
    RequestArrived large = Hall::by_uri("coap://h/t", Code::put);
    large.payload.resize(11);
    EXPECT_EQ(hall.said(hall.ask(large)).code, Code::request_entity_too_large);
    hall.reply(hall.sent(), std::string(11, 'x'));
    EXPECT_EQ(hall.answers.size(), 2u);
    for (const Respond& answer : hall.answers) EXPECT_EQ(answer.response.code, Code::bad_gateway);
    hall.answers.clear();

    RequestArrived observing = Hall::by_uri("coap://h/o");
    observing.observe = true;
    const ExchangeId first = hall.ask(observing);
    hall.reply(hall.sent(), "1", true);
    EXPECT_TRUE(hall.said(first).observe);
    observing.token = Token("9b"_hex);
    EXPECT_FALSE(hall.said(hall.ask(observing)).observe);
    EXPECT_EQ(hall.proxy.stats().observers_refused, 1u);
    EXPECT_EQ(hall.proxy.stats().full, 2u);
}

TEST(ProxyLimits, AnObserverThatTheFrontForgotIsNotKept) {
    Hall hall;
    RequestArrived observing = Hall::by_uri("coap://h/o");
    observing.observe = true;
    hall.ask(observing);
    const Request relation = hall.sent();
    hall.reply(relation, "1", true);
    hall.answers.clear();
    hall.reply(relation, "2", true);
    ASSERT_EQ(hall.changed.size(), 1u);
    // A front that is still there asks what changed.
    observing.observe = false;
    observing.notification = true;
    const Response notification = hall.said(hall.ask(observing));
    EXPECT_EQ(notification.payload, testing::text("2"));
    EXPECT_TRUE(notification.observe);
    hall.pass(1h);
    EXPECT_EQ(hall.proxy.observers(), 1u);
    hall.reply(relation, "3", true);
    hall.pass(5min);
    EXPECT_EQ(hall.proxy.observers(), 0u);
    EXPECT_EQ(hall.cancelled.size(), 1u);
    EXPECT_EQ(hall.proxy.stats().observers_lost, 1u);
}

TEST(ProxyLimits, AnObserverGoneIsCancelledAtTheBack) {
    Hall hall;
    RequestArrived observing = Hall::by_uri("coap://h/o");
    observing.observe = true;
    hall.ask(observing, FrontId{1});
    const Request relation = hall.sent();
    hall.reply(relation, "1", true);
    hall.ask(observing, FrontId{2});
    EXPECT_EQ(hall.proxy.observers(), 2u);  // the same peer and token by another way is another
    hall.give(Proxy::FrontObserverGone{{client, observing.token}, FrontId{1}});
    EXPECT_TRUE(hall.cancelled.empty());
    hall.give(Proxy::FrontObserverGone{{client, observing.token}, FrontId{2}});
    ASSERT_EQ(hall.cancelled.size(), 1u);
    EXPECT_EQ(hall.cancelled.front().id, relation.id);
    hall.give(Proxy::FrontObserverGone{{client, observing.token}, FrontId{2}});
    EXPECT_EQ(hall.cancelled.size(), 1u);
}

// ---- to HTTP [RFC 7252 §10.1] ------------------------------------------------------------------

TEST(ProxyHttp, FetchesKeepsAndValidates) {
    Hall hall;
    const ExchangeId first = hall.ask("http://www.example:8080/t?a=%2B");
    const HttpFetch fetch = hall.fetched();
    EXPECT_EQ(fetch.method, "GET");
    EXPECT_EQ(fetch.url.to_text(), "http://www.example:8080/t?a=%2B");  // as it was written
    EXPECT_EQ(*find_header(fetch.headers, "via"), "CoAP/1 causeway");
    hall.give(HttpFetched{fetch.id,
                          200,
                          {{"Content-Type", "application/json"},
                           {"ETag", "\"a-long-entity-tag\""},
                           {"Cache-Control", "max-age=30"}},
                          "{}"});
    const Response response = hall.said(first);
    EXPECT_EQ(response.code, Code::content);
    EXPECT_EQ(response.options.uint(OptionNumber::content_format), 50u);
    EXPECT_EQ(response.options.uint(OptionNumber::max_age), 30u);
    const Octets tag = to_octets(*response.options.find(OptionNumber::etag));
    EXPECT_EQ(tag.size(), 8u);

    RequestArrived again = Hall::by_uri("http://www.example:8080/t?a=%2B");
    again.options.add(OptionNumber::etag, tag);
    EXPECT_EQ(hall.said(hall.ask(again)).code, Code::valid);  // from the cache
    hall.pass(31s);
    const ExchangeId third = hall.ask("http://www.example:8080/t?a=%2B");
    const HttpFetch validation = hall.fetched();
    EXPECT_EQ(*find_header(validation.headers, "If-None-Match"), "\"a-long-entity-tag\"");
    hall.give(HttpFetched{validation.id, 304, {{"Cache-Control", "max-age=60"}}, {}});
    EXPECT_EQ(hall.said(third).payload, testing::text("{}"));
    EXPECT_EQ(hall.proxy.stats().revalidated, 1u);
}

TEST(ProxyHttp, FailuresAreTheGateways) {
    Hall hall;
    const auto after = [&](HttpFailure reason) {
        const ExchangeId id = hall.ask("https://www.example/t");
        hall.give(HttpFailed{hall.fetched().id, reason});
        return hall.said(id).code;
    };
    EXPECT_EQ(after(HttpFailure::timeout), Code::gateway_timeout);
    EXPECT_EQ(after(HttpFailure::unreachable), Code::bad_gateway);
    EXPECT_EQ(after(HttpFailure::bad_response), Code::bad_gateway);
    EXPECT_EQ(after(HttpFailure::busy), Code::service_unavailable);
    const ExchangeId id = hall.ask("https://www.example/t");
    hall.pass(4min);
    EXPECT_EQ(hall.said(id).code, Code::gateway_timeout);
    EXPECT_EQ(hall.fetches_cancelled.size(), 1u);
    RequestArrived fetch = Hall::by_uri("http://www.example/", Code::fetch);
    EXPECT_EQ(hall.said(hall.ask(fetch)).code, Code::not_implemented);
    RequestArrived critical = Hall::by_uri("http://www.example/");
    critical.options.add(OptionNumber{65}, {});
    EXPECT_EQ(hall.said(hall.ask(critical)).code, Code::bad_option);
}

TEST(ProxyHttp, AResponseOfAnotherKindIsIgnored) {
    Hall hall;
    hall.ask("http://www.example/t");
    hall.ask("coap://h/t");
    const HttpFetch fetch = hall.fetched();
    const Request onward = hall.sent();
    hall.give(ResponseArrived{.id = fetch.id});
    hall.give(HttpFetched{onward.id, 200, {}, {}});
    hall.give(HttpFetched{RequestId{99}, 200, {}, {}});
    EXPECT_TRUE(hall.answers.empty());
    EXPECT_EQ(hall.proxy.fetches(), 2u);
}

}  // namespace
}  // namespace causeway::coap::proxy_test
