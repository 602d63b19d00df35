#include "coap/options.hpp"

#include <algorithm>
#include <array>

namespace causeway::coap {
namespace {

using enum OptionNumber;

// In the order of their numbers. [RFC 7252 §5.10 table 4, RFC 7641 §2, RFC 7959 §2.1 and §4]
constexpr std::array definitions{
    OptionDefinition{if_match, "If-Match", OptionFormat::opaque, true, 0, 8},
    OptionDefinition{uri_host, "Uri-Host", OptionFormat::string, false, 1, 255},
    OptionDefinition{etag, "ETag", OptionFormat::opaque, true, 1, 8},
    OptionDefinition{if_none_match, "If-None-Match", OptionFormat::empty, false, 0, 0},
    OptionDefinition{observe, "Observe", OptionFormat::uint, false, 0, 3},
    OptionDefinition{uri_port, "Uri-Port", OptionFormat::uint, false, 0, 2},
    OptionDefinition{location_path, "Location-Path", OptionFormat::string, true, 0, 255},
    OptionDefinition{oscore, "OSCORE", OptionFormat::opaque, false, 0, 255},
    OptionDefinition{uri_path, "Uri-Path", OptionFormat::string, true, 0, 255},
    OptionDefinition{content_format, "Content-Format", OptionFormat::uint, false, 0, 2},
    OptionDefinition{max_age, "Max-Age", OptionFormat::uint, false, 0, 4},
    OptionDefinition{uri_query, "Uri-Query", OptionFormat::string, true, 0, 255},
    OptionDefinition{hop_limit, "Hop-Limit", OptionFormat::uint, false, 1, 1},
    OptionDefinition{accept, "Accept", OptionFormat::uint, false, 0, 2},
    OptionDefinition{q_block1, "Q-Block1", OptionFormat::uint, false, 0, 3},
    OptionDefinition{location_query, "Location-Query", OptionFormat::string, true, 0, 255},
    OptionDefinition{edhoc, "EDHOC", OptionFormat::empty, false, 0, 0},
    OptionDefinition{block2, "Block2", OptionFormat::uint, false, 0, 3},
    OptionDefinition{block1, "Block1", OptionFormat::uint, false, 0, 3},
    OptionDefinition{size2, "Size2", OptionFormat::uint, false, 0, 4},
    OptionDefinition{q_block2, "Q-Block2", OptionFormat::uint, true, 0, 3},
    OptionDefinition{proxy_uri, "Proxy-Uri", OptionFormat::string, false, 1, 1034},
    OptionDefinition{proxy_scheme, "Proxy-Scheme", OptionFormat::string, false, 1, 255},
    OptionDefinition{size1, "Size1", OptionFormat::uint, false, 0, 4},
    OptionDefinition{echo, "Echo", OptionFormat::opaque, false, 1, 40},
    OptionDefinition{no_response, "No-Response", OptionFormat::uint, false, 0, 1},
    OptionDefinition{request_tag, "Request-Tag", OptionFormat::opaque, true, 0, 8},
};

/// The four bits that stand for `n`, with what follows in `extended_octets` more. [RFC 7252 §3.1]
constexpr unsigned nibble(std::size_t n) noexcept {
    return n < 13 ? static_cast<unsigned>(n) : n < 269 ? 13u : 14u;
}

void put_extended(Octets& out, std::size_t n) {
    if (n < 13) return;
    if (n < 269) return out.push_back(std::byte(n - 13));
    out.push_back(std::byte((n - 269) >> 8));
    out.push_back(std::byte((n - 269) & 0xff));
}

void put_header(Octets& out, std::size_t delta, std::size_t length) {
    out.push_back(std::byte(nibble(delta) << 4 | nibble(length)));
    put_extended(out, delta);
    put_extended(out, length);
}

std::size_t read_extended(ByteReader& in, unsigned nibble) noexcept {
    if (nibble < 13) return nibble;
    if (nibble == 13) return std::size_t{13} + in.u8();
    if (nibble == 14) return std::size_t{269} + in.be16();
    in.fail(Fault::bad_value);  // 15 is reserved, for the delta and for the length
    return 0;
}

struct Uint {
    std::array<std::byte, 4> octets;
    std::size_t size;

