#include "coap/stream.hpp"

#include "base/hex.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace causeway::coap::stream_test {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{std::chrono::seconds(1000)};

Message message_of(Code code, std::string_view token = {}, std::string_view payload = {}) {
    Message message;
    message.code = code;
    message.token = Token(as_octets(token));
    message.payload = to_octets(as_octets(payload));
    return message;
}

Message request(std::string_view token = "q") {
    Message message = message_of(Code::get, token);
    message.options.add_path("a");
    return message;
}

/// A signal with one option; numbers are the signal's own.
Message signal(Code code, std::uint16_t option, Bytes value, std::string_view token = {}) {
    Message message = message_of(code, token);
    message.options.add(OptionNumber{option}, value);
    return message;
}

/// One end, the time, and what it put out, sorted.
class End {
public:
    explicit End(StreamConfig config = {}) : connection(config, now), framing(config.framing) {
        collect();
    }

    void hear(const Message& message) { hear(framed(message, framing)); }
    void hear(Bytes octets) {
        connection.received(now, octets);
        collect();
        EXPECT_TRUE(connection.stats().balanced());
        EXPECT_LE(connection.buffered(), connection.config().message_octets_max);
    }
    /// The peer's CSM is over with.
    End& settle() {
        hear(message_of(Code::csm));
        sent.clear();
        learnt.clear();
        return *this;
    }
    bool say(const Message& message) {
        const bool said = connection.send(now, message);
        collect();
        return said;
    }
    void pass(Duration span) {
        const Instant until = now + span;
        for (int steps = 0; connection.next_deadline() <= until; ++steps) {
            ASSERT_LT(steps, 1000);
            now = std::max(now, connection.next_deadline());
            connection.handle_timeout(now);
            collect();
        }
        now = until;
    }
    void collect() {
        while (auto out = connection.poll_output()) {
            std::visit(Overloaded{
                           [&](SendOctets& o) { sent.push_back(std::move(o.octets)); },
                           [&](MessageArrived& o) { arrived.push_back(std::move(o.message)); },
                           [&](SettingsLearnt& o) { learnt.push_back(o); },
                           [&](PongArrived& o) { pongs.push_back(o); },
                           [&](Released& o) { released.push_back(std::move(o)); },
                           [&](Close& o) { closed.push_back(std::move(o)); },
                       },
                       *out);
        }
    }
    /// The one message sent since the last look.
    Message said() {
        EXPECT_EQ(sent.size(), 1u);
        if (sent.empty()) return {};
        const Octets octets = std::move(sent.front());
        sent.pop_front();
        const auto header = FrameHeader::parse(octets, framing);
        EXPECT_TRUE(header.has_value());
        return parse_frame(*header, octets).value();
    }
    std::optional<CloseReason> end() const {
        EXPECT_LE(closed.size(), 1u);
        return closed.empty() ? std::nullopt : std::optional(closed.front().reason);
    }
    /// An Abort was the last that was said; its Bad-CSM-Option, if any.
    std::optional<std::uint32_t> aborted() {
        const Message message = said();
        EXPECT_EQ(message.code, Code::abort);
        EXPECT_FALSE(message.payload.empty());  // "SHOULD be included" [RFC 8323 §5.6]
        EXPECT_EQ(connection.next_deadline(), never);
        return message.options.uint(OptionNumber{2});
    }

    Instant now = start;
    StreamConnection connection;
    Framing framing;
    std::deque<Octets> sent;
    std::deque<Message> arrived;
    std::deque<SettingsLearnt> learnt;
    std::deque<PongArrived> pongs;
    std::deque<Released> released;
    std::deque<Close> closed;
};

// ---- frames ------------------------------------------------------------------------------------

TEST(StreamFrame, IsWhatTheFiguresShow) {  // [RFC 8323 §3.2 figure 5, §5.7 figures 11 and 12]
    EXPECT_EQ(framed(message_of(Code::valid, "\x7f"), Framing::tcp), "01 43 7f"_hex);
    EXPECT_EQ(framed(message_of(Code::ping, "\x42"), Framing::tcp), "01 e2 42"_hex);
    EXPECT_EQ(framed(message_of(Code::pong, "\x42"), Framing::tcp), "01 e3 42"_hex);
}

