// Connections of a bridge that are cut, and processes that are killed, between any two packets.
#include "mqtt/bridge_rig_test.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace causeway::mqtt::bridge_cut_test {
namespace {

using rig::Rig;

enum class Blow { remote, remote_network, local, process };

BridgeSettings both_ways(Version version) {
    BridgeSettings settings;
    settings.name = "plant";
    settings.remote_version = version;
    settings.topics = {
        {.filter = "up/#", .direction = BridgeTopic::Direction::out, .qos = Qos::exactly_once},
        {.filter = "down/#", .direction = BridgeTopic::Direction::in, .qos = Qos::exactly_once}};
    return settings;
}

void strike(Rig& rig, Blow blow) {
    switch (blow) {
        case Blow::remote:
            return rig.cut_remote(true);
        case Blow::remote_network:
            return rig.cut_remote(false);
        case Blow::local:
            return rig.cut_local();
        case Blow::process:
            return rig.restart();
    }
}

void publish(Rig& rig) {
    for (const Qos qos : {Qos::exactly_once, Qos::at_least_once, Qos::exactly_once}) {
        const std::string kind = qos == Qos::exactly_once ? "2" : "1";
        const std::string number = std::to_string(rig.local.unfinished());
        rig.local.publish("up/a", kind + "-" + number, qos);
        rig.remote.publish("down/a", kind + "-" + number, qos);
    }
}

/// Nothing lost; nothing of QoS 2 doubled; in order, but for repetitions; nothing left over.
void expect_whole(const Rig& rig) {
    for (const auto* peer : {&rig.local, &rig.remote}) {
        std::map<std::string, int> times;
        std::vector<std::string> firsts;
        for (const rig::Seen& one : peer->accepted)
            if (++times[one.payload] == 1) firsts.push_back(one.payload);
        EXPECT_EQ(firsts, (std::vector<std::string>{"2-0", "1-1", "2-2"}));
        EXPECT_EQ(times["2-0"], 1);
        EXPECT_EQ(times["2-2"], 1);
        EXPECT_EQ(peer->unfinished(), 0u);
        EXPECT_EQ(peer->receipts(), 0u);
    }
    EXPECT_EQ(rig.bridge->stats().out.given_up + rig.bridge->stats().in.given_up, 0u);
    EXPECT_TRUE(rig.bridge->stats().balanced());
}

/// How many packets move when nothing is cut.
std::size_t undisturbed(Version version) {
    Rig rig(both_ways(version));
    rig.settle();
    const std::size_t before = rig.moved;
    publish(rig);
    rig.settle();
    expect_whole(rig);
    return rig.moved - before;
}

TEST(BridgeCut, AtAnyPacketNothingIsLostAndNothingOfQos2Doubled) {
    // [MQTT-4.4.0-1] [MQTT-4.3.3-6]
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        const std::size_t packets = undisturbed(version);
        ASSERT_GE(packets, 40u);
        for (const Blow blow : {Blow::remote, Blow::remote_network, Blow::local, Blow::process}) {
            for (std::size_t half_packets = 0; half_packets <= 2 * packets; ++half_packets) {
                const std::size_t at = half_packets / 2;
                SCOPED_TRACE("blow " + std::to_string(int(blow)) + " after " + std::to_string(at));
                Rig rig(both_ways(version));
                rig.settle();
                publish(rig);
                for (std::size_t i = 0; i < at; ++i) rig.step();
                if (half_packets % 2 == 1) rig.half_step();
                strike(rig, blow);
                rig.settle(10);
                ASSERT_TRUE(rig.bridge->connected());
                expect_whole(rig);
            }
        }
    }
}

TEST(BridgeCut, OctetByOctetIsAsGoodAsPacketByPacket) {
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        Rig rig(both_ways(version));
        rig.in_octets = true;
        rig.settle();
        publish(rig);
        rig.settle();
        expect_whole(rig);
    }
}

TEST(BridgeCut, TwiceAtAnyTwoPacketsNothingIsLostAndNothingOfQos2Doubled) {
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        const std::size_t packets = undisturbed(version);
        for (const Blow blow : {Blow::remote_network, Blow::process}) {
            for (std::size_t first = 0; first <= packets; first += 3) {
                for (std::size_t second = 0; second <= packets; second += 2) {
                    SCOPED_TRACE(std::to_string(first) + " and " + std::to_string(second));
                    Rig rig(both_ways(version));
                    rig.settle();
                    publish(rig);
                    for (std::size_t i = 0; i < first; ++i) rig.step();
                    strike(rig, Blow::remote_network);
                    // Into the time of joining, too.
                    rig.wait();
                    for (std::size_t i = 0; i < second; ++i) rig.step();
                    strike(rig, blow);
                    rig.settle(10);
                    ASSERT_TRUE(rig.bridge->connected());
                    expect_whole(rig);
                }
            }
        }
    }
}

TEST(BridgeCut, ManyTimesUnderLoadNothingIsLostAndNothingOfQos2Doubled) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        BridgeSettings settings = both_ways(seed % 2 == 0 ? Version::v5 : Version::v3_1_1);
        settings.receive_maximum = static_cast<std::uint16_t>(1 + random.below(20));
        Rig rig(std::move(settings));
        rig.remote.allows.receive_maximum = static_cast<std::uint16_t>(1 + random.below(20));
        std::vector<std::string> sent;
        for (int i = 0; i < 400; ++i) {
            if (i < 200) {
                sent.push_back(std::to_string(i));
                rig.local.publish("up/a", sent.back(), Qos::exactly_once);
                rig.remote.publish("down/a", sent.back(), Qos::exactly_once);
            }
            for (std::uint64_t steps = random.below(12); steps > 0; --steps) rig.step();
            if (random.below(8) == 0) strike(rig, static_cast<Blow>(1 + random.below(3)));
            if (!rig.bridge->connected() && random.below(2) == 0) rig.wait();
        }
        for (int i = 0; i < 50 && rig.local.unfinished() + rig.remote.unfinished() > 0; ++i)
            rig.settle(50);
        for (const auto* peer : {&rig.local, &rig.remote}) {
            std::vector<std::string> got;
            for (const rig::Seen& one : peer->accepted) got.push_back(one.payload);
            EXPECT_EQ(got, sent);
            EXPECT_EQ(peer->unfinished(), 0u);
            EXPECT_EQ(peer->receipts(), 0u);
        }
        EXPECT_TRUE(rig.bridge->stats().balanced());
    }
}

TEST(BridgeCut, TheSameSeedAndTheSameBlowsGiveTheSameOctets) {
    const auto life = [] {
        Rig rig(both_ways(Version::v5));
        Random random(9);
        for (int i = 0; i < 200; ++i) {
            rig.local.publish("up/a", std::to_string(i), Qos::exactly_once);
            rig.remote.publish("down/a", std::to_string(i), Qos::at_least_once);
            for (std::uint64_t steps = random.below(9); steps > 0; --steps) rig.step();
            if (random.below(20) == 0) rig.cut_remote();
            if (!rig.bridge->connected()) rig.wait();
        }
        return std::pair(rig.transcript, rig.now);
    };
    const auto first = life();
    EXPECT_GT(first.first.size(), 1000u);
    EXPECT_EQ(first, life());
}

}  // namespace
}  // namespace causeway::mqtt::bridge_cut_test
