// The server role, part two: responses and notifications on their way out.
#include "coap/exchanges.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

/// "an amplification factor of 3 (i.e., don't send more than three times the number of bytes
/// received until the peer's address is confirmed)" [RFC 9175 §2.4]
constexpr std::size_t amplification_max = 3;

}  // namespace

/// Sends `message` as what it has to be: in the acknowledgement if that has not gone yet, else on
/// its own, of the request's type. [RFC 7252 §5.2]
void Exchanges::answer(Core& core, Instant now, const Exchange& e, Message&& message) {
    const bool piggybacked = e.confirmable && !e.acknowledged;
    // "The server MAY decide to suppress the response" [RFC 7967 §1]
    if (!piggybacked && e.unwanted && (*e.unwanted >> (class_of(message.code) - 1) & 1u) != 0) {
        ++core.stats.responses_suppressed;
        return;
    }
    if (e.peer.context != 0) {
        // "a Partial IV MUST be included in all notifications"; the first is no exception here.
        // [RFC 8613 §4.1.3.5.2]
        const bool notification = message.options.has(OptionNumber::observe);
        auto reply = sealed(core, now, e, std::move(message), notification);
        // The context is gone or used up, and only that may be said in clear.
        if (!reply) reply.emplace().code = Code::internal_server_error;
        message = std::move(*reply);
    }
    message.token = e.token;
    if (e.unverified && amplifies(e, message)) return challenge(core, now, e);
    send(core, now, e, std::move(message));
}

bool Exchanges::amplifies(const Exchange& e, const Message& message) noexcept {
    // What follows the request on its own was announced by an acknowledgement already.
    const std::size_t before = e.confirmable && e.acknowledged ? Message::header_octets : 0;
    return message.wire_size() + before > amplification_max * e.octets;
}

/// "to demonstrate reachability at its claimed network address" [RFC 9175 §2.3]
void Exchanges::challenge(Core& core, Instant now, const Exchange& e) {
    ++core.stats.echoes_asked;
    Message message;
    message.code = Code::unauthorized;
    message.token = e.token;
    const Freshness::Echo echo = core.freshness->echo_for(now, e.peer);
    message.options.add(OptionNumber::echo, echo.bytes());
    // Only a request of next to nothing is too small to be asked.
    if (amplifies(e, message)) message.options.clear();
    send(core, now, e, std::move(message));
}

void Exchanges::send(Core& core, Instant now, const Exchange& e, Message&& message) {
    if (e.confirmable && !e.acknowledged) {
        message.type = Type::acknowledgement;
        message.id = e.message_id;
        return core.acknowledge(now, e.peer, message);
    }
    // Repeating it would multiply what a forged source is sent. [RFC 9175 §2.4]
    const bool watched = e.confirmable && !e.unverified;
    message.type = watched ? Type::confirmable : Type::non_confirmable;
    core.originate(now, e.peer, std::move(message), {Owner::Kind::response, 0});
}

std::optional<Message> Exchanges::sealed(Core& core, Instant now, const Exchange& e,
                                         Message&& message, bool notification) {
    const Type type = message.type;
    auto result = core.protection != nullptr
                      ? core.protection->protect_response(now, e.peer, std::move(message),
                                                          e.binding, notification)
                      : std::nullopt;
    if (result) {
        result->type = type;
        result->token = e.token;
    } else {
        ++core.stats.protection_failed;
    }
    return result;
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
    std::uint8_t szx = core.szx_for(e->peer);
    if (e->block2) szx = std::min(szx, e->block2->szx);
    Message message;
    message.code = response.code;
    message.options = std::move(response.options);
    message.options.remove(OptionNumber::observe);
    if (e->registers) register_observer(core, now, *e, response, message);
    if (e->block1) {
        const Block done{e->block1->number, false,
                         std::min(e->block1->szx, szx_max_for(core, e->peer))};
        message.options.set_uint(OptionNumber::block1, done.to_uint());
    }
    if (e->quick) {
        respond_quick(core, now, *e, std::move(response), std::move(message));
        return close(id);
    }
    if (!put_body(core, now, *e, std::move(response), szx, message)) {
        answer_code(core, now, *e, Code::bad_request, "past the end");
        return close(id);
    }
    if (e->multicast) {
        // "pick a random point of time within the chosen leisure period" [RFC 7252 §8.2]
        table_->due.set(place_of(id), after(now, core.random.within(core.settings.leisure)));
        e->delayed = std::make_unique<Message>(std::move(message));
        return;
    }
    answer(core, now, *e, std::move(message));
    close(id);
}

