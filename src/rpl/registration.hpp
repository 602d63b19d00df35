#pragma once
// When a node tells the root of its parents, and what: the sending half of DAOs in non-storing
// mode. [RFC 6550 §9.2.1, §9.3, §9.5, §9.7] The router sends what this composes.
#include "base/timers.hpp"
#include "rpl/dodag.hpp"

namespace causeway::rpl {

/// DEFAULT_DAO_DELAY: a DAO waits about this long for more news. [RFC 6550 §17]
inline constexpr Duration dao_delay = std::chrono::seconds(4);
/// News about backup parents is not urgent.
inline constexpr Duration dao_delay_lazy = std::chrono::seconds(30);
/// Without a DAO-ACK, again after this long, then after twice as long, and so on.
inline constexpr Duration dao_retry_first = std::chrono::seconds(15);
inline constexpr unsigned dao_retry_doublings_max = 4;
inline constexpr unsigned dao_retries_max = 8;
/// Then, or when the root has refused, there is silence for this long.
inline constexpr Duration dao_pause = std::chrono::minutes(2);

class Registration {
public:
    explicit Registration(Random random) noexcept : random_(random) {}

    /// Something to tell: a DAO goes out after `around`, give or take half of it. Earlier requests
    /// stay as they are. [RFC 6550 §9.5, rule 2]
    void request(Instant now, Duration around);
    /// No parent, nothing to tell.
    void cancel() noexcept;

    /// Whether a DAO is due; asking takes note of it.
    [[nodiscard]] bool due(Instant now);
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
    void arm_refresh(Instant now, const Settings& settings);

    Random random_;
    Timers<Timer> timers_;
    Sequence sequence_;       // DAOSequence
    Sequence path_sequence_;  // of this node's own address
    unsigned retries_ = 0;
    bool fresh_ = true;  // the next DAO says something new
    bool accepted_ = false;
    bool gave_up_ = false;
};

}  // namespace causeway::rpl
