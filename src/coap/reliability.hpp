#pragma once
// The sending half of the message layer: Message IDs [RFC 7252 §4.4] and the retransmission of
// confirmable messages [RFC 7252 §4.2].
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "coap/peer.hpp"
#include "coap/settings.hpp"

#include <optional>
#include <vector>

namespace causeway::coap {

/// Message IDs in sequence for each peer, from a random start; none comes twice to the same peer
/// within EXCHANGE_LIFETIME.
class MessageIds {
public:
    /// nullopt when this peer has used up all 65536 of them.
    [[nodiscard]] std::optional<std::uint16_t> next(Instant now, const Peer& peer,
                                                    const Settings& settings, Random& random);
    /// Peers forgotten, since asked last, before their ids could be used again.
    [[nodiscard]] std::uint64_t take_evicted() noexcept { return std::exchange(evicted_, 0); }

private:
    struct Line {
        Peer peer;
        std::uint16_t next;
        std::uint32_t used;         // since `since`
        std::uint32_t used_before;  // in the period before that
        Instant since;
        Instant last;
    };
    Line& line_of(Instant now, const Peer& peer, const Settings& settings, Random& random);

    std::vector<Line> lines_;  // by peer
    std::uint64_t evicted_ = 0;
};

/// What a confirmable message was for.
struct Owner {
    enum class Kind : std::uint8_t { request, response, notification };
    Kind kind = Kind::response;
    std::uint64_t key = 0;

    friend bool operator==(const Owner&, const Owner&) = default;
};

/// How far the retransmission of a message got; a message that supersedes it goes on from there.
struct Effort {
    Instant started;
    Duration timeout{};
    unsigned attempts = 0;  // retransmissions so far
};

struct Unacknowledged {
    Peer peer;
    std::uint16_t id = 0;
    Owner owner;
    Effort effort;
    Instant due;
    Octets datagram;
};

/// Confirmable messages on their way.
class Retransmissions {
public:
    [[nodiscard]] std::size_t size() const noexcept { return pending_.size(); }
    [[nodiscard]] Instant next() const noexcept { return next_; }

    /// Starts the clock of a message that is sent now.
    void start(Instant now, Unacknowledged message, const Settings& settings, Random& random);
    /// Goes on with the effort of a message that this one replaces.
    void resume(Instant now, Unacknowledged message, const Effort& effort);

    [[nodiscard]] const Unacknowledged* find(const Peer& peer, std::uint16_t id) const noexcept;
    /// It was acknowledged or reset.
    std::optional<Unacknowledged> take(const Peer& peer, std::uint16_t id);
    /// Its owner needs it no more.
    void drop(const Owner& owner);

    /// One whose timeout came, taken out; the caller puts it back with again(), or gives it up.
    std::optional<Unacknowledged> take_due(Instant now);
    /// Whether another transmission is allowed. [RFC 7252 §4.2]
    [[nodiscard]] static bool may_repeat(Instant now, const Unacknowledged& message,
                                         const Settings& settings) noexcept;
    /// It was sent once more: counts, doubles the timeout, waits.
    void again(Instant now, Unacknowledged message, const Settings& settings);

private:
    void insert(Unacknowledged message);
    Unacknowledged remove_at(std::size_t at);

    std::vector<Unacknowledged> pending_;
    Instant next_ = never;
};

}  // namespace causeway::coap