    explicit Uint(std::uint32_t value) noexcept : octets{}, size(0) {
        // "without leading zero bytes"; zero itself has none at all. [RFC 7252 §3.2]
        for (unsigned shift = 32; shift != 0;) {
            shift -= 8;
            if (size != 0 || (value >> shift) != 0)
                octets[size++] = std::byte(value >> shift & 0xff);
        }
    }
    [[nodiscard]] Bytes bytes() const noexcept { return {octets.data(), size}; }
};

}  // namespace

const OptionDefinition* definition_of(OptionNumber number) noexcept {
    const auto found = std::ranges::lower_bound(definitions, number, {}, &OptionDefinition::number);
    return found != definitions.end() && found->number == number ? &*found : nullptr;
}

std::optional<std::uint32_t> Option::as_uint() const noexcept {
    std::uint32_t result = 0;
    for (const std::byte octet : value) {
        if (result >> 24 != 0) return std::nullopt;
        result = result << 8 | std::to_integer<std::uint32_t>(octet);
    }
    return result;
}

// ---- walking -----------------------------------------------------------------------------------

Options::Iterator::Iterator(const std::byte* at, const std::byte* end) noexcept
    : at_(at), end_(end) {
    decode();
}

void Options::Iterator::decode() noexcept {
    if (at_ == end_) return;
    // Only lists that parse() or add() made are walked, so nothing here can fail.
    ByteReader in(Bytes(at_, end_));
    const unsigned first = in.u8();
    number_ = static_cast<std::uint16_t>(number_ + read_extended(in, first >> 4));
    const std::size_t length = read_extended(in, first & 15u);
    value_ = in.take(length);
}

Options::Iterator& Options::Iterator::operator++() noexcept {
    at_ = value_.data() + value_.size();
    decode();
    return *this;
}

Options::Iterator Options::begin() const noexcept {
    return {encoded_.data(), encoded_.data() + encoded_.size()};
}

Options::Iterator Options::end() const noexcept {
    const std::byte* end = encoded_.data() + encoded_.size();
    return {end, end};
}

// ---- reading -----------------------------------------------------------------------------------

Result<Options> Options::parse(ByteReader& in) {
    ByteReader scan = in;
    std::size_t number = 0;
    while (scan.more() && scan.peek() != payload_marker) {
        const unsigned first = scan.u8();
        number += read_extended(scan, first >> 4);
        const std::size_t length = read_extended(scan, first & 15u);
        scan.take(length);
        if (number > 65535) scan.fail(Fault::bad_value);
    }
    if (!scan.ok()) {
        in.fail(scan.error().fault);
        return std::unexpected(scan.error());
    }
    Options options;
    options.encoded_ = to_octets(in.take(scan.consumed() - in.consumed()));
    options.last_ = static_cast<std::uint16_t>(number);
    return options;
}

bool Options::has(OptionNumber number) const noexcept {
    return find(number).has_value();
}

std::optional<Bytes> Options::find(OptionNumber number) const noexcept {
    if (std::to_underlying(number) > last_) return std::nullopt;
    for (const Option option : *this) {
        if (option.number == number) return option.value;
        if (option.number > number) break;
    }
    return std::nullopt;
}

std::optional<std::uint32_t> Options::uint(OptionNumber number) const noexcept {
    const auto value = find(number);
    return value ? Option{number, *value}.as_uint() : std::nullopt;
}

std::optional<std::string_view> Options::text(OptionNumber number) const noexcept {
    const auto value = find(number);
    return value ? std::optional(as_text(*value)) : std::nullopt;
}

std::string Options::path() const {
    std::string path;
    for (const Option option : *this) {
        if (option.number != uri_path) continue;
        path += '/';
        path += option.as_text();
    }
    return path.empty() ? "/" : path;
}

bool Options::path_is(std::string_view path) const noexcept {
    if (path.starts_with('/')) path.remove_prefix(1);
    bool first = true;
    for (const Option option : *this) {
        if (option.number > uri_path) break;
        if (option.number != uri_path) continue;
        if (!first) {
            if (!path.starts_with('/')) return false;
            path.remove_prefix(1);
        }
        first = false;
        if (!path.starts_with(option.as_text())) return false;
        path.remove_prefix(option.value.size());
    }
    return path.empty();
}

// ---- changing ----------------------------------------------------------------------------------

void Options::append(std::uint16_t number, Bytes value) {
    CAUSEWAY_ASSERT(number >= last_ && value.size() <= value_octets_max);
    put_header(encoded_, number - last_, value.size());
    encoded_.insert(encoded_.end(), value.begin(), value.end());
    last_ = number;
}

void Options::add(OptionNumber number, Bytes value) {
    if (std::to_underlying(number) >= last_) return append(std::to_underlying(number), value);
    Options sorted;
    sorted.encoded_.reserve(encoded_.size() + value.size() + 6);
    bool added = false;
    for (const Option option : *this) {
        if (!added && option.number > number) {
            sorted.append(std::to_underlying(number), value);
            added = true;
        }
        sorted.append(std::to_underlying(option.number), option.value);
    }
    *this = std::move(sorted);
}

void Options::add_uint(OptionNumber number, std::uint32_t value) {
    add(number, Uint(value).bytes());
}

void Options::set(OptionNumber number, Bytes value) {
    remove(number);
    add(number, value);
}

void Options::set_uint(OptionNumber number, std::uint32_t value) {
    remove(number);
    add_uint(number, value);
}

std::size_t Options::remove(OptionNumber number) {
    if (!has(number)) return 0;
    Options kept;
    kept.encoded_.reserve(encoded_.size());
    std::size_t gone = 0;
    for (const Option option : *this) {
        if (option.number == number)
            ++gone;
        else
            kept.append(std::to_underlying(option.number), option.value);
    }
    *this = std::move(kept);
    return gone;
}

void Options::clear() noexcept {
    encoded_.clear();
    last_ = 0;
}

void Options::add_path(std::string_view path) {
    if (path.starts_with('/')) path.remove_prefix(1);
    if (path.empty()) return;
    for (;;) {
        const std::size_t slash = path.find('/');
        add_text(uri_path, path.substr(0, slash));
        if (slash == std::string_view::npos) return;
        path.remove_prefix(slash + 1);
    }
}

namespace {

/// Options that are gone before a request is looked at, if anybody here understands them.
constexpr bool belongs_elsewhere(OptionNumber n, bool qblock) noexcept {
    const bool quick = n == OptionNumber::q_block1 || n == OptionNumber::q_block2;
    return n == OptionNumber::oscore || n == OptionNumber::edhoc || (quick && !qblock);
}

}  // namespace

std::optional<OptionNumber> first_unacceptable(const Options& options, bool forwarding,
                                               bool qblock) noexcept {
    std::optional<OptionNumber> previous;
    for (const Option option : options) {
        const OptionDefinition* known = definition_of(option.number);
        const bool recognized = known != nullptr && option.value.size() >= known->octets_min &&
                                option.value.size() <= known->octets_max &&
                                (known->repeatable || previous != option.number);
        previous = option.number;
        if (recognized && !belongs_elsewhere(option.number, qblock)) continue;
        if (forwarding ? is_unsafe(option.number) : is_critical(option.number))
            return option.number;
    }
    return std::nullopt;
}

}  // namespace causeway::coap
