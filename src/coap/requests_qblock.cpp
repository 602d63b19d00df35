// The client role, part five: bodies in Q-Blocks, for non-confirmable requests to servers that take
// them. [RFC 9177]
#include "coap/requests.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

constexpr Owner unwatched{Owner::Kind::response, 0};
constexpr std::size_t mark_octets = 4;  // as QBlockTokens draws them

Token mark_of(const Token& token) {
    return Token(token.bytes().last(mark_octets));
}

bool is_about_blocks(const Message& message) {
    const bool report = message.code == Code::request_entity_incomplete &&
                        message.options.uint(OptionNumber::content_format) == missing_blocks_format;
    return report || message.code == Code::continue_;
}

}  // namespace

// ---- whether -----------------------------------------------------------------------------------

void Requests::negotiate(Core& core, Instant now, Transaction& t) {
    const bool has_own =
        t.options.has(OptionNumber::q_block1) || t.options.has(OptionNumber::q_block2);
    if (!core.qblock || t.confirmable || t.multicast || t.by_hand || t.one_way || has_own ||
        t.peer.is_reliable() || t.peer.context != 0)
        return;
    // What is observed by a long FETCH is registered by its last block, which here has no name.
    if (t.observation && t.step == Step::upload) return;
    const auto takes = core.qblock->takes(core.hash, now, t.peer);
    if (takes == false) return;
    t.quick = std::make_unique<Quick>();
    t.quick->then = t.step;
    if (!takes) {
        ++core.qblock->tables.probes;
        t.step = Step::probe;
    } else if (t.step == Step::upload) {
        t.step = Step::quick_upload;
    }
}

bool Requests::fall_back(Core& core, Instant now, Transaction& t) {
    const bool first = t.step == Step::probe || t.step == Step::quick_upload ||
                       (t.step == Step::whole && t.flight == Flight::expecting);
    if (!t.quick || !first) return false;
    ++core.qblock->tables.fallbacks;
    core.qblock->learn(core.hash, now, t.peer, false);
    const Peer peer = t.peer;
    const Step then = t.quick->then;
    land(core, t);
    forget_quick(core, t);
    t.sent = 0;
    continue_with(core, now, t, then);
    send_queued(core, now, peer);
    return true;
}

// ---- finding -----------------------------------------------------------------------------------

void Requests::set_mark(const Core& core, Transaction& t, Token& mark, const Token& of) {
    FlatIndex& index = table_->by_mark;
    Token fresh = of.size() < mark_octets ? Token{} : mark_of(of);
    if (fresh == mark) return;
    if (!mark.empty()) index.erase(core.hash.octets(mark.bytes()), t.place);
    mark = fresh;
    if (!mark.empty()) index.insert(core.hash.octets(mark.bytes()), t.place);
}

void Requests::forget_quick(const Core& core, Transaction& t) {
    if (!t.quick) return;
    set_mark(core, t, t.quick->up_mark, Token{});
    set_mark(core, t, t.quick->down_mark, Token{});
    t.quick.reset();
}

Requests::Pointer Requests::find_by_mark(const Core& core, const Peer& peer,
                                         const Token& token) const {
    if (token.size() != Token::short_octets) return nullptr;
    const Token mark = mark_of(token);
    const std::uint32_t found =
        table_->by_mark.find(core.hash.octets(mark.bytes()), [&](std::uint32_t n) {
            const Transaction& t = at(n);
            if (!same_endpoint(t.peer, peer) || t.flight != Flight::expecting) return false;
            const Quick& quick = *t.quick;
            return (quick.up && quick.up->owns(token)) || (quick.down && quick.down->owns(token));
        });
    return found == nowhere ? nullptr : &at(found);
}

// ---- our body ----------------------------------------------------------------------------------

void Requests::transmit_upload(Core& core, Instant now, Transaction& t) {
    QBlockUse& use = *core.qblock;
    Quick& quick = *t.quick;
    use_token(core, t, Token{});
    Message head = message_for(core, t);
    head.token.clear();
    const auto tag = use.draw_tag();
    quick.up.emplace(use.settings, std::move(head), t.body, t.szx1, tag, use.random, now,
                     use.stats);
    t.flight = Flight::expecting;
    t.release = never;
    // A body counts as one message: the next to who does not answer waits as long as that takes,
    // but for no longer than anything may come of it. [RFC 9177 §7.2]
    set_outstanding(t, core.settings.probing_rate != 0);
    if (t.outstanding) {
        const Duration paid =
            Duration(std::chrono::seconds(t.body.size())) / core.settings.probing_rate;
        t.release =
            after(now, std::min(paid, use.settings.non_probing_wait(use.settings.non_timeout)));
    }
    drain_upload(core, now, t);
}

