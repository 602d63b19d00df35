#pragma once
// The sending half of the message layer: Message IDs [RFC 7252 §4.4] and the retransmission of
// confirmable messages [RFC 7252 §4.2].
#include "base/bytes.hpp"
#include "base/deadlines.hpp"
#include "base/random.hpp"
#include "coap/by_peer.hpp"
#include "coap/settings.hpp"

#include <optional>
#include <vector>

namespace causeway::coap {

/// Message IDs in sequence for each peer, from a random start; none comes twice to the same peer
/// within EXCHANGE_LIFETIME.
class MessageIds {
public:
    /// nullopt when this peer has used up all 65536 of them.
    [[nodiscard]] std::optional<std::uint16_t> next(const PeerHash& hash, Instant now,
                                                    const Peer& peer, const Settings& settings,
                                                    Random& random);
    /// Peers forgotten, since asked last, before their ids could be used again.
    [[nodiscard]] std::uint64_t take_evicted() noexcept { return std::exchange(evicted_, 0); }
    void closed(const PeerHash& hash, const ChannelClosed& gone);

private:
    struct Line {
        Peer peer{};
        std::uint16_t next = 0;
        std::uint32_t used = 0;         // since `since`
        std::uint32_t used_before = 0;  // in the period before that
        std::uint64_t hash = 0;
        Instant since{};
        Instant last{};
    };
    struct Table {
        Pool<Line> lines;
        FlatIndex index;
        Recency order;
    };
    Line& line_of(const PeerHash& hash, Instant now, const Peer& peer, const Settings& settings,
                  Random& random);
    void drop(std::uint32_t at);

    std::unique_ptr<Table> table_;
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
    Instant started{};
    Duration timeout{};
    unsigned attempts = 0;  // retransmissions so far
};

struct Unacknowledged {
    Peer peer{};
    std::uint16_t id = 0;
    Owner owner{};
    Effort effort{};
    Instant due{};
    Octets datagram{};
};

/// Confirmable messages on their way.
class Retransmissions {
public:
    explicit Retransmissions(PeerHash hash) noexcept : hash_(hash) {}

    [[nodiscard]] std::size_t size() const noexcept { return table_ ? table_->pending.size() : 0; }
    [[nodiscard]] Instant next() const noexcept { return table_ ? table_->due.next() : never; }

    /// Starts the clock of a message that is sent now.
    void start(Instant now, Unacknowledged message, const Settings& settings, Random& random);
    /// Goes on with the effort of a message that this one replaces.
    void resume(Instant now, Unacknowledged message, const Effort& effort);

    [[nodiscard]] const Unacknowledged* find(const Peer& peer, std::uint16_t id) const;
    /// It was acknowledged or reset.
    std::optional<Unacknowledged> take(const Peer& peer, std::uint16_t id);
    /// Its owner, a request or a notification, needs it no more.
    void drop(const Owner& owner);
    /// Those that a channel was to carry.
    void closed(const ChannelClosed& gone);

    /// One whose timeout came, taken out; the caller puts it back with again(), or gives it up.
    std::optional<Unacknowledged> take_due(Instant now);
    /// Whether another transmission is allowed. [RFC 7252 §4.2]
    [[nodiscard]] static bool may_repeat(Instant now, const Unacknowledged& message,
                                         const Settings& settings) noexcept;
    /// It was sent once more: counts, doubles the timeout, waits.
    void again(Instant now, Unacknowledged message, const Settings& settings);

private:
    struct Table {
        Pool<Unacknowledged> pending;
        FlatIndex by_message;
        FlatIndex by_owner;
        Deadlines due;
    };
    [[nodiscard]] std::uint64_t key_of(const Peer& peer, std::uint16_t id) const noexcept {
        return hash_.joined(hash_(peer), id);
    }
    [[nodiscard]] std::uint64_t key_of(const Owner& owner) const noexcept {
        return hash_.joined(std::to_underlying(owner.kind), owner.key);
    }
    [[nodiscard]] std::uint32_t locate(const Peer& peer, std::uint16_t id) const;
    void insert(Unacknowledged message);
    Unacknowledged remove(std::uint32_t at);

    PeerHash hash_;
    std::unique_ptr<Table> table_;
};

}  // namespace causeway::coap
