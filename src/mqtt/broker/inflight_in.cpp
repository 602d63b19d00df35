// PUBLISH from clients, of every quality of service [MQTT 5.0 §4.3].
#include "mqtt/broker/state.hpp"
#include "mqtt/topic.hpp"

#include <algorithm>

namespace causeway::mqtt {

void Broker::State::on_publish(Connection& c, Bytes packet, Framer& framer) {
    auto parsed = parse_publish(packet, c.version);
    if (!parsed.has_value()) {
        refuse(c, parsed.error());
        return;
    }
    Publish& publish = *parsed;
    ++stats.publishes_received;
    stats.publish_octets_received += publish.payload.size();
    ++c.session->messages_in;
    const bool own_topic = !publish.topic.empty();
    auto why = resolve_topic(c, publish);
    if (!why.has_value()) why = judge_publish(c, publish);
    if (why.has_value()) {
        ++stats.publishes_refused_error;
        refuse(c, *why);
        return;
    }
    if (!stats.prefixes.empty()) count_prefix(publish.topic, publish.payload.size(), false);
    publish_of(c, publish, own_topic ? &framer : nullptr);
}

/// Topic aliases [MQTT 5.0 §3.3.2.3.4].
std::optional<Refused> Broker::State::resolve_topic(Connection& c, Publish& publish) {
    if (!publish.properties.topic_alias.has_value()) {
        if (publish.topic.empty())
            return Refused{Reason::protocol_error, "neither a topic nor an alias"};
        return std::nullopt;
    }
    const std::uint16_t alias = *publish.properties.topic_alias;
    // [MQTT-3.3.2-8] [MQTT-3.3.2-9]
    if (alias == 0 || alias > settings.topic_alias_maximum) {
        ++stats.refused_topic_alias;
        return Refused{Reason::topic_alias_invalid, "a topic alias beyond the maximum"};
    }
    auto& known = c.more().aliases_in;
    if (!publish.topic.empty()) {
        if (known.size() < alias) known.resize(alias);
        known[alias - 1u] = publish.topic;
        return std::nullopt;
    }
    if (known.size() < alias || known[alias - 1u].empty()) {
        ++stats.refused_topic_alias;
        return Refused{Reason::protocol_error, "a topic alias that stands for nothing"};
    }
    publish.topic = known[alias - 1u];
    return std::nullopt;
}

/// What ends the connection.
std::optional<Refused> Broker::State::judge_publish(Connection& c, const Publish& publish) {
    if (publish.qos > settings.qos_max)  // [MQTT-3.2.2-11]
        return Refused{Reason::qos_not_supported, "a higher QoS than is supported"};
    if (publish.retain && !settings.retain_available)  // [MQTT-3.2.2-14]
        return Refused{Reason::retain_not_supported, "retained messages are not supported"};
    if (!publish.properties.subscription_identifiers.empty())  // [MQTT-3.3.4-6]
        return Refused{Reason::protocol_error, "a subscription identifier from a client"};
    if (publish.qos == Qos::at_most_once || !c.v5()) return std::nullopt;
    if (c.received < settings.receive_maximum) return std::nullopt;
    if (publish.qos == Qos::exactly_once && receipt_of(*c.session, publish.packet_id) != nullptr)
        return std::nullopt;
    ++stats.refused_receive_maximum;  // [MQTT-3.3.4-7] [MQTT 5.0 §3.3.4]
    return Refused{Reason::receive_maximum_exceeded, "more in flight than the receive maximum"};
}

std::optional<Reason> Broker::State::refuse_publish(const Connection& c, const Publish& publish) {
    if (publish.topic.size() > settings.topic_levels_max &&
        levels_of(publish.topic) > settings.topic_levels_max) {
        ++stats.publishes_refused_error;
        ++stats.refused_topic_levels;
        return Reason::topic_name_invalid;
    }
    if (publish.topic.starts_with("$SYS") && !c.internal) {
        ++stats.publishes_refused_reserved;
        return Reason::not_authorized;
    }
    const Session& s = *c.session;
    if (!may_write(c, s.name(), s.user_name.view(), publish.topic)) {
        ++stats.publishes_refused_access;
        return Reason::not_authorized;
    }
    return std::nullopt;
}

void Broker::State::publish_of(Connection& c, const Publish& publish, Framer* framer) {
    Session& s = *c.session;
    const PacketType type =
        publish.qos == Qos::exactly_once ? PacketType::pubrec : PacketType::puback;
    const std::size_t facts_before = facts.size();
    if (publish.qos == Qos::exactly_once) {
        // Method B: once only, until it is released [MQTT-4.3.3-10] [MQTT-4.3.3-13].
        if (Receipt* const known = receipt_of(s, publish.packet_id); known != nullptr) {
            ++stats.publishes_duplicate;
            if (!std::exchange(known->here, true)) ++c.received;
            if (failing && s.stored() && !c.v5()) {
                end_connection(c, Reason::quota_exceeded, "the store fails");
                return;
            }
            answer(c, type, publish.packet_id, Reason::success, s.stored());
            return;
        }
    }
    if (publish.qos != Qos::at_most_once) ++c.received;
    if (const auto no = refuse_publish(c, publish)) {
        if (publish.qos == Qos::at_most_once) return;
        // 3.1.1 has no word for it: it is acknowledged, and goes nowhere [MQTT 3.1.1 §3.3.5].
        if (!c.v5() && publish.qos == Qos::exactly_once) save_receipt(c, publish.packet_id);
        answer(c, type, publish.packet_id, c.v5() ? *no : Reason::success,
               facts.size() > facts_before);
        return;
    }
    Offer offer{.publish = publish, .framer = framer};
    if (publish.properties.message_expiry_seconds.has_value())
        offer.expires_at =
            after(now, std::chrono::seconds(*publish.properties.message_expiry_seconds));
    Routed routed;
    const bool receipt_is_stored = publish.qos == Qos::exactly_once && s.stored();
    if (failing && receipt_is_stored)
        routed.refused_store = true;
    else
        routed = route(offer, &c);
    if (routed.refused_store) {
        ++stats.publishes_refused_store;
        if (c.v5())
            answer(c, type, publish.packet_id, Reason::quota_exceeded, false);
        else
            end_connection(c, Reason::quota_exceeded, "the store fails");
        return;
    }
    ++stats.publishes_routed;
    if (publish.retain) retain(offer);  // [MQTT-3.3.1-5]
    if (publish.qos == Qos::at_most_once) return;
    if (publish.qos == Qos::exactly_once) save_receipt(c, publish.packet_id);
    const bool told = c.v5() && routed.matched == 0;
    answer(c, type, publish.packet_id, told ? Reason::no_matching_subscribers : Reason::success,
           facts.size() > facts_before);
}

Receipt* Broker::State::receipt_of(Session& s, std::uint16_t packet_id) {
    if (s.receipts == nullptr) return nullptr;
    const auto at = std::ranges::lower_bound(*s.receipts, packet_id, {}, &Receipt::packet_id);
    return at != s.receipts->end() && at->packet_id == packet_id ? &*at : nullptr;
}

void Broker::State::save_receipt(Connection& c, std::uint16_t packet_id) {
    Session& s = *c.session;
    if (s.receipts == nullptr) s.receipts = std::make_unique<std::vector<Receipt>>();
    const auto at = std::ranges::lower_bound(*s.receipts, packet_id, {}, &Receipt::packet_id);
    s.receipts->insert(at, Receipt{packet_id, true});
    if (s.stored()) journal(journal::SaveReceipt{{s.key, packet_id}});
}

bool Broker::State::forget_receipt(Connection& c, std::uint16_t packet_id) {
    Session& s = *c.session;
    Receipt* const receipt = receipt_of(s, packet_id);
    if (receipt == nullptr) return false;
    if (receipt->here && c.received > 0) --c.received;
    s.receipts->erase(s.receipts->begin() + (receipt - s.receipts->data()));
    if (s.receipts->empty()) s.receipts.reset();
    if (s.stored()) journal(journal::ForgetReceipt{{s.key, packet_id}});
    return true;
}

void Broker::State::on_pubrel(Connection& c, std::uint16_t packet_id) {
    const bool known = forget_receipt(c, packet_id);  // [MQTT-4.3.3-11]
    const Reason reason = known || !c.v5() ? Reason::success : Reason::packet_identifier_not_found;
    answer(c, PacketType::pubcomp, packet_id, reason, known && c.session->stored());
}

/// In the order of what they answer [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4].
void Broker::State::answer(Connection& c, PacketType type, std::uint16_t packet_id, Reason reason,
                           bool gated) {
    const std::uint64_t sequence = gated || c.waiting > 0 ? gate() : 0;
    if (sequence == 0) {
        send_ack(c, type, packet_id, reason);
        return;
    }
    wait({.sequence = sequence,
          .number = std::to_underlying(c.id),
          .generation = c.generation,
          .type = type,
          .reason = reason,
          .packet_id = packet_id});
}

}  // namespace causeway::mqtt
