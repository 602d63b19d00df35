#pragma once
// When a node tells the root of its parents, and what: the sending half of DAOs in non-storing
// mode. [RFC 6550 §9.2.1, §9.3, §9.5, §9.7] The router sends what this composes.
#include "base/inplace_vector.hpp"
#include "base/timers.hpp"
#include "rpl/dodag.hpp"

#include <algorithm>

namespace causeway::rpl {

/// DelayDAO: a DAO waits about this long for more news; the default. [RFC 6550 §9.5, §17]
inline constexpr Duration dao_delay = std::chrono::seconds(1);
/// The farther from the root, the more nodes share the way there: in a plane as many as the square
/// of the distance in hops. All boot at once, and each registration takes some 70 ms of the air
/// around the root (a DAO and its answer over the last three hops); so each spreads its DAOs over a
/// time of its own that grows alike: in a grid with the root in its corner, seven DAOs a second in
/// all. 1000 nodes that all wait a second take 13 minutes to register for 8, and a tenth of the
/// readings is lost meanwhile.
inline constexpr Duration dao_spread = std::chrono::milliseconds(150);
inline constexpr Duration dao_patience_max = std::chrono::minutes(5);
[[nodiscard]] constexpr Duration dao_patience(unsigned hops) noexcept {
    const std::int64_t crowd = hops > 1 ? std::int64_t{hops} * (hops - 1) : 0;
    return std::min<Duration>(dao_delay + crowd * dao_spread, dao_patience_max);
}
/// News is not urgent as long as the parent that the root sends through is still one of them: links
/// get better and worse, but a way that works goes on working.
inline constexpr Duration dao_delay_lazy = std::chrono::seconds(30);
/// Who has had news of late waits twice as long with more, and so on: while links are still being
/// learned, or congestion makes all of them look bad, DAOs must not feed it.
inline constexpr unsigned dao_hold_doublings_max = 4;
/// Without a DAO-ACK, again after this long and the time that others take before us, then after
/// twice as long, and so on.
inline constexpr Duration dao_retry_first = std::chrono::seconds(4);
inline constexpr Duration dao_retry_max = std::chrono::minutes(2);
inline constexpr unsigned dao_retry_doublings_max = 4;
inline constexpr unsigned dao_retries_max = 8;
/// Then, or when the root has refused, there is silence for this long.
inline constexpr Duration dao_pause = std::chrono::minutes(2);
/// Parents that the root is told of: with a third one a DAO does not fit a frame of 802.15.4, and
/// costs twice the frames for a path that is hardly ever taken.
inline constexpr std::size_t dao_parents_max = 2;

class Registration {
public:
    explicit Registration(Random random) noexcept : random_(random) {}

    /// The parents may be others now: if the root should know, a DAO will be due. It waits for more
    /// news, see above. [RFC 6550 §9.5, rule 2]
    void request(Instant now, const Dodag& dodag);
    /// The root may have lost what it was told: the next request() is one for all of it.
    void forget() noexcept { told_.clear(); }
    /// No parent, nothing to tell.
    void cancel() noexcept;
    /// Nothing can be told yet: to be asked again after `around`, give or take half of it.
    void postpone(Instant now, Duration around);

    /// Whether a DAO is due; asking takes note of it.
    [[nodiscard]] bool due(Instant now, const Dodag& dodag);
    /// The DAO that is due. Its parents are those whose global addresses are known.
    [[nodiscard]] Dao compose(Instant now, const Dodag& dodag, const ip::Address& self);
    /// An answer to the last DAO; false when it is to another.
    bool answered(Instant now, const DaoAck& ack, const Settings& settings);

    [[nodiscard]] Instant next_deadline() const noexcept { return timers_.next(); }
    /// The root has said yes to what it was told last.
    [[nodiscard]] bool accepted() const noexcept { return accepted_; }
    [[nodiscard]] unsigned retries() const noexcept { return retries_; }
    [[nodiscard]] bool has_given_up() const noexcept { return gave_up_; }

private:
    enum class Timer { send, retry, refresh, count };
    using Parents = InplaceVector<ip::Address, dao_parents_max>;  // the preferred one first
    [[nodiscard]] static Parents parents_of(const Dodag& dodag);
    void arm_refresh(Instant now, const Settings& settings);

    Random random_;
    Timers<Timer> timers_;
    Parents told_;            // in the last DAO
    Instant calm_at_;         // until then, more news waits longer
    Sequence sequence_;       // DAOSequence
    Sequence path_sequence_;  // of this node's own address
    unsigned retries_ = 0;
    unsigned hold_doublings_ = 0;
    bool fresh_ = true;  // the next DAO says something new
    bool accepted_ = false;
    bool gave_up_ = false;
};

}  // namespace causeway::rpl
