// Points as topics and topics as points, through the real broker and a client on a real socket.
#include "site/points_mqtt.hpp"

#include "mqtt/client.hpp"
#include "net/host.hpp"
#include "net/stream_host.hpp"
#include "net/testing.hpp"
#include "site/points_json.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <map>

namespace causeway::site::points_mqtt_test {
namespace {

using namespace std::chrono_literals;
using net::testing::Folder;
using net::testing::turn_until;
using points::Flag;
using points::Kind;
using points::Outcome;
using points::Sample;
using points::Step;

/// Somebody with an MQTT client, on TCP.
class Person {
public:
    struct Message {
        std::string payload;
        std::string correlation;
        std::string quality;  // user property "q"
        bool retained = false;
        std::optional<std::uint32_t> expiry;
    };

    Person(net::Io& io, std::uint16_t port)
        : client_({.version = mqtt::Version::v5, .client_id = "person"}),
          streams_(io, {},
                   {.opened = [this](net::StreamId,
                                     const net::StreamFacts&) { host_.input(TransportOpened{}); },
                    .received =
                        [this](net::StreamId, Bytes octets) {
                            Octets copy = to_octets(octets);
                            const Bytes borrowed = copy;
                            host_.input(BytesReceived{borrowed}, std::move(copy));
                        },
                    .drained = [](net::StreamId, std::size_t) {},
                    .closed = [this](net::StreamId,
                                     const net::Trouble*) { host_.input(TransportClosed{}); },
                    .batch = [] {},
                    .refused = {}}),
          port_(port),
          host_(io, client_, [this](mqtt::client::Output out) { act(std::move(out)); }) {
        host_.input(mqtt::client::DoConnect{});
    }

    void subscribe(const std::string& filter) {
        mqtt::client::DoSubscribe subscribe{mqtt::client::Ticket{1}, {}};
        subscribe.subscribe.entries.push_back(
            {.filter = filter, .options = {.qos_max = mqtt::Qos::at_least_once}});
        host_.input(std::move(subscribe));
    }
    void publish(const std::string& topic, const std::string& payload, bool retain = false,
                 const std::string& response = {}, const std::string& correlation = {}) {
        mqtt::Publish publish;
        publish.qos = mqtt::Qos::at_least_once;
        publish.retain = retain;
        publish.topic = topic;
        publish.payload = as_octets(payload);
        if (!response.empty()) {
            publish.properties.response_topic = response;
            publish.properties.correlation_data = correlation;
        }
        host_.input(mqtt::client::DoPublish{mqtt::client::Ticket{2}, std::move(publish)});
    }

    bool connected = false;
    bool subscribed = false;
    std::map<std::string, Message> last;  // by topic
    std::map<std::string, int> count;

private:
    using TransportOpened = mqtt::client::TransportOpened;
    using TransportClosed = mqtt::client::TransportClosed;
    using BytesReceived = mqtt::client::BytesReceived;

    void act(mqtt::client::Output&& out) {
        if (std::holds_alternative<mqtt::client::OpenTransport>(out))
            stream_ = streams_.connect({.host = "127.0.0.1", .port = port_});
        else if (auto* send = std::get_if<mqtt::client::SendOctets>(&out))
            streams_.send(stream_, {std::move(send->octets), {}, {}}), streams_.wake();
        else if (std::holds_alternative<mqtt::client::Connected>(out))
            connected = true;
        else if (std::holds_alternative<mqtt::client::Subscribed>(out))
            subscribed = true;
        else if (const auto* arrived = std::get_if<mqtt::client::MessageArrived>(&out))
            hear(arrived->publish);
    }
    void hear(const mqtt::Publish& publish) {
        Message message{
            .payload = std::string(as_text(publish.payload)),
            .correlation = std::string(publish.properties.correlation_data.value_or("")),
            .quality = {},
            .retained = publish.retain,
            .expiry = publish.properties.message_expiry_seconds};
        for (const mqtt::UserProperty& property : publish.properties.user)
            if (property.name == "q") message.quality = property.value;
        ++count[std::string(publish.topic)];
        last[std::string(publish.topic)] = std::move(message);
    }

