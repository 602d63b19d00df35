#include "coap/endpoint.hpp"

#include <algorithm>

namespace causeway::coap {

Endpoint::Endpoint(const Settings& settings, Random random, Instant /*now*/, Teller teller,
                   Protection* protection)
    : core_(settings, random, teller, protection) {}

void Endpoint::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](DatagramReceived& event) { on_datagram(now, std::move(event)); },
                   [&](MessageReceived& event) { on_message(now, std::move(event)); },
                   [&](StreamSettings& event) {
                       if (!core_.channels.set(core_.hash, event, core_.settings))
                           ++core_.stats.streams_refused;
                   },
                   [&](ChannelClosed& event) { on_closed(now, event); },
                   [&](Request& event) { requests_.start(core_, now, std::move(event)); },
                   [&](Cancel& event) { requests_.cancel(core_, now, event.id); },
                   [&](Respond& event) {
                       exchanges_.respond(core_, now, event.exchange, std::move(event.response));
                   },
                   [&](Decline& event) { exchanges_.decline(core_, now, event.exchange); },
                   [&](ResourceChanged& event) {
                       exchanges_.resource_changed(core_, now, event.path, event.confirmable);
                   },
                   [&](ObserverChanged& event) {
                       exchanges_.observer_changed(core_, now, event.peer, event.token,
                                                   event.confirmable);
                   },
                   [&](PeerUnreachable& event) {
                       requests_.unreachable(core_, now, event.peer);
                       exchanges_.unreachable(core_, now, event.peer);
                   },
               },
               in);
}

void Endpoint::handle_timeout(Instant now) {
    retransmit(now);
    requests_.handle_timeout(core_, now);
    exchanges_.handle_timeout(core_, now);
}

Instant Endpoint::next_deadline() const noexcept {
    return std::min({core_.unacknowledged.next(), requests_.next(), exchanges_.next()});
}

void Endpoint::retransmit(Instant now) {
    while (auto message = core_.unacknowledged.take_due(now)) {
        const Owner owner = message->owner;
        const bool notification = owner.kind == Owner::Kind::notification;
        if (Retransmissions::may_repeat(now, *message, core_.settings)) {
            if (notification && exchanges_.supersede(core_, now, owner.key, message->effort))
                continue;
            ++core_.stats.retransmissions;
            core_.teller.tell(now, "coap.retransmitted", message->id);
            core_.send(message->peer, message->datagram);
            core_.unacknowledged.again(now, std::move(*message), core_.settings);
            continue;
        }
        ++core_.stats.transmissions_failed;
        if (owner.kind == Owner::Kind::request) requests_.gave_up(core_, now, owner.key);
        if (notification) exchanges_.rejected(core_, now, owner.key);
    }
}

// ---- datagrams ---------------------------------------------------------------------------------

/// Rejecting a message: "sending a matching Reset message and otherwise ignoring it"; never for a
/// group's, an acknowledgement or a reset. [RFC 7252 §4.2, §4.3, §8.1]
void Endpoint::reject(Instant now, const Peer& peer, const Header& header, bool multicast) {
    if (multicast || header.type == Type::acknowledgement || header.type == Type::reset) return;
    core_.acknowledge(now, peer, empty_message(Type::reset, header.id));
}

void Endpoint::on_message(Instant now, MessageReceived&& in) {
    ++core_.stats.messages_received;
    const Peer peer = in.peer.outer();
    const bool request = is_request(in.message.code);
    // An Empty message "MUST be ignored" [RFC 8323 §3.4]; signals are dealt with below us.
    if (!peer.is_reliable() || (!request && !is_response(in.message.code))) {
        ++core_.stats.ignored;
        return;
    }
    in.message.type = Type::confirmable;
    in.message.id = 0;
    if (request)
        return on_request(now, {peer, {}, in.message.wire_size(), false}, std::move(in.message));
    on_response(now, peer, std::move(in.message), false);
}

void Endpoint::on_closed(Instant now, const ChannelClosed& gone) {
    if (gone.transport == Transport::udp) return;  // nothing there is ever open
    core_.channels.closed(core_.hash, gone);
    core_.seen.closed(core_.hash, gone);
    exchanges_.closed(core_, gone);
    requests_.closed(core_, now, gone);
    if (Peer{.transport = gone.transport}.is_reliable()) return;
    core_.ids.closed(core_.hash, gone);
    core_.unacknowledged.closed(gone);
}

/// Takes object security off, or refuses on its behalf. [RFC 8613 §8.2]
void Endpoint::on_request(Instant now, Arrival arrival, Message&& message) {
    ++core_.stats.requests;
    if (core_.protection != nullptr) {
        const Header header{message.type, message.code, message.id};
        const Token token = message.token;
        Opened opened = core_.protection->open_request(now, arrival.peer, message);
        message.type = header.type;
        message.id = header.id;
        message.token = token;
        const bool bad = opened.verdict == Opened::Verdict::opened && !is_request(message.code);
        if (bad || opened.verdict == Opened::Verdict::dropped) {
            ++core_.stats.protection_refused;
            return;
        }
        if (opened.verdict == Opened::Verdict::refused) {
            ++core_.stats.protection_refused;
            return exchanges_.refused(core_, now, arrival, message, std::move(opened));
        }
        if (opened.verdict == Opened::Verdict::opened) {
            arrival.peer.context = opened.context;
            arrival.binding = opened.binding;
        }
    }
    exchanges_.arrived(core_, now, arrival, std::move(message));
}

