#include "lowpan/adaptation.hpp"

#include "lowpan/packets_for_test.hpp"
#include "lowpan/shapes_for_test.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace causeway::lowpan::adaptation_test {
namespace {

using namespace testing;
using namespace std::chrono_literals;

/// One engine with its outputs sorted.
struct Host {
    Settings settings{};
    Link own = alice;
    std::uint64_t seed = 1;
    Adaptation engine{own, settings, some_contexts(), Random(seed), Instant{}};
    std::deque<SendFrame> frames{};
    std::deque<PacketArrived> arrived{};
    std::deque<PacketSent> sent{};

    void drain() {
        while (auto out = engine.poll_output())
            std::visit(Overloaded{[&](SendFrame& f) { frames.push_back(std::move(f)); },
                                  [&](PacketArrived& p) { arrived.push_back(std::move(p)); },
                                  [&](PacketSent& p) { sent.push_back(std::move(p)); }},
                       *out);
        EXPECT_TRUE(engine.stats().balanced());
    }
    void handle(Adaptation::Input in, Instant now = {}) {
        engine.handle(now, std::move(in));
        drain();
    }
    void send(Octets packet, std::uint32_t handle = 1, Link next_hop = bob) {
        this->handle(
            SendPacket{.packet = std::move(packet), .next_hop = next_hop, .handle = handle});
    }
    /// Answers the oldest frame.
    SendFrame answer(bool delivered = true, std::uint8_t attempts = 1) {
        EXPECT_FALSE(frames.empty());
        if (frames.empty()) return {};
        SendFrame frame = std::move(frames.front());
        frames.pop_front();
        handle(FrameSent{.frame_handle = frame.frame_handle,
                         .delivered = delivered,
                         .attempts = attempts,
                         .frame_octets = static_cast<std::uint8_t>(21 + frame.payload.size())});
        return frame;
    }
    void hear(Bytes payload, Instant now = {}, Link source = bob, Link destination = alice) {
        handle(FrameArrived{source, destination, FramePayload(payload)}, now);
    }
};

/// Carries every frame from one to the other until there are none.
void carry(Host& from, Host& to) {
    for (int i = 0; !from.frames.empty(); ++i) {
        ASSERT_LT(i, 1000);
        const SendFrame frame = from.answer();
        to.hear(frame.payload.bytes(), {}, from.own, frame.destination);
    }
}

TEST(Adaptation, ASmallPacketTravelsInOneFrame) {
    Host host;
    const Octets packet = counted_udp(10);
    host.send(packet, 42);
    ASSERT_EQ(host.frames.size(), 1u);
    EXPECT_EQ(host.frames[0].destination, bob);
    EXPECT_EQ(host.frames[0].header_octets, 8u);
    EXPECT_EQ(host.frames[0].payload.size(), 18u);
    EXPECT_TRUE(host.sent.empty());
    host.answer(true, 3);
    ASSERT_EQ(host.sent.size(), 1u);
    EXPECT_EQ(host.sent[0].handle, 42u);
    EXPECT_TRUE(host.sent[0].delivered);
    EXPECT_EQ(host.sent[0].reason, PacketFailure::none);
    EXPECT_TRUE(host.sent[0].packet.empty());
    EXPECT_EQ(host.sent[0].link_octets, 3u * (21 + 2));
    EXPECT_EQ(host.sent[0].lowpan_octets, 3u * 8);
    EXPECT_EQ(host.sent[0].payload_octets, 3u * 10);
}

TEST(Adaptation, WhatOneSendsTheOtherGets) {
    for (std::size_t octets = 0; octets <= 1232; octets += 29) {
        Host from;
        Host to{.own = bob};
        const Octets packet = counted_udp(octets);
        from.send(packet);
        carry(from, to);
        ASSERT_EQ(to.arrived.size(), 1u) << octets;
        EXPECT_EQ(to.arrived[0].packet, packet);
        EXPECT_EQ(to.arrived[0].source, alice);
        EXPECT_EQ(to.arrived[0].destination, bob);
        ASSERT_EQ(from.sent.size(), 1u);
        EXPECT_TRUE(from.sent[0].delivered);
        EXPECT_EQ(from.engine.outgoing_packets(), 0u);
    }
}

TEST(Adaptation, AFrameIsFilledToItsLastOctet) {
    Host host;
    // 104 octets beside two extended addresses, 110 beside the broadcast address.
    EXPECT_EQ(host.engine.payload_octets_max(bob), 104u);
    EXPECT_EQ(host.engine.payload_octets_max(Link::broadcast()), 110u);
    host.send(counted_udp(96), 1);
    EXPECT_EQ(host.frames.back().payload.size(), 104u);
    EXPECT_EQ(host.engine.stats().out_frag_reqds, 0u);
    host.send(counted_udp(97), 2);
    EXPECT_EQ(host.engine.stats().out_frag_reqds, 1u);
}

TEST(Adaptation, MulticastGoesToTheBroadcastAddress) {
    Host host;
    Host other{.own = bob};
    const Octets packet = Packet{.hop_limit = 255, .target = "ff02::1a"}.octets();
    host.send(packet, 1, Link::broadcast());
    ASSERT_EQ(host.frames.size(), 1u);
    EXPECT_EQ(to_hex(host.frames[0].payload.bytes(), " "), "7b 3b 3a 1a 80 00");
    carry(host, other);
    ASSERT_EQ(other.arrived.size(), 1u);
    EXPECT_EQ(other.arrived[0].packet, packet);
    EXPECT_EQ(other.arrived[0].destination, Link::broadcast());
}

TEST(Adaptation, WithoutANextHopOnlyMulticastHasAWay) {
    Host host;
    host.send(Packet{.target = "ff02::1"}.octets(), 1, {});
    ASSERT_EQ(host.frames.size(), 1u);
    EXPECT_EQ(host.frames[0].destination, Link::broadcast());
    host.send(Packet{}.octets(), 2, {});
    ASSERT_EQ(host.sent.size(), 1u);
    EXPECT_EQ(host.sent[0].reason, PacketFailure::malformed);
    // A group's packet may go to one neighbour.
    host.send(Packet{.target = "ff02::1"}.octets(), 3, bob);
    EXPECT_EQ(host.frames[1].destination, bob);
}

TEST(Adaptation, FragmentsGoOutOneAtATime) {
    Host host;
    host.send(counted_udp(400));
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(host.frames.size(), 1u);
        EXPECT_TRUE(host.sent.empty());
        host.answer();
    }
    EXPECT_TRUE(host.frames.empty());
    ASSERT_EQ(host.sent.size(), 1u);
    EXPECT_TRUE(host.sent[0].delivered);
    EXPECT_EQ(host.sent[0].payload_octets, 400u);
    EXPECT_EQ(host.sent[0].lowpan_octets, 12u + 4 * 5);
    EXPECT_EQ(host.sent[0].link_octets, 5u * 23);
    const auto stats = host.engine.stats();
    EXPECT_EQ(stats.out_frag_creates, 5u);
    EXPECT_EQ(stats.out_frag_oks, 1u);
    EXPECT_EQ(stats.out_transmits, 5u);
}

