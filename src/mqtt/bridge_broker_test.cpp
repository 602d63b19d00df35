// A bridge between two brokers of ours, and what their clients see of each other.
#include "mqtt/bridge.hpp"
#include "mqtt/broker/testing.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace causeway::mqtt::bridge_broker_test {
namespace {

using namespace std::chrono_literals;
using enum BridgeTopic::Direction;

constexpr std::uint32_t bridge_id = 1;  // of the bridge's connection at either broker
constexpr std::uint32_t client_id = 2;

/// Moves packets one by one, so that anything may be cut between any two of them.
class World {
public:
    explicit World(BridgeSettings the_settings) : settings(std::move(the_settings)) {
        here = std::make_unique<testing::Bench>(testing::Bench::stored());
        there = std::make_unique<testing::Bench>(testing::Bench::stored());
        begin();
    }

    BridgeSettings settings;
    std::unique_ptr<testing::Bench> here;
    std::unique_ptr<testing::Bench> there;
    std::optional<Bridge> bridge;
    Instant now = testing::start;
    std::size_t moved = 0;

    void begin() {
        bridge.emplace(settings, Random(3), now);
        bridge->handle_timeout(now);
        drain();
    }
    bool step() {
        for (int tried = 0; tried < 4; ++tried) {
            turn_ = (turn_ + 1) % 4;
            if (!move(turn_)) continue;
            ++moved;
            return true;
        }
        return false;
    }
    void settle(int reconnects = 5) {
        do {
            for (int steps = 0; step(); ++steps)
                if (steps > 100'000) throw std::runtime_error("it never ends");
        } while (!bridge->connected() && reconnects-- > 0 && wait());
    }
    bool wait() {
        if (bridge->next_deadline() == never) return false;
        now = std::max(now, bridge->next_deadline());
        bridge->handle_timeout(now);
        drain();
        return true;
    }
    void cut(bool remote) {
        (remote ? to_there_ : to_here_).clear();
        testing::Bench& bench = remote ? *there : *here;
        if (!bench.is_closed(bridge_id)) bench.lose(bridge_id);
        give(remote ? bridge::Input(bridge::RemoteClosed{false})
                    : bridge::Input(bridge::LocalClosed{}));
    }
    /// A broker is killed, and begins again with what it had stored.
    void kill(bool remote) {
        auto& bench = remote ? there : here;
        (remote ? to_there_ : to_here_).clear();
        bench = std::make_unique<testing::Bench>(testing::Bench::stored(), bench->store);
        give(remote ? bridge::Input(bridge::RemoteClosed{false})
                    : bridge::Input(bridge::LocalClosed{}));
    }
    void kill_bridge() {
        to_here_.clear();
        to_there_.clear();
        for (testing::Bench* bench : {here.get(), there.get()})
            if (!bench->is_closed(bridge_id)) bench->lose(bridge_id);
        begin();
    }
    void give(bridge::Input input) {
        bridge->handle(now, input);
        drain();
    }
    /// What a client of that name has been sent in all, acknowledged to the end.
    void read(testing::Bench& bench, std::vector<std::string>& into) {
        while (auto packet = bench.next_packet(client_id)) {
            if (const auto* publish = std::get_if<Publish>(&*packet)) {
                if (publish->qos == Qos::exactly_once && publish->dup &&
                    received_[&bench].contains(publish->packet_id)) {
                } else {
                    into.emplace_back(as_text(publish->payload));
                    if (publish->qos == Qos::exactly_once)
                        received_[&bench].insert(publish->packet_id);
                }
                if (publish->qos == Qos::exactly_once)
                    bench.say(client_id, bench.ack(PacketType::pubrec, publish->packet_id));
                if (publish->qos == Qos::at_least_once)
                    bench.acknowledge(client_id, publish->packet_id);
            } else if (const auto* ack = std::get_if<Ack>(&*packet);
                       ack != nullptr && ack->type == PacketType::pubrel) {
                received_[&bench].erase(ack->packet_id);
                bench.say(client_id, bench.ack(PacketType::pubcomp, ack->packet_id));
            }
        }
    }

private:
    bool move(int what) {
        switch (what) {
            case 0:
                return deliver(*there, to_there_);
            case 1:
                return deliver(*here, to_here_);
            case 2:
                return paused_ ? false : fetch<bridge::RemoteReceived>(*there);
            default:
                return fetch<bridge::LocalReceived>(*here);
        }
    }
    bool deliver(testing::Bench& bench, std::deque<Octets>& packets) {
        if (packets.empty() || bench.is_closed(bridge_id)) return false;
        const Octets packet = std::move(packets.front());
        packets.pop_front();
        bench.bytes(bridge_id, packet);
        if (bench.is_closed(bridge_id)) {
            if (&bench == there.get())
                give(bridge::RemoteClosed{});
            else
                give(bridge::LocalClosed{});
        }
        return true;
    }
    template <class Received>
    bool fetch(testing::Bench& bench) {
        auto& packets = bench.heard[bridge_id];
        if (packets.empty()) return false;
        const Octets packet = std::move(packets.front());
        packets.pop_front();
        give(Received{packet});
        return true;
    }
    void drain() {
        while (auto output = bridge->poll_output())
            std::visit([&](auto& it) { done(it); }, *output);
    }
    static void split(Bytes octets, std::deque<Octets>& packets) {
        Framer framer(268'435'460);
        while (auto step = framer.next(octets)) packets.push_back(to_octets(step->packet));
    }
    static void close(testing::Bench& bench, std::deque<Octets>& packets) {
        while (!packets.empty() && !bench.is_closed(bridge_id)) {
            bench.bytes(bridge_id, packets.front());
            packets.pop_front();
        }
        packets.clear();
        if (!bench.is_closed(bridge_id)) bench.lose(bridge_id);
    }
    void done(bridge::OpenRemote&) {
        to_there_.clear();
        paused_ = false;
        there->open(bridge_id);
        bridge->handle(now, bridge::RemoteOpened{});
    }
    void done(bridge::OpenLocal&) {
        to_here_.clear();
        here->open(bridge_id, true);
    }
    void done(bridge::SendRemote& it) {
        split(it.octets, to_there_);
        bridge->handle(now, bridge::RemoteDrained{it.octets.size()});
    }
    void done(bridge::SendLocal& it) { split(it.octets, to_here_); }
    void done(bridge::CloseRemote&) { close(*there, to_there_); }
    void done(bridge::CloseLocal&) { close(*here, to_here_); }
    void done(bridge::PauseRemote& it) { paused_ = it.paused; }
    void done(auto&) {}

    std::deque<Octets> to_here_;
    std::deque<Octets> to_there_;
    std::map<testing::Bench*, std::set<std::uint16_t>> received_;
    bool paused_ = false;
    int turn_ = 0;
};

BridgeSettings settings_of(Version version, std::vector<BridgeTopic> topics) {
    BridgeSettings settings;
    settings.name = "plant";
    settings.remote_version = version;
    settings.topics = std::move(topics);
    return settings;
}

TEST(BridgeOfBrokers, WhatGoesBothWaysComesNotBack) {
    // [MQTT-3.8.3-3]; a bridge of 3.1.1 says what it is.
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        World world(
            settings_of(version, {{.filter = "#", .direction = both, .qos = Qos::exactly_once}}));
        world.here->join(client_id, "a");
        world.here->subscribe(client_id, "#");
        world.there->join(client_id, "b");
        world.there->subscribe(client_id, "#");
        world.settle();
        ASSERT_TRUE(world.bridge->connected());
        std::vector<std::string> here;
        std::vector<std::string> there;
        for (const Qos qos : {Qos::at_most_once, Qos::at_least_once, Qos::exactly_once}) {
            const std::string number = std::to_string(int(qos));
            world.here->publish(client_id, "t/1", "from here " + number, qos, 9);
            world.there->publish(client_id, "t/1", "from there " + number, qos, 9);
            world.here->say(client_id, world.here->ack(PacketType::pubrel, 9));
            world.there->say(client_id, world.there->ack(PacketType::pubrel, 9));
            for (int i = 0; i < 4; ++i) {
                world.settle();
                world.read(*world.here, here);
                world.read(*world.there, there);
            }
        }
        EXPECT_EQ(here.size(), 6u) << int(version);
        EXPECT_EQ(there.size(), 6u) << int(version);
        EXPECT_EQ(std::set<std::string>(here.begin(), here.end()).size(), 6u);
        EXPECT_EQ(std::set<std::string>(there.begin(), there.end()).size(), 6u);
        EXPECT_TRUE(world.bridge->stats().balanced());
    }
}

TEST(BridgeOfBrokers, RetainedMessagesAreRetainedOnTheOtherSide) {
    // [MQTT-3.3.1-13]
    World world(settings_of(Version::v5, {{.filter = "state/#",
                                           .direction = both,
                                           .qos = Qos::at_least_once,
                                           .local_prefix = "l/",
                                           .remote_prefix = "r/"}}));
    world.here->join(client_id, "a");
    Publish retained = testing::Bench::message("l/state/x", "on");
    retained.retain = true;
    world.here->say(client_id, retained);
    world.settle();
    world.there->join(client_id, "b");
    world.there->subscribe(client_id, "r/#");
    const Publish got = world.there->next<Publish>(client_id);
    EXPECT_EQ(got.topic, "r/state/x");
    EXPECT_TRUE(got.retain);
}

TEST(BridgeOfBrokers, WhatWasPublishedWhileTheOtherWasAwayIsThereWhenItIsBack) {
    World world(settings_of(Version::v5, {{.filter = "up/#", .qos = Qos::at_least_once}}));
    world.settle();
    world.there->join(client_id, "b");
    world.there->subscribe(client_id, "#");
    world.cut(true);
    world.here->join(client_id, "a");
    for (std::uint16_t i = 1; i <= 50; ++i)
        world.here->publish(client_id, "up/x", std::to_string(i), Qos::at_least_once, i);
    world.settle();
    std::vector<std::string> there;
    for (int i = 0; i < 4; ++i) {
        world.read(*world.there, there);
        world.settle();
    }
    ASSERT_EQ(there.size(), 50u);
    EXPECT_EQ(there.front(), "1");
    EXPECT_EQ(there.back(), "50");
}

enum class Blow { remote, local, bridge, kill_remote, kill_local };

/// QoS 2 in both directions, and one blow after so many packets. The number of all packets.
std::size_t through(Version version, std::optional<std::pair<Blow, std::size_t>> blow) {
    World world(
        settings_of(version, {{.filter = "up/#", .direction = out, .qos = Qos::exactly_once},
                              {.filter = "down/#", .direction = in, .qos = Qos::exactly_once}}));
    world.settle();
    const auto join = [](testing::Bench& bench, std::string_view name) {
        Connect hello = testing::Bench::lasting(name);
        bench.join(client_id, hello);
    };
    join(*world.here, "a");
    join(*world.there, "b");
    world.here->subscribe(client_id, "down/#");
    world.there->subscribe(client_id, "up/#");
    const std::size_t before = world.moved;
    for (std::uint16_t i = 1; i <= 3; ++i) {
        world.here->publish(client_id, "up/x", std::to_string(i), Qos::exactly_once, i);
        world.there->publish(client_id, "down/x", std::to_string(i), Qos::exactly_once, i);
    }
    for (std::size_t i = 0; blow && i < blow->second; ++i) world.step();
    std::vector<std::string> here;
    std::vector<std::string> there;
    if (blow) {
        world.read(*world.here, here);
        world.read(*world.there, there);
        switch (blow->first) {
            case Blow::remote:
                world.cut(true);
                break;
            case Blow::local:
                world.cut(false);
                break;
            case Blow::bridge:
                world.kill_bridge();
                break;
            case Blow::kill_remote:
                world.read(*world.there, there);
                world.kill(true);
                join(*world.there, "b");
                break;
            case Blow::kill_local:
                world.read(*world.here, here);
                world.kill(false);
                join(*world.here, "a");
                break;
        }
    }
    for (int i = 0; i < 5; ++i) {
        world.settle();
        world.read(*world.here, here);
        world.read(*world.there, there);
    }
    EXPECT_TRUE(world.bridge->connected());
    const std::vector<std::string> all{"1", "2", "3"};
    EXPECT_EQ(here, all);
    EXPECT_EQ(there, all);
    EXPECT_TRUE(world.bridge->stats().balanced());
    EXPECT_EQ(world.bridge->stats().out.given_up + world.bridge->stats().in.given_up, 0u);
    return world.moved - before;
}

TEST(BridgeOfBrokers, ABlowAtAnyPacketLosesNothingAndDoublesNothing) {
    // [MQTT-4.4.0-1] [MQTT-4.3.3-6]
    for (const Version version : {Version::v5, Version::v3_1_1}) {
        const std::size_t packets = through(version, std::nullopt);
        ASSERT_GE(packets, 48u);
        for (const Blow blow :
             {Blow::remote, Blow::local, Blow::bridge, Blow::kill_remote, Blow::kill_local})
            for (std::size_t at = 0; at <= packets; ++at) {
                SCOPED_TRACE("blow " + std::to_string(int(blow)) + " after " + std::to_string(at));
                through(version, std::pair(blow, at));
            }
    }
}

}  // namespace
}  // namespace causeway::mqtt::bridge_broker_test
