#include "net/capture_reader.hpp"

#include "net/pcapng_format.hpp"

#include "net/capture_time.hpp"

#include <algorithm>

namespace causeway::net {
namespace {

constexpr std::uint32_t simple_packet_block = 3;
constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::uint32_t micro_magic = 0xa1b2c3d4;
constexpr std::uint32_t nano_magic = 0xa1b23c4d;
constexpr std::size_t frame_of_block = 12;  // type, length, and the length again

constexpr std::uint16_t option_time_offset = 14;
constexpr std::size_t name_octets_max = 256;

}  // namespace

void CaptureReader::fail(Fault why) noexcept {
    format_ = Format::ended;
    if (!error_)
        error_ = WireError{
            why, static_cast<std::uint32_t>(std::min<std::uint64_t>(unit_at_, UINT32_MAX))};
}

bool CaptureReader::fetch(std::size_t n) {
    buffer_.resize(n);
    in_.read(reinterpret_cast<char*>(buffer_.data()), static_cast<std::streamsize>(n));
    const auto got = static_cast<std::size_t>(in_.gcount());
    consumed_ += got;
    if (got == n) return true;
    buffer_.resize(got);
    return false;
}

std::string_view CaptureReader::interface_name(std::uint32_t interface) const noexcept {
    if (interface >= interfaces_.size()) return {};
    return interfaces_[interface].name;
}

Result<std::optional<CapturedPacket>> CaptureReader::next() {
    std::optional<CapturedPacket> packet;
    if (format_ == Format::unknown && begin() && format_ == Format::pcapng) read_section();
    while (!packet && format_ != Format::ended)
        packet = format_ == Format::pcap ? next_record() : next_block();
    if (error_) return std::unexpected(*error_);
    return packet;
}

/// Which format it is, by the first four octets; for classic pcap the whole file header.
bool CaptureReader::begin() {
    if (!fetch(4)) return fail(buffer_.empty() ? Fault::truncated : Fault::bad_value), false;
    ByteReader in(buffer_);
    const std::uint32_t magic = in.be32();
    if (magic == section_header_block) {
        format_ = Format::pcapng;
        return true;
    }
    nanoseconds_ = magic == nano_magic || magic == std::byteswap(nano_magic);
    big_ = magic == micro_magic || magic == nano_magic;
    if (!nanoseconds_ && !big_ && magic != std::byteswap(micro_magic))
        return fail(Fault::bad_value), false;
    if (!fetch(20)) return fail(Fault::truncated), false;
    ByteReader header(buffer_);
    const std::uint16_t major = u16(header);
    header.take(2 + 4 + 4);  // minor version, zone and accuracy, which nobody ever filled in
    Interface only;
    only.snap_octets = u32(header);
    // The upper half says how long Ethernet's FCS is.
    only.link = static_cast<LinkType>(u32(header) & 0xffff);
    if (major != 2) return fail(Fault::bad_version), false;
    interfaces_.push_back(std::move(only));
    format_ = Format::pcap;
    return true;
}

std::optional<CapturedPacket> CaptureReader::next_record() {
    unit_at_ = consumed_;
    if (!fetch(16)) {
        if (!buffer_.empty()) fail(Fault::truncated);
        format_ = Format::ended;
        return {};
    }
    ByteReader header(buffer_);
    const std::uint64_t seconds = u32(header);
    const std::uint64_t fraction = u32(header);
    const std::uint32_t captured = u32(header);
    const std::uint32_t original = u32(header);
    if (captured > packet_octets_max) return fail(Fault::bad_length), std::nullopt;
    if (!fetch(captured)) return fail(Fault::truncated), std::nullopt;
    return CapturedPacket{.ns = seconds * 1'000'000'000 + fraction * (nanoseconds_ ? 1 : 1000),
                          .link = interfaces_[0].link,
                          .interface = 0,
                          .original_octets = std::max(original, captured),
                          .octets = buffer_};
}

/// A section header whose block type has been read: it alone says how to read its own length.
void CaptureReader::read_section() {
    unit_at_ = consumed_ - 4;
    interfaces_.clear();
    if (!fetch(8)) return fail(Fault::truncated);
    ByteReader head(buffer_);
    const std::uint32_t length_as_big = head.be32();
    const std::uint32_t magic = head.be32();
    if (magic != byte_order_magic && magic != std::byteswap(byte_order_magic))
        return fail(Fault::bad_value);
    big_ = magic == byte_order_magic;
    const std::uint32_t length = big_ ? length_as_big : std::byteswap(length_as_big);
    constexpr std::size_t shortest = frame_of_block + 16;
    if (length < shortest || length % 4 != 0 || length > block_octets_max)
        return fail(Fault::bad_length);
    if (!fetch(length - 12)) return fail(Fault::truncated);
    ByteReader body(buffer_);
    if (u16(body) != 1) return fail(Fault::bad_version);
}

std::optional<CapturedPacket> CaptureReader::next_block() {
    unit_at_ = consumed_;
    if (!fetch(4)) {
        if (!buffer_.empty()) fail(Fault::truncated);
        format_ = Format::ended;
        return {};
    }
    ByteReader kind(buffer_);
    const std::uint32_t type = u32(kind);
    if (type == section_header_block) return read_section(), std::nullopt;

    if (!fetch(4)) return fail(Fault::truncated), std::nullopt;
    ByteReader size(buffer_);
    const std::uint32_t length = u32(size);
    if (length < frame_of_block || length % 4 != 0) return fail(Fault::bad_length), std::nullopt;
    const bool ours = type == interface_description_block || type == simple_packet_block ||
                      type == enhanced_packet_block;
    if (!ours) {
        in_.ignore(length - 8);
        const auto skipped = static_cast<std::uint64_t>(in_.gcount());
        consumed_ += skipped;
        if (skipped != length - 8) fail(Fault::truncated);
        return {};
    }
    if (length > block_octets_max) return fail(Fault::bad_length), std::nullopt;
    if (!fetch(length - 8)) return fail(Fault::truncated), std::nullopt;
    ByteReader body(Bytes(buffer_).first(length - frame_of_block));
    std::optional<CapturedPacket> packet;
    if (type == interface_description_block)
        read_interface(body);
    else
        packet = type == enhanced_packet_block ? read_enhanced(body) : read_simple(body);
    if (!body.ok()) return fail(body.error().fault), std::nullopt;
    return packet;
}

void CaptureReader::read_interface(ByteReader& body) {
    if (interfaces_.size() == interfaces_max) return body.fail(Fault::unsupported);
    Interface found;
    found.link = static_cast<LinkType>(u16(body));
    body.take(2);
    found.snap_octets = u32(body);
    while (body.more()) {
        const std::uint16_t code = u16(body);
        const std::uint16_t length = u16(body);
        if (code == option_end) break;
        const Bytes value = body.take(length);
        body.take(std::min<std::size_t>(body.remaining(), (4 - length % 4) % 4));
        ByteReader in(value);
        if (code == option_interface_name)
            found.name = as_text(value.first(std::min(value.size(), name_octets_max)));
        if (code == option_time_resolution) found.resolution = in.u8();
        if (code == option_time_offset)
            found.offset_seconds = static_cast<std::int64_t>(big_ ? in.be64() : in.le64());
        if (!in.ok()) body.fail(Fault::bad_length);
    }
    if (body.ok()) interfaces_.push_back(std::move(found));
}

std::optional<CapturedPacket> CaptureReader::read_enhanced(ByteReader& body) {
    const std::uint32_t interface = u32(body);
    const std::uint64_t high = u32(body);
    const std::uint64_t low = u32(body);
    const std::uint32_t captured = u32(body);
    const std::uint32_t original = u32(body);
    const Bytes octets = body.take(captured);
    if (body.ok() && interface >= interfaces_.size()) body.fail(Fault::bad_value);
    if (body.ok() && captured > packet_octets_max) body.fail(Fault::bad_length);
    if (!body.ok()) return {};
    const Interface& on = interfaces_[interface];
    return CapturedPacket{.ns = unix_ns(high << 32 | low, on.resolution, on.offset_seconds),
                          .link = on.link,
                          .interface = interface,
                          .original_octets = std::max(original, captured),
                          .octets = octets};
}

std::optional<CapturedPacket> CaptureReader::read_simple(ByteReader& body) {
    const std::uint32_t original = u32(body);
    if (body.ok() && interfaces_.empty()) body.fail(Fault::bad_value);
    if (!body.ok()) return {};
    const Interface& on = interfaces_[0];
    // It does not say how much was captured: as much as the interface's limit lets through.
    const std::uint32_t captured =
        on.snap_octets == 0 ? original : std::min(original, on.snap_octets);
    const Bytes octets = body.take(captured);
    if (body.ok() && captured > packet_octets_max) body.fail(Fault::bad_length);
    if (!body.ok()) return {};
    return CapturedPacket{
        .ns = 0, .link = on.link, .interface = 0, .original_octets = original, .octets = octets};
}

}  // namespace causeway::net
