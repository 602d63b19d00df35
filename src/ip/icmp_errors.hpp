#pragma once
// Says whether an ICMPv6 error may be sent about a packet, at what rate, and makes it.
// [RFC 4443 §2.4 (c), (e), (f)]
// Anycast sources cannot be told from others and are not refused.
#include "base/tap.hpp"
#include "base/time.hpp"
#include "ip/icmpv6.hpp"

#include <optional>

namespace causeway::ip {

/// Which error, less the packet that it is about.
struct IcmpError {
    Icmpv6Type type = Icmpv6Type::destination_unreachable;
    std::uint8_t code = 0;
    std::uint32_t value = 0;  // the MTU, or the pointer

    static constexpr IcmpError unreachable(UnreachableCode code) noexcept {
        return {Icmpv6Type::destination_unreachable, std::to_underlying(code), 0};
    }
    static constexpr IcmpError too_big(std::uint32_t mtu) noexcept {
        return {Icmpv6Type::packet_too_big, 0, mtu};
    }
    static constexpr IcmpError time_exceeded(TimeExceededCode code) noexcept {
        return {Icmpv6Type::time_exceeded, std::to_underlying(code), 0};
    }
    /// `pointer` counts octets from the start of the packet that the error is about.
    static constexpr IcmpError parameter_problem(ParameterProblemCode code,
                                                 std::uint32_t pointer) noexcept {
        return {Icmpv6Type::parameter_problem, std::to_underlying(code), pointer};
    }
};

class IcmpErrors {
public:
    /// A token bucket: `burst` at once, `per_second` in the long run. [RFC 4443 §2.4 (f)]
    struct Settings {
        std::uint32_t burst = 10;
        std::uint32_t per_second = 10;  // zero: no errors are sent
        std::uint8_t hop_limit = hop_limit_default;
    };

    struct Stats {
        std::uint64_t asked = 0;
        std::uint64_t sent = 0;
        std::uint64_t unreadable = 0;        // not an IPv6 header
        std::uint64_t about_icmp_error = 0;  // (e.1)
        std::uint64_t about_redirect = 0;    // (e.2)
        std::uint64_t to_a_group = 0;        // (e.3), (e.4), (e.5)
        std::uint64_t from_nobody = 0;       // (e.6)
        std::uint64_t rate_limited = 0;      // (f)

        void visit(auto named) const {
            named("asked", asked);
            named("sent", sent);
            named("unreadable", unreadable);
            named("about_icmp_error", about_icmp_error);
            named("about_redirect", about_redirect);
            named("to_a_group", to_a_group);
            named("from_nobody", from_nobody);
            named("rate_limited", rate_limited);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return asked == sent + unreadable + about_icmp_error + about_redirect + to_a_group +
                                from_nobody + rate_limited;
        }
    };

    IcmpErrors(Settings settings, Instant now) noexcept;

    /// How `offending` came in below IP: a group there counts as a group here. (e.4), (e.5)
    enum class Arrival : std::uint8_t { unicast, link_group };

    /// The error as an IPv6 packet from `own` to the source of `offending`, with as much of that as
    /// fits into 1280 octets; nullopt, counted, where none may be sent.
    [[nodiscard]] std::optional<Octets> make(Instant now, const Address& own, IcmpError error,
                                             Bytes offending, Arrival arrival = Arrival::unicast);

    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    [[nodiscard]] std::uint64_t* refusal(IcmpError error, Bytes offending, Arrival arrival);
    [[nodiscard]] bool take_token(Instant now) noexcept;

    Settings settings_;
    Duration interval_{};  // between tokens
    Duration full_{};      // a whole burst, as time
    Duration credit_{};
    Instant last_;
    Stats stats_;
};

static_assert(Stats<IcmpErrors::Stats>);

}  // namespace causeway::ip
