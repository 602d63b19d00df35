// Whole networks of real nodes: they join, readings arrive, faults heal, and it is all the same the
// next time.
#include "sim/network.hpp"

#include "ip/checksum.hpp"
#include "ip/icmpv6.hpp"
#include "sim/layout.hpp"
#include "sim/report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace causeway::sim::network_test {
namespace {

using namespace std::chrono_literals;
using link::ieee802154::Frame;

static_assert(causeway::Stats<Network::Stats>);
static_assert(causeway::Stats<Medium::Stats>);

constexpr std::uint64_t eui64_of(std::size_t index) {
    return 0x0200'0000'0000'0001u + index;
}

Scenario scenario_at(const std::vector<Position>& places, Duration every = 10s) {
    Scenario scenario;
    scenario.name = "test";
    for (std::size_t i = 0; i < places.size(); ++i) {
        NodePlan plan{
            .name = "node-" + std::to_string(i), .at = places[i], .config = {}, .boot = {}};
        plan.config.eui64 = eui64_of(i);
        plan.config.root = i == 0;
        if (i == 0)
            plan.config.prefix = *ip::Prefix::from_text("fd00:ca5e::/64");
        else
            plan.config.sensors.push_back({.name = "temperature", .every = every});
        plan.boot = 100ms * static_cast<int>(i);
        scenario.nodes.push_back(std::move(plan));
    }
    return scenario;
}

/// Links that lose nothing, so that a test is about what its name says.
Scenario without_loss(Scenario scenario) {
    scenario.channel.loss_min = scenario.channel.loss_max = 0;
    scenario.channel.shadowing_db = scenario.channel.asymmetry_db = 0;
    return scenario;
}

struct Simulation {
    explicit Simulation(const Scenario& scenario)
        : recorder(scenario.nodes.size()), network(scenario, &recorder) {}
    [[nodiscard]] Report after(Duration time) {
        network.run_until(Instant(time));
        return report_of(network, recorder);
    }
    Recorder recorder;
    Network network;
};

/// A digest of every happening, each octet of it.
struct Digest final : Tap {
    std::uint64_t value = 0xcbf29ce484222325u;
    std::uint64_t happenings = 0;
    void word(std::uint64_t w) noexcept { value = (value ^ w) * 0x100000001b3u; }
    void saw(const Happening& h) noexcept override {
        ++happenings;
        word(static_cast<std::uint64_t>(h.at.time_since_epoch().count()));
        word(static_cast<std::uint64_t>(h.node));
        for (const char c : h.what) word(static_cast<std::uint8_t>(c));
        word(h.value);
        for (const std::byte b : h.octets) word(std::to_integer<std::uint64_t>(b));
    }
};

TEST(Network, FiveNodesInALineJoinAndTheirReadingsArrive) {
    Simulation run(scenario_at(line({0, 0}, 6, 40)));
    const Report report = run.after(10min);
    EXPECT_EQ(report.joined, 6u);
    ASSERT_TRUE(report.all_joined_at.has_value());
    EXPECT_LT(*report.all_joined_at, Instant(2min));
    EXPECT_GE(report.hops_max, 3u);
    EXPECT_TRUE(report.balanced());
    EXPECT_GT(report.readings.sent, 5u * 50);
    EXPECT_GT(static_cast<double>(report.readings.delivered),
              0.95 * static_cast<double>(report.readings.sent));
    EXPECT_EQ(run.recorder.strangers(), 0u);
    EXPECT_GT(report.latency.p50, 5ms);
    EXPECT_LT(report.latency.p50, 2s);
    for (const NodeReport& node : report.nodes) {
        EXPECT_EQ(node.joined, node.hops.has_value());
        EXPECT_EQ(node.parent.has_value(), !node.root) << node.name;
        EXPECT_GE(node.etx, node.root ? 0.0 : 1.0) << node.name;
        EXPECT_GT(node.joules, 0.0);
    }
    EXPECT_GT(report.control_share(), 0.0);
    EXPECT_LT(report.control_share(), 1.0);
}

TEST(Network, SameSeedSameOctetsAndAnotherSeedOthers) {
    Scenario scenario = scenario_at(grid({0, 0}, 9, 40));
    scenario.faults.push_back(
        {.kind = FaultPlan::Kind::node_reboots, .at = Instant(90s), .node = 4, .lasts = 5s});
    std::array<Digest, 3> digests;
    for (std::size_t i = 0; i < digests.size(); ++i) {
        scenario.seed = i == 2 ? 2 : 1;
        Network network(scenario, &digests[i]);
        network.run_until(Instant(3min));
    }
    EXPECT_GT(digests[0].happenings, 100u);
    EXPECT_EQ(digests[0].value, digests[1].value);
    EXPECT_NE(digests[0].value, digests[2].value);
}

TEST(Network, SmallStepsComeToTheSameAsOneLargeOne) {
    const Scenario scenario = scenario_at(line({0, 0}, 4, 40));
    Digest once;
    Network large(scenario, &once);
    large.run_until(Instant(2min));
    Digest often;
    Network small(scenario, &often);
    Random random(1);
    while (small.now() < Instant(2min))
        small.run_until(std::min(Instant(2min), small.now() + 1us + random.within(20ms)));
    EXPECT_EQ(once.value, often.value);
}

TEST(Network, NobodyListeningChangesNothing) {
    const Scenario scenario = scenario_at(line({0, 0}, 4, 40));
    Digest digest;
    Network heard(scenario, &digest);
    Network unheard(scenario);
    heard.run_until(Instant(2min));
    unheard.run_until(Instant(2min));
    EXPECT_EQ(heard.medium().stats().frames_sent, unheard.medium().stats().frames_sent);
    EXPECT_EQ(heard.medium().stats().copies, unheard.medium().stats().copies);
    EXPECT_EQ(heard.acts_done(), unheard.acts_done());
}

/// Root, two in the middle, two behind them: each of the latter hears both of the former.
Scenario diamond() {
    return without_loss(scenario_at({{0, 0}, {40, 12}, {40, -12}, {80, 8}, {80, -8}}));
}

TEST(Network, ADeadNodeIsRoutedAround) {
    Scenario scenario = diamond();
    Simulation before(scenario);
    before.network.run_until(Instant(5min));
    const auto parents = before.network.parents();
    ASSERT_TRUE(parents[3].has_value());
    ASSERT_NE(*parents[3], 0u);
    const std::uint32_t victim = *parents[3];
    scenario.faults.push_back(
        {.kind = FaultPlan::Kind::node_dies, .at = Instant(5min), .node = victim});

    Simulation run(scenario);
    const Report report = run.after(15min);
    EXPECT_EQ(run.network.node(victim), nullptr);
    const auto now = run.network.parents();
    ASSERT_TRUE(now[3].has_value());
    EXPECT_NE(*now[3], victim);
    ASSERT_EQ(report.recoveries.size(), 1u);
    EXPECT_GE(report.recoveries[0].affected.size(), 1u);
    ASSERT_TRUE(report.recoveries[0].healed_after.has_value());
    EXPECT_GT(*report.recoveries[0].healed_after, 0s);
    EXPECT_LT(*report.recoveries[0].healed_after, 3min);
    EXPECT_TRUE(report.balanced());
    EXPECT_EQ(report.nodes[victim].radio_times.off, 10min + scenario.nodes[victim].boot);
}

TEST(Network, ARebootedNodeJoinsAgainAndItsCountersGoOn) {
    Scenario scenario = without_loss(scenario_at(line({0, 0}, 3, 40)));
    scenario.faults.push_back(
        {.kind = FaultPlan::Kind::node_reboots, .at = Instant(3min), .node = 1, .lasts = 20s});
    Simulation run(scenario);
    run.network.run_until(Instant(3min + 10s));
    EXPECT_EQ(run.network.node(1), nullptr);
    EXPECT_FALSE(run.network.status(1).joined);
    const std::uint64_t frames = run.network.counters(1).frames_sent;
    EXPECT_GT(frames, 0u);
    const Report report = run.after(10min);
    EXPECT_TRUE(report.nodes[1].joined);
    EXPECT_GE(*report.nodes[1].joined_at, Instant(3min + 20s));
    EXPECT_GT(report.nodes[1].counters.frames_sent, frames);
    EXPECT_TRUE(report.nodes[2].joined);
    EXPECT_TRUE(report.balanced());
    EXPECT_EQ(report.nodes[1].radio_times.off, 20s + scenario.nodes[1].boot);
}

TEST(Network, ACutLinkIsRoutedAroundAndCountsAsAFault) {
    Scenario scenario = diamond();
    Simulation before(scenario);
    before.network.run_until(Instant(5min));
    const std::uint32_t parent = before.network.parents()[3].value_or(0);
    ASSERT_NE(parent, 0u);
    scenario.faults.push_back({.kind = FaultPlan::Kind::link_cut,
                               .at = Instant(5min),
                               .node = 3,
                               .other = parent,
                               .lasts = {}});
    Simulation run(scenario);
    const Report report = run.after(15min);
    EXPECT_NE(run.network.parents()[3], parent);
    ASSERT_EQ(report.recoveries.size(), 1u);
    ASSERT_EQ(report.recoveries[0].affected.size(), 1u);
    EXPECT_EQ(report.recoveries[0].affected[0].node, "node-3");
    EXPECT_TRUE(report.recoveries[0].healed_after.has_value());
}

/// A whole echo request from the host to a node.
Octets echo_request(const ip::Address& from, const ip::Address& to) {
    Octets body = {std::byte{0}, std::byte{7}, std::byte{0}, std::byte{1}};
    body.resize(60, std::byte{0x5a});
    ip::Ipv6Header header;
    header.hop_limit = 64;
    header.next_header = 58;
    header.source = from;
    header.target = to;
    Octets message(4);
    message[0] = std::byte{128};
    message.insert(message.end(), body.begin(), body.end());
    const std::uint16_t sum = ip::upper_layer_checksum(from, to, 58, message);
    message[2] = static_cast<std::byte>(sum >> 8);
    message[3] = static_cast<std::byte>(sum & 0xff);
    header.payload_length = static_cast<std::uint16_t>(message.size());
    Octets packet = emitted(header);
    packet.insert(packet.end(), message.begin(), message.end());
    return packet;
}

TEST(Network, AHostPingsTheFarthestNode) {
    const Scenario scenario = without_loss(scenario_at(line({0, 0}, 5, 40), 0s));
    Network network(scenario);
    network.run_until(Instant(2min));
    const auto target = network.status(4).global;
    ASSERT_TRUE(target.has_value());
    const ip::Address host = *ip::Address::from_text("2001:db8::99");
    while (network.poll_packet_to_host()) {
    }
    network.packet_from_host(echo_request(host, *target));
    network.run_until(network.now() + 5s);
    std::optional<Octets> reply = network.poll_packet_to_host();
    ASSERT_TRUE(reply.has_value());
    ByteReader in(*reply);
    const auto header = ip::Ipv6Header::parse(in);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->source, *target);
    EXPECT_EQ(header->target, host);
    // An option that hosts skip may have been left in front of it. [RFC 9008 §4.1]
    std::uint8_t next = header->next_header;
    if (next == 0) {
        next = in.u8();
        in.take(7);
    }
    EXPECT_EQ(next, 58);
    EXPECT_EQ(in.u8(), 129);
}

