// Wills [MQTT 5.0 §3.1.2.5], and what this program publishes itself.
#include "mqtt/broker/state.hpp"

namespace causeway::mqtt {

void Broker::State::will_of(Session& s, const Will& will) {
    Publish publish{.qos = will.qos, .retain = will.retain, .topic = will.topic};
    publish.properties = will.properties;
    publish.payload = will.payload;
    auto pending = std::make_unique<PendingWill>();
    pending->delay_seconds = will.properties.will_delay_seconds.value_or(0);
    pending->expiry_seconds = will.properties.message_expiry_seconds;
    pending->message = std::make_shared<const Message>(publish, never);
    s.will = std::move(pending);
}

/// The connection is gone without a DISCONNECT that unsays it [MQTT-3.1.2-8] [MQTT-3.14.4-3].
void Broker::State::will_due(Session& s) {
    s.will->due = after(now, std::chrono::seconds(s.will->delay_seconds));
    if (s.will->delay_seconds == 0) wills_due.push_back(std::move(s.will));
}

void Broker::State::forget_will(Session& s) {  // [MQTT-3.1.2-10]
    s.will.reset();
}

void Broker::State::publish_will(PendingWill& will) {
    ++stats.wills_published;
    const Publish publish = will.message->publish();
    Offer offer{.publish = publish, .here = true};
    if (will.expiry_seconds.has_value())
        offer.expires_at = after(now, std::chrono::seconds(*will.expiry_seconds));
    else
        offer.message = will.message;
    (void)route(offer, nullptr);
    if (publish.retain) retain(offer);  // [MQTT-3.1.2-14] [MQTT-3.1.2-15]
}

void Broker::State::publish_here(MessageRef message) {
    if (message == nullptr) return;
    ++stats.publishes_here;
    const Publish publish = message->publish();
    Offer offer{
        .publish = publish, .expires_at = message->expires_at(), .message = message, .here = true};
    (void)route(offer, nullptr);
    if (publish.retain) retain(offer);
}

}  // namespace causeway::mqtt
