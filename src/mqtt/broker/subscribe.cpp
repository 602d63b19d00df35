// SUBSCRIBE and UNSUBSCRIBE [MQTT 5.0 §3.8.4] [MQTT 5.0 §3.10.4].
#include "mqtt/broker/state.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt {

Reason Broker::State::judge_filter(const Connection& c, const Subscribe::Entry& entry,
                                   bool with_identifier) {
    const auto shared = shared_of(entry.filter);
    const std::string_view filter = shared.has_value() ? shared->filter : entry.filter;
    if (shared.has_value() && !settings.shared_available)
        return Reason::shared_subscriptions_not_supported;
    if (!settings.wildcards_available && filter.find_first_of("+#") != std::string_view::npos)
        return Reason::wildcard_subscriptions_not_supported;
    if (with_identifier && !settings.subscription_identifiers_available)
        return Reason::subscription_identifiers_not_supported;
    if (entry.filter.size() > settings.topic_levels_max &&
        levels_of(filter) > settings.topic_levels_max) {
        ++stats.refused_topic_levels;
        return Reason::topic_filter_invalid;
    }
    const Session& s = *c.session;
    if (rules != nullptr && !rules->empty() && !c.internal &&
        !rules->allows(s.user_name.view(), s.name(), Access::subscribe, filter)) {
        ++stats.refused_subscriptions_access;
        return Reason::not_authorized;
    }
    if (failing && s.stored()) {
        ++stats.refused_store;
        return Reason::quota_exceeded;
    }
    return static_cast<Reason>(std::min(entry.options.qos_max, settings.qos_max));
}

void Broker::State::on_subscribe(Connection& c, const Subscribe& subscribe) {
    Session& s = *c.session;
    for (const Subscribe::Entry& entry : subscribe.entries) {
        if (!entry.options.no_local || !shared_of(entry.filter).has_value()) continue;
        refuse(c, {Reason::protocol_error, "no local on a shared subscription"});
        return;  // [MQTT-3.8.3-4]
    }
    const std::uint32_t identifier = subscribe.properties.subscription_identifiers.empty()
                                         ? 0
                                         : subscribe.properties.subscription_identifiers[0];
    auto answer = std::make_unique<Waiting::Answer>();
    Suback suback{.packet_id = subscribe.packet_id, .reasons = {}, .properties = {}};
    std::vector<bool> wanted;  // whose retained messages
    const std::size_t facts_before = facts.size();
    for (const Subscribe::Entry& entry : subscribe.entries) {
        // One reason for each filter, in their order [MQTT-3.8.4-6] [MQTT-3.9.3-1].
        Reason reason = judge_filter(c, entry, identifier != 0);
        bool retained_too = false;
        if (!is_error(reason)) {
            SubscriptionOptions options = entry.options;
            options.qos_max = static_cast<Qos>(reason);
            // A 3.1.1 bridge has no other way to ask for what 5.0 says with options.
            if (c.bridge && !shared_of(entry.filter).has_value()) options.no_local = true;
            if (c.bridge) options.retain_as_published = true;
            const NewFilter added = add_filter(s, entry.filter, options, identifier);
            if (is_error(added.reason)) {
                reason = added.reason;
            } else {
                if (added.is_new) answer->added.emplace_back(entry.filter);
                // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; none for a shared subscription
                retained_too =
                    !entry.filter.starts_with("$share/") &&
                    (options.retain_handling == RetainHandling::send ||
                     (options.retain_handling == RetainHandling::send_if_new && added.is_new));
            }
        }
        suback.reasons.push_back(reason);
        wanted.push_back(retained_too);
    }
    answer->reasons = suback.reasons.size();
    append(suback, c.version, answer->packet);  // [MQTT-3.8.4-1] [MQTT-3.8.4-2]
    const bool gated = facts.size() > facts_before || c.waiting > 0;
    if (const std::uint64_t sequence = gated ? gate() : 0; sequence != 0) {
        wait({.sequence = sequence,
              .number = std::to_underlying(c.id),
              .generation = c.generation,
              .kind = Waiting::Kind::answer,
              .type = PacketType::suback,
              .packet_id = subscribe.packet_id,
              .answer = std::move(answer)});
    } else {
        send_octets(c, answer->packet);
    }
    for (std::size_t i = 0; i < wanted.size() && c.ready(); ++i) {
        if (!wanted[i]) continue;
        SubscriptionOptions options = subscribe.entries[i].options;
        options.qos_max = static_cast<Qos>(suback.reasons[i]);
        send_retained(s, subscribe.entries[i].filter, options, identifier);
    }
}

