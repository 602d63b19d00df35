#include "scada/tunnel/rfc2217.hpp"

#include "base/repr.hpp"

#include <algorithm>

namespace causeway::scada::tunnel {

static_assert(Repr<ComPortMessage>);

namespace {

constexpr std::uint8_t server_offset = 100;
constexpr std::uint8_t stop_size_one_and_a_half = 3;

std::optional<std::size_t> value_octets(ComPort what) {
    switch (what) {
        case ComPort::signature:
            return {};
        case ComPort::set_baud:
            return 4;
        case ComPort::flow_suspend:
        case ComPort::flow_resume:
            return 0;
        default:
            return 1;
    }
}

}  // namespace

ComPortMessage ComPortMessage::of(bool from_server, ComPort what, std::uint32_t value) {
    ComPortMessage made{.from_server = from_server, .what = what};
    std::array<std::byte, 4> octets;
    ByteWriter out(octets);
    if (what == ComPort::set_baud)
        out.be32(value);
    else
        out.u8(static_cast<std::uint8_t>(value));
    made.value.assign(Bytes(octets).first(out.written()));
    return made;
}

ComPortMessage ComPortMessage::signature(bool from_server, std::string_view text) {
    ComPortMessage made{.from_server = from_server, .what = ComPort::signature};
    made.value.assign(as_octets(text.substr(0, value_octets_max)));
    return made;
}

ComPortMessage ComPortMessage::bare(bool from_server, ComPort what) {
    return {.from_server = from_server, .what = what};
}

std::uint32_t ComPortMessage::number() const noexcept {
    ByteReader in(value.bytes());
    if (value.size() == 4) return in.be32();
    return value.size() == 1 ? in.u8() : 0;
}

Result<ComPortMessage> ComPortMessage::parse(ByteReader& in) {
    ComPortMessage made;
    const std::uint8_t code = in.u8();
    if (!in.ok()) return std::unexpected(in.error());
    made.from_server = code >= server_offset;
    const int plain = made.from_server ? code - server_offset : code;
    if (plain > static_cast<int>(ComPort::purge_data)) in.fail(Fault::unsupported);
    made.what = static_cast<ComPort>(plain);
    const auto octets = in.ok() ? value_octets(made.what) : std::nullopt;
    const Bytes value = in.rest();
    if (value.size() > value_octets_max || (octets && value.size() != *octets))
        in.fail(Fault::bad_length);
    if (!in.ok()) return std::unexpected(in.error());
    made.value.assign(value);
    return made;
}

void ComPortMessage::emit(ByteWriter& out) const {
    out.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(what) +
                                     (from_server ? server_offset : 0)));
    out.put(value.bytes());
}

std::uint32_t value_of(const PortFormat& format, ComPort what) noexcept {
    switch (what) {
        case ComPort::set_baud:
            return format.baud;
        case ComPort::set_data_size:
            return format.data_bits;
        case ComPort::set_parity:
            return static_cast<std::uint32_t>(format.parity);
        case ComPort::set_stop_size:
            return format.stop_bits;
        case ComPort::set_control:
            return static_cast<std::uint32_t>(format.flow);
        default:
            return 0;
    }
}

std::optional<PortFormat> with(const PortFormat& format, ComPort what,
                               std::uint32_t value) noexcept {
    PortFormat changed = format;
    switch (what) {
        case ComPort::set_baud:
            if (value == 0) return {};
            changed.baud = value;
            return changed;
        case ComPort::set_data_size:
            if (value < 5 || value > 8) return {};
            changed.data_bits = static_cast<std::uint8_t>(value);
            return changed;
        case ComPort::set_parity:
            if (value < 1 || value > 5) return {};
            changed.parity = static_cast<PortParity>(value);
            return changed;
        case ComPort::set_stop_size:
            // Who asks for one and a half is given two, which every receiver takes.
            if (value < 1 || value > stop_size_one_and_a_half) return {};
            changed.stop_bits = static_cast<std::uint8_t>(value == 1 ? 1 : 2);
            return changed;
        case ComPort::set_control:
            if (value < control::flow_none || value > control::flow_hardware) return {};
            changed.flow = static_cast<PortFlow>(value);
            return changed;
        default:
            return {};
    }
}

}  // namespace causeway::scada::tunnel
