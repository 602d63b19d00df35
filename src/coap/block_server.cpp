#include "coap/block_server.hpp"

#include <algorithm>

namespace causeway::coap {

// ---- request bodies ----------------------------------------------------------------------------

Assemblies::Taken Assemblies::take(Core& core, Instant now, const Peer& peer, std::uint64_t key,
                                   const Block& block, const Message& message) {
    std::erase_if(assemblies_, [&](const Assembly& a) { return a.expires <= now; });
    auto found = std::ranges::find_if(
        assemblies_, [&](const Assembly& a) { return a.key == key && a.peer == peer; });
    const auto give_up = [&](Outcome outcome) {
        if (found != assemblies_.end()) assemblies_.erase(found);
        ++(outcome == Outcome::too_large ? core.stats.bodies_refused
                                         : core.stats.bodies_incomplete);
        return Taken{outcome, {}};
    };
    const std::size_t limit = core.settings.body_octets_max;
    const std::size_t announced = message.options.uint(OptionNumber::size1).value_or(0);
    if (std::max(announced, block.offset() + message.payload.size()) > limit)
        return give_up(Outcome::too_large);
    // "the block size implied by SZX MUST match the size of the payload in bytes, if the M bit is
    // set" [RFC 7959 §2.3]
    if (block.more && message.payload.size() != block.size()) return give_up(Outcome::incomplete);

    const auto format = message.options.uint(OptionNumber::content_format);
    const Instant expires = after(now, core.settings.exchange_lifetime());
    if (block.number == 0) {
        if (core.settings.assemblies_max == 0) return give_up(Outcome::too_large);
        if (found == assemblies_.end()) {
            if (assemblies_.size() >= core.settings.assemblies_max) {
                ++core.stats.assemblies_evicted;
                assemblies_.erase(std::ranges::min_element(assemblies_, {}, &Assembly::expires));
            }
            found = assemblies_.insert(assemblies_.end(), Assembly{peer, key, expires, format, {}});
        }
        found->body.clear();
        found->content_format = format;
    }
    // Blocks out of sequence, of a body that was forgotten, or of another format.
    // [RFC 7959 §2.5, §2.9.2]
    if (found == assemblies_.end() || found->body.size() != block.offset() ||
        found->content_format != format)
        return give_up(Outcome::incomplete);
    found->expires = expires;
    found->body.insert(found->body.end(), message.payload.begin(), message.payload.end());
    if (block.more) return {Outcome::go_on, {}};
    Taken taken{Outcome::complete, std::move(found->body)};
    assemblies_.erase(found);
    return taken;
}

// ---- response bodies ---------------------------------------------------------------------------

const Transfers::Transfer* Transfers::find(Instant now, const Peer& peer,
                                           std::uint64_t key) const noexcept {
    for (const Transfer& transfer : transfers_)
        if (transfer.key == key && transfer.peer == peer && transfer.expires > now)
            return &transfer;
    return nullptr;
}

const Transfers::Transfer& Transfers::keep(Core& core, Instant now, const Peer& peer,
                                           std::uint64_t key, Response response) {
    const Instant expires = after(now, core.settings.exchange_lifetime());
    Transfer fresh{peer, key, expires, std::move(response)};
    for (Transfer& transfer : transfers_)
        if (transfer.key == key && transfer.peer == peer) return transfer = std::move(fresh);
    if (transfers_.size() < std::max<std::size_t>(core.settings.transfers_max, 1))
        return transfers_.emplace_back(std::move(fresh));
    Transfer& oldest = *std::ranges::min_element(transfers_, {}, &Transfer::expires);
    if (oldest.expires > now) ++core.stats.transfers_evicted;
    return oldest = std::move(fresh);
}

void Transfers::forget(const Peer& peer, std::uint64_t key) {
    std::erase_if(transfers_, [&](const Transfer& t) { return t.key == key && t.peer == peer; });
}

bool put_block(const Response& response, Block block, Message& message) {
    const Octets& body = response.payload;
    const std::size_t offset = block.offset();
    if (block.number != 0 && offset >= body.size()) return false;
    const std::size_t size = std::min(block.size(), body.size() - offset);
    block.more = offset + size < body.size();
    message.options.set_uint(OptionNumber::block2, block.to_uint());
    if (block.number == 0)
        message.options.set_uint(OptionNumber::size2, static_cast<std::uint32_t>(body.size()));
    const auto from = body.begin() + static_cast<std::ptrdiff_t>(offset);
    message.payload.assign(from, from + static_cast<std::ptrdiff_t>(size));
    return true;
}

}  // namespace causeway::coap
