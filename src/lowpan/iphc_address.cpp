#include "lowpan/iphc_address.hpp"

namespace causeway::lowpan::format {
namespace {

constexpr std::uint8_t tails[4] = {16, 8, 2, 0};  // by Mode

struct Unicast {
    Mode mode = full;
    bool stateful = false;
    std::uint8_t context = 0;
};

/// The fewest octets that bring `low` back, when the first 64 bits are as the form says and `with`
/// merges an identifier with them.
template <class With>
Mode best_mode(std::uint64_t low, std::uint64_t elided_id, bool may_elide, With with) {
    if (may_elide && with(elided_id) == low) return elided;
    if (with(short_address_id | (low & 0xffff)) == low) return bits_16;
    return bits_64;
}

Unicast unicast_form(const AddressBits& address, std::uint64_t elided_id, bool may_elide,
                     const Contexts& contexts) {
    Unicast best;
    std::size_t best_octets = tails[full];
    if (address.high == link_local_high) {
        best.mode = best_mode(address.low, elided_id, may_elide, [](auto id) { return id; });
        best_octets = tails[best.mode];
        if (best_octets == 0) return best;
    }
    for (const Contexts::Entry& e : contexts.entries()) {
        // Bits between a short prefix and the identifier can only be zero.
        if (!e.compression_allowed || !e.covers(address) || e.prefix.high != address.high) continue;
        const Mode mode =
            best_mode(address.low, elided_id, may_elide, [&](auto id) { return e.with(id).low; });
        // Any context but 0 costs an octet; of equals the stateless form and the lowest id win.
        const std::size_t octets = tails[mode] + (e.id != 0 ? 1u : 0u);
        if (octets >= best_octets) continue;
        best = {mode, true, e.id};
        best_octets = octets;
    }
    return best;
}

AddressForm group_form(const AddressBits& address, const Contexts& contexts) {
    // ffXX::, so that the group identifier's upper bits are zero. [RFC 6282 §3.2.3]
    if ((address.high & 0x0000'ffff'ffff'ffff) == 0 && address.low >> 40 == 0 &&
        (address.high & 0x00ff'0000'0000'0000) == 0x0002'0000'0000'0000 && address.low <= 0xff)
        return {.bits = multicast | group_8, .lead = 0, .tail = 1};
    if ((address.high & 0x0000'ffff'ffff'ffff) == 0 && address.low <= 0xff'ffff)
        return {.bits = multicast | group_32, .lead = 1, .tail = 3};
    if ((address.high & 0x0000'ffff'ffff'ffff) == 0 && address.low <= 0xff'ffff'ffff)
        return {.bits = multicast | group_48, .lead = 1, .tail = 5};
    // ffXX:XXLL:PPPP:PPPP:PPPP:PPPP:XXXX:XXXX [RFC 6282 §3.2.4]
    const std::uint64_t length = address.high >> 32 & 0xff;
    const std::uint64_t prefix = address.high << 32 | address.low >> 32;
    for (const Contexts::Entry& e : contexts.entries()) {
        if (e.compression_allowed && e.length == length && e.length <= 64 &&
            e.prefix.high == prefix)
            return {.bits = multicast | dac | full, .context = e.id, .lead = 2, .tail = 4};
    }
    return {.bits = multicast | full};
}

/// The tail octets of an address, as a number.
std::uint64_t read_tail(ByteReader& in, unsigned mode) {
    return mode == bits_64 ? in.be64() : short_address_id | in.be16();
}

const Contexts::Entry* known(ByteReader& in, const Contexts& contexts, std::uint8_t id) {
    const Contexts::Entry* e = contexts.entry(id);
    if (e == nullptr) in.fail(Fault::unsupported);
    return e;
}

void expand_unicast(ByteReader& in, unsigned mode, bool stateful, std::uint8_t context,
                    std::uint64_t elided_id, bool may_elide, const Contexts& contexts,
                    std::byte* address) {
    AddressBits bits{link_local_high, 0};
    if (mode == elided && !may_elide) return in.fail(Fault::bad_value);
    if (!stateful) {
        if (mode == full) return in.read_into({address, 16});
        bits.low = mode == elided ? elided_id : read_tail(in, mode);
    } else {
        const Contexts::Entry* e = known(in, contexts, context);
        if (e == nullptr) return;
        bits = e->with(mode == elided ? elided_id : read_tail(in, mode));
    }
    bits.store(address);
}

void expand_group(ByteReader& in, unsigned b1, std::uint8_t context, const Contexts& contexts,
                  std::byte* address) {
    const unsigned mode = b1 & 3;
    AddressBits bits{0xff00'0000'0000'0000, 0};
    if ((b1 & dac) != 0) {
        if (mode != full) return in.fail(Fault::bad_value);  // reserved
        const Contexts::Entry* e = known(in, contexts, context);
        if (e == nullptr) return;
        // A prefix of more than 64 bits has no place in the address's form.
        if (e->length > 64) return in.fail(Fault::bad_value);
        bits.high |= std::uint64_t{in.be16()} << 40 | std::uint64_t{e->length} << 32;
        bits.high |= e->prefix.high >> 32;
        bits.low = e->prefix.high << 32 | in.be32();
    } else if (mode == full) {
        return in.read_into({address, 16});
    } else if (mode == group_8) {
        bits = {0xff02'0000'0000'0000, in.u8()};
    } else {
        bits.high |= std::uint64_t{in.u8()} << 48;
        if (mode == group_48) bits.low = std::uint64_t{in.u8()} << 32;
        bits.low |= mode == group_48 ? in.be32() : in.be24();
    }
    bits.store(address);
}

}  // namespace

AddressForm source_form(const std::byte* address, const Encapsulation& around,
                        const Contexts& contexts) noexcept {
    const AddressBits bits = AddressBits::load(address);
    // SAC=1, SAM=00 is the unspecified address. [RFC 6282 §3.1.1]
    if (bits == AddressBits{}) return {.bits = sac, .tail = 0};
    const Unicast form = unicast_form(bits, around.source, around.has_source, contexts);
    return {.bits = static_cast<std::uint8_t>((form.stateful ? sac : 0u) | form.mode << sam_shift),
            .context = form.context,
            .tail = tails[form.mode]};
}

AddressForm destination_form(const std::byte* address, const Encapsulation& around,
                             const Contexts& contexts) noexcept {
    const AddressBits bits = AddressBits::load(address);
    if (address[0] == std::byte{0xff}) return group_form(bits, contexts);
    const Unicast form = unicast_form(bits, around.destination, around.has_destination, contexts);
    return {.bits = static_cast<std::uint8_t>((form.stateful ? dac : 0u) | form.mode),
            .context = form.context,
            .tail = tails[form.mode]};
}

void expand_source(ByteReader& in, unsigned b1, std::uint8_t context, const Encapsulation& around,
                   const Contexts& contexts, std::byte* address) noexcept {
    const unsigned mode = b1 >> sam_shift & 3;
    const bool stateful = (b1 & sac) != 0;
    if (stateful && mode == full) {
        std::memset(address, 0, 16);
        return;
    }
    expand_unicast(in, mode, stateful, context, around.source, around.has_source, contexts,
                   address);
}

void expand_destination(ByteReader& in, unsigned b1, std::uint8_t context,
                        const Encapsulation& around, const Contexts& contexts,
                        std::byte* address) noexcept {
    if ((b1 & multicast) != 0) return expand_group(in, b1, context, contexts, address);
    const unsigned mode = b1 & 3;
    const bool stateful = (b1 & dac) != 0;
    if (stateful && mode == full) return in.fail(Fault::bad_value);  // reserved
    expand_unicast(in, mode, stateful, context, around.destination, around.has_destination,
                   contexts, address);
}

}  // namespace causeway::lowpan::format
