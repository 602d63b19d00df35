// [mqtt] and what stands below it, and [management].
#include "mqtt/topic.hpp"
#include "net/endpoint.hpp"
#include "site/build.hpp"
#include "site/values.hpp"

#include <limits>

namespace causeway::site {
namespace {

constexpr std::string_view unix_socket = "unix:";

std::uint32_t seconds_in(Duration duration) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

bool is_local(std::string_view listen) {
    if (listen.starts_with(unix_socket)) return true;
    const auto endpoint = net::Endpoint::parse(listen);
    return endpoint && endpoint->is_loopback();
}

class MqttBuilder {
public:
    MqttBuilder(const Section& mqtt, const std::filesystem::path& file)
        : mqtt_(mqtt), file_(file) {}

    Mqtt build() {
        site_.passwords = file_beside(mqtt_, "passwords", file_);
        site_.access = file_beside(mqtt_, "access", file_);
        site_.sync = mqtt_.take<bool>("sync").value;
        if (const auto workers = mqtt_.take<std::int64_t>("workers"); workers.usable()) {
            site_.workers = static_cast<unsigned>(workers.value);
        }
        read_offers(site_.broker);
        read_limits(site_.broker);
        read_conduct(site_.broker);
        read_listeners();
        for (const Section& section : mqtt_.sections("bridge")) read_bridge(section);
        return std::move(site_);
    }

private:
    void read_offers(mqtt::BrokerSettings& broker) {
        broker.persistent = mqtt_.take<bool>("persistence").value;
        set(broker.qos_max, mqtt_, "qos_max");
        broker.retain_available = mqtt_.take<bool>("retain_available").value;
        broker.wildcards_available = mqtt_.take<bool>("wildcards_available").value;
        broker.shared_available = mqtt_.take<bool>("shared_available").value;
        broker.subscription_identifiers_available =
            mqtt_.take<bool>("subscription_identifiers_available").value;
        if (const auto expiry = mqtt_.take<Duration>("session_expiry_max"); expiry.usable()) {
            broker.session_expiry_seconds_max = seconds_in(expiry.value);
            broker.session_expiry_seconds_v3 = broker.session_expiry_seconds_max;
        }
        if (const auto keep_alive = mqtt_.take<Duration>("keep_alive_max"); keep_alive.usable()) {
            broker.keep_alive_seconds_max =
                static_cast<std::uint16_t>(seconds_in(keep_alive.value));
        }
        set(broker.packet_octets_max, mqtt_, "packet_octets_max");
        set(broker.receive_maximum, mqtt_, "receive_maximum");
        set(broker.inflight_max, mqtt_, "inflight_max");
        set(broker.topic_alias_maximum, mqtt_, "topic_alias_maximum");
        set(broker.topic_alias_maximum_out, mqtt_, "topic_alias_maximum_out");
    }

    void read_limits(mqtt::BrokerSettings& broker) {
        set(broker.connections_max, mqtt_, "connections_max");
        set(broker.connections_unready_max, mqtt_, "connections_unready_max");
        broker.connect_within = mqtt_.take<Duration>("connect_within").value;
        set(broker.sessions_max, mqtt_, "sessions_max");
        set(broker.subscriptions_max, mqtt_, "subscriptions_max");
        set(broker.subscriptions_max_each, mqtt_, "subscriptions_max_each");
        set(broker.topic_levels_max, mqtt_, "topic_levels_max");
        set(broker.retained_max, mqtt_, "retained_max");
        set(broker.retained_octets_max, mqtt_, "retained_octets_max");
        set(broker.queue_messages_max, mqtt_, "queue_messages_max");
        set(broker.queue_octets_max, mqtt_, "queue_octets_max");
        set(broker.queue_octets_max_all, mqtt_, "queue_octets_max_all");
        set(broker.publishes_per_second_max, mqtt_, "publishes_per_second_max");
        set(broker.octets_per_second_max, mqtt_, "octets_per_second_max");
        set(broker.connects_per_second_max, mqtt_, "connects_per_second_max");
    }

