// Frames, segments and what stations' link layers say to each other. [IEEE 1815 §8, §9, §13]
#include "scada/dnp3/channel.hpp"
#include "base/hex.hpp"
#include "base/random.hpp"
#include "scada/dnp3/link.hpp"
#include "scada/dnp3/recorded_testing.hpp"
#include "scada/dnp3/transport.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace causeway::scada::dnp3::channel_test {
namespace {

using namespace std::chrono_literals;

constexpr PeerId line{0};

Octets operator+(Octets a, const Octets& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

Octets frame(const FrameHeader& header, const Octets& data = {}) {
    Octets octets;
    append_frame(header, {}, data, octets);
    return octets;
}
/// From the outstation 10 to the master 1, or the other way.
FrameHeader up(LinkRequest request, bool count_valid = false, bool count_bit = false) {
    return {.count_bit = count_bit,
            .count_valid = count_valid,
            .function = std::to_underlying(request),
            .destination = 1,
            .source = 10};
}
FrameHeader down(LinkRequest request, bool count_valid = false, bool count_bit = false) {
    FrameHeader header = up(request, count_valid, count_bit);
    header.from_master = true;
    std::swap(header.destination, header.source);
    return header;
}
FrameHeader answer_up(LinkAnswer answer, bool full = false) {
    return {.primary = false,
            .count_valid = full,
            .function = std::to_underlying(answer),
            .destination = 1,
            .source = 10};
}
std::vector<Octets> split(Framer& framer, Bytes octets) {
    framer.feed(octets);
    std::vector<Octets> data;
    while (const auto found = framer.next()) data.push_back(to_octets(found->data));
    return data;
}

// ---- frames -------------------------------------------------------------------------------------

TEST(Dnp3Link, TheChecksumIsTheStandards) {
    EXPECT_EQ(link_checksum("056408c40a000100"_hex), 0x42fc);
    EXPECT_EQ(link_checksum("c1d000"_hex), 0x50a3);
    EXPECT_EQ(link_checksum("313233343536373839"_hex), 0xea82);  // "123456789"
}

TEST(Dnp3Link, EveryRecordedFrameIsSoundAndWrittenAgainOctetForOctet) {
    for (const recorded::Frame& one : recorded::frames()) {
        SCOPED_TRACE(to_hex(one.octets));
        Framer framer;
        framer.feed(one.octets);
        const auto found = framer.next();
        ASSERT_TRUE(found);
        EXPECT_EQ(framer.pending(), 0u);
        EXPECT_EQ(found->header, one.from_master ? down(LinkRequest::unconfirmed_user_data)
                                                 : up(LinkRequest::unconfirmed_user_data));
        Octets again;
        append_frame(found->header, found->data[0], found->data.subspan(1), again);
        EXPECT_EQ(to_hex(again), to_hex(one.octets));
        EXPECT_EQ(frame_octets(found->data.size()), one.octets.size());
    }
}

TEST(Dnp3Link, FramesOfEveryLengthBothWays) {
    for (std::size_t size = 0; size <= frame_data_max; ++size) {
        Octets data(size);
        for (std::size_t i = 0; i < size; ++i) data[i] = std::byte(i * 7);
        const FrameHeader header{.from_master = true,
                                 .primary = size % 2 == 0,
                                 .count_bit = size % 3 == 0,
                                 .count_valid = size % 5 == 0,
                                 .function = static_cast<std::uint8_t>(size % 16),
                                 .destination = static_cast<Address>(size * 251),
                                 .source = 0xfffe};
        const Octets octets = frame(header, data);
        Framer framer;
        framer.feed(octets);
        const auto found = framer.next();
        ASSERT_TRUE(found) << size;
        EXPECT_EQ(found->header, header);
        EXPECT_TRUE(same(found->data, data));
    }
    EXPECT_EQ(frame_octets(frame_data_max), frame_octets_max);
}

TEST(Dnp3Link, FramesThatComeInPiecesAreTheSameFrames) {
    Octets stream;
    for (const recorded::Frame& one : recorded::frames()) stream = stream + one.octets;
    Framer whole;
    const auto expected = split(whole, stream);
    EXPECT_EQ(expected.size(), 40u);
    for (const std::size_t piece : {1u, 2u, 3u, 7u, 100u, 291u}) {
        Framer framer;
        std::vector<Octets> found;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            const auto more =
                split(framer, Bytes(stream).subspan(at, std::min(piece, stream.size() - at)));
            found.insert(found.end(), more.begin(), more.end());
        }
        EXPECT_EQ(found, expected) << piece;
        EXPECT_EQ(framer.stats().noise_octets, 0u);
    }
}

TEST(Dnp3Link, NoiseBetweenFramesCostsNoFrame) {
    const Octets sound = frame(up(LinkRequest::unconfirmed_user_data), "c0 01 02"_hex);
    for (const char* noise : {"00", "05", "05 05", "05 64", "64 05", "05 64 05", "05 64 05 64",
                              "ff 05 64 08 44 01 00 0a 00 ff ff", "05 64 ff 44 01 00"}) {
        Framer framer;
        const auto found =
            split(framer, *from_hex(noise) + sound + *from_hex(noise) + sound + sound);
        EXPECT_EQ(found, std::vector<Octets>(3, "c0 01 02"_hex)) << noise;
        EXPECT_EQ(framer.stats().noise_octets, 2 * from_hex(noise)->size()) << noise;
    }
}

TEST(Dnp3Link, AFrameWithAnyOctetWrongIsNone) {
    const Octets sound = frame(up(LinkRequest::unconfirmed_user_data),
                               "c0 81 00 00 01 02 00 00 0b 01 02 03 04 05 06 07 08 09 0a"_hex);
    for (std::size_t at = 0; at < sound.size(); ++at) {
        for (const unsigned change : {0x01u, 0x80u, 0xffu}) {
            Octets broken = sound;
            broken[at] ^= std::byte(change);
            Framer framer;
            EXPECT_EQ(split(framer, broken + sound).size(), 1u) << at;
            EXPECT_EQ(framer.pending(), 0u);
            EXPECT_EQ(framer.stats().noise_octets, sound.size());
            const auto& stats = framer.stats();
            EXPECT_EQ(stats.bad_header_checksums, at >= 2 && at < 10 ? 1u : 0u) << at;
            EXPECT_EQ(stats.bad_body_checksums, at >= 10 ? 1u : 0u) << at;
        }
    }
}

TEST(Dnp3Link, AFrameCutShortCostsNoFrameAfterIt) {
    const Octets sound = frame(up(LinkRequest::unconfirmed_user_data), "c0 01 02 03 04 05"_hex);
    for (std::size_t cut = 1; cut < sound.size(); ++cut) {
        Framer framer;
        const Octets part(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(cut));
        EXPECT_EQ(split(framer, part + sound + sound).size(), 2u) << cut;
    }
}

TEST(Dnp3Link, LengthsThatAreNoneAreRefused) {
    const Octets sound = frame(up(LinkRequest::request_link_status));
    for (unsigned length = 0; length < 5; ++length) {
        Octets wrong = sound;
        wrong[2] = std::byte(length);
        const unsigned sum = link_checksum(Bytes(wrong).first(8));
        wrong[8] = std::byte(sum & 0xff);
        wrong[9] = std::byte(sum >> 8);
        Framer framer;
        EXPECT_EQ(split(framer, wrong + sound).size(), 1u);
        EXPECT_EQ(framer.stats().bad_lengths, 1u);
    }
    // A length that is too long takes in what follows, until a checksum says so.
    Octets wrong = sound;
    wrong[2] = std::byte{255};
    const unsigned sum = link_checksum(Bytes(wrong).first(8));
    wrong[8] = std::byte(sum & 0xff);
    wrong[9] = std::byte(sum >> 8);
    Framer framer;
    std::size_t found = split(framer, wrong).size();
    for (int i = 0; i < 40; ++i) found += split(framer, sound).size();
    EXPECT_EQ(found, 40u);
    EXPECT_EQ(framer.stats().bad_body_checksums, 1u);
}

TEST(Dnp3Link, BabbleIsForgottenAsItComes) {
    Framer framer;
    Random random(1815);
    for (int i = 0; i < 2'000; ++i) {
        Octets babble(64);
        for (std::byte& octet : babble)
            octet = random.below(3) == 0 ? std::byte(random.below(2) == 0 ? 0x05 : 0x64)
                                         : std::byte(random.below(256));
        split(framer, babble);
        EXPECT_LE(framer.pending(), frame_octets_max);
    }
    const Octets sound = frame(up(LinkRequest::request_link_status));
    Octets silence(frame_octets_max, std::byte{0});
    EXPECT_EQ(split(framer, silence + sound).size(), 1u);
}

// ---- segments -----------------------------------------------------------------------------------

TEST(Dnp3Transport, RecordedSegmentsMakeFragmentsAndFragmentsTheSameSegments) {
    std::uint8_t sequence_down = 0;
    std::uint8_t sequence_up = 0;
    FragmentAssembly down_assembly(2'048);
    FragmentAssembly up_assembly(2'048);
    Octets sent;
    for (const recorded::Frame& one : recorded::frames()) {
        Framer framer;
        framer.feed(one.octets);
        const auto found = framer.next();
        ASSERT_TRUE(found);
        sent = sent + one.octets;
        auto& assembly = one.from_master ? down_assembly : up_assembly;
        const auto outcome =
            assembly.take(found->header.source, found->header.destination, found->data);
        if (outcome == FragmentAssembly::Outcome::more) continue;
        ASSERT_EQ(outcome, FragmentAssembly::Outcome::whole);
        Segments segments(assembly.octets());
        Octets again;
        while (!segments.empty()) {
            const auto segment = segments.next(one.from_master ? sequence_down : sequence_up);
            append_frame(found->header, segment.header.octet(), segment.octets, again);
        }
        EXPECT_EQ(to_hex(again), to_hex(sent));
        sent.clear();
    }
}

using Outcome = FragmentAssembly::Outcome;

TEST(Dnp3Transport, TheFirstSegmentBeginsAnewWhateverItsNumber) {
    FragmentAssembly assembly(100);
    EXPECT_EQ(assembly.take(1, 10, "45 01"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(1, 10, "70 02"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(1, 10, "b1 03"_hex), Outcome::whole);
    EXPECT_EQ(to_hex(assembly.octets()), "0203");
    EXPECT_EQ(assembly.take(1, 10, "c0 04"_hex), Outcome::whole);
    EXPECT_EQ(to_hex(assembly.octets()), "04");
}

TEST(Dnp3Transport, NumbersGoRound) {
    FragmentAssembly assembly(100);
    EXPECT_EQ(assembly.take(1, 10, "7f 01"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(1, 10, "80 02"_hex), Outcome::whole);
    std::uint8_t sequence = 63;
    const Octets fragment(300);
    Segments segments(fragment);
    EXPECT_EQ(segments.next(sequence).header, (SegmentHeader{.first = true, .sequence = 63}));
    EXPECT_EQ(segments.next(sequence).header, (SegmentHeader{.final = true, .sequence = 0}));
    EXPECT_TRUE(segments.empty());
    EXPECT_EQ(sequence, 1);
}

TEST(Dnp3Transport, AMissingSegmentCostsTheFragment) {
    FragmentAssembly assembly(100);
    EXPECT_EQ(assembly.take(1, 10, "40 01"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(1, 10, "02 03"_hex), Outcome::out_of_order);
    EXPECT_EQ(assembly.take(1, 10, "83 04"_hex), Outcome::out_of_order);
    EXPECT_EQ(assembly.take(1, 10, "81 02"_hex), Outcome::out_of_order);
}

TEST(Dnp3Transport, ASegmentThatComesTwiceIsTakenOnce) {
    FragmentAssembly assembly(100);
    EXPECT_EQ(assembly.take(1, 10, "40 01"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(1, 10, "01 02"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(1, 10, "01 02"_hex), Outcome::out_of_order);
    EXPECT_EQ(assembly.take(1, 10, "82 03"_hex), Outcome::whole);
    EXPECT_EQ(to_hex(assembly.octets()), "010203");
}

TEST(Dnp3Transport, TheSameNumberWithOtherOctetsIsNoRepetition) {
    FragmentAssembly assembly(100);
    EXPECT_EQ(assembly.take(1, 10, "40 01"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(1, 10, "01 02"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(1, 10, "01 ff"_hex), Outcome::out_of_order);
    EXPECT_EQ(assembly.take(1, 10, "82 03"_hex), Outcome::out_of_order);
}

TEST(Dnp3Transport, SegmentsOfAnotherStationDoNotMixIn) {
    FragmentAssembly assembly(100);
    EXPECT_EQ(assembly.take(1, 10, "40 01"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(2, 10, "81 ff"_hex), Outcome::out_of_order);
    EXPECT_EQ(assembly.take(1, 0xffff, "81 ff"_hex), Outcome::out_of_order);
    EXPECT_EQ(assembly.take(1, 10, "81 02"_hex), Outcome::whole);
    EXPECT_EQ(to_hex(assembly.octets()), "0102");
}

TEST(Dnp3Transport, SegmentsWithNothingInThemAreNone) {
    FragmentAssembly assembly(100);
    EXPECT_EQ(assembly.take(1, 10, {}), Outcome::out_of_order);
    EXPECT_EQ(assembly.take(1, 10, "c0"_hex), Outcome::out_of_order);
}

TEST(Dnp3Transport, FragmentsBeyondTheLimitAreRefused) {
    FragmentAssembly assembly(4);
    EXPECT_EQ(assembly.take(1, 10, "40 010203"_hex), Outcome::more);
    EXPECT_EQ(assembly.take(1, 10, "81 0405"_hex), Outcome::too_long);
    EXPECT_EQ(assembly.take(1, 10, "81 04"_hex), Outcome::out_of_order);
    EXPECT_EQ(assembly.take(1, 10, "c0 01020304"_hex), Outcome::whole);
}

// ---- channels -----------------------------------------------------------------------------------

struct Bench {
    explicit Bench(ChannelSettings settings, std::vector<SessionPlan> plans = {})
        : channel(settings, plans.empty() ? std::vector<SessionPlan>{plan(settings.master)}
                                          : std::move(plans)) {}

    static SessionPlan plan(bool master) {
        return {.local = static_cast<Address>(master ? 1 : 10),
                .remote = static_cast<Address>(master ? 10 : 1)};
    }

    void give(Channel::Input in) {
        channel.handle(now, std::move(in));
        drain();
    }
    void open(PeerId peer = line) { give(LineOpened{peer}); }
    void close(PeerId peer = line) { give(LineClosed{peer}); }
    void hears(const Octets& octets, PeerId peer = line) { give(OctetsReceived{peer, octets}); }
    void send(std::size_t session, Address to, Octets fragment) {
        give(Channel::Send{session, {to, std::move(fragment)}});
    }
    void passes(Duration time) {
        const Instant end = now + time;
        for (int steps = 0; channel.next_deadline() <= end; ++steps) {
            ASSERT_LT(steps, 1'000);
            now = std::max(now, channel.next_deadline());
            channel.handle_timeout(now);
            drain();
        }
        now = end;
    }
    void drain() {
        while (auto out = channel.poll_output()) {
            if (auto* transmit = std::get_if<Transmit>(&*out)) {
                peers.push_back(transmit->peer);
                sent.push_back(std::move(transmit->octets));
            } else if (const auto* received = std::get_if<Channel::Received>(&*out)) {
                fragments.push_back(std::to_string(received->session) + ": " +
                                    std::to_string(received->fragment.source) + " > " +
                                    std::to_string(received->fragment.destination) + " " +
                                    to_hex(received->fragment.octets));
            } else if (const auto* up = std::get_if<Channel::Up>(&*out)) {
                told.push_back("up " + std::to_string(up->session));
            } else if (const auto* down = std::get_if<Channel::Down>(&*out)) {
                told.push_back("down " + std::to_string(down->session));
            } else if (const auto* lost = std::get_if<Channel::Lost>(&*out)) {
                told.push_back("lost " + std::to_string(lost->session));
            } else {
                told.push_back("close " +
                               std::to_string(std::to_underlying(std::get<CloseLine>(*out).peer)));
            }
        }
        EXPECT_TRUE(channel.stats().balanced());
    }
    std::vector<Octets> take_sent() { return std::exchange(sent, {}); }
    std::vector<std::string> take_fragments() { return std::exchange(fragments, {}); }
    std::vector<std::string> take_told() { return std::exchange(told, {}); }
    const Channel::Stats& stats() const { return channel.stats(); }

    Channel channel;
    Instant now{};
    std::vector<Octets> sent;
    std::vector<PeerId> peers;
    std::vector<std::string> fragments;
    std::vector<std::string> told;
};

using Texts = std::vector<std::string>;
using Frames = std::vector<Octets>;

const Octets read_class_1 = "c5 01 3c 02 06"_hex;

TEST(Dnp3Channel, FragmentsGoOutAsTheRecordedMasterSentThem) {
    Bench bench({.master = true});
    bench.open();
    EXPECT_EQ(bench.take_told(), Texts{"up 0"});
    for (int i = 0; i < 7; ++i) bench.send(0, 10, read_class_1);
    const auto sent = bench.take_sent();
    ASSERT_EQ(sent.size(), 7u);
    EXPECT_EQ(to_hex(sent[6]), "05640bc40a000100acd1c6c5013c02069324");
}

TEST(Dnp3Channel, WhatIsSentInOneGoIsOneTransmit) {
    Bench bench({.master = false});
    bench.open();
    bench.channel.handle(bench.now, Channel::Send{0, {1, Octets(2'048)}});
    bench.channel.handle(bench.now, Channel::Send{0, {1, Octets(2'048)}});
    bench.drain();
    ASSERT_EQ(bench.sent.size(), 1u);
    Framer framer;
    EXPECT_EQ(split(framer, bench.sent[0]).size(), 18u);
    EXPECT_EQ(bench.stats().frames_sent, 18u);
}

TEST(Dnp3Channel, FragmentsComeToTheSessionTheyAreFor) {
    Bench bench({.master = true}, {{.local = 1, .remote = 10}, {.local = 1, .remote = 11}});
    bench.open();
    EXPECT_EQ(bench.take_told(), (Texts{"up 0", "up 1"}));
    FrameHeader other = up(LinkRequest::unconfirmed_user_data);
    other.source = 11;
    FrameHeader stranger = other;
    stranger.source = 12;
    FrameHeader elsewhere = other;
    elsewhere.destination = 2;
    bench.hears(frame(up(LinkRequest::unconfirmed_user_data), "c0 01 02"_hex) +
                frame(other, "c0 03 04"_hex) + frame(stranger, "c0 05"_hex) +
                frame(elsewhere, "c0 06"_hex) +
                frame(up(LinkRequest::unconfirmed_user_data), "c1 07"_hex));
    EXPECT_EQ(bench.take_fragments(), (Texts{"0: 10 > 1 0102", "1: 11 > 1 0304", "0: 10 > 1 07"}));
    EXPECT_EQ(bench.stats().not_for_us, 2u);
    EXPECT_EQ(bench.stats().frames_delivered, 3u);
}

TEST(Dnp3Channel, OurOwnDirectionIsNotForUs) {
    Bench bench({.master = true}, {{.local = 1, .remote = 1}});
    bench.open();
    FrameHeader echo{.from_master = true, .function = 4, .destination = 1, .source = 1};
    bench.hears(frame(echo, "c0 01 02"_hex));
    EXPECT_TRUE(bench.fragments.empty());
    EXPECT_EQ(bench.stats().not_for_us, 1u);
}

TEST(Dnp3Channel, OutstationsThatAnswerAnybodyDo) {
    Bench bench({}, {{.local = 10, .any_remote = true}});
    bench.open();
    for (const Address source : std::vector<Address>{1, 2, 0xffef}) {
        FrameHeader header = down(LinkRequest::unconfirmed_user_data);
        header.source = source;
        bench.hears(frame(header, "c0 01"_hex));
    }
    FrameHeader nobody = down(LinkRequest::unconfirmed_user_data);
    nobody.source = 0xffff;  // whoever that is cannot be answered
    bench.hears(frame(nobody, "c0 01"_hex));
    EXPECT_EQ(bench.take_fragments(), (Texts{"0: 1 > 10 01", "0: 2 > 10 01", "0: 65519 > 10 01"}));
    EXPECT_EQ(bench.stats().not_for_us, 1u);
}

// ---- what the link layer is asked ---------------------------------------------------------------

TEST(Dnp3Channel, LinkStatusIsAnswered) {
    Bench bench({});
    bench.open();
    bench.hears(frame(down(LinkRequest::request_link_status)));
    EXPECT_EQ(bench.take_sent(), Frames{frame(answer_up(LinkAnswer::link_status))});
    EXPECT_EQ(bench.stats().frames_delivered, 1u);
}

TEST(Dnp3Channel, ConfirmedDataIsRefusedUntilTheLinkIsReset) {
    Bench bench({});
    bench.open();
    bench.hears(frame(down(LinkRequest::confirmed_user_data, true, true), "c0 01 02"_hex));
    EXPECT_EQ(bench.take_sent(), Frames{frame(answer_up(LinkAnswer::nack))});
    bench.hears(frame(down(LinkRequest::test_link_states, true, true)));
    EXPECT_EQ(bench.take_sent(), Frames{frame(answer_up(LinkAnswer::nack))});
    bench.hears(frame(down(LinkRequest::reset_link_states)));
    EXPECT_EQ(bench.take_sent(), Frames{frame(answer_up(LinkAnswer::ack))});
    EXPECT_TRUE(bench.fragments.empty());
    bench.hears(frame(down(LinkRequest::confirmed_user_data, true, true), "c0 01 02"_hex));
    EXPECT_EQ(bench.take_sent(), Frames{frame(answer_up(LinkAnswer::ack))});
    EXPECT_EQ(bench.take_fragments(), Texts{"0: 1 > 10 0102"});
}

TEST(Dnp3Channel, AFrameWithTheSameCountBitIsConfirmedAgainAndNotTakenTwice) {
    Bench bench({});
    bench.open();
    bench.hears(frame(down(LinkRequest::reset_link_states)));
    const Octets data = frame(down(LinkRequest::confirmed_user_data, true, true), "c0 01"_hex);
    bench.hears(data);
    bench.hears(data);
    bench.hears(frame(down(LinkRequest::confirmed_user_data, true, false), "c1 02"_hex));
    EXPECT_EQ(bench.take_sent(), Frames(4, frame(answer_up(LinkAnswer::ack))));
    EXPECT_EQ(bench.take_fragments(), (Texts{"0: 1 > 10 01", "0: 1 > 10 02"}));
    EXPECT_EQ(bench.stats().not_expected, 1u);
}

TEST(Dnp3Channel, ATestOfLinkStatesCountsAsAFrame) {
    Bench bench({});
    bench.open();
    bench.hears(frame(down(LinkRequest::reset_link_states)));
    bench.hears(frame(down(LinkRequest::test_link_states, true, true)));
    bench.hears(frame(down(LinkRequest::test_link_states, true, true)));  // its answer was lost
    bench.hears(frame(down(LinkRequest::confirmed_user_data, true, false), "c0 01"_hex));
    EXPECT_EQ(bench.take_sent(), Frames(4, frame(answer_up(LinkAnswer::ack))));
    EXPECT_EQ(bench.take_fragments(), Texts{"0: 1 > 10 01"});
}

TEST(Dnp3Channel, WithoutItsCountValidBitNothingIsConfirmed) {
    Bench bench({});
    bench.open();
    bench.hears(frame(down(LinkRequest::reset_link_states)));
    bench.take_sent();
    bench.hears(frame(down(LinkRequest::confirmed_user_data, false, true), "c0 01"_hex));
    bench.hears(frame(down(LinkRequest::test_link_states, false, true)));
    EXPECT_TRUE(bench.sent.empty());
    EXPECT_TRUE(bench.fragments.empty());
    EXPECT_EQ(bench.stats().not_expected, 2u);
}

TEST(Dnp3Channel, AnotherMastersResetIsItsOwn) {
    Bench bench({}, {{.local = 10, .any_remote = true}});
    bench.open();
    bench.hears(frame(down(LinkRequest::reset_link_states)));
    bench.take_sent();
    FrameHeader other = down(LinkRequest::confirmed_user_data, true, true);
    other.source = 2;
    bench.hears(frame(other, "c0 01"_hex));
    FrameHeader refusal = answer_up(LinkAnswer::nack);
    refusal.destination = 2;
    EXPECT_EQ(bench.take_sent(), Frames{frame(refusal)});
    EXPECT_TRUE(bench.fragments.empty());
}

TEST(Dnp3Channel, UnknownRequestsAreNotSupported) {
    Bench bench({});
    bench.open();
    for (const std::uint8_t function : std::vector<std::uint8_t>{1, 5, 8, 15}) {
        FrameHeader header = down(LinkRequest::reset_link_states);
        header.function = function;
        bench.hears(frame(header));
        EXPECT_EQ(bench.take_sent(), Frames{frame(answer_up(LinkAnswer::not_supported))});
    }
    EXPECT_EQ(bench.stats().not_expected, 4u);
}

TEST(Dnp3Channel, AnswersThatNobodyWaitsForAreCounted) {
    Bench bench({.master = true});
    bench.open();
    for (const LinkAnswer answer : {LinkAnswer::ack, LinkAnswer::nack, LinkAnswer::link_status,
                                    LinkAnswer::not_supported, LinkAnswer::not_functioning})
        bench.hears(frame(answer_up(answer)));
    EXPECT_TRUE(bench.sent.empty());
    EXPECT_EQ(bench.stats().not_expected, 5u);
}

TEST(Dnp3Channel, DataWithoutAnyIsNotExpected) {
    Bench bench({});
    bench.open();
    bench.hears(frame(down(LinkRequest::unconfirmed_user_data)));
    EXPECT_EQ(bench.stats().not_expected, 1u);
}

// ---- confirmed user data ------------------------------------------------------------------------

Bench confirming() {
    Bench bench({.master = true, .keep_alive = {}},
                {{.local = 1, .remote = 10, .confirm_frames = true, .frame_within = 1s}});
    bench.open();
    bench.take_told();
    return bench;
}
Octets confirmed(bool count_bit, const Octets& data) {
    return frame(down(LinkRequest::confirmed_user_data, true, count_bit), data);
}
const Octets reset_request = frame(down(LinkRequest::reset_link_states));
const Octets ack = frame(answer_up(LinkAnswer::ack));
const Octets nack = frame(answer_up(LinkAnswer::nack));

TEST(Dnp3Channel, ConfirmedDataGoesFrameByFrameWithItsCountBit) {
    Bench bench = confirming();
    bench.send(0, 10, Octets(300, std::byte{7}));
    bench.send(0, 10, "c1 01"_hex);
    EXPECT_EQ(bench.take_sent(), Frames{reset_request});
    bench.hears(ack);
    EXPECT_EQ(bench.take_sent(), Frames{confirmed(true, "40"_hex + Octets(249, std::byte{7}))});
    bench.hears(ack);
    EXPECT_EQ(bench.take_sent(), Frames{confirmed(false, "81"_hex + Octets(51, std::byte{7}))});
    bench.hears(ack);
    EXPECT_EQ(bench.take_sent(), Frames{confirmed(true, "c2 c1 01"_hex)});
    bench.hears(ack);
    bench.passes(1h);
    bench.send(0, 10, "c2 01"_hex);
    EXPECT_EQ(bench.take_sent().back(), confirmed(false, "c3 c2 01"_hex));
    EXPECT_EQ(bench.stats().frames_repeated, 0u);
}

TEST(Dnp3Channel, AFrameThatNobodyConfirmsIsRepeatedAndThenLost) {
    Bench bench = confirming();
    bench.send(0, 10, "c1 01"_hex);
    bench.hears(ack);
    bench.take_sent();
    bench.passes(2s);
    EXPECT_EQ(bench.take_sent(), Frames(2, confirmed(true, "c0 c1 01"_hex)));
    EXPECT_TRUE(bench.told.empty());
    bench.passes(1s);
    EXPECT_EQ(bench.take_told(), Texts{"lost 0"});
    EXPECT_EQ(bench.stats().frames_repeated, 2u);
    EXPECT_EQ(bench.stats().sends_lost, 1u);
    bench.send(0, 10, "c2 01"_hex);  // and the link has to be reset again
    EXPECT_EQ(bench.take_sent(), Frames{reset_request});
}

TEST(Dnp3Channel, ALateConfirmationEndsTheRepeating) {
    Bench bench = confirming();
    bench.send(0, 10, "c1 01"_hex);
    bench.passes(1s);
    bench.hears(ack);
    bench.passes(1s);
    bench.take_sent();
    bench.hears(ack);
    bench.passes(1min);
    EXPECT_TRUE(bench.take_told().empty());
    EXPECT_EQ(bench.stats().sends_lost, 0u);
}

TEST(Dnp3Channel, ARefusedFrameGoesAgainAfterAReset) {
    Bench bench = confirming();
    bench.send(0, 10, "c1 01"_hex);
    bench.hears(ack);
    bench.take_sent();
    for (int i = 0; i < 2; ++i) {
        bench.hears(nack);
        EXPECT_EQ(bench.take_sent(), Frames{reset_request});
        bench.hears(ack);
        EXPECT_EQ(bench.take_sent(), Frames{confirmed(true, "c0 c1 01"_hex)});
    }
    bench.hears(nack);
    EXPECT_EQ(bench.take_told(), Texts{"lost 0"});
}

TEST(Dnp3Channel, AStationThatTakesNoMoreIsAskedUntilItDoes) {
    Bench bench = confirming();
    bench.send(0, 10, "c1 01"_hex);
    bench.send(0, 10, "c2 01"_hex);
    bench.hears(ack);
    bench.take_sent();
    bench.hears(frame(answer_up(LinkAnswer::ack, true)));
    EXPECT_TRUE(bench.sent.empty());
    bench.passes(1s);
    EXPECT_EQ(bench.take_sent(), Frames{frame(down(LinkRequest::request_link_status))});
    bench.hears(frame(answer_up(LinkAnswer::link_status, true)));
    EXPECT_TRUE(bench.sent.empty());
    bench.passes(1s);
    bench.take_sent();
    bench.hears(frame(answer_up(LinkAnswer::link_status)));
    EXPECT_EQ(bench.take_sent(), Frames{confirmed(false, "c1 c2 01"_hex)});
}

TEST(Dnp3Channel, AStationThatDoesNotConfirmAtAllIsGivenUp) {
    Bench bench = confirming();
    bench.send(0, 10, "c1 01"_hex);
    bench.hears(frame(answer_up(LinkAnswer::not_supported)));
    EXPECT_EQ(bench.take_told(), Texts{"lost 0"});
}

TEST(Dnp3Channel, MoreThanWaitsToBeConfirmedIsRefused) {
    Bench bench = confirming();
    for (std::size_t i = 0; i < Channel::sends_max; ++i) bench.send(0, 10, "c1 01"_hex);
    EXPECT_TRUE(bench.told.empty());
    bench.send(0, 10, "c1 01"_hex);
    EXPECT_EQ(bench.take_told(), Texts{"lost 0"});
    EXPECT_EQ(bench.stats().sends_refused, 1u);
}

TEST(Dnp3Channel, BroadcastsAreNeverConfirmed) {
    Bench bench = confirming();
    bench.send(0, 0xffff, "c1 01"_hex);
    FrameHeader header = down(LinkRequest::unconfirmed_user_data);
    header.destination = 0xffff;
    EXPECT_EQ(bench.take_sent(), Frames{frame(header, "c0 c1 01"_hex)});
}

// ---- everybody, and whoever it is ---------------------------------------------------------------

TEST(Dnp3Channel, BroadcastsReachEverySessionAndNobodyAnswers) {
    Bench bench(
        {}, {{.local = 10, .remote = 1}, {.local = 11, .remote = 1}, {.local = 12, .remote = 2}});
    bench.open();
    for (const Address everybody : std::vector<Address>{0xfffd, 0xfffe, 0xffff}) {
        FrameHeader header = down(LinkRequest::unconfirmed_user_data);
        header.destination = everybody;
        bench.hears(frame(header, "c0 06"_hex));
        const std::string to = std::to_string(everybody);
        EXPECT_EQ(bench.take_fragments(), (Texts{"0: 1 > " + to + " 06", "1: 1 > " + to + " 06"}));
    }
    for (const LinkRequest request :
         {LinkRequest::request_link_status, LinkRequest::reset_link_states,
          LinkRequest::confirmed_user_data}) {
        FrameHeader header = down(request, true, true);
        header.destination = 0xffff;
        bench.hears(frame(header, "c0 06"_hex));
    }
    EXPECT_TRUE(bench.sent.empty());
    EXPECT_TRUE(bench.fragments.empty());
    EXPECT_EQ(bench.stats().frames_delivered, 3u);
    EXPECT_EQ(bench.stats().not_expected, 3u);
}

TEST(Dnp3Channel, MastersAreNotEverybody) {
    Bench bench({.master = true});
    bench.open();
    FrameHeader header = up(LinkRequest::unconfirmed_user_data);
    header.destination = 0xffff;
    bench.hears(frame(header, "c0 06"_hex));
    EXPECT_TRUE(bench.fragments.empty());
    EXPECT_EQ(bench.stats().not_for_us, 1u);
}

TEST(Dnp3Channel, TheSelfAddressIsOursWhereItIsSwitchedOn) {
    for (const bool on : {false, true}) {
        Bench bench({.self_address = on});
        bench.open();
        FrameHeader header = down(LinkRequest::unconfirmed_user_data);
        header.destination = self_address;
        bench.hears(frame(header, "c0 01"_hex));
        EXPECT_EQ(bench.take_fragments(), on ? Texts{"0: 1 > 10 01"} : Texts{});
        header = down(LinkRequest::request_link_status);
        header.destination = self_address;
        bench.hears(frame(header));
        if (on)
            EXPECT_EQ(bench.take_sent(), Frames{frame(answer_up(LinkAnswer::link_status))});
        else
            EXPECT_TRUE(bench.sent.empty());
    }
}

// ---- lines --------------------------------------------------------------------------------------

TEST(Dnp3Channel, ALineThatClosesTakesWhatWasUnderWay) {
    Bench bench({.master = true});
    bench.open();
    bench.hears(frame(up(LinkRequest::unconfirmed_user_data), "40 01"_hex) + "05 64 ff"_hex);
    bench.close();
    EXPECT_EQ(bench.take_told(), (Texts{"up 0", "down 0"}));
    bench.send(0, 10, read_class_1);
    EXPECT_EQ(bench.stats().sends_refused, 1u);
    bench.open();
    bench.hears(frame(up(LinkRequest::unconfirmed_user_data), "81 02"_hex));
    EXPECT_TRUE(bench.fragments.empty());
    EXPECT_TRUE(bench.sent.empty());
    EXPECT_EQ(bench.stats().segments_out_of_order, 1u);
}

TEST(Dnp3Channel, TheNewestConnectionCounts) {
    Bench bench({});
    bench.open(PeerId{1});
    bench.open(PeerId{2});
    EXPECT_EQ(bench.take_told(), (Texts{"up 0", "down 0", "close 1", "up 0"}));
    bench.close(PeerId{1});  // says whoever closed it
    EXPECT_TRUE(bench.told.empty());
    const Octets request = frame(down(LinkRequest::request_link_status));
    bench.hears(request, PeerId{1});
    EXPECT_TRUE(bench.sent.empty());
    bench.hears(request, PeerId{2});
    EXPECT_EQ(bench.peers, std::vector{PeerId{2}});
}

TEST(Dnp3Channel, OrTheOlderOneStays) {
    Bench bench({.newest_wins = false});
    bench.open(PeerId{1});
    bench.open(PeerId{2});
    EXPECT_EQ(bench.take_told(), (Texts{"up 0", "close 2"}));
    EXPECT_EQ(bench.stats().peers_refused, 1u);
    bench.close(PeerId{1});
    bench.open(PeerId{3});
    EXPECT_EQ(bench.take_told(), (Texts{"down 0", "up 0"}));
}

TEST(Dnp3Channel, OctetsAfterAGapBeginAnotherFrame) {
    Bench bench({.master = true, .keep_alive = {}, .frame_gap = 2s});
    bench.open();
    const Octets sound = frame(up(LinkRequest::unconfirmed_user_data), "c0 01"_hex);
    const Octets long_one = frame(up(LinkRequest::unconfirmed_user_data), Octets(200));
    bench.hears(Octets(long_one.begin(), long_one.begin() + 30));
    bench.passes(3s);
    bench.hears(sound);
    EXPECT_EQ(bench.take_fragments(), Texts{"0: 10 > 1 01"});
    bench.hears(Octets(long_one.begin(), long_one.begin() + 30));
    bench.passes(1s);
    bench.hears(Octets(long_one.begin() + 30, long_one.end()));
    EXPECT_EQ(bench.stats().frames, 2u);
}

// ---- keep-alive ---------------------------------------------------------------------------------

TEST(Dnp3Channel, SilenceBringsALinkStatusRequest) {
    Bench bench({.master = true, .keep_alive = 60s, .keep_alive_within = 5s});
    bench.open();
    bench.passes(59s);
    EXPECT_TRUE(bench.sent.empty());
    bench.passes(1s);
    EXPECT_EQ(bench.take_sent(), Frames{frame(down(LinkRequest::request_link_status))});
    bench.passes(4s);
    bench.hears(frame(answer_up(LinkAnswer::link_status)));
    bench.passes(59s);
    EXPECT_TRUE(bench.sent.empty());
    EXPECT_EQ(bench.take_told(), Texts{"up 0"});
    EXPECT_EQ(bench.stats().frames_delivered, 1u);
}

TEST(Dnp3Channel, SilenceAfterItClosesTheConnection) {
    Bench bench({.master = true, .keep_alive = 60s, .keep_alive_within = 5s});
    bench.open();
    bench.passes(65s);
    EXPECT_EQ(bench.take_told(), (Texts{"up 0", "down 0", "close 0"}));
    EXPECT_EQ(bench.stats().keep_alives, 1u);
    EXPECT_EQ(bench.stats().keep_alive_failures, 1u);
    EXPECT_EQ(bench.channel.next_deadline(), never);
    bench.open();
    EXPECT_EQ(bench.take_told(), Texts{"up 0"});
    EXPECT_EQ(bench.channel.next_deadline(), bench.now + 60s);
}

TEST(Dnp3Channel, AnythingReceivedCountsForTheKeepAlive) {
    FrameHeader stranger = up(LinkRequest::unconfirmed_user_data);
    stranger.source = 77;
    for (const Octets& octets :
         {frame(up(LinkRequest::unconfirmed_user_data), "c0 01"_hex), frame(stranger, "c0"_hex),
          frame(up(LinkRequest::request_link_status)), frame(answer_up(LinkAnswer::ack)),
          frame(answer_up(LinkAnswer::not_supported))}) {
        Bench bench({.master = true, .keep_alive = 60s, .keep_alive_within = 5s});
        bench.open();
        bench.passes(62s);
        bench.hears(octets);
        bench.passes(59s);
        EXPECT_EQ(bench.stats().keep_alives, 1u);
        EXPECT_EQ(bench.take_told(), Texts{"up 0"});
    }
}

TEST(Dnp3Channel, BabbleKeepsNothingAlive) {
    Bench bench({.master = true, .keep_alive = 60s, .keep_alive_within = 5s});
    bench.open();
    for (int i = 0; i < 66; ++i) {
        bench.passes(1s);
        bench.hears("05 64 00 ff"_hex);
    }
    EXPECT_EQ(bench.take_told(), (Texts{"up 0", "down 0", "close 0"}));
}

TEST(Dnp3Channel, AnOutstationAsksWhoeverSpokeLast) {
    Bench bench({.keep_alive = 60s},
                {{.local = 10, .any_remote = true}, {.local = 11, .any_remote = true}});
    bench.open();
    FrameHeader header = down(LinkRequest::unconfirmed_user_data);
    header.destination = 11;
    header.source = 77;
    bench.hears(frame(header, "c0 01"_hex));
    bench.passes(60s);
    FrameHeader asked = up(LinkRequest::request_link_status);
    asked.destination = 77;
    asked.source = 11;
    EXPECT_EQ(bench.take_sent(), Frames{frame(asked)});
}

TEST(Dnp3Channel, KeepAliveIsForConnections) {
    Bench serial({.keep_alive = {}});
    serial.open();
    EXPECT_EQ(serial.channel.next_deadline(), never);
    Bench datagrams({.datagrams = true, .keep_alive = 60s});
    datagrams.open();
    EXPECT_EQ(datagrams.channel.next_deadline(), never);
}

// ---- datagrams ----------------------------------------------------------------------------------

TEST(Dnp3Channel, ADatagramHoldsWholeFramesAsManyAsFit) {
    Bench bench({.datagrams = true, .datagram_octets_max = 700});
    bench.open();
    bench.send(0, 1, Octets(2'048));
    const auto sent = bench.take_sent();
    ASSERT_EQ(sent.size(), 4u);
    std::size_t frames = 0;
    for (const Octets& datagram : sent) {
        EXPECT_LE(datagram.size(), 700u);
        Framer framer;
        frames += split(framer, datagram).size();
        EXPECT_EQ(framer.pending(), 0u);
        EXPECT_EQ(framer.stats().noise_octets, 0u);
    }
    EXPECT_EQ(frames, 9u);
}

TEST(Dnp3Channel, ALimitBelowAFrameIsAFrame) {
    Bench bench({.datagrams = true, .datagram_octets_max = 1});
    bench.open();
    bench.send(0, 1, Octets(400));
    EXPECT_EQ(bench.take_sent().size(), 2u);
}

TEST(Dnp3Channel, SeveralFramesOfADatagramAreTaken) {
    Bench bench({.master = true, .datagrams = true});
    bench.open();
    bench.hears(frame(up(LinkRequest::unconfirmed_user_data), "40 01"_hex) +
                frame(up(LinkRequest::unconfirmed_user_data), "81 02"_hex) +
                frame(up(LinkRequest::unconfirmed_user_data), "c2 03"_hex));
    EXPECT_EQ(bench.take_fragments(), (Texts{"0: 10 > 1 0102", "0: 10 > 1 03"}));
}

TEST(Dnp3Channel, NoFrameGoesAcrossDatagrams) {
    Bench bench({.master = true, .datagrams = true});
    bench.open();
    const Octets sound = frame(up(LinkRequest::unconfirmed_user_data), "c0 01"_hex);
    for (std::size_t cut = 1; cut < sound.size(); ++cut) {
        bench.hears(Octets(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(cut)));
        bench.hears(Octets(sound.begin() + static_cast<std::ptrdiff_t>(cut), sound.end()));
    }
    EXPECT_TRUE(bench.take_fragments().empty());
    EXPECT_GE(bench.stats().frames_across_datagrams, sound.size() - 1);
    bench.hears(sound);
    EXPECT_EQ(bench.take_fragments().size(), 1u);
}

TEST(Dnp3Channel, AnOutstationAnswersTheAddressThatAsked) {
    Bench bench({.datagrams = true});
    bench.open(PeerId{0});
    bench.open(PeerId{7});
    EXPECT_EQ(bench.take_told(), Texts{"up 0"});
    const Octets request = frame(down(LinkRequest::request_link_status));
    bench.hears(request, PeerId{7});
    bench.send(0, 1, "c0 81 00 00"_hex);
    bench.hears(request, PeerId{0});
    EXPECT_EQ(bench.peers, (std::vector{PeerId{7}, PeerId{7}, PeerId{0}}));
    bench.close(PeerId{0});
    bench.send(0, 1, "c0 81 00 00"_hex);
    EXPECT_EQ(bench.peers.back(), PeerId{7});
    bench.close(PeerId{7});
    EXPECT_EQ(bench.take_told(), Texts{"down 0"});
}

TEST(Dnp3Channel, AMasterStaysWithTheAddressThatItWasGiven) {
    Bench bench({.master = true, .datagrams = true});
    bench.open(PeerId{0});
    bench.open(PeerId{7});
    bench.hears(frame(up(LinkRequest::unconfirmed_user_data), "c0 01"_hex), PeerId{7});
    bench.send(0, 10, read_class_1);
    EXPECT_EQ(bench.peers, std::vector{PeerId{0}});
}

TEST(Dnp3Channel, AddressesBeyondTheLimitAreRefused) {
    Bench bench({.datagrams = true});
    for (std::uint32_t i = 0; i <= Channel::peers_max; ++i) bench.open(PeerId{i});
    EXPECT_EQ(bench.take_told(), (Texts{"up 0", "close 64"}));
    EXPECT_EQ(bench.stats().peers_refused, 1u);
}

// ---- turns --------------------------------------------------------------------------------------

/// A serial master of three outstations, 10 to 12.
Bench shared_line() {
    Bench bench(
        {.master = true, .keep_alive = {}, .take_turns = true},
        {{.local = 1, .remote = 10}, {.local = 1, .remote = 11}, {.local = 1, .remote = 12}});
    bench.open();
    return bench;
}
/// Destinations and functions of what was sent.
Texts on_the_line(Bench& bench) {
    Texts all;
    for (const Octets& octets : bench.take_sent()) {
        Framer framer;
        framer.feed(octets);
        while (const auto found = framer.next())
            all.push_back(std::to_string(found->header.destination) + " " +
                          to_hex(found->data.subspan(1)));
    }
    return all;
}

TEST(Dnp3Channel, OneRequestAtATimeIsOnASharedLine) {
    Bench bench = shared_line();
    bench.send(0, 10, "c0 01"_hex);
    bench.send(1, 11, "c1 01"_hex);
    bench.send(2, 12, "c2 01"_hex);
    EXPECT_EQ(on_the_line(bench), Texts{"10 c001"});
    EXPECT_FALSE(bench.channel.holds(0));
    EXPECT_TRUE(bench.channel.holds(1));
    bench.give(Channel::TurnOver{0});
    EXPECT_EQ(on_the_line(bench), Texts{"11 c101"});
    EXPECT_FALSE(bench.channel.holds(1));
    bench.give(Channel::TurnOver{1});
    EXPECT_EQ(on_the_line(bench), Texts{"12 c201"});
    bench.give(Channel::TurnOver{2});
    bench.send(1, 11, "c3 01"_hex);
    EXPECT_EQ(on_the_line(bench), Texts{"11 c301"});
}

TEST(Dnp3Channel, WhatWantsNoAnswerKeepsNobodyWaiting) {
    Bench bench = shared_line();
    bench.send(0, 10, "c0 06"_hex);
    bench.send(1, 0xffff, "c0 02"_hex);
    bench.send(2, 12, "c0 00"_hex);
    bench.send(1, 11, "c1 01"_hex);
    EXPECT_EQ(on_the_line(bench), (Texts{"10 c006", "65535 c002", "12 c000", "11 c101"}));
    bench.send(1, 11, "c1 00"_hex);  // a confirmation of its own is part of its turn
    EXPECT_EQ(on_the_line(bench), Texts{"11 c100"});
}

TEST(Dnp3Channel, ManyRequestsAreATurnEach) {
    Bench bench = shared_line();
    bench.send(0, 10, "c0 01"_hex);
    bench.send(1, 11, "c0 01"_hex);
    bench.send(0, 10, "c1 01"_hex);
    EXPECT_EQ(on_the_line(bench), (Texts{"10 c001", "11 c001"}));
    EXPECT_TRUE(bench.channel.holds(0));
    bench.give(Channel::TurnOver{1});
    EXPECT_EQ(on_the_line(bench), Texts{"10 c101"});
}

TEST(Dnp3Channel, NobodyComesBetweenASelectionAndItsOperation) {
    Bench bench = shared_line();
    bench.send(0, 10, "c0 03"_hex);
    bench.send(1, 11, "c0 01"_hex);
    bench.send(0, 10, "c1 04"_hex);
    EXPECT_EQ(on_the_line(bench), (Texts{"10 c003", "10 c104"}));
}

TEST(Dnp3Channel, WhoeverGivesUpBeforeItsTurnHasNone) {
    Bench bench = shared_line();
    bench.send(0, 10, "c0 01"_hex);
    bench.send(1, 11, "c0 01"_hex);
    bench.give(Channel::TurnOver{1});
    EXPECT_FALSE(bench.channel.holds(1));
    bench.send(2, 12, "c0 01"_hex);
    bench.send(2, 12, "c1 01"_hex);  // nobody waits for the first any more
    bench.give(Channel::TurnOver{0});
    EXPECT_EQ(on_the_line(bench), (Texts{"10 c001", "12 c101"}));
}

TEST(Dnp3Channel, MoreThanWaitsForATurnIsRefused) {
    Bench bench = shared_line();
    bench.send(0, 10, "c0 01"_hex);
    for (std::size_t i = 0; i <= Channel::sends_max; ++i) bench.send(1, 11, "c0 00"_hex);
    EXPECT_EQ(bench.stats().sends_refused, 1u);
    bench.give(Channel::TurnOver{0});
    EXPECT_EQ(on_the_line(bench).size(), 1 + Channel::sends_max);
}

TEST(Dnp3Channel, ALineThatClosesEndsAllTurns) {
    Bench bench = shared_line();
    bench.send(0, 10, "c0 01"_hex);
    bench.send(1, 11, "c0 01"_hex);
    bench.close();
    EXPECT_FALSE(bench.channel.holds(1));
    bench.open();
    bench.take_sent();
    bench.send(2, 12, "c0 01"_hex);
    EXPECT_EQ(on_the_line(bench), Texts{"12 c001"});
}

}  // namespace
}  // namespace causeway::scada::dnp3::channel_test
