#pragma once
// What a client remembers of a resource that it observes. [RFC 7641 §3]
#include "base/time.hpp"
#include "coap/protection.hpp"

namespace causeway::coap {

struct Observation {
    Token token;              // of the registration; every notification carries it
    Binding binding;          // of the registration that stands, if it was protected
    bool registered = false;  // the server said so
    std::uint32_t freshest = 0;
    Instant freshest_at{};
    Instant renew_at = never;

    /// Whether a notification with sequence number `v2`, received now, was sent after the freshest
    /// one so far. [RFC 7641 §3.4]
    [[nodiscard]] constexpr bool is_newer(std::uint32_t v2, Instant now) const noexcept {
        constexpr std::uint32_t half = 1u << 23;
        const std::uint32_t v1 = freshest;
        return (v1 < v2 && v2 - v1 < half) || (v1 > v2 && v1 - v2 > half) ||
               now > freshest_at + std::chrono::seconds(128);
    }
};

/// A response without the option is good for so long. [RFC 7252 §5.10.5]
inline constexpr std::uint32_t default_max_age = 60;

}  // namespace causeway::coap
