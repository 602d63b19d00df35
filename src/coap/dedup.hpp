#pragma once
// The receiving half of the message layer: which messages came before [RFC 7252 §4.5], and what was
// said to them.
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "coap/peer.hpp"
#include "coap/settings.hpp"

#include <vector>

namespace causeway::coap {

/// Messages received in the last EXCHANGE_LIFETIME, bounded: when full, the oldest is forgotten.
/// Non-confirmable ones could be forgotten sooner (NON_LIFETIME); one lifetime for all is simpler,
/// and "can safely" be used [RFC 7252 §4.8.2].
class Deduplicator {
public:
    struct Entry {
        Peer peer;
        std::uint16_t id = 0;
        Instant expires;
        Octets reply;  // the acknowledgement or reset; empty: none yet, or none at all
    };

    /// nullptr for a message not seen before.
    [[nodiscard]] const Entry* find(Instant now, const Peer& peer, std::uint16_t id) const noexcept;
    /// Whether an entry that still mattered had to go.
    bool remember(Instant now, const Peer& peer, std::uint16_t id, const Settings& settings);
    /// What every further copy of that message is answered with.
    void set_reply(Instant now, const Peer& peer, std::uint16_t id, Bytes reply);
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

private:
    // Digests stand by themselves so that looking for one among thousands touches little memory.
    std::vector<std::uint32_t> digests_;
    std::vector<Entry> entries_;  // a ring once it is full
    std::size_t oldest_ = 0;
};

}  // namespace causeway::coap