TEST(Network, PacketsForABorderRouterWithoutPowerAreRefused) {
    Scenario scenario = scenario_at(line({0, 0}, 2, 40));
    scenario.nodes[0].boot = 1s;
    Network network(scenario);
    network.packet_from_host(Octets(40));
    EXPECT_EQ(network.stats().packets_from_host_refused, 1u);
    EXPECT_TRUE(network.stats().balanced());
}

TEST(Network, AnExternalNodesFrameIsAcknowledgedWithoutTimePassing) {
    Scenario scenario = scenario_at(line({0, 0}, 2, 40));
    scenario.channel.loss_min = scenario.channel.loss_max = 0;
    scenario.externals.push_back({.name = "x", .at = {20, 5}, .local = {}, .remote = {}});
    Network network(scenario);
    network.run_until(Instant(20s));
    Octets octets(40);
    ByteWriter out(octets);
    out.le16(0xdc61);
    out.u8(77);
    out.le16(0xabcd);
    out.le64(eui64_of(0));
    out.le64(0x0200'0000'0000'00ffu);
    Frame acknowledgement;
    for (int attempt = 0; attempt < 5 && acknowledgement.empty(); ++attempt) {
        while (network.poll_frame_to_external()) {
        }
        const Instant before = network.now();
        network.frame_from_external(0, Frame(octets));
        EXPECT_EQ(network.now(), before);
        while (const auto frame = network.poll_frame_to_external())
            if (frame->frame.size() == 3) acknowledgement = frame->frame;
        network.run_until(network.now() + 50ms);
    }
    ASSERT_EQ(acknowledgement.size(), 3u);
    EXPECT_EQ(acknowledgement[2], std::byte{77});
}

TEST(Network, WhatNobodyPollsIsDroppedAtALimitAndCounted) {
    Scenario scenario = scenario_at({{0, 0}});
    scenario.externals.push_back({.name = "a", .at = {20, 5}, .local = {}, .remote = {}});
    scenario.externals.push_back({.name = "b", .at = {20, 9}, .local = {}, .remote = {}});
    Network network(scenario);
    const Frame frame(Octets(20));
    for (std::size_t i = 0; i < 3 * Network::waiting_max; ++i) {
        network.run_until(network.now() + 10ms);
        network.frame_from_external(0, frame);
    }
    EXPECT_GT(network.stats().frames_to_external_dropped, 0u);
    std::size_t waiting = 0;
    while (network.poll_frame_to_external()) ++waiting;
    EXPECT_EQ(waiting, Network::waiting_max);
    EXPECT_TRUE(network.stats().balanced());
}

TEST(Network, HappeningsCarryTheWorldsTime) {
    struct Order final : Tap {
        const Network* network = nullptr;
        int wrong = 0;
        int seen = 0;
        void saw(const Happening& h) noexcept override {
            if (network == nullptr || h.what == "air.frame") return;
            ++seen;
            wrong += h.at != network->now() ? 1 : 0;
        }
    } order;
    Scenario scenario = scenario_at(line({0, 0}, 4, 40));
    scenario.crystal_ppm = 500;
    Network network(scenario, &order);
    order.network = &network;
    network.run_until(Instant(2min));
    EXPECT_GT(order.seen, 0);
    EXPECT_EQ(order.wrong, 0);
}

}  // namespace
}  // namespace causeway::sim::network_test
