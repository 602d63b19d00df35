#pragma once
// Random IPv6 packets of every shape that the compressor knows, for property tests.
#include "base/random.hpp"
#include "ip/checksum.hpp"
#include "ip/ipv6.hpp"
#include "lowpan/interface_id.hpp"
#include "lowpan/iphc.hpp"

#include <algorithm>

namespace causeway::lowpan::shapes {

inline std::byte random_octet(Random& random) {
    return static_cast<std::byte>(random.next() & 0xff);
}

inline Octets random_octets(Random& random, std::size_t n) {
    Octets octets(n);
    for (std::byte& o : octets) o = random_octet(random);
    return octets;
}

inline link::ieee802154::Address random_link_address(Random& random, bool may_be_none = true) {
    const std::uint64_t kind = random.below(may_be_none ? 8 : 7);
    const std::uint64_t value = random.next();
    if (kind == 7) return {};
    if (kind >= 5) return link::ieee802154::Address::short_address(value & 0xffff);
    return link::ieee802154::Address::extended(value & ~std::uint64_t{0x01} << 56);
}

inline LinkEnds random_ends(Random& random, bool may_be_none = true) {
    LinkEnds ends;
    ends.source = random_link_address(random, may_be_none);
    ends.destination = random_link_address(random, may_be_none);
    return ends;
}

/// Up to six contexts of all sorts of lengths.
inline Contexts random_contexts(Random& random) {
    constexpr std::uint8_t lengths[] = {64, 64, 64, 48, 40, 56, 96, 112, 128, 0, 3, 61};
    Contexts contexts;
    const std::uint64_t count = random.below(7);
    for (std::uint64_t i = 0; i < count; ++i) {
        ip::Address address;
        std::ranges::copy(random_octets(random, 16), address.octets.begin());
        address.octets[0] = std::byte{0xfd};
        const auto id = static_cast<std::uint8_t>(random.below(3) == 0 ? 0 : random.below(16));
        const std::uint8_t length = lengths[random.below(std::size(lengths))];
        const bool allowed = random.below(6) != 0;
        contexts.set(id,
                     {.prefix = ip::Prefix::of(address, length), .compression_allowed = allowed});
    }
    return contexts;
}

inline void random_id(Random& random, const link::ieee802154::Address& link, std::byte* eight) {
    std::ranges::copy(random_octets(random, 8), eight);
    switch (random.below(4)) {
        case 0:
            std::ranges::copy(interface_id(link), eight);
            break;
        case 1: {
            const auto value = static_cast<std::uint16_t>(random.next());
            const auto as_short = link::ieee802154::Address::short_address(value);
            std::ranges::copy(interface_id(as_short), eight);
            break;
        }
        default:
            break;
    }
}

inline ip::Address random_unicast(Random& random, const link::ieee802154::Address& link,
                                  const Contexts& contexts) {
    ip::Address address;
    const std::uint64_t kind = random.below(10);
    if (kind == 0) return address;
    std::ranges::copy(random_octets(random, 16), address.octets.begin());
    address.octets[0] = std::byte{0x20};
    if (kind < 4) {
        address = ip::link_local({});
    } else if (kind < 9 && !contexts.empty()) {
        const auto at = random.below(contexts.size());
        const Contexts::Entry& e = contexts.entries()[at];
        AddressBits bits{e.prefix.high, 0};
        if (random.below(8) == 0) bits.high |= random.next() & ~e.mask.high;
        bits.store(address.octets.data());
        ip::InterfaceId id;
        random_id(random, link, id.data());
        AddressBits low{0, 0};
        std::memcpy(address.octets.data() + 8, id.data(), 8);
        low = AddressBits::load(address.octets.data());
        low.low = e.prefix.low | (low.low & ~e.mask.low);
        low.store(address.octets.data());
        return address;
    }
    random_id(random, link, address.octets.data() + 8);
    return address;
}

inline ip::Address random_group(Random& random, const Contexts& contexts) {
    ip::Address address;
    address.octets[0] = std::byte{0xff};
    address.octets[1] = random.below(2) == 0 ? std::byte{2} : random_octet(random);
    const std::uint64_t kind = random.below(6);
    if (kind == 5 && !contexts.empty()) {
        const auto at = random.below(contexts.size());
        const Contexts::Entry& e = contexts.entries()[at];
        address.octets[2] = random_octet(random);
        address.octets[3] = std::byte{e.length};
        std::byte prefix[16];
        e.prefix.store(prefix);
        std::memcpy(address.octets.data() + 4, prefix, 8);
        for (std::size_t i = 12; i < 16; ++i) address.octets[i] = random_octet(random);
        return address;
    }
    constexpr std::size_t tails[] = {1, 3, 5, 13, 14};
    const std::size_t tail = tails[std::min<std::uint64_t>(kind, 4)];
    for (std::size_t i = 16 - tail; i < 16; ++i) address.octets[i] = random_octet(random);
    return address;
}

inline std::uint16_t random_port(Random& random) {
    const auto any = static_cast<std::uint16_t>(random.next());
    switch (random.below(3)) {
        case 0:
            return static_cast<std::uint16_t>(0xf0b0 | (any & 0xf));
        case 1:
            return static_cast<std::uint16_t>(0xf000 | (any & 0xff));
        default:
            return any;
    }
}

/// An extension header of `protocol` with `next` in it.
inline Octets random_extension(Random& random, std::uint8_t protocol, std::uint8_t next) {
    const std::size_t units = random.below(20) == 0 ? 1 + random.below(34) : 1 + random.below(4);
    Octets header = random_octets(random, protocol == 44 ? 8 : units * 8);
    header[0] = std::byte{next};
    if (protocol == 44) {
        const std::uint64_t kind = random.below(8);
        if (kind != 0) header[1] = std::byte{0};
        if (kind != 1) header[2] = header[3] = std::byte{0};
        return header;
    }
    header[1] = static_cast<std::byte>(units - 1);
    if (protocol == 43) header[3] = std::byte{0};
    if (protocol != 0 && protocol != 60) return header;
    if (random.below(8) == 0) return header;  // options that make no sense
    std::size_t at = 2;
    while (at < header.size()) {
        const std::size_t left = header.size() - at;
        const std::uint64_t kind = random.below(3);
        if (kind == 0 || left == 1) {
            header[at++] = std::byte{0};
            continue;
        }
        const std::size_t body = random.below(std::min<std::size_t>(left - 2, 12) + 1);
        header[at] = kind == 1 ? std::byte{1} : std::byte{0x63};
        header[at + 1] = static_cast<std::byte>(body);
        const bool zeros = kind == 1 && random.below(4) != 0;
        if (zeros) std::memset(header.data() + at + 2, 0, body);
        at += 2 + body;
    }
    return header;
}

/// `checksummed` UDP headers are right where no routing header stands before them.
inline Octets random_packet(Random& random, const LinkEnds& ends, const Contexts& contexts,
                            unsigned depth = 0) {
    constexpr std::uint8_t extensions[] = {0, 43, 44, 60, 135};
    std::uint8_t chain[4];
    const std::uint64_t chained = random.below(2) == 0 ? 0 : random.below(4);
    for (std::uint64_t i = 0; i < chained; ++i)
        chain[i] = extensions[random.below(std::size(extensions))];
    const std::uint64_t kind = random.below(10);
    const std::uint8_t last = kind < 5                 ? std::uint8_t{17}
                              : kind < 7 && depth < 5u ? std::uint8_t{41}
                              : kind < 9               ? std::uint8_t{58}
                                         : std::to_integer<std::uint8_t>(random_octet(random));
    ip::Ipv6Header header;
    header.source = random_unicast(random, ends.source, contexts);
    header.target = random.below(4) == 0 ? random_group(random, contexts)
                                         : random_unicast(random, ends.destination, contexts);
    if (random.below(3) == 0) header.traffic_class = static_cast<std::uint8_t>(random.next());
    if (random.below(6) == 0) header.traffic_class &= 3;
    if (random.below(4) == 0)
        header.flow_label = static_cast<std::uint32_t>(random.below(1u << 20));
    constexpr std::uint8_t limits[] = {1, 64, 255, 63, 0};
    header.hop_limit = limits[random.below(std::size(limits))];

    LinkEnds inside = ends;
    Octets upper;
    if (last == 41) {
        // Elided identifiers inside are the outer header's.
        if (const auto from = link_address(header.source.interface_id())) inside.source = *from;
        if (const auto to = link_address(header.target.interface_id())) inside.destination = *to;
        upper = random_packet(random, inside, contexts, depth + 1);
    } else if (last == 17) {
        const std::size_t octets = random.below(40);
        const std::uint16_t from = random_port(random);
        const std::uint16_t to = random_port(random);
        const Octets payload = random_octets(random, octets);
        upper.resize(8);
        ByteWriter udp(upper);
        udp.be16(from);
        udp.be16(to);
        udp.be16(static_cast<std::uint16_t>(8 + octets));
        udp.be16(0);
        upper.insert(upper.end(), payload.begin(), payload.end());
        std::uint16_t sum = ip::upper_layer_checksum(header.source, header.target, 17, upper);
        if (sum == 0) sum = 0xffff;
        upper[6] = static_cast<std::byte>(sum >> 8);
        upper[7] = static_cast<std::byte>(sum & 0xff);
    } else {
        const std::size_t octets = random.below(60);
        upper = random_octets(random, octets);
    }
    Octets payload;
    for (std::uint64_t i = 0; i < chained; ++i) {
        const std::uint8_t next = i + 1 < chained ? chain[i + 1] : last;
        const Octets extension = random_extension(random, chain[i], next);
        payload.insert(payload.end(), extension.begin(), extension.end());
    }
    payload.insert(payload.end(), upper.begin(), upper.end());
    header.next_header = chained != 0 ? chain[0] : last;
    return ip::make_ipv6_packet(header, payload);
}

}  // namespace causeway::lowpan::shapes
