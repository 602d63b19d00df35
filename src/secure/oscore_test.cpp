#include "secure/oscore.hpp"

#include "base/cbor.hpp"
#include "base/hex.hpp"
#include "secure/oscore_message.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace causeway::secure::oscore_test::oscore_test {
namespace {

using coap::Code;
using coap::Message;
using coap::Opened;
using coap::OptionNumber;
using Verdict = Opened::Verdict;

ContextConfig client_config(std::string name = "client") {
    return {.name = std::move(name),
            .master_secret = "0102030405060708090a0b0c0d0e0f10"_hex,
            .master_salt = "9e7ca92223786340"_hex,
            .sender_id = "c1"_hex,
            .recipient_id = "5e"_hex};
}

ContextConfig mirrored(ContextConfig config, std::string name = "server") {
    config.name = std::move(name);
    std::swap(config.sender_id, config.recipient_id);
    return config;
}

Message get(std::string_view path = "/valve") {
    Message message;
    message.code = Code::get;
    message.id = 7;
    message.token.assign("1234"_hex);
    message.options.add_path(path);
    return message;
}

Message content(std::string_view text = "open") {
    Message message;
    message.code = Code::content;
    message.payload = to_octets(as_octets(text));
    return message;
}

std::string words(const Message& message) {
    return std::string(as_text(message.payload));
}

/// One end, with what it wants kept.
struct End {
    explicit End(ContextConfig config, const OscoreSettings& settings = {}, std::uint64_t seed = 1)
        : oscore(settings, Random(seed)) {
        auto added = oscore.add(std::move(config));
        CAUSEWAY_ASSERT(added.has_value());
        peer.context = *added;
        drain();
    }
    ~End() { EXPECT_TRUE(oscore.stats().balanced()); }

    void drain() {
        while (auto save = oscore.poll_output()) {
            stored[save->name] = save->state;
            ++saves;
        }
    }
    Opened open(Message& message) { return oscore.open_request({}, {}, message); }
    std::optional<Message> seal(const Message& message, coap::Binding& binding) {
        auto sealed = oscore.protect_request({}, peer, message, binding);
        drain();
        return sealed;
    }
    std::optional<Message> answer(const Message& message, const coap::Binding& binding,
                                  bool notification = false) {
        auto sealed = oscore.protect_response({}, peer, message, binding, notification);
        drain();
        return sealed;
    }
    bool take(Message& message, const coap::Binding& binding) {
        return oscore.open_response({}, peer, message, binding);
    }

    Oscore oscore;
    coap::Peer peer;
    std::map<std::string, Octets> stored;
    std::size_t saves = 0;
};

struct Pair {
    explicit Pair(const OscoreSettings& settings = {})
        : client(client_config(), settings), server(mirrored(client_config()), settings) {}

    Message sealed(const Message& message = get()) { return client.seal(message, binding).value(); }
    /// A whole exchange; the text that came back.
    std::string exchange() {
        Message message = sealed();
        const Opened opened = server.open(message);
        if (opened.verdict != Verdict::opened) return "refused";
        Message reply = server.answer(content(), opened.binding).value();
        return client.take(reply, binding) ? words(reply) : "dropped";
    }

