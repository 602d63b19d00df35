#pragma once
// Numbers of the capture format pcapng that both its reader and its writer need.
#include <cstdint>

namespace causeway::net {

inline constexpr std::uint32_t section_header_block = 0x0a0d0d0a;  // the same from both ends
inline constexpr std::uint32_t interface_description_block = 1;
inline constexpr std::uint32_t enhanced_packet_block = 6;

inline constexpr std::uint16_t option_end = 0;
inline constexpr std::uint16_t option_interface_name = 2;   // if_name
inline constexpr std::uint16_t option_time_resolution = 9;  // if_tsresol

}  // namespace causeway::net
