#include "coap/exchanges.hpp"

#include <algorithm>

namespace causeway::coap {

// ---- the table ---------------------------------------------------------------------------------

Exchanges::Shelf& Exchanges::shelf() {
    if (!shelf_) shelf_ = std::make_unique<Shelf>();
    return *shelf_;
}

std::uint32_t Exchanges::place_of(ExchangeId id) noexcept {
    return static_cast<std::uint32_t>(std::to_underlying(id) & ((1u << place_bits) - 1));
}

Exchanges::Exchange* Exchanges::find(ExchangeId id) const noexcept {
    const std::uint32_t place = place_of(id);
    if (!table_ || id == ExchangeId{} || place >= table_->all.bound()) return nullptr;
    Exchange& e = table_->all[place];
    return e.id == id ? &e : nullptr;
}

Exchanges::Exchange& Exchanges::open(const Core& core, Exchange&& e, Instant due) {
    if (!table_) table_ = std::make_unique<Table>();
    const std::uint32_t place = table_->all.add(std::move(e));
    Exchange& opened = table_->all[place];
    opened.id = ExchangeId{++last_serial_ << place_bits | place};
    table_->due.set(place, due);
    if (opened.peer.transport != Transport::udp)
        table_->by_channel.join(core.hash(opened.peer), opened.peer.outer(), place);
    return opened;
}

void Exchanges::close(ExchangeId id) {
    const std::uint32_t place = place_of(id);
    table_->due.set(place, never);
    table_->by_channel.leave(place);
    table_->all.take(place);
}

bool Exchanges::observed_by(const Core& core, const Peer& peer, const Token& token) const {
    return shelf_ && shelf_->observers.find(core.hash, peer, token) != nullptr;
}

// ---- arrivals ----------------------------------------------------------------------------------

void Exchanges::refused(Core& core, Instant now, const Arrival& arrival, const Message& message,
                        Opened&& opened) {
    if (arrival.multicast) {
        ++core.stats.responses_suppressed;
        return;
    }
    const Exchange e = exchange_for(arrival, message);
    if (opened.reply) return answer(core, now, e, std::move(*opened.reply));
    Message reply;
    reply.code = opened.error;
    // "MAY set an Outer Max-Age option with value zero": no cache shall keep it. [RFC 8613 §8.2]
    reply.options.add_uint(OptionNumber::max_age, 0);
    answer(core, now, e, std::move(reply));
}

Exchanges::Exchange Exchanges::exchange_for(const Arrival& arrival, const Message& message) {
    Exchange e;
    e.peer = arrival.peer;
    e.binding = arrival.binding;
    e.token = message.token;
    e.message_id = message.id;
    e.method = message.code;
    e.confirmable = message.type == Type::confirmable;
    e.acknowledged = arrival.peer.is_reliable();
    e.multicast = arrival.multicast;
    e.octets = static_cast<std::uint32_t>(arrival.octets);
    return e;
}

/// Asks a source that may be forged to echo, before anything is changed for it, or promised to it.
/// [RFC 9175 §2.4]
bool Exchanges::challenged(Core& core, Instant now, Exchange& e, Message& message) {
    if (!core.freshness || e.multicast || e.peer.is_secure() || e.peer.is_reliable()) return false;
    e.unverified = !core.freshness->is_verified(core.hash, now, e.peer);
    const auto value = message.options.find(OptionNumber::echo);
    if (!e.unverified) return false;
    if (value && core.freshness->is_fresh(now, e.peer, *value)) {
        ++core.stats.echoes_verified;
        if (core.freshness->verified(core.hash, now, e.peer, core.settings))
            ++core.stats.verified_evicted;
        e.unverified = false;
        message.options.remove(OptionNumber::echo);
        return false;
    }
    if (value) ++core.stats.echoes_stale;
    const bool safe = message.code == Code::get || message.code == Code::fetch;
    if (safe && message.options.uint(OptionNumber::observe) != 0u) return false;
    challenge(core, now, e);
    return true;
}

void Exchanges::arrived(Core& core, Instant now, const Arrival& arrival, Message&& message) {
    const Peer& peer = arrival.peer;
    Exchange e = exchange_for(arrival, message);

    if (message.token.size() >
        std::max<std::size_t>(core.settings.token_octets_max, Token::short_octets)) {
        // "it MUST NOT reject ... SHOULD return a 5.03" [RFC 8974 §2.2.2]
        ++core.stats.tokens_refused;
        return answer_code(core, now, e, Code::service_unavailable);
    }
    if (challenged(core, now, e, message)) return;
    // Streams have no use for them; under object security they stay unknown.
    const bool qblock = core.qblock != nullptr && !peer.is_reliable() && peer.context == 0;
    if (const auto bad = first_unacceptable(message.options, core.settings.forwarding, qblock)) {
        ++core.stats.options_refused;
        // Critical options "in a Non-confirmable message MUST cause the message to be rejected";
        // one proxy more on the way is no reason to be louder. [RFC 7252 §5.4.1, §5.7.1]
        if (e.confirmable)
            answer_code(core, now, e, Code::bad_option,
                        "option " + std::to_string(std::to_underlying(*bad)));
        return;
    }
    e.key = transfer_key(core.hash, message.code, message.options);
    if (qblock && take_quick(core, now, e, message)) return;
    if (put_together(core, now, e, message)) return;

    const BlockOption block2 =
        BlockOption::read(message.options, OptionNumber::block2, peer.is_reliable());
    if (block2.invalid) return answer_code(core, now, e, Code::bad_request, "Block2");
    if (block2.present) e.block2 = block2.block;
    const bool first_block = (!e.block2 || e.block2->number == 0) &&
                             (!e.quick || e.quick->wanted->kind == QBlock2Wanted::Kind::whole);
    if (!first_block && !e.quick && serve_block(core, now, e, message.payload.empty())) return;
    admit(core, now, std::move(e), std::move(message), first_block);
}

void Exchanges::admit(Core& core, Instant now, Exchange&& e, Message&& message, bool first_block) {
    const Peer peer = e.peer;
    const bool multicast = e.multicast;
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

    const std::size_t open_now = table_ ? table_->all.size() : 0;
    if (open_now >=
        std::min<std::size_t>(core.settings.exchanges_max + observers(), 1u << place_bits)) {
        ++core.stats.exchanges_refused;
        if (e.confirmable && (!e.quick || e.quick->upload == 0))
            answer_code(core, now, e, Code::service_unavailable);
        return;
    }
    for (const OptionNumber done :
         {OptionNumber::observe, OptionNumber::block1, OptionNumber::block2, OptionNumber::size1,
          OptionNumber::q_block2})
        message.options.remove(done);
    const Duration patience = e.acknowledged  ? core.settings.exchange_lifetime()
                              : e.confirmable ? core.settings.piggyback_window
                                              : core.settings.response_timeout;
    if (e.registers) e.kept = std::make_unique<Kept>(Kept{message.options, message.payload});
    const Exchange& opened = open(core, std::move(e), after(now, patience));
    RequestArrived out;
    out.exchange = opened.id;
    out.peer = peer;
    out.method = message.code;
    out.options = std::move(message.options);
    out.payload = std::move(message.payload);
    out.token = std::move(message.token);
    out.confirmable = opened.confirmable;
    out.multicast = multicast;
    out.observe = opened.registers;
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
    const BlockOption block1 =
        BlockOption::read(message.options, OptionNumber::block1, e.peer.is_reliable());
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
            e.block1->szx = std::min(e.block1->szx, szx_max_for(core, e.peer));
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
bool Exchanges::serve_block(Core& core, Instant now, const Exchange& e, bool bodiless) {
    const Response* kept = shelf_ ? shelf_->transfers.find(core.hash, now, e.peer, e.key) : nullptr;
    if (kept != nullptr) {
        Message reply;
        reply.code = kept->code;
        reply.options = kept->options;
        Block block = *e.block2;
        const std::size_t room = core.full_block(e.peer, reply, block.szx);
        if (!put_block(*kept, block, room, reply))
            return answer_code(core, now, e, Code::bad_request, "past the end"), true;
        answer(core, now, e, std::move(reply));
        return true;
    }
    // A representation can be made once more, and any block of it be given. What a POST answered
    // cannot.
    // Nor can what a FETCH asked for, where only its first message said what.
    if (e.method == Code::get || (e.method == Code::fetch && !bodiless)) return false;
    ++core.stats.bodies_incomplete;
    answer_code(core, now, e, Code::request_entity_incomplete);
    return true;
}

// ---- observers ---------------------------------------------------------------------------------

/// Asks the application, on behalf of the observers whose turn it is.
void Exchanges::ask(Core& core, Instant now) {
    if (!shelf_) return;
    while (Observer* o = shelf_->observers.next_to_ask(core)) {
        Exchange e;
        e.peer = o->peer;
        e.token = o->token;
        e.method = o->method;
        e.observer = o->serial;
        e.binding = o->binding;
        e.acknowledged = o->peer.is_reliable();
        if (o->szx_asked) e.block2 = Block{0, false, o->szx};
        e.key = o->key;
        RequestArrived out;
        out.exchange = open(core, std::move(e), after(now, core.settings.response_timeout)).id;
        out.peer = o->peer;
        out.method = o->method;
        out.options = o->options;
        out.payload = o->payload;
        out.token = o->token;
        out.notification = true;
        core.out.push(std::move(out));
    }
}

void Exchanges::resource_changed(Core& core, Instant now, std::string_view path, bool confirmable) {
    if (!shelf_) return;
    shelf_->observers.mark_changed(core.hash, path, confirmable);
    ask(core, now);
}

void Exchanges::observer_changed(Core& core, Instant now, const Peer& peer, const Token& token,
                                 bool confirmable) {
    Observer* o = shelf_ ? shelf_->observers.find(core.hash, peer, token) : nullptr;
    if (o == nullptr) return;
    shelf_->observers.mark_changed(*o, confirmable);
    ask(core, now);
}

void Exchanges::unreachable(Core& core, Instant now, const Peer& peer) {
    if (!shelf_) return;
    shelf_->observers.remove_unacknowledged(core, peer);
    ask(core, now);
}

void Exchanges::closed(Core& core, const ChannelClosed& gone) {
    const std::uint64_t hash = core.hash.channel(gone.transport, gone.channel);
    const auto behind = [&](const Peer& peer) { return is_behind(peer, gone); };
    while (table_) {
        const ByPeer::Group* group = table_->by_channel.find_if(hash, behind);
        if (group == nullptr) break;
        close(table_->all[group->first].id);
    }
    if (!shelf_) return;
    shelf_->observers.closed(core, gone);
    shelf_->assemblies.closed(gone);
    shelf_->transfers.closed(gone);
    shelf_->quick_uploads.closed(core.hash, gone);
    shelf_->quick_transfers.closed(core.hash, gone);
}

void Exchanges::acknowledged(Core& core, Instant now, std::uint64_t serial) {
    if (!shelf_) return;
    shelf_->observers.acknowledged(now, serial);
    ask(core, now);
}

void Exchanges::rejected(Core& core, Instant now, std::uint64_t serial) {
    if (!shelf_) return;
    shelf_->observers.remove(core, serial);
    ask(core, now);
}

bool Exchanges::rejected_unconfirmed(Core& core, Instant now, const Peer& peer, std::uint16_t id) {
    Observer* o = shelf_ ? shelf_->observers.find_by_message(core.hash, peer, id) : nullptr;
    if (o == nullptr) return reject_quick(core, peer, id);
    rejected(core, now, o->serial);
    return true;
}

bool Exchanges::supersede(Core& core, Instant now, std::uint64_t serial, const Effort& effort) {
    Observer* o = shelf_ ? shelf_->observers.find(serial) : nullptr;
    if (o == nullptr || !o->changed) return false;
    shelf_->observers.supersede(*o, effort);
    ask(core, now);
    return true;
}

// ---- time --------------------------------------------------------------------------------------

void Exchanges::handle_timeout(Core& core, Instant now) {
    while (table_ && table_->due.next() <= now) {
        const std::uint32_t place = table_->due.first();
        Exchange& e = table_->all[place];
        if (e.confirmable && !e.acknowledged) {
            // "time out an acknowledgement timer": the response will be separate.
            // [RFC 7252 §5.2.2]
            core.acknowledge(now, e.peer, empty_message(Type::acknowledgement, e.message_id));
            e.acknowledged = true;
            table_->due.set(place, after(now, core.settings.exchange_lifetime()));
            continue;
        }
        if (e.delayed) {
            answer(core, now, e, std::move(*e.delayed));
        } else {
            ++core.stats.exchanges_abandoned;
            if (e.observer != 0) shelf_->observers.unanswered(now, e.observer);
        }
        close(e.id);
    }
    if (!shelf_) return;
    quick_timeout(core, now);
    shelf_->observers.handle_timeout(now, core.settings);
    ask(core, now);
}

}  // namespace causeway::coap
