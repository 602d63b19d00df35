// The server role, part three: bodies in Q-Blocks. [RFC 9177]
#include "coap/exchanges.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

constexpr Owner nobody{Owner::Kind::response, 0};

}  // namespace

// ---- requests ----------------------------------------------------------------------------------

/// Takes what has Q-Block options: a block of a body that comes, a word about one that goes. False:
/// nothing is special but what is to be done with the response.
bool Exchanges::take_quick(Core& core, Instant now, Exchange& e, Message& message) {
    const bool upload = message.options.has(OptionNumber::q_block1);
    if (!upload && !message.options.has(OptionNumber::q_block2)) return false;
    if (e.multicast) {
        // "Servers MUST ignore multicast requests that contain the Q-Block2 option."
        // [RFC 9177 §4.8]
        ++core.stats.responses_suppressed;
        return true;
    }
    // Who asks for a whole body with a few octets has to be there. [RFC 9175 §2.4]
    if (e.unverified) return challenge(core, now, e), true;
    if (mixes_blocks(message.options))  // [RFC 9177 §4.1]
        return answer_code(core, now, e, Code::bad_option, "Q-Block and Block"), true;
    auto quick = std::make_unique<Quick>();
    for (const Option option : message.options)
        if (option.number == OptionNumber::q_block2) quick->asked.add(option.number, option.value);
    if (!quick->asked.empty()) {
        quick->wanted = QBlock2Wanted::read(message.options, core.qblock->settings.max_payloads);
        if (!quick->wanted) return answer_code(core, now, e, Code::bad_request, "Q-Block2"), true;
    }
    if (upload) return take_upload(core, now, e, std::move(message)), true;
    if (quick->wanted->kind != QBlock2Wanted::Kind::whole) {
        auto& transfers = shelf().quick_transfers;
        if (const std::uint32_t at = transfers.find(core.hash, e.peer, e.key); at != nowhere) {
            if (e.confirmable)
                core.acknowledge(now, e.peer, empty_message(Type::acknowledgement, e.message_id));
            transfers.touch(at);
            transfers[at].machine.handle(now, std::move(message));
            flush_transfer(core, now, at);
            return true;
        }
        // As with Block2: only a representation can be made once more.
        const bool again =
            e.method == Code::get || (e.method == Code::fetch && !message.payload.empty());
        if (!again) {
            ++core.stats.bodies_incomplete;
            return answer_code(core, now, e, Code::request_entity_incomplete), true;
        }
    }
    e.quick = std::move(quick);
    return false;
}

void Exchanges::take_upload(Core& core, Instant now, const Exchange& e, Message&& message) {
    const auto size = message.options.uint(OptionNumber::size1);
    // "MUST be returned if the request does not include a Request-Tag option or a Size1 option"
    // [RFC 9177 §4.3]
    if (!size || !message.options.has(OptionNumber::request_tag))
        return answer_code(core, now, e, Code::bad_request, "Q-Block1 alone");
    const Settings& settings = core.settings;
    const std::uint32_t limit = std::min(settings.body_octets_max, settings.assembly_octets_max);
    if (*size > limit || settings.assemblies_max == 0) {
        ++core.stats.bodies_refused;
        Message reply;
        reply.code = Code::request_entity_too_large;
        reply.options.add_uint(OptionNumber::size1, limit);
        return answer(core, now, e, std::move(reply));
    }
    // "the server continues to acknowledge each packet" [RFC 9177 §4.3]
    if (e.confirmable)
        core.acknowledge(now, e.peer, empty_message(Type::acknowledgement, e.message_id));
    auto& uploads = shelf().quick_uploads;
    QBlockUse& use = *core.qblock;
    std::uint32_t at = uploads.find(core.hash, e.peer, e.key);
    if (at == nowhere)
        at = uploads.add(
            core.hash, {e.peer, e.key, QBlock1Server(use.settings, now, use.stats), *size},
            {settings.assemblies_max, settings.assembly_octets_max}, use.tables.uploads_evicted);
    uploads.touch(at);
    uploads[at].machine.handle(now, std::move(message));
    flush_upload(core, now, at, &e);
}