TEST(StreamFrame, LengthsGrowByOneTwoAndFourOctets) {  // [RFC 8323 §3.2]
    const auto start_of = [](std::size_t rest) {
        Message message = message_of(Code::content);
        if (rest != 0) message.payload.resize(rest - 1);
        const Octets octets = framed(message, Framing::tcp);
        EXPECT_EQ(octets.size(), frame_size(message, Framing::tcp));
        const auto header = FrameHeader::parse(octets, Framing::tcp);
        EXPECT_EQ(header->rest_octets, rest);
        EXPECT_EQ(header->frame_octets(), octets.size());
        EXPECT_EQ(parse_frame(*header, octets).value(), message);
        return to_hex(Bytes(octets).first(header->octets));
    };
    EXPECT_EQ(start_of(0), "0045");
    EXPECT_EQ(start_of(12), "c045");
    EXPECT_EQ(start_of(13), "d00045");
    EXPECT_EQ(start_of(268), "d0ff45");
    EXPECT_EQ(start_of(269), "e0000045");
    EXPECT_EQ(start_of(65804), "e0ffff45");
    EXPECT_EQ(start_of(65805), "f00000000045");
    EXPECT_EQ(start_of(70000), "f00000106345");
}

TEST(StreamFrame, OverWebSocketThereIsNoLength) {  // [RFC 8323 §4.2]
    const Message message = message_of(Code::content, "t", "22.3 Cel");
    const Octets octets = framed(message, Framing::websocket);
    EXPECT_EQ(octets, "01 45 74 ff 32322e33 2043656c"_hex);
    EXPECT_EQ(parse_frame(FrameHeader::parse(octets, Framing::websocket).value(), octets).value(),
              message);
    EXPECT_EQ(FrameHeader::parse("11 45 74 ff"_hex, Framing::websocket).error().fault,
              Fault::bad_length);
}

TEST(StreamFrame, TokensAreAsLongAsTheirExtensionSays) {  // [RFC 8974 §2.1]
    const auto header_of = [](std::string_view hex) {
        return FrameHeader::parse(*from_hex(hex), Framing::tcp);
    };
    EXPECT_EQ(header_of("0c 01")->token_octets, 12u);
    EXPECT_EQ(header_of("0d 01 00")->token_octets, 13u);
    EXPECT_EQ(header_of("1d 01 ff")->frame_octets(), 3u + 268 + 1);
    EXPECT_EQ(header_of("0e 01 0000")->token_octets, 269u);
    EXPECT_EQ(header_of("fe ffffffff 01 ffff")->token_octets, extended_token_octets_max);
    EXPECT_EQ(header_of("fe ffffffff 01 ffff")->rest_octets, 65805u + std::uint64_t{0xffffffff});
    // The length of the token stands before it and behind the code.
    EXPECT_EQ(header_of("d0 07 01")->octets, 3u);
    EXPECT_EQ(header_of("dd 07 01 00")->octets, 4u);
    EXPECT_EQ(header_of("0f 01").error().fault, Fault::bad_length);
    for (const auto* shortened : {"", "0d", "0d 01", "0e 01 00", "d0", "e0 00", "f0 000000", "00"})
        EXPECT_EQ(header_of(shortened).error().fault, Fault::truncated) << shortened;
}

// ---- opening -----------------------------------------------------------------------------------

TEST(Stream, ACsmComesFirstFromEitherEnd) {  // [RFC 8323 §3.3, §5.3]
    for (const bool client : {true, false}) {
        End end({.client = client, .message_octets_max = 4096, .blocks = true});
        const Message csm = end.said();
        EXPECT_EQ(csm.code, Code::csm);
        EXPECT_TRUE(csm.token.empty());
        EXPECT_EQ(csm.options.uint(OptionNumber{2}), 4096u);       // [RFC 8323 §5.3.1]
        EXPECT_EQ(csm.options.find(OptionNumber{4})->size(), 0u);  // [RFC 8323 §5.3.2]
        EXPECT_FALSE(csm.options.has(OptionNumber{6}));
        EXPECT_FALSE(end.connection.settled());
    }
    End plain({.blocks = false, .token_octets_max = 500});
    const Message csm = plain.said();
    EXPECT_FALSE(csm.options.has(OptionNumber{4}));
    EXPECT_EQ(csm.options.uint(OptionNumber{6}), 500u);  // [RFC 8974 §2.2.1]
}

