#include "mqtt/packet.hpp"

namespace causeway::mqtt {

bool operator==(const Will& a, const Will& b) {
    return a.topic == b.topic && same(a.payload, b.payload) && a.qos == b.qos &&
           a.retain == b.retain && a.properties == b.properties;
}

bool operator==(const Connect& a, const Connect& b) {
    const bool same_password = a.password.has_value() == b.password.has_value() &&
                               (!a.password || same(*a.password, *b.password));
    return same_password && a.version == b.version && a.bridge == b.bridge &&
           a.clean_start == b.clean_start && a.keep_alive_seconds == b.keep_alive_seconds &&
           a.client_id == b.client_id && a.will == b.will && a.user_name == b.user_name &&
           a.properties == b.properties;
}

bool operator==(const Publish& a, const Publish& b) {
    return a.dup == b.dup && a.qos == b.qos && a.retain == b.retain && a.topic == b.topic &&
           a.packet_id == b.packet_id && a.properties == b.properties && same(a.payload, b.payload);
}

}  // namespace causeway::mqtt
