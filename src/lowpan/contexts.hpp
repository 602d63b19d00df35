#pragma once
// The contexts that a mesh shares, so that an address in a frame need not repeat its prefix.
// [RFC 6282 §3.1.2; RFC 6775 §5.4.3] How nodes learn them is the business of others.
#include "base/time.hpp"
#include "ip/address.hpp"

#include <optional>
#include <vector>

namespace causeway::lowpan {

/// An address as two numbers: what comparing and merging prefixes wants.
struct AddressBits {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    static AddressBits load(const std::byte* sixteen) noexcept {
        AddressBits bits;
        std::memcpy(&bits.high, sixteen, 8);
        std::memcpy(&bits.low, sixteen + 8, 8);
        if constexpr (std::endian::native == std::endian::little)
            bits = {std::byteswap(bits.high), std::byteswap(bits.low)};
        return bits;
    }
    void store(std::byte* sixteen) const noexcept {
        AddressBits bits = *this;
        if constexpr (std::endian::native == std::endian::little)
            bits = {std::byteswap(high), std::byteswap(low)};
        std::memcpy(sixteen, &bits.high, 8);
        std::memcpy(sixteen + 8, &bits.low, 8);
    }
    friend bool operator==(const AddressBits&, const AddressBits&) = default;
};

struct Context {
    ip::Prefix prefix;
    /// May be used to compress; what comes in is expanded either way. The C flag. [RFC 6775 §4.2]
    bool compression_allowed = true;
    /// Until then it stands as it is; then it turns receive-only.
    Instant valid_until = never;

    friend bool operator==(const Context&, const Context&) = default;
};

/// At most sixteen contexts. A table with few of them is small: memory is taken as they come.
class Contexts {
public:
    static constexpr std::uint8_t contexts_max = 16;
    /// Twice the default router lifetime [RFC 6775 §5.4.3], which is 1,800 s [RFC 4861 §6.2.1].
    static constexpr Duration receive_only_hold = std::chrono::seconds(2 * 1800);

    /// Replaces what `id` stood for. False, and nothing changes, for an id above 15 or a prefix
    /// longer than 128 bits; bits past the prefix's length are cleared.
    bool set(std::uint8_t id, const Context& context);
    void remove(std::uint8_t id) noexcept;

    [[nodiscard]] std::optional<Context> find(std::uint8_t id) const noexcept;
    /// The longest prefix that covers `address` and may be used to compress; the lowest id of
    /// equals.
    [[nodiscard]] std::optional<std::uint8_t> best_match(const ip::Address& address) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    /// Contexts whose time is up turn receive-only, and go away receive_only_hold later.
    void handle_timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const noexcept { return next_deadline_; }

    // ---- for the compressor ----

    struct Entry {
        AddressBits prefix;
        AddressBits mask;
        Instant valid_until;
        Instant remove_at;
        std::uint8_t id;
        std::uint8_t length;
        bool compression_allowed;

        [[nodiscard]] bool covers(const AddressBits& address) const noexcept {
            return ((address.high ^ prefix.high) & mask.high) == 0 &&
                   ((address.low ^ prefix.low) & mask.low) == 0;
        }
        /// "Bits covered by context information are always used. Any IID bits not covered by
        /// context information are taken" from `iid`. "Any remaining bits are zero."
        /// [RFC 6282 §3.1.1]
        [[nodiscard]] AddressBits with(std::uint64_t iid) const noexcept {
            return {prefix.high, prefix.low | (iid & ~mask.low)};
        }
    };
    [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
    [[nodiscard]] const Entry* entry(std::uint8_t id) const noexcept {
        for (const Entry& e : entries_)
            if (e.id == id) return &e;
        return nullptr;
    }

private:
    void find_next_deadline() noexcept;

    std::vector<Entry> entries_;  // by id, ascending
    Instant next_deadline_ = never;
};

}  // namespace causeway::lowpan
