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
        case Failure::closed:
            return "closed";
        case Failure::protection:
            return "protection";
    }
    return {};
}

// ---- finding -----------------------------------------------------------------------------------

Requests::Pointer Requests::find(std::uint64_t key) const noexcept {
    const auto place = static_cast<std::uint32_t>(key & ((1u << place_bits) - 1));
    if (!table_ || place >= table_->all.bound()) return nullptr;
    const Pointer found = table_->all[place].get();
    return found != nullptr && found->key == key ? found : nullptr;
}

Requests::Pointer Requests::find(const Core& core, RequestId id) const {
    if (!table_) return nullptr;
    const std::uint32_t place = table_->by_id.find(core.hash.number(std::to_underlying(id)),
                                                   [&](std::uint32_t n) { return at(n).id == id; });
    return place == nowhere ? nullptr : &at(place);
}

bool Requests::token_in_use(const Core& core, const Token& token) const {
    return nowhere != table_->by_token.find(core.hash.octets(token.bytes()), [&](std::uint32_t n) {
        const Transaction& t = at(n);
        return t.token == token || (t.observation && t.observation->token == token);
    });
}

bool Requests::may_send(const Core& core, const Peer& peer) const {
    // "strictly limit the number of simultaneous outstanding interactions ... to NSTART"
    // [RFC 7252 §4.7]
    if (peer.is_reliable()) return true;
    const ByPeer::Group* group = table_->by_peer.find(core.hash(peer), peer.outer());
    return group == nullptr || group->busy < std::max<unsigned>(core.settings.nstart, 1);
}

std::vector<std::uint64_t> Requests::keys_of(const ByPeer::Group* group) const {
    std::vector<std::uint64_t> keys;
    if (group == nullptr) return keys;
    for (std::uint32_t n = group->first; n != nowhere; n = table_->by_peer.next(n))
        keys.push_back(at(n).key);
    return keys;
}

// ---- keeping the tables ------------------------------------------------------------------------

/// The token of its next message; that of its observation stays known besides.
void Requests::use_token(const Core& core, Transaction& t, Token token) {
    if (t.token == token) return;
    const auto of_observation = [&](const Token& other) {
        return t.observation && t.observation->token == other;
    };
    FlatIndex& index = table_->by_token;
    if (!t.token.empty() && !of_observation(t.token))
        index.erase(core.hash.octets(t.token.bytes()), t.place);
    t.token = std::move(token);
    if (!t.token.empty() && !of_observation(t.token))
        index.insert(core.hash.octets(t.token.bytes()), t.place);
}

void Requests::set_outstanding(Transaction& t, bool outstanding) {
    if (t.outstanding == outstanding) return;
    t.outstanding = outstanding;
    std::uint32_t& busy = table_->by_peer.of(t.place).busy;
    outstanding ? ++busy : --busy;
}

void Requests::schedule(Transaction& t) {
    table_->due.set(t.place, std::min(t.due, t.release));
}

// ---- beginning and end -------------------------------------------------------------------------

void Requests::start(Core& core, Instant now, Request request) {
    const auto refuse = [&](Failure reason) {
        ++core.stats.requests_refused;
        core.out.push(RequestFailed{request.id, reason, Code::empty});
    };
    const bool ping = request.code == Code::empty;
    if (find(core, request.id) != nullptr || (!ping && !is_request(request.code)))
        return refuse(Failure::invalid);
    // Pings of a stream are signals [RFC 8323 §5.4]; and groups share no pairwise context.
    if ((ping && request.peer.is_reliable()) ||
        (request.peer.context != 0 && request.peer.is_multicast()))
        return refuse(Failure::invalid);
    const std::uint8_t szx = core.szx_for(request.peer);
    const std::size_t upload_max = (Block::number_max + std::size_t{1}) * block_octets(szx);
    if (request.payload.size() > upload_max) return refuse(Failure::too_large);
    if (size() >= std::min<std::size_t>(core.settings.transactions_max, 1u << place_bits))
        return refuse(Failure::queue_full);
    ++core.stats.requests_started;

    if (!table_) table_ = std::make_unique<Table>();
    const std::uint32_t place = table_->all.add(std::make_unique<Transaction>());
    Transaction& t = at(place);
    t.place = place;
    t.key = ++last_serial_ << place_bits | place;
    prepare(core, t, std::move(request));
    table_->by_id.insert(core.hash.number(std::to_underlying(t.id)), place);
    table_->by_peer.join(core.hash(t.peer), t.peer.outer(), place);
    tag_request(core, t);
    negotiate(core, now, t);
    dispatch(core, now, t);
}

