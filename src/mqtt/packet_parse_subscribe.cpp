// SUBSCRIBE, UNSUBSCRIBE and their answers.
#include "mqtt/packet_reader.hpp"
#include "mqtt/reasons.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt::wire {
namespace {

std::string_view parse_filter(PacketReader& in) {
    // [MQTT-3.8.3-1] [MQTT-3.10.3-1]
    const std::string_view filter = in.text("a topic filter is no UTF-8");
    // [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    if (in.ok() && !is_topic_filter(filter)) {
        in.refuse(Reason::topic_filter_invalid, "a topic filter is empty, or ill formed");
    }
    return filter;
}

SubscriptionOptions parse_options(PacketReader& in, Version version, std::string_view filter) {
    const std::uint8_t octet = in.u8();
    const unsigned qos = octet & 3u;
    const unsigned retain_handling = octet >> 4 & 3u;
    const bool no_local = (octet & 0x04) != 0;
    // [MQTT-3.8.3-5]; in 3.1.1 only QoS is not reserved, and 3 malformed as well
    // [MQTT 3.1.1 MQTT-3.8.3-4].
    const bool v5 = version == Version::v5;
    if ((octet & (v5 ? 0xc0 : 0xfc)) != 0) {
        in.refuse(Reason::malformed_packet, "reserved bits of the subscription options");
    }
    if (qos == 3) {
        in.refuse(v5 ? Reason::protocol_error : Reason::malformed_packet,
                  "the QoS of a subscription is 3");
    }
    if (retain_handling == 3) in.refuse(Reason::protocol_error, "retain handling is 3");
    if (no_local && shared_of(filter)) {  // [MQTT-3.8.3-4]
        in.refuse(Reason::protocol_error, "no local on a shared subscription");
    }
    return {.qos_max = static_cast<Qos>(qos),
            .no_local = no_local,
            .retain_as_published = (octet & 0x08) != 0,
            .retain_handling = static_cast<RetainHandling>(retain_handling)};
}

}  // namespace

void parse(PacketReader& in, Version version, Subscribe& out) {
    in.check_flags(version, 2);  // [MQTT-3.8.1-1]
    out.packet_id = in.packet_id();
    in.properties(version, PropertyPlace::subscribe, out.properties);
    while (in.more()) {
        in.check_count(out.entries.size());
        Subscribe::Entry& entry = out.entries.emplace_back();
        entry.filter = parse_filter(in);
        entry.options = parse_options(in, version, entry.filter);
    }
    // [MQTT-3.8.3-2]
    if (out.entries.empty()) in.refuse(Reason::protocol_error, "a SUBSCRIBE to nothing");
}

void parse(PacketReader& in, Version version, Unsubscribe& out) {
    in.check_flags(version, 2);  // [MQTT-3.10.1-1]
    out.packet_id = in.packet_id();
    in.properties(version, PropertyPlace::unsubscribe, out.properties);
    while (in.more()) {
        in.check_count(out.filters.size());
        out.filters.push_back(parse_filter(in));
    }
    // [MQTT-3.10.3-2]
    if (out.filters.empty()) in.refuse(Reason::protocol_error, "an UNSUBSCRIBE from nothing");
}

void parse(PacketReader& in, Version version, Suback& out) {
    in.check_flags(version, 0);
    out.packet_id = in.packet_id();
    in.properties(version, PropertyPlace::suback, out.properties);
    out.reasons.reserve(std::min(in.remaining(), entries_max));
    while (in.more()) {
        in.check_count(out.reasons.size());
        const auto reason = static_cast<Reason>(in.u8());
        // [MQTT-3.9.3-2]; in 3.1.1 the QoS or failure [MQTT 3.1.1 MQTT-3.9.3-2].
        const bool known = version == Version::v5 ? may_carry(PacketType::suback, reason)
                                                  : reason <= Reason::granted_qos_2 ||
                                                        reason == Reason::unspecified_error;
        if (!known) in.refuse(Reason::malformed_packet, "no reason code of a SUBACK");
        out.reasons.push_back(reason);
    }
    if (out.reasons.empty()) in.refuse(Reason::protocol_error, "a SUBACK of nothing");
}

void parse(PacketReader& in, Version version, Unsuback& out) {
    in.check_flags(version, 0);
    out.packet_id = in.packet_id();
    if (version != Version::v5) return;
    in.properties(version, PropertyPlace::unsuback, out.properties);
    out.reasons.reserve(std::min(in.remaining(), entries_max));
    while (in.more()) {
        in.check_count(out.reasons.size());
        const auto reason = static_cast<Reason>(in.u8());
        if (!may_carry(PacketType::unsuback, reason)) {  // [MQTT-3.11.3-2]
            in.refuse(Reason::malformed_packet, "no reason code of an UNSUBACK");
        }
        out.reasons.push_back(reason);
    }
    if (out.reasons.empty()) in.refuse(Reason::protocol_error, "an UNSUBACK of nothing");
}

}  // namespace causeway::mqtt::wire
