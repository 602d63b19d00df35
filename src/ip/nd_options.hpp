#pragma once
// Options of neighbour discovery messages. [RFC 4861 §4.6; RFC 4944 §8; RFC 6775 §4.1 to §4.3;
// RFC 8505 §4.1]
// An option of another type, or of a known type whose length or prefix length is not as its
// standard says, is kept verbatim as Unknown: "Receivers MUST silently ignore any options they do
// not recognize". [RFC 4861 §4.2]
#include "base/inplace_bytes.hpp"
#include "base/repr.hpp"
#include "ip/address.hpp"

#include <optional>
#include <variant>
#include <vector>

namespace causeway::ip::nd {

enum class OptionType : std::uint8_t {
    source_link_address = 1,
    target_link_address = 2,
    prefix_information = 3,
    redirected_header = 4,
    mtu = 5,
    address_registration = 33,
    context = 34,
    border_router = 35,
};

/// More in one message are refused (unsupported): room for 16 contexts and as much besides.
inline constexpr std::size_t options_max = 32;
/// A lifetime in seconds that does not end. [RFC 4861 §4.6.2]
inline constexpr std::uint32_t forever = 0xffff'ffff;

/// Source or target link-layer address. [RFC 4861 §4.6.1; RFC 4944 §8]
struct LinkAddress {
    bool of_target = false;
    /// 8 octets (EUI-64), 2 (short address), or 6 (Ethernet). An option of 8 octets holds a short
    /// address when zeros fill it up, and else an Ethernet one.
    InplaceBytes<8> octets{};

    friend bool operator==(const LinkAddress&, const LinkAddress&) = default;
};

/// [RFC 4861 §4.6.2]
struct PrefixInformation {
    Prefix prefix{};
    bool on_link = false;     // L
    bool autonomous = false;  // A
    std::uint32_t valid_seconds = 0;
    std::uint32_t preferred_seconds = 0;

    friend bool operator==(const PrefixInformation&, const PrefixInformation&) = default;
};

/// [RFC 4861 §4.6.3]
struct RedirectedHeader {
    Octets packet{};  // sent with zeros behind it, up to a multiple of 8, and read with them

    friend bool operator==(const RedirectedHeader&, const RedirectedHeader&) = default;
};

/// [RFC 4861 §4.6.4]
struct Mtu {
    std::uint32_t octets = 0;

    friend bool operator==(const Mtu&, const Mtu&) = default;
};

/// [RFC 6775 §4.1, RFC 8505 §4.1]
enum class RegistrationStatus : std::uint8_t {
    success = 0,
    duplicate_address = 1,
    neighbour_cache_full = 2,
    moved = 3,
    removed = 4,
    validation_requested = 5,
    duplicate_source_address = 6,
    invalid_source_address = 7,
    topologically_incorrect = 8,
    registry_saturated = 9,
    validation_failed = 10,
};

/// Address registration [RFC 6775 §4.1], or the extended one when it has a transaction
/// [RFC 8505 §4.1].
struct AddressRegistration {
    RegistrationStatus status = RegistrationStatus::success;
    std::uint16_t lifetime_minutes = 0;  // zero: the registration ends
    /// Who registers: an EUI-64, or a verifier of 8, 16, 24 or 32 octets (ROVR).
    InplaceBytes<32> owner{};

    /// What only the extended option has.
    struct Extended {
        std::uint8_t transaction = 0;  // TID
        std::uint8_t opaque = 0;
        std::uint8_t opaque_kind = 0;     // I, 2 bits
        bool wants_reachability = false;  // R

        friend bool operator==(const Extended&, const Extended&) = default;
    };
    std::optional<Extended> extended{};  // T

    friend bool operator==(const AddressRegistration&, const AddressRegistration&) = default;
};

/// 6LoWPAN context. [RFC 6775 §4.2]
struct Context {
    std::uint8_t id = 0;    // 0 to 15
    bool compress = false;  // C: not for decompression only
    std::uint16_t lifetime_minutes = 0;
    Prefix prefix{};

    friend bool operator==(const Context&, const Context&) = default;
};

/// Authoritative border router. [RFC 6775 §4.3]
struct BorderRouter {
    std::uint32_t version = 0;
    std::uint16_t lifetime_minutes = 0;  // as sent: zero means 10,000
    Address address{};

    friend bool operator==(const BorderRouter&, const BorderRouter&) = default;
};

struct Unknown {
    std::uint8_t type = 0;
    Octets data = Octets(6);  // what follows the length octet: 2 octets less than a multiple of 8

    friend bool operator==(const Unknown&, const Unknown&) = default;
};

using Option = std::variant<LinkAddress, PrefixInformation, RedirectedHeader, Mtu,
                            AddressRegistration, Context, BorderRouter, Unknown>;
using Options = std::vector<Option>;

/// Takes all that is left of `in`. A length of zero fails it with bad_length. [RFC 4861 §4.6]
[[nodiscard]] Options read_options(ByteReader& in);
[[nodiscard]] std::size_t wire_size(const Options& options) noexcept;
void write_options(ByteWriter& out, const Options& options);

/// The first option of a kind, or nullptr.
template <class Kind>
[[nodiscard]] const Kind* find(const Options& options) noexcept {
    for (const Option& option : options)
        if (const Kind* const found = std::get_if<Kind>(&option)) return found;
    return nullptr;
}
/// The first link-layer address of that sort, or nullptr.
[[nodiscard]] const LinkAddress* find_link_address(const Options& options, bool of_target) noexcept;

}  // namespace causeway::ip::nd