    End client;
    End server;
    coap::Binding binding;  // of the client's last request
};

Octets option_of(const Message& message) {
    return to_octets(message.options.find(OptionNumber::oscore).value());
}

// ---- requests and responses --------------------------------------------------------------------

TEST(Oscore, ARequestAndItsResponseGoThereAndBack) {  // [RFC 8613 §8]
    Pair pair;
    Message message = pair.sealed();
    EXPECT_EQ(message.code, Code::post);  // [RFC 8613 §4.2]
    EXPECT_FALSE(message.options.has(OptionNumber::uri_path));
    const Opened opened = pair.server.open(message);
    ASSERT_EQ(opened.verdict, Verdict::opened);
    EXPECT_EQ(message, get());
    EXPECT_EQ(pair.server.oscore.facts(opened.context)->name, "server");

    Message reply = pair.server.answer(content(), opened.binding).value();
    EXPECT_EQ(reply.code, Code::changed);
    EXPECT_EQ(option_of(reply), Octets{});  // [RFC 8613 §2]
    EXPECT_TRUE(pair.client.take(reply, pair.binding));
    EXPECT_EQ(reply, content());
}

TEST(Oscore, EveryAlgorithmAndHashServes) {  // [RFC 8613 §3.2]
    using enum crypto::AeadAlgorithm;
    for (const auto aead : {a128gcm, a256gcm, aes_ccm_16_64_128, aes_ccm_64_64_128,
                            chacha20_poly1305, aes_ccm_16_128_128}) {
        for (const auto hash : {crypto::Hash::sha256, crypto::Hash::sha384, crypto::Hash::sha512}) {
            ContextConfig config = client_config();
            config.aead = aead;
            config.hash = hash;
            End client(config);
            End server(mirrored(config));
            coap::Binding binding;
            Message message = client.seal(get(), binding).value();
            EXPECT_EQ(server.open(message).verdict, Verdict::opened) << name_of(aead);
        }
    }
}

TEST(Oscore, AMessageWithoutTheOptionIsLeftAsItIs) {
    Pair pair;
    Message message = get();
    EXPECT_EQ(pair.server.open(message).verdict, Verdict::plain);
    EXPECT_EQ(message, get());
}

TEST(Oscore, EveryErrorHasItsCodeAndIsNotCached) {  // [RFC 8613 §7.4, §8.2]
    Pair pair;
    const auto refusal = [&](Message message, Code code, std::string_view text) {
        const Opened opened = pair.server.open(message);
        EXPECT_EQ(opened.verdict, Verdict::refused) << text;
        EXPECT_EQ(opened.error, code) << text;
        ASSERT_TRUE(opened.reply);
        EXPECT_EQ(opened.reply->code, code);
        EXPECT_EQ(words(*opened.reply), text);
        EXPECT_EQ(opened.reply->options.uint(OptionNumber::max_age), 0u);
        EXPECT_FALSE(opened.reply->options.has(OptionNumber::oscore));
    };
    const Message good = pair.sealed();
    const auto with_option = [&](std::string_view hex) {
        Message message = good;
        message.options.set(OptionNumber::oscore, from_hex(hex).value());
        return message;
    };
    const std::string_view cose = "Failed to decode COSE";
    refusal(with_option("e9 00 c1"), Code::bad_option, cose);         // reserved flags
    refusal(with_option("0e 000000000000"), Code::bad_option, cose);  // a reserved length
    refusal(with_option(""), Code::bad_option, cose);                 // neither kid nor Partial IV
    refusal(with_option("08 c1"), Code::bad_option, cose);
    refusal(with_option("01 00"), Code::bad_option, cose);
    Message twice = good;
    twice.options.add(OptionNumber::oscore, "0900c1"_hex);
    refusal(twice, Code::bad_option, cose);
    Message empty = good;
    empty.payload.clear();  // "SHALL treat it as malformed and reject it" [RFC 8613 §2]
    refusal(empty, Code::bad_option, cose);
    EXPECT_EQ(pair.server.oscore.stats().malformed, 7u);

    refusal(with_option("09 00 c2"), Code::unauthorized, "Security context not found");
    refusal(with_option("19 00 01 aa c1"), Code::unauthorized, "Security context not found");
    EXPECT_EQ(pair.server.oscore.stats().context_unknown, 2u);

    Message forged = good;
    forged.payload.back() ^= std::byte{1};
    refusal(forged, Code::bad_request, "Decryption failed");
    refusal(with_option("09 01 c1"), Code::bad_request, "Decryption failed");
    Message shorter = good;
    shorter.payload.resize(8);
    refusal(shorter, Code::bad_request, "Decryption failed");
    EXPECT_EQ(pair.server.oscore.stats().undecryptable, 3u);

    Message once = good;
    EXPECT_EQ(pair.server.open(once).verdict, Verdict::opened) << "what failed has used up nothing";
    refusal(good, Code::unauthorized, "Replay detected");
    EXPECT_EQ(pair.server.oscore.stats().replayed, 1u);
}

TEST(Oscore, ErrorsCanBeKeptWordless) {  // [RFC 8613 Appendix D.5.3]
    End server(mirrored(client_config()), {.diagnostics = false});
    Pair other;
    Message message = other.sealed();
    message.options.set(OptionNumber::oscore, "0900c2"_hex);
    EXPECT_TRUE(server.open(message).reply->payload.empty());
}

TEST(Oscore, AWrongKeyOpensNothing) {
    ContextConfig config = client_config();
    config.master_secret[0] ^= std::byte{1};
    End stranger(config);
    Pair pair;
    coap::Binding binding;
    Message message = stranger.seal(get(), binding).value();
    EXPECT_EQ(pair.server.open(message).verdict, Verdict::refused);
    Message genuine = pair.sealed();
    const Opened opened = pair.server.open(genuine);
    Message reply = pair.server.answer(content(), opened.binding).value();
    EXPECT_FALSE(stranger.take(reply, pair.binding));
    EXPECT_EQ(stranger.oscore.stats().responses_undecryptable, 1u);
}

TEST(Oscore, AResponseIsBoundToItsRequest) {  // [RFC 8613 §7.1]
    Pair pair;
    Message first = pair.sealed();
    const coap::Binding first_binding = pair.binding;
    Message second = pair.sealed();
    const Opened opened = pair.server.open(first);
    pair.server.open(second);
    for (const bool own_number : {false, true}) {
        const Message reply = pair.server.answer(content(), opened.binding, own_number).value();
        Message wrong = reply;
        EXPECT_FALSE(pair.client.take(wrong, pair.binding));
        Message right = reply;
        EXPECT_TRUE(pair.client.take(right, first_binding));
    }
}

TEST(Oscore, ARequestIsNoResponseAndNoneComesBackAsARequest) {
    Pair pair;
    Message request = pair.sealed();
    Message reflected = request;
    EXPECT_EQ(pair.client.open(reflected).verdict, Verdict::refused);
    EXPECT_FALSE(pair.client.take(request, pair.binding));
}

TEST(Oscore, UnprotectedErrorsPassAndUnprotectedSuccessDoesNot) {  // [RFC 8613 §2, §8.4]
    Pair pair;
    pair.sealed();
    Message error;
    error.code = Code::unauthorized;
    EXPECT_TRUE(pair.client.take(error, pair.binding));
    error.code = Code::gateway_timeout;
    EXPECT_TRUE(pair.client.take(error, pair.binding));
    Message success = content();
    EXPECT_FALSE(pair.client.take(success, pair.binding));
    EXPECT_EQ(pair.client.oscore.stats().responses_plain, 2u);
    EXPECT_EQ(pair.client.oscore.stats().responses_unprotected, 1u);
}

TEST(Oscore, MalformedResponsesAreDropped) {  // [RFC 8613 §8.4 step 2]
    Pair pair;
    Message request = pair.sealed();
    const Opened opened = pair.server.open(request);
    const Message good = pair.server.answer(content(), opened.binding).value();
    for (const std::string_view hex : {"06", "20", "0107ff", "0a"}) {
        Message message = good;
        message.options.set(OptionNumber::oscore, from_hex(hex).value());
        EXPECT_FALSE(pair.client.take(message, pair.binding)) << hex;
    }
    Message empty = good;
    empty.payload.clear();
    EXPECT_FALSE(pair.client.take(empty, pair.binding));
    EXPECT_EQ(pair.client.oscore.stats().responses_malformed, 5u);
    Message message = good;
    message.options.set(OptionNumber::oscore, "00"_hex);  // what some send for "empty"
    EXPECT_TRUE(pair.client.take(message, pair.binding));
}

TEST(Oscore, ANonceOfARequestServesOneResponseOnly) {  // [RFC 8613 §7.2, Appendix D.4]
    Pair pair;
    Message request = pair.sealed();
    const Opened opened = pair.server.open(request);
    std::vector<Octets> options;
    for (int i = 0; i < 3; ++i) {
        Message reply = pair.server.answer(content("answer"), opened.binding).value();
        options.push_back(option_of(reply));
        EXPECT_TRUE(pair.client.take(reply, pair.binding));
    }
    EXPECT_EQ(options, (std::vector{Octets{}, "0100"_hex, "0101"_hex}));
    // Nor can the nonce of a request be used that was never received.
    const coap::Binding invented("09"_hex);
    EXPECT_EQ(option_of(pair.server.answer(content(), invented).value()), "0102"_hex);
}

TEST(Oscore, ContentThatItsSenderGotWrongIsAnsweredUnderProtection) {  // [RFC 8613 §8.3]
    const ContextConfig config = client_config();
    const OscoreContext sender(config, OscoreKeys::derive(config), 64);
    End server(mirrored(client_config()));
    End client(client_config());
    std::uint64_t number = 0;
    for (const std::string_view plaintext :
         {"01b3747631ff", "01f0", "45", "00", "01b37476", "01900131"}) {
        const PartialIv piv = partial_iv_of(number++);
        Octets associated, scratch;
        sender.associated(associated, scratch, config.sender_id, piv.bytes());
        crypto::Aead aead(config.aead, OscoreKeys::derive(config).sender_key);
        Message message;
        message.code = Code::post;
        message.options.add(OptionNumber::oscore,
                            emitted(OscoreOption{.partial_iv = piv, .kid = config.sender_id}));
        message.payload = aead.seal(sender.sender_nonce(piv.bytes()).bytes(), associated,
                                    from_hex(plaintext).value())
                              .value();
        const Opened opened = server.open(message);
        EXPECT_EQ(opened.verdict, Verdict::refused) << plaintext;
        ASSERT_TRUE(opened.reply);
        Message reply = *opened.reply;
        EXPECT_TRUE(client.take(reply, coap::Binding(piv.bytes())));
        EXPECT_EQ(reply.code, Code::bad_request);
    }
    EXPECT_EQ(server.oscore.stats().inner_malformed, 6u);
}

// ---- which part is seen ------------------------------------------------------------------------

TEST(Oscore, OptionsAreEncryptedButForThoseThatProxiesNeed) {  // [RFC 8613 §4.1]
    Pair pair;
    Message message = get();
    for (const auto number : {OptionNumber::uri_host, OptionNumber::proxy_scheme})
        message.options.add_text(number, "name");
    message.options.add_uint(OptionNumber::uri_port, 5683);
    message.options.add_uint(OptionNumber::hop_limit, 16);
    for (const auto number : {OptionNumber::if_match, OptionNumber::etag, OptionNumber::uri_query,
                              OptionNumber::accept, OptionNumber::block1, OptionNumber::block2,
                              OptionNumber::size1, OptionNumber::no_response, OptionNumber::echo,
                              OptionNumber::request_tag, OptionNumber{65000}, OptionNumber{65001}})
        message.options.add(number, "01"_hex);
    Message sealed = pair.sealed(message);
    std::vector<unsigned> seen;
    for (const coap::Option option : sealed.options)
        seen.push_back(std::to_underlying(option.number));
    EXPECT_EQ(seen, (std::vector<unsigned>{3, 7, 9, 16, 39}));
    sealed.options.remove(OptionNumber::proxy_scheme);  // as a proxy does
    message.options.remove(OptionNumber::proxy_scheme);
    EXPECT_EQ(pair.server.open(sealed).verdict, Verdict::opened);
    EXPECT_EQ(sealed, message);
}

TEST(Oscore, WhatWasAddedOnTheWayIsDiscarded) {  // [RFC 8613 §8.2 step 1, §8.4 step 1]
    Pair pair;
    Message request = pair.sealed();
    for (const auto number : {OptionNumber::if_match, OptionNumber::observe, OptionNumber::echo,
                              OptionNumber::no_response, OptionNumber::max_age,
                              OptionNumber::block1, OptionNumber::uri_path, OptionNumber{65001}})
        request.options.add(number, "00"_hex);
    request.code = Code::put;
    const Opened opened = pair.server.open(request);
    EXPECT_EQ(opened.verdict, Verdict::opened);
    EXPECT_EQ(request, get());
    Message reply = pair.server.answer(content(), opened.binding).value();
    for (const auto number : {OptionNumber::etag, OptionNumber::uri_host, OptionNumber::edhoc})
        reply.options.add(number, "aa"_hex);
    reply.options.add_uint(OptionNumber::max_age, 9999);
    reply.code = Code::not_found;
    EXPECT_TRUE(pair.client.take(reply, pair.binding));
    EXPECT_EQ(reply, content());
}

TEST(Oscore, AProxyUriShowsTheProxyNoMoreThanItNeeds) {  // [RFC 8613 §4.1.3.3]
    struct Example {
        std::string_view uri, outer, path, query;
    };
    for (const Example& e :
         {Example{"coap://example.com/resource?q=1", "coap://example.com", "/resource", "q=1"},
          Example{"coaps://[2001:db8::1]:61616/a%20b/c", "coaps://[2001:db8::1]:61616", "/a b/c",
                  ""},
          Example{"http://server.url/orders?x&y=%26", "http://server.url", "/orders", "x"},
          Example{"coap://example.com", "coap://example.com", "/", ""}}) {
        Pair pair;
        Message message;
        message.code = Code::get;
        message.options.add_text(OptionNumber::proxy_uri, e.uri);
        message.options.add_uint(OptionNumber::hop_limit, 3);
        Message sealed = pair.sealed(message);
        EXPECT_EQ(sealed.options.text(OptionNumber::proxy_uri), e.outer);
        EXPECT_EQ(sealed.options.uint(OptionNumber::hop_limit), 3u);
        EXPECT_FALSE(sealed.options.has(OptionNumber::uri_path));
        // It is the proxy's, until that took the option off.
        Message passing = sealed;
        EXPECT_EQ(pair.server.open(passing).verdict, Verdict::plain);
        EXPECT_EQ(passing, sealed);
        EXPECT_EQ(pair.server.oscore.stats().passed_by, 1u);
        sealed.options.remove(OptionNumber::proxy_uri);
        EXPECT_EQ(pair.server.open(sealed).verdict, Verdict::opened);
        EXPECT_EQ(sealed.options.path(), e.path);
        EXPECT_EQ(sealed.options.text(OptionNumber::uri_query).value_or(""), e.query);
    }
}

TEST(Oscore, WhatCannotBeProtectedIsRefusedAndCounted) {  // [RFC 8613 §4.1.3.7]
    Pair pair;
    coap::Binding binding;
    Message nested = get();
    nested.options.add(OptionNumber::oscore, {});
    EXPECT_FALSE(pair.client.seal(nested, binding));
    for (const std::string_view uri : {"coap:x", "://x", "http://", "foo://a/%zz", "x://h/#f"}) {
        Message message;
        message.code = Code::get;
        message.options.add_text(OptionNumber::proxy_uri, uri);
        EXPECT_FALSE(pair.client.seal(message, binding)) << uri;
    }
    Message response = content();
    EXPECT_FALSE(pair.client.seal(response, binding));
    EXPECT_FALSE(pair.server.answer(get(), coap::Binding("00"_hex)));
    EXPECT_FALSE(pair.server.answer(content(), {}));
    EXPECT_FALSE(pair.server.answer(content(), coap::Binding("000000000000"_hex)));
    EXPECT_EQ(pair.client.oscore.stats().not_protectable, 7u);
    EXPECT_EQ(pair.server.oscore.stats().not_protectable, 3u);
}

TEST(Oscore, AMessageLargerThanOnePieceMayBeIsRefusedBothWays) {  // [RFC 8613 §4.1.3.4.2]
    Pair pair;
    End strict(mirrored(client_config()), {.unfragmented_octets_max = 100});
    coap::Binding binding;
    Message large = get();
    large.payload.resize(120);
    Message sealed = pair.client.seal(large, binding).value();
    EXPECT_EQ(strict.open(sealed).error, Code::request_entity_too_large);
    EXPECT_FALSE(strict.answer(large, binding));
    large.payload.resize(65535);
    EXPECT_FALSE(pair.client.seal(large, binding)) << "over what the nonce leaves of a length";
    EXPECT_EQ(strict.oscore.stats().too_large, 1u);
    EXPECT_EQ(pair.client.oscore.stats().too_large_to_protect, 1u);
}

// ---- the replay window -------------------------------------------------------------------------

TEST(Oscore, RequestsMayOvertakeEachOtherInsideTheWindow) {  // [RFC 8613 §7.4]
    for (const unsigned window : {1u, 32u, 64u}) {
        Pair pair({.replay_window = window});
        std::vector<Message> sent;
        for (int i = 0; i < 100; ++i) sent.push_back(pair.sealed());
        const auto open = [&](std::size_t i) {
            Message message = sent[i];
            return pair.server.open(message).verdict == Verdict::opened;
        };
        EXPECT_TRUE(open(99));
        for (std::size_t i = 0; i < 100; ++i)
            EXPECT_EQ(open(i), i < 99 && 99 - i < window) << window << ' ' << i;
        for (std::size_t i = 0; i < 100; ++i) EXPECT_FALSE(open(i));
        EXPECT_EQ(pair.server.oscore.stats().requests_opened, window);
    }
}

TEST(Oscore, AForgedNumberDoesNotMoveTheWindow) {
    Pair pair;
    Message forged = pair.sealed();
    forged.options.set(OptionNumber::oscore, "0dffffffffff c1"_hex);
    EXPECT_EQ(pair.server.open(forged).verdict, Verdict::refused);
    EXPECT_EQ(pair.exchange(), "open");
}

TEST(ReplayWindow, AgreesWithASetOfNumbers) {
    Random random(3);
    for (int round = 0; round < 50; ++round) {
        ReplayWindow window(64);
        std::set<std::uint64_t> seen;
        std::uint64_t highest = 0;
        for (int i = 0; i < 500; ++i) {
            const std::uint64_t jump = random.below(20) == 0 ? 200 : 6;
            const std::uint64_t back = random.below(80);
            const std::uint64_t number = highest + random.below(jump) >= back
                                             ? highest + random.below(jump) + 80 - back
                                             : highest;
            const bool expected = !seen.contains(number) && (seen.empty() || number + 64 > highest);
            EXPECT_EQ(window.verdict(number) == ReplayWindow::Verdict::fresh, expected);
            if (!expected) continue;
            window.received(number);
            seen.insert(number);
            highest = std::max(highest, number);
            EXPECT_TRUE(window.take_nonce(number));
            EXPECT_FALSE(window.take_nonce(number));
        }
    }
}

// ---- observation -------------------------------------------------------------------------------

Message registration(std::uint32_t value = 0) {
    Message message = get();
    message.options.add_uint(OptionNumber::observe, value);
    return message;
}

Message notification(std::uint32_t number, std::string_view text) {
    Message message = content(text);
    message.options.add_uint(OptionNumber::observe, number);
    return message;
}

struct Observing : Pair {
    Observing() {
        request = sealed(registration());
        outer = request;
        opened = server.open(request);
    }
    Message note(std::uint32_t number, std::string_view text, bool own_number = true) {
        return server.answer(notification(number, text), opened.binding, own_number).value();
    }
    /// The number the notification was given, or 0 when it was dropped.
    std::uint32_t take(Message message) {
        if (!client.take(message, binding)) return 0;
        return message.options.uint(OptionNumber::observe).value();
    }

