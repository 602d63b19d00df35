#include "site/simulated_broker.hpp"

#include "site/read.hpp"

#include <gtest/gtest.h>

namespace causeway::site::simulated_broker_test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view text = R"(
[mesh]
seed = 3
[[mesh.nodes]]
count = 5
[mesh.nodes.mqtt_sn]
[[mesh.nodes.sensors]]
name = "power"
every = "20s"
[mqtt]
[mqtt.sn]
)";

struct Outcome {
    std::uint64_t clients;
    std::uint64_t routed;
    std::uint64_t datagrams;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome run(Duration span) {
    const auto site = read_text(text, "site.toml");
    EXPECT_TRUE(site) << to_text(site.error());
    sim::Network mesh(site->mesh);
    SimulatedBroker broker(*site->mqtt, mesh);
    broker.run_until(Instant(span));
    EXPECT_EQ(mesh.now(), Instant(span));
    EXPECT_TRUE(broker.broker().balanced());
    EXPECT_TRUE(broker.gateway().balanced());
    std::uint64_t datagrams = 0;
    broker.gateway().visit([&](std::string_view, std::uint64_t value) { datagrams += value; });
    return {broker.broker().clients_connected, broker.broker().publishes_routed, datagrams};
}

TEST(SimulatedBroker, WhatNodesPublishOverMqttSnReachesIt) {
    const Outcome outcome = run(20min);
    EXPECT_GE(outcome.clients, 5u);
    // A reading every 20 s from each of five nodes, once they have joined.
    EXPECT_GT(outcome.routed, 5u * 50u);
    EXPECT_LE(outcome.routed, 5u * 61u);
}

TEST(SimulatedBroker, TheSameSeedGivesTheSameRun) {
    EXPECT_EQ(run(5min), run(5min));
}

}  // namespace
}  // namespace causeway::site::simulated_broker_test
