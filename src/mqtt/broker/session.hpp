#pragma once
// What a broker keeps of a client beyond its connection [MQTT 5.0 §4.1]: subscriptions, messages
// that wait or are in flight, QoS 2 identifiers that were received, the will.
#include "base/short_text.hpp"
#include "mqtt/broker/ring.hpp"
#include "mqtt/broker/subscribers.hpp"
#include "mqtt/broker/timer_heap.hpp"
#include "mqtt/journal.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace causeway::mqtt {

struct Connection;

using Filter = ShortText<40>;

/// One message for one session.
struct Delivery {
    MessageRef message;  // null: taken away, or only its identifier is left to be released
    MessageKey key{};    // 0: not stored
    std::uint64_t order = 0;
    std::unique_ptr<std::vector<std::uint32_t>> identifiers;
    std::uint32_t octets = 0;  // that it counts for in the queue
    std::uint16_t packet_id = 0;
    Qos qos = Qos::at_most_once;
    StoredDelivery::State state = StoredDelivery::State::queued;
    bool retain : 1 = false;
    bool shared : 1 = false;
    bool burst : 1 = false;   // retained, on a subscribe
    bool sent : 1 = false;    // at least once, so the next time is a duplicate
    bool gated : 1 = false;   // waits for a commit before it leaves
    bool asleep : 1 = false;  // in flight, not yet repeated on this connection
    bool stored = false;

    [[nodiscard]] bool vacant() const noexcept {
        return message == nullptr && state != StoredDelivery::State::released;
    }
};

/// What goes to a client.
struct Outbound {
    Ring<Delivery> queue;   // with gaps
    Ring<Delivery> flight;  // with gaps; in the order in which they were sent
    std::uint32_t queued = 0;
    std::uint32_t queued_qos_0 = 0;
    std::uint32_t queued_bursts = 0;
    std::uint64_t queued_octets = 0;
    std::uint64_t popped = 0;      // places of the queue that are gone
    std::uint64_t qos_0_from = 0;  // no QoS 0 before this place, counted from the first ever
    std::uint32_t in_flight = 0;
    std::uint32_t asleep = 0;  // of those
    std::uint64_t next_order = 1;
    Instant progress_at{};  // since it is congested: it read or acknowledged something
    bool congested = false;
    bool stalled = false;
    bool dropping = false;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> holding;  // connection, generation

    [[nodiscard]] bool idle() const noexcept { return queued == 0 && in_flight == 0; }
};

/// A QoS 2 identifier of a client that is not released yet.
struct Receipt {
    std::uint16_t packet_id;
    bool here;  // received on this connection: it counts against the receive maximum
};

struct PendingWill {
    MessageRef message;
    std::uint32_t delay_seconds = 0;
    std::optional<std::uint32_t> expiry_seconds;  // from when it is published
    Instant due = never;                          // once the client is gone
};

struct Session : Timed {
    SubscriberId id{};
    std::uint32_t generation = 0;
    SessionKey key{};  // 0: not stored
    Connection* connection = nullptr;
    std::unique_ptr<std::vector<Filter>> filters;  // sorted
    std::unique_ptr<Outbound> out;
    std::unique_ptr<std::vector<Receipt>> receipts;  // sorted
    std::unique_ptr<PendingWill> will;
    Instant ends_at = never;  // of an absent one
    std::uint32_t expiry_seconds = 0;
    std::uint32_t target = 0;  // of the publish `stamp`: where its delivery stands
    std::uint64_t stamp = 0;
    std::uint64_t messages_in = 0;
    std::uint64_t messages_out = 0;
    std::uint32_t dropped = 0;
    std::uint16_t last_packet_id = 0;
    ShortText<10> user_name;
    ShortText<24> client_id;

    [[nodiscard]] bool stored() const noexcept { return key != SessionKey{}; }
    [[nodiscard]] std::string_view name() const noexcept { return client_id.view(); }
    Outbound& outbound() {
        if (out == nullptr) out = std::make_unique<Outbound>();
        return *out;
    }
};

}  // namespace causeway::mqtt
