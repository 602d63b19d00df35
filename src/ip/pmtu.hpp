#pragma once
// What a host knows about the MTU of its paths, learnt from Packet Too Big messages.
// [RFC 8201 §4, §5.2, §5.3; RFC 4443 §3.2]
// A path is its target: neither flow labels nor routing headers tell paths apart.
#include "base/inplace_vector.hpp"
#include "base/tap.hpp"
#include "base/time.hpp"
#include "ip/icmpv6.hpp"

namespace causeway::ip {

class PathMtu {
public:
    /// Targets remembered. When another comes, the one learnt longest ago goes.
    static constexpr std::size_t paths_max = 16;

    struct Settings {
        std::uint32_t link_mtu = mtu_min;
        /// After this a larger MTU may be tried: never below 5 minutes. [RFC 8201 §5.3]
        Duration age_max = std::chrono::minutes(10);
    };

    struct Stats {
        std::uint64_t heard = 0;
        std::uint64_t learnt = 0;
        std::uint64_t below_minimum = 0;  // less than 1280: discarded
        std::uint64_t no_decrease = 0;    // says nothing smaller than is known
        std::uint64_t not_ours = 0;       // about a packet that did not come from us
        std::uint64_t malformed = 0;
        std::uint64_t evicted = 0;  // forgotten early, for lack of room

        void visit(auto named) const {
            named("heard", heard);
            named("learnt", learnt);
            named("below_minimum", below_minimum);
            named("no_decrease", no_decrease);
            named("not_ours", not_ours);
            named("malformed", malformed);
            named("evicted", evicted);
        }
        [[nodiscard]] bool balanced() const noexcept {
            return heard == learnt + below_minimum + no_decrease + not_ours + malformed;
        }
    };

    explicit PathMtu(Settings settings) noexcept : settings_(settings) {}

    enum class Outcome : std::uint8_t { learnt, below_minimum, no_decrease, not_ours, malformed };

    /// A Packet Too Big came about a packet to `target`, saying `mtu`.
    Outcome learn(Instant now, const Address& target, std::uint32_t mtu);
    /// The same, read from the message: the packet in it has to come from `own`.
    Outcome learn(Instant now, const Icmpv6View& too_big, const Address& own);

    /// The largest packet for `target`: the link's MTU unless something smaller was learnt of late.
    [[nodiscard]] std::uint32_t mtu(Instant now, const Address& target) const noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return paths_.size(); }
    [[nodiscard]] const Stats& stats() const noexcept { return stats_; }

private:
    struct Path {
        Address target;
        std::uint32_t mtu = 0;
        Instant learnt{};

        friend bool operator==(const Path&, const Path&) = default;
    };
    Outcome judge(Instant now, const Address& target, std::uint32_t mtu);
    [[nodiscard]] bool is_fresh(const Path& path, Instant now) const noexcept {
        return now < after(path.learnt, settings_.age_max);
    }

    Settings settings_;
    InplaceVector<Path, paths_max> paths_;  // in the order learnt
    Stats stats_;
};

static_assert(Stats<PathMtu::Stats>);

}  // namespace causeway::ip
