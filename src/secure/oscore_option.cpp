#include "secure/oscore_option.hpp"

namespace causeway::secure {
namespace {

constexpr std::uint8_t flags_reserved = 0xe0;
constexpr std::uint8_t flag_kid_context = 0x10;  // h
constexpr std::uint8_t flag_kid = 0x08;          // k
constexpr std::uint8_t partial_iv_mask = 0x07;   // n

}  // namespace

PartialIv partial_iv_of(std::uint64_t sequence) {
    CAUSEWAY_ASSERT(sequence <= sequence_max);
    std::array<std::byte, 8> octets{};
    ByteWriter(octets).be64(sequence);
    std::size_t zeros = 3;
    while (zeros < 7 && octets[zeros] == std::byte{0}) ++zeros;
    return PartialIv(Bytes(octets).subspan(zeros));
}

std::uint64_t sequence_of(Bytes partial_iv) noexcept {
    std::uint64_t sequence = 0;
    for (const std::byte b : partial_iv) sequence = sequence << 8 | std::to_integer<unsigned>(b);
    return sequence;
}

Result<OscoreOptionView> OscoreOptionView::parse(ByteReader& in) {
    OscoreOptionView view;
    if (in.remaining() > OscoreOption::octets_max) in.fail(Fault::bad_length);
    if (in.ok() && !in.more()) return view;  // all flags are zero [RFC 8613 §2]
    const std::uint8_t flags = in.u8();
    // "if any of these bits are set to 1, the message is considered to be malformed"; "The values
    // n = 6 and n = 7 are reserved." [RFC 8613 §6.1]
    const std::size_t octets = flags & partial_iv_mask;
    if ((flags & flags_reserved) != 0 || octets > PartialIv::capacity) in.fail(Fault::bad_value);
    view.partial_iv = in.take(octets);
    if ((flags & flag_kid_context) != 0) view.kid_context = in.take(in.u8());
    if ((flags & flag_kid) != 0) view.kid = in.rest();
    if (in.more()) in.fail(Fault::bad_length);
    if (!in.ok()) return std::unexpected(in.error());
    return view;
}

Result<OscoreOption> OscoreOption::parse(ByteReader& in) {
    const auto view = OscoreOptionView::parse(in);
    if (!view) return std::unexpected(view.error());
    OscoreOption option{.partial_iv = PartialIv(view->partial_iv)};
    if (view->kid_context) option.kid_context = to_octets(*view->kid_context);
    if (view->kid) option.kid = to_octets(*view->kid);
    return option;
}

std::size_t OscoreOption::wire_size() const noexcept {
    // "If the OSCORE flag bits are all zero (0x00), the option value SHALL be empty" [RFC 8613 §2]
    if (partial_iv.empty() && !kid_context && !kid) return 0;
    return 1 + partial_iv.size() + (kid_context ? 1 + kid_context->size() : 0) +
           (kid ? kid->size() : 0);
}

void OscoreOption::emit(ByteWriter& out) const {
    if (wire_size() == 0) return;
    CAUSEWAY_ASSERT(wire_size() <= octets_max);
    out.u8(static_cast<std::uint8_t>(partial_iv.size() | (kid_context ? flag_kid_context : 0u) |
                                     (kid ? flag_kid : 0u)));
    out.put(partial_iv.bytes());
    if (kid_context) {
        out.u8(static_cast<std::uint8_t>(kid_context->size()));
        out.put(*kid_context);
    }
    if (kid) out.put(*kid);
}

}  // namespace causeway::secure