    Message request, outer;
    Opened opened;
};

TEST(OscoreObserve, TheOptionIsInsideAndOutside) {  // [RFC 8613 §4.1.3.5]
    Observing o;
    EXPECT_EQ(o.outer.code, Code::fetch);
    EXPECT_EQ(o.outer.options.uint(OptionNumber::observe), 0u);
    EXPECT_EQ(o.request, registration());
    const Message note = o.note(77, "a");
    EXPECT_EQ(note.code, Code::content);
    EXPECT_EQ(note.options.uint(OptionNumber::observe), 77u);
    EXPECT_EQ(option_of(note).at(0), std::byte{1}) << "a Partial IV of its own";

    const Message cancel = o.sealed(registration(1));
    EXPECT_EQ(cancel.code, Code::fetch);
    EXPECT_EQ(cancel.options.uint(OptionNumber::observe), 1u);
}

TEST(OscoreObserve, AnObservationHoldsThoughAProxyHidIt) {  // [RFC 8613 §4.1.3.5.1]
    Pair pair;
    Message request = pair.sealed(registration());
    request.options.remove(OptionNumber::observe);
    EXPECT_EQ(pair.server.open(request).verdict, Verdict::opened);
    EXPECT_EQ(request, registration());
}

TEST(OscoreObserve, NotificationsComeInOrderAndOnce) {  // [RFC 8613 §4.1.3.5.2, §7.4.1]
    Observing o;
    const Message first = o.note(5, "0", false);
    const Message second = o.note(6, "1");
    const Message third = o.note(7, "2");
    EXPECT_EQ(option_of(first), Octets{});
    EXPECT_EQ(o.take(first), 1u);
    EXPECT_EQ(o.take(first), 0u) << "one without Partial IV is enough";
    EXPECT_EQ(o.take(third), 2u);
    EXPECT_EQ(o.take(second), 0u) << "older than what is known";
    EXPECT_EQ(o.take(third), 0u);
    EXPECT_EQ(o.client.oscore.stats().notifications_replayed, 3u);
}

TEST(OscoreObserve, TheOneWithoutPartialIvIsTheOldest) {  // [RFC 8613 §7.4.1]
    Observing o;
    const Message bare = o.note(5, "0", false);
    EXPECT_EQ(o.take(o.note(6, "1")), 1u);
    EXPECT_EQ(o.take(bare), 0u);
}

TEST(OscoreObserve, TheOuterNumberIsNotBelieved) {  // [RFC 8613 §4.1.3.5.2]
    Observing o;
    Message note = o.note(5, "0");
    note.options.set_uint(OptionNumber::observe, 9'000'000);
    EXPECT_EQ(o.take(note), 1u);
    Message bare = o.note(6, "1");
    bare.options.remove(OptionNumber::observe);
    EXPECT_EQ(o.take(bare), 2u);
}

TEST(OscoreObserve, ANotificationThatNobodyAskedForIsDropped) {  // [RFC 8613 §4.1.3.5.2]
    Pair pair;
    Message request = pair.sealed();
    const Opened opened = pair.server.open(request);
    Message note = pair.server.answer(notification(1, "x"), opened.binding, true).value();
    EXPECT_FALSE(pair.client.take(note, pair.binding));
    EXPECT_EQ(pair.client.oscore.stats().notifications_unasked, 1u);
}

TEST(OscoreObserve, AResponseWithoutTheOptionEndsIt) {
    Observing o;
    const Message late = o.note(1, "late");
    Message over = o.server.answer(content("gone"), o.opened.binding, true).value();
    EXPECT_TRUE(o.client.take(over, o.binding));
    EXPECT_EQ(o.take(late), 0u);
    EXPECT_EQ(o.client.oscore.stats().notifications_unasked, 1u);
}

TEST(OscoreObserve, TheOldestObservationGoesWhenThereAreTooMany) {
    Pair pair({.observations_max = 2});
    std::vector<std::pair<coap::Binding, coap::Binding>> bindings;  // of client and server
    const auto enrol = [&] {
        Message request = pair.sealed(registration());
        bindings.emplace_back(pair.binding, pair.server.open(request).binding);
    };
    const auto notes = [&](std::size_t i) {
        Message note = pair.server.answer(notification(1, "x"), bindings[i].second, true).value();
        return pair.client.take(note, bindings[i].first);
    };
    enrol();
    enrol();
    EXPECT_TRUE(notes(0));
    enrol();
    EXPECT_TRUE(notes(0));
    EXPECT_FALSE(notes(1)) << "the one not heard of for longest";
    EXPECT_TRUE(notes(2));
    EXPECT_EQ(pair.client.oscore.stats().observations_evicted, 1u);
}

// ---- sequence numbers --------------------------------------------------------------------------

TEST(Oscore, ANumberIsNeverUsedWithoutAReservation) {  // [RFC 8613 §7.5, Appendix B.1.1]
    OscoreSettings settings{.reserve_step = 10};
    Octets stored;
    std::set<std::uint64_t> used;
    Random random(5);
    for (int life = 0; life < 20; ++life) {
        ContextConfig config = client_config();
        config.state = stored;
        Oscore oscore(settings, Random(1));
        coap::Peer peer;
        peer.context = oscore.add(config).value();
        const auto drain = [&] {
            while (auto save = oscore.poll_output()) stored = save->state;
        };
        drain();
        const auto messages = random.below(25);
        for (std::uint64_t i = 0; i < messages; ++i) {
            coap::Binding binding;
            ASSERT_TRUE(oscore.protect_request({}, peer, get(), binding));
            EXPECT_TRUE(used.insert(sequence_of(binding.bytes())).second);
            drain();  // before the message leaves
        }
    }  // and the power goes off
    EXPECT_GT(used.size(), 100u);
}

TEST(Oscore, WritesAreFewerThanMessages) {  // [RFC 8613 Appendix B.1.1]
    End client(client_config(), {.reserve_step = 100});
    coap::Binding binding;
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(client.seal(get(), binding));
    EXPECT_EQ(client.saves, 10u);
    ContextConfig config = client_config();
    config.saved = false;
    End forgetful(config, {.reserve_step = 100});
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(forgetful.seal(get(), binding));
    EXPECT_EQ(forgetful.saves, 0u);
}

TEST(Oscore, ResponsesThatUseTheNonceOfTheRequestNeedNoNumber) {
    Pair pair({.reserve_step = 1});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(pair.exchange(), "open");
    EXPECT_EQ(pair.server.saves, 1u) << "the one of its beginning";
}

TEST(Oscore, AContextWhoseNumbersAreUsedUpSaysNothingMore) {  // [RFC 8613 §7.2.1]
    ContextConfig config = client_config();
    config.sender_sequence = sequence_max - 1;
    End client(config);
    End server(mirrored(client_config()));
    coap::Binding binding;
    EXPECT_TRUE(client.seal(get(), binding));
    Message last = client.seal(get(), binding).value();
    EXPECT_EQ(to_hex(binding.bytes()), "ffffffffff");
    EXPECT_EQ(server.open(last).verdict, Verdict::opened);
    EXPECT_FALSE(client.seal(get(), binding));
    // Nor as a server, with the nonces of others.
    Message request = server.seal(get(), binding).value();
    const Opened opened = client.open(request);
    EXPECT_EQ(opened.verdict, Verdict::opened);
    EXPECT_FALSE(client.answer(content(), opened.binding));
    EXPECT_EQ(client.oscore.stats().exhausted, 2u);

    // And it stays so after a restart.
    ContextConfig again = client_config();
    again.state = client.stored.at("client");
    End reborn(again);
    EXPECT_FALSE(reborn.seal(get(), binding));
}

// ---- restarts ----------------------------------------------------------------------------------

struct Restarted : Pair {
    /// The server loses its power: what was stored is what is left.
    explicit Restarted(std::size_t exchanges = 3) {
        for (std::size_t i = 0; i < exchanges; ++i) {
            old.push_back(sealed());
            Message message = old.back();
            server.open(message);
        }
        ContextConfig config = mirrored(client_config());
        config.state = server.stored.at("server");
        reborn.emplace(config, OscoreSettings{}, 99);
    }
    /// The value of Echo in a 4.01, as the client reads it; empty when it is anything else.
    Octets echo_of(const Opened& opened, const coap::Binding& of) {
        if (opened.verdict != Verdict::refused || !opened.reply) return {};
        Message reply = *opened.reply;
        EXPECT_EQ(option_of(reply).at(0), std::byte{2}) << "it has a Partial IV of its own";
        if (!client.take(reply, of) || reply.code != Code::unauthorized) return {};
        EXPECT_TRUE(reply.payload.empty());
        return to_octets(reply.options.find(OptionNumber::echo).value_or(Bytes{}));
    }
    Octets ask() {
        Message message = sealed();
        return echo_of(reborn->open(message), binding);
    }
    Message with_echo(Bytes value) {
        Message message = get();
        message.options.add(OptionNumber::echo, value);
        return sealed(message);
    }

