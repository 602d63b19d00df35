#include "coap/peer.hpp"

#include <algorithm>
#include <charconv>

namespace causeway::coap {
namespace {

using Address = std::array<std::byte, 16>;

constexpr std::size_t mapped_octets = 12;

bool is_mapped(const Address& a) noexcept {
    return std::all_of(a.begin(), a.begin() + 10, [](std::byte b) { return b == std::byte{0}; }) &&
           a[10] == std::byte{0xff} && a[11] == std::byte{0xff};
}

/// Four decimal octets, no leading zeros, nothing behind.
bool read_ipv4(std::string_view text, std::byte* out) noexcept {
    for (int i = 0; i < 4; ++i) {
        if (i != 0) {
            if (!text.starts_with('.')) return false;
            text.remove_prefix(1);
        }
        std::uint8_t octet = 0;
        const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), octet);
        const auto digits = static_cast<std::size_t>(stop - text.data());
        if (fault != std::errc{} || (digits > 1 && text.front() == '0')) return false;
        text.remove_prefix(digits);
        *out++ = std::byte{octet};
    }
    return text.empty();
}

struct Groups {
    std::array<std::byte, 16> octets{};
    std::size_t size = 0;

    /// Groups of hex between colons, the last of which may be an IPv4 address.
    bool read(std::string_view text) noexcept {
        while (!text.empty()) {
            const std::size_t colon = text.find(':');
            const std::string_view group = text.substr(0, colon);
            if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
                if (size > mapped_octets || !read_ipv4(group, &octets[size])) return false;
                size += 4;
                return true;
            }
            std::uint16_t value = 0;
            const char* end = group.data() + group.size();
            const auto [stop, fault] = std::from_chars(group.data(), end, value, 16);
            if (group.empty() || group.size() > 4 || fault != std::errc{} || stop != end)
                return false;
            if (size == octets.size()) return false;
            octets[size++] = std::byte(value >> 8);
            octets[size++] = std::byte(value & 0xff);
            if (colon == std::string_view::npos) return true;
            text.remove_prefix(colon + 1);
            if (text.empty()) return false;  // a colon with nothing behind
        }
        return true;
    }
};

}  // namespace

std::string_view scheme_of(Transport transport) noexcept {
    switch (transport) {
        case Transport::udp:
            return "coap";
        case Transport::dtls:
            return "coaps";
        case Transport::tcp:
            return "coap+tcp";
        case Transport::tls:
            return "coaps+tcp";
        case Transport::ws:
            return "coap+ws";
        case Transport::wss:
            return "coaps+ws";
    }
    return {};
}

bool Peer::is_ipv4() const noexcept {
    return is_mapped(address);
}

bool Peer::is_loopback() const noexcept {
    if (is_ipv4()) return address[12] == std::byte{127};
    Address loopback{};
    loopback[15] = std::byte{1};
    return address == loopback;
}

bool Peer::is_multicast() const noexcept {
    if (is_ipv4()) return (address[12] & std::byte{0xf0}) == std::byte{0xe0};
    return address[0] == std::byte{0xff};
}

std::optional<Address> address_from_literal(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    Address address{};
    if (text.find(':') == std::string_view::npos) {
        address[10] = address[11] = std::byte{0xff};
        if (!read_ipv4(text, &address[mapped_octets])) return std::nullopt;
        return address;
    }
    Groups head;
    Groups tail;
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) {
        if (!head.read(text) || head.size != address.size()) return std::nullopt;
        return head.octets;
    }
    if (!head.read(text.substr(0, gap)) || !tail.read(text.substr(gap + 2))) return std::nullopt;
    if (head.size + tail.size > address.size() - 2) return std::nullopt;
    std::ranges::copy_n(head.octets.begin(), static_cast<std::ptrdiff_t>(head.size),
                        address.begin());
    std::copy_n(tail.octets.begin(), tail.size,
                address.end() - static_cast<std::ptrdiff_t>(tail.size));
    return address;
}

std::string address_to_text(const Address& address) {
    std::string text;
    const auto decimal = [&](std::byte b) { text += std::to_string(std::to_integer<int>(b)); };
    if (is_mapped(address)) {
        for (std::size_t i = mapped_octets; i < 16; ++i) {
            if (i != mapped_octets) text += '.';
            decimal(address[i]);
        }
        return text;
    }
    std::array<unsigned, 8> groups{};
    for (std::size_t i = 0; i < 8; ++i)
        groups[i] = std::to_integer<unsigned>(address[2 * i]) << 8 |
                    std::to_integer<unsigned>(address[2 * i + 1]);
    // The longest run of zero groups, the first of equals, never a single one. [RFC 5952 §4.2]
    std::size_t gap = 8;
    std::size_t longest = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t run = 0;
        while (i + run < 8 && groups[i + run] == 0) ++run;
        if (run > longest) {
            gap = i;
            longest = run;
        }
    }
    for (std::size_t i = 0; i < 8;) {
        if (i == gap) {
            text += "::";
            i += longest;
            continue;
        }
        if (i != 0 && !text.ends_with(':')) text += ':';
        std::array<char, 4> digits{};
        const auto [end, fault] = std::to_chars(digits.data(), digits.data() + 4, groups[i], 16);
        text.append(digits.data(), end);
        ++i;
    }
    return text;
}

std::string to_text(const Peer& peer) {
    const std::string address = address_to_text(peer.address);
    return (peer.is_ipv4() ? address : '[' + address + ']') + ':' + std::to_string(peer.port);
}

}  // namespace causeway::coap
