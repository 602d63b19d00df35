// The five laws of base/engine.hpp, over every engine of the project: driven by timeouts alone,
// early, late and twice, and by the same inputs in two lives.
#include "base/engine.hpp"
#include "base/hex.hpp"
#include "coap/endpoint.hpp"
#include "coap/proxy.hpp"
#include "link/ieee802154/mac.hpp"
#include "lowpan/adaptation.hpp"
#include "mqtt/bridge.hpp"
#include "mqtt/sn/client.hpp"
#include "mqtt/sn/gateway.hpp"
#include "node/discovery.hpp"
#include "node/node.hpp"
#include "rpl/router.hpp"
#include "tests/laws/scada_makers.hpp"

#include <gtest/gtest.h>

namespace causeway::laws {
namespace {

using namespace std::chrono_literals;

const ip::Prefix prefix = *ip::Prefix::from_text("fd00:ca5e::/64");
const ip::Address here = *ip::Address::from_text("fe80::1001");

}  // namespace

template <>
struct Maker<rpl::Trickle> {
    static rpl::Trickle make(std::uint64_t seed) { return {{100ms, 4, 1}, Random(seed), {}}; }
};
template <>
struct Maker<rpl::Router> {
    static rpl::Router make(std::uint64_t seed) {
        return {{.root = true,
                 .link_local = here,
                 .interface_id = here.interface_id(),
                 .prefix = prefix,
                 .settings = {}},
                Random(seed),
                {},
                {}};
    }
};
template <>
struct Maker<link::ieee802154::Mac> {
    static link::ieee802154::Mac make(std::uint64_t seed) {
        link::ieee802154::Mac::Config config;
        config.address = link::ieee802154::Address::extended(0x0200'0000'0000'1001);
        config.pan = link::ieee802154::PanId{0xabcd};
        link::ieee802154::Mac mac(config, Random(seed), {}, {});
        mac.send({}, {.destination = link::ieee802154::Address::broadcast(),
                      .payload = link::ieee802154::Payload("2a"_hex)});
        return mac;
    }
};
template <>
struct Maker<lowpan::Adaptation> {
    static lowpan::Adaptation make(std::uint64_t seed) {
        lowpan::Adaptation adaptation(link::ieee802154::Address::extended(0x0200'0000'0000'1001),
                                      {}, {}, Random(seed), {});
        // A first fragment whose others never come: the reassembly has to time out.
        adaptation.frame_arrived({},
                                 {link::ieee802154::Address::extended(0x0200'0000'0000'1002),
                                  link::ieee802154::Address::extended(0x0200'0000'0000'1001),
                                  lowpan::FramePayload("c0800001 41 6000000000583b40"
                                                       "fe800000000000000000000000001002"
                                                       "fe800000000000000000000000001001"_hex)});
        return adaptation;
    }
};
template <>
struct Maker<coap::Endpoint> {
    static coap::Endpoint make(std::uint64_t seed) {
        coap::Endpoint endpoint({}, Random(seed), {});
        endpoint.handle({}, coap::Request{.id = coap::RequestId{1}, .peer = {{}, 5683}});
        return endpoint;
    }
};
template <>
struct Maker<coap::ForwardProxy> {
    static coap::ForwardProxy make(std::uint64_t seed) {
        coap::ForwardProxy proxy(coap::ProxySettings{},
                                 [](std::string_view, std::uint16_t) { return coap::Peer{}; },
                                 Random(seed), {});
        proxy.handle({}, coap::ForwardProxy::FrontDatagram{
                             {{}, 1}, "40 01 1234 d7 1b 636f6170 2d636f61 2f"_hex});
        return proxy;
    }
};
template <>
struct Maker<node::Discovery> {
    static node::Discovery make(std::uint64_t seed) {
        node::Discovery discovery({.link_local = here, .eui64 = 0x0200'0000'0000'1001},
                                  Random(seed), {});
        discovery.handle({}, node::Discovery::ParentChanged{here});
        return discovery;
    }
};
template <>
struct Maker<node::Node> {
    static node::Node make(std::uint64_t seed) {
        return {
            {.eui64 = 0x0200'0000'0000'1001, .root = true, .prefix = prefix}, Random(seed), {}, {}};
    }
};

template <>
struct Maker<mqtt::Bridge> {
    static mqtt::Bridge make(std::uint64_t seed) {
        mqtt::BridgeSettings settings;
        settings.name = "b";
        settings.topics = {{.filter = "#", .direction = mqtt::BridgeTopic::Direction::both}};
        return {std::move(settings), Random(seed), {}};
    }
};
template <>
struct Maker<mqtt::sn::Gateway> {
    static mqtt::sn::Gateway make(std::uint64_t seed) {
        mqtt::sn::GatewaySettings settings;
        settings.advertise_to = mqtt::sn::Peer{};
        mqtt::sn::Gateway gateway(settings, Random(seed), {});
        gateway.handle({}, mqtt::sn::DatagramReceived{{{}, 1}, "03 01 00"_hex});
        gateway.handle({}, mqtt::sn::DatagramReceived{{{}, 2}, "08 04 04 01 00 3c 6e 31"_hex});
        return gateway;
    }
};
template <>
struct Maker<mqtt::sn::Client> {
    static mqtt::sn::Client make(std::uint64_t seed) {
        mqtt::sn::Client client({.client_id = "n1", .gateway = mqtt::sn::Peer{}}, Random(seed), {});
        client.handle({}, mqtt::sn::Client::Start{});
        return client;
    }
};

namespace {

template <class E>
class EngineLaws : public testing::Test {};
using Engines =
    testing::Types<rpl::Trickle, rpl::Router, link::ieee802154::Mac, lowpan::Adaptation,
                   coap::Endpoint, coap::ForwardProxy, node::Discovery, node::Node, mqtt::Bridge,
                   mqtt::sn::Gateway, mqtt::sn::Client, points::Table, scada::modbus::Client,
                   scada::modbus::Server, scada::dnp3::MasterStation,
                   scada::dnp3::OutstationStation, scada::tunnel::Tunnel>;
TYPED_TEST_SUITE(EngineLaws, Engines);

/// How many there were; a host that never gets to the end of them has found a livelock.
template <class E>
std::size_t drain(E& engine) {
    std::size_t outputs = 0;
    while (engine.poll_output())
        if (++outputs > 10'000) {
            ADD_FAILURE() << "outputs without end";
            break;
        }
    return outputs;
}

TYPED_TEST(EngineLaws, ATimeoutAtTheDeadlineMakesProgress) {
    auto engine = Maker<TypeParam>::make(1);
    drain(engine);
    for (int i = 0; i < 200 && engine.next_deadline() != never; ++i) {
        const Instant due = engine.next_deadline();
        engine.handle_timeout(due);
        const std::size_t outputs = drain(engine);
        ASSERT_TRUE(outputs > 0 || engine.next_deadline() > due) << "stuck at step " << i;
    }
}

TYPED_TEST(EngineLaws, ATimeoutThatComesEarlyOrTwiceDoesNothing) {
    auto engine = Maker<TypeParam>::make(2);
    drain(engine);
    for (int i = 0; i < 50 && engine.next_deadline() != never; ++i) {
        const Instant due = engine.next_deadline();
        engine.handle_timeout(due - 1ns);
        ASSERT_EQ(drain(engine), 0u) << "spoke before its time, at step " << i;
        ASSERT_EQ(engine.next_deadline(), due);
        engine.handle_timeout(due);
        drain(engine);
        const Instant next = engine.next_deadline();
        if (next <= due) continue;  // more is due at the same instant
        engine.handle_timeout(due);
        ASSERT_EQ(drain(engine), 0u) << "spoke twice, at step " << i;
    }
}

TYPED_TEST(EngineLaws, ATimeoutThatComesHoursLateDoesNoHarm) {
    auto engine = Maker<TypeParam>::make(3);
    drain(engine);
    Instant now{};
    for (int i = 0; i < 50 && engine.next_deadline() != never; ++i) {
        now = std::max(now, engine.next_deadline()) + 5h;
        for (int turns = 0; engine.next_deadline() <= now; ++turns) {
            ASSERT_LT(turns, 1000) << "never catches up";
            engine.handle_timeout(now);
            drain(engine);
        }
    }
}

TYPED_TEST(EngineLaws, TheSameSeedWakesAtTheSameInstants) {
    auto one = Maker<TypeParam>::make(4);
    auto other = Maker<TypeParam>::make(4);
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(drain(one), drain(other));
        ASSERT_EQ(one.next_deadline(), other.next_deadline());
        const Instant due = one.next_deadline();
        if (due == never) break;
        one.handle_timeout(due);
        other.handle_timeout(due);
    }
}

}  // namespace
}  // namespace causeway::laws