    void read_conduct(mqtt::BrokerSettings& broker) {
        broker.queue_qos_0 = mqtt_.take<bool>("queue_qos_0").value;
        broker.slow = mqtt_.take<std::string>("slow").value == "disconnect"
                          ? mqtt::BrokerSettings::Slow::disconnect
                          : mqtt::BrokerSettings::Slow::drop;
        broker.stalled_after = mqtt_.take<Duration>("stalled_after").value;
        broker.sys_interval = mqtt_.take<Duration>("sys_interval").value;
        broker.counted_prefixes = mqtt_.take<std::vector<std::string>>("counted_prefixes").value;
    }

    void read_listeners() {
        const auto sections = mqtt_.sections("listener");
        const auto plain = mqtt_.take<std::vector<std::string>>("listen");
        std::vector<std::string> listens = plain.value;
        if (!plain.given && sections.empty()) listens = {"127.0.0.1:1883"};
        for (const std::string& listen : listens) {
            MqttListener listener;
            listener.listen = listen;
            listener.anonymous = is_local(listen) && site_.passwords.empty();
            add(std::move(listener), mqtt_, plain.at);
        }
        for (const Section& section : sections) read_listener(section);
    }

    void read_listener(const Section& section) {
        MqttListener listener;
        const auto listen = section.take_required<std::string>("listen");
        listener.listen = listen.value;
        if (const auto name = section.take<std::string>("name"); name.usable()) {
            listener.name = name.value;
        }
        listener.websocket = section.take<bool>("websocket").value;
        listener.proxy_protocol = section.take<bool>("proxy_protocol").value;
        listener.certificate = file_beside(section, "certificate", file_);
        listener.key = file_beside(section, "key", file_);
        listener.client_ca = file_beside(section, "client_ca", file_);
        listener.psk_file = file_beside(section, "psk_file", file_);
        const auto required = section.take<bool>("client_certificate_required");
        listener.client_certificate_required = required.value;
        if (listener.certificate.empty() != listener.key.empty()) {
            section.complain(section.at(), "mqtt.listener: a certificate and its key go together",
                             "both, or neither");
        }
        if (required.value && listener.client_ca.empty()) {
            section.complain(required.at,
                             "mqtt.listener.client_certificate_required: by whom are they signed?",
                             "a client_ca beside it");
        }
        if (!listener.client_ca.empty() && listener.certificate.empty()) {
            section.complain(section.at(), "mqtt.listener.client_ca: means nothing without TLS",
                             "a certificate and a key beside it");
        }
        const auto anonymous = section.take<bool>("anonymous");
        listener.anonymous = anonymous.usable() ? anonymous.value
                                                : is_local(listen.value) && site_.passwords.empty();
        if (listen.sound) add(std::move(listener), section, listen.at);
    }

    void add(MqttListener listener, const Section& section, Place at) {
        for (const MqttListener& other : site_.listeners) {
            if (other.listen != listener.listen || listener.listen.ends_with(":0")) continue;
            section.complain(at, "mqtt: " + listener.listen + " is listened on twice",
                             "another port");
        }
        if (listener.name.empty()) listener.name = name_of(listener);
        site_.listeners.push_back(std::move(listener));
    }

    static std::string name_of(const MqttListener& listener) {
        const bool tls = !listener.certificate.empty() || !listener.psk_file.empty();
        std::string name = listener.websocket ? (tls ? "wss" : "ws") : (tls ? "mqtts" : "mqtt");
        if (listener.listen.starts_with(unix_socket)) return name + "-unix";
        return name + '-' + listener.listen.substr(listener.listen.rfind(':') + 1);
    }

    void read_bridge(const Section& section) {
        MqttBridge bridge;
        const auto name = section.take_required<std::string>("name");
        bridge.name = name.value;
        for (const MqttBridge& other : site_.bridges) {
            if (!name.usable() || other.name != bridge.name) continue;
            section.complain(name.at, "mqtt.bridge.name: \"" + bridge.name + "\" is taken",
                             "a name of its own for each bridge");
        }
        if (const auto remote = section.take_required<std::string>("remote"); remote.usable()) {
            const auto host = parse_host(remote.value);
            bridge.host = host->host;
            bridge.port = host->port;
        }
        bridge.version = section.take<std::string>("version").value == "5" ? mqtt::Version::v5
                                                                           : mqtt::Version::v3_1_1;
        const auto client_id = section.take<std::string>("client_id");
        bridge.client_id = client_id.usable() ? client_id.value : "causeway-" + bridge.name;
        bridge.user_name = section.take<std::string>("user_name").value;
        bridge.password_file = file_beside(section, "password_file", file_);
        bridge.keep_alive = section.take<Duration>("keep_alive").value;
        bridge.tls = section.take<bool>("tls").value;
        bridge.ca_file = file_beside(section, "ca_file", file_);
        bridge.certificate = file_beside(section, "certificate", file_);
        bridge.key = file_beside(section, "key", file_);
        for (const Section& topic : section.sections("topic")) read_topic(topic, bridge);
        if (bridge.topics.empty()) {
            section.complain(section.at(), "mqtt.bridge: nothing crosses it",
                             "[[mqtt.bridge.topic]], once for each filter");
        }
        site_.bridges.push_back(std::move(bridge));
    }