TEST(Adaptation, AFailedFragmentTakesTheRestWithIt) {
    Host host;
    const Octets packet = counted_udp(400);
    host.send(packet, 9);
    host.answer();
    host.answer(false, 8);
    EXPECT_TRUE(host.frames.empty());
    ASSERT_EQ(host.sent.size(), 1u);
    EXPECT_FALSE(host.sent[0].delivered);
    EXPECT_EQ(host.sent[0].reason, PacketFailure::no_ack);
    EXPECT_EQ(host.sent[0].packet, packet);
    EXPECT_EQ(host.sent[0].link_octets, 9u * 23);
    EXPECT_EQ(host.engine.stats().out_frag_fails, 1u);
}

TEST(Adaptation, ABusyChannelHasItsOwnReason) {
    Host host;
    host.send(counted_udp(4));
    host.handle(FrameSent{.frame_handle = host.frames[0].frame_handle, .channel_busy = true});
    ASSERT_EQ(host.sent.size(), 1u);
    EXPECT_EQ(host.sent[0].reason, PacketFailure::channel_busy);
    EXPECT_EQ(host.sent[0].packet, counted_udp(4));
    EXPECT_EQ(host.sent[0].link_octets + host.sent[0].payload_octets, 0u);
}

TEST(Adaptation, FragmentedPacketsTakeTurnsAndSmallOnesDoNotWait) {
    Host host;
    host.send(counted_udp(300), 1);
    host.send(counted_udp(301), 2);
    host.send(counted_udp(5), 3);
    ASSERT_EQ(host.frames.size(), 2u);  // the first fragment, and the small packet
    const auto tag_of = [](const SendFrame& f) { return to_hex(f.payload.bytes().subspan(2, 2)); };
    const std::string first_tag = tag_of(host.frames[0]);
    std::vector<std::uint32_t> finished;
    while (!host.frames.empty()) host.answer();
    for (const PacketSent& sent : host.sent) finished.push_back(sent.handle);
    EXPECT_EQ(finished, (std::vector<std::uint32_t>{3, 1, 2}));
}

