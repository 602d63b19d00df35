// The client role, part four: bodies in blocks. [RFC 7959 §2.4 to §2.7]
#include "coap/requests.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

/// A resource that changes faster than it can be fetched must not keep a client busy for ever.
constexpr std::uint8_t restarts_max = 3;

}  // namespace

/// "or a smaller one": a client may ask for less than it is given, if only then it learns that the
/// server does blocks. [RFC 7959 §2.4, §3.1 figure 4]
std::uint8_t Requests::next_szx(const Core& core, const Transaction& t,
                                const Block& given) noexcept {
    if (t.peer.is_reliable()) return given.szx;
    return std::min(given.szx, t.szx2.value_or(core.szx_for(t.peer)));
}

/// The response that answers the request, or its last block: all of it, or the first block of it.
void Requests::on_first(Core& core, Instant now, Transaction& t, Message&& message) {
    const std::size_t smallest = block_octets(0);
    if (message.code == Code::request_entity_too_large && t.step == Step::whole && !t.by_hand &&
        !t.block1_tried && t.body.size() > smallest) {
        // "a 4.13 response to a request that does not employ Block1 is a hint for the client to try
        // sending Block1" [RFC 7959 §2.5]
        t.block1_tried = true;
        const BlockOption hint =
            BlockOption::read(message.options, OptionNumber::block1, t.peer.is_reliable());
        if (hint.present && !hint.invalid) t.szx1 = std::min(t.szx1, hint.block.szx);
        while (t.szx1 > 0 && block_octets(t.szx1) >= t.body.size()) --t.szx1;
        t.sent = 0;
        return continue_with(core, now, t, Step::upload);
    }

    Download whole;
    whole.code = message.code;
    whole.observe = message.options.uint(OptionNumber::observe);
    const BlockOption block2 =
        BlockOption::read(message.options, OptionNumber::block2, t.peer.is_reliable());
    if (!block2.present || t.by_hand) {
        whole.options = std::move(message.options);
        whole.body = std::move(message.payload);
        return deliver(core, now, t, std::move(whole));
    }
    const Block& block = block2.block;
    if (block2.invalid || block.number != 0 || !block.may_hold(message.payload.size()))
        return fail(core, now, t, Failure::bad_response);
    const std::size_t announced = message.options.uint(OptionNumber::size2).value_or(0);
    if (std::max(announced, message.payload.size()) > core.settings.body_octets_max) {
        ++core.stats.bodies_refused;
        return fail(core, now, t, Failure::too_large);
    }
    if (const auto tag = message.options.find(OptionNumber::etag)) {
        whole.etag = to_octets(*tag);
        whole.tagged = true;
    }
    whole.szx = next_szx(core, t, block);
    whole.options = std::move(message.options);
    whole.body = std::move(message.payload);
    if (!block.more) return deliver(core, now, t, std::move(whole));
    t.download = std::make_unique<Download>(std::move(whole));
    continue_with(core, now, t, Step::download);
}

void Requests::on_upload(Core& core, Instant now, Transaction& t, Message&& message) {
    const BlockOption block1 =
        BlockOption::read(message.options, OptionNumber::block1, t.peer.is_reliable());
    const bool smaller = block1.present && !block1.invalid && block1.block.szx < t.szx1;
    if (message.code == Code::request_entity_too_large && smaller) {
        // "a hint to try a smaller SZX" [RFC 7959 §2.5]
        t.szx1 = block1.block.szx;
        t.sent = 0;
        return continue_with(core, now, t, Step::upload);
    }
    const bool last = t.sent + t.sending == t.body.size();
    if (message.code == Code::continue_ && last)
        return fail(core, now, t, Failure::bad_response);  // it asks for more than there is
    // A server that acts on each block gives its final code early, and more than once.
    // [RFC 7959 §2.3]
    if (is_success(message.code) && !last) {
        t.sent += t.sending;
        // "the client SHOULD heed the preference indicated and, for all further blocks, use the
        // block size preferred by the server or a smaller one" [RFC 7959 §2.5]
        if (smaller) t.szx1 = block1.block.szx;
        if (t.sent / block_octets(t.szx1) > Block::number_max)
            return fail(core, now, t, Failure::too_large);
        return continue_with(core, now, t, Step::upload);
    }
    on_first(core, now, t, std::move(message));
}

void Requests::on_download(Core& core, Instant now, Transaction& t, Message&& message) {
    Download& d = *t.download;
    const BlockOption block2 =
        BlockOption::read(message.options, OptionNumber::block2, t.peer.is_reliable());
    if (!is_success(message.code) || !block2.present) {
        // Gone, refused, or suddenly small: this is the response then.
        if (t.observation && t.observation->registered && !is_success(message.code))
            return fail(core, now, t, Failure::incomplete);
        Download whole;
        whole.code = message.code;
        whole.options = std::move(message.options);
        whole.body = std::move(message.payload);
        whole.observe = d.observe;
        return deliver(core, now, t, std::move(whole));
    }
    const Block& block = block2.block;
    if (block2.invalid || !block.may_hold(message.payload.size()))
        return fail(core, now, t, Failure::bad_response);
    if (block.offset() != d.body.size()) return restart_download(core, now, t);

    const auto tag = message.options.find(OptionNumber::etag);
    if (d.body.empty()) {  // the first block, once more
        d.code = message.code;
        d.tagged = tag.has_value();
        d.etag = tag ? to_octets(*tag) : Octets{};
        d.options = message.options;
    } else if (d.tagged != tag.has_value() || (tag && !same(d.etag, *tag))) {
        // "MUST compare ETag Options" [RFC 7959 §2.4]
        return restart_download(core, now, t);
    }
    if (d.body.size() + message.payload.size() > core.settings.body_octets_max) {
        ++core.stats.bodies_refused;
        return fail(core, now, t, Failure::too_large);
    }
    d.body.insert(d.body.end(), message.payload.begin(), message.payload.end());
    d.szx = next_szx(core, t, block);
    if (!block.more) {
        Download whole = std::move(d);
        return deliver(core, now, t, std::move(whole));
    }
    if (d.body.size() / block_octets(d.szx) > Block::number_max)
        return fail(core, now, t, Failure::too_large);
    continue_with(core, now, t, Step::download);
}

/// The blocks were of different representations: begin again, a few times.
void Requests::restart_download(Core& core, Instant now, Transaction& t) {
    ++core.stats.block_restarts;
    if (t.download->restarts++ >= restarts_max || t.code != Code::get) {
        ++core.stats.bodies_incomplete;
        return fail(core, now, t, Failure::incomplete);
    }
    t.download->body.clear();
    continue_with(core, now, t, Step::download);
}

}  // namespace causeway::coap
