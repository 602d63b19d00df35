// Nodes of a mesh publish their readings over MQTT-SN to a gateway at the border router, which
// speaks to a broker: from the sensor to the broker, in virtual time.
#include "mqtt/packet.hpp"
#include "mqtt/sn/gateway.hpp"
#include "sim/layout.hpp"
#include "sim/report.hpp"

#include <gtest/gtest.h>

#include <map>

namespace causeway {
namespace {

using namespace std::chrono_literals;

sim::Scenario mesh(std::size_t nodes, const node::MqttSn& sn) {
    sim::Scenario scenario;
    scenario.name = "mqtt-sn";
    const auto places = sim::line({0, 0}, nodes + 1, 40);
    for (std::size_t i = 0; i < places.size(); ++i) {
        sim::NodePlan plan{
            .name = "node-" + std::to_string(i), .at = places[i], .config = {}, .boot = {}};
        plan.config.eui64 = 0x0200'0000'0000'0001u + i;
        plan.config.root = i == 0;
        if (i == 0) {
            plan.config.prefix = *ip::Prefix::from_text("fd00:ca5e::/64");
            plan.config.host_ports = {sn.port};
        } else {
            plan.config.sensors.push_back({.name = "temperature", .every = 60s});
            plan.config.mqtt_sn = sn;
            plan.config.mqtt_sn->name = plan.name;
        }
        plan.boot = 100ms * static_cast<int>(i);
        scenario.nodes.push_back(std::move(plan));
    }
    return scenario;
}

/// The mesh, the gateway behind the border router's port, and a broker that says yes.
struct Site {
    explicit Site(sim::Scenario scenario, mqtt::sn::GatewaySettings settings = {})
        : recorder(scenario.nodes.size()),
          network(std::move(scenario), &recorder),
          gateway(std::move(settings), Random(7), network.now()) {}

    void run(Duration span) {
        const Instant end = network.now() + span;
        while (network.now() < end) {
            network.run_until(std::min({end, network.next_event(), gateway.next_deadline()}));
            if (gateway.next_deadline() <= network.now()) gateway.handle_timeout(network.now());
            while (auto datagram = network.poll_datagram_to_host())
                gateway.handle(network.now(), mqtt::sn::DatagramReceived{
                                                  {datagram->source.octets, datagram->source_port},
                                                  datagram->payload});
            carry();
        }
    }

    void carry() {
        while (auto output = gateway.poll_output()) {
            if (auto* datagram = std::get_if<mqtt::sn::SendDatagram>(&*output))
                network.datagram_from_host({ip::Address{datagram->peer.address},
                                            datagram->peer.port, mqtt::sn::default_port,
                                            std::move(datagram->octets)});
            else if (const auto* packet = std::get_if<mqtt::sn::SendBroker>(&*output))
                broker(packet->link, packet->octets);
        }
    }

    void say(mqtt::sn::LinkId link, const mqtt::Packet& packet) {
        const Octets octets = mqtt::emitted(packet, mqtt::Version::v5);
        gateway.handle(network.now(), mqtt::sn::BrokerReceived{link, octets});
    }

    void broker(mqtt::sn::LinkId link, Bytes octets) {
        const auto packet = mqtt::parse_packet(octets, mqtt::Version::v5);
        ASSERT_TRUE(packet.has_value());
        if (std::holds_alternative<mqtt::Connect>(*packet)) return say(link, mqtt::Connack{});
        if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) {
            arrived[std::string(publish->topic)].emplace_back(as_text(publish->payload));
            if (publish->qos == mqtt::Qos::at_most_once) return;
            mqtt::Ack ack;
            ack.type = publish->qos == mqtt::Qos::exactly_once ? mqtt::PacketType::pubrec
                                                               : mqtt::PacketType::puback;
            ack.packet_id = publish->packet_id;
            return say(link, ack);
        }
        if (const auto* release = std::get_if<mqtt::Ack>(&*packet);
            release != nullptr && release->type == mqtt::PacketType::pubrel) {
            mqtt::Ack ack;
            ack.type = mqtt::PacketType::pubcomp;
            ack.packet_id = release->packet_id;
            say(link, ack);
        }
    }

    [[nodiscard]] sim::Report report() const { return sim::report_of(network, recorder); }
    [[nodiscard]] std::uint64_t readings_sent() const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < network.size(); ++i) sum += network.counters(i).readings_sent;
        return sum;
    }
    [[nodiscard]] std::uint64_t readings_arrived() const {
        std::uint64_t sum = 0;
        for (const auto& [topic, values] : arrived) sum += values.size();
        return sum;
    }

    sim::Recorder recorder;
    sim::Network network;
    mqtt::sn::Gateway gateway;
    std::map<std::string, std::vector<std::string>> arrived;  // by topic
};