TEST(Stream, LearnsWhatThePeerTakesAndKeepsWhatALaterCsmDoesNotName) {  // [RFC 8323 §5.3]
    End end;
    end.hear(message_of(Code::csm));
    ASSERT_EQ(end.learnt.size(), 1u);
    EXPECT_EQ(end.learnt[0], (SettingsLearnt{1152, false, 8}));  // base values
    Message csm = signal(Code::csm, 2, "20 00"_hex);
    csm.options.add(OptionNumber{4}, {});
    end.hear(csm);
    EXPECT_EQ(end.learnt.at(1), (SettingsLearnt{8192, true, 8}));
    end.hear(message_of(Code::csm));
    end.hear(signal(Code::csm, 2, "00 20 00"_hex));
    EXPECT_EQ(end.learnt.size(), 2u);  // nothing changed
    // [RFC 8974 §2.2.1]
    end.hear(signal(Code::csm, 6, "07"_hex));
    EXPECT_EQ(end.learnt.size(), 2u);
    end.hear(signal(Code::csm, 6, "ff ff ff"_hex));
    EXPECT_EQ(end.learnt.at(2), (SettingsLearnt{8192, true, 65804}));
    end.hear(signal(Code::csm, 2, {}));
    EXPECT_EQ(end.learnt.at(3), (SettingsLearnt{0, true, 65804}));
    EXPECT_FALSE(end.end());
}

TEST(Stream, ARequestMayFollowOurCsmBeforeThePeersHasCome) {  // [RFC 8323 §3.3]
    End end;
    end.sent.clear();
    EXPECT_TRUE(end.say(request()));
    EXPECT_EQ(end.said(), request());
}

TEST(Stream, WhoSaysAnythingBeforeItsCsmIsAborted) {  // [RFC 8323 §3.3]
    for (const Message& early : {request(), message_of(Code::content), message_of(Code::ping),
                                 message_of(Code::pong), message_of(Code::release)}) {
        End end({.client = false});
        end.sent.clear();
        end.hear(early);
        EXPECT_EQ(end.end(), CloseReason::no_csm);
        EXPECT_EQ(end.aborted(), std::nullopt);
        EXPECT_TRUE(end.arrived.empty());
        EXPECT_EQ(end.connection.stats().untimely, 1u);
    }
}

TEST(Stream, AnEmptyMessageMayComeBeforeTheCsm) {  // [RFC 8323 §3.4]
    End end;
    end.hear("00 00"_hex);
    EXPECT_FALSE(end.end());
    end.settle();
    end.hear("00 00  00 00"_hex);
    EXPECT_EQ(end.connection.stats().empties, 3u);
    EXPECT_TRUE(end.sent.empty() && end.arrived.empty() && !end.end());
}

TEST(Stream, AMissingCsmIsNotWaitedForForEver) {  // [RFC 8323 §3.3]
    End end({.csm_within = 10s});
    end.sent.clear();
    end.pass(9999ms);
    EXPECT_FALSE(end.end());
    end.pass(1ms);
    EXPECT_EQ(end.end(), CloseReason::no_csm);
    end.aborted();
    End other({.csm_within = 10s});
    other.settle();
    other.pass(1h);
    EXPECT_FALSE(other.end());
}

TEST(Stream, AnOptionOfTheCsmThatCannotBeProcessedIsNamedInTheAbort) {  // [RFC 8323 §5.2, §5.6]
    const auto refused = [](const Message& csm) {
        End end;
        end.sent.clear();
        end.hear(csm);
        EXPECT_EQ(end.end(), CloseReason::bad_csm);
        return end.aborted();
    };
    EXPECT_EQ(refused(signal(Code::csm, 3, {})), 3u);
    EXPECT_EQ(refused(signal(Code::csm, 65535, {})), 65535u);
    EXPECT_EQ(refused(signal(Code::csm, 2, "00 00 00 00 01"_hex)), 2u);
    EXPECT_EQ(refused(signal(Code::csm, 4, "00"_hex)), 4u);
    EXPECT_EQ(refused(signal(Code::csm, 6, "00 00 00 09"_hex)), 6u);
}

