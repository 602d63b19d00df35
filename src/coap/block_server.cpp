#include "coap/block_server.hpp"

#include <algorithm>

namespace causeway::coap {
namespace {

std::uint64_t hash_of(const PeerHash& hash, const Peer& peer, std::uint64_t key) noexcept {
    return hash.joined(hash(peer) ^ peer.context, key);
}

}  // namespace

// ---- request bodies ----------------------------------------------------------------------------

Assemblies::Taken Assemblies::take(Core& core, Instant now, const Peer& peer, std::uint64_t key,
                                   const Block& block, const Message& message) {
    while (order_.oldest() != nowhere && assemblies_[order_.oldest()].expires <= now)
        drop(order_.oldest());
    const std::uint64_t hash = hash_of(core.hash, peer, key);
    std::uint32_t found = index_.find(hash, [&](std::uint32_t n) {
        return assemblies_[n].key == key && assemblies_[n].peer == peer;
    });
    const auto give_up = [&](Outcome outcome) {
        if (found != nowhere) drop(found);
        ++(outcome == Outcome::too_large ? core.stats.bodies_refused
                                         : core.stats.bodies_incomplete);
        return Taken{outcome, {}};
    };
    const Settings& settings = core.settings;
    const std::size_t limit = std::min(settings.body_octets_max, settings.assembly_octets_max);
    const std::size_t announced = message.options.uint(OptionNumber::size1).value_or(0);
    if (std::max(announced, block.offset() + message.payload.size()) > limit)
        return give_up(Outcome::too_large);
    // "the block size implied by SZX MUST match the size of the payload in bytes, if the M bit is
    // set" [RFC 7959 §2.3]
    if (!block.may_hold(message.payload.size())) return give_up(Outcome::incomplete);

    const auto format = message.options.uint(OptionNumber::content_format);
    if (block.number == 0) {
        if (settings.assemblies_max == 0) return give_up(Outcome::too_large);
        if (found == nowhere) {
            if (assemblies_.size() >= settings.assemblies_max) {
                ++core.stats.assemblies_evicted;
                drop(order_.oldest());
            }
            Assembly fresh;
            fresh.peer = peer;
            fresh.key = key;
            fresh.hash = hash;
            found = assemblies_.add(std::move(fresh));
            index_.insert(hash, found);
        }
        octets_ -= assemblies_[found].body.size();
        assemblies_[found].body.clear();
        assemblies_[found].content_format = format;
    }
    // Blocks out of sequence, of a body that was forgotten, or of another format.
    // [RFC 7959 §2.5, §2.9.2]
    if (found == nowhere || assemblies_[found].body.size() != block.offset() ||
        assemblies_[found].content_format != format)
        return give_up(Outcome::incomplete);
    order_.touch(found);
    octets_ += message.payload.size();
    while (octets_ > settings.assembly_octets_max && order_.oldest() != found) {
        ++core.stats.assemblies_evicted;
        drop(order_.oldest());
    }
    Assembly& assembly = assemblies_[found];
    assembly.expires = after(now, settings.exchange_lifetime());
    assembly.body.insert(assembly.body.end(), message.payload.begin(), message.payload.end());
    if (block.more) return {Outcome::go_on, {}};
    return {Outcome::complete, drop(found).body};
}

Assemblies::Assembly Assemblies::drop(std::uint32_t at) {
    order_.remove(at);
    Assembly assembly = assemblies_.take(at);
    index_.erase(assembly.hash, at);
    octets_ -= assembly.body.size();
    return assembly;
}

void Assemblies::closed(const ChannelClosed& gone) {
    for (std::uint32_t at = 0; at < assemblies_.bound(); ++at)
        if (is_behind(assemblies_[at].peer, gone)) drop(at);
}

// ---- response bodies ---------------------------------------------------------------------------

std::uint32_t Transfers::locate(std::uint64_t hash, const Peer& peer, std::uint64_t key) const {
    return index_.find(hash, [&](std::uint32_t n) {
        return transfers_[n].key == key && transfers_[n].peer == peer;
    });
}

const Response* Transfers::find(const PeerHash& hash, Instant now, const Peer& peer,
                                std::uint64_t key) const {
    const std::uint32_t at = locate(hash_of(hash, peer, key), peer, key);
    return at != nowhere && transfers_[at].expires > now ? &transfers_[at].response : nullptr;
}

const Response& Transfers::keep(Core& core, Instant now, const Peer& peer, std::uint64_t key,
                                Response response) {
    while (order_.oldest() != nowhere && transfers_[order_.oldest()].expires <= now)
        drop(order_.oldest());
    const std::uint64_t hash = hash_of(core.hash, peer, key);
    if (const std::uint32_t same = locate(hash, peer, key); same != nowhere) drop(same);
    octets_ += response.payload.size();
    while (transfers_.size() != 0 &&
           (transfers_.size() >= std::max<std::size_t>(core.settings.transfers_max, 1) ||
            octets_ > core.settings.transfer_octets_max)) {
        ++core.stats.transfers_evicted;
        drop(order_.oldest());
    }
    const std::uint32_t at = transfers_.add(
        {peer, key, hash, after(now, core.settings.exchange_lifetime()), std::move(response)});
    index_.insert(hash, at);
    order_.touch(at);
    return transfers_[at].response;
}

Transfers::Transfer Transfers::drop(std::uint32_t at) {
    order_.remove(at);
    Transfer transfer = transfers_.take(at);
    index_.erase(transfer.hash, at);
    octets_ -= transfer.response.payload.size();
    return transfer;
}

void Transfers::closed(const ChannelClosed& gone) {
    for (std::uint32_t at = 0; at < transfers_.bound(); ++at)
        if (is_behind(transfers_[at].peer, gone)) drop(at);
}

bool put_block(const Response& response, Block block, std::size_t octets, Message& message) {
    const Octets& body = response.payload;
    const std::size_t offset = block.offset();
    if (block.number != 0 && offset >= body.size()) return false;
    const std::size_t size = std::min(octets, body.size() - offset);
    block.more = offset + size < body.size();
    message.options.set_uint(OptionNumber::block2, block.to_uint());
    if (block.number == 0)
        message.options.set_uint(OptionNumber::size2, static_cast<std::uint32_t>(body.size()));
    const auto from = body.begin() + static_cast<std::ptrdiff_t>(offset);
    message.payload.assign(from, from + static_cast<std::ptrdiff_t>(size));
    return true;
}

}  // namespace causeway::coap
