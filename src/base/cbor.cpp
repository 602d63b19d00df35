#include "base/cbor.hpp"

#include <cmath>
#include <limits>

namespace causeway {
namespace {

enum Major : std::uint8_t {
    major_uint = 0,
    major_negative = 1,
    major_bytes = 2,
    major_text = 3,
    major_array = 4,
    major_map = 5,
    major_tag = 6,
    major_simple = 7,
};

constexpr std::uint8_t info_indefinite = 31;
constexpr std::uint8_t break_code = 0xff;

/// No overlong forms, no surrogates, nothing beyond U+10FFFF. [RFC 3629 §4]
bool is_utf8(Bytes octets) noexcept {
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(octets[i]); };
    for (std::size_t i = 0; i < octets.size();) {
        const unsigned lead = at(i);
        if (lead < 0x80) {
            ++i;
            continue;
        }
        const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || octets.size() - i <= more) return false;
        const unsigned second = at(i + 1);
        const unsigned low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (second < low || second > high) return false;
        for (std::size_t j = 2; j <= more; ++j)
            if ((at(i + j) & 0xc0u) != 0x80) return false;
        i += 1 + more;
    }
    return true;
}

double from_half(std::uint16_t half) noexcept {
    const int exponent = half >> 10 & 0x1f;
    const double mantissa = half & 0x3ff;
    double value = 0;
    if (exponent == 0)
        value = std::ldexp(mantissa, -24);
    else if (exponent != 31)
        value = std::ldexp(mantissa + 1024, exponent - 25);
    else
        value = mantissa == 0 ? std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::quiet_NaN();
    return (half & 0x8000u) != 0 ? -value : value;
}

/// A float that a smaller one could say. [RFC 8949 §4.1]
bool could_be_shorter(std::uint8_t info, std::uint64_t bits) noexcept {
    if (info == 26) {
        const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
        return std::isnan(value) ? (bits & 0x1fffu) == 0
                                 : cbor_float_octets(static_cast<double>(value)) < 4;
    }
    if (info != 27) return false;
    const auto value = std::bit_cast<double>(bits);
    return std::isnan(value) ? (bits & 0x1fff'ffffu) == 0 : cbor_float_octets(value) < 8;
}

CborKind kind_of(std::uint8_t initial) noexcept {
    switch (initial >> 5) {
        case major_uint:
            return CborKind::uint;
        case major_negative:
            return CborKind::negative;
        case major_bytes:
            return CborKind::bytes;
        case major_text:
            return CborKind::text;
        case major_array:
            return CborKind::array;
        case major_map:
            return CborKind::map;
        case major_tag:
            return CborKind::tag;
        default:
            break;
    }
    switch (initial & 0x1f) {
        case 20:
        case 21:
            return CborKind::boolean;
        case 22:
            return CborKind::null;
        case 23:
            return CborKind::undefined;
        case 25:
        case 26:
        case 27:
            return CborKind::floating;
        default:
            return CborKind::simple;
    }
}

}  // namespace

CborKind CborReader::kind() const noexcept {
    if (!in_.ok()) return CborKind::end;
    if (!levels_.empty()) {
        const Level& level = levels_.back();
        // A break that is missing at the end of the octets is found by leave().
        if (level.indefinite ? !in_.more() || peek() == break_code : level.left == 0)
            return CborKind::end;
    }
    // Items that were promised and are not there: their reader finds out.
    if (!in_.more()) return levels_.empty() ? CborKind::end : CborKind::undefined;
    return kind_of(peek());
}

/// The initial octet and the argument. [RFC 8949 §3]
CborReader::Head CborReader::head() noexcept {
    const std::uint8_t initial = in_.u8();
    Head head{.major = static_cast<std::uint8_t>(initial >> 5),
              .info = static_cast<std::uint8_t>(initial & 0x1f)};
    std::uint64_t least = 0;  // of the numbers that need an argument as long as this
    switch (head.info) {
        case 24:
            head.argument = in_.u8();
            least = 24;
            break;
        case 25:
            head.argument = in_.be16();
            least = 0x100;
            break;
        case 26:
            head.argument = in_.be32();
            least = 0x1'0000;
            break;
        case 27:
            head.argument = in_.be64();
            least = 0x1'0000'0000;
            break;
        case 28:
        case 29:
        case 30:
            in_.fail(Fault::bad_value);
            break;  // "not well-formed" [RFC 8949 §3]
        case info_indefinite:
            preferred_ = false;
            break;
        default:
            head.argument = head.info;
            break;
    }
    if (head.major == major_simple ? could_be_shorter(head.info, head.argument)
                                   : head.argument < least)
        preferred_ = false;
    if (!in_.ok()) return {};
    return head;
}

