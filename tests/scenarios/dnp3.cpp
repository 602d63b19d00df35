// A DNP3 outstation at the end of five hops: a master behind the border router polls it, switches
// its LED and sets its clock, in virtual time.
#include "ip/ipv6.hpp"
#include "ip/udp.hpp"
#include "scada/dnp3/stations.hpp"
#include "sim/layout.hpp"
#include "sim/network.hpp"

#include <gtest/gtest.h>

#include <map>

namespace causeway {
namespace {

using namespace std::chrono_literals;
using namespace scada::dnp3;

constexpr std::size_t hops = 5;

/// A line: the border router, and a node for each hop, every one an outstation of three sensors.
sim::Scenario line_of_outstations() {
    sim::Scenario scenario;
    scenario.name = "dnp3";
    const auto places = sim::line({0, 0}, hops + 1, 40);
    for (std::size_t i = 0; i < places.size(); ++i) {
        sim::NodePlan plan{
            .name = "node-" + std::to_string(i), .at = places[i], .config = {}, .boot = {}};
        plan.config.eui64 = 0x0200'0000'0000'0001u + i;
        plan.config.root = i == 0;
        if (i == 0) {
            plan.config.prefix = *ip::Prefix::from_text("fd00:ca5e::/64");
        } else {
            for (const auto* name : {"temperature", "humidity", "pressure"})
                plan.config.sensors.push_back({.name = name, .mean = 20, .swing = 8});
            plan.config.dnp3 = node::Dnp3{.address = static_cast<Address>(100 + i)};
        }
        plan.boot = 100ms * static_cast<int>(i);
        scenario.nodes.push_back(std::move(plan));
    }
    return scenario;
}

/// A program on a host that the border router has a route to, with an address outside of the mesh.
class Scada {
public:
    explicit Scada(MasterSettings settings, Classes unsolicited = {})
        : network_(with(line_of_outstations(), unsolicited)),
          master_({.master = true, .datagrams = true},
                  {{.local = settings.address, .remote = settings.outstation}},
                  masters_of(settings)) {
        run(3min);  // the mesh forms
    }

    void run(Duration span) {
        const Instant end = network_.now() + span;
        while (network_.now() < end) {
            network_.run_until(std::min({end, network_.next_event(), master_.next_deadline()}));
            if (master_.next_deadline() <= network_.now()) master_.handle_timeout(network_.now());
            carry();
            while (const auto packet = network_.poll_packet_to_host()) hear(*packet);
        }
    }
    template <class Done>
    bool run_until(Done done) {
        for (int i = 0; i < 120 && !done(); ++i) run(1s);
        return done();
    }
    void open() { give(scada::LineOpened{}); }
    void tell(Master::Input what) {
        give(MasterStation::Of<Master::Input>{.what = std::move(what)});
    }

    [[nodiscard]] const Master& master() const { return master_.session(0); }
    [[nodiscard]] const sim::Network& network() const { return network_; }

    std::map<std::pair<PointType, std::uint16_t>, Measurement> values;
    std::vector<Measurement> events;
    std::vector<Master::Completed> completed;

private:
    static sim::Scenario with(sim::Scenario scenario, Classes unsolicited) {
        for (sim::NodePlan& plan : scenario.nodes)
            if (plan.config.dnp3) plan.config.dnp3->unsolicited = unsolicited != Classes{};
        return scenario;
    }
    static std::vector<Master> masters_of(const MasterSettings& settings) {
        std::vector<Master> one;
        one.emplace_back(settings);
        return one;
    }

