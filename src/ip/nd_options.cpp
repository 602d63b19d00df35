#include "ip/nd_options.hpp"

#include "base/engine.hpp"

namespace causeway::ip::nd {
namespace {

constexpr std::uint8_t prefix_on_link = 0x80;
constexpr std::uint8_t prefix_autonomous = 0x40;
constexpr std::uint8_t registration_reachability = 0x02;  // R
constexpr std::uint8_t registration_transaction = 0x01;   // T
constexpr std::uint8_t context_compress = 0x10;

std::size_t padded(std::size_t octets) {
    return (octets + 7) / 8 * 8;
}

// ---- reading: `in` covers the option behind its type and length; nullopt keeps it as Unknown ----

std::optional<Option> read_link_address(ByteReader in, bool of_target) {
    LinkAddress option;
    option.of_target = of_target;
    const Bytes all = in.rest();
    if (all.size() == 14) {
        option.octets.assign(all.first(8));
    } else if (all.size() == 6) {
        const bool is_short =
            std::ranges::all_of(all.subspan(2), [](std::byte b) { return b == std::byte{0}; });
        option.octets.assign(is_short ? all.first(2) : all);
    } else {
        return std::nullopt;
    }
    return option;
}

std::optional<Option> read_prefix_information(ByteReader in) {
    if (in.remaining() != 30) return std::nullopt;
    PrefixInformation option;
    const std::uint8_t length = in.u8();
    const std::uint8_t flags = in.u8();
    option.on_link = (flags & prefix_on_link) != 0;
    option.autonomous = (flags & prefix_autonomous) != 0;
    option.valid_seconds = in.be32();
    option.preferred_seconds = in.be32();
    in.be32();
    if (length > 128) return std::nullopt;
    // Bits past the length are "ignored by the receiver". [RFC 4861 §4.6.2]
    option.prefix = Prefix::of(Address::read(in), length);
    return option;
}

std::optional<Option> read_redirected_header(ByteReader in) {
    in.take(6);
    return RedirectedHeader{to_octets(in.rest())};
}

std::optional<Option> read_mtu(ByteReader in) {
    if (in.remaining() != 6) return std::nullopt;
    in.be16();
    return Mtu{in.be32()};
}

std::optional<Option> read_address_registration(ByteReader in) {
    const std::size_t owner = in.remaining() - 6;  // an option has no less
    if (owner < 8 || owner > 32) return std::nullopt;
    AddressRegistration option;
    option.status = RegistrationStatus{in.u8()};
    const std::uint8_t opaque = in.u8();
    const std::uint8_t flags = in.u8();
    const std::uint8_t transaction = in.u8();
    option.lifetime_minutes = in.be16();
    option.owner.assign(in.rest());
    // Without T the other fields are the plain option's reserved ones. [RFC 8505 §4.1]
    if ((flags & registration_transaction) != 0)
        option.extended = {.transaction = transaction,
                           .opaque = opaque,
                           .opaque_kind = static_cast<std::uint8_t>(flags >> 2 & 3),
                           .wants_reachability = (flags & registration_reachability) != 0};
    return option;
}

std::optional<Option> read_context(ByteReader in) {
    if (in.remaining() != 14 && in.remaining() != 22) return std::nullopt;
    Context option;
    const std::uint8_t length = in.u8();
    const std::uint8_t flags = in.u8();
    option.compress = (flags & context_compress) != 0;
    option.id = flags & 0x0f;
    in.be16();
    option.lifetime_minutes = in.be16();
    // "If it is more than 64, then the Length MUST be 3." [RFC 6775 §4.2]
    if (length > 8 * in.remaining()) return std::nullopt;
    Address address;
    const Bytes given = in.rest();
    std::memcpy(address.octets.data(), given.data(), given.size());
    option.prefix = Prefix::of(address, length);
    return option;
}

std::optional<Option> read_border_router(ByteReader in) {
    if (in.remaining() != 22) return std::nullopt;
    BorderRouter option;
    const std::uint32_t low = in.be16();
    const std::uint32_t high = in.be16();
    option.version = high << 16 | low;
    option.lifetime_minutes = in.be16();
    option.address = Address::read(in);
    return option;
}

std::optional<Option> read_known(std::uint8_t type, Bytes data) {
    const ByteReader in(data);
    switch (OptionType{type}) {
        case OptionType::source_link_address:
            return read_link_address(in, false);
        case OptionType::target_link_address:
            return read_link_address(in, true);
        case OptionType::prefix_information:
            return read_prefix_information(in);
        case OptionType::redirected_header:
            return read_redirected_header(in);
        case OptionType::mtu:
            return read_mtu(in);
        case OptionType::address_registration:
            return read_address_registration(in);
        case OptionType::context:
            return read_context(in);
        case OptionType::border_router:
            return read_border_router(in);
    }
    return std::nullopt;
}

// ---- writing ------------------------------------------------------------------------------------

std::size_t context_octets(const Context& option) {
    return option.prefix.length > 64 ? 24u : 16u;
}

std::size_t octets_of(const Option& option) noexcept {
    return std::visit(
        Overloaded{
            [](const LinkAddress& o) -> std::size_t { return padded(2 + o.octets.size()); },
            [](const PrefixInformation&) -> std::size_t { return 32; },
            [](const RedirectedHeader& o) -> std::size_t { return 8 + padded(o.packet.size()); },
            [](const Mtu&) -> std::size_t { return 8; },
            [](const AddressRegistration& o) -> std::size_t { return 8 + o.owner.size(); },
            [](const Context& o) -> std::size_t { return context_octets(o); },
            [](const BorderRouter&) -> std::size_t { return 24; },
            [](const Unknown& o) -> std::size_t { return 2 + o.data.size(); },
        },
        option);
}

std::uint8_t type_of(const Option& option) noexcept {
    const OptionType type =
        std::visit(Overloaded{
                       [](const LinkAddress& o) {
                           return o.of_target ? OptionType::target_link_address
                                              : OptionType::source_link_address;
                       },
                       [](const PrefixInformation&) { return OptionType::prefix_information; },
                       [](const RedirectedHeader&) { return OptionType::redirected_header; },
                       [](const Mtu&) { return OptionType::mtu; },
                       [](const AddressRegistration&) { return OptionType::address_registration; },
                       [](const Context&) { return OptionType::context; },
                       [](const BorderRouter&) { return OptionType::border_router; },
                       [](const Unknown& o) { return OptionType{o.type}; },
                   },
                   option);
    return std::to_underlying(type);
}

/// What follows the type and length; zeros up to the option's end are the caller's.
struct Body {
    ByteWriter& out;