TEST(MqttSn, EveryReadingOfFiveNodesArrivesAtTheBroker) {
    for (const auto qos : {mqtt::sn::Quality::at_least_once, mqtt::sn::Quality::exactly_once}) {
        node::MqttSn sn;
        sn.qos = qos;
        Site site(mesh(5, sn));
        site.run(2h);
        ASSERT_EQ(site.arrived.size(), 5u);
        for (const auto& [topic, values] : site.arrived) {
            EXPECT_TRUE(topic.starts_with("nodes/node-") && topic.ends_with("/temperature"))
                << topic;
            EXPECT_GE(values.size(), 115u) << topic;
        }
        EXPECT_GE(site.readings_arrived() + 5, site.readings_sent());  // the last under way
        // A network may deliver a datagram twice, and QoS 1 may then, too.
        if (qos == mqtt::sn::Quality::exactly_once) {
            EXPECT_LE(site.readings_arrived(), site.readings_sent());
        }
        const auto report = site.report();
        EXPECT_GE(report.readings.delivered + 5, report.readings.sent);
        EXPECT_EQ(report.readings.sent, site.readings_sent());
        EXPECT_TRUE(report.balanced());
        EXPECT_TRUE(site.gateway.stats().balanced());
        EXPECT_EQ(site.gateway.stats().clients, 5u);
    }
}

TEST(MqttSn, AnAggregatingGatewayTakesThemThroughOneConnection) {
    mqtt::sn::GatewaySettings settings;
    settings.mode = mqtt::sn::GatewaySettings::Mode::aggregating;
    Site site(mesh(5, {}), settings);
    site.run(1h);
    EXPECT_EQ(site.arrived.size(), 5u);
    EXPECT_EQ(site.gateway.stats().links_opened, 1u);
    EXPECT_GE(site.readings_arrived() + 5, site.readings_sent());
}

TEST(MqttSn, SleepingNodesWakeToPublish) {
    node::MqttSn sn;
    sn.sleep_seconds = 600;
    Site site(mesh(3, sn));
    site.run(1h);
    EXPECT_EQ(site.arrived.size(), 3u);
    EXPECT_GE(site.readings_arrived() + 3, site.readings_sent());
    EXPECT_GT(site.gateway.stats().wakes, 3u * 50u);
    EXPECT_EQ(site.gateway.stats().clients_lost, 0u);
}

TEST(MqttSn, ANodeThatDiesIsLostAndOneThatRebootsConnectsAgain) {
    auto scenario = mesh(4, {});
    scenario.faults.push_back(
        {.kind = sim::FaultPlan::Kind::node_dies, .at = Instant(30min), .node = 4});
    scenario.faults.push_back({.kind = sim::FaultPlan::Kind::node_reboots,
                               .at = Instant(40min),
                               .node = 3,
                               .lasts = 1min});
    Site site(std::move(scenario));
    site.run(2h);
    EXPECT_EQ(site.gateway.stats().clients, 3u);
    EXPECT_GE(site.gateway.stats().clients_lost, 1u);
    EXPECT_GE(site.gateway.stats().connects_accepted, 5u);
    // Its readings wait, up to the length of its queue, while the root looks for the way back.
    EXPECT_GE(site.arrived["nodes/node-3/temperature"].size(), 100u);
    EXPECT_LE(site.arrived["nodes/node-4/temperature"].size(), 31u);
}

TEST(MqttSn, TheSameSeedTellsTheSameStory) {
    const auto story = [] {
        Site site(mesh(4, {}));
        site.run(30min);
        return std::pair(site.network.acts_done(), site.arrived);
    };
    EXPECT_EQ(story(), story());
}

TEST(MqttSn, WithoutAGatewayReadingsWaitAndNodesGoOnTrying) {
    sim::Recorder recorder(4);
    sim::Network network(mesh(3, {}), &recorder);
    network.run_until(Instant(1h));
    EXPECT_GT(network.stats().datagrams_to_host, 10u);
    EXPECT_LT(network.stats().datagrams_to_host, 3u * 200u);
    EXPECT_EQ(sim::report_of(network, recorder).readings.delivered, 0u);
    EXPECT_TRUE(network.stats().balanced());
}

}  // namespace
}  // namespace causeway
