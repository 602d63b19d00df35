// [mqtt], what stands below it, and [management].
#include "site/read.hpp"

#include <gtest/gtest.h>

namespace causeway::site::mqtt_read_test {
namespace {

using namespace std::chrono_literals;

Site read(std::string_view text) {
    auto site = read_text(text, "dir/site.toml");
    EXPECT_TRUE(site) << to_text(site.error());
    return site ? *std::move(site) : Site{};
}
std::string mistakes(std::string_view text) {
    const auto site = read_text(text, "site.toml");
    return site ? "none" : to_text(site.error());
}

TEST(MqttRead, WhatAnEmptyTableGivesIsWhatTheBrokerStartsFrom) {
    const Site site = read("[mqtt]\n");
    ASSERT_TRUE(site.mqtt);
    const mqtt::BrokerSettings& read = site.mqtt->broker;
    const mqtt::BrokerSettings plain;
    EXPECT_TRUE(read.persistent) << "what is acknowledged is kept, unless the file says otherwise";
    EXPECT_EQ(read.qos_max, plain.qos_max);
    EXPECT_EQ(read.session_expiry_seconds_max, plain.session_expiry_seconds_max);
    EXPECT_EQ(read.session_expiry_seconds_v3, plain.session_expiry_seconds_v3);
    EXPECT_EQ(read.keep_alive_seconds_max, plain.keep_alive_seconds_max);
    EXPECT_EQ(read.packet_octets_max, plain.packet_octets_max);
    EXPECT_EQ(read.receive_maximum, plain.receive_maximum);
    EXPECT_EQ(read.inflight_max, plain.inflight_max);
    EXPECT_EQ(read.topic_alias_maximum, plain.topic_alias_maximum);
    EXPECT_EQ(read.topic_alias_maximum_out, plain.topic_alias_maximum_out);
    EXPECT_EQ(read.connections_max, plain.connections_max);
    EXPECT_EQ(read.connections_unready_max, plain.connections_unready_max);
    EXPECT_EQ(read.connect_within, plain.connect_within);
    EXPECT_EQ(read.sessions_max, plain.sessions_max);
    EXPECT_EQ(read.subscriptions_max, plain.subscriptions_max);
    EXPECT_EQ(read.subscriptions_max_each, plain.subscriptions_max_each);
    EXPECT_EQ(read.topic_levels_max, plain.topic_levels_max);
    EXPECT_EQ(read.retained_max, plain.retained_max);
    EXPECT_EQ(read.retained_octets_max, plain.retained_octets_max);
    EXPECT_EQ(read.queue_messages_max, plain.queue_messages_max);
    EXPECT_EQ(read.queue_octets_max, plain.queue_octets_max);
    EXPECT_EQ(read.queue_octets_max_all, plain.queue_octets_max_all);
    EXPECT_EQ(read.queue_qos_0, plain.queue_qos_0);
    EXPECT_EQ(read.slow, plain.slow);
    EXPECT_EQ(read.stalled_after, plain.stalled_after);
    EXPECT_EQ(read.sys_interval, plain.sys_interval);
    EXPECT_EQ(read.publishes_per_second_max, plain.publishes_per_second_max);
    EXPECT_EQ(read.octets_per_second_max, plain.octets_per_second_max);
    EXPECT_EQ(read.connects_per_second_max, plain.connects_per_second_max);
    ASSERT_EQ(site.mqtt->listeners.size(), 1u);
    EXPECT_EQ(site.mqtt->listeners[0].listen, "127.0.0.1:1883");
    EXPECT_EQ(site.mqtt->listeners[0].name, "mqtt-1883");
    EXPECT_FALSE(site.mqtt->sn);
    EXPECT_FALSE(site.management);
}

TEST(MqttRead, ABrokerAloneOpensNothingOfAMesh) {
    const Site alone = read("[mqtt]\n");
    EXPECT_FALSE(alone.has_mesh);
    EXPECT_FALSE(alone.uplink.enabled);
    EXPECT_FALSE(alone.proxy.enabled);
    const Site both = read("[mqtt]\n[[mesh.nodes]]\ncount = 1\n");
    EXPECT_TRUE(both.has_mesh);
    EXPECT_TRUE(both.uplink.enabled);
    EXPECT_FALSE(read("").mqtt);
}

TEST(MqttRead, AnonymousClientsAreForLoopbackWithoutPasswordsOnly) {
    const Site site = read(
        "[mqtt]\nlisten = [\"127.0.0.1:1883\", \"[::1]:1883\", \"unix:/run/m\", "
        "\"0.0.0.0:1884\"]\n");
    ASSERT_EQ(site.mqtt->listeners.size(), 4u);
    EXPECT_TRUE(site.mqtt->listeners[0].anonymous);
    EXPECT_TRUE(site.mqtt->listeners[1].anonymous);
    EXPECT_TRUE(site.mqtt->listeners[2].anonymous);
    EXPECT_FALSE(site.mqtt->listeners[3].anonymous);
    const Site guarded = read("[mqtt]\npasswords = \"users\"\n");
    EXPECT_FALSE(guarded.mqtt->listeners[0].anonymous);
    EXPECT_EQ(guarded.mqtt->passwords, "dir/users") << "beside the site file";
    const Site open = read("[[mqtt.listener]]\nlisten = \"0.0.0.0:1883\"\nanonymous = true\n");
    EXPECT_TRUE(open.mqtt->listeners[0].anonymous);
}

TEST(MqttRead, AListenerSaysItsLayers) {
    const Site site = read(
        "[[mqtt.listener]]\nlisten = \"127.0.0.1:8883\"\ncertificate = \"a.crt\"\nkey = \"/k\"\n"
        "client_ca = \"ca\"\nclient_certificate_required = true\nproxy_protocol = true\n"
        "[[mqtt.listener]]\nlisten = \"127.0.0.1:8083\"\nwebsocket = true\nname = \"web\"\n"
        "[[mqtt.listener]]\nlisten = \"127.0.0.1:8884\"\npsk_file = \"psk\"\n");
    ASSERT_EQ(site.mqtt->listeners.size(), 3u) << "the plain one is no longer by default";
    const MqttListener& tls = site.mqtt->listeners[0];
    EXPECT_EQ(tls.name, "mqtts-8883");
    EXPECT_EQ(tls.certificate, "dir/a.crt");
    EXPECT_EQ(tls.key, "/k");
    EXPECT_TRUE(tls.client_certificate_required);
    EXPECT_TRUE(tls.proxy_protocol);
    EXPECT_EQ(site.mqtt->listeners[1].name, "web");
    EXPECT_TRUE(site.mqtt->listeners[1].websocket);
    EXPECT_EQ(site.mqtt->listeners[2].psk_file, "dir/psk");
}

TEST(MqttRead, ABridgeAndAGatewayAreReadWhole) {
    const Site site = read(
        "[[mqtt.bridge]]\nname = \"up\"\nremote = \"broker.example:8883\"\nversion = \"3.1.1\"\n"
        "tls = true\n[[mqtt.bridge.topic]]\nfilter = \"a/#\"\ndirection = \"both\"\nqos = 2\n"
        "local_prefix = \"l/\"\nremote_prefix = \"r/\"\n"
        "[mqtt.sn]\nmode = \"aggregating\"\nadvertise = \"1m\"\n"
        "[[mqtt.sn.topic]]\nid = 7\nname = \"x/y\"\n"
        "[management]\nlisten = \"127.0.0.1:0\"\n");
    ASSERT_EQ(site.mqtt->bridges.size(), 1u);
    const MqttBridge& bridge = site.mqtt->bridges[0];
    EXPECT_EQ(bridge.host, "broker.example");
    EXPECT_EQ(bridge.port, 8883);
    EXPECT_EQ(bridge.version, mqtt::Version::v3_1_1);
    EXPECT_EQ(bridge.client_id, "causeway-up");
    ASSERT_EQ(bridge.topics.size(), 1u);
    EXPECT_EQ(bridge.topics[0].direction, MqttBridge::Direction::both);
    EXPECT_EQ(bridge.topics[0].qos, mqtt::Qos::exactly_once);
    EXPECT_EQ(bridge.topics[0].remote_prefix, "r/");
    ASSERT_TRUE(site.mqtt->sn);
    EXPECT_TRUE(site.mqtt->sn->aggregating);
    EXPECT_EQ(site.mqtt->sn->advertise, 60s);
    ASSERT_EQ(site.mqtt->sn->topics.size(), 1u);
    EXPECT_EQ(site.mqtt->sn->topics[0].id, 7);
    ASSERT_TRUE(site.management);
}

TEST(MqttRead, SizesAreOctetsOrBinaryMultiples) {
    EXPECT_EQ(read("[mqtt]\nqueue_octets_max = \"3MiB\"\n").mqtt->broker.queue_octets_max,
              3u << 20);
    EXPECT_EQ(read("[mqtt]\nqueue_octets_max = 4096\n").mqtt->broker.queue_octets_max, 4096u);
    EXPECT_EQ(mistakes("[mqtt]\nqueue_octets_max = \"3MB\"\n"),
              "site.toml:2:20: mqtt.queue_octets_max: \"3MB\" is not a size; allowed: 1KiB to "
              "1024GiB, a whole number of octets or one with KiB, MiB or GiB\n");
}

TEST(MqttRead, AllMistakesAtOnce) {
    const std::string text = mistakes(
        "[mqtt]\nlisten = [\"localhost\"]\nslow = \"dorp\"\n"
        "[[mqtt.listener]]\nlisten = \"127.0.0.1:1\"\ncertificate = \"c\"\n"
        "[[mqtt.listener]]\nlisten = \"127.0.0.1:1\"\nclient_certificate_required = true\n"
        "[[mqtt.bridge]]\nname = \"up\"\nremote = \"nowhere\"\n"
        "[[mqtt.sn.topic]]\nid = 1\nname = \"a/+\"\n"
        "[management]\nlisten = \"0.0.0.0:80\"\n");
    for (const char* part :
         {":2:11: mqtt.listen: \"localhost\" is no place to listen", ":3:8: mqtt.slow: \"dorp\"",
          "mqtt.listener: a certificate and its key go together",
          "mqtt: 127.0.0.1:1 is listened on twice", "by whom are they signed?",
          "mqtt.bridge.remote: \"nowhere\" is not a host and port",
          "mqtt.bridge: nothing crosses it", "mqtt.sn.topic.name: \"a/+\" is no topic name",
          "management.listen: 0.0.0.0:80 is open to other hosts"}) {
        EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
    }
}

}  // namespace
}  // namespace causeway::site::mqtt_read_test