TEST(Adaptation, TagsCountUpAndWrap) {  // [RFC 4944 §5.3]
    Host host;
    std::optional<std::uint16_t> last;
    for (int i = 0; i < 70'000; ++i) {
        host.send(counted_udp(100));
        ByteReader in(host.frames[0].payload.bytes());
        const std::uint16_t tag = FragmentHeader::parse(in)->datagram_tag;
        if (last) {
            ASSERT_EQ(tag, static_cast<std::uint16_t>(*last + 1));
        }
        last = tag;
        host.answer(false);
        host.sent.clear();
    }
}

TEST(Adaptation, TheQueueRefusesWhatIsOverItsLimitAndGivesItBack) {
    Host host;
    const Octets packet = counted_udp(5);
    const auto limit = static_cast<std::uint32_t>(host.engine.settings().outgoing_packets_max);
    for (std::uint32_t i = 0; i < limit; ++i) host.send(packet, i);
    EXPECT_TRUE(host.sent.empty());
    host.send(packet, limit);
    ASSERT_EQ(host.sent.size(), 1u);
    EXPECT_EQ(host.sent[0].handle, limit);
    EXPECT_EQ(host.sent[0].reason, PacketFailure::queue_full);
    EXPECT_EQ(host.sent[0].packet, packet);
    EXPECT_EQ(host.engine.stats().out_queue_full, 1u);
    host.answer();
    host.send(packet, 9);
    EXPECT_EQ(host.frames.size(), limit);
}

TEST(Adaptation, PacketsThatNoFragmentHeaderCanDescribeAreRefused) {
    Host host;
    host.send(counted_udp(1999));  // 2047
    EXPECT_EQ(host.frames.size(), 1u);
    host.send(counted_udp(2000), 2);
    ASSERT_EQ(host.sent.size(), 1u);
    EXPECT_EQ(host.sent[0].reason, PacketFailure::too_big);
    EXPECT_EQ(host.sent[0].packet.size(), 2048u);
}

TEST(Adaptation, FramesTooSmallForAFragmentRefuseEverything) {
    Host host{.settings = {.frame_octets_max = 60}};
    host.send(counted_udp(1));
    ASSERT_EQ(host.sent.size(), 1u);
    EXPECT_EQ(host.sent[0].reason, PacketFailure::too_big);
    EXPECT_EQ((Settings{.frame_octets_max = 3}.payload_octets_max(alice, bob)), 0u);
}

TEST(Adaptation, WhatIsNoIpv6PacketIsRefused) {
    Host host;
    host.send({}, 1);
    host.send("45 00 00 14"_hex, 2);
    Octets damaged = counted_udp(4);
    damaged.back() ^= std::byte{1};
    host.handle(SendPacket{damaged, bob, 3, true});
    ASSERT_EQ(host.sent.size(), 3u);
    for (const PacketSent& sent : host.sent) EXPECT_EQ(sent.reason, PacketFailure::malformed);
    EXPECT_EQ(host.engine.stats().out_malformed, 3u);
}

TEST(Adaptation, ChecksumsAreElidedOnlyWhereAuthorised) {
    Host from;
    Host to{.own = bob};
    from.send(counted_udp(4), 1);
    from.handle(SendPacket{counted_udp(4), bob, 2, true});
    from.handle(SendPacket{counted_udp(400), bob, 3, true});
    ASSERT_EQ(from.frames.size(), 3u);
    EXPECT_EQ(from.frames[0].payload.size(), 12u);
    EXPECT_EQ(from.frames[1].payload.size(), 10u);
    carry(from, to);
    ASSERT_EQ(to.arrived.size(), 3u);
    EXPECT_EQ(to.arrived[0].packet, counted_udp(4));
    EXPECT_EQ(to.arrived[1].packet, counted_udp(4));
    EXPECT_EQ(to.arrived[2].packet, counted_udp(400));
    Host strict{.settings = {.accept_elided_udp_checksum = false}};
    strict.hear("7e 77 f5 16 33 b0 00"_hex);
    EXPECT_TRUE(strict.arrived.empty());
    EXPECT_EQ(strict.engine.stats().in_packet_failures, 1u);
}