void Endpoint::on_datagram(Instant now, DatagramReceived&& in) {
    Stats& stats = core_.stats;
    ++stats.datagrams_received;
    in.peer.context = 0;
    if (in.peer.is_reliable()) {  // not how messages of a stream arrive
        ++stats.ignored;
        return;
    }
    const auto header = peek_header(in.datagram);
    if (!header) {
        ++(in.datagram.size() < Message::header_octets ? stats.malformed : stats.ignored);
        return;
    }
    auto message = parse_as<Message>(in.datagram);
    // Who takes no long tokens knows nothing of them; responses bring back what we chose.
    // [RFC 8974 §2.2.2]
    const bool too_long = message && is_request(message->code) &&
                          message->token.size() > Token::short_octets &&
                          core_.settings.token_octets_max <= Token::short_octets;
    if (!message || too_long) {
        ++stats.malformed;
        stats.tokens_refused += too_long ? 1 : 0;
        if (header->type == Type::confirmable) reject(now, in.peer, *header, in.multicast);
        return;
    }
    if (header->type == Type::acknowledgement)
        return on_acknowledgement(now, in.peer, std::move(*message));
    if (header->type == Type::reset) return on_reset(now, in.peer, *message);

    const bool confirmable = header->type == Type::confirmable;
    if (message->code == Code::empty && confirmable && !in.multicast) {
        ++stats.pings;
        return reject(now, in.peer, *header, false);
    }
    const bool request = is_request(message->code);
    // Multicast "requests MUST be Non-confirmable" [RFC 7252 §8.1], and only requests go to groups.
    const bool wrong_for_group = in.multicast && (confirmable || !request);
    if (wrong_for_group || (!request && !is_response(message->code))) {
        ++stats.ignored;
        if (confirmable) reject(now, in.peer, *header, in.multicast);
        return;
    }
    const auto admitted = core_.seen.admit(core_.hash, now, in.peer, message->id, core_.settings);
    if (const auto* seen = admitted.seen) {
        ++stats.duplicates;
        // "acknowledge each duplicate copy ... using the same Acknowledgement or Reset message"
        // [RFC 7252 §4.5]
        if (confirmable && !seen->reply.empty()) core_.send(in.peer, seen->reply);
        return;
    }
    stats.deduplications_evicted += admitted.evicted;
    if (request)
        return on_request(now, {in.peer, {}, in.datagram.size(), in.multicast},
                          std::move(*message));
    on_response(now, in.peer, std::move(*message), in.multicast);
}

std::uint64_t& Endpoint::counter_of(Verdict verdict) noexcept {
    Stats& stats = core_.stats;
    return verdict == Verdict::unmatched ? stats.unexpected
           : verdict == Verdict::forged  ? stats.forged
                                         : stats.responses;
}

void Endpoint::on_response(Instant now, const Peer& peer, Message&& message, bool multicast) {
    const Header header{message.type, message.code, message.id};
    const Verdict verdict = requests_.response(core_, now, peer, std::move(message));
    ++counter_of(verdict);
    // Who does not hold the keys gets neither thanks nor the end of an observation for it.
    if (verdict == Verdict::forged || peer.is_reliable()) return;
    if (verdict != Verdict::accepted) return reject(now, peer, header, multicast);
    if (header.type == Type::confirmable)
        core_.acknowledge(now, peer, empty_message(Type::acknowledgement, header.id));
}

void Endpoint::on_acknowledgement(Instant now, const Peer& peer, Message&& message) {
    // "the Acknowledgement carries a request or a code with a reserved class": ignored.
    // [RFC 7252 §4.2]
    if (message.code != Code::empty && !is_response(message.code)) {
        ++core_.stats.ignored;
        return;
    }
    const Unacknowledged* sent = core_.unacknowledged.find(peer, message.id);
    if (sent == nullptr) {
        ++core_.stats.stray;
        return;
    }
    const Owner owner = sent->owner;
    if (owner.kind == Owner::Kind::request) {
        const bool empty = message.code == Code::empty;
        const Verdict verdict = requests_.acknowledged(core_, now, owner.key, std::move(message));
        ++(empty && verdict == Verdict::accepted ? core_.stats.acknowledgements
                                                 : counter_of(verdict));
        return;
    }
    // "silently ignoring any Response Code or payload" [RFC 7252 §5.2.2]
    ++core_.stats.acknowledgements;
    core_.unacknowledged.take(peer, message.id);
    if (owner.kind == Owner::Kind::notification) exchanges_.acknowledged(core_, now, owner.key);
}

void Endpoint::on_reset(Instant now, const Peer& peer, const Message& message) {
    if (message.code != Code::empty) {
        ++core_.stats.ignored;
        return;
    }
    if (const auto sent = core_.unacknowledged.take(peer, message.id)) {
        ++core_.stats.resets;
        if (sent->owner.kind == Owner::Kind::request)
            requests_.rejected(core_, now, sent->owner.key);
        if (sent->owner.kind == Owner::Kind::notification)
            exchanges_.rejected(core_, now, sent->owner.key);
        return;
    }
    const bool ours = exchanges_.rejected_unconfirmed(core_, now, peer, message.id) ||
                      requests_.rejected_unconfirmed(core_, now, peer, message.id);
    ++(ours ? core_.stats.resets : core_.stats.stray);
}

}  // namespace causeway::coap
