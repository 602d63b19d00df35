#pragma once
// Recognises a frame that its sender repeats because our acknowledgement was lost: same source,
// same sequence number as the frame before, shortly after it. [IEEE 802.15.4-2015 §6.7.4.3]
#include "base/time.hpp"
#include "link/ieee802154/address.hpp"

#include <cstdint>
#include <vector>

namespace causeway::link::ieee802154 {

class Duplicates {
public:
    /// Longer than the gap between two tries of the slowest sender (6 back-offs of BE 8, 490 ms);
    /// no shorter than it takes to come round to the same sequence number at 2.5 ms a frame.
    static constexpr Duration expiry = std::chrono::milliseconds(500);

    explicit Duplicates(std::size_t sources_max) noexcept : sources_max_(sources_max) {}

    /// True where `source` sent `sequence` last time, less than `expiry` ago. Remembers it either
    /// way; when the table is full, the source heard least recently is forgotten for it.
    [[nodiscard]] bool seen_before(Instant now, const Address& source, std::uint8_t sequence);

    [[nodiscard]] std::size_t size() const noexcept { return last_.size(); }

private:
    struct Last {
        Address source;
        Instant at;
        std::uint8_t sequence;
    };

    std::size_t sources_max_;
    std::vector<Last> last_;
};

}  // namespace causeway::link::ieee802154
