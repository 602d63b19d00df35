#include "net/proxy_protocol.hpp"

#include "net/endpoint.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace causeway::net {
namespace {

constexpr std::array<std::uint8_t, 12> signature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::size_t fixed_octets = 16;
constexpr std::size_t unix_path_octets = 108;

ProxyParsed bad(std::string why) {
    return {.verdict = ProxyParsed::Verdict::bad, .size = 0, .peer = {}, .why = std::move(why)};
}

std::string ip_peer(ByteReader& in, bool v6) {
    Endpoint peer;
    peer.v6 = v6;
    const std::size_t octets = v6 ? 16 : 4;
    in.read_into(MutableBytes(peer.address).first(octets));
    in.take(octets);  // the destination
    peer.port = in.be16();
    in.be16();
    return peer.text();
}

std::string unix_peer(ByteReader& in) {
    const std::string_view path = as_text(in.take(unix_path_octets));
    in.take(unix_path_octets);
    std::string peer = "unix:" + std::string(path.substr(0, path.find('\0')));
    // It goes into logs.
    std::ranges::replace_if(peer, [](char c) { return c < ' ' || c > '~'; }, '?');
    return peer;
}

}  // namespace

ProxyParsed parse_proxy(Bytes octets) {
    const Bytes expected = std::as_bytes(std::span(signature));
    const std::size_t seen = std::min(octets.size(), expected.size());
    if (!same(octets.first(seen), expected.first(seen))) return bad("no header");
    if (octets.size() < fixed_octets) return {};
    ByteReader in(octets);
    in.take(expected.size());
    const std::uint8_t version_command = in.u8();
    const std::uint8_t family = in.u8();
    const std::size_t length = in.be16();
    if (version_command >> 4 != 2) return bad("not version 2");
    const std::uint8_t command = version_command & 0x0f;
    if (command > 1) return bad("unknown command");
    if (fixed_octets + length > proxy_octets_max) return bad("the header is too long");
    if (octets.size() < fixed_octets + length) return {};

    ProxyParsed whole{.verdict = ProxyParsed::Verdict::whole,
                      .size = fixed_octets + length,
                      .peer = {},
                      .why = {}};
    if (command == 0) return whole;  // LOCAL: the balancer itself, to see whether we live
    ByteReader block(in.take(length));
    switch (family) {
        case 0x00:
            return whole;  // UNSPEC
        case 0x11:
            whole.peer = ip_peer(block, false);
            break;
        case 0x21:
            whole.peer = ip_peer(block, true);
            break;
        case 0x31:
            whole.peer = unix_peer(block);
            break;
        default:
            return bad("not a stream's address family");
    }
    if (!block.ok()) return bad("the header is too short for its addresses");
    return whole;
}

}  // namespace causeway::net