TEST(Stream, WhatIsElectiveAndUnknownIsPassedOver) {  // [RFC 8323 §5.2, §5.4]
    End end;
    Message csm = signal(Code::csm, 2, "05 00"_hex);
    csm.options.add(OptionNumber{2}, "06 00"_hex);  // a repetition counts as unknown
    csm.options.add(OptionNumber{8}, "01 02 03"_hex);
    end.hear(csm);
    EXPECT_EQ(end.learnt.at(0).message_octets_max, 0x500u);
    end.hear(signal(Code::pong, 4, "01"_hex));
    end.hear(signal(Code{0xe0}, 4, "01"_hex));  // signals that nobody has defined yet
    end.hear(signal(Code{0xff}, 4, "01"_hex));
    EXPECT_FALSE(end.end());
    EXPECT_EQ(end.connection.stats().signals, 4u);
}

TEST(Stream, WhatIsCriticalAndUnknownEndsTheConnection) {  // [RFC 8323 §5.2]
    for (const Code code : {Code::ping, Code::pong, Code::release, Code{0xe9}}) {
        End end;
        end.settle().hear(signal(code, 1, {}));
        EXPECT_EQ(end.end(), CloseReason::bad_option);
        EXPECT_EQ(end.aborted(), std::nullopt);
    }
}

// ---- messages ----------------------------------------------------------------------------------

TEST(Stream, HowTheOctetsAreCutMakesNoDifference) {
    std::vector<Message> messages{message_of(Code::csm),
                                  request("1"),
                                  message_of(Code::content, "2", std::string(300, 'x')),
                                  message_of(Code::empty),
                                  message_of(Code::changed, "tokentok"),
                                  request("3")};
    Octets octets;
    for (const Message& message : messages) {
        const Octets frame = framed(message, Framing::tcp);
        octets.insert(octets.end(), frame.begin(), frame.end());
    }
    for (std::size_t step = 1; step <= octets.size(); ++step) {
        End end;
        for (std::size_t at = 0; at < octets.size(); at += step)
            end.hear(Bytes(octets).subspan(at, std::min(step, octets.size() - at)));
        ASSERT_EQ(end.arrived.size(), 4u) << step;
        EXPECT_EQ(end.arrived[0], messages[1]);
        EXPECT_EQ(end.arrived[1], messages[2]);
        EXPECT_EQ(end.arrived[2], messages[4]);
        EXPECT_EQ(end.arrived[3], messages[5]);
        EXPECT_EQ(end.connection.buffered(), 0u);
        EXPECT_EQ(end.connection.stats().octets_received, octets.size());
    }
}

TEST(Stream, AMessageThatIsTooLargeIsRefusedByItsHeaderAlone) {  // [RFC 8323 §5.3.1]
    End end({.message_octets_max = 1152});
    end.settle();
    Message just = message_of(Code::content, "t");
    just.payload.resize(1152 - 3 - 2 - 1);
    ASSERT_EQ(frame_size(just, Framing::tcp), 1152u);
    end.hear(just);
    EXPECT_EQ(end.arrived.size(), 1u);
    just.payload.push_back(std::byte{1});
    end.hear(Bytes(framed(just, Framing::tcp)).first(4));
    EXPECT_EQ(end.end(), CloseReason::message_too_large);
    end.aborted();
    // Whatever a length says, nothing is kept for it.
    End other({.message_octets_max = 1152});
    other.settle().hear("f0"_hex);
    other.hear("ff ff ff ff 45"_hex);
    EXPECT_EQ(other.end(), CloseReason::message_too_large);
    EXPECT_EQ(other.connection.buffered(), 0u);
}

TEST(Stream, FormatErrorsEndTheConnection) {  // [RFC 8323 §5.6]
    const auto malformed = [](Bytes octets, Framing framing) {
        End end({.framing = framing});
        end.settle().hear(octets);
        EXPECT_EQ(end.end(), CloseReason::malformed) << to_hex(octets);
        end.aborted();
        EXPECT_TRUE(end.arrived.empty());
        EXPECT_EQ(end.connection.stats().malformed, 1u);
    };
    malformed("0f 01"_hex, Framing::tcp);  // the reserved token length [RFC 8974 §2.1]
    malformed("0f"_hex, Framing::websocket);
    malformed("10 01 ff"_hex, Framing::tcp);        // a marker before nothing [RFC 7252 §3]
    malformed("10 01 f0"_hex, Framing::tcp);        // a reserved option delta
    malformed("10 01 b5"_hex, Framing::tcp);        // an option that goes on behind the end
    malformed("10 01 ff"_hex, Framing::websocket);  // Len is not zero [RFC 8323 §4.2]
    malformed("00"_hex, Framing::websocket);
    malformed({}, Framing::websocket);
    malformed("04 01 aabbcc"_hex, Framing::websocket);
}