void Requests::drain_upload(Core& core, Instant now, Transaction& t) {
    Quick& quick = *t.quick;
    bool failed = false;
    while (auto out = quick.up->poll_output()) {
        if (auto* send = std::get_if<QBlockSend>(&*out)) {
            set_mark(core, t, quick.up_mark, send->message.token);
            const auto id = core.originate(now, t.peer, std::move(send->message), unwatched);
            if (!id || t.noted) continue;
            // Who does not take Q-Blocks any more resets the first of them, if anything.
            t.noted = true;
            t.message_id = *id;
            table_->by_message.insert(core.hash.joined(core.hash(t.peer), *id), t.place);
        }
        failed = failed || std::holds_alternative<QBlockFailed>(*out);
    }
    if (failed) return fail(core, now, t, Failure::timeout);
    t.due = std::max(quick.up->next_deadline(), after(now, std::chrono::milliseconds(1)));
    schedule(t);
}

// ---- what is answered --------------------------------------------------------------------------

/// False: it is a response like others.
bool Requests::take_quick(Core& core, Instant now, Transaction& t, Message& message, Match match) {
    Quick& quick = *t.quick;
    const bool refused = message.code == Code::bad_option;
    if (refused && fall_back(core, now, t)) return true;
    if (t.step == Step::probe) {
        core.qblock->learn(core.hash, now, t.peer, true);
        const Peer peer = t.peer;
        land(core, t);
        t.echoed = false;
        continue_with(core, now, t, quick.then == Step::upload ? Step::quick_upload : Step::whole);
        send_queued(core, now, peer);
        return true;
    }
    if (t.step == Step::quick_upload && is_about_blocks(message)) {
        quick.up->handle(now, std::move(message));
        drain_upload(core, now, t);
        return true;
    }
    if (message.options.has(OptionNumber::q_block2)) {
        const Observation* o = t.observation.get();
        if (o != nullptr && o->token == message.token) {
            // All blocks of a notification have its number. [RFC 9177 §4.5]
            const auto sequence = message.options.uint(OptionNumber::observe);
            const bool another = quick.down && o->registered && sequence == o->freshest;
            if (!another && !take_note(core, now, t, message, match)) return true;
        }
        take_download(core, now, t, std::move(message));
        return true;
    }
    if (t.step == Step::quick_upload || t.step == Step::quick_download) {
        const bool observed = t.observation && t.observation->registered;
        if (observed && t.observation->token == message.token) {
            if (!take_note(core, now, t, message, match)) return true;
            t.step = Step::whole;  // a newer state, and a short one
        } else if (observed && !is_success(message.code)) {
            land(core, t);
            fail(core, now, t, Failure::incomplete);
            return true;
        } else if (is_about_blocks(message)) {
            return true;  // late
        }
        land(core, t);
        on_first(core, now, t, std::move(message));
        return true;
    }
    return false;
}

void Requests::take_download(Core& core, Instant now, Transaction& t, Message&& message) {
    QBlockUse& use = *core.qblock;
    Quick& quick = *t.quick;
    if (!quick.down) {
        Message asked;
        asked.code = t.code;
        asked.options = t.options;
        quick.down.emplace(use.settings, quick.up ? quick.up->request() : std::move(asked),
                           use.random, use.stats);
    }
    const bool too_large =
        message.options.uint(OptionNumber::size2).value_or(0) > core.settings.body_octets_max;
    quick.down->handle(now, std::move(message));
    drain_download(core, now, t, too_large ? Failure::too_large : Failure::bad_response);
}

void Requests::drain_download(Core& core, Instant now, Transaction& t, Failure reason) {
    Quick& quick = *t.quick;
    std::optional<QBlockBody> body;
    bool failed = false;
    while (auto out = quick.down->poll_output()) {
        if (auto* send = std::get_if<QBlockSend>(&*out)) {
            set_mark(core, t, quick.down_mark, send->message.token);
            core.originate(now, t.peer, std::move(send->message), unwatched);
        } else if (auto* whole = std::get_if<QBlockBody>(&*out)) {
            body = std::move(*whole);
        } else {
            failed = true;
        }
    }
    if (body) {
        land(core, t);
        Download whole;
        whole.code = body->last.code;
        whole.observe = body->last.options.uint(OptionNumber::observe);
        whole.options = std::move(body->last.options);
        whole.body = std::move(body->body);
        return deliver(core, now, t, std::move(whole));
    }
    if (failed) {
        if (reason == Failure::too_large) ++core.stats.bodies_refused;
        if (reason == Failure::incomplete) ++core.stats.bodies_incomplete;
        land(core, t);
        t.step = Step::quick_download;
        return fail(core, now, t, reason);
    }
    if (quick.down->idle()) return;  // a copy that is late
    const Peer peer = t.peer;
    if (t.step != Step::quick_download || t.flight != Flight::expecting) {
        land(core, t);
        t.step = Step::quick_download;
        t.flight = Flight::expecting;
    }
    t.due = std::max(quick.down->next_deadline(), after(now, std::chrono::milliseconds(1)));
    schedule(t);
    send_queued(core, now, peer);
}

bool Requests::expire_quick(Core& core, Instant now, Transaction& t) {
    if (!t.quick || t.flight != Flight::expecting) return false;
    if (t.step == Step::quick_upload) {
        t.quick->up->handle_timeout(now);
        drain_upload(core, now, t);
        return true;
    }
    if (t.step != Step::quick_download) return false;
    t.quick->down->handle_timeout(now);
    drain_download(core, now, t, Failure::incomplete);
    return true;
}

}  // namespace causeway::coap