void Requests::prepare(const Core& core, Transaction& t, Request&& request) {
    const bool ping = request.code == Code::empty;
    const bool reliable = request.peer.is_reliable();
    t.id = request.id;
    t.peer = request.peer;
    t.code = request.code;
    t.wished = std::move(request.token);
    t.multicast = request.peer.is_multicast();
    // "Such multicast requests MUST be Non-confirmable." [RFC 7252 §8.1]
    t.confirmable = ping || (request.confirmable && !t.multicast);
    if (!ping) {
        t.options = std::move(request.options);
        t.body = std::move(request.payload);
        t.options.remove(OptionNumber::observe);
    }
    if (request.observe && !t.multicast && !ping) t.observation = std::make_unique<Observation>();

    t.szx1 = core.szx_for(t.peer);
    const BlockOption block2 = BlockOption::read(t.options, OptionNumber::block2, reliable);
    t.by_hand = t.options.has(OptionNumber::block1) ||
                (block2.present && (block2.invalid || block2.block.number != 0));
    if (!t.by_hand) {
        if (block2.present)
            t.szx2 = block2.block.szx;
        else if (core.settings.early_negotiation && !ping && !reliable)
            t.szx2 = t.szx1;
        t.options.remove(OptionNumber::block2);
        Message head;
        if (reliable) head.options = t.options;
        if (t.body.size() > core.whole_max(t.peer, head) && !t.multicast) t.step = Step::upload;
    }
    // "the client endpoint SHOULD cease listening to response(s)" [RFC 7967 §2.1]
    constexpr std::uint32_t every_class = 2 | 8 | 16;
    const std::uint32_t unwanted = t.options.uint(OptionNumber::no_response).value_or(0);
    t.one_way = !t.confirmable && !t.observation && t.step == Step::whole && !reliable &&
                (unwanted & every_class) == every_class;
}

/// Two bodies for one resource at once are told apart by a tag. [RFC 9175 §3.5.2]
void Requests::tag_request(const Core& core, Transaction& t) const {
    if (t.body.empty() || t.by_hand || t.multicast || t.options.has(OptionNumber::request_tag))
        return;
    const std::uint64_t mine = transfer_key(core.hash, t.code, t.options);
    const ByPeer::Group* group = table_->by_peer.find(core.hash(t.peer), t.peer.outer());
    for (std::uint32_t n = group->first; n != nowhere; n = table_->by_peer.next(n)) {
        const Transaction& other = at(n);
        if (&other == &t || other.body.empty() || other.peer != t.peer) continue;
        if (transfer_key(core.hash, other.code, other.options) != mine) continue;
        // No other that is under way can have the same, as its serial number is another.
        t.options.add_uint(OptionNumber::request_tag, static_cast<std::uint32_t>(last_serial_));
        return;
    }
}

void Requests::cancel(Core& core, Instant now, RequestId id) {
    Transaction* const t = find(core, id);
    if (t == nullptr) return;
    land(core, *t);
    if (!t->observation || !t->observation->registered) return finish(core, now, *t);
    // "explicitly deregister by issuing a GET request that has the Token field set to the token of
    // the observation" [RFC 7641 §3.6]
    t->download.reset();
    forget_quick(core, *t);
    table_->by_id.erase(core.hash.number(std::to_underlying(id)), t->place);
    t->known = false;
    const Peer peer = t->peer;
    continue_with(core, now, *t, Step::deregister);
    send_queued(core, now, peer);
}

/// Takes the message of `t` off the air: nothing is waited for, nothing retransmitted.
void Requests::land(Core& core, Transaction& t) {
    if (t.flight == Flight::unacked) core.unacknowledged.drop({Owner::Kind::request, t.key});
    if (t.flight == Flight::queued) table_->queued.leave(t.place);
    if (std::exchange(t.noted, false))
        table_->by_message.erase(core.hash.joined(core.hash(t.peer), t.message_id), t.place);
    t.flight = Flight::none;
    t.due = never;
    set_outstanding(t, false);
    t.release = never;
    schedule(t);
}