TEST(Adaptation, OutcomesOfUnknownFramesAreIgnored) {
    Host host;
    host.handle(FrameSent{.frame_handle = 77, .delivered = true, .attempts = 1});
    host.send(counted_udp(4));
    const SendFrame frame = host.answer();
    host.handle(FrameSent{.frame_handle = frame.frame_handle, .delivered = true, .attempts = 1});
    EXPECT_EQ(host.sent.size(), 1u);
    EXPECT_EQ(host.engine.stats().frames_unasked, 2u);
}

TEST(Adaptation, EveryOtherDispatchIsCountedAndDropped) {
    Host host;
    for (const std::string_view payload : {"", "00 01", "3f", "42 fb 3a", "50 07", "85 01 02 03 04",
                                           "40 01", "43", "c8 00", "7a 34 3a", "f5 01", "41 60"})
        host.hear(*from_hex(payload));
    EXPECT_TRUE(host.arrived.empty());
    const auto stats = host.engine.stats();
    EXPECT_EQ(stats.in_receives, 12u);
    EXPECT_EQ(stats.in_empty, 1u);
    EXPECT_EQ(stats.in_not_lowpan, 2u);
    EXPECT_EQ(stats.in_hc1, 1u);
    EXPECT_EQ(stats.in_mesh_receives, 1u);
    EXPECT_EQ(stats.in_unknown_dispatch, 4u);
    EXPECT_EQ(stats.in_packet_failures, 3u);
    EXPECT_EQ(stats.in_hdr_errors(), 9u);
}

TEST(Adaptation, UncompressedAndPagedPacketsAreTaken) {
    Host host;
    Octets plain = "41"_hex;
    const Octets packet =
        Packet{.source = "fe80::212:4b00:615:8a2e", .target = "fe80::212:4b00:14b5:d9c1"}.octets();
    plain.insert(plain.end(), packet.begin(), packet.end());
    host.hear(plain);
    host.hear("f1 7a 33 3a 80 00"_hex);
    ASSERT_EQ(host.arrived.size(), 2u);
    EXPECT_EQ(host.arrived[0].packet, packet);
    EXPECT_EQ(host.arrived[1].packet, packet);
}

TEST(Adaptation, DatagramsOverTheMtuAreReassembled) {
    const Octets packet = counted_udp(1999);
    Host host;
    Octets out(104);
    const auto first = first_fragment(packet, {bob, alice}, some_contexts(), 1, out);
    host.hear(Bytes(out).first(first->written));
    for (std::size_t at = first->next_offset; at < packet.size();) {
        const Fragment next = next_fragment(packet, at, 1, out);
        host.hear(Bytes(out).first(next.written));
        at = next.next_offset;
    }
    ASSERT_EQ(host.arrived.size(), 1u);
    EXPECT_EQ(host.arrived[0].packet, packet);
}

TEST(Adaptation, TheDeadlineIsTheReassemblysAndTheContexts) {
    Host host;
    EXPECT_EQ(host.engine.next_deadline(), never);
    host.engine.contexts().set(9, {.prefix = prefix("fd00:9::/64"), .valid_until = Instant(20s)});
    EXPECT_EQ(host.engine.next_deadline(), Instant(20s));
    host.hear("c0 f8 00 01 7a 33 3a 00 00 00 00 00 00 00 00"_hex, Instant(2s));
    EXPECT_EQ(host.engine.next_deadline(), Instant(10s));
    host.engine.handle_timeout(Instant(9s));
    host.engine.handle_timeout(Instant(10s));
    host.engine.handle_timeout(Instant(10s));
    EXPECT_EQ(host.engine.stats().reassembly.datagrams_expired, 1u);
    EXPECT_EQ(host.engine.next_deadline(), Instant(20s));
    host.engine.handle_timeout(Instant(20s));
    EXPECT_FALSE(host.engine.contexts().find(9)->compression_allowed);
    EXPECT_GT(host.engine.next_deadline(), Instant(20s));
    EXPECT_FALSE(host.engine.poll_output().has_value());
}

