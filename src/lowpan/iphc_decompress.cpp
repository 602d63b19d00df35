#include "base/inplace_vector.hpp"
#include "lowpan/dispatch.hpp"
#include "lowpan/iphc_address.hpp"
#include "lowpan/nhc_decompress.hpp"

#include <algorithm>
#include <utility>

namespace causeway::lowpan {
namespace {

using namespace format;

/// Restores headers from `in` at the start of `out`, lengths and a checksum left open until the
/// size of the whole is known.
class Decompressor {
public:
    Decompressor(ByteReader& in, const LinkEnds& ends, const Contexts& contexts, MutableBytes out)
        : in_(in), contexts_(contexts), out_{out}, around_(Encapsulation::of(ends)) {}

    void run() {
        bool nested = true;
        while (nested && in_.ok()) nested = one_ipv6_header();
    }

    [[nodiscard]] std::size_t written() const { return out_.at; }

    /// The lengths that nobody sends. [RFC 6282 §3.2, §4.3.3]
    void fill_lengths(std::size_t datagram_octets) {
        for (const std::uint16_t ip_at : ip_headers_)
            put_be16(out_.buffer, ip_at + 4u, datagram_octets - ip_at - ipv6_octets);
        if (udp_at_ != 0) put_be16(out_.buffer, udp_at_ + 4u, datagram_octets - udp_at_);
    }

    [[nodiscard]] ElidedChecksum elided() const {
        return checksum_elided_ ? ElidedChecksum{ip_headers_.back(), udp_at_} : ElidedChecksum{};
    }

private:
    /// True when another IPv6 header follows in LOWPAN_IPHC.
    bool one_ipv6_header() {
        const unsigned b0 = in_.u8();
        if ((b0 & 0xe0) != dispatch::iphc) return in_.fail(Fault::unsupported), false;
        if (ip_headers_.full()) return in_.fail(Fault::unsupported), false;
        std::byte* header = out_.extend(in_, ipv6_octets);
        if (header == nullptr) return false;
        ip_headers_.push_back(static_cast<std::uint16_t>(out_.at - ipv6_octets));
        read_iphc(b0, header);
        if ((b0 & nh_compressed) == 0 || !in_.ok()) return false;
        std::byte* next = header + 6;
        for (;;) {
            const unsigned nhc = in_.u8();
            if ((nhc & nhc_udp_mask) == nhc_udp) {
                *next = std::byte{udp};
                udp_at_ = static_cast<std::uint16_t>(out_.at);
                checksum_elided_ = (nhc & udp_checksum_elided) != 0;
                read_udp(in_, nhc, out_);
                return false;
            }
            const std::uint8_t protocol = (nhc & nhc_extension_mask) == nhc_extension
                                              ? eid_protocols[nhc >> eid_shift & 7]
                                              : no_protocol;
            if (protocol == no_protocol) return in_.fail(Fault::unsupported), false;
            *next = std::byte{protocol};
            if (protocol == ipv6) {  // its NH bit is unused
                around_ = {AddressBits::load(header + 8).low, AddressBits::load(header + 24).low,
                           true, true};
                return true;
            }
            next = read_extension(in_, nhc, protocol, out_);
            if (next == nullptr || (nhc & nhc_next_compressed) == 0) return false;
        }
    }

    void read_iphc(unsigned b0, std::byte* header) {
        const unsigned b1 = in_.u8();
        const unsigned pair = (b1 & cid) != 0 ? in_.u8() : 0u;
        read_class_and_flow(b0 >> tf_shift & 3, header);
        header[4] = header[5] = std::byte{0};
        header[6] = std::byte{(b0 & nh_compressed) != 0 ? std::uint8_t{0} : in_.u8()};
        constexpr std::uint8_t hop_limits[4] = {0, 1, 64, 255};
        const unsigned hlim = b0 & hlim_mask;
        header[7] = std::byte{hlim == 0 ? in_.u8() : hop_limits[hlim]};
        expand_source(in_, b1, static_cast<std::uint8_t>(pair >> 4), around_, contexts_,
                      header + 8);
        expand_destination(in_, b1, static_cast<std::uint8_t>(pair & 15), around_, contexts_,
                           header + 24);
    }

    /// Reserved bits are ignored. [RFC 6282 §3.2.1]
    void read_class_and_flow(unsigned tf, std::byte* header) {
        std::uint32_t rotated = 0;
        std::uint32_t flow = 0;
        if (tf == tf_all_inline) {
            const std::uint32_t all = in_.be32();
            rotated = all >> 24;
            flow = all & 0xf'ffff;
        } else if (tf == tf_flow_inline) {
            const std::uint32_t most = in_.be24();
            rotated = most >> 16 & 0xc0;
            flow = most & 0xf'ffff;
        } else if (tf == tf_class_inline) {
            rotated = in_.u8();
        }
        const std::uint32_t traffic_class = (rotated << 2 | rotated >> 6) & 0xff;
        const std::uint32_t first = 6u << 28 | traffic_class << 20 | flow;
        for (unsigned i = 0; i < 4; ++i) header[i] = std::byte(first >> (24 - 8 * i) & 0xff);
    }

