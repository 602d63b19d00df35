#include "coap/freshness.hpp"

#include <bit>

namespace causeway::coap {
namespace {

constexpr Duration unit = std::chrono::seconds(16);  // of the time that a value tells

std::uint64_t units_of(Instant now) noexcept {
    return static_cast<std::uint64_t>(now.time_since_epoch() / unit);
}

struct SipHash {
    std::uint64_t v0, v1, v2, v3;

    SipHash(std::uint64_t k0, std::uint64_t k1) noexcept
        : v0(k0 ^ 0x736f6d6570736575u),
          v1(k1 ^ 0x646f72616e646f6du),
          v2(k0 ^ 0x6c7967656e657261u),
          v3(k1 ^ 0x7465646279746573u) {}

    void round() noexcept {
        v0 += v1;
        v2 += v3;
        v1 = std::rotl(v1, 13) ^ v0;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 = std::rotl(v0, 32);
        v2 += v1;
        v0 += v3;
        v1 = std::rotl(v1, 17) ^ v2;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 = std::rotl(v2, 32);
    }
    void word(std::uint64_t m) noexcept {
        v3 ^= m;
        round();
        round();
        v0 ^= m;
    }
    std::uint64_t end(std::size_t octets) noexcept {
        word(std::uint64_t{octets & 0xff} << 56);
        v2 ^= 0xff;
        for (int i = 0; i < 4; ++i) round();
        return v0 ^ v1 ^ v2 ^ v3;
    }
};

}  // namespace

Freshness::Echo Freshness::echo_of(std::uint64_t time, const Peer& peer) const noexcept {
    SipHash mac(key_[0], key_[1]);
    ByteReader address(peer.address);
    mac.word(address.be64());
    mac.word(address.be64());
    mac.word(std::uint64_t{peer.channel} << 32 | std::uint64_t{peer.port} << 8 |
             std::to_underlying(peer.transport));
    mac.word(time);
    std::array<std::byte, 8> value{};
    ByteWriter out(value);
    out.be64(mac.end(32));
    value[0] = std::byte(time & 0xff);
    return Echo(value);
}

Freshness::Echo Freshness::echo_for(Instant now, const Peer& peer) const noexcept {
    return echo_of(units_of(now), peer);
}

bool Freshness::is_fresh(Instant now, const Peer& peer, Bytes value) const noexcept {
    if (value.size() != Echo::capacity) return false;
    const std::uint64_t current = units_of(now);
    const std::uint64_t age = (current - std::to_integer<std::uint64_t>(value[0])) & 0xff;
    if (age > static_cast<std::uint64_t>(window / unit) || age > current) return false;
    const Echo expected = echo_of(current - age, peer);
    std::byte difference{0};  // all of it is looked at, wherever they differ
    for (std::size_t i = 0; i < value.size(); ++i) difference |= value[i] ^ expected[i];
    return difference == std::byte{0};
}

std::uint32_t Freshness::locate(const PeerHash& hash, const Peer& peer) const {
    return index_.find(hash(peer),
                       [&](std::uint32_t n) { return same_endpoint(sources_[n].peer, peer); });
}

bool Freshness::is_verified(const PeerHash& hash, Instant now, const Peer& peer) const {
    // Nobody outside can send from there: the host's own stack sees to it.
    if (peer.is_loopback()) return true;
    const std::uint32_t at = locate(hash, peer);
    return at != nowhere && sources_[at].expires > now;
}

bool Freshness::verified(const PeerHash& hash, Instant now, const Peer& peer,
                         const Settings& settings) {
    if (settings.verified_max == 0) return true;
    std::uint32_t at = locate(hash, peer);
    bool evicted = false;
    if (at == nowhere) {
        if (sources_.size() >= settings.verified_max) {
            const std::uint32_t oldest = order_.oldest();
            order_.remove(oldest);
            const Source gone = sources_.take(oldest);
            index_.erase(gone.hash, oldest);
            evicted = gone.expires > now;
        }
        at = sources_.add({peer.outer(), hash(peer), {}});
        index_.insert(sources_[at].hash, at);
    }
    sources_[at].expires = after(now, settings.verified_for);
    order_.touch(at);
    return evicted;
}

}  // namespace causeway::coap