/// Sends what it says; a body that is whole becomes an exchange like `e`, whose block came last.
void Exchanges::flush_upload(Core& core, Instant now, std::uint32_t at, const Exchange* e) {
    auto& uploads = shelf_->quick_uploads;
    while (auto out = uploads[at].machine.poll_output()) {
        if (auto* send = std::get_if<QBlockSend>(&*out)) {
            const auto id = core.originate(now, uploads[at].peer, std::move(send->message), nobody);
            if (id) uploads.note(core.hash, at, *id);
            continue;
        }
        auto* body = std::get_if<QBlockBody>(&*out);
        if (body == nullptr || e == nullptr) continue;
        uploads.settle(at);
        Message message = std::move(body->last);
        message.payload = std::move(body->body);
        Exchange whole = exchange_for({e->peer, {}, e->octets, false}, message);
        whole.key = e->key;
        whole.acknowledged = whole.confirmable;
        whole.quick = std::make_unique<Quick>();
        whole.quick->upload = uploads[at].serial;
        for (const Option option : message.options)
            if (option.number == OptionNumber::q_block2)
                whole.quick->asked.add(option.number, option.value);
        whole.quick->wanted =
            QBlock2Wanted::read(message.options, core.qblock->settings.max_payloads);
        const std::uint64_t refused = core.stats.exchanges_refused;
        admit(core, now, std::move(whole), std::move(message), true);
        if (core.stats.exchanges_refused == refused) continue;
        Message reply;
        reply.code = Code::service_unavailable;
        uploads[at].machine.answer(now, std::move(reply));
    }
    uploads.arm(core.hash, now, at);
}

// ---- responses ---------------------------------------------------------------------------------

void Exchanges::respond_quick(Core& core, Instant now, Exchange& e, Response&& response,
                              Message&& message) {
    const Quick& quick = *e.quick;
    const auto& wanted = quick.wanted;
    std::uint8_t szx = core.szx_for(e.peer);
    if (wanted) szx = std::min(szx, wanted->szx);
    const bool all = !wanted || wanted->kind == QBlock2Wanted::Kind::whole;
    // "the absence of one of these options is equivalent to an option value of 0" [RFC 9177 §4.2]
    const bool only =
        all || !is_success(message.code) || (wanted->numbers.size() == 1 && !wanted->numbers[0]);
    if (response.payload.size() > (Block::number_max + std::size_t{1}) * block_octets(szx)) {
        response.payload.clear();
        message.code = Code::internal_server_error;
        message.options.clear();
    }
    if (only && response.payload.size() <= block_octets(szx)) {
        message.payload = std::move(response.payload);
        auto& uploads = shelf().quick_uploads;
        const std::uint32_t at = quick.upload != 0 ? uploads.find(quick.upload) : nowhere;
        const bool unwanted = e.unwanted && (*e.unwanted >> (class_of(message.code) - 1) & 1u) != 0;
        if (at == nowhere || unwanted) return answer(core, now, e, std::move(message));
        // It answers copies that come late, too.
        uploads[at].machine.answer(now, std::move(message));
        return flush_upload(core, now, at, nullptr);
    }
    if (e.unwanted && (*e.unwanted >> (class_of(message.code) - 1) & 1u) != 0) {
        ++core.stats.responses_suppressed;
        return;
    }
    if (e.confirmable && !e.acknowledged)
        core.acknowledge(now, e.peer, empty_message(Type::acknowledgement, e.message_id));
    Message ask;
    ask.token = e.token;
    ask.options = quick.asked;
    message.token = e.token;
    const std::uint32_t at =
        open_transfer(core, now, e, std::move(message), std::move(response.payload), szx);
    QBlock2Server& machine = shelf_->quick_transfers[at].machine;
    all ? machine.start(now) : machine.handle(now, std::move(ask));
    flush_transfer(core, now, at);
}

