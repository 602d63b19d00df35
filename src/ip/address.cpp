#include "ip/address.hpp"

#include <algorithm>

namespace causeway::ip {
namespace {

constexpr std::size_t groups = 8;

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

/// One to three decimal digits without a leading zero, at most `most`, taken off the front.
std::optional<unsigned> take_decimal(std::string_view& text, unsigned most) {
    unsigned value = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
        if (digits == 3) return std::nullopt;
        value = value * 10 + static_cast<unsigned>(text[digits] - '0');
        ++digits;
    }
    if (digits == 0 || value > most || (digits > 1 && text[0] == '0')) return std::nullopt;
    text.remove_prefix(digits);
    return value;
}

/// "192.0.2.1", nothing after it.
std::optional<std::uint32_t> dotted_quad(std::string_view text) {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
        if (i != 0) {
            if (!text.starts_with('.')) return std::nullopt;
            text.remove_prefix(1);
        }
        const auto octet = take_decimal(text, 255);
        if (!octet) return std::nullopt;
        value = value << 8 | *octet;
    }
    return text.empty() ? std::optional(value) : std::nullopt;
}

/// One to four hex digits, taken off the front.
std::optional<std::uint16_t> take_group(std::string_view& text) {
    unsigned value = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && digits < 4; ++digits) {
        const auto d = hex_digit(text[digits]);
        if (!d) break;
        value = value << 4 | *d;
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    return static_cast<std::uint16_t>(value);
}

Address from_groups(const std::array<std::uint16_t, groups>& from) {
    Address address;
    for (std::size_t i = 0; i < groups; ++i) {
        address.octets[2 * i] = std::byte(from[i] >> 8);
        address.octets[2 * i + 1] = std::byte(from[i] & 0xff);
    }
    return address;
}

std::uint16_t group_of(const Address& address, std::size_t at) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(address.octets[2 * at]) << 8 |
                                      std::to_integer<unsigned>(address.octets[2 * at + 1]));
}

void append_hex(std::string& text, unsigned value) {
    constexpr std::string_view digits = "0123456789abcdef";
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        const unsigned d = value >> shift & 0xf;
        if (d == 0 && !started && shift != 0) continue;
        started = true;
        text += digits[d];
    }
}

void append_quad(std::string& text, const Address& address) {
    for (std::size_t i = 12; i < 16; ++i) {
        if (i != 12) text += '.';
        text += std::to_string(std::to_integer<unsigned>(address.octets[i]));
    }
}

/// Where the longest run of two or more zero groups starts, and its length; the first of equals.
/// [RFC 5952 §4.2.2, §4.2.3]
std::pair<std::size_t, std::size_t> longest_zeros(const Address& address) {
    std::size_t best = groups;
    std::size_t best_length = 1;
    for (std::size_t i = 0; i < groups;) {
        std::size_t end = i;
        while (end < groups && group_of(address, end) == 0) ++end;
        if (end - i > best_length) {
            best = i;
            best_length = end - i;
        }
        i = end + 1;
    }
    return {best, best_length};
}

Address well_known(std::uint16_t first, std::uint16_t last) {
    return from_groups({first, 0, 0, 0, 0, 0, 0, last});
}

}  // namespace

std::optional<Address> Address::from_text(std::string_view text) {
    std::array<std::uint16_t, groups> found{};
    std::size_t count = 0;
    std::optional<std::size_t> gap;  // index of the group that follows "::"
    if (text.starts_with("::")) {
        gap = 0;
        text.remove_prefix(2);
    }
    while (!text.empty()) {
        if (count == groups) return std::nullopt;
        if (text.find(':') == text.npos && text.find('.') != text.npos) {
            // The low 32 bits as IPv4 writes them. [RFC 4291 §2.2, form 3]
            const auto quad = dotted_quad(text);
            if (!quad || count > groups - 2) return std::nullopt;
            found[count++] = static_cast<std::uint16_t>(*quad >> 16);
            found[count++] = static_cast<std::uint16_t>(*quad & 0xffff);
            break;
        }
        const auto group = take_group(text);
        if (!group) return std::nullopt;
        found[count++] = *group;
        if (text.empty()) break;
        if (!text.starts_with(':')) return std::nullopt;
        text.remove_prefix(1);
        if (text.starts_with(':')) {
            if (gap) return std::nullopt;  // "The '::' can only appear once". [RFC 4291 §2.2]
            gap = count;
            text.remove_prefix(1);
        } else if (text.empty()) {
            return std::nullopt;  // a single colon ends nothing
        }
    }
    if (!gap) return count == groups ? std::optional(from_groups(found)) : std::nullopt;
    if (count == groups) return std::nullopt;  // "::" stands for one group or more
    std::array<std::uint16_t, groups> spread{};
    const std::size_t behind = count - *gap;
    std::copy_n(found.begin(), *gap, spread.begin());
    std::copy_n(found.begin() + static_cast<std::ptrdiff_t>(*gap), behind,
                spread.end() - static_cast<std::ptrdiff_t>(behind));
    return from_groups(spread);
}

