#pragma once
#include <cstdint>

namespace causeway::net {

/// What a captured packet starts with, as captures number it (LINKTYPE_...). Any other number may
/// come out of a file.
enum class LinkType : std::uint16_t {
    raw_ip = 101,               // IPv4 or IPv6, by its first four bits
    ieee802154_with_fcs = 195,  // the frame check sequence is there
    ieee802154_no_fcs = 230,    // and here it is not
};

}  // namespace causeway::net