TEST(Adaptation, LeavingTheNetworkDiscardsWhatIsIncomplete) {  // [RFC 4944 §5.3]
    Host host;
    host.send(counted_udp(300), 1);
    host.send(counted_udp(5), 2);
    host.send(counted_udp(301), 3);
    host.hear("c0 f8 00 01 7a 33 3a 00 00 00 00 00 00 00 00"_hex);
    host.handle(Disassociated{});
    ASSERT_EQ(host.sent.size(), 2u);
    EXPECT_EQ(host.sent[0].reason, PacketFailure::disassociated);
    EXPECT_EQ(host.sent[0].packet, counted_udp(300));
    EXPECT_EQ(host.sent[1].handle, 3u);
    EXPECT_EQ(host.engine.stats().reassembly.datagrams_abandoned, 1u);
    EXPECT_EQ(host.engine.next_deadline(), never);
    // The small one is with the MAC; the fragment's outcome concerns nobody any more.
    host.answer();
    host.answer();
    EXPECT_EQ(host.sent.size(), 3u);
    EXPECT_EQ(host.engine.stats().frames_unasked, 1u);
    // And fragments are sent again.
    host.send(counted_udp(300), 4);
    EXPECT_EQ(host.frames.size(), 1u);
}

TEST(Adaptation, SameSeedAndInputsGiveTheSameOutputs) {  // the fifth law of engines
    const auto run = [] {
        Host host{.seed = 7};
        std::string log;
        Random random(9);
        for (int i = 0; i < 300; ++i) {
            const std::uint64_t kind = random.below(3);
            const std::size_t octets = random.below(300);
            if (kind == 0) host.send(counted_udp(octets), static_cast<std::uint32_t>(i));
            if (kind != 0 && !host.frames.empty())
                log += to_hex(host.answer(kind == 1).payload.bytes());
        }
        for (const PacketSent& sent : host.sent) log += std::to_string(sent.handle);
        return log;
    };
    EXPECT_EQ(run(), run());
}

TEST(Adaptation, PacketsOfEveryShapeCrossALossyLinkWholeOrNotAtAll) {
    Random random(11);
    const Contexts contexts = some_contexts();
    Host from;
    Host to{.own = bob};
    std::size_t asked = 0;
    for (int i = 0; i < 3000; ++i) {
        const Octets packet = shapes::random_packet(random, alice_to_bob, contexts);
        if (packet.size() > packet_octets_max) continue;
        ++asked;
        from.send(packet, static_cast<std::uint32_t>(i));
        while (!from.frames.empty()) {
            const bool lost = random.below(20) == 0;
            const SendFrame frame = from.answer(!lost);
            if (!lost) to.hear(frame.payload.bytes(), Instant(i * 1s), alice, bob);
        }
        ASSERT_EQ(from.sent.size(), 1u);
        if (from.sent[0].delivered) {
            ASSERT_EQ(to.arrived.size(), 1u);
            ASSERT_EQ(to.arrived[0].packet, packet);
        } else {
            ASSERT_EQ(from.sent[0].packet, packet);
            ASSERT_TRUE(to.arrived.empty());
        }
        from.sent.clear();
        to.arrived.clear();
    }
    EXPECT_EQ(from.engine.stats().out_requests, asked);
}

TEST(Adaptation, CountersAreNamedAfterTheirMib) {  // [RFC 7388 §3]
    Host host;
    host.hear("7a 33 3a 80 00"_hex);
    std::vector<std::string> names;
    host.engine.stats().visit([&](std::string_view name, std::uint64_t) {
        EXPECT_EQ(std::ranges::find(names, name), names.end()) << name;
        names.emplace_back(name);
    });
    for (const std::string_view name :
         {"in_receives",    "in_hdr_errors",  "in_mesh_receives", "in_reasm_reqds",
          "in_reasm_fails", "in_reasm_oks",   "in_comp_reqds",    "in_comp_fails",
          "in_comp_oks",    "in_discards",    "in_delivers",      "out_requests",
          "out_comp_reqds", "out_comp_fails", "out_comp_oks",     "out_frag_reqds",
          "out_frag_fails", "out_frag_oks",   "out_frag_creates", "out_discards",
          "out_transmits"})
        EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
}

}  // namespace
}  // namespace causeway::lowpan::adaptation_test
