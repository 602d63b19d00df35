// The server role, part two: responses and notifications on their way out.
#include "coap/exchanges.hpp"

#include <algorithm>

namespace causeway::coap {

/// Sends `message` as what it has to be: in the acknowledgement if that has not gone yet, else on
/// its own, of the request's type. [RFC 7252 §5.2]
void Exchanges::answer(Core& core, Instant now, const Exchange& e, Message&& message) {
    message.token = e.token;
    if (e.confirmable && !e.acknowledged) {
        message.type = Type::acknowledgement;
        message.id = e.message_id;
        return core.acknowledge(now, e.peer, message);
    }
    // "The server MAY decide to suppress the response" [RFC 7967 §1]
    if (e.unwanted && (*e.unwanted >> (class_of(message.code) - 1) & 1u) != 0) {
        ++core.stats.responses_suppressed;
        return;
    }
    message.type = e.confirmable ? Type::confirmable : Type::non_confirmable;
    core.originate(now, e.peer, std::move(message), {Owner::Kind::response, 0});
}

void Exchanges::answer_code(Core& core, Instant now, const Exchange& e, Code code,
                            std::string_view diagnostic) {
    // "To avoid an implosion of error responses" [RFC 7252 §8.1]
    if (e.multicast) {
        ++core.stats.responses_suppressed;
        return;
    }
    Message reply;
    reply.code = code;
    reply.payload = to_octets(as_octets(diagnostic));
    answer(core, now, e, std::move(reply));
}

void Exchanges::respond(Core& core, Instant now, ExchangeId id, Response&& response) {
    Exchange* e = find(id);
    if (e == nullptr || e->delayed) {
        ++core.stats.responses_suppressed;
        return;
    }
    unsettled_ = true;
    if (e->observer != 0) {
        notify(core, now, *e, std::move(response));
        close(id);
        return ask(core, now);
    }
    const bool useful = is_success(response.code) && !response.payload.empty();
    if (e->multicast && !useful && !e->unwanted) {
        // "if it doesn't have anything useful to respond" [RFC 7252 §8.2]; but who says which
        // classes are not wanted, wants the others [RFC 7967 §2.1].
        ++core.stats.responses_suppressed;
        return close(id);
    }
    std::uint8_t szx = core.settings.block_szx;
    if (e->block2) szx = std::min(szx, e->block2->szx);
    Message message;
    message.code = response.code;
    message.options = response.options;
    message.options.remove(OptionNumber::observe);
    if (e->registers) register_observer(core, now, *e, response, message);
    if (e->block1) {
        const Block done{e->block1->number, false,
                         std::min(e->block1->szx, core.settings.block_szx)};
        message.options.set_uint(OptionNumber::block1, done.to_uint());
    }
    if (!put_body(core, now, *e, std::move(response), szx, message)) {
        answer_code(core, now, *e, Code::bad_request, "past the end");
        return close(id);
    }
    if (e->multicast) {
        // "pick a random point of time within the chosen leisure period" [RFC 7252 §8.2]
        e->due = after(now, core.random.within(core.settings.leisure));
        e->delayed = std::make_unique<Message>(std::move(message));
        return;
    }
    answer(core, now, *e, std::move(message));
    close(id);
}

void Exchanges::decline(Core& core, Instant now, ExchangeId id) {
    const Exchange* e = find(id);
    if (e == nullptr) return;
    unsettled_ = true;
    if (e->observer != 0)
        shelf_->observers.unanswered(now, e->observer);
    else if (e->confirmable && !e->acknowledged)
        core.acknowledge(now, e->peer, empty_message(Type::reset, e->message_id));
    close(id);
    ask(core, now);
}

void Exchanges::register_observer(Core& core, Instant now, Exchange& e, const Response& response,
                                  Message& message) {
    if (!response.observe || !is_success(response.code)) {
        if (shelf_) shelf_->observers.remove(core, e.peer, e.token);
        return;
    }
    Observer observer;
    observer.peer = e.peer;
    observer.token = e.token;
    observer.method = e.method;
    observer.key = e.key;
    // "take note of the block size and apply it as a maximum size to all notifications"
    // [RFC 7959 §2.6]
    observer.szx =
        e.block2 ? std::min(core.settings.block_szx, e.block2->szx) : core.settings.block_szx;
    observer.content_format = response.options.uint(OptionNumber::content_format);
    observer.options = std::move(*e.options);
    Observers& observers = shelf().observers;
    // Where there is no room, "the response does not include the Observe Option". [RFC 7641 §2]
    if (observers.add(core, now, std::move(observer)) == nullptr) return;
    message.options.set_uint(OptionNumber::observe, observers.next_sequence(now));
}

void Exchanges::notify(Core& core, Instant now, Exchange& e, Response&& response) {
    Observers& observers = shelf_->observers;
    Observer* o = observers.find(e.observer);
    if (o == nullptr) {
        ++core.stats.responses_suppressed;
        return;
    }
    Message message;
    message.token = e.token;
    message.type = Type::confirmable;
    const auto format = response.options.uint(OptionNumber::content_format);
    const bool same_format = response.code != Code::content || format == o->content_format;
    if (!is_success(response.code) || !same_format) {
        // The last word: no Observe option, and the observer is off the list. "If the server is
        // unable to continue sending notifications in this format", 4.06. [RFC 7641 §4.2]
        if (is_success(response.code)) response = {Code::not_acceptable, {}, {}, false};
        observers.remove(core, e.observer);
        message.code = response.code;
        message.options = response.options;
        message.options.remove(OptionNumber::observe);
        if (put_body(core, now, e, std::move(response), core.settings.block_szx, message))
            core.originate(now, e.peer, std::move(message), {Owner::Kind::response, 0});
        return;
    }
    const bool confirm = Observers::must_confirm(now, *o, core.settings);
    if (!confirm) message.type = Type::non_confirmable;
    message.code = response.code;
    message.options = response.options;
    message.options.set_uint(OptionNumber::observe, observers.next_sequence(now));
    if (!put_body(core, now, e, std::move(response), o->szx, message)) return;
    const auto id = core.originate(now, e.peer, std::move(message),
                                   {Owner::Kind::notification, o->serial}, o->superseded);
    if (!id) return observers.unanswered(now, e.observer);
    ++core.stats.notifications_sent;
    observers.sent(now, *o, confirm, *id, core.settings);
}

/// The body, or the block of it that was asked for; a body that takes several blocks is kept.
/// False: the block that was asked for is past its end.
bool Exchanges::put_body(Core& core, Instant now, const Exchange& e, Response&& response,
                         std::uint8_t szx, Message& message) {
    const std::uint32_t asked = e.block2 ? e.block2->number : 0;
    // The number counts blocks of the size asked for, which may be larger than ours.
    const std::size_t scale = e.block2 ? e.block2->szx - std::min(szx, e.block2->szx) : 0;
    const Block block{asked << scale, false, szx};
    if (asked == 0 && response.payload.size() <= block.size()) {
        if (e.wants_size)
            message.options.set_uint(OptionNumber::size2,
                                     static_cast<std::uint32_t>(response.payload.size()));
        message.payload = std::move(response.payload);
        return true;
    }
    if (asked > Block::number_max >> scale) return false;
    // "The server SHOULD include an ETag Option in each response." [RFC 7959 §2.4]
    if (response.code == Code::content && !response.options.has(OptionNumber::etag)) {
        const auto tag = entity_tag_of(response.payload);
        response.options.add(OptionNumber::etag, tag);
        message.options.add(OptionNumber::etag, tag);
    }
    response.options.remove(OptionNumber::observe);
    if (e.multicast) return put_block(response, block, message);
    const auto& kept = shelf().transfers.keep(core, now, e.peer, e.key, std::move(response));
    return put_block(kept.response, block, message);
}

}  // namespace causeway::coap
