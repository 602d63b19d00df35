#include "scada_place.hpp"

#include <fmt/format.h>

namespace causeway::cli {

std::optional<site::HostAndPort> scada_place_from(std::string_view text, std::uint16_t port) {
    if (text.starts_with("tcp://")) text.remove_prefix(6);
    const auto colon = text.find(':');
    if (text.ends_with(']') || colon == std::string_view::npos)
        return site::parse_host(fmt::format("{}:{}", text, port));
    const bool bare = !text.starts_with('[') && colon != text.rfind(':');
    return site::parse_host(bare ? fmt::format("[{}]:{}", text, port) : std::string(text));
}

}  // namespace causeway::cli
