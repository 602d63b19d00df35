// Sessions: begun, resumed, left, ended [MQTT 5.0 §4.1].
#include "mqtt/broker/state.hpp"

#include <algorithm>
#include <functional>

namespace causeway::mqtt {

Session* Broker::State::begin_session(std::string_view client_id, std::uint32_t expiry_seconds,
                                      std::string_view user, SessionKey key) {
    std::uint32_t slot = static_cast<std::uint32_t>(sessions.size());
    while (!free_sessions.empty()) {
        std::ranges::pop_heap(free_sessions, std::greater{});
        const std::uint32_t lowest = free_sessions.back();
        free_sessions.pop_back();
        if (lowest >= sessions.size()) continue;  // the table has shrunk since
        slot = lowest;
        break;
    }
    if (slot == sessions.size()) sessions.emplace_back();
    sessions[slot] = std::make_unique<Session>();
    Session& s = *sessions[slot];
    s.is_session = true;
    s.id = SubscriberId{slot};
    s.generation = ++generations;
    s.key = key;
    s.client_id = ShortText<24>(client_id);
    s.user_name = ShortText<10>(user);
    s.expiry_seconds = expiry_seconds;
    session_of.insert(client_id, slot);
    ++stats.sessions;
    ++stats.sessions_begun;
    return &s;
}

/// What was not acknowledged is sent again, with the identifiers it had, in the order in which it
/// was sent first [MQTT-4.4.0-1] [MQTT-4.6.0-1].
void Broker::State::resume_session(Session& s) {
    if (s.receipts != nullptr) {
        for (Receipt& receipt : *s.receipts) receipt.here = false;
    }
    if (s.out == nullptr) return;
    s.out->asleep = 0;
    for (std::size_t i = 0; i < s.out->flight.size(); ++i) {
        Delivery& d = s.out->flight[i];
        if (d.vacant()) continue;
        d.asleep = true;
        ++s.out->asleep;
    }
    pump(s);
}

/// Its client is gone.
void Broker::State::absent(Session& s) {
    if (s.expiry_seconds == 0) {  // [MQTT-3.1.2-23]
        end_session(s);
        return;
    }
    s.ends_at =
        s.expiry_seconds == UINT32_MAX ? never : after(now, std::chrono::seconds(s.expiry_seconds));
    if (Outbound* const out = s.out.get(); out != nullptr) {
        while (out->queued_qos_0 > 0) {
            (void)take_queued(s, oldest_qos_0(s));
            ++stats.dropped_absent;
            ++s.dropped;
        }
        out->congested = out->stalled = out->dropping = false;
        if (out->idle()) s.out.reset();
    }
    if (s.stored()) journal_session(s);
    arm(s);
}

void Broker::State::arm(Session& s) {
    const Instant will = s.will == nullptr ? never : s.will->due;
    timers.set(s, s.connection != nullptr ? never : std::min(s.ends_at, will));
}

void Broker::State::session_due(Session& s) {
    timers.disarm(s);
    if (s.connection != nullptr) return;
    if (now >= s.ends_at) {
        ++stats.sessions_expired;
        note(Note::Kind::expired, &s, nullptr, Reason::success, {});
        end_session(s);
        return;
    }
    if (s.will != nullptr && now >= s.will->due) {
        wills_due.push_back(std::move(s.will));
        if (s.stored()) journal_session(s);
    }
    arm(s);
}

void Broker::State::end_session(Session& s) {
    CAUSEWAY_ASSERT(s.connection == nullptr);
    timers.disarm(s);
    // Sooner than its delay [MQTT-3.1.3-9] [MQTT 5.0 §3.1.3.2.2].
    if (s.will != nullptr) wills_due.push_back(std::move(s.will));
    if (s.stored()) journal(journal::ForgetSession{s.key});
    drop_outbound(s);
    if (s.filters != nullptr) {
        for (const Filter& filter : *s.filters) {
            if (!subscriptions.remove(filter.view(), s.id)) continue;
            --stats.subscriptions;
            if (filter.view().starts_with("$share/")) --stats.subscriptions_shared;
        }
    }
    const std::uint32_t slot = std::to_underlying(s.id);
    session_of.erase(s.name());
    sessions[slot].reset();
    --stats.sessions;
    ++stats.sessions_ended;
    free_sessions.push_back(slot);
    std::ranges::push_heap(free_sessions, std::greater{});
    while (!sessions.empty() && sessions.back() == nullptr) sessions.pop_back();
    if (sessions.capacity() > 1024 && sessions.size() * 4 < sessions.capacity())
        sessions.shrink_to_fit();
    if (free_sessions.size() > 1024 && free_sessions.size() > sessions.size() * 2) {
        std::erase_if(free_sessions, [&](std::uint32_t free) { return free >= sessions.size(); });
        free_sessions.shrink_to_fit();
        std::ranges::make_heap(free_sessions, std::greater{});
    }
}

/// From now on it lasts as long as its connection: nothing of it is kept.
void Broker::State::unstore(Session& s) {
    journal(journal::ForgetSession{s.key});
    s.key = SessionKey{};
    if (s.out == nullptr) return;
    for (Ring<Delivery>* ring : {&s.out->queue, &s.out->flight}) {
        for (std::size_t i = 0; i < ring->size(); ++i) {
            Delivery& d = (*ring)[i];
            if (std::exchange(d.stored, false)) drop_key(d.key);
            d.key = MessageKey{};
        }
    }
}

void Broker::State::drop_outbound(Session& s) {
    if (s.out == nullptr) return;
    Outbound& out = *s.out;
    for (std::size_t i = 0; i < out.flight.size(); ++i) {
        Delivery& d = out.flight[i];
        if (d.vacant()) continue;
        --stats.messages_waiting;
        // QoS 1 goes to somebody else, QoS 2 must not [MQTT-4.8.2-4] [MQTT-4.8.2-5].
        if (d.shared && d.qos == Qos::at_least_once) hand_over(s, d);
        if (d.stored) drop_key(d.key);
    }
    while (out.queued > 0) {
        Delivery d = take_queued(s, 0);
        if (d.shared && d.qos != Qos::at_most_once) {
            ++stats.handed_over;
            hand_over(s, d);
        } else {
            ++stats.dropped_session_end;
        }
        if (d.stored) drop_key(d.key);
    }
    s.out.reset();
}

/// To another member of the group through which `from` had it [MQTT 5.0 §4.8.2].
void Broker::State::hand_over(Session& from, Delivery& delivery) {
    const Publish publish = delivery.message->publish();
    Subscription chosen;
    bool found = false;
    subscriptions.match(
        publish.topic, [](const Subscription&) {},
        [&](SharedGroup& group) {
            if (found) return;
            bool member = false;
            group.for_each([&](const Subscription& one) { member |= one.subscriber == from.id; });
            if (!member) return;
            const auto other = [&](const Subscription& one) {
                return one.subscriber != from.id &&
                       may_read(session(one.subscriber), publish.topic);
            };
            const Subscription* picked = group.pick([&](const Subscription& one) {
                const Connection* const c = session(one.subscriber).connection;
                return other(one) && c != nullptr && c->ready();
            });
            if (picked == nullptr) picked = group.pick(other);
            if (picked == nullptr) return;
            chosen = *picked;
            found = true;
        });
    if (!found) {
        ++stats.deliveries;
        ++stats.dropped_session_end;
        return;
    }
    Offer offer{.publish = publish,
                .expires_at = delivery.message->expires_at(),
                .message = delivery.message,
                .key = delivery.stored ? delivery.key : MessageKey{}};
    encoder.begin(publish, offer.expires_at, now);
    const std::uint32_t ids[] = {chosen.identifier};
    deliver(session(chosen.subscriber), offer,
            {.qos = std::min(publish.qos, chosen.options.qos_max),
             .retain = delivery.retain && chosen.options.retain_as_published,
             .shared = true,
             .identifiers = std::span(ids, chosen.identifier != 0 ? 1 : 0)});
}

}  // namespace causeway::mqtt
