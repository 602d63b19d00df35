// The client role, part two: what goes out, and when. [RFC 7252 §4.7; RFC 7959 §2.4, §2.5]
#include "coap/requests.hpp"

#include <algorithm>

namespace causeway::coap {

void Requests::dispatch(Core& core, Instant now, Transaction& t) {
    if (!t.multicast && !may_send(core, t.peer)) {
        t.flight = Flight::queued;
        t.due = never;
        table_->queued.join(core.hash(t.peer), t.peer.outer(), t.place);
        return schedule(t);
    }
    transmit(core, now, t);
}

void Requests::continue_with(Core& core, Instant now, Transaction& t, Step step) {
    t.step = step;
    dispatch(core, now, t);
}

void Requests::send_queued(Core& core, Instant now, const Peer& peer) {
    // Those that cannot be sent end, and come here again.
    if (sending_queued_) return;
    sending_queued_ = true;
    const std::uint64_t hash = core.hash(peer);
    while (may_send(core, peer)) {
        const ByPeer::Group* waiting = table_->queued.find(hash, peer.outer());
        if (waiting == nullptr) break;
        Transaction& t = at(waiting->first);
        table_->queued.leave(t.place);
        t.flight = Flight::none;
        transmit(core, now, t);
    }
    sending_queued_ = false;
}

void Requests::transmit(Core& core, Instant now, Transaction& t) {
    if (t.step == Step::quick_upload) return transmit_upload(core, now, t);
    const bool registration =
        t.observation && (t.step == Step::whole || t.step == Step::deregister);
    if (registration && !t.observation->token.empty()) {
        use_token(core, t, t.observation->token);
    } else if (t.code == Code::empty) {
        use_token(core, t, Token{});
    } else {
        Token token;
        if (t.step != Step::probe) token = std::exchange(t.wished, Token{});
        if (token.empty() || token_in_use(core, token))
            token = core.fresh_token([&](const Token& other) { return token_in_use(core, other); });
        use_token(core, t, std::move(token));
        if (registration) t.observation->token = t.token;
    }
    if (t.quick && t.step == Step::whole && t.quick->down) {
        // Asked anew: what was had before is no reason to pass over what comes.
        set_mark(core, t, t.quick->down_mark, Token{});
        t.quick->down.reset();
    }
    Message message = message_for(core, t);
    if (t.peer.context != 0 && t.code != Code::empty) {
        auto sealed = core.protection != nullptr ? core.protection->protect_request(
                                                       now, t.peer, std::move(message), t.binding)
                                                 : std::nullopt;
        if (!sealed) {
            ++core.stats.protection_failed;
            return fail(core, now, t, Failure::protection);
        }
        message = std::move(*sealed);
    }
    const std::size_t octets = message.wire_size();
    const auto id = core.originate(now, t.peer, std::move(message), {Owner::Kind::request, t.key});
    if (!id) return fail(core, now, t, Failure::queue_full);
    t.message_id = *id;
    t.release = never;
    if ((t.confirmable || t.step == Step::probe) && !t.peer.is_reliable()) {
        t.flight = Flight::unacked;
        t.due = never;
        set_outstanding(t, true);
        return schedule(t);
    }
    if (t.one_way) return finish(core, now, t);
    t.flight = Flight::expecting;
    t.due =
        after(now, t.multicast ? core.settings.multicast_window : core.settings.response_timeout);
    if (t.peer.is_reliable()) return schedule(t);
    t.noted = true;
    table_->by_message.insert(core.hash.joined(core.hash(t.peer), t.message_id), t.place);
    // "an endpoint does not exceed an average data rate of PROBING_RATE in sending to another
    // endpoint that does not respond" [RFC 7252 §4.7]
    set_outstanding(t, core.settings.probing_rate != 0 && !t.multicast);
    if (t.outstanding)
        t.release = after(now, Duration(std::chrono::seconds(octets)) / core.settings.probing_rate);
    schedule(t);
}

Message Requests::message_for(const Core& core, Transaction& t) {
    Message message;
    // "REQUIRED that clients use a Confirmable message for determining support" [RFC 9177 §4.1]
    const bool confirmable = t.confirmable || t.step == Step::probe;
    message.type = confirmable ? Type::confirmable : Type::non_confirmable;
    message.code = t.code;
    message.token = t.token;
    message.options = t.options;
    const std::uint8_t szx = t.szx2.value_or(core.szx_for(t.peer));
    const auto ask_for_size = [&] {
        if (t.quick)
            message.options.set_uint(OptionNumber::q_block2, Block{0, true, szx}.to_uint());
        else if (t.szx2)
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
            t.sending = std::min(core.full_block(t.peer, message, t.szx1), t.body.size() - t.sent);
            const bool more = t.sent + t.sending < t.body.size();
            const std::size_t number = t.sent / block_octets(t.szx1);
            const Block block{static_cast<std::uint32_t>(number), more, t.szx1};
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
        case Step::probe:
            // Only the first block, of whatever is there.
            message.code = Code::get;
            message.options.clear();
            if (const auto host = t.options.find(OptionNumber::uri_host))
                message.options.add(OptionNumber::uri_host, *host);
            if (const auto port = t.options.find(OptionNumber::uri_port))
                message.options.add(OptionNumber::uri_port, *port);
            message.options.add_uint(OptionNumber::q_block2, Block{0, false, szx}.to_uint());
            break;
        case Step::quick_upload:
        case Step::quick_download:
            ask_for_size();
            break;
        case Step::download: {
            const std::size_t next = t.download->body.size() / block_octets(t.download->szx);
            const Block block{static_cast<std::uint32_t>(next), false, t.download->szx};
            message.options.set_uint(OptionNumber::block2, block.to_uint());
            break;
        }
    }
    if (const Octets echo = std::exchange(t.echo, Octets()); !echo.empty())
        message.options.set(OptionNumber::echo, echo);
    return message;
}

}  // namespace causeway::coap