void Exchanges::decline(Core& core, Instant now, ExchangeId id) {
    const Exchange* e = find(id);
    if (e == nullptr) return;
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
    observer.szx = core.szx_for(e.peer);
    if (e.block2) observer.szx = std::min(observer.szx, e.block2->szx);
    observer.szx_asked = e.block2.has_value();
    observer.quick = e.quick != nullptr;
    if (e.quick && e.quick->wanted) observer.szx = std::min(observer.szx, e.quick->wanted->szx);
    observer.binding = e.binding;
    observer.content_format = message.options.uint(OptionNumber::content_format);
    observer.options = std::move(e.kept->options);
    observer.payload = std::move(e.kept->payload);
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
        return last_word(core, now, e, std::move(response));
    }
    const bool confirm = Observers::must_confirm(now, *o, core.settings);
    if (!confirm) message.type = Type::non_confirmable;
    message.code = response.code;
    message.options = std::move(response.options);
    message.options.set_uint(OptionNumber::observe, observers.next_sequence(now));
    if (notify_quick(core, now, e, *o, response.payload, message, confirm)) return;
    if (!put_body(core, now, e, std::move(response), o->szx, message)) return;
    if (e.peer.context != 0) {
        auto reply = sealed(core, now, e, std::move(message), true);
        // Nothing can be told under that context any more.
        if (!reply) return void(observers.remove(core, e.observer));
        message = std::move(*reply);
    }
    const auto id = core.originate(now, e.peer, std::move(message),
                                   {Owner::Kind::notification, o->serial}, o->superseded);
    if (!id) return observers.unanswered(now, e.observer);
    ++core.stats.notifications_sent;
    observers.sent(core, now, *o, confirm, *id);
}

void Exchanges::last_word(Core& core, Instant now, const Exchange& e, Response&& response) {
    const std::uint8_t szx = shelf_->observers.find(e.observer)->szx;
    shelf_->observers.remove(core, e.observer);
    Message message;
    message.token = e.token;
    message.code = response.code;
    message.options = std::move(response.options);
    message.options.remove(OptionNumber::observe);
    if (!put_body(core, now, e, std::move(response), szx, message)) return;
    if (e.peer.context != 0) {
        auto reply = sealed(core, now, e, std::move(message), true);
        if (!reply) return;
        message = std::move(*reply);
    }
    core.originate(now, e.peer, std::move(message), {Owner::Kind::response, 0});
}

/// The body, or the block of it that was asked for; a body that takes several blocks is kept.
/// False: the block that was asked for is past its end.
bool Exchanges::put_body(Core& core, Instant now, const Exchange& e, Response&& response,
                         std::uint8_t szx, Message& message) {
    const std::uint32_t asked = e.block2 ? e.block2->number : 0;
    // The number counts blocks of the size asked for, which may be larger than ours.
    const auto exponent = [](std::uint8_t of) { return std::min(of, Block::szx_max); };
    const std::size_t scale =
        e.block2 ? exponent(e.block2->szx) - exponent(std::min(szx, e.block2->szx)) : 0;
    const Block block{asked << scale, false, szx};
    const std::size_t room = core.full_block(e.peer, message, szx);
    // Over a stream a body goes whole if the other end takes it so, and did not ask for blocks.
    const bool as_it_likes = e.peer.is_reliable() && !e.block2;
    const std::size_t whole = as_it_likes ? core.whole_max(e.peer, message) : room;
    if (asked == 0 && response.payload.size() <= whole) {
        if (e.wants_size)
            message.options.set_uint(OptionNumber::size2,
                                     static_cast<std::uint32_t>(response.payload.size()));
        message.payload = std::move(response.payload);
        return true;
    }
    if (asked > Block::number_max >> scale) return false;
    // "The server SHOULD include an ETag Option in each response." [RFC 7959 §2.4]
    if (response.code == Code::content && !message.options.has(OptionNumber::etag))
        message.options.add(OptionNumber::etag, entity_tag_of(response.payload));
    response.options = message.options;
    for (const OptionNumber once : {OptionNumber::observe, OptionNumber::block1})
        response.options.remove(once);
    if (e.multicast) return put_block(response, block, room, message);
    const auto& kept = shelf().transfers.keep(core, now, e.peer, e.key, std::move(response));
    return put_block(kept, block, room, message);
}

}  // namespace causeway::coap
