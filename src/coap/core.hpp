#pragma once
// What the two roles of an endpoint share: settings, chance, counters, the message layer, the way
// out.
#include "base/outbox.hpp"
#include "coap/channels.hpp"
#include "coap/dedup.hpp"
#include "coap/events.hpp"
#include "coap/freshness.hpp"
#include "coap/protection.hpp"
#include "coap/qblock_table.hpp"
#include "coap/reliability.hpp"
#include "coap/stats.hpp"

#include <algorithm>
#include <array>

namespace causeway::coap {

struct Core {
    Core(const Settings& told, Random chance, Teller to, Protection* security)
        : settings(told),
          random(chance),
          hash(chance.fork(0x68617368).next()),
          teller(to),
          protection(security),
          unacknowledged(hash) {
        if (settings.echo_amplification)
            freshness = std::make_unique<Freshness>(random.fork(0x6563686f));
        if (settings.qblock)
            qblock = std::make_unique<QBlockUse>(settings, random.fork(0x71626c6b));
    }

    Settings settings;
    Random random;
    PeerHash hash;
    Teller teller;
    Protection* protection;
    Stats stats{};
    MessageIds ids{};
    Retransmissions unacknowledged;
    Deduplicator seen{};
    Channels channels{};
    std::unique_ptr<Freshness> freshness{};  // where echoes are asked for
    std::unique_ptr<QBlockUse> qblock{};     // where bodies go in Q-Blocks
    Outbox<EndpointOutput> out{};

    void send(const Peer& peer, Octets datagram);

    /// Gives `message` an id and sends it, again and again if it is confirmable and `owner` is told
    /// what becomes of it. nullopt: no id was left for that peer, nothing was sent. Over a reliable
    /// transport it just goes, "as is", and the id is 0. [RFC 8323 §2.2]
    std::optional<std::uint16_t> originate(Instant now, const Peer& peer, Message message,
                                           Owner owner, const std::optional<Effort>& effort = {});

    /// Answers the confirmable message `id`, now and whenever a copy of it arrives.
    void acknowledge(Instant now, const Peer& peer, const Message& reply);

    /// The size exponent that bodies to and from `peer` are cut with. [RFC 7959 §2.2; RFC 8323 §6]
    [[nodiscard]] std::uint8_t szx_for(const Peer& peer) const noexcept;
    /// The most octets of a body that may go in one message, whose rest is `head`, without blocks.
    [[nodiscard]] std::size_t whole_max(const Peer& peer, const Message& head) const noexcept;
    /// The octets of a full block of that exponent, in a message whose rest is `head`.
    [[nodiscard]] std::size_t full_block(const Peer& peer, const Message& head,
                                         std::uint8_t szx) const noexcept;

    /// A token that no request to anybody uses, as `in_use` tells.
    [[nodiscard]] Token fresh_token(auto&& in_use) {
        for (std::size_t tries = 0;; ++tries) {
            const std::uint64_t drawn = random.next();
            // Longer where short ones keep being taken.
            const std::size_t size =
                std::clamp<std::size_t>(settings.token_octets + tries / 4, tries == 0 ? 0 : 1, 8);
            std::array<std::byte, 8> octets{};
            for (std::size_t i = 0; i < size; ++i) octets[i] = std::byte(drawn >> 8 * i & 0xff);
            const Token token(Bytes(octets.data(), size));
            if (!in_use(token)) return token;
        }
    }

private:
    [[nodiscard]] std::size_t unacknowledged_max() const noexcept {
        return std::size_t{settings.transactions_max} + settings.exchanges_max +
               settings.observers_max;
    }
};

/// Names the resource and the representation that blocks of one body share: all options of the
/// request that tell representations apart, none of those that steer the transfer. [RFC 7959 §2.4]
[[nodiscard]] std::uint64_t transfer_key(const PeerHash& hash, Code method,
                                         const Options& options) noexcept;

/// FNV-1a, 32 bits folded from 64: an entity-tag for a body that has none.
[[nodiscard]] std::array<std::byte, 4> entity_tag_of(Bytes body) noexcept;

}  // namespace causeway::coap
