#pragma once
// Makes packets of a port's octets, so that a message of the serial protocol leaves in one piece: a
// packet ends when it is so long, when nothing came for so long, or behind a mark. Without any of
// these rules, whatever came leaves at once.
#include "base/bytes.hpp"
#include "base/inplace_bytes.hpp"
#include "base/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace causeway::scada::tunnel {

struct PacketRules {
    static constexpr std::size_t mark_octets_max = 4;
    static constexpr std::size_t packet_octets_limit = 64 << 10;

    std::size_t octets_max = 0;          // zero: no rule
    Duration idle{};                     // zero: no rule
    InplaceBytes<mark_octets_max> mark;  // all of these in a row; empty: no rule
    std::uint8_t octets_after_mark = 0;  // that belong to the packet: a checksum
    bool mark_sent = true;               // else it is taken away
    /// Whatever the rules wait for, no octet waits longer.
    Duration wait_max = std::chrono::seconds(1);

    [[nodiscard]] bool none() const noexcept {
        return octets_max == 0 && idle == Duration{} && mark.size() == 0;
    }
};

class Packetiser {
public:
    struct Stats {
        std::uint64_t by_length = 0;
        std::uint64_t by_idle = 0;
        std::uint64_t by_mark = 0;
        std::uint64_t by_wait = 0;
        std::uint64_t at_once = 0;  // without rules
        std::uint64_t octets_in = 0;
        std::uint64_t octets_out = 0;
        std::uint64_t marks_octets = 0;  // taken away
        std::uint64_t octets_waiting = 0;

        template <class Named>
        void visit(Named&& named) const {
            named("by_length", by_length);
            named("by_idle", by_idle);
            named("by_mark", by_mark);
            named("by_wait", by_wait);
            named("at_once", at_once);
            named("octets_in", octets_in);
            named("octets_out", octets_out);
            named("marks_octets", marks_octets);
            named("octets_waiting", octets_waiting);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return octets_in == octets_out + marks_octets + octets_waiting;
        }
    };

    explicit Packetiser(const PacketRules& rules);

    /// What became complete, in order.
    [[nodiscard]] std::vector<Octets> put(Instant now, Bytes octets);
    /// What is complete because of the time; at most one.
    [[nodiscard]] std::vector<Octets> handle_timeout(Instant now);
    [[nodiscard]] Instant next_deadline() const noexcept;
    /// What waits is forgotten; how much that was.
    std::size_t clear() noexcept;
    [[nodiscard]] std::size_t waiting() const noexcept { return open_.size(); }
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    [[nodiscard]] bool ends_in_mark() const noexcept;
    void close(std::vector<Octets>& made, std::uint64_t& why);

    PacketRules rules_;
    Octets open_;
    std::size_t after_mark_ = 0;  // octets that are still to come behind a mark
    bool marked_ = false;
    Instant first_at_{};
    Instant last_at_{};
    Stats stats_;
};

}  // namespace causeway::scada::tunnel
