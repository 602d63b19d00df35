// The broker between sockets, workers and store: what only together they can get wrong.
#include "site/mqtt_service.hpp"

#include "mqtt/framer.hpp"
#include "net/testing.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <deque>
#include <fstream>
#include <map>

namespace causeway::site::mqtt_service_test {
namespace {

using namespace std::chrono_literals;

using net::testing::Folder;

void write(const std::string& file, const std::string& text) {
    std::ofstream(file) << text;
}

Mqtt site_with(unsigned workers) {
    Mqtt site;
    site.workers = workers;
    site.broker.persistent = true;
    site.broker.sys_interval = {};
    site.listeners.push_back({.name = "plain", .listen = "127.0.0.1:0", .anonymous = true});
    return site;
}

/// Clients that subscribe to one topic and publish to it with QoS 1, all on one loop.
struct Crowd {
    static constexpr std::uint16_t messages = 50;  // of each

    Crowd(boost::asio::io_context& loop, std::uint16_t server_port)
        : io(loop),
          port(server_port),
          streams(io, {},
                  {.opened =
                       [this](net::StreamId id, const net::StreamFacts&) {
                           mqtt::Connect connect;
                           connect.client_id =
                               names.emplace_back("client-" + std::to_string(names.size()));
                           connect.version = mqtt::Version::v5;
                           connect.properties.session_expiry_seconds = 100;
                           say(id, connect);
                       },
                   .received = [this](net::StreamId id, Bytes octets) { hear(id, octets); },
                   .drained = [](net::StreamId, std::size_t) {},
                   .closed = [this](net::StreamId, const net::Trouble*) { ++closed; },
                   .batch = [] {},
                   .refused = {}}) {}

    void say(net::StreamId id, const mqtt::Packet& packet) {
        streams.send(id, {mqtt::emitted(packet, mqtt::Version::v5), {}, {}});
    }

    void hear(net::StreamId id, Bytes octets) {
        mqtt::Framer& framer = framers.try_emplace(id, 1u << 20).first->second;
        while (const auto step = framer.next(octets)) {
            ASSERT_FALSE(step->refused);
            const auto packet = mqtt::parse_packet(step->packet, mqtt::Version::v5);
            ASSERT_TRUE(packet);
            if (std::holds_alternative<mqtt::Connack>(*packet)) {
                say(id, mqtt::Subscribe{.packet_id = 1,
                                        .entries = {{"all", {mqtt::Qos::at_least_once}}},
                                        .properties = {}});
            } else if (std::holds_alternative<mqtt::Suback>(*packet)) {
                if (++subscribed == wanted) begin();
            } else if (const auto* publish = std::get_if<mqtt::Publish>(&*packet)) {
                ++delivered;
                say(id,
                    mqtt::Ack{.type = mqtt::PacketType::puback, .packet_id = publish->packet_id});
            } else if (std::holds_alternative<mqtt::Ack>(*packet)) {
                ++acknowledged;
            }
        }
    }

    void begin() {
        for (const auto& [id, framer] : framers) {
            for (std::uint16_t i = 1; i <= messages; ++i) {
                mqtt::Publish publish;
                publish.topic = "all";
                publish.qos = mqtt::Qos::at_least_once;
                publish.packet_id = i;
                publish.payload = as_octets("hello");
                say(id, publish);
            }
        }
    }

    void run(unsigned clients, Duration most) {
        wanted = clients;
        for (unsigned i = 0; i < clients; ++i)
            (void)streams.connect({.host = "127.0.0.1", .port = port});
        const auto end = std::chrono::steady_clock::now() + most;
        const auto complete = [&] {
            return delivered >= clients * clients * messages && acknowledged >= clients * messages;
        };
        while (!complete() && std::chrono::steady_clock::now() < end) io.run_for(10ms);
    }

    boost::asio::io_context& io;
    std::uint16_t port;
    unsigned wanted = 0;
    unsigned subscribed = 0;
    unsigned delivered = 0;
    unsigned acknowledged = 0;
    unsigned closed = 0;
    std::deque<std::string> names;
    std::map<net::StreamId, mqtt::Framer> framers;
    net::StreamHost streams;
};

std::uint16_t port_of(const MqttService& service) {
    const std::string line = service.listening().front();
    return static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(':') + 1)));
}