void Requests::finish(Core& core, Instant now, Transaction& t) {
    land(core, t);
    const Peer peer = t.peer;
    use_token(core, t, Token{});
    forget_quick(core, t);
    if (t.observation && !t.observation->token.empty())
        table_->by_token.erase(core.hash.octets(t.observation->token.bytes()), t.place);
    if (t.known) table_->by_id.erase(core.hash.number(std::to_underlying(t.id)), t.place);
    table_->by_peer.leave(t.place);
    table_->all.take(t.place);
    send_queued(core, now, peer);
}

void Requests::fail(Core& core, Instant now, Transaction& t, Failure reason, Code code) {
    // The rest of one notification could not be had, but the observation stands.
    const bool fetching = t.step == Step::download || t.step == Step::quick_download;
    if (fetching && t.observation && t.observation->registered) {
        const Peer peer = t.peer;
        rest(core, t);
        return send_queued(core, now, peer);
    }
    if (t.quick && reason == Failure::timeout) core.qblock->forget(core.hash, t.peer);
    if (t.step != Step::deregister) {
        ++core.stats.requests_failed;
        core.teller.tell(now, "coap.request_failed", std::to_underlying(reason));
        core.out.push(RequestFailed{t.id, reason, code});
    }
    finish(core, now, t);
}

/// An observation between two notifications.
void Requests::rest(Core& core, Transaction& t) {
    land(core, t);
    t.step = Step::whole;
    t.download.reset();
    t.due = t.observation->renew_at;
    schedule(t);
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
    if (t->step != Step::probe || !fall_back(core, now, *t)) fail(core, now, *t, Failure::reset);
}

bool Requests::rejected_unconfirmed(Core& core, Instant now, const Peer& peer, std::uint16_t id) {
    if (!table_) return false;
    const std::uint32_t place = table_->by_message.find(
        core.hash.joined(core.hash(peer), id),
        [&](std::uint32_t n) { return at(n).message_id == id && same_endpoint(at(n).peer, peer); });
    if (place == nowhere) return false;
    if (!fall_back(core, now, at(place))) fail(core, now, at(place), Failure::reset);
    return true;
}

void Requests::gave_up(Core& core, Instant now, std::uint64_t key) {
    if (Transaction* t = find(key)) fail(core, now, *t, Failure::timeout);
}

void Requests::unreachable(Core& core, Instant now, const Peer& peer) {
    if (!table_) return;
    for (const std::uint64_t key : keys_of(table_->by_peer.find(core.hash(peer), peer.outer()))) {
        Transaction* t = find(key);
        if (t != nullptr && (t->flight == Flight::unacked || t->flight == Flight::expecting))
            fail(core, now, *t, Failure::unreachable);
    }
}

void Requests::closed(Core& core, Instant now, const ChannelClosed& gone) {
    if (!table_) return;
    const std::uint64_t hash = core.hash.channel(gone.transport, gone.channel);
    const auto behind = [&](const Peer& peer) { return is_behind(peer, gone); };
    while (const ByPeer::Group* group = table_->by_peer.find_if(hash, behind)) {
        // What waits its turn must not go out while others of them fail.
        const std::vector<std::uint64_t> keys = keys_of(group);
        for (const std::uint64_t key : keys) land(core, *find(key));
        for (const std::uint64_t key : keys) {
            Transaction& t = *find(key);
            // Whether to open another channel and register there is for the owner to say.
            if (t.observation) t.observation->registered = false;
            fail(core, now, t, Failure::closed);
        }
    }
}

// ---- time --------------------------------------------------------------------------------------

void Requests::handle_timeout(Core& core, Instant now) {
    // What expires may leave something behind that is due as well: an observation whose renewal
    // waited for the blocks that never came.
    while (next() <= now) expire(core, now, at(table_->due.first()));
}

void Requests::expire(Core& core, Instant now, Transaction& t) {
    if (t.release <= now) {
        t.release = never;
        set_outstanding(t, false);
        schedule(t);
        // One at a time: what follows may end this one.
        return send_queued(core, now, Peer(t.peer));
    }
    if (expire_quick(core, now, t)) return;
    if (t.flight == Flight::none) {
        // Max-Age is over: "a client MAY issue a new GET request with the same token"
        // [RFC 7641 §3.3.1]
        t.due = never;
        schedule(t);
        return continue_with(core, now, t, Step::whole);
    }
    fail(core, now, t, t.answered ? Failure::ended : Failure::timeout);
}

}  // namespace causeway::coap