    void give(MasterStation::Input in) {
        master_.handle(network_.now(), std::move(in));
        carry();
    }
    void carry() {
        while (auto output = master_.poll_output()) {
            if (auto* transmit = std::get_if<scada::Transmit>(&*output)) {
                network_.packet_from_host(
                    ip::make_udp_packet({.source = host,
                                         .target = *network_.status(hops).global,
                                         .source_port = host_port,
                                         .target_port = default_port,
                                         .payload = transmit->octets},
                                        ip::hop_limit_default));
            } else if (auto* of = std::get_if<MasterStation::Of<Master::Output>>(&*output)) {
                if (auto* measured = std::get_if<Master::Measured>(&of->what)) {
                    const Measurement& one = measured->measurement;
                    values[{one.type, one.index}] = one;
                    if (measured->event) events.push_back(one);
                } else if (auto* done = std::get_if<Master::Completed>(&of->what)) {
                    completed.push_back(std::move(*done));
                }
            }
        }
    }
    void hear(Bytes packet) {
        const auto ipv6 = ip::parse_ipv6(packet);
        ASSERT_TRUE(ipv6);
        // An option that hosts skip may have been left in front of it. [RFC 9008 §4.1]
        const std::size_t skipped = ipv6->header.next_header == 0 ? 8 : 0;
        const auto datagram =
            ip::parse_udp(ipv6->header.source, ipv6->header.target, ipv6->payload.subspan(skipped));
        ASSERT_TRUE(datagram);
        EXPECT_EQ(datagram->source_port, default_port);
        EXPECT_EQ(datagram->target, host);
        EXPECT_EQ(datagram->target_port, host_port);
        give(scada::OctetsReceived{.octets = datagram->payload});
    }

    static constexpr std::uint16_t host_port = 40'001;
    const ip::Address host = *ip::Address::from_text("2001:db8::5ca:da");
    sim::Network network_;
    MasterStation master_;
};

MasterSettings far_away() {
    return {.outstation = 100 + hops, .response_within = 20s};
}

TEST(Dnp3Mesh, AnOutstationFiveHopsAwayAnswersAMastersStartupAndPolls) {
    MasterSettings settings = far_away();
    settings.polls = {{.classes = events, .every = 1min}};
    Scada scada(settings);
    for (std::uint32_t i = 1; i <= hops; ++i) EXPECT_EQ(scada.network().parents()[i], i - 1);
    scada.open();
    ASSERT_TRUE(scada.run_until([&] { return scada.master().status().started; }));
    ASSERT_EQ(scada.values.count({PointType::analog, 2}), 1u);
    ASSERT_EQ(scada.values.count({PointType::binary_output, 0}), 1u);
    scada.run(2h);
    EXPECT_FALSE(scada.events.empty());  // what moved beyond its deadband, poll by poll
    EXPECT_GT(scada.master().stats().responses, 100u);
    EXPECT_TRUE(scada.master().stats().balanced());
    EXPECT_TRUE(scada.network().stats().balanced());
}

TEST(Dnp3Mesh, AMasterSwitchesItsLedAndSetsItsClock) {
    Scada scada(far_away());
    constexpr std::uint64_t morning = 1'800'000'000'000;
    const Instant told = scada.network().now();
    scada.tell(Master::ClockSet{.ms = morning});
    scada.open();
    ASSERT_TRUE(scada.run_until([&] { return scada.master().status().started; }));
    scada.tell(Master::Operate{.controls = {{.index = 0, .what = Crob{}}}});
    ASSERT_TRUE(scada.run_until([&] { return !scada.completed.empty(); }));
    EXPECT_EQ(scada.completed.back().fate, Master::Completed::Fate::answered);
    EXPECT_EQ(scada.completed.back().controls.at(0).status, CommandStatus::success);

    scada.tell(Master::Poll{.tag = 2});
    ASSERT_TRUE(scada.run_until([&] { return scada.completed.size() == 2; }));
    EXPECT_EQ((scada.values[{PointType::binary_output, 0}].value), MeasuredValue(true));
    ASSERT_FALSE(scada.events.empty());
    // The event has the node's time, which is the master's but for the way through the mesh.
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(scada.network().now() - told);
    const auto now = morning + static_cast<std::uint64_t>(since.count());
    ASSERT_TRUE(scada.events.back().time);
    EXPECT_LE(scada.events.back().time->ms, now);
    EXPECT_GE(scada.events.back().time->ms + 60'000, now);
}

TEST(Dnp3Mesh, ANodeReportsByItselfToAMasterThatEnabledIt) {
    MasterSettings settings = far_away();
    settings.unsolicited = events;
    Scada scada(settings, events);
    scada.open();
    ASSERT_TRUE(scada.run_until([&] { return scada.master().status().unsolicited_enabled; }));
    scada.tell(Master::Operate{.mode = Master::Operate::Mode::direct,
                               .controls = {{.index = 0, .what = Crob{}}}});
    ASSERT_TRUE(scada.run_until([&] { return !scada.events.empty(); }));
    EXPECT_EQ(scada.events.front().type, PointType::binary_output);
    EXPECT_GT(scada.master().stats().unsolicited, 0u);
}

}  // namespace
}  // namespace causeway
