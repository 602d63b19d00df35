#pragma once
// What a broker must not forget, as facts: it journals them in order, and answers its clients only
// after the host has said that they are safe. The store keeps the newest of each key; a fact and
// its undoing that meet before a commit cancel each other.
#include "mqtt/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace causeway::mqtt {

/// A broker's number for a stored session; never given twice, not even after a restart.
enum class SessionKey : std::uint64_t {};
/// Of the Unix epoch; `forever` never comes.
enum class UnixMillis : std::int64_t { forever = INT64_MAX };

struct StoredWill {
    MessageRef message;
    UnixMillis publish_at;  // the delay is over then
    friend bool operator==(const StoredWill&, const StoredWill&) = default;
};

struct StoredSession {
    SessionKey key;
    std::string client_id;
    std::string user_name;
    UnixMillis ends_at;  // `forever` while connected, or when it does not expire
    std::uint32_t expiry_seconds = 0;
    std::optional<StoredWill> will;  // of a client that is connected, or whose will is delayed
    friend bool operator==(const StoredSession&, const StoredSession&) = default;
};
struct StoredSubscription {
    SessionKey session;
    std::string filter;  // as the client wrote it, `$share/` included
    SubscriptionOptions options;
    std::uint32_t identifier = 0;  // 0: none
};

struct StoredMessage {
    MessageKey key;
    MessageRef message;
    UnixMillis expires_at;
};

/// One message that waits for one session, or is in flight to it. `order` grows along the queue.
struct StoredDelivery {
    enum class State : std::uint8_t { queued, published, released };  // released: PUBREL was sent
    SessionKey session;
    std::uint64_t order;
    MessageKey message;
    State state = State::queued;
    std::uint16_t packet_id = 0;   // 0 while queued
    Qos qos = Qos::at_least_once;  // of this delivery
    bool retain = false;
    std::vector<std::uint32_t> subscription_identifiers;
};

/// A QoS 2 packet identifier that was received and not yet released.
struct StoredReceipt {
    SessionKey session;
    std::uint16_t packet_id;
};

struct StoredRetained {
    std::string topic;
    MessageKey message;
};

namespace journal {
struct SaveSession {
    StoredSession session;
};
struct ForgetSession {
    SessionKey key;
};  // with all its subscriptions, deliveries and receipts
struct SaveSubscription {
    StoredSubscription subscription;
};
struct ForgetSubscription {
    SessionKey session;
    std::string filter;
};
struct SaveMessage {
    StoredMessage message;
};  // before the first fact that names it
struct ForgetMessage {
    MessageKey key;
};  // after the last
struct SaveDelivery {
    StoredDelivery delivery;
};
struct ForgetDelivery {
    SessionKey session;
    std::uint64_t order;
};
struct SaveReceipt {
    StoredReceipt receipt;
};
struct ForgetReceipt {
    StoredReceipt receipt;
};
struct SaveRetained {
    StoredRetained retained;
};  // replaces that of the topic
struct ForgetRetained {
    std::string topic;
};
}  // namespace journal

using JournalFact =
    std::variant<journal::SaveSession, journal::ForgetSession, journal::SaveSubscription,
                 journal::ForgetSubscription, journal::SaveMessage, journal::ForgetMessage,
                 journal::SaveDelivery, journal::ForgetDelivery, journal::SaveReceipt,
                 journal::ForgetReceipt, journal::SaveRetained, journal::ForgetRetained>;

/// Everything that was safe when the last run ended. Deliveries are in their order, session by
/// session; messages that nothing names may be among `messages`.
struct Recovered {
    std::vector<StoredSession> sessions;
    std::vector<StoredSubscription> subscriptions;
    std::vector<StoredMessage> messages;
    std::vector<StoredDelivery> deliveries;
    std::vector<StoredReceipt> receipts;
    std::vector<StoredRetained> retained;
    std::uint64_t keys_used = 0;  // no session or message key is above it
};

}  // namespace causeway::mqtt
