#include "coap/exchanges.hpp"

#include <algorithm>

namespace causeway::coap {

// ---- the table ---------------------------------------------------------------------------------

Exchanges::Shelf& Exchanges::shelf() {
    if (!shelf_) shelf_ = std::make_unique<Shelf>();
    return *shelf_;
}

Exchanges::Exchange* Exchanges::find(ExchangeId id) noexcept {
    for (Exchange& e : exchanges_)
        if (e.id == id) return &e;
    return nullptr;
}

void Exchanges::close(ExchangeId id) {
    std::erase_if(exchanges_, [&](const Exchange& e) { return e.id == id; });
}

void Exchanges::settle() noexcept {
    if (!std::exchange(unsettled_, false)) return;
    next_ = shelf_ ? shelf_->observers.next() : never;
    for (const Exchange& e : exchanges_) next_ = std::min(next_, e.due);
}

bool Exchanges::observed_by(const Peer& peer, const Token& token) const noexcept {
    return shelf_ && std::as_const(shelf_->observers).find(peer, token) != nullptr;
}

// ---- arrivals ----------------------------------------------------------------------------------

void Exchanges::arrived(Core& core, Instant now, const Peer& peer, Message&& message,
                        bool multicast) {
    unsettled_ = true;
    Exchange e;
    e.peer = peer;
    e.token = message.token;
    e.message_id = message.id;
    e.method = message.code;
    e.confirmable = message.type == Type::confirmable;
    e.multicast = multicast;

    if (const auto bad = first_unacceptable(message.options, core.settings.forwarding)) {
        ++core.stats.options_refused;
        // Critical options "in a Non-confirmable message MUST cause the message to be rejected";
        // one proxy more on the way is no reason to be louder. [RFC 7252 §5.4.1, §5.7.1]
        if (e.confirmable)
            answer_code(core, now, e, Code::bad_option,
                        "option " + std::to_string(std::to_underlying(*bad)));
        return;
    }
    e.key = transfer_key(message.code, message.options);
    if (put_together(core, now, e, message)) return;

    const BlockOption block2 = BlockOption::read(message.options, OptionNumber::block2);
    if (block2.invalid) return answer_code(core, now, e, Code::bad_request, "Block2");
    if (block2.present) e.block2 = block2.block;
    const bool first_block = !e.block2 || e.block2->number == 0;
    if (!first_block && serve_block(core, now, e)) return;

    const bool safe = message.code == Code::get || message.code == Code::fetch;
    const auto observe = message.options.uint(OptionNumber::observe);
    // "Observation relationships always apply to an entire resource." [RFC 7959 §2.6]
    if (observe && safe && first_block && !multicast) {
        e.registers = *observe == 0;
        if (*observe == 1 && shelf_) shelf_->observers.remove(core, peer, e.token);
    }
    if (const auto unwanted = message.options.uint(OptionNumber::no_response))
        e.unwanted = static_cast<std::uint8_t>(*unwanted);
    e.wants_size = message.options.has(OptionNumber::size2);

    if (exchanges_.size() >= std::size_t{core.settings.exchanges_max} + observers()) {
        ++core.stats.exchanges_refused;
        if (e.confirmable) answer_code(core, now, e, Code::service_unavailable);
        return;
    }
    for (const OptionNumber done :
         {OptionNumber::observe, OptionNumber::block1, OptionNumber::block2, OptionNumber::size1})
        message.options.remove(done);
    e.id = ExchangeId{++last_id_};
    e.due =
        after(now, e.confirmable ? core.settings.piggyback_window : core.settings.response_timeout);
    if (e.registers) e.options = std::make_unique<Options>(message.options);
    RequestArrived out;
    out.exchange = e.id;
    out.peer = peer;
    out.method = message.code;
    out.options = std::move(message.options);
    out.payload = std::move(message.payload);
    out.token = e.token;
    out.confirmable = e.confirmable;
    out.multicast = multicast;
    out.observe = e.registers;
    exchanges_.push_back(std::move(e));
    core.out.push(std::move(out));
}

bool Exchanges::put_together(Core& core, Instant now, Exchange& e, Message& message) {
    const auto refuse_size = [&] {
        Message reply;
        reply.code = Code::request_entity_too_large;
        if (e.block1) reply.options.add_uint(OptionNumber::block1, e.block1->to_uint());
        // "SHOULD include a Size1 Option ... to indicate the maximum size" [RFC 7252 §5.9.2.9]
        reply.options.add_uint(OptionNumber::size1, core.settings.body_octets_max);
        answer(core, now, e, std::move(reply));
        return true;
    };
    const BlockOption block1 = BlockOption::read(message.options, OptionNumber::block1);
    if (!block1.present) {
        if (message.payload.size() <= core.settings.body_octets_max) return false;
        ++core.stats.bodies_refused;
        return refuse_size();
    }
    if (e.multicast) return true;
    // "The value 7 for SZX ... MUST lead to a 4.00 Bad Request" [RFC 7959 §2.2]
    if (block1.invalid) return answer_code(core, now, e, Code::bad_request, "Block1"), true;
    e.block1 = block1.block;
    if (block1.block.number == 0 && !block1.block.more) return false;

    auto taken = shelf().assemblies.take(core, now, e.peer, e.key, block1.block, message);
    switch (taken.outcome) {
        case Assemblies::Outcome::complete:
            message.payload = std::move(taken.body);
            return false;
        case Assemblies::Outcome::too_large:
            return refuse_size();
        case Assemblies::Outcome::go_on: {
            Message reply;
            reply.code = Code::continue_;
            // Our preference takes effect from the next block on. [RFC 7959 §2.3]
            e.block1->szx = std::min(e.block1->szx, core.settings.block_szx);
            reply.options.add_uint(OptionNumber::block1, e.block1->to_uint());
            answer(core, now, e, std::move(reply));
            return true;
        }
        case Assemblies::Outcome::incomplete:
            break;
    }
    Message reply;
    reply.code = Code::request_entity_incomplete;
    reply.options.add_uint(OptionNumber::block1, e.block1->to_uint());
    answer(core, now, e, std::move(reply));
    return true;
}

/// A further block of a body that was kept; or of one that can no longer be had.
bool Exchanges::serve_block(Core& core, Instant now, const Exchange& e) {
    const Transfers::Transfer* kept = shelf_ ? shelf_->transfers.find(now, e.peer, e.key) : nullptr;
    if (kept != nullptr) {
        Message reply;
        reply.code = kept->response.code;
        reply.options = kept->response.options;
        Block block = *e.block2;
        if (!put_block(kept->response, block, reply))
            return answer_code(core, now, e, Code::bad_request, "past the end"), true;
        answer(core, now, e, std::move(reply));
        return true;
    }
    // A representation can be made once more, and any block of it be given. What a POST answered
    // cannot.
    if (e.method == Code::get || e.method == Code::fetch) return false;
    ++core.stats.bodies_incomplete;
    answer_code(core, now, e, Code::request_entity_incomplete);
    return true;
}

// ---- observers ---------------------------------------------------------------------------------

/// Asks the application, on behalf of the observers whose turn it is.
void Exchanges::ask(Core& core, Instant now) {
    if (!shelf_) return;
    while (Observer* o = shelf_->observers.next_to_ask(core.settings)) {
        Exchange e;
        e.id = ExchangeId{++last_id_};
        e.peer = o->peer;
        e.token = o->token;
        e.method = o->method;
        e.observer = o->serial;
        e.key = o->key;
        e.due = after(now, core.settings.response_timeout);
        RequestArrived out;
        out.exchange = e.id;
        out.peer = o->peer;
        out.method = o->method;
        out.options = o->options;
        out.token = o->token;
        out.notification = true;
        exchanges_.push_back(std::move(e));
        core.out.push(std::move(out));
        unsettled_ = true;
    }
}

void Exchanges::resource_changed(Core& core, Instant now, std::string_view path, bool confirmable) {
    if (!shelf_) return;
    unsettled_ = true;
    shelf_->observers.mark_changed(path, confirmable);
    ask(core, now);
}

void Exchanges::observer_changed(Core& core, Instant now, const Peer& peer, const Token& token,
                                 bool confirmable) {
    Observer* o = shelf_ ? shelf_->observers.find(peer, token) : nullptr;
    if (o == nullptr) return;
    unsettled_ = true;
    shelf_->observers.mark_changed(*o, confirmable);
    ask(core, now);
}

void Exchanges::unreachable(Core& core, Instant now, const Peer& peer) {
    if (!shelf_) return;
    unsettled_ = true;
    shelf_->observers.remove_unacknowledged(core, peer);
    ask(core, now);
}

void Exchanges::acknowledged(Core& core, Instant now, std::uint64_t serial) {
    if (!shelf_) return;
    unsettled_ = true;
    shelf_->observers.acknowledged(now, serial);
    ask(core, now);
}

void Exchanges::rejected(Core& core, Instant now, std::uint64_t serial) {
    if (!shelf_) return;
    unsettled_ = true;
    shelf_->observers.remove(core, serial);
    ask(core, now);
}

bool Exchanges::rejected_unconfirmed(Core& core, Instant now, const Peer& peer, std::uint16_t id) {
    Observer* o = shelf_ ? shelf_->observers.find_by_message(peer, id) : nullptr;
    if (o == nullptr) return false;
    rejected(core, now, o->serial);
    return true;
}

bool Exchanges::supersede(Core& core, Instant now, std::uint64_t serial, const Effort& effort) {
    Observer* o = shelf_ ? shelf_->observers.find(serial) : nullptr;
    if (o == nullptr || !o->changed) return false;
    unsettled_ = true;
    shelf_->observers.supersede(*o, effort);
    ask(core, now);
    return true;
}

// ---- time --------------------------------------------------------------------------------------

void Exchanges::handle_timeout(Core& core, Instant now) {
    if (next_ > now) return;
    unsettled_ = true;
    for (std::size_t i = 0; i < exchanges_.size();) {
        Exchange& e = exchanges_[i];
        if (e.due > now) {
            ++i;
            continue;
        }
        if (e.confirmable && !e.acknowledged) {
            // "time out an acknowledgement timer": the response will be separate.
            // [RFC 7252 §5.2.2]
            core.acknowledge(now, e.peer, empty_message(Type::acknowledgement, e.message_id));
            e.acknowledged = true;
            e.due = after(now, core.settings.exchange_lifetime());
            ++i;
            continue;
        }
        if (e.delayed) {
            answer(core, now, e, std::move(*e.delayed));
        } else {
            ++core.stats.exchanges_abandoned;
            if (e.observer != 0) shelf_->observers.unanswered(now, e.observer);
        }
        exchanges_.erase(exchanges_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (!shelf_) return;
    shelf_->observers.handle_timeout(now, core.settings);
    ask(core, now);
}

}  // namespace causeway::coap
