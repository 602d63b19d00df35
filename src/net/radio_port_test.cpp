#include "net/radio_port.hpp"

#include "base/hex.hpp"
#include "net/testing.hpp"
#include "net/udp_socket.hpp"

#include <gtest/gtest.h>

namespace causeway::net::radio_port_test {
namespace {

using testing::turn_until;

const Octets ack_frame = "02 00 55 90 b0"_hex;

/// A port, and the socket of the emulated node that it stands for.
struct Pair {
    Io io;
    UdpSocket node = UdpSocket::open(io, "127.0.0.1:0").value();
    RadioPort port = RadioPort::open(io, {.local = Endpoint::parse("127.0.0.1:0").value(),
                                          .remote = node.local(),
                                          .device = 9})
                         .value();
    std::vector<Octets> frames;
    std::vector<RadioPort::Received> about;  // without the octets

    Pair() {
        port.receive([this](const RadioPort::Received& received) {
            frames.push_back(to_octets(received.frame));
            about.push_back(received);
        });
    }
    void say(Bytes wire) { node.send(port.local(), wire); }
    bool counted(std::uint64_t datagrams) {
        return turn_until(io, [&] { return port.stats().received == datagrams; });
    }
};

Octets data_packet(Bytes frame, zep::Trailer trailer = zep::Trailer::fcs) {
    zep::Packet packet;
    auto& data = std::get<zep::Data>(packet.body);
    data.channel = 26;
    data.lqi = 99;
    data.trailer = trailer;
    data.frame.assign(frame);
    return emitted(packet);
}

TEST(RadioPort, AFrameArrivesWithItsFcsAndQuality) {
    Pair pair;
    pair.say(data_packet(ack_frame));
    ASSERT_TRUE(pair.counted(1));
    ASSERT_EQ(pair.frames.size(), 1u);
    EXPECT_EQ(pair.frames[0], ack_frame);
    EXPECT_EQ(pair.about[0].lqi, 99);
    EXPECT_EQ(pair.about[0].channel, 26);
    EXPECT_TRUE(pair.about[0].has_fcs);
}

TEST(RadioPort, WhatIsSentIsZepVersionTwoWithRisingSequenceNumbers) {
    Pair pair;
    std::vector<zep::Data> heard;
    pair.node.receive([&](const Endpoint& from, Bytes octets) {
        EXPECT_EQ(from, pair.port.local());
        heard.push_back(std::get<zep::Data>(parse_as<zep::Packet>(octets).value().body));
    });
    EXPECT_TRUE(pair.port.send(ack_frame, 255, 26));
    EXPECT_TRUE(pair.port.send(Octets(127), 1, 11));
    ASSERT_TRUE(turn_until(pair.io, [&] { return heard.size() == 2; }));
    EXPECT_EQ(heard[0].version, 2);
    EXPECT_EQ(heard[0].device, 9);
    EXPECT_EQ(heard[0].lqi, 255);
    EXPECT_EQ(heard[0].channel, 26);
    EXPECT_EQ(heard[0].sequence, 1u);
    EXPECT_EQ(heard[1].sequence, 2u);
    EXPECT_GE(heard[1].time, heard[0].time);
    EXPECT_GT(heard[0].time >> 32, 2'208'988'800u);  // after 1970
    EXPECT_EQ(to_octets(heard[0].frame.bytes()), ack_frame);
    EXPECT_EQ(heard[1].frame.size(), 127u);
    EXPECT_EQ(pair.port.stats().sent, 2u);
}

TEST(RadioPort, AnAnswerLeavesInTheTurnThatReadTheFrame) {
    Io io;
    UdpSocket node = UdpSocket::open(io, "127.0.0.1:0").value();
    RadioPort port = RadioPort::open(io, {.local = Endpoint::parse("127.0.0.1:0").value(),
                                          .remote = node.local()})
                         .value();
    std::uint64_t sent_in_callback = 0;
    port.receive([&](const RadioPort::Received&) {
        port.send(ack_frame, 255, 26);
        sent_in_callback = port.stats().sent;
    });
    node.send(port.local(), data_packet("41 88 01 cd ab 01 00 02 00 00 00"_hex));
    io.run_one_for(std::chrono::seconds(10));
    EXPECT_EQ(sent_in_callback, 1u);
}

TEST(RadioPort, AForeignSenderIsIgnored) {
    Pair pair;
    UdpSocket stranger = UdpSocket::open(pair.io, "127.0.0.1:0").value();
    stranger.send(pair.port.local(), data_packet(ack_frame));
    ASSERT_TRUE(pair.counted(1));
    EXPECT_TRUE(pair.frames.empty());
    EXPECT_EQ(pair.port.stats().foreign, 1u);
    EXPECT_TRUE(pair.port.stats().balanced());
}

TEST(RadioPort, EveryDatagramThatIsNoFrameHasItsReason) {
    Pair pair;
    pair.say("00"_hex);
    pair.say(data_packet("01 02"_hex));
    pair.say(Octets(60'000));
    pair.say(emitted(zep::Packet{zep::Ack{1}}));
    Octets greeting = data_packet({});
    greeting[3] = std::byte{255};
    pair.say(greeting);
    pair.say(data_packet("02 00 55 d0 6b"_hex, zep::Trailer::radio_status));
    ASSERT_TRUE(pair.counted(6));
    const RadioPort::Stats& stats = pair.port.stats();
    EXPECT_EQ(stats.malformed, 3u);
    EXPECT_EQ(stats.acks, 1u);
    EXPECT_EQ(stats.unsupported, 1u);
    EXPECT_EQ(stats.unsound, 1u);
    EXPECT_TRUE(stats.balanced());
    EXPECT_TRUE(pair.frames.empty());
}

TEST(RadioPort, ARadiosOwnStatusIsTakenOffTheFrame) {
    Pair pair;
    pair.say(data_packet("02 00 55 d0 eb"_hex, zep::Trailer::radio_status));
    ASSERT_TRUE(pair.counted(1));
    ASSERT_EQ(pair.frames.size(), 1u);
    EXPECT_EQ(pair.frames[0], "02 00 55"_hex);
    EXPECT_FALSE(pair.about[0].has_fcs);
}

TEST(RadioPort, TroubleOpeningIsOneLine) {
    Io io;
    const Endpoint v4 = Endpoint::parse("127.0.0.1:0").value();
    const Endpoint v6 = Endpoint::parse("[::1]:1").value();
    EXPECT_EQ(RadioPort::open(io, {.local = v4, .remote = v6}).error().line,
              "cannot reach [::1]:1 from 127.0.0.1:0: one is IPv4, the other IPv6");
    const UdpSocket taken = UdpSocket::open(io, v4).value();
    EXPECT_EQ(RadioPort::open(io, {.local = taken.local(), .remote = v4}).error().line,
              "cannot listen on " + taken.local().text() + ": address already in use");
}

}  // namespace
}  // namespace causeway::net::radio_port_test