    void operator()(const LinkAddress& o) const {
        CAUSEWAY_ASSERT(o.octets.size() == 2 || o.octets.size() == 6 || o.octets.size() == 8);
        out.put(o.octets.bytes());
    }
    void operator()(const PrefixInformation& o) const {
        out.u8(o.prefix.length);
        out.u8(static_cast<std::uint8_t>((o.on_link ? prefix_on_link : 0) |
                                         (o.autonomous ? prefix_autonomous : 0)));
        out.be32(o.valid_seconds);
        out.be32(o.preferred_seconds);
        out.be32(0);
        out.put(o.prefix.address.octets);
    }
    void operator()(const RedirectedHeader& o) const {
        out.zeros(6);
        out.put(o.packet);
    }
    void operator()(const Mtu& o) const {
        out.be16(0);
        out.be32(o.octets);
    }
    void operator()(const AddressRegistration& o) const {
        CAUSEWAY_ASSERT(o.owner.size() >= 8 && o.owner.size() % 8 == 0);
        const auto extended = o.extended.value_or(AddressRegistration::Extended{});
        const int flags = extended.opaque_kind << 2 |
                          (extended.wants_reachability ? registration_reachability : 0) |
                          (o.extended ? registration_transaction : 0);
        out.u8(std::to_underlying(o.status));
        out.u8(extended.opaque);
        out.u8(static_cast<std::uint8_t>(flags));
        out.u8(extended.transaction);
        out.be16(o.lifetime_minutes);
        out.put(o.owner.bytes());
    }
    void operator()(const Context& o) const {
        out.u8(o.prefix.length);
        out.u8(static_cast<std::uint8_t>((o.compress ? context_compress : 0) | (o.id & 0x0f)));
        out.be16(0);
        out.be16(o.lifetime_minutes);
        out.put(o.prefix.address.bytes().first(context_octets(o) - 8));
    }
    void operator()(const BorderRouter& o) const {
        out.be16(static_cast<std::uint16_t>(o.version & 0xffff));
        out.be16(static_cast<std::uint16_t>(o.version >> 16));
        out.be16(o.lifetime_minutes);
        out.put(o.address.octets);
    }
    void operator()(const Unknown& o) const { out.put(o.data); }
};

}  // namespace

Options read_options(ByteReader& in) {
    Options options;
    while (in.more()) {
        const std::uint8_t type = in.u8();
        const std::uint8_t length = in.u8();
        // "Nodes MUST silently discard an ND packet that contains an option with length zero."
        // [RFC 4861 §4.6]
        if (in.ok() && length == 0) in.fail(Fault::bad_length);
        if (in.ok() && options.size() == options_max) in.fail(Fault::unsupported);
        if (!in.ok()) break;
        const Bytes data = in.take(8u * length - 2u);
        if (!in.ok()) break;
        auto known = read_known(type, data);
        options.push_back(known ? *std::move(known) : Option(Unknown{type, to_octets(data)}));
    }
    return options;
}

std::size_t wire_size(const Options& options) noexcept {
    std::size_t size = 0;
    for (const Option& option : options) size += octets_of(option);
    return size;
}

void write_options(ByteWriter& out, const Options& options) {
    for (const Option& option : options) {
        const std::size_t size = octets_of(option);
        CAUSEWAY_ASSERT(size % 8 == 0 && size >= 8 && size <= 8 * 0xff);
        const std::size_t end = out.written() + size;
        out.u8(type_of(option));
        out.u8(static_cast<std::uint8_t>(size / 8));
        std::visit(Body{out}, option);
        out.zeros(end - out.written());
    }
}

const LinkAddress* find_link_address(const Options& options, bool of_target) noexcept {
    for (const Option& option : options) {
        const LinkAddress* const found = std::get_if<LinkAddress>(&option);
        if (found != nullptr && found->of_target == of_target) return found;
    }
    return nullptr;
}

}  // namespace causeway::ip::nd
