#include "lowpan/dispatch.hpp"
#include "lowpan/iphc_address.hpp"
#include "lowpan/nhc_compress.hpp"

namespace causeway::lowpan {
namespace {

using namespace format;

unsigned hlim_form(unsigned hop_limit) {
    switch (hop_limit) {
        case 1:
            return 1;
        case 64:
            return 2;
        case 255:
            return 3;
        default:
            return 0;
    }
}

/// One IPv6 header on its way into IPHC: the forms are chosen before anything is written, so that
/// it is known what room is left for the headers behind it.
class Iphc {
public:
    Iphc(Bytes header, const Encapsulation& around, const Contexts& contexts)
        : header_(header),
          source_(source_form(header.data() + 8, around, contexts)),
          destination_(destination_form(header.data() + 24, around, contexts)) {
        class_ = (octet(header, 0) << 4 | octet(header, 1) >> 4) & 0xff;
        flow_ = (octet(header, 1) & 0x0f) << 16 | octet(header, 2) << 8 | octet(header, 3);
        if (flow_ == 0)
            tf_ = class_ == 0 ? tf_elided : tf_class_inline;
        else
            tf_ = class_ >> 2 == 0 ? tf_flow_inline : tf_all_inline;
        hlim_ = hlim_form(octet(header, 7));
        pair_ = unsigned{source_.context} << 4 | destination_.context;
    }

    /// Without the Next Header octet, which a compressed next header saves.
    [[nodiscard]] std::size_t octets() const {
        constexpr std::size_t tf_octets[4] = {4, 3, 1, 0};
        return 2 + (pair_ != 0 ? 1u : 0u) + tf_octets[tf_] + (hlim_ == 0 ? 1u : 0u) +
               source_.octets() + destination_.octets();
    }

    void write(ByteWriter& out, bool next_compressed) const {
        out.u8(static_cast<std::uint8_t>(dispatch::iphc | tf_ << tf_shift |
                                         (next_compressed ? nh_compressed : 0u) | hlim_));
        out.u8(
            static_cast<std::uint8_t>((pair_ != 0 ? cid : 0u) | source_.bits | destination_.bits));
        if (pair_ != 0) out.u8(static_cast<std::uint8_t>(pair_));
        write_class_and_flow(out);
        if (!next_compressed) out.put(header_.subspan(6, 1));
        if (hlim_ == 0) out.put(header_.subspan(7, 1));
        write_address(out, source_, 8);
        write_address(out, destination_, 24);
    }

private:
    void write_class_and_flow(ByteWriter& out) const {
        // The class is rotated, so that ECN comes first in every form. [RFC 6282 §3.2.1]
        const unsigned ecn = class_ & 3;
        const unsigned rotated = ecn << 6 | class_ >> 2;
        switch (tf_) {
            case tf_all_inline:
                out.be32(rotated << 24 | flow_);
                break;
            case tf_flow_inline:
                out.be24(ecn << 22 | flow_);
                break;
            case tf_class_inline:
                out.u8(static_cast<std::uint8_t>(rotated));
                break;
            default:
                break;
        }
    }

    void write_address(ByteWriter& out, const AddressForm& form, std::size_t at) const {
        if (form.lead != 0) out.put(header_.subspan(at + 1, form.lead));
        if (form.tail != 0) out.put(header_.subspan(at + 16 - form.tail, form.tail));
    }

    Bytes header_;
    AddressForm source_;
    AddressForm destination_;
    unsigned class_ = 0;
    unsigned flow_ = 0;
    unsigned tf_ = tf_elided;
    unsigned hlim_ = 0;
    unsigned pair_ = 0;  // SCI and DCI
};

/// Writes one IPv6 header after the other, each with what LOWPAN_NHC can express behind it.
class Compressor {
public:
    Compressor(Bytes packet, const LinkEnds& ends, const Contexts& contexts, MutableBytes out,
               const CompressOptions& options)
        : packet_(packet),
          contexts_(contexts),
          options_(options),
          out_(out),
          around_(Encapsulation::of(ends)) {}

