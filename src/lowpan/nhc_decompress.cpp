#include "lowpan/nhc_decompress.hpp"

namespace causeway::lowpan::format {

std::byte* read_extension(ByteReader& in, unsigned nhc, std::uint8_t protocol, Restored& out) {
    const std::uint8_t next = (nhc & nhc_next_compressed) != 0 ? std::uint8_t{0} : in.u8();
    const std::size_t length_octet = in.u8();
    // A fragment header has a reserved octet in the length's place. Stacks disagree on what stands
    // there (zero, or the six octets that follow); its size is known.
    const std::size_t length = protocol == fragment_header ? fragment_octets - 2 : length_octet;
    const Bytes body = in.take(length);
    if (!in.ok()) return nullptr;
    const std::size_t size = (2 + length + 7) / 8 * 8;
    const std::size_t padding = size - 2 - length;
    // "A decompressor MUST ensure that the containing header is padded out to a multiple of 8
    // octets in length, using a Pad1 or PadN option if necessary." Only these have options.
    // [RFC 6282 §4.2]
    if (padding != 0 && !has_options(protocol)) return in.fail(Fault::bad_length), nullptr;
    std::byte* header = out.extend(in, size);
    if (header == nullptr) return nullptr;
    header[0] = std::byte{next};
    header[1] = protocol == fragment_header ? std::byte{0} : std::byte(size / 8 - 1);
    if (length != 0) std::memcpy(header + 2, body.data(), length);
    if (padding != 0) {
        std::memset(header + 2 + length, 0, padding);  // one octet of it: a Pad1
        if (padding > 1) {
            header[2 + length] = padn;
            header[3 + length] = std::byte(padding - 2);
        }
    }
    return header;
}

void read_udp(ByteReader& in, unsigned nhc, Restored& out) {
    std::uint16_t source = 0;
    std::uint16_t target = 0;
    switch (nhc & 3) {
        case udp_ports_inline:
            source = in.be16();
            target = in.be16();
            break;
        case udp_target_short:
            source = in.be16();
            target = static_cast<std::uint16_t>(0xf000 | in.u8());
            break;
        case udp_source_short:
            source = static_cast<std::uint16_t>(0xf000 | in.u8());
            target = in.be16();
            break;
        default: {
            const unsigned both = in.u8();
            source = static_cast<std::uint16_t>(0xf0b0 | both >> 4);
            target = static_cast<std::uint16_t>(0xf0b0 | (both & 0xf));
            break;
        }
    }
    const std::uint16_t checksum = (nhc & udp_checksum_elided) != 0 ? std::uint16_t{0} : in.be16();
    std::byte* header = out.extend(in, udp_octets);
    if (header == nullptr) return;
    ByteWriter fields({header, udp_octets});
    fields.be16(source);
    fields.be16(target);
    fields.be16(0);
    fields.be16(checksum);
}

}  // namespace causeway::lowpan::format
