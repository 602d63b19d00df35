#include "coap/requests.hpp"

#include <algorithm>

namespace causeway::coap {

std::string_view name_of(Failure failure) noexcept {
    switch (failure) {
        case Failure::timeout:
            return "timeout";
        case Failure::reset:
            return "reset";
        case Failure::unreachable:
            return "unreachable";
        case Failure::too_large:
            return "too large";
        case Failure::incomplete:
            return "incomplete";
        case Failure::bad_response:
            return "bad response";
        case Failure::queue_full:
            return "queue full";
        case Failure::invalid:
            return "invalid";
        case Failure::ended:
            return "ended";
    }
    return {};
}

// ---- finding -----------------------------------------------------------------------------------

Requests::Pointer Requests::find(std::uint64_t key) noexcept {
    for (const auto& t : transactions_)
        if (t->key == key) return t.get();
    return nullptr;
}

bool Requests::token_in_use(const Token& token) const noexcept {
    return std::ranges::any_of(transactions_, [&](const auto& t) {
        return t->token == token || (t->observation && t->observation->token == token);
    });
}

bool Requests::may_send(const Core& core, const Peer& peer) const noexcept {
    // "strictly limit the number of simultaneous outstanding interactions ... to NSTART"
    // [RFC 7252 §4.7]
    unsigned outstanding = 0;
    for (const auto& t : transactions_)
        if (t->outstanding && t->peer == peer) ++outstanding;
    return outstanding < std::max<unsigned>(core.settings.nstart, 1);
}

// ---- beginning and end -------------------------------------------------------------------------

void Requests::start(Core& core, Instant now, Request request) {
    const auto refuse = [&](Failure reason) {
        ++core.stats.requests_refused;
        core.out.push(RequestFailed{request.id, reason});
    };
    const bool known = std::ranges::any_of(transactions_, [&](const auto& t) {
        return t->id == request.id && t->step != Step::deregister;
    });
    const bool ping = request.code == Code::empty;
    if (known || (!ping && !is_request(request.code))) return refuse(Failure::invalid);
    const std::size_t upload_max =
        (Block::number_max + std::size_t{1}) * block_octets(core.settings.block_szx);
    if (request.payload.size() > upload_max) return refuse(Failure::too_large);
    if (transactions_.size() >= core.settings.transactions_max) return refuse(Failure::queue_full);
    ++core.stats.requests_started;

    auto t = std::make_unique<Transaction>();
    t->key = ++last_key_;
    t->id = request.id;
    t->peer = request.peer;
    t->code = request.code;
    t->wished = request.token;
    t->multicast = request.peer.is_multicast();
    // "Such multicast requests MUST be Non-confirmable." [RFC 7252 §8.1]
    t->confirmable = ping || (request.confirmable && !t->multicast);
    if (!ping) {
        t->options = std::move(request.options);
        t->body = std::move(request.payload);
        t->options.remove(OptionNumber::observe);
    }
    if (request.observe && !t->multicast && !ping) t->observation = std::make_unique<Observation>();

    t->szx1 = std::min(core.settings.block_szx, Block::szx_max);
    const BlockOption block2 = BlockOption::read(t->options, OptionNumber::block2);
    t->by_hand = t->options.has(OptionNumber::block1) ||
                 (block2.present && (block2.invalid || block2.block.number != 0));
    if (!t->by_hand) {
        if (block2.present)
            t->szx2 = block2.block.szx;
        else if (core.settings.early_negotiation && !ping)
            t->szx2 = t->szx1;
        t->options.remove(OptionNumber::block2);
        if (t->body.size() > block_octets(t->szx1) && !t->multicast) t->step = Step::upload;
    }
    // "the client endpoint SHOULD cease listening to response(s)" [RFC 7967 §2.1]
    constexpr std::uint32_t every_class = 2 | 8 | 16;
    const std::uint32_t unwanted = t->options.uint(OptionNumber::no_response).value_or(0);
    t->one_way = !t->confirmable && !t->observation && t->step == Step::whole &&
                 (unwanted & every_class) == every_class;
    Transaction& started = *transactions_.emplace_back(std::move(t));
    dispatch(core, now, started);
}

void Requests::cancel(Core& core, Instant now, RequestId id) {
    const auto found = std::ranges::find_if(
        transactions_, [&](const auto& t) { return t->id == id && t->step != Step::deregister; });
    if (found == transactions_.end()) return;
    Transaction& t = **found;
    land(core, t);
    if (!t.observation || !t.observation->registered) return finish(core, now, t);
    // "explicitly deregister by issuing a GET request that has the Token field set to the token of
    // the observation" [RFC 7641 §3.6]
    t.download.reset();
    continue_with(core, now, t, Step::deregister);
    send_queued(core, now, t.peer);
}

/// Takes the message of `t` off the air: nothing is waited for, nothing retransmitted.
void Requests::land(Core& core, Transaction& t) {
    core.unacknowledged.drop({Owner::Kind::request, t.key});
    t.flight = Flight::none;
    t.due = never;
    t.outstanding = false;
    t.release = never;
    unsettled_ = true;
}

void Requests::finish(Core& core, Instant now, Transaction& t) {
    land(core, t);
    const Peer peer = t.peer;
    std::erase_if(transactions_, [&](const auto& other) { return other.get() == &t; });
    send_queued(core, now, peer);
}

void Requests::fail(Core& core, Instant now, Transaction& t, Failure reason) {
    // The rest of one notification could not be had, but the observation stands.
    if (t.step == Step::download && t.observation && t.observation->registered) {
        const Peer peer = t.peer;
        rest(core, t);
        return send_queued(core, now, peer);
    }
    if (t.step != Step::deregister) {
        ++core.stats.requests_failed;
        core.teller.tell(now, "coap.request_failed", std::to_underlying(reason));
        core.out.push(RequestFailed{t.id, reason});
    }
    finish(core, now, t);
}

/// An observation between two notifications.
void Requests::rest(Core& core, Transaction& t) {
    land(core, t);
    t.step = Step::whole;
    t.download.reset();
    t.due = t.observation->renew_at;
}

// ---- sending -----------------------------------------------------------------------------------

void Requests::dispatch(Core& core, Instant now, Transaction& t) {
    if (!t.multicast && !may_send(core, t.peer)) {
        t.flight = Flight::queued;
        t.due = never;
        unsettled_ = true;
        return;
    }
    transmit(core, now, t);
}

void Requests::continue_with(Core& core, Instant now, Transaction& t, Step step) {
    t.step = step;
    dispatch(core, now, t);
}

void Requests::transmit(Core& core, Instant now, Transaction& t) {
    const bool registration =
        t.observation && (t.step == Step::whole || t.step == Step::deregister);
    if (registration && (t.observation->registered || !t.observation->token.empty())) {
        t.token = t.observation->token;
    } else if (t.code == Code::empty) {
        t.token = Token{};
    } else if (const Token wished = std::exchange(t.wished, {});
               !wished.empty() && !token_in_use(wished)) {
        t.token = wished;
        if (registration) t.observation->token = t.token;
    } else {
        t.token = core.fresh_token([&](const Token& token) { return token_in_use(token); });
        if (registration) t.observation->token = t.token;
    }
    Message message = message_for(t);
    const std::size_t octets = message.wire_size();
    const auto id = core.originate(now, t.peer, std::move(message), {Owner::Kind::request, t.key});
    if (!id) return fail(core, now, t, Failure::queue_full);
    t.message_id = *id;
    t.release = never;
    unsettled_ = true;
    if (t.confirmable) {
        t.flight = Flight::unacked;
        t.due = never;
        t.outstanding = true;
        return;
    }
    if (t.one_way) return finish(core, now, t);
    t.flight = Flight::expecting;
    t.due =
        after(now, t.multicast ? core.settings.multicast_window : core.settings.response_timeout);
    // "an endpoint does not exceed an average data rate of PROBING_RATE in sending to another
    // endpoint that does not respond" [RFC 7252 §4.7]
    t.outstanding = core.settings.probing_rate != 0 && !t.multicast;
    if (t.outstanding)
        t.release = after(now, Duration(std::chrono::seconds(octets)) / core.settings.probing_rate);
}

Message Requests::message_for(Transaction& t) {
    Message message;
    message.type = t.confirmable ? Type::confirmable : Type::non_confirmable;
    message.code = t.code;
    message.token = t.token;
    message.options = t.options;
    const auto ask_for_size = [&] {
        if (t.szx2)
            message.options.set_uint(OptionNumber::block2, Block{0, false, *t.szx2}.to_uint());
    };
    switch (t.step) {
        case Step::whole:
        case Step::deregister:
            message.payload = t.body;
            if (t.observation)
                message.options.set_uint(OptionNumber::observe, t.step == Step::whole ? 0 : 1);
            ask_for_size();
            break;
        case Step::upload: {
            const std::size_t size = block_octets(t.szx1);
            t.sending = std::min(size, t.body.size() - t.sent);
            const bool more = t.sent + t.sending < t.body.size();
            const Block block{static_cast<std::uint32_t>(t.sent / size), more, t.szx1};
            message.options.set_uint(OptionNumber::block1, block.to_uint());
            // "preferably with the first block exchanged" [RFC 7959 §4]
            if (t.sent == 0)
                message.options.set_uint(OptionNumber::size1,
                                         static_cast<std::uint32_t>(t.body.size()));
            // The response's first block comes with the last of ours. [RFC 7959 §3.3, figure 11]
            if (!more) ask_for_size();
            const auto from = t.body.begin() + static_cast<std::ptrdiff_t>(t.sent);
            message.payload.assign(from, from + static_cast<std::ptrdiff_t>(t.sending));
            break;
        }
        case Step::download: {
            const std::size_t next = t.download->body.size() / block_octets(t.download->szx);
            const Block block{static_cast<std::uint32_t>(next), false, t.download->szx};
            message.options.set_uint(OptionNumber::block2, block.to_uint());
            break;
        }
    }
    return message;
}

void Requests::send_queued(Core& core, Instant now, const Peer& peer) {
    while (may_send(core, peer)) {
        const auto found = std::ranges::find_if(transactions_, [&](const auto& t) {
            return t->flight == Flight::queued && t->peer == peer;
        });
        if (found == transactions_.end()) return;
        (*found)->flight = Flight::none;
        transmit(core, now, **found);
    }
}

// ---- what the message layer reports ------------------------------------------------------------

void Requests::rejected(Core& core, Instant now, std::uint64_t key) {
    Transaction* t = find(key);
    if (t == nullptr) return;
    if (t->code == Code::empty) {
        // A ping is answered by its reset. [RFC 7252 §4.3]
        core.out.push(ResponseArrived{t->id, t->peer, Code::empty, {}, {}, false, {}});
        return finish(core, now, *t);
    }
    fail(core, now, *t, Failure::reset);
}

bool Requests::rejected_unconfirmed(Core& core, Instant now, const Peer& peer, std::uint16_t id) {
    for (const auto& t : transactions_) {
        if (t->confirmable || t->flight != Flight::expecting) continue;
        if (t->message_id != id || t->peer != peer) continue;
        fail(core, now, *t, Failure::reset);
        return true;
    }
    return false;
}

void Requests::gave_up(Core& core, Instant now, std::uint64_t key) {
    if (Transaction* t = find(key)) fail(core, now, *t, Failure::timeout);
}

void Requests::unreachable(Core& core, Instant now, const Peer& peer) {
    std::vector<std::uint64_t> waiting;
    for (const auto& t : transactions_)
        if (t->peer == peer && (t->flight == Flight::unacked || t->flight == Flight::expecting))
            waiting.push_back(t->key);
    for (const std::uint64_t key : waiting)
        if (Transaction* t = find(key)) fail(core, now, *t, Failure::unreachable);
}

// ---- time --------------------------------------------------------------------------------------

void Requests::handle_timeout(Core& core, Instant now) {
    // What expires may leave something behind that is due as well: an observation whose renewal
    // waited for the blocks that never came.
    for (settle(); next_ <= now; settle()) expire(core, now);
}

void Requests::expire(Core& core, Instant now) {
    unsettled_ = true;
    std::vector<std::uint64_t> expired;
    for (const auto& t : transactions_)
        if (t->due <= now || t->release <= now) expired.push_back(t->key);
    for (const std::uint64_t key : expired) {
        Transaction* t = find(key);
        if (t == nullptr) continue;
        if (t->release <= now) {
            t->release = never;
            t->outstanding = false;
            unsettled_ = true;
            const Peer peer = t->peer;
            send_queued(core, now, peer);
        }
        if (t->due > now) continue;
        if (t->flight == Flight::none) {
            // Max-Age is over: "a client MAY issue a new GET request with the same token"
            // [RFC 7641 §3.3.1]
            t->due = never;
            continue_with(core, now, *t, Step::whole);
        } else {
            fail(core, now, *t, t->answered ? Failure::ended : Failure::timeout);
        }
    }
}

void Requests::settle() noexcept {
    if (!std::exchange(unsettled_, false)) return;
    next_ = never;
    for (const auto& t : transactions_) {
        next_ = std::min(next_, t->due);
        next_ = std::min(next_, t->release);
    }
}

}  // namespace causeway::coap