TEST(Stream, ATokenLongerThanWeSaidIsAFormatErrorInARequestOnly) {  // [RFC 8974 §2.2.1]
    End end;
    end.settle().hear("09 01 010203040506070809"_hex);
    EXPECT_EQ(end.end(), CloseReason::malformed);
    End other;
    other.settle().hear("09 45 010203040506070809"_hex);  // not one that we ever sent
    EXPECT_FALSE(other.end());
    EXPECT_TRUE(other.arrived.empty());
    EXPECT_EQ(other.connection.stats().ignored, 1u);
}

TEST(Stream, LongTokensGoWhereBothEndsTakeThem) {  // [RFC 8974 §2.1, §2.2.1]
    End end({.message_octets_max = 100'000, .token_octets_max = 300});
    end.settle();
    const Message long_request = request(std::string(300, 't'));
    end.hear(long_request);
    ASSERT_EQ(end.arrived.size(), 1u);
    EXPECT_EQ(end.arrived[0], long_request);
    // A response may have it whatever the peer takes in requests.
    EXPECT_TRUE(end.say(message_of(Code::content, std::string(300, 't'))));
    EXPECT_EQ(end.said().token.size(), 300u);
    EXPECT_FALSE(end.say(request(std::string(9, 't'))));
    end.hear(signal(Code::csm, 6, "010d"_hex));
    EXPECT_TRUE(end.say(request(std::string(269, 't'))));
    EXPECT_EQ(to_hex(Bytes(end.sent.at(0)).first(5)), "2e01000074");
    EXPECT_FALSE(end.say(request(std::string(270, 't'))));
    end.hear(request(std::string(301, 't')));
    EXPECT_EQ(end.end(), CloseReason::malformed);
    const Message longest = request(std::string(extended_token_octets_max, 't'));
    for (const Framing framing : {Framing::tcp, Framing::websocket}) {
        const Octets octets = framed(longest, framing);
        EXPECT_EQ(octets.size(), frame_size(longest, framing));
        EXPECT_EQ(parse_frame(FrameHeader::parse(octets, framing).value(), octets).value(),
                  longest);
    }
}

TEST(Stream, ReservedClassesAreIgnored) {  // [RFC 7252 §3]
    End end;
    end.settle().hear("00 20  00 7f  00 c0"_hex);
    EXPECT_FALSE(end.end());
    EXPECT_TRUE(end.arrived.empty());
    EXPECT_EQ(end.connection.stats().ignored, 3u);
}

TEST(Stream, WhatThePeerDoesNotTakeIsNotSent) {  // [RFC 8323 §5.3.1; RFC 8974 §2.2.1]
    End end;
    end.sent.clear();
    Message large = message_of(Code::put, "t");
    large.payload.resize(1152 - 3 - 2 - 1);
    EXPECT_TRUE(end.say(large));  // the base value holds before the CSM
    large.payload.push_back({});
    EXPECT_FALSE(end.say(large));
    end.hear(signal(Code::csm, 2, "04 81"_hex));
    EXPECT_TRUE(end.say(large));
    large.payload.push_back({});
    EXPECT_FALSE(end.say(large));
    EXPECT_FALSE(end.say(message_of(Code::csm)));  // signals are the connection's own
    EXPECT_EQ(end.connection.stats().sends_refused, 3u);
    EXPECT_EQ(end.sent.size(), 2u);
}

TEST(Stream, AWebSocketMessageIsAMessage) {  // [RFC 8323 §4.2, §4.3]
    End end({.framing = Framing::websocket, .message_octets_max = 100});
    EXPECT_EQ(end.sent.front()[0], std::byte{0});
    end.settle().hear(request("t"));
    EXPECT_EQ(end.arrived.at(0), request("t"));
    EXPECT_TRUE(end.say(message_of(Code::content, "t", "22.3 Cel")));
    EXPECT_EQ(end.said().payload.size(), 8u);
    end.hear(message_of(Code::content, "t", std::string(98, 'x')));
    EXPECT_EQ(end.end(), CloseReason::message_too_large);
}

// ---- ping and pong -----------------------------------------------------------------------------

TEST(Stream, APingIsAnsweredWithItsToken) {  // [RFC 8323 §5.4]
    End end;
    end.settle().hear("01 e2 42"_hex);
    EXPECT_EQ(end.sent.at(0), "01 e3 42"_hex);
    end.hear("00 e2"_hex);
    EXPECT_EQ(end.sent.at(1), "00 e3"_hex);
}

TEST(Stream, APongThatTellsCustodyWaitsForTheAnswersBeforeIt) {  // [RFC 8323 §5.4.1]
    End end({.client = false});
    const Message ping = signal(Code::ping, 2, {}, "p");
    end.settle().hear(ping);
    EXPECT_EQ(end.said(), signal(Code::pong, 2, {}, "p"));
    end.hear(request("1"));
    end.hear(request("2"));
    end.hear(ping);
    end.hear(request("3"));
    end.say(message_of(Code::content, "2"));
    end.said();
    EXPECT_TRUE(end.sent.empty());
    end.say(message_of(Code::content, "1"));
    ASSERT_EQ(end.sent.size(), 2u);
    end.sent.pop_front();
    EXPECT_EQ(end.said(), signal(Code::pong, 2, {}, "p"));
    // One without the option is answered at once.
    end.hear(message_of(Code::ping, "o"));
    EXPECT_EQ(end.said(), message_of(Code::pong, "o"));
}

TEST(Stream, CustodyThatIsLongInComingIsNotTold) {  // [RFC 8323 §5.4.1]
    End end({.client = false, .custody_within = 5s, .custodies_max = 1});
    end.settle().hear(request());
    end.hear(signal(Code::ping, 2, {}, "p"));
    EXPECT_TRUE(end.sent.empty());
    end.hear(signal(Code::ping, 2, {}, "x"));  // one more than wait
    EXPECT_EQ(end.said(), message_of(Code::pong, "x"));
    EXPECT_EQ(end.connection.stats().custodies_refused, 1u);
    end.pass(5s);
    EXPECT_EQ(end.said(), message_of(Code::pong, "p"));
    EXPECT_EQ(end.connection.next_deadline(), never);
}

TEST(Stream, OurPingIsAnsweredOrNot) {  // [RFC 8323 §5.4]
    End end;
    end.settle();
    const Token token = end.connection.ping(end.now, true);
    end.collect();
    Message pong = end.said();
    EXPECT_EQ(pong.code, Code::ping);
    EXPECT_EQ(pong.token, token);
    EXPECT_TRUE(pong.options.has(OptionNumber{2}));
    pong.code = Code::pong;
    end.hear(pong);
    EXPECT_EQ(end.pongs.at(0), (PongArrived{token, true}));
    EXPECT_NE(end.connection.ping(end.now), token);
    EXPECT_EQ(end.connection.next_deadline(), never);  // whoever asks says how long
}

TEST(Stream, ASilentPeerIsAskedAndThenGivenUp) {  // [RFC 8323 §3.4, §5.4]
    End end({.ping_after = 60s, .pong_within = 20s});
    end.settle();
    end.pass(59s);
    end.hear("00 00"_hex);  // that is life
    end.pass(59s);
    EXPECT_TRUE(end.sent.empty());
    end.pass(1s);
    Message pong = end.said();
    EXPECT_EQ(pong.code, Code::ping);
    end.pass(19s);
    pong.code = Code::pong;
    end.hear(pong);
    end.pass(60s);
    end.said();
    end.pass(20s);
    EXPECT_EQ(end.end(), CloseReason::silent);
    end.aborted();
    EXPECT_FALSE(end.closed.front().orderly);
}

// ---- release and abort -------------------------------------------------------------------------

TEST(Stream, AReleaseIsClosedWhenAllIsAnswered) {  // [RFC 8323 §5.5]
    End end;
    end.settle().hear(request("1"));
    end.say(request("2"));
    end.sent.clear();
    Message release = message_of(Code::release, {}, "moving\nhouse");
    release.options.add_text(OptionNumber{2}, "[2001:db8::1]:5683");
    release.options.add_text(OptionNumber{2}, "other.example");
    release.options.add_uint(OptionNumber{4}, 300);
    end.hear(release);
    EXPECT_EQ(end.released.at(0),
              (Released{{"[2001:db8::1]:5683", "other.example"}, 300s, "moving house"}));
    EXPECT_FALSE(end.end());
    EXPECT_FALSE(end.connection.usable());
    EXPECT_FALSE(end.say(request("3")));
    EXPECT_TRUE(end.say(message_of(Code::content, "1")));
    EXPECT_FALSE(end.end());
    end.hear(message_of(Code::content, "2"));
    EXPECT_EQ(end.arrived.size(), 2u);
    ASSERT_EQ(end.end(), CloseReason::peer_released);
    EXPECT_TRUE(end.closed.front().orderly);
}

TEST(Stream, AReleaseOfAnIdleConnectionIsClosedAtOnce) {  // [RFC 8323 §5.5]
    End end({.client = false});
    end.settle().hear(message_of(Code::release));
    EXPECT_EQ(end.released.at(0), Released{});
    EXPECT_EQ(end.end(), CloseReason::peer_released);
    EXPECT_TRUE(end.sent.empty());
}

TEST(Stream, AnswersThatNeverComeDoNotKeepAReleasedConnection) {
    End end({.close_within = 10s});
    end.settle().hear(request());
    end.hear(message_of(Code::release));
    end.pass(9s);
    end.hear(message_of(Code::release));
    EXPECT_FALSE(end.end());
    end.pass(1s);
    EXPECT_EQ(end.end(), CloseReason::peer_released);
}

TEST(Stream, WhoReleasesLeavesClosingToThePeerForAWhile) {  // [RFC 8323 §5.5]
    End end({.close_within = 10s});
    end.settle();
    end.say(request("1"));
    end.sent.clear();
    end.connection.release(end.now, {.alternative_address = "b.example", .hold_off = 90s});
    end.connection.release(end.now);  // says it once
    end.collect();
    const Message release = end.said();
    EXPECT_EQ(release.code, Code::release);
    EXPECT_EQ(release.options.text(OptionNumber{2}), "b.example");
    EXPECT_EQ(release.options.uint(OptionNumber{4}), 90u);
    EXPECT_FALSE(end.say(request("2")));
    end.hear(message_of(Code::content, "1"));
    EXPECT_EQ(end.arrived.size(), 1u);
    end.hear(request("theirs"));
    EXPECT_TRUE(end.say(message_of(Code::content, "theirs")));
    EXPECT_FALSE(end.end());
    end.pass(10s);
    EXPECT_EQ(end.end(), CloseReason::released);
    EXPECT_TRUE(end.closed.front().orderly);
}

TEST(Stream, AnAbortEndsItAtOnce) {  // [RFC 8323 §5.6]
    End end;
    end.settle().hear(request("1"));
    Message abort = message_of(Code::abort, {}, "no more\x1b[2J" + std::string(500, 'x'));
    abort.options.add(OptionNumber{1}, {});  // not even that is answered
    end.hear(abort);
    ASSERT_EQ(end.end(), CloseReason::peer_aborted);
    EXPECT_FALSE(end.closed.front().orderly);
    EXPECT_TRUE(end.closed.front().diagnostic.starts_with("no more [2Jxxx"));
    EXPECT_EQ(end.closed.front().diagnostic.size(), 256u);
    EXPECT_TRUE(end.sent.empty());
    EXPECT_FALSE(end.say(message_of(Code::content, "1")));
    end.hear(request("2"));
    EXPECT_EQ(end.arrived.size(), 1u);
    // It may be the first that is said.
    End other;
    other.sent.clear();
    other.hear(message_of(Code::abort));
    EXPECT_EQ(other.end(), CloseReason::peer_aborted);
    EXPECT_TRUE(other.sent.empty());
}

TEST(Stream, OurAbortSaysWhyAndIsTheLastWord) {  // [RFC 8323 §5.6]
    End end;
    end.settle();
    end.connection.abort(end.now, "shutting down");
    end.connection.abort(end.now, "again");
    end.collect();
    EXPECT_EQ(as_text(end.said().payload), "shutting down");
    EXPECT_EQ(end.closed.at(0), (Close{CloseReason::aborted, false, "shutting down"}));
    // The reason is left out where the peer takes no such message.
    End small;
    small.hear(signal(Code::csm, 2, "0a"_hex));
    small.sent.clear();
    small.connection.abort(small.now, "shutting down");
    small.collect();
    EXPECT_EQ(small.sent.at(0), "00 e5"_hex);
}

TEST(Stream, AnIdleConnectionIsReleased) {  // [RFC 8323 §3]
    End end({.idle_after = 60s, .close_within = 10s});
    end.settle();
    end.pass(30s);
    end.say(request("1"));
    end.sent.clear();
    end.pass(100s);  // its answer is waited for
    EXPECT_TRUE(end.sent.empty());
    Message notification = message_of(Code::content, "1");
    notification.options.add(OptionNumber::observe, {});
    end.hear(notification);
    EXPECT_EQ(end.connection.asked_by_us().observations(), 1u);
    end.pass(1000s);  // and so is what it observes
    EXPECT_TRUE(end.sent.empty());
    end.hear(message_of(Code::not_found, "1"));
    EXPECT_TRUE(end.connection.asked_by_us().quiet());
    end.pass(59s);
    EXPECT_TRUE(end.sent.empty());
    end.pass(1s);
    EXPECT_EQ(end.said().code, Code::release);
    end.pass(10s);
    EXPECT_EQ(end.end(), CloseReason::idle);
    EXPECT_TRUE(end.closed.front().orderly);
}

TEST(StreamLedger, KnowsWhoWaitsForWhat) {
    StreamLedger ledger(2);
    Message quiet = request("0");
    quiet.options.add_uint(OptionNumber::no_response, 26);  // [RFC 7967 §2]
    EXPECT_TRUE(ledger.asked(quiet));
    EXPECT_TRUE(ledger.quiet());
    EXPECT_TRUE(ledger.asked(request("1")));
    EXPECT_TRUE(ledger.asked(request("2")));
    EXPECT_FALSE(ledger.answered_before(2));
    EXPECT_FALSE(ledger.asked(request("3")));  // the first is forgotten
    EXPECT_EQ(ledger.unanswered(), 2u);
    EXPECT_TRUE(ledger.answered_before(2));
    ledger.answered(message_of(Code::content, "1"));
    ledger.answered(message_of(Code::content, "9"));
    EXPECT_EQ(ledger.unanswered(), 2u);
    Message notification = message_of(Code::content, "2");
    notification.options.add(OptionNumber::observe, {});
    ledger.answered(notification);
    ledger.answered(notification);
    EXPECT_EQ(ledger.unanswered(), 1u);
    EXPECT_EQ(ledger.observations(), 1u);
    ledger.asked(request("2"));  // cancels [RFC 8323 §7.4]
    EXPECT_EQ(ledger.observations(), 0u);
}

TEST(Stream, TwoEndsOpenTalkAndPart) {
    End client({.client = true});
    End server({.client = false});
    const auto carry = [&] {
        while (!client.sent.empty() || !server.sent.empty()) {
            for (auto& octets : std::exchange(client.sent, {})) server.hear(octets);
            for (auto& octets : std::exchange(server.sent, {})) client.hear(octets);
        }
    };
    client.say(request("1"));
    carry();
    EXPECT_EQ(client.learnt.at(0), (SettingsLearnt{8 * 1024 + 256, true, 8}));
    ASSERT_EQ(server.arrived.size(), 1u);
    server.say(message_of(Code::content, "1", "hello"));
    carry();
    EXPECT_EQ(as_text(client.arrived.at(0).payload), "hello");
    client.connection.handle(client.now, StreamPing{true});
    client.connection.handle(client.now, StreamRelease{});
    client.collect();
    carry();
    EXPECT_TRUE(client.pongs.at(0).custody);
    EXPECT_EQ(server.end(), CloseReason::peer_released);
    EXPECT_FALSE(client.end());
}

TEST(Stream, TimeoutsThatComeEarlyOrTwiceDoNoHarm) {
    End end({.ping_after = 60s});
    end.settle();
    end.connection.handle_timeout(end.now);
    end.connection.handle_timeout(end.now + 59s);
    end.collect();
    EXPECT_TRUE(end.sent.empty());
    end.now += 60s;
    end.connection.handle_timeout(end.now);
    end.connection.handle_timeout(end.now);
    end.collect();
    EXPECT_EQ(end.sent.size(), 1u);
}

}  // namespace
}  // namespace causeway::coap::stream_test
