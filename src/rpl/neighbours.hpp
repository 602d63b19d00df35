#pragma once
// The candidate neighbour set: routers on the link that were heard in this node's DODAG, and what
// is known of them and of the links to them. [RFC 6550 §8.2.1] Bounded by Settings::neighbours_max.
#include "base/time.hpp"
#include "ip/address.hpp"
#include "rpl/objective.hpp"
#include "rpl/sequence.hpp"

#include <span>
#include <vector>

namespace causeway::rpl {

struct Neighbour {
    ip::Address link_local;
    ip::Address global;       // as a transit in DAOs; unspecified until known
    Instant heard;            // its last DIO
    Instant probed;           // the last DIO we sent it to learn about the link
    Instant measured{never};  // the last estimate from enough transmissions; never: none yet
    Instant shunned_until;    // after its link failed
    Way way;
    Sequence version;
    Sequence dtsn;
    std::uint8_t failures = 0;  // of the link, in a row
    bool estimated = false;     // `way.etx_128` comes from transmissions, not from signal strength
    std::uint8_t place = 0;     // in the parent set: 1 is preferred; 0: not a parent

    [[nodiscard]] bool shunned(Instant now) const noexcept { return now < shunned_until; }
};

class Neighbours {
public:
    explicit Neighbours(std::size_t limit) noexcept : limit_(limit) {}

    [[nodiscard]] Neighbour* find(const ip::Address& link_local) noexcept {
        for (Neighbour& neighbour : all_)
            if (neighbour.link_local == link_local) return &neighbour;
        return nullptr;
    }
    [[nodiscard]] bool full() const noexcept { return all_.size() >= limit_; }
    /// Only while not full().
    Neighbour& insert(const ip::Address& link_local) {
        Neighbour& fresh = all_.emplace_back();
        fresh.link_local = link_local;
        return fresh;
    }
    /// Makes `old`'s place that of `link_local`.
    static Neighbour& replace(Neighbour& old, const ip::Address& link_local) noexcept {
        old = Neighbour{};
        old.link_local = link_local;
        return old;
    }
    void clear() noexcept { all_.clear(); }

    [[nodiscard]] std::span<Neighbour> all() noexcept { return all_; }
    [[nodiscard]] std::span<const Neighbour> all() const noexcept { return all_; }
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }

private:
    std::vector<Neighbour> all_;
    std::size_t limit_;
};

}  // namespace causeway::rpl