    mqtt::Client client_;
    net::StreamHost streams_;
    std::uint16_t port_;
    net::StreamId stream_{};
    net::Host<mqtt::Client, std::function<void(mqtt::client::Output)>> host_;
};

/// A broker, a table with a voltage and a breaker whose driver is the test, and a person.
struct Plant {
    explicit Plant(PointsMqttPlan plan) {
        Mqtt site;
        site.workers = 0;
        site.broker.persistent = false;
        site.broker.sys_interval = {};
        site.listeners.push_back({.name = "plain", .listen = "127.0.0.1:0", .anonymous = true});
        auto opened = MqttService::open(io, site, folder / "", [](std::string_view) {});
        EXPECT_TRUE(opened) << opened.error().line;
        mqtt.emplace(*std::move(opened));
        hub.emplace(io, net::Clock());
        driver = hub->add_driver([this](points::CommandId id, const points::Command& command) {
            executed.push_back(command);
            if (answer) hub->answer(id, *answer);
        });
        requester = hub->add_requester(
            [this](const points::Table::Completed& over) { completed.push_back(over); });
        points.emplace(io, std::move(plan), *hub, *mqtt, [](std::string_view) {});
        voltage = *hub->table().define(
            {.device = "feeder", .name = "voltage/l1", .unit = "V", .driver = driver});
        breaker = *hub->table().define({.device = "feeder",
                                        .name = "breaker",
                                        .kind = Kind::boolean,
                                        .states = {"open", "closed"},
                                        .writable = true,
                                        .driver = driver});
        points->start();
    }
    void enter_and_subscribe(const std::string& filter) {
        const std::string line = mqtt->listening().front();
        person.emplace(io, static_cast<std::uint16_t>(std::stoi(line.substr(line.rfind(':') + 1))));
        ASSERT_TRUE(turn_until(io, [&] { return person->connected; }));
        person->subscribe(filter);
        ASSERT_TRUE(turn_until(io, [&] { return person->subscribed; }));
    }
    /// That the topic says so, some time.
    [[nodiscard]] testing::AssertionResult says(const std::string& topic,
                                                const std::string& payload) {
        if (turn_until(io, [&] { return person->last[topic].payload == payload; }))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << topic << " says " << person->last[topic].payload;
    }
    [[nodiscard]] const Sample& last(const std::string& path) {
        return hub->table().last(*hub->table().find(path));
    }
    ~Plant() {
        EXPECT_TRUE(points->stats().balanced());
        EXPECT_TRUE(hub->table().stats().balanced());
    }

