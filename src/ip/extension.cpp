#include "ip/extension.hpp"

namespace causeway::ip {
namespace {

constexpr std::size_t header_octets_max = 2048;  // Hdr Ext Len is one octet

std::uint8_t octet_at(Bytes from, std::size_t at) {
    return std::to_integer<std::uint8_t>(from[at]);
}

bool is_walked(std::uint8_t type) {
    return type == NextHeader::hop_by_hop || type == NextHeader::destination_options ||
           type == NextHeader::routing || type == NextHeader::fragment;
}

std::size_t round_up(std::size_t octets) {
    return octets + padding_to(octets, 8);
}

/// Next Header and Hdr Ext Len, then the rest of the header's octets.
Bytes read_header(ByteReader& in, std::uint8_t& next_header) {
    next_header = in.u8();
    const std::size_t more = in.u8();
    return in.take(6 + 8 * more);
}

void write_header(ByteWriter& out, std::uint8_t next_header, std::size_t octets) {
    CAUSEWAY_ASSERT(octets % 8 == 0 && octets >= 8 && octets <= header_octets_max);
    out.u8(next_header);
    out.u8(static_cast<std::uint8_t>(octets / 8 - 1));
}

}  // namespace

// ---- the chain -----------------------------------------------------------------------------

ExtensionWalk::ExtensionWalk(Bytes packet) noexcept : packet_(packet) {
    here_.offset = Ipv6Header::octets;
    if (packet.size() < Ipv6Header::octets) {
        fault_ = Fault::truncated;
        here_.offset = packet.size();
    } else if (octet_at(packet, 0) >> 4 != 6) {
        fault_ = Fault::bad_version;
        here_.offset = 0;
    } else {
        here_.next_header = octet_at(packet, 6);
    }
}

ExtensionWalk::ExtensionWalk(Bytes packet, std::uint8_t first, std::size_t offset) noexcept
    : packet_(packet), here_{.next_header = first, .offset = offset} {
    if (offset > packet.size()) fault_ = Fault::truncated;
}

std::optional<Extension> ExtensionWalk::next() noexcept {
    if (!ok() || !is_walked(here_.next_header)) return std::nullopt;
    // "restricted to appear immediately after an IPv6 header only". [RFC 8200 §4.1]
    if (here_.next_header == NextHeader::hop_by_hop && seen_ != 0) return std::nullopt;
    if (seen_ == extension_headers_max) {
        fault_ = Fault::unsupported;
        return std::nullopt;
    }
    const Bytes left = packet_.subspan(here_.offset);
    if (left.size() < 8) {
        fault_ = Fault::truncated;
        return std::nullopt;
    }
    Extension found{.type = here_.next_header,
                    .next_header = octet_at(left, 0),
                    .offset = here_.offset,
                    .size = 8,
                    .named_at = here_.named_at};
    if (here_.next_header == NextHeader::fragment) {
        const unsigned offset = unsigned{octet_at(left, 2)} << 8 | octet_at(left, 3);
        if ((offset & 0xfff8) != 0) return std::nullopt;  // behind it is the middle of something
    } else {
        found.size += 8 * std::size_t{octet_at(left, 1)};
    }
    if (found.size > left.size()) {
        fault_ = Fault::truncated;
        return std::nullopt;
    }
    ++seen_;
    here_ = {.next_header = found.next_header,
             .offset = found.offset + found.size,
             .named_at = found.offset};
    return found;
}

Result<UpperLayer> find_upper_layer(Bytes packet) noexcept {
    ExtensionWalk walk(packet);
    while (walk.next()) {
    }
    if (!walk.ok()) return std::unexpected(walk.error());
    return walk.upper_layer();
}

// ---- options -------------------------------------------------------------------------------

OptionReader OptionReader::over_header(Bytes header) noexcept {
    OptionReader reader(header);
    reader.in_.take(2);
    return reader;
}

std::optional<OptionView> OptionReader::next() noexcept {
    if (!in_.more()) return std::nullopt;
    OptionView option;
    option.offset = in_.consumed();
    option.type = in_.u8();
    if (option.type == option_pad1) return option;
    const std::size_t size = in_.u8();
    option.data = in_.take(size);
    if (!in_.ok()) return std::nullopt;
    return option;
}

void Option::emit(ByteWriter& out) const {
    out.u8(type);
    if (type == option_pad1) return;
    CAUSEWAY_ASSERT(data.size() <= 0xff);
    out.u8(static_cast<std::uint8_t>(data.size()));
    out.put(data);
}

Option padding(std::size_t octets) {
    CAUSEWAY_ASSERT(octets >= 1 && octets <= 257);
    if (octets == 1) return {option_pad1, {}};
    return {option_padn, Octets(octets - 2)};
}

void write_padding(ByteWriter& out, std::size_t octets) {
    CAUSEWAY_ASSERT(octets <= 257);
    if (octets == 0) return;
    if (octets == 1) return out.u8(option_pad1);
    out.u8(option_padn);
    out.u8(static_cast<std::uint8_t>(octets - 2));
    out.zeros(octets - 2);
}

void append_aligned(std::vector<Option>& options, Option option, std::size_t multiple,
                    std::size_t plus) {
    std::size_t at = 2;
    for (const Option& before : options) at += before.wire_size();
    const std::size_t gap = padding_to(at, multiple, plus);
    if (gap != 0) options.push_back(padding(gap));
    options.push_back(std::move(option));
}

// ---- headers -------------------------------------------------------------------------------

template <NextHeader Type>
Result<OptionsHeader<Type>> OptionsHeader<Type>::parse(ByteReader& in) {
    OptionsHeader header;
    const std::size_t start = in.consumed();
    const Bytes area = read_header(in, header.next_header);
    if (!in.ok()) return std::unexpected(in.error());

    std::size_t used = 0;  // up to here, trailing padding is left out
    OptionReader look(area);
    while (const auto option = look.next())
        if (!option->is_padding()) used = option->offset + 2 + option->data.size();
    if (!look.ok()) {
        const auto at = static_cast<std::uint32_t>(start + 2 + look.error().offset);
        return std::unexpected(WireError{look.error().fault, at});
    }
    OptionReader options(area.first(used));
    while (const auto option = options.next()) {
        if (header.options.size() == options_max)
            return std::unexpected(WireError{
                Fault::unsupported, static_cast<std::uint32_t>(start + 2 + option->offset)});
        header.options.push_back({option->type, to_octets(option->data)});
    }
    return header;
}

template <NextHeader Type>
std::size_t OptionsHeader<Type>::wire_size() const noexcept {
    std::size_t size = 2;
    for (const Option& option : options) size += option.wire_size();
    return round_up(size);
}

template <NextHeader Type>
void OptionsHeader<Type>::emit(ByteWriter& out) const {
    const std::size_t start = out.written();
    const std::size_t size = wire_size();
    write_header(out, next_header, size);
    for (const Option& option : options) option.emit(out);
    write_padding(out, start + size - out.written());
}

template struct OptionsHeader<NextHeader::hop_by_hop>;
template struct OptionsHeader<NextHeader::destination_options>;

Result<RoutingHeader> RoutingHeader::parse(ByteReader& in) {
    RoutingHeader header;
    ByteReader rest(read_header(in, header.next_header));
    header.type = rest.u8();
    header.segments_left = rest.u8();
    header.data = to_octets(rest.rest());
    if (!in.ok()) return std::unexpected(in.error());
    return header;
}

void RoutingHeader::emit(ByteWriter& out) const {
    write_header(out, next_header, wire_size());
    out.u8(type);
    out.u8(segments_left);
    out.put(data);
}

Result<FragmentHeader> FragmentHeader::parse(ByteReader& in) {
    FragmentHeader header;
    header.next_header = in.u8();
    in.u8();
    const std::uint16_t word = in.be16();
    header.offset = word & 0xfff8;
    header.more = (word & 1) != 0;
    header.identification = in.be32();
    if (!in.ok()) return std::unexpected(in.error());
    return header;
}

void FragmentHeader::emit(ByteWriter& out) const {
    CAUSEWAY_ASSERT(offset % 8 == 0);
    out.u8(next_header);
    out.u8(0);
    out.be16(static_cast<std::uint16_t>(offset | (more ? 1 : 0)));
    out.be32(identification);
}

}  // namespace causeway::ip
