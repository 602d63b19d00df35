#include "store/mqtt_batch.hpp"

#include <algorithm>
#include <utility>

namespace causeway::store {
namespace {

using mqtt::MessageKey;
using mqtt::SessionKey;

constexpr std::size_t record_octets = 128;  // of a table's node, about

std::size_t octets_in(const mqtt::MessageRef& message) {
    return message ? message->footprint() : 0;
}
std::size_t octets_in(const mqtt::StoredSession& session) {
    return session.client_id.size() + session.user_name.size() +
           (session.will ? octets_in(session.will->message) : 0);
}
std::size_t octets_in(const mqtt::StoredDelivery& delivery) {
    return delivery.subscription_identifiers.size() * sizeof(std::uint32_t);
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept {
    std::uint64_t z = a * 0x9e3779b97f4a7c15u + b;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/// The old mark decides whether `key` may be kept, and then the mark is raised.
bool passes_mark(std::uint64_t& mark, std::uint64_t key) {
    if (key <= mark) return true;
    mark = key;
    return false;
}

}  // namespace

void MqttChanges::clear() {
    wiped.clear();
    sessions.clear();
    subscriptions.clear();
    subscriptions_gone.clear();
    messages.clear();
    messages_gone.clear();
    deliveries.clear();
    deliveries_gone.clear();
    receipts.clear();
    receipts_gone.clear();
    retained.clear();
    retained_gone.clear();
    records = 0;
}

std::size_t MqttBatch::Hash::operator()(const DeliveryKey& key) const noexcept {
    return mixed(std::to_underlying(key.session), key.order);
}
std::size_t MqttBatch::Hash::operator()(const ReceiptKey& key) const noexcept {
    return mixed(std::to_underlying(key.session), key.packet_id);
}
std::size_t MqttBatch::Hash::operator()(MessageKey key) const noexcept {
    return mixed(std::to_underlying(key), 0);
}

void MqttBatch::recovered(const mqtt::Recovered& kept) {
    known_ = true;
    keys_used_ = std::max(keys_used_, kept.keys_used);
    for (const auto& session : kept.sessions)
        session_mark_ = std::max(session_mark_, std::to_underlying(session.key));
    for (const auto& message : kept.messages)
        message_mark_ = std::max(message_mark_, std::to_underlying(message.key));
    for (const auto& delivery : kept.deliveries) {
        std::uint64_t& mark = order_marks_[delivery.session];
        mark = std::max(mark, delivery.order);
        // What belongs to a session that is not there would else be thought new with it.
        session_mark_ = std::max(session_mark_, std::to_underlying(delivery.session));
    }
    for (const auto& receipt : kept.receipts) {
        receipts_kept_.insert({receipt.session, receipt.packet_id});
        session_mark_ = std::max(session_mark_, std::to_underlying(receipt.session));
    }
    for (const auto& subscription : kept.subscriptions)
        session_mark_ = std::max(session_mark_, std::to_underlying(subscription.session));
}

std::size_t MqttBatch::pending() const noexcept {
    return sessions_.size() + subscriptions_.size() + retained_.size() + messages_.size() +
           deliveries_.size() + receipts_.size();
}

std::size_t MqttBatch::octets_of(const mqtt::JournalFact& fact) noexcept {
    std::size_t octets = sizeof(mqtt::JournalFact);
    if (const auto* message = std::get_if<mqtt::journal::SaveMessage>(&fact))
        octets += octets_in(message->message.message);
    else if (const auto* session = std::get_if<mqtt::journal::SaveSession>(&fact))
        octets += octets_in(session->session);
    else if (const auto* delivery = std::get_if<mqtt::journal::SaveDelivery>(&fact))
        octets += octets_in(delivery->delivery);
    return octets;
}

void MqttBatch::apply(mqtt::JournalFact&& fact) {
    std::visit([this](auto&& one) { take(std::move(one)); }, std::move(fact));
}

void MqttBatch::used(std::uint64_t key) {
    keys_used_ = std::max(keys_used_, key);
}

bool MqttBatch::session_may_be_kept(SessionKey key) {
    return passes_mark(session_mark_, std::to_underlying(key)) || !known_;
}
bool MqttBatch::message_may_be_kept(MessageKey key) {
    return passes_mark(message_mark_, std::to_underlying(key)) || !known_;
}
bool MqttBatch::delivery_may_be_kept(const DeliveryKey& key) {
    return passes_mark(order_marks_[key.session], key.order) || !known_;
}
bool MqttBatch::receipt_may_be_kept(const ReceiptKey& key) const {
    return !known_ || receipts_kept_.contains(key);
}

template <class Table, class Key, class Value>
void MqttBatch::save(Table& table, const Key& key, Value&& value, bool maybe_kept,
                     std::size_t octets) {
    const auto [at, is_new] = table.try_emplace(key);
    auto& record = at->second;
    if (is_new) {
        record.maybe_kept = maybe_kept;
        record.octets = 0;
    } else {
        ++superseded_;
    }
    record.value = std::forward<Value>(value);
    record.wipes_before = wipes_;
    octets += record_octets;
    octets_ += octets - record.octets;  // modulo, and so right when it shrinks
    record.octets = octets;
}

template <class Table, class Key>
void MqttBatch::forget(Table& table, const Key& key, bool maybe_kept) {
    const auto at = table.find(key);
    if (at == table.end()) {
        if (!maybe_kept) {
            ++superseded_;
            return;
        }
        auto& record = table[key];
        record.wipes_before = wipes_;
        record.octets = record_octets;
        octets_ += record_octets;
        return;
    }
    auto& record = at->second;
    octets_ -= record.octets;
    ++superseded_;
    if (!record.maybe_kept) {
        ++superseded_;
        table.erase(at);
        return;
    }
    record.value.reset();
    record.wipes_before = wipes_;
    record.octets = record_octets;
    octets_ += record_octets;
}

void MqttBatch::take(mqtt::journal::SaveSession&& fact) {
    const SessionKey key = fact.session.key;
    used(std::to_underlying(key));
    const std::size_t octets = octets_in(fact.session);
    save(sessions_, key, std::move(fact.session), session_may_be_kept(key), octets);
}

void MqttBatch::take(mqtt::journal::ForgetSession&& fact) {
    used(std::to_underlying(fact.key));
    const bool maybe_kept = session_may_be_kept(fact.key);
    const auto [at, is_new] = sessions_.try_emplace(fact.key);
    PendingSession& record = at->second;
    if (is_new)
        record.maybe_kept = maybe_kept;
    else
        ++superseded_;
    record.value.reset();
    // What of it waits in the other tables goes by this number, at once and without a search.
    record.wipe = ++wipes_;
    octets_ += record_octets - record.octets;
    record.octets = record_octets;
    order_marks_.erase(fact.key);
}

void MqttBatch::take(mqtt::journal::SaveSubscription&& fact) {
    auto& subscription = fact.subscription;
    (void)session_may_be_kept(subscription.session);  // from now on something of it may be
    SubscriptionKey key{subscription.session, subscription.filter};
    save(subscriptions_, key, std::move(subscription), true, key.filter.size() * 2);
}

void MqttBatch::take(mqtt::journal::ForgetSubscription&& fact) {
    forget(subscriptions_, SubscriptionKey{fact.session, std::move(fact.filter)}, true);
}

void MqttBatch::take(mqtt::journal::SaveMessage&& fact) {
    const MessageKey key = fact.message.key;
    used(std::to_underlying(key));
    const std::size_t octets = octets_in(fact.message.message);
    save(messages_, key, std::move(fact.message), message_may_be_kept(key), octets);
}

void MqttBatch::take(mqtt::journal::ForgetMessage&& fact) {
    used(std::to_underlying(fact.key));
    forget(messages_, fact.key, message_may_be_kept(fact.key));
}

void MqttBatch::take(mqtt::journal::SaveDelivery&& fact) {
    const DeliveryKey key{fact.delivery.session, fact.delivery.order};
    (void)session_may_be_kept(key.session);
    const std::size_t octets = octets_in(fact.delivery);
    save(deliveries_, key, std::move(fact.delivery), delivery_may_be_kept(key), octets);
}

void MqttBatch::take(mqtt::journal::ForgetDelivery&& fact) {
    const DeliveryKey key{fact.session, fact.order};
    forget(deliveries_, key, delivery_may_be_kept(key));
}

void MqttBatch::take(mqtt::journal::SaveReceipt&& fact) {
    const ReceiptKey key{fact.receipt.session, fact.receipt.packet_id};
    (void)session_may_be_kept(key.session);
    save(receipts_, key, Saved{}, receipt_may_be_kept(key), 0);
}

void MqttBatch::take(mqtt::journal::ForgetReceipt&& fact) {
    const ReceiptKey key{fact.receipt.session, fact.receipt.packet_id};
    forget(receipts_, key, receipt_may_be_kept(key));
}

void MqttBatch::take(mqtt::journal::SaveRetained&& fact) {
    const std::string topic = fact.retained.topic;
    save(retained_, topic, std::move(fact.retained), true, topic.size() * 2);
}

void MqttBatch::take(mqtt::journal::ForgetRetained&& fact) {
    forget(retained_, fact.topic, true);
}

bool MqttBatch::wiped(SessionKey session, std::uint64_t wipes_before) const {
    if (wipes_ == wipes_before) return false;
    const auto at = sessions_.find(session);
    return at != sessions_.end() && at->second.wipe > wipes_before;
}

const MqttChanges& MqttBatch::changes() {
    changes_.clear();
    changes_.keys_used = keys_used_;
    for (const auto& [key, session] : sessions_) {
        const bool wipes = session.wipe != 0 && session.maybe_kept;
        if (wipes) changes_.wiped.push_back(key);
        if (session.value) changes_.sessions.push_back(&*session.value);
        changes_.records += wipes || session.value;
    }
    for (const auto& [key, one] : subscriptions_) {
        if (wiped(key.session, one.wipes_before)) continue;
        if (one.value)
            changes_.subscriptions.push_back(&*one.value);
        else
            changes_.subscriptions_gone.push_back(&key);
    }
    for (const auto& [topic, one] : retained_) {
        if (one.value)
            changes_.retained.push_back(&*one.value);
        else
            changes_.retained_gone.push_back(&topic);
    }
    for (const auto& [key, one] : messages_) {
        if (one.value)
            changes_.messages.push_back(&*one.value);
        else
            changes_.messages_gone.push_back(key);
    }
    for (const auto& [key, one] : deliveries_) {
        if (wiped(key.session, one.wipes_before)) continue;
        if (one.value)
            changes_.deliveries.push_back(&*one.value);
        else
            changes_.deliveries_gone.push_back(key);
    }
    for (const auto& [key, one] : receipts_) {
        if (wiped(key.session, one.wipes_before)) continue;
        (one.value ? changes_.receipts : changes_.receipts_gone).push_back(key);
    }
    // Hash tables have no order to speak of.
    std::ranges::sort(changes_.messages, {}, &mqtt::StoredMessage::key);
    std::ranges::sort(changes_.messages_gone);
    std::ranges::sort(changes_.deliveries, {}, [](const mqtt::StoredDelivery* delivery) {
        return DeliveryKey{delivery->session, delivery->order};
    });
    std::ranges::sort(changes_.deliveries_gone);
    std::ranges::sort(changes_.receipts);
    std::ranges::sort(changes_.receipts_gone);
    changes_.records += changes_.subscriptions.size() + changes_.subscriptions_gone.size() +
                        changes_.retained.size() + changes_.retained_gone.size() +
                        changes_.messages.size() + changes_.messages_gone.size() +
                        changes_.deliveries.size() + changes_.deliveries_gone.size() +
                        changes_.receipts.size() + changes_.receipts_gone.size();
    // Even if the commit fails: then they are not kept, and may be thought to be.
    receipts_kept_.insert(changes_.receipts.begin(), changes_.receipts.end());
    return changes_;
}

void MqttBatch::committed() {
    superseded_ += pending() - changes_.records;
    for (const ReceiptKey& key : changes_.receipts_gone) receipts_kept_.erase(key);
    if (!changes_.wiped.empty())
        std::erase_if(receipts_kept_, [this](const ReceiptKey& key) {
            return std::ranges::binary_search(changes_.wiped, key.session) &&
                   !std::ranges::binary_search(changes_.receipts, key);
        });
    changes_.clear();
    sessions_.clear();
    subscriptions_.clear();
    retained_.clear();
    messages_.clear();
    deliveries_.clear();
    receipts_.clear();
    octets_ = 0;
    wipes_ = 0;
}

}  // namespace causeway::store
