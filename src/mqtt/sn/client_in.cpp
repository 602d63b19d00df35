// What the gateway says to a client.
#include "mqtt/sn/client.hpp"

#include <algorithm>

namespace causeway::mqtt::sn {

void Client::received(const DatagramReceived& datagram) {
    ++stats_.datagrams_received;
    ByteReader in(datagram.octets);
    const auto message = Message::parse(in);
    if (!message) return void(++stats_.datagrams_ignored);
    if (state_ == State::searching &&
        (message->type() == MessageType::gwinfo || message->type() == MessageType::advertise))
        return found(datagram.peer);
    // Only the gateway has a say; a forged source address is the network's to keep out.
    const bool ours = gateway_ == datagram.peer && state_ != State::idle &&
                      state_ != State::searching && state_ != State::waiting;
    if (!ours || !dispatch(message->body)) ++stats_.datagrams_ignored;
}

bool Client::dispatch(const Body& body) {
    return std::visit(Overloaded{
                          [&](const Connack& ack) { return connected(ack); },
                          [&](const WillTopicRequest&) {
                              if (state_ != State::connecting) return false;
                              begin(Step::will_topic);
                              return true;
                          },
                          [&](const WillMessageRequest&) {
                              if (state_ != State::connecting) return false;
                              begin(Step::will_message);
                              return true;
                          },
                          [&](const Register& registration) { return told(registration); },
                          [&](const Regack& ack) { return registered(ack); },
                          [&](const Publish& publish) { return arrived(publish); },
                          [&](const Puback& ack) { return acknowledged(ack); },
                          [&](const Handshake& step) { return handshake(step); },
                          [&](const Suback& ack) { return subscribed(ack); },
                          [&](const Unsuback& ack) { return unsubscribed(ack); },
                          [&](const Pingreq&) {
                              send(Pingresp{});
                              return true;
                          },
                          [&](const Pingresp&) { return ponged(); },
                          [&](const Disconnect&) { return disconnected(); },
                          [](const auto&) { return false; },
                      },
                      body);
}

void Client::found(const Peer& gateway) {
    gateway_ = gateway;
    connect(true);
}

bool Client::connected(const Connack& ack) {
    if (state_ != State::connecting) return false;
    step_ = Step::none;
    retry_at_ = never;
    if (ack.code != ReturnCode::accepted) {
        wait_for(ack.code == ReturnCode::congestion ? settings_.congestion_wait
                                                    : settings_.reconnect_max);
        return true;
    }
    failures_ = 0;
    hold_until_ = never;
    become(State::active);
    next_at_ = settings_.keep_alive_seconds == 0
                   ? never
                   : after(now_, std::chrono::seconds(settings_.keep_alive_seconds));
    advance();
    return true;
}

bool Client::disconnected() {
    if (step_ == Step::sleep) {
        sleep_until_due();
        return true;
    }
    // [MQTT-SN 1.2 §6.12] The gateway does not know us: anew, but not all clients at once.
    wait_for(settings_.reconnect_min);
    return true;
}

void Client::sleep_until_due() {
    step_ = Step::none;
    retry_at_ = never;
    become(State::asleep);
    next_at_ = after(now_, std::chrono::seconds(settings_.sleep_seconds));
    if (!queue_.empty() || unasked() != nullptr) connect(false);
}

bool Client::ponged() {
    if (step_ != Step::ping) return false;
    step_ = Step::none;
    retry_at_ = never;
    if (state_ == State::asleep)
        sleep_until_due();
    else
        advance();
    return true;
}

bool Client::registered(const Regack& ack) {
    if (step_ != Step::register_ || ack.message_id != message_id_) return false;
    step_ = Step::none;
    retry_at_ = never;
    if (ack.code == ReturnCode::congestion)
        hold_until_ = after(now_, settings_.congestion_wait);
    else if (ack.code != ReturnCode::accepted || !remember(queue_.front().topic, ack.topic_id))
        finish_first(Outcome::refused);
    advance();
    return true;
}

bool Client::acknowledged(const Puback& ack) {
    const bool refused_topic = ack.code == ReturnCode::invalid_topic_id;
    if (refused_topic)
        std::erase_if(topics_, [&](const Topic& topic) { return topic.id == ack.topic_id; });
    if (step_ != Step::publish || ack.message_id != message_id_) return refused_topic;
    if (ack.code == ReturnCode::accepted && queue_.front().qos != Quality::at_least_once)
        return false;
    step_ = Step::none;
    retry_at_ = never;
    if (ack.code == ReturnCode::accepted)
        finish_first(Outcome::accepted);
    else if (ack.code == ReturnCode::congestion)
        hold_until_ = after(now_, settings_.congestion_wait);
    else if (refused_topic && !again_)
        again_ = true, sent_ = false;  // registered once more
    else
        finish_first(Outcome::refused);
    advance();
    return true;
}

bool Client::handshake(const Handshake& step) {
    if (step.type == MessageType::pubrel) {
        std::erase(received_twice_, step.message_id);
        send(Handshake{MessageType::pubcomp, step.message_id});
        return true;
    }
    if (step.message_id != message_id_) return false;
    if (step.type == MessageType::pubrec) {
        if (step_ == Step::release) {
            transmit();  // the last one was lost
            return true;
        }
        if (step_ != Step::publish || queue_.front().qos != Quality::exactly_once) return false;
        recorded_ = true;
        begin(Step::release, message_id_);
        return true;
    }
    if (step_ != Step::release) return false;
    step_ = Step::none;
    retry_at_ = never;
    finish_first(Outcome::accepted);
    advance();
    return true;
}

bool Client::subscribed(const Suback& ack) {
    Subscription* wish = unasked();
    if (step_ != Step::subscribe || ack.message_id != message_id_ || wish == nullptr || wish->undo)
        return false;
    if (ack.code == ReturnCode::accepted) {
        // [MQTT-SN 1.2 §5.4.16] A name without wildcards comes with its id.
        const auto alias = alias_of(wish->filter);
        if (ack.topic_id != topic_id_none && (!alias || alias->kind == TopicKind::normal))
            remember(wish->filter, ack.topic_id);
        finish_subscription(Outcome::accepted);
    } else if (ack.code == ReturnCode::congestion) {
        step_ = Step::none;
        retry_at_ = never;
        hold_until_ = after(now_, settings_.congestion_wait);
    } else {
        finish_subscription(Outcome::refused);
    }
    advance();
    return true;
}

bool Client::unsubscribed(const Unsuback& ack) {
    const Subscription* wish = unasked();
    if (step_ != Step::subscribe || ack.message_id != message_id_ || wish == nullptr || !wish->undo)
        return false;
    finish_subscription(Outcome::accepted);
    advance();
    return true;
}

/// [MQTT-SN 1.2 §6.10] What a wildcard will bring.
bool Client::told(const Register& registration) {
    const bool room = registration.topic_id != topic_id_none &&
                      registration.topic_id != topic_id_reserved &&
                      remember(registration.topic, registration.topic_id);
    send(Regack{registration.topic_id, registration.message_id,
                room ? ReturnCode::accepted : ReturnCode::congestion});
    return true;
}

bool Client::arrived(const Publish& publish) {
    std::string topic = name_of(publish.kind, publish.topic_id);
    if (topic.empty()) {
        send(Puback{publish.topic_id, publish.message_id, ReturnCode::invalid_topic_id});
        return true;
    }
    if (publish.qos == Quality::exactly_once) {
        const bool known =
            std::ranges::find(received_twice_, publish.message_id) != received_twice_.end();
        if (!known && received_twice_.size() >= received_twice_max) {
            send(Puback{publish.topic_id, publish.message_id, ReturnCode::congestion});
            return true;
        }
        send(Handshake{MessageType::pubrec, publish.message_id});
        if (known) {
            ++stats_.received_twice;
            return true;
        }
        received_twice_.push_back(publish.message_id);
    } else if (publish.qos == Quality::at_least_once) {
        send(Puback{publish.topic_id, publish.message_id, ReturnCode::accepted});
    }
    ++stats_.received;
    out_.push(Received{std::move(topic), std::string(publish.payload), publish.retain});
    return true;
}

}  // namespace causeway::mqtt::sn
