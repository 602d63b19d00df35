#pragma once
// What is known of the links to the neighbours: the expected transmission count, and how well they
// are heard. RPL's objective functions read it. [RFC 6551 §4.3.2, RFC 6719 §3.1]
//
// ETX is kept as its use in RPL wants it: times 128. How samples are made is ours to choose:
//   - A delivered frame is a sample of `attempts`.
//   - A frame given up without acknowledgement is a sample of `etx_no_ack`: more than it took, for
//     all that is known is that so many were not enough.
//   - A frame given up on a busy channel says something only if it was on the air: attempts + 1.
//   - An eighth of the first `samples_young` samples goes in, a sixteenth of later ones: the number
//     of attempts at a frame scatters as widely as its mean, and twice these weights had 1000
//     nodes change parents five times as often, and lose 1 % of the readings for 0.03 %.
//   - Before any sample, a ramp over the received strength: ETX 1 down to -80 dBm, 4 at -95 dBm
//     and below. Within 15 dB of the sensitivity of common 2.4 GHz radios the loss starts; and 4 is
//     what RFC 6719 still accepts (MAX_LINK_METRIC, §5). Never heard either: 2.
#include "link/ieee802154/service.hpp"

#include "base/tap.hpp"
#include "base/time.hpp"

#include <optional>
#include <span>
#include <vector>

namespace causeway::link::ieee802154 {

inline constexpr std::uint16_t etx_divisor = 128;

struct LinkStatistics {
    Address neighbour = {};
    std::uint16_t etx = 0;  // times 128
    std::int8_t rssi_dbm = 0;
    std::uint8_t lqi = 0;
    std::uint32_t samples = 0;   // transmissions that `etx` was learned from; 0: it is a guess
    Instant last_sent = never;   // never: not yet
    Instant last_heard = never;  // never: not yet
    bool pinned = false;

    /// Learned from enough transmissions, the last of them not long ago.
    [[nodiscard]] bool fresh(Instant now) const noexcept;
};

struct NeighbourStats {
    std::uint64_t admitted = 0;
    std::uint64_t evicted = 0;
    std::uint64_t refused = 0;  // table full of neighbours that are worth more
    std::uint64_t present = 0;  // now

    void visit(auto&& named) const {
        named("admitted", admitted);
        named("evicted", evicted);
        named("refused", refused);
        named("present", present);
    }
    [[nodiscard]] bool balanced() const noexcept { return admitted == evicted + present; }
};

static_assert(Stats<NeighbourStats>);

class Neighbours {
public:
    static constexpr std::uint16_t etx_no_ack = 10 * etx_divisor;
    static constexpr std::uint16_t etx_unheard = 2 * etx_divisor;
    static constexpr std::uint16_t etx_weak = 4 * etx_divisor;
    static constexpr int rssi_strong_dbm = -80;
    static constexpr int rssi_weak_dbm = -95;
    static constexpr std::uint32_t samples_young = 8;
    static constexpr std::uint32_t samples_fresh = 4;
    static constexpr Duration fresh_for = std::chrono::minutes(10);

    explicit Neighbours(std::size_t neighbours_max) noexcept : neighbours_max_(neighbours_max) {}

    /// The end of an acknowledged transmission. Broadcasts, and frames that never came to their
    /// turn, say nothing about a link and are passed over.
    void sent(Instant now, Address neighbour, SendOutcome outcome, unsigned attempts);
    void heard(Instant now, Address neighbour, std::int8_t rssi_dbm, std::uint8_t lqi);

    [[nodiscard]] std::optional<LinkStatistics> find(Address neighbour) const;
    /// ETX times 128; `etx_unheard` for a stranger.
    [[nodiscard]] std::uint16_t etx(Address neighbour) const noexcept;

    /// A pinned neighbour is never evicted. False for one that is not in the table.
    bool pin(Address neighbour, bool pinned = true) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return links_.size(); }
    /// In the order of the addresses.
    [[nodiscard]] std::vector<LinkStatistics> all() const;
    [[nodiscard]] const NeighbourStats& stats() const noexcept { return stats_; }

    /// The guess before the first transmission. Times 128.
    [[nodiscard]] static std::uint16_t etx_guess(int rssi_dbm) noexcept;

private:
    // Averages keep fractions that their readers do not see, or small steps would be lost.
    struct Link {
        Address neighbour = {};
        Instant last_sent = never;
        Instant last_heard = never;
        std::uint32_t etx_256 = 0;  // ETX times 128, times 256
        std::int16_t rssi_256 = 0;
        std::uint16_t lqi_256 = 0;
        std::uint32_t samples = 0;
        bool pinned = false;
    };

    [[nodiscard]] const Link* lookup(const Address& neighbour) const noexcept;
    [[nodiscard]] Link* admit(Instant now, const Address& neighbour, bool we_sent);
    [[nodiscard]] static std::uint16_t etx_of(const Link& link) noexcept;
    [[nodiscard]] static LinkStatistics statistics(const Link& link) noexcept;

    std::size_t neighbours_max_;
    std::vector<Link> links_;  // sorted by address
    NeighbourStats stats_;
};

}  // namespace causeway::link::ieee802154
