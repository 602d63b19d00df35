#pragma once
// For this room's tests: a store of journalled facts, as the real one would hold them.
#include "base/engine.hpp"
#include "mqtt/journal.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace causeway::mqtt::testing {

class StoreModel {
public:
    void apply(const JournalFact& fact) {
        std::visit(
            Overloaded{
                [&](const journal::SaveSession& f) { sessions[f.session.key] = f.session; },
                [&](const journal::ForgetSession& f) {
                    sessions.erase(f.key);
                    std::erase_if(subscriptions, [&](auto& s) { return s.first.first == f.key; });
                    std::erase_if(deliveries, [&](auto& d) { return d.first.first == f.key; });
                    std::erase_if(receipts, [&](auto& r) { return r.first == f.key; });
                },
                [&](const journal::SaveSubscription& f) {
                    subscriptions[{f.subscription.session, f.subscription.filter}] = f.subscription;
                },
                [&](const journal::ForgetSubscription& f) {
                    subscriptions.erase({f.session, f.filter});
                },
                [&](const journal::SaveMessage& f) { messages[f.message.key] = f.message; },
                [&](const journal::ForgetMessage& f) { messages.erase(f.key); },
                [&](const journal::SaveDelivery& f) {
                    deliveries[{f.delivery.session, f.delivery.order}] = f.delivery;
                },
                [&](const journal::ForgetDelivery& f) { deliveries.erase({f.session, f.order}); },
                [&](const journal::SaveReceipt& f) {
                    receipts.insert({f.receipt.session, f.receipt.packet_id});
                },
                [&](const journal::ForgetReceipt& f) {
                    receipts.erase({f.receipt.session, f.receipt.packet_id});
                },
                [&](const journal::SaveRetained& f) {
                    retained[f.retained.topic] = f.retained.message;
                },
                [&](const journal::ForgetRetained& f) { retained.erase(f.topic); },
            },
            fact);
        std::visit([&](const auto& f) { note_keys(f); }, fact);
    }

    /// Whatever names a message finds it, and nothing is kept that nobody names.
    void check() const {
        std::set<MessageKey> named;
        for (const auto& [at, d] : deliveries) {
            CAUSEWAY_ASSERT(sessions.contains(d.session));
            CAUSEWAY_ASSERT(messages.contains(d.message));
            named.insert(d.message);
        }
        for (const auto& one : retained) {
            CAUSEWAY_ASSERT(messages.contains(one.second));
            named.insert(one.second);
        }
        for (const auto& [at, s] : subscriptions) CAUSEWAY_ASSERT(sessions.contains(at.first));
        for (const auto& [key, m] : messages) CAUSEWAY_ASSERT(named.contains(key));
    }

    [[nodiscard]] Recovered recovered() const {
        Recovered out;
        for (const auto& [key, s] : sessions) out.sessions.push_back(s);
        for (const auto& [key, s] : subscriptions) out.subscriptions.push_back(s);
        for (const auto& [key, m] : messages) out.messages.push_back(m);
        for (const auto& [key, d] : deliveries) out.deliveries.push_back(d);
        for (const auto& [key, id] : receipts) out.receipts.push_back({key, id});
        for (const auto& [topic, key] : retained) out.retained.push_back({topic, key});
        out.keys_used = keys_used;
        return out;
    }

    std::map<SessionKey, StoredSession> sessions;
    std::map<std::pair<SessionKey, std::string>, StoredSubscription> subscriptions;
    std::map<MessageKey, StoredMessage> messages;
    std::map<std::pair<SessionKey, std::uint64_t>, StoredDelivery> deliveries;
    std::set<std::pair<SessionKey, std::uint16_t>> receipts;
    std::map<std::string, MessageKey> retained;
    std::uint64_t keys_used = 0;

private:
    void note_keys(const auto&) {}
    void note_keys(const journal::SaveSession& f) {
        keys_used = std::max(keys_used, std::to_underlying(f.session.key));
    }
    void note_keys(const journal::SaveMessage& f) {
        keys_used = std::max(keys_used, std::to_underlying(f.message.key));
    }
};

}  // namespace causeway::mqtt::testing
