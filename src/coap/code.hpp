#pragma once
// The Code field of a CoAP message: methods and response codes of RFC 7252 §12.1, RFC 7959 §2.9,
// RFC 8132 §5, RFC 8516 §2 and RFC 8768 §6, and the signals of RFC 8323 §5.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace causeway::coap {

/// Class in the upper three bits, detail in the lower five. [RFC 7252 §3]
enum class Code : std::uint8_t {
    empty = 0x00,

    get = 0x01,
    post = 0x02,
    put = 0x03,
    delete_ = 0x04,
    fetch = 0x05,
    patch = 0x06,
    ipatch = 0x07,

    created = 0x41,
    deleted = 0x42,
    valid = 0x43,
    changed = 0x44,
    content = 0x45,
    continue_ = 0x5f,

    bad_request = 0x80,
    unauthorized = 0x81,
    bad_option = 0x82,
    forbidden = 0x83,
    not_found = 0x84,
    method_not_allowed = 0x85,
    not_acceptable = 0x86,
    request_entity_incomplete = 0x88,
    conflict = 0x89,
    precondition_failed = 0x8c,
    request_entity_too_large = 0x8d,
    unsupported_content_format = 0x8f,
    unprocessable_entity = 0x96,
    too_many_requests = 0x9d,

    internal_server_error = 0xa0,
    not_implemented = 0xa1,
    bad_gateway = 0xa2,
    service_unavailable = 0xa3,
    gateway_timeout = 0xa4,
    proxying_not_supported = 0xa5,
    hop_limit_reached = 0xa8,

    // Signals, over reliable transports only.
    csm = 0xe1,
    ping = 0xe2,
    pong = 0xe3,
    release = 0xe4,
    abort = 0xe5,
};

[[nodiscard]] constexpr unsigned class_of(Code code) noexcept {
    return std::to_underlying(code) >> 5u;
}
[[nodiscard]] constexpr unsigned detail_of(Code code) noexcept {
    return std::to_underlying(code) & 31u;
}
[[nodiscard]] constexpr bool is_request(Code code) noexcept {
    return class_of(code) == 0 && code != Code::empty;
}
[[nodiscard]] constexpr bool is_success(Code code) noexcept {
    return class_of(code) == 2;
}
/// Classes 2, 4 and 5; every other class but 0 is reserved. [RFC 7252 §3]
[[nodiscard]] constexpr bool is_response(Code code) noexcept {
    return class_of(code) == 2 || class_of(code) == 4 || class_of(code) == 5;
}

/// "GET", "Content", "Not Found"; empty for a code that no registry entry above names.
[[nodiscard]] std::string_view name_of(Code code) noexcept;
/// "2.05 Content", "0.01 GET", "4.30" for a code without a name.
[[nodiscard]] std::string to_text(Code code);

}  // namespace causeway::coap