std::uint32_t Exchanges::open_transfer(Core& core, Instant now, const Exchange& e,
                                       Message&& message, Octets body, std::uint8_t szx) {
    // "MUST all have the same ETag" [RFC 9177 §4.4]
    if (!message.options.has(OptionNumber::etag))
        message.options.add(OptionNumber::etag, entity_tag_of(body));
    QBlockUse& use = *core.qblock;
    const std::size_t octets = body.size();
    QBlock2Server machine(use.settings, std::move(message), std::move(body), szx, use.random, now,
                          use.stats);
    return shelf().quick_transfers.add(
        core.hash, {e.peer, e.key, std::move(machine), octets},
        {core.settings.transfers_max, core.settings.transfer_octets_max},
        use.tables.transfers_evicted);
}

std::optional<std::uint16_t> Exchanges::flush_transfer(Core& core, Instant now, std::uint32_t at,
                                                       const Observer* first, bool confirm) {
    auto& transfers = shelf_->quick_transfers;
    std::optional<std::uint16_t> first_id;
    while (auto out = transfers[at].machine.poll_output()) {
        auto* send = std::get_if<QBlockSend>(&*out);
        if (send == nullptr) continue;
        const Peer& peer = transfers[at].peer;
        if (first != nullptr && !first_id) {
            if (confirm) send->message.type = Type::confirmable;
            first_id =
                core.originate(now, peer, std::move(send->message),
                               {Owner::Kind::notification, first->serial}, first->superseded);
            if (!first_id) {
                transfers.drop(core.hash, at);
                return std::nullopt;
            }
            continue;
        }
        const auto id = core.originate(now, peer, std::move(send->message), nobody);
        if (id) transfers.note(core.hash, at, *id);
    }
    transfers.arm(core.hash, now, at);
    return first_id;
}

/// A notification too long for one message, to who takes Q-Blocks. The first of its messages is the
/// one that may have to be confirmed. [RFC 7641 §4.5; RFC 9177 §4.5]
bool Exchanges::notify_quick(Core& core, Instant now, const Exchange& e, Observer& o, Octets& body,
                             Message& message, bool confirm) {
    const std::size_t most = (Block::number_max + std::size_t{1}) * block_octets(o.szx);
    if (!o.quick || !core.qblock || body.size() <= block_octets(o.szx) || body.size() > most)
        return false;
    const std::uint32_t at =
        open_transfer(core, now, e, std::move(message), std::move(body), o.szx);
    shelf_->quick_transfers[at].machine.start(now);
    const auto id = flush_transfer(core, now, at, &o, confirm);
    if (!id) return shelf_->observers.unanswered(now, o.serial), true;
    ++core.stats.notifications_sent;
    shelf_->observers.sent(core, now, o, confirm, *id);
    return true;
}

// ---- resets and time ---------------------------------------------------------------------------

/// "On receipt of the Reset message, the server SHOULD delete the partial body." [RFC 9177 §4.3]
bool Exchanges::reject_quick(Core& core, const Peer& peer, std::uint16_t id) {
    if (!shelf_ || !core.qblock) return false;
    const auto drop = [&](auto& table) {
        const std::uint32_t at = table.find_by_message(core.hash, peer, id);
        if (at == nowhere) return false;
        ++core.qblock->tables.resets;
        table.drop(core.hash, at);
        return true;
    };
    return drop(shelf_->quick_uploads) || drop(shelf_->quick_transfers);
}

void Exchanges::quick_timeout(Core& core, Instant now) {
    auto& uploads = shelf_->quick_uploads;
    while (uploads.next() <= now) {
        const std::uint32_t at = uploads.first();
        uploads[at].machine.handle_timeout(now);
        flush_upload(core, now, at, nullptr);
    }
    auto& transfers = shelf_->quick_transfers;
    while (transfers.next() <= now) {
        const std::uint32_t at = transfers.first();
        transfers[at].machine.handle_timeout(now);
        flush_transfer(core, now, at);
    }
}

}  // namespace causeway::coap