    static void read_topic(const Section& section, MqttBridge& bridge) {
        MqttBridge::Topic topic;
        const auto filter = section.take<std::string>("filter");
        topic.filter = filter.value;
        const std::string direction = section.take<std::string>("direction").value;
        topic.direction = direction == "out"  ? MqttBridge::Direction::out
                          : direction == "in" ? MqttBridge::Direction::in
                                              : MqttBridge::Direction::both;
        set(topic.qos, section, "qos");
        topic.local_prefix = section.take<std::string>("local_prefix").value;
        topic.remote_prefix = section.take<std::string>("remote_prefix").value;
        for (const std::string& prefix : {topic.local_prefix, topic.remote_prefix}) {
            const std::string whole = prefix + topic.filter;
            const bool wild = prefix.find_first_of("+#") != std::string::npos;
            if (!filter.sound || (!wild && mqtt::is_topic_filter(whole))) continue;
            section.complain(section.at(),
                             "mqtt.bridge.topic: \"" + whole + "\" is no topic filter",
                             "+ and # alone in their level, # last, none in a prefix");
        }
        bridge.topics.push_back(std::move(topic));
    }

    Section mqtt_;
    const std::filesystem::path& file_;
    Mqtt site_;
};

}  // namespace

Mqtt build_mqtt(const Section& mqtt, const std::filesystem::path& file) {
    return MqttBuilder(mqtt, file).build();
}

std::optional<MqttSn> build_mqtt_sn(const Section& section, bool present) {
    MqttSn sn;
    const auto enabled = section.take<bool>("enabled");
    const auto listen = section.take<net::Endpoint>("listen");
    const auto broadcast = section.take<net::Endpoint>("broadcast");
    sn.listen = listen.value.text();
    if (broadcast.usable()) sn.broadcast = broadcast.value.text();
    sn.aggregating = section.take<std::string>("mode").value == "aggregating";
    set(sn.gateway_id, section, "gateway_id");
    sn.advertise = section.take<Duration>("advertise").value;
    set(sn.clients_max, section, "clients_max");
    for (const Section& topic : section.sections("topic")) {
        const auto id = topic.take_required<std::int64_t>("id");
        const auto name = topic.take_required<std::string>("name");
        if (name.usable() && !mqtt::is_topic_name(name.value)) {
            topic.complain(name.at, "mqtt.sn.topic.name: \"" + name.value + "\" is no topic name",
                           "levels without wildcards");
        }
        for (const MqttSn::Topic& other : sn.topics) {
            if (!id.usable() || other.id != id.value) continue;
            topic.complain(id.at, "mqtt.sn.topic.id: " + std::to_string(other.id) + " is taken",
                           "a number of its own for each topic");
        }
        sn.topics.push_back({static_cast<std::uint16_t>(id.value), name.value});
    }
    if (enabled.given ? !enabled.value : !present) return std::nullopt;
    return sn;
}

std::optional<Management> build_management(const Section& section,
                                           const std::filesystem::path& file) {
    const auto listen = section.take<net::Endpoint>("listen");
    Management management;
    management.token_file = file_beside(section, "token_file", file);
    if (!listen.usable()) return std::nullopt;
    management.listen = listen.value.text();
    if (management.token_file.empty() && !listen.value.is_loopback()) {
        section.complain(listen.at,
                         "management.listen: " + management.listen + " is open to other hosts",
                         "a token_file beside it, or a loopback address");
    }
    return management;
}

}  // namespace causeway::site
