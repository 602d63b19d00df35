// The client role, part three: which request a response belongs to [RFC 7252 §5.3.2], and what it
// means for an observation [RFC 7641 §3].
#include "coap/requests.hpp"

#include <algorithm>

namespace causeway::coap {

Verdict Requests::acknowledged(Core& core, Instant now, std::uint64_t key, Message&& message) {
    Transaction* t = find(key);
    if (t == nullptr) return Verdict::unmatched;
    if (message.code != Code::empty) {
        // "In a piggybacked response, the Message ID ... MUST match, and the tokens of the response
        // and original request MUST match." [RFC 7252 §5.3.2]
        // A ping has no response at all. [RFC 7252 §4.3]
        if (t->code == Code::empty || message.token != t->token) return Verdict::unmatched;
        const Peer peer = t->peer;
        return process(core, now, *t, peer, std::move(message), Match::piggybacked);
    }
    const Peer peer = t->peer;
    core.unacknowledged.drop({Owner::Kind::request, key});
    t->flight = Flight::expecting;
    t->due = after(now, core.settings.response_timeout);
    set_outstanding(*t, false);
    schedule(*t);
    send_queued(core, now, peer);
    return Verdict::accepted;
}

Verdict Requests::response(Core& core, Instant now, const Peer& peer, Message&& message) {
    if (!table_) return Verdict::unmatched;
    Match match = Match::in_flight;
    const auto belongs = [&](std::uint32_t n) {
        const Transaction& t = at(n);
        // "When matching a response to a multicast request, only the token MUST match."
        // [RFC 7252 §8.2]
        if (!t.multicast && !same_endpoint(t.peer, peer)) return false;
        const bool in_flight = t.flight == Flight::unacked || t.flight == Flight::expecting;
        if (in_flight && t.code != Code::empty && t.token == message.token) {
            match = Match::in_flight;
            return true;
        }
        match = Match::notification;
        return t.observation && t.observation->registered && t.step != Step::deregister &&
               t.observation->token == message.token;
    };
    const std::uint32_t found =
        table_->by_token.find(core.hash.octets(message.token.bytes()), belongs);
    if (found == nowhere) {
        const Pointer t = find_by_mark(core, peer, message.token);
        if (t == nullptr) return Verdict::unmatched;
        return process(core, now, *t, peer, std::move(message), Match::in_flight);
    }
    return process(core, now, at(found), peer, std::move(message), match);
}

Requests::Opening Requests::open(Core& core, Instant now, Transaction& t, Message& message,
                                 Match match) {
    if (!message.options.has(OptionNumber::oscore)) {
        // Who forwards may fail on the way, and who lost the context can only say so in clear; it
        // is no end of an observation, and no success. [RFC 8613 §8.4]
        const bool error = class_of(message.code) == 4 || class_of(message.code) == 5;
        return error && match != Match::notification ? Opening::unprotected : Opening::forged;
    }
    if (core.protection == nullptr) return Opening::forged;
    const auto opens = [&](const Binding& binding, Message& sealed) {
        return core.protection->open_response(now, t.peer, sealed, binding) &&
               is_response(sealed.code);
    };
    Observation* const observation = t.observation.get();
    if (match == Match::notification)
        return opens(observation->binding, message) ? Opening::opened : Opening::forged;
    // While a registration is being renewed, a notification may still be about the old one.
    const bool renewing =
        observation != nullptr && observation->registered && observation->token == message.token;
    std::optional<Message> copy;
    if (renewing) copy = message;
    if (opens(t.binding, message)) return Opening::opened;
    return renewing && opens(observation->binding, *copy) ? Opening::superseded : Opening::forged;
}

Verdict Requests::process(Core& core, Instant now, Transaction& t, const Peer& from,
                          Message&& message, Match match) {
    if (t.peer.context != 0) {
        switch (open(core, now, t, message, match)) {
            case Opening::opened:
                break;
            case Opening::superseded:
                return Verdict::accepted;  // what answers the renewal is newer
            case Opening::unprotected:
                fail(core, now, t, Failure::protection, message.code);
                return Verdict::accepted;
            case Opening::forged:
                return Verdict::forged;
        }
    }
    if (first_unacceptable(message.options, core.settings.forwarding, t.quick != nullptr)) {
        // "MUST cause the response to be rejected." [RFC 7252 §5.4.1]
        ++core.stats.options_refused;
        if (!t.multicast) fail(core, now, t, Failure::bad_response);
        return Verdict::rejected;
    }
    if (t.multicast) {
        process_multicast(core, t, from, std::move(message));
        return Verdict::accepted;
    }
    if (match != Match::notification && echo(core, now, t, message)) return Verdict::accepted;
    if (t.step == Step::deregister) {
        finish(core, now, t);
        return Verdict::accepted;
    }
    if (t.quick && take_quick(core, now, t, message, match)) return Verdict::accepted;
    if (is_success(message.code)) t.echoed = false;
    if (t.observation && t.observation->token == message.token) {
        if (!take_note(core, now, t, message, match)) return Verdict::accepted;
        // A newer state makes the blocks of an older one worthless.
        t.download.reset();
        if (t.step == Step::download) t.step = Step::whole;
    }
    land(core, t);
    switch (t.step) {
        case Step::upload:
            on_upload(core, now, t, std::move(message));
            break;
        case Step::download:
            on_download(core, now, t, std::move(message));
            break;
        default:
            on_first(core, now, t, std::move(message));
            break;
    }
    return Verdict::accepted;
}

bool Requests::echo(Core& core, Instant now, Transaction& t, const Message& message) {
    const auto value = message.options.find(OptionNumber::echo);
    if (message.code != Code::unauthorized || !value || t.echoed || t.by_hand ||
        t.options.has(OptionNumber::echo))
        return false;
    // "the client SHOULD resend the original request with the Echo option value" [RFC 9175 §2.3]
    ++core.stats.echoes_sent;
    land(core, t);
    t.echoed = true;
    t.echo = to_octets(*value);
    continue_with(core, now, t, t.step);
    return true;
}

void Requests::process_multicast(Core& core, Transaction& t, const Peer& from, Message&& message) {
    t.answered = true;
    message.options.remove(OptionNumber::observe);
    // Block2 stays: the rest may be had "using unicast exchanges". [RFC 7959 §2.8]
    core.out.push(ResponseArrived{t.id, from, message.code, std::move(message.options),
                                  std::move(message.payload), true, std::nullopt});
}

bool Requests::take_note(Core& core, Instant now, Transaction& t, const Message& message,
                         Match match) {
    Observation& observation = *t.observation;
    const auto sequence = message.options.uint(OptionNumber::observe);
    if (!sequence || !is_success(message.code)) {
        // Not, or no longer, on the list of observers. [RFC 7641 §3.1, §3.2]
        observation.registered = false;
        return true;
    }
    // What a request of ours was answered with directly is newer than whatever came before it, even
    // where the server began to count anew.
    // Over a stream nothing overtakes anything, and the value "MUST be ignored". [RFC 8323 §7.1]
    const bool newest =
        match == Match::piggybacked || !observation.registered || t.peer.is_reliable();
    if (!newest && !observation.is_newer(*sequence, now)) {
        ++core.stats.notifications_stale;
        return false;
    }
    if (match != Match::notification) observation.binding = t.binding;
    observation.registered = true;
    observation.freshest = *sequence;
    observation.freshest_at = now;
    // The connection itself is what tells that the server is there. [RFC 8323 §7.3]
    if (t.peer.is_reliable()) return true;
    // "at least wait for a random amount of time between 5 and 15 seconds after Max-Age expired"
    // [RFC 7641 §3.3.1]
    const std::uint32_t max_age =
        message.options.uint(OptionNumber::max_age).value_or(default_max_age);
    const Duration courtesy =
        std::chrono::seconds(5) + core.random.within(std::chrono::seconds(10));
    observation.renew_at = after(now, std::chrono::seconds(max_age) + courtesy);
    return true;
}

void Requests::deliver(Core& core, Instant now, Transaction& t, Download&& whole) {
    ResponseArrived out{t.id,
                        t.peer,
                        whole.code,
                        std::move(whole.options),
                        std::move(whole.body),
                        t.observation && t.observation->registered,
                        whole.observe};
    out.options.remove(OptionNumber::observe);
    if (!t.by_hand) {
        out.options.remove(OptionNumber::block1);
        out.options.remove(OptionNumber::block2);
    }
    const bool more_to_come = out.more_to_come;
    core.out.push(std::move(out));
    if (!more_to_come) return finish(core, now, t);
    const Peer peer = t.peer;
    rest(core, t);
    send_queued(core, now, peer);
}

}  // namespace causeway::coap
