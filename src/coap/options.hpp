#pragma once
// CoAP options: the numbers that RFC 7252 §5.10, RFC 7641 §2, RFC 7959 §2.1 and §4, RFC 7967 §2,
// RFC 8613 §2, RFC 8768 §3, RFC 9175 §2 and §3, RFC 9177 §4 and RFC 9668 §3 define, their
// properties, and the list of options of one message [RFC 7252 §3.1].
#include "base/repr.hpp"

#include <iterator>
#include <optional>
#include <string>

namespace causeway::coap {

enum class OptionNumber : std::uint16_t {
    if_match = 1,
    uri_host = 3,
    etag = 4,
    if_none_match = 5,
    observe = 6,
    uri_port = 7,
    location_path = 8,
    oscore = 9,
    uri_path = 11,
    content_format = 12,
    max_age = 14,
    uri_query = 15,
    hop_limit = 16,
    accept = 17,
    q_block1 = 19,
    location_query = 20,
    edhoc = 21,
    block2 = 23,
    block1 = 27,
    size2 = 28,
    q_block2 = 31,
    proxy_uri = 35,
    proxy_scheme = 39,
    size1 = 60,
    echo = 252,
    no_response = 258,
    request_tag = 292,
};

// What the number alone says. [RFC 7252 §5.4.6]
[[nodiscard]] constexpr bool is_critical(OptionNumber n) noexcept {
    return (std::to_underlying(n) & 1u) != 0;
}
[[nodiscard]] constexpr bool is_unsafe(OptionNumber n) noexcept {
    return (std::to_underlying(n) & 2u) != 0;
}
[[nodiscard]] constexpr bool is_no_cache_key(OptionNumber n) noexcept {
    return (std::to_underlying(n) & 0x1eu) == 0x1cu;
}

enum class OptionFormat : std::uint8_t { empty, opaque, uint, string };

struct OptionDefinition {
    OptionNumber number;
    std::string_view name;
    OptionFormat format;
    bool repeatable;
    std::uint16_t octets_min;
    std::uint16_t octets_max;
};

/// nullptr for a number that is not in the enumeration above.
[[nodiscard]] const OptionDefinition* definition_of(OptionNumber number) noexcept;

struct Option {
    OptionNumber number;
    Bytes value;  // borrowed from the list

    /// Leading zeros allowed; nullopt above 32 bits. [RFC 7252 §3.2]
    [[nodiscard]] std::optional<std::uint32_t> as_uint() const noexcept;
    [[nodiscard]] std::string_view as_text() const noexcept { return causeway::as_text(value); }
};

/// What stands between options and payload. [RFC 7252 §3]
inline constexpr std::uint8_t payload_marker = 0xff;

/// Options in the order of their numbers, repetitions in the order they were added. They are kept
/// as they stand on the wire: one block of octets, which a well-formed list determines uniquely.
class Options {
public:
    /// The most octets a value can have: what a length of 14 and two octets can say.
    static constexpr std::size_t value_octets_max = 65535 + 269;

    /// Walks the options in order. What it yields borrows from the list.
    class Iterator {
    public:
        using value_type = Option;
        using difference_type = std::ptrdiff_t;

        Iterator() noexcept = default;
        [[nodiscard]] Option operator*() const noexcept { return {OptionNumber{number_}, value_}; }
        Iterator& operator++() noexcept;
        Iterator operator++(int) noexcept {
            Iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const Iterator& a, const Iterator& b) noexcept {
            return a.at_ == b.at_;
        }

    private:
        friend class Options;
        Iterator(const std::byte* at, const std::byte* end) noexcept;
        void decode() noexcept;

        const std::byte* at_ = nullptr;  // the option's first octet
        const std::byte* end_ = nullptr;
        Bytes value_;
        std::uint16_t number_ = 0;
    };

    /// Stops before a payload marker, or at the end.
    static Result<Options> parse(ByteReader& in);
    [[nodiscard]] std::size_t wire_size() const noexcept { return encoded_.size(); }
    void emit(ByteWriter& out) const { out.put(encoded_); }

    [[nodiscard]] Iterator begin() const noexcept;
    [[nodiscard]] Iterator end() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return encoded_.empty(); }

    // Adding keeps the order; setting replaces every option of that number.
    void add(OptionNumber number, Bytes value);
    void add_text(OptionNumber number, std::string_view text) { add(number, as_octets(text)); }
    void add_uint(OptionNumber number, std::uint32_t value);
    void set(OptionNumber number, Bytes value);
    void set_uint(OptionNumber number, std::uint32_t value);
    /// How many went.
    std::size_t remove(OptionNumber number);
    void clear() noexcept;

    // The first option of that number.
    [[nodiscard]] bool has(OptionNumber number) const noexcept;
    [[nodiscard]] std::optional<Bytes> find(OptionNumber number) const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> uint(OptionNumber number) const noexcept;
    [[nodiscard]] std::optional<std::string_view> text(OptionNumber number) const noexcept;

    /// "/sensors/temp", or "/" where there is no Uri-Path. Slashes inside a segment are not told
    /// apart.
    [[nodiscard]] std::string path() const;
    /// Whether the Uri-Path options say `path`; its leading slash may be missing.
    [[nodiscard]] bool path_is(std::string_view path) const noexcept;
    /// One Uri-Path for each segment of "/sensors/temp"; nothing is percent-decoded.
    void add_path(std::string_view path);

    friend bool operator==(const Options& a, const Options& b) noexcept {
        return a.encoded_ == b.encoded_;
    }

private:
    void append(std::uint16_t number, Bytes value);

    Octets encoded_;
    std::uint16_t last_ = 0;  // the highest number in the list
};

static_assert(Repr<Options>);
static_assert(std::forward_iterator<Options::Iterator>);

/// The first option that a recipient may not pass over: unrecognised, of a wrong length or repeated
/// where it must not be [RFC 7252 §5.4.1, §5.4.3, §5.4.5], and critical. Who forwards messages
/// refuses the unsafe ones instead [RFC 7252 §5.7.1]. Q-Block1 and Q-Block2 are recognised by who
/// deals with them, `qblock` [RFC 9177 §4.1].
[[nodiscard]] std::optional<OptionNumber> first_unacceptable(const Options& options,
                                                             bool forwarding,
                                                             bool qblock = false) noexcept;

}  // namespace causeway::coap
