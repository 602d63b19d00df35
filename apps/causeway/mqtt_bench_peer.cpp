#include "mqtt_bench_peer.hpp"

#include <fmt/format.h>

namespace causeway::cli {
namespace {

std::string topic_of(const BenchPlan& plan, std::uint32_t index) {
    switch (plan.mode) {
        case BenchMode::pair:
            return fmt::format("bench/pair/{}", index);
        case BenchMode::fan_in:
            return fmt::format("bench/in/{}", index);
        case BenchMode::shared:
            return "bench/shared";
        default:
            return "bench/out";
    }
}

std::string filter_of(const BenchPlan& plan, std::uint32_t index) {
    if (plan.mode == BenchMode::fan_in) return "bench/in/+";
    if (plan.mode == BenchMode::shared) return "$share/bench/" + topic_of(plan, index);
    return topic_of(plan, index);
}

}  // namespace

BenchScript BenchScript::make(const BenchPlan& plan, std::uint32_t index, bool publisher,
                              std::string_view run) {
    BenchScript script;
    const std::string id = fmt::format("bench-{}-{}{}", run, publisher ? 'p' : 's', index);
    mqtt::Connect connect;
    connect.version = plan.version;
    connect.client_id = id;
    connect.clean_start = !plan.persistent;
    connect.keep_alive_seconds = plan.keep_alive_seconds;
    if (!plan.user_name.empty()) connect.user_name = plan.user_name;
    if (!plan.password.empty()) connect.password = as_octets(plan.password);
    if (plan.version == mqtt::Version::v5 && plan.persistent)
        connect.properties.session_expiry_seconds = 3600;
    script.connect = mqtt::emitted(connect, plan.version);

    if (!publisher) {
        const std::string filter = filter_of(plan, index);
        mqtt::Subscribe subscribe{.packet_id = 1, .entries = {}, .properties = {}};
        subscribe.entries.push_back({filter, {.qos_max = plan.qos}});
        script.subscribe = mqtt::emitted(subscribe, plan.version);
        return script;
    }
    const std::string topic = topic_of(plan, index);
    const Octets payload(plan.size, std::byte{'x'});
    mqtt::Publish publish;
    publish.topic = topic;
    publish.qos = plan.qos;
    publish.packet_id = plan.qos == mqtt::Qos::at_most_once ? 0 : 1;
    publish.payload = payload;
    script.publish = mqtt::emitted(publish, plan.version);
    script.stamp_at = script.publish.size() - plan.size;
    if (plan.qos != mqtt::Qos::at_most_once)
        script.id_at = script.stamp_at - 2 - (plan.version == mqtt::Version::v5 ? 1 : 0);
    return script;
}

}  // namespace causeway::cli
