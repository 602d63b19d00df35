#pragma once
// Puts fragments together. [RFC 4944 §5.3]
//
// Pieces may come in any order and more than once. Memory is bounded by count and by octets, and
// taken when a datagram's first piece comes. A full table refuses newcomers, as every datagram in
// it has cost air time already, with one exception: a sender that starts its next datagram has
// most likely given up its last, which makes room.
#include "base/tap.hpp"
#include "lowpan/fragment.hpp"

#include <bitset>

namespace causeway::lowpan {

/// "The reassembly timeout MUST be set to a maximum of 60 seconds". [RFC 4944 §5.3]
inline constexpr Duration reassembly_timeout_max = std::chrono::seconds(60);

struct ReassemblySettings {
    std::size_t datagrams_max = 4;
    std::size_t octets_max = 4096;  // of all datagrams under way, at their full size
    /// A fragment that needs all its retries takes some 0.4 s, a packet of 1280 octets has 14 of
    /// them: what is not complete after 8 s has lost a piece, and only keeps others out.
    Duration timeout = std::chrono::seconds(8);
    bool accept_elided_udp_checksum = true;

    friend bool operator==(const ReassemblySettings&, const ReassemblySettings&) = default;
};

struct ReassemblyStats {
    // Every fragment ends in exactly one of these.
    std::uint64_t fragments_received = 0;
    std::uint64_t fragments_used = 0;
    std::uint64_t fragments_malformed = 0;
    std::uint64_t fragments_duplicate = 0;
    std::uint64_t fragments_refused = 0;       // no room for another datagram
    std::uint64_t fragments_not_expanded = 0;  // compressed headers that cannot be undone

    std::uint64_t first_fragments = 0;  // of those received, whose headers were to be expanded

    // Every datagram begun ends in exactly one of these, or is still pending.
    std::uint64_t datagrams_started = 0;
    std::uint64_t datagrams_reassembled = 0;
    std::uint64_t datagrams_expired = 0;
    std::uint64_t datagrams_overlapped = 0;  // discarded, as pieces contradicted each other
    std::uint64_t datagrams_replaced = 0;    // gave way to their sender's next
    std::uint64_t datagrams_abandoned = 0;   // we left the network
    std::uint64_t datagrams_unfinished = 0;  // complete, but a checksum cannot be restored
    std::uint64_t datagrams_pending = 0;     // now

    [[nodiscard]] std::uint64_t failures() const noexcept {
        return datagrams_expired + datagrams_overlapped + datagrams_replaced + datagrams_abandoned +
               datagrams_unfinished;
    }
    void visit(auto&& named) const {
        named("fragments_received", fragments_received);
        named("fragments_used", fragments_used);
        named("fragments_malformed", fragments_malformed);
        named("fragments_duplicate", fragments_duplicate);
        named("fragments_refused", fragments_refused);
        named("fragments_not_expanded", fragments_not_expanded);
        named("first_fragments", first_fragments);
        named("datagrams_started", datagrams_started);
        named("datagrams_reassembled", datagrams_reassembled);
        named("datagrams_expired", datagrams_expired);
        named("datagrams_overlapped", datagrams_overlapped);
        named("datagrams_replaced", datagrams_replaced);
        named("datagrams_abandoned", datagrams_abandoned);
        named("datagrams_unfinished", datagrams_unfinished);
        named("datagrams_pending", datagrams_pending);
    }
    [[nodiscard]] bool balanced() const noexcept {
        return fragments_received == fragments_used + fragments_malformed + fragments_duplicate +
                                         fragments_refused + fragments_not_expanded &&
               datagrams_started == datagrams_reassembled + failures() + datagrams_pending;
    }
    friend bool operator==(const ReassemblyStats&, const ReassemblyStats&) = default;
};
static_assert(Stats<ReassemblyStats>);

class Reassembly {
public:
    /// Tells `teller`: lowpan.reassembly_failed, with the datagram tag as the value and the packet
    /// as far as it stands there without a gap.
    explicit Reassembly(const ReassemblySettings& settings, Teller teller = {});

    /// A frame's payload that starts with a fragment header, from and to `ends`. The packet, when
    /// that was its last missing piece.
    [[nodiscard]] std::optional<Octets> add(Instant now, const LinkEnds& ends, Bytes fragment,
                                            const Contexts& contexts);
    /// Drops what has waited too long.
    void handle_timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const noexcept { return next_deadline_; }
    /// Drops everything: we have left the network.
    void abandon_all(Instant now);

    [[nodiscard]] const ReassemblyStats& stats() const noexcept { return stats_; }
    [[nodiscard]] std::size_t octets_held() const noexcept { return octets_held_; }

private:
    static constexpr std::size_t units_max = (datagram_octets_max + 7) / 8;
    using Units = std::bitset<units_max>;

    /// A piece's place: units of eight octets, the last one perhaps shorter.
    struct Span {
        std::size_t begin = 0;
        std::size_t end = 0;
    };
    struct Datagram {
        LinkEnds ends;
        std::uint16_t size = 0;
        std::uint16_t tag = 0;
        Instant due = never;
        Octets octets;
        Units filled;
        Units starts;  // where a piece began: tells a duplicate from an overlap
        ElidedChecksum elided;
    };

    Datagram* find(const LinkEnds& ends, const FragmentHeader& header) noexcept;
    Datagram* make_room(Instant now, const LinkEnds& ends, const FragmentHeader& header);
    void restart(Instant now, Datagram& datagram);
    static bool overlaps(const Datagram& datagram, Span span) noexcept;
    static bool is_duplicate(const Datagram& datagram, Span span) noexcept;
    static bool complete(const Datagram& datagram) noexcept;
    void tell_failure(Instant now, const Datagram& datagram) const;
    Octets take_out(Datagram& datagram);
    void find_next_deadline() noexcept;

    ReassemblySettings settings_;
    Teller teller_;
    std::vector<Datagram> datagrams_;  // in the order they began
    std::size_t octets_held_ = 0;
    Instant next_deadline_ = never;
    ReassemblyStats stats_;
};

}  // namespace causeway::lowpan