    Result<Compressed> run() {
        while (more_) {
            const Fault fault = one_ipv6_header();
            if (fault != Fault::none) return refused(fault, at_);
        }
        return Compressed{out_.written(), at_, out_.written()};
    }

private:
    Fault one_ipv6_header() {
        const Bytes header = packet_.subspan(at_, ipv6_octets);
        const Iphc iphc(header, around_, contexts_);
        if (iphc.octets() + 1 > out_.room()) return Fault::bad_length;  // the first one only
        ip_at_ = at_;
        ++headers_;
        next_ = static_cast<std::uint8_t>(octet(header, 6));
        at_ += ipv6_octets;
        NhcPlan plan = plan_next(iphc.octets());
        iphc.write(out_, bool(plan));
        fragmented_ = false;
        while (plan) {
            if (next_ == ipv6) {
                out_.u8(static_cast<std::uint8_t>(nhc_extension | eid_ipv6 << eid_shift));
                // From a group no identifier is made here: the text would have it copied as it
                // stands [RFC 6282 §3.2.2], which not every decompressor does.
                around_ = {AddressBits::load(header.data() + 8).low,
                           AddressBits::load(header.data() + 24).low, true,
                           header[24] != std::byte{0xff}};
                return Fault::none;
            }
            if (next_ == udp) {
                more_ = false;
                return last_udp();
            }
            const Bytes rest = packet_.subspan(at_);
            const std::uint8_t protocol = next_;
            next_ = static_cast<std::uint8_t>(octet(rest, 0));
            at_ += plan.header_octets;
            fragmented_ = fragmented_ || protocol == fragment_header;
            // What stands behind the header of a fragment with an offset is no header.
            const bool cut = protocol == fragment_header && (be16(rest, 2) & 0xfff8) != 0;
            // One octet more in case the next header is not compressed after all.
            const NhcPlan behind = cut ? NhcPlan{} : plan_next(plan.octets);
            write_extension(out_, protocol, plan, rest, bool(behind));
            plan = behind;
        }
        more_ = false;
        return Fault::none;
    }

    /// The header at `at_`, if it can be compressed and still fits behind `octets` yet to be
    /// written.
    NhcPlan plan_next(std::size_t octets) const {
        if (next_ == ipv6 && headers_ == compressed_ipv6_headers_max) return {};
        const NhcPlan plan = plan_nhc(next_, packet_.subspan(at_));
        const bool fits = octets + plan.octets <= out_.room();
        return fits ? plan : NhcPlan{};
    }

    Fault last_udp() {
        const Bytes rest = packet_.subspan(at_);
        // A checksum of zero (a tunnel's) is not what the decompressor would compute, and in a
        // fragment it covers what is not here.
        bool elide = options_.elide_udp_checksum && !fragmented_ && be16(rest, 6) != 0;
        if (elide) {
            const auto checksum = udp_checksum(packet_, ip_at_, at_);
            // "If verification of the UDP Checksum fails, the compressor MUST drop the packet."
            // [RFC 6282 §4.3.2]
            if (checksum && *checksum != be16(rest, 6)) return Fault::bad_checksum;
            elide = checksum.has_value();
        }
        write_udp(out_, rest, elide);
        at_ += udp_octets;
        return Fault::none;
    }

    Bytes packet_;
    const Contexts& contexts_;
    const CompressOptions& options_;
    ByteWriter out_;
    Encapsulation around_;
    std::size_t at_ = 0;     // in the packet
    std::size_t ip_at_ = 0;  // the innermost IPv6 header so far
    std::size_t headers_ = 0;
    std::uint8_t next_ = 0;
    bool fragmented_ = false;
    bool more_ = true;
};

}  // namespace

Result<Compressed> compress_headers(Bytes packet, const LinkEnds& ends, const Contexts& contexts,
                                    MutableBytes out, const CompressOptions& options) {
    if (packet.size() < ipv6_octets) return refused(Fault::truncated, packet.size());
    if (octet(packet, 0) >> 4 != 6) return refused(Fault::bad_version, 0);
    if (be16(packet, 4) == packet.size() - ipv6_octets)
        return Compressor(packet, ends, contexts, out, options).run();
    if (out.size() < first_header_octets_max) return refused(Fault::bad_length, 0);
    out[0] = std::byte{dispatch::ipv6};
    std::memcpy(out.data() + 1, packet.data(), ipv6_octets);
    return Compressed{1 + ipv6_octets, ipv6_octets, 1 + ipv6_octets};
}

Result<Compressed> compress(Bytes packet, const LinkEnds& ends, const Contexts& contexts,
                            MutableBytes out, const CompressOptions& options) {
    auto done = compress_headers(packet, ends, contexts, out, options);
    if (!done) return done;
    const Bytes rest = packet.subspan(done->packet_octets);
    if (rest.size() > out.size() - done->header_octets)
        return refused(Fault::bad_length, done->packet_octets);
    if (!rest.empty()) std::memcpy(out.data() + done->header_octets, rest.data(), rest.size());
    done->written += rest.size();
    return done;
}

}  // namespace causeway::lowpan
