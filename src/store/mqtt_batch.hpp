#pragma once
// Facts of an MQTT broker's journal that wait for a commit, reduced to what they come to: one
// change a record, whatever became of the record in between. What was saved and forgotten before
// any commit leaves nothing.
//
// Whether a record may be kept already is known without asking: a broker's keys and orders grow, so
// what is above the highest seen so far cannot be. A guess is wrong only towards "may be kept", and
// costs one idle deletion then.
//
// One thread only. It knows no storage engine.
#include "mqtt/journal.hpp"

#include <compare>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace causeway::store {

struct DeliveryKey {
    mqtt::SessionKey session{};
    std::uint64_t order = 0;
    friend auto operator<=>(const DeliveryKey&, const DeliveryKey&) = default;
};
struct ReceiptKey {
    mqtt::SessionKey session{};
    std::uint16_t packet_id = 0;
    friend auto operator<=>(const ReceiptKey&, const ReceiptKey&) = default;
};
struct SubscriptionKey {
    mqtt::SessionKey session{};
    std::string filter;
    friend auto operator<=>(const SubscriptionKey&, const SubscriptionKey&) = default;
};

/// What a storage engine does in one transaction: `wiped` first, the rest in any order. Borrowed
/// from the batch; each list is in the order of its keys, which is how trees like to grow.
struct MqttChanges {
    std::vector<mqtt::SessionKey> wiped;  // with all that is of these sessions
    std::vector<const mqtt::StoredSession*> sessions;
    std::vector<const mqtt::StoredSubscription*> subscriptions;
    std::vector<const SubscriptionKey*> subscriptions_gone;
    std::vector<const mqtt::StoredMessage*> messages;
    std::vector<mqtt::MessageKey> messages_gone;
    std::vector<const mqtt::StoredDelivery*> deliveries;
    std::vector<DeliveryKey> deliveries_gone;
    std::vector<ReceiptKey> receipts;
    std::vector<ReceiptKey> receipts_gone;
    std::vector<const mqtt::StoredRetained*> retained;
    std::vector<const std::string*> retained_gone;
    std::uint64_t keys_used = 0;  // no key that was ever named is above it
    std::size_t records = 0;      // that change

    void clear();
};

class MqttBatch {
public:
    /// What is kept already. Without it everything may be.
    void recovered(const mqtt::Recovered& kept);

    void apply(mqtt::JournalFact&& fact);
    [[nodiscard]] const MqttChanges& changes();
    /// The last changes() are kept for good: the batch is empty again.
    void committed();

    [[nodiscard]] bool empty() const noexcept { return pending() == 0; }
    [[nodiscard]] std::size_t pending() const noexcept;  // records
    /// Held in memory, payloads included; an estimate.
    [[nodiscard]] std::size_t octets() const noexcept { return octets_; }
    /// Facts that no commit will see: superseded, cancelled, or about nothing.
    [[nodiscard]] std::uint64_t superseded() const noexcept { return superseded_; }

    /// What a fact holds in memory; an estimate.
    [[nodiscard]] static std::size_t octets_of(const mqtt::JournalFact& fact) noexcept;

private:
    struct Hash {
        std::size_t operator()(const DeliveryKey& key) const noexcept;
        std::size_t operator()(const ReceiptKey& key) const noexcept;
        std::size_t operator()(mqtt::MessageKey key) const noexcept;
    };
    /// A record's newest value, or nothing when it is to go.
    template <class Value>
    struct Pending {
        std::optional<Value> value;
        bool maybe_kept = true;
        std::uint64_t wipes_before = 0;
        std::size_t octets = 0;
    };
    struct Saved {};  // a receipt is its key and nothing else
    struct PendingSession : Pending<mqtt::StoredSession> {
        std::uint64_t wipe = 0;  // number of its last wipe; 0: none
    };

    template <class Table, class Key, class Value>
    void save(Table& table, const Key& key, Value&& value, bool maybe_kept, std::size_t octets);
    template <class Table, class Key>
    void forget(Table& table, const Key& key, bool maybe_kept);
    [[nodiscard]] bool wiped(mqtt::SessionKey session, std::uint64_t wipes_before) const;
    void used(std::uint64_t key);

    bool session_may_be_kept(mqtt::SessionKey key);
    bool message_may_be_kept(mqtt::MessageKey key);
    bool delivery_may_be_kept(const DeliveryKey& key);
    [[nodiscard]] bool receipt_may_be_kept(const ReceiptKey& key) const;

    void take(mqtt::journal::SaveSession&& fact);
    void take(mqtt::journal::ForgetSession&& fact);
    void take(mqtt::journal::SaveSubscription&& fact);
    void take(mqtt::journal::ForgetSubscription&& fact);
    void take(mqtt::journal::SaveMessage&& fact);
    void take(mqtt::journal::ForgetMessage&& fact);
    void take(mqtt::journal::SaveDelivery&& fact);
    void take(mqtt::journal::ForgetDelivery&& fact);
    void take(mqtt::journal::SaveReceipt&& fact);
    void take(mqtt::journal::ForgetReceipt&& fact);
    void take(mqtt::journal::SaveRetained&& fact);
    void take(mqtt::journal::ForgetRetained&& fact);

    // Texts come from clients: trees, because nobody can craft their way into a slow one.
    std::map<mqtt::SessionKey, PendingSession> sessions_;
    std::map<SubscriptionKey, Pending<mqtt::StoredSubscription>> subscriptions_;
    std::map<std::string, Pending<mqtt::StoredRetained>> retained_;
    std::unordered_map<mqtt::MessageKey, Pending<mqtt::StoredMessage>, Hash> messages_;
    std::unordered_map<DeliveryKey, Pending<mqtt::StoredDelivery>, Hash> deliveries_;
    std::unordered_map<ReceiptKey, Pending<Saved>, Hash> receipts_;

    bool known_ = false;  // the marks below are whole
    std::uint64_t session_mark_ = 0;
    std::uint64_t message_mark_ = 0;
    std::unordered_map<mqtt::SessionKey, std::uint64_t> order_marks_;
    std::unordered_set<ReceiptKey, Hash> receipts_kept_;  // at least those that are

    MqttChanges changes_;
    std::uint64_t wipes_ = 0;
    std::uint64_t keys_used_ = 0;
    std::uint64_t superseded_ = 0;
    std::size_t octets_ = 0;
};

}  // namespace causeway::store
