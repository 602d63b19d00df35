#include "net/endpoint.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>

namespace causeway::net {
namespace {

constexpr std::string_view wanted = "want ADDRESS:PORT, such as 127.0.0.1:5683 or [::1]:5683";
constexpr std::size_t text_size_max = 128;

std::unexpected<std::string> bad(std::string_view text, std::string_view why) {
    std::string line = "bad address \"";
    line += text.substr(0, text_size_max);
    line += "\": ";
    line += why;
    return std::unexpected(std::move(line));
}

std::optional<std::uint32_t> decimal(std::string_view text, std::uint32_t max) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
    if (value > max) return {};
    return value;
}

bool read_v4(const std::string& text, Endpoint& into) {
    return ::inet_pton(AF_INET, text.c_str(), into.address.data()) == 1;
}

/// Empty when all went well, else what is wrong.
std::string read_v6(std::string text, Endpoint& into) {
    into.v6 = true;
    if (const auto percent = text.find('%'); percent != std::string::npos) {
        const std::string zone = text.substr(percent + 1);
        text.resize(percent);
        if (const auto index = decimal(zone, UINT32_MAX))
            into.scope = *index;
        else
            into.scope = ::if_nametoindex(zone.c_str());
        if (into.scope == 0) return "no interface is called \"" + zone + "\"";
    }
    if (::inet_pton(AF_INET6, text.c_str(), into.address.data()) != 1)
        return "\"" + text + "\" is not an IPv6 address";
    return {};
}

}  // namespace

std::expected<Endpoint, std::string> Endpoint::parse(std::string_view text,
                                                     std::optional<std::uint16_t> default_port) {
    if (text.empty() || text.size() > text_size_max) return bad(text, wanted);
    // Before c_str() cuts it short.
    if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c > '~'; }))
        return bad(text, wanted);

    Endpoint result;
    std::string_view host = text;
    std::optional<std::string_view> port;
    if (text.front() == '[') {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return bad(text, "the bracket is not closed");
        host = text.substr(1, close - 1);
        const std::string_view tail = text.substr(close + 1);
        if (!tail.empty()) {
            if (tail.front() != ':') return bad(text, wanted);
            port = tail.substr(1);
        }
        if (const std::string why = read_v6(std::string(host), result); !why.empty())
            return bad(text, why);
    } else if (std::ranges::count(text, ':') > 1) {
        const std::string why = read_v6(std::string(host), result);
        if (!default_port)
            return bad(text, "an IPv6 address stands in brackets before its port: [::1]:5683");
        if (!why.empty()) return bad(text, why);
    } else {
        if (const auto colon = text.find(':'); colon != std::string_view::npos) {
            host = text.substr(0, colon);
            port = text.substr(colon + 1);
        }
        if (!read_v4(std::string(host), result)) {
            std::string why = "\"" + std::string(host) + "\" is not an IP address; ";
            return bad(text, why += wanted);
        }
    }

    if (!port) {
        if (!default_port) return bad(text, "the port is missing; " + std::string(wanted));
        result.port = *default_port;
        return result;
    }
    const auto number = decimal(*port, 65535);
    if (!number) return bad(text, "\"" + std::string(*port) + "\" is not a port, 0 to 65535");
    result.port = static_cast<std::uint16_t>(*number);
    return result;
}

std::string Endpoint::text() const {
    std::array<char, INET6_ADDRSTRLEN> digits{};
    ::inet_ntop(v6 ? AF_INET6 : AF_INET, address.data(), digits.data(), digits.size());
    std::string result(digits.data());
    if (v6) {
        if (scope != 0) result += "%" + std::to_string(scope);
        result = "[" + result + "]";
    }
    return result + ":" + std::to_string(port);
}

bool Endpoint::is_loopback() const noexcept {
    if (!v6) return address[0] == std::byte{127};
    std::array<std::byte, 16> one{};
    one.back() = std::byte{1};
    return address == one;
}

bool Endpoint::is_any() const noexcept {
    return address == std::array<std::byte, 16>{};
}

bool Endpoint::is_multicast() const noexcept {
    return v6 ? address[0] == std::byte{0xff} : (address[0] & std::byte{0xf0}) == std::byte{0xe0};
}

std::array<std::byte, 16> Endpoint::octets16() const noexcept {
    if (v6) return address;
    std::array<std::byte, 16> octets{};
    octets[10] = octets[11] = std::byte{0xff};
    std::copy_n(address.begin(), 4, octets.begin() + 12);
    return octets;
}

Endpoint Endpoint::from_octets16(const std::array<std::byte, 16>& octets, std::uint16_t port,
                                 std::uint32_t scope) noexcept {
    Endpoint result;
    result.port = port;
    const bool mapped = std::all_of(octets.begin(), octets.begin() + 10,
                                    [](std::byte b) { return b == std::byte{0}; }) &&
                        octets[10] == std::byte{0xff} && octets[11] == std::byte{0xff};
    if (mapped) {
        std::copy_n(octets.begin() + 12, 4, result.address.begin());
        return result;
    }
    result.address = octets;
    result.scope = scope;
    result.v6 = true;
    return result;
}

}  // namespace causeway::net
