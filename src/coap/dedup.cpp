#include "coap/dedup.hpp"

namespace causeway::coap {
namespace {

/// A reply up to this long leaves its storage to the next.
constexpr std::size_t kept_capacity = 128;

}  // namespace

std::uint32_t Deduplicator::locate(std::uint64_t key, Instant now, const Peer& peer,
                                   std::uint16_t id) const {
    if (!table_) return nowhere;
    return table_->index.find(key, [&](std::uint32_t serial) {
        const Entry& entry = table_->at(serial);
        return entry.id == id && same_endpoint(entry.peer, peer) && entry.expires > now;
    });
}

Deduplicator::Admitted Deduplicator::admit(const PeerHash& hash, Instant now, const Peer& peer,
                                           std::uint16_t id, const Settings& settings) {
    if (settings.deduplications_max == 0) return {nullptr, 1};
    const std::uint64_t of_peer = hash(peer);
    const std::uint64_t key = hash.joined(of_peer, id);
    if (const std::uint32_t before = locate(key, now, peer, id); before != nowhere)
        return {&table_->at(before), 0};
    if (!table_) table_ = std::make_unique<Table>();
    Table& t = *table_;
    while (t.next != t.oldest && t.at(t.oldest).expires <= now) t.forget_oldest(hash);
    std::size_t evicted = 0;
    while (t.next - t.oldest >= settings.deduplications_max ||
           (t.next != t.oldest && t.reply_octets > settings.deduplication_octets_max)) {
        t.forget_oldest(hash);
        ++evicted;
    }
    if (t.next - t.oldest == t.ring.size()) t.grow();
    const std::uint32_t serial = t.next++;
    Entry& entry = t.at(serial);
    entry.peer = peer;
    entry.id = id;
    entry.hash = key;
    entry.expires = after(now, settings.exchange_lifetime());
    t.index.insert(entry.hash, serial);
    if (peer.transport == Transport::udp) return {nullptr, evicted};
    const std::uint32_t newest =
        t.newest.find(of_peer, [&](std::uint32_t n) { return same_endpoint(t.at(n).peer, peer); });
    entry.before = newest == nowhere ? serial - 0x80000000u : newest;  // never one that is here
    if (newest != nowhere) t.newest.erase(of_peer, newest);
    t.newest.insert(of_peer, serial);
    return {nullptr, evicted};
}

void Deduplicator::Table::forget_oldest(const PeerHash& hash) {
    const std::uint32_t serial = oldest++;
    Entry& entry = at(serial);
    index.erase(entry.hash, serial);
    if (entry.peer.transport != Transport::udp) newest.erase(hash(entry.peer), serial);
    reply_octets -= entry.reply.size();
    if (entry.reply.capacity() > kept_capacity) entry.reply = Octets();
    entry.reply.clear();
}

void Deduplicator::Table::grow() {
    std::vector<Entry> wider(std::max<std::size_t>(ring.size() * 2, 4));
    for (std::uint32_t serial = oldest; serial != next; ++serial)
        wider[serial & (wider.size() - 1)] = std::move(at(serial));
    ring = std::move(wider);
}

void Deduplicator::set_reply(const PeerHash& hash, Instant now, const Peer& peer, std::uint16_t id,
                             Bytes reply) {
    const std::uint32_t serial = locate(hash.joined(hash(peer), id), now, peer, id);
    if (serial == nowhere) return;
    Octets& kept = table_->at(serial).reply;
    table_->reply_octets -= kept.size();
    kept.assign(reply.begin(), reply.end());
    table_->reply_octets += kept.size();
}

void Deduplicator::closed(const PeerHash& hash, const ChannelClosed& gone) {
    if (!table_) return;
    const std::uint64_t of_peer = hash.channel(gone.transport, gone.channel);
    for (;;) {
        std::uint32_t serial = table_->newest.find(
            of_peer, [&](std::uint32_t n) { return is_behind(table_->at(n).peer, gone); });
        if (serial == nowhere) return;
        table_->newest.erase(of_peer, serial);
        for (; table_->holds(serial); serial = table_->at(serial).before) {
            Entry& entry = table_->at(serial);
            entry.expires = Instant{};  // its place falls vacant in its turn
            table_->reply_octets -= entry.reply.size();
            entry.reply = Octets();
        }
    }
}

}  // namespace causeway::coap
