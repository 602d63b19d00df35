#pragma once
// How one address is written in a compressed header. [RFC 6282 §3.1.1, §3.2.3, §3.2.4]
// Internal to the room.
#include "lowpan/iphc_format.hpp"

namespace causeway::lowpan::format {

/// The form that an address is best written in.
struct AddressForm {
    std::uint8_t bits = 0;     // SAC and SAM, or M, DAC and DAM, in their places
    std::uint8_t context = 0;  // used where bits say so
    std::uint8_t lead = 0;     // octets inline from the address's second octet on ...
    std::uint8_t tail = 16;    // ... then its last octets

    [[nodiscard]] std::size_t octets() const noexcept { return std::size_t{lead} + tail; }
};

[[nodiscard]] AddressForm source_form(const std::byte* address, const Encapsulation& around,
                                      const Contexts& contexts) noexcept;
[[nodiscard]] AddressForm destination_form(const std::byte* address, const Encapsulation& around,
                                           const Contexts& contexts) noexcept;

/// Reads the address that the second octet `b1` announces, into 16 octets at `address`. On a fault,
/// `in` has failed.
void expand_source(ByteReader& in, unsigned b1, std::uint8_t context, const Encapsulation& around,
                   const Contexts& contexts, std::byte* address) noexcept;
void expand_destination(ByteReader& in, unsigned b1, std::uint8_t context,
                        const Encapsulation& around, const Contexts& contexts,
                        std::byte* address) noexcept;

}  // namespace causeway::lowpan::format