    ByteReader& in_;
    const Contexts& contexts_;
    Restored out_;
    Encapsulation around_;
    InplaceVector<std::uint16_t, compressed_ipv6_headers_max> ip_headers_;  // where they stand
    std::uint16_t udp_at_ = 0;
    bool checksum_elided_ = false;
};

/// Headers alone: everything of Decompressed but `written`.
Result<Decompressed> expand_headers(Bytes lowpan, const LinkEnds& ends, const Contexts& contexts,
                                    std::optional<std::size_t> datagram_size, MutableBytes out) {
    ByteReader in(lowpan);
    // Page 1 has IPHC where page 0 has it, and nothing before this point makes a difference.
    // [RFC 8025 §4]
    unsigned page = 0;
    while ((in.peek() & 0xfe) == dispatch::page) page = in.u8() & 1;
    Decompressed done;
    if (page == 0 && header_type(in.peek()) == HeaderType::ipv6) {
        in.u8();
        if (in.remaining() < ipv6_octets) return refused(Fault::truncated, lowpan.size());
        if (in.peek() >> 4 != 6) return refused(Fault::bad_version, in.consumed());
        if (out.size() < ipv6_octets) return refused(Fault::bad_length, in.consumed());
        const Bytes header = in.take(ipv6_octets);
        std::memcpy(out.data(), header.data(), ipv6_octets);
        done.packet_octets = ipv6_octets;
        done.header_octets = in.consumed();
        done.datagram_octets = datagram_size.value_or(ipv6_octets + in.remaining());
    } else {
        // Offsets are 16 bits wide in here: no datagram is longer than an IPv6 packet may be.
        Decompressor headers(in, ends, contexts,
                             out.first(std::min(out.size(), std::size_t{65535})));
        headers.run();
        if (!in.ok()) return std::unexpected(in.error());
        done.packet_octets = headers.written();
        done.header_octets = in.consumed();
        done.datagram_octets = datagram_size.value_or(done.packet_octets + in.remaining());
        if (done.datagram_octets < done.packet_octets || done.datagram_octets > 65535)
            return refused(Fault::bad_length, done.header_octets);
        headers.fill_lengths(done.datagram_octets);
        done.elided = headers.elided();
        done.checksum_elided = done.elided.udp_at != 0;
    }
    if (in.remaining() + done.packet_octets > done.datagram_octets)
        return refused(Fault::bad_length, done.header_octets);
    return done;
}

/// With the whole packet in place; nothing to do for a first fragment.
bool finish(Decompressed& done, MutableBytes packet) {
    if (done.elided.udp_at == 0 || done.written != done.datagram_octets) return true;
    return restore_udp_checksum(packet, std::exchange(done.elided, {}));
}

}  // namespace

Result<Decompressed> decompress_into(Bytes lowpan, const LinkEnds& ends, const Contexts& contexts,
                                     std::optional<std::size_t> datagram_size, MutableBytes out) {
    auto done = expand_headers(lowpan, ends, contexts, datagram_size, out);
    if (!done) return done;
    const Bytes rest = lowpan.subspan(done->header_octets);
    if (rest.size() > out.size() - done->packet_octets)
        return refused(Fault::bad_length, done->header_octets);
    if (!rest.empty()) std::memcpy(out.data() + done->packet_octets, rest.data(), rest.size());
    done->written = done->packet_octets + rest.size();
    if (!finish(*done, out.first(done->written)))
        return refused(Fault::unsupported, done->header_octets);
    return done;
}

Result<Octets> decompress(Bytes lowpan, const LinkEnds& ends, const Contexts& contexts,
                          std::optional<std::size_t> datagram_size) {
    std::array<std::byte, datagram_octets_max> headers;
    auto done = expand_headers(lowpan, ends, contexts, datagram_size, headers);
    if (!done) return std::unexpected(done.error());
    const Bytes rest = lowpan.subspan(done->header_octets);
    if (rest.size() > datagram_octets_max - done->packet_octets)
        return refused(Fault::bad_length, done->header_octets);
    Octets packet;
    packet.reserve(done->packet_octets + rest.size());
    const Bytes start = Bytes(headers).first(done->packet_octets);
    packet.insert(packet.end(), start.begin(), start.end());
    packet.insert(packet.end(), rest.begin(), rest.end());
    done->written = packet.size();
    if (!finish(*done, packet)) return refused(Fault::unsupported, done->header_octets);
    return packet;
}

}  // namespace causeway::lowpan
