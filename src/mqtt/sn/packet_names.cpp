#include "mqtt/sn/packet.hpp"

#include <array>
#include <utility>

namespace causeway::mqtt::sn {

std::string_view name_of(ReturnCode code) noexcept {
    constexpr std::array<std::string_view, 4> names{"accepted", "congestion", "invalid topic id",
                                                    "not supported"};
    const auto at = static_cast<std::size_t>(std::to_underlying(code));
    return at < names.size() ? names[at] : "reserved";
}

std::string_view name_of(MessageType type) noexcept {
    constexpr std::array<std::string_view, 30> names{
        "ADVERTISE",   "SEARCHGW",   "GWINFO",       "?",
        "CONNECT",     "CONNACK",    "WILLTOPICREQ", "WILLTOPIC",
        "WILLMSGREQ",  "WILLMSG",    "REGISTER",     "REGACK",
        "PUBLISH",     "PUBACK",     "PUBCOMP",      "PUBREC",
        "PUBREL",      "?",          "SUBSCRIBE",    "SUBACK",
        "UNSUBSCRIBE", "UNSUBACK",   "PINGREQ",      "PINGRESP",
        "DISCONNECT",  "?",          "WILLTOPICUPD", "WILLTOPICRESP",
        "WILLMSGUPD",  "WILLMSGRESP"};
    if (type == MessageType::encapsulated) return "ENCAPSULATED";
    const auto at = static_cast<std::size_t>(std::to_underlying(type));
    return at < names.size() ? names[at] : "?";
}

}  // namespace causeway::mqtt::sn
