#include "rpl/metric.hpp"

namespace causeway::rpl {

Result<MetricObject> MetricObject::parse(ByteReader& in) {
    MetricObject object;
    object.type = MetricType(in.u8());
    const std::uint8_t flags = in.u8();  // five reserved bits, then P, C, O
    object.partial = (flags & 0x04) != 0;
    object.constraint = (flags & 0x02) != 0;
    object.optional = (flags & 0x01) != 0;
    const std::uint8_t more = in.u8();  // R, A, Prec
    object.recorded = (more & 0x80) != 0;
    object.aggregation = Aggregation(more >> 4 & 7);
    object.precedence = more & 0x0f;
    const std::uint8_t length = in.u8();
    object.body = to_octets(in.take(length));
    if (!in.ok()) return std::unexpected(in.error());
    return object;
}

void MetricObject::emit(ByteWriter& out) const {
    out.u8(std::to_underlying(type));
    out.u8(
        static_cast<std::uint8_t>((partial ? 4 : 0) | (constraint ? 2 : 0) | (optional ? 1 : 0)));
    out.u8(static_cast<std::uint8_t>((recorded ? 0x80 : 0) | std::to_underlying(aggregation) << 4 |
                                     (precedence & 0x0f)));
    out.u8(static_cast<std::uint8_t>(body.size()));
    out.put(body);
}

MetricObject MetricObject::of_hop_count(std::uint8_t hops) {
    MetricObject object;
    object.type = MetricType::hop_count;
    object.body = {std::byte{0}, std::byte{hops}};
    return object;
}

std::optional<std::uint8_t> MetricObject::hop_count() const noexcept {
    if (type != MetricType::hop_count || body.size() < 2) return std::nullopt;
    return std::to_integer<std::uint8_t>(body[1]);  // after four reserved bits and four flags
}

std::optional<std::uint16_t> MetricObject::etx_128() const noexcept {
    if (type != MetricType::link_etx || body.size() < 2 || body.size() % 2 != 0)
        return std::nullopt;
    ByteReader in(Bytes(body).last(2));
    return in.be16();
}

}  // namespace causeway::rpl
