#include "coap/core.hpp"

namespace causeway::coap {
namespace {

struct Fnv {
    std::uint64_t value = 0xcbf29ce484222325u;

    void octet(std::uint8_t o) noexcept { value = (value ^ o) * 0x100000001b3u; }
    void octets(Bytes bytes) noexcept {
        for (const std::byte b : bytes) octet(std::to_integer<std::uint8_t>(b));
    }
    void be16(std::size_t n) noexcept {
        octet(static_cast<std::uint8_t>(n >> 8 & 0xff));
        octet(static_cast<std::uint8_t>(n & 0xff));
    }
};

}  // namespace

void Core::send(const Peer& peer, Octets datagram) {
    ++stats.datagrams_sent;
    out.push(SendDatagram{peer, std::move(datagram)});
}

std::optional<std::uint16_t> Core::originate(Instant now, const Peer& peer, Message message,
                                             Owner owner, const std::optional<Effort>& effort) {
    const auto id = ids.next(now, peer, settings, random);
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
        Unacknowledged copy{peer, *id, owner, {}, never, datagram};
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
    seen.set_reply(now, peer, reply.id, datagram);
    send(peer, std::move(datagram));
}

std::uint64_t transfer_key(Code method, const Options& options) noexcept {
    Fnv hash;
    hash.octet(std::to_underlying(method));
    for (const Option option : options) {
        switch (option.number) {
            case OptionNumber::block1:
            case OptionNumber::block2:
            case OptionNumber::observe:
            case OptionNumber::etag:
            case OptionNumber::if_match:
            case OptionNumber::if_none_match:
            case OptionNumber::content_format:
                continue;
            default:
                break;
        }
        if (!is_unsafe(option.number) && is_no_cache_key(option.number)) continue;
        hash.be16(std::to_underlying(option.number));
        hash.be16(option.value.size());
        hash.octets(option.value);
    }
    return hash.value;
}

std::array<std::byte, 4> entity_tag_of(Bytes body) noexcept {
    Fnv hash;
    hash.octets(body);
    const auto folded = static_cast<std::uint32_t>(hash.value >> 32 ^ hash.value);
    return {std::byte(folded >> 24), std::byte(folded >> 16 & 0xff), std::byte(folded >> 8 & 0xff),
            std::byte(folded & 0xff)};
}

}  // namespace causeway::coap
