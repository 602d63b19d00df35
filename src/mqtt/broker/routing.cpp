// From a PUBLISH to its subscribers [MQTT 5.0 §3.3.4].
#include "mqtt/broker/state.hpp"

#include <algorithm>

namespace causeway::mqtt {

/// [MQTT 3.1.1 MQTT-3.3.5-1]
Broker::State::Routed Broker::State::route(Offer& offer, const Connection* from) {
    find_targets(offer, from == nullptr ? nullptr : from->session);
    if (failing && !offer.here && must_store(offer)) return {0, true};
    if (targets.empty()) return {};
    encoder.begin(offer.publish, offer.expires_at, now);
    const bool published_retained = offer.publish.retain;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const Target& target = targets[i];
        Terms terms{.qos = std::min(target.qos, offer.publish.qos),
                    // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
                    .retain = published_retained && target.retain_as_published,
                    .shared = target.shared};
        if (target.more) {
            identifiers.assign(1, target.identifier);
            for (const auto& [which, identifier] : more_identifiers) {
                if (which == i) identifiers.push_back(identifier);
            }
            terms.identifiers = identifiers;
        } else if (target.identifier != 0) {
            terms.identifiers = std::span(&target.identifier, 1);
        }
        deliver(*sessions[target.session], offer, terms);
    }
    return {targets.size(), false};
}

void Broker::State::find_targets(Offer& offer, const Session* from) {
    ++stamp;
    targets.clear();
    more_identifiers.clear();
    const Qos qos = offer.publish.qos;
    const std::string_view topic = offer.publish.topic;
    subscriptions.match(
        topic, [&](const Subscription& one) { add_target(one, from, qos); },
        [&](SharedGroup& group) { add_shared(group, topic, from); });
}

/// However many of its filters match, a session gets it once: with the highest QoS of them
/// [MQTT-3.3.4-2], and all their identifiers [MQTT-3.3.4-3] [MQTT-3.3.4-4].
void Broker::State::add_target(const Subscription& one, const Session* from, Qos published) {
    Session& s = session(one.subscriber);
    if (one.options.no_local && &s == from) return;            // [MQTT-3.8.3-3]
    const Qos qos = std::min(published, one.options.qos_max);  // [MQTT-3.8.4-8]
    if (s.stamp != stamp) {
        s.stamp = stamp;
        s.target = static_cast<std::uint32_t>(targets.size());
        targets.push_back({.session = std::to_underlying(one.subscriber),
                           .identifier = one.identifier,
                           .qos = qos,
                           .retain_as_published = one.options.retain_as_published,
                           .shared = false,
                           .more = false});
        return;
    }
    Target& known = targets[s.target];
    known.qos = std::max(known.qos, qos);
    known.retain_as_published |= one.options.retain_as_published;
    if (one.identifier == 0) return;
    if (known.identifier == 0) {
        known.identifier = one.identifier;
    } else {
        known.more = true;
        more_identifiers.emplace_back(s.target, one.identifier);
    }
}

/// To one of the group: one that keeps up before one that does not, and nobody who is absent while
/// anybody is there [MQTT 5.0 §4.8.2].
void Broker::State::add_shared(SharedGroup& group, std::string_view topic, const Session* from) {
    (void)from;  // a shared subscription has no "no local" [MQTT-3.8.3-4]
    const auto there = [&](const Subscription& one) {
        const Session& s = session(one.subscriber);
        return s.connection != nullptr && s.connection->ready() && may_read(s, topic);
    };
    const Subscription* chosen = group.pick([&](const Subscription& one) {
        const Session& s = session(one.subscriber);
        const bool free = s.out == nullptr || (s.out->queued == 0 && s.out->asleep == 0);
        return there(one) && free && !s.connection->blocked;
    });
    if (chosen == nullptr) chosen = group.pick(there);
    if (chosen == nullptr)
        chosen = group.pick(
            [&](const Subscription& one) { return may_read(session(one.subscriber), topic); });
    if (chosen == nullptr) return;
    targets.push_back({.session = std::to_underlying(chosen->subscriber),
                       .identifier = chosen->identifier,
                       .qos = chosen->options.qos_max,
                       .retain_as_published = chosen->options.retain_as_published,
                       .shared = true,
                       .more = false});
}

/// Whether somebody is promised that it outlives this run.
bool Broker::State::must_store(const Offer& offer) const {
    if (offer.publish.qos == Qos::at_most_once) return false;
    if (offer.publish.retain && settings.persistent) return true;
    return std::ranges::any_of(targets, [&](const Target& target) {
        return target.qos != Qos::at_most_once && sessions[target.session]->stored();
    });
}

void Broker::State::deliver(Session& s, Offer& offer, const Terms& terms) {
    ++stats.deliveries;
    if (!may_read(s, offer.publish.topic)) {
        ++stats.dropped_access;
        ++s.dropped;
        return;
    }
    Connection* const c = s.connection;
    const Outbound* const out = s.out.get();
    if (terms.qos == Qos::at_most_once) {
        if (c == nullptr) {
            ++stats.dropped_absent;
            return;
        }
        if (c->writable() && (out == nullptr || out->queued_qos_0 == 0)) {
            const PublishEncoder::Shape shape{
                .version = c->version, .retain = terms.retain, .identifiers = terms.identifiers};
            if (transmit(*c, offer, shape)) {
                ++stats.deliveries_sent;
            } else {
                ++stats.dropped_too_large;
                ++s.dropped;
            }
            return;
        }
        if (!settings.queue_qos_0 && !terms.burst) {
            ++stats.dropped_slow;
            ++s.dropped;
            return;
        }
        enqueue(s, offer, terms);
        return;
    }
    const bool free = out == nullptr || (out->queued == 0 && out->asleep == 0 &&
                                         out->in_flight < (c == nullptr ? 0 : c->window));
    if (c == nullptr || !c->writable() || !free) {
        enqueue(s, offer, terms);
        return;
    }
    Delivery d;
    d.qos = terms.qos;
    d.retain = terms.retain;
    d.shared = terms.shared;
    if (!terms.identifiers.empty())
        d.identifiers = std::make_unique<std::vector<std::uint32_t>>(terms.identifiers.begin(),
                                                                     terms.identifiers.end());
    start_flight(s, offer, std::move(d));
}

bool Broker::State::may_read(const Session& s, std::string_view topic) const {
    if (rules == nullptr || rules->empty()) return true;
    if (s.connection != nullptr && s.connection->internal) return true;
    return rules->allows(s.user_name.view(), s.name(), Access::read, topic);
}

bool Broker::State::may_write(const Connection& c, std::string_view client_id,
                              std::string_view user, std::string_view topic) const {
    if (rules == nullptr || c.internal || rules->empty()) return true;
    return rules->allows(user, client_id, Access::write, topic);
}

void Broker::State::count_prefix(std::string_view topic, std::size_t octets, bool out) {
    for (BrokerStats::Prefix& one : stats.prefixes) {
        if (!topic.starts_with(one.prefix)) continue;
        ++(out ? one.messages_out : one.messages_in);
        (out ? one.octets_out : one.octets_in) += octets;
    }
}

}  // namespace causeway::mqtt
