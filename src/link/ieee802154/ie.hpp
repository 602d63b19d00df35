#pragma once
// Information elements: the lists that frames of 2015 carry after their addresses (header IEs) and
// before their payload (payload IEs). Here is how a list is cut into elements and where it ends;
// what an element means is for whoever uses it. [IEEE 802.15.4-2015 §7.4]
#include "base/bytes.hpp"

#include <cstdint>

namespace causeway::link::ieee802154 {

/// One element; `content` is borrowed.
struct InformationElement {
    std::uint8_t id = 0;  // element id of a header IE, group id of a payload IE
    Bytes content = {};
};

inline constexpr std::uint8_t header_termination_1 = 0x7e;  // HT1: payload IEs follow
inline constexpr std::uint8_t header_termination_2 = 0x7f;  // HT2: the payload follows
inline constexpr std::uint8_t payload_termination = 0x0f;
inline constexpr std::size_t ie_descriptor_octets = 2;
inline constexpr std::size_t header_ie_octets_max = 127;
inline constexpr std::size_t payload_ie_octets_max = 2047;

/// The next element of a list. The reader fails where the descriptor is of the other kind of list,
/// or where a termination claims to have content.
[[nodiscard]] InformationElement take_header_ie(ByteReader& in) noexcept;
[[nodiscard]] InformationElement take_payload_ie(ByteReader& in) noexcept;

/// What comes after a list of header IEs. [IEEE 802.15.4-2015 Table 7-6]
enum class AfterHeaderIes : std::uint8_t { nothing, payload_ies, payload };

/// Reads to the end of the list, its termination included.
[[nodiscard]] AfterHeaderIes skip_header_ies(ByteReader& in) noexcept;
void skip_payload_ies(ByteReader& in) noexcept;

void put_header_ie(ByteWriter& out, const InformationElement& element);
void put_payload_ie(ByteWriter& out, const InformationElement& element);

}  // namespace causeway::link::ieee802154