    const Folder folder;
    boost::asio::io_context io;
    std::optional<MqttService> mqtt;
    std::optional<PointHub> hub;
    points::DriverId driver{};
    points::RequesterId requester{};
    std::optional<points::Answer> answer = points::Answer{};
    std::vector<points::Command> executed;
    std::vector<points::Table::Completed> completed;
    std::optional<PointsMqtt> points;
    points::PointId voltage{};
    points::PointId breaker{};
    std::optional<Person> person;
};

Sample at(std::int64_t ms, points::Value value, points::Quality quality = {}) {
    return {std::move(value), {ms, points::Time::Source::arrival}, quality};
}

TEST(PointsMqttFace, APointIsARetainedTopicWithUnitTimeAndQuality) {
    Plant plant({});
    plant.hub->update(plant.voltage, at(1'700'000'000'123, 230.5));
    plant.enter_and_subscribe("points/#");
    EXPECT_TRUE(plant.says("points/feeder/voltage/l1",
                           R"({"v":230.5,"u":"V","t":1700000000.123,"q":"good"})"));
    plant.hub->update(plant.voltage, at(1'700'000'001'000, 230.5, Flag::comm_lost));
    EXPECT_TRUE(plant.says("points/feeder/voltage/l1",
                           R"({"v":230.5,"u":"V","t":1700000001,"q":"comm_lost"})"));
    plant.hub->update(plant.breaker, {true, {1000, points::Time::Source::device}, {}});
    EXPECT_TRUE(plant.says("points/feeder/breaker",
                           R"({"v":true,"state":"closed","t":1,"clock":"device","q":"good"})"));
}

TEST(PointsMqttFace, WhatNobodyHasSaidYetIsSaidToBeUnknown) {
    Plant plant({});
    plant.enter_and_subscribe("points/#");
    EXPECT_TRUE(plant.says("points/feeder/breaker", R"({"v":null,"q":"never_known"})"));
}

TEST(PointsMqttFace, EveryChangeIsPublishedInItsOrder) {
    Plant plant({});
    plant.enter_and_subscribe("points/feeder/voltage/l1");
    for (int i = 1; i <= 3000; ++i) plant.hub->update(plant.voltage, at(i, double(i)));
    EXPECT_TRUE(plant.says("points/feeder/voltage/l1", R"({"v":3000,"u":"V","t":3,"q":"good"})"));
    EXPECT_GE(plant.person->count["points/feeder/voltage/l1"], 3000);
    EXPECT_EQ(plant.points->stats().lost, 0u);
}

TEST(PointsMqttFace, AsBareValuesQualityIsAUserProperty) {
    PointsMqttPlan plan;
    plan.face->json = false;
    plan.face->prefix = "plant/points";
    Plant plant(std::move(plan));
    plant.hub->update(plant.breaker, at(1000, true, Flag::blocked));
    plant.enter_and_subscribe("plant/#");
    EXPECT_TRUE(plant.says("plant/points/feeder/breaker", "closed"));
    EXPECT_EQ(plant.person->last["plant/points/feeder/breaker"].quality, "blocked");
}

TEST(PointsMqttFace, OnlyTheDevicesThatAreListedAreShown) {
    PointsMqttPlan plan;
    plan.face->devices = {"another"};
    Plant plant(std::move(plan));
    plant.hub->update(plant.voltage, at(1000, 1.0));
    plant.enter_and_subscribe("#");
    plant.person->publish("points/feeder/breaker/set", "closed", false, "mine", "c");
    EXPECT_TRUE(plant.says("mine", R"({"outcome":"not_supported","detail":0})"));
    EXPECT_EQ(plant.person->count["points/feeder/voltage/l1"], 0);
    EXPECT_TRUE(plant.executed.empty());
}

TEST(PointsMqttFace, ACommandIsCarriedOutAndItsOutcomeToldBesideIt) {
    Plant plant({});
    plant.enter_and_subscribe("points/feeder/breaker/outcome");
    plant.answer = points::Answer{Outcome::local, 7};
    plant.person->publish("points/feeder/breaker/set",
                          R"({"v":"closed","on_ms":500,"count":2,"id":"x1"})");
    EXPECT_TRUE(
        plant.says("points/feeder/breaker/outcome", R"({"outcome":"local","detail":7,"id":"x1"})"));
    ASSERT_EQ(plant.executed.size(), 1u);
    EXPECT_EQ(plant.executed[0].value, points::Value(true));
    ASSERT_TRUE(plant.executed[0].pulse);
    EXPECT_EQ(plant.executed[0].pulse->on_ms, 500u);
    EXPECT_EQ(plant.executed[0].pulse->count, 2);
}

TEST(PointsMqttFace, AResponseTopicGetsTheOutcomeWithItsCorrelation) {
    Plant plant({});
    plant.enter_and_subscribe("mine/#");
    plant.person->publish("points/feeder/breaker/set", "open", false, "mine/a", "42");
    EXPECT_TRUE(plant.says("mine/a", R"({"outcome":"success","detail":0})"));
    EXPECT_EQ(plant.person->last["mine/a"].correlation, "42");
}

TEST(PointsMqttFace, WhatMakesNoSenseIsAnsweredAndNotCarriedOut) {
    Plant plant({});
    plant.enter_and_subscribe("mine/#");
    const auto ask = [&](const std::string& topic, const std::string& payload,
                         const std::string& response) {
        plant.person->publish("points/" + topic + "/set", payload, false, response, "c");
    };
    ask("feeder/breaker", "ajar", "mine/1");
    ask("feeder/breaker", R"({"step":"direct"})", "mine/2");
    ask("feeder/breaker", R"({"v":true,"step":"leap"})", "mine/3");
    ask("feeder/breaker", R"({"v":true)", "mine/4");
    ask("feeder/none", "1", "mine/5");
    ask("feeder/voltage/l1", "1", "mine/6");
    for (const char* topic : {"mine/1", "mine/2", "mine/3", "mine/4"})
        EXPECT_TRUE(plant.says(topic, R"({"outcome":"format_error","detail":0})"));
    for (const char* topic : {"mine/5", "mine/6"})
        EXPECT_TRUE(plant.says(topic, R"({"outcome":"not_supported","detail":0})"));
    EXPECT_TRUE(plant.executed.empty());
}

TEST(PointsMqttFace, AnOutcomeIsNoCommandWhereverItIsWantedToGo) {
    Plant plant({});
    plant.enter_and_subscribe("points/feeder/breaker/outcome");
    plant.person->publish("points/feeder/breaker/set", "open", false, "points/feeder/breaker/set",
                          "c");
    EXPECT_TRUE(plant.says("points/feeder/breaker/outcome", R"({"outcome":"success","detail":0})"));
    EXPECT_EQ(plant.executed.size(), 1u);
}

TEST(PointsMqttFace, WhoeverSelectedMayOperateAndNobodyElse) {
    Plant plant({});
    plant.enter_and_subscribe("+");
    const auto ask = [&](const char* step, const std::string& response) {
        plant.person->publish("points/feeder/breaker/set",
                              std::string(R"({"v":true,"step":")") + step + "\"}", false, response,
                              "c");
    };
    ask("select", "one");
    EXPECT_TRUE(plant.says("one", R"({"outcome":"success","detail":0})"));
    ask("operate", "two");
    EXPECT_TRUE(plant.says("two", R"({"outcome":"no_select","detail":0})"));
    EXPECT_TRUE(plant.executed.empty());
    plant.person->last.clear();
    ask("operate", "one");
    EXPECT_TRUE(plant.says("one", R"({"outcome":"success","detail":0})"));
    ASSERT_EQ(plant.executed.size(), 1u);
    EXPECT_EQ(plant.executed[0].step, Step::direct);
}

PointsMqttPlan sensors() {
    PointsMqttPlan plan;
    plan.face.reset();
    PointsMqttDevice room{.name = "room", .availability = "z2m/room/availability"};
    const auto add = [&](const char* name, Kind kind, const char* topic, const char* pointer) {
        PointsMqttSource source;
        source.definition = {.device = "room", .name = name, .kind = kind};
        source.topic = topic;
        source.pointer = pointer;
        room.points.push_back(std::move(source));
        return &room.points.back();
    };
    add("temperature", Kind::real, "z2m/room", "/climate/temperature")->scaling.factor = 0.1;
    add("humidity", Kind::integer, "z2m/room", "/climate/humidity");
    add("plain", Kind::real, "plain", "");
    PointsMqttSource* const lamp = add("lamp", Kind::boolean, "lamp", "/state");
    lamp->definition.states = {"OFF", "ON"};
    lamp->definition.writable = true;
    lamp->command_topic = "lamp/set";
    lamp->command_payload = R"({"state":"{v}"})";
    plan.devices.push_back(std::move(room));
    return plan;
}

TEST(PointsMqttDriver, TopicsBecomePoints) {
    Plant plant(sensors());
    plant.enter_and_subscribe("x");
    plant.person->publish("z2m/room", R"({"climate":{"temperature":213,"humidity":40}})");
    plant.person->publish("lamp", R"({"state":"ON"})");
    plant.person->publish("plain", "1e3");
    ASSERT_TRUE(turn_until(plant.io, [&] { return plant.last("room/plain").quality.good(); }));
    EXPECT_EQ(plant.last("room/temperature").value, points::Value(21.3));
    EXPECT_EQ(plant.last("room/temperature").time.source, points::Time::Source::arrival);
    EXPECT_EQ(plant.last("room/humidity").value, points::Value(std::int64_t{40}));
    EXPECT_EQ(plant.last("room/lamp").value, points::Value(true));
    EXPECT_EQ(plant.last("room/plain").value, points::Value(1000.0));
}

TEST(PointsMqttDriver, APayloadOfAnotherGatewayKeepsItsTimeAndQuality) {
    Plant plant(sensors());
    plant.enter_and_subscribe("x");
    plant.person->publish("plain", R"({"v":7,"t":1700000000.5,"q":"restart,chatter"})");
    ASSERT_TRUE(turn_until(plant.io,
                           [&] { return plant.last("room/plain").time.ms == 1'700'000'000'500; }));
    EXPECT_EQ(plant.last("room/plain"), (Sample{7.0,
                                                {1'700'000'000'500, points::Time::Source::device},
                                                points::Quality(Flag::restart) | Flag::chatter}));
}

TEST(PointsMqttDriver, WhatIsNoValueLeavesTheOldOneInvalid) {
    Plant plant(sensors());
    plant.enter_and_subscribe("x");
    plant.person->publish("plain", "1");
    plant.person->publish("plain", "warm");
    ASSERT_TRUE(
        turn_until(plant.io, [&] { return plant.last("room/plain").quality == Flag::invalid; }));
    EXPECT_EQ(plant.last("room/plain").value, points::Value(1.0));
    EXPECT_EQ(plant.points->stats().unreadable, 1u);
}

TEST(PointsMqttDriver, AnOfflineDeviceAndASilentTopicAreCommunicationLost) {
    PointsMqttPlan plan = sensors();
    plan.devices[0].points[2].stale_after = 150ms;
    Plant plant(std::move(plan));
    plant.enter_and_subscribe("x");
    plant.person->publish("plain", "1");
    ASSERT_TRUE(
        turn_until(plant.io, [&] { return plant.last("room/plain").value == points::Value(1.0); }));
    ASSERT_TRUE(
        turn_until(plant.io, [&] { return plant.last("room/plain").quality == Flag::comm_lost; }));
    plant.person->publish("z2m/room/availability", R"({"state":"offline"})");
    ASSERT_TRUE(
        turn_until(plant.io, [&] { return plant.last("room/lamp").quality.has(Flag::comm_lost); }));
    plant.person->publish("z2m/room/availability", "online");
    EXPECT_TRUE(turn_until(plant.io,
                           [&] { return !plant.last("room/lamp").quality.has(Flag::comm_lost); }));
}

TEST(PointsMqttDriver, ACommandIsPublishedForSomebodyWhoListensAndNotForOneWhoComesLate) {
    Plant plant(sensors());
    plant.enter_and_subscribe("x");
    const points::PointId lamp = *plant.hub->table().find("room/lamp");
    const auto command = [&] {
        plant.completed.clear();
        plant.hub->command({.point = lamp, .value = true, .requester = plant.requester});
        EXPECT_TRUE(turn_until(plant.io, [&] { return !plant.completed.empty(); }));
        return plant.completed.front().answer.outcome;
    };
    EXPECT_EQ(command(), Outcome::unreachable) << "nobody has subscribed";
    plant.person->subscribed = false;
    plant.person->subscribe("lamp/set");
    ASSERT_TRUE(turn_until(plant.io, [&] { return plant.person->subscribed; }));
    EXPECT_EQ(command(), Outcome::success);
    EXPECT_TRUE(plant.says("lamp/set", R"({"state":"ON"})"));
    EXPECT_EQ(plant.person->last["lamp/set"].expiry, 10u);
}

}  // namespace
}  // namespace causeway::site::points_mqtt_test