TEST(MqttService, ServesACrowdWithAndWithoutWorkers) {
    for (const unsigned workers : {0u, 2u}) {
        const Folder folder;
        boost::asio::io_context io;
        auto service =
            MqttService::open(io, site_with(workers), folder / "", [](std::string_view) {});
        ASSERT_TRUE(service) << service.error().line;
        Crowd crowd(io, port_of(*service));
        crowd.run(8, 30s);
        EXPECT_EQ(crowd.delivered, 8u * 8u * Crowd::messages);
        EXPECT_EQ(crowd.acknowledged, 8u * Crowd::messages);
        EXPECT_TRUE(service->broker().stats().balanced());
        EXPECT_EQ(service->broker().clients(service->now(), "", 100).size(), 8u);
        EXPECT_TRUE(service->client("client-3"));
        EXPECT_TRUE(service->kick("client-3", true));
        EXPECT_FALSE(service->kick("nobody", true));
        bool done = false;
        service->shut_down([&] { done = true; });
        const auto end = std::chrono::steady_clock::now() + 10s;
        while ((!done || crowd.closed < 8) && std::chrono::steady_clock::now() < end)
            io.run_for(10ms);
        EXPECT_TRUE(done);
        EXPECT_EQ(crowd.closed, 8u);
    }
}

TEST(MqttService, ALinkFromWithinIsAClientLikeAnyOther) {
    const Folder folder;
    boost::asio::io_context io;
    auto service = MqttService::open(io, site_with(0), folder / "", [](std::string_view) {});
    ASSERT_TRUE(service) << service.error().line;
    Octets heard;
    bool closed = false;
    const auto link = service->open_link(
        "inner",
        {.received = [&](Bytes octets) { heard.insert(heard.end(), octets.begin(), octets.end()); },
         .closed = [&] { closed = true; },
         .paused = {}});
    mqtt::Connect connect;
    connect.client_id = "inner";
    service->send(link, mqtt::emitted(connect, mqtt::Version::v3_1_1));
    EXPECT_EQ(heard, (Octets{std::byte{0x20}, std::byte{2}, std::byte{0}, std::byte{0}}));
    EXPECT_TRUE(service->kick("inner", false));
    EXPECT_TRUE(closed);
    service->close(link);  // of no effect any more
}

TEST(MqttService, ABadFileIsRefusedWholeAndTheOldOneStays) {
    const Folder folder;
    boost::asio::io_context io;
    Mqtt site = site_with(0);
    site.access = folder / "access";
    write(site.access, "topic read a/#\n");
    auto service = MqttService::open(io, site, folder / "", [](std::string_view) {});
    ASSERT_TRUE(service) << service.error().line;
    write(site.access, "topic read a/#\ntopic write b\n");
    auto reloaded = service->reload();
    EXPECT_TRUE(reloaded.well);
    ASSERT_EQ(reloaded.lines.size(), 1u);
    EXPECT_NE(reloaded.lines[0].find("1 lines new, 0 gone"), std::string::npos);
    write(site.access, "topci read a/#\nnonsense\n");
    reloaded = service->reload();
    EXPECT_FALSE(reloaded.well);
    EXPECT_EQ(reloaded.lines.size(), 2u) << "all mistakes at once";
    // A site that starts with such a file does not start.
    const auto refused = MqttService::open(io, site, folder / "other", [](auto) {});
    EXPECT_FALSE(refused);
}

TEST(MqttService, AStoreInUseIsOneClearLine) {
    const Folder folder;
    boost::asio::io_context io;
    auto first = MqttService::open(io, site_with(0), folder / "", [](std::string_view) {});
    ASSERT_TRUE(first) << first.error().line;
    const auto second = MqttService::open(io, site_with(0), folder / "", [](auto) {});
    ASSERT_FALSE(second);
    EXPECT_EQ(std::ranges::count(second.error().line, '\n'), 0);
}

}  // namespace
}  // namespace causeway::site::mqtt_service_test