Address Address::read(ByteReader& in) noexcept {
    Address address;
    in.read_into(address.octets);
    return address;
}

std::string Address::to_text() const {
    std::string text;
    text.reserve(39);
    // An IPv4-mapped address is known by its prefix, so its tail reads as IPv4. [RFC 5952 §5]
    const bool quad = is_ipv4_mapped();
    const std::size_t end = quad ? groups - 2 : groups;
    const auto [gap, gap_length] = longest_zeros(*this);
    for (std::size_t i = 0; i < end; ++i) {
        if (i == gap) {
            text += "::";
            i += gap_length - 1;
            continue;
        }
        if (!text.empty() && !text.ends_with(':')) text += ':';
        append_hex(text, group_of(*this, i));
    }
    if (quad) {
        text += ':';
        append_quad(text, *this);
    }
    return text;
}

bool Address::is_loopback() const noexcept {
    return *this == well_known(0, 1);
}

bool Address::is_ipv4_mapped() const noexcept {
    constexpr std::array<std::byte, 12> start{
        {{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::byte{0xff}, std::byte{0xff}}};
    return std::memcmp(octets.data(), start.data(), start.size()) == 0;
}

InterfaceId Address::interface_id() const noexcept {
    InterfaceId id;
    std::memcpy(id.data(), octets.data() + 8, id.size());
    return id;
}

Prefix Prefix::of(const Address& address, std::uint8_t length) noexcept {
    Prefix prefix{address, std::min<std::uint8_t>(length, 128)};
    const std::size_t whole = prefix.length / 8;
    const unsigned odd = prefix.length % 8u;
    if (whole == 16) return prefix;
    prefix.address.octets[whole] &= std::byte(0xff00u >> odd & 0xff);
    for (std::size_t i = whole + 1; i < 16; ++i) prefix.address.octets[i] = std::byte{0};
    return prefix;
}

std::optional<Prefix> Prefix::from_text(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == text.npos) return std::nullopt;
    const auto address = Address::from_text(text.substr(0, slash));
    text.remove_prefix(slash + 1);
    const auto length = take_decimal(text, 128);
    if (!address || !length || !text.empty()) return std::nullopt;
    const Prefix prefix = of(*address, static_cast<std::uint8_t>(*length));
    return prefix.address == *address ? std::optional(prefix) : std::nullopt;
}

std::string Prefix::to_text() const {
    return address.to_text() + '/' + std::to_string(length);
}

bool Prefix::contains(const Address& other) const noexcept {
    const std::size_t whole = std::min<std::size_t>(length / 8, 16);
    if (std::memcmp(address.octets.data(), other.octets.data(), whole) != 0) return false;
    const unsigned odd = length % 8u;
    if (odd == 0 || whole == 16) return true;
    const auto mask = std::byte(0xff00u >> odd & 0xff);
    return ((address.octets[whole] ^ other.octets[whole]) & mask) == std::byte{0};
}

Address Prefix::with(const InterfaceId& id) const noexcept {
    Address made = address;
    std::memcpy(made.octets.data() + 8, id.data(), id.size());
    return made;
}

Address link_local(const InterfaceId& id) noexcept {
    Address made = well_known(0xfe80, 0);
    std::memcpy(made.octets.data() + 8, id.data(), id.size());
    return made;
}

Address all_nodes() noexcept {
    return well_known(0xff02, 1);
}
Address all_routers() noexcept {
    return well_known(0xff02, 2);
}
Address all_rpl_nodes() noexcept {
    return well_known(0xff02, 0x1a);
}

Address solicited_node(const Address& target) noexcept {
    // ff02::1:ffXX:XXXX, the low 24 bits of the target. [RFC 4291 §2.7.1]
    Address made = well_known(0xff02, 0);
    made.octets[11] = std::byte{0x01};
    made.octets[12] = std::byte{0xff};
    std::memcpy(made.octets.data() + 13, target.octets.data() + 13, 3);
    return made;
}

}  // namespace causeway::ip