    std::vector<Message> old;
    std::optional<End> reborn;
};

TEST(OscoreRestart, TheFirstRequestIsAskedForEchoAndTheSecondIsHeard) {  // [RFC 8613 B.1.2]
    Restarted r;
    const Octets echo = r.ask();
    EXPECT_EQ(echo.size(), 8u);
    Message second = r.with_echo(echo);
    EXPECT_EQ(r.reborn->open(second).verdict, Verdict::opened);
    Message third = r.sealed();
    EXPECT_EQ(r.reborn->open(third).verdict, Verdict::opened);
    EXPECT_EQ(r.reborn->oscore.stats().echo_asked, 1u);
    EXPECT_EQ(r.reborn->oscore.stats().windows_synchronised, 1u);
}

TEST(OscoreRestart, OldRequestsAreHeardNeitherBeforeNorAfter) {  // [RFC 8613 §7.5]
    Restarted r;
    for (const Message& old : r.old) {
        Message message = old;
        EXPECT_EQ(r.reborn->open(message).verdict, Verdict::refused);
    }
    Message synchronising = r.with_echo(r.ask());
    EXPECT_EQ(r.reborn->open(synchronising).verdict, Verdict::opened);
    for (const Message& old : r.old) {
        Message message = old;
        EXPECT_EQ(r.reborn->open(message).verdict, Verdict::refused);
    }
    Message again = r.sealed();
    Message replay = again;
    EXPECT_EQ(r.reborn->open(again).verdict, Verdict::opened);
    EXPECT_EQ(r.reborn->open(replay).error, Code::unauthorized);
    EXPECT_EQ(r.reborn->oscore.stats().replayed, 1u);
}

TEST(OscoreRestart, AStaleOrWrongEchoIsRefusedAndCounted) {  // [RFC 9175 §2.3]
    Restarted first;
    const Octets stale = first.ask();
    Restarted r;
    ContextConfig config = mirrored(client_config());
    config.state = r.reborn->stored.at("server");
    r.reborn.emplace(config, OscoreSettings{}, 100);  // once more
    for (const Octets& wrong : {stale, Octets(8), Octets{}, Octets(40), "01"_hex}) {
        Message message = r.with_echo(wrong);
        EXPECT_EQ(r.echo_of(r.reborn->open(message), r.binding).size(), 8u) << "asked anew";
    }
    EXPECT_EQ(r.reborn->oscore.stats().echo_stale, 5u);
    EXPECT_EQ(r.reborn->oscore.stats().requests_opened, 0u);
}

TEST(OscoreRestart, RequestsThatCrossEachOtherAreAllHeardInTheEnd) {
    Restarted r;
    const Octets echo = r.ask();
    EXPECT_EQ(r.ask(), echo) << "one question for all of them";
    Message a = r.with_echo(echo);
    const Message late = r.sealed();
    Message b = r.with_echo(echo);
    EXPECT_EQ(r.reborn->open(b).verdict, Verdict::opened);
    Message again = a;
    EXPECT_EQ(r.reborn->open(a).verdict, Verdict::opened) << "overtaken, and shown to be fresh";
    EXPECT_EQ(r.reborn->open(again).error, Code::unauthorized);
    EXPECT_EQ(r.reborn->oscore.stats().replayed, 1u);
    Message unproven = late;
    EXPECT_EQ(r.reborn->open(unproven).verdict, Verdict::refused);
    EXPECT_EQ(r.reborn->oscore.stats().echo_asked, 3u) << "overtaken, and not shown to be fresh";
}

TEST(OscoreRestart, ItsNumbersDoNotMeetThoseOfBefore) {  // [RFC 8613 Appendix B.1.1]
    Restarted r;
    Message message = r.sealed();
    const Opened opened = r.reborn->open(message);
    EXPECT_EQ(to_hex(option_of(*opened.reply)), "021000");  // 4096 were reserved
}

TEST(OscoreRestart, ACloseInGoodOrderKeepsTheWindow) {  // [RFC 8613 §7.5]
    Pair pair;
    const Message early = pair.sealed();
    EXPECT_EQ(pair.exchange(), "open");
    const Message replay = pair.sealed();
    Message heard = replay;
    EXPECT_EQ(pair.server.open(heard).verdict, Verdict::opened);
    pair.server.oscore.close();
    pair.server.drain();
    Message late = pair.sealed();
    EXPECT_EQ(pair.server.open(late).verdict, Verdict::refused) << "closed";

    ContextConfig config = mirrored(client_config());
    config.state = pair.server.stored.at("server");
    End reborn(config);
    Message message = replay;
    EXPECT_EQ(reborn.open(message).error, Code::unauthorized);
    EXPECT_EQ(reborn.oscore.stats().replayed, 1u);
    message = pair.sealed();
    EXPECT_EQ(reborn.open(message).verdict, Verdict::opened);
    message = early;
    EXPECT_EQ(reborn.open(message).verdict, Verdict::opened) << "it was never received";

    // That state was good for one start only.
    config.state = reborn.stored.at("server");
    End crashed(config);
    message = pair.sealed();
    EXPECT_EQ(crashed.open(message).verdict, Verdict::refused);
    EXPECT_EQ(crashed.oscore.stats().echo_asked, 1u);
}

TEST(OscoreRestart, AContextThatNeverHeardAnythingClosesWithAnOpenWindow) {
    Pair pair;
    pair.server.oscore.close();
    pair.server.drain();
    ContextConfig config = mirrored(client_config());
    config.state = pair.server.stored.at("server");
    End reborn(config);
    Message message = pair.sealed();
    EXPECT_EQ(reborn.open(message).verdict, Verdict::opened);
}

TEST(OscoreRestart, AStateThatIsNotItsOwnIsRefused) {
    Pair pair;
    const auto added = [&](Octets state) {
        Oscore oscore({}, Random(1));
        ContextConfig config = mirrored(client_config());
        config.state = std::move(state);
        const auto result = oscore.add(config);
        return result ? std::string("added") : std::string(name_of(result.error()));
    };
    const Octets good = pair.server.stored.at("server");
    EXPECT_EQ(added(good), "added");
    EXPECT_EQ(added(pair.client.stored.at("client")), "bad_state") << "that of other keys";
    for (std::size_t n = 1; n < good.size(); ++n)
        EXPECT_EQ(added(Octets(good.begin(), good.begin() + std::ptrdiff_t(n))), "unusable_state");
    Octets longer = good;
    longer.push_back(std::byte{0});
    EXPECT_EQ(added(longer), "unusable_state");
    Octets excessive;
    CborReader in(good);
    in.expect_array(4);
    in.skip();
    CborWriter(excessive).array(4).uint(1).bytes(in.bytes()).uint(sequence_max + 2).null();
    EXPECT_EQ(added(excessive), "unusable_state");
    ContextConfig forgetful = mirrored(client_config());
    forgetful.state = good;
    forgetful.saved = false;
    EXPECT_EQ(Oscore({}, Random(1)).add(forgetful).error(), ContextFault::unusable_state);
}

// ---- contexts ----------------------------------------------------------------------------------

ContextConfig numbered(unsigned n, bool evictable = false) {
    ContextConfig config = client_config("number " + std::to_string(n));
    config.recipient_id = {std::byte(n >> 8), std::byte(n & 0xff)};
    config.master_secret.push_back(std::byte(n & 0xff));
    config.master_secret.push_back(std::byte(n >> 8));
    config.evictable = evictable;
    config.saved = !evictable;
    return config;
}

TEST(OscoreContexts, WhatWouldNotBeSafeIsRefused) {  // [RFC 8613 §3.3]
    Oscore oscore({}, Random(1));
    const auto fault = [&](auto&& change) {
        ContextConfig config = client_config();
        change(config);
        const auto added = oscore.add(config);
        return added ? std::string("added") : std::string(name_of(added.error()));
    };
    EXPECT_EQ(fault([](auto& c) { c.master_secret.clear(); }), "no_secret");
    EXPECT_EQ(fault([](auto& c) { c.sender_id = Octets(8); }), "id_too_long");
    EXPECT_EQ(fault([](auto& c) { c.recipient_id = Octets(8); }), "id_too_long");
    EXPECT_EQ(fault([](auto& c) { c.id_context = Octets(248); }), "id_too_long");
    EXPECT_EQ(fault([](auto& c) { c.recipient_id = c.sender_id; }), "same_ids");
    EXPECT_EQ(fault([](auto& c) { c.sender_sequence = sequence_max + 2; }), "unusable_state");
    EXPECT_EQ(fault([](auto&) {}), "added");
    EXPECT_EQ(fault([](auto&) {}), "duplicate");
    EXPECT_EQ(fault([](auto& c) { c.recipient_id = "77"_hex; }), "duplicate") << "one sender key";
    EXPECT_EQ(fault([](auto& c) { c.id_context = Octets(247); }), "added");
    EXPECT_EQ(fault([](auto& c) {
                  c.id_context = Octets{};
                  c.sender_id = Octets(7);
                  c.recipient_id = {};
              }),
              "added");
    EXPECT_EQ(oscore.stats().added, 3u);
    EXPECT_EQ(oscore.stats().add_refused, 8u);
}

TEST(OscoreContexts, TheLeastRecentlyUsedOfThoseThatMayGoGoes) {
    Oscore oscore({.contexts_max = 3}, Random(1));
    const auto fixed = oscore.add(numbered(1)).value();
    const auto a = oscore.add(numbered(2, true)).value();
    const auto b = oscore.add(numbered(3, true)).value();
    coap::Peer peer;
    peer.context = a;
    coap::Binding binding;
    EXPECT_TRUE(oscore.protect_request({}, peer, get(), binding));
    const auto c = oscore.add(numbered(4, true)).value();
    EXPECT_EQ(oscore.facts(b), nullptr);
    peer.context = b;
    EXPECT_FALSE(oscore.protect_request({}, peer, get(), binding));
    EXPECT_NE(oscore.facts(a), nullptr);
    EXPECT_TRUE(oscore.remove(a));
    EXPECT_FALSE(oscore.remove(a));
    EXPECT_TRUE(oscore.remove(c));
    EXPECT_TRUE(oscore.add(numbered(5)));
    EXPECT_TRUE(oscore.add(numbered(6)));
    EXPECT_EQ(oscore.add(numbered(7, true)).error(), ContextFault::table_full);
    EXPECT_NE(oscore.facts(fixed), nullptr);
    EXPECT_EQ(oscore.contexts(), 3u);
    EXPECT_EQ(oscore.stats().evicted, 1u);
    EXPECT_EQ(oscore.stats().without_context, 1u);
}

TEST(OscoreContexts, ThousandsComeAndGo) {
    Oscore oscore({.contexts_max = 50}, Random(1));
    std::set<std::uint32_t> numbers;
    for (unsigned n = 0; n < 3000; ++n) {
        const auto added = oscore.add(numbered(n, true));
        ASSERT_TRUE(added);
        EXPECT_TRUE(numbers.insert(*added).second);
        EXPECT_EQ(oscore.find(numbered(n).recipient_id), *added);
        EXPECT_FALSE(n >= 50 && oscore.find(numbered(n - 50).recipient_id));
    }
    EXPECT_EQ(oscore.contexts(), 50u);
}

/// Contexts that share a kid and differ in secret or ID Context.
ContextConfig alike(unsigned n, bool with_context) {
    ContextConfig config = client_config("number " + std::to_string(n));
    if (with_context)
        config.id_context = Octets{std::byte(n)};
    else
        config.master_secret.push_back(std::byte(n));
    return config;
}

TEST(OscoreContexts, ThoseOfOneKidAreTriedInTurn) {  // [RFC 8613 §3.3, §12.2]
    for (const bool with_context : {false, true}) {
        Oscore server({.tries_max = 4}, Random(1));
        for (unsigned n = 0; n < 4; ++n)
            ASSERT_TRUE(server.add(mirrored(alike(n, with_context), std::to_string(n))));
        for (unsigned n = 0; n < 4; ++n) {
            ContextConfig config = alike(n, with_context);
            config.send_id_context = false;
            End client(config);
            coap::Binding binding;
            Message message = client.seal(get(), binding).value();
            const Opened opened = server.open_request({}, {}, message);
            ASSERT_EQ(opened.verdict, Verdict::opened);
            EXPECT_EQ(server.facts(opened.context)->name, std::to_string(n));
        }
    }
}

TEST(OscoreContexts, ManyOfOneKidAreToldApartByTheirIdContext) {  // [RFC 8613 §5.1]
    Oscore server({.tries_max = 2}, Random(1));
    for (unsigned n = 0; n < 100; ++n)
        ASSERT_TRUE(server.add(mirrored(alike(n, true), std::to_string(n))));
    for (unsigned n = 0; n < 100; ++n) {
        End client(alike(n, true));
        coap::Binding binding;
        Message message = client.seal(get(), binding).value();
        EXPECT_EQ(server.open_request({}, {}, message).verdict, Verdict::opened) << n;
    }
    ASSERT_TRUE(server.add(mirrored(alike(0, false))));
    ASSERT_TRUE(server.add(mirrored(alike(1, false))));
    EXPECT_EQ(server.add(mirrored(alike(2, false))).error(), ContextFault::too_many_alike);
}

TEST(OscoreContexts, AStatedIdContextIsNotPassedOver) {  // [RFC 8613 §5]
    Oscore server({}, Random(1));
    ASSERT_TRUE(server.add(mirrored(client_config())));
    ContextConfig config = client_config();
    End client(config);
    coap::Binding binding;
    Message message = client.seal(get(), binding).value();
    message.options.set(OptionNumber::oscore, "190001aac1"_hex);
    EXPECT_EQ(server.open_request({}, {}, message).error, Code::unauthorized);
    EXPECT_EQ(server.stats().context_unknown, 1u);
}

TEST(OscoreContexts, AWholeRoleMayBeChanged) {  // [RFC 8613 §3.1]
    Pair pair;
    EXPECT_EQ(pair.exchange(), "open");
    coap::Binding binding;
    Message message = pair.server.seal(get(), binding).value();
    const Opened opened = pair.client.open(message);
    ASSERT_EQ(opened.verdict, Verdict::opened);
    Message reply = pair.client.answer(content("back"), opened.binding).value();
    EXPECT_TRUE(pair.server.take(reply, binding));
    EXPECT_EQ(words(reply), "back");
}

TEST(OscoreContexts, ASaveTellsNoSecret) {
    End client(client_config());
    const OscoreKeys keys = OscoreKeys::derive(client_config());
    const std::string state = to_hex(client.stored.at("client"));
    for (const Octets& secret : {keys.sender_key, keys.recipient_key, keys.common_iv})
        EXPECT_EQ(state.find(to_hex(Bytes(secret).first(6))), std::string::npos);
}

}  // namespace
}  // namespace causeway::secure::oscore_test::oscore_test
