#include "mqtt/reasons.hpp"

#include <algorithm>
#include <array>

namespace causeway::mqtt {
namespace {

using enum Reason;

// [MQTT-3.2.2-8]
constexpr std::array connack{success,
                             unspecified_error,
                             malformed_packet,
                             protocol_error,
                             implementation_specific_error,
                             unsupported_protocol_version,
                             client_identifier_not_valid,
                             bad_user_name_or_password,
                             not_authorized,
                             server_unavailable,
                             server_busy,
                             banned,
                             bad_authentication_method,
                             topic_name_invalid,
                             packet_too_large,
                             quota_exceeded,
                             payload_format_invalid,
                             retain_not_supported,
                             qos_not_supported,
                             use_another_server,
                             server_moved,
                             connection_rate_exceeded};
// [MQTT-3.4.2-1] [MQTT-3.5.2-1]
constexpr std::array received{success,
                              no_matching_subscribers,
                              unspecified_error,
                              implementation_specific_error,
                              not_authorized,
                              topic_name_invalid,
                              packet_identifier_in_use,
                              quota_exceeded,
                              payload_format_invalid};
// [MQTT-3.6.2-1] [MQTT-3.7.2-1]
constexpr std::array released{success, packet_identifier_not_found};
// [MQTT-3.9.3-2]
constexpr std::array suback{success,
                            granted_qos_1,
                            granted_qos_2,
                            unspecified_error,
                            implementation_specific_error,
                            not_authorized,
                            topic_filter_invalid,
                            packet_identifier_in_use,
                            quota_exceeded,
                            shared_subscriptions_not_supported,
                            subscription_identifiers_not_supported,
                            wildcard_subscriptions_not_supported};
// [MQTT-3.11.3-2]
constexpr std::array unsuback{
    success,        no_subscription_existed, unspecified_error,       implementation_specific_error,
    not_authorized, topic_filter_invalid,    packet_identifier_in_use};
// [MQTT-3.14.2-1]; bad authentication method stands in the table of §2.4 only.
constexpr std::array disconnect{success,
                                disconnect_with_will,
                                unspecified_error,
                                malformed_packet,
                                protocol_error,
                                implementation_specific_error,
                                not_authorized,
                                server_busy,
                                server_shutting_down,
                                bad_authentication_method,
                                keep_alive_timeout,
                                session_taken_over,
                                topic_filter_invalid,
                                topic_name_invalid,
                                receive_maximum_exceeded,
                                topic_alias_invalid,
                                packet_too_large,
                                message_rate_too_high,
                                quota_exceeded,
                                administrative_action,
                                payload_format_invalid,
                                retain_not_supported,
                                qos_not_supported,
                                use_another_server,
                                server_moved,
                                shared_subscriptions_not_supported,
                                connection_rate_exceeded,
                                maximum_connect_time,
                                subscription_identifiers_not_supported,
                                wildcard_subscriptions_not_supported};
// [MQTT-3.15.2-1]
constexpr std::array auth{success, continue_authentication, reauthenticate};

bool is_among(Reason reason, const auto& list) noexcept {
    return std::ranges::find(list, reason) != list.end();
}

}  // namespace

bool may_carry(PacketType type, Reason reason) noexcept {
    switch (type) {
        case PacketType::connack:
            return is_among(reason, connack);
        case PacketType::puback:
        case PacketType::pubrec:
            return is_among(reason, received);
        case PacketType::pubrel:
        case PacketType::pubcomp:
            return is_among(reason, released);
        case PacketType::suback:
            return is_among(reason, suback);
        case PacketType::unsuback:
            return is_among(reason, unsuback);
        case PacketType::disconnect:
            return is_among(reason, disconnect);
        case PacketType::auth:
            return is_among(reason, auth);
        default:
            return false;
    }
}

std::optional<std::uint8_t> return_code_of(Reason reason) noexcept {
    switch (reason) {
        case success:
            return 0;
        case unsupported_protocol_version:
            return 1;
        case client_identifier_not_valid:
            return 2;
        case server_unavailable:
        case server_busy:
        case server_shutting_down:
        case quota_exceeded:
        case use_another_server:
        case server_moved:
        case connection_rate_exceeded:
            return 3;
        case bad_user_name_or_password:
            return 4;
        case not_authorized:
        case banned:
        case bad_authentication_method:
            return 5;
        default:
            return std::nullopt;
    }
}

std::optional<Reason> reason_of(std::uint8_t return_code) noexcept {
    switch (return_code) {
        case 0:
            return success;
        case 1:
            return unsupported_protocol_version;
        case 2:
            return client_identifier_not_valid;
        case 3:
            return server_unavailable;
        case 4:
            return bad_user_name_or_password;
        case 5:
            return not_authorized;
        default:
            return std::nullopt;
    }
}

}  // namespace causeway::mqtt