Broker::State::NewFilter Broker::State::add_filter(Session& s, std::string_view filter,
                                                   SubscriptionOptions options,
                                                   std::uint32_t identifier) {
    if (s.filters == nullptr) s.filters = std::make_unique<std::vector<Filter>>();
    auto& filters = *s.filters;
    const auto at = std::ranges::lower_bound(filters, filter, {}, &Filter::view);
    const bool is_new = at == filters.end() || at->view() != filter;
    const Subscription subscription{s.id, options, identifier};
    if (is_new && filters.size() >= settings.subscriptions_max_each) {
        ++stats.refused_subscriptions;
        return {Reason::quota_exceeded, false};
    }
    // One that is there already is replaced [MQTT-3.8.4-3].
    if (subscriptions.add(filter, subscription) == SubscriptionTree::Added::refused_full) {
        ++stats.refused_subscriptions;
        return {Reason::quota_exceeded, false};
    }
    if (is_new) {
        filters.insert(at, Filter(filter));
        ++stats.subscriptions;
        if (filter.starts_with("$share/")) ++stats.subscriptions_shared;
    }
    if (s.stored())
        journal(journal::SaveSubscription{{.session = s.key,
                                           .filter = std::string(filter),
                                           .options = options,
                                           .identifier = identifier}});
    return {Reason::success, is_new};
}

bool Broker::State::remove_filter(Session& s, std::string_view filter) {
    if (s.filters == nullptr) return false;
    auto& filters = *s.filters;
    const auto at = std::ranges::lower_bound(filters, filter, {}, &Filter::view);
    if (at == filters.end() || at->view() != filter) return false;
    filters.erase(at);
    if (filters.empty()) s.filters.reset();
    (void)subscriptions.remove(filter, s.id);
    --stats.subscriptions;
    if (filter.starts_with("$share/")) --stats.subscriptions_shared;
    if (s.stored()) journal(journal::ForgetSubscription{s.key, std::string(filter)});
    return true;
}

/// [MQTT-3.10.4-1] [MQTT-3.10.4-2]; what waits is still delivered [MQTT-3.10.4-3].
void Broker::State::on_unsubscribe(Connection& c, const Unsubscribe& unsubscribe) {
    Unsuback unsuback{.packet_id = unsubscribe.packet_id, .reasons = {}, .properties = {}};
    const std::size_t facts_before = facts.size();
    for (const std::string_view filter : unsubscribe.filters) {
        unsuback.reasons.push_back(
            remove_filter(*c.session, filter) ? Reason::success : Reason::no_subscription_existed);
    }
    auto answer = std::make_unique<Waiting::Answer>();
    append(unsuback, c.version, answer->packet);  // [MQTT-3.10.4-4] [MQTT-3.10.4-5]
    const bool gated = facts.size() > facts_before || c.waiting > 0;
    if (const std::uint64_t sequence = gated ? gate() : 0; sequence != 0) {
        wait({.sequence = sequence,
              .number = std::to_underlying(c.id),
              .generation = c.generation,
              .kind = Waiting::Kind::answer,
              .type = PacketType::unsuback,
              .packet_id = unsubscribe.packet_id,
              .answer = std::move(answer)});
    } else {
        send_octets(c, answer->packet);
    }
}

}  // namespace causeway::mqtt
