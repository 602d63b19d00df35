#include "coap/core.hpp"

#include "coap/block.hpp"

namespace causeway::coap {
namespace {

struct Fnv {
    std::uint64_t value = 0xcbf29ce484222325u;

    void octet(std::uint8_t o) noexcept { value = (value ^ o) * 0x100000001b3u; }
    void octets(Bytes bytes) noexcept {
        for (const std::byte b : bytes) octet(std::to_integer<std::uint8_t>(b));
    }
};

}  // namespace

void Core::send(const Peer& peer, Octets datagram) {
    ++stats.datagrams_sent;
    out.push(SendDatagram{peer.outer(), std::move(datagram)});
}

std::uint8_t Core::szx_for(const Peer& peer) const noexcept {
    if (!peer.is_reliable()) return std::min(settings.block_szx, Block::szx_max);
    return channels.of(hash, peer).bert() ? Block::bert : Block::szx_max;
}

namespace {

/// What the framing of a stream, a Block option with its fellows and object security may add.
constexpr std::size_t slack_of(const Peer& peer) noexcept {
    return peer.context != 0 ? 96 : 32;
}

}  // namespace

std::size_t Core::whole_max(const Peer& peer, const Message& head) const noexcept {
    if (!peer.is_reliable()) return block_octets(szx_for(peer));
    // "the entire message, starting from the first byte of the message header" [RFC 8323 §5.3.1]
    const std::size_t taken =
        Message::header_octets + head.token.size() + head.options.wire_size() + slack_of(peer);
    const std::size_t limit = channels.of(hash, peer).message_octets_max;
    return limit > taken ? limit - taken : 0;
}

std::size_t Core::full_block(const Peer& peer, const Message& head,
                             std::uint8_t szx) const noexcept {
    const std::size_t unit = block_octets(szx);
    if (szx != Block::bert) return unit;
    return std::max(whole_max(peer, head) / unit, std::size_t{1}) * unit;
}

std::optional<std::uint16_t> Core::originate(Instant now, const Peer& peer, Message message,
                                             Owner owner, const std::optional<Effort>& effort) {
    if (peer.is_reliable()) {
        ++stats.messages_sent;
        out.push(SendMessage{peer.outer(), std::move(message)});
        return std::uint16_t{0};
    }
    const auto id = ids.next(hash, now, peer, settings, random);
    stats.peers_evicted += ids.take_evicted();
    if (!id) {
        ++stats.message_ids_exhausted;
        return std::nullopt;
    }
    message.id = *id;
    // A response that cannot be watched over is still worth sending once.
    if (owner.kind == Owner::Kind::response && unacknowledged.size() >= unacknowledged_max())
        message.type = Type::non_confirmable;
    Octets datagram = emitted(message);
    if (message.type == Type::confirmable) {
        Unacknowledged copy{peer.outer(), *id, owner, {}, never, datagram};
        if (effort)
            unacknowledged.resume(now, std::move(copy), *effort);
        else
            unacknowledged.start(now, std::move(copy), settings, random);
    }
    send(peer, std::move(datagram));
    return id;
}

void Core::acknowledge(Instant now, const Peer& peer, const Message& reply) {
    Octets datagram = emitted(reply);
    seen.set_reply(hash, now, peer, reply.id, datagram);
    send(peer, std::move(datagram));
}

std::uint64_t transfer_key(const PeerHash& hash, Code method, const Options& options) noexcept {
    std::uint64_t key = std::to_underlying(method);
    for (const Option option : options) {
        switch (option.number) {
            case OptionNumber::block1:
            case OptionNumber::block2:
            case OptionNumber::q_block1:
            case OptionNumber::q_block2:
            case OptionNumber::observe:
            case OptionNumber::etag:
            case OptionNumber::if_match:
            case OptionNumber::if_none_match:
            case OptionNumber::content_format:
            case OptionNumber::echo:
                continue;
            default:
                break;
        }
        if (!is_unsafe(option.number) && is_no_cache_key(option.number)) continue;
        const auto number = static_cast<std::uint64_t>(std::to_underlying(option.number)) << 48;
        key = hash.joined(key ^ hash.octets(option.value), number | option.value.size());
    }
    return key;
}

std::array<std::byte, 4> entity_tag_of(Bytes body) noexcept {
    Fnv hash;
    hash.octets(body);
    const auto folded = static_cast<std::uint32_t>(hash.value >> 32 ^ hash.value);
    return {std::byte(folded >> 24), std::byte(folded >> 16 & 0xff), std::byte(folded >> 8 & 0xff),
            std::byte(folded & 0xff)};
}

}  // namespace causeway::coap
