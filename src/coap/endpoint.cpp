#include "coap/endpoint.hpp"

#include <algorithm>

namespace causeway::coap {

Endpoint::Endpoint(const Settings& settings, Random random, Instant /*now*/, Teller teller)
    : core_{settings, random, teller, {}, {}, {}, {}, {}} {}

void Endpoint::handle(Instant now, Input in) {
    std::visit(Overloaded{
                   [&](DatagramReceived& event) { on_datagram(now, std::move(event)); },
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
    requests_.settle();
    exchanges_.settle();
}

void Endpoint::handle_timeout(Instant now) {
    retransmit(now);
    requests_.handle_timeout(core_, now);
    exchanges_.handle_timeout(core_, now);
    requests_.settle();
    exchanges_.settle();
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

void Endpoint::on_datagram(Instant now, DatagramReceived&& in) {
    Stats& stats = core_.stats;
    ++stats.datagrams_received;
    const auto header = peek_header(in.datagram);
    if (!header) {
        ++(in.datagram.size() < Message::header_octets ? stats.malformed : stats.ignored);
        return;
    }
    auto message = parse_as<Message>(in.datagram);
    if (!message) {
        ++stats.malformed;
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
    if (const auto* seen = core_.seen.find(now, in.peer, message->id)) {
        ++stats.duplicates;
        // "acknowledge each duplicate copy ... using the same Acknowledgement or Reset message"
        // [RFC 7252 §4.5]
        if (confirmable && !seen->reply.empty()) core_.send(in.peer, seen->reply);
        return;
    }
    if (core_.seen.remember(now, in.peer, message->id, core_.settings))
        ++stats.deduplications_evicted;
    if (request) {
        ++stats.requests;
        return exchanges_.arrived(core_, now, in.peer, std::move(*message), in.multicast);
    }
    on_response(now, in.peer, std::move(*message), in.multicast);
}

void Endpoint::on_response(Instant now, const Peer& peer, Message&& message, bool multicast) {
    const Header header{message.type, message.code, message.id};
    const Verdict verdict = requests_.response(core_, now, peer, std::move(message));
    ++(verdict == Verdict::unmatched ? core_.stats.unexpected : core_.stats.responses);
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
        ++(verdict == Verdict::unmatched ? core_.stats.unexpected
           : empty                       ? core_.stats.acknowledgements
                                         : core_.stats.responses);
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
