// What was safe when the last run ended, put back: as if everybody had lost their connection now.
#include "mqtt/broker/state.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt {

void Broker::State::recover(Recovered& recovered) {
    if (!settings.persistent) return;
    keys_used = recovered.keys_used;
    recovering = true;
    for (StoredSession& stored : recovered.sessions) recover_session(stored);
    std::ranges::sort(recovered_sessions);
    for (const StoredSubscription& stored : recovered.subscriptions) {
        Session* const s = recovered_session(stored.session);
        if (s == nullptr || !is_topic_filter(stored.filter)) continue;
        (void)add_filter(*s, stored.filter, stored.options, stored.identifier);
    }
    for (const StoredReceipt& stored : recovered.receipts) {
        Session* const s = recovered_session(stored.session);
        if (s == nullptr || receipt_of(*s, stored.packet_id) != nullptr) continue;
        if (s->receipts == nullptr) s->receipts = std::make_unique<std::vector<Receipt>>();
        const auto at =
            std::ranges::lower_bound(*s->receipts, stored.packet_id, {}, &Receipt::packet_id);
        s->receipts->insert(at, Receipt{stored.packet_id, false});
    }
    recovering = false;
    std::ranges::sort(recovered.messages, {}, &StoredMessage::key);
    recover_deliveries(recovered);
    recover_retained(recovered);
    for (const StoredMessage& stored : recovered.messages) {
        if (keys.holds(stored.key)) continue;
        journal(journal::ForgetMessage{stored.key});
    }
    recovered_sessions = {};
    while (Timed* const due = timers.next_due(now)) session_due(static_cast<Session&>(*due));
    settle();
}

void Broker::State::recover_session(StoredSession& stored) {
    keys_used = std::max(keys_used, std::to_underlying(stored.key));
    if (session_of.contains(stored.client_id) || stored.client_id.size() > UINT16_MAX) return;
    Session& s =
        *begin_session(stored.client_id, stored.expiry_seconds,
                       std::string_view(stored.user_name).substr(0, UINT16_MAX), stored.key);
    recovered_sessions.emplace_back(stored.key, std::to_underlying(s.id));
    // One that was connected begins to expire now.
    s.ends_at = from_unix(stored.ends_at);
    if (s.ends_at == never && s.expiry_seconds != UINT32_MAX)
        s.ends_at = after(now, std::chrono::seconds(s.expiry_seconds));
    if (stored.will.has_value() && stored.will->message != nullptr) {
        s.will = std::make_unique<PendingWill>();
        s.will->message = std::move(stored.will->message);
        const std::int64_t at = std::to_underlying(stored.will->publish_at);
        // Before the epoch: a delay that begins with the end of the connection (journaling.cpp).
        s.will->due = at > 0 ? from_unix(stored.will->publish_at)
                             : after(now, std::chrono::milliseconds(
                                              std::min(-at, std::int64_t{UINT32_MAX} * 1000)));
    }
    arm(s);
}

Session* Broker::State::recovered_session(SessionKey key) {
    const auto at = std::ranges::lower_bound(recovered_sessions, key, {},
                                             &std::pair<SessionKey, std::uint32_t>::first);
    if (at == recovered_sessions.end() || at->first != key) return nullptr;
    return sessions[at->second].get();
}

void Broker::State::recover_deliveries(Recovered& recovered) {
    using Stage = StoredDelivery::State;
    for (StoredDelivery& stored : recovered.deliveries) {
        Session* const s = recovered_session(stored.session);
        if (s == nullptr) continue;
        const auto kept =
            std::ranges::lower_bound(recovered.messages, stored.message, {}, &StoredMessage::key);
        const bool found = kept != recovered.messages.end() && kept->key == stored.message &&
                           kept->message != nullptr;
        const bool queued = stored.state == Stage::queued;
        const bool over = found && queued && from_unix(kept->expires_at) <= now;
        const bool sane = stored.state == Stage::released || found;
        if (over || !sane || stored.qos == Qos::at_most_once ||
            (!queued && stored.packet_id == 0)) {
            journal(journal::ForgetDelivery{stored.session, stored.order});
            continue;
        }
        Outbound& out = s->outbound();
        Delivery d;
        d.key = stored.message;
        d.order = stored.order;
        d.packet_id = stored.packet_id;
        d.qos = stored.qos;
        d.state = stored.state;
        d.retain = stored.retain;
        d.sent = !queued;
        d.stored = true;
        if (stored.state != Stage::released) {
            d.message = kept->message;
            d.shared = s->filters != nullptr && came_by_share(*s, d.message->topic());
        }
        if (!stored.subscription_identifiers.empty())
            d.identifiers = std::make_unique<std::vector<std::uint32_t>>(
                std::move(stored.subscription_identifiers));
        use_key(d.key);
        out.next_order = std::max(out.next_order, stored.order + 1);
        ++stats.deliveries;
        ++stats.messages_waiting;
        if (queued) {
            d.octets = static_cast<std::uint32_t>(
                std::min<std::size_t>(sizeof(Delivery) + d.message->footprint(), UINT32_MAX));
            ++out.queued;
            out.queued_octets += d.octets;
            stats.queue_octets += d.octets;
            ++stats.deliveries_waiting;
            out.queue.push_back(std::move(d));
        } else {
            s->last_packet_id = d.packet_id;
            ++out.in_flight;
            ++stats.deliveries_sent;
            out.flight.push_back(std::move(d));
        }
    }
}

/// Nothing else of the session could have brought it.
bool Broker::State::came_by_share(const Session& s, std::string_view topic) const {
    bool shared = false;
    for (const Filter& filter : *s.filters) {
        if (const auto share = shared_of(filter.view()); share.has_value())
            shared |= matches(share->filter, topic);
        else if (matches(filter.view(), topic))
            return false;
    }
    return shared;
}

void Broker::State::recover_retained(Recovered& recovered) {
    for (const StoredRetained& stored : recovered.retained) {
        const auto kept =
            std::ranges::lower_bound(recovered.messages, stored.message, {}, &StoredMessage::key);
        const bool found = kept != recovered.messages.end() && kept->key == stored.message &&
                           kept->message != nullptr && kept->message->topic() == stored.topic;
        if (!found || from_unix(kept->expires_at) <= now) {
            if (found) ++stats.retained_expired;
            journal(journal::ForgetRetained{stored.topic});
            continue;
        }
        use_key(stored.message);
        (void)retained.set(stored.topic, {kept->message, stored.message});
    }
    stats.retained = retained.size();
}

}  // namespace causeway::mqtt