/// An item is about to be read: there must be one in the array or map entered last.
void CborReader::count_item() noexcept {
    if (levels_.empty()) return;
    Level& level = levels_.back();
    if (level.indefinite) {
        if (peek() == break_code) in_.fail(Fault::bad_length);
        level.odd = !level.odd;
    } else if (level.left == 0) {
        in_.fail(Fault::bad_length);
    } else {
        --level.left;
    }
}

CborReader::Head CborReader::head_of(std::uint8_t major) noexcept {
    if (in_.more() && peek() >> 5 != major) in_.fail(Fault::bad_value);
    if (major != major_tag) count_item();  // a tag and what it is about are one item
    return head();
}

std::uint64_t CborReader::uint() {
    const Head got = head_of(major_uint);
    if (got.info == info_indefinite) in_.fail(Fault::bad_value);
    return ok() ? got.argument : 0;
}

std::uint64_t CborReader::negative() {
    const Head got = head_of(major_negative);
    if (got.info == info_indefinite) in_.fail(Fault::bad_value);
    return ok() ? got.argument : 0;
}

std::int64_t CborReader::integer() {
    const bool below_zero = kind() == CborKind::negative;
    const std::uint64_t argument = below_zero ? negative() : uint();
    if (argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        in_.fail(Fault::bad_value);
        return 0;
    }
    if (!ok()) return 0;
    const auto value = static_cast<std::int64_t>(argument);
    return below_zero ? -1 - value : value;
}

std::uint8_t CborReader::simple() {
    const Head got = head_of(major_simple);
    if (got.info > 24 || (got.info == 24 && got.argument < 32)) in_.fail(Fault::bad_value);
    return ok() ? static_cast<std::uint8_t>(got.argument) : std::uint8_t{0};
}

bool CborReader::boolean() {
    if (kind() != CborKind::boolean) in_.fail(Fault::bad_value);
    return simple() == 21;
}

void CborReader::null() {
    if (kind() != CborKind::null) in_.fail(Fault::bad_value);
    simple();
}

void CborReader::undefined() {
    if (kind() != CborKind::undefined) in_.fail(Fault::bad_value);
    simple();
}

double CborReader::floating() {
    const Head got = head_of(major_simple);
    if (got.info < 25 || got.info > 27) in_.fail(Fault::bad_value);
    if (!ok()) return 0;
    if (got.info == 25) return from_half(static_cast<std::uint16_t>(got.argument));
    if (got.info == 26)
        return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(got.argument)));
    return std::bit_cast<double>(got.argument);
}

std::uint64_t CborReader::tag() {
    if (!levels_.empty() && !levels_.back().indefinite && levels_.back().left == 0)
        in_.fail(Fault::bad_length);
    const Head got = head_of(major_tag);
    if (got.info == info_indefinite) in_.fail(Fault::bad_value);
    if (ok() && (!in_.more() || peek() == break_code)) in_.fail(Fault::truncated);
    return ok() ? got.argument : 0;
}

Bytes CborReader::string(std::uint8_t major) {
    const Head got = head_of(major);
    if (!ok()) return {};
    if (got.info != info_indefinite) {
        if (got.argument > in_.remaining()) in_.fail(Fault::truncated);
        return ok() ? in_.take(static_cast<std::size_t>(got.argument)) : Bytes{};
    }
    Octets whole;
    while (ok() && peek() != break_code) {
        const Head chunk = head();
        // Chunks are of the same kind, and of definite length. [RFC 8949 §3.2.3]
        if (chunk.major != major || chunk.info == info_indefinite) in_.fail(Fault::bad_value);
        if (chunk.argument > in_.remaining()) in_.fail(Fault::truncated);
        if (!ok()) return {};
        const Bytes piece = in_.take(static_cast<std::size_t>(chunk.argument));
        // "the bytes of a single Unicode code point cannot be spread between chunks" [RFC 8949
        // §3.2.3]
        if (major == major_text && !is_utf8(piece)) in_.fail(Fault::bad_value);
        whole.insert(whole.end(), piece.begin(), piece.end());
    }
    in_.u8();  // the break
    if (!ok()) return {};
    return joined_.emplace_back(std::move(whole));
}

