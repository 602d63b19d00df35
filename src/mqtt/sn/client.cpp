#include "mqtt/sn/client.hpp"

#include "mqtt/topic.hpp"

#include <algorithm>
#include <array>

namespace causeway::mqtt::sn {

Client::Client(ClientSettings settings, Random random, Instant now, Teller teller)
    : settings_(std::move(settings)),
      random_(random),
      teller_(teller),
      now_(now),
      gateway_(settings_.gateway) {}

void Client::handle(Instant now, Input in) {
    now_ = now;
    std::visit(Overloaded{
                   [&](DatagramReceived& datagram) { received(datagram); },
                   [&](Start&) { start(); },
                   [&](Stop&) { stop(); },
                   [&](auto& wish) { accept(std::move(wish)); },
               },
               in);
}

Instant Client::next_deadline() const noexcept {
    Instant next = std::min(retry_at_, next_at_);
    if (state_ == State::active && step_ == Step::none) next = std::min(next, hold_until_);
    return next;
}

void Client::handle_timeout(Instant now) {
    now_ = now;
    if (retry_at_ <= now_) {
        if (++retries_ > settings_.retries_max) return give_up();
        if (step_ != Step::search) ++stats_.retransmissions;
        transmit();
    }
    if (hold_until_ <= now_) {
        hold_until_ = never;
        advance();
    }
    if (next_at_ > now_) return;
    next_at_ = never;
    switch (state_) {
        case State::waiting:
            return start();
        case State::asleep:
            // [MQTT-SN 1.2 §6.14] The id, because the address may have changed meanwhile.
            if (queue_.empty() && unasked() == nullptr) return begin(Step::ping);
            return connect(false);
        case State::active:
            if (step_ == Step::none) return begin(Step::ping);
            // Something is being said anyway.
            next_at_ = after(now_, std::chrono::seconds(settings_.keep_alive_seconds));
            return;
        default:
            return;
    }
}

// ---- wishes ------------------------------------------------------------------------------------

void Client::start() {
    if (state_ != State::idle && state_ != State::waiting) return;
    if (gateway_) return connect(true);
    become(State::searching);
    // [MQTT-SN 1.2 §6.1] After a while drawn by chance: nodes are switched on together.
    step_ = Step::search;
    retries_ = 0;
    retry_at_ = settings_.search_to ? after(now_, random_.within(settings_.search_within)) : never;
}

void Client::stop() {
    if (state_ == State::active || state_ == State::asleep) send(Disconnect{});
    while (!queue_.empty()) finish_first(Outcome::dropped);
    step_ = Step::none;
    retry_at_ = next_at_ = hold_until_ = never;
    become(State::idle);
}

void Client::accept(DoPublish wish) {
    ++stats_.publishes;
    ++stats_.publishes_waiting;
    const auto drop = [&] {
        --stats_.publishes_waiting;
        ++stats_.publishes_dropped;
        out_.push(Published{wish.id, Outcome::dropped});
    };
    if (wish.qos == Quality::without_connection) {
        const auto alias = alias_of(wish.topic);
        if (!gateway_ || !alias || alias->kind == TopicKind::normal) return drop();
        return publish_minus_one(wish);
    }
    if (queue_.size() >= settings_.queue_max ||
        queue_octets_ + wish.payload.size() > settings_.queue_octets_max ||
        !is_topic_name(wish.topic))
        return drop();
    const auto taken = [&](const DoPublish& other) { return other.id == wish.id; };
    if (wish.id == 0 || std::ranges::any_of(queue_, taken)) wish.id = own_id();
    queue_octets_ += wish.payload.size();
    queue_.push_back(std::move(wish));
    if (state_ == State::asleep && step_ == Step::none) return connect(false);
    advance();
}

void Client::publish_minus_one(const DoPublish& wish) {
    const auto alias = alias_of(wish.topic);
    Publish publish;
    publish.qos = Quality::without_connection;
    publish.retain = wish.retain;
    publish.kind = alias->kind;
    publish.topic_id = alias->id;
    publish.payload = wish.payload;
    send(publish);
    --stats_.publishes_waiting;
    ++stats_.published;
    out_.push(Published{wish.id, Outcome::accepted});
}

void Client::accept(DoSubscribe wish) {
    const auto there = std::ranges::find(subscriptions_, wish.filter, &Subscription::filter);
    if (there != subscriptions_.end()) {
        there->qos = wish.qos;
        there->asked = there->undo = false;
        // What is under way may be an older wish: asked anew, the old answer means nothing.
        if (step_ == Step::subscribe) return begin(Step::subscribe, own_id());
    } else if (subscriptions_.size() >= settings_.subscriptions_max) {
        ++stats_.subscriptions_refused;
        out_.push(Subscribed{std::move(wish.filter), Outcome::dropped});
        return;
    } else {
        subscriptions_.push_back({std::move(wish.filter), wish.qos});
    }
    if (state_ == State::asleep && step_ == Step::none) return connect(false);
    advance();
}

void Client::accept(DoUnsubscribe wish) {
    const auto there = std::ranges::find(subscriptions_, wish.filter, &Subscription::filter);
    if (there == subscriptions_.end()) return;
    there->asked = false;
    there->undo = true;
    if (step_ == Step::subscribe) return begin(Step::subscribe, own_id());
    if (state_ == State::asleep && step_ == Step::none) return connect(false);
    advance();
}

// ---- exchanges ---------------------------------------------------------------------------------

void Client::connect(bool anew) {
    was_asleep_ = !anew;
    if (anew) {
        ++stats_.connects;
        // A clean session forgets the exchange, on both sides.
        if (recorded_ && settings_.clean_session) finish_first(Outcome::accepted);
        topics_.clear();  // [MQTT-SN 1.2 §6.5] Ids are of one connection.
        for (Subscription& subscription : subscriptions_) subscription.asked = false;
    }
    become(State::connecting);
    begin(Step::connect);
}

void Client::advance() {
    if (state_ != State::active || step_ != Step::none || hold_until_ != never) return;
    if (unasked() != nullptr) return begin(Step::subscribe, own_id());
    while (!queue_.empty()) {
        if (recorded_) return begin(Step::release, queue_.front().id);
        const DoPublish& first = queue_.front();
        if (!alias_of(first.topic)) return begin(Step::register_, own_id());
        begin(Step::publish, first.id);
        if (first.qos != Quality::at_most_once) return;
        finish_first(Outcome::accepted);
        step_ = Step::none;
        retry_at_ = never;
    }
    if (settings_.sleep_seconds != 0) begin(Step::sleep);
}

void Client::begin(Step step, std::uint16_t message_id) {
    step_ = step;
    message_id_ = message_id;
    retries_ = 0;
    transmit();
}

void Client::transmit() {
    retry_at_ = after(now_, settings_.retry_after);
    switch (step_) {
        case Step::none:
            retry_at_ = never;
            return;
        case Step::search:
            if (retries_ == settings_.retries_max) retries_ = 0;  // goes on for ever, ever slower
            retry_at_ = after(now_, settings_.reconnect_max);
            return send(SearchGateway{});
        case Step::connect:
            return send(Connect{.will = !was_asleep_ && settings_.will.has_value(),
                                .clean_session = !was_asleep_ && settings_.clean_session,
                                .keep_alive_seconds = settings_.keep_alive_seconds,
                                .client_id = settings_.client_id});
        case Step::will_topic:
            if (!settings_.will) return send(WillTopic{});
            return send(WillTopic{.qos = settings_.will->qos,
                                  .retain = settings_.will->retain,
                                  .topic = settings_.will->topic});
        case Step::will_message:
            return send(WillMessage{false, settings_.will
                                               ? std::string_view(settings_.will->message)
                                               : std::string_view()});
        case Step::register_:
            return send(Register{topic_id_none, message_id_, queue_.front().topic});
        case Step::publish: {
            const DoPublish& first = queue_.front();
            const auto alias = alias_of(first.topic);
            if (!alias) {
                step_ = Step::none;
                retry_at_ = never;
                return advance();
            }
            const bool answered = first.qos != Quality::at_most_once;
            return send(Publish{.dup = answered && std::exchange(sent_, true),
                                .qos = first.qos,
                                .retain = first.retain,
                                .kind = alias->kind,
                                .topic_id = alias->id,
                                .message_id = answered ? first.id : std::uint16_t{0},
                                .payload = first.payload});
        }
        case Step::release:
            return send(Handshake{MessageType::pubrel, message_id_});
        case Step::subscribe: {
            const Subscription& wish = *unasked();
            Subscribe subscribe{.undo = wish.undo,
                                .dup = retries_ != 0 && !wish.undo,
                                .qos = wish.undo ? Quality::at_most_once : wish.qos,
                                .message_id = message_id_,
                                .topic = wish.filter};
            const auto alias = alias_of(wish.filter);
            if (alias && alias->kind != TopicKind::normal) {
                subscribe.kind = alias->kind;
                subscribe.topic_id = alias->id;
                subscribe.topic = {};
            }
            return send(subscribe);
        }
        case Step::ping:
            return send(Pingreq{state_ == State::asleep ? std::string_view(settings_.client_id)
                                                        : std::string_view()});
        case Step::sleep:
            return send(Disconnect{settings_.sleep_seconds});
    }
}

void Client::finish_first(Outcome outcome) {
    const DoPublish first = std::move(queue_.front());
    queue_.erase(queue_.begin());
    queue_octets_ -= first.payload.size();
    again_ = sent_ = recorded_ = false;
    --stats_.publishes_waiting;
    ++(outcome == Outcome::accepted  ? stats_.published
       : outcome == Outcome::refused ? stats_.publishes_refused
                                     : stats_.publishes_dropped);
    out_.push(Published{first.id, outcome});
}

void Client::finish_subscription(Outcome outcome) {
    Subscription* wish = unasked();
    step_ = Step::none;
    retry_at_ = never;
    if (outcome != Outcome::accepted) ++stats_.subscriptions_refused;
    out_.push(Subscribed{wish->filter, outcome});
    wish->asked = true;
    if (wish->undo || outcome != Outcome::accepted)
        subscriptions_.erase(subscriptions_.begin() + (wish - subscriptions_.data()));
}

/// [MQTT-SN 1.2 §6.13] No answer to anything: the gateway is gone, or we are.
void Client::give_up() {
    ++stats_.gateways_lost;
    teller_.tell(now_, "sn.gateway_lost");
    if (!settings_.gateway) gateway_.reset();  // perhaps there is another one
    wait_for(settings_.reconnect_min * (1 << std::min<unsigned>(failures_, 16)));
    if (failures_ < 16) ++failures_;
}

void Client::wait_for(Duration span) {
    span = std::clamp(span, settings_.reconnect_min, settings_.reconnect_max);
    step_ = Step::none;
    retry_at_ = hold_until_ = never;
    next_at_ = after(now_, span / 2 + random_.within(span / 2));
    become(State::waiting);
}

void Client::become(State state) {
    if (state_ == state) return;
    state_ = state;
    out_.push(StateChanged{state});
}

void Client::send(const Body& body) {
    const Message message{body};
    const Peer to = step_ == Step::search ? *settings_.search_to : *gateway_;
    ++stats_.datagrams_sent;
    if (state_ == State::active && settings_.keep_alive_seconds != 0)
        next_at_ = after(now_, std::chrono::seconds(settings_.keep_alive_seconds));
    out_.push(SendDatagram{to, causeway::emitted(message)});
}

// ---- topics ------------------------------------------------------------------------------------

std::optional<Client::Alias> Client::alias_of(std::string_view name) const {
    for (const PredefinedTopic& topic : settings_.predefined)
        if (topic.topic == name) return Alias{TopicKind::predefined, topic.id};
    if (name.size() == 2 && is_topic_name(name))
        return Alias{TopicKind::short_name, short_topic_id(name)};
    const auto found = std::ranges::find(topics_, name, &Topic::name);
    if (found == topics_.end()) return std::nullopt;
    return Alias{TopicKind::normal, found->id};
}

std::string Client::name_of(TopicKind kind, std::uint16_t id) const {
    if (kind == TopicKind::short_name)
        return {static_cast<char>(id >> 8), static_cast<char>(id & 0xff)};
    if (kind == TopicKind::predefined) {
        const auto found = std::ranges::find(settings_.predefined, id, &PredefinedTopic::id);
        return found == settings_.predefined.end() ? std::string() : found->topic;
    }
    const auto found = std::ranges::find(topics_, id, &Topic::id);
    return found == topics_.end() ? std::string() : found->name;
}

bool Client::remember(std::string_view name, std::uint16_t id) {
    std::erase_if(topics_, [&](const Topic& t) { return t.name == name || t.id == id; });
    if (topics_.size() >= settings_.topics_max) {
        ++stats_.topics_refused;
        return false;
    }
    topics_.push_back({std::string(name), id});
    return true;
}

/// Ids of our own requests go down from the top, those that a caller counts go up from the bottom.
std::uint16_t Client::own_id() {
    const auto taken = [&] {
        return std::ranges::find(queue_, last_own_id_, &DoPublish::id) != queue_.end();
    };
    do {
        --last_own_id_;
    } while (last_own_id_ == 0 || taken());
    return last_own_id_;
}

Client::Subscription* Client::unasked() {
    const auto found = std::ranges::find(subscriptions_, false, &Subscription::asked);
    return found == subscriptions_.end() ? nullptr : &*found;
}

std::string_view name_of(Client::State state) noexcept {
    constexpr std::array<std::string_view, 6> names{"idle",   "searching", "connecting",
                                                    "active", "asleep",    "waiting"};
    return names[std::to_underlying(state)];
}

}  // namespace causeway::mqtt::sn
