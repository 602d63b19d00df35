// Retained messages [MQTT 5.0 §3.3.1.3].
#include "mqtt/broker/state.hpp"

namespace causeway::mqtt {

/// After it was routed. An empty payload takes away what is there [MQTT-3.3.1-6] [MQTT-3.3.1-7].
void Broker::State::retain(Offer& offer) {
    const std::string_view topic = offer.publish.topic;
    if (offer.publish.payload.empty()) {
        forget_retained(topic);
        return;
    }
    const bool stored = settings.persistent && !topic.starts_with("$SYS");
    // What the store could not keep is not kept: QoS 0 may be let go at any time
    // [MQTT 5.0 §3.3.1.3].
    if ((stored && failing && !offer.here) || !retained_room(offer)) {
        ++stats.refused_retained;
        forget_retained(topic);
        return;
    }
    MessageKey before{};
    if (const RetainedTree::Entry* const old = retained.find(topic); old != nullptr)
        before = old->key;
    MessageKey key{};
    if (stored) {
        name_message(offer);
        key = offer.key;
        use_key(key);
        journal(journal::SaveRetained{{std::string(topic), key}});
    }
    (void)retained.set(topic, {offer.kept(), key});
    if (before != MessageKey{}) drop_key(before);
    stats.retained = retained.size();
}

bool Broker::State::retained_room(const Offer& offer) {
    if (offer.here && !offer.counted) return true;  // $SYS: a few dozen
    const Publish& publish = offer.publish;
    const std::uint64_t octets = sizeof(Message) + publish.topic.size() + publish.payload.size();
    if (retained.octets() + octets > settings.retained_octets_max) return false;
    return retained.size() < settings.retained_max || retained.find(publish.topic) != nullptr;
}

void Broker::State::forget_retained(std::string_view topic) {
    const auto gone = retained.erase(topic);
    if (!gone.has_value()) return;
    stats.retained = retained.size();
    if (gone->key == MessageKey{}) return;
    journal(journal::ForgetRetained{std::string(topic)});
    drop_key(gone->key);
}

/// Those that match a new subscription [MQTT-3.3.1-8] [MQTT-3.3.1-9].
void Broker::State::send_retained(Session& s, std::string_view filter, SubscriptionOptions options,
                                  std::uint32_t identifier) {
    std::vector<MessageRef> expired;
    retained.match(filter, [&](const RetainedTree::Entry& entry) {
        if (entry.message->expires_at() <= now) {
            expired.push_back(entry.message);
            return;
        }
        const Publish publish = entry.message->publish();
        Offer offer{.publish = publish,
                    .expires_at = entry.message->expires_at(),
                    .message = entry.message,
                    .key = entry.key};
        encoder.begin(publish, offer.expires_at, now);
        deliver(s, offer,
                {.qos = std::min(publish.qos, options.qos_max),
                 .retain = true,
                 .burst = true,
                 .identifiers = std::span(&identifier, identifier != 0 ? 1 : 0)});
    });
    for (const MessageRef& message : expired) {
        ++stats.retained_expired;
        forget_retained(message->topic());
    }
}

}  // namespace causeway::mqtt