Bytes CborReader::bytes() {
    return string(major_bytes);
}

std::string_view CborReader::text() {
    const Bytes octets = string(major_text);
    if (is_utf8(octets)) return as_text(octets);
    in_.fail(Fault::bad_value);
    return {};
}

std::optional<std::uint64_t> CborReader::enter(std::uint8_t major) {
    if (levels_.full()) in_.fail(Fault::unsupported);
    const Head got = head_of(major);
    const bool is_map = major == major_map;
    const bool indefinite = got.info == info_indefinite;
    // Every item takes an octet at least, so that no count can promise more than is there.
    if (!indefinite && got.argument > in_.remaining() / (is_map ? 2 : 1))
        in_.fail(Fault::truncated);
    if (!ok()) return std::nullopt;
    levels_.push_back({.left = is_map ? 2 * got.argument : got.argument,
                       .indefinite = indefinite,
                       .is_map = is_map});
    return indefinite ? std::nullopt : std::optional(got.argument);
}

std::optional<std::uint64_t> CborReader::enter_array() {
    return enter(major_array);
}

std::optional<std::uint64_t> CborReader::enter_map() {
    return enter(major_map);
}

void CborReader::expect_array(std::uint64_t items) {
    const auto count = enter(major_array);
    if (ok() && count != items) in_.fail(Fault::bad_length);
}

void CborReader::leave() {
    if (!ok()) return;
    CAUSEWAY_ASSERT(!levels_.empty());
    while (more()) skip();
    if (!ok()) return;
    const Level level = levels_.back();
    levels_.erase_at(levels_.size() - 1);
    if (!level.indefinite) return;
    if (level.is_map && level.odd) in_.fail(Fault::bad_length);
    in_.u8();  // the break
}

Bytes CborReader::item() {
    if (!ok()) return {};
    count_item();
    const std::size_t from = in_.consumed();
    walk(levels_.size());
    if (!ok()) return {};
    return {begin_ + from, in_.consumed() - from};
}

/// Over one item, `depth` levels down.
void CborReader::walk(std::size_t depth) {
    Head got = head();
    while (ok() && got.major == major_tag) {
        if (got.info == info_indefinite) in_.fail(Fault::bad_value);
        got = head();
    }
    if (!ok()) return;
    const bool indefinite = got.info == info_indefinite;
    switch (got.major) {
        case major_bytes:
        case major_text: {
            if (!indefinite) {
                if (got.argument > in_.remaining()) return in_.fail(Fault::truncated);
                const Bytes octets = in_.take(static_cast<std::size_t>(got.argument));
                if (got.major == major_text && !is_utf8(octets)) in_.fail(Fault::bad_value);
                return;
            }
            while (ok() && peek() != break_code) {
                const Head chunk = head();
                if (chunk.major != got.major || chunk.info == info_indefinite)
                    return in_.fail(Fault::bad_value);
                if (chunk.argument > in_.remaining()) return in_.fail(Fault::truncated);
                const Bytes piece = in_.take(static_cast<std::size_t>(chunk.argument));
                if (got.major == major_text && !is_utf8(piece)) in_.fail(Fault::bad_value);
            }
            in_.u8();
            return;
        }
        case major_array:
        case major_map: {
            if (depth == depth_max) return in_.fail(Fault::unsupported);
            const std::uint64_t each = got.major == major_map ? 2 : 1;
            if (!indefinite && got.argument > in_.remaining() / each)
                return in_.fail(Fault::truncated);
            std::uint64_t walked = 0;
            while (ok() && (indefinite ? peek() != break_code : walked < each * got.argument)) {
                walk(depth + 1);
                ++walked;
            }
            if (!indefinite) return;
            if (walked % each != 0) in_.fail(Fault::bad_length);
            in_.u8();
            return;
        }
        case major_simple:
            // A break where no indefinite item is open, and simple values in two octets that are
            // for one. [RFC 8949 §3.3]
            if (indefinite || (got.info == 24 && got.argument < 32)) in_.fail(Fault::bad_value);
            return;
        default:
            if (indefinite) in_.fail(Fault::bad_value);
            return;
    }
}

}  // namespace causeway
